"""How often walks reach rare situations: swarm (each run leaves something out) against uniform (any enabled stimulus, equal chances).

    python -m benchmarks.walk_coverage [--runs N] [--seeds N] [--shrunk]

Both walk in the same process, with the same number of runs and steps, from the same seeds; the shares are of all runs. A run that
breaks a claim is not cut short: no claim is asked. --shrunk compares instead the witnesses that walks find and shrink under draft
with the shortest ones, which the exhaustive search finds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from time import perf_counter

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "lockstep-hypothesis"))

from lockstep.commands.fuzz import situations, task_of
from lockstep.jobs import Job, question
from model.slices import places_of
from properties.registry import claims_of
from verify.search import search
from verify.walk import walk


def coverage(runs: int, seeds: int) -> None:
    for slice_, preset, how in (("opening", "draft", "draft"), ("opening", None, "random readings"), ("teardown", "repaired", "repaired"),
                                ("teardown", None, "random readings")):
        task = task_of(slice_, [], preset, [])
        for swarm in (True, False):
            reached: Counter[str] = Counter()
            rows, made, begun = set(), 0, perf_counter()
            for seed in range(seeds):
                walked = walk(task.system, (), runs=runs, seed=seed, vary=task.vary, situations=situations(places_of(slice_)), swarm=swarm)
                reached.update(walked.times)
                rows |= set(walked.fired)
                made += walked.runs
            shares = ", ".join(f"{one.name} {100 * reached[one.name] / made:.1f} %" for one in situations(places_of(slice_)))
            print(f"{slice_}, {how}, {'swarm  ' if swarm else 'uniform'}: {shares}; {len(rows)} rows fired; {made} runs, "
                  f"{perf_counter() - begun:.0f} s", flush=True)


def shrunk(runs: int, seeds: int) -> None:
    for slice_ in ("teardown", "opening"):
        asked = question(Job(slice_, "draft", properties=tuple(claim.name for claim in claims_of(slice_)), engine="walk"))
        shortest = search(asked.system, asked.queries, memory_gib=2).hits
        walks = [walk(asked.system, asked.queries, runs=runs, seed=seed).hits for seed in range(seeds)]
        for name, best in shortest.items():
            lengths = ", ".join(str(hit.length) if (hit := walked[name]) else "-" for walked in walks)
            print(f"{slice_}, {name}: shortest {best.length if best else '-'}, walks {lengths}", flush=True)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--runs", type=int, default=150, help="runs a walk (default 150)")
    words.add_argument("--seeds", type=int, default=3, help="walks of each kind (default 3)")
    words.add_argument("--shrunk", action="store_true", help="compare lengths of witnesses instead")
    given = words.parse_args()
    (shrunk if given.shrunk else coverage)(given.runs, given.seeds)


if __name__ == "__main__":
    main()
