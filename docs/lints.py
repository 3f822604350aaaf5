"""The made parts of docs/lints.md: the lints, and the keys of a deployment file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal, get_args, get_origin

from lockstep.lint.catalogue import LINTS
from lockstep.lint.deployment import (
    Authority,
    Deployment,
    Identity,
    Implements,
    Part,
    Peer,
    PreSharedKey,
    Route,
    Rule,
    Service,
    Speaker,
    Suite,
    Tunnel,
)
from lockstep.lint.lint import SEVERITY
from lockstep.lint.values import Range

TABLES: dict[type[Part], str] = {
    Deployment: "the file", Suite: "[suites.NAME]", PreSharedKey: "[psks.NAME]", Authority: "[cas.NAME]", Service: "[services.NAME]",
    Speaker: "[speakers.NAME]", Implements: "[speakers.NAME.implements]", Route: "routes of a speaker", Rule: "[[speakers.NAME.spd]]",
    Peer: "[[speakers.NAME.peers]]", Identity: "identity", Tunnel: "[speakers.NAME.peers.tunnel]",
}
PLAIN = {str: "a text", int: "a whole number", bool: "`true`, `false`", IPv4Address: "an IP address", IPv4Network: "a prefix"}


def lints() -> list[str]:
    """All lints, the gravest first."""
    lines = ["| lint | it demands | word | source | rules of the draft | findings |", "|---|---|---|---|---|---|"]
    for severity in dict.fromkeys(SEVERITY.values()):
        lines += [f"| `{one.id}` ({severity}) | {one.rule} | {one.keyword} | {one.source} | {', '.join(one.requirements)} | "
                  f"{', '.join(one.findings)} |" for one in LINTS if one.severity == severity]
    return lines


def keywords() -> list[str]:
    """How grave a breach of each word is."""
    return [f"- {severity}: {', '.join(word for word, one in SEVERITY.items() if one == severity)}"
            for severity in dict.fromkeys(SEVERITY.values())]


def deployment() -> list[str]:
    """The tables of a file with their keys."""
    lines = []
    for part, title in TABLES.items():
        about = re.sub(r"`(\w+)`", lambda word: f"`{word[1].replace('_', '-')}`", " ".join((part.__doc__ or "").split()))
        lines += ["", f"**{title}**. {about}", "", "| key | value | if left out |", "|---|---|---|", *_keys(part)]
    return lines[1:]


def _keys(part: type[Part]) -> Iterator[str]:
    for name, field in part.model_fields.items():
        default = "must be there" if field.is_required() else _default(field.default)
        yield f"| `{field.alias or name}` | {_value(name, field.annotation)} | {default} |"


def _default(value: Any) -> str:
    if value is None or value in ((), {}, ""):
        return "none"
    if isinstance(value, tuple):
        return "any"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _value(name: str, annotation: Any) -> str:
    """What may stand there, in words."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation == tuple[Range, ...]:
        return ("an address, a prefix" if name in ("local", "remote") else "a number") + ' or `"FIRST-LAST"`, or a list'
    if kind is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if kind is Annotated:
        return _value(name, inner[0])
    if kind is tuple:
        return "a list of tables" if isinstance(inner[0], type) and issubclass(inner[0], Part) else f"a list: {_value(name, inner[0])}"
    if kind is dict:
        return "tables, each with a name"
    return _value(name, inner[0]) if inner else "a table"  # a union: with None, or of the two IP families
