"""The file in which a sweep keeps the combinations it has searched, so that one that was stopped goes on where it was.

One JSON document a line: first what the sweep is, with its fingerprint, then each combination as it was found. A claim is null where it
holds, a reason where it is undecided, and where it is violated the end, the initial state and the steps (`lockstep.sweep.Cell`). Lines are
only added; one that was being written when the program was killed has no end, and is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TextIO

from lockstep.choice import UsageError
from lockstep.jobs import Job
from lockstep.sweep import Cell, Searched, Sweep, digest
from model.slices import places_of
from properties.registry import HOLDS, UNDECIDED, VIOLATED
from traces.files import write

FORMAT = 1
CURE = "delete it, begin anew with --fresh, or name another with --resume"


class Kept:
    """The file of a sweep, open to add to; made if it is not there, emptied if `fresh`. known: what it held.

    Raises UsageError for a file that is damaged or another sweep's, OSError where it cannot be written.
    """

    def __init__(self, path: Path, sweep: Sweep, fresh: bool = False) -> None:
        self.path, self.sweep = path, sweep
        head = json.dumps({"lockstep-readings": FORMAT, "digest": digest(sweep), "slice": sweep.job.slice}) + "\n"
        self.known: dict[int, Searched] = {}
        if fresh or not path.exists() or not path.stat().st_size:
            write(path, head)
        else:
            self._read(head)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def add(self, one: Searched) -> None:
        """Keep a combination; not one whose search was stopped, which may go further the next time."""
        if not one.why:
            self.known[one.number] = one
            self._file.write(json.dumps(_document(one), separators=(",", ":")) + "\n")
            self._file.flush()

    def _read(self, head: str) -> None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"{self.path}: line 1: not the cells of a sweep; {CURE}") from None
        lines = text.splitlines(keepends=True)
        if lines[0] != head:
            ours = '"lockstep-readings"' in lines[0] and lines[0].endswith("\n")
            what = "made by another sweep: model, bounds, readings or claims differ" if ours else "not the cells of a sweep"
            raise UsageError(f"{self.path}: line 1: {what}; {CURE}")
        if not lines[-1].endswith("\n"):
            cut = lines.pop()
            os.truncate(self.path, len(text.encode()) - len(cut.encode()))
        self.known = dict(self._rows(lines[1:]))

    def _rows(self, lines: Iterable[str]) -> Iterable[tuple[int, Searched]]:
        for number, line in enumerate(lines, 2):
            try:
                one = _searched(json.loads(line), self.sweep.job)
                if not 0 <= one.number < self.sweep.size:
                    raise ValueError
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UsageError(f"{self.path}: line {number}: damaged; {CURE}") from None
            yield one.number, one


def _document(one: Searched) -> dict[str, Any]:
    cells = [None if cell.verdict == HOLDS else cell.reason if cell.verdict == UNDECIDED else [cell.end, cell.start, *cell.way]
             for cell in one.cells]
    return {"number": one.number, "states": one.states, "transitions": one.transitions, "depth": one.depth,
            "seconds": round(one.seconds, 4), "cells": cells}


def _searched(document: dict[str, Any], job: Job) -> Searched:
    """Raises ValueError, KeyError or TypeError for a document that is none of ours."""
    number, states, transitions, depth = counts = [document[name] for name in ("number", "states", "transitions", "depth")]
    if len(document["cells"]) != len(job.properties) or not all(isinstance(count, int) for count in counts):
        raise ValueError
    return Searched(number, states, transitions, depth, float(document["seconds"]), "",
                    tuple(_cell(one, places_of(job.slice)) for one in document["cells"]))


def _cell(document: Any, ends: Collection[str]) -> Cell:
    if document is None:
        return Cell(HOLDS)
    if isinstance(document, str):
        return Cell(UNDECIDED, document)
    end, start, *way = document
    if end not in ends or not all(isinstance(number, int) and number >= 0 for number in (start, *way)):
        raise ValueError
    return Cell(VIOLATED, "", end, start, tuple(way))
