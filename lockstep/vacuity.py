"""Which parts of the claims were never put to the test, and which claims follow from others.

Three rounds of searches, each with many questions at once. First: of which step does a claim say something else than it would without
one of its parts? Then, for each case that made no such difference anywhere: does any step come within one condition of
breaking the claim by it? Last, for each claim that breaks: does it break on a run on which certain others have not broken so far?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from typing import Any

from lockstep import __version__
from lockstep.choice import UsageError, check_possible, claims_asked, parse, preset_of, readings
from lockstep.jobs import Job, Limits, question
from lockstep.pool import run_each
from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED
from model.expr import FALSE, Expr, ModelError, show
from model.slices import SLICES, bounds_of, places_of
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
Where = tuple[str, str]  # slice, preset
Watch = Callable[[Job, Progress], None]
Report = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Member:
    """A part of a claim: a condition or a case of what breaks it, or a case of its antecedent. depth: in how many other parts it is.

    `matters`: true of a step of which the claim says something else without the part; for a case of the antecedent: of a step that puts the
    claim to the test by it alone. `close`: FALSE, or true of a step that is at most one condition short of breaking the claim by this case.
    `without`: what breaks the claim without the part.
    """

    claim: str
    number: int
    kind: str
    text: str
    depth: int
    matters: Expr
    close: Expr
    without: Expr | None

    @property
    def name(self) -> str:
        """What the queries about it are called."""
        return f"{self.claim} {self.number}"


@cache
def members(claim: str) -> tuple[Member, ...]:
    """The parts of a claim, in the order in which it names them, each before those within it."""
    one, spread = CLAIMS[claim], Spread()
    broken, tested = spread(one.violated), spread(one.antecedent)
    found = [Member(claim, number, part.kind, part.text, part.depth, matters(broken, part), _close(part, tested), part.without)
             for number, part in enumerate(parts(broken))]
    cases = [part for part in parts(tested) if part.kind == CASE]
    return (*found, *(Member(claim, number, TESTING, part.text, part.depth, matters(tested, part), FALSE, None)
                      for number, part in enumerate(cases, len(found))))


def _close(part: Part, tested: Expr) -> Expr:
    """A case that has no condition beside it is as near as the claim's antecedent."""
    near = close(part)
    return tested if near is FALSE and part.kind == CASE else near


# -- searching -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One round in one slice under one preset (a job, whose `properties` are the claims). `asked`: the parts asked about, as (claim,
    number); none where it is asked which of the claims follow from others."""

    job: Job
    round: str
    asked: tuple[tuple[str, int], ...] = ()

    @property
    def where(self) -> Where:
        return self.job.slice, self.job.preset


@dataclass(frozen=True)
class Searched:
    """What a task found. `why`: what stopped it before its end. length: of each query the steps of a shortest way, or None; follows: of
    each claim a set of others, as small as can be, one of which breaks no later; None where it breaks first somewhere."""

    why: str
    states: int
    length: Mapping[str, int | None] = field(default_factory=dict)
    follows: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)

    def breaks(self, claim: str) -> bool:
        return self.length.get(claim) is not None


Round = Sequence[tuple[Task, Searched]]


def run(task: Task, report: Report) -> Searched:
    """A task's searches. What a limit or Ctrl-C leaves open is not in the result, and `why` says so."""
    return _follow(task, report) if task.round == FOLLOW else _ask(task, report)


def _ask(task: Task, report: Report) -> Searched:
    about, limits = question(task.job), task.job.limits
    places = about.queries[0].scopes
    asked = [members(claim)[number] for claim, number in task.asked]
    queries = [Query(one.name, one.matters if task.round == MATTERS else one.close, places) for one in asked]
    for claim in (CLAIMS[name] for name in task.job.properties if task.round == MATTERS):
        queries += [Query(claim.name, claim.violated, places), Query(strays(claim.name), claim.violated & ~claim.antecedent, places)]
        queries += [Query(at(claim.name, place), claim.antecedent, (place,)) for place in places]
    found = firsts(about.system, queries, memory_gib=limits.memory, timeout=limits.timeout, progress=report)
    return Searched(found.why, found.states, found.length)


def strays(claim: str) -> str:
    """The query: does it break in a step in which its antecedent is not true?"""
    return f"{claim} strays"


def at(claim: str, place: str) -> str:
    """The query: is it put to the test there?"""
    return f"{claim} at {place}"


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
        return Searched(str(stopped), 0, follows=follows)
    return Searched("", 0, follows=follows)


def _all_late(late: Callable[[Iterable[str], Iterable[str]], list[str]], name: str, others: list[str]) -> bool:
    return name in late([name], others)


# -- what comes of it ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """Where something was seen: after how many steps, in which slice, under which preset."""

    steps: int
    slice: str
    preset: str

    @property
    def text(self) -> str:
        return f"{self.slice}, {self.preset}, {self.steps} step{'s' * (self.steps != 1)}"


@dataclass(frozen=True)
class Exercised:
    """A part of a claim. word: MATTERS, CLOSE, NEVER, or OPEN where a search was cut short; seen: where in fewest steps. `without`: what
    breaks the claim without it. inner: it is within a part that is itself never put to the test."""

    claim: str
    kind: str
    text: str
    without: str
    word: str
    seen: Seen | None
    inner: bool


@dataclass(frozen=True)
class Follows:
    """A claim that breaks only where one of some others does. by_logic: in any step of any state; searches: on every run there, no later
    than they. apart: where it holds although one of them breaks, which is what it is there for."""

    claim: str
    others: tuple[str, ...]
    by_logic: bool
    searches: tuple[Where, ...]
    apart: tuple[Where, ...]


@dataclass(frozen=True)
class Findings:
    """parts: of every claim asked about; stray: (claim, slice, preset) where it breaks without its antecedent; searches: (round, slice,
    preset, states, why it ended early or "")."""

    parts: tuple[Exercised, ...]
    follows: tuple[Follows, ...]
    stray: tuple[tuple[str, str, str], ...]
    searches: tuple[tuple[str, str, str, int, str], ...]

    @property
    def never(self) -> tuple[Exercised, ...]:
        return tuple(one for one in self.parts if one.word == NEVER)

    @property
    def undecided(self) -> bool:
        return any(why for *_, why in self.searches)

    @property
    def idle(self) -> tuple[str, ...]:
        """Claims that say nothing of their own: they follow from others by logic, and no search tells them apart, all being complete."""
        return tuple(one.claim for one in self.follows if one.by_logic and not one.apart and not self.undecided)


def vacuity(slices: Sequence[str] = (), *, presets: Sequence[str] = (), properties: Sequence[str] = (), texts: Sequence[str] = (),
            bounds: Mapping[str, int] | None = None, limits: Limits | None = None, workers: int = 1,
            watch: Watch | None = None, rounds: Callable[[str, int], None] | None = None) -> Findings:
    """Examine the claims of the slices under the presets (all where none is named). `rounds` is told of each round and its searches.

    Raises UsageError for what does not exist, before any search.
    """
    def searched(tasks: Sequence[Task]) -> list[Searched]:
        if rounds is not None and tasks:
            rounds(tasks[0].round, len(tasks))
        found = dict(run_each(run, tasks, workers, None if watch is None else partial(_report, watch, tasks)))
        return [found.get(number, Searched(INTERRUPTED, 0)) for number in range(len(tasks))]

    return examine(jobs_of(slices, presets, properties, texts, bounds or {}, limits or Limits()), searched)


def examine(jobs: Sequence[Job], searched: Callable[[Sequence[Task]], Sequence[Searched]]) -> Findings:
    """What the searches of these jobs say; `searched` makes them, a round at a time."""
    def round_of(tasks: Sequence[Task]) -> Round:
        return list(zip(tasks, searched(tasks), strict=True))

    names = [name for name in CLAIMS if any(name in job.properties for job in jobs)]
    whole = [one for name in names for one in members(name)]
    first = round_of([Task(job, MATTERS, _of(job, whole)) for job in jobs])
    unseen = [one for one in whole if one.close is not FALSE and _soonest(one.name, first) is None]
    second = round_of([Task(job, CLOSE, asked) for job in jobs if (asked := _of(job, unseen))])
    broken = [(task.job, tuple(filter(one.breaks, task.job.properties))) for task, one in first]
    third = round_of([Task(replace(job, properties=those), FOLLOW) for job, those in broken if len(those) > 1])
    stray = [(name, *task.where) for task, one in first for name in task.job.properties if one.breaks(strays(name))]
    return Findings((*_exercised(whole, first, second), *_ends(first)), tuple(_follows(names, first, third)), tuple(stray),
                    tuple((task.round, *task.where, one.states, one.why) for task, one in (*first, *second, *third)))


def jobs_of(slices: Sequence[str], presets: Sequence[str], properties: Sequence[str], texts: Sequence[str], bounds: Mapping[str, int],
            limits: Limits) -> list[Job]:
    """A job for each slice and preset that has some of the claims. Raises UsageError."""
    overrides, jobs = parse(texts), list[Job]()
    for name in slices or SLICES:
        asked = claims_asked(name, properties if slices else [one for one in properties if name in _slices_of(one)])
        for preset in presets or PRESETS:
            try:
                bounds_of(name, bounds)
                check_possible(name, readings(preset_of(preset).name, overrides))
            except ModelError as error:
                raise UsageError(str(error)) from None
            if not properties or slices or set(asked) & set(properties):
                jobs.append(Job(name, preset, overrides, asked, bounds=bounds, limits=limits))
    return jobs


def _slices_of(claim: str) -> tuple[str, ...]:
    """Those it is registered with; of what is no claim all, so that it is refused."""
    return CLAIMS[claim].slices if claim in CLAIMS else tuple(SLICES)


def _report(watch: Watch, tasks: Sequence[Task], number: int, progress: Progress) -> None:
    watch(tasks[number].job, progress)


def _of(job: Job, some: Iterable[Member]) -> tuple[tuple[str, int], ...]:
    return tuple((one.claim, one.number) for one in some if one.claim in job.properties)


def _soonest(query: str, searches: Round) -> Seen | None:
    found = [Seen(steps, *task.where) for task, one in searches if (steps := one.length.get(query)) is not None]
    return min(found, key=lambda one: one.steps, default=None)


def _cut(claim: str, *rounds: Round) -> bool:
    """Was a search cut short that the claim was asked in?"""
    return any(one.why and claim in task.job.properties for searches in rounds for task, one in searches)


def _exercised(whole: Sequence[Member], first: Round, second: Round) -> Iterator[Exercised]:
    never: dict[str, int] = {}  # of each claim, the depth of the part now looked at that is never put to the test
    for part in whole:
        matters_, close_ = _soonest(part.name, first), _soonest(part.name, second)
        word = MATTERS if matters_ else CLOSE if close_ else OPEN if _cut(part.claim, first, second) else NEVER
        inner = part.depth > never.get(part.claim, part.depth)
        if not inner:
            never.pop(part.claim, None)
            if word == NEVER:
                never[part.claim] = part.depth
        without = "" if part.without is None else show(part.without)
        yield Exercised(part.claim, part.kind, part.text, without, word, matters_ or close_, inner)


def _ends(first: Round) -> Iterator[Exercised]:
    """Each end at which each claim is judged: is it put to the test there?"""
    for name, end in dict.fromkeys((name, end) for task, _ in first for name in task.job.properties for end in places_of(task.job.slice)):
        seen = _soonest(at(name, end), first)
        yield Exercised(name, END, end, "", MATTERS if seen else OPEN if _cut(name, first) else NEVER, seen, False)


def _follows(names: Sequence[str], first: Round, third: Round) -> Iterator[Follows]:
    from verify.symbolic.implied import Implied

    implied = Implied({name: CLAIMS[name].violated for name in names})
    for name in names:
        by_logic = implied.of(name, names)
        sets: dict[tuple[str, ...], list[Where]] = {} if by_logic is None else {by_logic: []}
        for task, one in third:
            others = one.follows.get(name)
            if others is not None:
                sets.setdefault(tuple(others), []).append(task.where)
        for others, searches in sets.items():
            apart = [task.where for task, one in first if name in task.job.properties and not one.why and not one.breaks(name)
                     and any(map(one.breaks, others))]
            yield Follows(name, others, others == by_logic, tuple(searches), tuple(apart))


def exit_status(found: Findings) -> int:
    """1 where a part is never put to the test, or a claim says nothing of its own or breaks without its antecedent; 3 where a search was
    cut short; else 0."""
    if found.never or found.idle or found.stray:
        return NOT_AS_EXPECTED
    return NOT_DECIDED if found.undecided else AS_EXPECTED


def to_document(found: Findings) -> dict[str, Any]:
    """Everything found as one JSON document."""
    return {**asdict(found), "idle": list(found.idle), "version": __version__}
