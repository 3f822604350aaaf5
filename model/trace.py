"""A trace as data: how a run of the model is written down, by every engine, and read back.

States are not stored. Replay recomputes them, so a trace of an older model is refused by its digest instead of being
shown wrong.
"""

from __future__ import annotations

import builtins
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1


class TraceError(Exception):
    """The document is not a trace this version can read. The text is one line: where, the value, what to do."""


@dataclass(frozen=True)
class Step:
    """One stimulus: an event of the table `table` at `scope`, arguments and choices by name, the rows it fired
    as "scope.table: row", and, for timed runs, when (seconds)."""

    scope: str
    table: str
    event: str
    args: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    time: float | None = None


@dataclass(frozen=True)
class Trace:
    """A run. `start` says which of the slice's initial states it begins in, `end` at which end the claim breaks; `property` and
    `end` are empty where the run was recorded without a claim that it breaks.

    `loop`: the run is endless, a lasso. After that many steps it comes to the state to which its last step leads back; where that is
    all of them, it stays in its last state for ever. None: it ends with its last step."""

    digest: str
    slice: str
    preset: str
    readings: Mapping[str, str]
    bounds: Mapping[str, int]
    engine: str
    seed: int | None
    property: str
    end: str
    start: int
    steps: tuple[Step, ...]
    finding: str = ""
    loop: int | None = None

    @builtins.property
    def length(self) -> int:
        return len(self.steps)


def to_document(trace: Trace) -> dict[str, Any]:
    """The trace as a JSON document."""
    steps = []
    for one in trace.steps:
        step: dict[str, Any] = {"scope": one.scope, "table": one.table, "event": one.event}
        step |= {key: dict(value) for key, value in (("args", one.args), ("choices", one.choices)) if value}
        step["rows"] = list(one.rows)
        steps.append(step | ({} if one.time is None else {"time": one.time}))
    loop = {} if trace.loop is None else {"loop": trace.loop}
    return {"lockstep-trace": FORMAT, "model": trace.digest, "slice": trace.slice, "preset": trace.preset,
            "readings": dict(trace.readings), "bounds": dict(trace.bounds), "engine": trace.engine, "seed": trace.seed,
            "property": trace.property, "end": trace.end, "finding": trace.finding, "start": trace.start, **loop, "steps": steps}


def from_document(document: Any) -> Trace:
    """The trace in a JSON document. Raises TraceError."""
    if not isinstance(document, dict) or "lockstep-trace" not in document:
        raise TraceError("no key 'lockstep-trace': this is not a trace; give a file that lockstep verify wrote")
    if document["lockstep-trace"] is True or document["lockstep-trace"] != FORMAT:
        raise TraceError(f"format {_shown(document['lockstep-trace'])}: this version reads format {FORMAT}; run lockstep verify again")
    known = {key: _of(document, key, kind) for key, kind in (
        ("model", str), ("slice", str), ("preset", str), ("readings", dict), ("bounds", dict), ("engine", str), ("property", str),
        ("end", str), ("finding", str), ("start", int), ("steps", list))}
    seed = document.get("seed")
    if seed is not None and not _whole(seed):
        raise TraceError(f"seed {_shown(seed)}: a whole number or null is needed")
    for key, value in known["readings"].items():
        if not isinstance(value, str):
            raise TraceError(f"readings, {_shown(key)}: {_shown(value)} is not a text")
    for key, value in known["bounds"].items():
        if not _whole(value) or value < 0:
            raise TraceError(f"bounds, {_shown(key)}: {_shown(value)} is not a whole number from 0 on")
    loop = document.get("loop")
    if loop is not None and (not _whole(loop) or not 0 <= loop <= len(known["steps"])):
        raise TraceError(f"loop {_shown(loop)}: a number of steps from 0 to {len(known['steps'])} is needed; the file is damaged")
    steps = tuple(_step(number, one) for number, one in enumerate(known["steps"], 1))
    return Trace(known["model"], known["slice"], known["preset"], known["readings"], known["bounds"], known["engine"], seed,
                 known["property"], known["end"], known["start"], steps, known["finding"], loop)


def _of(document: Mapping[str, Any], key: str, kind: type, where: str = "") -> Any:
    if key not in document:
        raise TraceError(f"{where}key {key!r} is missing: the file is damaged; run lockstep verify again")
    value = document[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TraceError(f"{where}{key} {_shown(value)}: a {kind.__name__} is needed; the file is damaged")
    return value


def _step(number: int, one: Any) -> Step:
    where = f"step {number}: "
    if not isinstance(one, dict):
        raise TraceError(f"{where}{_shown(one)} is not a step; the file is damaged")
    texts = {key: _of(one, key, str, where) for key in ("scope", "table", "event")}
    maps = {key: _of({key: one.get(key, {})}, key, dict, where) for key in ("args", "choices")}
    for values in maps.values():
        for key, value in values.items():
            if not isinstance(value, str):
                raise TraceError(f"{where}{_shown(key)} {_shown(value)}: a text is needed; the file is damaged")
    rows = _of(one, "rows", list, where)
    for row in rows:
        if not isinstance(row, str):
            raise TraceError(f"{where}row {_shown(row)}: a text is needed; the file is damaged")
    time = one.get("time")
    if time is not None and not (_whole(time) or (isinstance(time, float) and math.isfinite(time))):
        raise TraceError(f"{where}time {_shown(time)}: a number of seconds is needed")
    return Step(texts["scope"], texts["table"], texts["event"], maps["args"], maps["choices"], tuple(rows), time)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value of the file for an error of one line: cut short where it is long or deep."""
    return reprlib.repr(value)
