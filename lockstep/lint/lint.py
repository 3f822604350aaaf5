"""What a lint is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from lockstep.lint.deployment import Deployment, Peering, Speaker
from lockstep.lint.source import Path

# How grave a breach is, by the word of the sentence that it breaks. "implied": what the draft needs without saying MUST, because nothing
# comes up or nothing is protected without it. "should": in small letters, as 4.5 writes it. "threat": one of section 2's list, which an
# implementation has to address.
SEVERITY = {"MUST": "error", "MUST NOT": "error", "implied": "error", "SHOULD": "warning", "SHOULD NOT": "warning", "should": "warning",
            "threat": "warning", "MAY": "note", "advice": "note", "claim": "note", "silent": "note"}
GRAVEST_FIRST = ("error", "warning", "note")


class Needs(Enum):
    """What a file may leave out, and some lints cannot do without."""

    FAR_SPEAKER = "the other speaker"
    FAR_END = "the other end"
    IMPLEMENTS = "implements"
    ROUTES = "routes"


@dataclass(frozen=True)
class Found:
    """One breach: the key that is wrong, and what is wrong, in one sentence without its full stop."""

    path: Path
    text: str


Check = Callable[[Deployment], Iterator[Found]]


@dataclass(frozen=True)
class Lint:
    """One check of a deployment.

    `keyword`: the word of the sentence that it enforces, a key of SEVERITY. `requirements`: the draft's rules that it reads, by number (see
    `properties.claim`), the enforced one first. `source`: sections and lines of the draft, and RFCs. `rule`: what it demands, in one
    sentence. `check` yields what breaks it. `needs`: where this is not in the file, the lint has not looked. `findings`: the candidate
    findings that it watches for.
    """

    id: str
    keyword: str
    requirements: tuple[str, ...]
    source: str
    rule: str
    check: Check
    needs: Needs | None = None
    findings: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return SEVERITY[self.keyword]


def once(check: Check) -> Check:
    """The same check, which says of the first neighbour only what a key does to many."""
    def grouped(deployment: Deployment) -> Iterator[Found]:
        by_path: dict[Path, list[str]] = {}
        for one in check(deployment):
            by_path.setdefault(one.path, []).append(one.text)
        for path, (first, *more) in by_path.items():
            yield Found(path, first + (f"; the same for {len(more)} more" if more else ""))
    return grouped


def of_speakers(key: str, wrong: Callable[[Speaker], str]) -> Check:
    """A check of a key of every speaker: `wrong` says what is wrong with it, or nothing."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for name, speaker in deployment.speakers.items():
            text = wrong(speaker)
            if text:
                yield Found(("speakers", name, *key.split(".")), f"{name}: {text}")
    return check


def of_peers(key: str, wrong: Callable[[Peering], str]) -> Check:
    """A check of a key of every neighbour: `wrong` says what is wrong with it, or nothing."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for one in deployment.peerings:
            text = wrong(one)
            if text:
                yield Found((*one.path, *key.split(".")), f"{one.title}: {text}")
    return check
