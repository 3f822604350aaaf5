"""The pcapng file (draft-ietf-opsawg-pcapng): section header, one Ethernet interface, packets with comments.

scapy's writer writes no section comment, and straight into a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
COMMENT, APPLICATION, NAME, RESOLUTION = 1, 4, 2, 9
ETHERNET, LONGEST = 1, 0xFFFF
MICRO = 6  # time stamps count 10**-6 s


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + padded(value)


def text(code: int, value: str) -> bytes:
    """A text option, cut off where it is longer than an option can be."""
    return option(code, value.encode()[:LONGEST].decode(errors="ignore").encode())


def padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % 4)


def block(kind: int, body: bytes, options: Iterable[bytes]) -> bytes:
    listed = b"".join(options)
    whole = padded(body) + (listed + struct.pack("<HH", 0, 0) if listed else b"")
    size = struct.pack("<I", 12 + len(whole))
    return struct.pack("<I", kind) + size + whole + size


def pcapng(comment: str, packets: Iterable[tuple[Decimal, bytes, Sequence[str]]]) -> bytes:
    """A file of packets, each as (seconds since 1970, frame, comments)."""
    blocks = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), [text(COMMENT, comment), text(APPLICATION, "lockstep")]),
              block(INTERFACE, struct.pack("<HHI", ETHERNET, 0, 0), [text(NAME, "wire"), option(RESOLUTION, bytes([MICRO]))])]
    for time, data, comments in packets:
        stamp = int(time.scaleb(MICRO))
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
        blocks.append(block(PACKET, head + data, [text(COMMENT, one) for one in comments]))
    return b"".join(blocks)
