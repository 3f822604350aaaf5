"""Anti-replay: the receiver's window and the sender's counter, for all runs (draft 2.1, 2.2; RFC 2401 appendix C).

The window's rule is that of the appendix, with any window size for its 32. To say that no number is accepted twice it is enough
to watch one number: a parameter without any condition stands for every one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import z3

from verify.numbers.claims import CAN, NEVER, Claim, ForAll, Machine, State, happens
from verify.numbers.figure import Figure

TOPIC = "replay"
APPENDIX = "RFC 2401 appendix C; RFC 2406 3.4.3; RFC 4303 3.4.3"
SUBSPACE = 1 << 32  # RFC 4303 A2: sequence numbers with the same high-order bits

_size, _watched, _number, _top = z3.Ints("window watched number top")
_bits, _got = z3.Function("bits", z3.IntSort(), z3.BoolSort()), z3.Bool("got")
Bitmap = Callable[[Any], Any]  # from a distance below the highest number to whether that number was seen
Receive = Callable[[Any, Bitmap, Any, Any], tuple[Any, Any, Bitmap]]


def empty(_: Any) -> Any:
    """The bitmap in the beginning."""
    return z3.BoolVal(False)


def receive(top: Any, bits: Bitmap, number: Any, size: Any, marks_late: bool = True) -> tuple[Any, Any, Bitmap]:
    """The window when a number arrives: is it accepted, the highest number then, the bitmap then.

    `size` is the size of the window, at least 1. Without `marks_late` the line that marks what comes out of order is left out.
    """
    ahead, behind = number - top, top - number
    larger = z3.And(number >= 1, number > top)
    late = z3.And(number >= 1, number <= top, behind < size, z3.Not(bits(behind)))

    def after(bit: Any) -> Any:
        shifted = z3.Or(bit == 0, z3.And(ahead < size, bit >= ahead, bit < size, bits(bit - ahead)))
        return z3.If(larger, shifted, z3.Or(bits(bit), z3.And(late, marks_late, bit == behind)))

    return z3.Or(larger, late), z3.If(larger, number, top), after


def either(condition: Any, one: Bitmap, other: Bitmap) -> Bitmap:
    return lambda bit: z3.If(condition, one(bit), other(bit))


def twice(rule: Receive = receive, restarts: bool = False) -> Machine:
    """Bad: the watched number is accepted once more. `restarts`: the receiver may lose its window and keep the key."""
    inputs = {"number": _number, **({"restart": z3.Bool("restart")} if restarts else {})}

    def step(state: State, given: State) -> State:
        accepted, top, bits = rule(state["top"], state["bits"], given["number"], _size)
        lost = given.get("restart", z3.BoolVal(False))
        return {"top": z3.If(lost, 0, top), "bits": either(lost, empty, bits),
                "got": z3.Or(state["got"], z3.And(z3.Not(lost), accepted, given["number"] == _watched))}

    def bad(state: State, given: State) -> Any:
        return z3.And(z3.Not(given.get("restart", z3.BoolVal(False))), state["got"], given["number"] == _watched,
                      rule(state["top"], state["bits"], given["number"], _size)[0])

    def invariant(state: State) -> Any:
        behind = state["top"] - _watched
        return z3.Implies(state["got"], z3.And(behind >= 0, z3.Or(behind >= _size, state["bits"](behind))))

    return Machine(z3.And(_size >= 1, _watched >= 0), {"top": z3.IntVal(0), "bits": empty, "got": z3.BoolVal(False)},
                   {"top": _top, "bits": _bits, "got": _got}, inputs, step, bad, invariant)


def turned_away(before_check: bool) -> Machine:
    """Bad: a genuine number that is new, and not too old for the genuine ones accepted so far, is not accepted.

    Some arrivals are forged. `before_check`: they move the window, too, because it is updated before the ICV is checked.
    """
    genuine, latest = z3.Bool("genuine"), z3.Int("latest")

    def step(state: State, given: State) -> State:
        accepted, top, bits = receive(state["top"], state["bits"], given["number"], _size)
        counts = z3.BoolVal(True) if before_check else given["genuine"]
        taken = z3.And(given["genuine"], accepted)
        return {"top": z3.If(counts, top, state["top"]), "bits": either(counts, bits, state["bits"]),
                "got": z3.Or(state["got"], z3.And(taken, given["number"] == _watched)),
                "latest": z3.If(z3.And(taken, given["number"] > state["latest"]), given["number"], state["latest"])}

    def bad(state: State, given: State) -> Any:
        number = given["number"]
        return z3.And(given["genuine"], number == _watched, z3.Not(state["got"]), number >= 1, number > state["latest"] - _size,
                      z3.Not(receive(state["top"], state["bits"], number, _size)[0]))

    def invariant(state: State) -> Any:
        behind = state["top"] - _watched
        return z3.And(state["top"] == state["latest"], state["top"] >= 0,
                      z3.Implies(z3.And(behind >= 0, behind < _size, state["bits"](behind)), state["got"]))

    start = {"top": z3.IntVal(0), "bits": empty, "got": z3.BoolVal(False), "latest": z3.IntVal(0)}
    return Machine(z3.And(_size >= 1, _watched >= 1), start, {"top": _top, "bits": _bits, "got": _got, "latest": latest},
                   {"number": _number, "genuine": genuine}, step, bad, invariant)


def sender(wraps: bool) -> Machine:
    """Bad: a number is sent twice under one key. What is sent is the counter plus one; after its last number, any from 1 on, the sender
    stops or the counter `wraps` to 0."""
    last, counter = z3.Ints("last counter")

    def step(state: State, given: State) -> State:
        count = state["counter"]
        number = z3.If(count < last, count + 1, 0 if wraps else count)
        sent = z3.BoolVal(True) if wraps else count < last
        return {"counter": number, "got": z3.Or(state["got"], z3.And(sent, number == _watched))}

    def bad(state: State, given: State) -> Any:
        count = state["counter"]
        return z3.And(state["got"], count < last, count + 1 == _watched)

    return Machine(z3.And(last >= 1, _watched >= 1), {"counter": z3.IntVal(0), "got": z3.BoolVal(False)},
                   {"counter": counter, "got": _got}, {}, step, bad,
                   lambda state: z3.And(state["counter"] <= last, z3.Implies(state["got"], _watched <= state["counter"])))


def _high_bits(value: int) -> tuple[Claim, ...]:
    """RFC 4303 A2.2: with any highest number T and window W, the high-order bits are deduced right of so many numbers from the bottom of
    the window on, and wrong of the next."""
    high, low, size, number = z3.Ints("high low window number")
    top, sent = high * SUBSPACE + low, number % SUBSPACE
    bottom = (low - size + 1) % SUBSPACE  # Bl, arithmetic modulo 2^32
    deduced = z3.If(low >= size - 1, z3.If(sent >= bottom, high, high + 1), z3.If(sent >= bottom, high - 1, high))
    given, right = z3.And(high >= 0, low >= 0, low < SUBSPACE, size >= 1, size <= 1 << 31, number >= 0), deduced * SUBSPACE + sent == number
    return (ForAll(right, z3.And(given, number > top - size, number <= top - size + value)),
            ForAll(z3.Not(right), z3.And(given, number == top - size + value + 1)))


FIGURES = (
    Figure(
        "accepted-twice", TOPIC, "2.1", "l.173-175",
        says="the replay protection of IPsec MUST be implemented: no packet counts twice",
        stated=NEVER, computed=NEVER,
        formula="induction: whoever was accepted is marked, or older than the window", source=APPENDIX,
        meaning=happens(twice()),
        reason="any window size from 1 on, any number, runs of any length"),
    Figure(
        "accepted-twice-unmarked", TOPIC, "2.1", "l.173-175",
        says="the same without the line that marks what comes out of order",
        stated=None, computed=CAN,
        formula="a run", source=APPENDIX,
        meaning=happens(twice(partial(receive, marks_late=False))),
        reason="what the proof must notice, and does"),
    Figure(
        "accepted-twice-restart", TOPIC, "2.1", "l.173-175, 189-192",
        says="replay protection is a MUST; manual keys must be supported",
        stated=NEVER, computed=CAN,
        formula="a run", source=f"{APPENDIX}; RFC 2401 4.6.1",
        meaning=happens(twice(restarts=True)),
        reason="the window is lost, the key is not: all that was ever sent may be sent again",
        assumption="manual keys, which l.189 brings in and l.190 does not rule out; the receiver restarts",
        findings=("F-49",)),
    Figure(
        "genuine-refused", TOPIC, "2.1", "l.173-175",
        says="the order of ICV check and window is not given",
        stated=None, computed=NEVER,
        formula="induction: only genuine numbers move the window", source=APPENDIX,
        meaning=happens(turned_away(False)),
        reason="where the ICV is checked first, forged packets do no harm to the window"),
    Figure(
        "genuine-refused-early", TOPIC, "2.1", "l.173-175",
        says="the same, with the window moved before the ICV is checked",
        stated=None, computed=CAN,
        formula="a run", source=APPENDIX,
        meaning=happens(turned_away(True)),
        reason="one forged packet with a large number, and what the peer sends is too old"),
    Figure(
        "number-sent-twice", TOPIC, "2.2", "l.196-199",
        says="BGP may come to the end of the numbers; what then is not said",
        stated=None, computed=NEVER,
        formula="induction: what was sent is at most the counter", source="RFC 2406 3.3.3; RFC 2401 4.4.3",
        meaning=happens(sender(False)),
        reason="where the sender stops at the last number, whichever it is: the SA is dead until another replaces it"),
    Figure(
        "number-sent-twice-wrapped", TOPIC, "2.2", "l.196-199",
        says="the same where the counter cycles",
        stated=None, computed=CAN,
        formula="a run", source="RFC 2406 3.3.3; RFC 2401 4.4.3: permitted only without anti-replay",
        meaning=happens(sender(True)),
        reason="the receiver's window then refuses what is genuine"),
    Figure(
        "esn-high-bits", TOPIC, "2.2", "l.200-204",
        says="an extension of the sequence number may come; no algorithm",
        stated=None, computed=SUBSPACE, unit="numbers",
        formula="T - W < number <= T - W + 2^32, for W up to 2^31", source="RFC 4303 A2.2",
        meaning=_high_bits,
        reason="32 bits on the wire suffice for 64, until 2^32 - W packets in a row are lost"),
)
