"""Who is who: authentication in IKE, identities, certificates, pre-shared keys, and ends that fit (draft 2.1, 3.2, 3.6, 4.1 - 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Authority, Deployment, Peering
from lockstep.lint.lint import Check, Found, Lint, Needs, of_peers, of_speakers

IKE_OVERHEAD = {4: 28, 6: 48}  # bytes of IP and UDP headers
OF_RFC_2409 = ("signature", "public-key", "revised-public-key", "pre-shared-key")


# -- IKE -------------------------------------------------------------------------------------------------------------------------------


def _manual(one: Peering) -> str:
    return ("keyed by hand: no phase of IKE, no rekey, no protection against replay, and a key for each pair of speakers"
            if one.peer.keying == "manual" else "")


def _method(one: Peering) -> str:
    method = one.peer.authentication
    return "" if method in OF_RFC_2409 else f"authentication {method} is none of RFC 2409's: {', '.join(OF_RFC_2409)}"


def _payload_missing(one: Peering) -> str:
    missing = one.peer.quick_mode_id == "none"
    return "Quick Mode without identity payloads: the SA is for the addresses of phase 1 and any port" if missing else ""


def _payload_type(one: Peering) -> str:
    kind = one.peer.quick_mode_id
    return f"Quick Mode identities of type {kind}; they have to be single addresses" if kind in ("subnet", "range") else ""


def _fragments(one: Peering) -> str:
    size, room = one.peer.certificate_bytes, one.peer.mtu - IKE_OVERHEAD[one.peer.address.version]
    if one.peer.fragments == "pass" or size is None or size <= room:
        return ""
    return f"an IKE message of {size} bytes with a certificate needs fragments ({room} fit), and the path drops them: phase 1 never ends"


def _phase1_age(one: Peering) -> str:
    bounded = one.peer.keying == "manual" or one.peer.phase1_lifetime_seconds is not None
    return "" if bounded else "nothing bounds the age of phase 1: keys are renewed under it after a certificate was revoked"


def _pfs(one: Peering) -> str:
    return "" if one.peer.pfs or one.peer.keying == "manual" else "no PFS: each new key follows from phase 1, whose loss opens them all"


# -- identities ------------------------------------------------------------------------------------------------------------------------


def _unbound(one: Peering) -> str:
    if one.peer.identity is not None or one.peer.authentication != "signature" or one.peer.keying == "manual":
        return ""
    return f"no identity is expected: whoever has a certificate of {' or '.join(one.peer.cas) or 'a trusted authority'} passes for it"


def _user_traffic(one: Peering) -> str:
    open_to_all = one.peer.credential == "user" and not one.peer.only_that_user
    return "a user is authenticated, and others may send down that user's SA" if open_to_all else ""


def _machine_shared(one: Peering) -> str:
    shared = one.peer.credential == "machine" and one.speaker.several_users
    return "the machine is authenticated, and each of its users may send down the SA" if shared else ""


# -- certificates ----------------------------------------------------------------------------------------------------------------------


def _of_authorities(key: str, wrong: Callable[[Authority], str]) -> Check:
    """A check of every authority that somebody trusts."""
    def check(deployment: Deployment) -> Iterator[Found]:
        trusted = {ca for one in deployment.peerings for ca in one.peer.cas}
        for name, authority in deployment.cas.items():
            text = wrong(authority) if name in trusted else ""
            if text:
                yield Found(("cas", name, key), f"authority {name}: {text}")
    return check


def _no_authority(one: Peering) -> str:
    needed = one.peer.authentication == "signature" and one.peer.keying == "ike"
    return "authentication by signature, and no certification authority is trusted" if needed and not one.peer.cas else ""


def _certificate_request(one: Peering) -> str:
    return ("no Certificate Request: the other end cannot know which certificate to send"
            if one.peer.authentication == "signature" and not one.peer.certificate_request else "")


def _revocation(authority: Authority) -> str:
    return "its certificates are not checked for revocation" if authority.revocation == "off" else ""


def _enrolment(authority: Authority) -> str:
    if authority.enrolment == "open":
        return "certificates without control"
    at_any_time = authority.enrolment == "password" and authority.enrolment_window_days is None
    return "certificates for a password, at any time: a stolen password is as good as one" if at_any_time else ""


# -- pre-shared keys -------------------------------------------------------------------------------------------------------------------


def holders(deployment: Deployment, psk: str) -> list[str]:
    """Who has the key: those that are named and those that use it."""
    users = [(one.name, one.other.name if one.other else str(one.peer.address)) for one in deployment.peerings if one.peer.psk == psk]
    return sorted({*deployment.psks[psk].holders, *(end for ends in users for end in ends)})


def _group(one: Peering, exchange: str, but: str) -> str:
    if one.peer.psk is None or one.peer.exchange != exchange:
        return ""
    who = holders(one.deployment, one.peer.psk)
    return f"{exchange} mode with a key that {len(who)} hold ({', '.join(who)}): {but}" if len(who) > 2 else ""


def _psk(one: Peering, exchange: str, but: str) -> str:
    return f"{exchange} mode with a pre-shared key: {but}" if one.peer.psk is not None and one.peer.exchange == exchange else ""


def _psk_by_address(one: Peering) -> str:
    why = "is behind a NAT" if one.peer.nat else "has no fixed address" if one.peer.dynamic else ""
    return _psk(one, "main", f"it is found by address, and the neighbour {why}") if why else ""


def _psk_stored(deployment: Deployment) -> Iterator[Found]:
    for name, psk in deployment.psks.items():
        if psk.storage == "plain":
            yield Found(("psks", name, "storage"), f"pre-shared key {name}: stored in plain; protect it like a password")


# -- two ends --------------------------------------------------------------------------------------------------------------------------

ALIKE = ("keying", "authentication", "exchange", "psk", "mode", "pfs", "tcp_md5")


def _ends_differ(deployment: Deployment) -> Iterator[Found]:
    """What one end says of the other and is not so; and what both have to say alike, once for both."""
    for one in deployment.peerings:
        other = one.other
        if other is None:
            continue
        for key, expected, real in _claimed(one, other):
            if real is not None and expected != real:
                yield Found((*one.path, key), f"{one.title}: {key} {expected} is expected, and {other.name} has {real}")
        if one.name < other.name:
            for name in ALIKE:
                here, there = getattr(one.peer, name), getattr(other.peer, name)
                key = name.replace("_", "-")
                if here != there:
                    yield Found((*one.path, "tunnel" if name == "mode" else key),
                                f"{one.title}: {key} {_word(here)}, and at {other.name} {key} {_word(there)}")
            if one.peer.role == other.peer.role != "both":
                yield Found((*one.path, "role"), f"{one.title}: both ends are {one.peer.role}, so that " + (
                    "nobody connects" if one.peer.role == "passive" else "nobody listens"))


def _claimed(one: Peering, other: Peering) -> Iterator[tuple[str, object, object]]:
    """(key, what this end says of the other, what that end says of itself or None)."""
    if one.peer.identity is not None:
        yield "identity", one.peer.identity, other.speaker.identity
    yield "as-number", one.peer.as_number, other.speaker.as_number
    yield "port", one.peer.port, other.speaker.bgp_port
    if one.peer.authentication == "signature" and other.speaker.issuer not in one.peer.cas:
        yield "cas", " or ".join(one.peer.cas) or "none", other.speaker.issuer


def _word(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _unknown(one: Peering) -> str:
    if one.far_speaker is None or one.other is not None or any(peer.dynamic for peer in one.far_speaker.peers):
        return ""
    return f"that speaker has no neighbour {one.outside}, and refuses a connection from an address that it does not know"


LINTS = (
    Lint("manual-keying", "MUST", ("W-3.2-3", "W-2.1-9", "W-2-8"), "draft 3.2 l.436-439, 2.1 l.189-191, 2 l.150-151",
         "Keys come from IKE.",
         of_peers("keying", _manual), findings=("F-49",)),
    Lint("ends-differ", "MUST", ("W-3.2-3", "W-3.2-1", "W-3.6-2"), "draft 3.2 l.432-439, 3.6 l.630-632; RFC 4271 6.2",
         "What the two ends of a session have configured fits together.",
         _ends_differ, Needs.FAR_END),
    Lint("unknown-neighbour", "implied", ("W-3.2-1", "W-3.9-6"), "draft 3.2 l.432-436, 3.9 l.785-808; RFC 4271 8.2.1",
         "The neighbour knows the speaker under the address that it has in the session.",
         of_peers("address", _unknown), Needs.FAR_SPEAKER, ("F-57",)),
    Lint("no-identity-payload", "MUST", ("W-3.2-7", "W-3.2-8"), "draft 3.2 l.449-454; RFC 2409 5.5",
         "Quick Mode carries identity payloads.",
         of_peers("quick-mode-id", _payload_missing)),
    Lint("identity-payload-type", "MUST NOT", ("W-3.2-10", "W-3.2-9"), "draft 3.2 l.454-456; RFC 2407 4.6.2",
         "Identity payloads are single addresses, not subnets or ranges.",
         of_peers("quick-mode-id", _payload_type), findings=("F-57",)),
    Lint("ike-fragments", "MUST", ("W-3.2-3", "W-3.5-5", "W-3.5-6"), "draft 3.2 l.436-439, 3.5 l.594-608",
         "Certificates fit into datagrams, or the path passes fragments.",
         of_peers("certificate-bytes", _fragments), findings=("F-61",)),
    Lint("auth-method", "MUST", ("W-4-1",), "draft 4 l.848-849",
         "Phase 1 authenticates by a method of RFC 2409.",
         of_peers("authentication", _method)),
    Lint("identity-unbound", "MUST", ("W-2-6", "W-3.6-2", "W-4.1-2"),
         "draft 2 l.147-149, 3.6 l.630-632, 4.1 l.854-868; RFC 4301 4.4.3",
         "A neighbour with a certificate has to prove an identity of its own.",
         of_peers("identity", _unbound), findings=("F-43",)),
    Lint("machine-shared", "threat", ("W-4.1-3", "W-4.1-5"), "draft 4.1 l.876-895",
         "A machine is authenticated only where it has one user.",
         of_peers("credential", _machine_shared), findings=("F-58",)),
    Lint("user-traffic", "MUST", ("W-4.1-6", "W-4.1-7"), "draft 4.1 l.900-904",
         "Only the user who was authenticated sends down the SA.",
         of_peers("only-that-user", _user_traffic)),
    Lint("no-authority", "MUST", ("W-4-1", "W-4.2-1"), "draft 4 l.848-849, 4.2 l.908-918",
         "Who authenticates by signature trusts a certification authority.",
         of_peers("cas", _no_authority)),
    Lint("certificate-request", "advice", ("W-4.2-1",), "draft 4.2 l.908-918",
         "A Certificate Request is sent.",
         of_peers("certificate-request", _certificate_request)),
    Lint("several-authorities", "SHOULD", ("W-4.2-2",), "draft 4.2 l.920-923",
         "Several certification authorities can be trusted.",
         of_speakers("implements.several-cas", lambda one: "one certification authority only can be trusted"
                     if one.implements is not None and not one.implements.several_cas else ""), Needs.IMPLEMENTS),
    Lint("revocation-off", "MAY", ("W-4.2-3",), "draft 4.2 l.923-926",
         "Revocation is checked.",
         _of_authorities("revocation", _revocation), findings=("F-46",)),
    Lint("phase1-age", "silent", ("W-4.1-2",), "silent: draft 2.2, 4.1 l.854-868, 4.2",
         "Phase 1 has a lifetime.",
         of_peers("phase1-lifetime-seconds", _phase1_age), findings=("F-46",)),
    Lint("no-pfs", "silent", ("W-2.2-18",), "silent: draft 2, 2.2 l.221-224",
         "Quick Mode has perfect forward secrecy.",
         of_peers("pfs", _pfs), findings=("F-68",)),
    Lint("enrolment", "advice", ("W-4.3-2", "W-4.3-3"), "draft 4.3 l.939-944, l.960-975",
         "Certificates are given under control, or for a password during a time.",
         _of_authorities("enrolment", _enrolment)),
    Lint("psk-by-address", "threat", ("W-4.4-1", "W-4.4-2"), "draft 4.4 l.979-989",
         "Main mode with a pre-shared key needs a neighbour with a fixed address of its own.",
         of_peers("exchange", _psk_by_address), findings=("F-53", "F-59")),
    Lint("group-psk-main", "SHOULD NOT", ("W-4.4-6", "W-4.4-3"), "draft 4.4 l.1020-1022, l.996-998",
         "No key of a group is used with main mode.",
         of_peers("psk", lambda one: _group(one, "main", "none of them is identified")), findings=("F-53",)),
    Lint("group-psk-aggressive", "threat", ("W-4.4-3", "W-4.4-4"), "draft 4.4 l.996-1004",
         "No key of a group is used with aggressive mode either.",
         of_peers("psk", lambda one: _group(one, "aggressive", "each can stand in the middle, as in main mode")), findings=("F-53",)),
    Lint("psk-main-mode", "SHOULD", ("W-4.4-7",), "draft 4.4 l.1022-1023",
         "Pre-shared keys are used with aggressive mode.",
         of_peers("exchange", lambda one: _psk(one, "main", "the draft wants aggressive mode, where it can be guessed")),
         findings=("F-53",)),
    Lint("psk-aggressive-mode", "claim", ("W-4.4-4", "W-2-5"), "draft 4.4 l.1000-1004, 2 l.143-145",
         "Aggressive mode with a pre-shared key is chosen knowingly.",
         of_peers("exchange", lambda one: _psk(one, "aggressive", "a hash under the key goes to whoever asks; a weak one is guessed")),
         findings=("F-53",)),
    Lint("psk-storage", "SHOULD", ("W-4.4-8",), "draft 4.4 l.1023-1024",
         "Pre-shared keys are stored like passwords.",
         _psk_stored),
)
