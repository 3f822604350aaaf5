"""What a close costs: one close without faults, played by the interpreter under a combination of readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.action import Event
from model.binding import CLOCK
from model.expr import Expr, Peer, conj, evaluate
from model.signals import BGP, BGP_ESTABLISHED, BGP_EVENT, SA_IN, SA_OUT
from model.slices import Readings, build
from model.system import ENDS, State, System
from model.tcp import READ_EOF, RETRANSMIT, TWO_MSL, USER_TIMEOUT
from model.wire import ARRIVES, IKE_ARRIVES
from properties.vocabulary import GENERATIONS, TCB_CLOSED, WIRE_EMPTY
from verify.step import Disabled, Outcome, StepView, Stimulus, step, stimuli

GRACEFUL = (ARRIVES, IKE_ARRIVES, READ_EOF, RETRANSMIT, TWO_MSL, CLOCK)
STOP = BGP_EVENT[2].name
ENDED = conj(TCB_CLOSED, Peer(TCB_CLOSED), WIRE_EMPTY)
UP: Expr = conj(BGP == BGP_ESTABLISHED, Peer(BGP == BGP_ESTABLISHED))
HALVES = tuple(half[g] != "none" for g in GENERATIONS for half in (SA_IN, SA_OUT))


@dataclass(frozen=True)
class Cost:
    """One close: from the first state of the slice where A's operator may stop, ManualStop at A, then the fewest steps to where both
    TCBs are CLOSED and nothing is in flight, with nothing lost, copied or forged. Of the runs with fewest steps it is the first in the
    order of `verify.step.stimuli`. What may happen in it: arrivals, a late read of the EOF, retransmissions, 2MSL and the draft's clock;
    no lifetime ends and nobody aborts. Only where no such run ends may user timeouts happen as well, and `graceful` is false.

    steps: stimuli, ManualStop the first. segments, datagrams: messages put on the wire at both ends, retransmissions included.
    held: steps after which some half of an SA is still there at some end. left: halves of SAs, inbound or outbound, that are there
    at both ends together when the run ends.
    """

    graceful: bool
    steps: int
    segments: int
    datagrams: int
    held: int
    left: int

    @property
    def messages(self) -> int:
        return self.segments + self.datagrams


def cost(slice_name: str, readings: Readings) -> Cost | None:
    """The cost of a close; None where the slice has no start with both ends Established and A's operator free to stop, or where no run
    ends."""
    system = build(slice_name, readings, bounds={"losses": 0, "copies": 0, "attacks": 0})
    starts = system.initial if system.places == ENDS else ()  # an end of several connections has no one close
    initial = next((state for state in starts if _true(system, UP, state) and _first(system, state) is not None), None)
    if initial is None:
        return None
    graceful = True
    run = _shortest(system, initial, GRACEFUL)
    if run is None:
        graceful, run = False, _shortest(system, initial, (*GRACEFUL, USER_TIMEOUT))
    if run is None:
        return None
    sent = [message.channel.table for outcome in run for message in outcome.sent]
    halves = [sum(_true(system, half, outcome.after, end) for half in HALVES for end in ENDS) for outcome in run]
    return Cost(graceful, len(run), sent.count("segments"), sent.count("datagrams"), sum(map(bool, halves)), halves[-1])


def _first(system: System, initial: State) -> Outcome | None:
    """A's ManualStop; None where it is not offered."""
    if ("A", "bgp", STOP) not in system.offer_of:
        return None
    try:
        return step(system, initial, Stimulus("A", "bgp", STOP))
    except Disabled:
        return None


def _shortest(system: System, initial: State, events: Sequence[Event]) -> list[Outcome] | None:
    """Breadth first from A's ManualStop."""
    first = _first(system, initial)
    assert first is not None
    came: dict[State, Outcome | None] = {initial: None, first.after: first}
    level = [first.after]
    while level:
        for state in level:
            if _true(system, ENDED, state):
                run = []
                while (outcome := came[state]) is not None:
                    run.append(outcome)
                    state = outcome.before
                return run[::-1]
        level = [outcome.after for state in level for outcome in _steps(system, state, events)
                 if outcome.after not in came and not came.update({outcome.after: outcome})]
    return None


def _steps(system: System, state: State, events: Sequence[Event]) -> Iterator[Outcome]:
    names = {event.name for event in events}
    for stimulus in stimuli(system, state):
        if stimulus.event in names:
            try:
                yield step(system, state, stimulus)
            except Disabled:
                continue


def _true(system: System, expr: Expr, state: State, scope: str = "A") -> bool:
    return bool(evaluate(expr, StepView(system, scope, Outcome(state, state, (), ()))))
