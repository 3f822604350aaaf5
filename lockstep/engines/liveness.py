"""Response properties on the whole state graph: `holds`, or a lasso. Not an engine to choose: where the search judges claims, this
judges what comes about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lockstep.choice import readings
from lockstep.jobs import UNTESTED, Job, Judgement, Outcome, Question
from model.slices import build, places_of
from model.trace import Trace
from properties.registry import HOLDS, RESPONSES, UNDECIDED, VIOLATED
from traces.replay import replay
from verify.liveness import Duty, Found, Lasso, liveness
from verify.query import Progress


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Search once for all that is asked; the properties of a job are judged in the same bounds, from the same starts."""
    chosen = readings(job.preset, job.overrides)
    system, abouts = build(job.slice, chosen, bounds=job.bounds), [RESPONSES[name] for name in job.properties]
    every, starts = system.initial, abouts[0].slices[job.slice].starts
    system.initial = tuple(every[at] for at in starts) or every
    where = places_of(job.slice)
    duties = [Duty(one.name, one.when, one.goal, tuple(place for place in where if place.startswith(one.ends)), one.owed, one.bars,
                   one.leads) for one in abouts]
    result = liveness(system, duties, memory_gib=job.limits.memory, timeout=job.limits.timeout, progress=progress)
    system.initial = every
    asked = Question(job, chosen, system, (), ())
    traces = {name: _trace(asked, found.lasso) for name, found in result.found.items() if found.lasso is not None}
    for trace in traces.values():
        replay(trace)
    judged = {name: _judgement(result.found.get(name), result.why) for name in job.properties}
    counts = result.counts
    return Outcome(job, counts.distinct, counts.transitions, counts.levels, result.seconds, result.why, judged, traces)


def _trace(asked: Question, lasso: Lasso) -> Trace:
    run = asked.run(lasso.initial, lasso.stimuli)
    return replace(run.trace, property=lasso.duty, end=lasso.scope, start=asked.system.initial.index(lasso.initial), loop=lasso.loop)


def _judgement(found: Found | None, why: str) -> Judgement:
    if found is None:
        return Judgement(UNDECIDED, why)
    if found.lasso is not None:
        return Judgement(VIOLATED)
    if found.bounded:
        return Judgement(UNDECIDED, found.bounded)
    return Judgement(HOLDS) if found.tested else Judgement(UNDECIDED, UNTESTED.format("any state"))
