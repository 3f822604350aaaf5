"""What a lint is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from lockstep.lint.deployment import Deployment
from lockstep.lint.source import Path

# How grave a breach is, by the word of the sentence that it breaks. What the draft needs without saying MUST, because nothing comes up
# or nothing is protected without it, is "implied". "threat": one of section 2's list, which the implementation has to address.
SEVERITY = {"MUST": "error", "MUST NOT": "error", "implied": "error", "SHOULD": "warning", "SHOULD NOT": "warning", "threat": "warning",
            "MAY": "note", "advice": "note", "claim": "note", "silent": "note"}
GRAVEST_FIRST = ("error", "warning", "note")


class Needs(Enum):
    """What a file may leave out, and a lint cannot do without."""

    FAR_END = "the other end"
    IMPLEMENTS = "what the software implements"
    ROUTES = "routes"


@dataclass(frozen=True)
class Found:
    """One breach: the key that is wrong, and what is wrong, in one sentence without its full stop."""

    path: Path
    text: str


@dataclass(frozen=True)
class Lint:
    """One check of a deployment.

    `keyword`: the word of the sentence that it enforces, a key of SEVERITY. `requirements`: ids of the draft's requirements that it reads,
    the enforced one first. `source`: sections and lines of the draft, and RFCs. `rule`: what it demands, in one sentence. `check` yields
    what breaks it. `needs`: where this is not in the file, the lint has not looked.
    """

    id: str
    keyword: str
    requirements: tuple[str, ...]
    source: str
    rule: str
    check: Callable[[Deployment], Iterator[Found]]
    needs: Needs | None = None

    @property
    def severity(self) -> str:
        return SEVERITY[self.keyword]
