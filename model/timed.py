"""The system a simulation runs: the slices' tables at both ends, everything offered, losses without a limit.

A slice bounds what may happen so that every state can be visited. A simulation visits one state after the other, so here every
spontaneous event of every table is offered, and the channels are wider. The budgets are history bits that every step makes
true again: the network may always lose or copy one more message. No table is changed, and none is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.action import SPONTANEOUS
from model.expr import FALSE, TRUE, ModelError
from model.ike_phase1 import I_LIFETIME, R_LIFETIME
from model.signals import TCP_ABORT
from model.slices import BUDGETS, CAPACITIES, Readings, build
from model.system import Instance, Monitor, Offer, System
from model.tcp import TCP_TABLE

PREFIX = "timed-"  # the system's name is this and its start's
# How many messages of a kind may be under way in one direction; a step that needs room waits, and is counted.
ROOM, MOST_ROOM = 4, 16


@dataclass(frozen=True)
class Start:
    """Where a run begins: an initial state of a slice, by number, with the timers that run there."""

    slice: str
    number: int
    about: str
    running: tuple[str, ...] = ()


_LIFETIMES = (f"A.{I_LIFETIME.table}.{I_LIFETIME.name}", f"B.{R_LIFETIME.table}.{R_LIFETIME.name}")
STARTS = {
    "established": Start("teardown", 0, "both ends Established over g0, which A began", _LIFETIMES),
    "established-beside-other-sessions": Start("teardown", 1, "as established; other BGP sessions share the phase 1 SA", _LIFETIMES),
    "established-beside-other-traffic": Start("teardown", 2, "as established; other traffic shares the phase 1 SA", _LIFETIMES),
    "idle": Start("opening", 0, "both ends Idle, no keys; B is passive"),
    "idle-with-phase-1": Start("opening", 1, "both ends Idle, the phase 1 SA is up; B is passive", _LIFETIMES),
    "idle-both-active": Start("opening", 2, "both ends Idle and active, the phase 1 SA is up", _LIFETIMES),
}
TIMED = tuple(PREFIX + start for start in STARTS)


def compose(start: str, readings: Readings, monitors: tuple[Monitor, ...] = (), bounds: Mapping[str, int] | None = None) -> System:
    """The timed system from one of STARTS, under these readings; it has one initial state.

    `monitors`: history bits that claims need. `bounds`: capacities of the channels, "segments" and "datagrams".
    Raises ModelError for a start, reading or value that does not exist.
    """
    if start not in STARTS:
        raise ModelError(f"start {start!r}: there is no such start; there are {', '.join(STARTS)}")
    for key, value in (bounds or {}).items():
        if key not in CAPACITIES or value not in range(1, MOST_ROOM + 1):
            raise ModelError(f"bound {key} {value}: give {' or '.join(CAPACITIES)} from 1 to {MOST_ROOM}")
    one = build(STARTS[start].slice, readings)
    made = {(instance.scope, var.table, var.name) for instance in one.instances for var in instance.table.all_variables}
    made |= {(monitor.scope, monitor.var.table, monitor.var.name) for monitor in one.monitors}
    made |= {("", budget.table, budget.name) for budget in BUDGETS.values()}
    extra = [(slot.scope, slot.var) for slot in one.slots if slot.index == 0 and (slot.scope, slot.var.table, slot.var.name) not in made]
    endless = tuple(Monitor("", budget, TRUE, FALSE) for budget in BUDGETS.values())
    return System(PREFIX + start, one.instances, list(_offers(one.instances)), extra=extra, initial=[_initial(one, STARTS[start])],
                  capacity=room() | dict(bounds or {}), monitors=(*endless, *one.monitors, *monitors))


def system_of(name: str, readings: Readings, bounds: Mapping[str, int] | None = None, monitors: Sequence[Monitor] = ()) -> System:
    """A slice or a timed system by its name, as a trace gives it. Raises ModelError."""
    if name.startswith(PREFIX):
        return compose(name.removeprefix(PREFIX), readings, tuple(monitors), bounds)
    return build(name, readings, bounds=bounds, monitors=monitors)


def room() -> dict[str, int]:
    """The capacities of the channels, where nothing else is asked for."""
    return dict.fromkeys(CAPACITIES, ROOM)


def _initial(system: System, start: Start) -> dict[str, int]:
    """A slice's initial state by slot names, with budgets that never end and the start's timers running."""
    state = system.initial[start.number]
    named = {str(slot): code for slot, code in zip(system.slots, state, strict=True) if slot.sort is not None}
    return named | {f"budget.{name}": 1 for name in BUDGETS} | dict.fromkeys(start.running, 1)


def _offers(instances: tuple[Instance, ...]) -> Iterator[Offer]:
    """Every spontaneous event; an expiry only while its timer runs. And the daemon may die: TCP then aborts."""
    for one in instances:
        for event in one.table.events:
            if event.who in SPONTANEOUS:
                yield Offer(one.scope, one.table, event, when=TRUE if event.timer is None else event.timer)
        if one.table is TCP_TABLE:
            yield Offer(one.scope, one.table, TCP_ABORT)
