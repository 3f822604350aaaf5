"""What a run asks of one end's TCP, as the skeleton of a packetdrill script (github.com/google/packetdrill).

packetdrill drives a kernel's TCP from user space: `<` is a packet that the script sends to it, `>` one that it must send, the rest are
its user's calls. It knows neither ESP nor IKE: a packet is what TCP sees behind IPsec, and what the run says of its protection is in a
comment. The model has no sequence numbers, so those here are made up from the lengths of the BGP messages (RFC 4271 4.1 to 4.5, the
shortest of each); a slice that begins with a connection has its handshake put in front, without the OPENs. What a kernel does otherwise
than the tables is for whoever runs the script to see: nothing of it was run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.channels import SEGMENTS
from model.signals import TCP, TCP_ABORT, TCP_CLOSE, TCP_OPEN, TCP_SEND, TCP_STATE
from model.system import into, out_of
from properties.registry import PROPERTIES
from traces.ladder import heading, message_name
from traces.replay import Run
from verify.step import Firing, Outcome

LENGTH = {"OPEN": 29, "KEEPALIVE": 19, "UPDATE": 23, "NOTIFICATION": 21}  # octets
FLAGS = {"SYN": "S", "SYN+ACK": "S.", "ACK": ".", "DATA": "P.", "FIN": "F.", "RST": "R."}
OFF = {"exact": 0, "in-window": 100, "outside": 1_000_000}  # how far from the next octet a forged segment is
WINDOW = 65535
PASSIVE = ("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0", "bind(3, ..., ...) = 0",
           "listen(3, 1) = 0")
ACTIVE = ("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
          "connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")
HANDSHAKE = (f"< S 0:0(0) win {WINDOW} <mss 1460>", "> S. 0:0(0) ack 1 <...>", f"< . 1:1(0) ack 1 win {WINDOW}", "accept(3, ..., ...) = 4")


@dataclass
class _Sender:
    """What one side has sent, in octets after its initial sequence number: where each message ends, what is `next`, how much of it the
    other side has acknowledged (`una`), how much has arrived there (`got`)."""

    ends: dict[str, int] = field(default_factory=dict)
    next: int = 0
    una: int = 0
    got: int = 0

    def opened(self) -> None:
        """Its SYN is out."""
        self.next, self.una = max(self.next, 1), max(self.una, 1)

    def send(self, msg: str) -> None:
        self.next += LENGTH.get(msg, 0)
        self.ends[msg] = self.next

    def end(self, msg: str) -> int:
        return self.ends.get(msg, self.una)


def packetdrill(run: Run, end: str) -> str:
    """The script for the TCP of `end` (a place of the run's system); ends in a newline."""
    return "\n".join(_Script(run, end).lines()) + "\n"


class _Script:
    def __init__(self, run: Run, end: str) -> None:
        self.run, self.end, self.fd, self.on_timer = run, end, 4, False
        self.mine, self.theirs = _Sender(), _Sender()
        self.text = [f"// {heading(run)[0]}",
                     f"// The TCP of {end}. A skeleton: adjust sequence numbers and times to what your stack sends."]

    def lines(self) -> list[str]:
        trace, system = self.run.trace, self.run.system
        begins = TCP_STATE.show(self.run.initial[system.position(self.end, TCP)])
        if begins == "ESTABLISHED":
            self.mine, self.theirs = _Sender({}, 1, 1, 1), _Sender({}, 1, 1, 1)
            self.text += ["// The run begins with this connection.", *(f"+0 {one}" for one in (*PASSIVE, *HANDSHAKE))]
        elif begins == "LISTEN":
            self.text += [f"+0 {one}" for one in PASSIVE]
        for number, (one, outcome) in enumerate(zip(trace.steps, self.run.outcomes, strict=True), 1):
            self.text.append(f"// step {number}: {one.scope or 'the world'} {one.table}: {one.event}")
            self.step(outcome)
        if trace.property:
            self.text.append(f"// broken at {trace.end}: {PROPERTIES[trace.property].sentence}")
        return self.text

    def step(self, outcome: Outcome) -> None:
        self.on_timer = outcome.fired[0].row.event.who == "timer"
        for firing in outcome.fired:
            table = self.run.system.table_of_row(firing.row).name
            if firing.row.event.takes is SEGMENTS:
                self.taken(firing)
            elif table == TCP.table and firing.scope == self.end:
                if firing.row.actions or firing.row.next is not None:
                    self.call(firing)
                if self.fd == 4 and firing.row.next is not None and TCP_STATE.show(firing.row.next.code) == "ESTABLISHED":
                    self.text.append("+0 accept(3, ..., ...) = 4")
            elif table == TCP.table and firing.row.event is TCP_SEND:
                self.theirs.send(_argument(firing, "msg"))
            elif table == TCP.table and firing.row.event is TCP_OPEN:
                self.theirs = _Sender()
        for message in outcome.sent:
            if message.channel is SEGMENTS and message.scope and message.direction == out_of(self.end):
                self.segment(message.code, ">")
            elif message.channel is not SEGMENTS and message.direction in (out_of(self.end), into(self.end)):
                self.text.append(f"// IKE, {message.direction}: {message_name(message.channel, message.code)[0]}")

    def call(self, firing: Firing) -> None:
        """The user of this end's TCP."""
        event = firing.row.event
        if event is TCP_OPEN:
            passive = _argument(firing, "passive") == "true"
            self.mine, self.fd = _Sender(), 4 if passive else 3
            self.text += [f"+0 {one}" for one in (PASSIVE if passive else ACTIVE)]
        elif event is TCP_SEND:
            msg = _argument(firing, "msg")
            self.mine.send(msg)
            self.text.append(f"+0 write({self.fd}, ..., {LENGTH.get(msg, 0)}) = {LENGTH.get(msg, 0)}  // {msg}")
        elif event is TCP_CLOSE:
            half = self.run.trace.readings.get(f"{self.end[0]}:close_call") == "half_close"
            self.text.append(f"+0 shutdown({self.fd}, SHUT_WR) = 0" if half else f"+0 close({self.fd}) = 0")
        elif event is TCP_ABORT:
            self.text += [f"+0 setsockopt({self.fd}, SOL_SOCKET, SO_LINGER, {{onoff=1, linger=0}}, 8) = 0", f"+0 close({self.fd}) = 0"]

    def taken(self, firing: Firing) -> None:
        """A segment comes off the wire: it arrives here or there, or is lost."""
        code = SEGMENTS.encode(firing.args)
        if "lost" in firing.row.name:
            self.text.append(f"// lost, {firing.scope}: {message_name(SEGMENTS, code)[0]}")
        elif firing.scope == into(self.end):
            self.segment(code, "<")

    def segment(self, code: int, way: str) -> None:
        """A packet that this end's TCP gets (<) or sends (>)."""
        fields = {param.name: param.sort.show(value) for param, value in zip(SEGMENTS.fields, SEGMENTS.decode(code), strict=True)}
        sender, receiver = (self.mine, self.theirs) if way == ">" else (self.theirs, self.mine)
        kind, msg = fields["kind"], fields["msg"]
        if kind.startswith("SYN"):
            sender.opened()
        if way == "<" and kind in ("SYN+ACK", "RST"):
            receiver.opened()
        if way == "<" and fields["acks"] == "true":
            receiver.una = receiver.next + 1
        elif way == "<" and kind == "ACK" and msg != "-":
            receiver.una = receiver.end(msg)
        text = min(sender.una, sender.end(msg))
        first = {"SYN": 0, "SYN+ACK": 0, "ACK": sender.next, "RST": sender.next}.get(kind, text) + OFF[fields["fit"]]
        last = sender.end(msg) if kind in ("DATA", "FIN") and msg != "-" else first
        flags = FLAGS[kind] if kind != "FIN" or last == first else "FP."
        ack = "" if kind == "SYN" else f" ack {receiver.una if way == '<' else receiver.got}"
        if way == "<" and OFF[fields["fit"]] == 0:
            sender.got = max(sender.got, last + (kind in ("FIN", "SYN", "SYN+ACK")))
        options = (" <mss 1460>" if way == "<" else " <...>") if kind.startswith("SYN") else ""
        window = f" win {WINDOW}" if way == "<" else ""
        time = "+0~+120" if way == ">" and self.on_timer else "+0"
        name = message_name(SEGMENTS, code)[0]
        self.text.append(f"{time} {way} {flags} {first}:{last}({last - first}){ack}{window}{options}  // {name}")


def _argument(firing: Firing, name: str) -> str:
    """An argument of an event, as a name."""
    return next(param.sort.show(value) for param, value in zip(firing.row.event.params, firing.args, strict=True) if param.name == name)
