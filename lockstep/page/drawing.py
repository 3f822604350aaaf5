"""Where a table's states and arrows stand when they are drawn small: in layers, as RFC 9293 figure 5 does.

The method is that of Gansner, Koutsofios, North and Vo (A Technique for Drawing Directed Graphs, IEEE TSE 19(3), 1993): layers, dummy
nodes where an arrow passes one, order within a layer by barycentres, then the places across as a linear program. Graphviz is not asked,
since a page is to look the same whether or not it is installed. What leads back to a beginning is not among the layers, as in every
other picture of a table: each state's way there is a path of its own, to be shown when it is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count, pairwise
from typing import Any

import numpy as np
from scipy.optimize import linprog

from model.table import Table
from traces.graphs import ranks
from verify.lifecycle.graphs import table_graph

Node = str | int  # a state, or the number of a dummy
Point = tuple[float, float]
LETTER, PADDING, HIGH = 6.3, 12, 20  # a node, in pixels: for each letter, beside them, from top to bottom
DOWN, APART, MARGIN = 36, 9, 8  # between layers, between neighbours, around it all
PORTS = 0.5  # of a node's width, where arrows begin and end
SWEEPS = 16
STRAIGHT = {0: 1, 1: 2, 2: 8}  # what a pixel sideways costs, by how many of its two nodes are dummies


@cache
def drawing(table: Table) -> dict[str, Any]:
    """A table as a picture: `size` in pixels; `nodes`, each `[state, x, y, width]` with its middle; `arrows`, each
    `[from, to, path of SVG, back]`, where `back` says that it leads back to a beginning."""
    graph = table_graph(table)
    rank = ranks(graph)
    beginnings = {node for node, first in graph.nodes(data="initial") if first}
    forward = [(u, v) for u, v in graph.edges if v not in beginnings]
    # An arrow that leads upwards passes the layers like one that leads downwards; it is turned again when it is drawn.
    chains, layers = _with_dummies(rank, [(u, v) if rank[u] <= rank[v] else (v, u) for u, v in forward])
    _order(layers, chains)
    x, width = _across(layers, chains)
    y = {node: MARGIN + HIGH / 2 + DOWN * at for at, layer in enumerate(layers) for node in layer}
    ports = _ports(chains, x, width)
    arrows: list[list[Any]] = []
    for at, (u, v) in enumerate(forward):
        points = _points(chains[at], ports[at], x, y)
        flat = rank[u] == rank[v]
        arrows.append([u, v, _beside(x, y, width, u, v) if flat else _path(points if rank[u] < rank[v] else points[::-1]), False])
    arrows += [[u, v, _back(x, y, width, u, v), True] for u, v in graph.edges if v in beginnings]
    nodes = [[node, round(x[node]), round(y[node]), round(width[node])] for node in graph]
    return {"size": [round(max(x[node] + width[node] / 2 for node in x)) + MARGIN, round(MARGIN * 2 + HIGH + DOWN * (len(layers) - 1))],
            "nodes": nodes, "arrows": arrows}


def _with_dummies(rank: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> tuple[list[list[Node]], list[list[Node]]]:
    """Each edge as the chain of nodes it passes, one a layer, and the layers."""
    layers: list[list[Node]] = [[] for _ in range(max(rank.values()) + 1)]
    for node, level in rank.items():
        layers[level].append(node)
    fresh, chains = count(), []
    for u, v in edges:
        chain: list[Node] = [u]
        for level in range(rank[u] + 1, rank[v]):
            chain.append(next(fresh))
            layers[level].append(chain[-1])
        chains.append([*chain, v])
    return chains, layers


def _order(layers: list[list[Node]], chains: Sequence[Sequence[Node]]) -> None:
    """Order each layer so that few arrows cross: down and up by barycentres; the best order of all sweeps stays."""
    near: dict[Node, list[Node]] = {node: [] for layer in layers for node in layer}
    for chain in chains:
        for one, other in pairwise(chain):
            near[one].append(other)
            near[other].append(one)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, chains)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            place = {node: at / max(1, len(row) - 1) if len(row) > 1 else 0.5 for row in layers for at, node in enumerate(row)}
            layer.sort(key=lambda node: np.mean([place[one] for one in near[node]] or [place[node]]))
        crossings = _crossings(layers, chains)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _crossings(layers: Sequence[Sequence[Node]], chains: Sequence[Sequence[Node]]) -> int:
    place = {node: (level, at) for level, layer in enumerate(layers) for at, node in enumerate(layer)}
    links = [(place[one], place[other]) for chain in chains for one, other in pairwise(chain)]
    return sum(a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for at, (a, b) in enumerate(links) for c, d in links[:at])


def _across(layers: Sequence[Sequence[Node]], chains: Sequence[Sequence[Node]]) -> tuple[dict[Node, float], dict[Node, float]]:
    """The middles and widths of all nodes: neighbours do not touch, and arrows are as straight as that allows."""
    width: dict[Node, float] = {node: LETTER * len(node) + PADDING if isinstance(node, str) else 4.0 for layer in layers for node in layer}
    number = {node: at for at, node in enumerate(width)}
    links = [link for chain in chains for link in pairwise(chain)]
    nodes, total = len(number), len(number) + len(links)
    rows, limits = [], []
    for at, (one, other) in enumerate(links):  # |x - x'| is the least t with both x - x' <= t and x' - x <= t
        for sign in (1, -1):
            row = np.zeros(total)
            row[number[one]] += sign
            row[number[other]] -= sign
            row[nodes + at] = -1
            rows.append(row)
            limits.append(0.0)
    for layer in layers:
        for one, other in pairwise(layer):
            row = np.zeros(total)
            row[number[one]], row[number[other]] = 1, -1
            rows.append(row)
            limits.append(-(width[one] + width[other]) / 2 - APART)
    cost = [1e-3] * nodes + [STRAIGHT[sum(isinstance(node, int) for node in link)] for link in links]
    bounds = [(MARGIN + width[node] / 2, None) for node in number] + [(0, None)] * len(links)
    found = linprog(cost, np.array(rows) if rows else None, limits or None, bounds=bounds)
    return dict(zip(number, map(float, found.x), strict=False)), width


def _ports(chains: Sequence[Sequence[Node]], x: Mapping[Node, float], width: Mapping[Node, float]) -> list[tuple[float, float]]:
    """How far from the middle of its first and of its last node each arrow begins and ends: side by side, in the order of where they
    go."""
    ports = [[0.0, 0.0] for _ in chains]
    for side in (0, -1):
        by_node: dict[Node, list[int]] = {}
        for at, chain in enumerate(chains):
            by_node.setdefault(chain[side], []).append(at)
        for node, those in by_node.items():
            those.sort(key=lambda at: (x[chains[at][1 if side == 0 else -2]], at))
            for position, at in enumerate(those):
                ports[at][side] = width[node] * PORTS * ((position + 0.5) / len(those) - 0.5)
    return [(one, other) for one, other in ports]


def _points(chain: Sequence[Node], ports: tuple[float, float], x: Mapping[Node, float], y: Mapping[Node, float]) -> list[Point]:
    """What an arrow passes, from the lower edge of its upper node to the upper edge of its lower one."""
    first, last = chain[0], chain[-1]
    middle = [(x[node], y[node]) for node in chain[1:-1]]
    return [(x[first] + ports[0], y[first] + HIGH / 2), *middle, (x[last] + ports[1], y[last] - HIGH / 2)]


def _path(points: Sequence[Point]) -> str:
    """A smooth line through points, upright in each of them."""
    text = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        text += f"C{x0:.0f} {(y0 + y1) / 2:.0f} {x1:.0f} {(y0 + y1) / 2:.0f} {x1:.0f} {y1:.0f}"
    return text


def _beside(x: Mapping[Node, float], y: Mapping[Node, float], width: Mapping[Node, float], u: str, v: str) -> str:
    """Between two states of a layer: below them one way, above them the other."""
    side = 1 if x[u] < x[v] else -1
    start, end = x[u] + side * width[u] / 2, x[v] - side * width[v] / 2
    return f"M{start:.0f} {y[u] + 4 * side:.0f}Q{(start + end) / 2:.0f} {y[u] + 12 * side:.0f} {end:.0f} {y[v] + 4 * side:.0f}"


def _back(x: Mapping[Node, float], y: Mapping[Node, float], width: Mapping[Node, float], u: str, v: str) -> str:
    """Back to a beginning: round the outside, where no arrow of the layers is."""
    start, end = x[u] - width[u] / 2, x[v] - width[v] / 2
    out = min(start, end) - 26
    return f"M{start:.0f} {y[u]:.0f}C{out:.0f} {y[u]:.0f} {out:.0f} {y[v]:.0f} {end:.0f} {y[v]:.0f}"
