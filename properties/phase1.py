"""What both ends take for granted about their phase 1 SAs."""

from __future__ import annotations

from model.expr import Fired, OnWire, Peer, Post, conj
from model.signals import (
    AM1,
    AM2,
    AM3,
    ANY_SA,
    DEL_P1,
    I_ATTEMPT,
    MM1,
    MM2,
    MM3,
    MM4,
    MM5,
    MM6,
    OTHERS_SA,
    P1_INIT,
    P1_REFUSED,
    P1_RESP,
    P1_USABLE,
    R_ATTEMPT,
    datagram,
)
from properties.claim import Claim

_EXCHANGE = datagram.among(MM1, MM2, MM3, MM4, MM5, MM6, AM1, AM2, AM3, P1_REFUSED, DEL_P1)
_UNDER_WAY = OnWire("datagrams", "any", _EXCHANGE, "phase 1 message or Delete in flight")
_SETTLED = P1_INIT.among("none", "UP") & P1_RESP.among("none", "UP") & P1_USABLE
_BOTH_HAVE_ONE = conj(_SETTLED, Peer(_SETTLED), ~_UNDER_WAY)
_OWN = (P1_INIT == "UP") & Peer(P1_RESP == "UP") & (Peer(R_ATTEMPT) == I_ATTEMPT)
_PEERS = (P1_RESP == "UP") & Peer(P1_INIT == "UP") & (Peer(I_ATTEMPT) == R_ATTEMPT)

# INITIAL-CONTACT names the SA it came with; what its sender may hold besides is the other phase 1 SA and phase 2 SAs.
_WITH_PEERS, _WITH_OWN = "INITIAL-CONTACT with the peer's SA", "INITIAL-CONTACT with the own SA"
CONTACT = Fired("informational", _WITH_PEERS, _WITH_OWN)
_HOLDS_CHILDREN = ANY_SA | OTHERS_SA

CLAIMS = (
    Claim("phase1-in-common",
          "When no phase 1 exchange or deletion is under way and each end holds a phase 1 SA with the other, they hold one in common.",
          "draft 3.1 l.399-404, 3.2 l.432-436",
          Post(_BOTH_HAVE_ONE & ~(_OWN | _PEERS)), Post(_BOTH_HAVE_ONE), ("phase1",)),
    Claim("initial-contact-is-true",
          "When INITIAL-CONTACT is acted on, its sender holds no other SA with this end.",
          "RFC 2407 4.6.3.3: the receiver assumes that the sender has no access to the SAs it deletes",
          (Fired("informational", _WITH_PEERS) & Peer((P1_RESP == "UP") | _HOLDS_CHILDREN))
          | (Fired("informational", _WITH_OWN) & Peer((P1_INIT == "UP") | _HOLDS_CHILDREN)),
          CONTACT, ("phase1",)),
)
