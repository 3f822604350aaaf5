"""ISAKMP messages and IKEv1's keys (RFC 2408 3; RFC 2409 5, B; RFC 2407 4; RFC 3947 for NAT-T).

A phase 1 SA is one object with all that both ends draw; its messages are made when they are sent, because each is enciphered with the
last block of the one before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cached_property

from scapy.layers.tls.crypto.groups import modp1024  # RFC 2409 6.2, the second Oakley group

from model.system import PEER
from traces.packets.cipher import AUTH_KEY, Suite, expand, prf, sha1
from traces.packets.draws import draw, number, spi
from traces.packets.hosts import IKE_PORT, Hosts

# RFC 2408 3.1: payload types, exchange types, flags
SA, KE, ID, HASH, NONCE, NOTIFY, DELETE, VENDOR, NAT_D, NAT_OA = 1, 4, 5, 8, 10, 11, 12, 13, 20, 21
PROPOSAL, TRANSFORM = 2, 3
MAIN, AGGRESSIVE, INFORMATIONAL, QUICK = 2, 4, 5, 32
ENCRYPTION, COMMIT = 1, 2
# RFC 2408 3.14.1, RFC 2407 4.6.3
NO_PROPOSAL_CHOSEN, INVALID_ID, AUTHENTICATION_FAILED, CONNECTED, INITIAL_CONTACT = 14, 18, 24, 16384, 24578
ISAKMP, ESP = 1, 3  # protocols (RFC 2407 4.4.1)
TCP, UDP = 6, 17
KNOWS_NATT = bytes.fromhex("4a131c81070358455c5728f20e95452f")  # RFC 3947 3.1
PSK = b"lockstep"
GROUP_LENGTH = 128
PHASE1_LIFE, PHASE2_LIFE = 28800, 3600  # seconds

Payload = tuple[int, bytes]


def chain(payloads: Sequence[Payload]) -> bytes:
    """Payloads with their generic headers (RFC 2408 3.2)."""
    following = [kind for kind, _ in payloads[1:]] + [0]
    return b"".join(struct.pack("!BBH", after, 0, 4 + len(body)) + body
                    for (_, body), after in zip(payloads, following, strict=True))


def attributes(values: Sequence[tuple[int, int]]) -> bytes:
    """Data attributes of the basic form (RFC 2408 3.3)."""
    return b"".join(struct.pack("!HH", 0x8000 | kind, value) for kind, value in values)


def proposal(protocol: int, spi_: bytes, transform: int, values: Sequence[tuple[int, int]]) -> bytes:
    """An SA payload's body: the IPsec DOI, identity only, one proposal with one transform (RFC 2408 3.4 - 3.6, RFC 2407 4.6.1)."""
    inner = chain([(TRANSFORM, struct.pack("!BBH", 1, transform, 0) + attributes(values))])
    return struct.pack("!II", 1, 1) + chain([(PROPOSAL, struct.pack("!BBBB", 1, protocol, len(spi_), 1) + spi_ + inner)])


def notification(protocol: int, spi_: bytes, kind: int) -> Payload:
    return NOTIFY, struct.pack("!IBBH", 1, protocol, len(spi_), kind) + spi_


def deletion(protocol: int, spi_: bytes) -> Payload:
    return DELETE, struct.pack("!IBBH", 1, protocol, len(spi_), 1) + spi_


def spoiled(body: bytes) -> bytes:
    """A hash that does not verify."""
    return bytes(255 - octet for octet in body)


class Phase1:
    """An ISAKMP SA. `first`: the end that begins it; `hosts` by role name: whose address stands in an ID payload.

    `names`: what its values are drawn from. `block`: the last enciphered block of phase 1, `chains`: of each later message ID.
    """

    def __init__(self, first: str, suite: Suite, hosts: Hosts, natt: bool, *names: object) -> None:
        self.first, self.suite, self.hosts, self.natt, self.names = first, suite, hosts, natt, names
        self.cookies = draw(8, "cookie", "i", *names), draw(8, "cookie", "r", *names)
        self.nonces = draw(20, "nonce", "i", *names), draw(20, "nonce", "r", *names)
        self.spoke = False  # an enciphered message went out
        self.chains: dict[int, bytes] = {}
        self.block = b""

    # -- keys (RFC 2409 5, B) --

    @cached_property
    def publics(self) -> tuple[bytes, bytes]:
        """g^xi and g^xr."""
        i, r = (pow(modp1024.g, x, modp1024.m).to_bytes(GROUP_LENGTH) for x in self.secrets)
        return i, r

    @cached_property
    def secrets(self) -> tuple[int, int]:
        return number(256, "dh", "i", *self.names), number(256, "dh", "r", *self.names)

    @cached_property
    def skeyid(self) -> bytes:
        return prf(PSK, b"".join(self.nonces))

    @cached_property
    def derived(self) -> tuple[bytes, bytes, bytes]:
        """SKEYID_d, SKEYID_a, SKEYID_e."""
        shared = pow(modp1024.g, self.secrets[0] * self.secrets[1], modp1024.m).to_bytes(GROUP_LENGTH)
        made = [b""]
        for octet in range(3):
            made.append(prf(self.skeyid, made[-1] + shared + b"".join(self.cookies) + bytes([octet])))
        return made[1], made[2], made[3]

    @cached_property
    def key(self) -> bytes:
        """The cipher's key out of SKEYID_e (RFC 2409 B)."""
        e = self.derived[2]
        if self.suite.key <= len(e):
            return e[:self.suite.key]
        made = last = prf(e, b"\0")
        while len(made) < self.suite.key:
            last = prf(e, last)
            made += last
        return made[:self.suite.key]

    @cached_property
    def offer(self) -> bytes:
        """SAi_b."""
        length = [(14, 8 * self.suite.key)] * self.suite.key_length
        values = [(1, self.suite.ike), *length, (2, 2), (3, 1), (4, 2), (11, 1), (12, PHASE1_LIFE)]
        return proposal(ISAKMP, b"", 1, values)

    def identity(self, end: str) -> bytes:
        """IDii_b or IDir_b: the address, any protocol and port (RFC 2407 4.6.2)."""
        return identification(self.hosts, end, 0, 0)

    def hashed(self, end: str, good: bool = True) -> bytes:
        """HASH_I or HASH_R (RFC 2409 5)."""
        order = 1 if end == self.first else -1
        found = prf(self.skeyid, b"".join(self.publics[::order]) + b"".join(self.cookies[::order]) + self.offer + self.identity(end))
        return found if good else spoiled(found)

    # -- messages --

    def message(self, exchange: int, payloads: Sequence[Payload], ident: int = 0, flags: int = 0, answered: bool = True) -> bytes:
        """A message in the clear. `answered`: the responder's cookie is known."""
        return self._header(exchange, payloads[0][0], ident, flags, chain(payloads), answered)

    def enciphered(self, exchange: int, payloads: Sequence[Payload], ident: int = 0, flags: int = 0) -> bytes:
        """A message under this SA; its IV is the last block of the one before (RFC 2409 B)."""
        if not self.block:
            self.block = sha1(b"".join(self.publics))[:self.suite.block]
        iv = self.block if not ident else self.chains.get(ident) or sha1(self.block + ident.to_bytes(4))[:self.suite.block]
        text = chain(payloads)
        made = self.suite.encrypt(self.key, iv, text + b"\0" * (-len(text) % self.suite.block))
        self.spoke = True
        if ident:
            self.chains[ident] = made[-self.suite.block:]
        else:
            self.block = made[-self.suite.block:]
        return self._header(exchange, payloads[0][0], ident, flags | ENCRYPTION, made)

    def _header(self, exchange: int, first: int, ident: int, flags: int, body: bytes, answered: bool = True) -> bytes:
        responder = self.cookies[1] if answered else bytes(8)
        return self.cookies[0] + responder + struct.pack("!BBBBII", first, 0x10, exchange, flags, ident, 28 + len(body)) + body

    def signed(self, ident: int, payloads: Sequence[Payload], before: bytes = b"") -> list[Payload]:
        """HASH(1) or, with Ni_b `before`, HASH(2), in front of the payloads it is over (RFC 2409 5.5, 5.7)."""
        return [(HASH, prf(self.derived[1], ident.to_bytes(4) + before + chain(payloads))), *payloads]

    def informational(self, payload: Payload, ident: int) -> bytes:
        """RFC 2409 5.7."""
        return self.enciphered(INFORMATIONAL, self.signed(ident, [payload]), ident)

    def phase1_message(self, kind: str, end: str, good: bool, contact: bool) -> bytes:
        """A main or aggressive mode message, by its name in the model, as `end` sends it (RFC 2409 5.4)."""
        at = 0 if end == self.first else 1
        keys: list[Payload] = [(KE, self.publics[at]), (NONCE, self.nonces[at])]
        knows: list[Payload] = [(VENDOR, KNOWS_NATT)] * self.natt
        offer = (SA, self.offer if good else self.offer.replace(struct.pack("!HH", 0x8002, 2), struct.pack("!HH", 0x8002, 1)))
        who = (ID, self.identity(end))
        proof: list[Payload] = [(HASH, self.hashed(end, good))]
        proof += [notification(ISAKMP, b"".join(self.cookies), INITIAL_CONTACT)] * contact
        made: dict[str, Callable[[], bytes]] = {
            "MM1": lambda: self.message(MAIN, [offer, *knows], answered=False),
            "MM2": lambda: self.message(MAIN, [offer, *knows]),
            "MM3": lambda: self.message(MAIN, [*keys, *self.nat_detection(end)]),
            "MM5": lambda: self.enciphered(MAIN, [who, *proof]),
            "AM1": lambda: self.message(AGGRESSIVE, [offer, *keys, who, *knows], answered=False),
            "AM2": lambda: self.message(AGGRESSIVE, [offer, *keys, who, *proof, *knows, *self.nat_detection(end)]),
            "AM3": lambda: self.enciphered(AGGRESSIVE, [*proof, *self.nat_detection(end)]),
        }
        return made[{"MM4": "MM3", "MM6": "MM5"}.get(kind, kind)]()

    def nat_detection(self, end: str) -> list[Payload]:
        """NAT-D of the peer, then of this end (RFC 3947 3.2). The own hash is no address's: a NAT is reported though there is none."""
        def of(host: str) -> bytes:
            return sha1(b"".join(self.cookies) + self.hosts.packed(host) + IKE_PORT.to_bytes(2))

        return [(NAT_D, of(PEER[end])), (NAT_D, spoiled(of(end)))] if self.natt else []

    def enciphers(self, kind: str) -> bool:
        return kind in ("MM5", "MM6", "AM3") or not kind.startswith(("MM", "AM", "P1"))


def identification(hosts: Hosts, end: str, protocol: int, port: int) -> bytes:
    """An ID payload's body with an address (RFC 2407 4.6.2)."""
    return struct.pack("!BBH", 5 if hosts.ipv6 else 1, protocol, port) + hosts.packed(end)


class Quick:
    """A Quick Mode and the SA pair it makes: nonces, SPIs, message ID. `first`: the end that begins it.

    `ports`: of the initiator and of the responder in the identities; 0 stands for any.
    """

    def __init__(self, first: str, phase1: Phase1, ports: tuple[int, int], *names: object) -> None:
        self.first, self.phase1, self.ports = first, phase1, ports
        self.ident = number(32, "message id", *names) | 1
        self.nonces = draw(20, "nonce", "i", *names), draw(20, "nonce", "r", *names)
        self.spis = {first: spi("i", *names), PEER[first]: spi("r", *names)}  # by the end that receives under it

    def keys(self, receiver: str) -> tuple[bytes, bytes]:
        """The cipher's key and HMAC's, of the SA towards `receiver` (RFC 2409 5.5, RFC 2407 4.4.4)."""
        size = self.phase1.suite.key
        text = bytes([ESP]) + self.spis[receiver].to_bytes(4) + b"".join(self.nonces)
        made = expand(size + AUTH_KEY, self.phase1.derived[0], text)
        return made[:size], made[size:]

    def message(self, kind: str, end: str, good: bool = True) -> bytes:
        """A Quick Mode message by its name in the model, as `end` sends it (RFC 2409 5.5)."""
        one, at = self.phase1, 0 if end == self.first else 1
        if kind == "QM3":
            found = prf(one.derived[1], b"\0" + self.ident.to_bytes(4) + b"".join(self.nonces))
            return one.enciphered(QUICK, [(HASH, found if good else spoiled(found))], self.ident)
        if kind == "CONNECTED":
            told = notification(ESP, self.spis[end].to_bytes(4), CONNECTED)
            return one.enciphered(QUICK, one.signed(self.ident, [told]), self.ident, COMMIT)
        responder = PEER[self.first]
        payloads: list[Payload] = [(SA, self.proposal(end)), (NONCE, self.nonces[at]),
                                   (ID, identification(one.hosts, self.first, TCP, self.ports[0])),
                                   (ID, identification(one.hosts, responder, TCP, self.ports[1]))]
        payloads += [(NAT_OA, struct.pack("!BBH", 1, 0, 0) + one.hosts.packed(host)) for host in (self.first, responder)] * one.natt
        (_, found), *rest = one.signed(self.ident, payloads, self.nonces[0] * at)
        return one.enciphered(QUICK, [(HASH, found if good else spoiled(found)), *rest], self.ident)

    def proposal(self, end: str) -> bytes:
        """Transport mode, in UDP where there is a NAT (RFC 2407 4.5, RFC 3947 5.1)."""
        suite = self.phase1.suite
        length = [(6, 8 * suite.key)] * suite.key_length
        values = [(1, 1), (2, PHASE2_LIFE), (4, 4 if self.phase1.natt else 2), (5, 2), *length]
        return proposal(ESP, self.spis[end].to_bytes(4), suite.esp, values)
