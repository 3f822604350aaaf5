"""Every combination of some readings, each end's by itself: which claims break under which.

Readings never change in a run, so all combinations are one system that starts in different states. Code is made once, general in the
readings that are varied, and searches one combination after another (`verify.search.Family`). A witness is made by the interpreter, as
always, and kept as a few numbers: of each step its place in `verify.step.stimuli`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod

import numpy as np
from numpy.typing import NDArray

from lockstep.api import check_limits
from lockstep.choice import UsageError, check_possible, check_read, claims_asked, parse, readings
from lockstep.implicants import implicants
from lockstep.jobs import UNTESTED, Job, Limits, question
from lockstep.pool import Report, Watch, run_each
from lockstep.report import AS_EXPECTED, NOT_DECIDED
from model.expr import ModelError, show
from model.readings import READINGS, impossible
from model.slices import bounds_of
from model.system import State, System
from model.trace import Trace
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from traces.replay import NotARun, replay
from verify.query import INTERRUPTED, Hit
from verify.search import Family
from verify.step import Disabled, step, stimuli


@dataclass(frozen=True)
class Default:
    """A slice's sweep where nobody says. swept: readings that decide claims of the slice. bounds: other than the slice's, so that all of it
    takes a minute or two on two cores. without: claims that nothing within these bounds puts to the test; they are not judged."""

    swept: tuple[str, ...]
    bounds: Mapping[str, int]
    without: tuple[str, ...] = ()


# after_del=acquire and unmarked_del=renegotiate let SAs come back, which makes millions of states of some ten thousand.
DEFAULT = {
    "teardown": Default(("del_trigger", "after_del=bypass/discard", "confirm=any_del/bound_only", "peer_del", "expiry",
                         "p1_delete=last_bgp_session/never"), {"copies": 0, "attacks": 0}, ("accepted-is-authentic", "no-replay")),
    "opening": Default(("listener_rule", "check_at", "commit"), {"losses": 0, "datagrams": 1}),
    "rekey": Default(("del_trigger", "unmarked_del=ignore/event18", "bind", "redundant"), {"losses": 0, "segments": 1, "datagrams": 1}),
    "phase1": Default(("p1_cascade", "p1_delete=last_bgp_session/never", "p1_count", "ic"), {"losses": 0, "segments": 1}),
    "restart": Default(("del_trigger", "peer_del", "hold"), {}),
    "collision": Default(("session_id", "gr", "p1_delete=never"), {}),
    "attacker": Default(("check_at", "listener_rule", "naive", "icmp_policy", "A:psk=group_aggressive/per_peer", "A:neighbour_id"),
                        {"copies": 0, "attacks": 1, "segments": 2}, ("no-replay",)),
}
MOST = 100_000  # combinations
LOOKED_AT = "any step"
NOT_TESTED = UNTESTED.format(LOOKED_AT)


@dataclass(frozen=True)
class Axis:
    """A reading that is varied: its name, "A:key", or "key" for what both ends share, and the values it takes."""

    name: str
    values: tuple[str, ...]

    @property
    def source(self) -> str:
        """Where the text leaves it open."""
        return READINGS[self.name.rpartition(":")[2]].source


@dataclass(frozen=True)
class Sweep:
    """What is swept: a base, with all the claims to judge, and what is varied. Combinations are numbered, the last axis fastest."""

    job: Job
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def combination(self, number: int) -> dict[str, str]:
        """The values of what is varied, by name."""
        places = np.unravel_index(number, self.shape)
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}

    def member(self, number: int) -> Job:
        """One combination as a job of its own."""
        return replace(self.job, overrides={**self.job.overrides, **self.combination(number)})


@dataclass(frozen=True)
class Cell:
    """One claim under one combination. reason: why it is undecided. Of a witness: the end where the claim breaks, the number of the
    initial state it starts in, and for each step the place of its stimulus in `verify.step.stimuli`."""

    verdict: str
    reason: str = ""
    end: str = ""
    start: int = 0
    way: tuple[int, ...] = ()

    @property
    def length(self) -> int | None:
        return len(self.way) if self.verdict == VIOLATED else None


@dataclass(frozen=True)
class Searched:
    """One combination: counts, seconds, and a cell for each claim of the sweep, in its order. `why`: what stopped the search."""

    number: int
    states: int
    transitions: int
    depth: int
    seconds: float
    why: str
    cells: tuple[Cell, ...]


def plan(slice_name: str, swept: Iterable[str] = (), *, preset: str = "draft", texts: Iterable[str] = (), properties: Sequence[str] = (),
         bounds: Mapping[str, int] | None = None, limits: Limits | None = None) -> Sweep:
    """What to sweep. swept: readings as ``"[A:|B:]KEY[=VALUE/VALUE...]"``, both ends where none is named; none: `DEFAULT`. texts: readings
    other than the preset's. bounds: other than the default sweep's. Raises UsageError for whatever does not exist."""
    limits = limits or Limits()
    check_limits(limits)
    claims = claims_asked(slice_name, properties)
    default = DEFAULT[slice_name]
    overrides, axes = parse(texts), axes_of(swept or default.swept)
    twice = sorted(set(overrides) & {axis.name for axis in axes})
    if twice:
        raise UsageError(f"reading {twice[0]!r}: both swept and fixed; leave one out")
    try:
        judged = tuple(name for name in claims if properties or bounds or name not in default.without)
        job = Job(slice_name, preset, overrides, judged, bounds=bounds_of(slice_name, {**default.bounds, **(bounds or {})}), limits=limits)
    except ModelError as error:
        raise UsageError(str(error)) from None
    sweep = Sweep(job, axes)
    check_read(slice_name, (*overrides, *(axis.name for axis in axes)), question(job).system.readings_read)
    if sweep.size > MOST:
        raise UsageError(f"--sweep: {sweep.size:,} combinations are more than {MOST:,}; name fewer readings or values (KEY=VALUE/VALUE)")
    if not possible(sweep).any():
        check_possible(slice_name, readings(preset, sweep.member(0).overrides))
    return sweep


def axes_of(swept: Iterable[str]) -> tuple[Axis, ...]:
    """What is varied, as written on the command line. Raises UsageError."""
    found: dict[str, tuple[str, ...]] = {}
    for text in swept:
        name, equals, listed = text.partition("=")
        key = name.rpartition(":")[2]
        if key not in READINGS:
            raise UsageError(f"sweep {text!r}: there is no reading {key!r}; there are {', '.join(READINGS)}")
        values = tuple(dict.fromkeys(listed.split("/"))) if equals else READINGS[key].values
        for value in values:
            for one in parse([f"{name}={value}"]):
                if value == values[0] and one in found:
                    raise UsageError(f"sweep {text!r}: {one} is swept twice; leave one out")
                found[one] = values
    return tuple(Axis(name, values) for name, values in sorted(found.items(), key=lambda one: one[0].rpartition(":")[0]))


def possible(sweep: Sweep) -> NDArray[np.bool_]:
    """The combinations under which the slice can start; one axis a reading."""
    base = readings(sweep.job.preset, sweep.job.overrides)
    found = [impossible(sweep.job.slice, {**base, **sweep.combination(number)}) is None for number in range(sweep.size)]
    return np.array(found).reshape(sweep.shape)


def digest(sweep: Sweep) -> str:
    """A fingerprint of all that a cell depends on: model, bounds, base, what is varied, claims."""
    asked = question(sweep.job)
    text = hashlib.sha256(asked.system.digest.encode())
    text.update(repr([(axis.name, axis.values) for axis in sweep.axes]).encode() + possible(sweep).tobytes())
    for query in (*asked.queries, *asked.antecedents):
        text.update(f"{query.name}|{query.scopes}|{show(query.when)}\n".encode())
    return text.hexdigest()[:16]


# -- searching ----------------------------------------------------------------------------------------------------------------------------


class _Searcher:
    """A sweep's code and how to start it under a combination."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep, self.asked = sweep, question(sweep.job)
        self.system = self.asked.system
        # Code is general in each variable by itself, so that every value once is enough; it need not be in every combination. A start that
        # depended on several readings together would be refused.
        spans = [{axis.name: axis.values[min(turn, len(axis.values) - 1)] for axis in sweep.axes} for turn in range(max(sweep.shape))]
        system = self.system.starting([state for one in spans for state in self.initial(one)])
        self.family = Family(system, (*self.asked.queries, *self.asked.antecedents), memory_gib=sweep.job.limits.memory)

    def initial(self, combination: Mapping[str, str]) -> tuple[State, ...]:
        """The initial states of a combination, in the order of its own system."""
        return self.asked.starts({**self.asked.chosen, **combination})

    def search(self, number: int, report: Report) -> Searched:
        asked, initial = self.asked, self.initial(self.sweep.combination(number))
        result = self.family.search(initial, asked=[query.name for query in asked.queries], timeout=self.sweep.job.limits.timeout,
                                    progress=report)
        judged = asked.judgements(result.lengths, result.why, LOOKED_AT, HOLDS)
        cells = []
        for query in asked.queries:
            hit, one = result.hits[query.name], judged[query.name]
            cells.append(Cell(one.verdict, one.reason if one.verdict == UNDECIDED else "") if hit is None else
                         Cell(VIOLATED, "", hit.scope, initial.index(hit.initial), tuple(_places(self.system, hit))))
        return Searched(number, result.counts.distinct, result.counts.transitions, result.counts.levels, result.seconds, result.why,
                        tuple(cells))


def _places(system: System, hit: Hit) -> Iterator[int]:
    state = hit.initial
    for stimulus in hit.stimuli:
        yield next(at for at, one in enumerate(stimuli(system, state)) if one == stimulus)
        state = step(system, state, stimulus).after


_searcher: _Searcher | None = None  # of this process; compiled once


def searched(task: tuple[Sweep, int], report: Report) -> Searched:
    """Search one combination. Ctrl-C, time and memory end it with what was found."""
    global _searcher
    sweep, number = task
    if _searcher is None or _searcher.sweep != sweep:
        _searcher = _Searcher(sweep)
    return _searcher.search(number, report)


def search_all(sweep: Sweep, known: Collection[int], workers: int, watch: Watch | None = None) -> Iterator[Searched]:
    """Every possible combination that is not known yet, as the searches end. Ctrl-C skips the rest; nothing is raised for it."""
    todo = [int(number) for number in np.flatnonzero(possible(sweep)) if number not in known]
    for _, one in run_each(searched, [(sweep, number) for number in todo], workers, watch):
        if one.why != INTERRUPTED:
            yield one


def witness(sweep: Sweep, one: Searched, claim: str) -> Trace:
    """The kept witness of a claim under a combination as a trace, replayed. Raises UsageError where what was kept is no such run."""
    cell = one.cells[sweep.job.properties.index(claim)]
    asked = question(replace(sweep.member(one.number), properties=(claim,)))
    try:
        initial = state = asked.system.initial[cell.start]
        way = []
        for at in cell.way:
            way.append(next(islice(stimuli(asked.system, state), at, None)))
            state = step(asked.system, state, way[-1]).after
        trace = asked.trace(Hit(claim, cell.end, len(way), tuple(way), initial))
        replay(trace)
    except (IndexError, StopIteration, Disabled, NotARun):
        raise UsageError(f"what was kept of combination {one.number} does not break {claim}: the file was changed; search again with "
                         "--fresh") from None
    return trace


# -- what came of it ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conflict:
    """Readings under which a claim breaks whatever the others that are varied are, and no part of which suffices for that.

    combinations: how many agree with it. shown: the one that shows it: of those that agree with as few other sets as can be, so that
    the breach is this set's, the first of those with the shortest witness.
    """

    readings: Mapping[str, str]
    combinations: int
    shown: Searched


class Swept:
    """What a sweep found. `by_number`: combinations searched; `missing`: possible ones that were not."""

    def __init__(self, sweep: Sweep, found: Iterable[Searched]) -> None:
        self.sweep, self.possible = sweep, possible(sweep)
        self.by_number = {one.number: one for one in sorted(found, key=lambda one: one.number)}
        self.missing = int(self.possible.sum()) - len(self.by_number)
        self.stopped = [one for one in self.by_number.values() if one.why]

    def cells(self, claim: str) -> Iterator[tuple[Searched, Cell]]:
        """A claim's cells, by number."""
        at = self.sweep.job.properties.index(claim)
        for one in self.by_number.values():
            yield one, one.cells[at]

    def where(self, claim: str, verdict: str, reason: str | None = None) -> NDArray[np.bool_]:
        """The combinations with this verdict, and this reason where one is given; one axis a reading."""
        found = np.zeros(self.sweep.size, bool)
        found[[one.number for one, cell in self.cells(claim) if cell.verdict == verdict and reason in (None, cell.reason)]] = True
        return found.reshape(self.sweep.shape)

    def untested(self, claim: str) -> NDArray[np.bool_]:
        """The combinations that did not put the claim to the test; one axis a reading."""
        return self.where(claim, UNDECIDED, NOT_TESTED)

    @property
    def decided(self) -> bool:
        """Was everything searched to its end, and every claim judged in it?"""
        cells = (cell for one in self.by_number.values() for cell in one.cells)
        return not (self.missing or self.stopped or any(cell.verdict == UNDECIDED for cell in cells))

    def lengths(self, claim: str) -> NDArray[np.int64]:
        """The lengths of the shortest witnesses, -1 where there is none; one axis a reading."""
        found = np.full(self.sweep.size, -1)
        for one, cell in self.cells(claim):
            found[one.number] = -1 if cell.length is None else cell.length
        return found.reshape(self.sweep.shape)

    def conflicts(self, claim: str) -> list[Conflict]:
        """The minimal sets of readings that break the claim, fewest readings first. Nothing is said before all was searched."""
        if self.missing:
            return []
        lengths = self.lengths(claim)
        sets = implicants(lengths >= 0, self.possible)
        agree = [self._agree(given) for given in sets]
        covers = np.sum(agree, axis=0, dtype=int)
        found = []
        for given, where in zip(sets, agree, strict=True):
            numbers = np.flatnonzero(where)
            shown = min(numbers, key=lambda number: (covers.flat[number], lengths.flat[number], number))
            found.append(Conflict(self._named(given), len(numbers), self.by_number[int(shown)]))
        return found

    def guarantees(self, claim: str) -> list[dict[str, str]]:
        """The minimal sets of readings under which it holds whatever the others that are varied are."""
        return self.sets(self.where(claim, HOLDS))

    def sets(self, where: NDArray[np.bool_]) -> list[dict[str, str]]:
        """The minimal sets of readings that lead into these combinations, whatever the others that are varied are."""
        return [] if self.missing else [self._named(given) for given in implicants(where, self.possible)]

    def _named(self, given: Mapping[int, int]) -> dict[str, str]:
        return {self.sweep.axes[axis].name: self.sweep.axes[axis].values[place] for axis, place in given.items()}

    def _agree(self, given: Mapping[int, int]) -> NDArray[np.bool_]:
        """The possible combinations that a set of readings leaves."""
        found = np.zeros(self.sweep.shape, bool)
        found[tuple(given.get(axis, slice(None)) for axis in range(len(self.sweep.axes)))] = True
        return found & self.possible


@dataclass(frozen=True)
class Share:
    """A claim where one reading has one value, whatever the others that are varied are: of `searched` combinations it breaks in `violated`
    and was not put to the test in `untested`. shown: the first of those with the shortest witness, of `length` steps."""

    claim: str
    reading: str
    value: str
    searched: int
    violated: int
    untested: int
    length: int | None
    shown: Searched | None


def shares(swept: Swept, claim: str) -> dict[tuple[str, str], Share]:
    """A claim's, by reading and value."""
    lengths, untested = swept.lengths(claim), swept.untested(claim)
    numbers = np.arange(swept.sweep.size).reshape(swept.sweep.shape)
    searched = np.isin(numbers, list(swept.by_number))
    found = {}
    for at, axis in enumerate(swept.sweep.axes):
        for place, value in enumerate(axis.values):
            of, steps = numbers.take(place, at).ravel(), lengths.take(place, at).ravel()
            of, steps = of[steps >= 0], steps[steps >= 0]
            shown = int(np.argmin(steps)) if len(of) else None
            found[axis.name, value] = Share(
                claim, axis.name, value, int(searched.take(place, at).sum()), len(of), int(untested.take(place, at).sum()),
                None if shown is None else int(steps[shown]), None if shown is None else swept.by_number[int(of[shown])])
    return found


def exit_status(swept: Swept) -> int:
    """0 where every claim was judged under every combination, else 3."""
    return AS_EXPECTED if swept.decided else NOT_DECIDED
