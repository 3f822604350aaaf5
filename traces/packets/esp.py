"""ESP in transport mode (RFC 2406, 2402; RFC 3602, 2451, 2404), in UDP where there is a NAT (RFC 3948); built by scapy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scapy.layers.inet import UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet

from traces.packets.cipher import Suite
from traces.packets.draws import draw
from traces.packets.hosts import NATT_PORT


@dataclass
class Sa:
    """One direction of an SA pair. `count`: the last sequence number sent. `pairs`: the addresses it was used between."""

    suite: Suite
    spi: int
    key: bytes
    auth: bytes
    natt: bool
    count: int = 0
    pairs: dict[tuple[str, str], None] = field(default_factory=dict)

    def seal(self, packet: Packet) -> Packet:
        """The next packet of this SA."""
        self.count += 1
        encapsulation = UDP(sport=NATT_PORT, dport=NATT_PORT) if self.natt else None
        sa: Any = SecurityAssociation
        sealed: Packet = sa(ESP, spi=self.spi, crypt_algo=self.suite.scapy, crypt_key=self.key, auth_algo="HMAC-SHA1-96",
                            auth_key=self.auth, nat_t_header=encapsulation).encrypt(
                                packet, seq_num=self.count, iv=draw(self.suite.block, "iv", self.spi, self.count))
        return sealed

    def line(self, source: str, target: str) -> str:
        """This SA in Wireshark's file `esp_sa`."""
        protocol = "IPv6" if ":" in source else "IPv4"
        fields = (protocol, source, target, f"0x{self.spi:08x}", self.suite.wireshark, f"0x{self.key.hex()}", "HMAC-SHA-1-96 [RFC2404]",
                  f"0x{self.auth.hex()}")
        return ",".join(f'"{one}"' for one in fields)
