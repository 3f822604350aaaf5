"""What comes of matching one layer at one end: how far it fits, where it departs, and which values of readings are left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from model.readings import READINGS
from traces.fit.machine import Machine, Symbol
from traces.fit.observer import Observer, Points, TooMany

FITS, DEPARTS, UNDECIDED = "fits", "departs", "undecided"


@dataclass(frozen=True)
class Layer:
    """`frame`: the first that no reading allows, or from which on nothing was matched. `what` was seen there, `instead` is what some run
    could have shown. `left`: by reading the values under which a run remains; `excluded`: by reading and value the frame that left none."""

    name: str
    verdict: str
    frames: int  # that were matched
    frame: int | None = None
    what: str = ""
    instead: tuple[str, ...] = ()
    reason: str = ""
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    together: tuple[Mapping[str, str], ...] = ()  # combinations of readings, of which one it must be


def merged(found: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
    """The shortest combinations that say the same (prime implicants): a reading is left out where each of its values is among them; none
    where they say nothing."""
    every = {frozenset(one.items()) for one in found}
    todo = list(every)
    while todo:
        one = todo.pop()
        for pair in one:
            rest = one - {pair}
            whole = all(any(other <= rest | {(pair[0], value)} for other in every) for value in READINGS[pair[0]].values)
            if whole and rest not in every:
                every.add(rest)
                todo.append(rest)
    shortest = [one for one in every if not any(other < one for other in every)]
    return tuple(sorted((dict(sorted(one)) for one in shortest if one), key=str))


class Matching:
    """Follows one end through what is seen of it, frame by frame, and remembers which frame excluded which value."""

    def __init__(self, name: str, observer: Observer, points: Points) -> None:
        self.name, self.observer, self.points = name, observer, points
        self.frames = 0
        self.excluded: dict[str, dict[str, int]] = {}
        self.over: Layer | None = None
        self._left: dict[Points, dict[str, frozenset[int]]] = {}
        self.alive = self.left()

    @property
    def machine(self) -> Machine:
        return self.observer.machine

    def left(self) -> dict[str, frozenset[int]]:
        """The values of each reading that the points have."""
        found = self._left.get(self.points)
        if found is None:
            states = {one.state for one in self.points}
            found = self._left[self.points] = {name: self.machine.values(states, at) for at, name in self.machine.constants.items()
                                               if name in READINGS}
        return found

    def passes(self, symbol: Symbol) -> None:
        if self.over is None:
            self._try(None, symbol, self.points)

    def sends(self, frame: int, symbol: Symbol, told: str, points: Points, doubtful: bool = False) -> None:
        """The end was seen to send; `points` are those after it. `doubtful`: another may have sent it in the end's name."""
        if self.over is not None:
            return
        if not points:
            if doubtful:
                return
            left, excluded = self.told()
            self.over = Layer(self.name, DEPARTS, self.frames, frame, told, tuple(self.observer.possible(self.points)), "", left, excluded)
            return
        self.points = points | self.points if doubtful else points
        self.frames += 1
        now = self.left()
        for name, codes in now.items():
            for code in self.alive[name] - codes:
                self.excluded.setdefault(name, {})[READINGS[name].values[code]] = frame
        self.alive = now

    def _try(self, frame: int | None, symbol: Symbol, points: Points) -> None:
        try:
            self.points = self.observer.passes(points, symbol)
        except TooMany:
            self.stop(frame, "more runs are possible than are followed")

    def stop(self, frame: int | None, reason: str) -> None:
        """From here on nothing can be told."""
        if self.over is None:
            left, excluded = self.told()
            self.over = Layer(self.name, UNDECIDED, self.frames, frame, reason=reason, left=left, excluded=excluded)

    def told(self) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, int]]]:
        """The readings that lost a value, and to which frame."""
        return ({name: tuple(READINGS[name].values[code] for code in sorted(self.alive[name])) for name in self.excluded},
                {name: dict(one) for name, one in self.excluded.items()})

    def result(self) -> Layer:
        if self.over is not None:
            return self.over
        left, excluded = self.told()
        return Layer(self.name, FITS, self.frames, left=left, excluded=excluded)
