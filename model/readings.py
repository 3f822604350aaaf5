"""The choices the draft, the RFCs and implementations leave open: each a named alternative with its source.

A reading is a rigid variable: the initial state gives it a value and no row ever changes it. Its scope says whose
choice it is: each endpoint's own, the pair's (negotiated or configured alike), or the world's. The value that comes
first is the one a variable has where nobody chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.expr import Enum, Expr, Peer, Var, evaluate


@dataclass(frozen=True, eq=False)
class Reading:
    """One open choice: `source` is where the text leaves it open ("silent: ..." where it says nothing)."""

    key: str
    values: tuple[str, ...]
    scope: str
    source: str
    about: str
    var: Var = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "var", Var("reading", self.key, Enum(self.key, *self.values), self.values[0], doc=self.about))


def _endpoint(key: str, values: str, source: str, about: str) -> Reading:
    return Reading(key, tuple(values.split()), "endpoint", source, about)


def _pair(key: str, values: str, source: str, about: str) -> Reading:
    return Reading(key, tuple(values.split()), "pair", source, about)


def _world(key: str, values: str, source: str, about: str) -> Reading:
    return Reading(key, tuple(values.split()), "world", source, about)


_ALL = (
    # teardown
    _endpoint("del_trigger", "bgp_idle tcp_closed", "draft 3.4 l.552-556 against 3.3 l.528-530",
              "what makes an endpoint delete its SAs: the session's end, or its own TCB becoming CLOSED"),
    _endpoint("passive_del", "keep at_closed at_lastack", "silent: draft 3.3 l.525-532 speaks of the active closer only",
              "what the passive closer does with its SA: waits for the peer's Delete, deletes at CLOSED, deletes with its FIN"),
    _endpoint("after_del", "bypass discard acquire", "draft 3.4 l.545-546",
              "what packets meet once a connection's SA is gone: filters removed, kept without negotiation, kept with it"),
    _endpoint("clock_start", "tw fw2", "draft 3.3 l.527-528", "which response starts the clock: the peer's FIN, or its bare ACK"),
    _endpoint("confirm", "any_del bound_only never", "draft 3.4 l.541-546",
              "which Delete confirms a teardown: any of the connection's, only of the bound SA that IKE still had, none"),
    _endpoint("unmarked_del", "ignore event18 renegotiate", "silent: draft 3.4 l.538-546 has no else branch",
              "what a Delete does to a connection nobody is closing"),
    _endpoint("on_failure", "delete keep", "draft 3.4 l.536-538 (SHOULD)", "whether an unexpected failure deletes the SA"),
    _endpoint("peer_del", "apply defer", "silent: RFC 2408 3.15 is advisory; findings' rule R-b",
              "whether a received Delete takes effect at once, or when the own TCB is CLOSED"),
    _endpoint("expiry", "remove abort", "silent: draft 2.2 l.196-246, 3.3 l.525-532; RFC 2401 4.4.3",
              "the hard lifetime of a connection's last SA: it goes, or the connection is aborted under it first"),
    _endpoint("close_call", "half_close half_duplex", "draft 3.3 l.504-506 (SHOULD half-close); RFC 9293 3.6.1 SHLD-3",
              "whether data after the own FIN is read, or answered with RST"),
    # binding and phase 1
    _endpoint("bind", "single set", "draft 3.2 l.480-484 against l.486-491",
              "a connection is bound to one SA, or to all of its SAs"),
    _endpoint("p1_delete", "last_bgp_session never always", "draft 3.3 l.510-516, 3.4 l.552-556",
              "whether closing a session deletes the phase 1 SA"),
    _endpoint("p1_count", "bgp_only all_children", "draft 3.3 l.507-513", "who counts as still using a phase 1 SA"),
    _endpoint("p1_cascade", "continuous dangling", "draft 3.3 l.513-516; RFC 2409 8",
              "whether phase 2 SAs die with their phase 1 SA"),
    _endpoint("del_order", "p1_first p2_first", "draft 3.4 l.555-556", "which Deletes leave first"),
    _endpoint("del_pair", "both out_only", "silent: draft 3.1 l.382-383; RFC 2408 3.15",
              "whether a Delete of one SPI removes the pair or the half that sends to it"),
    _endpoint("spi_scope", "address phase1", "draft 3.1 l.384-391: <ESP, destination address, SPI>; silent: 3.1 l.399-404",
              "where the SPI of a Delete is looked up: among all SAs with that address, or among those of the phase 1 SA it came under"),
    _endpoint("dead_qm", "complete refuse", "silent: draft 3.2 l.436-439, 3.3 l.528-530; findings' rule R-d",
              "whether a Quick Mode for a connection without TCB is completed or refused"),
    _endpoint("naive", "off on", "RFC 2409 5.7: informational messages are protected once keys exist",
              "whether an unprotected Delete is acted on"),
    # rekey
    _endpoint("rekey_by", "both initiator", "silent: draft 3.2 l.486-491", "who starts a rekey"),
    _endpoint("redundant", "keep delete", "silent: draft 3.2 l.486-491", "what becomes of the second SA of two rekeys at once"),
    _endpoint("commit", "off on", "RFC 2408 3.1", "whether the responder holds the initiator back until it is ready"),
    _endpoint("preinstall", "on off", "silent: draft 3.2 l.436-439; RFC 2409 5.5", "whether the responder can receive from QM2 on"),
    _endpoint("replay_window", "on off", "RFC 2406 3.4.3; draft 2.1 l.174-175 (MUST)", "whether the anti-replay window is checked"),
    # opening
    _endpoint("ic", "on off", "RFC 2407 4.6.3.3", "whether the first phase 1 SA carries INITIAL-CONTACT"),
    _endpoint("contact", "delete abort", "silent: draft 3.4 l.538-541; RFC 2407 4.6.3.3",
              "what INITIAL-CONTACT does to a connection: its SAs go under it, or it is aborted with them"),
    _endpoint("p1_mode", "main aggressive", "draft 4.4 l.979-1006", "phase 1 exchange an initiator uses"),
    _endpoint("listener_rule", "none protect", "silent: draft 3.2 l.436-439, 3.6 l.628-630",
              "whether a neighbour-wide PROTECT rule stands behind the connection's"),
    _endpoint("qm_port", "exact any", "draft 3.2 l.449-456; RFC 2407 4.6.2", "whether Quick Mode names the source port"),
    _endpoint("port", "179 170", "draft 1.1 l.108-110, 3.2 l.435-436; RFC 4271 8.2.1",
              "the port the SPD rules are written for; BGP uses 179"),
    _endpoint("session_id", "ordered unordered addr", "draft 3.2 l.463-470", "what a session is known by"),
    # attacks and path
    _endpoint("rst_check", "rfc793 rfc5961", "RFC 9293 3.10.7.4; RFC 5961 3, 4", "which RST and SYN a synchronized TCP believes"),
    _endpoint("icmp_policy", "ignore abort", "RFC 9293 3.9.2.2; RFC 5927", "whether an ICMP hard error ends the connection"),
    _pair("ipsec", "on off", "draft 2 l.147-151; 3.2 l.442-447 speaks of md5 beside it", "whether the neighbours use IPsec at all"),
    _pair("md5", "off on", "draft 2 l.153-164, 3.2 l.442-447; RFC 2385: configured alike or no connection",
          "whether segments carry the TCP MD5 option, with a key of the two neighbours"),
    _endpoint("psk", "group_aggressive group per_peer none", "draft 4.4 l.991-1023",
              "the pre-shared key an end accepts: a group's in aggressive mode, a group's in either, the neighbour's own, none"),
    _endpoint("neighbour_id", "any_trusted configured", "silent: draft 4.2 l.920-923; RFC 4301 4.4.3 has it",
              "whose certificate an end accepts as the neighbour's: of any subject a trusted CA names, or of the configured one"),
    _endpoint("check_at", "bgp spd", "draft 3.6 l.628-632", "where a packet's protection is checked"),
    _world("ext_gw", "off on", "draft 3.8 l.690-698, l.733-738", "whether IPsec ends on external gateways, with ANY-to-ANY selectors"),
    _pair("keying", "ike manual", "draft 2.1 l.189-192 (IKE SHOULD), 4.5 l.1034-1037",
          "whether SA keys are negotiated, or configured and so outlive a restart"),
    _world("natt", "off on", "draft 3.10 l.830-844 (MAY)", "whether there is a NAT on the path, in front of B"),
    # what the attacker can do
    _world("position", "on_path off_path none", "draft 2 l.131-141; RFC 5961 1",
           "where the attacker is: on the path, which shows and stops packets, or off it, which leaves guesses"),
    _world("unprotected_ike", "yes no", "RFC 2409 5.7; RFC 2408 4.8", "whether the attacker sends IKE messages that no SA protects"),
    _world("icmp", "yes no", "draft 2 l.140-141; RFC 5927 1", "whether the attacker sends ICMP errors"),
    _world("group_psk", "yes no", "draft 4.4 l.991-998", "whether the attacker knows the group's pre-shared key"),
    _world("rogue_cert", "yes no", "draft 4.2 l.920-923", "whether the attacker holds a certificate of a trusted CA, of his own name"),
    _world("local_user", "yes no", "draft 4.1 l.878-894", "whether the attacker is another user of a speaker's host"),
    _world("third_host", "yes no", "draft 3.8 l.690-698", "whether the attacker has a host behind the gateway of one neighbour"),
    # BGP
    _endpoint("first_open", "own reply_only", "draft 3.2 l.457-471 against RFC 4271 8.2.2",
              "whether an end that was connected to sends its OPEN when the connection is up, or in reply to the peer's"),
    Reading("hold", ("on", "zero"), "pair", "RFC 4271 4.2: the smaller of both ends' values", "hold time; with zero nobody watches"),
    _endpoint("gr", "off helper", "draft 3.4 l.556-557; RFC 4724", "graceful restart helper"),
)
READINGS = {one.key: one for one in _ALL}
ENDPOINT_VARS = tuple(one.var for one in _ALL if one.scope == "endpoint")
SHARED_VARS = tuple(one.var for one in _ALL if one.scope != "endpoint")


def reading(key: str) -> Var:
    """The variable of a reading, for guards: ``reading("del_trigger") == "bgp_idle"``."""
    return READINGS[key].var


@dataclass(frozen=True, eq=False)
class Impossible:
    """Readings under which nothing can come to stand as `slices` start. `when` is read at each end, `Peer` being the other."""

    slices: tuple[str, ...]
    when: Expr
    reason: str
    source: str


IMPOSSIBLE = (
    Impossible(("teardown", "rekey"), reading("port") != Peer(reading("port")),
               "the end whose rules are for port 170 sends the connection in plaintext, the other takes no BGP message from it, so that "
               "they are never Established", "RFC 4301 5.2; draft 3.6 l.628-630 (MUST)"),
)


def impossible(slice_name: str, readings: Mapping[str, str]) -> Impossible | None:
    """What keeps the slice from starting under these readings ("A:key" or "key" -> value, all of them); None if nothing does."""
    for one in IMPOSSIBLE:
        if slice_name in one.slices and any(evaluate(one.when, _At(end, readings)) for end in ("A", "B")):
            return one
    return None


class _At:
    """Reads readings at an end."""

    def __init__(self, end: str, readings: Mapping[str, str]) -> None:
        self.end, self.readings = end, readings

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Peer):
            return evaluate(expr.children[0], _At("B" if self.end == "A" else "A", self.readings))
        assert isinstance(expr, Var)
        name = f"{self.end}:{expr.name}" if READINGS[expr.name].scope == "endpoint" else expr.name
        return expr.sort.code(self.readings[name])
