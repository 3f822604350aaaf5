"""The default rendering: a ladder in the manner of RFC 9293's figures.

Columns: step, the time of a timed run, A's state (TCP / BGP, its phase 1 SA and its SAs), the wire, B's state, what happened
and where it is written. An arrow begins at the end that sends it, ends in `|` at the end where it arrives, and ends in `X`
where it is lost; `~` marks what an attacker made. Each step shows what it sent and what it received; the messages under way are
in the rows above. `!` marks the step that breaks a claim, `*` the steps that an endless run repeats.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.action import Channel, Signal
from model.channels import SEGMENTS
from model.expr import evaluate
from model.signals import BGP, GEN, OTHER_FSM, P1_USABLE, SA_IN, SA_OUT, SPD_ENTRY, TCP
from model.system import ENDS, State, System
from model.trace import Trace
from model.wire import ARRIVES, IKE_ARRIVES
from properties.presets import PRESETS
from properties.registry import PROPERTIES, VIOLATED
from traces.replay import Run
from verify.step import Firing, Outcome, View

LEGEND = "wire: == ESP, -- plaintext, .. IKE; >| arrives, X is lost, ~ an attacker's"
# Tables in which the decision to remove an SA or a filter falls.
CAUSES = ("binding", "ipsec", "informational")
# Rows that only carry a packet onwards; the wire column shows what they did.
SA_GONE, ENTRY_GONE = {("ipsec", "remove"), ("ipsec", "SA deleted")}, {("spd", "entry removed")}
MOST_TOLD = 10  # differences of a start that are told one by one
PLUMBING = {("spd", "PROTECT"), ("spd", "neighbour rule: PROTECT"), ("ipsec", "ESP"), ("ipsec", "ESP accepted"),
            ("informational", "SA to be deleted"), ("spd", "PROTECT installed"), ("tcp", "SEND leaves with FIN"), *SA_GONE, *ENTRY_GONE,
            *(("bgp-message", f"other connection: {state}") for state in OTHER_FSM.values), ("binding", "b7 another connection"),
            ("binding", "b7 the other connection is closed")}


Lines = list[str]


@dataclass(frozen=True)
class Arrow:
    """One message in one step: to the `right` or back, what it is called, and its fate: sent, arrived, lost, or injected."""

    right: bool
    text: str
    line: str
    fate: str
    forged: bool = False

    def draw(self, width: int) -> str:
        """The arrow in `width` characters."""
        body = f"{self.line * 2}{self.text}{self.line * 2}"
        if self.fate == "lost":
            return (f"{body}X" if self.right else f"X{body}").center(width)
        arrived = self.fate == "arrived"
        start = "~" if self.forged else ""
        head = f"{start}{body}>" + "|" * arrived if self.right else "|" * arrived + f"<{body}{start}"
        if self.fate == "injected":
            return head.center(width)
        return head.rjust(width) if arrived == self.right else head.ljust(width)


def message_name(channel: Channel, code: int) -> tuple[str, str, bool]:
    """A message as (text, line character, made by an attacker)."""
    values = dict(zip((p.name for p in channel.fields), channel.decode(code), strict=True))
    shown = {p.name: p.sort.show(values[p.name]) for p in channel.fields}
    if channel.table == SEGMENTS.table:
        text = shown["kind"] + (f"({shown['msg']})" if values["msg"] else "") + (" acks-FIN" if values["acks"] else "")
        plain, origin = shown["prot"] == "PLAIN", shown["origin"]
        about = {"genuine": "", "copy": " replayed", "forged": f" forged, {shown['fit']}", "insider": " an insider's"}[origin]
        return f"{shown['prot'].replace('-', ' ')} {text}{about}", "-" if plain else "=", origin != "genuine"
    kind, forged = shown["datagram"], bool(values["forged"])
    about = f" {shown['gen']}" if kind.startswith(("QM", "CONNECTED")) or kind == "DEL" else ""
    return f"{kind}{about}" + " unprotected" * forged + " +IC" * bool(values["ic"]), ".", forged


def state_of(system: System, state: State, end: str) -> str:
    """An end in a few words: TCP / BGP, its phase 1 SA, the SAs it has, and its SPD entry where it does not say PROTECT."""
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
    phase1 = ["P1"] if evaluate(P1_USABLE, View(system, end, state, {}, {})) else []
    rule = [] if spd == "PROTECT" else [spd]
    return f"{tcp} / {bgp} [{', '.join([*phase1, *(sas or ['no SA']), *rule])}]"


def arrows(system: System, outcome: Outcome) -> list[Arrow]:
    """What a step took off the wire and put on it."""
    found = []
    for firing in outcome.fired:
        event = firing.row.event
        if event.takes is not None:
            lost = not any(isinstance(action, Signal) for action in firing.row.actions)
            text, line, forged = message_name(event.takes, event.takes.encode(firing.args))
            found.append(Arrow(firing.scope.startswith("A"), lane_of(firing.scope) + text, line, "lost" if lost else "arrived", forged))
    for message in outcome.sent:
        if message.direction is not None:
            text, line, forged = message_name(message.channel, message.code)
            fate = "injected" if message.scope == "" else "sent"
            found.append(Arrow(message.direction.startswith("A"), lane_of(message.direction) + text, line, fate, forged))
    return found


def lane_of(scope: str) -> str:
    """"1: " for "A.1" and "A.1>B.1"; nothing where an end has one connection."""
    lane = scope.partition(">")[0].partition(".")[2]
    return f"{lane}: " if lane else ""


def told(system: System, firing: Firing) -> str | None:
    """A firing in words, with its source; None for plumbing."""
    table = system.table_of_row(firing.row)
    only_carries = table.place == "direction" and firing.row.event in (ARRIVES, IKE_ARRIVES)
    unheeded = not firing.row.actions and firing.row.next is None and firing.row.event.who == "signal" and table.name != "spd"
    if (table.name, firing.row.name) in PLUMBING or only_carries or (unheeded and firing.row.name.startswith("ignore ")):
        return None
    place = f"{firing.scope} " if firing.scope else ""
    return f"{place}{table.name}: {firing.row.name}  ({cited(firing.row.source)})"


def cited(source: str) -> str:
    """The first place a source names, without what it says there."""
    first = source.partition(";")[0]
    place = first if first.startswith("silent") else first.partition(": ")[0]
    return place.rpartition(" (")[0] if place.count("(") > place.count(")") else place


def ladder(run: Run) -> str:
    """The run as text; ends in a newline."""
    system, trace = run.system, run.trace
    clock = clock_of(run)
    table: list[tuple[str, tuple[Lines, Lines], list[Arrow], list[str]]] = [("  0", states_of(system, run.initial), [], surroundings(run))]
    for number, outcome in enumerate(run.outcomes, 1):
        words = [text for text in (told(system, firing) for firing in outcome.fired) if text]
        mark = "*" if trace.loop is not None and number > trace.loop else " "
        mark = "!" if trace.property and trace.loop is None and number == len(run.outcomes) else mark
        table.append((f"{number:>3}{mark}", states_of(system, outcome.after), arrows(system, outcome), words))
    wide_a, wide_b = (max(len(one) for _, both, _, _ in table for one in both[at]) for at in (0, 1))
    wide = max([12, *(len(arrow.draw(0)) + 3 for _, _, drawn, _ in table for arrow in drawn)])
    lines = [*heading(run), f"     {clock[0]}{'A'.ljust(wide_a)}  {''.ljust(wide)}  {'B'.ljust(wide_b)}  what happened"]
    none: Lines = [""] * len(table[0][1][0])
    before = (none, none)
    for (label, both, drawn, words), time in zip(table, clock[1:], strict=True):
        shown = [["    |" if one == old else one for one, old in zip(now, then, strict=True)]
                 for now, then in zip(both, before, strict=True)]
        before = both
        for at in range(max(len(none), len(drawn), len(words))):
            arrow = drawn[at].draw(wide) if at < len(drawn) else " " * wide
            left, right = (end[at] if at < len(none) else "" for end in shown)
            text = words[at] if at < len(words) else ""
            first = f"{label:<4} {time}" if at == 0 else " " * (5 + len(time))
            lines.append(f"{first}{left.ljust(wide_a)}  {arrow}  {right.ljust(wide_b)}  {text}".rstrip())
    if trace.loop is not None:
        lines.append(f"for ever: {forever(trace)}")
    if trace.property:
        claim = PROPERTIES[trace.property]
        lines.append(f"broken at {trace.end}: {claim.sentence} ({claim.source})")
        lines += [f"why: {reason}" for reason in reasons(run)]
    return "\n".join([*lines, LEGEND]) + "\n"


def forever(trace: Trace) -> str:
    """What the run does for ever, in words."""
    if trace.loop == trace.length:
        return "nothing happens any more that the ends or the network do of themselves"
    first, last = (trace.loop or 0) + 1, trace.length
    steps = f"step {last}*" if first == last else f"steps {first}* to {last}*"
    return f"{steps} again and again, from the state after step {first - 1} back to it"


def clock_of(run: Run) -> list[str]:
    """The column of times, heading and start first: seconds where the trace has them, else nothing."""
    times = [one.time for one in run.trace.steps]
    if all(time is None for time in times):
        return [""] * (2 + len(times))
    cells = ["time/s", f"{0:.3f}", *("" if time is None else f"{time:.3f}" for time in times)]
    wide = max(map(len, cells))
    return [f"{cell:>{wide}}  " for cell in cells]


def states_of(system: System, state: State) -> tuple[Lines, Lines]:
    """What the two ends are in, a line for each connection."""
    a, b = ([lane_of(place) + state_of(system, state, place) for place in system.places if place.startswith(end)] for end in ENDS)
    return a, b


def surroundings(run: Run) -> list[str]:
    """What this start has that the slice's first one has not; where that is another situation altogether, only what no column shows."""
    usual = run.system.initial[0]
    found = [(slot, slot.text(here)) for slot, here, there in zip(run.system.slots, run.initial, usual, strict=True) if here != there]
    if len(found) > MOST_TOLD:
        found = [(slot, text) for slot, text in found if slot.var.table in ("option", "reading")]
    return [f"start: {slot} = {text}" for slot, text in found] or (
        [f"start: number {run.trace.start + 1} of {len(run.system.initial)} of the slice"] * bool(run.trace.start))


def heading(run: Run) -> list[str]:
    trace = run.trace
    steps = "1 step" if trace.length == 1 else f"{trace.length} steps"
    steps += "" if trace.loop is None else ", endless"
    finding = f" ({trace.finding})" if trace.finding else ""
    changed = differing(run)
    said = f"{trace.property}{finding}   {VIOLATED}" if trace.property else f"a run by {trace.engine}"
    seed = "" if trace.seed is None else f", seed {trace.seed}"
    return [f"{said}, {steps}, slice {trace.slice}, preset {trace.preset}{seed}",
            *([f"readings changed: {', '.join(changed)}"] if changed else [])]


def differing(run: Run) -> list[str]:
    """The readings that differ from the preset; without an end where both ends have the same."""
    given, preset = run.trace.readings, PRESETS[run.trace.preset]
    found: dict[str, None] = {}
    for name, value in given.items():
        key = name.rpartition(":")[2]
        if preset.value(key) != value:
            alike = all(given.get(f"{end}:{key}", value) == value for end in ENDS)
            found[f"{key if alike else name}={value}"] = None
    return list(found)


def reasons(run: Run) -> list[str]:
    """The steps that decided it: an end's last SA gone, its filter gone."""
    found = []
    for number, outcome in enumerate(run.outcomes, 1):
        for end in run.system.places:
            before, after = (state_of(run.system, state, end) for state in (outcome.before, outcome.after))
            tcp = after.partition(" / ")[0]
            for word, what, done in (("no SA", "took", SA_GONE), ("no-entry", "removed", ENTRY_GONE)):
                if word in after and word not in before:
                    whose = f"{end}'s last SA" if word == "no SA" else f"{end}'s filter"
                    found.append(f"step {number} {what} {whose} while its TCP was in {tcp}{cause(run.system, outcome, end, done)}")
    return found


def cause(system: System, outcome: Outcome, end: str, done: set[tuple[str, str]]) -> str:
    """The row that decided what one of the rows `done` carried out: the first in the step, one of the draft's before one of IKE's.
    What asks nothing of another table decided nothing."""
    here = [(system.table_of_row(one.row).name, one) for one in outcome.fired if one.scope == end]
    last = max((at for at, (table, one) in enumerate(here) if (table, one.row.name) in done), default=len(here))
    found = [(table, one) for table, one in here[:last] if table in CAUSES and told(system, one)]
    found.sort(key=lambda one: (not any(isinstance(action, Signal) for action in one[1].row.actions), CAUSES.index(one[0])))
    return f": {found[0][1].row.name} ({found[0][1].row.source})" if found else ""
