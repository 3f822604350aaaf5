"""A capture as the claims see it: which connections are BGP's, which pairs of neighbours are judged, and which SAs can't be read.

A pair is judged if it speaks BGP: one of its connections carried data on port 179, or a BGP message on another port. Where no pair of the
file does, pairs that tried are judged: beside a real session, a stranger's probe is noise. ESP that can't be read may hide a BGP
connection: it counts between the judged pairs, in both directions at any host of theirs, and where there is no judged pair. A policy
(`--protect A,B`) names the pairs that had to be protected instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from traces.audit.pairs import Ready, completed
from traces.audit.tracker import Association, Hosts, Tracker, hosts
from traces.capture import bgp, ip, tcp
from traces.capture.tcp import Connection


@dataclass(frozen=True)
class Case:
    """What the claims read. `time_wait` is in nanoseconds."""

    tracker: Tracker
    time_wait: int
    protect: tuple[Hosts, ...] = ()
    problem: str | None = None  # how the file ended, where not well
    connections: list[Connection] = field(default_factory=list)  # BGP's, of the pairs that are judged
    opaque: list[Association] = field(default_factory=list)  # SAs of which nothing could be read, where they matter
    ready: dict[Hosts, list[Ready]] = field(default_factory=dict)  # the quick modes that were over, by hosts

    @property
    def protected(self) -> list[Connection]:
        """The connections that had to be protected."""
        return [one for one in self.connections if not self.protect or pair_of(one) in self.protect]


def pair_of(one: Connection) -> Hosts:
    """The two neighbours of a connection."""
    return hosts(one.ends[0][0], one.ends[1][0])


def is_bgp(one: Connection) -> bool:
    """BGP by its port, or by the message that one of its streams begins with."""
    return any(end[1] == tcp.PORT for end in one.ends) or any(stream.first and stream.first[1] != bgp.NOT_BGP for stream in one.streams)


def beneath(tracker: Tracker, connections: list[Connection]) -> set[Hosts]:
    """The hosts between which the SAs under some connections run: in tunnel mode others than the neighbours."""
    every = tracker.associations
    return {hosts(every[number].source, every[number].target) for one in connections for number in one.sas}


def unread(tracker: Tracker) -> list[Association]:
    """SAs that carried packets of which none could be read."""
    return [one for one in tracker.associations if one.unread and not one.connections and one.unread == one.packets]


def of_pair(every: Case, pair: Hosts) -> Case:
    """The part of a case that is about one pair."""
    connections = [one for one in every.connections if pair_of(one) == pair]
    under = {pair, *beneath(every.tracker, connections)}
    return replace(every, connections=connections, opaque=[one for one in every.opaque if hosts(one.source, one.target) in under])


def pairs_of(every: Case) -> list[Hosts]:
    """The pairs that are judged; last those of which only ESP that can't be read is in the file."""
    spoken = dict.fromkeys(map(pair_of, every.connections))
    under = beneath(every.tracker, every.connections)
    return [*spoken, *(pair for pair in dict.fromkeys(hosts(one.source, one.target) for one in every.opaque)
                       if pair not in spoken and pair not in under)]


def case(tracker: Tracker, time_wait: int, protect: tuple[Hosts, ...], problem: str | None) -> Case:
    """The case that a tracker's capture makes."""
    tried = [one for one in tracker.connections if is_bgp(one)]
    closed = unread(tracker)
    hinted = any(one.hints_bgp for one in closed)
    speaking = {pair_of(one) for one in tried if one.carried or one.sas}
    chosen = [one for one in tried if pair_of(one) in speaking or pair_of(one) in protect] or (
        [] if hinted else [one for one in tried if one.syn])
    under = beneath(tracker, chosen)
    near = {address for pair in (*under, *map(pair_of, chosen)) for address in pair}
    ways = {(one.source, one.target) for one in closed}
    opaque = [one for one in closed if hosts(one.source, one.target) in (*protect, *under) or (not protect and (
        not chosen or one.hints_bgp or ((one.target, one.source) in ways and (one.source in near or one.target in near))))]
    return Case(tracker, time_wait, protect, problem, chosen, opaque, {two: completed(ike) for two, ike in tracker.ike.items()})


def half_seen(case: Case, one: Connection) -> bool:
    """Are only one end's segments outside ESP, while a host of the connection has ESP that can't be read?"""
    return not one.both and any({sa.source, sa.target} & set(pair_of(one)) for sa in case.opaque)


def named(one: Connection) -> str:
    """A connection as people write it, the end that opened it first."""
    return " - ".join(f"[{ip.text(address)}]:{port}" if len(address) == 16 else f"{ip.text(address)}:{port}" for address, port in one.ends)


def spi(one: Association) -> str:
    return f"{one.spi:08x}"


def between(one: Association) -> str:
    return f"{ip.text(one.source)} and {ip.text(one.target)}"
