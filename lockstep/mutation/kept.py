"""The file that keeps what was found of mutants, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from lockstep.ledger import fingerprint
from lockstep.lines import Lines
from lockstep.mutation.found import Base, Found
from lockstep.mutation.search import GROUNDS, LEAST, ROOM
from lockstep.mutation.sentences import every_mutant
from properties.registry import CLAIMS


@cache
def digest() -> str:
    """A fingerprint of all that is found: the model, the claims, the bounds, the mutants."""
    text = hashlib.sha256(fingerprint().encode())
    text.update(repr([(name, sorted(one.bounds.items()), sorted(one.readings.items())) for name, one in GROUNDS.items()]).encode())
    text.update("\n".join([f"{ROOM} {LEAST}", *(f"{one} {one.rows}" for one in every_mutant())]).encode())
    return text.hexdigest()[:16]


class Kept:
    """The file that keeps what was found, whatever was asked for; see `lockstep.lines`. bases: by slice; known: by number and slice.

    Raises UsageError for a file that is damaged or of another model, OSError where it cannot be written.
    """

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.bases: dict[str, Base] = {}
        self.known: dict[tuple[int, str], Found] = {}
        self._lines = Lines(path, {"lockstep-mutants": 1, "digest": digest()}, fresh, what="mutants that were searched",
                            other="made from another model: tables, claims, bounds or operators differ")
        for at, line in enumerate(self._lines.before, 2):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise self._lines.damaged(at) from None

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_error: object) -> None:
        self._lines.close()

    def add_base(self, one: Base) -> None:
        self.bases[one.slice] = one
        self._lines.add({"base": one.slice, "states": one.states, "transitions": one.transitions, "fired": sorted(one.fired)})

    def add(self, one: Found) -> None:
        self.known[one.number, one.slice] = one
        self._lines.add(vars(one) | {"seconds": round(one.seconds, 4)})

    def _take(self, document: dict[str, Any]) -> None:
        if "base" in document:
            one = Base(document["base"], tuple(document["states"]), tuple(document["transitions"]),
                       frozenset((table, key) for table, key in document["fired"]))
            if one.slice not in GROUNDS:
                raise ValueError
            self.bases[one.slice] = one
            return
        noticed = tuple((preset, claim, said) for preset, claim, said in document.pop("noticed"))
        found = Found(noticed=noticed, **document)
        known = found.slice in GROUNDS and {claim for _, claim, _ in noticed} <= set(CLAIMS)
        if not known or not 1 <= found.number <= len(every_mutant()):
            raise ValueError
        self.known[found.number, found.slice] = found
