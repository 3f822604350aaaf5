"""``lockstep explore``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockstep.shell import Json, examples, need_web, one_line_errors

EPILOG = examples("lockstep explore", "lockstep explore teardown --preset repaired --reading B:after_del=bypass",
                  "lockstep explore out/F-01-plaintext.json", "lockstep explore 'http://127.0.0.1:8179/?slice=opening&path=3.0'")


def explore(
    what: Annotated[str | None, typer.Argument(metavar="SLICE|TRACE|LINK", help="Where to begin: a slice, a trace file, or a link that the "
                                               "page gave; slice teardown if not given.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="With a slice: draft, if not given, or repaired.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE",
                                                      help="With a slice: change a reading.")] = None,
    bound: Annotated[list[str] | None, typer.Option("--bound", metavar="KEY=N", help="With a slice: change a bound.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port of the page; 8179 if that is free, else any free one, if not "
                                             "given; 0: any free one.")] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Also open the page in the default browser.")] = False,
    as_json: Json = False,
) -> None:
    """Choose each next step on a page in a browser.

    Prints the address of a page on this machine and serves it until Ctrl-C: slice, preset and readings of each peer; the steps that are
    enabled, by who acts; back and jump; any kept run; the shortest way to a broken claim, a row or a situation. A link holds all of it.
    Nobody but this machine is answered. Needs the extra web: pip install "lockstep-verifier[web]".

    Exit status: 0 ended by Ctrl-C, 2 bad input.
    """
    with one_line_errors():
        need_web("explore")
        from lockstep.explore.server import listen, serve

        query = _query(what, preset, reading or [], bound or [])
        serve(listen(port), query, browser=browser, as_json=as_json)


def _query(what: str | None, preset: str | None, texts: list[str], bounds: list[str]) -> str:
    """The query of the link to begin with. Raises UsageError, TraceError, NotARun."""
    from lockstep import api
    from lockstep.choice import UsageError
    from lockstep.explore.path import asked_in, opened, position
    from lockstep.shell import bounds_of
    from model.slices import SLICES

    name = what or "teardown"
    if name in SLICES:
        from urllib.parse import urlencode

        pairs = [("slice", name), ("preset", preset or "draft"), *(("reading", one) for one in texts),
                 *(("bound", f"{key}={number}") for key, number in bounds_of(bounds).items())]
        return asked_in(urlencode(pairs)).query
    if preset is not None or texts or bounds:
        raise UsageError(f"explore {name}: --preset, --reading and --bound are for a slice; a trace and a link have their own")
    if "?" in name:
        asked = asked_in(name)
        position(asked)
        return asked.query
    if Path(name).exists():
        return opened(api.replay(Path(name))).query
    raise UsageError(f"explore {name!r}: there is no such slice and no such file; there are {', '.join(SLICES)}")

