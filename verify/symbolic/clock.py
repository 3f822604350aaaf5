"""Time limits: of encoding, which asks the clock now and then, and of the solver, which is told how long it may think."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol

import z3

from verify.query import INTERRUPTED, TIME_LIMIT

NEARLY = 0.05  # seconds by which z3's clock may be ahead


class GaveUp(Exception):
    """No answer; the text is the reason."""


class Ended(Protocol):
    """What an engine hands back: what stopped it before its end, or "", and the seconds it took."""

    why: str
    seconds: float


class Clock:
    """Seconds since it was made, and how many are left of a limit (None: no limit)."""

    def __init__(self, limit: float | None) -> None:
        self.begun, self.limit = perf_counter(), limit

    @property
    def seconds(self) -> float:
        return perf_counter() - self.begun

    @contextmanager
    def timing(self, found: Ended) -> Iterator[None]:
        """Too little time and Ctrl-C end the block; what was found so far stays, with the reason."""
        try:
            yield
        except GaveUp as reason:
            found.why = str(reason)
        except KeyboardInterrupt:
            found.why = INTERRUPTED
        found.seconds = self.seconds

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
            reason = solver.reason_unknown()
            if reason == "timeout" or (self.limit is not None and self.seconds > self.limit - NEARLY):
                raise GaveUp(TIME_LIMIT)
            # Some of z3's solvers say "canceled" of Ctrl-C and of too little time alike.
            raise GaveUp(INTERRUPTED if reason == "canceled" or "interrupted" in reason else f"z3: {reason}")
        return bool(answer == z3.sat)
