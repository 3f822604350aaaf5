"""`no-plaintext`: no payload of a BGP connection outside ESP (draft 2 l.147-150, 3.2 l.436-439)."""

from __future__ import annotations

from collections.abc import Iterator

from traces.audit.case import Case, between, named
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding
from traces.capture import tcp

NAME = "no-plaintext"
NOTHING = "no BGP connection in the file"


def findings(case: Case) -> Iterator[Finding]:
    """What each connection that had to be protected shows."""
    for one in case.protected:
        copies = [frame for frame in one.plain_payload if frame in case.tracker.artefacts]
        leaked = [frame for frame in one.plain_payload if frame not in case.tracker.artefacts]
        if leaked:
            yield Finding(VIOLATED, tuple(leaked), f"{named(one)}: {len(leaked)} segments with data are outside ESP, the first in frame {leaked[0]}")
        elif copies:
            yield Finding(UNDECIDED, tuple(copies), f"{named(one)}: {len(copies)} segments are outside ESP, but each repeats one that a tunnel carried "
                          "just before: a host's own capture shows what it decapsulated; judge a capture from the wire")
        elif one.ah_payload:
            yield Finding(UNDECIDED, tuple(one.ah_payload[:1]), f"{named(one)}: under AH: authenticated and readable; the draft speaks of ESP only")
        else:
            how = "in ESP" if tcp.ESP in one.modes else "not there"
            yield Finding(SATISFIED, (one.frame,), f"{named(one)}: all data are {how}")
    for sa in case.opaque:
        if sa.hints_bgp:
            yield Finding(SATISFIED, (sa.frame,), f"no BGP data outside ESP; what is in ESP between {between(sa)} is cut short")
        else:
            yield Finding(UNDECIDED, (sa.frame,), f"ESP between {between(sa)} can't be read: no BGP data are outside it, but nothing tells whether BGP "
                          "is in it; give --keys")
