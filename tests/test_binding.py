"""The binding rules b1 - b12 against the draft's sections 3.1 - 3.4, under every value of every reading they depend on."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from model.action import Impossible
from model.binding import BINDING_TABLE
from model.readings import READINGS
from model.signals import HOW, SESSION, TCP_STATE
from tests.alone import Alone, never_fires
from verify.step import Disabled

STATES = SESSION.values
LIVE = ("opening", "up")
P1 = "informational: delete phase 1"
def left(ended: bool) -> str:
    """What the binding of the end's other connection hears."""
    return f"binding: other connection closed {str(ended).lower()}"


ABANDON = ["quick-initiator: abandon", "quick-responder: abandon"]
USABLE = {"ipsec.out[g0]": "mature", "ipsec.in[g0]": "mature"}


def end(state: str, given: dict[str, Any] | None = None, **readings: str) -> Alone:
    return Alone(BINDING_TABLE, {"binding.state": state, **(given or {}), **readings})


def every(*keys: str) -> list[tuple[str, ...]]:
    """Every combination of values of the readings."""
    return list(product(*(READINGS[key].values for key in keys)))


def deletes(why: str, *generations: str) -> list[str]:
    return [f"informational: delete {g} {why}" for g in generations or ("g0", "g1", "g2")]


# -- 3.2: b1, b2, b4, b5 ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("state", [state for state in STATES if state != "waiting"])
@pytest.mark.parametrize("tcp", ["CLOSED", "LISTEN"])
def test_b1_no_syn_before_the_sa(state: str, tcp: str) -> None:
    """l.436-439: phase 1 and phase 2 MUST be complete before the initial TCP messages; the filter is there before both."""
    a = end(state, {"tcp.state": tcp, "binding.mark": True}).do("connect", passive=False)
    assert (a.at, a.get("binding.mark")) == ("waiting", "false")
    assert a.told == ["spd: set entry PROTECT", "quick-initiator: acquire 0"]


@pytest.mark.parametrize("state", STATES)
def test_b1_with_an_sa_the_syn_may_go_at_once(state: str) -> None:
    a = end(state, USABLE | {"binding.mark": True}).do("connect", passive=False)
    assert (a.at, a.get("binding.mark"), a.told) == ("opening", "false", ["spd: set entry PROTECT", "tcp: OPEN false 0"])


@pytest.mark.parametrize("half", ["ipsec.in[g0]", "ipsec.for[g0]"])
def test_b1_an_sa_that_cannot_carry_the_syn_does_not_count(half: str) -> None:
    """The inbound half alone, or an SA whose selectors are another port's."""
    given = {half: "mature"} if half == "ipsec.in[g0]" else {**USABLE, half: "1"}
    assert end("none", given).do("connect", passive=False).at == "waiting"


@pytest.mark.parametrize("state", STATES)
def test_b1_the_remote_peer_listens(state: str) -> None:
    a = end(state, {"binding.mark": True}).do("connect", passive=True)
    assert (a.at, a.told, a.get("binding.mark")) == ("opening", ["tcp: OPEN true 0"], "false")


@pytest.mark.parametrize("tcp", [state for state in TCP_STATE.values if state not in ("CLOSED", "LISTEN")])
@pytest.mark.parametrize("passive", [True, False])
def test_b1_one_connection_at_a_time(tcp: str, passive: bool) -> None:
    """RFC 9293 3.10.1: the TCB of the old connection is in the way."""
    a = end("gone", {"tcp.state": tcp}).do("connect", passive=passive)
    assert (a.at, a.told) == ("gone", [])


def test_b1_a_second_attempt_has_a_new_source_port_and_wants_an_sa_for_it() -> None:
    a = end("waiting").do("connect", passive=False)
    assert (a.at, a.told, a.get("binding.next-incarnation")) == ("waiting", ["quick-initiator: abandon", "quick-initiator: acquire 1"], "1")


@pytest.mark.parametrize("passive", ["true", "false"])
def test_reconnect_is_a_connect_after_the_drop(passive: str) -> None:
    """RFC 4271 8.2.2: here nothing happens yet; the end of the old connection is dealt with before the new one."""
    for state in STATES:
        a = end(state, {"tcp.state": "FIN-WAIT-1"}).do("reconnect", passive=passive)
        assert (a.at, a.told) == (state, [f"binding: connect {passive}"])


@pytest.mark.parametrize("gen", ["g0", "g1", "g2"])
def test_b2_phase_2_releases_the_syn(gen: str) -> None:
    a = end("waiting", {f"ipsec.out[{gen}]": "mature"}).do("phase 2 up", gen=gen)
    assert (a.at, a.told, a.get("binding.bound")) == ("opening", ["tcp: OPEN false 0"], gen)


def test_b2_an_sa_for_the_port_of_an_earlier_attempt_releases_nothing() -> None:
    a = end("waiting", {"binding.next-incarnation": "1", "ipsec.out[g1]": "mature", "ipsec.for[g1]": "0"}).do("phase 2 up", gen="g1")
    assert (a.at, a.told, a.get("binding.bound")) == ("waiting", [], "none")


@pytest.mark.parametrize("state", ["none", "opening"])
def test_the_remote_peer_protects_the_connection_when_phase_2_is_up(state: str) -> None:
    a = end(state).do("phase 2 up", gen="g1")
    assert (a.at, a.told, a.get("binding.bound")) == (state, ["spd: set entry PROTECT"], "g1")


@pytest.mark.parametrize(("selectors", "bound"), [("1", "g2"), ("0", "none"), ("any", "none")])
def test_an_sa_that_comes_after_the_end_is_bound_only_if_it_is_the_next_connections(selectors: str, bound: str) -> None:
    """l.476-484: the binding is between a connection and its SA. An SA with the old connection's ports is nobody's (F-20)."""
    a = end("gone", {"tcp.inc": "0", "ipsec.for[g2]": selectors}).do("phase 2 up", gen="g2")
    assert (a.at, a.get("binding.bound"), a.told) == ("gone", bound, ["spd: set entry PROTECT"] if bound == "g2" else [])
    late = end("closing", {"tcp.inc": "0", "ipsec.for[g2]": selectors}).do("phase 2 up", gen="g2")
    assert (late.at, late.get("binding.bound"), late.told) == ("closing", "none", [])


def test_b4_the_reply_to_open_binds() -> None:
    """l.468-484; anywhere else the OPEN says nothing new."""
    for state in STATES:
        a = end(state).do("OPEN received")
        assert (a.at, a.told) == ("up" if state == "opening" else state, [])


@pytest.mark.parametrize("state", ["up", "closing", "gone"])
def test_b5_rekey_changes_no_binding(state: str) -> None:
    """l.489-491: BGP plays no role in which SA is used, so the binding still names the first."""
    a = end(state, {"binding.bound": "g0"}).do("phase 2 up", gen="g1")
    assert (a.at, a.told, a.get("binding.bound")) == (state, [], "g0")


def test_an_attempt_without_keys_fails() -> None:
    for state in STATES:
        a = end(state).do("phase 2 failed")
        assert (a.at, a.told) == (("none", ["quick-responder: abandon", "bgp: TcpConnectionFails"]) if state == "waiting" else (state, []))


# -- 3.3, 3.4: b6, b12 --------------------------------------------------------------------------------------------

def drops_phase_1(p1_delete: str, p1_count: str, others: bool, foreign: bool) -> bool:
    """l.507-513: only where no BGP session is left on it; whether other traffic counts is the reading p1_count."""
    unused = not others and not (foreign and p1_count == "all_children")
    return {"never": False, "always": True, "last_bgp_session": unused}[p1_delete]


@pytest.mark.parametrize(("p1_delete", "p1_count", "del_trigger"), every("p1_delete", "p1_count", "del_trigger"))
def test_b6_and_b12_the_end_of_a_session(p1_delete: str, p1_count: str, del_trigger: str) -> None:
    """l.502-516: mark, and delete phase 1 where the section asks for it; l.552-556: delete what the session left.

    With del_trigger tcp_closed the session's end deletes no phase 2 SA while there is a TCB; a session that ended without
    a word from us (not graceful) then leaves phase 1 alone as well.
    """
    for state, tcp, graceful, others, foreign in product(LIVE, ("ESTABLISHED", "FIN-WAIT-1", "CLOSED"), *[(True, False)] * 3):
        a = end(state, {"tcp.state": tcp, "binding.other-sessions": others, "binding.foreign": foreign}, p1_delete=p1_delete,
                p1_count=p1_count, del_trigger=del_trigger).do("session closed", graceful=graceful)
        now = del_trigger == "bgp_idle" or tcp == "CLOSED"
        first = [P1] if drops_phase_1(p1_delete, p1_count, others, foreign) and (graceful or now) else []
        second = deletes("session-closed") if now else []
        assert a.told == (ABANDON if tcp == "CLOSED" else []) + second + first + [left(ended=state == "up")]
        assert (a.at, a.get("binding.mark")) == (("gone", "false") if tcp == "CLOSED" else ("closing", "true"))
        assert a.fired[0].startswith("b12 session " if now else "b6 session closed: mark")


@pytest.mark.parametrize("state", ["none", "closing", "gone"])
def test_b12_a_session_ends_once(state: str) -> None:
    a = end(state, {"tcp.state": "FIN-WAIT-1"}, p1_delete="always").do("session closed", graceful=True)
    assert (a.at, a.told, a.get("binding.mark")) == (state, [], "false")


def test_an_attempt_given_up_before_the_syn_leaves_no_sa() -> None:
    a = end("waiting").do("session closed", graceful=True)
    assert (a.at, a.told) == ("none", ABANDON + deletes("session-closed"))


# -- 3.1, 3.3: b7, several connections -----------------------------------------------------------------------------

@pytest.mark.parametrize(("session_id", "del_trigger"), every("session_id", "del_trigger"))
def test_b7_the_close_of_one_of_several_connections(session_id: str, del_trigger: str) -> None:
    """l.518-530: the session stays, so the connection is marked and half-closed, and its SA goes after TIME-WAIT; of a connection that is
    gone already the SA goes now. Whether two connections are of one session is a matter of what it is known by (3.2 l.463-470)."""
    for alike, tcp in product((True, False), ("ESTABLISHED", "CLOSED")):
        given = {"tcp.state": tcp, "binding.other-connection": True, "binding.begun-alike": alike}
        a = end("up", given, session_id=session_id, del_trigger=del_trigger, p1_delete="never").do("session closed", graceful=True)
        if session_id == "ordered" and not alike:
            assert a.fired[0].startswith(("b12", "b6")) and a.told[-1] == left(ended=True)
        elif tcp == "CLOSED":
            assert (a.at, a.told) == ("gone", ABANDON + deletes("session-closed") + [left(ended=False)])
        else:
            assert (a.at, a.told, a.get("binding.mark")) == ("closing", [left(ended=False)], "true")


@pytest.mark.parametrize(("session_id", "del_trigger"), every("session_id", "del_trigger"))
def test_b12_what_exists_as_a_result_of_the_session(session_id: str, del_trigger: str) -> None:
    """l.552-556, for the SAs of the end's other connection."""
    for state, alike, ended in product(STATES, (True, False), (True, False)):
        a = end(state, {"binding.other-connection": True, "binding.begun-alike": alike}, session_id=session_id, del_trigger=del_trigger)
        a.do("other connection closed", ended=ended)
        one = session_id != "ordered" or alike
        taken = ended and one and del_trigger == "bgp_idle" and state in ("waiting", "opening", "up")
        assert (a.at, a.told) == (state, deletes("session-closed") if taken else [])
        assert a.get("binding.other-connection") == "false"
        assert a.do("other connection up").get("binding.other-connection") == "true"


def test_restart_forgets_the_connection_and_uses_another_incarnation() -> None:
    for state in STATES:
        a = end(state, {"binding.mark": True, "binding.bound": "g1", "binding.other-sessions": True}).do("restart")
        assert (a.at, a.told, a.get("binding.mark"), a.get("binding.bound")) == ("none", [], "false", "none")
        assert (a.get("binding.next-incarnation"), a.get("binding.other-sessions")) == ("1", "true")


# -- 3.3, 3.4: b8, b9 ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", HOW.values)
@pytest.mark.parametrize(("passive_del", "on_failure"), every("passive_del", "on_failure"))
def test_b8_and_b9_the_end_of_a_connection(how: str, passive_del: str, on_failure: str) -> None:
    """l.528-530 MUST: after TIME-WAIT the bound SA is deleted; l.536-538 SHOULD: after a failure too. The passive closer has no
    TIME-WAIT; what it does is a reading."""
    deleted, why = {"2MSL": (True, "tcp-closed"), "reused": (True, "tcp-closed"),
                    "last-ack": (passive_del == "at_closed", "tcp-closed")}.get(how, (on_failure == "delete", "failed"))
    for state, (bind, bound) in product(STATES, (("single", "none"), ("single", "g0"), ("single", "g1"), ("single", "g2"), ("set", "g0"))):
        a = end(state, {"binding.bound": bound}, bind=bind, passive_del=passive_del, on_failure=on_failure).do("TCB closed", how=how)
        gone = deletes(why) if bind == "set" else deletes(why, bound) if bound != "none" else []
        assert a.told == ABANDON + (gone if deleted else [])
        assert (a.at, a.get("binding.next-incarnation")) == ("gone" if state == "closing" else state, "1")
        assert a.get("binding.bound") == ("none" if deleted else bound)


@pytest.mark.parametrize("passive_del", READINGS["passive_del"].values)
def test_the_passive_closer_in_last_ack(passive_del: str) -> None:
    for bind, bound in (("single", "none"), ("single", "g1"), ("set", "g1")):
        a = end("closing", {"tcp.state": "LAST-ACK", "binding.bound": bound}, passive_del=passive_del, bind=bind)
        gone = deletes("tcp-closed") if bind == "set" else deletes("tcp-closed", bound) if bound != "none" else []
        b = a.do("FIN sent as passive closer")
        assert (b.at, b.told) == ("closing", gone if passive_del == "at_lastack" else [])


def test_the_clock_may_start_with_the_bare_ack() -> None:
    """l.527-530: 'after the other side responds' read as its ACK, in FIN-WAIT-2; it ends with the bound SA."""
    def clock(tcp: str, clock_start: str, bind: str = "single", bound: str = "g1") -> Alone:
        return end("closing", {"tcp.state": tcp, "binding.bound": bound}, clock_start=clock_start, bind=bind).do("TIME-WAIT clock")

    assert clock("FIN-WAIT-2", "fw2").told == deletes("tcp-closed", "g1")
    assert clock("FIN-WAIT-2", "fw2", "set").told == deletes("tcp-closed")
    for refused in (("FIN-WAIT-2", "tw"), ("TIME-WAIT", "fw2"), ("FIN-WAIT-1", "fw2"), ("FIN-WAIT-2", "fw2", "single", "none")):
        with pytest.raises(Disabled):
            clock(*refused)  # type: ignore[arg-type]


# -- 3.4: b10, b11 ------------------------------------------------------------------------------------------------

def confirms(confirm: str, bind: str, installed: bool, bound: str, left: bool) -> bool:
    """l.541-546, for a Delete of g1: any counts, or only that of the bound SA (of the last one of a set) that IKE still had."""
    the_one = bound == "g1" if bind == "single" else not left
    return {"any_del": True, "never": False, "bound_only": installed and the_one}[confirm]


@pytest.mark.parametrize(("confirm", "bind", "peer_del", "after_del"), every("confirm", "bind", "peer_del", "after_del"))
def test_b10_a_delete_for_a_marked_connection(confirm: str, bind: str, peer_del: str, after_del: str) -> None:
    """l.541-546: it confirms the peer's teardown, and then state and filters can be removed."""
    for state, installed, bound, left, tcp in product(("closing", "gone"), (True, False), ("g0", "g1"), (True, False),
                                                      ("FIN-WAIT-1", "CLOSED")):
        sas = USABLE if left else {}
        a = end(state, {"binding.mark": True, "binding.bound": bound, "tcp.state": tcp, **sas}, confirm=confirm, bind=bind,
                peer_del=peer_del, after_del=after_del).do("SA deleted by peer", gen="g1", installed=installed)
        if confirms(confirm, bind, installed, bound, left) and (peer_del == "apply" or tcp == "CLOSED"):
            entry = {"bypass": ["spd: set entry no-entry"], "discard": ["spd: set entry DISCARD"], "acquire": []}[after_del]
            assert (a.at, a.get("binding.mark"), a.told) == ("gone", "false", entry)
            assert a.fired[0].startswith("b10 confirmed: filter")
        else:
            assert (a.at, a.get("binding.mark"), a.told) == (state, "true", [])


@pytest.mark.parametrize(("unmarked_del", "bind"), every("unmarked_del", "bind"))
def test_b11_a_delete_for_a_connection_nobody_closes(unmarked_del: str, bind: str) -> None:
    """The draft has no else branch; it speaks of the SA bound to the connection, of a set the last one."""
    for state, left, bound in product([s for s in STATES if s != "closing"], (True, False), ("g0", "g1")):
        given = {"tcp.state": "ESTABLISHED", "tcp.inc": "1", "binding.bound": bound, **(USABLE if left else {})}
        a = end(state, given, unmarked_del=unmarked_del, bind=bind).do("SA deleted by peer", gen="g1", installed=True)
        matters = bound == "g1" if bind == "single" else not left
        does = {"ignore": [], "event18": ["bgp: TcpConnectionFails"], "renegotiate": ["quick-initiator: acquire 1"]}[unmarked_del]
        assert (a.at, a.told) == (state, does if matters else [])


def test_every_row_fires_in_the_component_slice() -> None:
    """Where the mark is set the session is closing or gone; the rows that say so never fire."""
    marked = {one.key for one in BINDING_TABLE.rows if any(isinstance(action, Impossible) for action in one.actions)}
    assert len(marked) == 4
    assert never_fires(BINDING_TABLE, "tcp.state ipsec.out", "tcp.state reading.bind reading.passive_del reading.on_failure",
                       "tcp.state reading.del_trigger reading.p1_delete", "tcp.state reading.session_id reading.del_trigger",
                       "tcp.state reading.bind reading.confirm reading.peer_del reading.after_del reading.unmarked_del",
                       "tcp.state ipsec.out reading.bind reading.clock_start", "tcp.state ipsec.for",
                       "tcp.state reading.session_id binding.begun-alike reading.del_trigger") == marked
