"""A report as JUnit XML: a suite for each slice and preset, a case for each claim, finding and engine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from lockstep.report import PropertyResult, Report
from properties.registry import PROPERTIES, UNDECIDED


def junit(report: Report) -> str:
    """The document. A case fails where the verdict is not as expected, and is in error where nothing was decided; a violation that is
    expected passes, and says so. Compared with a kept report, what has changed fails, in a suite of its own."""
    document = JUnitXml("lockstep")
    for (slice_name, preset), results in groupby(report.results, lambda one: (one.slice, one.preset)):
        suite = TestSuite(f"{slice_name}, {preset}")
        suite.add_testcases(list(_cases(report, results)))
        document.add_testsuite(suite)
    if report.changes or report.at_large:
        suite = TestSuite("report")
        suite.add_testcases(list(_at_large(report)))
        document.add_testsuite(suite)
    document.update_statistics()
    return str(document.tostring().decode())


def _cases(report: Report, results: Iterator[PropertyResult]) -> Iterator[TestCase]:
    searched: set[tuple[str, float]] = set()
    for one in results:
        spent = one.seconds if (one.engine, one.seconds) not in searched else 0.0  # one search judges several claims: it is counted once
        searched.add((one.engine, one.seconds))
        name = f"{one.finding}: {one.property}" if one.finding else one.property
        case = TestCase(name, f"{one.slice}.{one.preset}.{one.engine}", spent)
        said = one.verdict + (f", {one.length} steps" if one.length else "") + (f": {one.reason}" if one.reason else "")
        if not one.as_expected and report.changes is None:
            case.result = [Failure(f"{said}; expected: {one.expected}", one.verdict)]
        elif one.verdict == UNDECIDED:
            case.result = [Error(said, one.verdict)]
        case.system_out = "\n".join([said, PROPERTIES[one.property].sentence, f"{one.states:,} states, {one.transitions:,} transitions",
                                     " ".join(f"{key}={value}" for key, value in (*one.readings.items(), *one.bounds.items())),
                                     *([f"witness: {one.trace}"] if one.trace else [])])
        yield case


def _at_large(report: Report) -> Iterator[TestCase]:
    """What is not as expected of the report as a whole."""
    for line in (*(report.changes or ()), *report.at_large):
        case = TestCase(line, "report")
        case.result = [Failure(line, "not as expected")]
        yield case
