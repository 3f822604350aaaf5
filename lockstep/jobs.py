"""One unit of work: a slice under a preset with some readings, put to an engine once for many questions.

A job is plain data, so that it can be sent to another process; so is its outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lockstep.choice import readings
from model.slices import bounds_of, build
from model.system import Monitor, System
from model.trace import Trace
from properties.findings import FINDINGS
from properties.registry import CLAIMS
from traces.names import named
from traces.replay import model_digest
from verify.query import Hit, Query
from verify.step import step

ENDS = ("A", "B")


@dataclass(frozen=True)
class Limits:
    """How far an engine goes. memory: GiB, timeout: seconds; depth: steps that the symbolic engines look ahead; runs and steps a
    run of the walk, and the seed it draws them with. Each engine heeds what concerns it."""

    memory: float = 2.0
    timeout: float | None = None
    depth: int = 12
    runs: int = 100
    steps: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """Judge a slice. `properties`: the claims to judge (none: only the rows are counted); `findings`: look for those alone, and
    stop when all have shown. `overrides`: readings that differ from the preset."""

    slice: str
    preset: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    bounds: Mapping[str, int] = field(default_factory=dict)
    limits: Limits = Limits()
    engine: str = "search"

    @property
    def asked(self) -> tuple[str, ...]:
        """What is judged: claims, or findings."""
        return self.findings or self.properties


@dataclass(frozen=True)
class Judgement:
    """A verdict word with its reason. `shown`: what an engine has to show besides a witness, as a ladder."""

    verdict: str
    reason: str = ""
    shown: str = ""


UNTESTED = "its antecedent is not reached in {}, so it was not put to the test"


@dataclass(frozen=True)
class Outcome:
    """What a job found: counts, a judgement of each claim (or finding) asked for, a trace of each that broke, rows fired.

    `why`: what stopped the engine before its end. `full`: stimuli disabled only for want of room on the wire.
    """

    job: Job
    states: int
    transitions: int
    depth: int
    seconds: float
    why: str
    judgements: Mapping[str, Judgement]
    traces: Mapping[str, Trace] = field(default_factory=dict)
    fired: frozenset[tuple[str, str]] = frozenset()
    full: int = 0

    @property
    def complete(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class Question:
    """A job as engines understand it: the system, a query for each claim or finding, and one for each claim's antecedent."""

    job: Job
    chosen: Mapping[str, str]
    system: System
    queries: tuple[Query, ...]
    antecedents: tuple[Query, ...]

    def trace(self, hit: Hit, seed: int | None = None) -> Trace:
        """A witness as a trace."""
        state, steps = hit.initial, []
        for stimulus in hit.stimuli:
            outcome = step(self.system, state, stimulus)
            steps.append(named(self.system, stimulus, outcome))
            state = outcome.after
        job = self.job
        bounds = bounds_of(job.slice, job.bounds)
        finding = hit.query if job.findings else ""
        claim = FINDINGS[finding].property if finding else hit.query
        return Trace(model_digest(job.slice, self.chosen, bounds), job.slice, job.preset, self.chosen, bounds, job.engine, seed, claim,
                     hit.scope, self.system.initial.index(hit.initial), tuple(steps), finding)


def question(job: Job) -> Question:
    """What a job asks. Raises UsageError, ModelError."""
    chosen = readings(job.preset, job.overrides)
    known = [FINDINGS[name] for name in job.findings]
    claims = [CLAIMS[name] for name in job.properties if not known]
    monitors = _distinct([monitor for one in known for monitor in one.monitors] + [monitor for one in claims for monitor in one.monitors])
    queries = [Query(one.name, one.when, ENDS) for one in known] + [Query(one.name, one.violated, ENDS) for one in claims]
    antecedents = [Query(f"antecedent of {one.name}", one.antecedent, ENDS) for one in claims]
    return Question(job, chosen, build(job.slice, chosen, bounds=job.bounds, monitors=monitors), tuple(queries), tuple(antecedents))


def _distinct(monitors: Iterable[Monitor]) -> list[Monitor]:
    found: dict[tuple[str, str], Monitor] = {}
    for one in monitors:
        found.setdefault((one.scope, one.var.name), one)
    return list(found.values())
