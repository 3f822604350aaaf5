"""The wire and the attacker: where messages go, what budgets allow; and closes driven end to end in the slice teardown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from model.action import Channel
from model.attacker import ATTACKER_TABLE
from model.channels import DATAGRAMS, SEGMENTS
from model.readings import READINGS
from model.signals import DATAGRAM, KIND
from model.slices import build
from model.system import open_system
from model.table import Table
from model.wire import DATAGRAM_WIRE, SEGMENT_WIRE
from properties.presets import PRESETS
from tests.alone import Alone, never_fires
from verify.search import search
from verify.step import Disabled, Stimulus, step

RESPONDER, INITIATOR = "phase1-responder", "phase1-initiator"


def message(channel: Channel, **given: Any) -> int:
    """The slot code of a message; fields not given have their default, or the first value."""
    codes = []
    for param in channel.fields:
        default = getattr(param.default, "code", 0)
        codes.append(param.sort.code(given[param.name]) if param.name in given else default)
    return channel.encode(codes)


class Link(Alone):
    """One direction of the wire with one message in flight and room for another."""

    def __init__(self, table: Table, losses: int = 1, copies: int = 1, **given: Any) -> None:
        super().__init__(table, {"budget.losses": losses, "budget.copies": copies})
        self.channel, self.given = (SEGMENTS if table is SEGMENT_WIRE else DATAGRAMS), given
        at = self.slots[f"{table.name}[0]"]
        self.state = (*self.state[:at], message(self.channel, **given), *self.state[at + 1:])

    def happens(self, what: str) -> Link:
        self.do(what, **self.given)
        return self

    @property
    def flying(self) -> list[dict[str, str]]:
        found = []
        for name, at in self.slots.items():
            if name.startswith(f"{self.table.name}[") and self.state[at]:
                values = self.channel.decode(self.state[at])
                found.append({p.name: p.sort.show(v) for p, v in zip(self.channel.fields, values, strict=True)})
        return found

    @property
    def left(self) -> str:
        return self.get("budget.losses") + self.get("budget.copies")


# -- segments -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KIND.values)
@pytest.mark.parametrize(("prot", "to"), [("PLAIN", "spd: inbound PLAIN"), ("ESP-g0", "ipsec: inbound ESP g0"),
                                          ("ESP-g1", "ipsec: inbound ESP g1"), ("ESP-g2", "ipsec: inbound ESP g2")])
@pytest.mark.parametrize("origin", ["genuine", "copy", "forged"])
def test_plaintext_goes_to_the_spd_and_esp_to_the_sad(kind: str, prot: str, to: str, origin: str) -> None:
    """Every field arrives as it was sent."""
    link = Link(SEGMENT_WIRE, kind=kind, msg="UPDATE", acks=True, inc="1", fit="in-window", prot=prot, origin=origin)
    assert link.happens("segment arrives").told == [f"{to} {kind} UPDATE true 1 in-window {origin}"]
    assert (link.flying, link.left) == ([], "11")


def test_a_loss_costs_one_unit_and_tells_nobody() -> None:
    link = Link(SEGMENT_WIRE, kind="FIN", prot="ESP-g0").happens("segment lost")
    assert (link.told, link.flying, link.left) == ([], [], "01")


def test_a_replayed_packet_arrives_and_stays_as_a_copy() -> None:
    link = Link(SEGMENT_WIRE, kind="FIN", acks=True, prot="ESP-g1").happens("segment arrives and is copied")
    assert link.told == ["ipsec: inbound ESP g1 FIN - true 0 exact genuine"] and link.left == "10"
    (copy,) = link.flying
    assert copy == {"kind": "FIN", "msg": "-", "acks": "true", "inc": "0", "fit": "exact", "prot": "ESP-g1", "origin": "copy"}


@pytest.mark.parametrize(("what", "losses", "copies", "given"), [
    ("segment lost", 0, 1, {}), ("segment arrives and is copied", 1, 0, {}),
    ("segment lost", 1, 1, {"origin": "forged"}), ("segment lost", 1, 1, {"origin": "copy"}),
    ("segment arrives and is copied", 1, 1, {"origin": "copy"}), ("segment arrives and is copied", 1, 1, {"prot": "PLAIN"}),
])
def test_budgets_bound_the_network(what: str, losses: int, copies: int, given: dict[str, str]) -> None:
    """Only what a peer sent is lost or copied, and of that only ESP is recorded: an attacker makes plaintext himself."""
    with pytest.raises(Disabled):
        Link(SEGMENT_WIRE, losses, copies, **{"kind": "FIN", "prot": "ESP-g0", **given}).happens(what)


def test_only_what_is_in_flight_arrives() -> None:
    with pytest.raises(Disabled):
        Link(SEGMENT_WIRE, kind="FIN", prot="ESP-g0").do("segment arrives", kind="RST", prot="ESP-g0")


# -- datagrams ----------------------------------------------------------------------------------------------------

def handler(datagram: str, cookie: str) -> str:
    """Requests go to responders, replies to initiators; a refused phase 1 to the other side of that phase 1; Deletes to neither."""
    if datagram == "P1-REFUSED":
        return RESPONDER if cookie == "sender" else INITIATOR
    return {"MM1": RESPONDER, "MM2": INITIATOR, "MM3": RESPONDER, "MM4": INITIATOR, "MM5": RESPONDER, "MM6": INITIATOR, "AM1": RESPONDER,
            "AM2": INITIATOR, "AM3": RESPONDER, "QM1": "quick-responder", "QM2": "quick-initiator", "QM3": "quick-responder",
            "CONNECTED": "quick-initiator", "QM-REFUSED": "quick-initiator", "DEL": "informational", "DEL-P1": "informational"}[datagram]


@pytest.mark.parametrize("datagram", DATAGRAM.values)
@pytest.mark.parametrize("cookie", ["sender", "receiver"])
def test_a_datagram_goes_to_the_exchange_it_belongs_to(datagram: str, cookie: str) -> None:
    given = {"datagram": datagram, "cookie": cookie, "under": "1", "gen": "g2", "inc": "1", "good": False, "exact": False, "ic": True,
             "why": "failed"}
    to = handler(datagram, cookie)
    fields = f"false true 1 {to}" if to.startswith("phase1") else f"g2 {cookie} 1 false failed" if to == "informational" else ""
    expected = f"{to}: rcv {datagram} {fields.removesuffix(to).strip()}" if fields else f"{to}: rcv {datagram} {cookie} 1 g2 1 false false"
    link = Link(DATAGRAM_WIRE, **given).happens("datagram arrives")
    assert (link.told, link.flying, link.left) == ([expected], [], "11")
    link = Link(DATAGRAM_WIRE, **given).happens("datagram arrives and is copied")
    assert (link.told, len(link.flying), link.left) == ([expected], 1, "10")
    link = Link(DATAGRAM_WIRE, **given).happens("datagram lost")
    assert (link.told, link.flying, link.left) == ([], [], "01")


@pytest.mark.parametrize(("what", "losses", "copies", "forged"), [
    ("datagram lost", 0, 1, False), ("datagram arrives and is copied", 1, 0, False), ("datagram lost", 1, 1, True),
    ("datagram arrives and is copied", 1, 1, True)])
def test_budgets_bound_the_network_for_datagrams_too(what: str, losses: int, copies: int, forged: bool) -> None:
    with pytest.raises(Disabled):
        Link(DATAGRAM_WIRE, losses, copies, datagram="DEL", forged=forged).happens(what)


def test_a_forged_delete_arrives_as_one() -> None:
    link = Link(DATAGRAM_WIRE, datagram="DEL", gen="g1", forged=True).happens("datagram arrives")
    assert link.told == ["informational: rcv DEL g1 sender 0 true -"]


# -- the attacker -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "fit", "inc", "towards"), list(product(KIND.values, ("exact", "in-window", "outside"), "01", "AB")))
def test_an_attacker_without_keys_sends_plaintext_and_no_bgp_message(kind: str, fit: str, inc: str, towards: str) -> None:
    a = Alone(ATTACKER_TABLE, {"budget.attacks": 1}).do("inject", towards=towards, kind=kind, fit=fit, inc=inc)
    assert (a.sent, a.told, a.get("budget.attacks")) == ([f"{kind} - false {inc} {fit} PLAIN forged"], [], "0")
    assert a.fired == [f"plaintext to {towards}"]


@pytest.mark.parametrize("towards", ["A", "B"])
def test_an_attacker_may_forge_a_delete_or_an_icmp_error(towards: str) -> None:
    a = Alone(ATTACKER_TABLE, {"budget.attacks": 2}).do("forge Delete", towards=towards, gen="g1")
    assert a.sent == ["DEL sender 0 g1 0 true true false true -"] and a.told == []
    a.do("ICMP hard error", towards=towards)
    assert (a.sent, a.told, a.get("budget.attacks")) == ([], ["tcp: ICMP hard error"], "0")


@pytest.mark.parametrize("event", ["inject", "forge Delete", "ICMP hard error"])
def test_every_act_needs_a_unit_of_the_budget(event: str) -> None:
    with pytest.raises(Disabled):
        Alone(ATTACKER_TABLE).do(event)


def test_every_row_fires() -> None:
    """Nothing puts a message on a wire that stands alone, so each kind is there from the start."""
    assert never_fires(ATTACKER_TABLE) == set()
    for table, channel, kinds in ((SEGMENT_WIRE, SEGMENTS, [{"prot": "PLAIN"}, {"prot": "ESP-g2"}]),
                                  (DATAGRAM_WIRE, DATAGRAMS, [{"datagram": one} for one in DATAGRAM.values])):
        fired: set[str] = set()
        for given in kinds:
            system = open_system(table, fixed={f"A>B.{table.name}[0]": message(channel, **given)})
            fired |= {key for _, name, key in search(system, memory_gib=0.1).counts.fired if name == table.name}
        assert fired == {one.key for one in table.rows}


# -- the slice teardown, driven -----------------------------------------------------------------------------------

def readings(preset: str, **changed: str) -> dict[str, str]:
    chosen = {}
    for key, one in READINGS.items():
        for name in (f"A:{key}", f"B:{key}") if one.scope == "endpoint" else (key,):
            chosen[name] = changed.get(key, PRESETS[preset].value(key))
    return chosen


class Run:
    """Both ends, Established over one SA, driven one stimulus at a time."""

    def __init__(self, preset: str = "repaired", bounds: Mapping[str, int] | None = None, start: int = 0,
                 **changed: str) -> None:
        self.system = build("teardown", readings(preset, **changed), bounds=bounds or {})
        self.state = self.system.initial[start]
        self.fired: list[str] = []
        self.prots: set[str] = set()

    def do(self, scope: str, table: str, event: str, *args: int) -> Run:
        outcome = step(self.system, self.state, Stimulus(scope, table, event, args))
        self.state = outcome.after
        self.fired = [f"{one.scope}: {one.row.name}" for one in outcome.fired]
        self.prots |= {self.flight(one.channel, one.code).split()[5] for one in outcome.sent if one.channel is SEGMENTS}
        return self

    @staticmethod
    def flight(channel: Channel, code: int) -> str:
        return " ".join(p.sort.show(v) for p, v in zip(channel.fields, channel.decode(code), strict=True))

    def arrives(self, link: str, text: str, what: str = "arrives") -> Run:
        """The one message in flight whose text begins so."""
        channel = DATAGRAMS if text.startswith("DEL") else SEGMENTS
        place = self.system.wire(link, channel.table)
        assert place is not None
        codes = {code for code in self.state[place[1]:place[1] + place[2]] if code and self.flight(channel, code).startswith(text)}
        (code,) = codes
        return self.do(link, channel.table, f"{channel.table[:-1]} {what}", *channel.decode(code))

    def get(self, name: str) -> str:
        return self.system.describe(self.state)[name]

    @property
    def tcp(self) -> tuple[str, str]:
        return self.get("A.tcp.state"), self.get("B.tcp.state")

    @property
    def sas(self) -> tuple[str, ...]:
        return tuple(self.get(f"{end}.ipsec.{half}[g0]") for end in "AB" for half in ("in", "out"))

    def stop(self, end: str) -> Run:
        return self.do(end, "bgp", "ManualStop")

    @property
    def quiet(self) -> bool:
        return not any(code for slot, code in zip(self.system.slots, self.state, strict=True) if slot.sort is None)


UP, GONE = ("mature",) * 4, ("none",) * 4


def test_graceful_close_with_figure_12() -> None:
    """RFC 9293 3.6 figure 12 under the repaired rules: each end deletes its SAs when its own TCB is CLOSED, none earlier."""
    run = Run().stop("A")
    assert run.tcp == ("FIN-WAIT-1", "ESTABLISHED") and run.get("A.bgp.state") == "Idle"
    run.arrives("A>B", "FIN NOTIFICATION")
    assert run.tcp == ("FIN-WAIT-1", "LAST-ACK") and run.get("B.bgp.state") == "Idle"
    run.arrives("B>A", "ACK - true")
    assert run.tcp == ("FIN-WAIT-2", "LAST-ACK")
    run.arrives("B>A", "FIN - true")
    assert run.tcp == ("TIME-WAIT", "LAST-ACK") and run.sas == UP
    run.arrives("A>B", "ACK - true")
    assert run.tcp == ("TIME-WAIT", "CLOSED") and run.sas == ("mature", "mature", "none", "none")
    run.arrives("B>A", "DEL")
    assert run.sas == ("mature", "mature", "none", "none")  # R-b: not before the own TCB is CLOSED
    run.do("A", "tcp", "2MSL")
    assert run.tcp == ("CLOSED", "CLOSED") and run.sas == GONE
    while not run.quiet:
        run.arrives("A>B", "DEL")
    assert run.prots == {"ESP-g0"}


def test_simultaneous_close_with_figure_13() -> None:
    run = Run().stop("A").stop("B")
    run.arrives("A>B", "FIN NOTIFICATION false").arrives("B>A", "FIN NOTIFICATION false")
    assert run.tcp == ("CLOSING", "CLOSING")
    run.arrives("A>B", "ACK - true").arrives("B>A", "ACK - true")
    assert run.tcp == ("TIME-WAIT", "TIME-WAIT") and run.sas == UP
    run.do("A", "tcp", "2MSL").do("B", "tcp", "2MSL")
    assert run.tcp == ("CLOSED", "CLOSED") and run.sas == GONE and run.prots == {"ESP-g0"}


def test_a_lost_fin_is_sent_again() -> None:
    run = Run().stop("A").arrives("A>B", "FIN", "lost").do("A", "tcp", "retransmission").arrives("A>B", "FIN NOTIFICATION")
    assert run.tcp == ("FIN-WAIT-1", "LAST-ACK") and run.get("budget.losses") == "0"
    with pytest.raises(Disabled):
        run.arrives("B>A", "ACK", "lost")


def test_an_abort_resets_the_other_end_under_the_sa() -> None:
    run = Run().do("A", "tcp", "ABORT")
    assert run.tcp == ("CLOSED", "ESTABLISHED") and run.sas == ("none", "none", "mature", "mature")
    run.arrives("A>B", "RST")
    assert run.tcp == ("CLOSED", "CLOSED") and run.sas == GONE and run.prots == {"ESP-g0"}
    assert run.get("A.bgp.state") == run.get("B.bgp.state") == "Idle"


def test_a_replayed_packet_is_dropped_by_the_window() -> None:
    run = Run().stop("A").arrives("A>B", "FIN", "arrives and is copied")
    before = run.get("B.tcp.state")
    run.arrives("A>B", "FIN NOTIFICATION false 0 exact ESP-g0 copy")
    assert run.fired == ["A>B: ESP arrives", "B: replay dropped"] and run.get("B.tcp.state") == before
    run = Run(bounds={"segments": 3}, replay_window="off").stop("A").arrives("A>B", "FIN", "arrives and is copied")
    assert "B: ESP accepted twice" in run.arrives("A>B", "FIN NOTIFICATION false 0 exact ESP-g0 copy").fired


def test_forged_plaintext_meets_the_filter() -> None:
    for end, link in (("A", "B>A"), ("B", "A>B")):
        run = Run().do("", "attacker", "inject", "AB".index(end), KIND.code("RST"), 0, 0).arrives(link, "RST")
        assert run.fired[-1] == f"{end}: PLAIN dropped" and run.tcp == ("ESTABLISHED", "ESTABLISHED")


def test_the_draft_as_written_sends_a_fin_in_plaintext() -> None:
    """Beside another session on the phase 1 SA: the session's end deletes the SA (3.4) before TIME-WAIT (3.3), the Delete is taken
    as confirmation and the filter goes, and the FIN is repeated."""
    run = Run("draft", start=1).stop("A").stop("B")
    assert run.tcp == ("FIN-WAIT-1", "FIN-WAIT-1") and run.sas == GONE and run.prots == {"ESP-g0"}
    run.arrives("A>B", "DEL ")
    assert run.fired[-2:] == ["B: b10 confirmed: filter removed", "B: entry removed"]
    run.do("B", "tcp", "retransmission")
    assert run.prots == {"ESP-g0", "PLAIN"}
