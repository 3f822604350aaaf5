"""RFC 9293 3.10 (with 3.5, 3.6.1, 3.8.3, 3.9.2.2; RFC 5961 3, 4; RFC 1337; RFC 6298), read once more.

What stands for sequence numbers: a segment fits ("exact": what the peer's stack sends next), is "in-window" or "outside", or
belongs to another incarnation, whose numbers are outside. `acks`: it acknowledges our FIN. `msg` is the BGP message in front
of it, on an ACK the one it acknowledges; `unacked` is the retransmission queue.

Done, in order: ("send", kind, msg, acks, incarnation, again), ("bgp", event number), ("deliver", msg), ("closed", how), and
("last-ack",), which tells the binding layer that the passive closer's FIN is out.
"""

from __future__ import annotations

from typing import Any

from tests.second_reading import Course

# Nobody listens to a connection after CLOSE; before it, "signal the user" is BGP's event 18.
OPEN_TO_THE_USER = ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT")
FIN_RECEIVED = ("CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")
FIN_SENT = ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT")


def invariant(state: str, tcb: Any) -> bool:
    """What a state says about the queue and the timers: RFC 9293 3.8.1, 3.10; RFC 6298 5.1, 5.2."""
    idle = tcb.unacked == "-" and not tcb.tried and not tcb.retransmission
    match state:
        case "LISTEN":
            return idle and not tcb.time_wait and not tcb.open_delivered
        case "CLOSED" | "FIN-WAIT-2":
            return idle and not tcb.time_wait
        case "TIME-WAIT":
            return idle and tcb.time_wait
        case "ESTABLISHED" | "CLOSE-WAIT":
            # A NOTIFICATION waits for its FIN: whether the timer runs is that of what went before.
            return not tcb.time_wait and (idle or tcb.unacked == "NOTIFICATION" or (tcb.unacked != "-" and tcb.retransmission))
        case "SYN-SENT" | "SYN-RECEIVED":
            return tcb.retransmission and not tcb.time_wait and not tcb.open_delivered
        case _:
            return tcb.retransmission and not tcb.time_wait


def possible(state: str, event: str, arg: Any) -> bool:
    """What there is to send and to receive: a message; DATA that has some, a NOTIFICATION only with its FIN; an ACK of our FIN
    after our FIN."""
    match event:
        case "SEND":
            return arg.msg != "-"
        case "rcv":
            if arg.kind == "DATA" and arg.msg in ("-", "NOTIFICATION"):
                return False
            return state not in ("SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT") or not arg.acks
    return True


def read(state: str, event: str, arg: Any, tcb: Any) -> Course | None:
    match event:
        case "OPEN":
            return open_call(state, arg)
        case "SEND":
            return send_call(state, arg.msg, tcb)
        case "CLOSE":
            return close_call(state, tcb)
        case "ABORT":
            return abort_call(state, tcb)
        case "rcv":
            return segment_arrives(state, arg, tcb)
        case "restart":
            return Course("CLOSED").set(inc="0", passive=False, connected_to=False, unacked="-", open_delivered=False, tried=False,
                                        retransmission=False, time_wait=False)
        case "ICMP hard error":
            return hard_error(state, tcb)
        case _:
            return timeout(state, event, tcb)


def send(course: Course, tcb: Any, kind: str, msg: str = "-", inc: str = "", again: bool = False) -> Course:
    """A segment; all but SYN and RST acknowledge what has been received, and so the peer's FIN (3.4)."""
    acks = course.next in FIN_RECEIVED and kind not in ("SYN", "RST")
    return course.do("send", kind, msg, acks, inc or tcb.inc, again)


def delete_tcb(course: Course, how: str) -> Course:
    """"Delete the TCB, enter CLOSED": all queues flushed, all timers off; the user is told while it listens."""
    if course.next in OPEN_TO_THE_USER and how != "closed":
        course.do("bgp", 18)
    if course.next != "LISTEN":
        course.do("closed", "never-opened" if course.next == "SYN-SENT" else how)
    return course.enter("CLOSED").set(unacked="-", retransmission=False, time_wait=False, tried=False)


def open_call(state: str, arg: Any) -> Course:
    """3.10.1"""
    match state, arg.passive:
        case "CLOSED", True:
            return Course("LISTEN").set(passive=True, connected_to=False, unacked="-", open_delivered=False)
        case ("CLOSED" | "LISTEN"), False:
            course = Course("SYN-SENT").do("send", "SYN", "-", False, arg.inc, False)
            return course.set(passive=False, connected_to=False, inc=arg.inc, retransmission=True, tried=False, unacked="-",
                              open_delivered=False)
        case _:  # "error: connection already exists"
            return Course(state)


def send_call(state: str, msg: str, tcb: Any) -> Course:
    """3.10.2; a NOTIFICATION leaves with the FIN of the CLOSE that follows it, by this model's choice of segments."""
    course = Course(state)
    match state:
        case "SYN-SENT" | "SYN-RECEIVED":  # "queue the data"
            return course.set(unacked=msg)
        case "ESTABLISHED" | "CLOSE-WAIT":
            course.set(unacked=msg)
            return course if msg == "NOTIFICATION" else send(course, tcb, "DATA", msg).set(retransmission=True, tried=False)
        case _:  # no connection; a listener without remote socket; "error: connection closing"
            return course


def close_call(state: str, tcb: Any) -> Course:
    """3.10.4"""
    course = Course(state)
    match state:
        case "LISTEN":
            return delete_tcb(course, "closed")
        case "SYN-SENT":
            return delete_tcb(course, "closed")
        case "SYN-RECEIVED" | "ESTABLISHED":
            send(course, tcb, "FIN", tcb.unacked)
            return course.enter("FIN-WAIT-1").set(retransmission=True, tried=False)
        case "CLOSE-WAIT":
            send(course, tcb, "FIN", tcb.unacked).do("last-ack")
            return course.enter("LAST-ACK").set(retransmission=True, tried=False)
        case _:  # no connection; "connection closing", without a second FIN
            return course


def abort_call(state: str, tcb: Any) -> Course:
    """3.10.5"""
    course = Course(state)
    match state:
        case "CLOSED":
            return course
        case "SYN-RECEIVED" | "ESTABLISHED" | "FIN-WAIT-1" | "FIN-WAIT-2" | "CLOSE-WAIT":
            return delete_tcb(send(course, tcb, "RST"), "aborted")
        case _:
            return delete_tcb(course, "aborted")


def hard_error(state: str, tcb: Any) -> Course:
    """3.9.2.2: SHOULD abort; RFC 5927 advises against it. The segment that provoked the error got nowhere: no RST."""
    course = Course(state)
    if state in ("CLOSED", "LISTEN") or tcb.icmp_policy == "ignore":
        return course
    return delete_tcb(course, "aborted")


def timeout(state: str, event: str, tcb: Any) -> Course | None:
    """3.10.8, 3.8.3, 3.6.1 MUST-13. A timer that does not run cannot expire."""
    course = Course(state)
    match event, state:
        case "retransmission", ("SYN-SENT" | "SYN-RECEIVED" | "FIN-WAIT-1" | "CLOSING" | "LAST-ACK"):
            kind = {"SYN-SENT": "SYN", "SYN-RECEIVED": "SYN+ACK"}.get(state, "FIN")
            msg = tcb.unacked if kind == "FIN" else "-"
            return send(course, tcb, kind, msg, again=True).set(tried=True)
        case "retransmission", ("ESTABLISHED" | "CLOSE-WAIT") if tcb.unacked != "-":
            return send(course, tcb, "DATA", tcb.unacked, again=True).set(tried=True)
        case "user timeout", ("SYN-SENT" | "SYN-RECEIVED" | "FIN-WAIT-1" | "CLOSING" | "LAST-ACK"):
            return given_up(course, tcb)
        case "user timeout", ("ESTABLISHED" | "CLOSE-WAIT") if tcb.unacked != "-":
            return given_up(course, tcb)
        case "2MSL", "TIME-WAIT":  # twice the life of a segment: none is left
            return delete_tcb(course, "2MSL") if not tcb.flying else None
        case "FIN-WAIT-2 timeout", "FIN-WAIT-2":  # no RFC's; what implementations do
            return delete_tcb(course, "timed-out")
        case "read EOF", "CLOSE-WAIT":  # 3.6: the user learns that the peer has closed when it reads on
            return course.do("bgp", 18)
        case _:
            return None


def given_up(course: Course, tcb: Any) -> Course | None:
    """3.8.3: R2 is at least 100 s, so there was a retransmission, and by then no segment is left on the way."""
    return delete_tcb(course, "timed-out") if tcb.tried and not tcb.flying else None


def segment_arrives(state: str, seg: Any, tcb: Any) -> Course:
    """3.10.7"""
    match state:
        case "CLOSED":  # 3.10.7.1
            return reset(Course(state), seg, tcb)
        case "LISTEN":  # 3.10.7.2
            return synchronize(Course(state), seg, tcb) if seg.kind == "SYN" else reset(Course(state), seg, tcb)
        case "SYN-SENT":  # 3.10.7.3
            return in_syn_sent(seg, tcb)
        case _:
            return in_other_states(state, seg, tcb)


def reset(course: Course, seg: Any, tcb: Any) -> Course:
    """A RST that its receiver will believe: it belongs to the connection of the offending segment. Never for a RST."""
    return course if seg.kind == "RST" else send(course, tcb, "RST", inc=seg.inc)


def synchronize(course: Course, seg: Any, tcb: Any) -> Course:
    """The peer's SYN: SYN-RECEIVED, and SYN+ACK. Draft 3.2 l.467-471: who was connected to replies with its OPEN."""
    course.enter("SYN-RECEIVED").do("send", "SYN+ACK", "-", False, seg.inc, False)
    return course.set(inc=seg.inc, retransmission=True, tried=False, connected_to=tcb.first_open == "reply_only")


def established(course: Course, number: int, tcb: Any) -> Course:
    """Our SYN is acknowledged. What was queued leaves now; here: when the timer next expires."""
    return course.enter("ESTABLISHED").do("bgp", number).set(retransmission=tcb.unacked != "-", tried=False)


def in_syn_sent(seg: Any, tcb: Any) -> Course:
    course = Course("SYN-SENT")
    # First: SND.UNA < SEG.ACK =< SND.NXT. There is no receive window yet, so a segment that fits acknowledges our SYN.
    acceptable = seg.inc == tcb.inc and seg.fit == "exact"
    match seg.kind:
        case "SYN":  # no ACK: simultaneous open, figure 7
            return synchronize(course, seg, tcb)
        case _ if not acceptable:
            return reset(course, seg, tcb)
        case "RST":
            return delete_tcb(course, "reset")
        case "SYN+ACK":
            return send(established(course, 16, tcb), tcb, "ACK")
        case _:  # fifth: neither SYN nor RST
            return course


def in_other_states(state: str, seg: Any, tcb: Any) -> Course:
    """3.10.7.4, its checks in their order."""
    course = Course(state)
    syn = seg.kind in ("SYN", "SYN+ACK")
    passive = state == "SYN-RECEIVED" and tcb.passive
    # First: the sequence number. A SYN that "fits" is the connection's own once more, which lies before the window.
    # So does DATA after the peer's FIN. A FIN once more passes, as the fifth check of TIME-WAIT and the eighth expect it to.
    copy = (syn and seg.fit == "exact") or (seg.kind == "DATA" and state in FIN_RECEIVED)
    inside = seg.inc == tcb.inc and seg.fit != "outside" and not copy
    if state == "SYN-RECEIVED" and not tcb.passive and seg.kind == "SYN+ACK" and seg.inc == tcb.inc and seg.fit == "exact":
        # Figure 7, line 6 (MUST-10) against the letter of the check: the SYN is cut off, the rest is an acceptable ACK.
        return send(established(course, 16, tcb), tcb, "ACK")
    if state == "TIME-WAIT" and seg.kind == "SYN" and seg.inc != tcb.inc and tcb.isn_newer:
        # 3.6.1 MAY-2, RFC 6191: the connection is reopened.
        return synchronize(course, seg, tcb).set(passive=True, time_wait=False, open_delivered=False).do("closed", "reused")
    if not inside:
        return course if seg.kind == "RST" else send(course, tcb, "ACK")
    # Second: RST; RFC 5961 3.
    if seg.kind == "RST":
        if seg.fit == "in-window" and tcb.rst_check == "rfc5961":
            return send(course, tcb, "ACK")
        return course.enter("LISTEN").set(**LISTENING) if passive else delete_tcb(course, "reset")
    # Fourth: SYN; RFC 5961 4.
    if syn:
        if passive:
            return course.enter("LISTEN").set(**LISTENING)
        if tcb.rst_check == "rfc5961":
            return send(course, tcb, "ACK")
        return delete_tcb(send(course, tcb, "RST"), "reset")
    if seg.fit == "in-window":  # MAY-13; SHLD-31 would hold it until what is missing has come, here it comes again
        return send(course, tcb, "ACK")
    return acknowledged(course, seg, tcb)


LISTENING = {"unacked": "-", "retransmission": False, "tried": False}


def acknowledged(course: Course, seg: Any, tcb: Any) -> Course:
    """Fifth: the ACK field. Every kind that gets here bears one. `acks` says nothing before our FIN."""
    state = course.next
    if course.next in FIN_SENT and seg.acks:
        course.set(unacked="-", retransmission=False, tried=False)
    match course.next:
        case "SYN-RECEIVED":
            established(course, 17 if tcb.passive else 16, tcb)
        case "FIN-WAIT-1" if seg.acks:
            course.enter("FIN-WAIT-2")
        case "CLOSING" if seg.acks:
            course.enter("TIME-WAIT").set(time_wait=True)
        case "LAST-ACK" if seg.acks:
            return delete_tcb(course, "last-ack")
    if state == "ESTABLISHED" and seg.kind == "DATA" and seg.msg in ("KEEPALIVE", "UPDATE") and tcb.unacked == "OPEN":
        course.set(unacked="-", tried=False, retransmission=False)  # the peer's BGP had our OPEN before it said this (RFC 4271 8.2.2)
    if seg.kind != "ACK":
        return text(course, seg, tcb)
    if state in ("ESTABLISHED", "CLOSE-WAIT"):
        course.set(tried=False)  # the peer answers
    if state != "SYN-RECEIVED" and course.next == state and seg.msg == tcb.unacked != "-":
        course.set(unacked="-", tried=False)
        if state in ("ESTABLISHED", "CLOSE-WAIT"):  # else the FIN is still out, and its timer runs
            course.set(retransmission=False)
    return course


def text(course: Course, seg: Any, tcb: Any) -> Course:
    """Seventh: the segment's text."""
    if course.next in FIN_RECEIVED:  # "should not occur": ignored
        return fin(course, seg, tcb)
    if course.next != "ESTABLISHED" and tcb.close_call == "half_duplex" and seg.msg != "-":  # 3.6.1 SHLD-3
        return delete_tcb(send(course, tcb, "RST"), "aborted")
    if course.next == "ESTABLISHED" and not late(course, seg, tcb):
        first = not tcb.open_delivered
        deliver(course, seg.msg, tcb)
        if seg.kind == "DATA" and seg.msg == "OPEN" and first:  # 3.8.6.3: may be delayed; BGP's answer will carry it
            return course
    return fin(course, seg, tcb) if seg.kind == "FIN" else send(course, tcb, "ACK", seg.msg)


def late(course: Course, seg: Any, tcb: Any) -> bool:
    """The daemon may read the last text of the stream, and its end, later; not what tells it of the connection."""
    return seg.kind == "FIN" and ("bgp", 17) not in course.does and ("bgp", 16) not in course.does and tcb.reads_late


def deliver(course: Course, msg: str, tcb: Any) -> None:
    """The stream up to that message, each only once. It begins with an OPEN, unless it is but a NOTIFICATION."""
    if not tcb.open_delivered and msg in ("OPEN", "KEEPALIVE", "UPDATE"):
        course.do("deliver", "OPEN").set(open_delivered=True)
    if msg not in ("-", "OPEN"):
        course.do("deliver", msg)


def fin(course: Course, seg: Any, tcb: Any) -> Course:
    """Eighth: the FIN."""
    match course.next:
        case "ESTABLISHED":
            if not late(course, seg, tcb) and seg.msg != "NOTIFICATION":  # after that the session is over: nobody is left to tell
                course.do("bgp", 18)  # "connection closing"
            course.enter("CLOSE-WAIT")
        case "FIN-WAIT-1":
            course.enter("CLOSING")
        case "FIN-WAIT-2" | "TIME-WAIT":
            course.enter("TIME-WAIT").set(time_wait=True)
    return send(course, tcb, "ACK")
