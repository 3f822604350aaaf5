"""A TOML file with the line of each of its keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]  # keys and, in arrays, positions from 0


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key of a valid TOML text is first named.

    tomllib tells no lines. But a statement of TOML (a header, a key with its value) is a TOML text by itself, and no beginning of one
    that ends at the end of a line is: so tomllib is given line after line until it understands. The same for the elements of an array that
    is spread over lines; what is deeper in a value has the line of its key or element.
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
            depth, elements = _elements(statement.splitlines())
            for path in _paths(value):
                offset = elements[int(path[depth])] if elements and len(path) > depth else 0
                found.setdefault((*here, *path), line + offset)
        else:
            keys, many = _header(value)
            if many:
                array = (*resolved(keys[:-1]), keys[-1])
                lengths[array] = lengths.get(array, 0) + 1
                found.setdefault(array, line)
            here = resolved(keys)
            for length in range(1, len(here) + 1):
                found.setdefault(here[:length], line)
    return found


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """The line of the key, or of the nearest thing around it; 1 for the whole file."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)


def dotted(path: Path) -> str:
    """A key as people write it; positions are counted from 1."""
    return ".".join(str(one + 1) if isinstance(one, int) else one for one in path)


def toml(value: Any) -> str:
    """A value as the file would have it."""
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


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


def _elements(lines: list[str]) -> tuple[int, list[int]]:
    """For a key whose value is an array: the depth of the array (how many keys lead to it), and for each element on which of the lines,
    from 0, it begins, or the line after the element before it. What does not begin after a comma is taken to begin with its key."""
    found: list[int] = []
    begun, part = 0, lines[0]
    for number, line in enumerate(lines[1:], 1):
        array = _array(part + "\n]")
        if array is not None:
            found += [begun] * len(array[1])
            begun, part = number, "x = ["
        part += "\n" + line
    depth, whole = _array("\n".join(lines)) or (0, [])
    return depth, found + [begun] * (len(whole) - len(found))


def _array(statement: str) -> tuple[int, list[Any]] | None:
    """The array that a statement gives to a key, and how many keys lead to it."""
    try:
        value: Any = tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return None
    depth = 0
    while isinstance(value, dict) and len(value) == 1:
        (value,), depth = value.values(), depth + 1
    return (depth, value) if isinstance(value, list) else None


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield from _paths(one, (*path, key))
