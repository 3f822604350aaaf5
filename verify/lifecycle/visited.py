"""The native search once more, with its states at hand: sets of states, shortest ways between them, stimuli that a state has.

`verify.search` answers questions about steps. The questions here are about states, so they are asked of the packed states
themselves, after or while these are found; stimuli come from the reference interpreter, which walks along the parents.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.system import State, System
from verify.lifecycle.situation import Situation
from verify.native import NOBODY, Space
from verify.query import INTERRUPTED, TIME_LIMIT, EngineDisagreement, Progress, between, text_of
from verify.search import out_of_memory
from verify.step import Stimulus, successors

BATCH = 200_000  # attempted stimuli between two looks at the clock
TUNE_AFTER = 1.0  # seconds of exploring after which better code is worth compiling

Watch = Callable[[Progress], None] | None


class _Again(Space):
    """A space whose code, once compiled, serves several searches."""

    def begin(self, first: NDArray[np.uint64]) -> None:
        """Forget everything and begin in these packed states. Raises MemoryError."""
        for name in ("count", "attempts", "transitions", "rejected", "full"):
            self[name] = 0
        self._table[:] = 0
        if len(first) + self.room > self["capacity"] and not self._resize(len(first) + self.room):
            raise MemoryError
        self.states[:len(first)], self.parents[:len(first)] = first, NOBODY
        self["count"] = len(first)
        self._fill()

    def leads_on(self, words: NDArray[np.uint64]) -> tuple[bool, bool]:
        """Does some stimulus lead from this state to another one? Is one disabled only for want of room on the wire?"""
        self.begin(words[np.newaxis])
        self.expand(0, 1, BATCH)
        return self.count > 1, self["full"] > 0


class Searches:
    """Searches of one system, one after the other.

    memory: GiB that one search may use; timeout: seconds; progress: told how far a search has come.
    """

    def __init__(self, system: System, memory: float = 2.0, timeout: float | None = None, progress: Watch = None) -> None:
        self.system, self.memory, self.timeout, self.progress = system, memory, timeout, progress
        self.initial: NDArray[np.uint64] | None = None
        self._free: list[_Again] = []

    def space(self) -> _Again:
        """Compiled code with an empty space. Raises MemoryError."""
        if self._free:
            return self._free.pop()
        space = _Again(self.system, (), int(self.memory * 2**30))
        if self.initial is None:
            self.initial = np.array(space.states[:space.count])
        return space

    def visit(self, *, avoid: Situation | None = None, until: Situation | None = None,
              first: NDArray[np.uint64] | None = None) -> Visited:
        """Search; see `Visited`."""
        return Visited(self, avoid, until, first)

    def release(self, space: _Again) -> None:
        """Nobody looks at the states in there any more: another search may use it."""
        self._free.append(space)


class Visited:
    """The states of a system that have been found, in breadth-first order.

    `why`: what stopped it before the end; empty where every state was visited that can be reached without passing `avoid` (a state
    of `avoid` is found, but not left), or where `until` was found. Where `until` is given, `found` is the number of a nearest such
    state, or None. `first`: packed states to begin in, instead of the initial ones.
    Raises ModelError where the model reaches the impossible.
    """

    def __init__(self, searches: Searches, avoid: Situation | None, until: Situation | None, first: NDArray[np.uint64] | None) -> None:
        self.searches, self.system, self.avoid, self.until = searches, searches.system, avoid, until
        self.begun = perf_counter()
        self.why, self.at, self.level = "", 0, 0
        self.found: int | None = None
        self.space = searches.space()
        self._place = {one.slot: one for one in self.space.layout.fields}
        try:
            assert searches.initial is not None
            self.space.begin(searches.initial if first is None else first)
            self._run()
        except KeyboardInterrupt:
            self.why = INTERRUPTED
        except MemoryError:
            self.why = out_of_memory(searches.memory)
        self.seconds = perf_counter() - self.begun
        self.states, self.transitions = self.space.count, self.space["transitions"]

    def release(self) -> None:
        """Nobody looks at the states any more; their number, and what stopped the search, stay."""
        self.searches.release(self.space)

    # -- searching -------------------------------------------------------------------------------

    def _run(self) -> None:
        space, asked = self.space, 0
        while self.found is None and self.at < space.count and not self.why:
            end, self.level = space.count, self.level + 1
            for start, stop in self._open(end):
                self.at = start
                while self.at < stop and not self.why:
                    self._expand(stop)
            if not self.why:
                self.at = end
            self.found, asked = self._first_new(asked), space.count

    def _open(self, end: int) -> list[tuple[int, int]]:
        """The states of the level that ends at `end` which are not to be avoided, as ranges of numbers."""
        if self.avoid is None:
            return [(self.at, end)]
        start = self.at
        free = np.concatenate(([False], ~self._among(self.avoid, start, end), [False]))
        edges = np.flatnonzero(free[1:] != free[:-1]) + start
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def _first_new(self, start: int) -> int | None:
        if self.until is None:
            return None
        new = np.flatnonzero(self._among(self.until, start, self.space.count))
        return int(new[0]) + start if len(new) else None

    def _expand(self, stop: int) -> None:
        space = self.space
        if space.full and not space.grow():
            raise MemoryError
        self.at = space.expand(self.at, stop, BATCH)
        if space["failed"]:
            self._impossible()
        self._watch()

    def _watch(self) -> None:
        """Tell how far it has come, and see whether the time is over."""
        space, seconds = self.space, perf_counter() - self.begun
        if self.searches.progress is not None:
            self.searches.progress(Progress(space.count, space.count - self.at, self.level, space["transitions"], seconds))
        if self.searches.timeout is not None and seconds > self.searches.timeout and not self.why:
            self.why = TIME_LIMIT
        if seconds > TUNE_AFTER:
            space.tune()

    def _impossible(self) -> None:
        state = self.state(self.at)
        for _ in successors(self.system, state):
            pass
        raise EngineDisagreement(f"{self.system.name}: native code reached a row that is impossible, or found no row, from\n"
                                 f"{text_of(self.system, state)}\nThe interpreter finds nothing wrong there.")

    def ends(self) -> tuple[list[int], list[int]]:
        """The states that no stimulus leads out of, by number; apart from them those where one is disabled only for want of room
        on the wire. `why` says what cut it short."""
        parents = np.zeros(self.states, np.bool_)
        known = self.space.parents[:self.states]
        parents[known[known != NOBODY]] = True
        ends: list[int] = []
        full: list[int] = []
        try:
            lens = self.searches.space()
            for count, number in enumerate(np.flatnonzero(~parents).tolist()):
                on, blocked = lens.leads_on(self.space.states[number])
                if not on:
                    (full if blocked else ends).append(number)
                if count % 10_000 == 0:
                    self._watch()
                if self.why:
                    break
            self.searches.release(lens)
        except KeyboardInterrupt:
            self.why = INTERRUPTED
        return ends, full

    # -- reading ---------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Was everything visited that was asked for?"""
        return not self.why or self.found is not None

    def column(self, slot: int, start: int = 0, end: int | None = None) -> NDArray[np.int64]:
        """The codes of a variable in the states numbered from `start` up to `end`."""
        end = self.states if end is None else end
        field = self._place.get(slot)
        if field is None:
            return np.full(end - start, self.space.layout.constants[slot], np.int64)
        words: Any = self.space.states[start:end, field.word]
        codes = (words >> np.uint64(field.shift)) & np.uint64((1 << field.width) - 1)
        return np.asarray(codes, np.int64) + field.low

    def _among(self, wanted: Situation, start: int, end: int) -> NDArray[np.bool_]:
        return np.broadcast_to(wanted.among(lambda slot: self.column(slot, start, end)), (end - start,))

    def numbers(self, wanted: Situation) -> NDArray[np.int64]:
        """The numbers of the states in a situation."""
        return np.flatnonzero(self._among(wanted, 0, self.space.count))

    def packed(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """These states as they are held, to begin another search of the same system in."""
        return np.array(self.space.states[numbers], np.uint64)

    def state(self, number: int) -> State:
        return self.space.state(number)

    def way(self, number: int) -> tuple[State, tuple[Stimulus, ...]]:
        """A shortest way to a state: where it begins, and the stimuli. Raises EngineDisagreement."""
        states = [self.space.state(one) for one in self.space.path(number)]
        return states[0], tuple(between(self.system, before, after) for before, after in pairwise(states))

    def origin(self, number: int) -> int:
        """The number of the state that a shortest way to this one begins in."""
        return self.space.path(number)[0]
