"""A response property: where one thing holds, another follows on every fair run.

Fair means weak fairness of what the machines and the network do of themselves: a timer that runs expires, a daemon comes round, a
lifetime ends, a message arrives. Nobody owes an operator's act, an attack, a loss or a copy. What a property is to hold without
(a user timeout, say) may still happen, but no run waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.action import Event, Put, Set, Signal, Take
from model.expr import FALSE, Expr
from model.system import ENDS, Offer
from model.table import Table
from properties.requirements import judged_by

ADMINISTRATIVE = range(1, 9)  # BGP events that are an operator's or a policy's decision, RFC 4271 8.1.2


@dataclass(frozen=True)
class Within:
    """Where in a slice a property is judged: bounds that differ from the slice's, and from which of its starts, by number (none: all).
    `readings`: without which what it speaks of does not happen; they go before the preset's."""

    bounds: Mapping[str, int]
    starts: tuple[int, ...] = ()
    readings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Response:
    """From each state where `when` holds at an end, every fair run comes to a state where `goal` holds there.

    Both read one state, of either end. `slices`: where it is judged. `without`:
    events that no run may wait for; `granted`: events that are nobody's duty by themselves, but of this property; `barred`: events
    after which nothing is promised. `leads`: where something is owed that the slice does not offer, and that would lead to the goal.
    `ends`: where it is read; one end where both say the same.
    """

    name: str
    sentence: str
    source: str
    when: Expr
    goal: Expr
    slices: Mapping[str, Within]
    without: tuple[Event, ...] = ()
    granted: tuple[Event, ...] = ()
    barred: tuple[Event, ...] = ()
    leads: Expr = FALSE
    ends: tuple[str, ...] = ENDS

    @property
    def requirements(self) -> tuple[str, ...]:
        """The sentences of the draft that this property puts to the test, by their ids in the ledger."""
        return judged_by("claims", self.name)

    def owed(self, offer: Offer) -> bool:
        """May a run rely on this?"""
        return offer.event in self.granted or (owed(offer.table, offer.event) and offer.event not in self.without)

    def bars(self, offer: Offer) -> bool:
        """Is nothing promised of a run in which this happens?"""
        return offer.event in self.barred


def owed(table: Table, event: Event) -> bool:
    """Does the event happen of itself, once it stays possible?"""
    if event.takes is not None:
        return _arrival(table, event)
    return event.who in ("timer", "lifetime") or (event.who == "daemon" and event.number not in ADMINISTRATIVE)


def _arrival(table: Table, event: Event) -> bool:
    """Every row takes the message off the wire and hands it on; loss and copying do less, or more."""
    rows = [row for row in table.firing if row.event is event]
    return all(any(isinstance(action, kind) for action in row.actions) for row in rows for kind in (Take, Signal)) and not any(
        isinstance(action, Put | Set) for row in rows for action in row.actions)
