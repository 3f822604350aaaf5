"""No segment of a BGP connection outside ESP: sent, or accepted."""

from __future__ import annotations

from model.expr import TRUE, Fired, Peer, Post, Sent
from model.history import OPENED
from model.signals import PLAIN, SYN, kind, prot
from properties.claim import Claim
from properties.vocabulary import HAS_OUT

ACCEPTS = ("PLAIN accepted",)
REFUSES = ("PLAIN dropped", "PLAIN without digest dropped", "PLAIN data refused by BGP")
SINCE_OPEN = Post(OPENED) | Peer(OPENED)
_BOTH = ("teardown", "opening")
_OUT = (*_BOTH, "phase1")

CLAIMS = (
    Claim("no-plaintext-out",
          "No segment of a BGP connection leaves an end outside ESP, from the first SYN to the last RST.",
          "draft 2 l.147-150 (MUST), 3.2 l.436-439 (MUST), 3.3 l.530-532",
          Sent("segments", prot == PLAIN), Sent("segments", TRUE), (*_OUT, "rekey", "restart", "attacker")),
    Claim("no-plaintext-after-open",
          "From the first BGP OPEN on, that one included, no segment of the connection leaves an end outside ESP.",
          "draft 2 l.147-150 (MUST), 3.2 l.458-461 (MUST)",
          SINCE_OPEN & Sent("segments", prot == PLAIN), SINCE_OPEN & Sent("segments", TRUE), _OUT),
    Claim("no-plaintext-in",
          "No segment that arrives outside ESP is accepted, in any state of TCP, LISTEN included.",
          "draft 3.6 l.628-630 (MUST)",
          Fired("spd", *ACCEPTS), Fired("spd", *ACCEPTS, *REFUSES), (*_BOTH, "attacker")),
    Claim("syn-after-own-phase2",
          "A SYN leaves an end only when that end has completed phase 2.",
          "draft 3.2 l.436-439 (MUST), as far as one end can know it",
          Sent("segments", kind == SYN) & ~Post(HAS_OUT), Sent("segments", kind == SYN), ("opening", "phase1")),
    Claim("syn-after-both-phase2",
          "A SYN leaves an end only when both ends have completed phase 2.",
          "draft 3.2 l.436-439 (MUST), as written",
          Sent("segments", kind == SYN) & ~(Post(HAS_OUT) & Peer(HAS_OUT)), Sent("segments", kind == SYN), ("opening", "phase1")),
)
