"""Liveness: what comes about on every fair run. What fair means: `properties.response`; how it is judged: `verify.liveness`.

A lifetime of SAs is hours, a user timeout minutes, and a hold timer saves a run whatever IPsec does: a property names the
events that it is to hold without.
"""

from __future__ import annotations

from model.binding import NEXT_INC, NO_TCB
from model.expr import OnWire, Peer, conj
from model.ike_phase1 import I_X as MAIN_I
from model.ike_quick import I_BEGUN, I_GEN, QUICK_INITIATOR_STATE
from model.ike_quick import I_X as QUICK_I
from model.ipsec import HARD
from model.readings import reading
from model.routes import RESTART_TIMER_EXPIRES, ROUTES_STATE
from model.signals import (
    ANY_SA,
    BGP,
    BGP_ACTIVE,
    BGP_CONNECT,
    BGP_ESTABLISHED,
    BGP_EVENT,
    BGP_OPEN_CONFIRM,
    BGP_OPEN_SENT,
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    HOLD_TIMER,
    LAST_ACK,
    LISTEN,
    MY_GEN,
    QM_REFUSED,
    S_OPENING,
    S_UP,
    S_WAITING,
    SESSION_STATE,
    SYN_RECEIVED,
    SYN_SENT,
    TCP,
    TCP_INC,
    TIME_WAIT,
    datagram,
)
from model.tcp import FIN_WAIT_2_TIMEOUT, USER_TIMEOUT
from properties.endings import PATH
from properties.response import Response, Within
from properties.vocabulary import TCB_CLOSED

BEGUN = TCP.among(FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT)
# A TCB that is gone, or one of a next connection that is not yet up.
OVER = TCP.among(CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED)
BOTH_CLOSED = TCB_CLOSED & Peer(TCB_CLOSED)
NEXT_SESSION = SESSION_STATE.among(S_WAITING, S_OPENING, S_UP)
NEGOTIATES = (SESSION_STATE == S_WAITING) & (QUICK_INITIATOR_STATE != "IDLE")
# In the first attempt: each end begins with a generation of its own.
READY = conj(BGP.among(BGP_CONNECT, BGP_ACTIVE), TCP.among(CLOSED, LISTEN), NEXT_INC == 0, ~I_BEGUN | (I_GEN == MY_GEN),
             NEGOTIATES | (SESSION_STATE == S_OPENING))
# One end negotiates, the other one does too or listens; it may not have started before, but has not refused.
OPENS = conj(READY, Peer(READY), NEGOTIATES | Peer(NEGOTIATES),
             ~OnWire("datagrams", "any", datagram == QM_REFUSED, "refusal in flight"))
UP = BGP == BGP_ESTABLISHED
# The peer has its end of this connection, and some generation leads from there to here.
HEARS = Peer(~NO_TCB & (PATH | (reading("ipsec") == "off"))) & (Peer(TCP_INC) == TCP_INC)
# NOTE: KEEPALIVEs are left out of the model, so that a hold timer may expire only where the slice knows that nothing comes: at an
# end without an inbound SA, or after the peer's restart. It is owed wherever nothing can come, and ends the session (RFC 4271 8.2.2
# Established, event 10).
HOLD_EXPIRES = UP & HOLD_TIMER & (reading("hold") != "zero") & ~HEARS
# NOTE: the daemon may read the EOF late; where a slice leaves out that it then does, it is owed all the same.
EOF_UNREAD = TCP == CLOSE_WAIT
_STOP, _RETRY, _HOLD = BGP_EVENT[2], BGP_EVENT[9], BGP_EVENT[10]
_GIVE_UP = (USER_TIMEOUT, MAIN_I.give_up, QUICK_I.give_up)
_QUIET = {"attacks": 0, "copies": 0}
# Starts of slice phase1: 0 from nothing; 1 to 5 established, and phase 1 SAs expire or are shared; 6, where A's process dies, is large.
_ESTABLISHED = (1, 2, 3, 4, 5)
_CLOSES = {"teardown": Within(_QUIET), "rekey": Within({}, starts=(0,)), "phase1": Within({}, _ESTABLISHED), "restart": Within({}),
           "attacker": Within({"attacks": 1, "copies": 0})}
# One segment is room enough for who stays Established, not for who closes: a passive closer's ACK and FIN leave together.
_LIVES = _CLOSES | {"rekey": Within({"segments": 1}), "collision": Within({})}
# Nothing is lost: who has lost the last word about an SA has nothing but its hold timer.
_NOTICES = _LIVES | {"teardown": Within(_QUIET | {"losses": 0}), "rekey": Within({"segments": 1, "losses": 0}),
                     "phase1": Within({"losses": 0}, _ESTABLISHED)}
# An attempt under way: keys are negotiated, or the connection they were for is opened.
TRIES = BGP.among(BGP_CONNECT, BGP_ACTIVE, BGP_OPEN_SENT, BGP_OPEN_CONFIRM) & ~BEGUN & (NEGOTIATES | SESSION_STATE.among(S_OPENING, S_UP))
CONNECTED_AGAIN = (TCP == ESTABLISHED) & Peer(TCP == ESTABLISHED) & HEARS & Peer(HEARS)
_HELPERS = {"A:gr": "helper", "B:gr": "helper"}

RESPONSES = (
    Response("close-ends",
             "When an end has begun to close, both ends come to CLOSED, without a user timeout.",
             "draft 3.3 l.522-530; RFC 9293 3.6",
             BEGUN, OVER & Peer(OVER), _CLOSES, without=(USER_TIMEOUT, FIN_WAIT_2_TIMEOUT, HARD),
             leads=EOF_UNREAD | Peer(EOF_UNREAD)),
    Response("no-orphan-sa",
             "When both ends are CLOSED, the SAs of the connection go at both, before a hard lifetime ends them.",
             "draft 3.3 l.528-530, 3.4 l.552-555",
             BOTH_CLOSED, (~ANY_SA & Peer(~ANY_SA)) | NEXT_SESSION | Peer(NEXT_SESSION), _CLOSES, without=(HARD,), ends=("A",)),
    Response("session-comes-up",
             "When both ends have started and their first attempt is under way, both come to Established, unless an operator stops one "
             "or a retry comes between, before a retry limit is reached.",
             "draft 3.2 l.432-461; RFC 4271 8.2.2",
             OPENS, UP & Peer(UP), {"opening": Within(_QUIET | {"segments": 3}, starts=(0,))}, without=_GIVE_UP,
             barred=(_STOP, _RETRY, *_GIVE_UP), ends=("A",)),
    Response("keys-come-up",
             "When both ends have started and their first attempt is under way, they come to have an SA that leads from each to the other, "
             "before a retry limit is reached.",
             "draft 3.2 l.432-439",
             OPENS, PATH & Peer(PATH), {"phase1": Within({"segments": 1}, starts=(0,))}, without=_GIVE_UP, barred=_GIVE_UP, ends=("A",)),
    Response("dead-sa-detected",
             "An end that nothing of its peer's reaches any more, for want of an SA or of the peer's end of the connection, leaves "
             "Established, or comes to be reached again.",
             "draft 3.4 l.548-550; RFC 4271 6.5",
             UP, ~UP | HEARS, _LIVES, without=(USER_TIMEOUT, HARD, _HOLD), leads=HOLD_EXPIRES),
    Response("no-blackhole",
             "While both ends are Established and no SA leads from one to the other, that does not last.",
             "draft 3.4 l.538-541, l.548-550",
             UP & Peer(UP), ~(UP & Peer(UP)) | (HEARS & Peer(HEARS)), _LIVES, without=(USER_TIMEOUT, HARD, _HOLD),
             leads=HOLD_EXPIRES | Peer(HOLD_EXPIRES), ends=("A",)),
    Response("blackhole-is-noticed",
             "While both ends are Established and no SA leads from one to the other, that does not last until a hold timer expires.",
             "draft 3.4 l.538-541",
             UP & Peer(UP), ~(UP & Peer(UP)) | (HEARS & Peer(HEARS)), _NOTICES, without=(USER_TIMEOUT, HARD, _HOLD), ends=("A",)),
    Response("graceful-restart-kept",
             "While an end keeps the routes of a peer that connects again, the two come to have a connection over SAs that lead both "
             "ways, or the attempt is refused, before the Restart Time, a hold timer or a retry limit is over; who is Idle listens.",
             "draft 3.4 l.556-557; RFC 4724 4.2",
             (ROUTES_STATE == "stale") & ~BEGUN & Peer(TRIES), (ROUTES_STATE != "stale") | Peer(~TRIES) | CONNECTED_AGAIN,
             {"restart": Within({}, readings=_HELPERS), "collision": Within({}, (1,), _HELPERS)},
             without=(*_GIVE_UP, _HOLD, RESTART_TIMER_EXPIRES), granted=(BGP_EVENT[4],), barred=(_STOP, _HOLD, RESTART_TIMER_EXPIRES),
             leads=EOF_UNREAD | Peer(EOF_UNREAD)),
)
