"""The size of an ESP packet that carries a TCP segment (RFC 2406 2, 3.1). Octets.

The functions compute with whole numbers and with z3's alike: the figures that are printed and the formulas that are judged are
one rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

IPV4, TCP, UDP = 20, 20, 8  # headers without options: RFC 791 3.1, RFC 9293 3.1, RFC 768
ESP_HEADER, ESP_TRAILER = 8, 2  # SPI and sequence number; pad length and next header: RFC 2406 2
ICV = 12  # HMAC-SHA1-96 and HMAC-MD5-96: RFC 2404, RFC 2403
ETHERNET = 1500  # path MTU of the figures that need one
LARGEST = 65535  # octets of an IPv4 packet: RFC 791 3.1


@dataclass(frozen=True)
class Suite:
    """What a cipher does to the size. align: what text, padding and trailer come to a multiple of; at least 4 (RFC 2406 2.4)."""

    name: str
    iv: int
    align: int
    source: str


@dataclass(frozen=True)
class Mode:
    """How ESP encloses a segment: with an inner IP header or not, inside UDP or not."""

    name: str
    tunnel: bool
    udp: bool
    source: str


SUITES: Mapping[str, Suite] = {one.name: one for one in (
    Suite("null", 0, 4, "RFC 2410 2.2, 2.3; RFC 2406 2.4"),
    Suite("des-cbc", 8, 8, "RFC 2405 3, 3.1"),
    Suite("3des-cbc", 8, 8, "RFC 2451 2.4, 3"),
    Suite("aes-cbc", 16, 16, "RFC 3602 2.4, 3"),
    Suite("aes-ctr", 8, 4, "RFC 3686 3.1, 3.2; RFC 2406 2.4"),
)}
MODES: Mapping[str, Mode] = {one.name: one for one in (
    Mode("transport", False, False, "RFC 2406 3.1"),
    Mode("tunnel", True, False, "RFC 2406 3.1"),
    Mode("transport-udp", False, True, "RFC 3948 2.1, 3.2"),
    Mode("tunnel-udp", True, True, "RFC 3948 2.1, 3.4"),
)}


@dataclass(frozen=True)
class Sizes:
    """The parts of a packet, in the order in which they are sent. The IP header is the first."""

    ip: int
    udp: int
    esp: int
    iv: int
    inner_ip: int
    tcp: int
    data: Any
    padding: Any
    trailer: int
    icv: int

    @property
    def encrypted(self) -> Any:
        """What is encrypted, without the IV."""
        return self.inner_ip + self.tcp + self.data + self.padding + self.trailer

    @property
    def packet(self) -> Any:
        return self.ip + self.udp + self.esp + self.iv + self.encrypted + self.icv

    @property
    def overhead(self) -> Any:
        """How much more it is than the segment in its IP packet without IPsec."""
        return self.packet - self.ip - self.tcp - self.data


def sizes(suite: Suite, mode: Mode, data: Any, icv: int = ICV) -> Sizes:
    """The sizes of a segment with so many octets of TCP data, over IPv4."""
    inner = IPV4 if mode.tunnel else 0
    loose = inner + TCP + data + ESP_TRAILER
    return Sizes(IPV4, UDP if mode.udp else 0, ESP_HEADER, suite.iv, inner, TCP, data, (suite.align - loose % suite.align) % suite.align,
                 ESP_TRAILER, icv)


def largest(suite: Suite, mode: Mode, mtu: int, icv: int = ICV) -> int | None:
    """The most TCP data that a packet of up to `mtu` octets carries; None where not even an empty segment fits."""
    outside = IPV4 + (UDP if mode.udp else 0) + ESP_HEADER + suite.iv + icv
    room = (mtu - outside) // suite.align * suite.align - ESP_TRAILER - TCP - (IPV4 if mode.tunnel else 0)
    return room if room >= 0 else None


def blocks(encrypted: Any, bits: int) -> Any:
    """How many cipher blocks of so many bits."""
    octets = bits // 8
    whole = encrypted + octets - 1
    return whole // octets if isinstance(whole, int) else whole / octets  # z3 divides whole numbers with `/`
