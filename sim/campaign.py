"""Many runs of one scenario: what they came to, and what can be said of the claims.

Sampling never says more than `no violation in N runs`. N counts the runs in which the claim was put to the test, that is, in
which its antecedent occurred; a claim that was not put to the test in any is listed as such and gets no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from model.slices import Readings
from model.system import ENDS
from model.timed import compose
from properties.claim import Claim
from properties.registry import VIOLATED, in_runs
from sim.check import Break, Checked, Checker
from sim.scenario import Scenario
from sim.summary import Summary, summarize
from sim.world import World


@dataclass(frozen=True)
class Judged:
    """A claim after all runs. tested: in how many its antecedent occurred; broken: in how many it broke; first: a run that breaks it, the
    one of the lowest seed, and where."""

    claim: Claim
    tested: int
    broken: int
    first: tuple[Checked, Break] | None

    @property
    def verdict(self) -> str:
        return VIOLATED if self.first is not None else in_runs(self.tested)


@dataclass(frozen=True)
class Spread:
    """Of a duration in seconds, over the runs that have it."""

    runs: int
    least: float
    median: float
    most: float


@dataclass
class Campaign:
    """Runs of a scenario, one for each seed, each checked on the interpreter."""

    scenario: Scenario
    readings: Readings
    claims: Sequence[Claim]
    summaries: list[Summary] = field(default_factory=list)
    last: Checked | None = None

    def __post_init__(self) -> None:
        """Raises ScenarioError, ModelError."""
        self.world = World(self.scenario, compose(self.scenario.start, self.readings, bounds=self.scenario.room))
        self.checker = Checker(self.scenario.start, self.readings, self.claims, self.scenario.durations, self.scenario.room)
        self._tested: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()
        self._first: dict[str, tuple[Checked, Break]] = {}

    def run(self, seeds: Iterable[int]) -> Iterator[Summary]:
        """One run after the other, each as it is done. Raises SimulationError."""
        for recording in self.world.simulate(seeds):
            checked = self.checker.check(recording)
            self._tested.update(checked.tested)
            self._broken.update(checked.breaks.keys())
            for name, found in checked.breaks.items():
                self._first.setdefault(name, (checked, found))
            self.last = checked
            self.summaries.append(summarize(self.checker.system, checked))
            yield self.summaries[-1]

    def judged(self) -> list[Judged]:
        """The claims that were put to the test, or broke."""
        return [Judged(claim, self._tested[claim.name], self._broken[claim.name], self._first.get(claim.name))
                for claim in self.claims if self._tested[claim.name] or self._broken[claim.name]]

    def untested(self) -> list[Claim]:
        return [claim for claim in self.claims if not (self._tested[claim.name] or self._broken[claim.name])]

    def ends(self) -> list[tuple[int, str, str]]:
        """How the runs ended: (in how many, A, B), the most frequent first."""
        found = Counter((str(one.ends["A"]), str(one.ends["B"])) for one in self.summaries)
        return sorted(((count, *both) for both, count in found.items()), key=lambda one: (-one[0], one[1:]))

    def spreads(self) -> dict[str, Spread]:
        """The durations: "up", "apart", and the close at each end."""
        found = {}
        for name, given in (("up", [one.up for one in self.summaries]), ("apart", [one.apart for one in self.summaries]),
                            *((f"close {end}", [one.ends[end].closing for one in self.summaries]) for end in ENDS)):
            values = sorted(value for value in given if value is not None)
            if values:
                found[name] = Spread(len(values), values[0], median(values), values[-1])
        return found
