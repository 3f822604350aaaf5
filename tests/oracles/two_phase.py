"""Two-phase commit of three resource managers; messages are never lost, and can be read again.

Source: https://github.com/tlaplus/Examples, specifications/transaction_commit: TwoPhase.tla and TwoPhase.cfg.
Counts: specifications/transaction_commit/manifest.json.

The set of messages sent is one bit for each possible message.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.action import Event, set_
from model.expr import BOOL, TRUE, Enum, Param, Var, conj
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, row

DISTINCT, GENERATED, LEVELS = 288, 1146, 11

MANAGERS = Enum("Manager", "r1", "r2", "r3")
DECISIONS = Enum("Decision", "init", "committed", "aborted")
INIT, TM_COMMITTED, TM_ABORTED = DECISIONS.consts()
STATES = Enum("State", "working", "prepared", "committed", "aborted")
WORKING, PREPARED, COMMITTED, ABORTED = STATES.consts()

SENT_PREPARED = Var("messages", "prepared", BOOL, index=MANAGERS, doc="manager r has sent Prepared")
SENT_COMMIT = Var("messages", "commit", BOOL, doc="the transaction manager has sent Commit")
SENT_ABORT = Var("messages", "abort", BOOL, doc="the transaction manager has sent Abort")
HAS_PREPARED = Var("tm", "prepared", BOOL, index=MANAGERS, doc="the transaction manager has seen r's Prepared")

R = Param("r", MANAGERS)
RECEIVE_PREPARED = Event("receive Prepared", R, who="network")
DECIDE_COMMIT, DECIDE_ABORT = Event("decide commit", who="daemon"), Event("decide abort", who="daemon")
PREPARE, CHOOSE_ABORT = Event("prepare", who="daemon"), Event("choose abort", who="daemon")
RECEIVE_COMMIT, RECEIVE_ABORT = Event("receive Commit", who="network"), Event("receive Abort", who="network")


def transaction_manager() -> Table:
    """Collects Prepared from all and decides."""
    all_prepared = conj(*(HAS_PREPARED[r] for r in MANAGERS.consts()))
    lines = (
        row("note prepared", INIT, RECEIVE_PREPARED, SENT_PREPARED[R], [set_(HAS_PREPARED[R], True)], STAY,
            "TwoPhase.tla, TMRcvPrepared"),
        row("commit", INIT, DECIDE_COMMIT, all_prepared, [set_(SENT_COMMIT, True)], TM_COMMITTED, "TwoPhase.tla, TMCommit"),
        row("abort", INIT, DECIDE_ABORT, TRUE, [set_(SENT_ABORT, True)], TM_ABORTED, "TwoPhase.tla, TMAbort"),
    )
    return Table("tm", "The transaction manager", Var("tm", "state", DECISIONS, INIT),
                 (RECEIVE_PREPARED, DECIDE_COMMIT, DECIDE_ABORT), lines, (HAS_PREPARED,), place="world")


def resource_manager(name: str) -> Table:
    """Prepares or gives up of its own accord, and does what the transaction manager has decided."""
    lines = (
        row("prepare", WORKING, PREPARE, TRUE, [set_(SENT_PREPARED[name], True)], PREPARED, "TwoPhase.tla, RMPrepare"),
        row("give up", WORKING, CHOOSE_ABORT, TRUE, [], ABORTED, "TwoPhase.tla, RMChooseToAbort"),
        row("told to commit", ANY, RECEIVE_COMMIT, SENT_COMMIT, [], COMMITTED, "TwoPhase.tla, RMRcvCommitMsg"),
        row("told to abort", ANY, RECEIVE_ABORT, SENT_ABORT, [], ABORTED, "TwoPhase.tla, RMRcvAbortMsg"),
    )
    return Table(name, f"Resource manager {name}", Var(name, "state", STATES, WORKING),
                 (PREPARE, CHOOSE_ABORT, RECEIVE_COMMIT, RECEIVE_ABORT), lines, place="world")


TABLES = (transaction_manager(), *(resource_manager(name) for name in MANAGERS.values))


def system(tables: Sequence[Table] = TABLES) -> System:
    """The transaction manager and three resource managers."""
    return System("oracle-two-phase", [Instance("", table) for table in tables],
                  [Offer("", table, event) for table in tables for event in table.events],
                  extra=[("", SENT_PREPARED), ("", SENT_COMMIT), ("", SENT_ABORT)])
