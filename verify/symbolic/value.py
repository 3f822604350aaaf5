"""Finite values as formulas: for each code that a value may have, the formula that it has it.

Exactly one of the formulas is true (where the value is defined at all). Comparing with a constant is a look-up, which
is what nearly all guards do; a code that is impossible is not there.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.expr import Const, Expr, ModelError, Op
from verify.symbolic.logic import FALSE, TRUE, Known, Lit, Logic

Value = dict[int, Lit]
Guarded = tuple[Lit, Value]


class Reader:
    """What an expression reads; a subclass gives the leaves. `value` and `truth` are what `model.expr.evaluate` is, over formulas."""

    def __init__(self, logic: Logic) -> None:
        self.logic = logic
        self._values: dict[int, Value] = {}

    def leaf(self, expr: Expr) -> Value:
        raise NotImplementedError

    def truth(self, expr: Expr) -> Lit:
        """A Bool expression as one formula."""
        return self.value(expr).get(1, FALSE)

    def value(self, expr: Expr) -> Value:
        found = self._values.get(id(expr))
        if found is None:
            found = self._values[id(expr)] = self._value(expr)
        return found

    def _value(self, expr: Expr) -> Value:
        if isinstance(expr, Const):
            return {expr.code: TRUE}
        if not isinstance(expr, Op):
            return self.leaf(expr)
        logic, kids = self.logic, expr.children
        if expr.op == "and":
            return of_truth(logic.all(self._until(kids, FALSE)))
        if expr.op == "or":
            return of_truth(logic.any(self._until(kids, TRUE)))
        if expr.op == "not":
            return of_truth(self.truth(kids[0]) ^ 1)
        if expr.op == "eq":
            return of_truth(equal(logic, self.value(kids[0]), self.value(kids[1])))
        if expr.op == "lt":
            return of_truth(less(logic, self.value(kids[0]), self.value(kids[1])))
        if expr.op == "ite":
            condition = self.truth(kids[0])
            if condition <= 1:
                return self.value(kids[1] if condition else kids[2])
            return select(logic, [(condition, self.value(kids[1]))], self.value(kids[2]))
        if expr.op == "up":
            return moved(logic, self.value(kids[0]), 1, expr.sort.size - 1)
        if expr.op == "down":
            return moved(logic, self.value(kids[0]), -1, expr.sort.size - 1)
        raise ModelError(f"unknown operator {expr.op!r}")

    def _until(self, kids: Sequence[Expr], settled: Lit) -> list[Lit]:
        """The truth of each, up to the first that settles it: what comes after need not have a meaning."""
        found = []
        for kid in kids:
            found.append(self.truth(kid))
            if found[-1] == settled:
                break
        return found


def of_truth(truth: Lit) -> Value:
    if truth <= 1:
        return {truth: TRUE}
    return {0: truth ^ 1, 1: truth}


def equal(logic: Logic, one: Value, other: Value) -> Lit:
    if one == other:
        return TRUE
    return logic.any([logic.both(lit, other[code]) for code, lit in one.items() if code in other])


def less(logic: Logic, one: Value, other: Value) -> Lit:
    if max(one) < min(other):
        return TRUE
    return logic.any([logic.both(lit, logic.any([up for above, up in other.items() if above > code]))
                      for code, lit in one.items() if code < max(other)])


def moved(logic: Logic, value: Value, by: int, top: int) -> Value:
    """One more or one less, stopping at the ends."""
    found: dict[int, list[Lit]] = {}
    for code, lit in value.items():
        found.setdefault(min(max(code + by, 0), top), []).append(lit)
    return {code: logic.any(lits) for code, lits in found.items()}


def select(logic: Logic, choices: Sequence[Guarded], otherwise: Value | None) -> Value:
    """The value whose condition is true; the conditions exclude each other. Without `otherwise` one of them is true
    wherever anybody looks."""
    choices = [(condition, value) for condition, value in choices if condition != FALSE]
    if otherwise is None and choices and all(value == choices[0][1] for _, value in choices):
        return choices[0][1]
    if len(choices) == 1 and choices[0][0] == TRUE:
        return choices[0][1]
    parts: dict[int, list[Lit]] = {}
    for condition, value in choices:
        for code, lit in value.items():
            parts.setdefault(code, []).append(logic.both(condition, lit))
    if otherwise is not None:
        rest = logic.any([condition for condition, _ in choices]) ^ 1
        for code, lit in otherwise.items():
            parts.setdefault(code, []).append(logic.both(rest, lit))
    found = {code: logic.any(lits) for code, lits in parts.items()}
    return {code: lit for code, lit in found.items() if lit != FALSE}


def narrowed(logic: Logic, value: Value, known: Known) -> Value:
    """The value where something is known; as it is where that turns out to be contradictory."""
    if len(value) == 1:
        return value
    found = {code: smaller for code, lit in value.items() if (smaller := logic.given(lit, known)) != FALSE}
    for code, lit in found.items():
        if lit == TRUE:
            return {code: TRUE}
    return found or value
