"""What of a system does not depend on its state: rows by event, consulted choices, and where signals usually stand in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.action import Action, Event, Impossible, Refuse
from model.expr import Const, Expr
from model.system import Instance, System
from model.table import Row

EventKey = tuple[str, str, str]  # scope, table, event


@dataclass(frozen=True)
class Lines:
    """Rows of one event that differ in nothing but the state they start in."""

    codes: frozenset[int]
    rows: tuple[Row, ...]
    condition: Expr
    actions: tuple[Action, ...]
    next: Const | None
    refuses: bool
    impossible: bool


class Plan:
    """lines: the rows of each event. events: by key. consulted: for each event the choices its rows consult, each with the states in
    which they do. place: by (table, event), a number after those of all events that may cause it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.lines: dict[EventKey, tuple[Lines, ...]] = {}
        self.events: dict[EventKey, tuple[Instance, Event]] = {}
        for one in system.instances:
            for event in one.table.events:
                key = (one.scope, one.table.name, event.name)
                self.events[key] = (one, event)
                self.lines[key] = _grouped([row for row in one.table.rows if row.event is event])
        self.consulted = self._consulted()
        self.place = self._places()

    def _consulted(self) -> dict[EventKey, dict[str, frozenset[int]]]:
        found: dict[EventKey, dict[str, set[int]]] = {}
        for (scope, table, event, code), choices in self.system.choices.items():
            for choice in choices:
                found.setdefault((scope, table, event), {}).setdefault(choice.name, set()).add(code)
        return {key: {name: frozenset(codes) for name, codes in its.items()} for key, its in found.items()}

    def _places(self) -> dict[tuple[str, str], int]:
        causes: dict[EventKey, list[EventKey]] = {}
        for before, after in self.system.successors_of.items():
            for one in after:
                causes.setdefault(one, []).append(before)
        depth: dict[EventKey, int] = {}

        def of(key: EventKey) -> int:
            if key not in depth:
                depth[key] = 1 + max((of(before) for before in causes.get(key, ())), default=-1)
            return depth[key]

        deepest: dict[tuple[str, str], int] = {}
        for key in self.events:
            deepest[key[1:]] = max(deepest.get(key[1:], 0), of(key))
        return {name: number for number, name in enumerate(sorted(deepest, key=lambda name: deepest[name]))}


def _grouped(rows: Sequence[Row]) -> tuple[Lines, ...]:
    groups: dict[object, list[Row]] = {}
    for row in rows:
        after = None if row.next is None else row.next.code
        groups.setdefault((row.name, id(row.condition), id(row.actions), after), []).append(row)
    return tuple(Lines(frozenset(row.state.code for row in its), tuple(its), its[0].condition, its[0].actions, its[0].next,
                       any(isinstance(action, Refuse) for action in its[0].actions),
                       any(isinstance(action, Impossible) for action in its[0].actions)) for its in groups.values())
