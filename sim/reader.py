"""The tables read for speed: each cell becomes a Python function when it is first needed.

This is a second reader of the same rows, as the native search is one; `verify.step` says what a step is. So nothing that
comes out of here is believed before `sim.check` has run it on the interpreter too, step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from model.action import Channel, Event, Impossible, Put, Refuse, Set, Signal, StartTimer, Take
from model.expr import FALSE, TRUE, Expr, Item, ModelError, OnWire, Sent, Var, walk
from model.system import Instance, State, System
from model.table import Row
from sim.emit import Code, Emitter, constants
from verify.step import Disabled, matches

Codes = tuple[int, ...]
Cell = Callable[..., None]


class NoRow(Disabled):
    """No row's guard is true."""


class NotOffered(Disabled):
    """The system does not offer this here: as a rule the expiry of a timer that does not run."""


class Waits(Disabled):
    """Only the wire holds the step back: it is full, or an equal message is still under way."""


class NotThisChoice(Disabled):
    """A row refuses what was chosen; another choice may do."""


@dataclass(frozen=True)
class Wire:
    """One kind of message in one direction: its places in a state, `first` to before `end`."""

    direction: str
    channel: Channel
    first: int
    end: int


class Entry:
    """An event of a table at a place. `cells`: a function for each state of the table; `at`: where that state is read;
    `offered`: whether it may come from outside, None where that is always so."""

    def __init__(self, instance: Instance, event: Event, at: int) -> None:
        self.instance, self.event, self.at = instance, event, at
        self.cells: list[Cell] = []
        self.offered: Callable[[list[int]], int] | None = None


class Reader:
    """A system that runs. `state` is its state now; `step` changes it, and leaves in `fired`, `sent`, `started`, `written` and
    `chosen` what happened.

    fired: numbers of rows, of `rows`. sent: (number of the wire, message code). started: positions of timers that were
    started. written: positions of the watched ones that were written. chosen: the choices consulted, with their values.
    """

    def __init__(self, system: System, initial: State, prefer: Callable[[int, int], Sequence[int]] | None = None,
                 watched: frozenset[int] = frozenset()) -> None:
        """`prefer`: the values of a choice, by its number and how many it has, in the order in which they are tried; by default
        the first comes first."""
        self.system, self.watched = system, watched
        self.state = list(initial)
        self.known = constants(system, initial)
        self.rows = system.rows
        self._numbers = {(one.scope, id(line)): number for number, (one, line) in enumerate(self.rows)}
        names = sorted({choice.name: choice for choices in system.offer_choices for choice in choices}.items())
        self.choices = [choice for _, choice in names]
        self._choice = {choice.name: number for number, choice in enumerate(self.choices)}
        self.prefer = prefer or (lambda number, size: range(size))
        self.wires = [Wire(slot.scope, slot.var, at, at + system.capacity.get(slot.var.table, slot.var.capacity))
                      for at, slot in enumerate(system.slots) if isinstance(slot.var, Channel) and slot.index == 0]
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self.queue: list[tuple[Entry, Codes]] = []
        self.fired: list[int] = []
        self.sent: list[tuple[int, int]] = []
        self.own: list[tuple[int, int]] = []  # of these, what an end has sent itself, and no attacker
        self.started: list[int] = []
        self.written: list[int] = []
        self.ch = [0] * len(self.choices)
        self._asked: list[int] = []
        self._path: list[tuple[int, Sequence[int], int]] = []
        self.chosen: tuple[tuple[str, int], ...] = ()
        self._space: dict[str, Any] = {
            "q": self.queue.append, "F": self.fired.append, "R": self.started.append, "W": self.written.extend, "ch": self.ch,
            "C": self._consult, "put": self._put, "own": self.own.append, "take": _take, "refuse": _refuse, "impossible": self._impossible,
            "no_row": self._no_row}
        self._monitor = self._monitors()

    def restart(self, state: State, prefer: Callable[[int, int], Sequence[int]]) -> None:
        """Go to another state with the same constants, for another run."""
        self.state[:] = state
        self.prefer = prefer

    # -- running -----------------------------------------------------------------------------------------------------

    def entry(self, scope: str, table: str, event: str) -> Entry:
        """An event of a table at a place. Raises ModelError where the system has none of that name."""
        key = (scope, table, event)
        if key not in self._entries:
            instance = self.system.instance(scope, table)
            if instance is None:
                raise ModelError(f"{self.system.name} has no {table} at {scope or 'the world'}")
            made = Entry(instance, instance.table.event(event), self.system.position(instance.scope, instance.table.state))
            made.offered = self._offered(key)
            made.cells = [partial(self._first, made, code) for code in range(instance.table.state.sort.size)]
            self._entries[key] = made
        return self._entries[key]

    def _offered(self, key: tuple[str, str, str]) -> Callable[[list[int]], int] | None:
        offer = self.system.offer_of.get(key)
        if offer is not None and offer.when is TRUE:
            return None
        return self.function(key[0], FALSE if offer is None else offer.when)

    def function(self, scope: str, expr: Expr) -> Callable[[list[int]], int]:
        """An expression as read at a place, as a function of the state."""
        made: Callable[[list[int]], int] = eval(f"lambda s: {self.emitter(scope).code(expr)}", self._space)
        return made

    def step(self, entry: Entry, args: Codes) -> None:
        """One stimulus and its cascade. Raises Disabled and leaves the state as it was, or ModelError.

        Where a row refuses a choice, the choice consulted last takes its next value, and the step is tried again.
        """
        if entry.offered is not None and not entry.offered(self.state):
            raise NotOffered(f"{entry.instance.scope}.{entry.instance.table.name} {entry.event.name} is not offered here")
        before = self.state[:]
        self._path.clear()
        while True:
            try:
                self._cascade(entry, args)
                break
            except Disabled as refusal:
                self.state[:] = before
                if not isinstance(refusal, NotThisChoice) or not self._another():
                    raise
        self._monitor(self.state, self.own)
        self.chosen = tuple((self.choices[number].name, self.ch[number]) for number in sorted(self._asked))

    def _another(self) -> bool:
        """Move on to the next values of the choices, if there are any left."""
        while self._path:
            number, order, at = self._path.pop()
            if at + 1 < len(order):
                self._path.append((number, order, at + 1))
                return True
        return False

    def _consult(self, number: int) -> None:
        """A cell asks for a choice: the first time in a step it gets its value."""
        if number not in self._asked:
            if len(self._asked) == len(self._path):
                self._path.append((number, self.prefer(number, self.choices[number].sort.size), 0))
            _, order, at = self._path[len(self._asked)]
            self.ch[number] = order[at]
            self._asked.append(number)

    def _cascade(self, entry: Entry, args: Codes) -> None:
        s, queue = self.state, self.queue
        for noted in (queue, self.fired, self.sent, self.own, self.started, self.written, self._asked):
            noted.clear()
        entry.cells[s[entry.at]](s, args)
        for to, values in queue:  # which grows as its signals are processed: first in, first out
            to.cells[s[to.at]](s, values)

    # -- making a cell -----------------------------------------------------------------------------------------------

    def _first(self, entry: Entry, code: int, s: list[int], args: Codes) -> None:
        """A cell that is asked for the first time is made, and takes its place."""
        text = "\n".join(self._source(entry, code)) + "\n"
        exec(compile(text, f"<{entry.instance.scope}.{entry.instance.table.name} {entry.event.name}>", "exec"), self._space)
        entry.cells[code] = self._space.pop("cell")
        entry.cells[code](s, args)

    def _source(self, entry: Entry, code: int) -> Iterator[str]:
        one, params = entry.instance, {param.name: f"p{at}" for at, param in enumerate(entry.event.params)}
        yield "def cell(s, a):"
        if params:
            yield f" {', '.join(params.values())}{',' if len(params) == 1 else ''} = a"
        for choice in self.system.choices.get((one.scope, one.table.name, entry.event.name, code), ()):
            yield f" C({self._choice[choice.name]})"
        emit = self.emitter(one.scope, params, {entry.at: code})
        for line in one.table.cell(one.table.state.sort.consts()[code], entry.event):
            guard = emit.code(line.condition)
            if guard != 0:
                yield f" if {guard}:"
                yield from (f"  {text}" for text in self._row(one, line, emit, params))
                yield "  return"
        yield f" no_row({self._name(entry)}, s)"

    def emitter(self, scope: str, params: dict[str, str] | None = None, known: dict[int, int] | None = None) -> Emitter:
        return Emitter(self.system, scope, self.known | (known or {}), params or {}, self._choice, self._observe)

    def _name(self, entry: Entry) -> str:
        """An entry as a name that the cells' sources can use."""
        name = f"e{list(self._entries.values()).index(entry)}"
        self._space[name] = entry
        return name

    def _row(self, one: Instance, line: Row, emit: Emitter, params: dict[str, str]) -> Iterator[str]:
        """Everything is worked out first, as all right-hand sides read the state in which the guard was true."""
        for action in line.actions:
            if isinstance(action, Refuse):
                yield f"refuse({action.why!r})"
                return
            if isinstance(action, Impossible):
                yield f"impossible({self._numbers[(one.scope, id(line))]})"
                return
        sets = [(emit.place(a.target), emit.code(a.value), a) for a in line.actions if isinstance(a, Set)]
        puts = [self._message(one, a, emit) for a in line.actions if isinstance(a, Put)]
        yield f"F({self._numbers[(one.scope, id(line))]})"
        for action in line.actions:
            if isinstance(action, Signal):
                yield from self._signal(one, action, emit)
        late = len(sets) + len(puts) > 1
        for at, (place, value, _) in enumerate(sets):
            if late and (not isinstance(value, int) or not isinstance(place, int)):
                yield f"l{at}, v{at} = {place}, {_whole(value)}"
        for at, (_, _, code, resend) in enumerate(puts):
            yield f"m{at}, r{at} = {code}, {resend}"
        for at, (place, value, _) in enumerate(sets):
            deferred = late and (not isinstance(value, int) or not isinstance(place, int))
            yield f"s[l{at}] = v{at}" if deferred else f"s[{place}] = {_whole(value)}"
        yield from self._watch(one, line, sets)
        if line.next is not None:
            yield f"s[{self.system.position(one.scope, one.table.state)}] = {line.next.code}"
        for action in line.actions:
            if isinstance(action, Take):
                wire = self._wire(one.scope, action.channel)
                yield f"take(s, {wire.first}, {wire.end}, {_encode(wire.channel, [params[p.name] for p in wire.channel.fields])})"
        for at, (number, _, _, _) in enumerate(puts):
            yield f"put(s, {number}, m{at}, r{at})"
            if one.scope:
                yield f"own(({number}, m{at}))"

    def _watch(self, one: Instance, line: Row, sets: Sequence[tuple[Code, Code, Set]]) -> Iterator[str]:
        """Which timers were started, and which watched positions were written."""
        touched: list[int] = []
        for place, _, action in sets:
            var = action.target.var if isinstance(action.target, Item) else action.target
            first = self.system.position(one.scope, var)
            touched += [place] if isinstance(place, int) else range(first, first + var.cells)
            if isinstance(action, StartTimer):
                yield f"R({place})"
        if line.next is not None:
            touched.append(self.system.position(one.scope, one.table.state))
        found = tuple(place for place in touched if place in self.watched)
        if found:
            yield f"W({found})"

    def _signal(self, one: Instance, action: Signal, emit: Emitter) -> Iterator[str]:
        to = self.system.target(one.scope, action)
        if to is not None:
            target = self.entry(to.scope, to.table.name, action.call.event.name)
            values = [str(_whole(emit.code(action.call.value(param)))) for param in action.call.event.params]
            yield f"q(({self._name(target)}, ({''.join(value + ', ' for value in values)})))"

    def _message(self, one: Instance, action: Put, emit: Emitter) -> tuple[int, Put, Code, Code]:
        """A message as (number of the wire, the action, its code, whether it is sent again)."""
        place = self.system.channel(one.scope, action)
        if place is None:
            raise ModelError(f"{self.system.name}: {action} leaves the system; a simulation needs a closed one")
        number = next(at for at, wire in enumerate(self.wires) if wire.first == place[1])
        code = _encode(action.channel, [emit.code(value) for value in action.fields.values()])
        return number, action, code, emit.code(action.resend)

    def _wire(self, scope: str, channel: Channel) -> Wire:
        return next(wire for wire in self.wires if wire.direction == scope and wire.channel is channel)

    def _observe(self, places: Sequence[tuple[int, int]], expr: OnWire) -> str:
        """Is a message that matches under way? What matches is asked of the interpreter, once for each message."""
        name = f"o{id(expr)}"
        if name not in self._space:
            channel = next(wire.channel for wire in self.wires if wire.channel.table == expr.channel)
            self._space[name] = _Matching(expr.where, channel)
        return "(" + " or ".join(f"any({name}[c] for c in s[{first}:{end}] if c)" for first, end in places) + ")"

    # -- what cells call ---------------------------------------------------------------------------------------------

    def _put(self, s: list[int], number: int, code: int, resend: int) -> None:
        wire = self.wires[number]
        slots = s[wire.first:wire.end]
        if resend and code in slots:
            raise Waits("an equal message is still in flight")
        if slots[-1]:
            raise Waits(f"the wire {wire.direction} is full", full=True)
        slots[-1] = code
        slots.sort(reverse=True)
        s[wire.first:wire.end] = slots
        self.sent.append((number, code))

    def _impossible(self, number: int) -> None:
        one, line = self.rows[number]
        raise ModelError(f"{self.system.name}: impossible but reached: {one.scope}.{one.table.name}, {line.key}: {line.source}")

    def _no_row(self, entry: Entry, s: list[int]) -> None:
        table, scope = entry.instance.table, entry.instance.scope
        what = f"{scope}.{table.name} in {table.state.sort.show(s[entry.at])}"
        if entry.event.total:
            raise ModelError(f"{self.system.name}: {what} has no row for {entry.event.name}")
        raise NoRow(f"no row of {what} is enabled on {entry.event.name}")

    # -- history bits ------------------------------------------------------------------------------------------------

    def _monitors(self) -> Callable[[list[int], list[tuple[int, int]]], None]:
        """The history bits after a step. Only what was sent, and constants, may be asked here; claims that ask for more are judged on
        the interpreter, with history bits of their own."""
        lines = ["def monitor(s, sent):"]
        for monitor in self.system.monitors:
            if monitor.until is not FALSE:
                raise ModelError(f"{self.system.name}: history bit {monitor.var.name} ends; here they last")
            place = self.system.position(monitor.scope, monitor.var)
            lines.append(f" if not s[{place}] and {self._happened(monitor.scope, monitor.when)}: s[{place}] = 1")
        exec("\n".join([*lines, " return"]), self._space)
        made: Callable[[list[int], list[tuple[int, int]]], None] = self._space["monitor"]
        return made

    def _happened(self, scope: str, when: Expr) -> str:
        if isinstance(when, Sent):
            number, wire = next((at, wire) for at, wire in enumerate(self.wires)
                                if wire.direction.startswith(scope) and wire.channel.table == when.channel)
            name = f"h{id(when)}"
            self._space[name] = _Matching(when.where, wire.channel)
            return f"any(w == {number} and {name}[c] for w, c in sent)"
        if any(isinstance(node, Var | OnWire) for node in walk(when)):
            raise ModelError(f"{self.system.name}: a history bit at {scope} asks for more than what was sent")
        return str(self.emitter(scope).code(when))


class _Matching(dict[int, bool]):
    """Which messages match a pattern, filled in as they are asked for."""

    def __init__(self, where: Expr, channel: Channel) -> None:
        super().__init__()
        self.where, self.channel = where, channel

    def __missing__(self, code: int) -> bool:
        self[code] = found = matches(self.where, self.channel, code)
        return found


def _refuse(why: str) -> None:
    raise NotThisChoice(why)


def _take(s: list[int], first: int, end: int, code: int) -> None:
    slots = s[first:end]
    if code not in slots:
        raise NoRow("no such message is in flight")
    slots.remove(code)
    s[first:end] = [*slots, 0]


def _whole(code: Code) -> Code:
    """A truth value as 0 or 1."""
    return f"+{code}" if isinstance(code, str) and code.startswith("(") else code


def _encode(channel: Channel, values: Sequence[Code]) -> Code:
    """`Channel.encode` as source: constant where the fields are."""
    if all(isinstance(value, int) for value in values):
        return channel.encode([int(value) for value in values])
    text: Code = 0
    for param, value in zip(channel.fields, values, strict=True):
        size = param.sort.size
        if isinstance(text, int):
            text = text * size + value if isinstance(value, int) else f"{text * size} + {value}"
        else:
            text = f"({text}) * {size} + {value}"
    return f"{text} + 1"
