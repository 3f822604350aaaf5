"""docs/vacuity.md: which parts of the claims are never put to the test, which claims follow from others, and what is to be said of either.

`python -m docs vacuity` searches, and keeps what it finds in docs/vacuity.json, each search with a fingerprint of what it was made of;
a search that is there is not made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from docs.pages import ROOT
from lockstep.choice import readings
from lockstep.jobs import Job, Limits
from lockstep.pool import run_each
from lockstep.vacuity import CLOSE, MATTERS, NEVER, OPEN, Exercised, Findings, Searched, Task, examine, jobs_of, members, run
from model.expr import show
from model.slices import SLICES, bounds_of
from properties.registry import CLAIMS
from traces.replay import model_digest
from verify.query import INTERRUPTED

PAGE, KEPT = ROOT / "docs" / "vacuity.md", ROOT / "docs" / "vacuity.json"
RENEW = "renew it with: python -m docs vacuity"
# The slices as small as their questions allow: what needs a loss, a copy or a second attack is not seen here.
BOUNDS: Mapping[str, Mapping[str, int]] = {
    "teardown": {"losses": 0, "copies": 0}, "opening": {"losses": 0, "attacks": 0}, "rekey": {"losses": 0}, "phase1": {"losses": 0},
    "restart": {}, "collision": {}, "attacker": {"attacks": 1, "copies": 0},
}


def fingerprint(task: Task) -> str:
    """Of what a search was made of: the model from where it starts, the claims, and what was asked."""
    job = task.job
    said = [model_digest(job.slice, readings(job.preset, job.overrides), bounds_of(job.slice, job.bounds))]
    said += [f"{claim} {number} {members(claim)[number].kind} {members(claim)[number].text}" for claim, number in task.asked]
    said += [f"{name} {show(CLAIMS[name].violated)} {show(CLAIMS[name].antecedent)}" for name in job.properties]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def name_of(task: Task) -> str:
    return f"{task.round} {task.job.slice} {task.job.preset}"


def jobs() -> list[Job]:
    return [job for name in SLICES for job in jobs_of([name], (), (), (), BOUNDS[name], Limits())]


def kept() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return found


def recalled(tasks: Sequence[Task]) -> list[Searched]:
    """What is kept of these searches. Raises ValueError where one is missing, or of another model."""
    known, found = kept(), []
    for task in tasks:
        there = known.get(name_of(task), {})
        if there.get("of") != fingerprint(task):
            raise ValueError(f"docs/vacuity.json: '{name_of(task)}' is missing, or of another model; {RENEW}")
        found.append(_searched(there))
    return found


def _searched(there: Mapping[str, Any]) -> Searched:
    follows = {name: None if others is None else tuple(others) for name, others in there["follows"].items()}
    return Searched(there["why"], there["states"], there["length"], follows)


def made(workers: int, tasks: Sequence[Task]) -> list[Searched]:
    """What is kept of these searches; those that are missing or of another model are made, and kept as they come."""
    known = kept()
    missing = [task for task in tasks if known.get(name_of(task), {}).get("of") != fingerprint(task)]
    for number, one in run_each(run, missing, workers):
        if one.why == INTERRUPTED:
            break
        task = missing[number]
        known[name_of(task)] = {"of": fingerprint(task), **asdict(one)}
        KEPT.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"vacuity: {name_of(task)}: {one.states:,} states", flush=True)
    return recalled(tasks)


def renew(workers: int) -> None:
    """Make what is missing, forget what is not asked for any more, and write the page. Raises ValueError where Ctrl-C ended it."""
    wanted: list[str] = []

    def remembered(tasks: Sequence[Task]) -> list[Searched]:
        wanted.extend(map(name_of, tasks))
        return made(workers, tasks)

    found = examine(jobs(), remembered)
    known = kept()
    KEPT.write_text(json.dumps({name: known[name] for name in sorted(wanted)}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(text(found), encoding="utf-8")


def page() -> str:
    """The page that the kept searches make. Raises ValueError where they are of another model."""
    return text(examine(jobs(), recalled))


# -- the page --------------------------------------------------------------------------------------------------------------------------


def text(found: Findings) -> str:
    return "\n".join([
        "<!-- made by python -m docs vacuity; do not edit -->", "# What the claims do not say", "",
        "`lockstep vacuity` leaves out each part of each claim in turn and asks whether any step that can happen tells the difference. A "
        "condition *matters* where the claim without it would break in a step in which it does not; a case, where the claim breaks by it "
        "alone. A case is *close* where some step is at most one condition short of breaking the claim by it. What is left is *never* put "
        "to the test: the claim without it says the same of every step. Each is said of one part by itself, within these bounds:", "",
        *_bounds(found), "", "## Each claim", "", *_counted(found), "", "## Never put to the test", "", *_never(found), "",
        "## What follows from what", "", *_follows(found), ""])


def _bounds(found: Findings) -> Iterable[str]:
    yield "| slice | bounds | states, draft | states, repaired |"
    yield "|---|---|---|---|"
    for name in SLICES:
        states = {preset: f"{number:,}" for asked, where, preset, number, _ in found.searches if (asked, where) == (MATTERS, name)}
        bounds = ", ".join(f"{key} {value}" for key, value in bounds_of(name, BOUNDS[name]).items())
        yield f"| {name} | {bounds} | {states['draft']} | {states['repaired']} |"


def _counted(found: Findings) -> Iterable[str]:
    yield "| claim | parts | matter | close | never | says something of its own |"
    yield "|---|---|---|---|---|---|"
    for name in CLAIMS:
        words = [one.word for one in found.parts if one.claim == name]
        own = "no" if name in found.idle else "yes"
        yield f"| `{name}` | {len(words)} | " + " | ".join(str(words.count(word)) for word in (MATTERS, CLOSE, NEVER)) + f" | {own} |"


def _never(found: Findings) -> Iterable[str]:
    by_claim: dict[str, list[Exercised]] = {}
    for one in found.parts:
        if one.word in (NEVER, OPEN) and not one.inner:
            by_claim.setdefault(one.claim, []).append(one)
    yield "Parts within such a part are not listed."
    for name, parts in by_claim.items():
        yield from ("", f"`{name}`", "")
        grouped: dict[str, list[str]] = {}
        for one in parts:
            grouped.setdefault(one.kind + (f" ({OPEN})" if one.word == OPEN else ""), []).append(f"`{one.text}`")
        yield from (f"- {kind}: {'; '.join(texts)}" for kind, texts in grouped.items())


def _follows(found: Findings) -> Iterable[str]:
    yield ("The first claim breaks only where one of the others does, *by logic* (in any step of any state) or on every run in a slice, no "
           "later than they. The last column is why it is there all the same: it holds where they break.")
    yield from ("", "| claim | breaks only if | how | holds where they break |", "|---|---|---|---|")
    for one in found.follows:
        how = [*(["by logic"] if one.by_logic else []), *(", ".join(where) for where in one.searches)]
        yield (f"| `{one.claim}` | {' or '.join(f'`{other}`' for other in one.others)} | {'; '.join(how)} | "
               f"{'; '.join(', '.join(where) for where in one.apart)} |")
