"""Which rule of an SPD takes which packets, exactly, by arithmetic on boxes of packets (RFC 4301 4.4.1: ordered, the first match counts).

A box is a product of intervals, one a dimension. What a rule leaves of a box is at most two boxes a dimension, so the packets that first
match each rule, and those that match none, are known as sets; a packet of a set is a counterexample to "there is none".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from lockstep.lint.deployment import BYTE, IPV4_END, PORT, Address, Range, Rule, Speaker, address_of, number_of

IN, OUT = 0, 1
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58}
FAMILIES: dict[int, Range] = {4: (0, IPV4_END - 1), 6: (IPV4_END, IPV4_END + 2**128 - 1)}
ADDRESSES: Range = (FAMILIES[4][0], FAMILIES[6][1])
_DIRECTIONS: dict[str, Range] = {"in": (IN, IN), "out": (OUT, OUT), "both": (IN, OUT)}
# What a packet that is shown has, where its box leaves it open: an ephemeral port, an address of the documentation (RFC 5737, RFC 3849).
_USUAL = {"remote": (number_of(address_of(0xCB007101)), IPV4_END + (0x20010DB8 << 96) + 0x71), "local_port": (49152,), "remote_port": (49152,),
          "protocol": (6,)}


@dataclass(frozen=True)
class Box:
    """A set of packets. Of protocols without ports or ICMP types these dimensions mean nothing, and no rule looks at them."""

    direction: Range = (IN, OUT)
    local: Range = ADDRESSES
    remote: Range = ADDRESSES
    protocol: Range = BYTE
    local_port: Range = PORT
    remote_port: Range = PORT
    icmp_type: Range = BYTE
    icmp_code: Range = BYTE

    def meet(self, other: Box) -> Box | None:
        """What both have."""
        both = {name: (max(low, other_low), min(high, other_high))
                for (name, (low, high)), (other_low, other_high) in zip(vars(self).items(), vars(other).values(), strict=True)}
        return Box(**both) if all(low <= high for low, high in both.values()) else None

    def minus(self, other: Box) -> list[Box]:
        """What the other does not have, as boxes without common packets."""
        if self.meet(other) is None:
            return [self]
        left, rest = [], self
        for name, (low, high) in vars(other).items():
            first, last = getattr(rest, name)
            if first < low:
                left.append(replace(rest, **{name: (first, low - 1)}))
            if high < last:
                left.append(replace(rest, **{name: (high + 1, last)}))
            rest = replace(rest, **{name: (max(first, low), min(last, high))})
        return left

    def connections(self) -> int:
        """How many combinations of addresses and ports it has."""
        count = 1
        for low, high in (self.local, self.remote, self.local_port, self.remote_port):
            count *= high - low + 1
        return count

    def packet(self) -> str:
        """One of its packets, in words."""
        at = {name: next((usual for usual in _USUAL.get(name, ()) if low <= usual <= high), low) for name, (low, high) in vars(self).items()}
        local, remote = str(address_of(at["local"])), str(address_of(at["remote"]))
        protocol = next((name for name, number in PROTOCOLS.items() if number == at["protocol"]), f"protocol {at['protocol']}")
        if protocol in ("tcp", "udp"):
            local, remote = f"{_bracketed(local)}:{at['local_port']}", f"{_bracketed(remote)}:{at['remote_port']}"
        elif protocol in ("icmp", "icmpv6"):
            protocol += f" type {at['icmp_type']} code {at['icmp_code']}"
        here, there = (local, remote) if at["direction"] == OUT else (remote, local)
        return f"{protocol} {here} > {there} ({'out' if at['direction'] == OUT else 'in'})"


Boxes = Sequence[Box]
EVERYTHING: Boxes = tuple(Box(local=family, remote=family) for family in FAMILIES.values())  # a packet has addresses of one family


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def one(number: int) -> Range:
    return number, number


def host(address: Address) -> Range:
    return one(number_of(address))


def family(address: Address) -> Range:
    """All addresses of its family."""
    return FAMILIES[address.version]


def without(boxes: Boxes, others: Iterable[Box]) -> list[Box]:
    """The packets of the first that the others do not have."""
    left = list(boxes)
    for other in others:
        left = [part for box in left for part in box.minus(other)]
    return left


def of_rule(rule: Rule) -> list[Box]:
    """The packets that the rule's selectors select."""
    protocol = BYTE if rule.protocol == "any" else one(PROTOCOLS[rule.protocol])
    lists = product(rule.local, rule.remote, rule.local_port, rule.remote_port, rule.icmp_type, rule.icmp_code)
    return [Box(_DIRECTIONS[rule.direction], local, remote, protocol, *rest) for local, remote, *rest in lists]


@dataclass(frozen=True)
class Match:
    """The packets that come first to a rule of the SPD, or to none: `number` is None then. `action`: what happens to them."""

    number: int | None
    rule: Rule | None
    action: str
    boxes: Boxes

    @property
    def title(self) -> str:
        return "no rule" if self.rule is None or self.number is None else f"rule {self.number + 1} ({self.rule.name})"


def first_matches(speaker: Speaker, packets: Boxes) -> list[Match]:
    """For each rule that takes some of these packets first, which; at the end those that no rule takes."""
    found, left = [], list(packets)
    for number, rule in enumerate(speaker.spd):
        taken: list[Box] = []
        for selected in of_rule(rule):
            taken += [both for box in left if (both := box.meet(selected)) is not None]
            left = without(left, [selected])
        if taken:
            found.append(Match(number, rule, rule.action, taken))
    return [*found, Match(None, None, speaker.otherwise, left)] if left else found
