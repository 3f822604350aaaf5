"""What goes wrong in the slice rekey."""

from __future__ import annotations

from model.expr import Fired, Peer, disj
from model.signals import ANY_SA, CLOSED, G0, G1, G2, SA_OUT, TCP, sa_present
from properties.finding import Cause, Finding, both

_REKEYED = Cause("rekeyed", Fired("binding", "b5 rekey"))
_OLD_WENT = Cause("replaced-went", disj(*(SA_OUT[g] != "none" for g in (G1, G2))) & Fired("ipsec", "hard limit"))
_CROSSED = Cause("redundant", Fired("ipsec", "redundant: the peer's goes"))
_STALE = Cause("stale-binding", Fired("binding", "b8 TIME-WAIT ended: delete bound SA") & ~sa_present(G0) & ANY_SA)
_LATE = Cause("quick-mode-after-close", Fired("quick-responder", "QM1: inbound usable, QM2") & (TCP == CLOSED) & Peer(TCP == CLOSED))
_ENDS_FIRST = Cause("ends-first", Fired("ipsec", "hard limit"))
_BY_TCP = both(del_trigger="tcp_closed")
_NO_LOSS = {"losses": 0}
_F02, _F16 = "draft 3.4 l.541-546 with 3.2 l.486-491", "silent: draft 3.4 l.538-546"
_F17, _F18 = "draft 3.2 l.481-491, 3.3 l.528-530", "draft 3.1 l.406-411 against 3.2 l.486-491"

FINDINGS = (
    Finding("F-02/rekey", "a Delete for the SA that a rekey replaced is taken as the end of the peer's teardown", "rekey",
            "delete-means-closed", _OLD_WENT, 7, _BY_TCP, source=_F02, bounds=_NO_LOSS),
    Finding("F-02/rekey-plaintext", "after it the FIN is retransmitted in plaintext", "rekey", "no-plaintext-out", _OLD_WENT, 8, _BY_TCP,
            source=_F02, bounds=_NO_LOSS),
    Finding("F-16/reset", "each rekey fails the session: a Delete for a connection nobody is closing", "rekey", "rekey-keeps-session",
            _OLD_WENT, 6, both(unmarked_del="event18"), source=_F16, bounds=_NO_LOSS),
    Finding("F-17/stale", "after a rekey the binding names an SA that is gone", "rekey", "binding-is-current", _REKEYED, 7,
            source=_F17, bounds=_NO_LOSS),
    Finding("F-17/orphan", "the SA that a rekey made is nobody's to delete", "rekey", "no-idle-orphan", _STALE, 9, _BY_TCP,
            source=_F17, bounds=_NO_LOSS,
            longer="the claim waits until both ends are CLOSED and the wire is empty; the pilot stopped at the first end"),
    Finding("F-18/overlap", "exactly one SA a connection, and a rekey that makes before it breaks, exclude each other", "rekey",
            "one-sa-strict", _REKEYED, 3, source=_F18, bounds=_NO_LOSS),
    Finding("F-19/crossing", "both ends rekey, each deletes the other's SA: none is left", "rekey", "sa-outlives-need", _CROSSED, 14,
            _BY_TCP | both(redundant="delete"), source="silent: draft 3.2 l.486-491; RFC 7296 2.8.1", bounds=_NO_LOSS),
    Finding("F-20/late", "a Quick Mode completes for a connection that is closed", "rekey", "no-idle-orphan", _LATE, 12, _BY_TCP,
            source="silent: draft 3.2, 3.3", bounds=_NO_LOSS),
    Finding("F-31/lifetime", "lifetimes that do not match: one end's SA is over, its Delete is lost, and the other sends into a hole",
            "rekey", "sa-leads-to-peer", _ENDS_FIRST, 2, source="silent: draft 2.2 l.196-246, 3.2 l.486-491; RFC 2407 4.5, 4.6.3.1"),
)
