"""The two kinds of traffic between the ends, apart because nothing orders UDP and ESP against one another.

Both are bounded multisets in each direction: order is free, a full channel holds the sender back, and loss
is a stimulus of the wire. A parameter that a message does not use has its first value.
"""

from __future__ import annotations

from model.action import Channel
from model.signals import acks, cookie, datagram, exact_ports, fit, forged, gen, good, ic, inc, kind, msg, origin, prot, under, why

DATAGRAMS = Channel("datagrams", "in flight", [datagram, cookie, under, gen, inc, good, exact_ports, ic, forged, why], capacity=2)
SEGMENTS = Channel("segments", "in flight", [kind, msg, acks, inc, fit, prot, origin], capacity=2)
