"""The smallest repair of a known finding: the fewest readings, changed at both ends, under which its claim holds and nothing gets worse.

Candidates are smallest changes that disagree with all known conflicts, as in `lockstep.repair`; here all claims of the slice count. The
finding's own and those that the base keeps are to hold; the others are broken in the base already, by other findings, and are not to
break in fewer steps than there: rules for another port end an orphan too, by protecting nothing from the first step on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from lockstep.ablation import RULE
from lockstep.bench import Bench, Judged
from lockstep.choice import readings
from lockstep.conflicts import Conflicts, Settings, knobs, size
from lockstep.graceful import Cost, cost
from lockstep.jobs import Job, question
from lockstep.repair import PROMISING, SMALL
from model.readings import READINGS
from model.trace import Trace
from properties.finding import Finding
from properties.presets import PRESETS
from traces.names import coded
from verify.query import EngineDisagreement
from verify.step import step

MOST = 5  # smallest repairs
LARGE = 1_000_000  # states of the base from which on one smallest repair is enough, and is looked for with one segment in flight
CANDIDATES = 400  # tried before it is given up
FEW, FACTOR = 1_000_000, 16  # states that a candidate may come to: so many, or so many times those of the base
ONE_SEGMENT = {"segments": 1}
SECONDS = 300.0  # spent on the candidates of a finding before it is given up
LEARNED = 4  # breaches of a candidate that become conflicts, shortest first
HOW_FAR = (MOST, LARGE, FEW, FACTOR, CANDIDATES, LEARNED)


@dataclass(frozen=True)
class Remedy:
    """Changes, by key, made at both ends; states, transitions: of the search that visited every state and found nothing worse; cost: of a
    close without faults, None where the slice has none. source: of each changed reading, where the text leaves it open."""

    changes: Mapping[str, str]
    sources: Mapping[str, str]
    states: int
    transitions: int
    cost: Cost | None


@dataclass(frozen=True)
class Alone:
    """Rules of preset `repaired` applied to the base, one, or all (""): does the finding's claim hold, and stay put to the test? What
    breaks that did not, or breaks sooner? why: what kept the search from saying so."""

    rule: str
    keeps: bool
    worse: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Remedies:
    """What was established, at the finding's bounds.

    kept: the claims that the base keeps; untested: those of them, and maybe the finding's, that a repair need not put to the test, because
    the base or preset `repaired` does not. found: smallest repairs, some; complete: these are all. nothing: there is none, by the
    conflicts; hopeless: not even one that keeps the finding's claim and heeds no other. undecided: why there is no answer, or, where
    candidates were left open, why the first was. at_least: no repair has fewer changes. vacuous: candidates under which something is not
    put to the test any more. whole: all rules of preset `repaired` together, None where they change nothing; rules: each alone that changes
    something. bounds, of all of it: the finding's, or with one segment in flight where its base has more than LARGE states;
    rule_bounds: those of the rules, which earlier facts judged within less. base_cost: as
    `Remedy.cost`.
    """

    bounds: Mapping[str, int]
    kept: tuple[str, ...]
    untested: tuple[str, ...]
    found: tuple[Remedy, ...]
    complete: bool
    nothing: bool
    hopeless: bool
    undecided: str
    at_least: int
    vacuous: int
    candidates: int
    conflicts: int
    rule_bounds: Mapping[str, int]
    whole: Alone | None
    rules: tuple[Alone, ...]
    base_cost: Cost | None


@dataclass
class _State:
    """How far the enumeration has come."""

    found: list[tuple[Settings, Judged]] = field(default_factory=list)
    candidates: int = 0
    vacuous: int = 0
    open: list[tuple[int, str]] = field(default_factory=list)  # candidates left open: how many changes, and why
    at_least: int = 0
    why: str = ""
    complete: bool = False


class _Seeking:
    """One finding on its slice's bench."""

    def __init__(self, bench: Bench, finding: Finding, trace: Trace) -> None:
        self.bench, self.finding = bench, finding
        job = Job(trace.slice, trace.preset, finding.readings, bench.claims, bounds=trace.bounds)
        self.base = question(job)
        self.chosen = self.base.chosen
        self.bounds, self.before = trace.bounds, bench.judge(self.chosen, trace.bounds)
        self.most = MOST
        if self.before.states > LARGE:
            self.most, smaller = 1, _less(self.bounds, ONE_SEGMENT)
            again = bench.judge(self.chosen, smaller)
            if again.breaches[finding.property] is not None:
                self.bounds, self.before = smaller, again
        self.limits = {**self.before.breaches, finding.property: None}  # of each claim the steps below which it is not to break; None: ever
        kept = [name for name, length in self.limits.items() if length is None]
        sooner = {name: length for name, length in self.limits.items() if length is not None}
        reference = bench.judge(readings(PROMISING, {}), self.bounds)
        self.tested = frozenset(kept) & self.before.tested & reference.tested
        self.why = self.before.why or reference.why
        self.knobs = knobs(self.base.system.readings_read, self.chosen, symmetric=True)
        self.conflicts = Conflicts(self.base, kept, self.knobs, sooner)

    def run(self) -> Remedies:
        far = _State(why=self.why)
        if not self.why:
            self.enumerate(far)
        nothing, done = far.complete and not far.found and not far.vacuous, not self.why
        return Remedies(
            self.bounds, tuple(name for name, length in self.before.breaches.items() if length is None),
            tuple(name for name, length in self.limits.items() if length is None and name not in self.tested),
            tuple(sorted((self.remedy(*one) for one in far.found), key=lambda one: sorted(one.changes.items()))), far.complete,
            nothing, nothing and self.hopeless(),
            far.why or next((why for _, why in far.open), ""), far.at_least, far.vacuous, far.candidates, len(self.conflicts),
            self.bounds, self.alone("", tuple(rules())) if done else None,
            tuple(found for rule in rules() if (found := self.alone(rule, (rule,))) is not None) if done else (),
            cost(self.base.job.slice, self.chosen))

    def enumerate(self, far: _State) -> None:
        """Candidate after candidate, fewest changes first."""
        begun = perf_counter()
        while True:
            settings = self.conflicts.smallest()
            ended = settings is None or bool(far.found and size(settings) > size(far.found[0][0]))
            at = len(self.knobs) + 1 if settings is None else size(settings)
            far.at_least = min([size(far.found[0][0]) if far.found else at, *(size for size, _ in far.open)])
            if settings is None or ended or len(far.found) == self.most:
                far.complete = ended and not far.open
                return
            if far.candidates == CANDIDATES:
                far.why = f"{CANDIDATES} candidates were tried"
                return
            if perf_counter() - begun > SECONDS:
                far.why = f"{far.candidates} candidates were tried, for {SECONDS:.0f} s"
                return
            far.candidates += 1
            judged = self.judge(settings, self.conflicts, self.limits)
            if judged is None:
                continue
            if judged.why:
                far.open.append((size(settings), judged.why))
                self.conflicts.leave_out(settings)
            elif self.tested <= judged.tested:
                far.found.append((settings, judged))
                self.conflicts.leave_out_with_more(settings)
            else:
                far.vacuous += 1
                self.conflicts.leave_out(settings)

    def judge(self, settings: Settings, conflicts: Conflicts, limits: Mapping[str, int | None]) -> Judged | None:
        """The search at the bounds; None where a claim breaks below its limit, which is learned. Before it one with little room
        and without faults, and one with one segment in flight: what breaks there breaks at the bounds too."""
        chosen, most = {**self.chosen, **conflicts.changes(settings)}, max(FEW, FACTOR * self.before.states)
        for bounds in {repr(one): one for one in (_less(self.bounds, SMALL), _less(self.bounds, ONE_SEGMENT), self.bounds)}.values():
            judged = self.bench.judge(chosen, bounds, most=most)
            worse = sorted(judged.worse(limits), key=lambda name: judged.breaches[name] or 0)[:LEARNED]
            if worse:
                hits = self.bench.hits(chosen, bounds, worse, most)
                if not sum(conflicts.learn(start, hit.stimuli, chosen) for start, hit in hits.values()):
                    raise EngineDisagreement(f"{self.finding.name}: {' and '.join(worse)} break under changes that disagree with every run "
                                             f"known to break them: {conflicts.changes(settings)}")
                return None
        return judged

    def hopeless(self) -> bool:
        """Is there no combination that keeps the finding's claim, whatever else gets worse? False also where that would take long."""
        conflicts = Conflicts(self.base, [self.finding.property], self.knobs)
        limits = {**dict.fromkeys(self.limits, 0), self.finding.property: None}
        for _ in range(CANDIDATES):
            settings = conflicts.smallest()
            if settings is None:
                return True
            if self.judge(settings, conflicts, limits) is not None:
                return False
        return False

    def remedy(self, settings: Settings, judged: Judged) -> Remedy:
        changes = self.conflicts.changes(settings)
        keys = {name.rpartition(":")[2]: value for name, value in changes.items()}
        return Remedy(keys, {key: READINGS[key].source for key in keys}, judged.states, judged.transitions,
                      cost(self.base.job.slice, {**self.chosen, **changes}))

    def alone(self, rule: str, applied: tuple[str, ...]) -> Alone | None:
        """The base with some rules of preset `repaired`; None where they change nothing that the slice reads."""
        wanted = {key: value for one in applied for key, value in rules()[one].items()}
        changes = {name: wanted[key] for name in sorted(self.base.system.readings_read) if (key := name.rpartition(":")[2]) in wanted
                   and self.chosen[name] != wanted[key]}
        if not changes:
            return None
        chosen = {**self.chosen, **changes}
        name = self.finding.property
        if any(one.claim == name for one in self.conflicts.breaking(chosen)):
            return Alone(rule, False)
        judged = self.bench.judge(chosen, self.bounds, most=max(FEW, FACTOR * self.before.states))
        if judged.breaches[name] is not None:
            return Alone(rule, False)
        if judged.why:
            return Alone(rule, False, (), judged.why)
        keeps = name in judged.tested or name not in self.tested
        return Alone(rule, keeps, judged.worse(self.before.breaches) if keeps else ())


def rules() -> dict[str, dict[str, str]]:
    """The rules of preset `repaired`, each with the readings that it changes."""
    draft, found = PRESETS["draft"], dict[str, dict[str, str]]()
    for key, choice in PRESETS[PROMISING].choices.items():
        match = RULE.match(choice.source)
        if match and choice.value != draft.value(key):
            found.setdefault(match[0], {})[key] = choice.value
    return dict(sorted(found.items()))


def remedies(bench: Bench, finding: Finding, trace: Trace) -> Remedies:
    """The smallest repairs of a finding, `trace` being its witness, on a bench of its slice. Raises EngineDisagreement."""
    return _Seeking(bench, finding, trace).run()


def made_worse(bench: Bench, trace: Trace, at: int, changes: Mapping[str, str]) -> tuple[str, ...]:
    """Readings ("A:key" to a value) that are adopted in state `at` of a finding's run: the claims that break from there on, and would
    not have, or only after more steps. Raises Disabled where the trace is no run."""
    system, chosen = bench.system(trace.bounds), {**trace.readings, **changes}
    state = bench.starts(trace.readings, trace.bounds)[trace.start]
    for number, one in enumerate(trace.steps[:at], 1):
        state = step(system, state, coded(system, number, one)).after
    codes = {system.reading_positions[name]: READINGS[name.rpartition(":")[2]].var.sort.code(value) for name, value in changes.items()}
    changed = tuple(codes.get(place, code) for place, code in enumerate(state))
    before, after = bench.judge(trace.readings, trace.bounds, [state]), bench.judge(chosen, trace.bounds, [changed])
    return after.worse(before.breaches)


def _less(bounds: Mapping[str, int], than: Mapping[str, int]) -> dict[str, int]:
    return {key: min(value, than.get(key, value)) for key, value in bounds.items()}
