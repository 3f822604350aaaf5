"""TCP segments: sequence numbers that fit the order of events (RFC 9293 3.4, 3.10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from traces.packets.draws import number

MOD = 1 << 32
# How far from the next number expected a segment is that someone else sends; windows here are 16384 octets.
DISTANCE = {"exact": 0, "in-window": 1000, "outside": 1 << 30}


@dataclass(frozen=True)
class Segment:
    """One segment. `flags` in scapy's letters; `ack` is 0 where A is not among them."""

    source: int
    target: int
    flags: str
    seq: int
    ack: int = 0
    text: bytes = b""

    @property
    def length(self) -> int:
        """SEG.LEN: text, SYN and FIN."""
        return len(self.text) + ("S" in self.flags) + ("F" in self.flags)


@dataclass
class Tcb:
    """What one end knows of a connection. Numbers are octets after the ISS: SYN is 0, text from 1 on.

    `marks`: after which octet each BGP message of the stream ends. `flights`: text sent, as (first octet, octet after it, when it
    arrives). `received`: RCV.NXT, None before the peer's SYN.
    """

    inc: int
    source: int
    target: int
    iss: int
    stream: bytes = b""
    marks: list[tuple[str, int]] = field(default_factory=list)
    una: int = 0
    nxt: int = 1
    flights: list[tuple[int, int, int]] = field(default_factory=list)
    received: int | None = None

    def number(self, octet: int) -> int:
        return (self.iss + octet) % MOD

    def send(self, name: str, text: bytes) -> None:
        """SEND call: the stream grows."""
        self.stream += text
        self.marks.append((name, 1 + len(self.stream)))

    def receive(self, segment: Segment) -> None:
        """A segment that this TCB takes for its connection's: RCV.NXT and SND.UNA move if its numbers say so."""
        if "S" in segment.flags:
            if self.received is None:
                self.received = (segment.seq + 1) % MOD
        elif self.received is not None and (self.received - segment.seq) % MOD <= segment.length:
            self.received = (segment.seq + segment.length) % MOD
        if "A" in segment.flags:
            acked = (segment.ack - self.iss) % MOD
            if self.una < acked <= self.nxt:
                self.una = acked

    def segment(self, kind: str, name: str = "-", arrives: int = 0, again: bool = False) -> Segment:
        """A segment of this TCB by its name in the model. `name`: the last BGP message that it carries; `arrives`: when, as a number;
        `again`: it is a retransmission, of all that is not acknowledged."""
        if kind == "SYN":
            return self._made("S", 0)
        if kind == "SYN+ACK":
            return self._made("SA", 0)
        if kind == "DATA":
            last = max((end for mark, end in self.marks if mark == name), default=1 + len(self.stream))
            first = self._first(last, arrives, again)
            self.nxt = max(self.nxt, last)
            return self._made("PA", first, self.stream[first - 1:last - 1])
        if kind == "FIN":
            last = 1 + len(self.stream)
            first = last if name == "-" else self._first(last, arrives, again)
            self.nxt = last + 1
            return self._made("FPA" if first < last else "FA", first, self.stream[first - 1:])
        if kind == "RST":
            return Segment(self.source, self.target, "R", self.number(self.nxt))
        return self._made("A", self.nxt)

    def _first(self, last: int, arrives: int, again: bool) -> int:
        """Where the text of a segment begins: at what the peer will not have by then."""
        first = max(self.una, 1)
        for start, end, when in [] if again else self.flights:
            if start <= first < end and when <= arrives:
                first = end
        self.flights.append((min(first, last), last, arrives))
        return min(first, last)

    def _made(self, flags: str, octet: int, text: bytes = b"") -> Segment:
        ack = (self.received or 0) if "A" in flags else 0
        return Segment(self.source, self.target, flags, self.number(octet), ack, text)


def answer(segment: Segment) -> Segment:
    """The RST that a segment gets where there is no connection for it (RFC 9293 3.10.7.1)."""
    if "A" in segment.flags:
        return Segment(segment.target, segment.source, "R", segment.ack)
    return Segment(segment.target, segment.source, "RA", 0, (segment.seq + segment.length) % MOD)


def foreign(kind: str, fit: str, text: bytes, ports: tuple[int, int], victim: Tcb | None, *names: object) -> Segment:
    """A segment that no TCB of the peer sends; how well its number fits is said by `fit`. `victim`: the receiver's TCB."""
    flags = {"SYN": "S", "SYN+ACK": "SA", "ACK": "A", "DATA": "PA", "FIN": "FA", "RST": "R"}[kind]
    expected = victim.received if victim and victim.received is not None else None
    seq = number(32, "isn", *names) if expected is None else (expected + DISTANCE[fit]) % MOD
    ack = victim.number(victim.nxt) if victim and "A" in flags else 0
    return Segment(*ports, flags, seq, ack, text)
