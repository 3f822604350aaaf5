"""Does an endless run break a response property? Asked of the interpreter, whatever an engine said.

It has to be endless: the state after the last step is the one at which the loop begins. `when` has to hold somewhere, and the
goal nowhere from there on. And it has to be fair: every owed action that stays possible in the loop is taken there.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.expr import Expr, evaluate
from model.system import State, System
from properties.response import Response
from verify.step import Disabled, Outcome, StepView, Stimulus, step, stimuli

Action = tuple[str, str, str, tuple[int, ...]]  # scope, table, event, arguments


def refuted(system: System, about: Response, end: str, states: Sequence[State], taken: Sequence[Stimulus], loop: int) -> str:
    """Why the run is none that breaks the property at this end; empty if it is. `states`: one more than stimuli taken; `loop`: where among
    them the loop begins."""
    if states[-1] != states[loop]:
        return f"step {len(taken)} does not lead back to the state after step {loop}"
    goals = [at for at, state in enumerate(states) if _true(system, about.goal, end, state)]
    since = max(goals, default=-1) + 1
    begins = [at for at in range(since, len(states)) if _true(system, about.when, end, states[at])]
    if since > loop:
        return f"its goal is reached after step {since - 1}, in the loop"
    if not begins:
        return "what calls for it does not hold, or its goal is reached afterwards"
    after = min(begins[-1], loop)
    barred = [at for at, one in enumerate(taken, 1) if at > after and about.bars(system.offer_of[one.scope, one.table, one.event])]
    if barred:
        return f"nothing is promised after step {barred[0]}"
    ahead = unfair(system, about, states[loop:], taken[loop:])
    if ahead:
        scope, table, event, _ = min(ahead)
        return f"{table} {event} at {scope} stays possible and never happens"
    if all(_true(system, about.leads, end, state) for state in states[loop:]):
        return "what leads to its goal stays possible"
    return ""


def unfair(system: System, about: Response, states: Sequence[State], taken: Sequence[Stimulus]) -> set[Action]:
    """Owed actions that are possible in all of the loop's states and not taken in it."""
    pending = _possible(system, about, states[0])
    for state in states[1:]:
        pending &= _possible(system, about, state)
    return pending - {(one.scope, one.table, one.event, one.args) for one in taken}


def _possible(system: System, about: Response, state: State) -> set[Action]:
    """The owed actions that are enabled, or would be with more room on the wire."""
    found = set()
    for one in stimuli(system, state):
        if about.owed(system.offer_of[one.scope, one.table, one.event]):
            try:
                step(system, state, one)
            except Disabled as why:
                if not why.full:
                    continue
            found.add((one.scope, one.table, one.event, one.args))
    return found


def _true(system: System, expr: Expr, end: str, state: State) -> bool:
    return bool(evaluate(expr, StepView(system, end, Outcome(state, state, (), ()))))
