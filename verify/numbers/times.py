"""Hold time against TCP's backoff and against IKE (draft 3.5, 3.7). Seconds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import z3

from verify.numbers.claims import Claim, ForAll
from verify.numbers.figure import Figure

TOPIC = "times"
HOLD, LEAST_HOLD = 90, 3  # RFC 4271 10, 4.2
RTO, RTO_UNMEASURED = 1, 3  # at least, once a round trip was measured: RFC 2988 2.4, RFC 6298 2.4; before that: RFC 2988 2.1
USER_TIMEOUT = 100  # RFC 1122 4.2.3.5: R2 at least
IKE_RETRY = 10  # local policy, RFC 2408 5.1 gives none; as FreeS/WAN's pluto, doubled each time
MESSAGES = 9  # Main Mode 6, Quick Mode 3: RFC 2409 5, 5.5
SEVERAL = 3
MOST = 30  # expiries looked at
BUDGET = "the worst case: the peer has heard nothing for a KEEPALIVE interval, a third of the hold time (RFC 4271 10), when it begins"


def expiry(first: int, count: int) -> int:
    """When the count-th retransmission timer expires, where each wait is twice the one before: first * (2^count - 1)."""
    return first * ((1 << count) - 1)


def within(hold: Any, elapsed: int) -> Any:
    """Is the session still there? The budget is two thirds of the hold time."""
    return 3 * elapsed < 2 * hold


def _expiries(first: int, value: int) -> tuple[Claim, ...]:
    """So many expiries, and not one more, come before the hold timer of 90 s may."""
    count, hold = z3.Int("expiries"), z3.IntVal(HOLD)
    before = z3.Or([z3.And(count == one, within(hold, expiry(first, one))) for one in range(MOST + 1)])
    return (ForAll(before == (count <= value), z3.And(count >= 0, count <= MOST)),)


def _hold(elapsed: int, value: int) -> tuple[Claim, ...]:
    """Hold times from this one on, in whole seconds, survive so much time."""
    hold = z3.Int("hold time")
    return (ForAll(within(hold, elapsed) == (hold >= value), z3.And(hold >= LEAST_HOLD, hold <= 65535)),)


def _no_loss(value: Fraction) -> tuple[Claim, ...]:
    share = z3.Q(9, 10)
    every = z3.RealVal(1)
    for _ in range(MESSAGES):
        every = every * share
    return (ForAll(every == z3.Q(value.numerator, value.denominator)),)


def _user_timeout(value: str) -> tuple[Claim, ...]:
    timeout = z3.Int("R2")
    later = timeout > HOLD
    return (ForAll(later if value == "hold timer" else z3.Not(later), timeout >= USER_TIMEOUT),)


def _backoff(name: str, first: int, count: int, source: str, when: str) -> Figure:
    return Figure(
        name, TOPIC, "3.5", "l.580-586",
        says="TCP tries smaller packets after several timeouts; no figure",
        stated=None, computed=count, unit="timeouts",
        formula=f"{first} * (2^k - 1) < 60", source=f"{source}; RFC 4271 10",
        meaning=lambda value: _expiries(first, value),
        reason="later than that the peer's hold timer has ended the session, and the same UPDATE comes again after it",
        assumption=f"{when}; hold time {HOLD} s; {BUDGET}",
        findings=("F-60",))


def _least_hold(name: str, first: int, least: int, source: str, when: str) -> Figure:
    return Figure(
        name, TOPIC, "3.5", "l.580-586",
        says="TCP tries smaller packets after several timeouts; no hold time",
        stated=None, computed=least, unit="s",
        formula=f"2/3 of the hold time > {first} * (2^{SEVERAL} - 1)", source=f"RFC 2923 2.1; {source}; RFC 4271 4.2, 10",
        meaning=lambda value: _hold(expiry(first, SEVERAL), value),
        reason="with less the session ends before TCP tries; BGP allows 3 s (RFC 4271 4.2)",
        assumption=f"several is {SEVERAL}; {when}; {BUDGET}",
        findings=("F-60",))


_MEASURED = ("RFC 2988 2.4, 5.5: RTO 1 s", "a round trip was measured")
_UNMEASURED = ("RFC 2988 2.1, 5.5: RTO 3 s", "no round trip was measured yet")
FIGURES = (
    _backoff("timeouts-before-hold", RTO, 5, *_MEASURED),
    _backoff("timeouts-before-hold-unmeasured", RTO_UNMEASURED, 4, *_UNMEASURED),
    _least_hold("hold-for-several-timeouts", RTO, 11, *_MEASURED),
    _least_hold("hold-for-several-timeouts-unmeasured", RTO_UNMEASURED, 32, *_UNMEASURED),
    Figure(
        "user-timeout-or-hold", TOPIC, "3.5", "l.573-578",
        says="what ends a session in a black hole is not said",
        stated=None, computed="hold timer",
        formula="R2 >= 100 s against 90 s", source="RFC 1122 4.2.3.5; RFC 4271 10",
        meaning=_user_timeout,
        reason="the peer's hold timer comes first, before TCP gives up",
        assumption=f"hold time {HOLD} s",
        findings=("F-60",)),
    Figure(
        "ike-losses-before-hold", TOPIC, "3.7", "l.654-657",
        says="no recovery is needed at the BGP layer; SAs that are lost are not spoken of",
        stated=None, computed=2, unit="losses",
        formula="10 * (2^k - 1) < 60", source="RFC 2408 5.1: no figure; FreeS/WAN's pluto; RFC 4271 10",
        meaning=lambda value: _expiries(IKE_RETRY, value),
        reason="of one message in a row: two cost 30 s, the third 70 s",
        assumption=f"hold time {HOLD} s; computing takes no time; {BUDGET}",
        findings=("F-66",)),
    Figure(
        "hold-for-one-ike-loss", TOPIC, "3.7", "l.654-657",
        says="no recovery is needed at the BGP layer; no hold time",
        stated=None, computed=16, unit="s",
        formula="2/3 of the hold time > 10", source="RFC 2408 5.1: no figure; FreeS/WAN's pluto; RFC 4271 10",
        meaning=lambda value: _hold(IKE_RETRY, value),
        reason="below it the loss of one datagram while new SAs are made costs the session",
        assumption=BUDGET,
        findings=("F-66",)),
    Figure(
        "ike-without-loss", TOPIC, "3.7", "l.654-657",
        says="no recovery is needed at the BGP layer; no probability",
        stated=None, computed=Fraction(9 ** MESSAGES, 10 ** MESSAGES),
        formula="(9/10)^9", source="RFC 2409 5, 5.5: 9 messages",
        meaning=_no_loss,
        reason="38.7%: the chance of a session with a hold time below 16 s to outlive the loss of its SAs",
        assumption="each datagram is lost with probability 1/10, independently",
        findings=("F-66",)),
)
