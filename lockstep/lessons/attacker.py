"""Lesson 7: an attacker without keys, and one packet."""

from __future__ import annotations

from lockstep.lessons.lesson import QUIET, Clue, Lesson, Passage, Setting, Task
from model.expr import Fired, Post, conj
from model.signals import ANY_SA, ESTABLISHED, FORGED, RST, SPD_ENTRY, TCP, forged, kind, origin

_ONE = {**QUIET, "attacks": 1}
_TO_THE_GAP = ("A bgp: ManualStop", "B bgp: ManualStop", "A>B datagrams: datagram arrives (DEL g0)")
_FORGED_RST = (kind == RST) & (origin == FORGED)
_GONE = Post((SPD_ENTRY == "no-entry") & (TCP != "CLOSED"))

LESSON = Lesson(
    "attacker", "An attacker with one packet", 10,
    "He has no key of the wire and makes no ICV. Where in the lifecycle is one packet in plaintext enough?",
    (
        Passage("The threats the draft names are a packet's: reading, changing and inserting what BGP says, and resetting the connection.",
                "draft 2 l.131-141"),
        Passage("Every segment has to have come under an SA; the draft puts that check in BGP, before it processes a message. SYN, FIN and "
                "RST carry no message.", "draft 3.6 l.628-632 (MUST)"),
        Passage("The attacker here sends segments in plaintext, IKE messages that no SA protects, and ICMP errors. On the path he knows "
                "the next sequence number; one act is all he has."),
        Passage("TCP-MD5 beside IPsec is called wasteful, without any gain in security.", "draft 3.2 l.442-447"),
    ),
    (
        Task("bounced", "Nothing to gain",
             "Both ends are Established and protected. Let the attacker send a RST with the right sequence number, and see it fail.",
             Setting("teardown", bounds=_ONE, start=1), conj(Fired("spd", "PLAIN dropped", where=_FORGED_RST), TCP == ESTABLISHED),
             "The rule that says PROTECT works inbound, too: what should have come under an SA and did not is dropped, whatever its "
             "sequence number. As long as the rule stands, the attacker has nothing to do but wait.",
             ("It is the attacker's event 'inject', with kind=RST and fit=exact.", "Then it arrives."),
             clues=(Clue(Post(TCP != ESTABLISHED), "{end} is closing. The task is about a session that is up."),)),
        Task("gap-in-the-rule", "The gap",
             "As drafted. Let a forged RST be accepted by an end that still has a TCB.",
             Setting("teardown", bounds=_ONE, start=1), Fired("spd", "PLAIN accepted", where=_FORGED_RST) & (TCP != "CLOSED"),
             "He had to wait until the filter was gone, and the draft takes it away while TCP still has a FIN to repeat (lesson 2, lesson "
             "4). The same RST that bounced in the first task ends the close now (findings F-06/bypass-in, F-55).",
             ("An end without a rule and with a TCB: lesson 2 had one.", "Inject the RST towards that end."),
             clues=(Clue(_GONE, "{end} has a TCB and no rule."),
                    Clue(Fired("spd", "PLAIN dropped", where=_FORGED_RST),
                         "The rule was still there, and the one packet is spent. Go back.")),
             findings=("F-06/bypass-in", "F-55/reset")),
        Task("md5-beside", "Wasteful, without any gain",
             "The same with TCP-MD5 configured beside IPsec, and the way to the gap is taken already: B has a TCB and no rule. Let the "
             "forged RST arrive there.",
             Setting("teardown", changed=("md5=on",), bounds=_ONE, start=1, opening=_TO_THE_GAP),
             Fired("spd", "PLAIN without digest dropped", where=_FORGED_RST) & (TCP != "CLOSED"),
             "The digest is checked in TCP and stays when the filter goes. In exactly this gap MD5 is a gain, and the sentence that denies "
             "it is wrong (finding F-52). It does not keep anything secret, and it does not repair the gap: the FIN still leaves in "
             "plaintext.",
             ("inject, kind=RST, towards B.",),
             clues=(Clue(_GONE, "{end} has a TCB and no rule."),), findings=("F-52/secrecy",)),
        Task("listener", "Before there is a rule",
             "A listens; B is down; no SA, no connection, and so no rule for one. Let the attacker's SYN be accepted.",
             Setting("attacker", bounds={"copies": 0, "attacks": 1}, start=2),
             Fired("spd", "PLAIN accepted", where=origin == FORGED) & (TCP == "LISTEN"),
             "The rules of 3.2 come with Quick Mode, one for each connection. Before the first there is nothing to match a SYN, and the "
             "listener answers it. With a second packet he gets A's OPEN in plaintext (finding F-35/open). A rule for the neighbour as a "
             "whole has to stand before any session (reading listener_rule=protect, rule R-c).",
             ("inject, kind=SYN, towards A.",), ends=("A",), findings=("F-35/listener", "F-35/open")),
        Task("unprotected-delete", "An IKE message that no SA protects",
             "Here the implementation believes an informational exchange without protection. Let the attacker take the SA of a session "
             "that is up.",
             Setting("teardown", changed=("naive=on",), bounds=_ONE, start=1),
             conj(Fired("informational", "Delete: pair removed", where=forged), TCP == ESTABLISHED, Post(~ANY_SA)),
             "No ICV had to be made: the packet is IKE's, and IKE is not protected by ESP. RFC 2409 says that informational messages are "
             "protected once there are keys; the draft does not say that others are to be ignored (finding F-32).",
             ("The event is 'forge Delete', for g0.", "Let it arrive while the session is up."),
             clues=(Clue(Fired("informational", "Delete: pair removed") & Post(TCP != ESTABLISHED),
                         "The SA is gone, but the session was being closed anyway."),),
             findings=("F-32/unprotected", "F-62/icmp")),
    ),
    ("lockstep attackers", "lockstep show traces/gallery/F-06-bypass-in.json", "lockstep show traces/gallery/F-35-open.json",
     "lockstep verify attacker --preset draft"))
