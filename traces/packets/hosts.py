"""The hosts: addresses, ports, and the layers below what they send (Ethernet, IP, UDP), built by scapy."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from traces.packets import bgp
from traces.packets.tcp import Segment

# The ends; somebody else's host (an attacker, or an impostor without the neighbour's address); B after its NAT's mapping changed.
IPV4 = {"A": "10.9.0.1", "B": "10.9.0.2", "other": "10.9.0.66", "remapped": "10.9.0.3"}
IPV6 = {"A": "fd00:9::1", "B": "fd00:9::2", "other": "fd00:9::66", "remapped": "fd00:9::3"}
MAC = {"A": "02:00:00:00:00:0a", "B": "02:00:00:00:00:0b", "other": "02:00:00:00:00:66", "remapped": "02:00:00:00:00:0b"}
BGP_PORT = bgp.PORT
EPHEMERAL = 49152
IKE_PORT, NATT_PORT = 500, 4500
OVERHEAD = 1500 - 20  # Ethernet's MTU less the TCP header, before the IP header is taken off


@dataclass(frozen=True)
class Hosts:
    """How packets between the ends look."""

    ipv6: bool = False

    def address(self, name: str) -> str:
        return (IPV6 if self.ipv6 else IPV4)[name]

    def packed(self, name: str) -> bytes:
        return ipaddress.ip_address(self.address(name)).packed

    def ip(self, source: str, target: str, ident: int) -> Packet:
        """An IP header; scapy fills in lengths, protocol and checksum."""
        if self.ipv6:
            return IPv6(src=self.address(source), dst=self.address(target), hlim=255)
        return IP(src=self.address(source), dst=self.address(target), id=ident, ttl=255, flags="DF")

    def tcp(self, segment: Segment) -> Packet:
        mss = [("MSS", OVERHEAD - (40 if self.ipv6 else 20))] if "S" in segment.flags else []
        layer = TCP(sport=segment.source, dport=segment.target, flags=segment.flags, seq=segment.seq, ack=segment.ack, window=16384,
                    options=mss)
        return layer / Raw(segment.text) if segment.text else layer

    def unreachable(self, source: str, target: str, ident: int, segment: Segment) -> Packet:
        """Destination unreachable, port, about a segment that `target` sent (RFC 792, RFC 4443 3.1)."""
        peer = "B" if target == "A" else "A"
        quoted = bytes(self.ip(target, peer, ident) / self.tcp(segment))
        if self.ipv6:
            return self.ip(source, target, ident) / ICMPv6DestUnreach(code=4) / Raw(quoted)
        return self.ip(source, target, ident) / ICMP(type=3, code=3) / Raw(quoted[:28])


def udp(port: int, payload: bytes) -> Packet:
    """IKE's datagram; on the NAT-T port behind the marker that tells it from ESP (RFC 3948 2.2)."""
    return UDP(sport=port, dport=port) / Raw((b"\0" * 4 if port == NATT_PORT else b"") + payload)


def frame(source: str, target: str, packet: Packet) -> bytes:
    """The Ethernet frame of an IP packet."""
    return bytes(Ether(src=MAC[source], dst=MAC[target]) / packet)
