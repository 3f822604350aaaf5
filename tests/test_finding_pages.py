"""The pages of findings are what the kept facts and witnesses say; the facts are of this model, and come out again."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from itertools import product
from random import Random

import pytest
from typer.testing import CliRunner

from docs import finding_facts, finding_pages, remedy_text
from docs.candidates import CANDIDATES
from docs.explanations import EXPLAINED, REVIEWED
from docs.finding_facts import FACTS, FOLDER, chances_of, computed, facts
from docs.finding_pages import mentioned, page, pages, ranked
from lockstep import remedies as module
from lockstep.bench import Bench
from lockstep.choice import parse, readings
from lockstep.cli import app
from lockstep.conflicts import knobs
from lockstep.jobs import Job, question
from lockstep.remedies import made_worse, remedies
from model.readings import READINGS
from model.slices import bounds_of
from properties.findings import FINDINGS
from tests.runs import GALLERY, kept
from traces.mermaid import mermaid
from traces.names import coded
from traces.replay import NotARun, TraceError, model_digest, replay
from verify.search import search

CHEAP = ("F-02/confirm", "F-24/session", "F-33/port")  # games
CURED = ("F-02/confirm", "F-03/keep")  # the repair too
STATEMENT = re.compile(r"""
    sequenceDiagram
  | \ {4}accTitle:\ .+
  | \ {4}participant\ [ABM](\ as\ \w+)?
  | \ {4}Note\ over\ [ABM](,[ABM])?:\ .+
  | \ {4}[ABM](->>|-->>|-\)|-x)[ABM]:\ .+""", re.VERBOSE)


@pytest.fixture(scope="module")
def made():
    return pages(facts())


@pytest.mark.parametrize("name", ["README.md", *(one.replace("/", "-") + ".md" for one in FINDINGS)])
def test_a_page(name, made):
    assert (FOLDER / name).read_text(encoding="utf-8") == made[name], "renew it with: python -m docs findings"


def test_no_page_without_a_finding(made):
    assert {path.name for path in FOLDER.glob("*.md")} == set(made)


@pytest.mark.parametrize("name", CHEAP)
def test_games_come_out_again(name):
    again = json.loads(json.dumps(chances_of(FINDINGS[name], kept()[name])))
    assert again == facts()[name]["ends"], "renew them with: python -m docs facts"


@pytest.mark.parametrize("name", CURED)
def test_repairs_come_out_again(name, bench):
    known = facts()[name]
    assert computed(name, bench, {key: known[key] for key in ("of", "ends")}) == known, "renew them with: python -m docs facts"


def test_facts_of_another_model_are_refused(monkeypatch, tmp_path):
    known = json.loads(FACTS.read_text(encoding="utf-8"))
    monkeypatch.setattr(finding_facts, "FACTS", tmp_path / "facts.json")
    for spoilt in ({**known, "F-33/port": {**known["F-33/port"], "of": "0"}}, {**known, "F-00/none": known["F-33/port"]},
                   {name: one for name, one in known.items() if name != "F-33/port"}):
        finding_facts.FACTS.write_text(json.dumps(spoilt))
        with pytest.raises(ValueError, match="python -m docs facts"):
            facts()


def test_the_fingerprint_sees_the_claim_the_readings_and_the_run():
    finding, trace = FINDINGS["F-33/port"], kept()["F-33/port"]
    other = FINDINGS["F-01/order"]
    prints = {finding_facts.fingerprint(finding, trace), finding_facts.fingerprint(other, trace),
              finding_facts.fingerprint(finding, replace(trace, digest="0")), finding_facts.fingerprint(finding, replace(trace, start=1))}
    assert len(prints) == 4


def test_every_end_is_judged_and_an_end_that_had_a_chance_knows_by_what():
    known = facts()
    for name, one in known.items():
        length = kept()[name].length
        for end in "AB":
            found = one["ends"][end]
            assert len(found["lost"]) == length
            if found["last"] is not None:
                assert not found["lost"][found["last"]] and all(found["lost"][found["last"] + 1:])
                assert found["adopted"]["changes"] and all(key.startswith(f"{end}:") for key in found["adopted"]["changes"])
            else:
                assert all(found["lost"]) or found["undecided"] is not None


def test_the_page_follows_the_facts():
    name = "F-02/confirm"
    run, known = replay(kept()[name]), facts()[name]
    told = page(FINDINGS[name], run, known)
    assert "A had its last chance in step 3" in told and "`A:confirm=never`" in told
    anyway = {"changes": {"A:confirm": "never"}, "broken_by": [{"row": "B.tcp: ABORT: RST@ESTABLISHED", "source": ""}]}
    spoilt = {**known, "ends": {**known["ends"], "A": {**known["ends"]["A"], "lost": [True] * 3, "last": None, "anyway": anyway}}}
    told = page(FINDINGS[name], run, spoilt)
    assert "A never had a chance" in told
    assert "With `A:confirm=never` it could have avoided this run, but not this one of 1 step: `B.tcp: ABORT" in told
    spoilt["ends"]["A"]["anyway"] = {"changes": {}, "broken_by": []}
    assert "No single reading of A's, nor all" in page(FINDINGS[name], run, spoilt)
    open_ = {**known, "ends": {**known["ends"], "A": {**known["ends"]["A"], "last": None, "undecided": 2}}}
    assert "A: undecided" in page(FINDINGS[name], run, open_)


@pytest.mark.parametrize("name", FINDINGS)
def test_readings_that_no_row_of_the_run_mentions_change_nothing(name):
    trace, rnd = kept()[name], Random(name)
    free = sorted(set(trace.readings) - mentioned(replay(trace)))
    for _ in range(3):
        chosen = {key: rnd.choice(READINGS[key.rpartition(":")[2]].values) for key in free}
        readings = {**trace.readings, **chosen}
        assert replay(replace(trace, readings=readings, digest=model_digest(trace.slice, readings, trace.bounds))).outcomes


def test_a_reading_that_is_mentioned_may_matter():
    trace = kept()["F-33/port"]
    assert "A:port" in mentioned(replay(trace))
    readings = {**trace.readings, "A:port": "179"}
    with pytest.raises((NotARun, TraceError)):
        replay(replace(trace, readings=readings, digest=model_digest(trace.slice, readings, trace.bounds)))


# -- repairs -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench():
    return Bench("teardown")


def test_a_bench_says_what_a_search_of_its_own_says(bench):
    """Under readings that it was not compiled for alone, and other budgets."""
    for texts, budgets in (((), {"losses": 1}), (("after_del=discard", "hold=zero", "A:peer_del=defer"), {"losses": 0, "attacks": 1})):
        job = Job("teardown", "draft", parse(texts), bench.claims, bounds=bounds_of("teardown", {"copies": 0, "attacks": 0, **budgets}))
        there = question(job)
        own, found = search(there.system, (*there.queries, *there.antecedents)), bench.judge(there.chosen, job.bounds)
        assert (found.states, found.transitions, found.why) == (own.counts.distinct, own.counts.transitions, "")
        assert found.breaches == {query.name: own.lengths[query.name] for query in there.queries}
        assert found.tested == {name for name, one in zip(bench.claims, there.antecedents, strict=True) if own.hits[one.name]}


def test_smallest_repairs_against_brute_force(bench, monkeypatch):
    """F-03/keep with four readings to change: what keeps its claim and makes nothing worse, by one search each of every combination."""
    keys = ("passive_del", "port", "on_failure", "p1_delete")
    monkeypatch.setattr(module, "knobs", lambda *args, **more: tuple(one for one in knobs(*args, **more) if one.name in keys))
    finding, trace = FINDINGS["F-03/keep"], kept()["F-03/keep"]
    base = bench.judge(trace.readings, trace.bounds)
    good = {}
    for values in product(*(READINGS[key].values for key in keys)):
        changed = {key: value for key, value in zip(keys, values, strict=True) if value != trace.readings[f"A:{key}"]}
        one = bench.judge({**trace.readings, **{f"{end}:{key}": value for key, value in changed.items() for end in "AB"}}, trace.bounds)
        breaks = one.breaches[finding.property] is not None
        sooner = [name for name, length in one.breaches.items() if length is not None and length < (base.breaches[name] or 99)]
        if not breaks and not sooner and (base.tested & bench.judge(readings("repaired", {}), trace.bounds).tested) <= one.tested | {
                name for name, length in base.breaches.items() if length is not None and name != finding.property}:
            good[tuple(sorted(changed.items()))] = one.states
    fewest = min(map(len, good))
    found = remedies(bench, finding, trace)
    smallest = {changes: states for changes, states in good.items() if len(changes) == fewest}
    assert found.at_least == fewest == 1 and len(found.found) == min(module.MOST, len(smallest))
    assert {tuple(sorted(one.changes.items())): one.states for one in found.found}.items() <= smallest.items()
    assert not any("port" in one.changes for one in found.found)


def test_port_170_keeps_the_orphan_away_by_protecting_nothing(bench):
    """What `made_worse` says of it, in the state where A could still adopt it and from the start; B's own cure makes nothing worse."""
    trace = kept()["F-03/keep"]
    assert "no-plaintext-out" in made_worse(bench, trace, 2, {"A:port": "170"})
    assert made_worse(bench, trace, 3, {"B:passive_del": "at_closed"}) == ()


def test_a_candidate_that_grows_too_large_is_left_open(bench, monkeypatch):
    monkeypatch.setattr(module, "FEW", 20_000)
    monkeypatch.setattr(module, "FACTOR", 0)
    monkeypatch.setattr(module, "knobs", lambda *args, **more: tuple(one for one in knobs(*args, **more) if one.name == "passive_del"))
    found = remedies(bench, FINDINGS["F-03/keep"], kept()["F-03/keep"])
    assert found.found == () and not found.complete and not found.nothing and found.at_least == 1
    assert found.undecided == "more than 20,000 states"


def test_what_no_reading_cures_is_said(bench, monkeypatch):
    """F-24/shared, were only after_del to be changed: the session's end takes the phase 1 SA whatever becomes of packets."""
    monkeypatch.setattr(module, "knobs", lambda *args, **more: tuple(one for one in knobs(*args, **more) if one.name == "after_del"))
    found = remedies(bench, FINDINGS["F-24/shared"], kept()["F-24/shared"])
    assert found.nothing and found.hopeless and found.complete and found.found == ()
    told = " ".join(remedy_text.repair(FINDINGS["F-24/shared"], json.loads(json.dumps(asdict(found)))))
    assert "No combination of readings keeps `no-collateral-deletion`." in told


def test_rules_alone_and_together(bench):
    """F-24/shared: R-f, phase 1 is never deleted on behalf of BGP, is all it takes."""
    found = remedies(bench, FINDINGS["F-24/shared"], kept()["F-24/shared"])
    assert found.whole is not None and found.whole.keeps
    assert {one.rule for one in found.rules if one.keeps} == {"R-f"}
    assert {"p1_delete": "never"} in [dict(one.changes) for one in found.found]


def test_a_page_tells_its_repair():
    known = {"repair": {"bounds": {"losses": 1}, "rule_bounds": {"losses": 0}, "kept": ["one-sa-strict"], "untested": [], "complete": False,
                        "nothing": False, "hopeless": False, "undecided": "", "at_least": 1, "vacuous": 0, "conflicts": 3,
                        "base_cost": None, "found": [{"changes": {"confirm": "never"}, "sources": {"confirm": "draft 3.4"}, "states": 12345,
                                   "transitions": 99999, "cost": None}],
                        "whole": {"rule": "", "keeps": True, "worse": [], "why": ""},
                        "rules": [{"rule": "R-b", "keeps": True, "worse": ["no-idle-orphan"], "why": ""},
                                  {"rule": "R-c", "keeps": False, "worse": [], "why": ""}]}}
    told = "\n".join(remedy_text.repair(FINDINGS["F-02/confirm"], known["repair"]))
    assert "A and B: `confirm=never` (draft 3.4, read so); holds in 12,345 states, 99,999 transitions, searched to the end." in told
    assert "there may be others with as many" in told
    assert "R-b does, but makes `no-idle-orphan` worse; no other does, at bounds losses 0" in told
    assert remedy_text.shortly(known["repair"]) == "`confirm=never`"
    open_ = {**known["repair"], "found": [], "undecided": "400 candidates were tried", "at_least": 4}
    assert "**Not decided**: 400 candidates were tried." in "\n".join(remedy_text.repair(FINDINGS["F-02/confirm"], open_))
    assert remedy_text.shortly(open_) == "not decided"


def test_the_ranking_puts_plaintext_without_help_first():
    order = [one.name for one in ranked({name: replay(trace) for name, trace in kept().items()})]
    assert sorted(order) == sorted(FINDINGS)
    assert order.index("F-01/plaintext") < order.index("F-02/plaintext") < order.index("F-06/bypass-in") < order.index("F-01/order")
    assert order.index("F-01/order") < order.index("F-03/keep")


@pytest.mark.parametrize("name, needed", [("F-01/plaintext", "nothing"), ("F-04/harm", "a loss"), ("F-28/hold-zero", "a restart"),
                                          ("F-35/listener", "an attacker"), ("F-43/session", "an attacker"),
                                          ("F-52/secrecy", "an attacker"), ("F-56/gateway", "an attacker"), ("F-58/user", "an attacker")])
def test_what_a_run_needs(name, needed):
    """An insider is an attacker, and so is who only listens; a restart is none."""
    assert finding_pages.needs(replay(kept()[name]))[1] == needed


def test_what_was_read_again_is_on_the_page():
    for number in REVIEWED:
        assert number in EXPLAINED and re.search(r"^Objection.*[Aa]nswers?\b.*\bStands\b", REVIEWED[number])
    assert [*finding_pages.about(FINDINGS["L-01/closed-port"])] == [EXPLAINED["L-01"], f"*Reviewed.* {REVIEWED['L-01']}"]
    assert [*finding_pages.about(FINDINGS["F-33/port"])] == [EXPLAINED["F-33"]]


def test_every_finding_is_explained_and_every_candidate_told():
    families = {name.partition("/")[0] for name in FINDINGS}
    assert set(EXPLAINED) >= families
    assert set(CANDIDATES) >= {one for one in families if one.startswith("F-")}
    for family in families:
        assert re.search(r"\d\.\d|RFC|L-\d", EXPLAINED[family])


# -- Mermaid -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FINDINGS)
def test_a_diagram_is_of_known_statements(name):
    lines = mermaid(replay(kept()[name])).splitlines()
    assert lines[0] == "sequenceDiagram"
    declared = {line.split()[1] for line in lines if line.startswith("    participant ")}
    for line in lines:
        assert STATEMENT.fullmatch(line), line
        assert ";" not in line and "#" not in line and not re.search(r"(?<!\()\bend\b(?!\))", line), line
        arrow = re.match(r" {4}([ABM])-\S*?([ABM]):", line)
        assert arrow is None or {arrow[1], arrow[2]} <= declared, line


def test_a_diagram_shows_each_message_once():
    run = replay(kept()["F-06/acquire"])
    text = mermaid(run)
    sent = sum(one.direction is not None for outcome in run.outcomes for one in outcome.sent)
    assert len(re.findall(r"^ {4}[AB]-", text, re.M)) == sent + len(re.findall("-x", text))
    assert re.search(r"A-xB: 2\. ESP g0 RST is lost", text)


def test_an_attacker_takes_part_where_there_is_one():
    assert "participant M as attacker" in mermaid(replay(kept()["F-35/listener"]))
    assert "attacker" not in mermaid(replay(kept()["F-01/order"]))


def test_the_command_shows_the_same():
    shown = CliRunner().invoke(app, ["show", str(GALLERY / "F-33-port.json"), "--format", "mermaid"])
    assert (shown.exit_code, shown.stdout) == (0, mermaid(replay(kept()["F-33/port"])))


def test_a_stimulus_is_found_again_by_name():
    """What `computed` plays is the kept run."""
    trace = kept()["F-02/confirm"]
    system = finding_facts.asked(FINDINGS["F-02/confirm"], trace)
    assert [coded(system, number, one).event for number, one in enumerate(trace.steps, 1)] == [one.event for one in trace.steps]
