"""How closes end, as claims about states.

A state from which only a lifetime or the user timeout leads on is looked for directly. That the good end is also
reached, under fairness, is more than these claims say.
"""

from __future__ import annotations

from model.expr import Peer, Post, Var, disj
from model.ike_quick import QUICK_INITIATOR, QUICK_RESPONDER
from model.readings import reading
from model.signals import (
    ANY_SA,
    CLOSING,
    FIN_WAIT_1,
    LAST_ACK,
    SA_IN,
    SA_OUT,
    SPD_ENTRY,
    TCP,
    TCP_INC,
    sa_covers,
)
from properties.claim import Claim
from properties.vocabulary import GENERATIONS, TCB_CLOSED, WIRE_EMPTY
