"""The formulas mean what the interpreter does: the same shortest lengths as the search, and no proof of what a search refutes."""

import os
import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from lockstep.choice import readings
from model.action import Event, set_, signal
from model.expr import BOOL, TRUE, ModelError, Param, Post, Range, Var, ite, up
from model.slices import build
from model.system import Instance, Offer, System
from model.table import ANY, STAY, impossible, row
from properties.presets import PRESETS
from properties.registry import CLAIMS
from tests.test_search import HERE, Maker, counters, one, talkers
from verify.query import EngineDisagreement, Query, allowed, true_at
from verify.search import search
from verify.step import Outcome, step
from verify.symbolic import any_readings, bmc, induction, second
from verify.symbolic.cascade import Cascade
from verify.symbolic.clock import Clock
from verify.symbolic.logic import FALSE, Logic
from verify.symbolic.logic import TRUE as YES
from verify.symbolic.path import Path
from verify.symbolic.plan import Plan
from verify.symbolic.terms import Possible

R3, R7 = Range("R3", 3), Range("R7", 7)


def lengths(result):
    return {name: hit and hit.length for name, hit in result.hits.items()}


def agree(system, queries, depth):
    """Bounded search and exhaustive search say the same, as far as the bounded one looks. The bounded result."""
    result, full = bmc(system, queries, depth=depth), search(system, queries)
    assert full.complete and not result.why
    assert lengths(result) == {name: hit.length if hit and hit.length <= depth else None for name, hit in full.hits.items()}
    assert result.depth == depth or all(result.hits.values())
    return result


# -- formulas -------------------------------------------------------------------------------------------------------------


def test_formulas_fold():
    logic = Logic()
    x, b = logic.leaf("x", range(4)), logic.leaf("b", (0, 1))
    assert logic.leaf("c", [5]) == {5: YES}
    assert logic.both(x[0], x[1]) == FALSE and logic.both(x[0], x[1] ^ 1) == x[0]
    assert logic.all([x[0] ^ 1, x[1] ^ 1, x[2] ^ 1]) == x[3] and logic.any(x.values()) == YES
    assert b[0] == b[1] ^ 1 and logic.either(b[0], b[1]) == YES
    assert logic.both(x[0], logic.both(x[0], b[1]) ^ 1) == logic.both(x[0], b[0])
    assert logic.given(logic.both(x[2], b[1]), logic.known(b[1])) == x[2]
    assert logic.given(x[2], logic.known(logic.both(x[1], b[0]))) == FALSE


@pytest.mark.parametrize("seed", range(20))
def test_folding_changes_no_meaning(seed):
    """Random formulas, made with folding and evaluated without, under every assignment."""
    rnd, logic = Random(seed), Logic()
    x, b, c = logic.leaf("x", range(3)), logic.leaf("b", (0, 1)), logic.leaf("c", (0, 1))
    worlds = [(i, j, k) for i in range(3) for j in range(2) for k in range(2)]
    pool = [(lit, frozenset(w for w in worlds if w[at] == code)) for at, leaf in enumerate((x, b, c)) for code, lit in leaf.items()]
    everything = frozenset(worlds)
    for _ in range(60):
        picked = rnd.sample(pool, 3)
        (p, m), (q, n), (r, o) = [(lit ^ 1, everything - true) if rnd.randrange(2) else (lit, true) for lit, true in picked]
        pool.append(rnd.choice([(logic.all((p, q, r)), m & n & o), (logic.any((p, q, r)), m | n | o),
                                (logic.ite(p, q, r), (m & n) | (o - m))]))
        lit, true = pool[-1]
        assert {w for w in worlds if truth(logic, lit, w)} == true
        smaller = logic.given(q, logic.known(p))
        assert {w for w in m if truth(logic, smaller, w)} == m & n


def truth(logic, lit, world):
    """The value of a formula, node by node."""
    node = lit >> 1
    if not node:
        return bool(lit)
    if node in logic.atoms:
        at, code = logic.atoms[node]
        found = world[at] == code
    else:
        found = all(truth(logic, kid, world) for kid in logic.kids[node])
    return found != bool(lit & 1)


# -- small systems --------------------------------------------------------------------------------------------------------


def test_talkers_agree():
    system, queries, *_ = talkers(capacity={"wire": 2})
    agree(system, queries, 5)


def test_a_channel_with_one_slot_agrees():
    agree(*talkers()[:2], 5)


def test_signals_wait_their_turn():
    """A row's signals come after those that already wait, whatever they cause."""
    x, n = Var("k", "x", R7), Param("n", R7)
    go, note, add = Event("go", who="operator"), Event("note"), Event("add", n)
    first = one("m", [go, note], [row("go", ANY, go, TRUE, [signal("m", note), signal("k", add(n=1)), signal("k", add(n=2))], STAY, HERE),
                                  row("note", ANY, note, TRUE, [signal("k", add(n=3))], STAY, HERE)])
    second = one("k", [add], [row("add", ANY, add, TRUE, [set_(x, n)], STAY, HERE)], [x])
    system = System("order", [Instance("A", first), Instance("A", second)], [Offer("A", first, go)])
    result = bmc(system, [Query("three is last", Post(x) == 3, ("A",)), Query("two is last", Post(x) == 2, ("A",))], depth=3)
    assert lengths(result) == {"three is last": 1, "two is last": None}


def test_the_later_of_two_writes_to_a_cell_counts():
    a, i, go = Var("m", "a", R3, index=R3), Var("m", "i", R3), Event("go", Param("at", R3), who="operator")
    table = one("m", [go], [row("go", ANY, go, TRUE, [set_(a[i], 1), set_(a[go.params[0]], 2), set_(i, up(i))], STAY, HERE)], [a, i])
    queries = [Query(f"{at} {value}", Post(a[at]) == value, ("A",)) for at in range(4) for value in range(4)]
    agree(System("writes", [Instance("A", table)], [Offer("A", table, go)]), queries, 5)


def test_a_deep_way_is_found_at_its_length():
    system, a = counters(3)
    result = bmc(system, [Query("end", (a[0] == 7) & (Post(a[2]) == 3), ("A",))], depth=12)
    assert lengths(result) == {"end": 10} and result.depth == 10


def test_it_stops_when_everything_is_hit_and_says_how_far_it_got():
    system, a = counters(2)
    seen = []
    result = bmc(system, [Query("two", Post(a[0]) == 2, ("A",))], depth=9, progress=seen.append)
    assert (result.depth, result.why) == (2, "") and [one.depth for one in seen] == [1, 2] and seen[-1].open == 0
    assert bmc(system, [Query("no", a[0] > Post(a[0]), ("A",))], depth=4).depth == 4


def test_reaching_the_impossible_is_an_error_of_the_model():
    x, go = Var("m", "x", R3), Event("go", who="operator", total=True)
    table = one("m", [go], [row("go", ANY, go, x < 2, [set_(x, up(x))], STAY, HERE),
                            impossible(ANY, go, "the book says so", guard=x >= 2)], [x])
    system = System("wrong", [Instance("A", table)], [Offer("A", table, go)])
    query = Query("never", x > Post(x), ("A",))
    assert bmc(system, [query], depth=2).depth == 2
    with pytest.raises(ModelError, match=r"impossible but reached: A\.m, impossible go@ONLY: the book says so"):
        bmc(system, [query], depth=3)


# -- random systems -------------------------------------------------------------------------------------------------------

RANDOM, CHUNK = 1000, 50


def random_case(seed):
    """A random system with its queries; None where the tables made are not total."""
    try:
        return Maker(Random(seed)).system()
    except ModelError:
        return None


@pytest.mark.parametrize("start", range(0, RANDOM, CHUNK))
def test_random_systems_agree(start):
    """Shortest lengths up to 2 steps, by the interpreter alone, so that no engine is measured against itself."""
    made = 0
    for seed in range(start, start + CHUNK):
        case = random_case(seed)
        if case is not None:
            made += 1
            system, queries = case
            found = shortest(system, queries, 2)
            assert lengths(bmc(system, queries, depth=2)) == found, seed
    assert made > CHUNK / 2


def shortest(system, queries, depth):
    """The shortest length to each query, up to a depth, on the interpreter."""
    found = {query.name: None for query in queries}
    for query in queries:
        if query.initial and any(true_at(system, query, Outcome(state, state, (), ())) for state in system.initial):
            found[query.name] = 0
    level, seen = list(system.initial), set(system.initial)
    for length in range(1, depth + 1):
        fresh = []
        for state in level:
            for _, outcome in allowed(system, state):
                for query in queries:
                    if found[query.name] is None and true_at(system, query, outcome):
                        found[query.name] = length
                if outcome.after not in seen:
                    seen.add(outcome.after)
                    fresh.append(outcome.after)
        level = fresh
    return found


def disagrees(seeds):
    """Does any random system show that the encoding is wrong?"""
    for seed in seeds:
        case = random_case(seed)
        if case is not None:
            system, queries = case
            try:
                if lengths(bmc(system, queries, depth=2)) != shortest(system, queries, 2):
                    return True
            except EngineDisagreement:
                return True
    return False


def test_a_dropped_guard_is_noticed(monkeypatch):
    """The first row of a state fires whether or not its guard is true."""
    def careless(self, system):
        original(self, system)
        self.lines = {key: tuple(replace(one, condition=TRUE) if at == 0 else one for at, one in enumerate(its))
                      for key, its in self.lines.items()}

    original = Plan.__init__
    monkeypatch.setattr(Plan, "__init__", careless)
    assert disagrees(range(30))


def test_a_dropped_frame_condition_is_noticed(monkeypatch):
    """A variable that nothing writes may change: `x` and `y`, equal from the start, then come apart."""
    def forgetful(self, last, frame):
        kept = {key: value for key, value in last.encoded.step.after.items() if value != last.encoded.step.before[key]}
        step = replace(last.encoded.step, after=kept)
        original(self, replace(last, encoded=replace(last.encoded, step=step)), frame)

    x, y, go = Var("m", "x", R7), Var("m", "y", R7), Event("go", who="operator")
    table = one("m", [go], [row("go", ANY, go, TRUE, [], STAY, HERE)], [x, y])
    system = System("still", [Instance("A", table)], [Offer("A", table, go)], initial=[{"A.m.x": n, "A.m.y": n} for n in (0, 5)])
    query = Query("apart", x != y, ("A",))
    assert lengths(bmc(system, [query], depth=2)) == {"apart": None}
    original = Path._link
    monkeypatch.setattr(Path, "_link", forgetful)
    with pytest.raises(EngineDisagreement, match="z3 says that step 1 leads to"):
        bmc(system, [query], depth=2)


def test_a_queue_in_the_wrong_order_is_noticed(monkeypatch):
    """The last signal of a row is taken first."""
    x, n = Var("k", "x", R7), Param("n", R7)
    go, add = Event("go", who="operator"), Event("add", n)
    first = one("m", [go], [row("go", ANY, go, TRUE, [signal("k", add(n=1)), signal("k", add(n=2))], STAY, HERE)])
    second_ = one("k", [add], [row("add", ANY, add, TRUE, [set_(x, n)], STAY, HERE)], [x])
    system = System("order", [Instance("A", first), Instance("A", second_)], [Offer("A", first, go)])
    query = Query("one is last", Post(x) == 1, ("A",))
    assert lengths(bmc(system, [query], depth=2)) == {"one is last": None}
    original = Cascade._queue
    monkeypatch.setattr(Cascade, "_queue", lambda self, when, signals: original(self, when, signals[::-1]))
    with pytest.raises(EngineDisagreement, match="the interpreter the opposite"):
        bmc(system, [query], depth=2)


# -- induction ------------------------------------------------------------------------------------------------------------


def lamp():
    """Two counters that move together: equal in every reachable state, but only one of them is compared with the top."""
    x, y, go = Var("m", "x", R7), Var("m", "y", R7), Event("go", who="operator")
    table = one("m", [go], [row("go", ANY, go, x < 7, [set_(x, up(x)), set_(y, up(y))], STAY, HERE)], [x, y])
    return System("lamp", [Instance("A", table)], [Offer("A", table, go)]), x, y


def test_an_inductive_claim_holds_once_a_second_solver_agrees():
    pytest.importorskip("cvc5")
    system, x, y = lamp()
    proof = induction(system, Query("down", Post(x) < x, ("A",)), depth=3)
    assert (proof.verdict, proof.k, proof.checked_by, proof.counterexample) == ("holds", 0, "cvc5", None)
    proof = induction(system, Query("apart", (x == y) & (Post(x) != Post(y)), ("A",)), depth=3)
    assert proof.verdict == "holds"


def test_without_a_second_solver_it_is_undecided(monkeypatch):
    monkeypatch.setitem(sys.modules, "cvc5", None)
    system, x, _ = lamp()
    proof = induction(system, Query("down", Post(x) < x, ("A",)), depth=3)
    assert (proof.verdict, proof.checked_by) == ("undecided", "") and "cvc5 is not installed" in proof.why


def test_a_second_solver_that_disagrees_makes_it_undecided(monkeypatch):
    module = sys.modules["verify.symbolic.induction"]  # the package shows the function of this name
    monkeypatch.setattr(module, "second_opinion", lambda text, clock: "cvc5 says sat")
    system, x, _ = lamp()
    proof = induction(system, Query("down", Post(x) < x, ("A",)), depth=3)
    assert (proof.verdict, proof.checked_by, proof.why) == ("undecided", "", "inductive with k = 0, but cvc5 says sat")


def test_the_text_for_the_second_solver_can_be_satisfied():
    """A question that has an answer is not taken for a proof."""
    pytest.importorskip("cvc5")
    assert second.second_opinion("(declare-fun x () Bool)(assert x)(check-sat)", Clock(None)) == "cvc5 says sat"
    assert second.second_opinion("(declare-fun x () Bool)(assert x)(assert (not x))(check-sat)", Clock(None)) == second.UNSAT


def test_what_was_left_out_of_the_formulas_is_checked_again(monkeypatch):
    """z3 errs while the step is encoded: that nothing ever happens follows, and the second solver does not agree."""
    pytest.importorskip("cvc5")

    def wrong(self, lit):
        if lit > 1:
            self.refuted.append(lit)
        return lit == YES

    system, x, _ = lamp()
    query = Query("up", Post(x) > 3, ("A",))
    monkeypatch.setattr(Possible, "__call__", wrong)
    proof = induction(replace_initial(system), query, depth=1)
    assert proof.verdict == "undecided" and proof.why == "inductive with k = 0, but cvc5 says sat"


def replace_initial(system):
    """The same from two states, so that what happens depends on the state."""
    return System(system.name, system.instances, system.offers, initial=[{}, {"A.m.x": 2}, {"A.m.x": 7}])


def alternating():
    """Two bits that are never alike, and an alarm that rings when both are set. Were they alike, it would ring within two steps."""
    p, q, alarm = Var("m", "p", BOOL), Var("m", "q", BOOL, True), Var("m", "alarm", BOOL)
    go = Event("go", who="operator")
    table = one("m", [go], [row("go", ANY, go, TRUE, [set_(p, ~p), set_(q, ~q), set_(alarm, alarm | (p & q))], STAY, HERE)], [p, q, alarm])
    return System("alternating", [Instance("A", table)], [Offer("A", table, go)]), Query("rings", Post(alarm), ("A",))


def test_a_claim_that_is_not_inductive_comes_with_a_run_from_somewhere():
    system, query = alternating()
    proof = induction(system, query, depth=1)
    assert (proof.verdict, proof.k, proof.why) == ("undecided", 1, "not inductive with k up to 1")
    state, way = proof.counterexample
    assert len(way) == 2 and state not in system.initial
    for stimulus in way:
        outcome = step(system, state, stimulus)
        state = outcome.after
    assert true_at(system, query, outcome) == "A"


def test_more_steps_make_a_claim_inductive():
    pytest.importorskip("cvc5")
    proof = induction(*alternating(), depth=9)
    assert (proof.verdict, proof.k, proof.counterexample) == ("holds", 2, None)


def test_induction_refutes_at_the_shortest_length():
    system, queries, *_ = talkers()
    for query in queries[:4]:
        proof, hit = induction(system, query, depth=6), search(system, [query]).hits[query.name]
        assert proof.verdict == ("violated" if hit else "undecided") and (not hit or proof.hit.length == hit.length)


@pytest.mark.parametrize("start", range(0, 20, 10))
def test_nothing_is_proved_that_the_search_refutes(start):
    pytest.importorskip("cvc5")
    verdicts = set()
    for seed in range(start, start + 10):
        case = random_case(seed)
        if case is not None:
            system, queries = case
            full = search(system, queries, timeout=5)
            for query in queries if full.complete else ():
                proof, hit = induction(system, query, depth=1, timeout=3), full.hits[query.name]
                assert proof.verdict != "holds" or hit is None
                assert proof.verdict != "violated" or proof.hit.length == hit.length
                verdicts.add(proof.verdict)
    assert {"holds", "violated"} <= verdicts


# -- readings left open ---------------------------------------------------------------------------------------------------


def test_readings_left_open_are_named():
    """Only with both switches on does the counter pass 2, and only the fast one is set already."""
    fast, brave, tame = (Var("reading", name, BOOL) for name in ("fast", "brave", "tame"))
    x, go = Var("m", "x", R7), Event("go", who="operator")
    table = one("m", [go], [row("go", ANY, go, (x < 2) | (fast & brave), [set_(x, ite(fast, up(up(x)), up(x)))], STAY, HERE)], [x])
    system = System("switches", [Instance("A", table)], [Offer("A", table, go)], extra=[("A", fast), ("A", brave), ("", tame)],
                    initial=[{"A.fast": 1}])
    query = Query("high", Post(x) > 5, ("A",))
    found = any_readings(system, query, free=["A:fast", "A:brave", "tame"], depth=6)
    assert (found.hit.length, found.changed) == (3, ("A:brave",))
    assert found.readings == {"A:fast": "true", "A:brave": "true", "tame": "false"}
    assert system.describe(found.hit.initial)["A.brave"] == "true"
    assert any_readings(system, query, free=["A:fast", "tame"], depth=6).hit is None
    assert any_readings(system, query, free=["A:brave"], depth=2).depth == 2
    with pytest.raises(ModelError, match="reading 'brave': switches has no such reading; it has A:fast, A:brave, tame"):
        any_readings(system, query, free=["brave"], depth=1)


# -- stopping early -------------------------------------------------------------------------------------------------------


def test_too_little_time_is_no_verdict():
    system, a = counters(9)
    query = Query("late", (a[0] == 7) & (Post(a[8]) == 7) & (a[4] == 7) & (a[5] == 7), ("A",))
    result = bmc(system, [Query("soon", Post(a[0]) == 2, ("A",)), query], depth=100, timeout=2)
    assert (result.why, lengths(result)) == ("time limit", {"soon": 2, "late": None}) and 0 < result.depth < 27
    assert bmc(system, [query], depth=9, timeout=0).depth == 0
    proof = induction(system, query, depth=100, timeout=2)
    assert (proof.verdict, proof.why) == ("undecided", "time limit")
    assert any_readings(system, query, free=[], depth=9, timeout=0).why == "time limit"


def test_interruption_gives_what_is_settled():
    system, a = counters(3)

    def stop(seen):
        if seen.depth == 2:
            raise KeyboardInterrupt

    result = bmc(system, [Query("soon", Post(a[0]) == 2, ("A",)), Query("late", Post(a[0]) == 7, ("A",))], depth=9, progress=stop)
    assert (result.depth, result.why, lengths(result)) == (2, "interrupted", {"soon": 2, "late": None})


def test_ctrl_c_while_the_solver_thinks():
    """A question too hard to be answered in the time, and SIGINT from outside."""
    code = """
import os, signal, threading
from tests.test_search import counters
from model.expr import Post
from verify.query import Query
from verify.symbolic import bmc
system, a = counters(9)
threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT)).start()
hard = Query("late", (a[0] == 7) & (Post(a[8]) == 7) & (a[4] == 7) & (a[5] == 7) & (a[6] == 7), ("A",))
result = bmc(system, [hard], depth=100, timeout=100)
print(result.why, 0 < result.depth < 34)
"""
    around = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=around, capture_output=True, text=True, timeout=90, check=False)
    assert done.stdout == "interrupted True\n", done.stderr


# -- the slices -----------------------------------------------------------------------------------------------------------


def slice_queries(name, preset):
    claims = [claim for claim in CLAIMS.values() if name in claim.slices]
    monitors = {(one.scope, one.var.name): one for claim in claims for one in claim.monitors}
    system = build(name, readings(preset, {}), monitors=tuple(monitors.values()))
    return system, [Query(claim.name, claim.violated, ("A", "B")) for claim in claims]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", ["teardown", "opening"])
def test_slices_agree_with_the_search(name, preset):
    """Three steps of each slice, all claims; the search says which are broken in as many."""
    system, queries = slice_queries(name, preset)
    full = search(system, queries, memory_gib=0.01)
    assert full.counts.levels > 4
    result = bmc(system, queries, depth=3)
    assert result.depth == 3 and not result.why
    assert lengths(result) == {key: hit.length if hit and hit.length <= 3 else None for key, hit in full.hits.items()}
