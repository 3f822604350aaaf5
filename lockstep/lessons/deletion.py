"""Lesson 4: who deletes what, and what a Delete says."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Clue, Lesson, Passage, Setting, Task
from model.expr import Fired, Peer, Post, conj
from model.signals import ANY_SA, ESTABLISHED, FIN_WAIT_1, OTHERS_SA, P1_USABLE, SPD_ENTRY, TCP
from properties.deletion import CONFIRMED, DELETED_BY_PEER, LAST_SA_GOES
from properties.endings import QUIET as NOTHING_UNDER_WAY
from properties.vocabulary import TCB_CLOSED

_BY_TCP = ("del_trigger=tcp_closed",)
_BOTH_CLOSED = conj(TCB_CLOSED, Peer(TCB_CLOSED))

LESSON = Lesson(
    "deletion", "Who deletes what", 12,
    "Four rules of sections 3.3 and 3.4 take SAs away. They do not agree, and one of them takes a message for more than it says.",
    (
        Passage("Rule one: after TIME-WAIT the phase 2 SA of the connection is deleted.", "draft 3.3 l.528-530 (MUST)"),
        Passage("Rule two: once the session is deleted by either peer, the phase 1 and phase 2 SAs that exist because of it should go, and "
                "Deletes should be sent.", "draft 3.4 l.552-556 (SHOULD)"),
        Passage("Rule three: the phase 1 SA goes only when no other BGP session uses it. The same paragraph says that it may be shared by "
                "traffic that is not BGP; whether that counts, it leaves open.", "draft 3.3 l.507-516"),
        Passage("Rule four: a Delete for an SA of a connection that is being closed confirms that the peer has finished its teardown; "
                "connection state and filters may then be removed.", "draft 3.4 l.541-547"),
        Passage("What a Delete says by its own RFC is less: its sender no longer has that SPI. It is advice, nobody has to act on it. A "
                "lifetime, a rekey or an operator cause the same message.", "RFC 2408 3.15"),
    ),
    (
        Task("before-its-fin", "Rule two against rule one",
             "As drafted. Let a session end so that an end loses its last SA while its TCP waits for its FIN to be acknowledged.",
             Setting("teardown", start=1), LAST_SA_GOES & Post(TCP == FIN_WAIT_1),
             "One step. BGP's FSM is Idle the moment the FIN is queued (RFC 4271 8.2.2), and 'session deleted' is true then. The FIN went "
             "under g0; if it is lost, it cannot be repeated. This is the finding the rest of the course comes back to: F-01.",
             ("When is a BGP session 'deleted' in the FSM of RFC 4271?", "ManualStop."),
             findings=("F-01/order", "F-01/plaintext")),
        Task("somebody-elses-sa", "Somebody else's SA",
             "Here traffic that is not BGP uses the same phase 1 SA. Let the end of the BGP session take that traffic's SA away at the end "
             "that did not stop anything.",
             Setting("teardown", start=2), OTHERS_SA & Post(~OTHERS_SA) & Fired("informational", *DELETED_BY_PEER),
             "No other BGP session was left, so the phase 1 SA was deleted, and its children went with it at both ends: the draft counts "
             "sessions, and other traffic is no session (reading p1_count). One operator's command has cut traffic at the other router "
             "that it knows nothing of.",
             ("One operator stops. Which Deletes leave?", "It is the Delete for the phase 1 SA that does it, not the one for g0."),
             clues=(Clue(Fired("informational", "no phase 1 SA: undecipherable"), "Without a phase 1 SA the receiver can't read a Delete."),
                    Clue(Post(~P1_USABLE & Peer(P1_USABLE)), "{end} has given up the phase 1 SA. The peer has not heard of it.")),
             findings=("F-24/shared", "F-24/traffic-at-peer")),
        Task("false-confirmation", "A confirmation that is none",
             "SAs go with the TCB now. Let an end take a Delete for a confirmation while the peer, who sent it, is still Established.",
             Setting("teardown", changed=_BY_TCP, start=1), Fired("binding", *CONFIRMED) & Peer(TCP == ESTABLISHED),
             "The Delete said that a lifetime was over. Read by rule four it said that the peer's teardown was done, and the filter went, "
             "with a FIN still to be repeated: the next retransmission is in plaintext. A confirmation can only come from TCP (finding "
             "F-02).",
             ("The end that receives must be closing; the one that sends must not know of it yet.",
              "What makes an end send a Delete without closing anything? Look at ipsec's own events."),
             clues=(Clue(Post((TCP == FIN_WAIT_1) & Peer(TCP == ESTABLISHED)), "{end} is closing and its peer has not heard of it."),
                    Clue(Fired("ipsec", "hard limit") & Post(TCP == ESTABLISHED), "{end} has sent a Delete because g0's lifetime is over."),
                    Clue(Post((SPD_ENTRY == "no-entry") & Peer(TCP != ESTABLISHED)),
                         "{end} took it for a confirmation, but its peer is closing as well. The peer must not hear of the close first.")),
             findings=("F-02/confirm", "F-02/plaintext")),
        Task("nobodys-sa", "Nobody's SA",
             "The draft says what the active closer does. The passive one has no rule; say it waits for the peer's Delete. One message "
             "may be lost: leave both ends CLOSED, with nothing under way, and an SA at one of them.",
             Setting("teardown", changed=_BY_TCP, bounds={**QUIET, "losses": 1}, start=1),
             Post(conj(_BOTH_CLOSED, ANY_SA, NOTHING_UNDER_WAY)),
             "The orphan stays until its hard lifetime. Had B deleted at CLOSED instead, A would have lost its SA in TIME-WAIT; had it "
             "deleted with its FIN, it could not have repeated that. Each completion of the missing rule breaks something (finding F-03 "
             "has the table).",
             ("Close gracefully, with A as the active closer, to the end of TIME-WAIT.", "Lose the one message that would have told B."),
             clues=(Clue(Post(conj(_BOTH_CLOSED, ANY_SA)), "Both TCBs are CLOSED and {end} has an SA. Is anything still under way?"),
                    Clue(Post(conj(_BOTH_CLOSED, ~ANY_SA, Peer(~ANY_SA))),
                         "Both are CLOSED and clean: the Delete arrived. Go back and lose it.")),
             findings=("F-03/keep", "F-03/at-closed", "F-03/at-lastack")),
    ),
    ("lockstep show traces/gallery/F-01-plaintext.json", "lockstep show traces/gallery/F-02-confirm.json",
     "lockstep readings teardown --property no-idle-orphan", "lockstep table binding --state closing"))
