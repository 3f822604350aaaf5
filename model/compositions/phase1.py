"""Phase 1 SAs come and go under a session.

Seven starts. From nothing: both ends begin phase 1 at once, each with INITIAL-CONTACT, and Quick Modes after it; nothing is
lost. Established over g0, under one phase 1 SA whose lifetime ends at either end, while operators stop, and a second time
while A's SA reaches its soft limit and wants a new one. Established beside other traffic, under two phase 1 SAs, one begun
by each end, whose lifetimes end. Established beside other sessions, and beside other traffic, whose SAs are children of
the same phase 1 SA. Established, and A's process dies and starts again while B still holds the old session.

Leaves out: attackers; hard lifetimes of phase 2 SAs (slice teardown) and B's soft one (slice rekey); SAs behind one address
(F-30: there is one peer); how others get their SA back; in the first start what TCP repeats (slice opening). Only the first
phase 1 SA of a role expires; a later one outlives the slice. Three datagrams a direction: the end that completes a crossing
phase 1 answers with MM6 and QM1 while its own MM5 is under way. A deletion of two phase 1 SAs and a child needs all three.
"""

from __future__ import annotations

from model.bgp import PASSIVE_TCP_ESTABLISHMENT
from model.compositions import teardown
from model.compositions.parts import IKE_TABLES, Slice, bgp_events, network, own_timers
from model.expr import BOOL, Expr, Var, disj
from model.ike_phase1 import I_EXPIRED, I_LIFETIME, PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE, R_EXPIRED, R_LIFETIME
from model.ike_quick import I_BEGUN
from model.ipsec import IPSEC_TABLE, SOFT
from model.signals import BGP, BGP_IDLE, ESTABLISHED, G0, G1, G2, HOLD_TIMER, I_ATTEMPT, R_ATTEMPT, SA_IN, TCP, TCP_ABORT
from model.system import ENDS, Offer
from model.tcp import RETRANSMIT, TCP_TABLE, TWO_MSL, USER_TIMEOUT

STARTS = Var("option", "starts", BOOL, doc="the slice lets an end that is Idle start, until it has begun a Quick Mode")
STOPS = Var("option", "stops", BOOL, doc="the slice lets an operator end a session, at either end")
DIES = Var("option", "dies", BOOL, doc="the slice lets A's BGP process die")
EXPIRES = Var("option", "expires", BOOL, doc="the slice lets the first phase 1 SA of each role reach its hard lifetime")
RENEWS = Var("option", "renews", BOOL, doc="the slice lets phase 2 SAs reach their soft lifetime")
BEGINS: Expr = STARTS & ~DIES  # from nothing: what TCP does about a segment that is gone is left to the slice opening
TCP_TIMERS = [(event, event.timer) for event in (RETRANSMIT, USER_TIMEOUT, TWO_MSL) if event.timer is not None]


def offers() -> list[Offer]:
    deaf = ~disj(*(SA_IN[g] != "none" for g in (G0, G1, G2)))
    idle, passive = STARTS & (BGP == BGP_IDLE), PASSIVE_TCP_ESTABLISHMENT
    found: list[Offer] = [Offer("A", TCP_TABLE, TCP_ABORT, when=DIES & (TCP == ESTABLISHED)), Offer("A", IPSEC_TABLE, SOFT, when=RENEWS)]
    for end in ENDS:
        found += [*bgp_events(end, 1, when=idle & ~passive & ~I_BEGUN), *bgp_events(end, 4, when=idle & passive),
                  *bgp_events(end, 2, when=STOPS), *bgp_events(end, 10, when=HOLD_TIMER & deaf),
                  Offer(end, PHASE1_INITIATOR_TABLE, I_EXPIRED, when=EXPIRES & I_LIFETIME & (I_ATTEMPT == "0")),
                  Offer(end, PHASE1_RESPONDER_TABLE, R_EXPIRED, when=EXPIRES & R_LIFETIME & (R_ATTEMPT == "0")),
                  *(Offer(end, TCP_TABLE, event, when=timer & ~BEGINS) for event, timer in TCP_TIMERS),
                  *(offer for table in IKE_TABLES for offer in own_timers(end, table))]
    return [*found, *network()]


def start() -> list[dict[str, str]]:
    alone, sessions, foreign = teardown.start()
    begun = {"A.phase1-initiator.lifetime": "true", "B.phase1-responder.lifetime": "true"}
    second = {"B.phase1-initiator.state": "UP", "A.phase1-responder.state": "UP", "B.phase1-initiator.lifetime": "true",
              "A.phase1-responder.lifetime": "true"}
    passive, quiet = {"B.bgp.PassiveTcpEstablishment": "true"}, {"budget.losses": "0"}
    starts, stops, dies, expires, renews = ({f"option.{one.name}": "true"} for one in (STARTS, STOPS, DIES, EXPIRES, RENEWS))
    return [starts | quiet, alone | begun | expires | stops, alone | begun | expires | renews, foreign | begun | second | expires | stops,
            sessions | stops, foreign | stops, alone | begun | passive | expires | starts | dies]


SLICE = Slice("phase1", "phase 1 SAs come and go under a session", offers, start,
              {"losses": 1, "copies": 0, "attacks": 0, "segments": 2, "datagrams": 3}, (STARTS, STOPS, DIES, EXPIRES, RENEWS))
