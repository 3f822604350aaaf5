"""Capture files: pcap in either byte order, with micro- or nanoseconds, and pcapng; both also under gzip.

Sources: draft-ietf-opsawg-pcap (pcap), draft-ietf-opsawg-pcapng (sections, interfaces, enhanced, simple and old packet blocks).
A file is read as a stream, one record at a time, so that its size does not matter. A record that cannot be true (longer than any link's
packets, or running past the end of the file) ends the reading; `Capture.problem` then says where and why, and everything before it counts.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

LONGEST = 1 << 18  # octets: libpcap's MAXIMUM_SNAPLEN; what claims more is not a packet
MOST_INTERFACES = 1 << 16
PCAP = {b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xd4\xc3\xb2\xa1": ("<", 1000),  # magic: byte order, nanoseconds in the fraction's unit
        b"\xa1\xb2\x3c\x4d": (">", 1), b"\x4d\x3c\xb2\xa1": ("<", 1)}
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
SECTION_START, ORDER = b"\x0a\x0d\x0d\x0a", {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
IF_TSRESOL, IF_TSOFFSET = 9, 14
GZIP = b"\x1f\x8b"


class CaptureError(Exception):
    """The file is no capture. One line: what, where, the value, what to do."""


class Record(NamedTuple):
    """One packet of a file: its number from 1 on as in Wireshark, nanoseconds since 1970, link type, octets; `cut`: the snapshot length
    took some of them away."""

    number: int
    time: int
    link: int
    data: bytes
    cut: bool


class Capture:
    """The records of a file, once. `problem` is None until the file ends in any other way than at the end of a record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self.format = "pcap"

    def __iter__(self) -> Iterator[Record]:
        """The records. Raises CaptureError where the file does not begin as a capture, OSError where it cannot be read."""
        with open(self.path, "rb") as file:
            start = file.read(2)
            file.seek(0)
            stream: BinaryIO = io.BufferedReader(_Inflated(file)) if start == GZIP else file
            yield from self._records(stream)

    def _records(self, stream: BinaryIO) -> Iterator[Record]:
        try:
            magic = stream.read(4)
            if magic in PCAP:
                yield from self._pcap(stream, *PCAP[magic])
            elif magic == SECTION_START:
                self.format = "pcapng"
                yield from self._pcapng(stream)
            elif not magic:
                raise CaptureError(f"{self.path}: the file is empty; give a pcap or pcapng file")
            else:
                raise CaptureError(f"{self.path}: no capture: it begins with {magic.hex(' ')}; give a pcap or pcapng file, also gzipped")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.problem = f"the compressed data end early: {error}"

    def _pcap(self, stream: BinaryIO, order: str, unit: int) -> Iterator[Record]:
        head = stream.read(20)
        if len(head) < 20:
            raise CaptureError(f"{self.path}: no capture: the file header has {len(head) + 4} of 24 octets; give a whole file")
        link = struct.unpack(order + "I", head[16:])[0] & 0xFFFF  # the upper bits tell of a frame check sequence
        unpack, read, number = struct.Struct(order + "IIII").unpack, stream.read, 0
        while head := read(16):
            number += 1
            if len(head) < 16:
                self.problem = f"record {number}: the file ends in its header"
                return
            seconds, fraction, kept, length = unpack(head)
            if kept > LONGEST:
                self.problem = f"record {number}: it claims {kept:,} octets, more than any packet has; what follows is not read"
                return
            data = read(kept)
            if len(data) < kept:
                self.problem = f"record {number}: the file ends after {len(data)} of its {kept} octets"
                return
            yield Record(number, seconds * 1_000_000_000 + fraction * unit, link, data, kept < length)

    def _pcapng(self, stream: BinaryIO) -> Iterator[Record]:
        order, number, interfaces, kind_octets = "<", 0, list[tuple[int, int, int, int]](), SECTION_START
        while kind_octets:
            length_octets = stream.read(4)
            if len(kind_octets) < 4 or len(length_octets) < 4:
                self.problem = f"after record {number}: the file ends in a block's header"
                return
            if kind_octets == SECTION_START:
                mark = stream.read(4)
                if mark not in ORDER:
                    if number == 0 and not interfaces:
                        raise CaptureError(f"{self.path}: no capture: a pcapng section without a byte-order mark; give a whole file")
                    self.problem = f"after record {number}: a section without a byte-order mark"
                    return
                order, interfaces = ORDER[mark], []
                done = 12
            else:
                done = 8
            (kind,), (length,) = struct.unpack(order + "I", kind_octets), struct.unpack(order + "I", length_octets)
            if length < done + 4 or length % 4 or length > 4 * LONGEST:
                self.problem = f"after record {number}: a block claims {length:,} octets, which cannot be; what follows is not read"
                return
            body = stream.read(length - done)
            if len(body) < length - done:
                self.problem = f"after record {number}: the file ends after {len(body) + done} of a block's {length} octets"
                return
            body = body[:-4]
            if kind == INTERFACE and len(interfaces) < MOST_INTERFACES and len(body) >= 8:
                interfaces.append(_interface(order, body))
            elif kind in (ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET):
                number += 1
                one = _packet(order, kind, body, interfaces, number)
                if one is None:
                    self.problem = f"record {number}: its block contradicts itself; what follows is not read"
                    return
                yield one
            kind_octets = stream.read(4)


def _interface(order: str, body: bytes) -> tuple[int, int, int, int]:
    """(link type, snapshot length, ticks a second, offset in seconds) of an interface description block."""
    link, _, snap = struct.unpack(order + "HHI", body[:8])
    ticks, offset, at = 1_000_000, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack(order + "HH", body[at:at + 4])
        value = body[at + 4:at + 4 + size]
        if code == 0:
            break
        if code == IF_TSRESOL and len(value) == 1:
            ticks = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** min(value[0], 18)
        elif code == IF_TSOFFSET and len(value) == 8:
            offset = struct.unpack(order + "q", value)[0]
        at += 4 + (size + 3) // 4 * 4
    return link, snap, ticks, offset


def _packet(order: str, kind: int, body: bytes, interfaces: list[tuple[int, int, int, int]], number: int) -> Record | None:
    """A packet block; None where its lengths or its interface cannot be. A simple packet block has no time: it gets 0."""
    if kind == SIMPLE_PACKET:
        if len(body) < 4 or not interfaces:
            return None
        (length,) = struct.unpack(order + "I", body[:4])
        link, snap, _, _ = interfaces[0]
        kept = min(length, snap or length, len(body) - 4)
        return Record(number, 0, link, body[4:4 + kept], kept < length)
    if len(body) < 20:
        return None
    if kind == ENHANCED_PACKET:
        which, high, low, kept, length = struct.unpack(order + "IIIII", body[:20])
    else:
        which, _, high, low, kept, length = struct.unpack(order + "HHIIII", body[:20])
    if which >= len(interfaces) or kept > len(body) - 20:
        return None
    link, _, ticks, offset = interfaces[which]
    time = ((high << 32 | low) * 1_000_000_000) // ticks + offset * 1_000_000_000
    return Record(number, time, link, body[20:20 + kept], kept < length)


class _Inflated(io.RawIOBase):
    """A gzip file as a stream that never inflates more than was asked for. A member that ends early raises EOFError."""

    def __init__(self, file: BinaryIO) -> None:
        self.inner = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.inner.read1(len(buffer))
        buffer[:len(data)] = data
        return len(data)
