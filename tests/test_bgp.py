"""The BGP tables against RFC 4271: a second reading of 8.2.2 and of 6, made from the text, compared cell by cell."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pytest

from model.action import Signal
from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE
from model.expr import Var
from model.readings import reading
from model.signals import (
    BGP_EVENT,
    BGP_MSG,
    BIND_CLOSED,
    BIND_CONNECT,
    BIND_OPEN_RCVD,
    BIND_RECONNECT,
    RESTART,
    ROUTES_DOWN,
    ROUTES_UP,
    TCP_CLOSE,
    TCP_SEND,
)
from model.system import System, open_system
from model.table import Table
from verify.search import search
from verify.step import Outcome, Stimulus, step

STATES = ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")

# RFC 4271 8.1.2 - 8.1.5
EVENTS = """
 1 ManualStart
 2 ManualStop
 3 AutomaticStart
 4 ManualStart_with_PassiveTcpEstablishment
 5 AutomaticStart_with_PassiveTcpEstablishment
 6 AutomaticStart_with_DampPeerOscillations
 7 AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment
 8 AutomaticStop
 9 ConnectRetryTimer_Expires
10 HoldTimer_Expires
11 KeepaliveTimer_Expires
12 DelayOpenTimer_Expires
13 IdleHoldTimer_Expires
14 TcpConnection_Valid
15 Tcp_CR_Invalid
16 Tcp_CR_Acked
17 TcpConnectionConfirmed
18 TcpConnectionFails
19 BGPOpen
20 BGPOpen with DelayOpenTimer running
21 BGPHeaderErr
22 BGPOpenMsgErr
23 OpenCollisionDump
24 NotifMsgVerErr
25 NotifMsg
26 KeepAliveMsg
27 UpdateMsg
28 UpdateMsgErr
"""

# The words of the conditions below, and the variables they are about.
WORDS = {
    "start": "bgp.AllowAutomaticStart", "stop": "bgp.AllowAutomaticStop", "detect": "bgp.CollisionDetectEstablishedState",
    "damp": "bgp.DampPeerOscillations", "delay": "bgp.DelayOpen", "passive": "bgp.PassiveTcpEstablishment",
    "early": "bgp.SendNOTIFICATIONwithoutOPEN", "delaying": "bgp.DelayOpenTimer", "held": "bgp.IdleHoldTimer", "zero": "hold",
}
TIMERS = {"C": "bgp.ConnectRetryTimer", "H": "bgp.HoldTimer", "K": "bgp.KeepaliveTimer", "D": "bgp.DelayOpenTimer",
          "I": "bgp.IdleHoldTimer"}

# RFC 4271 8.2.2, read paragraph by paragraph:
#   state | events | condition | next | messages sent | ConnectRetryCounter | timers: + started, - stopped, else untouched
# In the next column "=" is no change. In the timer column "release" is what "sets the ConnectRetryTimer to zero, releases
# all BGP resources" comes to (C, H, K, D stopped), "I?" is damping: IdleHoldTimer started if DampPeerOscillations. An expired
# timer is not running, whether or not the text says so. Cease is told from other NOTIFICATIONs: it makes a close graceful.
RFC = """
Idle | 1 | !passive | Connect | | 0 | C+ I-
Idle | 1 | passive | = | | |
Idle | 2 | | = | | |
Idle | 3 | start !passive !damp | Connect | | 0 | C+ I-
Idle | 3 | !start | = | | |
Idle | 3 | start passive | = | | |
Idle | 3 | start !passive damp | = | | |
Idle | 4 | passive !damp | Active | | 0 | C+ I-
Idle | 4 | !passive | = | | |
Idle | 4 | passive damp | = | | |
Idle | 5 | start passive !damp | Active | | 0 | C+ I-
Idle | 5 | !start | = | | |
Idle | 5 | start !passive | = | | |
Idle | 5 | start passive damp | = | | |
Idle | 6 | start damp !passive !held | Connect | | 0 | C+ I-
Idle | 6 | start damp !passive held | = | | |
Idle | 6 | start damp passive | = | | |
Idle | 6 | start !damp | = | | |
Idle | 6 | !start | = | | |
Idle | 7 | start damp passive !held | Active | | 0 | C+ I-
Idle | 7 | start damp passive held | = | | |
Idle | 7 | start damp !passive | = | | |
Idle | 7 | start !damp | = | | |
Idle | 7 | !start | = | | |
Idle | 8 | | = | | |
Idle | 9 | | = | | | C-
Idle | 10 | | = | | | H-
Idle | 11 | | = | | | K-
Idle | 12 | | = | | | D-
Idle | 13 | | = | | | I-
Idle | 14-28 | | = | | |

Connect | 1 3-7 | | = | | |
Connect | 2 | | Idle | | 0 | release
Connect | 9 | | = | | | C+ D-
Connect | 12 | | OpenSent | OPEN | | H+ D-
Connect | 14 15 | | = | | |
Connect | 16 17 | delay | = | | | C- D+
Connect | 16 17 | !delay | OpenSent | OPEN | | C- H+
Connect | 18 | delaying | Active | | | C+ D-
Connect | 18 | !delaying | Idle | | | release
Connect | 20 | !zero | OpenConfirm | OPEN KEEPALIVE | | C- D- K+ H+
Connect | 20 | zero | OpenConfirm | OPEN KEEPALIVE | | C- D- K- H-
Connect | 21 22 | early | Idle | NOTIFICATION | +1 | release I?
Connect | 21 22 | !early | Idle | | +1 | release I?
Connect | 24 | delaying | Idle | | | release
Connect | 24 | !delaying | Idle | | +1 | release I?
Connect | 8 | stop | Idle | | +1 | release I?
Connect | 8 | !stop | = | | |
Connect | 10 11 13 19 23 25-28 | | Idle | | +1 | release I?

Active | 1 3-7 | | = | | |
Active | 2 | delaying early | Idle | Cease | 0 | release
Active | 2 | delaying !early | Idle | | 0 | release
Active | 2 | !delaying | Idle | | 0 | release
Active | 9 | | Connect | | | C+
Active | 12 | | OpenSent | OPEN | | C- D- H+
Active | 14 15 | | = | | |
Active | 16 17 | delay | = | | | C- D+
Active | 16 17 | !delay | OpenSent | OPEN | | C- H+
Active | 18 | | Idle | | +1 | C+ H- K- D- I?
Active | 20 | !zero | OpenConfirm | OPEN KEEPALIVE | | C- D- K+ H+
Active | 20 | zero | OpenConfirm | OPEN KEEPALIVE | | C- D- K- H-
Active | 21 22 | early | Idle | NOTIFICATION | +1 | release I?
Active | 21 22 | !early | Idle | | +1 | release I?
Active | 24 | delaying | Idle | | | release
Active | 24 | !delaying | Idle | | +1 | release I?
Active | 8 | stop | Idle | | +1 | release I?
Active | 8 | !stop | = | | |
Active | 10 11 13 19 23 25-28 | | Idle | | +1 | release I?

OpenSent | 1 3-7 | | = | | |
OpenSent | 2 | | Idle | Cease | 0 | release
OpenSent | 8 | stop | Idle | Cease | +1 | release I?
OpenSent | 8 | !stop | = | | |
OpenSent | 10 | | Idle | NOTIFICATION | +1 | release I?
OpenSent | 14-17 | | = | | |
OpenSent | 18 | | Active | | | C+ H- K- D-
OpenSent | 19 | !zero | OpenConfirm | KEEPALIVE | | D- C- K+ H+
OpenSent | 19 | zero | OpenConfirm | KEEPALIVE | | D- C- K- H-
OpenSent | 21 22 | | Idle | NOTIFICATION | +1 | release I?
OpenSent | 23 | | Idle | Cease | +1 | release I?
OpenSent | 24 | | Idle | | | release
OpenSent | 9 11-13 20 25-28 | | Idle | NOTIFICATION | +1 | release I?

OpenConfirm | 1 3-7 | | = | | |
OpenConfirm | 2 | | Idle | Cease | 0 | release
OpenConfirm | 8 | stop | Idle | Cease | +1 | release I?
OpenConfirm | 8 | !stop | = | | |
OpenConfirm | 10 | | Idle | NOTIFICATION | +1 | release I?
OpenConfirm | 11 | !zero | = | KEEPALIVE | | K+
OpenConfirm | 11 | zero | = | | | K-
OpenConfirm | 14-17 | | = | | |
OpenConfirm | 18 25 | | Idle | | +1 | release I?
OpenConfirm | 19 | | = | | |
OpenConfirm | 21 22 | | Idle | NOTIFICATION | +1 | release I?
OpenConfirm | 23 | | Idle | Cease | +1 | release I?
OpenConfirm | 24 | | Idle | | | release
OpenConfirm | 26 | !zero | Established | | | H+
OpenConfirm | 26 | zero | Established | | |
OpenConfirm | 9 12 13 20 27 28 | | Idle | NOTIFICATION | +1 | release I?

Established | 1 3-7 | | = | | |
Established | 2 | | Idle | Cease | 0 | release
Established | 8 | stop | Idle | Cease | +1 | release I?
Established | 8 | !stop | = | | |
Established | 10 | | Idle | NOTIFICATION | +1 | release I?
Established | 11 | !zero | = | KEEPALIVE | | K+
Established | 11 | zero | = | | | K-
Established | 14-17 19 | | = | | |
Established | 18 24 25 | | Idle | | +1 | release
Established | 23 | detect | Idle | Cease | +1 | release I?
Established | 23 | !detect | = | | |
Established | 26 27 | !zero | = | | | H+
Established | 26 27 | zero | = | | |
Established | 28 | | Idle | NOTIFICATION | +1 | release I?
Established | 9 12 13 20-22 | | Idle | NOTIFICATION | +1 | release I?
"""


def numbers(text: str) -> Iterator[int]:
    for part in text.split():
        low, _, high = part.partition("-")
        yield from range(int(low), int(high or low) + 1)


def expectations() -> Iterator[tuple[str, int, tuple[str, ...], list[str]]]:
    """(state, event, condition words, [next, messages, counter, timers]) for each line and event."""
    for line in filter(str.strip, RFC.splitlines()):
        state, events, when, *then = (part.strip() for part in line.split("|"))
        for number in numbers(events):
            yield state, number, tuple(when.split()), then


EXPECTED = tuple(expectations())
SYSTEM = open_system(BGP_TABLE)


def place(name: str) -> int:
    return next(at for at, slot in enumerate(SYSTEM.slots) if str(slot) == f"A.{name}")


def environment(draw: random.Random, condition: tuple[str, ...]) -> dict[str, bool]:
    """A setting of everything a condition may speak of, at random where this one is silent."""
    words = {word: draw.random() < 0.5 for word in WORDS}
    return {**words, **{word.lstrip("!"): not word.startswith("!") for word in condition}}


def run(state: str, number: int, words: Mapping[str, bool], others: int) -> Outcome:
    """One step of the FSM alone, from a state with the given settings and the remaining timers all `others`."""
    cells = list(SYSTEM.initial[0])
    for name in TIMERS.values():
        cells[place(name)] = others
    for word, value in words.items():
        cells[place(WORDS[word])] = int(value)
    cells[place("bgp.state")] = STATES.index(state)
    cells[place("bgp.ConnectRetryCounter")] = others
    return step(SYSTEM, tuple(cells), Stimulus("A", "bgp", BGP_EVENT[number].name))


def signals(outcome: Outcome, at: str = "self") -> list[str]:
    """What the row hands to other tables of its connection, or of the other connection, in order."""
    return [f"{one.table} {one.call}" for one in outcome.fired[0].row.actions if isinstance(one, Signal) and one.at == at
            and one.table != "routes"]


def after_timers(text: str, before: Mapping[str, int], damp: bool) -> dict[str, int]:
    text = text.replace("release", "C- H- K- D-").replace("I?", "I+" if damp else "I-")
    return {**before, **{TIMERS[word[0]]: int(word[1] == "+") for word in text.split()}}


def test_event_numbers_and_names() -> None:
    named = dict(line.split(maxsplit=1) for line in EVENTS.strip().splitlines())
    assert {int(number): name for number, name in named.items()} == {number: event.name for number, event in BGP_EVENT.items()}
    assert list(BGP_TABLE.events) == [*(BGP_EVENT[number] for number in range(1, 29)), RESTART]
    assert all(event.number == number and event.total for number, event in BGP_EVENT.items())


def test_every_cell_is_present() -> None:
    cells = [(state, event) for state in BGP_TABLE.state.sort.consts() for event in BGP_TABLE.events]
    assert len(cells) == 6 * 29
    assert all(list(BGP_TABLE.cell(*cell)) for cell in cells)
    assert {(state, number) for state, number, _, _ in EXPECTED} == {(s, n) for s in STATES for n in BGP_EVENT}


@pytest.mark.parametrize("state", STATES)
def test_second_reading_says_one_thing_about_every_case(state: str) -> None:
    draw = random.Random(4271)
    for number in BGP_EVENT:
        lines = [condition for where, event, condition, _ in EXPECTED if (where, event) == (state, number)]
        for _ in range(50):
            words = environment(draw, ())
            true = [line for line in lines if all(words[word.lstrip("!")] != word.startswith("!") for word in line)]
            assert len(true) == 1, (state, number, words)


@pytest.mark.parametrize("state", STATES)
def test_table_agrees_with_second_reading(state: str) -> None:
    draw = random.Random(822)
    for where, number, condition, (target, messages, counter, timers) in EXPECTED:
        if where != state:
            continue
        for others in (0, 1) * 6:
            words = environment(draw, condition)
            outcome = run(state, number, words, others)
            case = (state, number, words, outcome.fired[0].row.key)
            assert STATES[outcome.after[place("bgp.state")]] == (state if target == "=" else target), case
            expected = {"": others, "0": 0, "+1": 1}[counter]
            assert outcome.after[place("bgp.ConnectRetryCounter")] == expected, case
            before = {name: outcome.before[place(name)] for name in TIMERS.values()}
            after = {name: outcome.after[place(name)] for name in TIMERS.values()}
            assert after == after_timers(timers, before, words["damp"]), case
            sent = [text.removeprefix("tcp SEND(").rstrip(")") for text in signals(outcome) if text.startswith("tcp SEND")]
            assert sent == messages.replace("Cease", "NOTIFICATION").split(), case
            unmoved = {name for word, name in WORDS.items() if word not in ("delaying", "held")}
            assert all(outcome.after[place(name)] == outcome.before[place(name)] for name in unmoved), case


@pytest.mark.parametrize("state", STATES[1:])
def test_idle_is_entered_by_closing_and_saying_so_below(state: str) -> None:
    """NOTIFICATION, if any, then CLOSE, then the binding layer hears; graceful is a close by Cease (6.7) and no other."""
    draw = random.Random(67)
    for where, number, condition, (target, messages, _, _) in EXPECTED:
        if where == state and target == "Idle":
            said = signals(run(state, number, environment(draw, condition), 0))
            closed = f"binding session closed({'true' if messages == 'Cease' else 'false'})"
            notified = ["tcp SEND(NOTIFICATION)"] if messages else []
            assert said == [*notified, f"tcp {TCP_CLOSE.name}", closed], (state, number)


def test_connections_are_asked_of_the_binding_layer() -> None:
    """Who initiates, who listens, and where the peer's OPEN completes the session."""
    again, listen_again = "binding reconnect(false)", "binding reconnect(true)"
    active, listen, close, opened = ("binding connect(false)", "binding connect(true)", "tcp CLOSE", "binding OPEN received")
    first, second = "tcp SEND(OPEN)", "tcp SEND(KEEPALIVE)"
    for state, number, words, expected in (
        ("Idle", 1, "!passive", [active]), ("Idle", 3, "start !passive !damp", [active]), ("Idle", 4, "passive !damp", [listen]),
        ("Idle", 5, "start passive !damp", [listen]), ("Idle", 6, "start damp !passive !held", [active]),
        ("Idle", 7, "start damp passive !held", [listen]), ("Connect", 9, "", [close, again]), ("Active", 9, "", [active]),
        ("Connect", 18, "delaying", [close, listen_again]), ("OpenSent", 18, "", [close, listen_again]),
        ("OpenSent", 19, "", [second, opened]),
        ("Connect", 20, "", [first, second, opened]), ("Active", 20, "", [first, second, opened]),
    ):
        for hold in ("zero", "!zero"):
            condition = (*words.split(), hold)
            assert signals(run(state, number, environment(random.Random(1), condition), 0)) == expected, (state, number)
    connect, opens = (BIND_CONNECT, BIND_RECONNECT, BIND_CLOSED, BIND_OPEN_RCVD), (TCP_SEND, TCP_CLOSE)
    used = {one.call.event for row in BGP_TABLE.rows for one in row.actions if isinstance(one, Signal) and one.at == "self"}
    assert used == {*connect, *opens, ROUTES_UP, ROUTES_DOWN}


def test_the_other_connection_is_told_what_6_8_looks_at() -> None:
    """Whoever enters or leaves OpenSent, OpenConfirm or Established; Idle, Connect and Active are all one to 6.8."""
    def told(state: str) -> str:
        return state if state in OTHER else "none"

    draw = random.Random(68)
    for state, number, condition, (target, *_) in EXPECTED:
        after = state if target == "=" else target
        said = [text for text in signals(run(state, number, environment(draw, condition), 0), "other") if text.startswith("bgp-message")]
        if told(after) != told(state):
            assert said == [f"bgp-message other connection({told(after)})"], (state, number)
        else:
            assert said in ([], [f"bgp-message other connection({told(after)})"]), (state, number)


# -- 6: from messages to events ---------------------------------------------------------------------------------------

MESSAGES = ("-", "OPEN", "KEEPALIVE", "UPDATE", "NOTIFICATION")
FAULTS = ("none", "header", "open", "version", "update")
OTHER = ("none", "OpenSent", "OpenConfirm", "Established")


def event_of(message: str, fault: str) -> int | None:
    """RFC 4271 6.1 - 6.4 and 8.1.5, collisions apart; 19 stands for a good OPEN."""
    match message, fault:
        case "-", _:
            return None
        case _, "header":
            return 21
        case "OPEN", _:
            return 19 if fault == "none" else 22
        case "KEEPALIVE", _:
            return 26 if fault == "none" else 21  # nothing but a header, so whatever is wrong is wrong there
        case "UPDATE", _:
            return 27 if fault == "none" else 28
        case "NOTIFICATION", "version":
            return 24
    return 25


def collision(other: str, larger: bool, initiated: bool, detect: bool, known: bool) -> str:
    """RFC 4271 6.8 for a connection that is not Established itself: 'none', 'this' or 'other' has to be closed."""
    if other == "none" or (other == "OpenSent" and not known):
        return "none"
    if other == "Established" and not detect:
        return "this"
    by_higher_identifier = initiated if larger else not initiated
    return "other" if by_higher_identifier else "this"


def deliver(system: System, message: str, fault: str, settings: Mapping[Var, int]) -> tuple[list[str], Outcome]:
    cells = list(system.initial[0])
    for var, value in settings.items():
        cells[system.position("A", var)] = value
    args = (MESSAGES.index(message), FAULTS.index(fault))
    outcome = step(system, tuple(cells), Stimulus("A", "bgp-message", BGP_MSG.name, args))
    return signals(outcome), outcome


def var(table: Table, name: str) -> Var:
    return next(one for one in table.all_variables if one.name == name)


def test_messages_become_the_events_of_section_6() -> None:
    system, delaying = open_system(BGP_MESSAGE_TABLE), var(BGP_TABLE, "DelayOpenTimer")
    for message in MESSAGES:
        for fault in FAULTS:
            for running in (0, 1):
                number = event_of(message, fault)
                number = 20 if number == 19 and running else number
                said, _ = deliver(system, message, fault, {delaying: running})
                assert said == ([] if number is None else [f"bgp {BGP_EVENT[number].name}"]), (message, fault)


def test_collisions_are_resolved_by_6_8() -> None:
    system = open_system(BGP_MESSAGE_TABLE)
    names = ("other", "local-identifier-larger", "initiated", "CollisionDetectOpenSentState")
    other_, larger_, initiated_, known_ = (var(BGP_MESSAGE_TABLE, name) for name in names)
    detect_, state_ = var(BGP_TABLE, "CollisionDetectEstablishedState"), BGP_TABLE.state
    dumped = [f"bgp {BGP_EVENT[23].name}"]
    for code in range(4 * 16):
        other = OTHER[code % 4]
        larger, initiated, detect, known = (bool(code >> shift & 1) for shift in (2, 3, 4, 5))
        settings = {other_: OTHER.index(other), larger_: larger, initiated_: initiated, detect_: detect, known_: known,
                    state_: STATES.index("OpenSent")}
        said, outcome = deliver(system, "OPEN", "none", settings)
        closed = collision(other, larger, initiated, detect, known)
        assert said == [f"bgp {BGP_EVENT[23 if closed == 'this' else 19].name}"], settings
        assert signals(outcome, "other") == (dumped if closed == "other" else []), settings
        # 8.2.2 Established: without the attribute an OPEN is not checked against other connections
        _, outcome = deliver(system, "OPEN", "none", {**settings, state_: STATES.index("Established")})
        assert signals(outcome, "other") == (dumped if closed == "other" and detect else []), settings


def test_a_helper_takes_the_open_of_a_peer_that_restarted_for_the_end_of_the_old_connection() -> None:
    """RFC 4724 4.2, 5: no NOTIFICATION, the new connection stays. Where 6.8 compares identifiers, it goes on doing so."""
    system = open_system(BGP_MESSAGE_TABLE)
    other, detect = var(BGP_MESSAGE_TABLE, "other"), var(BGP_TABLE, "CollisionDetectEstablishedState")
    for helper, compares in ((0, 0), (0, 1), (1, 0), (1, 1)):
        settings = {other: OTHER.index("Established"), detect: compares, reading("gr"): helper}
        said, outcome = deliver(system, "OPEN", "none", settings)
        if compares:  # neither end's identifier is the larger one, and neither began: this connection is retained
            expected = ([f"bgp {BGP_EVENT[19].name}"], [f"bgp {BGP_EVENT[23].name}"])
        elif helper:
            expected = ([f"bgp {BGP_EVENT[19].name}"], [f"bgp {BGP_EVENT[18].name}"])
        else:
            expected = ([f"bgp {BGP_EVENT[23].name}"], [])
        assert (said, signals(outcome, "other")) == expected


# -- component slices -------------------------------------------------------------------------------------------------

# Attributes are constants of a run, so that no single run can fire every row.
BGP_SETTINGS = (
    (),
    ("AllowAutomaticStart", "AllowAutomaticStop", "DelayOpen", "CollisionDetectEstablishedState"),
    ("AllowAutomaticStart", "PassiveTcpEstablishment"),
    ("AllowAutomaticStart", "DampPeerOscillations", "DelayOpen", "SendNOTIFICATIONwithoutOPEN"),
    ("AllowAutomaticStart", "DampPeerOscillations", "PassiveTcpEstablishment"),
)
MESSAGE_SETTINGS = tuple({"initiated": code & 1, "CollisionDetectOpenSentState": code >> 1 & 1} for code in range(4))


def fired(table: Table, fixed: Mapping[str, int]) -> set[str]:
    found = search(open_system(table, fixed={f"A.{table.name}.{name}": value for name, value in fixed.items()}))
    assert found.complete
    return {row for (_, name, row) in found.counts.fired if name == table.name}


def test_every_row_of_the_fsm_fires_in_its_component_slice() -> None:
    seen = set().union(*(fired(BGP_TABLE, dict.fromkeys(setting, 1)) for setting in BGP_SETTINGS))
    assert seen == {row.key for row in BGP_TABLE.rows}


def test_every_row_of_the_message_checks_fires_in_its_component_slice() -> None:
    seen = set().union(*(fired(BGP_MESSAGE_TABLE, setting) for setting in MESSAGE_SETTINGS))
    assert seen == {row.key for row in BGP_MESSAGE_TABLE.rows}


def test_hold_time_is_a_reading() -> None:
    assert SYSTEM.position("A", reading("hold")) == place("hold")
