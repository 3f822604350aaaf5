"""What the pages of findings need and is expensive: who had the last chance (`verify.game`), the smallest repairs (`lockstep.remedies`).

`python -m docs facts` computes it and keeps it in properties/known/facts.json, with fingerprints of what it was computed from.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Collection, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from docs.pages import ROOT
from lockstep.bench import Bench
from lockstep.chances import FACTS, fingerprint
from lockstep.remedies import HOW_FAR, made_worse, remedies, rules
from model.expr import show
from model.readings import READINGS
from model.slices import build
from model.system import ENDS, System
from model.trace import Trace
from properties.finding import Finding
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import claims_of
from tests.runs import kept
from traces.names import coded
from verify.game import Adopted, Chance, chance
from verify.step import Firing

FOLDER = ROOT / "docs" / "findings"
LARGE = ("rekey", "phase1", "opening")  # slices whose searches take longest; they are begun first
RENEW = "renew them with: python -m docs facts"

Facts = dict[str, dict[str, Any]]


def asked(finding: Finding, trace: Trace) -> System:
    """The system that a finding's claim is judged in; its cause is not remembered."""
    return build(trace.slice, trace.readings, bounds=trace.bounds, monitors=finding.claim.monitors)


def repair_fingerprint(finding: Finding, trace: Trace) -> str:
    """Of what its smallest repair was computed from: besides, every claim of the slice, the rules of the repair, and how far was looked."""
    said = [fingerprint(finding, trace), repr((rules(), HOW_FAR)), *(f"{one.name}|{show(one.violated)}|{show(one.antecedent)}"
                                                          for one in claims_of(trace.slice))]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def computed(name: str, bench: Bench | None = None, there: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts about one finding. Takes seconds, for some findings minutes. bench: of its slice. there: facts, of which those that are
    of this model are taken over."""
    finding, trace, there = FINDINGS[name], kept()[name], there or {}
    of, of_repair = fingerprint(finding, trace), repair_fingerprint(finding, trace)
    found = {"of": of, "ends": there["ends"] if there.get("of") == of else chances_of(finding, trace)}
    if there.get("of") == of and there.get("repair", {}).get("of") == of_repair:
        return found | {"repair": there["repair"]}
    bench = bench or Bench(trace.slice)
    worse = {end: {which: list(made_worse(bench, trace, at, one["changes"])) for which, at in (("adopted", ends["last"]), ("from_start", 0))
                   if (one := ends[which]) is not None} for end, ends in found["ends"].items()}
    repair = {"of": of_repair, **asdict(remedies(bench, finding, trace)), "worse": worse}
    return found | {"repair": json.loads(json.dumps(repair))}


def chances_of(finding: Finding, trace: Trace) -> dict[str, Any]:
    """What the game says of each end."""
    system, claim = asked(finding, trace), finding.claim
    stimuli = [coded(system, number, one) for number, one in enumerate(trace.steps, 1)]
    repaired = {key: one.var.sort.code(PRESETS["repaired"].value(key)) for key, one in READINGS.items()
                if PRESETS["repaired"].value(key) != PRESETS["draft"].value(key)}
    return {end: _document(system, chance(system, end, claim.violated, claim.antecedent, trace.end, system.initial[trace.start], stimuli,
                                          fallback=repaired)) for end in ENDS}


def _document(system: System, found: Chance) -> dict[str, Any]:
    def row(one: Firing | None) -> dict[str, str] | None:
        return None if one is None else {"row": f"{one.scope}.{system.table_of_row(one.row).name}: {one.row.key}", "source": one.row.source}

    def adopted(one: Adopted | None) -> dict[str, Any] | None:
        return None if one is None else {key: value for key, value in asdict(one).items() if key != "codes"}

    anyway = found.anyway and {"changes": dict(found.anyway.changes), "broken_by": [row(one) for one in found.anyway.broken_by]}
    return {"lost": list(found.lost), "last": found.last, "undecided": found.undecided, "adopted": adopted(found.adopted),
            "from_start": adopted(found.from_start), "followed": row(found.followed), "instead": row(found.instead),
            "anyway": anyway, "arena": found.arena}


def facts() -> Facts:
    """The kept facts. Raises ValueError where they are of another model, or not of these findings."""
    known: Facts = json.loads(FACTS.read_text(encoding="utf-8"))
    for name, finding in FINDINGS.items():
        there, trace = known.get(name, {}), kept()[name]
        if (there.get("of"), there.get("repair", {}).get("of")) != (fingerprint(finding, trace), repair_fingerprint(finding, trace)):
            raise ValueError(f"properties/known/facts.json: what it says of {name} was computed from another model; {RENEW}")
    if set(known) != set(FINDINGS):
        raise ValueError(f"properties/known/facts.json: {sorted(set(known) - set(FINDINGS))[0]} is no finding; {RENEW}")
    return known


def renew(names: Collection[str] = (), workers: int = 2) -> None:
    """Compute the facts that are missing or of another model, of these findings (none: of all), and keep them as they come.
    Findings with the same slice and readings share a process, and so its searches; a process does one such group."""
    old: Facts = json.loads(FACTS.read_text(encoding="utf-8")) if FACTS.exists() else {}
    known = {name: old[name] for name in FINDINGS if name in old}
    groups: dict[tuple[str, str], list[str]] = {}
    for name, finding in FINDINGS.items():
        if not names or name in names:
            groups.setdefault((finding.slice, repr(sorted(finding.readings.items()))), []).append(name)
    order = sorted(groups.values(), key=lambda group: (FINDINGS[group[0]].slice not in LARGE, -len(group)))
    FOLDER.mkdir(exist_ok=True)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    try:
        for done in as_completed([pool.submit(_computed, {name: known.get(name, {}) for name in group}) for group in order]):
            known |= done.result()
            FACTS.write_text(json.dumps({name: known[name] for name in FINDINGS if name in known}, indent=1) + "\n", encoding="utf-8")
    finally:
        pool.shutdown(cancel_futures=True)


def _computed(group: Facts) -> Facts:
    """The facts of a group of findings, in a process of its own."""
    bench, found = Bench(FINDINGS[next(iter(group))].slice), Facts()
    for name, there in group.items():
        found[name] = computed(name, bench, there)
        print(f"facts: {name}", flush=True)
    return found
