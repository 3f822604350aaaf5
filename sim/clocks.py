"""What has a duration: which events come due, from when on, after how long, and who says so.

A table says that a timer runs, and its rows start and stop it; how long it runs is said here. A timer that is started again
gets a new generation, and an expiry of an older one is nothing. Some events are due without a timer variable, such as the
lifetime of an SA; those run while a condition holds at their end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from random import Random

from model.action import Event
from model.expr import Const, Expr, Item, Var, walk
from model.ipsec import HARD, REDUNDANT, SOFT, TWO_REKEYED
from model.readings import reading
from model.signals import CLOSE_WAIT, FIN_WAIT_2, GEN, SA_OUT, TCP, sa_present
from model.system import ENDS, System
from model.tcp import FIN_WAIT_2_TIMEOUT, READ_EOF


@dataclass(frozen=True)
class Duration:
    """How long, in seconds. Where the timer runs on after its expiry the next wait is `growth` times as long, up to `most`.
    Each wait is shortened by a random factor between `least` and 1 (RFC 4271 10: jitter)."""

    seconds: float
    source: str
    growth: float = 1.0
    most: float = inf
    least: float = 1.0

    def longest(self, expiries: int) -> float:
        """The longest wait before the next expiry, after so many since the start."""
        return min(self.seconds * self.growth ** min(expiries, 64), self.most)

    def shortest(self, expiries: int) -> float:
        """The shortest wait before the next expiry, after so many since the start."""
        return self.longest(expiries) * self.least

    def wait(self, expiries: int, rng: Random) -> float:
        """A wait before the next expiry, after so many since the start."""
        full = self.longest(expiries)
        return full if self.least == 1 else full * rng.uniform(self.least, 1)


_PLUTO = "local policy, RFC 2408 5.1 gives none; as FreeS/WAN's pluto: 10 s, doubled"
_GIVE_UP = "local policy, RFC 2408 5.1 gives none; as FreeS/WAN's pluto: 10 + 20 + 40 s"
_EXCHANGES = ("phase1-initiator", "phase1-responder", "quick-initiator", "quick-responder")
DURATIONS: dict[str, Duration] = {
    "bgp.ConnectRetryTimer_Expires": Duration(120, "RFC 4271 10: ConnectRetryTime 120 s", least=0.75),
    "bgp.HoldTimer_Expires": Duration(90, "RFC 4271 10: Hold Time 90 s"),
    "bgp.HoldTimer_Expires in OpenSent": Duration(240, "RFC 4271 8.2.2 Connect, event 16: a large value, 4 minutes"),
    "bgp.KeepaliveTimer_Expires": Duration(30, "RFC 4271 10: 1/3 of the Hold Time", least=0.75),
    "bgp.DelayOpenTimer_Expires": Duration(60, "local policy, RFC 4271 8.1.1 gives none"),
    "bgp.IdleHoldTimer_Expires": Duration(60, "local policy, RFC 4271 8.1.1 gives none"),
    "tcp.retransmission": Duration(1, "RFC 6298 2.1, 5.5: RTO 1 s, doubled; 2.4: not below 1 s where the round trip is short", 2, 60),
    "tcp.user timeout": Duration(100, "RFC 9293 3.8.3: R2 at least 100 s"),
    "routes.RestartTimer_Expires": Duration(90, "RFC 4724 3: by default no more than the Hold Time"),
    "tcp.2MSL": Duration(240, "RFC 9293 3.4.2: MSL 2 minutes"),
    "tcp.read EOF": Duration(0.1, "local policy: how late a busy daemon looks at its socket"),
    **{f"{table}.retransmission": Duration(10, _PLUTO, 2) for table in _EXCHANGES},
    **{f"{table}.retry limit reached": Duration(70, _GIVE_UP) for table in _EXCHANGES},
    **{f"{table}.hard lifetime": Duration(28800, "local policy; RFC 2407 4.5 has 28800 s for phase 2") for table in _EXCHANGES[:2]},
    "ipsec.soft lifetime": Duration(25920, "local policy: nine tenths of the hard lifetime"),
    "ipsec.redundant SA": Duration(1, "local policy: how soon a daemon tidies up after two rekeys at once"),
    "ipsec.hard lifetime": Duration(28800, "RFC 2407 4.5: 28800 s where none was negotiated"),
}
# Events that come due without a timer variable: while what holds at that end.
WHILE: dict[str, Expr] = {
    f"tcp.{READ_EOF.name}": TCP == CLOSE_WAIT,
    f"tcp.{FIN_WAIT_2_TIMEOUT.name}": TCP == FIN_WAIT_2,
    f"ipsec.{REDUNDANT.name}": TWO_REKEYED & (reading("redundant") == "delete"),
}


@dataclass(frozen=True)
class Clock:
    """One event that may come due at one place: while `running` holds there, which `timer` says where it is a variable."""

    scope: str
    table: str
    event: str
    args: tuple[int, ...]
    running: Expr
    timer: Var | None
    usual: Duration
    in_state: Mapping[int, Duration]

    def duration(self, state: int) -> Duration:
        """How long it is where it starts in this state of its table, by code."""
        return self.in_state.get(state, self.usual)

    def reads(self, system: System) -> frozenset[int]:
        """The positions of a state on which `running` depends."""
        found: set[int] = set()
        for node in walk(self.running):
            if isinstance(node, Item):
                (at,) = node.children
                assert isinstance(at, Const)
                found.add(system.position(self.scope, node.var) + at.code)
            elif isinstance(node, Var):
                found.add(system.position(self.scope, node))
        return frozenset(found)


def clocks(system: System, durations: Mapping[str, Duration]) -> Sequence[Clock]:
    """Everything in the system that has a duration."""
    return tuple(clock for end in ENDS for clock in _of(system, end, durations))


def _of(system: System, end: str, durations: Mapping[str, Duration]) -> Iterator[Clock]:
    for offer in system.offers:
        table, event = offer.table, offer.event
        name = f"{table.name}.{event.name}"
        if offer.scope != end or name not in durations:
            continue
        in_state = {code: durations[f"{name} in {state}"] for code, state in enumerate(table.state.sort.values)
                    if f"{name} in {state}" in durations}
        for args, running in _running(event, name):
            yield Clock(end, table.name, event.name, args, running, event.timer, durations[name], in_state)


def _running(event: Event, name: str) -> Iterator[tuple[tuple[int, ...], Expr]]:
    """With which arguments an event comes due, and while what."""
    if event.timer is not None:
        yield (), event.timer
    elif name in WHILE:
        yield (), WHILE[name]
    elif event in (SOFT, HARD):
        for generation in GEN.consts():  # RFC 2401 4.4.3: an SA has a lifetime from its creation on
            soft = SA_OUT[generation] == "mature"
            yield (generation.code,), soft if event is SOFT else sa_present(generation)


def names(system: System) -> tuple[str, ...]:
    """What a scenario may give a duration: a table's event, everywhere or as it starts in one state."""
    found: dict[str, None] = {}
    for offer in system.offers:
        name = f"{offer.table.name}.{offer.event.name}"
        if any(True for _ in _running(offer.event, name)):
            found |= dict.fromkeys([name, *(f"{name} in {state}" for state in offer.table.state.sort.values)])
    return tuple(found)
