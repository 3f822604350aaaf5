"""A run as a capture: each step's messages in the order in which they leave, each step told in a comment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from model.action import Put, Signal, Take
from model.attacker import ICMP
from model.channels import DATAGRAMS, SEGMENTS
from model.expr import Const
from model.intruder import ASK, AUTHENTICATE, CONTACT, QUICK, SPEAK
from model.nat import REMAPS
from model.signals import (
    CLOSED,
    LISTEN,
    ONE_5_TUPLE,
    RESTART,
    SYN_RECEIVED,
    SYN_SENT,
    TCP,
    TCP_ABORT,
    TCP_INC,
    TCP_OPEN,
    TCP_RCV,
    TCP_SEND,
)
from model.system import PEER
from model.tcp import PASSIVE, TWO_MSL
from properties.registry import PROPERTIES
from traces.ladder import forever, heading, message_name, reasons, surroundings, told
from traces.packets import bgp, tcp
from traces.packets.before import MODES, OPEN_STATES, before, phase1, quick
from traces.packets.draws import number
from traces.packets.isakmp import (
    AUTHENTICATION_FAILED,
    ESP,
    INFORMATIONAL,
    INITIAL_CONTACT,
    INVALID_ID,
    ISAKMP,
    NO_PROPOSAL_CHOSEN,
    Phase1,
    deletion,
    notification,
)
from traces.packets.pcapng import pcapng
from traces.packets.story import SINCE, Frame, Options, Selectors, Story
from traces.packets.tcp import Segment
from traces.replay import Run
from verify.step import Firing, Message, Outcome

SECOND, FOUR_MINUTES = Decimal(1), Decimal(240)  # RFC 9293 3.4.2: MSL is 2 minutes
UNSYNCHRONIZED = (CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED)
IMPOSTOR = -1  # the attempt under which an impostor's phase 1 SA is kept


@dataclass(frozen=True)
class Capture:
    """`file`: the pcapng; `keys`: the text of Wireshark's files by name; `frames`: what is in it."""

    file: bytes
    keys: dict[str, str]
    frames: tuple[Frame, ...]


def capture(run: Run, options: Options | None = None) -> Capture:
    """A replayed run as packets."""
    options = options or Options()
    if behind_nat(run):
        options = replace(options, natt=True)
    writer = Writer(run, options)
    for number_, outcome in enumerate(run.outcomes, 1):
        writer.walk(number_, outcome)
    frames = writer.story.frames
    comment = "\n".join([*heading(run), *surroundings(run), *writer.early, *ending(run)])
    packets = ((one.time, one.data, [f"{f'step {one.step}: ' if one.step else ''}{one.words}", *one.comments]) for one in frames)
    return Capture(pcapng(comment, packets), writer.story.keys(), tuple(frames))


def behind_nat(run: Run) -> bool:
    """Is there a NAT in front of B?"""
    return run.trace.readings.get("natt") == "on"


def ending(run: Run) -> list[str]:
    """What the run shows, below its ladder too."""
    trace = run.trace
    lines = [f"for ever: {forever(trace)}"] * (trace.loop is not None)
    if trace.property:
        claim = PROPERTIES[trace.property]
        lines += [f"broken at {trace.end}: {claim.sentence} ({claim.source})", *(f"why: {reason}" for reason in reasons(run))]
    return lines


def selectors(run: Run) -> Selectors:
    """Who opens each connection: whose TCB was active at the start, or who sends its first SYN; A if nobody does."""
    system, state = run.system, run.initial

    def value(place: str, of: str, name: str) -> int:
        at = system.find(place, of, name)
        return 0 if at is None else state[at]

    one = bool(value("", ONE_5_TUPLE.table, ONE_5_TUPLE.name))
    openers: dict[tuple[str, int], str] = {}
    for place in system.places:
        if TCP.sort.show(value(place, TCP.table, TCP.name)) in OPEN_STATES:
            inc = 0 if one else value(place, TCP_INC.table, TCP_INC.name)
            passive = value(place, PASSIVE.table, PASSIVE.name)
            openers.setdefault((place.partition(".")[2], inc), PEER[place[0]] if passive else place[0])
    for message in (message for outcome in run.outcomes for message in outcome.sent):
        values = fields(message)
        if message.channel is SEGMENTS and values["kind"] == "SYN" and message.direction is not None:
            source = message.direction.partition(">")[0]
            openers.setdefault((source.partition(".")[2], 0 if one else int(values["inc"])), source[0])
    return Selectors(openers, one)


def fates(run: Run) -> list[list[int]]:
    """For each message of each step the number of the step in which it arrives; beyond all steps for what is under way at the end, and
    one more for what is lost. Of equal messages the oldest arrives first."""
    end = len(run.outcomes) + 1
    found = [[end] * len(outcome.sent) for outcome in run.outcomes]
    flight: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    for number_, outcome in enumerate(run.outcomes):
        for firing in outcome.fired:
            channel = firing.row.event.takes
            if channel is not None and (actions := firing.row.actions) and any(isinstance(one, Take) for one in actions):
                step, at = flight[firing.scope, channel.table, channel.encode(firing.args)].pop(0)
                found[step][at] = number_ + 1 if any(isinstance(one, Signal) for one in actions) else end + 1
        for at, message in enumerate(outcome.sent):
            if message.direction is not None:
                flight.setdefault((message.direction, message.channel.table, message.code), []).append((number_, at))
    return found


def fields(message: Message) -> dict[str, str]:
    """A message's fields by name, as text."""
    return shown(zip(message.channel.fields, message.channel.decode(message.code), strict=True))


def shown(pairs: Iterable[tuple[object, int]]) -> dict[str, str]:
    return {param.name: param.sort.show(code) for param, code in pairs}  # type: ignore[attr-defined]


class Writer:
    """Walks a run's steps and tells the story of its frames."""

    def __init__(self, run: Run, options: Options) -> None:
        self.run, self.system = run, run.system
        self.story = Story(options, selectors(run))
        before(self.story, run.system, run.initial)
        self.early: list[str] = []  # steps told before there was any frame
        self.time = SINCE
        self.fates = fates(run)
        self.flight: dict[tuple[str, str], list[tuple[int, Frame]]] = {}
        self.said: dict[tuple[str, int], bytes] = {}  # IKE messages, to be sent again
        self.met: Frame | None = None  # the frame that the step takes off the wire
        self.arrived: Segment | None = None  # the segment that reached an end in this step
        self.unanswerable: Segment | None = None  # the same, where its receiver has no connection for it
        self.event: int | None = None  # the last event of a BGP FSM in this step

    def walk(self, number_: int, outcome: Outcome) -> None:
        """One step."""
        given = self.run.trace.steps[number_ - 1].time
        waits = FOUR_MINUTES if outcome.fired[0].row.event is TWO_MSL else SECOND
        self.time = self.time + waits if given is None else SINCE + Decimal(str(given))
        self.story.at(number_, self.time)
        self.met = self.arrived = self.unanswerable = self.event = None
        first = len(self.story.frames)
        sent = iter(zip(outcome.sent, self.fates[number_ - 1], strict=True))
        for firing in outcome.fired:
            self.take(firing)
            self.note(firing)
            for action in firing.row.actions:
                if isinstance(action, Put):
                    self.put(*next(sent), firing, action)
        frames = self.story.frames
        place = frames[first] if len(frames) > first else self.met or (frames[-1] if frames else None)
        (self.early if place is None else place.comments).append(self.told(number_, outcome))

    def told(self, number_: int, outcome: Outcome) -> str:
        """The step in words: its rows with their sources, and what it breaks."""
        trace = self.run.trace
        lines = [f"step {number_}", *(text for text in (told(self.system, firing) for firing in outcome.fired) if text)]
        if trace.loop is not None and number_ > trace.loop:
            lines.append("this step belongs to what is repeated for ever")
        if number_ == trace.length and trace.property:
            lines.append(f"{trace.property} is broken at {trace.end}: {PROPERTIES[trace.property].sentence}")
        return "\n".join(lines)

    # -- off the wire --

    def take(self, firing: Firing) -> None:
        """A message arrives, is lost, or is seen a second time."""
        channel = firing.row.event.takes
        if channel is None:
            return
        flight = self.flight[firing.scope, channel.table]
        at = next(at for at, (code, _) in enumerate(flight) if code == channel.encode(firing.args))
        self.met = flight[at][1]
        stays = not any(isinstance(action, Take) for action in firing.row.actions)
        if not stays:
            del flight[at]
        gone = not any(isinstance(action, Signal) for action in firing.row.actions)
        step = self.story.step
        self.met.comments.append(f"lost in step {step}; it was seen near its sender" if gone else f"arrives in step {step}")
        self.arrived = self.met.segment
        if stays:
            self.story.write_again(self.met.data, f"{self.met.words}, a copy", self.met.segment)

    # -- at an end --

    def note(self, firing: Firing) -> None:
        """What a row changes in what later packets look like."""
        row, place = firing.row, firing.scope
        args = shown(zip(row.event.params, firing.args, strict=True))
        table = self.system.table_of_row(row).name
        if table == "tcp":
            self.tcp(firing, args)
        elif table == "bgp" and row.event.number is not None:
            self.event = row.event.number
        elif row.event is RESTART and table == "ipsec" and not row.actions:
            for (lane, _, target), sa in self.story.sas.items():
                sa.count = 0 if target != place[0] and lane == place.partition(".")[2] else sa.count
        elif row.event is REMAPS:
            self.story.remapped = True
        elif row.event is ICMP and (tcb := self.story.tcbs.get(args["towards"])) is not None:
            packet = self.story.hosts.unreachable("other", tcb_end := args["towards"], self.story.ident, tcb.segment("ACK"))
            self.story.write("other", tcb_end, packet, f"ICMP destination unreachable to {tcb_end}, an attacker's")
        elif table == "intruder":
            self.intruder(firing, args)

    def tcp(self, firing: Firing, args: dict[str, str]) -> None:
        row, place, story = firing.row, firing.scope, self.story
        if row.event is TCP_OPEN and row.next is not None and row.next.code == SYN_SENT.code:
            story.open(place, int(args["inc"]))
        elif row.event is TCP_SEND and row.actions:
            tcb = story.tcbs[place]
            tcb.send(args["msg"], bgp.text(args["msg"], place[0], self.event))
        elif row.event is TCP_ABORT:
            self.unanswerable = None
        elif row.event is RESTART:
            story.tcbs.pop(place, None)
        elif row.event is TCP_RCV and self.arrived is not None:
            asleep = row.state.code in (CLOSED.code, LISTEN.code)
            begins = row.next is not None and row.next.code == SYN_RECEIVED.code and row.state.code != SYN_SENT.code
            found = story.open(place, int(args["inc"])) if begins else None if asleep else story.tcbs.get(place)
            if found is not None and found.inc == int(args["inc"]) and args["fit"] == "exact":
                found.receive(self.arrived)
            self.unanswerable = self.arrived if row.state.code in [one.code for one in UNSYNCHRONIZED] else None

    def intruder(self, firing: Firing, args: dict[str, str]) -> None:
        """An impostor's exchanges, which the model does not put on the wire."""
        story, end, event = self.story, firing.scope[0], firing.row.event
        peer, lane = PEER[end], firing.scope.partition(".")[2]
        gen, key = "g2" if end == "A" else "g1", (lane, peer, IMPOSTOR)
        if event in (AUTHENTICATE, ASK):
            one = story.new_phase1(*key)
            host = peer if args.get("at-address") == "true" else "other"
            kinds = MODES[args["mode"]] if event is AUTHENTICATE else MODES["aggressive"][:2]
            phase1(story, one, kinds, "with an impostor", host)
        elif event is CONTACT:
            one = story.phase1(*key)
            told = notification(ISAKMP, b"".join(one.cookies), INITIAL_CONTACT)
            story.datagram("other", end, one.informational(told, self.message_id(lane)), True, "INITIAL-CONTACT, an impostor's")
        elif event is QUICK:
            quick(story, story.quick(lane, gen, story.phase1(*key)), "with an impostor")
        elif event is SPEAK:
            said = bgp.text(args["msg"], peer) if args["msg"] != "-" else b""
            victim = story.tcbs.get(firing.scope)
            segment = tcp.foreign(args["kind"], "exact", said, story.selectors.ports(peer, lane, 0), victim, story.step)
            self.arrived = segment
            words = f"ESP {gen} {args['kind']}" + (f"({args['msg']})" if said else "")
            story.segment(peer, end, segment, lane, gen, f"{words}, an impostor's", "other")

    # -- onto the wire --

    def put(self, message: Message, arrives: int, firing: Firing, action: Put) -> None:
        assert message.direction is not None
        words, _, _ = message_name(message.channel, message.code)
        if message.channel is SEGMENTS:
            again = dict(zip((param.name for param in firing.row.event.params), firing.args, strict=True)).get("resend", 0)
            frame = self.segment(message, fields(message), words, arrives, bool(again))
        else:
            assert message.channel is DATAGRAMS
            repeats = not (isinstance(action.resend, Const) and action.resend.code == 0)
            frame = self.datagram(message, fields(message), words, firing.row.name, repeats)
        self.flight.setdefault((message.direction, message.channel.table), []).append((message.code, frame))

    def segment(self, message: Message, args: dict[str, str], words: str, arrives: int, again: bool) -> Frame:
        story = self.story
        source, _, target = (message.direction or "").partition(">")
        lane, ends = source.partition(".")[2], (source[0], target[0])
        gen = None if args["prot"] == "PLAIN" else args["prot"].removeprefix("ESP-")
        told = f"{source} to {target}: {words}"
        if args["origin"] == "copy":
            assert self.met is not None
            return story.write_again(self.met.data, told, self.met.segment)
        inc = int(args["inc"])
        if args["origin"] != "genuine":
            said = bgp.text(args["msg"], ends[0]) if args["msg"] != "-" else b""
            ports = story.selectors.ports(ends[0], lane, inc)
            made = tcp.foreign(args["kind"], args["fit"], said, ports, story.tcbs.get(target), story.step)
            return story.segment(*ends, made, lane, gen, told, "other" if args["origin"] == "forged" else "")
        if args["kind"] == "RST" and self.unanswerable is not None:
            made = tcp.answer(self.unanswerable)
        else:
            made = (story.tcbs.get(source) or story.open(source, inc)).segment(args["kind"], args["msg"], arrives, again)
        return story.segment(*ends, made, lane, gen, told)

    def datagram(self, message: Message, args: dict[str, str], words: str, row: str, repeats: bool) -> Frame:
        story, key = self.story, (message.direction or "", message.code)
        source, _, target = key[0].partition(">")
        lane, end, kind = source.partition(".")[2], source[0], args["datagram"]
        first = end if args["cookie"] == "sender" else target[0]
        in_phase1 = kind.startswith(("MM", "AM", "P1"))
        attempt = int(args["inc" if in_phase1 else "under"])
        begins = kind in ("MM1", "AM1") and not repeats
        one = (story.new_phase1 if begins else story.phase1)(lane, first, attempt)
        if not repeats or key not in self.said:
            self.said[key] = self.ike(kind, end, lane, one, args, row)
        late = one.enciphers(kind) or (one.spoke and kind == "P1-REFUSED")
        forged = args["forged"] == "true"
        return story.datagram(end, target[0], self.said[key], late, f"{source} to {target}: {words}", "other" if forged else "")

    def ike(self, kind: str, end: str, lane: str, one: Phase1, args: dict[str, str], row: str) -> bytes:
        """An IKE message by its name in the model."""
        story, good, ident = self.story, args["good"] == "true", self.message_id(lane)
        if kind.startswith(("MM", "AM")):
            return one.phase1_message(kind, end, good, args["ic"] == "true")
        if kind == "P1-REFUSED":
            why = AUTHENTICATION_FAILED if "AUTHENTICATION-FAILED" in row else NO_PROPOSAL_CHOSEN
            return one.message(INFORMATIONAL, [notification(ISAKMP, b"".join(one.cookies), why)], ident)
        if kind == "DEL-P1":
            return one.informational(deletion(ISAKMP, b"".join(one.cookies)), ident)
        mode = story.quick(lane, args["gen"], one, int(args["inc"]), args["exact"] == "true")
        if kind == "DEL":
            gone = deletion(ESP, mode.spis[end].to_bytes(4))
            return one.message(INFORMATIONAL, [gone], ident) if args["forged"] == "true" else one.informational(gone, ident)
        if kind == "QM-REFUSED":
            why = INVALID_ID if "INVALID-ID" in row else NO_PROPOSAL_CHOSEN
            return one.informational(notification(ESP, mode.spis[PEER[end]].to_bytes(4), why), ident)
        return mode.message(kind, end, good)

    def message_id(self, lane: str) -> int:
        """That of an informational exchange: one of its own (RFC 2409 5.7)."""
        return number(32, "message id", lane, len(self.story.frames)) | 1

