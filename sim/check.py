"""Every simulated run is run again on the interpreter, and the claims are judged there.

The fast reader is believed only where `verify.step` does the same: the same rows at the same places, and the same state after
each step. A step is looked up before it is run: given state and stimulus the outcome is unique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from model.expr import evaluate
from model.slices import Readings
from model.system import ENDS, Monitor, State, System
from model.timed import compose, room
from properties.claim import Claim
from sim.clocks import Duration
from sim.punctual import Changes, Punctual
from sim.recording import Recorded, Recording, SimulationError
from verify.step import Disabled, Outcome, StepView, Stimulus, step

REMEMBERED = 20_000  # steps


@dataclass(frozen=True)
class Break:
    """A claim breaks in a step, counted from 1, at an end."""

    claim: str
    end: str
    step: int


@dataclass(frozen=True)
class Checked:
    """A run on the interpreter. breaks: the first of each claim that breaks. tested: claims whose antecedent occurred."""

    recording: Recording
    initial: State
    stimuli: tuple[Stimulus, ...]
    outcomes: tuple[Outcome, ...]
    breaks: Mapping[str, Break]
    tested: frozenset[str]


@dataclass(frozen=True)
class _Known:
    """A step that was run: what it does, to whom which claim matters, and what it does to the clocks."""

    outcome: Outcome
    broken: tuple[tuple[str, str], ...]
    tested: tuple[str, ...]
    changes: Changes


@dataclass
class Checker:
    """Judges runs from one of `model.timed.STARTS` under one set of readings."""

    start: str
    readings: Readings
    claims: Sequence[Claim]
    durations: Mapping[str, Duration]
    room: Mapping[str, int] = field(default_factory=room)
    system: System = field(init=False)

    def __post_init__(self) -> None:
        monitors: dict[tuple[str, str], Monitor] = {}
        for claim in self.claims:
            for one in claim.monitors:
                monitors.setdefault((one.scope, one.var.name), one)
        self.system = compose(self.start, self.readings, tuple(monitors.values()), self.room)
        self._punctual = Punctual(self.system, self.durations)
        self._known: dict[tuple[State, Stimulus], _Known] = {}

    def check(self, recording: Recording) -> Checked:
        """Raises SimulationError where the interpreter does something else than was recorded, or a timer does not keep its time."""
        (initial,) = self.system.initial
        state = initial
        watch = self._punctual.watch(initial)
        stimuli: list[Stimulus] = []
        outcomes: list[Outcome] = []
        breaks: dict[str, Break] = {}
        tested: set[str] = set()
        for number, one in enumerate(recording.steps, 1):
            stimulus = one.stimulus
            known = self._step(recording, number, state, stimulus)
            self._compare(recording, number, one, known.outcome)
            state = known.outcome.after
            watch.step(one.time, stimulus, state, known.changes, one.late)
            for claim, end in known.broken:
                breaks.setdefault(claim, Break(claim, end, number))
            tested.update(known.tested)
            stimuli.append(stimulus)
            outcomes.append(known.outcome)
        watch.over(recording.end, recording.waiting)
        return Checked(recording, initial, tuple(stimuli), tuple(outcomes), breaks, frozenset(tested))

    def _step(self, recording: Recording, number: int, state: State, stimulus: Stimulus) -> _Known:
        key = (state, stimulus)
        known = self._known.get(key)
        if known is None:
            try:
                outcome = step(self.system, state, stimulus)
            except Disabled as refusal:
                raise SimulationError(f"{_place(recording, number, stimulus)}: the interpreter does not allow it: {refusal}") from None
            views = [(end, StepView(self.system, end, outcome)) for end in ENDS]
            broken = tuple((claim.name, end) for claim in self.claims for end, view in views if evaluate(claim.violated, view))
            tested = tuple(claim.name for claim in self.claims if any(evaluate(claim.antecedent, view) for _, view in views))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[key] = _Known(outcome, broken, tested, self._punctual.changes(outcome))
        return known

    def _compare(self, recording: Recording, number: int, one: Recorded, outcome: Outcome) -> None:
        rows = recording.system.rows
        recorded = [(rows[at][0].scope, rows[at][1]) for at in one.fired]
        replayed = [(firing.scope, firing.row) for firing in outcome.fired]
        where = _place(recording, number, one.stimulus)
        if [(scope, id(row)) for scope, row in recorded] != [(scope, id(row)) for scope, row in replayed]:
            said, does = (", ".join(f"{scope} {row.key}" for scope, row in rows) for rows in (recorded, replayed))
            raise SimulationError(f"{where}: the simulator fired\n  {said}\nthe interpreter fires\n  {does}")
        if one.mark != hash(outcome.after[:len(recording.system.slots)]):
            after = "\n".join(f"  {name} = {value}" for name, value in self.system.describe(outcome.after).items())
            raise SimulationError(f"{where}: the same rows lead the simulator to another state than the interpreter's:\n{after}")


def _place(recording: Recording, number: int, stimulus: Stimulus) -> str:
    return (f"seed {recording.seed}, step {number}, {stimulus.table} {stimulus.event} at {stimulus.scope or 'the world'}")
