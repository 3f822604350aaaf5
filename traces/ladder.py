"""The default rendering: a ladder in the manner of RFC 9293's figures.

Columns: step, A's state (TCP / BGP, SAs), the wire, B's state, who did what. `==` is ESP, `--` plaintext, `..` IKE; an
arrow that leaves an end was sent in that step, one that ends in `|` arrived, `X` was lost, `~` came from an attacker.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.channels import SEGMENTS
from model.signals import BGP, GEN, SA_IN, SA_OUT, SPD_ENTRY, TCP
from model.system import State, System
from model.table import Channel, Signal
from model.wire import ARRIVES, IKE_ARRIVES
from properties.registry import CLAIMS, VIOLATED
from traces.replay import Run
from verify.step import Firing, Outcome

# Tables in which the decision to remove an SA or a filter falls.
CAUSES = ("binding", "ipsec", "informational")
# Rows that only carry a packet onwards; the wire column shows what they did.
PLUMBING = {("spd", "PROTECT"), ("spd", "neighbour rule: PROTECT"), ("ipsec", "ESP"), ("ipsec", "ESP accepted"), ("ipsec", "remove"),
            ("spd", "PROTECT installed"), ("spd", "entry removed"), ("tcp", "SEND leaves with FIN")}


@dataclass(frozen=True)
class Arrow:
    """One message in one step: from `left` to right or back, what it is called, and what became of it."""

    right: bool
    text: str
    line: str
    fate: str

    def draw(self, width: int) -> str:
        """The arrow in `width` characters."""
        if self.fate == "lost":
            return f"{self.text} X".center(width)
        body = f"{self.line * 2}{self.text}{self.line * 2}"
        arrived = self.fate in ("arrived", "attacker")
        start = "~" if self.fate == "attacker" else ""
        if self.right:
            head = f"{start}{body}>" + ("|" if arrived else "")
            return head.rjust(width) if arrived else head.ljust(width)
        head = ("|" if arrived else "") + f"<{body}{start}"
        return head.ljust(width) if arrived else head.rjust(width)


def message_name(channel: Channel, code: int) -> tuple[str, str]:
    """A message as (text, line character)."""
    values = dict(zip((p.name for p in channel.fields), channel.decode(code), strict=True))
    shown = {p.name: p.sort.show(values[p.name]) for p in channel.fields}
    if channel.table == SEGMENTS.table:
        text = shown["kind"] + (f"({shown['msg']})" if values["msg"] else "") + (" acks-FIN" if values["acks"] else "")
        plain = shown["prot"] == "PLAIN"
        origin = {"genuine": "", "copy": " again", "forged": f" forged, {shown['fit']}"}[shown["origin"]]
        return ("PLAIN " if plain else f"{shown['prot'].replace('-', ' ')} ") + text + origin, "-" if plain else "="
    kind = shown["datagram"]
    about = f" {shown['gen']}" if kind.startswith(("QM", "CONNECTED")) or kind == "DEL" else ""
    return f"{kind}{about}" + (" unprotected" if values["forged"] else "") + (" +IC" if values["ic"] else ""), "."


def state_of(system: System, state: State, end: str) -> str:
    """An end in a few words: TCP / BGP, the SAs it has, and its SPD entry where it does not say PROTECT."""
    def value(table: str, name: str) -> int:
        at = system.find(end, table, name)
        assert at is not None
        return at

    tcp = TCP.sort.show(state[value(TCP.table, TCP.name)])
    bgp = BGP.sort.show(state[value(BGP.table, BGP.name)])
    spd = SPD_ENTRY.sort.show(state[value(SPD_ENTRY.table, SPD_ENTRY.name)])
    first_in, first_out = value(SA_IN.table, SA_IN.name), value(SA_OUT.table, SA_OUT.name)
    sas = []
    for code, name in enumerate(GEN.values):
        half_in, half_out = SA_IN.sort.show(state[first_in + code]), SA_OUT.sort.show(state[first_out + code])
        if half_in != "none" or half_out != "none":
            sas.append(name + ("" if half_out != "none" and half_in in ("mature", "dying") else " out" if half_in == "none" else
                               " larval" if half_in == "larval" else " in"))
    rule = "" if spd == "PROTECT" else f" {spd}"
    return f"{tcp} / {bgp} [{', '.join(sas) or 'no SA'}{rule}]"


def arrows(system: System, outcome: Outcome) -> list[Arrow]:
    """What a step took off the wire and put on it."""
    found = []
    for firing in outcome.fired:
        event = firing.row.event
        if event.takes is not None:
            text, line = message_name(event.takes, event.takes.encode(firing.args))
            lost = not any(isinstance(action, Signal) for action in firing.row.actions)
            forged = "forged" in text or "unprotected" in text
            found.append(Arrow(firing.scope == "A>B", text, line, "lost" if lost else "attacker" if forged else "arrived"))
    for message in outcome.sent:
        if message.direction is not None and message.scope in ("A", "B"):
            text, line = message_name(message.channel, message.code)
            found.append(Arrow(message.direction == "A>B", text, line, "sent"))
    return found


def told(system: System, firing: Firing) -> str | None:
    """A firing in words, with its source; None for plumbing."""
    table = system.table_of_row(firing.row)
    only_carries = table.place == "direction" and firing.row.event in (ARRIVES, IKE_ARRIVES)
    unheeded = not firing.row.actions and firing.row.next is None and firing.row.event.who == "signal" and table.name != "spd"
    if (table.name, firing.row.name) in PLUMBING or only_carries or (unheeded and firing.row.name.startswith("ignore ")):
        return None
    place = f"{firing.scope} " if firing.scope else ""
    return f"{place}{table.name}: {firing.row.name}  ({firing.row.source.partition(';')[0]})"


def ladder(run: Run) -> str:
    """The run as text; ends in a newline."""
    system, trace = run.system, run.trace
    every = [arrow for outcome in run.outcomes for arrow in arrows(system, outcome)]
    wide = max([12, *(len(arrow.draw(0)) + 3 for arrow in every)])
    table: list[tuple[str, str, list[str], str, list[str]]] = [
        ("0", state_of(system, run.initial, "A"), [], state_of(system, run.initial, "B"), [])]
    for number, outcome in enumerate(run.outcomes, 1):
        drawn = [arrow.draw(wide) for arrow in arrows(system, outcome)]
        words = [text for text in (told(system, firing) for firing in outcome.fired) if text]
        table.append((str(number), state_of(system, outcome.after, "A"), drawn, state_of(system, outcome.after, "B"), words))
    wide_a, wide_b = (max(len(line[at]) for line in table) for at in (1, 3))
    lines = [heading(run), f"     {'A'.ljust(wide_a)}  {''.ljust(wide)}  {'B'.ljust(wide_b)}  what happened"]
    before = ("", "")
    for label, a, drawn, b, words in table:
        broken = "!" if label == str(len(run.outcomes)) and run.outcomes else " "
        shown = [(a if a != before[0] else "    |"), (b if b != before[1] else "    |")]
        before = (a, b)
        for at in range(max(1, len(drawn), len(words))):
            arrow = drawn[at] if at < len(drawn) else " " * wide
            left, right = shown if at == 0 else ("", "")
            text = words[at] if at < len(words) else ""
            lines.append(f"{label if at == 0 else '':>3}{broken if at == 0 else ' '} {left.ljust(wide_a)}  {arrow}  "
                         f"{right.ljust(wide_b)}  {text}".rstrip())
    claim = CLAIMS[trace.property]
    lines.append(f"broken at {trace.end}: {claim.sentence} ({claim.source})")
    lines += [f"why: {reason}" for reason in reasons(run)]
    return "\n".join(lines) + "\n"


def heading(run: Run) -> str:
    trace = run.trace
    steps = "1 step" if trace.length == 1 else f"{trace.length} steps"
    finding = f" ({trace.finding})" if trace.finding else ""
    return f"{trace.property}{finding}   {VIOLATED}, {steps}, slice {trace.slice}, preset {trace.preset}{differing(run)}"


def differing(run: Run) -> str:
    """The readings that differ from the preset."""
    from properties.presets import PRESETS

    preset = PRESETS[run.trace.preset]
    changed = [f"{name}={value}" for name, value in run.trace.readings.items() if preset.value(name.rpartition(":")[2]) != value]
    return "".join(f" {one}" for one in changed)


def reasons(run: Run) -> list[str]:
    """The steps that decided it: the last SA gone, the filter changed, the confirmation believed."""
    system, found = run.system, []
    for number, outcome in enumerate(run.outcomes, 1):
        for end in ("A", "B"):
            before, after = (state_of(system, state, end) for state in (outcome.before, outcome.after))
            tcp = after.partition(" / ")[0]
            causes = [f for f in outcome.fired if f.scope == end and system.table_of_row(f.row).name in CAUSES
                      and told(system, f)]
            causes.sort(key=lambda f: CAUSES.index(system.table_of_row(f.row).name))
            cause = f": {causes[0].row.name} ({causes[0].row.source})" if causes else ""
            if "no SA" in after and "no SA" not in before:
                found.append(f"step {number} took {end}'s last SA while its TCP was in {tcp}{cause}")
            if "no-entry" in after and "no-entry" not in before:
                found.append(f"step {number} removed {end}'s filter while its TCP was in {tcp}{cause}")
    return found
