"""Between the interpreter's codes and a trace's names."""

from __future__ import annotations

from collections.abc import Mapping

from model.expr import Sort
from model.system import System
from model.trace import Step, TraceError
from verify.step import Outcome, Stimulus


def shown(text: str) -> str:
    """What a file says, quoted for an error of one line; cut short where it is long."""
    return repr(text if len(text) <= 200 else f"{text[:200]}...")


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
        raise TraceError(f"{at}slice {system.name} offers no {shown(step.table)} event {shown(step.event)} at "
                         f"{shown(step.scope) if step.scope else 'the world'}")
    args = _codes(at, "argument", step.args, {param.name: param.sort for param in offer.event.params})
    for param, code in zip(offer.event.params, args, strict=True):
        if code not in offer.only.get(param.name, (code,)):
            raise TraceError(f"{at}argument {param.name}: slice {system.name} never offers {param.sort.show(code)!r} here")
    position = system.offers.index(offer)
    sorts = {choice.name: choice.sort for choice in system.offer_choices[position]}
    choices = _codes(at, "choice", {name: sort.show(0) for name, sort in sorts.items()} | dict(step.choices), sorts)
    return Stimulus(step.scope, step.table, step.event, tuple(args), tuple(zip(sorts, choices, strict=True)))


def _codes(at: str, what: str, given: Mapping[str, str], sorts: Mapping[str, Sort]) -> list[int]:
    for name in given:
        if name not in sorts:
            raise TraceError(f"{at}{what} {shown(name)}: there is none of that name; there are {', '.join(sorts) or 'none'}")
    codes = []
    for name, sort in sorts.items():
        if name not in given:
            raise TraceError(f"{at}{what} {name!r} is missing")
        if given[name] not in sort.values:
            raise TraceError(f"{at}{what} {name}: no value {shown(given[name])}; it has {', '.join(sort.values)}")
        codes.append(sort.code(given[name]))
    return codes
