"""The page that explores: what it says against the interpreter, its server against strangers, and all of it in a real browser."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import lockstep
from lockstep.choice import UsageError
from lockstep.explore import ways
from lockstep.explore.path import MOST_STEPS, Asked, asked_in, document, follow, next_steps, opened, position
from lockstep.page.data import page_data
from model.slices import SLICES, build
from model.system import System
from model.trace import from_document
from properties.registry import CLAIMS
from tests.browser import CONTRAST, FOCUS, LONGEST_MOTION
from tests.runs import GALLERY
from tests.served import Served, eventually, reading
from traces.replay import replay
from verify.search import search_row
from verify.step import stimuli, successors

SMALL = "slice=teardown&bound=losses=0&bound=copies=0&bound=attacks=0"
KEPT = ("F-01-plaintext", "F-23-order", "L-21-both-lost", "F-32-unprotected", "F-37-two-SAs")  # of as many slices
LONG = {"query": "slice=teardown", "kind": "claim", "what": "no-replay"}  # it holds, so 1.1 M states are looked at


@cache
def wandered(slice_name: str, steps: int, seed: int = 0) -> Asked:
    """A link to where a walk at random comes, which does not stand still where it can move."""
    draw, asked = random.Random(seed), Asked(slice_name)
    for _ in range(steps):
        ways_on = [one["index"] for one in next_steps(position(asked)) if "nothing changes" not in one["does"]]
        if not ways_on:
            break
        asked = replace(asked, path=(*asked.path, draw.choice(ways_on)))
    return asked


# -- where a link leads ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_run_is_the_same_behind_its_link(name: str) -> None:
    run = lockstep.replay(GALLERY / f"{name}.json")
    asked, bare = opened(run), replay(replace(run.trace, property="", end="", finding="", loop=None))
    assert asked_in(asked.query) == asked_in(f"http://127.0.0.1:1/?{asked.query}#2") == asked
    assert [one.state for one in position(asked).way] == [bare.initial, *(outcome.after for outcome in bare.outcomes)]
    shown = document(asked)["run"]
    assert shown["steps"] == page_data(bare)["steps"]
    assert {run.trace.property: {"step": run.trace.length, "end": run.trace.end}}.items() <= {
        one["name"]: one["broken"] for one in shown["claims"]}.items()


@pytest.mark.parametrize("slice_name", SLICES)
def test_what_may_happen_is_what_the_interpreter_says(slice_name: str) -> None:
    at = position(wandered(slice_name, 12))
    for one in at.way:
        system, listed = one.world.system, next_steps(one)
        offered = list(stimuli(system, one.state))
        assert [offered[each["index"]] for each in listed] == [stimulus for stimulus, _ in successors(system, one.state)]


@pytest.mark.parametrize("slice_name", SLICES)
def test_what_is_kept_step_by_step_is_what_a_replay_says(slice_name: str) -> None:
    made = document(wandered(slice_name, 25))
    trace = from_document(json.loads(json.dumps(made["trace"])))
    again = page_data(replay(trace))
    assert made["run"] == again | {key: made["run"][key] for key in ("made", "title")}


def test_no_two_steps_are_called_the_same() -> None:
    for slice_name in SLICES:
        for one in position(wandered(slice_name, 12)).way:
            called = [each["text"] for each in next_steps(one)]
            assert len(set(called)) == len(called), called


def test_steps_are_taken_along_as_far_as_they_go() -> None:
    run = lockstep.replay(GALLERY / "F-01-plaintext.json")
    asked = opened(run)
    repaired = asked_in(replace(asked, overrides=(("A:del_trigger", "tcp_closed"),), path=()).query)
    found, why = follow(repaired, run.trace.steps)
    assert len(found.path) == 2 and why.startswith("step 3, ")  # A deletes nothing, so no Delete of A's arrives
    assert follow(replace(asked, path=()), run.trace.steps) == (asked, "")


@pytest.mark.parametrize(("query", "says"), [
    ("", "slice ''"), ("slice=nowhere", "there is no such slice"), ("slice=component-tcp", "there is no such slice"),
    ("slice=teardown&slice=opening", "slice is there 2 times"), ("slice=teardown&colour=red", "'colour' is nothing that a link says"),
    ("slice=teardown&preset=best", "there is no such preset"), ("slice=teardown&reading=del_trigger", "write KEY=VALUE"),
    ("slice=teardown&reading=C:del_trigger=bgp_idle", "no end 'C'"), ("slice=teardown&reading=group=none", "there is no such reading"),
    ("slice=phase1&reading=A:dead_qm=refuse", ""), ("slice=collision&reading=natt=on", "would change nothing"),
    ("slice=teardown&bound=losses=9", "out of range"), ("slice=teardown&bound=hops=1", "no such bound"),
    ("slice=teardown&bound=losses=many", "a whole number"), ("slice=teardown&start=7", "initial states 0 to 2"),
    ("slice=teardown&start=-1", "a whole number"), ("slice=teardown&path=0.x", "a whole number"),
    ("slice=teardown&path=3", "cannot happen here"), ("slice=teardown&path=9999", "no stimulus 9999"),
    ("slice=teardown&path=" + "9" * 400, "a whole number"),
    ("slice=teardown&path=" + ".".join(["0"] * (MOST_STEPS + 1)), f"at most {MOST_STEPS}"),
    ("slice=teardown&model=old", "made by model 'old'"),
])
def test_a_link_that_says_nothing_sensible(query: str, says: str) -> None:
    if not says:
        position(asked_in(query))
        return
    with pytest.raises(UsageError) as error:
        position(asked_in(query))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_simulated_run_is_refused() -> None:
    run = lockstep.replay(GALLERY / "F-01-plaintext.json")
    with pytest.raises(UsageError, match="simulated"):
        opened(replace(run, trace=replace(run.trace, slice="timed-idle")))


# -- shortest ways ---------------------------------------------------------------------------------------------------------------------


def first_firings(system: System, levels: int) -> dict[tuple[str, str, str], int]:
    """How soon each row fires, by the interpreter, breadth first."""
    found: dict[tuple[str, str, str], int] = {}
    level, seen = list(system.initial), set(system.initial)
    for depth in range(1, levels + 1):
        new = []
        for state in level:
            for _, outcome in successors(system, state):
                for one in outcome.fired:
                    found.setdefault((one.scope, system.table_of_row(one.row).name, one.row.key), depth)
                if outcome.after not in seen:
                    seen.add(outcome.after)
                    new.append(outcome.after)
        level = new
    return found


def test_the_shortest_way_to_a_row_is_the_interpreters() -> None:
    system = build("teardown", Asked("teardown").chosen, bounds={"losses": 0, "copies": 0, "attacks": 0})
    soon, rows = first_firings(system, 3), {(one.scope, one.table.name, row.key): row for one, row in system.rows}
    # Rows of one name that fire in different states are different rows.
    asked = [*[key for key in soon if key[1] in ("tcp", "spd")][::9], ("A", "tcp", "retransmit FIN@CLOSING")]
    assert len(asked) > 4
    for key in asked:
        hit = search_row(system, key[0], rows[key]).hits[key[2]]
        assert (hit.length <= 3) == (key in soon) if hit else key not in soon
        if hit and key in soon:
            assert hit.length == soon[key], key


def test_ways_lead_where_they_are_to_lead() -> None:
    asked = asked_in(SMALL)
    claim = CLAIMS["sa-outlives-connection"]
    found = ways.look(ways.Goal(asked, ways.CLAIM, claim.name))
    assert found.asked is not None
    broken = next(one["broken"] for one in document(found.asked)["run"]["claims"] if one["name"] == claim.name)
    assert broken == {"step": len(found.asked.path), "end": broken["end"]}
    found = ways.look(ways.Goal(found.asked, ways.ROW, "B tcp: retransmit FIN@FIN-WAIT-1"))
    assert found.asked is not None and found.asked.path[:1] == (0,)
    last = position(found.asked).outcome
    assert last is not None and "retransmit FIN@FIN-WAIT-1" in [one.row.key for one in last.fired if one.scope == "B"]
    found = ways.look(ways.Goal(asked, ways.SITUATION, "A.tcp.state=TIME-WAIT", anew=True))
    assert found.asked is not None
    at = position(found.asked)
    assert at.world.system.describe(at.state)["A.tcp.state"] == "TIME-WAIT" and found.asked.start > 0


def test_no_way_is_said_only_where_every_state_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    goal = ways.Goal(asked_in(f"{SMALL}&preset=repaired"), ways.CLAIM, "no-plaintext-out")
    found = ways.look(goal)
    assert found.asked is None and found.says.startswith("there is no way: all ")
    monkeypatch.setattr(ways, "SECONDS", 0.0)
    found = ways.look(goal)
    assert found.asked is None and found.says.startswith("not decided: time limit")


@pytest.mark.parametrize(("kind", "what", "says"), [
    ("claim", "", "choose the claim"), ("claim", "no-such", "there is no such property"),
    ("claim", "syn-after-own-phase2", "not registered"),
    ("claim", "close-ends", "only lockstep verify"), ("row", "anything", "write PLACE TABLE"),
    ("row", "A tcp: nothing@CLOSED", "no such row"), ("row", "A tcp: ignore", "no such row"),
    ("situation", "", "is no comparison"), ("situation", "A.tcp.state=OPEN", "no value"), ("moon", "", "nothing to look for")])
def test_a_goal_that_does_not_exist(kind: str, what: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        ways.check(ways.Goal(asked_in(SMALL), kind, what))
    assert says in str(error.value)


# -- the server ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.stop()


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "evil.example:{port}"}, {"Host": "127.0.0.1"}, {"Host": "127.0.0.1:1"}, {"Host": "[::1]:{port}"},
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "https://127.0.0.1:{port}"}, {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}])
def test_strangers_are_refused(served: Served, headers: dict[str, str]) -> None:
    given = {key: value.format(port=served.port) for key, value in headers.items()}
    for address in ("/run", "/next", "/slice", "/way"):
        assert served.ask(address, {"query": SMALL}, **given)[0] == 403
    if "Sec_Fetch_Site" not in headers:  # a link on another page may lead here; the page alone does nothing
        assert served.ask("/", method="GET", **given)[0] == 403


@pytest.mark.parametrize("headers", [
    {}, {"Host": "localhost:{port}"}, {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}])
def test_its_own_page_is_answered(served: Served, headers: dict[str, str]) -> None:
    given = {key: value.format(port=served.port) for key, value in headers.items()}
    assert served.ask("/next", {"query": SMALL}, **given)[0] == 200
    assert served.ask("/", method="GET", **given)[0] == 200


def test_nobody_else_reaches_the_port(served: Served) -> None:
    assert served.listens.getsockname()[0] == "127.0.0.1"


def test_the_page_may_ask_its_server_and_nobody_else(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("GET", "/")
    answer = connection.getresponse()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    connection.close()


@pytest.mark.parametrize(("address", "body", "status"), [
    ("/run", b"", 400), ("/run", b"{", 400), ("/run", b"\xff", 400), ("/run", b"[" * 50_000, 400), ("/run", b"[]", 400), ("/run", {}, 400),
    ("/run", {"query": 1}, 400), ("/run", {"query": "slice=teardown&path=9999"}, 400), ("/run", {"finding": "../../x"}, 400),
    ("/run", {"trace": 1}, 400), ("/run", {"trace": {"lockstep-trace": 1}}, 400), ("/run", {"query": SMALL, "steps": "x"}, 400),
    ("/run", b" " * 1_100_000, 413), ("/next", {"query": "x"}, 400), ("/slice", {}, 400), ("/way", {"query": SMALL}, 400),
    ("/way", {"query": SMALL, "kind": "claim", "what": "x"}, 400), ("/nowhere", {}, 404)])
def test_what_makes_no_sense_is_one_line(served: Served, address: str, body: Any, status: int) -> None:
    got, text = served.ask(address, body)
    assert got == status
    says = json.loads(text)["error"]
    assert says and "\n" not in says and "Traceback" not in text


def test_a_form_of_another_page_is_not_read(served: Served) -> None:
    assert served.ask("/run", b"query=slice%3Dteardown", Content_Type="application/x-www-form-urlencoded")[0] == 415
    assert served.ask("/run", {"query": SMALL}, Content_Type="text/plain")[0] == 415


def test_a_mistake_of_the_program_is_one_line_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError("of\nlines")

    monkeypatch.setattr("lockstep.explore.path.next_steps", broken)
    status, text = served.ask("/next", {"query": SMALL})
    assert status == 500 and json.loads(text)["error"] == "internal error, please report it: ZeroDivisionError: of lines"


@pytest.mark.parametrize("name", KEPT)
def test_kept_runs_are_opened(served: Served, name: str) -> None:
    trace = json.loads((GALLERY / f"{name}.json").read_text(encoding="utf-8"))
    kept, sent = served.json("/run", {"finding": trace["finding"]}), served.json("/run", {"trace": trace})
    assert kept == sent and len(kept["world"]["path"]) == len(trace["steps"]) and trace["property"] in kept["says"]
    assert kept == served.json("/run", {"query": kept["query"]}) | {"says": kept["says"]}


def test_a_trace_that_is_not_true(served: Served) -> None:
    trace = json.loads((GALLERY / "F-01-plaintext.json").read_text(encoding="utf-8"))
    trace["steps"][2], trace["steps"][3] = trace["steps"][3], trace["steps"][2]
    status, text = served.ask("/run", {"trace": trace})
    assert status == 400 and "step 3" in json.loads(text)["error"]
    status, text = served.ask("/run", {"trace": trace | {"steps": trace["steps"] * 100}})
    assert status == 400 and f"at most {MOST_STEPS}" in json.loads(text)["error"]


def lines_of(served: Served, body: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", "/way", json.dumps(body), {"Content-Type": "application/json"})
    return connection, connection.getresponse()


def test_a_way_is_told_in_lines(served: Served) -> None:
    connection, answer = lines_of(served, {"query": SMALL, "kind": "claim", "what": "sa-outlives-connection", "anew": True})
    lines = [json.loads(line) for line in answer.read().decode().splitlines()]
    connection.close()
    assert answer.status == 200 and [key for one in lines[:-1] for key in one] == ["progress"] * (len(lines) - 1)
    assert len(lines[-1]["found"]["world"]["path"]) == 1 and "1 step;" in lines[-1]["says"]


def below(pid: int) -> set[int]:
    """The processes that a process has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for one in Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(int((one / "stat").read_text().rpartition(")")[2].split()[1]), []).append(int(one.name))
        except OSError:
            continue
    found: set[int] = set()
    todo = [pid]
    while todo:
        todo += (new := [one for one in parents.get(todo.pop(), []) if one not in found])
        found |= set(new)
    return found


def test_a_search_ends_when_its_reader_goes(served: Served) -> None:
    two = [lines_of(served, LONG) for _ in range(2)]
    assert all("progress" in json.loads(answer.readline()) for _, answer in two)
    assert served.ask("/way", LONG)[0] == 429
    busy = below(os.getpid()) if sys.platform == "linux" else set()
    for connection, answer in two:
        answer.close()
        connection.close()

    def accepted() -> bool:
        connection, answer = lines_of(served, LONG | {"what": "sa-outlives-connection", "anew": True})
        try:
            return answer.status == 200 and bool(answer.read())
        finally:
            connection.close()

    assert eventually(accepted)
    if sys.platform == "linux":
        assert len(busy) >= 2 and eventually(lambda: len(below(os.getpid()) & busy) <= len(busy) - 2)


# -- the command -----------------------------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_and_its_searches() -> None:
    pytest.importorskip("uvicorn", reason="the extra web is not installed: the page is not served")
    trace = GALLERY / "F-01-plaintext.json"
    command = [sys.executable, "-m", "lockstep.cli", "explore", str(trace), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        assert asked_in(address) == opened(lockstep.replay(trace))
        port = int(address.partition("//")[2].partition("/")[0].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/way", json.dumps(LONG), {"Content-Type": "application/json"})
        connection.getresponse().readline()
        started = below(process.pid) if sys.platform == "linux" else set()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0 and process.stderr is not None and process.stderr.read() == ""
        connection.close()
        if sys.platform == "linux":
            assert started and eventually(lambda: not any(Path(f"/proc/{one}").exists() for one in started))
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("words", "says"), [
    (["nowhere"], "no such slice and no such file"), (["component-tcp"], "no such slice"),
    (["teardown", "--preset", "x"], "no such preset"), (["teardown", "--reading", "x=y"], "no such reading"),
    (["teardown", "--bound", "losses=x"], "bound"), (["--port", "70000"], "port 70000"),
    (["http://127.0.0.1:1/?slice=teardown&path=9999"], "no stimulus 9999"), (["?slice=teardown", "--preset", "draft"], "are for a slice")])
def test_bad_usage(inside: Callable[..., Any], words: list[str], says: str) -> None:
    pytest.importorskip("uvicorn", reason="the extra web is not installed: the page is not served")
    done = inside("explore", *words)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


def test_a_port_that_is_taken(inside: Callable[..., Any]) -> None:
    pytest.importorskip("uvicorn", reason="the extra web is not installed: the page is not served")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = inside("explore", "--port", taken.getsockname()[1])
    assert done.returncode == 2 and "give another one" in done.stderr


def test_help_has_examples(inside: Callable[..., Any]) -> None:
    text = " ".join(inside("explore", "-h").stdout.split())
    assert "Examples: lockstep explore " in text and "Exit status: 0" in text and "\\" not in text


def test_without_the_extra_it_says_so(inside: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    done = inside("explore")
    assert done.returncode == 2
    assert done.stderr == 'lockstep: explore: a page needs starlette and uvicorn; pip install "lockstep-verifier[web]"\n'


# -- in a browser ----------------------------------------------------------------------------------------------------------------------


def test_choose_readings_take_steps_and_share(browser: Any, served: Served) -> None:
    with reading(browser, served) as reader:
        page = reader.page
        assert reader.asked == Asked("teardown") and reader.differs() == []
        page.click("#setup summary")
        page.select_option("[data-reading='B:del_trigger']", "tcp_closed")
        reader.until("location.search.includes('del_trigger')")
        assert reader.asked == Asked("teardown", overrides=(("B:del_trigger", "tcp_closed"),)) and reader.differs() == []
        assert "1 reading changed" in page.inner_text("#setup-says")
        reader.take("A bgp: ManualStop")
        assert reader.differs() == [] and page.evaluate("document.body.dataset.step") == "1"
        reader.take("FIN(NOTIFICATION) arrives")
        assert reader.differs() == [] and len(reader.asked.path) == 2
        page.keyboard.press("ArrowLeft")  # back, and another way from there
        assert len(reader.asked.path) == 1 and reader.differs() == []
        assert page.locator(".taken-here").count() == 1
        reader.take("FIN(NOTIFICATION) lost")
        assert reader.differs() == []
        page.click("#timeline li:nth-child(1) button")  # jump
        assert reader.asked.path == () and reader.differs() == []
        page.keyboard.press("End")
        link, here = page.url, reader.asked
        page.go_back()
        reader.until(f"location.href !== {json.dumps(link)}")
        assert reader.asked != here
        assert reader.wrong == []
    with reading(browser, served, link.removeprefix(served.url)) as other:  # a fresh profile
        assert other.asked == here and other.differs() == [] and other.wrong == []
        assert other.page.evaluate("document.querySelector(\"[data-reading='B:del_trigger']\").value") == "tcp_closed"
        other.page.reload()
        other.page.wait_for_selector("body[data-ready]")
        assert other.asked == here


def test_a_list_that_lies_would_be_noticed(browser: Any, served: Served) -> None:
    with reading(browser, served, f"?{SMALL}") as reader:
        reader.listed()
        reader.page.evaluate("document.querySelector('#groups button').remove()")
        reader.page.evaluate("document.querySelector('[data-variable] td:nth-child(2)').textContent = 'x'")
        assert len(reader.differs()) == 2


def test_readings_take_the_steps_along(browser: Any, served: Served) -> None:
    with reading(browser, served, f"?{opened(lockstep.replay(GALLERY / 'F-01-plaintext.json')).query}#4") as reader:
        page = reader.page
        page.click("#setup summary")
        page.select_option("[data-reading='A:del_trigger']", "tcp_closed")
        reader.until("document.getElementById('says').textContent !== ''")
        assert "2 of 4 steps can be taken" in page.inner_text("#says") and len(reader.asked.path) == 2 and reader.differs() == []
        page.select_option("#preset", "repaired")
        reader.until("location.search.includes('repaired')")
        assert reader.asked.overrides == () and reader.differs() == []
        page.select_option("#slice", "opening")
        reader.until("location.search.includes('opening')")
        assert reader.asked == Asked("opening", "repaired") and reader.differs() == []
        page.fill("[data-bound=losses]", "0")
        page.keyboard.press("Tab")
        reader.until("location.search.includes('bound=losses=0')")
        page.fill("[data-bound=segments]", "0")
        page.keyboard.press("Tab")
        assert "out of range" in reader.message()
        assert page.input_value("[data-bound=segments]") == "2" and reader.differs() == []


def test_shortest_ways(browser: Any, served: Served) -> None:
    with reading(browser, served, f"?{SMALL}&start=1") as reader:
        page = reader.page
        page.click("#way summary")
        page.select_option("#way-claim", "no-plaintext-out")
        page.click("#way-go")
        reader.until("location.search.includes('path')")
        assert len(reader.asked.path) == 4 and reader.differs() == [] and "4 steps" in page.inner_text("#says")
        assert "no-plaintext-out at B" in page.inner_text("#broken")
        page.select_option("#way-table", "A tcp")
        page.select_option("#way-row", "retransmit FIN@FIN-WAIT-1")
        page.click("#way-go")
        reader.until("document.body.dataset.step === '5'")
        assert "tcp: retransmit FIN" in page.inner_text("#fired")
        page.fill("#way-situation", "B.tcp.state=CLOSED")
        page.check("[name=from][value=anew]")
        page.click("#way-go")
        reader.until("document.getElementById('says').textContent.includes('any start')")
        assert position(reader.asked).world.system.describe(position(reader.asked).state)["B.tcp.state"] == "CLOSED"
        page.fill("#way-situation", "B.tcp.state=SHUT")
        page.click("#way-go")
        assert "no value 'SHUT'" in reader.message()
        assert [one for one in reader.wrong if "400" not in one] == []


def test_a_search_can_be_cancelled(browser: Any, served: Served) -> None:
    with reading(browser, served) as reader:
        page = reader.page
        before = page.url
        page.click("#way summary")
        page.select_option("#way-claim", "no-replay")
        page.focus("#way-go")
        page.keyboard.press("Enter")
        reader.until("document.getElementById('says').textContent.includes('states, level')")
        page.click("#way-cancel")
        reader.until("document.getElementById('says').textContent.includes('cancelled')")
        assert page.url == before and page.is_hidden("#way-cancel") and page.evaluate("document.activeElement.id") == "way-go"
        assert reader.differs() == [] and reader.wrong == []


@pytest.mark.parametrize("link", ["?slice=nowhere", "?slice=teardown&path=0.9999", "?slice=teardown&model=old",
                                  "?%ff%00<script>alert(1)</script>"])
def test_a_malformed_link_says_what_is_wrong(browser: Any, served: Served, link: str) -> None:
    with reading(browser, served, link) as reader:
        message = reader.message()
        assert "link: " in message and "Shown instead: slice teardown" in message
        assert reader.asked == Asked("teardown") and reader.differs() == []
        reader.take("A bgp: ManualStop")  # it goes on, and the message is gone
        assert reader.page.is_hidden("#message")


def test_open_and_save(browser: Any, served: Served, tmp_path: Path) -> None:
    with reading(browser, served, f"?{SMALL}") as reader:
        page = reader.page
        page.click("#open summary")
        page.select_option("#finding", "F-32/unprotected")
        page.click("#finding-go")
        reader.until("document.getElementById('says').textContent.includes('F-32')")
        kept = lockstep.replay(GALLERY / "F-32-unprotected.json")
        assert asked_in(page.url) == opened(kept) and reader.asked.path == ()
        page.keyboard.press("End")
        assert reader.differs() == [] and kept.trace.property in page.inner_text("#broken")
        with page.expect_download() as saved:
            page.click("#save")
        saved.value.save_as(tmp_path / "saved.json")
        assert lockstep.replay(tmp_path / "saved.json").trace.steps == kept.trace.steps
        page.fill("#link", f"http://localhost:1/?{SMALL}")
        page.keyboard.press("Enter")
        reader.until("!location.search.includes('path')")
        page.set_input_files("#file", tmp_path / "saved.json")
        reader.until("location.search.includes('path')")
        assert asked_in(page.url) == opened(kept)
        (tmp_path / "cut.json").write_text((tmp_path / "saved.json").read_text()[:200])
        page.set_input_files("#file", tmp_path / "cut.json")
        assert "no JSON" in reader.message() and reader.wrong == []
        (tmp_path / "other.json").write_text("{}")
        page.set_input_files("#file", tmp_path / "other.json")
        reader.until("document.getElementById('message').textContent.includes('not a trace')")
        assert asked_in(page.url) == opened(kept)


def test_by_keyboard_alone(browser: Any, served: Served) -> None:
    with reading(browser, served, f"?{SMALL}") as reader:
        page, passed = reader.page, []
        reader.listed()
        for _ in range(120):
            page.keyboard.press("Tab")
            passed.append(page.evaluate(FOCUS))
            if passed[-1][0] == "BUTTON" and page.evaluate("document.activeElement.closest('#groups') !== null"):
                break
        assert all(style != "none" and width >= 2 for name, style, width in passed if name != "BODY")
        assert {"first", "next", "filter"} <= {name for name, *_ in passed} and [name for name, *_ in passed].count("SUMMARY") >= 3
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")  # the second in the list: B's operator
        reader.until("document.body.dataset.step === '1'")
        assert reader.differs() == [] and page.inner_text("#head").startswith("1. B bgp")
        reader.until("document.activeElement.closest('#groups, #choose-head') !== null")
        assert page.evaluate(FOCUS)[1] != "none"
        page.focus("#filter")
        page.keyboard.type("lifetime")
        assert 0 < page.locator("#groups button").count() < len(next_steps(position(reader.asked)))
        page.keyboard.press("Home")  # moves in the field, not among the steps
        assert page.evaluate("document.body.dataset.step") == "1"
        assert reader.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_can_be_read_and_fits(browser: Any, served: Served, scheme: str, width: int) -> None:
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with reading(browser, served, f"?{wandered('teardown', 6).query}", **look) as reader:
        page = reader.page
        reader.listed()
        page.evaluate("explore.go({ query: 'slice=nowhere' })")
        reader.message()
        page.evaluate("document.getAnimations().forEach((one) => one.finish())")
        seen, low = page.evaluate(CONTRAST)
        assert seen > 300 and low == []
        reader.until("document.querySelectorAll('[data-reading]').length > 20")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        groups = page.locator(".group h4").all_inner_texts()
        assert len(groups) >= 3 and all(any(one.isalpha() for one in text) for text in groups)


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_reduced_motion(browser: Any, served: Served, wish: str, moves: bool) -> None:
    with reading(browser, served, f"?{SMALL}", reduced_motion=wish) as reader:
        assert (reader.page.evaluate(LONGEST_MOTION) > 0) == moves


def test_every_group_has_a_name_and_every_field_a_label(browser: Any, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.listed()
        unnamed = reader.page.evaluate("""() => [...document.querySelectorAll("input, select, button")].filter((one) =>
            !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim())).map((one) => one.outerHTML)""")
        assert unnamed == []
        names = [one.partition(" ")[0] for one in reader.page.locator(".group h4").all_inner_texts()]
        assert {"Operator", "Timers", "Attacker"} <= set(names)


def test_a_server_that_is_gone_is_said(browser: Any) -> None:
    server = Served()
    with reading(browser, server, f"?{urlencode({'slice': 'opening'})}") as reader:
        reader.listed()
        server.stop()
        reader.page.locator("#groups button").first.click()
        assert "the server does not answer" in reader.message()
