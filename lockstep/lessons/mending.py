"""The readings a reader chose, judged by a search that visits every state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lockstep.choice import UsageError, parse
from lockstep.engines import run
from lockstep.jobs import Job, Limits
from lockstep.lessons.lesson import Repair
from model.trace import Trace
from properties.registry import HOLDS

LIMITS = Limits(memory=0.5, timeout=10.0)


@dataclass(frozen=True)
class Mended:
    """What the search says. solved: every claim asked for holds. verdicts: of each, its verdict word and the reason for it, if any;
    traces: a shortest run for each that breaks. states: visited. changed: how many readings differ from the setting's."""

    solved: bool
    verdicts: Mapping[str, tuple[str, str]]
    traces: Mapping[str, Trace]
    states: int
    changed: int


def changes(task: Repair, chosen: Mapping[str, str]) -> dict[str, str]:
    """Those of the values chosen that differ from the setting's. Raises UsageError for a reading or value that is not offered, and for
    too many."""
    found, given = {}, task.setting.readings
    for key, value in chosen.items():
        if value not in task.offered.get(key, ()):
            raise UsageError(f"reading {key}={value}: the task offers "
                             + (f"{key}={', '.join(task.offered[key])}" if key in task.offered else f"only {', '.join(task.offered)}"))
        if any(given[name] != own for name, own in parse([f"{key}={value}"]).items()):
            found[key] = value
    if len(found) > task.most:
        raise UsageError(f"{len(found)} readings changed, {', '.join(f'{key}={value}' for key, value in found.items())}: the task allows "
                         f"{task.most}; set one back")
    return found


def mend(task: Repair, chosen: Mapping[str, str]) -> Mended:
    """Judge readings: values for some of those offered; the others stay as the setting has them. Raises UsageError."""
    changed, setting = changes(task, chosen), task.setting
    overrides = setting.overrides | parse(f"{key}={value}" for key, value in changed.items())
    outcome = run(Job(setting.slice, setting.preset, overrides, task.claims, bounds=setting.bounds, limits=LIMITS))
    verdicts = {name: (one.verdict, one.reason) for name, one in outcome.judgements.items()}
    return Mended(all(verdict == HOLDS for verdict, _ in verdicts.values()), verdicts, outcome.traces, outcome.states, len(changed))
