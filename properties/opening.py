"""What an opening comes to: an SA for the connection that is begun, and OPENs on it."""

from __future__ import annotations

from model.binding import NEXT_INC
from model.expr import Expr, Fired, Peer, Post, Sent, conj, disj
from model.history import OPENED
from model.ipsec import as_prot
from model.signals import CLOSED, ESTABLISHED, LISTEN, S_WAITING, SA_FOR, SA_OUT, SESSION_STATE, SYN, TCP, TCP_INC, kind, prot, sa_covers
from properties.claim import Claim
from properties.vocabulary import GENERATIONS, WIRE_EMPTY

# In this step the end that began a Quick Mode installs the outbound half; there is a connection of its selectors, or an attempt.
# NOTE: not at the responder, whose listener may stand beside a TCB and is no state of the model then.
_DONE = Fired("quick-initiator", "QM2: keys", "CONNECTED")
_COMES_UP = [_DONE & (SA_OUT[g] == "none") & Post(SA_OUT[g] != "none") for g in GENERATIONS]
_WANTED = [disj(conj(~TCP.among(CLOSED, LISTEN), sa_covers(g, TCP_INC)),
                conj(SESSION_STATE == S_WAITING, sa_covers(g, NEXT_INC))) for g in GENERATIONS]
# The connection is up at both ends and nothing is under way on it.
_BOTH_CONNECTED = conj(TCP == ESTABLISHED, Peer(TCP == ESTABLISHED), WIRE_EMPTY)


def _syn_under(generation: Expr) -> Sent:
    return Sent("segments", (prot == as_prot(generation)) & (kind == SYN))


CLAIMS = (
    Claim("syn-under-its-own-sa", "A SYN that leaves under an SA leaves under one whose selectors name its port.",
          "draft 3.2 l.449-456 (MUST), 3.1 l.406-411", disj(*(_syn_under(g) & (SA_FOR[g] == "any") for g in GENERATIONS)),
          disj(*(_syn_under(g) for g in GENERATIONS)), ("opening",)),
    Claim("sa-comes-up-for-connection",
          "An SA that an end has asked for comes up for a connection that exists there or is being begun.",
          "draft 3.1 l.406-411, 3.2 l.436-439; silent: a connection attempt given up for another",
          disj(*(up & Post(~wanted) for up, wanted in zip(_COMES_UP, _WANTED, strict=True))), disj(*_COMES_UP), ("opening",)),
    Claim("open-is-sent",
          "When the connection is up at both ends and nothing is under way, one of them has sent its OPEN.",
          "draft 3.2 l.458-461 (MUST), l.467-471; RFC 4271 8.2.2", Post(_BOTH_CONNECTED & ~OPENED & Peer(~OPENED)), Post(_BOTH_CONNECTED),
          ("opening",)),
)
