"""``lockstep readings``"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep.shell import Json, Memory, Timeout, Workers, bounds_of, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.sweep import Conflict, Searched, Share, Swept
    from model.readings import Reading

EPILOG = examples("lockstep readings", "lockstep readings teardown", "lockstep readings teardown --sweep del_trigger,passive_del,B:expiry",
                  "lockstep readings opening --sweep listener_rule,check_at --bound losses=1 --preset repaired")
SHOWN = 12  # sets of readings a claim


def readings(
    slice_: Annotated[str | None, typer.Argument(metavar="SLICE", help="The slice to search; a list of all readings if none is "
                                                 "given.")] = None,
    sweep: Annotated[list[str] | None, typer.Option(metavar="READING,...", help="What to vary: KEY at each end by itself, A:KEY at one, "
                                                    "KEY=VALUE/VALUE these values only. If not given: readings that decide the "
                                                    "slice's claims.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="Change a reading of the preset that is not varied.")] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Where the readings that are not varied come from: draft or "
                                        "repaired.")] = "draft",
    property_: Annotated[list[str] | None, typer.Option("--property", metavar="NAME",
                                                       help="Judge this claim only; may be repeated.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound. A sweep's are smaller than the "
                                                    "slice's, and printed.")] = None,
    workers: Workers = None,
    memory: Memory = 2.0,
    timeout: Timeout = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the witnesses, and for the file that keeps what was "
                                      "searched.")] = Path("out"),
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep what was searched in this file, and go on from what it "
                                                "holds; a file of this very sweep in --out if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from what was searched before; begin the file anew.")] = False,
    all_traces: Annotated[bool, typer.Option("--all-traces", help="Write the witness of every violation, not only of each smallest "
                                             "set and the shortest of each cell.")] = False,
    as_json: Json = False,
) -> None:
    """Which readings break which claims?

    Every combination of some readings is searched, peers that read the text differently included. For each claim: how often it breaks,
    a shortest witness for each value of a reading, and the smallest sets of readings that suffice for that, whatever the others varied
    are. Without --sweep each slice has readings that decide its claims, and bounds, so that it takes a minute or two on two cores.

    Exit status: 0 every claim was judged under every combination, whether it breaks or not; 2 bad input; 3 interrupted, a search was
    stopped, or a claim was not put to the test; 4 engines disagree. After Ctrl-C the same command goes on where it was.
    """
    import os

    with one_line_errors():
        from lockstep.api import check_folder, check_limits
        from lockstep.cells import Kept
        from lockstep.choice import UsageError
        from lockstep.jobs import Limits
        from lockstep.screen import Counting
        from lockstep.sweep import Swept, digest, exit_status, plan, possible, search_all

        if slice_ is None:
            if sweep or reading or property_ or bound:
                raise UsageError("readings: name the slice to search, such as: lockstep readings teardown --sweep bind")
            _list(as_json)
            return
        check_limits(Limits(memory, timeout), workers)
        check_folder("out", out)
        asked = plan(slice_, [one for text in sweep or () for one in text.split(",")], preset=preset, texts=reading or (),
                     properties=property_ or (), bounds=bounds_of(bound or []), limits=Limits(memory, timeout))
        used, begun = workers or os.cpu_count() or 1, monotonic()
        stopped: list[Searched] = []
        with Kept(resume or out / f"readings-{slice_}-{digest(asked)}.jsonl", asked, fresh) as kept, \
                Counting("combinations", int(possible(asked).sum()), len(kept.known), as_json) as watching:
            before = len(kept.known)
            for one in search_all(asked, kept.known, used):
                kept.add(one)
                stopped += [one] if one.why else []
                watching.found()
            swept = Swept(asked, (*kept.known.values(), *stopped))
        figures = _figures(swept, before, monotonic() - begun, used)
        files = _write(swept, out, all_traces)
        with reader_may_go():
            if as_json:
                print_json(_document(swept, figures, files, out))
            else:
                _print(swept, figures, files, out)
        raise typer.Exit(exit_status(swept))


def _list(as_json: bool) -> None:
    from lockstep.choice import catalogue
    from lockstep.screen import print_columns

    listed = catalogue()
    if as_json:
        print_json(listed)
    else:
        print_columns(tuple(listed[0]), [tuple(one.values()) for one in listed])


def _figures(swept: Swept, before: int, seconds: float, workers: int) -> dict[str, Any]:
    """Counts; the seconds are of this call, those of the searches added up of all that was searched, by whatever call."""
    found = swept.by_number.values()
    return {"combinations": len(swept.by_number), "searched_before": before, "missing": swept.missing,
            "impossible": int((~swept.possible).sum()), "states": sum(one.states for one in found),
            "transitions": sum(one.transitions for one in found), "search_seconds": round(sum(one.seconds for one in found), 3),
            "seconds": round(seconds, 3), "workers": workers}


# -- witnesses ----------------------------------------------------------------------------------------------------------------------------


Files = dict[tuple[str, int], str]  # of the witness of a claim under the combination with this number


def _write(swept: Swept, out: Path, every: bool) -> Files:
    """The witness of each smallest set, or of every violation; says how many those are before it writes them. The shortest of each cell is
    written under the cell's own name besides."""
    from lockstep.sweep import shares, witness
    from properties.registry import VIOLATED
    from traces.files import to_text, write

    claims = swept.sweep.job.properties
    if every:
        wanted = [(claim, one) for claim in claims for one, cell in swept.cells(claim) if cell.verdict == VIOLATED]
    else:
        wanted = list({(claim, one.shown.number): (claim, one.shown) for claim in claims for one in swept.conflicts(claim)}.values())
    files, texts = {}, {}
    for number, (claim, one) in enumerate(wanted):
        text = texts[claim, one.number] = to_text(witness(swept.sweep, one, claim))
        if every and not number:
            size = len(wanted) * len(text.encode()) / 1e6
            print(f"lockstep: writing {len(wanted):,} witnesses, {size:,.0f} MB if all are as large as the first", file=sys.stderr)
        path = out / f"readings-{swept.sweep.job.slice}-{claim}-{one.number}.json"
        write(path, text)
        files[claim, one.number] = str(path)
    for cell in (cell for claim in claims for cell in shares(swept, claim).values()):
        if cell.shown is not None:
            key = cell.claim, cell.shown.number
            texts[key] = texts.get(key) or to_text(witness(swept.sweep, cell.shown, cell.claim))
            write(_cell_file(swept, out, cell), texts[key])
    return files


def _cell_file(swept: Swept, out: Path, cell: Share) -> Path:
    """Where the shortest witness of a cell is: readings-SLICE/CLAIM/A.KEY=VALUE.json."""
    return out / f"readings-{swept.sweep.job.slice}" / cell.claim / f"{cell.reading.replace(':', '.')}={cell.value}.json"


# -- JSON ---------------------------------------------------------------------------------------------------------------------------------


def _document(swept: Swept, figures: dict[str, Any], files: Files, out: Path) -> dict[str, Any]:
    from lockstep import __version__

    sweep = swept.sweep
    return {
        "slice": sweep.job.slice, "preset": sweep.job.preset, "readings": dict(sweep.job.overrides), "bounds": dict(sweep.job.bounds),
        "swept": [{"reading": axis.name, "values": list(axis.values), "source": axis.source} for axis in sweep.axes],
        "complete": not (swept.missing or swept.stopped), "not_judged": _not_judged(swept),
        "claims": {claim: _claim(swept, claim, files, out) for claim in sweep.job.properties},
        "cells": [_cells(swept, one, files) for one in swept.by_number.values()], "figures": figures, "version": __version__}


def _claim(swept: Swept, claim: str, files: Files, out: Path) -> dict[str, Any]:
    from lockstep.sweep import shares
    from properties.registry import HOLDS, UNDECIDED, VIOLATED

    counts = {verdict: int(swept.where(claim, verdict).sum()) for verdict in (VIOLATED, HOLDS, UNDECIDED)}
    conflicts = None if swept.missing else [
        {"readings": dict(one.readings), "sources": _sources(one), "combinations": one.combinations, "length": _length(swept, one, claim),
         "trace": files[claim, one.shown.number]} for one in swept.conflicts(claim)]
    by_value = [{"reading": cell.reading, "value": cell.value, "searched": cell.searched, "violated": cell.violated,
                 "untested": cell.untested, "length": cell.length,
                 "trace": None if cell.shown is None else str(_cell_file(swept, out, cell))} for cell in shares(swept, claim).values()]
    return {**counts, "untested": int(swept.untested(claim).sum()), "by_value": by_value, "conflicts": conflicts,
            "holds_where": None if swept.missing else swept.guarantees(claim),
            "untested_where": None if swept.missing else swept.sets(swept.untested(claim))}


def _not_judged(swept: Swept) -> list[str]:
    """Claims that were left out because these bounds do not put them to the test."""
    from lockstep.sweep import DEFAULT
    from model.slices import bounds_of

    job, default = swept.sweep.job, DEFAULT[swept.sweep.job.slice]
    judged_all = dict(job.bounds) != bounds_of(job.slice, default.bounds) or not set(default.without).isdisjoint(job.properties)
    return [] if judged_all else list(default.without)


def _sources(one: Conflict) -> dict[str, str]:
    """Where the text leaves each of the readings open."""
    return {name: _reading(name).source for name in one.readings}


def _reading(name: str) -> Reading:
    from model.readings import READINGS

    return READINGS[name.rpartition(":")[2]]


def _length(swept: Swept, one: Conflict, claim: str) -> int | None:
    return one.shown.cells[swept.sweep.job.properties.index(claim)].length


def _cells(swept: Swept, one: Searched, files: Files) -> dict[str, Any]:
    from properties.registry import HOLDS, UNDECIDED

    named = dict(zip(swept.sweep.job.properties, one.cells, strict=True))
    return {"readings": swept.sweep.combination(one.number), "states": one.states, "transitions": one.transitions, "depth": one.depth,
            "violated": {claim: cell.length for claim, cell in named.items() if cell.length is not None},
            "holds": [claim for claim, cell in named.items() if cell.verdict == HOLDS],
            "undecided": {claim: cell.reason for claim, cell in named.items() if cell.verdict == UNDECIDED},
            "traces": {claim: files[claim, one.number] for claim in named if (claim, one.number) in files}}


# -- text ---------------------------------------------------------------------------------------------------------------------------------


def _print(swept: Swept, figures: dict[str, Any], files: Files, out: Path) -> None:
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=200)
    sweep = swept.sweep
    changed = "".join(f" {name}={value}" for name, value in sweep.job.overrides.items())
    print(f"{sweep.job.slice}, {sweep.job.preset}{changed}; bounds: "
          f"{', '.join(f'{key} {value}' for key, value in sweep.job.bounds.items())}")
    print("each cell: in how many of the combinations with this value the claim breaks (steps of the shortest witness)")
    print(f"the shortest witness of a cell: lockstep show {out / f'readings-{sweep.job.slice}'}/CLAIM/END.READING=VALUE.json")
    for key in dict.fromkeys(axis.name.rpartition(":")[2] for axis in sweep.axes):
        print(f"\n{key}: {_reading(key).about} ({_reading(key).source})")
        console.print(_matrix(swept, key))
    for claim in sweep.job.properties:
        print()
        for line in _about(swept, claim, files):
            print(line)
    print()
    for line in _end(swept, figures):
        print(line)


def _matrix(swept: Swept, key: str) -> Any:
    """One reading: claims by values at each end."""
    from rich.table import Table
    from rich.text import Text

    from lockstep.sweep import shares

    rows = {claim: [one for one in shares(swept, claim).values() if one.reading.rpartition(":")[2] == key]
            for claim in swept.sweep.job.properties}
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for one in next(iter(rows.values())):
        heads = filter(None, (one.reading.rpartition(":")[0], one.value, f"of {one.searched:,}"))
        table.add_column("\n".join(heads), justify="right", overflow="fold")
    for claim, cells in rows.items():
        table.add_row(claim, *(Text(_share(one), style="red" if one.violated else "yellow" if one.untested else "") for one in cells))
    return table


def _share(one: Share) -> str:
    if one.searched and one.untested == one.searched:
        return "not tested"
    return f"{one.violated:,}" + ("" if one.length is None else f" ({one.length})")


def _about(swept: Swept, claim: str, files: Files) -> Iterator[str]:
    """A claim: how often it breaks, and what suffices for that."""
    from properties.registry import HOLDS, UNDECIDED, VIOLATED

    count = {verdict: int(swept.where(claim, verdict).sum()) for verdict in (VIOLATED, HOLDS, UNDECIDED)}
    untested = int(swept.untested(claim).sum())
    parts = [f"{word} in {number:,}" for word, number in ((VIOLATED, count[VIOLATED]), (HOLDS, count[HOLDS]),
                                                          ("not put to the test", untested),
                                                          (UNDECIDED, count[UNDECIDED] - untested)) if number]
    yield f"{claim}: {', '.join(parts) or 'nothing known'}"
    conflicts = swept.conflicts(claim)
    if conflicts and not conflicts[0].readings:
        yield f"  whatever these readings are, it breaks{_witness(swept, conflicts[0], claim, files)}"
        return
    if conflicts:
        exactly = "exactly" if not swept.stopped else "at least"
        sets = "this set of readings is" if len(conflicts) == 1 else f"one of these {len(conflicts)} sets of readings is"
        yield f"  it breaks {exactly} where {sets} chosen, whatever the rest:"
    for one in conflicts[:SHOWN]:
        yield f"  {_said(one.readings)}  in {one.combinations:,}{_witness(swept, one, claim, files)}"
        sources = dict.fromkeys(f"{name.rpartition(':')[2]}: {source}" for name, source in _sources(one).items())
        yield f"      {'; '.join(sources)}"
    if len(conflicts) > SHOWN:
        yield f"  and {len(conflicts) - SHOWN} more; --json names all"


def _said(readings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in readings.items())


def _witness(swept: Swept, one: Conflict, claim: str, files: Files) -> str:
    return f" ({_length(swept, one, claim)}): lockstep show {files[claim, one.shown.number]}"


def _end(swept: Swept, figures: dict[str, Any]) -> Iterator[str]:
    before = f" ({figures['searched_before']:,} of them before)" if figures["searched_before"] else ""
    rate = figures["states"] / max(figures["search_seconds"], 1e-3)
    yield (f"{figures['combinations']:,} combinations{before}, {figures['states']:,} states, {figures['transitions']:,} transitions, "
           f"{rate:,.0f} states/s a worker, {figures['seconds']:.1f} s, {figures['workers']} workers")
    if figures["impossible"]:
        yield f"{figures['impossible']:,} combinations left out: {', '.join(_impossible(swept))}"
    if _not_judged(swept):
        yield f"not judged, for nothing within these bounds puts them to the test: {', '.join(_not_judged(swept))}"
    for claim in swept.sweep.job.properties:
        untested = int(swept.untested(claim).sum())
        if untested:
            where = [_said(one) for one in swept.sets(swept.untested(claim)) if one]
            yield (f"undecided: {claim}: not put to the test in {untested:,} combinations"
                   + (f", where {' or '.join(where[:SHOWN])}{' or ...' if where[SHOWN:] else ''}" if where else ""))
    for one in swept.stopped[:SHOWN]:
        yield f"undecided: {_said(swept.sweep.combination(one.number))}: {one.why}"
    if len(swept.stopped) > SHOWN:
        yield f"undecided: {len(swept.stopped) - SHOWN} more"
    if swept.missing:
        yield (f"interrupted: {swept.missing:,} combinations were not searched, so nothing is said of what suffices for a breach; the same "
               "command goes on from here")


def _impossible(swept: Swept) -> list[str]:
    """The reasons for which combinations were left out."""
    import numpy as np

    from lockstep.choice import readings
    from model.readings import impossible

    job = swept.sweep.job
    base = readings(job.preset, job.overrides)
    found = [impossible(job.slice, {**base, **swept.sweep.combination(int(number))}) for number in np.flatnonzero(~swept.possible)]
    return list(dict.fromkeys(f"{one.reason} ({one.source})" for one in found if one is not None))
