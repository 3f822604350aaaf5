"""ESP and AH (RFC 4303, RFC 4302): headers, what can be read with keys, and ESP-NULL (RFC 2410), which needs none.

Keys come in a file in Wireshark's format (`esp_sa` of its preferences): a line an SA, eight quoted fields, `*` for any address or SPI.
A packet is opened only if its integrity check value is right; where the file says not to check, that is believed.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR, GCM

from traces.capture import ip

HEADER = 8  # octets: SPI, sequence number
AH_HEADER = 12
FIELDS = 8
DIGESTS = {"HMAC-SHA-1-96": ("sha1", 12), "HMAC-MD5-96": ("md5", 12), "HMAC-SHA-256-96": ("sha256", 12), "HMAC-SHA-256-128": ("sha256", 16),
           "HMAC-SHA-384-192": ("sha384", 24), "HMAC-SHA-512-256": ("sha512", 32)}
UNCHECKED = {f"ANY {8 * octets} bit authentication": octets for octets in (8, 12, 16, 24, 32)}
CIPHERS = ("NULL", "TripleDES-CBC", "DES-CBC", "AES-CBC", "AES-CTR", "AES-GCM")
BLOCK = {"TripleDES-CBC": 8, "DES-CBC": 8, "AES-CBC": 16}
KEY_LENGTHS = {"TripleDES-CBC": (24,), "DES-CBC": (8,), "AES-CBC": (16, 24, 32), "AES-CTR": (20, 28, 36), "AES-GCM": (20, 28, 36)}
NULL_CHECKS = (12, 16, 24, 32, 0)  # octets that an integrity check value may have
NULL_CARRIES = (ip.IPIP, ip.TCP, ip.IPV6_IN_IP)
MOST_PADDING = 255
BGP_PORT = b"\x00\xb3"


class KeysError(Exception):
    """The file of keys can't be used. One line: where, the value, what to do."""


class Inner(NamedTuple):
    """What an SA carried: the next header's number and its octets."""

    protocol: int
    payload: bytes


@dataclass(frozen=True)
class Keys:
    """One line of a file of keys; None stands for any address or SPI."""

    source: bytes | None
    target: bytes | None
    spi: int | None
    cipher: str
    secret: bytes
    digest: str
    check: int  # octets of the integrity check value
    authentication: bytes

    def open(self, packet: bytes) -> Inner | None:
        """What an ESP packet (from its SPI on) carries; None where it does not fit these keys."""
        if len(packet) < HEADER + self.check + 2:
            return None
        end = len(packet) - self.check
        if self.digest and hmac.digest(self.authentication, packet[:end], self.digest)[:self.check] != packet[end:]:
            return None
        try:
            return _trailer(self._plain(packet, end))
        except (ValueError, InvalidTag):
            return None

    def _plain(self, packet: bytes, end: int) -> bytes:
        if self.cipher == "NULL":
            return packet[HEADER:end]
        if self.cipher in BLOCK:
            start = HEADER + BLOCK[self.cipher]
            if end <= start:
                return b""
            algorithm = AES(self.secret) if self.cipher == "AES-CBC" else TripleDES(self.secret * (3 if len(self.secret) == 8 else 1))
            opened = Cipher(algorithm, CBC(packet[HEADER:start])).decryptor()
            return opened.update(packet[start:end]) + opened.finalize()
        secret, salt, start = self.secret[:-4], self.secret[-4:], HEADER + 8
        nonce = salt + packet[HEADER:start]
        if self.cipher == "AES-CTR":
            counting = Cipher(AES(secret), CTR(nonce + b"\x00\x00\x00\x01")).decryptor()
            return counting.update(packet[start:end]) + counting.finalize()
        sealed = Cipher(AES(secret), GCM(nonce, packet[end:], min_tag_length=8)).decryptor()
        sealed.authenticate_additional_data(packet[:HEADER])
        return sealed.update(packet[start:end]) + sealed.finalize()


def _trailer(plain: bytes) -> Inner | None:
    """Padding and next header taken off (RFC 4303 2.4)."""
    if len(plain) < 2 or plain[-2] + 2 > len(plain):
        return None
    return Inner(plain[-1], plain[:len(plain) - 2 - plain[-2]])


def read_keys(lines: Iterable[str], place: str) -> list[Keys]:
    """The keys of a file in Wireshark's format. Raises KeysError."""
    found = []
    for number, row in enumerate(csv.reader(lines), 1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        where = f"{place}, line {number}"
        if len(row) != FIELDS:
            raise KeysError(f"{where}: {len(row)} fields; an SA has eight: protocol, source, destination, SPI, cipher, key, "
                            "authentication, key")
        _, source, target, spi, cipher, secret, authentication, second = (field.strip() for field in row)
        found.append(_keys(where, _address(where, source), _address(where, target), _spi(where, spi), cipher, _hex(where, secret),
                           authentication, _hex(where, second)))
    return found


def _keys(where: str, source: bytes | None, target: bytes | None, spi: int | None, cipher: str, secret: bytes,
          authentication: str, second: bytes) -> Keys:
    name = _name(cipher)
    kind = next((one for one in CIPHERS if name == one or name.startswith(one + " ")), None)
    if kind is None:
        raise KeysError(f"{where}: cipher {cipher!r} is not known; there are {', '.join(CIPHERS)}")
    if kind != "NULL" and len(secret) not in KEY_LENGTHS[kind]:
        raise KeysError(f"{where}: a key of {len(secret)} octets; {kind} takes {' or '.join(map(str, KEY_LENGTHS[kind]))}")
    check = _name(authentication)
    if kind == "AES-GCM":  # its own tag is the check
        tag = UNCHECKED.get(check) or next((octets for octets in (8, 12, 16) if f"with {octets} octet" in cipher), 16)
        return Keys(source, target, spi, kind, secret, "", tag, b"")
    if check == "NULL":
        return Keys(source, target, spi, kind, secret, "", 0, b"")
    if check in UNCHECKED:
        return Keys(source, target, spi, kind, secret, "", UNCHECKED[check], b"")
    if check not in DIGESTS:
        raise KeysError(f"{where}: authentication {authentication!r} is not known; there are NULL, {', '.join((*DIGESTS, *UNCHECKED))}")
    digest, octets = DIGESTS[check]
    return Keys(source, target, spi, kind, secret, digest, octets, second)


def _name(text: str) -> str:
    """An algorithm without the RFC in brackets behind it."""
    return text.partition("[")[0].strip()


def _address(where: str, text: str) -> bytes | None:
    if text == "*":
        return None
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        raise KeysError(f"{where}: {text!r} is no address; write one, or *") from None


def _spi(where: str, text: str) -> int | None:
    if text == "*":
        return None
    try:
        spi = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        spi = -1
    if not 0 <= spi < 1 << 32:
        raise KeysError(f"{where}: {text!r} is no SPI; write a number of 32 bits such as 0xc0ffee01, or *")
    return spi


def _hex(where: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text[2:] if text.lower().startswith("0x") else text)
    except ValueError:
        raise KeysError(f"{where}: a key that is not hexadecimal; write it as 0x0123...") from None


class Reader:
    """Opens the packets of one SA: with the keys that fit it, else as ESP-NULL once a packet has shown itself to be that."""

    def __init__(self, keys: list[Keys]) -> None:
        self.keys = keys
        self.null: int | None = None  # octets of the check value of ESP-NULL
        self.summed = False  # have its TCP checksums been right? Behind a NAT none is
        self.tries = 8  # packets that may still show it

    def open(self, packet: bytes, source: bytes, target: bytes) -> Inner | None:
        """What the packet carries; None where that can't be known, or its check value is wrong."""
        for one in self.keys:
            found = one.open(packet)
            if found is not None:
                return found
        if self.keys:
            return None
        if self.null is None and not self.tries:
            return None
        self.tries -= self.null is None
        for check in NULL_CHECKS if self.null is None else (self.null,):
            found = _null(packet, check)
            right = found is not None and _sum_is_right(found, source, target)
            if found is not None and (right or (not self.summed and _bgp(found))):
                self.null, self.summed = check, self.summed or right
                return found
        return None


def _null(packet: bytes, check: int) -> Inner | None:
    """The packet as ESP-NULL with a check value of so many octets: its padding must count 1, 2, 3 (RFC 4303 2.4), and it must carry what
    can be a TCP segment, or IP."""
    found = _trailer(packet[HEADER:len(packet) - check])
    if found is None or found.protocol not in NULL_CARRIES:
        return None
    rest = packet[HEADER + len(found.payload):len(packet) - check - 2]
    if rest != bytes(range(1, len(rest) + 1)):
        return None
    inner = found.payload
    if found.protocol != ip.TCP:
        return found if inner and inner[0] >> 4 == (4 if found.protocol == ip.IPIP else 6) and ip.datagram(inner, 0) else None
    return found if len(inner) >= 20 and 20 <= inner[12] >> 4 << 2 <= len(inner) else None


def _sum_is_right(found: Inner, source: bytes, target: bytes) -> bool:
    """Is a TCP segment's checksum right between these addresses (RFC 9293 3.1)? IP in a tunnel has its own addresses: taken as right."""
    inner = found.payload
    if found.protocol != ip.TCP:
        return True
    whole = source + target + ip.TCP.to_bytes(4) + len(inner).to_bytes(4) + inner + b"\x00" * (len(inner) % 2)
    return int.from_bytes(whole) % 0xFFFF == 0  # ones' complement sum: the number to base 2^16 modulo 2^16 - 1


def _bgp(found: Inner) -> bool:
    return found.protocol == ip.TCP and BGP_PORT in (found.payload[0:2], found.payload[2:4])


def speaks_bgp(packet: bytes) -> bool:
    """Does the beginning of a packet that the file cuts short look like ESP-NULL with a TCP segment from or to BGP's port?"""
    return BGP_PORT in (packet[8:10], packet[10:12]) and len(packet) > 20 and packet[20] & 0x0F == 0 and packet[20] >> 4 >= 5


def fingerprint(packet: bytes) -> bytes:
    """Sixteen octets that tell packets apart."""
    return hashlib.blake2b(packet, digest_size=16).digest()
