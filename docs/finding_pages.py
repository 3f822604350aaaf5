"""docs/findings/: a page a finding and a ranked index, made from kept witnesses and kept facts (`docs.finding_facts`).

`python -m docs findings` renders them, in a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docs.candidates import CANDIDATES
from docs.explanations import EXPLAINED, REVIEWED
from docs.field import Sighting, section, sightings
from docs.finding_facts import FOLDER, Facts, facts
from docs.remedy_text import listed, repair, shortly
from lockstep.api import file_name
from model.action import action_exprs
from model.attacker import ATTACKER_TABLE
from model.expr import Expr, Var, show, walk
from model.intruder import INTRUDER_TABLE
from model.nat import NAT_TABLE
from model.restart import RESTART_TABLE
from model.slices import deciding
from model.system import ENDS
from properties import endings
from properties.finding import Finding
from properties.findings import FINDINGS
from tests.runs import kept
from traces.ladder import cited, ladder
from traces.mermaid import mermaid
from traces.replay import Run, query_of, replay

HEAD = "<!-- made by python -m docs findings; do not edit -->"
OVERHEARD = "text-stays-secret"  # it breaks by listening, which is no step
UNPROTECTED = ("no-plaintext-out", "no-plaintext-after-open", "no-plaintext-in", "accepted-is-authentic", "no-replay")


# -- ranking -------------------------------------------------------------------------------------------------------------------------


def severity(finding: Finding) -> int:
    """0: a segment leaves or enters unprotected; 1: another claim about what is done; 2: a claim about how it ends."""
    return 2 if finding.claim in endings.CLAIMS else 0 if finding.property in UNPROTECTED else 1


def needs(run: Run) -> tuple[int, str]:
    """What the run needs besides two ends, their operators and their clocks: nothing, a loss, a restart, a NAT, an attacker (an insider
    too)."""
    whose = {firing.row.event.name for outcome in run.outcomes for firing in outcome.fired}
    tables = {one.table for one in run.trace.steps}
    if tables & {ATTACKER_TABLE.name, INTRUDER_TABLE.name} or any("copied" in name for name in whose) or run.trace.property == OVERHEARD:
        return 2, "an attacker"
    for table, fault in ((RESTART_TABLE, "a restart"), (NAT_TABLE, "a NAT")):
        if table.name in tables:
            return 1, fault
    return (1, "a loss") if any(name.endswith(" lost") for name in whose) else (0, "nothing")


def certainty(finding: Finding) -> int:
    """0: the text as first read; 1: where the text is silent, or another value of a reading is needed."""
    return int(bool(finding.readings) or finding.source.startswith("silent"))


def ranked(runs: Mapping[str, Run]) -> list[Finding]:
    return sorted(FINDINGS.values(), key=lambda one: (severity(one), needs(runs[one.name])[0], certainty(one),
                                                      runs[one.name].trace.length, one.name))


# -- pages ---------------------------------------------------------------------------------------------------------------------------


def pages(known: Facts) -> dict[str, str]:
    """Every page, by its path under docs/findings/."""
    runs, seen = replayed(), sightings()
    made = {page_name(one): page(one, runs[one.name], known[one.name], seen) for one in FINDINGS.values()}
    return made | {"README.md": index(runs, known)}


@cache
def replayed() -> Mapping[str, Run]:
    """The kept run of every finding, replayed; some seconds."""
    return {name: replay(kept()[name]) for name in FINDINGS}


def page_name(finding: Finding) -> str:
    return finding.name.replace("/", "-") + ".md"


def page(finding: Finding, run: Run, known: Mapping[str, Any], seen: tuple[Sighting, ...] = ()) -> str:
    trace, claim = run.trace, finding.claim
    steps = "1 step" if trace.length == 1 else f"{trace.length} steps"
    lines = [HEAD, f"# {finding.name}: {finding.title}", "",
             *(f"{text}\n" for text in about(finding)),
             f"- Text: {finding.source}",
             f"- Claim broken, at {trace.end}: `{claim.name}`. {claim.sentence} ({claim.source})",
             f"- Slice {trace.slice}, preset {trace.preset}, readings changed at both ends: {changed(finding)}",
             f"- Shortest run: {steps}; it needs {needs(run)[1]}; bounds: "
             + ", ".join(f"{key} {value}" for key, value in trace.bounds.items()),
             f"- Cause that the run must show: `{show(finding.cause.when)}`",
             f"- Replay: `lockstep replay traces/gallery/{file_name(trace)}`", "",
             "## The run", "", "```text", *ladder(run).splitlines(), "```", "", "```mermaid", *mermaid(run).splitlines(), "```", "",
             "## What it depends on", "", depends(run), "",
             "## Who had the last chance", "",
             f"Could an end have ruled out a breach of `{claim.name}` at {trace.end} by reading the text otherwise, and up to which step? "
             "All else is against it: its peer, which goes on reading as it does, the network, operators, lifetimes, attackers. What both "
             "ends share, or the world has, stays. That an end had a chance does not mean that the draft asked it to take it. "
             + ("No other claim was asked." if "repair" not in known else "What it could have read makes another claim worse where that "
                "breaks from there on and would not have, or would have only after more steps."), "",
             *(line for end in ENDS for line in told(run, end, known["ends"][end], known.get("repair", {}).get("worse", {}).get(end))), "",
             "## Smallest repair", "", *repair(finding, known["repair"]), "",
             *section(finding.name, seen),
             "How this is established: decisions [022](../decisions/022-last-chance.md) and "
             "[030](../decisions/030-what-an-end-could-avoid.md) and, of the repair, [027](../decisions/027-repair-of-a-finding.md). "
             "Back to the [index](README.md).", ""]
    return "\n".join(lines)


def changed(finding: Finding) -> str:
    """The readings that differ from the preset; both ends read alike."""
    once = {name.removeprefix("A:"): value for name, value in finding.readings.items() if not name.startswith("B:")}
    return ", ".join(f"`{name}={value}`" for name, value in once.items()) or "none"


def about(finding: Finding) -> Iterator[str]:
    """Its family in words, and what a second reader objected to."""
    number = finding.name.partition("/")[0]
    yield EXPLAINED[number]
    if number in REVIEWED:
        yield f"*Reviewed.* {REVIEWED[number]}"


def mentioned(run: Run) -> set[str]:
    """The readings that the rows of a run, its offers, its claim and the history bits mention, and those that decide where it starts
    (the hold time decides which timers run); "A:key", or "key" where shared."""
    def readings(scope: str, *exprs: Expr) -> Iterator[str]:
        for expr in exprs:
            for node in walk(expr):
                if isinstance(node, Var) and node.table == "reading":
                    at = run.system.slots[run.system.position(scope, node)].scope
                    yield f"{at}:{node.name}" if at else node.name

    found = {*deciding(run.trace.slice), *(f"{end}:gr" for end in ENDS)}  # whose routes are kept at the start
    for outcome in run.outcomes:
        for firing in outcome.fired:
            row = firing.row
            found.update(readings(firing.scope, row.condition, *(expr for action in row.actions for expr in action_exprs(action))))
    for offer in run.system.offers:
        found.update(readings(offer.scope, offer.when))
    judged = [query_of(run.trace)[0], *(expr for one in run.system.monitors for expr in (one.when, one.until))]
    for end in ENDS:
        found.update(readings(end, *judged))
    return found


def depends(run: Run) -> str:
    names = mentioned(run)
    if not names:
        return "No row of the run mentions a reading: whatever the others are, it runs as shown and breaks the claim."
    said = ", ".join(f"`{name}={run.trace.readings[name]}`" for name in sorted(names))
    return (f"The rows of the run and the claim mention these readings only: {said}. Whatever the others are, it runs as shown and breaks "
            "the claim.")


def told(run: Run, end: str, known: Mapping[str, Any], worse: Mapping[str, Any] | None = None) -> Iterator[str]:
    """What one end could have done, as items of a list. worse: the claims that break, or sooner, under what it could have adopted; None
    where that was not looked at."""
    length, last = run.trace.length, known["last"]
    if all(known["lost"]):
        yield f"- **{end} never had a chance.** Whatever it reads, from the start on, some run breaks the claim. {unavoidable(end, known)}"
        return
    if last is None:
        yield f"- **{end}: undecided** at state {known['undecided']}; {known['arena']:,} states of the game were looked at."
        return
    gone = "the run breaks the claim" if last + 1 == length else "it is too late"
    yield (f"- **{end} had its last chance in step {last + 1}.** In state {last} it could still rule the breach out, by adopting "
           f"{values(known['adopted'], worse and worse['adopted'])} from there on; after step {last + 1} {gone}.")
    followed, instead = known["followed"], known["instead"]
    if followed is not None:
        other = "nothing" if instead is None else f"`{instead['row']}`"
        same = instead is not None and followed["row"] == instead["row"]
        yield (f"  It followed `{followed['row']}` ({cited(followed['source'])}); read so, "
               + ("the row would have passed on something else." if same else f"it would have followed {other}."))
    if last:
        start = known["from_start"]
        yield (f"  From the beginning: {values(start, worse and worse['from_start'])}." if start is not None else
               "  Which readings would have done from the beginning, is not known: no two of them, and the search for more was too large.")


def unavoidable(end: str, known: Mapping[str, Any]) -> str:
    """Why an end never had a chance."""
    changes, rows = known["anyway"]["changes"], known["anyway"]["broken_by"]
    if not changes:
        return f"No single reading of {end}'s, nor all that `repaired` gives it, keeps this run from doing so."
    said = " and ".join(f"`{name}={value}`" for name, value in changes.items())
    steps = ", ".join(f"`{one['row']}`" for one in rows)
    return f"With {said} it could have avoided this run, but not this one of {len(rows)} step{'s' * (len(rows) > 1)}: {steps}."


def values(adopted: Mapping[str, Any], worse: Collection[str] | None) -> str:
    """Readings adopted, with what was shown of them."""
    said = " and ".join(f"`{name}={value}`" for name, value in adopted["changes"].items())
    how = "" if adopted["smallest"] else "; none of them can be left out"
    vacuous = "" if adopted["tested"] else "; what the claim speaks of does not happen any more then"
    named = " and ".join(f"`{name}`" for name in adopted["named"])
    less = f"; the claim itself reads {named}, and then asks for less" if named else ""
    other = "" if worse is None else f"; it makes {listed(worse)} worse" if worse else "; no other claim is worse off"
    return f"{said} (all {adopted['states']:,} states from there keep the claim{how}{less}{vacuous}{other})"


def chances(known: Mapping[str, Any]) -> str:
    """Per end, in a cell of the index: the step of the last chance."""
    def one(end: str) -> str:
        found = known["ends"][end]
        return "never" if all(found["lost"]) else "?" if found["last"] is None else f"step {found['last'] + 1}"

    return " | ".join(one(end) for end in ENDS)


def index(runs: Mapping[str, Run], known: Facts) -> str:
    classes = ("unprotected segment", "deed", "ending")
    lines = [HEAD, "# Findings, ranked", "",
             "Each finding is a run of the model that breaks a claim, found by exhaustive search, shortest of its kind, and replayed by "
             "the reference interpreter. [How a finding is defined, and what each shows in detail](../findings.md).", "",
             "Order: first by what breaks (a segment leaves or enters unprotected, another claim about what an end does, a claim about how "
             "a close ends), then by what the run needs besides the two ends (nothing; a loss, a restart or a NAT; an attacker), then by "
             "how certain the reading is (the text as first read before other values and silence), then by length. Last chance: the step "
             "in which the end could last have ruled the breach out. Smallest repair: the fewest readings, changed at both ends, that keep "
             "the claim and make no other worse.", "",
             "| | finding | what | claim | breaks | needs | reading | steps | last chance A | B | smallest repair |", "|---" * 11 + "|"]
    for place, one in enumerate(ranked(runs), 1):
        run = runs[one.name]
        reading = "as first read" if not certainty(one) else "silent" if one.source.startswith("silent") else "another value"
        cells = [str(place), f"[{one.name}]({page_name(one)})", one.title, f"`{one.property}`", classes[severity(one)], needs(run)[1],
                 reading, str(run.trace.length), chances(known[one.name]), shortly(known[one.name]["repair"])]
        lines.append(f"| {' | '.join(cells)} |")
    seen = dict.fromkeys(one.finding for one in sightings())
    lines += ["", "## Seen in the field", "",
              f"Captures of real daemons show {', '.join(f'[{name}]({page_name(FINDINGS[name])})' for name in seen)}: the claim breaks in "
              "them as the finding says. The pages name daemons, versions and frames.", "", "## Candidates", "",
              "The list of candidate findings was drawn up from the text before there was a model. Shown: a run is kept; lengths are ours "
              "against that of a throw-away pilot, where one had been run.", "",
              "| candidate | about | here |", "|---|---|---|",
              *(f"| {number} | {about} | {shown(number, runs) or here} |" for number, (about, here) in CANDIDATES.items()), ""]
    return "\n".join(lines)


def shown(number: str, runs: Mapping[str, Run]) -> str:
    """The kept runs of a candidate."""
    return ", ".join(f"[{one.name}]({page_name(one)}) {runs[one.name].trace.length} ({one.pilot})" for one in FINDINGS.values()
                     if one.name.partition("/")[0] == number)


def render(folder: Path = FOLDER) -> None:
    """Write all pages; remove those of findings that are gone."""
    made = pages(facts())
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
