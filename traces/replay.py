"""Replay: the reference interpreter runs a trace step by step and says whether it ends, or goes on for ever, as it claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.expr import TRUE, Expr, ModelError, evaluate
from model.slices import SLICES, places_of
from model.system import Monitor, State, System
from model.timed import TIMED, system_of
from model.trace import Trace, TraceError
from properties.claim import Claim
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, PROPERTIES, RESPONSES
from traces.lasso import refuted
from traces.names import coded, rows_of, shown
from verify.step import Disabled, Outcome, StepView, step


class NotARun(Exception):
    """The document is a trace, but not a run of this model, or it does not end as it claims. One line."""


@dataclass(frozen=True)
class Run:
    """A replayed trace: the system and what each step did."""

    trace: Trace
    system: System
    initial: State
    outcomes: tuple[Outcome, ...]


def query_of(trace: Trace) -> tuple[Expr, tuple[Monitor, ...]]:
    """What the last step must make true, and the history bits that needs; an endless run, or one that claims nothing: TRUE. Raises
    TraceError."""
    for what, name, known in (("slice", trace.slice, (*SLICES, *TIMED)), ("preset", trace.preset, PRESETS),
                              ("property", trace.property, PROPERTIES), ("finding", trace.finding, FINDINGS),
                              ("end", trace.end, places_of(trace.slice))):
        claims_nothing = not name and not trace.finding and (what == "finding" or not trace.property)
        if name not in known and not claims_nothing:
            raise TraceError(f"{what} {shown(name)}: there is no such {what}; there are {', '.join(known)}")
    if not trace.engine.isprintable():
        raise TraceError(f"engine {shown(trace.engine)}: this is not a name; the file is damaged")
    if (trace.loop is not None) != (trace.property in RESPONSES):
        raise TraceError(f"property {shown(trace.property)}: an endless run, with a loop, breaks what is to come about, and nothing else; "
                         "the file is damaged")
    if trace.finding:
        finding = FINDINGS[trace.finding]
        if (finding.slice, finding.property) != (trace.slice, trace.property):
            raise TraceError(f"finding {finding.name}: it belongs to slice {finding.slice} and property {finding.property}, not to "
                             f"{trace.slice} and {trace.property}; the file is damaged")
        return finding.when, finding.monitors
    if not trace.property:
        return TRUE, ()
    about = PROPERTIES[trace.property]
    if trace.slice not in (*about.slices, *(TIMED if trace.property in CLAIMS else ())):
        raise TraceError(f"property {about.name}: it is not judged in slice {trace.slice}, only in {', '.join(about.slices)}")
    return (about.violated, about.monitors) if isinstance(about, Claim) else (TRUE, ())


def model_digest(slice_name: str, readings: Mapping[str, str], bounds: Mapping[str, int]) -> str:
    """The fingerprint that a trace of this slice carries: of the model, not of what a claim remembers besides."""
    return system_of(slice_name, readings, bounds).digest


def replay(trace: Trace) -> Run:
    """Run a trace. Raises TraceError where it names what does not exist, NotARun where it is not true."""
    when, monitors = query_of(trace)
    try:
        digest = model_digest(trace.slice, trace.readings, trace.bounds)
        system = system_of(trace.slice, trace.readings, trace.bounds, monitors)
    except ModelError as error:
        raise TraceError(str(error)) from None
    if digest != trace.digest:
        raise NotARun(f"made by model {shown(trace.digest)}, this is model {digest}: tables or readings differ; run lockstep verify again")
    if not 0 <= trace.start < len(system.initial):
        raise TraceError(f"start {trace.start}: slice {trace.slice} has initial states 0 to {len(system.initial) - 1}")
    initial = state = system.initial[trace.start]
    outcomes: list[Outcome] = []
    taken = []
    for number, one in enumerate(trace.steps, 1):
        try:
            taken.append(coded(system, number, one))
            outcome = step(system, state, taken[-1])
        except (Disabled, ModelError) as error:
            raise NotARun(f"step {number}: {one.table} {one.event} at {one.scope or 'the world'} cannot happen here: {error}") from None
        fired = rows_of(system, outcome)
        if fired != one.rows:
            said = shown(", ".join(one.rows)) if one.rows else "nothing"
            raise NotARun(f"step {number}: fires {', '.join(fired)}; the trace says {said}")
        outcomes.append(outcome)
        state = outcome.after
    last = outcomes[-1] if outcomes else Outcome(initial, initial, (), ())
    if not evaluate(when, StepView(system, trace.end, last)):
        raise NotARun(f"{trace.property} is not broken at {trace.end} in the last step")
    if trace.property in RESPONSES and trace.loop is not None:
        states = [initial, *(outcome.after for outcome in outcomes)]
        why = refuted(system, RESPONSES[trace.property], trace.end, states, taken, trace.loop)
        if why:
            raise NotARun(f"{trace.property} is not broken at {trace.end} by this endless run: {why}")
    return Run(trace, system, initial, tuple(outcomes))
