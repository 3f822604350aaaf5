"""Phrases that several claims share."""

from __future__ import annotations

from model.expr import TRUE, Expr, OnWire, conj, disj
from model.signals import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    G0,
    G1,
    G2,
    LAST_ACK,
    SA_OUT,
    SYN_RECEIVED,
    SYN_SENT,
    TCP,
)

GENERATIONS = (G0, G1, G2)

# A TCB in one of these states has, or may still have, something to send or to retransmit.
MAY_SEND = (SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, CLOSING, LAST_ACK)
HAS_TO_SEND: Expr = TCP.among(*MAY_SEND)
TCB_CLOSED: Expr = TCP == CLOSED
HAS_OUT: Expr = disj(*(SA_OUT[g] != "none" for g in GENERATIONS))
WIRE_EMPTY: Expr = conj(~OnWire("segments", "any", TRUE, "segment in flight"), ~OnWire("datagrams", "any", TRUE, "datagram in flight"))
