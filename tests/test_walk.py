"""Walks stay inside the state graph, find what is planted, shrink it, and find it again."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from lockstep.commands import fuzz
from model.expr import BOOL, TRUE, Enum, Post, Range, Var, evaluate, up
from model.system import Instance, Offer, System
from model.table import ANY, STAY, row
from tests.test_search import HERE, LEFT, R7, WIRE, Event, Param, counters, put, set_, signal, talkers
from tests.test_search import one as a_table
from traces.files import read
from traces.replay import replay
from verify import walk as module
from verify.query import INTERRUPTED, TIME_LIMIT, Query, allowed
from verify.search import search
from verify.step import StepView
from verify.walk import walk


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path_factory):
    """What Hypothesis notes for itself stays out of the project."""
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(tmp_path_factory.getbasetemp() / "hypothesis"))


def timeless(walked):
    return replace(walked, seconds=0.0)


# -- small systems made by hand -------------------------------------------------------------------------------------------


def lock(cells=4, bell=True):
    """A lock of buttons: the right one advances, any other starts again; and a bell that does nothing."""
    digit = Range("Digit", cells)
    at, press, ring = Var("m", "at", digit), Event("press", Param("which", digit), who="operator"), Event("ring", who="timer")
    which = press.params[0]
    table = a_table("m", [press, ring], [row("right", ANY, press, which == at, [set_(at, up(at))], STAY, HERE),
                                         row("wrong", ANY, press, which != at, [set_(at, 0)], STAY, HERE),
                                         row("ring", ANY, ring, at == at, [set_(at, at)], STAY, HERE)], [at])
    return System("lock", [Instance("A", table)], [Offer("A", table, press), *([Offer("A", table, ring)] if bell else [])]), at


def test_what_is_planted_is_found_and_shrunk_to_the_shortest():
    system, at = lock()
    walked = walk(system, [Query("open", Post(at) == 4, ("A",)), Query("never", (at == 0) & (Post(at) == 2), ("A",))], runs=100, seed=1)
    hit = walked.hits["open"]
    assert [one.args for one in hit.stimuli] == [(0,), (1,), (2,), (3,)] and hit.length == 4
    assert walked.hits["never"] is None and walked.runs >= 100 and walked.unshrunk == () and walked.why == ""


def test_every_witness_is_a_run_that_ends_with_a_yes_and_is_as_short_as_the_search_says():
    system, queries, *_ = talkers()
    walked, shortest = walk(system, queries, runs=100, seed=3), search(system, queries).hits
    assert {name for name, hit in walked.hits.items() if hit} == {name for name, hit in shortest.items() if hit}
    for query in queries:
        hit = walked.hits[query.name]
        if hit is None:
            continue
        assert hit.length == len(hit.stimuli) >= shortest[query.name].length and hit.initial in system.initial
        state, last = hit.initial, None
        for stimulus in hit.stimuli:
            last = dict(allowed(system, state))[stimulus]
            state = last.after
        assert last is None or evaluate(query.when, StepView(system, hit.scope, last))
    assert walked.hits["in the beginning"].length == 0
    assert walked.hits["both busy"].length == shortest["both busy"].length


def test_a_shrunk_run_takes_no_message_from_an_empty_wire():
    """An event that leaves the message where it is could else be kept when the step that sent the message is gone."""
    x, say, hear, heard = Var("m", "x", R7), Event("say", who="operator"), Event("hear", takes=WIRE, who="network"), Event("heard")
    table = a_table("m", [say, heard], [row("say", ANY, say, TRUE, [put(WIRE, kind="BYE", number=0)], STAY, HERE),
                                        row("heard", ANY, heard, TRUE, [set_(x, up(x))], STAY, HERE)], [x])
    way = a_table("wire", [hear], [row("hear", ANY, hear, TRUE, [signal("m", heard, at="dst")], STAY, HERE)], [WIRE], place="direction")
    system = System("echo", [Instance("A", table), Instance("B", table), Instance("A>B", way)],
                    [Offer("A", table, say), Offer("A>B", way, hear)])
    hit = walk(system, [Query("twice", Post(x) == 2, ("B",))], runs=30).hits["twice"]
    assert [one.event for one in hit.stimuli] == ["say", "hear", "hear"]


def graph(system):
    """Every transition that keeps to the constraint, and every state."""
    seen, todo, arrows = set(system.initial), list(system.initial), set()
    for state in todo:
        for _, outcome in allowed(system, state):
            arrows.add((state, outcome.after))
            if outcome.after not in seen:
                seen.add(outcome.after)
                todo.append(outcome.after)
    return seen, arrows


@pytest.mark.parametrize("swarm", [True, False])
@pytest.mark.parametrize("made", [lambda: lock(2)[0], lambda: talkers()[0], lambda: counters(2, Range("R2", 2))[0],
                                  lambda: talkers(constraint=~((Post(LEFT) == 0) & (LEFT == 1)))[0]])
def test_walks_stay_inside_the_state_graph_and_fill_a_very_small_one(made, swarm, monkeypatch):
    system, walked = made(), set()
    true_at = module.true_at

    def record(system, query, outcome):
        walked.add((outcome.before, outcome.after))
        return true_at(system, query, outcome)

    monkeypatch.setattr(module, "true_at", record)
    nothing = Query("nothing", Post(Var("m", "state", system.instances[0].table.state.sort)) != system.instances[0].table.state, ("A",))
    never = replace(nothing, when=nothing.when & ~nothing.when)
    found = walk(system, [never], runs=60, steps=30, seed=2, swarm=swarm)
    states, arrows = graph(system)
    assert walked <= arrows and found.hits == {"nothing": None}
    visited = {state for arrow in walked for state in arrow}
    assert len(visited) > 0.25 * len(states)
    assert visited == states or len(states) > 10


def test_what_is_left_open_is_drawn_and_shrinks_to_the_value_that_comes_first():
    system, queries, _, loud = talkers(initial=[{}])
    vary = {"A.loud": (0, 1), "B.loud": (0, 1)}
    twice = Query("twice", (loud == True) & Post(queries[0].when.children[0].children[0]), ("A", "B"))  # noqa: E712
    walked = walk(system, [twice, queries[1]], runs=80, seed=5, vary=vary)
    hit = walked.hits["twice"]
    names = {str(slot): code for slot, code in zip(system.slots, hit.initial, strict=True)}
    assert (names["A.loud"], names["B.loud"]) == ((1, 0) if hit.scope == "A" else (0, 1))


def test_an_initial_state_that_differs_keeps_its_own_value():
    x, go, loud = Var("m", "x", R7), Event("go", who="operator"), Var("reading", "loud", BOOL)
    table = a_table("m", [go], [row("go", ANY, go, loud == True, [set_(x, up(x))], STAY, HERE)], [x])  # noqa: E712
    system = System("two", [Instance("A", table)], [Offer("A", table, go)], extra=[("A", loud)], initial=[{"A.loud": 1}, {}])
    walked = walk(system, [Query("quiet", (loud == False) & (x == 0), ("A",), initial=True)], runs=20, vary={"A.loud": (1,)})  # noqa: E712
    assert walked.hits["quiet"].initial == system.initial[1]


def test_a_run_at_rest_ends_quietly():
    states = Enum("Life", "ALIVE", "DEAD")
    alive, dead = states.consts()
    die = Event("die", who="operator")
    table = a_table("m", [die], [row("die", alive, die, alive == alive, [], dead, HERE)], (), states)
    system = System("rest", [Instance("A", table)], [Offer("A", table, die)])
    walked = walk(system, [Query("born", Post(Var("m", "state", states)) == alive, ("A",))], runs=30, steps=10)
    assert walked.hits == {"born": None} and walked.steps <= walked.runs
    assert walked.fired == {("A", "m", "die@ALIVE"): walked.steps}


def test_two_queries_of_one_name_are_refused():
    system, at = lock()
    with pytest.raises(ValueError, match="two queries have the same name"):
        walk(system, [Query("x", Post(at) == 1, ("A",))], situations=[Query("x", Post(at) == 2, ("A",))])


# -- the same again -------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_runs_and_another_seed_others():
    system, queries, *_ = talkers()
    first, second, other = (timeless(walk(system, queries, runs=40, seed=seed)) for seed in (7, 7, 8))
    assert first == second and first.fired != other.fired


def test_the_same_seed_gives_the_same_whatever_the_hash_seed_is():
    code = ("from tests.test_search import talkers; from verify.walk import walk; s, q, *_ = talkers(); w = walk(s, q, runs=30, seed=4); "
            "print(w.hits, w.runs, w.steps, sorted(w.fired.items()), sorted(w.times.items()))")
    texts = set()
    for seed in ("1", "2", "3"):
        around = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        texts.add(subprocess.run([sys.executable, "-c", code], env=around, capture_output=True, text=True, check=True).stdout)
    assert len(texts) == 1 and len(texts.pop()) > 100


def test_what_was_found_once_is_found_again_with_any_seed(tmp_path):
    system, at = lock(4)
    query = Query("open", Post(at) == 4, ("A",))
    seed = next(seed for seed in range(20) if walk(system, [query], runs=3, seed=seed, shrink=False).hits["open"] is None)
    found = next(walked for begun in range(20) if (walked := walk(system, [query], runs=60, seed=begun, database=tmp_path)).hits["open"])
    assert found.kept == () and any(tmp_path.rglob("*"))
    again = walk(system, [query], runs=3, seed=seed, database=tmp_path)
    assert again.kept == ("open",) and again.hits["open"].length == found.hits["open"].length and again.runs >= 3
    assert walk(lock(bell=False)[0], [query], runs=1, seed=seed, database=tmp_path).kept == ()


# -- stopping early -------------------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_found():
    system, at = lock()

    def stop(seen):
        if seen.broken:
            raise KeyboardInterrupt

    queries = [Query("one", Post(at) == 1, ("A",)), Query("never", (at == 0) & (Post(at) == 2), ("A",))]
    walked = walk(system, queries, runs=200, progress=stop)
    assert walked.why == INTERRUPTED and walked.runs < 200
    assert walked.hits["one"] is not None and walked.unshrunk == ("one",) and walked.hits["never"] is None


def test_ctrl_c_while_shrinking_keeps_the_shortest_so_far(tmp_path):
    system, at = lock()

    def stop(seen):
        if seen.doing.startswith("shrinking"):
            raise KeyboardInterrupt

    query = Query("open", Post(at) == 4, ("A",))
    walked = walk(system, [query], runs=100, seed=1, progress=stop, database=tmp_path)
    assert walked.why == INTERRUPTED and walked.hits["open"].length >= 4 and walked.unshrunk == ("open",)


def test_too_little_time_ends_the_walk():
    system, at = lock()
    walked = walk(system, [Query("open", Post(at) == 4, ("A",))], runs=10**6, timeout=0.2)
    assert walked.why in (TIME_LIMIT, "") and walked.runs < 10**6 and walked.seconds < 60


# -- slices, on the command line ------------------------------------------------------------------------------------------


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``lockstep fuzz`` in a new folder: exit status, the two outputs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = typer.Typer()
    app.command()(fuzz.fuzz)

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_the_family_of_f01_is_found_and_its_witnesses_replay(call, tmp_path):
    shortest = {"sa-outlives-connection": 1, "sa-outlives-need": 1, "no-plaintext-out": 4}
    words = [word for name in (*shortest, "no-replay") for word in ("--property", name)]
    done = call("teardown", "--preset", "draft", *words, "--runs", 200, "--seed", 0, "--fresh", "--json")
    results = {one["property"]: one for one in json.loads(done.stdout)["results"]}
    for name, most in shortest.items():
        assert results[name]["verdict"] == "violated" and most <= results[name]["length"] <= most + 2
    for name, one in results.items():
        assert one["runs"] >= 200
        if one["verdict"] == "violated":
            trace = read(tmp_path / one["trace"])
            assert (trace.property, trace.engine, trace.seed, trace.length) == (name, "walk", 0, one["length"])
            replay(trace)
        else:
            assert one["verdict"] == (f"no violation in {one['runs']} runs" if one["runs_with_antecedent"] else "undecided")
    assert done.exit_code == (3 if any(one["verdict"] == "undecided" for one in results.values()) else 0)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_random_readings_become_the_traces_readings(call, tmp_path):
    done = call("teardown", "--property", "no-plaintext-out", "--runs", 30, "--seed", 2, "--json")
    (one,) = json.loads(done.stdout)["results"]
    assert one["verdict"] == "violated" and one["random_readings"] and one["expected"] is None and done.exit_code == 0
    trace = read(tmp_path / one["trace"])
    replay(trace)
    assert one["readings"].items() <= trace.readings.items() and one["bounds"] == trace.bounds
    again = call("teardown", "--property", "no-plaintext-out", "--runs", 1, "--seed", 3, "--json")
    (other,) = json.loads(again.stdout)["results"]
    assert other["kept"] and other["verdict"] == "violated"
    assert not (tmp_path / ".hypothesis").exists()


def test_a_broken_promise_is_status_1(call):
    words = ("teardown", "--preset", "repaired", "--property", "no-plaintext-out", "--runs", 60, "--seed", 1, "--fresh")
    kept = call(*words)
    assert kept.exit_code == 0 and re.search(r"no violation in 6\d runs", kept.stdout)
    broken = call(*words, "--reading", "port=170")
    assert broken.exit_code == 1 and "violated (1) not as promised" in broken.stdout and "A:port=170 B:port=170" in broken.stdout


@pytest.mark.parametrize(("words", "text"), [
    (("nowhere",), "slice 'nowhere': there is no such slice; there are teardown"),
    (("teardown", "--property", "no"), "property 'no': there is no such property"),
    (("opening", "--property", "no-stuck-close"), "not registered with slice opening"),
    (("teardown", "--preset", "no"), "preset 'no': there is no such preset"),
    (("teardown", "--reading", "port"), "reading 'port': write KEY=VALUE"),
    (("collision", "--reading", "natt=on"), "no row of slice collision reads it"),
    (("teardown", "--runs", "0"), "runs 0: give a whole number from 1 on"),
    (("teardown", "--timeout", "nan"), "timeout nan: give a number of seconds greater than 0"),
    (("teardown", "--out", __file__), "this is a file; give a folder"),
    (("teardown", "--database", __file__), "this is a file; give a folder"),
])
def test_bad_input_is_one_clear_line(call, words, text):
    done = call(*words)
    assert done.exit_code == 2 and text in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
