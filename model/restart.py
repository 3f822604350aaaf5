"""An end restarts: what it knew of its connections is gone, what it is configured to do is not.

The fault is one stimulus of the world, because each end's tables hear of it in the same step. TCB, SPD entry of the connection,
SAD, phase 1 SAs, exchanges and the FSM are in memory and go without a message; readings, attributes of the session and the
neighbour's rules are configuration and stay. So do numbers that must not come again, which a real end draws at random: source
ports and initial sequence numbers, SPIs and message IDs, cookies. Each end restarts at most once, and only one of them.
"""

from __future__ import annotations

from model.action import Event, set_, signal
from model.expr import TRUE, Const, Enum, Expr, Item, Param, Var
from model.signals import END, RESTART
from model.table import ANY, Line, Table, row

TABLES_IN_MEMORY = ("tcp", "bgp", "binding", "spd", "ipsec", "phase1-initiator", "phase1-responder", "quick-initiator",
                    "quick-responder", "routes")
WHO = Enum("Restarted", "nobody", "A", "B")
NOBODY, _, _ = WHO.consts()
RESTARTED = Var("fault", "state", WHO, doc="which end has restarted")
at = Param("at", END)
RESTARTS = Event("restart", at, who="fault", doc="power failure, crash, or a daemon and its kernel replaced")


def forgotten(state: Var, *variables: Var, source: str, when: Expr = TRUE) -> Line:
    """A table's row for the restart of its end (`when`: where it is in memory): state and variables are as at first."""
    cells: list[Var | Item] = []
    for var in variables:
        cells += [var] if var.index is None else [var[code] for code in var.index.consts()]
    first = [set_(cell, Const(cell.sort, (cell.var if isinstance(cell, Item) else cell).initial)) for cell in cells]
    return row("restart", ANY, RESTART, when, first, Const(state.sort, state.initial), source)


RESTART_TABLE = Table(
    "fault", "An end loses what it had in memory", RESTARTED, (RESTARTS,),
    tuple(row(f"{end} restarts", NOBODY, RESTARTS(at=end), TRUE, [signal(table, RESTART, at=end) for table in TABLES_IN_MEMORY],
              WHO.const(end), "draft 3.4 l.549-551 (non-graceful restart); RFC 9293 3.5.1, half-open connections") for end in END.values),
    place="world")
