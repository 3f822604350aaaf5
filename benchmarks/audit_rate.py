"""How many packets a second `lockstep audit` reads and tracks on one core, on a capture made here.

The capture is a router's day: BGP in plaintext, ESP that can't be read, ESP-NULL, IKE and other hosts' traffic, in the shares below.
Run: `python -m benchmarks.audit_rate [PACKETS]`. The rate is of processor time, so that a busy machine does not change it.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
from pathlib import Path
from time import process_time

from traces.audit.tracker import Tracker
from traces.capture.files import Capture

PACKETS = 300_000
SHARES = {"other": 35, "plain": 20, "opaque": 25, "null": 19, "ike": 1}  # percent
ETHERNET = bytes(12) + b"\x08\x00"
KEEPALIVE = b"\xff" * 16 + b"\x00\x13\x04"


def ip(source: int, target: int, protocol: int, payload: bytes) -> bytes:
    return ETHERNET + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, bytes((10, 0, 0, source)),
                                  bytes((10, 0, 0, target))) + payload


def tcp(port: int, peer: int, seq: int, payload: bytes) -> bytes:
    return struct.pack("!HHIIBBHHH", port, peer, seq % (1 << 32), 1, 5 << 4, 0x18, 8192, 0, 0) + payload


def packets(count: int, seed: int) -> list[bytes]:
    """The frames of the capture."""
    chance, made, octets = random.Random(seed), [], 1
    for sequence, kind in enumerate(chance.choices(list(SHARES), weights=list(SHARES.values()), k=count), 1):
        if kind == "other":
            payload = bytes(chance.randrange(400))
            made.append(ip(chance.randrange(1, 200), 250, 6, tcp(chance.randrange(1024, 60000), 443, sequence, payload)))
        elif kind == "plain":
            made.append(ip(1, 2, 6, tcp(40001, 179, octets, KEEPALIVE)))
            octets += len(KEEPALIVE)
        elif kind == "opaque":
            made.append(ip(3, 4, 50, struct.pack("!II", 0xC0FFEE01, sequence) + chance.randbytes(chance.randrange(64, 256))))
        elif kind == "null":
            inner = tcp(40002, 179, sequence, KEEPALIVE)
            made.append(ip(5, 6, 50, struct.pack("!II", 0xC0FFEE02, sequence) + inner + b"\x01\x01\x06" + bytes(12)))
        else:
            header = struct.pack("!8s8sBBBBII", b"initiato", b"responde", 8, 16, 5, 1, sequence, 92)
            made.append(ip(5, 6, 17, struct.pack("!HHHH", 500, 500, 0, 0) + header + chance.randbytes(64)))
    return made


def main(words: list[str]) -> None:
    count = int(words[0]) if words else PACKETS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.pcap"
        with path.open("wb") as file:
            file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for number, frame in enumerate(packets(count, seed=1)):
                file.write(struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame)
        started = process_time()
        tracker = Tracker()
        tracker.run(Capture(path))
        seconds = process_time() - started
    print(f"{tracker.packets:,} packets in {seconds:.2f} s of processor time: {tracker.packets / seconds:,.0f} packets/s; "
          f"{len(tracker.connections)} connections, {len(tracker.associations)} SAs")


if __name__ == "__main__":
    main(sys.argv[1:])
