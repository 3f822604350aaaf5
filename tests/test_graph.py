"""Lifecycle graphs: TCP's against RFC 9293 figure 5, facts against brute force, situation graphs against every transition, renderings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from docs.pages import PROGRESS
from lockstep.choice import readings
from lockstep.commands.graph import graph as graph_command
from lockstep.lifecycle import OfSlice, OfTable
from model.expr import Expr, Peer, Post
from model.signals import BGP, TCP
from model.slices import SLICES, TABLES, build
from model.trace import from_document
from properties.registry import HOLDS, VIOLATED
from traces import graphs as renderings
from traces.replay import replay
from verify.lifecycle import facts
from verify.lifecycle.graphs import TooLarge, situation_graph, state_graph, table_graph
from verify.lifecycle.situation import SituationError, situation
from verify.lifecycle.visited import Searches
from verify.query import Query
from verify.search import search
from verify.step import step, successors

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"losses": 0, "attacks": 0, "copies": 0, "segments": 1, "datagrams": 1}
BY = ("A.tcp.state", "B.tcp.state")

# The arrows of RFC 9293 figure 5, read off the figure.
FIGURE_5 = {
    ("CLOSED", "LISTEN"), ("CLOSED", "SYN-SENT"),
    ("LISTEN", "CLOSED"), ("LISTEN", "SYN-RECEIVED"), ("LISTEN", "SYN-SENT"),
    ("SYN-SENT", "CLOSED"), ("SYN-SENT", "SYN-RECEIVED"), ("SYN-SENT", "ESTABLISHED"),
    ("SYN-RECEIVED", "LISTEN"),  # note 1
    ("SYN-RECEIVED", "ESTABLISHED"), ("SYN-RECEIVED", "FIN-WAIT-1"),
    ("ESTABLISHED", "FIN-WAIT-1"), ("ESTABLISHED", "CLOSE-WAIT"),
    ("FIN-WAIT-1", "FIN-WAIT-2"), ("FIN-WAIT-1", "CLOSING"),
    ("CLOSE-WAIT", "LAST-ACK"),
    ("FIN-WAIT-2", "TIME-WAIT"), ("CLOSING", "TIME-WAIT"),
    ("LAST-ACK", "CLOSED"), ("TIME-WAIT", "CLOSED"),
}
# What the figure leaves out.
LEFT_OUT = {
    ("FIN-WAIT-1", "TIME-WAIT"),  # note 2: a FIN that acknowledges ours
    # note 3: RST, and with it ABORT (3.10.5), the user timeout (3.10.8) and hard errors (3.9.2.2)
    *((state, "CLOSED") for state in ("SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING")),
    ("SYN-RECEIVED", "CLOSE-WAIT"),  # 3.10.7.4, eighth: a FIN whose ACK completes the handshake
    ("TIME-WAIT", "SYN-RECEIVED"),  # 3.6.1 MAY-2: a new incarnation
}


@pytest.fixture(scope="module", params=[("teardown", "repaired"), ("opening", "draft")], ids=" ".join)
def small(request):
    name, preset = request.param
    bounds = {key: SMALL[key] for key in SLICES[name].bounds}
    system = build(name, readings(preset, {}), bounds=bounds)
    graph, order = state_graph(system, BY)
    return system, graph, order, Searches(system)


# -- tables ----------------------------------------------------------------------------------------------------------------------


def test_tcp_is_figure_5():
    assert not FIGURE_5 & LEFT_OUT
    assert set(table_graph(TABLES["tcp"]).edges) == FIGURE_5 | LEFT_OUT


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("loops", [False, True])
def test_an_edge_has_the_rows_of_its_pair(name, loops):
    table = TABLES[name]
    graph = table_graph(table, loops)
    assert list(graph) == list(table.state.sort.values)
    assert [node for node, initial in graph.nodes(data="initial") if initial] == [table.state.sort.show(table.state.initial)]
    wanted = {}
    for row in table.firing:
        before = table.state.sort.show(row.state.code)
        after = before if row.next is None else table.state.sort.show(row.next.code)
        if loops or before != after:
            wanted.setdefault((before, after), set()).add((row.name, row.source))
    assert {edge: set(data["label"].splitlines()) for *edge, data in graph.edges(data=True) for edge in [tuple(edge)]} == {
        edge: {name for name, _ in rows} for edge, rows in wanted.items()}
    for before, after, sources in graph.edges(data="sources"):
        assert set(sources.splitlines()) == {source for _, source in wanted[before, after]}


# -- graphs of slices --------------------------------------------------------------------------------------------------------------


def merged(graph):
    """The classes of a state graph, and the causes between each two."""
    label, causes = graph.nodes(data="label"), {}
    for before, after, text in graph.edges(data="label"):
        if label[before] != label[after]:
            causes.setdefault((label[before], label[after]), set()).update(text.splitlines())
    return {text for _, text in label}, causes


def test_a_state_graph_has_the_states_and_edges_of_the_interpreter(small):
    system, graph, order, _ = small
    number = {state: at for at, state in enumerate(order)}
    assert len(number) == len(graph) == search(system).counts.distinct
    for at in range(0, len(order), 17):
        assert set(graph.successors(at)) == {number[outcome.after] for _, outcome in successors(system, order[at])}


def test_a_situation_graph_is_the_state_graph_merged(small):
    system, graph, _, _ = small
    found = situation_graph(system, BY)
    classes, causes = merged(graph)
    assert found.graph["complete"] and set(found) == classes and len(causes) > 5
    assert {(before, after): set(text.splitlines()) for before, after, text in found.edges(data="label")} == causes
    first = {graph.nodes[node]["label"] for node in graph if graph.nodes[node]["initial"]}
    assert {node for node, initial in found.nodes(data="initial") if initial} == first


def test_merging_by_other_variables(small):
    system, graph, order, _ = small
    by = ("B.bgp.state", "A.ipsec.out[g1]", "A.binding.state", "A.ipsec.in[g1]")
    described = [system.describe(state) for state in order]
    nx.set_node_attributes(again := graph.copy(), {at: " / ".join(one[name] for name in by) for at, one in enumerate(described)}, "label")
    classes, causes = merged(again)
    found = situation_graph(system, by)
    assert set(found) == classes
    assert {(before, after): set(text.splitlines()) for before, after, text in found.edges(data="label")} == causes


def test_every_stimulus_of_a_graph_is_offered(small):
    system, graph, _, _ = small
    known = {f"{one.scope or 'world'} {one.table.name}: {one.event.name}" for one in system.offers if one.event.takes is None}
    for _, _, text in graph.edges(data="label"):
        for cause in text.splitlines():
            assert cause in known or re.fullmatch(r"(A>B|B>A): \S+ (arrives|lost|arrives and is copied)", cause)


def test_a_graph_that_was_cut_short_says_so():
    system = build("teardown", readings("draft", {}))
    found = situation_graph(system, BY, memory=0.001)
    assert not found.graph["complete"] and "memory limit" in found.graph["why"]


def test_a_full_graph_that_is_too_large_is_refused():
    system = build("teardown", readings("draft", {}))
    with pytest.raises(TooLarge, match=r"more than 50 states; merge them with --by .* --bound"):
        state_graph(system, most=50)


# -- situations --------------------------------------------------------------------------------------------------------------------


def test_a_situation_of_states_and_of_columns_is_the_same(small):
    system, _, order, searches = small
    visited = searches.visit()
    assert [visited.state(number) for number in range(visited.states)] == order
    described = [system.describe(state) for state in order]
    wanted = {
        "A.tcp.state=CLOSED": [one["A.tcp.state"] == "CLOSED" for one in described],
        "A.tcp.state!=CLOSED, B.bgp.state=Idle": [one["A.tcp.state"] != "CLOSED" and one["B.bgp.state"] == "Idle" for one in described],
        "A.tcp.state=CLOSED or B.tcp.state = CLOSED": ["CLOSED" in (one["A.tcp.state"], one["B.tcp.state"]) for one in described],
        "A.ipsec.out[*]=mature": [any(one[f"A.ipsec.out[{gen}]"] == "mature" for gen in ("g0", "g1", "g2")) for one in described],
        "B.ipsec.in[*]!=none": [any(one[f"B.ipsec.in[{gen}]"] != "none" for gen in ("g0", "g1", "g2")) for one in described],
    }
    for text, each in wanted.items():
        here = situation(system, text)
        assert [here.holds(state) for state in order] == each, text
        assert visited.numbers(here).tolist() == [at for at, true in enumerate(each) if true], text


@pytest.mark.parametrize(("text", "said"), [
    ("A.tcp.state", "'A.tcp.state' is no comparison; write VARIABLE=VALUE"),
    ("", "'' is no comparison"),
    ("A.tcp.state=CLOSED,", "'' is no comparison"),
    ("A.tcp.stat=CLOSED", r"variable 'A.tcp.stat': slice opening has none of that name; A.tcp has A.tcp.state, "),
    ("A.tcp.state=Closed", r"A.tcp.state has no value 'Closed'; it has CLOSED, LISTEN"),
    ("A.ipsec.in[g9]=none", r"A.ipsec has .*A.ipsec.in\[g0\]"),
    ("A>B.segments[0]=FIN", r"variable 'A>B.segments\[0\]'"),
    ("nothing=1", "write, such as A.tcp.state, one of a table"),
])
def test_what_names_no_situation(text, said):
    with pytest.raises(SituationError, match=said) as raised:
        situation(build("opening", readings("draft", {})), text)
    assert "\n" not in str(raised.value)


# -- facts on graphs, against brute force --------------------------------------------------------------------------------------------


@st.composite
def small_graphs(draw):
    size = draw(st.integers(1, 7))
    edges = draw(st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=14))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(size), initial=False)
    graph.add_edges_from(sorted(edges))
    for node in draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=2)):
        graph.nodes[node]["initial"] = True
    return graph


def initial_nodes(graph):
    return [node for node, initial in graph.nodes(data="initial") if initial]


def reachable(graph, starts, without=()):
    found, todo = set(), [node for node in starts if node not in without]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += [after for _, after in graph.edges(node) if after not in without]
    return found


@settings(max_examples=300, deadline=None)
@given(small_graphs(), st.data())
def test_dominators_are_what_cuts_the_way(graph, data):
    targets = data.draw(st.sets(st.sampled_from(sorted(graph)), min_size=1, max_size=2))
    found = facts.dominators(graph, targets)
    if not reachable(graph, initial_nodes(graph)) & targets:
        assert found is None
    else:
        assert set(found) == {node for node in graph if not reachable(graph, initial_nodes(graph), {node}) & targets}
        for before, after in pairwise(found):
            assert after not in reachable(graph, initial_nodes(graph), {before})


@settings(max_examples=300, deadline=None)
@given(small_graphs())
def test_dead_ends_are_what_is_never_left(graph):
    parts = facts.dead_ends(graph)
    ahead = {node: reachable(graph, [node]) for node in graph}
    wanted = {frozenset(ahead[node]) for node in graph if all(ahead[other] == ahead[node] for other in ahead[node])}
    assert {frozenset(part) for part in parts} == wanted
    assert len(parts) == len(wanted)


@settings(max_examples=300, deadline=None)
@given(small_graphs(), st.data())
def test_shortest_path(graph, data):
    some = st.sets(st.sampled_from(sorted(graph)), min_size=1, max_size=2)
    sources, targets = data.draw(some), data.draw(some)
    found, layer, length = facts.shortest(graph, sources, targets), set(sources), 0
    while not layer & targets and length <= len(graph):
        layer, length = layer | {after for node in layer for _, after in graph.edges(node)}, length + 1
    if layer & targets:
        assert len(found) == length + 1 and found[0] in sources and found[-1] in targets
        assert all(graph.has_edge(before, after) for before, after in pairwise(found))
    else:
        assert found is None


# -- facts on slices, against their graphs -------------------------------------------------------------------------------------------


def in_situation(system, order, text):
    here = situation(system, text)
    return {at for at, state in enumerate(order) if here.holds(state)}


def run(system, way):
    """The states of a way, each made from the one before by the interpreter."""
    states = [way.initial]
    for stimulus in way.stimuli:
        states.append(step(system, states[-1], stimulus).after)
    assert way.initial in system.initial
    return states


TARGETS = ("A.tcp.state=TIME-WAIT", "B.tcp.state=CLOSED, A.tcp.state=CLOSED", "A.tcp.state=SYN-SENT", "B.tcp.state=CLOSING")
PASSED = ("A.tcp.state=FIN-WAIT-1", "B.bgp.state=Idle", "A.ipsec.out[*]!=none", "B.ipsec.out[*]!=none", "A.quick-initiator.state=QM1-SENT")


def test_every_path_as_the_graph_says(small):
    system, graph, order, searches = small
    starts, verdicts = initial_nodes(graph), set()
    for target in TARGETS:
        goal = in_situation(system, order, target)
        first = facts.reach(searches, situation(system, target))
        assert (first.verdict == VIOLATED) == bool(reachable(graph, starts) & goal)
        for through in PASSED:
            avoided = in_situation(system, order, through)
            one = facts.every_path(searches, situation(system, target), situation(system, through))
            left = reachable(graph, starts, avoided) & goal
            assert one.verdict == (VIOLATED if left else HOLDS), (target, through)
            if one.way:
                inside = graph.subgraph(set(graph) - avoided)
                shortest = facts.shortest(inside, [node for node in starts if node in inside], goal & set(inside))
                states = run(system, one.way)
                assert len(one.way.stimuli) == one.way.asked == len(shortest) - 1
                assert situation(system, target).holds(states[-1])
                assert not any(situation(system, through).holds(state) for state in states)
            verdicts.add(one.verdict)
    assert verdicts == {HOLDS, VIOLATED}


def test_must_pass_finds_all_values_on_every_path(small):
    system, graph, order, searches = small
    by = ("A.tcp.state", "B.tcp.state", "A.bgp.state", "B.bgp.state")
    target = "A.tcp.state=TIME-WAIT" if system.name == "teardown" else "A.tcp.state=SYN-SENT"
    first, found = facts.must_pass(searches, situation(system, target), by)
    assert first.verdict == VIOLATED
    starts, goal = initial_nodes(graph), in_situation(system, order, target)
    names = {str(slot): slot for slot in system.slots}
    wanted = set()
    for name in by:
        for value in names[name].sort.values:
            here = in_situation(system, order, f"{name}={value}")
            said = f"{name}={value}" == target or set(starts) <= here
            if not said and not reachable(graph, starts, here) & goal:
                wanted.add(f"{name}={value}")
    assert {one.through for one in found} == wanted and all(one.verdict == HOLDS for one in found)


def test_path_lengths_are_the_searchs(small):
    system, _, _, searches = small
    lengths = {}
    for name, var in (("tcp", TCP), ("bgp", BGP)):
        at_a: list[Expr] = [Post(var == value) for value in var.sort.values]
        queries = [Query(f"A.{name}.state={value}", when, ("A",), True) for value, when in zip(var.sort.values, at_a, strict=True)]
        queries += [Query(f"B.{name}.state={value}", Peer(when), ("A",), True) for value, when in zip(var.sort.values, at_a, strict=True)]
        lengths |= {key: None if hit is None else hit.length for key, hit in search(system, queries).hits.items()}
    found = {text: facts.reach(searches, situation(system, text)).way for text in lengths}
    assert {text: None if way is None else way.asked for text, way in found.items()} == lengths
    assert len({length for length in lengths.values() if length}) > 3


def test_a_way_between_two_situations_is_shortest(small):
    system, graph, order, searches = small
    seen = 0
    for start, goal in (("A.tcp.state=FIN-WAIT-1", "A.tcp.state=CLOSED"), ("B.tcp.state=CLOSE-WAIT", "A.tcp.state=TIME-WAIT"),
                        ("A.tcp.state=SYN-SENT", "B.tcp.state=SYN-RECEIVED"), ("A.quick-initiator.state=QM1-SENT", "A.tcp.state=SYN-SENT"),
                        ("A.tcp.state=CLOSED", "A.tcp.state=CLOSED")):
        shortest = facts.shortest(graph, in_situation(system, order, start), in_situation(system, order, goal))
        _, way = facts.way_between(searches, situation(system, start), situation(system, goal))
        assert (way is None) == (shortest is None), (start, goal)
        if way is not None:
            states = run(system, way)
            assert way.asked == len(shortest) - 1
            assert situation(system, start).holds(states[len(way.stimuli) - way.asked]) and situation(system, goal).holds(states[-1])
            seen += 1
    assert seen > 1


def test_ends_are_the_states_that_nothing_leads_out_of(small):
    system, graph, _, searches = small
    wanted = {node for node in graph if set(graph.successors(node)) <= {node}}
    visited, found = facts.ends(searches, BY)
    assert visited.complete and sum(one.states for one in found) == len(wanted) > 0
    by_class = {}
    for node in wanted:
        by_class.setdefault(graph.nodes[node]["label"], []).append(node)
    for label, nodes in by_class.items():
        assert sum(one.states for one in found if " / ".join(one.values.values()) == label) == len(nodes)
    for one in found:
        assert not any(outcome.after != outcome.before for _, outcome in successors(system, run(system, one.way)[-1]))
    if system.name == "teardown":
        assert {one.how for one in found} > {"all over"}


def test_a_search_cut_short_leaves_it_open():
    system = build("teardown", readings("draft", {}))
    one = facts.every_path(Searches(system, memory=0.001), situation(system, "A.tcp.state=LISTEN"), situation(system, "B.tcp.state=LISTEN"))
    assert one.verdict == "undecided" and "memory limit" in one.reason


# -- renderings ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tricky():
    """Labels with everything that a format could stumble over."""
    graph = nx.DiGraph(name='a "name"', title="back\\slash; #1")
    graph.add_node("x", label='say "A>B: <b>"; 50% #1\\', initial=True)
    graph.add_node("y y", label="two\nlines & more", initial=False)
    graph.add_edge("x", "y y", label='one: "1"\ntwo; <2>\n--> {3}')
    graph.add_edge("y y", "x", label="\n".join(map(str, range(9))))
    graph.add_edge("x", "x", label="again")
    return graph


def made(tricky):
    return [tricky, *(table_graph(table, loops=True) for table in TABLES.values())]


def test_graphml_read_back_is_the_graph(tricky):
    for graph in [*made(tricky), situation_graph(build("teardown", readings("draft", {}), bounds=SMALL), BY)]:
        back = nx.parse_graphml(renderings.graphml(graph))
        assert dict(back.nodes(data=True)) == dict(graph.nodes(data=True)), graph.name
        assert list(back.edges(data=True)) == list(graph.edges(data=True)), graph.name
        assert back.graph.items() >= {key: value for key, value in graph.graph.items() if key != "name"}.items()


DOT_TEXT = r'"(?:[^"\\\n]|\\.)*"'
DOT_LINE = re.compile(rf'  (?:(?P<node>n\d+(?:again)?)|(?P<from>n\d+) -> (?P<to>n\d+(?:again)?)|graph|node|edge)'
                      rf'(?: \[(?:\w+=(?:{DOT_TEXT}|[\w.]+)(?:, )?)+\])?;')


def test_dot_is_of_the_language(tricky):
    for graph in made(tricky):
        first, *lines, last = renderings.dot(graph).splitlines()
        assert re.fullmatch(rf"digraph {DOT_TEXT} {{", first) and last == "}"
        found = [DOT_LINE.fullmatch(line) for line in lines]
        assert all(found), lines
        nodes = {one["node"] for one in found if one["node"]}
        edges = [(one["from"], one["to"].removesuffix("again")) for one in found if one["from"]]
        ids = {node: f"n{at}" for at, node in enumerate(graph)}
        assert {one.removesuffix("again") for one in nodes} == set(ids.values())
        assert edges == [(ids[before], ids[after]) for before, after in graph.edges]
        assert all(one["to"] in nodes for one in found if one["from"])


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it(tricky):
    for graph in made(tricky):
        assert "<svg" in renderings.svg(graph)


MERMAID_TEXT = r'(?:[^#;:"<>&\n]|#\d+;|<br/>)+'
MERMAID_LINE = re.compile(rf'    (?:state "{MERMAID_TEXT}" as n\d+|(?:\[\*\]|n\d+) --> n\d+(?:: {MERMAID_TEXT})?)')


def test_mermaid_has_every_node_and_edge(tricky):
    for graph in made(tricky):
        first, *lines = renderings.mermaid(graph).splitlines()
        assert first == "stateDiagram-v2"
        assert all(MERMAID_LINE.fullmatch(line) for line in lines), lines
        ids = {node: f"n{at}" for at, node in enumerate(graph)}
        arrows = [tuple(re.match(r"    (n\d+) --> (n\d+)", line).groups()) for line in lines if re.match(r"    n\d+ --> ", line)]
        assert arrows == [(ids[before], ids[after]) for before, after in graph.edges]
        assert sum(line.startswith("    state ") for line in lines) == len(graph)


def test_a_picture_without_graphviz_shows_every_node_and_cause(tricky):
    for graph in [tricky, table_graph(TABLES["tcp"]), table_graph(TABLES["bgp"])]:
        text = renderings.drawn_in_layers(graph)
        words = " ".join(" ".join(ElementTree.fromstring(text).itertext()).split())
        for _, label in graph.nodes(data="label"):
            assert all(line.strip() in words for line in label.splitlines())
        for _, _, label in graph.edges(data="label"):
            for line in renderings.short(label).splitlines():
                assert all(word in words for word in line.split()), line
        assert text == renderings.drawn_in_layers(graph)


def test_a_picture_that_nobody_could_read_is_refused():
    graph = nx.path_graph(renderings.MOST_DRAWN + 1, create_using=nx.DiGraph)
    with pytest.raises(renderings.NotDrawn, match=r"61 nodes; .* --by"):
        renderings.svg(graph)


def test_long_labels_are_shortened_and_counted():
    assert renderings.short("1\n2\n3\n4\n5") == "1\n2\n3\n4\n5"
    assert renderings.short("1\n2\n3\n4\n5\n6") == "1\n2\n3\n4\nand 2 more"


# -- the command ---------------------------------------------------------------------------------------------------------------------


def call(*words):
    app = typer.Typer()
    app.command()(graph_command)
    return CliRunner().invoke(app, [*map(str, words)])


BOUNDS = [word for key, value in SMALL.items() for word in ("--bound", f"{key}={value}")]


def test_a_table_as_lines():
    done = call("tcp")
    assert done.exit_code == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == ["from", "to", "by what"] and {(before, after) for before, after, _ in lines[1:]} == FIGURE_5 | LEFT_OUT


def test_json_is_one_document_with_the_graph():
    document = json.loads(call("tcp", "--json").stdout)
    assert {(one["from"], one["to"]) for one in document["edges"]} == FIGURE_5 | LEFT_OUT
    assert all(one["sources"] for one in document["edges"])
    document = json.loads(call("teardown", *BOUNDS, "--json").stdout)
    assert document["complete"] is True and document["bounds"] == SMALL and document["preset"] == "draft"


@pytest.mark.parametrize(("suffix", "begins"), [("dot", "digraph"), ("mmd", "stateDiagram-v2"), ("graphml", "<?xml"), ("svg", "<?xml"),
                                                ("txt", "from\tto")])
def test_the_suffix_says_how(tmp_path, suffix, begins):
    assert call("spd", "-o", tmp_path / f"spd.{suffix}").exit_code == 0
    assert (tmp_path / f"spd.{suffix}").read_text(encoding="utf-8").startswith(begins)


def test_facts_of_a_table():
    assert call("tcp", "--dominators", "TIME-WAIT").stdout == "every path to TIME-WAIT passes CLOSED, FIN-WAIT-1, TIME-WAIT\n"
    assert "does not pass ESTABLISHED: CLOSED --" in call("tcp", "--dominators", "TIME-WAIT", "--through", "ESTABLISHED").stdout
    assert call("tcp", "--path", "FIN-WAIT-1", "CLOSED or LISTEN").stdout.startswith("FIN-WAIT-1 --")
    assert call("tcp", "--dead-ends").stdout == "no dead ends: every state leads to every other\n"
    assert OfTable("tcp").path("TIME-WAIT", "TIME-WAIT")[0].document["length"] == 0


def test_facts_of_a_slice_come_with_runs_that_replay():
    done = call("teardown", *BOUNDS, "--dominators", "A.tcp.state=CLOSED", "--through", "A.tcp.state=TIME-WAIT", "--dead-ends", "--path",
                "A.tcp.state=FIN-WAIT-1", "A.tcp.state=CLOSED", "--json")
    document = json.loads(done.stdout)
    traces = [from_document(one["trace"]) for one in document["facts"] if one.get("trace")]
    assert done.exit_code == 0 and len(traces) > 3 and {one["fact"] for one in document["facts"]} == {
        "reachable", "every path", "end", "path", "visited"}
    for one in traces:
        assert len(replay(one).outcomes) == one.length


def test_what_is_cut_short_is_left_open():
    done = call("teardown", "--memory", "0.001", "--dominators", "A.tcp.state=LISTEN")
    assert done.exit_code == 3 and "undecided" in done.stdout
    assert call("teardown", "--memory", "0.001").exit_code == 3


@pytest.mark.parametrize(("words", "said"), [
    (["tcpp"], "graph 'tcpp': there is no such table or slice; there are bgp-message, "),
    (["tcp", "--full"], "this is a table; --by, --full, --bound, --preset, --reading and --timeout are"),
    (["teardown", "--loops"], "this is a slice; --loops is for tables"),
    (["tcp", "--through", "LISTEN"], "name that with --dominators"),
    (["tcp", "--dominators", "OPEN"], "table tcp has no state 'OPEN'; it has CLOSED, "),
    (["teardown", "--by", "A.tcp"], "variable 'A.tcp': slice teardown has none of that name"),
    (["teardown", "--bound", "loss=0"], "slice teardown has no such bound; it has losses"),
    (["teardown", "--preset", "drafty"], "there is no such preset"),
    (["teardown", "--memory", "0"], "memory 0: give a number of GiB greater than 0"),
    (["teardown", "--by", "A>B.segments.state", *BOUNDS], "it belongs to A>B; merge by variables of the ends or the world"),
    (["teardown", "--format", "svg", "--by", "A.tcp.state,B.tcp.state,A.bgp.state,B.bgp.state,A.spd.state,B.spd.state", *BOUNDS],
     "can't be read: merge more with --by"),
])
def test_bad_input_is_one_line(words, said):
    done = call(*words)
    *before, last = done.stderr.splitlines()
    assert done.exit_code == 2 and said in last and not done.stdout
    assert all(PROGRESS.match(line) for line in before)  # where it took long


def test_output_does_not_depend_on_hash_seeds():
    script = ("from lockstep.lifecycle import of_slice\nfrom traces.graphs import dot, drawn_in_layers, mermaid\n"
              f"g = of_slice('teardown', 'draft', (), {SMALL!r}, None)\n"
              "print(dot(g.graph()), mermaid(g.graph()), drawn_in_layers(g.graph()))\n"
              "print([one.document for one in g.dead_ends()])\n")
    running = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}) for seed in ("1", "2")]
    one, other = (process.communicate()[0] for process in running)
    assert one == other and "FIN-WAIT-2" in one


def test_phase_2_comes_before_established_at_both_ends():
    """With room for three segments, so that the way to Established needs no loss."""
    up, keys = "A.bgp.state=Established or B.bgp.state=Established", ["A.ipsec.out[*]!=none", "B.ipsec.out[*]!=none"]
    for preset in ("draft", "repaired"):
        about = OfSlice("opening", preset, {}, {"losses": 0, "attacks": 0, "segments": 3}, BY)
        first, *found = about.dominators(up, keys)
        assert first.document["length"] > 0 and [one.document["verdict"] for one in found] == [HOLDS, HOLDS]
        _, early = about.dominators("A.tcp.state=SYN-SENT", keys[1:])
        assert early.document["verdict"] == VIOLATED and early.document["length"] < first.document["length"]
