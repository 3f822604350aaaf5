"""Subset construction: the points at which an end can be, given what was seen of it.

What an end sends is seen later than it was sent, what it gets is seen before it gets it. So a message that passed towards the end may
have arrived at any time since, and a step of the end's that sends is taken when its first message is seen: what the end did before
that sends nothing, and the order of the rest is kept (decision 044).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from model.system import State
from traces.fit.machine import Machine, Symbol
from verify.step import Stimulus

MOST_POINTS = 8000


class Point(NamedTuple):
    """A state of the end, what is under way to it, and what it sent that was not seen yet."""

    state: State
    queue: Hashable
    pending: tuple[Symbol, ...]


Points = frozenset[Point]


def any_time(arrivals: Mapping[Symbol, Sequence[Stimulus]]) -> tuple[Callable[[Hashable], Iterable[tuple[Stimulus, Hashable]]],
                                                                     Callable[[Hashable, Symbol], Hashable]]:
    """`arrives` and `joins` of an observer to which whatever passed may come at any time after, in any order, more than once, or never."""
    def arrives(queue: Hashable) -> Iterable[tuple[Stimulus, Hashable]]:
        assert isinstance(queue, frozenset)
        return [(stimulus, queue) for one in sorted(queue) for stimulus in arrivals[one]]

    def joins(queue: Hashable, one: Symbol) -> Hashable:
        assert isinstance(queue, frozenset)
        return queue | {one}

    return arrives, joins


class TooMany(Exception):
    """More points than are followed."""


class Observer:
    """An end's machine, what may happen in it unseen, and how messages come to it.

    `arrives`: the stimuli that what is under way may cause, each with what is under way after. `joins`: what is under way once one more
    message has passed. `silent`: what an end may leave out or put together with something else.
    """

    def __init__(self, machine: Machine, hidden: Sequence[Stimulus], arrives: Callable[[Hashable], Iterable[tuple[Stimulus, Hashable]]],
                 joins: Callable[[Hashable, Symbol], Hashable], silent: Callable[[Symbol], bool] = lambda symbol: False,
                 forgets: Callable[[State], State] = lambda state: state) -> None:
        self.machine, self.hidden, self.arrives, self.joins, self.silent = machine, tuple(hidden), arrives, joins, silent
        self.forgets = forgets
        self._closed: dict[Points, Points] = {}
        self._after: dict[tuple[Points, Symbol, bool], Points] = {}

    def begin(self, states: Iterable[State], queue: Hashable) -> Points:
        return self.close(frozenset(Point(state, queue, ()) for state in states))

    def close(self, points: Points) -> Points:
        """With everything that may have happened unseen."""
        found = self._closed.get(points)
        if found is None:
            todo, every = list(points), set(points)
            while todo:
                for after, said in self.moves(todo.pop()):
                    if not said and after not in every:
                        every.add(after)
                        todo.append(after)
                if len(every) > MOST_POINTS:
                    raise TooMany
            found = self._closed[points] = frozenset(every)
        return found

    def moves(self, point: Point) -> Iterator[tuple[Point, tuple[Symbol, ...]]]:
        """What may happen at a point: the point after it, and what has to be seen of it."""
        stimuli = [(one, point.queue) for one in self.hidden]
        for stimulus, queue in (*stimuli, *self.arrives(point.queue)):
            for state, said in self.machine.steps(point.state, stimulus):
                yield Point(self.forgets(state), queue, point.pending), tuple(one for one in said if not self.silent(one))

    def passes(self, points: Points, symbol: Symbol) -> Points:
        """A message towards the end."""
        key = points, symbol, False
        if key not in self._after:
            self._after[key] = self.close(frozenset(one._replace(queue=self.joins(one.queue, symbol)) for one in points))
        return self._after[key]

    def sends(self, points: Points, symbol: Symbol) -> Points:
        """A message of the end's: the points at which it can be then; none where no point sends it."""
        key = points, symbol, True
        if key not in self._after:
            self._after[key] = self.close(frozenset(self._sending(points, symbol)))
        return self._after[key]

    def _sending(self, points: Points, symbol: Symbol) -> Iterator[Point]:
        for point in points:
            if point.pending:
                if point.pending[0] == symbol:
                    yield point._replace(pending=point.pending[1:])
                continue
            for after, said in self.moves(point):
                if said and said[0] == symbol:
                    yield after._replace(pending=said[1:])

    def keeps(self, points: Points, allowed: Callable[[State], bool]) -> Points:
        """A message that the tables leave out: the points whose state may send it."""
        return frozenset(one for one in points if allowed(one.state))

    def possible(self, points: Points) -> list[Symbol]:
        """What could be seen of the end next."""
        found: dict[Symbol, None] = {}
        for point in points:
            if point.pending:
                found[point.pending[0]] = None
            else:
                found |= {said[0]: None for _, said in self.moves(point) if said}
        return sorted(found)
