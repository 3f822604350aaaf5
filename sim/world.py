"""The world of one peering: a scenario made ready for as many runs as wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.action import Event
from model.channels import DATAGRAMS, SEGMENTS
from model.system import System
from model.wire import ARRIVES, IKE_ARRIVES, IKE_LOST, LOST
from sim.bound import bound
from sim.clocks import clocks
from sim.links import needs_work
from sim.reader import Reader
from sim.recording import Recording
from sim.run import Run
from sim.scenario import Scenario

FATES: dict[str, tuple[Event, Event]] = {SEGMENTS.table: (ARRIVES, LOST), DATAGRAMS.table: (IKE_ARRIVES, IKE_LOST)}


class World:
    """What all runs of a scenario share: the fast reader with the cells it has made, the clocks, and what is known of messages."""

    def __init__(self, scenario: Scenario, system: System) -> None:
        """Raises ScenarioError where the scenario names what the system does not have."""
        self.scenario, self.system, self.bound = scenario, system, bound(scenario, system)
        (self.initial,) = system.initial
        self.clocks = clocks(system, scenario.durations)
        reads = [clock.reads(system) for clock in self.clocks]
        self.reader = Reader(system, self.initial, watched=frozenset[int]().union(*reads))
        self.clocks_at: dict[int, list[int]] = {}  # position: the clocks that depend on it
        for number, places in enumerate(reads):
            for place in sorted(places):
                self.clocks_at.setdefault(place, []).append(number)
        self.expiry = [self.reader.entry(clock.scope, clock.table, clock.event) for clock in self.clocks]
        self.runs = [self.reader.function(clock.scope, clock.running) for clock in self.clocks]
        self.timer = [-1 if clock.timer is None else system.position(clock.scope, clock.timer) for clock in self.clocks]
        self.orders = [self.bound.orders.get(choice.name, tuple(range(choice.sort.size))) for choice in self.reader.choices]
        self.fates = [(self.reader.entry(wire.direction, wire.channel.table, arrives.name),
                       self.reader.entry(wire.direction, wire.channel.table, lost.name))
                      for wire in self.reader.wires for arrives, lost in (FATES[wire.channel.table],)]
        self._messages: dict[tuple[int, int], tuple[tuple[int, ...], bool]] = {}

    def message(self, wire: int, code: int) -> tuple[tuple[int, ...], bool]:
        """A message's fields, and whether it takes work to make it."""
        known = self._messages.get((wire, code))
        if known is None:
            channel = self.reader.wires[wire].channel
            known = self._messages[(wire, code)] = (channel.decode(code), needs_work(channel, code))
        return known

    def run(self, seed: int) -> Recording:
        """One run. Raises SimulationError."""
        return Run(self, seed).run()

    def simulate(self, seeds: Iterable[int]) -> Iterator[Recording]:
        """One run after the other."""
        return map(self.run, seeds)
