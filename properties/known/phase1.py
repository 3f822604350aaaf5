"""What goes wrong in the slice phase1."""

from __future__ import annotations

from model.expr import Fired, Post
from model.signals import ANY_SA, DEL, FOREIGN, G1, OTHER_SESSIONS, QM3, SA_FOR, SA_IN, datagram
from properties.deletion import DELETED_BY_PEER, SESSION_ENDS
from properties.finding import Cause, Finding, both
from properties.phase1 import CONTACT

_CONTACT = Cause("contact", CONTACT)
_CHILDREN_EXPIRED = Cause("children-expired", Fired("informational", "last phase 1 SA expired: children go"))
_TRAFFIC = Cause("other-traffic", Fired("ipsec", "others' SA goes") & FOREIGN)
_SESSION = Cause("other-session", Fired("ipsec", "others' SA goes") & OTHER_SESSIONS)
_DELETE_TOO_LATE = Cause("delete-too-late", Fired("informational", "no phase 1 SA: undecipherable", where=datagram == DEL))
_HALF = Cause("half-removed", Fired("informational", "Delete: outbound half removed"))
_QM3_TOO_LATE = Cause("qm3-too-late", Fired("quick-responder", "no phase 1 SA: undecipherable", where=datagram == QM3))
_EXPIRED = Cause("own-expired", Fired("phase1-initiator", "expired"))
_NEXT_ONE_TOO = Cause("next-one-too", Fired("binding", *SESSION_ENDS) & (SA_FOR[G1] == "1") & (SA_IN[G1] != "none"))
_F24, _F26, _F27 = "draft 3.3 l.507-516 against 3.4 l.552-555", "draft 3.3 l.513-516; RFC 2409 8", "RFC 2407 4.6.3.3; draft 3.1 l.399-404"
_NO_LOSS, _LOSS = {"attacks": 0, "copies": 0, "losses": 0}, {"attacks": 0, "copies": 0}


FINDINGS = (
    Finding("F-23/order", "the Delete of the child comes after that of its phase 1 SA, and a dangling peer keeps the child", "phase1",
            "no-idle-orphan", _DELETE_TOO_LATE, 14, {"B:p1_cascade": "dangling"}, source="draft 3.4 l.555-556", bounds=_NO_LOSS),
    Finding("F-24/traffic", "the session's end takes the SA of other traffic with the phase 1 SA", "phase1", "no-collateral-deletion",
            _TRAFFIC, 5, source=_F24, bounds=_NO_LOSS),
    Finding("F-24/traffic-at-peer", "the peer's end of that traffic loses its SA too", "phase1", "no-collateral-deletion", _TRAFFIC, 5,
            source=_F24, bounds=_NO_LOSS, last=Fired("informational", *DELETED_BY_PEER)),
    Finding("F-24/session", "3.4 read alone: the session's end takes another BGP session's SA", "phase1", "no-collateral-deletion",
            _SESSION, 5, both(p1_delete="always"), source=_F24, bounds=_NO_LOSS),
    Finding("F-26/dies", "the end of the phase 1 SA takes the SA from under a live connection", "phase1", "sa-outlives-need",
            _CHILDREN_EXPIRED, 1, source=_F26, bounds=_NO_LOSS),
    Finding("F-26/mixed", "a dangling end closes under an SA that its continuous peer dropped unseen", "phase1", "no-stuck-close",
            _CHILDREN_EXPIRED, 4, {"A:p1_cascade": "dangling", "A:del_trigger": "tcp_closed"}, source=_F26, bounds=_NO_LOSS,
            last=Post(ANY_SA)),
    Finding("F-27/contact", "two phase 1 exchanges cross: INITIAL-CONTACT comes from an end that holds an SA", "phase1",
            "initial-contact-is-true", _CONTACT, 12, source=_F27, bounds=_NO_LOSS),
    Finding("F-27/kill", "each end is left with the phase 1 SA that the other one deleted", "phase1", "phase1-in-common", _CONTACT, 14,
            source=_F27, bounds=_NO_LOSS),
    Finding("F-29/half", "a Delete removes one half, and the other is orphaned", "phase1", "no-idle-orphan", _HALF, 11,
            both(del_pair="out_only", p1_delete="never"), source="silent: draft 3.1 l.382-383; RFC 2408 3.15", bounds=_NO_LOSS),
    Finding("L-04/given-up", "a responder that never reads QM3 takes the SA from under the connection that came over it", "phase1",
            "sa-outlives-need", _QM3_TOO_LATE, 12, both(commit="off"), "repaired", "silent: draft 3.2 l.436-439; RFC 2409 5.5", _LOSS,
            last=Fired("ipsec", "drop larval")),
    Finding("L-05/lifetimes", "two phase 1 SAs, and each end lets the one it began expire", "phase1", "phase1-in-common", _EXPIRED, 2,
            source="silent: draft 3.1 l.399-404; RFC 2407 4.5", bounds=_NO_LOSS, last=Fired("phase1-initiator", "expired")),
    Finding("L-06/next-session", "the peer's end of the old session deletes the SA of the next", "phase1", "sa-outlives-need",
            _NEXT_ONE_TOO, 9, both(p1_delete="never"), source="draft 3.4 l.552-555", bounds=_LOSS,
            last=Fired("informational", "Delete: pair removed")),
)
