"""Liveness: what comes about on every fair run. What fair means: `properties.response`; how it is judged: `verify.liveness`.

A lifetime of SAs is hours, a user timeout minutes, and a hold timer saves a run whatever IPsec does: a property names the
events that it is to hold without.

NOTE: that a graceful restart keeps its routes (draft 3.4 l.556-557) is not here: no table has rows for a restart.
"""

from __future__ import annotations

from model.binding import NEXT_INC
from model.expr import OnWire, Peer, conj
from model.ike_phase1 import I_X as MAIN_I
from model.ike_quick import I_BEGUN, I_GEN, QUICK_INITIATOR_STATE
from model.ike_quick import I_X as QUICK_I
from model.ipsec import HARD
from model.readings import reading
from model.signals import (
    ANY_SA,
    BGP,
    BGP_ACTIVE,
    BGP_CONNECT,
    BGP_ESTABLISHED,
    BGP_EVENT,
    CLOSED,
    CLOSING,
    FIN_WAIT_1,
    FIN_WAIT_2,
    HOLD_TIMER,
    LAST_ACK,
    LISTEN,
    MY_GEN,
    QM_REFUSED,
    S_OPENING,
    S_WAITING,
    SESSION_STATE,
    TCP,
    TIME_WAIT,
    datagram,
)
from model.tcp import FIN_WAIT_2_TIMEOUT, USER_TIMEOUT
from properties.endings import PATH
from properties.response import Response, Within
from properties.vocabulary import TCB_CLOSED

BEGUN = TCP.among(FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT)
BOTH_CLOSED = TCB_CLOSED & Peer(TCB_CLOSED)
NEGOTIATES = (SESSION_STATE == S_WAITING) & (QUICK_INITIATOR_STATE != "IDLE")
# In the first attempt: each end begins with a generation of its own.
READY = conj(BGP.among(BGP_CONNECT, BGP_ACTIVE), TCP.among(CLOSED, LISTEN), NEXT_INC == 0, ~I_BEGUN | (I_GEN == MY_GEN),
             NEGOTIATES | (SESSION_STATE == S_OPENING))
# One end negotiates, the other one does too or listens; it may not have started before, but has not refused.
OPENS = conj(READY, Peer(READY), NEGOTIATES | Peer(NEGOTIATES),
             ~OnWire("datagrams", "any", datagram == QM_REFUSED, "refusal in flight"))
UP = BGP == BGP_ESTABLISHED
HEARS = Peer(PATH)  # some generation leads from the peer to here
# NOTE: KEEPALIVEs are left out of the model, so that a hold timer may expire only where the slice knows that nothing comes: at an
# end without an inbound SA. It is owed wherever nothing can come, and ends the session (RFC 4271 8.2.2 Established, event 10).
HOLD_EXPIRES = UP & HOLD_TIMER & (reading("hold") != "zero") & ~HEARS
_STOP, _RETRY, _HOLD = BGP_EVENT[2], BGP_EVENT[9], BGP_EVENT[10]
_GIVE_UP = (USER_TIMEOUT, MAIN_I.give_up, QUICK_I.give_up)
_QUIET = {"attacks": 0, "copies": 0}
_TEARDOWN = {"teardown": Within(_QUIET)}

RESPONSES = (
    Response("close-ends",
             "When an end has begun to close, both ends come to CLOSED, without a user timeout.",
             "draft 3.3 l.522-530; RFC 9293 3.6",
             BEGUN, BOTH_CLOSED, _TEARDOWN, without=(USER_TIMEOUT, FIN_WAIT_2_TIMEOUT, HARD)),
    Response("no-orphan-sa",
             "When both ends are CLOSED, the SAs of the connection go at both, before a hard lifetime ends them.",
             "draft 3.3 l.528-530, 3.4 l.552-555",
             BOTH_CLOSED, ~ANY_SA & Peer(~ANY_SA), _TEARDOWN, without=(HARD,), ends=("A",)),
    Response("session-comes-up",
             "When both ends have started and their first attempt is under way, both come to Established, unless an operator stops one, "
             "a retry comes between, or a retry limit is reached.",
             "draft 3.2 l.432-461; RFC 4271 8.2.2",
             OPENS, UP & Peer(UP), {"opening": Within(_QUIET | {"segments": 3}, starts=(0,))}, barred=(_STOP, _RETRY, *_GIVE_UP),
             ends=("A",)),
    Response("dead-sa-detected",
             "An end that no SA leads to any more leaves Established, or another SA comes up.",
             "draft 3.4 l.548-550; RFC 4271 6.5",
             UP, ~UP | HEARS, _TEARDOWN, without=(USER_TIMEOUT, HARD, _HOLD), leads=HOLD_EXPIRES),
    Response("no-blackhole",
             "While both ends are Established and no SA leads from one to the other, that does not last.",
             "draft 3.4 l.538-541, l.548-550",
             UP & Peer(UP), ~(UP & Peer(UP)) | (HEARS & Peer(HEARS)), _TEARDOWN, without=(USER_TIMEOUT, HARD, _HOLD),
             leads=HOLD_EXPIRES | Peer(HOLD_EXPIRES), ends=("A",)),
)
