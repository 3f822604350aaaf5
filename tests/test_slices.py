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
from properties.registry import CLAIMS
from tests.runs import jobs, judged
from verify.reference import explore
from verify.search import search

DRAFT, REPAIRED = PRESETS["draft"], PRESETS["repaired"]

# Without faults, one message a channel: distinct states, transitions, levels. A commit that moves one says why.
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}
PINS = {
    ("teardown", "draft"): (2949, 14190, 15),
    ("teardown", "repaired"): (1107, 5028, 11),
    ("opening", "draft"): (744, 1722, 21),
    ("opening", "repaired"): (1149, 2466, 23),
    ("attacker", "draft"): (156, 465, 14),
    ("attacker", "repaired"): (23, 30, 10),
}


@pytest.mark.parametrize(("name", "preset"), PINS)
def test_interpreter_and_search_agree_row_by_row(name, preset):
    system = build(name, readings(preset, {}), bounds=SMALL)
    native, counts = search(system), explore(system)
    assert native.complete and native.counts == counts
    assert (counts.distinct, counts.transitions, counts.levels) == PINS[name, preset]
    assert sum(counts.fired.values()) >= counts.transitions > counts.distinct
    assert {table for _, table, _ in counts.fired} >= {"tcp", "bgp", "binding", "spd", "ipsec", "informational", "segments"} - (
        {"informational"} if name == "opening" else set())


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

TRIED = {"teardown": {"copies": 0, "segments": 1}, "opening": {"losses": 0, "segments": 1, "datagrams": 1}, "attacker": {"copies": 0}}
OUT, AFTER_OPEN, IN, AUTHENTIC = "no-plaintext-out", "no-plaintext-after-open", "no-plaintext-in", "accepted-is-authentic"
OUTLIVES, NEED = "sa-outlives-connection", "sa-outlives-need"

# What breaks when a rule's readings go back to the draft's, and in how many steps. R-d and R-h carry nothing here: a Quick Mode for
# a dead connection and a Delete nobody asked for do harm only where a next connection follows; R-j needs a rekey, R-k a phase 1 SA that
# expires. Nor does a slice's own bound change that.
WITHOUT = {
    ("R-a", "teardown"): {OUTLIVES: 1, NEED: 1},
    ("R-b", "teardown"): {OUTLIVES: 2, NEED: 2},
    ("R-c", "opening"): {OUT: 2, AFTER_OPEN: 8, IN: 2, AUTHENTIC: 2},
    ("R-c", "attacker"): {OUT: 2, IN: 2, AUTHENTIC: 2, "text-stays-secret": 4},
    ("R-f", "teardown"): {"no-collateral-deletion": 1},
    ("R-i", "teardown"): {OUTLIVES: 1, NEED: 1},
    ("R-l", "attacker"): {AUTHENTIC: 3, "text-is-genuine": 3, "session-is-with-neighbour": 3, "session-outlives-attack": 2,
                          "text-stays-secret": 5},
}
NOT_LOAD_BEARING = {"R-d", "R-h", "R-j", "R-k"}


@pytest.fixture(scope="module")
def without():
    """What of the promises breaks without each rule, for each slice; under "" with all of them."""
    cases = [(rule, name) for name in SLICES for rule in ("", *RULES)]
    todo = []
    for rule, name in cases:
        changes = [f"{key}={DRAFT.value(key)}" for key in RULES.get(rule, [])]
        todo += [job for job in jobs(name, "repaired", *changes, **TRIED[name]) if not job.findings]
    outcomes = dict(run_all(todo, 2))
    assert len(outcomes) == len(cases) and all(one.complete for one in outcomes.values())
    return {case: {name: trace.length for name, trace in outcomes[number].traces.items() if name in REPAIRED.promises}
            for number, case in enumerate(cases)}


def test_the_rules_are_those_of_the_preset():
    assert sorted(RULES) == ["R-a", "R-b", "R-c", "R-d", "R-f", "R-h", "R-i", "R-j", "R-k", "R-l"]
    assert sorted(key for keys in RULES.values() for key in keys) == sorted(
        key for key in DRAFT.choices if DRAFT.value(key) != REPAIRED.value(key))


@pytest.mark.parametrize("name", SLICES)
def test_with_all_rules_the_promises_hold(without, name):
    assert without["", name] == {}


@pytest.mark.parametrize("name", SLICES)
@pytest.mark.parametrize("rule", RULES)
def test_without_a_rule(without, rule, name):
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
    ("binding", "b8 TIME-WAIT ended: delete all SAs@closing", "delete(g0", "no-orphan-sa"),
    ("tcp", "FIN acknowledges ours@FIN-WAIT-1", "outbound", "close-ends"),
    ("ipsec", "SA deleted@SAD", "ipsec.out", "no-orphan-sa"),
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
    assert all(set(preset.promises) <= set(CLAIMS) for preset in PRESETS.values())
    assert DRAFT.promises == () and len(set(REPAIRED.promises)) == len(REPAIRED.promises)


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
