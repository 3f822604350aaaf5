"""The draft's binding layer (sections 3.1 - 3.4): what ties session, connection and SAs to one another.

One connection of a session; where the end has another connection with the same peer, their bindings tell one another when they
join the session and when they leave it. Row names carry the numbers b1 - b12 under which the draft's rules are known in this
project: b1 start, b2 release the SYN, b4 bind, b5 rekey, b6 close a session, b7 close one of its connections, b8 TIME-WAIT
ended, b9 failure, b10 Delete as confirmation, b11 Delete without confirmation, b12 the session is gone. (b3, the OPEN, and b13,
graceful restart, are BGP's own rows.)

What a session is known by (reading `session_id`) decides whether the two connections of a collision belong to one:

    ordered     <ISID, TSID>, who initiated first: a connection that A began and one that B began are two sessions
    unordered   the two identifiers, whoever initiated: they are one
    addr        the two addresses: they are one

`other-sessions` and `foreign` are constants: whether other BGP sessions, or traffic that is not BGP, share the phase 1
SA (3.3 l.507-513).
"""

from __future__ import annotations

from model.action import Event, Signal, set_, signal
from model.expr import BOOL, TRUE, Const, Enum, Expr, Var, disj, ite, up
from model.readings import reading
from model.signals import (
    ANY_SA,
    BGP_EVENT,
    BIND_CLOSED,
    BIND_CONNECT,
    BIND_LAST_ACK,
    BIND_OPEN_RCVD,
    BIND_OTHER_CLOSED,
    BIND_OTHER_UP,
    BIND_P2_FAILED,
    BIND_P2_UP,
    BIND_RECONNECT,
    BIND_SA_DELETED,
    BIND_TCB_CLOSED,
    CLOSED,
    DISCARD,
    FAILED,
    FIN_WAIT_2,
    FOREIGN,
    G0,
    G1,
    G2,
    IKE_DELETE,
    IKE_DELETE_P1,
    INC,
    LISTEN,
    MARK,
    NO_ENTRY,
    OTHER_SESSIONS,
    PROTECT,
    QM_ABANDON,
    QM_NEED,
    RESTART,
    S_CLOSING,
    S_GONE,
    S_NONE,
    S_OPENING,
    S_UP,
    S_WAITING,
    SESSION_GONE,
    SESSION_STATE,
    SPD_SET,
    TCP,
    TCP_GONE,
    TCP_INC,
    TCP_OPEN,
    ended,
    gen,
    graceful,
    how,
    installed,
    passive,
    sa_covers,
    sa_usable,
)
from model.table import ANY, STAY, Line, Table, ignored, impossible, row

BOUND_TO = Enum("BoundTo", "none", "g0", "g1", "g2")
BOUND = Var("binding", "bound", BOUND_TO, doc="the one SA the binding names (reading bind=single)")
NEXT_INC = Var("binding", "next-incarnation", INC, doc="incarnation (source port) of the next connection attempt")
OTHER_UP = Var("binding", "other-connection", BOOL, doc="an OPEN is in on the other connection with this peer, which is not closed")
BEGUN_ALIKE = Var("binding", "begun-alike", BOOL, doc="the same end began the other connection (constant)")
CLOCK = Event("TIME-WAIT clock", who="timer", doc="the draft's clock, where a bare ACK started it")

SINGLE = reading("bind") == "single"
AT_IDLE = reading("del_trigger") == "bgp_idle"
NO_TCB = TCP.among(CLOSED, LISTEN)
UNBIND = set_(BOUND, "none")
P1_GOES = (reading("p1_delete") == "always") | ((reading("p1_delete") == "last_bgp_session") & ~OTHER_SESSIONS
                                                & ((reading("p1_count") == "bgp_only") | ~FOREIGN))
ONE_SESSION = (reading("session_id") != "ordered") | BEGUN_ALIKE
EVERY_STATE = (S_NONE, S_WAITING, S_OPENING, S_UP, S_CLOSING, S_GONE)


def delete_bound(why: Const) -> list[Signal]:
    """Delete the SA the binding names; no row uses it where it names none."""
    named = ite(BOUND == "g1", G1, ite(BOUND == "g2", G2, G0))
    return [signal("informational", IKE_DELETE(gen=named, why=why))]


def delete_all(why: Const) -> list[Signal]:
    """Delete every SA of the connection that exists."""
    return [signal("informational", IKE_DELETE(gen=g, why=why)) for g in (G0, G1, G2)]


def bound_to(generation: Expr) -> Expr:
    """A generation as what the binding names."""
    b = BOUND_TO
    return ite(generation == G0, b.const("g0"), ite(generation == G1, b.const("g1"), b.const("g2")))


def opening() -> list[Line]:
    """Section 3.2."""
    start, two = "draft 3.2 l.432-439", "draft 3.2 l.436-439, l.458-461"
    ready = disj(*(sa_usable(g, NEXT_INC) for g in (G0, G1, G2)))
    protect = signal("spd", SPD_SET(entry=PROTECT))
    syn = signal("tcp", TCP_OPEN(passive=False, inc=NEXT_INC))
    this_port = disj(*((gen == g) & sa_usable(g, NEXT_INC) for g in (G0, G1, G2)))
    bind = set_(BOUND, bound_to(gen))
    usable = [sa_usable(g, NEXT_INC) for g in (G0, G1)]
    bind_ready = set_(BOUND, bound_to(ite(usable[0], G0, ite(usable[1], G1, G2))))
    unmark = set_(MARK, False)
    return [
        row("b1 listen", ANY, BIND_CONNECT(passive=True), NO_TCB, [unmark, signal("tcp", TCP_OPEN(passive=True))], S_OPENING,
            start),
        row("reconnect", ANY, BIND_RECONNECT, TRUE, [signal("binding", BIND_CONNECT(passive=passive))], STAY,
            "RFC 4271 8.2.2: drops the TCP connection, then initiates or awaits another"),
        row("b1 start again: another port", S_WAITING, BIND_CONNECT(passive=False), NO_TCB & ~ready,
            [set_(NEXT_INC, up(NEXT_INC)), signal("quick-initiator", QM_ABANDON), signal("quick-initiator", QM_NEED(inc=up(NEXT_INC)))],
            STAY, "silent (F-41): RFC 4271 8.2.2 Connect, event 9, a new source port; findings' rule R-d: the old one is given up"),
        row("b1 start: SA first", tuple(s for s in EVERY_STATE if s is not S_WAITING), BIND_CONNECT(passive=False), NO_TCB & ~ready,
            [unmark, protect, signal("quick-initiator", QM_NEED(inc=NEXT_INC))], S_WAITING, start),
        row("b1 start: SA is there", ANY, BIND_CONNECT(passive=False), NO_TCB & ready, [unmark, bind_ready, protect, syn], S_OPENING,
            start),
        ignored(ANY, BIND_CONNECT, "RFC 9293 3.10.1: the old connection still exists", guard=~NO_TCB),
        row("b2 release the SYN", S_WAITING, BIND_P2_UP, this_port, [bind, syn], S_OPENING, two),
        ignored(S_WAITING, BIND_P2_UP, "silent (F-41): an SA for a port no longer used", guard=~this_port),
        row("remote peer: SA is there", (S_NONE, S_OPENING), BIND_P2_UP, TRUE, [bind, protect], STAY, two),
        ignored(S_UP, BIND_P2_UP, "draft 3.2 l.486-491: BGP plays no role in rekey", name="b5 rekey"),
        row("remote peer: SA for a next connection", S_GONE, BIND_P2_UP, ~sa_covers(gen, TCP_INC), [bind, protect], STAY, two),
        ignored(S_GONE, BIND_P2_UP, "silent (F-20): an SA for a connection that is closed", guard=sa_covers(gen, TCP_INC)),
        ignored(S_CLOSING, BIND_P2_UP, "silent (F-20): an SA for a connection that is closing"),
        row("no SA: the attempt fails", S_WAITING, BIND_P2_FAILED, TRUE,
            [signal("quick-responder", QM_ABANDON), signal("bgp", BGP_EVENT[18])], S_NONE,
            "RFC 4271 8.1.4 event 18: no TCP connection comes of it; findings' rule R-d: no SA is negotiated for it either"),
        ignored((S_NONE, S_OPENING, S_UP, S_CLOSING, S_GONE), BIND_P2_FAILED, "draft 3.2 l.486-491"),
        row("b4 bind", S_OPENING, BIND_OPEN_RCVD, TRUE, [], S_UP, "draft 3.2 l.463-484"),
        ignored((S_NONE, S_WAITING, S_UP, S_CLOSING, S_GONE), BIND_OPEN_RCVD, "draft 3.2 l.463-484"),
    ]


def session_closed() -> list[Line]:
    """Sections 3.3 and 3.4: the FSM went to Idle."""
    b6, b12 = "draft 3.3 l.502-516", "draft 3.4 l.552-556"
    p1 = P1_GOES & (graceful | AT_IDLE | NO_TCB)
    drop_p1 = signal("informational", IKE_DELETE_P1)
    gone = delete_all(SESSION_GONE)
    mark = set_(MARK, True)
    live, lives = (S_OPENING, S_UP), OTHER_UP & ONE_SESSION
    leaves = signal("binding", BIND_OTHER_CLOSED(ended=False), at="other")
    # A session that no OPEN has opened does not end, its connection does.
    ends = signal("binding", BIND_OTHER_CLOSED(ended=SESSION_STATE == S_UP), at="other")
    abandon = [signal("quick-initiator", QM_ABANDON), signal("quick-responder", QM_ABANDON)]
    order = f"{b12}; nothing orders two datagrams, so which Delete leaves first is no difference here"
    return [
        row("b6 session closed: mark", live, BIND_CLOSED, ~lives & ~AT_IDLE & ~NO_TCB & ~p1, [mark, ends], S_CLOSING, b6),
        row("b6 session closed: mark, delete phase 1", live, BIND_CLOSED, ~lives & ~AT_IDLE & ~NO_TCB & p1, [mark, drop_p1, ends],
            S_CLOSING, b6),
        row("b12 session gone: delete", live, BIND_CLOSED, ~lives & AT_IDLE & ~NO_TCB & ~p1, [mark, *gone, ends], S_CLOSING, b12),
        row("b12 session gone: delete phase 1 and 2", live, BIND_CLOSED, ~lives & AT_IDLE & ~NO_TCB & p1, [mark, *gone, drop_p1, ends],
            S_CLOSING, order),
        row("b12 session and connection gone: delete", live, BIND_CLOSED, ~lives & NO_TCB & ~p1, [UNBIND, *abandon, *gone, ends], S_GONE,
            f"{b12}; findings' rule R-d: of a listener too"),
        row("b12 session and connection gone: delete phase 1 and 2", live, BIND_CLOSED, ~lives & NO_TCB & p1,
            [UNBIND, *abandon, *gone, drop_p1, ends], S_GONE, order),
        row("b7 connection closed, the session goes on: mark", live, BIND_CLOSED, lives & ~NO_TCB, [mark, leaves], S_CLOSING,
            "draft 3.3 l.518-530"),
        row("b7 connection gone, the session goes on: delete", live, BIND_CLOSED, lives & NO_TCB, [UNBIND, *abandon, *gone, leaves],
            S_GONE, "draft 3.4 l.536-538 (SHOULD)"),
        *other_connection(gone),
        row("attempt dropped before the SYN", S_WAITING, BIND_CLOSED, TRUE, [*abandon, *gone], S_NONE,
            "silent (F-41); findings' rule R-a: the SA of a connection that never came"),
        ignored((S_NONE, S_CLOSING, S_GONE), BIND_CLOSED, b12),
    ]


def other_connection(gone: list[Signal]) -> list[Line]:
    """The end's other connection with this peer joins the session, or leaves it.

    NOTE: 3.4 deletes what "exists as a result of the session": the SAs of a connection that is still being opened in it too, and
    of one that in this very step has taken the old one's place (b13). A connection that was up keeps the session alive (b7).
    """
    taken = ended & ONE_SESSION & AT_IDLE
    swept = (S_WAITING, S_OPENING, S_UP)
    alone = set_(OTHER_UP, False)
    return [
        row("b7 another connection", ANY, BIND_OTHER_UP, TRUE, [set_(OTHER_UP, True)], STAY, "draft 3.1 l.363-370, 3.3 l.518-530"),
        row("b12 session gone with the other connection: delete", swept, BIND_OTHER_CLOSED, taken, [alone, *gone], STAY,
            "draft 3.4 l.552-556"),
        row("b7 the other connection is closed", swept, BIND_OTHER_CLOSED, ~taken, [alone], STAY, "draft 3.3 l.518-530"),
        row("b7 the other connection is closed", (S_NONE, S_CLOSING, S_GONE), BIND_OTHER_CLOSED, TRUE, [alone],
            STAY, "draft 3.3 l.518-530"),
    ]


def connection_closed() -> list[Line]:
    """Sections 3.3 l.525-532 and 3.4 l.536-538: the TCB became CLOSED, or the passive closer sent its FIN."""
    ended = (reading("clock_start") == "fw2") & (TCP == FIN_WAIT_2)
    from_ack = "draft 3.3 l.527-530, 'after the other side responds' read as its ACK"
    occasions: list[tuple[str, Expr, Const, str]] = [
        ("b8 TIME-WAIT ended", how == "2MSL", TCP_GONE, "draft 3.3 l.528-530 (MUST)"),
        ("b8 TIME-WAIT cut short", how == "reused", TCP_GONE, "draft 3.3 l.528-530 (MUST): TIME-WAIT is over; RFC 9293 3.6.1 MAY-2"),
        ("passive closer CLOSED", (how == "last-ack") & (reading("passive_del") == "at_closed"), TCP_GONE, "silent: draft 3.3"),
        ("b9 failed", how.among("reset", "timed-out", "aborted", "never-opened") & (reading("on_failure") == "delete"), FAILED,
         "draft 3.4 l.536-538 (SHOULD)"),
    ]
    port = set_(NEXT_INC, up(NEXT_INC))
    rest = ~disj(*(when for _, when, _, _ in occasions))
    abandon = [signal("quick-initiator", QM_ABANDON), signal("quick-responder", QM_ABANDON)]
    lines: list[Line] = []
    for states, after in (((S_CLOSING,), S_GONE), (tuple(s for s in EVERY_STATE if s is not S_CLOSING), STAY)):
        for name, when, why, source in occasions:
            lines += [
                row(f"{name}: delete bound SA", states, BIND_TCB_CLOSED, when & SINGLE & (BOUND != "none"),
                    [port, *abandon, *delete_bound(why), UNBIND], after, source),
                row(f"{name}: no SA bound", states, BIND_TCB_CLOSED, when & SINGLE & (BOUND == "none"), [port, *abandon], after,
                    source),
                row(f"{name}: delete all SAs", states, BIND_TCB_CLOSED, when & ~SINGLE, [port, *abandon, *delete_all(why), UNBIND], after,
                    f"{source}; findings' rule R-a"),
            ]
        lines.append(row("TCB closed: SA kept", states, BIND_TCB_CLOSED, rest, [port, *abandon], after, "silent: draft 3.3"))
    at_last_ack = reading("passive_del") == "at_lastack"
    return [
        *lines,
        row("passive closer in LAST-ACK: delete bound SA", ANY, BIND_LAST_ACK, at_last_ack & SINGLE & (BOUND != "none"),
            delete_bound(TCP_GONE), STAY, "silent: draft 3.3"),
        row("passive closer in LAST-ACK: delete all SAs", ANY, BIND_LAST_ACK, at_last_ack & ~SINGLE, delete_all(TCP_GONE), STAY,
            "silent: draft 3.3; findings' rule R-a"),
        ignored(ANY, BIND_LAST_ACK, "silent: draft 3.3", guard=~at_last_ack | (SINGLE & (BOUND == "none"))),
        row("clock from the ACK ended: delete bound SA", S_CLOSING, CLOCK, ended & SINGLE & (BOUND != "none"), delete_bound(TCP_GONE), STAY,
            from_ack),
        row("clock from the ACK ended: delete all SAs", S_CLOSING, CLOCK, ended & ~SINGLE, delete_all(TCP_GONE), STAY, from_ack),
    ]


def sa_deleted() -> list[Line]:
    """Section 3.4 l.538-546."""
    b10, b11 = "draft 3.4 l.541-546", "silent: draft 3.4 l.538-546"
    bound = ite(SINGLE, bound_to(gen) == BOUND, ~ANY_SA)
    counts = (reading("confirm") == "any_del") | ((reading("confirm") == "bound_only") & installed & bound)
    later = (reading("peer_del") == "defer") & ~NO_TCB
    marked = MARK | (SESSION_STATE == S_CLOSING)  # closing is marked: b6 and b12 see to that
    confirms = marked & counts & ~later
    after, unmarked = reading("after_del"), reading("unmarked_del")
    lost = bound  # of one SA: the one the binding names; of a set: the last one
    forget = set_(MARK, False)
    closing = (S_CLOSING, S_GONE)
    not_closing = tuple(s for s in EVERY_STATE if s is not S_CLOSING)

    def confirmed(name: str, when: Expr, entry: list[Signal]) -> list[Line]:
        guard = confirms & when
        return [row(f"b10 confirmed: {name}", closing, BIND_SA_DELETED, guard, [forget, UNBIND, *entry], S_GONE, b10)]

    return [
        *confirmed("filter removed", after == "bypass", [signal("spd", SPD_SET(entry=NO_ENTRY))]),
        *confirmed("filter left to discard", after == "discard", [signal("spd", SPD_SET(entry=DISCARD))]),
        *confirmed("filter kept", after == "acquire", []),
        ignored(closing, BIND_SA_DELETED, "findings' rule R-b", guard=marked & counts & later, name="b10 remembered until CLOSED"),
        ignored(closing, BIND_SA_DELETED, b10, guard=marked & ~counts, name="b10 no confirmation"),
        impossible((S_NONE, S_WAITING, S_OPENING, S_UP), BIND_SA_DELETED, "b6, b12 set the mark and lead to closing; b1 clears it",
                   guard=MARK),
        ignored(not_closing, BIND_SA_DELETED, b11, guard=~marked & ((unmarked == "ignore") | ~lost), name="b11 ignored"),
        row("b11 connection failed", not_closing, BIND_SA_DELETED, ~marked & (unmarked == "event18") & lost, [signal("bgp", BGP_EVENT[18])],
            STAY, b11),
        row("b11 renegotiate", not_closing, BIND_SA_DELETED, ~marked & (unmarked == "renegotiate") & lost,
            [signal("quick-initiator", QM_NEED(inc=TCP_INC))], STAY, b11),
    ]


def restarted() -> Line:
    """The end restarts; its next connection is another incarnation."""
    return row("restart", ANY, RESTART, TRUE, [set_(MARK, False), UNBIND, set_(OTHER_UP, False), set_(NEXT_INC, up(NEXT_INC))],
               S_NONE,
               "silent: draft 3.4 l.549-551 speaks of the end that notices")


BINDING_TABLE = Table(
    "binding", "Binding of session, connection and SAs (draft 3.1 - 3.4)", SESSION_STATE,
    (BIND_CONNECT, BIND_RECONNECT, BIND_P2_UP, BIND_P2_FAILED, BIND_OPEN_RCVD, BIND_CLOSED, BIND_TCB_CLOSED, BIND_LAST_ACK,
     BIND_SA_DELETED, BIND_OTHER_UP, BIND_OTHER_CLOSED, CLOCK, RESTART),
    (*opening(), *session_closed(), *connection_closed(), *sa_deleted(), restarted()),
    (MARK, BOUND, NEXT_INC, OTHER_UP, BEGUN_ALIKE, OTHER_SESSIONS, FOREIGN),
)
