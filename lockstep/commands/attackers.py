"""``lockstep attackers``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, Memory, Timeout, Workers, bounds_of, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.attackers import Breaker, Cell

EPILOG = examples("lockstep attackers", "lockstep attackers --preset draft --protection ipsec --protection both",
                  "lockstep attackers --reading ext_gw=on --property session-outlives-attack --out out")


def attackers(
    preset: Annotated[list[str] | None, typer.Option("--preset", metavar="NAME", help="draft or repaired; both if none is given.")] = None,
    protection: Annotated[list[str] | None, typer.Option("--protection", metavar="NAME", help="none, md5, ipsec or both; all if "
                                                         "none is given.")] = None,
    property_: Annotated[list[str] | None, typer.Option("--property", metavar="NAME", help="This claim of slice attacker; the five "
                                                        "threats and accepted-is-authentic if none is given.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="Change a reading of the preset.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound of slice attacker.")] = None,
    workers: Workers = None,
    memory: Memory = 2.0,
    timeout: Timeout = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for a trace of each weakest attacker.")] = None,
    as_json: Json = False,
) -> None:
    """Name the weakest attackers that break each claim.

    For each protection, with the steps they need. A cell lists every weakest attacker: nobody with less breaks the claim, and whoever
    breaks it has at least what one of them has. 'holds': not even all capabilities together break it, within the bounds. '-': there is no
    protection to weaken.

    The slice is attacker. No other offers all that an attacker's capabilities allow, nor starts without IPsec, so that 'holds' would
    say nothing there of attackers; lockstep verify judges those slices against the attacks they offer.

    Exit status: 0, 1 a claim that the preset promises breaks where there is IPsec, 2 bad input, 3 something is
    undecided or interrupted.
    """
    import os

    with one_line_errors():
        from lockstep import attackers as engine
        from lockstep.api import check_folder, check_limits
        from lockstep.jobs import Limits
        from lockstep.screen import Watching
        from model.slices import bounds_of as slice_bounds
        from traces.files import to_text, write
        from verify.query import INTERRUPTED

        limits, bounds = Limits(memory, timeout), bounds_of(bound or [])
        check_limits(limits, workers)
        check_folder("out", out)
        cells: list[Cell] = []
        with Watching(quiet=as_json) as watching:
            watching.last = monotonic()
            for found in engine.attackers(presets=preset or (), protections=protection or (), properties=property_ or (),
                                          texts=reading or (), bounds=bounds, limits=limits, workers=workers or os.cpu_count() or 1,
                                          watch=watching.progress):
                cells += found
                if not as_json:
                    print(f"lockstep: {found[0].preset}, {found[0].protection}: {found[0].searches} attackers searched", file=sys.stderr)
                if any(one.reason == INTERRUPTED for one in found):
                    break
        paths = {}
        for cell, breaker in ((one, breaker) for one in cells for breaker in one.breakers):
            if out is not None:
                file = out / file_name(cell, breaker)
                write(file, to_text(breaker.trace))
                paths[(cell.claim, cell.preset, cell.protection, breaker.name)] = str(file)
    with reader_may_go():
        if as_json:
            print_json(engine.to_document(cells, paths))
        else:
            show(cells)
            print(f"bounds: {', '.join(f'{key} {value}' for key, value in slice_bounds(engine.SLICE, bounds).items())}; each attacker "
                  "searched to the end unless said otherwise")
            for path in paths.values():
                print(f"lockstep show {path}")
    raise typer.Exit(engine.exit_status(cells))


def file_name(cell: Cell, breaker: Breaker) -> str:
    return f"attackers-{cell.preset}-{cell.protection}-{cell.claim}-{breaker.name.replace(' + ', '-')}.json"


def show(cells: Sequence[Cell]) -> None:
    """One row a preset and claim, one column a protection."""
    from lockstep.screen import print_columns

    protections = list(dict.fromkeys(one.protection for one in cells))
    rows = [[preset, name, *(text_of(next(one for one in cells if (one.preset, one.claim, one.protection) == (preset, name, each)))
                             if any((one.preset, one.protection) == (preset, each) for one in cells) else "" for each in protections)]
            for preset, name in dict.fromkeys((one.preset, one.claim) for one in cells)]
    print_columns(("preset", "property", *protections), rows)


def text_of(cell: Cell) -> str:
    """The weakest attackers, each with the length of a shortest run of his."""
    found = ", ".join(f"{one.name} ({one.trace.length})" for one in cell.breakers)
    if cell.vacuous:
        return "-"
    if cell.reason:
        return f"undecided: {cell.reason}" + (f"; so far {found}" if found else "")
    return found or f"holds, {cell.states:,} states"
