"""Exhaustive search: `holds` where every reachable state within the bounds was visited."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.jobs import Job, Outcome, question
from properties.registry import HOLDS
from verify.query import Progress
from verify.search import search


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Search once for all that is asked."""
    asked = question(job)
    component = job.slice.removeprefix("component-") if job.slice.startswith("component-") else ""
    result = search(asked.system, (*asked.queries, *asked.antecedents), memory_gib=job.limits.memory, timeout=job.limits.timeout,
                    progress=progress, stop_when_all_hit=bool(job.findings), stop_when_fired=component)
    counts = result.counts
    fired = frozenset((table, row) for (_, table, row), count in counts.fired.items() if count)
    judged = asked.judgements(result.hits, result.why, "any step", HOLDS)
    return Outcome(job, counts.distinct, counts.transitions, counts.levels, result.seconds, result.why, judged,
                   asked.witnesses(result.hits), fired, result.full)
