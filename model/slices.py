"""The named compositions: the same tables at different starting points, with different stimuli and budgets.

A slice never changes a table. What it never moves is constant and costs nothing. Each slice is a module of
`model.compositions`, which says what it leaves out.

component-NAME
    The table NAME alone in the most general environment: every event with every argument at any time, every variable of
    others with any value at any time, well-formed or not. They exercise every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from model.attacker import ATTACKER_TABLE, ATTACKS
from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE
from model.binding import BINDING_TABLE
from model.compositions import attacker, collision, opening, phase1, rekey, restart, teardown
from model.compositions.parts import Slice
from model.expr import ModelError, Var
from model.history import ALWAYS_KEPT, OPENED
from model.ike_info import INFORMATIONAL_TABLE
from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.intruder import INTRUDER_TABLE
from model.ipsec import IPSEC_TABLE, SPD_TABLE
from model.nat import NAT, NAT_TABLE
from model.readings import ENDPOINT_VARS, READINGS, SHARED_VARS
from model.restart import RESTART_TABLE
from model.routes import FRESH, ROUTES_TABLE
from model.signals import BGP_ESTABLISHED, ME, ONE_5_TUPLE
from model.system import ENDS, Instance, Monitor, System, links, open_system, places
from model.tcp import TCP_TABLE
from model.wire import COPIES, DATAGRAM_WIRE, LOSSES, SEGMENT_WIRE

ENDPOINT_TABLES = (BGP_MESSAGE_TABLE, BGP_TABLE, BINDING_TABLE, TCP_TABLE, SPD_TABLE, IPSEC_TABLE, PHASE1_INITIATOR_TABLE,
                   PHASE1_RESPONDER_TABLE, QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE, INFORMATIONAL_TABLE, INTRUDER_TABLE)
TABLES = {table.name: table for table in (*ENDPOINT_TABLES, ROUTES_TABLE, SEGMENT_WIRE, DATAGRAM_WIRE, ATTACKER_TABLE, RESTART_TABLE,
                                         NAT_TABLE)}
CAPACITIES = ("segments", "datagrams")
BUDGETS = {var.name: var for var in (LOSSES, COPIES, ATTACKS)}

Readings = Mapping[str, str]  # "A:del_trigger" -> "bgp_idle"; world keys without an end

SLICES = {one.name: one for one in (module.SLICE for module in (teardown, opening, rekey, phase1, restart, collision, attacker))}
OPTIONS: tuple[Var, ...] = tuple(dict.fromkeys(var for one in SLICES.values() for var in one.options))


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
    limits = bounds_of(name, bounds or {})
    system = _composed(name, tuple(limits.items()), tuple(monitors))
    return system.starting(system.states_from(starts_of(name, readings, limits)))


@lru_cache(maxsize=64)
def _composed(name: str, bounds: tuple[tuple[str, int], ...], monitors: tuple[Monitor, ...]) -> System:
    """A slice that has yet to be given its starts, which alone depend on readings; checked once."""
    chosen, limits = SLICES[name], dict(bounds)
    extra: list[tuple[str, Var]] = [(end, var) for end in ENDS for var in (ME, *ENDPOINT_VARS)]
    extra += [("", var) for var in (*OPTIONS, *BUDGETS.values(), ONE_5_TUPLE, *SHARED_VARS)]
    lanes, instances = chosen.lanes, _instances(chosen)
    extra += [("", NAT)] if lanes else []  # no table of the world there, so it stays as it is
    kept = [replace(one, scope=place) for one in (*ALWAYS_KEPT, *monitors) for place in places(lanes) if place.startswith(one.scope)]
    system = System(name, instances, chosen.offers(), extra=extra, capacity={key: limits[key] for key in CAPACITIES}, monitors=kept)
    _ = system.offer_choices, system.hashed  # worked out here, so that every copy has them
    return system


def starts_of(name: str, readings: Readings, bounds: Mapping[str, int]) -> list[dict[str, int]]:
    """The initial states of a slice, as `System` wants them. A start that names a reading is one of them only where the reading has that
    value. `bounds`: all of them. Raises ModelError for an unknown reading or value."""
    chosen = SLICES[name]
    common = {"A.endpoint.name": 0, "B.endpoint.name": 1}
    common |= {f"budget.{key}": bounds[key] for key in BUDGETS}
    common |= reading_codes(readings)
    sorts = {f"{one.scope}.{var.table}.{var.name}": var.sort for one in _instances(chosen) for var in one.table.all_variables}
    sorts |= {f"{var.table}.{var.name}": var.sort for var in (*OPTIONS, *BUDGETS.values(), ONE_5_TUPLE)}
    sorts |= {f"{place}.history.OPEN-sent": OPENED.sort for place in places(chosen.lanes)}
    sorts |= {var.name: var.sort for var in SHARED_VARS}
    starts = [common | {key: sorts[key.partition("[")[0]].code(value) for key, value in one.items()} for one in chosen.start()
              if all(readings.get(key, value) == value for key, value in one.items())]
    if readings["hold"] == "zero":  # RFC 4271 4.2, 4.4: then neither timer runs, whatever a start says
        off = {f"{place}.bgp.{timer}": 0 for place in places(chosen.lanes) for timer in ("HoldTimer", "KeepaliveTimer")}
        starts = [one | off for one in starts]
    for end in (end for end in ENDS if readings[f"{end}:gr"] == "helper"):  # RFC 4724 4.2: whose session is up has routes to keep
        up = BGP_ESTABLISHED.code
        starts = [one | {f"{end}.routes.state": FRESH.code} if any(
            one.get(f"{place}.bgp.state") == up for place in places(chosen.lanes) if place.startswith(end)) else one for one in starts]
    return starts


def deciding(name: str) -> frozenset[str]:
    """The readings that decide where a slice starts: which of its starts there are, and which timers run there. (`gr` decides besides
    whose routes are kept, which no other table reads.)"""
    return frozenset({"hold"} | {key for one in SLICES[name].start() for key in one if key in READINGS}) if name in SLICES else frozenset()


def _instances(chosen: Slice) -> list[Instance]:
    lanes = chosen.lanes
    return [*(Instance(place, table) for place in places(lanes) for table in ENDPOINT_TABLES),
            *(Instance(end, ROUTES_TABLE) for end in ENDS),
            *(Instance(link, table) for link in links(lanes) for table in (SEGMENT_WIRE, DATAGRAM_WIRE)),
            *(Instance("", table) for table in (() if lanes else (ATTACKER_TABLE, RESTART_TABLE, NAT_TABLE)))]


def places_of(name: str) -> tuple[str, ...]:
    """Where the tables of an endpoint stand in a slice: "A", "B", or each connection's "A.1" and so on."""
    return places(SLICES[name].lanes if name in SLICES else ())


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
