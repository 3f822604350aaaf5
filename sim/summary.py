"""What became of a run, in numbers: read off the states and rows of the interpreter's replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.signals import BGP, CLOSED, ESTABLISHED, GEN, SA_IN, SA_OUT, TCP
from model.slices import ENDS
from model.system import State, System
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
    what was under way. up: when both ends were Established for the first time, in seconds; 0 where they began so."""

    seed: int
    steps: int
    ends: dict[str, End]
    lost: int
    resent: int
    late: int
    stale: int
    refused: tuple[tuple[float, str], ...]
    up: float | None


def summarize(system: System, checked: Checked) -> Summary:
    """The summary of a replayed run."""
    recording, stimuli = checked.recording, checked.stimuli
    states: list[State] = [checked.initial, *(outcome.after for outcome in checked.outcomes)]
    times = [0.0, *(one.time for one in recording.steps)]
    both = [system.position(end, BGP) for end in ENDS]
    established = BGP.sort.code("Established")
    up = next((time for time, state in zip(times, states, strict=True) if all(state[at] == established for at in both)), None)
    return Summary(recording.seed, len(stimuli), {end: _end(system, end, times, states) for end in ENDS},
                   sum(one.event in LOSSES for one in stimuli), sum(one.event == RESENDS for one in stimuli),
                   sum(one.late for one in recording.steps), recording.stale, tuple(recording.refused), up)


def _end(system: System, end: str, times: Sequence[float], states: Sequence[State]) -> End:
    tcp, bgp = (tuple(_changes(system.position(end, var), times, states)) for var in (TCP, BGP))
    tcp_since, bgp_since = ([(time, var.sort.show(code)) for time, code in changes] for var, changes in ((TCP, tcp), (BGP, bgp)))
    halves = [system.position(end, var) for var in (SA_IN, SA_OUT)]
    sas = tuple(name for code, name in enumerate(GEN.values) if any(states[-1][first + code] for first in halves))
    left = next((time for (_, before), (time, _) in pairwise(tcp) if before == ESTABLISHED.code), None)
    closed = next((time for time, code in tcp if code == CLOSED.code and left is not None and time >= left), None)
    closing = None if left is None or closed is None else closed - left
    return End(tcp_since[-1][1], bgp_since[-1][1], sas, tuple(tcp_since), tuple(bgp_since), closing)


def _changes(position: int, times: Sequence[float], states: Sequence[State]) -> Iterator[tuple[float, int]]:
    """The values a variable had, one after the other, with the time from which on."""
    before = None
    for time, state in zip(times, states, strict=True):
        if state[position] != before:
            before = state[position]
            yield time, before
