"""Everything that can end one connection.

One connection, both ends Established over SA generation g0 which A began; everything that can end it: operator stop,
process abort, hard lifetime, user timeout, loss, a replayed packet, one act of an attacker, and a NAT in front of B where the
reading `natt` has one. In three surroundings: the
session alone under its phase 1 SA, another BGP session sharing that SA, traffic that is not BGP sharing it. Leaves
out: rekey at the soft limit (slice rekey), KEEPALIVE and UPDATE traffic, phase 1 expiry (slice phase1), a new
connection after this one (slice collision). The hold timer expires only at an end that has no inbound SA left: nothing
can be heard there any more; elsewhere KEEPALIVEs are taken to arrive.
"""

from __future__ import annotations

from model.attacker import FORGE_DELETE, ICMP, INJECT
from model.binding import BINDING_TABLE, CLOCK
from model.compositions.parts import Slice, attacker, bgp_events, network, own_timers, timers
from model.expr import disj
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.ipsec import HARD, IPSEC_TABLE
from model.nat import NAT_TABLE
from model.signals import CLOSE_WAIT, ESTABLISHED, G0, G1, G2, HOLD_TIMER, SA_IN, TCP, TCP_ABORT
from model.system import ENDS, Offer
from model.tcp import READ_EOF, RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT


def offers() -> list[Offer]:
    deaf = ~disj(*(SA_IN[g] != "none" for g in (G0, G1, G2)))
    found: list[Offer] = []
    for end in ENDS:
        found += [*bgp_events(end, 2), *bgp_events(end, 10, when=HOLD_TIMER & deaf),
                  Offer(end, TCP_TABLE, TCP_ABORT, when=TCP.among(ESTABLISHED, CLOSE_WAIT)),
                  Offer(end, TCP_TABLE, READ_EOF), *timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL),
                  Offer(end, IPSEC_TABLE, HARD), Offer(end, BINDING_TABLE, CLOCK),
                  *own_timers(end, QUICK_INITIATOR_TABLE), *own_timers(end, QUICK_RESPONDER_TABLE)]
    return [*found, *network(), *attacker(INJECT, FORGE_DELETE, ICMP), *(Offer("", NAT_TABLE, event) for event in NAT_TABLE.events)]


def start() -> list[dict[str, str]]:
    both = {"bgp.state": "Established", "bgp.HoldTimer": "true", "bgp.KeepaliveTimer": "true", "binding.state": "up",
            "binding.bound": "g0", "tcp.state": "ESTABLISHED", "tcp.open-delivered": "true", "spd.state": "PROTECT",
            "ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature", "history.OPEN-sent": "true"}
    common = {f"{end}.{name}": value for end in ENDS for name, value in both.items()}
    common |= {"A.phase1-initiator.state": "UP", "B.phase1-responder.state": "UP", "B.tcp.passive": "true"}
    surroundings: tuple[dict[str, str], ...] = ({}, {"other-sessions": "true"}, {"foreign": "true"})
    return [common | {f"{end}.binding.{name}": value for end in ENDS for name, value in one.items()} for one in surroundings]


SLICE = Slice("teardown", "everything that can end one connection", offers, start,
              {"losses": 1, "copies": 1, "attacks": 1, "segments": 2, "datagrams": 2})
