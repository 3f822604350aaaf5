"""What every composition remembers besides its tables, so that claims can speak of what happened before."""

from __future__ import annotations

from model.expr import BOOL, FALSE, Sent, Var
from model.signals import DATA, OPEN_MSG, kind, msg
from model.system import Monitor

OPENED = Var("history", "OPEN-sent", BOOL, doc="this end has sent its BGP OPEN")
ALWAYS_KEPT = tuple(Monitor(end, OPENED, Sent("segments", (kind == DATA) & (msg == OPEN_MSG)), FALSE) for end in ("A", "B"))
