"""Everything an attacker can do to one connection.

Three situations, each with IPsec and (reading `ipsec` = off) without: both ends Established and nobody about to end that; the same,
and A's operator may stop the session, while another BGP session keeps the phase 1 SA in use; A listens and B is down. In all of them
the attacker does what his capabilities allow (readings `position` to `third_host`), at both ends; an impostor deals with A, and only
where the session is not being stopped. Nothing is lost: on the path the attacker may let a packet wait for ever, which is as good.
Where nobody stops the session, whatever ends it is the attack.

Leaves out: KEEPALIVE and UPDATE traffic, so that a threat to text is shown on the NOTIFICATION, the OPEN and the text the attacker
makes; lifetimes and rekey; the user timeout; B as the end that is opened to; plaintext that the attacker recorded and sends
again; ICMP packet-too-big, which wants sizes. The hold timer expires only at an end that has no inbound SA left, or, without IPsec,
never: elsewhere KEEPALIVEs are taken to arrive.
"""

from __future__ import annotations

from collections.abc import Mapping

from model.action import Event
from model.attacker import ATTACKER_TABLE, FORGE_DELETE, INJECT, INJECT_TEXT
from model.compositions import teardown
from model.compositions.parts import Slice, bgp_events, network, own_timers, timers
from model.expr import BOOL, TRUE, Expr, Var, disj
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.intruder import ASK, AUTHENTICATE, CONTACT, HOST, INTRUDER_TABLE, QUICK, SPEAK, USER
from model.ipsec import IPSEC
from model.signals import BGP, BGP_ESTABLISHED, FIT, G0, G1, G2, GEN, HOLD_TIMER, KIND, MSG, SA_IN
from model.system import ENDS, Offer
from model.tcp import READ_EOF, RETRANSMIT, TCP_TABLE, TWO_MSL

CLOSES = Var("option", "close", BOOL, doc="the slice lets A's operator stop the session")

# What is worth sending. A segment outside the window is answered like an ACK in it; a FIN does to a session what a RST does.
TEXT = {"msg": MSG.codes("OPEN", "UPDATE"), "inc": (0,)}
SAID: dict[Event, Mapping[str, tuple[int, ...]]] = {
    INJECT: {"kind": KIND.codes("SYN", "ACK", "RST"), "fit": FIT.codes("exact", "in-window"), "inc": (0,)},
    INJECT_TEXT: TEXT,
    FORGE_DELETE: {"gen": GEN.codes("g0")},
    SPEAK: {"kind": KIND.codes("SYN", "DATA", "RST"), "msg": MSG.codes("-", "OPEN", "UPDATE")},
    HOST: {"kind": KIND.codes("SYN", "RST")},
}


def acts(scope: str, *events: Event, when: Expr = TRUE) -> list[Offer]:
    return [Offer(scope, INTRUDER_TABLE if scope else ATTACKER_TABLE, event, SAID.get(event, {}), when) for event in events]


def offers() -> list[Offer]:
    deaf = IPSEC & ~disj(*(SA_IN[g] != "none" for g in (G0, G1, G2)))
    found: list[Offer] = []
    for end in ENDS:
        found += [*bgp_events(end, 10, when=HOLD_TIMER & deaf), Offer(end, TCP_TABLE, READ_EOF),
                  *timers(end, TCP_TABLE, RETRANSMIT, TWO_MSL), *own_timers(end, QUICK_INITIATOR_TABLE),
                  *own_timers(end, QUICK_RESPONDER_TABLE), *acts(end, USER, HOST)]
    found += bgp_events("A", 2, when=CLOSES & (BGP == BGP_ESTABLISHED))
    found += acts("A", AUTHENTICATE, ASK, CONTACT, QUICK, SPEAK, when=~CLOSES)
    return [*found, *network(), *acts("", *ATTACKER_TABLE.events)]


def start() -> list[dict[str, str]]:
    up, shared, _ = teardown.start()
    bare = {name: value for name, value in up.items()
            if name.partition(".")[2].partition(".")[0] not in ("spd", "ipsec", "phase1-initiator", "phase1-responder")}
    bare = {name: value for name, value in bare.items() if not name.endswith("binding.bound")}
    listening = {"A.bgp.state": "Active", "A.bgp.ConnectRetryTimer": "true", "A.bgp.PassiveTcpEstablishment": "true",
                 "A.binding.state": "opening", "A.tcp.state": "LISTEN", "A.tcp.passive": "true"}
    closes = {"option.close": "true"}
    protected, unprotected = (up, shared | closes, listening), (bare, bare | closes, listening)
    return [one | {"ipsec": value} for value, starts in (("on", protected), ("off", unprotected)) for one in starts]


SLICE = Slice("attacker", "everything an attacker can do to one connection", offers, start,
              {"losses": 0, "copies": 1, "attacks": 2, "segments": 3, "datagrams": 2}, (CLOSES,))
