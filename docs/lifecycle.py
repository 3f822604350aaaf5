"""The draft's whole lifecycle as one run: what `docs.poster` draws.

The run is the scenario docs/lifecycle.toml, simulated and confirmed by the interpreter step by step; states, messages, rows and the
sentences they cite are read off it, and so are the claims that it breaks. A second run takes the scenario's readings back, which shows
what the text as first read does from the Cease on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from docs.pages import ROOT
from lockstep.choice import readings
from model.expr import Var
from model.signals import BGP, GEN, P1_INIT, P1_RESP, SA_IN, SA_OUT, SPD_ENTRY, TCP
from model.system import ENDS, State, System
from properties.registry import without_attacker
from properties.requirements import Requirement, cited_in
from sim.campaign import Campaign
from sim.check import Checked
from sim.scenario import Scenario, load
from traces.ladder import cited, message_name, told
from verify.step import Firing, Outcome

SCENARIO = ROOT / "docs" / "lifecycle.toml"
SEED = 0
CEASE = ("bgp", "event 2 ManualStop: Cease")
# What begins with the first firing of a row, in the order of the run.
STAGES = (
    ("Phase 1", "IKE main mode", ("phase1-initiator", "main mode begins")),
    ("Phase 2", "IKE Quick Mode: the SA of one connection", ("quick-initiator", "QM1")),
    ("TCP", "the SYN waits for the SA", ("tcp", "OPEN active")),
    ("BGP", "OPEN and KEEPALIVE; session, connection and SA are bound", ("bgp", "event 16 Tcp_CR_Acked: OPEN")),
    ("Established", "UPDATEs and KEEPALIVEs under ESP", ("bgp", "event 26 KeepAliveMsg: up")),
    ("Rekey", "a second SA for the same connection", ("ipsec", "soft limit: rekey")),
    ("The old SA ends", "each end announces it", ("ipsec", "hard limit")),
    ("Close", "Cease and FIN", CEASE),
    ("SAs deleted", "TIME-WAIT is over", ("tcp", "2MSL")),
    ("Phase 1 ends", "with whatever is left under it", ("phase1-responder", "expired")),
)
SIEVES = ("spd", "ipsec", "informational")  # tables that discard packets
LANES = ("BGP", "TCP", "IKE", "ESP", "SPD")
NOTHING = {"none", "no-entry"}  # states that are not drawn


@dataclass(frozen=True)
class Message:
    """One message between two rows: `sent` and `arrived` are rows. `line`: the character of its kind, as in a ladder."""

    sent: int
    arrived: int
    right: bool
    text: str
    line: str


@dataclass(frozen=True)
class Span:
    """What one lane of one end shows from row `first` on, up to row `until`; -1 for a start. ESP has a track for each generation. passed:
    states on the way there, within the step."""

    end: str
    lane: str
    track: int
    text: str
    first: int
    until: int
    passed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A row at an end, its source, and the sentences cited that no rule before it cites."""

    end: str
    name: str
    source: str
    sentences: tuple[Requirement, ...]


@dataclass(frozen=True)
class Moment:
    """One row: a step, or several that repeat what was there (`folded`, how many). time: seconds. cause: at which end what happened, where
    it is no arrival. rules: the rows that fired for the first time and rest on the draft or on its silence. dropped: (end, row) that
    discarded a packet. broken: (claim, end)."""

    number: int
    time: float
    cause: tuple[str, str] | None
    rules: tuple[Rule, ...]
    dropped: tuple[tuple[str, str], ...]
    broken: tuple[tuple[str, str], ...]
    stage: tuple[str, str] | None = None
    folded: int = 0


@dataclass(frozen=True)
class Course:
    """A run as rows. steps: how many it has in all. generations: those that exist at some time."""

    scenario: Scenario
    moments: tuple[Moment, ...]
    spans: tuple[Span, ...]
    messages: tuple[Message, ...]
    generations: tuple[str, ...]
    steps: int
    outcomes: tuple[Outcome, ...]
    row_of: tuple[int, ...]
    system: System


@cache
def courses() -> tuple[Course, Course]:
    """The whole life, and its end from the Cease on as the text is first read. Raises SimulationError, ScenarioError, and ValueError where
    a stage never comes."""
    scenario = load(str(SCENARIO))
    return _course(scenario, STAGES), _course(replace(scenario, readings={}), (), since=CEASE)


def _course(scenario: Scenario, stages: Sequence[tuple[str, str, tuple[str, str]]], since: tuple[str, str] | None = None) -> Course:
    campaign = Campaign(scenario, readings(scenario.preset, dict(scenario.readings)), without_attacker())
    list(campaign.run([SEED]))
    checked, system = campaign.last, campaign.checker.system
    assert checked is not None
    outcomes = checked.outcomes
    begin = 0 if since is None else next(at for at, one in enumerate(outcomes) if since in _fired(system, one))
    row_of, folded = _rows(system, outcomes, begin)
    begins = _begins(system, outcomes, stages)
    seen: set[str] = set()
    moments = []
    for row in range(max(row_of) + 1):
        steps = [at for at in range(begin, len(outcomes)) if row_of[at] == row]
        moments.append(_moment(checked, system, steps, begins, seen, row in folded))
    return Course(scenario, tuple(moments), tuple(_spans(system, checked.initial, outcomes, row_of, begin)),
                  tuple(_messages(outcomes, row_of, begin)), _generations(system, outcomes), len(outcomes), outcomes, tuple(row_of), system)


def _fired(system: System, outcome: Outcome) -> set[tuple[str, str]]:
    return {(system.table_of_row(one.row).name, one.row.name) for one in outcome.fired}


def _begins(system: System, outcomes: Sequence[Outcome], stages: Sequence[tuple[str, str, tuple[str, str]]]) -> dict[int, tuple[str, str]]:
    """At which step each stage begins."""
    found: dict[int, tuple[str, str]] = {}
    at = 0
    for title, about, row in stages:
        begun = next((number for number in range(at, len(outcomes)) if row in _fired(system, outcomes[number])), None)
        if begun is None:
            raise ValueError(f"{SCENARIO.name}: stage {title!r} never begins after step {at}: no step fires {row[0]}: {row[1]}")
        found[begun] = (title, about)
        at = begun
    return found


# -- rows --------------------------------------------------------------------------------------------------------------------------------


def _rows(system: System, outcomes: Sequence[Outcome], begin: int) -> tuple[list[int], set[int]]:
    """The row of each step, -1 before `begin`; and the rows that stand for several steps. What is folded changes no lane, and is KEEPALIVEs
    or a repetition; a message that is shown leaving is shown arriving."""
    row_of, folded, seen = [-1] * begin, set[int](), set[tuple[tuple[str, str], ...]]()
    under_way: dict[tuple[str, str, int], int] = defaultdict(int)
    row, open_fold = -1, False
    for at in range(begin, len(outcomes)):
        one = outcomes[at]
        rows = tuple((firing.scope, firing.row.key) for firing in one.fired)
        changes = any(_lanes(system, one.before, end) != _lanes(system, one.after, end) for end in ENDS)
        fold = not changes and not any(under_way.values()) and (rows in seen or _keepalive(one))
        seen.add(rows)
        if not fold:
            for message in one.sent:
                under_way[(message.direction or "", message.channel.table, message.code)] += 1
            for key in _arrived(one):
                under_way[key] -= under_way[key] > 0
        if not (fold and open_fold):
            row += 1
        if fold:
            folded.add(row)
        open_fold = fold
        row_of.append(row)
    return row_of, folded


def _keepalive(outcome: Outcome) -> bool:
    """Does the step send or bring a KEEPALIVE or its ACK, and nothing else?"""
    names = [message_name(message.channel, message.code)[0] for message in outcome.sent]
    names += [message_name(firing.row.event.takes, firing.row.event.takes.encode(firing.args))[0]
              for firing in outcome.fired if firing.row.event.takes is not None]
    return bool(names) and all("KEEPALIVE" in name for name in names)


def _arrived(outcome: Outcome) -> Iterator[tuple[str, str, int]]:
    for firing in outcome.fired:
        takes = firing.row.event.takes
        if takes is not None:
            yield firing.scope, takes.table, takes.encode(firing.args)


def _messages(outcomes: Sequence[Outcome], row_of: Sequence[int], begin: int) -> Iterator[Message]:
    """Each message from where it leaves to where it arrives; within one fold they are not drawn."""
    under_way: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for at in range(begin, len(outcomes)):
        for key in _arrived(outcomes[at]):
            if under_way[key]:
                sent = under_way[key].pop(0)
                if sent != row_of[at]:
                    channel = next(firing.row.event.takes for firing in outcomes[at].fired if firing.row.event.takes is not None)
                    text, line, _ = message_name(channel, key[2])
                    yield Message(sent, row_of[at], key[0].startswith("A"), text, line)
        for message in outcomes[at].sent:
            under_way[(message.direction or "", message.channel.table, message.code)].append(row_of[at])


def _moment(checked: Checked, system: System, steps: Sequence[int], begins: Mapping[int, tuple[str, str]], seen: set[str],
            folded: bool) -> Moment:
    """A row; `seen` are the rules and sentences of the rows before it."""
    fired = [firing for at in steps for firing in checked.outcomes[at].fired]
    recorded = checked.recording.steps[steps[0]]
    arrival = fired[0].row.event.takes is not None
    dropped = dict.fromkeys((one.scope, one.row.name) for one in fired
                            if system.table_of_row(one.row).name in SIEVES and not one.row.actions and told(system, one))
    broken = [(claim, found.end) for claim, found in checked.breaks.items() if found.step - 1 in steps]
    return Moment(steps[0] + 1, recorded.time, None if arrival else (recorded.stimulus.scope, recorded.stimulus.event),
                  tuple(_rules(system, fired, seen)), tuple(dropped), tuple(broken),
                  next((begins[at] for at in steps if at in begins), None), len(steps) if folded else 0)


def _rules(system: System, fired: Sequence[Firing], seen: set[str]) -> Iterator[Rule]:
    for one in fired:
        source = cited(one.row.source)
        if told(system, one) and one.row.name not in seen and ("draft" in source or source.startswith("silent")):
            seen.add(one.row.name)
            sentences = [] if source.startswith("silent") else [each for each in cited_in(source) if each.id not in seen]
            seen.update(each.id for each in sentences)
            yield Rule(one.scope, one.row.name, source, tuple(sentences))


# -- lanes -------------------------------------------------------------------------------------------------------------------------------


def _lanes(system: System, state: State, end: str) -> dict[tuple[str, int], str]:
    """What each lane of an end shows; what shows nothing is not there."""
    def shown(var: Var, cell: int = 0) -> str:
        return var.sort.show(state[system.position(end, var) + cell])

    found = {("BGP", 0): shown(BGP), ("TCP", 0): shown(TCP), ("SPD", 0): shown(SPD_ENTRY),
             ("IKE", 0): next((one for one in (shown(P1_INIT), shown(P1_RESP)) if one != "none"), "none")}
    for code in range(len(GEN.values)):
        found["ESP", code] = _pair(shown(SA_IN, code), shown(SA_OUT, code))
    return {lane: text for lane, text in found.items() if text not in NOTHING}


def _pair(inbound: str, outbound: str) -> str:
    """Both halves of an SA in a word."""
    if "dying" in (inbound, outbound):
        return "dying"
    if outbound == "none":
        return {"none": "none", "larval": "larval"}.get(inbound, "in")
    return "out" if inbound in ("none", "larval") else "in, out"


def _spans(system: System, initial: State, outcomes: Sequence[Outcome], row_of: Sequence[int], begin: int) -> Iterator[Span]:
    last = max(row_of) + 1
    for end in ENDS:
        start = initial if begin == 0 else outcomes[begin].before
        shown = {lane: Span(end, *lane, text, -1, last) for lane, text in _lanes(system, start, end).items()}
        for at in range(begin, len(outcomes)):
            now, row = _lanes(system, outcomes[at].after, end), row_of[at]
            for lane, span in list(shown.items()):
                if now.get(lane) != span.text:
                    if span.first != row:
                        yield replace(span, until=row)
                    del shown[lane]
            for lane, text in now.items():
                if lane not in shown:
                    shown[lane] = Span(end, *lane, text, row, last, _passed(system, outcomes[at], end, lane[0]))
        yield from shown.values()


def _passed(system: System, outcome: Outcome, end: str, lane: str) -> tuple[str, ...]:
    """The states that a machine passed within a step, where it came to another one at last."""
    moves = [system.table_of_row(one.row).state.sort.show(one.row.next.code) for one in outcome.fired
             if one.scope == end and system.table_of_row(one.row).name == lane.lower()
             and one.row.next is not None and one.row.next.code != one.row.state.code]
    return tuple(moves[:-1])


def _generations(system: System, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    there = {track for one in outcomes for end in ENDS for lane, track in _lanes(system, one.after, end) if lane == "ESP"}
    return tuple(GEN.values[code] for code in sorted(there))
