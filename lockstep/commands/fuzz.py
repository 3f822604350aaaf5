"""``lockstep fuzz``"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.jobs import Job
    from model.system import System
    from model.trace import Trace
    from properties.claim import Claim
    from verify.query import Hit, Query
    from verify.walk import Progress, Walked

EPILOG = examples("lockstep fuzz", "lockstep fuzz opening --runs 1000 --seed 7",
                  "lockstep fuzz teardown --preset repaired --property no-plaintext-out")
ENGINE = "walk"
PLAIN_EVERY = 2.0  # seconds between lines of progress


def fuzz(
    slice_: Annotated[str, typer.Argument(metavar="SLICE", help="The slice to walk in.")] = "teardown",
    property_: Annotated[list[str] | None, typer.Option("--property", metavar="NAME",
                                                       help="Judge this claim only; may be repeated.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="Keep to the readings of this preset. Without it every run draws its "
                                               "readings and budgets; they shrink towards draft.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="Fix a reading at this value.")] = None,
    runs: Annotated[int, typer.Option(metavar="N", help="Runs to make.")] = 100,
    steps: Annotated[int, typer.Option(metavar="N", help="The most steps of a run.")] = 40,
    seed: Annotated[int | None, typer.Option(metavar="N", help="The same seed makes the same runs; a new one is drawn, and printed, if "
                                             "none is given.")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="S", help="Seconds after which no more runs are made.")] = None,
    database: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder that keeps what was found, so that it is found again "
                                                  "whatever the seed; your cache folder if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Neither look at what was kept nor keep anything.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the witnesses.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Walk at random through a slice.

    The claims are judged in every step, and what breaks is shrunk to a short witness. Each run leaves out some kinds of events, so that
    rare paths are not drowned. What broke once is kept in a folder of examples and tried first the next time. A claim that does not
    break was not proved: the verdict says in how many runs.

    Exit status: 0 nothing promised broke, 1 a claim that the preset promises is violated, 2 bad input, 3 interrupted, or a claim
    was never put to the test, 4 engines disagree.
    """
    with one_line_errors():
        from lockstep.api import check_folder
        from lockstep.engines.walk import cache

        notes = cache()
        kept = None if fresh else database or notes / "fuzz"
        task = task_of(slice_, property_ or [], preset, reading or [])
        _check(runs=runs, steps=steps, timeout=timeout)
        check_folder("out", out)
        check_folder("database", kept)
        from properties.registry import CLAIMS
        from verify.walk import walk

        walked = walk(task.system, task.queries, runs=runs, steps=steps, seed=secrets.randbelow(2**32) if seed is None else seed,
                      vary=task.vary, situations=task.situations, database=kept, timeout=timeout,
                      progress=None if as_json else _Watching(runs).progress)
        results = [_result(task, CLAIMS[name], walked, out) for name in task.job.properties]
        document = {"results": results, "coverage": _coverage(task, walked), "why": walked.why, **_version()}
    with reader_may_go():
        if as_json:
            print_json(document)
        else:
            _print(document, walked, task)
    raise typer.Exit(_status(results, walked))


@dataclass(frozen=True)
class Task:
    """What is asked (`job`), readings of the preset and with what the user fixed, and what each run draws, by slot name."""

    job: Job
    base: Mapping[str, str]
    chosen: Mapping[str, str]
    system: System
    queries: Sequence[Query]
    situations: Sequence[Query]
    vary: Mapping[str, Sequence[int]]

    @property
    def random(self) -> bool:
        return bool(self.vary)


def _check(runs: int, steps: int, timeout: float | None) -> None:
    from lockstep.choice import UsageError

    for name, number in (("runs", runs), ("steps", steps)):
        if number < 1:
            raise UsageError(f"{name} {number}: give a whole number from 1 on")
    if timeout is not None and not 0 < timeout < inf:
        raise UsageError(f"timeout {timeout:g}: give a number of seconds greater than 0")


def task_of(slice_: str, properties: Sequence[str], preset: str | None, texts: Sequence[str]) -> Task:
    """What to walk through and what to ask. Raises UsageError for whatever does not exist."""
    from lockstep.choice import check_read, claims_asked, parse, readings
    from lockstep.jobs import Job, question
    from model.slices import places_of

    claims = claims_asked(slice_, properties)
    job = Job(slice_, preset or "draft", parse(texts), claims, engine=ENGINE)
    base = readings(job.preset, {})
    asked = question(job)
    check_read(slice_, job.overrides, asked.system.readings_read)
    vary = _open(asked.system, sorted(asked.system.readings_read - set(job.overrides))) if preset is None else {}
    return Task(job, base, asked.chosen, asked.system, asked.queries, [*asked.antecedents, *situations(places_of(job.slice))], vary)


def _open(system: System, names: Sequence[str]) -> dict[str, list[int]]:
    """What a run draws: the preset's value of a reading comes first, no loss, copy or attack before one."""
    from model.slices import BUDGETS

    first = dict(zip(map(str, system.slots), system.initial[0], strict=True))
    sizes = {str(slot): slot.sort.size for slot in system.slots if slot.sort is not None}
    found = {}
    for name in (name.replace(":", ".") for name in names):
        found[name] = [first[name], *(code for code in range(sizes[name]) if code != first[name])]
    return found | {f"budget.{key}": list(range(var.sort.size)) for key, var in BUDGETS.items()}


def situations(places: tuple[str, ...]) -> list[Query]:
    """Rare places, to see how far the walks get."""
    from model.expr import Peer, Post, conj, disj
    from model.signals import BGP, BGP_ESTABLISHED, G0, G1, G2, TCP, TIME_WAIT, sa_present
    from verify.query import Query

    two = disj(*(conj(sa_present(one), sa_present(other)) for one, other in ((G0, G1), (G0, G2), (G1, G2))))
    up, peer_up = BGP == BGP_ESTABLISHED, Peer(BGP == BGP_ESTABLISHED)
    return [Query("both reach Established", conj(~conj(up, peer_up), Post(up), Post(peer_up)),
                  tuple(one for one in places if one.startswith("A"))),
            Query("TIME-WAIT", Post(TCP == TIME_WAIT), places), Query("two SA generations at once", Post(two), places)]


def _trace(task: Task, hit: Hit, seed: int) -> Trace:
    """A witness as a trace: what the run drew becomes its readings and bounds. Replayed before anybody sees it."""
    from lockstep.jobs import question
    from model.slices import BUDGETS
    from traces.replay import replay

    drawn = {str(slot): slot.text(code) for slot, code in zip(task.system.slots, hit.initial, strict=True) if str(slot) in task.vary}
    changed = {name: value for name in task.chosen if (value := drawn.get(name.replace(":", "."), task.chosen[name])) != task.base[name]}
    bounds = {key: int(drawn[f"budget.{key}"]) for key in BUDGETS if f"budget.{key}" in drawn}
    trace = question(replace(task.job, overrides=changed, bounds=bounds)).trace(hit, seed)
    replay(trace)
    return trace


def _result(task: Task, claim: Claim, walked: Walked, out: Path) -> dict[str, Any]:
    """A claim's verdict, and its witness written; nothing stronger than what was established."""
    from model.slices import bounds_of
    from properties.presets import PRESETS
    from properties.registry import HOLDS, UNDECIDED, VIOLATED, in_runs
    from traces.files import to_text, write

    hit, tested = walked.hits[claim.name], walked.times[f"antecedent of {claim.name}"]
    found: dict[str, Any] = {
        "slice": task.job.slice, "property": claim.name, "preset": task.job.preset, "random_readings": task.random,
        "readings": dict(task.job.overrides), "bounds": bounds_of(task.job.slice, {}), "verdict": in_runs(walked.runs), "engine": ENGINE,
        "seed": walked.seed, "runs": walked.runs, "steps": walked.steps, "runs_with_antecedent": tested, "length": None, "trace": None,
        "shrunk": None, "kept": False, "reason": "", "requirements": list(claim.requirements),
        "expected": HOLDS if not task.random and claim.name in PRESETS[task.job.preset].promises else None}
    if hit is not None:
        trace = _trace(task, hit, walked.seed)
        name = f"{task.job.slice}-fuzz-{'random' if task.random else task.job.preset}-{claim.name}"
        path = out / (re.sub(r"[^\w.-]+", "-", name) + ".json")
        write(path, to_text(trace))
        found |= {"verdict": VIOLATED, "readings": {key: value for key, value in trace.readings.items() if task.base[key] != value},
                  "bounds": dict(trace.bounds), "length": trace.length, "trace": str(path), "shrunk": claim.name not in walked.unshrunk,
                  "kept": claim.name in walked.kept}
    elif not tested:
        found |= {"verdict": UNDECIDED, "reason": f"its antecedent came up in none of {walked.runs} runs, so it was not put to the test"}
    return found


def _coverage(task: Task, walked: Walked) -> dict[str, Any]:
    from model.slices import TABLES

    fired = {(table, row) for _, table, row in walked.fired}
    every = {(one.table.name, row.key) for one in task.system.instances for row in one.table.firing if one.table.name in TABLES}
    names = [query.name for query in task.situations if not query.name.startswith("antecedent of ")]
    return {"rows_fired": len(fired), "rows": len(every), "situations": {name: walked.times[name] for name in names}}


def _version() -> dict[str, str]:
    from lockstep import __version__

    return {"version": __version__}


def _status(results: Sequence[Mapping[str, Any]], walked: Walked) -> int:
    from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED
    from properties.registry import UNDECIDED, VIOLATED
    from verify.query import INTERRUPTED

    if any(one["expected"] and one["verdict"] == VIOLATED for one in results):
        return NOT_AS_EXPECTED
    undecided = walked.why == INTERRUPTED or any(one["verdict"] == UNDECIDED for one in results)
    return NOT_DECIDED if undecided else AS_EXPECTED


class _Watching:
    """Progress on standard error: a line when a claim breaks, when something else begins, and now and then."""

    def __init__(self, runs: int) -> None:
        self.runs, self.doing, self.last = runs, "", monotonic()
        self.broken: set[str] = set()

    def progress(self, one: Progress) -> None:
        for name in one.broken:
            if name not in self.broken:
                print(f"lockstep: {name} is violated, {one.broken[name]} steps before it is shrunk", file=sys.stderr)
        now = monotonic()
        if one.doing != self.doing or now - self.last >= PLAIN_EVERY:
            self.last = now
            print(f"lockstep: {one.doing}: {one.runs:,} of {self.runs:,} runs, {one.steps:,} steps, {one.seconds:.0f} s", file=sys.stderr)
        self.doing, self.broken = one.doing, self.broken | set(one.broken)


def _print(document: Mapping[str, Any], walked: Walked, task: Task) -> None:
    from lockstep.screen import print_columns

    rows = []
    for one in document["results"]:
        steps = "" if one["length"] is None else f" ({one['length']})"
        promised = " not as promised" if one["expected"] and one["trace"] else ""
        how = ", ".join(word for word, true in (("kept from before", one["kept"]), ("not shrunk", one["shrunk"] is False)) if true)
        changed = " ".join(f"{key}={value}" for key, value in one["readings"].items())
        rows.append((one["property"], one["verdict"] + steps + promised, str(one["runs_with_antecedent"]), changed,
                     f"{one['trace'] or one['reason']}{f' ({how})' if how else ''}"))
    what = "random readings, from draft" if task.random else task.job.preset
    print_columns(("property", "verdict", "tested in", "readings", "witness"), rows, title=f"{task.job.slice}, {what}")
    cover = document["coverage"]
    print(f"\n{walked.runs} runs, {walked.steps:,} steps, seed {walked.seed}, {walked.seconds:.1f} s"
          + (f"; {walked.why}" if walked.why else ""))
    print(f"rows fired: {cover['rows_fired']} of {cover['rows']}; runs that reached "
          + ", ".join(f"{name}: {times}" for name, times in cover["situations"].items()))
