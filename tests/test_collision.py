"""Two connections at an end, and an end that restarts: what the composition adds to the rows, shown on small runs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lockstep.choice import parse, readings
from model.action import Event, signal
from model.expr import TRUE, Enum, ModelError, Var
from model.slices import SLICES, build, places_of
from model.system import ENDS, LANES, Instance, Offer, System, into, links, other_of, out_of, parent, peer_of, places
from model.table import ANY, STAY, Table, ignored, row
from properties.findings import FINDINGS
from properties.registry import CLAIMS
from tests.runs import judged, replayed
from traces.ladder import ladder
from verify.query import Query
from verify.reference import explore
from verify.search import search
from verify.step import Stimulus, step, stimuli

# -- places -------------------------------------------------------------------------------------------------------


def test_places_and_directions() -> None:
    assert places() == ENDS and places(LANES) == ("A.1", "A.2", "B.1", "B.2")
    assert links() == ("A>B", "B>A") and links(("1",)) == ("A.1>B.1", "B.1>A.1")
    for place in (*places(), *places(LANES)):
        assert peer_of(peer_of(place)) == place and out_of(place) == into(peer_of(place))
        assert parent(out_of(place)) == ""
    assert [other_of(place) for place in ("A", "A.1", "B.2")] == [None, "A.2", "B.1"]
    assert (parent("A.1"), parent("A"), parent("")) == ("A", "", None)


TOLD, SAY = Event("told"), Event("say", who="operator")
QUIET = Enum("Quiet", "quiet", "told")
STATE = Var("m", "state", QUIET)
HERE = "RFC 0000 1"


def talker() -> Table:
    quiet, told = QUIET.consts()
    return Table("m", "says it to the other connection", STATE, (SAY, TOLD), (
        row("say", ANY, SAY, TRUE, [signal("m", TOLD, at="other")], STAY, HERE),
        row("hear", quiet, TOLD, TRUE, [], told, HERE), ignored(told, TOLD, HERE)))


@pytest.mark.parametrize(("scopes", "distinct"), [(("A.1", "A.2"), 2), (("A",), 1), (("A.1", "B.2"), 1)])
def test_a_signal_to_the_other_connection_reaches_it_and_nobody_else(scopes: Sequence[str], distinct: int) -> None:
    """By both engines that hold states; where there is no other connection it reaches nobody, and is no error of the model."""
    table = talker()
    instances = [Instance(scope, table) for scope in scopes]
    if scopes == ("A.1", "B.2"):
        with pytest.raises(ModelError, match="signals m, which is not part of the system"):
            broken = row("say", ANY, SAY, TRUE, [signal("m", TOLD, at="A.2")], STAY, HERE)
            System("talk", [Instance("A.1", Table("m", "", STATE, (SAY, TOLD), (broken, ignored(ANY, TOLD, HERE))))], [])
    system = System("talk", instances, [Offer(scopes[0], table, SAY)])
    native, counts = search(system), explore(system)
    assert native.counts == counts and counts.distinct == distinct
    after = step(system, system.initial[0], Stimulus(scopes[0], "m", "say")).after
    assert [slot.text(code) for slot, code in zip(system.slots, after, strict=True)] == ["quiet", *["told"] * (distinct - 1)] + (
        ["quiet"] if scopes == ("A.1", "B.2") else [])


# -- collision ----------------------------------------------------------------------------------------------------

def driven(system: System, start: int, *wanted: tuple[str, str, str]) -> dict[str, str]:
    """The state after stimuli, each given by scope, event and, for a message, the start of its text."""
    state = system.initial[start]
    for scope, event, about in wanted:
        found = [one for one in stimuli(system, state) if (one.scope, one.event) == (scope, event) and (
            not about or text_of(system, one).startswith(about))]
        assert found, (scope, event, about, system.describe(state))
        state = step(system, state, found[0]).after
    return system.describe(state)


def text_of(system: System, stimulus: Stimulus) -> str:
    event = system.offer_of[(stimulus.scope, stimulus.table, stimulus.event)].event
    return " ".join(param.sort.show(code) for param, code in zip(event.params, stimulus.args, strict=True))


def opened(lane: str, initiator: str) -> list[tuple[str, str, str]]:
    """A connection up to both OPENs on the wire."""
    responder = {"A": "B", "B": "A"}[initiator]
    there, back = f"{initiator}.{lane}>{responder}.{lane}", f"{responder}.{lane}>{initiator}.{lane}"
    arrives = "segment arrives"
    return [(f"{initiator}.{lane}", "ManualStart", ""), (there, arrives, "SYN"), (back, arrives, "SYN+ACK"), (there, arrives, "ACK")]


def fsms(state: dict[str, str]) -> dict[str, str]:
    return {place: state[f"{place}.bgp.state"] for place in places(LANES)}


@pytest.mark.parametrize("larger", ["A", "B"])
def test_both_ends_keep_the_connection_that_the_higher_identifier_began(larger: str) -> None:
    """RFC 4271 6.8, with both connections in OpenSent at both ends before any OPEN arrives."""
    system = build("collision", readings("repaired", {}))
    flag = {slot: at for at, slot in enumerate(map(str, system.slots))}
    cells = list(system.initial[0])
    for end in ENDS:
        for lane in LANES:
            cells[flag[f"{end}.{lane}.bgp-message.local-identifier-larger"]] = int(end == larger)
    system.initial = (tuple(cells),)
    arrives = "segment arrives"
    opens = [(f"{a}.{lane}>{b}.{lane}", arrives, "DATA OPEN") for lane in LANES for a, b in (("A", "B"), ("B", "A"))]
    after = driven(system, 0, *opened("1", "A"), *opened("2", "B"), *opens)
    kept = {"A": "1", "B": "2"}[larger]
    assert fsms(after) == {place: "OpenConfirm" if place.endswith(kept) else "Idle" for place in places(LANES)}
    for end in ENDS:
        assert after[f"{end}.{kept}.binding.state"] == "up"
        assert after[f"{end}.{kept}.ipsec.out[g0]"] == "mature"


def test_without_a_helper_the_newcomer_is_closed_and_with_one_the_old_connection_is() -> None:
    """RFC 4271 6.8 and RFC 4724 4.2; the closed one says Cease in the first case and nothing in the second."""
    wanted = [*opened("2", "A"), ("A.2>B.2", "segment arrives", "DATA OPEN")]
    plain = driven(build("collision", readings("repaired", {})), 1, *wanted)
    helped = driven(build("collision", readings("repaired", parse(["gr=helper"]))), 1, *wanted)
    assert [(one["B.1.bgp.state"], one["B.2.bgp.state"]) for one in (plain, helped)] == [("Established", "Idle"), ("Idle", "OpenConfirm")]
    assert "FIN NOTIFICATION" in plain["B.2>A.2.segments[0]"] + plain["B.2>A.2.segments[1]"]
    assert helped["B.1>A.1.segments[0]"].startswith("FIN - ")


def test_the_repaired_rules_spare_the_other_connection_whatever_a_session_is_known_by() -> None:
    for session_id in ("unordered", "addr"):
        outcome = judged("collision", "repaired", f"session_id={session_id}", "gr=helper")
        assert outcome.complete and set(outcome.traces) == {"collision-keeps-one"}


def test_a_collision_seen_in_established_at_both_ends_keeps_one() -> None:
    """CollisionDetectEstablishedState at both ends (RFC 4271 8.1.1) takes the race L-21 away: identifiers decide every time."""
    claim = CLAIMS["collision-keeps-one"]
    system = build("collision", readings("repaired", {}), monitors=claim.monitors)
    flag = {slot: at for at, slot in enumerate(map(str, system.slots))}
    starts = []
    for detect in (0, 1):
        cells = list(system.initial[0])
        for place in places(LANES):
            cells[flag[f"{place}.bgp.CollisionDetectEstablishedState"]] = detect
        starts.append(tuple(cells))
    found = []
    for one in starts:
        system.initial = (one,)
        result = search(system, [Query(claim.name, claim.violated, places_of("collision"))])
        found.append((result.complete, result.hits[claim.name] is not None))
    assert found == [(True, True), (True, False)]


@pytest.mark.parametrize("ends, keeps", [("AB", True), ("A", False), ("B", False)])
def test_only_two_ends_that_process_collisions_when_established_keep_one_connection(ends: str, keeps: bool) -> None:
    """RFC 4271 8.1.1, CollisionDetectEstablishedState: what would repair L-21, as its page says."""
    claim = CLAIMS["collision-keeps-one"]
    system = build("collision", readings("draft", {}), monitors=claim.monitors)
    on = {at for at, slot in enumerate(system.slots) if slot.var.name == "CollisionDetectEstablishedState" and slot.scope[0] in ends}
    start = tuple(1 if at in on else code for at, code in enumerate(system.initial[0]))
    asked = [Query("breaks", claim.violated, system.places), Query("tested", claim.antecedent, system.places)]
    result = search(system.starting([start]), asked, stop_when_all_hit=True)
    assert result.complete == keeps and (result.hits["breaks"] is None, result.hits["tested"] is not None) == (keeps, True)


# -- ladders ------------------------------------------------------------------------------------------------------

def test_a_ladder_names_the_connection() -> None:
    text = ladder(replayed("F-44/replaced"))
    assert "==2: ESP g0 SYN==>" in text and "<==1: ESP g0 FIN==" in text
    assert "1: FIN-WAIT-1 / Idle [no SA]" in text and "2: ESTABLISHED / OpenConfirm [P1, no SA]" in text
    assert "b12 session gone with the other connection: delete" in text and "broken at B.2" in text
    assert "number 2 of 2" in text


@pytest.mark.parametrize("finding", [name for name, one in FINDINGS.items() if one.slice == "collision"])
def test_a_ladder_shows_each_connection_whenever_it_changes(finding: str) -> None:
    run = replayed(finding)
    lines = ladder(run).splitlines()
    seen: dict[str, str] = {}
    for state in (run.initial, *(outcome.after for outcome in run.outcomes)):
        values = run.system.describe(state)
        for place in run.system.places:
            now = f"{place[-1]}: {values[f'{place}.tcp.state']} / {values[f'{place}.bgp.state']} ["
            assert seen.get(place) == now or any(now in line for line in lines), (place, now)
            seen[place] = now
    sent = sum(message.direction is not None for outcome in run.outcomes for message in outcome.sent)
    taken = sum(firing.row.event.takes is not None for outcome in run.outcomes for firing in outcome.fired)
    assert sum(line.count(f"{mark}{lane}: ") for line in lines for mark in ("==", "..", "--") for lane in LANES) == sent + taken


# -- restart ------------------------------------------------------------------------------------------------------

def test_restart_clears_what_is_in_memory_and_nothing_of_the_other_end() -> None:
    system = build("restart", readings("draft", {}))
    before = system.describe(system.initial[1])
    after = driven(system, 1, ("", "restart", ""))
    assert {key for key in before if before[key] != after[key]} == {
        "fault.state", "A.tcp.state", "A.tcp.open-delivered", "A.bgp.state", "A.bgp.HoldTimer", "A.bgp.KeepaliveTimer",
        "A.binding.state", "A.binding.bound", "A.binding.next-incarnation", "A.spd.state", "A.ipsec.in[g0]", "A.ipsec.out[g0]",
        "A.phase1-initiator.state"}
    assert (after["A.tcp.state"], after["A.bgp.state"], after["A.spd.state"], after["A.phase1-initiator.state"]) == (
        "CLOSED", "Idle", "no-entry", "none")


def test_hold_time_zero_stops_the_timers_of_every_start() -> None:
    """RFC 4271 4.2, 4.4."""
    for name in SLICES:
        system = build(name, readings("draft", parse(["hold=zero"])))
        for state in system.initial:
            assert {value for key, value in system.describe(state).items() if key.endswith(("HoldTimer", "KeepaliveTimer"))
                    and "Idle" not in key} == {"false"}


def test_hold_time_decides_whether_a_lost_peer_is_noticed() -> None:
    assert "lost-peer-is-noticed" not in judged("restart", "repaired").traces
    outcome = judged("restart", "repaired", "hold=zero")
    assert outcome.traces["lost-peer-is-noticed"].length == 1
