"""Bounded model checking: is there a way of 1, 2, 3 ... steps to a query? (Biere et al., TACAS 1999)

The shortest way is found first, as by a search; where there is none, that is known up to the depth reached and no further.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

from model.system import System
from verify.query import EngineDisagreement, Hit, Query, check_names, text_of, true_at
from verify.step import Outcome
from verify.symbolic.clock import Clock
from verify.symbolic.path import Encoder, Frame, Path
from verify.symbolic.transition import domain_of, parts


@dataclass(frozen=True)
class Progress:
    """How far it has come: every way of up to `depth` steps is settled; queries still without a hit; seconds."""

    depth: int
    open: int
    seconds: float


@dataclass
class Bounded:
    """hits: for each query a shortest witness, or None. depth: no query without a hit becomes true within so many steps.
    why: what stopped it before the depth asked for, or "". seconds: all of it, encoding included."""

    hits: dict[str, Hit | None] = field(default_factory=dict)
    depth: int = 0
    why: str = ""
    seconds: float = 0.0


def bmc(system: System, queries: Sequence[Query], *, depth: int, timeout: float | None = None,
        progress: Callable[[Progress], None] | None = None) -> Bounded:
    """Look for shortest ways to the queries, of up to `depth` steps, for up to `timeout` seconds.

    Too little time and Ctrl-C end it with what is settled so far. Raises ModelError where the model reaches the impossible
    (within the steps looked at), EngineDisagreement where the interpreter does not confirm what z3 finds.
    """
    check_names(queries)
    clock, found = Clock(timeout), Bounded({query.name: None for query in queries})
    with clock.timing(found):
        for query in queries:
            found.hits[query.name] = in_the_beginning(system, query)
        _deepen(system, queries, depth, clock, found, progress)
    return found


def in_the_beginning(system: System, query: Query) -> Hit | None:
    """An initial state in which a query is true, if it is asked there."""
    if query.initial:
        for state in system.initial:
            scope = true_at(system, query, Outcome(state, state, (), ()))
            if scope is not None:
                return Hit(query.name, scope, 0, (), state)
    return None


def _deepen(system: System, queries: Sequence[Query], depth: int, clock: Clock, found: Bounded,
            progress: Callable[[Progress], None] | None) -> None:
    solver = z3.SimpleSolver()
    path = Path(system, Encoder(system, queries, clock.tick), solver)
    for level in range(depth):
        missing = [query for query in queries if found.hits[query.name] is None]
        if not missing:
            return
        frame = path.extend() if level else path.begin(domain_of(system, system.initial))
        if not level:
            path.starts_in([parts(system, state) for state in system.initial])
        while missing:
            if not clock.check(solver, goal(solver, frame, missing, f"goal {level} {len(missing)}")):
                break
            hits = witness(path, solver.model(), missing)
            found.hits.update({hit.query: hit for hit in hits})
            missing = [query for query in missing if found.hits[query.name] is None]
        found.depth = level + 1
        if progress is not None:
            progress(Progress(found.depth, len(missing), clock.seconds))


def goal(solver: Any, frame: Frame, queries: Sequence[Query], name: str) -> Any:
    """A literal that says: this step makes one of the queries true, or reaches the impossible."""
    literal = z3.Bool(name)
    solver.add(z3.Implies(literal, z3.Or(frame.wrong, z3.And(frame.valid, z3.Or([frame.hits[query.name] for query in queries])))))
    return literal


def witness(path: Path, model: Any, queries: Sequence[Query]) -> list[Hit]:
    """What a model found, as the interpreter confirms it: a hit of each query that the last step makes true."""
    outcomes = path.run(model)
    initial, stimuli, said = path.read(model)
    hits = []
    for query in queries:
        scope = true_at(path.system, query, outcomes[-1])
        if (scope is not None) != said[-1][query.name]:
            raise EngineDisagreement(f"{path.system.name}: z3 says that {query.name} is {str(scope is None).lower()} of {stimuli[-1]}, the "
                                     f"interpreter the opposite, in\n{text_of(path.system, outcomes[-1].before)}")
        if scope is not None:
            hits.append(Hit(query.name, scope, len(stimuli), stimuli, initial))
    if not hits:
        raise EngineDisagreement(f"{path.system.name}: z3 says that {stimuli[-1]} reaches the impossible, the interpreter that it does "
                                 f"not, in\n{text_of(path.system, outcomes[-1].before)}")
    return hits
