"""Parts of the pages that are made from the model and from the results of its searches."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

from docs import front, ledger_pages, lints
from lockstep.api import file_name, results_of
from lockstep.choice import catalogue
from lockstep.engines import ENGINES
from lockstep.jobs import Judgement, Outcome
from lockstep.numbers import COLUMNS, cells, chosen, counted, judged
from lockstep.report import PropertyResult, Report
from lockstep.screen import print_report
from model.slices import TABLES
from model.text import markdown_rows, text_row
from model.trace import Trace
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import PROPERTIES, VIOLATED
from tests import runs
from tests.runs import kept
from traces.audit.counterparts import COUNTERPARTS, NOT_BROKEN, UNSEEN
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


# -- the parts, by the name after `made:` -------------------------------------------------------------------------------


def readings() -> list[str]:
    """Every reading, as `lockstep readings` lists them."""
    listed = catalogue()
    lines = ["| " + " | ".join(listed[0]) + " |", "|" + "---|" * len(listed[0])]
    return [*lines, *("| " + " | ".join(one.values()) + " |" for one in listed)]


def rows(table: str, *keys: str) -> list[str]:
    """Rows of a table, by key."""
    by_key = {row.key: row for row in TABLES[table].rows}
    return markdown_rows([text_row(TABLES[table], by_key[key]) for key in keys])


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
    return [*_by_slice("promised", PRESETS["repaired"].promises),
            "| distinct states | " + " | ".join(f"{one.states:,}" for one in whole.values()) + " |",
            "| transitions | " + " | ".join(f"{one.transitions:,}" for one in whole.values()) + " |",
            "| depth (levels) | " + " | ".join(str(one.depth) for one in whole.values()) + " |"]


def unpromised() -> list[str]:
    """For each claim that `repaired` does not promise: the verdict in each slice where it is asked, with the steps of a shortest run."""
    return _by_slice("not promised", [name for name in PROPERTIES if name not in PRESETS["repaired"].promises])


def _by_slice(head: str, names: Iterable[str]) -> list[str]:
    whole = {key: [one for outcome in (searched, *runs.endless(*key)) for one in results_of(outcome, {})]
             for key, searched in runs.whole().items() if key[1] == "repaired"}
    lines = [f"| {head} | " + " | ".join(slice_name for slice_name, _ in whole) + " |", "|---" * (len(whole) + 1) + "|"]
    for name in names:
        found = [next((one for one in results if one.property == name), None) for results in whole.values()]
        cells = ["" if one is None else one.verdict + (f" ({one.length})" if one.length else "") for one in found]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


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


def numbers(topic: str) -> list[str]:
    """The figures of a topic, judged."""
    verdicts = list(judged(chosen(topic), None))
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(cells, verdicts)]
    return [*("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows), "", f"{counted(verdicts)}."]


def counterparts() -> list[str]:
    """Each property of the model beside the claim of an audit; those without one last, by the reason."""
    lines = ["| property | claim of the audit | |", "|---|---|---|"]
    lines += [f"| `{name}` | `{one.claim}` | {one.why} |" for name, one in COUNTERPARTS.items() if one.claim]
    reasons = dict.fromkeys(one.why for one in COUNTERPARTS.values() if not one.claim)
    return lines + [f"| {', '.join(f'`{name}`' for name, one in COUNTERPARTS.items() if not one.claim and one.why == why)} | none | {why} |"
                    for why in reasons]


def unseen() -> list[str]:
    return [f"- {why};" for why in UNSEEN]


def unfounded() -> list[str]:
    return [f"- {why};" for why in NOT_BROKEN]


MAKE: dict[str, Callable[..., list[str]]] = {
    "ledger": ledger_pages.counted,
    "rows": rows,
    "causes": causes,
    "rules": rules,
    "promises": promises,
    "unpromised": unpromised,
    "engines": engines,
    "numbers": numbers,
    "readings": readings,
    "lints": lints.lints,
    "keywords": lints.keywords,
    "deployment": lints.deployment,
    "glance": front.glance,
    "finding": front.finding,
    "tables": front.tables,
    "decisions": front.decisions,
    "counterparts": counterparts,
    "unseen": unseen,
    "unfounded": unfounded,
}
