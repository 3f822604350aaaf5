"""Do timers keep their time? Asked of a replayed run, by what its rows and states say; the simulator's own clocks are not asked.

An expiry comes when its timer has run for as long as it has to since it was started last, not sooner (that would be an older
start's, a stale generation) and not later, unless the model held it back. And none is overdue when the run ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.action import StartTimer
from model.expr import Var, evaluate
from model.system import State, System
from sim.clocks import Clock, Duration, clocks
from sim.recording import SimulationError
from verify.step import Outcome, Stimulus, View

ROUNDING = 1e-6  # seconds; times are sums of floats


@dataclass
class _Hand:
    """A running clock: since when, how long this wait is, and how many expiries since the start."""

    since: float
    duration: Duration
    expiries: int = 0


@dataclass(frozen=True)
class Changes:
    """What a step does to the clocks: which run after it, and which timers it started."""

    running: tuple[bool, ...]
    started: frozenset[int]


class Punctual:
    """The clocks of a system, for many runs."""

    def __init__(self, system: System, durations: Mapping[str, Duration]) -> None:
        self.system = system
        self.clocks: Sequence[Clock] = clocks(system, durations)
        self._number = {(one.scope, one.table, one.event, one.args): at for at, one in enumerate(self.clocks)}
        self._timer_of: dict[tuple[str, str, str], list[int]] = {}
        for at, one in enumerate(self.clocks):
            if one.timer is not None:
                self._timer_of.setdefault((one.scope, one.timer.table, one.timer.name), []).append(at)

    def running(self, state: State) -> tuple[bool, ...]:
        return tuple(bool(evaluate(one.running, View(self.system, one.scope, state, {}, {}))) for one in self.clocks)

    def changes(self, outcome: Outcome) -> Changes:
        """What a step does, whenever it happens."""
        started = [number for firing in outcome.fired for action in firing.row.actions
                   if isinstance(action, StartTimer) and isinstance(action.target, Var)
                   for number in self._timer_of.get((firing.scope, action.target.table, action.target.name), ())]
        return Changes(self.running(outcome.after), frozenset(started))

    def watch(self, initial: State) -> Watch:
        return Watch(self, initial)

    def number(self, stimulus: Stimulus) -> int | None:
        """The clock whose expiry a stimulus is."""
        return self._number.get((stimulus.scope, stimulus.table, stimulus.event, stimulus.args))

    def hand(self, number: int, now: float, state: State) -> _Hand:
        one = self.clocks[number]
        instance = self.system.instance(one.scope, one.table)
        assert instance is not None
        return _Hand(now, one.duration(state[self.system.position(one.scope, instance.table.state)]))


class Watch:
    """The clocks along one run."""

    def __init__(self, all_: Punctual, initial: State) -> None:
        self.all = all_
        self.hands = {number: all_.hand(number, 0.0, initial) for number, runs in enumerate(all_.running(initial)) if runs}

    def step(self, now: float, stimulus: Stimulus, after: State, changes: Changes, late: bool) -> None:
        """One step at a time in seconds. Raises SimulationError where an expiry is too early, or later than it has to be."""
        expired = self.all.number(stimulus)
        if expired is not None:
            self._expiry(expired, now, late)
        for number, runs in enumerate(changes.running):
            if not runs:
                self.hands.pop(number, None)
            elif number not in self.hands or number in changes.started:
                self.hands[number] = self.all.hand(number, now, after)
            elif number == expired:
                hand = self.hands[number]
                state = self.all.hand(number, now, after)
                self.hands[number] = _Hand(now, state.duration, hand.expiries + 1)

    def _expiry(self, number: int, now: float, late: bool) -> None:
        hand = self.hands.get(number)
        if hand is None:
            raise SimulationError(f"{now:.6f} s: {self._what(number)} expires and does not run")
        ran, least, most = now - hand.since, hand.duration.shortest(hand.expiries), hand.duration.longest(hand.expiries)
        if ran < least - ROUNDING:
            raise SimulationError(f"{now:.6f} s: {self._what(number)} expires {ran:.6f} s after its start, {least:g} s is the least: "
                                  "a stale generation")
        if ran > most + ROUNDING and not late:
            raise SimulationError(f"{now:.6f} s: {self._what(number)} expires {ran:.6f} s after its start, {most:g} s is the most")

    def over(self, end: float, waiting: Sequence[int]) -> None:
        """The run ends. Raises SimulationError where an expiry is overdue and not held back."""
        for number, hand in self.hands.items():
            if number not in waiting and end - hand.since > hand.duration.longest(hand.expiries) + ROUNDING:
                raise SimulationError(f"{end:.6f} s: {self._what(number)} is overdue since its start at {hand.since:.6f} s")

    def _what(self, number: int) -> str:
        one = self.all.clocks[number]
        return f"{one.scope} {one.table} {one.event}"
