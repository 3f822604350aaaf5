"""Two connections between the same two speakers.

Connection 1 is one that A began, from its port p to B's 179. Two starts. Both speakers begin at once: connection 2 is B's, from
its port to A's 179, and RFC 4271 6.8 has to keep one of the two; each end's FSM for the connection that the other began listens,
and B has the higher BGP Identifier. And: A has restarted and begins again from another port, while B is still Established on
connection 1, of which A knows nothing any more; connection 2 is A's too, and B listens for it. Each connection has its own
phase 1 SA (draft 3.1 [1]) and its own SA pair g0, keys are up before the SYN, and nothing else shares them.

Leaves out: losses and retransmissions, hold timer and user timeout, KEEPALIVEs beyond the first, lifetimes, rekey, INITIAL-CONTACT
(slice restart has A's restart itself), attackers, operators that stop, a third attempt.
"""

from __future__ import annotations

from model.binding import NEXT_INC
from model.compositions.parts import Slice, bgp_events, network, own_timers, timers
from model.routes import ROUTES_TABLE
from model.signals import BGP, BGP_IDLE
from model.system import ENDS, LANES, Offer
from model.tcp import TCP_TABLE, TWO_MSL


def offers() -> list[Offer]:
    idle = (BGP == BGP_IDLE) & (NEXT_INC == 0)
    found: list[Offer] = []
    for place in (f"{end}.{lane}" for lane in LANES for end in ENDS):
        found += [*bgp_events(place, 1, when=idle), *timers(place, TCP_TABLE, TWO_MSL)]
    return [*found, *(offer for end in ENDS for offer in own_timers(end, ROUTES_TABLE)), *network(LANES)]


def keys(lane: str, initiator: str) -> dict[str, str]:
    """Phase 1 and the SA pair g0 of a connection, on both ends; both begun by the end that begins the connection."""
    found = {f"{initiator}.{lane}.phase1-initiator.state": "UP", f"{responder(initiator)}.{lane}.phase1-responder.state": "UP"}
    for end in ENDS:
        found |= {f"{end}.{lane}.{name}": value for name, value in
                  {"ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature", "spd.state": "PROTECT"}.items()}
    return found


def responder(initiator: str) -> str:
    return "B" if initiator == "A" else "A"


def begins(lane: str, initiator: str) -> dict[str, str]:
    """A connection of which only the keys are there: one end is about to connect, the other listens."""
    other = f"{responder(initiator)}.{lane}"
    return keys(lane, initiator) | {
        f"{initiator}.{lane}.bgp-message.initiated": "true", f"{other}.bgp.PassiveTcpEstablishment": "true",
        f"{other}.bgp.state": "Active", f"{other}.binding.state": "opening", f"{other}.binding.bound": "g0",
        f"{other}.tcp.state": "LISTEN", f"{other}.tcp.passive": "true"}


def start() -> list[dict[str, str]]:
    larger = {f"B.{lane}.bgp-message.local-identifier-larger": "true" for lane in LANES}
    alike = {f"{end}.{lane}.binding.begun-alike": "true" for end in ENDS for lane in LANES}
    old = {"bgp.state": "Established", "bgp.HoldTimer": "true", "bgp.KeepaliveTimer": "true", "binding.state": "up",
           "binding.bound": "g0", "tcp.state": "ESTABLISHED", "tcp.open-delivered": "true", "tcp.passive": "true", "spd.state": "PROTECT",
           "ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature", "phase1-responder.state": "UP", "history.OPEN-sent": "true"}
    survivor = {f"B.1.{name}": value for name, value in old.items()}
    deaf = {"A.1.bgp.PassiveTcpEstablishment": "true"}
    known = {"B.2.bgp-message.other": "Established", "B.2.binding.other-connection": "true"}
    return [begins("1", "A") | begins("2", "B") | larger,
            survivor | deaf | known | begins("2", "A") | larger | alike]


SLICE = Slice("collision", "two connections between the same two speakers: collision, and a session that replaces one", offers, start,
              {"losses": 0, "copies": 0, "attacks": 0, "segments": 2, "datagrams": 2}, lanes=LANES)
