"""Where verdicts of different engines cannot both be true."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from lockstep.report import PropertyResult
from properties.registry import HOLDS, VIOLATED, free_to_depth

SHORTEST = ("search", "bmc")  # engines whose witnesses are shortest ones


def contradictions(results: Sequence[PropertyResult]) -> list[str]:
    """One line for each pair of results on the same question that contradict each other."""
    together: dict[tuple[object, ...], list[PropertyResult]] = {}
    for one in results:
        key = (one.slice, one.preset, one.property, one.finding, *sorted(one.readings.items()), *sorted(one.bounds.items()))
        together.setdefault(key, []).append(one)
    return [f"{first.property}, {first.slice}, {first.preset}: {_said(first)}, but {_said(second)}"
            for group in together.values() for first, second in combinations(group, 2)
            if _contradicts(first, second) or _contradicts(second, first)]


def _said(one: PropertyResult) -> str:
    steps = f" in {one.length} steps" if one.length is not None else ""
    return f"{one.engine} says {one.verdict}{steps}"


def _contradicts(first: PropertyResult, second: PropertyResult) -> bool:
    """Whether what the first established rules out the second's witness."""
    if second.verdict != VIOLATED or second.length is None:
        return False
    if first.verdict == HOLDS:
        return True
    free = free_to_depth(first.verdict)
    if free is not None:
        return second.length <= free
    return first.verdict == VIOLATED and first.engine in SHORTEST and first.length is not None and second.length < first.length
