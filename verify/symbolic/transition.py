"""One step of a system as formulas: every stimulus it offers, the cascade of each, the history bits, and the claims about the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from model.action import Channel
from model.expr import Expr, Fired, Peer, Post, Sent
from model.system import Offer, System, peer_of
from model.system import State as Codes
from verify.query import Query
from verify.step import Stimulus
from verify.symbolic import wire
from verify.symbolic.cascade import Args, Cascade, CellReader, Effects, Pattern
from verify.symbolic.logic import FALSE, TRUE, Lit, Logic
from verify.symbolic.plan import EventKey, Plan
from verify.symbolic.value import Value, of_truth, select
from verify.symbolic.wire import USED, VALUE, Key, State

Domain = dict[Key, frozenset[int]]


@dataclass(frozen=True)
class Start:
    """A stimulus whose message, if it takes one, is in this slot (else -1); `args`: its parameters."""

    offer: Offer
    slot: int
    args: Args

    @property
    def key(self) -> EventKey:
        return self.offer.scope, self.offer.table.name, self.offer.event.name


@dataclass
class Transition:
    """A step. `valid`: the stimulus is enabled and keeps to the constraint; `wrong`: it reaches the impossible (and is not valid);
    `after`: the state after; `hits`: for each query whether the step, if valid, makes it true. `which`: the number of the stimulus in
    `starts`; `choices`: its choices by name. signals: how much was encoded."""

    valid: Lit
    wrong: Lit
    before: State
    after: State
    hits: dict[str, Lit]
    which: Value
    starts: list[Start]
    choices: Args
    signals: int


def domain_of(system: System, states: Iterable[Codes]) -> Domain:
    """The values that the variables have in these states."""
    found: dict[Key, set[int]] = {}
    for state in states:
        for key, value in parts(system, state).items():
            found.setdefault(key, set()).add(value)
    return {key: frozenset(codes) for key, codes in found.items()}


def parts(system: System, state: Codes) -> dict[Key, int]:
    """A state of the interpreter, messages field by field."""
    found: dict[Key, int] = {}
    for at, (slot, code) in enumerate(zip(system.slots, state, strict=True)):
        if isinstance(slot.var, Channel):
            found[at, USED] = int(code > 0)
            values = slot.var.decode(code) if code else (0,) * len(slot.var.fields)
            found |= {(at, number): value for number, value in enumerate(values)}
        else:
            found[at, VALUE] = code
    return found


def codes(system: System, values: Mapping[Key, int]) -> Codes:
    """The inverse of `parts`."""
    found = []
    for at, slot in enumerate(system.slots):
        if isinstance(slot.var, Channel) and values[at, USED]:
            found.append(slot.var.encode([values[at, number] for number in range(len(slot.var.fields))]))
        else:
            found.append(values[at, VALUE])
    return tuple(found)


def wider(domain: Domain, state: State) -> Domain:
    """The domain with the values that a formula state may have."""
    return {key: known | state[key].keys() for key, known in domain.items()}


def leaves(logic: Logic, domain: Domain) -> State:
    """A state about which nothing is known but the domain."""
    return {key: logic.leaf(name_of(key), known) for key, known in domain.items()}


def name_of(key: Key) -> str:
    return f"{key[0]}.{key[1]}"


def well_formed(logic: Logic, system: System, state: State) -> Lit:
    """Slots are sorted, and nothing stands in an empty one."""
    found: list[Lit] = []
    for at, slot in enumerate(system.slots):
        if isinstance(slot.var, Channel):
            first = wire.slots(state, at, 1, len(slot.var.fields))[0]
            found += [logic.either(first[0], value.get(0, FALSE)) for value in first[1]]
            if slot.index:
                (used, ahead), = wire.slots(state, at - 1, 1, len(slot.var.fields))
                found.append(logic.either(first[0] ^ 1, logic.both(used, wire.at_least(logic, ahead, first[1]))))
    return logic.all(found)


def transition(plan: Plan, logic: Logic, before: State, queries: Sequence[Query], tick: Callable[[], None],
               together: Callable[[Offer], object] = id) -> Transition:
    """The step from a state. `together`: offers for which this is the same share a cascade."""
    system = plan.system
    starts, offered = _starts(system, logic, before)
    which = logic.leaf("which", range(len(starts))) if starts else {}
    choices = {one.name: logic.leaf(f"choice.{one.name}", range(one.sort.size))
               for some in system.offer_choices for one in some}
    groups: dict[object, list[int]] = {}
    for number, start in enumerate(starts):
        groups.setdefault(together(start.offer), []).append(number)
    runs: list[tuple[Lit, Effects]] = []
    signals = 0
    for numbers in groups.values():
        cascade = Cascade(plan, logic, before, choices, tick)
        alone = len(numbers) == 1
        effects = cascade.run([(TRUE if alone else which[number], starts[number].key, starts[number].args) for number in numbers])
        runs.append((logic.any([which[number] for number in numbers]), effects))
        signals += cascade.signals
    effects = _merged(logic, before, runs)
    not_offered = [logic.both(which[number], offered[number] ^ 1) for number in range(len(starts))]
    enabled = [one ^ 1 for one in (*not_offered, *effects.disabled)]
    for name, value in choices.items():
        enabled.append(logic.either(value.get(0, FALSE), logic.any(effects.consulted.get(name, []))))
    reader = StepReader(logic, system, before, effects)
    bits: dict[Key, Value] = {}
    for monitor in system.monitors:
        here, key = reader.at(monitor.scope), (system.position(monitor.scope, monitor.var), VALUE)
        kept = logic.both(before[key].get(1, FALSE), here.truth(monitor.until) ^ 1)
        bits[key] = of_truth(logic.either(here.truth(monitor.when), kept))
    effects.state.update(bits)
    reader = StepReader(logic, system, before, effects)
    enabled.append(reader.at("").truth(system.constraint))
    hits = {query.name: logic.any([reader.at(scope).truth(query.when) for scope in query.scopes]) for query in queries}
    wrong = logic.all((logic.any(effects.wrong), *(one ^ 1 for one in not_offered)))
    return Transition(logic.all(enabled) if starts else FALSE, wrong, before, effects.state, hits, which, starts, choices, signals)


def _starts(system: System, logic: Logic, before: State) -> tuple[list[Start], list[Lit]]:
    """The stimuli that may be enabled, and when they are offered."""
    starts, offered = [], []
    for number, offer in enumerate(system.offers):
        when = CellReader(logic, system, offer.scope, before).truth(
            system.offer_of[(offer.scope, offer.table.name, offer.event.name)].when)
        params = offer.event.params
        if when == FALSE:
            continue
        if offer.event.takes is None:
            args = {one.name: logic.leaf(f"argument.{number}.{one.name}", offer.only.get(one.name, range(one.sort.size))) for one in params}
            starts.append(Start(offer, -1, args))
            offered.append(when)
            continue
        place = system.wire(offer.scope, offer.event.takes.table)
        assert place is not None
        for at, (used, message) in enumerate(wire.slots(before, place[1], place[2], len(params))):
            if used != FALSE:
                starts.append(Start(offer, at, {one.name: value for one, value in zip(params, message, strict=True)}))
                offered.append(logic.both(when, used))
    return starts, offered


def _merged(logic: Logic, before: State, runs: Sequence[tuple[Lit, Effects]]) -> Effects:
    """The effects of cascades whose conditions exclude each other, as one."""
    found = Effects(dict(before))
    for key, old in before.items():
        changed = [(when, one.state[key]) for when, one in runs if one.state[key] is not old and one.state[key] != old]
        found.state[key] = select(logic, changed, old)
    for when, one in runs:
        found.fired += [type(it)(logic.both(when, it.when), it.scope, it.rows, it.args) for it in one.fired]
        found.sent += [type(it)(logic.both(when, it.when), it.scope, it.channel, it.fields) for it in one.sent]
        for name, lits in one.consulted.items():
            found.consulted.setdefault(name, []).append(logic.both(when, logic.any(lits)))
        found.disabled.append(logic.both(when, logic.any(one.disabled)))
        found.wrong.append(logic.both(when, logic.any(one.wrong)))
    return found


class StepReader(CellReader):
    """Reads claims, as `verify.step.StepView` does."""

    def __init__(self, logic: Logic, system: System, before: State, effects: Effects, scope: str = "A", after: bool = False,
                 others: dict[tuple[str, bool], StepReader] | None = None) -> None:
        super().__init__(logic, system, scope, effects.state if after else before)
        self.before, self.effects, self.after = before, effects, after
        self.others = {} if others is None else others

    def at(self, scope: str, after: bool | None = None) -> StepReader:
        key = (scope, self.after if after is None else after)
        if key not in self.others:
            self.others[key] = StepReader(self.logic, self.system, self.before, self.effects, *key, self.others)
        return self.others[key]

    def leaf(self, expr: Expr) -> Value:
        logic = self.logic
        if isinstance(expr, Post):
            return self.at(self.scope, True).value(expr.children[0])
        if isinstance(expr, Peer):
            return self.at(peer_of(self.scope)).value(expr.children[0])
        if isinstance(expr, Sent):
            its = [one for one in self.effects.sent if one.scope == self.scope and one.channel.table == expr.channel]
            return of_truth(logic.any([logic.both(one.when, Pattern(logic, one.named).truth(expr.where)) for one in its]))
        if isinstance(expr, Fired):
            instance = self.system.instance(self.scope, expr.table)
            rows = {id(row) for row in instance.table.rows if row.name in expr.rows} if instance else set()
            return of_truth(logic.any([logic.both(one.when, Pattern(logic, one.args).truth(expr.where))
                                       for one in self.effects.fired if one.scope == self.scope and id(one.rows[0]) in rows]))
        return super().leaf(expr)


def stimulus_of(start: Start, args: Mapping[str, int], chosen: Sequence[tuple[str, int]]) -> Stimulus:
    """A stimulus of the interpreter."""
    return Stimulus(start.offer.scope, start.offer.table.name, start.offer.event.name,
                    tuple(args[param.name] for param in start.offer.event.params), tuple(chosen))
