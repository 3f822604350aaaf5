"""`sa-before-syn`: phase 1 and quick mode are over before the SYN, which leaves in the SA (draft 3.2 l.436-439)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from traces.audit.case import Case, between, half_seen, named
from traces.audit.pairs import by_hand
from traces.audit.tracker import Association, hosts
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding
from traces.capture import tcp
from traces.capture.tcp import Connection

NAME = "sa-before-syn"
NOTHING = "no BGP connection that had to be protected is in the file"


def findings(case: Case) -> Iterator[Finding]:
    """What the SYN of each connection that had to be protected shows."""
    for one in case.protected:
        if one.syn is None:
            yield Finding(UNDECIDED, (one.frame,), f"{named(one)}: its SYN is not in the file")
            continue
        frame, mode = one.syn
        if mode == tcp.PLAIN and half_seen(case, one):
            yield Finding(UNDECIDED, (frame,), f"{named(one)}: its SYN (frame {frame}) is outside ESP, but only one end's segments are, "
                                               "beside ESP that "
                          "can't be read: a host's own capture may show what it decapsulated")
        elif mode == tcp.PLAIN:
            yield Finding(VIOLATED, (frame,), f"{named(one)}: its SYN (frame {frame}) is outside any SA")
        else:
            yield _in_sa(case, one, frame, next(sa for number, use in one.sas.items() if use.first <= frame <= use.last
                                                for sa in [case.tracker.associations[number]]))
    for sa in case.opaque:
        yield Finding(UNDECIDED, (sa.frame,), f"the SYN between {between(sa)} is in ESP that can't be read, if there is one")


def _in_sa(case: Case, one: Connection, frame: int, sa: Association) -> Finding:
    """A SYN in an SA: as many quick modes must be over before it as SAs of its direction have been used."""
    two = hosts(sa.source, sa.target)
    ike, ready = case.tracker.ike.get(two), case.ready.get(two, [])
    if ike is None:
        if by_hand(case.tracker, one):
            return Finding(VIOLATED, (frame,), f"{named(one)}: its SYN (frame {frame}) is in an SA keyed by hand: no IKE in the file, "
                           f"and SPI {sa.spi:08x} is none that IKE would choose")
        return Finding(UNDECIDED, (frame,), f"{named(one)}: its SYN (frame {frame}) is in an SA, but no IKE is in the file: it may have "
                                            "come before")
    if ike.version2 is not None and not ike.quick:
        return Finding(UNDECIDED, (frame, ike.version2), f"{named(one)}: keyed by IKEv2, which is outside the draft: it has no phases")
    before = bisect_left(ready, frame, key=lambda one: one.frame)
    if before < sa.nth:
        return Finding(UNDECIDED, (frame,), f"{named(one)}: its SYN (frame {frame}) is in SA number {sa.nth} of its direction, but only "
                                            f"{before} "
                       "quick modes are whole in the file before it")
    last = ready[before - 1]
    return Finding(SATISFIED, (last.frame, frame), f"{named(one)}: quick mode ends in frame {last.frame}, the SYN in the SA is frame "
                                                   f"{frame}")
