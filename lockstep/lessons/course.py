"""The lessons in order."""

from __future__ import annotations

from lockstep.lessons import attacker, closing, deletion, failures, opening, protection, rekey, repair
from lockstep.lessons.lesson import Lesson, Repair, Task

COURSE: tuple[Lesson, ...] = tuple(module.LESSON for module in (opening, protection, closing, deletion, rekey, failures,
                                                                   attacker, repair))
LESSONS: dict[str, Lesson] = {one.name: one for one in COURSE}
TASKS: dict[str, Task | Repair] = {f"{lesson.name}/{task.name}": task for lesson in COURSE for task in lesson.tasks}
