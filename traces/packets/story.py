"""What a capture holds so far: frames, and what the next one depends on (keys, cookies, counters, TCBs)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from scapy.packet import Packet

from model.system import PEER
from traces.packets import hosts as layers
from traces.packets.cipher import SUITES, Suite
from traces.packets.draws import number
from traces.packets.esp import Sa
from traces.packets.hosts import BGP_PORT, EPHEMERAL, IKE_PORT, NATT_PORT, Hosts
from traces.packets.isakmp import Phase1, Quick
from traces.packets.tcp import Segment, Tcb

GAP = Decimal("0.0001")  # seconds between the frames of one step
SINCE = Decimal(1_000_000_000)  # seconds from 1970 at which a run starts


@dataclass(frozen=True)
class Options:
    """How the packets look: `suite` one of `cipher.SUITES`."""

    ipv6: bool = False
    natt: bool = False
    suite: str = "aes"


@dataclass
class Frame:
    """A frame: when (seconds since 1970), its bytes, the step it belongs to (0: before the run), what it is in a ladder's words, and
    comments."""

    time: Decimal
    data: bytes
    step: int
    words: str
    segment: Segment | None = None
    comments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Selectors:
    """Who opens each connection, and from where. `openers`: by (lane, incarnation)."""

    openers: dict[tuple[str, int], str]
    one_5_tuple: bool

    def ports(self, end: str, lane: str, inc: int) -> tuple[int, int]:
        """The port of this end and of its peer."""
        inc = 0 if self.one_5_tuple else inc
        port = EPHEMERAL + 2 * int(lane or 0) + inc
        return (port, BGP_PORT) if self.openers.get((lane, inc), "A") == end else (BGP_PORT, port)


class Story:
    """The frames of one capture, in order."""

    def __init__(self, options: Options, selectors: Selectors) -> None:
        self.options, self.selectors = options, selectors
        self.suite: Suite = SUITES[options.suite]
        self.hosts = Hosts(options.ipv6)
        self.frames: list[Frame] = []
        self.step, self.now = 0, SINCE
        self.remapped = False
        self.tcbs: dict[str, Tcb] = {}
        self.phase1s: dict[tuple[str, str, int], Phase1] = {}
        self.quicks: dict[tuple[str, str], Quick] = {}
        self.sas: dict[tuple[str, str, str], Sa] = {}
        self._opened = 0

    # -- frames --

    def at(self, step: int, time: Decimal) -> None:
        """From here on frames belong to this step; they never go back in time."""
        self.step, self.now = step, max(time, self.now)

    def write(self, source: str, target: str, packet: Packet, words: str, segment: Segment | None = None) -> Frame:
        """A packet, from one host's interface to another's."""
        return self.write_again(layers.frame(source, target, packet), words, segment)

    def write_again(self, data: bytes, words: str, segment: Segment | None = None) -> Frame:
        """A frame that is there byte by byte: a copy, a retransmission of IKE."""
        made = Frame(self.now, data, self.step, words, segment)
        self.frames.append(made)
        self.now += GAP
        return made

    def outside(self, host: str) -> str:
        """The name of the address that a host's packets bear outside."""
        return "remapped" if host == "B" and self.remapped else host

    @property
    def ident(self) -> int:
        """The next IP identification."""
        return 1 + len(self.frames) % 0xFFFF

    # -- TCP --

    def open(self, place: str, inc: int) -> Tcb:
        """A new TCB at a place ("A", "B.1"), with a new ISS."""
        end, _, lane = place.partition(".")
        self._opened += 1
        self.tcbs[place] = Tcb(inc, *self.selectors.ports(end, lane, inc), number(32, "iss", place, self._opened))
        return self.tcbs[place]

    def segment(self, source: str, target: str, segment: Segment, lane: str, gen: str | None, words: str, by: str = "") -> Frame:
        """A segment on the wire, under an SA of `gen` or, for None, in plaintext. `by`: the host that sends it in the name of `source`.
        IPsec makes it for the addresses that the ends know; what a NAT changes is only the header."""
        packet = self.hosts.ip(source, target, self.ident) / self.hosts.tcp(segment)
        if gen is not None:
            sa = self.sa(lane, gen, source, target)
            packet = sa.seal(packet)
            sa.pairs[self.hosts.address(self.outside(source)), self.hosts.address(target)] = None
        if self.outside(source) != source:
            packet = self.readdressed(packet, source)
        return self.write(by or self.outside(source), target, packet, words, segment)

    def readdressed(self, packet: Packet, source: str) -> Packet:
        """The packet as a NAT sends it on: another source; IP's checksum is the NAT's, what is within remains."""
        packet.src = self.hosts.address(self.outside(source))
        if not self.options.ipv6:
            del packet.chksum
        return packet

    # -- keys --

    def phase1(self, lane: str, first: str, attempt: int) -> Phase1:
        """The phase 1 SA of these cookies."""
        key = (lane, first, attempt)
        return self.phase1s.get(key) or self.new_phase1(lane, first, attempt)

    def new_phase1(self, lane: str, first: str, attempt: int) -> Phase1:
        made = Phase1(first, self.suite, self.hosts, self.options.natt, "phase 1", lane, first, self._opened, len(self.frames))
        self.phase1s[lane, first, attempt] = made
        return made

    def quick(self, lane: str, gen: str, under: Phase1 | None = None, inc: int = 0, exact: bool = True) -> Quick:
        """The Quick Mode that makes this generation. `under`, `inc`, `exact` count the first time it is asked for."""
        if (lane, gen) not in self.quicks:
            first = "B" if gen == "g2" or (gen == "g0" and lane == "2") else "A"
            ports = self.selectors.ports(first, lane, inc) if exact else (0, 0)
            under = under or next((one for (of, *_), one in reversed(self.phase1s.items()) if of == lane), None)
            self.quicks[lane, gen] = Quick(first, under or self.phase1(lane, first, 0), ports, lane, gen)
        return self.quicks[lane, gen]

    def sa(self, lane: str, gen: str, source: str, target: str) -> Sa:
        """The SA of a generation from one end to the other."""
        key = (lane, gen, target)
        if key not in self.sas:
            quick = self.quick(lane, gen)
            receiver = target if target in PEER else PEER[source]
            self.sas[key] = Sa(self.suite, quick.spis[receiver], *quick.keys(receiver), self.options.natt)
        return self.sas[key]

    def datagram(self, source: str, target: str, message: bytes, late: bool, words: str, by: str = "") -> Frame:
        """An ISAKMP message. `late`: after phase 1's NAT detection, from where on NAT-T uses its own port (RFC 3947 4)."""
        packet = self.hosts.ip(source, target, self.ident) / layers.udp(NATT_PORT if late and self.options.natt else IKE_PORT, message)
        if self.outside(source) != source:
            packet = self.readdressed(packet, source)
        return self.write(by or self.outside(source), target, packet, words)

    def keys(self) -> dict[str, str]:
        """Wireshark's files, by name: the ESP keys, the IKEv1 keys by the initiator's cookie, and the preferences that use them."""
        esp = [sa.line(*pair) for sa in self.sas.values() for pair in sa.pairs]
        ike = [f"{one.cookies[0].hex()},{one.key.hex()}" for one in self.phase1s.values() if one.spoke]
        return {"esp_sa": "".join(f"{one}\n" for one in esp), "ikev1_decryption_table": "".join(f"{one}\n" for one in ike),
                "preferences": "esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n"}
