"""What has to be there before a session is: routes, names, revocation, time (draft 3.9, 4.2), as a graph of needs.

A node is there when all that it needs is there; a route that BGP learns, when one of the sessions that bring it is. So a circle of needs
is a defect only if no way leads around it: what comes up from a cold start is computed first, and circles are looked for in the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from lockstep.lint.deployment import Deployment, Peering
from lockstep.lint.lint import Found, Lint, Needs
from lockstep.lint.values import Address

Graph = Any  # networkx has no types; a networkx.DiGraph


class _Building:
    """The graph while it is built. An edge leads from what needs to what is needed; `one_suffices` marks a node that needs one only."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.graph: Graph = nx.DiGraph()
        for one in deployment.peerings:
            self.session(one)

    def need(self, user: str, needed: str, *, one_suffices: bool = False) -> bool:
        """An edge; whether what is needed is new."""
        new = "one_suffices" not in self.graph.nodes.get(needed, {})
        if new:
            self.graph.add_node(needed, one_suffices=one_suffices)
        self.graph.add_edge(user, needed)
        return new

    def session(self, one: Peering) -> None:
        """What one end of it needs."""
        name, ike, tunnel = session_name(one), f"IKE at {one.title}", one.peer.tunnel
        self.graph.add_node(name, one_suffices=False)
        self.need(name, ike)
        self.ike(ike, one)
        self.way(name, one.name, (tunnel.outer_remote if tunnel else None) or one.peer.address)
        for service in (one.peer.found_by, tunnel.discovery if tunnel else None):
            self.service(name, one.name, service)

    def ike(self, name: str, one: Peering) -> None:
        """What authentication by certificates needs: the lists of the authority that may have issued the other end's, and the time."""
        if one.peer.authentication != "signature" or one.peer.keying == "manual":
            return
        issuer = one.other.speaker.issuer if one.other else None
        for ca in one.peer.cas:
            authority = self.deployment.cas[ca]
            if authority.revocation != "off" and not authority.cached and issuer in (None, ca):
                self.service(name, one.name, authority.service)
        self.service(name, one.name, one.speaker.clock)

    def service(self, user: str, speaker: str, name: str | None) -> None:
        if name is None:
            return
        service, resolver = self.deployment.services[name], self.deployment.speakers[speaker].resolver
        asked = f"{service.kind} {name} at {speaker}"
        if not self.need(user, asked):
            return
        self.way(asked, speaker, service.address)
        if service.host is not None and resolver is None:
            self.nothing(asked, f"a resolver of {speaker} for {service.host}")
        elif service.host is not None:
            self.service(asked, speaker, resolver)

    def way(self, user: str, speaker: str, to: Address) -> None:
        """The longest prefix counts. Without any routes in the file nothing is known, and nothing is said."""
        here = self.deployment.speakers[speaker]
        matching = [route for route in here.routes if to in route.prefix]
        if not here.routes or to == here.address:
            return
        if not matching:
            self.nothing(user, f"a route of {speaker} to {to}")
            return
        best = max(matching, key=lambda route: route.prefix.prefixlen)
        if best.source == "bgp" and self.need(user, name := f"{speaker}'s BGP route to {best.prefix}", one_suffices=True):
            for one in self.deployment.peerings:
                if one.name == speaker and (not best.peers or one.peer.address in best.peers):
                    self.graph.add_edge(name, session_name(one))

    def nothing(self, user: str, needed: str) -> None:
        """What is never there: one of no alternatives."""
        self.need(user, needed, one_suffices=True)


def session_name(one: Peering) -> str:
    """The same from both ends, where the file has both."""
    ends = (one.name, one.other.name if one.other else str(one.peer.address))
    return f"session {' - '.join(sorted(ends) if one.other else ends)}"


def needs(deployment: Deployment) -> Graph:
    """The graph of needs: an edge from what needs to what is needed, `one_suffices` on the nodes that need one only."""
    return _Building(deployment).graph


def stuck(graph: Graph) -> Graph:
    """The part that never comes up from a cold start."""
    up: set[str] = set()
    while True:
        new = {name for name, one in graph.nodes(data="one_suffices") if name not in up
               and (any if one else all)(need in up for need in graph.successors(name))}
        if not new:
            return graph.subgraph([name for name in graph if name not in up])
        up |= new


def _causes(deployment: Deployment) -> Iterator[tuple[Peering, list[str], bool]]:
    """Each circle, or what is missing, in the part that never comes up: the first session that needs it, the needs from there, around the
    circle once; and whether it is one."""
    rest = stuck(needs(deployment))
    for component in nx.strongly_connected_components(rest):
        sessions = [one for one in deployment.peerings if session_name(one) in component]
        some = session_name(sessions[0]) if sessions else min(component)
        circle = len(component) > 1 or rest.has_edge(some, some)
        if circle or not rest.out_degree(some):
            above = component | nx.ancestors(rest, some)
            one = next(one for one in deployment.peerings if session_name(one) in above)
            around = [start for start, _ in nx.find_cycle(rest.subgraph(component), some)] if circle else [some]
            yield one, [*nx.shortest_path(rest, session_name(one), around[0])[:-1], *around, *around[:circle]], circle


def _circle(deployment: Deployment) -> Iterator[Found]:
    for one, path, circle in _causes(deployment):
        if circle:
            yield Found(one.path, f"after a cold start {' needs '.join(path)}")


def _missing(deployment: Deployment) -> Iterator[Found]:
    for one, path, circle in _causes(deployment):
        if not circle:
            yield Found(one.path, f"{' needs '.join(path)}, and there is none")


LINTS = (
    Lint("bootstrap-cycle", "implied", ("W-3.2-1", "W-3.9-1", "W-3.9-2", "W-4.2-3"),
         "draft 3.2 l.432-436; silent on the circle: 3.9 l.745-759, 4.2 l.923-926",
         "No session needs, to come up, what only it or another such session brings.",
         _circle, Needs.ROUTES, ("F-45",)),
    Lint("no-way", "implied", ("W-3.2-1", "W-3.9-1"), "draft 3.2 l.432-436, 3.9 l.745-759",
         "There is a way to each neighbour and to each service that a session needs.",
         _missing, Needs.ROUTES, ("F-45",)),
)
