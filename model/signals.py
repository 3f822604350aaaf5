"""What the tables say to one another: shared sorts, the variables others may read, and the events that cross.

A protocol file owns its rows; the words in which it talks to its neighbours stand here, once, so that no two
protocol files import each other. Every event names the table that handles it in the comment before it.

    bgp-message -> bgp -> binding -> tcp -> ipsec -> wire          (outwards)
    wire -> ipsec -> tcp -> bgp-message -> bgp                      (inwards)
    binding -> informational / quick-initiator -> phase1-initiator -> wire   (keys)
"""

from __future__ import annotations

from model.action import Event
from model.expr import BOOL, Const, Enum, Expr, Param, Range, Var, disj, ite

# -- segments -----------------------------------------------------------------------------------------------------

KIND = Enum("Kind", "SYN", "SYN+ACK", "ACK", "DATA", "FIN", "RST")
SYN, SYN_ACK, ACK, DATA, FIN, RST = KIND.consts()
# A segment's BGP content. DATA carries the stream up to and including that message; an ACK acknowledges up to it;
# a FIN carries it in front of the FIN.
MSG = Enum("Message", "-", "OPEN", "KEEPALIVE", "UPDATE", "NOTIFICATION")
NO_MSG, OPEN_MSG, KEEPALIVE, UPDATE, NOTIFICATION = MSG.consts()
# Where a segment's sequence number falls at the receiver (RFC 5961 3): the next one expected, in the window, or outside.
FIT = Enum("Fit", "exact", "in-window", "outside")
EXACT, IN_WINDOW, OUTSIDE = FIT.consts()
INC = Range("Incarnation", 1)
GEN = Enum("Generation", "g0", "g1", "g2")
G0, G1, G2 = GEN.consts()
PROT = Enum("Protection", "PLAIN", "ESP-g0", "ESP-g1", "ESP-g2")
PLAIN, ESP_G0, ESP_G1, ESP_G2 = PROT.consts()
# Who put it on the wire: the peer's stack; a second copy of such a packet; an attacker; somebody else at the peer's site, by the
# peer's own IPsec (another user of the host, another host behind its gateway).
ORIGIN = Enum("Origin", "genuine", "copy", "forged", "insider")
GENUINE, COPY, FORGED, INSIDER = ORIGIN.consts()

kind, msg = Param("kind", KIND), Param("msg", MSG, "-")
acks = Param("acks", BOOL, False)  # acknowledges the receiver's FIN
inc = Param("inc", INC)
fit = Param("fit", FIT, "exact")
prot, origin = Param("prot", PROT), Param("origin", ORIGIN, "genuine")
gen = Param("gen", GEN)
resend = Param("resend", BOOL, False)  # a retransmission: adds nothing while an equal segment is in flight

# -- an endpoint's own constants ----------------------------------------------------------------------------------

END = Enum("End", "A", "B")
ME = Var("endpoint", "name", END, doc="which end this is; generation g1 is begun by A, g2 by B")
MY_GEN = ite(ME == "A", G1, G2)

# every table that keeps something in memory: this end restarts
RESTART = Event("restart", doc="what was in memory is gone (model.restart says what that is)")

# -- the connection -----------------------------------------------------------------------------------------------

ONE_5_TUPLE = Var("connection", "one-5-tuple", BOOL, doc="both incarnations use the same source port")

# -- tcp ----------------------------------------------------------------------------------------------------------

TCP_STATE = Enum("TcpState", "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
                 "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")
(CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK,
 TIME_WAIT) = TCP_STATE.consts()
TCP = Var("tcp", "state", TCP_STATE, doc="the TCB's state, RFC 9293 3.3.2")
TCP_INC = Var("tcp", "inc", INC, doc="incarnation of the connection the TCB belongs to")
passive = Param("passive", BOOL)
# Why a TCB became CLOSED.
HOW = Enum("How", "2MSL", "last-ack", "reset", "timed-out", "aborted", "never-opened", "reused")
how = Param("how", HOW)

# tcp: user calls (RFC 9293 3.9.1) and arrivals
TCP_OPEN = Event("OPEN", passive, Param("inc", INC, "0"), doc="OPEN call, active (as incarnation inc) or passive")
TCP_SEND = Event("SEND", msg, doc="SEND call with one BGP message")
TCP_CLOSE = Event("CLOSE", doc="CLOSE call: FIN after what is queued")
TCP_ABORT = Event("ABORT", doc="ABORT call: RST, queues flushed")
TCP_RCV = Event("rcv", kind, msg, acks, inc, fit, doc="a segment reaches TCP after inbound IPsec processing")
TCP_HARD_ERROR = Event("ICMP hard error", doc="ICMP destination unreachable, codes 2-4 (RFC 9293 3.9.2.2)")

# -- spd and ipsec (the SAD) ---------------------------------------------------------------------------------------

SPD = Enum("Spd", "no-entry", "PROTECT", "DISCARD")
NO_ENTRY, PROTECT, DISCARD = SPD.consts()
SPD_ENTRY = Var("spd", "state", SPD, doc="the connection's own SPD entry (the draft's 'filter')")
entry = Param("entry", SPD)

# The two halves of an SA pair. The inbound one is larval while keys are negotiated; both are dying from the soft limit on.
IN_HALF = Enum("InHalf", "none", "larval", "mature", "dying")
OUT_HALF = Enum("OutHalf", "none", "mature", "dying")
SA_IN = Var("ipsec", "in", IN_HALF, index=GEN, doc="inbound half of each generation")
SA_OUT = Var("ipsec", "out", OUT_HALF, index=GEN, doc="outbound half of each generation")
# Which incarnation's 5-tuple a generation's selectors match: one, or any (Quick Mode named port 0, RFC 2407 4.6.2).
SELECTOR = Enum("Selector", "0", "1", "any")
SA_FOR = Var("ipsec", "for", SELECTOR, index=GEN, doc="selectors of each generation")
# Who else lives under the phase 1 SA, and their SA pair with this peer: there from the start, where there are others.
OTHER_SESSIONS = Var("binding", "other-sessions", BOOL, doc="other BGP sessions share the phase 1 SA")
FOREIGN = Var("binding", "foreign", BOOL, doc="traffic that is not BGP shares the phase 1 SA")
OTHERS_LOST = Var("ipsec", "others-lost", BOOL, doc="the SA pair of other sessions or other traffic was taken away")
SHARED: Expr = OTHER_SESSIONS | FOREIGN
OTHERS_SA: Expr = SHARED & ~OTHERS_LOST
exact_ports = Param("exact", BOOL, True)  # Quick Mode identities name both ports, not "any"

# Why a Delete was sent. Nobody reads it but claims and people.
WHY = Enum("Why", "-", "session-closed", "tcp-closed", "failed", "expired", "retired", "cleared")
NO_WHY, SESSION_GONE, TCP_GONE, FAILED, EXPIRED, RETIRED, CLEARED = WHY.consts()
why = Param("why", WHY, "-")
by_peer = Param("by_peer", BOOL)  # by the peer's doing, and not by this end's own

# spd: packets and management
SPD_OUT = Event("outbound", kind, msg, acks, inc, fit, origin, resend, doc="this site sends a segment: which rule? (RFC 4301 5.1)")
SPD_IN = Event("inbound PLAIN", kind, msg, acks, inc, fit, origin, doc="a packet without ESP arrives (RFC 4301 5.2)")
SPD_SET = Event("set entry", entry, doc="set the connection's SPD entry")
# ipsec: packets
ESP_OUT = Event("protect", kind, msg, acks, inc, fit, origin, resend, doc="the SPD says PROTECT: which SA? (RFC 4301 5.1)")
ESP_IN = Event("inbound ESP", gen, kind, msg, acks, inc, fit, origin, doc="an ESP packet arrives (RFC 4301 5.2)")
# ipsec: SAD management
SA_GETSPI = Event("getspi", gen, inc, exact_ports, doc="reserve an inbound SPI: the half is larval")
SA_INSTALL_IN = Event("install-in", gen, inc, exact_ports, doc="inbound half usable")
SA_INSTALL = Event("install", gen, inc, exact_ports, doc="both halves usable")
SA_DELETE = Event("delete", gen, why, doc="both halves go now, and the peer is told")
SA_REMOVE = Event("remove", gen, doc="both halves gone")
SA_REMOVE_OUT = Event("remove-out", gen, doc="outbound half gone, inbound kept")
SA_REMOVE_OTHERS = Event("remove others'", by_peer, doc="the SA pair of others goes with the phase 1 SA")
SA_DROP_LARVAL = Event("drop-larval", gen, doc="the negotiation ended without keys: what it reserved goes")


def sa_usable(gen_: Const, inc_: Expr) -> Expr:
    """The outbound half of a generation can carry a segment of this incarnation."""
    return (SA_OUT[gen_] != "none") & sa_covers(gen_, inc_)


def sa_covers(gen_: Expr, inc_: Expr) -> Expr:
    """A generation's selectors match the incarnation's 5-tuple."""
    return (SA_FOR[gen_] == "any") | ONE_5_TUPLE | ((SA_FOR[gen_] == "0") & (inc_ == "0")) | ((SA_FOR[gen_] == "1") & (inc_ == "1"))


def sa_present(gen_: Const) -> Expr:
    """Either half of a generation is usable."""
    return (SA_OUT[gen_] != "none") | SA_IN[gen_].among("mature", "dying")


ANY_SA = disj(*(sa_present(g) for g in (G0, G1, G2)))

# -- ike ----------------------------------------------------------------------------------------------------------

P1_INIT_STATE = Enum("Phase1Initiator", "none", "MM1-SENT", "MM3-SENT", "MM5-SENT", "AM1-SENT", "UP")
P1_RESP_STATE = Enum("Phase1Responder", "none", "MM2-SENT", "MM4-SENT", "AM2-SENT", "UP")
P1_INIT = Var("phase1-initiator", "state", P1_INIT_STATE, doc="the phase 1 SA this end began")
P1_RESP = Var("phase1-responder", "state", P1_RESP_STATE, doc="the phase 1 SA the peer began")
# Successive attempts of an initiator have different cookies (RFC 2408 2.5.3); two values tell a new attempt from the one before.
I_ATTEMPT = Var("phase1-initiator", "attempt", INC, doc="cookie of the latest attempt")
R_ATTEMPT = Var("phase1-responder", "attempt", INC, doc="cookie of the attempt answered")
P1_USABLE: Expr = (P1_INIT == "UP") | (P1_RESP == "UP")

DATAGRAM = Enum("Datagram", "MM1", "MM2", "MM3", "MM4", "MM5", "MM6", "AM1", "AM2", "AM3", "QM1", "QM2", "QM3", "CONNECTED",
                "QM-REFUSED", "P1-REFUSED", "DEL", "DEL-P1")
(MM1, MM2, MM3, MM4, MM5, MM6, AM1, AM2, AM3, QM1, QM2, QM3, CONNECTED, QM_REFUSED, P1_REFUSED, DEL, DEL_P1) = DATAGRAM.consts()
# Which phase 1 SA a message belongs to (its cookies), told by who began it, as seen by the message's sender.
COOKIE = Enum("Cookie", "sender", "receiver")
BY_SENDER, BY_RECEIVER = COOKIE.consts()
datagram = Param("datagram", DATAGRAM)
cookie = Param("cookie", COOKIE, "sender")
under = Param("under", INC, "0")  # which attempt of its initiator that phase 1 SA came from, where the message is protected by it
good = Param("good", BOOL, True)  # proposal acceptable, hash and identity verify
ic = Param("ic", BOOL, False)  # carries INITIAL-CONTACT (RFC 2407 4.6.3.3)
forged = Param("forged", BOOL, False)  # not protected by the phase 1 SA: an attacker's

# phase1-initiator, phase1-responder
P1_NEED = Event("need phase 1", doc="phase1-initiator: somebody wants a Quick Mode")
# A main or aggressive mode message carries the attempt in the field `inc`.
attempt = Param("attempt", INC, "0")
P1_RCV = Event("rcv", datagram, good, ic, attempt, doc="phase1-*: a main or aggressive mode message of this SA arrives")
P1_DOWN = Event("phase 1 deleted", doc="phase1-*: this SA goes without a message (the Delete, if any, is informational's)")
# quick-initiator, quick-responder
QM_NEED = Event("acquire", inc, doc="quick-initiator: an SA for this connection is wanted")
QM_P1_UP = Event("phase 1 up", doc="quick-initiator: a phase 1 SA came up")
QM_P1_FAILED = Event("phase 1 failed", doc="quick-initiator: no phase 1 SA is to be had")
QM_ABANDON = Event("abandon", doc="quick-*: the connection is gone (only where that is known to IKE)")
QM_RCV = Event("rcv", datagram, cookie, under, gen, inc, good, exact_ports, doc="quick-*: a Quick Mode message arrives")
# informational
# In its own time: what TCP has handed to IPsec in this step leaves first.
IKE_DELETE = Event("delete", gen, why, doc="informational: have this SA pair deleted")
IKE_TELL = Event("SA deleted", gen, why, doc="informational: tell the peer that this SA pair is gone here")
IKE_DELETE_P1 = Event("delete phase 1", doc="informational: remove the phase 1 SAs, with or without children, and tell the peer")
INFO_RCV = Event("rcv", datagram, gen, cookie, under, forged, why, doc="informational: a Delete arrives")
INFO_OTHER_PEER = Event("Delete of another peer", gen, doc="informational: a peer behind the same address deletes that SPI")
INFO_IC = Event("INITIAL-CONTACT", cookie, doc="informational: a newer phase 1 SA of this peer says it remembers nothing")
INFO_P1_EXPIRED = Event("phase 1 expired", cookie, doc="informational: a phase 1 SA reached its hard lifetime")

# -- binding ------------------------------------------------------------------------------------------------------

SESSION = Enum("Session", "none", "waiting", "opening", "up", "closing", "gone")
S_NONE, S_WAITING, S_OPENING, S_UP, S_CLOSING, S_GONE = SESSION.consts()
SESSION_STATE = Var("binding", "state", SESSION, doc="the session as the draft's binding layer sees it")
MARK = Var("binding", "mark", BOOL, doc="a close sequence marked the connection for removal (3.4)")

graceful = Param("graceful", BOOL)  # this end decided to close, and said so
ended = Param("ended", BOOL)  # and with it the session, for all its end can see
installed = Param("installed", BOOL)  # IKE still had the SA that the Delete names

BIND_CONNECT = Event("connect", passive, doc="binding: BGP wants its TCP connection (b1)")
BIND_RECONNECT = Event("reconnect", passive, doc="binding: as connect, once the end of the connection just dropped is dealt with")
BIND_P2_UP = Event("phase 2 up", gen, doc="binding: IKE finished a Quick Mode (b2, b5)")
BIND_P2_FAILED = Event("phase 2 failed", doc="binding: IKE gave up")
BIND_OPEN_RCVD = Event("OPEN received", doc="binding: the peer's OPEN is in; session and connection are bound (b4)")
BIND_OTHER_UP = Event("other connection up", doc="binding: an OPEN is in on this end's other connection with the same peer (b7)")
BIND_OTHER_CLOSED = Event("other connection closed", ended, doc="binding: the other connection's FSM went to Idle (b7, b12)")
BIND_CLOSED = Event("session closed", graceful, doc="binding: the FSM went to Idle (b6, b12)")
BIND_TCB_CLOSED = Event("TCB closed", how, doc="binding: the connection's TCB became CLOSED (b8, b9)")
BIND_LAST_ACK = Event("FIN sent as passive closer", doc="binding: the TCB entered LAST-ACK")
BIND_SA_DELETED = Event("SA deleted by peer", gen, installed,
                        doc="binding: IKE processed a Delete for an SA of the connection (b10, b11)")

# -- routes ---------------------------------------------------------------------------------------------------------

notified = Param("notified", BOOL)  # a NOTIFICATION was sent or received
ROUTES_UP = Event("session up", doc="routes: the FSM came to Established")
ROUTES_DOWN = Event("session down", notified, doc="routes: the FSM left Established")

# -- bgp ----------------------------------------------------------------------------------------------------------

BGP_STATE = Enum("BgpState", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
BGP_IDLE, BGP_CONNECT, BGP_ACTIVE, BGP_OPEN_SENT, BGP_OPEN_CONFIRM, BGP_ESTABLISHED = BGP_STATE.consts()
BGP = Var("bgp", "state", BGP_STATE, doc="RFC 4271 8.2.2")
CONNECT_RETRY_TIMER = Var("bgp", "ConnectRetryTimer", BOOL, doc="running")
HOLD_TIMER = Var("bgp", "HoldTimer", BOOL, doc="running")
KEEPALIVE_TIMER = Var("bgp", "KeepaliveTimer", BOOL, doc="running")
DELAY_OPEN_TIMER = Var("bgp", "DelayOpenTimer", BOOL, doc="running")
IDLE_HOLD_TIMER = Var("bgp", "IdleHoldTimer", BOOL, doc="running")

# bgp: the 28 events of RFC 4271 8.1.2 - 8.1.5, by number
BGP_EVENT: dict[int, Event] = {no: Event(name, who=who, number=no, timer=timer, total=True) for no, name, who, timer in (
    (1, "ManualStart", "operator", None),
    (2, "ManualStop", "operator", None),
    (3, "AutomaticStart", "daemon", None),
    (4, "ManualStart_with_PassiveTcpEstablishment", "operator", None),
    (5, "AutomaticStart_with_PassiveTcpEstablishment", "daemon", None),
    (6, "AutomaticStart_with_DampPeerOscillations", "daemon", None),
    (7, "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment", "daemon", None),
    (8, "AutomaticStop", "daemon", None),
    (9, "ConnectRetryTimer_Expires", "timer", CONNECT_RETRY_TIMER),
    (10, "HoldTimer_Expires", "timer", HOLD_TIMER),
    (11, "KeepaliveTimer_Expires", "timer", KEEPALIVE_TIMER),
    (12, "DelayOpenTimer_Expires", "timer", DELAY_OPEN_TIMER),
    (13, "IdleHoldTimer_Expires", "timer", IDLE_HOLD_TIMER),
    (14, "TcpConnection_Valid", "signal", None),
    (15, "Tcp_CR_Invalid", "signal", None),
    (16, "Tcp_CR_Acked", "signal", None),
    (17, "TcpConnectionConfirmed", "signal", None),
    (18, "TcpConnectionFails", "signal", None),
    (19, "BGPOpen", "signal", None),
    (20, "BGPOpen with DelayOpenTimer running", "signal", None),
    (21, "BGPHeaderErr", "signal", None),
    (22, "BGPOpenMsgErr", "signal", None),
    (23, "OpenCollisionDump", "signal", None),
    (24, "NotifMsgVerErr", "signal", None),
    (25, "NotifMsg", "signal", None),
    (26, "KeepAliveMsg", "signal", None),
    (27, "UpdateMsg", "signal", None),
    (28, "UpdateMsgErr", "signal", None),
)}

# bgp-message: the checks of RFC 4271 6.1 - 6.4 and 6.8, which turn what TCP delivers into events 19 - 28
FAULT = Enum("Fault", "none", "header", "open", "version", "update")
fault = Param("fault", FAULT, "none")
BGP_MSG = Event("deliver", msg, fault, doc="TCP delivers one BGP message")
# What 6.8 looks at of the other connection with the same peer, if there is one.
OTHER_FSM = Enum("OtherFsm", "none", "OpenSent", "OpenConfirm", "Established")
other_fsm = Param("other", OTHER_FSM)
BGP_OTHER = Event("other connection", other_fsm, doc="bgp-message: the state of the other connection's FSM, as far as 6.8 looks at it")

