"""Bounded model checking: a shortest witness, or `no violation to depth K`."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.jobs import Job, Outcome, question
from properties.registry import to_depth
from verify.query import Progress
from verify.symbolic import Progress as Depth
from verify.symbolic import bmc


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Ask z3 for all that is asked, one step more at a time."""
    asked = question(job)
    found = bmc(asked.system, (*asked.queries, *asked.antecedents), depth=job.limits.depth, timeout=job.limits.timeout,
                progress=in_depth(progress))
    why = found.why and f"{found.why}; nothing breaks it in {found.depth} steps"
    judged = asked.judgements(found.hits, why, f"{found.depth} steps", to_depth(found.depth))
    return Outcome(job, 0, 0, found.depth, found.seconds, found.why, judged, asked.witnesses(found.hits))


def in_depth(progress: Callable[[Progress], None] | None) -> Callable[[Depth], None] | None:
    """A depth as progress of an engine that counts no states."""
    if progress is None:
        return None
    report = progress
    return lambda depth: report(Progress(0, 0, depth.depth, 0, depth.seconds))
