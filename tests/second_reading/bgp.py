"""RFC 4271 8.2.2 with 8.1.2, and the checks of 6.1 - 6.4 and 6.8 before it, read once more.

A timer runs or does not. Done, in order towards each layer: ("send", message); ("drop",) for "drops the TCP connection";
("released", cease) for "releases all BGP resources", with the reason: whether this end has said Cease; ("connect", passive) for
"initiates a TCP connection" (False) and "listens" only (True), ("again", passive) for the same after the connection was dropped;
("bound",) where a valid OPEN is in. ("other knows", state): 6.8 examines all connections with a peer, so the FSM of another one hears
of this one; ("joined",) goes with "bound" to the binding of another connection. ("routes come",) where the session is up, and
("routes go", notified) where it ends: 8.2.2 deletes all routes, RFC 4724 keeps them unless a NOTIFICATION was sent or received.
"""

from __future__ import annotations

from typing import Any

from tests.second_reading import Course


def read(state: str, number: int, own: Any) -> Course:
    """8.2.2, by event number."""
    match state:
        case "Idle":
            return in_idle(number, own)
        case "Connect":
            return in_connect(number, own)
        case "Active":
            return in_active(number, own)
        case "OpenSent":
            return in_open_sent(number, own)
        case "OpenConfirm":
            return in_open_confirm(number, own)
        case _:
            course = in_established(number, own)
            # Event 18 alone ends an Established session without a NOTIFICATION; 24 and 25 are one that came.
            return course.do("routes go", number != 18) if course.next == "Idle" else course


def restart() -> Course:
    """A speaker begins in Idle, with no timer running."""
    timers = ("ConnectRetryTimer", "HoldTimer", "KeepaliveTimer", "DelayOpenTimer", "IdleHoldTimer")
    return Course("Idle").set(ConnectRetryCounter="0", **dict.fromkeys(timers, False))


def expired(course: Course, number: int) -> Course:
    """A timer that has expired does not run, whether or not 8.2.2 says so."""
    name = {9: "ConnectRetryTimer", 10: "HoldTimer", 11: "KeepaliveTimer", 12: "DelayOpenTimer", 13: "IdleHoldTimer"}.get(number)
    if name is not None:
        course.sets.setdefault(name, False)
    return course


def to_idle(course: Course, own: Any, *, count: bool = True, damp: bool = True, cease: bool = False) -> Course:
    """"Sets the ConnectRetryTimer to zero, releases all BGP resources, drops the TCP connection": the timers of the session end."""
    course.enter("Idle").do("drop").do("released", cease).do("other knows", "none")
    course.set(ConnectRetryTimer=False, HoldTimer=False, KeepaliveTimer=False, DelayOpenTimer=False)
    if count:
        course.set(ConnectRetryCounter="1")
    if damp:
        course.set(IdleHoldTimer=own.DampPeerOscillations)
    return course


def manual_stop(course: Course, own: Any, *, cease: bool) -> Course:
    if cease:
        course.do("send", "NOTIFICATION")
    return to_idle(course, own, count=False, damp=False, cease=cease).set(ConnectRetryCounter="0")


def fail(course: Course, own: Any, *, notify: bool, cease: bool = False) -> Course:
    if notify:
        course.do("send", "NOTIFICATION")
    return to_idle(course, own, cease=cease)


def in_idle(number: int, own: Any) -> Course:
    course = Course("Idle")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7:
            passive = number in (4, 5, 7)
            if not generated(number, own):
                return course
            course.enter("Active" if passive else "Connect").do("connect", passive)
            # Damping: the start waits for the IdleHoldTimer, which runs only in Idle.
            return course.set(ConnectRetryCounter="0", ConnectRetryTimer=True, IdleHoldTimer=False)
        case _:  # ManualStop and AutomaticStop are ignored; the others do not change the state
            return expired(course, number)


def generated(number: int, own: Any) -> bool:
    """8.1.2: the optional attributes that have to be set for the event; else an FSM error is logged, and that is all."""
    passive, damped, automatic = number in (4, 5, 7), number in (6, 7), number in (3, 5, 6, 7)
    if own.PassiveTcpEstablishment != passive:
        return False
    if automatic and not own.AllowAutomaticStart:
        return False
    if number == 1:  # ManualStart names no damping
        return True
    return own.DampPeerOscillations == damped and not (damped and own.IdleHoldTimer)


def in_connect(number: int, own: Any) -> Course:
    course = Course("Connect")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7 | 14 | 15:
            return course
        case 2:
            return manual_stop(course, own, cease=False)
        case 9:
            return course.do("drop").do("again", False).set(ConnectRetryTimer=True, DelayOpenTimer=False)
        case 12 if own.connected_to:
            return course.set(DelayOpenTimer=True)
        case 12:  # nothing about the ConnectRetryTimer, which event 16 or 17 stopped
            return send_open(expired(course, number))
        case 16 | 17:
            return connected(course, own)
        case 18 if own.DelayOpenTimer:
            # 8.1.4, event 18: the peer may have sent a FIN, and "the local peer would respond with a FIN-ACK".
            return course.enter("Active").do("drop").do("again", True).set(ConnectRetryTimer=True, DelayOpenTimer=False)
        case 18:
            return to_idle(course, own, count=False, damp=False)
        case 20:
            return open_received(course.do("send", "OPEN"), own)
        case 21 | 22:
            return fail(course, own, notify=own.SendNOTIFICATIONwithoutOPEN)
        case 24 if own.DelayOpenTimer:
            return to_idle(course, own, count=False, damp=False)
        case 8 if not own.AllowAutomaticStop:
            return course
        case _:  # 24 without DelayOpenTimer; 8, 10-11, 13, 19, 23, 25-28
            return fail(course, own, notify=False)


def in_active(number: int, own: Any) -> Course:
    course = Course("Active")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7 | 14 | 15:
            return course
        case 2:
            return manual_stop(course, own, cease=own.DelayOpenTimer and own.SendNOTIFICATIONwithoutOPEN)
        case 9:
            return course.enter("Connect").do("connect", False).set(ConnectRetryTimer=True)
        case 12 if own.connected_to:
            return course.set(DelayOpenTimer=True)
        case 12:
            return send_open(expired(course, number)).set(ConnectRetryTimer=False)
        case 16 | 17:
            return connected(course, own)
        case 18:
            return to_idle(course, own).set(ConnectRetryTimer=True)
        case 20:
            return open_received(course.do("send", "OPEN"), own)
        case 21 | 22:
            return fail(course, own, notify=own.SendNOTIFICATIONwithoutOPEN)
        case 24 if own.DelayOpenTimer:
            return to_idle(course, own, count=False, damp=False)
        case 8 if not own.AllowAutomaticStop:
            return course
        case _:
            return fail(course, own, notify=False)


def connected(course: Course, own: Any) -> Course:
    """Event 16 or 17 in Connect or Active. The draft's remote peer (3.2 l.467-471) "replies with its OPEN"."""
    course.set(ConnectRetryTimer=False)
    return course.set(DelayOpenTimer=True) if own.DelayOpen or own.connected_to else send_open(course)


def send_open(course: Course) -> Course:
    return course.do("send", "OPEN").enter("OpenSent").set(HoldTimer=True).do("other knows", "OpenSent")


def open_received(course: Course, own: Any) -> Course:
    """A valid OPEN: KEEPALIVE; with a negotiated hold time of zero neither timer runs (4.2, 4.4)."""
    runs = own.hold != "zero"
    course.do("send", "KEEPALIVE").do("bound").enter("OpenConfirm").do("joined").do("other knows", "OpenConfirm")
    return course.set(ConnectRetryTimer=False, DelayOpenTimer=False, HoldTimer=runs, KeepaliveTimer=runs)


def in_open_sent(number: int, own: Any) -> Course:
    course = Course("OpenSent")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7 | 14 | 15 | 16 | 17:  # 14, 16, 17: the second connection is tracked by an FSM of its own
            return course
        case 2:
            return manual_stop(course, own, cease=True)
        case 8 if not own.AllowAutomaticStop:
            return course
        case 8 | 23:
            return fail(course, own, notify=True, cease=True)
        case 18:  # "closes the BGP connection": 6, its resources are deallocated
            course.enter("Active").do("drop").do("again", True).do("other knows", "none")
            return course.set(ConnectRetryTimer=True, HoldTimer=False, KeepaliveTimer=False, DelayOpenTimer=False)
        case 19:
            return open_received(course, own)
        case 24:
            return to_idle(course, own, count=False, damp=False)
        case _:  # 10; 21, 22; 9, 11-13, 20, 25-28: FSM error
            return fail(course, own, notify=True)


def in_open_confirm(number: int, own: Any) -> Course:
    course = Course("OpenConfirm")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7 | 14 | 15 | 16 | 17:
            return course
        case 2:
            return manual_stop(course, own, cease=True)
        case 8 if not own.AllowAutomaticStop:
            return course
        case 8 | 23:
            return fail(course, own, notify=True, cease=True)
        case 11:
            return keepalive(course, own)
        case 18 | 25:
            return fail(course, own, notify=False)
        case 24:
            return to_idle(course, own, count=False, damp=False)
        case 19:  # 6.8 is applied before; what arrives here need not be dropped
            return course
        case 26:
            return restart_hold_timer(course.enter("Established").do("other knows", "Established").do("routes come"), own)
        case _:  # 10; 21, 22; 9, 12, 13, 20, 27, 28: FSM error
            return fail(course, own, notify=True)


def in_established(number: int, own: Any) -> Course:
    course = Course("Established")
    match number:
        case 1 | 3 | 4 | 5 | 6 | 7 | 14 | 15 | 16 | 17:
            return course
        case 2:
            return manual_stop(course, own, cease=True)
        case 8 if not own.AllowAutomaticStop:
            return course
        case 8:
            return fail(course, own, notify=True, cease=True)
        case 11:
            return keepalive(course, own)
        case 18 | 24 | 25:  # the only way to Idle with a count for which the text names no damping
            return to_idle(course, own, damp=False)
        case 19:  # "will be checked to see if it collides"; event 23 is what comes of it
            return course
        case 23:  # 8.1.1, 8.1.5: "normally ... ignored in the Established state"
            return fail(course, own, notify=True, cease=True) if own.CollisionDetectEstablishedState else course
        case 26 | 27:
            return restart_hold_timer(course, own)
        case _:  # 10; 28; 9, 12, 13, 20-22: FSM error
            return fail(course, own, notify=True)


def keepalive(course: Course, own: Any) -> Course:
    """Event 11. 4.4: with a hold time of zero no periodic KEEPALIVE MUST be sent."""
    if own.hold == "zero":
        return expired(course, 11)
    return course.do("send", "KEEPALIVE").set(KeepaliveTimer=True)


def restart_hold_timer(course: Course, own: Any) -> Course:
    return course.set(HoldTimer=True) if own.hold != "zero" else course


# -- 6: what TCP delivers becomes an event ------------------------------------------------------------------------


def check(msg: str, fault: str, own: Any) -> Course:
    """6.1 - 6.4 and 6.8. Done: ("event", number) for this connection's FSM, ("other's event", number) for the other's."""
    course = Course("CHECKING")
    match msg, fault:
        case "-", _:
            return course
        case _, "header":
            return course.do("event", 21)
        case "OPEN", "none":
            return valid_open(course, own)
        case "OPEN", _:
            return course.do("event", 22)
        case "KEEPALIVE", "none":
            return course.do("event", 26)
        case "KEEPALIVE", _:  # 4.4, 6.1: it is but a header, so any error is the header's ("not equal to 19")
            return course.do("event", 21)
        case "UPDATE", "none":
            return course.do("event", 27)
        case "UPDATE", _:
            return course.do("event", 28)
        case "NOTIFICATION", "version":
            return course.do("event", 24)
        case _:  # 6.4: an error in a NOTIFICATION is logged, and no more
            return course.do("event", 25)


def valid_open(course: Course, own: Any) -> Course:
    """6.8: of two connections the one initiated by the speaker with the higher BGP Identifier is kept."""
    match own.other:
        case "none":
            collides = False
        case "OpenSent":
            collides = own.CollisionDetectOpenSentState  # MAY
        case "Established":
            if not own.detect_in_established and own.gr == "helper":
                # RFC 4724 4.2, 5: the peer restarted; the old connection is over, without a NOTIFICATION
                return course.do("other's event", 18).do("event", 20 if own.delaying else 19)
            if not own.detect_in_established:  # "causes closing of the newly created connection"
                return course.do("event", 23)
            collides = True
        case _:
            collides = True
    if collides and own.local_identifier_larger != own.initiated:
        return course.do("event", 23)
    course.do("event", 20 if own.delaying else 19)
    # 8.2.2: an Established FSM checks for collisions only if the attribute is set. Else it ignores event 19 and 23 alike.
    if collides and (own.state_of_this != "Established" or own.detect_in_established):
        course.do("other's event", 23)
    return course
