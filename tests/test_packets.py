"""Runs as packets, looked at by tshark: nothing malformed, right checksums, ESP and IKE deciphered with the keys that were written, and
the messages of the ladder in its order."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from scapy.layers.tls.crypto.groups import modp1024
from scapy.utils import RawPcapNgReader
from typer.testing import CliRunner

from lockstep.cli import app
from properties.findings import FINDINGS
from tests.runs import GALLERY, replayed
from traces.ladder import arrows
from traces.packets.cipher import SUITES
from traces.packets.hosts import IPV4, Hosts
from traces.packets.isakmp import ENCRYPTION, Phase1, Quick
from traces.packets.story import Frame, Options, Selectors, Story
from traces.packets.tcp import Segment, Tcb, answer
from traces.packets.writer import Capture, capture
from traces.replay import Run, replay

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed; on Debian: apt-get install tshark")
FIELDS = ("ip.src", "ipv6.src", "_ws.malformed", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "esp.spi",
          "esp.sequence", "esp.icv_good", "esp.icv_bad", "tcp.flags", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw",
          "tcp.payload", "isakmp.exchangetype", "isakmp.typepayload", "isakmp.spi", "isakmp.delete.spi", "isakmp.notify.msgtype",
          "udp.srcport", "udp.payload")
CHECKS = [word for layer in ("ip", "udp", "tcp") for word in ("-o", f"{layer}.check_checksum:TRUE")]
FIN, SYN, RST, ACK = 1, 2, 4, 16
KINDS = {"SYN": SYN, "SYN+ACK": SYN | ACK, "ACK": ACK, "DATA": ACK, "FIN": FIN | ACK, "RST": RST}
BGP_TYPES = {"OPEN": 1, "UPDATE": 2, "NOTIFICATION": 3, "KEEPALIVE": 4}
# Exchange type and payloads (RFC 2408 3.1; RFC 2409 5.4, 5.5, 5.7), inner ones of an SA payload left out.
DATAGRAMS = {"MM1": (2, "1"), "MM2": (2, "1"), "MM3": (2, "4,10"), "MM4": (2, "4,10"), "MM5": (2, "5,8"), "MM6": (2, "5,8"),
             "AM1": (4, "1,4,10,5"), "AM2": (4, "1,4,10,5,8"), "AM3": (4, "8"), "QM1": (32, "8,1,10,5,5"), "QM2": (32, "8,1,10,5,5"),
             "QM3": (32, "8"), "CONNECTED": (32, "8,11"), "QM-REFUSED": (5, "8,11"), "P1-REFUSED": (5, "11"), "DEL": (5, "8,12"),
             "DEL-P1": (5, "8,12")}

Row = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """A run, what was written of it, and what tshark says of each frame."""

    run: Run
    made: Capture
    rows: tuple[Row, ...]


def look(made: Capture, folder: Path, keys: dict[str, str] | None = None) -> tuple[Row, ...]:
    """What tshark sees, with these keys or, if none are given, the capture's."""
    assert TSHARK is not None
    for name, text in (made.keys if keys is None else keys).items():
        (folder / name).write_text(text)
    (folder / "capture.pcapng").write_bytes(made.file)
    words = [TSHARK, "-r", str(folder / "capture.pcapng"), *CHECKS, "-T", "fields", "-E", "separator=/t"]
    words += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    return tuple(dict(zip(FIELDS, line.split("\t"), strict=True)) for line in done.stdout.splitlines())


@cache
def dissected(name: str) -> Seen:
    """A kept run."""
    made = capture(replayed(name))
    with TemporaryDirectory() as folder:
        return Seen(replayed(name), made, look(made, Path(folder)))


def again(seen: Seen) -> set[int]:
    """The enciphered IKE messages that Wireshark can't read, by their place in the file. It takes the last block of the frame before, of
    the same exchange, for the IV, also where that was a retransmission; but a retransmission does not move the IV (RFC 2409 B), and has
    the same one as the first time."""
    found, before, last, fresh = set(), set[bytes](), dict[bytes, bytes](), dict[bytes, bytes]()
    for at, row in enumerate(seen.rows):
        message = bytes.fromhex(row["udp.payload"]).removeprefix(bytes(4)) if row["isakmp.exchangetype"] else b""
        if message and message[19] & ENCRYPTION:
            exchange = message[:8] + message[20:24]  # the initiator's cookie, the message ID
            copy = message in before
            if copy or last.get(exchange) != fresh.get(exchange):
                found.add(at)
            last[exchange] = message
            if not copy:
                fresh[exchange] = message
            before.add(message)
    return found


@needs_tshark
@pytest.mark.parametrize("name", FINDINGS)
def test_tshark_finds_nothing_wrong(name):
    check(dissected(name))


def check(seen: Seen) -> None:
    """Nothing is malformed, no checksum is wrong, and all that is enciphered was deciphered."""
    assert len(seen.rows) == len(seen.made.frames) > 0
    for at, row in enumerate(seen.rows):
        assert not row["_ws.malformed"] or at in again(seen), (at, row)
        assert "0" not in "".join(row[f"{layer}.checksum.status"] for layer in ("ip", "udp", "tcp")), (at, row)
        if row["esp.spi"]:
            assert (row["esp.icv_good"], row["esp.icv_bad"]) == ("1", "0") and row["tcp.flags"], (at, row)
        if row["isakmp.exchangetype"] and at not in again(seen):
            assert row["isakmp.typepayload"], (at, row)


@needs_tshark
def test_without_the_retransmissions_wireshark_reads_all(tmp_path):
    """So nothing is wrong with the frames that `again` leaves out: L-04's second QM2 is the first one, octet by octet."""
    seen = dissected("L-04/given-up")
    (copy,) = [at for at in again(seen) if seen.rows[at]["_ws.malformed"]]
    assert seen.made.frames[copy].data[34:] == seen.made.frames[21].data[34:] and seen.rows[21]["isakmp.typepayload"] == "8,1,2,3,10,5,5"
    once = [frame for at, frame in enumerate(seen.made.frames) if at not in again(seen)]
    rows = look(replace(seen.made, file=packed(once), frames=tuple(once)), tmp_path)
    assert len(rows) == len(once) and not any(row["_ws.malformed"] for row in rows)


def test_the_gallery_has_an_arrow_of_each_common_kind():
    """Else the next test would look at less than it says."""
    drawn = {arrow.text for name in FINDINGS for outcome in replayed(name).outcomes for arrow in arrows(replayed(name).system, outcome)}
    for kind in (" SYN", " SYN+ACK", " ACK", " RST", " FIN(NOTIFICATION)", " DATA(OPEN)", " acks-FIN", "PLAIN FIN", "forged, exact",
                 "an insider's", "MM1", "MM6 +IC", "QM1", "QM3", "DEL g0", "DEL-P1", "DEL g0 unprotected"):
        assert any(kind in text for text in drawn), kind


@needs_tshark
@pytest.mark.parametrize("name", FINDINGS)
def test_the_ladder_in_its_order(name):
    seen = dissected(name)
    told = [(number, arrow) for number, outcome in enumerate(seen.run.outcomes, 1) for arrow in arrows(seen.run.system, outcome)
            if arrow.fate in ("sent", "injected")]
    frames = [(at, frame) for at, frame in enumerate(seen.made.frames) if re.match(r"[AB](\.\d)? to [AB]", frame.words)]
    assert [frame.step for _, frame in frames] == [number for number, _ in told]
    fins: dict[tuple[str, str], str] = {}
    said: dict[tuple[str, str], list[int]] = {}
    for at, row in enumerate(seen.rows):
        where = [frame for position, frame in frames if position == at]
        if where:
            _, arrow = told[[position for position, _ in frames].index(at)]
            assert (row["ip.src"] == IPV4["A"]) == arrow.right
            if arrow.line != ".":
                check_segment(row, re.sub(r"^\d: ", "", arrow.text), fins, said.get((row["tcp.srcport"], row["tcp.dstport"]), []))
            elif at not in again(seen):
                check_datagram(row, re.sub(r"^\d: ", "", arrow.text))
        said.setdefault((row["tcp.srcport"], row["tcp.dstport"]), []).extend(messages(bytes.fromhex(row["tcp.payload"])))
        if row["tcp.flags"] and int(row["tcp.flags"], 16) & FIN:
            fins[row["tcp.srcport"], row["tcp.dstport"]] = str((int(row["tcp.seq_raw"]) + len(row["tcp.payload"]) // 2 + 1) % 2**32)


def check_segment(row: Row, text: str, fins: dict[tuple[str, str], str], said: list[int]) -> None:
    """A segment is what its arrow says; with the numbers that let it acknowledge a FIN, or not. `said`: the BGP messages before it, in
    its direction."""
    shape = re.fullmatch(r"(ESP g\d|PLAIN) ([A-Z+]+)(?:\((\w+)\))?( acks-FIN)?( .*)?", text)
    assert shape is not None, text
    prot, kind, msg, acks, foreign = shape.groups()
    flags = int(row["tcp.flags"], 16)
    assert bool(row["esp.spi"]) == prot.startswith("ESP"), (row, text)
    if kind == "RST":
        assert flags & ~ACK == RST
    else:
        assert flags & (FIN | SYN | RST | ACK) == KINDS[kind], (row, text)
    told = messages(bytes.fromhex(row["tcp.payload"]))
    if kind in ("DATA", "FIN") and msg:
        if kind == "DATA" or told:
            assert told[-1] == BGP_TYPES[msg], (row, text)
        else:
            assert BGP_TYPES[msg] in said, "a FIN leaves out text that the peer will have by then"
    else:
        assert not told, (row, text)
    if not foreign and kind in ("ACK", "DATA", "FIN"):
        assert (row["tcp.ack_raw"] == fins.get((row["tcp.dstport"], row["tcp.srcport"]))) == bool(acks), (row, text)


def messages(text: bytes) -> list[int]:
    """The types of the BGP messages in a piece of a stream that holds whole ones (RFC 4271 4.1)."""
    found = []
    while text:
        length = int.from_bytes(text[16:18], "big")
        assert text[:16] == b"\xff" * 16 and 19 <= length <= len(text)
        found.append(text[18])
        text = text[length:]
    return found


def check_datagram(row: Row, text: str) -> None:
    kind, *rest = text.split()
    exchange, payloads = DATAGRAMS[kind]
    shown = row["isakmp.typepayload"].replace("1,2,3", "1")
    if "unprotected" in rest:
        payloads = payloads.removeprefix("8,")
    if "+IC" in rest:
        payloads += ",11"
        assert "24578" in row["isakmp.notify.msgtype"]
    shown = re.sub(r",(13|20|21)(?=,|$)", "", shown)
    assert (row["isakmp.exchangetype"], shown) == (str(exchange), payloads), (row, text)


@needs_tshark
def test_a_delete_names_the_spi_that_its_sender_receives_under():
    rows = dissected("F-01/plaintext").rows
    under = {row["ip.src"]: row["esp.spi"].removeprefix("0x") for row in rows if row["esp.spi"]}
    deletes = [(row["ip.src"], row["isakmp.delete.spi"]) for row in rows if row["isakmp.delete.spi"]]
    assert deletes == [(IPV4["A"], under[IPV4["B"]]), (IPV4["B"], under[IPV4["A"]])]


@needs_tshark
def test_esp_counts_up():
    for name in FINDINGS:
        seen = dissected(name)
        last: dict[str, tuple[int, bytes]] = {}
        for row, frame in zip(seen.rows, seen.made.frames, strict=True):
            if row["esp.spi"] and "replayed" not in frame.words:
                number = int(row["esp.sequence"])
                begins_anew = name == "F-54/manual" and number == 1  # a restart: its configured SAs count from the beginning
                assert number == last.get(row["esp.spi"], (0, b""))[0] + 1 or begins_anew, name
                last[row["esp.spi"]] = (number, frame.data)


@needs_tshark
@pytest.mark.parametrize("options", [Options(ipv6=True), Options(suite="3des"), Options(natt=True), Options(natt=True, suite="3des")])
def test_other_looks(tmp_path, options):
    run = replayed("F-20/late")  # phase 1, Quick Modes, Deletes, a whole close
    seen = Seen(run, made := capture(run, options), look(made, tmp_path))
    check(seen)
    for row in seen.rows:
        assert row["ipv6.src" if options.ipv6 else "ip.src"]
        assert (row["udp.srcport"] == "4500") == (options.natt and bool(row["esp.spi"] or row["isakmp.exchangetype"] == "32")) or row[
            "isakmp.exchangetype"] in ("2", "5")
    assert {row["isakmp.exchangetype"] for row in seen.rows} >= {"2", "5", "32"}
    kinds = [int(row["tcp.flags"], 16) & FIN for row in seen.rows if row["tcp.flags"]]
    assert sum(kinds) == 2


@needs_tshark
def test_wrong_keys_and_damage_are_noticed(tmp_path):
    made = capture(replayed("F-01/plaintext"))
    wrong = {name: re.sub(r'(SHA-1-96 \[RFC2404\]","0x)..', r"\g<1>00", text) for name, text in made.keys.items()}
    assert {row["esp.icv_bad"] for row in look(made, tmp_path, wrong) if row["esp.spi"]} == {"1"}
    none = {name: text if name == "preferences" else "" for name, text in made.keys.items()}
    assert not any(row["tcp.flags"] for row in look(made, tmp_path, none) if row["esp.spi"])
    assert not any(row["isakmp.delete.spi"] for row in look(made, tmp_path, none))
    plain = made.frames[-1].data  # the FIN in plaintext
    assert made.file.count(plain) == 1
    hurt = replace(made, file=made.file.replace(plain, plain[:-1] + bytes([plain[-1] ^ 1])))
    assert look(hurt, tmp_path)[-1]["tcp.checksum.status"] == "0"


@needs_tshark
def test_a_changed_mapping_spoils_the_checksum(tmp_path):
    story = Story(Options(natt=True), Selectors({}, False))
    for remapped in (False, True):
        story.remapped = remapped
        for place in ("A", "B"):
            story.segment(place, "B" if place == "A" else "A", story.open(place, 0).segment("SYN"), "", "g0", "SYN")
    rows = look(Capture(packed(story.frames), story.keys(), tuple(story.frames)), tmp_path)
    assert [row["tcp.checksum.status"] for row in rows] == ["1", "1", "1", "0"]
    assert [row["ip.src"] for row in rows] == [IPV4["A"], IPV4["B"], IPV4["A"], IPV4["remapped"]]
    assert {row["esp.icv_good"] for row in rows} == {"1"}


def packed(frames: list[Frame]) -> bytes:
    from traces.packets.pcapng import pcapng

    return pcapng("", ((one.time, one.data, one.comments) for one in frames))


def read(file: bytes) -> Iterator[tuple[bytes, float, list[str]]]:
    """A capture as scapy's reader has it: frames, seconds, comments."""
    for data, about in RawPcapNgReader(io.BytesIO(file)):
        stamp = ((about.tshigh << 32) + about.tslow) / about.tsresol
        yield data, stamp, [one.decode() for one in about.comments or []]


def test_scapy_reads_frames_times_and_comments():
    run = replayed("F-03/keep")  # with a loss
    made = capture(run)
    found = list(read(made.file))
    assert [data for data, _, _ in found] == [one.data for one in made.frames]
    times = [time for _, time, _ in found]
    assert times == sorted(set(times))
    told = "\n".join(text for _, _, comments in found for text in comments)
    assert re.search(r"lost in step \d; it was seen near its sender", told)
    for number in range(1, run.trace.length + 1):
        assert len(re.findall(rf"^step {number}$", told, re.M)) == 1, "each step is told once"
    last = next(text for _, _, comments in found for text in comments if text.startswith(f"step {run.trace.length}\n"))
    assert "no-idle-orphan is broken at" in last
    assert b"broken at" in made.file[:2000], "the section says what the run shows"


def test_steps_before_any_frame_are_told_in_the_section():
    run = replayed("F-43/accepted")
    told = "".join(text for one in capture(run).frames for text in one.comments)
    assert "certificate" in told or "key" in told
    silent = replayed("F-52/secrecy")  # no IPsec, nothing before
    assert all(re.search(rf"step {number}\b", capture(silent).file.decode(errors="ignore")) for number in range(1, silent.trace.length + 1))


def test_the_same_file_each_time_and_another_for_another_run():
    run = replayed("F-18/overlap")
    assert capture(run) == capture(run)
    assert capture(run).file != capture(replayed("F-20/late")).file


def test_times_are_the_traces_or_a_second_a_step():
    run = replayed("F-04/harm")
    start = capture(run).frames[0].time
    ends = next(number for number, one in enumerate(run.trace.steps, 1) if one.event == "2MSL")
    step = {one.step: one.time - start for one in reversed(capture(run).frames)}
    assert step[ends] - max(time for number, time in step.items() if number < ends) >= 240, "a Delete after TIME-WAIT is not an early one"
    timed = replay(replace(run.trace, steps=tuple(replace(one, time=5.5 * at) for at, one in enumerate(run.trace.steps))))
    stamps = {one.step: float(one.time) for one in reversed(capture(timed).frames)}
    assert stamps[ends] - stamps[1] == pytest.approx(5.5 * (ends - 1), abs=0.01)


# -- numbers and keys, against what is written elsewhere ---------------------------------------------------------------------------------


def test_the_figures_of_rfc_9293():
    """Figures 6 and 12: the handshake, and the normal close."""
    a, b = Tcb(0, 1, 2, 99), Tcb(0, 2, 1, 299)
    a.iss, b.iss = 100, 300
    said = [a.segment("SYN")]
    b.receive(said[-1])
    said.append(b.segment("SYN+ACK"))
    a.receive(said[-1])
    said.append(a.segment("ACK"))
    b.receive(said[-1])
    assert [(one.seq, one.flags, one.ack) for one in said] == [(100, "S", 0), (300, "SA", 101), (101, "A", 301)]
    a.iss, a.received, b.iss, b.received = 99, 300, 299, 100  # figure 12 begins at SEQ 100 and 300
    said = [a.segment("FIN")]
    b.receive(said[-1])
    said += [b.segment("ACK"), b.segment("FIN")]
    a.receive(said[-2])
    a.receive(said[-1])
    said.append(a.segment("ACK"))
    assert [(one.seq, one.flags, one.ack) for one in said] == [(100, "FA", 300), (300, "A", 101), (300, "FA", 101), (101, "A", 301)]


def test_numbers_wrap_and_ignore_what_does_not_fit():
    a = Tcb(0, 1, 2, 2**32 - 1, received=2**32 - 5)
    assert a.segment("ACK").seq == 0
    a.receive(Segment(2, 1, "PA", 2**32 - 5, 0, b"0123456789"))
    assert a.received == 5
    a.receive(Segment(2, 1, "PA", 2**32 - 5, 0, b"0123456789"))
    a.receive(Segment(2, 1, "PA", 6, 0, b"behind a gap"))
    assert a.received == 5
    a.receive(Segment(2, 1, "A", 5, 77))
    assert a.una == 1, "an ACK of what was never sent"


def test_what_overtakes_or_outlives_repeats_the_text_before():
    def two(first: int, second: int, again: bool = False) -> bytes:
        tcb = Tcb(0, 1, 2, 0, received=0)
        tcb.send("OPEN", b"open")
        tcb.segment("DATA", "OPEN", first)
        tcb.send("KEEPALIVE", b"keep")
        return tcb.segment("DATA", "KEEPALIVE", second, again).text

    assert two(3, 5) == b"keep" and two(5, 3) == b"openkeep" and two(3, 5, again=True) == b"openkeep"


def test_the_reset_of_a_closed_port():
    """RFC 9293 3.10.7.1."""
    assert answer(Segment(1, 2, "S", 100)) == Segment(2, 1, "RA", 0, 101)
    assert answer(Segment(1, 2, "FPA", 100, 300, b"abc")) == Segment(2, 1, "R", 300)


def test_keys_are_diffie_hellmans():
    """Both ends come to one secret (RFC 2409 5); the two directions of an SA pair have different keys, of the cipher's length."""
    for suite in SUITES.values():
        one = Phase1("A", suite, Hosts(), False, "x")
        i, r = one.secrets
        assert pow(int.from_bytes(one.publics[0], "big"), r, modp1024.m) == pow(int.from_bytes(one.publics[1], "big"), i, modp1024.m)
        assert len(one.key) == suite.key and len(set(one.derived)) == 3
        pair = Quick("A", one, (49152, 179), "y")
        assert pair.keys("A") != pair.keys("B") and [len(key) for key in pair.keys("A")] == [suite.key, 20]
        assert Phase1("A", suite, Hosts(), False, "z").key != one.key


# -- the command --------------------------------------------------------------------------------------------------------------------------


def show(*words: object):
    return CliRunner().invoke(app, ["show", str(GALLERY / "F-01-plaintext.json"), *map(str, words)])


def test_the_command_writes_the_capture_and_its_keys(tmp_path):
    file = tmp_path / "run.pcapng"
    done = show("--format", "pcapng", "-o", file, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"capture": str(file), "keys": str(tmp_path / "run.keys"), "frames": 22, "before": 17}
    made = capture(replayed("F-01/plaintext"))
    assert file.read_bytes() == made.file
    assert {one.name: one.read_text() for one in (tmp_path / "run.keys").iterdir()} == made.keys


@pytest.mark.parametrize(("words", "said"), [
    (("--format", "pcapng"), "give -o FILE"), (("--format", "pcapng", "-o", "x.keys"), "another suffix"),
    (("--format", "pcapng", "-o", "x.pcapng", "--ipv6", "--natt"), "leave out --ipv6"), (("--ipv6",), "a ladder has no packets"),
    (("--cipher", "3des", "--format", "json"), "a json has no packets"),
])
def test_bad_input_has_one_line(words, said):
    done = show(*words)
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1
