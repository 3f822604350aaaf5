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
    html = "html"


def show(
    trace: TraceFile,
    format_: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.ladder,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Replay a trace and render it.

    As a ladder, as changes of variables, as JSON, as a Python test, as a Mermaid diagram, or as a page that steps through it. Exit status as of lockstep replay.
    """
    with one_line_errors():
        from lockstep import api
        from lockstep.page.build import page
        from traces.diff import diff
        from traces.files import to_text, write
        from traces.ladder import ladder
        from traces.mermaid import mermaid
        from traces.python import python_test

        renderings = {Format.ladder: ladder, Format.diff: diff, Format.mermaid: mermaid, Format.python: python_test,
                      Format.html: page}
        run = api.replay(trace)
        chosen = Format.json if as_json else format_
        text = to_text(run.trace) if chosen == Format.json else renderings[chosen](run)
        if output is not None:
            write(output, text)
        else:
            sys.stdout.write(text)
