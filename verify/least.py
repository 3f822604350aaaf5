"""Smallest sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def least(whole: Sequence[str], enough: Callable[[list[str]], bool]) -> tuple[str, ...] | None:
    """Of what is enough a part that is enough too, and none of which can be spared; None where not even the whole is enough. What is
    enough stays so with more."""
    needed = list(whole)
    if not enough(needed):
        return None
    for one in whole:
        fewer = [other for other in needed if other != one]
        if enough(fewer):
            needed = fewer
    return tuple(needed)
