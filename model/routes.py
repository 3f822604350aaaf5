"""What an end keeps of its peer's routes where graceful restart was negotiated (RFC 4724), as its reading `gr` says.

None, fresh while the session is up, or stale from its end until the peer is back. One table an end, whatever connections it has.
Without graceful restart the routes live and die with the session (RFC 4271 8.2.2: deletes all routes); the table stays in `none`.

NOTE: UPDATEs are left out, and End-of-RIB with them: the routes are fresh again as soon as the session is up again.
NOTE: a NOTIFICATION, the hold timer's included, is followed by the normal procedures (RFC 4724 4); RFC 8538 changed that later.
"""

from __future__ import annotations

from model.action import Event, start, stop
from model.expr import BOOL, TRUE, Enum, Var
from model.readings import reading
from model.restart import forgotten
from model.signals import RESTART, ROUTES_DOWN, ROUTES_UP, notified
from model.table import ANY, Table, ignored, row

ROUTES = Enum("Routes", "none", "fresh", "stale")
NONE, FRESH, STALE = ROUTES.consts()
ROUTES_STATE = Var("routes", "state", ROUTES, doc="what is kept of the peer's routes for graceful restart")
RESTART_TIMER = Var("routes", "RestartTimer", BOOL, doc="running")
RESTART_TIMER_EXPIRES = Event("RestartTimer_Expires", who="timer", timer=RESTART_TIMER, doc="the peer's Restart Time is over")

HELPS = reading("gr") == "helper"

ROUTES_TABLE = Table(
    "routes", "Routes of a peer that may restart (RFC 4724)", ROUTES_STATE,
    (ROUTES_UP, ROUTES_DOWN, RESTART_TIMER_EXPIRES, RESTART), (
        row("session up", ANY, ROUTES_UP, HELPS, [stop(RESTART_TIMER)], FRESH, "RFC 4724 4.2: stale routes are replaced"),
        ignored(ANY, ROUTES_UP, "RFC 4271 3.2: routes live and die with the session", ~HELPS, "no graceful restart"),
        row("session lost: routes stale", FRESH, ROUTES_DOWN, HELPS & ~notified, [start(RESTART_TIMER)], STALE,
            "RFC 4724 4.2: MUST retain the routes, MUST mark them as stale"),
        row("NOTIFICATION: routes deleted", FRESH, ROUTES_DOWN, HELPS & notified, [], NONE,
            "RFC 4724 4: normal procedures MUST be followed"),
        ignored(FRESH, ROUTES_DOWN, "RFC 4271 8.2.2 Established: deletes all routes", ~HELPS, "session down: no graceful restart"),
        ignored((NONE, STALE), ROUTES_DOWN, "RFC 4724 4.2: of a session that was up", name="session down: nothing fresh"),
        row("RestartTimer expires: routes deleted", STALE, RESTART_TIMER_EXPIRES, TRUE, [stop(RESTART_TIMER)], NONE,
            "RFC 4724 4.2: not re-established within the Restart Time: MUST delete all the stale routes"),
        forgotten(ROUTES_STATE, RESTART_TIMER, source="draft 3.4 l.549-551: what is in memory goes"),
    ), (RESTART_TIMER,), place="end")
