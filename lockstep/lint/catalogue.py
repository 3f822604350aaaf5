"""All lints, and what they find in a deployment file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockstep.lint import algorithms, bootstrap, deployment, identity, placement, policy
from lockstep.lint.deployment import Deployment
from lockstep.lint.lint import GRAVEST_FIRST, Lint, Needs
from lockstep.lint.reading import Source
from lockstep.lint.source import Path, dotted, line_at

LINTS: tuple[Lint, ...] = (*policy.LINTS, *algorithms.LINTS, *identity.LINTS, *placement.LINTS, *bootstrap.LINTS)


@dataclass(frozen=True)
class Finding:
    """A breach of a lint at a line of a file."""

    file: str
    line: int
    lint: Lint
    text: str

    def __str__(self) -> str:
        why = "; ".join(", ".join(one) for one in ((self.lint.source,), self.lint.requirements, self.lint.findings) if one)
        return f"{self.file}:{self.line}: {self.lint.severity} {self.lint.id}: {self.text} ({why})"

    def to_document(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "severity": self.lint.severity, "lint": self.lint.id, "text": self.text,
                "keyword": self.lint.keyword, "requirements": list(self.lint.requirements), "source": self.lint.source,
                "findings": list(self.lint.findings)}


@dataclass(frozen=True)
class Unchecked:
    """Where lints did not look, because the file does not say what they need."""

    file: str
    line: int
    where: str
    needs: str
    lints: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.needs} is not in the file; not checked: {', '.join(self.lints)}"

    def to_document(self) -> dict[str, Any]:
        return {**vars(self), "lints": list(self.lints)}


@dataclass(frozen=True)
class Assumed:
    """A key that the file leaves out, and the value that the lints then judge."""

    file: str
    line: int
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: assumed {self.key} = {self.value}"

    def to_document(self) -> dict[str, Any]:
        return dict(vars(self))


def lint(source: Source) -> list[Finding]:
    """What breaks a lint, by line, the gravest first within a line."""
    found = [Finding(source.file, line_at(source.lines, one.path), each, one.text)
             for each in LINTS for one in each.check(source.deployment)]
    return sorted(found, key=lambda one: (one.line, GRAVEST_FIRST.index(one.lint.severity)))


def unchecked(source: Source) -> list[Unchecked]:
    """Where lints did not look."""
    found = [Unchecked(source.file, line_at(source.lines, path), title, needs[0].value,
                       tuple(each.id for each in LINTS if each.needs in needs))
             for path, title, needs in _left_out(source.deployment)]
    return sorted(found, key=lambda one: one.line)


def assumed(source: Source) -> list[Assumed]:
    """What the file leaves out and the lints take for granted, by line."""
    found = [Assumed(source.file, line_at(source.lines, path), dotted(path), value)
             for path, value in deployment.assumed(source.deployment)]
    return sorted(found, key=lambda one: one.line)


def _left_out(whole: Deployment) -> Iterator[tuple[Path, str, tuple[Needs, ...]]]:
    for name, speaker in whole.speakers.items():
        if speaker.implements is None:
            yield ("speakers", name), name, (Needs.IMPLEMENTS,)
        if not speaker.routes:
            yield ("speakers", name), name, (Needs.ROUTES,)
    for one in whole.peerings:
        if one.far_speaker is None:
            yield one.path, one.title, (Needs.FAR_SPEAKER, Needs.FAR_END)
        elif one.other is None:
            yield one.path, one.title, (Needs.FAR_END,)
