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
from dataclasses import dataclass, field

from traces.audit.case import Case, between, named, spi
from traces.audit.pairs import Pair, by_hand, pairs
from traces.audit.tracker import Hosts, Ike, Informational, hosts
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding
from traces.capture import ip, isakmp
from traces.capture.tcp import Connection

NAME = "sa-outlives-connection"
NOTHING = "no BGP connection uses an SA"
STILL_USED = 200_000_000  # ns: packets of the Delete's sender that come later than this were sent after it, not overtaken by it
ANSWER = 5_000_000_000  # ns in which a peer answers R-U-THERE
GIVES_UP = 100_000_000_000  # ns without an acknowledgement after which a TCP may give a connection up, at the earliest (RFC 9293 3.8.3)
MOST_NAMED = 3
MOST_WORK = 20_000_000  # comparisons of Informationals with SA pairs and connections


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
    infos: list[tuple[Informational, str]] = field(default_factory=list)  # those that may hold a Delete of a phase 2 SA

    def findings(self) -> Iterator[Finding]:
        """One or more for each connection."""
        tracker = self.case.tracker
        ike = tracker.ike.get(self.between)
        self.infos = kinds(ike) if ike is not None else []
        found: dict[int, list[Finding]] = {one.number: [] for one in self.connections}
        if ike is not None:
            every = pairs(tracker, self.between, self.case.ready.get(self.between, []))
            if len(self.infos) * (len(every) * len(self.connections) + len(ike.quick)) > MOST_WORK:
                for one in self.connections:
                    yield Finding(UNDECIDED, (one.frame,), f"{named(one)}: {len(self.infos):,} Informationals, {len(every):,} SA pairs and "
                                  f"{len(self.connections):,} connections between its hosts are more than can be compared")
                return
            for one, finding in self.early(ike, every):
                found[one.number].append(finding)
        for one in self.connections:
            yield from found[one.number] or [self.late(one, ike)]

    def early(self, ike: Ike, every: list[Pair]) -> Iterator[tuple[Connection, Finding]]:
        """What is said of each connection that may need the SA which a Delete takes."""
        gone: set[Pair] = set()
        for info, kind in self.infos:
            place = [one for one in every if one.since < info.frame and one not in gone]
            if info.spis:  # in the clear: IKE heeds none, but somebody sent it
                place = [one for one in place if any(half.spi.to_bytes(4) in info.spis for half in one.halves)]
            meant = [(one, self.needed(one, place, info)) for one in place if not used_after(one, info)]
            early = [needed for _, needed in meant if needed]
            if early and len(early) == len(meant) and kind == "delete":
                for one, state in early[0]:
                    yield one, self.unclocked(one, info) or self.doubt(one, ike, info) or violated(info, early, one, state)
            else:
                why = ("it may have meant another SA pair" if len(early) < len(meant) else "it is not encrypted, so that no IKE heeds it"
                       if info.spis else "by its size it may also be something else, such as a Delete of the phase 1 SA")
                for one, state in (each for needed in early for each in needed):
                    yield one, Finding(UNDECIDED, (info.frame,), f"{named(one)}: the Informational in frame {info.frame} comes {state}, "
                                                                 f"but {why}")
            if meant and not info.spis and (kind == "delete" or len(place) > 1):
                gone.add(next((one for one, needed in meant if not needed), meant[0][0]))

    def needed(self, pair: Pair, place: list[Pair], info: Informational) -> list[tuple[Connection, str]]:
        """The connections that lose their last SA pair with this one, and the state they are in."""
        lost = []
        for one in self.connections:
            state = state_of(one, info, self.case.time_wait)
            others = [other for other in place if other is not pair
                      and (one.number in other.connections or (not other.connections and other.since > pair.since))]
            if state and one.number in pair.connections and not others:
                lost.append((one, state))
        return lost

    def late(self, one: Connection, ike: Ike | None) -> Finding:
        """A connection under which no SA was deleted too early: was one deleted late?"""
        tracker, name, last = self.case.tracker, named(one), (one.last_frame,)
        due = one.last_time + self.case.time_wait if one.finished else None
        if one.reset is not None:
            due = one.reset[1]  # no TIME-WAIT
        bare = [frame for frame in one.left if frame not in tracker.artefacts]
        if bare:
            return Finding(UNDECIDED, tuple(bare), f"{name}: frame {bare[0]} is outside the SA that its sender used before: it may no "
                           "longer have it")
        if self.case.opaque:
            return Finding(UNDECIDED, last, f"{name}: SA {spi(self.case.opaque[0])} between its hosts can't be read")
        if due is None:
            return Finding(UNDECIDED, last, f"{name}: the file ends while it is open")
        if ike is None and by_hand(tracker, one):
            return Finding(SATISFIED, last, f"{name}: its SAs are keyed by hand and the file has no IKE: no message deletes them")
        info = next((info for info, _ in self.infos if not info.spis and info.frame > one.last_frame and info.time >= due), None)
        if info is None:
            return Finding(UNDECIDED, last, f"{name}: no Delete is in the file after it closed")
        after = (info.time - (one.reset[1] if one.reset is not None else one.last_time)) / 1e9
        return self.unclocked(one, info) or Finding(
            SATISFIED, (info.frame,), f"{name}: the first message that may be a Delete after it closed is frame {info.frame}, "
                                      f"{after:.2f} s later"
            + (" (closed by RST: no TIME-WAIT)" if one.reset is not None else ""))

    def doubt(self, one: Connection, ike: Ike, info: Informational) -> Finding | None:
        """Undecided where what the file lacks may be the end of the connection, or another SA pair."""
        if not one.over and one.last_frame < info.frame:
            lost = sum(self.case.tracker.associations[number].lost for number in one.sas)
            if lost or one.missing:
                return Finding(UNDECIDED, (info.frame,), f"{named(one)}: an SA is deleted in frame {info.frame} and the file has no end "
                                                         "of the "
                               f"connection before, but packets of it are missing ({lost} by ESP's sequence numbers): its end may be "
                               "among them")
        silent = given_up(one, info)
        if silent >= GIVES_UP:
            return Finding(UNDECIDED, (info.frame,), f"{named(one)}: {ip.text(info.sender)} deletes the SA in frame {info.frame}, but for "
                                                     f"{silent / 1e9:.0f} s nothing of what it sent was acknowledged: its TCP may have "
                                                     "given up the connection, which no packet tells")
        if one.plain_last > info.frame:
            return None  # it went on in plaintext: no other pair carried it
        done = {ready.first for ready in self.case.ready.get(self.between, []) if ready.frame < info.frame}
        begun = [each.frames[0] for each in ike.quick.values() if each.frames]
        partial = [frame for frame in begun if frame < info.frame and frame not in done]
        if partial:
            return Finding(UNDECIDED, (partial[-1], info.frame), f"{named(one)}: an SA is deleted in frame {info.frame}, but the quick "
                                                                 "mode from "
                           f"frame {partial[-1]} on is not whole in the file before: another SA pair may be in place")
        return None

    def unclocked(self, one: Connection, info: Informational) -> Finding | None:
        """Undecided where the time between the end of a connection and a message can't be taken from the file."""
        if not one.over or info.frame < one.last_frame:
            return None  # their order is enough
        frames = [frame for frame in self.case.tracker.steps_back if one.last_frame < frame <= info.frame]
        if frames:
            return Finding(UNDECIDED, (*frames, info.frame), f"{named(one)}: time goes back in frame {frames[0]}, so that it is not "
                                                             "known how long "
                           f"after its end the Informational in frame {info.frame} came")
        if self.case.tracker.untimed:
            return Finding(UNDECIDED, (info.frame,), f"{named(one)}: the file has frames without a time")
        return None


def given_up(one: Connection, info: Informational) -> int:
    """How long (ns) the sender of a Delete had waited for an acknowledgement; 0 where it got one, or sent on after the Delete."""
    return max((info.time - stream.waits for end, stream in zip(one.ends, one.streams, strict=True)
                if end[0] == info.sender and stream.waits is not None and stream.last_frame < info.frame), default=0)


def violated(info: Informational, early: list[list[tuple[Connection, str]]], one: Connection, state: str) -> Finding:
    """A Delete that came too early for this connection, or, where it may have meant several pairs, for one of theirs."""
    if len(early) == 1:
        return Finding(VIOLATED, (info.frame,), f"{named(one)}: {ip.text(info.sender)} deletes the SA in frame {info.frame}, {state}, and "
                                                "no other SA pair is in place")
    whose = dict.fromkeys(f"{named(each)} ({how})" for needed in early for each, how in needed)
    more = f", or of {len(whose) - MOST_NAMED} more" if len(whose) > MOST_NAMED else ""
    return Finding(VIOLATED, (info.frame,), f"{ip.text(info.sender)} deletes in frame {info.frame} the only SA pair of "
                                            f"{' or of '.join(list(whose)[:MOST_NAMED])}{more}")


def kinds(ike: Ike) -> list[tuple[Informational, str]]:
    """The Informationals that may hold a Delete of a phase 2 SA, each with "delete" or "either". That goes by its size
    (`isakmp.could_delete`) and by what follows: a Delete of the phase 1 SA is its sender's last message under that SA, and R-U-THERE is
    answered."""
    senders: dict[tuple[bytes, int], set[bytes]] = {}
    used = {cookie for cookie, _ in ike.quick}
    for info in ike.informationals:
        senders.setdefault((info.cookie, info.time // ANSWER), set()).add(info.sender)
    found = []
    for info in ike.informationals:
        phase1 = ike.phase1.get(info.cookie)
        agreed = phase1.agreed if phase1 is not None and info.version == 1 else None
        kind = "either" if info.spis else isakmp.could_delete(info.size, agreed)
        if kind == "either" and not info.spis and agreed is not None:
            around = (senders.get((info.cookie, info.time // ANSWER + step), set()) for step in (-1, 0, 1))
            answered = any(here - {info.sender} for here in around)
            if ike.last_of_cookie[info.cookie, info.sender] > info.frame and not answered:
                kind = "delete"
        if kind == "delete" and phase1 is not None and not phase1.complete and info.cookie not in used:
            kind = "either"  # a Notify that ends a phase 1 which fails has the size of a Delete
        if kind != "other":
            found.append((info, kind))
    return found


def used_after(pair: Pair, info: Informational) -> bool:
    """Did the sender of a Delete send in the pair afterwards, so that it can't have meant it?"""
    frame, time = pair.last_sent(info.sender)
    return frame > info.frame and time - info.time > STILL_USED


def state_of(one: Connection, info: Informational, time_wait: int) -> str:
    """What a connection does when a message comes, in words; empty where it is over, TIME-WAIT included, or has not begun."""
    if info.frame < one.frame:
        return ""
    if one.reset is not None:
        return "" if info.frame > one.reset[0] else "before its reset"
    if not one.finished or info.frame < one.last_frame:
        closing = any(stream.fin is not None and stream.fin[0] < info.frame for stream in one.streams)
        return "while it is closing" if closing else "while it is open"
    after = info.time - one.last_time
    return f"{after / 1e9:.2f} s after it closed, within TIME-WAIT of {time_wait / 1e9:g} s" if after < time_wait else ""
