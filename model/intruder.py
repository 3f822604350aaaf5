"""What an insider does to one end: IKE in the neighbour's name, and segments from the neighbour's site that are not its BGP's.

    impostor     holds the group's pre-shared key, or a certificate of a trusted CA. He completes phase 1 with this end, and, if he
                 sends and receives at the neighbour's address, phase 2 for the connection's selectors (F-43, RFC 2409 5, 5.5). His
                 segments then come under an SA of this end, though nobody it trusts has its keys.
    local user   another user of this host, who finds the connection's port free and its SA alive (draft 4.1, F-58)
    third host   behind this end's gateway, which protects what it forwards under one ANY-to-ANY SA (draft 3.8 [4], F-56)

An exchange with the impostor is one step: its messages touch nothing but this table until the last one is accepted, and when they
arrive is the impostor's to choose. Which credential an end accepts, and for whom, are the readings `psk` and `neighbour_id`.
A main mode pre-shared key is found by the address (RFC 2409 5.4), so the impostor needs the neighbour's; in aggressive mode it is
found by the identity, from any address. A certificate bears the impostor's own name, so that nothing but the neighbour's address
makes this end take him for the neighbour.

NOTE: the impostor's SA has the name that the neighbour's own next SA would have (g2 at A, g1 at B). Once the neighbour has used it
the impostor gets none, and what he has is not told from the neighbour's by anybody: that is the point.
NOTE: transport mode. An SA that an impostor made from another address carries packets of that address, which no connection of this
neighbour has; such a phase 1 SA, under the neighbour's identity, is good for INITIAL-CONTACT only (RFC 2407 4.6.3.3: which SAs are
"the remote system's" goes by the address or by the identity, as with unique identities in common implementations).
NOTE: without an SA of this end, what another user or another host sends is plaintext, which `model.attacker` has already.
NOTE: an insider's packet leaves when no equal one is in flight.
"""

from __future__ import annotations

from typing import Any

from model.action import Event, set_, signal
from model.attacker import ON_PATH
from model.expr import BOOL, Enum, Expr, Param, Var, ite
from model.ike_quick import ABANDONS, DEAD, R_SEEN
from model.ipsec import IPSEC
from model.readings import reading
from model.signals import (
    ANY_SA,
    BIND_P2_UP,
    BY_SENDER,
    CLOSED,
    DATA,
    ESP_IN,
    EXACT,
    FORGED,
    G1,
    G2,
    IN_WINDOW,
    INFO_IC,
    INSIDER,
    ME,
    NO_MSG,
    P1_DOWN,
    SA_IN,
    SA_INSTALL,
    SA_OUT,
    SPD_OUT,
    SYN,
    TCP,
    kind,
    msg,
)
from model.table import ANY, STAY, Line, Table, row

IMPOSTOR = Enum("Impostor", "none", "PHASE-1", "PHASE-2")
NOBODY, PHASE_1, PHASE_2 = IMPOSTOR.consts()
STATE = Var("intruder", "state", IMPOSTOR, doc="the SAs this end has with an impostor")
AT_ADDRESS = Var("intruder", "at-address", BOOL, doc="the impostor sends and receives at the neighbour's address")

CREDENTIAL = Enum("Credential", "group-psk", "certificate")
MODE = Enum("Phase1Mode", "main", "aggressive")
credential, mode = Param("credential", CREDENTIAL), Param("mode", MODE)
at_address = Param("at-address", BOOL)

AUTHENTICATE = Event("phase 1 as the neighbour", credential, mode, at_address, who="attacker", doc="main or aggressive mode, to its end")
ASK = Event("AM1 as the neighbour", who="attacker", doc="the first message of aggressive mode, from anybody")
CONTACT = Event("INITIAL-CONTACT as the neighbour", who="attacker", doc="in an informational exchange under the impostor's phase 1 SA")
QUICK = Event("Quick Mode as the neighbour", who="attacker", doc="with the selectors of the connection")
SPEAK = Event("segment as the neighbour", kind, msg, who="attacker", doc="under the impostor's SA, to this end")
USER = Event("segment of another user", who="attacker", doc="a SYN from the connection's port, on this host")
HOST = Event("segment of another host", kind, who="attacker", doc="behind this end's gateway, with this end's address as source")

THEIR_GEN = ite(ME == "A", G2, G1)
FREE = (SA_IN[THEIR_GEN] == "none") & (SA_OUT[THEIR_GEN] == "none") & ~R_SEEN[THEIR_GEN]
# The end has a pre-shared key that the impostor has; it takes his certificate for the neighbour's.
HAS_KEY = (reading("group_psk") == "yes") & (credential == "group-psk")
GROUP = reading("psk").among("group", "group_aggressive")
TRUSTED = (reading("rogue_cert") == "yes") & (reading("neighbour_id") == "any_trusted") & (credential == "certificate")
PLACE: Expr = ~at_address | ON_PATH


def impostor() -> list[Line]:
    """IKE with somebody who claims to be the neighbour."""
    begun = [set_(AT_ADDRESS, at_address)]
    can = IPSEC & PLACE
    main, aggressive = AUTHENTICATE(mode="main"), AUTHENTICATE(mode="aggressive")
    speaks: dict[str, Any] = {"kind": kind, "msg": msg, "inc": 0, "fit": EXACT, "origin": FORGED}
    # Of both phase 1 SAs with the neighbour none is the new one.
    forget = [signal("informational", INFO_IC(cookie=BY_SENDER)), signal("phase1-responder", P1_DOWN)]
    install = [signal("ipsec", SA_INSTALL(gen=THEIR_GEN, inc=0)), signal("binding", BIND_P2_UP(gen=THEIR_GEN))]
    return [
        row("main mode: the group's key", NOBODY, main, can & HAS_KEY & (reading("psk") == "group") & at_address, begun, PHASE_1,
            "draft 4.4 l.991-998; RFC 2409 5.4: the key goes by the address"),
        row("aggressive mode: the group's key", NOBODY, aggressive, can & HAS_KEY & GROUP, begun, PHASE_1,
            "draft 4.4 l.1000-1023, which holds that it cannot be; RFC 2409 5.4: the key goes by the identity"),
        row("a trusted certificate", NOBODY, AUTHENTICATE, can & TRUSTED & at_address, begun, PHASE_1,
            "draft 4.2 l.920-923; silent on whose name it must bear (RFC 4301 4.4.3)"),
        row("AM2: HASH_R to whoever asks", ANY, ASK, IPSEC & (reading("psk") != "none") & (reading("unprotected_ike") == "yes"), [], STAY,
            "RFC 2409 5.4, aggressive mode: prf under the key, over values the asker has"),
        row("INITIAL-CONTACT believed", PHASE_1, CONTACT, IPSEC, forget, STAY, "RFC 2407 4.6.3.3; draft 3.4 l.538-541"),
        row("phase 2 with the impostor", PHASE_1, QUICK, IPSEC & AT_ADDRESS & FREE & ~(ABANDONS & DEAD), install, PHASE_2,
            "RFC 2409 5.5; draft 3.2 l.449-456"),
        row("the impostor speaks", PHASE_2, SPEAK, IPSEC & ~R_SEEN[THEIR_GEN] & ((kind == DATA) == (msg != NO_MSG)),
            [signal("ipsec", ESP_IN(gen=THEIR_GEN, **speaks))], STAY, "RFC 4301 5.2: the SA is this end's own"),
    ]


def site() -> list[Line]:
    """Others at this end's site, whose packets this end's IPsec takes for its own."""
    fields: dict[str, Any] = {"inc": 0, "origin": INSIDER, "resend": True}
    gateway = (reading("third_host") == "yes") & (reading("ext_gw") == "on") & IPSEC & ANY_SA
    return [
        row("another user connects", ANY, USER, (reading("local_user") == "yes") & IPSEC & ANY_SA & (TCP == CLOSED),
            [signal("spd", SPD_OUT(kind=SYN, fit=EXACT, **fields))], STAY, "draft 4.1 l.878-893; RFC 4301 5.1: selectors name no user"),
        row("another host sends", ANY, HOST, gateway & (kind != DATA), [signal("spd", SPD_OUT(kind=kind, fit=IN_WINDOW, **fields))], STAY,
            "draft 3.8 l.690-698, ANY to ANY; RFC 4301 5.1: at the gateway"),
    ]


INTRUDER_TABLE = Table("intruder", "Insiders: an impostor in IKE, another user, another host", STATE,
                       (AUTHENTICATE, ASK, CONTACT, QUICK, SPEAK, USER, HOST), (*impostor(), *site()), (AT_ADDRESS,))
