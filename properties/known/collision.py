"""What goes wrong in the slice collision."""

from __future__ import annotations

from model.expr import Fired
from model.signals import BGP
from properties.collision import TAKEN
from properties.finding import Cause, Finding, both

_DUMPED = Cause("dumped-as-session", Fired("bgp", "event 23 OpenCollisionDump: Cease") & Fired(
    "binding", "b12 session gone: delete", "b12 session gone: delete phase 1 and 2"))
# In the connection that is to be kept, while its OPEN is on the way.
_MERGED = Cause("merged", Fired("binding", TAKEN) & (BGP == "OpenSent"))
_REPLACED = Cause("restart-replaced", Fired("bgp-message", "b13 OPEN: the peer restarted"))
_CROSSED = Cause("resolved-twice", Fired("bgp-message", "OPEN: other Established"))
_QUIET = {"losses": 0}
_ONE_ID = "draft 3.2 l.463-470 with 3.4 l.552-556"

FINDINGS = (
    Finding("F-38/one-id", "a session known by its two speakers merges two connections: the loser's end takes the winner's SA",
            "collision", "close-spares-other", _MERGED, 12, both(session_id="unordered"), source=_ONE_ID, bounds=_QUIET),
    Finding("F-38/addresses", "so does a session known by its two addresses", "collision", "close-spares-other", _MERGED, 12,
            both(session_id="addr"), source=_ONE_ID, bounds=_QUIET),
    Finding("F-42/session", "a connection that loses a collision is taken for a session that ended: its SA goes before its close is over",
            "collision", "sa-outlives-need", _DUMPED, 9, source="draft 3.1 l.372-376, 3.3 l.518-532 against 4.1 (one session, one socket)",
            bounds=_QUIET),
    Finding("F-44/replaced", "a graceful restart replaces the old connection, whose session takes the SA of the new one along", "collision",
            "close-spares-other", _REPLACED, 5, both(gr="helper"), source="draft 3.4 l.556-557 against l.552-556; RFC 4724 4.2",
            bounds=_QUIET),
    Finding("L-21/both-lost", "a collision is resolved at the two ends in two ways, and both connections are lost", "collision",
            "collision-keeps-one", _CROSSED, 13, source="RFC 4271 6.8: an Established connection is kept, else the higher identifier's",
            bounds=_QUIET),
)
