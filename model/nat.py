"""A NAT in front of B, where the reading `natt` says that there is one: what it does to the connection (draft 3.1 l.387-391, 3.10).

Its mapping may change once: what leaves B then comes from another address. ESP is found by its SPI and authenticates; the TCP
checksum was made for the address that the NAT had when the SA was negotiated, and does not fit (3.10 l.838-844). And another
peer may stand behind the same address, with a phase 1 SA of its own; each of the two draws its own SPIs, so that both may draw
the same one. That one's Delete then names, for an end that goes by <ESP, address, SPI> (3.1 l.384-385), B's SA.

NOTE: towards B the old mapping goes on to lead; a NAT that forgets it loses those packets too. What B has under way when the mapping
changes is taken to be on its side of the NAT still.
"""

from __future__ import annotations

from model.action import Event, set_, signal
from model.expr import BOOL, Enum, Var
from model.readings import reading
from model.signals import G0, INFO_OTHER_PEER
from model.table import ANY, STAY, Table, row

MAPPING = Enum("Mapping", "as-negotiated", "changed")
AS_NEGOTIATED, CHANGED = MAPPING.consts()
NAT = Var("nat", "state", MAPPING, doc="the address that B has outside")
OTHER_CLOSED = Var("nat", "other-closed", BOOL, doc="the other peer behind the address has deleted its SA")

REMAPS = Event("mapping changes", who="fault", doc="the NAT restarts, its address changes, or the mapping expires")
OTHER_CLOSES = Event("other peer deletes", who="environment", doc="a peer behind the same address deletes its SA, which has g0's SPI")

THERE = reading("natt") == "on"
NAT_TABLE = Table(
    "nat", "A NAT in front of B (draft 3.10)", NAT, (REMAPS, OTHER_CLOSES),
    (row("mapping changes", AS_NEGOTIATED, REMAPS, THERE, [], CHANGED,
         "draft 3.10 l.838-844; RFC 3948 4: a mapping that is not kept alive expires"),
     row("another peer deletes the same SPI", ANY, OTHER_CLOSES, THERE & ~OTHER_CLOSED,
         [set_(OTHER_CLOSED, True), signal("informational", INFO_OTHER_PEER(gen=G0), at="A")], STAY,
         "draft 3.1 l.387-391, l.399-404: several peers behind one address")),
    (OTHER_CLOSED,), place="world")
