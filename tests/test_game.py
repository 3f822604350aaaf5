"""The game against brute force on random systems, on systems whose answer is plain, and on kept witnesses."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import product
from random import Random

import pytest

import verify.game
import verify.step
from model.action import Channel, Event, Take, set_, signal
from model.action import put as put_on
from model.expr import BOOL, TRUE, Enum, Fired, Param, Peer, Post, Range, Sent, Var, conj, evaluate, up
from model.slices import build
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, ignored, row
from properties.findings import FINDINGS
from tests.runs import GALLERY
from tests.test_search import HERE, PHASE, M, Maker
from traces.files import read
from traces.names import coded
from verify.game import Arena, chance
from verify.game import _lost as lost_states
from verify.options import Options
from verify.query import EngineDisagreement, Query
from verify.rereading import Rereading, own_readings
from verify.search import search
from verify.step import Disabled, StepView, Stimulus, View, step

MOST = 40  # states of a random arena


# -- brute force: the interpreter, reading anew at each event -----------------------------------------------------------------------


class Twice(Exception):
    """An event of the end was processed twice in one step. The native game answers both alike, brute force need not."""


class TooLarge(Exception):
    """More states than are worth visiting in this way."""


class Anew:
    """The interpreter with the readings of an end chosen for each event; `plan`: the code for each, from the first on."""

    def __init__(self, monkeypatch, system, end):
        self.system, self.end, self.plan, self.sizes, self.seen, self.now = system, end, [], [], set(), None
        pick, leaf = verify.step._row, View.leaf

        def picking(system, at, event, view):
            self.now = None
            if at.scope == end:
                if (at.table.name, event.name) in self.seen:
                    raise Twice
                self.seen.add((at.table.name, event.name))
                if len(self.sizes) == len(self.plan):
                    self.plan.append(0)
                self.now = self.plan[len(self.sizes)]
                self.sizes.append(3)
            return pick(system, at, event, view)

        def reading(view, expr):
            mine = self.now is not None and type(view) is View and isinstance(expr, Var) and expr.table == "reading"
            return self.now if mine else leaf(view, expr)

        monkeypatch.setattr(verify.step, "_row", picking)
        monkeypatch.setattr(View, "leaf", reading)

    def answers(self, state, stimulus):
        """What may come of it: a state, an outcome that is to be judged, or None where the bound is in the way."""
        found = list(self.every(state, stimulus))
        some = any(one != "no row" for one in found)  # else it is a choice that the model does not offer here
        return [state if one == "no row" else one for one in found if one != "refused" and (some or one != "no row")]

    def every(self, state, stimulus):
        self.plan = []
        while True:
            self.sizes, self.seen, self.now = [], set(), None
            try:
                yield step(self.system, state, stimulus)
            except Disabled as error:
                if error.full:
                    yield None
                elif str(error).startswith("an equal message"):
                    yield state
                elif str(error).startswith("no row of"):
                    yield "no row"
                elif str(error) == "no":  # a row that refuses
                    yield "refused"
            while self.plan and self.plan[-1] == 2:
                self.plan.pop()
            if not self.plan:
                return
            self.plan[-1] += 1


def brute(anew, broken, scope):
    """The states reached, and those that are lost."""
    system, end = anew.system, anew.end
    moves, todo = {}, list(system.initial)
    while todo:
        state = todo.pop()
        if state in moves:
            continue
        if len(moves) > MOST:
            raise TooLarge
        moves[state] = []
        for offer, choices in zip(system.offers, system.offer_choices, strict=True):
            runs_at = offer.scope.split(">")[-1]
            for args in verify.step.arguments(system, state, offer):
                made = [tuple(zip((c.name for c in choices), codes, strict=True))
                        for codes in product(*(range(c.sort.size) for c in choices))]
                for together in [made] if runs_at == end else [[one] for one in made]:
                    found = set()
                    for chosen in together:
                        for answer in anew.answers(state, Stimulus(offer.scope, offer.table.name, offer.event.name, args, chosen)):
                            if answer is None or answer == state:
                                found.add(answer)
                            else:
                                bad = evaluate(broken, StepView(system, scope, answer))
                                found.add("broken" if bad else answer.after)
                    if found:
                        moves[state].append(found)
                        todo += [one for one in found if isinstance(one, tuple)]
    lost = set()
    while True:
        more = {state for state, every in moves.items() if state not in lost
                and any(all(one == "broken" or one in lost for one in found) for found in every)}
        if not more:
            return set(moves), lost
        lost |= more


def compare(monkeypatch, system, end, broken, scope):
    system.constraint = TRUE
    mine = own_readings(system, end)
    system.initial = tuple(dict.fromkeys(tuple(system.initial[0][at] if at in mine else code for at, code in enumerate(state))
                                         for state in system.initial))
    with monkeypatch.context() as patched:
        states, lost = brute(Anew(patched, system, end), broken, scope)
    arena = Arena(system, end, broken, scope, nature=())
    assert arena.complete
    numbers = {state: arena.number(state) for state in states}
    assert None not in numbers.values() and arena.states == len(states)
    assert {state for state, number in numbers.items() if arena.lost[number]} == lost
    return len(lost), len(states)


def far_claim(rnd):
    """A claim that breaks in some states only, so that there is something to play for."""
    state = Var("m", "state", PHASE)
    facts = [state == rnd.choice(PHASE.values), M["x"] == rnd.randrange(3), M["f"] if rnd.randrange(2) else ~M["f"]]
    return Post(conj(*rnd.sample(facts, rnd.choice([1, 1, 2]))))


def random_games(count):
    """(system, end, claim, scope) of small random systems with a reading at each end."""
    for seed in range(count):
        rnd = Random(seed)
        system, _ = Maker(rnd).system()
        yield system, rnd.choice("AB"), far_claim(rnd), rnd.choice("AB")


def played(monkeypatch, count):
    """How often the arena and brute force agreed: where some state is lost, where none is."""
    agreed = Counter()
    for game in random_games(count):
        with suppress(Twice, TooLarge):
            agreed[compare(monkeypatch, *game)[0] > 0] += 1
    return agreed


def test_random_systems(monkeypatch):
    agreed = played(monkeypatch, 80)
    assert agreed[True] >= 3 and agreed[False] >= 20, agreed


def test_an_end_that_keeps_to_its_first_reading_is_noticed(monkeypatch):
    monkeypatch.setattr(Rereading, "possible", lambda self, expr: self.put_in(expr, dict.fromkeys(self.readings, 0)))
    with pytest.raises(AssertionError):
        played(monkeypatch, 80)


# -- readings that do not change, by exhaustive search ---------------------------------------------------------------------------------


def breaks(system, state, broken, scope):
    """Does a run from here break the claim? By the interpreter; raises TooLarge."""
    todo, seen = [state], {state}
    while todo:
        for _, outcome in verify.step.successors(system, todo.pop()):
            if evaluate(broken, StepView(system, scope, outcome)):
                return True
            if outcome.after not in seen:
                seen.add(outcome.after)
                todo.append(outcome.after)
        if len(seen) > 10 * MOST:
            raise TooLarge
    return False


def unmoved(game, count):
    """Beginnings that some readings of the end, which then stay as they are, keep from every breach; how many of these the game calls
    lost; and how many it calls lost at all."""
    kept, wrong, lost = 0, 0, 0
    for seed, (system, end, broken, scope) in enumerate(random_games(count)):
        system.constraint, mine, state = TRUE, own_readings(system, end), system.initial[0]
        if seed % 2:  # a claim that reads a reading of the end
            var = next(iter(mine.values())).var
            said = var != var.sort.values[seed // 2 % 3]
            broken = broken & (said if scope == end else Peer(said))
        with suppress(TooLarge):
            fixed = [dict(zip(mine, codes, strict=True)) for codes in product(*(range(slot.var.sort.size) for slot in mine.values()))]
            every = [breaks(system, tuple(one.get(at, code) for at, code in enumerate(state)), broken, scope) for one in fixed]
            is_lost = game(system, end, broken, scope, state)
            kept, wrong, lost = kept + (not all(every)), wrong + (is_lost and not all(every)), lost + is_lost
    return kept, wrong, lost


def test_no_beginning_is_lost_that_readings_keep_from_every_breach():
    def game(system, end, broken, scope, state):
        return lost_states(system, end, broken, scope, [state], 500, ())[0][0]

    kept, wrong, lost = unmoved(game, 36)
    assert wrong == 0 and kept >= 12 and lost >= 2, (kept, lost)


# -- systems whose answer is plain ---------------------------------------------------------------------------------------------------

PLACE = Enum("Place", "BEGIN", "EDGE", "SAFE", "OVER")
BEGIN, EDGE, SAFE, OVER = PLACE.consts()
MODE = Var("reading", "mode", Enum("Mode", "bold", "shy"))
PUSH = Event("push", who="operator")
WALKS = Var("walk", "state", PLACE)


def walkers(*more, bold_at_edge=True):
    """A push leads a bold reader from BEGIN to EDGE and from there OVER; a shy one to SAFE."""
    edge = [row("over", EDGE, PUSH, MODE == "bold", [], OVER, HERE), row("back", EDGE, PUSH, MODE == "shy", [], SAFE, HERE)]
    table = Table("walk", "walk", WALKS, (PUSH,), (
        row("on", BEGIN, PUSH, MODE == "bold", [], EDGE, HERE), row("aside", BEGIN, PUSH, MODE == "shy", [], SAFE, HERE),
        *(edge if bold_at_edge else [row("over", EDGE, PUSH, TRUE, [], OVER, HERE)]), *more))
    return System("walkers", [Instance("A", table), Instance("B", table)], [Offer("A", table, PUSH), Offer("B", table, PUSH)],
                  extra=[("A", MODE), ("B", MODE)])


PUSH_A = Stimulus("A", "walk", "push")
FELL = Post(WALKS == OVER)


def the_chance(system, end, stimuli=(PUSH_A, PUSH_A), **more):
    return chance(system, end, FELL, TRUE, "A", system.initial[0], stimuli, nature=(), **more)


def test_the_last_chance_is_the_last_step_that_could_be_read_otherwise():
    found = the_chance(walkers(), "A")
    assert (found.lost, found.last, found.undecided) == ((False, False), 1, None)
    assert dict(found.adopted.changes) == {"A:mode": "shy"} and found.adopted.smallest and found.adopted.tested
    assert (found.followed.row.key, found.instead.row.key) == ("over@EDGE", "back@EDGE")
    assert dict(found.from_start.changes) == {"A:mode": "shy"}


def test_once_the_text_leaves_no_choice_the_chance_is_gone():
    found = the_chance(walkers(bold_at_edge=False), "A")
    assert (found.lost, found.last) == ((False, True), 0)
    assert (found.followed.row.key, found.instead.row.key) == ("on@BEGIN", "aside@BEGIN")


def test_the_other_end_never_had_one():
    found = the_chance(walkers(), "B")
    assert (found.lost, found.last, found.adopted) == ((True, True), None, None)


SHOVE = Event("shove", who="network")


def shoved(**readings):
    """A push leads a bold reader OVER; a shove, whoever stands there."""
    mode = Var("reading", *readings.get("reading", ("mode", MODE.sort)))
    bold, shy = mode.sort.consts()
    table = Table("walk", "walk", WALKS, (PUSH, SHOVE), (
        row("over", BEGIN, PUSH, mode == bold, [], OVER, HERE), row("aside", BEGIN, PUSH, mode == shy, [], SAFE, HERE),
        row("shoved", BEGIN, SHOVE, TRUE, [], OVER, HERE)))
    offered = [PUSH, SHOVE] if readings.get("shove", True) else [PUSH]
    return System("shoved", [Instance("A", table), Instance("B", table)], [Offer("A", table, event) for event in offered],
                  extra=[("A", mode), ("B", mode)])


def test_who_never_had_a_chance_learns_what_it_could_avoid_and_what_not():
    found = the_chance(shoved(), "A", (PUSH_A,))
    assert found.lost == (True,) and found.last is None
    assert dict(found.anyway.changes) == {"A:mode": "shy"} and [one.row.name for one in found.anyway.broken_by] == ["shoved"]


def test_an_end_on_which_the_run_does_not_depend_is_told_so():
    found = the_chance(shoved(), "B", (PUSH_A,))
    assert (dict(found.anyway.changes), found.anyway.broken_by) == ({}, ())


def test_a_reading_that_the_claim_reads_is_the_ends_to_settle():
    """As `verify` would say of it; and the claim that is kept is then another one, which is said."""
    system, bold_falls = shoved(), FELL & (MODE == "bold")
    assert Arena(system, "A", bold_falls, "A", nature=()).lost.any()  # held to the reading it began with, as before decision 030
    found = chance(system, "A", bold_falls, TRUE, "A", system.initial[0], (PUSH_A,), nature=())
    assert (found.last, dict(found.adopted.changes), found.adopted.named) == (0, {"A:mode": "shy"}, ("A:mode",))


def test_a_game_said_to_be_lost_though_readings_keep_the_claim_is_noticed(monkeypatch):
    monkeypatch.setattr(verify.game, "_lost", lambda *_: ((True,), 1))
    with pytest.raises(EngineDisagreement, match="'A:mode': 'shy'"):
        the_chance(shoved(shove=False), "A", (PUSH_A,))


def test_rules_for_a_port_on_which_nobody_listens_are_no_remedy():
    port = ("port", Enum("Port", "179", "170"))
    assert the_chance(shoved(reading=port, shove=False), "A", (PUSH_A,)).lost == (True,)
    other = ("port", Enum("Port", "170", "179"))
    assert dict(the_chance(shoved(reading=other, shove=False), "A", (PUSH_A,)).adopted.changes) == {"A:port": "179"}


def test_a_run_that_breaks_nothing_is_refused():
    with pytest.raises(ValueError, match="does not break the claim at A"):
        the_chance(walkers(), "A", (PUSH_A,))


def test_a_reading_that_keeps_the_claim_by_ending_everything_is_told_apart():
    system = walkers()
    went = Fired("walk", "over", "back")
    found = chance(system, "A", FELL, went, "A", system.initial[0], (PUSH_A, PUSH_A), nature=())
    assert found.adopted.tested and found.from_start is not None and not found.from_start.tested


KIND = Param("kind", Enum("Kind", "good", "bad"))
PIPE = Channel("pipe", "messages", (KIND,), 1)
SAY, GONE = Event("say", who="operator"), Event("gone", takes=PIPE, who="network")


def talker(resend):
    """A says good or bad, as it reads; where it says good again while that is under way, nothing is added."""
    table = Table("talk", "talk", Var("talk", "state", Enum("One", "HERE")), (SAY,), (
        row("good", ANY, SAY, MODE == "shy", [put_on(PIPE, kind="good", resend=resend)], STAY, HERE),
        row("bad", ANY, SAY, MODE == "bold", [put_on(PIPE, kind="bad")], STAY, HERE)))
    pipe = Table("pipe", "pipe", Var("pipe", "state", Enum("Up", "UP")), (GONE,), (
        row("gone", ANY, GONE, TRUE, [Take(PIPE)], STAY, HERE),), (PIPE,), "direction")
    return System("talker", [Instance("A", table), Instance("A>B", pipe)], [Offer("A", table, SAY), Offer("A>B", pipe, GONE)],
                  extra=[("A", MODE)], capacity={"pipe": 2})


SAID_BAD = Sent("pipe", KIND == "bad")


@pytest.mark.parametrize("resend", [True, False])
def test_an_end_is_not_forced_by_what_the_model_leaves_out(resend):
    """A copy of what is under way, and an answer for which there is no room, do not make the other answer the only one."""
    arena = Arena(talker(resend), "A", SAID_BAD, "A", nature=())
    assert arena.complete and not arena.lost.any()


def test_without_that_rule_it_would_be(monkeypatch):
    from verify.codegen import DISABLED

    monkeypatch.setattr(Options, "again", DISABLED)
    assert Arena(talker(True), "A", SAID_BAD, "A", nature=()).lost.any()


def test_what_was_not_expanded_counts_as_safe():
    x, inc = Var("count", "x", Range("Seven", 7)), Event("inc", who="operator")
    table = Table("count", "count", Var("count", "state", Enum("Only", "ONLY")), (inc,), (
        row("inc", ANY, inc, x < 7, [set_(x, up(x))], STAY, HERE),), (x,))
    system = System("count", [Instance("A", table)], [Offer("A", table, inc)])
    whole, part = (Arena(system, "A", Post(x == 7), "A", nature=(), most=most) for most in (100, 3))
    assert whole.complete and whole.lost.all()
    assert not part.complete and not part.lost.any()


def test_a_signal_is_read_anew_too():
    """The end may read one event boldly and the next one shyly, in one step."""
    tell, flag = Event("tell"), Var("inner", "flag", BOOL)
    inner = Table("inner", "inner", Var("inner", "state", Enum("In", "IN")), (tell,), (
        row("set", ANY, tell, MODE == "bold", [set_(flag, True)], STAY, HERE), ignored(ANY, tell, HERE, MODE == "shy")), (flag,))
    go, ok = Event("go", who="operator"), Var("outer", "ok", BOOL)
    outer = Table("outer", "outer", Var("outer", "state", Enum("Out", "OUT")), (go,), (
        row("bold", ANY, go, MODE == "bold", [set_(ok, True), signal("inner", tell)], STAY, HERE),
        row("shy", ANY, go, MODE == "shy", [set_(ok, False), signal("inner", tell)], STAY, HERE)), (ok,))
    system = System("nested", [Instance("A", outer), Instance("A", inner)], [Offer("A", outer, go)], extra=[("A", MODE)])
    mixed = Post(~(ok & ~flag))  # kept only by bold, then shy
    assert not Arena(system, "A", mixed, "A", nature=()).lost.any()
    assert search(system, [Query("mixed", mixed, ("A",))]).hits["mixed"] is not None


# -- kept witnesses ------------------------------------------------------------------------------------------------------------------


def of_finding(name, end):
    finding = FINDINGS[name]
    trace = read(GALLERY / f"{name.replace('/', '-')}.json")
    system = build(trace.slice, trace.readings, bounds=trace.bounds, monitors=finding.claim.monitors)
    stimuli = [coded(system, number, one) for number, one in enumerate(trace.steps, 1)]
    return chance(system, end, finding.claim.violated, finding.claim.antecedent, trace.end, system.initial[trace.start], stimuli)


def test_the_delete_was_the_last_chance_of_the_one_who_sent_it():
    """F-02: B's SA expires and B sends a Delete, which A takes for the end of B's teardown. From then on only A could have known better."""
    a, b = of_finding("F-02/confirm", "A"), of_finding("F-02/confirm", "B")
    assert (a.lost, a.last, dict(a.adopted.changes)) == ((False, False, False), 2, {"A:confirm": "never"})
    assert (b.lost, b.last, dict(b.adopted.changes)) == ((False, False, True), 1, {"B:expiry": "abort"})
    assert b.followed.row.name == "hard limit" and b.followed.scope == "B"
