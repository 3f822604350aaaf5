"""IKE: the messages of one exchange, as its initiator and its responder send them, against the tables of phase 1 and Quick Mode.

They are encrypted soon, so a message is known by who sent it and how many of its exchange that end had sent before: MM1, MM3 and MM5 are
the initiator's, MM2, MM4 and MM6 the responder's (RFC 2409 5). What an Informational holds can't be seen; an exchange may be refused at
any time, and its end is no event here. Copies and retransmissions are no events either (RFC 2408 5.1).
"""

from __future__ import annotations

from functools import cache

from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE
from model.signals import P1_NEED, P1_RCV, QM_NEED, QM_P1_UP, QM_RCV
from traces.audit.tracker import Exchange
from traces.capture import isakmp
from traces.fit.layer import Layer, Matching
from traces.fit.machine import Machine, Said, Symbol
from traces.fit.observer import Observer, any_time

NAMES = {isakmp.MAIN: (("MM1", "MM3", "MM5"), ("MM2", "MM4", "MM6")), isakmp.AGGRESSIVE: (("AM1", "AM3"), ("AM2",)),
         isakmp.QUICK: (("QM1", "QM3"), ("QM2", "CONNECTED"))}
UP = {"phase1-initiator.state": "UP", "phase1-responder.state": "UP", "endpoint.name": "A"}


def symbol(one: Said) -> Symbol:
    return one.args["datagram"] if one.to == "datagrams" and one.args["resend"] != "true" else ""


@cache
def observer(quick: bool, initiator: bool) -> Observer:
    """One table: of phase 1 or Quick Mode, as initiator or responder."""
    if quick:
        table = QUICK_INITIATOR_TABLE if initiator else QUICK_RESPONDER_TABLE
        begins, receives, known = [QM_NEED, QM_P1_UP] if initiator else [], QM_RCV, UP
    else:
        table = PHASE1_INITIATOR_TABLE if initiator else PHASE1_RESPONDER_TABLE
        begins, receives, known = [P1_NEED] if initiator else [], P1_RCV, {"phase1-responder.state": "none"} if initiator else {}
    machine = Machine(f"{table.name} alone", [table], [(table, event) for event in (*begins, receives)], symbol, known)
    hidden = [one for event in begins for one in machine.stimuli(table.name, event.name, **({"inc": ["0"]} if event is QM_NEED else {}))]
    # An attempt of an initiator's is its first here: the cookie is this exchange's.
    given = {"inc": ["0"], "under": ["0"], "cookie": ["receiver" if initiator else "sender"], "gen": ["g1" if initiator else "g2"],
             "good": ["true", "false"]} if quick else {"good": ["true", "false"], "attempt": ["0", "1"]}
    every = [name for names in NAMES.values() for side in names for name in side if name.startswith("QM" if quick else ("MM", "AM"))]
    arrivals = {name: machine.stimuli(table.name, receives.name, datagram=[name], **given) for name in (*every, *(["CONNECTED"] * quick))}
    return Observer(machine, hidden, *any_time(arrivals))


def match(exchange: Exchange, initiator: bool) -> Layer | None:
    """One end's messages of an exchange; None where it is none of those that the tables have."""
    names = NAMES.get(exchange.exchange)
    if names is None:
        return None
    looking = observer(exchange.exchange == isakmp.QUICK, initiator)
    matching = Matching(isakmp.MODES[exchange.exchange], looking, looking.begin([looking.machine.start()], frozenset()))
    counts = [0, 0]
    for frame, sender in zip(exchange.frames, exchange.senders, strict=True):
        side = int(sender != exchange.initiator)
        if counts[side] >= len(names[side]):
            matching.stop(frame, "more messages than the exchange has")
            break
        message = names[side][counts[side]]
        counts[side] += 1
        if (side == 0) == initiator:
            matching.sends(frame, message, message, looking.sends(matching.points, message))
        else:
            matching.passes(message)
    return matching.result()
