"""What a deployment file says: speakers with their neighbours and their SPD, suites, keys, certification authorities, services.

Keys of the file are these names with - for _. A file that says something else is refused with one line: file, line, key, value, what to do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path as File
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from lockstep.choice import UsageError
from lockstep.lint.source import Path, line_at, lines_of

Address = IPv4Address | IPv6Address
Range = tuple[int, int]  # first and last

IPV4_END = 2**32  # IPv4 addresses are the numbers below it, IPv6 addresses those from it on: one line for both
PORT: Range = (0, 65535)
BYTE: Range = (0, 255)


def number_of(address: Address) -> int:
    """The address as a number on the line that both families share."""
    return int(address) + (IPV4_END if address.version == 6 else 0)


def address_of(number: int) -> Address:
    """The inverse of `number_of`."""
    return IPv4Address(number) if number < IPV4_END else IPv6Address(number - IPV4_END)


# -- values ----------------------------------------------------------------------------------------------------------------------------


def _address(value: Any) -> Address:
    try:
        return ip_address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError('no IP address; write one such as "192.0.2.1"') from None


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        why = f" ({str(error).partition(' ')[2]})" if "host bits" in str(error) else ""
        raise ValueError(f'no prefix{why}; write one such as "192.0.2.0/24"') from None


def _addresses(value: Any) -> tuple[Range, ...]:
    """Selectors of addresses: an address, a prefix or FIRST-LAST, or a list of such."""
    return tuple(map(_address_range, value if isinstance(value, list) else [value]))


def _address_range(value: Any) -> Range:
    text = value if isinstance(value, str) else ""
    try:
        if "-" in text:
            first, last = (number_of(ip_address(part.strip())) for part in text.split("-"))
        else:
            net = ip_network(text)
            first, last = number_of(net[0]), number_of(net[-1])
    except ValueError:
        raise ValueError('no address, prefix or range; write "192.0.2.1", "192.0.2.0/24" or "192.0.2.1-192.0.2.9"') from None
    if first > last or (first < IPV4_END <= last):
        raise ValueError(f"the range {text} is empty or mixes IPv4 and IPv6; give first and last of one family")
    return first, last


def _numbers(most: int) -> BeforeValidator:
    """Selectors of numbers: a number, "FIRST-LAST", or a list of such."""
    def read(value: Any) -> tuple[Range, ...]:
        found = []
        for one in value if isinstance(value, list) else [value]:
            parts = str(one).split("-") if isinstance(one, int | str) and not isinstance(one, bool) else []
            numbers = [int(part) for part in parts if part.strip().isascii() and part.strip().isdecimal()]
            if not 1 <= len(numbers) == len(parts) <= 2 or not numbers[0] <= numbers[-1] <= most:
                raise ValueError(f'{one!r} is no number from 0 to {most} and no range; write a number, "FIRST-LAST" or a list of such')
            found.append((numbers[0], numbers[-1]))
        return tuple(found)
    return BeforeValidator(read)


def _hold_time(seconds: int) -> int:
    if seconds in (1, 2):
        raise ValueError("RFC 4271 4.2 allows 0, or 3 s and more; give such a time")
    return seconds


IPAddress = Annotated[Address, BeforeValidator(_address)]
Prefix = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Addresses = Annotated[tuple[Range, ...], BeforeValidator(_addresses)]
Ports = Annotated[tuple[Range, ...], _numbers(PORT[1])]
Bytes = Annotated[tuple[Range, ...], _numbers(BYTE[1])]
Positive = Annotated[int, Field(ge=1)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
AsNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
HoldTime = Annotated[int, Field(ge=0, le=65535), AfterValidator(_hold_time)]

Protocol = Literal["esp", "ah"]
Encryption = Literal["null", "des-cbc", "3des-cbc", "aes-cbc", "aes-ctr"]
Authentication = Literal["null", "hmac-md5", "hmac-sha1", "hmac-sha2-256"]
Mode = Literal["transport", "tunnel"]
Keying = Literal["ike", "manual"]


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
                raise _wrong(key, f"there is no such key; {_nearest(key, known)}")
        return value


# -- tables ----------------------------------------------------------------------------------------------------------------------------


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
    local: Addresses = ((0, IPV4_END + 2**128 - 1),)
    remote: Addresses = ((0, IPV4_END + 2**128 - 1),)
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
    mtu: Annotated[int, Field(ge=68, le=65535)] = 1500
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
                yield here, _toml(value)
        elif isinstance(value, Part):
            yield from assumed(value, here)
        elif isinstance(value, dict | tuple):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from (found for key, one in items if isinstance(one, Part) for found in assumed(one, (*here, key)))


# -- reading ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A deployment file that was read: its name as given, what it says, and the line of each key."""

    file: str
    deployment: Deployment
    lines: dict[Path, int]


def read(file: File) -> Source:
    """Raises UsageError with file and line where it cannot be read, is not TOML, or says what cannot be."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); give a deployment file") from None
    except ValueError:
        raise UsageError(f"{file}:1: not UTF-8 text; give a TOML file with a deployment") from None
    return parse(text, str(file))


def parse(text: str, file: str) -> Source:
    """The deployment in a TOML text. Raises UsageError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_not_toml(str(error), text, file)) from None
    except RecursionError:
        raise UsageError(f"{file}:1: nested too deeply; give a TOML file with a deployment") from None
    lines = lines_of(text)
    try:
        deployment = Deployment.model_validate(document)
    except ValidationError as error:
        errors = error.errors()
        deepest = [one for one in errors if not any(other["loc"][:len(one["loc"])] == one["loc"] != other["loc"] for other in errors)]
        wrong = [_explained(one, lines) for one in deepest]  # a list without its bad items is also too short
    else:
        wrong = [(line_at(lines, path), _said(path, text_)) for path, text_ in _dangling(deployment)]
    if wrong:
        line, what = min(wrong, key=lambda one: one[0])
        raise UsageError(f"{file}:{line}: {what}")
    return Source(file, deployment, lines)


def _not_toml(error: str, text: str, file: str) -> str:
    """tomllib says "... (at line L, column C)" or "... (at end of document)"."""
    what, _, where = error.rpartition(" (at ")
    line = next((word for word in where.replace(",", " ").split() if word.isdecimal()), str(max(1, len(text.splitlines()))))
    return f"{file}:{line}: not TOML: {what}; correct it"


def _explained(error: ErrorDetails, lines: dict[Path, int]) -> tuple[int, str]:
    """The line and what is wrong there."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    path: Path = tuple(one for one in error["loc"] if isinstance(one, int) or not one.startswith("function-"))
    shown = "" if isinstance(value, dict | list) else f" {_toml(value)}"
    if kind == "wrong_key":
        return line_at(lines, (*path, context["key"])), _said((*path, context["key"]), str(context["text"]))
    if kind == "missing":
        return line_at(lines, path), _said(path, "is missing; add it")
    if kind == "literal_error":
        known = [one.strip("'") for one in str(context["expected"]).replace(" or ", ", ").split(", ")]
        text = f"there is no such value; {_nearest(str(value), known)}"
    elif kind == "value_error":
        text = str(context["error"])
    else:
        text = f"{_NEEDED.get(kind, error['msg'])}".format(**context)
        text = text[0].lower() + text[1:]
    return line_at(lines, path), _said(path, text, shown)


_NEEDED = {
    "int_type": "a whole number is needed", "bool_type": "true or false is needed", "string_type": "a text is needed; put it in quotes",
    "model_type": "a table is needed", "dict_type": "a table is needed", "tuple_type": "a list is needed; put it in [ ]",
    "greater_than_equal": "too small; at least {ge} is needed", "less_than_equal": "too large; at most {le} is possible",
    "too_short": "at least one is needed",
}


def _said(path: Path, text: str, shown: str = "") -> str:
    return f"{dotted(path) or 'the file'}{shown}: {text}"


def dotted(path: Path) -> str:
    """A key as people write it; positions are counted from 1."""
    return ".".join(str(one + 1) if isinstance(one, int) else one for one in path)


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none"


def _dangling(deployment: Deployment) -> Iterator[tuple[Path, str]]:
    """Names that name nothing, services of the wrong kind, addresses that cannot be."""
    for path, name, table, kinds in _references(deployment):
        known: dict[str, Any] = getattr(deployment, table)
        if name not in known:
            yield path, f"there is no [{table}.{name}]; {_nearest(name, known)}"
        elif kinds and known[name].kind not in kinds:
            yield path, f"service {name} is of kind {known[name].kind}; {' or '.join(kinds)} is needed"
    named: dict[Address, str] = {}
    for name, speaker in deployment.speakers.items():
        other = named.setdefault(speaker.address, name)
        if other != name:
            yield ("speakers", name, "address"), f"{speaker.address} is {other}'s; each speaker needs an address of its own"
        neighbours = [str(one.address) for one in speaker.peers]
        for number, route in enumerate(speaker.routes):
            for one in route.peers:
                if str(one) not in neighbours:
                    yield ("speakers", name, "routes", number, "peers"), f"{name} has no neighbour {one}; {_nearest(str(one), neighbours)}"
    for peering in deployment.peerings:
        if peering.peer.address in (peering.local, peering.speaker.address):
            yield (*peering.path, "address"), f"{peering.peer.address} is {peering.name} itself; give the neighbour's"
        elif peering.peer.address.version != peering.local.version:
            yield (*peering.path, "address"), f"{peering.peer.address} and {peering.local} are of two families; give addresses of one"


def _references(deployment: Deployment) -> Iterator[tuple[Path, str, str, tuple[str, ...]]]:
    """(where, the name, the table it must be in, the kinds a service may be of)."""
    for name, authority in deployment.cas.items():
        if authority.service is not None:
            yield ("cas", name, "service"), authority.service, "services", ("crl", "ocsp") if authority.revocation == "off" else (
                authority.revocation,)
    for name, speaker in deployment.speakers.items():
        here: Path = ("speakers", name)
        for key, value, table, kinds in (("issuer", speaker.issuer, "cas", ()), ("clock", speaker.clock, "services", ("ntp",)),
                                         ("resolver", speaker.resolver, "services", ("dns",))):
            if value is not None:
                yield (*here, key), value, table, kinds
    for one in deployment.peerings:
        peer, tunnel = one.peer, one.peer.tunnel
        yield from (((*one.path, "suites", number), suite, "suites", ()) for number, suite in enumerate(peer.suites))
        yield from (((*one.path, "cas", number), ca, "cas", ()) for number, ca in enumerate(peer.cas))
        if peer.psk is not None:
            yield (*one.path, "psk"), peer.psk, "psks", ()
        if peer.found_by is not None:
            yield (*one.path, "found-by"), peer.found_by, "services", ("dns", "slp")
        if tunnel and tunnel.discovery is not None:
            yield (*one.path, "tunnel", "discovery"), tunnel.discovery, "services", ("dns", "gateway-discovery")
