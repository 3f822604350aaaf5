"""The language refuses what would be a silent mistake, and says what to write instead."""

import pytest

from model.action import Event, set_
from model.expr import BOOL, Enum, ModelError, Range, Var, show, up
from model.table import STAY, Table, ignored, row

LIGHT = Enum("Light", "RED", "GREEN")
RED, GREEN = LIGHT.consts()
STATE = Var("lamp", "state", LIGHT)
COUNT = Var("lamp", "count", Range("Count", 2))
PRESS, TICK = Event("press"), Event("tick", who="timer")


def lamp(*lines):
    return Table("lamp", "A lamp", STATE, (PRESS, TICK), lines, (COUNT,))


def test_an_expression_has_no_truth_value():
    for use in (lambda: bool(COUNT == 1), lambda: (COUNT > 0) and (COUNT < 2), lambda: not (COUNT > 1), lambda: 0 < COUNT < 2):
        with pytest.raises(ModelError, match="Write & for 'and'"):
            use()


def test_a_gap_names_table_state_event_and_cure():
    with pytest.raises(ModelError, match=r"lamp: no row for GREEN on press\. Add a row, or ignored\(GREEN, press, source\)"):
        lamp(row("on", RED, PRESS, BOOL.const(True), [], GREEN, "here"))


def test_a_partial_gap_names_the_valuation():
    with pytest.raises(ModelError, match=r"no row for RED on press where lamp.count = 2"):
        lamp(row("on", RED, PRESS, COUNT < 2, [], GREEN, "here"), ignored(GREEN, PRESS, "here"))


def test_an_overlap_names_both_rows():
    with pytest.raises(ModelError, match=r"rows on and off overlap where lamp\.count = 0"):
        lamp(row("on", RED, PRESS, COUNT < 2, [], GREEN, "here"), row("off", RED, PRESS, COUNT == 0, [], STAY, "here"),
             ignored(RED, PRESS, "here", guard=COUNT == 2), ignored(GREEN, PRESS, "here"))


def test_a_row_without_source_is_refused():
    with pytest.raises(ModelError, match="every row cites its source"):
        row("on", RED, PRESS, BOOL.const(True), [], GREEN, " ")


def test_a_spontaneous_event_needs_no_row():
    table = lamp(row("on", RED, PRESS, BOOL.const(True), [set_(COUNT, up(COUNT))], GREEN, "here"), ignored(GREEN, PRESS, "here"))
    assert {one.key for one in table.rows} == {"on@RED", "ignore press@GREEN"}


def test_text():
    assert show((COUNT == 1) & ~(STATE == RED) | (COUNT < 1)) == "lamp.count = 1 and lamp.state != RED or lamp.count < 1"
