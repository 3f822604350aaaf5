"""The wire between the ends: two bounded multisets in each direction, one for segments, one for IKE datagrams.

A multiset gives reordering for nothing; nothing orders UDP and ESP against one another. An arrival takes a message
off, loss and copying touch nothing but the wire and are limited by budgets. A copy is made when the original arrives:
a replay of a packet that never arrived would be that packet, late. ESP under a copied sequence number is what the
anti-replay window is for (RFC 2406 3.4.3); a copied datagram is a duplicate by UDP.
"""

from __future__ import annotations

from typing import Any

from model.action import Event, Signal, Take, put, set_, signal
from model.channels import DATAGRAMS, SEGMENTS
from model.expr import Const, Expr, Range, Sort, Var, disj, down, ite
from model.readings import reading
from model.signals import (
    AM1,
    AM2,
    AM3,
    BY_SENDER,
    CONNECTED,
    DEL,
    DEL_P1,
    ESP_IN,
    G0,
    G1,
    G2,
    GENUINE,
    INFO_RCV,
    MM1,
    MM2,
    MM3,
    MM4,
    MM5,
    MM6,
    P1_RCV,
    P1_REFUSED,
    PLAIN,
    QM1,
    QM2,
    QM3,
    QM_RCV,
    QM_REFUSED,
    SPD_IN,
    acks,
    cookie,
    datagram,
    exact_ports,
    fit,
    forged,
    gen,
    good,
    ic,
    inc,
    kind,
    msg,
    origin,
    prot,
    under,
    why,
)
from model.table import STAY, Line, Table, row

LOSSES = Var("budget", "losses", Range("Losses", 3), doc="messages the network may still lose")
COPIES = Var("budget", "copies", Range("Copies", 3), doc="messages that may still be seen twice")
LINK = Sort("Link", ("UP",))
(UP,) = LINK.consts()
SOURCE = "the network may lose, reorder and copy: RFC 9293 2.1, RFC 2408 1.5"


def _carries(prefix: str, channel: Any) -> tuple[Event, Event, Event]:
    """The three things that happen to a message in flight."""
    return (Event(f"{prefix} arrives", who="network", takes=channel), Event(f"{prefix} lost", who="network", takes=channel),
            Event(f"{prefix} arrives and is copied", who="network", takes=channel))


ARRIVES, LOST, COPIED = _carries("segment", SEGMENTS)
IKE_ARRIVES, IKE_LOST, IKE_COPIED = _carries("datagram", DATAGRAMS)


def segments() -> list[Line]:
    """A segment goes to the SPD if it is plain, to the SAD if it is ESP."""
    segment: dict[str, Any] = {"kind": kind, "msg": msg, "acks": acks, "inc": inc, "fit": fit, "origin": origin}
    generation = ite(prot == "ESP-g0", G0, ite(prot == "ESP-g1", G1, G2))
    plain = signal("spd", SPD_IN(**segment), at="dst")
    esp = signal("ipsec", ESP_IN(gen=generation, **segment), at="dst")
    copy = put(SEGMENTS, at="here", **{**segment, "origin": "copy"}, prot=prot)
    genuine = origin == GENUINE
    return [
        row("PLAIN arrives", UP, ARRIVES, prot == PLAIN, [Take(SEGMENTS), plain], STAY, SOURCE),
        row("ESP arrives", UP, ARRIVES, prot != PLAIN, [Take(SEGMENTS), esp], STAY, SOURCE),
        row("segment lost", UP, LOST, (LOSSES > 0) & genuine, [Take(SEGMENTS), set_(LOSSES, down(LOSSES))], STAY, SOURCE),
        row("ESP arrives, an attacker replays it", UP, COPIED,
            (COPIES > 0) & genuine & (prot != PLAIN) & (reading("position") == "on_path"),
            [Take(SEGMENTS), copy, set_(COPIES, down(COPIES)), esp], STAY, "draft 2 l.147-149; RFC 2406 3.4.3"),
    ]


def datagrams() -> list[Line]:
    """An IKE datagram goes to the table whose exchange it belongs to."""
    phase1 = signal_to("phase1-responder", P1_RCV(datagram=datagram, good=good, ic=ic, attempt=inc))
    answer = signal_to("phase1-initiator", P1_RCV(datagram=datagram, good=good, ic=ic, attempt=inc))
    quick: dict[str, Any] = {"datagram": datagram, "cookie": cookie, "under": under, "gen": gen, "inc": inc, "good": good,
                             "exact": exact_ports}
    routes: list[tuple[str, Expr, Signal]] = [
        ("to the phase 1 responder", among(MM1, MM3, MM5, AM1, AM3) | ((datagram == P1_REFUSED) & (cookie == BY_SENDER)), phase1),
        ("to the phase 1 initiator", among(MM2, MM4, MM6, AM2) | ((datagram == P1_REFUSED) & (cookie != BY_SENDER)), answer),
        ("to the Quick Mode responder", among(QM1, QM3), signal_to("quick-responder", QM_RCV(**quick))),
        ("to the Quick Mode initiator", among(QM2, CONNECTED, QM_REFUSED), signal_to("quick-initiator", QM_RCV(**quick))),
        ("Delete arrives", among(DEL, DEL_P1),
         signal_to("informational", INFO_RCV(datagram=datagram, gen=gen, cookie=cookie, under=under, forged=forged, why=why))),
    ]
    lines = []
    for name, when, to in routes:
        lines += [
            row(name, UP, IKE_ARRIVES, when, [Take(DATAGRAMS), to], STAY, SOURCE),
            row(f"{name}, and a copy stays", UP, IKE_COPIED, when & (COPIES > 0) & ~forged, [set_(COPIES, down(COPIES)), to], STAY,
                SOURCE),
        ]
    return [*lines, row("datagram lost", UP, IKE_LOST, (LOSSES > 0) & ~forged, [Take(DATAGRAMS), set_(LOSSES, down(LOSSES))], STAY,
                        SOURCE)]


def among(*kinds: Const) -> Expr:
    return disj(*(datagram == one for one in kinds))


def signal_to(table: str, call: Any) -> Signal:
    """A signal to the endpoint the message goes to."""
    return signal(table, call, at="dst")


SEGMENT_WIRE = Table("segments", "Segments in flight in one direction", Var("segments", "state", LINK),
                     (ARRIVES, LOST, COPIED), tuple(segments()), (SEGMENTS,), place="direction")
DATAGRAM_WIRE = Table("datagrams", "IKE datagrams in flight in one direction", Var("datagrams", "state", LINK),
                      (IKE_ARRIVES, IKE_LOST, IKE_COPIED), tuple(datagrams()), (DATAGRAMS,), place="direction")
