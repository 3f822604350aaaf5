"""What lies before a run: the exchanges and the connection that its first state takes for granted, shortest form."""

from __future__ import annotations

from model.expr import Var, evaluate
from model.readings import reading
from model.signals import (
    BGP,
    GEN,
    I_ATTEMPT,
    P1_INIT,
    P1_RESP,
    R_ATTEMPT,
    SA_IN,
    SA_OUT,
    SPD_OUT,
    TCP,
    TCP_INC,
)
from model.system import PEER, State, System, peer_of
from model.table import Row
from traces.packets import bgp
from traces.packets.isakmp import Phase1, Quick
from traces.packets.story import SINCE, Story
from verify.step import View

EARLIER = 10  # seconds
MODES = {"main": ("MM1", "MM2", "MM3", "MM4", "MM5", "MM6"), "aggressive": ("AM1", "AM2", "AM3")}
OPEN_STATES = ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")
BEFORE = "before the run"


def phase1(story: Story, one: Phase1, kinds: tuple[str, ...], told: str, first: str = "") -> None:
    """The messages of phase 1, each answered by the next. `first`: the host that begins it, where it is not the end it claims to be."""
    for number, kind in enumerate(kinds):
        end = one.first if number % 2 == 0 else PEER[one.first]
        late = one.enciphers(kind)
        one_host, other = first or one.first, PEER[one.first]
        source, target = (one_host, other) if number % 2 == 0 else (other, one_host)
        story.datagram(source, target, one.phase1_message(kind, end, True, False), late, f"{kind}, {told}")


def quick(story: Story, one: Quick, told: str) -> None:
    """QM1, QM2, QM3."""
    for kind, end in (("QM1", one.first), ("QM2", PEER[one.first]), ("QM3", one.first)):
        story.datagram(end, PEER[end], one.message(kind, end), True, f"{kind}, {told}")


def before(story: Story, system: System, state: State) -> None:
    """Write the frames, and leave keys and TCBs as the first state has them."""
    story.now = SINCE - EARLIER
    for place in system.places:
        if place.startswith("A"):
            _keys(story, system, state, place)
            _connection(story, system, state, place)
    for place in system.places:
        if _value(system, state, place, TCP) not in OPEN_STATES:
            story.tcbs.pop(place, None)
    story.at(0, SINCE)


def _keys(story: Story, system: System, state: State, a: str) -> None:
    """Phase 1 and Quick Mode, unless the keys are configured."""
    lane, b = a.partition(".")[2], peer_of(a)
    manual = _reads(system, state, a, "keying", "manual")
    for place in (a, b):
        end, there = place[0], _value(system, state, place, P1_INIT) == "UP"
        if not manual and (there or _value(system, state, peer_of(place), P1_RESP) == "UP"):
            attempt = _value(system, state, place, I_ATTEMPT) if there else _value(system, state, peer_of(place), R_ATTEMPT)
            mode = "aggressive" if _reads(system, state, place, "p1_mode", "aggressive") else "main"
            phase1(story, story.new_phase1(lane, end, int(attempt)), MODES[mode], BEFORE)
    for code, gen in enumerate(GEN.values):
        if any(_value(system, state, place, half, code) != "none" for place in (a, b) for half in (SA_IN, SA_OUT)):
            made = story.quick(lane, gen)
            if not manual:
                quick(story, made, BEFORE)


def _connection(story: Story, system: System, state: State, a: str) -> None:
    """The handshake, OPEN and KEEPALIVE both ways, all acknowledged."""
    lane = a.partition(".")[2]
    live = next((place for place in (a, peer_of(a)) if _value(system, state, place, TCP) in OPEN_STATES), None)
    if live is None:
        return
    inc = int(_value(system, state, live, TCP_INC))
    opener = a if story.selectors.ports("A", lane, inc)[1] == bgp.PORT else peer_of(a)
    gen = next((gen for code, gen in enumerate(GEN.values) if _value(system, state, live, SA_OUT, code) != "none"), None)
    if gen is not None and not _protects(system, state, live):
        gen = None
    tcbs = {place: story.open(place, inc) for place in (opener, peer_of(opener))}

    def say(place: str, kind: str, name: str = "-") -> None:
        if kind == "DATA":
            tcbs[place].send(name, bgp.text(name, place[0]))
        segment = tcbs[place].segment(kind, name)
        words = f"{f'ESP {gen}' if gen else 'PLAIN'} {kind}" + (f"({name})" if name != "-" else "")
        story.segment(place[0], PEER[place[0]], segment, lane, gen, f"{words}, {BEFORE}")
        tcbs[peer_of(place)].receive(segment)

    other = peer_of(opener)
    for place, kind in ((opener, "SYN"), (other, "SYN+ACK"), (opener, "ACK")):
        say(place, kind)
    if _value(system, state, live, BGP) != "Established":
        return
    for name in ("OPEN", "KEEPALIVE"):
        say(opener, "DATA", name)
        say(other, "DATA", name)
    say(opener, "ACK")


def _protects(system: System, state: State, place: str) -> bool:
    """The SPD's rule sends a segment of this end to IPsec (RFC 4301 5.1)."""
    instance = system.instance(place, "spd")
    assert instance is not None
    view = View(system, place, state, {param.name: 0 for param in SPD_OUT.params}, {})
    entry = instance.table.state
    here = entry.sort.consts()[view.leaf(entry)]
    fires: list[Row] = [row for row in instance.table.cell(here, SPD_OUT) if evaluate(row.condition, view)]
    return any("PROTECT" in row.name for row in fires)


def _value(system: System, state: State, place: str, var: Var, item: int = 0) -> str:
    at = system.find(place, var.table, var.name)
    assert at is not None
    return var.sort.show(state[at + item])


def _reads(system: System, state: State, place: str, name: str, value: str) -> bool:
    """Does this end's reading have that value? A reading that nothing in the system consults has none."""
    var = reading(name)
    at = system.find(place, var.table, var.name)
    return at is not None and var.sort.show(state[at]) == value
