"""Bounded model checking: a shortest witness, or `no violation to depth K`."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.jobs import UNTESTED, Job, Judgement, Outcome, Question, question
from properties.registry import UNDECIDED, VIOLATED, to_depth
from traces.replay import replay
from verify.query import Progress
from verify.symbolic import Bounded, bmc
from verify.symbolic import Progress as Depth


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Ask z3 for all that is asked, one step more at a time."""
    asked = question(job)
    found = bmc(asked.system, (*asked.queries, *asked.antecedents), depth=job.limits.depth, timeout=job.limits.timeout,
                progress=in_depth(progress))
    traces = {query.name: asked.trace(hit) for query in asked.queries if (hit := found.hits[query.name]) is not None}
    for trace in traces.values():
        replay(trace)
    return Outcome(job, 0, 0, found.depth, found.seconds, found.why, _judgements(asked, found), traces)


def _judgements(asked: Question, found: Bounded) -> dict[str, Judgement]:
    tested = {query.name: found.hits[antecedent.name] is not None
              for query, antecedent in zip(asked.queries, asked.antecedents, strict=False)}
    judged = {}
    for query in asked.queries:
        if found.hits[query.name] is not None:
            judged[query.name] = Judgement(VIOLATED)
        elif found.why:
            judged[query.name] = Judgement(UNDECIDED, f"{found.why}; nothing breaks it in {found.depth} steps")
        elif not tested.get(query.name, True):
            judged[query.name] = Judgement(UNDECIDED, UNTESTED.format(f"{found.depth} steps"))
        else:
            judged[query.name] = Judgement(to_depth(found.depth))
    return judged


def in_depth(progress: Callable[[Progress], None] | None) -> Callable[[Depth], None] | None:
    """A depth as progress of an engine that counts no states."""
    if progress is None:
        return None
    report = progress
    return lambda depth: report(Progress(0, 0, depth.depth, 0, depth.seconds))
