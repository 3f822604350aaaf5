"""IKE informational exchanges: Delete, INITIAL-CONTACT and the end of a phase 1 SA (RFC 2409 5.7, RFC 2408 3.15, 5.15).

A Delete is one datagram, protected by a phase 1 SA, never acknowledged, never sent again; it names the SPIs on which its
sender received. The step that decides to delete removes the SA. What the receiver does with the other half of the pair is
open (reading `del_pair`), and so is whether phase 2 SAs live without a phase 1 SA (reading `p1_cascade`):

    continuous   the phase 2 SAs with a peer go with the last phase 1 SA this end has with it
    dangling     they stay (RFC 2409 8 deletes the ISAKMP SA on purpose)

NOTE: one parent. Phase 2 SAs are not told apart by the phase 1 SA they were made under; while one of two phase 1 SAs is left,
they are its children.
NOTE: an expired or deleted phase 1 SA protects nothing more, so its children cannot be announced under it. `del_order`
decides whether a child's Delete goes out before. With `p2_first` the Delete names the first child that exists; a phase 1
deletion with two SAs up and a child therefore puts three datagrams on the wire.
NOTE: INITIAL-CONTACT removes the other phase 1 SA of the peer even if its exchange is still under way, as "any existing SAs"
(RFC 2407 4.6.3.3) is read in F-27.
"""

from __future__ import annotations

from model.action import Action, Event, Put, Signal, put, signal
from model.channels import DATAGRAMS
from model.expr import TRUE, Const, Expr, Sort, Var, ite
from model.ike_exchange import DECIPHERED, HEADER, OWN_FIRST, OWN_FIRST_UNDER
from model.readings import reading
from model.signals import (
    ANY_SA,
    BIND_SA_DELETED,
    BY_RECEIVER,
    BY_SENDER,
    CLOSED,
    DEL,
    DEL_P1,
    G0,
    G1,
    G2,
    I_ATTEMPT,
    IKE_DELETE,
    IKE_DELETE_P1,
    IKE_TELL,
    INFO_IC,
    INFO_OTHER_PEER,
    INFO_P1_EXPIRED,
    INFO_RCV,
    LISTEN,
    P1_DOWN,
    P1_INIT,
    P1_RESP,
    P1_USABLE,
    R_ATTEMPT,
    SA_DELETE,
    SA_IN,
    SA_OUT,
    SA_REMOVE,
    SA_REMOVE_OTHERS,
    SA_REMOVE_OUT,
    SESSION_GONE,
    TCP,
    TCP_ABORT,
    cookie,
    forged,
    gen,
    sa_present,
    why,
)
from model.table import OTHER, STAY, Line, Table, ignored, row

DELETE = "RFC 2408 3.15, 5.15; RFC 2409 5.7"
DANGLING = "RFC 2409 8: the protocol SA outlives the ISAKMP SA"
CONTINUOUS = "draft 3.3 l.513-516; RFC 2408 5.15"
ALWAYS = Sort("Informational", ("READY",))
(READY,) = ALWAYS.consts()
STATE = Var("informational", "state", ALWAYS, doc="an informational exchange is one message: there is no state between two")

# Within one step, after what was asked before it: two Deletes of the same SA are one.
PHASE1_GOES = Event("phase 1 goes", doc="informational: now the phase 1 SAs themselves")
CHILD_GOES = Event("child goes", gen, doc="informational: a phase 2 SA goes with its phase 1 SA")
CHILD_DELETED = Event("child deleted by peer", gen, doc="informational: so it does by the peer's doing, which BGP is told")

KEEPS_CHILDREN = reading("p1_cascade") == "dangling"
OWN, PEERS = P1_INIT == "UP", P1_RESP == "UP"
INIT_DOWN, RESP_DOWN = signal("phase1-initiator", P1_DOWN), signal("phase1-responder", P1_DOWN)


def present(generation: Expr) -> Expr:
    """Either half of the generation is usable."""
    return (SA_OUT[generation] != "none") | SA_IN[generation].among("mature", "dying")


def children(event: Event) -> list[Signal]:
    """For each generation, and for the SA pair of others, in the same step."""
    return [*(signal("informational", event(gen=g)) for g in (G0, G1, G2)),
            signal("ipsec", SA_REMOVE_OTHERS(by_peer=event is CHILD_DELETED))]


def own_deletions() -> list[Line]:
    """This end deletes an SA, or its phase 1 SAs."""
    remove = signal("ipsec", SA_REMOVE(gen=gen))
    tell = put(DATAGRAMS, datagram=DEL, gen=gen, inc=0, cookie=OWN_FIRST, under=OWN_FIRST_UNDER, why=why)
    return [
        row("SA to be deleted", READY, IKE_DELETE, TRUE, [signal("ipsec", SA_DELETE(gen=gen, why=why))], STAY, "draft 3.3 l.515-516"),
        row("SA deleted: Delete", READY, IKE_TELL, P1_USABLE, [tell], STAY, DELETE),
        ignored(READY, IKE_TELL, "RFC 2409 5.7: no ISAKMP SA to protect a Delete", guard=~P1_USABLE, name="SA deleted: nobody to tell"),
        row("phase 1 to be deleted", READY, IKE_DELETE_P1, P1_USABLE, [signal("informational", PHASE1_GOES)], STAY,
            "draft 3.3 l.509-516, 3.4 l.552-556"),
        ignored(READY, IKE_DELETE_P1, "RFC 2408 5.15: nothing to delete", guard=~P1_USABLE),
        *phase1_deletions(),
        row("child removed", READY, CHILD_GOES, present(gen), [remove], STAY, CONTINUOUS),
        ignored(READY, CHILD_GOES, CONTINUOUS, guard=~present(gen)),
    ]


def phase1_deletions() -> list[Line]:
    """One DEL-P1 for each phase 1 SA, protected by itself; before it, if so read, a child's Delete."""
    def announce(named: Const) -> Put:
        attempt = I_ATTEMPT if named is BY_SENDER else R_ATTEMPT
        return put(DATAGRAMS, datagram=DEL_P1, gen=G0, inc=0, cookie=named, under=attempt, why=SESSION_GONE)

    first = ite(sa_present(G0), G0, ite(sa_present(G1), G1, G2))
    child = put(DATAGRAMS, datagram=DEL, gen=first, inc=0, cookie=OWN_FIRST, under=OWN_FIRST_UNDER, why=SESSION_GONE)
    announced = (reading("del_order") == "p2_first") & ANY_SA
    lines = []
    which: list[tuple[str, Expr, list[Action]]] = [
        ("own", OWN & ~PEERS, [announce(BY_SENDER), INIT_DOWN]),
        ("peer's", ~OWN & PEERS, [announce(BY_RECEIVER), RESP_DOWN]),
        ("both", OWN & PEERS, [announce(BY_SENDER), announce(BY_RECEIVER), INIT_DOWN, RESP_DOWN]),
    ]
    for name, up, gone in which:
        lines += [
            row(f"{name} phase 1 deleted, children stay", READY, PHASE1_GOES, up & KEEPS_CHILDREN, gone, STAY, DANGLING),
            row(f"{name} phase 1 deleted, children unannounced", READY, PHASE1_GOES, up & ~KEEPS_CHILDREN & ~announced,
                [*gone, *children(CHILD_GOES)], STAY, f"{CONTINUOUS}; 3.4 l.555-556: phase 1 first"),
            row(f"{name} phase 1 deleted, child announced first", READY, PHASE1_GOES, up & ~KEEPS_CHILDREN & announced,
                [child, *gone, *children(CHILD_GOES)], STAY, f"{CONTINUOUS}; the other order, F-23"),
        ]
    return [*lines, ignored(READY, PHASE1_GOES, "RFC 2408 5.15: nothing to delete", guard=~P1_USABLE)]


def delete_arrives() -> list[Line]:
    """The peer's Delete. It is advisory (RFC 2408 3.15): what to do with it is the receiver's business."""
    naive = reading("naive") == "on"
    believed = (~forged & DECIPHERED) | (forged & naive)
    sa, known = INFO_RCV(datagram=DEL), SA_OUT[gen] != "none"
    p1 = INFO_RCV(datagram=DEL_P1)
    later = (reading("peer_del") == "defer") & ~TCP.among(CLOSED, LISTEN)
    pair = reading("del_pair") == "both"
    tell = signal("binding", BIND_SA_DELETED(gen=gen, installed=True))
    held = f"{CONTINUOUS}; RFC 2408 3.15: advisory; findings' rule R-b"
    remove = signal("ipsec", SA_REMOVE(gen=gen))
    unknown = signal("binding", BIND_SA_DELETED(gen=gen, installed=False))
    pairs: list[tuple[str, Const, Expr, Signal]] = [
        ("the peer's", BY_SENDER, ~OWN, RESP_DOWN), ("own", BY_RECEIVER, ~PEERS, INIT_DOWN),
    ]
    lines = []
    for name, named, last, down in pairs:
        this = believed & (cookie == named)
        lines += [
            row(f"{name} phase 1 SA deleted by peer, children stay", READY, p1, this & (KEEPS_CHILDREN | ~last), [down], STAY,
                f"{DELETE}; {DANGLING}"),
            row(f"{name} phase 1 SA deleted by peer, with children", READY, p1, this & ~KEEPS_CHILDREN & last,
                [down, *children(CHILD_DELETED)], STAY, f"{DELETE}; {CONTINUOUS}"),
        ]
    return [
        ignored(READY, INFO_RCV, "RFC 2409 5.7; RFC 2408 4.8", guard=forged & ~naive, name="unprotected"),
        ignored(READY, INFO_RCV, "RFC 2408 5.2: unknown cookies", guard=~forged & ~DECIPHERED,
                name="no phase 1 SA: undecipherable"),
        row("Delete: pair removed", READY, sa, believed & known & ~later & pair, [remove, tell], STAY, DELETE),
        row("Delete: outbound half removed", READY, sa, believed & known & ~later & ~pair,
            [signal("ipsec", SA_REMOVE_OUT(gen=gen)), tell], STAY, f"{DELETE}; draft 3.1 l.382-383 (F-29)"),
        row("Delete: deferred", READY, sa, believed & known & later, [tell], STAY, f"{DELETE}: advisory; findings' rule R-b"),
        *other_peers_delete(tell, pair, later),
        row("Delete: unknown SPI", READY, sa, believed & ~known, [unknown], STAY, f"{DELETE}; draft 3.4 l.538-541"),
        *lines,
        row("child removed by peer", READY, CHILD_DELETED, present(gen) & ~later, [remove, tell], STAY, f"{CONTINUOUS}; 3.4 l.538-541"),
        row("child of peer's deletion deferred", READY, CHILD_DELETED, present(gen) & later, [tell], STAY, held),
        ignored(READY, CHILD_DELETED, CONTINUOUS, guard=~present(gen)),
        ignored(READY, OTHER, HEADER, name="not a Delete"),
    ]


def other_peers_delete(tell: Signal, pair: Expr, later: Expr) -> list[Line]:
    """Another peer at the same address deletes an SA with the same SPI, under its own phase 1 SA."""
    found, s = (SA_OUT[gen] != "none") & (reading("spi_scope") == "address"), "draft 3.1 l.384-391 (F-30)"
    return [
        row("another peer's Delete: pair removed", READY, INFO_OTHER_PEER, found & ~later & pair,
            [signal("ipsec", SA_REMOVE(gen=gen)), tell], STAY, s),
        row("another peer's Delete: outbound half removed", READY, INFO_OTHER_PEER, found & ~later & ~pair,
            [signal("ipsec", SA_REMOVE_OUT(gen=gen)), tell], STAY, f"{s}; 3.1 l.382-383 (F-29)"),
        row("another peer's Delete: deferred", READY, INFO_OTHER_PEER, found & later, [tell], STAY, f"{s}; findings' rule R-b"),
        ignored(READY, INFO_OTHER_PEER, "RFC 2408 3.15: the SPIs of the phase 1 SA it came under", guard=~found,
                name="another peer's Delete: no SA of its"),
    ]


def phase1_events() -> list[Line]:
    """INITIAL-CONTACT, and the hard lifetime of a phase 1 SA; its own table has left the UP state already."""
    contact = "RFC 2407 4.6.3.3: the receiver may elect to delete any existing SAs; draft 3.4 l.538-541"
    told = children(CHILD_DELETED)
    abort, rule = (reading("contact") == "abort") & ~TCP.among(CLOSED, LISTEN), f"{contact}; not in the draft: the connection goes first"
    end = signal("tcp", TCP_ABORT)
    which = (("the peer's", BY_SENDER, INIT_DOWN), ("the own", BY_RECEIVER, RESP_DOWN))
    return [
        *(row(f"INITIAL-CONTACT with {whose} SA", READY, INFO_IC(cookie=by), ~abort, [down, *told], STAY, contact)
          for whose, by, down in which),
        *(row(f"INITIAL-CONTACT with {whose} SA: abort the connection first", READY, INFO_IC(cookie=by), abort, [end, down, *told],
              STAY, rule) for whose, by, down in which),
        row("last phase 1 SA expired: children go", READY, INFO_P1_EXPIRED, ~KEEPS_CHILDREN & ~P1_USABLE, children(CHILD_GOES),
            STAY, f"{CONTINUOUS}; no Delete can be protected any more"),
        ignored(READY, INFO_P1_EXPIRED, DANGLING, guard=KEEPS_CHILDREN, name="phase 1 SA expired: children stay"),
        ignored(READY, INFO_P1_EXPIRED, CONTINUOUS, guard=~KEEPS_CHILDREN & P1_USABLE,
                name="phase 1 SA expired: another one is up"),
    ]


INFORMATIONAL_TABLE = Table(
    "informational", "Delete, INITIAL-CONTACT, end of phase 1 (RFC 2409 5.7, RFC 2408 5.15)", STATE,
    (IKE_DELETE, IKE_TELL, IKE_DELETE_P1, INFO_RCV, INFO_OTHER_PEER, INFO_IC, INFO_P1_EXPIRED, PHASE1_GOES, CHILD_GOES, CHILD_DELETED),
    (*own_deletions(), *delete_arrives(), *phase1_events()),
)
