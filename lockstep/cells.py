"""The file in which a sweep keeps the combinations it has searched, so that one that was stopped goes on where it was.

One JSON document a line: first what the sweep is, with its fingerprint, then each combination as it was found. A claim is null where it
holds, a reason where it is undecided, and where it is violated the end, the initial state and the steps (`lockstep.sweep.Cell`). Lines are
only added (`lockstep.lines`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from lockstep.jobs import Job
from lockstep.lines import Lines
from lockstep.sweep import Cell, Searched, Sweep, digest
from model.slices import places_of
from properties.registry import HOLDS, UNDECIDED, VIOLATED

FORMAT = 1


class Kept:
    """The file of a sweep, open to add to; made if it is not there, emptied if `fresh`. known: what it held.

    Raises UsageError for a file that is damaged or another sweep's, OSError where it cannot be written.
    """

    def __init__(self, path: Path, sweep: Sweep, fresh: bool = False) -> None:
        self.sweep = sweep
        head = {"lockstep-readings": FORMAT, "digest": digest(sweep), "slice": sweep.job.slice}
        self._lines = Lines(path, head, fresh, what="the cells of a sweep",
                            other="made by another sweep: model, bounds, readings or claims differ")
        self.known: dict[int, Searched] = dict(self._rows(self._lines.before))

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_error: object) -> None:
        self._lines.close()

    def add(self, one: Searched) -> None:
        """Keep a combination; not one whose search was stopped, which may go further the next time."""
        if not one.why:
            self.known[one.number] = one
            self._lines.add(_document(one))

    def _rows(self, lines: Iterable[str]) -> Iterable[tuple[int, Searched]]:
        for number, line in enumerate(lines, 2):
            try:
                one = _searched(json.loads(line), self.sweep.job)
                if not 0 <= one.number < self.sweep.size:
                    raise ValueError
            except (ValueError, KeyError, TypeError, RecursionError):
                raise self._lines.damaged(number) from None
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
