"""Reports for other programs: read back by readers that are not ours, and compared with what was kept."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from junitparser import Failure, JUnitXml

from lockstep import formats
from lockstep.api import verify
from lockstep.choice import UsageError
from lockstep.formats.kept import changes, expected
from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, Coverage, Report
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from properties.requirements import ledger

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
SMALL = {"losses": 0, "copies": 0, "attacks": 0, "segments": 1, "datagrams": 1}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A small search, with witnesses."""
    return verify("teardown", bounds=SMALL, properties=("sa-outlives-connection", "one-sa-strict"), out=tmp_path_factory.mktemp("out"))


def broken(report: Report) -> Report:
    """The same with a promise that does not hold, and a row that never fired."""
    held = next(one for one in report.results if one.expected == HOLDS)
    wrong = replace(held, verdict=VIOLATED, length=3)
    return replace(report, results=tuple(wrong if one is held else one for one in report.results),
                   coverage=Coverage(2, (("tcp", "SYN"),)))


def test_sarif_is_valid_and_points_into_the_draft(report: Report) -> None:
    document = formats.sarif(broken(report))
    jsonschema.Draft4Validator(SCHEMA).validate(document)
    results = document["runs"][0]["results"]
    assert {one["level"] for one in results} == {"error", "warning"}
    for one in results:
        entry = ledger()[one["locations"][0]["logicalLocations"][0]["name"]]
        assert one["ruleId"] in entry.claims
        assert one["locations"][0]["physicalLocation"]["region"]["startLine"] == entry.place[0]
        assert document["runs"][0]["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    flows = [one["codeFlows"][0]["threadFlows"][0]["locations"] for one in results if "codeFlows" in one]
    assert flows and "hard limit" in flows[0][0]["location"]["message"]["text"]


def test_the_schema_would_notice() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_junit_is_read_by_others(report: Report) -> None:
    text = formats.junit(broken(report))
    suites = JUnitXml.fromstring(text.encode())
    cases = [case for suite in suites for case in suite]
    assert len([case for case in cases if case.classname.startswith("teardown.")]) == len(report.results)
    failed = [case for case in cases if any(isinstance(one, Failure) for one in case.result)]
    assert {case.classname for case in failed} == {"teardown.repaired.search", "report"}
    root = ElementTree.fromstring(text)
    assert int(root.attrib["failures"]) == len(failed) == 2
    assert int(ElementTree.fromstring(formats.junit(report)).attrib["failures"]) == 0
    assert float(root.attrib["time"]) == pytest.approx(sum({one.seconds for one in report.results}), abs=0.01)  # a search counts once


def test_summary_says_what_is_wrong(report: Report) -> None:
    assert "Nothing is other than expected." in formats.summary(report) and "Undecided" not in formats.summary(report)
    assert "**Undecided**" in formats.summary(replace(report, results=(replace(report.results[0], verdict=UNDECIDED, reason="time"),)))
    said = formats.summary(broken(report))
    assert "sa-outlives-connection, teardown, repaired: violated, expected holds" in said and "tcp: SYN: fires in no slice" in said


# -- a report that was kept ------------------------------------------------------------------------------------------------------------


def kept(report: Report, folder: Path) -> Path:
    path = folder / "known.json"
    path.write_text(json.dumps(report.to_document()), encoding="utf-8")
    return path


def test_nothing_changed(report: Report, tmp_path: Path) -> None:
    same = replace(report, changes=changes(expected(kept(report, tmp_path)), report.results))
    assert same.changes == () and same.exit_status() == same.exit_status(strict=True) == AS_EXPECTED


def test_a_change_in_either_direction_is_named(report: Report, tmp_path: Path) -> None:
    known = expected(kept(broken(report), tmp_path))
    better = replace(report, changes=changes(known, report.results))
    assert better.changes == ("sa-outlives-connection, teardown, repaired: holds, kept as violated",)
    assert better.exit_status() == NOT_AS_EXPECTED
    worse = changes(expected(kept(report, tmp_path)), broken(report).results)
    assert worse == ("sa-outlives-connection, teardown, repaired: violated, kept as holds",)
    fewer = changes(expected(kept(report, tmp_path)), report.results[1:])
    more = changes(expected(kept(replace(report, results=report.results[1:]), tmp_path)), report.results)
    assert len(fewer) == len(more) == 1 and "not judged now" in fewer[0] and "not in the kept report" in more[0]
    assert better.to_document()["changes"] == list(better.changes)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"results": [{}]}', '{"results": 3}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"known\.json"):
        expected(path)
    with pytest.raises(UsageError, match="No such file"):
        expected(tmp_path / "none.json")
