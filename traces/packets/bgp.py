"""BGP messages as bytes (RFC 4271 4)."""

from __future__ import annotations

import ipaddress
import struct

AS = {"A": 64496, "B": 64497}  # RFC 5398
IDENTIFIER = {"A": "192.0.2.1", "B": "192.0.2.2"}
HOLD_TIME = 90
PORT = 179
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
# Error code and subcode of the NOTIFICATION that an event of the FSM brings (RFC 4271 4.5, RFC 4486).
ERRORS = {2: (6, 2), 8: (6, 0), 10: (4, 0), 12: (6, 0), 21: (1, 1), 22: (2, 0), 23: (6, 7), 24: (2, 1), 28: (3, 0)}
FSM_ERROR = (5, 0)


def message(kind: int, body: bytes = b"") -> bytes:
    """The header of 4.1 and a body."""
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def open_(end: str) -> bytes:
    """4.2, without optional parameters."""
    return message(OPEN, struct.pack("!BHH4sB", 4, AS[end], HOLD_TIME, ipaddress.IPv4Address(IDENTIFIER[end]).packed, 0))


def keepalive() -> bytes:
    """4.4."""
    return message(KEEPALIVE)


def update(end: str) -> bytes:
    """4.3: one prefix, with ORIGIN IGP, AS_PATH and NEXT_HOP."""
    attributes = bytes((0x40, 1, 1, 0)) + struct.pack("!BBBBBH", 0x40, 2, 4, 2, 1, AS[end])
    attributes += struct.pack("!BBB4s", 0x40, 3, 4, ipaddress.IPv4Address(IDENTIFIER[end]).packed)
    prefix = bytes((24, 198, 51, 100)) if end == "A" else bytes((24, 203, 0, 113))
    return message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + prefix)


def notification(event: int | None) -> bytes:
    """4.5; `event`: the number of the FSM's event it answers."""
    return message(NOTIFICATION, bytes(ERRORS.get(event or 0, FSM_ERROR)))


def text(name: str, end: str, event: int | None = None) -> bytes:
    """A message by its name in the model, as `end` sends it."""
    if name == "OPEN":
        return open_(end)
    if name == "UPDATE":
        return update(end)
    return keepalive() if name == "KEEPALIVE" else notification(event)
