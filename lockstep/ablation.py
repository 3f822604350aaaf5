"""Ablation: what each change of a repair carries. Set back to the draft's value alone, which claim breaks?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lockstep.choice import UsageError, readings
from lockstep.jobs import Job, Limits, Outcome
from lockstep.pool import run_all
from lockstep.repair import PROMISING, asked_of, job_of
from model.trace import Trace
from properties.presets import PRESETS
from verify.query import Progress

DRAFT = "draft"
RULE = re.compile(r"R-\w+")


@dataclass(frozen=True)
class Without:
    """The repair without one change, or without one rule's changes.

    rule: of preset `repaired`, "" where the change belongs to none. what: the readings set back, by key, or by "A:key" where the ends
    differ. broken: the claims that break now, and did not with all changes, with the steps to it; traces: their witnesses.
    states: visited. why: what ended the search before its end, so that it says nothing of the other claims; "" where they do not break.
    """

    rule: str
    what: tuple[str, ...]
    broken: Mapping[str, int]
    traces: Mapping[str, Trace]
    states: int
    why: str


@dataclass(frozen=True)
class Ablation:
    """One row for each change, then one for each rule of several changes.

    kept: the claims looked at, which do not break with all changes; broken: those that break even so, with the steps. unread: changes
    that no row of the slice reads, so that nothing depends on them. why: what ended the search with all changes before its end.
    """

    slice: str
    preset: str
    overrides: Mapping[str, str]
    bounds: Mapping[str, int]
    kept: tuple[str, ...]
    broken: Mapping[str, int]
    rows: tuple[Without, ...]
    unread: tuple[str, ...]
    why: str


def ablation(slice: str, preset: str, overrides: Mapping[str, str], properties: Sequence[str], bounds: Mapping[str, int], *,
             limits: Limits, workers: int = 1, progress: Callable[[Job, Progress], None] | None = None,
             started: Callable[[Sequence[Job]], None] | None = None) -> Ablation:
    """Take the changes that a preset with overrides makes to preset `draft` back one by one.

    properties: the claims to look at; none: as for `lockstep.repair.repairs`. Raises UsageError for what does not exist, or where
    nothing was changed.
    """
    if workers < 1:
        raise UsageError(f"workers {workers}: give a whole number from 1 on")
    job = job_of(slice, preset, overrides, properties, bounds, limits)
    chosen, draft = readings(preset, overrides), readings(DRAFT, {})
    read = asked_of(job).system.readings_read
    changed = {name: draft[name] for name in chosen if chosen[name] != draft[name]}
    groups = _groups([name for name in changed if name in read], chosen)
    if not groups:
        raise UsageError(f"preset {preset!r}: with these readings nothing that slice {slice} reads differs from the draft; "
                         "give --preset repaired, or the readings of a repair")
    jobs = [job, *(replace(job, overrides={**overrides, **{name: changed[name] for name in names}}) for _, _, names in groups)]
    if started is not None:
        started(jobs)
    watch = None if progress is None else (lambda number, report: progress(jobs[number], report))
    outcomes = dict(run_all(jobs, workers, watch))
    whole = outcomes[0]
    broken = {name: trace.length for name, trace in whole.traces.items()}
    kept = tuple(name for name in job.properties if name not in broken)
    rows = tuple(_row(rule, what, outcomes[number], kept) for number, (rule, what, _) in enumerate(groups, 1))
    return Ablation(slice, preset, overrides, job.bounds, kept, broken, rows, tuple(_keys([name for name in changed if name not in read])),
                    whole.why)


def _row(rule: str, what: tuple[str, ...], outcome: Outcome, kept: Sequence[str]) -> Without:
    traces = {name: trace for name, trace in outcome.traces.items() if name in kept}
    return Without(rule, what, {name: trace.length for name, trace in traces.items()}, traces, outcome.states, outcome.why)


def _groups(changed: Sequence[str], chosen: Mapping[str, str]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What is set back together: (rule, what it is called, readings); each change for itself, then rules of several changes."""
    found: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    rules: dict[str, list[str]] = {}
    for key in _keys(changed):
        names = tuple(name for name in changed if name == key or name.rpartition(":")[2] == key)
        choice = PRESETS[PROMISING].choices[names[0].rpartition(":")[2]]
        match = RULE.match(choice.source) if all(chosen[name] == choice.value for name in names) else None
        rule = match[0] if match else ""
        found.append((rule, (key,), names))
        if rule:
            rules.setdefault(rule, []).extend(names)
    return found + [(rule, tuple(_keys(names)), tuple(names)) for rule, names in rules.items() if len(_keys(names)) > 1]


def _keys(names: Sequence[str]) -> list[str]:
    """Readings as they are set back: by key where both ends are among them."""
    ends: dict[str, list[str]] = {}
    for name in names:
        ends.setdefault(name.rpartition(":")[2], []).append(name)
    return [key if len(together) > 1 else together[0] for key, together in ends.items()]
