"""Where a reader stands in a task: whether the situation was reached, and a word where the model has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lockstep.lessons.lesson import Task
from lockstep.page.data import head
from model.expr import ModelError, evaluate
from model.system import ENDS, State
from traces.names import named
from verify.query import allowed, true_at
from verify.step import Outcome, StepView, Stimulus, step


@dataclass(frozen=True)
class Standing:
    """A path judged. solved: the first of its steps that reaches the situation; strayed: the first that does what the task asks to do
    without, if it came before that. Steps count from 1, those of the task's opening included. clues: what is to be said of the last
    step. state: where the path ends, in the task's own system."""

    solved: int | None
    strayed: int | None
    clues: tuple[str, ...]
    state: State


@lru_cache(maxsize=128)
def opening(task: Task) -> tuple[Stimulus, ...]:
    """The steps with which a task begins. Raises ModelError where one of them is not there, or not the only one of its name."""
    state, taken = task.system.initial[0], []
    for text in task.setting.opening:
        found = [(stimulus, outcome) for stimulus, outcome in allowed(task.system, state)
                 if head(task.system, named(task.system, stimulus, outcome), outcome)["text"] == text]
        if len(found) != 1:
            raise ModelError(f"task {task.name}: {len(found)} steps are called {text!r} where its opening takes one")
        taken.append(found[0][0])
        state = found[0][1].after
    return tuple(taken)


def outcomes(task: Task, stimuli: Sequence[Stimulus]) -> list[Outcome]:
    """What a path does, in the task's own system. Raises `verify.step.Disabled`."""
    state, found = task.system.initial[0], []
    for stimulus in stimuli:
        found.append(step(task.system, state, stimulus))
        state = found[-1].after
    return found


def standing(task: Task, stimuli: Sequence[Stimulus]) -> Standing:
    """Judge a path from the start of the slice; the task's opening is the beginning of it. Raises `verify.step.Disabled`, ModelError."""
    system, solved, strayed = task.system, None, None
    taken, given = outcomes(task, stimuli), len(opening(task))
    for number, outcome in enumerate(taken, 1):
        if strayed is None and any(evaluate(task.without, StepView(system, end, outcome)) for end in ENDS):
            strayed = number
        if number > given and true_at(system, task.query, outcome) is not None:
            solved, strayed = number, None
            break
    clues = [clue.says.format(end=end) for clue in task.clues for end in ENDS
             if len(taken) > given and evaluate(clue.when, StepView(system, end, taken[-1]))]
    return Standing(solved, strayed, tuple(dict.fromkeys(clues)), taken[-1].after if taken else system.initial[0])
