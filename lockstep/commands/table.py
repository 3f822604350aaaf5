"""``lockstep table``"""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json

EPILOG = examples("lockstep table tcp", "lockstep table bgp --state OpenSent")


def table(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The table; a list of all if none is given.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Rows of this state only.")] = None,
    as_json: Json = False,
) -> None:
    """Print a protocol table, or list the tables.

    Columns: state, event, guard, actions, next, row, source.
    """
    with one_line_errors():
        from lockstep import screen
        from lockstep.choice import UsageError
        from model.slices import TABLES
        from model.text import COLUMNS, rows

        if name is None:
            listed = [{"table": one.name, "title": one.title, "rows": len(one.rows)} for one in TABLES.values()]
            if as_json:
                print_json(listed)
            else:
                screen.print_columns(("table", "title", "rows"), [tuple(map(str, one.values())) for one in listed])
            return
        if name not in TABLES:
            raise UsageError(f"table {name!r}: there is no such table; there are {', '.join(TABLES)}")
        states = TABLES[name].state.sort.values
        if state is not None and state not in states:
            raise UsageError(f"state {state!r}: table {name} has no such state; it has {', '.join(states)}")
        chosen = rows(TABLES[name], state)
        if as_json:
            print_json({"table": name, "rows": [dict(zip(COLUMNS, one.cells(), strict=True)) for one in chosen]})
        else:
            screen.print_columns(COLUMNS, [one.cells() for one in chosen], TABLES[name].title)
