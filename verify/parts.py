"""The parts of an expression that could be left out, and what is asked of steps to see whether that would make a difference.

An expression is first spread: `Post`, `Peer` and negations are moved inwards, a `Fired` of several rows becomes a disjunction over
them, so that it is 'and' and 'or' over leaves, and a part is one member of such a list. Leaving out a member of an 'and' makes the
expression true of more, of an 'or' of less; either is as much as replacing it by true, or by false (vacuity: Beer, Ben-David, Eisner,
Rodeh, CAV 1997; for each occurrence of a subformula: Kupferman and Vardi, STTT 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from model.expr import BOOL, FALSE, TRUE, Const, Expr, Fired, Op, Peer, Post, Sent, Valuation, conj, disj, evaluate, show, walk

CONDITION, CASE = "condition", "case"  # a member of an 'and'; of an 'or'
Rebuild = Callable[[Expr], Expr]


@dataclass(frozen=True, eq=False)
class Part:
    """A member of an 'and' (a condition) or of an 'or' (a case) somewhere in an expression. `without`: the expression without it;
    `alone`: for a case, the expression with no other case in its place, else None. depth: in how many other parts it is."""

    kind: str
    what: Expr
    without: Expr
    alone: Expr | None
    depth: int

    @property
    def text(self) -> str:
        return show(self.what)


class Spread:
    """Spreads expressions. Equal questions about what was sent or fired become one object: native code counts them."""

    def __init__(self) -> None:
        self._leaves: dict[tuple[str, ...], Expr] = {}

    def __call__(self, expr: Expr) -> Expr:
        """The same expression as 'and' and 'or' over leaves, neither directly in one of its kind."""
        return self._of(expr, False, ())

    def _of(self, expr: Expr, negated: bool, around: tuple[type[Post] | type[Peer], ...]) -> Expr:
        if isinstance(expr, Const) and expr.sort is BOOL:
            return TRUE if bool(expr.code) != negated else FALSE
        if isinstance(expr, Op) and expr.op in ("and", "or"):
            return join("and" if (expr.op == "and") != negated else "or", [self._of(kid, negated, around) for kid in expr.children])
        if isinstance(expr, Op) and expr.op == "not":
            return self._of(expr.children[0], not negated, around)
        if isinstance(expr, Post | Peer):
            return self._of(expr.children[0], negated, (*around, type(expr)))
        if isinstance(expr, Fired | Sent):
            rows = expr.rows if isinstance(expr, Fired) else ("",)
            found = [self._leaf(expr, row, where) for where in members(self(expr.where), "or") for row in rows]
            return join("and" if negated else "or", [_within(one, negated, around) for one in found])
        return _within(folded(expr), negated, around)

    def _leaf(self, expr: Fired | Sent, row: str, where: Expr) -> Expr:
        if where is FALSE:
            return FALSE
        key = ("fired", expr.table, row, show(where)) if isinstance(expr, Fired) else ("sent", expr.channel, show(where))
        if key not in self._leaves:
            self._leaves[key] = Fired(expr.table, row, where=where) if isinstance(expr, Fired) else Sent(expr.channel, where)
        return self._leaves[key]


def folded(expr: Expr) -> Expr:
    """The expression with what depends on nothing computed: a claim that is written once for every SA asks which SA it is about."""
    if not isinstance(expr, Op):
        return expr
    kids = tuple(map(folded, expr.children))
    if expr.op == "ite" and isinstance(kids[0], Const):
        return kids[1] if kids[0].code else kids[2]
    if all(isinstance(kid, Const) for kid in kids):
        return Const(expr.sort, evaluate(Op(expr.op, kids, expr.sort), Valuation({})))
    return Op(expr.op, kids, expr.sort)


def _within(leaf: Expr, negated: bool, around: Sequence[type[Post] | type[Peer]]) -> Expr:
    if isinstance(leaf, Const):
        return (TRUE if bool(leaf.code) != negated else FALSE)
    for one in reversed(around):
        leaf = one(leaf)
    return ~leaf if negated else leaf


def members(expr: Expr, op: str) -> tuple[Expr, ...]:
    """The members of an 'and' or an 'or'; what is neither is its own only member."""
    return expr.children if isinstance(expr, Op) and expr.op == op else (expr,)


def join(op: str, kids: Sequence[Expr]) -> Expr:
    """All of them, or at least one, without one list directly in another of its kind."""
    flat = [one for kid in kids for one in members(kid, op)]
    settled, rest = (FALSE, TRUE) if op == "and" else (TRUE, FALSE)
    if any(one is settled for one in flat):
        return settled
    return (conj if op == "and" else disj)(*(one for one in flat if one is not rest))


def parts(expr: Expr) -> list[Part]:
    """The parts of an expression that is spread, those within the patterns of `Sent` and `Fired` included; outer before inner."""
    return list(_parts(expr, lambda new: new, True, 0))


def _parts(expr: Expr, put: Rebuild, up: bool, depth: int) -> Iterator[Part]:
    """`up`: is the whole true of more where this is?"""
    for op in ("and", "or"):
        kids = members(expr, op)
        if len(kids) > 1:
            for at, kid in enumerate(kids):
                case = (op == "or") == up
                rest = put(join(op, [*kids[:at], *kids[at + 1:]]))
                yield Part(CASE if case else CONDITION, kid, rest, put(kid) if case else None, depth)
                yield from _parts(kid, _in_place(op, kids, at, put), up, depth + 1)
            return
    pattern, around = _pattern(expr)
    if pattern is not None:
        yield from _parts(pattern, lambda new: put(around(new)), up != isinstance(expr, Op), depth)


def _in_place(op: str, kids: tuple[Expr, ...], at: int, put: Rebuild) -> Rebuild:
    return lambda new: put(join(op, [*kids[:at], new, *kids[at + 1:]]))


def _pattern(leaf: Expr) -> tuple[Expr | None, Rebuild]:
    """The pattern of a `Sent` or `Fired` in a leaf, and the leaf with another pattern."""
    if isinstance(leaf, Sent):
        return leaf.where, lambda new: Sent(leaf.channel, new)
    if isinstance(leaf, Fired):
        return leaf.where, lambda new: Fired(leaf.table, *leaf.rows, where=new)
    if isinstance(leaf, Post | Peer) or (isinstance(leaf, Op) and leaf.op == "not"):
        inner, put = _pattern(leaf.children[0])
        around: Rebuild = (lambda one: ~one) if isinstance(leaf, Op) else type(leaf)
        return inner, lambda new: around(put(new))
    return None, lambda new: new


def matters(expr: Expr, part: Part) -> Expr:
    """Of this step the expression says something else than it would without the part."""
    return conj(part.without, ~expr) if part.kind == CONDITION else conj(expr, ~part.without)


def close(part: Part) -> Expr:
    """By this case the expression is at most one condition short of being true, and the case itself is not that one. FALSE where the part
    is no case, or a case that has no condition beside it or in it."""
    return FALSE if part.alone is None else _close(part.alone, part.what)


def _close(expr: Expr, kept: Expr) -> Expr:
    every: Expr = TRUE
    short: Expr = FALSE
    spared: Expr
    loose = False
    for kid in members(expr, "and"):
        pattern, around = _pattern(kid)
        if kid is kept:
            spared = FALSE
        elif pattern is not None and any(node is kept for node in walk(pattern)):
            spared = around(_close(pattern, kept))
        else:
            spared = TRUE
        loose |= spared is not FALSE
        short = join("or", [join("and", [short, kid]), join("and", [every, spared])])
        every = join("and", [every, kid])
    return join("or", [every, short]) if loose and len(members(expr, "and")) > 1 else FALSE
