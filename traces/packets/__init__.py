"""A run as packets: what its ladder shows on the wire, as frames that a dissector reads and, with the keys beside it, deciphers.

A frame is written when its message leaves, as an observer near the sender sees it; what becomes of it (arrives, is lost) is in its
comment. What a run's start takes for granted (keys, an open connection) is written before it, in frames that say so: without them no
dissector can decipher or number what follows. All values are drawn from names, so that the same run gives the same file.

    draws      reproducible values                          hosts    addresses, ports, Ethernet, IP, UDP
    bgp        the four messages (RFC 4271 4)               tcp      sequence numbers out of the order of events
    cipher     AES or 3DES with HMAC-SHA-1                  esp      RFC 2406, RFC 3948
    isakmp     payloads, keys, exchanges (RFC 2408, 2409)   pcapng   the file
    story      what is on the wire already: keys, counters, segments, frames
    before     what lies before the run                     writer   a run, step by step

Where the model and packets differ:

- The model has no sequence numbers. DATA and FIN there carry all that is not acknowledged (RFC 9293 3.8.1). Here a retransmission does;
  a first transmission begins with what the peer will not have when it arrives, so that a segment that overtakes or outlives another
  repeats its text. Where the model lets a new TCB accept a late segment of the one before, with the same ports, the numbers do not
  fit, and the receiver's do not move.
- A step is an instant: its frames are a tenth of a millisecond apart. Without times in the trace a step takes a second, and 2MSL four
  minutes.
- The other SAs under a shared phase 1 SA have no packets, nor has the Delete of another peer behind B's NAT (row "another peer deletes
  the same SPI").
- Phase 1 is authenticated by a pre-shared key, also where the model says certificate. Quick Mode is without PFS. A message with `good`
  false has a wrong hash, or, before keys, a transform that is not offered.
- An impostor's exchanges and segments, which the model does not put on the wire, are written with the step that tells of them.
- With NAT-T the ends' addresses stay as they are: each reports a NAT it cannot know of (RFC 3947 3.2). After the NAT's mapping changed, B's
  frames come from another address, and their TCP checksums are those of the old one: they are wrong, and that is the point (draft 3.10).
- A second copy of a datagram is seen where it arrives.
"""
