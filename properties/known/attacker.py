"""What goes wrong in the slice attacker."""

from __future__ import annotations

from model.expr import Fired, Post
from model.signals import BGP, BGP_ACTIVE, BGP_OPEN_CONFIRM, FORGED, IN_WINDOW, INSIDER, RST, SYN, fit, forged, kind, origin
from properties.attack import accepted
from properties.finding import Cause, Finding, both

_ASSASSINATED = Cause("assassinated", Fired("spd", "PLAIN accepted", where=origin == FORGED) & Fired("tcp", "RST: assassination"))
_AGGRESSIVE = Cause("group-key-aggressive", Fired("intruder", "aggressive mode: the group's key"))
_MAIN = Cause("group-key-main", Fired("intruder", "main mode: the group's key"))
_CERTIFICATE = Cause("trusted-certificate", Fired("intruder", "a trusted certificate"))
_UNPROTECTED = Cause("unprotected-delete", Fired("informational", "Delete: pair removed", where=forged))
_OPENED = Cause("opened-in-plaintext", Fired("spd", "PLAIN accepted", where=(origin == FORGED) & (kind == SYN)) & Fired("tcp", "SYN"))
_MD5_ONLY = Cause("session-closed", Fired("bgp", "event 2 ManualStop: Cease"))
_HASH = Cause("hash-given", Fired("intruder", "AM2: HASH_R to whoever asks"))
_RESET = Cause("reset-in-plaintext", Fired("spd", "PLAIN accepted", where=(origin == FORGED) & (kind == RST) & (fit == IN_WINDOW))
               & Fired("tcp", "RST after CLOSE"))
_OTHER_HOST = Cause("other-host", Fired("intruder", "another host sends"))
_OTHER_USER = Cause("other-user", Fired("intruder", "another user connects"))
_HARD = Cause("hard-error", Fired("tcp", "hard error"))
_INSIDE = {"attacks": 0, "copies": 0}
_ONE, _TWO = {"attacks": 1, "copies": 0}, {"attacks": 2, "copies": 0}
_DELETE = "draft 3.4 l.538-546"

FINDINGS = (
    Finding("F-12/assassination", "filters removed: a forged RST ends TIME-WAIT", "attacker", "accepted-is-authentic", _ASSASSINATED, 9,
            source="draft 3.3 l.525-532, 3.4 l.545-546; RFC 1337", bounds=_ONE, last=Fired("tcp", "RST: assassination")),
    Finding("F-32/group-key", "whoever knows the group's key ends the session with INITIAL-CONTACT", "attacker",
            "session-outlives-attack", _AGGRESSIVE, 3, source=f"{_DELETE}, 4.4 l.1000-1023", bounds=_INSIDE),
    Finding("F-32/unprotected", "a Delete that no SA protects is believed, and ends the session", "attacker", "session-outlives-attack",
            _UNPROTECTED, 3, both(naive="on"), source=_DELETE, bounds=_ONE),
    Finding("F-35/open", "a listener without a rule sends its OPEN in plaintext to whoever connects", "attacker", "text-stays-secret",
            _OPENED, 4, source="silent: draft 3.2, 3.6", bounds=_TWO),
    Finding("F-43/session", "a certificate of anybody's name opens the neighbour's session", "attacker", "session-is-with-neighbour",
            _CERTIFICATE, 5, source="silent: draft 4.2 l.920-923", bounds=_INSIDE,
            last=(BGP == BGP_ACTIVE) & Post(BGP == BGP_OPEN_CONFIRM)),
    Finding("F-43/accepted", "a certificate of anybody's name brings segments past IPsec", "attacker", "accepted-is-authentic",
            _CERTIFICATE, 4, source="silent: draft 4.2 l.920-923", bounds=_INSIDE),
    Finding("F-43/text", "a certificate of anybody's name writes into the neighbour's running session", "attacker", "text-is-genuine",
            _CERTIFICATE, 3, source="silent: draft 4.2 l.920-923", bounds=_INSIDE),
    Finding("F-52/secrecy", "TCP-MD5 alone keeps no secret", "attacker", "text-stays-secret", _MD5_ONLY, 1, {"ipsec": "off", "md5": "on"},
            source="draft 2 l.153-164; RFC 2385", bounds=_INSIDE),
    Finding("F-53/hash", "aggressive mode gives HASH_R under the key to whoever asks", "attacker", "negotiation-is-not-weakened", _HASH, 1,
            source="draft 4.4 l.1000-1023; RFC 2409 5.4", bounds=_INSIDE),
    Finding("F-53/aggressive", "aggressive mode with a group's key admits an impostor, as main mode does", "attacker",
            "session-is-with-neighbour", _AGGRESSIVE, 3, source="draft 4.4 l.1000-1002", bounds=_INSIDE),
    Finding("F-53/main", "main mode with a group's key admits an impostor", "attacker", "session-is-with-neighbour", _MAIN, 3,
            both(psk="group"), source="draft 4.4 l.991-998", bounds=_INSIDE),
    Finding("F-55/reset", "a check in BGP sees no RST", "attacker", "accepted-is-authentic", _RESET, 5, source="draft 3.6 l.628-632",
            bounds=_ONE, last=Fired("tcp", "RST after CLOSE")),
    Finding("F-56/gateway", "ANY-to-ANY at a gateway: another host behind it resets the session", "attacker", "session-outlives-attack",
            _OTHER_HOST, 2, {"ext_gw": "on"}, source="draft 3.8 l.690-698, 3.1 l.411-417", bounds=_INSIDE),
    Finding("F-58/user", "the SA outlives the socket: another user sends under it", "attacker", "accepted-is-authentic", _OTHER_USER, 6,
            both(del_trigger="tcp_closed"), source="draft 4.1 l.878-893", bounds=_INSIDE, last=accepted(origin == INSIDER)),
    Finding("F-62/icmp", "an ICMP error that nobody authenticates ends the session", "attacker", "session-outlives-attack", _HARD, 1,
            both(icmp_policy="abort"), source="draft 2 l.140-141; RFC 9293 3.9.2.2", bounds=_ONE),
)
