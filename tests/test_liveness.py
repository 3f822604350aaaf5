"""Liveness: systems whose answer is known, an independent judge on random ones, recorded transitions against the interpreter, and
endless runs that are not what they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.api import verify
from lockstep.choice import UsageError, readings
from lockstep.engines import run
from lockstep.jobs import Job
from model.action import Channel, Event, Take, put, set_, signal
from model.expr import FALSE, TRUE, Enum, Param, Range, Var, down, evaluate
from model.slices import SLICES, build
from model.system import ENDS, Instance, Offer, System
from model.table import ANY, STAY, ignored, row
from model.trace import TraceError, from_document, to_document
from properties.findings import FINDINGS
from properties.liveness import RESPONSES
from properties.presets import PRESETS
from properties.registry import CLAIMS, HOLDS, UNDECIDED, VIOLATED, responses_of
from properties.response import owed
from tests.oracles import peterson
from tests.test_search import HERE, M, Maker, examples, one
from tests.test_slices import SMALL, removed
from traces.diff import diff
from traces.ladder import ladder
from traces.lasso import refuted
from traces.python import python_test
from traces.replay import NotARun, replay
from verify.liveness import Duty, liveness
from verify.native import NOBODY, Space
from verify.query import EngineDisagreement
from verify.step import Disabled, Outcome, StepView, step, stimuli

QUIET = {"attacks": 0, "copies": 0}


def everyone(_offer):
    return True


def nobody(_offer):
    return False


def judged(system, when, goal, owed=everyone, scopes=("",), **more):
    """The verdict on one duty; a lasso is checked on the interpreter."""
    duty = Duty("it", when, goal, scopes, owed, **more)
    result = liveness(system, [duty])
    assert result.complete
    found = result.found["it"]
    if found.lasso is not None:
        assert refuted_by_hand(system, duty, found.lasso) == ""
    return found


def refuted_by_hand(system, duty, lasso):
    states, outcome = [lasso.initial], None
    for stimulus in lasso.stimuli:
        outcome = step(system, states[-1], stimulus)
        states.append(outcome.after)
    about = SimpleNamespace(when=duty.when, goal=duty.goal, leads=duty.leads, owed=duty.owed, bars=duty.barred)
    return refuted(system, about, lasso.scope, states, lasso.stimuli, lasso.loop)


# -- Peterson -----------------------------------------------------------------------------------------------------------------------


WAITS, INSIDE = peterson.TABLES[0].state == peterson.A3, peterson.TABLES[0].state == peterson.CS


def test_peterson_is_free_of_starvation_under_weak_fairness():
    found = judged(peterson.system(), WAITS, INSIDE)
    assert found.tested > 0 and found.lasso is None and not found.bounded


def test_without_fairness_a_process_may_stay_where_it_is():
    found = judged(peterson.system(), WAITS, INSIDE, nobody)
    assert found.lasso.loop == len(found.lasso.stimuli) == 3


def test_one_process_may_stop_in_its_critical_section_if_it_owes_nothing():
    """Then the other one waits for ever: weak fairness of P1 alone is too little."""
    found = judged(peterson.system(), WAITS, INSIDE, lambda offer: offer.table.name == "P1")
    assert found.lasso is not None


def test_a_lock_without_a_turn_deadlocks():
    table = peterson.TABLES[0]

    def greedy(me, other):
        lines = [line if line.name != "enter" else row("enter", peterson.A3, peterson.STEP, ~peterson.FLAG[other], [], peterson.CS, HERE)
                 for line in peterson.process(me, other).lines]
        return replace(peterson.process(me, other), lines=tuple(lines))

    tables = greedy("P1", "P2"), greedy("P2", "P1")
    assert tables[0].name == table.name
    found = judged(peterson.system(tables), tables[0].state == peterson.A3, tables[0].state == peterson.CS)
    assert found.lasso.loop == len(found.lasso.stimuli) == 6  # each process makes three steps


# -- a link -------------------------------------------------------------------------------------------------------------------------


SIGN = Enum("Sign", "DATA", "ACK", "NOISE")
sign = Param("sign", SIGN)
LOSSES = Var("world", "losses", Range("Losses", 2), 1)
SEND, AGAIN, MOAN, HEAR = Event("send", who="operator"), Event("again", who="timer"), Event("moan", who="timer"), Event("hear", sign)


def link(*, losses=True, again=True, moan=False, budget=True, capacity=2, answers=True, crossing=False):
    """A sends DATA until it hears ACK; messages may be lost. `moan`: A also sends NOISE. `crossing`: both ends begin with a message
    under way, and an answer wants the room that the own one takes."""
    line = Channel("line", "messages", (sign,), capacity)
    arrive, lose = Event("arrives", who="network", takes=line), Event("lost", who="network", takes=line)
    way = one("line", [arrive, lose], [
        row("arrives", ANY, arrive, TRUE, [Take(line), signal("m", HEAR(sign=sign), at="dst")], STAY, HERE),
        row("lost", ANY, lose, (LOSSES > 0) if budget else TRUE, [Take(line), *([set_(LOSSES, down(LOSSES))] if budget else [])], STAY,
            HERE)], [line], place="direction")
    states = Enum("Talk", "IDLE", "SENT", "DONE")
    idle, sent, done = states.consts()
    rows = [row("send", idle, SEND, TRUE, [put(line, sign="DATA")], sent, HERE),
            row("again", sent, AGAIN, TRUE, [put(line, sign="DATA", resend=True)], STAY, HERE),
            row("moan", sent, MOAN, TRUE, [put(line, sign="NOISE", resend=True)], STAY, HERE),
            row("data", ANY, HEAR(sign="DATA"), TRUE, [put(line, sign="ACK", resend=True)] if answers else [], STAY, HERE),
            row("ack", ANY, HEAR(sign="ACK"), TRUE, [], done, HERE), ignored(ANY, HEAR(sign="NOISE"), HERE)]
    table = one("m", [SEND, AGAIN, MOAN, HEAR], rows, states=states)
    offers = [Offer("A", table, SEND)] + [Offer("A", table, AGAIN)] * again + [Offer("A", table, MOAN)] * moan
    offers += [Offer(at, way, event) for at in ("A>B", "B>A") for event in ((arrive, lose) if losses else (arrive,))]
    data = line.encode([SIGN.code("DATA")])
    initial = {"A>B.line[0]": data, "B>A.line[0]": data, "A.m.state": 1, "B.m.state": 1} if crossing else {}
    instances = [Instance("A", table), Instance("B", table), Instance("A>B", way), Instance("B>A", way)]
    return System("link", instances, offers, extra=[("", LOSSES)], initial=[initial]), table.state == sent, table.state == done


def of_itself(offer):
    return owed(offer.table, offer.event)


def test_what_happens_of_itself():
    system, *_ = link(moan=True)
    assert [(offer.event.name, of_itself(offer)) for offer in system.offers[:5]] == [
        ("send", False), ("again", True), ("moan", True), ("arrives", True), ("lost", False)]
    for name in SLICES:
        offers = build(name, readings("draft", {})).offers
        assert {offer.event.name for offer in offers if not of_itself(offer) and offer.event.takes is not None} == {
            f"{what} {how}" for what in ("segment", "datagram") for how in ("lost", "arrives and is copied")}
        assert not any(of_itself(offer) for offer in offers if offer.event.who in ("operator", "attacker"))


def test_retransmission_makes_up_for_losses_that_end():
    system, sent, done = link()
    assert judged(system, sent, done, of_itself, ("A",)).lasso is None


def test_without_retransmission_one_loss_is_for_ever():
    system, sent, done = link(again=False)
    lasso = judged(system, sent, done, of_itself, ("A",)).lasso
    assert [one.event for one in lasso.stimuli] == ["send", "lost"] and lasso.loop == 2
    assert judged(link(again=False, losses=False)[0], sent, done, of_itself, ("A",)).lasso is None


def test_weak_fairness_is_too_little_where_every_message_may_be_lost():
    system, sent, done = link(budget=False)
    lasso = judged(system, sent, done, of_itself, ("A",)).lasso
    assert lasso.loop < len(lasso.stimuli) and "lost" in [one.event for one in lasso.stimuli[lasso.loop:]]


def test_no_message_is_overtaken_for_ever():
    """NOISE comes and goes without end, by the same event at the same place as DATA; DATA arrives all the same."""
    system, sent, done = link(moan=True, capacity=3)
    assert judged(system, sent, done, of_itself, ("A",)).lasso is None


def test_a_deadlock_of_full_wires_is_no_finding():
    system, sent, done = link(crossing=True, capacity=1, again=False, losses=False)
    found = judged(system, sent, done, of_itself, ("A",))
    assert found.lasso is None
    assert found.bounded == ("bound reached: arrives at A>B and arrives at B>A is disabled only for want of room on the wire, and nothing "
                             "else is owed")
    wider, sent, done = link(crossing=True, capacity=2, again=False, losses=False)
    found = judged(wider, sent, done, of_itself, ("A",))
    assert found.tested and found.lasso is None and not found.bounded


def test_a_genuine_trap_counts_beside_a_bounded_one():
    system, sent, done = link(crossing=True, capacity=1, again=False)
    assert judged(system, sent, done, of_itself, ("A",)).lasso is not None


def test_an_action_outside_the_system_and_one_that_is_barred():
    system, sent, done = link(again=False)
    assert judged(system, sent, done, of_itself, ("A",), leads=sent).lasso is None
    assert judged(system, sent, done, of_itself, ("A",), leads=sent & (LOSSES > 0)).lasso is not None
    fresh = sent & (LOSSES > 0)
    assert judged(system, fresh, done, of_itself, ("A",)).lasso is not None
    assert judged(system, fresh, done, of_itself, ("A",), barred=lambda offer: offer.event.name == "lost").lasso is None


# -- an independent judge -----------------------------------------------------------------------------------------------------------


def graph_of(system, most):
    """States and transitions as the interpreter finds them; what a bound forbids leads to None. None where there are too many."""
    edges, seen, todo = [], set(system.initial), list(system.initial)
    for state in todo:
        for _, after, action in leaving(system, state):
            edges.append((state, after, action))
            if after is not None and after not in seen:
                seen.add(after)
                todo.append(after)
        if len(todo) > most:
            return None
    return todo, edges


def leaving(system, state):
    for stimulus in stimuli(system, state):
        action = (stimulus.scope, stimulus.table, stimulus.event, stimulus.args)
        try:
            outcome = step(system, state, stimulus)
        except Disabled as why:
            if why.full:
                yield state, None, action
            continue
        ok = evaluate(system.constraint, StepView(system, "", outcome))
        yield state, outcome.after if ok else None, action


def verdict_by_sets(system, states, edges, when, goal, scope, owed_actions):
    """VIOLATED, UNDECIDED or HOLDS, from the definition, with networkx and sets."""
    def true(expr, state):
        return bool(evaluate(expr, StepView(system, scope, Outcome(state, state, (), ()))))

    open_ = {state for state in states if not true(goal, state)}
    inner = nx.MultiDiGraph()
    inner.add_nodes_from(open_)
    inner.add_edges_from((source, target, {"action": action}) for source, target, action in edges if {source, target} <= open_)
    region = set()
    for state in open_:
        if true(when, state):
            region |= {state} | nx.descendants(inner, state)
    possible, real = {state: set() for state in states}, {state: set() for state in states}
    for source, target, action in edges:
        if action[:3] in owed_actions:
            possible[source].add(action)
            if target is not None:
                real[source].add(action)
    worst = HOLDS
    for members in nx.strongly_connected_components(inner.subgraph(region)):
        taken = {action for _, _, action in inner.subgraph(members).edges(data="action")}
        due = set.intersection(*(possible[state] for state in members)) - taken
        if not due:
            return VIOLATED
        if not due & set().union(*(real[state] for state in members)):
            worst = UNDECIDED
    return worst


seen_verdicts: Counter[str] = Counter()


@examples(100)
@given(st.integers(0, 2**40))
def test_random_systems(seed):
    rnd = Random(seed)
    maker = Maker(rnd)
    system, _ = maker.system()
    found = graph_of(system, 80)
    if found is None:
        return
    when, goal = (maker.truth(M, (), 2, False) for _ in range(2))
    keys = {(offer.scope, offer.table.name, offer.event.name) for offer in system.offers if rnd.randrange(3)}
    result = judged(system, when, goal, lambda offer: (offer.scope, offer.table.name, offer.event.name) in keys, ("B",))
    verdict = VIOLATED if result.lasso else UNDECIDED if result.bounded else HOLDS
    seen_verdicts[verdict] += 1
    assert verdict == verdict_by_sets(system, *found, when, goal, "B", keys)


def test_the_random_systems_were_of_all_kinds():
    if not seen_verdicts:
        test_random_systems()
    assert min(seen_verdicts[one] for one in (VIOLATED, HOLDS)) > 10 and seen_verdicts[UNDECIDED] > 0


# -- recorded transitions -----------------------------------------------------------------------------------------------------------


def recorded(system):
    space, at = Space(system, (), 1 << 28, edges=True, marks=[]), 0
    while at < space.count:
        assert not space.full or space.grow()
        at = space.expand(at, space.count, 2_000)
    return space


def agree_on_edges(system, every=1):
    """Of every so many states, in the order of the search."""
    space = recorded(system)
    native, wanted = Counter(), Counter()
    for source, target, label in space.edges.tolist():
        if source % every == 0:
            offer, args = space.stimulus(label)
            after = None if target == NOBODY else space.state(target)
            native[space.state(source), after, (offer.scope, offer.table.name, offer.event.name, args)] += 1
    for number in range(0, space.count, every):
        wanted.update(leaving(system, space.state(number)))
    assert set(native) == set(wanted)
    # Where a bound forbids a stimulus whose choices nothing consults, native code tries one choice of them.
    assert {key: count for key, count in native.items() if key[1]} == {key: count for key, count in wanted.items() if key[1]}
    assert (np.diff(space.edges[:, 0].astype(np.int64)) >= 0).all()
    return native


@examples(25)
@given(st.integers(0, 2**40))
def test_edges_of_random_systems(seed):
    system, _ = Maker(Random(seed)).system()
    if graph_of(system, 80) is not None:
        agree_on_edges(system)


@pytest.mark.parametrize(("name", "preset"), [("teardown", "repaired"), ("opening", "draft")])
def test_edges_of_the_slices(name, preset):
    edges = agree_on_edges(build(name, readings(preset, {}), bounds=SMALL), 8)
    assert any(target is None for _, target, _ in edges) and sum(edges.values()) > 200


def test_marks_are_what_the_interpreter_reads():
    system, marks = build("teardown", readings("draft", {}), bounds=SMALL), []
    for about in RESPONSES:
        marks += [(expr, end) for end in ENDS for expr in (about.when, about.goal, about.leads)]
    space, at = Space(system, (), 1 << 28, marks=marks), 0
    while at < space.count:
        assert not space.full or space.grow()
        at = space.expand(at, space.count, 1 << 40)
    found = space.marked()
    for number in range(0, space.count, 41):
        state = space.state(number)
        bits = [evaluate(expr, StepView(system, end, Outcome(state, state, (), ()))) for expr, end in marks]
        assert int(found[number]) == sum(bit << at for at, bit in enumerate(bits))
    assert (np.bitwise_or.reduce(found) | np.uint64(0)) != 0


def test_transitions_count_against_the_memory():
    system = build("teardown", readings("draft", {}), bounds=QUIET)
    short = liveness(system, [Duty("it", TRUE, FALSE, ("A",), nobody)], memory_gib=0.003)
    assert short.why == "memory limit of 0.003 GiB reached" and not short.found
    assert short.edges * 12 < 0.003 * 2**30


# -- the properties -----------------------------------------------------------------------------------------------------------------

def outcome_of(name, preset, *names, changed=(), **bounds):
    """Of those asked for, or all, the ones that are judged with the first."""
    abouts = [one for one in responses_of(name) if not names or one.name in names]
    within = abouts[0].slices[name]
    together = tuple(one.name for one in abouts if one.slices[name] == within)
    return run(Job(name, preset, {**within.readings, **dict(changed)}, together, (), {**within.bounds, **bounds}, engine="liveness"))


def test_each_property_says_where_it_comes_from():
    for about in RESPONSES:
        assert about.name not in CLAIMS and about.requirements and set(about.slices) <= set(SLICES)
        assert about.sentence[0].isupper() and about.sentence.endswith(".") and "draft" in about.source


@pytest.mark.parametrize("preset", PRESETS)
def test_two_segments_are_too_few_for_two_opens(preset):
    """The slice's own note: an OPEN that arrives wants room for an ACK and a KEEPALIVE."""
    outcome = outcome_of("opening", preset, segments=2)
    assert outcome.judgements["session-comes-up"].verdict == UNDECIDED
    assert "segment arrives at A>B and segment arrives at B>A is disabled only for want of room" in outcome.judgements[
        "session-comes-up"].reason


@pytest.mark.parametrize("preset", PRESETS)
def test_hold_time_zero_leaves_a_dead_sa_undetected(preset):
    outcome = outcome_of("teardown", preset, "dead-sa-detected", changed={"A:hold": "zero", "B:hold": "zero"}
                         if "A:hold" in readings(preset, {}) else {"hold": "zero"})
    trace = outcome.traces["dead-sa-detected"]
    assert trace.loop == trace.length <= 3


def test_a_peer_that_restarts_is_missed_by_the_hold_timer_alone():
    """F-28: in one step, for ever with hold time zero; with one, what is not missed for want of an SA is missed all the same."""
    outcome = outcome_of("restart", "repaired", "dead-sa-detected", changed={"hold": "zero"})
    trace = outcome.traces["dead-sa-detected"]
    assert [one.event for one in trace.steps] == ["restart"] and trace.end == "B" and trace.loop == 1
    assert outcome_of("restart", "repaired", "dead-sa-detected").judgements["dead-sa-detected"].verdict == HOLDS


def test_a_black_hole_is_noticed_where_a_delete_that_nobody_asked_for_fails_the_connection():
    """F-16 and R-h: the draft has no else branch. The reading that gives it one carries the property, in the same bounds."""
    name = "blackhole-is-noticed"
    trace = outcome_of("teardown", "draft", name).traces[name]
    assert trace.loop == trace.length and any("b11 ignored" in row for step in trace.steps for row in step.rows)
    changed = {"A:unmarked_del": "event18", "B:unmarked_del": "event18"}
    assert outcome_of("teardown", "draft", name, changed=changed).judgements[name].verdict == HOLDS


def test_two_phase_1_exchanges_that_cross_leave_no_way_to_negotiate():
    """F-27: each end keeps the phase 1 SA that the other has deleted; without INITIAL-CONTACT the keys come up."""
    trace = outcome_of("phase1", "draft", "keys-come-up").traces["keys-come-up"]
    told = [row for step in trace.steps for row in step.rows]
    assert sum("INITIAL-CONTACT with the peer's SA" in row for row in told) == 2
    assert {step.event for step in trace.steps[trace.loop:]} == {"datagram arrives", "retransmission"}
    changed = {"A:ic": "off", "B:ic": "off"}
    assert outcome_of("phase1", "draft", "keys-come-up", changed=changed).judgements["keys-come-up"].verdict == HOLDS


def test_the_end_of_a_session_takes_what_its_restarted_peer_needs_to_come_back():
    """F-44, L6: the routes are kept, and only the Restart Time ends that. Where SAs go with the TCB it does not come to this."""
    name = "graceful-restart-kept"
    trace = outcome_of("collision", "draft", name).traces[name]
    told = [row for step in trace.steps for row in step.rows]
    assert any("session lost: routes stale" in row for row in told) and any("b13" in row for row in told) and trace.end == "B.2"
    changed = {"A:del_trigger": "tcp_closed", "B:del_trigger": "tcp_closed"}
    assert outcome_of("collision", "draft", name, changed=changed).judgements[name].verdict == HOLDS
    plain = {"A:gr": "off", "B:gr": "off"}
    untested = outcome_of("collision", "draft", name, changed=plain).judgements[name]
    assert untested.verdict == UNDECIDED and "its antecedent is not reached" in untested.reason


def test_a_late_read_is_owed_where_the_slice_leaves_it_out():
    """A daemon that never reads the EOF is no finding: not offered in slice phase1, and the only thing left to do."""
    about = next(one for one in RESPONSES if one.name == "close-ends")
    system = build("phase1", readings("repaired", {}), bounds={"losses": 0})
    system = system.starting(system.initial[1:6])
    assert ("B", "tcp", "read EOF") not in system.offer_of and ("B", "tcp", "read EOF") in build("teardown", readings("draft", {})).offer_of
    with_it = Duty("it", about.when, about.goal, ("A", "B"), about.owed, about.bars, about.leads)
    without = replace(with_it, name="not", leads=FALSE)
    found = liveness(system, [with_it, without]).found
    assert found["it"].lasso is None and found["not"].lasso is not None


@pytest.mark.parametrize(("table", "key", "action", "breaks"), [
    ("binding", "b8 TIME-WAIT ended: delete all SAs@closing", "delete(g0", "no-orphan-sa"),
    ("ipsec", "SA deleted@SAD", "ipsec.out", "no-orphan-sa"),
])
def test_an_action_taken_out_of_a_row_shows(table, key, action, breaks):
    with removed(table, key, action):
        assert outcome_of("teardown", "repaired", breaks, losses=0).judgements[breaks].verdict == VIOLATED
    assert outcome_of("teardown", "repaired", breaks, losses=0).judgements[breaks].verdict == HOLDS


@pytest.mark.parametrize(("finding", "breaks"), [("F-03/keep", "no-orphan-sa"),
                                                 ("F-03/at-lastack-stuck", "close-ends"), ("F-06/discard", "close-ends")])
def test_known_findings_about_endings_show_as_endless_runs(finding, breaks):
    trace = outcome_of("teardown", "draft", breaks, changed=FINDINGS[finding].readings).traces[breaks]
    assert trace.loop is not None and trace.length >= trace.loop > 2


def test_an_sa_goes_because_its_delete_arrives(monkeypatch):
    """Without a loss; and where no arrival is owed, it stays."""
    changed = FINDINGS["F-03/keep"].readings
    assert outcome_of("teardown", "draft", "no-orphan-sa", changed=changed, losses=0).judgements["no-orphan-sa"].verdict == HOLDS
    monkeypatch.setattr("properties.response._arrival", lambda *_: False)
    trace = outcome_of("teardown", "draft", "no-orphan-sa", changed=changed, losses=0).traces["no-orphan-sa"]
    monkeypatch.undo()
    with pytest.raises(NotARun, match=r"datagram arrives at .* stays possible and never happens"):
        replay(trace)


def test_who_comes_to_be_stuck_does_not_end():
    """The state claim is the shorter witness of the same fault."""
    report = verify("teardown", preset=("draft", "repaired"), properties=("no-stuck-close", "close-ends"), bounds=QUIET, workers=1)
    for preset in PRESETS:
        state, run_ = (report.of(name, preset=preset) for name in ("no-stuck-close", "close-ends"))
        assert (state.verdict, run_.verdict) == (VIOLATED, VIOLATED)
        assert run_.engine == "liveness" and run_.loop is not None and state.loop is None and state.length <= run_.length


def test_only_the_search_judges_them():
    with pytest.raises(UsageError, match="property close-ends: only the search judges endless runs; engine bmc does not"):
        verify("teardown", properties=("close-ends",), engine="bmc")


# -- endless runs as traces ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def endless():
    return {preset: outcome_of("teardown", preset, "close-ends").traces["close-ends"] for preset in PRESETS}


def test_a_lasso_is_written_and_read(endless):
    for trace in endless.values():
        document = to_document(trace)
        assert document["loop"] == trace.loop and from_document(document) == trace
    assert endless["draft"].loop < endless["draft"].length and endless["repaired"].loop == endless["repaired"].length
    claim = replace(endless["draft"], loop=None)
    assert "loop" not in to_document(claim) and from_document(to_document(claim)).loop is None


def test_the_renderings_say_what_goes_on_for_ever(endless):
    for preset, words in (("draft", "again and again, from the state after step"), ("repaired", "nothing happens any more that")):
        done = replay(endless[preset])
        assert "steps, endless, slice teardown" in ladder(done) and f"for ever: {'' if preset == 'repaired' else 'step'}" in ladder(done)
        assert words in ladder(done) and words in diff(done) and "endless" in python_test(done)
        marked = [line[3] for line in ladder(done).splitlines() if line[:3].strip().isdigit() and len(line) > 3]
        assert marked.count("*") == done.trace.length - done.trace.loop and "!" not in marked


@pytest.mark.parametrize(("change", "error", "text"), [
    ({"loop": 1}, NotARun, r"step \d does not lead back to the state after step 1"),
    ({"loop": None}, TraceError, "an endless run, with a loop, breaks what is to come about"),
    ({"property": "no-stuck-close"}, TraceError, "an endless run, with a loop, breaks what is to come about"),
    ({"property": ""}, TraceError, "an endless run, with a loop, breaks what is to come about"),
    ({"property": "session-comes-up"}, TraceError, "it is not judged in slice teardown, only in opening"),
    ({"property": "no-orphan-sa"}, NotARun, "what calls for it does not hold, or its goal is reached afterwards|its goal is reached after"),
])
def test_a_run_that_is_not_what_it_says(endless, change, error, text):
    for preset in PRESETS:
        with pytest.raises(error, match=text):
            replay(replace(endless[preset], **change))


def test_an_unfair_run_is_refused(endless):
    """Stopped short: a message is still under way, or a timer runs."""
    for trace in endless.values():
        texts = []
        for length in range(1, trace.length - 1):
            with pytest.raises(NotARun, match=r"is not broken at . by this endless run") as error:
                replay(replace(trace, steps=trace.steps[:length], loop=length))
            texts.append("stays possible and never happens" in str(error.value))
        assert any(texts)


@pytest.mark.parametrize("loop", [-1, 99, 2.5, True, "2"])
def test_a_loop_that_is_no_number_of_steps(endless, loop):
    with pytest.raises(TraceError, match=r"loop .*: a number of steps from 0 to \d is needed; the file is damaged"):
        from_document(to_document(endless["draft"]) | {"loop": loop})


def test_a_lasso_of_native_code_that_the_interpreter_does_not_know(monkeypatch):
    system, sent, done = link(again=False)
    monkeypatch.setattr("verify.query.allowed", lambda *_: iter(()))
    with pytest.raises(EngineDisagreement):
        liveness(system, [Duty("it", sent, done, ("A",), of_itself)])
