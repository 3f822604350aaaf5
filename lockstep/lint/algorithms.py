"""Suites: what is proposed, what is implemented, how long a key serves (draft 2.1 - 2.4, 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from lockstep.lint.deployment import Deployment, Peering, Suite
from lockstep.lint.lint import Found, Lint, Needs
from lockstep.lint.source import Path

BLOCK_BITS = {"des-cbc": 64, "3des-cbc": 64, "aes-cbc": 128}
PRUDENT_3DES_BYTES = 2**29  # draft 2.2 l.236
MOST_IKE_KILOBYTES = 800  # draft 2.3 l.267
WEAK = ("null", "des-cbc")


def byte_limit(encryption: str) -> int:
    """How many bytes a CBC key may encrypt: (n/8) * 2^(n/2) for blocks of n bits (draft 2.2 l.216)."""
    bits = BLOCK_BITS[encryption]
    return bits // 8 * 2**(bits // 2)


def _of_suites(wrong: Callable[[Suite], str]) -> Callable[[Deployment], Iterator[Found]]:
    """A check of every suite that some neighbour is offered: `wrong` says what is wrong with it, or nothing."""
    def check(deployment: Deployment) -> Iterator[Found]:
        used = {name for one in deployment.peerings for name, _ in one.suites}
        for name, suite in deployment.suites.items():
            text = wrong(suite) if name in used else ""
            if text:
                yield Found(("suites", name, *_key(suite, text)), f"suite {name} {text}")
    return check


def _key(suite: Suite, text: str) -> Path:
    """The key that the text is about, so that the line is its line: the first one named."""
    keys = [one.alias or name for name, one in type(suite).model_fields.items()]
    return tuple(sorted((key for key in keys if key in text), key=lambda key: (text.index(key), -len(key)))[:1])


def _null_authentication(suite: Suite) -> str:
    return "has authentication null: whoever is on the path can alter what it carries" if suite.authentication == "null" else ""


def _null_encryption(suite: Suite) -> str:
    null = suite.protocol == "esp" and suite.encryption == "null"
    return "has encryption null, which 2.1 l.179 allows and 2 l.149 does not: routes can be read on the wire" if null else ""


def _anti_replay(suite: Suite) -> str:
    return "" if suite.anti_replay else "has anti-replay off: a copy of a packet is accepted again"


def _overflow(suite: Suite) -> str:
    return ("has on-sequence-overflow wrap: numbers come again under the same key; stop and rekey instead"
            if suite.on_sequence_overflow == "wrap" else "")


def _des(suite: Suite) -> str:
    return "has encryption des-cbc, which 2.4 l.360 calls unacceptable: its key can be searched" if suite.encryption == "des-cbc" else ""


def _ah(suite: Suite) -> str:
    return "has protocol ah, which is not suggested: later versions of IPsec need not have it" if suite.protocol == "ah" else ""


def _lifetime(suite: Suite) -> str:
    if suite.encryption not in BLOCK_BITS:
        return ""
    bits, most = BLOCK_BITS[suite.encryption], byte_limit(suite.encryption)
    if suite.lifetime_bytes is None:
        return f"has no lifetime-bytes, and {suite.encryption} has blocks of 64 bits: its key is spent after {most:,}" if bits == 64 else ""
    return (f"has lifetime-bytes {suite.lifetime_bytes:,}: a key of {suite.encryption} is spent after {most:,}"
            if suite.lifetime_bytes > most else "")


def _prudent(suite: Suite) -> str:
    given = suite.lifetime_bytes
    if suite.encryption != "3des-cbc" or given is None or not PRUDENT_3DES_BYTES < given <= byte_limit("3des-cbc"):
        return ""
    return f"has lifetime-bytes {given:,}: for 3DES {PRUDENT_3DES_BYTES:,} is prudent"


def _soft_lifetime(suite: Suite) -> str:
    soft, hard = suite.soft_lifetime_seconds, suite.lifetime_seconds
    return (f"has soft-lifetime-seconds {soft}, not before its lifetime-seconds {hard}: the SA ends before there is a new one"
            if soft is not None and soft >= hard else "")


def _counter_mode_integrity(suite: Suite) -> str:
    return ("has encryption aes-ctr without authentication: a packet can be forged bit by bit"
            if (suite.encryption, suite.authentication) == ("aes-ctr", "null") else "")


def _counter_mode_manual(deployment: Deployment) -> Iterator[Found]:
    for one in deployment.peerings:
        for name, suite in one.suites:
            if one.peer.keying == "manual" and suite.encryption == "aes-ctr":
                yield Found((*one.path, "suites"), f"{one.title}: suite {name} is counter mode with manual keying: after a restart, and in the "
                                                   "two directions, counters come again under one key, and two packets give away their XOR")


def _aes_cbc(deployment: Deployment) -> Iterator[Found]:
    for one in deployment.peerings:
        if not any(suite.encryption == "aes-cbc" for _, suite in one.suites):
            yield Found((*one.path, "suites"), f"{one.title}: no suite with aes-cbc is offered ({', '.join(one.peer.suites)})")


def _md5_first(deployment: Deployment) -> Iterator[Found]:
    for one in deployment.peerings:
        order = [suite.authentication for _, suite in one.suites]
        if "hmac-md5" in order and "hmac-sha1" not in order[:order.index("hmac-md5")]:
            yield Found((*one.path, "suites"), f"{one.title}: hmac-md5 is offered before hmac-sha1 or without it "
                                               f"({', '.join(one.peer.suites)})")


def _form(suite: Suite) -> tuple[str, str, str]:
    return suite.protocol, suite.encryption, suite.authentication


def _pairs(deployment: Deployment) -> Iterator[tuple[Peering, Peering]]:
    """Each session once, by the two views of it."""
    for one in deployment.peerings:
        other = one.other
        if other is not None and (one.name, one.number) < (other.name, other.number):
            yield one, other


def _common(one: Peering, other: Peering) -> set[tuple[str, str, str]]:
    return {_form(suite) for _, suite in one.suites} & {_form(suite) for _, suite in other.suites}


def _no_common(deployment: Deployment) -> Iterator[Found]:
    for one, other in _pairs(deployment):
        if not _common(one, other):
            yield Found((*one.path, "suites"), f"{one.name} and {other.name} offer each other no common suite ({', '.join(one.peer.suites)} and "
                                               f"{', '.join(other.peer.suites)}): Quick Mode ends with NO-PROPOSAL-CHOSEN each time")


def _only_weak(deployment: Deployment) -> Iterator[Found]:
    for one, other in _pairs(deployment):
        common = sorted({encryption for _, encryption, _ in _common(one, other)})
        if common and all(encryption in WEAK for encryption in common):
            yield Found((*one.path, "suites"), f"{one.name} and {other.name} have no cipher in common but {' and '.join(common)}")


def _mandatory(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        has = speaker.implements
        if has is None:
            continue
        for key, wanted, present in (("encryption", ("null", "des-cbc"), has.encryption),
                                     ("authentication", ("hmac-sha1", "hmac-md5", "null"), has.authentication),
                                     ("protocols", ("esp", "ah"), has.protocols)):
            missing = _missing(wanted, present)
            if missing:
                yield Found(("speakers", name, "implements", key), f"{name} does not implement {missing}")


def _transport(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.implements is not None and "transport" not in speaker.implements.modes:
            yield Found(("speakers", name, "implements", "modes"), f"{name} does not implement transport mode")


def _strong_cipher(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.implements is not None and not set(speaker.implements.encryption) - set(WEAK):
            yield Found(("speakers", name, "implements", "encryption"), f"{name} implements no cipher but "
                        f"{' and '.join(speaker.implements.encryption) or 'none'}: confidentiality cannot be had, or not for long")


def _key_management(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        missing = _missing(("ike", "manual"), speaker.implements.keying) if speaker.implements is not None else ""
        if missing:
            yield Found(("speakers", name, "implements", "keying"), f"{name} does not implement keying {missing}")


def _ike_size(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        size = speaker.implements.ike_kilobytes if speaker.implements is not None else None
        if size is not None and size > MOST_IKE_KILOBYTES:
            yield Found(("speakers", name, "implements", "ike-kilobytes"), f"{name}'s IKE has {size} KB; {MOST_IKE_KILOBYTES} KB is quoted as "
                        "the most that fits into firmware")


def _missing(wanted: Collection[str], present: Collection[str]) -> str:
    return " and ".join(one for one in wanted if one not in present)


LINTS = (
    Lint("null-authentication", "MUST", ("W-2-6", "W-2.1-3"), "draft 2 l.147-149, 2.1 l.173-175",
         "No suite that is offered goes without authentication.", _of_suites(_null_authentication)),
    Lint("anti-replay-off", "MUST", ("W-2-6", "W-2.1-4"), "draft 2 l.147-149, 2.1 l.174-175; RFC 2406 3.4.3",
         "Every suite that is offered has anti-replay on.", _of_suites(_anti_replay)),
    Lint("null-encryption", "MAY", ("W-2.1-6", "W-2-7"), "draft 2.1 l.178-180, 2 l.149-150",
         "A suite without a cipher is chosen knowingly: the draft allows it and demands confidentiality.", _of_suites(_null_encryption)),
    Lint("ah-offered", "advice", ("W-2.1-7",), "draft 2.1 l.180-186", "ESP is used, not AH.", _of_suites(_ah)),
    Lint("mandatory-algorithms", "MUST", ("W-2.1-1", "W-2.1-2", "W-2.4-2", "W-2.4-4"), "draft 2.1 l.167-172, 2.4 l.303-310, l.346-347",
         "DES-CBC, NULL, HMAC-SHA1, HMAC-MD5, ESP and AH are implemented, chosen or not.", _mandatory, Needs.IMPLEMENTS),
    Lint("transport-mode", "MUST", ("W-2.1-5", "W-2.1-1"), "draft 2.1 l.176-178", "ESP in transport mode is implemented.", _transport,
         Needs.IMPLEMENTS),
    Lint("cipher-implemented", "MUST", ("W-2-7", "W-2.4-1", "W-2.4-5"), "draft 2 l.149-150, 2.4 l.287-290, l.359-363",
         "A cipher other than NULL and DES is implemented.", _strong_cipher, Needs.IMPLEMENTS),
    Lint("key-management", "MUST", ("W-2.1-8", "W-2.1-9"), "draft 2.1 l.189-191; RFC 2401 4.6",
         "Manual keying and IKE are both implemented.", _key_management, Needs.IMPLEMENTS),
    Lint("sequence-wraps", "implied", ("W-2.2-2", "W-2.2-1"), "draft 2.2 l.195-198; RFC 2406 3.3.3",
         "An SA whose sequence numbers are used up sends no more.", _of_suites(_overflow)),
    Lint("cbc-lifetime", "implied", ("W-2.2-7", "W-2.2-6", "W-2.2-18"), "draft 2.2 l.214-226",
         "A CBC key is replaced before (n/8) * 2^(n/2) bytes, n being the bits of a block.", _of_suites(_lifetime)),
    Lint("3des-lifetime", "advice", ("W-2.2-9",), "draft 2.2 l.235-237", "A 3DES key is replaced after 2^29 bytes.", _of_suites(_prudent)),
    Lint("soft-lifetime", "implied", ("W-2.2-18",), "draft 2.2 l.222-226; RFC 2401 4.4.3",
         "The soft lifetime of an SA is shorter than its lifetime.", _of_suites(_soft_lifetime)),
    Lint("aes-cbc-missing", "SHOULD", ("W-2.2-13",), "draft 2.2 l.243-244", "Each neighbour is offered AES-CBC.", _aes_cbc),
    Lint("ike-size", "claim", ("W-2.3-2",), "draft 2.3 l.265-269", "An IKE for firmware has at most 800 KB.", _ike_size, Needs.IMPLEMENTS),
    Lint("md5-preferred", "SHOULD", ("W-2.4-3",), "draft 2.4 l.340-342", "HMAC-SHA1 is offered before HMAC-MD5.", _md5_first),
    Lint("des-offered", "SHOULD NOT", ("W-2.4-5",), "draft 2.4 l.359-363", "DES is not offered.", _of_suites(_des)),
    Lint("no-common-suite", "MUST", ("W-3.2-3", "W-2.4-1"), "draft 3.2 l.436-439, 2.4 l.287-290",
         "Both ends of a session offer a common suite.", _no_common, Needs.FAR_END),
    Lint("only-weak-suites", "MUST", ("W-2-7", "W-2.4-1", "W-2.4-5"), "draft 2 l.149-150, 2.4 l.359-363",
         "The suites that both ends offer are not only those without a cipher or with DES.", _only_weak, Needs.FAR_END),
    Lint("counter-mode-manual", "advice", ("W-4.5-3", "W-4.5-1"), "draft 4.5 l.1028-1036 (no keyword)",
         "Counter mode is not keyed by hand.", _counter_mode_manual),
    Lint("counter-mode-integrity", "advice", ("W-4.5-4",), "draft 4.5 l.1038-1040 (no keyword)",
         "Counter mode is not used without authentication.", _of_suites(_counter_mode_integrity)),
)

