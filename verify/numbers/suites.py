"""What two compliant speakers can agree on, and what their rules allow (draft 2, 2.1, 2.3, 2.4, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3

from verify.numbers.claims import Claim, Fails, ForAll, exists
from verify.numbers.figure import Figure

TOPIC = "suites"
CIPHERS = ("NULL", "DES-CBC", "3DES-CBC", "AES-CBC", "AES-CTR")
MANDATORY = ("NULL", "DES-CBC")  # RFC 2406 5, quoted in l.303-310
ACCEPTABLE = ("3DES-CBC", "AES-CBC", "AES-CTR")  # not NULL (l.149-150 MUST), not DES (l.363 SHOULD NOT)
AUTHENTICATORS = ("NULL", "HMAC-MD5", "HMAC-SHA1")
MUST_AUTHENTICATE = "HMAC-SHA1"  # l.346-347, l.168-170
Flags = Mapping[str, Any]


def _speaker(name: str) -> tuple[Flags, Flags, Any]:
    """What it supports, what it offers, and that it complies: it supports what is mandatory and offers of it what its operator
    chose (l.172-174), among it some cipher that may be used."""
    supports = {one: z3.Bool(f"{name} supports {one}") for one in CIPHERS}
    offers = {one: z3.Bool(f"{name} offers {one}") for one in CIPHERS}
    complies = z3.And(*(supports[one] for one in MANDATORY), *(z3.Implies(offers[one], supports[one]) for one in CIPHERS),
                      z3.Or([offers[one] for one in ACCEPTABLE]))
    return supports, offers, complies


def _common(value: str, must: str | None = None) -> tuple[Claim, ...]:
    """Any two compliant speakers offer one acceptable cipher in common; `must`: one that all would have to support and offer."""
    (_, ours, we), (_, theirs, they) = _speaker("A"), _speaker("B")
    rule = z3.And(ours[must], theirs[must]) if must else True
    claim = ForAll(z3.Or([z3.And(ours[one], theirs[one]) for one in ACCEPTABLE]), z3.And(we, they, rule))
    return (claim if value == "always" else Fails(claim),)


def _common_authenticator(value: str) -> tuple[Claim, ...]:
    """Any two compliant speakers support one algorithm in common that authenticates."""
    ours, theirs = ({one: z3.Bool(f"{end} supports {one}") for one in AUTHENTICATORS} for end in "AB")
    both = z3.And([speaker[MUST_AUTHENTICATE] for speaker in (ours, theirs)])
    claim = ForAll(z3.Or([z3.And(ours[one], theirs[one]) for one in AUTHENTICATORS if one != "NULL"]), both)
    return (claim if value == "always" else Fails(claim),)


def _authenticated(value: str) -> tuple[Claim, ...]:
    """Every suite of the mandated lists authenticates; RFC 2406 5 excludes NULL with NULL only."""
    encrypts = [z3.Bool(f"cipher {one}") for one in MANDATORY]
    checks = {one: z3.Bool(f"authentication {one}") for one in AUTHENTICATORS}
    given = z3.And(_one_of(encrypts), _one_of(list(checks.values())), z3.Not(z3.And(encrypts[0], checks["NULL"])))
    claim = ForAll(z3.Not(checks["NULL"]), given)
    return (claim if value == "every suite" else Fails(claim),)


def _one_of(flags: list[Any]) -> Any:
    return z3.And(z3.Or(flags), *(z3.Not(z3.And(one, other)) for at, one in enumerate(flags) for other in flags[:at]))


def _secret(value: str) -> tuple[Claim, ...]:
    """A suite with the NULL cipher (l.179-180 may) and confidentiality of control and data packets (l.149-150 MUST)."""
    chosen = {one: z3.Bool(f"cipher {one}") for one in CIPHERS}
    confidential = z3.Or([flag for one, flag in chosen.items() if one != "NULL"])
    claim = exists(z3.And(_one_of(list(chosen.values())), chosen["NULL"], confidential))
    return (claim if value == "allowed" else Fails(claim),)


def _ike(value: str) -> tuple[Claim, ...]:
    """A compliant speaker whose session comes up without IKE."""
    ike, phases, session = z3.Bools("IKE phases session")
    rules = z3.And(z3.Implies(session, phases), z3.Implies(phases, ike))  # l.436-439 MUST; phases are IKE's, RFC 2409 2
    claim = exists(z3.And(rules, session, z3.Not(ike)))
    return (claim if value == "optional" else Fails(claim),)


def _budgets(value: tuple[int, int]) -> tuple[Claim, ...]:
    """What fits the smaller budget fits the larger, even where a KB is 1,024 octets in the one and 1,000 in the other."""
    size = z3.Int("octets")
    return (ForAll(size <= 1000 * value[1], size <= 1024 * value[0]),)


FIGURES = (
    Figure(
        "common-cipher", TOPIC, "2.4", "l.284-288",
        says="a minimal set that can be implemented; confidentiality is a MUST (l.149-150)",
        stated="always", computed="not always",
        formula="mandatory {NULL, DES}; NULL excluded by l.149-150, DES by l.363", source="RFC 2406 5",
        meaning=_common,
        reason="AES-CBC is a SHOULD (l.243-244), 3DES neither: Quick Mode then ends with NO-PROPOSAL-CHOSEN, for good",
        assumption="any two compliant speakers, each with an acceptable cipher, can agree",
        findings=("F-47",)),
    Figure(
        "common-cipher-if-must", TOPIC, "2.4", "l.284-288",
        says="the same if AES-CBC were a MUST to support and to offer",
        stated=None, computed="always",
        formula="as above", source="RFC 2406 5",
        meaning=lambda value: _common(value, "AES-CBC"),
        reason="one MUST suffices",
        findings=("F-47",)),
    Figure(
        "common-authentication", TOPIC, "2.4", "l.340-347",
        says="BGPv4 security implementations MUST implement HMAC with SHA1",
        stated="always", computed="always",
        formula="HMAC-SHA1 is supported by both", source="RFC 2404",
        meaning=_common_authenticator,
        reason="to support is not to offer: the operator may choose NULL, see suites-authenticate",
        assumption="any two compliant speakers support an algorithm in common that authenticates"),
    Figure(
        "suites-authenticate", TOPIC, "2.1", "l.170-174",
        says="all mandated suites, of which the operator chooses; authentication is a MUST",
        stated="every suite", computed="not every suite",
        formula="mandatory ciphers with mandatory authenticators, without NULL and NULL", source="RFC 2406 5",
        meaning=_authenticated,
        reason="DES with NULL authentication is compliant: no integrity, and anti-replay is void without it",
        findings=("F-48",)),
    Figure(
        "null-cipher", TOPIC, "2.1", "l.179-180",
        says="ESP with NULL encryption may be used; confidentiality is a MUST (l.149-150)",
        stated="allowed", computed="excluded",
        formula="NULL encryption is not confidential", source="RFC 2410 2",
        meaning=_secret,
        reason="the MUST of section 2 leaves no case for the MAY, unless data traffic is no data packet",
        findings=("F-47",)),
    Figure(
        "ike-optional", TOPIC, "2.1", "l.190-192",
        says="IKE SHOULD be supported",
        stated="optional", computed="needed",
        formula="3.2 l.436-439: both phases MUST complete", source="RFC 2409 2",
        meaning=_ike,
        reason="manual keys satisfy 2.1 and make 3.2 unsatisfiable",
        findings=("F-49",)),
    Figure(
        "code-size", TOPIC, "2.3", "l.265-268",
        says="IKE in at most 800 KB; 80 KB fits a wide range",
        stated=(80, 800), computed=(80, 800), unit="KB",
        formula="what fits the one fits the other, for a KB of 1,000 or 1,024 octets", source="[48]",
        meaning=_budgets,
        reason="that implementations of this size exist (l.270) is measured, not computed, and not judged here"),
)
