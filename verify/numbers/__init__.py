"""The draft's arithmetic: each figure it gives, the computed one, and z3's judgement of both. No floating point."""

from __future__ import annotations

from verify.numbers import checksum, counter, keys, mtu, suites, times, window
from verify.numbers.figure import AGREE, DISAGREE, NOT_STATED, UNDECIDED, Figure, Verdict, judge, shown, shown_example

FIGURES: tuple[Figure, ...] = (
    *keys.FIGURES, *suites.FIGURES, *window.FIGURES, *mtu.FIGURES, *times.FIGURES, *checksum.FIGURES, *counter.FIGURES)
TOPICS = tuple(dict.fromkeys(figure.topic for figure in FIGURES))

__all__ = ["AGREE", "DISAGREE", "FIGURES", "NOT_STATED", "TOPICS", "UNDECIDED", "Figure", "Verdict", "judge", "shown", "shown_example"]
