"""What people see on a terminal: progress on standard error, tables on standard output."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from lockstep.jobs import Job
from lockstep.report import PropertyResult, Report
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import HOLDS, PROPERTIES, UNDECIDED, VIOLATED
from properties.requirements import ledger
from verify.query import Progress

if TYPE_CHECKING:
    from lockstep.ledger import Verdict  # which loads z3 and all lints

COLOURS = {VIOLATED: "red", HOLDS: "green", UNDECIDED: "yellow"}
PLAIN_EVERY = 2.0  # seconds between lines of progress where standard error is not a terminal
PLAIN_MOST = 30.0  # after a while, where many small things are counted


def title_of(job: Job) -> str:
    about = f", {' '.join(job.findings)}" if job.findings else "" if job.engine == "search" else f", {job.engine}"
    return f"{job.slice}" if job.slice.startswith("component-") else f"{job.slice}, {job.preset}{about}"


class Watching:
    """Progress while searches run: a live table on a terminal, a line now and then elsewhere. Never on standard output."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True)
        self.quiet = quiet
        self.live: Live | None = None
        self.seen: dict[str, tuple[Job, Progress]] = {}
        self.jobs = 0
        self.last = monotonic()

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live is not None:
            self.live.stop()

    def started(self, jobs: Sequence[Job]) -> None:
        self.jobs = len(jobs)
        if self.quiet:
            return
        if self.console.is_terminal:
            self.live = Live(self.table(), console=self.console, refresh_per_second=4, transient=True)
            self.live.start()
        else:
            print(f"lockstep: {self.jobs} searches", file=sys.stderr)
        self.last = monotonic()

    def progress(self, job: Job, report: Progress) -> None:
        if self.quiet:
            return
        self.seen[title_of(job)] = (job, report)
        if self.live is not None:
            self.live.update(self.table())
        elif monotonic() - self.last >= PLAIN_EVERY:
            self.last = monotonic()
            print(f"lockstep: {title_of(job)}: {', '.join(_progress(job, report))}", file=sys.stderr)

    def table(self) -> Table:
        table = Table(title=f"{self.jobs} searches", box=None, title_justify="left", show_header=False)
        for job, report in list(self.seen.values())[-6:]:
            table.add_row(title_of(job), *(Text(cell, justify="right") for cell in _progress(job, report)))
        return table


def _progress(job: Job, report: Progress) -> list[str]:
    """How far an engine has come, in what it counts."""
    if job.engine == "walk":
        return [f"{report.level} runs", f"{report.transitions:,} steps"]
    if job.engine not in ("search", "liveness"):
        return [f"depth {report.level}", f"{report.seconds:.0f} s"]
    rate = report.transitions / max(report.seconds, 1e-3)
    return [f"{report.states:,} states", f"frontier {report.frontier:,}", f"level {report.level}", f"{rate:,.0f} transitions/s"]


class Counting:
    """Progress of many small things on standard error: a bar on a terminal, a line now and then elsewhere. noun: what is counted; known:
    how many of all are known from before."""

    def __init__(self, noun: str, all_: int, known: int, quiet: bool) -> None:
        console = Console(stderr=True)
        self.noun, self.all, self.known, self.searched, self.quiet = noun, all_, known, 0, quiet
        self.first = self.last = monotonic()
        self.wait = PLAIN_EVERY
        self.bar = None
        if console.is_terminal and not quiet:
            self.bar = Bar(MofNCompleteColumn(), TextColumn(noun), BarColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
                           console=console, transient=True)
            self.task = self.bar.add_task("", total=self.all, completed=self.known, rate="")

    def __enter__(self) -> Counting:
        if self.bar is not None:
            self.bar.start()
        elif not self.quiet:
            kept = f", {self.known:,} of them searched before" if self.known else ""
            print(f"lockstep: {self.all:,} {self.noun}{kept}", file=sys.stderr)
        return self

    def __exit__(self, *_error: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def found(self) -> None:
        """One more is done."""
        if not self.searched:
            self.first = monotonic()  # until then code was made
        self.searched += 1
        done, rate = self.known + self.searched, self.searched / max(monotonic() - self.first, 1e-3)
        if self.bar is not None:
            self.bar.update(self.task, completed=done, rate=f"{rate:.1f} a second")
        elif not self.quiet and self.searched > 1 and monotonic() - self.last >= self.wait:
            self.last, self.wait = monotonic(), min(2 * self.wait, PLAIN_MOST)
            left = (self.all - done) / rate
            print(f"lockstep: {done:,} of {self.all:,} {self.noun}, {rate:.1f} a second, {left:.0f} s left", file=sys.stderr)


def print_columns(names: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """A table: drawn on a terminal, tab-separated elsewhere, so that cut and awk can read it."""
    console = Console()
    if not console.is_terminal:
        for row in (names, *rows):
            print("\t".join(row))
        return
    table = Table(*names, title=title, show_lines=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def print_report(report: Report) -> None:
    """Claims by verdicts, the known findings, and what was not as expected."""
    console = Console() if sys.stdout.isatty() else Console(width=200)
    claims = [one for one in report.results if not one.finding]
    searches = list(dict.fromkeys(map(_column, claims)))
    if claims:
        table = Table(title="claims", title_justify="left", box=None, pad_edge=False)
        table.add_column("property", no_wrap=True)
        several = len({engine for _, _, engine in searches}) > 1
        for slice_, preset, engine in searches:
            table.add_column(f"{slice_}\n{preset}" + f"\n{engine}" * several, no_wrap=True)
        for name in PROPERTIES:
            row = [_verdict(one) for search in searches
                   for one in [next((r for r in claims if (*_column(r), r.property) == (*search, name)), None)]]
            if any(str(cell) for cell in row):
                table.add_row(name, *row)
        console.print(table)
        first: dict[tuple[str, str, str, str], PropertyResult] = {}
        for one in claims:
            first.setdefault((one.slice, one.preset, one.engine, repr(one.bounds)), one)
        for one in first.values():
            _print_search(console, one)
    _print_findings(console, sorted((one for one in report.results if one.finding), key=lambda one: one.finding))
    _print_end(console, report)


def _column(one: PropertyResult) -> tuple[str, str, str]:
    """Where a verdict is shown: slice, preset, engine. Claims and response properties of a search stand together."""
    return one.slice, one.preset, "search" if one.engine == "liveness" else one.engine


def _line(console: Console, text: str) -> None:
    """A line as it is: neither wrapped nor coloured."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _verdict(one: PropertyResult | None) -> Text:
    if one is None:
        return Text("")
    endless = "" if one.loop is None or one.length is None else f", loop {one.length - one.loop}" if one.loop < one.length else ", stays"
    steps = f" ({one.loop if endless else one.length}{endless})" if one.length is not None else ""
    mark = "" if one.as_expected else " not as promised"
    return Text(one.verdict + steps + mark, style=COLOURS.get(one.verdict, ""))


def _print_search(console: Console, one: PropertyResult) -> None:
    bounds = ", ".join(f"{key} {value}" for key, value in one.bounds.items())
    changed = "".join(f" {key}={value}" for key, value in one.readings.items())
    counted = [f"{count:,} {what}" for count, what in ((one.states, "states"), (one.transitions, "transitions")) if count]
    _line(console, f"{one.slice}, {one.preset}{changed}: {', '.join([*counted, f'depth {one.depth}'])}, "
                  f"{one.seconds:.1f} s, engine {one.engine}; bounds: {bounds}")
    if one.reason and one.verdict == UNDECIDED:
        _line(console, f"  undecided: {one.reason}")


def _print_findings(console: Console, found: Sequence[PropertyResult]) -> None:
    if not found:
        return
    console.print()
    table = Table(title="known findings (preset, readings, claim and cause)", title_justify="left", box=None, pad_edge=False)
    for name in ("finding", "property", "verdict", "witness", "what"):
        table.add_column(name, no_wrap=name != "what")
    for one in found:
        table.add_row(one.finding, one.property, _verdict(one), one.trace or "", FINDINGS[one.finding].title)
    console.print(table)


def _print_end(console: Console, report: Report) -> None:
    console.print()
    for one in report.results:
        if one.trace and not one.finding:
            _line(console, f"{one.property}, {one.slice}, {one.preset}: lockstep show {one.trace}")
    for name, preset in dict.fromkeys((one.property, one.preset) for one in report.results if one.verdict == VIOLATED and not one.finding):
        if why := PRESETS[preset].by_design.get(name):
            _line(console, f"{name}, {preset}: not promised: {why}")
    if report.coverage:
        fired = report.coverage.total - len(report.coverage.unfired)
        _line(console, f"rows fired in some slice: {fired} of {report.coverage.total}")
        for table, row in report.coverage.unfired:
            _line(console, f"  never fires: {table}: {row}")
    for one in report.results:
        if one.reason and one.verdict == HOLDS:
            _line(console, f"{one.property}, {one.slice}, {one.preset}: {one.reason}")
        if one.shown:
            _line(console, f"{one.property}, {one.slice}, {one.preset}: not inductive; a counterexample to induction, from a state that "
                           f"need not be reachable:\n{one.shown}")
    for contradiction in report.contradictions:
        _line(console, f"engines disagree, please report it: {contradiction}")
    if report.changes is not None:
        for line in report.changes:
            _line(console, f"changed: {line}")
        return
    for one in report.results:
        if not one.as_expected:
            what = f"finding {one.finding}" if one.finding else one.property
            _line(console, f"not as expected: {what}, {one.slice}, {one.preset}: {one.verdict}, expected {one.expected}")
        elif one.verdict == UNDECIDED:
            _line(console, f"undecided: {one.finding or one.property}, {one.slice}, {one.preset}: {one.reason}")


def print_ledger(found: Mapping[str, Verdict]) -> None:
    """Sentences by verdicts."""
    rows = [[one.id, one.source, one.keyword, one.says, found[name].text, found[name].repaired]
            for name, one in ledger().items() if name in found]
    print_columns(("sentence", "place", "keyword", "says", "verdict", "repaired"), rows)
    counted = Counter(one.word for one in found.values())
    print(f"{len(found)} sentences: " + ", ".join(f"{number} {word}" for word, number in counted.most_common()), file=sys.stderr)


def print_requirements(found: Mapping[str, Verdict]) -> None:
    """Sentences with all that their verdicts rest on."""
    for name, judged in found.items():
        one = ledger()[name]
        lines = [f"{one.id}  {one.source}  {one.keyword}  ({one.subject})", f"  says      {one.says}", f"  reads     {one.reads}",
                 f"  verdict   {judged.text}" + (f"; under the repaired rules: {judged.repaired}" if judged.repaired else "")]
        for each in judged.evidence:
            lines.append(f"  {each.kind:<9} {each.name}: {each.says}" + (f"  [{each.under}]" if each.under else ""))
        print("\n".join([*lines, *([f"  note      {one.note}"] if one.note else [])]))
