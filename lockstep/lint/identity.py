"""Who is who: authentication in IKE, identities, certificates, pre-shared keys (draft 2.1, 3.2, 3.6, 4.1 - 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Deployment, Peering
from lockstep.lint.lint import Found, Lint, Needs

IKE_OVERHEAD = {4: 28, 6: 48}  # bytes of IP and UDP headers
OF_RFC_2409 = ("signature", "public-key", "revised-public-key", "pre-shared-key")


def _of_peers(key: str, wrong: Callable[[Peering], str]) -> Callable[[Deployment], Iterator[Found]]:
    """A check of every neighbour: `wrong` says what is wrong with it, or nothing."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for peering in deployment.peerings:
            text = wrong(peering)
            if text:
                yield Found((*peering.path, key), f"{peering.title}: {text}")
    return check


def holders(deployment: Deployment, psk: str) -> set[str]:
    """Who has the key: those it names and those who use it."""
    users = {end for one in deployment.peerings if one.peer.psk == psk for end in (one.name, one.other.name if one.other else str(one.peer.address))}
    return set(deployment.psks[psk].holders) | users


def _manual(one: Peering) -> str:
    return ("keying manual completes no IKE phase, has no rekey and no protection against replay, and a key for each pair of speakers"
            if one.peer.keying == "manual" else "")


def _method(one: Peering) -> str:
    method = one.peer.authentication
    return "" if method in OF_RFC_2409 else f"authentication {method} is none of RFC 2409's: {', '.join(OF_RFC_2409)}"


def _no_ca(one: Peering) -> str:
    return "" if one.peer.authentication != "signature" or one.peer.cas else "authentication by signature, and no certification authority is trusted"


def _unbound(one: Peering) -> str:
    if one.peer.identity is not None or one.peer.authentication == "pre-shared-key" or one.peer.keying == "manual":
        return ""
    return (f"no identity is expected: whoever has a certificate of {' or '.join(one.peer.cas) or 'a trusted authority'} passes for this "
            "neighbour")


def _payload_missing(one: Peering) -> str:
    return "Quick Mode without identity payloads: then the SA is for the addresses, and any port" if one.peer.quick_mode_id == "none" else ""


def _payload_type(one: Peering) -> str:
    kind = one.peer.quick_mode_id
    return f"Quick Mode identities of type {kind}; they have to be single addresses" if kind in ("subnet", "range") else ""


def _user_traffic(one: Peering) -> str:
    return ("a user is authenticated, and others may send down that user's SA" if one.peer.credential == "user" and not one.peer.only_that_user
            else "")


def _machine_shared(one: Peering) -> str:
    return (f"the machine is authenticated, and {one.name} has several users: each of them may send down the SA"
            if one.peer.credential == "machine" and one.speaker.several_users else "")


def _certificate_request(one: Peering) -> str:
    return ("no Certificate Request is sent, so that the other end cannot know which certificate to choose"
            if one.peer.authentication == "signature" and not one.peer.certificate_request else "")


def _fragments(one: Peering) -> str:
    size, room = one.peer.certificate_bytes, one.peer.mtu - IKE_OVERHEAD[one.peer.address.version]
    if one.peer.fragments == "pass" or size is None or size <= room:
        return ""
    return f"an IKE message of {size} bytes with a certificate needs fragments ({room} fit), and the path drops them: phase 1 never ends"


def _phase1_age(one: Peering) -> str:
    return ("" if one.peer.keying == "manual" or one.peer.phase1_lifetime_seconds is not None else
            "nothing bounds the age of phase 1: Quick Mode goes on after the neighbour's certificate or key was revoked")


def _pfs(one: Peering) -> str:
    return "" if one.peer.pfs or one.peer.keying == "manual" else "no PFS: each new key follows from phase 1, whose loss opens them all"


def _group_main(one: Peering) -> str:
    group = _group(one)
    return f"main mode with a key that {group} hold: none of them is identified" if group and one.peer.exchange == "main" else ""


def _group_aggressive(one: Peering) -> str:
    group = _group(one)
    return (f"aggressive mode with a key that {group} hold: each can stand in the middle as in main mode, whatever 4.4 says"
            if group and one.peer.exchange == "aggressive" else "")


def _group(one: Peering) -> str:
    who = sorted(holders(one.deployment, one.peer.psk)) if one.peer.psk is not None else []
    return f"{len(who)} ({', '.join(who)})" if len(who) > 2 else ""


def _psk_main(one: Peering) -> str:
    return ("main mode with a pre-shared key; the draft wants aggressive mode (which lets anybody guess the key offline)"
            if one.peer.psk is not None and one.peer.exchange == "main" else "")


def _psk_aggressive(one: Peering) -> str:
    return ("aggressive mode sends a hash under the key to whoever asks in the neighbour's name: a guessable key is found offline"
            if one.peer.psk is not None and one.peer.exchange == "aggressive" else "")


def _psk_by_address(one: Peering) -> str:
    why = "is behind NAT" if one.peer.nat else "has no fixed address" if one.peer.dynamic else ""
    return (f"main mode finds the pre-shared key by address, and the neighbour {why}" if why and one.peer.psk is not None and
            one.peer.exchange == "main" else "")


def _psk_stored(deployment: Deployment) -> Iterator[Found]:
    for name, psk in deployment.psks.items():
        if psk.storage == "plain":
            yield Found(("psks", name, "storage"), f"pre-shared key {name} is stored in plain; protect it like a password")


def _revocation(deployment: Deployment) -> Iterator[Found]:
    used = {ca for one in deployment.peerings for ca in one.peer.cas}
    for name, authority in deployment.cas.items():
        if name in used and authority.revocation == "off":
            yield Found(("cas", name, "revocation"), f"certificates of {name} are not checked for revocation")


def _enrolment(deployment: Deployment) -> Iterator[Found]:
    for name, authority in deployment.cas.items():
        if authority.enrolment == "open":
            yield Found(("cas", name, "enrolment"), f"{name} gives certificates without control")
        elif authority.enrolment == "password" and authority.enrolment_window_days is None:
            yield Found(("cas", name, "enrolment"), f"{name} gives certificates for a password, at any time: a stolen one is as good as a certificate")


def _several_cas(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.implements is not None and not speaker.implements.several_cas:
            yield Found(("speakers", name, "implements", "several-cas"), f"{name} can trust one certification authority only")


def _ends_differ(deployment: Deployment) -> Iterator[Found]:
    """What the two ends have to say alike, or of each other."""
    for one in deployment.peerings:
        other = one.other
        if other is None:
            continue
        expected, own = one.peer.identity, other.speaker.identity
        if expected is not None and own is not None and expected != own:
            yield Found((*one.path, "identity"), f"{one.title}: expects {expected.type} {expected.value}, and {other.name} is {own.type} {own.value}")
        if one.peer.as_number != other.speaker.as_number:
            yield Found((*one.path, "as-number"), f"{one.title}: expects AS {one.peer.as_number}, and {other.name} is in AS {other.speaker.as_number}")
        if one.peer.port != other.speaker.bgp_port:
            yield Found((*one.path, "port"), f"{one.title}: connects to port {one.peer.port}, and {other.name} listens on {other.speaker.bgp_port}")
        issuer = other.speaker.issuer
        if one.peer.authentication == "signature" and one.peer.cas and issuer is not None and issuer not in one.peer.cas:
            yield Found((*one.path, "cas"), f"{one.title}: trusts {', '.join(one.peer.cas)}, and {other.name}'s certificate is of {issuer}")
        if one.name > other.name:
            continue  # what follows is said once
        for key in ("keying", "authentication", "exchange", "psk", "mode", "nat_traversal", "pfs", "tcp_md5"):
            here, there = getattr(one.peer, key), getattr(other.peer, key)
            if here != there:
                yield Found((*one.path, "tunnel" if key == "mode" else key.replace("_", "-")),
                            f"{one.name} and {other.name} differ in {key.replace('_', '-')}: {_word(here)} and {_word(there)}")


def _word(value: object) -> str:
    return {None: "none", True: "true", False: "false"}.get(value) or str(value)  # type: ignore[call-overload, no-any-return]


def _stranger(deployment: Deployment) -> Iterator[Found]:
    for one in deployment.peerings:
        if one.far_speaker is not None and one.other is None:
            yield Found(one.path, f"{one.title}: that speaker has no neighbour {one.local}; a connection from an address that is not configured is "
                                  "refused")


LINTS = (
    Lint("manual-keying", "MUST", ("W-3.2-3", "W-2.1-9", "W-2-8"), "draft 3.2 l.436-439, 2.1 l.189-191, 2 l.150-151 (F-49)",
         "Keys come from IKE.", _of_peers("keying", _manual)),
    Lint("ends-differ", "MUST", ("W-3.2-3", "W-3.2-1"), "draft 3.2 l.432-439; RFC 4271 8.2.1, 6.2",
         "What the two ends of a session are configured with fits together.", _ends_differ, Needs.FAR_END),
    Lint("unknown-neighbour", "implied", ("W-3.2-1", "W-3.9-6"), "draft 3.2 l.432-436; RFC 4271 8.2.1",
         "The neighbour knows the speaker under the address that it has in the session.", _stranger),
    Lint("no-identity-payload", "MUST", ("W-3.2-7", "W-3.2-8"), "draft 3.2 l.449-454; RFC 2409 5.5",
         "Quick Mode carries identity payloads.", _of_peers("quick-mode-id", _payload_missing)),
    Lint("identity-payload-type", "MUST NOT", ("W-3.2-10", "W-3.2-9"), "draft 3.2 l.454-456 (F-57); RFC 2407 4.6.2",
         "Identity payloads are single addresses, not subnets or ranges.", _of_peers("quick-mode-id", _payload_type)),
    Lint("ike-fragments", "MUST", ("W-3.2-3", "W-3.5-5", "W-3.5-6"), "draft 3.2 l.436-439, 3.5 l.594-608 (F-61)",
         "Certificates fit into datagrams, or the path passes fragments.", _of_peers("certificate-bytes", _fragments)),
    Lint("auth-method", "MUST", ("W-4-1",), "draft 4 l.848-849", "Phase 1 authenticates by a method of RFC 2409.",
         _of_peers("authentication", _method)),
    Lint("identity-unbound", "MUST", ("W-2-6", "W-3.6-2", "W-4.1-2"), "draft 2 l.147-149, 3.6 l.630-632, 4.1 l.859-868 (F-43); RFC 4301 4.4.3",
         "Each neighbour has to prove an identity of its own.", _of_peers("identity", _unbound)),
    Lint("machine-shared", "threat", ("W-4.1-3", "W-4.1-5"), "draft 4.1 l.876-895 (F-58)",
         "A machine is authenticated only where it has one user.", _of_peers("credential", _machine_shared)),
    Lint("user-traffic", "MUST", ("W-4.1-6", "W-4.1-7"), "draft 4.1 l.900-904", "Only the user who was authenticated sends down the SA.",
         _of_peers("only-that-user", _user_traffic)),
    Lint("no-authority", "MUST", ("W-4-1", "W-4.2-1"), "draft 4 l.848-849, 4.2 l.908-918",
         "Who authenticates by signature trusts a certification authority.", _of_peers("cas", _no_ca)),
    Lint("certificate-request", "advice", ("W-4.2-1",), "draft 4.2 l.908-918 (expected)", "A Certificate Request is sent.",
         _of_peers("certificate-request", _certificate_request)),
    Lint("several-authorities", "SHOULD", ("W-4.2-2",), "draft 4.2 l.920-923", "Several certification authorities can be trusted.", _several_cas,
         Needs.IMPLEMENTS),
    Lint("revocation-off", "MAY", ("W-4.2-3",), "draft 4.2 l.923-926", "Revocation is checked.", _revocation),
    Lint("phase1-age", "silent", ("W-4.1-2",), "silent: draft 2.2, 4.2 (F-46)", "Phase 1 has a lifetime.",
         _of_peers("phase1-lifetime-seconds", _phase1_age)),
    Lint("no-pfs", "silent", ("W-2.2-18",), "silent: draft 2, 2.2 (F-68)", "Quick Mode has perfect forward secrecy.", _of_peers("pfs", _pfs)),
    Lint("enrolment", "advice", ("W-4.3-2", "W-4.3-3"), "draft 4.3 l.939-944, l.960-975", "Enrolment is controlled, or by password for a time.",
         _enrolment),
    Lint("psk-by-address", "threat", ("W-4.4-1", "W-4.4-2"), "draft 4.4 l.979-989, 3.10 (F-59)",
         "Main mode with a pre-shared key needs a neighbour with a fixed address.", _of_peers("exchange", _psk_by_address)),
    Lint("group-psk-main", "SHOULD NOT", ("W-4.4-6", "W-4.4-3"), "draft 4.4 l.1020-1022", "No key of a group is used with main mode.",
         _of_peers("psk", _group_main)),
    Lint("group-psk-aggressive", "threat", ("W-4.4-3", "W-4.4-4"), "draft 4.4 l.996-1004 (F-53)",
         "No key of a group is used with aggressive mode either.", _of_peers("psk", _group_aggressive)),
    Lint("psk-main-mode", "SHOULD", ("W-4.4-7",), "draft 4.4 l.1022-1023 (F-53)", "Pre-shared keys are used with aggressive mode.",
         _of_peers("exchange", _psk_main)),
    Lint("psk-aggressive-mode", "claim", ("W-4.4-4", "W-2-5"), "draft 4.4 l.1000-1004 (F-53)",
         "Aggressive mode with a pre-shared key is chosen knowingly.", _of_peers("exchange", _psk_aggressive)),
    Lint("psk-storage", "SHOULD", ("W-4.4-8",), "draft 4.4 l.1023-1024", "Pre-shared keys are stored like passwords.", _psk_stored),
)
