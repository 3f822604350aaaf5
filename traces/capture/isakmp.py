"""ISAKMP messages of IKEv1: the header, and what is in the clear (RFC 2408 3, RFC 2409 appendix A). IKEv2 (RFC 7296) is only recognised."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

PORT, NATT_PORT = 500, 4500
HEADER = 28  # octets
MAIN, AGGRESSIVE, INFORMATIONAL, TRANSACTION, QUICK = 2, 4, 5, 6, 32
IKEV2_SA_INIT, IKEV2_AUTH, IKEV2_CREATE, IKEV2_INFORMATIONAL = 34, 35, 36, 37
MODES = {MAIN: "MainMode", AGGRESSIVE: "Aggressive", INFORMATIONAL: "Informational", TRANSACTION: "Transaction", QUICK: "QuickMode"}
SA, HASH, DELETE, PART = 1, 8, 12, 132  # the last: a part of a message, as several daemons send long ones in IKEv1
ENCRYPTED = 1  # flag
ENCRYPTION, HASHING = 1, 2  # attributes
BLOCKS = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 7: 16, 8: 16}  # octets: DES, IDEA, Blowfish, RC5, 3DES, CAST, AES, Camellia
DIGESTS = {1: 16, 2: 20, 3: 24, 4: 32, 5: 48, 6: 64}  # octets: MD5, SHA, Tiger, SHA2-256, -384, -512
MOST_PAYLOADS = 64
ESP_PROTOCOL, AH_PROTOCOL = 3, 2


class Message(NamedTuple):
    """A message's header; `body` is what follows it. Cookies are 8 octets each."""

    initiator: bytes
    responder: bytes
    next_payload: int
    version: int
    exchange: int
    encrypted: bool
    message_id: int
    length: int
    body: bytes


class Suite(NamedTuple):
    """Octets of a cipher's block and of the hash that a phase 1 SA agreed on."""

    block: int
    digest: int


def message(data: bytes) -> Message | None:
    """The message that a UDP datagram carries; None where the header cannot be one."""
    if len(data) < HEADER:
        return None
    initiator, responder, following, version, exchange, flags, ident, length = struct.unpack_from("!8s8sBBBBII", data)
    major = version >> 4
    if major not in (1, 2) or length < HEADER or initiator == bytes(8):
        return None
    if (major == 1 and exchange not in MODES) or (major == 2 and not IKEV2_SA_INIT <= exchange <= 43):
        return None
    return Message(initiator, responder, following, major, exchange, bool(flags & ENCRYPTED), ident, length, data[HEADER:length])


def payloads(kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content) of a chain in the clear, as far as it is well formed."""
    at = 0
    for _ in range(MOST_PAYLOADS):
        if not kind or at + 4 > len(body):
            return
        following, length = body[at], int.from_bytes(body[at + 2:at + 4])
        if length < 4 or at + length > len(body):
            return
        yield kind, body[at + 4:at + length]
        kind, at = following, at + length


def suite(one: Message) -> Suite | None:
    """What the only transform of a Security Association payload in the clear names; None where it names none or several."""
    if one.encrypted:
        return None
    found = [content for kind, content in payloads(one.next_payload, one.body) if kind == SA]
    if len(found) != 1 or len(found[0]) < 16:
        return None
    proposal = found[0][8:]  # behind DOI and situation
    if proposal[7] != 1:  # transforms
        return None
    transform = proposal[8 + proposal[6]:][8:]
    values = dict(_attributes(transform))
    block, digest = BLOCKS.get(values.get(ENCRYPTION, 0)), DIGESTS.get(values.get(HASHING, 0))
    return Suite(block, digest) if block and digest else None


def _attributes(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 4 <= len(data):
        kind, value = struct.unpack_from("!HH", data, at)
        if kind & 0x8000:
            yield kind & 0x7FFF, value
            at += 4
        else:
            at += 4 + value


def last_part(one: Message) -> bool:
    """Is this a whole message, or the last part of one? A part: number and flags behind its identifier, 1 marks the last."""
    return one.version != 1 or one.next_payload != PART or (len(one.body) >= 8 and bool(one.body[7] & 1))


def clear_deletes(one: Message) -> list[bytes]:
    """The SPIs that Delete payloads in the clear name. IKE heeds none of them once phase 1 is up (RFC 2409 5.7)."""
    if one.encrypted or one.exchange != INFORMATIONAL:
        return []
    spis = []
    for kind, content in payloads(one.next_payload, one.body):
        if kind == DELETE and len(content) >= 8 and content[4] in (ESP_PROTOCOL, AH_PROTOCOL) and content[5] == 4:
            spis += [content[at:at + 4] for at in range(8, min(len(content) - 3, 8 + 4 * int.from_bytes(content[6:8])), 4)]
    return spis


def could_delete(size: int, agreed: Suite | None) -> str:
    """What an encrypted Informational with `size` octets behind the header may hold: "delete" (one or two SPIs of phase 2 SAs),
    "other" (something longer or shorter: a Delete of the phase 1 SA, dead-peer detection), or "either".

    HASH payload 4 + digest; Delete 12 + 4 an SPI of ESP, 12 + 16 of ISAKMP; R-U-THERE 12 + 16 + 4 (RFC 2408 3.14, 3.15, RFC 3706 5.2);
    padded to the cipher's block, by up to a whole one.
    """
    if agreed is None:
        return "either"
    block, base = agreed.block, 4 + agreed.digest
    def fits(content: int) -> bool:
        return size % block == 0 and size - block <= base + content <= size
    if not (fits(12 + 4) or fits(12 + 8)):
        return "other"
    return "either" if fits(12 + 16) or fits(12 + 20) else "delete"
