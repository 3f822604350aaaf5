"""What z3 decides: statements for all values, and statements about all runs of a small machine.

Whole numbers, rationals and bit vectors only. An answer is True, False with an example, or none; none is never taken for either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import z3

from verify.symbolic.clock import Clock

Example = Mapping[str, "int | Fraction | bool | str"]
State = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """Is it true? None: not decided, for the reason given. `example`: of a statement for all the values that break it, of one
    that something exists the values themselves; of a machine a run."""

    true: bool | None
    example: Example = field(default_factory=dict)
    reason: str = ""


class Claim(Protocol):
    """A statement that is true or false. `decide` raises GaveUp where the solver cannot say in time."""

    def decide(self, clock: Clock) -> Answer: ...


@dataclass(frozen=True)
class ForAll:
    """`then` for all values of its constants for which `given` is true."""

    then: Any
    given: Any = True

    def decide(self, clock: Clock) -> Answer:
        solver = z3.SimpleSolver()  # the SMT core; z3's choice of a tactic is slower here, up to a hundredfold
        solver.add(self.given, z3.Not(self.then))
        return Answer(False, example(solver.model())) if clock.check(solver) else Answer(True)


@dataclass(frozen=True)
class Fails:
    """The opposite of a claim. What exists is what does not fail for all; what can happen is what is not never."""

    claim: Claim

    def decide(self, clock: Clock) -> Answer:
        answer = self.claim.decide(clock)
        return Answer(None if answer.true is None else not answer.true, answer.example, answer.reason)


def exists(what: Any) -> Claim:
    """Some values of its constants make it true."""
    return Fails(ForAll(z3.Not(what)))


@dataclass(frozen=True)
class Machine:
    """A machine with parameters (fixed constants with what is `given` of them), a start, and a step for each input.

    bad: a step from this state with this input must not be. invariant: true in the beginning, kept by every step, and no bad
    step leads from where it holds, or so the proof has to show; it says nothing where it is not proved.
    """

    given: Any
    initial: State
    variables: State
    inputs: Mapping[str, Any]
    step: Callable[[State, State], State]
    bad: Callable[[State, State], Any]
    invariant: Callable[[State], Any]


@dataclass(frozen=True)
class Never:
    """No run of the machine, of any length, comes to a bad step: by induction. False only with a run of up to `depth` steps; a
    counterexample to induction is none, for its state need not be reachable."""

    machine: Machine
    depth: int = 4

    def decide(self, clock: Clock) -> Answer:
        machine = self.machine
        before, inputs = machine.variables, machine.inputs
        proof = (ForAll(machine.invariant(machine.initial), machine.given),
                 ForAll(machine.invariant(machine.step(before, inputs)), z3.And(machine.given, machine.invariant(before))),
                 ForAll(z3.Not(machine.bad(before, inputs)), z3.And(machine.given, machine.invariant(before))))
        if all(part.decide(clock).true for part in proof):
            return Answer(True)
        state = machine.initial
        solver = z3.SimpleSolver()
        solver.add(machine.given)
        for number in range(1, self.depth + 1):
            given = {name: z3.Const(f"{name} {number}", one.sort()) for name, one in inputs.items()}
            if clock.check(solver, bad := z3.Bool(f"bad {number}"), bad == machine.bad(state, given)):
                return Answer(False, run(solver.model(), number))
            state = machine.step(state, given)
        return Answer(None, reason=f"the invariant is not inductive, and no bad run has up to {self.depth} steps")


NEVER, CAN = "never", "can happen"


def happens(machine: Machine) -> Callable[[str], tuple[Claim, ...]]:
    """What NEVER and CAN mean of a machine's bad step."""
    return lambda value: (Never(machine) if value == NEVER else Fails(Never(machine)),)


def all_of(claims: tuple[Claim, ...], clock: Clock) -> Answer:
    """Are all of them true? The first that is not says why."""
    for claim in claims:
        answer = claim.decide(clock)
        if not answer.true:
            return answer
    return Answer(True, answer.example if len(claims) == 1 else {})


def example(model: Any) -> dict[str, int | Fraction | bool | str]:
    """The values of a model's constants, by name."""
    found = {one.name(): _plain(model[one]) for one in model.decls() if one.arity() == 0}
    return {name: found[name] for name in sorted(found)}


def run(model: Any, steps: int) -> dict[str, int | Fraction | bool | str]:
    """The same of a run: the parameters, then the inputs of each step in order."""
    found = {name: value for name, value in example(model).items() if not name.startswith("bad ")}
    last = {name: int(name.rpartition(" ")[2]) for name in found if name.rpartition(" ")[2].isdecimal()}
    return {name: found[name] for name in sorted(found, key=lambda one: (last.get(one, 0), one)) if last.get(name, 0) <= steps}


def _plain(value: Any) -> int | Fraction | bool | str:
    if z3.is_true(value) or z3.is_false(value):
        return bool(z3.is_true(value))
    if z3.is_int_value(value) or z3.is_bv_value(value):
        return int(value.as_long())
    if z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    return str(value)
