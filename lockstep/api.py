"""The Python API: ``lockstep.verify`` and ``lockstep.replay``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from lockstep.agreement import contradictions
from lockstep.choice import UsageError, check_possible, check_read, parse, preset_of, readings
from lockstep.engines import ENGINES
from lockstep.jobs import Job, Limits, Outcome
from lockstep.pool import run_all
from lockstep.report import Coverage, PropertyResult, Report
from model.expr import ModelError
from model.slices import SLICES, TABLES, bounds_of, build, slice_names
from model.trace import Trace, TraceError
from properties.finding import Finding
from properties.findings import FINDINGS, findings_of
from properties.presets import PRESETS
from properties.registry import HOLDS, PROPERTIES, RESPONSES, VIOLATED, claims_of, responses_of
from properties.response import Response
from traces.files import read, to_text, write
from traces.replay import NotARun, Run
from traces.replay import replay as replay_trace
from verify.query import Progress
from verify.search import EVERY_ROW_FIRED

SHOWING = ("search", "bmc")  # engines that can show a known finding with its shortest witness


@dataclass(frozen=True)
class Plan:
    """The jobs of one call, in the order in which results are shown."""

    jobs: tuple[Job, ...]
    whole: bool


def plan(slices: Sequence[str], presets: Sequence[str], texts: Iterable[str] = (), properties: Sequence[str] = (),
         bounds: Mapping[str, int] | None = None, limits: Limits | None = None, engines: Sequence[str] = ("search",)) -> Plan:
    """What to run. Raises UsageError for whatever does not exist, before anything is run."""
    overrides, limits, bounds = parse(texts), limits or Limits(), bounds or {}
    for name in slices:
        if name not in slice_names():
            raise UsageError(f"slice {name!r}: there is no such slice; there are {', '.join(slice_names())}")
    for name in properties:
        if name not in PROPERTIES:
            raise UsageError(f"property {name!r}: there is no such property; there are {', '.join(PROPERTIES)}")
        if name in RESPONSES and "search" not in engines:
            raise UsageError(f"property {name}: only the search judges endless runs; engine {', '.join(engines)} does not")
    check_limits(limits)
    whole = not (slices or properties or overrides or bounds) and "search" in engines
    chosen = slices or (*SLICES, *(() if not whole else (f"component-{table}" for table in TABLES)))
    jobs: list[Job] = []
    for name in chosen:
        for preset in presets if name in SLICES else presets[:1]:
            preset_of(preset)
            jobs += _jobs_of(Job(name, preset, overrides, bounds=bounds, limits=limits), properties, engines)
    if properties and not any(job.asked for job in jobs):
        raise UsageError(f"property {properties[0]!r}: not registered with slice {', '.join(chosen)}; it belongs to "
                         f"{', '.join(PROPERTIES[properties[0]].slices)}")
    return Plan(tuple(jobs), whole and set(presets) == set(PRESETS))


def check_limits(limits: Limits, workers: int | None = None) -> None:
    """Raises UsageError for a limit, or a number of worker processes, that makes no sense."""
    if workers is not None and workers < 1:
        raise UsageError(f"workers {workers}: give a whole number from 1 on")
    if not 0 < limits.memory < inf:
        raise UsageError(f"memory {limits.memory:g}: give a number of GiB greater than 0")
    if limits.timeout is not None and not limits.timeout > 0:
        raise UsageError(f"timeout {limits.timeout:g}: give a number of seconds greater than 0")
    for name in ("depth", "runs", "steps"):
        if getattr(limits, name) < 1:
            raise UsageError(f"{name} {getattr(limits, name)}: give a whole number from 1 on")


def check_folder(name: str, folder: Path | str | None) -> None:
    """Raises UsageError where nothing can be written to a folder, which need not exist yet; `name`: what it was given as."""
    if folder is None:
        return
    there = next(one for one in (Path(folder), *Path(folder).absolute().parents) if one.exists())
    if not there.is_dir():
        raise UsageError(f"{name} {folder}: {'this' if there == Path(folder) else there} is a file; give a folder")
    if not os.access(there, os.W_OK):
        raise UsageError(f"{name} {folder}: nothing can be written in {there}; give another folder")


def _jobs_of(base: Job, properties: Sequence[str], engines: Sequence[str]) -> list[Job]:
    """The jobs of one slice under one preset: its claims for each engine, with the search its response properties, its known findings
    for the first engine that can show them."""
    name, overrides = base.slice, base.overrides
    try:
        bounds_of(name, base.bounds)
        chosen = readings(base.preset, overrides)
        check_possible(name, chosen)
        if overrides:
            check_read(name, overrides, build(name, chosen, bounds=base.bounds).readings_read)
    except ModelError as error:
        raise UsageError(str(error)) from None
    registered = tuple(claim.name for claim in claims_of(name) if not properties or claim.name in properties)
    alive = _liveness(base, properties) if "search" in engines else []
    if name in SLICES and not registered and not alive:
        return []
    jobs = [replace(base, properties=registered, engine=engine) for engine in engines
            if registered or (engine == "search" and name not in SLICES)]
    jobs += alive
    showing = next((engine for engine in SHOWING if engine in engines), None)
    if showing and not overrides and not base.bounds:
        together: dict[str, list[Finding]] = {}
        for one in findings_of(name, base.preset):
            if not properties or one.property in properties:
                together.setdefault(repr((sorted(one.readings.items()), sorted(one.bounds.items()))), []).append(one)
        jobs += [replace(base, overrides=group[0].readings, findings=tuple(one.name for one in group), bounds=group[0].bounds,
                         engine=showing) for group in together.values()]
    return jobs


def _liveness(base: Job, properties: Sequence[str]) -> list[Job]:
    """Response properties, those that are judged in the same bounds and from the same starts together."""
    together: dict[str, list[Response]] = {}
    for one in responses_of(base.slice):
        if not properties or one.name in properties:
            together.setdefault(repr(one.slices[base.slice]), []).append(one)
    jobs = []
    for group in together.values():
        within = group[0].slices[base.slice]
        jobs.append(replace(base, properties=tuple(one.name for one in group), engine="liveness",
                            overrides={**within.readings, **base.overrides}, bounds={**within.bounds, **base.bounds}))
    return jobs


def verify(*slices: str, preset: str | Sequence[str] | None = None, readings: Iterable[str] = (), properties: Sequence[str] = (),
           bounds: Mapping[str, int] | None = None, engine: str = "search", workers: int | None = None, limits: Limits | None = None,
           out: Path | str | None = None, progress: Callable[[Job, Progress], None] | None = None,
           started: Callable[[Sequence[Job]], None] | None = None) -> Report:
    """Judge the claims and response properties of the slices (all of them where none is named) under a preset (all where none is named).

    readings: overrides as ``"[A:|B:]KEY=VALUE"``. bounds: budgets and channel capacities other than the slice's. engine: one of
    `lockstep.engines.ENGINES`, or "all". workers: processes. limits: memory, time and depth of each engine. out: folder for the
    witnesses (None: none are written).
    Raises UsageError for a name or value that does not exist, verify.query.EngineDisagreement where an engine and the interpreter
    differ.
    """
    if engine not in (*ENGINES, "all"):
        raise UsageError(f"engine {engine!r}: there is no such engine; there are {', '.join(ENGINES)}, all")
    check_limits(limits or Limits(), workers)
    check_folder("out", out)
    presets = [preset] if isinstance(preset, str) else list(preset or PRESETS)
    todo = plan(slices, presets, readings, properties, bounds, limits or Limits(), ENGINES if engine == "all" else (engine,))
    if started:
        started(todo.jobs)
    watch = None if progress is None else (lambda number, report: progress(todo.jobs[number], report))
    outcomes = dict(run_all(todo.jobs, workers or os.cpu_count() or 1, watch))
    return report_of(todo, [outcomes[number] for number in range(len(todo.jobs))], out)


def report_of(todo: Plan, ordered: Sequence[Outcome], out: Path | str | None = None) -> Report:
    """The outcomes of a plan's jobs, in its order, as a report. out: folder for the witnesses."""
    results: list[PropertyResult] = []
    for outcome in ordered:
        paths = {name: _write(Path(out), trace) for name, trace in outcome.traces.items()} if out is not None else {}
        results += results_of(outcome, paths)
    return Report(tuple(results), coverage(ordered) if todo.whole else None, tuple(contradictions(results)))


def file_name(trace: Trace) -> str:
    """What the file of a witness is called: by its finding, or by slice, preset and property; and by the engine, if not the search."""
    engine = "" if trace.engine in ("search", "liveness") else f"-{trace.engine}"
    return re.sub(r"[^\w.-]+", "-", (trace.finding or f"{trace.slice}-{trace.preset}-{trace.property}") + engine) + ".json"


def _write(folder: Path, trace: Trace) -> str:
    path = folder / file_name(trace)
    write(path, to_text(trace))
    return str(path)


def results_of(outcome: Outcome, paths: Mapping[str, str]) -> list[PropertyResult]:
    """A job's outcome as typed results."""
    job = outcome.job
    preset = PRESETS[job.preset]
    promised = (*preset.promises, *preset.comes_about)
    results = []
    for asked in job.asked:
        judgement, trace = outcome.judgements[asked], outcome.traces.get(asked)
        finding = asked if job.findings else ""
        name = FINDINGS[asked].property if finding else asked
        expected = VIOLATED if finding else HOLDS if name in promised else None
        results.append(PropertyResult(
            job.slice, name, job.preset, dict(job.overrides), bounds_of(job.slice, job.bounds), judgement.verdict, job.engine,
            outcome.states, outcome.transitions, outcome.depth, outcome.seconds, None if trace is None else trace.length,
            paths.get(asked), judgement.reason, judgement.shown, finding, expected, PROPERTIES[name].requirements,
            None if trace is None else trace.loop))
    return results


def coverage(outcomes: Sequence[Outcome]) -> Coverage | None:
    """Rows that fired in no slice; None where a search was cut short."""
    searches = [outcome for outcome in outcomes if outcome.job.engine == "search" and not outcome.job.findings]
    if any(outcome.why not in ("", EVERY_ROW_FIRED) for outcome in searches):
        return None
    fired = {one for outcome in searches for one in outcome.fired}
    every = {(table.name, row.key) for table in TABLES.values() for row in table.firing}
    return Coverage(len(every), tuple(sorted(every - fired)))


def replay(trace: Trace | Path | str) -> Run:
    """Replay a trace or a trace file on the reference interpreter. Raises TraceError or NotARun, naming the file."""
    if isinstance(trace, Trace):
        return replay_trace(trace)
    found = read(Path(trace))
    try:
        return replay_trace(found)
    except (TraceError, NotARun) as error:
        raise type(error)(f"{trace}: {error}") from None
