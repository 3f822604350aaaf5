"""Captures made with scapy, for tests: two hosts, their IKE messages, SAs and a BGP connection. None of the project's readers is used."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.ipsec import AH, ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
PORT = 40001
MARKER = b"\xff" * 16
OPEN = MARKER + b"\x00\x1d\x01" + b"\x04\xfd\xe8\x00\x5a\xc0\x00\x02\x01\x00"
KEEPALIVE = MARKER + b"\x00\x13\x04"
CEASE = MARKER + b"\x00\x15\x03\x06\x02"
AES_KEY, SHA_KEY = bytes(range(16)), bytes(range(20))
DELETE, DELETE_PHASE1, DPD = 48, 64, 64  # octets behind the ISAKMP header with AES and SHA
MAIN, AGGRESSIVE, INFORMATIONAL, QUICK = 2, 4, 5, 32
FIN_TIME = 10.0


def key_lines(spis=(0xC0000001, 0xC0000002), cipher="AES-CBC [RFC3602]", key=AES_KEY):
    """A file of keys for SAs from A to B and back."""
    lines = [f'"IPv4","{one}","{other}","0x{spi:08x}","{cipher}","0x{key.hex()}","HMAC-SHA-1-96 [RFC2404]","0x{SHA_KEY.hex()}"'
             for (one, other), spi in zip(((A, B), (B, A)), spis, strict=True)]
    return "".join(f"{line}\n" for line in lines)


def ethernet(packet):
    """A packet in a frame with addresses of its own: without them scapy would ask the network."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet


@dataclass
class Wire:
    """The packets of a capture, as they are made."""

    packets: list = field(default_factory=list)
    now: float = 0.0
    sas: dict = field(default_factory=dict)  # (from, to): scapy's SA, or None
    cookie: bytes = b"initiato"
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    messages: int = 0

    def put(self, packet, after=0.001):
        self.now += after
        packet = ethernet(packet)
        packet.time = 1_700_000_000 + self.now
        self.packets.append(packet)
        return len(self.packets)  # the frame

    # IKE

    def ike(self, source, target, exchange, body, following=8, encrypted=True, mid=0, after=0.01):
        header = struct.pack("!8s8sBBBBII", self.cookie, b"responde", following, 0x10, exchange, int(encrypted), mid, 28 + len(body))
        return self.put(IP(src=source, dst=target) / UDP(sport=500, dport=500) / Raw(header + body), after)

    def main_mode(self, hashing=2):
        transform = bytes((0, 0, 0, 24, 1, 1, 0, 0)) + struct.pack("!HHHHHHHH", 0x8001, 7, 0x8002, hashing, 0x8003, 1, 0x8004, 14)
        proposal = bytes((0, 0)) + struct.pack("!H", 8 + len(transform)) + bytes((1, 1, 0, 1)) + transform
        payload = bytes((0, 0)) + struct.pack("!H", 12 + len(proposal)) + struct.pack("!II", 1, 1) + proposal
        for number in range(3):
            for source, target in ((A, B), (B, A)):
                body = payload if number == 0 else self.chance.randbytes(100)
                self.ike(source, target, MAIN, body, 1 if number == 0 else 4 if number == 1 else 5, encrypted=number == 2)

    def quick_mode(self, messages=3, source=A, target=B):
        self.messages += 1
        for number in range(messages):
            one, other = ((source, target), (target, source))[number % 2]
            self.ike(one, other, QUICK, self.chance.randbytes(160), mid=self.messages)

    def informational(self, source, size, after=0.01):
        self.messages += 1
        return self.ike(source, B if source == A else A, INFORMATIONAL, self.chance.randbytes(size), mid=self.messages, after=after)

    # SAs

    def install(self, spis=(0xC0000001, 0xC0000002), null=True, mode=ESP, header=None):
        for (one, other), spi in zip(((A, B), (B, A)), spis, strict=True):
            how = {"auth_algo": "HMAC-SHA1-96", "auth_key": SHA_KEY, "seq_num": 1}
            if mode is ESP:
                how |= {"crypt_algo": "NULL", "crypt_key": None} if null else {"crypt_algo": "AES-CBC", "crypt_key": AES_KEY}
            self.sas[one, other] = SecurityAssociation(mode, spi=spi, tunnel_header=header and IP(src=one, dst=other), **how)

    def drop_sas(self):
        self.sas.clear()

    def send(self, packet, after=0.001):
        sa = self.sas.get((packet.src, packet.dst))
        packet = IP(bytes(packet))
        return self.put(packet if sa is None else sa.encrypt(packet), after)

    def save(self, folder, name="made.pcap", packets=None):
        path = Path(folder) / name
        wrpcap(str(path), self.packets if packets is None else packets)
        return path


@dataclass
class Connection:
    """A TCP connection from A to B over a wire."""

    wire: Wire
    port: int = PORT
    server: int = 179
    client: str = A
    target: str = B
    isn: int = 1000

    def __post_init__(self):
        self.next = {self.client: self.isn, self.target: 9000}

    def segment(self, source, flags, data=b"", after=0.001):
        target = self.target if source == self.client else self.client
        ports = (self.port, self.server) if source == self.client else (self.server, self.port)
        packet = IP(src=source, dst=target) / TCP(sport=ports[0], dport=ports[1], seq=self.next[source], flags=flags,
                                                  ack=self.next[target] if "A" in flags else 0) / Raw(data)
        self.next[source] += len(data) + ("S" in flags) + ("F" in flags)
        return self.wire.send(packet, after)

    def up(self):
        frames = [self.segment(self.client, "S"), self.segment(self.target, "SA"), self.segment(self.client, "A")]
        return frames[0]

    def talk(self, first=OPEN, rounds=2):
        for source in (self.client, self.target):
            self.segment(source, "PA", first)
        for _ in range(rounds):
            for source in (self.client, self.target):
                self.segment(source, "PA", KEEPALIVE)

    def down(self):
        self.segment(self.client, "PA", CEASE)
        self.segment(self.client, "FA")
        self.segment(self.target, "FA")
        return self.segment(self.client, "A")


def protected(null=True, until_delete=65.0, hashing=2, header=None):
    """A whole life that keeps every rule: IKE, SA, connection, TIME-WAIT, Delete."""
    wire = Wire()
    wire.main_mode(hashing)
    wire.quick_mode()
    wire.install(null=null, header=header)
    one = Connection(wire)
    one.up()
    one.talk()
    one.down()
    if until_delete is not None:
        wire.informational(A, DELETE, after=until_delete)
        wire.informational(A, DELETE_PHASE1, after=1)
    return wire


__all__ = ["AH", "Connection", "Wire", "ethernet", "key_lines", "protected"]
