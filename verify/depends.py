"""What a run depends on: the readings it consulted, as conditions under which the same stimuli have the same outcome.

A run is watched row by row. Of whatever is evaluated (the guard of the row that fires, its actions, what makes a stimulus offered,
history bits, the constraint, at the end the claim) everything but the readings has the value it has in the run; what is left is a
condition on readings. A part of it that another part decides is not consulted: `a or b` with `a` true whatever the readings says
nothing about `b`. The rows of a cell exclude each other, so the guards of those that did not fire need not be asked.

Whatever satisfies all the conditions has the same run, state for state but for the readings, by induction over its rows: a
stimulus is as enabled as before, for the same cells hold the same messages, and the same choices are consulted. The conditions are
sufficient, not necessary: a run that writes another value may still end in the same breach. As with the path conditions of
symbolic execution (King 1976), here over what never changes in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from model.action import action_exprs
from model.expr import Expr, Op, Var, evaluate, walk
from model.system import State, System
from model.table import Row
from verify.step import Outcome, StepView, Stimulus, View, step


@dataclass(frozen=True)
class Condition:
    """Readings by name ("A:key", or "key" for what both ends share), and the codes that they may have together."""

    names: tuple[str, ...]
    allowed: frozenset[tuple[int, ...]]


class _Unread(Exception):
    """An expression asks for the reading at a position, and nothing was assumed of it."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Open(tuple[int, ...]):
    """A state whose readings have the values assumed, and no other."""

    readings: frozenset[int]
    assumed: dict[int, int]

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        if not isinstance(at, slice) and at in self.readings:
            if at not in self.assumed:
                raise _Unread(at)
            return self.assumed[at]
        return super().__getitem__(at)


Read = Callable[[dict[int, int]], View]  # how an expression is read under what is assumed of the readings


class Watcher:
    """Runs of one system, with their conditions."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.names = {at: name for name, at in system.reading_positions.items()}
        self._positions = frozenset(self.names)
        self._asks: dict[int, bool] = {}

    def run(self, initial: State, stimuli: Sequence[Stimulus], broken: Expr, scope: str) -> tuple[Condition, ...]:
        """The conditions under which these stimuli, from this initial state with other readings, make `broken` true at `scope` of
        the last step, as they do with its own; empty: under any readings. Raises Disabled where it is no run, ValueError where
        `broken` is not true at its end."""
        found: dict[tuple[str, ...], frozenset[tuple[int, ...]]] = {}

        def need(expr: Expr, read: Read, state: State) -> None:
            for one in self._conditions(expr, read, state):
                found[one.names] = found.get(one.names, one.allowed) & one.allowed

        state, outcome = initial, Outcome(initial, initial, (), ())
        for stimulus in stimuli:
            offer = self.system.offer_of[(stimulus.scope, stimulus.table, stimulus.event)]
            need(offer.when, partial(self._view, View(self.system, stimulus.scope, state, {}, {})), state)
            rows: list[tuple[View, Row]] = []
            outcome = step(self.system, state, stimulus, lambda view, row, rows=rows: rows.append((self._kept(view), row)))  # type: ignore[misc]
            for view, row in rows:
                for expr in (row.condition, *(expr for action in row.actions for expr in action_exprs(action))):
                    need(expr, partial(self._view, view), state)
            for monitor in self.system.monitors:
                for expr in (monitor.when, monitor.until):
                    need(expr, partial(self._step_view, outcome, monitor.scope), state)
            need(self.system.constraint, partial(self._step_view, outcome, ""), state)
            state = outcome.after
        if not evaluate(broken, StepView(self.system, scope, outcome)):
            raise ValueError("the run does not end as said")
        need(broken, partial(self._step_view, outcome, scope), state)
        return tuple(Condition(names, found[names]) for names in sorted(found))

    # -- one expression --------------------------------------------------------------------------

    def _conditions(self, expr: Expr, read: Read, state: State) -> Iterator[Condition]:
        """What readings must be for the expression to have the value that it has with those of the state."""
        if self._asks_readings(expr):
            given = {at: state[at] for at in self.names}
            for part, value in _conjuncts(expr, evaluate(expr, read(given))):
                condition = self._condition(part, value, read)
                if condition is not None:
                    yield condition

    def _condition(self, expr: Expr, value: int, read: Read) -> Condition | None:
        """The same of one part; None where it has this value whatever the readings are."""
        asked, cubes = set[int](), list[dict[int, int]]()
        todo: list[dict[int, int]] = [{}]
        while todo:
            assumed = todo.pop()
            try:
                if evaluate(expr, read(assumed)) == value:
                    cubes.append(assumed)
            except _Unread as unread:
                asked.add(unread.at)
                todo += [{**assumed, unread.at: code} for code in range(self._size(unread.at))]
        at = sorted(asked)
        allowed = {codes for cube in cubes for codes in product(*(
            (cube[one],) if one in cube else range(self._size(one)) for one in at))}
        for one in sorted(asked):
            place = at.index(one)
            without = {codes[:place] + codes[place + 1:] for codes in allowed}
            if len(without) * self._size(one) == len(allowed):  # each with every value of this one: it decides nothing
                at, allowed = at[:place] + at[place + 1:], without
        return Condition(tuple(self.names[one] for one in at), frozenset(allowed)) if at else None

    def _size(self, at: int) -> int:
        return self.system.slots[at].var.sort.size

    def _asks_readings(self, expr: Expr) -> bool:
        if id(expr) not in self._asks:  # the expressions are the system's and the claims', and outlive this
            self._asks[id(expr)] = any(isinstance(node, Var) and node.table == "reading" for node in walk(expr))
        return self._asks[id(expr)]

    # -- reading ---------------------------------------------------------------------------------

    @staticmethod
    def _kept(view: View) -> View:
        """As it reads now; a cascade goes on to write on its cells."""
        return View(view.system, view.scope, tuple(view.cells), view.params, view.choices)

    def _open(self, state: State, assumed: dict[int, int]) -> _Open:
        opened = _Open(state)
        opened.readings, opened.assumed = self._positions, assumed
        return opened

    def _view(self, view: View, assumed: dict[int, int]) -> View:
        return View(view.system, view.scope, self._open(tuple(view.cells), assumed), view.params, view.choices)

    def _step_view(self, outcome: Outcome, scope: str, assumed: dict[int, int]) -> View:
        opened = Outcome(self._open(outcome.before, assumed), self._open(outcome.after, assumed), outcome.fired, outcome.sent)
        return StepView(self.system, scope, opened)


def _conjuncts(expr: Expr, value: int) -> Iterator[tuple[Expr, int]]:
    """Parts that each must have a value for the whole to have its own: what can be split is easier to disagree with."""
    if isinstance(expr, Op) and expr.op == "not":
        yield from _conjuncts(expr.children[0], 1 - value)
    elif isinstance(expr, Op) and (expr.op, value) in (("and", 1), ("or", 0)):
        for kid in expr.children:
            yield from _conjuncts(kid, value)
    else:
        yield expr, value
