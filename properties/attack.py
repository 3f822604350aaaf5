"""What holds against an attacker without keys."""

from __future__ import annotations

from model.expr import Fired
from model.signals import FORGED, origin
from properties.claim import Claim

TAKEN = ("PLAIN accepted",)
ARRIVED = ("PLAIN accepted", "PLAIN dropped", "PLAIN data refused by BGP")

CLAIMS = (
    Claim("accepted-is-authentic", "A segment that TCP accepts was sent by the neighbour.", "draft 2 l.147-149 (MUST), 3.6 l.628-632",
          Fired("spd", *TAKEN, where=origin == FORGED), Fired("spd", *ARRIVED, where=origin == FORGED), ("teardown", "opening")),
    Claim("no-replay", "No ESP packet is accepted twice.", "draft 2 l.147-149 (MUST), 2.1; RFC 2406 3.4.3",
          Fired("ipsec", "ESP accepted twice"), Fired("ipsec", "ESP accepted twice", "replay dropped"), ("teardown",)),
)
