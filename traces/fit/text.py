"""A fit for people and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from traces.fit.fit import ASSUMED, End, Fit, Matched
from traces.fit.layer import DEPARTS, FITS, Layer

MOST_EXCHANGES = 20


def rows(result: Fit) -> Iterator[tuple[str, ...]]:
    """A row for each end and layer: who, layer, verdict, frame, and what is to be said. Exchanges of IKE that fit are one row."""
    for one in result.connections:
        for end in one.ends:
            found: dict[tuple[str, ...], list[str]] = {}
            for layer in end.layers:
                first = layer.name.partition(":")[0]
                found.setdefault((first, layer.verdict, _frame(layer), told(layer)), []).append(layer.name)
            for (first, *rest), names in found.items():
                yield end.name, names[0] if len(names) == 1 else first, *rest
    fitting = 0
    for one in result.exchanges:
        for end in one.ends:
            for layer in end.layers:
                if layer.verdict == FITS:
                    fitting += 1
                else:
                    yield end.name, one.name, layer.verdict, _frame(layer), told(layer)
    if fitting:
        yield "IKE", "exchanges", FITS, "", f"{fitting:,} ends of {len(result.exchanges):,} exchanges"


def _frame(layer: Layer) -> str:
    return "" if layer.frame is None else str(layer.frame)


def told(layer: Layer) -> str:
    """A layer's verdict in words."""
    instead = f"; a run could have: {', '.join(layer.instead)}" if layer.instead else ""
    if layer.verdict == DEPARTS:
        return f"no run has {layer.what} here, under any reading{instead}"
    if layer.what:
        return f"{layer.what}: {layer.reason}" + (instead if layer.verdict != FITS else "")
    return layer.reason or f"{layer.frames:,} of its frames matched"


def readings(result: Fit) -> Iterator[tuple[str, str, str, str]]:
    """A row for each end and reading of which a value is excluded: who, reading, the values left, the others with their frames."""
    for one in (*result.connections, *result.exchanges):
        for end in one.ends:
            for key, value in end.readings.items():
                out = ", ".join(f"{name} (frame {frame})" for name, frame in value.excluded.items())
                yield end.name, key, ", ".join(value.left) or "none", out


def combinations(result: Fit) -> Iterator[str]:
    """A line for each end of which only some combinations of readings are left."""
    for one in result.connections:
        for end in one.ends:
            for each in end.together:
                yield f"{end.name}: {'; or '.join(' and '.join(f'{key}={value}' for key, value in some.items()) for some in each)}"


def data(result: Fit) -> dict[str, Any]:
    """For `--json`."""
    return {"assumed": list(ASSUMED), "not_matched": list(result.left_out), "connections": [_matched(one) for one in result.connections],
            "exchanges": [_matched(one) for one in result.exchanges]}


def _matched(one: Matched) -> dict[str, Any]:
    return {"name": one.name, "ends": [_end(end) for end in one.ends]}


def _end(end: End) -> dict[str, Any]:
    return {
        "end": end.name,
        "layers": [{"layer": one.name, "verdict": one.verdict, "frames": one.frames, "frame": one.frame, "seen": one.what,
                    "instead": list(one.instead), "reason": one.reason} for one in end.layers],
        "readings": {key: {"left": list(value.left), "excluded": dict(value.excluded)} for key, value in end.readings.items()},
        "one_of": [[dict(one) for one in each] for each in end.together],
    }
