"""The game "who had the last chance to prevent it": an end against everything else.

Each end reads the text for itself, so it could have read it otherwise at any time. In the arena an end E does: at each event that its
tables process it takes any row that some values of its own readings allow, and makes its choices. The environment moves: a stimulus
with its arguments, and every choice that is not E's. The other end, which keeps its readings, the network, timers, lifetimes,
operators, daemons and attackers are all environment.

A state is lost for E if some move has only answers that break the claim or lead to a lost state: the attractor of the breach
(Thomas, On the Synthesis of Strategies in Infinite Games, STACS 1995; Zielonka, TCS 200, 1998). The arena is explored breadth first
from the states of a witness, and as far as is affordable; what was not expanded counts as safe. So does an answer for which the wire has
no room: no state is called lost for want of it. What is called lost is lost, however much more was explored.

A lost beginning means more than that this run cannot be helped: under each set of readings of the end some run breaks the claim. It need
not be this one, so another is looked for, by the same search that shows states to be safe: an end is told what it can avoid and what it
cannot.

That a state is safe is shown otherwise: by readings that E could adopt there once and for all, and an exhaustive search that finds
every state from there on, within the bounds, to keep the claim. An end that blocks the wire on purpose is not called safe by it any
more than in any other search.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations, product, zip_longest

import numpy as np
from numpy.typing import NDArray

from model.expr import TRUE, Expr, ModelError, Var, evaluate, walk
from model.ike_phase1 import LEGIBLE
from model.system import ENDS, State, System
from model.tcp import NEWER
from verify.native import NOBODY, Space
from verify.options import BROKEN, Options
from verify.query import EngineDisagreement, Query
from verify.reachable import Reachable
from verify.rereading import Rereading, own_readings, readable
from verify.search import search
from verify.step import Disabled, Firing, Outcome, StepView, Stimulus, step

RULES = "030"  # the decision by which games are played; facts that were computed by another are old
# Choices that stand for what arrived, not for what an end decides.
NATURE = (LEGIBLE.name, NEWER.name)
MOST_STATES = (100_000, 1_000_000)  # how large the arena may become; the second where the first decides nothing
SEARCH_GIB = 0.125  # for each search that may show readings to be safe
MOST_CHANGES = 2  # readings adopted at once, while all sets of that many are tried
BUDGET = 100_000  # attempted stimuli between two looks at the number of states

Bools = NDArray[np.bool_]
Changes = Mapping[int, int]  # position of a reading in the state -> code


class Arena:
    """The game of `end` about one claim, from the initial states of a system: `lost` says which states are, by number.

    `broken` at `scope`: the step breaks the claim. `most`: no more states are expanded once there are so many. complete: all were.
    states, moves, answers: how large it is. Raises MemoryError; ModelError for a system with a constraint,
    or whose initial states differ in a reading of the end.
    """

    def __init__(self, system: System, end: str, broken: Expr, scope: str, *, nature: Collection[str] = NATURE, most: int = MOST_STATES[0],
                 memory_gib: float = 2.0) -> None:
        if system.constraint is not TRUE:
            raise ModelError(f"{system.name}: has a constraint; a game cannot tell what it forbids from a breach")
        rereading = Rereading(system, end, nature)
        self.space = Space(system, (), int(memory_gib * 2**30), edges=True, reach=_reach(system, end),
                           generator=partial(Options, broken=broken, scope=scope, rereading=rereading))
        expanded = self._explore(most)
        self.states, edges = self.space.count, self.space.edges
        self.complete = expanded == self.states and not self.space["crowded"]
        source, target, move = edges[:, 0], edges[:, 1], edges[:, 2]
        new = np.ones(len(edges), np.bool_)
        new[1:] = (source[1:] != source[:-1]) | (move[1:] != move[:-1])
        first = np.flatnonzero(new)
        self.answers, self.moves = len(edges), len(first)
        self.lost = _attractor(self.states, source[first], first, target)

    def _explore(self, most: int) -> int:
        """Expand states; the first that was not."""
        space, at = self.space, 0
        while at < space.count < most:
            if space.full and not space.grow():
                raise MemoryError
            at = space.expand(at, space.count, BUDGET)
        return at

    def number(self, state: State) -> int | None:
        """The number of a state; None if the game has not come to it."""
        words = np.array(self.space.layout.pack(state), np.uint64)
        found = np.flatnonzero((self.space.states[:self.states] == words).all(axis=1))
        return int(found[0]) if len(found) else None

    def is_lost(self, state: State) -> bool:
        """Is it shown that the environment wins from this state?"""
        number = self.number(state)
        return number is not None and bool(self.lost[number])


def _reach(system: System, end: str) -> Reachable:
    """What may be reached where the end's readings have any value; in the state they keep theirs."""
    mine = own_readings(system, end)
    most = max((slot.var.sort.size for slot in mine.values()), default=1)
    starts = [tuple(min(other, mine[at].var.sort.size - 1) if at in mine else code for at, code in enumerate(state))
              for state in system.initial for other in range(most)]
    reach = Reachable(system.starting(starts))
    for at in mine:
        if len({state[at] for state in system.initial}) > 1:
            raise ModelError(f"{system.name}: the initial states of a game differ in {system.slots[at]}, a reading of the end")
        reach.slots[at] = 1 << system.initial[0][at]
    return reach


def _attractor(states: int, source: NDArray[np.uint32], first: NDArray[np.intp], target: NDArray[np.uint32]) -> Bools:
    """The states from which the environment brings the breach about. `source`: the state of each move; `first`: where its answers
    begin in `target`."""
    lost = np.zeros(states, np.bool_)
    if not len(first):
        return lost
    safe, real = target == NOBODY, target < BROKEN
    there = target[real]
    while True:
        safe[real] = ~lost[there]
        beaten = source[~np.logical_or.reduceat(safe, first)]
        if lost[beaten].all():
            return lost
        lost[beaten] = True


@dataclass(frozen=True)
class Adopted:
    """Readings that keep the claim if the end adopts them in a state and keeps to them: names and values as overrides are written.
    smallest: no fewer would do; else only none of them can be left out. tested: the claim's antecedent is still reached, so that it is
    not kept merely because nothing more happens. named: those of them that the claim itself reads, so that it then says something else.
    states: of the search that shows it."""

    changes: Mapping[str, str]
    smallest: bool
    tested: bool
    states: int
    named: tuple[str, ...] = ()
    codes: Changes = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Anyway:
    """Why an end never had a chance. changes: readings, from the beginning, with which the run that was asked about does not break the
    claim; empty: none alone does that, nor do those of the fallback together. broken_by: a shortest run that breaks it under them, for
    each step the first row that fires; without changes, none."""

    changes: Mapping[str, str] = field(default_factory=dict)
    broken_by: tuple[Firing, ...] = ()


@dataclass(frozen=True)
class Chance:
    """What an end could have done about a run that breaks a claim.

    lost: for each state of the run but the last, is it shown that the end can no longer prevent the breach, whatever it reads.
    last: the last state from which it still can, None if there is none. undecided: this state is neither lost nor shown to be safe
    (then `last` is None, too). adopted: readings that would have kept the claim from state `last` on; from_start: from the beginning.
    followed, instead: the first row that differs in the step that left `last`, as it was and as it would have been (None: none fired).
    anyway: where all states are lost, what the end could have avoided and what not.
    arena: states of the game that were looked at.
    """

    end: str
    lost: tuple[bool, ...]
    last: int | None = None
    undecided: int | None = None
    adopted: Adopted | None = None
    from_start: Adopted | None = None
    followed: Firing | None = None
    instead: Firing | None = None
    anyway: Anyway | None = None
    arena: int = 0


def chance(system: System, end: str, broken: Expr, antecedent: Expr, scope: str, initial: State, stimuli: Sequence[Stimulus], *,
           fallback: Mapping[str, int] | None = None, most: Sequence[int] = MOST_STATES, nature: Collection[str] = NATURE) -> Chance:
    """The last chance of `end` in the run of these stimuli, the last of which makes `broken` true at `scope`.

    `antecedent`: what has to happen for the claim to be put to the test. `fallback`: readings, by key, to adopt all at once where
    no few of them will do; of other changes, those that go its way are tried first. `most`: states of the arena, each tried where the
    one before leaves it undecided. Raises MemoryError, ModelError, Disabled; EngineDisagreement where a search keeps a claim that the
    game has lost.
    """
    run, state = [], initial
    for stimulus in stimuli:
        run.append(step(system, state, stimulus))
        state = run[-1].after
    if not evaluate(broken, StepView(system, scope, run[-1])):
        raise ValueError(f"the run does not break the claim at {scope} in its last step")
    path, seeking = [outcome.before for outcome in run], _Seeking(system, end, broken, antecedent, scope, fallback or {})
    found = Chance(end, ())
    for limit in most:
        lost, seen = _lost(system, end, broken, scope, path, limit, nature)
        found = Chance(end, lost, arena=seen)
        if all(lost):
            return replace(found, anyway=seeking.anyway(initial, stimuli))
        last = max(at for at, is_lost in enumerate(lost) if not is_lost)
        adopted = seeking.adopt(path[last], stimuli[last:], tested=last == 0)
        if adopted is not None:
            followed, instead = seeking.differs(run[last], stimuli[last], adopted.codes)
            start = adopted if last == 0 else seeking.adopt(initial, stimuli, tested=True, rather=adopted.codes)
            return replace(found, last=last, adopted=adopted, from_start=start, followed=followed, instead=instead)
        found = replace(found, undecided=last)
    return found


def _lost(system: System, end: str, broken: Expr, scope: str, path: Sequence[State], most: int,
          nature: Collection[str]) -> tuple[tuple[bool, ...], int]:
    """Which of these states are lost, and how many states of games were looked at.

    A claim may read the end's readings (a FIN is not repeated in vain by an end that negotiates an SA for it). For those the end settles
    once and for all, in the state that is asked about: a game for each set of values. Lost is what is lost in all of them.
    """
    named = _named(broken)
    settled = {at: slot for at, slot in own_readings(system, end).items() if slot.var.name in named}
    lost, seen = [True] * len(path), 0
    for codes in product(*(readable(slot.var) for slot in settled.values())):
        there = [_changed(state, dict(zip(settled, codes, strict=True))) for state in path]
        arena = Arena(system.starting(list(dict.fromkeys(there))), end, broken, scope, nature=nature, most=most)
        lost, seen = [one and arena.is_lost(state) for one, state in zip(lost, there, strict=True)], seen + arena.states
        if not any(lost):
            break
    return tuple(lost), seen


def _named(claim: Expr) -> set[str]:
    """The readings that a claim reads."""
    return {node.name for node in walk(claim) if isinstance(node, Var) and node.table == "reading"}


class _Seeking:
    """Looks for readings that an end could adopt in a state to keep the claim."""

    def __init__(self, system: System, end: str, broken: Expr, antecedent: Expr, scope: str, fallback: Mapping[str, int]) -> None:
        self.system, self.scope, self.broken = system, scope, broken
        self.queries = (Query("broken", broken, (scope,)), Query("antecedent", antecedent, (scope,)))
        self.named = _named(broken)
        self.slots = {at: slot for at, slot in own_readings(system, end).items() if f"{end}:{slot.var.name}" in system.readings_read}
        self.fallback = {at: fallback[slot.var.name] for at, slot in self.slots.items() if slot.var.name in fallback}

    def adopt(self, state: State, stimuli: Sequence[Stimulus], tested: bool, rather: Changes | None = None) -> Adopted | None:
        """The smallest such change, or, where none of MOST_CHANGES will do, as little of the fallback as will; None: none is known.
        `stimuli`: a way from the state to a breach. `tested`: of those of one size, rather one under which the claim is still put to the
        test. `rather`: changes that are tried before others."""
        breaches = [tuple(stimuli)]  # under the readings tried so far; another reading has to prevent each
        single = sorted(self._single(state), key=lambda one: one not in (rather or {}).items())
        for size in range(1, MOST_CHANGES + 1):
            untested: Adopted | None = None
            for some in combinations(single, size):
                if len({at for at, _ in some}) == size:
                    found = self._keeps(state, dict(some), breaches, smallest=True)
                    if found is not None and (found.tested or not tested):
                        return found
                    untested = untested or found
            if untested is not None:
                return untested
        changes = {at: code for at, code in self.fallback.items() if state[at] != code}
        kept = self._keeps(state, changes, breaches)
        if kept is None:
            return None
        for at in list(changes):
            fewer = self._keeps(state, {one: code for one, code in kept.codes.items() if one != at}, breaches)
            kept = fewer if fewer is not None and (fewer.tested or not tested) else kept
        return kept

    def anyway(self, state: State, stimuli: Sequence[Stimulus]) -> Anyway:
        """How the claim breaks in a lost state under readings with which this run would not break it."""
        for changes in (*({at: code} for at, code in self._single(state)), self.fallback):
            start = _changed(state, changes)
            if self._breaks(start, stimuli):
                continue
            result = search(self.system.starting([start]), self.queries[:1], memory_gib=SEARCH_GIB, stop_when_all_hit=True)
            hit = result.hits["broken"]
            if hit is None and result.complete:
                raise EngineDisagreement(f"{self.system.name}: the game is lost, yet {self._text(changes)} keep the claim in all "
                                         f"{result.counts.distinct} states")
            if hit is not None:
                return Anyway(self._text(changes), tuple(self._first_rows(start, hit.stimuli)))
        return Anyway()

    def _first_rows(self, state: State, stimuli: Sequence[Stimulus]) -> Iterator[Firing]:
        """Of each step the first row of an end; where none fires, that of the network or an attacker."""
        for stimulus in stimuli:
            outcome = step(self.system, state, stimulus)
            yield next((one for one in outcome.fired if one.scope.partition(".")[0] in ENDS), outcome.fired[0])
            state = outcome.after

    def _single(self, state: State) -> list[tuple[int, int]]:
        """Changes of one reading, those that go the way of the fallback first."""
        found = [(at, code) for at, slot in self.slots.items() for code in readable(slot.var) if code != state[at]]
        return sorted(found, key=lambda one: (self.fallback.get(one[0]) != one[1], one))

    def _text(self, changes: Changes) -> dict[str, str]:
        slots = {at: self.slots[at] for at in sorted(changes)}
        return {f"{slot.scope}:{slot.var.name}": slot.var.sort.show(changes[at]) for at, slot in slots.items()}

    def _keeps(self, state: State, changes: Changes, breaches: list[tuple[Stimulus, ...]], smallest: bool = False) -> Adopted | None:
        """The changes, if every state from this one on keeps the claim under them; None if not, or if it is not known."""
        start = _changed(state, changes)
        if any(self._breaks(start, stimuli) for stimuli in breaches):
            return None
        result = search(self.system.starting([start]), self.queries, memory_gib=SEARCH_GIB, stop_when_all_hit=True)
        hit = result.hits["broken"]
        if hit is not None:
            breaches.append(hit.stimuli)
        if hit is not None or not result.complete:
            return None
        return Adopted(self._text(changes), smallest, result.hits["antecedent"] is not None, result.counts.distinct,
                       tuple(self._text({at: code for at, code in changes.items() if self.slots[at].var.name in self.named})), changes)

    def _breaks(self, state: State, stimuli: Sequence[Stimulus]) -> bool:
        for stimulus in stimuli:
            try:
                outcome = step(self.system, state, stimulus)
            except Disabled:
                return False
            if evaluate(self.broken, StepView(self.system, self.scope, outcome)):
                return True
            state = outcome.after
        return False

    def differs(self, outcome: Outcome, stimulus: Stimulus, changes: Changes) -> tuple[Firing | None, Firing | None]:
        """The first row of a step that is another one under the changed readings, and that one; None where no row is left. Where only
        what the rows pass on differs: the first that does."""
        other: tuple[Firing, ...] = ()
        for one in (stimulus, replace(stimulus, choices=())):  # what was chosen may not be asked for any more
            try:
                other = step(self.system, _changed(outcome.before, changes), one).fired
                break
            except Disabled:
                continue
        pairs = list(zip_longest(outcome.fired, other))
        differing = [(one, two) for one, two in pairs if one is None or two is None or one.row is not two.row]
        return (differing or [(one, two) for one, two in pairs if one.args != two.args] or [(None, None)])[0]


def _changed(state: State, changes: Changes) -> State:
    return tuple(changes.get(at, code) for at, code in enumerate(state))

