"""A claim: an English sentence, its source, and what breaking it means, as one expression over a step.

The expression is read at each end: the state before the step, `Post` the state after, `Peer` the other end, `Sent` and
`Fired` what the step did. A claim also says what must be reachable for it to mean anything: its antecedent. A claim
that holds while its antecedent is unreachable was never put to the test, and is reported as a defect of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.expr import Expr
from model.system import Monitor


@dataclass(frozen=True, eq=False)
class Claim:
    """One claim. `slices`: where its antecedent is reachable; `monitors`: history bits it needs, by endpoint."""

    name: str
    sentence: str
    source: str
    violated: Expr
    antecedent: Expr
    slices: tuple[str, ...]
    monitors: tuple[Monitor, ...] = field(default=())

    @property
    def requirements(self) -> tuple[str, ...]:
        """Numbers of the draft's rules that this claim puts to the test."""
        return REQUIREMENTS.get(self.name, ())


# W-SECTION-N: the Nth rule of a section of the draft, in the order of the text.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "no-plaintext-out": ("W-2-6", "W-2-7", "W-3.2-3", "W-3.3-13", "W-3.4-4",),
    "no-plaintext-after-open": ("W-2-6", "W-2-7", "W-3.2-11",),
    "no-plaintext-in": ("W-2-4", "W-2-6", "W-3.6-1",),
    "syn-after-own-phase2": ("W-3.2-1", "W-3.2-3",),
    "syn-after-both-phase2": ("W-3.2-3",),
    "sa-outlives-connection": ("W-3.3-11", "W-3.3-12",),
    "sa-outlives-need": ("W-3.3-12", "W-3.3-13",),
    "delete-means-closed": ("W-3.4-3",),
    "no-collateral-deletion": ("W-3.3-5", "W-3.3-6", "W-3.4-7",),
    "one-sa-strict": ("W-3.1-10", "W-3.2-16",),
    "one-sa-congruent": ("W-3.1-8",),
    "sa-serves-one-connection": ("W-3.1-9", "W-3.6-3",),
    "binding-agrees": ("W-3.2-14", "W-3.2-16",),
    "binding-is-current": ("W-3.2-16", "W-3.2-18",),
    "rekey-keeps-session": ("W-3.2-19", "W-3.4-2",),
    "phase1-in-common": ("W-3.1-7", "W-3.2-1",),
    "initial-contact-is-true": ("W-3.1-7",),
    "accepted-is-authentic": ("W-2-4", "W-2-6", "W-3.6-2",),
    "no-replay": ("W-2-6",),
    "text-stays-secret": ("W-2-1", "W-2-7",),
    "text-is-genuine": ("W-2-2", "W-2-6",),
    "session-is-with-neighbour": ("W-2-3", "W-3.6-2",),
    "session-outlives-attack": ("W-2-4",),
    "negotiation-is-not-weakened": ("W-2-5",),
    "no-stuck-close": ("W-3.3-9", "W-3.3-10",),
    "lost-peer-is-noticed": ("W-3.4-5",),
    "close-spares-other": ("W-3.1-9", "W-3.3-9"),
    "close-ends": ("W-3.3-9", "W-3.3-10",),
    "no-idle-orphan": ("W-3.3-11", "W-3.4-7",),
    "no-orphan-sa": ("W-3.3-11", "W-3.4-1", "W-3.4-7",),
    "session-comes-up": ("W-3.2-1", "W-3.2-11",),
    "dead-sa-detected": ("W-3.4-5",),
    "no-blackhole": ("W-3.4-2", "W-3.4-5",),
    "blackhole-is-noticed": ("W-3.4-2",),
    "keys-come-up": ("W-3.2-1",),
    "graceful-restart-kept": ("W-3.4-9",),
}
