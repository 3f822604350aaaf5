"""The command line as a user meets it: another process, its two outputs, its files and its exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lockstep
from model.readings import READINGS
from model.slices import TABLES
from model.text import COLUMNS
from properties.presets import PRESETS
from properties.registry import RESPONSES
from tests.runs import kept
from traces.files import to_text, write

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "FORCE_COLOR", "TERM")}
ENVIRONMENT |= {"PYTHONPATH": str(ROOT), "NO_COLOR": ""}
QUICK = ("verify", "teardown", "--preset", "repaired", "--bound", "copies=0", "--bound", "segments=1")
LONG = ("verify", "opening", "teardown", "--preset", "repaired")
KEYS = {"slice", "property", "preset", "readings", "verdict", "engine", "states", "transitions", "depth", "length", "seconds", "trace",
        "requirements"}


def command(*words):
    return [sys.executable, "-m", "lockstep.cli", *map(str, words)]


def run(where, *words, **more):
    """A command run in a folder; its outputs as text."""
    return subprocess.run(command(*words), cwd=where, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300, **more)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def clean(done):
    """No colours, no carriage returns, no traceback, on either output."""
    assert not re.search(r"[\x1b\r\x07\x08]", done.stdout + done.stderr)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("traces") / "F-01-plaintext.json"
    write(path, to_text(kept()["F-01/plaintext"]))
    return path


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick verification, once as text and once as JSON for one and for two workers, with its findings."""
    where = tmp_path_factory.mktemp("quick")
    text = run(where, *QUICK, "--out", "text")
    one = run(where, "verify", "teardown", "--preset", "draft", "--preset", "repaired", *QUICK[4:], "--workers", 1, "--json", "--out", "w")
    two = run(where, "verify", "teardown", "--preset", "draft", "--preset", "repaired", *QUICK[4:], "--workers", 2, "--json", "--out", "w")
    return where, text, one, two


# Exit status 0 ------------------------------------------------------------------------------------------------------------------------

def test_as_expected(tmp_path):
    done = clean(run(tmp_path, *QUICK, "--property", "sa-outlives-connection", "--property", "no-plaintext-out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^no-plaintext-out +holds *$", done.stdout, re.M)
    assert re.search(r"^teardown, repaired: [\d,]+ states, [\d,]+ transitions, depth \d+, .* engine search; bounds: losses 1, ",
                     done.stdout, re.M)
    assert files(tmp_path) == []


def test_a_violation_that_nobody_excluded_is_as_expected(quick):
    where, text, *_ = quick
    done = clean(text)
    assert re.search(r"^no-stuck-close +violated \(\d+\) *$", done.stdout, re.M)
    assert "lockstep show text/teardown-repaired-no-stuck-close.json" in done.stdout
    assert files(where / "text") == ["teardown-repaired-close-ends.json", "teardown-repaired-no-stuck-close.json"]
    assert run(where, "replay", "text/teardown-repaired-no-stuck-close.json").returncode == 0


def test_known_findings_show(tmp_path):
    """Where a search is cut short a finding may still show; one that does not is undecided, not gone."""
    done = clean(run(tmp_path, "verify", "teardown", "--preset", "draft", "--property", "no-idle-orphan", "--memory", 0.02))
    assert re.search(r"^F-03/keep +no-idle-orphan +violated \(\d+\) +out/F-03-keep\.json ", done.stdout, re.M)
    assert run(tmp_path, "replay", "out/F-03-keep.json").returncode == 0
    assert done.returncode == 3 and "undecided: no-idle-orphan, teardown, draft: memory limit of 0.02 GiB reached" in done.stdout


def test_progress_comes_before_the_result(tmp_path):
    with subprocess.Popen([*command(*QUICK)], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:
        lines = process.communicate()[0].splitlines()
    assert lines[0] == "lockstep: 3 searches" and "claims" in [line.strip() for line in lines[1:]]


# Exit status 1 ------------------------------------------------------------------------------------------------------------------------

def test_a_broken_promise(tmp_path):
    readings = [word for reading in ("after_del=bypass", "check_at=bgp", "listener_rule=none", "confirm=any_del")
                for word in ("--reading", f"B:{reading}")]
    done = clean(run(tmp_path, *QUICK, *readings, "--property", "no-plaintext-in", "--out", "deep/er"))
    assert done.returncode == 1
    assert re.search(r"^no-plaintext-in +violated \(\d+\) not as promised *$", done.stdout, re.M)
    assert "not as expected: no-plaintext-in, teardown, repaired: violated, expected holds" in done.stdout
    assert "B:after_del=bypass" in done.stdout and "A:after_del" not in done.stdout
    (name,) = files(tmp_path)
    trace = json.loads((tmp_path / name).read_text())
    assert (trace["readings"]["A:after_del"], trace["readings"]["B:after_del"]) == ("discard", "bypass")
    assert trace["end"] == "B"
    shown = run(tmp_path, "show", name)
    assert shown.returncode == 0 and "readings changed: " in shown.stdout and "B:after_del=bypass" in shown.stdout


def test_strict(tmp_path):
    strict = run(tmp_path, *QUICK, "--strict", "--property", "no-stuck-close")
    assert strict.returncode == 1 and "violated" in strict.stdout
    assert run(tmp_path, *QUICK, "--strict", "--property", "sa-outlives-need").returncode == 0


def test_a_trace_that_is_not_true(tmp_path, inside, trace_file):
    document = json.loads(trace_file.read_text())
    document["steps"].pop()
    (tmp_path / "false.json").write_text(json.dumps(document))
    for words in (("replay", "false.json"), ("show", "false.json"), ("show", "false.json", "--format", "python", "-o", "test_x.py")):
        done = inside(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"lockstep: false\.json: no-plaintext-out is not broken at [AB] in the last step\n", done.stderr)
    assert files(tmp_path) == ["false.json"]


# Exit status 2 ------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("words", "said"), [
    (("verify", "teardwon"), "slice 'teardwon': there is no such slice; there are teardown, opening"),
    (("verify", ""), "slice '': there is no such slice"),
    (("verify", "teardown", "--property", "no-bugs"), "property 'no-bugs': there is no such property; there are no-plaintext-out"),
    (("verify", "teardown", "--property", "binding-agrees"), "property 'binding-agrees': not registered with slice teardown"),
    (("verify", "teardown", "--preset", "perfect"), "preset 'perfect': there is no such preset; there are draft, repaired"),
    (("verify", "component-tcp", "--preset", "perfect"), "preset 'perfect': there is no such preset"),
    (("verify", "--reading", "nonsense=1"), "reading 'nonsense': there is no such reading; there are del_trigger"),
    (("verify", "--reading", "bind"), "reading 'bind': write KEY=VALUE, A:KEY=VALUE or B:KEY=VALUE"),
    (("verify", "--reading", "bind=triple"), "reading bind: no value 'triple'; it has single, set"),
    (("verify", "--reading", "C:bind=set"), "reading 'C:bind': no end 'C'; write A:bind or B:bind"),
    (("verify", "--reading", "=set"), "reading '=set': write KEY=VALUE"),
    (("verify", "teardown", "--bound", "luck=1"), "bound 'luck': slice teardown has no such bound; it has losses"),
    (("verify", "teardown", "--bound", "losses=99"), "bound losses: 99 is out of range"),
    (("verify", "teardown", "--bound", "losses=-1"), "bound 'losses=-1': write KEY=N"),
    (("verify", "teardown", "--bound", "losses=many"), "bound 'losses=many': write KEY=N"),
    (("verify", "teardown", "--bound", "segments=0"), "bound segments: 0 is out of range"),
    (("verify", "teardown", "--engine", "magic"), "engine 'magic': there is no such engine; there are search"),
    (("verify", "teardown", "--workers", "-1"), "workers -1: give a whole number from 1 on"),
    (("verify", "teardown", "--workers", "0"), "workers 0: give a whole number from 1 on"),
    (("verify", "teardown", "--workers", "two"), "'--workers'"),
    (("verify", "teardown", "--memory", "0"), "memory 0: give a number of GiB greater than 0"),
    (("verify", "teardown", "--memory", "-2"), "memory -2: give"),
    (("verify", "teardown", "--memory", "nan"), "memory nan: give"),
    (("verify", "teardown", "--memory", "inf"), "memory inf: give"),
    (("verify", "teardown", "--timeout", "0"), "timeout 0: give a number of seconds greater than 0"),
    (("verify", "teardown", "--timeout", "nan"), "timeout nan: give"),
    (("verify", "teardown", "--out", "a-file"), "out a-file: this is a file; give a folder"),
    (("verify", "--no-such-option"), "No such option: --no-such-option"),
    (("verify", "--preset"), "requires an argument"),
    (("prove",), "No such command 'prove'"),
    (("replay",), "Missing argument 'TRACE'"),
    (("replay", "missing.json"), "missing.json: cannot be read (No such file or directory)"),
    (("replay", "."), ".: cannot be read (Is a directory)"),
    (("replay", "a-file"), "a-file: line 1, column 1: not JSON"),
    (("show", "a-file", "-o", "b-file"), "a-file: line 1, column 1: not JSON"),
    (("show", "a-file", "--format", "interpretive-dance"), "'--format'"),
    (("verify", "teardown", "--out", "a-file/below"), "a-file is a file; give a folder"),
    (("fuzz", "--property", "close-ends"), "property close-ends: only lockstep verify judges endless runs"),
    (("fuzz", "--out", "a-file/below"), "a-file is a file; give a folder"),
    (("fuzz", "--database", "a-file"), "database a-file: this is a file; give a folder"),
    (("simulate", "graceful-shutdown", "--out", "a-file"), "out a-file: this is a file; give a folder"),
    (("graph", "tcp", "--preset", "repaired"), "graph tcp: this is a table; --by, --full, --bound, --preset"),
    (("graph", "tcp", "--memory", "0"), "memory 0: give a number of GiB greater than 0"),
    (("readings", "--sweep", "bind"), "readings: name the slice to search"),
    (("table", "ospf"), "table 'ospf': there is no such table; there are bgp-message, bgp, binding, tcp"),
    (("table", "tcp", "--state", "OPEN"), "state 'OPEN': table tcp has no such state; it has CLOSED, LISTEN"),
])
def test_bad_input(tmp_path, inside, words, said):
    (tmp_path / "a-file").write_text("not a trace")
    for more in ((), ("--json",)) if words[:2] != ("verify", "--preset") and len(words) > 1 else ((),):
        refused(inside(*words, *more), said)
    assert files(tmp_path) == ["a-file"]


def refused(done, said):
    assert (done.returncode, done.stdout) == (2, "")
    err = done.stderr
    assert err.startswith("lockstep: ") and err.endswith("\n") and err[:-1].isprintable() and said in err, err


def test_bad_input_of_another_process(tmp_path):
    for words, said in ((("verify", "teardwon"), "there is no such slice"), (("verify", "--workers", "two"), "'--workers'"),
                        (("verify", "--bound", "losses=99", "teardown"), "out of range"), (("replay", "."), "Is a directory")):
        refused(run(tmp_path, *words), said)
    assert files(tmp_path) == []


def test_a_damaged_trace(tmp_path, inside, trace_file):
    (tmp_path / "cut.json").write_text(trace_file.read_text()[:700])
    (tmp_path / "old.json").write_text(trace_file.read_text().replace('"lockstep-trace": 1', '"lockstep-trace": 0'))
    for name, said in (("cut.json", "damaged or cut short; run lockstep verify again"), ("old.json", "this version reads format 1")):
        for words in (("replay", name), ("show", name, "-o", "out.txt")):
            done = inside(*words)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"lockstep: {name}: ") and said in done.stderr and done.stderr.count("\n") == 1
    assert files(tmp_path) == ["cut.json", "old.json"]


def test_output_that_cannot_be_written(tmp_path, inside, trace_file):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    for place, named in (("folder", "folder"), ("file/below", "file")):
        done = inside("show", trace_file, "-o", place)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1 and named in done.stderr and "choose another place" in done.stderr
    assert files(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "kept"


# Exit status 3 ------------------------------------------------------------------------------------------------------------------------

def test_too_little_memory(tmp_path):
    done = clean(run(tmp_path, "verify", "teardown", "--preset", "repaired", "--memory", 0.001, "--property", "sa-outlives-connection"))
    assert done.returncode == 3
    assert re.search(r"^sa-outlives-connection +undecided *$", done.stdout, re.M)
    assert "undecided: sa-outlives-connection, teardown, repaired: memory limit of 0.001 GiB reached" in done.stdout
    assert "holds" not in done.stdout


def test_too_little_time(tmp_path):
    done = clean(run(tmp_path, *LONG, "--timeout", 0.01, "--json"))
    results = json.loads(done.stdout)["results"]
    assert done.returncode == 3 and {one["verdict"] for one in results} <= {"undecided", "violated"}
    assert {one["reason"] for one in results if one["verdict"] == "undecided"} == {"time limit"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("to", ["the process", "its group"])
def test_ctrl_c(tmp_path, workers, to):
    with subprocess.Popen(command(*LONG, "--workers", workers), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        seen = iter(process.stderr.readline, "")
        assert any(re.search(r"[\d,]+ states, frontier", line) for line in seen), "ended before it could be interrupted"
        (os.killpg if to == "its group" else os.kill)(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    assert re.search(r"^no-plaintext-out .*undecided", out, re.M)
    assert re.search(r"^opening, repaired: [1-9][\d,]* states", out, re.M)
    assert "undecided: no-plaintext-out, opening, repaired: interrupted" in out.splitlines()
    for name in files(tmp_path):
        assert lockstep.replay(tmp_path / name).trace.length > 0
    assert left_in_group(process.pid) == []


def test_ctrl_c_ends_a_walk_with_what_it_has_seen(tmp_path):
    walk = ("verify", "teardown", "--preset", "repaired", "--property", "no-plaintext-out", "--engine", "walk", "--runs", 10**6)
    with subprocess.Popen(command(*walk), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert any(" runs, " in line for line in iter(process.stderr.readline, "")), "ended before it could be interrupted"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "Traceback" not in err
    assert re.search(r"undecided: no-plaintext-out, teardown, repaired: interrupted; no violation in \d+ runs, seed 0$", out, re.M), out


def left_in_group(group):
    """Processes of the session that are still there; they get a moment to end."""
    for _ in range(100):
        found = subprocess.run(["ps", "-o", "pid=,args=", "-g", str(group)], capture_output=True, text=True, check=False).stdout
        left = [line for line in found.splitlines() if "defunct" not in line]
        if not left:
            break
        time.sleep(0.1)
    return left


# What is printed ----------------------------------------------------------------------------------------------------------------------

def test_json(quick):
    where, _, one, _ = quick
    assert one.stderr == "" and one.stdout.endswith("}\n")
    document = json.loads(one.stdout)
    assert set(document) >= {"results", "version"} and document["version"] == lockstep.__version__
    assert {result["preset"] for result in document["results"]} == set(PRESETS)
    for result in document["results"]:
        assert set(result) >= KEYS
        assert (result["slice"], result["engine"]) == ("teardown", "liveness" if result["property"] in RESPONSES else "search")
        assert result["verdict"] in ("violated", "holds", "undecided")
        assert (result["verdict"] == "violated") == (result["length"] is not None) == (result["trace"] is not None)
        assert result["requirements"] and all(re.fullmatch(r"W-[\d.]+-\d+", one) for one in result["requirements"])
        assert result["states"] > 0 and result["transitions"] > result["states"] and result["depth"] > 1
        if result["trace"]:
            assert lockstep.replay(where / result["trace"]).trace.length == result["length"]
    assert files(where / "w") == sorted(Path(result["trace"]).name for result in document["results"] if result["trace"])


def test_one_and_two_workers_say_the_same(quick):
    *_, one, two = quick
    assert one.returncode == two.returncode and two.stderr == ""
    first, second = json.loads(one.stdout), json.loads(two.stdout)
    for document in (first, second):
        for result in document["results"]:
            assert result.pop("seconds") >= 0
    assert first == second and len(first["results"]) > 20


def test_json_of_every_command(tmp_path, inside, trace_file):
    replayed = json.loads(clean(inside("replay", trace_file, "--json")).stdout)
    assert replayed["replayed"] is True and replayed["property"] == "no-plaintext-out"
    assert json.loads(clean(inside("show", trace_file, "--json")).stdout) == json.loads(trace_file.read_text())
    assert json.loads(inside("show", trace_file, "--format", "json").stdout) == json.loads(trace_file.read_text())
    table = json.loads(clean(inside("table", "tcp", "--json")).stdout)
    assert table["table"] == "tcp" and len(table["rows"]) == len(TABLES["tcp"].rows)
    assert set(table["rows"][0]) == set(COLUMNS)
    listed = json.loads(inside("table", "--json").stdout)
    assert [one["table"] for one in listed] == list(TABLES)
    assert files(tmp_path) == []


def test_replay_and_show(tmp_path, inside, trace_file):
    done = clean(inside("replay", trace_file))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{trace_file}: replayed \d+ steps; no-plaintext-out is violated at [AB] in the last one\n", done.stdout)
    for form, mark in (("ladder", "what happened"), ("diff", " -> "), ("json", '"lockstep-trace": 1'), ("python", "def test_f_01")):
        shown = clean(inside("show", trace_file, "--format", form))
        assert (shown.returncode, shown.stderr) == (0, "") and mark in shown.stdout
        written = inside("show", trace_file, "--format", form, "-o", f"new/{form}")
        assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
        assert (tmp_path / "new" / form).read_text() == shown.stdout
    assert inside("show", trace_file).stdout == (tmp_path / "new" / "ladder").read_text()


def test_tables_can_be_cut(tmp_path):
    done = clean(run(tmp_path, "table", "tcp"))
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == list(COLUMNS) and len(lines) == 1 + len(TABLES["tcp"].rows) and {len(line) for line in lines} == {len(COLUMNS)}
    some = run(tmp_path, "table", "bgp", "--state", "OpenSent").stdout.splitlines()[1:]
    assert some and {line.split("\t")[0] for line in some} == {"OpenSent"}
    listed = run(tmp_path, "table").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["table", *TABLES]


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    with subprocess.Popen(command("table", "bgp"), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, "")


def test_whoever_reads_no_more_does_not_change_the_status(tmp_path):
    with subprocess.Popen(command("verify", "teardown", "--preset", "repaired", "--memory", 0.001), cwd=tmp_path, env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 3 and "Traceback" not in said and "Broken" not in said


def test_a_suffix_without_a_format(tmp_path, inside):
    refused(inside("graph", "tcp", "-o", "tcp.png"), "output tcp.png: no format has this suffix; give one of .dot, .gv")
    assert files(tmp_path) == [] and inside("graph", "tcp", "-o", "tcp.png", "--format", "dot").returncode == 0
    assert (tmp_path / "tcp.png").read_text().startswith("digraph")


def test_the_readings_are_listed(inside):
    lines = [line.split("\t") for line in inside("readings").stdout.splitlines()]
    assert [line[0] for line in lines[1:]] == list(READINGS) and {len(line) for line in lines} == {len(lines[0])}
    listed = json.loads(clean(inside("readings", "--json")).stdout)
    assert [tuple(one.values()) for one in listed] == [tuple(line) for line in lines[1:]]


@pytest.mark.parametrize("name", ["verify", "replay", "show", "table", "simulate", "graph", "fuzz", "readings", "attackers"])
def test_help_has_an_example(inside, name):
    done = clean(inside(name, "-h"))
    assert done.returncode == 0 and done.stdout == inside(name, "--help").stdout
    text = re.sub(r"\s+", " ", done.stdout)
    assert f"Examples: lockstep {name} " in text and (name == "table" or "Exit status" in text)
    assert "\\" not in text and not re.search(r"--(json|strict|full|fresh) [A-Z<]", done.stdout)
    if name == "show":
        assert re.search(r"ladder\|diff\|json\|python", text)
    if name == "verify":
        assert "Exit status: 0" in text and "draft or repaired" in text and all(key in text for key in ("losses", "datagrams"))


def test_help_names_every_command(inside):
    for words, status in ((("-h",), 0), ((), 2)):
        done = clean(inside(*words))
        assert (done.returncode, done.stderr) == (status, "")
        assert all(re.search(rf"\b{name}\b", done.stdout) for name in ("verify", "replay", "show", "table"))
    assert inside("--version").stdout == f"lockstep {lockstep.__version__}\n"


def test_the_console_script_is_this_command():
    import tomllib

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"] == {"lockstep": "lockstep.cli:main"}


def test_a_script_may_verify_at_its_top_level(tmp_path):
    (tmp_path / "script.py").write_text(
        "import lockstep\n"
        "print('once')\n"
        "bounds = {'losses': 0, 'copies': 0, 'attacks': 0, 'segments': 1}\n"
        "report = lockstep.verify('teardown', bounds=bounds, workers=2)\n"
        "print(report.of('sa-outlives-connection', preset='repaired').verdict)\n")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("once\nholds\n", "")
