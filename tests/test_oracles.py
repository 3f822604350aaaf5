"""The engines find what TLC has published for models of the public TLA+ examples, and something else if a guard is dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import pytest

from model.expr import TRUE, ModelError
from model.system import System
from model.table import Line, Table
from tests.oracles import ewd840, peterson, tcp_tla, two_phase
from verify.reference import explore


@dataclass(frozen=True)
class Oracle:
    """A model, its tables and the counts (distinct, generated, levels) that are known for it."""

    system: Callable[[Sequence[Table]], System]
    tables: Sequence[Table]
    counts: tuple[int, int, int]


def changed(tables: Iterable[Table], change: Callable[[Line], Iterable[Line]]) -> list[Table]:
    """The tables with each line replaced by what `change` makes of it."""
    return [replace(table, lines=tuple(new for line in table.lines for new in change(line))) for table in tables]


def without_guard(tables: Iterable[Table], name: str) -> list[Table]:
    """The tables with the guard of the rows of this name dropped."""
    return changed(tables, lambda line: [replace(line, guard=TRUE)] if line.name == name else [line])


def without_rows(tables: Iterable[Table], *names: str) -> list[Table]:
    """The tables without the rows of these names."""
    return changed(tables, lambda line: [] if line.name in names else [line])


ORACLES = {
    "tcp": Oracle(tcp_tla.system, tcp_tla.TABLES, (tcp_tla.DISTINCT, tcp_tla.GENERATED, tcp_tla.LEVELS)),
    "tcp without opens": Oracle(tcp_tla.system, without_rows(tcp_tla.TABLES, *tcp_tla.OPENS),
                                (tcp_tla.DISTINCT, tcp_tla.GENERATED_WITHOUT_OPENS, tcp_tla.LEVELS)),
    "two phase": Oracle(two_phase.system, two_phase.TABLES, (two_phase.DISTINCT, two_phase.GENERATED, two_phase.LEVELS)),
    "peterson": Oracle(peterson.system, peterson.TABLES, (peterson.DISTINCT, peterson.GENERATED, peterson.LEVELS)),
    "ewd840 of 3": Oracle(ewd840.system, ewd840.TABLES_OF_3,
                          (ewd840.DISTINCT_OF_3, ewd840.GENERATED_OF_3, ewd840.LEVELS_OF_3)),
    "ewd840 of 4": Oracle(ewd840.system, ewd840.TABLES, (ewd840.DISTINCT, ewd840.GENERATED, ewd840.LEVELS)),
}

GUARDS = [
    ("tcp", "reset the peer"), ("tcp", "FIN and ACK of FIN"),
    ("two phase", "note prepared"), ("two phase", "commit"), ("two phase", "told to commit"), ("two phase", "told to abort"),
    ("peterson", "enter"),
    ("ewd840 of 3", "activate"), ("ewd840 of 3", "deactivate"), ("ewd840 of 3", "pass the token, node passive"),
    ("ewd840 of 3", "start a probe, token black"),
]
ROWS = [
    ("tcp", "RST"), ("tcp", "FIN and ACK of FIN"), ("tcp", "2MSL"),
    *((name, row) for name in ("two phase", "peterson", "ewd840 of 3")
      for row in sorted({line.name for table in ORACLES[name].tables for line in table.lines})),
]


def counts_of(system: System) -> tuple[int, int, int]:
    """What the interpreter counts."""
    counts = explore(system)
    return counts.distinct, counts.generated, counts.levels


@pytest.mark.parametrize("name", ORACLES)
def test_the_interpreter_finds_the_published_counts(name: str) -> None:
    oracle = ORACLES[name]
    assert counts_of(oracle.system(oracle.tables)) == oracle.counts


@pytest.mark.parametrize("name", ORACLES)
def test_the_native_search_finds_the_published_counts(name: str) -> None:
    from verify.search import search

    oracle = ORACLES[name]
    counts = search(oracle.system(oracle.tables)).counts
    assert (counts.distinct, counts.generated, counts.levels) == oracle.counts


@pytest.mark.parametrize(("name", "row"), GUARDS)
def test_a_dropped_guard_changes_the_counts(name: str, row: str) -> None:
    oracle = ORACLES[name]
    assert counts_of(oracle.system(without_guard(oracle.tables, row))) != oracle.counts


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_dropped_row_changes_the_counts(name: str, row: str) -> None:
    oracle = ORACLES[name]
    assert counts_of(oracle.system(without_rows(oracle.tables, row))) != oracle.counts


def test_without_its_constraint_the_channel_overflows_loudly() -> None:
    system = tcp_tla.system()
    system.constraint = TRUE
    with pytest.raises(ModelError, match=r"impossible but reached: .*overflow"):
        explore(system)
