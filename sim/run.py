"""One run on SimPy: it decides when something happens, the tables decide what.

A stimulus is the arrival or loss of a message, the expiry of a timer, or something done by an operator or attacker. What the
step puts on the wire is under way for as long as its link says; what it starts and stops are clocks. A stimulus that the wire
holds back, and an expiry whose row waits for messages under way, are tried again after each later step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import simpy

from sim.reader import Entry, NoRow, NotThisChoice, Waits
from sim.recording import Recorded, Recording, SimulationError
from verify.step import Disabled

if TYPE_CHECKING:
    from sim.world import World


class Due(NamedTuple):
    """A stimulus whose time has come. `clock` and `generation`: whose expiry it is, -1 for what is none. `asked`: a scenario wants it;
    nothing is wrong if the model does not allow it. `otherwise`: the event to take if no row is enabled on this one."""

    entry: Entry
    args: tuple[int, ...]
    clock: int = -1
    generation: int = 0
    asked: bool = False
    otherwise: Entry | None = None


class Run:
    """One run of a world with one seed. `run` it once."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.reader, self.rng, self.env = world, world.reader, Random(seed), simpy.Environment()
        self.recording = Recording(world.system, seed, world.scenario.end)
        self._running = [False] * len(world.clocks)
        self._generation = [0] * len(world.clocks)
        self._expiries = [0] * len(world.clocks)
        self._waiting: list[Due] = []

    def run(self) -> Recording:
        """Until the scenario's end. Raises SimulationError."""
        self.reader.restart(self.world.initial, self._prefer)
        for number, runs in enumerate(self.world.runs):
            if runs(self.reader.state):
                self._start(number)
        self.env.process(self._operator())
        if self.recording.end > 0:
            self.env.run(until=self.recording.end)
        self.recording.held = len(self._waiting)
        self.recording.waiting = tuple(due.clock for due in self._waiting if due.clock >= 0)
        return self.recording

    # -- stimuli -----------------------------------------------------------------------------------------------------

    def _operator(self) -> Generator[simpy.Event, Any, None]:
        """What the scenario does, at its times."""
        plan = sorted(zip(self.world.scenario.actions, self.world.bound.arguments, strict=True), key=lambda one: one[0].at)
        for action, args in plan:
            yield self.env.timeout(action.at - self.env.now)
            self._happens(Due(self.reader.entry(action.scope, action.table, action.event), args, asked=True))

    def _arrives(self, timeout: Any) -> None:
        """A message is there, or is found to be lost."""
        wire, code, lost = timeout.value
        arrival, loss = self.world.fates[wire]
        args = self.world.message(wire, code)[0]
        # An attacker's message is not lost, say the rows of the wire: it then arrives.
        self._happens(Due(loss, args, otherwise=arrival) if lost else Due(arrival, args))

    def _expires(self, timeout: Any) -> None:
        """The time of a timer is over, if that is still the same timer."""
        self._happens(timeout.value)

    def _happens(self, due: Due) -> None:
        """Something is due now; so is, after it, whatever it may have made possible."""
        if not self._step(due, late=False):
            self._waiting.append(due)
            return
        while self._waiting and any(self._again(waiting) for waiting in self._waiting):
            pass

    def _again(self, due: Due) -> bool:
        done = self._step(due, late=True)
        if done:
            self._waiting.remove(due)
        return done

    def _step(self, due: Due, late: bool) -> bool:
        """One step of the model, recorded. False where it has to wait."""
        number, reader = due.clock, self.reader
        if number >= 0 and self._generation[number] != due.generation:
            self.recording.stale += 1
            return True
        try:
            reader.step(due.entry, due.args)
        except Waits:
            return False
        except (NoRow, NotThisChoice) as refusal:
            if number >= 0:
                return False  # its row waits until nothing of the connection or exchange is under way
            if due.otherwise is not None:
                return self._step(Due(due.otherwise, due.args), late)
            if not due.asked:
                raise SimulationError(self._wrong(due, refusal)) from None
            self.recording.refused.append((self.env.now, f"{_name(due.entry)}: {refusal}"))
            return True
        except Disabled as refusal:
            raise SimulationError(self._wrong(due, refusal)) from None
        self.recording.steps.append(Recorded(self.env.now, due.entry, due.args, reader.chosen, tuple(reader.fired),
                                             hash(tuple(reader.state)), late))
        for wire, code in reader.sent:
            self._send(wire, code)
        if reader.written:
            self._look_at_clocks()
        if number >= 0 and self._running[number] and self._generation[number] == due.generation:
            self._expiries[number] += 1
            self._arm(number)
        return True

    def _wrong(self, due: Due, refusal: Disabled) -> str:
        return (f"seed {self.recording.seed}, {self.env.now:.6f} s, after step {len(self.recording.steps)}: the simulator wants "
                f"{_name(due.entry)}, which the model does not allow: {refusal}")

    # -- the wire ----------------------------------------------------------------------------------------------------

    def _send(self, number: int, code: int) -> None:
        wire = self.reader.wires[number]
        heavy = self.world.message(number, code)[1]
        taken, lost = self.world.scenario.path.draw(wire.channel.table, wire.direction, heavy, self.env.now, self.rng)
        self._after(taken, (number, code, lost), self._arrives)

    def _after(self, seconds: float, value: Any, callback: Callable[[Any], None]) -> None:
        timeout: Any = self.env.timeout(seconds, value)
        timeout.callbacks.append(callback)

    # -- clocks ------------------------------------------------------------------------------------------------------

    def _look_at_clocks(self) -> None:
        """Start what runs now and did not, or was started again; stop what ran and does not."""
        reader, world = self.reader, self.world
        for place in dict.fromkeys(reader.written):
            for number in world.clocks_at[place]:
                if not world.runs[number](reader.state):
                    if self._running[number]:
                        self._running[number] = False
                        self._generation[number] += 1
                elif not self._running[number] or (place == world.timer[number] and place in reader.started):
                    self._start(number)

    def _start(self, number: int) -> None:
        self._running[number] = True
        self._generation[number] += 1
        self._expiries[number] = 0
        self._arm(number)

    def _arm(self, number: int) -> None:
        clock, entry = self.world.clocks[number], self.world.expiry[number]
        wait = clock.duration(self.reader.state[entry.at]).wait(self._expiries[number], self.rng)
        self._after(wait, Due(entry, clock.args, number, self._generation[number]), self._expires)

    # -- choices -----------------------------------------------------------------------------------------------------

    def _prefer(self, number: int, size: int) -> Sequence[int]:
        """In which order the values of a choice are tried: the scenario's, or drawn."""
        order = self.world.orders[number]
        return self.rng.sample(range(size), size) if order is None else order


def _name(entry: Entry) -> str:
    """An event in words, with its place."""
    return f"{entry.instance.scope} {entry.instance.table.name} {entry.event.name}".strip()
