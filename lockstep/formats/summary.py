"""A report as Markdown for a job's summary."""

from __future__ import annotations

from lockstep.report import Report
from properties.registry import PROPERTIES, UNDECIDED


def summary(report: Report) -> str:
    """Tables of the claims and of the known findings, and above them what is not as expected."""
    claims = [one for one in report.results if not one.finding]
    columns = list(dict.fromkeys((one.slice, one.preset) for one in claims))
    lines = ["# lockstep", ""]
    wrong = [f"- {line}" for line in report.unexpected]
    open_ = [f"- `{one.property}`, {one.slice}, {one.preset}: {one.reason}" for one in report.results if one.verdict == UNDECIDED]
    lines += ["**Undecided**", "", *open_, ""] if open_ else []
    lines += ["**Not as expected**", "", *wrong, ""] if wrong else ["Nothing is other than expected.", ""]
    heads = [f"{slice_name}, {preset}" for slice_name, preset in columns]
    lines += ["| claim | " + " | ".join(heads) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in dict.fromkeys(one.property for one in claims):
        found = {(one.slice, one.preset): one for one in claims if one.property == name}
        cells = [_cell(found[key].verdict, found[key].length) if key in found else "" for key in columns]
        lines.append(f"| `{name}`: {PROPERTIES[name].sentence} | " + " | ".join(cells) + " |")
    known = [one for one in report.results if one.finding]
    if known:
        lines += ["", "| finding | claim | verdict |", "|---|---|---|"]
        lines += [f"| {one.finding} | `{one.property}` | {_cell(one.verdict, one.length)} |" for one in known]
    return "\n".join(lines) + "\n"


def _cell(verdict: str, length: int | None) -> str:
    return f"{verdict} ({length})" if length else verdict
