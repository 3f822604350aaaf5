"""What goes wrong in the slice opening."""

from __future__ import annotations

from model.expr import Fired, Sent
from model.signals import FORGED, SYN, inc, kind, origin
from properties.finding import Cause, Finding, both

_FORGED_SYN = Cause("forged-syn", Fired("spd", "PLAIN accepted", where=(origin == FORGED) & (kind == SYN)) & Fired("tcp", "SYN"))
_SYN_SENT = Cause("syn-released", Fired("binding", "b2 release the SYN"))
_BOTH_NEGOTIATED = Cause("remote-sa", Fired("binding", "remote peer: SA is there"))
_SYN_BEFORE_QM3 = Cause("syn-before-qm3", Fired("tcp", "SYN"))
_CLOSED_PORT = Cause("closed-port", Fired("tcp", "no TCB: RST"))
_RETRIED = Cause("retried", Fired("binding", "b1 start again: another port"))
_ANY_PORT = Cause("any-port", Fired("binding", "b1 start: SA is there"))
_BOTH_WAIT = Cause("replies-only", Fired("bgp", "event 16 Tcp_CR_Acked: OPEN only in reply"))
_QUIET = {"attacks": 0, "losses": 0}
_L = "silent: draft 3.2 l.449-456 gives the remote peer its filter with the SA; what holds before is not said"


FINDINGS = (
    Finding("F-21/both", "that both ends completed phase 2 before the SYN is not for one end to know", "opening",
            "syn-after-both-phase2", _SYN_SENT, 4, source="draft 3.2 l.436-439", bounds=_QUIET),
    Finding("F-35/listener", "a SYN in plaintext is accepted: nothing stands before the listener", "opening", "no-plaintext-in",
            _FORGED_SYN, 3, source="silent: draft 3.2, 3.6", bounds={"losses": 0}),
    Finding("F-37/two-SAs", "both ends begin: one connection under two SAs", "opening", "one-sa-strict", _BOTH_NEGOTIATED, 7,
            source="draft 3.1 l.406-411", bounds=_QUIET),
    Finding("F-34/any-port", "an SA for any port, negotiated before there is one, serves two connections", "opening",
            "syn-under-its-own-sa", _ANY_PORT, 4, both(qm_port="any", on_failure="keep"), source="draft 3.2 l.449-456; RFC 2407 4.6.2",
            bounds=_QUIET, last=Sent("segments", (kind == SYN) & (inc == "1"))),
    Finding("F-40/reply-only", "SYNs cross, each end takes itself for the remote peer, and both wait for an OPEN to reply to",
            "opening", "open-is-sent", _BOTH_WAIT, 11, both(first_open="reply_only"),
            source="draft 3.2 l.457-471 against RFC 4271 8.2.2", bounds=_QUIET),
    Finding("F-41/orphan", "a connect retry takes another port: the Quick Mode under way brings up an SA for the one given up", "opening",
            "sa-comes-up-for-connection", _RETRIED, 4, source="silent: draft 3.2, 3.4; RFC 4271 8.2.2 Connect, event 9", bounds=_QUIET),
    Finding("L-01/closed-port", "a protected SYN for a closed port is answered by RST in plaintext", "opening", "no-plaintext-out",
            _CLOSED_PORT, 4, source=_L, bounds=_QUIET),
    Finding("L-02/overtaking", "a SYN that overtakes QM3 is answered by SYN+ACK in plaintext", "opening", "no-plaintext-out",
            _SYN_BEFORE_QM3, 5, source=_L, bounds=_QUIET),
    Finding("L-03/open", "after such a SYN+ACK one forged ACK brings the BGP OPEN out in plaintext", "opening",
            "no-plaintext-after-open", _SYN_BEFORE_QM3, 7, source=_L, bounds={"losses": 0}),
)
