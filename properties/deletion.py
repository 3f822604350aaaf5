"""When an SA may go, and what its going may be taken for."""

from __future__ import annotations

from model.expr import Fired, Peer, Post
from model.signals import ANY_SA, CLOSED, LISTEN, OTHERS_SA, P1_USABLE, SESSION_GONE, SHARED, TCP, why
from properties.claim import Claim
from properties.vocabulary import HAS_TO_SEND, TCB_CLOSED

LAST_SA_GOES = ANY_SA & Post(~ANY_SA)
TOO_EARLY = LAST_SA_GOES & Post(~TCP.among(CLOSED, LISTEN))
CONFIRMED = ("b10 confirmed: filter removed", "b10 confirmed: filter left to discard", "b10 confirmed: filter kept")
CONSIDERED = (*CONFIRMED, "b10 remembered until CLOSED", "b10 no confirmation")  # a Delete for a marked connection, whatever it means
SESSION_ENDS = ("b6 session closed: mark", "b6 session closed: mark, delete phase 1", "b12 session gone: delete",
                "b12 session gone: delete phase 1 and 2", "b12 session and connection gone: delete",
                "b12 session and connection gone: delete phase 1 and 2")

DELETED_BY_PEER = tuple(f"{whose} phase 1 SA deleted by peer, {children}" for whose in ("the peer's", "own")
                        for children in ("children stay", "with children"))
# A session ends here, or the Delete arrives with which the peer's end of it took the phase 1 SA away.
SESSION_OVER = Fired("binding", *SESSION_ENDS) | Fired("informational", *DELETED_BY_PEER, where=why == SESSION_GONE)

_SLICES = ("teardown", "rekey", "phase1", "restart", "collision")
CLAIMS = (
    Claim("sa-outlives-connection",
          "The last SA of a connection goes at an end only when that end's TCB is CLOSED.",
          "draft 3.3 l.528-532 (MUST)", TOO_EARLY, LAST_SA_GOES, _SLICES),
    Claim("sa-outlives-need",
          "The last SA of a connection does not go at an end whose TCB still exists while either end has something to send or to "
          "retransmit.",
          "draft 3.3 l.530-532: the purpose of the rule",
          TOO_EARLY & Post(HAS_TO_SEND | Peer(HAS_TO_SEND)), LAST_SA_GOES, _SLICES),
    Claim("delete-means-closed",
          "When a Delete is taken as confirmation of a teardown, its sender's TCB is CLOSED.",
          "draft 3.4 l.541-546", Fired("binding", *CONFIRMED) & Peer(~TCB_CLOSED), Fired("binding", *CONSIDERED), _SLICES),
    Claim("no-collateral-deletion",
          "The end of a session takes no SA away, of phase 1 or phase 2, that other sessions or other traffic still use.",
          "draft 3.3 l.507-513 against 3.4 l.552-555",
          SESSION_OVER & SHARED & P1_USABLE & (Post(~P1_USABLE) | (OTHERS_SA & Post(~OTHERS_SA))),
          SESSION_OVER & SHARED & P1_USABLE, ("teardown", "phase1")),
)
