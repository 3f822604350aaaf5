"""`open-first`: the first message of each end of a connection is an OPEN (RFC 4271 8.2.2, draft 3.2)."""

from __future__ import annotations

from collections.abc import Iterator

from traces.audit.case import Case, between, named
from traces.audit.tracker import endpoint
from traces.audit.verdict import SATISFIED, UNDECIDED, VIOLATED, Finding

NAME = "open-first"
NOTHING = "no end sent any data"


def findings(case: Case) -> Iterator[Finding]:
    """What each stream with data begins with."""
    for one in case.connections:
        for end, stream in zip(one.ends, one.streams, strict=True):
            if stream.first is not None and not one.both:
                yield Finding(UNDECIDED, (stream.first[0],), f"{named(one)}: only {endpoint(end)}'s segments are in the file")
            elif stream.first is not None:
                frame, kind = stream.first
                yield Finding(SATISFIED if kind == "OPEN" else VIOLATED, (frame,), f"{named(one)}: {endpoint(end)} begins with {kind} "
                                                                                   f"(frame {frame})")
            elif stream.payload:
                assert stream.first_payload is not None
                why = stream.lost or ("its SYN is not in the file" if stream.start is None else
                                      "octets are missing before what is there" if stream.pieces else "too few octets to tell")
                yield Finding(UNDECIDED, (stream.first_payload,), f"{named(one)}: the beginning of {endpoint(end)}'s stream is not "
                                                                  f"known: {why}")
            elif stream.unseen:
                yield Finding(UNDECIDED, (one.frame,), f"{named(one)}: what {endpoint(end)} sent is not in the file")
    for sa in case.opaque:
        yield Finding(UNDECIDED, (sa.frame,), f"the data between {between(sa)} are in ESP that can't be read")
