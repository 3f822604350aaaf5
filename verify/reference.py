"""Breadth-first search on the reference interpreter: slow, obvious, and what the native search is measured against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from model.expr import evaluate
from model.system import State, System
from verify.step import StepView, successors


@dataclass
class Counts:
    """Distinct states, generated states (initial ones and every successor, as TLC counts), levels, firings of each row."""

    distinct: int = 0
    transitions: int = 0
    rejected: int = 0
    levels: int = 0
    initial: int = 0
    fired: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def generated(self) -> int:
        return self.initial + self.transitions


def explore(system: System) -> Counts:
    """Visit every reachable state."""
    counts, seen = Counts(initial=len(system.initial)), set(system.initial)
    frontier: list[State] = list(system.initial)
    while frontier:
        counts.levels += 1
        fresh: list[State] = []
        for state in frontier:
            for _, outcome in successors(system, state):
                counts.transitions += 1
                for one in outcome.fired:
                    instance = system.instance(one.scope, _table_of(system, one.scope, one.row))
                    assert instance is not None
                    counts.fired[(one.scope, instance.table.name, one.row.key)] += 1
                if not evaluate(system.constraint, StepView(system, "", outcome)):
                    counts.rejected += 1
                elif outcome.after not in seen:
                    seen.add(outcome.after)
                    fresh.append(outcome.after)
        frontier = fresh
    counts.distinct = len(seen)
    return counts


def _table_of(system: System, scope: str, row: object) -> str:
    for one in system.instances:
        if one.scope == scope and row in one.table.rows:
            return one.table.name
    raise LookupError(row)
