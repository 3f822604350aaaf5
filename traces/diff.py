"""The changed variables only, step by step."""

from __future__ import annotations

from traces.ladder import forever
from traces.replay import Run


def diff(run: Run) -> str:
    """For each step the stimulus and every variable it changed, as ``name: before -> after``."""
    lines = []
    for number, (one, outcome) in enumerate(zip(run.trace.steps, run.outcomes, strict=True), 1):
        given = ", ".join(f"{key}={value}" for key, value in {**one.args, **one.choices}.items())
        lines.append(f"{number}  {one.scope or 'world'} {one.table}: {one.event}{f' ({given})' if given else ''}")
        for slot, before, after in zip(run.system.slots, outcome.before, outcome.after, strict=True):
            if before != after:
                lines.append(f"     {slot}: {slot.text(before)} -> {slot.text(after)}")
    if run.trace.loop is not None:
        lines.append(f"for ever: {forever(run.trace)}")
    return "\n".join(lines) + "\n"
