"""Some tables of one end, alone: what each stimulus makes of a state, and what leaves the tables in that step.

A step is the reference interpreter's (`verify.step`). What nobody knows of a real end (its readings, how its session is configured) is
`UNKNOWN` in a state until a row consults it; the state is then split, one for each value. A constant that no row has consulted stays
unknown: every value of it fits so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from model.action import Event, Put, Set, Signal, action_exprs
from model.expr import BOOL, TRUE, Const, Expr, Item, Var, evaluate
from model.system import Instance, Offer, State, System, read_elsewhere
from model.table import Row, Table
from verify.step import Disabled, Stimulus, View, step

END = "A"
UNKNOWN = -1


class Said(NamedTuple):
    """What leaves the tables: a signal to a table that is not here, or a message for a channel; arguments by name, as text."""

    to: str
    event: str
    args: Mapping[str, str]


Symbol = str
Steps = tuple[tuple[State, tuple[Symbol, ...]], ...]


class _Split(Exception):
    """A row consults what is unknown: the position."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Careful(View):
    """Reads as a view does, and will not read what is unknown."""

    def __init__(self, view: View, unknown: frozenset[int]) -> None:
        super().__init__(view.system, view.scope, view.cells, view.params, view.choices)
        self.unknown = unknown

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Var | Item) and (at := self.place(expr)) in self.unknown:
            raise _Split(at)
        return super().leaf(expr)


def _consult(view: _Careful, table: Table, event: Event) -> None:
    """Read what the interpreter reads to find the row and to do what it says."""
    state = table.state.sort.consts()[view.leaf(table.state)]
    for row in table.cell(state, event):
        if evaluate(row.condition, view):
            for expr in (expr for action in row.actions for expr in action_exprs(action)):
                evaluate(expr, view)
            return


class Machine:
    """The tables of one end as a transition system with outputs.

    `events`: those that may happen, each with the arguments it may have (none: every one). `symbol` names what leaves the tables as an
    observer of the wire sees it, "" for what he does not see. `fixed`: values where they are known, by slot ("tcp.inc", "del_trigger");
    what these tables do not read is passed over. `loose`: unknown constants of which nobody asks what they are; each step may take
    another value of them, which allows more than any value does and keeps the states few. `first`: choices of which only the first value is
    taken. `when`: in which states an event may happen, where not always (a timer's expiry: while it runs). `means`:
    a reading by which a constant is known, where its values are the reading's in the same order.
    """

    def __init__(self, name: str, tables: Sequence[Table], events: Iterable[tuple[Table, Event]], symbol: Callable[[Said], Symbol],
                 fixed: Mapping[str, str] | None = None, loose: Iterable[str] = (),
                 first: Iterable[str] = (), when: Mapping[Event, Expr] | None = None,
                 means: Mapping[str, str] | None = None) -> None:
        only = when or {}
        whole = [Offer(END, table, event, when=only.get(event, TRUE if event.timer is None else event.timer)) for table, event in events]
        self.system = System(name, [Instance(END, table) for table in tables], whole, extra=[(END, var) for var in read_elsewhere(tables)],
                             open_ended=True)
        self.symbol = symbol
        here = set(map(str, self.system.slots))
        self.fixed = {f"{END}.{key}": value for key, value in (fixed or {}).items() if f"{END}.{key}" in here}
        self.constants = {at: (means or {}).get(one, one) for at, one in self._constants(tables).items()}
        self.first = frozenset(first)
        names = set(loose)
        self.loose = frozenset(at for at, one in self.constants.items() if one in names)
        self._known: dict[tuple[State, Stimulus], Steps] = {}

    def _constants(self, tables: Sequence[Table]) -> dict[int, str]:
        """Position and name of what no row ever sets, and nothing fixes."""
        moved = {id(action.target.var if isinstance(action.target, Item) else action.target)
                 for table in tables for row in table.rows for action in row.actions if isinstance(action, Set)}
        states = {id(table.state) for table in tables}
        return {at: str(slot).removeprefix(f"{END}.") for at, slot in enumerate(self.system.slots)
                if id(slot.var) not in moved | states and str(slot) not in self.fixed and slot.var.table != "observer"}

    def start(self, **values: str) -> State:
        """A state from which to begin: initial values, those given (by slot, dots as in "tcp.state"), every constant unknown."""
        names = {str(slot): slot for slot in self.system.slots}
        given = {f"{END}.{key}": value for key, value in values.items()} | self.fixed
        codes = {}
        for key, value in given.items():
            sort = names[key].sort
            assert sort is not None
            codes[key] = sort.code(value)
        (state,) = self.system.states_from([codes])
        return tuple(UNKNOWN if at in self.constants else code for at, code in enumerate(state))

    def position(self, table: str, name: str) -> int:
        at = self.system.find(END, table, name)
        assert at is not None
        return at

    def stimuli(self, table: str, event: str, **only: Sequence[str]) -> tuple[Stimulus, ...]:
        """An event with every argument, or those given, and every choice its step may consult (of those in `first` the first)."""
        number = next(at for at, one in enumerate(self.system.offers) if (one.table.name, one.event.name) == (table, event))
        offer, choices = self.system.offers[number], self.system.offer_choices[number]
        args = product(*([p.sort.code(value) for value in only[p.name]] if p.name in only else
                         [p.default.code] if isinstance(p.default, Const) else range(p.sort.size) for p in offer.event.params))
        chosen = [tuple((choice.name, code) for choice, code in zip(choices, codes, strict=True))
                  for codes in product(*(range(1 if choice.name in self.first else choice.sort.size) for choice in choices))]
        return tuple(Stimulus(END, table, event, one, which) for one in args for which in chosen)

    def steps(self, state: State, stimulus: Stimulus) -> Steps:
        """The states after a stimulus, each with what leaves the tables; none where it is not enabled."""
        key = state, stimulus
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(dict.fromkeys((self._loosened(after), said) for after, said in self._steps(state, stimulus)))
        return found

    def _loosened(self, state: State) -> State:
        return tuple(UNKNOWN if at in self.loose else code for at, code in enumerate(state)) if self.loose else state

    def _steps(self, state: State, stimulus: Stimulus) -> Iterator[tuple[State, tuple[Symbol, ...]]]:
        system, said = self.system, list[Symbol]()

        unknown = frozenset(at for at, code in enumerate(state) if code == UNKNOWN)

        def watch(view: View, row: Row) -> None:
            if unknown:
                _consult(_Careful(view, unknown), system.table_of_row(row), row.event)
            for action in row.actions:
                if isinstance(action, Signal) and system.target(view.scope, action) is None:
                    args = {p.name: p.sort.show(evaluate(action.call.value(p), view)) for p in action.call.event.params}
                    said.append(self.symbol(Said(action.table, action.call.event.name, args)))
                elif isinstance(action, Put):
                    args = {name: expr.sort.show(evaluate(expr, view)) for name, expr in action.fields.items()}
                    args["resend"] = BOOL.show(evaluate(action.resend, view))
                    said.append(self.symbol(Said(action.channel.table, "", args)))

        try:
            whole = tuple(0 if code == UNKNOWN else code for code in state)
            try:
                after = step(system, whole, stimulus, watch).after
            except Disabled:
                if unknown:  # for want of what is not known? No row of a later table is missing: those events are offered
                    offer = system.offer_of[stimulus.scope, stimulus.table, stimulus.event]
                    args = dict(zip((param.name for param in offer.event.params), stimulus.args, strict=True))
                    careful = _Careful(View(system, END, whole, args, dict(stimulus.choices)), unknown)
                    if evaluate(offer.when, careful):
                        _consult(careful, offer.table, offer.event)
                return
        except _Split as split:
            for code in self._values(split.at):
                yield from self._steps((*state[:split.at], code, *state[split.at + 1:]), stimulus)
            return
        yield (tuple(UNKNOWN if old == UNKNOWN else new for old, new in zip(state, after, strict=True)), tuple(filter(None, said)))

    def _values(self, at: int) -> range:
        sort = self.system.slots[at].sort
        assert sort is not None
        return range(sort.size)

    def values(self, states: Iterable[State], at: int) -> frozenset[int]:
        """The values that a constant has in some of the states."""
        found = {state[at] for state in states}
        return frozenset(self._values(at)) if UNKNOWN in found else frozenset(found)
