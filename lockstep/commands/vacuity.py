"""``lockstep vacuity``"""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, Memory, Timeout, Workers, bounds_of, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.vacuity import Findings, Follows

EPILOG = examples("lockstep vacuity teardown --bound attacks=0 --bound copies=0",
                  "lockstep vacuity restart rekey --preset draft --property no-stuck-close --all")


def vacuity(
    slices: Annotated[list[str] | None, typer.Argument(metavar="[SLICE]...", help="The slices; all with claims if none is given.")] = None,
    preset: Annotated[list[str] | None, typer.Option("--preset", metavar="NAME", help="draft or repaired; both if none is given.")] = None,
    property_: Annotated[list[str] | None, typer.Option("--property", metavar="NAME", help="This claim; all of the slices if none is "
                                                        "given.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="Change a reading of the preset.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound of the slices.")] = None,
    every: Annotated[bool, typer.Option("--all", help="List also the parts that are put to the test, with where.")] = False,
    workers: Workers = None,
    memory: Memory = 2.0,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Say which parts of the claims are never put to the test, and which claims follow from others.

    A part is a condition or a case of what breaks a claim, a case of its antecedent, or an end. A condition 'matters' where leaving it
    out would break the claim in a step that can happen; a case, where a step breaks the claim by it alone. A case is 'close' where a step
    that can happen is at most one condition short of breaking the claim by it. All others are 'never' put to the test: the claim without
    them says the same of every step, within the bounds. That is said of each part by itself.

    A claim follows from others where it breaks only when one of them breaks: 'by logic', in any step of any state; or in every run of the
    slices named, no later.

    Exit status: 0, 1 some part is never put to the test, or a claim says nothing of its own, 2 bad input, 3 a search was cut short.
    """
    import os

    with one_line_errors():
        from lockstep import vacuity as engine
        from lockstep.api import check_limits
        from lockstep.jobs import Limits
        from lockstep.screen import Watching

        limits, bounds = Limits(memory, timeout), bounds_of(bound or [])
        check_limits(limits, workers)
        with Watching(quiet=as_json) as watching:
            watching.last = monotonic()
            found = engine.vacuity(slices or (), presets=preset or (), properties=property_ or (), texts=reading or (), bounds=bounds,
                                   limits=limits, workers=workers or os.cpu_count() or 1, watch=watching.progress,
                                   rounds=None if as_json else _announce)
    with reader_may_go():
        if as_json:
            print_json(engine.to_document(found))
        else:
            show(found, every)
    raise typer.Exit(engine.exit_status(found))


def _announce(asked: str, searches: int) -> None:
    print(f"lockstep: {asked}: {searches} search{'es' * (searches != 1)}", file=sys.stderr)


def show(found: Findings, every: bool) -> None:
    """The parts, what follows from what, and how many parts of each claim there are of each kind."""
    from lockstep.screen import print_columns
    from lockstep.vacuity import CLOSE, MATTERS, NEVER, OPEN

    words = (MATTERS, CLOSE, NEVER, OPEN)
    listed = [one for one in found.parts if every or (one.word in (NEVER, OPEN) and not one.inner)]
    print_columns(("property", "part", "is", "seen", "text"),
                  [(one.claim, one.kind, one.word, one.seen.text if one.seen else "", one.text) for one in listed])
    print_columns(("property", "follows from", "how", "holds where they break"), [
        (one.claim, " or ".join(one.others), how(one), "; ".join(", ".join(where) for where in one.apart)) for one in found.follows])
    names = dict.fromkeys(one.claim for one in found.parts)
    counted = {(name, word): sum(one.claim == name and one.word == word for one in found.parts) for name in names for word in words}
    print_columns(("property", *words), [(name, *(str(counted[name, word]) for word in words)) for name in names])
    for name, slice_name, preset in found.stray:
        print(f"{name}, {slice_name}, {preset}: breaks in a step in which its antecedent is not true")
    for name in found.idle:
        print(f"{name}: says nothing of its own")
    for asked, slice_name, preset, _, why in found.searches:
        if why:
            print(f"lockstep: {asked}, {slice_name}, {preset}: not complete: {why}", file=sys.stderr)


def how(one: Follows) -> str:
    """By logic, or in which searches."""
    return "; ".join([*(["by logic"] if one.by_logic else []), *(", ".join(where) for where in one.searches)])
