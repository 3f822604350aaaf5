"""The SPD: what it lets through, in which order, who shares an SA; ICMP (draft 1.1, 2, 3.1, 3.2, 3.5, 3.6; RFC 4301 4.4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lockstep.lint.deployment import Deployment, Peering, Rule, Speaker
from lockstep.lint.lint import Check, Found, Lint, of_peers, of_speakers, once
from lockstep.lint.source import Path
from lockstep.lint.spd import (
    EVERYTHING,
    IN,
    OUT,
    PROTOCOLS,
    Box,
    Boxes,
    Match,
    example,
    family,
    first_match,
    first_matches,
    host,
    of_rule,
    one,
    rule_title,
    within,
    without,
)
from lockstep.lint.values import PORT, number_of

BGP, DRAFTS_BGP = 179, 170
IKE, IKE_IN_NAT = 500, 4500
TCP, UDP, ICMP, ICMPV6 = (one(PROTOCOLS[name]) for name in ("tcp", "udp", "icmp", "icmpv6"))
USABLE = (1, PORT[1])  # port 0 is nobody's
# "Too big" (RFC 1191 4; RFC 4443 3.2), and what TCP may take for a hard error (RFC 1122 4.2.3.9: protocol and port unreachable).
TOO_BIG = {4: Box(protocol=ICMP, icmp_type=one(3), icmp_code=one(4)), 6: Box(protocol=ICMPV6, icmp_type=one(2), icmp_code=one(0))}
HARD = {4: Box(protocol=ICMP, icmp_type=one(3), icmp_code=(2, 3)), 6: Box(protocol=ICMPV6, icmp_type=one(1), icmp_code=one(4))}


# -- packets ---------------------------------------------------------------------------------------------------------------------------


def connections(peering: Peering, *, opened_here: bool) -> Box:
    """Every packet, in both directions, of every connection that one end opens to the other's listener."""
    here, there = (USABLE, one(peering.peer.port)) if opened_here else (one(peering.speaker.bgp_port), USABLE)
    return Box(local=host(peering.local), remote=host(peering.peer.address), protocol=TCP, local_port=here, remote_port=there)


def bgp_packets(peering: Peering) -> Boxes:
    """Every packet of BGP with the neighbour, whoever opened the connection."""
    ours, theirs = (connections(peering, opened_here=here) for here in (True, False))
    return [ours, *theirs.minus(ours)]


def wanted_packets(peering: Peering) -> Boxes:
    """Those of the connections that are to come about."""
    role = peering.peer.role
    return [connections(peering, opened_here=here) for here, who in ((True, "active"), (False, "passive")) if role in (who, "both")]


def ike_packets(peering: Peering) -> Boxes:
    """IKE's with the neighbour or its gateway; port 4500 where it may have to go through a NAT (RFC 3947 4)."""
    tunnel = peering.peer.tunnel
    local = tunnel.outer_local if tunnel else peering.speaker.address
    remote = (tunnel.outer_remote if tunnel else None) or peering.peer.address
    ports = (IKE, IKE_IN_NAT) if peering.peer.nat_traversal else (IKE,)
    return [Box(local=host(local), remote=host(remote), protocol=UDP, local_port=one(port), remote_port=one(port)) for port in ports]


def stranger_packets(speaker: Speaker, peerings: list[Peering]) -> Boxes:
    """Segments to the listener from everywhere but the neighbours."""
    listeners = sorted({speaker.address, *(peering.local for peering in peerings)}, key=number_of)
    to = [Box(one(IN), host(here), family(here), TCP, one(speaker.bgp_port), USABLE) for here in listeners]
    return without(to, [Box(remote=host(peering.peer.address)) for peering in peerings])


def icmp_packets(speaker: Speaker, kinds: dict[int, Box]) -> Boxes:
    """ICMP messages of the kind from anywhere on the way."""
    kind = kinds[speaker.address.version]
    return [replace(kind, direction=one(IN), local=host(speaker.address), remote=family(speaker.address))]


# -- what becomes of them --------------------------------------------------------------------------------------------------------------


def _at(name: str, match: Match) -> Path:
    """The rule; or what says what happens where no rule matches."""
    return ("speakers", name, "otherwise") if match.number is None else _rule(name, match.number)


def _rule(name: str, number: int) -> Path:
    return ("speakers", name, "spd", number)


def _said(match: Match) -> str:
    return f"{example(match.boxes)} first matches {match.title}: {match.action}"


def _no(action: str, packets: Callable[[Peering], Boxes], but: str) -> Check:
    """A check that none of a neighbour's packets comes first to a rule with that action; `but`: what speaks against it."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for peering in deployment.peerings:
            for match in first_matches(peering.speaker, packets(peering)):
                if match.action == action:
                    yield Found(_at(peering.name, match), f"{peering.title}: {_said(match)}; {but}")
    return check


def _ike_blocked(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        tunnel = peering.peer.tunnel
        if peering.peer.keying == "manual" or (tunnel is not None and tunnel.gateway == "external"):
            continue  # there is no IKE here
        for match in first_matches(peering.speaker, ike_packets(peering)):
            if match.action != "bypass":
                why = ": it would wait for the SA that it is to make" if match.action == "protect" else ""
                yield Found(_at(peering.name, match), f"{peering.title}: {_said(match)}; IKE needs a bypass before that{why}")


def _of_packets(packets: Callable[[Deployment, str, Speaker], Boxes], bad: tuple[str, ...], but: str) -> Check:
    """The same of a speaker's packets; one of them is enough."""
    def check(deployment: Deployment) -> Iterator[Found]:
        for name, speaker in deployment.speakers.items():
            boxes = packets(deployment, name, speaker)
            wrong = [match for match in first_matches(speaker, boxes) if match.action in bad] if boxes else []
            for match in wrong[:1]:
                yield Found(_at(name, match), f"{name}: {_said(match)}; {but}")
    return check


def _strangers(deployment: Deployment, name: str, speaker: Speaker) -> Boxes:
    return stranger_packets(speaker, [peering for peering in deployment.peerings if peering.name == name])


def _too_big(_: Deployment, __: str, speaker: Speaker) -> Boxes:
    return icmp_packets(speaker, TOO_BIG) if speaker.path_mtu_discovery else []


def _hard_errors(_: Deployment, __: str, speaker: Speaker) -> Boxes:
    return icmp_packets(speaker, HARD) if speaker.icmp_hard_errors == "abort" else []


# -- the rules themselves --------------------------------------------------------------------------------------------------------------


def _ports(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        if speaker.bgp_port != BGP:
            yield Found(("speakers", name, "bgp-port"), f"{name}: listens on port {speaker.bgp_port}; BGP's is {BGP}")
        for number, rule in enumerate(speaker.spd):
            for key, ports in (("local-port", rule.local_port), ("remote-port", rule.remote_port)):
                if one(DRAFTS_BGP) in ports:
                    yield Found((*_rule(name, number), key), f"{name}: {rule_title(number, rule)} is for port {DRAFTS_BGP}, as in the draft"
                                                             f"; BGP's is {BGP}")
    for peering in deployment.peerings:
        if peering.peer.port != BGP:
            yield Found((*peering.path, "port"), f"{peering.title}: connects to port {peering.peer.port}; BGP's is {BGP}")


def _shadowed(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        for number, rule in enumerate(speaker.spd):
            if not first_match(speaker, number, EVERYTHING):
                earlier = _takers(speaker.spd[:number], within(EVERYTHING, of_rule(rule)))
                why = f"what it selects is taken by {earlier}" if earlier else "no packet has addresses of two families"
                yield Found(_rule(name, number), f"{name}: {rule_title(number, rule)} never matches; {why}")


def _takers(rules: tuple[Rule, ...], left: list[Box]) -> str:
    """Those of the rules that take something of it first."""
    names = []
    for number, rule in enumerate(rules):
        rest = without(left, of_rule(rule))
        if rest != left:
            names.append(rule_title(number, rule))
        left = rest
    return " and ".join(names)


def _sharing(peering: Peering) -> Iterator[tuple[int, Match]]:
    """The rules that put BGP with the neighbour into an SA that all packets of the rule share."""
    for match in first_matches(peering.speaker, bgp_packets(peering)):
        if match.rule is not None and match.number is not None and match.action == "protect" and not match.rule.from_packet:
            yield match.number, match


def _shared_sa(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        for number, match in _sharing(peering):
            count = max(sum(box.connections() for box in match.boxes if way in box.direction) for way in (IN, OUT))
            if count > 1:
                yield Found(_rule(peering.name, number), f"{peering.title}: {match.title} has one SA for {count:,} possible connections, "
                                                         f"{example(match.boxes)} among them; from-packet gives each its own")


def _wide(deployment: Deployment) -> Iterator[Found]:
    for peering in deployment.peerings:
        addresses = sorted({peering.local, peering.speaker.address}, key=number_of)
        own = [Box(local=host(address), remote=family(address)) for address in addresses]
        for number, match in _sharing(peering):
            others = first_match(peering.speaker, number, without(own, bgp_packets(peering)))
            if others:
                yield Found(_rule(peering.name, number), f"{peering.title}: the SA of {match.title} also carries {example(others)}; it "
                                                         "is not the session's alone")


def _fixed_port(deployment: Deployment) -> Iterator[Found]:
    for name, speaker in deployment.speakers.items():
        fixed = [(number, rule) for number, rule in enumerate(speaker.spd) if rule.action == "protect" and rule.protocol == "tcp"
                 and all(len(ports) == 1 and ports[0][0] == ports[0][1] for ports in (rule.local_port, rule.remote_port))]
        for peering in deployment.peerings if fixed else ():
            for number, rule in fixed if peering.name == name else ():
                if within(bgp_packets(peering), of_rule(rule)):
                    key, port = (("local-port", rule.local_port) if rule.remote_port == (one(peering.peer.port),) else
                                 ("remote-port", rule.remote_port))
                    yield Found((*_rule(name, number), key), f"{peering.title}: {rule_title(number, rule)} fixes port {port[0][0]} of the "
                                                             "end that connects, which is chosen at run time")


def _spd_default(speaker: Speaker) -> str:
    return "what no rule selects passes in plaintext; discard it" if speaker.otherwise == "bypass" else ""


def _filters(speaker: Speaker) -> str:
    return ("rules that come and go with a session leave the first SYN, the listener and the last FIN without one"
            if speaker.filters == "per-session" else "")


def _no_check(speaker: Speaker) -> str:
    return "nobody checks that what arrives came through IPsec" if speaker.inbound_check == "none" else ""


def _late_check(speaker: Speaker) -> str:
    return ("BGP sees bytes only: a forged RST, SYN or FIN has done its work in TCP before BGP could look; let IPsec check"
            if speaker.inbound_check == "bgp" else "")


def _fallback(peering: Peering) -> str:
    plain = peering.peer.on_failure == "bypass"
    return "where IKE fails the session goes on in plaintext, and dropping IKE's datagrams is enough" if plain else ""


def _md5(peering: Peering) -> str:
    return ("the draft calls TCP MD5 beside IPsec wasteful; yet it refuses forged segments while no filter stands"
            if peering.peer.tcp_md5 else "")


def _hold_time(peering: Peering) -> str:
    return "without a hold time nothing tells that the other end's SAs are gone" if peering.peer.hold_time == 0 else ""


LINTS = (
    Lint("bgp-port", "implied", ("W-1.1-1", "W-3.2-2"), "draft 1.1 l.108-111, 3.2 l.435-436 (both 170); RFC 4271 8.2.1",
         "BGP, and the rules for it, use port 179.",
         _ports, findings=("F-33",)),
    Lint("bgp-bypass", "MUST", ("W-3.2-3", "W-2-6", "W-3.3-13"), "draft 3.2 l.436-439, 2 l.147-149, 3.3 l.530-532",
         "No packet of BGP with a neighbour first matches a rule that lets it through in plaintext.",
         once(_no("bypass", bgp_packets, "it passes in plaintext")), findings=("F-33", "F-35", "F-06")),
    Lint("bgp-discard", "implied", ("W-3.2-1",), "draft 3.2 l.432-436",
         "No packet of a session that is to come about first matches a rule that discards it.",
         once(_no("discard", wanted_packets, "the session needs it"))),
    Lint("ike-blocked", "MUST", ("W-3.2-3", "W-3.2-1"), "draft 3.2 l.432-439; RFC 4301 4.4.1",
         "IKE with each neighbour first matches a rule that lets it through.",
         once(_ike_blocked), findings=("F-65",)),
    Lint("listener-open", "threat", ("W-2-5", "W-2-4"), "draft 2 l.140-145",
         "No stranger's segment reaches the listener in plaintext.",
         _of_packets(_strangers, ("bypass",), "a stranger's SYN is answered in plaintext"), findings=("F-35",)),
    Lint("spd-default", "silent", ("W-3.4-4",), "silent: draft 3.2, 3.4 l.545-546; RFC 4301 4.4.1",
         "What no rule selects is discarded.",
         of_speakers("otherwise", _spd_default), findings=("F-06", "F-65")),
    Lint("spd-shadowed", "silent", ("W-3.1-8",), "silent: draft 3.1 l.406-411; RFC 4301 4.4.1",
         "Every rule is the first match of some packet.",
         _shadowed, findings=("F-65",)),
    Lint("shared-sa", "MUST", ("W-4.1-4", "W-3.1-8", "W-3.1-9", "W-3.6-3"), "draft 4.1 l.886-889, 3.1 l.406-411, 3.6 l.634-637",
         "Each TCP connection of BGP has a phase 2 SA of its own.",
         once(_shared_sa), findings=("F-42", "F-56")),
    Lint("wide-selectors", "MUST", ("W-4.1-4", "W-3.1-9", "W-3.1-11", "W-3.8-4"), "draft 4.1 l.886-891, 3.1 l.408-416, 3.8 l.691-698",
         "The SA of a session carries nothing else.",
         once(_wide), findings=("F-56", "F-57")),
    Lint("fixed-port", "claim", ("W-3.1-12",), "draft 3.1 l.418-428",
         "No rule fixes the port that is chosen when a connection is opened.",
         once(_fixed_port), findings=("F-39",)),
    Lint("filters-per-session", "MUST", ("W-3.2-3", "W-3.4-4"), "draft 3.2 l.436-439, 3.4 l.545-546",
         "The rules stand before the first SYN and after the last segment.",
         of_speakers("filters", _filters), findings=("F-06", "F-35", "F-65")),
    Lint("fallback", "MUST", ("W-3.2-3", "W-2-5"), "draft 3.2 l.436-439, 2 l.143-145",
         "Where IKE fails there is no session.",
         of_peers("on-failure", _fallback)),
    Lint("no-inbound-check", "MUST", ("W-3.6-1",), "draft 3.6 l.628-630",
         "What arrives is checked to have come through IPsec.",
         of_speakers("inbound-check", _no_check), findings=("F-55",)),
    Lint("late-inbound-check", "threat", ("W-2-4", "W-3.6-1"), "draft 2 l.140-141, 3.6 l.628-642",
         "IPsec makes that check, before TCP sees the segment.",
         of_speakers("inbound-check", _late_check), findings=("F-55",)),
    Lint("path-mtu-discovery", "SHOULD", ("W-3.5-1",), "draft 3.5 l.562-567",
         "Path MTU discovery is used.",
         of_speakers("path-mtu-discovery", lambda speaker: "" if speaker.path_mtu_discovery else "path MTU discovery is off")),
    Lint("too-big-lost", "SHOULD", ("W-3.5-1", "W-3.5-2"), "draft 3.5 l.562-577",
         "A router's word that a packet is too big reaches a speaker that discovers the path MTU.",
         _of_packets(_too_big, ("discard", "protect"), "no router on the way can say that a packet is too big"), findings=("F-60",)),
    Lint("icmp-resets", "threat", ("W-2-4",), "draft 2 l.140-141; RFC 1122 4.2.3.9",
         "No unauthenticated ICMP error ends a connection.",
         _of_packets(_hard_errors, ("bypass",), "TCP aborts on it, so whoever forges it ends the session"), findings=("F-62",)),
    Lint("tcp-md5", "claim", ("W-3.2-6", "W-3.2-5"), "draft 3.2 l.442-447",
         "TCP MD5 beside IPsec is chosen knowingly.",
         of_peers("tcp-md5", _md5), findings=("F-52",)),
    Lint("hold-time-zero", "claim", ("W-3.4-5",), "draft 3.4 l.548-550; RFC 4271 4.2",
         "Sessions have a hold time.",
         of_peers("hold-time", _hold_time), findings=("F-28",)),
)
