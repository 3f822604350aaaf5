"""One table in the most general environment, driven one stimulus at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from model.action import Impossible, Signal
from model.expr import evaluate
from model.system import System, open_system
from model.table import Table
from verify.search import search
from verify.step import Outcome, Stimulus, View, step

SYSTEMS: dict[str, System] = {}


def alone(table: Table) -> System:
    if table.name not in SYSTEMS:
        SYSTEMS[table.name] = open_system(table)
    return SYSTEMS[table.name]


class Alone:
    """A table, what surrounds it, and what the last stimulus did: rows `fired`, messages `sent`, signals `told`."""

    def __init__(self, table: Table, given: Mapping[str, Any] | None = None) -> None:
        self.table, self.system = table, alone(table)
        (self.scope,) = {one.scope for one in self.system.instances}
        self.slots = {str(slot).removeprefix(f"{self.scope}."): at for at, slot in enumerate(self.system.slots)}
        self.state = self.system.initial[0]
        self.fired: list[str] = []
        self.sent: list[str] = []
        self.told: list[str] = []
        for name, value in (given or {}).items():
            self.put(name, value)

    def put(self, name: str, value: Any) -> None:
        """Give a variable a value, whoever owns it; readings by their key."""
        at = self.slots[name]
        sort = self.system.slots[at].sort
        assert sort is not None
        self.state = (*self.state[:at], sort.code(value), *self.state[at + 1:])

    def get(self, name: str) -> str:
        return self.system.slots[self.slots[name]].text(self.state[self.slots[name]])

    @property
    def at(self) -> str:
        return self.get(f"{self.table.name}.state")

    def do(self, event: str, choices: Mapping[str, Any] | None = None, **given: Any) -> Alone:
        """One stimulus; parameters not given have their default, or the first value."""
        params = self.table.event(event).params
        assert set(given) <= {p.name for p in params}
        defaults = {p.name: p.default.code for p in params if p.default is not None and hasattr(p.default, "code")}
        args = tuple(p.sort.code(given[p.name]) if p.name in given else defaults.get(p.name, 0) for p in params)
        found = {c.name: c.sort for of_cell in self.system.choices.values() for c in of_cell}
        chosen = {name: found[name].code(value) for name, value in (choices or {}).items()}
        outcome = step(self.system, self.state, Stimulus(self.scope, self.table.name, event, args, tuple(chosen.items())))
        self.fired = [one.row.name for one in outcome.fired]
        self.sent = [" ".join(p.sort.show(v) for p, v in zip(m.channel.fields, m.channel.decode(m.code), strict=True))
                     for m in outcome.sent]
        self.told = list(self._signals(outcome, chosen))
        self.state = outcome.after
        return self

    def _signals(self, outcome: Outcome, choices: dict[str, int]) -> Iterator[str]:
        one = outcome.fired[0]
        args = dict(zip((p.name for p in one.row.event.params), one.args, strict=True))
        view = View(self.system, self.scope, outcome.before, args, choices)
        for action in one.row.actions:
            if isinstance(action, Signal):
                values = [p.sort.show(evaluate(action.call.value(p), view)) for p in action.call.event.params]
                yield f"{action.table}: " + " ".join([action.call.event.name, *values])


def never_fires(table: Table, *surroundings: str, memory: float = 0.5) -> set[str]:
    """The rows of a table that fire nowhere in its component slice, or not in as many states as the memory (GiB) holds.

    Where the slice is large, each of `surroundings` names the variables of others that may change while the rest keep their
    initial values; a row need fire in only one of them. A row that says it is impossible is looked for to the end.
    """
    whole = alone(table)
    enough = "" if any(isinstance(action, Impossible) for row in table.rows for action in row.actions) else table.name
    own = {id(var) for one in whole.instances for var in one.table.all_variables}
    extra = list(dict.fromkeys((slot.scope, slot.var) for slot in whole.slots if id(slot.var) not in own))
    fired: set[str] = set()
    for names in surroundings or ("",):
        free = {f"{name} becomes" for name in names.split()}
        offers = [one for one in whole.offers if one.table is table or not free or one.event.name in free]
        assert free <= {one.event.name for one in offers}
        system = System(whole.name, whole.instances, offers, extra=extra, open_ended=True)
        fired |= {key for _, name, key in search(
            system, memory_gib=memory, stop_when_fired=enough).counts.fired if name == table.name}
    return {one.key for one in table.rows} - fired
