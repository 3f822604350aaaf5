"""Parts of the front page and of the lists that the navigation needs: all of them made from the model and from kept results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from docs.explanations import EXPLAINED
from docs.finding_pages import certainty, changed, needs, page_name, replayed, severity
from docs.pages import ROOT
from lockstep.ledger import CONTRADICTED, counts, results
from model.slices import SLICES, TABLES
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, HOLDS, RESPONSES, VIOLATED
from properties.requirements import ledger
from traces.mermaid import mermaid


def glance() -> list[str]:
    """What there is, in numbers."""
    breaks = Counter(map(severity, FINDINGS.values()))
    runs = replayed()
    alone = sum(needs(runs[name])[0] == 0 and not certainty(one) for name, one in FINDINGS.items())
    states = {(one.slice, one.preset): one.states for found in results().values() for one in found if one.engine == "search"}
    verdicts, promises = counts(), PRESETS["repaired"].promises
    kept = sum(all(one.verdict == HOLDS for one in results()[name] if one.preset == "repaired") for name in promises)
    return ["| what | in numbers |", "|---|---|",
            f"| known findings | {len(FINDINGS)}: {breaks[0]} let a segment leave or enter unprotected, {breaks[1]} are deeds that a "
            f"claim forbids, {breaks[2]} end badly; {alone} of them need nothing but two ends that follow the text as first read |",
            f"| sentences of the draft | {len(ledger())}: {verdicts[VIOLATED]} are violated, {verdicts[CONTRADICTED]} contradict "
            f"another, {verdicts[HOLDS]} hold; each has [its evidence](ledger.md) |",
            f"| claims | {len(CLAIMS)} of one step, {len(RESPONSES)} of what comes about; of the {len(promises)} that the repaired rules "
            f"promise {kept} hold wherever they are asked |",
            f"| states visited | {sum(states.values()):,} distinct ones, in {len(SLICES)} slices, each under the draft as first read "
            "and under the repaired rules |",
            f"| the model | {len(TABLES)} tables, {sum(len(one.rows) for one in TABLES.values()):,} rows, each with its source |"]


def finding(name: str) -> list[str]:
    """A finding in short: what it is, and its run."""
    one, run = FINDINGS[name], replayed()[name]
    steps = "1 step" if run.trace.length == 1 else f"{run.trace.length} steps"
    return [f"### {one.title[0].upper()}{one.title[1:]}", "", EXPLAINED[name.partition("/")[0]], "",
            f"The run has {steps} and needs {needs(run)[1]} besides the two ends; readings changed from the text as first read: "
            f"{changed(one)}. [All about {name}](findings/{page_name(one)}).", "",
            "```mermaid", *mermaid(run).splitlines(), "```"]


def tables() -> list[str]:
    """The tables, with a page for each."""
    return ["| table | what | states | rows |", "|---|---|---|---|",
            *(f"| [{name}](tables/{name}.md) | {one.title} | {one.state.sort.size} | {len(one.rows)} |" for name, one in TABLES.items())]


def decisions() -> list[str]:
    """The decisions, by number."""
    found: Mapping[str, str] = {path.name: path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
                                for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))}
    return [f"- [{title}](decisions/{name})" for name, title in found.items()]
