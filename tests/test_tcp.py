"""The TCP table against RFC 9293: a second reading of 3.10, made from the text, compared cell by cell; and its component slice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from model.signals import KIND, TCP_STATE
from model.tcp import TCP_TABLE
from tests.alone import Alone, never_fires
from verify.step import Disabled

# RFC 9293 3.10 (with 3.5, 3.6, 3.8.3; RFC 5961 3, 4; RFC 1337; RFC 6191; RFC 5927), read paragraph by paragraph:
#   states | calls, segments, timeouts | condition | next | segments sent | told
# An arriving segment is a kind and, after it: a BGP message in front of it; "acks": it acknowledges our FIN; "in-window":
# in the window but not the next one expected; "outside"; "old": of another incarnation. A segment sent is a kind and a
# message; "+" acknowledges the peer's FIN; "@" belongs to the incarnation the stimulus names, all others to the TCB's own;
# "again" is a retransmission. In the next column "=" is no change, "x" that the timeout cannot happen. Told: BGP events by
# number, a BGP message, "LAST-ACK" and "closed", with the reason, to the binding.
# What a condition does not name is random. Conditions: passive, opened (the peer's OPEN was delivered), tried (one
# retransmission), 793 (the old rules for RST and SYN), half (half-duplex close), abort (on ICMP), flying (a segment of the
# connection is on its way), unacked:MESSAGE, late and newer (choices).
RFC = """
# 3.10.1 OPEN
CLOSED LISTEN | OPEN active | | SYN-SENT | SYN@ |
CLOSED | OPEN passive | | LISTEN | |
LISTEN | OPEN passive | | = | |
SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | OPEN active, OPEN passive | | = | |
# 3.10.2 SEND
CLOSED LISTEN | SEND OPEN, SEND KEEPALIVE | | = | |
SYN-SENT SYN-RECEIVED | SEND OPEN | | = | |
ESTABLISHED | SEND OPEN | | = | DATA OPEN |
ESTABLISHED | SEND KEEPALIVE | | = | DATA KEEPALIVE |
ESTABLISHED | SEND UPDATE | | = | DATA UPDATE |
CLOSE-WAIT | SEND UPDATE | | = | DATA+ UPDATE |
ESTABLISHED CLOSE-WAIT | SEND NOTIFICATION | | = | |
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | SEND KEEPALIVE, SEND NOTIFICATION | | = | |
# 3.10.4 CLOSE; 3.6 cases 1 and 2
CLOSED | CLOSE | | = | |
LISTEN | CLOSE | | CLOSED | |
SYN-SENT | CLOSE | | CLOSED | | closed never-opened
SYN-RECEIVED ESTABLISHED | CLOSE | unacked:- | FIN-WAIT-1 | FIN |
ESTABLISHED | CLOSE | unacked:NOTIFICATION | FIN-WAIT-1 | FIN NOTIFICATION |
CLOSE-WAIT | CLOSE | unacked:- | LAST-ACK | FIN+ | LAST-ACK
CLOSE-WAIT | CLOSE | unacked:UPDATE | LAST-ACK | FIN+ UPDATE | LAST-ACK
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | CLOSE | | = | |
# 3.10.5 ABORT
CLOSED | ABORT | | = | |
LISTEN | ABORT | | CLOSED | |
SYN-SENT | ABORT | | CLOSED | | 18, closed never-opened
SYN-RECEIVED ESTABLISHED CLOSE-WAIT | ABORT | | CLOSED | RST | 18, closed aborted
FIN-WAIT-1 FIN-WAIT-2 | ABORT | | CLOSED | RST | closed aborted
CLOSING LAST-ACK TIME-WAIT | ABORT | | CLOSED | | closed aborted
# 3.10.7.1 CLOSED
CLOSED | RST, RST old, RST in-window, RST outside | | = | |
CLOSED | SYN, SYN+ACK, ACK, ACK acks, DATA UPDATE, FIN, FIN acks, SYN old, DATA OPEN old, FIN old | | = | RST@ |
# 3.10.7.2 LISTEN
LISTEN | RST, RST old, RST in-window, RST outside | | = | |
LISTEN | ACK, SYN+ACK, DATA KEEPALIVE, FIN, ACK old, FIN acks, DATA OPEN outside | | = | RST@ |
LISTEN | SYN, SYN old | | SYN-RECEIVED | SYN+ACK@ |
# 3.10.7.3 SYN-SENT; 3.5 figures 6, 7 and 9
SYN-SENT | SYN+ACK | | ESTABLISHED | ACK | 16
SYN-SENT | SYN, SYN old | | SYN-RECEIVED | SYN+ACK@ |
SYN-SENT | SYN+ACK old, SYN+ACK outside, ACK old, ACK outside, DATA UPDATE old, FIN old | | = | RST@ |
SYN-SENT | ACK, DATA OPEN, FIN | | = | |
SYN-SENT | RST | | CLOSED | | 18, closed never-opened
SYN-SENT | RST old, RST in-window, RST outside | | = | |
# 3.10.7.4 SYN-RECEIVED
SYN-RECEIVED | ACK | passive | ESTABLISHED | | 17
SYN-RECEIVED | ACK | !passive | ESTABLISHED | | 16
SYN-RECEIVED | SYN+ACK | !passive | ESTABLISHED | ACK | 16
SYN-RECEIVED | DATA OPEN | passive | ESTABLISHED | | 17, OPEN
SYN-RECEIVED | DATA OPEN | !passive | ESTABLISHED | | 16, OPEN
SYN-RECEIVED | FIN | passive | CLOSE-WAIT | ACK+ | 17, 18
SYN-RECEIVED | FIN | !passive | CLOSE-WAIT | ACK+ | 16, 18
SYN-RECEIVED | RST | passive | LISTEN | |
SYN-RECEIVED | RST | !passive | CLOSED | | 18, closed reset
SYN-RECEIVED | RST in-window | !793 | = | ACK |
SYN-RECEIVED | RST in-window | 793 passive | LISTEN | |
SYN-RECEIVED | RST in-window | 793 !passive | CLOSED | | 18, closed reset
SYN-RECEIVED | RST outside, RST old | | = | |
SYN-RECEIVED | SYN, SYN outside, SYN old | | = | ACK |
SYN-RECEIVED | SYN in-window, SYN+ACK in-window | passive | LISTEN | |
SYN-RECEIVED | SYN in-window, SYN+ACK in-window | !passive !793 | = | ACK |
SYN-RECEIVED | SYN in-window, SYN+ACK in-window | !passive 793 | CLOSED | RST | 18, closed reset
SYN-RECEIVED | ACK outside, DATA OPEN outside, FIN old, SYN+ACK outside, SYN+ACK old | | = | ACK |
SYN-RECEIVED | SYN+ACK | passive | = | ACK |
# /1st: segments that do not fit; a SYN+ACK once more, because the ACK of it was lost
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 | ACK outside, DATA UPDATE outside, FIN outside, ACK old, DATA OPEN old, FIN old | | = | ACK |
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | ACK outside, DATA UPDATE outside, FIN outside, ACK old, DATA OPEN old, FIN old | | = | ACK+ |
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 | SYN+ACK, SYN+ACK outside, SYN+ACK old | | = | ACK |
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | SYN+ACK, SYN+ACK outside, SYN+ACK old | | = | ACK+ |
# /2nd: RST; RFC 5961 3; RFC 1337
ESTABLISHED CLOSE-WAIT | RST | | CLOSED | | 18, closed reset
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | RST | | CLOSED | | closed reset
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | RST outside, RST old | | = | |
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 | RST in-window | !793 | = | ACK |
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | RST in-window | !793 | = | ACK+ |
ESTABLISHED CLOSE-WAIT | RST in-window | 793 | CLOSED | | 18, closed reset
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | RST in-window | 793 | CLOSED | | closed reset
# /4th: SYN; RFC 5961 4; 3.6.1 MAY-2
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 | SYN, SYN outside, SYN old | | = | ACK |
CLOSE-WAIT CLOSING LAST-ACK | SYN, SYN outside, SYN old | | = | ACK+ |
ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 | SYN in-window, SYN+ACK in-window | !793 | = | ACK |
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | SYN in-window, SYN+ACK in-window | !793 | = | ACK+ |
ESTABLISHED CLOSE-WAIT | SYN in-window, SYN+ACK in-window | 793 | CLOSED | RST | 18, closed reset
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | SYN in-window, SYN+ACK in-window | 793 | CLOSED | RST | closed reset
TIME-WAIT | SYN old | newer | SYN-RECEIVED | SYN+ACK@ | closed reused
TIME-WAIT | SYN old | !newer | = | ACK+ |
TIME-WAIT | SYN, SYN outside | | = | ACK+ |
# /5th: ACK
ESTABLISHED CLOSE-WAIT | ACK, ACK KEEPALIVE | | = | |
FIN-WAIT-1 CLOSING LAST-ACK | ACK | | = | |
FIN-WAIT-1 | ACK acks | | FIN-WAIT-2 | |
FIN-WAIT-2 | ACK, ACK acks | | = | |
CLOSING | ACK acks | | TIME-WAIT | |
LAST-ACK | ACK acks | | CLOSED | | closed last-ack
TIME-WAIT | ACK, ACK acks | | = | |
# /7th: text; 3.6.1 SHLD-3; 3.8.6.3: the ACK of an OPEN waits for BGP's answer
ESTABLISHED | DATA OPEN | !opened | = | | OPEN
ESTABLISHED | DATA KEEPALIVE | opened | = | ACK KEEPALIVE | KEEPALIVE
ESTABLISHED | DATA UPDATE | opened | = | ACK UPDATE | UPDATE
ESTABLISHED | DATA KEEPALIVE | !opened | = | ACK KEEPALIVE | OPEN, KEEPALIVE
ESTABLISHED | DATA OPEN | opened | = | ACK OPEN |
FIN-WAIT-1 FIN-WAIT-2 | DATA UPDATE | !half | = | ACK UPDATE |
FIN-WAIT-1 | DATA UPDATE acks | !half | FIN-WAIT-2 | ACK UPDATE |
FIN-WAIT-1 FIN-WAIT-2 | DATA UPDATE, DATA UPDATE acks | half | CLOSED | RST | closed aborted
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | DATA UPDATE | | = | ACK+ |
# /8th: FIN; 3.6 figures 12 and 13
ESTABLISHED | FIN | !late | CLOSE-WAIT | ACK+ | 18
ESTABLISHED | FIN NOTIFICATION | !late | CLOSE-WAIT | ACK+ | NOTIFICATION
ESTABLISHED | FIN, FIN NOTIFICATION | late | CLOSE-WAIT | ACK+ |
FIN-WAIT-1 | FIN | | CLOSING | ACK+ |
FIN-WAIT-1 | FIN acks | | TIME-WAIT | ACK+ |
FIN-WAIT-2 | FIN, FIN acks | | TIME-WAIT | ACK+ |
CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT | FIN | | = | ACK+ |
CLOSING | FIN acks | | TIME-WAIT | ACK+ |
LAST-ACK | FIN acks | | CLOSED | | closed last-ack
TIME-WAIT | FIN acks | | = | ACK+ |
# 3.10.8, 3.8.1, 3.8.3
CLOSED LISTEN FIN-WAIT-2 TIME-WAIT | retransmission, user timeout | | x | |
SYN-SENT | retransmission | | = | SYN again |
SYN-RECEIVED | retransmission | | = | SYN+ACK again |
ESTABLISHED | retransmission | unacked:OPEN | = | DATA OPEN again |
CLOSE-WAIT | retransmission | unacked:UPDATE | = | DATA+ UPDATE again |
ESTABLISHED CLOSE-WAIT | retransmission | unacked:- | x | |
FIN-WAIT-1 | retransmission | unacked:NOTIFICATION | = | FIN NOTIFICATION again |
CLOSING LAST-ACK | retransmission | unacked:- | = | FIN+ again |
SYN-SENT | user timeout | tried !flying | CLOSED | | 18, closed never-opened
SYN-RECEIVED ESTABLISHED CLOSE-WAIT | user timeout | tried !flying | CLOSED | | 18, closed timed-out
FIN-WAIT-1 CLOSING LAST-ACK | user timeout | tried !flying | CLOSED | | closed timed-out
SYN-SENT SYN-RECEIVED ESTABLISHED CLOSE-WAIT FIN-WAIT-1 CLOSING LAST-ACK | user timeout | !tried | x | |
SYN-SENT SYN-RECEIVED ESTABLISHED CLOSE-WAIT FIN-WAIT-1 CLOSING LAST-ACK | user timeout | tried flying | x | |
TIME-WAIT | 2MSL | !flying | CLOSED | | closed 2MSL
TIME-WAIT | 2MSL | flying | x | |
CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK | 2MSL | | x | |
FIN-WAIT-2 | FIN-WAIT-2 timeout | | CLOSED | | closed timed-out
CLOSE-WAIT | read EOF | | = | | 18
CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | read EOF | | x | |
# 3.9.2.2 SHLD-26; RFC 5927
CLOSED LISTEN | ICMP hard error | | = | |
SYN-SENT | ICMP hard error | abort | CLOSED | | 18, closed never-opened
SYN-RECEIVED ESTABLISHED CLOSE-WAIT | ICMP hard error | abort | CLOSED | | 18, closed aborted
FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | ICMP hard error | abort | CLOSED | | closed aborted
SYN-SENT SYN-RECEIVED ESTABLISHED CLOSE-WAIT FIN-WAIT-1 FIN-WAIT-2 CLOSING LAST-ACK TIME-WAIT | ICMP hard error | !abort | = | |
"""

FLAGS = {"passive": "tcp.passive", "opened": "tcp.open-delivered", "tried": "tcp.tried", "flying": "observer.segment in flight"}
READINGS = {"793": ("rst_check", "rfc793", "rfc5961"), "half": ("close_call", "half_duplex", "half_close"),
            "abort": ("icmp_policy", "abort", "ignore")}
CHOICES = {"late": "daemon reads EOF late", "newer": "ISN is newer"}
CALLS = ("OPEN", "SEND", "CLOSE", "ABORT")
RESTING = ("CLOSED", "LISTEN", "FIN-WAIT-2", "TIME-WAIT")  # nothing is left to send, or nobody to send it
MESSAGES = ("OPEN", "KEEPALIVE", "UPDATE", "NOTIFICATION")


def words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def expectations() -> Iterator[tuple[str, str, str, str, tuple[str, ...], tuple[str, ...]]]:
    for line in RFC.strip().splitlines():
        if not line.startswith("#"):
            states, stimuli, when, then, sent, told = (part.strip() for part in line.split("|"))
            for state in states.split():
                for stimulus in words(stimuli):
                    yield state, stimulus, when, then, words(sent), words(told)


EXPECTED = tuple(expectations())


def surroundings(when: str, draw: random.Random) -> tuple[dict[str, Any], dict[str, bool]]:
    """A setting of everything a condition may speak of, at random where this one is silent; and the choices it names."""
    named = {word.lstrip("!"): not word.startswith("!") for word in when.split() if ":" not in word}
    given: dict[str, Any] = {var: named.get(word, draw.random() < 0.5) for word, var in FLAGS.items()}
    for word, (key, yes, no) in READINGS.items():
        given[key] = yes if named.get(word, draw.random() < 0.5) else no
    unacked = [word.partition(":")[2] for word in when.split() if ":" in word]
    given |= {"tcp.inc": draw.choice("01"), "tcp.unacked": unacked[0] if unacked else draw.choice(("-", *MESSAGES))}
    return given, {name: named[word] for word, name in CHOICES.items() if named.get(word)}


def stimulus_of(text: str, own: str, draw: random.Random) -> tuple[str, dict[str, Any]]:
    """The event and its arguments."""
    first, *rest = text.split()
    if first == "OPEN":
        return first, {"passive": rest == ["passive"], "inc": draw.choice("01")}
    if first == "SEND":
        return first, {"msg": rest[0]}
    if first not in KIND.values or text in CALLS:
        return text, {}
    other = str(1 - int(own))
    unsaid = {} if first != "RST" and "in-window" not in rest else {"acks": draw.random() < 0.5}  # acknowledgments come after
    fit = [word for word in rest if word in ("in-window", "outside")]
    content = [word for word in rest if word in MESSAGES]
    return "rcv", {**unsaid, "kind": first, "msg": (content or ["-"])[0], "fit": (fit or ["exact"])[0],
                   "inc": other if "old" in rest else own} | ({"acks": True} if "acks" in rest else {})


def segment(text: str, own: str, named: str) -> str:
    """A segment sent, as the signal to the SPD."""
    first, *rest = text.split()
    kind = first.removesuffix("@").removesuffix("+") if first != "SYN+ACK" else first
    content = [word for word in rest if word in MESSAGES]
    plus = "true" if first.endswith("+") else "false"
    return f"{kind} {(content or ['-'])[0]} {plus} {named if first.endswith('@') else own} {'true' if 'again' in rest else 'false'}"


def told(text: str) -> str:
    names = {"16": "bgp: Tcp_CR_Acked", "17": "bgp: TcpConnectionConfirmed", "18": "bgp: TcpConnectionFails",
             "LAST-ACK": "binding: FIN sent as passive closer"}
    if text.startswith("closed "):
        return f"binding: TCB closed {text.removeprefix('closed ')}"
    return names.get(text, f"bgp-message: deliver {text} none")


@pytest.mark.parametrize(("state", "stimulus", "when", "then", "sent", "heard"), EXPECTED,
                         ids=[f"{s}-{e}-{w}".replace(" ", "_") for s, e, w, *_ in EXPECTED])
def test_cell(state: str, stimulus: str, when: str, then: str, sent: tuple[str, ...], heard: tuple[str, ...]) -> None:
    draw = random.Random(f"{state} {stimulus} {when}")
    for _ in range(6):
        given, choices = surroundings(when, draw)
        resting = {"tcp.unacked": "-", "tcp.tried": False} if state in RESTING else {"tcp.retransmission": draw.random() < 0.5}
        tcp = Alone(TCP_TABLE, {**given, **resting, "tcp.time-wait": state == "TIME-WAIT", "tcp.state": state})
        event, args = stimulus_of(stimulus, given["tcp.inc"], draw)
        if then == "x":
            with pytest.raises(Disabled):
                tcp.do(event, choices, **args)
            continue
        tcp.do(event, choices, **args)
        assert tcp.at == (state if then == "=" else then)
        out = [one.removeprefix("spd: outbound ").replace("exact genuine ", "") for one in tcp.told if one.startswith("spd: ")]
        assert out == [segment(one, given["tcp.inc"], args.get("inc", "")) for one in sent]
        assert [one for one in tcp.told if not one.startswith("spd: ")] == [told(one) for one in heard]
        if stimulus == "retransmission":
            assert tcp.get("tcp.tried") == "true"
        if tcp.at in RESTING:  # "all segment queues should be flushed", "turn off the other timers"
            assert [tcp.get(f"tcp.{name}") for name in ("retransmission", "tried", "unacked")] == ["false", "false", "-"]
        assert tcp.get("tcp.time-wait") == ("true" if tcp.at == "TIME-WAIT" else "false")


def test_every_cell_was_read() -> None:
    """Every state with every call, every kind of segment and the ICMP error."""
    stimuli = {"OPEN active", "OPEN passive", "SEND", "CLOSE", "ABORT", "ICMP hard error", *KIND.values}
    read = {(state, stimulus if stimulus in stimuli else stimulus.split()[0]) for state, stimulus, *_ in EXPECTED}
    assert {(state, stimulus) for state in TCP_STATE.values for stimulus in stimuli} <= read
    assert len({(state, stimulus, when) for state, stimulus, when, *_ in EXPECTED}) == len(EXPECTED) > 300


# -- what a row leaves behind -----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("state", "stimulus", "choices"), [
    ("CLOSED", "OPEN active", {}), ("LISTEN", "SYN", {}), ("LISTEN", "SYN old", {}), ("SYN-SENT", "SYN", {}),
    ("ESTABLISHED", "SEND UPDATE", {}), ("CLOSE-WAIT", "SEND UPDATE", {}), ("ESTABLISHED", "CLOSE", {}), ("CLOSE-WAIT", "CLOSE", {}),
    ("SYN-RECEIVED", "CLOSE", {}), ("TIME-WAIT", "SYN old", {"ISN is newer": True}),
])
def test_whatever_takes_sequence_space_starts_the_retransmission_timer(state: str, stimulus: str, choices: dict[str, bool]) -> None:
    """RFC 6298 5.1; and the new segment has not been retransmitted yet."""
    tcp = Alone(TCP_TABLE, {"tcp.state": state, "tcp.tried": True})
    event, args = stimulus_of(stimulus, "0", random.Random(1))
    tcp.do(event, choices, **args)
    assert (tcp.get("tcp.retransmission"), tcp.get("tcp.tried")) == ("true", "false")


@pytest.mark.parametrize(("state", "stimulus"), [
    ("SYN-SENT", "SYN+ACK"), ("SYN-RECEIVED", "ACK"), ("FIN-WAIT-1", "ACK acks"), ("FIN-WAIT-1", "FIN acks"),
    ("CLOSING", "ACK acks"), ("LAST-ACK", "ACK acks"), ("ESTABLISHED", "RST"), ("ESTABLISHED", "ABORT"), ("SYN-SENT", "CLOSE"),
    ("LAST-ACK", "user timeout"), ("ESTABLISHED", "user timeout"), ("FIN-WAIT-1", "DATA UPDATE acks"),
])
def test_nothing_left_to_acknowledge_stops_the_retransmission_timer(state: str, stimulus: str) -> None:
    """RFC 6298 5.2."""
    tcp = Alone(TCP_TABLE, {"tcp.state": state, "tcp.retransmission": True, "tcp.tried": True})
    event, args = stimulus_of(stimulus, "0", random.Random(1))
    tcp.do(event, **args)
    assert (tcp.get("tcp.retransmission"), tcp.get("tcp.tried")) == ("false", "false")


@pytest.mark.parametrize(("state", "stimulus", "runs"), [
    ("FIN-WAIT-1", "FIN acks", "true"), ("FIN-WAIT-2", "FIN", "true"), ("CLOSING", "ACK acks", "true"), ("CLOSING", "FIN acks", "true"),
    ("TIME-WAIT", "FIN", "true"), ("FIN-WAIT-1", "FIN", "false"), ("FIN-WAIT-1", "ACK acks", "false"), ("LAST-ACK", "ACK acks", "false"),
])
def test_time_wait_and_nothing_else_waits_for_2msl(state: str, stimulus: str, runs: str) -> None:
    tcp = Alone(TCP_TABLE, {"tcp.state": state})
    event, args = stimulus_of(stimulus, "0", random.Random(1))
    assert tcp.do(event, **args).get("tcp.time-wait") == runs


@pytest.mark.parametrize(("stimulus", "given", "choices"), [
    ("2MSL", {}, {}), ("RST", {}, {}), ("ABORT", {}, {}), ("ICMP hard error", {"icmp_policy": "abort"}, {}),
    ("SYN in-window", {"rst_check": "rfc793"}, {}), ("SYN old", {}, {"ISN is newer": True}),
])
def test_leaving_time_wait_stops_its_timer(stimulus: str, given: dict[str, str], choices: dict[str, bool]) -> None:
    tcp = Alone(TCP_TABLE, {"tcp.state": "TIME-WAIT", "tcp.time-wait": True, **given})
    event, args = stimulus_of(stimulus, "0", random.Random(1))
    assert tcp.do(event, choices, **args).at != "TIME-WAIT"
    assert tcp.get("tcp.time-wait") == "false"


def test_an_acknowledgment_of_the_last_message_ends_its_retransmission() -> None:
    """RFC 9293 3.10.7.4/5th: entirely acknowledged segments are removed, others stay."""
    for acked, left in (("KEEPALIVE", "-"), ("OPEN", "KEEPALIVE"), ("-", "KEEPALIVE")):
        tcp = Alone(TCP_TABLE, {"tcp.state": "ESTABLISHED", "tcp.unacked": "KEEPALIVE", "tcp.retransmission": True})
        tcp.do("rcv", kind="ACK", msg=acked)
        assert (tcp.get("tcp.unacked"), tcp.get("tcp.retransmission")) == (left, "false" if left == "-" else "true")
        assert tcp.get("tcp.tried") == "false"


@pytest.mark.parametrize(("unacked", "left"), [("OPEN", "-"), ("KEEPALIVE", "KEEPALIVE"), ("UPDATE", "UPDATE")])
def test_what_answers_our_open_acknowledges_it(unacked: str, left: str) -> None:
    """RFC 4271 8.2.2: a peer sends its first KEEPALIVE when it has our OPEN. Of a later message of ours it says nothing."""
    tcp = Alone(TCP_TABLE, {"tcp.state": "ESTABLISHED", "tcp.open-delivered": True, "tcp.unacked": unacked, "tcp.tried": True,
                            "tcp.retransmission": True}).do("rcv", kind="DATA", msg="KEEPALIVE")
    assert [tcp.get(f"tcp.{name}") for name in ("unacked", "tried", "retransmission")] == [
        left, "false" if left == "-" else "true", "false" if left == "-" else "true"]


@pytest.mark.parametrize(("state", "stimulus"), [("SYN-SENT", "SYN+ACK"), ("SYN-RECEIVED", "ACK"), ("SYN-RECEIVED", "FIN")])
def test_what_was_queued_during_the_handshake_is_sent_after_it(state: str, stimulus: str) -> None:
    """RFC 9293 3.10.2: queue the data for transmission after entering ESTABLISHED state."""
    tcp = Alone(TCP_TABLE, {"tcp.state": state, "tcp.retransmission": True}).do("SEND", msg="OPEN")
    event, args = stimulus_of(stimulus, "0", random.Random(1))
    tcp.do(event, **args)
    assert (tcp.get("tcp.unacked"), tcp.get("tcp.retransmission")) == ("OPEN", "true")
    acks = "true" if stimulus == "FIN" else "false"
    assert tcp.do("retransmission").told == [f"spd: outbound DATA OPEN {acks} 0 exact genuine true"]


@pytest.mark.parametrize(("state", "message"), [("ESTABLISHED", "OPEN"), ("ESTABLISHED", "NOTIFICATION"), ("CLOSE-WAIT", "UPDATE"),
                                                ("CLOSE-WAIT", "NOTIFICATION")])
def test_what_was_sent_is_kept_until_it_is_acknowledged(state: str, message: str) -> None:
    """A NOTIFICATION leaves with the FIN of the CLOSE that follows it."""
    tcp = Alone(TCP_TABLE, {"tcp.state": state}).do("SEND", msg=message)
    assert tcp.get("tcp.unacked") == message
    assert tcp.do("CLOSE").told[0] == f"spd: outbound FIN {message} {'true' if state == 'CLOSE-WAIT' else 'false'} 0 exact genuine false"


def test_a_new_connection_remembers_nothing_of_the_old_one() -> None:
    old = {"tcp.unacked": "UPDATE", "tcp.open-delivered": True, "tcp.passive": True}
    active = Alone(TCP_TABLE, {"tcp.state": "CLOSED", **old}).do("OPEN", passive=False, inc="1")
    again = Alone(TCP_TABLE, {"tcp.state": "TIME-WAIT", **old}).do("rcv", {"ISN is newer": True}, kind="SYN", inc="1")
    for tcp, passive in ((active, "false"), (again, "true")):
        assert [tcp.get(f"tcp.{name}") for name in ("inc", "unacked", "open-delivered", "passive")] == ["1", "-", "false", passive]
    assert Alone(TCP_TABLE, {"tcp.state": "CLOSED"}).do("OPEN", passive=True).get("tcp.passive") == "true"


def test_the_peers_open_is_delivered_once() -> None:
    tcp = Alone(TCP_TABLE, {"tcp.state": "ESTABLISHED"}).do("rcv", kind="DATA", msg="OPEN")
    assert tcp.told[-1] == "bgp-message: deliver OPEN none"
    assert tcp.do("rcv", kind="DATA", msg="OPEN").fired == ["DATA again: ACK"]


def test_every_row_fires_in_the_component_slice() -> None:
    assert never_fires(TCP_TABLE) == set()
