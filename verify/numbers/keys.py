"""How much one key may encrypt, and what runs out first: key or sequence numbers (draft 2.2)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import z3

from verify.numbers.claims import Claim, ForAll, exists
from verify.numbers.esp import ESP_TRAILER, LARGEST, TCP, blocks
from verify.numbers.figure import Figure, Value

TOPIC = "keys"
MESSAGE = 512  # octets of the draft's example
SEGMENT = MESSAGE + TCP + ESP_TRAILER  # the same message as ESP encrypts it, but for the padding
SMALLEST = TCP + ESP_TRAILER  # octets encrypted of an empty segment
MARGIN = 1 << 22  # the draft calls an advantage of 2^-22 safe (l.253-255)
YEAR, LIFETIME = 365 * 24 * 3600, 28800  # seconds; RFC 2407 4.5: the lifetime of an SA if none was negotiated
BGP_RATE = 10_000  # octets a second, a generous average of a BGP session
BELLARE = "Bellare, Desai, Jokipii, Rogaway, FOCS 1997 [51]: advantage at most (s^2 - s)/2^n"
NUMBERS = "RFC 2406 2.2, 3.3.3: the first packet has number 1, and the counter must not cycle"
ESN = "RFC 4303 2.2.1: 64 bits"
KEY, SEQUENCE = "key", "sequence numbers"


def last_number(width: int) -> int:
    """The last sequence number of so many bits; 0 is never sent."""
    return (1 << width) - 1


def _safe(blocks_: Any, bits: int, margin: int = 1) -> Any:
    """So many blocks under one key keep the advantage at or below 1/margin."""
    return blocks_ * blocks_ * margin <= 1 << bits


def _octets(bits: int, value: int, margin: int = 1) -> tuple[Claim, ...]:
    """The draft's B: s blocks are safe exactly while they are no more than B octets, and some s has exactly B."""
    count = z3.Int("blocks")
    octets = count * (bits // 8)
    return (ForAll(_safe(count, bits, margin) == (octets <= value), count >= 0),
            exists(z3.And(count >= 0, _safe(count, bits, margin), octets == value)))


def _messages(bits: int, octets: int, value: int) -> tuple[Claim, ...]:
    """So many packets, with so many octets encrypted in each, are safe, and not one more."""
    count = z3.Int("packets")
    return (ForAll(_safe(count * blocks(octets, bits), bits) == (count <= value), count >= 0),)


def _advantage(bits: int, packets: int, value: Value) -> tuple[Claim, ...]:
    share = z3.Q(value.numerator, value.denominator) if isinstance(value, Fraction) else z3.RealVal(value)
    count = z3.RealVal(packets * blocks(MESSAGE, bits))
    return (ForAll(count * count == share * (1 << bits)),)


def _first(bits: int, width: int, value: Value) -> tuple[Claim, ...]:
    """What runs out first, whatever is encrypted, from an empty segment to the largest packet."""
    octets = z3.Int("encrypted")
    used = last_number(width) * blocks(octets, bits)
    within = used <= 1 << bits // 2  # see byte-limit: s^2 <= 2^n
    return (ForAll(within if value == SEQUENCE else z3.Not(within), z3.And(octets >= SMALLEST, octets <= LARGEST)),)


def _numbers(value: int) -> tuple[Claim, ...]:
    """The k-th packet has number k; there is one for it exactly up to the value."""
    packet = z3.Int("packet")
    return (ForAll((packet <= last_number(32)) == (packet <= value), packet >= 1),)


def _rate(value: int) -> tuple[Claim, ...]:
    rate = z3.Int("packets a second")
    return (ForAll((rate * YEAR >= last_number(32)) == (rate >= value), rate >= 0),)


def _grows(value: int) -> tuple[Claim, ...]:
    """s^2 - s is at most s to this power, and not at most s to any smaller one."""
    count = z3.Real("blocks")
    smaller, power = z3.RealVal(1), count
    for _ in range(value - 1):
        smaller, power = power, power * count
    return ForAll(count * count - count <= power, count >= 1), exists(z3.And(count >= 1, count * count - count > smaller))


def _collision(value: tuple[Fraction, Fraction]) -> tuple[Claim, ...]:
    """x - x^2/2 <= 1 - exp(-x) <= probability of a collision <= x, with x = s(s-1)/2^(n+1), at s = 2^(n/2)."""
    claims = []
    for bits in (64, 128):
        count = z3.RealVal(1 << bits // 2)
        x = count * (count - 1) / z3.RealVal(1 << bits + 1)
        claims.append(ForAll(z3.And(x - x * x / 2 >= z3.Q(value[0].numerator, value[0].denominator),
                                    x <= z3.Q(value[1].numerator, value[1].denominator))))
    return tuple(claims)


def _interval(value: Value) -> tuple[Claim, ...]:
    """Packets of the draft's example until something runs out: AES-CBC's are so many times those of 3DES."""
    aes = min(last_number(32), (1 << 64) // blocks(MESSAGE, 128))
    triple = min(last_number(32), (1 << 32) // blocks(MESSAGE, 64))
    return (ForAll(z3.RealVal(aes) == z3.RealVal(str(value)) * triple),)


def _prudent(value: Value) -> tuple[Claim, ...]:
    rate = z3.Int("octets a second")
    shorter = LIFETIME * rate > 1 << 29
    return (ForAll(shorter if value == "shorter" else z3.Not(shorter), z3.And(rate >= 1, rate <= BGP_RATE)),)


def _unused(bits: int, value: Value) -> tuple[Claim, ...]:
    """Longer sequence numbers are of use where the short ones run out before the key does."""
    return _first(bits, 32, SEQUENCE if value == "of use" else KEY)


def _largest_message(value: int) -> tuple[Claim, ...]:
    octets = z3.Int("encrypted")
    return (ForAll(_safe((1 << 48) * blocks(octets, 128), 128, MARGIN) == (octets <= value), z3.And(octets >= 1, octets <= LARGEST)),)


def _first_figure(bits: int, width: int, lines: str, says: str, stated: str | None, computed: str, reason: str) -> Figure:
    cipher = "3DES-CBC" if bits == 64 else "AES-CBC"
    return Figure(
        f"runs-out-first-{bits}-{width}", TOPIC, "2.2", lines,
        says=says,
        stated=stated, computed=computed,
        formula=f"(2^{width} - 1) * blocks of a packet against 2^{bits // 2} blocks, for 22 to 65535 octets encrypted",
        source=f"{BELLARE}; {ESN if width == 64 else NUMBERS}",
        meaning=lambda value: _first(bits, width, value),
        reason=reason,
        assumption=f"{cipher}; the draft's limit s^2 = 2^n",
        findings=("F-50",))


FIGURES = (
    Figure(
        "sequence-numbers", TOPIC, "2.2", "l.251-252",
        says="the sequence space has 2^32 messages",
        stated=1 << 32, computed=last_number(32), unit="packets",
        formula="1 to 2^32 - 1", source=NUMBERS,
        meaning=_numbers,
        reason="number 0 is never sent: an SA ends before its 2^32nd packet. One packet; harmless"),
    Figure(
        "sequence-rate", TOPIC, "2.2", "l.196-199",
        says="a session may cycle through 32 bits: unlikely but possible; no figure",
        stated=None, computed=137, unit="packets/s",
        formula="2^32 - 1 packets in 365 days", source=NUMBERS,
        meaning=_rate,
        reason="sustained for a year; 1,000 packets/s take 49.7 days, one KEEPALIVE in 30 s takes 4,086 years"),
    Figure(
        "cbc-growth", TOPIC, "2.2", "l.208-211",
        says="insecurity of CBC grows as O(s^2/2^n)",
        stated=2, computed=2, unit="as exponent",
        formula="(s^2 - s)/2^n <= s^2/2^n", source=BELLARE,
        meaning=_grows,
        reason="an upper bound, for secrecy against chosen plaintext; it says nothing of integrity"),
    Figure(
        "collision", TOPIC, "2.2", "l.213-224",
        says="at s = 2^(n/2) the key has become insecure; no probability",
        stated=None, computed=(Fraction(37, 100), Fraction(1, 2)),
        formula="x - x^2/2 <= P <= x, x = s(s-1)/2^(n+1)", source="birthday bound; n = 64 and 128",
        meaning=_collision,
        reason="the probability that two blocks of ciphertext are equal at the draft's limit: the 1 bounds an advantage, no certainty"),
    Figure(
        "byte-limit-64", TOPIC, "2.2", "l.222-224",
        says="3DES: B = (64/8) * 2^32 = 2^35",
        stated=1 << 35, computed=(64 // 8) * (1 << 32), unit="octets",
        formula="(n/8) * 2^(n/2)", source=BELLARE,
        meaning=lambda value: _octets(64, value)),
    Figure(
        "byte-limit-128", TOPIC, "2.2", "l.240-242",
        says="AES: B = (128/8) * 2^64 = 2^68",
        stated=1 << 68, computed=(128 // 8) * (1 << 64), unit="octets",
        formula="(n/8) * 2^(n/2)", source=BELLARE,
        meaning=lambda value: _octets(128, value)),
    Figure(
        "byte-ratio", TOPIC, "2.2", "l.242-243",
        says="AES is 2^33 times 3DES, in bytes",
        stated=1 << 33, computed=1 << 33,
        formula="2^68 / 2^35", source=BELLARE,
        meaning=lambda value: _octets(128, value << 35)),
    Figure(
        "interval-ratio", TOPIC, "2.2", "l.242-243",
        says="the required rekey times are 2^33 times longer",
        stated=1 << 33, computed=Fraction(last_number(32), 1 << 26),
        formula="min(2^32 - 1, 2^59) / 2^26 for 512 octets encrypted", source=NUMBERS,
        meaning=_interval,
        reason="just under 64: with AES the sequence numbers run out long before the key does, so the bytes are not what counts",
        assumption="32-bit sequence numbers, as the draft requires no others (l.202-204)",
        findings=("F-50",)),
    Figure(
        "messages-64", TOPIC, "2.2", "l.226-233",
        says="3DES, 512 bytes of 64 blocks: about 2^26 messages",
        stated=1 << 26, computed=(1 << 32) // 64, unit="packets",
        formula="2^32 blocks / 64", source=BELLARE,
        meaning=lambda value: _messages(64, MESSAGE, value),
        assumption="512 octets encrypted in all"),
    Figure(
        "messages-64-tcp", TOPIC, "2.2", "l.226-233",
        says="512 bytes taken as a BGP message: no figure with headers",
        stated=None, computed=(1 << 32) // 67, unit="packets",
        formula="2^32 blocks / 67: 512 + TCP 20 + 2, padded", source=f"{BELLARE}; RFC 2406 2",
        meaning=lambda value: _messages(64, SEGMENT, value),
        reason="2^26 is 4.7% too many",
        assumption="TCP without options, transport mode",
        findings=("F-51",)),
    Figure(
        "advantage-64", TOPIC, "2.2", "l.233-234",
        says="(2^26 * 2^6)^2/2^64 = 1",
        stated=Fraction(1), computed=Fraction(1),
        formula="(2^26 * 64)^2/2^64", source=BELLARE,
        meaning=lambda value: _advantage(64, 1 << 26, value)),
    Figure(
        "prudent-octets", TOPIC, "2.2", "l.235-236",
        says="prudent for 3DES: every 2^20 messages or 2^29 bytes",
        stated=1 << 29, computed=(1 << 20) * MESSAGE, unit="octets",
        formula="2^20 * 512", source="arithmetic",
        meaning=lambda value: (ForAll(z3.IntVal(1 << 20) * MESSAGE == value),)),
    Figure(
        "prudent-advantage", TOPIC, "2.2", "l.235-236",
        says="the advantage left at that point is not given",
        stated=None, computed=Fraction(1, 1 << 12),
        formula="(2^20 * 64)^2/2^64", source=BELLARE,
        meaning=lambda value: _advantage(64, 1 << 20, value),
        reason="2^10 times what the draft calls safe for AES (2^-22, l.253-255)",
        findings=("F-51",)),
    Figure(
        "prudent-like-aes", TOPIC, "2.2", "l.235-236, 253-255",
        says="3DES at the margin that is called safe for AES: no figure",
        stated=None, computed=1 << 24, unit="octets",
        formula="largest B with (8B/n)^2 * 2^22 <= 2^n, n = 64", source=BELLARE,
        meaning=lambda value: _octets(64, value, MARGIN),
        reason="16 MiB, a 32nd of what the draft calls prudent",
        findings=("F-51",)),
    Figure(
        "prudent-interval", TOPIC, "2.2", "l.236-238",
        says="such rekey times are exceedingly short for BGP",
        stated="shorter", computed="longer",
        formula="2^29 octets / rate against 28,800 s", source="RFC 2407 4.5: the lifetime if none was negotiated",
        meaning=_prudent,
        reason="14.9 hours at 10 kB/s, 149 hours at 1 kB/s: clocks end the SA before its bytes do. True of storage, where it comes from",
        assumption="at most 10 kB/s on average under one SA; short means shorter than the default lifetime",
        findings=("F-51",)),
    Figure(
        "messages-128", TOPIC, "2.2", "l.248-251",
        says="AES, 512 bytes of 32 blocks: about 2^59 messages",
        stated=1 << 59, computed=(1 << 64) // 32, unit="packets",
        formula="2^64 blocks / 32", source=BELLARE,
        meaning=lambda value: _messages(128, MESSAGE, value),
        assumption="512 octets encrypted in all"),
    Figure(
        "messages-128-tcp", TOPIC, "2.2", "l.248-251",
        says="512 bytes taken as a BGP message: no figure with headers",
        stated=None, computed=(1 << 64) // 34, unit="packets",
        formula="2^64 blocks / 34: 512 + TCP 20 + 2, padded", source=f"{BELLARE}; RFC 2406 2",
        meaning=lambda value: _messages(128, SEGMENT, value),
        reason="2^59 is 6.25% too many",
        assumption="TCP without options, transport mode",
        findings=("F-51",)),
    Figure(
        "advantage-128", TOPIC, "2.2", "l.250-251",
        says="(2^59 * 2^5)^2/2^128 = 1",
        stated=Fraction(1), computed=Fraction(1),
        formula="(2^59 * 32)^2/2^128", source=BELLARE,
        meaning=lambda value: _advantage(128, 1 << 59, value)),
    Figure(
        "advantage-128-32", TOPIC, "2.2", "l.251-253",
        says="2^32 messages do not compromise the key; no figure",
        stated=None, computed=Fraction(1, 1 << 54),
        formula="(2^32 * 32)^2/2^128", source=BELLARE,
        meaning=lambda value: _advantage(128, 1 << 32, value)),
    Figure(
        "advantage-128-48", TOPIC, "2.2", "l.253-255",
        says="48-bit sequence numbers: (2^48 * 2^5)^2/2^128 = 2^-22",
        stated=Fraction(1, 1 << 22), computed=Fraction(1, 1 << 22),
        formula="(2^48 * 32)^2/2^128", source=BELLARE,
        meaning=lambda value: _advantage(128, 1 << 48, value)),
    Figure(
        "advantage-128-64", TOPIC, "2.2", "l.200-204",
        says="the extension is taken to be of 48 bits; 64 became the standard: no figure",
        stated=None, computed=Fraction(1 << 10),
        formula="(2^64 * 32)^2/2^128", source=ESN,
        meaning=lambda value: _advantage(128, 1 << 64, value),
        reason="above 1: with extended sequence numbers the key runs out first again",
        findings=("F-50",)),
    Figure(
        "safe-message-48", TOPIC, "2.2", "l.253-255",
        says="safe with 48 bits, for the message of 512 bytes; no largest size",
        stated=None, computed=MESSAGE, unit="octets encrypted",
        formula="largest m with (2^48 * blocks(m))^2 * 2^22 <= 2^128", source=BELLARE,
        meaning=_largest_message,
        reason="the draft's example is the largest message for which its 2^-22 holds: with TCP's header the same message exceeds it"),
    _first_figure(64, 32, "l.206-208", "depending on the transform the key ends before the sequence numbers do", KEY, KEY,
                  "for every packet size: after at most 2^32/3 packets"),
    _first_figure(64, 48, "l.206-208", "3DES with longer sequence numbers: no figure", None, KEY, "for every packet size"),
    _first_figure(64, 64, "l.206-208", "3DES with longer sequence numbers: no figure", None, KEY, "for every packet size"),
    _first_figure(128, 32, "l.251-253", "all 2^32 numbers may be used without compromising the key", SEQUENCE, SEQUENCE,
                  "for every packet size, up to 65,535 octets"),
    _first_figure(128, 48, "l.253-255", "AES stays safe with 48 bits", SEQUENCE, SEQUENCE,
                  "for every packet size, up to 65,535 octets, by the limit s^2 = 2^n; at the margin 2^-22 see safe-message-48"),
    _first_figure(128, 64, "l.200-204", "AES with the 64 bits that became the standard: no figure", None, KEY,
                  "for every packet size: rekey before 2^59 packets of 512 octets all the same"),
    Figure(
        "esn-under-aes", TOPIC, "2.2", "l.243-246",
        says="AES-CBC alleviates the need for extended sequence numbers",
        stated="of no use", computed="of use",
        formula="2^32 - 1 packets against 2^64 blocks, for every packet size", source=f"{BELLARE}; {NUMBERS}",
        meaning=lambda value: _unused(128, value),
        reason="inverted: under AES it is the sequence numbers that force a rekey, so there longer ones would help",
        findings=("F-50",)),
    Figure(
        "esn-under-3des", TOPIC, "2.2", "l.243-246",
        says="3DES with longer sequence numbers: only implied",
        stated=None, computed="of no use",
        formula="2^32 - 1 packets against 2^32 blocks, for every packet size", source=f"{BELLARE}; {NUMBERS}",
        meaning=lambda value: _unused(64, value),
        reason="inverted: under 3DES the key ends first, and no longer number would ever be sent",
        findings=("F-50",)),
)
