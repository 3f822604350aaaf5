"""All claims and response properties, and the five verdict words."""

from __future__ import annotations

from properties import attack, binding, collision, deletion, endings, liveness, opening, phase1, plaintext, threats
from properties.claim import Claim
from properties.response import Response

FAMILIES = (plaintext, deletion, opening, binding, phase1, attack, threats, endings, collision)
CLAIMS: dict[str, Claim] = {one.name: one for family in FAMILIES for one in family.CLAIMS}
RESPONSES: dict[str, Response] = {one.name: one for one in liveness.RESPONSES}
PROPERTIES: dict[str, Claim | Response] = {**CLAIMS, **RESPONSES}

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


def responses_of(slice_name: str) -> tuple[Response, ...]:
    """The response properties registered with a slice."""
    return tuple(one for one in RESPONSES.values() if slice_name in one.slices)


def without_attacker() -> tuple[Claim, ...]:
    """The claims that mean something where no attacker acts, as in a simulation: there a session that ends was not attacked."""
    return tuple(claim for claim in CLAIMS.values() if claim.slices != ("attacker",))
