"""Liveness: from where `when` holds, every fair run comes to the goal; or a lasso, a fair run that never does.

A run is a path that may also stay in a state for ever. It is fair (weak fairness, justice) where no owed action is enabled from
some point on in every state and never taken: Manna and Pnueli, Temporal Verification of Reactive Systems: Safety (1995), 2.1. An
action is an offer with its arguments: the expiry of one timer, the end of one SA's life, the arrival of one message. So a
message that stays under way for ever while others overtake it is a message lost, and no fair run does that without spending a
loss. Which offers are owed, the duty says.

The criterion is that of Lichtenstein and Pnueli (POPL 1985, 3): among the states reached from a `when` state without passing the
goal, a strongly connected set holds a fair run for ever if and only if each owed action is disabled in one of its states, or taken
between two of them. Both become easier in a larger set, so that the maximal sets, the strong components, decide. A state that no
owed action leaves is such a set of its own; the run stays there.

What only a bound forbids (room on the wire, the constraint) counts as enabled: a run is not fair because the wire is full. So
what is judged are the fair runs of the unbounded system that keep within the bounds. Where these come to a set in which
everything that fairness asks for is beyond the bounds, none of them goes on; such a set is `bounded`, neither a finding nor an
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from model.expr import FALSE, Expr
from model.system import Offer, State, System
from verify.native import NOBODY, Space
from verify.query import INTERRUPTED, Progress, between
from verify.reference import Counts
from verify.search import explored, out_of_memory
from verify.step import Stimulus

Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Duty:
    """From a state where `when` holds at one of `scopes`, every fair run reaches a state where `goal` holds there.

    All are expressions over one state. `owed`: may a run rely on this offer? `barred`: is nothing promised of runs in which it
    happens? `leads`: where one more action is owed, which the system does not offer and which would lead to the goal.
    """

    name: str
    when: Expr
    goal: Expr
    scopes: tuple[str, ...]
    owed: Callable[[Offer], bool]
    barred: Callable[[Offer], bool] = lambda _: False
    leads: Expr = FALSE


@dataclass(frozen=True)
class Lasso:
    """A fair run that never reaches the goal of a duty at `scope`. After `loop` steps it comes to a state to which the last step leads
    back; where `loop` is the number of steps, it stays in the last state for ever."""

    duty: str
    scope: str
    initial: State
    stimuli: tuple[Stimulus, ...]
    loop: int


@dataclass(frozen=True)
class Found:
    """What is known of a duty. `tested`: states where `when` holds. `lasso`: it fails. `bounded`: why it is
    not known whether it holds, where neither a lasso was found nor a trap can be excluded."""

    tested: int = 0
    lasso: Lasso | None = None
    bounded: str = ""


@dataclass
class Result:
    """Of each duty judged what was found, by name. `why`: what stopped it before the last was. edges: transitions recorded, those
    that only a bound forbids included."""

    counts: Counts = field(default_factory=Counts)
    why: str = ""
    found: dict[str, Found] = field(default_factory=dict)
    seconds: float = 0.0
    edges: int = 0

    @property
    def complete(self) -> bool:
        return not self.why


def liveness(system: System, duties: Sequence[Duty], *, memory_gib: float = 2.0, timeout: float | None = None,
             progress: Callable[[Progress], None] | None = None) -> Result:
    """Visit every reachable state and judge the duties on the whole graph. `memory_gib`: for states and transitions; judging takes
    about as much again. Raises what `verify.search.search` does."""
    begun, result = perf_counter(), Result()
    marks = [(expr, scope) for duty in duties for scope in duty.scopes for expr in (duty.when, duty.goal, duty.leads)]
    try:
        space = Space(system, (), int(memory_gib * 2**30), edges=True, marks=marks)
    except (MemoryError, KeyboardInterrupt) as error:
        result.why = out_of_memory(memory_gib) if isinstance(error, MemoryError) else INTERRUPTED
    else:
        result.why, result.counts = explored(space, begun, memory_gib, timeout, progress)
        result.edges = len(space.edges)
        if result.complete:
            try:
                for duty, found in _judged(space, duties):
                    result.found[duty.name] = found
                    if progress is not None:
                        counts = result.counts
                        progress(Progress(counts.distinct, 0, counts.levels, counts.transitions, perf_counter() - begun))
            except (MemoryError, KeyboardInterrupt) as error:
                result.why = "not enough memory to judge the graph" if isinstance(error, MemoryError) else INTERRUPTED
    result.seconds = perf_counter() - begun
    return result


def _judged(space: Space, duties: Sequence[Duty]) -> Iterator[tuple[Duty, Found]]:
    graph, marked, at = _Graph(space), space.marked(), 0
    for duty in duties:
        told = []
        for scope in duty.scopes:
            when, goal, leads = ((marked >> np.uint64(at + bit) & np.uint64(1)).astype(np.bool_) for bit in range(3))
            told.append(_Region(graph, duty, scope, when, goal, leads).told())
            at += 3
        failed = [one for one in told if one.lasso is not None] or [one for one in told if one.bounded]
        shortest = min(failed, key=lambda one: len(one.lasso.stimuli) if one.lasso else 0) if failed else Found()
        yield duty, Found(sum(one.tested for one in told), shortest.lasso, shortest.bounded)


class _Graph:
    """The whole state graph. `start`: where the transitions of each state begin."""

    def __init__(self, space: Space) -> None:
        self.space, edges = space, space.edges
        self.source, self.target, self.label = edges[:, 0], edges[:, 1], edges[:, 2]
        self.real: Bools = self.target != NOBODY
        self.start: Numbers = np.searchsorted(self.source, np.arange(space.count + 1)).astype(np.int64)

    def labelled(self, of: Callable[[Offer], bool]) -> Bools:
        """For each label whether its offer is one of these."""
        found = np.zeros(self.space.labels, np.bool_)
        for offer, first, end in self.space.offered():
            found[first:end] = of(offer)
        return found

    def levels(self) -> Iterator[tuple[int, int]]:
        """The states of each depth, from and up to: they are numbered in the order of the search."""
        first, parents = int((self.space.parents[:self.space.count] == NOBODY).sum()), self.space.parents[:self.space.count]
        begin, end = 0, first
        while begin < end:
            yield begin, end
            begin, end = end, first + int(np.searchsorted(parents[first:], end))

    def leaving(self, states: Numbers) -> Numbers:
        """The transitions of these states, by number, in the order of the states."""
        counts = self.start[states + 1] - self.start[states]
        ends = np.cumsum(counts)
        found: Numbers = np.arange(counts.sum()) + np.repeat(self.start[states] - ends + counts, counts)
        return found


class _Region:
    """What is reached from a `when` state without passing the goal. `far`: steps from an initial state, -1 outside; `by`: the
    transition over which a state was reached first, -1 for a `when` state where the way is the search's own."""

    def __init__(self, graph: _Graph, duty: Duty, scope: str, when: Bools, goal: Bools, leads: Bools) -> None:
        self.graph, self.duty, self.scope, self.leads = graph, duty, scope, leads
        self.owed, barred = graph.labelled(duty.owed), graph.labelled(duty.barred)
        self.real: Bools = graph.real & ~barred[graph.label]
        self.far: NDArray[np.int32] = np.full(len(when), -1, np.int32)
        self.by: Numbers = np.full(len(when), -1, np.int64)
        self.tested = int(when.sum())
        self._flood(when & ~goal, ~goal)

    def _flood(self, begin: Bools, open_: Bools) -> None:
        graph, levels, fresh, depth = self.graph, self.graph.levels(), np.empty(0, np.int64), 0
        while True:
            level = next(levels, None)
            if level is None and not len(fresh):
                return
            if level is not None:
                seeds = level[0] + np.flatnonzero(begin[level[0]:level[1]] & (self.far[level[0]:level[1]] < 0))
                self.far[seeds] = depth
                fresh = np.concatenate((fresh, seeds))
            out = graph.leaving(fresh)
            out = out[self.real[out]]
            to = graph.target[out].astype(np.int64)
            new = open_[to] & (self.far[to] < 0)
            fresh, first = np.unique(to[new], return_index=True)
            depth += 1
            self.far[fresh], self.by[fresh] = depth, out[new][first]

    def told(self) -> Found:
        """What is known of the duty here."""
        graph, inside = self.graph, self.far >= 0
        component = np.full(len(inside), -1, np.int64)
        component[inside], size = self._components(inside)
        owed = self._owed(np.flatnonzero(inside[graph.source]))
        of = component[graph.source[owed]]
        keys: Numbers = of * graph.space.labels + graph.label[owed]
        stays = self.real[owed] & (component[np.where(graph.real[owed], graph.target[owed], 0)] == of)
        due = self._due(owed, keys, size, np.unique(keys[stays]))
        led = np.bincount(component[inside & self.leads], minlength=len(size)) == size

        def trapped(due: Numbers) -> Numbers:
            left = led.copy()
            left[due // graph.space.labels] = True
            found: Numbers = np.flatnonzero(inside)[~left[component[inside]]]
            return found

        if len(trap := trapped(due)):
            return Found(self.tested, self._lasso(trap, component))
        bounded = trapped(due[np.isin(due, keys[graph.real[owed]])])
        return Found(self.tested, None, self._bound(bounded) if len(bounded) else "")

    def _components(self, inside: Bools) -> tuple[Numbers, Numbers]:
        """The strong components of the states inside: of each state its number, of each component how many states it has."""
        graph, states = self.graph, int(inside.sum())
        number = np.cumsum(inside) - 1
        within = np.flatnonzero(self.real & inside[graph.source])
        within = within[inside[graph.target[within]]]
        # Transitions are sorted by where they come from: the rows of a CSR matrix.
        row = np.zeros(states + 1, np.int64)
        np.cumsum(np.bincount(number[graph.source[within]], minlength=states), out=row[1:])
        matrix = csr_array((np.ones(len(within)), number[graph.target[within]], row), shape=(states, states))
        matrix.sum_duplicates()  # scipy does not come to an end where an entry stands twice
        amount, component = connected_components(matrix, directed=True, connection="strong")
        return component.astype(np.int64), np.bincount(component, minlength=amount)

    def _owed(self, edges: Numbers) -> Numbers:
        """Those of these transitions that are by an owed action."""
        found: Numbers = edges[self.owed[self.graph.label[edges]]]
        return found

    def _due(self, owed: Numbers, keys: Numbers, size: Numbers, done: Numbers) -> Numbers:
        """What a fair run in a component cannot put off: an action enabled in all its states and never taken between two of them.
        `keys`: of these transitions, component and action."""
        source, label = self.graph.source[owed], self.graph.label[owed]
        again = np.zeros(len(owed), np.bool_)  # an action with several outcomes is enabled once; they stand together
        again[1:] = (source[1:] == source[:-1]) & (label[1:] == label[:-1])
        found, times = np.unique(keys[~again], return_counts=True)
        due: Numbers = found[(times == size[found // self.graph.space.labels]) & ~np.isin(found, done, assume_unique=True)]
        return due

    # -- the witness -----------------------------------------------------------------------------

    def _lasso(self, trapped: Numbers, component: Numbers) -> Lasso:
        """The shortest way into a trap, and a walk round it that does what fairness asks for."""
        graph, space = self.graph, self.graph.space
        begin = int(trapped[np.argmin(self.far[trapped])])
        stem: list[int] = []
        at = begin
        while self.by[at] >= 0:
            stem.append(int(self.by[at]))
            at = int(graph.source[stem[-1]])
        path = [space.state(one) for one in space.path(at)]
        steps = [between(space.system, before, after) for before, after in pairwise(path)]
        steps += [self._stimulus(edge) for edge in reversed(stem)]
        members = set(map(int, np.flatnonzero(component == component[begin])))
        return Lasso(self.duty.name, self.scope, path[0], (*steps, *map(self._stimulus, self._round(begin, members))), len(steps))

    def _stimulus(self, edge: int) -> Stimulus:
        """The stimulus of a transition, from the interpreter."""
        space, graph = self.graph.space, self.graph
        offer, args = space.stimulus(int(graph.label[edge]))
        wanted = (offer.scope, offer.table.name, offer.event.name, args)
        return between(space.system, space.state(int(graph.source[edge])), space.state(int(graph.target[edge])),
                       lambda one: (one.scope, one.table, one.event, one.args) == wanted)

    def _round(self, begin: int, members: set[int]) -> list[int]:
        """A closed walk among the members that takes each owed action, or passes a state where it is disabled; transitions."""
        graph, walk, at = self.graph, list[int](), begin

        @cache
        def enabled(state: int) -> frozenset[int]:
            return frozenset(map(int, graph.label[self._owed(graph.leaving(np.array([state])))]))

        def serves(edge: int) -> bool:
            to = int(graph.target[edge])
            return int(graph.label[edge]) in pending or not pending <= enabled(to) or (led and not self.leads[to])

        def closes(edge: int) -> bool:
            return int(graph.target[edge]) == begin

        pending, led = enabled(begin), bool(self.leads[begin])
        while pending or led or at != begin:
            for edge in self._way(at, members, serves if pending or led else closes):
                walk.append(edge)
                at = int(graph.target[edge])
                pending, led = (pending & enabled(at)) - {int(graph.label[edge])}, led and bool(self.leads[at])
        return walk

    def _way(self, at: int, members: set[int], there: Callable[[int], bool]) -> list[int]:
        """The shortest way among the members to a transition that is `there`, that one included."""
        graph, by, todo = self.graph, {at: -1}, [at]
        for state in todo:
            for edge in range(int(graph.start[state]), int(graph.start[state + 1])):
                to = int(graph.target[edge])
                if to not in members or not self.real[edge]:
                    continue
                if there(edge):
                    way = [edge]
                    while by[int(graph.source[way[-1]])] >= 0:
                        way.append(by[int(graph.source[way[-1]])])
                    return way[::-1]
                if to not in by:
                    by[to] = edge
                    todo.append(to)
        raise LookupError(f"{self.duty.name}: no way on in a strongly connected set")

    def _bound(self, trapped: Numbers) -> str:
        """What a larger bound would let happen in the first of these traps."""
        at = int(trapped[np.argmin(self.far[trapped])])
        blocked = self._owed(self.graph.leaving(np.array([at])))
        blocked = blocked[~self.graph.real[blocked]]
        names = {f"{offer.event.name} at {offer.scope}" for offer, _ in
                 (self.graph.space.stimulus(int(label)) for label in self.graph.label[blocked])}
        what = " and ".join(sorted(names)) or "a step"
        return f"bound reached: {what} is disabled only for want of room on the wire, and nothing else is owed"
