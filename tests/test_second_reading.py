"""The tables of TCP, BGP and IKE against their second readings, cell by cell and case by case.

A case gives a value to every variable and parameter that either reading looks at; both are asked with more and more of them
given until neither wants another. So the cases of a cell cover all values, also where only one reading makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from model.action import Event, Impossible, Put, Refuse, Set, Signal, Take
from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE
from model.expr import BOOL, TRUE, Choice, Const, Expr, Item, OnWire, Param, Unknown, Valuation, Var, evaluate, leaf_key, walk
from model.ike import (
    INFORMATIONAL_TABLE,
    PHASE1_INITIATOR_TABLE,
    PHASE1_RESPONDER_TABLE,
    QUICK_INITIATOR_TABLE,
    QUICK_RESPONDER_TABLE,
)
from model.readings import READINGS
from model.signals import BGP_EVENT, G0, G1, G2, GEN, I_ATTEMPT, P1_INIT, P1_RESP, R_ATTEMPT, SA_FOR, SA_IN, SA_OUT
from model.table import Row, Table, line_exprs
from model.tcp import TCP_TABLE
from tests.second_reading import Course, bgp, ike, tcp

Given = dict[tuple[str, ...], tuple[Expr, int]]
Read = Callable[[str, str, Any, Any], Course | None]


class Look:
    """Names as attributes, read as plain values; one that the case does not give yet stops the reading (`Unknown`)."""

    def __init__(self, leaves: Mapping[str, Expr], reader: Valuation) -> None:
        self._leaves, self._reader = leaves, reader

    def __getattr__(self, name: str) -> Any:
        return plain(self._leaves[name], self._reader)


class After(Look):
    """What the machine knows after a course."""

    def __init__(self, course: Course, leaves: Mapping[str, Expr], reader: Valuation) -> None:
        super().__init__(leaves, reader)
        self._sets = course.sets

    def __getattr__(self, name: str) -> Any:
        return self._sets[name] if name in self._sets else super().__getattr__(name)


def plain(expr: Expr, reader: Valuation) -> Any:
    code = evaluate(expr, reader)
    return bool(code) if expr.sort is BOOL else expr.sort.show(code)


@dataclass(frozen=True)
class Comparison:
    """A table and its second reading; `names`: what the reading calls things, where that is not the model's own name.

    `told`: the action that a signal is, in the reading's words.
    """

    table: Table
    read: Read
    names: Mapping[str, Expr]
    told: Callable[[Signal, Valuation], tuple[Any, ...]]
    sent: Callable[[Put, Valuation], tuple[Any, ...]] = lambda action, reader: ()
    events: tuple[str, ...] = ()  # none: all
    invariant: Callable[[str, Any], bool] = lambda state, own: True
    possible: Callable[[str, str, Any], bool] = lambda state, event, arg: True


@dataclass(frozen=True)
class Case:
    """Where two readings were compared, and what each says."""

    state: str
    event: str
    given: Mapping[str, str]
    table: str
    second: str

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in self.given.items())
        return f"{self.state} on {self.event} where {where or 'always'}:\n  table   {self.table}\n  second  {self.second}"


def compare(one: Comparison) -> Iterator[tuple[Case, bool]]:
    """Every case of every cell, and whether the readings agree in it."""
    for state in one.table.state.sort.consts():
        for event in one.table.events:
            if not one.events or event.name in one.events:
                yield from compare_cell(one, state, event, list(one.table.cell(state, event)))


def compare_cell(one: Comparison, state: Const, event: Event, cell: list[Row], where: Expr = TRUE,
                 other: list[Row] | None = None) -> Iterator[tuple[Case, bool]]:
    """The cases of a cell where `where` holds: these rows, and the second reading, or `other` rows instead."""
    name, params = one.table.state.sort.show(state.code), {param.name: param for param in event.params}
    todo: list[Given] = [{}]
    while todo:
        given = todo.pop()
        reader = Valuation({key: code for key, (_, code) in given.items()} | {leaf_key(one.table.state): state.code})
        arg, own = Look(params, reader), Look(one.names, reader)
        try:
            if not evaluate(where, reader) or not one.possible(name, event.name, arg) or not one.invariant(name, own):
                continue
            first = by_table(one, cell, name, reader)
            second = one.read(name, event.name, arg, own) if other is None else by_table(one, other, name, reader)
            same, told = agree(one, first, second, reader)
        except Unknown as unknown:
            todo += [{**given, unknown.key: (unknown.leaf, code)} for code in range(unknown.leaf.sort.size)]
            continue
        shown = {label(key): leaf.sort.show(code) for key, (leaf, code) in given.items()}
        yield Case(name, event.name, shown, *told), same


def label(key: tuple[str, ...]) -> str:
    match key:
        case "param", name:
            return f"arg {name}"
        case "var", table, name, at:
            return f"{table}.{name}[{at}]"
        case "var", table, "state":
            return f"{table}.state"
        case _:
            return key[-1]


def by_table(one: Comparison, cell: list[Row], state: str, reader: Valuation) -> Course | None:
    """What the table says, in the second reading's form."""
    fitting = [row for row in cell if evaluate(row.condition, reader)]
    assert len(fitting) < 2, [row.key for row in fitting]
    if not fitting:
        return None
    (row,) = fitting
    course = Course(state if row.next is None else row.next.sort.show(row.next.code))
    name_of = {leaf_key(expr): name for name, expr in one.names.items()}
    for action in row.actions:
        match action:
            case Set():
                course.sets[name_of[key_of(action.target, reader)]] = plain(action.value, reader)
            case Signal():
                course.do(*one.told(action, reader))
            case Put():
                course.do(*one.sent(action, reader))
            case Take():
                pass
            case Refuse() | Impossible():
                return None
    return course


def key_of(target: Expr, reader: Valuation) -> tuple[str, ...] | None:
    """What tells a variable from others; of an array, the cell that its index names here."""
    if isinstance(target, Item):
        (at,) = target.children
        return leaf_key(Item(target.var, Const(at.sort, evaluate(at, reader))))
    return leaf_key(target)


def agree(one: Comparison, first: Course | None, second: Course | None, reader: Valuation) -> tuple[bool, tuple[str, str]]:
    """Same next state, same actions in the same order towards each addressee, same values afterwards."""
    if first is None or second is None:
        return first is second, (show(first), show(second))
    changed = {}
    for name in sorted(first.sets.keys() | second.sets.keys()):
        values = [course.sets[name] if name in course.sets else plain(one.names[name], reader) for course in (first, second)]
        if values[0] != values[1]:
            changed[name] = values
    if not one.invariant(first.next, After(first, one.names, reader)):
        changed["invariant"] = ["broken", "holds"]
    first.does.sort(key=addressee)
    second.does.sort(key=addressee)
    same = first.next == second.next and first.does == second.does and not changed
    return same, tuple(show(x, changed, at) for at, x in enumerate((first, second)))  # type: ignore[return-value]


def addressee(action: tuple[Any, ...]) -> str:
    """Whom an action is for. The RFCs order what is sent, and what one user is told, but not the two."""
    return str(action[0])


def show(course: Course | None, changed: Mapping[str, list[Any]] | None = None, at: int = 0) -> str:
    if course is None:
        return "cannot happen"
    sets = {name: values[at] for name, values in (changed or {}).items()}
    return f"{course.next}; {course.does}; {sets}"


def leaves(table: Table) -> Iterator[Expr]:
    for row in table.rows:
        for expr in (row.condition, *line_exprs(row)):
            yield from walk(expr)


def named(table: Table, **others: str) -> dict[str, Expr]:
    """Own variables and readings under their names with underscores; `others`: choices, observers, variables of other tables."""
    found: dict[str, Expr] = {var.name.replace("-", "_"): var for var in table.all_variables}
    known: dict[str, Expr] = {}
    for leaf in leaves(table):
        if isinstance(leaf, Choice | OnWire):
            known[leaf.name] = leaf
        elif isinstance(leaf, Var):
            known[f"{leaf.table}.{leaf.name}"] = leaf
        elif isinstance(leaf, Item) and not any(isinstance(node, Param | Var) for node in walk(leaf)):
            known[f"{leaf.var.table}.{leaf.var.name}"] = leaf
    del found["state"]
    readings: dict[str, Expr] = {one.key: one.var for one in READINGS.values() if one.key not in found}
    return found | {name: known[key] for name, key in others.items()} | readings


# -- TCP ----------------------------------------------------------------------------------------------------------


def told_by_tcp(action: Signal, reader: Valuation) -> tuple[Any, ...]:
    values = {param.name: plain(action.call.value(param), reader) for param in action.call.event.params}
    match action.table, action.call.event.name:
        case "spd", "outbound":
            return ("send", values["kind"], values["msg"], values["acks"], values["inc"], values["resend"])
        case "bgp", _:
            return ("bgp", action.call.event.number)
        case "bgp-message", "deliver":
            assert values["fault"] == "none"
            return ("deliver", values["msg"])
        case "binding", "TCB closed":
            return ("closed", values["how"])
        case "binding", "FIN sent as passive closer":
            return ("last-ack",)
    raise AssertionError(f"TCP says {action.call.event.name} to {action.table}")


TCP = Comparison(TCP_TABLE, tcp.read, named(TCP_TABLE, flying="segment in flight", reads_late="daemon reads EOF late",
                                            isn_newer="ISN is newer"), told_by_tcp,
                 invariant=tcp.invariant, possible=tcp.possible)


def differences(one: Comparison) -> list[Case]:
    return [case for case, same in compare(one) if not same]


def report(found: list[Case]) -> str:
    return "\n".join([f"{len(found)} cases", *map(str, found[:5])])


def test_tcp() -> None:
    found = differences(TCP)
    assert not found, report(found)


# -- BGP ----------------------------------------------------------------------------------------------------------


def told_by_bgp(action: Signal, reader: Valuation) -> tuple[Any, ...]:
    values = [plain(action.call.value(param), reader) for param in action.call.event.params]
    names = {("tcp", "SEND"): "send", ("tcp", "CLOSE"): "drop", ("binding", "session closed"): "released",
             ("binding", "connect"): "connect", ("binding", "reconnect"): "again", ("binding", "OPEN received"): "bound",
             ("binding", "other connection up"): "joined", ("bgp-message", "other connection"): "other knows",
             ("routes", "session up"): "routes come", ("routes", "session down"): "routes go"}
    return (names[(action.table, action.call.event.name)], *values)


def read_bgp(state: str, event: str, arg: Any, own: Any) -> Course:
    if event == "restart":
        return bgp.restart()
    (number,) = (number for number, one in BGP_EVENT.items() if one.name == event)
    return bgp.read(state, number, own)


BGP = Comparison(BGP_TABLE, read_bgp, named(BGP_TABLE, connected_to="tcp.connected-to"), told_by_bgp)


def told_by_checks(action: Signal, reader: Valuation) -> tuple[Any, ...]:
    assert action.table == "bgp"
    return ("event" if action.at == "self" else "other's event", action.call.event.number)


def read_checks(state: str, event: str, arg: Any, own: Any) -> Course:
    if event == "other connection":  # 6.8 examines what it is
        return Course(state).set(other=arg.other)
    return bgp.check(arg.msg, arg.fault, own)


BGP_MESSAGE = Comparison(
    BGP_MESSAGE_TABLE, read_checks,
    named(BGP_MESSAGE_TABLE, state_of_this="bgp.state", delaying="bgp.DelayOpenTimer",
          detect_in_established="bgp.CollisionDetectEstablishedState"), told_by_checks)


@pytest.mark.parametrize("one", [BGP, BGP_MESSAGE], ids=["bgp", "bgp-message"])
def test_bgp(one: Comparison) -> None:
    found = differences(one)
    assert not found, report(found)


# -- IKE ----------------------------------------------------------------------------------------------------------


def told_by_ike(action: Signal, reader: Valuation) -> tuple[Any, ...]:
    values = (plain(action.call.value(param), reader) for param in action.call.event.params)
    return (f"tell {action.table}", action.call.event.name, *values)


def sent_by_ike(action: Put, reader: Valuation) -> tuple[Any, ...]:
    fields = {name: plain(value, reader) for name, value in action.fields.items() if name != "datagram"}
    return ("send", plain(action.fields["datagram"], reader),
            *sorted((name, value) for name, value in fields.items() if value != ike.USUAL[name]))


def each(array: Var) -> dict[str, Expr]:
    """The cells of an array over generations, as ``out_g0``."""
    return {f"{array.name}_{GEN.show(gen.code)}": array[gen] for gen in (G0, G1, G2)}


OUT = each(SA_OUT)
OTHERS = {"other_sessions": "binding.other-sessions", "foreign": "binding.foreign", "others_lost": "ipsec.others-lost"}
PHASE1_INITIATOR = Comparison(
    PHASE1_INITIATOR_TABLE, ike.phase1_initiator,
    named(PHASE1_INITIATOR_TABLE, **OTHERS, responder="phase1-responder.state", on_its_way_out="phase1-initiator message on its way out",
          on_its_way_in="phase1-initiator message on its way in") | OUT, told_by_ike, sent_by_ike,
    invariant=ike.phase1_invariant)
PHASE1_RESPONDER = Comparison(
    PHASE1_RESPONDER_TABLE, ike.phase1_responder,
    named(PHASE1_RESPONDER_TABLE, **OTHERS, initiator="phase1-initiator.state", on_its_way_out="phase1-responder message on its way out",
          on_its_way_in="phase1-responder message on its way in", legible="legible") | OUT, told_by_ike, sent_by_ike,
    invariant=ike.phase1_invariant)
P1: dict[str, Expr] = {"initiator": P1_INIT, "responder": P1_RESP, "attempted": I_ATTEMPT, "answered": R_ATTEMPT}
EXCHANGE = ("rcv", "retransmission", "retry limit reached")
QUICK_INITIATOR = Comparison(
    QUICK_INITIATOR_TABLE, ike.quick_initiator,
    named(QUICK_INITIATOR_TABLE, on_its_way_out="quick-initiator message on its way out",
          on_its_way_in="quick-initiator message on its way in") | P1 | OUT, told_by_ike, sent_by_ike, EXCHANGE, ike.quick_invariant)
(SEEN,) = (var for var in QUICK_RESPONDER_TABLE.variables if var.name == "seen")
QUICK_RESPONDER = Comparison(
    QUICK_RESPONDER_TABLE, ike.quick_responder,
    named(QUICK_RESPONDER_TABLE, on_its_way_out="quick-responder message on its way out",
          on_its_way_in="quick-responder message on its way in") | P1 | OUT | each(SEEN) | each(SA_IN) | each(SA_FOR),
    told_by_ike, sent_by_ike, EXCHANGE, ike.quick_invariant)


INFORMATIONAL = Comparison(
    INFORMATIONAL_TABLE, ike.informational, named(INFORMATIONAL_TABLE, tcp="tcp.state") | P1 | OUT | each(SA_IN), told_by_ike, sent_by_ike,
    ("rcv", "SA deleted", "INITIAL-CONTACT", "Delete of another peer", "child deleted by peer"))
IKE = (PHASE1_INITIATOR, PHASE1_RESPONDER, QUICK_INITIATOR, QUICK_RESPONDER, INFORMATIONAL)


@pytest.mark.parametrize("one", IKE, ids=lambda one: one.table.name)
def test_ike(one: Comparison) -> None:
    found = differences(one)
    assert not found, report(found)


# -- the comparison itself ----------------------------------------------------------------------------------------

ALL = (TCP, BGP, BGP_MESSAGE, *IKE)


def faults(row: Row, cell: list[Row], states: tuple[Const, ...]) -> Iterator[Row]:
    """The row with another next state, without one of its actions, and with another row's actions under its own guard."""
    at = (row.state if row.next is None else row.next).code
    if len(states) > 1:
        yield replace(row, next=states[(at + 1) % len(states)])
    for number in range(len(row.actions)):
        yield replace(row, actions=row.actions[:number] + row.actions[number + 1:])
    instead = cell[(cell.index(row) + 1) % len(cell)]
    yield replace(row, actions=instead.actions, next=instead.next)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.table.name)
def test_a_planted_fault_is_caught(one: Comparison) -> None:
    """Every row is spoilt in turn in several ways. A fault that passes must be none: nothing it does is different."""
    caught = 0
    for row in one.table.rows:
        if one.events and row.event.name not in one.events:
            continue
        cell = list(one.table.cell(row.state, row.event))
        for fault in faults(row, cell, one.table.state.sort.consts()):
            rows = [fault if other is row else other for other in cell]
            if any(not same for _, same in compare_cell(one, row.state, row.event, rows, row.condition)):
                caught += 1
                continue
            passed = [case for case, same in compare_cell(one, row.state, row.event, rows, row.condition, cell) if not same]
            assert not passed, f"{row.key}: {passed[0]}"
    assert caught > len(one.table.rows) / 2


def test_the_page_has_the_counts() -> None:
    """docs/readings.md says what was compared."""
    page = (Path(__file__).parents[1] / "docs" / "readings.md").read_text(encoding="utf-8")
    for one in ALL:
        found = list(compare(one))
        cells = len({(case.state, case.event) for case, _ in found})
        line = f"| {one.table.name} | {cells} | {len(found)} | {sum(not same for _, same in found)} |"
        assert line in page, f"docs/readings.md, table of counts: it has to say {line}"
