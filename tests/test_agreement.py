"""Engines that share nothing but the tables: what each says of the same claims, and that a contradiction is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.agreement import contradictions
from lockstep.api import results_of
from lockstep.report import DISAGREEMENT, PropertyResult, Report
from model import tcp
from model.expr import ModelError
from properties.presets import PRESETS
from properties.registry import HOLDS, UNDECIDED, VIOLATED, free_to_depth, in_runs, to_depth
from tests import runs
from tests.test_search import talkers
from verify.layout import Layout
from verify.reference import explore
from verify.search import search


def said(engine: str, verdict: str, length: int | None = None, **other: object) -> PropertyResult:
    """A verdict on one and the same question, unless `other` says otherwise."""
    one = PropertyResult("teardown", "no-plaintext-out", "draft", {}, {}, verdict, engine, 0, 0, 0, 0.0, length)
    return replace(one, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(("first", "second"), [
    (said("search", HOLDS), said("bmc", VIOLATED, 9)),
    (said("induction", HOLDS), said("walk", VIOLATED, 30)),
    (said("search", VIOLATED, 4), said("bmc", VIOLATED, 5)),
    (said("search", VIOLATED, 4), said("bmc", to_depth(4))),
    (said("search", VIOLATED, 4), said("walk", VIOLATED, 3)),
    (said("bmc", to_depth(6)), said("walk", VIOLATED, 6)),
    (said("search", VIOLATED, 4), said("induction", HOLDS)),
])
def test_both_cannot_be_right(first, second):
    for pair in ([first, second], [second, first]):
        (line,) = contradictions(pair)
        assert first.engine in line and second.engine in line
    assert Report((first, second), None, tuple(contradictions([first, second]))).exit_status() == DISAGREEMENT


@pytest.mark.parametrize(("first", "second"), [
    (said("search", VIOLATED, 4), said("bmc", to_depth(3))),
    (said("search", VIOLATED, 4), said("walk", VIOLATED, 11)),
    (said("search", VIOLATED, 4), said("walk", in_runs(400))),
    (said("search", HOLDS), said("induction", UNDECIDED)),
    (said("search", HOLDS), said("bmc", to_depth(12))),
    (said("search", HOLDS), said("bmc", VIOLATED, 2, preset="repaired")),
    (said("search", HOLDS), said("bmc", VIOLATED, 2, readings={"A:bind": "set"})),
    (said("search", HOLDS), said("bmc", VIOLATED, 2, bounds={"losses": 2})),
    (said("search", HOLDS), said("search", VIOLATED, 2, finding="F-01/order")),
])
def test_both_can_be_right(first, second):
    assert contradictions([first, second]) == contradictions([second, first]) == []


def test_the_depth_is_read_from_the_verdict():
    assert [free_to_depth(word) for word in (to_depth(0), to_depth(17), in_runs(5), HOLDS, VIOLATED)] == [0, 17, None, None, None]


# The headline claims ------------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def results():
    return [one for outcome in runs.by_every_engine().values() for one in results_of(outcome, {})]


def test_no_engine_contradicts_another(results):
    assert len(results) == len(runs.HEADLINES) * len(PRESETS) * 4
    assert contradictions(results) == []


def test_search_and_bmc_find_the_same_lengths_and_induction_no_other(results):
    verdicts = {(one.property, one.preset, one.engine): one for one in results}
    for name in runs.HEADLINES:
        for preset in PRESETS:
            search, bmc, induction = (verdicts[name, preset, engine] for engine in ("search", "bmc", "induction"))
            assert search.verdict in (HOLDS, VIOLATED)
            assert bmc.length == induction.length == search.length
            assert bmc.verdict == (VIOLATED if search.length else to_depth(runs.DEPTH))
            if search.verdict == HOLDS:
                assert induction.verdict == HOLDS and "cvc5" in induction.reason


def test_the_walk_finds_what_is_there(results):
    for one in results:
        if one.engine == "walk":
            (search,) = [other for other in results if (other.engine, other.property, other.preset) == ("search", one.property, one.preset)]
            assert (one.verdict == VIOLATED) == (search.verdict == VIOLATED)


@pytest.mark.parametrize("preset", PRESETS)
def test_simulated_runs_break_only_what_the_search_breaks(results, preset):
    broken = {one.property for one in results if (one.engine, one.preset, one.verdict) == ("search", preset, VIOLATED)}
    judged = {one.claim.name: one for one in runs.simulated(preset).judged()}
    assert judged and {name for name, one in judged.items() if one.broken} <= broken


# Planted faults: a guard and a frame condition in tests/test_symbolic.py, a stale timer in tests/test_sim.py, rows in
# tests/test_second_reading.py, and two more here ---------------------------------------------------------------------------------------

def test_a_wrong_capacity_is_noticed(monkeypatch):
    """The search is told of one slot where the wire has two."""
    system, queries, *_ = talkers(capacity={"wire": 2})
    right, counts = search(system, queries), explore(system)
    assert right.complete and right.counts == counts
    made = Layout._wire

    def short(self, *args):
        wire = made(self, *args)
        return replace(wire, capacity=wire.capacity - 1)

    monkeypatch.setattr(Layout, "_wire", short)
    wrong = search(system, queries)
    assert wrong.complete and wrong.counts != counts


@pytest.mark.parametrize("right", ["OK & acks", "(msg == UNACKED) | acks", "~ALL_ACKED & RTX"])
def test_a_python_word_in_a_guard_is_refused_when_the_table_is_built(right):
    """`and`, `or` and `not` would look at the truth of a formula while the table is built."""
    source = Path(tcp.__file__).read_text(encoding="utf-8")
    wrong = right.replace("~", "not ") if "~" in right else right.replace("&", "and").replace("|", "or")
    assert right in source
    with pytest.raises(ModelError, match=r"has no truth value while a table is built\. Write & for 'and'"):
        exec(compile(source.replace(right, wrong), "tcp.py", "exec"), {"__name__": "planted"})
