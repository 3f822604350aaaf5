"""Random walks: Hypothesis drives the step function and shrinks what it finds.

A run draws where it begins, a value for whatever is left open (readings, budgets), and what it leaves out: some kinds of events
(timers, losses, an attacker) and some of the events. What is left out happens only where nothing else can. This is swarm testing
(Groce et al., ISSTA 2012): in a run without losses, timers and operators the automatic path takes its course. A step draws one of
the events that are enabled, then its arguments and choices. The questions are asked of every step.

A run that answers a question ends there, and the runs after it no longer ask that question: one that a single step answers would
else end every run in which another needs ten. Then each question's run is shrunk by itself: fewer steps, and values nearer to the
ones that come first. Hypothesis stops where no single deletion helps; a last pass deletes neighbours together.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, ClassVar
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, InMemoryExampleDatabase
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from model.expr import TRUE, evaluate
from model.system import Offer, State, System
from verify.query import INTERRUPTED, TIME_LIMIT, Hit, Query, check_names, true_at
from verify.step import Disabled, Outcome, StepView, Stimulus, View, step, stimuli

WALKING = "walking"
SECONDARY = b".secondary"  # where Hypothesis looks for failures to shrink; under the test's own key it takes them for shrunk
KINDS_LEFT_OUT, EVENTS_LEFT_OUT = (0.25, 0.5, 0.75), 0.25  # shares that a run leaves out
SHRINKS = 200  # runs that the shrinking of one witness may take

Where = tuple[str, str, str]  # scope, table, event


@dataclass(frozen=True)
class Progress:
    """How far a walk has come: `doing` is "walking" or "shrinking NAME"; runs made, their steps, the steps of the witness of each
    question that came true, seconds."""

    doing: str
    runs: int
    steps: int
    broken: Mapping[str, int]
    seconds: float


@dataclass
class Walked:
    """What the walks found.

    hits: for each query the shortest witness seen, or None: no step of the `runs` runs makes it true. kept: queries whose witness
    came from the example database. times: in how many of the runs a situation came true. fired: in how many a row fired, by
    (scope, table, row). steps: made in those runs. why: "time limit" or "interrupted" where fewer runs were made than were asked
    for. unshrunk: queries whose witness is as it was found, for want of time.
    """

    seed: int
    hits: dict[str, Hit | None]
    runs: int = 0
    steps: int = 0
    times: Counter[str] = field(default_factory=Counter)
    fired: Counter[Where] = field(default_factory=Counter)
    kept: tuple[str, ...] = ()
    unshrunk: tuple[str, ...] = ()
    why: str = ""
    seconds: float = 0.0


def walk(system: System, queries: Sequence[Query], *, runs: int = 150, steps: int = 40, seed: int = 0,
         vary: Mapping[str, Sequence[int]] | None = None, situations: Sequence[Query] = (), swarm: bool = True, shrink: bool = True,
         database: Path | None = None, timeout: float | None = None, progress: Callable[[Progress], None] | None = None) -> Walked:
    """Make `runs` runs (or one more) of at most `steps` steps and ask the queries of every step; `situations` are only counted.

    vary: slots whose initial value is drawn, by name, with the codes to draw from, the simplest first; an initial state that differs
    there from the first one keeps its own. swarm: leave something out of each run; without it, a step is any enabled stimulus with
    equal chances. shrink: make witnesses shorter. database: a folder that keeps what was found, so that it is found again whatever
    the seed. timeout: seconds. Ctrl-C and too little time end the walk with what was found so far. With the same arguments and the
    same database the outcome is the same. Raises ModelError where the model reaches the impossible.
    """
    check_names((*queries, *situations))
    walker = _Walker(system, queries, situations, seed, vary or {}, swarm, timeout, progress)
    found = walker.found
    try:
        if database is not None:
            for query in queries:
                walker.try_kept(query, _store(database, walker, query), runs, steps)
            found.kept = tuple(name for name, hit in found.hits.items() if hit is not None)
        walker.walk(runs, steps)
        for query in queries if shrink else ():
            if query.name in walker.failed:
                walker.shrink(query)
        for name, hit in found.hits.items() if shrink else ():
            if hit is not None:
                found.hits[name] = walker.tidied(next(query for query in queries if query.name == name), hit)
    except _Enough:
        found.why = TIME_LIMIT if walker.doing == WALKING else ""
    except KeyboardInterrupt:
        found.why = INTERRUPTED
    finally:
        if database is not None:
            for query in queries:
                if query.name in walker.failed:
                    _copy(walker.failed[query.name], _store(database, walker, query))
    found.unshrunk = tuple(name for name in walker.failed if name not in walker.shrunk)
    found.seconds = perf_counter() - walker.begun
    return found


def _store(database: Path, walker: _Walker, query: Query) -> ExampleDatabase:
    """Where what answers a question is kept: apart for each question, model and way to draw; elsewhere it would mean another run."""
    text = repr((walker.system.digest, walker.vary, walker.swarm, query.name))
    return DirectoryBasedExampleDatabase(database / f"{walker.system.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}")


def _copy(source: InMemoryExampleDatabase, target: ExampleDatabase, under: bytes = b"") -> None:
    """Hand on the smallest run that failed."""
    for key, values in source.data.items():
        if values and not key.endswith(SECONDARY):
            target.save(key + under, min(values, key=lambda value: (len(value), value)))


class _Broken(Exception):
    """A question came true: for Hypothesis, the run failed."""


class _Enough(KeyboardInterrupt):
    """The time, or the runs for shrinking, are used up. Hypothesis lets a KeyboardInterrupt through at once."""


class _Shorter(KeyboardInterrupt):
    """The witness has become so much shorter that runs should, too."""


def _kind(offer: Offer) -> str:
    """Whose doing it is; what happens to a message is told apart by what its rows do with it: arrival, loss, copy."""
    if offer.event.takes is None:
        return offer.event.who
    done = {type(action).__name__ for line in offer.table.rows if line.event is offer.event for action in line.actions}
    return f"{offer.event.who} {' '.join(sorted(done))}"


class _Walker:
    """What all runs share: the system, what is asked, what was found."""

    def __init__(self, system: System, queries: Sequence[Query], situations: Sequence[Query], seed: int,
                 vary: Mapping[str, Sequence[int]], swarm: bool, timeout: float | None,
                 progress: Callable[[Progress], None] | None) -> None:
        self.system, self.queries, self.situations, self.swarm = system, tuple(queries), tuple(situations), swarm
        self.found = Walked(seed, {query.name: None for query in queries})
        places = {str(slot): at for at, slot in enumerate(system.slots)}
        self.vary = tuple((places[name], tuple(codes)) for name, codes in vary.items())
        self.begun, self.timeout, self.progress = perf_counter(), timeout, progress
        self.doing, self.asked, self.left = "", self.queries, 0
        self.broken: list[str] = []  # by the last run that failed
        self.failed: dict[str, InMemoryExampleDatabase] = {}  # the run that answered a question
        self.shrunk: set[str] = set()
        self.limit = self.last = 0  # the most steps of a run; those of the last one that failed
        self.kinds = {(one.scope, one.table.name, one.event.name): _kind(one) for one in system.offers}
        self.events = tuple(self.kinds)
        self.groups = lru_cache(2_000)(self._groups)
        self.enabled = lru_cache(20_000)(self._enabled)

    # -- passes ----------------------------------------------------------------------------------

    def try_kept(self, query: Query, store: ExampleDatabase, runs: int, steps: int) -> None:
        """Try what answered the question before."""
        self.asked, self.left, self.limit = (query,), SHRINKS, 0
        self._fails("trying what was kept", store, (Phase.reuse,), runs, steps, str(self.found.seed))

    def walk(self, runs: int, steps: int) -> None:
        """All runs. One that answers a question ends there; then the rest goes on without that question."""
        parts = 0
        while self.found.runs < runs:
            self.asked = tuple(query for query in self.queries if self.found.hits[query.name] is None)
            failed, parts = InMemoryExampleDatabase(), parts + 1
            if not self._fails(WALKING, failed, (Phase.generate,), runs - self.found.runs, steps, f"{self.found.seed} {parts}"):
                return
            self.failed |= dict.fromkeys(self.broken, failed)

    def shrink(self, query: Query) -> None:
        """Shrink the run that answered a question. Runs need not be longer than the witness; as it gets shorter, they do."""
        hit = self.found.hits[query.name]
        assert hit is not None
        self.asked, self.left, length, again = (query,), SHRINKS, hit.length, True
        while again:
            start, again = InMemoryExampleDatabase(), False
            self.limit = self.last = length
            _copy(self.failed[query.name], start, SECONDARY)
            try:
                self._fails(f"shrinking {query.name}", start, (Phase.reuse, Phase.shrink), SHRINKS, length, str(self.found.seed))
            except _Shorter:
                again = True
            except _Enough:
                if self.left:
                    raise
            finally:
                self.failed[query.name] = start
            if again:  # Hypothesis's best run is the one with the fewest numbers drawn, which may not be the shortest
                self.limit = 0
                self._fails(f"shrinking {query.name}", start, (Phase.reuse,), SHRINKS, length, str(self.found.seed))
                length = self.last
        self.shrunk.add(query.name)

    def tidied(self, query: Query, hit: Hit) -> Hit:
        """Leave out up to three neighbours at a time, and take the first values, while the answer stays yes."""
        size = 3
        while size:
            steps, size = hit.stimuli, size - 1
            for at in range(hit.length - size):
                shorter = self._replayed(query, hit.initial, (*steps[:at], *steps[at + size + 1:]))
                if shorter is not None:
                    hit, size = shorter, 3
                    break
        for at, codes in self._drawn(hit.initial):
            simpler = (*hit.initial[:at], codes[0], *hit.initial[at + 1:])
            hit = (self._replayed(query, simpler, hit.stimuli) if simpler != hit.initial else None) or hit
        return hit

    def _drawn(self, initial: State) -> list[tuple[int, tuple[int, ...]]]:
        """What is drawn of an initial state: where it differs from the first one it keeps its own value."""
        open_, first = {at for at, _ in self.vary}, self.system.initial[0]
        start = next(one for one in self.system.initial if all(one[at] == initial[at] for at in range(len(one)) if at not in open_))
        return [(at, codes) for at, codes in self.vary if start[at] == first[at]]

    def _replayed(self, query: Query, initial: State, steps: Iterable[Stimulus]) -> Hit | None:
        """The run that is left of some steps where those that are not enabled are skipped, up to a yes."""
        state, way = initial, []
        for stimulus in steps:
            enabled = dict(self.enabled(state, (stimulus.scope, stimulus.table, stimulus.event)))
            if stimulus in enabled:
                outcome = enabled[stimulus]
                state = outcome.after
                way.append(stimulus)
                scope = true_at(self.system, query, outcome)
                if scope is not None:
                    return Hit(query.name, scope, len(way), tuple(way), initial)
        return None

    def _fails(self, doing: str, database: ExampleDatabase, phases: tuple[Phase, ...], runs: int, steps: int, seed: str) -> bool:
        """Let Hypothesis make runs; does one answer a question?"""
        self.doing, self.broken = doing, []
        machine = seeded(seed)(type("Run", (_Run,), {"walker": self}))
        try:
            run_state_machine_as_test(machine, settings=settings(
                max_examples=runs, stateful_step_count=steps + 1, database=database, phases=phases, deadline=None, print_blob=False,
                report_multiple_bugs=False, suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, derandomize=False,
                backend="hypothesis"))
        except _Broken:
            return True
        except SkipTest:  # there was nothing to try
            pass
        except FlakyStrategyDefinition as error:  # an interruption of Hypothesis's last look at a failure, under another name
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise
        return False

    # -- notes -----------------------------------------------------------------------------------

    @property
    def counts(self) -> bool:
        """Are runs counted? Not those of the shrinking, nor Hypothesis's last look at one that failed."""
        return self.doing == WALKING and not self.broken

    def begins(self) -> None:
        """A run begins: is there time for it?"""
        if self.doing == WALKING and self.broken:
            return
        seconds = perf_counter() - self.begun
        if self.timeout is not None and seconds > self.timeout:
            raise _Enough
        if self.counts:
            self.found.runs += 1
        elif self.doing != WALKING:
            if not self.left:
                raise _Enough
            if self.limit > 1.3 * self.last:
                raise _Shorter
            self.left -= 1
        if self.progress is not None:
            broken = {name: hit.length for name, hit in self.found.hits.items() if hit is not None}
            self.progress(Progress(self.doing, self.found.runs, self.found.steps, broken, seconds))

    def ends(self, steps: int, situations: Iterable[str], rows: Iterable[Where]) -> None:
        """A run ends; only what it saw for the first time is given."""
        if self.counts:
            self.found.steps += steps
            self.found.times.update(situations)
            self.found.fired.update(rows)

    def note(self, hit: Hit) -> None:
        """Keep the shortest witness; of equally long ones that with the fewest values other than the first."""
        best = self.found.hits[hit.query]
        if best is None or self._rank(hit) < self._rank(best):
            self.found.hits[hit.query] = hit

    def _rank(self, hit: Hit) -> tuple[int, int]:
        return hit.length, sum(codes.index(hit.initial[at]) for at, codes in self.vary if hit.initial[at] in codes)

    # -- what is enabled -------------------------------------------------------------------------

    def _groups(self, state: State) -> dict[Where, list[Stimulus]]:
        """The stimuli offered in a state, by event."""
        found = {}
        for where, some in groupby(stimuli(self.system, state), key=lambda one: (one.scope, one.table, one.event)):
            found[where] = list(some)
        return found

    def _enabled(self, state: State, where: Where) -> tuple[tuple[Stimulus, Outcome], ...]:
        """The stimuli of an event that are enabled in a state and keep to the constraint."""
        system, found = self.system, []
        if not evaluate(system.offer_of[where].when, View(system, where[0], state, {}, {})):
            return ()
        for stimulus in self.groups(state).get(where, ()):
            try:
                outcome = step(system, state, stimulus)
            except Disabled:
                continue
            if system.constraint is TRUE or evaluate(system.constraint, StepView(system, "", outcome)):
                found.append((stimulus, outcome))
        return tuple(found)


class _Run(RuleBasedStateMachine):
    """One run. Hypothesis draws the beginning, then step after step, and asks the claims after each."""

    walker: ClassVar[_Walker]

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        walker = self.walker
        walker.begins()
        self.initial = self.state = self._draw_start(data.draw)
        self.offered = self._draw_offered(data.draw)
        self.way: list[Stimulus] = []
        self.seen: set[str] = set()
        self.rows: set[Where] = set()
        self.outcome: Outcome | None = Outcome(self.state, self.state, (), ())

    def _draw_start(self, draw: Callable[..., Any]) -> State:
        first = self.walker.system.initial[0]
        start = draw(st.sampled_from(self.walker.system.initial))
        cells = list(start)
        for at, codes in self.walker.vary:
            code = draw(st.sampled_from(codes))
            cells[at] = code if start[at] == first[at] else start[at]
        return tuple(cells)

    def _draw_offered(self, draw: Callable[..., Any]) -> tuple[Where, ...]:
        """What this run does not leave out. One draw, not one for each event: it is nothing that needs to be shrunk, and 0 leaves
        nothing out. (Hypothesis favours constants of the sources that are loaded, from 100 on, so that a larger number would
        depend on them.)"""
        number = (draw(st.integers(0, 99)), draw(st.integers(0, 99))) if self.walker.swarm else (0, 0)
        if number == (0, 0):
            return self.walker.events
        chance, kinds = Random(f"{number}"), self.walker.kinds
        often = chance.choice(KINDS_LEFT_OUT)
        out = {kind for kind in sorted(set(kinds.values())) if chance.random() < often}
        events = {event for event in sorted({where[1:] for where in kinds}) if chance.random() < EVENTS_LEFT_OUT}
        return tuple(where for where, kind in kinds.items() if kind not in out and where[1:] not in events)

    @rule(data=st.data())
    def happen(self, data: Any) -> None:
        """One stimulus, if there is one that is enabled."""
        self.outcome = None
        drawn = self._draw_stimulus(data.draw)
        if drawn is not None:
            stimulus, self.outcome = drawn
            self.way.append(stimulus)
            self.state = self.outcome.after

    def _draw_stimulus(self, draw: Callable[..., Any]) -> tuple[Stimulus, Outcome] | None:
        """Events that are not enabled are tried only until one is found that is: most steps try few."""
        state, enabled, events = self.state, self.walker.enabled, self.walker.events

        def possible(where: Where) -> bool:
            return bool(enabled(state, where))

        if self.walker.swarm:
            offered = next((some for some in (self.offered, events) if any(map(possible, some))), ())
            every = enabled(state, draw(st.sampled_from(offered).filter(possible))) if offered else ()
        else:
            every = tuple(one for where in events for one in enabled(state, where))
        drawn: tuple[Stimulus, Outcome] | None = draw(st.sampled_from(every)) if every else None
        return drawn

    @invariant()
    def claims(self) -> None:
        """Ask what has not come true in this run yet."""
        walker, outcome = self.walker, self.outcome
        if outcome is None:
            return
        if self.way:
            self.rows.update((one.scope, walker.system.table_of_row(one.row).name, one.row.key) for one in outcome.fired)
        for query in walker.situations if walker.counts else ():
            if query.name not in self.seen and self._true(query, outcome):
                self.seen.add(query.name)
        broken = []
        for query in walker.asked:
            scope = self._true(query, outcome)
            if scope is not None:
                walker.note(Hit(query.name, scope, len(self.way), tuple(self.way), self.initial))
                broken.append(query.name)
        if broken:
            walker.ends(len(self.way), self.seen, self.rows)
            walker.broken, walker.last = broken, len(self.way)
            raise _Broken(", ".join(broken))

    def _true(self, query: Query, outcome: Outcome) -> str | None:
        """Where a question is true of the step just made; of the beginning, only if it is asked there."""
        return true_at(self.walker.system, query, outcome) if self.way or query.initial else None

    def teardown(self) -> None:
        if hasattr(self, "rows"):
            self.walker.ends(len(self.way), self.seen, self.rows)
