"""Second readings: the protocol tables once more, as plain functions written from the RFCs' text and not from the tables.

Each module has functions ``read(state, event, arg, own)``: `arg` has the parameters of the event, `own` what the machine knows,
both as attributes with plain values (text or bool). They return a `Course`, or None where the event cannot happen. Nothing here
imports the model: the two readings share their words and no rule. `tests/test_second_reading.py` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Course:
    """What an event brings about: the next state, what is done in order, and what variables become."""

    next: str
    does: list[tuple[Any, ...]] = field(default_factory=list)
    sets: dict[str, Any] = field(default_factory=dict)

    def do(self, *what: Any) -> Course:
        self.does.append(what)
        return self

    def set(self, **values: Any) -> Course:
        self.sets |= values
        return self

    def enter(self, state: str) -> Course:
        self.next = state
        return self
