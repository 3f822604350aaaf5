"""From nothing to Established.

Both ends Idle, up to Established: phase 1, phase 2, SYN, OPEN, KEEPALIVE; either end may be stopped at any time. From
three starts: without any keys, B passive; with a phase 1 SA, B passive, and A may try once more from a new source port;
with a phase 1 SA and both ends active, on one 5-tuple (simultaneous open). Leaves out: the lifetimes, two connections at
once (slice collision), KEEPALIVEs beyond the first.
"""

from __future__ import annotations

from model.attacker import INJECT
from model.bgp import BGP_TABLE, PASSIVE_TCP_ESTABLISHMENT
from model.binding import NEXT_INC
from model.compositions.parts import IKE_TABLES, Slice, attacker, bgp_events, network, own_timers, timers
from model.expr import BOOL, Var
from model.signals import BGP, BGP_CONNECT, BGP_EVENT, BGP_IDLE
from model.system import ENDS, Offer
from model.tcp import RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT

RETRY = Var("option", "retry", BOOL, doc="the slice lets A's ConnectRetryTimer expire once")
STOP = Var("option", "stop", BOOL, doc="the slice lets A's operator stop before the connection is up")


def offers() -> list[Offer]:
    idle = (BGP == BGP_IDLE) & (NEXT_INC == 0)
    found: list[Offer] = [*bgp_events("A", 1, when=idle), *bgp_events("B", 1, when=idle & ~PASSIVE_TCP_ESTABLISHMENT),
                          *bgp_events("B", 4, when=idle & PASSIVE_TCP_ESTABLISHMENT)]
    for end in ENDS:
        found += [*timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL),
                  *(offer for table in IKE_TABLES for offer in own_timers(end, table))]
    retry = BGP_EVENT[9]
    assert retry.timer is not None
    found.append(Offer("A", BGP_TABLE, retry, when=retry.timer & RETRY & (NEXT_INC == 0)))
    found += bgp_events("A", 2, when=STOP & (BGP == BGP_CONNECT))
    return [*found, *network(), *attacker(INJECT)]


def start() -> list[dict[str, str]]:
    keys = {"A.phase1-initiator.state": "UP", "B.phase1-responder.state": "UP"}
    passive = {"B.bgp.PassiveTcpEstablishment": "true"}
    keys |= {"A.quick-initiator.spare": "true"}
    quiet = {"budget.losses": "0", "budget.attacks": "0"}
    return [passive | {"option.stop": "true"}, keys | passive | {"option.retry": "true"}, keys | quiet]


SLICE = Slice("opening", "from nothing to Established", offers, start,
              {"losses": 1, "copies": 0, "attacks": 1, "segments": 2, "datagrams": 2}, (RETRY, STOP))
