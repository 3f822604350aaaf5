"""How many packets a second `lockstep audit` reads and judges, in how much memory, on a capture made here; part of docs/performance.md.

    python -m benchmarks.audit_rate [--packets N] [--connections N] [--write "a machine of two cores"]

The capture is a hub's day: connections in plaintext, in ESP that can't be read and in ESP-NULL, each between two hosts of its own with
its IKE before it, all at once, and other hosts' traffic between. Seconds are of processor time, so that a busy machine changes them less;
memory is the most that the process had, and a capture half as long, with as many connections, is audited as well, to show that more
packets take no more. Beside it, in the same run, scapy reads the file: its records as octets, and (a part of it) as packets. --write puts
the figures into the page, with what they were measured on.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.verify_rates import PAGE, written

PACKETS, CONNECTIONS = 1_000_000, 1_000
DISSECTED = 20_000  # packets that scapy takes apart: it is slow
OTHERS = 0.35  # share of packets that are not BGP's
KINDS = ("plain", "null", "null")  # of the connections that can be read; a quarter of all are opaque
BEGINNING = 14  # frames up to the OPENs
BEGIN = "<!-- measured: audit_rate -->\n"
ETHERNET = bytes(12) + b"\x08\x00"
MARKER = b"\xff" * 16
OPEN = MARKER + b"\x00\x1d\x01\x04\xfd\xe8\x00\x5a\xc0\x00\x02\x01\x00"
KEEPALIVE = MARKER + b"\x00\x13\x04"
SYN, ACK, PUSH = 0x02, 0x10, 0x18


def ip(source: bytes, target: bytes, protocol: int, payload: bytes) -> bytes:
    return ETHERNET + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, target) + payload


def tcp(ports: tuple[int, int], seq: int, flags: int, payload: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", *ports, seq % (1 << 32), int(bool(flags & ACK)), 5 << 4, flags, 8192, 0, 0) + payload


def connection(number: int, kind: str, chance: random.Random) -> Iterator[bytes]:
    """The frames of one, without an end: phase 1 and quick mode, the handshake, OPENs, KEEPALIVEs."""
    hosts = bytes((10, 1, number >> 8, number & 255)), bytes((10, 2, number >> 8, number & 255))
    cookie, count, octets = struct.pack("!Q", number + 1), [0, 0], [1, 1]
    if kind != "plain":
        for message in range(9):
            body = chance.randbytes(100)
            exchange, ident = (2, 0) if message < 6 else (32, number + 1)
            header = struct.pack("!8s8sBBBBII", cookie, b"responde", 8, 16, exchange, int(message > 3), ident, 28 + len(body))
            yield ip(*hosts[::1 - 2 * (message % 2)], 17, struct.pack("!HHHH", 500, 500, 8 + len(header) + len(body), 0) + header + body)
    texts = [(0, SYN, b""), (1, SYN | ACK, b""), (0, ACK, b""), (0, PUSH, OPEN), (1, PUSH, OPEN)]
    while True:
        for side, flags, text in texts or [(0, PUSH, KEEPALIVE), (1, PUSH, KEEPALIVE)]:
            ports = (40_000, 179) if side == 0 else (179, 40_000)
            segment = tcp(ports, octets[side] - bool(flags & SYN), flags, text)
            octets[side] += len(text)
            count[side] += 1
            esp = struct.pack("!II", 0xC0000001 + 2 * number + side, count[side])
            if kind == "null":
                segment = esp + segment + b"\x01\x01\x06" + bytes(12)
            elif kind == "opaque":
                segment = esp + chance.randbytes(len(segment) + 36)
            yield ip(*hosts[::1 - 2 * side], 6 if kind == "plain" else 50, segment)
        texts = []


def frames(packets: int, connections: int, seed: int = 1) -> Iterator[bytes]:
    """The capture: every connection begins, then all go on at random."""
    chance = random.Random(seed)
    opaque = connections // 3
    every = [connection(number, KINDS[number % len(KINDS)] if number < connections else "opaque", chance)
             for number in range(connections + opaque)]
    yield from (next(one) for _ in range(BEGINNING) for one in every)
    for number in range(packets - BEGINNING * len(every)):
        if chance.random() < OTHERS:
            yield ip(bytes((10, 3, 0, chance.randrange(200))), bytes((10, 3, 1, 1)), 6,
                     tcp((chance.randrange(1024, 60_000), 443), number, PUSH, bytes(chance.randrange(400))))
        else:
            yield next(chance.choice(every))


def save(path: Path, packets: int, connections: int) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number, frame in enumerate(frames(packets, connections)):
            file.write(struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame)


def measured(path: Path) -> dict[str, Any]:
    """An audit in this process."""
    from traces.audit.audit import audit
    from traces.audit.case import unread

    started = process_time()
    found = audit(path)
    return {"packets": found.case.tracker.packets, "connections": len(found.case.tracker.connections),
            "sas": len(found.case.tracker.associations), "unread": len(unread(found.case.tracker)), "seconds": process_time() - started,
            "peak": peak(),
            "verdicts": {one.property: one.verdict for one in found.verdicts}}


def peak() -> int:
    """The most memory that this program had, in octets. Not getrusage's: that counts what its parent had before this one began."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def in_a_process(path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "benchmarks.audit_rate", "--measure", str(path)], capture_output=True, text=True,
                          check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def scapy_rates(path: Path) -> dict[str, float]:
    """Packets a second of processor time: records as octets, and as packets."""
    from scapy.layers.l2 import Ether
    from scapy.utils import RawPcapReader

    rates = {}
    for what, most in (("octets", None), ("packets", DISSECTED)):
        started, count = process_time(), 0
        with RawPcapReader(str(path)) as reader:
            for data, _ in islice(reader, most):
                count += 1
                if most is not None:
                    Ether(data)
        rates[what] = count / (process_time() - started)
    return rates


def text(whole: dict[str, Any], half: dict[str, Any], rates: dict[str, float]) -> str:
    rate = whole["packets"] / whole["seconds"]
    rows = (("packets", f"{whole['packets']:,}"), ("connections that can be read", f"{whole['connections']:,}"),
            (f"SAs, of which {whole['unread']:,} can't be read", f"{whole['sas']:,}"), ("processor time", f"{whole['seconds']:.1f} s"),
            ("packets a second", f"{rate:,.0f}"), ("most memory", f"{whole['peak'] / 2**20:.0f} MiB"),
            (f"most memory for {half['packets']:,} packets, as many connections", f"{half['peak'] / 2**20:.0f} MiB"),
            ("packets a second, to records that scapy reads as octets", f"{rate / rates['octets']:.2f}"),
            (f"packets a second, to packets that scapy takes apart ({DISSECTED:,} of them)", f"{rate / rates['packets']:.1f}"))
    return "| what | figure |\n| --- | --- |\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=PACKETS, metavar="N")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, metavar="N")
    parser.add_argument("--write", metavar="WHERE", help="put the figures into docs/performance.md; WHERE they were measured, in words")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.measure is not None:
        print(json.dumps(measured(given.measure)))
        return
    if not 0 < 200 * given.connections <= given.packets:
        parser.error(f"--packets {given.packets}, --connections {given.connections}: give 200 packets or more for each connection")
    with tempfile.TemporaryDirectory() as folder:
        whole, half = Path(folder) / "whole.pcap", Path(folder) / "half.pcap"
        save(whole, given.packets, given.connections)
        save(half, given.packets // 2, given.connections)
        part = text(in_a_process(whole), in_a_process(half), scapy_rates(whole))
    if given.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), f"Measured on {given.write}.\n\n{part}", BEGIN), encoding="utf-8")
    else:
        print(part, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
