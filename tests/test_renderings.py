"""Runs as others read them: a picture, Apalache's trace format, a packetdrill script."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import lockstep
from lockstep.cli import app
from model.action import Channel
from model.expr import Range
from tests.runs import GALLERY
from traces.itf import itf
from traces.ladder import arrows
from traces.packetdrill import packetdrill
from traces.replay import Run
from traces.svg import svg

NAMES = ("F-01-plaintext", "F-23-order", "L-21-both-lost", "F-32-unprotected", "F-12-assassination")
SVG = "{http://www.w3.org/2000/svg}"


@cache
def run_of(name: str) -> Run:
    return lockstep.replay(GALLERY / f"{name}.json")


# -- Informal Trace Format -------------------------------------------------------------------------------------------------------------


def value(what: Any) -> Any:
    """An expression of ITF (ADR-015) as text or numbers; a map as a list of pairs."""
    if isinstance(what, dict) and "#bigint" in what:
        return int(what["#bigint"])
    if isinstance(what, dict) and "#map" in what:
        return [(value(key), value(one)) for key, one in what["#map"]]
    if isinstance(what, dict):
        return {key: value(one) for key, one in what.items()}
    return what


@pytest.mark.parametrize("name", NAMES)
def test_itf_has_every_variable_of_every_state(name: str) -> None:
    run = run_of(name)
    document = json.loads(itf(run))
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", one) for one in (*document["params"], *document["vars"]))
    states = [run.initial, *(outcome.after for outcome in run.outcomes)]
    assert len(document["states"]) == len(states)
    assert set(document["states"][0]) == {"#meta", *document["params"], *document["vars"]}
    for number, (one, state) in enumerate(zip(document["states"], states, strict=True)):
        assert one["#meta"]["index"] == number and set(document["vars"]) <= set(one)
        for slot, code in zip(run.system.slots, state, strict=True):
            key = re.sub(r"\W", "_", str(slot) if "[" not in str(slot) else str(slot).rpartition("[")[0])
            if key in document["params"]:
                assert document["states"][0][key] == slot.text(code)
            elif isinstance(slot.var, Channel):
                bag = [(" ".join(str(part).lower() if isinstance(part, bool) else str(part) for part in message.values()), count)
                       for message, count in value(one[key])]
                there = [text for text, count in bag for _ in range(count)]
                assert sorted(there) == sorted(each.text(held) for each, held in zip(run.system.slots, state, strict=True)
                                               if held and each.var is slot.var and each.scope == slot.scope)
            else:
                said = value(one[key])
                said = said if slot.var.index is None else dict(said)[slot.var.index.show(slot.index)]
                assert (str(said).lower() if isinstance(said, bool) else str(said)) == slot.text(code), key
                assert isinstance(said, int) == (isinstance(slot.var.sort, Range) or isinstance(said, bool))


def test_itf_is_read_by_others() -> None:
    reader = pytest.importorskip("itf_py", reason="itf-py is not installed: the format is read by nobody else here")
    run = run_of("F-01-plaintext")
    read = reader.trace_from_json(json.loads(itf(run)))
    assert len(read.states) == run.trace.length + 1
    assert [state.values["A_tcp_state"] for state in read.states] == ["ESTABLISHED", *["FIN-WAIT-1"] * 4]
    assert dict(read.states[0].values["A_ipsec_in"]) == {"g0": "mature", "g1": "none", "g2": "none"}


def test_the_loop_of_an_endless_run_begins_where_it_does(tmp_path: Path) -> None:
    report = lockstep.verify("teardown", preset="draft", properties=["close-ends"], out=tmp_path, workers=1)
    run = lockstep.replay(str(report.of("close-ends").trace))
    document, loop, length = json.loads(itf(run)), run.trace.loop, run.trace.length
    assert document["loop"] == loop and len(document["states"]) == (length if loop < length else length + 1)
    assert "loop" not in json.loads(itf(run_of("F-01-plaintext")))


# -- SVG -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_every_message_in_its_shape(name: str) -> None:
    run = run_of(name)
    root = ElementTree.fromstring(svg(run))
    drawn = [arrow for outcome in run.outcomes for arrow in arrows(run.system, outcome)]
    shafts = [one.get("class") for one in root.iter(f"{SVG}path") if "shaft" in one.get("class", "")]
    # ESP is two lines, the others one.
    assert sorted(shafts) == sorted(kind for one in drawn for kind in {
        "=": ["shaft esp"] * 2, "-": ["shaft plain"], ".": ["shaft ike"]}[one.line])
    said = [one.text or "" for one in root.iter(f"{SVG}text")]
    assert all(any(one.text in text for text in said) for one in drawn)
    assert sum("✕ broken at" in text for text in said) == 1 and "<script" not in svg(run) and "http" not in svg(run).replace(SVG[1:-1], "")


# -- packetdrill -----------------------------------------------------------------------------------------------------------------------

# Lines as packetdrill's documentation has them: a comment, a packet, a call; times relative to the line before.
TIME = r"(?:\+\d+(?:~\+\d+)?)"
PACKET = rf"{TIME} [<>] (?:S|S\.|\.|P\.|F\.|FP\.|R\.) (\d+):(\d+)\((\d+)\)(?: ack \d+)?(?: win \d+)?(?: <[^>]+>)?(?:  // .*)?"
CALL = rf"{TIME} \w+\(.*\) = -?\d+(?: E\w+ \(.*\))?(?:  // .*)?"


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_made_of_packets_calls_and_comments(name: str) -> None:
    run = run_of(name)
    for end in run.system.places:
        for line in packetdrill(run, end).splitlines():
            packet = re.fullmatch(PACKET, line)
            assert packet or re.fullmatch(CALL, line) or line.startswith("// "), line
            if packet:
                assert int(packet[2]) - int(packet[1]) == int(packet[3])


def test_a_close_in_octets() -> None:
    """A NOTIFICATION is 21 octets (RFC 4271 4.5) and goes with the FIN, so after the handshake the close is 1:22, and again when it is
    retransmitted; nothing of the peer's has arrived, so it acknowledges 1."""
    lines = packetdrill(run_of("F-01-plaintext"), "B").splitlines()
    sent = [line.partition("  //")[0] for line in lines if " > FP" in line]
    assert sent == ["+0 > FP. 1:22(21) ack 1", "+0~+120 > FP. 1:22(21) ack 1"]
    assert "+0 write(4, ..., 21) = 21  // NOTIFICATION" in lines
    assert [line for line in lines if "PLAIN" in line] == ["+0~+120 > FP. 1:22(21) ack 1  // PLAIN FIN(NOTIFICATION)"]


def test_a_refused_connection() -> None:
    """A SYN takes one octet, and the RST of a port that nobody listens on has sequence number 0 and acknowledges it (RFC 9293 3.10.7.1)."""
    packets = [line.partition("  //")[0] for line in packetdrill(run_of("F-23-order"), "A").splitlines() if re.match(r"\+\S+ [<>]", line)]
    assert packets == ["+0 > S 0:0(0) <...>", "+0 < R. 0:0(0) ack 1 win 65535"]


# -- by the command --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["svg", "itf", "packetdrill", "html", "diff", "python", "mermaid", "ladder", "json"])
def test_the_command_writes_each(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(GALLERY / "F-01-plaintext.json"), "--format", name, "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "out").read_text(encoding="utf-8")) > 300


@pytest.mark.parametrize(("arguments", "said"), [
    (["--end", "A"], "add --format packetdrill"), (["--format", "packetdrill", "--end", "C"], "there are A, B")])
def test_an_end_that_makes_no_sense(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["show", str(GALLERY / "F-01-plaintext.json"), *arguments])
    assert done.exit_code == 2 and said in done.output


def test_the_two_ends_have_two_scripts() -> None:
    run = run_of("F-01-plaintext")
    assert packetdrill(run, "A") != packetdrill(run, "B")
    assert " > FP. 1:22(21) ack 1" in packetdrill(run, "A")
