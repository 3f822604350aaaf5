"""A run over mutants: slice after slice, and who is searched in which.

A mutant of a row is searched in one slice after another that reaches it, cheapest first, until a claim or the model kills it; that of a
sentence in all of them. What is found does not depend on the number of workers, for a slice is begun when the one before is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from lockstep.mutation.found import ENOUGH, OPEN, VERDICT, Found, fate
from lockstep.mutation.kept import Kept
from lockstep.mutation.search import Batch, base_or_none, batches, search_batch
from lockstep.mutation.sentences import every_mutant
from lockstep.pool import Watch, run_each

Watched = AbstractContextManager[Callable[[], None]]


def _nobody() -> None:
    """Who is told where nobody watches."""


class Run:
    """Slices and mutants, what is known of them, and the rest searched. finished: the slices in which all was searched; a row's mutant is
    not searched after a claim or the model has killed it in an earlier one."""

    def __init__(self, slices: Sequence[str], numbers: Sequence[int], kept: Kept, memory: float) -> None:
        self.slices, self.numbers, self.kept, self.memory = tuple(slices), tuple(numbers), kept, memory
        self.finished: list[str] = []

    @property
    def order(self) -> list[str]:
        """The slices whose base is known, cheapest first."""
        known = [name for name in self.slices if name in self.kept.bases]
        return sorted(known, key=lambda name: (sum(self.kept.bases[name].transitions), name))

    def bases(self, workers: int, watch: Watch | None = None) -> None:
        """Search the model as it stands in each slice."""
        todo = [Batch(name, (), self.memory) for name in self.slices if name not in self.kept.bases]
        for _, one in run_each(base_or_none, todo, workers, watch):
            if one is not None:
                self.kept.add_base(one)

    def todo(self, slice_name: str) -> list[int]:
        """The mutants that are to be searched in a slice, all slices before it being finished."""
        earlier = self.order[:self.order.index(slice_name)]
        one = self.kept.bases[slice_name]
        return [number for number in self.numbers if one.reaches(every_mutant()[number - 1])
                and (every_mutant()[number - 1].sentence or self.fate_in(number, earlier) not in ENOUGH)]

    def search(self, slice_name: str, workers: int, watch: Watch | None = None) -> Iterator[Found]:
        """Search what is not known of a slice. Ctrl-C skips the rest; nothing is raised for it."""
        wanted = self.todo(slice_name)
        left = [number for number in wanted if (number, slice_name) not in self.kept.known]
        tasks = [Batch(slice_name, tuple(numbers), self.memory, self.kept.bases[slice_name].states) for numbers in batches(left, workers)]
        for _, several in run_each(search_batch, tasks, workers, watch):
            for one in several:
                self.kept.add(one)
                yield one
        if all((number, slice_name) in self.kept.known for number in wanted):
            self.finished.append(slice_name)

    def search_all(self, workers: int, watch: Callable[[str, int, int], Watched] | None = None) -> None:
        """Search every slice, cheapest first; the first that Ctrl-C leaves unfinished is the last. watch: told of each slice how many
        mutants it has and how many of them are known, it gives what is entered meanwhile and called after each."""
        self.bases(workers)
        for name in self.order if len(self.order) == len(self.slices) else ():
            wanted = self.todo(name)
            known = sum((number, name) in self.kept.known for number in wanted)
            with nullcontext(_nobody) if watch is None else watch(name, len(wanted), known) as found:
                for _ in self.search(name, workers):
                    found()
            if name not in self.finished:
                return

    @property
    def complete(self) -> bool:
        return set(self.finished) == set(self.slices)

    def found(self, number: int, slices: Collection[str] | None = None) -> list[Found]:
        """What was found of a mutant, in the order of the slices; of a row's not what comes after a kill, which another call may have
        searched: what is said of it does not depend on what was asked before."""
        several: list[Found] = []
        for name in self.order:
            if (slices is None or name in slices) and (number, name) in self.kept.known:
                several.append(self.kept.known[number, name])
                if several[-1].fate in ENOUGH and not every_mutant()[number - 1].sentence:
                    break
        return several

    @property
    def all_found(self) -> list[Found]:
        """What was found of any mutant asked for, by whatever call."""
        return [one for number in self.numbers for one in self.found(number)]

    def fate_in(self, number: int, slices: Collection[str]) -> str:
        return fate(self.found(number, slices))

    def fate(self, number: int) -> str:
        """A mutant's fate; OPEN where a slice that is not finished might still change it."""
        word = self.fate_in(number, self.slices)
        killed = word in ENOUGH and not every_mutant()[number - 1].sentence
        return word if word == VERDICT or killed or self.complete else OPEN
