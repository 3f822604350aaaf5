"""ESP overhead and the path MTU (draft 3.5, 3.8)."""

from __future__ import annotations

from typing import Any

import z3

from verify.numbers.claims import Claim, ForAll, exists
from verify.numbers.esp import ESP_HEADER, ETHERNET, IPV4, LARGEST, MODES, SUITES, UDP, Mode, Suite, largest, sizes
from verify.numbers.figure import Figure

TOPIC = "mtu"
LEAST_MTU, MSS = 68, 1460  # RFC 791 3.2 (a header and 8 octets); RFC 9293 3.7.1 on an Ethernet
HMAC = "HMAC-SHA1-96; IPv4 and TCP without options"
SHOWN = [one for one in SUITES.values() if one.name != "des-cbc"]  # as large as 3des-cbc
# A certificate as IKE sends it, RFC 2408 3.1, 3.8, 3.9, 3.12: header, ID with an IPv4 address, CERT, SIG with RSA of 1024 bits.
ISAKMP, ID, CERT, SIG, CIPHER_BLOCK = 28, 8 + 4, 4 + 1, 4 + 128, 8


def _overhead(suite: Suite, mode: Mode) -> tuple[int, int]:
    found = [sizes(suite, mode, data).overhead for data in range(suite.align)]  # it depends on the data modulo `align`
    return min(found), max(found)


def _overhead_is(suite: Suite, mode: Mode, value: tuple[int, int]) -> tuple[Claim, ...]:
    data = z3.Int("data")
    given, overhead = z3.And(data >= 0, data <= LARGEST), sizes(suite, mode, data).overhead
    return (ForAll(z3.And(overhead >= value[0], overhead <= value[1]), given), exists(z3.And(given, overhead == value[0])),
            exists(z3.And(given, overhead == value[1])))


def _mss_is(suite: Suite, mode: Mode, value: int, mtu: int = ETHERNET) -> tuple[Claim, ...]:
    data = z3.Int("data")
    return (ForAll((sizes(suite, mode, data).packet <= mtu) == (data <= value), data >= 0),)


def _tunnel_costs(value: int) -> tuple[Claim, ...]:
    """What fits in tunnel mode fits in transport mode with so many octets more, and the other way round."""
    data, mtu = z3.Ints("data mtu")
    tunnel, transport = MODES["tunnel"], MODES["transport"]
    return tuple(ForAll((sizes(suite, tunnel, data).packet <= mtu) == (sizes(suite, transport, data + value).packet <= mtu),
                        z3.And(data >= 0, mtu >= LEAST_MTU, mtu <= LARGEST)) for suite in SUITES.values())


def _udp_costs(value: tuple[int, int]) -> tuple[Claim, ...]:
    """The largest segments with and without UDP differ by the one or the other number, and by each at some path MTU."""
    suite = SUITES["aes-cbc"]
    mtu, plain, inside = z3.Ints("mtu plain inside")
    given = z3.And(plain >= 0, inside >= 0, mtu <= LARGEST, *_largest(suite, MODES["transport"], plain, mtu),
                   *_largest(suite, MODES["transport-udp"], inside, mtu))
    return (ForAll(z3.Or(plain - inside == value[0], plain - inside == value[1]), given),
            *(exists(z3.And(given, plain - inside == one)) for one in value))


def _largest(suite: Suite, mode: Mode, data: Any, mtu: Any) -> tuple[Any, Any]:
    return sizes(suite, mode, data).packet <= mtu, sizes(suite, mode, data + 1).packet > mtu


def _least_mtu(mode: str, value: int) -> tuple[Claim, ...]:
    mtu = z3.Int("mtu")
    return (ForAll((sizes(SUITES["aes-cbc"], MODES[mode], 0).packet <= mtu) == (mtu >= value), mtu >= LEAST_MTU),)


def _certificate(value: int) -> tuple[Claim, ...]:
    size = z3.Int("certificate")
    text = ID + CERT + size + SIG
    message = IPV4 + UDP + ISAKMP + text + (CIPHER_BLOCK - text % CIPHER_BLOCK) % CIPHER_BLOCK
    return (ForAll((message <= ETHERNET) == (size <= value), size >= 0),)


def _of_suite(suite: Suite, mode: Mode) -> tuple[Figure, Figure]:
    least, most = _overhead(suite, mode)
    mss = largest(suite, mode, ETHERNET)
    assert mss is not None
    draft = ("3.8", "l.665-675") if mode.tunnel else ("3.10", "l.838-839") if mode.udp else ("3.5", "l.561-567")
    says = "IPsec headers are prepended; no figure"
    parts = f"{'IP 20 + ' if mode.tunnel else ''}{'UDP 8 + ' if mode.udp else ''}ESP {ESP_HEADER} + IV {suite.iv} + padding + 2 + ICV 12"
    source = f"{suite.source}; {mode.source}; RFC 2404"
    return (
        Figure(
            f"overhead-{suite.name}-{mode.name}", TOPIC, *draft,
            says=says,
            stated=None, computed=(least, most), unit="octets",
            formula=f"{parts}; padded to a multiple of {suite.align}", source=source,
            meaning=lambda value: _overhead_is(suite, mode, value),
            assumption=HMAC),
        Figure(
            f"mss-{suite.name}-{mode.name}", TOPIC, *draft,
            says=says,
            stated=None, computed=mss, unit="octets",
            formula=f"the most TCP data in a packet of {ETHERNET} octets", source=source,
            meaning=lambda value: _mss_is(suite, mode, value),
            assumption=f"{HMAC}; path MTU {ETHERNET}"),
    )


FIGURES = (
    *(figure for suite in SHOWN for mode in MODES.values() for figure in _of_suite(suite, mode)),
    Figure(
        "full-segment", TOPIC, "3.5", "l.561-562",
        says="fragmentation can become a concern",
        stated=None, computed=sizes(SUITES["aes-cbc"], MODES["transport"], MSS).packet, unit="octets",
        formula="a full segment of an Ethernet under AES-CBC", source="RFC 9293 3.7.1; RFC 3602 3",
        meaning=lambda value: (ForAll(sizes(SUITES["aes-cbc"], MODES["transport"], z3.IntVal(MSS)).packet == value),),
        reason=f"a sender whose TCP does not know of IPsec fills {MSS} octets, and the packet exceeds {ETHERNET}",
        assumption=HMAC,
        findings=("F-60",)),
    Figure(
        "tunnel-mss", TOPIC, "3.8", "l.665-675",
        says="an additional IP header, and a corresponding decrease of the path MTU; the MSS may fall",
        stated=IPV4, computed=IPV4, unit="octets",
        formula="the inner IPv4 header, under every suite and at every path MTU", source="RFC 2406 3.1",
        meaning=_tunnel_costs,
        reason="padding never changes it: the room inside is the same in both modes",
        assumption="IPv4 without options"),
    Figure(
        "udp-mss", TOPIC, "3.10", "l.838-839",
        says="UDP encapsulation is negotiated where there is a NAT; no figure",
        stated=None, computed=(0, 16), unit="octets",
        formula="a UDP header of 8, rounded to the block", source="RFC 3948 2.1",
        meaning=_udp_costs,
        reason="never a value between: 8 octets are taken from the padding or cost a block",
        assumption=f"AES-CBC, {HMAC}"),
    Figure(
        "least-mtu-transport", TOPIC, "3.5", "l.588-592",
        says="a path MTU that an ICMP message tells should be stored; IPv4 allows 68",
        stated=LEAST_MTU, computed=sizes(SUITES["aes-cbc"], MODES["transport"], 0).packet, unit="octets",
        formula="an empty TCP segment under AES-CBC in transport mode", source="RFC 791 3.2; RFC 1191 3; RFC 3602 3",
        meaning=lambda value: _least_mtu("transport", value),
        reason="below it nothing of the connection leaves at all: a forged message with 68 stops it",
        assumption=HMAC,
        findings=("F-60",)),
    Figure(
        "least-mtu-tunnel", TOPIC, "3.5", "l.588-592",
        says="a path MTU that an ICMP message tells should be stored; IPv4 allows 68",
        stated=LEAST_MTU, computed=sizes(SUITES["aes-cbc"], MODES["tunnel"], 0).packet, unit="octets",
        formula="an empty TCP segment under AES-CBC in tunnel mode", source="RFC 791 3.2; RFC 1191 3; RFC 3602 3",
        meaning=lambda value: _least_mtu("tunnel", value),
        reason="as in transport mode",
        assumption=HMAC,
        findings=("F-60",)),
    Figure(
        "ike-certificate", TOPIC, "3.5", "l.594-598",
        says="a single certificate can be large enough for IKE to be fragmented; no figure",
        stated=None, computed=1291, unit="octets",
        formula="1500 - IP 20 - UDP 8 - ISAKMP 28 = 1444, whole blocks 1440, - ID 12 - CERT 5 - SIG 132",
        source="RFC 2408 3.1, 3.8, 3.9, 3.12",
        meaning=_certificate,
        reason="the largest certificate in a fifth message of Main Mode that is not fragmented",
        assumption=f"path MTU {ETHERNET}, RSA of 1024 bits, ID_IPV4_ADDR, a cipher with blocks of 8 octets"),
)
