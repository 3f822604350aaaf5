"""A TOML file with the line of each of its keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]  # keys and, in arrays, positions from 0


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key of a valid TOML text is first named.

    tomllib tells no lines. But a statement of TOML (a header, a key with its value) is a TOML text by itself, and no beginning of one
    that ends at the end of a line is: so tomllib is given line after line until it understands. Elements of an array, and what is in an
    inline table, have the line of their key; what a later `[header]` adds has its own.
    """
    found: dict[Path, int] = {}
    lengths: dict[Path, int] = {}  # of the arrays of tables, so far
    here: Path = ()

    def resolved(keys: Path) -> Path:
        """In a header, an array of tables means its last element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in lengths:
                path = (*path, lengths[path] - 1)
        return path

    for line, statement, value in _statements(text):
        if not statement.lstrip().startswith("["):
            paths = [(*here, *path) for path in _paths(value)]
        else:
            keys, many = _header(value)
            if many:
                array = (*resolved(keys[:-1]), keys[-1])
                lengths[array] = lengths.get(array, 0) + 1
                found.setdefault(array, line)
            here = resolved(keys)
            paths = [here[:length] for length in range(1, len(here) + 1)]
        for path in paths:
            found.setdefault(path, line)
    return found


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """The line of the key, or of the nearest thing around it; 1 for the whole file."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    begun, statement = 1, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        statement += line + "\n"
        try:
            value = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if value:
            yield begun, statement, value
        begun, statement = number + 1, ""


def _header(value: Any) -> tuple[Path, bool]:
    """The keys of a header, and whether it begins an element of an array of tables."""
    keys: Path = ()
    while value:
        if isinstance(value, list):
            return keys, True
        (key, value), = value.items()
        keys = (*keys, key)
    return keys, False


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield from _paths(one, (*path, key))
