"""A table as text that a protocol engineer can hold beside the RFC.

A row's state is known, so what its guard and actions say about that state is worked out before they are shown; of a
message or signal only those arguments are shown that differ from their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.action import Action, Put, Set, Signal
from model.expr import BOOL, FALSE, TRUE, Const, Expr, Op, Param, Range, Var, conj, disj, show
from model.table import Row, Table

COLUMNS = ("state", "event", "guard", "actions", "next", "row", "source")


@dataclass(frozen=True)
class TextRow:
    """One row in words; `number` is the event's, where the RFC numbers its events."""

    state: str
    event: str
    guard: str
    actions: str
    next: str
    row: str
    source: str

    def cells(self) -> tuple[str, ...]:
        return (self.state, self.event, self.guard, self.actions, self.next, self.row, self.source)


def text_row(table: Table, row: Row) -> TextRow:
    number = f"{row.event.number} " if row.event.number else ""
    after = "same" if row.next is None else show(row.next)
    guard = folded(row.guard, table.state, row.state)
    actions = "; ".join(_action(action, table.state, row.state) for action in row.actions)
    return TextRow(show(row.state), number + row.pattern, "" if guard is TRUE else show(guard), actions, after, row.name, row.source)


def folded(expr: Expr, known: Var, value: Const) -> Expr:
    """The expression where the variable `known` has that value. Comparisons of it, and what hangs on them, are worked out."""
    if expr is known:
        return value
    if not isinstance(expr, Op):
        return expr
    kids = tuple(folded(kid, known, value) for kid in expr.children)
    if expr.op == "and":
        return FALSE if any(kid is FALSE for kid in kids) else conj(*kids)
    if expr.op == "or":
        return TRUE if any(kid is TRUE for kid in kids) else disj(*kids)
    if expr.op == "not" and isinstance(kids[0], Const):
        return FALSE if kids[0].code else TRUE
    if expr.op == "not" and isinstance(kids[0], Op) and kids[0].op == "not":
        return kids[0].children[0]
    if expr.op == "eq" and isinstance(kids[0], Const) and isinstance(kids[1], Const):
        return TRUE if kids[0].code == kids[1].code else FALSE
    if expr.op == "ite" and isinstance(kids[0], Const):
        return kids[1] if kids[0].code else kids[2]
    return Op(expr.op, kids, expr.sort)


def _action(action: Action, known: Var, value: Const) -> str:
    if isinstance(action, Signal):
        event = action.call.event
        given = {p.name: folded(action.call.value(p), known, value) for p in event.params if p.name in action.call.args}
        inner = _arguments({param.name: param for param in event.params}, given)
        return f"{action.table}: {event.name}" + (f"({inner})" if inner else "")
    if isinstance(action, Put):
        given = {name: folded(expr, known, value) for name, expr in action.fields.items()}
        return f"wire {action.channel.table}: {_arguments({param.name: param for param in action.channel.fields}, given)}"
    if type(action) is Set:
        return str(Set(action.target, folded(action.value, known, value)))
    return str(action)


def _arguments(params: Mapping[str, Param], given: Mapping[str, Expr]) -> str:
    """Those that differ from their defaults: a constant speaks for itself, the rest as name=value."""
    return ", ".join(_argument(params[name], expr) for name, expr in given.items() if not _is_default(params[name], expr))


def _argument(param: Param, expr: Expr) -> str:
    if expr is param:
        return param.name
    if not isinstance(expr, Const) or isinstance(param.sort, Range):
        return f"{param.name}={show(expr)}"
    if param.sort is BOOL:
        return param.name if expr.code else f"not {param.name}"
    return show(expr)


def _is_default(param: Param, expr: Expr) -> bool:
    return isinstance(expr, Const) and isinstance(param.default, Const) and expr.code == param.default.code


def rows(table: Table, state: str | None = None) -> list[TextRow]:
    """The rows in words, in the order of states and events. `state`: of that state only."""
    return [text for text in (text_row(table, row) for row in table.rows) if state in (None, text.state)]


def variables(table: Table) -> list[str]:
    """The table's variables besides its state, one line each."""
    return [_declared(var) for var in table.variables]


def _declared(var: Var) -> str:
    each = f" for each {var.index}" if var.index is not None else ""
    return f"{var.table}.{var.name}: {', '.join(var.sort.values)}{each}" + (f". {var.doc}" if var.doc else "")


def markdown_rows(texts: list[TextRow]) -> list[str]:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in one.cells()) + " |" for one in texts)]


def markdown(table: Table) -> str:
    """The table as Markdown: title, variables, one line a row."""
    lines = [f"# {table.name}", "", f"{table.title}. {len(table.rows)} rows.", ""]
    lines += [f"- {text}" for text in variables(table)]
    lines += [""] if table.variables else []
    return "\n".join([*lines, *markdown_rows(rows(table))]) + "\n"
