"""A capture against the five claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from traces.audit import lifetime, opening, order, plaintext, sharing
from traces.audit.case import Case, case, of_pair, pairs_of
from traces.audit.tracker import Hosts, Tracker
from traces.audit.verdict import UNDECIDED, VIOLATED, Finding, Verdict, add_up
from traces.capture.esp import Keys
from traces.capture.files import Capture, Record
from traces.fit.notes import Notes

CLAIMS: tuple[ModuleType, ...] = (plaintext, lifetime, sharing, order, opening)
MOST_PAIRS = 200
TOLD_EVERY = 1 << 16  # packets
TIME_WAIT = 60.0  # seconds, as Linux has it; RFC 9293 says 2 MSL, that is 240


@dataclass(frozen=True)
class Audit:
    """The verdicts of a capture, and what they rest on."""

    capture: Capture
    case: Case
    verdicts: tuple[Verdict, ...]

    @property
    def notes(self) -> list[str]:
        """What limits the verdicts: how the file ended, what was left out."""
        tracker = self.case.tracker
        links = ", ".join(f"{count:,} frames of link type {kind}" for kind, count in tracker.unknown_links.items())
        return [*([self.capture.problem] if self.capture.problem else []),
                *([f"{links} are not read: that link type is not known"] if links else []),
                *([f"{tracker.cut:,} frames are cut short by the snapshot length"] if tracker.cut else []),
                *([f"time goes back in frames {', '.join(map(str, tracker.steps_back[:5]))}"] if tracker.steps_back else []),
                *([tracker.incomplete] if tracker.incomplete else []),
                *([f"the ladder stops at {limit:,} steps" for what, limit in tracker.unnoted.items() if what == "steps of the ladder"])]


def audit(path: Path, keys: Sequence[Keys] = (), protect: Sequence[Hosts] = (), time_wait: float = TIME_WAIT,
          progress: Callable[[int], None] | None = None, notes: Notes | None = None) -> Audit:
    """Read a capture and judge it; `progress` hears now and then how many packets were read; `notes`, where they are given, are what
    `traces.fit` needs of the connections. Ctrl-C ends the reading, not the judging.

    Raises traces.capture.files.CaptureError, OSError.
    """
    capture, tracker = Capture(path), Tracker(keys, notes)
    try:
        tracker.run(capture if progress is None else _counted(capture, progress))
    except KeyboardInterrupt:
        capture.problem = f"interrupted after record {tracker.packets:,}"
    seen = case(tracker, round(time_wait * 1e9), tuple(protect), capture.problem)
    return Audit(capture, seen, tuple(judge(seen, claim) for claim in CLAIMS))


def _counted(records: Iterable[Record], progress: Callable[[int], None]) -> Iterator[Record]:
    for one in records:
        if one.number % TOLD_EVERY == 0:
            progress(one.number)
        yield one


def judge(seen: Case, claim: ModuleType) -> Verdict:
    """One claim's verdict. Where the file or the tables of the tracker are not whole, nothing that rests on absence is satisfied."""
    found: list[Finding] = list(claim.findings(seen))
    verdict = add_up(claim.NAME, found, claim.NOTHING)
    gap = seen.tracker.incomplete
    if gap is not None and verdict.verdict != VIOLATED and seen.tracker.packets:
        return Verdict(claim.NAME, UNDECIDED, verdict.frames, gap)
    return verdict


def by_pair(result: Audit) -> list[tuple[Hosts, tuple[Verdict, ...]]]:
    """The verdicts of each pair of neighbours; the first ones of more than MOST_PAIRS."""
    seen = result.case
    return [(pair, tuple(judge(of_pair(seen, pair), claim) for claim in CLAIMS)) for pair in pairs_of(seen)[:MOST_PAIRS]]
