"""Composition: instances of tables at endpoints and on the wire become one transition system.

A scope is a place: "A" and "B" are the endpoints, "A>B" and "B>A" the directions of the wire, "" the world. Where an end has
two connections, its places are "A.1" and "A.2", and "A.1>B.1" is a direction of the first one's wire. A variable is looked up in
the scope of the row that reads it, then in the scopes around it ("A.1" is in "A", and everything is in ""). A state is one tuple
of codes; `System.slots` says what each position holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from model.action import Channel, Event, Put, Set, Signal, action_exprs, put
from model.expr import TRUE, Choice, Expr, Item, ModelError, OnWire, Param, Sort, Var, show, walk
from model.table import STAY, Row, Table, choices_of, row

State = tuple[int, ...]
QUEUE_LIMIT = 24
APPEARS = "message appears"
ENDS = ("A", "B")
LINKS = ("A>B", "B>A")
PEER = {"A": "B", "B": "A"}


LANES = ("1", "2")
OTHER_LANE = {"1": "2", "2": "1"}


def places(lanes: Sequence[str] = ()) -> tuple[str, ...]:
    """Where the tables of an endpoint stand: at the ends, or, where an end has several connections, at each of those."""
    return tuple(f"{end}.{lane}" for end in ENDS for lane in lanes) if lanes else ENDS


def links(lanes: Sequence[str] = ()) -> tuple[str, ...]:
    """The directions of the wire."""
    return tuple(out_of(place) for place in places(lanes))


def parent(scope: str) -> str | None:
    """The scope around this one; None for the world."""
    return None if not scope else "" if ">" in scope else scope.rpartition(".")[0]


def out_of(scope: str) -> str:
    """The direction of the wire that leaves this endpoint."""
    return f"{scope}>{peer_of(scope)}"


def into(scope: str) -> str:
    """The direction of the wire that leads to this endpoint."""
    return f"{peer_of(scope)}>{scope}"


def peer_of(scope: str) -> str:
    end, dot, rest = scope.partition(".")
    return PEER[end] + dot + rest


def other_of(scope: str) -> str | None:
    """The other connection of this end; None where there is only one."""
    end, dot, lane = scope.partition(".")
    return f"{end}.{OTHER_LANE[lane]}" if dot else None


@dataclass(frozen=True, eq=False)
class Instance:
    """A table at a place."""

    scope: str
    table: Table


@dataclass(frozen=True, eq=False)
class Offer:
    """A stimulus the slice offers: an event of an instance, with its parameters limited to `only` where given, and only
    in states where `when` is true at its scope (as a rule: while the timer runs whose expiry the event is)."""

    scope: str
    table: Table
    event: Event
    only: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    when: Expr = TRUE

    def arguments(self) -> Iterator[tuple[int, ...]]:
        """All parameter values; for an event that takes a message the engine asks the channel instead."""
        yield from product(*(self.only.get(p.name, tuple(range(p.sort.size))) for p in self.event.params))


@dataclass(frozen=True, eq=False)
class Monitor:
    """A history bit: true from the step on in which `when` holds, until a step in which `until` does."""

    scope: str
    var: Var
    when: Expr
    until: Expr


@dataclass(frozen=True)
class Slot:
    """What one position of a state holds."""

    scope: str
    var: Var
    index: int

    def __str__(self) -> str:
        name = self.var.name if self.var.table in ("reading",) else f"{self.var.table}.{self.var.name}"
        place = f"{self.scope}." if self.scope else ""
        if isinstance(self.var, Channel):
            return f"{place}{self.var.table}[{self.index}]"
        return f"{place}{name}" + (f"[{self.var.index.show(self.index)}]" if self.var.index else "")

    @property
    def sort(self) -> Sort | None:
        """The sort of the value; None for a message slot."""
        return None if isinstance(self.var, Channel) else self.var.sort

    def text(self, code: int) -> str:
        if isinstance(self.var, Channel):
            return "-" if not code else " ".join(map(Sort.show, (p.sort for p in self.var.fields), self.var.decode(code)))
        return self.var.sort.show(code)


class System:
    """A closed transition system: instances, what may happen (offers), from where, within which bounds.

    `extra`: variables that belong to no table (readings, budgets), as (scope, Var).
    `initial`: one mapping for each initial state, from slot names such as "A.tcp.state" to codes; what a
    mapping leaves out has the variable's initial value. `constraint`: states reached by a step that breaks
    it are counted as generated but not visited.
    """

    def __init__(self, name: str, instances: Sequence[Instance], offers: Sequence[Offer], *,
                 extra: Sequence[tuple[str, Var]] = (), initial: Sequence[Mapping[str, int]] = ({},),
                 capacity: Mapping[str, int] | None = None, monitors: Sequence[Monitor] = (), constraint: Expr = TRUE,
                 open_ended: bool = False) -> None:
        self.name, self.instances, self.offers = name, tuple(instances), tuple(offers)
        self.capacity, self.monitors, self.constraint = dict(capacity or {}), tuple(monitors), constraint
        self.open_ended = open_ended
        self.slots: list[Slot] = []
        self._first: dict[tuple[str, str, str], int] = {}
        self._instance = {(one.scope, one.table.name): one for one in self.instances}
        for scope, var in extra:
            self._declare(scope, var)
        for one in self.instances:
            for var in one.table.all_variables:
                self._declare(one.scope, var)
        for monitor in self.monitors:
            self._declare(monitor.scope, monitor.var)
        self._index = {str(slot): at for at, slot in enumerate(self.slots)}
        self.initial = self.states_from(initial)
        self._check()

    def _declare(self, scope: str, var: Var) -> None:
        key = (scope, var.table, var.name)
        if key in self._first:
            raise ModelError(f"{self.name}: {scope}.{var.table}.{var.name} is declared twice")
        self._first[key] = len(self.slots)
        cells = self.capacity.get(var.table, var.capacity) if isinstance(var, Channel) else var.cells
        self.slots += [Slot(scope, var, at) for at in range(cells)]

    def states_from(self, given: Sequence[Mapping[str, int]]) -> tuple[State, ...]:
        """States as `initial` gives them, each once. Raises ModelError for a name that is no variable."""
        for name in (name for one in given for name in one):
            if name not in self._index:
                raise ModelError(f"{self.name}: no variable {name!r} to start from; see System.slots")
        base = [0 if isinstance(slot.var, Channel) else slot.var.initial for slot in self.slots]
        found: dict[State, None] = {}
        for one in given:
            codes = {self._index[name]: code for name, code in one.items()}
            found[tuple(codes.get(at, code) for at, code in enumerate(base))] = None
        return tuple(found)

    def starting(self, initial: Sequence[State]) -> System:
        """The same system from other states."""
        other = copy(self)
        other.initial = tuple(dict.fromkeys(initial))
        other.__dict__.pop("digest", None)  # it depends on them
        return other

    # -- looking things up -----------------------------------------------------------------------

    def find(self, scope: str, table: str, name: str) -> int | None:
        """The first position of a variable as seen from a scope; None if neither it nor its surroundings have it."""
        at: str | None = scope
        while at is not None:
            first = self._first.get((at, table, name))
            if first is not None:
                return first
            at = parent(at)
        return None

    def position(self, scope: str, var: Var) -> int:
        first = self.find(scope, var.table, var.name)
        if first is None:
            raise ModelError(f"{self.name}: {var.table}.{var.name} is read at {scope or 'the world'!r}, but nothing there has it; "
                             f"add an instance of {var.table} or give it as an extra variable")
        return first

    def instance(self, scope: str, table: str) -> Instance | None:
        at: str | None = scope
        while at is not None:
            if (at, table) in self._instance:
                return self._instance[(at, table)]
            at = parent(at)
        return None

    def target(self, scope: str, action: Signal) -> Instance | None:
        """The instance a signal goes to; None where it leaves an open-ended system, and where there is no other connection."""
        if action.at == "other":
            other = other_of(scope)
            return None if other is None else self.instance(other, action.table)
        if action.at == "dst":
            scope = scope.split(">")[1]
        elif action.at != "self":
            scope = action.at
        return self.instance(scope, action.table)

    def channel(self, scope: str, action: Put) -> tuple[str, int, int] | None:
        """Where a message goes: (direction, first slot, capacity); None where the wire is not part of the system."""
        direction = out_of(scope) if action.at == "out" else scope if action.at == "here" else action.at
        return self.wire(direction, action.channel.table)

    def wire(self, direction: str, table: str) -> tuple[str, int, int] | None:
        for (scope, name), one in self._instance.items():
            if scope == direction and name == table:
                for var in one.table.variables:
                    if isinstance(var, Channel):
                        return direction, self._first[(scope, name, var.name)], self.capacity.get(name, var.capacity)
        return None

    def observed(self, scope: str, expr: OnWire) -> list[tuple[int, int, Channel]]:
        """The channels an observer looks at: (first slot, capacity, channel)."""
        directions = {"out": (out_of(scope),), "in": (into(scope),), "any": (out_of(scope), into(scope))}[expr.direction]
        found = []
        for direction in directions:
            place = self.wire(direction, expr.channel)
            if place is not None:
                var = self.slots[place[1]].var
                assert isinstance(var, Channel)
                found.append((place[1], place[2], var))
        return found

    @cached_property
    def choices(self) -> dict[tuple[str, str, str, int], tuple[Choice, ...]]:
        """For each cell, as (scope, table, event, code of the state): the choices its rows consult."""
        found: dict[tuple[str, str, str, int], dict[str, Choice]] = {}
        for one, line in self.rows:
            cell = found.setdefault((one.scope, one.table.name, line.event.name, line.state.code), {})
            cell |= {choice.name: choice for choice in choices_of(line)}
        return {key: tuple(cell[name] for name in sorted(cell)) for key, cell in found.items()}

    @cached_property
    def offer_of(self) -> dict[tuple[str, str, str], Offer]:
        """The offer behind a stimulus, by (scope, table, event)."""
        return {(one.scope, one.table.name, one.event.name): one for one in self.offers}

    @cached_property
    def successors_of(self) -> dict[tuple[str, str, str], frozenset[tuple[str, str, str]]]:
        """The signal graph: which events an event's rows may hand on, as (scope, table, event)."""
        graph: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
        for one in self.instances:
            for line in one.table.rows:
                out = graph.setdefault((one.scope, one.table.name, line.event.name), set())
                for action in line.actions:
                    if isinstance(action, Signal):
                        to = self.target(one.scope, action)
                        if to is not None:
                            out.add((to.scope, to.table.name, action.call.event.name))
        return {key: frozenset(value) for key, value in graph.items()}

    def reach(self, offer: Offer) -> frozenset[tuple[str, str, str]]:
        """Every event a stimulus may cause, itself included."""
        todo, seen = [(offer.scope, offer.table.name, offer.event.name)], set()
        while todo:
            key = todo.pop()
            if key not in seen:
                seen.add(key)
                todo += self.successors_of.get(key, ())
        return frozenset(seen)

    @cached_property
    def offer_choices(self) -> tuple[tuple[Choice, ...], ...]:
        """For each offer: the choices its cascade may consult; they are arguments of the stimulus."""
        of_event: dict[tuple[str, str, str], set[Choice]] = {}
        for (scope, table, event, _), choices in self.choices.items():
            of_event.setdefault((scope, table, event), set()).update(choices)
        result = []
        for offer in self.offers:
            found = {c.name: c for key in self.reach(offer) for c in of_event.get(key, ())}
            result.append(tuple(found[name] for name in sorted(found)))
        return tuple(result)

    @cached_property
    def rows(self) -> list[tuple[Instance, Row]]:
        """Every row of every instance."""
        return [(one, line) for one in self.instances for line in one.table.rows]

    @cached_property
    def reading_positions(self) -> dict[str, int]:
        """Where each reading stands in a state, by name: "A:key" or, for what both ends share, "key"."""
        return {f"{slot.scope}:{slot.var.name}" if slot.scope else slot.var.name: at
                for at, slot in enumerate(self.slots) if slot.var.table == "reading"}

    @cached_property
    def readings_read(self) -> frozenset[str]:
        """The readings that some row reads, as "A:key" or, for what both ends share, "key"."""
        found = set()
        for one, line in self.rows:
            for expr in (line.condition, *(e for action in line.actions for e in action_exprs(action))):
                for node in walk(expr):
                    if isinstance(node, Var) and node.table == "reading":
                        scope = self.slots[self.position(one.scope, node)].scope
                        found.add(f"{scope}:{node.name}" if scope else node.name)
        return frozenset(found)

    @cached_property
    def _tables(self) -> dict[int, Table]:
        return {id(line): one.table for one, line in self.rows}

    def table_of_row(self, line: Row) -> Table:
        """The table a row belongs to."""
        return self._tables[id(line)]

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Where the tables of an endpoint stand."""
        return tuple(dict.fromkeys(one.scope for one in self.instances if one.table.place == "endpoint"))

    # -- checks ----------------------------------------------------------------------------------

    def _check(self) -> None:
        for offer in self.offers:
            self._check_reads(f"{self.name}: offer {offer.event.name} at {offer.scope}", offer.scope, offer.when)
        for one, line in self.rows:
            where = f"{self.name}: {one.scope}.{one.table.name}, row {line.key}"
            for expr in (line.condition, *(e for action in line.actions for e in action_exprs(action))):
                self._check_reads(where, one.scope, expr)
            for action in line.actions:
                if isinstance(action, Set):
                    var = action.target.var if isinstance(action.target, Item) else action.target
                    self.position(one.scope, var)
                elif isinstance(action, Signal):
                    to = self.target(one.scope, action)
                    if to is None and not self.open_ended and action.at != "other":
                        raise ModelError(f"{where}: signals {action.table}, which is not part of the system")
                    if to is not None and action.call.event not in to.table.events:
                        raise ModelError(f"{where}: signals {action.call.event.name}, which {to.table.name} does not know")
        self._check_cascade()

    def _check_reads(self, where: str, scope: str, expr: Expr) -> None:
        for node in walk(expr):
            if isinstance(node, Var) and not isinstance(node, Channel):
                self.position(scope, node)
            elif isinstance(node, Item):
                self.position(scope, node.var)
            elif isinstance(node, OnWire) and not self.observed(scope, node) and self.find(scope, "observer", node.name) is None:
                raise ModelError(f"{where}: observes channel {node.channel}, which is not part of the system")

    def _check_cascade(self) -> None:
        """A cascade is finite: no event leads back to itself, and no stimulus queues more signals than fit."""
        weight: dict[tuple[str, str, str], int] = {}
        path: list[tuple[str, str, str]] = []

        def most(key: tuple[str, str, str]) -> int:
            if key in path:
                loop = " -> ".join(".".join(k) for k in [*path[path.index(key):], key])
                raise ModelError(f"{self.name}: signals go round in a circle: {loop}")
            if key not in weight:
                path.append(key)
                one = self._instance[(key[0], key[1])]
                weight[key] = max((sum(1 + most((to.scope, to.table.name, a.call.event.name))
                                       for a in line.actions if isinstance(a, Signal) and (to := self.target(one.scope, a)))
                                   for line in one.table.rows if line.event.name == key[2]), default=0)
                path.pop()
            return weight[key]

        self.queue = 1 + max((most((o.scope, o.table.name, o.event.name)) for o in self.offers), default=0)
        if self.queue > 1000:
            raise ModelError(f"{self.name}: one stimulus may queue {self.queue} signals; split a row")

    # -- text ------------------------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """A fingerprint of tables, offers, bounds and initial states: a trace of another model is refused by it."""
        text = self.hashed.copy()
        slots = [(str(slot), slot.sort.values if slot.sort else ()) for slot in self.slots]
        text.update(repr((self.capacity, slots, sorted(self.initial))).encode())
        return text.hexdigest()[:16]

    @cached_property
    def hashed(self) -> hashlib._Hash:
        """Of the digest, what does not depend on where the system starts."""
        text = hashlib.sha256()
        for one in self.instances:
            for line in one.table.rows:
                text.update(f"{one.scope}|{one.table.name}|{line.key}|{line.event.name}|{show(line.condition)}|"
                            f"{'; '.join(map(str, line.actions))}|{'same' if line.next is None else show(line.next)}\n".encode())
        for offer in self.offers:
            text.update(f"{offer.scope}|{offer.table.name}|{offer.event.name}|{sorted(offer.only.items())}|{show(offer.when)}\n".encode())
        for monitor in self.monitors:
            text.update(f"{monitor.scope}|{monitor.var.name}|{show(monitor.when)}|{show(monitor.until)}\n".encode())
        text.update(show(self.constraint).encode())
        return text

    def describe(self, state: State) -> dict[str, str]:
        """The state as names and values, for people and JSON."""
        return {str(slot): slot.text(code) for slot, code in zip(self.slots, state, strict=True)}


def read_elsewhere(tables: Sequence[Table]) -> list[Var]:
    """The variables that rows of these tables read and none of the tables has; an observer of the wire is one, by its name."""
    own = {(var.table, var.name): var for table in tables for var in table.all_variables}
    found: dict[tuple[str, str], Var] = {}
    for line in (line for table in tables for line in table.rows):
        for expr in (line.condition, *(e for action in line.actions for e in action_exprs(action))):
            for node in walk(expr):
                var = node.var if isinstance(node, Item) else node
                if isinstance(var, Var) and (var.table, var.name) not in own:
                    found[(var.table, var.name)] = var
                elif isinstance(node, OnWire):
                    found[("observer", node.name)] = Var("observer", node.name, node.sort)
    return list(found.values())


def open_system(table: Table, *, fixed: Mapping[str, int] | None = None) -> System:
    """The component slice of a table: the table alone, every event with every argument offered at any time, every variable it
    reads of others, or has and never sets, given any value at any time, any message appearing on a channel it has (the most
    general environment). It starts in each of the table's states. `fixed`: other initial values, by slot name."""
    scope = {"endpoint": "A", "end": "A", "direction": "A>B", "world": ""}[table.place]
    foreign = read_elsewhere([table])
    channels = [var for var in table.variables if isinstance(var, Channel)]
    set_here = {(a.target.var if isinstance(a.target, Item) else a.target) for line in table.rows for a in line.actions
                if isinstance(a, Set)}
    unset = [var for var in table.variables if var not in set_here and not isinstance(var, Channel)]
    world = _environment([*foreign, *unset], channels)
    offers = [Offer(scope, table, event) for event in table.events]
    # A field that no guard reads is passed on as it is; one value of it is enough.
    read = {node.name for line in table.rows for node in walk(line.condition) if isinstance(node, Param)}
    passed_on = {param.name: (0,) for var in channels for param in var.fields if param.name not in read}
    offers += [Offer(scope, world, event, passed_on if event.name.endswith(APPEARS) else {}) for event in world.events]
    own_state = f"{scope}.{table.name}.state" if scope else f"{table.name}.state"
    starts = [{own_state: code, **(fixed or {})} for code in range(table.state.sort.size)]
    return System(f"component-{table.name}", [Instance(scope, table), Instance(scope, world)], offers,
                  extra=[(scope, var) for var in foreign], initial=starts, open_ended=True,
                  capacity={var.table: 1 for var in channels})


def _environment(variables: Sequence[Var], channels: Sequence[Channel]) -> Table:
    """A table whose rows set each of the variables to any value, and put any message on the channels."""
    here = Sort("Environment", ("ANYTHING",))
    state = Var("environment", "state", here)
    anything = here.consts()[0]
    source = "the most general environment: any value at any time"
    events, lines = [], []
    for var in variables:
        value = Param("value", var.sort)
        at = Param("at", var.index) if var.index is not None else None
        event = Event(f"{var.table}.{var.name} becomes", *([at] if at is not None else []), value, who="environment")
        target: Var | Item = var[at] if at is not None else var
        events.append(event)
        lines.append(row(f"set {var.table}.{var.name}", anything, event, target != value, [Set(target, value)], STAY, source))
    for channel in channels:
        event = Event(f"{channel.table} {APPEARS}", *channel.fields, who="environment")
        events.append(event)
        fields: dict[str, Any] = {param.name: param for param in channel.fields}
        lines.append(row(f"put on {channel.table}", anything, event, TRUE, [put(channel, at="here", **fields)], STAY, source))
    return Table("environment", "Whatever the surroundings may do", state, tuple(events), tuple(lines), place="world")
