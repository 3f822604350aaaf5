"""What `lockstep graph` shows of a table or a slice: its graph, and facts about it as text and as data.

A fact about a slice is established by exhaustive searches within the slice's bounds, and says how many states these visited; what
breaks it, and every path, is a run that the reference interpreter replays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lockstep.choice import UsageError, parse, readings
from model.expr import ModelError
from model.slices import TABLES, bounds_of, build, places_of
from model.system import peer_of
from model.trace import Trace, to_document
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from traces.ladder import ladder
from traces.names import named
from traces.replay import model_digest, replay
from verify.lifecycle import facts, graphs
from verify.lifecycle.situation import Situation, situation, variable
from verify.lifecycle.visited import Searches, Visited
from verify.query import Progress
from verify.step import step

Graph = Any  # networkx has no types; a networkx.DiGraph


@dataclass(frozen=True)
class Fact:
    """One answer: in words, as data, and whether it was left open."""

    text: str
    document: Mapping[str, Any]
    undecided: bool = False


# -- tables --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfTable:
    """A table, seen as a graph of its states. What another table makes impossible is not taken into account."""

    name: str
    loops: bool = False

    @property
    def head(self) -> dict[str, Any]:
        return {"graph": self.name}

    def graph(self) -> Graph:
        return graphs.table_graph(TABLES[self.name], self.loops)

    def _states(self, text: str) -> list[str]:
        """The states of a situation: one, or several joined by " or ". Raises UsageError."""
        known, found = TABLES[self.name].state.sort.values, [one.strip() for one in text.split(" or ")]
        for one in found:
            if one not in known:
                raise UsageError(f"situation {text!r}: table {self.name} has no state {one!r}; it has {', '.join(known)}")
        return found

    def dominators(self, target: str, through: Sequence[str]) -> list[Fact]:
        graph, targets = self.graph(), self._states(target)
        found = facts.dominators(graph, targets)
        document: dict[str, Any] = {"fact": "dominators", "target": target, "reachable": found is not None, "dominators": found or []}
        if found is None:
            return [Fact(f"no path leads to {target}", document)]
        if not through:
            return [Fact(f"every path to {target} passes {', '.join(found)}", document)]
        result = []
        for text in through:
            left = graph.copy()
            left.remove_nodes_from(self._states(text))
            starts = [node for node, initial in left.nodes(data="initial") if initial]
            way = facts.shortest(left, starts, [one for one in targets if one in left])
            document = {"fact": "every path", "target": target, "through": text, "verdict": VIOLATED if way else HOLDS, "path": way}
            result.append(Fact(f"a path to {target} does not pass {text}: {_arrows(graph, way)}" if way else
                               f"every path to {target} passes {text}", document))
        return result

    def dead_ends(self) -> list[Fact]:
        found = [part for part in facts.dead_ends(self.graph()) if len(part) < len(TABLES[self.name].state.sort.values)]
        words = "; ".join(", ".join(part) for part in found)
        return [Fact(f"never left once entered: {words}" if found else "no dead ends: every state leads to every other", {
            "fact": "dead ends", "never left": found})]

    def path(self, start: str, goal: str) -> list[Fact]:
        graph = self.graph()
        way = facts.shortest(graph, self._states(start), self._states(goal))
        document = {"fact": "path", "from": start, "to": goal, "length": None if way is None else len(way) - 1, "path": way}
        return [Fact(f"no path leads from {start} to {goal}" if way is None else _arrows(graph, way), document)]


def _arrows(graph: Graph, way: Sequence[str]) -> str:
    """A path in a line, each arrow with its first cause."""
    text = str(way[0])
    for before, after in pairwise(way):
        text += f" --{graph.edges[before, after]['label'].splitlines()[0]}--> {after}"
    return text


# -- slices --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfSlice:
    """A slice under a preset. `by`: variables to merge its states by; `full`: do not merge them. Raises UsageError, SituationError."""

    name: str
    preset: str
    overrides: Mapping[str, str]
    bounds: Mapping[str, int]
    by: tuple[str, ...]
    full: bool = False
    memory: float = 2.0
    timeout: float | None = None
    progress: Callable[[Progress], None] | None = None
    searches: Searches = field(init=False)

    def __post_init__(self) -> None:
        try:
            bounds_of(self.name, self.bounds)
        except ModelError as error:
            raise UsageError(str(error)) from None
        if not self.memory > 0 or not (self.timeout is None or self.timeout > 0):
            raise UsageError(f"memory {self.memory:g}, timeout {self.timeout}: give numbers greater than 0")
        system = build(self.name, self.chosen, bounds=self.bounds)
        for name in self.by:
            variable(system, name)
        object.__setattr__(self, "searches", Searches(system, self.memory, self.timeout, self.progress))

    @property
    def chosen(self) -> dict[str, str]:
        return readings(self.preset, self.overrides)

    @property
    def head(self) -> dict[str, Any]:
        return {"graph": self.name, "preset": self.preset, "readings": dict(self.overrides), "bounds": bounds_of(self.name, self.bounds)}

    def graph(self) -> Graph:
        if self.full:
            return graphs.state_graph(self.searches.system, self.by)[0]
        return graphs.situation_graph(self.searches.system, self.by, memory=self.memory, timeout=self.timeout, progress=self.progress)

    def _situation(self, text: str) -> Situation:
        return situation(self.searches.system, text)

    def dominators(self, target: str, through: Sequence[str]) -> list[Fact]:
        wanted, passed = self._situation(target), [self._situation(text) for text in through]
        if passed:
            first = facts.reach(self.searches, wanted)
            found = [facts.every_path(self.searches, wanted, one) for one in passed] if first.way else []
        else:
            first, found = facts.must_pass(self.searches, wanted, self.by)
        if first.way is None:
            document = {"fact": "reachable", "target": target, "verdict": first.verdict, "states": first.states, "reason": first.reason}
            said = f"undecided whether any path leads to {target}: {first.reason}" if first.reason else f"no path leads to {target}"
            return [Fact(f"{said} ({first.states:,} states)", document, bool(first.reason))]
        result = [Fact(f"paths lead to {target}, the shortest of {first.way.asked} steps",
                       {"fact": "reachable", "target": target, "verdict": VIOLATED, "length": first.way.asked})]
        result += [self._passing(target, one) for one in found]
        if not found:
            names = ", ".join(self.by)
            result.append(Fact(f"no value of {names} is on every path", {"fact": "every path", "target": target, "by": list(self.by)}))
        return result

    def _passing(self, target: str, one: facts.Passing) -> Fact:
        document = {"fact": "every path", "target": target, "through": one.through, "verdict": one.verdict, "states": one.states,
                    "reason": one.reason, "length": one.way.asked if one.way else None,
                    "trace": to_document(self.trace(one.way)) if one.way else None}
        said = {HOLDS: f"every path to {target} passes {one.through} ({one.states:,} states without)",
                UNDECIDED: f"undecided whether every path to {target} passes {one.through}: {one.reason}"}
        text = said.get(one.verdict, "")
        if one.way:
            text = f"not every path to {target} passes {one.through}; this one of {one.way.asked} steps does not:\n{self._ladder(one.way)}"
        return Fact(text, document, one.verdict == UNDECIDED)

    def dead_ends(self) -> list[Fact]:
        if self.full:
            return [self._never_left()]
        visited, found = facts.ends(self.searches, self.by)
        result = []
        for one in sorted(found, key=lambda one: (one.how not in facts.INTENDED, one.how == facts.BOUND_REACHED, one.way.asked)):
            how = one.how or "dead end"
            values = ", ".join(f"{name}={value}" for name, value in one.values.items())
            document = {"fact": "end", "how": how, "values": one.values, "states": one.states, "length": one.way.asked,
                        "trace": to_document(self.trace(one.way))}
            result.append(Fact(f"{how}: {values}: {one.states:,} states, the first after {one.way.asked} steps", document))
        result.append(_visited(visited))
        return result

    def _never_left(self) -> Fact:
        graph, states = graphs.state_graph(self.searches.system, self.by)
        alike: dict[tuple[str, str], list[list[int]]] = {}
        for part in facts.dead_ends(graph):
            how = sorted({facts.intended(self.searches.system, states[node]) for node in part})
            labels = dict.fromkeys(graph.nodes[node]["label"] for node in part)
            alike.setdefault((" or ".join(one or "dead end" for one in how), ", ".join(labels)), []).append(part)
        found = [{"how": how, "labels": labels, "sets": parts} for (how, labels), parts in alike.items()]
        said = [f"{how}: {labels}: never left once entered, {len(parts)} sets of {sum(map(len, parts))} states, the first is {parts[0][0]}"
                for (how, labels), parts in alike.items()]
        return Fact("\n".join(said), {"fact": "dead ends", "never left": found})

    def path(self, start: str, goal: str) -> list[Fact]:
        visited, way = facts.way_between(self.searches, self._situation(start), self._situation(goal))
        document: dict[str, Any] = {"fact": "path", "from": start, "to": goal, "states": visited.states, "reason": visited.why,
                                    "length": None if way is None else way.asked}
        if way is None:
            said = f"undecided: {visited.why}" if visited.why else f"no path leads from {start} to {goal}"
            return [Fact(f"{said} ({visited.states:,} states)", document, bool(visited.why))]
        before = len(way.stimuli) - way.asked
        document |= {"before": before, "trace": to_document(self.trace(way))}
        lead = f", from where {before} steps lead" if before else ""
        return [Fact(f"from {start} to {goal}: {way.asked} steps{lead}:\n{self._ladder(way)}", document)]

    # -- runs ------------------------------------------------------------------------------------

    def trace(self, way: facts.Way) -> Trace:
        """A way as a trace that claims nothing."""
        system, state, steps = self.searches.system, way.initial, []
        for stimulus in way.stimuli:
            outcome = step(system, state, stimulus)
            steps.append(named(system, stimulus, outcome))
            state = outcome.after
        bounds = bounds_of(self.name, self.bounds)
        return Trace(model_digest(self.name, self.chosen, bounds), self.name, self.preset, self.chosen, bounds, "search", None, "", "",
                     system.initial.index(way.initial), tuple(steps))

    def _ladder(self, way: facts.Way) -> str:
        return ladder(replay(self.trace(way))).rstrip("\n")


def _visited(visited: Visited) -> Fact:
    document = {"fact": "visited", "states": visited.states, "transitions": visited.transitions, "complete": not visited.why,
                "reason": visited.why}
    cut = f"; not complete: {visited.why}" if visited.why else ", all there are"
    return Fact(f"{visited.states:,} states visited{cut}", document, bool(visited.why))


def merged_by(name: str) -> str:
    """What a slice's states are merged by where nobody says: the two TCBs of its connection, or of the first one."""
    places = places_of(name)
    return ",".join(f"{place}.tcp.state" for place in (places[0], peer_of(places[0])))


def of_slice(name: str, preset: str, texts: Sequence[str], bounds: Mapping[str, int], by: str | None, **limits: Any) -> OfSlice:
    """A slice as the command line names it. Raises UsageError, SituationError."""
    variables = tuple(one.strip() for one in (by or merged_by(name)).split(",") if one.strip())
    return OfSlice(name, preset, parse(texts), bounds, variables, **limits)
