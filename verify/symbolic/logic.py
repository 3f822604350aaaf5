"""Boolean formulas that fold before a solver sees them.

A formula is a whole number, a *literal*: 1 is true, 0 is false, and `x ^ 1` is the negation of `x`. The only inner node is
'and' of several literals; equal nodes are made once, so that equal formulas are the same number (an and-inverter graph, as in
Kuehlmann et al., Robust Boolean Reasoning, IEEE TCAD 2002). The leaves are atoms "variable = value" of finite variables, and it
is known that a variable has exactly one of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Lit = int
FALSE: Lit = 0
TRUE: Lit = 1
LOOK = 2  # how many levels deep `Logic.given` looks
WIDE = 64  # wider conjunctions are not taken apart


@dataclass(frozen=True)
class Leaf:
    """A variable of the formula: its name, and the codes it may have, ascending."""

    name: str
    codes: tuple[int, ...]


Atom = tuple[int, int]  # number of the leaf, code


class Known:
    """What a conjunction says: the literals that are true, and for each variable its value, if that is one."""

    def __init__(self, literals: frozenset[Lit], values: dict[int, int]) -> None:
        self.literals, self.values = literals, values
        self.memo: dict[tuple[Lit, int], Lit] = {}


class Logic:
    """Makes formulas. leaves: the variables; kids: of each node its conjuncts (none for an atom); atoms: of each atom what it says.
    possible: can a formula be true? What cannot need not be encoded; a solver may answer better than folding does."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.possible: Callable[[Lit], bool] = lambda formula: formula != FALSE
        self.kids: list[tuple[Lit, ...]] = [()]
        self.atoms: dict[int, Atom] = {}
        self._nodes: dict[tuple[Lit, ...], int] = {}
        self._atom_nodes: dict[Atom, Lit] = {}

    def leaf(self, name: str, codes: Iterable[int]) -> dict[int, Lit]:
        """A new variable: for each code that it may have, the formula that it has it."""
        known = tuple(sorted(set(codes)))
        if len(known) == 1:
            return {known[0]: TRUE}
        number = len(self.leaves)
        self.leaves.append(Leaf(name, known))
        found: dict[int, Lit] = {}
        for code in known:
            if len(known) == 2 and found:  # the second of two values is the negation of the first
                found[code] = found[known[0]] ^ 1
            else:
                found[code] = self._new(()) << 1
                self.atoms[found[code] >> 1] = (number, code)
            self._atom_nodes[number, code] = found[code]
        return found

    def _new(self, kids: tuple[Lit, ...]) -> int:
        self.kids.append(kids)
        return len(self.kids) - 1

    def all(self, parts: Iterable[Lit]) -> Lit:
        """All of them."""
        seen: set[Lit] = set()
        values: dict[int, int] = {}
        excluded: dict[int, set[int]] = {}
        todo = list(parts)
        while todo:
            part = todo.pop()
            if part == TRUE or part in seen:
                continue
            if part == FALSE or part ^ 1 in seen:
                return FALSE
            kids = self.kids[part >> 1]
            if kids and not part & 1 and len(kids) <= WIDE:
                todo.extend(kids)
                continue
            atom = self.atoms.get(part >> 1)
            if atom is not None:
                at, code = atom
                if not part & 1:
                    if values.setdefault(at, code) != code:
                        return FALSE
                else:
                    without = excluded.setdefault(at, set())
                    without.add(code)
                    left = [one for one in self.leaves[at].codes if one not in without]
                    if not left:
                        return FALSE
                    if len(left) == 1:
                        todo.append(self._atom_nodes[at, left[0]])
            seen.add(part)
        if values:
            # "v = 3" says all that "v != 5" says, and contradicts "v != 3".
            for at, without in excluded.items():
                if at in values:
                    if values[at] in without:
                        return FALSE
                    if len(self.leaves[at].codes) > 2:
                        seen -= {self._atom_nodes[at, code] ^ 1 for code in without}
        return self._resolve(seen)

    def _resolve(self, seen: set[Lit]) -> Lit:
        """The conjunction of literals none of which is a (narrow) conjunction; disjunctions among them lose what is settled."""
        change = False
        for part in [one for one in seen if one & 1 and self.kids[one >> 1]]:
            kids = self.kids[part >> 1]
            if any(kid ^ 1 in seen for kid in kids):
                seen.discard(part)
            elif any(kid in seen for kid in kids):
                seen.discard(part)
                seen.add(self.all([kid for kid in kids if kid not in seen]) ^ 1)
                change = True
        if change:
            return self.all(seen)
        if not seen:
            return TRUE
        if len(seen) == 1:
            return next(iter(seen))
        key = tuple(sorted(seen))
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = self._new(key)
        return node << 1

    def any(self, parts: Iterable[Lit]) -> Lit:
        """At least one of them."""
        return self.all([part ^ 1 for part in parts]) ^ 1

    def both(self, one: Lit, other: Lit) -> Lit:
        if one == other or other == TRUE:
            return one
        if one == TRUE:
            return other
        return FALSE if one == FALSE or other == FALSE else self.all((one, other))

    def either(self, one: Lit, other: Lit) -> Lit:
        return self.both(one ^ 1, other ^ 1) ^ 1

    def ite(self, condition: Lit, then: Lit, otherwise: Lit) -> Lit:
        """`then` where the condition is true, else `otherwise`."""
        if condition == TRUE or then == otherwise:
            return then
        if condition == FALSE:
            return otherwise
        return self.any((self.both(condition, then), self.both(condition ^ 1, otherwise)))

    def same(self, one: Lit, other: Lit) -> Lit:
        return self.ite(one, other, other ^ 1)

    # -- cofactors -------------------------------------------------------------------------------

    def known(self, condition: Lit) -> Known:
        """What is certain where the condition is true."""
        kids = self.kids[condition >> 1]
        literals = frozenset(kids if kids and not condition & 1 else (condition,))
        values = {}
        for one in literals:
            atom = self.atoms.get(one >> 1)
            if atom is not None and not one & 1:
                values[atom[0]] = atom[1]
        return Known(literals, values)

    def given(self, formula: Lit, known: Known, depth: int = LOOK) -> Lit:
        """A formula that agrees with `formula` wherever `known` is true, as a rule a smaller one."""
        if formula <= 1:
            return formula
        if formula in known.literals:
            return TRUE
        if formula ^ 1 in known.literals:
            return FALSE
        atom = self.atoms.get(formula >> 1)
        if atom is not None:
            value = known.values.get(atom[0])
            return formula if value is None else int(value == atom[1]) ^ (formula & 1)
        if not depth:
            return formula
        key = (formula >> 1, depth)
        found = known.memo.get(key)
        if found is None:
            kids = self.kids[formula >> 1]
            smaller = [self.given(kid, known, depth - 1) for kid in kids]
            found = formula & ~1 if tuple(smaller) == kids else self.all(smaller)
            known.memo[key] = found
        return found ^ (formula & 1)
