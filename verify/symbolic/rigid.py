"""Is there any combination of readings under which a claim breaks? The readings named are variables that no step changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

from model.expr import ModelError
from model.system import System
from verify.query import Hit, Query
from verify.symbolic.bmc import Progress, goal, witness
from verify.symbolic.clock import Clock
from verify.symbolic.path import Encoder, Path
from verify.symbolic.transition import Domain, domain_of, parts
from verify.symbolic.wire import VALUE


@dataclass
class Combination:
    """A shortest way over all combinations of the free readings, and of those with one of that length, one that changes fewest.

    hit: its `initial` state has the readings found, or None. readings: their values by name; changed: those that differ from
    the system's own. depth: no combination breaks the claim within so many steps, but for the hit. why: what stopped it, or "".
    """

    hit: Hit | None = None
    readings: dict[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    depth: int = 0
    why: str = ""
    seconds: float = 0.0


def any_readings(system: System, query: Query, *, free: Sequence[str], depth: int, timeout: float | None = None,
                 progress: Callable[[Progress], None] | None = None) -> Combination:
    """Leave readings open ("A:key", or "key" for what both ends share) and look for a way of up to `depth` steps.

    It is not asked of the initial states themselves. Raises ModelError for a reading that the system does not have or where the
    model reaches the impossible, EngineDisagreement where the interpreter does not confirm what z3 finds.
    """
    clock, found = Clock(timeout), Combination()
    with clock.timing(found):
        _deepen(system, query, positions(system, free), depth, clock, found, progress)
    return found


def positions(system: System, names: Sequence[str]) -> dict[str, int]:
    """Where the readings stand in a state. Raises ModelError."""
    known = system.reading_positions
    for name in names:
        if name not in known:
            raise ModelError(f"reading {name!r}: {system.name} has no such reading; it has {', '.join(known) or 'none'}")
    return {name: known[name] for name in names}


def _deepen(system: System, query: Query, free: Mapping[str, int], depth: int, clock: Clock, found: Combination,
            progress: Callable[[Progress], None] | None) -> None:
    solver = z3.SimpleSolver()
    path = Path(system, Encoder(system, [query], clock.tick), solver)
    every = {(at, VALUE): frozenset(range(system.slots[at].var.sort.size)) for at in free.values()}
    domain: Domain = domain_of(system, system.initial) | every
    for level in range(depth):
        frame = path.extend() if level else path.begin(domain)
        if not level:
            path.starts_in([{key: code for key, code in parts(system, state).items() if key not in every} for state in system.initial])
        literal = goal(solver, frame, [query], f"goal {level}")
        if clock.check(solver, literal):
            _fewest(path, query, free, literal, clock, found)
            return
        found.depth = level + 1
        if progress is not None:
            progress(Progress(found.depth, 1, clock.seconds))


def _fewest(path: Path, query: Query, free: Mapping[str, int], literal: Any, clock: Clock, found: Combination) -> None:
    """Of the ways of this length, one whose readings differ from the system's own in as few places as possible."""
    system, first = path.system, path.frames[0]
    own = {name: system.initial[0][at] for name, at in free.items()}
    changes = [z3.Not(first.terms.term(first.encoded.step.before[at, VALUE][own[name]])) for name, at in free.items()]
    while True:
        found.hit = witness(path, path.solver.model(), [query])[0]
        codes = {name: found.hit.initial[at] for name, at in free.items()}
        found.readings = {name: system.slots[free[name]].text(code) for name, code in codes.items()}
        found.changed = tuple(name for name, code in codes.items() if code != own[name])
        if not found.changed:
            return
        path.solver.add(z3.AtMost(*changes, len(found.changed) - 1))
        if not clock.check(path.solver, literal):
            return
