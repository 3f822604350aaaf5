"""``lockstep verify``"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, Memory, Timeout, Workers, bounds_of, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.report import Report

EPILOG = examples("lockstep verify", "lockstep verify teardown --preset draft",
                  "lockstep verify teardown --preset repaired --reading B:expiry=remove --property sa-outlives-need",
                  "lockstep verify teardown --engine all --property no-plaintext-out",
                  "lockstep verify teardown --json > known.json; lockstep verify teardown --expect known.json --sarif report.sarif")


def verify(
    slices: Annotated[list[str] | None, typer.Argument(metavar="SLICE", help="Slices to search; all if none is given.")] = None,
    property_: Annotated[list[str] | None, typer.Option("--property", metavar="NAME",
                                                       help="Judge this claim only; may be repeated.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                           help="Change a reading of the preset.")] = None,
    preset: Annotated[list[str] | None, typer.Option("--preset", metavar="NAME", help="draft or repaired; both if none is given.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound of the slice: losses, "
                                                    "copies, attacks, segments, datagrams.")] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="The engine that judges: search visits every state; bmc asks z3 for a "
                                        "shortest witness up to --depth; induction asks z3 for a proof; walk samples runs; all compares "
                                        "them.")] = "search",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on any violation, expected or not.")] = False,
    workers: Workers = None,
    memory: Memory = 2.0,
    timeout: Timeout = None,
    depth: Annotated[int, typer.Option(metavar="N", help="Steps that bmc and induction look ahead.")] = 12,
    runs: Annotated[int, typer.Option(metavar="N", help="Runs of the walk.")] = 100,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of one run of the walk.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="What the walk is drawn with.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the witnesses.")] = Path("out"),
    expect: Annotated[Path | None, typer.Option(metavar="FILE", help="Compare with a report that lockstep verify --json wrote: status 0 "
                                                "where every verdict is as in it, 1 on any change in either direction.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as JUnit XML.")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the violations as SARIF, at the draft's lines.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as Markdown, as for a job's summary.")] = None,
    as_json: Json = False,
) -> None:
    """Judge the claims of the slices.

    By default every reachable state is visited. A witness is written for each claim that breaks.

    Exit status: 0 as expected (promises of the preset hold, known findings show), 1 not as expected, 2 bad input, 3 something
    undecided or interrupted, 4 engines disagree.
    """
    from lockstep import api, screen
    from lockstep.formats.kept import changes, expected
    from lockstep.jobs import Limits

    with one_line_errors(), screen.Watching(quiet=as_json) as watching:
        kept = None if expect is None else expected(expect)
        report = api.verify(*(slices or ()), preset=preset or None, readings=reading or (), properties=property_ or (),
                            bounds=bounds_of(bound or []), engine=engine, workers=workers,
                            limits=Limits(memory, timeout, depth, runs, steps, seed), out=out, progress=watching.progress,
                            started=watching.started)
    if kept is not None:
        report = replace(report, changes=changes(kept, report.results))
    with one_line_errors():
        _write(report, junit, sarif, summary)
    with reader_may_go():
        if as_json:
            print_json(report.to_document())
        else:
            screen.print_report(report)
    raise typer.Exit(report.exit_status(strict))


def _write(report: Report, junit: Path | None, sarif: Path | None, summary: Path | None) -> None:
    """The report in other programs' formats, where they are wanted."""
    import json

    from lockstep import formats
    from traces.files import write

    if junit is not None:
        write(junit, formats.junit(report))
    if sarif is not None:
        write(sarif, json.dumps(formats.sarif(report), indent=1) + "\n")
    if summary is not None:
        write(summary, formats.summary(report))
