"""From a link-layer frame to where the IP header begins. Link types: https://www.tcpdump.org/linktypes.html"""

from __future__ import annotations

NULL, ETHERNET, PPP, RAW_BSD, RAW_OPENBSD, PPP_HDLC, RAW, C_HDLC, LOOP, SLL, IPV4, IPV6, SLL2 = (
    0, 1, 9, 12, 14, 50, 101, 104, 108, 113, 228, 229, 276)
TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00")  # 802.1Q, 802.1ad, and two from before it
IP = (b"\x08\x00", b"\x86\xdd")
PPP_IP = (b"\x00\x21", b"\x00\x57")
MOST_TAGS = 4


def network(link: int, data: bytes) -> int:
    """The offset of the IPv4 or IPv6 header, -1 where the frame carries neither, -2 where the link type is not known."""
    if link == ETHERNET:
        return _typed(data, 12)
    if link == SLL:
        return _typed(data, 14)
    if link == SLL2:
        return 20 if data[0:2] in IP else _tagged(data, 0, 20)
    if link in (RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6):
        return 0
    if link in (NULL, LOOP):
        return 4
    if link == C_HDLC:
        return _typed(data, 2)
    if link in (PPP, PPP_HDLC):
        at = 2 if data[:2] == b"\xff\x03" else 0
        return at + 2 if data[at:at + 2] in PPP_IP else -1
    return -2


def _typed(data: bytes, at: int) -> int:
    """Where the EtherType stands at `at`, with VLAN tags before it skipped."""
    kind = data[at:at + 2]
    return at + 2 if kind in IP else _tagged(data, at, at + 2)


def _tagged(data: bytes, at: int, after: int) -> int:
    for _ in range(MOST_TAGS):
        if data[at:at + 2] not in TAGS:
            return -1
        at, after = after + 2, after + 4  # tag control information, then the next EtherType
        if data[at:at + 2] in IP:
            return after
    return -1
