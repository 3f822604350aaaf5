"""Lesson 3: a graceful close, and what TIME-WAIT wants an SA for."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Clue, Lesson, Passage, Setting, Task
from model.expr import TRUE, Fired, OnWire, Peer, Post, Sent, conj
from model.signals import ANY_SA, LAST_ACK, RST, TCP, TIME_WAIT, kind
from model.wire import LOSSES
from properties.vocabulary import TCB_CLOSED

_REPAIRED = Setting("teardown", "repaired")
_TO_TIME_WAIT = ("A bgp: ManualStop", "A>B segments: segment arrives (ESP g0 FIN(NOTIFICATION))",
                 "B>A segments: segment arrives (ESP g0 FIN acks-FIN)")
_NOT_GRACEFUL = Sent("segments", kind == RST) | Fired("tcp", "user timeout", "user timeout after CLOSE", "ABORT silently")
_RULE = "a connection ended by RST, abort or user timeout, which is not a graceful close"
_BOTH_CLOSED = conj(TCB_CLOSED, Peer(TCB_CLOSED))
_LOST = (LOSSES > 0) & Post(LOSSES == 0)
_OURS_IN_FLIGHT = OnWire("segments", "out", TRUE, "own segment in flight")

LESSON = Lesson(
    "closing", "Graceful close and TIME-WAIT", 10,
    "FIN, FIN, TIME-WAIT, and only then the SA: the one order in the draft that is written down, and what it is good for.",
    (
        Passage("To close a connection, an end sends a FIN and enters FIN-WAIT-1. After the other side has responded comes TIME-WAIT; when "
                "that is over, the SA bound to the connection has to be deleted.", "draft 3.3 l.525-530 (SHOULD, MUST)"),
        Passage("The draft gives the reason: as long as TCP is closed before its SA is deleted, every segment of the connection is "
                "protected.", "draft 3.3 l.530-532"),
        Passage("Whoever sends its FIN first is the active closer and passes through TIME-WAIT, twice the longest life of a segment. The "
                "passive closer goes from CLOSE-WAIT to LAST-ACK and is CLOSED as soon as its FIN is acknowledged; it does not linger.",
                "RFC 9293 3.6, 3.10.7.4"),
        Passage("TIME-WAIT does two things: it keeps old segments out of a next connection, and it answers a FIN that is repeated because "
                "the last ACK was lost. Under an SA of its own the first is done by the SPI already. The second wants the SA.",
                "RFC 9293 3.6.1; finding F-69"),
        Passage("The first three tasks play the repaired rules: each end deletes the SA when its own TCB becomes CLOSED, and a Delete that "
                "comes earlier waits until then. BGP's FSM goes to Idle long before TCP is done."),
    ),
    (
        Task("through-time-wait", "In order",
             "An operator stops the session. Take the close to its end: through TIME-WAIT, both ends CLOSED, and no SA left at either. No "
             "RST, no abort, no user timeout.",
             _REPAIRED, Post(conj(_BOTH_CLOSED, ~ANY_SA, Peer(~ANY_SA))),
             "FIN with the NOTIFICATION, FIN of the passive closer, ACK, TIME-WAIT; the SA goes at each end with that end's TCB, and the "
             "other is told by a Delete. FIN and SA: each end decides about its own.",
             ("Let A's FIN arrive: B reads the NOTIFICATION and closes as well.",
              "When B's FIN has arrived, A is in TIME-WAIT and B waits for one ACK.",
              "2MSL can end only when nothing of the connection is in flight."),
             without=_NOT_GRACEFUL, rule=_RULE,
             clues=(Clue(Post((TCP == TIME_WAIT) & Peer(TCP == LAST_ACK)),
                         "{end} is in TIME-WAIT. Its last ACK is what the peer waits for."),)),
        Task("both-active", "Two active closers",
             "Bring both ends to TIME-WAIT at the same time.",
             _REPAIRED, Post((TCP == TIME_WAIT) & Peer(TCP == TIME_WAIT)),
             "FINs that cross make both ends active closers, by way of CLOSING. 'The side that enters TIME-WAIT deletes' then names both, "
             "and in an ordinary close it names one: the draft has no rule for the other (finding F-03).",
             ("Both operators must stop before either FIN has arrived.",
              "Each end acknowledges the other's FIN; let the ACKs arrive, too."),
             clues=(Clue(Post(TCP.among("CLOSE-WAIT", "LAST-ACK")), "{end} has become the passive closer: a FIN came before its own left."),
                    Clue(Post((TCP == "CLOSING") & Peer(TCP == "CLOSING")), "Both are in CLOSING. Two ACKs are under way."))),
        Task("last-ack-lost", "The last ACK is lost",
             "The network may lose one message now. Lose the last ACK of a close, and let the end in TIME-WAIT answer the FIN that is "
             "repeated for it.",
             Setting("teardown", "repaired", bounds={**QUIET, "losses": 1}),
             conj(Fired("tcp", "FIN again: ACK, restart 2MSL"), ~_OURS_IN_FLIGHT, Peer(TCP == LAST_ACK)),
             "This is what TIME-WAIT needs its SA for, and the only thing. Were the SA gone, nobody could answer, and the peer would "
             "repeat its FIN until the user timeout: or in plaintext, if its rule is gone, too.",
             ("Let A stop, and go as in the first task until A is in TIME-WAIT; then choose 'lost' for A's ACK.",
              "B's retransmission timer repeats the FIN. Let it arrive."),
             without=_NOT_GRACEFUL, rule=_RULE,
             clues=(Clue(conj(_LOST, Post(TCP.among("FIN-WAIT-1", "FIN-WAIT-2"))),
                         "The loss is spent, and {end} is not in TIME-WAIT yet. Was that the last ACK?"),
                    Clue(conj(_LOST, Post((TCP == TIME_WAIT) & Peer(TCP == LAST_ACK))), "An ACK is lost. The peer's timer runs."))),
        Task("clock-too-short", "A clock that is too short",
             "The draft again, with one thing read kindly: SAs go with the TCB, not with the session. The close has begun: A is in "
             "TIME-WAIT, B in LAST-ACK. One message may be lost. Let A's Delete, sent when TIME-WAIT is over, take B's SA while B is still "
             "there.",
             Setting("teardown", changed=("del_trigger=tcp_closed",), bounds={**QUIET, "losses": 1}, start=1, opening=_TO_TIME_WAIT),
             Fired("informational", "Delete: pair removed") & (TCP == LAST_ACK) & Post(~ANY_SA) & Peer(TCB_CLOSED),
             "A followed its rule to the letter and B is harmed: a Delete takes effect at the other end, whatever TCP is doing there. In "
             "time it takes an outage as long as 2MSL (60 s on Linux), since B repeats its FIN meanwhile; in a partition it is certain. "
             "The repair is B's: remember the Delete until the own TCB is CLOSED (reading peer_del=defer, rule R-b).",
             ("Lose A's last ACK, and do not repeat the FIN: let A's 2MSL end first.",
              "2MSL ends only when no segment is in flight: B's first ACK must have arrived, too.", "Then the Delete arrives."),
             ends=("B",), without=_NOT_GRACEFUL, rule=_RULE,
             clues=(Clue(Post(TCB_CLOSED) & Post(Peer(TCP == LAST_ACK)), "{end} is done, its peer is not. A Delete is under way."),
                    Clue(Post(_BOTH_CLOSED), "Both ends are CLOSED: B got its ACK. It must be lost.")),
             findings=("F-04/harm", "F-04/plaintext")),
    ),
    ("lockstep table tcp --state TIME-WAIT", "lockstep show traces/gallery/F-04-plaintext.json",
     "lockstep verify teardown --preset repaired --bound attacks=0 --bound copies=0"))
