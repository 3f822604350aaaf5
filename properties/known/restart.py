"""What goes wrong in the slice restart."""

from __future__ import annotations

from model.expr import Fired
from properties.finding import Cause, Finding, both

_RESTARTED = Cause("restarted", Fired("tcp", "restart"))
_REUSED = Cause("port-reused", Fired("tcp", "SYN: new incarnation"))
_CUT_SHORT = Cause("time-wait-cut-short", Fired("binding", "b8 TIME-WAIT cut short: delete bound SA"))
_CONTACT = Cause("initial-contact", Fired("informational", "INITIAL-CONTACT with the peer's SA"))
_BY_TCP = both(del_trigger="tcp_closed")
_QUIET = {"losses": 0}
_F13 = "silent: draft 3.3 l.525-532; RFC 9293 3.6.1 MAY-2"

FINDINGS = (
    Finding("F-13/reuse", "a port used again in TIME-WAIT: the next connection runs under the SA of the one before", "restart",
            "sa-serves-one-connection", _REUSED, 6, _BY_TCP, source=_F13, bounds=_QUIET),
    Finding("F-13/rule", "the end of the old TIME-WAIT takes the SA under which the next connection has begun", "restart",
            "sa-outlives-need", _CUT_SHORT, 6, _BY_TCP, source=_F13, bounds=_QUIET),
    Finding("F-28/hold-zero", "a peer that restarts and waits is never missed when the hold time is zero", "restart",
            "lost-peer-is-noticed", _RESTARTED, 3, {"hold": "zero"}, source="draft 3.4 l.549-551; RFC 4271 4.2, 4.4", bounds=_QUIET),
    Finding("F-54/manual", "a manual key outlives a restart and the counter does not: two packets under one key and one number", "restart",
            "counter-unique", _RESTARTED, 2, {"keying": "manual"}, source="draft 4.5 l.1028-1037, 2.1 l.189-192", bounds=_QUIET),
    Finding("L-20/contact", "the INITIAL-CONTACT of a peer that restarted takes the SA of a connection that still sends", "restart",
            "sa-outlives-need", _CONTACT, 7, _BY_TCP, source="draft 3.4 l.538-541; RFC 2407 4.6.3.3", bounds=_QUIET),
)
