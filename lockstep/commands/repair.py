"""``lockstep repair``"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep import __version__
from lockstep.shell import Json, bounds_of, one_line_errors, print_json

if TYPE_CHECKING:
    from lockstep.ablation import Ablation
    from lockstep.graceful import Cost
    from lockstep.repair import Repair, Repairs, Trying
    from model.trace import Trace

EPILOG = ("Examples:  lockstep repair opening   |   lockstep repair teardown --bound attacks=0 --bound copies=0   |   "
          "lockstep repair teardown --reading del_trigger=tcp_closed --per-end   |   lockstep repair teardown --ablation")
PLAIN_EVERY = 2.0  # seconds between lines of progress


def repair(
    slice_: Annotated[str, typer.Argument(metavar="SLICE", help="The slice to repair.")],
    preset: Annotated[str | None, typer.Option(help="The preset to start from: draft if not given; with --ablation, repaired.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="Start with this reading of the preset changed.")] = None,
    property_: Annotated[list[str] | None, typer.Option("--property", help="Keep this claim, instead of all that preset repaired "
                                                        "promises; may be repeated.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound of the slice.")] = None,
    symmetric: Annotated[bool, typer.Option("--symmetric/--per-end", help="A change counts once and is made at both ends, as in the "
                                            "text; or at one end.")] = True,
    limit: Annotated[int, typer.Option(help="How many smallest repairs are enough.")] = 10,
    ablation: Annotated[bool, typer.Option("--ablation", help="Find nothing; set each change of the preset and the readings given back to "
                                           "the draft's value, alone, and say what breaks.")] = False,
    workers: Annotated[int | None, typer.Option(help="With --ablation: processes to use.")] = None,
    memory: Annotated[float, typer.Option(help="GiB that one search may use.")] = 2.0,
    timeout: Annotated[float | None, typer.Option(help="Seconds that one search may take.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the witnesses: what breaks without each change.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Find the smallest sets of changed readings under which every claim holds, each proved by visiting every reachable state.

    No claim is weakened: what preset repaired promises has to hold, and the claims about endings that the start keeps. Smaller sets of
    changes are ruled out: each breaks a claim in a run that is known.

    Exit status: 0 repairs found, or with --ablation the searches done; 1 no combination of readings keeps the claims; 2 bad input;
    3 undecided or interrupted; 4 engines disagree.
    """
    with one_line_errors():
        import os

        from lockstep import ablation as ablations
        from lockstep import repair as repairs
        from lockstep import screen
        from lockstep.choice import UsageError, parse
        from lockstep.jobs import Limits

        if out.exists() and not out.is_dir():
            raise UsageError(f"out {out}: this is a file; give a folder for the witnesses")
        overrides, limits, bounds = parse(reading or ()), Limits(memory, timeout), bounds_of(bound or [])
        if ablation:
            with screen.Watching(quiet=as_json) as watching:
                done = ablations.ablation(slice_, preset or repairs.PROMISING, overrides, property_ or (), bounds, limits=limits,
                                          workers=(os.cpu_count() or 1) if workers is None else workers, progress=watching.progress,
                                          started=watching.started)
            document, lines, status = _of_ablation(done, out)
        else:
            with _Watching(quiet=as_json) as seen:
                found = repairs.repairs(slice_, preset or ablations.DRAFT, overrides, property_ or (), bounds, limits=limits,
                                        progress=seen.progress, symmetric=symmetric, limit=limit)
            document, lines, status = _of_repairs(found, out)
        if as_json:
            print_json(document)
        else:
            for line in lines:
                print(line)
        raise typer.Exit(status)


class _Watching:
    """Progress on standard error: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console

        console = Console(stderr=True)
        self.status = console.status("the base") if console.is_terminal and not quiet else None
        self.quiet, self.last = quiet, monotonic()

    def __enter__(self) -> _Watching:
        if self.status is not None:
            self.status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.status is not None:
            self.status.stop()

    def progress(self, trying: Trying) -> None:
        states = f", {trying.search.states:,} states" if trying.search is not None else ""
        text = (f"{trying.candidates} candidates, {trying.conflicts} conflicts, at least {_changes(trying.at_least)}, "
                f"{trying.found} repairs; bounds {' '.join(map(str, trying.bounds.values()))}{states}")
        if self.status is not None:
            self.status.update(text)
        elif not self.quiet and monotonic() - self.last >= PLAIN_EVERY:
            self.last = monotonic()
            print(f"lockstep: repair: {text}", file=sys.stderr)


# Repairs --------------------------------------------------------------------------------------------------------------------------------

def _of_repairs(found: Repairs, out: Path) -> tuple[dict[str, Any], list[str], int]:
    """As a document, as lines, and the exit status; the witnesses are written."""
    from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED

    files = [{need.change: _write(out, need.trace, f"{number}-without-{need.change}") for need in one.needs}
             for number, one in enumerate(found.found, 1)]
    document = {key: value for key, value in asdict(replace(found, found=())).items() if key != "found"}
    document["version"] = __version__
    document["repairs"] = [{**{key: value for key, value in asdict(replace(one, needs=())).items() if key != "needs"},
                            "needs": [{"change": need.change, "property": need.trace.property, "length": need.trace.length,
                                       "trace": written[need.change]} for need in one.needs]}
                           for one, written in zip(found.found, files, strict=True)]
    lines = list(_head(found))
    for number, (one, written) in enumerate(zip(found.found, files, strict=True), 1):
        lines += ["", *_repair(number, one, found, written)]
    bad_end = found.undecided or (found.why and not found.found)
    none = found.complete and not found.found
    status = NOT_AS_EXPECTED if none else NOT_DECIDED if bad_end or _interrupted(found) else AS_EXPECTED
    return document, [*lines, *_end(found)], status


def _interrupted(found: Repairs) -> bool:
    from verify.query import INTERRUPTED

    return found.why == INTERRUPTED


def _head(found: Repairs) -> Iterator[str]:
    changed = "".join(f" {name}={value}" for name, value in _by_key(found.overrides))
    yield f"{found.slice}, {found.preset}{changed}; bounds: {', '.join(f'{key} {value}' for key, value in found.bounds.items())}"
    yield f"to keep: {', '.join(found.wanted) or 'not known yet'}"
    if found.untested:
        yield f"  not put to the test within these bounds: {', '.join(found.untested)}"
    for name, length in found.endings.items():
        yield f"  not asked for, and the start breaks it: {name} ({_steps(length)})"
    yield f"close without faults, at the start: {_cost(found.base_cost, None)}"


def _repair(number: int, one: Repair, found: Repairs, files: Mapping[str, str]) -> Iterator[str]:
    yield f"repair {number}: {_changes(one.size)}; no claim breaks in any of {one.states:,} states, {one.transitions:,} transitions"
    changed = _by_key(one.changes) if found.symmetric else list(one.changes.items())
    width = max((len(f"{name}={value}") for name, value in changed), default=0)
    for name, value in changed:
        need = next((need for need in one.needs if need.change == name), None)
        why = f"without it: {need.trace.property} breaks in {_steps(need.trace.length)}, {files[name]}" if need else ""
        yield f"  {f'{name}={value}':<{width}}  {why}".rstrip()
    for name, length in one.endings.items():
        yield f"  {name}: " + ("no longer broken" if length is None else f"still broken ({_steps(length)})")
    yield f"  close without faults: {_cost(one.cost, found.base_cost)}"


def _end(found: Repairs) -> Iterator[str]:
    yield ""
    alike = "of readings that both ends share " if found.symmetric else "of readings "
    for name in found.impossible:
        yield f"{name}: no combination {alike}satisfies it"
    if found.nothing and not found.impossible:
        yield f"no combination {alike}satisfies all of these claims together; ask for one at a time with --property"
    elif found.complete and not found.found and not found.nothing:
        yield f"no combination {alike}is a repair"
    elif not found.nothing:
        whole = "no repair was found" if not found.found else "these are all" if found.complete else "there may be others of this size"
        yield f"no repair has fewer than {_changes(found.at_least)}; {whole}" if found.at_least else whole
    for changes, why in found.undecided:
        yield f"undecided: {' '.join(f'{name}={value}' for name, value in changes.items()) or 'no change'}: {why}"
    if found.vacuous:
        yield f"turned down: {found.vacuous} candidates that keep a claim only because what it speaks of never happens under them"
    if found.why:
        yield f"stopped: {found.why}"
    yield f"{found.candidates} candidates, {found.conflicts} conflicts"


def _cost(one: Cost | None, base: Cost | None) -> str:
    if one is None:
        return "none is reached from where the slice starts"
    more = f" ({one.messages - base.messages:+d})" if base is not None else ""
    how = "" if one.graceful else ", which ends by user timeout only"
    return (f"{one.messages} messages{more} in {_steps(one.steps)}{how}; an SA is there after {one.held} of them, {one.left} halves of one "
            "at the end")


# Ablation -------------------------------------------------------------------------------------------------------------------------------

def _of_ablation(done: Ablation, out: Path) -> tuple[dict[str, Any], list[str], int]:
    from lockstep.report import AS_EXPECTED, NOT_DECIDED

    document: dict[str, Any] = {**asdict(replace(done, rows=())), "version": __version__, "rows": []}
    lines: list[str] = []
    cells = [("rule", "without", "breaks")]
    for one in done.rows:
        files = {name: _write(out, trace, f"without-{one.rule if len(one.what) > 1 else one.what[0]}-{name}")
                 for name, trace in one.traces.items()}
        document["rows"].append({**{key: value for key, value in asdict(replace(one, traces={})).items() if key != "traces"},
                                 "traces": files})
        broken = ", ".join(f"{name} ({length})" for name, length in one.broken.items())
        cells.append((one.rule, " ".join(one.what), "; ".join(part for part in (
            broken or ("" if one.why else "nothing"), f"undecided otherwise: {one.why}" if one.why else "") if part)))
    widths = [max(len(row[column]) for row in cells) for column in range(2)]
    changed = "".join(f" {name}={value}" for name, value in _by_key(done.overrides))
    lines.append(f"{done.slice}, {done.preset}{changed}; bounds: {', '.join(f'{key} {value}' for key, value in done.bounds.items())}")
    lines.append(f"with all changes: {'undecided, ' + done.why if done.why else 'none of these breaks'}: {', '.join(done.kept)}")
    lines += [f"  not looked at, as it breaks even so: {name} ({_steps(length)})" for name, length in done.broken.items()]
    lines += ["", *(f"{rule:<{widths[0]}}  {what:<{widths[1]}}  {broken}" for rule, what, broken in cells)]
    if done.unread:
        lines += ["", f"no row of {done.slice} reads: {', '.join(done.unread)}"]
    undecided = done.why or any(one.why for one in done.rows)
    return document, lines, NOT_DECIDED if undecided else AS_EXPECTED


# Both -----------------------------------------------------------------------------------------------------------------------------------

def _write(out: Path, trace: Trace, about: str) -> str:
    from traces.files import to_text, write

    path = out / re.sub(r"[^\w.-]+", "-", f"{trace.slice}-{trace.preset}-repair-{about}.json")
    write(path, to_text(trace))
    return str(path)


def _by_key(changes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Changes as they are written on the command line: by key alone where both ends have the same."""
    keys: dict[str, dict[str, str]] = {}
    for name, value in changes.items():
        keys.setdefault(name.rpartition(":")[2], {})[name] = value
    return [one for key, values in keys.items() for one in (
        [(key, next(iter(values.values())))] if len(values) > 1 and len(set(values.values())) == 1 else values.items())]


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"
