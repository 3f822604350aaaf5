"""The named compositions: the same tables at different starting points, with different stimuli and budgets.

A slice never changes a table. What it never moves is constant and costs nothing. Each slice says here what it leaves out.

teardown
    One connection, both ends Established over SA generation g0 which A began; everything that can end it: operator stop,
    process abort, hard lifetime, user timeout, loss, a replayed packet, one act of an attacker. In three surroundings: the
    session alone under its phase 1 SA, another BGP session sharing that SA, traffic that is not BGP sharing it. Leaves
    out: rekey at the soft limit (slice rekey), KEEPALIVE and UPDATE traffic, phase 1 expiry (slice phase1), a new
    connection after this one (slice collision). The hold timer expires only at an end that has no inbound SA left: nothing
    can be heard there any more; elsewhere KEEPALIVEs are taken to arrive.

opening
    Both ends Idle, up to Established: phase 1, phase 2, SYN, OPEN, KEEPALIVE; either end may be stopped at any time. From
    three starts: without any keys, B passive; with a phase 1 SA, B passive, and A may try once more from a new source port;
    with a phase 1 SA and both ends active, on one 5-tuple (simultaneous open). Leaves out: the lifetimes, two connections at
    once (slice collision), KEEPALIVEs beyond the first. Its two segments a direction are scarce: the arrival of an OPEN wants
    room for an ACK and a KEEPALIVE on a wire that still holds the own OPEN, so both ends Established is reached only where a
    segment was lost before. With `--bound segments=3` it is reached without.

component-NAME
    The table NAME alone in the most general environment: every event with every argument at any time, every variable of
    others with any value at any time, well-formed or not. They exercise every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from model.action import Event
from model.attacker import ATTACKER_TABLE, ATTACKS, FORGE_DELETE, ICMP, INJECT
from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE, PASSIVE_TCP_ESTABLISHMENT
from model.binding import BINDING_TABLE, CLOCK, NEXT_INC
from model.expr import BOOL, TRUE, Expr, ModelError, Var, disj
from model.history import ALWAYS_KEPT, OPENED
from model.ike_info import INFORMATIONAL_TABLE
from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.ipsec import HARD, IPSEC_TABLE, SPD_TABLE
from model.readings import ENDPOINT_VARS, READINGS, SHARED_VARS
from model.signals import (
    BGP,
    BGP_CONNECT,
    BGP_EVENT,
    BGP_IDLE,
    CLOSE_WAIT,
    ESTABLISHED,
    G0,
    G1,
    G2,
    HOLD_TIMER,
    ME,
    SA_IN,
    TCP,
    TCP_ABORT,
)
from model.system import Instance, Monitor, Offer, System, open_system
from model.table import Table
from model.tcp import READ_EOF, RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT
from model.wire import COPIES, DATAGRAM_WIRE, LOSSES, SEGMENT_WIRE

ENDPOINT_TABLES = (BGP_MESSAGE_TABLE, BGP_TABLE, BINDING_TABLE, TCP_TABLE, SPD_TABLE, IPSEC_TABLE, PHASE1_INITIATOR_TABLE,
                   PHASE1_RESPONDER_TABLE, QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE, INFORMATIONAL_TABLE)
TABLES = {table.name: table for table in (*ENDPOINT_TABLES, SEGMENT_WIRE, DATAGRAM_WIRE, ATTACKER_TABLE)}
ENDS = ("A", "B")
IKE_TABLES = (PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE, QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE)
RETRY = Var("option", "retry", BOOL, doc="the slice lets A's ConnectRetryTimer expire once")
STOP = Var("option", "stop", BOOL, doc="the slice lets A's operator stop before the connection is up")
LINKS = ("A>B", "B>A")
CAPACITIES = ("segments", "datagrams")
BUDGETS = {var.name: var for var in (LOSSES, COPIES, ATTACKS)}

Readings = Mapping[str, str]  # "A:del_trigger" -> "bgp_idle"; world keys without an end


@dataclass(frozen=True)
class Slice:
    """A named composition: who starts where, what is offered, and the default bounds."""

    name: str
    about: str
    offers: Callable[[], list[Offer]]
    start: Callable[[], list[dict[str, str]]]
    bounds: Mapping[str, int]


def _timers(end: str, table: Table, *events: Event) -> Iterable[Offer]:
    """Expiries, each offered while its timer runs."""
    for event in events:
        yield Offer(end, table, event, when=TRUE if event.timer is None else event.timer)


def _own_timers(end: str, table: Table) -> Iterable[Offer]:
    return _timers(end, table, *(event for event in table.events if event.who == "timer"))


def _network() -> Iterable[Offer]:
    for link in LINKS:
        for table in (SEGMENT_WIRE, DATAGRAM_WIRE):
            yield from (Offer(link, table, event) for event in table.events)


def _bgp(end: str, *numbers: int, when: Expr = TRUE) -> Iterable[Offer]:
    for number in numbers:
        yield Offer(end, BGP_TABLE, BGP_EVENT[number], when=when)


def _attacker(*events: Event) -> Iterable[Offer]:
    """Injected segments claim the first incarnation's ports."""
    for event in events:
        only = {"inc": (0,)} if event is INJECT else {}
        yield Offer("", ATTACKER_TABLE, event, only)


def _teardown_offers() -> list[Offer]:
    deaf = ~disj(*(SA_IN[g] != "none" for g in (G0, G1, G2)))
    found: list[Offer] = []
    for end in ENDS:
        found += [*_bgp(end, 2), *_bgp(end, 10, when=HOLD_TIMER & deaf),
                  Offer(end, TCP_TABLE, TCP_ABORT, when=TCP.among(ESTABLISHED, CLOSE_WAIT)),
                  Offer(end, TCP_TABLE, READ_EOF), *_timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL),
                  Offer(end, IPSEC_TABLE, HARD), Offer(end, BINDING_TABLE, CLOCK),
                  *_own_timers(end, QUICK_INITIATOR_TABLE), *_own_timers(end, QUICK_RESPONDER_TABLE)]
    return [*found, *_network(), *_attacker(INJECT, FORGE_DELETE, ICMP)]


def _teardown_start() -> list[dict[str, str]]:
    both = {"bgp.state": "Established", "bgp.HoldTimer": "true", "bgp.KeepaliveTimer": "true", "binding.state": "up",
            "binding.bound": "g0", "tcp.state": "ESTABLISHED", "tcp.open-delivered": "true", "spd.state": "PROTECT",
            "ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature", "history.OPEN-sent": "true"}
    start = {f"{end}.{name}": value for end in ENDS for name, value in both.items()}
    start |= {"A.phase1-initiator.state": "UP", "B.phase1-responder.state": "UP", "B.tcp.passive": "true"}
    surroundings: tuple[dict[str, str], ...] = ({}, {"other-sessions": "true"}, {"foreign": "true"})
    return [start | {f"{end}.binding.{name}": value for end in ENDS for name, value in one.items()} for one in surroundings]


def _opening_offers() -> list[Offer]:
    idle = (BGP == BGP_IDLE) & (NEXT_INC == 0)
    found: list[Offer] = [*_bgp("A", 1, when=idle), *_bgp("B", 1, when=idle & ~PASSIVE_TCP_ESTABLISHMENT),
                          *_bgp("B", 4, when=idle & PASSIVE_TCP_ESTABLISHMENT)]
    for end in ENDS:
        found += [*_timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL),
                  *(offer for table in IKE_TABLES for offer in _own_timers(end, table))]
    retry = BGP_EVENT[9]
    assert retry.timer is not None
    found.append(Offer("A", BGP_TABLE, retry, when=retry.timer & RETRY & (NEXT_INC == 0)))
    found += _bgp("A", 2, when=STOP & (BGP == BGP_CONNECT))
    return [*found, *_network(), *_attacker(INJECT)]


def _opening_start() -> list[dict[str, str]]:
    keys = {"A.phase1-initiator.state": "UP", "B.phase1-responder.state": "UP"}
    passive = {"B.bgp.PassiveTcpEstablishment": "true"}
    keys |= {"A.quick-initiator.spare": "true"}
    quiet = {"budget.losses": "0", "budget.attacks": "0"}
    return [passive | {"option.stop": "true"}, keys | passive | {"option.retry": "true"}, keys | quiet]


SLICES = {one.name: one for one in (
    Slice("teardown", "everything that can end one connection", _teardown_offers, _teardown_start,
          {"losses": 1, "copies": 1, "attacks": 1, "segments": 2, "datagrams": 2}),
    Slice("opening", "from nothing to Established", _opening_offers, _opening_start,
          {"losses": 1, "copies": 0, "attacks": 1, "segments": 2, "datagrams": 2}),
)}


def build(name: str, readings: Readings, *, bounds: Mapping[str, int] | None = None, monitors: Sequence[Monitor] = ()) -> System:
    """The transition system of a slice.

    `readings`: a value for every endpoint reading as "A:key" and "B:key", and for every world reading as "key".
    `bounds`: budgets (losses, copies, attacks) and capacities of the channels (segments, datagrams) other than the default.
    Raises ModelError for an unknown slice, bound, reading or value.
    """
    if name.startswith("component-"):
        return component(name.removeprefix("component-"))
    if name not in SLICES:
        raise ModelError(f"slice {name!r}: there is no such slice; there are {', '.join(slice_names())}")
    chosen, limits = SLICES[name], bounds_of(name, bounds or {})
    extra: list[tuple[str, Var]] = [(end, var) for end in ENDS for var in (ME, *ENDPOINT_VARS)]
    extra += [("", var) for var in (RETRY, STOP, *BUDGETS.values(), *SHARED_VARS)]
    instances = [Instance(end, table) for end in ENDS for table in ENDPOINT_TABLES]
    instances += [Instance(link, table) for link in LINKS for table in (SEGMENT_WIRE, DATAGRAM_WIRE)]
    instances.append(Instance("", ATTACKER_TABLE))
    common = {"A.endpoint.name": 0, "B.endpoint.name": 1}
    common |= {f"budget.{key}": limits[key] for key in BUDGETS}
    common |= reading_codes(readings)
    sorts = {f"{one.scope}.{var.table}.{var.name}": var.sort for one in instances for var in one.table.all_variables}
    sorts |= {f"{var.table}.{var.name}": var.sort for var in (RETRY, STOP, *BUDGETS.values())}
    sorts |= {f"{end}.history.OPEN-sent": OPENED.sort for end in ENDS}
    starts = [common | {key: sorts[key.partition("[")[0]].code(value) for key, value in one.items()} for one in chosen.start()]
    capacity = {key: limits[key] for key in CAPACITIES}
    return System(name, instances, chosen.offers(), extra=extra, initial=starts, capacity=capacity,
                  monitors=(*ALWAYS_KEPT, *monitors))


def bounds_of(name: str, changed: Mapping[str, int]) -> dict[str, int]:
    """A slice's bounds with some of them changed. Raises ModelError."""
    limits = dict(SLICES[name].bounds) if name in SLICES else {}
    for key, value in changed.items():
        if key not in limits:
            raise ModelError(f"bound {key!r}: slice {name} has no such bound; it has {', '.join(limits) or 'none'}")
        if value not in range(1 if key in CAPACITIES else 0, 4 if key in CAPACITIES else BUDGETS[key].sort.size):
            raise ModelError(f"bound {key}: {value} is out of range")
        limits[key] = value
    return limits


def component(table: str) -> System:
    """The component slice of a table. Raises ModelError for an unknown table."""
    if table not in TABLES:
        raise ModelError(f"slice 'component-{table}': there is no table {table!r}; there are {', '.join(TABLES)}")
    return open_system(TABLES[table])


def slice_names() -> tuple[str, ...]:
    return (*SLICES, *(f"component-{table}" for table in TABLES))


def reading_codes(readings: Readings) -> dict[str, int]:
    """Readings as the initial values of their variables. Raises ModelError for a key or value that does not exist."""
    codes = {}
    for name, value in readings.items():
        end, colon, key = name.rpartition(":")
        if key not in READINGS:
            raise ModelError(f"reading {key!r}: there is no such reading; there are {', '.join(READINGS)}")
        one = READINGS[key]
        if value not in one.values:
            raise ModelError(f"reading {key}: no value {value!r}; it has {', '.join(one.values)}")
        if (one.scope == "endpoint") != bool(colon) or (colon and end not in ENDS):
            raise ModelError(f"reading {name!r}: write A:{key} or B:{key}" if one.scope == "endpoint" else
                             f"reading {name!r}: it belongs to {one.scope}, not to an end; write {key}")
        codes[f"{end}.{key}" if end else key] = one.var.sort.code(value)
    return codes
