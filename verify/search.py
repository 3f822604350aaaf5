"""Exhaustive search: every reachable state of a system, breadth first, in machine code generated from its tables.

The search answers queries ("the first transition where this is true") with shortest witnesses and counts states, transitions
and firings. It compares full states, so `complete` means that every reachable state was visited. Natively only the
number of the state before the hit is found; the stimuli come from the reference interpreter, which walks from state to
state along the parents. A witness is thus replayed before anybody sees it, and depends on the system alone: of the
shortest ones it is the first in the order of `verify.step.stimuli`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

import numpy as np

from model.system import State, System
from model.table import Row
from verify.native import Space
from verify.query import (
    INTERRUPTED,
    TIME_LIMIT,
    EngineDisagreement,
    Hit,
    Progress,
    Query,
    allowed,
    between,
    check_names,
    text_of,
    true_at,
)
from verify.reference import Counts
from verify.step import Outcome, Stimulus, successors

EVERY_ROW_FIRED = "every row fired"
CHUNK = 0.05  # seconds of native work between two looks at the clock and the keyboard
FIRST_BUDGET = 2_000
TUNE_AFTER = 1.0  # seconds of exploring after which better code is worth compiling


@dataclass
class Result:
    """What a search found.

    counts: as `verify.reference.explore` counts; where the search is not complete, so far.
    full: stimuli disabled only for want of room on the wire. complete: every reachable state was visited; otherwise `why` says
    what stopped it. hits: for each query its witness, or None: no transition visited makes it true. lengths: the
    length of a shortest witness, or None.
    seconds: all of it, compile_seconds (analysis, code generation and compilation) included. words: 64-bit words a state;
    bytes: bytes a state with its parent and its entry in the table, without the room they leave to grow.
    """

    counts: Counts = field(default_factory=Counts)
    full: int = 0
    complete: bool = False
    why: str = ""
    hits: dict[str, Hit | None] = field(default_factory=dict)
    lengths: dict[str, int | None] = field(default_factory=dict)
    seconds: float = 0.0
    compile_seconds: float = 0.0
    words: int = 0
    bytes: int = 0


def search(system: System, queries: Sequence[Query] = (), *, memory_gib: float = 2.0, timeout: float | None = None,
           progress: Callable[[Progress], None] | None = None, stop_when_all_hit: bool = False, stop_when_fired: str = "") -> Result:
    """Visit every reachable state, or as many as memory (GiB for states, parents and table) and time (seconds) allow.

    Ctrl-C, too little memory and too little time end the search with what was found so far. `stop_when_all_hit` ends it after
    the state in which the last query was hit, `stop_when_fired` after the state in which the last row of that table that may
    fire (`Table.firing`) first did. Raises ModelError where the model reaches the impossible (the text is the interpreter's) and
    EngineDisagreement where the engines differ.
    """
    check_names(queries)
    begun = perf_counter()
    result = _nothing(queries)
    try:
        rows = [number for number, (one, row) in enumerate(system.rows)
                if one.table.name == stop_when_fired and row in one.table.firing]
        space = Space(system, queries, int(memory_gib * 2**30), stop_when_all_hit=stop_when_all_hit, rows=rows)
    except (MemoryError, KeyboardInterrupt) as error:
        result.why = out_of_memory(memory_gib) if isinstance(error, MemoryError) else INTERRUPTED
        result.seconds = perf_counter() - begun
        return result
    result.compile_seconds = perf_counter() - begun
    return _completed(space, result, queries, begun, memory_gib, timeout, progress)


def search_row(system: System, scope: str, row: Row, *, memory_gib: float = 2.0, timeout: float | None = None,
               progress: Callable[[Progress], None] | None = None) -> Result:
    """Look for a step in which this row fires at this place, as the hit of a query that is called `row.key`, and stop there.

    Where it is not complete and nothing was hit, `why` says what stopped it. Raises what `search` does.
    """
    begun = perf_counter()
    result = Result(hits={row.key: None}, lengths={row.key: None})
    number = next(at for at, (one, line) in enumerate(system.rows) if one.scope == scope and line is row)
    try:
        space = Space(system, (), int(memory_gib * 2**30), rows=[number])
    except (MemoryError, KeyboardInterrupt) as error:
        result.why = out_of_memory(memory_gib) if isinstance(error, MemoryError) else INTERRUPTED
        result.seconds = perf_counter() - begun
        return result
    walk = _Walk(space, begun, timeout, progress)
    result.why, result.counts = _walked(walk, memory_gib)
    if result.why == EVERY_ROW_FIRED:
        result.hits[row.key] = _fires(space, walk.at - 1, scope, row)
        result.lengths[row.key] = len(space.path(walk.at - 1))
    result.complete, result.full, result.seconds = not result.why, space["full"], perf_counter() - begun
    return result


def _fires(space: Space, number: int, scope: str, row: Row) -> Hit:
    """The witness of a row that first fires in a step from this state."""
    states = [space.state(one) for one in space.path(number)]
    for stimulus, outcome in allowed(space.system, states[-1]):
        if any(one.row is row and one.scope == scope for one in outcome.fired):
            return Hit(row.key, scope, len(states), (*_stimuli(space.system, states), stimulus), states[0])
    raise EngineDisagreement(f"{space.system.name}: native code says that {row.key} fires at {scope}, the interpreter finds no such step, "
                             f"from\n{text_of(space.system, states[-1])}")


def _stimuli(system: System, states: Sequence[State]) -> tuple[Stimulus, ...]:
    """The stimuli that lead from each of these states to the next."""
    return tuple(between(system, before, after) for before, after in pairwise(states))


class Family:
    """Systems that differ in their initial states alone, searched one after another by one piece of code, compiled once; with all
    optimisations if `tuned`, which takes seconds and is worth it for many searches, or large ones. What `search` says of each by itself
    (`Result.words`, `bytes` and the two times aside) is said of it here.

    `system`: its initial states span the family: together they have, for each variable, every value that it has in an initial state of
    any member. Raises ModelError as `search` does, MemoryError where not even these states fit.
    """

    def __init__(self, system: System, queries: Sequence[Query] = (), *, memory_gib: float = 2.0, tuned: bool = True) -> None:
        check_names(queries)
        self.queries, self._memory = tuple(queries), memory_gib
        self._space = Space(system, queries, int(memory_gib * 2**30))
        if tuned:
            self._space.tune(wait=True)

    def search(self, initial: Sequence[State], *, asked: Sequence[str] | None = None, timeout: float | None = None,
               progress: Callable[[Progress], None] | None = None) -> Result:
        """`search` of the member that starts in these states. `asked`: names of the queries whose witness is made (all if None);
        of the others `Result.lengths` still says how long theirs is. Raises ModelError for a state the family does not span."""
        begun = perf_counter()
        result = _nothing(self.queries)
        try:
            self._space.restart(initial)
        except MemoryError:
            result.why, result.seconds = out_of_memory(self._memory), perf_counter() - begun
            return result
        return _completed(self._space, result, self.queries, begun, self._memory, timeout, progress, asked)

    def digest(self, apart: int) -> str:
        """A fingerprint of the set of states that the last search found, but for the variable at this position in a state."""
        space = self._space
        states = space.states[:space.count].copy()
        for one in space.layout.fields:
            if one.slot == apart:
                states[:, one.word] &= np.uint64(~(((1 << one.width) - 1) << one.shift) & 0xFFFF_FFFF_FFFF_FFFF)
        order = np.lexsort(states.T)
        return hashlib.sha256(states[order].tobytes()).hexdigest()[:16]


def _completed(space: Space, result: Result, queries: Sequence[Query], begun: float, memory_gib: float, timeout: float | None,
               progress: Callable[[Progress], None] | None, asked: Sequence[str] | None = None) -> Result:
    """The result, completed by exploring the space from its initial states."""
    result.why, result.counts = explored(space, begun, memory_gib, timeout, progress)
    result.complete = not result.why
    result.full, result.words = space["full"], space.layout.words
    result.bytes = 8 * space.layout.words + 8
    for number, query in enumerate(queries):
        found = int(space.hit[number])
        result.lengths[query.name] = None if found == -1 else len(space.path(found)) if found >= 0 else 0
        if asked is None or query.name in asked:
            result.hits[query.name] = _hit(space, query, found)
    result.seconds = perf_counter() - begun
    return result


def _nothing(queries: Sequence[Query]) -> Result:
    """No query hit yet."""
    return Result(hits={query.name: None for query in queries}, lengths={query.name: None for query in queries})


def explored(space: Space, begun: float, memory_gib: float, timeout: float | None,
             progress: Callable[[Progress], None] | None) -> tuple[str, Counts]:
    """Explore a space to its end, "", or as far as it goes, the reason. `begun`: when the clock for the timeout started. Raises what
    `search` does."""
    return _walked(_Walk(space, begun, timeout, progress), memory_gib)


def _walked(walk: _Walk, memory_gib: float) -> tuple[str, Counts]:
    """`explored` by this walk, which then says how far it came."""
    try:
        why = walk.run() or ""
    except KeyboardInterrupt:
        why = INTERRUPTED
    except MemoryError:
        why = out_of_memory(memory_gib)
    if walk.space["failed"]:
        _impossible(walk.space, walk.at)
    return why, _counts(walk.space, walk.level)


def out_of_memory(memory_gib: float) -> str:
    """Why a search ended that may not use more."""
    return f"memory limit of {memory_gib:g} GiB reached"


class _Walk:
    """Level after level, in short native calls."""

    def __init__(self, space: Space, begun: float, timeout: float | None, progress: Callable[[Progress], None] | None) -> None:
        self.space, self.begun, self.timeout, self.progress = space, begun, timeout, progress
        self.at, self.level = 0, 0

    def run(self) -> str | None:
        """Explore to the end, None, or as far as it goes, the reason. Raises MemoryError, KeyboardInterrupt."""
        space, budget, end, exploring = self.space, FIRST_BUDGET, 0, perf_counter()
        while True:
            if self.at == end == space.count:
                return None
            if space.all_hit:
                return "every query hit"
            if space.all_fired:
                return EVERY_ROW_FIRED
            if self.at == end:
                end, self.level = space.count, self.level + 1
            if space.full and not space.grow(self.report):
                raise MemoryError
            start = perf_counter()
            self.at = space.expand(self.at, end, budget)
            if space["failed"]:
                return None
            now = perf_counter()
            if space["attempts"] >= budget:
                # As much as the last call would have managed in the time, but growing slowly: states differ.
                budget = max(FIRST_BUDGET, min(4 * budget, int(budget * CHUNK / max(now - start, 1e-6))))
            self.report()
            if self.timeout is not None and now - self.begun > self.timeout and self.at < space.count:
                return TIME_LIMIT
            if now - exploring > TUNE_AFTER:
                space.tune()

    def report(self) -> None:
        if self.progress is not None:
            space, seconds = self.space, perf_counter() - self.begun
            self.progress(Progress(space.count, space.count - self.at, self.level, space["transitions"], seconds))


def _counts(space: Space, levels: int) -> Counts:
    counts = Counts(distinct=space.count, transitions=space["transitions"], rejected=space["rejected"], levels=levels,
                    initial=len(space.initial))
    for (one, row), times in zip(space.system.rows, space.rows.tolist(), strict=False):
        if times:
            counts.fired[(one.scope, one.table.name, row.key)] = times
    return counts


def _impossible(space: Space, number: int) -> None:
    """Let the interpreter say what is wrong with the model."""
    state = space.state(number)
    for _ in successors(space.system, state):
        pass
    raise EngineDisagreement(f"{space.system.name}: native code reached a row that is impossible, or found no row, from\n"
                             f"{text_of(space.system, state)}\nThe interpreter finds nothing wrong there.")


def _hit(space: Space, query: Query, found: int) -> Hit | None:
    """The witness of a query, made by the interpreter along the parents of the state in which the native search hit it."""
    if found == -1:
        return None
    if found < -1:
        initial = space.state(-2 - found)
        scope = true_at(space.system, query, Outcome(initial, initial, (), ()))
        if scope is None:
            raise EngineDisagreement(f"{space.system.name}: native code says that {query.name} is true, the interpreter that it "
                                     f"is false, in the initial state\n{text_of(space.system, initial)}")
        return Hit(query.name, scope, 0, (), initial)
    states = [space.state(number) for number in space.path(found)]
    for stimulus, outcome in allowed(space.system, states[-1]):
        scope = true_at(space.system, query, outcome)
        if scope is not None:
            return Hit(query.name, scope, len(states), (*_stimuli(space.system, states), stimulus), states[0])
    raise EngineDisagreement(f"{space.system.name}: native code says that a step makes {query.name} true, the interpreter finds "
                             f"none, from\n{text_of(space.system, states[-1])}")
