"""RFC 2409 5, RFC 2408 3.1, 4.3 - 4.8, 5 and RFC 2407 4.6.3, read once more: phase 1, Quick Mode and the Delete.

`good` stands for what a receiver verifies. `attempt` is the pair of cookies of an exchange, `cookie` the phase 1 SA a message is
protected by, told by who began it as its sender sees it, and `under` that SA's pair of cookies; `gen` is the SA pair a Quick Mode
or a Delete is about.

Done, in order towards each table: ("send", message, fields that have not their first value), and ("tell", table, what, ...).
"""

from __future__ import annotations

from typing import Any

from tests.second_reading import Course

USUAL = {"cookie": "sender", "under": "0", "gen": "g0", "inc": "0", "good": True, "exact": True, "ic": False, "forged": False, "why": "-"}


def send(course: Course, datagram: str, **fields: Any) -> Course:
    return course.do("send", datagram, *sorted((name, value) for name, value in fields.items() if value != USUAL[name]))


def tell(course: Course, table: str, what: str, *values: Any) -> Course:
    return course.do(f"tell {table}", what, *values)


def wait(course: Course) -> Course:
    """RFC 2408 5.1: who transmits sets a timer and a retry counter."""
    return course.set(retransmission=True, retry_limit=True, tried=False)


def idle(course: Course) -> Course:
    return course.set(retransmission=False, retry_limit=False, tried=False)


# -- phase 1 ------------------------------------------------------------------------------------------------------

INITIATOR = {"MM1-SENT": "MM1", "MM3-SENT": "MM3", "MM5-SENT": "MM5", "AM1-SENT": "AM1"}
RESPONDER = {"MM2-SENT": "MM2", "MM4-SENT": "MM4", "AM2-SENT": "AM2"}


def phase1_invariant(state: str, own: Any) -> bool:
    """RFC 2408 5.1: timer and counter belong to an exchange under way; the lifetime is that of an SA."""
    if state in ("none", "UP"):
        return own.lifetime == (state == "UP") and not (own.retransmission or own.retry_limit or own.tried)
    return own.retransmission and own.retry_limit and not own.lifetime


def phase1_initiator(state: str, event: str, arg: Any, own: Any) -> Course | None:
    """RFC 2409 5.1, 5.4: main and aggressive mode of who begins."""
    course = Course(state)
    match event:
        case "need phase 1":
            return phase1_needed(course, own)
        case "rcv":
            return course if arg.attempt != own.attempt else initiator_receives(course, arg, own)  # RFC 2408 5.2: discarded
        case "phase 1 deleted":
            return gone(course)
        case "restart":  # nothing is left, but the cookies of the next attempt are other ones
            return gone(course).set(contact=False)
        case "hard lifetime":
            return tell(gone(course), "informational", "phase 1 expired", "sender") if state == "UP" else None
        case _ if state not in INITIATOR or own.on_its_way_out or own.on_its_way_in:
            return None  # the timer is longer than a round trip
        case "retransmission":
            contact = state == "MM5-SENT" and own.contact
            return send(course, INITIATOR[state], inc=own.attempt, ic=contact).set(tried=True)
        case _:  # RFC 2408 5.1, step 4
            return tell(gone(course), "quick-initiator", "phase 1 failed") if own.tried else None


def gone(course: Course) -> Course:
    return idle(course).enter("none").set(lifetime=False)


def first_sa(own: Any, other: str) -> bool:
    """RFC 2407 4.6.3.3: "the first SA being established with the remote system", whoever uses the others."""
    if (own.other_sessions or own.foreign) and not own.others_lost:
        return False
    return other != "UP" and own.out_g0 == "none" and own.out_g1 == "none" and own.out_g2 == "none"


def phase1_needed(course: Course, own: Any) -> Course:
    if course.next == "UP" or (course.next == "none" and own.responder == "UP"):
        return tell(course, "quick-initiator", "phase 1 up")
    if course.next != "none":
        return course
    new = "1" if own.attempt == "0" else "0"  # RFC 2408 2.5.3: cookies are unique
    first = {"main": "MM1", "aggressive": "AM1"}[own.p1_mode]
    send(course, first, inc=new)
    return wait(course).enter(f"{first}-SENT").set(attempt=new)


def initiator_receives(course: Course, arg: Any, own: Any) -> Course:
    match course.next, arg.datagram:
        case "MM1-SENT", "MM2" if arg.good:
            return wait(send(course, "MM3", inc=own.attempt)).enter("MM3-SENT")
        case "MM3-SENT", "MM4" if arg.good:
            contact = own.ic == "on" and first_sa(own, own.responder)
            return wait(send(course, "MM5", inc=own.attempt, ic=contact)).enter("MM5-SENT").set(contact=contact)
        case "MM5-SENT", "MM6" if arg.good:
            if arg.ic:
                tell(course, "informational", "INITIAL-CONTACT", "receiver")
            return initiator_up(course)
        case "AM1-SENT", "AM2" if arg.good:
            return initiator_up(send(course, "AM3", inc=own.attempt))
        # The answer once more: what was sent last was lost. RFC 2408 is silent; each end repeats it.
        case "MM3-SENT", "MM2" if arg.good:
            return send(course, "MM3", inc=own.attempt)
        case "MM5-SENT", "MM4" if arg.good:
            return send(course, "MM5", inc=own.attempt, ic=own.contact)
        case "UP", "AM2" if arg.good and own.p1_mode == "aggressive":
            return send(course, "AM3", inc=own.attempt)
        # RFC 2408 4.5, 4.7: "local security policy dictates the action if an error occurs during these messages".
        case ("MM5-SENT", "MM6") | ("AM1-SENT", "AM2"):
            send(gone(course), "P1-REFUSED", inc=own.attempt)
            return tell(course, "quick-initiator", "phase 1 failed")
        # RFC 2408 5.14: a notification is processed "according to local security policy"; here a good one is believed.
        case "UP", "P1-REFUSED" if arg.good:
            return gone(course)
        case ("MM1-SENT" | "MM3-SENT" | "MM5-SENT" | "AM1-SENT"), "P1-REFUSED" if arg.good:
            return tell(gone(course), "quick-initiator", "phase 1 failed")
        case _:  # RFC 2408 5.4 - 5.12: what fails a check is discarded; 5.2: so is what is not of this exchange
            return course


def initiator_up(course: Course) -> Course:
    return tell(idle(course).enter("UP").set(lifetime=True), "quick-initiator", "phase 1 up")


def phase1_responder(state: str, event: str, arg: Any, own: Any) -> Course | None:
    """The same, of who answers."""
    course = Course(state)
    match event:
        case "rcv":
            return responder_receives(course, arg, own)
        case "phase 1 deleted":
            return gone(course)
        case "restart":
            return gone(course).set(contact=False)
        case "hard lifetime":
            return tell(gone(course), "informational", "phase 1 expired", "receiver") if state == "UP" else None
        case _ if state not in RESPONDER or own.on_its_way_out or own.on_its_way_in:
            return None
        case "retransmission":
            return answer(course, RESPONDER[state], own.attempt).set(tried=True)
        case _:
            return gone(course) if own.tried else None


def answer(course: Course, datagram: str, attempt: str, ic: bool = False) -> Course:
    """A message of the SA that its receiver began."""
    return send(course, datagram, cookie="receiver", inc=attempt, ic=ic)


def responder_receives(course: Course, arg: Any, own: Any) -> Course:
    new = arg.attempt != own.attempt or course.next == "none"
    match course.next, arg.datagram:
        case _, ("MM1" | "AM1") if not arg.good:  # NO-PROPOSAL-CHOSEN; nothing that exists is touched
            return answer(course, "P1-REFUSED", arg.attempt)
        case _, ("MM1" | "AM1") if new:  # one SA a role: the newer exchange takes the older one's place
            first = {"MM1": "MM2", "AM1": "AM2"}[arg.datagram]
            return wait(answer(gone(course), first, arg.attempt)).enter(f"{first}-SENT").set(attempt=arg.attempt)
        case ("MM2-SENT", "MM1") | ("AM2-SENT", "AM1"):
            return answer(course, RESPONDER[course.next], own.attempt)
        case _ if arg.attempt != own.attempt or (not arg.good and arg.datagram not in ("MM5", "AM3")):
            return course
        case "MM2-SENT", "MM3":
            return wait(answer(course, "MM4", own.attempt)).enter("MM4-SENT")
        case "MM4-SENT", "MM3":
            return answer(course, "MM4", own.attempt)
        case "MM4-SENT", "MM5" if arg.good:
            if arg.ic:
                tell(course, "informational", "INITIAL-CONTACT", "sender")
            contact = own.ic == "on" and first_sa(own, own.initiator)
            return responder_up(answer(course, "MM6", own.attempt, contact).set(contact=contact))
        case "MM4-SENT", "MM5" if not own.legible:  # RFC 2409 5.4: another pre-shared key, and nothing can be read
            return course
        case "AM2-SENT", "AM3" if arg.good:
            return responder_up(course)
        case ("MM4-SENT", "MM5") | ("AM2-SENT", "AM3"):
            return answer(gone(course), "P1-REFUSED", own.attempt)
        case "UP", "MM5" if arg.good:  # the MM6 was lost
            return answer(course, "MM6", own.attempt, own.contact)
        case ("MM2-SENT" | "MM4-SENT" | "AM2-SENT" | "UP"), "P1-REFUSED":
            return gone(course)
        case _:
            return course


def responder_up(course: Course) -> Course:
    return tell(idle(course).enter("UP").set(lifetime=True), "quick-initiator", "phase 1 up")


# -- Quick Mode ---------------------------------------------------------------------------------------------------


def deciphered(arg: Any, own: Any) -> bool:
    """RFC 2409 5.5, 5.7: HDR*. Without the phase 1 SA a message belongs to, it is noise; a later SA has other keys and cookies."""
    if arg.cookie == "sender":
        return own.responder == "UP" and arg.under == own.answered
    return own.initiator == "UP" and arg.under == own.attempted


def other_end(cookie: str) -> str:
    """The same phase 1 SA, as the answer names it."""
    return "receiver" if cookie == "sender" else "sender"


def quick_initiator(state: str, event: str, arg: Any, own: Any) -> Course | None:
    """RFC 2409 5.5 of who begins, from QM1 on: what arrives and what times out."""
    course = Course(state)
    match event:
        case "rcv":
            if not deciphered(arg, own):
                return course
            return quick_initiator_receives(course, arg, own)
        case "retransmission" if state in ("QM1-SENT", "QM3-SENT"):
            return again(course, state.removesuffix("-SENT"), own).set(tried=True)
        case "retry limit reached" if state in ("QM1-SENT", "QM3-SENT"):
            if not own.tried or own.on_its_way_out or own.on_its_way_in:  # the counter outlasts what is under way
                return None
            return quick_failed(course, own)
        case _:
            return None


def again(course: Course, datagram: str, own: Any) -> Course:
    return send(course, datagram, cookie=own.cookie, under=own.under, gen=own.gen, inc=own.inc, exact=own.qm_port == "exact")


def quick_failed(course: Course, own: Any) -> Course:
    """RFC 2408 5.1, step 4: all state of the exchange goes."""
    tell(course, "ipsec", "drop-larval", own.gen)
    return tell(idle(course).enter("IDLE"), "binding", "phase 2 failed")


def quick_initiator_receives(course: Course, arg: Any, own: Any) -> Course:
    # The message ID of an ISAKMP SA names the Quick Mode (5.5); here, what it negotiates.
    ours = arg.gen == own.gen and arg.inc == own.inc
    match course.next, arg.datagram:
        case "QM1-SENT", "QM2" if ours and arg.good:
            again(course, "QM3", own)
            if own.commit == "on":  # RFC 2408 3.1: MUST wait for CONNECTED; what arrives can be read
                tell(course, "ipsec", "install-in", own.gen, own.inc, own.qm_port == "exact")
                return wait(course).enter("QM3-SENT")
            return installed(course, own)
        case "QM1-SENT", "QM-REFUSED" if ours and arg.good:  # protected, so it is the peer's
            return quick_failed(course, own)
        case "QM3-SENT", "QM2" if ours and arg.good:  # the QM3 was lost
            return again(course, "QM3", own)
        case "QM3-SENT", "CONNECTED" if ours and arg.good:
            return installed(course, own)
        case _, "QM2" if arg.good and getattr(own, f"out_{arg.gen}") != "none":  # likewise, afterwards
            return send(course, "QM3", cookie=other_end(arg.cookie), under=arg.under, gen=arg.gen, inc=arg.inc, exact=arg.exact)
        case _:
            return course


def installed(course: Course, own: Any) -> Course:
    tell(course, "ipsec", "install", own.gen, own.inc, own.qm_port == "exact")
    return tell(idle(course).enter("IDLE"), "binding", "phase 2 up", own.gen)


def quick_responder(state: str, event: str, arg: Any, own: Any) -> Course | None:
    """The same, of who answers."""
    course = Course(state)
    match event:
        case "rcv":
            return quick_responder_receives(course, arg, own) if deciphered(arg, own) else course
        case "retransmission" if state == "QM2-SENT":
            exact = getattr(own, f"for_{own.gen}") != "any"
            return send(course, "QM2", cookie=own.cookie, under=own.under, gen=own.gen, inc=own.inc, exact=exact).set(tried=True)
        case "retry limit reached" if state == "QM2-SENT":
            if not own.tried or own.on_its_way_out or own.on_its_way_in:
                return None
            return tell(idle(course).enter("IDLE"), "ipsec", "drop-larval", own.gen)
        case _:
            return None


def quick_invariant(state: str, own: Any) -> bool:
    """RFC 2408 5.1, as in phase 1. Whose connection still exists is no question of these RFCs: `dead_qm` stays as it is."""
    under_way = state not in ("IDLE", "WAIT-P1")
    return own.retransmission == own.retry_limit == under_way and (under_way or not own.tried) and own.dead_qm == "complete"


def quick_responder_receives(course: Course, arg: Any, own: Any) -> Course:
    ours = arg.gen == own.gen and arg.inc == own.inc
    match course.next, arg.datagram:
        case _, "QM1" if not arg.good:  # RFC 2409 5.5, RFC 2408 5.4: nothing of it is acceptable, whatever else goes on
            return quick_answer(course, "QM-REFUSED", arg)
        case "IDLE", "QM1":
            return first_quick_message(course, arg, own)
        case "QM2-SENT", "QM1" if ours and arg.good:  # the QM2 was lost
            return quick_answer(course, "QM2", arg)
        case "QM2-SENT", "QM3" if ours and arg.good:
            if own.commit == "on":
                quick_answer(course, "CONNECTED", arg)
            tell(course, "ipsec", "install", own.gen, own.inc, getattr(own, f"for_{own.gen}") != "any")
            return tell(idle(course).enter("IDLE"), "binding", "phase 2 up", own.gen)
        case _, "QM3" if arg.good and own.commit == "on" and getattr(own, f"out_{arg.gen}") != "none":
            return quick_answer(course, "CONNECTED", arg)  # it was lost
        case _:
            return course


def quick_answer(course: Course, datagram: str, arg: Any) -> Course:
    """Under the phase 1 SA of what it answers."""
    return send(course, datagram, cookie=other_end(arg.cookie), under=arg.under, gen=arg.gen, inc=arg.inc, exact=arg.exact)


def first_quick_message(course: Course, arg: Any, own: Any) -> Course:
    # RFC 2409 5.5, 5.7: a message ID is used once, and SPIs are new; here a generation's name stands for both.
    if getattr(own, f"seen_{arg.gen}") or getattr(own, f"in_{arg.gen}") != "none" or getattr(own, f"out_{arg.gen}") != "none":
        return course
    if own.qm_port == "exact" and not arg.exact:  # RFC 2409 5.5: INVALID-ID-INFORMATION SHOULD be sent
        return quick_answer(course, "QM-REFUSED", arg)
    what = "install-in" if own.preinstall == "on" else "getspi"
    tell(quick_answer(course, "QM2", arg), "ipsec", what, arg.gen, arg.inc, arg.exact)
    wait(course).enter("QM2-SENT").set(gen=arg.gen, inc=arg.inc, cookie=other_end(arg.cookie), under=arg.under)
    return course.set(**{f"seen_{arg.gen}": True})


# -- Informational exchanges --------------------------------------------------------------------------------------


def informational(state: str, event: str, arg: Any, own: Any) -> Course:
    """RFC 2408 3.15, 5.15, RFC 2409 5.7, RFC 2407 4.6.3.3: Deletes sent and received, INITIAL-CONTACT, and what becomes of the
    children of a phase 1 SA that the peer deleted."""
    course = Course(state)
    match event, arg:
        case "SA deleted", _:
            return peer_told(course, arg, own)
        case "INITIAL-CONTACT", _:
            return others_deleted(course, arg, own)
        case "Delete of another peer", _:
            return same_spi_deleted(course, arg.gen, own)
        case "child deleted by peer", _:
            return child_gone(course, arg.gen, own)
        case "rcv", _ if arg.datagram == "DEL" and accepted(arg, own):
            return spi_deleted(course, arg.gen, own)
        case "rcv", _ if arg.datagram == "DEL-P1" and accepted(arg, own):
            return cookies_deleted(course, arg, own)
        case _:
            return course


def peer_told(course: Course, arg: Any, own: Any) -> Course:
    """A Delete MUST be sent under an ISAKMP SA. Without one there is no telling; of two, the one this end began is taken."""
    if own.initiator == "UP":
        return send(course, "DEL", cookie="sender", under=own.attempted, gen=arg.gen, why=arg.why)
    if own.responder == "UP":
        return send(course, "DEL", cookie="receiver", under=own.answered, gen=arg.gen, why=arg.why)
    return course


def others_deleted(course: Course, arg: Any, own: Any) -> Course:
    """The receiver "might then elect to delete any existing SA's it has": all but the SA that said it, begun by `cookie`."""
    if own.contact == "abort" and own.tcp not in ("CLOSED", "LISTEN"):  # not the RFC's: the peer has lost the connection with its SAs
        tell(course, "tcp", "ABORT")
    tell(course, "phase1-initiator" if arg.cookie == "sender" else "phase1-responder", "phase 1 deleted")
    return children_deleted(course)


def children_deleted(course: Course) -> Course:
    """Each phase 2 SA with this peer, and the pair that serves others."""
    for gen in ("g0", "g1", "g2"):
        tell(course, "informational", "child deleted by peer", gen)
    return tell(course, "ipsec", "remove others'", True)


def accepted(arg: Any, own: Any) -> bool:
    """A Delete MUST be protected by an ISAKMP SA; the naive believe one that is not."""
    return own.naive == "on" if arg.forged else deciphered(arg, own)


def spi_deleted(course: Course, gen: str, own: Any) -> Course:
    """The Delete names the SPI on which its sender received: our outbound half."""
    known = getattr(own, f"out_{gen}") != "none"
    if known and (own.peer_del == "apply" or own.tcp in ("CLOSED", "LISTEN")):  # "SHOULD clean up its local SA database"
        tell(course, "ipsec", "remove" if own.del_pair == "both" else "remove-out", gen)
    return tell(course, "binding", "SA deleted by peer", gen, known)  # draft 3.4; RFC 2408 5.15 logs an SPI that is not there


def same_spi_deleted(course: Course, gen: str, own: Any) -> Course:
    """Draft 3.1: an SA is <ESP, destination address, SPI>, and several peers may have that address. RFC 2408 2.4: the SPIs of one
    ISAKMP SA are that SA's."""
    found = own.spi_scope == "address" and getattr(own, f"out_{gen}") != "none"
    return spi_deleted(course, gen, own) if found else course


def cookies_deleted(course: Course, arg: Any, own: Any) -> Course:
    """The phase 1 SA goes. RFC 2409 8 lets its children live; where they do not, they go with the last one."""
    here, other = ("responder", own.initiator) if arg.cookie == "sender" else ("initiator", own.responder)
    tell(course, f"phase1-{here}", "phase 1 deleted")
    return children_deleted(course) if own.p1_cascade == "continuous" and other != "UP" else course


def child_gone(course: Course, gen: str, own: Any) -> Course:
    if getattr(own, f"in_{gen}") in ("none", "larval") and getattr(own, f"out_{gen}") == "none":  # no SA, or none yet
        return course
    if own.peer_del == "apply" or own.tcp in ("CLOSED", "LISTEN"):  # as with a Delete of its own
        tell(course, "ipsec", "remove", gen)
    return tell(course, "binding", "SA deleted by peer", gen, True)
