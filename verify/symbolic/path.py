"""A path of the system as constraints: states and stimuli, one step after another, and back from a model to a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from model.expr import evaluate
from model.system import State as Codes
from model.system import System
from verify.query import EngineDisagreement, Query, text_of
from verify.step import Disabled, Outcome, StepView, Stimulus, step
from verify.symbolic.logic import Lit, Logic
from verify.symbolic.plan import Plan
from verify.symbolic.terms import Possible, Terms
from verify.symbolic.transition import (
    Domain,
    Transition,
    codes,
    leaves,
    stimulus_of,
    transition,
    well_formed,
    wider,
)
from verify.symbolic.value import Value
from verify.symbolic.wire import Key


@dataclass(frozen=True)
class Encoded:
    """A step from any state of a domain. `formed`: what holds of the interpreter's states besides. `refuted`: what was left out
    because z3 said that it cannot be."""

    domain: Domain
    logic: Logic
    step: Transition
    formed: Lit
    refuted: tuple[Lit, ...]

    def text(self) -> str:
        """As SMT-LIB, one question each: can what was left out be? What is answered with no is a lemma from then on."""
        solver, terms = z3.SimpleSolver(), Terms(self.logic, "step:")
        names = [f"refuted{number}" for number in range(len(self.refuted))]
        solver.add(terms.term(self.formed), *(z3.Bool(name) == terms.term(lit) for name, lit in zip(names, self.refuted, strict=True)))
        solver.add(*terms.domain())
        given = str(solver.to_smt2()).removesuffix("(check-sat)\n")
        return given + "".join(f"(check-sat-assuming ({name}))\n(assert (not {name}))\n" for name in names)


class Encoder:
    """Encodes steps; the last one is kept. `together`: see `verify.symbolic.transition`."""

    def __init__(self, system: System, queries: Sequence[Query], tick: Callable[[], None]) -> None:
        self.system, self.queries, self.tick = system, queries, tick
        self.plan = Plan(system)
        self._last: Encoded | None = None

    def __call__(self, domain: Domain) -> Encoded:
        if self._last is None or self._last.domain != domain:
            logic = Logic()
            before = leaves(logic, domain)
            formed = well_formed(logic, self.system, before)
            possible = Possible(logic)
            possible.require(formed)
            logic.possible = possible
            made = transition(self.plan, logic, before, self.queries, self.tick, lambda offer: (offer.scope, offer.table.name))
            self._last = Encoded(domain, logic, made, formed, tuple(possible.refuted))
        return self._last

    def fixpoint(self, domain: Domain) -> Encoded:
        """The step from a domain, not smaller than the one given, that no step leaves."""
        while True:
            made = self(domain)
            after = wider(domain, made.step.after)
            if after == domain:
                return made
            domain = after


@dataclass
class Frame:
    """One step on a path, as terms: `valid`, `wrong` and `hits` as in `Transition`."""

    encoded: Encoded
    terms: Terms
    valid: Any
    wrong: Any
    hits: dict[str, Any]


class Path:
    """Grows step by step in a solver."""

    def __init__(self, system: System, encoder: Encoder, solver: Any, name: str = "") -> None:
        self.system, self.encoder, self.solver, self.name = system, encoder, solver, name
        self.frames: list[Frame] = []

    def begin(self, domain: Domain) -> Frame:
        """The first step, from any state of a domain."""
        return self._frame(self.encoder(domain))

    def extend(self, domain: Domain | None = None) -> Frame:
        """Assert that the last step is valid, and add one after it."""
        last = self.frames[-1]
        self.solver.add(last.valid)
        made = last.encoded.step
        frame = self._frame(self.encoder(wider(last.encoded.domain, made.after) if domain is None else domain))
        self._link(last, frame)
        return frame

    def _frame(self, encoded: Encoded) -> Frame:
        terms = Terms(encoded.logic, f"{self.name}{len(self.frames)}:")
        made = encoded.step
        frame = Frame(encoded, terms, terms.term(made.valid), terms.term(made.wrong),
                      {name: terms.term(lit) for name, lit in made.hits.items()})
        self.frames.append(frame)
        self.solver.add(*terms.domain())
        return frame

    def _link(self, last: Frame, frame: Frame) -> None:
        """The state after one step is the state before the next."""
        for key, value in last.encoded.step.after.items():
            before = frame.encoded.step.before[key]
            if len(before) == 1:
                continue
            for code, lit in value.items():
                self.solver.add(z3.Implies(last.terms.term(lit), frame.terms.term(before[code])))
        self.solver.add(*last.terms.domain(), *frame.terms.domain())

    def starts_in(self, states: Sequence[Mapping[Key, int]]) -> None:
        """The first state is one of these (each may leave variables open)."""
        frame = self.frames[0]
        before = frame.encoded.step.before
        self.solver.add(z3.Or([z3.And([frame.terms.term(before[key][code]) for key, code in state.items()]) for state in states]))
        self.solver.add(*frame.terms.domain())

    def is_formed(self) -> None:
        """The first state is one the interpreter could have."""
        frame = self.frames[0]
        self.solver.add(frame.terms.term(frame.encoded.formed), *frame.terms.domain())

    def same_state(self, one: Frame, other: Frame) -> Any:
        """Are the states before two steps the same?"""
        parts = []
        for key, value in one.encoded.step.before.items():
            if len(value) > 1:
                parts += [one.terms.term(value[code]) == other.terms.term(lit) for code, lit in other.encoded.step.before[key].items()]
        return z3.And(parts)

    # -- back to the interpreter -----------------------------------------------------------------

    def read(self, model: Any) -> tuple[Codes, tuple[Stimulus, ...], list[dict[str, bool]]]:
        """What a model says: the first state, the stimuli, and for each step which queries it makes true."""
        stimuli, hits = [], []
        for frame in self.frames:
            made = frame.encoded.step
            start = made.starts[self._value(model, frame, made.which)]
            args = {name: self._value(model, frame, value) for name, value in start.args.items()}
            offered = self.system.offer_choices[self.system.offers.index(start.offer)]
            chosen = [(one.name, self._value(model, frame, made.choices[one.name])) for one in offered]
            stimuli.append(stimulus_of(start, args, chosen))
            hits.append({name: z3.is_true(model.eval(term, model_completion=True)) for name, term in frame.hits.items()})
        return self.state(model, 0), tuple(stimuli), hits

    def state(self, model: Any, at: int) -> Codes:
        """The state before step `at`."""
        frame = self.frames[at]
        return codes(self.system, {key: self._value(model, frame, value) for key, value in frame.encoded.step.before.items()})

    def _value(self, model: Any, frame: Frame, value: Value) -> int:
        for code, lit in value.items():
            if z3.is_true(model.eval(frame.terms.term(lit), model_completion=True)):
                return code
        raise EngineDisagreement(f"{self.system.name}: z3's model gives a variable none of its values")

    def run(self, model: Any) -> list[Outcome]:
        """The interpreter's run of what a model says; raises EngineDisagreement where it differs, ModelError where the run reaches
        the impossible."""
        state, stimuli, _ = self.read(model)
        outcomes: list[Outcome] = []
        for at, stimulus in enumerate(stimuli):
            said = self.state(model, at)
            if said != state:
                raise EngineDisagreement(f"{self.system.name}: z3 says that step {at} leads to\n{text_of(self.system, said)}\n"
                                         f"The interpreter says to\n{text_of(self.system, state)}")
            try:
                outcome = step(self.system, state, stimulus)
            except Disabled as why:
                raise EngineDisagreement(f"{self.system.name}: z3 says that {stimulus} is enabled, the interpreter that it is not: {why}, "
                                         f"in\n{text_of(self.system, state)}") from None
            if not evaluate(self.system.constraint, StepView(self.system, "", outcome)):
                raise EngineDisagreement(f"{self.system.name}: z3 says that {stimulus} keeps to the constraint, the interpreter that it "
                                         f"does not, in\n{text_of(self.system, state)}")
            outcomes.append(outcome)
            state = outcome.after
        return outcomes

