"""Smallest repairs: what a run depends on, hitting sets, tiny systems and a slice against brute force, ablation, the command."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lockstep
from lockstep import repair as module
from lockstep.ablation import ablation
from lockstep.choice import UsageError, parse, readings
from lockstep.conflicts import Conflicts, knobs, size
from lockstep.graceful import cost
from lockstep.jobs import Job, Limits, Question, question
from lockstep.repair import any_of, repairs
from model.action import Event
from model.expr import TRUE, Enum, Post, Var, conj, disj, evaluate, ite
from model.readings import READINGS, reading
from model.slices import SLICES
from model.system import Instance, Offer, System
from model.table import Table, row
from properties import endings
from properties.presets import PRESETS
from properties.registry import CLAIMS, VIOLATED, claims_of
from tests.runs import judged
from tests.test_cli import ENVIRONMENT, command
from tests.test_slices import NOT_LOAD_BEARING, RULES, TRIED, WITHOUT
from verify.depends import Watcher
from verify.query import Query
from verify.search import search
from verify.step import Disabled, StepView, Stimulus, step, successors
from verify.symbolic.hitting import Hitting

QUIET = {"copies": 0, "attacks": 0}
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}
ALL = {name: tuple(claim.name for claim in claims_of(name)) for name in SLICES}


# What a run depends on ----------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def asked():
    return {name: question(Job(name, "draft", properties=ALL[name])) for name in SLICES}


def with_readings(system, state, codes):
    cells = list(state)
    for name, code in codes.items():
        cells[system.reading_positions[name]] = code
    return tuple(cells)


def drawn_readings(draw, system):
    return {name: draw(st.integers(0, READINGS[name.rpartition(":")[2]].var.sort.size - 1)) for name in system.reading_positions}


def walked(draw, system, initial, steps):
    """A run with its outcomes."""
    state, run = initial, []
    for _ in range(steps):
        found = list(successors(system, state))
        if not found:
            break
        stimulus, outcome = draw(st.sampled_from(found)) if len(found) < 200 else found[draw(st.integers(0, len(found) - 1))]
        run.append((stimulus, outcome))
        state = outcome.after
    return run


def met(conditions, codes):
    return all(tuple(codes[name] for name in one.names) in one.allowed for one in conditions)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(data=st.data(), name=st.sampled_from(list(SLICES)))
def test_whatever_meets_the_conditions_has_the_same_run(asked, data, name):
    system, queries = asked[name].system, asked[name].queries
    now = drawn_readings(data.draw, system)
    start = data.draw(st.sampled_from(system.initial))
    initial = with_readings(system, start, now)
    run = walked(data.draw, system, initial, data.draw(st.integers(1, 7)))
    broken = [(query.when, end) for query in queries for end in query.scopes
              if evaluate(query.when, StepView(system, end, run[-1][1]))] or [(TRUE, "A")]
    stimuli = [stimulus for stimulus, _ in run]
    for when, end in broken:
        conditions = Watcher(system).run(initial, stimuli, when, end)
        assert met(conditions, now)
        other = dict(now)
        for key, value in drawn_readings(data.draw, system).items():
            if met(conditions, {**other, key: value}):
                other[key] = value
        state = with_readings(system, start, other)
        for stimulus, before in run:
            after = step(system, state, stimulus)
            assert [(one.scope, one.row, one.args) for one in after.fired] == [(one.scope, one.row, one.args) for one in before.fired]
            assert after.sent == before.sent
            state = after.after
            assert state == with_readings(system, before.after, other)
        assert evaluate(when, StepView(system, end, after))


STOP = Stimulus("A", "bgp", "ManualStop")


def test_one_step_depends_on_what_its_rows_read(asked):
    """ManualStop at A, alone under its phase 1 SA. Row b12 fires where the session's end is what deletes, and phase 1 goes with it;
    whether foreign traffic counts makes no difference where there is none; what B reads makes none at all."""
    system = asked["teardown"].system
    found = {one.names: {tuple(READINGS[name.rpartition(":")[2]].values[code] for name, code in zip(one.names, codes, strict=True))
                         for codes in one.allowed}
             for one in Watcher(system).run(system.initial[0], [STOP], CLAIMS["sa-outlives-connection"].violated, "A")}
    assert found[("A:del_trigger",)] == {("bgp_idle",)}
    assert found[("A:p1_delete",)] == {("last_bgp_session",), ("always",)}
    names = {name for names in found for name in names}
    assert names == {"A:del_trigger", "A:p1_delete", "A:p1_cascade", "A:port", "ipsec"}  # which Deletes go; whether the SPD rule is for BGP


def test_a_claim_that_reads_readings_of_both_ends():
    """A stuck close depends on what becomes of packets without an SA, at either end. Whatever meets the conditions is stuck."""
    there = question(Job("teardown", "draft", properties=tuple(claim.name for claim in endings.CLAIMS), bounds=SMALL))
    system, (hit,) = there.system, [hit for hit in search(there.system, there.queries).hits.values() if hit is not None]
    when = CLAIMS[hit.query].violated
    conditions = Watcher(system).run(hit.initial, hit.stimuli, when, hit.scope)
    names = [f"{at}:{key}" for at in "AB" for key in ("after_del", "listener_rule", "port")]
    now = {name: system.initial[0][at] for name, at in system.reading_positions.items()}
    meeting = differing = 0
    for codes in product(*(range(len(READINGS[name[2:]].values)) for name in names)):
        other = now | dict(zip(names, codes, strict=True))
        breaks = ends_in(system, with_readings(system, hit.initial, other), hit.stimuli, when, hit.scope)
        assert breaks or not met(conditions, other)
        meeting, differing = meeting + met(conditions, other), differing + (not breaks)
    assert {"A:after_del", "B:after_del"} <= {name for one in conditions for name in one.names}
    assert 1 < meeting < 144 and differing


def ends_in(system, state, stimuli, when, end):
    for stimulus in stimuli:
        try:
            outcome = step(system, state, stimulus)
        except Disabled:
            return False
        state = outcome.after
    return bool(evaluate(when, StepView(system, end, outcome)))


def test_conditions_forgotten_show(asked, monkeypatch):
    """Without its conditions on readings the same run is another one under other readings."""
    system = asked["teardown"].system
    monkeypatch.setattr(Watcher, "_asks_readings", lambda *_: False)
    assert Watcher(system).run(system.initial[0], [STOP], TRUE, "A") == ()
    before, after = (step(system, with_readings(system, system.initial[0], {"A:del_trigger": code}), STOP).after for code in (0, 1))
    assert after != with_readings(system, before, {"A:del_trigger": 1})


def test_what_is_no_run_or_ends_otherwise_is_refused(asked):
    system = asked["teardown"].system
    watcher = Watcher(system)
    with pytest.raises(Disabled):
        watcher.run(system.initial[0], [Stimulus("A", "tcp", "2MSL")], TRUE, "A")
    with pytest.raises(ValueError, match="does not end as said"):
        watcher.run(system.initial[0], [STOP], CLAIMS["no-plaintext-out"].violated, "A")


# Hitting sets -------------------------------------------------------------------------------------------------------------------------

KNOBS = st.lists(st.integers(2, 3), min_size=2, max_size=5)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(data=st.data(), options=KNOBS)
def test_smallest_disagreement_against_brute_force(data, options):
    hitting, conflicts = Hitting(options), []
    for _ in range(data.draw(st.integers(0, 8))):
        conflict = []
        for _ in range(data.draw(st.integers(0, 3))):
            at = sorted(data.draw(st.sets(st.integers(0, len(options) - 1), min_size=1, max_size=2)))
            every = list(product(*(range(options[one]) for one in at)))
            conflict.append((at, data.draw(st.sets(st.sampled_from(every), min_size=1))))
        hitting.forbid(conflict)
        conflicts.append(conflict)
    left = [one for one in product(*map(range, options)) if not any(
        all(tuple(one[knob] for knob in at) in allowed for at, allowed in conflict) for conflict in conflicts)]
    found = hitting.smallest()
    assert (found is None) == (not left)
    if found is not None:
        assert found in left and size(found) == min(map(size, left))


# Tiny systems -------------------------------------------------------------------------------------------------------------------------

KEYS = ("del_trigger", "passive_del", "after_del")
STATES = Enum("Tiny", "S0", "S1", "S2", "S3", "BAD")
AT = Var("tiny", "state", STATES)
GO = Event("go", who="operator")
ATOMS = st.sampled_from([reading(key) == value for key in KEYS for value in READINGS[key].values])
GUARDS = st.recursive(ATOMS, lambda kids: st.one_of(
    st.tuples(kids, kids).map(lambda pair: conj(*pair)), st.tuples(kids, kids).map(lambda pair: disj(*pair)), kids.map(lambda one: ~one),
    st.tuples(kids, kids, kids).map(lambda three: ite(*three))), max_leaves=4)


def tiny(guards, targets):
    """From each state two rows, by what readings say; BAD breaks the claim and goes nowhere."""
    states = STATES.consts()
    lines = []
    for number, (guard, (yes, no)) in enumerate(zip(guards, targets, strict=True)):
        lines += [row("yes", states[number], GO, guard, [], states[yes], "a test"),
                  row("no", states[number], GO, ~guard, [], states[no], "a test")]
    table = Table("tiny", "A tiny machine", AT, (GO,), tuple(lines))
    return System("tiny", [Instance("A", table)], [Offer("A", table, GO)], extra=[("A", READINGS[key].var) for key in KEYS])


class Tiny(Question):
    """Of a system that is no slice; it always starts in the same state."""

    def starts(self, chosen):
        return self.system.initial


def run_to_bad(system, codes):
    """The one run, as stimuli, if it comes to BAD."""
    state, stimuli = with_readings(system, system.initial[0], codes), []
    for _ in range(STATES.size):
        state = step(system, state, Stimulus("A", "tiny", "go")).after
        stimuli.append(Stimulus("A", "tiny", "go"))
        if state[system.position("A", AT)] == STATES.size - 1:
            return stimuli
    return None


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(guards=st.lists(GUARDS, min_size=4, max_size=4), targets=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4,
                                                                         max_size=4))
def test_tiny_systems_against_brute_force(guards, targets):
    system = tiny(guards, targets)
    chosen = {f"A:{key}": READINGS[key].values[0] for key in KEYS}
    base = Tiny(Job("tiny", "draft"), chosen, system, (Query("not-bad", Post(AT) == "BAD", ("A",)),), ())
    conflicts = Conflicts(base, ["not-bad"], knobs(list(chosen), chosen, symmetric=False))
    good = {codes for codes in product(*(range(len(READINGS[key].values)) for key in KEYS))
            if run_to_bad(system, {f"A:{key}": code for key, code in zip(KEYS, codes, strict=True)}) is None}
    tried = 0
    while (candidate := conflicts.smallest()) is not None:
        now = chosen | conflicts.changes(candidate)
        codes = {name: READINGS[name[2:]].var.sort.code(value) for name, value in now.items()}
        stimuli = run_to_bad(system, codes)
        if stimuli is None:
            break
        assert conflicts.breaking(now) == [] and conflicts.learn(0, stimuli, now) == 1 and len(conflicts.breaking(now)) == 1
        tried += 1
        assert tried <= 18
    assert (candidate is None) == (not good)
    if candidate is not None:
        assert candidate in {tuple(codes) for codes in good} and size(candidate) == min(map(size, good))


def test_knobs():
    chosen = readings("draft", parse(["A:after_del=discard", "confirm=never"]))
    read = ["A:after_del", "B:after_del", "A:confirm", "B:confirm", "hold"]
    both = {one.name: one for one in knobs(read, chosen, symmetric=True)}
    assert set(both) == {"after_del", "confirm", "hold"}
    assert both["after_del"].options == (("discard", "bypass"), ("bypass", "bypass"), ("discard", "discard"), ("acquire", "acquire"))
    assert both["confirm"].options == (("never", "never"), ("any_del", "any_del"), ("bound_only", "bound_only"))
    assert both["hold"].options == (("on",), ("zero",))
    each = {one.name: one.options for one in knobs(read, chosen, symmetric=False)}
    assert set(each) == set(read) and each["A:after_del"] == (("discard",), ("bypass",), ("acquire",))


# Where a slice starts ----------------------------------------------------------------------------------------------------------------

@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(data=st.data(), name=st.sampled_from(list(SLICES)))
def test_a_run_starts_where_the_slice_does_under_other_readings(asked, data, name):
    """Without IPsec or with hold time zero it starts elsewhere, not only with other readings. (With `gr` only a routes table does:
    tests/test_routes.py.)"""
    changed = {key: data.draw(st.sampled_from(READINGS[key].values)) for key in ("hold", "ipsec", "md5", "naive")}
    overrides = parse([f"{key}={value}" for key, value in changed.items()])
    conflicts = Conflicts(asked[name], (), ())
    assert conflicts.starts(readings("draft", overrides)) == question(Job(name, "draft", overrides, ALL[name])).system.initial


@pytest.fixture(scope="module")
def attacked():
    """Conflicts of slice attacker after a search of its start without IPsec."""
    there = question(Job("attacker", "draft", parse(["ipsec=off"]), ALL["attacker"], bounds=SMALL))
    base = question(Job("attacker", "draft", {}, ALL["attacker"], bounds=SMALL))
    conflicts = Conflicts(base, ALL["attacker"], knobs(["ipsec", "md5", "hold"], base.chosen, symmetric=True))
    result = search(there.system, there.queries)
    hits = [hit for hit in result.hits.values() if hit is not None]
    assert hits and sum(conflicts.learn(there.system.initial.index(hit.initial), hit.stimuli, there.chosen) for hit in hits)
    return conflicts, there


def test_a_run_from_a_start_of_its_own_says_nothing_of_the_others(attacked):
    conflicts, there = attacked
    on = readings("draft", {})
    for one in conflicts.known.values():
        assert one.initial in there.system.initial and conflicts.breaking(on) == []
        (condition,) = [condition for condition in one.conditions if condition.names == ("hold", "ipsec")]
        assert {dict(zip(condition.names, codes, strict=True))["ipsec"] for codes in condition.allowed} == {1}


def test_a_start_that_is_taken_for_another_shows(attacked):
    """Readings put into the base's starts, which are those with IPsec: then the same steps are no run."""
    conflicts, there = attacked
    one = next(iter(conflicts.known.values()))
    assert there.run(one.initial, one.stimuli).outcomes
    start = there.system.initial.index(one.initial)
    codes = {name: READINGS[name.rpartition(":")[2]].var.sort.code(value) for name, value in there.chosen.items()}
    wrong = with_readings(conflicts.system, conflicts.system.initial[start], codes)
    assert wrong not in there.system.initial


def test_a_run_needs_the_timers_of_its_start():
    """F-28: with hold time zero nobody notices; with another value the hold timer runs from the start on, and somebody does."""
    found = repairs("restart", "draft", parse(["hold=zero"]), ["lost-peer-is-noticed"], {}, limits=Limits(), limit=20)
    assert {"hold": "on"} in [dict(one.changes) for one in found.found]


def test_ends_between_which_no_connection_can_be_are_no_repair():
    """Per end: A's rules for port 170 and B's for 179 would keep much, if there were a session to begin with."""
    base = question(Job("teardown", "draft", {}, ALL["teardown"]))
    names = ["A:port", "B:port"]
    conflicts = Conflicts(base, ALL["teardown"], knobs(names, base.chosen, symmetric=False))
    seen = []
    while (one := conflicts.smallest()) is not None:
        seen.append(conflicts.changes(one))
        conflicts.leave_out(one)
    assert seen == [{}, {"A:port": "170", "B:port": "170"}]


# A slice ------------------------------------------------------------------------------------------------------------------------------

TURNED = ("del_trigger", "peer_del", "expiry")
FROM = ("passive_del=at_closed", "p1_delete=never")
BOUNDS = {**QUIET, "segments": 1}


@pytest.fixture
def only(monkeypatch):
    """Only some readings may be changed."""
    def limit(*keys):
        monkeypatch.setattr(module, "knobs", lambda *args, **more: tuple(one for one in knobs(*args, **more) if one.name in keys))

    return limit


def test_teardown_against_brute_force(only):
    only(*TURNED)
    found = repairs("teardown", "draft", parse(FROM), (), BOUNDS, limits=Limits())
    assert found.complete and not found.undecided and not found.why
    good = {}
    for values in product(*(READINGS[key].values for key in TURNED)):
        texts = [f"{key}={value}" for key, value in zip(TURNED, values, strict=True)]
        there = question(Job("teardown", "draft", parse([*FROM, *texts]), found.wanted, bounds=BOUNDS))
        outcome = search(there.system, there.queries)
        assert outcome.complete
        if not any(outcome.hits.values()):
            changed = {key: value for key, value in zip(TURNED, values, strict=True) if value != PRESETS["draft"].value(key)}
            good[tuple(sorted(changed.items()))] = outcome.counts.distinct
    fewest = min(map(len, good))
    assert found.at_least == fewest == found.found[0].size > 1
    assert {tuple(sorted({name[2:]: value for name, value in one.changes.items()}.items())): one.states for one in found.found} == {
        changes: states for changes, states in good.items() if len(changes) == fewest}
    for one in found.found:
        assert sorted(need.change for need in one.needs) == sorted({name[2:] for name in one.changes})
        assert all(lockstep.replay(need.trace).trace.property in found.wanted for need in one.needs)


def test_teardown_whole():
    """All readings may change. What is found passes the judge of lockstep verify; without any one change it does not."""
    told = []
    found = repairs("teardown", "draft", {}, (), QUIET, limits=Limits(), progress=told.append)
    assert found.complete and found.at_least == 5
    assert [parse(["del_trigger=tcp_closed", "passive_del=at_closed", "peer_del=defer", "expiry=abort", "p1_delete=never"])] == [
        dict(one.changes) for one in found.found]
    (one,) = found.found
    assert found.endings == {"no-stuck-close": 3}
    assert set(one.endings) == set(found.endings) and all(one.endings.values())
    report = lockstep.verify("teardown", preset="draft", readings=[f"{name}={value}" for name, value in one.changes.items()], bounds=QUIET)
    for result in (one for one in report.results if one.property in CLAIMS):
        assert (result.verdict == VIOLATED) == (result.property in found.endings)
        assert result.states == one.states and result.length == one.endings.get(result.property)
        assert (result.property in found.untested) <= (result.verdict == "undecided")
    at_least = [one.at_least for one in told]
    assert at_least == sorted(at_least) and told[-1].candidates == found.candidates
    assert found.base_cost is not None and not found.base_cost.graceful
    assert one.cost is not None and one.cost.graceful


def test_ends_with_several_connections():
    """Every connection of an end is asked. Preset repaired keeps the claim."""
    asked = question(Job("collision", "draft", {}, ("close-spares-other",)))
    assert any_of(asked).scopes == asked.queries[0].scopes == ("A.1", "A.2", "B.1", "B.2")
    found = repairs("collision", "repaired", {}, ("close-spares-other",), {}, limits=Limits())
    assert [dict(one.changes) for one in found.found] == [{}] and found.complete and found.base_cost is None


def test_a_base_that_holds_needs_no_change():
    found = repairs("teardown", "repaired", {}, (), SMALL, limits=Limits())
    assert [dict(one.changes) for one in found.found] == [{}] and found.at_least == 0 and found.complete


def test_one_end_at_a_time(only):
    only("A:listener_rule", "B:listener_rule", "A:port")
    found = repairs("opening", "draft", {}, ["no-plaintext-out"], TRIED["opening"], limits=Limits(), symmetric=False)
    assert [dict(one.changes) for one in found.found] == [{"A:listener_rule": "protect", "B:listener_rule": "protect"}]
    assert found.at_least == found.found[0].size == 2


def test_what_no_combination_satisfies(inside, only):
    """Tried with what opening and its Quick Modes read; so that it is quick, the rest stays as it is."""
    only("commit", "preinstall", "listener_rule", "dead_qm", "after_del", "check_at")
    done = inside(*OPENING, "--bound", "attacks=0", "--property", "syn-after-both-phase2")
    assert done.returncode == 1
    assert "syn-after-both-phase2: no combination of readings that both ends share satisfies it" in done.stdout.splitlines()
    for texts in (["commit=on", "listener_rule=protect"], ["preinstall=off", "after_del=discard", "dead_qm=refuse"]):
        outcome = judged("opening", "draft", *texts, **TRIED["opening"])
        assert outcome.judgements["syn-after-both-phase2"].verdict == VIOLATED


def test_nothing_is_repaired_by_never_coming_to_it(only, inside):
    """With one datagram in flight a session that ends has no room for two Deletes, so that ManualStop never happens."""
    only("p1_delete", "expiry")
    found = repairs("teardown", "draft", {}, (), SMALL, limits=Limits())
    assert found.found == () and found.vacuous == 1 and not found.nothing
    changed = judged("teardown", "draft", "p1_delete=always", "expiry=abort", **SMALL)
    assert not any(changed.judgements[name].verdict == VIOLATED for name in found.wanted)
    assert changed.judgements["no-collateral-deletion"].verdict == "undecided"
    done = inside("repair", "teardown", *(word for key, value in SMALL.items() for word in ("--bound", f"{key}={value}")))
    assert done.returncode == 1 and "no combination of readings that both ends share is a repair" in done.stdout.splitlines()
    assert "turned down: 1 candidates that keep a claim only because what it speaks of never happens under them" in done.stdout.splitlines()


def test_limits():
    few = repairs("teardown", "draft", {}, (), {}, limits=Limits(timeout=0.3))
    assert few.found == () and not few.complete and few.why == "the base: time limit"
    two = repairs("teardown", "draft", parse(["p1_delete=never", "expiry=abort", "peer_del=defer", "passive_del=at_closed"]),
                  ["sa-outlives-connection"], SMALL, limits=Limits(), limit=1)
    assert len(two.found) == 1 and not two.complete and two.why == "the limit of 1 is reached" and two.at_least == 1


def test_a_candidate_left_open_is_no_repair(only, monkeypatch):
    only("listener_rule")
    whole = module.search

    def short(system, queries, **more):
        found = whole(system, queries, **more)
        if [query.name for query in queries] == [module.ANY] and found.hits[module.ANY] is None:
            found.complete, found.why = False, "time limit"
        return found

    monkeypatch.setattr(module, "search", short)
    found = repairs("opening", "draft", {}, (), TRIED["opening"], limits=Limits())
    assert found.found == () and not found.complete and not found.nothing and found.at_least == 1
    assert [(dict(changes), why) for changes, why in found.undecided] == [(parse(["listener_rule=protect"]), "time limit")]


@pytest.mark.parametrize(("slice_name", "overrides", "properties", "bounds", "text"), [
    ("teardwon", (), (), {}, "slice 'teardwon': there is no such slice; there are teardown, "),
    ("component-tcp", (), (), {}, "slice 'component-tcp': there is no such slice with claims"),
    ("teardown", (), ("luck",), {}, "property 'luck': there is no such property"),
    ("teardown", (), ("binding-agrees",), {}, "property 'binding-agrees': not registered with slice teardown"),
    ("teardown", (), (), {"luck": 1}, "bound 'luck': slice teardown has no such bound"),
    ("teardown", ("A:port=170",), (), {}, "slice teardown cannot start under them"),
    ("collision", ("natt=on",), (), {}, "no row of slice collision reads it"),
])
def test_bad_input(slice_name, overrides, properties, bounds, text):
    for ask in (repairs, ablation):
        with pytest.raises(UsageError, match=re.escape(text)):
            ask(slice_name, "draft", parse(overrides), properties, bounds, limits=Limits())


# Costs --------------------------------------------------------------------------------------------------------------------------------

def test_cost_of_a_close():
    """FIN with the NOTIFICATION, its ACK, the peer's FIN, its ACK; and, of each end that deletes when its TCB is CLOSED, a Delete.
    Eight steps: ManualStop, four arrivals, 2MSL, two Deletes arrive."""
    repaired = cost("teardown", readings("repaired", {}))
    assert repaired is not None
    assert (repaired.graceful, repaired.segments, repaired.datagrams, repaired.left) == (True, 4, 2, 0)
    assert (repaired.messages, repaired.steps) == (6, 8) and 0 < repaired.held < repaired.steps
    keeping = cost("teardown", readings("repaired", parse(["passive_del=keep", "peer_del=apply"])))
    assert keeping is not None and keeping.datagrams < repaired.datagrams
    drafted = cost("teardown", readings("draft", {}))
    assert drafted is not None and not drafted.graceful
    assert cost("opening", readings("draft", {})) is None
    assert cost("collision", readings("draft", {})) is None


def test_cost_where_only_some_starts_let_the_operator_stop():
    """Slice attacker has one that does; A deletes at once, B is left to retransmit in plaintext or to give up."""
    there = cost("attacker", readings("repaired", {}))
    assert there is not None and there.graceful and (there.segments, there.left) == (4, 0)


# Ablation -----------------------------------------------------------------------------------------------------------------------------

def against_the_rules(name, rows, unread):
    """Rows as (rule, readings, promises that break) against what test_slices.py says of the rules."""
    seen = set()
    for rule, keys in RULES.items():
        there = {key for key in keys if key not in unread}
        if there:
            (broken,) = [broken for its, what, broken in rows if its == rule and set(what) == there]
            promised = {claim: length for claim, length in broken.items() if claim in PRESETS["repaired"].promises}
            assert promised == WITHOUT.get((rule, name), {})
            seen.add(rule)
    assert {rule for rule, where in WITHOUT if where == name} | NOT_LOAD_BEARING - {"R-h", "R-j"} <= seen


def test_ablation_against_the_table_of_the_rules():
    claims = sorted({claim for (_, name), broken in WITHOUT.items() if name == "teardown" for claim in broken})
    done = ablation("teardown", "repaired", {}, claims, TRIED["teardown"], limits=Limits())
    assert done.why == "" and not any(one.why for one in done.rows)
    against_the_rules("teardown", [(one.rule, one.what, one.broken) for one in done.rows], done.unread)
    assert all(lockstep.replay(trace).trace.length == one.broken[claim] for one in done.rows for claim, trace in one.traces.items())


def test_ablation_of_a_repair():
    overrides = parse(["listener_rule=protect", "A:commit=on"])
    done = ablation("opening", "draft", overrides, ["no-plaintext-out"], TRIED["opening"], limits=Limits())
    assert {one.what: (one.rule, "no-plaintext-out" in one.broken) for one in done.rows} == {
        ("listener_rule",): ("R-c", True), ("A:commit",): ("R-m", False)}
    with pytest.raises(UsageError, match="nothing that slice opening reads differs from the draft"):
        ablation("opening", "draft", {}, (), {}, limits=Limits())


# The command --------------------------------------------------------------------------------------------------------------------------

OPENING = ("repair", "opening", *(word for key, value in TRIED["opening"].items() for word in ("--bound", f"{key}={value}")))


def test_command(inside, tmp_path):
    done = inside(*OPENING)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "repair 1: 1 change; no claim breaks in any of " in done.stdout
    (file,) = re.findall(r"listener_rule=protect  without it: \S+ breaks in \d+ steps?, (\S+)$", done.stdout, re.M)
    assert lockstep.replay(tmp_path / file).trace.readings["A:listener_rule"] == "none"
    assert "no repair has fewer than 1 change; these are all" in done.stdout.splitlines()
    document = json.loads(inside(*OPENING, "--property", "no-plaintext-out", "--json").stdout)
    assert document["complete"] is True and document["at_least"] == 1
    (one,) = document["repairs"]
    assert one["changes"] == {"A:listener_rule": "protect", "B:listener_rule": "protect"} and one["states"] > 1000
    (need,) = one["needs"]
    assert (need["change"], need["property"]) == ("listener_rule", "no-plaintext-out")
    assert lockstep.replay(tmp_path / need["trace"]).trace.length == need["length"] == 2


def test_command_ablation(inside, tmp_path):
    document = json.loads(inside(*OPENING, "--ablation", "--property", "no-plaintext-out", "--workers", 1, "--json").stdout)
    (row,) = [row for row in document["rows"] if len(row["what"]) > 1 and row["rule"] == "R-c"]
    assert lockstep.replay(tmp_path / row["traces"]["no-plaintext-out"]).trace.length == row["broken"]["no-plaintext-out"]
    done = inside(*OPENING, "--ablation", "--reading", "listener_rule=protect", "--preset", "draft", "--property", "no-plaintext-out",
                  "--workers", 1)
    assert done.returncode == 0 and re.search(r"^R-c +listener_rule +no-plaintext-out \(2\)", done.stdout, re.M)


def test_help_has_an_example(inside):
    text = " ".join(re.sub(r"[^\w\S]+|│", " ", inside("repair", "-h").stdout).split())
    assert re.search(r"Examples?: +lockstep repair ", text) and "Exit status: 0" in text and "1 no combination of readings" in text


@pytest.mark.parametrize(("words", "text"), [
    (("repair", "teardwon"), "slice 'teardwon': there is no such slice"),
    (("repair", "teardown", "--limit", "0"), "limit 0: give a whole number from 1 on"),
    (("repair", "teardown", "--preset", "better"), "preset 'better': there is no such preset"),
    (("repair", "teardown", "--memory", "0"), "memory 0: give a number of GiB greater than 0"),
    (("repair", "teardown", "--ablation", "--workers", "0"), "workers 0: give a whole number from 1 on"),
])
def test_command_refuses(inside, words, text):
    done = inside(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith(f"lockstep: {text}") and done.stderr.count("\n") == 1


def test_ctrl_c_keeps_the_lower_bound(tmp_path):
    with subprocess.Popen(command("repair", "teardown", "--bound", "copies=0"), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        seen = iter(process.stderr.readline, "")
        assert any(re.search(r"at least [1-9]", line) for line in seen), "ended before it could be interrupted"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "Traceback" not in err
    assert re.search(r"^no repair has fewer than [1-9] changes?; no repair was found$", out, re.M)
    assert "stopped: interrupted" in out.splitlines()
