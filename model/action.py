"""What rows are made of: events that happen to a table, and actions as data.

A table never calls Python. It sets variables of its own, starts and stops timers, signals another table, puts a message on the
wire or takes one off, refuses a choice, or says that something cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.expr import BOOL, FALSE, TRUE, Const, Expr, Item, ModelError, Param, Value, Var, coerce, conj, show

OFFERED = ("message", "signal")
SPONTANEOUS = ("operator", "daemon", "timer", "lifetime", "network", "fault", "attacker", "environment")


class Event:
    """Something that happens to a table. `who` says whose doing it is.

    "message" and "signal" events are *offered*: they come from elsewhere and every state must say what it
    does with them. The others are *spontaneous*: stimuli of their own, enabled where a row's guard is true; with
    `total` every state must say what it does with them all the same, as RFC 4271 does for its 28 events.
    An event that `takes` from a channel happens to each message in flight there; its parameters are the fields.
    `timer` is the timer whose expiry this is: a closed slice offers it only while that runs.
    """

    def __init__(self, name: str, *params: Param, who: str = "signal", takes: Channel | None = None, number: int | None = None,
                 timer: Var | None = None, total: bool = False, doc: str = "") -> None:
        if who not in OFFERED + SPONTANEOUS:
            raise ModelError(f"event {name}: who={who!r}; it must be one of {', '.join(OFFERED + SPONTANEOUS)}")
        self.name, self.params, self.who, self.number, self.doc = name, params, who, number, doc
        self.takes, self.timer, self.total = takes, timer, total or who in OFFERED
        if takes is not None:
            self.params = takes.fields

    def __call__(self, **args: Value | Sequence[Value]) -> Call:
        by_name = {param.name: param for param in self.params}
        found: dict[str, tuple[Expr, ...]] = {}
        for name, value in args.items():
            if name not in by_name:
                raise ModelError(f"event {self.name} has no parameter {name!r}; it has {', '.join(by_name) or 'none'}")
            many = value if isinstance(value, tuple | list) else (value,)
            found[name] = tuple(coerce(one, by_name[name].sort) for one in many)
        return Call(self, found)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Call:
    """An event with some parameters given: a pattern in a row's event column, or the signal a row sends."""

    event: Event
    args: Mapping[str, tuple[Expr, ...]]

    def guard(self) -> Expr:
        """The condition under which an occurrence of the event matches this pattern."""
        by_name = {param.name: param for param in self.event.params}
        return conj(*(by_name[name].among(*values) for name, values in self.args.items()))

    def value(self, param: Param) -> Expr:
        if param.name in self.args:
            (one,) = self.args[param.name]
            return one
        if param.default is None:
            raise ModelError(f"signal {self.event.name}: parameter {param.name!r} has no value and no default")
        return param.default

    def __str__(self) -> str:
        inner = ", ".join("/".join(show(v) for v in values) for values in self.args.values())
        return f"{self.event.name}({inner})" if inner else self.event.name


class Channel(Var):
    """A bounded multiset of messages in flight in one direction; a message is one value for each field.

    `capacity` is the default bound; a slice may set its own. Held as sorted slots, 0 for an empty one.
    """

    def __init__(self, table: str, name: str, fields: Sequence[Param], capacity: int) -> None:
        size = 1
        for one in fields:
            size *= one.sort.size
        super().__init__(table, name, BOOL, doc="messages in flight")
        self.fields, self.capacity, self.codes = tuple(fields), capacity, size + 1

    def encode(self, values: Sequence[int]) -> int:
        """The slot code (1 ..) of a message given by its field codes."""
        code = 0
        for param, value in zip(self.fields, values, strict=True):
            code = code * param.sort.size + value
        return code + 1

    def decode(self, code: int) -> tuple[int, ...]:
        rest, values = code - 1, []
        for param in reversed(self.fields):
            rest, value = divmod(rest, param.sort.size)
            values.append(value)
        return tuple(reversed(values))


@dataclass(frozen=True, eq=False)
class Set:
    """Give a variable a value."""

    target: Var | Item
    value: Expr

    def __str__(self) -> str:
        if self.target.sort is BOOL and isinstance(self.value, Const):
            return f"{'set' if self.value.code else 'clear'} {show(self.target)}"
        return f"{show(self.target)} := {show(self.value)}"


@dataclass(frozen=True, eq=False)
class StartTimer(Set):
    """Arm a timer: from now on its expiry may happen."""

    def __str__(self) -> str:
        return f"start {self.target.name if isinstance(self.target, Var) else show(self.target)}"


@dataclass(frozen=True, eq=False)
class StopTimer(Set):
    """Disarm a timer."""

    def __str__(self) -> str:
        return f"stop {self.target.name if isinstance(self.target, Var) else show(self.target)}"


@dataclass(frozen=True, eq=False)
class Signal:
    """Hand an event to another table: of this endpoint ("self"), of its other connection if there is one ("other"), or, from the wire,
    of where the message goes ("dst")."""

    table: str
    call: Call
    at: str = "self"

    def __str__(self) -> str:
        return f"{self.table}: {self.call}"


@dataclass(frozen=True, eq=False)
class Put:
    """Put a message on the wire. Where `resend` is true and an equal message is still in flight, the step is disabled:
    a second copy of an idempotent message adds no behaviour."""

    channel: Channel
    fields: Mapping[str, Expr]
    resend: Expr = FALSE
    at: str = "out"

    def __str__(self) -> str:
        return f"wire {self.channel.table}: {', '.join(show(v) for v in self.fields.values())}"


@dataclass(frozen=True, eq=False)
class Take:
    """Take the event's message off the wire."""

    channel: Channel

    def __str__(self) -> str:
        return "off the wire"


@dataclass(frozen=True, eq=False)
class Refuse:
    """This is not a legal choice here: the stimulus is disabled."""

    why: str

    def __str__(self) -> str:
        return f"not offered: {self.why}"


@dataclass(frozen=True, eq=False)
class Impossible:
    """Cannot happen in this state; an engine that gets here reports an error of the model."""

    def __str__(self) -> str:
        return "impossible"


Action = Set | Signal | Put | Take | Refuse | Impossible


def set_(target: Var | Item, value: Value) -> Set:
    return Set(target, coerce(value, target.sort))


def start(timer: Var | Item) -> Set:
    return StartTimer(timer, TRUE)


def stop(timer: Var | Item) -> Set:
    return StopTimer(timer, FALSE)


def signal(table: str, call: Call | Event, at: str = "self") -> Signal:
    call = call() if isinstance(call, Event) else call
    for param in call.event.params:
        call.value(param)
    return Signal(table, call, at)


def refuse(why: str) -> Refuse:
    """This is not a legal choice in this state."""
    return Refuse(why)


def put(channel: Channel, resend: Value = False, at: str = "out", **fields: Value) -> Put:
    names = {param.name: param for param in channel.fields}
    unknown = set(fields) - set(names)
    if unknown:
        raise ModelError(f"channel {channel.table}: no field {sorted(unknown)}; it has {', '.join(names)}")
    full: dict[str, Expr] = {}
    for name, param in names.items():
        if name in fields:
            full[name] = coerce(fields[name], param.sort)
        elif param.default is not None:
            full[name] = param.default
        else:
            raise ModelError(f"channel {channel.table}: field {name!r} has no value and no default")
    return Put(channel, full, coerce(resend, BOOL), at)


def action_exprs(action: Action) -> Iterator[Expr]:
    """Every expression an action evaluates."""
    if isinstance(action, Set):
        yield action.value
        yield from action.target.children
    elif isinstance(action, Signal):
        for values in action.call.args.values():
            yield from values
    elif isinstance(action, Put):
        yield from action.fields.values()
        yield action.resend


def mapped(action: Action, change: Callable[[Expr], Expr]) -> Action:
    """The action with each of its expressions changed; what is set stays a variable."""
    if isinstance(action, Set):
        target = change(action.target)
        assert isinstance(target, Var | Item)
        return replace(action, target=target, value=change(action.value))
    if isinstance(action, Signal):
        args = {name: tuple(map(change, values)) for name, values in action.call.args.items()}
        return replace(action, call=Call(action.call.event, args))
    if isinstance(action, Put):
        return replace(action, fields={name: change(value) for name, value in action.fields.items()}, resend=change(action.resend))
    return action
