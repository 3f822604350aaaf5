"""Lesson 5: an SA is replaced under a connection that lives, or is being closed."""

from __future__ import annotations

from lockstep.lessons.lesson import Clue, Lesson, Passage, Setting, Task
from model.binding import BOUND
from model.expr import Fired, Peer, Post, conj
from model.signals import BGP, ESTABLISHED, G0, G1, SA_IN, SA_OUT, TCP
from properties.deletion import CONFIRMED
from properties.vocabulary import HAS_OUT, TCB_CLOSED

_DRAFT, _BY_TCP = Setting("rekey"), Setting("rekey", changed=("del_trigger=tcp_closed",))
_ESTABLISHED = BGP == "Established"
_OLD, _NEW = SA_OUT[G0] != "none", SA_OUT[G1] != "none"
_OLD_IN, _NEW_IN = SA_IN[G0].among("mature", "dying"), SA_IN[G1] == "mature"

LESSON = Lesson(
    "rekey", "Rekey", 10,
    "A long session outlives its keys. A new pair of SAs comes up beside the old one, and 'the SA of the connection' is two.",
    (
        Passage("An SA has two limits. At the soft one its key should be replaced: a Quick Mode is started. At the hard one it goes, "
                "whether or not there is another, and the peer is sent a Delete.", "RFC 2401 4.4.3"),
        Passage("A key refresh makes a new SA. For some time the old and the new one are both valid; which of them a packet uses is for "
                "IPsec to decide, and BGP plays no part in it.", "draft 3.2 l.486-491"),
        Passage("Elsewhere the draft binds: a connection is transported under one phase 2 SA, and the binding names it by its SPI.",
                "draft 3.1 l.405-411, 3.2 l.480-484"),
        Passage("g0 is the pair that is there, g1 the pair that A's rekey makes. A sends QM1 and QM3, B sends QM2; each end installs its "
                "halves when it can. Another BGP session shares the phase 1 SA, so that it stays."),
    ),
    (
        Task("make-before-break", "Make before break",
             "Replace g0 by g1: both ends Established, both with g1 in both directions and g0 gone at both. At no time may an end be "
             "without an SA to send under.",
             _DRAFT, Post(conj(_ESTABLISHED, _NEW, ~_OLD, ~_OLD_IN, Peer(conj(_ESTABLISHED, _NEW, ~_OLD, ~_OLD_IN)))),
             "BGP and TCP noticed nothing, which is how it should be. In between each end had a time with two SAs, or with one that the "
             "other did not have yet: the next tasks stop there.",
             ("Soft limit at A, and let Quick Mode finish.", "Then g0's hard limit at one end; its Delete tells the other."),
             without=Post(~HAS_OUT), rule="an end was left with nothing to send under",
             clues=(Clue(Post(conj(_ESTABLISHED, _NEW, _OLD, Peer(conj(_NEW, _OLD)))), "Both pairs are up at both ends. g0 can go."),
                    Clue(Post(conj(~_OLD, ~_NEW, _ESTABLISHED)), "{end} has nothing left to send under: g0 went before g1 was there."))),
        Task("two-at-once", "Two SAs for one connection",
             "Bring an end to have two SAs to choose from for its next segment.",
             _DRAFT, Post(conj(_ESTABLISHED, _OLD, _NEW)),
             "Each TCP connection under one SA: taken literally, this forbids making before breaking, and with it any rekey under a live "
             "session. What is needed is weaker: all SAs of a connection have the same selectors, identities and strength (finding F-18).",
             ("Whoever gets QM2 has both.",), findings=("F-18/overlap",)),
        Task("old-path", "The old path",
             "Bring both ends to have g1, and one of them to have given up g0 without the other knowing. Then let a segment under g0 "
             "arrive there, at a connection that is up. (SAs go with the TCB here, so that a close leaves g1 alone.)",
             _BY_TCP, conj(TCP == ESTABLISHED, _NEW, ~_OLD_IN, Peer(_NEW), Fired("ipsec", "unknown SPI")),
             "Both had a good SA, and the packet was lost all the same: which SA to send under is local policy, and the draft has no rule "
             "that retires the outbound half when the new pair is there. TCP repeats it; whether under g1 is a choice again.",
             ("After Quick Mode, let g0 reach its hard limit at one end, and keep its Delete on the wire.",
              "Stop the session at the other end: of its two ManualStops the one without SA=g1 sends under g0."),
             clues=(Clue(Post(conj(~_OLD_IN, _NEW, Peer(conj(_OLD, _NEW)))), "{end} can't read g0 any more and its peer does not know."),)),
        Task("stale-binding", "A stale binding",
             "Bring an end to be Established with its binding naming g0, when only g1 is left there.",
             _DRAFT, Post(conj(_ESTABLISHED, BOUND == "g0", ~_OLD, ~_OLD_IN, _NEW)),
             "Who names one SA by its SPI has to rename it at each rekey, and 'BGP plays no part'. After TIME-WAIT such an end deletes the "
             "SA it was bound to, which is gone, and g1 is nobody's to delete (findings F-17/stale, F-17/orphan). Binding a connection to "
             "the set of its SAs repairs it (reading bind=set).",
             ("Nothing special has to happen: the first task came through it.",),
             findings=("F-17/stale", "F-17/orphan")),
        Task("rekey-in-a-close", "A rekey while closing",
             "SAs go with the TCB. An end is closing while the other, which has not heard of it, rekeys: let the Delete for the old g0 be "
             "taken as the end of the peer's teardown, when the peer already sends under g1.",
             _BY_TCP, conj(_NEW_IN, Fired("binding", *CONFIRMED), Peer(~TCB_CLOSED & _NEW)),
             "Lesson 4 needed a lifetime that ran out. Here everything is as it should be: a rekey in time, the old SA retired by a Delete "
             "as IKE does it every hour. It needs no fault and no loss (findings F-02/rekey, F-02/rekey-plaintext).",
             ("A's soft limit, then B's operator stops; A must not get B's FIN.", "Let Quick Mode go on: QM1, QM2.",
              "Then g0's hard limit at A, and its Delete."),
             clues=(Clue(Post((TCP == "FIN-WAIT-1") & Peer((TCP == ESTABLISHED) & _NEW)), "{end} is closing and its peer has both SAs."),
                    Clue(conj(Fired("binding", *CONFIRMED), ~_NEW_IN), "A Delete was taken so, but {end} has no g1 yet.")),
             findings=("F-02/rekey", "F-02/rekey-plaintext")),
    ),
    ("lockstep show traces/gallery/F-17-orphan.json", "lockstep show traces/gallery/F-19-crossing.json",
     "lockstep show traces/gallery/F-02-rekey-plaintext.json"))
