"""What a simulated run leaves: its stimuli with times and choices, and what the fast reader says they did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from model.system import System
from sim.reader import Entry
from verify.step import Stimulus


class SimulationError(Exception):
    """The simulator did something that the model does not allow: an error of this program."""


class Recorded(NamedTuple):
    """One step. time: seconds. fired: numbers of rows, of `System.rows`. mark: a hash of the state after it. late: it was due
    before, and waited for room on the wire or for messages under way."""

    time: float
    entry: Entry
    args: tuple[int, ...]
    choices: tuple[tuple[str, int], ...]
    fired: tuple[int, ...]
    mark: int
    late: bool

    @property
    def stimulus(self) -> Stimulus:
        """The same for the interpreter."""
        one = self.entry.instance
        return Stimulus(one.scope, one.table.name, self.entry.event.name, self.args, self.choices)


@dataclass
class Recording:
    """One run. end: seconds. refused: what was to be done and the model did not allow there and
    then, as (seconds, text). held: stimuli that are still held back at the
    end; waiting: the clocks among them, by number. stale: expiries of timers that had
    been stopped or started again in the meantime."""

    system: System
    seed: int
    end: float
    steps: list[Recorded] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    held: int = 0
    waiting: tuple[int, ...] = ()
    stale: int = 0
