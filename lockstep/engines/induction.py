"""k-induction: `holds` with a proof that a second solver confirmed, or a counterexample to induction."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from lockstep.engines.bmc import in_depth
from lockstep.jobs import UNTESTED, Job, Judgement, Outcome, Question, question
from model.trace import Trace
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from traces.ladder import ladder
from traces.replay import replay
from verify.query import INTERRUPTED, Progress, Query
from verify.symbolic import Proof, bmc, induction


def judge(job: Job, progress: Callable[[Progress], None] | None) -> Outcome:
    """Try one claim after the other; the time is shared evenly among those that are left."""
    asked, begun = question(job), perf_counter()
    judged: dict[str, Judgement] = {}
    traces: dict[str, Trace] = {}
    depth, why = 0, ""
    for number, query in enumerate(asked.queries):
        if why == INTERRUPTED:
            judged[query.name] = Judgement(UNDECIDED, why)
            continue
        share = None
        if job.limits.timeout is not None:
            share = max(0.0, job.limits.timeout - (perf_counter() - begun)) / (len(asked.queries) - number)
        proof = induction(asked.system, query, depth=job.limits.depth, timeout=share, progress=in_depth(progress))
        depth, why = max(depth, proof.k), proof.why if proof.verdict == UNDECIDED else why
        if proof.hit is not None:
            traces[query.name] = asked.trace(proof.hit)
            replay(traces[query.name])
        antecedent = asked.antecedents[number] if asked.antecedents else None
        judged[query.name] = _judgement(asked, antecedent, proof, share)
    return Outcome(job, 0, 0, depth, perf_counter() - begun, why, judged, traces)


def _judgement(asked: Question, antecedent: Query | None, proof: Proof, seconds: float | None) -> Judgement:
    if proof.verdict == VIOLATED:
        return Judgement(VIOLATED)
    if proof.verdict == HOLDS and antecedent is not None:
        tested = bmc(asked.system, (antecedent,), depth=asked.job.limits.depth, timeout=seconds)
        if tested.hits[antecedent.name] is None:
            return Judgement(UNDECIDED, f"inductive with k = {proof.k}, but {UNTESTED.format(f'{tested.depth} steps')}")
    if proof.verdict == HOLDS:
        return Judgement(HOLDS, f"inductive with k = {proof.k}, confirmed by {proof.checked_by}")
    return Judgement(UNDECIDED, proof.why or f"not inductive with k up to {proof.k}", _shown(asked, proof))


def _shown(asked: Question, proof: Proof) -> str:
    """The counterexample to induction as a ladder; its first state need not be reachable."""
    if proof.counterexample is None:
        return ""
    return ladder(asked.run(*proof.counterexample))
