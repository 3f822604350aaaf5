"""docs/pictures/lifecycle.svg: the draft's whole lifecycle on one picture, for a wall (A2, upright).

`python -m docs poster` draws it, in seconds, from `docs.lifecycle` and `docs.strikes`. One file, no script, no font of its own. Time runs
downwards, a row a step; each end has a lane a machine. Nothing is said by colour alone.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Sequence
from xml.sax.saxutils import escape

from docs.lifecycle import LANES, Course, Moment, Span, courses
from docs.pages import ROOT
from docs.poster_margins import legend, margins
from docs.poster_sheet import (
    BAND,
    DRAFT,
    EDGE,
    END,
    HIGH,
    LEFT,
    LINE,
    MARGIN,
    PATTERNS,
    RIGHT,
    ROW,
    SIDE,
    START,
    STEPS,
    STYLE,
    TOP,
    TURN,
    WIDE,
    height,
    lane,
    lines,
    text,
    tops_of,
)
from model.readings import READINGS
from model.system import ENDS
from properties.findings import FINDINGS

PICTURE = ROOT / "docs" / "pictures" / "lifecycle.svg"
TITLE = "The life of a BGP session under draft-ward-bgp-ipsec-00"
AGAIN = 12 * ROW  # after which a long bar says its name again
LOOKS = {"larval": "larval", "in": "half", "out": "half", "dying": "dying"}
KINDS = {"=": "esp", "-": "plain", ".": "ike"}
AT_REST = {"CLOSED", "Idle", "LISTEN"}  # states in which there is no connection: drawn white


def write() -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(), encoding="utf-8")


def svg() -> str:
    """The picture as an SVG document; ends in a newline."""
    whole, as_read = courses()
    first, second = TOP, TOP + height(whole) + TURN
    tops = [tops_of(whole, first), tops_of(as_read, second)]
    findings, bottom = legend(tops[1][-1] + 34)
    high = max(HIGH, round(bottom) + EDGE // 2)
    parts = [*_head(whole), *_lane_heads(first - 10), *_course(whole, tops[0]), *_turn(whole, second - TURN), *_course(as_read, tops[1]),
             *margins((whole, as_read), tops), *findings]
    about = ("Time runs downwards. For each of two BGP speakers, A and B, lanes show the states of BGP, TCP, IKE phase 1, the ESP security "
             f"associations and the security policy database; arrows between them are messages. {len(whole.moments)} rows lead from the "
             f"first IKE message to the end of the phase 1 SA, {len(as_read.moments)} more show the close as the draft is first read. The "
             f"left margin cites the draft where its sentences bind, the right one names the {len(FINDINGS)} known findings where they "
             "strike.")
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="420mm" height="594mm" viewBox="0 0 {WIDE} {high}" role="img" '
                      'aria-labelledby="title desc">', f'<title id="title">{escape(TITLE)}</title>',
                      f'<desc id="desc">{escape(about)}</desc>', f"<style>{STYLE}</style>", PATTERNS,
                      f'<rect width="{WIDE}" height="{high}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


# -- the parts -----------------------------------------------------------------------------------------------------------------------------


def _head(course: Course) -> list[str]:
    changed = list(dict.fromkeys(name.partition(":")[2] + "=" + value for name, value in course.scenario.readings.items()))
    said = ("Securing BGPv4 using IPsec (2002), as tables that run. Every state, arrow and rule here is a row of the model that fired: "
            f"one simulated run of {course.steps} steps, nothing lost, each step confirmed by the reference interpreter; repeated "
            "KEEPALIVEs are folded. So that the SAs outlive TIME-WAIT and are deleted after it, as 3.3 demands, "
            f"{_number(len(changed))} readings differ from the text as first read: {', '.join(changed)}. "
            "What the text as first read does instead stands below.")
    return [text(EDGE, 72, TITLE, "h1"), *lines(EDGE, 106, textwrap.wrap(said, 172), "sub", 20), *_key(MARGIN - 190, 62)]


def _key(x: float, y: float) -> list[str]:
    """What lines, bars and marks mean."""
    parts = [text(x, y - 18, "on the wire", "b"), text(x + 250, y - 18, "an SA, g1 or g2", "b")]
    for number, (kind, said) in enumerate((("esp", "a message in ESP"), ("ike", "a message of IKE"))):
        parts += [*_shaft(x, y + 22 * number, x + 61, y + 22 * number, kind), text(x + 72, y + 22 * number + 4, said)]
    for number, said in enumerate(("▸ an operator, a timer or a lifetime", "✕ discarded, with the rule that says so")):
        parts.append(text(x, y + 48 + 20 * number, said))
    for number, (look, said) in enumerate((("larval", "SPI reserved"), ("half", "inbound half only"), ("", "both halves"),
                                           ("dying", "past its soft lifetime"))):
        at = y - 8 + 22 * number
        parts += [f'<rect class="bar in-ESP {look}" x="{x + 250}" y="{at:g}" width="40" height="15" rx="3"/>', text(x + 300, at + 12, said)]
    return parts


def _lane_heads(y: float) -> list[str]:
    parts = [text(EDGE, y, "What the draft says, where it binds", "h2"), text(STEPS, y, "step, time", "h3"),
             text(MARGIN, y, "Where known findings strike", "h2"), text((LEFT + RIGHT) / 2, y, "the wire", "h3", "middle"),
             text(LEFT - SIDE / 2, y - 20, "A, which connects and closes", "h2", "middle"),
             text(RIGHT + SIDE / 2, y - 20, "B, which listens", "h2", "middle")]
    return [*parts, *(text(sum(lane(end, name)) / 2, y, name, "h3", "middle") for end in ENDS for name in LANES)]


def _course(course: Course, tops: Sequence[float]) -> list[str]:
    rows = list(zip(course.moments, tops, strict=False))
    parts = [f'<rect class="band" x="{EDGE + DRAFT}" y="{y - BAND:g}" width="{END - EDGE - DRAFT}" height="{BAND - 2}"/>'
             for one, y in rows if one.stage]
    parts += [f'<path class="rule" d="M{EDGE + DRAFT} {y + ROW:g}H{END}"/>' for _, y in rows]
    edges = [x for end in ENDS for name in LANES for x in lane(end, name)]
    parts += [f'<path class="lane" d="M{x:g} {tops[0] - START:g}V{tops[-1]:g}"/>' for x in edges]
    for span in course.spans:
        parts += _bar(span, tops, course.generations)
    for one, y in rows:
        if one.stage:
            title, about = map(escape, one.stage)
            parts.append(f'<text class="h3 halo" x="{STEPS}" y="{y - 7:g}">{title}<tspan class="about"> {about}</tspan></text>')
        parts += _when(one, y)
    return [*parts, *_messages(course, tops)]


def _messages(course: Course, tops: Sequence[float]) -> list[str]:
    """The arrows, and above them all their names. Of several that leave an end in one step each begins a little lower."""
    caused = {row for row, one in enumerate(course.moments) if one.cause and not one.folded}
    before: dict[tuple[int, bool], int] = defaultdict(int)
    drawn, names = list[str](), list[str]()
    for one in course.messages:
        place = before[one.sent, one.right]
        before[one.sent, one.right] += 1
        y0, y1 = tops[one.sent] + (22 if one.sent in caused else 11) + 8 * place, tops[one.arrived] + 9
        start, goal, named = *((LEFT, RIGHT) if one.right else (RIGHT, LEFT)), 0.26 + 0.2 * place
        drawn += _shaft(start, y0, goal, y1, KINDS[one.line])
        name = one.text.replace(" acks-FIN", ", acks FIN").replace(" +IC", " + INITIAL-CONTACT")
        names.append(text(start + (goal - start) * named, y0 + (y1 - y0) * named - 4, name, "halo", "middle"))
    return drawn + names


def _shaft(x0: float, y0: float, x1: float, y1: float, kind: str) -> list[str]:
    """A line with a head, double for ESP."""
    way = 1 if x1 > x0 else -1
    neck, back = x1 - way * 9, y1 - (y1 - y0) / (x1 - x0) * way * 9
    found = [f'<path class="shaft {kind}" d="M{x0:g} {y0 + shift:g}L{neck:g} {back + shift:.1f}"/>'
             for shift in ((-1.6, 1.6) if kind == "esp" else (0.0,))]
    return [*found, f'<path class="shaft {kind} head" d="M{neck:g} {back - 5:.1f}L{x1:g} {y1:g}L{neck:g} {back + 5:.1f}"/>']


def _bar(span: Span, tops: Sequence[float], generations: Sequence[str]) -> list[str]:
    """A state for as long as it lasts, with its name where it begins."""
    left, right = lane(span.end, span.lane)
    if span.lane == "ESP":
        names = [f"g{span.track}", *([span.text] if span.text != "in, out" else [])]
        look, track, wide = LOOKS.get(span.text, ""), generations.index(names[0]), (right - left) / len(generations)
        left, right = left + track * wide, left + (track + 1) * wide
    else:
        names, look = [span.text], "rest" if span.text in AT_REST else ""
    y = tops[0] - START if span.first < 0 else tops[span.first] + 6
    high = (tops[span.until] + 6 if span.until < len(tops) - 1 else tops[-1]) - y
    found = [f'<rect class="bar in-{span.lane} {look}" x="{left + 3:g}" y="{y:g}" width="{right - left - 6:g}" height="{high:g}" rx="3"/>']
    found += [text((left + right) / 2, y + 13 + LINE * number, f"by {name}", "soft halo", "middle")
              for number, name in enumerate(span.passed, 1)]
    for turn in range(max(0, int((high - 3 * ROW) // AGAIN)) + 1):
        found += [text((left + right) / 2, y + 13 + AGAIN * turn + LINE * number, name, "b halo", "middle")
                  for number, name in enumerate(names)]
    return found


def _when(one: Moment, y: float) -> list[str]:
    """The number and time of a row, what happened at which end, and what was discarded there."""
    last = f" to {one.number + one.folded - 1}" if one.folded else ""
    found = [text(STEPS, y + 14, f"{one.number}{last}", "b"), text(STEPS, y + 27, f"{one.time:,.3f} s", "soft")]
    if one.folded:
        what = "the same again" if one.dropped else "KEEPALIVE and its ACK, as often as the timer says"
        return [*found, text((LEFT + RIGHT) / 2, y + 20, f"⋮ {what} ⋮", "soft halo", "middle")]
    if one.cause:
        end, event = one.cause
        said = textwrap.wrap(event.replace("_with_", " with ").replace("_", " "), 34)
        for number, line in enumerate(said):
            first, final = number == 0, number == len(said) - 1
            found.append(text(LEFT + 6, y + 11 + 12 * number, "▸ " * first + line, "b halo") if end == "A" else
                         text(RIGHT - 6, y + 11 + 12 * number, line + " ◂" * final, "b halo", "end"))
    return found + [text(LEFT - 5, y + 15, f"{row} ✕", "bad halo", "end") if end == "A" else
                    text(RIGHT + 5, y + 15, f"✕ {row}", "bad halo") for end, row in one.dropped]


def _turn(course: Course, y: float) -> list[str]:
    """Between the two courses."""
    taken = dict.fromkeys(name.partition(":")[2] for name in course.scenario.readings)
    said = "; ".join(f"{key}: {READINGS[key].about} ({READINGS[key].source})" for key in taken)
    return [text(EDGE + DRAFT + 6, y + 30, "The same Cease, as the text is first read", "h2"),
            *lines(EDGE + DRAFT + 6, y + 47, textwrap.wrap(f"What was read otherwise above: {said}.", 185), "soft", LINE)]


def _number(count: int) -> str:
    return ("no", "one", "two", "three", "four", "five")[count] if count < 6 else str(count)
