"""What a verification established: typed results, what was expected of them, and the exit status."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import __version__
from properties.registry import HOLDS, UNDECIDED, VIOLATED

AS_EXPECTED, NOT_AS_EXPECTED, USAGE, NOT_DECIDED, DISAGREEMENT = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class PropertyResult:
    """One claim in one slice under one preset (with `readings` that differ from it), or one known finding.

    `length` and `trace` (a file) belong to the witness of a violation; `loop`: of an endless one, after how many of its steps the
    loop begins. `depth` counts levels of the search, the initial states being the first; what an engine does not count is 0.
    `shown`: a counterexample to induction, as a ladder. `expected` is what the preset promises or the finding foretells; None where
    nobody promised anything.
    """

    slice: str
    property: str
    preset: str
    readings: Mapping[str, str]
    bounds: Mapping[str, int]
    verdict: str
    engine: str
    states: int
    transitions: int
    depth: int
    seconds: float
    length: int | None = None
    trace: str | None = None
    reason: str = ""
    shown: str = ""
    finding: str = ""
    expected: str | None = None
    requirements: tuple[str, ...] = ()
    loop: int | None = None

    @builtins.property
    def as_expected(self) -> bool:
        """Whether the verdict does not gainsay what was expected; the weaker words of sampling and bounded search never do."""
        return {HOLDS: self.verdict != VIOLATED, VIOLATED: self.verdict != HOLDS}.get(self.expected or "", True)


@dataclass(frozen=True)
class Coverage:
    """Which rows of the tables fired somewhere: `unfired` as (table, row)."""

    total: int
    unfired: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Report:
    """All results of one call. `coverage` only where every slice was searched to its end. `contradictions`: where two engines
    cannot both be right, one line each. `changes`: how it differs from a kept report that it was compared with, one line each."""

    results: tuple[PropertyResult, ...]
    coverage: Coverage | None = None
    contradictions: tuple[str, ...] = ()
    changes: tuple[str, ...] | None = None
    version: str = field(default=__version__)

    def of(self, property_: str, slice_: str | None = None, preset: str | None = None, engine: str | None = None) -> PropertyResult:
        """The result of a claim. Raises KeyError where there is not exactly one."""
        found = [one for one in self.results if one.property == property_ and not one.finding
                 and slice_ in (None, one.slice) and preset in (None, one.preset) and engine in (None, one.engine)]
        if len(found) != 1:
            raise KeyError(f"{property_}: {len(found)} results; name slice, preset and engine")
        return found[0]

    @builtins.property
    def unexpected(self) -> tuple[str, ...]:
        """What is not as expected, one line each; compared with a kept report, what has changed."""
        wrong = tuple(f"{one.finding or one.property}, {one.slice}, {one.preset}: {one.verdict}, expected {one.expected}"
                      for one in self.results if not one.as_expected)
        return (wrong if self.changes is None else self.changes) + self.at_large

    @builtins.property
    def at_large(self) -> tuple[str, ...]:
        """What is not as expected and belongs to no result: engines that disagree, rows that never fired."""
        unfired = self.coverage.unfired if self.coverage else ()
        return (*self.contradictions, *(f"{table}: {row}: fires in no slice" for table, row in unfired))

    def exit_status(self, strict: bool = False) -> int:
        """0 as expected, 4 engines disagree, 1 not as expected, 3 something undecided; the first of 4, 1, 3 that applies. Compared with a
        kept report, what is as expected is what has not changed."""
        if self.contradictions:
            return DISAGREEMENT
        if self.changes is not None:
            return NOT_AS_EXPECTED if self.changes else AS_EXPECTED
        unexpected = any(not one.as_expected for one in self.results) or bool(self.coverage and self.coverage.unfired)
        if unexpected or (strict and any(one.verdict == VIOLATED for one in self.results)):
            return NOT_AS_EXPECTED
        return NOT_DECIDED if any(one.verdict == UNDECIDED for one in self.results) else AS_EXPECTED

    def to_document(self) -> dict[str, Any]:
        """The report as one JSON document."""
        document: dict[str, Any] = {"results": [_plain(one) for one in self.results], "version": self.version}
        if self.contradictions:
            document["contradictions"] = list(self.contradictions)
        if self.changes is not None:
            document["changes"] = list(self.changes)
        if self.coverage:
            document["rows"] = {"total": self.coverage.total, "unfired": [list(one) for one in self.coverage.unfired]}
        return document


def _plain(one: PropertyResult) -> dict[str, Any]:
    plain = dict(vars(one))
    return plain | {"readings": dict(one.readings), "bounds": dict(one.bounds), "requirements": list(one.requirements),
                    "seconds": round(one.seconds, 3)}


