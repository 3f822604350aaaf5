"""Facts about lifecycles: what every path passes, where they end, and the shortest way from one situation to another.

The first three functions read a graph. They are exact of the graph they are given: a path of a situation graph need not be a path
of the slice, so `dominators` of one is sound ("every path passes"), but says nothing where it finds none. The others search the slice
itself, every state of it, and what they call a way is one: a run of the interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from model.expr import Expr, Peer, conj, evaluate
from model.signals import BGP, BGP_ESTABLISHED, BGP_IDLE, CLOSED, SA_IN, SA_OUT, TCP
from model.system import State, System
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from properties.vocabulary import GENERATIONS, WIRE_EMPTY
from verify.lifecycle.graphs import Graph
from verify.lifecycle.situation import Situation, named, situation, variable
from verify.lifecycle.visited import Searches, Visited
from verify.step import Outcome, StepView, Stimulus, step

Node = Any

_NO_SA = conj(*((SA_IN[g] == "none") & (SA_OUT[g] == "none") for g in GENERATIONS))
_UP, _OVER = BGP == BGP_ESTABLISHED, conj(BGP == BGP_IDLE, TCP == CLOSED, _NO_SA)
# How a lifecycle is meant to end.
ALL_OVER = "all over"
INTENDED: dict[str, Expr] = {"both Established": _UP & Peer(_UP), ALL_OVER: conj(_OVER, Peer(_OVER), WIRE_EMPTY)}


# -- on a graph ----------------------------------------------------------------------------------------------------------------


def dominators(graph: Graph, targets: Iterable[Node]) -> list[Node] | None:
    """The nodes that every path from an initial node to one of the targets passes, in the order in which it does; a target that all
    paths end in is the last of them. None where no path leads there."""
    inside = nx.DiGraph(graph.edges)
    inside.add_nodes_from(graph)
    begin, end = ("begin",), ("end",)
    inside.add_edges_from((begin, node) for node, initial in graph.nodes(data="initial") if initial)
    inside.add_edges_from((node, end) for node in targets)
    over = nx.immediate_dominators(inside, begin)
    if end not in over:
        return None
    found: list[Node] = []
    node = over[end]
    while node != begin:
        found.append(node)
        node = over[node]
    return found[::-1]


def dead_ends(graph: Graph) -> list[list[Node]]:
    """The sets of nodes that, once entered, are never left, as small as they can be: the sink strongly connected components."""
    parts = nx.condensation(graph)
    order = {node: at for at, node in enumerate(graph)}
    sinks = [sorted(parts.nodes[one]["members"], key=order.__getitem__) for one in parts if parts.out_degree(one) == 0]
    return sorted(sinks, key=lambda nodes: order[nodes[0]])


def shortest(graph: Graph, sources: Iterable[Node], targets: Iterable[Node]) -> list[Node] | None:
    """The nodes of a shortest path from one of the sources to one of the targets; None where there is none."""
    inside = nx.DiGraph(graph.edges)
    inside.add_nodes_from(graph)
    begin, end = ("begin",), ("end",)
    inside.add_edges_from((begin, node) for node in sources)
    inside.add_edges_from((node, end) for node in targets)
    try:
        found: list[Node] = nx.shortest_path(inside, begin, end)
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        return None
    return found[1:-1]


# -- on a slice ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A run: from an initial state by these stimuli. `asked`: how many of the last of them are the way asked for; what comes before
    only leads to where it begins."""

    initial: State
    stimuli: tuple[Stimulus, ...]
    asked: int

    def states(self, system: System) -> list[State]:
        """Every state of the run."""
        found = [self.initial]
        for stimulus in self.stimuli:
            found.append(step(system, found[-1], stimulus).after)
        return found


@dataclass(frozen=True)
class Passing:
    """Does every path to a situation pass another one? `holds`, `violated` with a shortest `way` that does not, or `undecided`.

    states: how many were visited; `reason`: why it is undecided.
    """

    through: str
    verdict: str
    states: int
    way: Way | None = None
    reason: str = ""


def reach(searches: Searches, target: Situation) -> Passing:
    """Is a situation reachable at all? That no path leads there is `violated`, with a shortest way, or holds."""
    return _passing("", searches.visit(until=target))


def every_path(searches: Searches, target: Situation, through: Situation) -> Passing:
    """Does every path to the target pass a state of `through`, be it the first or the last one of the path?

    All states are visited that can be reached without leaving a state of `through`; if none of them, but those of `through`
    itself, is in the target, the answer is yes. Where nothing leads to the target it holds emptily; ask `reach` first.
    """
    return _passing(through.text, searches.visit(until=_Without(target.text, target.alternatives, through), avoid=through))


@dataclass(frozen=True)
class _Without(Situation):
    """The states of a situation that are not in another one."""

    other: Situation

    def among(self, column: Any) -> Any:
        return super().among(column) & ~self.other.among(column)


def _passing(text: str, visited: Visited) -> Passing:
    way = None if visited.found is None else _way(visited, visited.found)
    visited.release()
    if way is not None:
        return Passing(text, VIOLATED, visited.states, way)
    if not visited.complete:
        return Passing(text, UNDECIDED, visited.states, reason=visited.why)
    return Passing(text, HOLDS, visited.states)


def _way(visited: Visited, number: int) -> Way:
    initial, stimuli = visited.way(number)
    return Way(initial, stimuli, len(stimuli))


def must_pass(searches: Searches, target: Situation, by: Sequence[str]) -> tuple[Passing, list[Passing]]:
    """Is the target reachable, and which values of the variables `by` does every path to it pass? Only values that a shortest way
    shows can be such; each of them is put to an exhaustive search, and each way that a search finds rules out others.

    What every initial state shows, and what the target itself says, is left out: every path passes that without saying anything.
    """
    system, first = searches.system, reach(searches, target)
    if first.way is None:
        return first, []
    slots = [variable(system, name) for name in by]
    trivial = set.intersection(*(set(named(system, slots, state).items()) for state in system.initial))
    trivial |= {(str(system.slots[at]), system.slots[at].text(code)) for at, code in _said(target)}
    left = [pair for pair in _shown(system, slots, first.way) if pair not in trivial]
    found = []
    while left:
        name, value = left.pop(0)
        one = every_path(searches, target, situation(system, f"{name}={value}"))
        if one.way is not None:
            seen = set(_shown(system, slots, one.way))
            left = [pair for pair in left if pair in seen]
        else:
            found.append(one)
    return first, found


def _said(target: Situation) -> set[tuple[int, int]]:
    """The slots to which all alternatives of a situation give one value, with these values."""
    return set.intersection(*({(one.slots[0], one.code) for one in every if one.equal and len(one.slots) == 1}
                              for every in target.alternatives))


def _shown(system: System, slots: Sequence[int], way: Way) -> list[tuple[str, str]]:
    """The values that some variables have on a way, in the order in which they do."""
    return list(dict.fromkeys(pair for state in way.states(system) for pair in named(system, slots, state).items()))


@dataclass(frozen=True)
class End:
    """States that no stimulus leads out of, all with the same values of some variables. `how`: the intended end that they are, or
    "", or what the bounds make of them. `way`: to the first of them."""

    values: dict[str, str]
    how: str
    states: int
    way: Way


BOUND_REACHED = "bound reached"


def ends(searches: Searches, by: Sequence[str]) -> tuple[Visited, list[End]]:
    """Where a slice comes to rest, sorted into the intended ends and the rest; "bound reached" where a stimulus is disabled only for
    want of room on the wire. What the slice does not offer (see its docstring) might lead on."""
    system, visited = searches.system, searches.visit()
    slots = [variable(system, name) for name in by]
    found: dict[tuple[str, ...], list[int]] = {}
    last, blocked = visited.ends()
    for numbers, bound in ((last, False), (blocked, True)):
        for number in numbers:
            state = visited.state(number)
            how = BOUND_REACHED if bound else intended(system, state)
            found.setdefault((how, *named(system, slots, state).values()), []).append(number)
    result = []
    for (how, *values), numbers in found.items():
        result.append(End(dict(zip(by, values, strict=True)), how, len(numbers), _way(visited, numbers[0])))
    visited.release()
    return visited, result


def intended(system: System, state: State) -> str:
    """The intended end that a state is, or ""."""
    readers = [StepView(system, place, Outcome(state, state, (), ())) for place in system.places if place.startswith("A")]
    true = {how: [evaluate(when, reader) for reader in readers] for how, when in INTENDED.items()}
    # Where an end has two connections, one of them is to be up; over is what both are.
    return next((how for how, found in true.items() if (all if how == ALL_OVER else any)(found)), "")


def way_between(searches: Searches, start: Situation, goal: Situation) -> tuple[Visited, Way | None]:
    """A shortest way from any reachable state of one situation to one of another, with a shortest way to where it begins.

    The search that is handed back says whether there is none, or it was cut short.
    """
    every = searches.visit()
    numbers = every.numbers(start)
    if every.why or not len(numbers):
        every.release()
        return every, None
    second, way = searches.visit(until=goal, first=every.packed(numbers)), None
    if second.found is not None:
        initial, before = every.way(int(numbers[second.origin(second.found)]))
        _, stimuli = second.way(second.found)
        way = Way(initial, (*before, *stimuli), len(stimuli))
    every.release()
    second.release()
    return second, way
