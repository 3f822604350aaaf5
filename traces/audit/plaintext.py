"""`no-plaintext`: no payload of a BGP connection outside ESP (draft 2 l.147-150, 3.2 l.436-439)."""

from __future__ import annotations

from collections.abc import Iterator

from traces.audit.case import Case, between, half_seen, named
from traces.audit.tracker import hosts
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding

NAME = "no-plaintext"
NOTHING = "no BGP connection that had to be protected is in the file"


def findings(case: Case) -> Iterator[Finding]:
    """What each connection that had to be protected shows."""
    for one in case.protected:
        copies = [frame for frame in one.plain_payload if frame in case.tracker.artefacts]
        leaked = [frame for frame in one.plain_payload if frame not in case.tracker.artefacts]
        if leaked and half_seen(case, one):
            yield Finding(UNDECIDED, tuple(leaked), f"{named(one)}: only one end's segments are outside ESP, beside ESP that can't be "
                                                    "read: a host's own "
                          "capture may show what it decapsulated; give --keys, or judge a capture from the wire")
        elif leaked:
            yield Finding(VIOLATED, tuple(leaked), f"{named(one)}: {one.plain_count - len(copies)} segments with data are outside ESP, "
                                                   "the first in "
                          f"frame {leaked[0]}")
        elif copies:
            yield Finding(UNDECIDED, tuple(copies), f"{named(one)}: {len(copies)} segments are outside ESP, but each repeats one that a "
                                                    "tunnel carried "
                          "just before: a host's own capture shows what it decapsulated; judge a capture from the wire")
        elif one.ah_payload is not None:
            yield Finding(UNDECIDED, (one.ah_payload,), f"{named(one)}: under AH: authenticated and readable; the draft speaks of ESP only")
        else:
            yield Finding(SATISFIED, (one.frame,), f"{named(one)}: {'all its data are in ESP' if one.carried else 'it carried no data'}")
    for sa in case.opaque:
        if sa.hints_bgp or hosts(sa.source, sa.target) in case.protect:
            yield Finding(SATISFIED, (sa.frame,), f"no BGP data outside ESP; what is in ESP between {between(sa)} can't be read")
        else:
            yield Finding(UNDECIDED, (sa.frame,), f"ESP between {between(sa)} can't be read: no BGP data are outside it, but nothing "
                                                  "tells whether BGP "
                          "is in it; give --keys")
