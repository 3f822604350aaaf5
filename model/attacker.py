"""What an attacker on the path, or off it with a guess, may do: send plaintext, and a Delete without protection.

The attacker knows addresses and ports, never a key: no ICV is forged. `fit` says how well a segment's sequence number
was guessed. Replay of recorded ESP is the wire's row, because what is replayed was in flight. Each act costs one unit
of the budget.
"""

from __future__ import annotations

from typing import Any

from model.action import Event, put, set_, signal
from model.channels import DATAGRAMS, SEGMENTS
from model.expr import Param, Range, Sort, Var, down
from model.signals import DEL, END, FORGED, PLAIN, TCP_HARD_ERROR, fit, gen, inc, kind
from model.table import STAY, Line, Table, row

ATTACKS = Var("budget", "attacks", Range("Attacks", 2), doc="what the attacker may still do")
WATCHING = Sort("Attacker", ("WATCHING",))
(HERE,) = WATCHING.consts()
STATE = Var("attacker", "state", WATCHING)
towards = Param("towards", END)

INJECT = Event("inject", towards, kind, fit, inc, who="attacker", doc="a segment in plaintext, with the peer's address as source")
FORGE_DELETE = Event("forge Delete", towards, gen, who="attacker", doc="an informational exchange without protection")
ICMP = Event("ICMP hard error", towards, who="attacker", doc="destination unreachable, as if from a router")


def acts() -> list[Line]:
    """Threats of the draft's section 2, as far as a packet carries them."""
    spend = set_(ATTACKS, down(ATTACKS))
    lines = []
    for end, direction in (("A", "B>A"), ("B", "A>B")):
        can = (ATTACKS > 0) & (towards == end)
        forged: dict[str, Any] = {"kind": kind, "fit": fit, "inc": inc, "prot": PLAIN, "origin": FORGED}
        lines += [
            row(f"plaintext to {end}", HERE, INJECT, can, [put(SEGMENTS, at=direction, **forged), spend], STAY,
                "draft 2 l.134-141, threats [3], [4]; RFC 5961 1"),
            row(f"unprotected Delete to {end}", HERE, FORGE_DELETE, can,
                [put(DATAGRAMS, at=direction, datagram=DEL, gen=gen, inc=0, forged=True), spend], STAY,
                "RFC 2409 5.7; RFC 2408 4.8"),
            row(f"ICMP error to {end}", HERE, ICMP, can, [signal("tcp", TCP_HARD_ERROR, at=end), spend], STAY,
                "RFC 9293 3.9.2.2; RFC 5927 5"),
        ]
    return lines


ATTACKER_TABLE = Table("attacker", "An attacker without keys", STATE, (INJECT, FORGE_DELETE, ICMP), tuple(acts()), place="world")
