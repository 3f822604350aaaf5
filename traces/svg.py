"""A run as a picture: a ladder in SVG, for a slide or a message. One file, no script, no font of its own.

A double line in a box is ESP, a dashed one without a box plaintext, a dotted one in a pill IKE; it ends at a bar where the message
arrives, in a cross where it is lost. The words are those of the ladder.
"""

from __future__ import annotations

import textwrap
from xml.sax.saxutils import escape

from properties.registry import PROPERTIES
from traces.ladder import Arrow, arrows, clock_of, forever, heading, states_of, surroundings, told
from traces.replay import Run

# In pixels. Columns: the number, A's states, the wire, B's states, what happened. Text is wrapped to so many letters.
NUMBER, STATE, WIRE, WORDS, GAP = 44, 210, 310, 430, 16
LINE, ARROW, PAD = 15, 34, 8
LETTERS = {STATE: 33, WORDS: 70}
LEFT = NUMBER + STATE + GAP
RIGHT = LEFT + WIRE
WIDE = RIGHT + GAP + STATE + GAP + WORDS + GAP
STYLE = """
text { font: 11px "DejaVu Sans", "Segoe UI", Helvetica, sans-serif; fill: #1b1d20; }
.title { font-weight: bold; font-size: 14px; } .soft { fill: #555b63; } .broken { fill: #a8121c; font-weight: bold; }
.life { stroke: #8a9199; } .rule { stroke: #c9cdd2; } .shaft { fill: none; stroke-width: 2; } .label { fill: #fff; }
.esp { stroke: #0a5f4e; } .plain { stroke: #9c3d00; stroke-dasharray: 8 4; }
.ike { stroke: #5f3594; stroke-dasharray: 1.5 4; stroke-linecap: round; }
.solid { stroke-dasharray: none; fill: none; stroke-width: 2.5; }
"""
LEGEND = "double line, boxed: ESP; dashed: plaintext; dotted: IKE; at a bar it arrives, at a cross it is lost; ✶ an attacker's"
KINDS = {"=": "esp", "-": "plain", ".": "ike"}


def svg(run: Run) -> str:
    """The run as an SVG document; ends in a newline."""
    trace = run.trace
    times = clock_of(run)[2:] or [""] * trace.length
    rows = [("0", states_of(run.system, run.initial), list[Arrow](), surroundings(run), False)]
    for number, (outcome, time) in enumerate(zip(run.outcomes, times, strict=True), 1):
        words = [text for text in (told(run.system, firing) for firing in outcome.fired) if text]
        broken = bool(trace.property) and trace.loop is None and number == trace.length
        mark = "!" if broken else "*" if trace.loop is not None and number > trace.loop else ""
        label = f"{number}{mark}"
        rows.append((label, states_of(run.system, outcome.after), arrows(run.system, outcome),
                     [*([f"at {time.strip()} s"] if time.strip() else []), *words], broken))
    title = heading(run)
    parts, y = [], 22
    for at, text in enumerate(title):
        parts += _text(GAP, y, [text], "title" if at == 0 else "soft")
        y += 20
    parts += [*_text(NUMBER, y, ["A"], "title"), *_text(RIGHT + GAP, y, ["B"], "title")]
    top, before = y + PAD, (list[str](), list[str]())
    y = top
    for label, both, drawn, words, broken in rows:
        shown = [[line for one in now for line in textwrap.wrap(one, LETTERS[STATE])] if now != old else []
                 for now, old in zip(both, before, strict=True)]
        before = both
        told_ = [line for one in words for line in textwrap.wrap(one, LETTERS[WORDS], subsequent_indent="   ")]
        high = max(LINE * max(1, len(told_), *map(len, shown)), ARROW * len(drawn)) + 2 * PAD
        parts.append(f'<path class="rule" d="M{GAP} {y}H{WIDE - GAP}"/>')
        parts += _text(GAP, y + PAD + 11, [label], "broken" if broken else "soft")
        parts += [*_text(NUMBER, y + PAD + 11, shown[0]), *_text(RIGHT + GAP, y + PAD + 11, shown[1]),
                  *_text(RIGHT + 2 * GAP + STATE, y + PAD + 11, told_)]
        for at, arrow in enumerate(drawn):
            parts += _arrow(arrow, y + PAD + ARROW * at + 26)
        y += high
    parts.insert(0, f'<path class="life" d="M{LEFT} {top}V{y}M{RIGHT} {top}V{y}"/>')
    for text, look in _ending(run):
        lines = textwrap.wrap(text, 170)
        parts += _text(GAP, y + 20, lines, look)
        y += LINE * len(lines) + 5
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{y + 20}" viewBox="0 0 {WIDE} {y + 20}" role="img" '
            f'aria-labelledby="title">\n<title id="title">{escape(title[0])}</title>\n<style>{STYLE}</style>')
    return "\n".join([head, f'<rect width="{WIDE}" height="{y + 20}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def _ending(run: Run) -> list[tuple[str, str]]:
    trace = run.trace
    found = [(f"for ever: {forever(trace)}", "soft")] if trace.loop is not None else []
    if trace.property:
        about = PROPERTIES[trace.property]
        found.append((f"✕ broken at {trace.end}: {about.sentence} ({about.source})", "broken"))
    return [*found, (LEGEND, "soft")]


def _text(x: int, y: int, lines: list[str], look: str = "") -> list[str]:
    kind = f' class="{look}"' if look else ""
    return [f'<text{kind} x="{x}" y="{y + LINE * at}">{escape(line)}</text>' for at, line in enumerate(lines)]


def _arrow(arrow: Arrow, y: int) -> list[str]:
    """One message: its line, its head, bar or cross, and its name above."""
    kind, way, middle = KINDS[arrow.line], 1 if arrow.right else -1, (LEFT + RIGHT) // 2
    start, goal = (LEFT, RIGHT) if arrow.right else (RIGHT, LEFT)
    begin = middle - way * 60 if arrow.fate in ("arrived", "injected") else start
    end = goal - way * 4 if arrow.fate == "arrived" else middle + way * (60 if arrow.fate == "lost" else 90)
    name = ("✶ " if arrow.forged else "") + arrow.text
    half = min(WIRE // 2 - 4, 3.3 * len(name) + 6)
    lines = [y - 1.5, y + 1.5] if kind == "esp" else [y]
    found = [f'<path class="shaft {kind}" d="M{begin} {at:g}H{end - way * 8}"/>' for at in lines]
    if kind != "plain":
        found.append(f'<rect class="label {kind}" x="{middle - half:.0f}" y="{y - 24}" width="{2 * half:.0f}" height="16" '
                     f'rx="{8 if kind == "ike" else 1}"/>')
    found.append(f'<text x="{middle}" y="{y - 12}" text-anchor="middle">{escape(name)}</text>')
    if arrow.fate == "lost":
        found.append(f'<path class="{kind} solid" d="M{end - 5} {y - 5}l10 10m0 -10l-10 10"/>')
    else:
        found.append(f'<path class="{kind} solid" d="M{end - way * 9} {y - 5}L{end} {y}L{end - way * 9} {y + 5}"/>')
    if arrow.fate == "arrived":
        found.append(f'<path class="{kind} solid" d="M{goal} {y - 8}v16"/>')
    return found
