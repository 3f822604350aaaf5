"""Values that look drawn at random and are the same each time: a hash of a name."""

from __future__ import annotations

import hashlib


def draw(size: int, *names: object) -> bytes:
    """`size` bytes (SHAKE256) for a name."""
    return hashlib.shake_256("/".join(map(str, names)).encode()).digest(size)


def number(bits: int, *names: object) -> int:
    """A whole number of at most `bits` bits (a multiple of 8)."""
    return int.from_bytes(draw(bits // 8, *names))


def spi(*names: object) -> int:
    """An SPI: 32 bits, none of the reserved values 0 to 255 (RFC 2406 2.1)."""
    return 0xC0000000 | number(32, "spi", *names) >> 2
