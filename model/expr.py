"""Expressions over a few declared finite variables: the guards and right-hand sides of every table.

An expression is a tree of data. Building one never computes anything: ``state == ESTABLISHED`` is a
tree, not a truth value, and asking a tree for its truth value (``if``, ``and``, ``not``, a chained
comparison) is an error that says what to write instead. Engines read the trees; `evaluate` here is
what each node means.

Every value is a small whole number, the *code* of a member of a finite `Sort`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Union

Value = Union[bool, int, str, "Expr"]


class ModelError(Exception):
    """The model itself is wrong (a gap, an overlap, a wrong sort). The text names the place and the cure."""


class Sort:
    """A finite set of named values, coded 0 .. size-1 in the order given."""

    def __init__(self, name: str, values: Sequence[str]) -> None:
        if len(set(values)) != len(values) or not values:
            raise ModelError(f"sort {name}: values must be distinct and at least one, got {list(values)}")
        self.name = name
        self.values = tuple(values)
        self._codes = {value: code for code, value in enumerate(self.values)}

    def __repr__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        return len(self.values)

    def code(self, value: bool | int | str) -> int:
        """The code of a value given by name (or, for Bool and Range, as a Python value)."""
        key = str(value).lower() if isinstance(value, bool) else str(value)
        if key in self._codes:
            return self._codes[key]
        raise ModelError(f"{self.name}: no value {value!r}; it has {', '.join(self.values)}")

    def codes(self, *values: bool | int | str) -> tuple[int, ...]:
        """The codes of several values."""
        return tuple(self.code(value) for value in values)

    def show(self, code: int) -> str:
        return self.values[code]

    def const(self, value: bool | int | str) -> Const:
        return Const(self, self.code(value))

    def consts(self) -> tuple[Const, ...]:
        """All values as constants, for unpacking: ``CLOSED, LISTEN = STATES.consts()``."""
        return tuple(Const(self, code) for code in range(self.size))


class Enum(Sort):
    """Named alternatives, spelled as in the RFC."""

    def __init__(self, name: str, *values: str) -> None:
        super().__init__(name, values)


class Range(Sort):
    """The whole numbers 0 .. high."""

    def __init__(self, name: str, high: int) -> None:
        super().__init__(name, [str(n) for n in range(high + 1)])


BOOL = Sort("Bool", ("false", "true"))


class Expr:
    """A tree over variables. Compare with ``==``, ``!=``, ``<``; join with ``&``, ``|``, ``~``."""

    sort: Sort
    children: tuple[Expr, ...] = ()

    def __bool__(self) -> bool:
        raise ModelError(
            f"the expression ({show(self)}) has no truth value while a table is built. Write & for 'and', | for 'or', "
            "~ for 'not', ite(c, a, b) for 'a if c else b', x.among(a, b) for 'x in (a, b)', (a < b) & (b < c) for a "
            "chained comparison"
        )

    __hash__ = object.__hash__

    def __eq__(self, other: Value) -> Op:  # type: ignore[override]
        return Op("eq", (self, coerce(other, self.sort)), BOOL)

    def __ne__(self, other: Value) -> Op:  # type: ignore[override]
        return Op("not", (Op("eq", (self, coerce(other, self.sort)), BOOL),), BOOL)

    def __lt__(self, other: Value) -> Op:
        return Op("lt", (self, coerce(other, self.sort)), BOOL)

    def __gt__(self, other: Value) -> Op:
        return Op("lt", (coerce(other, self.sort), self), BOOL)

    def __le__(self, other: Value) -> Op:
        return ~(self > other)

    def __ge__(self, other: Value) -> Op:
        return ~(self < other)

    def __and__(self, other: Value) -> Expr:
        return conj(self, coerce(other, BOOL))

    def __or__(self, other: Value) -> Expr:
        return disj(self, coerce(other, BOOL))

    def __invert__(self) -> Op:
        return Op("not", (of_sort(self, BOOL),), BOOL)

    def among(self, *values: Value) -> Expr:
        """True where this has one of the values."""
        return disj(*(self == value for value in values))

    def __iter__(self) -> Iterator[Expr]:
        raise ModelError(f"the expression ({show(self)}) cannot be iterated; write x.among(a, b) for 'x in (a, b)'")


class Const(Expr):
    """One value of a sort."""

    def __init__(self, sort: Sort, code: int) -> None:
        self.sort, self.code = sort, code


class Var(Expr):
    """A variable of a table: one value, or one for each member of `index` (write ``v[i]``).

    The same object declares the variable and refers to it; an endpoint's guard finds the variable in its
    own endpoint first, then in the surroundings it is part of.
    """

    def __init__(self, table: str, name: str, sort: Sort, initial: Value | None = None, index: Sort | None = None,
                 doc: str = "") -> None:
        self.table, self.name, self.sort, self.index, self.doc = table, name, sort, index, doc
        self.initial = 0 if initial is None else _const(coerce(initial, sort))

    def __getitem__(self, at: Value) -> Item:
        if self.index is None:
            raise ModelError(f"{self.table}.{self.name} is one value, not an array; drop the [...]")
        return Item(self, coerce(at, self.index))

    @property
    def cells(self) -> int:
        return 1 if self.index is None else self.index.size


class Item(Expr):
    """One cell of an array variable; the index may itself be an expression."""

    def __init__(self, var: Var, at: Expr) -> None:
        self.var, self.sort, self.children = var, var.sort, (at,)


class Param(Expr):
    """A parameter of the event being processed, or a field of a message; the same object declares and refers."""

    def __init__(self, name: str, sort: Sort, default: Value | None = None) -> None:
        self.name, self.sort = name, sort
        self.default = None if default is None else coerce(default, sort)


class Choice(Expr):
    """An argument of the stimulus: what an RFC's MAY or a local policy leaves open within one step."""

    def __init__(self, name: str, sort: Sort) -> None:
        self.name, self.sort = name, sort


class OnWire(Expr):
    """Declared observer of the wire: is a message matching `where` in flight on `channel`?

    `direction`: "out" from this endpoint, "in" towards it, "any" for both.
    """

    sort = BOOL

    def __init__(self, channel: str, direction: str, where: Expr, name: str) -> None:
        self.channel, self.direction, self.where, self.name = channel, direction, where, name


class Op(Expr):
    """An operator: eq, lt, and, or, not, ite, up (plus one, stopping at the top), down (minus one, stopping at 0)."""

    def __init__(self, op: str, children: tuple[Expr, ...], sort: Sort) -> None:
        self.op, self.children, self.sort = op, children, sort


class Post(Expr):
    """The value after the step (claims and constraints only; a guard reads what is)."""

    def __init__(self, of: Expr) -> None:
        self.children, self.sort = (of,), of.sort


class Peer(Expr):
    """The value at the other endpoint (claims only; no endpoint can look into its peer)."""

    def __init__(self, of: Expr) -> None:
        self.children, self.sort = (of,), of.sort


class Sent(Expr):
    """In this step the endpoint put a message matching `where` on `channel` (claims and monitors only)."""

    sort = BOOL

    def __init__(self, channel: str, where: Expr) -> None:
        self.channel, self.where = channel, where


class Fired(Expr):
    """In this step a row with one of these names of `table` fired at the endpoint (claims and monitors only).

    `where` may narrow it to certain arguments of the event: ``Fired("spd", "PLAIN accepted", where=origin == FORGED)``.
    """

    sort = BOOL

    def __init__(self, table: str, *rows: str, where: Expr | None = None) -> None:
        self.table, self.rows, self.where = table, rows, TRUE if where is None else where


TRUE = Const(BOOL, 1)
FALSE = Const(BOOL, 0)
ABOUT_STEPS = (Post, Peer, Sent, Fired)


def _const(value: Expr) -> int:
    if not isinstance(value, Const):
        raise ModelError(f"an initial value must be a constant, not ({show(value)})")
    return value.code


def of_sort(expr: Expr, sort: Sort) -> Expr:
    if expr.sort is not sort:
        raise ModelError(f"({show(expr)}) is a {expr.sort}, but a {sort} is needed here")
    return expr


def coerce(value: Value, sort: Sort) -> Expr:
    """A Python value or expression as an expression of `sort`."""
    return of_sort(value, sort) if isinstance(value, Expr) else sort.const(value)


def conj(*parts: Expr) -> Expr:
    """All of them."""
    kept = [of_sort(part, BOOL) for part in parts if part is not TRUE]
    return TRUE if not kept else kept[0] if len(kept) == 1 else Op("and", tuple(kept), BOOL)


def disj(*parts: Expr) -> Expr:
    """At least one of them."""
    kept = [of_sort(part, BOOL) for part in parts if part is not FALSE]
    return FALSE if not kept else kept[0] if len(kept) == 1 else Op("or", tuple(kept), BOOL)


def ite(condition: Expr, then: Value, otherwise: Value) -> Op:
    """`then` where the condition is true, else `otherwise`; one of the two must be an expression."""
    sort = then.sort if isinstance(then, Expr) else otherwise.sort if isinstance(otherwise, Expr) else BOOL
    return Op("ite", (of_sort(condition, BOOL), coerce(then, sort), coerce(otherwise, sort)), sort)


def up(expr: Expr) -> Op:
    """One more, stopping at the top of the range."""
    return Op("up", (expr,), expr.sort)


def down(expr: Expr) -> Op:
    """One less, stopping at 0."""
    return Op("down", (expr,), expr.sort)


class Reader(Protocol):
    """Where `evaluate` finds the leaves: an engine's view of one state, endpoint and event."""

    def leaf(self, expr: Expr) -> int: ...


def evaluate(expr: Expr, reader: Reader) -> int:
    """The code of the expression's value. This is the meaning of every node; leaves are asked of the reader."""
    if isinstance(expr, Const):
        return expr.code
    if not isinstance(expr, Op):
        return reader.leaf(expr)
    op, kids = expr.op, expr.children
    if op == "and":
        for kid in kids:
            if not evaluate(kid, reader):
                return 0
        return 1
    if op == "or":
        for kid in kids:
            if evaluate(kid, reader):
                return 1
        return 0
    if op == "not":
        return 1 - evaluate(kids[0], reader)
    if op == "eq":
        return int(evaluate(kids[0], reader) == evaluate(kids[1], reader))
    if op == "lt":
        return int(evaluate(kids[0], reader) < evaluate(kids[1], reader))
    if op == "ite":
        return evaluate(kids[1] if evaluate(kids[0], reader) else kids[2], reader)
    if op == "up":
        return min(evaluate(kids[0], reader) + 1, expr.sort.size - 1)
    if op == "down":
        return max(evaluate(kids[0], reader) - 1, 0)
    raise ModelError(f"unknown operator {op!r}")


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything below it (not into the message patterns of observers)."""
    yield expr
    for child in expr.children:
        yield from walk(child)


def leaf_key(expr: Expr) -> tuple[str, ...] | None:
    """What tells two leaves apart in a totality check; None for inner nodes and constants."""
    if isinstance(expr, Var):
        return ("var", expr.table, expr.name)
    if isinstance(expr, Param):
        return ("param", expr.name)
    if isinstance(expr, Choice):
        return ("choice", expr.name)
    if isinstance(expr, OnWire):
        return ("wire", expr.name)
    if isinstance(expr, Item) and isinstance(expr.children[0], Const):
        return ("var", expr.var.table, expr.var.name, str(expr.children[0].code))
    return None


class Unknown(Exception):
    """A `Valuation` does not give this leaf."""

    def __init__(self, key: tuple[str, ...], leaf: Expr) -> None:
        super().__init__(show(leaf))
        self.key, self.leaf = key, leaf


class Valuation:
    """A reader over an explicit assignment of leaves. Raises Unknown where it has none."""

    def __init__(self, values: dict[tuple[str, ...], int]) -> None:
        self.values = values

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Item):
            assert expr.var.index is not None
            expr = Item(expr.var, Const(expr.var.index, evaluate(expr.children[0], self)))
        key = leaf_key(expr)
        if key is None:
            raise ModelError(f"({show(expr)}) may not stand in a guard")
        if key not in self.values:
            raise Unknown(key, expr)
        return self.values[key]


Case = dict[tuple[str, ...], tuple[Expr, int]]


def cases(guards: Sequence[Expr], given: Case) -> Iterator[tuple[Case, list[int]]]:
    """Every way the guards can turn out: (what decides it, positions of the guards that are true).

    A leaf is split on only where a guard asks for it, so the cases are few even where the leaves are many.
    """
    return _cases(guards, given, {key: code for key, (_, code) in given.items()}, 0, [])


def _cases(guards: Sequence[Expr], given: Case, values: dict[tuple[str, ...], int], at: int,
           true: list[int]) -> Iterator[tuple[Case, list[int]]]:
    """The cases in which the guards before position `at` are decided already."""
    reader, true = Valuation(values), list(true)
    for position in range(at, len(guards)):
        try:
            if evaluate(guards[position], reader):
                true.append(position)
        except Unknown as unknown:
            for code in range(unknown.leaf.sort.size):
                deeper = {**given, unknown.key: (unknown.leaf, code)}
                yield from _cases(guards, deeper, {**values, unknown.key: code}, position, true)
            return
    yield given, true


_LEVEL = {"or": 1, "and": 2, "not": 3}


def show(expr: Expr, name: Callable[[Expr], str] | None = None) -> str:
    """The expression as text, in the words of a table: ``state = ESTABLISHED and not marked``."""
    return _show(expr, 0)


def _show(expr: Expr, level: int) -> str:
    if isinstance(expr, Const):
        return expr.sort.show(expr.code)
    if isinstance(expr, Var):
        return expr.name if expr.table == "reading" else f"{expr.table}.{expr.name}"
    if isinstance(expr, Item):
        return f"{expr.var.table}.{expr.var.name}[{_show(expr.children[0], 0)}]"
    if isinstance(expr, Param | Choice | OnWire):
        return expr.name
    if isinstance(expr, Post):
        return f"after({_show(expr.children[0], 0)})"
    if isinstance(expr, Peer):
        return f"peer({_show(expr.children[0], 0)})"
    if isinstance(expr, Sent):
        return f"sent({expr.channel}: {_show(expr.where, 0)})"
    if isinstance(expr, Fired):
        where = "" if expr.where is TRUE else f" where {_show(expr.where, 0)}"
        return f"fired({expr.table}: {', '.join(expr.rows)}{where})"
    assert isinstance(expr, Op)
    kids, op = expr.children, expr.op
    if op in ("and", "or"):
        text = f" {op} ".join(_show(kid, _LEVEL[op] + 1) for kid in _among(kids, op))
        return f"({text})" if level > _LEVEL[op] else text
    if op == "not" and isinstance(kids[0], Op) and kids[0].op == "eq":
        return f"{_show(kids[0].children[0], 3)} != {_show(kids[0].children[1], 3)}"
    if op == "not":
        return f"not {_show(kids[0], 3)}"
    if op == "eq":
        return f"{_show(kids[0], 3)} = {_show(kids[1], 3)}"
    if op == "lt":
        return f"{_show(kids[0], 3)} < {_show(kids[1], 3)}"
    if op == "ite":
        return f"({_show(kids[1], 0)} if {_show(kids[0], 0)} else {_show(kids[2], 0)})"
    return f"{_show(kids[0], 3)} {'+' if op == 'up' else '-'} 1"


def _among(kids: tuple[Expr, ...], op: str) -> list[Expr]:
    """Flattens nested and/or so that the text needs no inner brackets."""
    flat: list[Expr] = []
    for kid in kids:
        flat += _among(kid.children, op) if isinstance(kid, Op) and kid.op == op else [kid]
    return flat
