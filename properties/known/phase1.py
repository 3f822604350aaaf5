"""What goes wrong in the slice phase1."""

from __future__ import annotations

from model.expr import Fired, Post
from model.signals import DEL, FOREIGN, G1, OTHER_SESSIONS, QM3, SA_FOR, SA_IN, SHARED, datagram
from properties.deletion import DELETED_BY_PEER, SESSION_ENDS
from properties.finding import Cause, Finding, both

_CONTACT_ROWS = ("INITIAL-CONTACT with the peer's SA", "INITIAL-CONTACT with the own SA")
_CONTACT = Cause("contact", Fired("informational", *_CONTACT_ROWS))
_CHILDREN_EXPIRED = Cause("children-expired", Fired("informational", "last phase 1 SA expired: children go"))
_OTHERS = Cause("others", Fired("ipsec", "others' SA goes") & FOREIGN)
_OTHER_SESSION = Cause("other-session", Fired("ipsec", "others' SA goes") & OTHER_SESSIONS)
_DELETE_TOO_LATE = Cause("delete-too-late", Fired("informational", "no phase 1 SA: undecipherable", where=datagram == DEL))
_HALF = Cause("half", Fired("informational", "Delete: outbound half removed"))
_QM3_TOO_LATE = Cause("qm3-too-late", Fired("quick-responder", "no phase 1 SA: undecipherable", where=datagram == QM3))
_EXPIRED = Cause("phase-1-expired", Fired("phase1-initiator", "expired"))
_NEXT_ONES = Cause("next-ones", Fired("binding", *SESSION_ENDS) & (SA_FOR[G1] == "1") & (SA_IN[G1] != "none"))
_NO_LOSS = {"attacks": 0, "copies": 0, "losses": 0}
_F23, _F24, _F26, _F27, _F29 = ("draft 3.4 l.555-556", "draft 3.3 l.507-516 against 3.4 l.552-555", "draft 3.3 l.513-516; RFC 2409 8",
                                "RFC 2407 4.6.3.3; draft 3.1 l.399-404", "silent: draft 3.1 l.382-383; RFC 2408 3.15")
_BY_PEER = Fired("informational", *DELETED_BY_PEER)

FINDINGS = (
    Finding("F-23/order", "a", "phase1", "no-orphan-sa", _DELETE_TOO_LATE, 99, {"B:p1_cascade": "dangling"}, source=_F23, bounds=_NO_LOSS),
    Finding("F-24/traffic", "a", "phase1", "no-collateral-deletion", _OTHERS, 99, source=_F24, bounds=_NO_LOSS),
    Finding("F-24/traffic-at-peer", "a", "phase1", "no-collateral-deletion", _OTHERS, 99, source=_F24, bounds=_NO_LOSS, last=_BY_PEER),
    Finding("F-24/session", "a", "phase1", "no-collateral-deletion", _OTHER_SESSION, 99, both(p1_delete="always"), source=_F24, bounds=_NO_LOSS),
    Finding("F-26/dies", "a", "phase1", "sa-outlives-need", _CHILDREN_EXPIRED, 99, source=_F26, bounds=_NO_LOSS),
    Finding("F-26/black-hole", "a", "phase1", "close-ends", _CHILDREN_EXPIRED, 99, {"A:p1_cascade": "dangling"}, source=_F26, bounds=_NO_LOSS),
    Finding("F-27/contact", "a", "phase1", "initial-contact-is-true", _CONTACT, 99, source=_F27, bounds=_NO_LOSS),
    Finding("F-27/kill", "a", "phase1", "phase1-in-common", _CONTACT, 99, source=_F27, bounds=_NO_LOSS),
    Finding("F-29/half", "a", "phase1", "no-orphan-sa", _HALF, 99, both(del_pair="out_only", p1_delete="never"), source=_F29, bounds=_NO_LOSS),
    Finding("L-04/given-up", "a", "phase1", "sa-outlives-need", _QM3_TOO_LATE, 99, source="silent: draft 3.2 l.436-439; RFC 2409 5.5", bounds=_NO_LOSS,
            last=Fired("ipsec", "drop larval")),
    Finding("L-05/lifetimes", "a", "phase1", "phase1-in-common", _EXPIRED, 99, source="silent", bounds=_NO_LOSS, last=Fired("phase1-initiator", "expired")),
    Finding("L-06/next", "a", "phase1", "sa-outlives-need", _NEXT_ONES, 99, source="draft 3.4 l.552-555", bounds={"attacks": 0, "copies": 0}, last=Fired("informational", "Delete: pair removed", "child removed by peer")),
    Finding("L-07/confirm", "a", "phase1", "delete-means-closed", _CONTACT, 99, source="draft 3.4 l.541-546", bounds={"attacks": 0, "copies": 0}, last=Fired("informational", *_CONTACT_ROWS)),
    Finding("L-08/confirm-p1", "a", "phase1", "delete-means-closed", Cause("p1", Fired("informational", "child removed by peer")), 99, source="draft 3.4 l.541-546", bounds={"attacks": 0, "copies": 0}, last=_BY_PEER),
)
