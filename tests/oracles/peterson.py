"""Peterson's algorithm: two processes, each with a flag, and a shared turn.

Source: https://github.com/tlaplus/Examples, specifications/locks_auxiliary_vars: Peterson.tla and Peterson.cfg.
Counts: specifications/locks_auxiliary_vars/manifest.json.

TLC makes one successor for each true alternative of the guard of a3; in no reachable state are both true, so one row is
enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.action import Event, set_
from model.expr import BOOL, TRUE, Enum, Var
from model.system import Instance, Offer, System
from model.table import Table, row

DISTINCT, GENERATED, LEVELS = 42, 77, 11

PROCESSES = Enum("Process", "P1", "P2")
LABELS = Enum("Label", "a0", "a1", "a2", "a3", "cs", "a4")
A0, A1, A2, A3, CS, A4 = LABELS.consts()

FLAG = Var("shared", "flag", BOOL, index=PROCESSES, doc="the process wants the critical section")
TURN = Var("shared", "turn", PROCESSES, "P1", doc="who may go first")
STEP = Event("step", who="daemon")


def process(me: str, other: str) -> Table:
    """One process: each label is one atomic step."""
    lines = (
        row("outside", A0, STEP, TRUE, [], A1, "Peterson.tla, a0"),
        row("raise the flag", A1, STEP, TRUE, [set_(FLAG[me], True)], A2, "Peterson.tla, a1"),
        row("give way", A2, STEP, TRUE, [set_(TURN, other)], A3, "Peterson.tla, a2"),
        row("enter", A3, STEP, ~FLAG[other] | TURN.among(me), [], CS, "Peterson.tla, a3"),
        row("inside", CS, STEP, TRUE, [], A4, "Peterson.tla, cs"),
        row("lower the flag", A4, STEP, TRUE, [set_(FLAG[me], False)], A0, "Peterson.tla, a4"),
    )
    return Table(me, f"Process {me}", Var(me, "label", LABELS, A0), (STEP,), lines, place="world")


TABLES = (process("P1", "P2"), process("P2", "P1"))


def system(tables: Sequence[Table] = TABLES) -> System:
    """Both processes."""
    return System("oracle-peterson", [Instance("", table) for table in tables], [Offer("", table, STEP) for table in tables],
                  extra=[("", FLAG), ("", TURN)])
