"""The draft's figures, judged: which are asked for, the exit status, and the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lockstep import __version__
from lockstep.choice import UsageError
from lockstep.report import AS_EXPECTED, NOT_DECIDED
from verify.numbers import AGREE, DISAGREE, FIGURES, NOT_STATED, TOPICS, UNDECIDED, Figure, Verdict, judge, shown
from verify.numbers.esp import LARGEST, MODES, SUITES, Sizes, largest, sizes
from verify.query import INTERRUPTED


def chosen(name: str | None) -> tuple[Figure, ...]:
    """The figures of a topic, or the one of that name; all without a name. Raises UsageError."""
    found = tuple(one for one in FIGURES if name in (None, one.topic, one.name))
    if not found:
        raise UsageError(f"numbers {name!r}: there is no such topic or figure; the topics are {', '.join(TOPICS)}, and "
                         "lockstep numbers TOPIC lists the figures of one")
    return found


def judged(figures: Sequence[Figure], timeout: float | None) -> Iterator[Verdict]:
    """Each figure judged, for up to `timeout` seconds each. Ctrl-C ends it after the figure it interrupted."""
    for figure in figures:
        verdict = judge(figure, timeout)
        yield verdict
        if verdict.reason == INTERRUPTED:
            return


def exit_status(figures: Sequence[Figure], verdicts: Sequence[Verdict]) -> int:
    """0, or 3 where something is undecided or was not looked at. That the draft is wrong is a finding and no failure."""
    undecided = len(verdicts) < len(figures) or any(one.word == UNDECIDED for one in verdicts)
    return NOT_DECIDED if undecided else AS_EXPECTED


COLUMNS = ("figure", "draft", "says", "stated", "computed", "verdict", "why")


def cells(one: Verdict) -> tuple[str, ...]:
    """A row of a table of figures."""
    figure = one.figure
    why = "; ".join(text for text in (one.reason, figure.assumption and f"assuming: {figure.assumption}") if text)
    return (figure.name, f"{figure.section} {figure.lines}", figure.says, shown(figure.stated), shown(figure.computed, figure.unit),
            one.word, why)


def counted(verdicts: Sequence[Verdict]) -> str:
    """How many there are of each verdict; undecided only where there are any."""
    count = {word: sum(one.word == word for one in verdicts) for word in (AGREE, DISAGREE, UNDECIDED, NOT_STATED)}
    return f"{len(verdicts)} figures: " + ", ".join(f"{number} {word}" for word, number in count.items() if number or word != UNDECIDED)


def to_document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """As one JSON document; numbers are exact, as text ("2361183241434822606848", "1/4096"), a range is a list of two."""
    return {"figures": [_plain(one) for one in verdicts], "version": __version__}


def _plain(one: Verdict) -> dict[str, Any]:
    figure = one.figure
    kept = ("name", "topic", "section", "lines", "says", "stated", "computed", "unit", "formula", "source", "assumption", "requirements",
            "findings")
    return {name: _exact(getattr(figure, name)) for name in kept} | {
        "verdict": one.word, "reason": one.reason, "example": {name: _exact(value) for name, value in one.example.items()}}


def _exact(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_exact(one) for one in value]
    return value if value is None or isinstance(value, bool) else str(value)


def packet(suite: str, mode: str, data: int) -> Sizes:
    """The packet of a segment with so many octets of data. Raises UsageError."""
    for kind, name, there in (("suite", suite, SUITES), ("mode", mode, MODES)):
        if name not in there:
            raise UsageError(f"{kind} {name!r}: there is no such {kind}; there are {', '.join(there)}")
    found = sizes(SUITES[suite], MODES[mode], data)
    if data < 0 or found.packet > LARGEST:
        most = largest(SUITES[suite], MODES[mode], LARGEST)
        raise UsageError(f"size {data}: give octets of TCP data from 0 to {most}, so that the packet has no more than {LARGEST}")
    return found


def most_data(suite: str, mode: str, mtu: int) -> int | None:
    """The most TCP data in a packet that fits the path MTU; None where no segment fits. Raises UsageError."""
    if not 0 < mtu <= LARGEST:
        raise UsageError(f"path MTU {mtu}: give octets from 1 to {LARGEST}")
    return largest(SUITES[suite], MODES[mode], mtu)
