"""A report that was kept (the document of `lockstep verify --json`), and how another one differs from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockstep.choice import UsageError
from lockstep.report import PropertyResult

Key = tuple[str, ...]


def expected(path: Path) -> dict[Key, str]:
    """The verdicts of a kept report, by what they are about. Raises UsageError where the file is not one."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; write one with lockstep verify --json") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error}); write one with lockstep verify --json") from None
    try:
        return {_key(one): str(one["verdict"]) for one in document["results"]}
    except (KeyError, TypeError, AttributeError):
        raise UsageError(f"{path}: not a report of lockstep verify --json; write one with it") from None


def changes(kept: dict[Key, str], results: tuple[PropertyResult, ...]) -> tuple[str, ...]:
    """What differs from the kept report, in either direction, one line each."""
    found = {_key(vars(one)): one.verdict for one in results}
    said = [f"{_told(key)}: {verdict}, kept as {kept[key]}" for key, verdict in found.items() if key in kept and kept[key] != verdict]
    said += [f"{_told(key)}: {verdict}, not in the kept report" for key, verdict in found.items() if key not in kept]
    return (*said, *(f"{_told(key)}: kept as {verdict}, not judged now" for key, verdict in kept.items() if key not in found))


def _key(one: Any) -> Key:
    bounds = (f"{key}={value}" for mapping in (one["readings"], one["bounds"]) for key, value in sorted(mapping.items()))
    return (one["finding"] or one["property"], one["slice"], one["preset"], one["engine"], *bounds)


def _told(key: Key) -> str:
    return ", ".join(key[:3])
