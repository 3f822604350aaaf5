"""The SPD: what it lets through, in which order, and who shares an SA (draft 1.1, 2, 3.1, 3.2, 3.5, 3.6; RFC 4301 4.4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep.lint.deployment import Deployment, Peering, Rule, Speaker, number_of
from lockstep.lint.lint import Found, Lint
from lockstep.lint.source import Path
from lockstep.lint.spd import (EVERYTHING, IN, PORT, PROTOCOLS, Box, Boxes, Match, family, first_matches, host, of_rule, one, without)

BGP, DRAFTS_BGP = 179, 170
IKE, IKE_IN_NAT = 500, 4500
TCP, UDP = one(PROTOCOLS["tcp"]), one(PROTOCOLS["udp"])
USABLE = (1, PORT[1])  # port 0 is nobody's
# ICMP "too big" (RFC 1191; RFC 4443 3.2), and what ends a TCP connection where the host takes it for a hard error (RFC 1122 4.2.3.9).
TOO_BIG = {4: Box(protocol=one(1), icmp_type=one(3), icmp_code=one(4)), 6: Box(protocol=one(58), icmp_type=one(2), icmp_code=one(0))}
HARD = {4: Box(protocol=one(1), icmp_type=one(3), icmp_code=(2, 3)), 6: Box(protocol=one(58), icmp_type=one(1), icmp_code=one(4))}


def connections(peering: Peering, *, opened_here: bool) -> Box:
    """Every packet of every connection that one end opens to the other's listener."""
    ports = (USABLE, one(peering.peer.port)) if opened_here else (one(peering.speaker.bgp_port), USABLE)
    return Box(local=host(peering.local), remote=host(peering.peer.address), protocol=TCP, local_port=ports[0], remote_port=ports[1])


def bgp_packets(peering: Peering) -> Boxes:
    """Every packet of BGP with the neighbour, whoever opened the connection."""
    ours, theirs = (connections(peering, opened_here=here) for here in (True, False))
    return [ours, *theirs.minus(ours)]


def _at(name: str, match: Match) -> Path:
    """The rule, or where no rule takes the packet, what says so."""
    return ("speakers", name, "otherwise") if match.number is None else ("speakers", name, "spd", match.number)


def _matches(action: str, packets: Callable[[Peering], Boxes], text: str) -> Callable[[Deployment], Iterator[Found]]:
    """A check that none of a peering's packets meets that action first. `text` is what it means that one does."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for peering in deployment.peerings:
            for match in first_matches(peering.speaker, packets(peering)):
                if match.action == action:
                    yield Found(_at(peering.name, match), f"{peering.title}: {match.boxes[0].packet()} first matches {match.title}: "
                                                          f"{match.action}; {text}")
    return check


def _wanted(peering: Peering) -> Boxes:
    """The packets of the connections that are to come about."""
    role = peering.peer.role
    return [connections(peering, opened_here=here) for here, who in ((True, "active"), (False, "passive")) if role in (who, "both")]


def _ike_packets(peering: Peering) -> Boxes:
    tunnel = peering.peer.tunnel
    local = tunnel.outer_local if tunnel else peering.speaker.address
    remote = (tunnel.outer_remote or peering.peer.address) if tunnel else peering.peer.address
    ports = (IKE, IKE_IN_NAT) if peering.peer.nat_traversal else (IKE,)
    return [Box(local=host(local), remote=host(remote), protocol=UDP, local_port=one(port), remote_port=one(port)) for port in ports]


def _ike_blocked(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        if peering.peer.keying == "manual" or (peering.peer.tunnel and peering.peer.tunnel.gateway == "external"):
            continue
        for match in first_matches(peering.speaker, _ike_packets(peering)):
            if match.action != "bypass":
                yield Found(_at(peering.name, match), f"{peering.title}: {match.boxes[0].packet()} first matches {match.title}: {match.action}; "
                            "IKE needs a bypass before it" + (", or it waits for the SA that it is to make" if match.action == "protect" else ""))


def _strangers(speaker: Speaker, peerings: list[Peering]) -> Boxes:
    """Segments to the listener from everywhere but the neighbours."""
    listeners = {peering.local for peering in peerings} | {speaker.address}
    to = [Box(direction=one(IN), local=host(here), remote=family(here), protocol=TCP, local_port=one(speaker.bgp_port), remote_port=USABLE)
          for here in sorted(listeners, key=number_of)]
    return without(to, [Box(remote=host(peering.peer.address)) for peering in peerings])


def _listener_open(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        peerings = [one for one in deployment.peerings if one.name == name]
        for match in first_matches(speaker, _strangers(speaker, peerings)):
            if match.action == "bypass":
                yield Found(_at(name, match), f"{name}: {match.boxes[0].packet()} first matches {match.title}: bypass; a stranger's SYN reaches "
                                              "the listener, and is answered, in plaintext")


def _ports(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.bgp_port != BGP:
            yield Found(("speakers", name, "bgp-port"), f"{name} listens on port {speaker.bgp_port}; BGP's is {BGP}")
        for number, rule in enumerate(speaker.spd):
            for key, ports in (("local-port", rule.local_port), ("remote-port", rule.remote_port)):
                if one(DRAFTS_BGP) in ports:
                    yield Found(("speakers", name, "spd", number, key), f"{name}: rule {number + 1} ({rule.name}) is for port {DRAFTS_BGP}, "
                                f"which the draft misprints; BGP's is {BGP}, and this rule protects none of it")
    for peering in deployment.peerings:
        if peering.peer.port != BGP:
            yield Found((*peering.path, "port"), f"{peering.title}: connects to port {peering.peer.port}; BGP's is {BGP}")


def _shadowed(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        before: list[Box] = []
        for number, rule in enumerate(speaker.spd):
            selected = [both for box in of_rule(rule) for every in EVERYTHING if (both := box.meet(every)) is not None]
            if not without(selected, before):
                earlier = _coverers(speaker.spd[:number], selected)
                yield Found(("speakers", name, "spd", number), f"{name}: rule {number + 1} ({rule.name}) never matches: "
                            + (f"what it selects is taken by {earlier}" if selected else "no packet has a local and a remote address of two families"))
            before += of_rule(rule)


def _coverers(rules: tuple[Rule, ...], selected: list[Box]) -> str:
    """Those rules before it that take something of what it selects."""
    left, names = selected, []
    for number, rule in enumerate(rules, 1):
        rest = without(left, of_rule(rule))
        if any(box.meet(taken) for box in left for taken in of_rule(rule)):
            names.append(f"rule {number} ({rule.name})")
        left = rest
    return " and ".join(names)


def _protecting(peering: Peering) -> Iterator[tuple[int, Rule, Match]]:
    """The rules under which BGP with the neighbour gets an SA that other packets of the rule share."""
    for match in first_matches(peering.speaker, bgp_packets(peering)):
        if match.rule is not None and match.number is not None and match.action == "protect" and not match.rule.from_packet:
            yield match.number, match.rule, match


def _shared_sa(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        for number, rule, match in _protecting(peering):
            count = sum(box.connections() for box in match.boxes if box.direction[0] == IN) or sum(box.connections() for box in match.boxes)
            if count > 1:
                yield Found(("speakers", peering.name, "spd", number), f"{peering.title}: rule {number + 1} ({rule.name}) puts {count:,} possible "
                            f"connections into one SA, {match.boxes[0].packet()} among them; set from-packet, so that each has its own")


def _wide(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        for number, rule, _ in _protecting(peering):
            others = without(EVERYTHING, bgp_packets(peering))
            match = next((one for one in first_matches(peering.speaker, others) if one.number == number), None)
            if match is not None:
                yield Found(("speakers", peering.name, "spd", number), f"{peering.title}: the SA of rule {number + 1} ({rule.name}) also carries "
                            f"{match.boxes[0].packet()}; who may send that may speak inside the session's SA")


def _fixed_port(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        for number, rule in enumerate(peering.speaker.spd):
            if rule.action != "protect" or rule.protocol != "tcp":
                continue
            for key, ports, far, listener in (("local-port", rule.local_port, rule.remote_port, peering.peer.port),
                                              ("remote-port", rule.remote_port, rule.local_port, peering.speaker.bgp_port)):
                if far == (one(listener),) and len(ports) == 1 and ports[0][0] == ports[0][1] != listener and _about(peering, rule):
                    yield Found(("speakers", peering.name, "spd", number, key), f"{peering.title}: rule {number + 1} ({rule.name}) fixes the port "
                                f"{ports[0][0]} of the end that connects; that port is chosen at run time, whatever 3.1 says of configuration")


def _about(peering: Peering, rule: Rule) -> bool:
    return any(low <= number_of(peering.peer.address) <= high for low, high in rule.remote)


def _otherwise(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.otherwise == "bypass":
            yield Found(("speakers", name, "otherwise"), f"{name}: what no rule selects passes in plaintext; discard it")


def _filters(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.filters == "per-session":
            yield Found(("speakers", name, "filters"), f"{name}: rules that come and go with a session leave the first SYN, the listener and the "
                                                       "last FIN without one")


def _fallback(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        if peering.peer.on_failure == "bypass":
            yield Found((*peering.path, "on-failure"), f"{peering.title}: where IKE fails the session goes on in plaintext; whoever drops IKE's "
                                                       "datagrams has that")


def _no_check(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.inbound_check == "none":
            yield Found(("speakers", name, "inbound-check"), f"{name}: nobody checks that what arrives came through IPsec")


def _late_check(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.inbound_check == "bgp":
            yield Found(("speakers", name, "inbound-check"), f"{name}: BGP sees bytes only: a forged RST, SYN or FIN has done its work in TCP before "
                                                             "it could look; let IPsec check")


def _no_discovery(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if not speaker.path_mtu_discovery:
            yield Found(("speakers", name, "path-mtu-discovery"), f"{name}: path MTU discovery is off")


def _icmp(name: str, speaker: Speaker, kind: dict[int, Box]) -> list[Match]:
    """Where ICMP messages of that kind, from anywhere on the way, end up."""
    message = kind[speaker.address.version]
    boxes = [Box(one(IN), host(speaker.address), family(speaker.address), *list(vars(message).values())[3:])]
    return first_matches(speaker, boxes)


def _too_big_lost(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        lost = [match for match in _icmp(name, speaker, TOO_BIG) if match.action != "bypass"] if speaker.path_mtu_discovery else []
        for match in lost[:1]:
            yield Found(_at(name, match), f"{name}: {match.boxes[0].packet()} first matches {match.title}: {match.action}; a router's word that a "
                                          "packet is too big is lost, and path MTU discovery with it")


def _hard_error(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        passed = [match for match in _icmp(name, speaker, HARD) if match.action == "bypass"] if speaker.icmp_hard_errors == "abort" else []
        for match in passed[:1]:
            yield Found(_at(name, match), f"{name}: {match.boxes[0].packet()} first matches {match.title}: bypass; TCP aborts on it, so that whoever "
                                          "forges it ends the session")


def _md5(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        if peering.peer.tcp_md5:
            yield Found((*peering.path, "tcp-md5"), f"{peering.title}: the draft calls TCP MD5 beside IPsec wasteful; yet it refuses forged segments "
                                                    "while no filter stands (F-52)")


def _hold_time(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        if peering.peer.hold_time == 0:
            yield Found((*peering.path, "hold-time"), f"{peering.title}: with hold-time 0 no KEEPALIVE tells that the other end's SAs are gone")


LINTS = (
    Lint("bgp-port", "implied", ("W-1.1-1", "W-3.2-2"), "draft 1.1 l.108-111, 3.2 l.435-436 (170, F-33); RFC 4271 8.2.1",
         "BGP and the rules for it use port 179.", _ports),
    Lint("bgp-bypass", "MUST", ("W-3.2-3", "W-2-6", "W-3.3-13"), "draft 3.2 l.436-439, 2 l.147-149, 3.3 l.530-532 (F-33, F-35)",
         "No packet of BGP with a neighbour first matches a rule that lets it through in plaintext.",
         _matches("bypass", bgp_packets, "it passes in plaintext")),
    Lint("bgp-discard", "implied", ("W-3.2-1",), "draft 3.2 l.432-436",
         "No packet of a session that is to come about first matches a rule that discards it.",
         _matches("discard", _wanted, "the session needs it")),
    Lint("ike-blocked", "MUST", ("W-3.2-3", "W-3.2-1"), "draft 3.2 l.436-439, silent on IKE's own rule (F-65); RFC 4301 4.4.1",
         "IKE with each neighbour first matches a rule that lets it through.", _ike_blocked),
    Lint("listener-open", "threat", ("W-2-5", "W-2-4"), "draft 2 l.139-146; 3.2 and 3.6 silent on the listener (F-35)",
         "No stranger's segment reaches the listener in plaintext.", _listener_open),
    Lint("spd-default", "silent", ("W-3.4-4",), "silent: draft 3.2, 3.4 l.545-546 (F-06, F-65); RFC 4301 4.4.1",
         "What no rule selects is discarded.", _otherwise),
    Lint("spd-shadowed", "silent", ("W-3.1-8",), "silent: draft 3.1; RFC 4301 4.4.1",
         "Every rule is the first match of some packet.", _shadowed),
    Lint("shared-sa", "MUST", ("W-4.1-4", "W-3.1-8", "W-3.1-9", "W-3.6-3"), "draft 4.1 l.886-889, 3.1 l.406-411, 3.6 l.634-637 (F-56)",
         "Each TCP connection of BGP has a phase 2 SA of its own.", _shared_sa),
    Lint("wide-selectors", "MUST", ("W-4.1-4", "W-3.1-9", "W-3.1-11", "W-3.8-4"), "draft 4.1 l.886-891, 3.1 l.408-416, 3.8 l.691-698 (F-56)",
         "The SA of a session carries nothing else.", _wide),
    Lint("fixed-port", "claim", ("W-3.1-12",), "draft 3.1 l.418-428 (F-39)",
         "No rule fixes the port that is chosen when the connection is opened.", _fixed_port),
    Lint("filters-per-session", "MUST", ("W-3.2-3", "W-3.4-4"), "draft 3.2 l.436-439, 3.4 l.545-546 (F-06, F-35, F-65)",
         "The rules stand before the first SYN and after the last segment.", _filters),
    Lint("fallback", "MUST", ("W-3.2-3", "W-2-5"), "draft 3.2 l.436-439, 2 l.143-146",
         "Where IKE fails there is no session.", _fallback),
    Lint("no-inbound-check", "MUST", ("W-3.6-1",), "draft 3.6 l.628-630", "What arrives is checked to have come through IPsec.", _no_check),
    Lint("late-inbound-check", "threat", ("W-2-4", "W-3.6-1"), "draft 2 l.139-141, 3.6 l.628-642 (F-55)",
         "IPsec makes that check, before TCP sees the segment.", _late_check),
    Lint("path-mtu-discovery", "SHOULD", ("W-3.5-1",), "draft 3.5 l.562-567", "Path MTU discovery is used.", _no_discovery),
    Lint("too-big-lost", "SHOULD", ("W-3.5-1", "W-3.5-2"), "draft 3.5 l.562-577 (F-60)",
         "ICMP's word that a packet is too big reaches a speaker that discovers the path MTU.", _too_big_lost),
    Lint("icmp-resets", "threat", ("W-2-4",), "draft 2 l.139-141 (F-62); RFC 1122 4.2.3.9",
         "No unauthenticated ICMP error ends a connection.", _hard_error),
    Lint("tcp-md5", "claim", ("W-3.2-6", "W-3.2-5"), "draft 3.2 l.442-447 (F-52)", "TCP MD5 beside IPsec is chosen knowingly.", _md5),
    Lint("hold-time-zero", "claim", ("W-3.4-5",), "draft 3.4 l.548-550 (F-28)", "Sessions have a hold time.", _hold_time),
)
