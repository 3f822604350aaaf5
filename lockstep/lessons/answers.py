"""What the panel's script asks, answered from what it says alone: a task, and a link or readings.

`begin`: where a task begins; `where`: whether a path has reached its situation; `way`: whether it still can, and how; `mended`: what
becomes of the claims under chosen readings. Nothing of a reader is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from lockstep.choice import UsageError
from lockstep.explore.path import Asked, Position, along, asked_in, next_steps, opened, position
from lockstep.lessons.course import TASKS
from lockstep.lessons.lesson import Repair, Task
from lockstep.lessons.mending import mend
from lockstep.lessons.standing import opening, standing
from lockstep.lessons.way import ways
from lockstep.page.data import Document
from properties.registry import PROPERTIES
from traces.replay import replay
from verify.step import Stimulus


def begin(asked: Mapping[str, Any]) -> Document:
    """The link to where a task ("task") begins, and how many steps its opening has taken."""
    task = _task(asked)
    return {"query": beginning(task).query, "given": len(opening(task)) if isinstance(task, Task) else 0}


def where(asked: Mapping[str, Any]) -> Document:
    """Where the reader stands in a task on the way to a link ("query"): `solved`, `strayed` (step or null), `clues`, `rule`; or only
    `elsewhere`, where the link is not a way from the task's beginning."""
    task, place = _path_task(asked), _place(asked)
    taken = _steps(task, place)
    if taken is None:
        return {"elsewhere": True}
    found = standing(task, taken)
    return {"elsewhere": False, "solved": found.solved, "strayed": found.strayed, "clues": list(found.clues), "rule": task.rule}


def way(asked: Mapping[str, Any]) -> Document:
    """How far the situation is from a link: `steps` (null: out of reach), `next` (the step to take, its number in a path and its words),
    `lost` (the step that shut the door, and its words), `why` (what is not known, and why)."""
    task, place = _path_task(asked), _place(asked)
    taken = _steps(task, place)
    if taken is None:
        raise UsageError("the set-up is not the task's; go back to the task")
    found, at = ways(task).after(taken), position(place)
    told: Document = {"steps": None, "next": None, "lost": None, "why": found.why}
    if found.stimuli:
        index = along(at, found.stimuli[:1])[0]
        told |= {"steps": len(found.stimuli), "next": {"index": index, "text": _words(at, index)}}
    elif found.lost:
        told["lost"] = {"step": found.lost, "text": _words(at.way[found.lost - 1], place.path[found.lost - 1])}
    return told


def mended(asked: Mapping[str, Any]) -> Document:
    """What a search says of the claims of a task under chosen readings ("readings", by key): `solved`, `states`, and of each claim its
    verdict, and the link to a shortest run that breaks it."""
    task, chosen = _task(asked), asked.get("readings")
    if not isinstance(task, Repair):
        raise UsageError("task: it asks for a path, not for readings")
    if not isinstance(chosen, dict) or not all(isinstance(one, str) for one in chosen.values()):
        raise UsageError("readings: an object of texts is needed")
    found = mend(task, chosen)
    return {"solved": found.solved, "states": found.states, "changed": found.changed, "claims": [
        {"name": name, "sentence": PROPERTIES[name].sentence, "verdict": verdict, "why": why,
         "steps": found.traces[name].length if name in found.traces else None,
         "query": opened(replay(found.traces[name])).query if name in found.traces else None}
        for name, (verdict, why) in found.verdicts.items()]}


# -- between a link and a task ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def beginning(task: Task | Repair) -> Asked:
    """Where a task begins, its opening taken."""
    setting = task.setting
    world = Asked(setting.slice, setting.preset, tuple(setting.overrides.items()), tuple(setting.bounds.items()), setting.start)
    world = asked_in(world.query)  # as every link says it
    return replace(world, path=along(position(world), opening(task) if isinstance(task, Task) else ()))


def _steps(task: Task, place: Asked) -> Sequence[Stimulus] | None:
    """The stimuli on the way to a link; None where that does not begin as the task does."""
    first = beginning(task)
    if place.world != first.world or place.path[:len(first.path)] != first.path:
        return None
    return [one.stimulus for one in position(place).way if one.stimulus is not None]


def _words(at: Position, index: int) -> str:
    """What a step is called in the list of those that can be taken."""
    return str(next(one["text"] for one in next_steps(at) if one["index"] == index))


def _task(asked: Mapping[str, Any]) -> Task | Repair:
    name = asked.get("task")
    if not isinstance(name, str) or name not in TASKS:
        raise UsageError(f"task {str(name)[:80]!r}: there is no such task")
    return TASKS[name]


def _path_task(asked: Mapping[str, Any]) -> Task:
    task = _task(asked)
    if not isinstance(task, Task):
        raise UsageError("task: it asks for readings, not for a path")
    return task


def _place(asked: Mapping[str, Any]) -> Asked:
    query = asked.get("query")
    if not isinstance(query, str):
        raise UsageError("query: a text is needed")
    return asked_in(query)
