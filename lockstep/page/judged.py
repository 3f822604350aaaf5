"""What claims say of a run, step by step: which step first puts each to the test, and which first breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lockstep.jobs import distinct
from model.expr import evaluate
from model.system import State, System
from model.timed import system_of
from properties.claim import Claim
from properties.registry import PROPERTIES
from verify.step import StepView, Stimulus, step


@dataclass(frozen=True, eq=False)
class Judged:
    """A run as far as it has come, in a system that remembers what all the claims do. `tested`, `broken`: by claim, the step; and the
    place where it breaks."""

    system: System
    claims: tuple[Claim, ...]
    state: State
    number: int = 0
    tested: Mapping[str, int] = field(default_factory=dict)
    broken: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def after(self, stimulus: Stimulus) -> Judged:
        """The same after one more step. Raises Disabled."""
        outcome, number = step(self.system, self.state, stimulus), self.number + 1
        tested, broken = dict(self.tested), dict(self.broken)
        for place in self.system.places:
            view = StepView(self.system, place, outcome)
            for claim in self.claims:
                if claim.name not in tested and evaluate(claim.antecedent, view):
                    tested[claim.name] = number
                if claim.name not in broken and evaluate(claim.violated, view):
                    broken[claim.name] = number, place
        return replace(self, state=outcome.after, number=number, tested=tested, broken=broken)

    def documents(self, first: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Each claim as a page shows it: those named `first`, then the broken, the tested, the rest."""
        names = dict.fromkeys([*first, *self.broken, *self.tested, *(claim.name for claim in self.claims)])
        return [self._document(name) for name in names]

    def _document(self, name: str) -> dict[str, Any]:
        about, broken = PROPERTIES[name], self.broken.get(name)
        return {"name": name, "sentence": about.sentence, "source": about.source, "endless": not isinstance(about, Claim),
                "tested": self.tested.get(name), "broken": None if broken is None else {"step": broken[0], "end": broken[1]}}


def judging(slice_name: str, readings: Mapping[str, str], bounds: Mapping[str, int], claims: Sequence[Claim], start: int) -> Judged:
    """These claims, before the first step of a run from a slice's initial state of this number."""
    system = system_of(slice_name, readings, bounds, distinct(monitor for claim in claims for monitor in claim.monitors))
    return Judged(system, tuple(claims), system.initial[start])
