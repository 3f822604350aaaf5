"""The command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from lockstep import __version__

app = typer.Typer(help="Do the BGP session, the TCP connection and the IKE security associations of draft-ward-bgp-ipsec stay in step?",
                  no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
                  context_settings={"help_option_names": ["-h", "--help"]})

_KILLED_BY_CTRL_C = 130  # what typer makes of it

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on standard output.")]
TraceFile = Annotated[Path, typer.Argument(metavar="TRACE", help="A trace file that lockstep verify wrote.")]


class Format(StrEnum):
    """Renderings of a trace."""

    ladder = "ladder"
    diff = "diff"
    json = "json"
    python = "python"


def fail(text: str, status: int) -> NoReturn:
    """One line on standard error, and the exit status."""
    print(f"lockstep: {text}", file=sys.stderr)
    raise typer.Exit(status)


def reader_gone() -> None:
    """Whoever read standard output has enough: what is left goes nowhere, also what Python flushes when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Bad input ends with one line and status 2; what is not true with 1; engines that differ with 4."""
    from lockstep.choice import UsageError
    from lockstep.report import DISAGREEMENT, NOT_AS_EXPECTED, USAGE
    from model.expr import ModelError
    from model.trace import TraceError
    from traces.replay import NotARun
    from verify.search import EngineDisagreement

    try:
        yield
    except (UsageError, TraceError) as error:
        fail(str(error), USAGE)
    except NotARun as error:
        fail(str(error), NOT_AS_EXPECTED)
    except EngineDisagreement as error:
        fail(f"internal error, please report it: {error}", DISAGREEMENT)
    except ModelError as error:
        fail(f"the model is wrong, please report it: {error}", DISAGREEMENT)
    except BrokenPipeError:
        reader_gone()
        raise typer.Exit(0) from None
    except OSError as error:
        fail(f"{error.filename2 or error.filename or 'output'}: {error.strerror}; choose another place", USAGE)


def _version(asked: bool) -> None:
    if asked:
        print(f"lockstep {__version__}")
        raise typer.Exit


@app.callback()
def _common(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                                  help="Print the version.")] = False) -> None:
    pass


@app.command(epilog="Examples:  lockstep verify   |   lockstep verify teardown --preset draft   |   "
                    "lockstep verify teardown --preset repaired --reading B:after_del=bypass --property no-plaintext-out")
def verify(
    slices: Annotated[list[str] | None, typer.Argument(metavar="[SLICE]...", help="Slices to search; all if none is given.")] = None,
    property_: Annotated[list[str] | None, typer.Option("--property", help="Judge this claim only; may be repeated.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                           help="Change a reading of the preset.")] = None,
    preset: Annotated[list[str] | None, typer.Option("--preset", help="draft or repaired; both if none is given.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Change a bound of the slice: losses, "
                                                    "copies, attacks, segments, datagrams.")] = None,
    engine: Annotated[str, typer.Option(help="The engine that judges: search.")] = "search",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on any violation, expected or not.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes to use; as many as there are cores if not given.")] = None,
    memory: Annotated[float, typer.Option(help="GiB that one search may use.")] = 2.0,
    timeout: Annotated[float | None, typer.Option(help="Seconds that one search may take.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the witnesses.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Visit every reachable state of the slices, judge the claims, and write a shortest witness for each that breaks.

    Exit status: 0 as expected (promises of the preset hold, known findings show), 1 not as expected, 2 bad input, 3 something
    undecided or interrupted, 4 engines disagree.
    """
    from lockstep import api, screen

    with one_line_errors(), screen.Watching(quiet=as_json) as watching:
        report = api.verify(*(slices or ()), preset=preset or None, readings=reading or (), properties=property_ or (),
                            bounds=_bounds(bound or []), engine=engine, workers=workers, memory=memory, timeout=timeout, out=out,
                            progress=watching.progress, started=watching.started)
    if as_json:
        _print_json(report.to_document())
    else:
        screen.print_report(report)
    raise typer.Exit(report.exit_status(strict))


def _bounds(texts: list[str]) -> dict[str, int]:
    from lockstep.choice import UsageError

    found = {}
    for text in texts:
        key, equals, number = text.partition("=")
        if not equals or not number.isdecimal():
            raise UsageError(f"bound {text!r}: write KEY=N with a whole number from 0 on")
        found[key] = int(number)
    return found


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=1, ensure_ascii=False))


@app.command(epilog="Example:  lockstep replay out/F-01-plaintext.json")
def replay(trace: TraceFile, as_json: Json = False) -> None:
    """Run a trace on the reference interpreter: status 0 if it is a run of this model and ends as it claims, else 1."""
    with one_line_errors():
        from lockstep import api

        run = api.replay(trace)
    if as_json:
        _print_json({"trace": str(trace), "property": run.trace.property, "end": run.trace.end, "steps": run.trace.length,
                     "replayed": True})
    else:
        print(f"{trace}: replayed {run.trace.length} steps; {run.trace.property} is violated at {run.trace.end} in the last one")


@app.command(epilog="Examples:  lockstep show out/F-01-plaintext.json   |   "
                    "lockstep show out/F-01-plaintext.json --format python -o test_f01.py")
def show(
    trace: TraceFile,
    format_: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.ladder,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Replay a trace and render it: as a ladder, as changes of variables, as JSON, or as a Python test."""
    with one_line_errors():
        from lockstep import api
        from traces.diff import diff
        from traces.files import to_text, write
        from traces.ladder import ladder
        from traces.python import python_test

        renderings = {Format.ladder: ladder, Format.diff: diff, Format.python: python_test}
        run = api.replay(trace)
        chosen = Format.json if as_json else format_
        text = to_text(run.trace) if chosen == Format.json else renderings[chosen](run)
        if output is not None:
            write(output, text)
        else:
            sys.stdout.write(text)


@app.command(epilog="Examples:  lockstep table tcp   |   lockstep table bgp --state OpenSent")
def table(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The table; a list of all if none is given.")] = None,
    state: Annotated[str | None, typer.Option(help="Rows of this state only.")] = None,
    as_json: Json = False,
) -> None:
    """Print a protocol table: state, event, guard, actions, next, row, source."""
    with one_line_errors():
        from lockstep import screen
        from lockstep.choice import UsageError
        from model.slices import TABLES
        from model.text import COLUMNS, rows

        if name is None:
            listed = [{"table": one.name, "title": one.title, "rows": len(one.rows)} for one in TABLES.values()]
            if as_json:
                _print_json(listed)
            else:
                screen.print_columns(("table", "title", "rows"), [tuple(map(str, one.values())) for one in listed])
            return
        if name not in TABLES:
            raise UsageError(f"table {name!r}: there is no such table; there are {', '.join(TABLES)}")
        states = TABLES[name].state.sort.values
        if state is not None and state not in states:
            raise UsageError(f"state {state!r}: table {name} has no such state; it has {', '.join(states)}")
        chosen = rows(TABLES[name], state)
        if as_json:
            _print_json({"table": name, "rows": [dict(zip(COLUMNS, one.cells(), strict=True)) for one in chosen]})
        else:
            screen.print_columns(COLUMNS, [one.cells() for one in chosen], TABLES[name].title)


def main() -> None:
    """The console script."""
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        reader_gone()
        status = 0
    except (KeyboardInterrupt, typer.Abort):
        status = _KILLED_BY_CTRL_C
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer's parser raises for bad usage; its class differs between versions
            raise
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "lockstep"
        text = " ".join(error.format_message().split()).rstrip(".")
        if text:  # none where the help was printed
            print(f"lockstep: {text}; see {command} -h", file=sys.stderr)
        status = 2
    if status == _KILLED_BY_CTRL_C:
        print("lockstep: interrupted", file=sys.stderr, flush=True)
        os._exit(3)  # not sys.exit: Python would kill itself with SIGINT if Ctrl-C came while it ran an exec(), as dataclass does
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
