"""Time limits: of encoding, which asks the clock now and then, and of the solver, which is told how long it may think."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import z3

TIME_LIMIT = "time limit"
INTERRUPTED = "interrupted"


class GaveUp(Exception):
    """No answer; the text is the reason."""


class Clock:
    """Seconds since it was made, and how many are left of a limit (None: no limit)."""

    def __init__(self, limit: float | None) -> None:
        self.begun, self.limit = perf_counter(), limit

    @property
    def seconds(self) -> float:
        return perf_counter() - self.begun

    def tick(self) -> None:
        """Raises GaveUp where the time is up."""
        if self.limit is not None and self.seconds >= self.limit:
            raise GaveUp(TIME_LIMIT)

    def check(self, solver: Any, *assumptions: Any) -> bool:
        """Is what the solver was told satisfiable, with these? Raises GaveUp where it cannot say in time."""
        self.tick()
        if self.limit is not None:
            solver.set("timeout", max(1, int(1000 * (self.limit - self.seconds))))
        answer = solver.check(*assumptions)
        if answer == z3.unknown:
            self.tick()
            reason = solver.reason_unknown()
            raise GaveUp(INTERRUPTED if "interrupted" in reason else TIME_LIMIT if reason in ("timeout", "canceled") else f"z3: {reason}")
        return bool(answer == z3.sat)
