"""``lockstep graph``"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from lockstep.shell import Json, Memory, Timeout, bounds_of, examples, one_line_errors, print_json

EPILOG = examples("lockstep graph tcp", "lockstep graph tcp -o tcp.svg", "lockstep graph tcp --path LISTEN TIME-WAIT",
                  "lockstep graph teardown --by A.tcp.state,B.tcp.state --bound losses=0 --format mermaid",
                  "lockstep graph opening --dominators A.bgp.state=Established --through 'B.ipsec.out[*]!=none'")


class Format(StrEnum):
    """How a graph is written down."""

    table = "table"
    dot = "dot"
    mermaid = "mermaid"
    graphml = "graphml"
    svg = "svg"


COLUMNS = ("from", "to", "by what")
SUFFIXES = {".dot": Format.dot, ".gv": Format.dot, ".mmd": Format.mermaid, ".graphml": Format.graphml, ".svg": Format.svg}


def graph(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A table, or a slice.")],
    format_: Annotated[Format | None, typer.Option("--format", help="How to write it down; by the suffix of the output file, else as a "
                                                   "table.")] = None,
    by: Annotated[str | None, typer.Option(metavar="VARIABLE,...", help="Slices: merge the states by these variables.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Slices: every state for itself, if they are few.")] = False,
    loops: Annotated[bool, typer.Option("--loops", help="Tables: also the rows that stay in their state.")] = False,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="Slices: change a bound.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="Slices: draft, if not given, or repaired.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE", help="Slices: change a reading.")] = None,
    dominators: Annotated[str | None, typer.Option(metavar="SITUATION", help="What does every path to it pass?")] = None,
    through: Annotated[list[str] | None, typer.Option(metavar="SITUATION", help="With --dominators: does every path pass this? May be "
                                                      "repeated.")] = None,
    dead_ends: Annotated[bool, typer.Option("--dead-ends", help="Where does it end, as intended or not?")] = False,
    path: Annotated[tuple[str, str] | None, typer.Option(metavar="FROM TO", help="A shortest path between two situations.")] = None,
    memory: Memory = 2.0,
    timeout: Timeout = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Show the lifecycle graph of a table or a slice.

    Or facts about it: what every path to a situation passes, where it ends, a shortest path. A situation of a table is a state, or
    several joined by ' or '. A situation of a slice is VARIABLE=VALUE or VARIABLE!=VALUE, joined by ', ' for 'and' or by ' or '; a cell
    [*] stands for at least one.

    Exit status: 0, 2 bad input, 3 not complete or undecided.
    """
    with one_line_errors(), _bad_input():
        from lockstep.api import check_limits
        from lockstep.choice import UsageError
        from lockstep.jobs import Job, Limits
        from lockstep.lifecycle import OfSlice, OfTable, of_slice
        from lockstep.screen import Watching, print_columns
        from model.slices import SLICES, TABLES

        if through and dominators is None:
            raise UsageError("--through: it asks about the paths to a situation; name that with --dominators")
        check_limits(Limits(memory, timeout))
        known = ("", ".txt", ".tsv", *SUFFIXES)
        if output is not None and format_ is None and not as_json and output.suffix not in known:
            raise UsageError(f"output {output}: no format has this suffix; give one of {', '.join(SUFFIXES)}, or say which with --format")
        about: OfTable | OfSlice
        if name in TABLES:
            if by or full or bound or reading or preset is not None or timeout is not None:
                raise UsageError(f"graph {name}: this is a table; --by, --full, --bound, --preset, --reading and --timeout are for slices")
            about = OfTable(name, loops)
        elif name in SLICES:
            if loops:
                raise UsageError(f"graph {name}: this is a slice; --loops is for tables")
            watching = Watching(quiet=as_json)
            watching.last = monotonic()
            job = Job(name, preset or "draft")
            about = of_slice(name, job.preset, reading or (), bounds_of(bound or []), by, full=full, memory=memory, timeout=timeout,
                             progress=partial(watching.progress, job))
        else:
            raise UsageError(f"graph {name!r}: there is no such table or slice; there are {', '.join((*TABLES, *SLICES))}")
        facts = about.dominators(dominators, through or ()) if dominators is not None else []
        facts += about.dead_ends() if dead_ends else []
        facts += about.path(*path) if path is not None else []
        if facts:
            text = "".join(f"{one.text}\n" for one in facts)
            _give({**about.head, "facts": [one.document for one in facts]} if as_json else text, output)
            raise typer.Exit(3 if any(one.undecided for one in facts) else 0)
        made = about.graph()
        chosen = format_ or (SUFFIXES.get(output.suffix) if output is not None else None) or Format.table
        if chosen == Format.table and output is None and not as_json:
            print_columns(COLUMNS, _rows(made))
        else:
            _give({**about.head, **_document(made)} if as_json else _rendered(made, chosen), output)
        if not made.graph.get("complete", True):
            print(f"lockstep: graph {name}: not complete: {made.graph['why']}; what it does not show may still happen", file=sys.stderr)
            raise typer.Exit(3)


@contextmanager
def _bad_input() -> Iterator[None]:
    """What names nothing, or is too large to be shown, is bad input."""
    from lockstep.choice import UsageError
    from traces.graphs import NotDrawn
    from verify.lifecycle.graphs import TooLarge
    from verify.lifecycle.situation import SituationError

    try:
        yield
    except (SituationError, TooLarge, NotDrawn) as error:
        raise UsageError(str(error)) from None
    except MemoryError:
        raise UsageError("--memory: not even the initial states fit; give more GiB") from None


def _give(what: Any, output: Path | None) -> None:
    """A document or a text, to standard output or a file."""
    import json

    from traces.files import write

    if output is not None:
        write(output, what if isinstance(what, str) else json.dumps(what, indent=1, ensure_ascii=False) + "\n")
    elif isinstance(what, str):
        sys.stdout.write(what)
    else:
        print_json(what)


def _document(made: Any) -> dict[str, Any]:
    """A graph as data: attributes with several lines are lists."""
    about = {key: value for key, value in made.graph.items() if key != "name"}
    nodes = [{"node": node, **data} for node, data in made.nodes(data=True)]
    edges = [{"from": before, "to": after, **{key: value.splitlines() for key, value in data.items()}}
             for before, after, data in made.edges(data=True)]
    return {**about, "nodes": nodes, "edges": edges}


def _rows(made: Any) -> list[tuple[str, str, str]]:
    """One line an edge, the way `lockstep table` prints rows."""
    label = made.nodes(data="label")
    return [(str(label[before]), str(label[after]), "; ".join(causes.splitlines())) for before, after, causes in made.edges(data="label")]


def _rendered(made: Any, chosen: Format) -> str:
    from traces import graphs

    if chosen == Format.table:
        return "".join("\t".join(row) + "\n" for row in (COLUMNS, *_rows(made)))
    renderings: dict[Format, Callable[[Any], str]] = {Format.dot: graphs.dot, Format.mermaid: graphs.mermaid,
                                                      Format.graphml: graphs.graphml, Format.svg: graphs.svg}
    return renderings[chosen](made)
