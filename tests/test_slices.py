"""The slices at small bounds: two engines agree row by row, each rule of the repair is tried without, and a damaged table shows.

The counts at the slices' own bounds, the promises and the antecedents there are in test_verify.py.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from lockstep.choice import readings
from lockstep.pool import run_all
from model.expr import ModelError
from model.slices import BUDGETS, CAPACITIES, SLICES, TABLES, bounds_of, build, slice_names
from properties.presets import PRESETS
from properties.registry import CLAIMS, PROPERTIES, RESPONSES
from tests.runs import jobs, judged
from tests.test_search import agree
from verify.reference import explore
from verify.search import search

DRAFT, REPAIRED = PRESETS["draft"], PRESETS["repaired"]

# Without faults, one message a channel: distinct states, transitions, levels. A commit that moves one says why.
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}
# An ACK of the handshake and an OPEN leave together. With that room `repaired` is too large for the interpreter.
ROOM = {("collision", "draft"): {"segments": 2}}
PINS = {
    ("teardown", "draft"): (2949, 14190, 15),
    ("teardown", "repaired"): (1107, 5028, 11),
    ("opening", "draft"): (744, 1722, 21),
    ("opening", "repaired"): (785, 1463, 26),
    ("rekey", "draft"): (14715, 69083, 25),
    ("rekey", "repaired"): (46423, 229148, 29),
    ("phase1", "draft"): (1793, 5772, 25),
    ("phase1", "repaired"): (1895, 6895, 20),
    ("restart", "draft"): (493, 1176, 25),
    ("restart", "repaired"): (227, 410, 24),
    ("collision", "draft"): (484, 2149, 15),
    ("collision", "repaired"): (12, 17, 5),
    ("attacker", "draft"): (156, 465, 14),
    ("attacker", "repaired"): (23, 30, 10),
}


# Starts that are too large for the interpreter, which takes a millisecond a transition; so many of their states are looked at.
PART = {"rekey": {1: 1500}}


@pytest.mark.parametrize(("name", "preset"), PINS)
def test_interpreter_and_search_agree_row_by_row(name, preset):
    system = build(name, readings(preset, {}), bounds=SMALL | ROOM.get((name, preset), {}))
    every, part = system.initial, PART.get(name, {})
    whole = search(system)
    assert whole.complete
    system.initial = tuple(state for at, state in enumerate(every) if at not in part)
    native, counts = search(system) if part else whole, explore(system)
    assert native.complete and native.counts == counts
    for at, most in part.items():
        system.initial = every[at:at + 1]
        agree(system, most=most)
    counts = whole.counts
    assert (counts.distinct, counts.transitions, counts.levels) == PINS[name, preset]
    assert sum(counts.fired.values()) >= counts.transitions > counts.distinct
    assert {table for _, table, _ in counts.fired} >= {"tcp", "bgp", "binding", "spd", "ipsec", "informational", "segments"} - (
        {"informational"} if name in ("opening", "collision") else set())


def test_every_slice_and_preset_is_pinned():
    assert set(PINS) == {(name, preset) for name in SLICES for preset in PRESETS}


def test_larger_bounds_reach_more():
    before = 0
    for losses in range(3):
        found = search(build("teardown", readings("repaired", {}), bounds={**SMALL, "losses": losses}))
        assert found.complete and found.counts.distinct > before
        before = found.counts.distinct


# The rules of the repair --------------------------------------------------------------------------------------------------------------

RULES: dict[str, list[str]] = {}
for key, choice in REPAIRED.choices.items():
    if choice.value != DRAFT.value(key):
        RULES.setdefault(choice.source[:3], []).append(key)

TRIED = {"teardown": {"copies": 0, "segments": 1}, "opening": {"losses": 0, "segments": 1, "datagrams": 1},
         "rekey": {"losses": 0, "segments": 1}, "phase1": {"losses": 0, "segments": 1}, "restart": {},
         "collision": {"datagrams": 1}, "attacker": {"copies": 0}}
OUT, IN, AUTHENTIC = "no-plaintext-out", "no-plaintext-in", "accepted-is-authentic"
OUTLIVES, NEED, ORPHAN = "sa-outlives-connection", "sa-outlives-need", "no-idle-orphan"
ONE_CONNECTION, CONGRUENT = "sa-serves-one-connection", "one-sa-congruent"

# What breaks when a rule's readings go back to the draft's, and in how many steps. R-h carries nothing here: a Delete that nobody asked
# for, ignored, leaves a black hole under the draft (test_liveness.py); the other rules defer each Delete until the TCB is CLOSED.
WITHOUT = {
    ("R-a", "teardown"): {OUTLIVES: 1, NEED: 1},
    ("R-b", "teardown"): {OUTLIVES: 2, NEED: 2},
    ("R-c", "opening"): {OUT: 2, IN: 2, AUTHENTIC: 2},
    ("R-f", "teardown"): {"no-collateral-deletion": 1},
    ("R-i", "teardown"): {OUTLIVES: 1, NEED: 1},
    ("R-a", "rekey"): {OUTLIVES: 1, NEED: 1, "binding-is-current": 5, "rekey-keeps-session": 7, ORPHAN: 13},
    ("R-b", "rekey"): {OUTLIVES: 2, NEED: 2},
    ("R-d", "rekey"): {ORPHAN: 9},
    ("R-i", "rekey"): {OUTLIVES: 1, NEED: 1},
    ("R-j", "rekey"): {"delete-means-closed": 9},
    ("R-a", "phase1"): {OUTLIVES: 1, NEED: 1, ORPHAN: 15},
    ("R-b", "phase1"): {OUTLIVES: 2, NEED: 2},
    ("R-d", "phase1"): {ORPHAN: 9},
    ("R-f", "phase1"): {"no-collateral-deletion": 1},
    ("R-k", "phase1"): {OUTLIVES: 1, NEED: 1},
    ("R-m", "phase1"): {OUTLIVES: 13, NEED: 13},
    ("R-a", "restart"): {OUTLIVES: 1, NEED: 1, ONE_CONNECTION: 14},
    ("R-b", "restart"): {OUTLIVES: 5, NEED: 23},
    ("R-d", "restart"): {OUTLIVES: 10, NEED: 10, CONGRUENT: 8, ONE_CONNECTION: 10, ORPHAN: 13},
    ("R-j", "restart"): {"delete-means-closed": 8},
    ("R-l", "restart"): {CONGRUENT: 11, ONE_CONNECTION: 15},
    ("R-a", "collision"): {OUTLIVES: 6, NEED: 6},
    ("R-b", "collision"): {OUTLIVES: 9},
    ("R-c", "attacker"): {OUT: 2, IN: 2, AUTHENTIC: 2, "text-stays-secret": 4},
    ("R-n", "attacker"): {AUTHENTIC: 3, "text-stays-secret": 4, "text-is-genuine": 3, "session-is-with-neighbour": 3,
                          "session-outlives-attack": 2},
}
NOT_LOAD_BEARING = {"R-h"}


def tried(rule: str, name: str) -> bool:
    """Every rule in every slice; in collision, which takes seconds each, those whose readings something there depends on."""
    return name != "collision" or rule in ("", "R-a", "R-b")


@pytest.fixture(scope="module")
def without():
    """What of the promises breaks without each rule, for each slice; under "" with all of them."""
    cases = [(rule, name) for name in SLICES for rule in ("", *RULES) if tried(rule, name)]
    todo = []
    for rule, name in cases:
        changes = [f"{key}={DRAFT.value(key)}" for key in RULES.get(rule, [])]
        todo += [job for job in jobs(name, "repaired", *changes, **TRIED[name]) if not job.findings]
    outcomes = dict(run_all(todo, 2))
    assert len(outcomes) == len(cases) and all(one.complete for one in outcomes.values())
    return {case: {name: trace.length for name, trace in outcomes[number].traces.items() if name in REPAIRED.promises}
            for number, case in enumerate(cases)}


def test_the_rules_are_those_of_the_preset():
    assert sorted(RULES) == ["R-a", "R-b", "R-c", "R-d", "R-f", "R-h", "R-i", "R-j", "R-k", "R-l", "R-m", "R-n"]
    assert sorted(key for keys in RULES.values() for key in keys) == sorted(
        key for key in DRAFT.choices if DRAFT.value(key) != REPAIRED.value(key))


@pytest.mark.parametrize("name", SLICES)
def test_with_all_rules_the_promises_hold(without, name):
    assert without["", name] == {}


@pytest.mark.parametrize("name", SLICES)
@pytest.mark.parametrize("rule", RULES)
def test_without_a_rule(without, rule, name):
    if tried(rule, name):
        assert without[rule, name] == WITHOUT.get((rule, name), {})


def test_which_rules_carry_something():
    assert {rule for rule, _ in WITHOUT} == set(RULES) - NOT_LOAD_BEARING


# Damaged tables -----------------------------------------------------------------------------------------------------------------------

@contextmanager
def removed(table, key, action):
    """A table without one action of one row."""
    (row,) = [row for row in TABLES[table].rows if row.key == key]
    before = row.actions
    left = tuple(one for one in before if action not in str(one))
    assert len(left) == len(before) - 1, f"{key} does {'; '.join(map(str, before))}"
    object.__setattr__(row, "actions", left)
    try:
        yield
    finally:
        object.__setattr__(row, "actions", before)


@pytest.mark.parametrize(("table", "key", "action", "breaks"), [
    ("binding", "b8 TIME-WAIT ended: delete all SAs@closing", "delete(g0", "no-idle-orphan"),
    ("tcp", "FIN acknowledges ours@FIN-WAIT-1", "outbound", "no-stuck-close"),
    ("ipsec", "SA deleted@SAD", "ipsec.out", "no-idle-orphan"),
])
def test_an_action_taken_out_of_a_row_shows(table, key, action, breaks):
    whole = judged("teardown", "repaired", losses=0, copies=0, attacks=0)
    assert whole.complete and whole.traces == {}
    with removed(table, key, action):
        damaged = judged("teardown", "repaired", losses=0, copies=0, attacks=0)
    assert set(damaged.traces) == {breaks} and damaged.states != whole.states
    again = judged("teardown", "repaired", losses=0, copies=0, attacks=0)
    assert (again.states, again.transitions, again.traces) == (whole.states, whole.transitions, {})


# What a slice is asked for ------------------------------------------------------------------------------------------------------------

def test_every_claim_names_slices_that_exist():
    assert all(claim.slices and set(claim.slices) <= set(SLICES) for claim in CLAIMS.values())


def test_a_promise_is_a_claim():
    for preset in PRESETS.values():
        assert set(preset.promises) <= set(CLAIMS) and set(preset.comes_about) <= set(RESPONSES)
        assert set(preset.by_design) <= set(PROPERTIES) - {*preset.promises, *preset.comes_about}
    assert DRAFT.promises == DRAFT.comes_about == () and len(set(REPAIRED.promises)) == len(REPAIRED.promises)


@pytest.mark.parametrize("name", SLICES)
def test_bounds(name):
    assert set(bounds_of(name, {})) == {*BUDGETS, *CAPACITIES}
    for key, value in {"losses": -1, "segments": 0, "datagrams": 4, "attacks": 10**9}.items():
        with pytest.raises(ModelError, match=f"bound {key}: {value} is out of range"):
            build(name, readings("draft", {}), bounds={key: value})
    with pytest.raises(ModelError, match=f"bound 'luck': slice {name} has no such bound; it has losses, "):
        build(name, readings("draft", {}), bounds={"luck": 1})


def test_names():
    assert slice_names() == (*SLICES, *(f"component-{table}" for table in TABLES))
    with pytest.raises(ModelError, match="slice 'tear': there is no such slice; there are teardown, opening, "):
        build("tear", readings("draft", {}))
    with pytest.raises(ModelError, match="slice 'component-ospf': there is no table 'ospf'"):
        build("component-ospf", {})


@pytest.mark.parametrize("name", SLICES)
def test_every_start_is_another(name):
    system = build(name, readings("draft", {}))
    starts = [one for one in SLICES[name].start() if one.get("ipsec") != "off"]
    assert len(set(system.initial)) == len(system.initial) == len(starts)


def test_a_start_that_names_a_reading_is_of_that_reading_alone():
    starts = SLICES["attacker"].start()
    for value in ("on", "off"):
        system = build("attacker", readings("draft", {"ipsec": value}))
        assert len(system.initial) == len([one for one in starts if one["ipsec"] == value]) == len(starts) / 2
