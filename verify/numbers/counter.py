"""AES in counter mode: when is a counter block used twice under one key? (draft 4.5; RFC 3686)"""

from __future__ import annotations

from typing import Any

import z3

from verify.numbers.claims import CAN, NEVER, Claim, Fails, ForAll, Machine, State, exists, happens
from verify.numbers.esp import blocks
from verify.numbers.figure import Figure

TOPIC = "counter-mode"
SOURCE = "RFC 3686 2.1, 3.1, 4, 7"


def sender(new_key: bool, kept: bool, both_ways: bool = False) -> Machine:
    """Bad: an IV is used twice under the watched key. The IV is a counter; a sender that restarts loses it unless it is `kept`,
    and gets a `new_key` or not. `both_ways`: a second sender uses the same key and nonce, with a counter of its own."""
    key, iv, other, watched_key, watched = z3.Ints("key iv other watched-key watched-iv")
    used, restart, second = z3.Bools("used restart second")

    def sent(state: State, given: State) -> Any:
        """The IV of this step."""
        return z3.If(z3.And(both_ways, given["second"]), state["other"], state["iv"]) + 1

    def hit(state: State, given: State) -> Any:
        return z3.And(z3.Not(given["restart"]), state["key"] == watched_key, sent(state, given) == watched)

    def step(state: State, given: State) -> State:
        again = z3.And(both_ways, given["second"])
        return {"key": z3.If(z3.And(new_key, given["restart"]), state["key"] + 1, state["key"]),
                "iv": z3.If(given["restart"], state["iv"] if kept else 0, z3.If(again, state["iv"], state["iv"] + 1)),
                "other": z3.If(z3.And(z3.Not(given["restart"]), again), state["other"] + 1, state["other"]),
                "used": z3.Or(state["used"], hit(state, given))}

    def invariant(state: State) -> Any:
        earlier = z3.Or(watched_key < state["key"], z3.And(watched_key == state["key"], watched <= state["iv"]))
        return z3.Implies(state["used"], earlier)

    zero = z3.IntVal(0)
    return Machine(z3.And(watched_key >= 0, watched >= 1), {"key": zero, "iv": zero, "other": zero, "used": z3.BoolVal(False)},
                   {"key": key, "iv": iv, "other": other, "used": used}, {"restart": restart, "second": second}, step,
                   lambda state, given: z3.And(state["used"], hit(state, given)), invariant)


def _xor(value: str) -> tuple[Claim, ...]:
    """Two blocks encrypted with the same key stream: the XOR of the ciphertexts."""
    stream, first, second = z3.BitVecs("stream first second", 128)
    shown = {"the plaintexts' XOR": first ^ second, "the first plaintext": first, "the key stream": stream}[value]
    return (ForAll((first ^ stream) ^ (second ^ stream) == shown),)


def _forged(value: str) -> tuple[Claim, ...]:
    """Any text of the attacker's choice in place of one he knows, without the key."""
    stream, known, wanted = z3.BitVecs("stream known wanted", 128)
    claim = ForAll(((known ^ stream) ^ (known ^ wanted)) ^ stream == wanted)
    return (claim if value == "trivial" else Fails(claim),)


def _counter_blocks(octets: int) -> tuple[Claim, ...]:
    """Different blocks, of one packet or of packets with different IVs, have different counter blocks, while packets have up to so many
    octets; with one octet more they need not."""
    nonce, (iv, other_iv) = z3.BitVec("nonce", 32), z3.BitVecs("iv other-iv", 64)
    block, other = z3.BitVecs("block other-block", 64)
    # The counter block starts with 1 and is increased as a number of 128 bits.
    first = z3.Concat(nonce, iv, z3.BitVecVal(1, 32)) + z3.ZeroExt(64, block)
    second = z3.Concat(nonce, other_iv, z3.BitVecVal(1, 32)) + z3.ZeroExt(64, other)

    def overlap(size: int) -> Any:
        count = blocks(size, 128)
        return z3.And(z3.Or(iv != other_iv, block != other), z3.ULT(block, count), z3.ULT(other, count), first == second)

    return ForAll(z3.Not(overlap(octets))), exists(overlap(octets + 1))


FIGURES = (
    Figure(
        "same-counter", TOPIC, "4.5", "l.1030-1033",
        says="the XOR of two messages under one counter value gives away the plaintext",
        stated="the plaintexts' XOR", computed="the plaintexts' XOR",
        formula="(p1 ^ k) ^ (p2 ^ k)", source=SOURCE,
        meaning=_xor,
        reason="the XOR of both, not either: one is found where the other is known or guessed"),
    Figure(
        "forgery", TOPIC, "4.5", "l.1038-1040",
        says="counter mode makes forgery of correct packets trivial",
        stated="trivial", computed="trivial",
        formula="c ^ (known ^ wanted) decrypts to wanted", source=SOURCE,
        meaning=_forged,
        reason="and yet no MUST: authentication with counter mode is advice",
        findings=("F-54",)),
    Figure(
        "counter-blocks", TOPIC, "4.5", "l.1028-1029",
        says="the counter is not to be reused; how it is made is not said",
        stated=None, computed=(1 << 32) * 16, unit="octets",
        formula="nonce 32 || IV 64 || block 32, from 1: 2^32 blocks of 16 octets", source=SOURCE,
        meaning=_counter_blocks,
        reason="packets up to this size do not overlap as long as IVs differ; RFC 3686 4 allows one block less, IP far less"),
    Figure(
        "reuse-negotiated", TOPIC, "4.5", "l.1028-1029",
        says="avoid reuse of the counter with the same key, even across all time",
        stated=NEVER, computed=NEVER,
        formula="induction: what was used belongs to an earlier key or is at most the counter", source=SOURCE,
        meaning=happens(sender(True, False)),
        assumption="IKE makes a new key after a restart; the IV is a counter, a key for each direction"),
    Figure(
        "reuse-manual", TOPIC, "4.5", "l.1033-1036",
        says="manual keys with counter mode are almost always an error",
        stated=CAN, computed=CAN,
        formula="a run", source=SOURCE,
        meaning=happens(sender(False, False)),
        reason="and yet no MUST NOT: the most dangerous combination has no keyword against it",
        assumption="a manual key outlives a restart, the counter does not",
        findings=("F-54",)),
    Figure(
        "reuse-manual-kept", TOPIC, "4.5", "l.1035-1036",
        says="except where state is maintained across sessions",
        stated=NEVER, computed=NEVER,
        formula="induction: what was used is at most the counter", source=SOURCE,
        meaning=happens(sender(False, True)),
        assumption="the counter is on stable storage before a packet leaves, and each direction has its own key"),
    Figure(
        "reuse-manual-both-ways", TOPIC, "4.5", "l.1035-1036",
        says="the same with one key for both directions: not said",
        stated=None, computed=CAN,
        formula="a run", source=SOURCE,
        meaning=happens(sender(False, True, both_ways=True)),
        reason="each end counts from 1: maintaining state does not help",
        assumption="one manual key and nonce for both directions",
        findings=("F-54",)),
)
