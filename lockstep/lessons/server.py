"""The lessons' share of the page that explores: a panel beside it, and what its script asks.

`/lesson/begin` where a task begins; `/lesson/standing` whether a path has reached its situation; `/lesson/way` whether it still can, and
how; `/lesson/mend` what becomes of the claims under chosen readings. The server keeps no reader's progress: that is the browser's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from starlette.routing import Route

from lockstep.choice import UsageError
from lockstep.explore import server as explore
from lockstep.explore.path import Asked, Position, along, asked_in, next_steps, opened, position
from lockstep.lessons.course import COURSE, TASKS
from lockstep.lessons.lesson import Lesson, Repair, Setting, Task
from lockstep.lessons.mending import mend
from lockstep.lessons.standing import opening, standing
from lockstep.lessons.way import ways
from lockstep.page.build import Parts, embedded, part
from lockstep.page.data import Document
from model.readings import READINGS
from properties.findings import FINDINGS
from properties.registry import PROPERTIES
from traces.replay import replay
from verify.step import Stimulus


def panel(lesson: str = "") -> dict[str, Any]:
    """What the page has besides the one that explores, as `lockstep.explore.server.application` takes it. `lesson`: the one to show first;
    where the reader left off if empty."""
    routes = [Route(f"/lesson/{name}", explore.answering(answer), methods=["POST"]) for name, answer in (
        ("begin", begin), ("standing", where), ("way", way), ("mend", mended))]
    here = __package__
    aside = part(here, "aside.html").replace("{course}", embedded({"first": lesson, "lessons": [_lesson(one) for one in COURSE]}))
    return {"routes": routes, "title": "Lockstep learn", "more": Parts(part(here, "learn.css"), part(here, "learn.js"), aside=aside)}


# -- what is asked ---------------------------------------------------------------------------------------------------------------------


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


# -- what the panel is made from -------------------------------------------------------------------------------------------------------


def _lesson(one: Lesson) -> Document:
    return {"name": one.name, "title": one.title, "minutes": one.minutes, "about": one.about,
            "passages": [{"text": passage.text, "source": passage.source} for passage in one.passages],
            "tasks": [_described(one, task) for task in one.tasks], "commands": list(one.commands)}


def _described(lesson: Lesson, task: Task | Repair) -> Document:
    told: Document = {"name"
                      : f"{lesson.name}/{task.name}", "title": task.title, "kind": task.kind, "asks": task.asks, "hints": list(task.hints),
                      "shows": task.shows, "setting": _setting(task.setting),
                      "findings": [{"name": name, "title": FINDINGS[name].title, "page": f"docs/findings/{_file(name)}.md",
                                    "ladder": f"lockstep show traces/gallery/{_file(name)}.json"} for name in task.findings]}
    if isinstance(task, Repair):
        given = task.setting.readings
        told |= {"most": task.most, "offered": [
            {"key": key, "values": list(values), "given": given.get(key, given.get(f"A:{key}")),
             "about": READINGS[key.rpartition(":")[2]].about, "source": READINGS[key.rpartition(":")[2]].source}
            for key, values in task.offered.items()]}
    return told


def _file(finding: str) -> str:
    """What the files of a finding are called."""
    return finding.replace("/", "-")


def _setting(one: Setting) -> str:
    """Where a task begins, in a line."""
    bounds = ", ".join(f"{key} {one.all_bounds[key]}" for key in ("losses", "copies", "attacks") if one.all_bounds[key])
    changed = f", {', '.join(one.changed)}" if one.changed else ""
    taken = f"; {len(one.opening)} steps are taken already" if one.opening else ""
    return f"slice {one.slice}, preset {one.preset}{changed}; bounds: {bounds or 'nothing is lost, copied or forged'}{taken}"
