"""The shortest way from where a reader stands to a broken claim, a row or a situation: looked for in a process of its own, which can be
killed.

The search is `verify`'s, within the slice's bounds less what has been used up; the way it finds is the interpreter's. That there is none
is said only where every state was visited that can be reached from there.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from lockstep.choice import UsageError, claims_asked
from lockstep.explore.path import MOST_STEPS, Asked, along, position, remembered
from model.expr import ModelError
from model.slices import TABLES, build, places_of
from model.system import State, System
from model.table import Row
from properties.registry import CLAIMS
from verify.lifecycle.facts import reach
from verify.lifecycle.situation import SituationError, situation
from verify.lifecycle.visited import Searches
from verify.query import EngineDisagreement, Progress, Query
from verify.search import search, search_row
from verify.step import Stimulus

MEMORY, SECONDS = 1.0, 120.0  # GiB and time that one search may take
CLAIM, ROW, SITUATION = "claim", "row", "situation"
KINDS = (CLAIM, ROW, SITUATION)


@dataclass(frozen=True)
class Goal:
    """What is looked for, and from where. `kind`: one of KINDS; `what`: a claim's name, ``[PLACE ]TABLE: ROW@STATE``, or a situation as
    `lockstep graph` takes it. `anew`: from any of the slice's starts instead of from where the link leads."""

    asked: Asked
    kind: str
    what: str
    anew: bool = False


@dataclass(frozen=True)
class Found:
    """What a search found. `asked`: where the way leads, None if there is none; `says`: in one line."""

    asked: Asked | None
    says: str


def check(goal: Goal) -> None:
    """Raises UsageError for a goal that names what does not exist, and for a place that is none."""
    asked = goal.asked
    position(asked)
    if goal.kind == CLAIM:
        claims_asked(asked.slice, [goal.what] if goal.what else [])
        if not goal.what:
            raise UsageError("way: choose the claim to break")
    elif goal.kind == ROW:
        _row(build(asked.slice, asked.chosen, bounds=dict(asked.bounds)), goal.what)
    elif goal.kind == SITUATION:
        try:
            situation(build(asked.slice, asked.chosen, bounds=dict(asked.bounds)), goal.what)
        except SituationError as error:
            raise UsageError(str(error)) from None
    else:
        raise UsageError(f"way: {goal.kind!r} is nothing to look for; there are {', '.join(KINDS)}")


def _row(system: System, text: str) -> tuple[str, Row]:
    """A row and its place. Raises UsageError."""
    head, _, key = text.partition(": ")
    place, _, table = head.rpartition(" ")
    for one, row in system.rows:
        if (one.scope, one.table.name, row.key) == (place, table, key):
            if row not in one.table.firing:
                raise UsageError(f"row {text!r}: it says that something is ignored or cannot happen; choose one that fires")
            return one.scope, row
    if table not in TABLES:
        raise UsageError(f"row {text[:200]!r}: write PLACE TABLE: ROW@STATE, such as: A tcp: retransmit FIN@FIN-WAIT-1")
    at = sorted({one.scope for one, _ in system.rows if one.table.name == table})
    raise UsageError(f"row {text[:200]!r}: slice {system.name} has {table} at {', '.join(at) or 'no place'}, and no such row there; see "
                     f"lockstep table {table}")


def look(goal: Goal, progress: Any = None) -> Found:
    """Search. Raises what `check` does, ModelError, EngineDisagreement."""
    check(goal)
    claim = CLAIMS[goal.what] if goal.kind == CLAIM else None
    system, state = remembered(goal.asked, claim.monitors if claim else ())
    starts = system.initial
    system = system if goal.anew else system.starting((state,))
    limits: dict[str, Any] = {"timeout": SECONDS, "progress": progress}
    if goal.kind == SITUATION:
        found = reach(Searches(system, MEMORY, **limits), situation(system, goal.what))
        way = None if found.way is None else (found.way.initial, found.way.stimuli)
        return _found(goal, starts, way, found.states, found.reason)
    if claim is not None:
        asked = Query(claim.name, claim.violated, places_of(goal.asked.slice))
        result = search(system, [asked], memory_gib=MEMORY, stop_when_all_hit=True, **limits)
    else:
        scope, row = _row(system, goal.what)
        result = search_row(system, scope, row, memory_gib=MEMORY, **limits)
    (hit,) = result.hits.values()
    return _found(goal, starts, None if hit is None else (hit.initial, hit.stimuli), result.counts.distinct, result.why)


def _found(goal: Goal, starts: Sequence[State], way: tuple[State, Sequence[Stimulus]] | None, states: int, why: str) -> Found:
    asked = goal.asked
    whence = "any start of the slice" if goal.anew else "here"
    if way is None:
        if why:
            return Found(None, f"not decided: {why}; {states:,} states looked at from {whence}")
        return Found(None, f"there is no way: all {states:,} states that can be reached from {whence} within the bounds were visited")
    initial, stimuli = way
    begin = Asked(asked.slice, asked.preset, asked.overrides, asked.bounds, starts.index(initial)) if goal.anew else asked
    if len(begin.path) + len(stimuli) > MOST_STEPS:
        return Found(None, f"the shortest way has {len(stimuli)} steps; a path shows at most {MOST_STEPS}; go back first")
    end = Asked(begin.slice, begin.preset, begin.overrides, begin.bounds, begin.start,
                (*begin.path, *along(position(begin), stimuli)))
    steps = f"{len(stimuli)} step{'' if len(stimuli) == 1 else 's'}"
    return Found(end, f"a shortest way from {whence} has {steps}; {states:,} states looked at")


# -- in a process of its own -----------------------------------------------------------------------------------------------------------


class Looking:
    """A search in another process. `poll` says what it has to say; `end` kills it."""

    def __init__(self, goal: Goal) -> None:
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            context.set_forkserver_preload([__name__])
        self.reads, writes = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_work, args=(goal, writes), daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        self.answered = False
        writes.close()

    def poll(self) -> list[Progress | Found | Exception]:
        """What came since it was last asked; a process that died without a word is an error."""
        found: list[Progress | Found | Exception] = []
        try:
            while not self.answered and self.reads.poll():
                found.append(self.reads.recv())
                self.answered = not isinstance(found[-1], Progress)
        except (EOFError, OSError):
            self.process.join()
            found.append(RuntimeError(f"the search ended without an answer (status {self.process.exitcode})"))
        return found

    def end(self) -> None:
        """No more is wanted of it."""
        self.process.kill()
        self.process.join()
        self.reads.close()


def _work(goal: Goal, writes: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks ends this process
    try:
        writes.send(look(goal, writes.send))
    except (UsageError, ModelError, EngineDisagreement) as error:
        writes.send(error)
