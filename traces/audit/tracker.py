"""What a capture shows: TCP connections, SAs, and the IKE exchanges between pairs of hosts. Frames are numbers of records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from traces.capture import bgp, esp, ip, isakmp, link, tcp
from traces.capture.esp import Keys
from traces.capture.files import Record
from traces.capture.ip import Address, Datagram
from traces.capture.tcp import Connection, Segment
from traces.fit.notes import Notes

MOST_CONNECTIONS, MOST_SAS, MOST_EXCHANGES, MOST_EVENTS, MOST_REMEMBERED, MOST_STEPS = 1 << 15, 1 << 15, 1 << 17, 20_000, 1 << 16, 1000
DEEPEST = 4  # headers of tunnels in one another
STEP_BACK = 1_000_000_000  # ns: so much out of order is no longer two interfaces or a busy kernel
ARTEFACT = 100_000_000  # ns in which a host's own tap shows what it took out of a tunnel
MOST_RECENT = 64
NATT_KEEPALIVE = b"\xff"

Hosts = tuple[Address, Address]


def hosts(one: Address, other: Address) -> Hosts:
    return (one, other) if one <= other else (other, one)


@dataclass(eq=False)
class Association:
    """One direction of an IPsec SA, by its SPI and the address it leads to."""

    number: int
    spi: int
    source: Address
    target: Address
    kind: str  # esp, ah
    reader: esp.Reader
    frame: int
    time: int
    first_sequence: int
    nth: int  # among the SAs from its source to its target, from 1 on
    highest: int = -1
    last_time: int = 0  # of the last packet that was not seen before
    last_frame: int = 0
    packets: int = 0
    distinct: int = 0  # packets without copies
    unread: int = 0  # packets whose content is not known
    cut: int = 0
    hints_bgp: bool = False  # a packet cut short has BGP's port where ESP-NULL has the TCP header
    connections: dict[int, None] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Packets between the first and the last that the file does not have."""
        return max(0, self.highest - self.first_sequence + 1 - self.distinct)


@dataclass(eq=False)
class Exchange:
    """Messages of one IKE exchange: phase 1 by the initiator's cookie, quick mode also by its message id."""

    initiator: Address
    cookie: bytes
    exchange: int
    message_id: int = 0
    frames: list[int] = field(default_factory=list)
    senders: list[Address] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)  # frames of retransmissions and of what the file has twice
    time: int = 0  # of the last one
    cut: bool = False
    agreed: isakmp.Suite | None = None

    @property
    def complete(self) -> bool:
        """Did both ends send all that the exchange needs (RFC 2409 5: six, three, three messages)?"""
        if self.cut:
            return False
        mine = self.senders.count(self.initiator)
        more, fewer = sorted((mine, len(self.senders) - mine), reverse=True)
        return more >= 3 and fewer >= 3 if self.exchange == isakmp.MAIN else more >= 2 and fewer >= 1


@dataclass(frozen=True)
class Informational:
    """An Informational message. `could`: what its size allows (`isakmp.could_delete`); "cleartext" where it is not encrypted."""

    frame: int
    time: int
    sender: Address
    cookie: bytes
    size: int
    version: int
    spis: tuple[bytes, ...] = ()


@dataclass(eq=False)
class Ike:
    """Everything of IKE between two hosts."""

    phase1: dict[bytes, Exchange] = field(default_factory=dict)
    quick: dict[tuple[bytes, int], Exchange] = field(default_factory=dict)
    informationals: list[Informational] = field(default_factory=list)
    last_of_cookie: dict[tuple[bytes, Address], int] = field(default_factory=dict)  # frame of an end's last message
    seen: set[bytes] = field(default_factory=set)
    version2: int | None = None  # frame


@dataclass(frozen=True)
class Event:
    """Something for the ladder."""

    frame: int
    time: int
    source: Address
    target: Address
    line: str
    text: str
    note: str = ""


class Tracker:
    """Takes the records of a capture and keeps what the claims are about, in bounded memory; `notes` takes down each connection's segments
    for the matching with the model, where it is wanted."""

    def __init__(self, keys: Iterable[Keys] = (), notes: Notes | None = None) -> None:
        self.notes = notes
        self.keys = list(keys)
        self.packets = 0
        self.first_time = self.last_time = 0
        self.steps_back: list[int] = []  # frames whose time is before that of the frame in front of them
        self.untimed = False
        self.connections: list[Connection] = []
        self.current: dict[tuple[tcp.Endpoint, tcp.Endpoint], Connection] = {}
        self.associations: list[Association] = []
        self.by_spi: dict[tuple[int, Address, str], Association] = {}
        self.by_way: dict[tuple[Address, Address], list[Association]] = {}  # from one host to another
        self.ike: dict[Hosts, Ike] = {}
        self.by_cookie: dict[bytes, Ike] = {}
        self.fragments = ip.Fragments()
        self.events: list[Event] = []
        self.unknown_links: dict[int, int] = {}
        self.unnoted: dict[str, int] = {}
        self.cut = 0
        self.exchanges = 0
        self.carried: set[bytes] = set()  # fingerprints of ESP packets, to know copies by
        self.carried_before: set[bytes] = set()  # those of the set before, when it was full
        self.recent: dict[bytes, int] = {}  # segments that came in an SA: their fingerprint, and when
        self.artefacts: set[int] = set()  # frames outside ESP that repeat what an SA carried a moment before

    def run(self, records: Iterable[Record]) -> None:
        """Take every record."""
        network, parse, highest = link.network, ip.datagram, 0
        for number, time, kind, data, cut in records:
            self.packets = number
            if time < highest - STEP_BACK:
                if len(self.steps_back) < MOST_STEPS:
                    self.steps_back.append(number)
                highest = time
            elif time > highest:
                highest = time
            if number == 1:
                self.first_time = time
            if not time:
                self.untimed = True
            self.last_time = time
            self.cut += cut
            at = network(kind, data)
            if at < 0:
                if at == -2:
                    self.unknown_links[kind] = self.unknown_links.get(kind, 0) + 1
                continue
            one = parse(data, at)
            if one is not None:
                self.datagram(one, number, time, 0)

    def datagram(self, one: Datagram, frame: int, time: int, depth: int) -> None:
        """An IP datagram outside any SA."""
        if one.fragment is not None:
            whole = self.fragments.put(one)
            if whole is None:
                return
            one = whole
        protocol = one.protocol
        if protocol == ip.TCP:
            self.plain(one, frame, time)
        elif protocol == ip.UDP:
            self.udp(one, frame, time)
        elif protocol == ip.ESP:
            self.esp(one.source, one.target, one.payload, one.missing, frame, time, depth)
        elif protocol == ip.AH:
            self.ah(one, frame, time, depth)
        elif protocol in (ip.IPIP, ip.IPV6_IN_IP) and depth < DEEPEST:
            inner = ip.datagram(one.payload, 0)
            if inner is not None:
                self.datagram(inner, frame, time, depth + 1)

    # TCP

    def plain(self, one: Datagram, frame: int, time: int) -> None:
        """A segment outside any SA: BGP's by its port, by a marker at the beginning of its data, or because its connection is known."""
        data = one.payload
        if len(data) < 16:
            return
        if not (data[0:2] == esp.BGP_PORT or data[2:4] == esp.BGP_PORT):
            start = data[12] >> 4 << 2
            if data[start:start + 16] != bgp.MARKER:
                ends = (one.source, int.from_bytes(data[0:2])), (one.target, int.from_bytes(data[2:4]))
                if (min(ends), max(ends)) not in self.current:
                    return
        found = tcp.segment(one.source, one.target, data, one.missing)
        if found is None:
            return
        if self.recent:
            print_ = esp.fingerprint(data)
            seen = self.recent.get(print_)
            if seen is not None and 0 <= time - seen <= ARTEFACT:
                self.artefacts.add(frame)
        self.segment(found, frame, time, tcp.PLAIN, None)

    def segment(self, one: Segment, frame: int, time: int, mode: str, carrier: Association | None) -> None:
        """A segment, in an SA or outside."""
        key = (one.source, one.target) if one.source <= one.target else (one.target, one.source)
        connection = self.current.get(key)
        opening = one.flags & (tcp.SYN | tcp.ACK) == tcp.SYN
        if connection is None or (one.flags & tcp.SYN and not connection.belongs(one, time) and (opening or connection.over)):
            made = self.connection(one, frame, time, opening)
            if made is None:
                return
            made.previous, connection = connection, made
            self.current[key] = made
        elif connection.synack is None and connection.previous is not None and not one.flags & (tcp.SYN | tcp.RST) \
                and not connection.previous.over:
            connection = connection.previous  # nobody answered the SYN: the old connection goes on
        known_mode = connection.mode_of.get(one.source)
        before = connection.streams[0].first, connection.streams[1].first
        connection.take(one, frame, time, mode)
        if carrier is not None:
            use = connection.sas.get(carrier.number)
            if use is None:
                use = connection.sas[carrier.number] = tcp.Use(frame, frame)
                carrier.connections[connection.number] = None
            use.last, use.count = frame, use.count + 1
        self.tell(connection, one, frame, time, mode, known_mode, before)
        if self.notes is not None:
            self.notes.take(connection, one, frame, time, mode, None if carrier is None else carrier.number)

    def connection(self, one: Segment, frame: int, time: int, opening: bool) -> Connection | None:
        if len(self.connections) >= MOST_CONNECTIONS:
            self.left_out("connections", MOST_CONNECTIONS)
            return None
        answers = one.flags & tcp.SYN and one.flags & tcp.ACK
        from_server = not opening and (answers or one.source[1] == tcp.PORT) and one.target[1] != tcp.PORT
        ends = (one.target, one.source) if from_server or answers else (one.source, one.target)
        made = Connection(len(self.connections), ends, time, frame, time, frame)
        self.connections.append(made)
        return made

    def tell(self, connection: Connection, one: Segment, frame: int, time: int, mode: str, known_mode: str | None,
             before: tuple[tuple[int, str] | None, tuple[int, str] | None]) -> None:
        """The ladder's part of a segment: flags, a stream's first message, a change of protection."""
        flags = one.flags & (tcp.SYN | tcp.FIN | tcp.RST)
        after = connection.streams[0].first, connection.streams[1].first
        changed = known_mode is not None and known_mode != mode
        if not flags and before == after and not changed and not (mode == tcp.PLAIN and one.size and tcp.ESP in connection.modes):
            return
        words = [name for bit, name in ((tcp.SYN, "SYN"), (tcp.FIN, "FIN"), (tcp.RST, "RST")) if flags & bit]
        if flags & tcp.SYN and one.flags & tcp.ACK:
            words.append("ACK")
        first = [new[1] for old, new in zip(before, after, strict=True) if new is not None and new != old]
        if first or one.size:
            words.append(f"({first[0] if first else bgp.first_message(one.payload[:bgp.HEADER]) or f'{one.size} octets'})")
        self.event(Event(frame, time, one.source[0], one.target[0], "-" if mode == tcp.PLAIN else "=",
                         f"{mode.upper()} {' '.join(words)}", f"{endpoint(one.source)} > {endpoint(one.target)}"))

    # IPsec

    def association(self, spi: int, source: Address, target: Address, kind: str, sequence: int, frame: int,
                    time: int) -> Association | None:
        known = self.by_spi.get((spi, target, kind))
        if known is None:
            if len(self.associations) >= MOST_SAS:
                self.left_out("SAs", MOST_SAS)
                return None
            keys = [one for one in self.keys if one.spi in (None, spi) and one.target in (None, target) and one.source in (None, source)]
            if not keys:  # a NAT on the way changes addresses, but never an SPI
                keys = [one for one in self.keys if one.spi == spi]
            same_way = self.by_way.setdefault((source, target), [])
            known = Association(len(self.associations), spi, source, target, kind, esp.Reader(keys), frame, time, sequence,
                                len(same_way) + 1)
            same_way.append(known)
            self.by_spi[spi, target, kind] = known
            self.associations.append(known)
        return known

    def esp(self, source: Address, target: Address, packet: bytes, missing: int, frame: int, time: int, depth: int, mode: str = tcp.ESP,
            ) -> None:
        if len(packet) < esp.HEADER or depth >= DEEPEST:
            return
        spi, sequence = int.from_bytes(packet[:4]), int.from_bytes(packet[4:8])
        sa = self.by_spi.get((spi, target, tcp.ESP)) or self.association(spi, source, target, tcp.ESP, sequence, frame, time)
        if sa is None:
            return
        sa.packets += 1
        if missing:
            sa.cut += 1
            sa.unread += 1
            sa.hints_bgp = sa.hints_bgp or esp.speaks_bgp(packet)
            self.used(sa, sequence, frame, time)
            return
        mark = esp.fingerprint(packet)
        if mark in self.carried or mark in self.carried_before:
            return  # a copy: a mirror port, a second interface, or a replay
        inner = sa.reader.open(packet, source, target)
        if inner is None:
            if sa.reader.keys or sa.reader.null is not None:
                sa.unread += 1
                return  # its check value or checksum is wrong: the receiver drops it
            sa.unread += 1
            self.used(sa, sequence, frame, time)
            self.remember(mark)
            return
        self.used(sa, sequence, frame, time)
        self.remember(mark)
        self.inside(sa, inner.protocol, inner.payload, source, target, frame, time, depth, tcp.ESP)

    def used(self, sa: Association, sequence: int, frame: int, time: int) -> None:
        sa.distinct += 1
        if sequence > sa.highest:
            sa.highest, sa.last_time, sa.last_frame = sequence, time, frame

    def remember(self, mark: bytes) -> None:
        if len(self.carried) >= MOST_REMEMBERED:  # an older copy costs nothing but a repeated segment
            self.carried_before, self.carried = self.carried, set()
        self.carried.add(mark)

    def ah(self, one: Datagram, frame: int, time: int, depth: int) -> None:
        data = one.payload
        if len(data) < esp.AH_HEADER or depth >= DEEPEST:
            return
        size, spi, sequence = (data[1] + 2) * 4, int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
        sa = self.association(spi, one.source, one.target, tcp.AH, sequence, frame, time)
        if sa is None or size > len(data):
            return
        sa.packets += 1
        self.used(sa, sequence, frame, time)
        if one.missing:
            sa.cut += 1
            sa.unread += 1
            return
        self.inside(sa, data[0], data[size:], one.source, one.target, frame, time, depth, tcp.AH)

    def inside(self, sa: Association, protocol: int, data: bytes, source: Address, target: Address, frame: int, time: int, depth: int,
               mode: str) -> None:
        """What an SA carried: a segment, another SA's packet, or in tunnel mode a datagram."""
        if depth >= DEEPEST:
            return
        if protocol == ip.TCP:
            found = tcp.segment(source, target, data, 0)
            if found is not None:
                self.segment(found, frame, time, mode, sa)
                if depth:
                    self.decapsulated(data, time)
        elif protocol == ip.ESP:
            self.esp(source, target, data, 0, frame, time, depth + 1)
        elif protocol == ip.IPCOMP:
            sa.unread += 1
        elif protocol in (ip.IPIP, ip.IPV6_IN_IP):
            inner = ip.datagram(data, 0)
            if inner is not None and inner.fragment is not None:
                inner = self.fragments.put(inner)
            if inner is not None and not inner.missing:
                self.inside(sa, inner.protocol, inner.payload, inner.source, inner.target, frame, time, depth + 1, mode)

    def decapsulated(self, data: bytes, time: int) -> None:
        if len(self.recent) >= MOST_RECENT:
            del self.recent[next(iter(self.recent))]
        self.recent[esp.fingerprint(data)] = time

    # IKE

    def udp(self, one: Datagram, frame: int, time: int) -> None:
        data = one.payload
        if len(data) < 8:
            return
        ports = int.from_bytes(data[0:2]), int.from_bytes(data[2:4])
        if isakmp.NATT_PORT in ports:
            if data[8:12] == bytes(4):
                self.message(one, data[12:], frame, time)
            elif data[8:9] != NATT_KEEPALIVE or len(data) > 9:
                self.esp(one.source, one.target, data[8:], one.missing, frame, time, 0)
        elif isakmp.PORT in ports:
            self.message(one, data[8:], frame, time)

    def message(self, one: Datagram, data: bytes, frame: int, time: int) -> None:
        found = isakmp.message(data)
        if found is None or (len(data) < found.length and not one.missing):
            return
        if self.exchanges >= MOST_EXCHANGES:
            self.left_out("IKE messages", MOST_EXCHANGES)
            return
        ike = self.by_cookie.get(found.initiator)  # a NAT may have given an end another address
        if ike is None:
            ike = self.by_cookie[found.initiator] = self.ike.setdefault(hosts(one.source, one.target), Ike())
        mark = esp.fingerprint(one.source + data)
        if mark in ike.seen:
            same = ike.quick.get((found.initiator, found.message_id)) or ike.phase1.get(found.initiator)
            if same is not None and same.exchange == found.exchange:
                same.copies.append(frame)
            return  # a retransmission or a copy
        ike.seen.add(mark)
        self.exchanges += 1
        ike.last_of_cookie[found.initiator, one.source] = frame
        name = f"IKEv2 {found.exchange}" if found.version == 2 else isakmp.MODES[found.exchange]
        self.event(Event(frame, time, one.source, one.target, ".", name, f"cookie {found.initiator.hex()}"))
        informational = found.exchange in (isakmp.INFORMATIONAL, isakmp.IKEV2_INFORMATIONAL)
        if found.version == 2 and ike.version2 is None:
            ike.version2 = frame
        if informational:
            spis = tuple(isakmp.clear_deletes(found))
            if found.encrypted or spis or found.version == 2:
                size = found.length - isakmp.HEADER
                ike.informationals.append(Informational(frame, time, one.source, found.initiator, size, found.version, spis))
        elif found.version == 1 and found.exchange in (isakmp.MAIN, isakmp.AGGRESSIVE, isakmp.QUICK):
            self.exchange(ike, one, found, frame, time)

    def exchange(self, ike: Ike, one: Datagram, found: isakmp.Message, frame: int, time: int) -> None:
        made = Exchange(one.source, found.initiator, found.exchange, found.message_id)
        known = (ike.quick.setdefault((found.initiator, found.message_id), made) if found.exchange == isakmp.QUICK
                 else ike.phase1.setdefault(found.initiator, made))
        known.cut = known.cut or bool(one.missing)
        if not isakmp.last_part(found):
            known.copies.append(frame)
            return
        known.frames.append(frame)
        known.senders.append(one.source)
        known.time = time
        if found.exchange != isakmp.QUICK and one.source != known.initiator and known.agreed is None:
            known.agreed = isakmp.suite(found)

    # what is said about the file

    def event(self, one: Event) -> None:
        if len(self.events) < MOST_EVENTS:
            self.events.append(one)
        else:
            self.unnoted["steps of the ladder"] = MOST_EVENTS

    def left_out(self, what: str, limit: int) -> None:
        self.unnoted[what] = limit

    @property
    def incomplete(self) -> str | None:
        """Why something may be missing from the tables of this tracker."""
        over = {what: limit for what, limit in self.unnoted.items() if what != "steps of the ladder"}
        if over:
            return "; ".join(f"more than {limit:,} {what} in the file: the rest is not followed" for what, limit in over.items())
        if self.fragments.given_up:
            return (f"{self.fragments.given_up:,} fragmented datagrams were given up (limits: {ip.MOST_WAITING} at a time, "
                    f"{ip.MOST_PIECES} pieces)")
        return None


def endpoint(one: tcp.Endpoint) -> str:
    """An address and a port as people write them."""
    address = ip.text(one[0])
    return f"[{address}]:{one[1]}" if ":" in address else f"{address}:{one[1]}"
