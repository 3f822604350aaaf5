"""The verdict words of a capture, and how verdicts add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SATISFIED, VIOLATED, UNDECIDED, NOT_APPLICABLE = "satisfied", "violated", "undecided", "not applicable"
WORST_FIRST = (VIOLATED, UNDECIDED, SATISFIED, NOT_APPLICABLE)
MOST_REASONS = 4


@dataclass(frozen=True)
class Verdict:
    """What the file says about a claim, with the frames it rests on and a sentence."""

    property: str
    verdict: str
    frames: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Finding:
    """One observation towards a verdict."""

    verdict: str
    frames: tuple[int, ...]
    reason: str


def add_up(name: str, findings: Iterable[Finding], otherwise: str) -> Verdict:
    """The worst of the findings, with all frames and the reasons of that kind; `otherwise` says why there is none."""
    every = list(findings)
    if not every:
        return Verdict(name, NOT_APPLICABLE, (), otherwise)
    worst = min((one.verdict for one in every), key=WORST_FIRST.index)
    same = [one for one in every if one.verdict == worst]
    reasons = list(dict.fromkeys(one.reason for one in same))
    more = [f"and {len(reasons) - MOST_REASONS} more like these"] if len(reasons) > MOST_REASONS else []
    told = "; ".join([*reasons[:MOST_REASONS], *more])
    return Verdict(name, worst, tuple(sorted({frame for one in same for frame in one.frames})), told)
