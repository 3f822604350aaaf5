"""The candidates that became findings last: what stands beside them does not break; and each candidate has a run or a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from docs.candidates import CANDIDATES, KEPT
from lockstep.choice import parse, readings
from lockstep.engines import run
from lockstep.jobs import Job
from properties.finding import both
from properties.findings import FINDINGS
from properties.registry import HOLDS, VIOLATED
from sim.campaign import Campaign
from sim.clocks import DURATIONS
from sim.scenario import load
from tests.runs import judged, replayed

SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}


def test_a_candidate_has_a_run_or_a_reason():
    kept = {name.partition("/")[0] for name in FINDINGS if name.startswith("F-")}
    assert kept <= set(CANDIDATES)
    for number, (about, here) in CANDIDATES.items():
        assert about and here and (here == KEPT) == (number in kept), number
        assert "not yet" not in here, number


def shows(finding: str, *changes: str, **bounds: int) -> bool:
    """Does the finding show under its readings and these?"""
    one = FINDINGS[finding]
    outcome = run(Job(one.slice, one.preset, {**one.readings, **parse(changes)}, findings=(finding,), bounds={**one.bounds, **bounds}))
    assert finding in outcome.traces or outcome.complete
    return finding in outcome.traces


def fired(finding: str) -> list[str]:
    """The rows of a finding's shortest run, each as often as it fires."""
    return [firing.row.name for outcome in replayed(finding).outcomes for firing in outcome.fired]


@pytest.mark.parametrize(("finding", "changes"), [
    ("F-11/unread", ("close_call=half_close",)),  # text after the own FIN is read, and TIME-WAIT comes
    ("F-30/spi", ("natt=off",)),
    ("F-30/spi", ("spi_scope=phase1",)),
    ("F-30/spi", ("peer_del=defer",)),
    ("F-34/any-port", ("qm_port=exact",)),
    ("F-40/reply-only", ("A:first_open=own",)),
    ("F-40/reply-only", ("B:first_open=own",)),
    ("F-41/orphan", ("dead_qm=refuse",)),
    ("F-54/manual", ("keying=ike",)),
    ("F-59/rebinding", ("natt=off",)),
])
def test_the_other_reading_keeps_it(finding, changes):
    bounds = {**SMALL, "segments": 2 if finding.startswith("F-40") else 1}
    assert not shows(finding, *changes, **bounds)


@pytest.mark.parametrize("finding", ["F-11/unread", "F-30/spi", "F-34/any-port", "F-41/orphan", "F-54/manual", "F-59/rebinding"])
def test_these_bounds_are_enough_to_show_it(finding):
    assert shows(finding, **{**SMALL, "segments": 2 if finding.startswith("F-11") else 1})


@pytest.mark.parametrize(("claim", "name"), [("sa-comes-up-for-connection", "opening"), ("sa-leads-to-peer", "rekey"),
                                             ("authentic-is-accepted", "teardown")])
def test_the_repair_keeps_it(claim, name):
    found = judged(name, "repaired", **{**SMALL, "losses": 1 if name == "rekey" else 0})
    assert found.judgements[claim].verdict == HOLDS


def test_a_lost_delete_is_what_lifetimes_need():
    """Nothing else leaves one end alone with an SA, while both are Established and nothing is under way."""
    for losses, verdict in ((0, HOLDS), (1, VIOLATED)):
        assert judged("rekey", "draft", **{**SMALL, "losses": losses}).judgements["sa-leads-to-peer"].verdict == verdict


def test_who_waits_for_an_open_was_sent_a_syn():
    rows = fired("F-40/reply-only")
    assert rows.count("SYN: simultaneous open") == rows.count("event 16 Tcp_CR_Acked: OPEN only in reply") == 2


@pytest.mark.parametrize(("hold_time", "some_are_lost"), [(9, True), (90, False)])
def test_an_sa_comes_back_before_the_hold_timer_or_not(hold_time, some_are_lost):
    scenario = load("sa-recovery")
    assert scenario.durations["bgp.HoldTimer_Expires"].seconds == 9
    if hold_time == DURATIONS["bgp.HoldTimer_Expires"].seconds:
        scenario = replace(scenario, durations=DURATIONS, end=150.0)
    campaign = Campaign(scenario, readings(scenario.preset, both(after_del="acquire")), [])
    lost = sum(any(end.bgp != "Established" for end in one.ends.values()) for one in campaign.run(range(30)))
    assert (lost > 0) is some_are_lost and lost < 30
