"""Who the weakest attacker is that breaks each claim, for each preset and protection.

One exhaustive search judges all claims against one attacker; `verify.lattice` says which attackers have to be tried. A witness is
first replayed by weaker and weaker attackers, so that what it does not need is not searched for. What is left is proved: nobody
weaker breaks the claim, within the bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from lockstep import __version__
from lockstep.choice import UsageError, parse, preset_of, readings
from lockstep.jobs import Job, Limits, Outcome, question
from lockstep.pool import run_all
from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED
from model.attacker import CAPABILITIES, readings_of
from model.expr import ModelError, evaluate
from model.readings import READINGS
from model.slices import bounds_of
from model.system import System
from model.trace import Trace
from properties.presets import PRESETS
from properties.registry import CLAIMS, UNDECIDED, claims_of
from properties.threats import CLAIMS as THREATS
from traces.names import coded
from traces.replay import model_digest, replay
from verify.lattice import Attacker, Lattice, questions, weakest
from verify.query import Progress
from verify.step import Disabled, StepView, step

SLICE = "attacker"
LATTICE = Lattice(tuple(CAPABILITIES), {one.name: one.includes for one in CAPABILITIES.values() if one.includes})
PROTECTIONS: dict[str, dict[str, str]] = {
    "none": {"ipsec": "off", "md5": "off"}, "md5": {"ipsec": "off", "md5": "on"},
    "ipsec": {"ipsec": "on", "md5": "off"}, "both": {"ipsec": "on", "md5": "on"},
}
ASKED = (*(claim.name for claim in THREATS), "accepted-is-authentic")
Watch = Callable[[Job, Progress], None]
UNTESTED = "no attacker puts it to the test"


@dataclass(frozen=True)
class Breaker:
    """A weakest attacker, and what he does: a shortest run of his that breaks the claim."""

    attacker: Attacker
    trace: Trace

    @property
    def name(self) -> str:
        """The capabilities that tell all of them."""
        return " + ".join(LATTICE.top(self.attacker)) or "nobody's doing"


@dataclass(frozen=True)
class Cell:
    """One claim under one preset and protection.

    breakers: all weakest attackers; none: the claim holds against the strongest, in `states` states. `reason`: why that is undecided,
    or says nothing; then `breakers` may be neither weakest nor all.
    """

    claim: str
    preset: str
    protection: str
    breakers: tuple[Breaker, ...]
    searches: int
    states: int
    reason: str = ""

    @property
    def verdict(self) -> str:
        if self.reason:
            return UNDECIDED
        return "violated" if self.breakers else "holds"

    @property
    def vacuous(self) -> bool:
        """Is there nothing that the claim speaks of? Where no protection is configured, none can be weakened."""
        return self.reason == UNTESTED and (self.claim, self.protection) == ("negotiation-is-not-weakened", "none")

    @property
    def as_promised(self) -> bool:
        return not self.breakers or self.claim not in PRESETS[self.preset].promises or self.protection in ("none", "md5")


@dataclass
class _Known:
    """What was found about one claim."""

    breaks: dict[Attacker, Trace] = field(default_factory=dict)
    holds: set[Attacker] = field(default_factory=set)
    tested: bool = False

    def answered(self, attacker: Attacker) -> bool:
        return any(one <= attacker for one in self.breaks) or any(attacker <= one for one in self.holds)


@dataclass(frozen=True)
class Inquiry:
    """One preset and protection: how to judge an attacker."""

    preset: str
    protection: str
    properties: tuple[str, ...]
    overrides: Mapping[str, str]
    bounds: Mapping[str, int]
    limits: Limits

    def job(self, attacker: Attacker) -> Job:
        return Job(SLICE, self.preset, {**self.overrides, **PROTECTIONS[self.protection], **readings_of(attacker)}, self.properties,
                   bounds=self.bounds, limits=self.limits)

    def weakened(self, name: str, attacker: Attacker, trace: Trace) -> tuple[Attacker, Trace]:
        """A weakest attacker for whom these very steps are a run that breaks the claim, and that run."""
        least = attacker
        while (weaker := next((one for one in LATTICE.just_below(least) if self._can(name, one, trace)), None)) is not None:
            least = weaker
        if least == attacker:
            return attacker, trace
        chosen = readings(self.preset, self.job(least).overrides)
        made = replace(trace, readings=chosen, digest=model_digest(SLICE, chosen, trace.bounds))
        replay(made)
        return least, made

    def _can(self, name: str, attacker: Attacker, trace: Trace) -> bool:
        cells = list(self.system.initial[trace.start])
        for key, value in readings_of(attacker).items():
            cells[self.system.position("", READINGS[key].var)] = READINGS[key].var.sort.code(value)
        state, outcome = tuple(cells), None
        try:
            for number, one in enumerate(trace.steps, 1):
                outcome = step(self.system, state, coded(self.system, number, one))
                state = outcome.after
        except Disabled:
            return False
        return outcome is not None and bool(evaluate(CLAIMS[name].violated, StepView(self.system, trace.end, outcome)))

    @cached_property
    def system(self) -> System:
        """The strongest attacker's system; a weaker one's differs in the readings of its initial states."""
        return question(self.job(frozenset(CAPABILITIES))).system


def inquire(one: Inquiry, workers: int = 1, watch: Watch | None = None) -> list[Cell]:
    """A cell for each claim. Ctrl-C, and limits that a search reaches, leave what is open undecided."""
    known = {name: _Known() for name in one.properties}
    searches, states, why = 0, 0, ""
    while not why:
        wanted = {attacker for name in known for attacker in _open(known[name])}
        # The weakest first: what they show may answer the others.
        least = min(map(len, wanted), default=0)
        asked = sorted((attacker for attacker in wanted if len(attacker) == least), key=sorted)
        if not asked:
            break
        jobs = [one.job(attacker) for attacker in asked]
        for number, outcome in run_all(jobs, workers, None if watch is None else partial(_report, watch, jobs)):
            searches += 1
            states = max(states, outcome.states)
            why = why or outcome.why
            _learn(one, known, asked[number], outcome)
    return [_cell(one, name, known[name], searches, states, why) for name in one.properties]


def _report(watch: Watch, jobs: Sequence[Job], number: int, progress: Progress) -> None:
    watch(jobs[number], progress)


def _open(known: _Known) -> list[Attacker]:
    return questions(LATTICE, known.breaks, known.holds)


def _learn(one: Inquiry, known: Mapping[str, _Known], attacker: Attacker, outcome: Outcome) -> None:
    for name, about in known.items():
        judgement, trace = outcome.judgements[name], outcome.traces.get(name)
        about.tested |= trace is not None or (judgement.verdict != UNDECIDED)
        if trace is not None:
            weaker, made = one.weakened(name, attacker, trace)
            about.breaks.setdefault(weaker, made)
        elif outcome.complete:
            about.holds.add(attacker)


def _cell(one: Inquiry, name: str, known: _Known, searches: int, states: int, why: str) -> Cell:
    found = [Breaker(attacker, known.breaks[attacker]) for attacker in weakest(known.breaks)]
    found.sort(key=lambda breaker: (len(breaker.attacker), breaker.trace.length, breaker.name))
    reason = why if _open(known) else "" if known.tested else UNTESTED
    return Cell(name, one.preset, one.protection, tuple(found), searches, states, reason)


def attackers(*, presets: Sequence[str] = (), protections: Sequence[str] = (), properties: Sequence[str] = (), texts: Sequence[str] = (),
              bounds: Mapping[str, int] | None = None, limits: Limits | None = None, workers: int = 1,
              watch: Watch | None = None) -> Iterator[list[Cell]]:
    """The cells of each preset and protection, as they are found. Raises UsageError for what does not exist, before any search."""
    inquiries = _inquiries(presets or tuple(PRESETS), protections or tuple(PROTECTIONS), properties or ASKED, texts, bounds or {},
                           limits or Limits())
    return (inquire(one, workers, watch) for one in inquiries)


def _inquiries(presets: Sequence[str], protections: Sequence[str], properties: Sequence[str], texts: Sequence[str],
               bounds: Mapping[str, int], limits: Limits) -> list[Inquiry]:
    overrides = parse(texts)
    taken = {*readings_of(()), *(key for one in PROTECTIONS.values() for key in one)}
    registered = tuple(claim.name for claim in claims_of(SLICE))
    for name in protections:
        if name not in PROTECTIONS:
            raise UsageError(f"protection {name!r}: there is no such protection; there are {', '.join(PROTECTIONS)}")
    for name in properties:
        if name not in CLAIMS or name not in registered:
            raise UsageError(f"property {name!r}: slice {SLICE} has no such property; it has {', '.join(registered)}")
    for key in overrides:
        if key in taken:
            raise UsageError(f"reading {key!r}: which attacker and which protection is what is asked; leave it out")
    try:
        bounds_of(SLICE, bounds)
    except ModelError as error:
        raise UsageError(str(error)) from None
    return [Inquiry(preset_of(preset).name, protection, tuple(properties), overrides, bounds, limits)
            for preset in presets for protection in protections]


def exit_status(cells: Sequence[Cell]) -> int:
    """1 where a promise is broken, 3 where something is undecided though there is something to decide, else 0."""
    if any(not one.as_promised for one in cells):
        return NOT_AS_EXPECTED
    return NOT_DECIDED if any(one.reason and not one.vacuous for one in cells) else AS_EXPECTED


def to_document(cells: Sequence[Cell], paths: Mapping[tuple[str, str, str, str], str]) -> dict[str, Any]:
    """The cells as one JSON document. `paths`: files of traces, by property, preset, protection and attacker."""
    return {"cells": [{
        "property": one.claim, "preset": one.preset, "protection": one.protection, "verdict": one.verdict, "reason": one.reason,
        "attackers": [{"capabilities": list(LATTICE.top(breaker.attacker)), "length": breaker.trace.length,
                       "trace": paths.get((one.claim, one.preset, one.protection, breaker.name))} for breaker in one.breakers],
        "searches": one.searches, "states": one.states} for one in cells], "version": __version__}
