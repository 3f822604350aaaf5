"""Where IPsec ends: tunnel mode, its addresses, gateways, NAT (draft 2.1, 3.8 - 3.10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Deployment, Peering, Tunnel
from lockstep.lint.lint import Check, Found, Lint, of_peers


def _of_tunnels(key: str, wrong: Callable[[Peering, Tunnel], str]) -> Check:
    return of_peers(f"tunnel.{key}", lambda one: wrong(one, one.peer.tunnel) if one.peer.tunnel is not None else "")


def _tunnel_only(_: Peering, tunnel: Tunnel) -> str:
    return "" if tunnel.inner_transport else "a tunnel without transport mode inside, which is what has to protect BGP"


def _external(_: Peering, tunnel: Tunnel) -> str:
    elsewhere = tunnel.gateway == "external" and not tunnel.inner_transport
    return "IPsec ends at another machine, where BGP can neither ask for protection nor check it" if elsewhere else ""


def _addresses(_: Peering, tunnel: Tunnel) -> str:
    return "no outer-remote, and nothing that discovers it" if tunnel.outer_remote is None and tunnel.discovery is None else ""


def _outer_dynamic(_: Peering, tunnel: Tunnel) -> str:
    return "a dynamic outer address, and neighbours are configured by address" if tunnel.outer_local_from == "dynamic" else ""


def _inner_id(_: Peering, tunnel: Tunnel) -> str:
    return "" if tunnel.inner_source_in_id else "the inner source is not in the Quick Mode identity"


def _inner_foreign(one: Peering, tunnel: Tunnel) -> str:
    across = one.peer.as_number != one.speaker.as_number
    if not across or tunnel.inner_local_from != "static" or one.local != tunnel.outer_local:
        return ""
    return f"the inner source {one.local} is the outer one, across domains: answers may miss the gateway"


def _inner_assigned(_: Peering, tunnel: Tunnel) -> str:
    return ("the gateway assigns the inner source, and the neighbour has it configured: the two must stay the same"
            if tunnel.inner_local_from == "gateway" else "")


def _nat(one: Peering) -> str:
    if not one.peer.nat:
        return ""
    ah = [name for name, suite in one.suites if suite.protocol == "ah"]
    if ah:
        return f"suite {ah[0]} is AH, which covers the addresses that the NAT changes"
    without = [end.name for end in (one, one.other) if end is not None and not end.peer.nat_traversal]
    return (f"no nat-traversal at {' and '.join(without)}: the NAT changes what TCP's checksum covers, and cannot correct what ESP protects"
            if without and one.peer.mode == "transport" else "")


def _nat_shared(deployment: Deployment) -> Iterator[Found]:
    seen = set()
    for one in deployment.peerings:
        if one.peer.nat and one.peer.mode == "transport":
            if (one.name, one.peer.address) in seen:
                yield Found((*one.path, "address"), f"{one.title}: another neighbour is behind this address; if both choose one port, "
                                                    "their SAs have the same selectors")
            seen.add((one.name, one.peer.address))


LINTS = (
    Lint("tunnel-only", "MUST", ("W-2.1-5", "W-3.8-5"), "draft 2.1 l.177-179, 3.8 l.700-711",
         "BGP is protected in transport mode, in a tunnel too.",
         _of_tunnels("inner-transport", _tunnel_only)),
    Lint("external-gateway", "MUST", ("W-3.6-1", "W-3.8-6"), "draft 3.6 l.628-630, 3.8 l.727-738",
         "IPsec ends on the speaker, where it can be checked.",
         _of_tunnels("gateway", _external), findings=("F-56",)),
    Lint("tunnel-addresses", "implied", ("W-3.8-2", "W-3.9-2"), "draft 3.8 l.677-682, 3.9 l.751-759",
         "A tunnel's outer destination is configured or discovered.",
         _of_tunnels("outer-remote", _addresses)),
    Lint("outer-source-dynamic", "claim", ("W-3.9-3",), "draft 3.9 l.761-763",
         "The outer source of a tunnel is fixed.",
         _of_tunnels("outer-local-from", _outer_dynamic)),
    Lint("inner-source-id", "SHOULD", ("W-3.9-4",), "draft 3.9 l.769-772",
         "The Quick Mode identity of a tunnel has the inner source.",
         _of_tunnels("inner-source-in-id", _inner_id)),
    Lint("inner-source-foreign", "advice", ("W-3.9-6", "W-3.9-5"), "draft 3.9 l.774-808",
         "Across domains the inner source is not the outer one.",
         _of_tunnels("inner-local", _inner_foreign)),
    Lint("inner-source-assigned", "silent", ("W-3.9-6",), "silent: draft 3.9 l.785-808; RFC 4271 8.2.1",
         "The inner source is the address that the neighbour has configured.",
         _of_tunnels("inner-local-from", _inner_assigned), findings=("F-57",)),
    Lint("nat-traversal", "MUST", ("W-3.2-11", "W-3.10-1", "W-3.10-3", "W-3.8-3"),
         "draft 3.2 l.458-461, 3.8 l.684-689, 3.10 l.821-836",
         "Through a NAT there is NAT traversal, and no AH.",
         of_peers("nat", _nat), findings=("F-59",)),
    Lint("nat-shared-address", "claim", ("W-3.1-6", "W-3.10-4"), "draft 3.1 l.389-392, 3.10 l.838-844; RFC 3948 5.2",
         "One neighbour at most is behind each address of a NAT.",
         _nat_shared, findings=("F-59",)),
)
