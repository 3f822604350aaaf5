"""One unit of work: a slice under a preset with some readings, put to an engine once for many questions.

A job is plain data, so that it can be sent to another process; so is its outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lockstep.choice import readings
from model.slices import bounds_of, build, places_of, starts_of
from model.system import Monitor, State, System
from model.trace import Trace
from properties.findings import FINDINGS
from properties.registry import CLAIMS, UNDECIDED, VIOLATED
from traces.names import named
from traces.replay import Run, model_digest, replay
from verify.query import Hit, Query
from verify.step import Stimulus, step


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
UNBREAKABLE = "nothing in the model can break it without {}"


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

    def starts(self, chosen: Mapping[str, str]) -> tuple[State, ...]:
        """Where the slice starts under other readings (a value for every one), as states of this system; `system.initial` under its own."""
        return self.system.states_from(starts_of(self.job.slice, chosen, bounds_of(self.job.slice, self.job.bounds)))

    def trace(self, hit: Hit, seed: int | None = None) -> Trace:
        """A witness as a trace."""
        finding = hit.query if self.job.findings else ""
        run = self.run(hit.initial, hit.stimuli)
        return replace(run.trace, seed=seed, property=FINDINGS[finding].property if finding else hit.query, end=hit.scope,
                       start=self.system.initial.index(hit.initial), finding=finding)

    def run(self, initial: State, stimuli: Sequence[Stimulus]) -> Run:
        """Stimuli from a state, which need not be one the slice starts in, as a run that claims nothing."""
        state, outcomes = initial, []
        for stimulus in stimuli:
            outcomes.append(step(self.system, state, stimulus))
            state = outcomes[-1].after
        job, bounds = self.job, bounds_of(self.job.slice, self.job.bounds)
        steps = tuple(named(self.system, stimulus, outcome) for stimulus, outcome in zip(stimuli, outcomes, strict=True))
        trace = Trace(model_digest(job.slice, self.chosen, bounds), job.slice, job.preset, self.chosen, bounds, job.engine, None, "", "", 0,
                      steps)
        return Run(trace, self.system, initial, tuple(outcomes))

    def witnesses(self, hits: Mapping[str, Hit | None], seed: int | None = None) -> dict[str, Trace]:
        """A trace of each query that was hit, replayed. Raises what `traces.replay.replay` does."""
        traces = {query.name: self.trace(hit, seed) for query in self.queries if (hit := hits[query.name]) is not None}
        for trace in traces.values():
            replay(trace)
        return traces

    def judgements(self, hits: Mapping[str, object], why: str, looked_at: str, verdict: str) -> dict[str, Judgement]:
        """`verdict` for what was not hit (None in `hits`), of an engine that answers queries and antecedents alike; `undecided` where
        something stopped it (`why`), or where the antecedent was not hit either in what it `looked_at`."""
        tested = {query.name: hits[antecedent.name] is not None
                  for query, antecedent in zip(self.queries, self.antecedents, strict=False)}
        found = {}
        for query in self.queries:
            if hits[query.name] is not None:
                found[query.name] = Judgement(VIOLATED)
            elif why:
                found[query.name] = Judgement(UNDECIDED, why)
            elif not tested.get(query.name, True):
                found[query.name] = Judgement(UNDECIDED, UNTESTED.format(looked_at))
            else:
                found[query.name] = Judgement(verdict, self._needs(query.name))
        return found

    def _needs(self, name: str) -> str:
        """Why it says little that a claim does not break, "" where it is put to the test; there are no known findings to ask this of."""
        missing = [] if self.job.findings else [f"{key}={value}" for key, value in CLAIMS[name].needs.items() if self.chosen[key] != value]
        return UNBREAKABLE.format(" and ".join(missing)) if missing else ""


def question(job: Job) -> Question:
    """What a job asks. Raises UsageError, ModelError."""
    chosen = readings(job.preset, job.overrides)
    known = [FINDINGS[name] for name in job.findings]
    claims = [CLAIMS[name] for name in job.properties if not known]
    monitors = distinct([monitor for one in known for monitor in one.monitors] + [monitor for one in claims for monitor in one.monitors])
    where = places_of(job.slice)
    queries = [Query(one.name, one.when, where) for one in known] + [Query(one.name, one.violated, where) for one in claims]
    antecedents = [Query(f"antecedent of {one.name}", one.antecedent, where) for one in claims]
    return Question(job, chosen, build(job.slice, chosen, bounds=job.bounds, monitors=monitors), tuple(queries), tuple(antecedents))


def distinct(monitors: Iterable[Monitor]) -> list[Monitor]:
    """Each history bit once, whichever claims need it."""
    found: dict[tuple[str, str], Monitor] = {}
    for one in monitors:
        found.setdefault((one.scope, one.var.name), one)
    return list(found.values())
