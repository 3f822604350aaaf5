"""The table of docs/performance.md: how many states and transitions of each slice the search visits, in how many seconds.

    lockstep verify --json > report.json
    python -m benchmarks.verify_rates report.json [--write "an idle machine of two cores"]

Seconds are those of the clock on the wall that the report gives for each search, compilation included, while as many searches as the
machine has cores ran side by side. --write puts the table into the page instead of printing it, with what it was measured on;
tests/test_benchmarks.py compares its states, transitions and levels with those of the model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: verify_rates -->\n", "<!-- end -->\n"
HEAD = ("slice", "preset", "states", "transitions", "levels", "seconds", "states a second", "transitions a second")


def searches(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One result of each search that judged claims; several claims share one."""
    found = {(one["slice"], one["preset"]): one for one in report["results"] if one["engine"] == "search" and not one["finding"]}
    return list(found.values())


def others(report: Mapping[str, Any]) -> Iterable[tuple[str, int, float]]:
    """What else was run: how many searches, and their seconds together."""
    for what, engine, of_finding in (("for known findings", "search", True), ("for endless runs", "liveness", False)):
        found = {repr([one[key] for key in ("slice", "preset", "readings", "bounds")]): one["seconds"] for one in report["results"]
                 if one["engine"] == engine and bool(one["finding"]) == of_finding}
        yield what, len(found), sum(found.values())


def table(report: Mapping[str, Any]) -> str:
    lines = [HEAD, ("---",) * len(HEAD)]
    for one in searches(report):
        states, transitions, seconds = one["states"], one["transitions"], one["seconds"]
        lines.append((one["slice"], one["preset"], f"{states:,}", f"{transitions:,}", str(one["depth"]), f"{seconds:.1f}",
                      f"{states / seconds:,.0f}", f"{transitions / seconds:,.0f}"))
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    return text + "\n" + "".join(f"{number} searches {what}: {seconds:.0f} s together.\n" for what, number, seconds in others(report))


def written(page: str, part: str, begins: str = BEGIN) -> str:
    """The page with a measured part replaced, which begins with a line. Raises ValueError where it has none."""
    before, begin, rest = page.partition(begins)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE}: there are no lines {begins.strip()} and {END.strip()}")
    return before + begin + part + end + after


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("report", type=Path, help="what lockstep verify --json printed")
    words.add_argument("--write", metavar="WHERE", help="put the table into docs/performance.md; WHERE it was measured, in words")
    given = words.parse_args()
    try:
        report = json.loads(given.report.read_text(encoding="utf-8"))
        part = table(report)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        sys.exit(f"verify_rates: {given.report}: not a report of lockstep verify --json ({error!r}); make it anew")
    if given.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), f"Measured on {given.write}.\n\n{part}"), encoding="utf-8")
    else:
        print(part, end="")


if __name__ == "__main__":
    main()
