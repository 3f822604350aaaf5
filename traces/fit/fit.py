"""A capture against the model: each end of each BGP connection, layer by layer, and what is left of the readings.

A layer `fits` if some run of its tables shows what the file shows of that end; it `departs` at the first frame that no run shows, under
any reading; it is `undecided` from where on the file can't tell. What is taken for granted is in `ASSUMED` and printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from model.readings import READINGS
from traces.audit.case import Case, named
from traces.audit.lifetime import kinds
from traces.audit.pairs import pairs
from traces.audit.tracker import Exchange, Ike, endpoint, hosts
from traces.capture import ip, isakmp
from traces.capture import tcp as segments
from traces.capture.ip import Address
from traces.capture.tcp import Connection
from traces.fit import bgp, ending, ike, tcp
from traces.fit.ending import Happens
from traces.fit.layer import DEPARTS, FITS, UNDECIDED, Layer
from traces.fit.notes import Story
from traces.fit.observer import TooMany

MOST_CONNECTIONS, MOST_EXCHANGES = 100, 200  # that are matched
ASSUMED = (
    "who an address names sent what bears it; but a RST outside ESP may be anybody's, and for tcp and bgp whatever is outside ESP in a "
    "connection that is in it",
    "frames stand in the file in the order in which they passed, and none is missing that TCP's and ESP's numbers do not show",
    "what passed may have arrived at any time after, or, TCP repeating it, late",
    "the rows 'end': what an end sent is in the file, what one step sends leaves within 5 s, TIME-WAIT lasts what --time-wait says",
)


@dataclass(frozen=True)
class Value:
    """A reading of one end: the values under which a run remains, and for each other value the frame that left none."""

    left: tuple[str, ...]
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def together(self) -> list[tuple[Mapping[str, str], ...]]:
        """Combinations of readings of which one it must be, for each layer where that says more than each reading by itself."""
        return [layer.together for layer in self.layers if len(layer.together) > 1]

    @property
    def readings(self) -> dict[str, Value]:
        """What its layers say together; a reading that is not here is one that this connection does not show."""
        found: dict[str, Value] = {}
        for layer in self.layers:
            for key, left in layer.left.items():
                old = found.get(key, Value(READINGS[key].values, {}))
                excluded = dict(layer.excluded[key])
                for value, frame in old.excluded.items():
                    excluded[value] = min(frame, excluded.get(value, frame))
                found[key] = Value(tuple(value for value in old.left if value in left), excluded)
        return found


@dataclass(frozen=True)
class Matched:
    """A connection, or an IKE exchange, with its ends: the one that began it first."""

    name: str
    ends: tuple[End, ...]


@dataclass(frozen=True)
class Fit:
    """Everything that was matched, and what was not."""

    connections: tuple[Matched, ...]
    exchanges: tuple[Matched, ...]
    left_out: tuple[str, ...]

    @property
    def shown(self) -> set[str]:
        """The readings of which some end shows something."""
        return {key for one in (*self.connections, *self.exchanges) for end in one.ends for key in end.readings}


def fit(case: Case, progress: Callable[[str], None] = lambda told: None) -> Fit:
    """Match a case whose tracker took notes; `progress` hears what is matched next. Ctrl-C keeps
    what was matched."""
    notes = case.tracker.notes
    assert notes is not None
    found, skipped = [], list[str]()
    wanted = [one for one in case.connections if one.number in notes.of]
    unseen = len(case.connections) - len(wanted)
    if unseen:
        skipped.append(f"{unseen:,} connections whose SYN is not in the file")
    if len(wanted) > MOST_CONNECTIONS:
        skipped.append(f"all but the first {MOST_CONNECTIONS} of {len(wanted):,} connections")
    try:
        for one in wanted[:MOST_CONNECTIONS]:
            progress(named(one))
            found.append(Matched(named(one), tuple(_end(case, one, notes.of[one.number], side) for side in (0, 1))))
    except KeyboardInterrupt:
        skipped.append(f"interrupted: all but the first {len(found)} of {len(wanted):,} connections")
    exchanges = [(cookie, two) for cookie, two in _exchanges(case)]
    if len(exchanges) > MOST_EXCHANGES:
        skipped.append(f"all but the first {MOST_EXCHANGES} of {len(exchanges):,} IKE exchanges")
    return Fit(tuple(found), tuple(_exchange(*one) for one in exchanges[:MOST_EXCHANGES]), tuple(skipped))


# -- connections --


def _end(case: Case, one: Connection, story: Story, side: int) -> End:
    layers = []
    for module in (tcp, bgp):
        try:
            layer = module.match(story, side)
        except TooMany:
            layer = Layer(module.NAME, UNDECIDED, 0, reason="more runs are possible than are followed")
        gap = "of a stream not all is in the file" if any(stream.gap for stream in story.streams) else None
        overtaken = f"its segments are out of order in frame {story.overtaken[side]}" if story.overtaken[side] else None
        doubt = _doubt(case, one) or gap or (overtaken if module is tcp else None)
        if story.stopped and layer.verdict == FITS:
            layer = replace(layer, verdict=UNDECIDED, frame=story.seen[-1].frame, reason=story.stopped)
        layers.append(_careful(layer, doubt))
    layers += _ending(case, one, story, side)
    return End(endpoint(one.ends[side]), tuple(layers))


def _careful(layer: Layer, doubt: str | None) -> Layer:
    """What does not fit need not be a departure where something is wrong with the file."""
    if doubt is None or layer.verdict == UNDECIDED:
        return layer
    return replace(layer, verdict=UNDECIDED, reason=doubt) if layer.verdict == DEPARTS else layer


def _doubt(case: Case, one: Connection) -> str | None:
    """Why a connection may have had more, or something else, than the file shows."""
    tracker, sas = case.tracker, [case.tracker.associations[number] for number in one.sas]
    lost, unread = sum(sa.lost for sa in sas), sum(sa.unread for sa in sas)
    if not one.both:
        return "only one end's segments are in the file"
    if one.synack is None and one.answered:
        return "its SYN+ACK is not in the file"
    if one.missing:
        return "an end acknowledges what is not in the file"
    if lost or unread:
        return f"{lost:,} packets of its SAs are missing by their numbers, {unread:,} can't be read"
    if tracker.steps_back:
        return f"time goes back in frame {tracker.steps_back[0]}"
    if tracker.artefacts:
        return "the file shows segments twice, in a tunnel and outside"
    return tracker.incomplete


def _ending(case: Case, one: Connection, story: Story, side: int) -> Iterator[Layer]:
    """The end of a connection over one SA pair, a layer for each group of readings; nothing where it is over none."""
    if not one.sas:
        return
    tracker = case.tracker
    why, at = _not_followed(case, one, story), Layer(ending.NAME, UNDECIDED, 0)
    if why is not None:
        yield replace(at, reason=why)
        return
    of_side = _hosts(case, one, story)
    two = hosts(*of_side)
    keys = tracker.ike[two]
    since = _established(story)
    assert since is not None
    events = sorted(_events(story, keys, of_side, since))
    ready = case.ready.get(two, [])
    before = [pair for pair in pairs(tracker, two, ready) if pair.since < since]
    sole = len(before) == 1
    for group in ending.GROUPS:
        try:
            layer = ending.match(group, side, events, tracker.last_time, case.time_wait, sole)
        except TooMany:
            layer = Layer(ending.NAME, UNDECIDED, 0, reason="more runs are possible than are followed")
        yield _careful(replace(layer, name=f"{ending.NAME}: {group}"), _doubt(case, one))
        if layer.verdict == DEPARTS or layer.reason == ending.LOST:
            return  # each group allows more than there is: what has no run in one of them has none


def _not_followed(case: Case, one: Connection, story: Story) -> str | None:
    """Why the end of a connection can't be followed."""
    tracker, since = case.tracker, _established(story)
    if since is None:
        return "the session did not come up in the file"
    first = case.tracker.associations[next(iter(one.sas))]
    two = hosts(first.source, first.target)
    keys = tracker.ike.get(two, Ike())
    begun = [exchange.frames[0] for exchange in (*keys.phase1.values(), *keys.quick.values())
             if exchange.frames and exchange.frames[0] > since]
    until = min(begun, default=story.last[0] + 1)
    used = {seen.sa for seen in story.seen if seen.sa is not None and seen.frame < until}
    sas = [tracker.associations[number] for number in sorted(used)]
    if any(sa.kind != segments.ESP for sa in sas) or len(sas) != 2 or sas[0].source != sas[1].target:
        return "it is not over one pair of ESP SAs"
    if any(len(sa.connections) > 1 for sa in sas):
        return "its SAs carry other connections too"
    if not any(exchange.complete for exchange in keys.quick.values()):
        return "no whole quick mode is in the file: nothing can be told of IKE's part"
    if story.stopped:
        return story.stopped
    if tracker.steps_back or tracker.untimed:
        return "the times in the file can't be relied on"
    return None


def _hosts(case: Case, one: Connection, story: Story) -> tuple[Address, Address]:
    """The IPsec host of each end: in tunnel mode another than the end's own."""
    found = {seen.side: case.tracker.associations[seen.sa].source for seen in story.seen if seen.sa is not None}
    first = case.tracker.associations[next(iter(one.sas))]
    return (found.get(0, first.source if found.get(1) != first.source else first.target),
            found.get(1, first.target if found.get(0) != first.target else first.source))


def _established(story: Story) -> int | None:
    """The frame from which on both ends' KEEPALIVEs are in the file."""
    first: dict[int, int] = {}
    for one in story.seen:
        if "KEEPALIVE" in one.messages:
            first.setdefault(one.side, one.frame)
    return max(first.values()) if len(first) == 2 else None


def _events(story: Story, keys: Ike, of_side: tuple[Address, Address], since: int) -> Iterator[Happens]:
    times = {one.frame: one.time for one in story.seen}
    for one in story.seen:
        if one.frame > since:
            yield Happens(one.frame, one.time, one.side, "segment", one)
    kind_of = {info.frame: kind for info, kind in kinds(keys)}
    for info in keys.informationals:
        if info.frame > since and not info.spis:
            times[info.frame] = info.time
            yield Happens(info.frame, info.time, int(info.sender != of_side[0]), kind_of.get(info.frame, "other"))
    for exchange in (*keys.phase1.values(), *keys.quick.values()):
        if exchange.frames and exchange.frames[0] > since:
            before = max((time for frame, time in times.items() if frame < exchange.frames[0]), default=0)
            yield Happens(exchange.frames[0], before, int(exchange.initiator != of_side[0]), "exchange")


# -- IKE --


def _exchanges(case: Case) -> Iterator[tuple[Exchange, Case]]:
    near = {address for one in case.connections for sa in one.sas for address in (case.tracker.associations[sa].source,)} | {
        address for one in case.connections for address, _ in one.ends}
    for two, keys in case.tracker.ike.items():
        if not near or set(two) & near:
            for exchange in (*keys.phase1.values(), *keys.quick.values()):
                if exchange.exchange in ike.NAMES and exchange.frames:
                    yield exchange, case


def _exchange(one: Exchange, case: Case) -> Matched:
    """An exchange: its initiator and whoever answered."""
    other = next((sender for sender in one.senders if sender != one.initiator), None)
    doubt = None if one.complete else "the exchange is not whole in the file"
    doubt = f"time goes back in frame {case.tracker.steps_back[0]}" if case.tracker.steps_back else doubt
    ends = []
    for host, first in ((one.initiator, True), (other, False)):
        if host is not None:
            layer = ike.match(one, first)
            assert layer is not None
            ends.append(End(ip.text(host), (_careful(layer, doubt),)))
    ident = f"0x{one.message_id:08x}" if one.exchange == isakmp.QUICK else one.cookie.hex()
    return Matched(f"{isakmp.MODES[one.exchange]} {ident}", tuple(ends))


def departures(result: Fit) -> Iterator[tuple[Matched, End, Layer]]:
    """Where a layer departs from every run."""
    for one in (*result.connections, *result.exchanges):
        for end in one.ends:
            for layer in end.layers:
                if layer.verdict == DEPARTS:
                    yield one, end, layer


