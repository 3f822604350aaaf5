"""Smallest changes that disagree with every conflict: minimum hitting sets, as MaxSAT.

A conflict is what is known not to work: a conjunction of conditions on what may be changed. Reiter, A theory of diagnosis from
first principles (1987); Davies and Bacchus, Solving MaxSAT by solving a sequence of simpler SAT instances (2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import z3

from verify.symbolic.clock import Clock

Allowed = tuple[Sequence[int], Iterable[Sequence[int]]]  # knobs, and the settings that they may have together


class Hitting:
    """Knobs, each with `options[i]` settings of which 0 is how it stands; any other setting is a change, and costs 1."""

    def __init__(self, options: Sequence[int]) -> None:
        self._optimize = z3.Optimize()
        self._is = [[z3.Bool(f"{knob}={setting}") for setting in range(count)] for knob, count in enumerate(options)]
        for settings in self._is:
            self._optimize.add(z3.PbEq([(one, 1) for one in settings], 1))
            self._optimize.add_soft(settings[0])

    def forbid(self, conflict: Iterable[Allowed]) -> None:
        """From now on at least one of the conditions is not met."""
        self._optimize.add(z3.Not(z3.And([z3.Or([self._settings(knobs, one) for one in allowed]) for knobs, allowed in conflict])))

    def smallest(self) -> tuple[int, ...] | None:
        """The settings with fewest changes that disagree with all conflicts; None if there are none.
        Raises verify.symbolic.clock.GaveUp at Ctrl-C."""
        if not Clock(None).check(self._optimize):
            return None
        model = self._optimize.model()
        return tuple(next(at for at, one in enumerate(settings) if z3.is_true(model.eval(one, model_completion=True)))
                     for settings in self._is)

    def _settings(self, knobs: Sequence[int], settings: Sequence[int]) -> z3.BoolRef:
        return z3.And([self._is[knob][setting] for knob, setting in zip(knobs, settings, strict=True)])
