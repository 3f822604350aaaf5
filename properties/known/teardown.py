"""What goes wrong in the slice teardown."""

from __future__ import annotations

from model.expr import Fired, Peer, Post
from model.signals import ANY_SA, CLOSED, CLOSING, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, TCP, TIME_WAIT
from properties.finding import Cause, Finding, both
from properties.vocabulary import HAS_OUT

_AT_IDLE = Cause("session-gone", Fired("binding", "b12 session gone: delete", "b12 session gone: delete phase 1 and 2"))
_EXPIRED = Cause("expired", Fired("ipsec", "hard limit"))
_CONFIRMED = Cause("confirmed", Fired("binding", "b10 confirmed: filter removed"))
_PASSIVE_AT_CLOSED = Cause("passive-closed", Fired("binding", "passive closer CLOSED: delete bound SA"))
_PASSIVE_AT_LAST_ACK = Cause("passive-last-ack", ANY_SA & Fired("binding", "passive closer in LAST-ACK: delete bound SA"))
_TIME_WAIT_ENDED = Cause("time-wait-ended", Fired("binding", "b8 TIME-WAIT ended: delete bound SA"))
_ACQUIRED = Cause("acquired", Fired("ipsec", "no SA: acquire"))
_PHASE1_GONE = Cause("phase-1-gone", Fired("binding", "b12 session gone: delete phase 1 and 2"))
_OTHER_PORT = Cause("other-port", Fired("spd", "rule for another port: BYPASS"))
_CLOSES = TCP.among(FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT)
_EXPIRED_CLOSING = Cause("expired-in-closing", _CLOSES & Fired("ipsec", "hard limit"))
_OVERTAKEN = Cause("time-wait-ended-early", Fired("binding", "b8 TIME-WAIT ended: delete bound SA") & Peer(TCP == LAST_ACK))
_NO_TIME_WAIT = Cause("ended-without-time-wait", Fired("tcp", "ABORT: RST"))
_CLOCK = Cause("clock-from-ack", ANY_SA & Fired("binding", "clock from the ACK ended: delete bound SA"))
_UNHEARD = Cause("unheard", TCP.among(CLOSED) & Fired("ipsec", "unknown SPI"))
_UNREAD = Cause("unread-text", Fired("tcp", "FIN with text, socket gone: RST"))
_OTHER_PEER = Cause("other-peer", Fired("informational", "another peer's Delete: pair removed"))
_REMAPPED = Cause("remapped", Fired("ipsec", "wrong checksum"))
_BY_TCP = both(del_trigger="tcp_closed")
_F01 = "draft 3.3 l.528-532 against 3.4 l.552-556"
_F02, _F03, _F06 = "draft 3.4 l.541-546", "draft 3.3 l.525-532", "draft 3.4 l.545-546"


FINDINGS = (
    Finding("F-01/order", "the session's end deletes the SA before TIME-WAIT", "teardown", "sa-outlives-connection", _AT_IDLE, 1,
            source=_F01),
    Finding("F-01/harm", "the session's end deletes the SA that the close still needs", "teardown", "sa-outlives-need", _AT_IDLE, 1,
            source=_F01),
    Finding("F-01/plaintext", "deletion at the session's end puts the FIN on the wire in plaintext", "teardown", "no-plaintext-out",
            _AT_IDLE, 4, source=_F01),
    Finding("F-02/confirm", "a Delete for an expired SA is taken as the end of the peer's teardown", "teardown",
            "delete-means-closed", _EXPIRED, 3, _BY_TCP, source=_F02),
    Finding("F-02/plaintext", "after it the FIN is retransmitted in plaintext", "teardown", "no-plaintext-out", _EXPIRED, 4, _BY_TCP,
            source=_F02),
    Finding("F-03/keep", "passive closer keeps: the SA is orphaned when the Delete is lost", "teardown", "no-idle-orphan",
            _TIME_WAIT_ENDED, 8, _BY_TCP | both(passive_del="keep"), source=_F03),
    Finding("F-03/at-closed", "passive closer deletes at CLOSED: the peer loses its SA in TIME-WAIT", "teardown",
            "sa-outlives-connection", _PASSIVE_AT_CLOSED, 6, _BY_TCP | both(passive_del="at_closed"), source=_F03,
            last=Fired("informational", "Delete: pair removed")),
    Finding("F-03/at-lastack", "passive closer deletes with its FIN: it cannot retransmit it", "teardown", "sa-outlives-need",
            _PASSIVE_AT_LAST_ACK, 4, _BY_TCP | both(passive_del="at_lastack"), source=_F03),
    Finding("F-03/at-lastack-confirm", "passive closer deletes with its FIN: its Delete confirms a teardown that goes on", "teardown",
            "delete-means-closed", _PASSIVE_AT_LAST_ACK, 5, _BY_TCP | both(passive_del="at_lastack"), source=_F03),
    Finding("F-03/at-lastack-stuck", "passive closer deletes with its FIN: LAST-ACK ends by user timeout only", "teardown",
            "no-stuck-close", _PASSIVE_AT_LAST_ACK, 6, _BY_TCP | both(passive_del="at_lastack", after_del="discard", p1_delete="never"),
            source=_F03, last=Post(TCP == LAST_ACK)),
    Finding("F-04/harm", "the Delete at the end of TIME-WAIT overtakes a peer still in LAST-ACK", "teardown", "sa-outlives-need",
            _OVERTAKEN, 8, _BY_TCP, source=_F03, last=Fired("informational", "Delete: pair removed")),
    Finding("F-04/plaintext", "after it the passive closer's FIN is retransmitted in plaintext", "teardown", "no-plaintext-out",
            _OVERTAKEN, 9, _BY_TCP, source=_F03),
    Finding("F-06/bypass", "filters removed: segments leave in plaintext", "teardown", "no-plaintext-out", _CONFIRMED, 9,
            source=_F06),
    Finding("F-06/bypass-in", "filters removed: forged plaintext is accepted", "teardown", "accepted-is-authentic", _CONFIRMED, 9,
            source=_F06, bounds={"copies": 0}),
    Finding("F-06/discard", "filters kept without negotiation: only the user timeout ends the close", "teardown",
            "no-stuck-close", _AT_IDLE, 8,
            both(after_del="discard"), source=_F06),
    Finding("F-06/acquire", "filters kept with negotiation: an SA comes up for a dead connection", "teardown", "no-idle-orphan",
            _ACQUIRED, 12, both(after_del="acquire"), source=_F06),
    Finding("F-08/abort", "a connection that ends without TIME-WAIT leaves its SAs behind", "teardown", "no-idle-orphan", _NO_TIME_WAIT,
            2, _BY_TCP | both(on_failure="keep"), source="draft 3.3 l.528-530 (MUST) against 3.4 l.536-538 (SHOULD)",
            longer="the pilot had no BGP: here an end whose session goes with its connection deletes by 3.4 l.552-555"),
    Finding("F-09/clock", "a clock that starts at the bare ACK ends under a peer that still sends", "teardown", "sa-outlives-need",
            _CLOCK, 5, _BY_TCP | both(clock_start="fw2"), source="draft 3.3 l.527-530"),
    Finding("F-11/unread", "text after the own FIN meets no socket: RST, no TIME-WAIT, and the SA goes while the peer closes", "teardown",
            "sa-outlives-need", _UNREAD, 9, _BY_TCP | both(close_call="half_duplex"),
            source="draft 3.3 l.504-506 (SHOULD half-close); RFC 4271 8.2.1.4; RFC 9293 3.6.1 SHLD-3",
            last=Fired("informational", "Delete: pair removed")),
    Finding("F-14/closing", "the SA's lifetime ends while the connection is closing", "teardown", "sa-outlives-connection",
            _EXPIRED_CLOSING, 2, _BY_TCP, source="silent: draft 2.2, 3.3"),
    Finding("F-15/no-reset", "a FIN under an SA that the peer no longer has brings no RST: only the user timeout ends the close",
            "teardown", "no-stuck-close", _UNHEARD, 6, _BY_TCP | both(after_del="discard", p1_delete="never"),
            source="silent: draft 2 l.134-141; RFC 4301 5.2 step 2", last=Post(HAS_OUT)),
    Finding("F-24/shared", "the session's end takes a phase 1 SA that other traffic still uses", "teardown", "no-collateral-deletion",
            _PHASE1_GONE, 5, source="draft 3.3 l.507-513 against 3.4 l.552-555"),
    Finding("F-30/spi", "another peer behind the same address deletes the same SPI, and takes this connection's SA", "teardown",
            "sa-outlives-need", _OTHER_PEER, 1, {"natt": "on"}, source="draft 3.1 l.384-391, l.399-404"),
    Finding("F-33/port", "filters for port 170 protect nothing", "teardown", "no-plaintext-out", _OTHER_PORT, 1, both(port="170"),
            source="draft 3.2 l.435-436; RFC 4271 8.2.1"),
    Finding("F-59/rebinding", "a NAT changes its mapping: ESP authenticates what TCP then drops", "teardown", "authentic-is-accepted",
            _REMAPPED, 3, {"natt": "on"}, source="draft 3.10 l.838-844"),
)
