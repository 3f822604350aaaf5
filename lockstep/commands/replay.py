"""``lockstep replay``"""

from __future__ import annotations

from lockstep.shell import Json, TraceFile, examples, one_line_errors, print_json

EPILOG = examples("lockstep replay out/F-01-plaintext.json")


def replay(trace: TraceFile, as_json: Json = False) -> None:
    """Run a trace on the reference interpreter.

    Exit status: 0 it is a run of this model and ends as it claims, 1 it is not, 2 bad input.
    """
    with one_line_errors():
        from lockstep import api
        from traces.ladder import forever

        run = api.replay(trace)
    if as_json:
        print_json({"trace": str(trace), "property": run.trace.property, "end": run.trace.end, "steps": run.trace.length,
                     "replayed": True})
    else:
        claims = run.trace.property
        how = "in the last one" if run.trace.loop is None else f"for ever: {forever(run.trace)}"
        end = f"; {claims} is violated at {run.trace.end} {how}" if claims else "; it claims nothing"
        print(f"{trace}: replayed {run.trace.length} steps{end}")
