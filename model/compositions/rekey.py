"""An SA pair is replaced under a connection that lives or is being closed.

Both ends Established over SA generation g0 which A began; other BGP sessions share the phase 1 SA, so that it stays when the
session ends and a Quick Mode can still run. At any time g0's soft limit may be reached at an end, or its hard limit (which is
early or late retirement of the old generation: before, while and after the new one comes up), and an operator may stop the
session. One rekey by each end: A's makes g1, B's g2. Two starts: A alone rekeys, and one message may be lost, such as QM3; both
rekey at once, and nothing is lost. Leaves out: a second round, lifetimes of g1 and g2, phase 1 expiry (slice phase1), aborts
and ICMP (teardown), attackers, KEEPALIVE and UPDATE traffic.
"""

from __future__ import annotations

from model.binding import BINDING_TABLE, CLOCK
from model.compositions import teardown
from model.compositions.parts import Slice, bgp_events, network, own_timers, timers
from model.expr import BOOL, TRUE, Var
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.ipsec import HARD, IPSEC_TABLE, REDUNDANT, SOFT
from model.system import ENDS, Offer
from model.tcp import RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT

BOTH = Var("option", "both-rekey", BOOL, doc="the slice lets B's SAs reach their soft limit too")


def offers() -> list[Offer]:
    first = {"gen": (0,)}
    found: list[Offer] = []
    for end in ENDS:
        found += [*bgp_events(end, 2), *timers(end, TCP_TABLE, RETRANSMIT, USER_TIMEOUT, TWO_MSL),
                  Offer(end, IPSEC_TABLE, SOFT, first, when=TRUE if end == "A" else BOTH), Offer(end, IPSEC_TABLE, HARD, first),
                  Offer(end, IPSEC_TABLE, REDUNDANT), Offer(end, BINDING_TABLE, CLOCK),
                  *own_timers(end, QUICK_INITIATOR_TABLE), *own_timers(end, QUICK_RESPONDER_TABLE)]
    return [*found, *network()]


def start() -> list[dict[str, str]]:
    beside_others = teardown.start()[1]
    return [beside_others, beside_others | {"option.both-rekey": "true", "budget.losses": "0"}]


SLICE = Slice("rekey", "an SA pair is replaced under a connection that lives or is being closed", offers, start,
              {"losses": 1, "copies": 0, "attacks": 0, "segments": 2, "datagrams": 2}, (BOTH,))
