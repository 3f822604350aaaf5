"""Where IPsec ends: tunnel mode, its addresses, gateways, NAT (draft 2.1, 3.8 - 3.10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Address, Deployment, Peering, Tunnel
from lockstep.lint.lint import Found, Lint


def _of_tunnels(key: str, wrong: Callable[[Peering, Tunnel], str]) -> Callable[[Deployment], Iterator[Found]]:
    """A check of every tunnel: `wrong` says what is wrong with it, or nothing."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for peering in deployment.peerings:
            tunnel = peering.peer.tunnel
            text = wrong(peering, tunnel) if tunnel else ""
            if text:
                yield Found((*peering.path, "tunnel", key), f"{peering.title}: {text}")
    return check


def _tunnel_only(_: Peering, tunnel: Tunnel) -> str:
    return "" if tunnel.inner_transport else "a tunnel without transport mode inside, and transport mode is what has to protect BGP"


def _external(_: Peering, tunnel: Tunnel) -> str:
    return ("IPsec ends at another machine, where BGP can neither ask for protection nor check it"
            if tunnel.gateway == "external" and not tunnel.inner_transport else "")


def _addresses(_: Peering, tunnel: Tunnel) -> str:
    return ("no outer-remote, and nothing that discovers it" if tunnel.outer_remote is None and tunnel.discovery is None else "")


def _outer_dynamic(_: Peering, tunnel: Tunnel) -> str:
    return ("the outer address is dynamic, and the other end has its neighbours configured by address" if tunnel.outer_local_from == "dynamic"
            else "")


def _inner_id(_: Peering, tunnel: Tunnel) -> str:
    return "" if tunnel.inner_source_in_id else "the inner source address is not in the Quick Mode identity"


def _inner_foreign(one: Peering, tunnel: Tunnel) -> str:
    inner = tunnel.inner_local or one.speaker.address
    across = one.peer.as_number != one.speaker.as_number
    return (f"the inner address {inner} is the outer one, across domains: answers may go to the border router instead of the gateway"
            if across and tunnel.inner_local_from == "static" and inner == tunnel.outer_local else "")


def _inner_assigned(one: Peering, tunnel: Tunnel) -> str:
    return ("the gateway assigns the inner address, and the neighbour has this speaker configured by address; the two must not drift apart"
            if tunnel.inner_local_from == "gateway" else "")


def _nat(deployment: Deployment) -> Iterator[Found]:
    for one in deployment.peerings:
        if not one.peer.nat:
            continue
        ah = [name for name, suite in one.suites if suite.protocol == "ah"]
        if ah:
            yield Found((*one.path, "nat"), f"{one.title}: suite {ah[0]} is AH, which covers the addresses that the NAT changes")
        elif not one.peer.nat_traversal and one.peer.mode == "transport":
            yield Found((*one.path, "nat"), f"{one.title}: the NAT changes what TCP's checksum covers, and ESP in transport mode hides the checksum "
                                            "from it: nothing is ever accepted; set nat-traversal")


def _nat_shared(deployment: Deployment) -> Iterator[Found]:
    behind: dict[tuple[str, Address], list[Peering]] = defaultdict(list)
    for one in deployment.peerings:
        if one.peer.nat and one.peer.mode == "transport":
            behind[one.name, one.peer.address].append(one)
    for several in behind.values():
        for one in several[1:]:
            yield Found((*one.path, "address"), f"{one.title}: {len(several)} neighbours behind this address; if two choose the same port their SAs "
                                                "have the same selectors")


LINTS = (
    Lint("tunnel-only", "MUST", ("W-2.1-5", "W-3.8-5"), "draft 2.1 l.176-178, 3.8 l.700-711", "BGP is protected in transport mode, in a tunnel too.",
         _of_tunnels("inner-transport", _tunnel_only)),
    Lint("external-gateway", "MUST", ("W-3.6-1", "W-3.8-6"), "draft 3.6 l.628-630, 3.8 l.727-738 (F-56)",
         "IPsec ends on the speaker, where it can be checked.", _of_tunnels("gateway", _external)),
    Lint("tunnel-addresses", "implied", ("W-3.8-2", "W-3.9-2"), "draft 3.8 l.677-682, 3.9 l.751-759",
         "A tunnel's outer destination is configured or discovered.", _of_tunnels("outer-remote", _addresses)),
    Lint("outer-source-dynamic", "claim", ("W-3.9-3",), "draft 3.9 l.761-763", "The outer source of a tunnel is fixed.",
         _of_tunnels("outer-local-from", _outer_dynamic)),
    Lint("inner-source-id", "SHOULD", ("W-3.9-4",), "draft 3.9 l.769-772", "The Quick Mode identity of a tunnel has the inner source.",
         _of_tunnels("inner-source-in-id", _inner_id)),
    Lint("inner-source-foreign", "claim", ("W-3.9-6", "W-3.9-5"), "draft 3.9 l.774-808 (may be needed)",
         "Across domains the inner source is not the outer one.", _of_tunnels("inner-local", _inner_foreign)),
    Lint("inner-source-assigned", "silent", ("W-3.9-6",), "silent: draft 3.9 l.785-808 (F-57); RFC 4271 8.2.1",
         "The inner source is the address that the neighbour has configured.", _of_tunnels("inner-local-from", _inner_assigned)),
    Lint("nat-traversal", "MUST", ("W-3.2-11", "W-3.10-1", "W-3.10-3", "W-3.8-3"), "draft 3.2 l.458-461, 3.8 l.684-689, 3.10 l.821-836 (F-59)",
         "Through a NAT there is NAT traversal, and no AH.", _nat),
    Lint("nat-shared-address", "claim", ("W-3.1-6", "W-3.10-4"), "draft 3.1 l.389-392, 3.10 l.838-844 (F-59); RFC 3948 5.2",
         "One neighbour at most is behind each address of a NAT.", _nat_shared),
)
