"""What engines are asked, and what they answer with: questions about steps, and shortest ways to a yes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from model.expr import Expr, evaluate
from model.system import State, System
from verify.step import Outcome, StepView, Stimulus, successors

# What stopped an engine before its end.
TIME_LIMIT, INTERRUPTED = "time limit", "interrupted"


class EngineDisagreement(Exception):
    """An engine and the reference interpreter differ: an error of this program. The text has both sides."""


@dataclass(frozen=True)
class Query:
    """Ask for the first transition where `when` is true at one of `scopes`.

    `when` reads what a `StepView` can: the state before, Post, Peer, Sent, Fired, OnWire. `initial`: it is also asked of the
    initial states, as of a step that changes nothing. It is not asked of a transition that breaks the system's constraint.
    """

    name: str
    when: Expr
    scopes: tuple[str, ...]
    initial: bool = False


@dataclass(frozen=True)
class Hit:
    """A shortest way to a query: `length` stimuli from `initial`; the last one makes it true at `scope`.

    With length 0 the query is true in the initial state itself.
    """

    query: str
    scope: str
    length: int
    stimuli: tuple[Stimulus, ...]
    initial: State


@dataclass(frozen=True)
class Progress:
    """How far an engine has come: states found, those not yet expanded, level (1 for the initial states), transitions, seconds.
    An engine that does not count some of them leaves them 0."""

    states: int
    frontier: int
    level: int
    transitions: int
    seconds: float


def check_names(queries: Sequence[Query]) -> None:
    """Answers are given by name. Raises ValueError where two queries share one."""
    names = sorted(query.name for query in queries)
    if len(set(names)) != len(names):
        raise ValueError(f"two queries have the same name: {names}")


def allowed(system: System, state: State) -> Iterator[tuple[Stimulus, Outcome]]:
    """The transitions of a state that keep to the constraint."""
    for stimulus, outcome in successors(system, state):
        if evaluate(system.constraint, StepView(system, "", outcome)):
            yield stimulus, outcome


def true_at(system: System, query: Query, outcome: Outcome) -> str | None:
    """The first scope of the query at which it is true of this step."""
    for scope in query.scopes:
        if evaluate(query.when, StepView(system, scope, outcome)):
            return scope
    return None


def between(system: System, before: State, after: State, like: Callable[[Stimulus], bool] = lambda _: True) -> Stimulus:
    """The first stimulus (of those wanted) that leads from one state to another. Raises EngineDisagreement."""
    for stimulus, outcome in allowed(system, before):
        if outcome.after == after and like(stimulus):
            return stimulus
    raise EngineDisagreement(f"{system.name}: an engine says that a step leads from\n{text_of(system, before)}\nto\n"
                             f"{text_of(system, after)}\nThe interpreter finds none.")


def text_of(system: System, state: State) -> str:
    """A state, one variable a line."""
    return "\n".join(f"  {name} = {value}" for name, value in system.describe(state).items())
