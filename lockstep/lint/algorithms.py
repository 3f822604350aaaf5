"""Suites: what is offered, what is implemented, how long a key serves (draft 2.1 - 2.4, 4.5).

Two proposals are taken to be the same where protocol, cipher and authentication are: lifetimes need not be equal (RFC 2407 4.5.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Deployment, Implements, Peering, Suite
from lockstep.lint.lint import Check, Found, Lint, Needs, of_peers, of_speakers

BLOCK_BITS = {"des-cbc": 64, "3des-cbc": 64, "aes-cbc": 128}
PRUDENT_3DES_BYTES = 2**29  # draft 2.2 l.236
MOST_IKE_KILOBYTES = 800  # draft 2.3 l.267
WEAK = ("null", "des-cbc")


def byte_limit(encryption: str) -> int:
    """How many bytes a CBC key may encrypt: (n/8) * 2^(n/2), for blocks of n bits (draft 2.2 l.216)."""
    bits = BLOCK_BITS[encryption]
    return (bits // 8) << (bits // 2)


# -- suites that are offered to somebody -----------------------------------------------------------------------------------------------


def _of_suites(key: str, wrong: Callable[[Suite], str]) -> Check:
    def check(deployment: Deployment) -> Iterator[Found]:
        offered = {name for one in deployment.peerings for name, _ in one.suites}
        for name, suite in deployment.suites.items():
            text = wrong(suite) if name in offered else ""
            if text:
                yield Found(("suites", name, key), f"suite {name}: {text}")
    return check


def _null_authentication(suite: Suite) -> str:
    return "no authentication: whoever is on the path can alter what it carries" if suite.authentication == "null" else ""


def _null_encryption(suite: Suite) -> str:
    null = suite.protocol == "esp" and suite.encryption == "null"
    return "no encryption, which 2.1 l.179 allows and 2 l.149 does not: routes can be read on the wire" if null else ""


def _anti_replay(suite: Suite) -> str:
    return "" if suite.anti_replay else "anti-replay is off: a copy of a packet is accepted again"


def _overflow(suite: Suite) -> str:
    return "numbers come again under one key; stop, and rekey before" if suite.on_sequence_overflow == "wrap" else ""


def _des(suite: Suite) -> str:
    return "DES, which 2.4 l.360 calls unacceptable: its key can be searched" if suite.encryption == "des-cbc" else ""


def _ah(suite: Suite) -> str:
    return "AH, which is not suggested: later versions of IPsec need not have it" if suite.protocol == "ah" else ""


def _lifetime(suite: Suite) -> str:
    if suite.encryption not in BLOCK_BITS:
        return ""
    given, most = suite.lifetime_bytes, byte_limit(suite.encryption)
    if given is None:  # what a 128-bit block allows, nobody sends
        spent = BLOCK_BITS[suite.encryption] == 64
        return f"no lifetime in bytes, and a key of {suite.encryption} is spent after {most:,}" if spent else ""
    return f"a lifetime of {given:,} bytes, and a key of {suite.encryption} is spent after {most:,}" if given > most else ""


def _prudent(suite: Suite) -> str:
    given = suite.lifetime_bytes
    if suite.encryption != "3des-cbc" or given is None or not PRUDENT_3DES_BYTES < given <= byte_limit("3des-cbc"):
        return ""
    return f"a lifetime of {given:,} bytes; for 3DES {PRUDENT_3DES_BYTES:,} is prudent"


def _soft_lifetime(suite: Suite) -> str:
    soft, hard = suite.soft_lifetime_seconds, suite.lifetime_seconds
    late = soft is not None and soft >= hard
    return f"a soft lifetime of {soft} s, and the SA ends after {hard} s, before there is a new one" if late else ""


def _counter_mode_integrity(suite: Suite) -> str:
    bare = (suite.encryption, suite.authentication) == ("aes-ctr", "null")
    return "counter mode without authentication: a packet can be forged bit by bit" if bare else ""


# -- what a neighbour is offered -------------------------------------------------------------------------------------------------------


def _counter_mode_manual(one: Peering) -> str:
    counter = [name for name, suite in one.suites if suite.encryption == "aes-ctr"] if one.peer.keying == "manual" else []
    return (f"suite {counter[0]} is counter mode keyed by hand: after a restart, and in the two directions, counters come again under one "
            "key, and two packets give away their XOR") if counter else ""


def _aes_cbc(one: Peering) -> str:
    return "" if any(suite.encryption == "aes-cbc" for _, suite in one.suites) else f"no suite with AES-CBC ({', '.join(one.peer.suites)})"


def _md5_first(one: Peering) -> str:
    order = [suite.authentication for _, suite in one.suites]
    wrong = "hmac-md5" in order and "hmac-sha1" not in order[:order.index("hmac-md5")]
    return f"HMAC-MD5 is offered before HMAC-SHA1, or without it ({', '.join(one.peer.suites)})" if wrong else ""


def _common(one: Peering) -> set[tuple[str, str, str]] | None:
    """Protocol, cipher and authentication of what both ends offer; None at the second of the ends: it is said once."""
    if one.other is None or one.other.name < one.name:
        return None
    return _forms(one) & _forms(one.other)


def _forms(one: Peering) -> set[tuple[str, str, str]]:
    return {(suite.protocol, suite.encryption, suite.authentication) for _, suite in one.suites}


def _no_common(one: Peering) -> str:
    if one.other is None or _common(one) != set():
        return ""
    return (f"no suite that {one.other.name} offers too ({', '.join(one.peer.suites)}; {', '.join(one.other.peer.suites)}): Quick Mode "
            "ends with NO-PROPOSAL-CHOSEN each time")


def _only_weak(one: Peering) -> str:
    ciphers = sorted({encryption for _, encryption, _ in _common(one) or ()})
    weak = one.other is not None and ciphers and all(cipher in WEAK for cipher in ciphers)
    return f"no cipher in common but {' and '.join(ciphers)}" if weak else ""


# -- what a speaker implements ---------------------------------------------------------------------------------------------------------


def _of_software(key: str, wrong: Callable[[Implements], str]) -> Check:
    return of_speakers(f"implements.{key}", lambda speaker: wrong(speaker.implements) if speaker.implements is not None else "")


def _missing(present: tuple[str, ...], *wanted: str) -> str:
    missing = [one for one in wanted if one not in present]
    return f"{' and '.join(missing)} not implemented" if missing else ""


def _strong_cipher(software: Implements) -> str:
    strong = set(software.encryption) - set(WEAK)
    return "" if strong else f"no cipher implemented but {' and '.join(software.encryption) or 'none'}: confidentiality is not to be had"


def _ike_size(software: Implements) -> str:
    size = software.ike_kilobytes or 0
    return f"an IKE of {size} KB; {MOST_IKE_KILOBYTES} KB is quoted as the most that firmware takes" if size > MOST_IKE_KILOBYTES else ""


LINTS = (
    Lint("null-authentication", "MUST", ("W-2-6", "W-2.1-3"), "draft 2 l.147-149, 2.1 l.172-175",
         "No suite that is offered goes without authentication.",
         _of_suites("authentication", _null_authentication), findings=("F-48",)),
    Lint("anti-replay-off", "MUST", ("W-2-6", "W-2.1-4"), "draft 2 l.147-149, 2.1 l.174-175; RFC 2406 3.4.3",
         "Every suite that is offered has anti-replay on.",
         _of_suites("anti-replay", _anti_replay)),
    Lint("null-encryption", "MAY", ("W-2.1-6", "W-2-7"), "draft 2.1 l.179-180, 2 l.149-150",
         "A suite without a cipher is chosen knowingly: the draft allows it, and demands confidentiality.",
         _of_suites("encryption", _null_encryption), findings=("F-47", "F-48")),
    Lint("ah-offered", "advice", ("W-2.1-7",), "draft 2.1 l.180-187",
         "ESP is used, not AH.",
         _of_suites("protocol", _ah)),
    Lint("mandatory-encryption", "MUST", ("W-2.1-2", "W-2.1-1", "W-2.4-2"), "draft 2.1 l.167-172, 2.4 l.303-310",
         "NULL encryption and DES-CBC are implemented, chosen or not.",
         _of_software("encryption", lambda one: _missing(one.encryption, "null", "des-cbc")), Needs.IMPLEMENTS, ("F-48",)),
    Lint("mandatory-authentication", "MUST", ("W-2.1-2", "W-2.1-1", "W-2.4-2", "W-2.4-4"), "draft 2.1 l.167-172, 2.4 l.303-310, l.346-347",
         "HMAC-SHA1, HMAC-MD5 and NULL authentication are implemented, chosen or not.",
         _of_software("authentication", lambda one: _missing(one.authentication, "hmac-sha1", "hmac-md5", "null")), Needs.IMPLEMENTS,
         ("F-48",)),
    Lint("mandatory-protocols", "MUST", ("W-2.1-2",), "draft 2.1 l.170-172",
         "ESP and AH are implemented, chosen or not.",
         _of_software("protocols", lambda one: _missing(one.protocols, "esp", "ah")), Needs.IMPLEMENTS, ("F-48",)),
    Lint("transport-mode", "MUST", ("W-2.1-5", "W-2.1-1"), "draft 2.1 l.177-179, l.167-170",
         "Transport mode is implemented.",
         _of_software("modes", lambda one: _missing(one.modes, "transport")), Needs.IMPLEMENTS),
    Lint("cipher-implemented", "MUST", ("W-2-7", "W-2.4-1", "W-2.4-5"), "draft 2 l.149-150, 2.4 l.287-290, l.359-363",
         "A cipher other than NULL and DES is implemented.",
         _of_software("encryption", _strong_cipher), Needs.IMPLEMENTS, ("F-47",)),
    Lint("key-management", "MUST", ("W-2.1-8", "W-2.1-9"), "draft 2.1 l.189-191; RFC 2401 4.6",
         "Manual keying and IKE are both implemented.",
         _of_software("keying", lambda one: _missing(one.keying, "ike", "manual")), Needs.IMPLEMENTS, ("F-49",)),
    Lint("sequence-wraps", "implied", ("W-2.2-2", "W-2.2-1"), "draft 2.2 l.196-198; RFC 2406 3.3.3",
         "An SA whose sequence numbers are used up sends no more.",
         _of_suites("on-sequence-overflow", _overflow)),
    Lint("cbc-lifetime", "implied", ("W-2.2-7", "W-2.2-6", "W-2.2-18"), "draft 2.2 l.213-224",
         "A CBC key is replaced before (n/8) * 2^(n/2) bytes, n being the bits of a block.",
         _of_suites("lifetime-bytes", _lifetime)),
    Lint("3des-lifetime", "advice", ("W-2.2-9",), "draft 2.2 l.234-237",
         "A 3DES key is replaced after 2^29 bytes.",
         _of_suites("lifetime-bytes", _prudent)),
    Lint("soft-lifetime", "implied", ("W-2.2-18",), "draft 2.2 l.221-224; RFC 2401 4.4.3",
         "The soft lifetime of an SA is shorter than its lifetime.",
         _of_suites("soft-lifetime-seconds", _soft_lifetime)),
    Lint("aes-cbc-missing", "SHOULD", ("W-2.2-13",), "draft 2.2 l.243-244",
         "Each neighbour is offered AES-CBC.",
         of_peers("suites", _aes_cbc)),
    Lint("ike-size", "claim", ("W-2.3-2",), "draft 2.3 l.265-269",
         "An IKE for firmware has at most 800 KB.",
         _of_software("ike-kilobytes", _ike_size), Needs.IMPLEMENTS),
    Lint("md5-preferred", "SHOULD", ("W-2.4-3",), "draft 2.4 l.340-342",
         "HMAC-SHA1 is offered before HMAC-MD5.",
         of_peers("suites", _md5_first)),
    Lint("des-offered", "SHOULD NOT", ("W-2.4-5",), "draft 2.4 l.359-363",
         "DES is not offered.",
         _of_suites("encryption", _des)),
    Lint("no-common-suite", "MUST", ("W-3.2-3", "W-2.4-1"), "draft 3.2 l.436-439, 2.4 l.287-290",
         "Both ends of a session offer a common suite.",
         of_peers("suites", _no_common), Needs.FAR_END, ("F-47",)),
    Lint("only-weak-suites", "MUST", ("W-2-7", "W-2.4-1", "W-2.4-5"), "draft 2 l.149-150, 2.4 l.287-290, l.359-363",
         "What both ends offer is not only suites without a cipher or with DES.",
         of_peers("suites", _only_weak), Needs.FAR_END, ("F-47",)),
    Lint("counter-mode-manual", "should", ("W-4.5-3", "W-4.5-1"), "draft 4.5 l.1028-1036",
         "Counter mode is not keyed by hand.",
         of_peers("suites", _counter_mode_manual), findings=("F-54",)),
    Lint("counter-mode-integrity", "should", ("W-4.5-4",), "draft 4.5 l.1038-1040",
         "Counter mode is not used without authentication.",
         _of_suites("authentication", _counter_mode_integrity), findings=("F-54",)),
)
