"""The scripts of benchmarks/ run, and the page that shows what they measured is of this model. Nothing here is timed."""

from __future__ import annotations

import json
import re
import sys

import pytest

import lockstep
from benchmarks import audit_rate, explore_rate, search_vs_interpreter, simulation_rate, verify_rates, walk_coverage
from tests.test_verify import PINS

SMALL = {"losses": 0, "copies": 0, "attacks": 0}


@pytest.mark.parametrize(("script", "words", "said"), [
    (search_vs_interpreter, ("--slice", "attacker", "--seconds", "0.01"), r"attacker: 882314 states .* complete\n"),
    (simulation_rate, ("--hours", "0.01", "--seeds", "2"), r"graceful-shutdown, preset repaired, 2 runs: [1-9]\d* steps"),
    (explore_rate, ("--steps", "3", "restart"), r"restart: 3 steps; run .* the interpreter's part\n"),
    (walk_coverage, ("--runs", "1", "--seeds", "1"), r"teardown, repaired, uniform: .* [1-9]\d* rows fired; 1 runs"),
])
def test_a_script_runs(script, words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script.__name__, *words])
    script.main()
    assert re.search(said, capsys.readouterr().out)


def numbers(line):
    return tuple(int(one.replace(",", "")) for one in line)


def rows(text):
    """(slice, preset): states, transitions, levels."""
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert tuple(lines[0]) == verify_rates.HEAD
    return {(line[0], line[1]): numbers(line[2:5]) for line in lines[2:]}


def test_the_table_is_what_the_report_says(tmp_path, monkeypatch, capsys):
    report = lockstep.verify("teardown", bounds=SMALL)
    (tmp_path / "report.json").write_text(json.dumps(report.to_document()))
    monkeypatch.setattr(sys, "argv", ["verify_rates", str(tmp_path / "report.json")])
    verify_rates.main()
    assert rows(capsys.readouterr().out) == {
        ("teardown", one.preset): (one.states, one.transitions, one.depth) for one in report.results if one.engine == "search"}


def test_what_is_no_report_is_refused(tmp_path, monkeypatch):
    (tmp_path / "report.json").write_text('{"results": [{}]}')
    monkeypatch.setattr(sys, "argv", ["verify_rates", str(tmp_path / "report.json")])
    with pytest.raises(SystemExit, match=r"report\.json: not a report of lockstep verify --json .*; make it anew"):
        verify_rates.main()


def test_the_page_is_of_this_model():
    page = verify_rates.PAGE.read_text(encoding="utf-8")
    begun = page.index(verify_rates.BEGIN)
    assert rows(page[begun:page.index(verify_rates.END, begun)]) == PINS, "renew it: python -m benchmarks.verify_rates --help"
    assert verify_rates.written(page, "new\n").count("new\n") == 1
    with pytest.raises(ValueError, match="there are no lines"):
        verify_rates.written("a page without the part", "new\n")


def test_the_capture_of_the_audit_rate(tmp_path):
    audit_rate.save(tmp_path / "made.pcap", 6000, 30)
    found = audit_rate.measured(tmp_path / "made.pcap")
    assert (found["packets"], found["connections"], found["sas"], found["unread"]) == (6000, 30, 60, 20)
    assert found["verdicts"] == {"no-plaintext": "violated", "sa-before-syn": "violated", "open-first": "satisfied",
                                 "sa-outlives-connection": "undecided", "one-sa-per-connection": "satisfied"}
    assert 0 < audit_rate.peak() < 1 << 40
    said = audit_rate.text(found, found, {"octets": 1.0, "packets": 1.0})
    assert "| packets | 6,000 |" in said and "| connections that can be read | 30 |" in said


def test_the_page_has_what_the_audit_was_measured_on():
    page = audit_rate.PAGE.read_text(encoding="utf-8")
    part = page[page.index(audit_rate.BEGIN):]
    assert f"| packets | {audit_rate.PACKETS:,} |" in part and f"| connections that can be read | {audit_rate.CONNECTIONS:,} |" in part
    assert audit_rate.written(page, "new\n", audit_rate.BEGIN).count("new\n") == 1


def test_too_few_packets_are_refused(capsys):
    with pytest.raises(SystemExit):
        audit_rate.main(["--packets", "100"])
    assert "give 200 packets or more for each connection" in capsys.readouterr().err
