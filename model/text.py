"""A table as text that a protocol engineer can hold beside the RFC."""

from __future__ import annotations

from dataclasses import dataclass

from model.expr import TRUE, Var, show
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


def text_row(row: Row) -> TextRow:
    number = f"{row.event.number} " if row.event.number else ""
    after = "same" if row.next is None else show(row.next)
    guard = "" if row.guard is TRUE else show(row.guard)
    return TextRow(show(row.state), number + row.pattern, guard, "; ".join(map(str, row.actions)), after, row.name, row.source)


def rows(table: Table, state: str | None = None) -> list[TextRow]:
    """The rows in words, in the order of states and events. `state`: of that state only."""
    return [text for text in map(text_row, table.rows) if state in (None, text.state)]


def variables(table: Table) -> list[str]:
    """The table's variables besides its state, one line each."""
    return [_declared(var) for var in table.variables]


def _declared(var: Var) -> str:
    each = f" for each {var.index}" if var.index is not None else ""
    return f"{var.table}.{var.name}: {', '.join(var.sort.values)}{each}" + (f". {var.doc}" if var.doc else "")


def markdown(table: Table) -> str:
    """The table as Markdown: title, variables, one line a row."""
    lines = [f"# {table.name}", "", f"{table.title}. {len(table.rows)} rows.", ""]
    lines += [f"- {text}" for text in variables(table)]
    lines += [""] if table.variables else []
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in one.cells()) + " |" for one in rows(table)]
    return "\n".join(lines) + "\n"
