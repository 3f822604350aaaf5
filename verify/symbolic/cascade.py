"""The cascade of a stimulus as formulas: what `verify.step.step` does, for all states and arguments at once.

The queue of signals is laid out on a line. Each signal has a *place*, which says when it is taken; on any one run places
strictly ascend in the order of the queue, so at one place there is at most one signal on a run, and what is done there for
different signals excludes itself. A signal goes to its event's usual place if the end of the queue is not beyond it, else to the
end. The usual places only keep the formula small; the order comes from the end of the queue, which is a value like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from model.action import Channel, Put, Set, Signal, Take
from model.expr import Choice, Expr, Item, ModelError, OnWire, Param, Var
from model.system import Instance, System
from model.table import Row
from verify.symbolic import wire
from verify.symbolic.logic import FALSE, TRUE, Known, Lit, Logic
from verify.symbolic.plan import EventKey, Lines, Plan
from verify.symbolic.value import Guarded, Reader, Value, narrowed, of_truth, select
from verify.symbolic.wire import VALUE, Key, Message, State

Args = dict[str, Value]


@dataclass(frozen=True)
class Fired:
    """Under this condition one of these rows fired, with these arguments."""

    when: Lit
    scope: str
    rows: tuple[Row, ...]
    args: Args


@dataclass(frozen=True)
class Sent:
    """Under this condition this message was sent."""

    when: Lit
    scope: str
    channel: Channel
    fields: Message

    @property
    def named(self) -> Args:
        return {param.name: value for param, value in zip(self.channel.fields, self.fields, strict=True)}


@dataclass
class Effects:
    """The state after, and under which conditions rows fired, messages were sent, choices were consulted (by name), the stimulus
    is disabled, the model reaches the impossible."""

    state: State
    fired: list[Fired] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    consulted: dict[str, list[Lit]] = field(default_factory=dict)
    disabled: list[Lit] = field(default_factory=list)
    wrong: list[Lit] = field(default_factory=list)


@dataclass
class _Work:
    """What the rows at one place do together. A channel is (first slot, capacity); puts stand in the order in which a row has them."""

    writes: dict[Key, list[Guarded]] = field(default_factory=dict)
    takes: dict[tuple[int, int], list[tuple[Lit, Message]]] = field(default_factory=dict)
    puts: dict[tuple[int, int], list[list[tuple[Lit, Message, Lit]]]] = field(default_factory=dict)
    signals: list[tuple[Lit, list[tuple[EventKey, Args]]]] = field(default_factory=list)


class Cascade:
    """Runs signals until the queue is empty. `choices`: the arguments of the stimulus by name; `tick` is called now and then and may
    raise. signals: how many (place, event) were taken."""

    def __init__(self, plan: Plan, logic: Logic, state: State, choices: Args, tick: Callable[[], None]) -> None:
        self.plan, self.logic, self.choices, self.tick = plan, logic, choices, tick
        self.effects = Effects(dict(state))
        self.signals = 0
        self._end: Value = {}
        self._waiting: dict[int, dict[EventKey, list[tuple[Lit, Args]]]] = {}

    def run(self, starts: list[tuple[Lit, EventKey, Args]]) -> Effects:
        """From these stimuli, under conditions that exclude each other."""
        for when, key, args in starts:
            self._wait(self.plan.place[key[1:]], key, when, args)
        while self._waiting:
            wave, self._waiting, self._end = self._waiting, {}, {0: TRUE}
            for place in sorted(wave):
                self._at(wave[place])
        return self.effects

    def _wait(self, place: int, key: EventKey, when: Lit, args: Args) -> None:
        if self.logic.possible(when):
            self._waiting.setdefault(place, {}).setdefault(key, []).append((when, args))

    def _at(self, signals: dict[EventKey, list[tuple[Lit, Args]]]) -> None:
        """Whatever signal stands at this place; all of them read the state before."""
        work = _Work()
        for key, entries in signals.items():
            self.tick()
            self.signals += 1
            when = self.logic.any([one for one, _ in entries])
            args = {name: select(self.logic, [(one, its[name]) for one, its in entries], None) for name in entries[0][1]}
            _Taken(self, key, when, args).process(work)
        self._apply(work)

    def _apply(self, work: _Work) -> None:
        state, logic = self.effects.state, self.logic
        for key, guarded in work.writes.items():
            state[key] = select(logic, guarded, state[key])
        for (first, capacity), taken in work.takes.items():
            when, message = self._one([(one, its, FALSE) for one, its in taken])[:2]
            after, found = wire.take(logic, wire.slots(state, first, capacity, len(message)), message)
            self._disable(logic.both(when, found ^ 1))
            wire.store(logic, state, first, when, after)
        for (first, capacity), ranks in work.puts.items():
            for entries in ranks:
                self._put(first, capacity, *self._one(entries))
        self._end = select(logic, [(when, self._queue(when, signals)) for when, signals in work.signals], self._end)

    def _one(self, entries: list[tuple[Lit, Message, Lit]]) -> tuple[Lit, Message, Lit]:
        """Messages of rows that exclude each other, as one."""
        logic = self.logic
        fields = tuple(select(logic, [(when, message[number]) for when, message, _ in entries], None)
                       for number in range(len(entries[0][1])))
        return logic.any([when for when, *_ in entries]), fields, logic.any([logic.both(when, resend) for when, _, resend in entries])

    def _put(self, first: int, capacity: int, when: Lit, message: Message, resend: Lit) -> None:
        logic = self.logic
        before = wire.slots(self.effects.state, first, capacity, len(message))
        if resend != FALSE:
            self._disable(logic.both(resend, logic.any([wire.holds(logic, slot, message) for slot in before])))
        after, full = wire.put(logic, before, message)
        self._disable(logic.both(when, full))
        wire.store(logic, self.effects.state, first, when, after)

    def _queue(self, when: Lit, signals: list[tuple[EventKey, Args]]) -> Value:
        """Put signals at the end of the queue; where the end is then."""
        logic = self.logic
        end = narrowed(logic, self._end, logic.known(when))
        for key, args in signals:
            usual, places = self.plan.place[key[1:]], dict[int, list[Lit]]()
            for at, lit in end.items():
                places.setdefault(max(at, usual), []).append(lit)
            end = {}
            for place, lits in places.items():
                here = TRUE if len(places) == 1 else logic.any(lits)
                self._wait(place, key, logic.both(when, here), args)
                end[place + 1] = here
        return end

    def _disable(self, when: Lit) -> None:
        if when != FALSE:
            self.effects.disabled.append(when)


class CellReader(Reader):
    """Reads variables and the wire of one state at one scope."""

    def __init__(self, logic: Logic, system: System, scope: str, state: State) -> None:
        super().__init__(logic)
        self.system, self.scope, self.state = system, scope, state

    def cell(self, key: Key) -> Value:
        return self.state[key]

    def places(self, target: Var | Item) -> list[tuple[Lit, int]]:
        """The positions that a variable or cell may be, and when it is which."""
        if isinstance(target, Item):
            first = self.system.position(self.scope, target.var)
            return [(lit, first + at) for at, lit in self.value(target.children[0]).items()]
        return [(TRUE, self.system.position(self.scope, target))]

    def leaf(self, expr: Expr) -> Value:
        if isinstance(expr, Var | Item):
            return select(self.logic, [(lit, self.cell((at, VALUE))) for lit, at in self.places(expr)], None)
        if isinstance(expr, OnWire):
            return self._on_wire(expr)
        raise ModelError(f"{type(expr).__name__} cannot be read inside a step")

    def _on_wire(self, expr: OnWire) -> Value:
        channels = self.system.observed(self.scope, expr)
        if not channels:
            where = self.system.find(self.scope, "observer", expr.name)
            assert where is not None
            return self.cell((where, VALUE))
        found = []
        for first, capacity, channel in channels:
            for used, message in wire.slots(self.state, first, capacity, len(channel.fields)):
                if used != FALSE:
                    args = {param.name: value for param, value in zip(channel.fields, message, strict=True)}
                    found.append(self.logic.both(used, Pattern(self.logic, args).truth(expr.where)))
        return of_truth(self.logic.any(found))


class Pattern(Reader):
    """Reads the fields of a message, or the arguments of an event, and nothing else."""

    def __init__(self, logic: Logic, args: Args) -> None:
        super().__init__(logic)
        self.args = args

    def leaf(self, expr: Expr) -> Value:
        if isinstance(expr, Param):
            return self.args[expr.name]
        raise ModelError(f"a pattern of messages reads only their fields, not {type(expr).__name__}")


class _Taken(CellReader):
    """One signal taken off the queue, under a condition; reads the state where the condition is true."""

    def __init__(self, cascade: Cascade, key: EventKey, when: Lit, args: Args) -> None:
        self.instance, self.event = cascade.plan.events[key]
        super().__init__(cascade.logic, cascade.plan.system, self.instance.scope, cascade.effects.state)
        self.cascade, self.key, self.when = cascade, key, when
        self.known = self.logic.known(when)
        self.args = {name: narrowed(self.logic, value, self.known) for name, value in args.items()}
        self._cells: dict[Key, Value] = {}

    def cell(self, key: Key) -> Value:
        if key not in self._cells:
            self._cells[key] = narrowed(self.logic, self.state[key], self.known)
        return self._cells[key]

    def leaf(self, expr: Expr) -> Value:
        if isinstance(expr, Param):
            return self.args[expr.name]
        if isinstance(expr, Choice):
            return self.cascade.choices.get(expr.name, {0: TRUE})
        return super().leaf(expr)

    def process(self, work: _Work) -> None:
        """What the rows do that may fire, each under its condition."""
        logic, effects = self.logic, self.cascade.effects
        state = self.cell((self.system.position(self.scope, self.instance.table.state), VALUE))
        for name, codes in self.cascade.plan.consulted.get(self.key, {}).items():
            effects.consulted.setdefault(name, []).append(logic.both(self.when, _among(logic, state, codes)))
        rows = []
        for lines in self.cascade.plan.lines[self.key]:
            here = _among(logic, state, lines.codes)
            if here == FALSE:
                continue
            fires = logic.all((self.when, here, logic.given(self.truth(lines.condition), self.known)))
            if self.logic.possible(fires):
                rows.append((fires, lines))
        if not self.event.total:
            # An offered event has a row in every state; a spontaneous one is disabled where it has none.
            self.cascade.effects.disabled.append(logic.both(self.when, logic.any([fires for fires, _ in rows]) ^ 1))
        for fires, lines in rows:
            if lines.impossible:
                effects.wrong.append(logic.all((fires, logic.any(effects.disabled) ^ 1)))
            if lines.impossible or lines.refuses:
                effects.disabled.append(fires)
            else:
                self._fire(fires, lines, work)

    def _fire(self, fires: Lit, lines: Lines, work: _Work) -> None:
        system, known = self.system, self.logic.known(fires)
        self.cascade.effects.fired.append(Fired(fires, self.scope, lines.rows, self.args))
        signals: list[tuple[EventKey, Args]] = []
        written: dict[Key, list[Guarded]] = {}
        rank: dict[tuple[int, int], int] = {}
        for action in lines.actions:
            if isinstance(action, Set):
                self._write(action, fires, known, written)
            elif isinstance(action, Signal):
                to = system.target(self.scope, action)
                if to is not None:
                    signals.append(self._signal(to, action, known))
            elif isinstance(action, Take):
                place = system.wire(self.scope, action.channel.table)
                assert place is not None
                message = tuple(self._narrow(self.args[param.name], known) for param in self.event.params)
                work.takes.setdefault(place[1:], []).append((fires, message))
            elif isinstance(action, Put):
                message = tuple(self._narrow(self.value(expr), known) for expr in action.fields.values())
                self.cascade.effects.sent.append(Sent(fires, self.scope, action.channel, message))
                out = system.channel(self.scope, action)
                if out is not None:
                    ranks = work.puts.setdefault(out[1:], [])
                    rank[out[1:]] = at = rank.get(out[1:], -1) + 1
                    if at == len(ranks):
                        ranks.append([])
                    ranks[at].append((fires, message, self.logic.given(self.truth(action.resend), known)))
        if lines.next is not None:
            written[system.position(self.scope, self.instance.table.state), VALUE] = [(fires, {lines.next.code: TRUE})]
        for key, guarded in written.items():
            work.writes.setdefault(key, []).extend(guarded)
        if signals:
            work.signals.append((fires, signals))

    def _write(self, action: Set, fires: Lit, known: Known, written: dict[Key, list[Guarded]]) -> None:
        value = self._narrow(self.value(action.value), known)
        for lit, at in self.places(action.target):
            here = self.logic.both(fires, lit)
            # Of two writes of a row to one cell of an array the later one counts.
            earlier = [(self.logic.both(one, here ^ 1), its) for one, its in written.get((at, VALUE), [])]
            written[at, VALUE] = [*earlier, (here, value)]

    def _signal(self, to: Instance, action: Signal, known: Known) -> tuple[EventKey, Args]:
        event = action.call.event
        args = {param.name: self._narrow(self.value(action.call.value(param)), known) for param in event.params}
        return (to.scope, to.table.name, event.name), args

    def _narrow(self, value: Value, known: Known) -> Value:
        return narrowed(self.logic, value, known)


def _among(logic: Logic, value: Value, codes: frozenset[int]) -> Lit:
    """Is it one of these? Certainly, if it can be nothing else."""
    if codes.issuperset(value):
        return TRUE
    return logic.any([lit for code, lit in value.items() if code in codes])

