"""One unit of work: a slice under a preset with some readings, searched once for many questions.

A job is plain data, so that it can be sent to another process; so is its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lockstep.choice import readings
from model.slices import bounds_of, build
from model.system import Monitor, System
from model.trace import Trace
from properties.findings import FINDINGS
from properties.registry import CLAIMS
from traces.names import named
from traces.replay import model_digest, replay
from verify.query import Hit, Query
from verify.search import Progress, Result, search
from verify.step import step

ENDS = ("A", "B")
ANTECEDENT = "antecedent of "


@dataclass(frozen=True)
class Job:
    """Search a slice. `properties`: the claims to judge (none: only the rows are counted); `findings`: look for those alone, and
    stop when all have shown. `overrides`: readings that differ from the preset. memory: GiB; timeout: seconds."""

    slice: str
    preset: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    bounds: Mapping[str, int] = field(default_factory=dict)
    memory: float = 4.0
    timeout: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a job found: counts, a trace for each claim that broke (by name, or by finding), antecedents reached, rows fired."""

    job: Job
    states: int
    transitions: int
    depth: int
    seconds: float
    complete: bool
    why: str
    traces: Mapping[str, Trace]
    reachable: frozenset[str]
    fired: frozenset[tuple[str, str]]
    full: int


def run(job: Job, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Search and replay. Raises UsageError, ModelError, EngineDisagreement."""
    chosen = readings(job.preset, job.overrides)
    if job.findings:
        known = [FINDINGS[name] for name in job.findings]
        monitors = _distinct(monitor for one in known for monitor in one.monitors)
        queries = [Query(one.name, one.when, ENDS) for one in known]
    else:
        claims = [CLAIMS[name] for name in job.properties]
        monitors = _distinct(monitor for claim in claims for monitor in claim.monitors)
        queries = [Query(claim.name, claim.violated, ENDS) for claim in claims]
        queries += [Query(ANTECEDENT + claim.name, claim.antecedent, ENDS) for claim in claims]
    system = build(job.slice, chosen, bounds=job.bounds, monitors=monitors)
    component = job.slice.removeprefix("component-") if job.slice.startswith("component-") else ""
    result = search(system, queries, memory_gib=job.memory, timeout=job.timeout, progress=progress,
                    stop_when_all_hit=bool(job.findings), stop_when_fired=component)
    hits = {name: hit for name, hit in result.hits.items() if hit is not None}
    traces = {name: trace_of(system, job, chosen, hit) for name, hit in hits.items() if not name.startswith(ANTECEDENT)}
    for trace in traces.values():
        replay(trace)
    return _outcome(job, result, traces, frozenset(name.removeprefix(ANTECEDENT) for name in hits if name.startswith(ANTECEDENT)))


def _outcome(job: Job, result: Result, traces: Mapping[str, Trace], reachable: frozenset[str]) -> Outcome:
    counts = result.counts
    fired = frozenset((table, row) for (_, table, row), count in counts.fired.items() if count)
    return Outcome(job, counts.distinct, counts.transitions, counts.levels, result.seconds, result.complete, result.why, traces, reachable,
                   fired, result.full)


def _distinct(monitors: Iterable[Monitor]) -> list[Monitor]:
    found: dict[tuple[str, str], Monitor] = {}
    for one in monitors:
        found.setdefault((one.scope, one.var.name), one)
    return list(found.values())


def trace_of(system: System, job: Job, chosen: Mapping[str, str], hit: Hit) -> Trace:
    """A witness as a trace."""


    state, steps = hit.initial, []
    for stimulus in hit.stimuli:
        outcome = step(system, state, stimulus)
        steps.append(named(system, stimulus, outcome))
        state = outcome.after
    bounds = bounds_of(job.slice, job.bounds)
    finding = hit.query if job.findings else ""
    claim = FINDINGS[finding].property if finding else hit.query
    return Trace(model_digest(job.slice, chosen, bounds), job.slice, job.preset, chosen, bounds, "search", None, claim, hit.scope,
                 system.initial.index(hit.initial), tuple(steps), finding)


