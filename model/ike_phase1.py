"""IKE phase 1: main mode and aggressive mode (RFC 2409 5, RFC 2408 4.5, 4.7, 5), an initiator and a responder.

          Initiator                        Responder               RFC 2409 5.1 - 5.4
    MM1   HDR, SA                   -->
          HDR, SA                   <--                     MM2
    MM3   HDR, KE, Ni               -->
          HDR, KE, Nr [, CERTREQ]   <--                     MM4
    MM5   HDR*, IDii, [CERT,] AUTH [, IC]  -->
          HDR*, IDir, [CERT,] AUTH [, IC]  <--              MM6      AUTH = HASH (5.4) or SIG (5.1)

    AM1   HDR, SA, KE, Ni, IDii     -->
          HDR, SA, KE, Nr, IDir, [CERT,] AUTH  <--          AM2
    AM3   HDR, [CERT,] AUTH         -->

Each end has one of each table: the SA it began and the SA its peer began, which may exist at once, because both BGP
speakers are initiators. `good` stands for all that a receiver checks: an acceptable proposal, a hash or signature that
verifies, an identity the policy knows. Certificates and their requests are part of it.

INITIAL-CONTACT goes with the last main mode message of each side, if this is the first SA with the peer. A receiver that
completes phase 1 with it hands it to the informational table, together with the new SA's cookie, as its sender sees it:
"sender" where the SA in question was begun by the sender of INITIAL-CONTACT (here: phase1-responder), "receiver" where it
was begun by this end (here: phase1-initiator).

NOTE: RFC 2407 4.6.3 forbids status messages inside aggressive mode; they would follow in an informational exchange, for
which there is no message here. Aggressive mode therefore carries no INITIAL-CONTACT, and one that comes is not acted on.
Cookies are one bit, which changes with each attempt of the initiator (`attempt`).

NOTE: one SA a role. The exchange of a newer MM1 or AM1 takes the place of the older SA at once, not when it is authenticated.
NOTE: a message is sent again only when neither a message of the exchange nor its answer is in flight: the timer is longer than
a round trip.
NOTE: rekeying a phase 1 SA at its soft lifetime is left out; a new one is made when somebody needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.action import Action, Event, Put, put, set_, signal, start, stop
from model.channels import DATAGRAMS
from model.expr import BOOL, TRUE, Choice, Const, Value, Var, ite
from model.ike_exchange import HEADER, NO_SA_YET, RETRY, Exchange
from model.readings import reading
from model.restart import forgotten
from model.signals import (
    AM1,
    AM2,
    AM3,
    BY_RECEIVER,
    BY_SENDER,
    G0,
    I_ATTEMPT,
    INC,
    INFO_IC,
    INFO_P1_EXPIRED,
    MM1,
    MM2,
    MM3,
    MM4,
    MM5,
    MM6,
    P1_DOWN,
    P1_INIT,
    P1_INIT_STATE,
    P1_NEED,
    P1_RCV,
    P1_REFUSED,
    P1_RESP,
    P1_RESP_STATE,
    QM_P1_FAILED,
    QM_P1_UP,
    R_ATTEMPT,
    RESTART,
    attempt,
    good,
)
from model.table import ANY, OTHER, STAY, Line, Table, ignored, row

MAIN = "RFC 2409 5, 5.1, 5.4"
AGGRESSIVE = "RFC 2409 5, 5.1, 5.4, aggressive mode"
IC = "RFC 2407 4.6.3.3"
REBOOT = "RFC 2407 4.6.3.3: a system that reboots has no SAs; RFC 2408 2.5.3: its cookies do not come again"
FIRST = (reading("ic") == "on") & NO_SA_YET
QM_WAITS = signal("quick-initiator", QM_P1_UP)
NO_SA_FOR_QM = signal("quick-initiator", QM_P1_FAILED)

# -- the SA this end begins ---------------------------------------------------------------------------------------

NO_SA, MM1_SENT, MM3_SENT, MM5_SENT, AM1_SENT, UP = P1_INIT_STATE.consts()
I_CONTACT = Var("phase1-initiator", "contact", BOOL, doc="MM5 carries INITIAL-CONTACT")
I_LIFETIME = Var("phase1-initiator", "lifetime", BOOL, doc="the hard lifetime runs")
I_EXPIRED = Event("hard lifetime", who="lifetime", timer=I_LIFETIME, doc="RFC 2407 4.5, life duration")
I_X = Exchange("phase1-initiator", sends=(MM1, MM3, MM5, AM1, AM3), receives=(MM2, MM4, MM6, AM2))
I_GOOD, I_BAD = (attempt == I_ATTEMPT) & good, (attempt == I_ATTEMPT) & ~good


def i_put(message: Const, again: bool = False, attempt: Value = I_ATTEMPT, contact: Value = False) -> Put:
    return put(DATAGRAMS, resend=again, datagram=message, cookie=BY_SENDER, gen=G0, inc=attempt, ic=contact)


def i_begin() -> list[Line]:
    """Somebody needs a Quick Mode."""
    peers = P1_RESP == "UP"
    aggressive = reading("p1_mode") == "aggressive"
    fresh = ite(I_ATTEMPT == "0", INC.const(1), INC.const(0))
    new: list[Action] = [set_(I_ATTEMPT, fresh), *I_X.sent()]
    return [
        row("main mode begins", NO_SA, P1_NEED, ~peers & ~aggressive, [*new, i_put(MM1, attempt=fresh)], MM1_SENT, MAIN),
        row("aggressive mode begins", NO_SA, P1_NEED, ~peers & aggressive, [*new, i_put(AM1, attempt=fresh)], AM1_SENT,
            f"{AGGRESSIVE}; draft 4.4"),
        row("the peer's SA serves", NO_SA, P1_NEED, peers, [QM_WAITS], STAY, "RFC 2409 5.5: either party may start Quick Mode"),
        row("an SA is there", UP, P1_NEED, TRUE, [QM_WAITS], STAY, "RFC 2409 5.5"),
        ignored((MM1_SENT, MM3_SENT, MM5_SENT, AM1_SENT), P1_NEED, "RFC 2409 5: phase 1 is under way"),
    ]


def i_main_mode() -> list[Line]:
    """MM2, MM4 and MM6 arrive."""
    up: list[Action] = [*I_X.over(), start(I_LIFETIME)]
    new_sa = signal("informational", INFO_IC(cookie=BY_RECEIVER))
    contact: list[Action] = [set_(I_CONTACT, FIRST), i_put(MM5, contact=FIRST)]
    return [
        row("MM2: proposal chosen", MM1_SENT, P1_RCV(datagram=MM2), I_GOOD, [*I_X.sent(), i_put(MM3)], MM3_SENT, MAIN),
        row("MM4: keys agreed", MM3_SENT, P1_RCV(datagram=MM4), I_GOOD, [*I_X.sent(), *contact], MM5_SENT, f"{MAIN}; {IC}"),
        row("MM6: peer authenticated", MM5_SENT, P1_RCV(datagram=MM6, ic=False), I_GOOD, [*up, QM_WAITS], UP, MAIN),
        row("MM6: peer authenticated, INITIAL-CONTACT", MM5_SENT, P1_RCV(datagram=MM6, ic=True), I_GOOD, [*up, new_sa, QM_WAITS],
            UP, f"{MAIN}; {IC}"),
        row("MM6: AUTHENTICATION-FAILED", MM5_SENT, P1_RCV(datagram=MM6), I_BAD,
            [*I_X.over(), i_put(P1_REFUSED), NO_SA_FOR_QM], NO_SA, "RFC 2408 5.8, 5.11, 5.12: hash, signature or identity"),
        row("MM2 again: MM3 again", MM3_SENT, P1_RCV(datagram=MM2), I_GOOD, [i_put(MM3, again=True)], STAY, RETRY),
        row("MM4 again: MM5 again", MM5_SENT, P1_RCV(datagram=MM4), I_GOOD, [i_put(MM5, again=True, contact=I_CONTACT)], STAY,
            RETRY),
    ]


def i_aggressive_mode() -> list[Line]:
    """AM2 arrives. Nothing answers AM3, so a lost one is repaired by the responder's AM2."""
    return [
        row("AM2: peer authenticated", AM1_SENT, P1_RCV(datagram=AM2), I_GOOD,
            [*I_X.over(), start(I_LIFETIME), i_put(AM3), QM_WAITS], UP, AGGRESSIVE),
        row("AM2: AUTHENTICATION-FAILED", AM1_SENT, P1_RCV(datagram=AM2), I_BAD,
            [*I_X.over(), i_put(P1_REFUSED), NO_SA_FOR_QM], NO_SA, "RFC 2408 5.8, 5.11, 5.12: hash, signature or identity"),
        row("AM2 again: AM3 again", UP, P1_RCV(datagram=AM2), I_GOOD & (reading("p1_mode") == "aggressive"),
            [i_put(AM3, again=True)], STAY, RETRY),
    ]


def i_end() -> list[Line]:
    """Refusals, timers, deletion, and what is not expected."""
    waiting = {MM1_SENT: i_put(MM1, again=True), MM3_SENT: i_put(MM3, again=True),
               MM5_SENT: i_put(MM5, again=True, contact=I_CONTACT), AM1_SENT: i_put(AM1, again=True)}
    notified = "RFC 2408 5.14: what a Notification does is local policy; RFC 2409 5.7"
    gone: list[Action] = [*I_X.over(), stop(I_LIFETIME)]
    return [
        row("refused by the peer", tuple(waiting), P1_RCV(datagram=P1_REFUSED), I_GOOD, [*I_X.over(), NO_SA_FOR_QM], NO_SA,
            notified),
        row("refused by the peer after the end", UP, P1_RCV(datagram=P1_REFUSED), I_GOOD, gone, NO_SA, notified),
        *(row("retransmission", state, I_X.resend, I_X.silence, [*I_X.again(), message], STAY, RETRY)
          for state, message in waiting.items()),
        row("retry limit reached", tuple(waiting), I_X.give_up, I_X.exhausted, [*I_X.over(), NO_SA_FOR_QM], NO_SA, RETRY),
        row("expired", UP, I_EXPIRED, TRUE, [stop(I_LIFETIME), signal("informational", INFO_P1_EXPIRED(cookie=BY_SENDER))], NO_SA,
            "RFC 2407 4.5; RFC 2408 5.15"),
        row("deleted", (*waiting, UP), P1_DOWN, TRUE, gone, NO_SA, "RFC 2408 5.15"),
        ignored(NO_SA, P1_DOWN, "RFC 2408 5.15: nothing to delete"),
        ignored((*waiting, UP), P1_RCV, HEADER, guard=attempt != I_ATTEMPT, name="unknown cookies"),
        ignored(ANY, OTHER, HEADER, name="not expected"),
    ]


PHASE1_INITIATOR_TABLE = Table(
    "phase1-initiator", "Phase 1 as initiator (RFC 2409 5)", P1_INIT,
    (P1_NEED, P1_RCV, P1_DOWN, I_X.resend, I_X.give_up, I_EXPIRED, RESTART),
    (*i_begin(), *i_main_mode(), *i_aggressive_mode(), *i_end(),
     forgotten(P1_INIT, I_CONTACT, I_LIFETIME, *I_X.variables, source=REBOOT)), (I_ATTEMPT, I_CONTACT, I_LIFETIME, *I_X.variables),
)

# -- the SA the peer begins ---------------------------------------------------------------------------------------

R_NO_SA, MM2_SENT, MM4_SENT, AM2_SENT, R_UP = P1_RESP_STATE.consts()
R_CONTACT = Var("phase1-responder", "contact", BOOL, doc="MM6 carries INITIAL-CONTACT")
R_LIFETIME = Var("phase1-responder", "lifetime", BOOL, doc="the hard lifetime runs")
R_EXPIRED = Event("hard lifetime", who="lifetime", timer=R_LIFETIME, doc="RFC 2407 4.5, life duration")
R_X = Exchange("phase1-responder", sends=(MM2, MM4, MM6, AM2), receives=(MM1, MM3, MM5, AM1, AM3))
R_GOOD, R_BAD = (attempt == R_ATTEMPT) & good, (attempt == R_ATTEMPT) & ~good
# A wrong pre-shared key makes MM5 undecipherable (RFC 2409 5.4: SKEYID); a wrong identity or signature is seen as such.
LEGIBLE = Choice("legible", BOOL)


def r_put(message: Const, again: bool = False, contact: Value = False) -> Put:
    this = R_ATTEMPT if again else attempt
    return put(DATAGRAMS, resend=again, datagram=message, cookie=BY_RECEIVER, gen=G0, inc=this, ic=contact)


def r_begin() -> list[Line]:
    """MM1 or AM1 arrives."""
    other = "RFC 2408 2.5.3: other cookies, another SA"
    newer = (attempt != R_ATTEMPT) & good
    busy = (MM2_SENT, MM4_SENT, AM2_SENT, R_UP)
    new: list[Action] = [set_(R_ATTEMPT, attempt), *R_X.sent()]
    main: list[Action] = [*new, r_put(MM2)]
    aggressive: list[Action] = [*new, r_put(AM2)]
    forget = stop(R_LIFETIME)
    return [
        row("MM1: proposal chosen", R_NO_SA, P1_RCV(datagram=MM1), good, main, MM2_SENT, MAIN),
        row("AM1: proposal chosen", R_NO_SA, P1_RCV(datagram=AM1), good, aggressive, AM2_SENT, AGGRESSIVE),
        row("MM1 of a newer attempt", busy, P1_RCV(datagram=MM1), newer, [forget, *main], MM2_SENT, other),
        row("AM1 of a newer attempt", busy, P1_RCV(datagram=AM1), newer, [forget, *aggressive], AM2_SENT, other),
        row("NO-PROPOSAL-CHOSEN", ANY, P1_RCV(datagram=(MM1, AM1)), ~good, [r_put(P1_REFUSED)], STAY, "RFC 2408 5.4, 5.5"),
        row("MM1 again: MM2 again", MM2_SENT, P1_RCV(datagram=MM1), R_GOOD, [r_put(MM2, again=True)], STAY, RETRY),
        row("AM1 again: AM2 again", AM2_SENT, P1_RCV(datagram=AM1), R_GOOD, [r_put(AM2, again=True)], STAY, RETRY),
    ]


def r_main_mode() -> list[Line]:
    """MM3 and MM5 arrive."""
    up: list[Action] = [*R_X.over(), start(R_LIFETIME), set_(R_CONTACT, FIRST), r_put(MM6, contact=FIRST)]
    new_sa = signal("informational", INFO_IC(cookie=BY_SENDER))
    return [
        row("MM3: keys agreed", MM2_SENT, P1_RCV(datagram=MM3), R_GOOD, [*R_X.sent(), r_put(MM4)], MM4_SENT, f"{MAIN}; draft 4.2"),
        row("MM3 again: MM4 again", MM4_SENT, P1_RCV(datagram=MM3), R_GOOD, [r_put(MM4, again=True)], STAY, RETRY),
        row("MM5: peer authenticated", MM4_SENT, P1_RCV(datagram=MM5, ic=False), R_GOOD, [*up, QM_WAITS], R_UP, f"{MAIN}; {IC}"),
        row("MM5: peer authenticated, INITIAL-CONTACT", MM4_SENT, P1_RCV(datagram=MM5, ic=True), R_GOOD, [*up, new_sa, QM_WAITS],
            R_UP, f"{MAIN}; {IC}"),
        ignored(MM4_SENT, P1_RCV(datagram=MM5), "RFC 2409 5.4: another key makes another SKEYID; RFC 2408 5.2, 5.3",
                guard=R_BAD & ~LEGIBLE, name="MM5: undecipherable"),
        row("MM5: AUTHENTICATION-FAILED", MM4_SENT, P1_RCV(datagram=MM5), R_BAD & LEGIBLE, [*R_X.over(), r_put(P1_REFUSED)],
            R_NO_SA, "RFC 2408 5.8, 5.11, 5.12: hash, signature or identity"),
        row("MM5 again: MM6 again", R_UP, P1_RCV(datagram=MM5), R_GOOD, [r_put(MM6, again=True, contact=R_CONTACT)], STAY, RETRY),
    ]


def r_aggressive_mode() -> list[Line]:
    """AM3 arrives."""
    return [
        row("AM3: peer authenticated", AM2_SENT, P1_RCV(datagram=AM3), R_GOOD, [*R_X.over(), start(R_LIFETIME), QM_WAITS], R_UP,
            AGGRESSIVE),
        row("AM3: AUTHENTICATION-FAILED", AM2_SENT, P1_RCV(datagram=AM3), R_BAD, [*R_X.over(), r_put(P1_REFUSED)], R_NO_SA,
            "RFC 2408 5.8, 5.11, 5.12: hash or signature"),
    ]


def r_end() -> list[Line]:
    """Refusals, timers, deletion, and what is not expected."""
    waiting = {MM2_SENT: r_put(MM2, again=True), MM4_SENT: r_put(MM4, again=True), AM2_SENT: r_put(AM2, again=True)}
    gone: Sequence[Action] = [*R_X.over(), stop(R_LIFETIME)]
    return [
        row("refused by the peer", (*waiting, R_UP), P1_RCV(datagram=P1_REFUSED), R_GOOD, gone, R_NO_SA,
            "RFC 2408 5.14: what a Notification does is local policy; RFC 2409 5.7"),
        *(row("retransmission", state, R_X.resend, R_X.silence, [*R_X.again(), message], STAY, RETRY)
          for state, message in waiting.items()),
        row("retry limit reached", tuple(waiting), R_X.give_up, R_X.exhausted, R_X.over(), R_NO_SA, RETRY),
        row("expired", R_UP, R_EXPIRED, TRUE, [stop(R_LIFETIME), signal("informational", INFO_P1_EXPIRED(cookie=BY_RECEIVER))],
            R_NO_SA, "RFC 2407 4.5; RFC 2408 5.15"),
        row("deleted", (*waiting, R_UP), P1_DOWN, TRUE, gone, R_NO_SA, "RFC 2408 5.15"),
        ignored(R_NO_SA, P1_DOWN, "RFC 2408 5.15: nothing to delete"),
        ignored((*waiting, R_UP), P1_RCV(datagram=(MM3, MM5, AM3, P1_REFUSED)), HEADER, guard=attempt != R_ATTEMPT,
                name="unknown cookies"),
        ignored(ANY, OTHER, HEADER, name="not expected"),
    ]


PHASE1_RESPONDER_TABLE = Table(
    "phase1-responder", "Phase 1 as responder (RFC 2409 5)", P1_RESP, (P1_RCV, P1_DOWN, R_X.resend, R_X.give_up, R_EXPIRED, RESTART),
    (*r_begin(), *r_main_mode(), *r_aggressive_mode(), *r_end(),
     forgotten(P1_RESP, R_CONTACT, R_LIFETIME, *R_X.variables, source=REBOOT)), (R_ATTEMPT, R_CONTACT, R_LIFETIME, *R_X.variables),
)
