"""What every IKE exchange has: a retransmission timer, a retry limit, and the phase 1 SA its messages belong to.

RFC 2408 5.1: who sends a message that wants an answer sets a timer and a retry counter; when the timer expires the same
message is sent again; when the counter is used up "the ISAKMP protocol machine clears all states". Here the counter is one
bit (something was sent again), and the limit is reached only when no message of the exchange is in flight any more: the
waiting time of a retry limit is longer than the life of a datagram, so that giving up needs a loss or a silent peer.
"""

from __future__ import annotations

from model.action import Event, Set, set_, start, stop
from model.expr import BOOL, Const, Expr, OnWire, Var, disj, ite
from model.signals import (
    BY_RECEIVER,
    BY_SENDER,
    G0,
    G1,
    G2,
    I_ATTEMPT,
    OTHERS_SA,
    P1_INIT,
    P1_RESP,
    R_ATTEMPT,
    SA_OUT,
    cookie,
    datagram,
    under,
)

RETRY = "RFC 2408 5.1"
HEADER = "RFC 2408 5.2: cookies, exchange type or message are not those of an exchange under way; discarded"


class Exchange:
    """Timers and events of the exchange a table runs, one at a time.

    `sends`, `receives`: its messages, seen from this end.
    """

    def __init__(self, table: str, sends: tuple[Const, ...], receives: tuple[Const, ...]) -> None:
        self.retransmission = Var(table, "retransmission", BOOL, doc="the retransmission timer runs")
        self.retry_limit = Var(table, "retry-limit", BOOL, doc="the exchange is under way and will be given up some day")
        self.tried = Var(table, "tried", BOOL, doc="the last message was sent more than once")
        self.resend = Event("retransmission", who="timer", timer=self.retransmission, doc="the last message goes out again")
        self.give_up = Event("retry limit reached", who="timer", timer=self.retry_limit, doc="RFC 2408 5.1, step 3")
        self.variables = (self.retransmission, self.retry_limit, self.tried)
        out = OnWire("datagrams", "out", datagram.among(*sends), f"{table} message on its way out")
        back = OnWire("datagrams", "in", datagram.among(*receives), f"{table} message on its way in")
        self.silence: Expr = ~out & ~back
        self.exhausted: Expr = self.tried & self.silence

    def sent(self) -> list[Set]:
        """A message went out that wants an answer: timer and counter start anew."""
        return [start(self.retransmission), start(self.retry_limit), set_(self.tried, False)]

    def over(self) -> list[Set]:
        """Nothing is awaited any more."""
        return [stop(self.retransmission), stop(self.retry_limit), set_(self.tried, False)]

    def again(self) -> list[Set]:
        """The timer expired once more."""
        return [set_(self.tried, True)]


# A phase 1 SA in the words of a message: begun by its sender or by its receiver.
OWN_FIRST = ite(P1_INIT == "UP", BY_SENDER, BY_RECEIVER)  # what this end sends under: the SA it began, if that is up
OWN_FIRST_UNDER = ite(P1_INIT == "UP", I_ATTEMPT, R_ATTEMPT)
ANSWER = ite(cookie == BY_SENDER, BY_RECEIVER, BY_SENDER)  # the same SA, named in the answer
# The phase 1 SA of the message that arrives is up here: the message can be deciphered (RFC 2409 5.5, 5.7: HDR*).
DECIPHERED: Expr = (((cookie == BY_SENDER) & (P1_RESP == "UP") & (under == R_ATTEMPT))
                    | ((cookie == BY_RECEIVER) & (P1_INIT == "UP") & (under == I_ATTEMPT)))
# RFC 2407 4.6.3.3 allows INITIAL-CONTACT on "the first SA being established with the remote system".
NO_SA_YET: Expr = ~disj(P1_INIT == "UP", P1_RESP == "UP", OTHERS_SA, *(SA_OUT[g] != "none" for g in (G0, G1, G2)))
