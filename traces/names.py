"""Between the interpreter's codes and a trace's names."""

from __future__ import annotations

from collections.abc import Mapping

from model.expr import Sort
from model.system import System
from model.trace import Step, TraceError
from verify.step import Outcome, Stimulus


def named(system: System, stimulus: Stimulus, outcome: Outcome) -> Step:
    """A stimulus and the rows it fired, by name."""
    offer = system.offer_of[(stimulus.scope, stimulus.table, stimulus.event)]
    args = {param.name: param.sort.show(code) for param, code in zip(offer.event.params, stimulus.args, strict=True)}
    sorts = {choice.name: choice.sort for choices in system.offer_choices for choice in choices}
    choices = {name: sorts[name].show(code) for name, code in stimulus.choices if code}
    return Step(stimulus.scope, stimulus.table, stimulus.event, args, choices, rows_of(system, outcome))


def rows_of(system: System, outcome: Outcome) -> tuple[str, ...]:
    """The rows that fired, as "scope.table: row@state"."""
    found = []
    for firing in outcome.fired:
        table = system.table_of_row(firing.row)
        place = f"{firing.scope}." if firing.scope else ""
        found.append(f"{place}{table.name}: {firing.row.key}")
    return tuple(found)


def coded(system: System, number: int, step: Step) -> Stimulus:
    """The stimulus a step names. Raises TraceError."""
    offer = system.offer_of.get((step.scope, step.table, step.event))
    at = f"step {number}: "
    if offer is None:
        raise TraceError(f"{at}slice {system.name} offers no {step.table} event {step.event!r} at {step.scope or 'the world'}")
    args = _codes(at, "argument", step.args, {param.name: param.sort for param in offer.event.params})
    position = system.offers.index(offer)
    sorts = {choice.name: choice.sort for choice in system.offer_choices[position]}
    choices = _codes(at, "choice", {name: sort.show(0) for name, sort in sorts.items()} | dict(step.choices), sorts)
    return Stimulus(step.scope, step.table, step.event, tuple(args), tuple(zip(sorts, choices, strict=True)))


def _codes(at: str, what: str, given: Mapping[str, str], sorts: Mapping[str, Sort]) -> list[int]:
    for name in given:
        if name not in sorts:
            raise TraceError(f"{at}{what} {name!r}: there is none of that name; there are {', '.join(sorts) or 'none'}")
    codes = []
    for name, sort in sorts.items():
        if name not in given:
            raise TraceError(f"{at}{what} {name!r} is missing")
        if given[name] not in sort.values:
            raise TraceError(f"{at}{what} {name}: no value {given[name]!r}; it has {', '.join(sort.values)}")
        codes.append(sort.code(given[name]))
    return codes
