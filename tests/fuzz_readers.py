"""Fuzzing of what reads captures, guided by coverage: `python -m tests.fuzz_readers [TARGET ...] [--seconds N]`, and `--keep` afterwards.

A target is a layer: it takes any octets and may raise nothing but the layer's own error, in one line. atheris (`pip install atheris`, which
has wheels for Linux) drives it from tests/corpus/ and leaves there what reaches something new; `--keep` removes what reaches nothing that
smaller files do not. `tests/test_fuzz_corpus.py` runs the kept files. An input that fails is left there too, as `failed-...`, so that the
test fails until it is mended.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

CORPUS = Path(__file__).resolve().parent / "corpus"
LONGEST = 8192  # octets of an input
FAILED = "failed-"
MOST_OCTETS = 300_000  # of the kept corpus
LINKS = (1, 0, 101, 113, 276, 9, 104, 12, 228, 255)  # link types, the last one unknown
READERS = str(CORPUS.parents[1] / "traces")


# -- targets -------------------------------------------------------------------------------------------------------------------------------


def files(data: bytes) -> None:
    """A file: what `lockstep audit` does with it."""
    from traces.audit.audit import audit
    from traces.capture.files import CaptureError

    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(data)
        file.flush()
        try:
            told(audit(Path(file.name), keys()))
        except CaptureError as error:
            assert str(error) and "\n" not in str(error), error


def frames(data: bytes) -> None:
    """Frames: each with its link type, the time since the one before, and its length in front. The first octet: with keys or without,
    policy or none, and TIME-WAIT."""
    from traces.audit.audit import CLAIMS, Audit, judge
    from traces.audit.case import case
    from traces.audit.tracker import Tracker, hosts
    from traces.capture.files import Capture, Record

    def records() -> Iterator[Record]:
        at, time, number = 1, 1, 0
        while at + 4 <= len(data):
            number += 1
            time += (data[at + 1] ** 4) * 1000 - 10**8 * (data[at + 1] == 255)
            size = int.from_bytes(data[at + 2:at + 4])
            one = data[at + 4:at + 4 + size]
            yield Record(number, max(0, time), LINKS[data[at] % len(LINKS)], one, len(one) < size)
            at += 4 + size

    flags = data[0] if data else 0
    tracker = Tracker(keys() if flags & 1 else ())
    tracker.run(records())
    protect = (hosts(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))),) if flags & 2 else ()
    seen = case(tracker, 60_000_000_000 if flags & 4 else 0, protect, None)
    told(Audit(Capture(Path("fuzzed")), seen, tuple(judge(seen, claim) for claim in CLAIMS)))


def told(result: Any) -> None:
    """The verdicts are five, of the four words, and can be printed."""
    from traces.audit.document import document
    from traces.audit.text import frames_text, ladders, summary
    from traces.audit.verdict import SATISFIED, WORST_FIRST

    packets = result.case.tracker.packets
    assert len(result.verdicts) == 5
    for one in result.verdicts:
        assert one.verdict in WORST_FIRST and one.reason and "\n" not in one.reason, one
        assert all(0 < frame <= packets for frame in one.frames), one
        assert packets or one.verdict != SATISFIED, one
        frames_text(one.frames)
    json.dumps(document(result), allow_nan=False)
    assert summary(result).endswith("\n") and isinstance(ladders(result), str)


def layers(data: bytes) -> None:
    """One frame: link layer, IP and its fragments, TCP."""
    from traces.capture import ip, link, tcp

    kind, rest = LINKS[data[0] % len(LINKS)] if data else 1, data[1:]
    at = link.network(kind, rest)
    assert -2 <= at <= len(rest) + 4 * link.MOST_TAGS + 20
    one = ip.datagram(rest, max(0, at))
    if one is None:
        return
    ip.text(one.source), ip.text(one.target)
    assert one.missing >= 0
    if one.fragment is not None:
        fragments = ip.Fragments()
        one = fragments.put(one) or one
    found = tcp.segment(one.source, one.target, one.payload, one.missing)
    if found is not None:
        assert found.size >= 0
        connection = tcp.Connection(0, (found.source, found.target), 0, 1)
        for frame in (1, 2):
            connection.belongs(found, frame)
            connection.take(found, frame, frame, tcp.PLAIN)


def esp(data: bytes) -> None:
    """A packet of an SA: under each cipher without a check, and as ESP-NULL without keys."""
    from traces.capture import esp as reading

    source, target = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    for one in keys():
        one.open(data)
    reader = reading.Reader([])
    for _ in range(2):
        reader.open(data, source, target)
    reading.speaks_bgp(data)


def isakmp(data: bytes) -> None:
    """An ISAKMP message and what is in the clear of it."""
    from traces.capture import isakmp as reading

    one = reading.message(data)
    if one is None:
        return
    suite = reading.suite(one)
    assert reading.could_delete(one.length - reading.HEADER, suite) in ("delete", "other", "either")
    assert all(len(spi) == 4 for spi in reading.clear_deletes(one))
    reading.last_part(one)
    list(reading.payloads(one.next_payload, one.body))


def bgp(data: bytes) -> None:
    """A stream in pieces: the first octet says how long each is."""
    from traces.capture import bgp as reading
    from traces.capture.tcp import Stream

    stream, size = Stream(start=0), (data[0] if data else 0) + 1
    pieces = [(at, data[at:at + size]) for at in range(1, len(data), size)]
    for at, piece in pieces[::2] + pieces[1::2]:
        stream.put(at - 1, piece, at)
    reading.first_message(data[1:])
    assert stream.first is None or stream.first[1] in (*reading.TYPES.values(), reading.NOT_BGP)


def keys_file(data: bytes) -> None:
    """A file of keys."""
    from traces.capture.esp import KeysError, read_keys

    with suppress(UnicodeDecodeError):
        try:
            for one in read_keys(data.decode().splitlines(), "esp_sa"):
                one.open(bytes(range(64)))
        except KeysError as error:
            assert str(error) and "\n" not in str(error), error


TARGETS: dict[str, Callable[[bytes], None]] = {"files": files, "frames": frames, "layers": layers, "esp": esp, "isakmp": isakmp, "bgp": bgp,
                                               "keys": keys_file}


def keys() -> list[Any]:
    """Keys for any SA, without a check: a fuzzer draws no HMAC."""
    from traces.capture.esp import read_keys

    ciphers = {"NULL": 0, "AES-CBC [RFC3602]": 16, "TripleDES-CBC [RFC2451]": 24, "AES-CTR [RFC3686]": 20, "AES-GCM [RFC4106]": 20}
    return read_keys([f'"IPv4","*","*","*","{name}","0x{bytes(range(size)).hex()}","NULL",""' for name, size in ciphers.items()], "fuzzed")


# -- corpus --------------------------------------------------------------------------------------------------------------------------------


def seeds() -> Iterator[tuple[str, bytes]]:
    """What fuzzing begins with: lives by the rules and kept runs, as files and layer by layer, and a file of keys."""
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.utils import PcapNgWriter

    from tests.captures import AH, KEEPALIVE, OPEN, Connection, Wire, key_lines, protected
    from tests.runs import replayed
    from traces.packets.story import Options
    from traces.packets.writer import capture

    def unchecked(packet: Any, number: int) -> bytes:
        """The segment in ESP without cipher and check, as `keys` opens it."""
        ip = packet[IP]
        inner = struct.pack("!II", 0xC0000001 + (ip.src > ip.dst), number) + bytes(ip[TCP]) + b"\x00\x06"
        return bytes(IP(src=ip.src, dst=ip.dst, proto=50)) + inner

    def as_frames(flags: int, every: Iterable[bytes]) -> tuple[str, bytes]:
        return "frames", bytes([flags]) + b"".join(b"\0\x20" + len(one).to_bytes(2) + one for one in every)

    plain, ah = Wire(), Wire()
    ah.main_mode()
    ah.install(mode=AH)
    for wire in (plain, ah):
        one = Connection(wire)
        one.up()
        one.talk()
        one.down()
    whole = protected()
    with tempfile.TemporaryDirectory() as folder:
        for wire in (whole, protected(header=True), ah):
            packets = wire.packets
            file = wire.save(folder).read_bytes()
            yield from (("files", file), ("files", gzip.compress(file, mtime=0)))
            with PcapNgWriter(f"{folder}/made.pcapng") as writer:
                for packet in packets[:6]:
                    writer.write(packet)
            yield "files", Path(folder, "made.pcapng").read_bytes()
            raw = [bytes(packet) for packet in packets]
            yield as_frames(4, raw)
            yield from (("layers", b"\0" + one) for one in raw[:12:5])
            yield from (("esp", bytes(packet[IP].payload)) for packet in packets if packet[IP].proto == 50)
            yield from (("isakmp", bytes(packet[UDP].payload)) for packet in packets if packet.haslayer(UDP))
    segments = [bytes(plain.packets[0])[:14] + unchecked(packet, number) for number, packet in enumerate(plain.packets, 1)]
    yield as_frames(5, [*map(bytes, whole.packets[:9]), *segments, *map(bytes, whole.packets[-2:]), *map(bytes, plain.packets)])
    for name, options in (("F-20/late", Options(ipv6=True)), ("F-59/rebinding", Options(natt=True)), ("F-53/aggressive", Options())):
        made = capture(replayed(name), options)
        yield "files", made.file
        yield as_frames(4, [one.data for one in made.frames])
    pieces = plain.packets[4][IP].fragment(16)
    yield as_frames(0, [bytes(plain.packets[0])[:14] + bytes(one) for one in pieces])
    yield from (("bgp", bytes([7]) + OPEN + KEEPALIVE), ("keys", key_lines().encode()))


def kept(target: str) -> list[Path]:
    """The corpus of a target, the smallest first."""
    return sorted((CORPUS / target).glob("*"), key=lambda path: (path.stat().st_size, path.name))


def put(target: str, data: bytes, prefix: str = "") -> None:
    """Into the corpus, by its digest."""
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / (prefix + hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16])).write_bytes(data)


def saving(target: str) -> Callable[[bytes], None]:
    """The target, which leaves an input that fails in the corpus: atheris prints the error only."""
    def run(data: bytes) -> None:
        try:
            TARGETS[target](data)
        except Exception:
            put(target, data, FAILED)
            raise

    return run


def reached(target: str, data: bytes) -> set[tuple[str, int, int]]:
    """The steps from line to line that an input takes in the readers."""
    found: set[tuple[str, int, int]] = set()

    def enter(frame: FrameType, what: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(READERS):
            return None
        name, last = frame.f_code.co_filename, 0

        def line(frame: FrameType, what: str, _: object) -> Any:
            nonlocal last
            if what == "line":
                found.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        TARGETS[target](data)
    finally:
        sys.settrace(None)
    return found


def reduce(target: str) -> None:
    """Keep what reaches something that no smaller file does; by digest, so that no file is there twice."""
    known: set[tuple[str, int, int]] = set()
    for path in kept(target):
        data = path.read_bytes()
        path.unlink()
        new = reached(target, data) - known
        if new:
            known |= new
            put(target, data)
    octets = sum(path.stat().st_size for path in kept(target))
    print(f"{target}: {len(kept(target))} files, {octets:,} octets, {len(known):,} steps reached")


# -- atheris -------------------------------------------------------------------------------------------------------------------------------


def drive(target: str, seconds: int) -> None:
    """In a process of its own, because atheris ends it."""
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["traces"]):
        import traces.audit.audit
        import traces.audit.document
        import traces.audit.text  # noqa: F401
    words = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1500", "-print_final_stats=1",
             f"-artifact_prefix={CORPUS / target}/{FAILED}"]  # of an input that takes too long
    atheris.Setup([sys.argv[0], *words, str(CORPUS / target)], saving(target))
    atheris.Fuzz()


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_readers", description="Fuzz what reads captures, with atheris.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target")
    parser.add_argument("--keep", action="store_true", help="only reduce the corpus")
    parser.add_argument("--drive", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    unknown = [one for one in given.targets if one not in TARGETS]
    if unknown:
        parser.error(f"{unknown[0]!r}: there is no such target; there are {', '.join(TARGETS)}")
    targets = given.targets or list(TARGETS)
    if given.drive:
        drive(targets[0], given.seconds)
    if given.keep:
        for target in targets:
            reduce(target)
        return 0
    for target, data in seeds():
        put(target, data)
    bad = [target for target in targets if subprocess.run([sys.executable, "-m", "tests.fuzz_readers", target, "--drive", "--seconds",
                                                            str(given.seconds)], check=False).returncode]
    print(f"{', '.join(bad) or 'no target'} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
