"""SPD and SAD against RFC 4301 5.1, 5.2 (RFC 2401 5.1, 5.2), RFC 2406 3.4.3 and RFC 2401 4.4.3, under every reading they depend on."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from model.action import Refuse
from model.ipsec import IPSEC_TABLE, SPD_TABLE
from model.signals import GEN, KIND, TCP_STATE
from tests.alone import Alone, never_fires
from verify.step import Disabled

SPD_STATES = ("no-entry", "PROTECT", "DISCARD")
GENERATIONS = GEN.values


def spd(state: str, **readings: str) -> Alone:
    return Alone(SPD_TABLE, {"spd.state": state, **readings})


def sad(given: dict[str, Any] | None = None, **readings: str) -> Alone:
    return Alone(IPSEC_TABLE, {**(given or {}), **readings})


def halves(a: Alone, gen: str = "g0") -> tuple[str, str, str]:
    """Inbound half, outbound half, selectors."""
    return a.get(f"ipsec.in[{gen}]"), a.get(f"ipsec.out[{gen}]"), a.get(f"ipsec.for[{gen}]")


def pair(gen: str = "g0", state: str = "mature", selectors: str = "0") -> dict[str, str]:
    return {f"ipsec.in[{gen}]": state, f"ipsec.out[{gen}]": state, f"ipsec.for[{gen}]": selectors}


# -- the SPD ------------------------------------------------------------------------------------------------------

def policy(state: str, listener_rule: str, port: str) -> str:
    """The rule a packet of the connection meets: its own, the neighbour's, or the last one. Rules for port 170 match nothing."""
    if port == "170":
        return "BYPASS"
    return {"PROTECT": "PROTECT", "DISCARD": "DISCARD", "no-entry": "PROTECT" if listener_rule == "protect" else "BYPASS"}[state]


@pytest.mark.parametrize(("state", "listener_rule", "port"), list(product(SPD_STATES, ("none", "protect"), ("179", "170"))))
@pytest.mark.parametrize("kind", KIND.values)
def test_outbound_packets_are_protected_discarded_or_bypassed(state: str, listener_rule: str, port: str, kind: str) -> None:
    """RFC 4301 5.1; the same for every segment, whatever it carries, and TCP is told nothing."""
    a = spd(state, listener_rule=listener_rule, port=port).do("outbound", kind=kind, msg="UPDATE", acks=True, inc="1", resend=True)
    rule = policy(state, listener_rule, port)
    assert a.told == ([f"ipsec: protect {kind} UPDATE true 1 exact genuine true"] if rule == "PROTECT" else [])
    assert a.sent == ([f"{kind} UPDATE true 1 exact PLAIN genuine"] if rule == "BYPASS" else [])
    assert a.at == state


@pytest.mark.parametrize(("state", "listener_rule", "port"), list(product(SPD_STATES, ("none", "protect"), ("179", "170"))))
@pytest.mark.parametrize("check_at", ["bgp", "spd"])
@pytest.mark.parametrize("kind", KIND.values)
def test_plaintext_comes_in_only_where_the_rule_bypasses(state: str, listener_rule: str, port: str, check_at: str, kind: str) -> None:
    """RFC 4301 5.2; draft 3.6 l.628-630: BGP MUST check, which only sees data, or the SPD checks every packet."""
    a = spd(state, listener_rule=listener_rule, port=port, check_at=check_at)
    a.do("inbound PLAIN", kind=kind, msg="-", acks=True, inc="1", fit="in-window", origin="forged")
    passes = policy(state, listener_rule, port) == "BYPASS" and check_at == "bgp"
    assert a.told == ([f"tcp: rcv {kind} - true 1 in-window"] if passes and kind != "DATA" else [])
    row = "PLAIN dropped" if not passes else "PLAIN data refused by BGP" if kind == "DATA" else "PLAIN accepted"
    assert (a.at, a.fired) == (state, [row])


def test_the_entry_is_what_it_was_last_set_to() -> None:
    for before, entry in product(SPD_STATES, SPD_STATES):
        a = spd(before).do("set entry", entry=entry)
        assert (a.at, a.told, a.sent) == (entry, [], [])


# -- the SAD, outbound --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("gen", GENERATIONS)
@pytest.mark.parametrize("state", ["mature", "dying"])
def test_protected_packets_leave_under_a_usable_sa(gen: str, state: str) -> None:
    """RFC 4301 5.1; a dying SA is still one (draft 3.2 l.487-489)."""
    a = sad(pair(gen, state)).do("protect", {"SA": gen}, kind="FIN", msg="UPDATE", acks=True, inc="0")
    assert (a.sent, a.told) == ([f"FIN UPDATE true 0 exact ESP-{gen} genuine"], [])


def test_of_several_sas_any_may_be_chosen_and_no_other() -> None:
    """Draft 3.2 l.489-491: local policy."""
    two = pair("g0", "dying") | pair("g2")
    for gen in ("g0", "g2"):
        assert sad(two).do("protect", {"SA": gen}, kind="ACK").sent == [f"ACK - false 0 exact ESP-{gen} genuine"]
    with pytest.raises(Disabled):
        sad(two).do("protect", {"SA": "g1"}, kind="ACK")


@pytest.mark.parametrize(("selectors", "inc", "fits"), [("0", "0", True), ("0", "1", False), ("1", "1", True), ("1", "0", False),
                                                        ("any", "0", True), ("any", "1", True)])
def test_selectors_are_checked_in_both_directions(selectors: str, inc: str, fits: bool) -> None:
    """RFC 4301 5.1, 5.2 step 4: an SA carries only what its selectors match."""
    assert bool(sad(pair(selectors=selectors)).do("protect", kind="ACK", inc=inc).sent) == fits
    a = sad(pair(selectors=selectors)).do("inbound ESP", gen="g0", kind="ACK", inc=inc)
    assert a.fired == ["ESP accepted" if fits else "outside the selectors"]
    assert a.told == ([f"tcp: rcv ACK - false {inc} exact"] if fits else [])


@pytest.mark.parametrize("after_del", ["bypass", "discard", "acquire"])
def test_without_an_sa_the_packet_is_dropped(after_del: str) -> None:
    """RFC 4301 5.1: and IKE is asked for one, if there is anybody to ask; nothing leaves in any case."""
    for given in ({}, {"ipsec.in[g0]": "mature"}, {"ipsec.in[g0]": "larval"}, pair(selectors="1")):
        a = sad(given, after_del=after_del).do("protect", kind="FIN", inc="0")
        assert (a.sent, a.told) == ([], ["quick-initiator: acquire 0"] if after_del == "acquire" else [])


# -- the SAD, inbound ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("half", "known"), [("none", False), ("larval", False), ("mature", True), ("dying", True)])
def test_tcp_never_sees_a_packet_of_an_unknown_spi(half: str, known: bool) -> None:
    """RFC 4301 5.2 step 2; the outbound half does not help."""
    for gen in GENERATIONS:
        a = sad({f"ipsec.in[{gen}]": half, f"ipsec.out[{gen}]": "mature"}).do("inbound ESP", gen=gen, kind="RST", fit="in-window")
        assert a.told == (["tcp: rcv RST - false 0 in-window"] if known else []) and a.sent == []
        assert a.fired == ["ESP accepted" if known else "unknown SPI"]


@pytest.mark.parametrize(("replay_window", "row"), [("on", "replay dropped"), ("off", "ESP accepted twice")])
def test_the_anti_replay_window(replay_window: str, row: str) -> None:
    """RFC 2406 3.4.3: a sequence number that was seen is rejected, if the receiver checks."""
    a = sad(pair(), replay_window=replay_window).do("inbound ESP", gen="g0", kind="FIN", origin="copy")
    assert (a.fired, a.told) == ([row], ["tcp: rcv FIN - false 0 exact"] if replay_window == "off" else [])
    assert sad(pair(), replay_window=replay_window).do("inbound ESP", gen="g0", kind="FIN").fired == ["ESP accepted"]
    for refused in ({}, pair(selectors="1")):
        assert sad(refused, replay_window=replay_window).do("inbound ESP", gen="g0", kind="FIN", origin="copy").told == []


# -- the life of an SA --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("gen", GENERATIONS)
def test_an_initiators_sa_is_larval_then_mature_then_gone(gen: str) -> None:
    """RFC 2409 5.5: the SPI of the inbound half is in QM1; keys come with QM2."""
    a = sad()
    assert halves(a.do("getspi", gen=gen, inc="1", exact=True), gen) == ("larval", "none", "1")
    assert halves(a.do("install", gen=gen, inc="1", exact=True), gen) == ("mature", "mature", "1")
    assert halves(a.do("drop-larval", gen=gen), gen) == ("mature", "mature", "1")
    assert halves(a.do("remove", gen=gen), gen) == ("none", "none", "0")
    assert halves(a.do("remove", gen=gen), gen) == ("none", "none", "0")


def test_a_responders_sa_can_receive_before_it_can_send() -> None:
    a = sad().do("install-in", gen="g1", inc="1", exact=True)
    assert halves(a, "g1") == ("mature", "none", "1") and a.do("inbound ESP", gen="g1", inc="1", kind="SYN").fired == ["ESP accepted"]
    assert a.do("protect", kind="SYN+ACK", inc="1").sent == []
    assert halves(a.do("drop-larval", gen="g1"), "g1") == ("none", "none", "0")


@pytest.mark.parametrize("event", ["getspi", "install-in", "install"])
@pytest.mark.parametrize(("inc", "exact", "selectors"), [("0", True, "0"), ("1", True, "1"), ("0", False, "any"), ("1", False, "any")])
def test_selectors_come_from_the_identities(event: str, inc: str, exact: bool, selectors: str) -> None:
    """RFC 2407 4.6.2: port 0 is any port; draft 3.2 l.450-454 asks for both ports."""
    assert halves(sad().do(event, gen="g0", inc=inc, exact=exact))[2] == selectors


@pytest.mark.parametrize(("shared", "peer_del", "by_peer", "lost"), [
    ("foreign", "apply", True, True), ("other-sessions", "apply", False, True), ("foreign", "defer", False, True),
    ("other-sessions", "defer", True, False), (None, "apply", True, False)])
def test_others_under_the_phase_1_sa_lose_their_sa_with_it(shared: str | None, peer_del: str, by_peer: bool, lost: bool) -> None:
    """Draft 3.3 l.507-516: the phase 2 SAs bound to a phase 1 SA go with it. Where the peer's Delete is only noted (RFC 2408 3.15:
    it is advisory), what others use stays."""
    a = sad({f"binding.{shared}": True} if shared else {}, peer_del=peer_del).do("remove others'", by_peer=by_peer)
    assert (a.get("ipsec.others-lost"), a.told) == ("true" if lost else "false", [])
    assert a.do("remove others'", by_peer=by_peer).get("ipsec.others-lost") == ("true" if lost else "false")


def test_one_half_or_one_generation_at_a_time() -> None:
    """RFC 2408 3.15: an SPI names one half."""
    a = sad(pair("g0") | pair("g1")).do("remove-out", gen="g0")
    assert (halves(a, "g0"), halves(a, "g1")) == (("mature", "none", "0"), ("mature", "mature", "0"))
    a.do("remove", gen="g0")
    assert (halves(a, "g0")[0], halves(a, "g1")) == ("none", ("mature", "mature", "0"))


# -- lifetimes ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("gen", "me", "rekey_by"), list(product(GENERATIONS, "AB", ("both", "initiator"))))
def test_the_soft_limit_leaves_the_sa_usable_and_asks_for_another(gen: str, me: str, rekey_by: str) -> None:
    """RFC 2401 4.4.3; who asks is a reading. A began g0 and g1, B began g2."""
    a = sad({**pair(gen), "endpoint.name": me, "tcp.inc": "1"}, rekey_by=rekey_by).do("soft lifetime", gen=gen)
    began = me == ("B" if gen == "g2" else "A")
    assert a.told == (["quick-initiator: acquire 1"] if began or rekey_by == "both" else [])
    assert halves(a, gen) == ("dying", "dying", "0")
    assert a.do("protect", {"SA": gen}, kind="ACK").sent and a.do("inbound ESP", gen=gen, kind="ACK").fired == ["ESP accepted"]
    with pytest.raises(Disabled):
        a.do("soft lifetime", gen=gen)


def test_the_soft_limit_needs_an_outbound_half() -> None:
    with pytest.raises(Disabled):
        sad({"ipsec.in[g0]": "mature"}).do("soft lifetime", gen="g0")
    assert halves(sad({"ipsec.out[g0]": "mature"}).do("soft lifetime", gen="g0")) == ("none", "dying", "0")


@pytest.mark.parametrize(("tcp", "expiry", "another"), list(product(TCP_STATE.values, ("remove", "abort"), (False, True))))
def test_the_hard_limit(tcp: str, expiry: str, another: bool) -> None:
    """RFC 2401 4.4.3: the SA is deleted; or, if it is a connection's last, the connection goes first, under it."""
    for state in ("mature", "dying"):
        a = sad({**pair("g1", state), **(pair("g2") if another else {}), "tcp.state": tcp}, expiry=expiry).do("hard lifetime", gen="g1")
        first = expiry == "abort" and not another and tcp not in ("CLOSED", "LISTEN")
        assert a.told == ["tcp: ABORT" if first else "ipsec: delete g1 expired"]
        assert halves(a, "g1") == ((state, state, "0") if first else ("none", "none", "0"))


def test_only_what_there_is_expires_or_is_cleared() -> None:
    for half in ({"ipsec.in[g1]": "mature"}, {"ipsec.out[g1]": "mature"}):
        assert sad(half).do("hard lifetime", gen="g1").told == ["ipsec: delete g1 expired"]
        assert sad(half).do("clear SA", gen="g1").told == ["ipsec: delete g1 cleared"]
    for event, given in product(("hard lifetime", "clear SA"), ({}, {"ipsec.in[g1]": "larval"}, pair("g0"))):
        with pytest.raises(Disabled):
            sad(given).do(event, gen="g1")


def test_every_row_fires_in_the_component_slices() -> None:
    """A row that refuses a choice is never taken; it says which choices are legal."""
    assert never_fires(SPD_TABLE) == set()
    refusing = {one.key for one in IPSEC_TABLE.rows if any(isinstance(action, Refuse) for action in one.actions)}
    assert refusing == {"not that SA@SAD"}
    assert never_fires(IPSEC_TABLE, "reading.after_del reading.replay_window reading.rekey_by reading.redundant reading.expiry tcp.state "
                       "reading.peer_del binding.foreign reading.md5 nat.state reading.keying") == refusing


def test_a_deletion_takes_both_halves_at_once_and_is_told_once() -> None:
    a = sad(pair("g1")).do("delete", gen="g1", why="tcp-closed")
    assert halves(a, "g1") == ("none", "none", "0") and a.told == ["informational: SA deleted g1 tcp-closed"]
    assert not a.do("delete", gen="g1", why="session-closed").told
