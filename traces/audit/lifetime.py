"""`sa-outlives-connection`: no phase 2 SA is deleted before its connection closed and TIME-WAIT passed (draft 3.3 l.530-532, 3.4).

A Delete is encrypted. What the file shows of it is the size of an Informational message, who sent it and when, and whether its sender
used the SAs afterwards. So for each Informational that may hold a Delete of a phase 2 SA the SA pairs it can have meant are those in place
whose sender did not send in them any more:

- none of them can be missed (its connection is over, or another pair of it stays in place): nothing to say;
- each of them is needed: the SA is deleted too early, whichever was meant;
- some are: which one was meant can't be told.

Nothing is called satisfied unless a message that may be the Delete comes after TIME-WAIT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from traces.audit.case import Case, between, named, spi
from traces.audit.pairs import Pair, by_hand, completed, pairs
from traces.audit.tracker import Hosts, Ike, Informational, hosts
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding
from traces.capture import ip, isakmp, tcp
from traces.capture.tcp import Connection

NAME = "sa-outlives-connection"
NOTHING = "no BGP connection uses an SA"
STILL_USED = 200_000_000  # ns: packets of the Delete's sender that come later than this were sent after it, not overtaken by it
ANSWER = 5_000_000_000  # ns in which a peer answers R-U-THERE


def findings(case: Case) -> Iterator[Finding]:
    """What each connection over an SA shows."""
    judged: dict[Hosts, list[Connection]] = {}
    for one in case.connections:
        if one.sas and (one.answered or one.carried):
            sa = case.tracker.associations[next(iter(one.sas))]
            judged.setdefault(hosts(sa.source, sa.target), []).append(one)
    for two, connections in judged.items():
        yield from Deletes(case, two, connections).findings()
    for sa in case.opaque:
        yield Finding(UNDECIDED, (sa.frame,), f"when the connection between {between(sa)} closed is in ESP that can't be read")


@dataclass
class Deletes:
    """The Deletes between two hosts against the connections over their SAs."""

    case: Case
    between: Hosts
    connections: list[Connection]

    def findings(self) -> Iterator[Finding]:
        tracker = self.case.tracker
        ike = tracker.ike.get(self.between)
        found: dict[int, list[Finding]] = {one.number: [] for one in self.connections}
        if ike is not None:
            for number, finding in self.early(ike, pairs(tracker, self.between)):
                found[number].append(finding)
        for one in self.connections:
            yield from found[one.number] or [self.late(one, ike)]

    def early(self, ike: Ike, every: list[Pair]) -> Iterator[tuple[int, Finding]]:
        """(connection, finding) for each Delete that comes while the connection needs the SA."""
        gone: list[Pair] = []
        for info in ike.informationals:
            kind = self.kind(ike, info)
            if kind == "other":
                continue
            place = [one for one in every if one.since < info.frame and one not in gone]
            if info.spis:  # in the clear: IKE heeds none, but somebody sent it
                place = [one for one in place if any(half.spi.to_bytes(4) in info.spis for half in one.halves)]
            meant = [one for one in place if not self.used_after(one, info)]
            needed = {id(one): self.needed(one, place, info) for one in meant}
            early = [one for one in meant if needed[id(one)]]
            if early and len(early) == len(meant) and kind == "delete":
                for number, state in needed[id(early[0])].items():
                    doubt = self.stepped(tracker_connection(self.case, number), info) or self.doubt(tracker_connection(self.case, number), ike, info)
                    if doubt:
                        yield number, doubt
                        continue
                    yield number, Finding(VIOLATED, (info.frame,), f"{named(tracker_connection(self.case, number))}: {ip.text(info.sender)} deletes "
                                          f"the SA in frame {info.frame}, {state}, and no other SA pair is in place")
            elif early:
                for one in early:
                    for number, state in needed[id(one)].items():
                        why = ("it may have meant another SA pair" if len(early) < len(meant) else
                               "it is not encrypted, so that no IKE heeds it" if info.spis else
                               "by its size it may also be something else, such as a Delete of the phase 1 SA")
                        yield number, Finding(UNDECIDED, (info.frame,), f"{named(tracker_connection(self.case, number))}: the Informational in frame "
                                              f"{info.frame} comes {state}, but {why}")
            if meant and not info.spis and (kind == "delete" or len(place) > 1):
                gone.append(next((one for one in meant if not needed[id(one)]), meant[0]))

    def kind(self, ike: Ike, info: Informational) -> str:
        """What an Informational may hold, by its size and by what follows: a Delete of the phase 1 SA is the last of that SA, and
        R-U-THERE is answered."""
        if info.spis:
            return "either"
        phase1 = ike.phase1.get(info.cookie)
        kind = isakmp.could_delete(info.size, phase1.agreed if phase1 is not None and info.version == 1 else None)
        if kind != "either":
            return kind
        answered = any(other.sender != info.sender and abs(other.time - info.time) <= ANSWER and other.cookie == info.cookie
                       for other in ike.informationals)
        goes_on = ike.last_of_cookie[info.cookie, info.sender] > info.frame
        known = phase1 is not None and phase1.agreed is not None and info.version == 1
        return "delete" if known and goes_on and not answered else "either"

    def used_after(self, pair: Pair, info: Informational) -> bool:
        """Did the sender of a Delete send in the pair afterwards, so that it can't have meant it?"""
        frame, time = pair.last_sent(info.sender)
        return frame > info.frame and time - info.time > STILL_USED

    def needed(self, pair: Pair, place: list[Pair], info: Informational) -> dict[int, str]:
        """The connections that lose their last SA pair with this one, and the state they are in."""
        lost = {}
        for number in pair.connections:
            one = tracker_connection(self.case, number)
            others = [other for other in place if other is not pair and (number in other.connections or
                                                                         (not other.connections and other.since > pair.since))]
            state = self.state(one, info)
            if state and not others and one.number in {each.number for each in self.connections}:
                lost[number] = state
        return lost

    def state(self, one: Connection, info: Informational) -> str:
        """What a connection does when a message comes, in words; empty where it is over, TIME-WAIT included."""
        if info.frame < one.frame:
            return ""
        if one.reset is not None:
            return "" if info.frame > one.reset[0] else "before its reset"
        if not one.finished:
            return "while it is open"
        if info.frame < one.last_frame:
            closing = any(stream.fin is not None and stream.fin[0] < info.frame for stream in one.streams)
            return "while it is closing" if closing else "while it is open"
        after = info.time - one.last_time
        if after >= self.case.time_wait:
            return ""
        return f"{after / 1e9:.2f} s after it closed, within TIME-WAIT of {self.case.time_wait / 1e9:g} s"

    def late(self, one: Connection, ike: Ike | None) -> Finding:
        """A connection under which no SA was deleted too early: was one deleted late?"""
        tracker = self.case.tracker
        name, due = named(one), self.due(one)
        last = (one.last_frame,)
        bare = self.bare(one)
        if bare is not None:
            return Finding(UNDECIDED, (bare,), f"{name}: frame {bare} is outside the SA that carried it before: its sender may no longer have it")
        if tracker.incomplete is not None:
            return Finding(UNDECIDED, last, f"{name}: {tracker.incomplete}")
        if self.case.opaque:
            return Finding(UNDECIDED, last, f"{name}: SA {spi(self.case.opaque[0])} between its hosts can't be read")
        if due is None:
            return Finding(UNDECIDED, last, f"{name}: the file ends while it is open")
        if ike is None and by_hand(tracker, one):
            return Finding(SATISFIED, last, f"{name}: its SAs are keyed by hand and the file has no IKE: no message deletes them")
        deletes = [] if ike is None else [info for info in ike.informationals if not info.spis and self.kind(ike, info) != "other"
                                          and info.frame > one.last_frame and info.time >= due]
        if not deletes:
            return Finding(UNDECIDED, last, f"{name}: no Delete is in the file after it closed")
        info = deletes[0]
        stepped = self.stepped(one, info)
        if stepped:
            return stepped
        closed = due if one.reset is not None else due - self.case.time_wait
        return Finding(SATISFIED, (info.frame,), f"{name}: the first message that may be a Delete after it closed is frame {info.frame}, "
                       f"{(info.time - closed) / 1e9:.2f} s later" + ("" if one.reset is None else " (closed by RST: no TIME-WAIT)"))

    def doubt(self, one: Connection, ike: Ike, info: Informational) -> Finding | None:
        """Undecided where what the file lacks may be the end of the connection, or another SA pair."""
        if not one.over and one.last_frame < info.frame:
            lost = sum(self.case.tracker.associations[number].lost for number in one.sas)
            if lost or one.missing:
                return Finding(UNDECIDED, (info.frame,), f"{named(one)}: an SA is deleted in frame {info.frame} and no end of the connection is in the "
                               f"file before, but packets of it are missing ({lost} by ESP's sequence numbers): the end may be among them")
        if one.last_frame > info.frame and one.plain_last > info.frame:
            return None  # it went on in plaintext: no other pair carried it
        done = {ready.first for ready in completed(ike) if ready.frame < info.frame}
        partial = [each.frames[0] for each in ike.quick.values() if each.frames[0] < info.frame and each.frames[0] not in done]
        if partial:
            return Finding(UNDECIDED, (partial[-1], info.frame), f"{named(one)}: an SA is deleted in frame {info.frame}, but the quick mode from frame "
                           f"{partial[-1]} on is not whole in the file before: another SA pair may be in place")
        return None

    def stepped(self, one: Connection, info: Informational) -> Finding | None:
        """Undecided where the time between the end of a connection and a message can't be taken from the file."""
        if not one.over or info.frame < one.last_frame:
            return None  # their order is enough
        frames = [frame for frame in self.case.tracker.steps_back if one.last_frame < frame <= info.frame]
        if frames:
            return Finding(UNDECIDED, (*frames, info.frame), f"{named(one)}: time goes back in frame {frames[0]}, between the end of the connection "
                           f"and the Informational in frame {info.frame}: how long that was is not known")
        if self.case.tracker.untimed:
            return Finding(UNDECIDED, (info.frame,), f"{named(one)}: the file has frames without a time")
        return None

    def due(self, one: Connection) -> int | None:
        """When its SA may go; None where the file does not show it closed."""
        if one.reset is not None:
            return one.reset[1]
        return one.last_time + self.case.time_wait if one.finished else None

    def bare(self, one: Connection) -> int | None:
        """The last frame of a connection that left its SA for plaintext."""
        sealed = one.modes.get(tcp.ESP) or one.modes.get(tcp.AH)
        if sealed is None or one.plain_last < sealed.first or one.plain_last in self.case.tracker.artefacts:
            return None
        return one.plain_last


def tracker_connection(case: Case, number: int) -> Connection:
    return case.tracker.connections[number]
