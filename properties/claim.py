"""A claim: an English sentence, its source, and what breaking it means, as one expression over a step.

The expression is read at each end: the state before the step, `Post` the state after, `Peer` the other end, `Sent` and
`Fired` what the step did. A claim also says what must be reachable for it to mean anything: its antecedent. A claim
that holds while its antecedent is unreachable was never put to the test, and is reported as a defect of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.expr import Expr
from model.system import Monitor
from properties.requirements import judged_by


@dataclass(frozen=True, eq=False)
class Claim:
    """One claim. `slices`: where its antecedent is reachable; `monitors`: history bits it needs, by endpoint; `needs`: values of shared
    readings without which nothing in the model can break it, so that a `holds` without them says little, and says so."""

    name: str
    sentence: str
    source: str
    violated: Expr
    antecedent: Expr
    slices: tuple[str, ...]
    monitors: tuple[Monitor, ...] = field(default=())
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The sentences of the draft that this claim puts to the test, by their ids in the ledger."""
        return judged_by("claims", self.name)
