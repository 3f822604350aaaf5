"""Rows, events, actions and total tables: a protocol's state machine as data.

A row reads like a line of an RFC's table: name, state, event, guard, actions, next state, source. A table
is refused unless every (state, offered event) cell is covered exactly once for every valuation of what
its guards read; spontaneous events (timers, operators, faults) may be covered at most once and are
disabled where no guard is true. The order of rows never matters. The right-hand sides of a row all read
the state in which its guard was true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from model.expr import (
    ABOUT_STEPS,
    BOOL,
    FALSE,
    TRUE,
    Case,
    Choice,
    Const,
    Expr,
    Item,
    ModelError,
    Param,
    Value,
    Var,
    cases,
    coerce,
    conj,
    disj,
    leaf_key,
    show,
    walk,
)

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
    """Hand an event to another table: of this endpoint ("self"), or, from the wire, of where the message goes ("dst")."""

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


class _Word:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


ANY = _Word("ANY")
OTHER = _Word("any other event")
STAY = _Word("same")


@dataclass(frozen=True, eq=False)
class Row:
    """One line of a table. `name` is stable; with `state` it is unique in the table."""

    name: str
    state: Const
    event: Event
    guard: Expr
    actions: tuple[Action, ...]
    next: Const | None
    source: str
    pattern: str
    condition: Expr

    @property
    def key(self) -> str:
        return f"{self.name}@{self.state.sort.show(self.state.code)}"


@dataclass(frozen=True, eq=False)
class Line:
    """A row as written, before states and the catch-all are expanded."""

    name: str
    states: tuple[Const, ...] | _Word
    on: Call | _Word
    guard: Expr
    actions: tuple[Action, ...]
    next: Const | None
    source: str


def row(name: str, state: Const | Sequence[Const] | _Word, event: Call | Event | _Word, guard: Expr,
        actions: Sequence[Action], next: Const | _Word, source: str) -> Line:
    """A row. `state`: one, several or ANY. `event`: an Event, a pattern such as ``rcv(kind=SYN)``, or OTHER (whatever no
    other row of the state covers). `next`: a state, or STAY."""
    if not source.strip():
        raise ModelError(f"row {name}: every row cites its source; give section and, for the draft, the line")
    states = state if isinstance(state, _Word) else (state,) if isinstance(state, Const) else tuple(state)
    on = event() if isinstance(event, Event) else event
    return Line(name, states, on, guard, tuple(actions), next if isinstance(next, Const) else None, source)


def _cell_name(word: str, event: Call | Event | _Word) -> str:
    return f"{word} {event}"


def ignored(state: Const | Sequence[Const] | _Word, event: Call | Event | _Word, source: str, guard: Expr = TRUE,
            name: str = "") -> Line:
    """The event is taken note of and changes nothing."""
    return row(name or _cell_name("ignore", event), state, event, guard, (), STAY, source)


def impossible(state: Const | Sequence[Const] | _Word, event: Call | Event | _Word, source: str, guard: Expr = TRUE) -> Line:
    """The event cannot come in this state; the source says why."""
    return row(_cell_name("impossible", event), state, event, guard, (Impossible(),), STAY, source)


@dataclass(frozen=True, eq=False)
class Table:
    """A state machine as rows. Building one checks it; see the module's head for what is refused.

    `place`: "endpoint" (one at each end), "direction" (one for each direction of the wire) or "world".
    Raises ModelError naming table, state, event and what to add.
    """

    name: str
    title: str
    state: Var
    events: tuple[Event, ...]
    lines: tuple[Line, ...]
    variables: tuple[Var, ...] = ()
    place: str = "endpoint"
    rows: tuple[Row, ...] = field(init=False)

    def __post_init__(self) -> None:
        if len({event.name for event in self.events}) != len(self.events):
            raise ModelError(f"{self.name}: two events have the same name")
        object.__setattr__(self, "rows", tuple(_Builder(self).build()))

    def event(self, name: str) -> Event:
        for event in self.events:
            if event.name == name:
                return event
        raise ModelError(f"{self.name} has no event {name!r}; it has {', '.join(e.name for e in self.events)}")

    def cell(self, state: Const, event: Event) -> Iterator[Row]:
        return (one for one in self.rows if one.state.code == state.code and one.event is event)

    @property
    def firing(self) -> tuple[Row, ...]:
        """The rows that can fire: all but those that refuse a choice or say that something is impossible."""
        return tuple(one for one in self.rows if not any(isinstance(action, Refuse | Impossible) for action in one.actions))

    @property
    def all_variables(self) -> tuple[Var, ...]:
        return (self.state, *self.variables)

    def row_names(self) -> set[str]:
        return {one.name for one in self.rows}


class _Builder:
    """Expands a table's lines into rows and refuses gaps, overlaps and actions that make no sense."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.states = table.state.sort.consts()
        self.cells: dict[tuple[int, Event], list[Row]] = {(s.code, e): [] for s in self.states for e in table.events}
        self.checked: set[tuple[Event, frozenset[int]]] = set()

    def build(self) -> Iterator[Row]:
        for line in self.table.lines:
            if not isinstance(line.on, _Word):
                self.expand(line, line.on)
        for line in self.table.lines:
            if isinstance(line.on, _Word):
                self.catch_all(line)
        for (code, event), rows in self.cells.items():
            self.check_cell(self.states[code], event, rows)
        keys: set[str] = set()
        for rows in self.cells.values():
            for one in rows:
                if one.key in keys:
                    raise ModelError(f"{self.table.name}: two rows are named {one.name} in {show(one.state)}; rename one")
                keys.add(one.key)
        yield from (one for rows in self.cells.values() for one in rows)

    def states_of(self, line: Line) -> Iterable[Const]:
        return self.states if isinstance(line.states, _Word) else line.states

    def expand(self, line: Line, on: Call) -> None:
        if on.event not in self.table.events:
            raise ModelError(f"{self.table.name}, row {line.name}: event {on.event.name} is not among its events; declare it")
        self.check_actions(line, on.event)
        condition = conj(on.guard(), line.guard)
        for state in self.states_of(line):
            if state.sort is not self.table.state.sort:
                raise ModelError(f"{self.table.name}, row {line.name}: {show(state)} is not one of its states")
            self.add(line, state, on.event, str(on), condition)

    def add(self, line: Line, state: Const, event: Event, pattern: str, condition: Expr) -> None:
        made = Row(line.name, state, event, line.guard, line.actions, line.next, line.source, pattern, condition)
        self.cells[(state.code, event)].append(made)

    def catch_all(self, line: Line) -> None:
        for state in self.states_of(line):
            for event in self.table.events:
                if not event.total:
                    continue
                others = [one.condition for one in self.cells[(state.code, event)]]
                if any(not true for _, true in cases(others, self.given(state))):
                    rest = replace(line, name=f"{line.name}: {event.name}")
                    pattern = event.name if not others else f"{event.name} (otherwise)"
                    self.add(rest, state, event, pattern, ~disj(*others) if others else TRUE)

    def check_actions(self, line: Line, event: Event) -> None:
        where = f"{self.table.name}, row {line.name}"
        targets: set[tuple[str, ...] | None] = set()
        for action in line.actions:
            if isinstance(action, Set):
                var = action.target.var if isinstance(action.target, Item) else action.target
                if var.table != self.table.name and self.table.place == "endpoint":
                    raise ModelError(f"{where}: sets {show(action.target)}, a variable of another table; signal that table instead")
                key = leaf_key(action.target)
                if key in targets and key is not None:
                    raise ModelError(f"{where}: sets {show(action.target)} twice")
                targets.add(key)
        if leaf_key(self.table.state) in targets:
            raise ModelError(f"{where}: sets the state; write it in the next column")
        params = {param.name for param in event.params}
        for expr in line_exprs(line):
            for node in walk(expr):
                if isinstance(node, ABOUT_STEPS):
                    raise ModelError(f"{where}: ({show(node)}) speaks of the step or the peer; only a claim may")
                if isinstance(node, Param) and node.name not in params:
                    raise ModelError(f"{where}: event {event.name} has no parameter {node.name!r}")

    def given(self, state: Const) -> Case:
        key = leaf_key(self.table.state)
        assert key is not None
        return {key: (self.table.state, state.code)}

    def check_cell(self, state: Const, event: Event, rows: list[Row]) -> None:
        where, name = f"{self.table.name}: ", show(state)
        if not rows:
            if event.total:
                raise ModelError(f"{where}no row for {name} on {event.name}. "
                                 f"Add a row, or ignored({_ident(name)}, {event.name}, source)")
            return
        guards = [one.condition for one in rows]
        same = (event, frozenset(map(id, guards)))
        if same in self.checked:  # the same lines stand in another state, and do not read which
            return
        if not any(node is self.table.state for guard in guards for node in walk(guard)):
            self.checked.add(same)
        for case, true in cases(guards, self.given(state)):
            if len(true) > 1:
                raise ModelError(f"{where}{name} on {event.name}: rows {rows[true[0]].name} and {rows[true[1]].name} overlap where "
                                 f"{_told(case)}. Make their guards exclude each other")
            if not true and event.total:
                raise ModelError(f"{where}no row for {name} on {event.name} where {_told(case)}. "
                                 f"Add a row, or ignored({_ident(name)}, {event.name}, source, guard=...)")


def line_exprs(line: Line | Row) -> Iterator[Expr]:
    """Every expression a row evaluates."""
    yield line.guard
    for action in line.actions:
        yield from action_exprs(action)


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


def choices_of(row: Row) -> tuple[Choice, ...]:
    """The choices a row consults, in its guard or its actions, by name."""
    found = {node.name: node for expr in (row.condition, *line_exprs(row)) for node in walk(expr) if isinstance(node, Choice)}
    return tuple(found[name] for name in sorted(found))


def _ident(name: str) -> str:
    return name.replace("-", "_")


def _told(case: Case) -> str:
    """What decides a case, without the state (it always comes first)."""
    return ", ".join(f"{show(leaf)} = {leaf.sort.show(code)}" for leaf, code in list(case.values())[1:]) or "always"
