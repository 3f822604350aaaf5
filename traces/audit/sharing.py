"""`one-sa-per-connection`: an SA carries the segments of one TCP connection only (draft 3.1 l.407-412)."""

from __future__ import annotations

from collections.abc import Iterator

from traces.audit.case import Case, between, named, spi
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding

NAME = "one-sa-per-connection"
NOTHING = "no BGP connection uses an SA"


def findings(case: Case) -> Iterator[Finding]:
    """What each SA under a BGP connection shows. Several SAs under one connection are a rekey, or the kernel's choice: no sharing."""
    tracker = case.tracker
    numbers = dict.fromkeys(number for one in case.connections for number in one.sas)
    for sa in (tracker.associations[number] for number in numbers):
        users = [tracker.connections[number] for number in sa.connections]
        if len(users) > 1:
            frames = tuple(one.sas[sa.number].first for one in users)
            yield Finding(VIOLATED, frames, f"SA {spi(sa)} carries {len(users)} connections: {', '.join(named(one) for one in users[:3])}"
                          + (", ..." if len(users) > 3 else ""))
        elif sa.cut:
            yield Finding(UNDECIDED, (sa.frame,), f"SA {spi(sa)}: {sa.cut} of its packets are cut short")
        else:
            yield Finding(SATISFIED, (sa.frame,), f"SA {spi(sa)} carries {named(users[0])} only")
    for sa in case.opaque:
        yield Finding(UNDECIDED, (sa.frame,), f"what is in SA {spi(sa)} between {between(sa)} can't be read")
