"""What came of a run: which claims the mutants of each sentence are killed by; and what is kept of it for the pages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lockstep.choice import UsageError
from lockstep.mutation.found import FATES
from lockstep.mutation.kept import digest
from lockstep.mutation.run import Run
from lockstep.mutation.sentences import every_mutant, touched
from model.slices import TABLES
from properties.registry import CLAIMS
from properties.requirements import ledger


@dataclass(frozen=True)
class Line:
    """A sentence, or the rows of a table that cite none (`title`): how many of its mutants have each fate, and how many each claim kills.
    whole: the fate of the mutants that change all of a sentence's rows at once, by operator."""

    title: str
    fates: Mapping[str, int]
    claims: Mapping[str, int]
    whole: Mapping[str, str]

    @property
    def mutants(self) -> int:
        return sum(self.fates.values())


def matrix(run: Run) -> list[Line]:
    """Sentences by claims, in the order of the text, then the rows that cite no sentence, by table. A mutant of a row that cites several
    sentences counts for each."""
    members: dict[str, list[int]] = {name: [] for name in (*ledger(), *(f"{table}, other rows" for table in TABLES))}
    for number in run.numbers:
        mutant = every_mutant()[number - 1]
        for title in touched(mutant) or (f"{mutant.rows[0][0]}, other rows",):
            members[title].append(number)
    return [_line(run, title, numbers) for title, numbers in members.items() if numbers]


def _line(run: Run, title: str, numbers: Sequence[int]) -> Line:
    killed = Counter(claim for number in numbers for claim in {claim for one in run.found(number) for _, claim, _ in one.noticed})
    whole = {every_mutant()[number - 1].operator: run.fate(number) for number in numbers if every_mutant()[number - 1].sentence}
    return Line(title, Counter(map(run.fate, numbers)), {name: killed[name] for name in CLAIMS if killed[name]}, whole)


def totals(run: Run) -> dict[str, int]:
    """How many mutants have each fate, strongest first."""
    found = Counter(map(run.fate, run.numbers))
    return {word: found[word] for word in FATES if found[word]}


KEPT = Path(str(files("properties.requirements"))) / "mutants.json"
RENEW = "renew it with: python -m docs mutants"


def keep(run: Run, path: Path = KEPT) -> None:
    """Keep what a run over everything established, for the pages."""
    lines = [{"title": one.title, "fates": dict(one.fates), "claims": dict(one.claims), "whole": dict(one.whole)} for one in matrix(run)]
    path.write_text(json.dumps({"of": digest(), "totals": totals(run), "lines": lines}, indent=1) + "\n", encoding="utf-8")


@cache
def results() -> tuple[Line, ...]:
    """The kept matrix. Raises UsageError where it is of another model."""
    said: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    if said["of"] != digest():
        raise UsageError(f"{KEPT.name}: the kept mutants are of another model; {RENEW}")
    return tuple(Line(**one) for one in said["lines"])
