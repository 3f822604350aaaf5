"""The sheet that `docs.poster` draws on: where everything stands, how it looks, and the SVG of a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from docs.lifecycle import LANES, Course

# In pixels, 4.67 to a millimetre of A2; higher where the list of findings needs it. Columns from left to right: the draft, step and time,
# A's lanes, the wire, B's lanes, findings.
WIDE, HIGH, EDGE = 1960, 2772, 42
DRAFT, TIME, WIRE = 372, 92, 346
WIDTHS = {"BGP": 86, "TCP": 100, "IKE": 76, "ESP": 88, "SPD": 62}
SIDE = sum(WIDTHS.values())
STEPS = EDGE + DRAFT + 6
LEFT = EDGE + DRAFT + TIME + SIDE
RIGHT = LEFT + WIRE
END = RIGHT + SIDE
MARGIN = END + 18  # of the findings
TOP, BAND, ROW, START, TURN = 214, 22, 31, 20, 92
LINE, LEGEND = 13.5, 12.6  # between lines of small print, and of the list of findings
STYLE = """
text { font: 11px "DejaVu Sans", Verdana, "Segoe UI", sans-serif; fill: #16191d; }
.h1 { font-size: 36px; font-weight: bold; } .h2 { font-size: 15px; font-weight: bold; }
.h3 { font-size: 12px; font-weight: bold; }
.sub { font-size: 14px; } .b { font-weight: bold; } .about { font-weight: normal; } .soft { fill: #4d545c; }
.bad { fill: #a3101a; font-weight: bold; }
.halo { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
.band { fill: #e8ebee; } .rule { stroke: #d5d9dd; } .lane { stroke: #b9bfc6; } .lead { fill: none; stroke: #7b838c; stroke-width: .8; }
.bar { stroke-width: 1.2; } .in-BGP { fill: #dce8f6; stroke: #1d4f91; } .in-TCP { fill: #fdf0cf; stroke: #8a5a00; }
.in-IKE { fill: #ebe1f6; stroke: #5f3594; } .in-ESP { fill: #cfeade; stroke: #0a5f4e; } .in-SPD { fill: #eceae6; stroke: #5b564d; }
.rest { fill: #fff; } .larval { fill: #fff; stroke-dasharray: 4 3; } .half { fill: url(#half); } .dying { fill: url(#dying); }
.shaft { fill: none; stroke-width: 1.8; } .esp { stroke: #0a5f4e; } .plain { stroke: #9c3d00; stroke-dasharray: 8 4; }
.ike { stroke: #5f3594; stroke-dasharray: 1.5 4; stroke-linecap: round; } .head { stroke-dasharray: none; stroke-width: 2.2; }
"""
PATTERNS = """<defs>
<pattern id="half" width="6" height="6" patternUnits="userSpaceOnUse">
<path d="M0 0h6v6h-6z" fill="#fff"/><path d="M0 1.5h6" stroke="#0a5f4e" stroke-width="1"/></pattern>
<pattern id="dying" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path d="M0 0h7v7h-7z" fill="#cfeade"/><path d="M1.5 0v7" stroke="#0a5f4e" stroke-width="1"/></pattern>
</defs>"""
NO_BREAK = "\N{NO-BREAK SPACE}"
NO_BREAK = "\N{NO-BREAK SPACE}"


def height(course: Course) -> float:
    return START + ROW * len(course.moments) + BAND * sum(one.stage is not None for one in course.moments)


def tops_of(course: Course, top: float) -> list[float]:
    """The upper edge of each row, below the band of a stage that begins there; and the lower edge of the last."""
    found, y = [], top + START
    for one in course.moments:
        y += BAND if one.stage else 0
        found.append(y)
        y += ROW
    return [*found, y]


def lane(end: str, lane: str) -> tuple[float, float]:
    """Left and right edge of a lane."""
    names = list(LANES)
    before = sum(WIDTHS[one] for one in names[:names.index(lane)])
    x = LEFT - SIDE + before if end == "A" else RIGHT + SIDE - before - WIDTHS[lane]
    return x, x + WIDTHS[lane]


# -- SVG -----------------------------------------------------------------------------------------------------------------------------------


def text(x: float, y: float, said: str, look: str = "", anchor: str = "start") -> str:
    kind = f' class="{look}"' if look else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text{kind} x="{x:g}" y="{y:g}"{where}>{escape(said)}</text>'


def lines(x: float, y: float, said: Sequence[str], look: str, apart: float) -> list[str]:
    return [text(x, y + apart * number, line, look) for number, line in enumerate(said)]
