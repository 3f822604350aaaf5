"""The lessons: each task can be done, none is done at its start, every word of help can come to be said; and the page that asks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lockstep.choice import UsageError
from lockstep.explore.path import asked_in
from lockstep.lessons import mending, way
from lockstep.lessons.answers import beginning, where
from lockstep.lessons.course import COURSE, LESSONS, TASKS
from lockstep.lessons.lesson import Repair, Task
from lockstep.lessons.mending import mend
from lockstep.lessons.standing import opening, outcomes, standing
from lockstep.lessons.way import Ways
from lockstep.page.data import head
from model.expr import Const, Fired, evaluate, walk
from model.slices import TABLES
from model.system import ENDS
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, HOLDS, VIOLATED
from properties.requirements import cited_in
from tests.browser import CONTRAST, FOCUS
from tests.runs import GALLERY
from tests.served import Reader, Served
from traces.names import named
from verify.query import Query, allowed, true_at
from verify.search import search
from verify.step import Outcome, StepView, Stimulus

PATHS = {name: task for name, task in TASKS.items() if isinstance(task, Task)}
REPAIRS = {name: task for name, task in TASKS.items() if isinstance(task, Repair)}
# The fewest steps after the opening. The texts speak of some of them, and a task that becomes trivial is noticed.
SHORTEST = {
    "opening/one-end-knows": 6, "opening/syn-under-its-sa": 3, "opening/syn-before-qm3": 5, "opening/established-in-order": 11,
    "protection/rule-without-sa": 2, "protection/sa-at-one-end": 3, "protection/no-rule": 4, "protection/seen-twice": 3,
    "closing/through-time-wait": 6, "closing/both-active": 6, "closing/last-ack-lost": 6, "closing/clock-too-short": 4,
    "deletion/before-its-fin": 1, "deletion/somebody-elses-sa": 2, "deletion/false-confirmation": 3, "deletion/nobodys-sa": 7,
    "rekey/make-before-break": 6, "rekey/two-at-once": 3, "rekey/old-path": 7, "rekey/stale-binding": 4, "rekey/rekey-in-a-close": 6,
    "failures/reset-heard": 2, "failures/reset-unheard": 3, "failures/delete-waits": 3, "failures/back-again": 7,
    "failures/still-stuck": 5, "attacker/bounced": 2, "attacker/gap-in-the-rule": 5, "attacker/md5-beside": 2, "attacker/listener": 2,
    "attacker/unprotected-delete": 2}
MOST_STATES = 600_000
WHOLE = {"del_trigger": "tcp_closed", "passive_del": "at_closed", "peer_del": "defer", "expiry": "abort", "p1_delete": "never"}


def taken(task: Task, *texts: str) -> list[Stimulus]:
    """The task's opening and the steps of these names, from the task's start; a name is a head's text, or begins it."""
    found = list(opening(task))
    state = outcomes(task, found)[-1].after if found else task.system.initial[0]
    for text in texts:
        ways = [(one, outcome) for one, outcome in allowed(task.system, state)
                if head(task.system, named(task.system, one, outcome), outcome)["text"].startswith(text)]
        assert ways, f"no {text} among what can happen"
        found.append(ways[0][0])
        state = ways[0][1].after
    return found


# -- what is written -------------------------------------------------------------------------------------------------------------------


def test_eight_lessons_of_three_to_five_tasks() -> None:
    assert len(COURSE) == len(LESSONS) == 8 and set(SHORTEST) == set(PATHS)
    for lesson in COURSE:
        assert re.fullmatch(r"[a-z]+", lesson.name) and 3 <= len(lesson.tasks) <= 5 and 10 <= lesson.minutes <= 15
        assert len({task.name for task in lesson.tasks}) == len(lesson.tasks) and lesson.passages and lesson.commands
        for task in lesson.tasks:
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", task.name) and task.hints and task.asks and task.shows


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.name)
def test_what_it_cites_is_there(lesson: Any) -> None:
    for passage in lesson.passages:
        for part in passage.source.split("; "):
            assert not part.startswith("draft") or cited_in(part), part
    for task in lesson.tasks:
        for name in task.findings:
            file = name.replace("/", "-")
            assert name in FINDINGS and (GALLERY / f"{file}.json").exists(), name
            assert (GALLERY.parents[1] / f"docs/findings/{file}.md").exists(), name
        said = re.findall(r"F-\d+(?:/[a-z-]+)?", " ".join((task.asks, task.shows, *task.hints)))
        assert [one for one in said if "/" in one and one not in FINDINGS] == []
        assert [one for one in said if "/" not in one and not any(name.startswith(f"{one}/") for name in FINDINGS)
                and one not in ("F-48", "F-69")] == []  # these two are no runs: docs/findings.md


@pytest.mark.parametrize("command", sorted({one for lesson in COURSE for one in lesson.commands}))
def test_its_commands_are_commands(command: str, inside: Callable[..., Any]) -> None:
    """They are understood; those that only show something are run."""
    from typer.main import get_command

    from lockstep.cli import app

    words = command.split()[1:]
    for word in words:
        if word.startswith("traces/gallery/"):
            assert (GALLERY / word.removeprefix("traces/gallery/")).exists()
    if words[0] == "table":
        assert inside(*words).returncode == 0
    else:
        top = get_command(app)
        named_ = top.commands[words[0]]  # type: ignore[attr-defined]
        named_.make_context(words[0], [str(GALLERY.parents[1] / one) if one.startswith("traces/") else one for one in words[1:]])


@pytest.mark.parametrize("name", PATHS)
def test_its_conditions_name_rows_that_there_are(name: str) -> None:
    task = PATHS[name]
    for expr in (task.situation, task.without, *(clue.when for clue in task.clues)):
        for node in walk(expr):
            if isinstance(node, Fired):
                assert set(node.rows) <= {row.name for row in TABLES[node.table].rows}, node.rows


# -- each task can be done -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PATHS)
def test_it_can_be_done_and_is_not_done_yet_and_no_word_is_dead(name: str) -> None:
    task = PATHS[name]
    given = opening(task)
    first = outcomes(task, given)[-1].after if given else task.system.initial[0]
    nothing = Outcome(first, first, (), ())
    assert true_at(task.system, task.query, nothing) is None and standing(task, given).solved is None
    clues = [Query(f"clue {number}", clue.when, ENDS) for number, clue in enumerate(task.clues)]
    strays = [] if isinstance(task.without, Const) else [Query("strays", task.without, ENDS)]
    result = search(task.system.starting([first]), [task.query, *clues, *strays], memory_gib=1.0)
    assert result.complete and result.counts.distinct <= MOST_STATES
    hit = result.hits[task.query.name]
    assert hit is not None and hit.length == SHORTEST[name]
    assert [query for query, one in result.hits.items() if one is None] == []
    whole = standing(task, [*given, *hit.stimuli])
    assert whole.solved == len(given) + hit.length and whole.strayed is None
    assert standing(task, [*given, *hit.stimuli[:-1]]).solved is None
    assert bool(strays) == bool(task.rule)
    for number, clue in enumerate(task.clues):
        way = result.hits[f"clue {number}"]
        assert way is not None and "{" not in clue.says.format(end="A")
        if way.length:
            said = standing(task, [*given, *way.stimuli])
            assert said.solved is not None or clue.says.format(end=way.scope) in said.clues


def test_a_task_that_is_done_at_its_start_would_be_noticed() -> None:
    task = PATHS["failures/reset-heard"]
    wrong = replace(task, situation=~task.situation)
    assert true_at(wrong.system, wrong.query, Outcome(*2 * wrong.system.initial, (), ())) is not None


def test_a_word_that_can_never_be_said_would_be_noticed() -> None:
    task = PATHS["closing/last-ack-lost"]
    dead = Query("dead", Fired("segments", "segment lost"), ENDS)  # it fires on the wire, not at an end
    assert search(task.system, [dead]).hits["dead"] is None


def shortest(task: Task, most: int) -> int | None:
    """The fewest steps to the situation, by the interpreter alone, step after step: the table's definition, not the search's."""
    layer, seen = [task.system.initial[0]], set(task.system.initial)
    for length in range(1, most + 1):
        fresh = []
        for state in layer:
            for _, outcome in allowed(task.system, state):
                if any(evaluate(task.query.when, StepView(task.system, end, outcome)) for end in task.ends):
                    return length
                if outcome.after not in seen:
                    seen.add(outcome.after)
                    fresh.append(outcome.after)
        layer = fresh
    return None


@pytest.mark.parametrize("name", ["failures/reset-heard", "protection/rule-without-sa", "deletion/somebody-elses-sa", "attacker/listener"])
def test_the_interpreter_finds_none_shorter(name: str) -> None:
    assert shortest(PATHS[name], SHORTEST[name]) == SHORTEST[name]


# -- wrong turns -----------------------------------------------------------------------------------------------------------------------


def test_a_way_that_does_what_was_to_be_left_out_does_not_count() -> None:
    task = PATHS["opening/established-in-order"]
    path = taken(task, "A bgp: ManualStart",
                       "B bgp: ManualStart_with", "A>B datagrams: datagram arrives (QM1", "B>A datagrams: datagram arrives (QM2",
                 "A>B segments: segment arrives (ESP g1 SYN)")
    assert standing(task, path[:-1]).strayed is None
    found = standing(task, path)
    assert found.strayed == 5 and found.solved is None
    assert Ways(task).after(path).lost == 5


def test_the_step_that_shut_the_door() -> None:
    task = PATHS["failures/reset-heard"]
    ways = Ways(task)
    path = taken(task, "A tcp: ABORT", "A>B datagrams: datagram arrives (DEL g0)", "B bgp: ManualStop")
    assert [ways.after(path[:count]).lost for count in range(4)] == [None, None, 2, 2]
    ahead = ways.after(path[:1])
    assert ahead.stimuli is not None and standing(task, [*path[:1], *ahead.stimuli]).solved == 2
    # By the interpreter: whatever happens after these steps, the situation never comes.
    state = outcomes(task, path[:2])[-1].after
    seen, todo = {state}, [state]
    while todo:
        for _, outcome in allowed(task.system, todo.pop()):
            assert true_at(task.system, task.query, outcome) is None
            if outcome.after not in seen:
                seen.add(outcome.after)
                todo.append(outcome.after)
    assert len(seen) > 10


def test_a_word_to_who_is_near() -> None:
    task = PATHS["protection/no-rule"]
    path = taken(task, "A bgp: ManualStop", "B bgp: ManualStop", "A>B datagrams: datagram arrives (DEL g0)")
    assert standing(task, path[:2]).clues == ()
    assert standing(task, path).clues == ("B's rule is gone, and its TCP has a FIN that nobody has acknowledged.",)


def test_what_is_not_known_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "SECONDS", 0.0)  # less than any search takes
    task = PATHS["rekey/make-before-break"]
    found = Ways(task).after(taken(task, "A ipsec: hard", "B ipsec: hard"))
    assert found.stimuli is None and found.lost is None and found.why == "time limit"


# -- repair ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPAIRS)
def test_as_drafted_it_breaks(name: str) -> None:
    task = REPAIRS[name]
    found = mend(task, {})
    assert not found.solved and found.changed == 0 and set(found.verdicts) == set(task.claims) <= set(CLAIMS)
    assert {claim for claim, (verdict, _) in found.verdicts.items() if verdict == VIOLATED} == set(found.traces)
    assert set(task.claims) <= set(PRESETS["repaired"].promises)
    if name == "repair/whole":  # as its lesson says
        assert sum(trace.length <= 4 for trace in found.traces.values()) == 6


@pytest.mark.parametrize(("name", "chosen", "solved"), [
    ("one-sentence", {"after_del": "discard"}, True), ("one-sentence", {"peer_del": "defer"}, True),
    ("one-sentence", {"listener_rule": "protect"}, True), ("one-sentence", {"confirm": "never"}, True),
    ("one-sentence", {"p1_delete": "always"}, True), ("one-sentence", {"del_trigger": "tcp_closed"}, False),
    ("one-sentence", {"on_failure": "keep"}, False),
    ("one-end", {"A:del_trigger": "tcp_closed", "A:confirm": "never", "A:expiry": "abort"}, True),
    ("one-end", {"A:del_trigger": "tcp_closed", "A:confirm": "never"}, False), ("whole", WHOLE, True),
    *(("whole", {key: value for key, value in WHOLE.items() if key != left}, False) for left in WHOLE)])
def test_readings_that_mend_and_readings_that_do_not(name: str, chosen: Mapping[str, str], solved: bool) -> None:
    found = mend(REPAIRS[f"repair/{name}"], chosen)
    assert found.solved == solved == all(verdict == HOLDS for verdict, _ in found.verdicts.values()) and found.changed == len(chosen)


def test_what_was_not_searched_to_the_end_is_not_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "LIMITS", replace(mending.LIMITS, timeout=1e-9))
    found = mend(REPAIRS["repair/one-sentence"], {"after_del": "discard"})
    assert not found.solved and {verdict for verdict, _ in found.verdicts.values()} == {"undecided"}


@pytest.mark.parametrize(("chosen", "said"), [
    ({"after_del": "acquire"}, "after_del=acquire"), ({"gr": "helper"}, "offers only"),
    ({"after_del": "discard", "confirm": "never"}, "the task allows 1")])
def test_readings_that_are_not_offered(chosen: Mapping[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        mend(REPAIRS["repair/one-sentence"], chosen)


# -- what the server says --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    pytest.importorskip("starlette", reason="the extra web is not installed: no page is served")
    from lockstep.lessons.panel import panel

    server = Served(**panel())
    yield server
    server.stop()


def test_it_begins_where_the_task_does_and_judges_the_way(served: Served) -> None:
    body = {"task": "closing/clock-too-short"}
    start = served.json("/lesson/begin", body)
    assert start["given"] == 3
    found = served.json("/lesson/standing", body | {"query": start["query"]})
    assert found["solved"] is None and not found["elsewhere"]
    query = start["query"]
    for left in range(SHORTEST["closing/clock-too-short"], 0, -1):
        ahead = served.json("/lesson/way", body | {"query": query})
        assert ahead["steps"] == left and ahead["lost"] is None
        query = re.sub(r"(path=[\d.]+)", rf"\1.{ahead['next']['index']}", query)
    assert served.json("/lesson/standing", body | {"query": query})["solved"] == 3 + SHORTEST["closing/clock-too-short"]


def test_a_task_begins_at_the_link_that_says_so() -> None:
    for name, task in TASKS.items():
        assert asked_in(beginning(task).query) == beginning(task), name
        if isinstance(task, Task):
            found = where({"task": name, "query": beginning(task).query})
            assert not found["elsewhere"] and found["solved"] is None, name
        preset = PRESETS[task.setting.preset]
        assert all(preset.value(key.rpartition(":")[2]) != value for key, value in task.setting.overrides.items()), name


def test_another_set_up_is_not_the_task(served: Served) -> None:
    body = {"task": "failures/reset-heard"}
    for query in ("slice=teardown", "slice=teardown&start=1&preset=repaired", "slice=teardown&start=1"):  # the last: losses are allowed
        assert served.json("/lesson/standing", body | {"query": query}) == {"elsewhere": True}
        assert served.ask("/lesson/way", body | {"query": query})[0] == 400


HEARD = {"task": "failures/reset-heard"}
ITS_START = "slice=teardown&bound=losses%3D0&bound=copies%3D0&bound=attacks%3D0&start=1"


@pytest.mark.parametrize(("what", "body", "said"), [
    ("begin",
     {}, "there is no such task"), ("begin", {"task": "opening/none"}, "there is no such task"), ("begin", [1], "not a JSON object"),
    ("standing", HEARD, "a text is needed"), ("standing", {"task": "repair/whole", "query": ""}, "asks for readings"),
    ("standing", HEARD | {"query": f"{ITS_START}&path=999"}, "has no stimulus 999"),
    ("way", HEARD | {"query": "slice=x"}, "there is no such slice"), ("mend", HEARD | {"readings": {}}, "asks for a path"),
    ("mend", {"task": "repair/whole"}, "an object of texts"), ("mend", {"task": "repair/whole", "readings": {"expiry": 1}}, "an object of"),
    ("mend", {"task": "repair/whole", "readings": {"after_del": "acquire"}}, "the task offers")])
def test_bad_requests_get_one_line(served: Served, what: str, body: Any, said: str) -> None:
    status, text = served.ask(f"/lesson/{what}", body)
    assert status == 400 and said in json.loads(text)["error"] and "\n" not in json.loads(text)["error"]


def test_strangers_are_refused(served: Served) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        for what in ("begin", "standing", "way", "mend"):
            assert served.ask(f"/lesson/{what}", {"task": "repair/whole"}, **headers)[0] == 403


@pytest.mark.parametrize(("words", "said"), [(("nonsense",), "there is no such lesson; there are opening, protection"),
                                             (("rekey", "--port", "99999"), "give a number from 0 to 65535")])
def test_bad_words_on_the_command_line(words: tuple[str, ...], said: str, inside: Callable[..., Any]) -> None:
    pytest.importorskip("uvicorn", reason="the extra web is not installed")
    ended = inside("learn", *words)
    assert ended.returncode == 2 and said in ended.stderr and ended.stderr.count("\n") == 1


def test_the_help_names_the_lessons(inside: Callable[..., Any]) -> None:
    said = " ".join(inside("learn", "-h").stdout.split())
    assert ", ".join([*LESSONS][:-1]) + f" or {[*LESSONS][-1]}" in said


def test_without_the_extra_it_says_what_to_install(inside: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ended = inside("learn")
    assert ended.returncode == 2 and 'pip install "lockstep-verifier[web]"' in ended.stderr


# -- in a browser ----------------------------------------------------------------------------------------------------------------------


class Learner(Reader):
    """A reader of the lessons, in a fresh browser profile."""

    def begun(self, title: str) -> None:
        """Wait until a task of this title stands at its start."""
        said = json.dumps(f"“{title}” begins")
        self.until(f"document.querySelector('#says').textContent.includes({said}) && document.querySelector('#task-title').textContent === "
                   f"{json.dumps(title)}")

    def choose(self, lesson: str) -> None:
        """Choose a lesson; its first task begins."""
        self.page.select_option("#lesson", lesson)
        self.begun(LESSONS[lesson].tasks[0].title)

    def says(self, text: str) -> None:
        """Wait until the panel says this of the state shown."""
        self.until(f"document.querySelector('#standing').textContent.includes({json.dumps(text)})")

    def press(self, text: str, *, key: str = "Tab") -> None:
        """Find what says `text` (of a step: what happens) with this key alone, and press it."""
        words = """() => { const one = document.activeElement;
            return ["A", "BUTTON"].includes(one.tagName) ? (one.querySelector(".what") ?? one).innerText : ""; }"""
        for _ in range(200):
            if text == self.page.evaluate(words):
                self.page.keyboard.press("Enter")
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{text!r} can't be reached by {key}")

    def step(self, text: str) -> None:
        """Take a step, by keyboard."""
        before = self.page.evaluate("lockstep.step")
        self.listed()
        self.press(text)
        self.until(f"lockstep.step === {before + 1}")

    def kept(self) -> Any:
        return self.page.evaluate("localStorage.getItem('lockstep-learn') && JSON.parse(localStorage.getItem('lockstep-learn'))")


@contextmanager
def learning(browser: Any, served: Served, **look: Any) -> Iterator[Learner]:
    learner = Learner(browser, served, "", **look)
    try:
        learner.begun(COURSE[0].tasks[0].title)
        yield learner
    finally:
        learner.context.close()


WAYS_OF_DELETION = (("A bgp: ManualStop",), ("A bgp: ManualStop", "A to B: DEL-P1 arrives"),
                    ("A bgp: ManualStop", "B ipsec: hard lifetime (gen=g0)", "B to A: DEL g0 arrives"),
                    ("A bgp: ManualStop", "A to B: ESP g0 FIN(NOTIFICATION) arrives", "B to A: ESP g0 FIN acks-FIN arrives",
                     "A to B: ESP g0 ACK acks-FIN arrives", "B to A: ESP g0 ACK acks-FIN arrives", "A tcp: 2MSL", "A to B: DEL g0 lost"))


def test_a_lesson_is_finished_by_keyboard_alone(browser: Any, served: Served) -> None:
    with learning(browser, served) as learner:
        page = learner.page
        assert learner.kept() == {"at": "opening/one-end-knows", "done": []}
        page.focus("#lesson")
        page.keyboard.press("4")
        for number, (task, way) in enumerate(zip(LESSONS["deletion"].tasks, WAYS_OF_DELETION, strict=True)):
            learner.begun(task.title)
            assert page.locator("#solved").is_hidden()
            learner.press("Skip to the step")
            for text in way:
                assert page.locator("#standing.done").count() == 0
                learner.step(text)
            page.wait_for_selector("#standing.done")
            assert page.inner_text("#shows") == task.shows
            learner.press("Task: ✓ done", key="Shift+Tab")  # from the list of steps up to the buttons; leads into the panel
            if number < len(WAYS_OF_DELETION) - 1:
                learner.press("Next task")
        assert learner.kept()["done"] == [f"deletion/{task.name}" for task in LESSONS["deletion"].tasks]
        page.goto(served.url)
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#lesson option:checked").inner_text() == "4. Who deletes what, 4/4"
        assert learner.context.cookies() == [] and learner.wrong == []
        with learning(browser, served) as other:  # nobody else knows of it
            assert other.page.locator("#lesson option").all_inner_texts()[3].endswith("0/4")


def test_a_wrong_turn_is_told_and_a_way_back_offered(browser: Any, served: Served) -> None:
    with learning(browser, served) as learner:
        page = learner.page
        learner.choose("failures")
        learner.take("A tcp: ABORT")
        learner.take("DEL g0 arrives")
        learner.says("Step 2 shut the door: A to B: DEL g0 arrives")
        assert "B has lost its SA first" in page.inner_text("#standing") and "wrong turn" in page.inner_text("#to-task")
        assert page.locator("#passages").get_attribute("open") is None  # who acts has read
        page.locator("#standing button").click()
        learner.until("lockstep.step === 1 && !document.querySelector('#standing.wrong')")
        page.click("#far")
        learner.says("1 step at least")
        page.click("#take")
        page.wait_for_selector("#standing.done")
        page.click("#hint")
        assert page.locator("#hints li").all_inner_texts() == [LESSONS["failures"].tasks[0].hints[0]]
        page.click("#on")
        learner.begun(LESSONS["failures"].tasks[1].title)
        page.evaluate("explore.go({ query: 'slice=teardown&preset=repaired' })")
        learner.says("another set-up")
        page.locator("#standing button").click()
        learner.begun(LESSONS["failures"].tasks[1].title)
        page.click("#forget")
        assert learner.kept() is None and learner.wrong == []


def test_the_draft_is_repaired(browser: Any, served: Served) -> None:
    with learning(browser, served) as learner:
        page = learner.page
        learner.choose("repair")
        page.locator("#tasks button", has_text="All of it").click()
        learner.begun("All of it")
        for key, value in WHOLE.items():
            if key != "expiry":
                page.select_option(f"[data-offered={key}]", value)
        page.click("#search")
        learner.says("Not yet")
        verdicts = {one.get_attribute("data-claim"): one.locator("b").inner_text() for one in page.locator("#verdicts li").all()}
        assert verdicts["sa-outlives-need"] == VIOLATED and verdicts["no-plaintext-out"] == HOLDS
        page.locator("[data-claim=sa-outlives-need] button").click()
        learner.until("document.querySelector('#says').textContent.includes('sa-outlives-need')")
        page.keyboard.press("End")
        learner.until("document.querySelector('#broken').textContent.includes('sa-outlives-need')")
        page.select_option("[data-offered=expiry]", WHOLE["expiry"])
        page.select_option("[data-offered=after_del]", "discard")
        page.click("#search")
        learner.says("the task allows 5")
        page.select_option("[data-offered=after_del]", "bypass")
        page.click("#search")
        page.wait_for_selector("#standing.done")
        assert set(page.locator("#verdicts b").all_inner_texts()) == {HOLDS} and learner.kept()["done"] == ["repair/whole"]
        assert [one for one in learner.wrong if "400" not in one] == []  # the browser's own word for what was refused


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 400)])
def test_it_can_be_read_and_fits(browser: Any, served: Served, scheme: str, width: int) -> None:
    with learning(browser, served, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce") as learner:
        page = learner.page
        for lesson in ("failures", "repair"):
            learner.choose(lesson)
            if lesson == "failures":
                learner.take("A tcp: ABORT")
                learner.take("DEL g0 arrives")
                page.wait_for_selector("#standing.wrong")
            else:
                page.click("#search")
                page.wait_for_selector("#verdicts li")
            page.evaluate("document.getAnimations().forEach((one) => one.finish())")
            seen, low = page.evaluate(CONTRAST)
            assert seen > 100 and low == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.focus("#begin")
        page.keyboard.press("Tab")
        name, style, wide = page.evaluate(FOCUS)
        assert name == "hint" and style != "none" and wide >= 2
