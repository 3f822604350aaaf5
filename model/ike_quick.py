"""IKE phase 2: Quick Mode (RFC 2409 5.5), an initiator and a responder.

          Initiator                                     Responder
    QM1   HDR*, HASH(1), SA, Ni [, KE], IDci, IDcr  -->
          HDR*, HASH(2), SA, Nr [, KE], IDci, IDcr  <--              QM2
    QM3   HDR*, HASH(3)                             -->
          HDR*, HASH(1), N(CONNECTED)               <--              only with the commit bit (RFC 2408 3.1)

Each message is protected by a phase 1 SA (its `cookie`); where that is not up, the message is noise. `gen` names the SA
pair that is negotiated (message id and SPIs), `inc` the incarnation whose ports the identities carry. The initiator has its
keys when it sends QM3, the responder when it receives it: nothing tells the initiator that QM3 arrived, unless the commit
bit is set.

NOTE: messages are told apart by what they negotiate, not by message id.
NOTE: one Quick Mode as initiator and one as responder at a time. QM1 for another generation waits for its retransmission.
NOTE: `commit` is read at each end: at the responder, whether it sends CONNECTED, at the initiator, whether it waits for it.
Two ends that differ in it stand for a commit bit that one of them overlooked.
"""

from __future__ import annotations

from model.action import Action, Put, put, set_, signal
from model.channels import DATAGRAMS
from model.expr import BOOL, TRUE, Const, Enum, Expr, Value, Var, ite
from model.ike_exchange import ANSWER, DECIPHERED, HEADER, OWN_FIRST, OWN_FIRST_UNDER, RETRY, Exchange
from model.readings import reading
from model.restart import forgotten
from model.signals import (
    BIND_P2_FAILED,
    BIND_P2_UP,
    CLOSED,
    CONNECTED,
    COOKIE,
    G0,
    GEN,
    INC,
    MY_GEN,
    P1_NEED,
    QM1,
    QM2,
    QM3,
    QM_ABANDON,
    QM_NEED,
    QM_P1_FAILED,
    QM_P1_UP,
    QM_RCV,
    QM_REFUSED,
    RESTART,
    S_OPENING,
    S_WAITING,
    SA_DROP_LARVAL,
    SA_FOR,
    SA_GETSPI,
    SA_IN,
    SA_INSTALL,
    SA_INSTALL_IN,
    SA_OUT,
    SESSION_STATE,
    TCP,
    TIME_WAIT,
    exact_ports,
    gen,
    good,
    inc,
    under,
)
from model.table import ANY, OTHER, STAY, Line, Table, ignored, row

QUICK = "RFC 2409 5.5"
REBOOT = "RFC 2407 4.6.3.3: a system that reboots has no SAs; RFC 2408 2.5.1, 2.5.3: what it drew at random does not come again"
COMMIT_BIT = "RFC 2408 3.1, commit bit"
COMMIT = reading("commit") == "on"
ABANDONS = reading("dead_qm") == "refuse"
EXACT = reading("qm_port") == "exact"
READABLE = DECIPHERED & good
# No TCB with these selectors, no listener, no connection attempt that waits for its SA.
DEAD = TCP.among(CLOSED, TIME_WAIT) & ~SESSION_STATE.among(S_WAITING, S_OPENING)


def free(generation: Expr) -> Expr:
    """Neither half of the generation is in use here."""
    return (SA_IN[generation] == "none") & (SA_OUT[generation] == "none")


def undecipherable() -> list[Line]:
    """What both roles do first with a Quick Mode message."""
    return [ignored(ANY, QM_RCV, f"{QUICK}: HDR*; RFC 2408 5.2", guard=~DECIPHERED, name="no phase 1 SA: undecipherable")]


# -- initiator ----------------------------------------------------------------------------------------------------

I_STATE = Enum("QuickInitiator", "IDLE", "WAIT-P1", "QM1-SENT", "QM3-SENT")
IDLE, WAIT_P1, QM1_SENT, QM3_SENT = I_STATE.consts()
QUICK_INITIATOR_STATE = Var("quick-initiator", "state", I_STATE, doc="the Quick Mode this end began")
I_GEN = Var("quick-initiator", "gen", GEN, doc="the generation being negotiated")
I_INC = Var("quick-initiator", "inc", INC, doc="the incarnation whose ports the identities carry")
I_COOKIE = Var("quick-initiator", "cookie", COOKIE, doc="the phase 1 SA it runs under")
I_UNDER = Var("quick-initiator", "under", INC, doc="the attempt that phase 1 SA came from")
# NOTE: a generation stands for an SPI, and SPIs do not come again (RFC 2408 2.5.1); so a name is used once. The own one comes
# first, then g0, if this end has it to spare.
I_BEGUN = Var("quick-initiator", "begun", BOOL, doc="the own generation has been used")
SPARE = Var("quick-initiator", "spare", BOOL, doc="g0 is this end's to begin, and was not used yet")
I_X = Exchange("quick-initiator", sends=(QM1, QM3), receives=(QM2, CONNECTED, QM_REFUSED))
I_MINE = (gen == I_GEN) & (inc == I_INC)


def i_put(message: Const, again: bool = False) -> Put:
    return put(DATAGRAMS, resend=again, datagram=message, cookie=I_COOKIE, under=I_UNDER, gen=I_GEN, inc=I_INC, exact=EXACT)


def i_begin() -> list[Line]:
    """An SA is wanted, and a phase 1 SA to negotiate it under. QM1 goes out as soon as there is one."""
    which = ite(I_BEGUN, G0, MY_GEN)
    first = put(DATAGRAMS, datagram=QM1, cookie=OWN_FIRST, under=OWN_FIRST_UNDER, gen=which, inc=I_INC, exact=EXACT)
    reserve = signal("ipsec", SA_GETSPI(gen=which, inc=I_INC, exact=EXACT))
    anyone = ~I_BEGUN | SPARE
    failed = signal("binding", BIND_P2_FAILED)
    return [
        row("acquire", IDLE, QM_NEED, TRUE, [set_(I_INC, inc), signal("phase1-initiator", P1_NEED)], WAIT_P1,
            f"{QUICK}; RFC 4301 4.4.1"),
        row("acquire for another port", WAIT_P1, QM_NEED, inc != I_INC, [set_(I_INC, inc)], STAY,
            "silent (F-41): the older connection attempt is over"),
        ignored(WAIT_P1, QM_NEED, QUICK, guard=inc == I_INC, name="wanted already"),
        ignored((QM1_SENT, QM3_SENT), QM_NEED, "bound: one Quick Mode at a time; the next packet asks again", name="under way"),
        row("QM1", WAIT_P1, QM_P1_UP, anyone,
            [set_(I_GEN, which), set_(I_BEGUN, True), set_(SPARE, SPARE & ~I_BEGUN), set_(I_COOKIE, OWN_FIRST),
             set_(I_UNDER, OWN_FIRST_UNDER), *I_X.sent(), reserve, first], QM1_SENT, QUICK),
        row("no generation left (bound)", WAIT_P1, QM_P1_UP, ~anyone, [], IDLE, "bound: three generations of SAs"),
        ignored((IDLE, QM1_SENT, QM3_SENT), QM_P1_UP, f"{QUICK}: nobody waits"),
        row("no phase 1 SA to be had", WAIT_P1, QM_P1_FAILED, TRUE, [failed], IDLE, RETRY),
        ignored((IDLE, QM1_SENT, QM3_SENT), QM_P1_FAILED, f"{QUICK}: nobody waits"),
    ]


def i_messages() -> list[Line]:
    """QM2, CONNECTED and a refusal arrive."""
    mine, others = READABLE & I_MINE, READABLE & ~I_MINE & (SA_OUT[gen] != "none")
    done = signal("binding", BIND_P2_UP(gen=I_GEN))
    install = signal("ipsec", SA_INSTALL(gen=I_GEN, inc=I_INC, exact=EXACT))
    receive = signal("ipsec", SA_INSTALL_IN(gen=I_GEN, inc=I_INC, exact=EXACT))
    older = put(DATAGRAMS, resend=True, datagram=QM3, cookie=ANSWER, under=under, gen=gen, inc=inc, exact=exact_ports)
    idle = READABLE & (SA_OUT[gen] != "none")
    return [
        *undecipherable(),
        row("QM2: keys", QM1_SENT, QM_RCV(datagram=QM2), mine & ~COMMIT, [*I_X.over(), install, i_put(QM3), done], IDLE, QUICK),
        row("QM2: keys, wait for CONNECTED", QM1_SENT, QM_RCV(datagram=QM2), mine & COMMIT, [*I_X.sent(), receive, i_put(QM3)],
            QM3_SENT, f"{QUICK}; {COMMIT_BIT}: not used before CONNECTED"),
        row("CONNECTED", QM3_SENT, QM_RCV(datagram=CONNECTED), mine, [*I_X.over(), install, done], IDLE, COMMIT_BIT),
        row("refused", QM1_SENT, QM_RCV(datagram=QM_REFUSED), mine, i_fail(), IDLE, "RFC 2409 5.5; RFC 2408 5.14"),
        row("QM2 again: QM3 again", QM3_SENT, QM_RCV(datagram=QM2), mine, [i_put(QM3, again=True)], STAY, RETRY),
        row("QM2 of an older exchange: QM3 again", (IDLE, WAIT_P1), QM_RCV(datagram=QM2), idle, [older], STAY, RETRY),
        row("QM2 of an older exchange: QM3 again", (QM1_SENT, QM3_SENT), QM_RCV(datagram=QM2), others, [older], STAY, RETRY),
    ]


def i_fail() -> list[Action]:
    """What every end without keys leaves behind; timers are stopped with it."""
    return [*I_X.over(), signal("ipsec", SA_DROP_LARVAL(gen=I_GEN)), signal("binding", BIND_P2_FAILED)]


def i_end() -> list[Line]:
    """Timers, and the connection is gone."""
    waiting = (QM1_SENT, QM3_SENT)
    forget = signal("ipsec", SA_DROP_LARVAL(gen=I_GEN))
    rule = "findings' rule R-d (F-20): no Quick Mode for a connection that is gone"
    return [
        row("retransmission", QM1_SENT, I_X.resend, TRUE, [*I_X.again(), i_put(QM1, again=True)], STAY, RETRY),
        row("retransmission", QM3_SENT, I_X.resend, TRUE, [*I_X.again(), i_put(QM3, again=True)], STAY,
            f"{COMMIT_BIT}: to force the other to send its last message again"),
        row("retry limit reached", waiting, I_X.give_up, I_X.exhausted, i_fail(), IDLE, RETRY),
        row("abandoned before QM1", WAIT_P1, QM_ABANDON, ABANDONS, [], IDLE, rule),
        row("abandoned", waiting, QM_ABANDON, ABANDONS, [*I_X.over(), forget], IDLE, rule),
        ignored((WAIT_P1, *waiting), QM_ABANDON, "silent: draft 3.3; RFC 2409 knows nothing of connections", guard=~ABANDONS),
        ignored(IDLE, QM_ABANDON, "nothing is under way"),
        ignored(ANY, OTHER, f"{HEADER}; RFC 2408 5.11: or its hash does not verify", name="not expected"),
    ]


QUICK_INITIATOR_TABLE = Table(
    "quick-initiator", "Quick Mode as initiator (RFC 2409 5.5)", QUICK_INITIATOR_STATE,
    (QM_NEED, QM_P1_UP, QM_P1_FAILED, QM_ABANDON, QM_RCV, I_X.resend, I_X.give_up, RESTART),
    (*i_begin(), *i_messages(), *i_end(),
     forgotten(QUICK_INITIATOR_STATE, I_GEN, I_INC, I_COOKIE, I_UNDER, *I_X.variables, source=REBOOT)),
    (I_GEN, I_INC, I_COOKIE, I_UNDER, I_BEGUN, SPARE, *I_X.variables),
)

# -- responder ----------------------------------------------------------------------------------------------------

R_STATE = Enum("QuickResponder", "IDLE", "QM2-SENT")
R_IDLE, QM2_SENT = R_STATE.consts()
QUICK_RESPONDER_STATE = Var("quick-responder", "state", R_STATE, doc="the Quick Mode the peer began")
R_GEN = Var("quick-responder", "gen", GEN, doc="the generation being negotiated")
R_INC = Var("quick-responder", "inc", INC, doc="the incarnation whose ports the identities carry")
R_COOKIE = Var("quick-responder", "cookie", COOKIE, doc="the phase 1 SA it runs under")
R_UNDER = Var("quick-responder", "under", INC, doc="the attempt that phase 1 SA came from")
R_SEEN = Var("quick-responder", "seen", BOOL, index=GEN, doc="a Quick Mode for this generation was answered before (its message ID)")
R_X = Exchange("quick-responder", sends=(QM2, CONNECTED, QM_REFUSED), receives=(QM1, QM3))
R_MINE = (gen == R_GEN) & (inc == R_INC)
PREINSTALL = reading("preinstall") == "on"


def r_put(message: Const, again: bool = False) -> Put:
    """An answer to the message that is being processed."""
    return put(DATAGRAMS, resend=again, datagram=message, cookie=ANSWER, under=under, gen=gen, inc=inc, exact=exact_ports)


def r_offer() -> list[Line]:
    """QM1 arrives: duplicate, unacceptable, or answered by QM2."""
    new = READABLE & free(gen) & ~R_SEEN[gen]
    no_connection = ABANDONS & DEAD
    wide = EXACT & ~exact_ports
    taken = new & ~no_connection & ~wide
    begin = [set_(R_SEEN[gen], True), set_(R_GEN, gen), set_(R_INC, inc), set_(R_COOKIE, ANSWER), set_(R_UNDER, under),
             *R_X.sent()]
    larval = signal("ipsec", SA_GETSPI(gen=gen, inc=inc, exact=exact_ports))
    ready = signal("ipsec", SA_INSTALL_IN(gen=gen, inc=inc, exact=exact_ports))
    no = [r_put(QM_REFUSED)]
    return [
        *undecipherable(),
        row("QM1: NO-PROPOSAL-CHOSEN", ANY, QM_RCV(datagram=QM1), DECIPHERED & ~good, no, STAY, f"{QUICK}; RFC 2408 5.5"),
        row("QM1: inbound usable, QM2", R_IDLE, QM_RCV(datagram=QM1), taken & PREINSTALL, [*begin, ready, r_put(QM2)], QM2_SENT,
            f"{QUICK}; silent: when the responder can receive (F-21)"),
        row("QM1: SPI reserved, QM2", R_IDLE, QM_RCV(datagram=QM1), taken & ~PREINSTALL, [*begin, larval, r_put(QM2)], QM2_SENT,
            QUICK),
        row("QM1: no such connection", R_IDLE, QM_RCV(datagram=QM1), new & no_connection, no, STAY, "findings' rule R-d (F-20)"),
        row("QM1: INVALID-ID-INFORMATION", R_IDLE, QM_RCV(datagram=QM1), new & ~no_connection & wide, no, STAY,
            f"{QUICK}; draft 3.2 l.450-456: the identities carry both ports"),
        ignored(R_IDLE, QM_RCV(datagram=QM1), "RFC 2409 5.5, RFC 2408 5.2: a copy of a message of a finished exchange",
                guard=READABLE & (~free(gen) | R_SEEN[gen]), name="QM1 again: that exchange is over"),
        row("QM1 again: QM2 again", QM2_SENT, QM_RCV(datagram=QM1), READABLE & R_MINE, [r_put(QM2, again=True)], STAY, RETRY),
        ignored(QM2_SENT, QM_RCV(datagram=QM1), "bound: one Quick Mode at a time; the initiator sends again",
                guard=READABLE & ~R_MINE, name="QM1: busy"),
    ]


def r_keys() -> list[Line]:
    """QM3 arrives: the responder has proof that the initiator is alive, and uses the keys."""
    mine = READABLE & R_MINE
    any_port = SA_FOR[R_GEN] == "any"  # remembered from QM1
    install = signal("ipsec", SA_INSTALL(gen=R_GEN, inc=R_INC, exact=~any_port))
    done = signal("binding", BIND_P2_UP(gen=R_GEN))
    known = READABLE & (SA_OUT[gen] != "none") & COMMIT
    again = [r_put(CONNECTED, again=True)]
    return [
        row("QM3: keys", QM2_SENT, QM_RCV(datagram=QM3), mine & ~COMMIT, [*R_X.over(), install, done], R_IDLE, QUICK),
        row("QM3: keys, CONNECTED", QM2_SENT, QM_RCV(datagram=QM3), mine & COMMIT, [*R_X.over(), install, r_put(CONNECTED), done],
            R_IDLE, COMMIT_BIT),
        row("QM3 again: CONNECTED again", R_IDLE, QM_RCV(datagram=QM3), known, again, STAY, COMMIT_BIT),
        row("QM3 again: CONNECTED again", QM2_SENT, QM_RCV(datagram=QM3), known & ~R_MINE, again, STAY, COMMIT_BIT),
    ]


def r_end() -> list[Line]:
    """Timers, and the connection is gone."""
    exact: Value = SA_FOR[R_GEN] != "any"
    same = put(DATAGRAMS, resend=True, datagram=QM2, cookie=R_COOKIE, under=R_UNDER, gen=R_GEN, inc=R_INC, exact=exact)
    forget: list[Action] = [*R_X.over(), signal("ipsec", SA_DROP_LARVAL(gen=R_GEN))]
    return [
        row("retransmission", QM2_SENT, R_X.resend, TRUE, [*R_X.again(), same], STAY, RETRY),
        row("retry limit reached", QM2_SENT, R_X.give_up, R_X.exhausted, forget, R_IDLE, RETRY),
        row("abandoned", QM2_SENT, QM_ABANDON, ABANDONS, forget, R_IDLE, "findings' rule R-d (F-20)"),
        ignored(QM2_SENT, QM_ABANDON, "silent: draft 3.3; RFC 2409 knows nothing of connections", guard=~ABANDONS),
        ignored(R_IDLE, QM_ABANDON, "nothing is under way"),
        ignored(ANY, OTHER, f"{HEADER}; RFC 2408 5.11: or its hash does not verify", name="not expected"),
    ]


QUICK_RESPONDER_TABLE = Table(
    "quick-responder", "Quick Mode as responder (RFC 2409 5.5)", QUICK_RESPONDER_STATE,
    (QM_RCV, QM_ABANDON, R_X.resend, R_X.give_up, RESTART),
    (*r_offer(), *r_keys(), *r_end(),
     forgotten(QUICK_RESPONDER_STATE, R_GEN, R_INC, R_COOKIE, R_UNDER, *R_X.variables, source=REBOOT)),
    (R_GEN, R_INC, R_COOKIE, R_UNDER, R_SEEN, *R_X.variables),
)
