"""TCP segments, and connections put together from them (RFC 9293): who opened, what each stream begins with, how it ended."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from traces.capture import bgp
from traces.capture.ip import Address

PORT = 179
FIN, SYN, RST, ACK = 1, 2, 4, 16
HALF, WHOLE = 1 << 31, 1 << 32  # sequence numbers
MOST_PIECES, MOST_OCTETS = 64, 1 << 13  # of a stream's beginning, while they wait for what comes before them
IGNORED_RESET = 2_000_000_000  # ns: who still sends so long after a RST did not heed it
MOST_FRAMES = 1000  # numbers kept a list; what is counted is counted on
REORDERED = 1_000_000_000  # ns: a SYN that comes so much later than what follows it was overtaken
_HEADER = struct.Struct("!HHIIBBH").unpack_from

Endpoint = tuple[Address, int]
ESP, AH, PLAIN = "esp", "ah", "plain"


class Segment(NamedTuple):
    """A TCP segment; `payload` is what the file has of its data, `size` how much it carried."""

    source: Endpoint
    target: Endpoint
    seq: int
    ack: int
    flags: int
    payload: bytes
    size: int


def segment(source: Address, target: Address, data: bytes, missing: int) -> Segment | None:
    """The segment in an IP payload whose last `missing` octets are not in the file; None where there is none."""
    if len(data) < 16:
        return None
    from_port, to_port, seq, ack, offset, flags, _ = _HEADER(data)
    header = offset >> 4 << 2
    if header < 20 or header > len(data) + missing:
        return None
    return Segment((source, from_port), (target, to_port), seq, ack, flags, data[header:], len(data) + missing - header)


@dataclass(eq=False)
class Stream:
    """One direction of a connection, as far as its first message."""

    start: int | None = None  # sequence number of the first octet
    first: tuple[int, str] | None = None  # frame, and what the stream begins with
    octets: bytearray = field(default_factory=bytearray)
    pieces: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    payload: int = 0  # segments with data
    first_payload: int | None = None  # frame
    fin: tuple[int, int] | None = None  # frame, and the number behind it
    sent: int | None = None  # the number behind the last octet, or FIN, that is in the file
    first_acked: int | None = None
    acked: int | None = None  # the number up to which the other end has everything
    waits: int | None = None  # time from which on the other end has acknowledged nothing of what is sent and not acknowledged
    last_frame: int = 0  # of a segment of this end
    lost: str | None = None  # why the beginning can't be told
    done: bool = False

    @property
    def unseen(self) -> bool:
        """Did the other end acknowledge data or a FIN that are not in the file?"""
        if self.acked is None or self.first_acked is None:
            return False
        if self.sent is None:
            return self.acked != self.first_acked
        return 0 < (self.acked - self.sent) % WHOLE < HALF

    def put(self, seq: int, data: bytes, frame: int) -> None:
        """Data as they come; copies and what was already seen are left out."""
        if self.done or self.lost:
            return
        if len(self.pieces) >= MOST_PIECES or sum(len(one) for one, _ in self.pieces.values()) + len(data) > MOST_OCTETS:
            self.lost = f"more than {MOST_PIECES} segments or {MOST_OCTETS:,} octets wait for its beginning"
            self.pieces.clear()
            return
        self.pieces.setdefault(seq, (data, frame))
        self.join()

    def join(self) -> None:
        """Take what is in order."""
        moved = self.start is not None
        while moved and not self.done:
            moved = False
            for seq, (data, frame) in list(self.pieces.items()):
                assert self.start is not None
                ahead = (seq - self.start - len(self.octets)) % WHOLE
                if ahead and ahead < HALF:
                    continue
                del self.pieces[seq]
                fresh = data[WHOLE - ahead:] if ahead else data
                if fresh:
                    self.octets += fresh
                    self._look(frame)
                    moved = True
                    break

    def _look(self, frame: int) -> None:
        kind = bgp.first_message(bytes(self.octets[:bgp.HEADER]))
        if kind is None:
            return
        if self.first is None or self.first[1] == kind:
            self.first = (frame, kind)
        if kind == bgp.NOT_BGP or len(self.octets) >= int.from_bytes(self.octets[16:18]):
            self.done = True
            self.octets.clear()
            self.pieces.clear()


def _note(frames: list[int], frame: int) -> None:
    if len(frames) < MOST_FRAMES:
        frames.append(frame)


@dataclass
class Use:
    """The part of a connection that one SA, or no SA, carried."""

    first: int
    last: int
    count: int = 0


@dataclass(eq=False)
class Connection:
    """A TCP connection from what the file shows of it. Frames are numbers of records, times nanoseconds."""

    number: int
    ends: tuple[Endpoint, Endpoint]  # the one that opened it first, where that is known
    time: int  # of its first segment
    frame: int
    last_time: int = 0
    last_frame: int = 0
    syn: tuple[int, str] | None = None  # frame, protection
    syn_time: int = 0
    isn: int | None = None
    synack: int | None = None
    frames: int = 0
    modes: dict[str, Use] = field(default_factory=dict)
    sas: dict[int, Use] = field(default_factory=dict)  # by the SA's number
    streams: tuple[Stream, Stream] = field(default_factory=lambda: (Stream(), Stream()))
    plain_payload: list[int] = field(default_factory=list)  # the first frames with data outside any SA
    plain_count: int = 0
    plain_last: int = 0
    left: list[int] = field(default_factory=list)  # frames with data or FIN outside, whose sender's segment before was in an SA
    ah_payload: int | None = None
    reset: tuple[int, int] | None = None  # frame, time
    resets: list[int] = field(default_factory=list)
    fins: list[int] = field(default_factory=list)
    mode_of: dict[Endpoint, str] = field(default_factory=dict)  # what protected the last segment of each end
    answered: bool = False
    bgp_seen: bool = False
    previous: Connection | None = None

    @property
    def over(self) -> bool:
        """Both streams ended, or it was reset."""
        return self.reset is not None or self.finished

    @property
    def finished(self) -> bool:
        return all(stream.fin is not None for stream in self.streams)

    @property
    def carried(self) -> bool:
        """Did any end send data?"""
        return any(stream.payload for stream in self.streams)

    @property
    def missing(self) -> bool:
        """Did an end acknowledge what the file does not have?"""
        return any(stream.unseen for stream in self.streams)

    @property
    def both(self) -> bool:
        """Are segments of both ends in the file?"""
        return len(self.mode_of) == 2

    def take(self, one: Segment, frame: int, time: int, mode: str) -> None:
        """A segment of this connection."""
        side = 0 if one.source == self.ends[0] else 1
        stream, flags = self.streams[side], one.flags
        self.frames += 1
        use = self.modes.get(mode)
        if use is None:
            use = self.modes[mode] = Use(frame, frame)
        use.last, use.count = frame, use.count + 1
        if flags & RST:
            self._reset(one, frame, time, mode)
            return
        if self.reset is not None and not flags & SYN and time - self.reset[1] > IGNORED_RESET:
            self.reset = None
        if mode == PLAIN and (one.size or flags & FIN) and self.mode_of.get(one.source, PLAIN) != PLAIN:
            _note(self.left, frame)
        self.mode_of[one.source] = mode
        self.last_frame = frame
        self.last_time = max(self.last_time, time)
        behind = (one.seq + one.size + bool(flags & SYN) + bool(flags & FIN)) % WHOLE
        stream.last_frame = frame
        if stream.sent is None or (behind - stream.sent) % WHOLE < HALF:
            stream.sent = behind
            if stream.waits is None and behind != stream.acked:
                stream.waits = time
        other = self.streams[1 - side]
        if flags & ACK and (other.acked is None or (one.ack - other.acked) % WHOLE < HALF):
            if one.ack != other.acked:
                other.waits = None if other.sent is None or (one.ack - other.sent) % WHOLE < HALF else time
            other.acked = one.ack
            other.first_acked = one.ack if other.first_acked is None else other.first_acked
        if flags & SYN:
            self._opening(one, side, frame, time, mode)
        elif side == 1 and flags & ACK:
            self.answered = True
        if one.size:
            stream.payload += 1
            if stream.first_payload is None:
                stream.first_payload = frame
            if mode == PLAIN:
                self.plain_count += 1
                self.plain_last = frame
                _note(self.plain_payload, frame)
            elif mode == AH and self.ah_payload is None:
                self.ah_payload = frame
            if not stream.done:
                if len(one.payload) < one.size:
                    stream.lost = stream.lost or f"frame {frame} is cut short"
                else:
                    stream.put((one.seq + bool(flags & SYN)) % WHOLE, one.payload, frame)
        if flags & FIN:
            _note(self.fins, frame)
            if stream.fin is None:
                stream.fin = (frame, (one.seq + one.size + 1) % WHOLE)

    def _opening(self, one: Segment, side: int, frame: int, time: int, mode: str) -> None:
        stream, other = self.streams[side], self.streams[1 - side]
        if stream.start is None:
            stream.start = (one.seq + 1) % WHOLE
        if one.flags & ACK:
            self.answered = True
            if self.synack is None:
                self.synack = frame
            if other.start is None:
                other.start = one.ack
                other.join()
        elif self.syn is None:
            self.syn, self.syn_time, self.isn = (frame, mode), time, one.seq
        stream.join()

    def _reset(self, one: Segment, frame: int, time: int, mode: str) -> None:
        _note(self.resets, frame)
        if mode == PLAIN and ESP in self.modes and self.mode_of.get(one.source) in (ESP, AH):
            return  # its sender's segments are in an SA: nobody heeds one outside it
        stream = self.streams[0 if one.source == self.ends[0] else 1]
        if self.synack is not None and stream.sent is not None and one.seq not in (stream.sent, stream.acked):
            return  # not where the receiver expects it: it answers with a challenge ACK (RFC 5961 3.2)
        if self.reset is None and not self.finished:
            self.reset = (frame, time)

    def belongs(self, one: Segment, time: int) -> bool:
        """Is a SYN this connection's, rather than the next one's between the same ports?"""
        side = 0 if one.source == self.ends[0] else 1
        stream, other = self.streams[side], self.streams[1 - side]
        if one.flags & ACK and other.start == one.ack:
            return True
        if stream.start is not None:
            return (stream.start - 1) % WHOLE == one.seq
        if self.syn is not None and not self.synack:
            return not self.over  # both ends open at once
        seqs = list(stream.pieces)
        return bool(seqs) and time - self.time < REORDERED and all((seq - one.seq) % WHOLE <= MOST_OCTETS for seq in seqs)
