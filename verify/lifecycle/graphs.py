"""Graphs for people: of a table, of a slice merged by some variables, of a small slice in full.

All are networkx digraphs whose attributes are plain text, numbers and booleans, so that every format keeps them. A node's `label` is what
it is called; an edge's `label` says what leads along it, one cause a line. The graph's `kind` is "table", "situations" or "states".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from model.expr import BOOL, TRUE, Expr, Fired, Item, Param, Peer, Post, Var, conj, disj
from model.system import Monitor, Offer, State, System, peer_of
from model.table import Table
from model.text import text_row
from verify.lifecycle.situation import SituationError, variable
from verify.lifecycle.visited import Searches, Visited, Watch
from verify.query import allowed
from verify.step import Stimulus

Graph = Any  # networkx has no types; a networkx.DiGraph
CHUNK = 1 << 20  # states looked at together
MOST_STATES = 5_000  # a full state graph beyond this is of no use to a reader


class TooLarge(Exception):
    """The graph would be too large to be of use. One line: what, how large, what to do."""


# -- of a table ------------------------------------------------------------------------------------------------------------


def table_graph(table: Table, loops: bool = False) -> Graph:
    """A table's states, with one edge for each pair of states that some row connects. `loops`: also the rows that stay.

    Edges: `label` the names of the rows, `events` and `sources`, one a line. Rows that can't fire are left out.
    """
    graph = nx.DiGraph(name=table.name, title=table.title, kind="table")
    for code, state in enumerate(table.state.sort.values):
        graph.add_node(state, label=state, initial=code == table.state.initial)
    for row in table.firing:
        before = table.state.sort.show(row.state.code)
        after = before if row.next is None else table.state.sort.show(row.next.code)
        if loops or after != before:
            text = text_row(table, row)
            _add(graph, before, after, label=row.name, events=text.event, sources=row.source)
    return graph


def _add(graph: Graph, before: str | int, after: str | int, **lines: str) -> None:
    """Add lines to the attributes of an edge, each line once."""
    have = graph.edges[before, after] if graph.has_edge(before, after) else {}
    new = {key: "\n".join(dict.fromkeys([*have.get(key, "").splitlines(), line])) for key, line in lines.items()}
    graph.add_edge(before, after, **new)


# -- of a slice, every state -------------------------------------------------------------------------------------------------


def state_graph(system: System, by: Sequence[str] = (), most: int = MOST_STATES) -> tuple[Graph, list[State]]:
    """Every reachable state and transition, by the reference interpreter, and the states in breadth-first order.

    Nodes are the numbers of the states; edges are labelled by stimuli. `by`: variables to call the states by. Raises TooLarge,
    SituationError.
    """
    slots = [variable(system, name) for name in by]
    number: dict[State, int] = {}
    graph = nx.DiGraph(name=system.name, kind="states", complete=True, by=", ".join(by))

    def at(state: State) -> int:
        if state not in number:
            if len(number) == most:
                raise TooLarge(f"slice {system.name} has more than {most:,} states; merge them with --by VARIABLE,..., or make the slice "
                               "smaller with --bound, such as --bound losses=0 --bound attacks=0 --bound segments=1")
            node = number[state] = len(number)
            graph.add_node(node, label=" / ".join(system.slots[one].text(state[one]) for one in slots) or str(node), initial=False,
                           **{str(system.slots[one]): system.slots[one].text(state[one]) for one in slots})
            order.append(state)
        return number[state]

    order: list[State] = []
    for state in system.initial:
        graph.nodes[at(state)]["initial"] = True
    for state in order:
        for stimulus, outcome in allowed(system, state):
            _add(graph, number[state], at(outcome.after), label=stimulus_name(system, stimulus))
    graph.graph["states"] = len(order)
    return graph, order


def stimulus_name(system: System, stimulus: Stimulus) -> str:
    """A stimulus in a few words: "B tcp: user timeout", "A>B: FIN arrives"."""
    offer = system.offer_of[(stimulus.scope, stimulus.table, stimulus.event)]
    kind = _kind(offer)
    return _name(offer) if kind is None else _message(offer, kind.sort.show(stimulus.args[0]))


def _name(offer: Offer) -> str:
    return f"{offer.scope or 'world'} {offer.table.name}: {offer.event.name}"


def _kind(offer: Offer) -> Param | None:
    """The field that says what a message is; None where the event takes none."""
    return None if offer.event.takes is None else offer.event.params[0]


def _message(offer: Offer, kind: str) -> str:
    """The wire's events are called after the kind of thing that is under way: the message itself says more."""
    _, _, happens = offer.event.name.partition(" ")
    return f"{offer.scope}: {kind} {happens}"


# -- of a slice, merged --------------------------------------------------------------------------------------------------------


def situation_graph(system: System, by: Sequence[str], *, memory: float = 2.0, timeout: float | None = None,
                    progress: Watch = None) -> Graph:
    """The reachable states merged by the values of some variables of the ends or the world, with an edge wherever some reachable
    transition leads from one class to another.

    The search is exhaustive and native; so that it shows transitions and not only states, the system remembers in history bits
    which class the last step left, if it left one, and by which stimulus. Edges are labelled by all stimuli.
    Graph attributes: `complete`, `why` (what cut it short), `pairs` (states, each with what is remembered, that were visited).
    Raises SituationError.
    """
    slots = [variable(system, name) for name in by]
    moves = _Moves(system, slots)
    visited = Searches(moves.system, memory, timeout, progress).visit()
    graph = nx.DiGraph(name=system.name, kind="situations", by=", ".join(by), complete=visited.complete, why=visited.why,
                       pairs=visited.states)
    for before, after, label in moves.found(visited):
        for one in (before, after):
            graph.add_node(_class(system, slots, one), label=_class(system, slots, one), initial=False,
                           **{str(system.slots[at]): system.slots[at].text(code) for at, code in zip(slots, one, strict=True)})
        if before != after:
            _add(graph, _class(system, slots, before), _class(system, slots, after), label=label)
    for state in system.initial:
        graph.nodes[_class(system, slots, [state[at] for at in slots])]["initial"] = True
    return graph


def _class(system: System, slots: Sequence[int], codes: Sequence[int]) -> str:
    return " / ".join(system.slots[at].text(code) for at, code in zip(slots, codes, strict=True))


class _Moves:
    """A system that remembers, of its last step, which class it left and which stimulus it was.

    The bits are monitors that forget at once: `until` is always true, so each holds what was true of the last step alone.
    What leaves no class behind is not remembered, which keeps the states few.
    """

    def __init__(self, system: System, slots: Sequence[int]) -> None:
        self.slots = slots
        scopes = {system.slots[at].scope for at in slots}
        ends = [place for place in system.places if scopes <= {place, peer_of(place), ""}] or list(system.places[:1])
        self.monitors: list[Monitor] = []
        left = {end: disj(*(_differs(_read(system, at, end)) for at in slots)) for end in ends}
        here = ends[0] if ends else ""
        self.moved = self._remember(here, "moved", [left.get(here, TRUE)])
        self.before = []
        for at in slots:
            value, sort = _read(system, at, here), system.slots[at].sort
            assert sort is not None
            self.before.append(self._remember(here, str(system.slots[at]), [
                conj(left[here], disj(*(value == sort.show(code) for code in range(sort.size) if code >> bit & 1)))
                for bit in range((sort.size - 1).bit_length())]))
        self.labels: list[tuple[list[int], list[str]]] = []
        for scope in dict.fromkeys(one.scope for one in system.offers):
            causes = list(_causes(system, scope))
            bits = [conj(left.get(scope, TRUE), disj(*(when for number, (_, when) in enumerate(causes, 1) if number >> bit & 1)))
                    for bit in range(len(causes).bit_length())]
            self.labels.append((self._remember(scope, "stimulus", bits), [name for name, _ in causes]))
        # The wire's and the world's stimuli first: what they set off at an end is no stimulus of that end.
        self.labels.sort(key=lambda one: one[1][0].startswith(("A ", "B ")))
        self.system = _with_monitors(system, self.monitors)

    def _remember(self, scope: str, name: str, bits: Sequence[Expr]) -> list[int]:
        """Monitors for these bits, the lowest first; their numbers."""
        first = len(self.monitors)
        self.monitors += [Monitor(scope, Var("left", f"{name} {number}", BOOL), when, TRUE) for number, when in enumerate(bits)]
        return list(range(first, len(self.monitors)))

    def found(self, visited: Visited) -> list[tuple[tuple[int, ...], tuple[int, ...], str]]:
        """The classes that were left, those entered, and by which stimulus; for each class also (class, class, "")."""
        rows: set[tuple[int, ...]] = set()
        for start in range(0, visited.states, CHUNK):
            rows.update(_distinct(self._columns(visited, start, min(start + CHUNK, visited.states))))
        count, moves = len(self.slots), []
        for row in sorted(rows):
            entered = row[1 + count:1 + 2 * count]
            moves.append((entered, entered, ""))
            if row[0]:
                label = next((names[code - 1] for code, (_, names) in zip(row[1 + 2 * count:], self.labels, strict=True) if code), "?")
                moves.append((row[1:1 + count], entered, label))
        return list(dict.fromkeys(moves))

    def _columns(self, visited: Visited, start: int, end: int) -> list[NDArray[np.int64]]:
        """Of the states numbered from `start` up to `end`: did they move, the class left, the class entered, the stimuli."""
        first = len(self.system.slots) - len(self.monitors)

        def number(bits: Sequence[int]) -> NDArray[np.int64]:
            total = np.zeros(end - start, np.int64)
            for at, bit in enumerate(bits):
                total += visited.column(first + bit, start, end) << at
            return total

        return [number(self.moved), *map(number, self.before), *(visited.column(at, start, end) for at in self.slots),
                *(number(bits) for bits, _ in self.labels)]


def _distinct(columns: Sequence[NDArray[np.int64]]) -> list[tuple[int, ...]]:
    """The different rows of some columns, in order."""
    key, sizes = np.zeros(len(columns[0]), np.int64), [int(column.max()) + 1 for column in columns]
    if np.prod([float(size) for size in sizes]) >= 2.0**62:
        raise SituationError("too many variables to merge by; name fewer with --by")
    for column, size in zip(columns, sizes, strict=True):
        key = key * size + column
    rows = []
    for one in np.unique(key).tolist():
        row = []
        for size in reversed(sizes):
            one, code = divmod(one, size)
            row.append(code)
        rows.append(tuple(reversed(row)))
    return rows


def _read(system: System, at: int, scope: str) -> Expr:
    """A variable as an end reads it: its own, its peer's, or the world's."""
    slot = system.slots[at]
    here: Expr = slot.var
    if slot.var.index is not None:
        here = Item(slot.var, slot.var.index.const(slot.var.index.show(slot.index)))
    if slot.scope in (scope, ""):
        return here
    if scope and slot.scope == peer_of(scope):
        return Peer(here)
    raise SituationError(f"variable {str(slot)!r}: it belongs to {slot.scope}; merge by variables of the ends or the world")


def _differs(value: Expr) -> Expr:
    return disj(*(conj(value == code, ~(Post(value) == code)) for code in value.sort.values))


def _causes(system: System, scope: str) -> list[tuple[str, Expr]]:
    """The stimuli offered at a scope, each with what is true of a step if it was the stimulus.

    An event that another stimulus of this scope may set off was the stimulus only if that one was not.
    """
    offers = [one for one in system.offers if one.scope == scope]
    found = []
    for offer in offers:
        key = (offer.scope, offer.table.name, offer.event.name)
        not_above = conj(*(~_fired(other) for other in offers if other is not offer and key in system.reach(other)))
        kind = _kind(offer)
        if kind is None:
            found.append((_name(offer), _fired(offer) & not_above))
        else:
            found += [(_message(offer, value), _fired(offer, kind == value) & not_above) for value in kind.sort.values]
    return found


def _fired(offer: Offer, where: Expr = TRUE) -> Fired:
    return Fired(offer.table.name, *sorted({row.name for row in offer.table.firing if row.event is offer.event}), where=where)


def _with_monitors(system: System, monitors: Sequence[Monitor]) -> System:
    """The same system with more history bits."""
    own = {(one.scope, id(var)) for one in system.instances for var in one.table.all_variables}
    own |= {(one.scope, id(one.var)) for one in system.monitors}
    extra = [(slot.scope, slot.var) for slot in system.slots if slot.index == 0 and (slot.scope, id(slot.var)) not in own]
    starts = [{str(slot): code for slot, code in zip(system.slots, state, strict=True)} for state in system.initial]
    return System(system.name, system.instances, system.offers, extra=extra, initial=starts, capacity=system.capacity,
                  monitors=(*system.monitors, *monitors), constraint=system.constraint, open_ended=system.open_ended)
