"""Sampling with Hypothesis: `violated`, or `no violation in N runs`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from lockstep.jobs import UNTESTED, Job, Judgement, Outcome, question
from properties.registry import UNDECIDED, VIOLATED, in_runs
from verify.query import INTERRUPTED, Progress
from verify.walk import Progress as Walking
from verify.walk import walk


def cache() -> Path:
    """The user's cache folder; Hypothesis keeps its own notes there too, not in the current folder as it would by default."""
    folder = user_cache_path("lockstep")
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(folder / "hypothesis"))
    return folder


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Walk once for all that is asked."""
    cache()
    asked, limits = question(job), job.limits
    found = walk(asked.system, asked.queries, runs=limits.runs, steps=limits.steps, seed=limits.seed, situations=asked.antecedents,
                 timeout=limits.timeout, progress=_walking(progress))
    traces = asked.witnesses(found.hits, limits.seed)
    judged = {}
    for number, query in enumerate(asked.queries):
        tested = not asked.antecedents or found.times[asked.antecedents[number].name]
        if query.name in traces:
            judged[query.name] = Judgement(VIOLATED, f"seed {limits.seed}")
        elif not found.runs:
            judged[query.name] = Judgement(UNDECIDED, found.why or "no run was made")
        elif found.why == INTERRUPTED:
            judged[query.name] = Judgement(UNDECIDED, f"{INTERRUPTED}; {in_runs(found.runs)}, seed {limits.seed}")
        elif not tested:
            judged[query.name] = Judgement(UNDECIDED, UNTESTED.format(f"{found.runs} runs, seed {limits.seed}"))
        else:
            judged[query.name] = Judgement(in_runs(found.runs), f"seed {limits.seed}")
    fired = frozenset((table, row) for (_, table, row), count in found.fired.items() if count)
    return Outcome(job, 0, found.steps, 0, found.seconds, found.why, judged, traces, fired)


def _walking(progress: Callable[[Progress], None] | None) -> Callable[[Walking], None] | None:
    if progress is None:
        return None
    report = progress
    return lambda walking: report(Progress(0, 0, walking.runs, walking.steps, walking.seconds))
