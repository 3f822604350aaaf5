"""Presets: a value for every reading, and what is promised under it.

`draft` is the text as a careful implementer would first read it; it promises nothing, its violations are findings. Where the
draft is silent on a key, the word is 'silent' and the value is what common implementations do. `repaired` changes what
the rules R-a to R-n ask for, and promises that the claims named here hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Choice:
    """The value a preset gives a key, and the source: a place in the draft, 'silent', or a rule of the repair."""

    value: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A value for every reading (both ends alike), and what is promised under it: claims, and `comes_about`, response properties.
    `by_design`: why something is not promised although the rules were made for it, by name."""

    name: str
    about: str
    choices: Mapping[str, Choice]
    promises: tuple[str, ...]
    comes_about: tuple[str, ...] = ()
    by_design: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> str:
        return self.choices[key].value


_DRAFT = {
    "del_trigger": Choice("bgp_idle", "draft 3.4 l.552-556"),
    "passive_del": Choice("keep", "silent; 3.3 l.525-532 speaks of the active closer"),
    "after_del": Choice("bypass", "draft 3.4 l.545-546, filters removed; what is left: silent"),
    "clock_start": Choice("tw", "draft 3.3 l.527-530"),
    "confirm": Choice("any_del", "draft 3.4 l.541-546"),
    "unmarked_del": Choice("ignore", "silent; 3.4 l.538-546 has no else branch"),
    "on_failure": Choice("delete", "draft 3.4 l.536-538 (SHOULD)"),
    "peer_del": Choice("apply", "silent; RFC 2408 3.15, 5.15"),
    "expiry": Choice("remove", "silent; RFC 2401 4.4.3"),
    "close_call": Choice("half_close", "draft 3.3 l.504-506 (SHOULD)"),
    "bind": Choice("single", "draft 3.2 l.480-484"),
    "p1_delete": Choice("last_bgp_session", "draft 3.3 l.510-513"),
    "p1_count": Choice("bgp_only", "draft 3.3 l.510-513"),
    "p1_cascade": Choice("continuous", "draft 3.3 l.513-515"),
    "del_order": Choice("p1_first", "draft 3.4 l.555, the order of the words"),
    "del_pair": Choice("both", "silent"),
    "spi_scope": Choice("address", "draft 3.1 l.384-385"),
    "dead_qm": Choice("complete", "silent"),
    "naive": Choice("off", "silent; RFC 2409 5.7"),
    "rekey_by": Choice("both", "silent"),
    "redundant": Choice("keep", "silent"),
    "commit": Choice("off", "silent; RFC 2408 3.1"),
    "preinstall": Choice("on", "silent"),
    "replay_window": Choice("on", "draft 2 l.147-149 (MUST)"),
    "ic": Choice("on", "silent; RFC 2407 4.6.3.3"),
    "contact": Choice("delete", "silent; RFC 2407 4.6.3.3"),
    "p1_mode": Choice("main", "silent; 4.4 speaks of both"),
    "listener_rule": Choice("none", "silent"),
    "qm_port": Choice("exact", "draft 3.2 l.451-454 (MUST)"),
    "port": Choice("179", "RFC 4271 8.2.1; draft 3.2 l.436 says 170"),
    "session_id": Choice("ordered", "draft 3.2 l.463-470"),
    "rst_check": Choice("rfc793", "silent; RFC 793 3.9, which the draft cites"),
    "icmp_policy": Choice("ignore", "silent"),
    "ipsec": Choice("on", "draft 2 l.147-151 (MUST)"),
    "md5": Choice("off", "draft 3.2 l.442-447"),
    "psk": Choice("group_aggressive", "draft 4.4 l.1020-1023 (SHOULD NOT in main mode, SHOULD in aggressive)"),
    "neighbour_id": Choice("any_trusted", "silent; 4.2 l.920-923"),
    "check_at": Choice("bgp", "draft 3.6 l.628-630"),
    "ext_gw": Choice("off", "silent"),
    "keying": Choice("ike", "draft 3.2 l.436-439 (MUST); 2.1 l.190 only SHOULD"),
    "natt": Choice("off", "silent"),
    "position": Choice("on_path", "draft 2 l.128-141"),
    "unprotected_ike": Choice("yes", "silent; RFC 2409 5.7"),
    "icmp": Choice("yes", "silent; RFC 5927 1"),
    "group_psk": Choice("yes", "draft 4.4 l.991-998"),
    "rogue_cert": Choice("yes", "silent; 4.2 l.920-923"),
    "local_user": Choice("yes", "draft 4.1 l.878-893"),
    "third_host": Choice("yes", "draft 3.8 l.690-698"),
    "first_open": Choice("own", "RFC 4271 8.2.2; draft 3.2 l.457-471 has the remote peer reply"),
    "hold": Choice("on", "silent; RFC 4271 10"),
    "gr": Choice("off", "silent; 3.4 l.556-557"),
}
_REPAIRED = _DRAFT | {
    "del_trigger": Choice("tcp_closed", "R-a: an endpoint deletes its SAs exactly when its own TCB becomes CLOSED"),
    "passive_del": Choice("at_closed", "R-a, for the passive closer"),
    "bind": Choice("set", "R-a: all generations of the connection"),
    "peer_del": Choice("defer", "R-b: a received Delete takes effect when the own TCB is CLOSED"),
    "after_del": Choice("discard", "R-c: never BYPASS"),
    "listener_rule": Choice("protect", "R-c: a neighbour-wide rule PROTECT, else DISCARD"),
    "check_at": Choice("spd", "R-c: checked for every segment, not only for data"),
    "dead_qm": Choice("refuse", "R-d: no Quick Mode for a connection that does not exist"),
    "p1_delete": Choice("never", "R-f: phase 1 is never deleted on behalf of BGP"),
    "unmarked_del": Choice("event18", "R-h: event 18, and only when no SA is left"),
    "expiry": Choice("abort", "R-i: the hard limit of a connection's last SA aborts the connection under it; the SA goes with the TCB"),
    "contact": Choice("abort", "R-l: an INITIAL-CONTACT aborts the connections under the SAs that it removes; their TCBs go with them"),
    "p1_cascade": Choice("dangling", "R-k: a phase 1 SA that goes takes no phase 2 SA with it"),
    "commit": Choice("on", "R-m: an initiator uses an SA when the responder has said that it has it (RFC 2408 3.1)"),
    "neighbour_id": Choice("configured", "R-n: a certificate speaks for the neighbour it was configured for (RFC 4301 4.4.3)"),
    "psk": Choice("per_peer", "R-n, for pre-shared keys: one for each neighbour"),
    "confirm": Choice("bound_only", "R-j: a Delete confirms a teardown only where it takes the last SA that IKE still had"),
}
_ONE_SIDED = ("a packet for an SA that the receiver no longer has brings no RST (F-15): after a lost reset and a lost Delete, a restart "
              "or an end of TIME-WAIT that came first, only a timeout clears the one-sided SA and its connection")
PRESETS = {one.name: one for one in (
    Preset("draft", "the text as first read", _DRAFT, ()),
    Preset("repaired", "the draft with the rules R-a to R-n", _REPAIRED,
           ("no-plaintext-out", "no-plaintext-after-open", "no-plaintext-in", "sa-outlives-connection", "sa-outlives-need",
            "one-sa-congruent", "sa-serves-one-connection", "delete-means-closed", "no-collateral-deletion", "syn-after-own-phase2",
            "no-replay", "accepted-is-authentic", "text-stays-secret", "text-is-genuine", "session-is-with-neighbour",
            "session-outlives-attack", "no-idle-orphan", "rekey-keeps-session", "binding-is-current", "lost-peer-is-noticed",
            "close-spares-other"),
           ("no-orphan-sa", "session-comes-up", "dead-sa-detected", "no-blackhole", "blackhole-is-noticed", "graceful-restart-kept"),
           {"close-ends": _ONE_SIDED, "no-stuck-close": _ONE_SIDED, "keys-come-up": "no rule makes INITIAL-CONTACT true: of two phase 1 "
            "exchanges that cross each end keeps the one that the other deletes (F-27), until a retry limit"}),
)}

