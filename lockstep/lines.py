"""A file of JSON documents, one a line, that is only added to: first what it is of, then each thing as it was found.

A line that was being written when the program was killed has no end, and is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from lockstep.choice import UsageError
from traces.files import write

CURE = "delete it, begin anew with --fresh, or name another with --resume"


class Lines:
    """Such a file, open to add to; made if it is not there, emptied if `fresh`. before: the lines it held after the first, as text.

    head: the first document; its first key tells whose file it is. what: what the file holds, other: what is to be said of one with
    another head. Raises UsageError for a file that is another's, OSError where it cannot be written.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], fresh: bool, *, what: str, other: str) -> None:
        self.path, self.before = path, list[str]()
        first = json.dumps(head) + "\n"
        if fresh or not path.exists() or not path.stat().st_size:
            write(path, first)
        else:
            self._read(first, f'"{next(iter(head))}"', what, other)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def add(self, document: Any) -> None:
        """Write a line, at once."""
        self._file.write(json.dumps(document, separators=(",", ":")) + "\n")
        self._file.flush()

    def damaged(self, number: int) -> UsageError:
        """What to raise for a line that makes no sense, counted from 1."""
        return UsageError(f"{self.path}: line {number}: damaged; {CURE}")

    def _read(self, first: str, ours: str, what: str, other: str) -> None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"{self.path}: line 1: not {what}; {CURE}") from None
        lines = text.splitlines(keepends=True)
        if lines[0] != first:
            said = other if ours in lines[0] and lines[0].endswith("\n") else f"not {what}"
            raise UsageError(f"{self.path}: line 1: {said}; {CURE}")
        if not lines[-1].endswith("\n"):
            cut = lines.pop()
            os.truncate(self.path, len(text.encode()) - len(cut.encode()))
        self.before = lines[1:]
