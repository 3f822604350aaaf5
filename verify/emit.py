"""Expressions as LLVM IR text.

Everything is folded against what `Reachable` found out, so that a rigid reading or an event that never carries some
value leaves no code. Nothing an expression reads has a side effect, so both sides of ``&`` and ``|`` are simply evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from model.expr import Choice, Const, Expr, Fired, Item, ModelError, OnWire, Op, Param, Peer, Post, Sent, Sort, Var
from model.system import System, peer_of
from verify.layout import Layout, Wire, radix
from verify.reachable import NO, YES, Mask, Reachable, apply, high, low, members, single


@dataclass(frozen=True)
class Val:
    """A value in IR: its text, what it may be, and whether it is an i1 (else an i32)."""

    text: str
    mask: Mask
    bit: bool = False

    @property
    def known(self) -> int | None:
        """The value, if it can be only one."""
        return low(self.mask) if single(self.mask) else None


def const(code: int) -> Val:
    return Val(str(code), 1 << code)


@dataclass(frozen=True)
class Where:
    """Where an expression is read: scope, the array of cells, and the parameters of the event or message.

    `tag` tells readings with different parameters apart; `step`: inside a step (choices have values, no claims).
    """

    scope: str
    cells: str
    tag: str = ""
    step: bool = False
    params: Mapping[str, Val] = field(default_factory=dict, compare=False)


class Body:
    """The lines of one function, with what has been computed on every path to the current line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.cache: dict[tuple[int, Where], Val] = {}
        self._count = 0

    def new(self, text: str) -> str:
        """A new register holding this."""
        self._count += 1
        self.lines.append(f"  %t{self._count} = {text}")
        return f"%t{self._count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def name(self, word: str) -> str:
        """A new label."""
        self._count += 1
        return f"{word}{self._count}"

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")


class Expressions:
    """Emits expressions of one system into function bodies. `flags` numbers the (Sent or Fired leaf, scope) pairs that are read."""

    def __init__(self, system: System, reach: Reachable, layout: Layout) -> None:
        self.system, self.reach, self.layout = system, reach, layout
        self.flags: dict[tuple[int, str], tuple[int, Sent | Fired, str]] = {}
        self.choices: dict[str, int] = {}
        self._sorts: dict[str, Sort] = {}
        for choice in (one for some in system.choices.values() for one in some):
            self._check_choice(choice)
        for name in sorted(self._sorts):
            self.choices[name] = len(self.choices)
        if len(self.choices) > 64:
            raise ModelError(f"{system.name}: {len(self.choices)} choices; the native search follows at most 64")

    def _check_choice(self, choice: Choice) -> None:
        if self._sorts.setdefault(choice.name, choice.sort) is not choice.sort:
            raise ModelError(f"{self.system.name}: two choices of different sorts are named {choice.name}; rename one")

    def number_of(self, choice: Choice) -> int:
        """The place of a choice in @choice; one that no row of the system reads as it stands gets the next."""
        self._check_choice(choice)
        number = self.choices.setdefault(choice.name, len(self.choices))
        if number > 63:
            raise ModelError(f"{self.system.name}: more than 64 choices; native code follows at most 64")
        return number

    def value(self, body: Body, expr: Expr, where: Where) -> Val:
        """The value of an expression: constants folded, common parts computed once."""
        if isinstance(expr, Const):
            return const(expr.code)
        key = (id(expr), where)
        found = body.cache.get(key)
        if found is None:
            found = body.cache[key] = self._value(body, expr, where)
        return found

    def truth(self, body: Body, val: Val) -> str:
        """The value as an i1."""
        if val.known is not None:
            return "true" if val.known else "false"
        return val.text if val.bit else body.new(f"icmp ne i32 {val.text}, 0")

    def number(self, body: Body, val: Val) -> str:
        """The value as an i32."""
        if val.known is not None:
            return str(val.known)
        return body.new(f"zext i1 {val.text} to i32") if val.bit else val.text

    def _value(self, body: Body, expr: Expr, where: Where) -> Val:
        if isinstance(expr, Op):
            return self._op(body, expr, [self.value(body, kid, where) for kid in expr.children])
        if isinstance(expr, Var | Item):
            return self._cell(body, expr, where)
        if isinstance(expr, Param):
            return where.params[expr.name]
        if isinstance(expr, Choice):
            if not where.step:
                return const(0)
            at = self.number_of(expr)
            return Val(body.new(f"load i32, ptr getelementptr (i32, ptr @choice, i32 {at})"), (1 << expr.sort.size) - 1)
        if isinstance(expr, OnWire):
            return self._on_wire(body, expr, where)
        if isinstance(expr, Post):
            return self.value(body, expr.children[0], replace(where, cells="@work"))
        if isinstance(expr, Peer):
            return self.value(body, expr.children[0], replace(where, scope=peer_of(where.scope)))
        if isinstance(expr, Sent | Fired):
            if not self.reach.may(expr, where.scope) & YES:
                return const(0)
            at, _, _ = self.flags.setdefault((id(expr), where.scope), (len(self.flags), expr, where.scope))
            return Val(body.new(f"load i32, ptr getelementptr (i32, ptr @flags, i32 {at})"), NO | YES)
        raise ModelError(f"{self.system.name}: {type(expr).__name__} cannot be read by a search")

    def _op(self, body: Body, expr: Op, kids: list[Val]) -> Val:
        op, top = expr.op, expr.sort.size - 1
        mask = apply(op, [kid.mask for kid in kids], top)
        if single(mask):
            return const(low(mask))
        if op in ("and", "or"):
            bits = [self.truth(body, kid) for kid in kids if kid.known is None]
            text = bits[0]
            for other in bits[1:]:
                text = body.new(f"{op} i1 {text}, {other}")
            return Val(text, mask, True)
        if op == "not":
            return Val(body.new(f"xor i1 {self.truth(body, kids[0])}, true"), mask, True)
        if op == "ite":
            if kids[0].known is not None:
                return kids[1] if kids[0].known else kids[2]
            then, other = (self.number(body, kid) for kid in kids[1:])
            return Val(body.new(f"select i1 {self.truth(body, kids[0])}, i32 {then}, i32 {other}"), mask)
        left = self.number(body, kids[0])
        if op in ("eq", "lt"):
            return Val(body.new(f"icmp {'eq' if op == 'eq' else 'slt'} i32 {left}, {self.number(body, kids[1])}"), mask, True)
        end, by = (top, 1) if op == "up" else (0, -1)
        moved = body.new(f"add i32 {left}, {by}")
        if not kids[0].mask >> end & 1:
            return Val(moved, mask)
        return Val(body.new(f"select i1 {body.new(f'icmp eq i32 {left}, {end}')}, i32 {left}, i32 {moved}"), mask)

    # -- cells -----------------------------------------------------------------------------------

    def place(self, body: Body, target: Var | Item, where: Where) -> tuple[str, Mask, list[int]]:
        """Pointer to a variable's cell, what it may hold, and the slots it may be."""
        first = self.system.position(where.scope, target.var if isinstance(target, Item) else target)
        if not isinstance(target, Item):
            slots, at = [first], "0"
        else:
            index = self.value(body, target.children[0], where)
            slots, at = [first + one for one in members(index.mask)], self.number(body, index)
        mask = 0
        for slot in slots:
            mask |= self.reach.slots[slot]
        if len(slots) == 1:
            return self.pointer(self.layout.cell[slots[0]], where.cells), mask, slots
        return body.new(f"getelementptr i32, ptr {self.pointer(self.layout.cell[first], where.cells)}, i32 {at}"), mask, slots

    def pointer(self, cell: int, cells: str) -> str:
        return f"getelementptr (i32, ptr {cells}, i32 {cell})"

    def _cell(self, body: Body, expr: Var | Item, where: Where) -> Val:
        pointer, mask, _ = self.place(body, expr, where)
        return const(low(mask)) if single(mask) else Val(body.new(f"load i32, ptr {pointer}"), mask)

    # -- messages --------------------------------------------------------------------------------

    def _on_wire(self, body: Body, expr: OnWire, where: Where) -> Val:
        channels = self.system.observed(where.scope, expr)
        if not channels:
            slot = self.system.find(where.scope, "observer", expr.name)
            assert slot is not None  # Reachable has refused the system otherwise
            mask = self.reach.slots[slot]
            pointer = self.pointer(self.layout.cell[slot], where.cells)
            return const(low(mask)) if single(mask) else Val(body.new(f"load i32, ptr {pointer}"), mask)
        found = const(0)
        for first, capacity, _ in channels:
            wire = self.layout.wires.get(first) if capacity else None
            for at in range(capacity if wire else 0):
                assert wire is not None
                code = body.new(f"load i32, ptr {self.pointer(wire.cell + at, where.cells)}")
                inside = Where("", where.cells, f"message {code}", params=self.decode(body, wire, code, expr.where))
                here = self.value(body, expr.where, inside)
                if here.known == 0:
                    break
                full = Val(body.new(f"icmp ne i32 {code}, 0"), NO | YES, True)
                both = full if here.known else Val(body.new(f"and i1 {full.text}, {self.truth(body, here)}"), NO | YES, True)
                found = both if found.known == 0 else Val(body.new(f"or i1 {found.text}, {both.text}"), NO | YES, True)
        return found

    def decode(self, body: Body, wire: Wire, code: str, read_by: Expr | None = None) -> dict[str, Val]:
        """The fields of a message code (those the pattern reads, or all)."""
        wanted = {p.name for p in wire.channel.fields} if read_by is None else _params(read_by)
        found: dict[str, Val] = {}
        rest = ""
        for param, mask, stride in zip(wire.channel.fields, wire.masks, wire.strides, strict=True):
            if single(mask):
                found[param.name] = const(low(mask))
            elif param.name in wanted:
                rest = rest or body.new(f"add i32 {code}, -1")
                text = body.new(f"udiv i32 {rest}, {stride}") if stride > 1 else rest
                text = body.new(f"urem i32 {text}, {radix(mask)}")
                found[param.name] = Val(body.new(f"add i32 {text}, {low(mask)}") if low(mask) else text, mask)
        return found

    def encode(self, body: Body, wire: Wire, values: list[Val]) -> str:
        """The native code of a message; its values must be among those the channel can hold."""
        total, code = 1, ""
        for value, mask, stride in zip(values, wire.masks, wire.strides, strict=True):
            if value.known is not None:
                total += (value.known - low(mask)) * stride
                continue
            total -= low(mask) * stride
            text = self.number(body, value)
            text = body.new(f"mul i32 {text}, {stride}") if stride > 1 else text
            code = body.new(f"add i32 {code}, {text}") if code else text
        return body.new(f"add i32 {code}, {total}") if code else str(total)

    def outside(self, body: Body, wire: Wire, values: list[Val]) -> str:
        """An i1: is a value not one that any message in the channel can have? "false" where that is certain."""
        found = "false"
        for value, mask in zip(values, wire.masks, strict=True):
            for beyond, limit in (("slt", low(mask)), ("sgt", high(mask))):
                if value.mask & (((1 << limit) - 1) if beyond == "slt" else ~((2 << limit) - 1)):
                    text = body.new(f"icmp {beyond} i32 {self.number(body, value)}, {limit}")
                    found = text if found == "false" else body.new(f"or i1 {found}, {text}")
        return found


def _params(expr: Expr) -> set[str]:
    return ({expr.name} if isinstance(expr, Param) else set()).union(*(_params(kid) for kid in expr.children))
