"""A run as a Mermaid sequence diagram (mermaid.js.org, sequenceDiagram).

A solid arrow is ESP, a dotted one plaintext, an open one IKE. An arrow stands where a message is sent, its arrival is a note; a cross
is a message lost, M an attacker.
"""

from __future__ import annotations

import re

from properties.registry import PROPERTIES
from traces.ladder import Arrow, arrows, heading, states_of, surroundings, told
from traces.replay import Run

ARROWS = {"=": "->>", "-": "-->>", ".": "-)"}
# A semicolon ends a statement, a number sign begins an entity, the word alone ends a block.
ESCAPES = ((";", ","), ("#", "no. "))


def mermaid(run: Run) -> str:
    """The run as the text of a diagram; ends in a newline."""
    trace = run.trace
    lines = ["sequenceDiagram", "    accTitle: " + _text(heading(run)[0])]
    every = [arrow for outcome in run.outcomes for arrow in arrows(run.system, outcome)]
    lines += ["    participant A", *(["    participant M as attacker"] if any(one.fate == "injected" for one in every) else []),
              "    participant B"]
    lines += _notes(states_of(run.system, run.initial), ([], []))
    lines += [f"    Note over A,B: {_text(', '.join(around))}" for around in [surroundings(run)] if around]
    for number, outcome in enumerate(run.outcomes, 1):
        if trace.loop is not None and number == trace.loop + 1:
            lines.append("    loop for ever")
        words = [text for text in (told(run.system, firing) for firing in outcome.fired) if text]
        drawn = arrows(run.system, outcome)
        lines += [_line(one, number) for one in drawn if one.fate in ("arrived", "lost")]
        end = next((text[0] for text in words if text[:2] in ("A ", "B ", "A.", "B.")), "A,B")
        if words:
            lines.append(f"    Note over {end}: {number}. " + "<br/>".join(_text(text.removeprefix(f"{end} ")) for text in words))
        lines += [_line(one, number) for one in drawn if one.fate not in ("arrived", "lost")]
        lines += _notes(states_of(run.system, outcome.after), states_of(run.system, outcome.before))
    if trace.loop is not None:
        lines.append("    end" if trace.loop < trace.length else "    Note over A,B: and so it stays for ever")
    if trace.property:
        lines.append(f"    Note over A,B: broken at {trace.end}: {_text(PROPERTIES[trace.property].sentence)}")
    return "\n".join(lines) + "\n"


def _line(arrow: Arrow, number: int) -> str:
    """An arrow where a message is sent or lost, a note where it arrives."""
    ends = ("A", "B") if arrow.right else ("B", "A")
    if arrow.fate == "arrived":
        return f"    Note over {ends[1]}: {number}. {_text(arrow.text)} arrives"
    if arrow.fate == "lost":
        return f"    {ends[0]}-x{ends[1]}: {number}. {_text(arrow.text)} is lost"
    source = "M" if arrow.fate == "injected" else ends[0]
    return f"    {source}{ARROWS[arrow.line]}{ends[1]}: {number}. {_text(arrow.text)}"


def _notes(now: tuple[list[str], list[str]], before: tuple[list[str], list[str]]) -> list[str]:
    """The states of the ends that changed."""
    return [f"    Note over {end}: {'<br/>'.join(map(_text, state))}"
            for end, state, old in zip("AB", now, before, strict=True) if state != old]


def _text(text: str) -> str:
    for sign, instead in ESCAPES:
        text = text.replace(sign, instead)
    return re.sub(r"\bend\b", "(end)", text)
