"""What the page's script asks, answered: each question says where its reader stands, and nothing else is known of him."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from lockstep.choice import UsageError
from lockstep.explore import path, ways
from lockstep.page.data import FIRST, Document
from model.readings import READINGS
from model.slices import SLICES, build
from model.trace import TraceError, from_document
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import claims_of
from traces.files import read
from traces.replay import NotARun, Run, replay

USER_ERRORS = (UsageError, TraceError, NotARun)
GALLERY = files("traces") / "gallery"


def run(asked: Mapping[str, Any]) -> Document:
    """The page of a link ("query"); of a kept finding ("finding", its name) or of a trace ("trace", the document), which are replayed; or
    of a link with as many as possible of the "steps" that another run took. Raises USER_ERRORS."""
    if "finding" in asked:
        name = _text(asked, "finding")
        if name not in FINDINGS:
            raise UsageError(f"finding {name[:80]!r}: there is no such finding")
        return _opened(read_kept(name))
    if "trace" in asked:
        trace = from_document(asked["trace"])
        if trace.length > path.MOST_STEPS:
            raise UsageError(f"trace: it has {trace.length} steps; at most {path.MOST_STEPS} are shown")
        return _opened(replay(trace))
    place = path.asked_in(_text(asked, "query"))
    if "steps" not in asked:
        return path.document(place)
    wanted = from_document(asked["steps"]).steps
    found, why = path.follow(place, wanted)
    says = f"{len(found.path)} of {len(wanted)} steps can be taken under these readings: {why}" if why else ""
    return path.document(found) | {"says": says}


def _opened(replayed: Run) -> Document:
    trace = replayed.trace
    about = f"{trace.finding}: {FINDINGS[trace.finding].title}" if trace.finding else f"a run by {trace.engine}"
    broken = f"; breaks {trace.property} at {trace.end} in its last step" if trace.property and trace.loop is None else ""
    endless = "" if trace.loop is None else f"; breaks {trace.property} at {trace.end}: what follows step {trace.loop} repeats for ever"
    return path.document(path.opened(replayed)) | {"says": f"{about}{broken}{endless}"}


def read_kept(finding: str) -> Run:
    """The kept witness of a finding, replayed."""
    with as_file(GALLERY / f"{finding.replace('/', '-')}.json") as file:
        return replay(read(file))


def next_steps(asked: Mapping[str, Any]) -> Document:
    """What may happen where a link leads."""
    place = path.asked_in(_text(asked, "query"))
    return {"query": place.query, "next": path.next_steps(path.position(place))}


def slice_facts(asked: Mapping[str, Any]) -> Document:
    """What can be chosen in the slice of a link, under its readings: starts, readings, claims, rows, variables."""
    place = path.asked_in(_text(asked, "query"))
    system = build(place.slice, place.chosen, bounds=dict(place.bounds))
    first, names = system.initial[0], path.reading_names(place.slice)
    starts = []
    for state in system.initial:
        differs = [f"{slot} = {slot.text(code)}" for slot, code, usual in zip(system.slots, state, first, strict=True) if code != usual]
        starts.append(", ".join(differs[:4]) + (", ..." if len(differs) > 4 else ""))
    rows: dict[str, list[str]] = {}
    for one in sorted(system.instances, key=lambda one: FIRST.index(one.table.name) if one.table.name in FIRST else len(FIRST)):
        rows[f"{one.scope} {one.table.name}".strip()] = [row.key for row in one.table.firing]
    slots = sorted((slot for slot in system.slots if slot.sort is not None and slot.var.table not in ("reading", "endpoint")),
                   key=lambda slot: slot.var.name != "state")
    variables = {str(slot): list(slot.sort.values) for slot in slots if slot.sort is not None}
    return {"slice": place.slice, "starts": starts, "rows": rows, "variables": variables,
            "claims": [{"name": one.name, "sentence": one.sentence} for one in claims_of(place.slice)],
            "readings": [{"key": one.key, "values": list(one.values), "of": one.scope, "about": one.about, "source": one.source}
                         for one in READINGS.values() if names & {f"A:{one.key}", f"B:{one.key}", one.key}]}


@cache
def choices() -> Document:
    """What can be chosen whatever the slice is."""
    return {"slices": [{"name": one.name, "about": one.about} for one in SLICES.values()],
            "presets": {one.name: {key: one.value(key) for key in READINGS} for one in PRESETS.values()},
            "findings": [{"name": one.name, "title": one.title, "slice": one.slice, "preset": one.preset} for one in FINDINGS.values()],
            "most": path.MOST_STEPS}


def _text(asked: Mapping[str, Any], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise UsageError(f"{key}: a text is needed")
    return value


def goal_of(asked: Mapping[str, Any]) -> ways.Goal:
    """What is looked for. Raises UsageError."""
    return ways.Goal(path.asked_in(_text(asked, "query")), _text(asked, "kind"), _text(asked, "what").strip(), bool(asked.get("anew")))
