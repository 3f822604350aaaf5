"""The checks that find a change: ICV and TCP checksum, and what NAT does to the latter (draft 3.7, 3.10)."""

from __future__ import annotations

import z3

from verify.numbers.claims import Claim, Fails, ForAll
from verify.numbers.figure import Figure

TOPIC = "integrity"
ICV_BITS, CHECKSUM_BITS = 96, 16  # RFC 2404 2; RFC 9293 3.1


def _stronger(value: int) -> tuple[Claim, ...]:
    return (ForAll(z3.IntVal(1 << CHECKSUM_BITS) * value == 1 << ICV_BITS),)


def _invalidated(value: str) -> tuple[Claim, ...]:
    """Whatever address NAT puts in place of another, the sum of the pseudo-header changes. The sum is of 16-bit words in one's
    complement, that is modulo 2^16 - 1 (RFC 1071 1, 2)."""
    before, after = z3.Ints("before-high before-low"), z3.Ints("after-high after-low")
    words = z3.And([z3.And(word >= 1, word < 1 << CHECKSUM_BITS) for word in (*before, *after)])
    translated = z3.And(words, z3.Or(before[0] != after[0], before[1] != after[1]))
    ring = (1 << CHECKSUM_BITS) - 1
    claim = ForAll((before[0] + before[1]) % ring != (after[0] + after[1]) % ring, translated)
    return (claim if value == "always" else Fails(claim),)


FIGURES = (
    Figure(
        "icv-strength", TOPIC, "3.7", "l.649-653",
        says="IPsec's integrity is considerably stronger than the 16-bit TCP checksum; no figure",
        stated=None, computed=1 << ICV_BITS - CHECKSUM_BITS,
        formula="2^96 / 2^16", source="RFC 2404 2: 96 bits; RFC 9293 3.1",
        meaning=_stronger,
        reason="how many times rarer a random change passes; against an attacker the checksum is worth nothing at all"),
    Figure(
        "checksum-after-nat", TOPIC, "3.10", "l.824-828",
        says="the TCP checksum will be invalidated by a NAT",
        stated="always", computed="not always",
        formula="sum of the address's two words, modulo 2^16 - 1", source="RFC 1071 1, 2; RFC 9293 3.1",
        meaning=_invalidated,
        reason="an address whose words have the same sum leaves the checksum right, as RFC 6296 does on purpose: one in some 65,000",
        findings=("F-59",)),
)
