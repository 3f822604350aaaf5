"""``lockstep verify`` as a whole: every slice under both presets, once, and what must come of it."""

import pytest

import lockstep
from lockstep.api import report_of
from lockstep.jobs import UNBREAKABLE
from model.slices import SLICES
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, HOLDS, PROPERTIES, UNDECIDED, VIOLATED
from tests.runs import everything

# Distinct states, transitions and levels at the default bounds. A commit that moves one says why.
PINS = {
    ("teardown", "draft"): (3_890_538, 36_817_998, 22),
    ("teardown", "repaired"): (1_813_116, 16_852_812, 17),
    ("opening", "draft"): (5_399_192, 38_229_303, 46),
    ("opening", "repaired"): (20_141_488, 155_065_273, 44),
    ("rekey", "draft"): (9_399_061, 68_146_842, 36),
    ("rekey", "repaired"): (14_667_894, 125_145_963, 35),
    ("phase1", "draft"): (5_518_429, 45_096_898, 54),
    ("phase1", "repaired"): (10_459_086, 93_363_073, 42),
    ("restart", "draft"): (827_604, 5_222_555, 48),
    ("restart", "repaired"): (161_386, 847_591, 44),
    ("collision", "draft"): (1_027_877, 8_980_680, 34),
    ("collision", "repaired"): (54_225, 342_299, 35),
    ("attacker", "draft"): (882_314, 6_987_050, 28),
    ("attacker", "repaired"): (75_653, 564_483, 17),
}

# Response properties, judged in each slice's own bounds: distinct states and transitions of each graph; what draft and repaired break.
GRAPHS = {
    ("teardown", "draft"): {(28_072, 201_186), (13_519, 82_050)},
    ("teardown", "repaired"): {(15_864, 113_064), (6_639, 39_318)},
    ("opening", "draft"): {(483_198, 4_024_508)},
    ("opening", "repaired"): {(474_869, 4_732_925)},
    ("rekey", "draft"): {(1_394_193, 11_185_632), (1_580_518, 9_920_856), (1_373_903, 8_378_491)},
    ("rekey", "repaired"): {(1_114_923, 10_824_059), (788_066, 5_025_195), (730_147, 4_556_759)},
    ("phase1", "draft"): {(37_987, 321_137), (35_984, 132_636), (18_428, 129_069)},
    ("phase1", "repaired"): {(25_846, 180_642), (125_104, 490_736), (9_156, 57_992)},
    ("restart", "draft"): {(776_863, 4_891_548), (790_882, 4_983_276)},
    ("restart", "repaired"): {(161_386, 847_591), (182_796, 960_255)},
    ("collision", "draft"): {(979_607, 8_570_225), (2_118, 11_571)},
    ("collision", "repaired"): {(46_350, 292_678), (202, 1_183)},
    ("attacker", "draft"): {(21_434, 135_542)},
    ("attacker", "repaired"): {(2_364, 11_786)},
}
BROKEN = {
    ("teardown", "draft"): {"close-ends", "blackhole-is-noticed"},
    ("teardown", "repaired"): {"close-ends"},
    ("opening", "draft"): set(),
    ("opening", "repaired"): set(),
    ("rekey", "draft"): {"close-ends", "no-orphan-sa", "blackhole-is-noticed"},
    ("rekey", "repaired"): {"close-ends"},
    ("phase1", "draft"): {"close-ends", "keys-come-up", "blackhole-is-noticed"},
    ("phase1", "repaired"): {"close-ends", "keys-come-up"},
    ("restart", "draft"): {"close-ends", "no-orphan-sa", "blackhole-is-noticed", "graceful-restart-kept"},
    ("restart", "repaired"): {"close-ends"},
    ("collision", "draft"): {"graceful-restart-kept"},
    ("collision", "repaired"): set(),
    ("attacker", "draft"): {"close-ends", "blackhole-is-noticed"},
    ("attacker", "repaired"): set(),
}


@pytest.fixture(scope="module")
def report():
    return report_of(*everything())


def test_everything_is_as_expected(report):
    assert report.exit_status() == 0 and report.exit_status(strict=True) == 1


def test_every_row_fires_in_some_slice(report):
    assert report.coverage is not None and report.coverage.unfired == ()


def test_no_claim_is_judged_where_its_antecedent_is_unreachable(report):
    assert [(one.property, one.slice, one.preset) for one in report.results if one.verdict == UNDECIDED] == []
    assert {(one.property, one.slice) for one in report.results if not one.finding} == {
        (about.name, slice_) for about in PROPERTIES.values() for slice_ in about.slices}


def test_what_the_repaired_preset_promises_holds(report):
    promised = (*PRESETS["repaired"].promises, *PRESETS["repaired"].comes_about)
    judged = [one for one in report.results if one.preset == "repaired" and one.property in promised and not one.finding]
    assert {one.property for one in judged} == set(promised)
    assert [one for one in judged if one.verdict != HOLDS] == []


def test_what_nothing_can_break_says_so(report):
    """A claim that needs a reading which neither preset has holds, and little is said by that."""
    needing = {name for name, claim in CLAIMS.items() if claim.needs}
    said = {(one.property, one.preset): one.reason for one in report.results if one.reason and one.engine == "search" and not one.finding}
    assert said == {(name, preset): UNBREAKABLE.format(" and ".join(f"{key}={value}" for key, value in CLAIMS[name].needs.items()))
                    for name in needing for preset in PRESETS}


@pytest.mark.parametrize("name", FINDINGS)
def test_each_known_finding_shows_in_no_more_steps_than_its_pilot_needed_or_says_why(report, name):
    (one,) = [one for one in report.results if one.finding == name]
    assert one.verdict == VIOLATED and (one.length > FINDINGS[name].pilot) == bool(FINDINGS[name].longer)


@pytest.mark.parametrize(("slice_", "preset"), PINS)
def test_pins(report, slice_, preset):
    (counts,) = {(one.states, one.transitions, one.depth) for one in report.results
                 if (one.slice, one.preset) == (slice_, preset) and one.engine == "search" and not one.finding}
    assert counts == PINS[slice_, preset]


@pytest.mark.parametrize(("slice_", "preset"), GRAPHS)
def test_endless_runs(report, slice_, preset):
    judged = [one for one in report.results if (one.slice, one.preset, one.engine) == (slice_, preset, "liveness")]
    assert {(one.states, one.transitions) for one in judged} == GRAPHS[slice_, preset]
    assert {one.property for one in judged if one.verdict == VIOLATED} == BROKEN[slice_, preset]
    assert {one.verdict for one in judged} <= {HOLDS, VIOLATED}


def test_the_pins_cover_every_slice():
    assert set(PINS) == set(GRAPHS) == set(BROKEN) == {(slice_, preset) for slice_ in SLICES for preset in PRESETS}


@pytest.mark.parametrize(("reading", "breaks"), [
    ("del_trigger=bgp_idle", "sa-outlives-connection"), ("peer_del=apply", "sa-outlives-connection"),
    ("expiry=remove", "sa-outlives-connection"), ("p1_delete=last_bgp_session", "no-collateral-deletion"),
])
def test_a_rule_of_the_repair_set_back_breaks_a_promise(reading, breaks):
    report = lockstep.verify("teardown", preset="repaired", readings=[reading], properties=[breaks], bounds={"attacks": 0, "copies": 0})
    assert report.of(breaks).verdict == VIOLATED and report.exit_status() == 1
