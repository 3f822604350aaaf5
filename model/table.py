"""Rows, events, actions and total tables: a protocol's state machine as data.

A row reads like a line of an RFC's table: name, state, event, guard, actions, next state, source. A table
is refused unless every (state, offered event) cell is covered exactly once for every valuation of what
its guards read; spontaneous events (timers, operators, faults) may be covered at most once and are
disabled where no guard is true. The order of rows never matters. The right-hand sides of a row all read
the state in which its guard was true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from model.action import Action, Call, Event, Impossible, Refuse, Set, action_exprs
from model.expr import (
    ABOUT_STEPS,
    TRUE,
    Case,
    Choice,
    Const,
    Expr,
    Item,
    ModelError,
    Param,
    Var,
    cases,
    conj,
    disj,
    leaf_key,
    show,
    walk,
)


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

    `place`: "endpoint" (one at each end, or at each of its connections), "end" (one at each end), "direction" (one for each direction
    of the wire) or "world".
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


def choices_of(row: Row) -> tuple[Choice, ...]:
    """The choices a row consults, in its guard or its actions, by name."""
    found = {node.name: node for expr in (row.condition, *line_exprs(row)) for node in walk(expr) if isinstance(node, Choice)}
    return tuple(found[name] for name in sorted(found))


def _ident(name: str) -> str:
    return name.replace("-", "_")


def _told(case: Case) -> str:
    """What decides a case, without the state (it always comes first)."""
    return ", ".join(f"{show(leaf)} = {leaf.sort.show(code)}" for leaf, code in list(case.values())[1:]) or "always"
