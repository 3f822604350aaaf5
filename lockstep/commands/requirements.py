"""``lockstep requirements``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json, reader_may_go

EPILOG = examples("lockstep requirements", "lockstep requirements W-3.3-12", "lockstep requirements --section 3.4 --verdict violated",
                  "lockstep requirements --draft draft-ward-bgp-ipsec-00.txt")


def requirements(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Sentences to show in full; all in a table if none.")] = None,
    section: Annotated[str | None, typer.Option(metavar="N", help="Only sentences of this section, as 3.3.")] = None,
    verdict: Annotated[str | None, typer.Option(metavar="WORD", help="Only sentences with this verdict.")] = None,
    draft: Annotated[Path | None, typer.Option(metavar="FILE", help="Compare a copy of the draft with the ledger's digests instead, "
                                                                    "and name every sentence that differs.")] = None,
    as_json: Json = False,
) -> None:
    """The ledger: each sentence of the draft that states or implies a rule, its verdict as the text is first read, and the evidence.

    Exit status: 0; 1 with --draft where a sentence differs; 2 bad input.
    """
    from lockstep import ledger, screen
    from properties import requirements as entries

    with one_line_errors():
        if draft is not None:
            _compare(draft, as_json)
            return
        chosen = ledger.choose(ids or (), section, verdict)
        found = {name: ledger.verdict(entries.ledger()[name]) for name in chosen}
    with reader_may_go():
        if as_json:
            print_json(ledger.to_document(found))
        elif ids:
            screen.print_requirements(found)
        else:
            screen.print_ledger(found)


def _compare(draft: Path, as_json: bool) -> None:
    from lockstep.choice import UsageError
    from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED
    from properties.requirements import compared, ledger

    try:
        text = draft.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{draft}: {error.strerror}; give a copy of the draft as text") from None
    found = compared(text)
    if as_json:
        print_json({"sentences": len(ledger()), "differ": [{"id": one.requirement.id, "at": one.requirement.at, "moved": one.moved}
                                                           for one in found]})
    else:
        for one in found:
            where = "its words are nowhere in it" if one.moved is None else f"its words stand in line {one.moved}"
            print(f"{one.requirement.id}\t{one.requirement.source}\t{where}")
        print(f"{len(ledger())} sentences compared, {len(found)} differ")
    raise typer.Exit(NOT_AS_EXPECTED if found else AS_EXPECTED)
