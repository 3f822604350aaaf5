"""What a lesson is: text with its sources, and tasks, each a situation to reach or a set of readings to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from lockstep.choice import parse, readings
from model.expr import BOOL, FALSE, Expr, Peer, Post, Var
from model.slices import bounds_of, build
from model.system import ENDS, Monitor, System
from verify.query import Query

QUIET: Mapping[str, int] = {"losses": 0, "copies": 0, "attacks": 0}  # bounds where network and attacker do nothing of themselves
STRAYED = Var("lesson", "strayed", BOOL, doc="a step has done what the task asks to do without")


@dataclass(frozen=True)
class Passage:
    """A short paragraph, and where what it says is written ("" for a remark on the page itself)."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class Setting:
    """Where a task begins: a slice, its readings and bounds, which of its initial states, and steps that are taken already, each as
    the page words it."""

    slice: str
    preset: str = "draft"
    changed: tuple[str, ...] = ()
    bounds: Mapping[str, int] = field(default_factory=lambda: dict(QUIET))
    start: int = 0
    opening: tuple[str, ...] = ()

    @property
    def overrides(self) -> dict[str, str]:
        """What differs from the preset, as `lockstep.choice.readings` wants it."""
        return parse(self.changed)

    @property
    def readings(self) -> dict[str, str]:
        """A value for every reading."""
        return readings(self.preset, self.overrides)

    @property
    def all_bounds(self) -> dict[str, int]:
        """Every bound of the slice with its value here."""
        return bounds_of(self.slice, self.bounds)


@dataclass(frozen=True, eq=False)
class Clue:
    """A word to a reader who is near, or on a wrong turn: said where `when` is true of the last step at an end ({end} in the text)."""

    when: Expr
    says: str


@dataclass(frozen=True, eq=False)
class Task:
    """A question answered by a path. `situation` is read as a claim is, of a step, and is reached by a step of which it is true at one
    of `ends`; a way counts only if no step of it does what `without` says, at either end (`rule`: that in words). hints: one after
    another, where asked for. shows: what to see in it. findings: kept findings that show more of it."""

    name: str
    title: str
    asks: str
    setting: Setting
    situation: Expr
    shows: str
    hints: tuple[str, ...]
    ends: tuple[str, ...] = ENDS
    without: Expr = FALSE
    rule: str = ""
    clues: tuple[Clue, ...] = ()
    findings: tuple[str, ...] = ()
    kind: ClassVar[str] = "path"

    @cached_property
    def system(self) -> System:
        """The slice from the task's start, with one bit at each end that remembers whether the reader has strayed."""
        monitors = [Monitor(end, STRAYED, self.without, FALSE) for end in ENDS] if self.without is not FALSE else []
        system = build(self.setting.slice, self.setting.readings, bounds=self.setting.bounds, monitors=monitors)
        return system.starting([system.initial[self.setting.start]])

    @cached_property
    def query(self) -> Query:
        """The situation, as a search is asked for it."""
        strayed = FALSE if self.without is FALSE else Post(STRAYED) | Post(Peer(STRAYED))
        return Query(self.name, self.situation & ~strayed, self.ends)


@dataclass(frozen=True, eq=False)
class Repair:
    """A question answered by readings: no claim of `claims` can be broken any more. `offered`: the readings to choose among, "key" for
    both ends alike, "A:key" or "B:key" for one end, with the values of each; at most `most` of them differ from the setting's."""

    name: str
    title: str
    asks: str
    setting: Setting
    claims: tuple[str, ...]
    offered: Mapping[str, tuple[str, ...]]
    most: int
    shows: str
    hints: tuple[str, ...]
    findings: tuple[str, ...] = ()
    kind: ClassVar[str] = "readings"


@dataclass(frozen=True, eq=False)
class Lesson:
    """Ten minutes: what to know, what to do, and commands with which to go on."""

    name: str
    title: str
    minutes: int
    about: str
    passages: tuple[Passage, ...]
    tasks: tuple[Task, ...] | tuple[Repair, ...]
    commands: tuple[str, ...]
