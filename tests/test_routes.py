"""The routes of a peer that may restart, against RFC 4724 4 and 4.2, read once more."""

from __future__ import annotations

from itertools import product

import pytest

from model.action import action_exprs
from model.expr import Var, walk
from model.routes import ROUTES_TABLE
from model.slices import TABLES
from model.system import open_system
from properties.registry import CLAIMS
from verify.step import Disabled, Stimulus, step

SYSTEM = open_system(ROUTES_TABLE)
AT = {str(slot): at for at, slot in enumerate(SYSTEM.slots)}


def becomes(state: str, event: str, notified: bool, helper: bool, running: bool) -> tuple[str, bool]:
    """The routes, and whether the RestartTimer runs."""
    cells = list(SYSTEM.initial[0])
    for name, value in {"A.routes.state": state, "A.gr": "helper" if helper else "off"}.items():
        sort = SYSTEM.slots[AT[name]].sort
        assert sort is not None
        cells[AT[name]] = sort.code(value)
    cells[AT["A.routes.RestartTimer"]] = int(running)
    args = (int(notified),) if event == "session down" else ()
    after = SYSTEM.describe(step(SYSTEM, tuple(cells), Stimulus("A", "routes", event, args)).after)
    return after["A.routes.state"], after["A.routes.RestartTimer"] == "true"


def rfc_4724(state: str, event: str, notified: bool, helper: bool, running: bool) -> tuple[str, bool]:
    match event:
        case "restart":
            return "none", False
        case "RestartTimer_Expires":  # "if the session does not get re-established within the Restart Time": delete all the stale routes
            return "none", False
        case _ if not helper:  # no capability was exchanged: the procedures do not apply
            return state, running
        case "session up":  # the session is re-established: the peer's UPDATEs replace what is stale
            return "fresh", False
        case _ if state != "fresh":
            return state, running
        case _ if notified:  # "the normal BGP procedures MUST be followed when the TCP session terminates due to ... a NOTIFICATION"
            return "none", running
        case _:  # MUST retain the routes and MUST mark them as stale; a timer for the Restart Time
            return "stale", True


@pytest.mark.parametrize("state", ROUTES_TABLE.state.sort.values)
def test_rfc_4724(state: str) -> None:
    for event, notified, helper, running in product((one.name for one in ROUTES_TABLE.events), *[(False, True)] * 3):
        case = (state, event, notified, helper, running)
        if event == "RestartTimer_Expires" and state != "stale":
            with pytest.raises(Disabled):
                becomes(*case)
        else:
            assert becomes(*case) == rfc_4724(*case), case


def test_no_other_table_and_no_claim_reads_the_routes() -> None:
    """So a run is the same, and breaks the same claims, wherever the routes start: model.slices.deciding may leave `gr` out."""
    others = [expr for table in TABLES.values() if table is not ROUTES_TABLE for one in table.rows
              for expr in (one.condition, *(each for action in one.actions for each in action_exprs(action)))]
    monitors = [one for claim in CLAIMS.values() for one in claim.monitors]
    claims = [*(claim.violated for claim in CLAIMS.values()), *(expr for one in monitors for expr in (one.when, one.until))]
    read = {leaf.table for expr in (*others, *claims) for leaf in walk(expr) if isinstance(leaf, Var)}
    assert "bgp" in read and ROUTES_TABLE.name not in read
