"""Expressions as Python source: what a guard or a right-hand side is where the names are those of a cell's function.

A cell is what one table does with one event in one state. Its function reads the state `s` (a list of codes), the event's
arguments `p0`, `p1`, ... and the choices `ch`. What never changes in the system (readings, configuration, an end's name) is a
constant, and what follows from constants is worked out here, so that only what can vary is left to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from model.action import Set
from model.expr import Choice, Const, Expr, Item, ModelError, OnWire, Op, Param, Var
from model.system import State, System

Code = int | str  # a constant, or Python source
Observe = Callable[[Sequence[tuple[int, int]], OnWire], str]


def constants(system: System, state: State) -> dict[int, int]:
    """The positions that no row and no monitor ever writes, with their values."""
    written = {system.position(monitor.scope, monitor.var) for monitor in system.monitors}
    for one, line in system.rows:
        written.add(system.position(one.scope, one.table.state))
        for action in line.actions:
            if isinstance(action, Set):
                var = action.target.var if isinstance(action.target, Item) else action.target
                first = system.position(one.scope, var)
                written |= set(range(first, first + var.cells))
    return {at: code for at, code in enumerate(state) if at not in written and system.slots[at].sort is not None}


@dataclass(frozen=True)
class Emitter:
    """Expressions of one cell as source. `known`: positions whose value is constant here. `params`: the source of each parameter.
    `observe`: makes the source of an observer of the wire from the places it looks at."""

    system: System
    scope: str
    known: Mapping[int, int]
    params: Mapping[str, str]
    choices: Mapping[str, int]
    observe: Observe

    def code(self, expr: Expr) -> Code:
        """A constant or the source of the expression's value."""
        if isinstance(expr, Const):
            return expr.code
        if isinstance(expr, Op):
            return self._op(expr)
        if isinstance(expr, Var):
            return self.cell(self.system.position(self.scope, expr))
        if isinstance(expr, Item):
            place = self.place(expr)
            return self.cell(place) if isinstance(place, int) else f"s[{place}]"
        if isinstance(expr, Param):
            return self.params[expr.name]
        if isinstance(expr, Choice):
            return f"ch[{self.choices[expr.name]}]"
        if isinstance(expr, OnWire):
            places = [(first, first + room) for first, room, _ in self.system.observed(self.scope, expr)]
            return self.observe(places, expr)
        raise ModelError(f"{type(expr).__name__} cannot be read inside a step")

    def cell(self, place: int) -> Code:
        return self.known.get(place, f"s[{place}]")

    def place(self, target: Var | Item) -> Code:
        """The position of a variable or of an array's cell."""
        if isinstance(target, Var):
            return self.system.position(self.scope, target)
        first, at = self.system.position(self.scope, target.var), self.code(target.children[0])
        return first + at if isinstance(at, int) else f"{first} + {at}"

    def _op(self, expr: Op) -> Code:
        if expr.op in ("and", "or"):
            return self._junction(expr.op, expr.children)
        kids = [self.code(kid) for kid in expr.children]
        if expr.op == "not":
            return 1 - kids[0] if isinstance(kids[0], int) else f"(not {kids[0]})"
        if expr.op in ("eq", "lt"):
            if isinstance(kids[0], int) and isinstance(kids[1], int):
                return int(kids[0] == kids[1] if expr.op == "eq" else kids[0] < kids[1])
            return f"({kids[0]} {'==' if expr.op == 'eq' else '<'} {kids[1]})"
        if expr.op == "ite":
            if isinstance(kids[0], int):
                return kids[1] if kids[0] else kids[2]
            return kids[1] if kids[1] == kids[2] else f"({kids[1]} if {kids[0]} else {kids[2]})"
        if expr.op == "up":
            top = expr.sort.size - 1
            return min(kids[0] + 1, top) if isinstance(kids[0], int) else f"min({kids[0]} + 1, {top})"
        if expr.op == "down":
            return max(kids[0] - 1, 0) if isinstance(kids[0], int) else f"max({kids[0]} - 1, 0)"
        raise ModelError(f"unknown operator {expr.op!r}")

    def _junction(self, op: str, children: Sequence[Expr]) -> Code:
        """`and` ends with a constant 0, `or` with a constant 1; the other constant adds nothing."""
        ends, parts = int(op == "or"), []
        for child in children:
            code = self.code(child)
            if isinstance(code, int):
                if bool(code) == bool(ends):
                    return ends
            else:
                parts.append(code)
        return 1 - ends if not parts else parts[0] if len(parts) == 1 else f"({f' {op} '.join(parts)})"
