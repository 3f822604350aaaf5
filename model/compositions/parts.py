"""What every slice is made of: its description, and the offers that several slices make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from model.action import Event
from model.attacker import ATTACKER_TABLE, INJECT
from model.bgp import BGP_TABLE
from model.expr import TRUE, Expr, Var
from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.signals import BGP_EVENT
from model.system import Offer, links
from model.table import Table
from model.wire import DATAGRAM_WIRE, SEGMENT_WIRE

IKE_TABLES = (PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE, QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE)


@dataclass(frozen=True)
class Slice:
    """A named composition: who starts where, what is offered, and the default bounds. `options`: constants of a
    start that its offers read, so that what is offered can differ from start to start. `lanes`: names of
    an end's connections with the other end, where it has more than one; no attacker and no restart there."""

    name: str
    about: str
    offers: Callable[[], list[Offer]]
    start: Callable[[], list[dict[str, str]]]
    bounds: Mapping[str, int]
    options: tuple[Var, ...] = field(default=())
    lanes: tuple[str, ...] = field(default=())


def timers(end: str, table: Table, *events: Event) -> Iterable[Offer]:
    """Expiries, each offered while its timer runs."""
    for event in events:
        yield Offer(end, table, event, when=TRUE if event.timer is None else event.timer)


def own_timers(end: str, table: Table) -> Iterable[Offer]:
    return timers(end, table, *(event for event in table.events if event.who == "timer"))


def network(lanes: tuple[str, ...] = ()) -> Iterable[Offer]:
    for link in links(lanes):
        for table in (SEGMENT_WIRE, DATAGRAM_WIRE):
            yield from (Offer(link, table, event) for event in table.events)


def bgp_events(end: str, *numbers: int, when: Expr = TRUE) -> Iterable[Offer]:
    for number in numbers:
        yield Offer(end, BGP_TABLE, BGP_EVENT[number], when=when)


def attacker(*events: Event) -> Iterable[Offer]:
    """Injected segments claim the first incarnation's ports."""
    for event in events:
        only = {"inc": (0,)} if event is INJECT else {}
        yield Offer("", ATTACKER_TABLE, event, only)
