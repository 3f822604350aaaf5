"""BGP: the finite state machine of one connection, RFC 4271 8, and the checks of RFC 4271 6 in front of it.

Two tables. `bgp-message` takes what TCP delivers, checks it (6.1 - 6.4), resolves connection collisions (6.8) and hands
one of events 19 - 28 to `bgp`, which is 8.2.2 state by state, in the order of its text.

What the RFC's phrases are here:

- "sets the X timer to zero", "stops": `stop`; "starts", "restarts", "sets to the initial value": `start`. A timer is
  running or not; how long it runs is the simulation's. An expired timer is not running, though 8.2.2 seldom says so.
- "releases all BGP resources": nothing of the session runs on, so HoldTimer, KeepaliveTimer and DelayOpenTimer are
  stopped, and the binding layer hears that the session is closed; gracefully where this end chose to close and said so
  with a Cease (6.7), not gracefully where something failed, the peer closed, or nothing was said.
- "drops the TCP connection": CLOSE. If nothing is open, TCP ignores it.
- "initiates a TCP connection", "listens": the binding layer is asked, since keys come before the SYN (draft 3.2).
- "performs peer oscillation damping": IdleHoldTimer := DampPeerOscillations. It never runs outside Idle.
- "deletes all routes": the table `routes` hears that the session is down, and whether a NOTIFICATION was exchanged.
- "processes the message", "completes BGP initialization": no variable here depends on it.

NOTE: 8.1.2 lists for events 1 - 8 the attributes that have to be set when they are generated, and wants an FSM error
logged otherwise. Here such an event does nothing else.
NOTE: ConnectRetryCounter is zero or positive; nothing in 8.2.2 asks how large it is.
NOTE: AcceptConnectionsUnconfiguredPeers and TrackTcpState are left out. They say which connections reach an FSM and which
TCP events are reported to it; no row of 8.2.2 asks for them.
NOTE: the negotiated hold time is the smaller one of both ends' (4.2); here it is zero where the reading `hold` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.action import Action, Signal, set_, signal, start, stop
from model.expr import BOOL, TRUE, Const, Enum, Expr, Range, Var, show, up
from model.readings import reading
from model.restart import forgotten
from model.signals import (
    BGP,
    BGP_ACTIVE,
    BGP_CONNECT,
    BGP_ESTABLISHED,
    BGP_EVENT,
    BGP_IDLE,
    BGP_MSG,
    BGP_OPEN_CONFIRM,
    BGP_OPEN_SENT,
    BGP_OTHER,
    BIND_CLOSED,
    BIND_CONNECT,
    BIND_OPEN_RCVD,
    BIND_OTHER_UP,
    BIND_RECONNECT,
    CONNECT_RETRY_TIMER,
    DELAY_OPEN_TIMER,
    HOLD_TIMER,
    IDLE_HOLD_TIMER,
    KEEPALIVE,
    KEEPALIVE_TIMER,
    NO_MSG,
    NOTIFICATION,
    OPEN_MSG,
    OTHER_FSM,
    RESTART,
    ROUTES_DOWN,
    ROUTES_UP,
    TCP_CLOSE,
    TCP_SEND,
    UPDATE,
)
from model.table import STAY, Line, Table, _Word, ignored, row
from model.tcp import CONNECTED_TO

CONNECT_RETRY_COUNTER = Var("bgp", "ConnectRetryCounter", Range("ConnectRetryCounter", 1), doc="0, or 1 for any more")

# The optional session attributes of RFC 4271 8 that rows read. They are configuration: no row sets them.
ALLOW_AUTOMATIC_START = Var("bgp", "AllowAutomaticStart", BOOL, doc="automatic start events are generated")
ALLOW_AUTOMATIC_STOP = Var("bgp", "AllowAutomaticStop", BOOL, doc="automatic stop events are generated")
COLLISION_DETECT_ESTABLISHED_STATE = Var("bgp", "CollisionDetectEstablishedState", BOOL,
                                         doc="collisions are processed in the Established state too")
DAMP_PEER_OSCILLATIONS = Var("bgp", "DampPeerOscillations", BOOL, doc="the peer is held in Idle after a failure")
DELAY_OPEN = Var("bgp", "DelayOpen", BOOL, doc="the peer gets time to send its OPEN first")
PASSIVE_TCP_ESTABLISHMENT = Var("bgp", "PassiveTcpEstablishment", BOOL, doc="the peer establishes the TCP connection")
SEND_NOTIFICATION_WITHOUT_OPEN = Var("bgp", "SendNOTIFICATIONwithoutOPEN", BOOL, doc="a NOTIFICATION may be the first message")
TIMERS = (CONNECT_RETRY_TIMER, HOLD_TIMER, KEEPALIVE_TIMER, DELAY_OPEN_TIMER, IDLE_HOLD_TIMER)
ATTRIBUTES = (ALLOW_AUTOMATIC_START, ALLOW_AUTOMATIC_STOP, COLLISION_DETECT_ESTABLISHED_STATE, DAMP_PEER_OSCILLATIONS, DELAY_OPEN,
              PASSIVE_TCP_ESTABLISHMENT, SEND_NOTIFICATION_WITHOUT_OPEN)

HOLD_TIME_ZERO = reading("hold") == "zero"
HOLD_TIME = ~HOLD_TIME_ZERO

# Sentences that 8.2.2 repeats.
SEND_OPEN = signal("tcp", TCP_SEND(msg=OPEN_MSG))
SEND_KEEPALIVE = signal("tcp", TCP_SEND(msg=KEEPALIVE))
SEND_NOTIFICATION = signal("tcp", TCP_SEND(msg=NOTIFICATION))
SEND_CEASE = SEND_NOTIFICATION
DROP = signal("tcp", TCP_CLOSE)
INITIATE = signal("binding", BIND_CONNECT(passive=False))
LISTEN = signal("binding", BIND_CONNECT(passive=True))
# After a DROP in the same row: only once the end of that connection is dealt with.
INITIATE_AGAIN = signal("binding", BIND_RECONNECT(passive=False))
LISTEN_AGAIN = signal("binding", BIND_RECONNECT(passive=True))
OPEN_RECEIVED = signal("binding", BIND_OPEN_RCVD)
JOINS = signal("binding", BIND_OTHER_UP, at="other")  # the session has one connection more
CLOSED_BY_CEASE = signal("binding", BIND_CLOSED(graceful=True))
CLOSED = signal("binding", BIND_CLOSED(graceful=False))
ZERO = set_(CONNECT_RETRY_COUNTER, 0)
INCREMENT = set_(CONNECT_RETRY_COUNTER, up(CONNECT_RETRY_COUNTER))
DAMP = set_(IDLE_HOLD_TIMER, DAMP_PEER_OSCILLATIONS)


def tell_other(state: str) -> Signal:
    """An FSM looks at those of other connections with the same peer (6.8): tell it."""
    return signal("bgp-message", BGP_OTHER(other=state), at="other")


RELEASE = (stop(HOLD_TIMER), stop(KEEPALIVE_TIMER), stop(DELAY_OPEN_TIMER), tell_other("none"))

# Paragraphs that end in Idle.
QUIETLY: tuple[Action, ...] = (stop(CONNECT_RETRY_TIMER), *RELEASE, DROP, CLOSED)
FAILED: tuple[Action, ...] = (stop(CONNECT_RETRY_TIMER), *RELEASE, DROP, INCREMENT, DAMP, CLOSED)
ERROR: tuple[Action, ...] = (SEND_NOTIFICATION, *FAILED)
STOPPED: tuple[Action, ...] = (SEND_CEASE, stop(CONNECT_RETRY_TIMER), *RELEASE, DROP, ZERO, CLOSED_BY_CEASE)
CEASED: tuple[Action, ...] = (SEND_CEASE, stop(CONNECT_RETRY_TIMER), *RELEASE, DROP, INCREMENT, DAMP, CLOSED_BY_CEASE)

# 8.1.2, "Optional Attribute Status": when a start event is generated. Damping holds an automatic start back while
# IdleHoldTimer runs (8.1.1, IdleHoldTime).
START_ALLOWED: dict[int, Expr] = {
    1: ~PASSIVE_TCP_ESTABLISHMENT,
    3: ALLOW_AUTOMATIC_START & ~PASSIVE_TCP_ESTABLISHMENT & ~DAMP_PEER_OSCILLATIONS,
    4: PASSIVE_TCP_ESTABLISHMENT & ~DAMP_PEER_OSCILLATIONS,
    5: ALLOW_AUTOMATIC_START & PASSIVE_TCP_ESTABLISHMENT & ~DAMP_PEER_OSCILLATIONS,
    6: ALLOW_AUTOMATIC_START & DAMP_PEER_OSCILLATIONS & ~PASSIVE_TCP_ESTABLISHMENT & ~IDLE_HOLD_TIMER,
    7: ALLOW_AUTOMATIC_START & DAMP_PEER_OSCILLATIONS & PASSIVE_TCP_ESTABLISHMENT & ~IDLE_HOLD_TIMER,
}
STARTS = (1, 3, 4, 5, 6, 7)


def _name(number: int, what: str) -> str:
    """"event 4 ManualStart: listen"; the attributes in the names of events 4 - 7 are the guard's."""
    return f"event {number} {BGP_EVENT[number].name.split('_with_')[0]}" + (f": {what}" if what else "")


def _source(state: Const, number: int, also: str) -> str:
    return f"RFC 4271 8.2.2 {show(state)}, event {number}" + (f"; {also}" if also else "")


def on(state: Const, events: int | Sequence[int], actions: Sequence[Action], next: Const | _Word, what: str = "",
       guard: Expr = TRUE, also: str = "") -> list[Line]:
    """What one paragraph of a state's section says of one or several events; `also`: what else the row rests on."""
    numbers = (events,) if isinstance(events, int) else events
    return [row(_name(n, what), state, BGP_EVENT[n], guard, actions, next, _source(state, n, also)) for n in numbers]


def nothing(state: Const, events: int | Sequence[int], what: str = "ignored", guard: Expr = TRUE, also: str = "") -> list[Line]:
    """The events of a paragraph that says ignored, tracked, rejected or no change."""
    numbers = (events,) if isinstance(events, int) else events
    return [ignored(state, BGP_EVENT[n], _source(state, n, also), guard, _name(n, what)) for n in numbers]


def automatic_stop(state: Const, actions: Sequence[Action], what: str) -> list[Line]:
    """Event 8, which is generated only where AllowAutomaticStop is TRUE (8.1.2)."""
    return [
        *on(state, 8, actions, BGP_IDLE, what, ALLOW_AUTOMATIC_STOP),
        *nothing(state, 8, "not allowed", ~ALLOW_AUTOMATIC_STOP, "8.1.2 event 8"),
    ]


def start_event(number: int, actions: Sequence[Action], next: Const, what: str) -> list[Line]:
    """A start event in Idle, as 8.1.2 lets it be generated."""
    allowed, about = START_ALLOWED[number], f"8.1.2 event {number}"
    return [
        *on(BGP_IDLE, number, actions, next, what, allowed, about),
        *nothing(BGP_IDLE, number, "not allowed", ~allowed, about),
    ]


def idle() -> list[Line]:
    """Idle: no resources are allocated to the peer and every connection is refused, until a start event comes.

    NOTE: the damping method is outside the RFC's scope (8.2.2). Here IdleHoldTimer holds events 6 and 7 back, and its
    expiry (event 13) lets them through again; a manual start does not wait for it.
    """
    begin = (ZERO, start(CONNECT_RETRY_TIMER), stop(IDLE_HOLD_TIMER))
    expired = {9: CONNECT_RETRY_TIMER, 10: HOLD_TIMER, 11: KEEPALIVE_TIMER, 12: DELAY_OPEN_TIMER}
    return [
        *start_event(1, [*begin, INITIATE], BGP_CONNECT, "connect"),
        *start_event(3, [*begin, INITIATE], BGP_CONNECT, "connect"),
        *start_event(4, [*begin, LISTEN], BGP_ACTIVE, "listen"),
        *start_event(5, [*begin, LISTEN], BGP_ACTIVE, "listen"),
        *start_event(6, [*begin, INITIATE], BGP_CONNECT, "connect"),
        *start_event(7, [*begin, LISTEN], BGP_ACTIVE, "listen"),
        *nothing(BGP_IDLE, (2, 8)),
        # ConnectRetryTimer may run here: event 18 in Active restarts it. Its expiry changes nothing else.
        *(line for n, timer in expired.items() for line in on(BGP_IDLE, n, [stop(timer)], STAY, "no change")),
        *on(BGP_IDLE, 13, [stop(IDLE_HOLD_TIMER)], STAY, "hold ends", also="8.1.3: the back-off period is over"),
        # NOTE: 8.2.2 lists "Events 9-12, 15-28" and leaves 14 out; Idle "refuses all incoming BGP connections".
        *nothing(BGP_IDLE, 14, "refused", also="first paragraph"),
        *nothing(BGP_IDLE, tuple(range(15, 29)), "no change"),
    ]


# Connect and Active share these paragraphs: the connection comes up, and the session is not yet open.


REPLY = "draft 3.2 l.467-471: the remote peer replies with its OPEN"


def waits_on(state: Const) -> list[Line]:
    """Event 12 at an end that sends its OPEN only in reply: no DelayOpenTime is long enough."""
    return on(state, 12, [start(DELAY_OPEN_TIMER)], STAY, "OPEN only in reply", CONNECTED_TO, REPLY)


def tcp_succeeds(state: Const) -> list[Line]:
    """Events 16 and 17: OPEN is sent at once, or after DelayOpenTime, or (reading `first_open`) when the peer's has come."""
    delay = (stop(CONNECT_RETRY_TIMER), start(DELAY_OPEN_TIMER))
    send = (stop(CONNECT_RETRY_TIMER), SEND_OPEN, start(HOLD_TIMER), tell_other("OpenSent"))
    return [
        *on(state, (16, 17), delay, STAY, "OPEN delayed", DELAY_OPEN & ~CONNECTED_TO),
        *on(state, (16, 17), delay, STAY, "OPEN only in reply", CONNECTED_TO, REPLY),
        *on(state, (16, 17), send, BGP_OPEN_SENT, "OPEN", ~DELAY_OPEN & ~CONNECTED_TO, "HoldTimer: a large value, 4 minutes"),
    ]


def open_while_delaying(state: Const) -> list[Line]:
    """Event 20: the peer's OPEN comes first. Ours and the KEEPALIVE that confirms the peer's leave together."""
    answer = (stop(CONNECT_RETRY_TIMER), stop(DELAY_OPEN_TIMER), SEND_OPEN, SEND_KEEPALIVE, OPEN_RECEIVED, JOINS,
              tell_other("OpenConfirm"))
    return [
        *on(state, 20, [*answer, start(KEEPALIVE_TIMER), start(HOLD_TIMER)], BGP_OPEN_CONFIRM, "OPEN, KEEPALIVE", HOLD_TIME),
        *on(state, 20, [*answer, stop(KEEPALIVE_TIMER), stop(HOLD_TIMER)], BGP_OPEN_CONFIRM, "OPEN, KEEPALIVE, hold time zero",
            HOLD_TIME_ZERO),
    ]


def not_yet_open(state: Const) -> list[Line]:
    """Errors before this end sent its OPEN, and "any other event".

    NOTE: "any other event" includes event 23, so here a lost collision (6.8) closes the connection without a Cease, and
    event 8 (AutomaticStop) too; only after its OPEN may a system send a NOTIFICATION without asking an attribute.
    """
    early = SEND_NOTIFICATION_WITHOUT_OPEN
    return [
        *on(state, (21, 22), ERROR, BGP_IDLE, "NOTIFICATION", early),
        *on(state, (21, 22), FAILED, BGP_IDLE, "closed", ~early),
        *on(state, 24, QUIETLY, BGP_IDLE, "closed, OPEN delayed", DELAY_OPEN_TIMER),
        *on(state, 24, FAILED, BGP_IDLE, "closed", ~DELAY_OPEN_TIMER),
        *automatic_stop(state, FAILED, "closed"),
        *on(state, (10, 11, 13, 19, 23, 25, 26, 27, 28), FAILED, BGP_IDLE, "closed"),
    ]


def connect() -> list[Line]:
    """Connect: the FSM waits for the TCP connection it initiated (it listens too).

    NOTE: "drops the TCP connection, initiates a TCP connection" (event 9) is CLOSE and then a request to the binding
    layer. TCP reports the old connection's end to the binding layer after that request.
    NOTE: after event 18 TCP may still have the half that the peer left open; CLOSE lets it go.
    """
    again = (DROP, start(CONNECT_RETRY_TIMER), stop(DELAY_OPEN_TIMER), INITIATE_AGAIN)
    return [
        *nothing(BGP_CONNECT, STARTS),
        *on(BGP_CONNECT, 2, [ZERO, *QUIETLY], BGP_IDLE, "closed"),
        *on(BGP_CONNECT, 9, again, STAY, "try again"),
        *on(BGP_CONNECT, 12, [stop(DELAY_OPEN_TIMER), SEND_OPEN, start(HOLD_TIMER), tell_other("OpenSent")], BGP_OPEN_SENT, "OPEN",
            ~CONNECTED_TO),
        *waits_on(BGP_CONNECT),
        *nothing(BGP_CONNECT, 14, "processed"),
        *nothing(BGP_CONNECT, 15, "rejected"),
        *tcp_succeeds(BGP_CONNECT),
        *on(BGP_CONNECT, 18, [DROP, start(CONNECT_RETRY_TIMER), stop(DELAY_OPEN_TIMER), LISTEN_AGAIN], BGP_ACTIVE, "listen",
            DELAY_OPEN_TIMER),
        *on(BGP_CONNECT, 18, QUIETLY, BGP_IDLE, "closed", ~DELAY_OPEN_TIMER),
        *open_while_delaying(BGP_CONNECT),
        *not_yet_open(BGP_CONNECT),
    ]


def active() -> list[Line]:
    """Active: the FSM listens for a TCP connection of the peer's, and initiates one when ConnectRetryTimer expires.

    NOTE: on event 18 the text restarts ConnectRetryTimer and yet goes to Idle, where its expiry is ignored. It does not
    drop the TCP connection, but Idle allocates no resources and refuses connections, so CLOSE.
    """
    cease = DELAY_OPEN_TIMER & SEND_NOTIFICATION_WITHOUT_OPEN
    fails = (start(CONNECT_RETRY_TIMER), *RELEASE, DROP, INCREMENT, DAMP, CLOSED)
    return [
        *nothing(BGP_ACTIVE, STARTS),
        *on(BGP_ACTIVE, 2, STOPPED, BGP_IDLE, "Cease", cease),
        *on(BGP_ACTIVE, 2, [ZERO, *QUIETLY], BGP_IDLE, "closed", ~cease),
        *on(BGP_ACTIVE, 9, [start(CONNECT_RETRY_TIMER), INITIATE], BGP_CONNECT, "connect"),
        *on(BGP_ACTIVE, 12, [stop(CONNECT_RETRY_TIMER), stop(DELAY_OPEN_TIMER), SEND_OPEN, start(HOLD_TIMER), tell_other("OpenSent")],
            BGP_OPEN_SENT, "OPEN", ~CONNECTED_TO),
        *waits_on(BGP_ACTIVE),
        *nothing(BGP_ACTIVE, 14, "processed"),
        *nothing(BGP_ACTIVE, 15, "rejected"),
        *tcp_succeeds(BGP_ACTIVE),
        *on(BGP_ACTIVE, 18, fails, BGP_IDLE, "closed"),
        *open_while_delaying(BGP_ACTIVE),
        *not_yet_open(BGP_ACTIVE),
    ]


# From here on this end has sent its OPEN: whatever it decides or finds wrong, it says so before it closes.


def second_connection(state: Const) -> list[Line]:
    """Events 14, 16 and 17 are about a second connection, which has its own FSM (8.2.1) and is tracked until its OPEN
    comes and 6.8 decides; event 15 is about none."""
    return [*nothing(state, (14, 16, 17), "tracked", also="6.8"), *nothing(state, 15)]


def chosen_and_found_wrong(state: Const) -> list[Line]:
    """Events 2, 8, 10 alike in OpenSent, OpenConfirm and Established."""
    return [
        *on(state, 2, STOPPED, BGP_IDLE, "Cease"),
        *automatic_stop(state, CEASED, "Cease"),
        *on(state, 10, ERROR, BGP_IDLE, "Hold Timer Expired"),
    ]


def before_confirmation(state: Const) -> list[Line]:
    """Events 21 - 24 alike in OpenSent and OpenConfirm."""
    return [
        *on(state, (21, 22), ERROR, BGP_IDLE, "NOTIFICATION", also="6.1, 6.2"),
        *on(state, 23, CEASED, BGP_IDLE, "Cease", also="6.8"),
        *on(state, 24, QUIETLY, BGP_IDLE, "closed"),
    ]


def keepalive_sent(state: Const) -> list[Line]:
    """Event 11 alike in OpenConfirm and Established; with hold time zero periodic KEEPALIVEs MUST NOT be sent (4.4)."""
    return [
        *on(state, 11, [SEND_KEEPALIVE, start(KEEPALIVE_TIMER)], STAY, "KEEPALIVE", HOLD_TIME),
        *on(state, 11, [stop(KEEPALIVE_TIMER)], STAY, "hold time zero", HOLD_TIME_ZERO, "4.4"),
    ]


def session_down(lines: Sequence[Line], notified: bool) -> list[Line]:
    """Those of Established's paragraphs that end in Idle: "deletes all routes associated with this connection"."""
    down = signal("routes", ROUTES_DOWN(notified=notified))
    return [replace(line, actions=(*line.actions, down)) if line.next is BGP_IDLE else line for line in lines]


def open_sent() -> list[Line]:
    """OpenSent: TCP is up, our OPEN is out, and the FSM waits for the peer's, under a HoldTimer of 4 minutes.

    NOTE: "closes the BGP connection" (event 18) deallocates all resources of that connection (6), HoldTimer included.
    NOTE: a plain NOTIFICATION (event 25) is "any other event" here and is answered with one.
    """
    confirm = (stop(DELAY_OPEN_TIMER), stop(CONNECT_RETRY_TIMER), SEND_KEEPALIVE, OPEN_RECEIVED, JOINS, tell_other("OpenConfirm"))
    return [
        *nothing(BGP_OPEN_SENT, STARTS),
        *chosen_and_found_wrong(BGP_OPEN_SENT),
        *second_connection(BGP_OPEN_SENT),
        *on(BGP_OPEN_SENT, 18, [*RELEASE, DROP, start(CONNECT_RETRY_TIMER), LISTEN_AGAIN], BGP_ACTIVE, "listen"),
        *on(BGP_OPEN_SENT, 19, [*confirm, start(KEEPALIVE_TIMER), start(HOLD_TIMER)], BGP_OPEN_CONFIRM, "KEEPALIVE", HOLD_TIME,
            "4.2: HoldTimer has the negotiated value"),
        *on(BGP_OPEN_SENT, 19, [*confirm, stop(KEEPALIVE_TIMER), stop(HOLD_TIMER)], BGP_OPEN_CONFIRM, "KEEPALIVE, hold time zero",
            HOLD_TIME_ZERO, "4.2"),
        *before_confirmation(BGP_OPEN_SENT),
        *on(BGP_OPEN_SENT, (9, 11, 12, 13, 20, 25, 26, 27, 28), ERROR, BGP_IDLE, "FSM Error", also="6.6"),
    ]


def open_confirm() -> list[Line]:
    """OpenConfirm: both OPENs are in; the FSM waits for the KEEPALIVE that confirms ours.

    NOTE: on event 19 the text speaks only of the connection that has to be dropped; 6.8 is resolved before the FSM, which
    then gets event 23, so an OPEN that comes as event 19 changes nothing.
    """
    up = (tell_other("Established"), signal("routes", ROUTES_UP))
    return [
        *nothing(BGP_OPEN_CONFIRM, STARTS),
        *chosen_and_found_wrong(BGP_OPEN_CONFIRM),
        *keepalive_sent(BGP_OPEN_CONFIRM),
        *second_connection(BGP_OPEN_CONFIRM),
        *on(BGP_OPEN_CONFIRM, (18, 25), FAILED, BGP_IDLE, "closed"),
        *nothing(BGP_OPEN_CONFIRM, 19, "not dropped", also="6.8"),
        *before_confirmation(BGP_OPEN_CONFIRM),
        *on(BGP_OPEN_CONFIRM, 26, [start(HOLD_TIMER), *up], BGP_ESTABLISHED, "up", HOLD_TIME),
        *on(BGP_OPEN_CONFIRM, 26, up, BGP_ESTABLISHED, "up, hold time zero", HOLD_TIME_ZERO, "4.2"),
        *on(BGP_OPEN_CONFIRM, (9, 12, 13, 20, 27, 28), ERROR, BGP_IDLE, "FSM Error", also="6.6"),
    ]


def established() -> list[Line]:
    """Established: UPDATEs are exchanged, and KEEPALIVEs in between; silence for the hold time ends the session.

    NOTE: after events 18, 24 and 25 there is no damping: this paragraph alone does not mention it.
    NOTE: without CollisionDetectEstablishedState events 19 and 23 are in no paragraph; "normally, a Detect Collision will be
    ignored in the Established state" (8.1.1).
    """
    gone: tuple[Action, ...] = (INCREMENT, *QUIETLY)
    detect = COLLISION_DETECT_ESTABLISHED_STATE
    return [
        *nothing(BGP_ESTABLISHED, STARTS),
        *session_down(chosen_and_found_wrong(BGP_ESTABLISHED), True),
        *keepalive_sent(BGP_ESTABLISHED),
        *second_connection(BGP_ESTABLISHED),
        *session_down(on(BGP_ESTABLISHED, 18, gone, BGP_IDLE, "closed"), False),
        *session_down(on(BGP_ESTABLISHED, (24, 25), gone, BGP_IDLE, "closed"), True),
        *nothing(BGP_ESTABLISHED, 19, "not dropped", also="8.1.1 group 4 option 5; 6.8"),
        *session_down(on(BGP_ESTABLISHED, 23, CEASED, BGP_IDLE, "Cease", detect, "8.1.5 event 23; 6.8"), True),
        *nothing(BGP_ESTABLISHED, 23, "not detected", ~detect, "8.1.1 group 4 option 5"),
        *on(BGP_ESTABLISHED, (26, 27), [start(HOLD_TIMER)], STAY, "heard", HOLD_TIME),
        *nothing(BGP_ESTABLISHED, (26, 27), "heard, hold time zero", HOLD_TIME_ZERO),
        *session_down(on(BGP_ESTABLISHED, 28, ERROR, BGP_IDLE, "UPDATE Message Error", also="6.3"), True),
        *session_down(on(BGP_ESTABLISHED, (9, 12, 13, 20, 21, 22), ERROR, BGP_IDLE, "FSM Error", also="6.6"), True),
    ]


BGP_TABLE = Table(
    "bgp", "BGP finite state machine (RFC 4271 8)", BGP, (*(BGP_EVENT[number] for number in range(1, 29)), RESTART),
    (*idle(), *connect(), *active(), *open_sent(), *open_confirm(), *established(),
     forgotten(BGP, CONNECT_RETRY_COUNTER, *TIMERS, source="RFC 4271 8.2.2 Idle: where an FSM begins; draft 3.4 l.549-551")),
    (CONNECT_RETRY_COUNTER, *TIMERS, *ATTRIBUTES),
)


# -- what TCP delivers: RFC 4271 6 --------------------------------------------------------------------------------------

CHECK = Enum("MessageCheck", "CHECKING")
(CHECKING,) = CHECK.consts()
MESSAGE_CHECK = Var("bgp-message", "state", CHECK, doc="checking a message takes no time")

# The connection's rival for the same peer, if there is one, as 6.8 looks at it. Constant where there is one connection.
OTHER_STATE = Var("bgp-message", "other", OTHER_FSM, doc="the other connection's FSM; none: no other, or in Idle, Connect, Active")
LARGER_ID = Var("bgp-message", "local-identifier-larger", BOOL, doc="the local BGP Identifier is the higher one")
INITIATED = Var("bgp-message", "initiated", BOOL, doc="this connection was initiated by the local system")
COLLISION_DETECT_OPEN_SENT_STATE = Var("bgp-message", "CollisionDetectOpenSentState", BOOL,
                                       doc="connections in OpenSent are examined too (6.8 MAY)")


def fsm(number: int, at: str = "self") -> Signal:
    return signal("bgp", BGP_EVENT[number], at)


def checks() -> list[Line]:
    """6.1 - 6.4: the header first, then the message's own part. `fault` names the first check that fails.

    NOTE: the header check knows each type's minimum length, so a NOTIFICATION can fail it (event 21) although 6.4 forbids to
    answer errors in a NOTIFICATION. 6.1 names that case.
    NOTE: a fault that names another message's part is a fault of this message's own part: an OPEN or UPDATE error; for a
    KEEPALIVE, which is only a header, a header error (its length is not 19); in a NOTIFICATION it is only logged (6.4).
    NOTE: a version error in an OPEN is found here (event 22); in a NOTIFICATION it is the peer's report of one (event 24).
    """
    body = ("open", "version", "update")
    messages = (OPEN_MSG, KEEPALIVE, UPDATE, NOTIFICATION)

    def check(name: str, message: Const | tuple[Const, ...], fault: str | tuple[str, ...], number: int, source: str) -> Line:
        return row(name, CHECKING, BGP_MSG(msg=message, fault=fault), TRUE, [fsm(number)], STAY, f"RFC 4271 {source}")

    return [
        ignored(CHECKING, BGP_MSG(msg=NO_MSG), "RFC 4271 4.1: no message, nothing to check", name="no message"),
        check("header error", messages, "header", 21, "6.1, 8.1.5 event 21"),
        check("KEEPALIVE longer than a header", KEEPALIVE, body, 21, "6.1, 4.4, 8.1.5 event 21"),
        check("KEEPALIVE", KEEPALIVE, "none", 26, "8.1.5 event 26"),
        check("OPEN error", OPEN_MSG, body, 22, "6.2, 8.1.5 event 22"),
        check("UPDATE", UPDATE, "none", 27, "8.1.5 event 27"),
        check("UPDATE error", UPDATE, body, 28, "6.3, 8.1.5 event 28"),
        check("NOTIFICATION of a version error", NOTIFICATION, "version", 24, "8.1.5 event 24"),
        check("NOTIFICATION", NOTIFICATION, ("none", "open", "update"), 25, "6.4, 8.1.5 event 25"),
    ]


def collisions() -> list[Line]:
    """6.8: a good OPEN, after all other connections with this peer were examined.

    NOTE: steps 2 and 3 compare identifiers as if the newer connection were always the one the remote system initiated. The
    rows follow the rule above them, which covers both: the connection initiated by the higher identifier is retained.
    NOTE: an Established FSM without CollisionDetectEstablishedState does not check a (second) OPEN against other connections
    (8.2.2); it ignores events 19 and 23 alike, and dumps no other.
    NOTE: a graceful restart helper takes the OPEN of a peer that restarted for the end of the old connection, which gets event
    18 first: there is no NOTIFICATION, and the old session ends before the new one begins. Both ends are taken to have
    exchanged the capability where the reading says helper.
    """
    detect, open_sent_too = COLLISION_DETECT_ESTABLISHED_STATE, COLLISION_DETECT_OPEN_SENT_STATE
    helps = reading("gr") == "helper"
    alone = (OTHER_STATE == "none") | ((OTHER_STATE == "OpenSent") & ~open_sent_too)
    newcomer = (OTHER_STATE == "Established") & ~detect
    collides = ((OTHER_STATE == "OpenConfirm") | ((OTHER_STATE == "OpenSent") & open_sent_too)
                | ((OTHER_STATE == "Established") & detect))
    retained = INITIATED == LARGER_ID
    checks_it = (BGP != BGP_ESTABLISHED) | detect
    good = BGP_MSG(msg=OPEN_MSG, fault="none")

    def opened(name: str, guard: Expr, source: str, first: Sequence[Action] = (), then: Sequence[Action] = ()) -> list[Line]:
        """Event 19, or event 20 if this end is still delaying its own OPEN."""
        return [
            row(name, CHECKING, good, guard & ~DELAY_OPEN_TIMER, [*first, fsm(19), *then], STAY, f"{source}, 8.1.5 event 19"),
            row(f"{name}, ours delayed", CHECKING, good, guard & DELAY_OPEN_TIMER, [*first, fsm(20), *then], STAY,
                f"{source}, 8.1.5 event 20"),
        ]

    return [
        *opened("OPEN", alone, "RFC 4271 6.2, 6.8"),
        *opened("OPEN: collision, retained", collides & retained & checks_it, "RFC 4271 6.8", then=[fsm(23, "other")]),
        *opened("OPEN: Established, not checked", collides & retained & ~checks_it, "RFC 4271 8.2.2 Established"),
        row("OPEN: collision, lost", CHECKING, good, collides & ~retained, [fsm(23)], STAY, "RFC 4271 6.8, 8.1.5 event 23"),
        row("OPEN: other Established", CHECKING, good, newcomer & ~helps, [fsm(23)], STAY,
            "RFC 4271 6.8: closes the newly created connection, 8.1.5 event 23"),
        *opened("b13 OPEN: the peer restarted", newcomer & helps, "RFC 4724 4.2, 5; draft 3.4 l.556-557", first=[fsm(18, "other")]),
        *(row(f"other connection: {state}", CHECKING, BGP_OTHER(other=state), TRUE, [set_(OTHER_STATE, state)], STAY, "RFC 4271 6.8, 8.2.1")
          for state in OTHER_FSM.values),
    ]


BGP_MESSAGE_TABLE = Table(
    "bgp-message", "BGP message checks and connection collision (RFC 4271 6)", MESSAGE_CHECK, (BGP_MSG, BGP_OTHER),
    (*checks(), *collisions()),
    (OTHER_STATE, LARGER_ID, INITIATED, COLLISION_DETECT_OPEN_SENT_STATE),
)
