"""What a finding is: preset, readings, claim, and the cause that its witness must show.

The cause keeps a shorter witness of another finding from standing in for this one: it is remembered as a history bit from
the step in which it happens, and the witness ends where the claim breaks with the bit set. `pilot` is the length that a
throw-away model needed (for L-, which no pilot had, the length it was found with); ours is shown to be no longer, or `longer`
says why it is.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.expr import BOOL, FALSE, TRUE, Expr, Peer, Post, Var, conj
from model.system import Monitor
from properties.claim import Claim
from properties.registry import CLAIMS


@dataclass(frozen=True, eq=False)
class Cause:
    """What a finding's witness must show, at either end, before or in the step that breaks the claim."""

    name: str
    when: Expr

    @property
    def seen(self) -> Var:
        """The history bit that remembers it."""
        return Var("history", f"cause-{self.name}", BOOL, doc="the cause of a finding has shown")


@dataclass(frozen=True, eq=False)
class Finding:
    """One known finding of a slice under a preset with some readings changed. `last`: what the step that breaks the claim must
    itself show, where that the cause came before is not enough."""

    name: str
    title: str
    slice: str
    property: str
    cause: Cause
    pilot: int
    readings: Mapping[str, str] = field(default_factory=dict)
    preset: str = "draft"
    source: str = ""
    bounds: Mapping[str, int] = field(default_factory=lambda: {"attacks": 0, "copies": 0})
    last: Expr = TRUE
    longer: str = ""

    @builtins.property
    def claim(self) -> Claim:
        return CLAIMS[self.property]

    @builtins.property
    def monitors(self) -> tuple[Monitor, ...]:
        return (*self.claim.monitors, *(Monitor(end, self.cause.seen, self.cause.when, FALSE) for end in ("A", "B")))

    @builtins.property
    def when(self) -> Expr:
        """The claim breaks in a step as `last` wants it, and the cause has shown at either end, in this step or before."""
        return conj(self.claim.violated, self.last, Post(self.cause.seen | Peer(self.cause.seen)))


def both(**values: str) -> dict[str, str]:
    """Readings that both ends change."""
    return {f"{end}:{key}": value for key, value in values.items() for end in ("A", "B")}


