"""What became of a run, in numbers: read off the states and rows of the interpreter's replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.signals import BGP, BGP_ESTABLISHED, GEN, SA_IN, SA_OUT, TCP
from model.system import ENDS, State, System
from model.wire import IKE_LOST, LOST
from sim.check import Checked

LOSSES = (LOST.name, IKE_LOST.name)
RESENDS = "retransmission"  # what every table with such a timer calls its expiry


@dataclass(frozen=True)
class End:
    """One end after the run. sas: generations of which a half is left. tcp_since, bgp_since: every state it was in, with the time in
    seconds from which on. closing: seconds from leaving ESTABLISHED to CLOSED, None where it did not come to that."""

    tcp: str
    bgp: str
    sas: tuple[str, ...]
    tcp_since: tuple[tuple[float, str], ...]
    bgp_since: tuple[tuple[float, str], ...]
    closing: float | None

    def __str__(self) -> str:
        return f"{self.tcp} / {self.bgp} [{', '.join(self.sas) or 'no SA'}]"


@dataclass(frozen=True)
class Summary:
    """One run. lost: messages the network lost. resent: expiries of retransmission timers. late: steps that had to wait for room or for
    what was under way; held: those still waiting at the end. stale: expiries of timers stopped or started again in the meantime. up:
    seconds until both ends were Established, None where they never were or began so. apart: seconds from the first end leaving
    Established to the other one, None where one of them did not."""

    seed: int
    steps: int
    ends: dict[str, End]
    lost: int
    resent: int
    late: int
    held: int
    stale: int
    refused: tuple[tuple[float, str], ...]
    up: float | None
    apart: float | None


def summarize(system: System, checked: Checked) -> Summary:
    """The summary of a replayed run."""
    recording, stimuli = checked.recording, checked.stimuli
    states: list[State] = [checked.initial, *(outcome.after for outcome in checked.outcomes)]
    times = [0.0, *(one.time for one in recording.steps)]
    ends = {end: _end(system, end, times, states) for end in ENDS}
    both = [system.position(end, BGP) for end in ENDS]
    up = next((time for time, state in zip(times, states, strict=True) if all(state[at] == BGP_ESTABLISHED.code for at in both)), None)
    left = [_left(one.bgp_since, "Established") for one in ends.values()]
    gone = [time for time in left if time is not None]
    return Summary(recording.seed, len(stimuli), ends, sum(one.event in LOSSES for one in stimuli),
                   sum(one.event == RESENDS for one in stimuli), sum(one.late for one in recording.steps), recording.held,
                   recording.stale, tuple(recording.refused), up or None, max(gone) - min(gone) if len(gone) == len(left) else None)


def _left(since: Sequence[tuple[float, str]], state: str) -> float | None:
    """When a state was left for the first time."""
    return next((time for (_, before), (time, _) in pairwise(since) if before == state), None)


def _end(system: System, end: str, times: Sequence[float], states: Sequence[State]) -> End:
    tcp_since, bgp_since = ([(time, var.sort.show(code)) for time, code in _changes(system.position(end, var), times, states)]
                            for var in (TCP, BGP))
    halves = [system.position(end, var) for var in (SA_IN, SA_OUT)]
    sas = tuple(name for code, name in enumerate(GEN.values) if any(states[-1][first + code] for first in halves))
    left = _left(tcp_since, "ESTABLISHED")
    closed = next((time for time, state in tcp_since if state == "CLOSED" and left is not None and time >= left), None)
    closing = None if left is None or closed is None else closed - left
    return End(tcp_since[-1][1], bgp_since[-1][1], sas, tuple(tcp_since), tuple(bgp_since), closing)


def _changes(position: int, times: Sequence[float], states: Sequence[State]) -> Iterator[tuple[float, int]]:
    """The values a variable had, one after the other, with the time from which on."""
    before = None
    for time, state in zip(times, states, strict=True):
        if state[position] != before:
            before = state[position]
            yield time, before
