"""TCP: the segments of one end against the table `tcp` (RFC 9293).

A segment is a Kind of the table's and says whether it acknowledges the other end's FIN. Text is text: what it means is the layer above.
What the table leaves out is allowed where the RFC has it:

- a bare ACK is no event (3.8.6.3 delays and joins them, 3.8.4 sends keep-alives, 3.8.6 window updates): any end that has a synchronized
  connection, or one in SYN-RECEIVED, may send it; one that acknowledges the peer's FIN only after that FIN arrived;
- what repeats octets, SYN or FIN that were sent before is no event either (3.8.1): the table repeats only what is not acknowledged, a
  stack also what it takes for lost. Only an end without a connection can't send it;
- text may go along with a SYN (3.4) and is not looked at there;
- a RST outside ESP may be anybody's (RFC 5961 1), and so may everything outside ESP where the connection is in ESP: the end sent it, or
  somebody else did;
- what passed the capture may arrive at any time after, more than once, or never.
"""

from __future__ import annotations

from functools import cache

from model.expr import Const
from model.signals import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    LAST_ACK,
    LISTEN,
    SYN_SENT,
    TCP_ABORT,
    TCP_CLOSE,
    TCP_HARD_ERROR,
    TCP_OPEN,
    TCP_RCV,
    TCP_SEND,
    TIME_WAIT,
)
from model.system import State
from model.tcp import FIN_WAIT_2_TIMEOUT, READ_EOF, RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT
from traces.capture import tcp
from traces.fit.layer import Layer, Matching
from traces.fit.machine import Machine, Said, Symbol
from traces.fit.notes import Seen, Story
from traces.fit.observer import Observer, any_time

NAME = "tcp"
EVENTS = (TCP_OPEN, TCP_SEND, TCP_CLOSE, TCP_ABORT, TCP_HARD_ERROR, RETRANSMIT, USER_TIMEOUT, TWO_MSL, FIN_WAIT_2_TIMEOUT, READ_EOF)
WITHOUT = (CLOSED, LISTEN)
GOT_FIN = (CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT)
TEXT = "UPDATE"  # any message will do
FITS_ALL = ("exact", "in-window", "outside")


def symbol(one: Said) -> Symbol:
    """A segment as it is seen; "" for what goes to other tables."""
    if (one.to, one.event) != ("spd", "outbound"):
        return ""
    return name(one.args["kind"], one.args["acks"] == "true")


def name(kind: str, acks: bool) -> Symbol:
    return f"{kind}, acknowledging the peer's FIN" if acks and kind in ("ACK", "DATA", "FIN") else kind


@cache
def observer() -> Observer:
    """The table, with a user who may call anything at any time."""
    machine = Machine("tcp alone", [TCP_TABLE], [(TCP_TABLE, event) for event in (*EVENTS, TCP_RCV)], symbol)
    hidden = [stimulus for event in EVENTS for stimulus in machine.stimuli(
        "tcp", event.name, **({"inc": ["0"]} if event is TCP_OPEN else {"msg": [TEXT]} if event is TCP_SEND else {}))]
    arrivals = {f"{kind}{acks}{text}": tuple(
        one for fit in (FITS_ALL if kind in ("RST", "SYN") else FITS_ALL[:1])
        for one in machine.stimuli("tcp", TCP_RCV.name, kind=[kind], msg=[TEXT if text else "-"], acks=["true" if acks else "false"],
                                   inc=["0"], fit=[fit]))
        for kind in ("SYN", "SYN+ACK", "ACK", "DATA", "FIN", "RST") for acks in (False, True) for text in (False, True)}

    return Observer(machine, hidden, *any_time(arrivals), lambda one: one.startswith("ACK"))


def starts(machine: Machine) -> list[State]:
    """Whoever has no connection."""
    return [machine.start(**{"tcp.state": state.sort.show(state.code)}) for state in WITHOUT]


def match(story: Story, side: int) -> Layer:
    """The segments of one end, in the order of the file."""
    looking = observer()
    here = looking.machine.position("tcp", "state")
    matching = Matching(NAME, looking, looking.begin(starts(looking.machine), frozenset()))
    protected = False

    def among(*states: Const) -> frozenset[int]:
        return frozenset(one.code for one in states)

    none, quiet, closing = among(*WITHOUT), among(*WITHOUT, SYN_SENT), among(*GOT_FIN)
    for one in story.seen:
        if one.side != side:
            matching.passes(f"{one.kind}{one.acks}{one.text and one.kind in ('DATA', 'FIN')}")
            continue
        protected = protected or one.mode == tcp.ESP
        points, keeps = matching.points, looking.keeps
        told = name(one.kind, one.acks) + (", again" if one.again else "")
        if one.again:
            after = keeps(points, lambda state: state[here] not in none)
        elif one.kind == "ACK":
            after = keeps(points, lambda state, acks=one.acks: state[here] in closing if acks else state[here] not in quiet)  # type: ignore[misc]
        else:
            after = looking.sends(points, name(one.kind, one.acks))
        matching.sends(one.frame, told, told, after, foreign(one, protected))
    return matching.result()


def foreign(one: Seen, protected: bool) -> bool:
    """May somebody else have sent it? What ESP protects is its sender's."""
    return one.mode == tcp.PLAIN and (protected or one.kind == "RST")
