"""TCP's state diagram at two ends joined by FIFO channels, with resets at any time.

Source: https://github.com/tlaplus/Examples, specifications/tcp: tcp.tla, MCtcp.tla and MCtcp.cfg (after RFC 9293).
Counts: specifications/tcp/manifest.json. TLC counts the opens that the action constraint rejects as generated; a search
that never generates them counts GENERATED_WITHOUT_OPENS and is otherwise the same.

A FIFO is an array of slots, the oldest message in slot 0. It has one slot more than any visited state fills; the
row "overflow" says so, and makes the search fail loudly if that is ever wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.action import Event, Impossible, Set, set_
from model.expr import BOOL, TRUE, Choice, Const, Enum, Expr, Fired, Post, Range, Var, conj, ite
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, row

DISTINCT, GENERATED, LEVELS = 1182, 6322, 14
GENERATED_WITHOUT_OPENS = 3858

STATES = Enum("State", "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING",
              "CLOSE-WAIT", "LAST-ACK", "TIME-WAIT")
(CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSING,
 CLOSE_WAIT, LAST_ACK, TIME_WAIT) = STATES.consts()

MESSAGES = Enum("Message", "-", "SYN", "SYN,ACK", "ACK", "RST", "FIN", "ACKofFIN")
EMPTY, SYN, SYN_ACK, ACK, RST, FIN, ACK_OF_FIN = MESSAGES.consts()

SLOTS = Range("Slot", 4)
TO_A, TO_B = (Var("network", end, MESSAGES, EMPTY, index=SLOTS, doc=f"messages in flight to {end}") for end in ("A", "B"))

ACTIVE_OPEN, PASSIVE_OPEN, SEND, CLOSE = (Event(name, who="operator") for name in ("ACTIVE-OPEN", "PASSIVE-OPEN", "SEND", "CLOSE"))
SEGMENT = Event("segment", who="network", doc="the oldest message is taken")
TWO_SEGMENTS = Event("two segments", who="network", doc="the two oldest messages are taken in one step")
TWO_MSL = Event("2MSL", who="timer")
SEND_RST = Event("send RST", who="fault")
RECEIVE_RST = Event("receive RST", who="network")
OVERFLOW = Event("overflow", who="fault")
EVENTS = (ACTIVE_OPEN, PASSIVE_OPEN, SEND, CLOSE, SEGMENT, TWO_SEGMENTS, TWO_MSL, SEND_RST, RECEIVE_RST, OVERFLOW)

FALLS_TO = Choice("falls to", Enum("FallsTo", "LISTEN", "CLOSED"))


def append(fifo: Var, message: Const) -> list[Set]:
    """The message goes into the first empty slot."""
    first_empty: list[Expr] = [fifo[0] == EMPTY]
    first_empty += [(fifo[at] == EMPTY) & (fifo[at - 1] != EMPTY) for at in range(1, SLOTS.size)]
    return [set_(fifo[at], ite(here, message, fifo[at])) for at, here in enumerate(first_empty)]


def take(fifo: Var, count: int = 1) -> list[Set]:
    """The `count` oldest messages leave; the others move up."""
    return [set_(fifo[at], fifo[at + count] if at + count < SLOTS.size else EMPTY) for at in range(SLOTS.size)]


def end(name: str, inbox: Var, outbox: Var) -> Table:
    """One end: what its user, the segments that arrive, its timer and a reset do to it."""
    tcb, head = Var(name, "tcb", BOOL, doc="a transmission control block exists"), inbox[0]
    lines = [
        # The user
        row("active open", CLOSED, ACTIVE_OPEN, TRUE, [*append(outbox, SYN), set_(tcb, True)], SYN_SENT, "tcp.tla, ACTIVE_OPEN"),
        row("passive open", CLOSED, PASSIVE_OPEN, TRUE, [set_(tcb, True)], LISTEN, "tcp.tla, PASSIVE_OPEN"),
        row("send", LISTEN, SEND, TRUE, append(outbox, SYN), SYN_SENT, "tcp.tla, SEND"),
        row("close before the handshake", LISTEN, CLOSE, TRUE, [set_(tcb, False)], CLOSED, "tcp.tla, CLOSE_LISTEN"),
        row("close before the handshake", SYN_SENT, CLOSE, TRUE, [set_(tcb, False)], CLOSED, "tcp.tla, CLOSE_SYN_SENT"),
        row("close", SYN_RECEIVED, CLOSE, TRUE, append(outbox, FIN), FIN_WAIT_1, "tcp.tla, CLOSE_SYN_RECEIVED"),
        row("close", ESTABLISHED, CLOSE, TRUE, append(outbox, FIN), FIN_WAIT_1, "tcp.tla, CLOSE_ESTABLISHED"),
        row("close", CLOSE_WAIT, CLOSE, TRUE, append(outbox, FIN), LAST_ACK, "tcp.tla, CLOSE_CLOSE_WAIT"),
        # The handshake
        row("SYN", LISTEN, SEGMENT, head == SYN, [*take(inbox), *append(outbox, SYN_ACK)], SYN_RECEIVED, "tcp.tla, Listen"),
        row("SYN", SYN_SENT, SEGMENT, head == SYN, [*take(inbox), *append(outbox, SYN_ACK)], SYN_RECEIVED,
            "tcp.tla, SynSent, first disjunct"),
        row("SYN,ACK", SYN_SENT, SEGMENT, head == SYN_ACK, [*take(inbox), *append(outbox, ACK)], ESTABLISHED,
            "tcp.tla, SynSent, second disjunct"),
        row("RST", SYN_RECEIVED, SEGMENT, head == RST, take(inbox), LISTEN, "tcp.tla, SynReceived, first disjunct"),
        row("ACK", SYN_RECEIVED, SEGMENT, head == ACK, take(inbox), ESTABLISHED, "tcp.tla, SynReceived, second disjunct"),
        # The close
        row("FIN", ESTABLISHED, SEGMENT, head == FIN, [*take(inbox), *append(outbox, ACK_OF_FIN)], CLOSE_WAIT,
            "tcp.tla, Established"),
        row("FIN", FIN_WAIT_1, SEGMENT, head == FIN, [*take(inbox), *append(outbox, ACK_OF_FIN)], CLOSING,
            "tcp.tla, FinWait1, first disjunct"),
        row("ACK of FIN", FIN_WAIT_1, SEGMENT, head == ACK_OF_FIN, take(inbox), FIN_WAIT_2, "tcp.tla, FinWait1, second disjunct"),
        row("FIN and ACK of FIN", FIN_WAIT_1, TWO_SEGMENTS, (head == FIN) & (inbox[1] == ACK_OF_FIN),
            [*take(inbox, 2), *append(outbox, ACK_OF_FIN)], TIME_WAIT, "tcp.tla, Note2"),
        row("FIN", FIN_WAIT_2, SEGMENT, head == FIN, [*take(inbox), *append(outbox, ACK_OF_FIN)], TIME_WAIT, "tcp.tla, FinWait2"),
        row("ACK of FIN", CLOSING, SEGMENT, head == ACK_OF_FIN, take(inbox), TIME_WAIT, "tcp.tla, Closing"),
        row("ACK of FIN", LAST_ACK, SEGMENT, head == ACK_OF_FIN, take(inbox), CLOSED, "tcp.tla, LastAck"),
        row("2MSL", TIME_WAIT, TWO_MSL, tcb, [set_(tcb, False)], CLOSED, "tcp.tla, TimeWait"),
        # Resets
        row("reset the peer", ANY, SEND_RST, tcb, append(outbox, RST), TIME_WAIT, "tcp.tla, Note3, first disjunct"),
        row("reset to LISTEN", ANY, RECEIVE_RST, (head == RST) & (FALLS_TO == "LISTEN"), take(inbox), LISTEN,
            "tcp.tla, Note3, second disjunct, LISTEN"),
        row("reset to CLOSED", ANY, RECEIVE_RST, (head == RST) & (FALLS_TO == "CLOSED"), take(inbox), CLOSED,
            "tcp.tla, Note3, second disjunct, CLOSED"),
        row("overflow", ANY, OVERFLOW, inbox[SLOTS.size - 1] != EMPTY, [Impossible()], STAY,
            "the bound of this rendering; tcp.tla's sequences have none"),
    ]
    return Table(name, f"TCP at {name}", Var(name, "state", STATES), EVENTS, tuple(lines), (tcb,), place="world")


OPENS = ("active open", "passive open", "send")
TABLES = (end("A", TO_A, TO_B), end("B", TO_B, TO_A))


def no_retransmission() -> Expr:
    """No two neighbours in a channel are equal (MCtcp.tla, NoRetransmission)."""
    return conj(*((fifo[at] == EMPTY) | (fifo[at] != fifo[at + 1]) for fifo in (TO_A, TO_B) for at in range(SLOTS.size - 1)))


def single_active_open() -> Expr:
    """The step opens nothing (MCtcp.tla, SingleActiveOpen: an action constraint)."""
    return conj(*(~Fired(name, *OPENS) for name in ("A", "B")))


def start(active: str, passive: str) -> dict[str, int]:
    """One end has sent its SYN, the other listens (MCtcp.tla, MCInit)."""
    return {f"{active}.state": SYN_SENT.code, f"{active}.tcb": 1, f"{passive}.state": LISTEN.code, f"{passive}.tcb": 1,
            f"network.{passive}[0]": SYN.code}


def system(tables: Sequence[Table] = TABLES) -> System:
    """Both ends, from either of the two symmetric initial states (MCtcp.cfg; no symmetry reduction)."""
    return System("oracle-tcp", [Instance("", table) for table in tables],
                  [Offer("", table, event) for table in tables for event in table.events],
                  extra=[("", TO_A), ("", TO_B)], initial=[start("A", "B"), start("B", "A")],
                  constraint=Post(no_retransmission()) & single_active_open())
