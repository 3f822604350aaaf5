"""Two connections with one peer: RFC 4271 6.8 keeps one of them, and what goes with the other is its own."""

from __future__ import annotations

from model.bgp import OTHER_STATE
from model.expr import BOOL, FALSE, Fired, Post, Var
from model.signals import ANY_SA, BGP, CLOSED, LISTEN, TCP
from model.system import Monitor
from properties.claim import Claim

TAKEN = "b12 session gone with the other connection: delete"
SPARED = "b7 the other connection is closed"
RESOLVED = ("OPEN: collision, retained", "OPEN: collision, retained, ours delayed", "OPEN: collision, lost", "OPEN: other Established")
COLLIDED = Var("history", "collision-resolved", BOOL, doc="an OPEN came on this connection while the other was open too")
_MONITORS = tuple(Monitor(end, COLLIDED, Fired("bgp-message", *RESOLVED), FALSE) for end in ("A", "B"))

CLAIMS = (
    Claim("close-spares-other",
          "The close of one connection takes from no other connection, whose TCB exists, its last SA.",
          "draft 3.3 l.518-532: closes an individual connection and leaves the session; 3.1 l.408-411",
          Fired("binding", TAKEN) & ANY_SA & Post(~ANY_SA & ~TCP.among(CLOSED, LISTEN)), Fired("binding", TAKEN, SPARED) & ANY_SA,
          ("collision",)),
    Claim("collision-keeps-one",
          "An end that has resolved a connection collision keeps one of the two connections.",
          "RFC 4271 6.8: only one of the two is retained", Post(COLLIDED & (BGP == "Idle") & (OTHER_STATE == "none")), Post(COLLIDED),
          ("collision",), _MONITORS),
)
