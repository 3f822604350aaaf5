"""The command line."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from lockstep import __version__
from lockstep.commands import (
    attackers,
    audit,
    explore,
    fuzz,
    graph,
    learn,
    lint,
    mutate,
    numbers,
    readings,
    repair,
    replay,
    requirements,
    show,
    simulate,
    table,
    vacuity,
    verify,
)
from lockstep.shell import reader_gone, reader_may_go

app = typer.Typer(help="Do the BGP session, the TCP connection and the IKE security associations of draft-ward-bgp-ipsec stay in step?",
                  add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  context_settings={"help_option_names": ["-h", "--help"]})
app.command(epilog=verify.EPILOG)(verify.verify)
app.command(epilog=replay.EPILOG)(replay.replay)
app.command(epilog=show.EPILOG)(show.show)
app.command(epilog=table.EPILOG)(table.table)
app.command(epilog=simulate.EPILOG)(simulate.simulate)
app.command(epilog=graph.EPILOG)(graph.graph)
app.command(epilog=lint.EPILOG)(lint.lint)
app.command(epilog=fuzz.EPILOG)(fuzz.fuzz)
app.command(epilog=repair.EPILOG)(repair.repair)
app.command(epilog=readings.EPILOG)(readings.readings)
app.command(epilog=mutate.EPILOG)(mutate.mutate)
app.command(epilog=attackers.EPILOG)(attackers.attackers)
app.command(epilog=requirements.EPILOG)(requirements.requirements)
app.command(epilog=numbers.EPILOG)(numbers.numbers)
app.command(epilog=audit.EPILOG)(audit.audit)
app.command(epilog=vacuity.EPILOG)(vacuity.vacuity)
app.command(epilog=explore.EPILOG)(explore.explore)
app.command(epilog=learn.EPILOG)(learn.learn)

_KILLED_BY_CTRL_C = 130  # what typer makes of it


def _version(asked: bool) -> None:
    if asked:
        print(f"lockstep {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _common(context: typer.Context, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                                                          help="Print the version.")] = False) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """The console script."""
    try:
        status = app(standalone_mode=False)
        with reader_may_go():
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
        print(f"lockstep: {text}; see {command} -h", file=sys.stderr)
        status = 2
    if status == _KILLED_BY_CTRL_C:
        print("lockstep: interrupted", file=sys.stderr, flush=True)
        os._exit(3)  # not sys.exit: Python would kill itself with SIGINT if Ctrl-C came while it ran an exec(), as dataclass does
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
