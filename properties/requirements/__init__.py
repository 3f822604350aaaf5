"""The requirement ledger: each sentence of draft-ward-bgp-ipsec-00 that states or implies a rule, and what puts it to the test.

One TOML file a section beside this module, with the section's title. The draft's words are not copied: an entry says where its sentence
stands, how many words it has, and the digest of those words, so that a copy of the draft can be compared (`compared`). What an entry names,
claims, findings, figures, lints, is only named here: a verdict is drawn from the results of those (`lockstep.ledger`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

KEYWORDS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY",  # RFC 2119, upper case in the draft
            "implied MUST", "implied MUST NOT", "implied SHOULD", "implied SHOULD NOT", "implied MAY",  # in effect, in other words
            "claim", "threat", "context")
_AT = re.compile(r"(\d+):(\d+)-(\d+):(\d+)")
_CITED = re.compile(r"(?:(\d+(?:\.\d+)*) )?l\.(\d+)(?:-(\d+))?")
_FURNITURE = re.compile(r"\s*(Ward\s+Internet Draft - Expires.*|Securing BGPv4 using IPsec|February 2002|.*\[Page \d+\])?\s*")


@dataclass(frozen=True)
class Requirement:
    """A sentence and what judges it.

    at: `LINE:WORD-LINE:WORD`, the first and the last word, both counted from 1. words, digest: see `digest_of`. keyword: one of KEYWORDS.
    subject: whom it binds. says: the sentence in other words. reads: its formal reading.

    What judges it, by name: claims of `properties.registry`; findings (runs that break it) of `properties.findings`; shown, findings
    whose run shows what the sentence says is possible; numbers, figures of the draft's arithmetic; lints of a deployment; scenarios of
    the simulator. against: sentences it cannot be obeyed together with. Where nothing of these can judge it, why: built_in (the tables
    are written so, no run can depart from it), assumed (a duty of the environment), untestable (as written). note: a remark.
    """

    id: str
    section: str
    at: str
    words: int
    digest: str
    keyword: str
    subject: str
    says: str
    reads: str
    claims: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    lints: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    built_in: str = ""
    assumed: str = ""
    untestable: str = ""
    note: str = ""

    @property
    def place(self) -> tuple[int, int, int, int]:
        return place_of(self.at)

    @property
    def source(self) -> str:
        first, _, last, _ = self.place
        return f"draft {self.section} l.{first}" + (f"-{last}" if last != first else "")


def place_of(at: str) -> tuple[int, int, int, int]:
    """First line and word, last line and word. Raises ValueError."""
    found = _AT.fullmatch(at)
    if found is None:
        raise ValueError(f"{at!r} is no place; write LINE:WORD-LINE:WORD")
    first, word, last, end = map(int, found.groups())
    return first, word, last, end


@cache
def ledger() -> dict[str, Requirement]:
    """The entries by id, in the order of the text. Raises ValueError for an entry that is not well formed."""
    found: dict[str, Requirement] = {}
    for name, document in _documents():
        for raw in document["sentence"]:
            one = _entry(name, raw)
            if one.id in found:
                raise ValueError(f"{name}: {one.id} is there twice")
            found[one.id] = one
    return dict(sorted(found.items(), key=lambda item: item[1].place))


@cache
def titles() -> dict[str, str]:
    """The sections by number, with their titles, in the order of the text."""
    found = {document["sentence"][0]["section"]: str(document["title"]) for _, document in _documents()}
    return {section: found[section] for section in dict.fromkeys(one.section for one in ledger().values())}


def _documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(files(__package__).iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            yield file.name, tomllib.loads(file.read_text(encoding="utf-8"))


def cited_in(source: str) -> tuple[Requirement, ...]:
    """The sentences that a source cites, by section and lines: "draft 3.3 l.509-516, 3.4 l.552-556; RFC 2408 5.15". Only the draft is
    cited by lines, so its name may be missing; where the section is, it is the one before."""
    section, found = "", dict[str, Requirement]()
    for place in _CITED.finditer(source):
        section = place[1] or section
        first, last = int(place[2]), int(place[3] or place[2])
        found |= {one.id: one for one in ledger().values()
                  if one.section == section and one.place[0] <= last and one.place[2] >= first}
    return tuple(found.values())


def _entry(file: str, raw: dict[str, Any]) -> Requirement:
    known = {one.name: one for one in fields(Requirement)}
    for key in raw:
        if key not in known:
            raise ValueError(f"{file}: {raw.get('id', '?')}: {key!r} is no field of an entry")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    try:
        one = Requirement(**values)
    except TypeError as error:
        raise ValueError(f"{file}: {raw.get('id', '?')}: {error}") from None
    place_of(one.at)
    if one.keyword not in KEYWORDS:
        raise ValueError(f"{file}: {one.id}: keyword {one.keyword!r} is none of {', '.join(KEYWORDS)}")
    return one


@cache
def judged_by(kind: str, name: str) -> tuple[str, ...]:
    """The sentences that something puts to the test. kind: the field of an entry that names it, as claims or numbers."""
    return tuple(one.id for one in ledger().values() if name in getattr(one, kind))


# -- the draft's words -----------------------------------------------------------------------------------------------------------------


def digest_of(words: Sequence[str]) -> str:
    """SHA-256 of the words with single spaces between them: its first 16 hexadecimal digits."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def words_of(text: str) -> Iterator[tuple[int, int, str]]:
    """Line and number within it, both from 1, of each word of a draft; headers and footers of pages are left out."""
    for number, line in enumerate(text.splitlines(), 1):
        if not _FURNITURE.fullmatch(line):
            for position, word in enumerate(line.split(), 1):
                yield number, position, word


def between(text: str, place: tuple[int, int, int, int]) -> list[str]:
    """The words of a draft from one place to another."""
    return [word for line, position, word in words_of(text) if place[:2] <= (line, position) <= place[2:]]


@dataclass(frozen=True)
class Difference:
    """A sentence that does not stand in a copy of the draft where the ledger says; moved: the line at which its words stand instead."""

    requirement: Requirement
    moved: int | None


def compared(text: str) -> list[Difference]:
    """The sentences of the ledger that a copy of the draft has elsewhere, or in other words."""
    stream, found = list(words_of(text)), []
    for one in ledger().values():
        if digest_of(between(text, one.place)) != one.digest:
            windows = (at for at in range(len(stream) - one.words + 1)
                       if digest_of([word for _, _, word in stream[at:at + one.words]]) == one.digest)
            at = next(windows, None)
            found.append(Difference(one, None if at is None else stream[at][0]))
    return found
