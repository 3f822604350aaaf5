"""Links: how long a message is under way, and whether it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from random import Random

from model.action import Channel
from model.channels import DATAGRAMS
from model.signals import AM1, AM2, AM3, MM3, MM4, MM5, MM6, datagram

# Messages with a key exchange or a proof of identity (RFC 2409 5.1 - 5.4). Quick Mode without PFS has only hashes.
HEAVY = tuple(one.code for one in (MM3, MM4, MM5, MM6, AM1, AM2, AM3))


def needs_work(channel: Channel, code: int) -> bool:
    """Does making this message take an exponentiation or a signature?"""
    return channel is DATAGRAMS and any(param is datagram and value in HEAVY
                                        for param, value in zip(channel.fields, channel.decode(code), strict=True))


@dataclass(frozen=True)
class Link:
    """One kind of message in either direction. A message takes `delay` seconds and up to `jitter` more, evenly spread, so that
    messages may overtake one another; with probability `loss` it does not arrive. `work`: how long its
    sender takes to make it, if it takes a Diffie-Hellman exponentiation or a signature."""

    delay: float = 0.01
    jitter: float = 0.0
    loss: float = 0.0
    work: float = 0.0

    def draw(self, heavy: bool, rng: Random) -> tuple[float, bool]:
        """The time until a message is there, and whether it is lost on the way."""
        lost = self.loss > 0 and rng.random() < self.loss
        return (self.work if heavy else 0) + self.delay + (rng.random() * self.jitter if self.jitter else 0), lost


@dataclass(frozen=True)
class Outage:
    """Whatever would arrive from `begin` to `end` (seconds) in this direction ("A>B", "B>A") is lost."""

    begin: float
    end: float = inf
    directions: tuple[str, ...] = ("A>B", "B>A")


@dataclass(frozen=True)
class Path:
    """What lies between the ends: a link for each kind of message, by channel, and the outages."""

    links: Mapping[str, Link]
    outages: tuple[Outage, ...] = ()

    def draw(self, channel: str, direction: str, heavy: bool, now: float, rng: Random) -> tuple[float, bool]:
        """For a message of a step that happens now: the time until it is there, and whether it is lost then."""
        taken, lost = self.links[channel].draw(heavy, rng)
        for outage in self.outages:
            if direction in outage.directions and outage.begin <= now + taken < outage.end:
                return taken, True
        return taken, lost
