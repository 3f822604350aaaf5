"""What docs/ledger.md says of mutants: which sentences bear a load. From the matrix that `python -m docs mutants` keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lockstep.mutation.found import BY_CLAIMS, OPEN, UNREACHED
from lockstep.mutation.matrix import results
from properties.requirements import ledger
from verify.mutants import DROP, MAY


def question(links: Callable[[Iterable[str]], str]) -> Iterable[str]:
    """Which sentences may be dropped without any claim noticing? The answer, in Markdown; `links` makes links of sentences. Raises
    UsageError where the matrix is another model's."""
    whole = {one.title: one.whole for one in results() if one.whole}

    def unnoticed(operator: str) -> list[str]:
        return [name for name, fates in whole.items() if operator in fates and fates[operator] not in (*BY_CLAIMS, UNREACHED, OPEN)]

    droppable = unnoticed(DROP)
    optional = [name for name in unnoticed(MAY) if name not in droppable]
    unreached = [name for name, fates in whole.items() if fates.get(DROP) == UNREACHED]
    left = [name for name, fates in whole.items() if OPEN in fates.values()]
    without = [name for name in ledger() if name not in whole]
    yield ("Within the small bounds of `lockstep mutate`, and under the "
           f"readings of the two presets: {links(droppable) or 'none'}. These could be a MAY without any claim noticing: "
           f"{links(optional) or 'no others'}. The rows of these do not come into play there: {links(unreached) or 'none'}. "
           + (f"Not searched to the end: {links(left)}. " if left else "")
           + f"No row that does anything cites these: {links(without) or 'none'}.")
