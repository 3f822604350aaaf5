"""The model with one thing about it changed: a row or a sentence left out, an action skipped, another next state, an order reversed.

All mutants of a batch are one system. A constant of the world, `mutant.number`, says which of them is the model; 0 is the model as it
stands, so that the members of a family differ in their initial states alone (`verify.search.Family`). A changed row keeps its name, by
which claims speak of it; where it is left out, what happens instead is another row.

Tables stay total and deterministic by construction: where a mutant takes a row away, a row that does nothing takes its place if the event
must be answered (else the event does not happen); where it gives a row other ground, the other rows of the cell yield that ground.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from model.action import mapped
from model.expr import BOOL, FALSE, Choice, Const, Expr, Item, OnWire, Op, Range, Var, conj, disj, ite, show, walk
from model.signals import ME
from model.system import Instance, State, System
from model.table import Row, Table, line_exprs

DROP, MAY, SKIP, STAYS, RESTARTS, REVERSE, SWAP = "drop", "may", "skip", "stay", "restart", "reverse", "swap"
OPERATORS = {
    DROP: "the rule is not followed: nothing is done; an event of a timer, an operator or the network does not happen",
    MAY: "MUST and SHOULD become MAY: each time, the rule may be followed or not",
    SKIP: "one of a row's actions is left out",
    STAYS: "the state stays as it is, the actions are done",
    RESTARTS: "the next state is the table's first one",
    REVERSE: "a condition on another machine, on what is in flight, or on what came before is turned round: after becomes before",
    SWAP: "the two ends change roles: A does here what B should, and the reverse",
}
LEFT_OUT = Choice("left out", BOOL)  # what MAY leaves open
CONSTANT = ("reading", "endpoint", "budget")  # tables whose variables are no machine's progress


@dataclass(frozen=True)
class Mutant:
    """One change. rows: what is changed, as (table, row key); at: which action (SKIP), or which condition (REVERSE), counted from 0.
    title: table and row name, or the sentence; what: what is changed, in words. sentence: the id, where all rows of one are changed."""

    operator: str
    rows: tuple[tuple[str, str], ...]
    title: str
    what: str
    at: int = 0
    sentence: str = ""

    def __str__(self) -> str:
        return f"{self.operator} {self.title}: {self.what}"


@dataclass(frozen=True, eq=False)
class Changed(Row):
    """A row of a mutant. Its name is that of the row it was made from, its key is its own."""

    mutant: int = 0

    @property
    def key(self) -> str:
        return f"{super().key} mutant {self.mutant}"


# -- which mutants there are --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Rule:
    """A row as written: the rows of a table that differ in their states alone, and can fire. title: table and name; where another row has
    that name, the states besides."""

    table: Table
    rows: tuple[Row, ...]
    title: str

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        return tuple((self.table.name, row.key) for row in self.rows)

    @property
    def moves(self) -> bool:
        """Does it change the state?"""
        return any(row.next is not None and row.next.code != row.state.code for row in self.rows)

    @property
    def acts(self) -> bool:
        """Does it do anything?"""
        return bool(self.rows[0].actions) or self.moves

    @property
    def answers(self) -> bool:
        """Is its event one that every state must answer?"""
        return self.rows[0].event.total


def rules(tables: Iterable[Table]) -> list[Rule]:
    """The rows of some tables as they were written, in order."""
    found = []
    for table in tables:
        groups: dict[tuple[object, ...], list[Row]] = {}
        for row in table.firing:
            groups.setdefault((row.name, id(row.guard), id(row.actions), None if row.next is None else row.next.code), []).append(row)
        names = Counter(name for name, *_ in groups)
        for (name, *_), rows in groups.items():
            states = "/".join(show(row.state) for row in rows)
            found.append(Rule(table, tuple(rows), f"{table.name}, {name}" + (f" in {states}" if names[name] > 1 else "")))
    return found


def of_rule(rule: Rule) -> Iterator[Mutant]:
    """The mutants of a row. A row that does nothing has none: other rows say when it does not apply."""
    first, keys, title = rule.rows[0], rule.keys, rule.title
    if not rule.acts:
        return
    yield Mutant(DROP, keys, title, "left out")
    if rule.answers:
        yield Mutant(MAY, keys, title, "optional")
    if len(first.actions) + rule.moves > 1:
        for at, action in enumerate(first.actions):
            yield Mutant(SKIP, keys, title, f"without: {action}", at)
        if rule.moves:
            yield Mutant(STAYS, keys, title, "the state stays")
    start = Const(rule.table.state.sort, rule.table.state.initial)
    if rule.moves and any(row.next is not None and row.next.code != start.code for row in rule.rows):
        yield Mutant(RESTARTS, keys, title, f"next state {show(start)}")
    for at, part in enumerate(_conjuncts(first.guard)):
        if _orders(part):
            yield Mutant(REVERSE, keys, title, f"not ({show(part)})", at)
    if any(node is ME for expr in (first.condition, *line_exprs(first)) for node in walk(expr)):
        yield Mutant(SWAP, keys, title, "the ends change roles")


def of_sentence(name: str, cited: Iterable[Rule]) -> Iterator[Mutant]:
    """The mutants of a sentence: all rows that cite it and do something, at once."""
    active = [rule for rule in cited if rule.acts]
    said = ", ".join(dict.fromkeys(rule.title for rule in active))
    if active:
        yield Mutant(DROP, tuple(key for rule in active for key in rule.keys), name, f"left out: {said}", sentence=name)
    answering = [rule for rule in active if rule.answers]
    if answering:
        yield Mutant(MAY, tuple(key for rule in answering for key in rule.keys), name, f"optional: {said}", sentence=name)


def _conjuncts(expr: Expr) -> list[Expr]:
    if isinstance(expr, Op) and expr.op == "and":
        return [part for kid in expr.children for part in _conjuncts(kid)]
    return [expr]


def _orders(part: Expr) -> bool:
    """Does this part of a guard ask how far something has come: a machine, the wire, a timer or a mark? A constant (a reading, which end
    this is, a budget) is no such thing, and a condition that reads one too is a rule for some readings, not an order."""
    read = [node.var if isinstance(node, Item) else node for node in walk(part)]
    variables = [node for node in read if isinstance(node, Var)]
    return not any(var.table in CONSTANT for var in variables) and bool(variables or any(isinstance(node, OnWire) for node in read))


# -- their system -------------------------------------------------------------------------------------------------------------------------


class Mutated:
    """A system and some mutants of it as one: `system`, whose member 0 is the original one and whose n-th member the n-th mutant."""

    def __init__(self, system: System, mutants: Sequence[Mutant]) -> None:
        self.mutants = tuple(mutants)
        self._number = Var("mutant", "number", Range("Mutant", max(1, len(self.mutants))), doc="which mutant this is (constant)")
        tables = {one.table.name: one.table for one in system.instances}
        changed = {name: self._table(table) for name, table in tables.items()}
        owned = {(one.scope, var.table, var.name) for one in system.instances for var in one.table.all_variables}
        owned |= {(one.scope, one.var.table, one.var.name) for one in system.monitors}
        extra = [(slot.scope, slot.var) for slot in system.slots
                 if not slot.index and (slot.scope, slot.var.table, slot.var.name) not in owned]
        self._at = sum(var.cells for _, var in extra)  # a system's extra variables come first
        self.system = System(system.name, [Instance(one.scope, changed[one.table.name]) for one in system.instances],
                             [replace(one, table=changed[one.table.name]) for one in system.offers], extra=[*extra, ("", self._number)],
                             capacity=system.capacity, monitors=system.monitors, constraint=system.constraint,
                             open_ended=system.open_ended)
        assert [slot for slot in self.system.slots if slot.var is not self._number] == system.slots

    def start(self, number: int, states: Iterable[State]) -> tuple[State, ...]:
        """States of the original system as states of this member."""
        return tuple((*state[:self._at], number, *state[self._at:]) for state in states)

    @property
    def at(self) -> int:
        """Where a state says which mutant it is of."""
        return self._at

    def _table(self, table: Table) -> Table:
        """The table with a row for each change. It is not checked again: the module's head says why it need not be."""
        mine: dict[str, list[tuple[int, Mutant]]] = {}
        for number, mutant in enumerate(self.mutants, 1):
            for name, key in mutant.rows:
                if name == table.name:
                    mine.setdefault(key, []).append((number, mutant))
        if not mine:
            return table
        cells: dict[tuple[int, str], list[Row]] = {}
        for row in table.rows:
            cells.setdefault((row.state.code, row.event.name), []).append(row)
        other = copy(table)
        object.__setattr__(other, "rows", tuple(row for rows in cells.values() for row in self._cell(table, rows, mine)))
        return other

    def _cell(self, table: Table, rows: Sequence[Row], mine: Mapping[str, list[tuple[int, Mutant]]]) -> Iterator[Row]:
        taken: list[tuple[Row, Expr]] = []  # ground that a changed row takes from the others
        made: list[Row] = []
        for row in rows:
            for number, mutant in mine.get(row.key, ()):
                here = self._number == number
                new, idle = _changed(table, row, mutant)
                if new is not None:
                    made.append(_of(number, replace(new, condition=here & new.condition)))
                    if mutant.operator in (REVERSE, SWAP):
                        taken.append((row, here & new.condition))
                if idle is not FALSE and row.event.total:
                    made.append(_of(number, replace(row, name=f"{row.name}: not done", condition=here & idle, actions=(), next=None)))
        for row in rows:
            numbers = [number for number, _ in mine.get(row.key, ())]
            away = [ground for owner, ground in taken if owner is not row]
            if numbers or away:
                yield replace(row, condition=conj(*([~self._number.among(*numbers)] if numbers else []), row.condition,
                                                  *([~disj(*away)] if away else [])))
            else:
                yield row
        yield from made


def _of(number: int, row: Row) -> Changed:
    return Changed(**vars(row), mutant=number)


def _changed(table: Table, row: Row, mutant: Mutant) -> tuple[Row | None, Expr]:
    """The row as the mutant has it, None where it is left out; and where nothing is done of what the row did."""
    if mutant.operator == DROP:
        return None, row.condition
    if mutant.operator == MAY:
        return replace(row, condition=row.condition & ~LEFT_OUT), row.condition & LEFT_OUT
    if mutant.operator == SKIP:
        return replace(row, actions=tuple(action for at, action in enumerate(row.actions) if at != mutant.at)), FALSE
    if mutant.operator == STAYS:
        return replace(row, next=None), FALSE
    if mutant.operator == RESTARTS:
        return replace(row, next=Const(table.state.sort, table.state.initial)), FALSE
    if mutant.operator == REVERSE:
        turned = _conjuncts(row.guard)[mutant.at]
        condition = conj(*(~part if part is turned else part for part in _conjuncts(row.condition)))
        return replace(row, condition=condition), row.condition
    condition = _swapped(row.condition)
    new = replace(row, condition=condition, actions=tuple(mapped(action, _swapped) for action in row.actions))
    return new, FALSE if condition is row.condition else row.condition & ~condition


def _swapped(expr: Expr) -> Expr:
    """The expression as the other end would read it, as far as it asks which end this is; the same object where it does not."""
    if not any(node is ME for node in walk(expr)):
        return expr
    if expr is ME:
        return ite(ME == "A", ME.sort.const("B"), ME.sort.const("A"))
    kids = tuple(map(_swapped, expr.children))
    if isinstance(expr, Item):
        return Item(expr.var, kids[0])
    assert isinstance(expr, Op)  # rows hold no other inner node
    return Op(expr.op, kids, expr.sort)
