"""What the tracker notes of each connection for the matching: one line a segment, in words of the tables, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from traces.capture import bgp, tcp
from traces.capture.tcp import HALF, WHOLE, Connection, Segment

MOST_SEEN, MOST_ALL = 4000, 400_000  # segments of a connection, and of the file
REPEATS = 3  # alike segments of a connection that are noted until another kind comes
MOST_PIECES, MOST_OCTETS = 64, 1 << 17
DAMAGED, FIN = bgp.NOT_BGP, "FIN"


class Seen(NamedTuple):
    """A segment: `side` of its sender (0: the end that opened), `kind` a Kind of the model's, whether it acknowledges the other end's
    FIN, whether it carries text, whether everything it carries was sent before, and the BGP messages that are whole with it."""

    frame: int
    time: int
    side: int
    kind: str
    acks: bool
    text: bool
    again: bool
    mode: str
    sa: int | None
    messages: tuple[str, ...]

    @property
    def fin(self) -> bool:
        return self.kind == FIN


@dataclass(eq=False)
class Messages:
    """One direction's BGP messages, framed by their headers (RFC 4271 4.1)."""

    at: int | None = None  # the number of the next octet
    octets: bytearray = field(default_factory=bytearray)
    pieces: dict[int, bytes] = field(default_factory=dict)
    lost: str | None = None
    end: int | None = None  # the number of the FIN
    over: bool = False  # everything up to it was seen

    @property
    def gap(self) -> bool:
        """Does something wait for what is not in the file? Not what lies behind the FIN, where nothing belongs."""
        return not self.over and (bool(self.pieces) or self.end is not None)

    def had(self, seq: int, size: int) -> bool:
        """Were all these octets seen before?"""
        if not size or self.at is None:
            return True
        return 0 < (self.at - seq - size + 1) % WHOLE <= HALF or len(self.pieces.get(seq, b"")) >= size

    def put(self, seq: int, data: bytes, size: int, fin: bool) -> tuple[str, ...]:
        """Text as it comes; the messages that are whole with it, and FIN once everything before it is there."""
        if self.lost or self.at is None:
            closes = fin and not self.over
            self.over = self.over or fin
            return (FIN,) if closes else ()
        if len(data) < size:
            self.lost = "a segment is cut short"
            return ()
        if fin and self.end is None:
            self.end = (seq + size) % WHOLE
        if size:
            self.pieces[seq] = max(self.pieces.get(seq, b""), data, key=len)
        found: list[str] = []
        moved = True
        while moved:
            moved = False
            for start, piece in list(self.pieces.items()):
                ahead = (start - self.at) % WHOLE
                if ahead and ahead < HALF:
                    continue
                del self.pieces[start]
                fresh = piece[WHOLE - ahead:] if ahead else piece
                if fresh:
                    self.at = (self.at + len(fresh)) % WHOLE
                    self._frame(fresh, found)
                    moved = True
                    break
        if len(self.pieces) > MOST_PIECES or sum(map(len, self.pieces.values())) > MOST_OCTETS:
            self.lost = "too much waits for a segment that is not in the file"
            self.pieces.clear()
        if self.end == self.at and not self.over:
            self.over = True
            found.append(FIN)
        return tuple(found)

    def _frame(self, fresh: bytes, found: list[str]) -> None:
        octets = self.octets
        octets += fresh
        while octets:
            kind = bgp.first_message(bytes(octets[:bgp.HEADER]))
            if kind is None:
                return
            if kind == bgp.NOT_BGP:
                length = int.from_bytes(octets[16:18])
                if octets[:16] == bgp.MARKER and len(octets) >= bgp.HEADER and length > bgp.LONGEST and octets[18] in bgp.TYPES:
                    kind = bgp.TYPES[octets[18]]  # RFC 8654
                else:
                    self.lost = DAMAGED
                    octets.clear()
                    found.append(DAMAGED)
                    return
            else:
                length = int.from_bytes(octets[16:18])
            if len(octets) < length:
                return
            del octets[:length]
            found.append(kind)


@dataclass(eq=False)
class Story:
    """A connection's segments. `stopped`: why there are no more of them."""

    seen: list[Seen] = field(default_factory=list)
    streams: tuple[Messages, Messages] = field(default_factory=lambda: (Messages(), Messages()))
    high: list[int | None] = field(default_factory=lambda: [None, None])  # behind what each end sent
    fin: list[int | None] = field(default_factory=lambda: [None, None])  # behind each end's FIN
    stopped: str | None = None
    overtaken: list[int | None] = field(default_factory=lambda: [None, None])  # a frame of each end's that stands behind a later one
    last: tuple[int, int] = (0, 0)  # frame and time of the last segment, noted or not
    alike: dict[tuple[object, ...], int] = field(default_factory=dict)


class Notes:
    """Notes of the connections whose SYN is in the file."""

    def __init__(self) -> None:
        self.of: dict[int, Story] = {}
        self.total = 0

    def take(self, connection: Connection, one: Segment, frame: int, time: int, mode: str, sa: int | None) -> None:
        """A segment of a connection, after the connection itself took it."""
        story = self.of.get(connection.number)
        if story is None:
            if not one.flags & tcp.SYN or one.flags & tcp.ACK:
                return
            story = self.of[connection.number] = Story()
        elif story.stopped:
            return
        flags, side = one.flags, 0 if one.source == connection.ends[0] else 1
        syn, fin = bool(flags & tcp.SYN), bool(flags & tcp.FIN)
        length = one.size + syn + fin
        behind = (one.seq + length) % WHOLE
        high, other_fin = story.high[side], story.fin[1 - side]
        stream = story.streams[side]
        old = high is not None and bool(length) and (high - behind) % WHOLE < HALF
        if old and ((syn and stream.at is None) or not stream.had((one.seq + syn) % WHOLE, one.size)):
            story.overtaken[side] = frame
        acks = bool(flags & tcp.ACK) and other_fin is not None and (one.ack - other_fin) % WHOLE < HALF
        messages: tuple[str, ...] = ()
        if flags & tcp.RST:
            kind = "RST"
        else:
            kind = ("SYN+ACK" if flags & tcp.ACK else "SYN") if syn else "FIN" if fin else "DATA" if one.size else "ACK"
            if syn and stream.at is None:
                stream.at = (one.seq + 1) % WHOLE
            if one.size or fin:
                messages = stream.put((one.seq + syn) % WHOLE, one.payload, one.size, fin)
            if high is None or (behind - high) % WHOLE < HALF:
                story.high[side] = behind
            if fin:
                story.fin[side] = behind
        story.last = frame, time
        key = (side, kind, acks, bool(one.size), old, mode, sa, frozenset(messages))
        times = story.alike.get(key)
        if times is None:
            story.alike = dict.fromkeys(story.alike, 0)
        elif times >= REPEATS:
            return
        story.alike[key] = (times or 0) + 1
        if len(story.seen) >= MOST_SEEN or self.total >= MOST_ALL:
            story.stopped = f"more than {MOST_SEEN:,} segments of a connection, or {MOST_ALL:,} in all, are not matched"
            return
        self.total += 1
        story.seen.append(Seen(frame, time, side, kind, acks, bool(one.size), old, mode, sa, messages))
