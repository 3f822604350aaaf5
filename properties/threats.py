"""The five threats of the draft's section 2, as claims that a protection should make true.

The attacker's capabilities are readings of the world; a claim reads one only where the threat is to be able to read something.
What an attacker puts on the wire is `forged`; what leaves a neighbour's site under its IPsec without being its BGP's is an
insider's. Who the weakest attacker is that breaks a claim is asked by `lockstep attackers`.
"""

from __future__ import annotations

from model.attacker import ON_PATH
from model.bgp import BGP_MESSAGE_TABLE
from model.compositions.attacker import CLOSES
from model.expr import Expr, Fired, Post, Sent, conj, disj
from model.intruder import PHASE_2
from model.intruder import STATE as IMPOSTOR_HERE
from model.ipsec import IPSEC
from model.readings import reading
from model.signals import (
    BGP,
    BGP_ESTABLISHED,
    BGP_OPEN_CONFIRM,
    DATA,
    ESP_G1,
    ESP_G2,
    FIN,
    ME,
    NO_MSG,
    PLAIN,
    SYN,
    kind,
    msg,
    prot,
)
from properties.attack import STRANGE, accepted, arrived
from properties.claim import Claim

_TEXT_READ = conj(STRANGE, kind == DATA)
_DELIVERED = Fired("bgp-message", *sorted(BGP_MESSAGE_TABLE.row_names()))
_TEXT = kind.among(DATA, FIN) & (msg != NO_MSG)  # an ACK only says what it acknowledges
# The SA that an impostor has with A is called g2, the one with B g1.
_TO_IMPOSTOR = (IMPOSTOR_HERE == PHASE_2) & disj((ME == "A") & Sent("segments", (prot == ESP_G2) & _TEXT),
                                                 (ME == "B") & Sent("segments", (prot == ESP_G1) & _TEXT))
_IN_PLAINTEXT = Sent("segments", (prot == PLAIN) & _TEXT) & ON_PATH
_UP: Expr = Post(BGP.among(BGP_OPEN_CONFIRM, BGP_ESTABLISHED))
_RUNNING = (BGP == BGP_ESTABLISHED) & ~CLOSES
_ENDS = Post(BGP != BGP_ESTABLISHED)
_OTHER_ACTS = disj(Fired("informational", "unprotected", "Delete: pair removed", "Delete: unknown SPI", "Delete: deferred"),
                   Fired("tcp", "hard error", "hard error treated as soft"), Fired("intruder", "INITIAL-CONTACT believed"))
_HASH = Fired("intruder", "AM2: HASH_R to whoever asks")
_MD5 = reading("md5") == "on"
_ONLY = ("attacker",)

CLAIMS = (
    Claim("text-stays-secret", "No BGP message leaves an end in a form that an attacker can read.", "draft 2 l.128-129, threat [1]",
          _IN_PLAINTEXT | _TO_IMPOSTOR, Sent("segments", _TEXT), _ONLY),
    Claim("text-is-genuine", "What BGP is given to read was written by the neighbour's BGP.", "draft 2 l.131-132, threat [2]",
          accepted(_TEXT_READ) & _DELIVERED, arrived(_TEXT_READ), _ONLY),
    Claim("session-is-with-neighbour", "No session comes up or goes on with text that the neighbour's BGP did not write.",
          "draft 2 l.134, threat [3]; 3.6 l.630-632", accepted(_TEXT_READ) & _DELIVERED & _UP, arrived(_TEXT_READ), _ONLY),
    Claim("session-outlives-attack", "A session that neither end is about to close does not end.", "draft 2 l.140-141, threat [4]",
          _RUNNING & _ENDS, _RUNNING & (arrived(STRANGE) | _OTHER_ACTS | _ENDS), _ONLY),
    Claim("negotiation-is-not-weakened",
          "No connection begins outside the protection that is configured, and nobody is shown a value by which a key can be guessed.",
          "draft 2 l.143-145, threat [5]",
          disj(IPSEC & Fired("spd", "PLAIN accepted", where=STRANGE & (kind == SYN)) & Fired("tcp", "SYN"), _HASH,
               _MD5 & ON_PATH & Sent("segments", prot == PLAIN)),
          disj(IPSEC & arrived(STRANGE & (kind == SYN)), _HASH, _MD5 & Sent("segments", prot == PLAIN)), _ONLY),
)
"""In the order of the draft: snooping, modification, hijacking, termination, weakening."""
