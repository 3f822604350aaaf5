"""What IPsec lets in and out: what TCP accepts was sent by the neighbour, and once; and all that the neighbour sent is let in."""

from __future__ import annotations

from model.expr import Expr, Fired, Sent, conj
from model.restart import RESTARTED
from model.signals import FORGED, INSIDER, ME, PLAIN, origin, prot
from properties.claim import Claim

# Sent by nobody that the receiver has its SA or its connection with.
STRANGE: Expr = origin.among(FORGED, INSIDER)
PLAIN_ARRIVED = ("PLAIN accepted", "PLAIN dropped", "PLAIN without digest dropped", "PLAIN data refused by BGP")
ESP_ARRIVED = ("ESP accepted", "ESP without digest dropped", "unknown SPI", "outside the selectors")


def accepted(where: Expr) -> Expr:
    """In this step a segment with such a header passed inbound IPsec processing."""
    return Fired("spd", "PLAIN accepted", where=where) | Fired("ipsec", "ESP accepted", where=where)


def arrived(where: Expr) -> Expr:
    """In this step a segment with such a header came to inbound IPsec processing."""
    return Fired("spd", *PLAIN_ARRIVED, where=where) | Fired("ipsec", *ESP_ARRIVED, where=where)


# An end that restarted; whose numbers begin at 1 again. g0 is there from before.
_RESTARTED_HERE = conj(RESTARTED == "A", ME == "A") | conj(RESTARTED == "B", ME == "B")

CLAIMS = (
    Claim("accepted-is-authentic", "A segment that TCP accepts was sent by the neighbour.", "draft 2 l.147-149 (MUST), 3.6 l.628-632",
          accepted(STRANGE), arrived(STRANGE), ("teardown", "opening", "attacker")),
    Claim("no-replay", "No ESP packet is accepted twice.", "draft 2 l.147-149 (MUST), 2.1; RFC 2406 3.4.3",
          Fired("ipsec", "ESP accepted twice"), Fired("ipsec", "ESP accepted twice", "replay dropped"), ("teardown", "attacker")),
    Claim("counter-unique",
          "An end that has restarted sends nothing under a key that it used before: its packet numbers have begun anew.",
          "draft 4.5 l.1028-1037; RFC 2406 3.3.3", _RESTARTED_HERE & Sent("segments", prot == "ESP-g0"),
          _RESTARTED_HERE & Sent("segments", prot != PLAIN), ("restart",), needs={"keying": "manual"}),
    Claim("authentic-is-accepted", "A segment that ESP authenticates as the neighbour's reaches TCP.",
          "draft 3.10 l.829-844", Fired("ipsec", "wrong checksum"), Fired("ipsec", "ESP accepted", "wrong checksum"), ("teardown",),
          needs={"natt": "on"}),
)
