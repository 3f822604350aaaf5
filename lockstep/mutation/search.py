"""The searches: mutants of a slice, a batch at a time, each batch by one piece of code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from lockstep.bench import Judged, searched
from lockstep.choice import UsageError, readings
from lockstep.jobs import Job, Question, question
from lockstep.mutation.found import Base, Found, differences
from lockstep.mutation.sentences import every_mutant
from lockstep.pool import Report
from model.expr import ModelError
from model.slices import bounds_of
from model.system import State
from properties.presets import PRESETS
from properties.registry import claims_of
from verify.mutants import MAY, Mutated
from verify.query import EngineDisagreement
from verify.search import Family

BATCH = 64  # mutants of one piece of code


@dataclass(frozen=True)
class Ground:
    """Where mutants are searched in a slice. bounds: other than the slice's; readings: other than both presets'."""

    bounds: Mapping[str, int]
    readings: Mapping[str, str] = field(default_factory=dict)


# Some ten thousand states each, so that a mutant takes a tenth of a second and code for it a little more.
GROUNDS = {
    "teardown": Ground({"copies": 0, "attacks": 0}),
    "opening": Ground({"losses": 0, "attacks": 0, "datagrams": 1}),
    "rekey": Ground({"losses": 0, "segments": 1, "datagrams": 1}),
    "phase1": Ground({"losses": 0, "segments": 1}),
    "restart": Ground({"datagrams": 1}),
    "collision": Ground({"segments": 1, "datagrams": 1}, {"A:p1_delete": "never", "B:p1_delete": "never"}),
    "attacker": Ground({"copies": 1, "attacks": 1, "segments": 2}),
}
ROOM, LEAST = 4, 50_000  # a mutant may come to so many times the states of the model, or to so many


def bounds_in(slice_name: str) -> dict[str, dict[str, Any]]:
    """All bounds that hold in a slice, and the readings changed."""
    ground = GROUNDS[slice_name]
    return {"bounds": bounds_of(slice_name, ground.bounds), "readings": dict(ground.readings)}


@dataclass(frozen=True)
class Batch:
    """Mutants of a slice that are searched by one piece of code, by number; none: the model as it stands. memory: GiB. states: what the
    model as it stands came to in each preset."""

    slice: str
    numbers: tuple[int, ...]
    memory: float
    states: tuple[int, ...] = ()


class _Searcher:
    """A batch's code."""

    def __init__(self, batch: Batch) -> None:
        ground = GROUNDS[batch.slice]
        self.asked: Question = question(Job(batch.slice, "draft", ground.readings, tuple(one.name for one in claims_of(batch.slice)),
                                            bounds=bounds_of(batch.slice, ground.bounds)))
        self.mutated = Mutated(self.asked.system, [every_mutant()[number - 1] for number in batch.numbers])
        self.starts = {preset: self.asked.starts(readings(preset, ground.readings)) for preset in PRESETS}
        spans = [state for at in range(len(batch.numbers) + 1) for preset in PRESETS for state in self.start(at, preset)]
        self.family = Family(self.mutated.system.starting(spans), (*self.asked.queries, *self.asked.antecedents), memory_gib=batch.memory)

    def start(self, at: int, preset: str) -> tuple[State, ...]:
        return self.mutated.start(at, self.starts[preset])


def base(batch: Batch, report: Report) -> Base:
    """Search the model as it stands."""
    searcher, states, transitions, fired = _Searcher(batch), [], [], set()
    for preset in PRESETS:
        judged, result = searched(searcher.asked, searcher.family, searcher.start(0, preset), report=report)
        if judged.why:
            raise UsageError(f"{batch.slice}, {preset}: {judged.why}; give more with --memory")
        states.append(judged.states)
        transitions.append(judged.transitions)
        fired |= {(table, key) for (_, table, key), times in result.counts.fired.items() if times}
    return Base(batch.slice, tuple(states), tuple(transitions), frozenset(fired))


def search_batch(batch: Batch, report: Report) -> tuple[Found, ...]:
    """Search each mutant of a batch; after Ctrl-C those that were done by then."""
    found: list[Found] = []
    try:
        searcher = _Searcher(batch)
        before = {preset: searched(searcher.asked, searcher.family, searcher.start(0, preset), report=report)[0] for preset in PRESETS}
        if tuple(one.states for one in before.values()) != batch.states:
            raise EngineDisagreement(f"{batch.slice}: beside mutants the model comes to other states than by itself, {batch.states}")
        digests: dict[str, str] = {}
        for at, number in enumerate(batch.numbers, 1):
            found.append(_found(searcher, before, digests, at, number, batch.slice, report))
    except KeyboardInterrupt:
        pass
    return tuple(found)


def _found(searcher: _Searcher, before: Mapping[str, Judged], digests: dict[str, str], at: int, number: int, slice_name: str,
           report: Report) -> Found:
    noticed: list[tuple[str, str, str]] = []
    counted, model, same, begun = [], "", True, perf_counter()
    for preset, base_ in before.items():
        most = max(LEAST, ROOM * base_.states)
        try:
            judged, _ = searched(searcher.asked, searcher.family, searcher.start(at, preset), most=most, report=report)
        except ModelError as error:
            model, same = str(error).partition("\n")[0], False
            continue
        if judged.why and judged.states <= most:
            raise UsageError(f"{slice_name}, {every_mutant()[number - 1]}: {judged.why}; give more with --memory")
        noticed += [(preset, claim, said) for claim, said in differences(base_, judged)]
        if (judged.states, judged.transitions) != (base_.states, base_.transitions):
            more = f"more than {most:,} states" if judged.why else f"{judged.states:,} states, {judged.transitions:,} transitions"
            counted.append(f"{preset}: {more} instead of {base_.states:,}, {base_.transitions:,}")
            same = False
        elif not noticed:
            mine = searcher.family.digest(searcher.mutated.at)
            if preset not in digests:
                searched(searcher.asked, searcher.family, searcher.start(0, preset), report=report)
                digests[preset] = searcher.family.digest(searcher.mutated.at)
            same = same and mine == digests[preset]
    return Found(number, slice_name, tuple(noticed), model, "; ".join(counted), same and not noticed, perf_counter() - begun)


def base_or_none(batch: Batch, report: Report) -> Base | None:
    """`base`; None after Ctrl-C."""
    try:
        return base(batch, report)
    except KeyboardInterrupt:
        return None


def batches(numbers: Sequence[int], workers: int) -> Iterator[Sequence[int]]:
    """Mutants of like kind, in pieces that give each worker some. What may be chosen at each step costs every mutant of its batch time."""
    for together in ([one for one in numbers if every_mutant()[one - 1].operator != MAY],
                     [one for one in numbers if every_mutant()[one - 1].operator == MAY]):
        size = max(8, min(BATCH, -(-len(together) // max(workers, 1))))
        for first in range(0, len(together), size):
            yield together[first:first + size]
