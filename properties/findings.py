"""Known findings: what the draft gets wrong, each as preset, readings, claim and the cause its witness must show.

The cause keeps a shorter witness of another finding from standing in for this one: it is remembered as a history bit from
the step in which it happens, and the witness ends where the claim breaks with the bit set. `pilot` is the length that a
throw-away model needed (for L-, which no pilot had, the length it was found with); ours is shown to be no longer.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.expr import BOOL, FALSE, TRUE, Expr, Fired, Peer, Post, Var, conj
from model.signals import ANY_SA, FORGED, LAST_ACK, SYN, TCP, kind, origin
from model.system import Monitor
from properties.claim import Claim
from properties.registry import CLAIMS


@dataclass(frozen=True, eq=False)
class Cause:
    """What a finding's witness must show, at either end, before or in the step that breaks the claim."""

    name: str
    when: Expr

    @property
    def seen(self) -> Var:
        """The history bit that remembers it."""
        return Var("history", f"cause-{self.name}", BOOL, doc="the cause of a finding has shown")


@dataclass(frozen=True, eq=False)
class Finding:
    """One known finding of a slice under a preset with some readings changed. `last`: what the step that breaks the claim must
    itself show, where that the cause came before is not enough."""

    name: str
    title: str
    slice: str
    property: str
    cause: Cause
    pilot: int
    readings: Mapping[str, str] = field(default_factory=dict)
    preset: str = "draft"
    source: str = ""
    bounds: Mapping[str, int] = field(default_factory=lambda: {"attacks": 0, "copies": 0})
    last: Expr = TRUE

    @builtins.property
    def claim(self) -> Claim:
        return CLAIMS[self.property]

    @builtins.property
    def monitors(self) -> tuple[Monitor, ...]:
        return (*self.claim.monitors, *(Monitor(end, self.cause.seen, self.cause.when, FALSE) for end in ("A", "B")))

    @builtins.property
    def when(self) -> Expr:
        """The claim breaks in a step as `last` wants it, and the cause has shown at either end, in this step or before."""
        return conj(self.claim.violated, self.last, Post(self.cause.seen | Peer(self.cause.seen)))


def _both(**values: str) -> dict[str, str]:
    return {f"{end}:{key}": value for key, value in values.items() for end in ("A", "B")}


_AT_IDLE = Cause("session-gone", Fired("binding", "b12 session gone: delete", "b12 session gone: delete phase 1 and 2"))
_EXPIRED = Cause("expired", Fired("ipsec", "hard limit"))
_CONFIRMED = Cause("confirmed", Fired("binding", "b10 confirmed: filter removed"))
_PASSIVE_AT_CLOSED = Cause("passive-closed", Fired("binding", "passive closer CLOSED: delete bound SA"))
_PASSIVE_AT_LAST_ACK = Cause("passive-last-ack", ANY_SA & Fired("binding", "passive closer in LAST-ACK: delete bound SA"))
_TIME_WAIT_ENDED = Cause("time-wait-ended", Fired("binding", "b8 TIME-WAIT ended: delete bound SA"))
_ACQUIRED = Cause("acquired", Fired("ipsec", "no SA: acquire"))
_PHASE1_GONE = Cause("phase-1-gone", Fired("binding", "b12 session gone: delete phase 1 and 2"))
_OTHER_PORT = Cause("other-port", Fired("spd", "rule for another port: BYPASS"))
_FORGED_SYN = Cause("forged-syn", Fired("spd", "PLAIN accepted", where=(origin == FORGED) & (kind == SYN)) & Fired("tcp", "SYN"))
_SYN_SENT = Cause("syn-released", Fired("binding", "b2 release the SYN"))
_BOTH_NEGOTIATED = Cause("remote-sa", Fired("binding", "remote peer: SA is there"))
_SYN_BEFORE_QM3 = Cause("syn-before-qm3", Fired("tcp", "SYN"))
_CLOSED_PORT = Cause("closed-port", Fired("tcp", "no TCB: RST"))
_BY_TCP = _both(del_trigger="tcp_closed")
_QUIET = {"attacks": 0, "losses": 0}
_F01 = "draft 3.3 l.528-532 against 3.4 l.552-556"
_F02, _F03, _F06 = "draft 3.4 l.541-546", "draft 3.3 l.525-532", "draft 3.4 l.545-546"
_L = "silent: draft 3.2 l.449-456 gives the remote peer its filter with the SA; what holds before is not said"

FINDINGS = {one.name: one for one in (
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
    Finding("F-03/keep", "passive closer keeps: the SA is orphaned when the Delete is lost", "teardown", "no-orphan-sa",
            _TIME_WAIT_ENDED, 8, _BY_TCP | _both(passive_del="keep"), source=_F03),
    Finding("F-03/at-closed", "passive closer deletes at CLOSED: the peer loses its SA in TIME-WAIT", "teardown",
            "sa-outlives-connection", _PASSIVE_AT_CLOSED, 6, _BY_TCP | _both(passive_del="at_closed"), source=_F03,
            last=Fired("informational", "Delete: pair removed")),
    Finding("F-03/at-lastack", "passive closer deletes with its FIN: it cannot retransmit it", "teardown", "sa-outlives-need",
            _PASSIVE_AT_LAST_ACK, 4, _BY_TCP | _both(passive_del="at_lastack"), source=_F03),
    Finding("F-03/at-lastack-confirm", "passive closer deletes with its FIN: its Delete confirms a teardown that goes on", "teardown",
            "delete-means-closed", _PASSIVE_AT_LAST_ACK, 5, _BY_TCP | _both(passive_del="at_lastack"), source=_F03),
    Finding("F-03/at-lastack-stuck", "passive closer deletes with its FIN: LAST-ACK ends by user timeout only", "teardown",
            "close-ends", _PASSIVE_AT_LAST_ACK, 6, _BY_TCP | _both(passive_del="at_lastack", after_del="discard", p1_delete="never"),
            source=_F03, last=Post(TCP == LAST_ACK)),
    Finding("F-06/bypass", "filters removed: segments leave in plaintext", "teardown", "no-plaintext-out", _CONFIRMED, 9,
            source=_F06),
    Finding("F-06/bypass-in", "filters removed: forged plaintext is accepted", "teardown", "accepted-is-authentic", _CONFIRMED, 9,
            source=_F06, bounds={"copies": 0}),
    Finding("F-06/discard", "filters kept without negotiation: the close never ends", "teardown", "close-ends", _AT_IDLE, 8,
            _both(after_del="discard"), source=_F06),
    Finding("F-06/acquire", "filters kept with negotiation: an SA comes up for a dead connection", "teardown", "no-orphan-sa",
            _ACQUIRED, 12, _both(after_del="acquire"), source=_F06),
    Finding("F-21/both", "that both ends completed phase 2 before the SYN is not for one end to know", "opening",
            "syn-after-both-phase2", _SYN_SENT, 4, source="draft 3.2 l.436-439", bounds=_QUIET),
    Finding("F-24/shared", "the session's end takes a phase 1 SA that other traffic still uses", "teardown", "no-collateral-deletion",
            _PHASE1_GONE, 5, source="draft 3.3 l.507-513 against 3.4 l.552-555"),
    Finding("F-33/port", "filters for port 170 protect nothing", "teardown", "no-plaintext-out", _OTHER_PORT, 1, _both(port="170"),
            source="draft 3.2 l.435-436; RFC 4271 8.2.1"),
    Finding("F-35/listener", "a SYN in plaintext is accepted: nothing stands before the listener", "opening", "no-plaintext-in",
            _FORGED_SYN, 3, source="silent: draft 3.2, 3.6", bounds={"losses": 0}),
    Finding("F-37/two-SAs", "both ends begin: one connection under two SAs", "opening", "one-sa-strict", _BOTH_NEGOTIATED, 7,
            source="draft 3.1 l.406-411", bounds=_QUIET),
    Finding("L-01/closed-port", "a protected SYN for a closed port is answered by RST in plaintext", "opening", "no-plaintext-out",
            _CLOSED_PORT, 4, source=_L, bounds=_QUIET),
    Finding("L-02/overtaking", "a SYN that overtakes QM3 is answered by SYN+ACK in plaintext", "opening", "no-plaintext-out",
            _SYN_BEFORE_QM3, 5, source=_L, bounds=_QUIET),
    Finding("L-03/open", "after such a SYN+ACK one forged ACK brings the BGP OPEN out in plaintext", "opening",
            "no-plaintext-after-open", _SYN_BEFORE_QM3, 7, source=_L, bounds={"losses": 0}),
)}


def findings_of(slice_name: str, preset: str) -> tuple[Finding, ...]:
    """The known findings of a slice under a preset."""
    return tuple(one for one in FINDINGS.values() if (one.slice, one.preset) == (slice_name, preset))
