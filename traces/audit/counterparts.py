"""The model's properties beside the claims of an audit: which claim of a capture says the same, and why there is none for the others.

`tests/test_round_trip.py` writes every kept run as packets, audits them and holds the two against each other by this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from traces.audit import lifetime, order, plaintext, sharing


@dataclass(frozen=True)
class Counterpart:
    """`claim`: of `traces.audit.audit.CLAIMS`, empty where there is none. `why`: what lies between the two, or why there is none."""

    claim: str
    why: str


_INSIDE = "happens inside an end; nothing of it is on the wire"
_ACCEPTS = "whether an end accepts what arrives is not on the wire"
_STATES = "about the states of both ends at one moment; a file has what they said before"
_KEYS = "who holds a key is not in the file"
_ENDLESS = "about what comes at last; a file ends before"

COUNTERPARTS: Mapping[str, Counterpart] = {
    "no-plaintext-out": Counterpart(plaintext.NAME, "of segments with data; a bare SYN is looked at by sa-before-syn"),
    "no-plaintext-after-open": Counterpart(plaintext.NAME, "the same from the OPEN on"),
    "text-stays-secret": Counterpart(plaintext.NAME, "of what is outside ESP; " + _KEYS),
    "syn-after-own-phase2": Counterpart(order.NAME, "quick mode is over where its third message is on file"),
    "sa-outlives-connection": Counterpart(lifetime.NAME, "seen by a Delete, when it is sent"),
    "sa-outlives-need": Counterpart(lifetime.NAME, "the same; what is left to retransmit is not on the wire"),
    "close-spares-other": Counterpart(lifetime.NAME, "the same, of the other connection"),
    "sa-serves-one-connection": Counterpart(sharing.NAME, "seen when the second connection uses the SA"),
    "syn-under-its-own-sa": Counterpart(sharing.NAME, "selectors are enciphered: seen when a second connection uses the SA"),
    "no-plaintext-in": Counterpart("", _ACCEPTS),
    "syn-after-both-phase2": Counterpart("", "whether the third message of quick mode arrived is not on the wire"),
    "delete-means-closed": Counterpart("", "what a Delete is taken for " + _INSIDE),
    "no-collateral-deletion": Counterpart("", "the other traffic under a phase 1 SA need not be on file, nor BGP"),
    "sa-comes-up-for-connection": Counterpart("", "what an SA was asked for " + _INSIDE),
    "open-is-sent": Counterpart("", "open-first looks at the first message that there is; one that never comes may come behind the file"),
    "one-sa-strict": Counterpart("", "several SAs under one connection are a rekey as well; SAs that carry nothing are not on file"),
    "one-sa-congruent": Counterpart("", "selectors are enciphered"),
    "binding-agrees": Counterpart("", "the binding " + _INSIDE),
    "binding-is-current": Counterpart("", "the binding " + _INSIDE),
    "rekey-keeps-session": Counterpart("", "why a session fails " + _INSIDE),
    "phase1-in-common": Counterpart("", _STATES),
    "initial-contact-is-true": Counterpart("", "INITIAL-CONTACT is enciphered"),
    "accepted-is-authentic": Counterpart("", _ACCEPTS),
    "no-replay": Counterpart("", _ACCEPTS),
    "authentic-is-accepted": Counterpart("", _ACCEPTS),
    "counter-unique": Counterpart("", "a counter that begins anew is not told from packets that the file has in another order"),
    "text-is-genuine": Counterpart("", _KEYS),
    "session-is-with-neighbour": Counterpart("", _KEYS),
    "session-outlives-attack": Counterpart("", "why a session ends " + _INSIDE),
    "negotiation-is-not-weakened": Counterpart("", "which algorithms the policy asks for is not in the file; lockstep lint reads it"),
    "no-stuck-close": Counterpart("", _STATES),
    "no-idle-orphan": Counterpart("", _STATES),
    "lost-peer-is-noticed": Counterpart("", _STATES),
    "sa-leads-to-peer": Counterpart("", _STATES),
    "collision-keeps-one": Counterpart("", "the audit has no claim about collisions"),
    "close-ends": Counterpart("", _ENDLESS),
    "no-orphan-sa": Counterpart("", _ENDLESS),
    "session-comes-up": Counterpart("", _ENDLESS),
    "keys-come-up": Counterpart("", _ENDLESS),
    "dead-sa-detected": Counterpart("", _ENDLESS),
    "no-blackhole": Counterpart("", _ENDLESS),
    "blackhole-is-noticed": Counterpart("", _ENDLESS),
    "graceful-restart-kept": Counterpart("", _ENDLESS),
}

# Why a breach of the model is not `violated` in its capture, though its claim has a counterpart.
BARE = "the segment outside ESP carries no data"
NO_DELETE = "no Delete takes the SA: a lifetime or a retry limit ends, or something else of IKE's takes it along"
UNANSWERED = "the SYN was not answered: no connection yet, for an audit"
BEHIND = "a FIN, its acknowledgement or a RST has passed the capture and not reached the end: what is on file is over, there it is not"
RENEWING = "a quick mode is under way, and may have made another SA"
UNUSED = "no segment of the connection is in the SA"
IDLE = "the SA that goes has carried nothing: which one a Delete means is not on file, and each end may delete the same"
SECOND = "the other end's Delete of the same SA came before: a pair is judged once"
IN_CLEAR = "the Delete is in the clear: by RFC 2409 5.7 nobody heeds it"
UNSEEN = (BARE, NO_DELETE, UNANSWERED, BEHIND, RENEWING, UNUSED, IDLE, SECOND, IN_CLEAR)

# Why an audit calls `violated` what no claim of the model breaks in the run.
BEFORE = "the run's start takes it for granted"
ANOTHERS = "an attacker or an insider sent it with the neighbour's address"
ON_ITS_WAY = "the Delete is lost, or under way when the run ends; had it arrived, the claim would break"
DEFERRED = "the receiver puts the Delete off until its TIME-WAIT is over"
NOT_BROKEN = (BEFORE, ANOTHERS, ON_ITS_WAY, DEFERRED)
