"""BGP: the messages of one end against the tables `bgp-message` and `bgp` (RFC 4271 6, 8).

TCP delivers a stream in order and once, so every message that an end sent before another is in the file before it, if the stream has no
gap. The end is followed from the connection's SYN on, in Connect or Active, until it closes: one connection of an FSM. Its attributes
(DelayOpen and so on) are unknown, its operator, its timers and its other connections do what they like, and it may find fault with
any message. What the tables leave out is allowed where the RFCs have it:

- UPDATE (RFC 4271 9) and ROUTE-REFRESH (RFC 2918 4) may be sent by an end in Established, at any time;
- after the peer's first KEEPALIVE its UPDATEs and KEEPALIVEs are alike, and however many are unread are one;
- a ROUTE-REFRESH that arrives is no event of the FSM; nor is the end of a connection by RST, which the kernel sends;
- a peer's RST may be heard before what came in front of it (RFC 9293 3.10.7.4: queues are flushed), and octets that are no message may
  be too few for a header, so that nobody looks at them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cache

from model.bgp import BGP_MESSAGE_TABLE, BGP_TABLE
from model.signals import BGP_ACTIVE, BGP_CONNECT, BGP_ESTABLISHED, BGP_EVENT, BGP_IDLE, BGP_MSG
from model.system import State
from traces.fit.layer import Layer, Matching
from traces.fit.machine import Machine, Said, Symbol
from traces.fit.notes import DAMAGED, FIN, Story
from traces.fit.observer import Observer
from traces.fit.tcp import foreign
from verify.step import Stimulus

NAME = "bgp"
HEARD, RST = "KEEPALIVE or UPDATE", "RST"
OF_THE_END = (2, 8, 9, 10, 11, 12, 16, 17, 23)
REFRESH = "ROUTE-REFRESH"
TOLD = {FIN: "FIN without a NOTIFICATION before it", DAMAGED: "what is no BGP message"}
# Constants of which one value allows whatever the others allow, or that no message depends on: event 23 comes from another connection
# whenever it likes, so what 6.8 looks at need not be known.
FIXED = {"bgp.AllowAutomaticStop": "true", "bgp.CollisionDetectEstablishedState": "true", "bgp.DampPeerOscillations": "false",
         "bgp-message.other": "none", "bgp-message.CollisionDetectOpenSentState": "false", "bgp-message.initiated": "false",
         "bgp-message.local-identifier-larger": "false", "gr": "off"}


def symbol(one: Said) -> Symbol:
    """A message as it is seen, and the end of the stream; "" for what goes to other tables."""
    if one.to != "tcp":
        return ""
    return one.args["msg"] if one.event == "SEND" else FIN if one.event == "CLOSE" else ""


@cache
def observer(asked: bool) -> Observer:
    """Both tables. `asked`: the peer opened the connection, so that the reading `first_open` decides whether the end waits for its OPEN
    (`model.tcp.CONNECTED_TO`)."""
    events = [(BGP_TABLE, BGP_EVENT[number]) for number in (*OF_THE_END, 18)]
    machine = Machine("bgp alone", [BGP_MESSAGE_TABLE, BGP_TABLE], [*events, (BGP_MESSAGE_TABLE, BGP_MSG)], symbol,
                      FIXED if asked else FIXED | {"tcp.connected-to": "false"}, means={"tcp.connected-to": "first_open"})
    hidden = [one for number in OF_THE_END for one in machine.stimuli("bgp", BGP_EVENT[number].name)]
    here = machine.position("bgp", "state")
    idle = machine.start(**{"bgp.state": "Idle"})
    faults = BGP_MSG.params[1].sort.values

    def delivery(*messages: str, wrong: bool = True) -> tuple[Stimulus, ...]:
        return machine.stimuli("bgp-message", BGP_MSG.name, msg=messages, fault=faults if wrong else ("none",))

    arrivals = {message: delivery(message) for message in ("OPEN", "KEEPALIVE", "UPDATE", "NOTIFICATION")}
    arrivals[HEARD] = delivery("KEEPALIVE", "UPDATE")
    arrivals[DAMAGED] = machine.stimuli("bgp-message", BGP_MSG.name, msg=("UPDATE",), fault=("header",))
    arrivals[FIN] = arrivals[RST] = machine.stimuli("bgp", BGP_EVENT[18].name)

    def arrives(queue: Hashable) -> Iterable[tuple[Stimulus, Hashable]]:
        assert isinstance(queue, tuple)
        if not queue:
            return []
        first = 1 if queue[0] == DAMAGED and len(queue) > 1 else 0
        heads = [(queue[0], queue[1:]), (queue[first], queue[first + 1:]), *([(RST, ())] if RST in queue else []),
                 *([(HEARD, queue)] if queue[0] == HEARD else [])]
        return [(stimulus, rest) for head, rest in heads for stimulus in arrivals[head]]

    def joins(queue: Hashable, one: Symbol) -> Hashable:
        assert isinstance(queue, tuple)
        return queue if queue and queue[-1] == one == HEARD else (*queue, one)

    def forgets(state: State) -> State:
        if state[here] != BGP_IDLE.code:
            return state
        return tuple(code if at in machine.constants else idle[at] for at, code in enumerate(state))

    return Observer(machine, hidden, arrives, joins, forgets=forgets)


def starts(machine: Machine) -> list[State]:
    """Waiting for the connection."""
    return [machine.start(**{"bgp.state": state.sort.show(state.code), "bgp.ConnectRetryTimer": "true"})
            for state in (BGP_CONNECT, BGP_ACTIVE)]


def match(story: Story, side: int) -> Layer:
    """The messages of one end."""
    looking = observer(any(one.kind == "SYN" and one.side != side for one in story.seen))
    here = looking.machine.position("bgp", "state")
    matching = Matching(NAME, looking, looking.begin(starts(looking.machine), ()))
    heard = protected = False
    for one in story.seen:
        protected = protected or one.mode == "esp"
        if one.mode != "esp" and protected and one.messages:
            matching.stop(one.frame, "messages outside ESP in a connection that is in ESP: whose they are can't be told")
            break
        if one.side != side:
            for message in one.messages:
                if message == REFRESH:
                    continue
                matching.passes(HEARD if heard and message in ("KEEPALIVE", "UPDATE") else message)
                heard = heard or message == "KEEPALIVE"
            if one.kind == RST:
                matching.passes(RST)
            continue
        for message in one.messages:
            if message in ("UPDATE", REFRESH):
                after = looking.keeps(matching.points, lambda state: state[here] == BGP_ESTABLISHED.code)
            elif message == DAMAGED:
                after = frozenset()
            else:
                after = looking.sends(matching.points, message)
            matching.sends(one.frame, message, TOLD.get(message, message), after)
        if one.kind == RST and not foreign(one, protected):
            break
    lost = [one.lost for one in story.streams if one.lost not in (None, DAMAGED)]
    if lost:
        matching.stop(None, f"of a stream not all is in the file: {lost[0]}")
    return matching.result()
