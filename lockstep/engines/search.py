"""Exhaustive search: `holds` where every reachable state within the bounds was visited."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.jobs import UNTESTED, Job, Judgement, Outcome, Question, question
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from traces.replay import replay
from verify.query import Progress
from verify.search import Result, search


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Search once for all that is asked."""
    asked = question(job)
    component = job.slice.removeprefix("component-") if job.slice.startswith("component-") else ""
    result = search(asked.system, (*asked.queries, *asked.antecedents), memory_gib=job.limits.memory, timeout=job.limits.timeout,
                    progress=progress, stop_when_all_hit=bool(job.findings), stop_when_fired=component)
    traces = {query.name: asked.trace(hit) for query in asked.queries if (hit := result.hits[query.name]) is not None}
    for trace in traces.values():
        replay(trace)
    counts = result.counts
    fired = frozenset((table, row) for (_, table, row), count in counts.fired.items() if count)
    return Outcome(job, counts.distinct, counts.transitions, counts.levels, result.seconds, result.why, _judgements(asked, result), traces,
                   fired, result.full)


def _judgements(asked: Question, result: Result) -> dict[str, Judgement]:
    tested = {query.name: result.hits[antecedent.name] is not None
              for query, antecedent in zip(asked.queries, asked.antecedents, strict=False)}
    found = {}
    for query in asked.queries:
        if result.hits[query.name] is not None:
            found[query.name] = Judgement(VIOLATED)
        elif not result.complete:
            found[query.name] = Judgement(UNDECIDED, result.why)
        elif not tested.get(query.name, True):
            found[query.name] = Judgement(UNDECIDED, UNTESTED.format("any step"))
        else:
            found[query.name] = Judgement(HOLDS)
    return found
