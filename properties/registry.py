"""All claims and the five verdict words."""

from __future__ import annotations

from properties import attack, binding, deletion, endings, plaintext, threats
from properties.claim import Claim

CLAIMS: dict[str, Claim] = {one.name: one for family in (plaintext, deletion, binding, attack, threats, endings) for one in family.CLAIMS}

VIOLATED = "violated"
HOLDS = "holds"
UNDECIDED = "undecided"


def to_depth(depth: int) -> str:
    """Bounded symbolic search found nothing."""
    return f"no violation to depth {depth}"


def free_to_depth(verdict: str) -> int | None:
    """The depth of a verdict of `to_depth`; None for other verdicts."""
    words = verdict.rpartition(" ")
    return int(words[2]) if words[0] == to_depth(0).rpartition(" ")[0] else None


def in_runs(runs: int) -> str:
    """Sampling found nothing."""
    return f"no violation in {runs} runs"


def claims_of(slice_name: str) -> tuple[Claim, ...]:
    """The claims registered with a slice."""
    return tuple(claim for claim in CLAIMS.values() if slice_name in claim.slices)
