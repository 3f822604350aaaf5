"""The lessons' share of the page that explores: a panel beside it, what its script asks, and the course as data for it."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from lockstep.explore.server import answering
from lockstep.lessons.answers import begin, mended, way, where
from lockstep.lessons.course import COURSE
from lockstep.lessons.lesson import Lesson, Repair, Setting, Task
from lockstep.page.build import Parts, embedded, part
from lockstep.page.data import Document
from model.readings import READINGS
from properties.findings import FINDINGS


def panel(lesson: str = "") -> dict[str, Any]:
    """What the page has besides the one that explores, as `lockstep.explore.server.application` takes it. `lesson`: the one to show first;
    where the reader left off if empty."""
    routes = [Route(f"/lesson/{name}", answering(answer), methods=["POST"]) for name, answer in (
        ("begin", begin), ("standing", where), ("way", way), ("mend", mended))]
    here = __package__
    aside = part(here, "aside.html").replace("{course}", embedded({"first": lesson, "lessons": [_lesson(one) for one in COURSE]}))
    return {"routes": routes, "title": "Lockstep learn", "more": Parts(part(here, "learn.css"), part(here, "learn.js"), aside=aside)}


def _lesson(one: Lesson) -> Document:
    return {"name": one.name, "title": one.title, "minutes": one.minutes, "about": one.about,
            "passages": [{"text": passage.text, "source": passage.source} for passage in one.passages],
            "tasks": [_described(one, task) for task in one.tasks], "commands": list(one.commands)}


def _described(lesson: Lesson, task: Task | Repair) -> Document:
    told: Document = {"name": f"{lesson.name}/{task.name}", "title": task.title, "kind": task.kind, "asks": task.asks,
                      "hints": list(task.hints), "shows": task.shows, "setting": _setting(task.setting),
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
