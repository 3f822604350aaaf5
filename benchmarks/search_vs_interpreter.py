"""How much faster the native search is than the reference interpreter, on the same system in one run.

    python -m benchmarks.search_vs_interpreter [--slice NAME] [--seconds N]

Both explore breadth first and count transitions; the interpreter stops after N seconds (default 10) and the rates
are compared. Without --slice: a made-up counter system. With it: that slice under preset draft, at its own bounds.
"""

from __future__ import annotations

import argparse
from time import perf_counter

from lockstep.choice import readings
from model.action import Event, set_
from model.expr import ModelError, Param, Range, Var, up
from model.slices import build
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, row
from verify.search import search
from verify.step import successors


def counters() -> System:
    """Seven counters up to 7, each step raises one: 2 097 152 states, 14 680 064 transitions."""
    place = Range("Place", 6)
    state, cells = Var("m", "state", Range("One", 0)), Var("m", "cells", Range("Count", 7), index=place)
    at = Param("at", place)
    raise_ = Event("raise", at, who="operator")
    line = row("raise", ANY, raise_, at == at, [set_(cells[at], up(cells[at]))], STAY, "made up")
    table = Table("m", "counters", state, (raise_,), (line,), (cells,))
    return System("counters", [Instance("A", table)], [Offer("A", table, raise_)])


def interpreted(system: System, seconds: float) -> tuple[int, float]:
    """Transitions and seconds of a breadth-first search on the interpreter, cut off after some time."""
    begun, transitions, order, seen = perf_counter(), 0, list(system.initial), set(system.initial)
    for state in order:
        for _, outcome in successors(system, state):
            transitions += 1
            if outcome.after not in seen:
                seen.add(outcome.after)
                order.append(outcome.after)
        if perf_counter() - begun > seconds:
            break
    return transitions, perf_counter() - begun


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--slice", help="a slice of model.slices")
    words.add_argument("--seconds", type=float, default=10, help="how long the interpreter may take (default 10)")
    given = words.parse_args()
    if given.slice:
        try:
            system = build(given.slice, readings("draft", {}))
        except ModelError as error:
            words.error(str(error))
    else:
        system = counters()
    result = search(system, memory_gib=8, timeout=600)
    seconds = result.seconds - result.compile_seconds
    native = result.counts.transitions / seconds
    transitions, taken = interpreted(system, given.seconds)
    slow = transitions / taken
    print(f"{system.name}: {result.counts.distinct} states of {result.words} words, {result.counts.transitions} transitions, "
          f"{result.counts.levels} levels, {'complete' if result.complete else result.why}")
    print(f"native       {native:14,.0f} transitions a second ({seconds:.2f} s, before that {result.compile_seconds:.2f} s to compile)")
    print(f"interpreter  {slow:14,.0f} transitions a second (measured over {transitions} transitions)")
    print(f"ratio        {native / slow:14,.0f}")


if __name__ == "__main__":
    main()
