"""Which rule of an SPD takes which packets, exactly, by arithmetic on boxes of packets (RFC 4301 4.4.1: ordered, the first match counts).

A box is a product of intervals, one a dimension. What is left of a box without another is at most two boxes a dimension, so the packets
that come first to each rule are known as sets; a packet of a set is a counterexample to "there is none".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from lockstep.lint.deployment import Rule, Speaker
from lockstep.lint.values import ADDRESSES, BYTE, IPV4_END, PORT, Address, Range, address_of, number_of

IN, OUT = 0, 1
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58}
FAMILIES: dict[int, Range] = {4: (0, IPV4_END - 1), 6: (IPV4_END, ADDRESSES[1])}
_DIRECTIONS: dict[str, Range] = {"in": (IN, IN), "out": (OUT, OUT), "both": (IN, OUT)}
# What a packet that is shown has, where its box leaves the choice: it goes out, to an address for documentation (RFC 5737, RFC 3849).
_USUAL = {"direction": (OUT,), "remote": (0xCB007107, IPV4_END + (0x20010DB8 << 96) + 7), "protocol": (PROTOCOLS["tcp"], PROTOCOLS["udp"]),
          "local_port": (49152,), "remote_port": (49152,)}


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

    def meets(self, other: Box) -> bool:
        """Whether they have a packet in common."""
        return all(low <= last and first <= high
                   for (low, high), (first, last) in zip(vars(self).values(), vars(other).values(), strict=True))

    def meet(self, other: Box) -> Box:
        """What both have, where they meet."""
        return Box(*((max(low, first), min(high, last))
                     for (low, high), (first, last) in zip(vars(self).values(), vars(other).values(), strict=True)))

    def minus(self, other: Box) -> list[Box]:
        """What the other does not have, as boxes without common packets."""
        if not self.meets(other):
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


Boxes = Sequence[Box]
EVERYTHING: Boxes = tuple(Box(local=family, remote=family) for family in FAMILIES.values())  # a packet has addresses of one family


def one(number: int) -> Range:
    return number, number


def host(address: Address) -> Range:
    return one(number_of(address))


def family(address: Address) -> Range:
    """All addresses of its family."""
    return FAMILIES[address.version]


def within(boxes: Boxes, others: Iterable[Box]) -> list[Box]:
    """The packets of the first that the others have too."""
    return [box.meet(other) for other in others for box in boxes if box.meets(other)]


def without(boxes: Boxes, others: Iterable[Box]) -> list[Box]:
    """The packets of the first that the others do not have."""
    left = list(boxes)
    for other in others:
        left = [part for box in left for part in box.minus(other)]
    return left


def example(boxes: Boxes) -> str:
    """A packet of theirs in words: one that looks usual, where there is a choice."""
    points = [{name: next((usual for usual in _USUAL.get(name, ()) if low <= usual <= high), low)
               for name, (low, high) in vars(box).items()} for box in boxes]
    at = max(points, key=lambda point: sum(value in _USUAL.get(name, ()) for name, value in point.items()))
    local, remote = str(address_of(at["local"])), str(address_of(at["remote"]))
    protocol = next((name for name, number in PROTOCOLS.items() if number == at["protocol"]), f"protocol {at['protocol']}")
    if protocol in ("tcp", "udp"):
        local, remote = _with_port(local, at["local_port"]), _with_port(remote, at["remote_port"])
    elif protocol in ("icmp", "icmpv6"):
        protocol += f" type {at['icmp_type']} code {at['icmp_code']}"
    return f"{protocol} {local} > {remote} (out)" if at["direction"] == OUT else f"{protocol} {remote} > {local} (in)"


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def of_rule(rule: Rule) -> list[Box]:
    """The packets that the rule's selectors select."""
    protocol = BYTE if rule.protocol == "any" else one(PROTOCOLS[rule.protocol])
    lists = product(rule.local, rule.remote, rule.local_port, rule.remote_port, rule.icmp_type, rule.icmp_code)
    return [Box(_DIRECTIONS[rule.direction], local, remote, protocol, *rest) for local, remote, *rest in lists]


@dataclass(frozen=True)
class Match:
    """Packets that come first to a rule of the SPD, or to none: then `number` (from 0) is None. `action`: what happens to them."""

    number: int | None
    rule: Rule | None
    action: str
    boxes: Boxes

    @property
    def title(self) -> str:
        return "no rule" if self.rule is None or self.number is None else rule_title(self.number, self.rule)


def rule_title(number: int, rule: Rule) -> str:
    return f"rule {number + 1} ({rule.name})"


def first_matches(speaker: Speaker, packets: Boxes) -> list[Match]:
    """For each rule that takes some of these packets first, which; at the end those that no rule takes."""
    found, left = [], list(packets)
    for number, rule in _near(speaker.spd, packets):
        rest = without(left, of_rule(rule))
        if rest != left:
            found.append(Match(number, rule, rule.action, without(left, rest)))
            left = rest
    return [*found, Match(None, None, speaker.otherwise, left)] if left else found


def first_match(speaker: Speaker, number: int, packets: Boxes) -> list[Box]:
    """Those of the packets that come first to the rule of that number."""
    selected = within(packets, of_rule(speaker.spd[number]))
    return without(selected, (box for _, rule in _near(speaker.spd[:number], selected) for box in of_rule(rule)))


def _near(rules: Sequence[Rule], packets: Boxes) -> Iterator[tuple[int, Rule]]:
    """The rules, numbered, without those that are about other remote addresses: of many neighbours' rules, few concern one of them."""
    lowest, highest = min((box.remote[0] for box in packets), default=0), max((box.remote[1] for box in packets), default=-1)
    yield from ((number, rule) for number, rule in enumerate(rules)
                if any(first <= highest and lowest <= last for first, last in rule.remote))
