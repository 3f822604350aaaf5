"""Lesson 2: what an SA protects, what a rule protects, and what neither does."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Clue, Lesson, Passage, Setting, Task
from model.expr import Fired, Peer, Post, Sent
from model.signals import ANY_SA, ESTABLISHED, PLAIN, SPD_ENTRY, TCP, prot
from model.wire import COPIES

_UP = Setting("teardown", start=1)

LESSON = Lesson(
    "protection", "What an SA protects", 10,
    "A rule, a key and a connection are three things. Take one away at a time and see where a segment goes.",
    (
        Passage("Three things stand beside each other. The TCB is the connection. The SPD entry is the rule that says its segments must be "
                "protected; the draft calls it a filter. The SA is the key, with an SPI for each direction. Each can be there without the "
                "other two.", "RFC 4301 4.4.1, 4.4.2"),
        Passage("A segment that leaves meets the SPD first. PROTECT: the SAD is asked for an SA, and if there is none, the segment is "
                "dropped and TCP is not told. No entry for the connection: the last rule of the SPD decides, which on a router lets the "
                "packet pass.", "RFC 4301 5.1"),
        Passage("An ESP packet that arrives is looked up by its SPI. Nobody has it: it is dropped below TCP, so there is no RST and no "
                "other answer.", "RFC 4301 5.2, step 2"),
        Passage("Each packet of an SA has a sequence number and is taken once: the draft asks for protection against replay.",
                "draft 2.1 l.174-175 (MUST); RFC 2406 3.4.3"),
        Passage("Here both ends are Established over the SA pair g0. Another BGP session shares the phase 1 SA, so that it stays."),
    ),
    (
        Task("rule-without-sa", "A rule without an SA",
             "Make an end send something under a rule that says PROTECT while no SA is left to protect it with.",
             _UP, Fired("ipsec", "no SA: dropped"),
             "The rule did its work: nothing left in plaintext. But TCP believes the segment is on its way and will repeat it, in vain, "
             "until the user timeout. A rule without an SA is safe and mute.",
             ("What takes the SA of an end away? Its hard limit, an event of ipsec; or, as drafted, the end of the session.",
              "Something to send: a FIN that leaves when the operator stops, or one that is repeated."),
             clues=(Clue(Post((TCP == ESTABLISHED) & ~ANY_SA),
                         "{end} has no SA left, and a rule that says PROTECT. Now it needs something to send."),)),
        Task("sa-at-one-end", "An SA at one end only",
             "Let an ESP packet arrive at an end that is Established and does not have its SA any more.",
             _UP, (TCP == ESTABLISHED) & Fired("ipsec", "unknown SPI"),
             "The packet was authentic, and its sender will learn nothing: an unknown SPI is counted and dropped below TCP. Without IPsec "
             "an end that has lost its state answers with RST; here it is silent (finding F-15). Who relies on RSTs to clear half-open "
             "connections has to look for another way.",
             ("One end's SA must go while the other's is still there.",
              "The Delete that says so is on the wire; let something else be faster."),
             clues=(Clue(Post((TCP == ESTABLISHED) & ~ANY_SA & Peer(ANY_SA)),
                         "{end} has no SA, its peer has. Let the peer send before it hears of that."),
                    Clue(Post(~ANY_SA & Peer(~ANY_SA)), "Now neither end has an SA, and nothing can be sent under one.")),
             findings=("F-15/no-reset",)),
        Task("no-rule", "A connection without a rule",
             "Now bring a segment of the connection out in plaintext.",
             _UP, Sent("segments", prot == PLAIN),
             "Two things had to go: the SA, and the rule. The draft lets the filters be removed when a Delete arrives for a connection "
             "that is being closed, although its TCP still has a FIN to send. From then on nothing says PROTECT. Lesson 4 asks who was "
             "allowed to delete what.",
             ("A rule is removed when a Delete arrives at an end that is itself closing the connection.",
              "Let both operators stop the session. Each end's Delete removes the other's rule.",
              "Then a retransmission timer expires."),
             clues=(Clue(Post((SPD_ENTRY == "no-entry") & TCP.among("FIN-WAIT-1", "CLOSING", "LAST-ACK")),
                         "{end}'s rule is gone, and its TCP has a FIN that nobody has acknowledged."),),
             findings=("F-06/bypass", "F-33/port")),
        Task("seen-twice", "A packet seen twice",
             "On the path an attacker can keep an ESP packet and send it again. Let it happen, and let the copy arrive. (Here SAs go with "
             "the TCB, not with the session, so that there is one left to check the copy by.)",
             Setting("teardown", changed=("del_trigger=tcp_closed",), bounds={**QUIET, "copies": 1}, start=1),
             Fired("ipsec", "replay dropped"),
             "The copy has a valid ICV, as the original had. What stops it is the window of sequence numbers, and a window means nothing "
             "without authentication: the draft's mandatory suites include NULL authentication (finding F-48, a lint).",
             ("Something must be sent first.", "Choose 'arrives and is copied' for it instead of 'arrives', then let the copy arrive."),
             clues=(Clue((COPIES > 0) & Post(COPIES == 0), "The copy is under way."),
                    Clue(Fired("ipsec", "unknown SPI"),
                         "There was no SA any more to check the copy by: an unknown SPI, not a replay. Go back, and let the copy arrive "
                         "while the receiver still has g0."))),
    ),
    ("lockstep table spd --state PROTECT", "lockstep show traces/gallery/F-06-bypass.json", "lockstep show traces/gallery/F-33-port.json",
     "lockstep verify teardown --preset draft --reading replay_window=off --property no-replay"))
