"""What each variable can ever be: an abstract run of a system that the native engine is generated from.

Every variable is followed on its own, as the set of values it may have in any reachable state or in the middle of
any step; so are the arguments of every event and the fields of the messages on every channel. The sets only
grow, from the initial states, until no row adds anything. They contain at least what really occurs (a row may
be believed possible that is not, never the reverse), so what they exclude needs no code and no bits: a variable with one
value is a constant, a row whose guard cannot be true is not generated.

A set of values is a `Mask`: the whole number with bit v set for each value v.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from model.action import Channel, Impossible, Put, Refuse, Set, Signal
from model.expr import Choice, Const, Expr, Fired, Item, ModelError, OnWire, Op, Param, Peer, Post, Sent, Var, show, walk
from model.system import Instance, Monitor, Offer, State, System, peer_of
from model.table import Row

Mask = int
Key = tuple[str, str, str]  # an event at an instance: scope, table, event
NO, YES, MAYBE = 1, 2, 3


def bits(values: Iterable[int]) -> Mask:
    """The set of these values."""
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask


def members(mask: Mask) -> Iterator[int]:
    """The values of a set, ascending."""
    while mask:
        yield low(mask)
        mask &= mask - 1


def low(mask: Mask) -> int:
    """The smallest value of a set that is not empty."""
    return (mask & -mask).bit_length() - 1


def high(mask: Mask) -> int:
    """The largest value of a set that is not empty."""
    return mask.bit_length() - 1


def single(mask: Mask) -> bool:
    """Has the set exactly one value?"""
    return mask != 0 and mask & (mask - 1) == 0


def _truth(may_be_false: bool, may_be_true: bool) -> Mask:
    return (NO if may_be_false else 0) | (YES if may_be_true else 0)


def apply(op: str, kids: Sequence[Mask], top: int) -> Mask:
    """The possible results of an operator, given the possible values of its operands; `top` is its sort's largest value."""
    if not all(kids):
        return 0
    if op == "and":
        return _truth(any(kid & NO for kid in kids), all(kid & YES for kid in kids))
    if op == "or":
        return _truth(all(kid & NO for kid in kids), any(kid & YES for kid in kids))
    if op == "not":
        return _truth(bool(kids[0] & YES), bool(kids[0] & NO))
    if op == "eq":
        return _truth(not (single(kids[0]) and kids[0] == kids[1]), bool(kids[0] & kids[1]))
    if op == "lt":
        return _truth(high(kids[0]) >= low(kids[1]), low(kids[0]) < high(kids[1]))
    if op == "ite":
        return (kids[1] if kids[0] & YES else 0) | (kids[2] if kids[0] & NO else 0)
    if op == "up":
        return (kids[0] << 1) & ((2 << top) - 1) | (kids[0] & (1 << top))
    if op == "down":
        return (kids[0] >> 1) | (kids[0] & 1)
    raise ModelError(f"unknown operator {op!r}")


@dataclass
class _Env:
    """Where an expression is read: a scope, the event's arguments, and what its guard has already narrowed down."""

    scope: str
    params: dict[str, Mask]
    narrowed: dict[object, Mask] = field(default_factory=dict)
    empty: bool = False


class Reachable:
    """The fixpoint for one system. Raises ModelError for an initial state or offer with a value outside its sort.

    slots: for each position of `System.slots` the values it may have (for a message slot see `wires`).
    wires: for each channel, by its first slot, the values of each field of the messages it may hold; absent if none.
    params: for each event that can occur, the values of each of its parameters.
    live: the rows that may fire, refuse or turn out impossible, as (scope, table, row.key).
    offers: the positions in `System.offers` of those whose `when` may be true.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.slots: list[Mask] = [0] * len(system.slots)
        self.wires: dict[int, list[Mask]] = {}
        self.params: dict[Key, list[Mask]] = {}
        self.live: set[Key] = set()
        self.offers: set[int] = set()
        self._sent: dict[tuple[str, str], list[Mask]] = {}
        self._readers: dict[object, set[int]] = {}
        self._jobs: list[Callable[[], None]] = [
            *(partial(self._row, one, row) for one, row in system.rows),
            *(partial(self._offer, number, offer) for number, offer in enumerate(system.offers)),
            *(partial(self._monitor, one) for one in system.monitors)]
        self._queued = [True] * len(self._jobs)
        self._todo = deque(range(len(self._jobs)))
        self._job = 0
        self._start()
        while self._todo:
            self._job = self._todo.popleft()
            self._queued[self._job] = False
            self._jobs[self._job]()

    # -- the fixpoint ----------------------------------------------------------------------------

    def _start(self) -> None:
        for state in self.system.initial:
            for at, (slot, code) in enumerate(zip(self.system.slots, state, strict=True)):
                codes = slot.var.codes if isinstance(slot.var, Channel) else slot.var.sort.size
                if not 0 <= code < codes:
                    raise ModelError(f"{self.system.name}: the initial value {code} of {slot} is not one of its {codes} values")
                self.slots[at] |= 1 << code if not isinstance(slot.var, Channel) else 1
                if isinstance(slot.var, Channel) and code:
                    self._grow_wire(at - slot.index, [1 << value for value in slot.var.decode(code)])

    def _monitor(self, one: Monitor) -> None:
        env = _Env(one.scope, {})
        when, until = self._value(one.when, env), self._value(one.until, env)
        goes = NO if when & NO and until & YES else 0
        self._grow_slot(self.system.position(one.scope, one.var), when & YES | goes)

    def _offer(self, number: int, offer: Offer) -> None:
        system = self.system
        when = system.offer_of[(offer.scope, offer.table.name, offer.event.name)].when
        instance = system.instance(offer.scope, offer.table.name)
        if instance is None:
            raise ModelError(f"{system.name}: offer {offer.event.name}: no {offer.table.name} at {offer.scope or 'the world'}")
        if not self._value(when, _Env(offer.scope, {})) & YES:
            return
        self.offers.add(number)
        if offer.event.takes is None:
            for param in offer.event.params:
                wrong = [code for code in offer.only.get(param.name, ()) if not 0 <= code < param.sort.size]
                if wrong:
                    raise ModelError(f"{system.name}: offer {offer.event.name}: {param.name} has no value {wrong[0]}")
            masks = [bits(offer.only.get(p.name, range(p.sort.size))) for p in offer.event.params]
        else:
            place = system.wire(offer.scope, offer.event.takes.table)
            if place is None:
                raise ModelError(f"{system.name}: offer {offer.event.name} takes from {offer.event.takes.table}, "
                                 f"which is not at {offer.scope or 'the world'}")
            self._reads(("wire", place[1]))
            if place[1] not in self.wires or not place[2]:
                return
            masks = list(self.wires[place[1]])
        if all(masks):
            self._grow_event((instance.scope, instance.table.name, offer.event.name), masks)

    def _row(self, at: Instance, row: Row) -> None:
        system, key = self.system, (at.scope, at.table.name, row.event.name)
        self._reads(("event", key))
        masks = self.params.get(key)
        if masks is None:
            return
        state = system.position(at.scope, at.table.state)
        self._reads(state)
        if not self.slots[state] >> row.state.code & 1:
            return
        env = _Env(at.scope, {param.name: mask for param, mask in zip(row.event.params, masks, strict=True)})
        env.narrowed[state] = 1 << row.state.code
        if not self._value(row.condition, env) & YES:
            return
        self._assume(row.condition, True, env)
        if env.empty:
            return
        name = (at.scope, at.table.name, row.key)
        if name not in self.live:
            self.live.add(name)
            self._changed("live")
        if any(isinstance(action, Refuse | Impossible) for action in row.actions):
            return
        for action in row.actions:
            if isinstance(action, Set):
                mask = self._value(action.value, env)
                for where in self._places(action.target, env):
                    self._grow_slot(where, mask)
            elif isinstance(action, Signal):
                to, event = system.target(at.scope, action), action.call.event
                if to is not None:
                    values = [self._value(action.call.value(param), env) for param in event.params]
                    self._grow_event((to.scope, to.table.name, event.name), values)
            elif isinstance(action, Put):
                fields = [self._value(expr, env) for expr in action.fields.values()]
                place = system.channel(at.scope, action)
                if place is not None and place[2] and all(fields):
                    self._grow_wire(place[1], fields)
                self._grow(self._sent.setdefault((at.scope, action.channel.table), [0] * len(fields)), fields,
                           ("sent", at.scope, action.channel.table))
        if row.next is not None:
            self._grow_slot(state, 1 << row.next.code)

    def _grow_slot(self, where: int, mask: Mask) -> None:
        if mask & ~self.slots[where]:
            self.slots[where] |= mask
            self._changed(where)

    def _grow_wire(self, first: int, masks: list[Mask]) -> None:
        self._grow(self.wires.setdefault(first, [0] * len(masks)), masks, ("wire", first))

    def _grow_event(self, key: Key, masks: list[Mask]) -> None:
        if key not in self.params:
            self.params[key] = list(masks)
            self._changed(("event", key))
        self._grow(self.params[key], masks, ("event", key))

    def _grow(self, kept: list[Mask], masks: list[Mask], key: object) -> None:
        if any(mask & ~old for mask, old in zip(masks, kept, strict=True)):
            kept[:] = [mask | old for mask, old in zip(masks, kept, strict=True)]
            self._changed(key)

    def _reads(self, key: object) -> None:
        self._readers.setdefault(key, set()).add(self._job)

    def _changed(self, key: object) -> None:
        for job in self._readers.get(key, ()):
            if not self._queued[job]:
                self._queued[job] = True
                self._todo.append(job)

    def may(self, expr: Expr, scope: str) -> Mask:
        """The values a claim may have at a scope."""
        return self._value(expr, _Env(scope, {}))

    def has(self, state: State) -> bool:
        """Is every value of this state, taken by itself, among those found? Then so is whatever can be reached from it: the sets are
        closed under all rows."""
        for at, (slot, code) in enumerate(zip(self.system.slots, state, strict=True)):
            if not isinstance(slot.var, Channel):
                found = bool(self.slots[at] >> code & 1)
            else:
                masks = self.wires.get(at - slot.index, [0] * len(slot.var.fields))
                found = not code or all(mask >> value & 1 for mask, value in zip(masks, slot.var.decode(code), strict=True))
            if not found:
                return False
        return True

    # -- expressions over sets -------------------------------------------------------------------

    def _places(self, target: Var | Item, env: _Env) -> list[int]:
        """The slots a variable or cell may be."""
        if isinstance(target, Item):
            first = self.system.position(env.scope, target.var)
            return [first + at for at in members(self._value(target.children[0], env)) if at < target.var.cells]
        return [self.system.position(env.scope, target)]

    def _value(self, expr: Expr, env: _Env) -> Mask:
        """The values an expression may have; empty if it cannot be reached."""
        if isinstance(expr, Const):
            return 1 << expr.code
        if isinstance(expr, Op):
            return apply(expr.op, [self._value(kid, env) for kid in expr.children], expr.sort.size - 1)
        if isinstance(expr, Var | Item):
            found = 0
            for where in self._places(expr, env):
                self._reads(where)
                found |= env.narrowed.get(where, self.slots[where])
            return found
        if isinstance(expr, Param):
            if expr.name not in env.params:
                raise ModelError(f"{self.system.name}: parameter {expr.name} is read where there is no event")
            return env.narrowed.get(expr.name, env.params[expr.name])
        if isinstance(expr, Choice):
            return (1 << expr.sort.size) - 1
        if isinstance(expr, OnWire):
            return self._on_wire(expr, env)
        if isinstance(expr, Post):
            return self._value(expr.children[0], env)
        if isinstance(expr, Peer):
            return self._value(expr.children[0], _Env(peer_of(env.scope), env.params))
        if isinstance(expr, Sent):
            self._reads(("sent", env.scope, expr.channel))
            return NO | self._matches(expr.where, self._sent.get((env.scope, expr.channel)),
                                      self._channels(expr.channel)) & YES
        if isinstance(expr, Fired):
            self._reads("live")
            return NO | (YES if any((env.scope, one.table.name, row.key) in self.live for one, row in self.system.rows
                                    if one.scope == env.scope and row.name in expr.rows) else 0)
        raise ModelError(f"{type(expr).__name__} cannot be read by a search")

    def _on_wire(self, expr: OnWire, env: _Env) -> Mask:
        channels = self.system.observed(env.scope, expr)
        if not channels:
            where = self.system.find(env.scope, "observer", expr.name)
            if where is None:
                raise ModelError(f"{self.system.name}: channel {expr.channel} is observed at {env.scope}, but is not there")
            self._reads(where)
            return env.narrowed.get(where, self.slots[where])
        found = NO
        for first, capacity, channel in channels:
            if not capacity:
                continue  # it shares its first slot with the variable after it
            self._reads(("wire", first))
            found |= self._matches(expr.where, self.wires.get(first), channel) & YES
        return found

    def _matches(self, where: Expr, fields: list[Mask] | None, channel: Channel | None) -> Mask:
        if fields is None or channel is None:
            return NO
        if not all(isinstance(node, Const | Op | Param) for node in walk(where)):
            raise ModelError(f"{self.system.name}: a pattern of messages reads only their fields, not as ({show(where)}) does")
        return self._value(where, _Env("", {param.name: mask for param, mask in zip(channel.fields, fields, strict=True)}))

    def _channels(self, table: str) -> Channel | None:
        for _, row in self.system.rows:
            for action in row.actions:
                if isinstance(action, Put) and action.channel.table == table:
                    return action.channel
        return None

    # -- what a guard tells ----------------------------------------------------------------------

    def _assume(self, expr: Expr, truth: bool, env: _Env) -> None:
        """Narrow what the environment's leaves may be, given that the expression is (or is not) true."""
        if isinstance(expr, Op) and expr.op == "not":
            self._assume(expr.children[0], not truth, env)
        elif isinstance(expr, Op) and expr.op in ("and", "or"):
            if (expr.op == "and") == truth:
                for kid in expr.children:
                    self._assume(kid, truth, env)
            else:
                self._assume_one(expr.children, truth, env)
        elif isinstance(expr, Op) and expr.op == "eq":
            for one, other in (expr.children, expr.children[::-1]):
                mask = self._value(other, env)
                if truth:
                    self._narrow(one, mask, env)
                elif single(mask):
                    self._narrow(one, ~mask, env)
        elif not isinstance(expr, Op):
            self._narrow(expr, YES if truth else NO, env)

    def _assume_one(self, kids: Sequence[Expr], truth: bool, env: _Env) -> None:
        """At least one of these is so: what each of them would leave, put together."""
        found: list[dict[object, Mask]] = []
        for kid in kids:
            if self._value(kid, env) & (YES if truth else NO):
                branch = _Env(env.scope, env.params, dict(env.narrowed))
                self._assume(kid, truth, branch)
                if not branch.empty:
                    found.append(branch.narrowed)
        if not found:
            env.empty = True
            return
        for key in set.intersection(*(set(one) for one in found)):
            env.narrowed[key] = 0
            for one in found:
                env.narrowed[key] |= one[key]

    def _narrow(self, leaf: Expr, mask: Mask, env: _Env) -> None:
        key: object = None
        if isinstance(leaf, Param):
            key = leaf.name
        elif isinstance(leaf, Var | Item):
            places = self._places(leaf, env)
            key = places[0] if len(places) == 1 else None
        if key is not None:
            env.narrowed[key] = self._value(leaf, env) & mask
            env.empty |= not env.narrowed[key]
