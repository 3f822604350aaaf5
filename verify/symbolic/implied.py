"""Which expressions about a step follow from others whatever the step: of any state, reachable or not, and of any tables.

A variable may have any value of its sort before the step and any after it. What was sent and fired is a set of messages and of firings,
each with any values in its fields. Of each channel, and of each row, there are as many as there are different questions about it: a step
that needs more of them to answer the questions as it does, needs only one for each question that it answers with yes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import z3

from model.expr import Expr, Fired, Item, ModelError, OnWire, Param, Peer, Post, Sent, Var, show, walk
from model.system import ENDS, peer_of
from verify.least import least
from verify.parts import Spread
from verify.symbolic.logic import FALSE, TRUE, Lit, Logic
from verify.symbolic.terms import Named
from verify.symbolic.value import Reader, Value, of_truth, select

Asked = dict[tuple[str, ...], dict[str, Sent | Fired]]  # by channel or row: the questions about it, by their patterns


class Implied:
    """Of some expressions, each true of a step where it is true at one of its two ends: which follow from which."""

    def __init__(self, exprs: Mapping[str, Expr]) -> None:
        spread, logic = Spread(), Logic()
        self.solver = z3.SolverFor("QF_FD")
        said = {name: spread(expr) for name, expr in exprs.items()}
        asked: Asked = {}
        for leaf in (node for expr in said.values() for node in walk(expr) if isinstance(node, Sent | Fired)):
            asked.setdefault(_subject(leaf), {})[show(leaf.where)] = leaf
        views = _Views(logic, asked)
        terms = Named(logic, self.solver)

        def term(expr: Expr, end: str) -> Any:
            lit = views.at(end, False).truth(expr)
            return z3.BoolVal(lit == TRUE) if lit <= 1 else terms.term(lit)

        self._at_a = {name: term(expr, "A") for name, expr in said.items()}
        self._nowhere = {}
        for name, expr in said.items():
            self._nowhere[name] = z3.Bool(f"{name} nowhere")
            for end in ENDS:
                self.solver.add(z3.Implies(self._nowhere[name], z3.Not(term(expr, end))))

    def of(self, name: str, others: Collection[str]) -> tuple[str, ...] | None:
        """A set of the others, none of which can be spared, one of which is true of every step of which this is; None where some step makes
        this alone true. Empty: no step can make this true. Raises KeyboardInterrupt where Ctrl-C ends the solver's work."""
        return least([one for one in others if one != name], lambda some: self._covered(name, some))

    def _covered(self, name: str, others: Collection[str]) -> bool:
        answer = self.solver.check(self._at_a[name], *(self._nowhere[one] for one in others))
        if answer == z3.unknown:
            raise KeyboardInterrupt
        return bool(answer == z3.unsat)


def _subject(leaf: Sent | Fired) -> tuple[str, ...]:
    return ("sent", leaf.channel) if isinstance(leaf, Sent) else ("fired", leaf.table, *leaf.rows)


class _Views:
    """The step as seen from each end, before and after; all variables are made once."""

    def __init__(self, logic: Logic, asked: Asked) -> None:
        self.logic, self.asked = logic, asked
        self._leaves: dict[str, Value] = {}
        self._views: dict[tuple[str, bool], _View] = {}

    def at(self, end: str, after: bool) -> _View:
        if (end, after) not in self._views:
            self._views[end, after] = _View(self, end, after)
        return self._views[end, after]

    def leaf(self, name: str, size: int) -> Value:
        if name not in self._leaves:
            self._leaves[name] = self.logic.leaf(name, range(size))
        return self._leaves[name]


class _View(Reader):
    """Reads what `verify.step.StepView` does."""

    def __init__(self, views: _Views, end: str, after: bool) -> None:
        super().__init__(views.logic)
        self.views, self.end, self.after = views, end, after

    def leaf(self, expr: Expr) -> Value:
        when = "after" if self.after else "before"
        if isinstance(expr, Post):
            return self.views.at(self.end, True).value(expr.children[0])
        if isinstance(expr, Peer):
            return self.views.at(peer_of(self.end), self.after).value(expr.children[0])
        if isinstance(expr, Var):
            return self.views.leaf(f"{when} {self.end}.{expr.table}.{expr.name}", expr.sort.size)
        if isinstance(expr, Item):
            at, var = self.value(expr.children[0]), expr.var
            cells = {code: self.views.leaf(f"{when} {self.end}.{var.table}.{var.name}[{code}]", var.sort.size) for code in at}
            return select(self.logic, [(lit, cells[code]) for code, lit in at.items()], None)
        if isinstance(expr, OnWire):
            seen_from = "" if expr.direction == "any" else self.end
            return self.views.leaf(f"{when} {seen_from} {expr.channel} {expr.direction}: {show(expr.where)}", 2)
        if isinstance(expr, Sent | Fired):
            return self._happened(expr)
        raise ModelError(f"({show(expr)}) is nothing that a claim about a step reads")

    def _happened(self, expr: Sent | Fired) -> Value:
        subject = _subject(expr)
        found: list[Lit] = []
        for number in range(len(self.views.asked[subject])):
            one = f"{self.end} {' '.join(subject)} {number}"
            there = self.views.leaf(one, 2).get(1, FALSE)
            found.append(self.logic.both(there, _Pattern(self.views, one).truth(expr.where)))
        return of_truth(self.logic.any(found))


class _Pattern(Reader):
    """Reads the fields of one message, or the arguments of one firing."""

    def __init__(self, views: _Views, one: str) -> None:
        super().__init__(views.logic)
        self.views, self.one = views, one

    def leaf(self, expr: Expr) -> Value:
        if not isinstance(expr, Param):
            raise ModelError(f"({show(expr)}) is no field of a message and no argument of an event")
        return self.views.leaf(f"{self.one} {expr.name}", expr.sort.size)
