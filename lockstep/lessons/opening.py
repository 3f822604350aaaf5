"""Lesson 1: from nothing to Established, each thing after what it needs."""

from __future__ import annotations

from lockstep.lessons.lesson import Clue, Lesson, Passage, Setting, Task
from model.expr import Peer, Post, Sent
from model.signals import BGP, P1_INIT, P1_RESP, PLAIN, SYN, SYN_ACK, SYN_SENT, TCP, kind, prot
from properties.vocabulary import HAS_OUT

_NOTHING = Setting("opening", start=0)
_PHASE_1 = Setting("opening", start=1)
_IN_CLEAR = Sent("segments", prot == PLAIN)

LESSON = Lesson(
    "opening", "Opening in order", 10,
    "Phase 1, phase 2, SYN, OPEN: what waits for what, and where the two ends disagree about how far they are.",
    (
        Passage("Two speakers, A and B, are played by tables: BGP's FSM, TCP, IKEv1 and IPsec, one row an arrow, each with its source. You "
                "choose what happens next: an operator's command, a timer, the arrival of a packet. The tables say what follows. A task is "
                "done when its condition is true of the step you took; nothing else counts."),
        Passage("IKEv1 makes keys in two phases. Phase 1 (main mode: MM1 to MM6) authenticates the ends and gives them one protected "
                "channel. Phase 2 (Quick Mode: QM1 to QM3) runs inside it and makes a pair of IPsec SAs, one for each direction. One phase "
                "1 SA can have many phase 2 children.", "RFC 2409 5, 5.5"),
        Passage("Both phases come before TCP: they have to be complete when the first segment of the connection leaves, so that the SYN is "
                "already protected.", "draft 3.2 l.436-439 (MUST)"),
        Passage("Quick Mode names both addresses and both ports. The SA is made for this one connection, and for nothing else.",
                "draft 3.2 l.449-456 (MUST)"),
        Passage("Once the connection stands over its SA, the initiator's OPEN is the first thing on it.", "draft 3.2 l.458-461 (MUST)"),
    ),
    (
        Task("one-end-knows", "One end knows first",
             "Begin with nothing: no keys, both sessions Idle. A's operator starts the session. Carry main mode on until B has a phase 1 "
             "SA and A, who began, has none yet. (B's IKE answers whether or not its session is started.)",
             _NOTHING, Post((P1_RESP == "UP") & Peer(P1_INIT != "UP")),
             "MM5 told B who A is, so B is done. A is done only with MM6. Every exchange ends like this: the one that gets the last "
             "message knows more than the one that sent it, and until it arrives the ends disagree. All later lessons live in such gaps.",
             ("Main mode begins when A's session starts: A wants a Quick Mode, and that needs phase 1.",
              "Let MM1 to MM5 arrive, in order. Leave MM6 on the wire."),
             ends=("B",),
             clues=(Clue(Post((P1_INIT == "UP") & Peer(P1_RESP == "UP")),
                         "Both ends have the phase 1 SA now: that was one message too many. Go back one step."),)),
        Task("syn-under-its-sa", "The SYN, and not before",
             "Phase 1 is up already. Start A's session and bring it to the point where its SYN leaves, protected.",
             _PHASE_1, Sent("segments", (kind == SYN) & (prot != PLAIN)),
             "A's SYN leaves in the very step in which QM2 arrives: then A has both halves of the SA, and that is all an end can know of "
             "'both ends complete'. B has its inbound half and gets the outbound one with QM3. Taken at its word, the rule of 3.2 asks A "
             "to know something about B that A cannot know (finding F-21).",
             ("ManualStart at A sends QM1, not a SYN: the SYN waits for the SA.",
              "B answers QM1 with QM2 whether or not its session is started. Let QM1 arrive at B and QM2 at A."),
             ends=("A",),
             clues=(Clue(Post((BGP == "Connect") & (TCP == "CLOSED") & ~HAS_OUT & ~Peer(HAS_OUT)),
                         "A waits: there is no SA to send its SYN under yet."),),
             findings=("F-21/both",)),
        Task("syn-before-qm3", "A SYN that is too fast",
             "The same start. QM3 and the SYN leave A together, and nothing keeps them in order: one is UDP, the other ESP. Let the SYN be "
             "first at a B that listens, and see how B answers.",
             _PHASE_1, Sent("segments", (kind == SYN_ACK) & (prot == PLAIN)),
             "B can receive under the SA from QM2 on, so the SYN is accepted. Its own SPD entry for the connection comes with QM3. Until "
             "then no rule covers the SYN+ACK, and the last rule of B's SPD lets it go in plaintext. A rule for the neighbour as a whole, "
             "which stands from the beginning, would have stopped it (reading listener_rule).",
             ("B must listen: start its session, too.", "When QM3 and the SYN are both under way, take the SYN first."),
             ends=("B",),
             clues=(Clue(Post((TCP == SYN_SENT) & Peer((TCP == "CLOSED") & ~HAS_OUT)),
                         "The SYN is under way. B does not listen yet: a SYN for a closed port is answered otherwise."),
                    Clue(Post((TCP == "LISTEN") & HAS_OUT),
                         "QM3 has arrived: B has its SPD entry and would protect its answer. Go back to before that.")),
             findings=("L-02/overtaking", "L-01/closed-port")),
        Task("established-in-order", "Established",
             "Now all of it: bring both ends to Established. No segment may leave in plaintext on the way.",
             _PHASE_1, Post((BGP == "Established") & Peer(BGP == "Established")),
             "It takes eleven steps, and the order of QM3 and SYN was yours to keep. The draft relies on a network that keeps it by "
             "chance; where it does not, B answers in plaintext.",
             ("Let QM3 arrive at B before the SYN.",
              "After the handshake each end sends OPEN, then KEEPALIVE: let them all arrive. A bare ACK may wait."),
             without=_IN_CLEAR, rule="a segment left in plaintext",
             clues=(Clue(Post((BGP == "Established") & Peer(BGP != "Established")),
                         "{end} is Established; its peer still waits for a KEEPALIVE."),
                    Clue(Post((BGP == "OpenConfirm") & Peer(BGP == "OpenConfirm")),
                         "Both have the other's OPEN. The KEEPALIVEs are left."))),
    ),
    ("lockstep verify opening --preset draft", "lockstep show traces/gallery/L-02-overtaking.json",
     "lockstep show traces/gallery/F-21-both.json --format html -o f21.html"))
