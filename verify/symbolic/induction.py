"""k-induction: a claim that k steps in a row kept, from any state, is kept by the next one too.

(Sheeran, Singh, Stålmarck, FMCAD 2000.) The k + 1 states are pairwise different: a shortest way to a violation visits none twice.
"Any state" is any combination of the values that the variables have in an over-approximation of what is reachable; it need not
be reachable itself, so that a claim may hold and yet not be inductive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import z3

from model.system import State, System
from verify.query import Hit, Query
from verify.step import Stimulus
from verify.symbolic.bmc import Progress, goal, in_the_beginning, witness
from verify.symbolic.clock import Clock
from verify.symbolic.path import Encoded, Encoder, Path
from verify.symbolic.second import NAME, UNSAT, second_opinion
from verify.symbolic.transition import domain_of, parts


@dataclass
class Proof:
    """What induction found.

    verdict: "holds", "violated" (`hit` is a shortest witness) or "undecided" (`why`). k: the steps in a row that were assumed to keep
    the claim. counterexample: where the claim is not inductive, a state that may be unreachable and `k + 1` stimuli, the last of which
    breaks it. checked_by: the second solver that confirmed every step of a proof, or "". seconds: all of it.
    """

    verdict: str = "undecided"
    k: int = 0
    hit: Hit | None = None
    counterexample: tuple[State, tuple[Stimulus, ...]] | None = None
    why: str = ""
    checked_by: str = ""
    seconds: float = 0.0


def induction(system: System, query: Query, *, depth: int, timeout: float | None = None,
              progress: Callable[[Progress], None] | None = None) -> Proof:
    """Try k = 0, 1, ... up to `depth`, for up to `timeout` seconds.

    A proof counts only if a second solver confirms it. It speaks of the steps that exist: where the model reaches the impossible,
    there is none. Raises ModelError where it does so within the steps looked at, EngineDisagreement where the interpreter does not
    confirm what z3 finds.
    """
    clock, proof = Clock(timeout), Proof()
    with clock.timing(proof):
        proof.hit = in_the_beginning(system, query)
        if proof.hit is None:
            _try(system, query, depth, clock, proof, progress)
        if proof.hit is not None:
            proof.verdict, proof.counterexample = "violated", None
    return proof


class _Case:
    """Base case or inductive step: a path in a solver of its own, and the question whether its last step breaks the claim."""

    def __init__(self, system: System, query: Query, encoded: Encoded, encoder: Encoder, base: bool) -> None:
        self.query, self.encoded, self.base = query, encoded, base
        self.solver = z3.SimpleSolver()
        self.path = Path(system, encoder, self.solver)
        self.path.begin(encoded.domain)
        if base:
            self.path.starts_in([parts(system, state) for state in system.initial])
        else:
            self.path.is_formed()
        self.literal = self._ask()

    def extend(self) -> None:
        """One more step, the last one having kept the claim."""
        path, last = self.path, self.path.frames[-1]
        frame = path.extend(self.encoded.domain)
        self.solver.add(z3.Not(last.hits[self.query.name]))
        if not self.base:
            self.solver.add([z3.Not(path.same_state(one, frame)) for one in path.frames[:-1]])
        self.literal = self._ask()

    def _ask(self) -> Any:
        frame = self.path.frames[-1]
        if not self.base:
            self.solver.add(z3.Not(frame.wrong))
        return goal(self.solver, frame, [self.query], f"goal {len(self.path.frames)}")

    def text(self) -> str:
        """The question as SMT-LIB."""
        self.solver.push()
        self.solver.add(self.literal)
        text: str = self.solver.to_smt2()
        self.solver.pop()
        return text


def _try(system: System, query: Query, depth: int, clock: Clock, proof: Proof, progress: Callable[[Progress], None] | None) -> None:
    encoder = Encoder(system, [query], clock.tick)
    encoded = encoder.fixpoint(domain_of(system, system.initial))
    base, step = (_Case(system, query, encoded, encoder, which) for which in (True, False))
    for k in range(depth + 1):
        if k:
            base.extend()
            step.extend()
        proof.k = k
        if clock.check(base.solver, base.literal):
            proof.hit = witness(base.path, base.solver.model(), [query])[0]
            return
        if not clock.check(step.solver, step.literal):
            proof.counterexample = None
            _confirm(system, query, k, encoded, encoder, clock, proof)
            return
        model = step.solver.model()
        step.path.run(model)
        proof.counterexample = step.path.read(model)[:2]
        if progress is not None:
            progress(Progress(k, 1, clock.seconds))
    proof.why = f"not inductive with k up to {depth}"


def _confirm(system: System, query: Query, k: int, encoded: Encoded, encoder: Encoder, clock: Clock, proof: Proof) -> None:
    """Ask a second solver everything that the proof rests on."""
    for text in _questions(system, query, k, encoded, encoder):
        answer = second_opinion(text, clock)
        if answer != UNSAT:
            proof.why = f"inductive with k = {k}, but {answer}"
            return
    proof.verdict, proof.checked_by = "holds", NAME


def _questions(system: System, query: Query, k: int, encoded: Encoded, encoder: Encoder) -> Iterator[str]:
    """What must have no answer: what z3 said cannot be while the step was encoded, the base cases, the inductive step."""
    yield encoded.text()
    for base in (True, False):
        case = _Case(system, query, encoded, encoder, base)
        for at in range(k + 1):
            if at:
                case.extend()
            if base or at == k:
                yield case.text()
