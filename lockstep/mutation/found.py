"""What is found of a mutant, and what becomes of it.

A mutant is killed by claims where a claim's verdict changes, or the length of a shortest witness, under preset draft or repaired; by the
model where a row is reached that says impossible, or an event that nothing answers; by counts where the number of states or
transitions changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from lockstep.bench import Judged
from model.slices import TABLES
from verify.mutants import REVERSE, SWAP, Mutant

# What becomes of a mutant, strongest first.
VERDICT, LENGTH, MODEL, COUNTS = "verdict", "length", "model", "counts"
SURVIVES, SAME, UNREACHED, OPEN = "survives", "same states", "not reached", "not searched"
FATES = {
    VERDICT: "a claim's verdict changes",
    LENGTH: "the length of a shortest witness changes, and no verdict in the slices up to there",
    MODEL: "a row that says impossible is reached, or an event that nothing answers",
    COUNTS: "no claim notices; the number of states or transitions changes",
    SURVIVES: "neither claims nor counts notice, but other states are reached",
    SAME: "the reachable states are the same, and as many transitions: equivalent, as far as these bounds show",
    UNREACHED: "no slice comes to the row within these bounds",
    OPEN: "interrupted before it was searched",
}
BY_CLAIMS = (VERDICT, LENGTH)
ENOUGH = (*BY_CLAIMS, MODEL)  # after which a row's mutant is not searched in other slices
ELSEWHERE = (REVERSE, SWAP)  # operators that may have a row fire where it did not


@dataclass(frozen=True)
class Base:
    """The model as it stands in a slice: what one search of each preset comes to, and which rows fire there."""

    slice: str
    states: tuple[int, ...]
    transitions: tuple[int, ...]
    fired: frozenset[tuple[str, str]]

    def reaches(self, mutant: Mutant) -> bool:
        """May the mutant differ here? A row that turns a condition round, or changes the ends, may fire where it did not."""
        cells = {_cells()[key] for key in self.fired}
        return any(key in self.fired or (mutant.operator in ELSEWHERE and _cells()[key] in cells) for key in mutant.rows)


@dataclass(frozen=True)
class Found:
    """A mutant in a slice. noticed: (preset, claim, what changed) for each claim that noticed; model: what the model's own checks say;
    counted: the numbers that changed; same: were there the same states and as many transitions?"""

    number: int
    slice: str
    noticed: tuple[tuple[str, str, str], ...]
    model: str
    counted: str
    same: bool
    seconds: float

    @property
    def fate(self) -> str:
        if any(not said.startswith(LENGTH) for _, _, said in self.noticed):
            return VERDICT
        return LENGTH if self.noticed else MODEL if self.model else COUNTS if self.counted else SAME if self.same else SURVIVES


@cache
def _cells() -> Mapping[tuple[str, str], tuple[str, int, str]]:
    """The cell of each row: table, state, event."""
    return {(name, row.key): (name, row.state.code, row.event.name) for name, table in TABLES.items() for row in table.rows}


def differences(before: Judged, now: Judged) -> Iterator[tuple[str, str]]:
    """What a claim notices, by claim: (name, what changed). Where the search was stopped only what was found by then counts."""
    for claim, old in before.breaches.items():
        new = now.breaches[claim]
        if new is not None and old is None:
            yield claim, f"breaks ({new})"
        elif new is not None and old is not None and (new < old or (new > old and not now.why)):
            yield claim, f"{LENGTH} {new} instead of {old}"
        elif new is None and not now.why:
            if old is not None:
                yield claim, f"holds, broke ({old})" if claim in now.tested else f"not put to the test, broke ({old})"
            elif claim in before.tested and claim not in now.tested:
                yield claim, "not put to the test"


def fate(found: Iterable[Found]) -> str:
    """What becomes of a mutant, of what was found in each slice that reaches it."""
    fates = {one.fate for one in found}
    return next((one for one in FATES if one in fates), UNREACHED)
