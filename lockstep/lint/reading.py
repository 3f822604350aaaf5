"""Reading a deployment file. One that cannot be is refused with one line: file, line, key, value, what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lockstep.choice import UsageError
from lockstep.lint.deployment import Deployment
from lockstep.lint.source import Path, dotted, line_at, lines_of, toml
from lockstep.lint.values import Address, nearest


@dataclass(frozen=True)
class Source:
    """A deployment file that was read: its name as given, what it says, and the line of each key."""

    file: str
    deployment: Deployment
    lines: dict[Path, int]


def read(file: File) -> Source:
    """Raises UsageError with file and line where it cannot be read, is not TOML, or says what cannot be."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); give a deployment file") from None
    except ValueError:
        raise UsageError(f"{file}:1: not UTF-8 text; give a TOML file with a deployment") from None
    return parse(text, str(file))


def parse(text: str, file: str) -> Source:
    """The deployment in a TOML text. Raises UsageError."""
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # a TOMLDecodeError, or what int says of thousands of digits
        raise UsageError(_not_toml(str(error), text, file)) from None
    except RecursionError:
        raise UsageError(f"{file}:1: nested too deeply; give a TOML file with a deployment") from None
    lines = lines_of(text)
    try:
        deployment = Deployment.model_validate(document)
    except ValidationError as error:
        errors = error.errors()
        deepest = [one for one in errors if not any(other["loc"][:len(one["loc"])] == one["loc"] != other["loc"] for other in errors)]
        wrong = [_explained(one, lines) for one in deepest]  # a list without its bad items is also too short
    else:
        wrong = [(line_at(lines, path), _said(path, text_)) for path, text_ in _dangling(deployment)]
    if wrong:
        line, what = min(wrong, key=lambda one: one[0])
        raise UsageError(f"{file}:{line}: {what}")
    return Source(file, deployment, lines)


def _not_toml(error: str, text: str, file: str) -> str:
    """tomllib says "... (at line L, column C)" or "... (at end of document)", and nothing of the kind where int complains."""
    what, at, where = error.partition(" (at ")
    line = next((word for word in where.replace(",", " ").split() if word.isdecimal()), str(max(1, len(text.splitlines()))) if at else "1")
    return f"{file}:{line}: not TOML: {what}; correct it"


def _explained(error: ErrorDetails, lines: dict[Path, int]) -> tuple[int, str]:
    """The line and what is wrong there."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    path: Path = tuple(one for one in error["loc"] if isinstance(one, int) or not one.startswith("function-"))
    shown = "" if isinstance(value, dict | list) else f" {toml(value)}"
    if kind == "wrong_key":
        return line_at(lines, (*path, context["key"])), _said((*path, context["key"]), str(context["text"]))
    if kind == "missing":
        return line_at(lines, path), _said(path, "is missing; add it")
    if kind == "literal_error":
        known = [one.strip("'") for one in str(context["expected"]).replace(" or ", ", ").split(", ")]
        text = f"there is no such value; {nearest(str(value), known)}"
    elif kind == "value_error":
        text = str(context["error"])
    else:
        text = f"{_NEEDED.get(kind, error['msg'])}".format(**context)
        text = text[0].lower() + text[1:]
    return line_at(lines, path), _said(path, text, shown)


_NEEDED = {
    "int_type": "a whole number is needed", "bool_type": "true or false is needed", "string_type": "a text is needed; put it in quotes",
    "model_type": "a table is needed", "dict_type": "a table is needed", "tuple_type": "a list is needed; put it in [ ]",
    "greater_than_equal": "too small; at least {ge} is needed", "less_than_equal": "too large; at most {le} is possible",
    "too_short": "at least one is needed",
}


def _said(path: Path, text: str, shown: str = "") -> str:
    return f"{dotted(path) or 'the file'}{shown}: {text}"


def _dangling(deployment: Deployment) -> Iterator[tuple[Path, str]]:
    """Names that name nothing, services of the wrong kind, addresses that cannot be."""
    for path, name, table, kinds in _references(deployment):
        known: dict[str, Any] = getattr(deployment, table)
        if name not in known:
            yield path, f"there is no [{table}.{name}]; {nearest(name, known)}"
        elif kinds and known[name].kind not in kinds:
            yield path, f"service {name} is of kind {known[name].kind}; {' or '.join(kinds)} is needed"
    named: dict[Address, str] = {}
    for name, speaker in deployment.speakers.items():
        other = named.setdefault(speaker.address, name)
        if other != name:
            yield ("speakers", name, "address"), f"{speaker.address} is {other}'s; each speaker needs an address of its own"
        neighbours = [str(one.address) for one in speaker.peers]
        for number, route in enumerate(speaker.routes):
            for one in route.peers:
                if str(one) not in neighbours:
                    yield ("speakers", name, "routes", number, "peers"), f"{name} has no neighbour {one}; {nearest(str(one), neighbours)}"
    for peering in deployment.peerings:
        if peering.peer.address in (peering.local, peering.speaker.address):
            yield (*peering.path, "address"), f"{peering.peer.address} is {peering.name} itself; give the neighbour's"
        elif peering.peer.address.version != peering.local.version:
            yield (*peering.path, "address"), f"{peering.peer.address} and {peering.local} are of two families; give addresses of one"


def _references(deployment: Deployment) -> Iterator[tuple[Path, str, str, tuple[str, ...]]]:
    """(where, the name, the table it must be in, the kinds a service may be of)."""
    for name, authority in deployment.cas.items():
        if authority.service is not None:
            yield ("cas", name, "service"), authority.service, "services", ("crl", "ocsp") if authority.revocation == "off" else (
                authority.revocation,)
    for name, speaker in deployment.speakers.items():
        here: Path = ("speakers", name)
        for key, value, table, kinds in (("issuer", speaker.issuer, "cas", ()), ("clock", speaker.clock, "services", ("ntp",)),
                                         ("resolver", speaker.resolver, "services", ("dns",))):
            if value is not None:
                yield (*here, key), value, table, kinds
    for one in deployment.peerings:
        peer, tunnel = one.peer, one.peer.tunnel
        yield from (((*one.path, "suites", number), suite, "suites", ()) for number, suite in enumerate(peer.suites))
        yield from (((*one.path, "cas", number), ca, "cas", ()) for number, ca in enumerate(peer.cas))
        if peer.psk is not None:
            yield (*one.path, "psk"), peer.psk, "psks", ()
        if peer.found_by is not None:
            yield (*one.path, "found-by"), peer.found_by, "services", ("dns", "slp")
        if tunnel and tunnel.discovery is not None:
            yield (*one.path, "tunnel", "discovery"), tunnel.discovery, "services", ("dns", "gateway-discovery")
