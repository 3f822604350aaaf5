"""What a deployment file says: speakers with their neighbours and their SPD, suites, keys, certification authorities, services.

Keys of the file are these names with - for _.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from lockstep.lint.source import Path, toml
from lockstep.lint.values import (
    ADDRESSES,
    BYTE,
    PORT,
    Address,
    Addresses,
    AsNumber,
    Authentication,
    Bytes,
    Encryption,
    HoldTime,
    IPAddress,
    Keying,
    Mode,
    Mtu,
    PortNumber,
    Ports,
    Positive,
    Prefix,
    Protocol,
    nearest,
)


def _wrong(key: str, text: str) -> PydanticCustomError:
    """What is wrong with a key in view of others, said where the whole table is validated."""
    return PydanticCustomError("wrong_key", "{text}", {"key": key, "text": text})


class Part(BaseModel):
    """A table of the file. A key that it does not know is refused, with the nearest one that it does."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"))

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        known = [one.alias or name for name, one in cls.model_fields.items()]
        for key in value if isinstance(value, dict) else ():
            if key not in known:
                raise _wrong(key, f"there is no such key; {nearest(key, known)}")
        return value


class Suite(Part):
    """An IPsec proposal: algorithms and the lifetime of an SA (RFC 2407 4.5). Without a lifetime in bytes there is no such limit. The
    encryption of AH is `"null"`."""

    protocol: Protocol = "esp"
    encryption: Encryption
    authentication: Authentication
    anti_replay: bool = True
    on_sequence_overflow: Literal["stop", "wrap"] = "stop"
    lifetime_seconds: Positive = 28800
    soft_lifetime_seconds: Positive | None = None
    lifetime_bytes: Positive | None = None

    @model_validator(mode="after")
    def _possible(self) -> Suite:
        if self.protocol == "ah" and self.encryption != "null":
            raise _wrong("encryption", f'"{self.encryption}" with protocol "ah"; AH encrypts nothing: write "null"')
        if self.encryption == self.authentication == "null":
            raise _wrong("authentication", "null, and so is the encryption; RFC 2406 5 and RFC 2402 forbid that: choose one")
        return self


class PreSharedKey(Part):
    """Who holds a pre-shared key, by name, and how it is stored. The key itself has no place in such a file."""

    holders: tuple[str, ...] = Field(strict=False, min_length=1)
    storage: Literal["protected", "plain"] = "protected"


class Authority(Part):
    """A certification authority: how revocation is checked and where, whether a cached answer serves, and who gets certificates."""

    revocation: Literal["off", "crl", "ocsp"]
    service: str | None = None
    cached: bool = False
    enrolment: Literal["controlled", "password", "open"] = "controlled"
    enrolment_window_days: Positive | None = None

    @model_validator(mode="after")
    def _service(self) -> Authority:
        if self.revocation != "off" and self.service is None:
            raise _wrong("revocation", f'"{self.revocation}" needs a service; name one of [services]')
        return self


class Service(Part):
    """What a speaker asks for something. With `host` its address is looked up in the DNS first."""

    kind: Literal["crl", "ocsp", "dns", "ntp", "slp", "gateway-discovery"]
    address: IPAddress
    host: str | None = None


class Identity(Part):
    """An identity of IKE phase 1 (RFC 2407 4.6.2)."""

    type: Literal["address", "fqdn", "user-fqdn", "dn"]
    value: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


class Rule(Part):
    """An entry of the SPD (RFC 4301 4.4.1): what it selects, and what happens to it. A selector left out selects everything.

    `from_packet`: the SA's selectors are taken from the packet (4.4.1.2, PFP flags), so that each connection has its own; otherwise
    everything that the rule selects shares one.
    """

    name: str
    action: Literal["bypass", "discard", "protect"]
    direction: Literal["in", "out", "both"] = "both"
    local: Addresses = (ADDRESSES,)
    remote: Addresses = (ADDRESSES,)
    protocol: Literal["any", "tcp", "udp", "icmp", "icmpv6", "esp", "ah"] = "any"
    local_port: Ports = (PORT,)
    remote_port: Ports = (PORT,)
    icmp_type: Bytes = (BYTE,)
    icmp_code: Bytes = (BYTE,)
    from_packet: bool = False

    @model_validator(mode="after")
    def _selectors(self) -> Rule:
        if self.protocol not in ("tcp", "udp") and (self.local_port, self.remote_port) != ((PORT,), (PORT,)):
            raise _wrong("protocol", f'"{self.protocol}" with ports; only tcp and udp have ports')
        if self.protocol not in ("icmp", "icmpv6") and (self.icmp_type, self.icmp_code) != ((BYTE,), (BYTE,)):
            raise _wrong("protocol", f'"{self.protocol}" with icmp-type or icmp-code; only icmp and icmpv6 have them')
        return self


class Tunnel(Part):
    """Tunnel mode: outer and inner addresses (draft 3.9), and where IPsec ends.

    `outer_remote`: left out where `discovery` finds it. `inner_local`: this speaker's address in the tunnel; its own if left out.
    `inner_transport`: transport mode inside, from speaker to speaker.
    """

    outer_local: IPAddress
    outer_local_from: Literal["static", "dynamic"] = "static"
    outer_remote: IPAddress | None = None
    discovery: str | None = None
    inner_local: IPAddress | None = None
    inner_local_from: Literal["static", "gateway"] = "static"
    inner_source_in_id: bool = True
    gateway: Literal["self", "external"] = "self"
    inner_transport: bool = False


class Peer(Part):
    """A neighbour, as a speaker has it configured. `identity`: which one it must prove in phase 1; left out: any that is trusted.

    `found_by`: the service that tells its address; left out: it is configured. `dynamic`: its address is not known beforehand.
    `role`: who opens the TCP connection. `certificate_bytes`: the longest IKE message with a certificate. `fragments`: what the path does
    with IP fragments. `seen_as`: this speaker's address on the other side of a NAT.
    """

    address: IPAddress
    as_number: AsNumber
    port: PortNumber = 179
    role: Literal["active", "passive", "both"] = "both"
    found_by: str | None = None
    dynamic: bool = False
    keying: Keying = "ike"
    suites: tuple[str, ...] = Field(strict=False, min_length=1)
    on_failure: Literal["discard", "bypass"] = "discard"
    authentication: Literal["signature", "public-key", "revised-public-key", "pre-shared-key", "xauth", "hybrid"] = "signature"
    exchange: Literal["main", "aggressive"] = "main"
    psk: str | None = None
    cas: tuple[str, ...] = Field((), strict=False)
    identity: Identity | None = None
    credential: Literal["machine", "user"] = "machine"
    only_that_user: bool = True
    certificate_request: bool = True
    certificate_bytes: Positive | None = None
    phase1_lifetime_seconds: Positive | None = None
    quick_mode_id: Literal["address", "subnet", "range", "none"] = "address"
    pfs: bool = True
    tcp_md5: bool = False
    hold_time: HoldTime = 90
    mtu: Mtu = 1500
    fragments: Literal["pass", "drop"] = "pass"
    nat: bool = False
    nat_traversal: bool = False
    seen_as: IPAddress | None = None
    tunnel: Tunnel | None = None

    @model_validator(mode="after")
    def _possible(self) -> Peer:
        if (self.authentication == "pre-shared-key") != (self.psk is not None):
            raise _wrong("authentication" if self.psk is None else "psk",
                         'psk and authentication = "pre-shared-key" need each other; give both or neither')
        return self

    @property
    def mode(self) -> Mode:
        return "tunnel" if self.tunnel else "transport"


class Route(Part):
    """How a speaker knows the way to a prefix. `peers`: over which neighbours BGP learns it; any of them if left out."""

    prefix: Prefix
    source: Literal["connected", "static", "igp", "bgp"] = Field(alias="from")
    peers: tuple[IPAddress, ...] = Field((), strict=False)


class Implements(Part):
    """What a speaker's software can do, chosen or not."""

    encryption: tuple[Encryption, ...] = Field(strict=False)
    authentication: tuple[Authentication, ...] = Field(strict=False)
    protocols: tuple[Protocol, ...] = Field(strict=False)
    modes: tuple[Mode, ...] = Field(strict=False)
    keying: tuple[Keying, ...] = Field(strict=False)
    several_cas: bool
    ike_kilobytes: Positive | None = None


class Speaker(Part):
    """A BGP speaker. `otherwise`: what becomes of a packet that no rule of the SPD selects. `filters`: whether the rules stand all the
    time or come and go with a session. `inbound_check`: who sees to it that what arrives came through IPsec. `issuer`: of its certificate.
    `several_users`: people share the machine. `clock` and `resolver`: services; left out, the clock is its own and there is no DNS."""

    address: IPAddress
    as_number: AsNumber
    bgp_port: PortNumber = 179
    identity: Identity | None = None
    issuer: str | None = None
    spd: tuple[Rule, ...] = Field(strict=False)
    otherwise: Literal["discard", "bypass"] = "discard"
    filters: Literal["standing", "per-session"] = "standing"
    inbound_check: Literal["ipsec", "bgp", "none"] = "ipsec"
    path_mtu_discovery: bool = True
    icmp_hard_errors: Literal["ignore", "abort"] = "ignore"
    several_users: bool = False
    clock: str | None = None
    resolver: str | None = None
    routes: tuple[Route, ...] = Field((), strict=False)
    implements: Implements | None = None
    peers: tuple[Peer, ...] = Field(strict=False, min_length=1)


class Deployment(Part):
    """A deployment file."""

    about: str = ""
    suites: dict[str, Suite]
    psks: dict[str, PreSharedKey] = {}
    cas: dict[str, Authority] = {}
    services: dict[str, Service] = {}
    speakers: dict[str, Speaker] = Field(min_length=1)

    @cached_property
    def peerings(self) -> tuple[Peering, ...]:
        """Every neighbour of every speaker."""
        return tuple(Peering(self, name, number) for name, speaker in self.speakers.items() for number in range(len(speaker.peers)))

    @cached_property
    def by_addresses(self) -> dict[tuple[Address, Address], Peering]:
        """A peering by the addresses of its ends as the neighbour sees them; the first where there are several."""
        return {(one.outside, one.peer.address): one for one in reversed(self.peerings)}

    @cached_property
    def by_address(self) -> dict[Address, Speaker]:
        """Speakers by address, and by those that they have in tunnels and behind NATs."""
        return {**{one.outside: one.speaker for one in self.peerings}, **{one.address: one for one in self.speakers.values()}}


@dataclass(frozen=True)
class Peering:
    """A speaker's view of one neighbour, and the neighbour's view of the speaker where the file has it."""

    deployment: Deployment
    name: str
    number: int

    @property
    def speaker(self) -> Speaker:
        return self.deployment.speakers[self.name]

    @property
    def peer(self) -> Peer:
        return self.speaker.peers[self.number]

    @property
    def path(self) -> Path:
        return ("speakers", self.name, "peers", self.number)

    @property
    def title(self) -> str:
        return f"{self.name} with {self.peer.address}"

    @property
    def local(self) -> Address:
        """The address that this speaker's BGP has in the session."""
        tunnel = self.peer.tunnel
        return tunnel.inner_local if tunnel and tunnel.inner_local else self.speaker.address

    @property
    def outside(self) -> Address:
        """That address as the neighbour sees it."""
        return self.peer.seen_as or self.local

    @property
    def suites(self) -> list[tuple[str, Suite]]:
        """What is proposed, in order of preference."""
        return [(name, self.deployment.suites[name]) for name in self.peer.suites]

    @property
    def other(self) -> Peering | None:
        """The other end's view of the session, if the file has it."""
        found = self.deployment.by_addresses.get((self.peer.address, self.outside))
        return found if found is not None and found.name != self.name else None

    @property
    def far_speaker(self) -> Speaker | None:
        """The neighbour, if the file has a speaker with that address, whether or not it knows this one. Through a NAT that cannot be said
        unless the file tells how they see each other."""
        if self.other is not None:
            return self.other.speaker
        return None if self.peer.nat and self.peer.seen_as is None else self.deployment.by_address.get(self.peer.address)


def assumed(part: Part, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(where, value) of the keys that are left out and taken to have a value. What is left out and has none, or selects everything, is
    not among them."""
    for name, field in type(part).model_fields.items():
        value, here = getattr(part, name), (*path, field.alias or name)
        if name not in part.model_fields_set:
            if isinstance(value, bool | int | str) and value != "":
                yield here, toml(value)
        elif isinstance(value, Part):
            yield from assumed(value, here)
        elif isinstance(value, dict | tuple):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from (found for key, one in items if isinstance(one, Part) for found in assumed(one, (*here, key)))
