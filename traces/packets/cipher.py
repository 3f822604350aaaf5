"""The two suites of the draft's time: AES-CBC (RFC 3602) and 3DES-CBC (RFC 2451), each with HMAC-SHA-1 (RFC 2404)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

AUTH_KEY = 20  # octets of an HMAC-SHA-1 key


@dataclass(frozen=True)
class Suite:
    """A cipher with what each protocol calls it. Sizes in octets.

    `ike`, `esp`: its number as an IKE attribute (RFC 2409 A) and as an ESP transform (RFC 2407 4.4.4). `scapy`, `wireshark`: its name.
    """

    key: int
    block: int
    ike: int
    esp: int
    key_length: bool
    scapy: str
    wireshark: str

    def encrypt(self, key: bytes, iv: bytes, text: bytes) -> bytes:
        """CBC; `text` is whole blocks."""
        algorithm = AES(key) if self.block == 16 else TripleDES(key)
        encryptor = Cipher(algorithm, modes.CBC(iv)).encryptor()
        return encryptor.update(text) + encryptor.finalize()


SUITES = {"aes": Suite(16, 16, 7, 12, True, "AES-CBC", "AES-CBC [RFC3602]"),
          "3des": Suite(24, 8, 5, 3, False, "3DES", "TripleDES-CBC [RFC2451]")}


def prf(key: bytes, text: bytes) -> bytes:
    """RFC 2409 4: HMAC with the negotiated hash, SHA-1."""
    return hmac.digest(key, text, "sha1")


def sha1(text: bytes) -> bytes:
    return hashlib.sha1(text).digest()


def expand(size: int, key: bytes, text: bytes) -> bytes:
    """RFC 2409 5.5: K1 | K2 | ..., K1 = prf(key, text), K2 = prf(key, K1 | text)."""
    made = last = prf(key, text)
    while len(made) < size:
        last = prf(key, last + text)
        made += last
    return made[:size]
