"""What the commands share: options, JSON on standard output, and errors of one line with the right exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

Workers = Annotated[int | None, typer.Option(metavar="N", help="Processes to use; as many as there are cores if not given.")]
Memory = Annotated[float, typer.Option(metavar="GIB", help="GiB that one search may use.")]
Timeout = Annotated[float | None, typer.Option(metavar="S", help="Seconds that one search may take.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on standard output.")]
TraceFile = Annotated[Path, typer.Argument(metavar="TRACE", help="A trace file that lockstep wrote.")]


def examples(*commands: str) -> str:
    """The end of a command's help: examples, a line each (after \\b lines stay as they are)."""
    return "\n".join(("\b", "Examples:", *(f"  {one}" for one in commands)))


def fail(text: str, status: int) -> NoReturn:
    """One line on standard error, and the exit status."""
    print(f"lockstep: {text}", file=sys.stderr)
    raise typer.Exit(status)


def need_web(command: str) -> None:
    """Ends the command with one line where the extra `web`, which its page is served with, is not installed."""
    try:
        import starlette  # noqa: F401  # whether it is there is all that is asked
        import uvicorn  # noqa: F401
    except ImportError:
        fail(f'{command}: a page needs starlette and uvicorn; pip install "lockstep-verifier[web]"', 2)


def reader_gone() -> None:
    """Whoever read standard output has enough: what is left goes nowhere, also what Python flushes when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def reader_may_go() -> Iterator[None]:
    """What is printed here is not worth an error if nobody reads it: the exit status stays what was found."""
    try:
        yield
    except BrokenPipeError:
        reader_gone()
    except SystemExit:  # what rich makes of it; it has sent the rest nowhere
        pass


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Bad input ends with one line and status 2; what is not true with 1; engines that differ with 4."""
    from lockstep.choice import UsageError
    from lockstep.report import DISAGREEMENT, NOT_AS_EXPECTED, USAGE
    from model.expr import ModelError
    from model.trace import TraceError
    from traces.replay import NotARun
    from verify.query import EngineDisagreement

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


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, indent=1, ensure_ascii=False))


def bounds_of(texts: list[str]) -> dict[str, int]:
    """Bounds as written on the command line, KEY=N. Raises UsageError."""
    from lockstep.choice import UsageError

    found = {}
    for text in texts:
        key, equals, number = text.partition("=")
        if not equals or not number.isdecimal():
            raise UsageError(f"bound {text!r}: write KEY=N with a whole number from 0 on")
        found[key] = int(number)
    return found
