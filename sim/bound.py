"""What a scenario names of the model, as the system's codes; one line of error where there is no such thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from model.expr import Choice, Const, ModelError, Param
from model.system import Offer, System
from sim.clocks import names
from sim.scenario import DRAWN, Action, Scenario, ScenarioError


@dataclass(frozen=True)
class Bound:
    """A scenario's names as the system's: the arguments of each action as codes, and how each choice is made."""

    arguments: tuple[tuple[int, ...], ...]
    orders: Mapping[str, tuple[int, ...] | None]  # None: drawn


def bound(scenario: Scenario, system: System) -> Bound:
    """Look up what the scenario names. Raises ScenarioError."""
    for name in scenario.durations:
        if name not in names(system):
            raise ScenarioError(f"durations, {name}: nothing of that name has a duration; write table.event, as in tcp.2MSL")
    choices = {choice.name: choice for found in system.offer_choices for choice in found}
    orders: dict[str, tuple[int, ...] | None] = {}
    for name, values in scenario.choices.items():
        if name not in choices:
            raise ScenarioError(f"choices, {name}: there is no such choice; there are {', '.join(sorted(choices))}")
        orders[name] = None if values == DRAWN else _order(choices[name], tuple(values))
    return Bound(tuple(_arguments(number, action, system) for number, action in enumerate(scenario.actions, 1)), orders)


def _order(choice: Choice, first: tuple[str, ...]) -> tuple[int, ...]:
    """All values of a choice, the ones named first."""
    where = f"choices, {choice.name}"
    codes = [_code(where, choice.sort.code, value) for value in first]
    return tuple(dict.fromkeys([*codes, *range(choice.sort.size)]))


def _arguments(number: int, action: Action, system: System) -> tuple[int, ...]:
    where = f"actions {number}"
    offer = system.offer_of.get((action.scope, action.table, action.event))
    if offer is None or offer.event.takes is not None or offer.event.timer is not None:
        doable = ", ".join(f"{one.table.name} {one.event.name}" for one in system.offers if one.scope == action.scope and _doable(one))
        place = f"end {action.scope}" if action.scope else "the world"
        raise ScenarioError(f"{where}: {action.table} {action.event!r} cannot be done at {place}; there are {doable}")
    params: dict[str, Param] = {param.name: param for param in offer.event.params}
    for name in action.args:
        if name not in params:
            raise ScenarioError(f"{where}, args, {name}: {action.event} has no such argument; it has {', '.join(params) or 'none'}")
    found = []
    for name, param in params.items():
        if name in action.args:
            found.append(_code(f"{where}, args, {name}", param.sort.code, action.args[name]))
        elif isinstance(param.default, Const):
            found.append(param.default.code)
        else:
            raise ScenarioError(f"{where}: argument {name} of {action.event} is missing; it is one of {', '.join(param.sort.values)}")
    return tuple(found)


def _doable(offer: Offer) -> bool:
    return offer.event.takes is None and offer.event.timer is None


def _code(where: str, code: Callable[[str], int], value: str) -> int:
    try:
        return code(value)
    except ModelError as error:
        raise ScenarioError(f"{where}: {error}") from None
