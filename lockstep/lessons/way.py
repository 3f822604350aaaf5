"""Can the situation of a task still be reached, and how? Asked of a search from where the reader stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from lockstep.lessons.lesson import Task
from lockstep.lessons.standing import outcomes
from model.system import State
from verify.search import Family
from verify.step import Stimulus

MEMORY, SECONDS = 0.5, 10.0  # GiB and seconds of one search; the tasks' take a fraction of either


@dataclass(frozen=True)
class Way:
    """A shortest way to the situation. stimuli: None, there is none. why: why that is not known ("" where it is). lost: the first step
    of the path from which on there is none (0: from its start)."""

    stimuli: tuple[Stimulus, ...] | None
    why: str = ""
    lost: int | None = None


class Ways:
    """The ways of one task: one system, compiled once, searched from wherever the reader is. Raises MemoryError, ModelError."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._family = Family(task.system, [task.query], memory_gib=MEMORY, tuned=False)
        self._lock = Lock()  # the compiled code has one memory

    def _reachable(self, state: State) -> bool | None:
        """Can it be reached from a state? None: not known."""
        with self._lock:
            result = self._family.search([state], asked=(), timeout=SECONDS)
        length = result.lengths[self.task.query.name]
        return True if length is not None else False if result.complete else None

    def from_state(self, state: State) -> Way:
        """A shortest way from a state."""
        with self._lock:
            result = self._family.search([state], timeout=SECONDS)
        hit = result.hits[self.task.query.name]
        return Way(None if hit is None else hit.stimuli, "" if hit is not None or result.complete else result.why)

    def after(self, stimuli: Sequence[Stimulus]) -> Way:
        """A shortest way from the end of a path. Where there is none, the step that shut the door: what can't be reached stays so, so that
        it is found by halving."""
        states = [self.task.system.initial[0], *(outcome.after for outcome in outcomes(self.task, stimuli))]
        here = self.from_state(states[-1])
        if here.stimuli is not None or here.why:
            return here
        low, high = -1, len(states) - 1  # reachable after step low (before the start: unknown), not after step high
        while high - low > 1:
            middle = (low + high) // 2
            there = self._reachable(states[middle])
            if there is None:
                break
            low, high = (middle, high) if there else (low, middle)
        return Way(None, lost=high)


@lru_cache(maxsize=4)
def ways(task: Task) -> Ways:
    """`Ways` of the tasks that were asked about last."""
    return Ways(task)
