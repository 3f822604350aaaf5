"""Smallest repairs: the fewest changed readings under which every claim asked for holds, each proved by exhaustive search.

Implicit hitting sets (Reiter 1987; Davies and Bacchus 2011). A run that breaks a claim depends on few readings: whatever agrees with
it on those breaks the claim too (`verify.depends`). Such conflicts are collected; a candidate is a smallest set of changes that
disagrees with all of them, so no smaller set is a repair; it is searched, and either breaks a claim, which is one more conflict, or
is a repair. Before anything is searched, what broke other candidates is played under this one, which costs milliseconds; then it
is searched at small bounds, where several claims break at once, and last at the bounds asked for. Only the last, complete, says that
a claim holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from lockstep.api import check_limits
from lockstep.choice import UsageError, check_possible, check_read, claims_asked
from lockstep.conflicts import Conflicts, Settings, knobs, size
from lockstep.graceful import Cost, cost
from lockstep.jobs import Job, Limits, Question, question
from lockstep.pool import CtrlC
from model.expr import ModelError, disj
from model.slices import bounds_of, places_of
from model.trace import Trace
from properties import endings
from properties.presets import PRESETS
from verify.query import INTERRUPTED, EngineDisagreement, Hit, Progress, Query
from verify.search import Result, search
from verify.symbolic.clock import GaveUp

PROMISING = "repaired"  # the preset whose promises are what a repair has to keep
ANY = "any of them"
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}
MIDDLE = {"losses": 1, "copies": 0, "attacks": 1, "segments": 1, "datagrams": 1}
VACUOUS_LIMIT = 50  # candidates that keep a claim only by never coming to it; nothing is learned from one about the next


class Verdict(Enum):
    """What becomes of a candidate. VACUOUS: nothing breaks, but something that has to be put to the test is not."""

    REPAIR = "repair"
    BROKEN = "broken"
    VACUOUS = "vacuous"
    OPEN = "undecided"


@dataclass(frozen=True)
class Ending:
    """How the enumeration ended: what stopped it; every smallest repair is known; no combination at all is one."""

    why: str = ""
    complete: bool = False
    nothing: bool = False


@dataclass(frozen=True)
class Trying:
    """How far it is: candidates tried, conflicts known, changes that every repair needs at least, repairs found; the bounds at which
    a candidate is searched now, and how far that search is."""

    candidates: int
    conflicts: int
    at_least: int
    found: int
    bounds: Mapping[str, int]
    search: Progress | None = None


@dataclass(frozen=True)
class Need:
    """Why a change belongs to a repair: with all the others but without this one, `trace` breaks a claim. Not always a shortest one."""

    change: str
    trace: Trace


@dataclass(frozen=True)
class Repair:
    """A smallest repair. changes: as overrides of the base, "A:key" or "key" to the new value; size: how many changes it counts as.
    states, transitions: of the search that proved it. cost: of a close without faults; None where the slice has none. endings: claims about
    endings that the base breaks already, with the steps to a breach that is still there, None where none is. needs: each change
    with what breaks without it."""

    changes: Mapping[str, str]
    size: int
    states: int
    transitions: int
    cost: Cost | None
    endings: Mapping[str, int | None] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Repairs:
    """What was established.

    wanted: the claims that a repair keeps, those about endings that the base keeps included. untested: those of them that a repair need
    not put to the test, because the base or preset `repaired` does not within the bounds. endings: claims about endings that nobody
    asked for and the base breaks, with the steps it takes. base_cost: of a close of the base.
    found: smallest repairs, all of them if `complete`. at_least: no repair has fewer changes. why: what ended the enumeration before
    its end. nothing: no combination of readings (with `symmetric`: of readings that both ends share) keeps all claims wanted;
    impossible: those that none keeps, each for itself. undecided: candidates that the limits kept the search from deciding, with the
    reason. vacuous: how many candidates were turned down only because a claim that has to be put to the test is not, under them.
    """

    slice: str
    preset: str
    overrides: Mapping[str, str]
    bounds: Mapping[str, int]
    symmetric: bool
    wanted: tuple[str, ...]
    untested: tuple[str, ...]
    endings: Mapping[str, int]
    base_cost: Cost | None
    found: tuple[Repair, ...]
    complete: bool
    at_least: int
    why: str
    nothing: bool
    impossible: tuple[str, ...]
    undecided: tuple[tuple[Mapping[str, str], str], ...]
    vacuous: int
    candidates: int
    conflicts: int


def repairs(slice: str, preset: str, overrides: Mapping[str, str], properties: Sequence[str], bounds: Mapping[str, int], *,
            limits: Limits, progress: Callable[[Trying], None] | None = None, symmetric: bool = True, limit: int = 10) -> Repairs:
    """The smallest repairs of a slice, from a preset with overrides ("A:key" -> value).

    properties: the claims to keep; none: what preset `repaired` promises of the slice. The claims about endings that the base keeps are
    kept besides. bounds: other than the slice's. symmetric: a change changes both ends, else one. limit: how many repairs are enough.
    limits: of each search. Ctrl-C ends it with what was established.
    Raises UsageError for what does not exist, EngineDisagreement.
    """
    job = job_of(slice, preset, overrides, properties, bounds, limits)
    if limit < 1:
        raise UsageError(f"limit {limit}: give a whole number from 1 on")
    with CtrlC() as ctrl_c:
        return _Repairing(job, properties or PRESETS[PROMISING].promises, symmetric, progress, ctrl_c).run(limit)


def job_of(slice_name: str, preset: str, overrides: Mapping[str, str], properties: Sequence[str], bounds: Mapping[str, int],
           limits: Limits) -> Job:
    """The base, with all claims that may have to be kept. Raises UsageError."""
    check_limits(limits)
    claims_asked(slice_name, properties)
    asked = properties or PRESETS[PROMISING].promises
    about_endings = [claim.name for claim in endings.CLAIMS]
    try:
        return Job(slice_name, preset, overrides, tuple(name for name in claims_asked(slice_name, ())
                                                        if name in asked or name in about_endings),
                   bounds=bounds_of(slice_name, bounds), limits=limits)
    except ModelError as error:
        raise UsageError(str(error)) from None


def asked_of(job: Job) -> Question:
    """The question of a base. Raises UsageError where an override would change nothing, or does not exist, or keeps the slice from
    starting."""
    asked = question(job)
    check_possible(job.slice, asked.chosen)
    check_read(job.slice, job.overrides, asked.system.readings_read)
    return asked


class _Stopped(Exception):
    """It does not come to its end; the text is the reason."""


class _Repairing:
    """One call: the base, the conflicts known so far, what was found."""

    def __init__(self, job: Job, wanted: Sequence[str], symmetric: bool, progress: Callable[[Trying], None] | None, ctrl_c: CtrlC) -> None:
        self.job, self.symmetric, self.progress, self.ctrl_c = job, symmetric, progress, ctrl_c
        self.unasked = {claim.name for claim in endings.CLAIMS}.difference(wanted)
        self.base = asked_of(job)
        self.knobs = knobs(self.base.system.readings_read, self.base.chosen, symmetric)
        self.conflicts = Conflicts(self.base, (), self.knobs)
        self.wanted: tuple[str, ...] = ()
        self.tested: tuple[str, ...] = ()
        self.endings: dict[str, int] = {}
        self.candidates = self.at_least = self.vacuous = 0
        self.found: list[Repair] = []
        self.undecided: list[tuple[Settings, str]] = []
        self.searching: Mapping[str, int] = job.bounds

    def run(self, limit: int) -> Repairs:
        """Everything. What is known when something ends it is kept."""
        ending = Ending()
        try:
            self.judge_base()
            ending = self.enumerate(limit)
        except (_Stopped, GaveUp) as reason:
            ending = Ending(str(reason))
        impossible = tuple(name for name in self.wanted if self.conflicts.rule_out_all(name)) if ending.nothing else ()
        return Repairs(
            self.job.slice, self.job.preset, self.job.overrides, self.job.bounds, self.symmetric, self.wanted,
            tuple(name for name in self.wanted if name not in self.tested), self.endings, cost(self.job.slice, self.base.chosen),
            tuple(sorted(self.found, key=lambda one: sorted(one.changes.items()))), ending.complete, self.at_least, ending.why,
            ending.nothing, impossible, tuple((self.conflicts.changes(settings), why) for settings, why in self.undecided),
            self.vacuous, self.candidates, len(self.conflicts))

    def judge_base(self) -> None:
        """Which endings the base keeps, and which claims have to be put to the test: those that the base and the preset that promises
        to keep them both do. What only the base does may be what it breaks: plaintext arrives where plaintext leaves."""
        asked = self.base
        result = self.search(asked, (*asked.queries, *asked.antecedents))
        promising = question(replace(self.job, preset=PROMISING, overrides={}))
        reference = self.search(promising, promising.antecedents, stop=True)
        if not result.complete or not (reference.complete or all(reference.hits.values())):
            raise _Stopped(f"the base: {result.why or reference.why}")
        broken = {query.name: hit for query in asked.queries if (hit := result.hits[query.name]) is not None}
        self.endings = {name: hit.length for name, hit in broken.items() if name in self.unasked}
        self.wanted = tuple(name for name in self.job.properties if name not in self.endings)
        self.tested = tuple(name for name, antecedent in zip(self.job.properties, asked.antecedents, strict=True)
                            if name in self.wanted and result.hits[antecedent.name] and reference.hits[antecedent.name])
        self.conflicts = Conflicts(self.base, self.wanted, self.knobs)
        for name in self.wanted:
            if name in broken:
                self.learn(asked, broken[name])

    # -- candidates ------------------------------------------------------------------------------

    def enumerate(self, limit: int) -> Ending:
        """Candidate after candidate, fewest changes first."""
        while True:
            settings = self.conflicts.smallest()
            if self.ctrl_c.pressed:
                raise _Stopped(INTERRUPTED)
            open_ = min((size(one) for one, _ in self.undecided), default=len(self.knobs) + 1)
            if settings is None or (self.found and size(settings) > self.found[0].size):
                self.at_least = min(self.found[0].size if self.found else len(self.knobs) + 1, open_)
                return Ending("", not self.undecided, not (self.found or self.undecided or self.vacuous))
            self.at_least = min(size(settings), open_)
            self.candidates += 1
            self.tell()
            verdict = self.try_out(settings)
            if verdict is Verdict.REPAIR:
                self.conflicts.leave_out_with_more(settings)
                if len(self.found) == limit:
                    return Ending(f"the limit of {limit} is reached")
            elif verdict is not Verdict.BROKEN:
                self.conflicts.leave_out(settings)
            if self.vacuous == VACUOUS_LIMIT:
                return Ending(f"{VACUOUS_LIMIT} candidates keep the claims only because what they speak of never happens within these "
                              "bounds; allow more messages in flight")

    def try_out(self, settings: Settings) -> Verdict:
        """Is it a repair?"""
        changes = self.conflicts.changes(settings)
        asked = self.question(changes)
        if self.conflicts.learn_again(asked.chosen) or self.breaks_small(asked):
            return Verdict.BROKEN
        result = self.search(asked, [any_of(asked)], stop=True)
        if (hit := result.hits[ANY]) is not None:
            if not self.learn(asked, hit):
                raise EngineDisagreement(f"{self.job.slice}: a run that breaks a claim under {changes} depends on readings that are "
                                         "known to break it, and these changes were to disagree with what is known")
            return Verdict.BROKEN
        if not result.complete:
            return self.leave_open(settings, result.why)
        why, vacuous, still = self.look_at_endings(changes)
        if why:
            return self.leave_open(settings, why)
        if vacuous:
            self.vacuous += 1
            return Verdict.VACUOUS
        self.found.append(Repair(changes, size(settings), result.counts.distinct, result.counts.transitions,
                                 cost(self.job.slice, asked.chosen), still, tuple(self.needs(settings))))
        return Verdict.REPAIR

    def leave_open(self, settings: Settings, why: str) -> Verdict:
        self.undecided.append((settings, why))
        if why == INTERRUPTED:
            raise _Stopped(why)
        return Verdict.OPEN

    def breaks_small(self, asked: Question) -> bool:
        """Does it break at smaller bounds already? A run within them is one within the bounds asked for."""
        done = [dict(self.job.bounds)]
        for smaller, one_by_one in ((SMALL, True), (MIDDLE, False)):
            bounds = {key: min(smaller.get(key, value), value) for key, value in self.job.bounds.items()}
            if bounds in done:
                continue
            done.append(bounds)
            there = question(replace(asked.job, bounds=bounds))
            result = self.search(there, there.queries if one_by_one else [any_of(there)], stop=not one_by_one)
            if result.why == INTERRUPTED:
                raise _Stopped(result.why)
            if sum(self.learn(there, hit) for hit in result.hits.values() if hit is not None):
                return True
        return False

    def look_at_endings(self, changes: Mapping[str, str]) -> tuple[str, bool, dict[str, int | None]]:
        """Of changes that break nothing: what stopped the search, or ""; is something that has to be put to the test not put to it?
        And how long are the ways to the endings that the base breaks, None where there is none."""
        asked = self.question(changes, self.job.properties)
        antecedents = [query for query, name in zip(asked.antecedents, self.job.properties, strict=True) if name in self.tested]
        broken = [query for query in asked.queries if query.name in self.endings]
        result = self.search(asked, (*antecedents, *broken), stop=True)
        missing = not all(result.hits.values())
        lengths = {query.name: None if hit is None else hit.length for query in broken for hit in [result.hits[query.name]]}
        return (result.why if missing else ""), not all(result.hits[query.name] for query in antecedents), lengths

    def needs(self, settings: Settings) -> Iterator[Need]:
        """For each change a run that breaks without it: one of those that are known, for without it there are too few changes."""
        for at, setting in enumerate(settings):
            if setting:
                asked = self.question(self.conflicts.changes((*settings[:at], 0, *settings[at + 1:])))
                for one in self.conflicts.breaking(asked.chosen)[:1]:
                    hit = Hit(one.claim, one.end, len(one.stimuli), one.stimuli, self.conflicts.initial(one, asked.chosen))
                    yield Need(self.knobs[at].name, asked.trace(hit))

    # -- searching -------------------------------------------------------------------------------

    def question(self, changes: Mapping[str, str], properties: Sequence[str] | None = None) -> Question:
        """The base with changes: the claims wanted, or others."""
        return question(replace(self.job, overrides={**self.job.overrides, **changes},
                                properties=tuple(self.wanted if properties is None else properties)))

    def learn(self, asked: Question, hit: Hit) -> int:
        return self.conflicts.learn(asked.system.initial.index(hit.initial), hit.stimuli, asked.chosen)

    def search(self, asked: Question, queries: Sequence[Query], stop: bool = False) -> Result:
        self.searching = asked.job.bounds
        return search(asked.system, queries, memory_gib=self.job.limits.memory, timeout=self.job.limits.timeout, progress=self.tell,
                      stop_when_all_hit=stop)

    def tell(self, searching: Progress | None = None) -> None:
        if self.progress is not None:
            self.progress(Trying(self.candidates, len(self.conflicts), self.at_least, len(self.found), self.searching, searching))
        if self.ctrl_c.pressed and searching is not None:
            raise KeyboardInterrupt


def any_of(asked: Question) -> Query:
    """Does any claim break? Asked as one question, it can be stopped at the first breach."""
    return Query(ANY, disj(*(query.when for query in asked.queries)), places_of(asked.job.slice))
