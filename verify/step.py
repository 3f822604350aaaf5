"""The reference interpreter: what one step is. Every other engine must agree with this file.

A step is one stimulus and the cascade of signals it causes, first in, first out, each row run to its end.
Given the state and the stimulus (with its choices) the outcome is unique, or the stimulus is disabled: no
row's guard is true for a spontaneous event, an output does not fit on the wire, a resent message is still in
flight, a row refuses the choice, or a choice is not the first although nothing in the step consults it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from model.action import Channel, Event, Impossible, Put, Refuse, Set, Signal, Take
from model.expr import (
    Choice,
    Expr,
    Fired,
    Item,
    ModelError,
    OnWire,
    Param,
    Peer,
    Post,
    Sent,
    Valuation,
    Var,
    evaluate,
    show,
)
from model.system import Instance, Offer, State, System, peer_of
from model.table import Row


class Disabled(Exception):
    """The stimulus is not enabled in this state; `full` if only for want of room on the wire."""

    def __init__(self, why: str, full: bool = False) -> None:
        super().__init__(why)
        self.full = full


@dataclass(frozen=True)
class Stimulus:
    """One thing that happens: an event of the table `table` at `scope`, its arguments, and the choices made."""

    scope: str
    table: str
    event: str
    args: tuple[int, ...] = ()
    choices: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Firing:
    """A row that fired, where, with which event arguments."""

    scope: str
    row: Row
    args: tuple[int, ...]


@dataclass(frozen=True)
class Message:
    """A message put on the wire by `scope` in direction `direction` (None: out of an open system)."""

    scope: str
    direction: str | None
    channel: Channel
    code: int


@dataclass(frozen=True)
class Outcome:
    """The state before and after, the rows that fired and the messages sent, in order."""

    before: State
    after: State
    fired: tuple[Firing, ...]
    sent: tuple[Message, ...]


def step(system: System, state: State, stimulus: Stimulus, watch: Callable[[View, Row], None] | None = None) -> Outcome:
    """The outcome of a stimulus. `watch` is shown each row that fires, with what it reads, before anything of it is done.

    Raises Disabled, or ModelError where the model reaches the impossible.
    """
    instance = system.instance(stimulus.scope, stimulus.table)
    if instance is None:
        raise ModelError(f"{system.name} has no {stimulus.table} at {stimulus.scope or 'the world'}")
    event, cells, chosen = instance.table.event(stimulus.event), list(state), dict(stimulus.choices)
    offer = system.offer_of.get((stimulus.scope, stimulus.table, stimulus.event))
    if offer is None:
        raise ModelError(f"{system.name} does not offer {stimulus.table} {stimulus.event} at {stimulus.scope or 'the world'}")
    if not evaluate(offer.when, View(system, stimulus.scope, state, {}, {})):
        raise Disabled(f"not offered here: {show(offer.when)} is false")
    if not offers(system, state, offer, stimulus.args):
        raise Disabled("no such message is in flight" if event.takes is not None else "not offered with these arguments")
    queue: deque[tuple[Instance, Event, tuple[int, ...]]] = deque([(instance, event, stimulus.args)])
    fired: list[Firing] = []
    sent: list[Message] = []
    consulted: set[str] = set()
    while queue:
        at, event, args = queue.popleft()
        view = View(system, at.scope, cells, dict(zip((p.name for p in event.params), args, strict=True)), chosen)
        cell = (at.scope, at.table.name, event.name, view.leaf(at.table.state))
        consulted |= {choice.name for choice in system.choices.get(cell, ())}
        row = _row(system, at, event, view)
        if watch is not None:
            watch(view, row)
        fired.append(Firing(at.scope, row, args))
        writes = [(view.place(a.target), evaluate(a.value, view)) for a in row.actions if isinstance(a, Set)]
        signals = [(system.target(at.scope, a), a.call.event, tuple(evaluate(a.call.value(p), view) for p in a.call.event.params))
                   for a in row.actions if isinstance(a, Signal)]
        puts = [(a, a.channel.encode([evaluate(v, view) for v in a.fields.values()]), evaluate(a.resend, view))
                for a in row.actions if isinstance(a, Put)]
        takes = [(a.channel, a.channel.encode(args)) for a in row.actions if isinstance(a, Take)]
        for where, value in writes:
            cells[where] = value
        if row.next is not None:
            cells[system.position(at.scope, at.table.state)] = row.next.code
        for channel, code in takes:
            _take(system, at.scope, channel, code, cells)
        for put, code, resend in puts:
            sent.append(_put(system, at.scope, put, code, bool(resend), cells))
        queue.extend((to, event, values) for to, event, values in signals if to is not None)
    for name, value in stimulus.choices:
        if value and name not in consulted:
            raise Disabled(f"nothing in this step consults the choice {name}")
    reader = StepView(system, "A", Outcome(state, tuple(cells), tuple(fired), tuple(sent)))
    updates = []
    for monitor in system.monitors:
        here, where = reader.at(monitor.scope), system.position(monitor.scope, monitor.var)
        updates.append((where, int(evaluate(monitor.when, here) or (state[where] and not evaluate(monitor.until, here)))))
    for where, value in updates:
        cells[where] = value
    return Outcome(state, tuple(cells), tuple(fired), tuple(sent))


def _row(system: System, at: Instance, event: Event, view: View) -> Row:
    state = at.table.state.sort.consts()[view.leaf(at.table.state)]
    for row in at.table.cell(state, event):
        if evaluate(row.condition, view):
            for action in row.actions:
                if isinstance(action, Refuse):
                    raise Disabled(action.why)
                if isinstance(action, Impossible):
                    raise ModelError(f"{system.name}: impossible but reached: {at.scope}.{at.table.name}, {row.key}: {row.source}")
            return row
    if event.total:
        raise ModelError(f"{system.name}: {at.scope}.{at.table.name} has no row for {event.name}")
    raise Disabled(f"no row of {at.table.name} is enabled on {event.name}")


def _take(system: System, scope: str, channel: Channel, code: int, cells: list[int]) -> None:
    place = system.wire(scope, channel.table)
    assert place is not None
    _, first, capacity = place
    slots = cells[first:first + capacity]
    if code not in slots:
        raise Disabled("no such message is in flight")
    slots.remove(code)
    cells[first:first + capacity] = [*slots, 0]


def _put(system: System, scope: str, put: Put, code: int, resend: bool, cells: list[int]) -> Message:
    place = system.channel(scope, put)
    if place is None:
        return Message(scope, None, put.channel, code)
    direction, first, capacity = place
    slots = cells[first:first + capacity]
    if resend and code in slots:
        raise Disabled("an equal message is still in flight")
    if all(slots):
        raise Disabled(f"the wire {direction} is full", full=True)
    cells[first:first + capacity] = sorted([*slots[:-1], code], reverse=True)
    return Message(scope, direction, put.channel, code)


class View:
    """Reads expressions in one state, at one scope, inside one event."""

    def __init__(self, system: System, scope: str, cells: list[int] | State, params: dict[str, int],
                 choices: dict[str, int]) -> None:
        self.system, self.scope, self.cells, self.params, self.choices = system, scope, cells, params, choices

    def place(self, target: Var | Item) -> int:
        if isinstance(target, Item):
            return self.system.position(self.scope, target.var) + evaluate(target.children[0], self)
        return self.system.position(self.scope, target)

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Var | Item):
            return self.cells[self.place(expr)]
        if isinstance(expr, Param):
            return self.params[expr.name]
        if isinstance(expr, Choice):
            return self.choices.get(expr.name, 0)
        if isinstance(expr, OnWire):
            return self._on_wire(expr)
        raise ModelError(f"{type(expr).__name__} cannot be read inside a step")

    def _on_wire(self, expr: OnWire) -> int:
        channels = self.system.observed(self.scope, expr)
        if not channels:
            where = self.system.find(self.scope, "observer", expr.name)
            assert where is not None
            return self.cells[where]
        return int(any(matches(expr.where, channel, code)
                       for first, capacity, channel in channels for code in self.cells[first:first + capacity] if code))


def matches(where: Expr, channel: Channel, code: int) -> bool:
    """Does a message (by its slot code) match the pattern?"""
    values: dict[tuple[str, ...], int] = {("param", p.name): v for p, v in zip(channel.fields, channel.decode(code), strict=True)}
    return bool(evaluate(where, Valuation(values)))


def fits(where: Expr, firing: Firing) -> bool:
    """Do the arguments of the event that fired a row match the pattern?"""
    values: dict[tuple[str, ...], int] = {("param", p.name): v for p, v in zip(firing.row.event.params, firing.args, strict=True)}
    return bool(evaluate(where, Valuation(values)))


class StepView(View):
    """Reads claims: the state before, `Post` the state after, what was sent and which rows fired, at a scope or its peer."""

    def __init__(self, system: System, scope: str, outcome: Outcome, after: bool = False) -> None:
        super().__init__(system, scope, outcome.after if after else outcome.before, {}, {})
        self.outcome, self.after = outcome, after

    def at(self, scope: str) -> StepView:
        return StepView(self.system, scope, self.outcome, self.after)

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Post):
            return evaluate(expr.children[0], StepView(self.system, self.scope, self.outcome, True))
        if isinstance(expr, Peer):
            return evaluate(expr.children[0], self.at(peer_of(self.scope)))
        if isinstance(expr, Sent):
            return int(any(message.scope == self.scope and message.channel.table == expr.channel
                           and matches(expr.where, message.channel, message.code) for message in self.outcome.sent))
        if isinstance(expr, Fired):
            return int(any(one.scope == self.scope and one.row.name in expr.rows and one.row in self._rows(expr.table)
                           and fits(expr.where, one) for one in self.outcome.fired))
        return super().leaf(expr)

    def _rows(self, table: str) -> tuple[Row, ...]:
        instance = self.system.instance(self.scope, table)
        return instance.table.rows if instance else ()


def stimuli(system: System, state: State) -> Iterator[Stimulus]:
    """Every stimulus the system offers in a state, enabled or not, in the one order all engines share."""
    for offer, choices in zip(system.offers, system.offer_choices, strict=True):
        for args in arguments(system, state, offer):
            for codes in product(*(range(choice.sort.size) for choice in choices)):
                chosen = tuple((choice.name, code) for choice, code in zip(choices, codes, strict=True))
                yield Stimulus(offer.scope, offer.table.name, offer.event.name, args, chosen)


def arguments(system: System, state: State, offer: Offer) -> Iterator[tuple[int, ...]]:
    """The arguments an offer has in a state: fixed ones, or one set for each different message in flight."""
    if offer.event.takes is None:
        yield from offer.arguments()
        return
    place = system.wire(offer.scope, offer.event.takes.table)
    assert place is not None
    _, first, capacity = place
    for code in dict.fromkeys(state[first:first + capacity]):
        if code:
            yield offer.event.takes.decode(code)


def offers(system: System, state: State, offer: Offer, args: tuple[int, ...]) -> bool:
    """Are these among the offer's `arguments` in a state?"""
    if offer.event.takes is not None:
        return args in arguments(system, state, offer)
    sizes = [offer.only.get(param.name, range(param.sort.size)) for param in offer.event.params]
    return len(args) == len(sizes) and all(code in allowed for code, allowed in zip(args, sizes, strict=True))


def successors(system: System, state: State) -> Iterator[tuple[Stimulus, Outcome]]:
    """Every enabled stimulus with its outcome."""
    for stimulus in stimuli(system, state):
        try:
            yield stimulus, step(system, state, stimulus)
        except Disabled:
            continue
