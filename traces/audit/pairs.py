"""SA pairs between two hosts, put together from what IKE shows (when a quick mode was over) and what ESP shows (which SPIs were used).

Quick mode is encrypted, so nothing in the file says which SPIs it made. An SA of one direction is paired with the first one of the other
that carried a connection of its own, else with the first one left; a pair that was used with the latest quick mode before its first packet
that no other pair has.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from traces.audit.tracker import Association, Hosts, Ike, Tracker
from traces.capture.ip import Address
from traces.capture.tcp import Connection

SMALL_SPI = 1 << 16  # a daemon draws SPIs at random: both of a pair below it has probability 2^-32


@dataclass(frozen=True)
class Ready:
    """A quick mode that was over: its first frame, and the one in which it was."""

    first: int
    frame: int


@dataclass(eq=False)
class Pair:
    """An SA pair: in place from frame `since` on; the halves that were used; the connections they carried."""

    since: int
    halves: list[Association] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    def last_sent(self, sender: Address) -> tuple[int, int]:
        """Frame and time of the last packet that a host sent in it; zeros if none."""
        return max(((half.last_frame, half.last_time) for half in self.halves if half.source == sender), default=(0, 0))


def completed(ike: Ike) -> list[Ready]:
    """The quick modes whose three messages are in the file, in order. Each shows that its phase 1 was over (RFC 2409 5.5)."""
    found = []
    for one in ike.quick.values():
        if one.complete:
            ends = [[frame for frame, sender in zip(one.frames, one.senders, strict=True) if (sender == one.initiator) == first]
                    for first in (True, False)]
            asker, answerer = sorted(ends, key=len, reverse=True)  # the initiator sends two of the three, in any order in the file
            found.append(Ready(one.frames[0], max(asker[1], answerer[0])))
    return sorted(found, key=lambda ready: ready.frame)


def pairs(tracker: Tracker, between: Hosts, completed: list[Ready]) -> list[Pair]:
    """The SA pairs between two hosts, by the frame from which they were in place, given the quick modes between them."""
    used = [Pair(min(half.frame for half in halves), halves, {number for half in halves for number in half.connections})
            for halves in _halves(*(tracker.by_way.get(way, []) for way in (between, (between[1], between[0]))))]
    waiting, free = list(reversed(completed)), list[Ready]()  # quick modes that come later; those before that no pair has
    for pair in sorted(used, key=lambda one: one.since):
        while waiting and waiting[-1].frame < pair.since:
            free.append(waiting.pop())
        if free:
            pair.since = free.pop().frame
    return sorted([*used, *(Pair(one.frame) for one in (*free, *waiting))], key=lambda one: one.since)


def _halves(there: list[Association], back: list[Association]) -> list[list[Association]]:
    """The SAs of two directions in pairs, and those that no SA is left for: two that carried different connections are no pair."""
    waiting: dict[int, deque[Association]] = {}  # those of the way back by the connection that they carried
    for half in back:
        for number in half.connections:
            waiting.setdefault(number, deque()).append(half)
    mates: dict[int, Association] = {}
    taken: set[int] = set()
    for half in there:
        for number in half.connections:
            free = waiting.get(number, deque())
            while free and free[0].number in taken:
                free.popleft()
            if free:
                mates[half.number] = free.popleft()
                taken.add(mates[half.number].number)
                break
    silent = deque(half for half in back if half.number not in taken and not half.connections)
    rest = deque(half for half in back if half.number not in taken and half.connections)
    paired = []
    for half in there:
        if half.number in mates:
            paired.append([half, mates[half.number]])
        elif silent:
            paired.append([half, silent.popleft()])
        elif rest and not half.connections:
            paired.append([half, rest.popleft()])
        else:
            paired.append([half])
    return [*paired, *([half] for half in (*silent, *rest))]


def by_hand(tracker: Tracker, one: Connection) -> bool:
    """Are the SAs under a connection keyed by hand? No IKE between their hosts, and SPIs in both directions that nobody drew at random."""
    spis = {tracker.associations[number].spi for number in one.sas}
    return len(spis) > 1 and max(spis) < SMALL_SPI
