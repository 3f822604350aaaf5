"""Formulas as terms of z3: a variable of two values is a Bool, one of more is a bit-vector of minimal width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3

from verify.symbolic.logic import FALSE, TRUE, Leaf, Lit, Logic


class Terms:
    """The terms of one `Logic`, each made once. Variables are named prefix + leaf name.

    A variable's bit-vector holds the number of the value among those that it may have; `domain` says that it is one of them.
    """

    def __init__(self, logic: Logic, prefix: str = "") -> None:
        self.logic, self.prefix = logic, prefix
        self.variables: list[Any] = []
        self._terms: dict[int, Any] = {}
        self._domains = 0

    def variable(self, number: int) -> Any:
        while len(self.variables) <= number:
            leaf = self.logic.leaves[len(self.variables)]
            name = self.prefix + leaf.name
            self.variables.append(z3.Bool(name) if len(leaf.codes) == 2 else z3.BitVec(name, width(leaf)))
        return self.variables[number]

    def domain(self) -> Iterator[Any]:
        """What is to be asserted of the variables made since the last call."""
        while self._domains < len(self.logic.leaves):
            leaf, variable = self.logic.leaves[self._domains], self.variable(self._domains)
            self._domains += 1
            if len(leaf.codes) != 2 and len(leaf.codes) != 1 << width(leaf):
                yield z3.ULT(variable, len(leaf.codes))

    def atom(self, node: int) -> Any:
        number, code = self.logic.atoms[node]
        leaf, variable = self.logic.leaves[number], self.variable(number)
        if len(leaf.codes) == 2:
            return z3.Not(variable) if code == leaf.codes[0] else variable
        return variable == leaf.codes.index(code)

    def term(self, lit: Lit) -> Any:
        """The term of a formula, sharing what it shares with others."""
        if lit <= 1:
            return z3.BoolVal(lit == TRUE)
        for node in self.nodes(lit >> 1):
            kids = self.logic.kids[node]
            self._terms[node] = conjunction([self._literal(kid) for kid in kids]) if kids else self.atom(node)
        return self._literal(lit)

    def nodes(self, node: int) -> Iterator[int]:
        """The nodes below one, itself last, that have no term yet."""
        todo = [node]
        while todo:
            at = todo[-1]
            missing = [kid >> 1 for kid in self.logic.kids[at] if kid >> 1 not in self._terms]
            if at not in self._terms and not missing:
                yield at
            if missing:
                todo += missing
            else:
                todo.pop()

    def _literal(self, lit: Lit) -> Any:
        term = self._terms[lit >> 1]
        return negation(term) if lit & 1 else term


class Named(Terms):
    """Terms by name: each inner node is a Bool of its own, defined by an assertion, for many questions to one solver."""

    def __init__(self, logic: Logic, solver: Any) -> None:
        super().__init__(logic)
        self.solver = solver

    def term(self, lit: Lit) -> Any:
        for node in self.nodes(lit >> 1):
            kids = self.logic.kids[node]
            name = z3.Bool(f"n{node}")
            self._terms[node] = name
            self.solver.add(name == (conjunction([self._literal(kid) for kid in kids]) if kids else self.atom(node)))
        self.solver.add(*self.domain())
        return self._literal(lit)


class Possible:
    """Can a formula be true? Asked while formulas are made, so that what cannot happen is not encoded at all.

    refuted: what cannot, by the solver's word; a proof has to check it again.
    Raises KeyboardInterrupt where Ctrl-C ends the solver's work.
    """

    def __init__(self, logic: Logic) -> None:
        self.solver, self.asked = z3.SolverFor("QF_FD"), 0
        self.terms = Named(logic, self.solver)
        self.refuted: list[Lit] = []
        self._known: dict[Lit, bool] = {TRUE: True, FALSE: False}

    def require(self, lit: Lit) -> None:
        """From now on only where this is true."""
        if lit != TRUE:
            self.solver.add(self.terms.term(lit))

    def __call__(self, lit: Lit) -> bool:
        if lit not in self._known:
            self.asked += 1
            answer = self.solver.check(self.terms.term(lit))
            if answer == z3.unknown:
                raise KeyboardInterrupt
            self._known[lit] = answer == z3.sat
            if answer == z3.unsat:
                self.refuted.append(lit)
        return self._known[lit]


def conjunction(terms: list[Any]) -> Any:
    """z3.And of terms that are known to be Bools: without its checks, which take most of the time."""
    context = terms[0].ctx
    return z3.BoolRef(z3.Z3_mk_and(context.ref(), len(terms), (z3.Ast * len(terms))(*[term.as_ast() for term in terms])), context)


def negation(term: Any) -> Any:
    """z3.Not, likewise."""
    return z3.BoolRef(z3.Z3_mk_not(term.ctx.ref(), term.as_ast()), term.ctx)


def width(leaf: Leaf) -> int:
    return max(1, (len(leaf.codes) - 1).bit_length())
