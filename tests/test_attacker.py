"""Attackers: what each capability allows, row by row; what TCP-MD5 drops; and that the weakest attackers named are the weakest."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from typer.testing import CliRunner

from lockstep import attackers as engine
from lockstep.choice import readings
from lockstep.cli import app
from lockstep.jobs import Limits
from model.attacker import ATTACKER_TABLE, CAPABILITIES, readings_of
from model.intruder import INTRUDER_TABLE
from model.ipsec import IPSEC_TABLE, SPD_TABLE
from model.readings import READINGS
from model.signals import KIND
from model.slices import build
from model.wire import SEGMENT_WIRE
from properties.registry import CLAIMS, VIOLATED
from properties.threats import CLAIMS as THREATS
from tests import runs
from tests.alone import Alone, never_fires
from traces.replay import replay
from verify.lattice import Lattice, questions, weakest
from verify.query import Query
from verify.search import search
from verify.step import Disabled

LATTICE = engine.LATTICE
CLOSED = [frozenset(some) for size in range(len(CAPABILITIES) + 1) for some in combinations(CAPABILITIES, size)
          if LATTICE.closed(some) == frozenset(some)]


# What a capability allows ------------------------------------------------------------------------------------------------------------

def allowed(table: Any, event: str, given: dict[str, str], **args: Any) -> bool:
    try:
        Alone(table, given).do(event, **args)
    except Disabled:
        return False
    return True


@pytest.mark.parametrize(("position", "fits"), [("on_path", {"exact", "in-window", "outside"}), ("off_path", {"in-window", "outside"}),
                                                ("none", set())])
def test_who_is_not_on_the_path_guesses(position: str, fits: set[str]) -> None:
    """RFC 5961 1.1: an attacker off the path has to hit the window, and does not know the next sequence number."""
    given = {"budget.attacks": "1", "position": position}
    assert {fit for fit in ("exact", "in-window", "outside") if allowed(ATTACKER_TABLE, "inject", given, kind="RST", fit=fit)} == fits
    assert allowed(ATTACKER_TABLE, "inject text", given, msg="UPDATE") is (position == "on_path")


@pytest.mark.parametrize(("event", "reading"), [("forge Delete", "unprotected_ike"), ("ICMP hard error", "icmp")])
def test_an_act_wants_its_capability(event: str, reading: str) -> None:
    assert [allowed(ATTACKER_TABLE, event, {"budget.attacks": "1", reading: value}) for value in ("yes", "no")] == [True, False]


def test_only_on_the_path_is_esp_recorded() -> None:
    """Replay needs a packet to have been seen (RFC 2406 3.4.3)."""
    (replays,) = [one for one in SEGMENT_WIRE.rows if one.name == "ESP arrives, an attacker replays it"]
    for position, seen in (("on_path", True), ("off_path", False)):
        found = runs.judged("attacker", "draft", f"position={position}", attacks=0, segments=2)
        assert (("segments", replays.key) in found.fired) is seen and found.complete


# (psk, neighbour_id, credential, mode, at the neighbour's address) -> whether phase 1 comes up. RFC 2409 5.4: in main mode the
# pre-shared key goes by the address; draft 4.4: and a group's SHOULD NOT be used there.
@pytest.mark.parametrize("psk", READINGS["psk"].values)
@pytest.mark.parametrize("neighbour_id", READINGS["neighbour_id"].values)
@pytest.mark.parametrize(("credential", "mode", "here"), [(c, m, h) for c in ("group-psk", "certificate") for m in ("main", "aggressive")
                                                          for h in ("true", "false")])
def test_whom_an_end_takes_for_its_neighbour(psk: str, neighbour_id: str, credential: str, mode: str, here: str) -> None:
    if credential == "certificate":
        expected = neighbour_id == "any_trusted" and here == "true"  # it bears another name
    elif mode == "main":
        expected = psk == "group" and here == "true"
    else:
        expected = psk in ("group", "group_aggressive")
    given = {"psk": psk, "neighbour_id": neighbour_id, "group_psk": "yes", "rogue_cert": "yes", "position": "on_path"}
    args = {"credential": credential, "mode": mode, "at-address": here == "true"}
    assert allowed(INTRUDER_TABLE, "phase 1 as the neighbour", given, **args) is expected
    for key, value in (("group_psk" if credential == "group-psk" else "rogue_cert", "no"), ("ipsec", "off")):
        assert not allowed(INTRUDER_TABLE, "phase 1 as the neighbour", given | {key: value}, **args)
    if here == "true":
        assert not allowed(INTRUDER_TABLE, "phase 1 as the neighbour", given | {"position": "off_path"}, **args)


def test_an_impostor_elsewhere_gets_no_sa_for_the_connection() -> None:
    """Transport mode: the SA's addresses are those the exchange was between (RFC 2409 5.5)."""
    for here in ("true", "false"):
        given = {"intruder.state": "PHASE-1", "intruder.at-address": here}
        assert allowed(INTRUDER_TABLE, "Quick Mode as the neighbour", given) is (here == "true")
    assert not allowed(INTRUDER_TABLE, "Quick Mode as the neighbour", {"intruder.state": "none", "intruder.at-address": "true"})
    a = Alone(INTRUDER_TABLE, {"intruder.state": "PHASE-1", "intruder.at-address": "true"}).do("Quick Mode as the neighbour")
    assert a.told == ["ipsec: install g2 0 true", "binding: phase 2 up g2"] and a.at == "PHASE-2"
    a.do("segment as the neighbour", kind="DATA", msg="UPDATE")
    assert a.told == ["ipsec: inbound ESP g2 DATA UPDATE false 0 exact forged"]
    a.put("quick-responder.seen[g2]", "true")
    with pytest.raises(Disabled):
        a.do("segment as the neighbour", kind="DATA", msg="UPDATE")


def test_others_at_the_site_want_its_sa() -> None:
    sa = {"ipsec.out[g0]": "mature"}
    assert allowed(INTRUDER_TABLE, "segment of another user", sa | {"local_user": "yes"})
    for refused in ({"local_user": "no"}, {"local_user": "yes", "tcp.state": "LAST-ACK"}, {"local_user": "yes", "ipsec.out[g0]": "none"}):
        assert not allowed(INTRUDER_TABLE, "segment of another user", sa | refused)
    host = sa | {"third_host": "yes", "ext_gw": "on"}
    assert allowed(INTRUDER_TABLE, "segment of another host", host, kind="RST")
    for refused in ({"third_host": "no"}, {"ext_gw": "off"}, {"ipsec.out[g0]": "none"}):
        assert not allowed(INTRUDER_TABLE, "segment of another host", host | refused, kind="RST")


def test_every_row_fires() -> None:
    """The attacker's own: tests/test_wire.py."""
    assert never_fires(INTRUDER_TABLE) == set()


# TCP-MD5 and no IPsec ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KIND.values)
@pytest.mark.parametrize(("origin", "keyed"), [("genuine", True), ("copy", True), ("forged", False), ("insider", False)])
def test_md5_drops_what_has_no_digest_before_tcp_sees_it(kind: str, origin: str, keyed: bool) -> None:
    """RFC 2385 2.0: SYN and RST included, and nothing is answered; under ESP too."""
    for md5, passes in (("off", True), ("on", keyed)):
        plain = Alone(SPD_TABLE, {"md5": md5, "ipsec": "off"}).do("inbound PLAIN", kind=kind, origin=origin)
        esp = Alone(IPSEC_TABLE, {"md5": md5, "ipsec.in[g0]": "mature", "replay_window": "off"}).do(
            "inbound ESP", gen="g0", kind=kind, origin=origin)
        for a in (plain, esp):
            assert [one.partition(" ")[0] for one in a.told] == ["tcp:"] * passes and a.sent == []


@pytest.mark.parametrize("state", ["no-entry", "PROTECT", "DISCARD"])
def test_without_ipsec_no_rule_applies(state: str) -> None:
    given = {"spd.state": state, "ipsec": "off", "listener_rule": "protect", "check_at": "spd"}
    for kind in KIND.values:
        assert Alone(SPD_TABLE, given).do("outbound", kind=kind).sent == [f"{kind} - false 0 exact PLAIN genuine"]
        assert Alone(SPD_TABLE, given).do("inbound PLAIN", kind=kind).told == [f"tcp: rcv {kind} - false 0 exact"]


# The lattice -------------------------------------------------------------------------------------------------------------------------

def test_a_capability_is_a_value_of_a_reading() -> None:
    assert all(one.value in READINGS[one.reading].values and READINGS[one.reading].scope == "world" for one in CAPABILITIES.values())
    assert readings_of(LATTICE.closed(["on-path"]))["position"] == "on_path" and readings_of(["off-path"])["position"] == "off_path"
    assert set(readings_of([]).values()) == {"none", "no"} and len({str(readings_of(one)) for one in CLOSED}) == len(CLOSED) == 192


@pytest.mark.parametrize("minimal", [(), ((),), (("off-path",),), (("on-path", "icmp"), ("off-path", "group-psk")),
                                     (("on-path",), ("icmp",), ("local-user", "third-host"), ("group-psk", "rogue-cert"))])
def test_the_questions_find_all_minimal_sets_and_end(minimal: tuple[tuple[str, ...], ...]) -> None:
    wanted = {LATTICE.closed(one) for one in minimal}
    breaks, holds = set(), set()
    while asked := questions(LATTICE, breaks, holds):
        assert not (set(asked) & (breaks | holds)) and set(asked) <= set(CLOSED)
        for one in asked:
            (breaks if any(least <= one for least in wanted) else holds).add(one)
    assert set(weakest(breaks)) == wanted
    assert all(any(least <= one for least in wanted) or any(one <= other for other in holds) for one in CLOSED)


def test_a_capability_that_includes_another_never_stands_without_it() -> None:
    chain = Lattice(("a", "b", "c"), {"b": "a", "c": "b"})
    assert chain.closed(["c"]) == {"a", "b", "c"} and chain.top(frozenset("abc")) == ("c",)
    assert chain.just_below(frozenset("abc")) == [frozenset("ab")] and chain.without("b") == {"a"}


TINY = {"copies": 0, "attacks": 1, "segments": 1, "datagrams": 1}
FEW = ("off-path", "on-path", "group-psk", "rogue-cert")  # the others break none of the claims asked here, under these bounds


def test_the_weakest_attackers_are_those_that_trying_all_of_them_gives() -> None:
    names = ("text-is-genuine", "session-outlives-attack")
    (cells,) = engine.attackers(presets=["draft"], protections=["ipsec"], properties=names, bounds=TINY)
    tried = [one for one in CLOSED if one <= set(FEW)]
    broken: dict[str, set[frozenset[str]]] = {name: set() for name in names}
    for attacker in tried:
        system = build("attacker", readings("draft", readings_of(attacker)), bounds=TINY)
        hits = search(system, [Query(name, CLAIMS[name].violated, ("A", "B")) for name in names]).hits
        for name in names:
            broken[name] |= {attacker} if hits[name] else set()
    for cell in cells:
        found = {one.attacker for one in cell.breakers}
        assert all(one <= set(FEW) for one in found)
        assert found == set(weakest(broken[cell.claim])) and not any(one < other for one, other in combinations(found, 2))
        assert len(weakest(found)) == len(found) and cell.verdict == VIOLATED


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str, str], engine.Cell]:
    def asked(preset: str, *protections: str) -> list[engine.Cell]:
        found = engine.attackers(presets=[preset], protections=protections, bounds={"copies": 0, "segments": 2}, workers=2)
        return [one for cells in found for one in cells]

    return {(one.preset, one.protection, one.claim): one for one in (*asked("draft"), *asked("repaired", "ipsec", "both"))}


def named(cell: engine.Cell) -> dict[str, int]:
    return {one.name: one.trace.length for one in cell.breakers}


def test_what_each_protection_leaves(table: dict[tuple[str, str, str], engine.Cell]) -> None:
    """F-52: draft 3.2 l.446-448 holds that both together are no improvement."""
    def draft(protection: str) -> dict[str, set[str]]:
        return {claim: set(named(table["draft", protection, claim])) for claim in engine.ASKED}

    insiders = {"on-path + group-psk", "on-path + rogue-cert"}
    assert draft("none") == {
        "text-stays-secret": {"on-path"}, "text-is-genuine": {"on-path"}, "session-is-with-neighbour": {"on-path"},
        "session-outlives-attack": {"off-path"}, "negotiation-is-not-weakened": set(), "accepted-is-authentic": {"off-path"}}
    assert draft("md5") == {
        "text-stays-secret": {"on-path"}, "text-is-genuine": set(), "session-is-with-neighbour": set(),
        "session-outlives-attack": set(), "negotiation-is-not-weakened": {"on-path"}, "accepted-is-authentic": set()}
    assert draft("ipsec") == {
        "text-stays-secret": {"on-path"}, "text-is-genuine": insiders, "session-is-with-neighbour": insiders,
        "session-outlives-attack": {"group-psk", "on-path + rogue-cert"}, "negotiation-is-not-weakened": {"off-path", "unprotected-ike"},
        "accepted-is-authentic": {"off-path"}}
    both = draft("both")
    assert both["accepted-is-authentic"] == both["text-is-genuine"] == both["session-is-with-neighbour"] == set()
    assert both["session-outlives-attack"] == {"group-psk", "on-path + rogue-cert"}


def test_in_repaired_only_a_hash_is_left(table: dict[tuple[str, str, str], engine.Cell]) -> None:
    for protection in ("ipsec", "both"):
        left = {claim: found for claim in engine.ASKED if (found := named(table["repaired", protection, claim]))}
        assert left == {"negotiation-is-not-weakened": {"unprotected-ike": 1}}
    assert engine.exit_status(list(table.values())) == 0


def test_nothing_happens_without_an_attacker(table: dict[tuple[str, str, str], engine.Cell]) -> None:
    assert all(one.attacker for cell in table.values() for one in cell.breakers)


def test_each_is_shown_by_a_run_of_that_attacker(table: dict[tuple[str, str, str], engine.Cell]) -> None:
    for cell in table.values():
        for one in cell.breakers:
            assert readings_of(one.attacker).items() <= one.trace.readings.items()
            assert replay(one.trace).trace.length == one.trace.length
    assert {cell.claim for cell in table.values()} == {*(claim.name for claim in THREATS), "accepted-is-authentic"}


def test_a_claim_that_nobody_puts_to_the_test_is_not_said_to_hold(table: dict[tuple[str, str, str], engine.Cell]) -> None:
    cell = table["draft", "none", "negotiation-is-not-weakened"]
    assert (cell.verdict, cell.reason, cell.breakers) == ("undecided", engine.UNTESTED, ())
    assert cell.vacuous and engine.exit_status([cell]) == 0  # nothing is configured that could be weakened
    assert engine.exit_status([replace(cell, protection="md5")]) == engine.exit_status([replace(cell, claim="text-is-genuine")]) == 3


def test_a_search_cut_short_decides_nothing() -> None:
    (cells,) = engine.attackers(presets=["draft"], protections=["ipsec"], limits=Limits(memory=0.001))
    assert {cell.verdict for cell in cells} == {"undecided"} and engine.exit_status(cells) == 3
    assert all("memory limit" in cell.reason for cell in cells)


# What the repair and single readings do ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("reading", "name", "breaks"), [
    ("neighbour_id=any_trusted", "text-is-genuine", True), ("psk=group_aggressive", "text-is-genuine", True),
    ("rst_check=rfc5961", "session-outlives-attack", False), ("psk=none", "negotiation-is-not-weakened", False),
    ("ext_gw=on", "session-outlives-attack", True),
])
def test_a_reading_decides(reading: str, name: str, breaks: bool) -> None:
    found = runs.judged("attacker", "repaired", reading, copies=0, segments=2)
    assert (name in found.traces) is breaks and found.complete


def test_where_the_check_stands_decides_f55() -> None:
    """Draft 3.6: in BGP it sees no SYN and no RST; at the SPD it sees every segment."""
    assert "accepted-is-authentic" in runs.judged("attacker", "draft", "group_psk=no", "rogue_cert=no", copies=0, segments=2).traces
    assert "accepted-is-authentic" not in runs.judged(
        "attacker", "draft", "group_psk=no", "rogue_cert=no", "check_at=spd", copies=0, segments=2).traces


# The command -------------------------------------------------------------------------------------------------------------------------

def call(*words: str) -> Any:
    return CliRunner().invoke(app, ["attackers", *words])


def test_the_command(tmp_path: Any) -> None:
    words = ("--preset", "repaired", "--protection", "md5", "--protection", "both", "--property", "negotiation-is-not-weakened")
    done = call(*words, "--out", str(tmp_path / "out"))
    assert done.exit_code == 0 and "repaired\tnegotiation-is-not-weakened\ton-path (1)\tunprotected-ike (1)" in done.stdout
    document = json.loads(call(*words, "--json").stdout)
    assert [one["attackers"][0]["capabilities"] for one in document["cells"]] == [["on-path"], ["unprotected-ike"]]
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["attackers-repaired-both-negotiation-is-not-weakened-unprotected-ike.json",
                     "attackers-repaired-md5-negotiation-is-not-weakened-on-path.json"]
    for name in files:
        assert CliRunner().invoke(app, ["replay", str(tmp_path / "out" / name)]).exit_code == 0


@pytest.mark.parametrize(("words", "told"), [
    (("--protection", "tls"), "protection 'tls': there is no such protection; there are none, md5, ipsec, both"),
    (("--preset", "no"), "preset 'no': there is no such preset"), (("--reading", "icmp=no"), "which attacker and which protection"),
    (("--reading", "md5=on"), "which attacker and which protection"), (("--property", "close-ends"), "slice attacker has no such property"),
    (("--bound", "luck=1"), "bound 'luck'"), (("--workers", "0"), "workers 0"), (("--memory", "0"), "memory 0"),
    (("--out", __file__), "this is a file"),
])
def test_bad_input_is_one_line(words: tuple[str, ...], told: str) -> None:
    done = call(*words)
    assert done.exit_code == 2 and told in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
