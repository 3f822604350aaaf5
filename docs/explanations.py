"""Findings in words: what the draft says, and why that does not do, by number. Lines are the draft's."""

from __future__ import annotations

EXPLAINED: dict[str, str] = {
    "F-01": "Section 3.3 (l.525-532) deletes an SA only after TIME-WAIT, but says so only of one connection of a session that "
            "lives on. Section 3.4 (l.552-556) deletes what a session leaves behind as soon as the session is deleted, gracefully "
            "or not (`whenever teardown events occur`). In RFC 4271 8.2.2 a session is over when its FSM goes to Idle, and at that "
            "moment TCP has just queued the FIN (RFC 9293 3.10.4); retransmissions, the peer's FIN and the last ACK are still to "
            "come. Read so, the two sections cannot both be obeyed. Only an end that waits for TCP before it calls its session "
            "deleted obeys both, which no sentence asks of it (`del_trigger=tcp_closed`; F-02, F-03 and F-04 are what is left "
            "then).",
    "F-02": "Section 3.4 (l.541-546) takes a Delete for an SA of a closing connection as confirmation that the peer has finished "
            "its teardown. RFC 2408 3.15 gives a Delete no such meaning: it says that its sender no longer has that SPI. A "
            "lifetime that runs out (RFC 2401 4.4.3), a rekey or an operator cause the same message while the peer's TCP is still"
            " open.",
    "F-03": "Section 3.3 (l.525-532) tells the end that enters TIME-WAIT when to delete its SA. The other end goes from LAST-ACK "
            "straight to CLOSED (RFC 9293 3.6) and is told nothing. It can keep the SA, delete it when its TCB is gone, or delete"
            " it with its FIN; each choice breaks something that the text wants.",
    "F-04": "The last ACK of a close is never acknowledged (RFC 9293 3.6). If it is lost, and what LAST-ACK repeats is lost for "
            "as long as 2MSL, the end in TIME-WAIT deletes its SA by 3.3 (l.528-530) while its peer still repeats a FIN. The "
            "Delete then takes the SA, and by 3.4 (l.545-546) the filter, from under that FIN. It needs an outage as long as "
            "2MSL.",
    "F-06": "Section 3.4 (l.545-546) says that after the confirmation the filters can safely be removed. What then happens to a "
            "packet of the connection is the SPD's to say (RFC 4301 5.1): without a rule it bypasses IPsec, with a rule and no SA"
            " it is discarded, or it triggers a negotiation. The first puts segments in plaintext, the second leaves a FIN that "
            "can never arrive, the third brings up an SA for a connection that is over.",
    "F-08": "The MUST of 3.3 (l.528-530) is tied to the end of TIME-WAIT. A reset, an abort, a user timeout and LAST-ACK never "
            "pass through it (RFC 9293 3.10.5, 3.10.7.4, 3.8.3). For those 3.4 (l.536-538) has a SHOULD, and an end that does not"
            " follow it leaves its SA behind.",
    "F-09": "Section 3.3 (l.527-530) starts the clock after the other side responds. The response to a FIN may be a bare ACK, "
            "which leads to FIN-WAIT-2, not to TIME-WAIT (RFC 9293 3.6): the peer may go on sending. A clock that starts there "
            "ends under a connection that is half open.",
    "F-11": "Section 3.3 (l.504-506) closes by halves. BGP knows no half-open session: a FIN is event 18 (RFC 4271 8.2.1.4), and "
            "the daemon that has closed reads no more. Text that is still under way then meets no socket, and a stack answers it "
            "with RST (RFC 9293 3.6.1 SHLD-3). The connection is over without the TIME-WAIT that 3.3 waits for; its SA goes as "
            "that of a failed one, and the Delete finds the peer still closing.",
    "F-12": "TIME-WAIT need not last. A RST that fits ends it (RFC 9293 3.10.7.4, RFC 1337). Under ESP only the peer could send "
            "one; but once the filter is removed (3.4, l.545-546) a forged RST in plaintext is accepted, and the expiration that "
            "3.3 waits for never comes.",
    "F-13": "An end that comes back from the port it had meets its peer in TIME-WAIT, and RFC 9293 3.6.1 (MAY-2; RFC 6191) lets "
            "the new SYN in (BGP listens on 179 whatever its FSM's state is, 8.2.1 of RFC 4271). The TIME-WAIT of 3.3 (l.528-530) "
            "then ends by the SYN and not by its timer, while the SA bound to the old connection (3.1, l.406-411) serves the new "
            "one with the same 5-tuple; what the text then deletes is the new connection's.",
    "F-14": "An SA's lifetime (2.2; RFC 2401 4.4.3) knows nothing of TCP. Nothing in 3.3 keeps it from ending while the "
            "connection closes, and nobody renews an SA on which little is sent. The deletion that follows is as early as any "
            "that 3.3 forbids.",
    "F-15": "A TCP without a TCB answers with RST, and its peer recovers in a round trip (RFC 9293 3.5.1). An IPsec without an SA"
            " drops the packet before TCP sees it (RFC 4301 5.2), and has nothing to send a RST under. What section 2 (l.134-141)"
            " wants against forged resets also stops the true ones.",
    "F-16": "Section 3.4 (l.538-546) has IKE tell BGP of a Delete, and says what that means only if the connection was being "
            "closed. If it is taken as a failure, the Delete for the SA that a rekey has just replaced resets a healthy session, "
            "once in every lifetime.",
    "F-17": "A connection is bound to one SA, named by protocol, address and SPI (3.2, l.481-484), and a rekey is none of BGP's "
            "business (l.486-491). So from the first rekey on the binding names an SA that will be gone, and the duty to delete "
            "the bound SA (3.3, l.528-530) does not reach the one that is in use.",
    "F-18": "Section 3.1 (l.406-411) wants exactly one SA for a connection. A rekey that does not interrupt traffic needs the new"
            " SA before the old one goes (3.2, l.486-491 lets IPsec choose). Both cannot be had in the same moment; the congruent"
            " form, all SAs of a connection have the same selectors, can.",
    "F-19": "Who rekeys is not said (3.2, l.486-491). If both ends do, there is one SA pair too many, and if each keeps its own "
            "and deletes the other's, the Deletes cross and nothing is left. RFC 7296 2.8.1 had to say which of the two goes.",
    "F-20": "Quick Mode does not depend on the TCP connection. One that was begun before or during the close is completed after "
            "it, and brings up an SA for a connection that no longer exists. Neither 3.3 nor 3.4 has anything that would ever "
            "delete it.",
    "F-21": "Section 3.2 (l.436-439) demands that initiator and remote peer both complete phase 2 before the first SYN. Quick "
            "Mode (RFC 2409 5.5) has three messages, and its initiator is done when it sends the third. Whether that has arrived "
            "it cannot know, unless the commit bit (RFC 2408 3.1) makes it wait. What one end can obey is the weaker rule: its "
            "own phase 2 is complete.",
    "F-23": "Section 3.4 (l.555-556) deletes phase 1 and phase 2 SAs, in that order of words. When the phase 1 Delete has been "
            "processed, a phase 2 Delete under the same keys cannot be read any more (RFC 2409 5.7), and UDP may reorder the two "
            "in any case. A peer whose phase 2 SAs outlive their phase 1 SA (RFC 2409 8) keeps one for ever.",
    "F-24": "Section 3.3 (l.507-513) itself says that a phase 1 SA may be shared with other sessions and with traffic that is not"
            " BGP, and deletes it only when no BGP session uses it: other traffic is not counted. Section 3.4 (l.552-555) drops "
            "the condition altogether and deletes every phase 1 SA that exists as a result of the session.",
    "F-26": "The draft takes it that phase 2 SAs die with their phase 1 SA (3.3, l.513-516). RFC 2409 8 deletes the phase 1 SA on"
            " purpose and keeps its children. If one end thinks so and the other does not, the expiry of a phase 1 SA takes the "
            "SA of a living connection away at one end.",
    "F-27": "Both ends of a BGP session begin, and each first phase 1 SA carries INITIAL-CONTACT (RFC 2407 4.6.3.3). Each end "
            "takes the other's as word that it remembers nothing, and deletes the SA that it has itself just begun. Afterwards "
            "each end believes in the SA that the other deleted, so that neither begins another.",
    "F-28": "Section 3.4 (l.549-551) leaves it to BGP to notice that a peer restarted. A restarted peer has no SA, so it drops "
            "what arrives, and sends nothing that could be understood. The hold timer would notice; RFC 4271 4.2 allows a hold "
            "time of zero, and then nothing ever does.",
    "F-29": "Section 3.1 (l.382-383) names a simplex SA, Quick Mode makes a pair, and a Delete lists the SPI on which its sender "
            "receives (RFC 2408 3.15). Whether its receiver also gives up the other half is nowhere said. If it does not, that "
            "half is left when both connections are closed.",
    "F-30": "Section 3.1 (l.387-391) puts several peers behind one address, and names an SA by protocol, destination address and "
            "SPI (l.384-385). Each peer draws its SPIs for itself, so that two behind one address may draw the same one, and a "
            "Delete of one peer names the other's SA. RFC 2408 2.4 has the answer: an SPI is one of the ISAKMP SA it was "
            "negotiated under (reading `spi_scope`).",
    "F-31": "Nothing in 2.2 or 3.2 says that the two ends' lifetimes have to agree; RFC 2407 4.6.3.1 has RESPONDER-LIFETIME, "
            "which the draft does not mention. The end whose lifetime is shorter (in seconds, in the kilobytes of its direction, "
            "or because its sequence numbers ran out) deletes, and its one Delete may be lost (RFC 2408 3.15). The other end "
            "sends on under an SA that nobody has, and no answer can tell it.",
    "F-32": "Section 3.4 (l.538-546) makes a Delete something that ends BGP state, and does not say which Delete. RFC 2408 5.15 "
            "(MUST) and RFC 2409 5.7 want one protected by an ISAKMP SA; an implementation that believes others too (`naive`) lets "
            "anybody end a session, as in F-32/unprotected. One that heeds them is not safe where a group's pre-shared key serves "
            "(4.4): any member can build a phase 1 SA in the neighbour's name and send INITIAL-CONTACT under it (F-32/group-key). "
            "Threat [4] of section 2 is back, by another way.",
    "F-33": "Section 3.2 (l.435-436) names port 170, as 1.1 does. BGP listens on 179 (RFC 4271 8.2.1). Filters written from the "
            "draft match no segment of BGP, and what no rule matches passes in plaintext.",
    "F-34": "The identities of a Quick Mode carry the source port (3.2, l.449-456), which exists only when a socket is bound. An "
            "implementer who negotiates first has only port 0, which means any (RFC 2407 4.6.2). That SA fits every connection "
            "between the two addresses, also the next one, and 3.1 (l.408-411) gives an SA one connection.",
    "F-35": "Filters are specific to a connection and exist from its Quick Mode on (3.2, 3.6). Nothing is said about the "
            "listening port before that. The check of 3.6 (l.628-632) is BGP's, and TCP has answered a SYN long before BGP sees "
            "anything.",
    "F-37": "Section 3.1 (l.406-411) gives a connection one SA. If both ends begin, TCP makes one connection of the two SYNs (RFC"
            " 9293 3.5), while the two Quick Modes make two pairs of SAs for the same selectors. Who would be initiator and who "
            "remote peer, the draft does not say.",
    "F-38": "ISID, TSID and CID (3.2, l.463-485) are fields of iSCSI; a BGP OPEN has none of them (RFC 4271 4.2). If the BGP "
            "identifiers or the addresses stand for them, two connections of the same neighbours are one session, and what 3.4 "
            "(l.552-555) deletes of a session that ends is also what the other connection runs under.",
    "F-40": "Section 3.2 (l.457-471) has the initiator send OPEN and the remote peer reply with its own. In RFC 4271 8.2.2 each "
            "end sends its OPEN when the connection is up. An end that takes itself for the remote peer because it was sent a SYN "
            "waits; where the SYNs cross (RFC 9293 3.5) both were, both wait, and no timer of RFC 4271 runs that would end it: "
            "the ConnectRetryTimer is stopped and the HoldTimer starts with the OPEN.",
    "F-41": "An SA is for one source port, and a connect retry (RFC 4271 8.2.2 Connect, event 9) begins again from another. The "
            "Quick Mode that is under way knows nothing of that and brings up an SA for a connection that never was, so that "
            "neither 3.3 (its TIME-WAIT) nor 3.4 (its failure) has an occasion to delete it; only the end of the session does. "
            "Where IKE takes longer than ConnectRetryTime each retry leaves one more.",
    "F-42": "SAs belong to connections in 3.1 and 3.6, to peering sessions in 4.1. During a collision (RFC 4271 6.8) a session "
            "has two connections, and one is closed at once; deletion at the end of its FSM takes its SA before its close is "
            "done.",
    "F-43": "Section 3.6 concludes from the right SA to the trusted peer. Section 4.2 (l.920-923) wants several certification "
            "authorities, and nothing says whose certificate may speak for which neighbour; RFC 2401 has no peer authorization "
            "database (RFC 4301 4.4.3 added it). Whoever holds any certificate of a trusted authority, and the neighbour's "
            "address, is the neighbour. In a running session he needs TCP's sequence numbers; where the newest SA carries what is "
            "sent, that is his, and shows them to him. The model leaves that step out.",
    "F-44": "Section 3.4 (l.556-557) says that its deletions should in no way interfere with graceful restart. A helper (RFC 4724) "
            "lets a new OPEN replace the established connection and closes the old one without NOTIFICATION; the end of the old "
            "FSM then deletes what exists as a result of the session, which includes the SAs of the connection that has just "
            "replaced it.",
    "F-52": "Section 2 (l.153-164) says that TCP MD5 gives no authentication of packets; RFC 2385 authenticates each segment, SYN"
            " and RST included. What it does not give is secrecy. The pairs of claims that break with and without it, with and "
            "without IPsec, are what `lockstep attackers` prints.",
    "F-53": "Section 4.4 (l.991-1023) advises against main mode with group keys and recommends aggressive mode. The hole is the "
            "group's key and not the mode: any member can be the neighbour in either. And aggressive mode sends HASH_R under the "
            "key to whoever asks (RFC 2409 5.4), which lets him guess at leisure.",
    "F-54": "Section 4.5 (l.1028-1037) warns of using a counter twice under one key, and has no keyword for it; manual keys are "
            "within 2.1, which only recommends IKE (l.190). A key that is configured is there again after a restart, and the "
            "sequence number from which the counter comes begins anew (RFC 2406 3.3.3).",
    "F-55": "The check of 3.6 (l.628-632) is made by BGP. BGP sees a stream of bytes; SYN, FIN, RST and ACK never reach it, and "
            "those are what threat [4] of section 2 is about. A forged RST closes the connection and BGP was never asked.",
    "F-56": "Where IPsec ends on external gateways with ANY-to-ANY selectors (3.8, l.690-698, l.733-738), a third host behind the"
            " peer's gateway sends with the peer's address and the gateway protects it. The SA is the right one, and 3.6 then has"
            " nothing left to check.",
    "F-58": "The socket is exclusive (4.1, l.878-893), the SA is not: it outlives the connection, at least through TIME-WAIT "
            "(3.3). Another user of the host who binds the port that has become free is protected by it, and is the speaker to "
            "the other end.",
    "F-59": "Section 3.10 (l.838-844) has the sender make the TCP checksum for the address that the NAT gives it. That holds as "
            "long as the NAT's mapping does. When it changes, ESP authenticates the segment, for it is found by its SPI, and TCP "
            "drops it silently (RFC 9293 3.1): the SA is sound and the connection is dead.",
    "F-62": "An ICMP hard error may abort a connection (RFC 9293 3.9.2.2), and 3.5 tolerates that ICMP is processed without "
            "authentication. No SA protects against it; RFC 5927 treats such errors as soft.",
    "L-01": "The remote peer gets its filter with the SA (3.2, l.449-456). Its initiator is done when it has sent the third Quick "
            "Mode message (F-21), so its SYN may be there first. If no TCB listens, TCP answers with RST (RFC 9293 3.10.7.1); the "
            "filter is not there yet, and the RST bypasses IPsec.",
    "L-02": "UDP and ESP are not ordered. A SYN that overtakes the third Quick Mode message is decrypted (a responder may have "
            "its inbound SA from the second message on, RFC 2409 5.5), but the filter and the outbound SA are not there yet, and "
            "the SYN+ACK bypasses IPsec.",
    "L-03": "As in L-02 the SYN+ACK has left in plaintext, so that its sequence number is known to whoever reads it. Without a "
            "filter a forged ACK is accepted, the connection is up, and the OPEN follows in plaintext.",
    "L-04": "Under the rules R-a to R-k. The responder's inbound SA is usable from the second message on, and the SYN comes over "
            "it; then its phase 1 SA expires before the third message, which it can no longer read. At the retry limit the "
            "exchange is given up (RFC 2408 5.1) and what was reserved for it goes, though a TCB in SYN-RECEIVED came over it. The "
            "initiator has its SA and goes on sending. RFC 2409 5.5 does not say when a responder may rely on its SA. The commit "
            "bit (RFC 2408 3.1), rule R-m, settles it.",
    "L-05": "A phase 1 SA ends at each end by that end's own clock (RFC 2409 A, life duration), and no text obliges anybody to "
            "announce it: a Delete is advisory (RFC 2408 3.15, 5.15). Both ends of a BGP session begin, so there may be two. If "
            "each end lets the one that it began expire first (or each the other's), each is left with an SA that the other no "
            "longer has, and they have none in common.",
    "L-06": "Section 3.4 (l.552-555) deletes the SAs that exist as a result of a session. An end that starts its next session "
            "while its peer still ends the last one loses the SA that it has just negotiated: what its peer sweeps up at the end "
            "of the old session is not told from what was made for the next.",
    "L-20": "A peer that restarted says so with INITIAL-CONTACT (RFC 2407 4.6.3.3), and the SAs it has forgotten are deleted. The "
            "TCP connection under them stays, Established, over nothing, until its hold timer ends it: 3.4 (l.538-541) tells BGP "
            "of a deletion and has no rule for a connection that nobody closes. Rule R-l aborts it with its SAs.",
    "L-21": "RFC 4271 6.8 closes one of two colliding connections, by comparing identifiers when an OPEN arrives; but against a "
            "connection that is Established the new one always goes. One end may be Established on the first connection while its "
            "KEEPALIVE has not reached the other, which still compares: each then closes a different one, and both are lost. That "
            "is a race of BGP's own, older than the draft, which the SAs of 3.1 only make more costly.",
}

# Families beyond the list of candidates, each read a second time: the strongest objection that a run of real hosts would not go so, and the
# answer.
REVIEWED: dict[str, str] = {
    "L-01": "Objection: a host that accepts a Quick Mode has a policy for its selectors (RFC 2409 5.5), and a policy that says PROTECT "
            "holds the RST back. Answer: a policy for the neighbour's TCP/179 as a whole does (`listener_rule=protect`, and the finding "
            "is gone). But the draft has only filters specific to a connection, made of the Quick Mode identities (3.2 l.449-456, 3.6 "
            "l.634-635), and no text gives a responder such a filter before its exchange is over. It also needs a responder that "
            "receives from the second message on (`preinstall`); RFC 2409 5.5 leaves that open, and the commit bit (RFC 2408 3.1) exists "
            "because some do. Stands, for such readings. Little harm: an RST for a port at which nobody listens.",
    "L-02": "Objections as for L-01, with the same answers. And: the SYN would have to overtake a datagram sent just before it. UDP/500 "
            "and ESP are different flows, which nothing orders; a lost third message is enough, and somebody on the path can hold it "
            "back. Stands, for responders that receive from the second message on and have no rule for the neighbour.",
    "L-03": "Objection: the forged ACK must acknowledge the right number (RFC 9293 3.10.7.4). Answer: the SYN+ACK was in plaintext, so "
            "whoever is on the path has read it; he also lengthens the window at will, by holding back the third Quick Mode message. "
            "Without a view of the path he would have to guess 32 bits. The text exposed is an OPEN. Stands, on the path.",
    "L-04": "Objections: the connection was lost in any case, since a responder without phase 1 SA never reads the third message; and "
            "TCP, which retransmits first, may give up first. Answers: true, so the harm is a failed attempt and an initiator that sends "
            "under an SA its peer does not have; the claim breaks because a TCB is left over no SA. A SYN+ACK is repeated for 3 minutes "
            "or more (RFC 9293 3.8.3, MUST-23), RFC 2408 5.1 gives the retry counter no value and then `clears all states`. Whether an "
            "exchange may end under a phase 1 SA that expires meanwhile, no RFC says; one that lets it end does not show this. The loss "
            "of the run only shortens it: without one it takes a step more. Stands, small.",
    "L-05": "Objections: lifetimes are negotiated and equal (RFC 2409 A), and a host announces the end of its SA with a Delete. Answers: "
            "equal lifetimes do not start at one moment, as the responder is done half a round trip before the initiator; two that were "
            "begun at once (F-27) then end at once, and for as long as the clocks differ each end has only the SA that it began. It "
            "lasts longer only where an end applies a shorter lifetime of its own, or counts kilobytes, which the RFCs do not forbid. "
            "The Delete is nowhere demanded and may be lost. Meanwhile what either sends under its SA meets unknown cookies (RFC 2408 "
            "5.2), and no Delete gets through. Stands, where lifetimes differ; with equal ones for a moment.",
    "L-06": "Objection: an SA with other ports, made for the next connection, does not exist `as a result of the session` that ends. "
            "Answer: one may read it so; but 3.2 (l.440-442) has the further connections of a session negotiate their SAs under its "
            "phase 1 SA, and at that moment the peer knows of no other session, so an implementation that sweeps by phase 1 SA obeys the "
            "letter. Each step is allowed: a reset, a new attempt from another port before the peer has heard of it, a Quick Mode that "
            "knows nothing of TCP (RFC 2409 5.5), a Delete applied at once (RFC 2408 5.15). Stands, as a sentence that does not say what "
            "it deletes. NOTE: rule R-a, as the model has it, sweeps in the same way, and has to: spared, the SA of a next attempt that "
            "then never comes is nobody's to delete (decision 030). A receiver that defers (R-b) keeps its half.",
    "L-20": "Objections: deleting is right, since nobody has the other end of these SAs any more, and the hold timer ends the "
            "connection. Answer: both true. RFC 2407 4.6.3.3 says `might elect`, so a receiver may also not delete. What is missing is "
            "the word to BGP: for up to the hold time the survivor announces routes through a peer that forgot them, refuses the new "
            "connection as colliding with an Established one (RFC 4271 6.8), and with hold time zero never ends (F-28). NOTE: in the run "
            "the first message of the new phase 1 already takes the place of the old SA, which no RFC allows before authentication; "
            "nothing hangs on it, since the authenticated INITIAL-CONTACT removes that SA just the same. Stands, without a plaintext "
            "segment.",
    "L-21": "Objection: it has nothing to do with IPsec, and ConnectRetry repairs it. Answer: true; it is listed because 3.1 and 3.4 "
            "then cost two phase 1 and two phase 2 negotiations. Each step is RFC 4271: A compares in OpenConfirm and keeps what the "
            "higher identifier began (6.8, step 2), B closes the new connection because the other is Established (6.8, last paragraph). "
            "That B's KEEPALIVE is slower than a handshake on the other connection takes one retransmission. With "
            "CollisionDetectEstablishedState (8.1.1) at both ends no reachable state of the slice breaks the claim; at one end only it "
            "still breaks. Stands, as BGP's.",
}
