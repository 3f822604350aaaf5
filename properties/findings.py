"""Known findings: what the draft gets wrong, each as preset, readings, claim and the cause its witness must show.

The cause keeps a shorter witness of another finding from standing in for this one: it is remembered as a history bit from
the step in which it happens, and the witness ends where the claim breaks with the bit set. `pilot` is the length that a
throw-away model needed; ours is shown to be no longer, or docs/findings.md says why.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.expr import BOOL, FALSE, Expr, Fired, Peer, Post, Var
from model.system import Monitor
from properties.claim import Claim
from properties.registry import CLAIMS

CAUSE = Var("history", "cause", BOOL, doc="the cause of the finding has shown")


@dataclass(frozen=True, eq=False)
class Finding:
    """One known finding of a slice under a preset with some readings changed."""

    name: str
    title: str
    slice: str
    property: str
    cause: Expr
    pilot: int
    readings: Mapping[str, str] = field(default_factory=dict)
    preset: str = "draft"
    source: str = ""
    bounds: Mapping[str, int] = field(default_factory=lambda: {"attacks": 0, "copies": 0})

    @builtins.property
    def claim(self) -> Claim:
        return CLAIMS[self.property]

    @builtins.property
    def monitors(self) -> tuple[Monitor, ...]:
        return (*self.claim.monitors, *(Monitor(end, CAUSE, self.cause, FALSE) for end in ("A", "B")))

    @builtins.property
    def when(self) -> Expr:
        """The claim breaks, and the cause has shown at either end, in this step or before."""
        return self.claim.violated & Post(CAUSE | Peer(CAUSE))


def _both(**values: str) -> dict[str, str]:
    return {f"{end}:{key}": value for key, value in values.items() for end in ("A", "B")}


_AT_IDLE = Fired("binding", "b12 session gone: delete", "b12 session gone: delete phase 1, then phase 2")
_EXPIRED = Fired("ipsec", "hard limit")
_CONFIRMED = Fired("binding", "b10 confirmed: filter removed")
_PASSIVE_AT_CLOSED = Fired("binding", "passive closer CLOSED: delete bound SA")
_PASSIVE_AT_LAST_ACK = Fired("binding", "passive closer in LAST-ACK: delete")
_TIME_WAIT_ENDED = Fired("binding", "b8 TIME-WAIT ended: delete bound SA")
_ACQUIRED = Fired("ipsec", "no SA: acquire")
_BY_TCP = _both(del_trigger="tcp_closed")
_F01 = "draft 3.3 l.528-532 against 3.4 l.552-556"
_F02, _F03, _F06 = "draft 3.4 l.541-546", "draft 3.3 l.525-532", "draft 3.4 l.545-546"

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
            "sa-outlives-connection", _PASSIVE_AT_CLOSED, 6, _BY_TCP | _both(passive_del="at_closed"), source=_F03),
    Finding("F-03/at-lastack", "passive closer deletes with its FIN: it cannot retransmit it", "teardown", "sa-outlives-need",
            _PASSIVE_AT_LAST_ACK, 4, _BY_TCP | _both(passive_del="at_lastack"), source=_F03),
    Finding("F-06/bypass", "filters removed: segments leave in plaintext", "teardown", "no-plaintext-out", _CONFIRMED, 9,
            source=_F06),
    Finding("F-06/bypass-in", "filters removed: forged plaintext is accepted", "teardown", "accepted-is-authentic", _CONFIRMED, 9,
            source=_F06, bounds={"copies": 0}),
    Finding("F-06/discard", "filters kept without negotiation: the close never ends", "teardown", "close-ends", _AT_IDLE, 8,
            _both(after_del="discard"), source=_F06),
    Finding("F-06/acquire", "filters kept with negotiation: an SA comes up for a dead connection", "teardown", "no-orphan-sa",
            _ACQUIRED, 12, _both(after_del="acquire"), source=_F06),
)}


def findings_of(slice_name: str, preset: str) -> tuple[Finding, ...]:
    """The known findings of a slice under a preset."""
    return tuple(one for one in FINDINGS.values() if (one.slice, one.preset) == (slice_name, preset))
