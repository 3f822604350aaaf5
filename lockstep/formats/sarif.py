"""A report as SARIF 2.1.0 (OASIS): each violation at the section and line of the draft that it breaks, with its run as a code flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lockstep.report import PropertyResult, Report
from properties.findings import FINDINGS
from properties.registry import HOLDS, PROPERTIES, VIOLATED
from properties.requirements import Requirement, ledger
from traces.files import read
from traces.ladder import told
from traces.replay import replay

DRAFT = "https://www.ietf.org/archive/id/draft-ward-bgp-ipsec-00.txt"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Mapping[str | None, str] = {HOLDS: "error", VIOLATED: "note", None: "warning"}  # by what was expected of a violation


def sarif(report: Report) -> dict[str, Any]:
    """The document: a rule for each claim that breaks, a result for each violation. A broken promise is an error, a violation that
    nobody expected either way a warning, a known finding a note."""
    broken = [one for one in report.results if one.verdict == VIOLATED]
    rules = list(dict.fromkeys(one.property for one in broken))
    driver = {"name": "lockstep", "version": report.version, "rules": [_rule(name) for name in rules]}
    return {"$schema": SCHEMA, "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints",
                      "results": [_result(one, rules.index(one.property)) for one in broken]}]}


def _rule(name: str) -> dict[str, Any]:
    claim = PROPERTIES[name]
    tested = [ledger()[each] for each in claim.requirements]
    return {"id": name, "shortDescription": {"text": claim.sentence}, "fullDescription": {"text": f"{claim.sentence} ({claim.source})"},
            "help": {"text": "\n".join([claim.sentence, *(f"{one.id} ({one.source}, {one.keyword}): {one.says}" for one in tested)])}}


def _result(one: PropertyResult, rule: int) -> dict[str, Any]:
    places = [ledger()[name] for name in one.requirements]
    title = FINDINGS[one.finding].title if one.finding else PROPERTIES[one.property].sentence
    under = " ".join([f"slice {one.slice}, preset {one.preset}", *(f"{key}={value}" for key, value in one.readings.items())])
    found: dict[str, Any] = {
        "ruleId": one.property, "ruleIndex": rule, "level": LEVELS[one.expected] if one.as_expected or one.expected == HOLDS else "error",
        "message": {"text": f"{title}: violated in {one.length} steps ({under})"},
        "locations": [_location(each) for each in places[:1]], "relatedLocations": [_location(each) for each in places[1:]],
        "partialFingerprints": {"lockstep/v1": " ".join([one.finding or one.property, under])},
        "properties": {"finding": one.finding, "preset": one.preset, "slice": one.slice, "readings": dict(one.readings),
                       "bounds": dict(one.bounds), "engine": one.engine, "states": one.states, "trace": one.trace or ""}}
    if one.trace:
        found["codeFlows"] = [{"threadFlows": [{"locations": list(_flow(Path(one.trace)))}]}]
    return found


def _location(one: Requirement) -> dict[str, Any]:
    first, _, last, _ = one.place
    return {"physicalLocation": {"artifactLocation": {"uri": DRAFT}, "region": {"startLine": first, "endLine": last}},
            "message": {"text": f"{one.id}: {one.says}"},
            "logicalLocations": [{"name": one.id, "fullyQualifiedName": f"section {one.section}, {one.id}", "kind": "member"}]}


def _flow(path: Path) -> Iterable[dict[str, Any]]:
    """The steps of a witness, in the words of its ladder."""
    run = replay(read(path))
    for number, outcome in enumerate(run.outcomes, 1):
        words = [said for said in (told(run.system, firing) for firing in outcome.fired) if said]
        yield {"executionOrder": number, "location": {"message": {"text": "; ".join(words) or "the network"}}}
