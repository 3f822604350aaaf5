"""Lesson 6: ends that nobody planned: a process dies, a host restarts, a message is lost."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Clue, Lesson, Passage, Setting, Task
from model.expr import TRUE, Fired, OnWire, Peer, Post, conj
from model.signals import ANY_SA, BGP, ESTABLISHED, RST, TCP, kind
from properties.endings import STUCK
from properties.vocabulary import TCB_CLOSED, WIRE_EMPTY

_UP = BGP == "Established"
_NO_DELETE_TO_COME = ~OnWire("datagrams", "in", TRUE, "datagram towards this end")

LESSON = Lesson(
    "failures", "Non-graceful ends", 10,
    "What tells the other end that a session is over, when the one that knows can't be heard.",
    (
        Passage("When the draft's layer learns that a TCP connection has failed, it should delete the SA.", "draft 3.4 l.536-538 (SHOULD)"),
        Passage("BGP's own messages are said to be able to detect a restart that was not graceful: KEEPALIVEs that do not come, a hold "
                "timer that expires.", "draft 3.4 l.549-551"),
        Passage("Without IPsec there is a faster way: a host without the connection answers any segment of it with RST. Under IPsec the "
                "segment is ESP with an SPI the host does not know, and is dropped below TCP.", "RFC 9293 3.10.7.1; RFC 4301 5.2, step 2"),
        Passage("A host that has restarted says so once, in the first message of its new phase 1 that is authenticated: INITIAL-CONTACT. "
                "Whoever receives it removes what SAs it had with that peer.", "RFC 2407 4.6.3.3"),
    ),
    (
        Task("reset-heard", "A reset that is heard",
             "A's BGP process dies; its kernel sends RST and, as drafted, deletes the SA. Let B learn of it from the RST.",
             Setting("teardown", start=1), Fired("tcp", "RST") & Peer(TCB_CLOSED),
             "The RST left under g0 before g0 went, and it was fast enough. B's TCB is gone in the same step, and event 18 tells its FSM.",
             ("The dying process is ABORT of A's tcp.", "The RST has to be first."),
             ends=("B",),
             clues=(Clue(Post((TCP == ESTABLISHED) & ~ANY_SA & Peer(TCB_CLOSED)),
                         "{end} has lost its SA first: it can't hear the RST now."),)),
        Task("reset-unheard", "A reset that is not",
             "The same, and now the Delete is faster. Bring B to be Established without an SA, with A CLOSED and nothing left on the wire.",
             Setting("teardown", start=1), Post(conj(_UP, ~ANY_SA, WIRE_EMPTY, Peer(TCB_CLOSED))),
             "The Delete was for 'a connection nobody is closing', and for that the draft has no rule (reading unmarked_del). The RST came "
             "to an unknown SPI. B is Established over nothing, and only its hold timer knows better.",
             ("RST and Delete are both under way. Let them arrive in the other order.",),
             clues=(Clue(Post(conj(_UP, ~ANY_SA, Peer(TCB_CLOSED), ~WIRE_EMPTY)), "{end} has no SA left. One packet is still under way."),
                    Clue(Fired("tcp", "RST"), "{end} has heard the RST. The Delete has to be faster.")),
             findings=("F-15/no-reset",)),
        Task("delete-waits", "A Delete that waits",
             "The same again under the repaired rules: let the Delete be first, and the RST be heard nevertheless.",
             Setting("teardown", "repaired", start=1),
             conj(Fired("tcp", "RST"), _NO_DELETE_TO_COME, Peer(TCB_CLOSED), Post(~ANY_SA)),
             "B remembered the Delete and kept its SA until its own TCB was CLOSED (rule R-b, reading peer_del=defer). One sentence, and "
             "the order of two packets no longer matters.",
             ("First the Delete, then the RST.",),
             ends=("B",),
             clues=(Clue(Fired("informational", "Delete: deferred"), "The Delete has arrived, and {end} still has its SA."),
                    Clue(Fired("tcp", "RST"), "The RST was heard, but the Delete is still on its way: it should be first."))),
        Task("back-again", "Back again",
             "A restarts: everything in its memory is gone, and B is Established. A's operator starts the session again. Let B's SA go "
             "because of what A says in IKE, while B's session still stands.",
             Setting("restart", start=1), conj(_UP, Fired("informational", "INITIAL-CONTACT with the peer's SA"), ANY_SA, Post(~ANY_SA)),
             "B has learnt from IKE what BGP has not told it, and what the draft says about a Delete it does not say about "
             "INITIAL-CONTACT: the session stands over nothing, and A's SYN will meet a TCB that still exists (findings F-44, L-20).",
             ("Restart A, start it, and let main mode come to the message that is authenticated.", "That is MM5."),
             ends=("B",),
             clues=(Clue(Post(conj(~_UP, BGP == "Idle")), "{end}'s session is over."),),
             findings=("L-20/contact", "F-28/hold-zero")),
        Task("still-stuck", "What repair leaves",
             "The repaired rules, and the network may lose one message. Bring an end to repeat a FIN that can't reach its peer any more, "
             "with nothing left but the user timeout.",
             Setting("teardown", "repaired", bounds={**QUIET, "losses": 1}), Post(STUCK),
             "No rule of the draft or of its repair closes this gap: ESP has no RST for an unknown SPI. After a lost reset one end "
             "has a connection, and an SA, that the other has forgotten. So the repair does not promise that every close ends; "
             "it says so, and why (finding F-15).",
             ("One operator stops; the other end's process dies before the FIN is there. Its RST is the message to lose.",
              "The FIN arrives where nobody knows its SA, and the Delete is deferred."),
             clues=(Clue(Post(conj(TCP == ESTABLISHED, ANY_SA, WIRE_EMPTY, Peer(TCB_CLOSED))),
                         "{end} knows nothing. What happens when it closes?"),
                    Clue(Fired("ipsec", "unknown SPI", where=kind == RST), "That was a RST: it was to be lost, or heard.")),
             findings=("F-15/no-reset",)),
    ),
    ("lockstep simulate sa-recovery", "lockstep show traces/gallery/L-20-contact.json", "lockstep show traces/gallery/F-28-hold-zero.json",
     "lockstep verify restart --preset draft"))
