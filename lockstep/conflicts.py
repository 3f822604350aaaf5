"""Conflicts: runs that break a claim, each with the readings it depends on, and the smallest changes that disagree with all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, prod

from lockstep.jobs import Question
from model.expr import Var, evaluate, walk
from model.readings import IMPOSSIBLE, READINGS, impossible
from model.slices import deciding
from model.system import ENDS, State
from verify.depends import Condition, Watcher
from verify.query import Query
from verify.step import Disabled, StepView, Stimulus, step
from verify.symbolic.hitting import Hitting

Settings = tuple[int, ...]  # of each knob


@dataclass(frozen=True)
class Knob:
    """What one change changes: the readings with these names, together. options: their values, first as they stand."""

    name: str
    names: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Conflict:
    """A run that breaks `claim` at `end`, under whatever meets the conditions, from an initial state like `initial` but for readings."""

    claim: str
    end: str
    initial: State
    stimuli: tuple[Stimulus, ...]
    conditions: tuple[Condition, ...]


def knobs(read: Collection[str], chosen: Mapping[str, str], symmetric: bool) -> tuple[Knob, ...]:
    """What may be changed of the readings chosen: those that are read; `symmetric`: those of both ends together. The world's are not
    for a protocol to change."""
    found = []
    for key, reading in READINGS.items():
        if reading.scope == "world":
            continue
        names = [name for name in ([f"{end}:{key}" for end in ENDS] if reading.scope == "endpoint" else [key]) if name in read]
        for together in ([tuple(names)] if symmetric and names else [(name,) for name in names]):
            now = tuple(chosen[name] for name in together)
            others = [(value,) * len(together) for value in reading.values]
            found.append(Knob(key if symmetric else together[0], together, (now, *(one for one in others if one != now))))
    return tuple(found)


class Conflicts:
    """What is known not to work of changes to a base.

    A run is played on the base's system, from where the slice starts under other readings: nothing else of a slice depends on them.
    """

    def __init__(self, base: Question, wanted: Collection[str], turned: Sequence[Knob], sooner: Mapping[str, int] | None = None) -> None:
        """wanted: claims that are not to break; sooner: claims that are not to break in fewer steps."""
        self.chosen, self.system, self.knobs = base.chosen, base.system, tuple(turned)
        self._before = {**dict.fromkeys(wanted, inf), **(sooner or {})}
        self.queries = [query for query in base.queries if query.name in self._before]
        self.known: dict[tuple[str, tuple[Condition, ...]], Conflict] = {}
        self.runs: dict[tuple[int, tuple[Stimulus, ...]], None] = {}
        self._base, self._watcher = base, Watcher(base.system)
        self._deciding = tuple(sorted(deciding(base.job.slice)))
        self._starts: dict[tuple[str, ...], tuple[State, ...]] = {}
        self._forbidden = 0
        self._hitting = self._open()

    def __len__(self) -> int:
        return len(self.known)

    # -- runs ------------------------------------------------------------------------------------

    def learn(self, start: int, stimuli: Sequence[Stimulus], chosen: Mapping[str, str]) -> int:
        """Play stimuli under readings from that of the initial states there, leaving out what cannot happen, up to the first breach: how
        many conflicts are new."""
        starts, played = self.starts(chosen), list[Stimulus]()
        if start >= len(starts):
            return 0
        initial = state = starts[start]
        for stimulus in stimuli:
            try:
                outcome = step(self.system, state, stimulus)
            except Disabled:
                continue
            played.append(stimulus)
            state = outcome.after
            broken = [(query, end) for query in self.queries for end in query.scopes
                      if len(played) < self._before[query.name] and evaluate(query.when, StepView(self.system, end, outcome))]
            if broken:
                return sum(self._keep(start, initial, tuple(played), query, end) for query, end in broken)
        return 0

    def learn_again(self, chosen: Mapping[str, str]) -> int:
        """The same with every run that broke something under other readings."""
        return sum(self.learn(start, stimuli, chosen) for start, stimuli in list(self.runs))

    def breaking(self, chosen: Mapping[str, str]) -> list[Conflict]:
        """The conflicts whose runs are known to break under these readings, shortest first."""
        codes = _codes(chosen)
        found = [one for one in self.known.values() if all(
            tuple(codes[name] for name in condition.names) in condition.allowed for condition in one.conditions)]
        return sorted(found, key=lambda one: len(one.stimuli))

    def starts(self, chosen: Mapping[str, str]) -> tuple[State, ...]:
        """Where the slice starts under these readings."""
        values = tuple(chosen[name] for name in self._deciding)
        if values not in self._starts:
            self._starts[values] = self._base.starts({**self.chosen, **dict(zip(self._deciding, values, strict=True))})
        return tuple(self._with(state, _codes(chosen)) for state in self._starts[values])

    def initial(self, one: Conflict, chosen: Mapping[str, str]) -> State:
        """The initial state of a conflict's run under readings that meet its conditions."""
        return self._with(one.initial, _codes(chosen))

    def _with(self, state: State, codes: Mapping[str, int]) -> State:
        cells = list(state)
        for name, code in codes.items():
            cells[self.system.reading_positions[name]] = code
        return tuple(cells)

    def _keep(self, start: int, initial: State, played: tuple[Stimulus, ...], query: Query, end: str) -> bool:
        conditions = (*self._watcher.run(initial, played, query.when, end), *self._starting(initial))
        if (query.name, conditions) in self.known:
            return False
        self.known[query.name, conditions] = Conflict(query.name, end, initial, played, conditions)
        self.runs[start, played] = None
        return True

    def _starting(self, initial: State) -> Iterator[Condition]:
        """The readings under which the slice starts in a state that is the same but for readings."""
        unread = dict.fromkeys(self.system.reading_positions, 0)
        allowed = frozenset(
            tuple(_codes(values).values()) for values in _combinations(self._deciding)
            if self._with(initial, unread) in (self._with(state, unread) for state in self.starts({**self.chosen, **values})))
        if len(allowed) < prod(len(READINGS[name].values) for name in self._deciding):
            yield Condition(self._deciding, allowed)

    # -- changes ---------------------------------------------------------------------------------

    def smallest(self) -> Settings | None:
        """Fewest changes that disagree with every conflict; None where no changes do. Raises GaveUp where z3 is interrupted."""
        for conflict in list(self.known.values())[self._forbidden:]:
            self._hitting.forbid(self._as_settings(conflict.conditions))
        self._forbidden = len(self.known)
        return self._hitting.smallest()

    def leave_out(self, settings: Settings) -> None:
        """Do not come up with these changes again, though nothing is known against them."""
        self._hitting.forbid([(range(len(settings)), [settings])])

    def leave_out_with_more(self, settings: Settings) -> None:
        """Nor with these and others besides."""
        self._hitting.forbid([([knob], [(setting,)]) for knob, setting in enumerate(settings) if setting])

    def rule_out_all(self, claim: str) -> bool:
        """Do the conflicts of this claim alone leave no combination?"""
        hitting = self._open()
        for conflict in self.known.values():
            if conflict.claim == claim:
                hitting.forbid(self._as_settings(conflict.conditions))
        return hitting.smallest() is None

    def _open(self) -> Hitting:
        """With nothing known but that the slice can start."""
        hitting, slice_name = Hitting([len(knob.options) for knob in self.knobs]), self._base.job.slice
        keys = {node.name for one in IMPOSSIBLE if slice_name in one.slices for node in walk(one.when) if isinstance(node, Var)}
        names = tuple(name for name in self.chosen if name.rpartition(":")[2] in keys)
        never = frozenset(tuple(_codes(values).values()) for values in _combinations(names)
                          if impossible(slice_name, {**self.chosen, **values}) is not None)
        if never:
            hitting.forbid(self._as_settings([Condition(names, never)]))
        return hitting

    def changes(self, settings: Settings) -> dict[str, str]:
        """The changes as overrides of the base."""
        return {name: value for knob, setting in zip(self.knobs, settings, strict=True) if setting
                for name, value in zip(knob.names, knob.options[setting], strict=True)}

    def _as_settings(self, conditions: Iterable[Condition]) -> Iterator[tuple[list[int], list[Settings]]]:
        """Conditions as settings that knobs may have together."""
        for condition in conditions:
            at = [number for number, knob in enumerate(self.knobs) if set(knob.names) & set(condition.names)]
            allowed = []
            for settings in product(*(range(len(self.knobs[number].options)) for number in at)):
                now = dict(self.chosen)
                for number, setting in zip(at, settings, strict=True):
                    now |= zip(self.knobs[number].names, self.knobs[number].options[setting], strict=True)
                codes = _codes({name: now[name] for name in condition.names})
                if tuple(codes[name] for name in condition.names) in condition.allowed:
                    allowed.append(settings)
            yield at, allowed


def size(settings: Settings) -> int:
    """How many knobs are changed."""
    return sum(map(bool, settings))


def _combinations(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Every combination of the values of some readings."""
    for values in product(*(READINGS[name.rpartition(":")[2]].values for name in names)):
        yield dict(zip(names, values, strict=True))


def _codes(chosen: Mapping[str, str]) -> dict[str, int]:
    return {name: READINGS[name.rpartition(":")[2]].var.sort.code(value) for name, value in chosen.items()}
