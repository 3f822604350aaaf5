"""``lockstep learn``"""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep.shell import Json, examples, need_web, one_line_errors

EPILOG = examples("lockstep learn", "lockstep learn rekey")


def learn(
    lesson: Annotated[str | None, typer.Argument(metavar="LESSON", help="Where to begin: opening, protection, closing, deletion, rekey, "
                                                 "failures, attacker or repair; where you left off if not given.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port of the page; that of lockstep explore if not given.")] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Also open the page in the default browser.")] = False,
    as_json: Json = False,
) -> None:
    """Learn the lifecycle of session, connection and SAs, on the page of lockstep explore.

    Eight lessons of about ten minutes. Each task is a situation to reach, or a set of readings to find, and the model says whether you did.
    Progress is kept by the browser alone. Needs the extra web: pip install "lockstep-verifier[web]".

    Exit status: 0 ended by Ctrl-C, 2 bad input.
    """
    with one_line_errors():
        need_web("learn")

        from lockstep.choice import UsageError
        from lockstep.explore.server import listen, serve
        from lockstep.lessons.course import LESSONS
        from lockstep.lessons.panel import panel

        if lesson is not None and lesson not in LESSONS:
            raise UsageError(f"lesson {lesson!r}: there is no such lesson; there are {', '.join(LESSONS)}")
        serve(listen(port), "", browser=browser, as_json=as_json, **panel(lesson or ""))
