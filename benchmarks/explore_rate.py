"""How long the page of `lockstep explore` waits for an answer, beside the interpreter's own part of it, in one run.

    python -m benchmarks.explore_rate [--steps N] [--seed N] [SLICE ...]

A walk of random steps in each slice (default all, 40 steps). After each, what the page asks then: the step shown, with every state since
it and what it breaks (`run`), and what may happen next, each with its consequences (`next`). Milliseconds of the processor: median and
longest. The ratio is to the interpreter's stimuli and steps in that state, which are what `next` has to say.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import median
from time import process_time
from typing import Any

from lockstep.explore.answers import next_steps, run
from lockstep.explore.path import asked_in, position
from model.slices import SLICES
from verify.step import successors


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    begun = process_time()
    result = work()
    return 1000 * (process_time() - begun), result


def measure(slice_name: str, steps: int, rnd: Random) -> str:
    asked = asked_in(f"slice={slice_name}")
    run({"query": asked.query})  # the slice's tables are put together once
    shown, following, interpreter = [], [], []
    for _ in range(steps):
        at = position(asked)
        interpreter.append(timed(lambda at=at: list(successors(at.world.system, at.state)))[0])
        took, answer = timed(lambda asked=asked: next_steps({"query": asked.query}))
        following.append(took)
        if not answer["next"]:
            break
        asked = replace(asked, path=(*asked.path, rnd.choice(answer["next"])["index"]))
        shown.append(timed(lambda asked=asked: run({"query": asked.query}))[0])
    return (f"{slice_name}: {len(shown)} steps; run {median(shown):.1f} ms, at most {max(shown):.1f}; next {median(following):.1f} ms, "
            f"at most {max(following):.1f}, {sum(following) / sum(interpreter):.1f} times the interpreter's part")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slices", nargs="*", metavar="SLICE", help=", ".join(SLICES))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in given.slices:
        if name not in SLICES:
            parser.error(f"slice {name!r}: there are {', '.join(SLICES)}")
    for name in given.slices or SLICES:
        print(measure(name, given.steps, Random(given.seed)))


if __name__ == "__main__":
    main()
