"""Traces: written and read back, damage told in one line, replay that believes nothing, and the renderings."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lockstep
from model.slices import SLICES, build
from model.trace import FORMAT, Step, Trace, TraceError, from_document, to_document
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS
from tests.runs import all_findings, replayed
from traces.diff import diff
from traces.files import read, to_text, write
from traces.ladder import LEGEND, differing, ladder
from traces.names import named
from traces.python import python_test
from traces.replay import NotARun, Run, model_digest, replay
from verify.step import successors

F01, MANUAL_STOP = "F-01/plaintext", "ManualStop"
names = st.text(max_size=12)
maps = st.dictionaries(names, names, max_size=3)
steps = st.builds(Step, names, names, names, maps, maps, st.lists(names, max_size=3).map(tuple),
                  st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
traces = st.builds(Trace, names, names, names, maps, st.dictionaries(names, st.integers(0), max_size=3), names, st.none() | st.integers(),
                   names, names, st.integers(), st.lists(steps, max_size=4).map(tuple), names)


@pytest.fixture
def document():
    return to_document(replayed(F01).trace)


@given(traces)
def test_a_trace_survives_being_written_and_read(trace):
    assert from_document(json.loads(to_text(trace))) == trace


def test_a_file_keeps_a_trace(tmp_path):
    write(tmp_path / "new" / "one.json", to_text(replayed(F01).trace))
    assert read(tmp_path / "new" / "one.json") == replayed(F01).trace
    assert lockstep.replay(tmp_path / "new" / "one.json").outcomes == replayed(F01).outcomes


def test_states_are_not_kept(document):
    assert set(document) == {"lockstep-trace", "model", "slice", "preset", "readings", "bounds", "engine", "seed", "property", "end",
                             "finding", "start", "steps"}
    assert all(set(one) <= {"scope", "table", "event", "args", "choices", "rows", "time"} for one in document["steps"])


# Damage to the file itself -----------------------------------------------------------------------------------------------------------

def refused(path, kind=TraceError):
    """The error's text; one line that names the file."""
    with pytest.raises(kind) as caught:
        lockstep.replay(path)
    text = str(caught.value)
    assert text.isprintable() and str(path) in text and len(text) < 3000
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    return text


def text_of(document):
    return json.dumps(document, indent=1)


@pytest.mark.parametrize(("content", "said"), [
    (b"", "line 1, column 1: not JSON"),
    (b"{", "line 1, column 2: not JSON"),
    (b"\x00" * 40, "line 1, column 1: not JSON"),
    (b'{"lockstep-trace": 1, "model": "a\x00b"}', "not JSON"),
    (b"\xff\xfe{}", "not a text file"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b"<html></html>", "not JSON"),
    (b"[]", "this is not a trace"),
    (b"{}", "this is not a trace"),
    (b"null", "this is not a trace"),
    (b'"lockstep-trace"', "this is not a trace"),
    (b'{"results": [], "version": "0.1.0"}', "this is not a trace"),
    (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    (b'{"lockstep-trace": ' + b"9" * 5000 + b"}", "too long"),
    (b'{"lockstep-trace": 1, "model": ' + b"[" * 400 + b"]" * 400 + b"}", "model [[[[[["),
    (b'{"lockstep-trace": 1, "model": "' + b"x" * 50_000 + b'"}', "key 'slice' is missing"),
])
def test_a_file_that_is_no_trace(tmp_path, content, said):
    (tmp_path / "bad.json").write_bytes(content)
    assert said in refused(tmp_path / "bad.json")


def test_a_file_cut_short(tmp_path, document):
    text = text_of(document)
    path = tmp_path / "cut.json"
    for length in range(1, len(text) - 1, len(text) // 40):
        path.write_text(text[:length])
        assert re.search(r"line \d+, column \d+: not JSON .* damaged or cut short", refused(path))


def test_a_path_that_is_no_file(tmp_path):
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "missing.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert "cannot be read" in refused(tmp_path / "loop.json")
    with pytest.raises(TraceError, match="not a path"):
        lockstep.replay("a\0b")


# Damage to the document --------------------------------------------------------------------------------------------------------------

def changed(document, path, value):
    """A copy with the value at a path of keys changed; `...` deletes it."""
    copy = json.loads(json.dumps(document))
    at = copy
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy


@pytest.mark.parametrize(("path", "value", "said"), [
    (["lockstep-trace"], FORMAT - 1, "format 0: this version reads format 1"),
    (["lockstep-trace"], FORMAT + 1, "format 2: this version reads format 1"),
    (["lockstep-trace"], "1", "format '1'"),
    (["lockstep-trace"], True, "format True"),
    (["lockstep-trace"], None, "format None"),
    *(([key], ..., f"key '{key}' is missing") for key in ("model", "slice", "preset", "readings", "bounds", "engine", "property", "end",
                                                          "finding", "start", "steps")),
    *((["steps", 1, key], ..., f"step 2: key '{key}' is missing") for key in ("scope", "table", "event", "rows")),
    (["model"], 7, "model 7: a str is needed"),
    (["readings"], [], "readings []: a dict is needed"),
    (["readings", "A:bind"], 1, "readings, 'A:bind': 1 is not a text"),
    (["bounds", "losses"], "1", "bounds, 'losses': '1' is not a whole number"),
    (["bounds", "losses"], -1, "bounds, 'losses': -1 is not a whole number"),
    (["bounds", "losses"], True, "bounds, 'losses': True is not a whole number"),
    (["seed"], "x", "seed 'x': a whole number or null"),
    (["seed"], False, "seed False"),
    (["start"], True, "start True: a int is needed"),
    (["start"], 1.0, "start 1.0: a int is needed"),
    (["steps"], {}, "steps {}: a list is needed"),
    (["steps", 0], 5, "step 1: 5 is not a step"),
    (["steps", 0, "args"], [], "step 1: args []: a dict is needed"),
    (["steps", 0, "args"], {"x": 1}, "step 1: 'x' 1: a text is needed"),
    (["steps", 0, "rows"], "tcp", "step 1: rows 'tcp': a list is needed"),
    (["steps", 0, "rows"], [[]], "step 1: row []: a text is needed"),
    (["steps", 0, "time"], "now", "step 1: time 'now': a number of seconds"),
    (["steps", 0, "time"], float("nan"), "step 1: time nan: a number of seconds"),
    (["slice"], "rekey-2", "slice 'rekey-2': there is no such slice; there are teardown, opening"),
    (["slice"], "component-tcp", "slice 'component-tcp': there is no such slice"),
    (["preset"], "perfect", "preset 'perfect': there is no such preset; there are draft, repaired"),
    (["property"], "no-bugs", "property 'no-bugs': there is no such property"),
    (["property"], "no-plaintext-in", "it belongs to slice teardown and property no-plaintext-out"),
    (["finding"], "F-99", "finding 'F-99': there is no such finding"),
    (["end"], "C", "end 'C': there is no such end; there are A, B"),
    (["end"], "", "end '': there is no such end"),
    (["engine"], "sea\nrch", r"engine 'sea\nrch': this is not a name"),
    (["engine"], "\ud800", r"engine '\ud800': this is not a name"),
    (["readings", "A:nonsense"], "x", "reading 'nonsense': there is no such reading"),
    (["readings", "C:bind"], "set", "reading 'C:bind'"),
    (["readings", "bind"], "set", "reading 'bind': write A:bind or B:bind"),
    (["readings", "A:bind"], "triple", "reading bind: no value 'triple'; it has single, set"),
    (["bounds", "luck"], 1, "bound 'luck': slice teardown has no such bound"),
    (["bounds", "losses"], 9, "bound losses: 9 is out of range"),
    (["bounds", "losses"], 10**40, "is out of range"),
    (["start"], 3, "start 3: slice teardown has initial states 0 to 2"),
    (["start"], -1, "start -1: slice teardown has initial states 0 to 2"),
    (["steps", 0, "event"], "no\nsuch", r"step 1: slice teardown offers no 'bgp' event 'no\nsuch' at 'A'"),
    (["steps", 0, "table"], "ospf", "step 1: slice teardown offers no 'ospf' event"),
    (["steps", 0, "scope"], "C", "at 'C'"),
    (["steps", 0, "scope"], "", "at the world"),
    (["steps", 0, "args"], {"what": "x"}, "step 1: argument 'what': there is none of that name"),
    (["steps", 2, "args"], ..., "is missing"),
    (["steps", 2, "args", "gen"], "g9", "step 3: argument gen: no value 'g9'; it has g0, g1, g2"),
    (["steps", 0, "choices"], {"what": "x"}, "step 1: choice 'what': there is none of that name"),
])
def test_a_document_that_names_what_does_not_exist(tmp_path, document, path, value, said):
    (tmp_path / "bad.json").write_text(text_of(changed(document, path, value)))
    assert said in refused(tmp_path / "bad.json")


@pytest.mark.parametrize(("path", "value", "said"), [
    (["model"], "0123456789abcdef", r"made by model '0123456789abcdef', this is model [0-9a-f]{16}: .* run lockstep verify again"),
    (["model"], "old\nmodel", r"made by model 'old\\nmodel'"),
    (["readings", "A:bind"], "set", r"made by model '[0-9a-f]{16}', this is model [0-9a-f]{16}"),
    (["bounds", "losses"], 0, r"made by model"),
    (["steps", 0, "rows"], [], r"step 1: fires A\.bgp: .*; the trace says nothing"),
    (["steps", 0, "rows"], ["A.tcp: \x1b[31m"], r"step 1: fires A\.bgp: .*; the trace says 'A\.tcp: \\x1b\[31m'"),
    (["steps", -1], ..., r"no-plaintext-out is not broken at . in the last step"),
    (["steps"], [], r"no-plaintext-out is not broken at . in the last step"),
    (["steps", 0], ..., r"step \d: .* (cannot happen here|fires)"),
])
def test_a_document_that_is_no_run(tmp_path, document, path, value, said):
    (tmp_path / "false.json").write_text(text_of(changed(document, path, value)))
    assert re.search(said, refused(tmp_path / "false.json", NotARun))


def test_the_wrong_end_is_no_run(document):
    other = {"A": "B", "B": "A"}[document["end"]]
    with pytest.raises(NotARun, match=f"not broken at {other} in the last step"):
        replay(from_document(changed(document, ["end"], other)))


def test_a_step_twice_is_no_run(document):
    twice = changed(document, ["steps"], [document["steps"][0], *document["steps"]])
    with pytest.raises(NotARun, match=r"step 2: (fires |.* cannot happen here)"):
        replay(from_document(twice))


def test_an_argument_the_slice_never_offers_is_no_run(document):
    forged = {"scope": "", "table": "attacker", "event": "inject", "rows": [],
              "args": {"towards": "A", "kind": "SYN", "fit": "exact", "inc": "1"}}
    bounds = document["bounds"] | {"attacks": 1}
    readings = document["readings"]
    other = document | {"bounds": bounds, "steps": [forged], "model": model_digest("teardown", readings, bounds)}
    with pytest.raises(TraceError, match="step 1: argument inc: slice teardown never offers '1' here"):
        replay(from_document(other))


ODD = [None, True, -1, 0, 1, 3, 10**30, 1.5, "", "x", "A", "tcp", "\0", "a\nb", "\ud800", [], {}, [[]], {"a": "b"}, "teardown", "opening",
       "component-tcp", "no-replay", "SYN", "g1", "x" * 500]


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_no_mutation_gets_through_as_another_error(chance: random.Random, times: int):
    mutant = to_document(replayed(F01).trace)
    for _ in range(times):
        path = list(chance.choice([one for one in places(mutant) if one]))
        others = list(places(mutant))
        donor = mutant
        for key in chance.choice(others):
            donor = donor[key]
        mutant = changed(mutant, path, chance.choice([..., *ODD, donor, donor]))
    try:
        run = replay(from_document(json.loads(text_of(mutant))))
    except (TraceError, NotARun) as error:
        assert str(error).isprintable() and len(str(error)) < 3000
    else:
        for rendering in (ladder, diff, python_test, lambda run: to_text(run.trace)):
            rendering(run).encode()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data())
def test_no_damaged_byte_gets_through_as_another_error(tmp_path_factory, data):
    text = bytearray(text_of(to_document(replayed(F01).trace)).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at:at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    path.write_bytes(text)
    try:
        lockstep.replay(path)
    except (TraceError, NotARun) as error:
        assert str(error).isprintable() and str(path) in str(error)


# Writing -----------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("broken", ["fdopen", "chmod", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken):
    path = tmp_path / "one.json"
    write(path, "old")

    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, full)
        with pytest.raises(OSError, match="No space left"):
            write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_cannot_be_encoded_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "one.json", "good, then \ud800")
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_can_be_read_by_all(tmp_path):
    write(tmp_path / "one.json", "text")
    assert (tmp_path / "one.json").stat().st_mode & 0o777 == 0o644


# Renderings --------------------------------------------------------------------------------------------------------------------------

def test_the_python_rendering_is_a_test_that_passes_and_can_fail(tmp_path):
    text = python_test(replayed(F01))
    (tmp_path / "test_true.py").write_text(text)
    (tmp_path / "test_false.py").write_text(text.replace("'model': '", "'model': 'f"))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], cwd=tmp_path, check=False,
                          capture_output=True, text=True)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "NotARun: made by model 'f" in done.stdout
    alone = subprocess.run([sys.executable, "test_true.py"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", "")


def columns(text):
    """The ladder's steps as (label, A, wire lines, B, words), read by the places of the headings."""
    lines = text.splitlines()
    (head,) = [at for at, line in enumerate(lines) if line.startswith("     A ")]
    at_b, at_words = lines[head].index("B  "), lines[head].index("what happened")
    end = next(at for at, line in enumerate(lines) if line.startswith("broken at"))
    found = []
    for line in lines[head + 1:end]:
        label, left, b, words = line[:4].strip(), line[5:at_b].strip(), line[at_b:at_words].strip(), line[at_words:]
        a, _, wire = left.partition("  ") if label else ("", "", left)
        if label:
            found.append((label, a, [], b, []))
        found[-1][2].append(wire.strip())
        found[-1][4].append(words)
    return found


@pytest.mark.parametrize("finding", [name for name in all_findings() if not SLICES[FINDINGS[name].slice].lanes])
def test_the_ladder_shows_what_the_interpreter_does(finding):
    """Of one connection; tests/test_collision.py has the ladders of two."""
    run = replayed(finding)
    text = ladder(run)
    rows = columns(text)
    assert [row[0] for row in rows] == ["0", *(f"{number}" for number in range(1, run.trace.length)), f"{run.trace.length}!"]
    seen = ["", ""]
    for row, state in zip(rows, [run.initial, *(outcome.after for outcome in run.outcomes)], strict=True):
        seen = [then if now == "|" else now for now, then in zip((row[1], row[3]), seen, strict=True)]
        values = run.system.describe(state)
        for end, shown in zip("AB", seen, strict=True):
            assert shown.startswith(f"{values[f'{end}.tcp.state']} / {values[f'{end}.bgp.state']} [")
            for generation in ("g0", "g1", "g2"):
                halves = {values[f"{end}.ipsec.in[{generation}]"], values[f"{end}.ipsec.out[{generation}]"]}
                assert (generation in shown) == (halves != {"none"})
            assert ("no-entry" in shown) == (values[f"{end}.spd.state"] == "no-entry")
            phase1 = {values[f"{end}.phase1-initiator.state"], values[f"{end}.phase1-responder.state"]}
            assert ("P1" in shown) == ("UP" in phase1)
    for row, outcome in zip(rows[1:], run.outcomes, strict=True):
        wire = " ".join(row[2])
        assert len(re.findall(r"[-=.]{2}<|<[-=.]{2}|[-=.]{2}>|[-=.]{2}X|X[-=.]{2}", wire)) == moved(run, outcome)
        assert all(end in ("A", "B") for end in re.findall(r"^([AB]) ", "\n".join(row[4]), re.M))
    assert text.endswith(LEGEND + "\n") and f"broken at {run.trace.end}: {sentence(run)}" in text
    for name, value in run.trace.readings.items():
        assert (f"{name.rpartition(':')[2]}={value}" in text) == (f"{name}={value}" in changed_readings(run))


def moved(run: Run, outcome) -> int:
    """Messages that a step took off the wire or put on it."""
    taken = sum(firing.row.event.takes is not None for firing in outcome.fired)
    return taken + sum(message.direction is not None for message in outcome.sent)


def changed_readings(run: Run) -> set[str]:
    finding = FINDINGS[run.trace.finding]
    preset = PRESETS[finding.preset]
    return {f"{name}={value}" for name, value in finding.readings.items() if preset.value(name.rpartition(":")[2]) != value}


def sentence(run: Run) -> str:
    return CLAIMS[run.trace.property].sentence


def test_an_end_that_differs_alone_is_named():
    run = replayed(F01)
    other = {"A:bind": "set", "B:bind": "single", "A:expiry": "abort", "B:expiry": "abort"}
    changed_run = replace(run, trace=replace(run.trace, readings={**run.trace.readings, **other}))
    assert sorted(differing(changed_run)) == ["A:bind=set", "expiry=abort"]


def test_wire_arrows():
    """Sent, lost, arrived, an attacker's, and replayed, each as an engineer would draw it."""
    run = replayed(F01)
    system = build("teardown", run.trace.readings)
    drawn = play(run, system, system.initial[0], ("A", "bgp", MANUAL_STOP), ("A>B", "segments", "segment lost"),
                 ("", "attacker", "inject"))
    assert drawn[1] == ["==ESP g0 FIN(NOTIFICATION)==>", "..DEL-P1..>", "..DEL g0..>"]
    assert drawn[2] == ["==ESP g0 FIN(NOTIFICATION)==X"]
    assert drawn[3] == ["<--PLAIN SYN forged, exact--~"]
    drawn = play(run, system, system.initial[0], ("A", "bgp", MANUAL_STOP), ("A>B", "segments", "segment arrives and is copied"),
                 ("A>B", "segments", "segment arrives"))
    assert drawn[2][0] == "==ESP g0 FIN(NOTIFICATION)==>|"
    assert drawn[3][0] == "~==ESP g0 FIN(NOTIFICATION) replayed==>|"


def play(run, system, state, *wanted):
    """The wire columns of a run that takes the first enabled stimulus of each kind."""
    outcomes, steps = [], []
    for scope, table, event in wanted:
        stimulus, outcome = next((one, done) for one, done in successors(system, state)
                                 if (one.scope, one.table, one.event) == (scope, table, event))
        outcomes.append(outcome)
        steps.append(named(system, stimulus, outcome))
        state = outcome.after
    made = Run(replace(run.trace, steps=tuple(steps), finding=""), system, system.initial[0], tuple(outcomes))
    return [[one for one in row[2] if one] for row in columns(ladder(made))]


def test_the_diff_lists_every_changed_variable_and_no_other():
    run = replayed(F01)
    found, number = {}, 0
    for line in diff(run).splitlines():
        if line.startswith("     "):
            name, _, values = line.strip().partition(": ")
            found[number][name] = tuple(values.split(" -> "))
        else:
            number += 1
            assert line.startswith(f"{number}  ")
            found[number] = {}
    for number, outcome in enumerate(run.outcomes, 1):
        before, after = run.system.describe(outcome.before), run.system.describe(outcome.after)
        assert {name: value[1] for name, value in found[number].items() if name in after} == {
            name: after[name] for name in after if before[name] != after[name]}


def test_a_copy_of_what_is_not_in_flight_is_no_step():
    """The row that copies takes nothing off the wire, so nothing but the offer itself says that the message has to be there."""
    run = replayed("F-01/plaintext")
    stop = run.trace.steps[0]
    (copies,) = [offer for offer in run.system.offers if (offer.scope, offer.event.name) == ("B>A", "datagram arrives and is copied")]
    delete = dict(zip((p.name for p in copies.event.params), next(
        firing.args for outcome in run.outcomes for firing in outcome.fired if firing.row.event.takes is not None
        and firing.scope in ("A>B", "B>A") and firing.row.event.params == copies.event.params), strict=True))
    args = {param.name: param.sort.show(delete[param.name]) for param in copies.event.params}
    forged = Step("B>A", copies.table.name, copies.event.name, args, {}, ())
    with pytest.raises(NotARun, match=r"step 2: .* no such message is in flight"):
        replay(replace(run.trace, steps=(stop, forged)))
