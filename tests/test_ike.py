"""The IKE tables against RFC 2407, 2408 and 2409: exchanges message by message, duplicates, failures, Deletes, and a second
reading of the phase 1 exchanges, made from the text, compared cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model.action import Signal, action_exprs
from model.channels import DATAGRAMS
from model.expr import Item, Var, evaluate, walk
from model.ike import (
    IKE_TABLES,
    INFORMATIONAL_TABLE,
    PHASE1_INITIATOR_TABLE,
    PHASE1_RESPONDER_TABLE,
    QUICK_INITIATOR_TABLE,
    QUICK_RESPONDER_TABLE,
)
from model.readings import READINGS
from model.signals import DATAGRAM, P1_INIT, P1_NEED, P1_RESP
from model.system import Instance, Offer, System, open_system
from model.table import Table
from model.wire import DATAGRAM_WIRE, IKE_ARRIVES
from verify.step import Disabled, Outcome, Stimulus, View, step, successors

INIT, RESP, QI, QR, INFO = "phase1-initiator", "phase1-responder", "quick-initiator", "quick-responder", "informational"
P1_UP = {f"{INIT}.state": "UP"}
BOTH_UP = {f"{INIT}.state": "UP", f"{RESP}.state": "UP"}
PAIR = {"ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature"}
OTHERS_GO = "ipsec remove others' true"
SYSTEMS: dict[str, System] = {}


class End:
    """One table in the most general environment, driven one stimulus at a time."""

    def __init__(self, table: Table, **given: str) -> None:
        self.table = table
        if table.name not in SYSTEMS:
            SYSTEMS[table.name] = open_system(table)
        self.system = SYSTEMS[table.name]
        self.slots = {str(slot).removeprefix("A."): at for at, slot in enumerate(self.system.slots)}
        self.state = self.system.initial[0]
        self.fired: list[str] = []
        self.sent: list[dict[str, str]] = []
        self.told: list[str] = []
        for name, value in given.items():
            self.put(name, value)

    def put(self, name: str, value: str | bool) -> None:
        """Give a variable a value, whoever owns it; readings by their key."""
        at = self.slots[name]
        sort = self.system.slots[at].sort
        assert sort is not None
        self.state = (*self.state[:at], sort.code(value), *self.state[at + 1:])

    def get(self, name: str) -> str:
        return self.system.slots[self.slots[name]].text(self.state[self.slots[name]])

    @property
    def at(self) -> str:
        return self.get(f"{self.table.name}.state")

    def do(self, event: str, choice: tuple[str, int] | None = None, **given: Any) -> End:
        """One stimulus; what it does is in `fired`, `sent` and `told` (signals to other tables)."""
        params = self.table.event(event).params
        given = {"exact": True, "good": True, "cookie": "sender", **given}
        args = tuple(p.sort.code(given[p.name]) if p.name in given else 0 for p in params)
        chosen = (choice,) if choice else ()
        outcome = step(self.system, self.state, Stimulus("A", self.table.name, event, args, chosen))
        self.fired = [one.row.name for one in outcome.fired]
        self.sent = [dict(zip((p.name for p in DATAGRAMS.fields), _texts(m.code), strict=True)) for m in outcome.sent]
        self.told = list(self._signals(outcome, dict(chosen)))
        self.state = outcome.after
        return self

    def _signals(self, outcome: Outcome, choices: dict[str, int]) -> Iterator[str]:
        for one in outcome.fired:
            view = View(self.system, "A", outcome.before, dict(zip((p.name for p in one.row.event.params), one.args, strict=True)),
                        choices)
            for action in one.row.actions:
                if isinstance(action, Signal) and action.table != self.table.name:
                    values = [p.sort.show(evaluate(action.call.value(p), view)) for p in action.call.event.params]
                    yield " ".join([action.table, action.call.event.name, *values])

    def rcv(self, message: str, **given: Any) -> End:
        return self.do("rcv", datagram=message, **given)

    @property
    def messages(self) -> list[str]:
        return [one["datagram"] for one in self.sent]


def _texts(code: int) -> list[str]:
    return [p.sort.show(v) for p, v in zip(DATAGRAMS.fields, DATAGRAMS.decode(code), strict=True)]


def deliver(message: dict[str, str], to: End) -> End:
    """A message arrives as the wire hands it over."""
    names = {p.name for p in to.table.event("rcv").params}
    given = {k: v for k, v in message.items() if k in names}
    return to.do("rcv", **{**given, "attempt": message["inc"]}) if "attempt" in names else to.do("rcv", **given)


# -- phase 1, two ends --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("mode", "messages"), [("main", "MM1 MM2 MM3 MM4 MM5 MM6"), ("aggressive", "AM1 AM2 AM3")])
def test_phase_1_exchange(mode: str, messages: str) -> None:
    """RFC 2409 5: six messages in main mode, three in aggressive mode; then both have an SA and may start Quick Mode."""
    a, b = End(PHASE1_INITIATOR_TABLE, p1_mode=mode), End(PHASE1_RESPONDER_TABLE)
    flow, here, there = a.do("need phase 1").sent, a, b
    seen = []
    while flow:
        (message,) = flow
        seen.append(message["datagram"])
        assert message["cookie"] == ("sender" if here is a else "receiver")
        flow = deliver(message, there).sent
        here, there = there, here
    assert " ".join(seen) == messages
    assert (a.at, b.at) == ("UP", "UP")
    for end in (a, b):
        assert f"{QI} phase 1 up" in end.told
        assert end.get(f"{end.table.name}.lifetime") == "true"
        assert end.get(f"{end.table.name}.retransmission") == end.get(f"{end.table.name}.retry-limit") == "false"


def initiator_from_the_rfc(state: str, message: str, good: bool, mode: str) -> tuple[str, str]:
    """RFC 2409 5 and RFC 2408 5 for one message with the right cookies: the next state, and what is sent."""
    match (state, message, good):
        case ("MM1-SENT", "MM2", True):
            return "MM3-SENT", "MM3"
        case ("MM3-SENT", "MM4", True):
            return "MM5-SENT", "MM5"
        case ("MM5-SENT", "MM6", True):
            return "UP", ""
        case ("AM1-SENT", "AM2", True):
            return "UP", "AM3"
        case ("MM5-SENT", "MM6", False) | ("AM1-SENT", "AM2", False):
            return "none", "P1-REFUSED"
        case ("MM3-SENT", "MM2", True):
            return state, "MM3"
        case ("MM5-SENT", "MM4", True):
            return state, "MM5"
        case ("UP", "AM2", True) if mode == "aggressive":
            return state, "AM3"
        case (_, "P1-REFUSED", True):
            return "none", ""
    return state, ""


def responder_from_the_rfc(state: str, message: str, good: bool) -> tuple[str, str]:
    match (state, message, good):
        case (_, "MM1" | "AM1", False):
            return state, "P1-REFUSED"
        case ("none", "MM1", True):
            return "MM2-SENT", "MM2"
        case ("none", "AM1", True):
            return "AM2-SENT", "AM2"
        case ("MM2-SENT", "MM3", True):
            return "MM4-SENT", "MM4"
        case ("MM4-SENT", "MM5", True):
            return "UP", "MM6"
        case ("AM2-SENT", "AM3", True):
            return "UP", ""
        case ("AM2-SENT", "AM3", False):
            return "none", "P1-REFUSED"
        case ("MM2-SENT", "MM1", True):
            return state, "MM2"
        case ("MM4-SENT", "MM3", True):
            return state, "MM4"
        case ("UP", "MM5", True):
            return state, "MM6"
        case ("AM2-SENT", "AM1", True):
            return state, "AM2"
        case (_, "P1-REFUSED", True):
            return "none", ""
    return state, ""


@pytest.mark.parametrize("mode", ["main", "aggressive"])
@pytest.mark.parametrize("good", [True, False])
def test_every_phase_1_cell_against_the_rfc(good: bool, mode: str) -> None:
    for table in (PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE):
        for state in table.state.sort.values:
            for message in DATAGRAM.values:
                end = End(table, **({"p1_mode": mode} if table is PHASE1_INITIATOR_TABLE else {}))
                end.put(f"{table.name}.state", state)
                expected = (initiator_from_the_rfc(state, message, good, mode) if table is PHASE1_INITIATOR_TABLE
                            else responder_from_the_rfc(state, message, good))
                if state == "none" and message == "P1-REFUSED":
                    expected = ("none", "")
                end.rcv(message, good=good)
                assert (end.at, " ".join(end.messages)) == expected, (table.name, state, message)


def test_messages_with_other_cookies_are_not_those_of_this_exchange() -> None:
    """RFC 2408 2.5.3, 5.2: only a first message may carry unknown cookies."""
    for message in ("MM2", "MM4", "MM6", "AM2", "P1-REFUSED"):
        for state in ("MM1-SENT", "MM3-SENT", "MM5-SENT", "AM1-SENT", "UP"):
            a = End(PHASE1_INITIATOR_TABLE, **{f"{INIT}.state": state}).rcv(message, attempt=1)
            assert (a.at, a.sent, a.told) == (state, [], [])
    b = End(PHASE1_RESPONDER_TABLE, **{f"{RESP}.state": "UP"})
    assert b.rcv("MM3", attempt=1).at == "UP"
    assert b.rcv("MM1", attempt=0).at == "UP" and not b.sent, "a late copy of the exchange that made this SA"
    assert b.rcv("MM1", attempt=1).at == "MM2-SENT" and b.messages == ["MM2"], "the initiator begins anew"
    assert b.sent[0]["inc"] == "1"


def test_each_attempt_has_new_cookies() -> None:
    a = End(PHASE1_INITIATOR_TABLE)
    first = a.do("need phase 1").sent[0]["inc"]
    a.do("retransmission").do("retry limit reached")
    assert a.do("need phase 1").sent[0]["inc"] != first


def test_giving_up_needs_a_retransmission_and_silence() -> None:
    """RFC 2408 5.1: the retry counter is used up before the state is cleared."""
    for table, events, kinds in (
        (PHASE1_INITIATOR_TABLE, ["need phase 1"], INIT), (PHASE1_RESPONDER_TABLE, [("rcv", "MM1")], RESP),
    ):
        end = End(table)
        for event in events:
            end.do(event) if isinstance(event, str) else end.rcv(event[1])
        waiting = end.at
        with pytest.raises(Disabled):
            end.do("retry limit reached")
        end.do("retransmission")
        assert (end.at, len(end.sent)) == (waiting, 1)
        end.put(f"observer.{kinds} message on its way in", True)
        with pytest.raises(Disabled):
            end.do("retry limit reached")
        end.put(f"observer.{kinds} message on its way in", False)
        end.do("retry limit reached")
        assert end.at == "none"
    assert End(PHASE1_INITIATOR_TABLE).do("need phase 1").do("retransmission").do("retry limit reached").told == [
        f"{QI} phase 1 failed"]


def test_a_retransmission_repeats_the_last_message() -> None:
    for table, states in ((PHASE1_INITIATOR_TABLE, "MM1 MM3 MM5 AM1"), (PHASE1_RESPONDER_TABLE, "MM2 MM4 AM2")):
        for message in states.split():
            end = End(table, **{f"{table.name}.state": f"{message}-SENT", f"{table.name}.contact": "true"})
            (again,) = end.do("retransmission").sent
            assert (again["datagram"], again["ic"]) == (message, "true" if message == "MM5" else "false")


def test_a_wrong_pre_shared_key_is_noise_or_a_failure() -> None:
    """RFC 2409 5.4: MM5 under another SKEYID cannot be read; a hash or identity that is read and wrong may be refused."""
    b = End(PHASE1_RESPONDER_TABLE, **{f"{RESP}.state": "MM4-SENT"})
    assert b.rcv("MM5", good=False).at == "MM4-SENT" and not b.sent
    assert b.rcv("MM5", good=False, choice=("legible", 1)).at == "none" and b.messages == ["P1-REFUSED"]
    a = End(PHASE1_INITIATOR_TABLE, **{f"{INIT}.state": "MM5-SENT"}).rcv("MM6", good=False)
    assert (a.at, a.messages, a.told) == ("none", ["P1-REFUSED"], [f"{QI} phase 1 failed"])


def test_a_refusal_ends_the_exchange() -> None:
    a = End(PHASE1_INITIATOR_TABLE).do("need phase 1").rcv("P1-REFUSED", attempt=1)
    assert (a.at, a.told) == ("none", [f"{QI} phase 1 failed"])


# -- INITIAL-CONTACT ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("ic", "other", "half", "carried"), [
    ("on", "none", "none", "true"), ("off", "none", "none", "false"), ("on", "UP", "none", "false"),
    ("on", "none", "mature", "false"), ("on", "MM5-SENT MM4-SENT", "none", "true"),
])
def test_initial_contact_goes_with_the_last_main_mode_message_of_the_first_sa(ic: str, other: str, half: str, carried: str) -> None:
    """RFC 2407 4.6.3, 4.6.3.3."""
    own, peers = other.split()[0], other.split()[-1]
    given = {"ic": ic, "ipsec.out[g0]": half}
    a = End(PHASE1_INITIATOR_TABLE, **given, **{f"{RESP}.state": peers, f"{INIT}.state": "MM3-SENT"})
    b = End(PHASE1_RESPONDER_TABLE, **given, **{f"{INIT}.state": own, f"{RESP}.state": "MM4-SENT"})
    (mm5,), (mm6,) = a.rcv("MM4").sent, b.rcv("MM5").sent
    assert (mm5["datagram"], mm5["ic"], mm6["datagram"], mm6["ic"]) == ("MM5", carried, "MM6", carried)
    a.put(f"{RESP}.state", "UP")
    assert a.rcv("MM4").sent[0]["ic"] == carried, "what is sent again is the same message"
    b.put("ipsec.out[g1]", "mature")
    assert b.rcv("MM5").sent[0]["ic"] == carried


def test_aggressive_mode_carries_no_initial_contact() -> None:
    """RFC 2407 4.6.3: not in an aggressive mode exchange."""
    assert End(PHASE1_RESPONDER_TABLE, ic="on").rcv("AM1").sent[0]["ic"] == "false"
    a = End(PHASE1_INITIATOR_TABLE, ic="on", **{f"{INIT}.state": "AM1-SENT"}).rcv("AM2", ic=True)
    assert a.sent[0]["ic"] == "false" and a.told == [f"{QI} phase 1 up"]


def test_initial_contact_is_handed_on_before_quick_mode_starts() -> None:
    b = End(PHASE1_RESPONDER_TABLE, **{f"{RESP}.state": "MM4-SENT"}).rcv("MM5", ic=True)
    assert b.told == [f"{INFO} INITIAL-CONTACT sender", f"{QI} phase 1 up"]
    a = End(PHASE1_INITIATOR_TABLE, **{f"{INIT}.state": "MM5-SENT"}).rcv("MM6", ic=True)
    assert a.told == [f"{INFO} INITIAL-CONTACT receiver", f"{QI} phase 1 up"]
    assert f"{INFO} INITIAL-CONTACT receiver" not in End(PHASE1_INITIATOR_TABLE, **{f"{INIT}.state": "MM5-SENT"}).rcv("MM6").told


def test_initial_contact_removes_the_other_phase_1_sa_and_every_child() -> None:
    """RFC 2407 4.6.3.3; draft 3.4 l.539-541."""
    for cookie, other in (("sender", INIT), ("receiver", RESP)):
        end = End(INFORMATIONAL_TABLE, **BOTH_UP, **{"ipsec.in[g0]": "mature", "ipsec.out[g0]": "mature", "ipsec.in[g2]": "larval"})
        end.do("INITIAL-CONTACT", cookie=cookie)
        assert end.told == [f"{other} phase 1 deleted", OTHERS_GO, "ipsec remove g0", "binding SA deleted by peer g0 true"] and not end.sent


def test_initial_contact_is_advisory_where_a_delete_is() -> None:
    """RFC 2407 4.6.3.3: the receiver "might then elect to delete any existing SA's"; where it defers Deletes, an SA whose connection
    has a TCB stays until that is CLOSED."""
    for tcp, told in (("ESTABLISHED", []), ("CLOSED", ["ipsec remove g0"]), ("LISTEN", ["ipsec remove g0"])):
        end = info(**PAIR, **BOTH_UP, peer_del="defer", **{"tcp.state": tcp}).do("INITIAL-CONTACT", cookie="sender")
        assert end.told == [f"{INIT} phase 1 deleted", OTHERS_GO, *told, "binding SA deleted by peer g0 true"]
        assert info(**PAIR, **{f"{RESP}.state": "UP"}, peer_del="defer", **{"tcp.state": tcp}).rcv("DEL-P1").told == [
            f"{RESP} phase 1 deleted", OTHERS_GO, *told, "binding SA deleted by peer g0 true"]


def test_lifetime_of_a_phase_1_sa() -> None:
    for table, cookie in ((PHASE1_INITIATOR_TABLE, "sender"), (PHASE1_RESPONDER_TABLE, "receiver")):
        end = End(table, **{f"{table.name}.state": "UP", f"{table.name}.lifetime": "true"}).do("hard lifetime")
        assert (end.at, end.told) == ("none", [f"{INFO} phase 1 expired {cookie}"])
    child = {"ipsec.in[g1]": "mature", "ipsec.out[g1]": "mature"}
    go = End(INFORMATIONAL_TABLE, **child).do("phase 1 expired")
    assert go.told == ["ipsec remove others' false", "ipsec remove g1"] and not go.sent
    assert not End(INFORMATIONAL_TABLE, p1_cascade="dangling", **child).do("phase 1 expired").told
    assert not End(INFORMATIONAL_TABLE, **P1_UP, **child).do("phase 1 expired", cookie="receiver").told


def test_who_needs_phase_1_takes_what_there_is() -> None:
    """RFC 2409 5.5: either party may start Quick Mode, whoever began phase 1."""
    for given in ({f"{INIT}.state": "UP"}, {f"{RESP}.state": "UP"}):
        a = End(PHASE1_INITIATOR_TABLE, **given).do("need phase 1")
        assert a.told == [f"{QI} phase 1 up"] and not a.sent
    assert End(PHASE1_INITIATOR_TABLE, **{f"{RESP}.state": "MM4-SENT"}).do("need phase 1").messages == ["MM1"], "two at once (F-27)"


# -- Quick Mode ---------------------------------------------------------------------------------------------------

def initiator(**given: str) -> End:
    return End(QUICK_INITIATOR_TABLE, **{**P1_UP, **given})


def responder(**given: str) -> End:
    return End(QUICK_RESPONDER_TABLE, **{f"{RESP}.state": "UP", **given})


def test_quick_mode() -> None:
    """RFC 2409 5.5: three messages; the initiator has its keys with QM2, the responder with QM3."""
    a, b = initiator(), responder(preinstall="off")
    assert a.do("acquire", inc=1).told == [f"{INIT} need phase 1"] and a.at == "WAIT-P1"
    a.do("phase 1 up")
    assert a.told == ["ipsec getspi g1 1 true"] and a.at == "QM1-SENT"
    (qm1,) = a.sent
    assert (qm1["datagram"], qm1["gen"], qm1["inc"], qm1["exact"], qm1["cookie"]) == ("QM1", "g1", "1", "true", "sender")
    (qm2,) = deliver(qm1, b).sent
    assert (qm2["datagram"], qm2["cookie"], b.at, b.told) == ("QM2", "receiver", "QM2-SENT", ["ipsec getspi g1 1 true"])
    (qm3,) = deliver(qm2, a).sent
    assert (qm3["datagram"], a.at, a.told) == ("QM3", "IDLE", ["ipsec install g1 1 true", "binding phase 2 up g1"])
    b.put("ipsec.for[g1]", "1")
    assert not deliver(qm3, b).sent
    assert (b.at, b.told) == ("IDLE", ["ipsec install g1 1 true", "binding phase 2 up g1"])


def test_quick_mode_under_the_phase_1_sa_of_the_peer() -> None:
    a = End(QUICK_INITIATOR_TABLE, **{f"{RESP}.state": "UP"}).do("acquire").do("phase 1 up")
    assert a.sent[0]["cookie"] == "receiver"
    b = End(QUICK_RESPONDER_TABLE, **{f"{INIT}.state": "UP"})
    (qm2,) = deliver(a.sent[0], b).sent
    assert qm2["cookie"] == "sender"
    assert deliver(qm2, a).messages == ["QM3"]


@pytest.mark.parametrize("cookie", ["sender", "receiver"])
def test_without_its_phase_1_sa_a_message_is_noise(cookie: str) -> None:
    """RFC 2409 5.5: HDR*."""
    wrong = {f"{INIT if cookie == 'sender' else RESP}.state": "UP"}
    for table, states in ((QUICK_INITIATOR_TABLE, ("QM1-SENT", "QM3-SENT")), (QUICK_RESPONDER_TABLE, ("IDLE", "QM2-SENT"))):
        for state in states:
            for message in ("QM1", "QM2", "QM3", "CONNECTED", "QM-REFUSED"):
                end = End(table, **wrong, **{f"{table.name}.state": state}).rcv(message, cookie=cookie)
                assert (end.at, end.sent, end.told) == (state, [], [])


def test_preinstall_decides_when_the_responder_can_receive() -> None:
    assert responder(preinstall="on").rcv("QM1").told == ["ipsec install-in g0 0 true"]
    assert responder(preinstall="off").rcv("QM1").told == ["ipsec getspi g0 0 true"]


def test_any_port_is_what_the_initiator_names_and_a_strict_responder_refuses() -> None:
    """Draft 3.2 l.450-456; RFC 2409 5.5: INVALID-ID-INFORMATION."""
    (qm1,) = initiator(qm_port="any").do("acquire").do("phase 1 up").sent
    assert qm1["exact"] == "false"
    assert deliver(qm1, responder(qm_port="any")).told == ["ipsec install-in g1 0 false"]
    strict = deliver(qm1, responder(qm_port="exact"))
    assert (strict.messages, strict.at, strict.told) == (["QM-REFUSED"], "IDLE", [])


def test_commit_bit() -> None:
    """RFC 2408 3.1: the initiator may receive, but does not send under the SA before CONNECTED."""
    a = initiator(commit="on").do("acquire").do("phase 1 up").rcv("QM2", gen="g1", cookie="receiver")
    assert (a.at, a.messages, a.told) == ("QM3-SENT", ["QM3"], ["ipsec install-in g1 0 true"])
    assert a.do("retransmission").messages == ["QM3"]
    a.rcv("CONNECTED", gen="g1", cookie="receiver")
    assert (a.at, a.told) == ("IDLE", ["ipsec install g1 0 true", "binding phase 2 up g1"])
    b = responder(commit="on").rcv("QM1", gen="g1").rcv("QM3", gen="g1")
    assert b.messages == ["CONNECTED"] and b.at == "IDLE"
    b.put("ipsec.in[g1]", "mature")
    b.put("ipsec.out[g1]", "mature")
    assert b.rcv("QM3", gen="g1").messages == ["CONNECTED"], "the last message was lost"
    assert not responder(**{"ipsec.out[g1]": "mature"}).rcv("QM3", gen="g1").sent


def test_duplicates_of_quick_mode() -> None:
    up = {"ipsec.in[g1]": "mature", "ipsec.out[g1]": "dying"}
    assert initiator(**{"ipsec.out[g1]": "dying"}).rcv("QM2", gen="g1", cookie="receiver").messages == ["QM3"], "QM3 was lost"
    assert not initiator().rcv("QM2", gen="g1", cookie="receiver").sent
    assert responder().rcv("QM1", gen="g1").rcv("QM1", gen="g1").messages == ["QM2"]
    again = responder(**up).rcv("QM1", gen="g1")
    assert (again.sent, again.told, again.at) == ([], [], "IDLE")
    busy = responder().rcv("QM1", gen="g1").rcv("QM1", gen="g0")
    assert (busy.sent, busy.told, busy.get(f"{QR}.gen")) == ([], [], "g1")


@pytest.mark.parametrize(("me", "begun", "taken"), [("A", "false", "g1"), ("B", "false", "g2"), ("A", "true", "g0")])
def test_an_initiator_takes_its_own_generation_first(me: str, begun: str, taken: str) -> None:
    given = {"endpoint.name": me, "quick-initiator.begun": begun, "quick-initiator.spare": "true"}
    a = initiator(**given).do("acquire").do("phase 1 up")
    assert a.sent[0]["gen"] == taken


def test_without_an_unused_generation_nothing_is_negotiated() -> None:
    a = initiator(**{"quick-initiator.begun": "true"}).do("acquire").do("phase 1 up")
    assert (a.at, a.sent, a.told) == ("IDLE", [], []) and "bound" in a.fired[0]


def test_a_failed_negotiation_leaves_nothing_behind() -> None:
    gone = ["ipsec drop-larval g1", "binding phase 2 failed"]
    begun = initiator().do("acquire").do("phase 1 up")
    with pytest.raises(Disabled):
        begun.do("retry limit reached")
    assert begun.do("retransmission").messages == ["QM1"]
    assert begun.do("retry limit reached").told == gone and begun.at == "IDLE"
    refused = initiator().do("acquire").do("phase 1 up").rcv("QM-REFUSED", gen="g1", cookie="receiver")
    assert (refused.at, refused.told) == ("IDLE", gone)
    no_p1 = End(QUICK_INITIATOR_TABLE).do("acquire").do("phase 1 failed")
    assert (no_p1.at, no_p1.told) == ("IDLE", ["binding phase 2 failed"])
    late = responder().rcv("QM1", gen="g2")
    with pytest.raises(Disabled):
        late.do("retry limit reached")
    assert late.do("retransmission").messages == ["QM2"]
    assert late.do("retry limit reached").told == ["ipsec drop-larval g2"] and late.at == "IDLE"


def test_an_unacceptable_proposal_is_refused() -> None:
    """RFC 2408 5.5: NO-PROPOSAL-CHOSEN."""
    b = responder().rcv("QM1", good=False, gen="g1")
    assert (b.messages, b.at, b.told, b.sent[0]["gen"]) == (["QM-REFUSED"], "IDLE", [], "g1")
    a = initiator().do("acquire").do("phase 1 up").rcv("QM2", gen="g1", cookie="receiver", good=False)
    assert (a.at, a.sent) == ("QM1-SENT", [])


@pytest.mark.parametrize(("tcp", "session", "refused"), [
    ("CLOSED", "gone", True), ("TIME-WAIT", "closing", True), ("CLOSED", "waiting", False), ("CLOSED", "opening", False),
    ("LISTEN", "none", False), ("ESTABLISHED", "up", False),
])
def test_rule_r_d_no_quick_mode_for_a_connection_that_is_gone(tcp: str, session: str, refused: bool) -> None:
    b = responder(dead_qm="refuse", **{"tcp.state": tcp, "binding.state": session}).rcv("QM1")
    assert b.messages == (["QM-REFUSED"] if refused else ["QM2"])
    assert responder(dead_qm="complete", **{"tcp.state": tcp, "binding.state": session}).rcv("QM1").messages == ["QM2"]


def test_rule_r_d_abandons_what_is_under_way() -> None:
    for reading, state in (("refuse", "IDLE"), ("complete", "QM1-SENT")):
        a = initiator(dead_qm=reading).do("acquire").do("phase 1 up").do("abandon")
        assert (a.at, a.told) == (state, ["ipsec drop-larval g1"] if state == "IDLE" else [])
    for reading, state in (("refuse", "IDLE"), ("complete", "QM2-SENT")):
        assert responder(dead_qm=reading).rcv("QM1").do("abandon").at == state


def test_the_newest_connection_attempt_is_negotiated_for() -> None:
    """F-41: a retry has a new source port."""
    a = initiator().do("acquire", inc=0).do("acquire", inc=1).do("phase 1 up")
    assert a.sent[0]["inc"] == "1"
    assert a.do("acquire", inc=0).at == "QM1-SENT" and not a.sent


# -- Deletes ------------------------------------------------------------------------------------------------------

def info(**given: str) -> End:
    return End(INFORMATIONAL_TABLE, **given)


def test_a_local_delete_is_told_under_a_phase_1_sa_only() -> None:
    """RFC 2409 5.7."""
    for given, cookie in ((P1_UP, "sender"), ({f"{RESP}.state": "UP"}, "receiver"), (BOTH_UP, "sender")):
        end = info(**given).do("SA deleted", gen="g0", why="failed")
        assert not end.told
        assert [(m["datagram"], m["gen"], m["why"], m["cookie"]) for m in end.sent] == [("DEL", "g0", "failed", cookie)]
    silent = info().do("SA deleted", gen="g0", why="failed")
    assert not silent.told and not silent.sent


@pytest.mark.parametrize(("peer_del", "tcp", "del_pair", "told"), [
    ("apply", "ESTABLISHED", "both", ["ipsec remove g0"]), ("apply", "CLOSED", "out_only", ["ipsec remove-out g0"]),
    ("defer", "ESTABLISHED", "both", []), ("defer", "CLOSED", "both", ["ipsec remove g0"]),
])
def test_a_delete_of_the_peer(peer_del: str, tcp: str, del_pair: str, told: list[str]) -> None:
    """RFC 2408 3.15: advisory; draft 3.4 l.539-541: BGP is notified."""
    end = info(**PAIR, **P1_UP, peer_del=peer_del, del_pair=del_pair, **{"tcp.state": tcp}).rcv("DEL", gen="g0", cookie="receiver")
    assert end.told == [*told, "binding SA deleted by peer g0 true"]


def test_a_delete_of_an_sa_that_is_not_there() -> None:
    end = info(**P1_UP, **{"ipsec.in[g0]": "mature"}).rcv("DEL", gen="g0", cookie="receiver")
    assert end.told == ["binding SA deleted by peer g0 false"], "it names the SPI this end sends to, which is gone"


def test_a_delete_needs_its_phase_1_sa() -> None:
    for cookie, given in (("sender", P1_UP), ("receiver", {f"{RESP}.state": "UP"})):
        assert not info(**PAIR, **given).rcv("DEL", cookie=cookie).told


def test_a_late_message_of_an_older_phase_1_sa_is_noise_to_a_newer_one() -> None:
    """RFC 2408 2.5.3, 5.2: other cookies, other keys; the same roles do not make it the same SA."""
    for cookie, role in (("sender", RESP), ("receiver", INIT)):
        for datagram in ("DEL", "DEL-P1"):
            given = {f"{role}.state": "UP", f"{role}.attempt": "1"}
            assert info(**PAIR, **given).rcv(datagram, cookie=cookie, under=1).told
            assert not info(**PAIR, **given).rcv(datagram, cookie=cookie, under=0).told
    b = {f"{RESP}.state": "UP", f"{RESP}.attempt": "1"}
    late = End(QUICK_RESPONDER_TABLE, **b).rcv("QM1", under=0)
    assert (late.fired, late.sent) == (["no phase 1 SA: undecipherable"], [])
    (qm2,) = End(QUICK_RESPONDER_TABLE, **b).rcv("QM1", under=1).sent
    assert (qm2["cookie"], qm2["under"]) == ("receiver", "1"), "answered under the same SA"


def test_what_is_sent_names_the_phase_1_sa_it_is_sent_under() -> None:
    own, peers = {f"{INIT}.state": "UP", f"{INIT}.attempt": "1"}, {f"{RESP}.state": "UP", f"{RESP}.attempt": "1"}
    for given, cookie in ((own, "sender"), (peers, "receiver")):
        for end in (info(**PAIR, **given).do("SA deleted", gen="g0"), info(**given).do("delete phase 1"),
                    End(QUICK_INITIATOR_TABLE, **given, **{"quick-initiator.state": "WAIT-P1"}).do("phase 1 up")):
            assert [(m["cookie"], m["under"]) for m in end.sent] == [(cookie, "1")]
    a = End(QUICK_INITIATOR_TABLE, **own, **{"quick-initiator.state": "WAIT-P1"}).do("phase 1 up")
    a.put(f"{INIT}.attempt", "0")
    assert a.do("retransmission").sent[0]["under"] == "1", "what is sent again is the same message"


def test_an_unprotected_delete_is_believed_by_the_naive_only() -> None:
    """RFC 2409 5.7."""
    assert not info(**PAIR, **BOTH_UP).rcv("DEL", forged=True).told
    assert info(**PAIR, naive="on").rcv("DEL", forged=True).told == ["ipsec remove g0", "binding SA deleted by peer g0 true"]


def test_phase_1_deleted_by_the_peer() -> None:
    """RFC 2409 8, or draft 3.3 l.513-516."""
    down, child = f"{RESP} phase 1 deleted", [OTHERS_GO, "ipsec remove g0", "binding SA deleted by peer g0 true"]
    one = {f"{RESP}.state": "UP"}
    assert info(**PAIR, **one).rcv("DEL-P1").told == [down, *child]
    assert info(**PAIR, **one, p1_cascade="dangling").rcv("DEL-P1").told == [down]
    assert info(**PAIR, **BOTH_UP).rcv("DEL-P1").told == [down], "the other phase 1 SA keeps the children"
    assert info(**PAIR, **P1_UP).rcv("DEL-P1", cookie="receiver").told == [f"{INIT} phase 1 deleted", *child]
    assert not info(**PAIR, **P1_UP).rcv("DEL-P1", cookie="sender").told


@pytest.mark.parametrize(("cascade", "order", "messages", "removed"), [
    ("continuous", "p1_first", ["DEL-P1"], True), ("continuous", "p2_first", ["DEL", "DEL-P1"], True),
    ("dangling", "p1_first", ["DEL-P1"], False), ("dangling", "p2_first", ["DEL-P1"], False),
])
def test_phase_1_deleted_by_this_end(cascade: str, order: str, messages: list[str], removed: bool) -> None:
    """F-23: what goes out while the phase 1 SA lives."""
    end = info(**PAIR, **P1_UP, p1_cascade=cascade, del_order=order).do("delete phase 1")
    assert end.messages == messages
    assert end.told == [f"{INIT} phase 1 deleted", *(["ipsec remove others' false", "ipsec remove g0"] if removed else [])]


def test_each_phase_1_sa_is_deleted_under_itself() -> None:
    end = info(**BOTH_UP).do("delete phase 1")
    assert [(m["datagram"], m["cookie"]) for m in end.sent] == [("DEL-P1", "sender"), ("DEL-P1", "receiver")]
    assert not info().do("delete phase 1").sent


# -- every row ----------------------------------------------------------------------------------------------------

# What the surroundings need to take on for every row to fire; other variables take all their values.
NARROW = {
    "ipsec.in": ("none", "mature"), "ipsec.out": ("none", "mature"), "ipsec.for": ("0", "any"),
    "phase1-initiator.state": ("none", "UP"), "phase1-responder.state": ("none", "UP"),
    "tcp.state": ("CLOSED", "ESTABLISHED"), "binding.state": ("none", "waiting"),
}


@pytest.mark.parametrize("table", IKE_TABLES, ids=lambda table: table.name)
def test_every_row_fires(table: Table) -> None:
    search = pytest.importorskip("verify.search").search
    system = open_system(table)
    offers = []
    for offer in system.offers:
        name = offer.event.name.removesuffix(" becomes")
        sorts = {p.name: p.sort for p in offer.event.params}
        only = {p: (0, 1) for p in sorts if p in ("gen", "at")}
        if table is QUICK_RESPONDER_TABLE:
            only |= {p: (0,) for p in sorts if p in ("inc", "at")}
        if name in NARROW:
            only["value"] = tuple(sorts["value"].code(one) for one in NARROW[name])
        offers.append(replace(offer, only=only))
    system.offers = tuple(offers)
    found = search(system, memory_gib=2)
    assert found.complete
    fired = {key for _, name, key in found.counts.fired if name == table.name}
    assert not [one.key for one in table.rows if one.key not in fired]


# -- two ends and the wire ----------------------------------------------------------------------------------------

def phase_1_only(ic: str) -> System:
    """Phase 1 at both ends over a wire that loses nothing; each end wants an SA, once."""
    tables = (PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE, INFORMATIONAL_TABLE)
    extra: dict[tuple[str, str], Any] = {}
    for table in (*tables, DATAGRAM_WIRE):
        for line in table.rows:
            for expr in (line.condition, *(e for action in line.actions for e in action_exprs(action))):
                for node in walk(expr):
                    var = node.var if isinstance(node, Item) else node
                    if isinstance(var, Var) and var.table not in {one.name for one in (*tables, DATAGRAM_WIRE)}:
                        extra[(var.table, var.name)] = var
    budgets = [("", var) for (table, _), var in extra.items() if table == "budget"]
    others = [(end, var) for end in "AB" for (table, _), var in extra.items() if table != "budget"]
    offers = [Offer(end, PHASE1_INITIATOR_TABLE, P1_NEED, when=(P1_INIT == "none") & (P1_RESP != "UP")) for end in "AB"]
    offers += [Offer(link, DATAGRAM_WIRE, IKE_ARRIVES) for link in ("A>B", "B>A")]
    on = READINGS["ic"].var.sort.code(ic)
    return System("phase 1 only", [*(Instance(end, one) for end in "AB" for one in tables),
                                   *(Instance(link, DATAGRAM_WIRE) for link in ("A>B", "B>A"))],
                  offers, extra=[*budgets, *others], initial=[{"A.ic": on, "B.ic": on}], open_ended=True)


def agreed_pairs(ic: str) -> set[tuple[str, str, str, str]]:
    """Where phase 1 can come to rest: states of A's SA at A and at B, and of B's SA at B and at A."""
    system = phase_1_only(ic)
    names = ("A.phase1-initiator.state", "B.phase1-responder.state", "B.phase1-initiator.state", "A.phase1-responder.state")
    todo, seen, rest = [system.initial[0]], set(system.initial), set()
    while todo:
        state = todo.pop()
        shown = system.describe(state)
        if all(text == "-" for name, text in shown.items() if ">" in name and "[" in name):
            rest.add(tuple(shown[name] for name in names))
        for _, outcome in successors(system, state):
            if outcome.after not in seen:
                seen.add(outcome.after)
                todo.append(outcome.after)
    return rest


def test_two_initiators_agree_on_both_sas() -> None:
    assert ("UP", "UP", "UP", "UP") in agreed_pairs("off")
    assert all(a == b and c == d for a, b, c, d in agreed_pairs("off"))


def test_two_initiators_with_initial_contact_kill_each_other() -> None:
    """F-27: without any loss, each end is left with the SA that the other one has deleted."""
    assert ("none", "UP", "none", "UP") in agreed_pairs("on")
