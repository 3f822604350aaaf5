"""All lints, and what they find in a deployment file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockstep.lint import algorithms, bootstrap, identity, placement, policy
from lockstep.lint.deployment import Deployment, Source
from lockstep.lint.lint import GRAVEST_FIRST, Found, Lint, Needs
from lockstep.lint.source import line_at

LINTS: tuple[Lint, ...] = (*policy.LINTS, *algorithms.LINTS, *identity.LINTS, *placement.LINTS, *bootstrap.LINTS)


@dataclass(frozen=True)
class Finding:
    """A breach of a lint at a line of a file."""

    file: str
    line: int
    lint: Lint
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.lint.severity} {self.lint.id}: {self.text} ({self.lint.source}; {', '.join(self.lint.requirements)})"

    def to_document(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "severity": self.lint.severity, "lint": self.lint.id, "text": self.text,
                "keyword": self.lint.keyword, "requirements": list(self.lint.requirements), "source": self.lint.source}


@dataclass(frozen=True)
class Unchecked:
    """Where lints did not look, because the file does not say what they need."""

    file: str
    line: int
    where: str
    needs: str
    lints: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.needs} not in the file; not checked: {', '.join(self.lints)}"

    def to_document(self) -> dict[str, Any]:
        return {**vars(self), "lints": list(self.lints)}


def lint(source: Source) -> list[Finding]:
    """What breaks a lint, by line, the gravest first within a line."""
    found = [Finding(source.file, line_at(source.lines, one.path), each, one.text)
             for each in LINTS for one in dict.fromkeys(each.check(source.deployment))]
    return sorted(found, key=lambda one: (one.line, GRAVEST_FIRST.index(one.lint.severity)))


def unchecked(source: Source) -> list[Unchecked]:
    """Where lints did not look."""
    return [Unchecked(source.file, line_at(source.lines, one.path), one.text, needs.value,
                      tuple(each.id for each in LINTS if each.needs is needs))
            for needs, one in _left_out(source.deployment)]


def _left_out(deployment: Deployment) -> Iterator[tuple[Needs, Found]]:
    for name, speaker in deployment.speakers.items():
        if speaker.implements is None:
            yield Needs.IMPLEMENTS, Found(("speakers", name), name)
        if not speaker.routes:
            yield Needs.ROUTES, Found(("speakers", name), name)
    for one in deployment.peerings:
        if one.other is None:
            yield Needs.FAR_END, Found(one.path, one.title)
