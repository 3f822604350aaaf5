"""How closes end, as claims about states.

A state from which only a lifetime or the user timeout leads on is looked for directly: a shortest way there is a shorter
witness than a run for ever. That the good end is reached, under fairness, is more than these claims say; it is what
`close-ends` and `no-orphan-sa` of `properties.liveness` say. Who broke one of these broke that one too wherever both were
tried; who keeps it may still go round in a circle.
"""

from __future__ import annotations

from model.bgp import PASSIVE_TCP_ESTABLISHMENT
from model.expr import Peer, Post, conj, disj
from model.ike_quick import QUICK_INITIATOR_STATE, QUICK_RESPONDER_STATE
from model.ipsec import ACQUIRE, NEIGHBOUR_RULE, RULE_MATCHES
from model.signals import (
    ANY_SA,
    BGP,
    CLOSED,
    CLOSING,
    FIN_WAIT_1,
    HOLD_TIMER,
    LAST_ACK,
    LISTEN,
    P1_INIT,
    P1_RESP,
    SA_IN,
    SA_OUT,
    SPD_ENTRY,
    TCP,
    TCP_INC,
    sa_covers,
)
from model.tcp import RTX
from properties.claim import Claim
from properties.vocabulary import GENERATIONS, HAS_OUT, TCB_CLOSED, WIRE_EMPTY

NO_QUICK_MODE = (QUICK_INITIATOR_STATE == "IDLE") & (QUICK_RESPONDER_STATE == "IDLE")
QUIET = conj(WIRE_EMPTY, NO_QUICK_MODE, Peer(NO_QUICK_MODE))
MUST_PROTECT = disj((SPD_ENTRY == "PROTECT") & RULE_MATCHES, (SPD_ENTRY == "DISCARD") & RULE_MATCHES,
                    (SPD_ENTRY == "no-entry") & NEIGHBOUR_RULE)
# Some generation leads from here into the peer: our outbound half, its inbound half.
PATH = disj(*((SA_OUT[g] != "none") & sa_covers(g, TCP_INC) & Peer(SA_IN[g].among("mature", "dying")) for g in GENERATIONS))
REPEATS = TCP.among(FIN_WAIT_1, CLOSING, LAST_ACK)
STUCK = conj(REPEATS, MUST_PROTECT, ~PATH, ~ACQUIRE, Peer(~ACQUIRE), QUIET)

# Established over nothing: the peer has no TCB and will not begin, and here no timer runs that could end the wait.
NOT_NEGOTIATING = P1_INIT.among("none", "UP") & P1_RESP.among("none", "UP") & NO_QUICK_MODE
NO_TIMER = ~HOLD_TIMER & ~RTX
GONE = conj(TCP.among(CLOSED, LISTEN), BGP.among("Idle", "Active"), PASSIVE_TCP_ESTABLISHMENT, NOT_NEGOTIATING)
# Both are Established, nothing is under way, and what this end sends meets no SA at the other.
_BOTH_UP = conj(BGP == "Established", Peer(BGP == "Established"), HAS_OUT, QUIET)
DECEIVED = conj(BGP == "Established", NO_TIMER, NOT_NEGOTIATING, Peer(GONE), WIRE_EMPTY)

_SLICES = ("teardown", "rekey", "phase1", "restart")

CLAIMS = (
    Claim("no-stuck-close",
          "No closing end comes to repeat a FIN that cannot reach its peer, with nothing left but the user timeout.",
          "draft 3.3 l.525-532: the close the section describes comes to its end", Post(STUCK), Post(REPEATS), _SLICES),
    Claim("no-idle-orphan",
          "When both ends are CLOSED and nothing is under way, no SA of the connection is left at either.",
          "draft 3.3 l.528-530, 3.4 l.552-555", Post(conj(TCB_CLOSED, Peer(TCB_CLOSED), ANY_SA, QUIET)),
          Post(conj(TCB_CLOSED, Peer(TCB_CLOSED), QUIET)), _SLICES),
    Claim("lost-peer-is-noticed",
          "No end stays Established, with nothing left that could ever tell it, when its peer has no TCB any more.",
          "draft 3.4 l.549-551: BGP's messages provide the capability to detect a non-graceful restart", Post(DECEIVED),
          Post((BGP == "Established") & Peer(TCP.among(CLOSED, LISTEN))), ("restart",)),
    Claim("sa-leads-to-peer",
          "While both ends are Established and nothing is under way, an end that has an SA to send under has one that its peer can "
          "receive under.",
          "draft 3.4 l.538-541; silent: 2.2 l.196-246 has no rule for lifetimes that differ", Post(_BOTH_UP & ~PATH), Post(_BOTH_UP),
          ("rekey",)),
)
