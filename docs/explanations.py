"""Findings in words: what the draft says, and why that does not do, by number. Lines are the draft's."""

from __future__ import annotations

EXPLAINED: dict[str, str] = {
    "F-01": "Section 3.3 (l.525-532) deletes an SA only after TIME-WAIT, but says so only of one connection of a session that lives on. "
            "Section 3.4 (l.552-556) deletes what a session leaves behind as soon as the session is deleted. In RFC 4271 8.2.2 a session "
            "is over when its FSM goes to Idle, and at that moment TCP has just queued the FIN (RFC 9293 3.10.4); retransmissions, the "
            "peer's FIN and the last ACK are still to come. The two sections cannot both be obeyed.",
    "F-02": "Section 3.4 (l.541-546) takes a Delete for an SA of a closing connection as confirmation that the peer has finished its "
            "teardown. RFC 2408 3.15 gives a Delete no such meaning: it says that its sender no longer has that SPI. A lifetime that "
            "runs out (RFC 2401 4.4.3), a rekey or an operator cause the same message while the peer's TCP is still open.",
    "F-03": "Section 3.3 (l.525-532) tells the end that enters TIME-WAIT when to delete its SA. The other end goes from LAST-ACK "
            "straight to "
            "CLOSED (RFC 9293 3.6) and is told nothing. It can keep the SA, delete it when its TCB is gone, or delete it with its FIN; "
            "each choice breaks something that the text wants.",
    "F-06": "Section 3.4 (l.545-546) says that after the confirmation the filters can safely be removed. What then happens to a packet "
            "of the connection is the SPD's to say (RFC 4301 5.1): without a rule it bypasses IPsec, with a rule and no SA it is "
            "discarded, or it triggers a negotiation. The first puts segments in plaintext, the second leaves a FIN that can never "
            "arrive, the third brings up an SA for a connection that is over.",
    "F-21": "Section 3.2 (l.436-439) demands that initiator and remote peer both complete phase 2 before the first SYN. Quick Mode "
            "(RFC 2409 5.5) has three messages, and its initiator is done when it sends the third. Whether that has arrived it cannot "
            "know, "
            "unless the commit bit (RFC 2408 3.1) makes it wait. What one end can obey is the weaker rule: its own phase 2 is complete.",
    "F-24": "Section 3.3 (l.507-513) itself says that a phase 1 SA may be shared with other sessions and with traffic that is not BGP, "
            "and "
            "deletes it only when no BGP session uses it: other traffic is not counted. Section 3.4 (l.552-555) drops the condition "
            "altogether and deletes every phase 1 SA that exists as a result of the session.",
    "F-33": "Section 3.2 (l.435-436) names port 170, as 1.1 does. BGP listens on 179 (RFC 4271 8.2.1). Filters written from the draft "
            "match no "
            "segment of BGP, and what no rule matches passes in plaintext.",
    "F-35": "Filters are specific to a connection and exist from its Quick Mode on (3.2, 3.6). Nothing is said about the listening port "
            "before that. The check of 3.6 (l.628-632) is BGP's, and TCP has answered a SYN long before BGP sees anything.",
    "F-37": "Section 3.1 (l.406-411) gives a connection one SA. If both ends begin, TCP makes one connection of the two SYNs "
            "(RFC 9293 3.5), while the two Quick Modes make two pairs of SAs for the same selectors. Who would be initiator and who "
            "remote "
            "peer, the draft does not say.",
    "L-01": "The remote peer gets its filter with the SA (3.2, l.449-456). When the SYN arrives and no TCB listens, TCP answers with RST "
            "(RFC 9293 3.10.7.1). If the third Quick Mode message is not there yet, neither is the filter, and the RST bypasses IPsec.",
    "L-02": "UDP and ESP are not ordered. A SYN that overtakes the third Quick Mode message is decrypted (a responder may have its "
            "inbound SA "
            "from the second message on, RFC 2409 5.5), but the filter and the outbound SA are not there yet, and the SYN+ACK "
            "bypasses IPsec.",
    "L-03": "As in L-02 the SYN+ACK has left in plaintext, so that its sequence number is known to whoever reads it. Without a filter "
            "a forged ACK is accepted, the connection is up, and the OPEN follows in plaintext.",
}
