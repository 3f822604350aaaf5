"""Verdicts for the sentences of the draft, drawn from kept results.

`properties/requirements/results.json` keeps what the last run over everything established, with a fingerprint of the tables, claims and
bounds that it was established for; `python -m docs ledger` renews it. Verdicts drawn from results of another model are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lockstep.choice import UsageError
from lockstep.lint.catalogue import LINTS
from lockstep.report import PropertyResult
from model.expr import show
from model.slices import SLICES, TABLES
from model.text import markdown
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, HOLDS, PROPERTIES, RESPONSES, UNDECIDED, VIOLATED
from properties.requirements import Requirement, ledger
from sim.scenario import load
from verify.numbers import AGREE, DISAGREE, FIGURES, NOT_STATED, judge, shown
from verify.query import INTERRUPTED

CONTRADICTED, UNTESTABLE, ASSUMED = "contradicted", "untestable as written", "assumption on the environment"
BUILT_IN, DEPLOYMENT, COMPUTED = "built into the model", "for each deployment to keep", "no figure stated, ours computed"
CLASSES = (VIOLATED, CONTRADICTED, HOLDS, UNDECIDED, DEPLOYMENT, COMPUTED, BUILT_IN, ASSUMED, UNTESTABLE)
GRAVEST_FIRST = (CONTRADICTED, VIOLATED, UNDECIDED, HOLDS, DEPLOYMENT, COMPUTED, BUILT_IN, ASSUMED, UNTESTABLE)
RENEW = "renew it with: python -m docs ledger"
RESULTS = Path(str(files("properties.requirements"))) / "results.json"
FIGURE_TIMEOUT = 60.0  # s for one figure, as in `lockstep numbers`; all of them take one


@dataclass(frozen=True)
class Result:
    """What is kept of a verdict: some of the words of `PropertyResult`."""

    claim: str
    slice: str
    preset: str
    verdict: str
    engine: str
    states: int
    length: int | None

    @property
    def says(self) -> str:
        steps = f", {self.length} step{'s' * (self.length != 1)}" if self.length else ""
        return f"{self.verdict} in {self.slice}" + (steps if self.verdict == VIOLATED else f" ({self.states:,} states)")


@dataclass(frozen=True)
class Evidence:
    """One thing that a verdict rests on.

    kind: claim, finding, figure, lint, scenario, or reason. under: the preset or readings, of a figure its topic, of a lint its severity.
    word: what it makes of the sentence, one of CLASSES; "" where it only illustrates.
    """

    kind: str
    name: str
    under: str
    says: str
    word: str


@dataclass(frozen=True)
class Verdict:
    """word: one of CLASSES, under preset draft. repaired: what its claims come to under the repaired rules, and its figures, which no rule
    changes; "" where it has no claims."""

    word: str
    repaired: str
    evidence: tuple[Evidence, ...]
    against: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.word} by {', '.join(self.against)}" if self.word == CONTRADICTED else self.word


# -- results ---------------------------------------------------------------------------------------------------------------------------


@cache
def fingerprint() -> str:
    """Of what verdicts are established for: tables, claims, slices with their bounds, findings."""
    said = [markdown(table) for table in TABLES.values()]
    said += [f"{name} {show(one.violated)} {show(one.antecedent)} {one.slices}" for name, one in CLAIMS.items()]
    said += [f"{name} {show(one.when)} {show(one.goal)} {sorted(one.slices)}" for name, one in RESPONSES.items()]
    said += [f"{name} {sorted(one.bounds.items())}" for name, one in SLICES.items()]
    said += [f"{name} {sorted(one.readings.items())} {show(one.cause.when)}" for name, one in FINDINGS.items()]
    said += [f"{name} {key} {choice.value}" for name, preset in PRESETS.items() for key, choice in preset.choices.items()]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def keep(results: Iterable[PropertyResult], path: Path = RESULTS) -> None:
    """Keep what a run over everything established."""
    kept = [asdict(Result(one.property, one.slice, one.preset, one.verdict, one.engine, one.states, one.length))
            for one in results if not one.finding]
    kept.sort(key=lambda one: (one["claim"], one["slice"], one["preset"]))
    path.write_text(json.dumps({"of": fingerprint(), "results": kept}, indent=1) + "\n", encoding="utf-8")


@cache
def results() -> Mapping[str, tuple[Result, ...]]:
    """The kept results by claim. Raises UsageError where they are of another model."""
    said: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    if said["of"] != fingerprint():
        raise UsageError(f"{RESULTS.name}: the ledger's results are of another model, so it has no verdict to give; {RENEW}")
    found: dict[str, list[Result]] = {name: [] for name in PROPERTIES}
    for one in said["results"]:
        found[one["claim"]].append(Result(**one))
    return {name: tuple(those) for name, those in found.items()}


# -- verdicts --------------------------------------------------------------------------------------------------------------------------


def verdict(one: Requirement) -> Verdict:
    """What is established of a sentence, as the text is first read (preset draft).

    A contradiction outweighs all else; then what breaks the sentence, in whatever way; then what is undecided. Raises UsageError where
    the results that are kept are of another model, and KeyboardInterrupt where a figure was interrupted.
    """
    claims, figures = tuple(_claims(one)), tuple(map(_figure, one.numbers))
    others = (*_findings(one), *map(_scenario, one.scenarios), *map(_lint, one.lints), *_reasons(one))
    by_preset = {preset: [each.word for each in claims if each.under == preset] for preset in PRESETS}
    words = [*by_preset["draft"], *(each.word for each in (*figures, *others)), *([CONTRADICTED] if one.against else [])]
    repaired = [*by_preset["repaired"], *(each.word for each in figures if each.word != COMPUTED)] if by_preset["repaired"] else []
    return Verdict(_gravest(words), _gravest(repaired), (*claims, *figures, *others), one.against)


def _gravest(words: Iterable[str]) -> str:
    found = set(words)
    return next((word for word in GRAVEST_FIRST if word in found), "")


def _claims(one: Requirement) -> Iterator[Evidence]:
    for name in one.claims:
        for preset in PRESETS:
            found = [result for result in results()[name] if result.preset == preset]
            if found:
                says = "; ".join(result.says for result in found)
                words = [result.verdict if result.verdict in (VIOLATED, HOLDS) else UNDECIDED for result in found]
                yield Evidence("claim", name, preset, says, _gravest(words))


def _findings(one: Requirement) -> Iterator[Evidence]:
    for names, says, word in ((one.findings, "breaks it", VIOLATED), (one.shown, "its run shows that it is so", HOLDS)):
        for name in names:
            yield Evidence("finding", name, _under(name), f"{says}: {FINDINGS[name].title}", word)


@cache
def _figure(name: str) -> Evidence:
    (figure,) = [one for one in FIGURES if one.name == name]
    found = judge(figure, FIGURE_TIMEOUT)
    if found.reason == INTERRUPTED:
        raise KeyboardInterrupt
    ours = f"computed {shown(figure.computed, figure.unit)}"
    both = ours if figure.stated is None else f"stated {shown(figure.stated, figure.unit)}, {ours}"
    says = f"{found.word}: {both}" + (f"; {found.reason}" if found.reason else "")
    return Evidence("figure", name, figure.topic, says, {AGREE: HOLDS, DISAGREE: VIOLATED, NOT_STATED: COMPUTED}.get(found.word, UNDECIDED))


def _scenario(name: str) -> Evidence:
    scenario = load(name)
    return Evidence("scenario", name, scenario.preset, f"plays it in time: {scenario.about}", "")


def _lint(name: str) -> Evidence:
    (lint,) = [one for one in LINTS if one.id == name]
    return Evidence("lint", name, lint.severity, f"looks in a deployment: {lint.rule}", DEPLOYMENT)


def _reasons(one: Requirement) -> Iterator[Evidence]:
    for kind, why in ((BUILT_IN, one.built_in), (ASSUMED, one.assumed), (UNTESTABLE, one.untestable)):
        if why:
            yield Evidence("reason", kind, "", why, kind)


def _under(name: str) -> str:
    finding = FINDINGS[name]
    return " ".join([finding.preset, *(f"{key}={value}" for key, value in finding.readings.items())])


def verdicts() -> dict[str, Verdict]:
    """The verdict of every sentence, by id, in the order of the text."""
    return {name: verdict(one) for name, one in ledger().items()}


def counts() -> dict[str, int]:
    """How many sentences have each verdict."""
    found = Counter(one.word for one in verdicts().values())
    return {word: found[word] for word in CLASSES if found[word]}


# -- choosing and showing --------------------------------------------------------------------------------------------------------------


def choose(ids: Iterable[str], section: str | None, word: str | None) -> list[str]:
    """The sentences asked for, in the order of the text. Raises UsageError for what there is not."""
    known = ledger()
    for name in ids:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise UsageError(f"sentence {name!r}: there is none of that name" + (f"; did you mean {near[0]}?" if near else
                                                                                 "; lockstep requirements lists them"))
    sections = dict.fromkeys(one.section for one in known.values())
    if section is not None and section not in sections:
        raise UsageError(f"section {section!r}: the ledger has no sentence of it; it has {', '.join(sections)}")
    if word is not None and word not in CLASSES:
        raise UsageError(f"verdict {word!r}: there is no such verdict; there are {', '.join(CLASSES)}")
    wanted = set(ids)
    return [name for name, one in known.items() if (not wanted or name in wanted) and section in (None, one.section)
            and (word is None or verdict(one).word == word)]


def to_document(found: Mapping[str, Verdict]) -> dict[str, Any]:
    """Sentences and verdicts as one JSON document."""
    said = [asdict(ledger()[name]) | {"source": ledger()[name].source, "verdict": one.text, "repaired": one.repaired,
                                      "evidence": [asdict(each) for each in one.evidence]} for name, one in found.items()]
    return {"sentences": said, "counts": dict(Counter(one.word for one in found.values()))}
