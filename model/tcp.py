"""TCP: one TCB, RFC 9293 (RFC 793 in the draft's time).

Sequence numbers are abstracted to what separates the states: a segment belongs to an incarnation, it fits (is the
next expected, in the window, or outside), and it does or does not acknowledge our FIN (`acks`). A FIN that
acknowledges ours takes FIN-WAIT-1 to TIME-WAIT, one that does not takes it to CLOSING.

The byte stream is abstracted to BGP messages. `unacked` is the last message sent and not yet acknowledged; DATA
carries the stream up to that message, so retransmission is cumulative as RFC 9293 3.8.1 allows, and a FIN carries
what is unacknowledged in front of it. The ACK of an OPEN is delayed (3.8.6.3): BGP answers at once, with a KEEPALIVE or with the end
of the connection, and the answer carries it. Every segment sent goes to the outbound IPsec table, every segment received
has passed the inbound one.

NOTE: TCP tells BGP of a failure (event 18) only while the BGP session still holds the socket; after CLOSE nobody
listens. BGP's NOTIFICATION always comes right before its CLOSE (RFC 4271 6), so it leaves with the FIN.
"""

from __future__ import annotations

from model.action import Action, Event, Signal, set_, signal, start, stop
from model.expr import BOOL, TRUE, Choice, Const, OnWire, Value, Var, ite
from model.readings import reading
from model.restart import forgotten
from model.signals import (
    ACK,
    BGP_EVENT,
    BGP_MSG,
    BIND_LAST_ACK,
    BIND_TCB_CLOSED,
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    DATA,
    ESTABLISHED,
    EXACT,
    FIN,
    FIN_WAIT_1,
    FIN_WAIT_2,
    IN_WINDOW,
    KEEPALIVE,
    LAST_ACK,
    LISTEN,
    MSG,
    NO_MSG,
    NOTIFICATION,
    OPEN_MSG,
    RESTART,
    RST,
    SPD_OUT,
    SYN,
    SYN_ACK,
    SYN_RECEIVED,
    SYN_SENT,
    TCP,
    TCP_ABORT,
    TCP_CLOSE,
    TCP_HARD_ERROR,
    TCP_INC,
    TCP_OPEN,
    TCP_RCV,
    TCP_SEND,
    TIME_WAIT,
    UPDATE,
    acks,
    fit,
    inc,
    msg,
)
from model.table import STAY, Line, Table, ignored, row

PASSIVE = Var("tcp", "passive", BOOL, doc="the TCB came from a passive OPEN")
# NOTE: kept only where the FSM asks for it (reading `first_open`): otherwise it would tell states apart that nothing else does.
CONNECTED_TO = Var("tcp", "connected-to", BOOL, doc="the peer's SYN came, and OPEN is sent only in reply; at both ends, if SYNs crossed")
UNACKED = Var("tcp", "unacked", MSG, doc="last BGP message sent and not yet acknowledged")
OPEN_DELIVERED = Var("tcp", "open-delivered", BOOL, doc="the peer's BGP OPEN was delivered")
TRIED = Var("tcp", "tried", BOOL, doc="retransmitted at least once since the last progress")
RTX = Var("tcp", "retransmission", BOOL, doc="retransmission timer running (RFC 6298)")
TIME_WAIT_TIMER = Var("tcp", "time-wait", BOOL, doc="2MSL timer running")

RETRANSMIT = Event("retransmission", who="timer", timer=RTX)
USER_TIMEOUT = Event("user timeout", who="timer", timer=RTX)
TWO_MSL = Event("2MSL", who="timer", timer=TIME_WAIT_TIMER)
FIN_WAIT_2_TIMEOUT = Event("FIN-WAIT-2 timeout", who="timer")
READ_EOF = Event("read EOF", who="daemon", doc="the daemon notices late that the peer closed")

IN_FLIGHT = OnWire("segments", "any", TRUE, "segment in flight")
# An answer on its way would have come in the time of all retransmissions.
UNANSWERED = TRIED & ~IN_FLIGHT
LATE = Choice("daemon reads EOF late", BOOL)
NEWER = Choice("ISN is newer", BOOL)

ASKED = set_(CONNECTED_TO, reading("first_open") == "reply_only")
PREFERS_793 = reading("rst_check") == "rfc793"
HALF_DUPLEX = reading("close_call") == "half_duplex"
MINE = inc == TCP_INC
OK = (fit == EXACT) & MINE
SYNCHRONIZED = (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT)
GOT_FIN = (CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT)  # from here on whatever we send acknowledges the peer's FIN


def out(kind: Const, **fields: Value) -> Signal:
    """Hand a segment of this connection to outbound IPsec processing."""
    return signal("spd", SPD_OUT(**{"inc": TCP_INC, "kind": kind, **fields}))


def bgp(event: int) -> Signal:
    return signal("bgp", BGP_EVENT[event])


def closed(how: str) -> Signal:
    return signal("binding", BIND_TCB_CLOSED(how=how))


def deliver(message: Value) -> Signal:
    return signal("bgp-message", BGP_MSG(msg=message))


WITH_THE_ANSWER = "3.8.6.3: the ACK is delayed and leaves with what BGP answers; if nothing, the OPEN comes again"
STREAM_GOES_ON = msg.among(KEEPALIVE, UPDATE)  # what comes after an OPEN

QUIET = (stop(RTX), set_(TRIED, False), set_(UNACKED, NO_MSG))
SENDING = (start(RTX), set_(TRIED, False))
FRESH = (set_(UNACKED, NO_MSG), set_(OPEN_DELIVERED, False))
# The handshake is done: what was queued before it (3.10.2) leaves with the next expiry of the retransmission timer.
ENTER_ESTABLISHED = (set_(RTX, UNACKED != NO_MSG), set_(TRIED, False))
ENTER_TIME_WAIT = (*QUIET, start(TIME_WAIT_TIMER))
# An ACK of the last message sent leaves nothing to retransmit; an ACK of less changes nothing.
ALL_ACKED = (msg == UNACKED) | acks
# A KEEPALIVE or UPDATE answers our OPEN (RFC 4271 8.2.2), so its ACK field covers the OPEN; ours may need an ACK of its own.
OPEN_ACKED = (set_(UNACKED, ite(UNACKED == OPEN_MSG, NO_MSG, UNACKED)), set_(TRIED, (UNACKED != OPEN_MSG) & TRIED),
              set_(RTX, (UNACKED != OPEN_MSG) & RTX))
ACKED = (set_(UNACKED, ite(ALL_ACKED, NO_MSG, UNACKED)), set_(TRIED, False), set_(RTX, ~ALL_ACKED & RTX))


def user_calls() -> list[Line]:
    """RFC 9293 3.10.1 - 3.10.5."""
    s1, s2, s4, s5 = (f"RFC 9293 3.10.{n}" for n in (1, 2, 4, 5))
    exists = (SYN_SENT, SYN_RECEIVED, *SYNCHRONIZED)
    return [
        row("OPEN passive", CLOSED, TCP_OPEN(passive=True), TRUE, [set_(PASSIVE, True), set_(CONNECTED_TO, False), *FRESH], LISTEN, s1),
        row("OPEN active", (CLOSED, LISTEN), TCP_OPEN(passive=False), TRUE,
            [out(SYN, inc=inc), set_(TCP_INC, inc), set_(PASSIVE, False), set_(CONNECTED_TO, False), *FRESH, *SENDING], SYN_SENT, s1),
        ignored(LISTEN, TCP_OPEN(passive=True), f"{s1}: already listening"),
        ignored(exists, TCP_OPEN, f"{s1}: error, connection already exists"),
        row("SEND queued", (SYN_SENT, SYN_RECEIVED), TCP_SEND, TRUE, [set_(UNACKED, msg)], STAY, s2),
        row("SEND", (ESTABLISHED, CLOSE_WAIT), TCP_SEND, msg != NOTIFICATION,
            [out(DATA, msg=msg, acks=TCP == CLOSE_WAIT), set_(UNACKED, msg), *SENDING], STAY, s2),
        row("SEND leaves with FIN", (ESTABLISHED, CLOSE_WAIT), TCP_SEND(msg=NOTIFICATION), TRUE, [set_(UNACKED, msg)], STAY,
            "RFC 9293 3.10.2; RFC 4271 6: the connection is closed right after a NOTIFICATION"),
        ignored((CLOSED, LISTEN), TCP_SEND, f"{s2}: error, connection does not exist"),
        ignored((FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT), TCP_SEND, f"{s2}: error, connection closing"),
        row("CLOSE listener", LISTEN, TCP_CLOSE, TRUE, [], CLOSED, s4),
        row("CLOSE before SYN+ACK", SYN_SENT, TCP_CLOSE, TRUE, [*QUIET, closed("never-opened")], CLOSED, s4),
        row("CLOSE: FIN", (SYN_RECEIVED, ESTABLISHED), TCP_CLOSE, TRUE, [out(FIN, msg=UNACKED), *SENDING], FIN_WAIT_1,
            "RFC 9293 3.10.4, 3.6 case 1"),
        row("CLOSE: FIN as passive closer", CLOSE_WAIT, TCP_CLOSE, TRUE,
            [out(FIN, msg=UNACKED, acks=True), *SENDING, signal("binding", BIND_LAST_ACK)], LAST_ACK,
            "RFC 9293 3.10.4, 3.6 case 2 (LAST-ACK: erratum to RFC 793 3.9)"),
        ignored((CLOSED, FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT), TCP_CLOSE, f"{s4}: error or already closing"),
        row("ABORT listener", LISTEN, TCP_ABORT, TRUE, [], CLOSED, s5),
        row("ABORT before SYN+ACK", SYN_SENT, TCP_ABORT, TRUE, [*QUIET, bgp(18), closed("never-opened")], CLOSED, s5),
        row("ABORT: RST", (SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT), TCP_ABORT, TRUE,
            [out(RST), *QUIET, bgp(18), closed("aborted")], CLOSED, s5),
        row("ABORT after CLOSE: RST", (FIN_WAIT_1, FIN_WAIT_2), TCP_ABORT, TRUE, [out(RST), *QUIET, closed("aborted")], CLOSED, s5),
        row("ABORT silently", (CLOSING, LAST_ACK, TIME_WAIT), TCP_ABORT, TRUE,
            [*QUIET, stop(TIME_WAIT_TIMER), closed("aborted")], CLOSED, s5),
        ignored(CLOSED, TCP_ABORT, f"{s5}: error, connection does not exist"),
    ]


def unsynchronized() -> list[Line]:
    """Segment arrival in CLOSED, LISTEN, SYN-SENT and SYN-RECEIVED."""
    closed_, listen, sent = "RFC 9293 3.10.7.1", "RFC 9293 3.10.7.2", "RFC 9293 3.10.7.3"
    rcvd = "RFC 9293 3.10.7.4"
    not_rst = (SYN, SYN_ACK, ACK, DATA, FIN)
    with_ack = (ACK, DATA, FIN)
    syns = (SYN, SYN_ACK)
    in_window = (fit == IN_WINDOW) & MINE
    in_window_rst = (in_window & PREFERS_793) | OK
    return [
        row("no TCB: RST", CLOSED, TCP_RCV(kind=not_rst), TRUE, [out(RST, inc=inc)], STAY, closed_),
        ignored(CLOSED, TCP_RCV(kind=RST), closed_),
        row("SYN", LISTEN, TCP_RCV(kind=SYN), TRUE, [out(SYN_ACK, inc=inc), set_(TCP_INC, inc), ASKED, *FRESH, *SENDING], SYN_RECEIVED,
            listen),
        row("not a SYN: RST", LISTEN, TCP_RCV(kind=(SYN_ACK, *with_ack)), TRUE, [out(RST, inc=inc)], STAY, listen),
        ignored(LISTEN, TCP_RCV(kind=RST), listen),

        row("SYN+ACK", SYN_SENT, TCP_RCV(kind=SYN_ACK), OK, [out(ACK), *ENTER_ESTABLISHED, bgp(16)], ESTABLISHED, sent),
        row("SYN: simultaneous open", SYN_SENT, TCP_RCV(kind=SYN), TRUE, [out(SYN_ACK, inc=inc), set_(TCP_INC, inc), ASKED, *SENDING],
            SYN_RECEIVED, "RFC 9293 3.10.7.3, 3.5 figure 7, MUST-10"),
        row("half-open peer: RST", SYN_SENT, TCP_RCV(kind=(SYN_ACK, *with_ack)), ~OK, [out(RST, inc=inc)], STAY,
            "RFC 9293 3.10.7.3, 3.5.1 figure 9"),
        ignored(SYN_SENT, TCP_RCV(kind=with_ack), f"{sent}: fifth, neither SYN nor RST", guard=OK, name="acknowledges, no SYN"),
        row("RST: refused", SYN_SENT, TCP_RCV(kind=RST), OK, [*QUIET, bgp(18), closed("never-opened")], CLOSED, sent),
        ignored(SYN_SENT, TCP_RCV(kind=RST), f"{sent}: RST must acknowledge the SYN", guard=~OK, name="RST does not fit"),

        row("ACK: passive open done", SYN_RECEIVED, TCP_RCV(kind=ACK), OK & PASSIVE, [*ENTER_ESTABLISHED, bgp(17)], ESTABLISHED,
            f"{rcvd}/5th"),
        row("ACK: simultaneous open done", SYN_RECEIVED, TCP_RCV(kind=ACK), OK & ~PASSIVE, [*ENTER_ESTABLISHED, bgp(16)], ESTABLISHED,
            f"{rcvd}/5th"),
        *completes_the_open(),
        row("SYN+ACK: simultaneous open done", SYN_RECEIVED, TCP_RCV(kind=SYN_ACK), OK & ~PASSIVE, [out(ACK), *ENTER_ESTABLISHED, bgp(16)],
            ESTABLISHED, "RFC 9293 3.5 figure 7"),
        row("SYN again: ACK", SYN_RECEIVED, TCP_RCV(kind=SYN), ~in_window, [out(ACK)], STAY, f"{rcvd}/1st"),
        row("SYN in window: back to LISTEN", SYN_RECEIVED, TCP_RCV(kind=syns), in_window & PASSIVE, [*QUIET], LISTEN, f"{rcvd}/4th"),
        row("SYN in window: challenge", SYN_RECEIVED, TCP_RCV(kind=syns), in_window & ~PASSIVE & ~PREFERS_793, [out(ACK)], STAY,
            f"{rcvd}/4th, RFC 5961 4"),
        row("SYN in window: reset", SYN_RECEIVED, TCP_RCV(kind=syns), in_window & ~PASSIVE & PREFERS_793,
            [out(RST), *QUIET, bgp(18), closed("reset")], CLOSED, f"{rcvd}/4th (RFC 793 3.9)"),
        row("RST: back to LISTEN", SYN_RECEIVED, TCP_RCV(kind=RST), in_window_rst & PASSIVE, [*QUIET], LISTEN, f"{rcvd}/2nd"),
        row("RST: refused", SYN_RECEIVED, TCP_RCV(kind=RST), in_window_rst & ~PASSIVE, [*QUIET, bgp(18), closed("reset")], CLOSED,
            f"{rcvd}/2nd"),
        row("RST in window: challenge", SYN_RECEIVED, TCP_RCV(kind=RST), in_window & ~PREFERS_793, [out(ACK)], STAY,
            "RFC 5961 3"),
        ignored(SYN_RECEIVED, TCP_RCV(kind=RST), f"{rcvd}/1st", guard=~MINE | (fit == "outside"), name="RST outside the window"),
        row("unacceptable: ACK", SYN_RECEIVED, TCP_RCV(kind=with_ack), ~OK, [out(ACK)], STAY, f"{rcvd}/1st"),
        row("SYN+ACK unacceptable: ACK", SYN_RECEIVED, TCP_RCV(kind=SYN_ACK), ~in_window & (~OK | PASSIVE), [out(ACK)], STAY,
            f"{rcvd}/1st"),
    ]


def completes_the_open() -> list[Line]:
    """DATA or FIN in SYN-RECEIVED: its ACK field is checked before its text, its text before the FIN (3.10.7.4)."""
    s, lost = "RFC 9293 3.10.7.4/5th", "the first message of a BGP stream is its OPEN"
    read = set_(OPEN_DELIVERED, True)
    lines: list[Line] = []
    for name, passive, event in (("the open", PASSIVE, 17), ("the simultaneous open", ~PASSIVE, 16)):
        up_ = (*ENTER_ESTABLISHED, bgp(event))
        ack, ack_fin = out(ACK, msg=msg), out(ACK, acks=True)
        only: list[Action] = [read, deliver(OPEN_MSG)]
        more: list[Action] = [*only, deliver(msg)]
        lines += [
            row(f"DATA completes {name}", SYN_RECEIVED, TCP_RCV(kind=DATA), OK & passive & (msg == OPEN_MSG), [*up_, *only],
                ESTABLISHED, f"{s}, /7th; {WITH_THE_ANSWER}"),
            row(f"DATA completes {name}, with what was lost before", SYN_RECEIVED, TCP_RCV(kind=DATA), OK & passive & (msg != OPEN_MSG),
                [ack, *up_, *more], ESTABLISHED, f"{s}, /7th: {lost}"),
            row(f"FIN completes {name}", SYN_RECEIVED, TCP_RCV(kind=FIN), OK & passive & (msg == NO_MSG), [ack_fin, *up_, bgp(18)],
                CLOSE_WAIT, f"{s}, /8th"),
            row(f"FIN with OPEN completes {name}", SYN_RECEIVED, TCP_RCV(kind=FIN), OK & passive & (msg == OPEN_MSG),
                [ack_fin, *up_, *only, bgp(18)], CLOSE_WAIT, f"{s}, /7th, /8th"),
            row(f"FIN with NOTIFICATION completes {name}", SYN_RECEIVED, TCP_RCV(kind=FIN), OK & passive & (msg == NOTIFICATION),
                [ack_fin, *up_, deliver(msg)], CLOSE_WAIT, f"{s}, /7th, /8th; RFC 4271 6.4"),
            row(f"FIN with text completes {name}", SYN_RECEIVED, TCP_RCV(kind=FIN), OK & passive & STREAM_GOES_ON,
                [ack_fin, *up_, *more, bgp(18)], CLOSE_WAIT, f"{s}, /7th, /8th: {lost}"),
        ]
    return lines


def synchronized() -> list[Line]:
    """Segment arrival from ESTABLISHED on: RFC 9293 3.10.7.4, the checks by number."""
    s = "RFC 9293 3.10.7.4"
    ack_flag = TCP.among(*GOT_FIN)
    known = (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK)
    syns = (SYN, SYN_ACK)
    challenged = (fit == IN_WINDOW) & MINE
    believed = OK | (challenged & PREFERS_793)
    after_close = (FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK)
    unread = HALF_DUPLEX & (msg != NO_MSG)  # text in front of a FIN that nobody will read
    of_text = (msg == UNACKED) & (UNACKED != NO_MSG)
    return [
        # 1st: the segment does not fit
        row("unacceptable: ACK", SYNCHRONIZED, TCP_RCV(kind=(ACK, DATA, FIN)), ~OK, [out(ACK, acks=ack_flag)], STAY, f"{s}/1st"),
        row("SYN+ACK again: ACK", SYNCHRONIZED, TCP_RCV(kind=SYN_ACK), ~challenged, [out(ACK, acks=ack_flag)], STAY, f"{s}/1st"),
        # 2nd: RST
        row("RST", (ESTABLISHED, CLOSE_WAIT), TCP_RCV(kind=RST), believed, [*QUIET, bgp(18), closed("reset")], CLOSED,
            f"{s}/2nd; RFC 5961 3"),
        row("RST after CLOSE", after_close, TCP_RCV(kind=RST), believed, [*QUIET, closed("reset")], CLOSED, f"{s}/2nd; RFC 5961 3"),
        row("RST: assassination", TIME_WAIT, TCP_RCV(kind=RST), believed, [stop(TIME_WAIT_TIMER), closed("reset")], CLOSED,
            f"{s}/2nd; RFC 1337"),
        row("RST in window: challenge", SYNCHRONIZED, TCP_RCV(kind=RST), challenged & ~PREFERS_793, [out(ACK, acks=ack_flag)], STAY,
            "RFC 5961 3"),
        ignored(SYNCHRONIZED, TCP_RCV(kind=RST), f"{s}/1st", guard=~OK & ~challenged, name="RST outside the window"),
        # 4th: SYN
        row("SYN outside the window: ACK", known, TCP_RCV(kind=SYN), ~challenged, [out(ACK, acks=ack_flag)], STAY, f"{s}/1st"),
        row("SYN in window: challenge", SYNCHRONIZED, TCP_RCV(kind=syns), challenged & ~PREFERS_793, [out(ACK, acks=ack_flag)], STAY,
            "RFC 5961 4"),
        row("SYN in window: reset", (ESTABLISHED, CLOSE_WAIT), TCP_RCV(kind=syns), challenged & PREFERS_793,
            [out(RST), *QUIET, bgp(18), closed("reset")], CLOSED, f"{s}/4th (RFC 793 3.9)"),
        row("SYN in window after CLOSE: reset", after_close, TCP_RCV(kind=syns), challenged & PREFERS_793,
            [out(RST), *QUIET, closed("reset")], CLOSED, f"{s}/4th (RFC 793 3.9)"),
        row("SYN in window: reset", TIME_WAIT, TCP_RCV(kind=syns), challenged & PREFERS_793,
            [out(RST), stop(TIME_WAIT_TIMER), closed("reset")], CLOSED, f"{s}/4th (RFC 793 3.9)"),
        row("SYN: new incarnation", TIME_WAIT, TCP_RCV(kind=SYN), ~MINE & NEWER,
            [out(SYN_ACK, inc=inc), set_(TCP_INC, inc), stop(TIME_WAIT_TIMER), set_(PASSIVE, True), ASKED, *FRESH, *SENDING,
             closed("reused")], SYN_RECEIVED, "RFC 9293 3.6.1 MAY-2; RFC 6191: the old connection is over"),
        row("SYN: old or ours: ACK", TIME_WAIT, TCP_RCV(kind=SYN), (MINE | ~NEWER) & ~challenged, [out(ACK, acks=True)], STAY,
            f"{s}/4th; RFC 5961 4"),
        # 5th: ACK
        row("ACK", (ESTABLISHED, CLOSE_WAIT), TCP_RCV(kind=ACK), OK, [*ACKED], STAY, f"{s}/5th"),
        row("ACK of the text before the FIN", (FIN_WAIT_1, CLOSING, LAST_ACK), TCP_RCV(kind=ACK), OK & ~acks & of_text,
            [set_(UNACKED, NO_MSG), set_(TRIED, False)], STAY, f"{s}/5th"),
        row("ACK of less than the FIN", (FIN_WAIT_1, CLOSING, LAST_ACK), TCP_RCV(kind=ACK), OK & ~acks & ~of_text, [], STAY, f"{s}/5th"),
        row("ACK of our FIN", FIN_WAIT_1, TCP_RCV(kind=ACK), OK & acks, [*QUIET], FIN_WAIT_2, f"{s}/5th"),
        row("ACK of our FIN", CLOSING, TCP_RCV(kind=ACK), OK & acks, [*ENTER_TIME_WAIT], TIME_WAIT, f"{s}/5th"),
        row("ACK of our FIN", LAST_ACK, TCP_RCV(kind=ACK), OK & acks, [*QUIET, closed("last-ack")], CLOSED, f"{s}/5th: no linger"),
        ignored((FIN_WAIT_2, TIME_WAIT), TCP_RCV(kind=ACK), f"{s}/5th", guard=OK, name="ACK again"),
        # 7th: text
        row("DATA: the OPEN", ESTABLISHED, TCP_RCV(kind=DATA), OK & (msg == OPEN_MSG) & ~OPEN_DELIVERED,
            [set_(OPEN_DELIVERED, True), deliver(msg)], STAY, f"{s}/7th; {WITH_THE_ANSWER}"),
        row("DATA", ESTABLISHED, TCP_RCV(kind=DATA), OK & (msg != OPEN_MSG) & OPEN_DELIVERED,
            [out(ACK, msg=msg), *OPEN_ACKED, deliver(msg)], STAY, f"{s}/5th, /7th"),
        row("DATA with what was lost before", ESTABLISHED, TCP_RCV(kind=DATA), OK & (msg != OPEN_MSG) & ~OPEN_DELIVERED,
            [out(ACK, msg=msg), *OPEN_ACKED, set_(OPEN_DELIVERED, True), deliver(OPEN_MSG), deliver(msg)], STAY, f"{s}/5th, /7th; 3.8.1"),
        row("DATA again: ACK", ESTABLISHED, TCP_RCV(kind=DATA), OK & (msg == OPEN_MSG) & OPEN_DELIVERED, [out(ACK, msg=msg)], STAY,
            f"{s}/1st"),
        row("DATA after CLOSE", FIN_WAIT_1, TCP_RCV(kind=DATA), OK & ~acks & ~HALF_DUPLEX, [out(ACK, msg=msg)], STAY, f"{s}/7th"),
        row("DATA acknowledges our FIN", FIN_WAIT_1, TCP_RCV(kind=DATA), OK & acks & ~HALF_DUPLEX, [out(ACK, msg=msg), *QUIET],
            FIN_WAIT_2, f"{s}/5th, /7th"),
        row("DATA after CLOSE", FIN_WAIT_2, TCP_RCV(kind=DATA), OK & ~HALF_DUPLEX, [out(ACK, msg=msg)], STAY, f"{s}/7th"),
        row("DATA, socket gone: RST", (FIN_WAIT_1, FIN_WAIT_2), TCP_RCV(kind=DATA), OK & HALF_DUPLEX,
            [out(RST), *QUIET, closed("aborted")], CLOSED, "RFC 9293 3.6.1 SHLD-3; RFC 1122 4.2.2.13"),
        row("DATA again: ACK", (CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT), TCP_RCV(kind=DATA), OK, [out(ACK, acks=True)], STAY,
            f"{s}/1st: the peer's FIN was received, this is older"),
        # 8th: FIN
        row("FIN", ESTABLISHED, TCP_RCV(kind=FIN), OK & ~LATE & ((msg == NO_MSG) | ((msg == OPEN_MSG) & OPEN_DELIVERED)),
            [out(ACK, acks=True), bgp(18)], CLOSE_WAIT, f"{s}/8th; RFC 4271 8.2.1.4"),
        row("FIN with text", ESTABLISHED, TCP_RCV(kind=FIN),
            OK & ~LATE & (((msg == OPEN_MSG) & ~OPEN_DELIVERED) | (STREAM_GOES_ON & OPEN_DELIVERED)),
            [out(ACK, acks=True), set_(OPEN_DELIVERED, True), deliver(msg), bgp(18)], CLOSE_WAIT, f"{s}/7th, /8th"),
        row("FIN with text and what was lost before", ESTABLISHED, TCP_RCV(kind=FIN), OK & ~LATE & STREAM_GOES_ON & ~OPEN_DELIVERED,
            [out(ACK, acks=True), set_(OPEN_DELIVERED, True), deliver(OPEN_MSG), deliver(msg), bgp(18)], CLOSE_WAIT,
            f"{s}/7th, /8th; 3.8.1"),
        row("FIN with NOTIFICATION", ESTABLISHED, TCP_RCV(kind=FIN), OK & ~LATE & (msg == NOTIFICATION),
            [out(ACK, acks=True), deliver(msg)], CLOSE_WAIT, f"{s}/7th, /8th; RFC 4271 6.4"),
        row("FIN, daemon busy", ESTABLISHED, TCP_RCV(kind=FIN), OK & LATE, [out(ACK, acks=True)], CLOSE_WAIT, f"{s}/8th"),
        row("FIN before the ACK of ours", FIN_WAIT_1, TCP_RCV(kind=FIN), OK & ~acks & ~unread, [out(ACK, acks=True)], CLOSING,
            f"{s}/8th"),
        row("FIN acknowledges ours", FIN_WAIT_1, TCP_RCV(kind=FIN), OK & acks & ~unread, [out(ACK, acks=True), *ENTER_TIME_WAIT], TIME_WAIT,
            f"{s}/5th, /8th"),
        row("FIN", FIN_WAIT_2, TCP_RCV(kind=FIN), OK & ~unread, [out(ACK, acks=True), *ENTER_TIME_WAIT], TIME_WAIT, f"{s}/8th"),
        row("FIN with text, socket gone: RST", (FIN_WAIT_1, FIN_WAIT_2), TCP_RCV(kind=FIN), OK & unread,
            [out(RST), *QUIET, closed("aborted")], CLOSED, "RFC 9293 3.6.1 SHLD-3; RFC 1122 4.2.2.13"),
        row("FIN again: ACK", CLOSE_WAIT, TCP_RCV(kind=FIN), OK, [out(ACK, acks=True)], STAY, f"{s}/8th"),
        row("FIN again: ACK", (CLOSING, LAST_ACK), TCP_RCV(kind=FIN), OK & ~acks, [out(ACK, acks=True)], STAY, f"{s}/8th"),
        row("FIN acknowledges ours", CLOSING, TCP_RCV(kind=FIN), OK & acks, [out(ACK, acks=True), *ENTER_TIME_WAIT], TIME_WAIT,
            f"{s}/5th, A.2: its ACK counts though the FIN is old"),
        row("FIN acknowledges ours", LAST_ACK, TCP_RCV(kind=FIN), OK & acks, [*QUIET, closed("last-ack")], CLOSED,
            f"{s}/5th, A.2: its ACK counts though the FIN is old"),
        row("FIN again: ACK, restart 2MSL", TIME_WAIT, TCP_RCV(kind=FIN), OK, [out(ACK, acks=True), start(TIME_WAIT_TIMER)], STAY,
            f"{s}/8th"),
    ]


def timers() -> list[Line]:
    """RFC 9293 3.10.8, 3.8.1, 3.8.3."""
    s, r2 = "RFC 9293 3.10.8, 3.8.1", "RFC 9293 3.10.8, 3.8.3"
    again: dict[str, Value] = {"resend": True}
    return [
        row("retransmit SYN", SYN_SENT, RETRANSMIT, TRUE, [out(SYN, **again), set_(TRIED, True)], STAY, s),
        row("retransmit SYN+ACK", SYN_RECEIVED, RETRANSMIT, TRUE, [out(SYN_ACK, **again), set_(TRIED, True)], STAY, s),
        row("retransmit DATA", (ESTABLISHED, CLOSE_WAIT), RETRANSMIT, UNACKED != NO_MSG,
            [out(DATA, msg=UNACKED, acks=TCP == CLOSE_WAIT, **again), set_(TRIED, True)], STAY, s),
        row("retransmit FIN", FIN_WAIT_1, RETRANSMIT, TRUE, [out(FIN, msg=UNACKED, **again), set_(TRIED, True)], STAY, s),
        row("retransmit FIN", (CLOSING, LAST_ACK), RETRANSMIT, TRUE,
            [out(FIN, msg=UNACKED, acks=True, **again), set_(TRIED, True)], STAY, s),
        row("connect timeout", SYN_SENT, USER_TIMEOUT, UNANSWERED, [*QUIET, bgp(18), closed("never-opened")], CLOSED, r2),
        row("user timeout", (SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT), USER_TIMEOUT, UNANSWERED, [*QUIET, bgp(18), closed("timed-out")],
            CLOSED, r2),
        row("user timeout after CLOSE", (FIN_WAIT_1, CLOSING, LAST_ACK), USER_TIMEOUT, UNANSWERED, [*QUIET, closed("timed-out")], CLOSED,
            r2),
        row("2MSL", TIME_WAIT, TWO_MSL, ~IN_FLIGHT, [stop(TIME_WAIT_TIMER), closed("2MSL")], CLOSED,
            "RFC 9293 3.10.8, 3.6.1 MUST-13; MSL bounds a segment's life, so none of the connection is in flight"),
        row("FIN-WAIT-2 timeout", FIN_WAIT_2, FIN_WAIT_2_TIMEOUT, TRUE, [closed("timed-out")], CLOSED,
            "not in the RFC: stacks end an orphaned FIN-WAIT-2"),
        row("EOF", CLOSE_WAIT, READ_EOF, TRUE, [bgp(18)], STAY, "RFC 9293 3.10.7.4/8th, 3.9.1: the user learns that the peer closed"),
    ]


def errors() -> list[Line]:
    """ICMP hard errors: RFC 9293 3.9.2.2 SHLD-26 aborts, RFC 5927 treats them as soft in synchronized states."""
    s, abort = "RFC 9293 3.9.2.2; RFC 5927 5.2", reading("icmp_policy") == "abort"
    held = (SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT)
    let_go = (FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT)
    return [
        row("hard error", SYN_SENT, TCP_HARD_ERROR, abort, [*QUIET, bgp(18), closed("never-opened")], CLOSED, s),
        row("hard error", held, TCP_HARD_ERROR, abort, [*QUIET, bgp(18), closed("aborted")], CLOSED, s),
        row("hard error after CLOSE", let_go, TCP_HARD_ERROR, abort, [*QUIET, stop(TIME_WAIT_TIMER), closed("aborted")], CLOSED, s),
        ignored((SYN_SENT, *held, *let_go), TCP_HARD_ERROR, s, guard=~abort, name="hard error treated as soft"),
        ignored((CLOSED, LISTEN), TCP_HARD_ERROR, f"{s}: no connection"),
    ]


TCP_TABLE = Table(
    "tcp", "TCP connection states (RFC 9293)", TCP,
    (TCP_OPEN, TCP_SEND, TCP_CLOSE, TCP_ABORT, TCP_RCV, TCP_HARD_ERROR, RETRANSMIT, USER_TIMEOUT, TWO_MSL, FIN_WAIT_2_TIMEOUT,
     READ_EOF, RESTART),
    (*user_calls(), *unsynchronized(), *synchronized(), *timers(), *errors(),
     forgotten(TCP, TCP_INC, PASSIVE, CONNECTED_TO, UNACKED, OPEN_DELIVERED, TRIED, RTX, TIME_WAIT_TIMER,
               source="RFC 9293 3.5.1: a crash loses the TCB")),
    (TCP_INC, PASSIVE, CONNECTED_TO, UNACKED, OPEN_DELIVERED, TRIED, RTX, TIME_WAIT_TIMER),
)
