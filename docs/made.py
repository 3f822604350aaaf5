"""Parts of the pages that are made from the model and from the results of its searches."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

from lockstep.api import file_name, results_of
from lockstep.engines import ENGINES
from lockstep.jobs import Judgement, Outcome
from lockstep.report import PropertyResult, Report
from lockstep.screen import print_report
from model.slices import TABLES
from model.text import markdown_rows, text_row
from model.trace import Trace
from properties.finding import Finding
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import VIOLATED
from tests import runs
from tests.runs import kept
from traces.files import to_text, write


def witness_file(trace: Trace) -> str:
    """Where `lockstep verify` puts a witness."""
    return f"out/{file_name(trace)}"


def every_witness() -> Mapping[str, Trace]:
    """Every witness of a whole run, by file."""
    judged = [trace for key, outcome in runs.whole().items() for one in (outcome, *runs.endless(*key)) for trace in one.traces.values()]
    return {witness_file(trace): trace for trace in (*judged, *kept().values())}


def write_witnesses(folder: Path) -> None:
    for name, trace in every_witness().items():
        write(folder / name, to_text(trace))


def known(command: str) -> str | None:
    """The output of `lockstep verify [SLICE] [--preset PRESET]`, from searches that several tests share; None for others."""
    words = command.split()
    if words[:2] != ["lockstep", "verify"]:
        return None
    slices, presets = [one for one in words[2:3] if not one.startswith("-")], words[-1:] if words[-2:-1] == ["--preset"] else []
    if words != ["lockstep", "verify", *slices, *(["--preset"] if presets else []), *presets] or not slices:
        return None
    chosen = [one for key, one in runs.whole().items() if key[0] in slices and (not presets or key[1] in presets)]
    text = io.StringIO()
    with redirect_stdout(text):
        print_report(Report(tuple(result for one in chosen for result in results(one))))
    return text.getvalue()


def results(outcome: Outcome) -> list[PropertyResult]:
    """A search's verdicts, those of the response properties and of the known findings of the same slice and preset."""
    job = outcome.job
    found = [result for one in (outcome, *runs.endless(job.slice, job.preset))
             for result in results_of(one, {name: witness_file(trace) for name, trace in one.traces.items()})]
    for other in runs.finding_jobs():
        if (other.slice, other.preset) == (job.slice, job.preset):
            traces = {name: kept()[name] for name in other.findings}
            found += results_of(Outcome(other, 0, 0, 0, 0.0, "", {name: Judgement(VIOLATED) for name in traces}, traces),
                                {name: witness_file(trace) for name, trace in traces.items()})
    return found


def changed(finding: Finding) -> str:
    """The readings that differ from the preset; both ends read alike."""
    once = {name.removeprefix("A:"): value for name, value in finding.readings.items() if not name.startswith("B:")}
    return ", ".join(f"`{name}={value}`" for name, value in once.items()) or "none"


# -- the parts, by the name after `made:` -------------------------------------------------------------------------------


def rows(table: str, *keys: str) -> list[str]:
    """Rows of a table, by key."""
    by_key = {row.key: row for row in TABLES[table].rows}
    return markdown_rows([text_row(TABLES[table], by_key[key]) for key in keys])


def findings(slice_name: str, *prefixes: str) -> list[str]:
    """Known findings: readings, claim, lengths."""
    lines = ["| finding | what | claim | readings changed | pilot | here |", "|---|---|---|---|---|---|"]
    return lines + [f"| {one.name} | {one.title} | `{one.property}` | {changed(one)} | {one.pilot} | {kept()[one.name].length} |"
                    for one in FINDINGS.values() if one.slice == slice_name and (not prefixes or one.name.split("/")[0] in prefixes)]


def causes() -> list[str]:
    """What the witness of each finding must show."""
    from model.expr import show

    shown = {one.cause.name: show(one.cause.when) for one in FINDINGS.values()}
    by_cause = {name: ", ".join(one.name for one in FINDINGS.values() if one.cause.name == name) for name in shown}
    return ["| cause | findings |", "|---|---|", *(f"| `{shown[name]}` | {by_cause[name]} |" for name in shown)]


def rules() -> list[str]:
    """The readings of `repaired` that differ from `draft`."""
    draft, repaired = PRESETS["draft"], PRESETS["repaired"]
    lines = ["| reading | draft | repaired | rule |", "|---|---|---|---|"]
    return lines + [f"| `{key}` | {draft.value(key)} | {choice.value} | {choice.source} |"
                    for key, choice in repaired.choices.items() if choice.value != draft.value(key)]


def promises() -> list[str]:
    """For each claim that `repaired` promises: the verdict in each slice, with the states visited."""
    whole = {key: outcome for key, outcome in runs.whole().items() if key[1] == "repaired"}
    lines = ["| promised | " + " | ".join(slice_name for slice_name, _ in whole) + " |", "|---" * (len(whole) + 1) + "|"]
    for name in PRESETS["repaired"].promises:
        cells = [next((one.verdict for one in results_of(outcome, {}) if one.property == name), "") for outcome in whole.values()]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return [*lines, "| distinct states | " + " | ".join(f"{one.states:,}" for one in whole.values()) + " |",
            "| transitions | " + " | ".join(f"{one.transitions:,}" for one in whole.values()) + " |",
            "| depth (levels) | " + " | ".join(str(one.depth) for one in whole.values()) + " |"]


def engines() -> list[str]:
    """What each engine establishes of the headline claims in teardown, and the simulation of the graceful shutdown."""
    found = [one for outcome in runs.by_every_engine().values() for one in results_of(outcome, {})]
    lines = ["| claim | preset | " + " | ".join([*ENGINES, "simulate"]) + " |", "|---" * (len(ENGINES) + 3) + "|"]
    for name in runs.HEADLINES:
        for preset in PRESETS:
            cells = []
            for engine in ENGINES:
                (one,) = [one for one in found if (one.property, one.preset, one.engine) == (name, preset, engine)]
                why = f", {one.reason}" if engine == "induction" and one.reason else ""
                cells.append(one.verdict + (f" ({one.length})" if one.length else "") + why)
            judged = {one.claim.name: one.verdict for one in runs.simulated(preset).judged()}
            lines.append(f"| `{name}` | {preset} | " + " | ".join([*cells, judged.get(name, "not put to the test")]) + " |")
    return lines


MAKE: dict[str, Callable[..., list[str]]] = {
    "rows": rows, "findings": findings, "causes": causes, "rules": rules, "promises": promises, "engines": engines}
