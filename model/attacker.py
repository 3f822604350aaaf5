"""What an attacker outside may do: send plaintext, IKE messages without protection, and ICMP errors.

The attacker knows addresses and ports, never a key of the wire: no ICV is forged. `fit` says how well a segment's sequence number
was guessed; to know it exactly one has to be on the path. Replay of recorded ESP is the wire's row, because what is replayed was
in flight. Each act costs one unit of the budget. What needs a credential or a place inside is `model.intruder`'s.

Each act wants a capability. The capabilities are readings of the world, so that a search can ask for any attacker; what each
allows is the guards of the rows, here, in `model.intruder` and in `model.wire`.

NOTE: off the path no BGP message is injected: data has to be the next expected here, and whoever is off the path only guesses that
a segment falls into the window (RFC 5961 1.1 has the odds of both).
NOTE: on the path, the exact sequence number is taken to be known even where ESP has hidden it so far: whoever sees one answer in
plaintext knows it, and an unacceptable segment provokes one (RFC 9293 3.10.7.4, first check).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from model.action import Event, put, set_, signal
from model.channels import DATAGRAMS, SEGMENTS
from model.expr import Expr, Param, Range, Sort, Var, down
from model.readings import reading
from model.signals import DATA, DEL, END, EXACT, FORGED, NO_MSG, PLAIN, TCP_HARD_ERROR, fit, gen, inc, kind, msg
from model.table import STAY, Line, Table, row

ATTACKS = Var("budget", "attacks", Range("Attacks", 2), doc="what the attacker may still do")
WATCHING = Sort("Attacker", ("WATCHING",))
(HERE,) = WATCHING.consts()
STATE = Var("attacker", "state", WATCHING)
towards = Param("towards", END)


@dataclass(frozen=True)
class Capability:
    """One thing an attacker may be able to do: the reading and the value that say so, and the capability it includes."""

    name: str
    reading: str
    value: str
    includes: str = ""


CAPABILITIES = {one.name: one for one in (
    Capability("off-path", "position", "off_path"), Capability("on-path", "position", "on_path", "off-path"),
    Capability("unprotected-ike", "unprotected_ike", "yes"), Capability("icmp", "icmp", "yes"),
    Capability("group-psk", "group_psk", "yes"), Capability("rogue-cert", "rogue_cert", "yes"),
    Capability("local-user", "local_user", "yes"), Capability("third-host", "third_host", "yes"),
)}


def readings_of(attacker: Iterable[str]) -> dict[str, str]:
    """The readings of an attacker with exactly these capabilities, and what they include."""
    found = {one.reading: "none" if one.reading == "position" else "no" for one in CAPABILITIES.values()}
    able = [CAPABILITIES[name] for name in CAPABILITIES if name in set(attacker)]
    return found | {one.reading: one.value for one in able}


ON_PATH: Expr = reading("position") == "on_path"
ANYWHERE: Expr = reading("position") != "none"

INJECT = Event("inject", towards, kind, fit, inc, who="attacker", doc="a segment in plaintext, with the peer's address as source")
INJECT_TEXT = Event("inject text", towards, msg, inc, who="attacker", doc="a BGP message in plaintext, as the next text of the peer")
FORGE_DELETE = Event("forge Delete", towards, gen, who="attacker", doc="an informational exchange without protection")
ICMP = Event("ICMP hard error", towards, who="attacker", doc="destination unreachable, as if from a router")


def acts() -> list[Line]:
    """Threats of the draft's section 2, as far as a packet carries them."""
    spend = set_(ATTACKS, down(ATTACKS))
    lines = []
    for end, direction in (("A", "B>A"), ("B", "A>B")):
        can = (ATTACKS > 0) & (towards == end)
        forged: dict[str, Any] = {"inc": inc, "prot": PLAIN, "origin": FORGED}
        text: dict[str, Any] = {"kind": DATA, "msg": msg, "fit": EXACT}
        lines += [
            row(f"plaintext to {end}", HERE, INJECT, can & ANYWHERE & ((fit != EXACT) | ON_PATH),
                [put(SEGMENTS, at=direction, kind=kind, fit=fit, **forged), spend], STAY,
                "draft 2 l.134-141, threats [3], [4]; RFC 5961 1"),
            row(f"text to {end}", HERE, INJECT_TEXT, can & ON_PATH & (msg != NO_MSG),
                [put(SEGMENTS, at=direction, **text, **forged), spend], STAY, "draft 2 l.131-134, threats [2], [3]"),
            row(f"unprotected Delete to {end}", HERE, FORGE_DELETE, can & (reading("unprotected_ike") == "yes"),
                [put(DATAGRAMS, at=direction, datagram=DEL, gen=gen, inc=0, forged=True), spend], STAY,
                "RFC 2409 5.7; RFC 2408 4.8"),
            row(f"ICMP error to {end}", HERE, ICMP, can & (reading("icmp") == "yes"), [signal("tcp", TCP_HARD_ERROR, at=end), spend], STAY,
                "RFC 9293 3.9.2.2; RFC 5927 5"),
        ]
    return lines


ATTACKER_TABLE = Table("attacker", "An attacker without keys", STATE, (INJECT, INJECT_TEXT, FORGE_DELETE, ICMP), tuple(acts()),
                       place="world")
