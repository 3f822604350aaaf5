"""Renderings of a lifecycle graph: DOT, Mermaid, GraphML, SVG.

A graph is any networkx digraph whose nodes have a `label` (else they are called by their names), and may be `initial`; an edge's `label`
has one cause a line. Pictures show the first few causes of an edge and say how many more there are; DOT and SVG show them all as a
tooltip, and GraphML keeps every attribute. Where a lifecycle comes back to its beginning, DOT shows that state a second time, dashed, as
RFC 9293 figure 5 shows CLOSED at its top and at its bottom. The order of the output is that of the graph.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import textwrap
from typing import Any

import networkx as nx

Graph = Any  # networkx has no types; a networkx.DiGraph
SHOWN = 4  # causes shown on an edge
MOST_DRAWN = 60  # nodes of a picture beyond which nobody can read it
FONT = "Helvetica"
ACROSS, DOWN = 3.2, 1.4  # inches between nodes drawn without Graphviz
PATCH = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}  # behind words among arrows


class NotDrawn(Exception):
    """The graph can't be drawn so that it can be read, or not at all. One line: what, how large, what to do."""


def short(label: str, shown: int = SHOWN) -> str:
    """The first causes, and how many more there are."""
    lines = label.splitlines()
    return label if len(lines) <= shown + 1 else "\n".join([*lines[:shown], f"and {len(lines) - shown} more"])


def _called(graph: Graph, node: Any) -> str:
    return str(graph.nodes[node].get("label", node))


def _title(graph: Graph) -> str:
    about = graph.graph.get("title") or graph.graph.get("by")
    return str(graph.graph.get("name", "")) + (f": {about}" if about else "")


def picture(graph: Graph) -> Graph:
    """The graph as it is drawn: each beginning that other states lead back to stands there twice; names are plain."""
    ids = {node: f"n{number}" for number, node in enumerate(graph)}
    again = {node: f"{ids[node]}again" for node in graph
             if graph.nodes[node].get("initial") and any(before != node for before in graph.predecessors(node))}
    drawn = nx.DiGraph(name=str(graph.graph.get("name", "graph")), title=_title(graph))
    for node, name in ids.items():
        drawn.add_node(name, label=_called(graph, node), initial=bool(graph.nodes[node].get("initial")), again=False)
    for node, name in again.items():
        drawn.add_node(name, label=_called(graph, node), initial=False, again=True)
    for before, after, data in graph.edges(data=True):
        to = ids[after] if before == after else again.get(after, ids[after])
        drawn.add_edge(ids[before], to, label=short(data.get("label", "")), tooltip=data.get("label", ""))
    return drawn


# -- DOT -----------------------------------------------------------------------------------------------------------------------


def dot(graph: Graph) -> str:
    """The DOT language of Graphviz (https://graphviz.org/doc/info/lang.html)."""
    drawn = picture(graph)
    lines = [f"digraph {_quoted(drawn.name)} {{",
             f"  graph [label={_quoted(drawn.graph['title'])}, labelloc=t, fontname={FONT}, nodesep=0.5, ranksep=0.6];",
             f"  node [shape=box, style=rounded, fontname={FONT}, fontsize=12];", f"  edge [fontname={FONT}, fontsize=9, arrowsize=0.7];"]
    for name, data in drawn.nodes(data=True):
        look = ', style="rounded,dashed"' if data["again"] else ", penwidth=2" if data["initial"] else ""
        lines.append(f"  {name} [label={_quoted(data['label'])}{look}];")
    for before, after, data in drawn.edges(data=True):
        given = ", ".join(f"{key}={_quoted(data[key])}" for key in ("label", "tooltip") if data[key])
        lines.append(f"  {before} -> {after}{f' [{given}]' if given else ''};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# -- Mermaid -------------------------------------------------------------------------------------------------------------------


def mermaid(graph: Graph) -> str:
    """A Mermaid state diagram (https://mermaid.js.org/syntax/stateDiagram.html), which many Markdown viewers draw."""
    ids = {node: f"n{number}" for number, node in enumerate(graph)}
    lines = ["stateDiagram-v2"]
    lines += [f"    state \"{_mermaid_text(_called(graph, node))}\" as {name}" for node, name in ids.items()]
    lines += [f"    [*] --> {name}" for node, name in ids.items() if graph.nodes[node].get("initial")]
    for before, after, data in graph.edges(data=True):
        label = _mermaid_text(short(data.get("label", "")))
        lines.append(f"    {ids[before]} --> {ids[after]}" + (f": {label}" if label else ""))
    return "\n".join(lines) + "\n"


# What would end a label or begin something else; written as the codes of their characters, as Mermaid wants it.
_CODES = {ord(sign): f"#{ord(sign)};" for sign in '#;:"<>&'} | {ord("\n"): "<br/>"}


def _mermaid_text(text: str) -> str:
    return text.translate(_CODES)


# -- GraphML -------------------------------------------------------------------------------------------------------------------


def graphml(graph: Graph) -> str:
    """GraphML (http://graphml.graphdrawing.org) with every attribute of nodes, edges and graph; networkx reads it back as it was."""
    text = io.BytesIO()
    nx.write_graphml_xml(graph, text, encoding="utf-8", prettyprint=True)
    return text.getvalue().decode() + "\n"


# -- SVG -----------------------------------------------------------------------------------------------------------------------


def svg(graph: Graph) -> str:
    """A picture: laid out by Graphviz if its `dot` is installed, else in layers by networkx. Raises NotDrawn."""
    if len(graph) > MOST_DRAWN:
        raise NotDrawn(f"{graph.graph.get('name', 'the graph')} has {len(graph)} nodes; a picture of more than {MOST_DRAWN} can't be read: "
                       "merge more with --by, or take --format dot or graphml")
    program = shutil.which("dot")
    if program is None:
        return drawn_in_layers(graph)
    done = subprocess.run([program, "-Tsvg"], input=dot(graph), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotDrawn(f"dot: {' '.join(done.stderr.split()) or 'failed'}; take --format dot and see what it makes of that")
    return done.stdout


def ranks(graph: Graph) -> dict[Any, int]:
    """How far down each node is drawn: below all nodes that lead to it and are not further from the beginnings."""
    beginnings = [node for node, initial in graph.nodes(data="initial") if initial]
    rows = list(nx.bfs_layers(graph, beginnings)) if beginnings else []
    distance = dict.fromkeys(graph, len(rows)) | {node: at for at, row in enumerate(rows) for node in row}
    number = {node: (distance[node], at) for at, node in enumerate(graph)}
    rank = dict.fromkeys(graph, 0)
    for node in sorted(graph, key=number.__getitem__):
        for after in graph.successors(node):
            if number[after] > number[node]:
                rank[after] = max(rank[after], rank[node] + 1)
    return rank


def drawn_in_layers(graph: Graph) -> str:
    """A picture without Graphviz: plainer, and its arrows may cross. What leads back to a beginning stands beside each node in words."""
    import matplotlib
    from matplotlib.figure import Figure

    rank, rows = ranks(graph), dict[int, list[Any]]()
    for node in graph:
        rows.setdefault(rank[node], []).append(node)
    wide, high = ACROSS * max(map(len, rows.values())) + 4.5, DOWN * len(rows)
    place: dict[Any, tuple[float, float]] = {}
    for level, row in rows.items():
        # Every other layer stands a little to the side, so that an arrow over two layers passes the nodes between.
        middle = (wide + (2.6 if level % 2 else -2.6)) / 2
        place |= {node: (middle + ACROSS * (at - (len(row) - 1) / 2), -DOWN * level) for at, node in enumerate(row)}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": _title(graph)}):
        figure = Figure(figsize=(wide, high))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, wide), ylim=(1 - high, 1))
        axes.axis("off")
        axes.text(wide / 2, 0.8, _title(graph), ha="center", va="center", fontsize=11)
        for node, (x, y) in place.items():
            box = {"boxstyle": "round", "facecolor": "white", "linewidth": 2 if graph.nodes[node].get("initial") else 1}
            axes.text(x, y, _called(graph, node), ha="center", va="center", fontsize=9, bbox=box, zorder=3)
        for before, after, data in graph.edges(data=True):
            if not _in_words(graph, before, after):
                _draw_edge(axes, place[before], place[after], short(data.get("label", "")))
        for node, (x, y) in place.items():
            axes.text(x + 0.55, y, _back(graph, node), fontsize=5.5, color="0.35", va="center", zorder=2, bbox=PATCH)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _draw_edge(axes: Any, start: tuple[float, float], end: tuple[float, float], label: str) -> None:
    """A bent arrow, so that there and back are two, with its label at the bend."""
    bend = 0.15 if abs(start[1] - end[1]) < 1.5 * DOWN else 0.35
    axes.annotate("", end, start, zorder=1, arrowprops={"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}", "shrinkA": 10,
                                                        "shrinkB": 10, "linewidth": 0.7, "color": "0.2"})
    across, down = end[0] - start[0], end[1] - start[1]
    middle = (start[0] + end[0] + bend * down) / 2, (start[1] + end[1] - bend * across) / 2
    axes.text(*middle, label, fontsize=6, ha="center", va="center", zorder=2, bbox=PATCH)


def _back(graph: Graph, node: Any) -> str:
    """What stays in a node or leads back to a beginning, in words."""
    notes = [f"\u2192 {_called(graph, after)}: " + ", ".join(short(data.get("label", "")).splitlines())
             for _, after, data in graph.out_edges(node, data=True) if _in_words(graph, node, after)]
    return "\n".join(textwrap.fill(note, 34) for note in notes)


def _in_words(graph: Graph, before: Any, after: Any) -> bool:
    return before == after or bool(graph.nodes[after].get("initial"))
