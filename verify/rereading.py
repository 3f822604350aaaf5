"""A row as an end may apply it that reads the text anew each time: without readings, true where some values of them would make it so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from model.action import Action, Put, action_exprs, mapped
from model.expr import BOOL, FALSE, TRUE, Choice, Const, Expr, Item, Op, Valuation, Var, conj, disj, evaluate, show, walk
from model.system import Slot, System
from model.table import Row, line_exprs

# A value that no end takes up in a game. Rules for a port on which BGP does not listen keep every claim about an SA, by sending past it:
# no protocol engineer calls that a chance to prevent something. An end that has the value from the start may give it up.
NO_REMEDY = {"port": "170"}


@dataclass(frozen=True, eq=False)
class Variant:
    """A row, and what it comes to under some of the values of the readings. `free`: whether it applies is for the readings to say."""

    row: Row
    of: Row
    free: bool


def own_readings(system: System, end: str) -> dict[int, Slot]:
    """The readings that are this end's own, by position in the state."""
    return {at: slot for at, slot in enumerate(system.slots) if slot.var.table == "reading" and slot.scope == end}


def readable(var: Var) -> list[int]:
    """The values of a reading that an end may take up."""
    return [code for code in range(var.sort.size) if var.sort.show(code) != NO_REMEDY.get(var.name)]


class Rereading:
    """The rows of one end without its own readings. Its choices, but for those of `nature`, are renamed "END:name", so that they
    are told apart from those of the other end."""

    def __init__(self, system: System, end: str, nature: Collection[str]) -> None:
        self.end, self.nature = end, nature
        self.readings = {slot.var.name for slot in own_readings(system, end).values()}
        self.choices: dict[str, Choice] = {}

    def of_end(self, scope: str) -> bool:
        """Is this scope the end, or within it?"""
        return scope.partition(".")[0] == self.end

    def variants(self, row: Row) -> list[Variant]:
        """One for each way in which the row's actions may read; a row whose actions read nothing has one."""
        free = bool(self._read((row.condition, *line_exprs(row))))
        in_actions = list(self._read(expr for action in row.actions for expr in action_exprs(action)).values())
        found: dict[str, tuple[list[Expr], tuple[Action, ...]]] = {}
        for codes in product(*(readable(var) for var in in_actions)):
            values = {var.name: code for var, code in zip(in_actions, codes, strict=True)}
            actions = tuple(mapped(action, partial(self.put_in, values=values)) for action in row.actions)
            text = "; ".join(f"{action}, {show(action.resend)}" if isinstance(action, Put) else str(action) for action in actions)
            found.setdefault(text, ([], actions))[0].append(self.possible(self.put_in(row.condition, values)))
        made = [replace(row, condition=_any(guards), actions=actions) for guards, actions in found.values()]
        return [Variant(one, row, free) for one in made if one.condition is not FALSE]

    def _read(self, exprs: Iterable[Expr]) -> dict[str, Var]:
        return {node.name: node for expr in exprs for node in walk(expr) if isinstance(node, Var) and self._mine(node)}

    def _mine(self, var: Var) -> bool:
        return var.table == "reading" and var.name in self.readings

    def possible(self, expr: Expr) -> Expr:
        """True where some values of the readings make it true."""
        var = next(iter(self._read([expr]).values()), None)
        if var is None:
            return expr
        return _any([self.possible(self.put_in(expr, {var.name: code})) for code in readable(var)])

    def put_in(self, expr: Expr, values: Mapping[str, int]) -> Expr:
        """The expression with values for readings, simplified where that decides it."""
        if isinstance(expr, Var) and self._mine(expr) and expr.name in values:
            return Const(expr.sort, values[expr.name])
        if isinstance(expr, Choice) and expr.name not in self.nature and not expr.name.startswith(f"{self.end}:"):
            return self.choices.setdefault(expr.name, Choice(f"{self.end}:{expr.name}", expr.sort))
        if not expr.children:
            return expr
        kids = tuple(self.put_in(kid, values) for kid in expr.children)
        if isinstance(expr, Item):
            return Item(expr.var, kids[0])
        assert isinstance(expr, Op)  # rows hold no other inner node
        return _simple(expr, kids)


def _simple(expr: Op, kids: tuple[Expr, ...]) -> Expr:
    if all(isinstance(kid, Const) for kid in kids):
        code = evaluate(Op(expr.op, kids, expr.sort), Valuation({}))
        return (FALSE, TRUE)[code] if expr.sort is BOOL else Const(expr.sort, code)
    if expr.op in ("and", "or"):
        ends, over = (FALSE, TRUE) if expr.op == "and" else (TRUE, FALSE)
        left = [kid for kid in kids if kid is not over]
        return ends if ends in _known(left) else (conj if expr.op == "and" else disj)(*left)
    if expr.op == "ite" and isinstance(kids[0], Const):
        return kids[1] if kids[0].code else kids[2]
    return Op(expr.op, kids, expr.sort)


def _known(exprs: Sequence[Expr]) -> Sequence[Expr]:
    return [expr for expr in exprs if isinstance(expr, Const)]


def _any(guards: Sequence[Expr]) -> Expr:
    """At least one of them; what is written alike counts once."""
    return _simple(Op("or", (), BOOL), tuple({show(guard): guard for guard in guards}.values()))
