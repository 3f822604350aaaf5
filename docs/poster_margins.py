"""What stands beside and below the course on `docs.poster`: the draft's sentences, the findings, and the list of findings."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from docs.finding_pages import severity
from docs.lifecycle import Course, Rule
from docs.poster_sheet import DRAFT, EDGE, END, LEGEND, LINE, MARGIN, NO_BREAK, TOP, WIDE, text
from docs.strikes import strikes
from lockstep.ledger import CONTRADICTED, verdict
from properties.findings import FINDINGS
from properties.registry import HOLDS, VIOLATED

SEVERITIES = (("▲", "a segment leaves or enters unprotected"), ("●", "an end does what a claim forbids"), ("◆", "it ends badly"))
MARKS = {HOLDS: "✓", VIOLATED: "✕", CONTRADICTED: "✕"}
COLUMNS = 4
Item = tuple[float, list[tuple[str, str]]]  # where it belongs, and its lines, each with its look


def margins(both: Sequence[Course], tops: Sequence[Sequence[float]]) -> list[str]:
    """The draft's sentences on the left and the findings on the right, each beside the row where it belongs, or near it."""
    at: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, place in strikes().items():
        at[place].append(name)
    left, right = list[Item](), list[Item]()
    for number, course in enumerate(both):
        for row, one in enumerate(course.moments):
            y = tops[number][row] + 12
            if one.rules:
                left.append((y, [line for rule in one.rules for line in _rule(rule)]))
            said = [line for broken in one.broken for line in _broken(*broken)] + list(_names(at[number, row]))
            if said:
                right.append((y, said))
    bottom = tops[-1][-1] + 20
    return [*_column(left, EDGE, EDGE + DRAFT - 14, EDGE + DRAFT, bottom), *_column(right, MARGIN + 4, MARGIN - 4, END, bottom)]


def _column(items: Sequence[Item], x: float, bar: float, edge: float, bottom: float) -> list[str]:
    """One margin: text at x, with a bar beside it and a line from there to the row at the edge of the lanes."""
    parts, elbow = [], bar + (6 if edge > bar else -6)
    heights = [LINE * len(said) + 9 for _, said in items]
    for (y, said), high, top in zip(items, heights, spread([y - 10 for y, _ in items], heights, TOP, bottom), strict=True):
        parts.append(f'<path class="lead" d="M{edge} {y:g}L{elbow} {top + 7:.1f}M{bar} {top:.1f}v{high - 8:.1f}"/>')
        parts += [text(x, top + 10 + LINE * number, line, look) for number, (look, line) in enumerate(said)]
    return parts


def _broken(claim: str, end: str) -> Iterable[tuple[str, str]]:
    return ("bad", f"✕ {claim}"), ("soft", f"{NO_BREAK * 4}broken at {end}, in this run")


def _rule(rule: Rule) -> Iterable[tuple[str, str]]:
    """A rule of the binding and its sentences, as (look, line)."""
    yield "b", f"{rule.end}: {rule.name}"
    if not rule.sentences:
        yield "soft", rule.source
    for one in rule.sentences:
        word = verdict(one).word
        yield "soft", f"{MARKS.get(word, '·')} {one.source}, {one.keyword}: {word}"
        yield from (("", line) for line in textwrap.wrap(one.says, 56))


def _names(found: Sequence[str]) -> Iterable[tuple[str, str]]:
    """The findings of a row, a line for each number and mark."""
    families: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in found:
        number, _, about = name.partition("/")
        families[number, SEVERITIES[severity(FINDINGS[name])][0]].append(about)
    for (number, mark), those in families.items():
        lines = textwrap.wrap(f"{mark} {number} {', '.join(those)}", 44, subsequent_indent=NO_BREAK * 4)
        yield from (("", line) for line in lines)


def spread(wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Where items stand that must not overlap, in their order: so that the squares of their distances from where each is wanted are
    least (pool adjacent violators), and between top and bottom where there is room."""
    offsets = [sum(heights[:number]) for number in range(len(heights))]
    pools: list[tuple[float, int]] = []
    for one, offset in zip(wanted, offsets, strict=True):
        pools.append((one - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    free = [value for value, number in pools for _ in range(number)]
    most = bottom - sum(heights)
    return [min(max(value, top), max(most, top)) + offset for value, offset in zip(free, offsets, strict=True)]


def legend(y: float) -> tuple[list[str], float]:
    """All findings with their titles, in columns; and where they end."""
    said = ". ".join(["   ".join(f"{mark} {about}" for mark, about in SEVERITIES),
                      "Each is a shortest run, replayed; it stands where this course is most like the step in which its cause shows "
                      "(docs/strikes.py), and its page is docs/findings/NAME.md."])
    parts = [f'<path class="lane" d="M{EDGE} {y:g}H{WIDE - EDGE}"/>', text(EDGE, y + 24, f"The {len(FINDINGS)} findings", "h2"),
             text(EDGE + 150, y + 24, said, "soft")]
    entries = {name: textwrap.wrap(f"{SEVERITIES[severity(one)][0]} {name}  {one.title}", 76) for name, one in FINDINGS.items()}
    most = -(-sum(map(len, entries.values())) // COLUMNS) + 1
    column = at = 0
    for name, wrapped in entries.items():
        if at + len(wrapped) > most:
            column, at = column + 1, 0
        x = EDGE + column * (WIDE - 2 * EDGE) / COLUMNS
        for number, line in enumerate(wrapped, at):
            place, bold = y + 44 + number * LEGEND, 2 + len(name)
            parts.append(text(x + 14, place, line) if number > at else
                         f'<text x="{x:g}" y="{place:g}"><tspan class="b">{escape(line[:bold])}</tspan>{escape(line[bold:])}</text>')
        at += len(wrapped)
    return parts, y + 44 + most * LEGEND
