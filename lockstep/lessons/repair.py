"""Lesson 8: repairing the draft. What is asked for here are readings, and a search answers."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Lesson, Passage, Repair, Setting

_DRAFT = Setting("teardown", bounds={**QUIET, "losses": 1})
_OFFERED = {
    "del_trigger": ("bgp_idle", "tcp_closed"), "passive_del": ("keep", "at_closed", "at_lastack"), "after_del": ("bypass", "discard"),
    "confirm": ("any_del", "bound_only", "never"), "peer_del": ("apply", "defer"), "expiry": ("remove", "abort"),
    "on_failure": ("delete", "keep"), "p1_delete": ("last_bgp_session", "never", "always"), "p1_count": ("bgp_only", "all_children"),
    "listener_rule": ("none", "protect")}
_OF_A = {f"A:{key}": _OFFERED[key] for key in ("del_trigger", "passive_del", "confirm", "peer_del", "expiry", "on_failure")}

LESSON = Lesson(
    "repair", "Repairing the draft", 12,
    "So far you looked for what breaks. Now choose how the text is read, and let a search visit every state that is left.",
    (
        Passage("Where the draft leaves a choice, or says two things, the model has a reading: a named alternative with its source. A set "
                "of readings is a protocol. You choose one; the search visits every state it can reach, within the bounds, and says of "
                "each claim whether some run breaks it."),
        Passage("'Holds' is said of a claim only if all reachable states were visited and the claim was put to the test. A claim that "
                "holds because nothing happens any more is not repaired."),
        Passage("A broken claim comes with a shortest run that breaks it. Open it on this page and see what your readings forgot."),
        Passage("Slice teardown, one message may be lost, no attacker, in its three surroundings: alone, beside another BGP session, "
                "beside other traffic. As drafted, most of the claims break within four steps."),
    ),
    (
        Repair("one-sentence", "One sentence",
               "Change one reading, at both ends, so that no segment of the connection can leave in plaintext any more.",
               _DRAFT, ("no-plaintext-out", "no-plaintext-after-open"), _OFFERED, 1,
               "There are several answers: each takes one link out of the chain of lesson 2. A filter that discards, a rule for the "
               "neighbour behind it, a Delete that confirms nothing, a Delete that waits. (p1_delete=always is one, too: nobody can "
               "decipher the Delete any more, and whoever shared the phase 1 SA pays for that.) None of them is enough: the SA still goes "
               "while TCP needs it, and the FIN that is not in plaintext now is not sent at all.",
               ("In which step of lesson 2 did the rule go, and what took it for what?", "Look at confirm, peer_del, after_del."),
               findings=("F-06/bypass", "F-06/discard")),
        Repair("one-end", "Only your own router",
               "B is as drafted and will stay so. Change at most three readings of A, and of A alone, so that no Delete is taken as a "
               "confirmation by anybody while its sender's TCB still exists.",
               _DRAFT, ("delete-means-closed",), _OF_A, 3,
               "A can't make B read a Delete otherwise. It can send none that B would misread: none before its own TCB is CLOSED, whether "
               "a session or a lifetime ends; and it need not believe B's. That is all one end can do; the plaintext that B sends stays "
               "B's.",
               ("Which events make A send a Delete although its TCB is not CLOSED? There are two.",
                "And which Delete does A itself believe?"),
               findings=("F-02/confirm", "F-26/mixed")),
        Repair("whole", "All of it",
               "Find readings, at most five changes at both ends, under which none of these eight claims can be broken.",
               _DRAFT, ("no-plaintext-out", "no-plaintext-after-open", "sa-outlives-connection", "sa-outlives-need", "delete-means-closed",
                        "no-collateral-deletion", "one-sa-congruent", "no-idle-orphan"), _OFFERED, 5,
               "SAs go when the own TCB is CLOSED, at the passive closer as well; a Delete that comes earlier waits; a lifetime ends a "
               "connection before it ends its last SA; the phase 1 SA is left alone. Five sentences, and not one of them can be left out. "
               "What no reading can repair is in lesson 6: a close that nobody hears. An attacker, a rekey and a restart ask for more: "
               "preset repaired.",
               ("Begin with F-01: what should trigger a deletion?",
                "What else takes an SA from a TCB that needs it: the peer's Delete, a lifetime, the end of phase 1.",
                "Is an SA left over now? Whose is it to delete?"),
               findings=("F-01/order", "F-03/keep", "F-14/closing")),
    ),
    ("lockstep repair teardown --limit 1", "lockstep verify teardown --preset repaired", "lockstep readings teardown"))
