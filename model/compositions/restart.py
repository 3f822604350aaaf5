"""One end restarts, or begins anew from the port it had: two incarnations of one 5-tuple.

A uses one source port for all its attempts, so that its next connection has the 5-tuple of the one before. Three starts, the
first two with both ends Established over g0: A restarts, and then waits for B to connect, which B never does (both passive); A
restarts and is started again, and negotiates keys, with INITIAL-CONTACT, and sends its SYN; nothing restarts, B's operator
stops the session, and A is started again while B may still be in TIME-WAIT (other sessions share the phase 1 SA, which stays).
B listens again whenever its own connection is over. B's hold timer expires only after A's restart:
until then KEEPALIVEs are taken to arrive. Leaves out: a listener beside a connection that still exists (a SYN for B's old
connection meets that one alone; slice collision has two), losses, a second restart, lifetimes, rekey, attackers.
"""

from __future__ import annotations

from model.bgp import PASSIVE_TCP_ESTABLISHMENT
from model.binding import NEXT_INC
from model.compositions import teardown
from model.compositions.parts import IKE_TABLES, Slice, bgp_events, network, own_timers, timers
from model.expr import BOOL, Var
from model.restart import RESTART_TABLE, RESTARTED, RESTARTS
from model.routes import ROUTES_TABLE
from model.signals import BGP, BGP_IDLE, CLOSED, HOLD_TIMER, TCP, TCP_INC
from model.system import ENDS, Offer
from model.tcp import RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT

REBOOT = Var("option", "restart", BOOL, doc="the slice lets A restart")


def offers() -> list[Offer]:
    idle = (BGP == BGP_IDLE) & (TCP == CLOSED) & (NEXT_INC == 1) & ~PASSIVE_TCP_ESTABLISHMENT
    found: list[Offer] = [Offer("", RESTART_TABLE, RESTARTS, {"at": (0,)}, when=REBOOT),
                          *bgp_events("A", 1, when=idle & (TCP_INC == 0)), *bgp_events("B", 2, when=~REBOOT),
                          *bgp_events("B", 4, when=(BGP == BGP_IDLE) & (TCP == CLOSED)),
                          *bgp_events("B", 10, when=HOLD_TIMER & (RESTARTED == "A"))]
    for end in ENDS:
        found += own_timers(end, ROUTES_TABLE)
        found += [*timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL), *(o for table in IKE_TABLES for o in own_timers(end, table))]
    return [*found, *network()]


def start() -> list[dict[str, str]]:
    alone, beside_others, _ = teardown.start()
    common = {"connection.one-5-tuple": "true", "B.bgp.PassiveTcpEstablishment": "true"}
    reboot = alone | common | {"option.restart": "true"}
    return [reboot | {"A.bgp.PassiveTcpEstablishment": "true"}, reboot, beside_others | common]


SLICE = Slice("restart", "one end restarts, or begins anew from the port it had", offers, start,
              {"losses": 0, "copies": 0, "attacks": 0, "segments": 2, "datagrams": 2}, (REBOOT,))
