"""The candidate findings, F-01 to F-72: what each is about, and why no run of it is kept, where none is.

The list was drawn up from the text before there was a model. Numbers that are missing never had a text. What is kept, is in
`properties.findings`; of every other candidate the second text says what a run would need, or why there can be none.
"""

from __future__ import annotations

KEPT = "a run is kept"
NUMBERS = "arithmetic: not a run"
LINT = "a rule of policy or configuration: [a lint](../lints.md)"
TEXT = "damage of the text: not a run"

CANDIDATES: dict[str, tuple[str, str]] = {
    "F-01": ("the session's end deletes SAs before TIME-WAIT", KEPT),
    "F-02": ("a Delete taken as confirmation of a teardown", KEPT),
    "F-03": ("no rule for the passive closer", KEPT),
    "F-04": ("last ACK lost, the Delete overtakes LAST-ACK", KEPT),
    "F-06": ("what is left when the filters are removed", KEPT),
    "F-07": ("a lost Delete leaves an orphan",
             "the loss is what F-03/keep needs; how many orphans there come to be is a matter of rates, and of loss times flaps "
             "times lifetime"),
    "F-08": ("ends of a connection that never pass TIME-WAIT", KEPT),
    "F-09": ("which answer starts the TIME-WAIT clock", KEPT),
    "F-10": ("BGP has no closing handshake",
             "cannot come about: RFC 4271 8.2.2 has no event that answers a NOTIFICATION and no state to wait in, and who "
             "receives one closes in the step that reads it; an end that waited would come to event 18 or to its hold timer, "
             "and go on as in F-01"),
    "F-11": ("a half-close means nothing to BGP", KEPT),
    "F-12": ("TIME-WAIT that ends early", KEPT),
    "F-13": ("two incarnations of one 5-tuple", KEPT),
    "F-14": ("the SA's lifetime ends while the connection closes", KEPT),
    "F-15": ("no reset crosses where an SA is missing", KEPT),
    "F-16": ("a Delete for a connection that is not closing", KEPT),
    "F-17": ("the binding names an SA that rekey replaced", KEPT),
    "F-18": ("one SA a connection against the overlap of rekey", KEPT),
    "F-19": ("two rekeys at once leave no SA", KEPT),
    "F-20": ("a Quick Mode is completed for a closed connection", KEPT),
    "F-21": ("both ends' phase 2 before the SYN", KEPT),
    "F-23": ("the order of phase 1 and phase 2 Deletes", KEPT),
    "F-24": ("deletion takes what others use", KEPT),
    "F-26": ("phase 2 SAs that outlive their phase 1 SA at one end only", KEPT),
    "F-27": ("INITIAL-CONTACT of two phase 1 exchanges at once", KEPT),
    "F-28": ("a reboot nobody notices", KEPT),
    "F-29": ("a Delete of one SPI: the pair, or one half", KEPT),
    "F-30": ("SPIs behind one address", KEPT),
    "F-31": ("lifetimes that do not match", KEPT),
    "F-32": ("Deletes forged or by an insider", KEPT),
    "F-33": ("port 170", KEPT),
    "F-34": ("the source port is wanted before there is one", KEPT),
    "F-35": ("a SYN in plaintext to the listener", KEPT),
    "F-37": ("simultaneous open on one 5-tuple", KEPT),
    "F-38": ("session identifiers that BGP does not have", KEPT),
    "F-39": ("binding known from configuration alone", LINT),
    "F-40": ("OPEN as a reply", KEPT),
    "F-41": ("connect retry faster than IKE", KEPT),
    "F-42": ("an SA a session or an SA a connection", KEPT),
    "F-43": ("no binding of an IKE identity to a neighbour", KEPT),
    "F-44": ("graceful restart against deletion", KEPT),
    "F-45": ("keys that need the routes that need keys", LINT),
    "F-46": ("revocation and the age of phase 1",
             "no row after phase 1 looks at a certificate, so a revocation changes no run: the Quick Mode of F-18/overlap asks "
             "for a phase 1 SA that is up, whatever was revoked since. A bound on its age is a rule of policy"),
    "F-47": ("no cipher that both ends must have", NUMBERS),
    "F-48": ("mandatory suites against the goals", LINT),
    "F-49": ("IKE recommended, its phases required", LINT),
    "F-50": ("AES and extended sequence numbers", NUMBERS),
    "F-51": ("margins of key limits", NUMBERS),
    "F-52": ("what is said of TCP MD5", KEPT),
    "F-53": ("aggressive mode and group keys", KEPT),
    "F-54": ("counter mode without required words", KEPT),
    "F-55": ("the packet check stands in the wrong layer", KEPT),
    "F-56": ("wide selectors and external gateways", KEPT),
    "F-57": ("identities in tunnel mode", LINT),
    "F-58": ("an SA that outlives its socket's owner", KEPT),
    "F-59": ("what is said of NAT", KEPT),
    "F-60": ("path MTU, hold timer and flapping",
             "a run wants UPDATEs and sizes of segments, which the slices leave out; how many retransmissions fit into a hold "
             "time is arithmetic"),
    "F-61": ("fragments of IKE",
             "no rule is broken: an exchange whose MM5 never arrives ends in `retry limit reached`, and no row falls back to "
             "plaintext; that it never succeeds takes losses without limit"),
    "F-62": ("ICMP hard errors end the connection", KEPT),
    "F-65": ("no bypass for IKE itself", LINT),
    "F-66": ("recovery of an SA against the hold timer",
             "shown in time: `lockstep simulate sa-recovery` loses some sessions at a hold time of 9 s, and none of the same "
             "seeds at 90 s; without time a hold timer may always come first"),
    "F-67": ("deletion before the NOTIFICATION has arrived",
             "part of F-01: in F-01/plaintext the NOTIFICATION goes with the FIN"),
    "F-68": ("no perfect forward secrecy required", LINT),
    "F-69": ("what TIME-WAIT is for, under an SA",
             "why `sa-outlives-need` stands beside `sa-outlives-connection`"),
    "F-70": ("resources an authenticated neighbour can use up",
             "two ends, one connection and three generations have no number that could grow; what each further SA comes from is "
             "shown one by one (F-03/keep, F-20/late, F-41/orphan)"),
    "F-71": ("lost lines and what iSCSI left behind", TEXT),
    "F-72": ("how strong the words are", TEXT),
}
