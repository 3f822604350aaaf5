"""BGP-4 message headers at the beginning of a TCP stream (RFC 4271 4.1)."""

from __future__ import annotations

MARKER = b"\xff" * 16
HEADER = 19  # octets
TYPES = {1: "OPEN", 2: "UPDATE", 3: "NOTIFICATION", 4: "KEEPALIVE", 5: "ROUTE-REFRESH"}
SHORTEST = {1: 29, 2: 23, 3: 21, 4: 19, 5: 23}
LONGEST = 4096  # 65535 only after an OPEN has agreed on it (RFC 8654)
NOT_BGP = "no BGP message"


def first_message(stream: bytes) -> str | None:
    """What a stream begins with: a message's type, `NOT_BGP`, or None as long as too little of it is there to tell."""
    if not MARKER.startswith(stream[:16]):
        return NOT_BGP
    if len(stream) < HEADER:
        return None
    length, kind = int.from_bytes(stream[16:18]), stream[18]
    if kind not in TYPES or not SHORTEST[kind] <= length <= LONGEST:
        return NOT_BGP
    return TYPES[kind]
