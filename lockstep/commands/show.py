"""``lockstep show``"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lockstep.shell import Json, TraceFile, examples, one_line_errors

EPILOG = examples("lockstep show out/F-01-plaintext.json", "lockstep show out/F-01-plaintext.json --format python -o test_f01.py")


class Format(StrEnum):
    """Renderings of a trace."""

    ladder = "ladder"
    diff = "diff"
    json = "json"
    python = "python"
    mermaid = "mermaid"
    svg = "svg"
    html = "html"
    itf = "itf"
    packetdrill = "packetdrill"


def show(
    trace: TraceFile,
    format_: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.ladder,
    end: Annotated[str | None, typer.Option("--end", metavar="PLACE", help="With packetdrill: whose TCP; where the claim breaks, if not "
                                            "given.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Replay a trace and render it.

    As a ladder, as changes of variables, as JSON, as a Python test; as a Mermaid diagram, a picture, or a page that steps through it; for
    Apalache and Quint (ITF); as the skeleton of a packetdrill script for the TCP of one end. Exit status as of lockstep replay.
    """
    with one_line_errors():
        from lockstep import api
        from lockstep.choice import UsageError
        from lockstep.page.build import page
        from traces.diff import diff
        from traces.files import to_text, write
        from traces.itf import itf
        from traces.ladder import ladder
        from traces.mermaid import mermaid
        from traces.packetdrill import packetdrill
        from traces.python import python_test
        from traces.svg import svg

        renderings = {Format.ladder: ladder, Format.diff: diff, Format.mermaid: mermaid, Format.python: python_test,
                      Format.svg: svg, Format.html: page, Format.itf: itf}
        if end is not None and format_ != Format.packetdrill:
            raise UsageError(f"end {end}: only a packetdrill script is about one end; add --format packetdrill")
        run = api.replay(trace)
        chosen = Format.json if as_json else format_
        if chosen == Format.packetdrill:
            whose = end or run.trace.end or run.system.places[0]
            if whose not in run.system.places:
                raise UsageError(f"end {whose!r}: there is no such place in this run; there are {', '.join(run.system.places)}")
            text = packetdrill(run, whose)
        else:
            text = to_text(run.trace) if chosen == Format.json else renderings[chosen](run)
        if output is not None:
            write(output, text)
        else:
            sys.stdout.write(text)
