"""IPsec processing: the SPD entry of the connection and the SAD (RFC 2401 and 4301 5.1, 5.2; RFC 2406).

The draft's "filter" is the connection's own SPD entry. Where a connection has none, the neighbour-wide rule for
TCP port 179 decides if there is one (reading `listener_rule`), else the last rule of the SPD, which is BYPASS for all
traffic, as on a router that also carries what needs no protection. (Without such a rule the packet would be discarded, RFC
4301 5; many stacks let it pass even then.) UDP port 500 is always bypassed: it is another channel here. A rule written for
port 170 (reading `port`) matches nothing.

An ESP packet for an SPI nobody has is dropped before TCP sees it: no RST comes back, which is the price of IPsec
that findings call F-15. ESP integrity is never broken here: what an attacker forges is plaintext, or ESP under
an SA that an end negotiated with him (`model.intruder`); what an insider sends leaves under the genuine SA. Reading `md5`: a segment
that is not the peer's TCP's has no valid digest (RFC 2385) and never reaches TCP. Reading `ipsec` = off: no rule applies, in or out, and
BGP checks nothing; the binding layer knows nothing of it, and an SA that it still has negotiated carries nothing.
"""

from __future__ import annotations

from typing import Any

from model.action import Event, put, refuse, set_, signal
from model.channels import SEGMENTS
from model.expr import TRUE, Choice, Const, Expr, Sort, Var, conj, disj, ite
from model.nat import NAT
from model.readings import reading
from model.restart import forgotten
from model.signals import (
    CLEARED,
    CLOSED,
    COPY,
    DATA,
    DISCARD,
    ESP_IN,
    ESP_OUT,
    EXPIRED,
    FORGED,
    G0,
    G1,
    G2,
    GEN,
    IKE_TELL,
    INSIDER,
    LISTEN,
    ME,
    MY_GEN,
    NO_ENTRY,
    OTHERS_LOST,
    OTHERS_SA,
    PLAIN,
    PROT,
    PROTECT,
    QM_NEED,
    RESTART,
    RETIRED,
    SA_DELETE,
    SA_DROP_LARVAL,
    SA_FOR,
    SA_GETSPI,
    SA_IN,
    SA_INSTALL,
    SA_INSTALL_IN,
    SA_OUT,
    SA_REMOVE,
    SA_REMOVE_OTHERS,
    SA_REMOVE_OUT,
    SPD_ENTRY,
    SPD_IN,
    SPD_OUT,
    SPD_SET,
    TCP,
    TCP_ABORT,
    TCP_INC,
    TCP_RCV,
    acks,
    by_peer,
    exact_ports,
    fit,
    gen,
    inc,
    kind,
    msg,
    origin,
    resend,
    sa_covers,
    sa_usable,
    why,
)
from model.table import ANY, STAY, Line, Table, ignored, row

GENERATIONS = (G0, G1, G2)
SEGMENT: dict[str, Any] = {"kind": kind, "msg": msg, "acks": acks, "inc": inc}

# -- the SPD ------------------------------------------------------------------------------------------------------

IPSEC = reading("ipsec") == "on"
RULE_MATCHES = (reading("port") == "179") & IPSEC
NEIGHBOUR_RULE = (reading("listener_rule") == "protect") & RULE_MATCHES
CHECK_AT_SPD = (reading("check_at") == "spd") & IPSEC
# NOTE: the key of RFC 2385 belongs to the neighbour's socket; neither an attacker nor an insider has it.
NO_DIGEST = (reading("md5") == "on") & origin.among(FORGED, INSIDER)
NO_DIGEST_SOURCE = "RFC 2385 2.0: the segment is dropped, RST included; no answer"


def outbound() -> list[Line]:
    """RFC 4301 5.1, the SPD half."""
    s = "RFC 4301 5.1, 4.4.1"
    whose: dict[str, Any] = {"fit": fit, "origin": origin, "resend": resend}
    protect = signal("ipsec", ESP_OUT(**SEGMENT, **whose))
    plain = put(SEGMENTS, **SEGMENT, **whose, prot=PLAIN)
    return [
        row("PROTECT", PROTECT, SPD_OUT, RULE_MATCHES, [protect], STAY, s),
        row("neighbour rule: PROTECT", NO_ENTRY, SPD_OUT, NEIGHBOUR_RULE, [protect], STAY, s),
        row("no rule: BYPASS", NO_ENTRY, SPD_OUT, ~NEIGHBOUR_RULE, [plain], STAY,
            f"{s}, the last rule; draft 3.4 l.545-546 removes the filters"),
        row("rule for another port: BYPASS", (PROTECT, DISCARD), SPD_OUT, ~RULE_MATCHES & IPSEC, [plain], STAY, "draft 3.2 l.435-436"),
        row("no IPsec: BYPASS", (PROTECT, DISCARD), SPD_OUT, ~IPSEC, [plain], STAY, "RFC 4301 5.1: nothing to apply"),
        row("DISCARD", DISCARD, SPD_OUT, RULE_MATCHES, [], STAY, f"{s}: TCP is not told"),
    ]


def inbound_plain() -> list[Line]:
    """RFC 4301 5.2 for a packet that did not come under an SA."""
    s = "RFC 4301 5.2, step 3b"
    ruled: dict[Const, Expr] = {PROTECT: RULE_MATCHES, DISCARD: RULE_MATCHES, NO_ENTRY: NEIGHBOUR_RULE}
    to_tcp = signal("tcp", TCP_RCV(**SEGMENT, fit=fit))
    by_bgp = (kind == DATA) & IPSEC  # the draft's check, which only data reaches
    lines = []
    for state, rule in ruled.items():
        drop = rule | CHECK_AT_SPD
        lines += [
            ignored(state, SPD_IN, f"{s}; draft 3.6 l.628-630", guard=drop, name="PLAIN dropped"),
            ignored(state, SPD_IN, NO_DIGEST_SOURCE, guard=~drop & NO_DIGEST, name="PLAIN without digest dropped"),
            row("PLAIN data refused by BGP", state, SPD_IN, ~drop & ~NO_DIGEST & by_bgp, [], STAY, "draft 3.6 l.628-630"),
            row("PLAIN accepted", state, SPD_IN, ~drop & ~NO_DIGEST & ~by_bgp, [to_tcp], STAY, f"{s}: no rule but the last, BYPASS"),
        ]
    return lines


SPD_TABLE = Table(
    "spd", "SPD entry of the connection (RFC 4301 4.4.1)", SPD_ENTRY, (SPD_OUT, SPD_IN, SPD_SET, RESTART),
    (*outbound(), *inbound_plain(),
     forgotten(SPD_ENTRY, source="draft 3.2 l.449-456: an entry of the connection, not of the configuration"),
     row("PROTECT installed", ANY, SPD_SET(entry=PROTECT), TRUE, [], PROTECT, "draft 3.2 l.449-456"),
     row("DISCARD left in its place", ANY, SPD_SET(entry=DISCARD), TRUE, [], DISCARD, "draft 3.4 l.545-546, read as: kept"),
     row("entry removed", ANY, SPD_SET(entry=NO_ENTRY), TRUE, [], NO_ENTRY, "draft 3.4 l.545-546")),
)

# -- the SAD ------------------------------------------------------------------------------------------------------

WHOLE = Sort("Sad", ("SAD",))
(SAD,) = WHOLE.consts()
SAD_STATE = Var("ipsec", "state", WHOLE, doc="the SAD has no states of its own; its SAs do")
WHICH = Choice("SA", GEN)
ACQUIRE = reading("after_del") == "acquire"
MANUAL = reading("keying") == "manual"
# The address that B's segments come from is not the one that their checksums were made for.
WRONG_CHECKSUM = (NAT == "changed") & (ME == "A")
ABORT_FIRST = reading("expiry") == "abort"

CLEAR = Event("clear SA", gen, who="operator", doc="the operator clears one SA pair")
SOFT = Event("soft lifetime", gen, who="lifetime", doc="seconds, kilobytes or sequence numbers run low (RFC 2401 4.4.3)")
REDUNDANT = Event("redundant SA", who="daemon", doc="both ends rekeyed at once: the SA the peer began is one too many")
HARD = Event("hard lifetime", gen, who="lifetime", doc="seconds, kilobytes or sequence numbers ran out (RFC 2401 4.4.3)")


def as_prot(generation: Expr) -> Expr:
    """ESP under that generation, as a segment carries it."""
    return ite(generation == G0, PROT.const("ESP-g0"), ite(generation == G1, PROT.const("ESP-g1"), PROT.const("ESP-g2")))


def as_selector(exact: Expr, incarnation: Expr) -> Expr:
    """The selectors a Quick Mode with these identities gives."""
    selector = SA_FOR.sort
    return ite(~exact, selector.const("any"), ite(incarnation == "0", selector.const("0"), selector.const("1")))


PEERS_GEN = ite(MY_GEN == G1, G2, G1)
# Both ends' rekeys are done: an SA pair that each of them began is up here.
TWO_REKEYED = conj(*((SA_OUT[g] != "none") for g in (G1, G2)))
# Either half of the generation an event names can be used.
USABLE_HALF = (SA_OUT[gen] != "none") | SA_IN[gen].among("mature", "dying")


def processing() -> list[Line]:
    """RFC 4301 5.1 and 5.2, the SAD half; RFC 2406 3.4.3."""
    any_usable = disj(*(sa_usable(g, inc) for g in GENERATIONS))
    this = disj(*((g == WHICH) & sa_usable(g, inc) for g in GENERATIONS))
    has_in = SA_IN[gen].among("mature", "dying")
    fresh = (origin != COPY) | (reading("replay_window") == "off")
    to_tcp = signal("tcp", TCP_RCV(**SEGMENT, fit=fit))
    return [
        row("ESP", SAD, ESP_OUT, this, [put(SEGMENTS, resend=resend, **SEGMENT, fit=fit, origin=origin, prot=as_prot(WHICH))], STAY,
            "RFC 4301 5.1; which of several: draft 3.2 l.489-491"),
        row("not that SA", SAD, ESP_OUT, ~this & (any_usable | (WHICH != G0)), [refuse("not a usable SA")], STAY, "RFC 4301 5.1"),
        row("no SA: dropped", SAD, ESP_OUT, ~any_usable & (WHICH == G0) & ~ACQUIRE, [], STAY,
            "RFC 4301 5.1: dropped where nothing may be negotiated; TCP is not told"),
        row("no SA: acquire", SAD, ESP_OUT, ~any_usable & (WHICH == G0) & ACQUIRE,
            [signal("quick-initiator", QM_NEED(inc=inc))], STAY,
            "RFC 4301 4.4.1, 5.1: the packet is dropped and IKE asked for an SA"),
        ignored(SAD, ESP_IN, "RFC 4301 5.2 step 2: audited; TCP never sees it, so no RST", guard=~has_in, name="unknown SPI"),
        ignored(SAD, ESP_IN, "RFC 2406 3.4.3", guard=has_in & ~fresh, name="replay dropped"),
        ignored(SAD, ESP_IN, "RFC 4301 5.2 step 4", guard=has_in & fresh & ~sa_covers(gen, inc), name="outside the selectors"),
        row("ESP accepted", SAD, ESP_IN, has_in & sa_covers(gen, inc) & (origin != COPY) & ~NO_DIGEST & ~WRONG_CHECKSUM, [to_tcp], STAY,
            "RFC 4301 5.2"),
        ignored(SAD, ESP_IN, NO_DIGEST_SOURCE, guard=has_in & sa_covers(gen, inc) & NO_DIGEST & ~WRONG_CHECKSUM,
                name="ESP without digest dropped"),
        ignored(SAD, ESP_IN, "draft 3.10 l.820-827; RFC 9293 3.1 MUST-2, 3: TCP drops it silently",
                guard=has_in & fresh & sa_covers(gen, inc) & WRONG_CHECKSUM, name="wrong checksum"),
        row("ESP accepted twice", SAD, ESP_IN, has_in & fresh & sa_covers(gen, inc) & (origin == COPY) & ~WRONG_CHECKSUM, [to_tcp], STAY,
            "RFC 2406 3.4.3: no window"),
    ]


def management() -> list[Line]:
    """SAs come and go: RFC 2401 4.4.3, 4.5."""
    here = (SA_IN[gen] != "none") | (SA_OUT[gen] != "none")
    selectors = set_(SA_FOR[gen], as_selector(exact_ports, inc))
    gone = (set_(SA_IN[gen], "none"), set_(SA_OUT[gen], "none"), set_(SA_FOR[gen], "0"))
    keep = by_peer & (reading("peer_del") == "defer")
    cascade = "draft 3.3 l.507-516: the phase 2 SAs bound to the phase 1 SA, whosever they are"
    return [
        row("getspi", SAD, SA_GETSPI, TRUE, [set_(SA_IN[gen], "larval"), selectors], STAY, "RFC 2409 5.5"),
        row("install inbound", SAD, SA_INSTALL_IN, TRUE, [set_(SA_IN[gen], "mature"), selectors], STAY, "RFC 2409 5.5"),
        row("install", SAD, SA_INSTALL, TRUE, [set_(SA_IN[gen], "mature"), set_(SA_OUT[gen], "mature"), selectors], STAY,
            "RFC 2409 5.5"),
        row("SA deleted", SAD, SA_DELETE, USABLE_HALF, [*gone, signal("informational", IKE_TELL(gen=gen, why=why))], STAY,
            "RFC 2401 4.6.2; RFC 2408 3.15"),
        ignored(SAD, SA_DELETE, "RFC 2408 5.15: no such SA", guard=~USABLE_HALF),
        row("remove", SAD, SA_REMOVE, here, list(gone), STAY, "RFC 2408 5.15"),
        ignored(SAD, SA_REMOVE, "RFC 2408 5.15: no such SA", guard=~here),
        row("remove outbound half", SAD, SA_REMOVE_OUT, TRUE, [set_(SA_OUT[gen], "none")], STAY,
            "RFC 2408 3.15: the SPI names one half"),
        row("others' SA goes", SAD, SA_REMOVE_OTHERS, OTHERS_SA & ~keep, [set_(OTHERS_LOST, True)], STAY, cascade),
        ignored(SAD, SA_REMOVE_OTHERS, "RFC 2408 3.15: advisory; findings' rule R-b: others use it", guard=OTHERS_SA & keep,
                name="others' SA stays"),
        ignored(SAD, SA_REMOVE_OTHERS, "RFC 2408 5.15: no such SA", guard=~OTHERS_SA),
        row("drop larval", SAD, SA_DROP_LARVAL, SA_OUT[gen] == "none", [set_(SA_IN[gen], "none"), set_(SA_FOR[gen], "0")], STAY,
            "RFC 2409 5.5"),
        ignored(SAD, SA_DROP_LARVAL, "RFC 2409 5.5: the SA is up", guard=SA_OUT[gen] != "none"),
    ]


def lifetimes() -> list[Line]:
    """RFC 2401 4.4.3; who starts a rekey is open (draft 3.2)."""
    s = "RFC 2401 4.4.3"
    usable = SA_OUT[gen] == "mature"
    began = (gen == MY_GEN) | ((gen == G0) & (ME == "A"))
    mine = (reading("rekey_by") == "both") | began
    dying = (set_(SA_OUT[gen], "dying"), set_(SA_IN[gen], ite(SA_IN[gen] == "mature", SA_IN.sort.const("dying"), SA_IN[gen])))
    others = disj(*((gen != g) & (SA_OUT[g] != "none") for g in GENERATIONS))
    in_use = ~TCP.among(CLOSED, LISTEN)
    keep_own = reading("redundant") == "delete"
    abort = ABORT_FIRST & in_use & ~others
    delete = signal("ipsec", SA_DELETE(gen=gen, why=EXPIRED))
    return [
        row("soft limit: rekey", SAD, SOFT, usable & mine, [*dying, signal("quick-initiator", QM_NEED(inc=TCP_INC))], STAY, s),
        row("soft limit: the peer's turn", SAD, SOFT, usable & ~mine, list(dying), STAY, f"{s}; draft 3.2 l.486-491"),
        row("hard limit", SAD, HARD, USABLE_HALF & ~abort, [delete], STAY, s),
        row("hard limit: abort the connection first", SAD, HARD, USABLE_HALF & abort, [signal("tcp", TCP_ABORT)], STAY,
            f"{s}; not in the draft: the connection ends under its SA, which then goes with the TCB"),
        row("redundant: the peer's goes", SAD, REDUNDANT, TWO_REKEYED & keep_own,
            [signal("ipsec", SA_DELETE(gen=PEERS_GEN, why=RETIRED))], STAY,
            "silent: draft 3.2 l.486-491; RFC 7296 2.8.1 had to say which of the two goes (F-19)"),
        row("cleared", SAD, CLEAR, USABLE_HALF, [signal("ipsec", SA_DELETE(gen=gen, why=CLEARED))], STAY, "RFC 2408 3.15"),
    ]


IPSEC_TABLE = Table(
    "ipsec", "SAD: outbound and inbound processing, lifetimes (RFC 4301 4.4.2, 5; RFC 2401 4.4.3)", SAD_STATE,
    (ESP_OUT, ESP_IN, SA_GETSPI, SA_INSTALL_IN, SA_INSTALL, SA_DELETE, SA_REMOVE, SA_REMOVE_OUT, SA_REMOVE_OTHERS, SA_DROP_LARVAL,
     SOFT, HARD, REDUNDANT, CLEAR, RESTART),
    (*processing(), *management(), *lifetimes(),
     forgotten(SAD_STATE, SA_IN, SA_OUT, SA_FOR, source="RFC 2407 4.6.3.3: a system that reboots has no SAs", when=~MANUAL),
     ignored(SAD, RESTART, "draft 4.5 l.1034-1037; RFC 2406 3.3.3: configured with their keys, and their counters begin anew", guard=MANUAL,
             name="restart: manual SAs stay")),
    (SA_IN, SA_OUT, SA_FOR, OTHERS_LOST),
)
