"""docs/pictures/lifecycle.svg: the draft's whole lifecycle on one picture, for a wall (A2, upright).

`python -m docs poster` draws it, in seconds, from `docs.lifecycle` and `docs.strikes`. One file, no script, no font of its own. Time runs
downwards, a row a step; each end has a lane a machine. Nothing is said by colour alone.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from docs.finding_pages import severity
from docs.lifecycle import LANES, NOTHING_RUNS, Course, Moment, Rule, Span, courses
from docs.pages import ROOT
from docs.strikes import strikes
from lockstep.ledger import verdict
from model.readings import READINGS
from model.system import ENDS
from properties.findings import FINDINGS
from properties.registry import HOLDS

PICTURE = ROOT / "docs" / "pictures" / "lifecycle.svg"

# In pixels, 4.67 to a millimetre of A2. Columns from left to right: the draft, step and time, A's lanes, the wire, B's lanes, findings.
WIDE, HIGH, EDGE = 1960, 2772, 42
DRAFT, TIME, WIRE = 372, 92, 346
WIDTHS = {"BGP": 86, "TCP": 100, "IKE": 76, "ESP": 88, "SPD": 62}
SIDE = sum(WIDTHS.values())
LEFT = EDGE + DRAFT + TIME + SIDE
RIGHT = LEFT + WIRE
MARGIN = RIGHT + SIDE + 18  # of the findings
TOP, BAND, ROW, START, TURN = 214, 22, 31, 20, 92
LINE, LEGEND = 13.5, 12.6  # between lines of small print, and of the list of findings
AGAIN = 12 * ROW  # after which a long bar says its name again
SEVERITIES = (("▲", "a segment leaves or enters unprotected"), ("●", "an end does what a claim forbids"), ("◆", "it ends badly"))
STYLE = """
text { font: 11px "DejaVu Sans", Verdana, "Segoe UI", sans-serif; fill: #16191d; }
.h1 { font-size: 36px; font-weight: bold; } .h2 { font-size: 15px; font-weight: bold; } .h3 { font-size: 12px; font-weight: bold; }
.sub { font-size: 14px; } .b { font-weight: bold; } .about { font-weight: normal; } .soft { fill: #4d545c; } .bad { fill: #a3101a; font-weight: bold; }
.halo { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
.band { fill: #e8ebee; } .rule { stroke: #d5d9dd; } .lane { stroke: #b9bfc6; } .lead { fill: none; stroke: #7b838c; stroke-width: .8; }
.bar { stroke-width: 1.2; } .BGP { fill: #dce8f6; stroke: #1d4f91; } .TCP { fill: #fdf0cf; stroke: #8a5a00; }
.IKE { fill: #ebe1f6; stroke: #5f3594; } .ESP { fill: #cfeade; stroke: #0a5f4e; } .SPD { fill: #eceae6; stroke: #5b564d; }
.rest { fill: #fff; } .larval { fill: #fff; stroke-dasharray: 4 3; } .half { fill: url(#half); } .dying { fill: url(#dying); }
.shaft { fill: none; stroke-width: 1.8; } .esp { stroke: #0a5f4e; } .plain { stroke: #9c3d00; stroke-dasharray: 8 4; }
.ike { stroke: #5f3594; stroke-dasharray: 1.5 4; stroke-linecap: round; } .head { stroke-dasharray: none; stroke-width: 2.2; }
"""
PATTERNS = """<defs>
<pattern id="half" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 0h6v6h-6z" fill="#fff"/><path d="M0 1.5h6" stroke="#0a5f4e" stroke-width="1"/></pattern>
<pattern id="dying" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0h7v7h-7z" fill="#cfeade"/><path d="M1.5 0v7" stroke="#0a5f4e" stroke-width="1"/></pattern>
</defs>"""
NO_BREAK = "\N{NO-BREAK SPACE}"
LOOKS = {"larval": "larval", "in": "half", "out": "half", "dying": "dying"}
KINDS = {"=": "esp", "-": "plain", ".": "ike"}


def write() -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(), encoding="utf-8")


def svg() -> str:
    """The picture as an SVG document; ends in a newline."""
    whole, as_read = courses()
    first, second = TOP, TOP + _height(whole) + TURN
    end = second + _height(as_read)
    tops = [_tops(whole, first), _tops(as_read, second)]
    parts = [*_head(whole), *_lane_heads(first - 10)]
    for number, course in enumerate((whole, as_read)):
        parts += _course(course, tops[number], first if number == 0 else second)
    parts += _turn(whole, second - TURN)
    parts += _margins((whole, as_read), tops, end)
    parts += _legend(end + 34)
    about = (f"Time runs downwards. For each of two BGP speakers, A and B, lanes show the states of BGP, TCP, IKE phase 1, the ESP security "
             f"associations and the security policy database; arrows between them are messages. {len(whole.moments)} rows lead from the "
             f"first IKE message to the end of the phase 1 SA, {len(as_read.moments)} more show the close as the draft is first read. The left "
             f"margin cites the draft where its sentences bind, the right one names the {len(FINDINGS)} known findings where they strike.")
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="420mm" height="594mm" viewBox="0 0 {WIDE} {HIGH}" role="img" '
                      'aria-labelledby="title desc">', f'<title id="title">{escape(TITLE)}</title>', f'<desc id="desc">{escape(about)}</desc>',
                      f"<style>{STYLE}</style>", PATTERNS, f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


TITLE = "The life of a BGP session under draft-ward-bgp-ipsec-00"


# -- where things stand --------------------------------------------------------------------------------------------------------------------


def _height(course: Course) -> float:
    return START + ROW * len(course.moments) + BAND * sum(one.stage is not None for one in course.moments)


def _tops(course: Course, top: float) -> list[float]:
    """The upper edge of each row, below the band of a stage that begins there; and the lower edge of the last."""
    found, y = [], top + START
    for one in course.moments:
        y += BAND if one.stage else 0
        found.append(y)
        y += ROW
    return [*found, y]


def _lane(end: str, lane: str) -> tuple[float, float]:
    """Left and right edge of a lane."""
    names = list(LANES)
    before = sum(WIDTHS[one] for one in names[:names.index(lane)])
    x = LEFT - SIDE + before if end == "A" else RIGHT + SIDE - before - WIDTHS[lane]
    return x, x + WIDTHS[lane]


# -- the parts -----------------------------------------------------------------------------------------------------------------------------


def _head(course: Course) -> list[str]:
    changed = list(dict.fromkeys(name.partition(":")[2] + "=" + value for name, value in course.scenario.readings.items()))
    said = (f"Securing BGPv4 using IPsec (2002), as tables that run. Every state, arrow and rule here is a row of the model that fired: one "
            f"simulated run of {course.steps} steps, seed 0, nothing lost, each step confirmed by the reference interpreter; repeated KEEPALIVEs are "
            f"folded. So that the SAs outlive TIME-WAIT and are deleted after it, as 3.3 demands, {_number(len(changed))} readings differ from "
            f"the text as first read: "
            f"{', '.join(changed)}. What the text as first read does instead stands below.")
    return [_text(EDGE, 72, TITLE, "h1"), *_lines(EDGE, 106, textwrap.wrap(said, 172), "sub", 20), *_key(MARGIN - 150, 62)]


def _key(x: float, y: float) -> list[str]:
    """What lines, bars and marks mean."""
    said = (("esp", "a message in ESP"), ("ike", "a message of IKE"))
    parts = []
    for number, (kind, text) in enumerate(said):
        at = y + 22 * number
        shifts = (-1.6, 1.6) if kind == "esp" else (0.0,)
        parts += [f'<path class="shaft {kind}" d="M{x} {at + shift:g}h52"/>' for shift in shifts]
        parts += [f'<path class="shaft {kind} head" d="M{x + 52} {at - 5:g}l9 5l-9 5"/>', _text(x + 72, at + 4, text)]
    for number, text in enumerate(("▸ an operator, a timer or a lifetime", "✕ discarded, with the rule that says so")):
        parts.append(_text(x, y + 48 + 20 * number, text))
    for number, (look, text) in enumerate((("larval", "SPI reserved"), ("half", "inbound half only"), ("", "both halves"),
                                           ("dying", "past its soft lifetime"))):
        at = y - 8 + 22 * number
        parts += [f'<rect class="bar ESP {look}" x="{x + 250}" y="{at:g}" width="40" height="15" rx="3"/>', _text(x + 300, at + 12, text)]
    return [*parts, _text(x + 250, y - 18, "an SA, g1 or g2", "b"), _text(x, y - 18, "on the wire", "b")]


def _lane_heads(y: float) -> list[str]:
    parts = [_text(EDGE, y, "What the draft says, where it binds", "h2"), _text(EDGE + DRAFT + 6, y, "step, time", "h3"),
             _text(MARGIN, y, "Where known findings strike", "h2"), _text((LEFT + RIGHT) / 2, y, "the wire", "h3", "middle")]
    for end in ENDS:
        middle = LEFT - SIDE / 2 if end == "A" else RIGHT + SIDE / 2
        parts.append(_text(middle, y - 20, f"{end}, which connects and closes" if end == "A" else f"{end}, which listens", "h2", "middle"))
        parts += [_text(sum(_lane(end, lane)) / 2, y, lane, "h3", "middle") for lane in LANES]
    return parts


def _course(course: Course, tops: Sequence[float], top: float) -> list[str]:
    bottom, parts = tops[-1], []
    for one, y in zip(course.moments, tops, strict=False):
        if one.stage:
            parts.append(f'<rect class="band" x="{EDGE + DRAFT}" y="{y - BAND:g}" width="{MARGIN - 18 - EDGE - DRAFT}" height="{BAND - 2}"/>')
        parts.append(f'<path class="rule" d="M{EDGE + DRAFT} {y + ROW:g}H{MARGIN - 18}"/>')
    parts += [f'<path class="lane" d="M{x:g} {top:g}V{bottom:g}"/>' for end in ENDS for lane in LANES for x in _lane(end, lane)]
    parts += [line for span in course.spans for line in _bar(span, tops, course.generations)]
    for one, y in zip(course.moments, tops, strict=False):
        if one.stage:
            x = EDGE + DRAFT + 6
            parts.append(f'<text class="h3 halo" x="{x}" y="{y - 7:g}">{escape(one.stage[0])}<tspan class="about"> {escape(one.stage[1])}</tspan>'
                         "</text>")
        parts += _when(one, y)
    starts: dict[tuple[int, bool], int] = defaultdict(int)
    caused = {row for row, one in enumerate(course.moments) if one.cause and not one.folded}
    drawn, names = [], []
    for message in course.messages:
        place = starts[message.sent, message.right]
        starts[message.sent, message.right] += 1
        begin = tops[message.sent] + (22 if message.sent in caused else 11) + 8 * place
        line, name = _arrow(message.right, message.text, KINDS[message.line], begin, tops[message.arrived] + 9, 0.26 + 0.2 * place)
        drawn += line
        names += name
    return parts + drawn + names


def _bar(span: Span, tops: Sequence[float], generations: Sequence[str]) -> list[str]:
    """A state for as long as it lasts, with its name at its beginning."""
    left, right = _lane(span.end, span.lane)
    name = span.text
    if span.lane == "ESP":
        track = generations.index(f"g{span.track}")
        wide = (right - left) / len(generations)
        left, right = left + track * wide, left + (track + 1) * wide
    y = tops[0] - START if span.first < 0 else tops[span.first] + 6
    high = tops[span.until] + 6 - y if span.until < len(tops) - 1 else tops[-1] - y
    look = LOOKS.get(name, "") if span.lane == "ESP" else "rest" if name in NOTHING_RUNS else ""
    x, wide = left + 3, right - left - 6
    found = [f'<rect class="bar {span.lane} {look}" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="3"/>']
    names = [f"g{span.track}", name] if span.lane == "ESP" and name != "in, out" else [f"g{span.track}"] if span.lane == "ESP" else [name]
    at = [y + 13, *(y + 13 + AGAIN * turn for turn in range(1, int((high - 3 * ROW) // AGAIN) + 1))]
    for place in at:
        found += [_text(x + wide / 2, place + LINE * number, one, "b halo", "middle") for number, one in enumerate(names)
                  if place + LINE * number < y + high]
    return found


def _when(one: Moment, y: float) -> list[str]:
    x = EDGE + DRAFT + 6
    found = [_text(x, y + 14, str(one.number) if not one.folded else f"{one.number} to {one.number + one.folded - 1}", "b"),
             _text(x, y + 27, f"{one.time:,.3f} s", "soft")]
    if one.folded:
        what = "the same again" if one.dropped else "KEEPALIVE and its ACK, as often as the timer says"
        found.append(_text((LEFT + RIGHT) / 2, y + 20, f"⋮ {what} ⋮", "soft halo", "middle"))
    elif one.cause:
        end, event = one.cause
        name = event.replace("_with_", " with ").replace("_", " ")
        lines = textwrap.wrap(name, 34)
        place, anchor = (LEFT + 6, "start") if end == "A" else (RIGHT - 6, "end")
        lines[0] = f"▸ {lines[0]}" if end == "A" else lines[0]
        lines[-1] = lines[-1] if end == "A" else f"{lines[-1]} ◂"
        found += [_text(place, y + 11 + 12 * number, line, "b halo", anchor) for number, line in enumerate(lines)]
    for end, row in () if one.folded else one.dropped:
        place, anchor, text = (LEFT - 5, "end", f"{row} ✕") if end == "A" else (RIGHT + 5, "start", f"✕ {row}")
        found.append(_text(place, y + 15, text, "bad halo", anchor))
    return found


def _arrow(right: bool, text: str, kind: str, y0: float, y1: float, named: float) -> tuple[list[str], list[str]]:
    """A message from where it leaves to where it arrives: its line with its head, and its name, `named` of the way."""
    start, goal = (LEFT, RIGHT) if right else (RIGHT, LEFT)
    slope, way = (y1 - y0) / (goal - start), 1 if right else -1
    shifts = (-1.6, 1.6) if kind == "esp" else (0.0,)
    lines = [f'<path class="shaft {kind}" d="M{start} {y0 + one:g}L{goal - way * 9} {y1 - slope * way * 9 + one:.1f}"/>' for one in shifts]
    lines.append(f'<path class="shaft {kind} head" d="M{goal - way * 9} {y1 - slope * way * 9 - 5:.1f}L{goal} {y1:g}'
                 f'L{goal - way * 9} {y1 - slope * way * 9 + 5:.1f}"/>')
    at = start + (goal - start) * named
    name = text.replace(" acks-FIN", ", acks FIN").replace(" +IC", " + INITIAL-CONTACT")
    return lines, [_text(at, y0 + slope * (at - start) - 4, name, "halo", "middle")]


def _turn(course: Course, y: float) -> list[str]:
    """Between the two courses."""
    taken = dict.fromkeys(name.partition(":")[2] for name in course.scenario.readings)
    said = "; ".join(f"{key}: {READINGS[key].about} ({READINGS[key].source})" for key in taken)
    return [_text(EDGE + DRAFT + 6, y + 30, "The same Cease, as the text is first read", "h2"),
            *_lines(EDGE + DRAFT + 6, y + 47, textwrap.wrap(f"What was read otherwise above: {said}.", 185), "soft", LINE)]


# -- the margins ---------------------------------------------------------------------------------------------------------------------------


def _margins(both: Sequence[Course], tops: Sequence[Sequence[float]], end: float) -> list[str]:
    left: list[tuple[float, list[tuple[str, str]]]] = []
    right: list[tuple[float, list[tuple[str, str]]]] = []
    at: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, place in strikes().items():
        at[place].append(name)
    for number, course in enumerate(both):
        for row, one in enumerate(course.moments):
            y = tops[number][row] + 12
            if one.rules:
                left.append((y, [line for rule in one.rules for line in _rule(rule)]))
            lines = [line for claim, place in one.broken for line in (("bad", f"✕ {claim}"), ("soft", f"{NO_BREAK * 4}broken at {place}, in this run"))]
            lines += _names(at[number, row])
            if lines:
                right.append((y, lines))
    parts = []
    for items, x, edge, turn in ((left, EDGE, EDGE + DRAFT, -1), (right, MARGIN, MARGIN - 18, 1)):
        heights = [LINE * len(lines) + 9 for _, lines in items]
        for (y, lines), high, top in zip(items, heights, spread([y - 10 for y, _ in items], heights, TOP, end + 20), strict=True):
            near = x + DRAFT - 14 if turn < 0 else x - 4
            parts.append(f'<path class="lead" d="M{edge} {y:g}L{near - turn * 6} {top + 7:.1f}M{near} {top:.1f}v{high - 8:.1f}"/>')
            parts += [_text(x if turn < 0 else x + 4, top + 10 + LINE * number, text, look) for number, (look, text) in enumerate(lines)]
    return parts


def _rule(rule: Rule) -> Iterable[tuple[str, str]]:
    """A rule of the binding and its sentences, as (look, line)."""
    yield "b", f"{rule.end}: {rule.name}"
    if not rule.sentences:
        yield "soft", rule.source
    for one in rule.sentences:
        word = verdict(one).word
        yield "soft", f"{'✓' if word == HOLDS else '✕' if word in ('violated', 'contradicted') else '·'} {one.source}, {one.keyword}: {word}"
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
    """Where items that must not overlap stand, in their order, so that the squares of their distances from where each is wanted are least
    (pool adjacent violators), and all between top and bottom where there is room."""
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


# -- the legend ----------------------------------------------------------------------------------------------------------------------------


def _legend(y: float) -> list[str]:
    wide, columns = (WIDE - 2 * EDGE) / 4, 4
    parts = [f'<path class="lane" d="M{EDGE} {y}H{WIDE - EDGE}"/>', _text(EDGE, y + 24, f"The {len(FINDINGS)} findings", "h2")]
    marks = "   ".join(f"{mark} {about}" for mark, about in SEVERITIES)
    parts.append(_text(EDGE + 150, y + 24, f"{marks}.   Each is a shortest run, replayed; it stands where this course is most like the step in which "
                       "its cause shows (docs/strikes.py), and its page is docs/findings/NAME.md.", "soft"))
    entries = []
    for name, finding in FINDINGS.items():
        mark = SEVERITIES[severity(finding)][0]
        lines = textwrap.wrap(f"{mark} {name}  {finding.title}", 76, subsequent_indent="  ")
        entries.append((name, lines))
    total = sum(len(lines) for _, lines in entries)
    column, at = 0, 0
    for name, lines in entries:
        if at + len(lines) > -(-total // columns) + 1:
            column, at = column + 1, 0
        for number, line in enumerate(lines):
            x, place = EDGE + column * wide, y + 44 + (at + number) * LEGEND
            if number == 0:
                head = line[:2 + len(name)]
                parts.append(f'<text x="{x:g}" y="{place:g}"><tspan class="b">{escape(head)}</tspan>{escape(line[len(head):])}</text>')
            else:
                parts.append(_text(x + 14, place, line.strip()))
        at += len(lines)
    return parts


# -- SVG -----------------------------------------------------------------------------------------------------------------------------------


def _text(x: float, y: float, text: str, look: str = "", anchor: str = "start") -> str:
    kind = f' class="{look}"' if look else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text{kind} x="{x:g}" y="{y:g}"{where}>{escape(text)}</text>'


def _lines(x: float, y: float, lines: Sequence[str], look: str, apart: float) -> list[str]:
    return [_text(x, y + apart * number, line, look) for number, line in enumerate(lines)]


def _number(count: int) -> str:
    return ("no", "one", "two", "three", "four", "five")[count] if count < 6 else str(count)
