"""One slice under any readings and budgets, searched again and again by one piece of code.

Readings and budgets stand in the initial states alone, so that all of them are one family (`verify.search.Family`): compiled once, in some
seconds, and each search after that costs only its states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lockstep.jobs import Job, Question, question
from model.readings import READINGS
from model.slices import BUDGETS, CAPACITIES, starts_of
from model.system import State, System
from properties.registry import claims_of
from verify.query import INTERRUPTED, Hit, Progress
from verify.search import Family, Result

Chosen = Mapping[str, str]  # a value for every reading
Bounds = Mapping[str, int]  # all bounds of the slice


@dataclass(frozen=True)
class Judged:
    """What a search says of every claim of the slice: `breaches`: the steps to the first breach, None where there is none in what was
    visited; `tested`: the claims whose antecedent was reached. why: what stopped the search, "" where every state was visited."""

    states: int
    transitions: int
    why: str
    breaches: Mapping[str, int | None]
    tested: frozenset[str]

    def worse(self, than: Mapping[str, int | None]) -> tuple[str, ...]:
        """The claims that break, but did not there, or only after more steps."""
        return tuple(name for name, length in self.breaches.items() if length is not None
                     and ((before := than[name]) is None or length < before))


class Bench:
    """A slice with all its claims. Searches are remembered. Ctrl-C is raised: a search that it ended says nothing."""

    def __init__(self, slice_name: str, memory_gib: float = 1.5) -> None:
        self.slice, self.memory = slice_name, memory_gib
        self.claims = tuple(claim.name for claim in claims_of(slice_name))
        self._made: dict[tuple[int, ...], tuple[Question, Family]] = {}
        self._judged: dict[tuple[object, ...], Judged] = {}

    def judge(self, chosen: Chosen, bounds: Bounds, states: Sequence[State] = (), most: int | None = None) -> Judged:
        """Search from where the slice starts under these readings, or from given states of the system of these bounds. most: states that
        it may come to."""
        asked, _ = self._family(bounds)
        key = (tuple(chosen[name] for name in asked.chosen), tuple(sorted(bounds.items())), tuple(states), most)
        if key not in self._judged:
            self._judged[key] = self._search(chosen, bounds, states, most=most)[0]
        return self._judged[key]

    def hits(self, chosen: Chosen, bounds: Bounds, claims: Sequence[str], most: int | None = None) -> dict[str, tuple[int, Hit]]:
        """Shortest breaches of some of the claims that break: the number of the initial state, and the run. most: as `judge` was told."""
        _, hits = self._search(chosen, bounds, (), claims, None if most is None else 2 * most)  # for certain not less than there
        starts = self.starts(chosen, bounds)
        return {name: (starts.index(hit.initial), hit) for name, hit in hits.items() if hit is not None}

    def starts(self, chosen: Chosen, bounds: Bounds) -> tuple[State, ...]:
        """Where the slice starts, as states of the system of these bounds."""
        asked, _ = self._family(bounds)
        return asked.system.states_from(starts_of(self.slice, chosen, bounds))

    def system(self, bounds: Bounds) -> System:
        """The system that `judge` searches; its initial states are no matter."""
        return self._family(bounds)[0].system

    def _search(self, chosen: Chosen, bounds: Bounds, states: Sequence[State],
                claims: Sequence[str] = (), most: int | None = None) -> tuple[Judged, dict[str, Hit | None]]:
        asked, family = self._family(bounds)
        judged, result = searched(asked, family, states or self.starts(chosen, bounds), claims, most)
        return judged, result.hits

    def _family(self, bounds: Bounds) -> tuple[Question, Family]:
        """The code for these capacities, and what it asks."""
        key = tuple(bounds[name] for name in CAPACITIES)
        if key not in self._made:
            asked = question(Job(self.slice, "draft", properties=self.claims, bounds=bounds))
            turns = range(max(var.sort.size for var in (*BUDGETS.values(), *(one.var for one in READINGS.values()))))
            spans = [state for turn in turns for state in asked.system.states_from(starts_of(
                self.slice, {name: _turned(name, turn) for name in asked.chosen},
                {name: min(turn, BUDGETS[name].sort.size - 1) if name in BUDGETS else value for name, value in bounds.items()}))]
            self._made[key] = asked, Family(asked.system.starting(spans), (*asked.queries, *asked.antecedents), memory_gib=self.memory)
        return self._made[key]


def searched(asked: Question, family: Family, states: Sequence[State], claims: Sequence[str] = (), most: int | None = None,
             report: Callable[[Progress], None] | None = None) -> tuple[Judged, Result]:
    """Search a member of a family that was made for a question's queries and antecedents. claims: whose witness is made; most: states that
    it may come to. Raises KeyboardInterrupt after Ctrl-C, or where `report` does."""

    def stop(progress: Progress) -> None:
        if report is not None:
            report(progress)
        if most is not None and progress.states > most:
            raise KeyboardInterrupt

    result = family.search(states, asked=claims, progress=stop)
    if result.why == INTERRUPTED and (most is None or result.counts.distinct <= most):
        raise KeyboardInterrupt
    why = f"more than {most:,} states" if most is not None and result.counts.distinct > most else result.why
    breaches = {query.name: result.lengths[query.name] for query in asked.queries}
    tested = frozenset(query.name for query, antecedent in zip(asked.queries, asked.antecedents, strict=True)
                       if result.lengths[antecedent.name] is not None)
    return Judged(result.counts.distinct, result.counts.transitions, why, breaches, tested), result


def _turned(name: str, turn: int) -> str:
    """A value of a reading; all of them, turn after turn."""
    values = READINGS[name.rpartition(":")[2]].values
    return values[min(turn, len(values) - 1)]
