"""The end of a connection over one SA pair: FIN, RST, Delete, and what leaves in plaintext, against all tables of an end together.

An end is followed from Established over g0 on, as in slice teardown. This is where the draft's readings show: who deletes the SA, and
when. Time is looked at, because nothing else tells a Delete at the session's end from one at the connection's:

- what a step sends is seen within `PROMPT` of one another; within it the ACK of an end's FIN arrives, if that FIN does not come again;
- 2MSL, and the draft's clock that a bare ACK starts, last `time_wait`, no less, and a quarter more at most; a user timeout 100 s or more
  (RFC 9293 3.8.3, R2), and who ends an orphaned FIN-WAIT-2 waits 30 s or more;
- what the end sent is in the file;
- nobody cleared the SA by hand and its lifetime did not end.

Where that leaves no run the last is given up, and said; where that leaves none either, so is that before it, and nothing is decided. Only
what no run at all allows is a departure.

A Delete is encrypted: by its size (`traces.audit.lifetime.kinds`) an Informational is one, may be one, or may be a Delete of the phase 1
SA, which may also be a question whether the peer is alive: so that one is never asked for, and no run is excluded by its not being one.
Text, bare ACKs and retransmissions inside ESP are no events here (`traces.fit.tcp` has them). The SA pair, and what of IKE was there
before, are taken as given; where a quick mode or a phase 1 begins the matching ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from model.action import Event
from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE
from model.binding import BINDING_TABLE, CLOCK
from model.ike_info import INFORMATIONAL_TABLE
from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.ipsec import CLEAR, HARD, IPSEC_TABLE, SPD_TABLE
from model.readings import READINGS
from model.signals import (
    BGP_EVENT,
    CLOSE_WAIT,
    CLOSING,
    ESP_IN,
    FIN_WAIT_1,
    INFO_RCV,
    LAST_ACK,
    SPD_IN,
    SPD_OUT,
    TCP,
    TCP_ABORT,
    TIME_WAIT,
)
from model.signals import ESTABLISHED as TCP_ESTABLISHED
from model.system import State
from model.table import Table
from model.tcp import FIN_WAIT_2_TIMEOUT, READ_EOF, RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT
from traces.capture import tcp
from traces.fit.layer import DEPARTS, FITS, UNDECIDED, Layer, merged
from traces.fit.machine import UNKNOWN, Machine, Said, Symbol
from traces.fit.notes import Seen
from traces.fit.observer import MOST_POINTS, TooMany
from traces.fit.tcp import foreign, name
from verify.step import Stimulus

NAME = "end"
IN_PLAINTEXT, IN_ESP = " in plaintext", "the same in ESP, or nothing"
HAND = "only if the SA was cleared by hand or its lifetime ended"
LOST = "only if something that the end sent is not in the file"
MISSING = "what had to come did not"
PROMPT = 5_000_000_000  # ns
USER, ORPHAN = 100_000_000_000, 30_000_000_000  # ns
PLAIN, DELETE, DELETE_P1, RST = "plaintext", "Delete", "Delete of phase 1", "RST"
TABLES = (BGP_MESSAGE_TABLE, BGP_TABLE, BINDING_TABLE, TCP_TABLE, SPD_TABLE, IPSEC_TABLE, PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE,
          QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE, INFORMATIONAL_TABLE)
# The readings of the end of a connection, by what they are about. Each group is followed by itself, the others being loose: all together
# have too many values. The rest is as the start has it: over ESP, keyed by IKE, without a NAT.
GROUPS = {"who deletes, and when": ("del_trigger", "passive_del", "clock_start", "on_failure"),
          "what a Delete does": ("unmarked_del", "peer_del", "confirm", "after_del", "listener_rule"),
          "phase 1": ("p1_delete",)}
OPEN = (*(key for group in GROUPS.values() for key in group), "close_call", "bind", "del_pair", "p1_count", "p1_cascade", "del_order")
FIXED = {"endpoint.name": "A", "connection.one-5-tuple": "false", "nat.state": "as-negotiated", "ipsec": "on", "port": "179",
         "keying": "ike", "bgp.AllowAutomaticStop": "true", "bgp.CollisionDetectEstablishedState": "true", "hold": "on",
         "bgp.DampPeerOscillations": "false", "bgp.DelayOpen": "false", "bgp.PassiveTcpEstablishment": "false",
         "bgp.AllowAutomaticStart": "false", "bgp.SendNOTIFICATIONwithoutOPEN": "false", "bgp-message.other": "none",
         "bgp-message.CollisionDetectOpenSentState": "false", "bgp-message.initiated": "false", "binding.begun-alike": "true",
         "bgp-message.local-identifier-larger": "false", "binding.foreign": "false"}
START = {"bgp.state": "Established", "bgp.HoldTimer": "true", "bgp.KeepaliveTimer": "true", "binding.state": "up", "binding.bound": "g0",
         "tcp.state": "ESTABLISHED", "tcp.open-delivered": "true", "spd.state": "PROTECT", "ipsec.in[g0]": "mature",
         "ipsec.out[g0]": "mature", "phase1-initiator.state": "UP"}
# What the end or its kernel may do unseen, and how long the state of its TCB has lasted then; a session ends by its operator (2), or
# because something failed (10: like every error, a NOTIFICATION and the end).
HIDDEN: tuple[tuple[Table, Event, int], ...] = (
    (BGP_TABLE, BGP_EVENT[2], 0), (BGP_TABLE, BGP_EVENT[10], 0), (TCP_TABLE, TCP_ABORT, 0), (TCP_TABLE, RETRANSMIT, 0),
    (TCP_TABLE, READ_EOF, 0), (TCP_TABLE, USER_TIMEOUT, USER), (TCP_TABLE, FIN_WAIT_2_TIMEOUT, ORPHAN), (TCP_TABLE, TWO_MSL, -1),
    (BINDING_TABLE, CLOCK, -1))  # -1: time_wait
BY_HAND: tuple[tuple[Table, Event, int], ...] = ((IPSEC_TABLE, CLEAR, 0), (IPSEC_TABLE, HARD, 0))
COUNTERS = (("bgp", "ConnectRetryCounter"), ("binding", "next-incarnation"), ("bgp", "ConnectRetryTimer"), ("bgp", "IdleHoldTimer"))
ONE_WAY = ("SA", "ISN is newer")  # choices that one SA pair and one connection leave nothing to choose of
SENDS_TEXT = frozenset(one.code for one in (TCP_ESTABLISHED, CLOSE_WAIT))
WAITS = frozenset(one.code for one in (FIN_WAIT_1, CLOSING, LAST_ACK))  # for the ACK of the own FIN
NEVER = 1 << 63
GOT_FIN = frozenset(one.code for one in (CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT))


class Happens(NamedTuple):
    """Something between the two ends, in the order of the file: a segment, an Informational ("delete", "either" or "other"), or
    "exchange", where IKE begins one."""

    frame: int
    time: int
    side: int
    what: str
    segment: Seen | None = None


class Point(NamedTuple):
    """A state of the end, and what it sent that was not seen yet."""

    state: State
    pending: tuple[Symbol, ...]


class Times(NamedTuple):
    """Since when the TCB can have been in its state (a FIN that comes again restarts 2MSL; the earliest end is kept), and until when what
    is pending is awaited."""

    since: int
    due: int


def symbol(one: Said) -> Symbol:
    """What is seen and awaited of what leaves an end; "" for the rest."""
    if one.args.get("resend") == "true":
        return ""
    if one.to == "segments":
        kind = one.args["kind"]
        return name(kind, one.args["acks"] == "true") if kind in ("FIN", RST) else ""
    if one.to == "datagrams":
        return {"DEL": DELETE, "DEL-P1": DELETE_P1}.get(one.args["datagram"], "IKE")
    return ""


def probe(one: Said) -> Symbol:
    """Where a segment goes that TCP hands down."""
    return PLAIN if one.to == "segments" and one.args["prot"] == "PLAIN" else ""


def fixed() -> dict[str, str]:
    """What is known of an end, and the readings that are not looked at."""
    return FIXED | {one.key: one.values[0] for one in READINGS.values() if one.key not in (*OPEN, *FIXED)}


def loose(group: str) -> list[str]:
    """What is not followed where a group is."""
    return [*(key for key in OPEN if key not in GROUPS[group]), "binding.other-sessions"]


@cache
def machine(group: str) -> Machine:
    """All tables of an end."""
    events = [*((table, event) for table, event, _ in (*HIDDEN, *BY_HAND)), (IPSEC_TABLE, ESP_IN), (SPD_TABLE, SPD_IN),
              (INFORMATIONAL_TABLE, INFO_RCV)]
    return Machine("one end", TABLES, events, symbol, fixed(), loose(group), ONE_WAY,
                   {TCP_ABORT: TCP.among(TCP_ESTABLISHED, CLOSE_WAIT)})


@cache
def prober(group: str) -> Machine:
    """The way out for a segment, from the same states: the same tables, another event, and plaintext is what is seen."""
    return Machine("one end, outbound", TABLES, [(SPD_TABLE, SPD_OUT)], probe, fixed(), loose(group), ONE_WAY)


@cache
def hidden(group: str) -> tuple[tuple[Stimulus, int], ...]:
    return tuple((stimulus, wait) for table, event, wait in HIDDEN for stimulus in machine(group).stimuli(table.name, event.name))


@cache
def by_hand(group: str) -> tuple[tuple[Stimulus, int], ...]:
    return tuple((stimulus, wait) for table, event, wait in BY_HAND
                 for stimulus in machine(group).stimuli(table.name, event.name, gen=["g0"]))


@cache
def arrival(group: str, one: Symbol) -> tuple[Stimulus, ...]:
    """What a message that has passed may cause at the end."""
    if one in (DELETE, DELETE_P1):
        return machine(group).stimuli("informational", INFO_RCV.name, datagram=["DEL" if one == DELETE else "DEL-P1"], gen=["g0"],
                                 cookie=["receiver"])
    kind, msg, acks, mode = one.split("/")
    table, event, gen = ("ipsec", ESP_IN, {"gen": ["g0"]}) if mode == tcp.ESP else ("spd", SPD_IN, {})
    every = machine(group).stimuli(table, event.name, kind=[kind], msg=[msg], acks=[acks], inc=["0"], **gen)
    return every if kind == "FIN" else every[:1]  # whether a daemon reads an EOF late is asked of a FIN only


def arriving(one: Seen) -> Symbol:
    """A segment towards the end, with the one message that matters."""
    msg = "NOTIFICATION" if "NOTIFICATION" in one.messages else "UPDATE" if one.text else "-"
    acks = "true" if one.acks else "false"
    return f"{one.kind}/{msg if one.kind in ('DATA', 'FIN') else '-'}/{acks}/{one.mode}"


@dataclass
class Ending:
    """One end's part of what happens between the two. `sole`: no other SA pair is in place that a Delete may mean. `hand`: the SA may
    go by an operator's hand or at the end of its lifetime. `lossy`: what the end sent may be missing, and nothing is ever due."""

    group: str
    side: int
    time_wait: int
    sole: bool
    hand: bool = False
    lossy: bool = False

    def match(self, events: list[Happens], last: int) -> Layer:
        """What comes of it; `last`: the time at which the file ends."""
        self.here = machine(self.group).position("tcp", "state")
        self.queue: set[Symbol] = set()
        self.counters = [machine(self.group).position(*one) for one in COUNTERS]
        self.points = {Point(machine(self.group).start(**START), ()): Times(events[0].time if events else last, 0)}
        self.frames, self.excluded = 0, dict[str, dict[str, int]]()
        self.alive = self.left()
        fins = [one.time for one in events if one.side == self.side and one.segment is not None and one.segment.fin]
        self.own_fin = (fins[0], fins[-1]) if fins else (0, 0)
        self.acked = NEVER
        self.peer_fin = 0
        for one in events:
            over = self.take(one)
            if over is not None:
                return over
        if events and last > events[-1].time:
            after = self.advance(last)
            if not after:
                return self.ended(DEPARTS, events[-1].frame, MISSING, last)
            self.become(after, events[-1].frame)
        return self.ended(FITS)

    def ended(self, verdict: str, frame: int | None = None, what: str = "", time: int = 0, reason: str = "") -> Layer:
        left = {key: tuple(READINGS[key].values[code] for code in sorted(self.alive[key])) for key in self.excluded}
        instead = sorted({said for point in self.points for said in self.says(point, time)}) if verdict == DEPARTS else []
        instead = [IN_ESP, *instead] if what.endswith(IN_PLAINTEXT) else instead
        settled = ({key: READINGS[key].values[point.state[at]] for at, key in machine(self.group).constants.items()
                    if key in GROUPS[self.group] and point.state[at] != UNKNOWN} for point in self.points)
        return Layer(NAME, verdict, self.frames, frame, what, tuple(instead), reason, left, self.excluded,
                     merged(settled) if verdict != DEPARTS else ())

    # -- what happens --

    def take(self, one: Happens) -> Layer | None:
        points = self.advance(one.time)
        if not points:
            return self.ended(DEPARTS, one.frame, MISSING, one.time)
        if one.what == "exchange":
            self.become(points, one.frame)
            return self.ended(UNDECIDED, one.frame, reason="IKE begins an exchange: what comes of it is not followed")
        if one.side != self.side:
            self.become(points, one.frame)
            if one.segment is not None:
                if one.segment.fin:
                    self.peer_fin = one.time
                if one.segment.acks:
                    self.acked = min(self.acked, one.time)
                if one.segment.kind not in ("ACK", "SYN", "SYN+ACK") or one.segment.acks:
                    self.queue.add(arriving(one.segment))
            else:
                self.queue |= {"delete": {DELETE}, "other": {DELETE_P1}}.get(one.what, {DELETE, DELETE_P1})
            self.points = self.closed(points, one.time)
            return None
        after, told = self.sent(points, one)
        if not after:
            self.points = points
            return self.ended(DEPARTS, one.frame, told, one.time)
        self.frames += 1
        self.become(self.closed(after, one.time), one.frame)
        return None

    def sent(self, points: Mapping[Point, Times], one: Happens) -> tuple[dict[Point, Times], str]:
        """The points after what the end sent, and what that was."""
        if one.segment is None:
            certain = one.what == "delete" and self.sole
            after = {} if one.what == "other" else self.sends(points, DELETE, one.time)
            if not certain:
                _merge(after, self.sends(points, DELETE_P1, one.time))
                _merge(after, points)
            return after, DELETE
        segment = one.segment
        told = name(segment.kind, segment.acks) + (IN_PLAINTEXT if segment.mode == tcp.PLAIN else "")
        after = dict(points)
        if segment.kind == RST:
            after = self.sends(points, RST, one.time)
            if foreign(segment, True):
                _merge(after, points)
            return after, told
        if segment.mode == tcp.PLAIN:
            after = self.plain(after)
        if segment.kind == "DATA" and not segment.again:
            after = {point: times for point, times in after.items() if point.state[self.here] in SENDS_TEXT}
        if segment.kind == "FIN" and not segment.again:
            after = self.sends(after, name("FIN", segment.acks), one.time)
        elif segment.acks:
            after = {point: times for point, times in after.items() if point.state[self.here] in GOT_FIN}
        return after, told

    def plain(self, points: Mapping[Point, Times]) -> dict[Point, Times]:
        """The points at which a segment leaves in plaintext."""
        stimuli = prober(self.group).stimuli("spd", SPD_OUT.name, kind=["DATA"], msg=["UPDATE"], inc=["0"])
        found: dict[Point, Times] = {}
        for point, times in points.items():
            for stimulus in stimuli:
                for state, said in prober(self.group).steps(point.state, stimulus):
                    if said:
                        _merge(found, {Point(self.settled(point.state, state), point.pending): times})
        return found

    # -- what may have happened --

    def moves(self, point: Point, times: Times, now: int) -> Iterator[tuple[Point, tuple[Symbol, ...], Times]]:
        waits = (*hidden(self.group), *(by_hand(self.group) if self.hand else ()))
        lasted = now - times.since
        stimuli = [one for one, wait in waits if lasted >= (self.time_wait if wait < 0 else wait)]
        for stimulus in (*stimuli, *(each for one in sorted(self.queue) for each in arrival(self.group, one))):
            for after, said in machine(self.group).steps(point.state, stimulus):
                state = self.forgets(after)
                changed = state[self.here] != point.state[self.here]
                yield Point(state, point.pending), said, Times(now if changed else times.since, times.due)

    def forgets(self, state: State) -> State:
        """Without what no longer matters: counters, and timers of a session that is over."""
        cells = list(state)
        for at in self.counters:
            cells[at] = 0
        return tuple(cells)

    def closed(self, points: Mapping[Point, Times], now: int) -> dict[Point, Times]:
        """With everything that may have happened unseen until now."""
        every = dict(points)
        todo = list(every)
        while todo:
            point = todo.pop()
            for after, said, times in self.moves(point, every[point], now):
                if (not said or self.lossy) and _merge(every, {after: times}):
                    todo.append(after)
            if len(every) > MOST_POINTS:
                raise TooMany
        return every

    def advance(self, now: int) -> dict[Point, Times]:
        """The points after some time in which nothing was seen of either end."""
        every = self.closed(self.points, now)
        if self.lossy:
            return every
        return {point: times for point, times in every.items()
                if not (point.pending and now > times.due) and not self.overdue(point, times, now)}

    def overdue(self, point: Point, times: Times, now: int) -> bool:
        """Should the end have left this state by now? 2MSL begins anew with each FIN of the peer's. The ACK of the own FIN, where it was
        lost, brings that FIN again, each time after twice the time; that of other messages' arrival is seen."""
        here = point.state[self.here]
        if here == TIME_WAIT.code:
            return now - max(times.since, self.peer_fin) > self.time_wait * 5 // 4 + PROMPT
        first, last = self.own_fin
        return here in WAITS and last < self.acked and now - self.acked > PROMPT + 2 * (last - first)

    def sends(self, points: Mapping[Point, Times], seen: Symbol, now: int) -> dict[Point, Times]:
        """The points after a message was seen. Nothing orders what one step sends."""
        found: dict[Point, Times] = {}
        for point, times in points.items():
            if seen in point.pending:
                rest = list(point.pending)
                rest.remove(seen)
                _merge(found, {Point(point.state, tuple(rest)): times})
            for after, said, when in self.moves(point, times, now):
                if seen in said:
                    more = list(said)
                    more.remove(seen)
                    _merge(found, {Point(after.state, tuple(sorted([*point.pending, *more]))): Times(when.since, now + PROMPT)})
        return found

    def says(self, point: Point, now: int) -> Iterator[Symbol]:
        yield from point.pending
        for _, said, _ in self.moves(point, self.points[point], now):
            yield from said

    def settled(self, state: State, probed: State) -> State:
        """A state with what a probe of it had to settle."""
        return tuple(probed[at] if at in machine(self.group).constants else code for at, code in enumerate(state))

    # -- readings --

    def become(self, points: dict[Point, Times], frame: int) -> None:
        self.points = points
        now = self.left()
        for key, codes in now.items():
            for code in self.alive[key] - codes:
                self.excluded.setdefault(key, {})[READINGS[key].values[code]] = frame
        self.alive = now

    def left(self) -> dict[str, frozenset[int]]:
        states = {point.state for point in self.points}
        return {key: machine(self.group).values(states, at) for at, key in machine(self.group).constants.items() if key in READINGS}


def _merge(into: dict[Point, Times], more: Mapping[Point, Times]) -> bool:
    """Keep the longest times of each point; did anything change?"""
    changed = False
    for point, times in more.items():
        old = into.get(point)
        new = times if old is None else Times(min(old.since, times.since), max(old.due, times.due))
        if new != old:
            into[point] = new
            changed = True
    return changed


def match(group: str, side: int, events: list[Happens], last: int, time_wait: int, sole: bool) -> Layer:
    """One end, one group of readings, with as few allowances as leave a run; see the head of this module."""
    first = strict = Ending(group, side, time_wait, sole).match(events, last)
    if strict.verdict != DEPARTS:
        return strict
    by_hand_ = Ending(group, side, time_wait, sole, hand=True).match(events, last)
    if by_hand_.verdict != DEPARTS:
        return replace(by_hand_, frame=first.frame, what=first.what, reason=HAND)
    lossy = Ending(group, side, time_wait, sole, hand=True, lossy=True).match(events, last)
    if lossy.verdict != DEPARTS:
        return replace(by_hand_, verdict=UNDECIDED, reason=LOST, left={}, excluded={}, together=())
    return replace(lossy, left={}, excluded={}, together=())
