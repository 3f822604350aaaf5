"""The native search finds what the reference interpreter finds: the same states in the same order, counts, firings and witnesses."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.action import Channel, Event, Refuse, Take, put, set_, signal
from model.expr import (
    BOOL,
    TRUE,
    Choice,
    Enum,
    Fired,
    ModelError,
    OnWire,
    Param,
    Peer,
    Post,
    Range,
    Sent,
    Sort,
    Var,
    down,
    evaluate,
    ite,
    up,
)
from model.readings import READINGS
from model.slices import SLICES, build, slice_names
from model.system import Instance, Monitor, Offer, System, open_system
from model.table import ANY, OTHER, STAY, Table, ignored, impossible, row
from properties.presets import PRESETS
from verify.native import Space
from verify.query import EngineDisagreement, Query
from verify.reference import explore
from verify.search import search
from verify.step import Disabled, Outcome, StepView, step, stimuli

HERE = "made up"
ONE = Sort("One", ("ONLY",))


# -- the comparison -------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """What the interpreter finds breadth first. hits: for each query the number of the state before, the scope, the way."""

    order: list = field(default_factory=list)
    transitions: int = 0
    rejected: int = 0
    full: int = 0
    fired: Counter = field(default_factory=Counter)
    hits: dict = field(default_factory=dict)


def walk(system, queries=(), most=None):
    """Breadth first on the interpreter; at most `most` states are expanded."""
    found, parents = Walk(list(system.initial)), dict.fromkeys(system.initial)

    def ask(outcome, at, path):
        for query in queries:
            if query.name not in found.hits and (query.initial or at >= 0):
                scope = next((s for s in query.scopes if evaluate(query.when, StepView(system, s, outcome))), None)
                if scope is not None:
                    found.hits[query.name] = (at, scope, path)

    for at, state in enumerate(system.initial):
        ask(Outcome(state, state, (), ()), -2 - at, ())
    for at, state in enumerate(found.order):
        if at == most:
            break
        path, back = [], state
        while parents[back] is not None:
            back, stimulus = parents[back]
            path.append(stimulus)
        for stimulus in stimuli(system, state):
            try:
                outcome = step(system, state, stimulus)
            except Disabled as why:
                found.full += why.full
                continue
            found.transitions += 1
            found.fired.update((firing.scope, firing.row) for firing in outcome.fired)
            if not evaluate(system.constraint, StepView(system, "", outcome)):
                found.rejected += 1
                continue
            ask(outcome, at, (*reversed(path), stimulus))
            if outcome.after not in parents:
                parents[outcome.after] = (state, stimulus)
                found.order.append(outcome.after)
    return found


def agree(system, queries=(), most=None):
    """Everything both engines can say about a system is the same; with `most`, about its first states. The native result."""
    found, space, at = walk(system, queries, most), Space(system, queries, 1 << 28), 0
    while at < min(most or space.count, space.count):
        assert not space.full or space.grow()
        at = space.expand(at, min(most or space.count, space.count), 1 << 40)
    assert [space.state(number) for number in range(space.count)] == found.order
    assert (space["transitions"], space["rejected"], space["full"]) == (found.transitions, found.rejected, found.full)
    assert [found.fired[one.scope, line] for one, line in system.rows] == space.rows.tolist()[:len(system.rows)]
    assert space.hit.tolist()[:len(queries)] == [found.hits[q.name][0] if q.name in found.hits else -1 for q in queries]
    if at < space.count:
        return None
    result = search(system, queries)
    assert result.complete and not result.why and result.full == found.full
    assert result.counts == explore(system)
    assert {name: hit and (hit.scope, hit.stimuli) for name, hit in result.hits.items()} == {
        query.name: found.hits.get(query.name, (None,))[1:] or None for query in queries}
    assert all(hit is None or hit.length == len(hit.stimuli) for hit in result.hits.values())
    return result


# -- small systems made by hand -------------------------------------------------------------------------------------------


def one(name, events, lines, variables=(), states=ONE, **more):
    state = Var(name, "state", states)
    return Table(name, name, state, tuple(events), tuple(lines), tuple(variables), **more)


R3, R7 = Range("R3", 3), Range("R7", 7)


def test_choices_that_nothing_consults_are_not_varied():
    which, how = Choice("which", R3), Choice("how", BOOL)
    x, go, more = Var("m", "x", R3), Event("go", who="operator"), Event("more", who="operator")
    table = one("m", [go, more], [
        row("plain", ANY, go, x == 0, [set_(x, 1)], STAY, HERE),
        row("chosen", ANY, more, x == which, [set_(x, ite(how == True, up(x), down(x)))], STAY, HERE),  # noqa: E712
        row("refused", ANY, more, (x != which) & (x == 2), [Refuse("not now")], STAY, HERE)], [x])
    result = agree(System("choices", [Instance("A", table)], [Offer("A", table, go), Offer("A", table, more)]),
                   [Query("top", Post(x) == 3, ("A",)), Query("never", (x == 3) & (Post(x) == 1), ("A",))])
    assert result.hits["top"].stimuli[-1].choices == (("how", 1), ("which", 2))
    assert result.hits["never"] is None


def test_choices_of_a_cascade_are_consulted_cell_by_cell():
    """The second table asks for a choice only in one of its states: elsewhere the stimulus exists once."""
    pick = Choice("pick", R3)
    x, go, hear = Var("k", "x", R3), Event("go", who="operator"), Event("hear")
    deaf, all_ears = (states := Enum("Ear", "DEAF", "ALL-EARS")).consts()
    first = one("m", [go], [row("go", ANY, go, TRUE, [signal("k", hear)], STAY, HERE)])
    second = one("k", [hear], [row("deaf", deaf, hear, TRUE, [set_(x, 0)], all_ears, HERE),
                               row("hears", all_ears, hear, pick != 2, [set_(x, pick)], deaf, HERE),
                               row("not two", all_ears, hear, pick == 2, [Refuse("two")], STAY, HERE)], [x], states)
    agree(System("cascade", [Instance("A", first), Instance("A", second)], [Offer("A", first, go)]))


def test_arrays_are_indexed_by_expressions_and_read_before_anything_is_written():
    at, turn = Param("at", R3), Event("turn", Param("at", R3), who="operator")
    a, i = Var("m", "a", R3, 1, index=R3), Var("m", "i", R3)
    table = one("m", [turn], [row("turn", ANY, turn, a[i] != at, [set_(a[i], at), set_(a[a[i]], i), set_(i, a[at])], STAY, HERE)], [a, i])
    agree(System("arrays", [Instance("A", table)], [Offer("A", table, turn, only={"at": (0, 2, 3)})], initial=[{"A.m.i": 2}]),
          [Query("all three", Post(a[0] == 3) & (a[i] == 2) & Post(i == 3), ("A",))])


def test_signals_wait_their_turn():
    """A row's signals come after those that already wait, whatever they cause."""
    x, n = Var("k", "x", R7), Param("n", R7)
    go, note, add = Event("go", who="operator"), Event("note"), Event("add", n)
    first = one("m", [go, note], [row("go", ANY, go, TRUE, [signal("m", note), signal("k", add(n=1)), signal("k", add(n=2))], STAY, HERE),
                                  row("note", ANY, note, TRUE, [signal("k", add(n=3))], STAY, HERE)])
    second = one("k", [add], [row("add", ANY, add, x != n, [set_(x, n)], STAY, HERE), ignored(ANY, add, HERE, guard=x == n)], [x])
    system = System("order", [Instance("A", first), Instance("A", second)], [Offer("A", first, go)])
    agree(system, [Query("three is last", Post(x) == 3, ("A",)), Query("two is last", Post(x) == 2, ("A",))])


KIND = Enum("Kind", "HELLO", "DATA", "BYE")
R1 = Range("R1", 1)
kind, number, side = Param("kind", KIND), Param("number", R1), Param("side", BOOL, False)
WIRE = Channel("wire", "messages", (kind, number, side), 2)
ARRIVE, LOSE, GOT = Event("arrive", takes=WIRE, who="network"), Event("lose", takes=WIRE, who="fault"), Event("got", kind, number)
LEFT = Var("world", "left", R1, 1)
WAY = one("wire", [ARRIVE, LOSE], [
    row("arrive", ANY, ARRIVE, TRUE, [Take(WIRE), signal("m", GOT(kind=kind, number=number), at="dst")], STAY, HERE),
    row("lose", ANY, LOSE, LEFT > 0, [Take(WIRE), set_(LEFT, down(LEFT))], STAY, HERE)], [WIRE], place="direction")


def talkers(**more):
    """Two endpoints that talk: capacity, retransmission that waits for the first copy, an observer, two initial states."""
    idle, busy = (states := Enum("Talk", "IDLE", "BUSY")).consts()
    n, loud = Var("m", "n", R1), Var("reading", "loud", BOOL)
    say, again, quiet = Event("say", who="operator"), Event("again", who="timer"), Event("quiet", who="operator")
    hello = OnWire("wire", "out", kind == "HELLO", "a HELLO of mine is in flight")
    table = one("m", [say, again, quiet, GOT], [
        row("hello", idle, say, TRUE, [put(WIRE, kind="HELLO", number=n)], busy, HERE),
        row("twice", busy, say, (loud == True) & hello, [put(WIRE, kind="DATA", number=n), put(WIRE, kind="BYE", number=1)],  # noqa: E712
            STAY, HERE),
        row("again", busy, again, TRUE, [put(WIRE, kind="DATA", number=up(n), resend=True)], STAY, HERE),
        row("quiet", busy, quiet, ~hello, [set_(n, up(n))], idle, HERE),
        row("got", ANY, GOT(kind=["HELLO", "DATA"]), number >= n, [set_(n, number), put(WIRE, kind="BYE", number=number)], STAY, HERE),
        ignored(ANY, OTHER, HERE)], [n], states)
    ends = [Instance(end, table) for end in "AB"]
    offers = [Offer(end, table, event) for end in "AB" for event in (say, again, quiet)]
    offers += [Offer(way, WAY, event) for way in ("A>B", "B>A") for event in (ARRIVE, LOSE)]
    settings_ = {"extra": [("", LEFT), ("A", loud), ("B", loud)], "initial": [{}, {"B.loud": 1}], "capacity": {"wire": 1}}
    queries = [
        Query("both busy", Post((Var("m", "state", states) == busy) & Peer(Var("m", "state", states) == busy)), ("A", "B")),
        Query("crossing", OnWire("wire", "any", kind == "BYE", "bye") & Sent("wire", (kind == "DATA") & (number == 1)), ("B", "A")),
        Query("got at A only", Fired("m", "got") & ~Fired("wire", "arrive"), ("A",)),
        Query("in the beginning", loud == True, ("A", "B"), initial=True),  # noqa: E712
        Query("impossible", Post(n) < n, ("A", "B"))]
    return System("talkers", ends + [Instance(way, WAY) for way in ("A>B", "B>A")], offers, **{**settings_, **more}), queries, n, loud


def test_channels_with_capacity_resend_loss_and_observers():
    result = agree(*talkers(capacity={"wire": 2})[:2])
    assert result.full > 0 and result.hits["in the beginning"].length == 0 and result.hits["in the beginning"].scope == "B"


def test_a_channel_without_room_is_always_full():
    x, go = Var("m", "x", BOOL), Event("go", number, who="operator")
    table = one("m", [go], [row("go", ANY, go, TRUE, [put(WIRE, kind="BYE", number=number, resend=x), set_(x, True)], STAY, HERE)], [x])
    instances = [Instance("A", table), Instance("A>B", WAY), Instance("B", one("m", [GOT], [ignored(ANY, GOT, HERE)], [x]))]
    offers = [Offer("A", table, go), Offer("A>B", WAY, ARRIVE)]
    result = agree(System("no room", instances, offers, extra=[("", LEFT)], capacity={"wire": 0}))
    assert result.full == 2 and not result.counts.transitions


def test_taking_a_message_that_no_one_can_have_sent():
    """The argument may be any message; only HELLO and BYE are ever in flight, numbered 1."""
    grab, say = Event("grab", kind, number, side, who="attacker"), Event("say", Param("late", BOOL), who="operator")
    x = Var("m", "x", R1)
    table = one("m", [say], [row("say", ANY, say, TRUE, [put(WIRE, kind=ite(say.params[0], "BYE", KIND.const("HELLO")), number=1)],
                                 STAY, HERE)], [x])
    way = one("wire", [grab], [row("grab", ANY, grab, TRUE, [Take(WIRE)], STAY, HERE)], [WIRE], place="direction")
    result = agree(System("grab", [Instance("A", table), Instance("A>B", way)], [Offer("A", table, say), Offer("A>B", way, grab)]))
    assert result.counts.distinct == 6 and result.counts.fired["A>B", "wire", "grab@ONLY"] == 6


def test_monitors_and_constraint():
    system, queries, n, _ = talkers()
    was, lost = Var("monitor", "was", BOOL), Var("monitor", "lost", BOOL)
    monitors = [Monitor("A", was, Sent("wire", kind == "BYE"), Post(n) == 1),
                Monitor("", lost, Post(LEFT) < LEFT, Fired("wire", "lose"))]
    system, queries, *_ = talkers(monitors=monitors, constraint=~((Post(LEFT) == 0) & (LEFT == 1)), initial=[{}])
    result = agree(system, [*queries, Query("seen", Post(was == True) & Peer(n == 1), ("A",)),  # noqa: E712
                            Query("rejected", Post(LEFT) == 0, ("",))])
    assert result.counts.rejected > 0 and result.hits["rejected"] is None


def test_offers_only_where_their_condition_holds():
    x, tick, go = Var("m", "x", R3), Event("tick", who="timer"), Event("go", who="operator")
    table = one("m", [tick, go], [row("tick", ANY, tick, TRUE, [set_(x, 0)], STAY, HERE),
                                  row("go", ANY, go, TRUE, [set_(x, up(x))], STAY, HERE)], [x])
    result = agree(System("timer", [Instance("A", table)], [Offer("A", table, tick, when=x == 2), Offer("A", table, go)]))
    assert result.counts.fired[("A", "m", "tick@ONLY")] == 1


def test_states_of_several_words():
    """Twenty-five cells of three bits; a counter carries through them, so that every cell takes part."""
    place = Range("Place", 24)
    a, i, step_ = Var("m", "a", R7, 3, index=place), Var("m", "i", place), Event("step", who="operator")
    flip = Event("flip", who="operator")
    table = one("m", [step_, flip], [
        row("step", ANY, step_, TRUE, [set_(a[i], up(a[i])), set_(i, ite(i == 24, 0, up(i)))], STAY, HERE),
        row("flip", ANY, flip, (i == 7) | (i == 23), [set_(a[down(i)], 0)], STAY, HERE)], [a, i])
    result = agree(System("wide", [Instance("A", table)], [Offer("A", table, step_), Offer("A", table, flip)]),
                   [Query("last", Post(a[24] == 6), ("A",))])
    assert result.words == 2


def test_a_component_slice_with_the_most_general_environment():
    """Signals and messages leave the system; what it reads of others, observers too, may have any value."""
    other, n = Var("other", "x", R1), Var("m", "n", R1)
    go, hear = Event("go", number, who="operator"), Event("hear", side)
    table = one("m", [go, hear], [
        row("go", ANY, go, (other == number) & OnWire("wire", "out", kind == "BYE", "bye in flight"),
            [signal("other", Event("gone")()), put(WIRE, kind="BYE", number=number), set_(n, number)], STAY, HERE),
        ignored(ANY, hear, HERE, guard=side == True), row("hear", ANY, hear, side == False, [set_(n, 0)], STAY, HERE)], [n])  # noqa: E712
    agree(open_system(table), [Query("sent", Sent("wire", number == 1) & Fired("m", "go"), ("A",))])


def test_what_never_changes_takes_no_bits():
    rigid, x, go = Var("reading", "rigid", R3, 2), Var("m", "x", R3), Event("go", who="operator")
    table = one("m", [go], [row("go", ANY, go, rigid == 2, [set_(x, up(x))], STAY, HERE),
                            row("other", ANY, go, rigid != 2, [set_(x, 0)], STAY, HERE)], [x])
    space = Space(System("rigid", [Instance("A", table)], [Offer("A", table, go)], extra=[("", rigid)]), (), 1 << 26)
    assert [(str(space.system.slots[field.slot]), field.width) for field in space.layout.fields] == [("A.m.x", 2)]


# -- models that are wrong ------------------------------------------------------------------------------------------------


def test_reaching_the_impossible_is_an_error_of_the_model():
    x, go = Var("m", "x", R3), Event("go", who="operator", total=True)
    table = one("m", [go], [row("go", ANY, go, x < 2, [set_(x, up(x))], STAY, HERE),
                            impossible(ANY, go, "the book says so", guard=x >= 2)], [x])
    with pytest.raises(ModelError, match=r"impossible but reached: A\.m, impossible go@ONLY: the book says so"):
        search(System("wrong", [Instance("A", table)], [Offer("A", table, go)]))


def test_two_choices_of_one_name_are_refused():
    go = Event("go", who="operator")
    x = Var("m", "x", R3)
    table = one("m", [go], [row("go", ANY, go, (Choice("c", BOOL) == True) & (Choice("c", R3) == 1), [set_(x, 1)], STAY, HERE)], [x])  # noqa: E712
    with pytest.raises(ModelError, match="two choices of different sorts are named c"):
        search(System("wrong", [Instance("A", table)], [Offer("A", table, go)]))


def test_a_value_outside_its_sort_is_refused():
    system, *_ = talkers(initial=[{"A.m.n": 2}])
    with pytest.raises(ModelError, match=r"the initial value 2 of A\.m\.n is not one of its 2 values"):
        search(system)


# -- stopping early -------------------------------------------------------------------------------------------------------


def counters(cells=9, top=R7):
    """A system as large as one likes: 8 states for each cell."""
    place = Range("Place", cells - 1)
    a, at, inc = Var("m", "a", top, index=place), Param("at", place), Event("inc", Param("at", place), who="operator")
    table = one("m", [inc], [row("inc", ANY, inc, TRUE, [set_(a[at], up(a[at]))], STAY, HERE)], [a])
    return System("counters", [Instance("A", table)], [Offer("A", table, inc)]), a


def test_growth_keeps_everything():
    system, a = counters(6)
    seen = []
    result = search(system, [Query("end", (a[0] == 7) & (a[5] == 7) & (Post(a[3]) == 7) & (a[1] == 7), ("A",))], progress=seen.append)
    assert result.complete and result.counts.distinct == 8**6 and result.counts.transitions == 6 * 8**6
    assert result.counts.levels == 6 * 7 + 1 and result.hits["end"].length == 28
    assert [one.states for one in seen] == sorted(one.states for one in seen) and seen[-1].frontier == 0


def test_interruption_gives_what_was_found():
    system, a = counters()

    def stop(seen):
        if seen.states > 5000:
            raise KeyboardInterrupt

    result = search(system, [Query("soon", Post(a[0]) == 2, ("A",)), Query("late", (a[0] == 7) & (a[8] == 7) & (a[4] == 7), ("A",))],
                    progress=stop)
    assert (result.complete, result.why) == (False, "interrupted")
    assert result.counts.distinct > 5000 and result.hits["soon"].length == 2 and result.hits["late"] is None


def test_too_little_memory_ends_the_search():
    result = search(counters()[0], memory_gib=0.01)
    assert (result.complete, result.why) == (False, "memory limit of 0.01 GiB reached")
    assert 0.25 < result.counts.distinct * result.bytes / (0.01 * 2**30) <= 1


def test_better_code_goes_on_where_the_first_left_off():
    """In the middle of a level, with counts and hits so far."""
    system, a = counters(6)
    query = Query("seven", Post(a[2]) == 7, ("A",))
    plain, tuned = (Space(system, [query], 1 << 30) for _ in range(2))
    for space in (plain, tuned):
        at = 0
        while at < space.count:
            if space.full:
                assert space.grow()
            at = space.expand(at, space.count, 10_000)
            if space is tuned and at > 1000:
                space.tune(wait=True)
    assert plain.count == tuned.count == 8**6 and plain["transitions"] == tuned["transitions"]
    assert plain.hit[0] == tuned.hit[0] > 0 and plain.rows[0] == tuned.rows[0]
    assert (plain.parents[:plain.count] == tuned.parents[:tuned.count]).all()
    assert (plain.states[:plain.count] == tuned.states[:tuned.count]).all()


def test_no_memory_at_all():
    result = search(counters()[0], memory_gib=0)
    assert (result.complete, result.why) == (False, "memory limit of 0 GiB reached")


def test_too_little_time_ends_the_search():
    result = search(counters()[0], timeout=0)
    assert (result.complete, result.why) == (False, "time limit") and result.counts.distinct > 1


def test_stopping_at_the_last_hit_is_not_complete():
    system, a = counters()
    result = search(system, [Query("two", Post(a[1]) == 2, ("A",)), Query("three", Post(a[1]) == 3, ("A",))], stop_when_all_hit=True)
    assert (result.complete, result.why) == (False, "every query hit")
    assert [result.hits[name].length for name in ("two", "three")] == [2, 3] and result.counts.levels == 3


def test_stopping_when_all_rows_have_fired(monkeypatch):
    """After the same state, however the work is cut up."""
    x, up_, down_ = Var("m", "x", R7), Event("up", who="operator"), Event("down", who="operator")
    table = one("m", [up_, down_], [row("up", ANY, up_, x < 7, [set_(x, up(x))], STAY, HERE),
                                    row("down", ANY, down_, x == 5, [set_(x, 0)], STAY, HERE),
                                    row("no", ANY, down_, x == 6, [Refuse("no")], STAY, HERE)], [x])
    system = System("rows", [Instance("A", table)], [Offer("A", table, up_), Offer("A", table, down_)])
    found = []
    for budget in (1, 10_000):
        monkeypatch.setattr("verify.search.FIRST_BUDGET", budget)
        found.append(search(system, stop_when_fired="m"))
    assert (found[0].complete, found[0].why) == (False, "every row fired")
    assert found[0].counts == found[1].counts and found[0].counts.transitions == 7 and found[0].counts.levels == 6


def test_a_disagreement_shows_both_sides(monkeypatch):
    system, a = counters(2)
    monkeypatch.setattr("verify.search.true_at", lambda *_: None)
    text = r"makes two true, the interpreter finds none, from\n  A\.m\.state = ONLY\n  A\.m\.a\[0\] = 0"
    with pytest.raises(EngineDisagreement, match=text):
        search(system, [Query("two", Post(a[1]) == 2, ("A",))])


def test_the_witness_does_not_depend_on_the_hash_seed():
    code = ("from tests.test_search import talkers; from verify.search import search; s, q, *_ = talkers(); r = search(s, q); "
            "print(r.hits, r.counts, r.full)")
    texts = set()
    for seed in ("1", "2", "3"):
        around = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        texts.add(subprocess.run([sys.executable, "-c", code], env=around, capture_output=True, text=True, check=True).stdout)
    assert len(texts) == 1


# -- random systems -------------------------------------------------------------------------------------------------------

R2 = Range("R2", 2)
PHASE = Enum("Phase", "P", "Q", "R")
P_N, P_B = Param("n", R2), Param("b", BOOL)
LINE = Channel("line", "messages", (P_N, P_B), 2)
BUDGET, READING = Var("world", "budget", R2, 2), Var("reading", "mode", R2)
GO, TICK, HEARD = Event("go", P_N, who="operator"), Event("tick", who="timer"), Event("heard", P_N, P_B)
NOTE, HEAR, END = Event("note", P_N), Event("hear", P_B), Event("end")
C_N, C_B = Choice("cn", R2), Choice("cb", BOOL)
M = {"x": Var("m", "x", R2), "f": Var("m", "f", BOOL), "a": Var("m", "a", BOOL, index=R2)}
K = {"y": Var("k", "y", R2), "g": Var("k", "g", BOOL)}
MOVE, DROP, COPY = Event("move", takes=LINE, who="network"), Event("drop", takes=LINE, who="fault"), Event("copy", takes=LINE, who="fault")


class Maker:
    """Random total tables. `own` is the table's variables; None stands for a message pattern, which reads parameters only."""

    def __init__(self, rnd):
        self.rnd = rnd

    def number(self, own, params, depth=1, choice=True):
        leaves = [p for p in params if p.sort is R2]
        if own is not None:
            leaves += [BUDGET, READING, *(v for v in own.values() if v.sort is R2 and v.index is None)]
        pick = self.rnd.randrange(8)
        if depth and pick == 0:
            return up(self.number(own, params, depth - 1, choice))
        if depth and pick == 1:
            return down(self.number(own, params, depth - 1, choice))
        if depth and pick == 2:
            return ite(self.truth(own, params, depth - 1, choice), self.number(own, params, 0, choice), self.number(own, params, 0, choice))
        if pick == 3:
            return R2.const(self.rnd.randrange(3))
        return C_N if pick == 4 and choice else self.rnd.choice(leaves)

    def truth(self, own, params, depth=2, choice=True):
        leaves = [p for p in params if p.sort is BOOL]
        leaves += [] if own is None else [v for v in own.values() if v.sort is BOOL and v.index is None]
        pick = self.rnd.randrange(9)
        if depth and pick < 4:
            left, right = (self.truth(own, params, depth - 1, choice) for _ in range(2))
            return (left & right, left | right, ~left, left == right)[pick]
        if pick == 4:
            return C_B if choice else TRUE
        if pick == 5 and own is M:
            return M["a"][self.number(own, params, 0, choice)]
        if pick == 6 and own:
            return OnWire("line", self.rnd.choice(["in", "out", "any"]), self.rnd.randrange(3) == P_N, "seen")
        if pick == 7 and leaves:
            return self.rnd.choice(leaves)
        compare = self.rnd.choice([lambda a, b: a == b, lambda a, b: a < b, lambda a, b: a >= b])
        return compare(self.number(own, params, min(depth, 1), choice), self.number(own, params, 0, choice))

    def actions(self, own, params, signals, choice=True):
        if self.rnd.randrange(12) == 0:
            return [Refuse("no")]
        made = []
        for var in own.values():
            if self.rnd.randrange(3) == 0:
                target = var[self.number(own, params, 0, choice)] if var.index else var
                value = self.number(own, params, 1, choice) if var.sort is R2 else self.truth(own, params, 1, choice)
                made.append(set_(target, value))
        for table, event in signals:
            for _ in range(self.rnd.choice([0, 0, 1, 1, 2])):
                args = {p.name: self.number(own, params, 1, choice) if p.sort is R2 else self.truth(own, params, 0, choice)
                        for p in event.params}
                made.append(signal(table, event(**args)))
        if self.rnd.randrange(3) == 0:
            made.append(put(LINE, n=self.number(own, params, 1, choice), b=self.truth(own, params, 0, choice),
                            resend=self.truth(own, params, 0, choice)))
        return made

    def lines(self, own, event, signals, full):
        for state in PHASE.consts():
            guard, params = self.truth(own, event.params), event.params
            for name, condition in (("yes", guard), ("no", ~guard)):
                if full or self.rnd.randrange(3):
                    after = self.rnd.choice([STAY, *PHASE.consts()])
                    yield row(f"{event.name} {name}", state, event, condition, self.actions(own, params, signals), after, HERE)

    def claim(self, own, depth=2):
        pick = self.rnd.randrange(8)
        if depth and pick < 3:
            left, right = self.claim(own, depth - 1), self.claim(own, depth - 1)
            return (left & right, left | right, ~left)[pick]
        if depth and pick == 3 and own:
            return Peer(self.claim(own, depth - 1))
        if depth and pick == 4:
            return Post(self.claim(own, depth - 1))
        if pick == 5:
            return Sent("line", self.truth(None, (P_N, P_B), 1, False))
        if pick == 6:
            return Fired("m", *(f"{event.name} {word}" for event in (GO, TICK, HEARD) for word in ("yes", "no") if self.rnd.randrange(2)))
        return self.truth(own, (), 1, False)

    def endpoint(self):
        other = [("k", HEAR), ("m", NOTE)]
        lines = [*self.lines(M, GO, other, False), *self.lines(M, TICK, other, False), *self.lines(M, HEARD, other, True),
                 *self.lines(M, NOTE, [("k", END)], True)]
        return Table("m", "m", Var("m", "state", PHASE), (GO, TICK, HEARD, NOTE), tuple(lines), tuple(M.values()))

    def system(self):
        m = self.endpoint()
        k = Table("k", "k", Var("k", "state", PHASE), (HEAR, END),
                  (*self.lines(K, HEAR, [("k", END)], True), *self.lines(K, END, [], True)), tuple(K.values()))
        less = [set_(BUDGET, down(BUDGET))]
        line = one("line", [MOVE, DROP, COPY], [
            row("move", ANY, MOVE, TRUE, [Take(LINE), signal("m", HEARD(n=P_N, b=P_B), at="dst")], STAY, HERE),
            row("drop", ANY, DROP, BUDGET > 0, [Take(LINE), *less], STAY, HERE),
            row("copy", ANY, COPY, BUDGET > 0, [put(LINE, n=P_N, b=~P_B, at="here"), *less], STAY, HERE)], [LINE], place="direction")
        instances = [Instance("A", m), Instance("B", m), Instance("A>B", line), Instance("B>A", line), Instance("A", k)]
        open_ended = self.rnd.randrange(3) == 0
        if not open_ended:
            instances.append(Instance("B", k))
        when = self.truth(M, (), 1, False) if self.rnd.randrange(2) else TRUE
        offers = [Offer("A", m, TICK, when=when), Offer("B", m, GO, only={"n": (0, 2)})]
        offers += [Offer("A", m, GO)] if self.rnd.randrange(2) else []
        offers += [Offer(way, line, event) for way in ("A>B", "B>A") for event in (MOVE, DROP, COPY) if self.rnd.randrange(4)]
        bits = [Var("monitor", f"h{i}", BOOL) for i in range(2)]
        monitors = [Monitor(scope, bit, self.claim(M), self.claim(M)) for bit, scope in zip(bits, "AB", strict=True)]
        constraint = self.claim({}, 2) | self.claim({}, 1) if self.rnd.randrange(2) else TRUE
        initial = [{"A.mode": 1}, {"world.budget": 1, "B.m.x": 2}] if self.rnd.randrange(2) else [{}]
        system = System("random", instances, offers, extra=[("", BUDGET), ("A", READING), ("B", READING), ("", READING)], initial=initial,
                        capacity={"line": self.rnd.choice([1, 1, 2])}, monitors=monitors, constraint=constraint, open_ended=open_ended)
        return system, [Query(f"q{i}", self.claim(M, 3), self.rnd.choice([("A", "B"), ("B", "A"), ("B",)]), bool(self.rnd.randrange(2)))
                        for i in range(3)]


MOST = 100  # states the interpreter expands of each


def examples(count):
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])



@examples(250)
@given(st.integers(0, 2**40))
def test_random_systems(seed):
    agree(*Maker(Random(seed)).system(), MOST)


@examples(100)
@given(st.integers(0, 2**40))
def test_random_component_slices(seed):
    maker = Maker(Random(seed))
    system = open_system(maker.endpoint())
    agree(system, [Query("claim", Sent("line", P_N == 1) & (Post(M["x"]) == 2), ("A",))], MOST // 5)


def readings(preset):
    """The preset's value for every reading, at both ends."""
    value = PRESETS[preset].value
    return {end + key: value(key) for key, one in READINGS.items() for end in (("A:", "B:") if one.scope == "endpoint" else ("",))}


@pytest.mark.parametrize("name", [*(f"{name} {preset}" for name in SLICES for preset in PRESETS), *slice_names()[len(SLICES):]])
def test_the_slices_of_the_model(name):
    """From states all over what the native search reaches first, one step in both engines."""
    name, _, preset = name.partition(" ")
    system, at = build(name, readings(preset) if preset else {}), 0
    space, most = Space(system, (), 1 << 28), 100_000 if preset else 1000
    while at < min(most, space.count) and space.count < most:
        assert not space.full or space.grow()
        at = space.expand(at, space.count, 20_000)
    picked = sorted(Random(name).sample(range(space.count), min(space.count, 60 if preset else 6)))
    system.initial = tuple(space.state(number) for number in picked)
    agree(system, (), len(picked))


def test_firings_are_counted_for_every_transition():
    result = search(counters(2)[0])
    assert result.counts.fired == Counter({("A", "m", "inc@ONLY"): 128})
