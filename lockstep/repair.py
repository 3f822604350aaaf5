"""Smallest repairs: the fewest changed readings under which every claim asked for holds, each proved by exhaustive search.

Implicit hitting sets (Reiter 1987; Davies and Bacchus 2011). A run that breaks a claim depends on few readings: whatever agrees with
it on those breaks the claim too (`verify.depends`). Such conflicts are collected; a candidate is a smallest set of changes that
disagrees with all of them, so no smaller set is a repair; it is searched, and either breaks a claim, which is one more conflict, or
is a repair. Before anything is searched, what broke other candidates is played under this one, which costs milliseconds; then it
is searched at small bounds, where several claims break at once, and last at the bounds asked for. Only the last, complete, says that
a claim holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from lockstep.choice import UsageError
from lockstep.graceful import Cost, cost
from lockstep.jobs import Job, Limits, Question, question
from lockstep.pool import CtrlC
from model.expr import ModelError, disj, evaluate
from model.readings import READINGS
from model.slices import SLICES, bounds_of
from model.system import ENDS, State
from model.trace import Trace
from properties import endings
from properties.presets import PRESETS
from properties.registry import CLAIMS, claims_of
from verify.depends import Condition, Watcher
from verify.query import Hit, Progress, Query
from verify.search import Result, search
from verify.step import Disabled, StepView, Stimulus, step
from verify.symbolic.hitting import Hitting

PROMISING = "repaired"  # the preset whose promises are what a repair has to keep
ANY = "any of them"
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}
VACUOUS_LIMIT = 50  # candidates that keep a claim only by never coming to it; nothing is learned from one about the next
MIDDLE = {"losses": 1, "copies": 0, "attacks": 1, "segments": 1, "datagrams": 1}


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
    states, transitions: of the search that proved it. cost: of a graceful close; None where the slice has none. endings: claims about
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

    wanted: the claims that a repair keeps, those about endings that the base keeps included. untested: those of them whose antecedent
    the base does not reach within the bounds. endings: claims about endings that the base breaks, with the steps it takes.
    found: smallest repairs, all if `complete`. at_least: no repair has fewer changes. why: what ended the enumeration before its end.
    impossible: claims that no combination of readings keeps, each for itself; if `nothing` is true no combination keeps all.
    undecided: candidates that the limits did not let the search decide, with the reason. vacuous: how many candidates were turned
    down only because a claim that the base puts to the test is not put to the test under them.
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


@dataclass(frozen=True)
class Knob:
    """What one change changes: the readings with these names, together. options: their values, as they stand first."""

    name: str
    names: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Conflict:
    """A run from initial state `start` that breaks `claim` at `end`, under whatever meets the conditions."""

    claim: str
    end: str
    start: int
    stimuli: tuple[Stimulus, ...]
    conditions: tuple[Condition, ...]


Settings = tuple[int, ...]  # of each knob


def knobs(read: Iterable[str], chosen: Mapping[str, str], symmetric: bool) -> tuple[Knob, ...]:
    """What may be changed: the readings that are read; `symmetric`: those of both ends together."""
    found = []
    for key, reading in READINGS.items():
        ends = [name for name in ((f"{end}:{key}" for end in ENDS) if reading.scope == "endpoint" else (key,)) if name in read]
        for names in ([tuple(ends)] if symmetric else [(name,) for name in ends]) if ends else []:
            now = tuple(chosen[name] for name in names)
            changed = tuple((value,) * len(names) for value in reading.values)
            found.append(Knob(key if symmetric else names[0], names, (now, *(one for one in changed if one != now))))
    return tuple(found)


def repairs(slice: str, preset: str, overrides: Mapping[str, str], properties: Sequence[str], bounds: Mapping[str, int], *,
            limits: Limits, progress: Callable[[Trying], None] | None = None, symmetric: bool = True, limit: int = 10) -> Repairs:
    """The smallest repairs of a slice, from a preset with overrides ("A:key" -> value).

    properties: the claims to keep; none: what preset `repaired` promises of the slice. The claims about endings that the base keeps are
    kept besides. bounds: other than the slice's. symmetric: a change changes both ends, else one. limit: how many repairs are enough.
    limits: of each search. Ctrl-C ends it with what was established.
    Raises UsageError for what does not exist, EngineDisagreement.
    """
    job = _job(slice, preset, overrides, properties, bounds, limits)
    if limit < 1:
        raise UsageError(f"limit {limit}: give a whole number from 1 on")
    with CtrlC() as ctrl_c:
        return _Repairing(job, symmetric, progress, ctrl_c).run(limit)


def _job(slice_name: str, preset: str, overrides: Mapping[str, str], properties: Sequence[str], bounds: Mapping[str, int],
         limits: Limits) -> Job:
    """The base, with all claims that may have to be kept. Raises UsageError."""
    if slice_name not in SLICES:
        raise UsageError(f"slice {slice_name!r}: there is no such slice to repair; there are {', '.join(SLICES)}")
    registered = [claim.name for claim in claims_of(slice_name)]
    for name in properties:
        if name not in CLAIMS:
            raise UsageError(f"property {name!r}: there is no such property; there are {', '.join(CLAIMS)}")
        if name not in registered:
            raise UsageError(f"property {name!r}: not registered with slice {slice_name}; there are {', '.join(registered)}")
    asked = properties or PRESETS[PROMISING].promises
    about_endings = [claim.name for claim in endings.CLAIMS]
    try:
        return Job(slice_name, preset, overrides, tuple(name for name in registered if name in asked or name in about_endings),
                   bounds=bounds_of(slice_name, bounds), limits=limits)
    except ModelError as error:
        raise UsageError(str(error)) from None


class _Stopped(Exception):
    """A search did not come to its end; the text is the reason."""


class _Repairing:
    """One call: the base, the conflicts known so far, what was found."""

    def __init__(self, job: Job, symmetric: bool, progress: Callable[[Trying], None] | None, ctrl_c: CtrlC) -> None:
        self.job, self.symmetric, self.progress, self.ctrl_c = job, symmetric, progress, ctrl_c
        self.base = question(job)
        unread = sorted(set(job.overrides) - self.base.system.readings_read)
        if unread:
            raise UsageError(f"reading {unread[0]!r}: no row of slice {job.slice} reads it, so it would change nothing; leave it out")
        self.knobs = knobs(self.base.system.readings_read, self.base.chosen, symmetric)
        self.watcher = Watcher(self.base.system)
        self.conflicts: list[Conflict] = []
        self.runs: dict[tuple[int, tuple[Stimulus, ...]], None] = {}  # what broke something, to be played again
        self.known: set[tuple[str, tuple[Condition, ...]]] = set()
        self.candidates = self.at_least = self.vacuous = 0
        self.found: list[Repair] = []
        self.undecided: list[tuple[Settings, str]] = []
        self.searching: Mapping[str, int] = job.bounds
        self.wanted: tuple[str, ...] = ()
        self.tested: tuple[str, ...] = ()
        self.endings: dict[str, int] = {}

    def run(self, limit: int) -> Repairs:
        why, nothing, complete = "", False, False
        try:
            self.judge_base()
            why, nothing, complete = self.enumerate(limit)
        except _Stopped as reason:
            why = str(reason)
        impossible = tuple(name for name in self.wanted if self.hitting(name).smallest() is None) if nothing else ()
        untested = tuple(name for name in self.wanted if name not in self.tested)
        undecided = tuple((self.changes(settings), reason) for settings, reason in self.undecided)
        return Repairs(self.job.slice, self.job.preset, self.job.overrides, self.job.bounds, self.symmetric, self.wanted, untested,
                       self.endings, cost(self.job.slice, self.base.chosen),
                       tuple(sorted(self.found, key=lambda one: sorted(one.changes.items()))), complete, self.at_least, why, nothing,
                       impossible, undecided, self.vacuous, self.candidates, len(self.conflicts))

    def judge_base(self) -> None:
        """What the base keeps of the endings, and which claims it puts to the test."""
        asked = self.base
        result = self.search(asked, (*asked.queries, *asked.antecedents))
        if not result.complete:
            raise _Stopped(f"the base: {result.why}")
        about_endings = {claim.name for claim in endings.CLAIMS}
        broken = {name: hit.length for name in self.job.properties if (hit := result.hits[name]) is not None}
        self.endings = {name: length for name, length in broken.items() if name in about_endings}
        self.wanted = tuple(name for name in self.job.properties if name not in self.endings)
        asked_too = question(replace(self.job, preset=PROMISING, overrides={}))
        reference = self.search(asked_too, asked_too.antecedents, stop=True)
        self.tested = tuple(name for name in self.wanted
                            if result.hits[f"antecedent of {name}"] and reference.hits[f"antecedent of {name}"])
        for name in self.wanted:
            if (hit := result.hits[name]) is not None:
                self.learn(self.start_of(asked, hit), hit.stimuli, self.base.chosen)

    # -- candidates ------------------------------------------------------------------------------

    def enumerate(self, limit: int) -> tuple[str, bool, bool]:
        """(what ended it early, no combination at all, complete)."""
        hitting, learned = self.hitting(), len(self.conflicts)
        while True:
            for conflict in self.conflicts[learned:]:
                hitting.forbid(self.settings_of(conflict))
            learned = len(self.conflicts)
            settings = hitting.smallest()
            if self.ctrl_c.pressed:
                raise _Stopped("interrupted")
            if settings is None:
                self.at_least = min([self.at_least if self.found else len(self.knobs) + 1, *map(_size, self._left_open())])
                return "", not self.found and not self.undecided, not self.undecided
            if self.found and _size(settings) > self.found[0].size:
                return "", False, not self.undecided
            self.at_least = min([_size(settings), *map(_size, self._left_open())])
            self.candidates += 1
            self.tell()
            verdict = self.try_out(settings)
            if verdict == "repair":
                if len(self.found) == limit:
                    return f"{limit} repairs are enough", False, False
                changed = [(knob, setting) for knob, setting in enumerate(settings) if setting]
                hitting.forbid([([knob], [(setting,)]) for knob, setting in changed])
            elif self.vacuous == VACUOUS_LIMIT:
                return (f"{VACUOUS_LIMIT} candidates keep the claims only because what they speak of never happens within these bounds; "
                        "allow more messages in flight"), False, False
            elif verdict != "broken":
                hitting.forbid([(range(len(settings)), [settings])])

    def _left_open(self) -> list[Settings]:
        return [settings for settings, _ in self.undecided]

    def try_out(self, settings: Settings) -> str:
        """Is it a repair? "repair", "broken" (and the conflicts are known), "vacuous" or "undecided"."""
        changes = self.changes(settings)
        asked = question(replace(self.job, overrides={**self.job.overrides, **changes}, properties=self.wanted))
        if self.play_known(asked.chosen) or self.small(asked):
            return "broken"
        result = self.search(asked, [self.any_of(asked)], stop=True)
        if (hit := result.hits[ANY]) is not None:
            if not self.learn(self.start_of(asked, hit), hit.stimuli, asked.chosen):
                raise AssertionError(f"{self.job.slice}: a run under {changes} is known already, and yet was searched")
            return "broken"
        if not result.complete:
            return self.leave_open(settings, result.why)
        verdict, still = self.endings_of(changes)
        if verdict == "repair":
            self.found.append(Repair(changes, _size(settings), result.counts.distinct, result.counts.transitions,
                                     cost(self.job.slice, asked.chosen), still, tuple(self.needs(settings))))
            return verdict
        if verdict == "vacuous":
            self.vacuous += 1
            return verdict
        return self.leave_open(settings, verdict)

    def leave_open(self, settings: Settings, why: str) -> str:
        self.undecided.append((settings, why))
        self.at_least = min(self.at_least, _size(settings))
        if why == "interrupted":
            raise _Stopped(why)
        return "undecided"

    def small(self, asked: Question) -> bool:
        """Does it break at smaller bounds already? A run within them is one within the bounds asked for."""
        done = [self.job.bounds]
        for sizes, one_by_one in ((SMALL, True), (MIDDLE, False)):
            bounds = {key: min(sizes[key], value) for key, value in self.job.bounds.items()}
            if bounds in done:
                continue
            done.append(bounds)
            smaller = question(replace(asked.job, bounds=bounds))
            result = self.search(smaller, smaller.queries if one_by_one else [self.any_of(smaller)], stop=not one_by_one)
            if result.why == "interrupted":
                raise _Stopped(result.why)
            hits = [hit for hit in result.hits.values() if hit is not None]
            if sum(self.learn(self.start_of(smaller, hit), hit.stimuli, asked.chosen) for hit in hits):
                return True
        return False

    def endings_of(self, changes: Mapping[str, str]) -> tuple[str, dict[str, int | None]]:
        """Is what the base puts to the test still put to the test? And how are the endings that the base breaks?"""
        asked = question(replace(self.job, overrides={**self.job.overrides, **changes}))
        antecedents = [query for query, name in zip(asked.antecedents, self.job.properties, strict=True) if name in self.tested]
        broken = [query for query in asked.queries if query.name in self.endings]
        result = self.search(asked, (*antecedents, *broken), stop=True)
        if any(result.hits[query.name] is None for query in antecedents):
            return "vacuous" if result.complete else result.why, {}
        lengths = {query.name: None if hit is None else hit.length for query in broken for hit in [result.hits[query.name]]}
        return result.why if None in lengths.values() and not result.complete else "repair", lengths

    def needs(self, settings: Settings) -> Iterator[Need]:
        """For each change a run that breaks without it: one that is known, for without it there are too few changes."""
        for at, setting in enumerate(settings):
            if setting:
                without = self.changes((*settings[:at], 0, *settings[at + 1:]))
                asked = question(replace(self.job, overrides={**self.job.overrides, **without}, properties=self.wanted))
                codes = self.codes(asked.chosen)
                breaking = [one for one in self.conflicts if all(
                    tuple(codes[name] for name in condition.names) in condition.allowed for condition in one.conditions)]
                for one in sorted(breaking, key=lambda one: len(one.stimuli))[:1]:
                    hit = Hit(one.claim, one.end, len(one.stimuli), one.stimuli, asked.system.initial[one.start])
                    yield Need(self.knobs[at].name, asked.trace(hit))

    # -- conflicts -------------------------------------------------------------------------------

    def play_known(self, chosen: Mapping[str, str]) -> bool:
        """What broke other candidates: does it break this one, as far as it can happen here?"""
        return bool(sum([self.learn(start, stimuli, chosen) for start, stimuli in list(self.runs)]))

    def learn(self, start: int, stimuli: Sequence[Stimulus], chosen: Mapping[str, str]) -> int:
        """Play stimuli under readings, leaving out what cannot happen, up to the first breach: how many conflicts are new."""
        system, played = self.base.system, list[Stimulus]()
        initial = state = self.initial(start, chosen)
        for stimulus in stimuli:
            try:
                outcome = step(system, state, stimulus)
            except Disabled:
                continue
            played.append(stimulus)
            state = outcome.after
            broken = [(query, end) for query in self.base.queries if query.name in self.wanted for end in query.scopes
                      if evaluate(query.when, StepView(system, end, outcome))]
            if broken:
                return sum(self._learn(start, initial, tuple(played), query, end) for query, end in broken)
        return 0

    def _learn(self, start: int, initial: State, played: tuple[Stimulus, ...], query: Query, end: str) -> bool:
        conditions = self.watcher.run(initial, played, query.when, end)
        if (query.name, conditions) in self.known:
            return False
        self.known.add((query.name, conditions))
        self.conflicts.append(Conflict(query.name, end, start, played, conditions))
        self.runs[start, played] = None
        return True

    def initial(self, start: int, chosen: Mapping[str, str]) -> State:
        """An initial state of the base with other readings. A slice's states do not differ otherwise."""
        cells = list(self.base.system.initial[start])
        for name, code in self.codes(chosen).items():
            cells[self.base.system.reading_positions[name]] = code
        return tuple(cells)

    @staticmethod
    def codes(chosen: Mapping[str, str]) -> dict[str, int]:
        return {name: READINGS[name.rpartition(":")[2]].var.sort.code(value) for name, value in chosen.items()}

    @staticmethod
    def start_of(asked: Question, hit: Hit) -> int:
        return asked.system.initial.index(hit.initial)

    # -- knobs -----------------------------------------------------------------------------------

    def changes(self, settings: Settings) -> dict[str, str]:
        return {name: value for knob, setting in zip(self.knobs, settings, strict=True) if setting
                for name, value in zip(knob.names, knob.options[setting], strict=True)}

    def settings_of(self, conflict: Conflict) -> Iterator[tuple[list[int], list[Settings]]]:
        """The conditions of a conflict, as settings of knobs."""
        codes = self.codes(self.base.chosen)
        for condition in conflict.conditions:
            at = [number for number, knob in enumerate(self.knobs) if set(knob.names) & set(condition.names)]
            allowed = []
            for settings in product(*(range(len(self.knobs[number].options)) for number in at)):
                now = dict(codes)
                for number, setting in zip(at, settings, strict=True):
                    now |= self.codes(dict(zip(self.knobs[number].names, self.knobs[number].options[setting], strict=True)))
                if tuple(now[name] for name in condition.names) in condition.allowed:
                    allowed.append(settings)
            yield at, allowed

    def hitting(self, claim: str | None = None) -> Hitting:
        """What is to be disagreed with: the conflicts known, or those of one claim."""
        made = Hitting([len(knob.options) for knob in self.knobs])
        for conflict in self.conflicts:
            if claim in (None, conflict.claim):
                made.forbid(self.settings_of(conflict))
        return made

    # -- searching -------------------------------------------------------------------------------

    def any_of(self, asked: Question) -> Query:
        return Query(ANY, disj(*(query.when for query in asked.queries)), ENDS)

    def search(self, asked: Question, queries: Sequence[Query], stop: bool = False) -> Result:
        self.searching = asked.job.bounds
        return search(asked.system, queries, memory_gib=self.job.limits.memory, timeout=self.job.limits.timeout, progress=self.tell,
                      stop_when_all_hit=stop)

    def tell(self, searching: Progress | None = None) -> None:
        if self.progress is not None:
            self.progress(Trying(self.candidates, len(self.conflicts), self.at_least, len(self.found), self.searching, searching))
        if self.ctrl_c.pressed and searching is not None:
            raise KeyboardInterrupt


def _size(settings: Settings) -> int:
    return sum(map(bool, settings))
