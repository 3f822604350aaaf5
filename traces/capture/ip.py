"""IPv4 and IPv6 datagrams (RFC 791, RFC 8200), and putting their fragments together."""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from typing import NamedTuple

IPIP, TCP, UDP, IPV6_IN_IP, ESP, AH, IPCOMP = 4, 6, 17, 41, 50, 51, 108
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
MOST_WAITING = 1024  # datagrams of which some fragments have come
MOST_PIECES = 256  # fragments of one datagram
MOST_EXTENSIONS = 16
MORE_FRAGMENTS, OFFSET = 0x2000, 0x1FFF
_V4 = struct.Struct("!BxHHHxBxx4s4s").unpack_from

Address = bytes  # 4 or 16 octets


class Fragment(NamedTuple):
    """What a fragment says of itself: which datagram, where in it (octets), whether more follow."""

    ident: int
    offset: int
    more: bool


class Datagram(NamedTuple):
    """An IP datagram, or a fragment of one. `missing`: so many octets of its end are not in the file."""

    source: Address
    target: Address
    protocol: int
    payload: bytes
    missing: int
    fragment: Fragment | None = None


def text(address: Address) -> str:
    """An address as people write it."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def datagram(data: bytes, at: int) -> Datagram | None:
    """The datagram whose header begins at `at`; None where there is none."""
    end = len(data)
    if end - at < 20:
        return None
    first = data[at]
    if first >> 4 == 4:
        _, length, ident, flags, protocol, source, target = _V4(data, at)
        header = (first & 15) * 4
        if header < 20 or header > end - at or (length and length < header):
            return None
        stop = at + length if length else end  # 0: segmentation is left to the network card
        piece = None
        if flags & (MORE_FRAGMENTS | OFFSET):
            piece = Fragment(ident, (flags & OFFSET) * 8, bool(flags & MORE_FRAGMENTS))
        return Datagram(source, target, protocol, data[at + header:stop], max(0, stop - end), piece)
    if first >> 4 == 6 and end - at >= 40:
        return _six(data, at, end)
    return None


def _six(data: bytes, at: int, end: int) -> Datagram | None:
    length, protocol = struct.unpack_from("!HB", data, at + 4)
    source, target = data[at + 8:at + 24], data[at + 24:at + 40]
    stop = at + 40 + length if length else end
    missing, stop, at, piece = max(0, stop - end), min(stop, end), at + 40, None
    for _ in range(MOST_EXTENSIONS):
        if protocol not in (HOP_BY_HOP, ROUTING, DESTINATION, FRAGMENT):
            break
        if at + 8 > stop:
            return None
        if protocol == FRAGMENT:
            where, ident = struct.unpack_from("!HI", data, at + 2)
            piece = Fragment(ident, where & 0xFFF8, bool(where & 1))
            size = 8
        else:
            size = (data[at + 1] + 1) * 8
        protocol, at = data[at], at + size
        if piece is not None and piece.offset:
            break  # the rest of the chain is in the first fragment
    if at > stop:
        return None
    return Datagram(source, target, protocol, data[at:stop], missing, piece if piece and (piece.offset or piece.more) else None)


class Fragments:
    """Datagrams of which some fragments have come. The oldest is given up where there are too many; `given_up` counts those."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[tuple[Address, Address, int, int], _Pieces] = OrderedDict()
        self.given_up = 0

    def put(self, one: Datagram) -> Datagram | None:
        """The whole datagram where this fragment completes it."""
        assert one.fragment is not None
        key = (one.source, one.target, one.protocol, one.fragment.ident)
        pieces = self.waiting.get(key)
        if pieces is None:
            if len(self.waiting) >= MOST_WAITING:
                self.waiting.popitem(last=False)
                self.given_up += 1
            pieces = self.waiting[key] = _Pieces()
        if not pieces.put(one):
            del self.waiting[key]
            self.given_up += 1
            return None
        payload = pieces.whole()
        if payload is None:
            return None
        del self.waiting[key]
        return Datagram(one.source, one.target, one.protocol, payload, pieces.missing)


class _Pieces:
    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.got = 0
        self.total: int | None = None
        self.missing = 0

    def put(self, one: Datagram) -> bool:
        """False where it can't become a datagram: too many pieces, or longer than a datagram may be."""
        assert one.fragment is not None
        offset = one.fragment.offset
        if len(self.parts) >= MOST_PIECES or offset + len(one.payload) > 0xFFFF:
            return False
        if offset not in self.parts:  # a copy is left out; what came first stays
            self.parts[offset] = one.payload
            self.got += len(one.payload)
            self.missing += one.missing
        if not one.fragment.more:
            self.total = offset + len(one.payload)
        return True

    def whole(self) -> bytes | None:
        if self.total is None or self.got < self.total:
            return None
        data = b""
        for offset in sorted(self.parts):
            if offset > len(data):
                return None
            data = data[:offset] + self.parts[offset]
        return data[:self.total]
