"""Which parts of the claims were never put to the test, and which claims follow from others.

Three rounds of searches, each with many questions at once. First: of which step does a claim say something else than it would without
one of its parts? Then, for each case that made no such difference anywhere: does any step come within one condition of
breaking the claim by it? Last, for each claim that breaks: does it break on a run on which certain others have not broken so far?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from typing import Any

from lockstep import __version__
from lockstep.choice import UsageError, check_possible, claims_asked, parse, preset_of, readings
from lockstep.jobs import Job, Limits, question
from lockstep.pool import run_each
from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED
from model.expr import FALSE, Expr, ModelError, show
from model.slices import SLICES, bounds_of
from properties.presets import PRESETS
from properties.registry import CLAIMS
from verify.firsts import firsts
from verify.least import least
from verify.parts import CASE, Part, Spread, close, matters, parts
from verify.query import INTERRUPTED, Progress, Query

MATTERS, CLOSE, FOLLOW = "matters", "close", "follow"  # the rounds; the first two are also what is said of a part
NEVER, OPEN = "never", "not decided"
TESTING = "case of the antecedent"
END = "end"
Watch = Callable[[Job, Progress], None]
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Member:
    """A part of a claim: of what breaks it (a condition or a case), a case of its antecedent, or an end at which it is judged.

    `matters`: true of a step of which the claim says something else without the part; of an end, and of a case of the antecedent: of a step
    that puts the claim to the test there, or by that alone. `close`: FALSE, or true of a step that is at most one condition
    short of breaking the claim by this case. `without`: what breaks the claim that is left without the part.
    """

    claim: str
    kind: str
    text: str
    matters: Expr
    close: Expr
    without: Expr | None = None
    scopes: tuple[str, ...] = ()


@cache
def members(claim: str) -> tuple[Member, ...]:
    """The parts of a claim, in the order in which it names them."""
    one, spread = CLAIMS[claim], Spread()
    broken, tested = spread(one.violated), spread(one.antecedent)
    found = [Member(claim, part.kind, part.text, matters(broken, part), _close(part, tested), part.without) for part in parts(broken)]
    return (*found, *(Member(claim, TESTING, part.text, matters(tested, part), FALSE) for part in parts(tested) if part.kind == CASE))


def _close(part: Part, tested: Expr) -> Expr:
    """A case that has no condition beside it is as near as the claim's antecedent."""
    near = close(part)
    return tested if near is FALSE and part.kind == CASE else near


# -- searching -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One round in one slice under one preset (a job, whose `properties` are the claims). `asked`: the parts that are asked about, as
    (claim, number); none: which of the claims follow from others."""

    job: Job
    round: str
    asked: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Searched:
    """What a task found. length: of each part asked about, the steps of a shortest way to what was asked; of each claim that breaks, to
    that; ends: to its antecedent, by claim and end. follows: of a claim that breaks, a smallest set of others one of which breaks no later;
    None where it breaks first. stray: claims that break in a step in which their antecedent is not true."""

    task: Task
    why: str
    states: int
    length: Mapping[tuple[str, int], int | None] = field(default_factory=dict)
    breaks: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    follows: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    stray: tuple[str, ...] = ()


def run(task: Task, report: Report) -> Searched:
    """A task's searches. What a limit or Ctrl-C leaves open is not in the result, and `why` says so."""
    return _follow(task, report) if task.round == FOLLOW else _ask(task, report)


def _ask(task: Task, report: Report) -> Searched:
    about, limits = question(task.job), task.job.limits
    places = about.queries[0].scopes
    first = task.round == MATTERS
    queries = [Query(f"{claim} {number}", getattr(members(claim)[number], task.round), places) for claim, number in task.asked]
    if first:
        for name in task.job.properties:
            claim = CLAIMS[name]
            queries += [Query(name, claim.violated, places), Query(f"{name} strays", claim.violated & ~claim.antecedent, places)]
            queries += [Query(f"{name} at {place}", claim.antecedent, (place,)) for place in places]
    found = firsts(about.system, queries, memory_gib=limits.memory, timeout=limits.timeout, progress=report)
    length, names = found.length, task.job.properties
    return Searched(
        task, found.why, found.states, {one: length[f"{one[0]} {one[1]}"] for one in task.asked},
        {name: steps for name in names if first and (steps := length[name]) is not None},
        {(name, place): length[f"{name} at {place}"] for name in names for place in places if first},
        stray=tuple(name for name in names if first and length[f"{name} strays"] is not None))


class _Stopped(Exception):
    """A limit, or Ctrl-C, ended a search."""


def _follow(task: Task, report: Report) -> Searched:
    """Which of the job's claims, all of which break, break only after or together with others of them."""
    about, limits, names = question(task.job), task.job.limits, task.job.properties
    by_name = {query.name: query for query in about.queries}
    follows: dict[str, tuple[str, ...] | None] = {}

    def late(asked: Iterable[str], others: Iterable[str]) -> list[str]:
        """Those of the claims asked about that never break before the others."""
        found = firsts(about.system, [by_name[name] for name in asked], without=[by_name[name] for name in others],
                       memory_gib=limits.memory, timeout=limits.timeout, progress=report)
        if found.why:
            raise _Stopped(found.why)
        return [name for name, steps in found.length.items() if steps is None]

    try:
        for one in names:
            follows |= dict.fromkeys(late([name for name in names if name != one and name not in follows], [one]), (one,))
        for name in names:
            if name not in follows:
                several = [other for other in names if other != name]
                follows[name] = least(several, partial(_all_late, late, name)) if len(several) > 1 else None
    except _Stopped as stopped:
        return Searched(task, str(stopped), 0, follows=follows)
    return Searched(task, "", 0, follows=follows)


def _all_late(late: Callable[[Iterable[str], Iterable[str]], list[str]], name: str, others: list[str]) -> bool:
    return name in late([name], others)


# -- what comes of it ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where something was seen: after how many steps, in which slice, under which preset."""

    steps: int
    slice: str
    preset: str

    @property
    def text(self) -> str:
        return f"{self.slice}, {self.preset}, {self.steps} step{'s' * (self.steps != 1)}"


@dataclass(frozen=True)
class Exercised:
    """A part of a claim. word: MATTERS, CLOSE, NEVER, or OPEN where a search was cut short; seen: where it is seen in fewest steps."""

    claim: str
    kind: str
    text: str
    without: str
    word: str
    seen: Place | None


@dataclass(frozen=True)
class Follows:
    """A claim that breaks only where one of some others does. by_logic: in any step of any state; searches: in every run of these slices
    under these presets (no later than they). apart: where it holds although one of them breaks, which is what it is for."""

    claim: str
    others: tuple[str, ...]
    by_logic: bool
    searches: tuple[tuple[str, str], ...]
    apart: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Findings:
    """parts: of every claim asked about; follows; stray: (claim, slice, preset) where it breaks without its antecedent. searches: (slice,
    preset, states, why it ended early or "")."""

    parts: tuple[Exercised, ...]
    follows: tuple[Follows, ...]
    alone: tuple[str, ...]
    stray: tuple[tuple[str, str, str], ...]
    searches: tuple[tuple[str, str, int, str], ...]

    @property
    def never(self) -> tuple[Exercised, ...]:
        return tuple(one for one in self.parts if one.word == NEVER)

    @property
    def undecided(self) -> bool:
        return any(why for *_, why in self.searches)

    @property
    def idle(self) -> tuple[str, ...]:
        """Claims that say nothing of their own: they follow from others by logic, and no search tells them apart."""
        return tuple(one.claim for one in self.follows if one.by_logic and not one.apart)


def vacuity(slices: Sequence[str] = (), *, presets: Sequence[str] = (), properties: Sequence[str] = (), texts: Sequence[str] = (),
            bounds: Mapping[str, int] | None = None, limits: Limits | None = None, workers: int = 1,
            watch: Watch | None = None, rounds: Callable[[str, int], None] | None = None) -> Findings:
    """Examine the claims of the slices under the presets (all where none is named). `rounds` is told of each round and its searches.

    Raises UsageError for what does not exist, before any search.
    """
    jobs = jobs_of(slices, presets, properties, texts, bounds or {}, limits or Limits())
    names = [name for name in CLAIMS if any(name in job.properties for job in jobs)]
    whole = [(name, number) for name in names for number in range(len(members(name)))]

    def searched(tasks: Sequence[Task]) -> list[Searched]:
        if rounds is not None and tasks:
            rounds(tasks[0].round, len(tasks))
        found = dict(run_each(run, tasks, workers, None if watch is None else partial(_report, watch, tasks)))
        return [found.get(number, Searched(task, INTERRUPTED, 0)) for number, task in enumerate(tasks)]

    first = searched([Task(job, MATTERS, tuple(one for one in whole if one[0] in job.properties)) for job in jobs])
    unseen = [(name, number) for name, number in whole if members(name)[number].close is not FALSE
              and all(one.length.get((name, number)) is None for one in first)]
    second = searched([Task(job, CLOSE, asked) for job in jobs if (asked := tuple(one for one in unseen if one[0] in job.properties))])
    third = searched([Task(replace(one.task.job, properties=tuple(one.breaks)), FOLLOW) for one in first if len(one.breaks) > 1])
    return Findings(_exercised(whole, first, second) + _ends(first), *_follows(names, first, third),
                    tuple((name, *_where(one)) for one in first for name in one.stray),
                    tuple((*_where(one), one.states, one.why) for one in (*first, *second, *third) if one.why or one in first))


def jobs_of(slices: Sequence[str], presets: Sequence[str], properties: Sequence[str], texts: Sequence[str], bounds: Mapping[str, int],
            limits: Limits) -> list[Job]:
    """A job for each slice and preset that has some of the claims. Raises UsageError."""
    overrides, jobs = parse(texts), list[Job]()
    for name in slices or SLICES:
        registered = claims_asked(name, ())
        asked = claims_asked(name, properties) if slices else tuple(one for one in registered if not properties or one in properties)
        for preset in presets or PRESETS:
            try:
                bounds_of(name, bounds)
                check_possible(name, readings(preset_of(preset).name, overrides))
            except ModelError as error:
                raise UsageError(str(error)) from None
            if asked:
                jobs.append(Job(name, preset, overrides, asked, bounds=bounds, limits=limits))
    for name in properties:
        if not any(name in job.properties for job in jobs):
            claims_asked(next(iter(SLICES)), [name])  # says what is wrong with it
    return jobs


def _report(watch: Watch, tasks: Sequence[Task], number: int, progress: Progress) -> None:
    watch(tasks[number].job, progress)


def _where(one: Searched) -> tuple[str, str]:
    return one.task.job.slice, one.task.job.preset


def _soonest(found: Iterable[tuple[int | None, Searched]]) -> Place | None:
    places = [Place(steps, *_where(one)) for steps, one in found if steps is not None]
    return min(places, key=lambda place: place.steps, default=None)


def _exercised(whole: Sequence[tuple[str, int]], first: Sequence[Searched], second: Sequence[Searched]) -> tuple[Exercised, ...]:
    found = []
    for name, number in whole:
        part, word, seen = members(name)[number], NEVER, None
        for kind, searches in ((MATTERS, first), (CLOSE, second)):
            seen = _soonest((one.length.get((name, number)), one) for one in searches)
            if seen is not None:
                word = kind
                break
        if word == NEVER and any(one.why and name in one.task.job.properties for one in (*first, *second)):
            word = OPEN
        found.append(Exercised(name, part.kind, part.text, "" if part.without is None else show(part.without), word, seen))
    return tuple(found)


def _ends(first: Sequence[Searched]) -> tuple[Exercised, ...]:
    """Each end at which each claim is judged: is it put to the test there?"""
    found = []
    for name, end in dict.fromkeys(one for each in first for one in each.ends):
        seen = _soonest((one.ends.get((name, end)), one) for one in first)
        cut = any(one.why and name in one.task.job.properties for one in first)
        found.append(Exercised(name, END, end, "", MATTERS if seen else OPEN if cut else NEVER, seen))
    return tuple(found)


def _follows(names: Sequence[str], first: Sequence[Searched], third: Sequence[Searched]) -> tuple[tuple[Follows, ...], tuple[str, ...]]:
    """Which claims follow from which, and those that somewhere break before all others."""
    from verify.symbolic.implied import Implied

    implied = Implied({name: CLAIMS[name].violated for name in names})
    found: list[Follows] = []
    for name in names:
        by_logic = implied.of(name, names)
        sets: dict[tuple[str, ...], list[tuple[str, str]]] = {} if by_logic is None else {by_logic: []}
        for one in third:
            others = one.follows.get(name)
            if others is not None:
                sets.setdefault(others, []).append(_where(one))
        for others, searches in sets.items():
            apart = [_where(one) for one in first if name in one.task.job.properties and not one.why and name not in one.breaks
                     and any(other in one.breaks for other in others)]
            found.append(Follows(name, others, others == by_logic, tuple(searches), tuple(apart)))
    first_of_all = {name for one in third for name, others in one.follows.items() if others is None}
    only_one = {name for one in first if len(one.breaks) == 1 for name in one.breaks}
    return tuple(found), tuple(name for name in names if name in first_of_all | only_one)


def exit_status(found: Findings) -> int:
    """1 where a part is never put to the test, or a claim says nothing of its own; 3 where a search was cut short; else 0."""
    if found.never or found.idle or found.stray:
        return NOT_AS_EXPECTED
    return NOT_DECIDED if found.undecided else AS_EXPECTED


def to_document(found: Findings) -> dict[str, Any]:
    """Everything found as one JSON document."""
    return {**asdict(found), "idle": list(found.idle), "version": __version__}
