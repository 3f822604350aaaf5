"""The pages of findings are what the kept facts and witnesses say; the facts are of this model, and come out again."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random

import pytest
from typer.testing import CliRunner

from docs import finding_pages
from docs.candidates import CANDIDATES
from docs.explanations import EXPLAINED
from docs.finding_pages import FACTS, FOLDER, computed, facts, mentioned, page, pages, ranked
from lockstep.cli import app
from model.readings import READINGS
from properties.findings import FINDINGS
from tests.runs import GALLERY, kept
from traces.mermaid import mermaid
from traces.names import coded
from traces.replay import NotARun, TraceError, model_digest, replay

CHEAP = ("F-02/confirm", "F-03/at-lastack-stuck", "F-33/port")
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
def test_facts_come_out_again(name):
    assert json.loads(json.dumps(computed(name))) == facts()[name], "renew them with: python -m docs facts"


def test_facts_of_another_model_are_refused(monkeypatch, tmp_path):
    known = json.loads(FACTS.read_text(encoding="utf-8"))
    monkeypatch.setattr(finding_pages, "FACTS", tmp_path / "facts.json")
    for spoilt in ({**known, "F-33/port": {**known["F-33/port"], "of": "0"}}, {**known, "F-00/none": known["F-33/port"]},
                   {name: one for name, one in known.items() if name != "F-33/port"}):
        finding_pages.FACTS.write_text(json.dumps(spoilt))
        with pytest.raises(ValueError, match="python -m docs facts"):
            facts()


def test_the_fingerprint_sees_the_claim_the_readings_and_the_run():
    finding, trace = FINDINGS["F-33/port"], kept()["F-33/port"]
    other = FINDINGS["F-01/order"]
    prints = {finding_pages.fingerprint(finding, trace), finding_pages.fingerprint(other, trace),
              finding_pages.fingerprint(finding, replace(trace, digest="0")), finding_pages.fingerprint(finding, replace(trace, start=1))}
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
    spoilt = {**known, "ends": {**known["ends"], "A": {**known["ends"]["A"], "lost": [True] * 3, "last": None}}}
    assert "A never had a chance" in page(FINDINGS[name], run, spoilt)
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


def test_the_ranking_puts_plaintext_without_help_first():
    order = [one.name for one in ranked({name: replay(trace) for name, trace in kept().items()})]
    assert sorted(order) == sorted(FINDINGS)
    assert order.index("F-01/plaintext") < order.index("F-02/plaintext") < order.index("F-06/bypass-in") < order.index("F-01/order")
    assert order.index("F-01/order") < order.index("F-03/keep")


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
    system = finding_pages.asked(FINDINGS["F-02/confirm"], trace)
    assert [coded(system, number, one).event for number, one in enumerate(trace.steps, 1)] == [one.event for one in trace.steps]
