"""The page that steps: opened from disk in a real browser without a network, and compared with the interpreter state by state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import lockstep
from lockstep import chances
from lockstep.choice import readings
from lockstep.page.build import html
from lockstep.page.data import page_data
from lockstep.page.drawing import HIGH, drawing
from model.expr import evaluate
from model.slices import TABLES, build, places_of
from model.system import ENDS
from model.trace import Trace
from properties.registry import CLAIMS, claims_of
from properties.requirements import cited_in
from tests.browser import CONTRAST, FOCUS, LONGEST_MOTION
from tests.runs import GALLERY
from traces.names import coded, named
from traces.replay import Run, model_digest, replay
from verify.lifecycle.graphs import table_graph
from verify.step import StepView, step, successors

RUNS = ("F-01-plaintext", "F-23-order", "L-21-both-lost", "F-32-unprotected")
MOST = 300_000  # octets of a page of 30 steps
# As facts.json has it, of a run of four steps; here only the shape counts, not whether it is true.
CHANCES = {"A": {"lost": [True] * 4, "last": None, "undecided": None, "adopted": None},
           "B": {"lost": [False, False, False, True], "last": 2, "undecided": None, "adopted": {"changes": {"B:listener_rule": "protect"}}}}


@cache
def run_of(name: str) -> Run:
    return lockstep.replay(GALLERY / f"{name}.json")


@cache
def long_run(steps: int = 30) -> Run:
    """A run that claims nothing: at each state the stimulus that comes last among those that lead to a new one, or the last of all."""
    chosen, bounds = readings("draft", {}), {"losses": 1, "copies": 1, "attacks": 0, "segments": 2, "datagrams": 2}
    system = build("opening", chosen, bounds=bounds)
    state, seen, taken = system.initial[0], {system.initial[0]}, []
    for _ in range(steps):
        ways = list(successors(system, state))
        fresh = [way for way in ways if way[1].after not in seen] or ways
        stimulus, outcome = fresh[len(seen) % len(fresh)]
        taken.append(named(system, stimulus, outcome))
        state = outcome.after
        seen.add(state)
    return replay(Trace(model_digest("opening", chosen, bounds), "opening", "draft", chosen, bounds, "test", None, "", "", 0, tuple(taken)))


# -- without a browser -----------------------------------------------------------------------------------------------------------------


def states(run: Run) -> list[tuple[int, ...]]:
    return [run.initial, *(outcome.after for outcome in run.outcomes)]


@pytest.mark.parametrize("name", RUNS)
def test_changes_add_up_to_the_interpreters_states(name: str) -> None:
    run = run_of(name)
    document = page_data(run)
    values = list(document["first"]["values"])
    for at, state in enumerate(states(run)):
        for number, value in document["steps"][at - 1]["changes"] if at else ():
            values[number] = value
        described = run.system.describe(state)
        assert dict(zip(document["variables"], values, strict=True)) == {key: described[key] for key in document["variables"]}
    assert set(run.system.describe(run.initial)) - set(document["variables"]) == {
        str(slot) for slot in run.system.slots if slot.var.table == "reading"}


@pytest.mark.parametrize("name", RUNS)
def test_moves_lead_from_state_to_state(name: str) -> None:
    document, run = page_data(run_of(name)), run_of(name)
    now = {tuple(one): run.system.describe(run.initial)[f"{one[0]}.{one[1]}.state"] for one in document["machines"]}
    for one, outcome in zip(document["steps"], run.outcomes, strict=True):
        for at, before, *passed in one["moves"]:
            assert now[document["machines"][at]] == before
            now[document["machines"][at]] = passed[-1]
        assert now == {key: run.system.describe(outcome.after)[f"{key[0]}.{key[1]}.state"] for key in now}


@pytest.mark.parametrize("name", [*RUNS, "F-03-keep"])
def test_claims_break_where_each_breaks_alone(name: str) -> None:
    """Every claim asked by itself, in a system that remembers for no other."""
    run = run_of(name)
    found = {one["name"]: one["broken"] for one in page_data(run)["claims"]}
    for claim in claims_of(run.trace.slice):
        system = build(run.trace.slice, run.trace.readings, bounds=run.trace.bounds, monitors=claim.monitors)
        state, broken = system.initial[run.trace.start], None
        for number, one in enumerate(run.trace.steps, 1):
            outcome = step(system, state, coded(system, number, one))
            broken = broken or next(({"step": number, "end": end} for end in places_of(run.trace.slice)
                                     if evaluate(claim.violated, StepView(system, end, outcome))), None)
            state = outcome.after
        assert found[claim.name] == broken, claim.name
    assert found[run.trace.property]


def test_of_an_endless_run_its_own_property_breaks_at_the_end(tmp_path: Path) -> None:
    report = lockstep.verify("teardown", preset="draft", properties=["close-ends"], out=tmp_path, workers=1)
    endless = lockstep.replay(str(report.of("close-ends").trace))
    document = page_data(endless)
    own = next(one for one in document["claims"] if one["name"] == endless.trace.property)
    assert own["endless"] and own["name"] not in CLAIMS and own["broken"] == {"step": endless.trace.length, "end": endless.trace.end}
    assert document["loop"]["from"] == endless.trace.loop


def test_rows_cite_the_sentences_of_the_draft() -> None:
    document = page_data(run_of("F-01-plaintext"))
    row = next(one for one in document["rows"] if one["row"] == "b12 session gone: delete")
    said = [document["sentences"][name] for name in row["sentences"]]
    assert row["source"].startswith("draft 3.4 l.552-556")
    assert [one["source"] for one in said if one["keyword"] == "SHOULD"] == ["draft 3.4 l.552-555", "draft 3.4 l.555-556"]


@pytest.mark.parametrize(("source", "sections"), [
    ("RFC 9293 3.10.8, 3.8.1", []), ("silent: RFC 2408 3.15", []), ("draft 3.3 l.509-516, 3.4 l.552-556", ["3.3", "3.4"]),
    ("draft 3.3 l.513-516; RFC 2408 5.15; 3.4 l.538-541", ["3.3", "3.4"]), ("draft 3.1 l.387-391, l.399-404", ["3.1"]),
    ("draft 3.4 l.9999", [])])
def test_where_a_source_cites_the_draft(source: str, sections: list[str]) -> None:
    assert list(dict.fromkeys(one.section for one in cited_in(source))) == sections


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.state.sort.size > 1])
def test_a_table_is_drawn_whole_and_nothing_covers_anything(name: str) -> None:
    picture, graph = drawing(TABLES[name]), table_graph(TABLES[name])
    assert {node[0] for node in picture["nodes"]} == set(graph)
    assert sorted((one[0], one[1]) for one in picture["arrows"]) == sorted(graph.edges)
    for at, (_, x, y, width) in enumerate(picture["nodes"]):
        assert x >= width / 2 and x + width / 2 <= picture["size"][0] and HIGH / 2 <= y <= picture["size"][1] - HIGH / 2
        for _, other, level, wide in picture["nodes"][:at]:
            assert level != y or abs(x - other) >= (width + wide) / 2
    assert drawing.__wrapped__(TABLES[name]) == picture


def test_facts_of_another_run_are_not_shown() -> None:
    trace = run_of("F-01-plaintext").trace
    assert chances.kept_for(replace(trace, digest="0")) is None
    assert chances.kept_for(replace(trace, finding="")) is None


def test_facts_of_this_run_are_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = run_of("F-01-plaintext")
    kept = tmp_path / "facts.json"
    monkeypatch.setattr(chances, "FACTS", kept)
    of = chances.fingerprint(chances.FINDINGS[run.trace.finding], run.trace)
    kept.write_text(json.dumps({run.trace.finding: {"of": of, "ends": CHANCES}}), encoding="utf-8")
    assert chances.kept_for(run.trace) == CHANCES
    assert [one["last"] for one in page_data(run, CHANCES)["chances"]] == [None, 2]


def test_what_a_run_says_cannot_end_the_script() -> None:
    document = page_data(run_of("F-01-plaintext")) | {"title": "</script><b>&\u2028"}
    page = html(document)
    assert page.count("</script>") == 2 and "<b>&" not in page
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert json.loads(data) == json.loads(json.dumps(document))


def test_a_page_of_thirty_steps_is_small() -> None:
    run = long_run()
    assert run.trace.length == 30
    assert len(html(page_data(run, CHANCES)).encode()) <= MOST


# -- in a browser ----------------------------------------------------------------------------------------------------------------------


class Opened:
    """A page opened from disk with the network off; `wrong`: what it complained of, or asked for, so far."""

    def __init__(self, browser: Any, path: Path, **look: Any) -> None:
        self.context = browser.new_context(offline=True, **look)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda asked: asked.url.partition("#")[0] != path.as_uri() and self.wrong.append(f"asks for {asked.url}"))
        self.page.goto(path.as_uri())

    def shown(self) -> dict[str, Any]:
        """What the page says of its state."""
        return self.page.evaluate("""() => ({
            step: Number(document.body.dataset.step),
            lit: Object.fromEntries([...document.querySelectorAll("figure")].map((one) => [one.dataset.machine,
                [...one.querySelectorAll(".node.lit")].map((node) => node.dataset.state).join(" and ")])),
            variables: Object.fromEntries([...document.querySelectorAll("[data-variable]")].map((one) =>
                [one.dataset.variable, one.children[1].textContent])),
            broken: [...document.querySelectorAll("[data-now=broken]")].map((one) => one.dataset.claim).sort(),
            flight: document.querySelectorAll("#flight .chip").length,
        })""")


def expected(run: Run, number: int) -> dict[str, Any]:
    """What it has to say, by the interpreter."""
    state = states(run)[number]
    described = run.system.describe(state)
    readings_ = {str(slot) for slot in run.system.slots if slot.var.table == "reading"}
    drawn = [one for one in run.system.instances if one.table.place in ("endpoint", "end") and one.table.state.sort.size > 1]
    wire = [code for slot, code in zip(run.system.slots, state, strict=True) if ">" in slot.scope and slot.sort is None and code]
    return {"step": number, "lit": {f"{one.scope}.{one.table.name}": described[f"{one.scope}.{one.table.name}.state"] for one in drawn},
            "variables": {key: value for key, value in described.items() if key not in readings_}, "flight": len(wire)}


def differs(opened: Opened, run: Run, number: int) -> list[str]:
    shown = opened.shown()
    return [key for key, value in expected(run, number).items() if shown[key] != value]


@pytest.fixture(params=RUNS)
def stepped(request: pytest.FixtureRequest, browser: Any, tmp_path: Path) -> Iterator[tuple[Opened, Run]]:
    run = run_of(request.param)
    (tmp_path / "run.html").write_text(html(page_data(run)), encoding="utf-8")
    opened = Opened(browser, tmp_path / "run.html")
    yield opened, run
    opened.context.close()


def test_every_state_by_keyboard_and_by_mouse(stepped: tuple[Opened, Run]) -> None:
    opened, run = stepped
    last = run.trace.length
    for number in range(last + 1):
        assert differs(opened, run, number) == []
        opened.page.keyboard.press("ArrowRight")
    assert differs(opened, run, last) == [] and run.trace.property in opened.shown()["broken"]
    for number in range(last, -1, -1):
        assert differs(opened, run, number) == []
        if number:
            opened.page.click("#back")
    opened.page.click("#back", force=True)  # there is nothing further back, and it says so
    assert opened.shown()["step"] == 0 and opened.shown()["broken"] == []
    opened.page.keyboard.press("End")
    assert differs(opened, run, last) == []
    opened.page.click("#timeline li:nth-child(2) button")
    assert differs(opened, run, 1) == []
    opened.page.keyboard.press("Home")
    assert differs(opened, run, 0) == []
    assert opened.wrong == []


def test_a_wrong_document_would_be_noticed(browser: Any, tmp_path: Path) -> None:
    run = run_of("F-01-plaintext")
    document = page_data(run)
    at = document["variables"].index("A.tcp.state")
    document["steps"][0]["changes"] = [[one, "CLOSED"] if one == at else [one, value] for one, value in document["steps"][0]["changes"]]
    (tmp_path / "run.html").write_text(html(document), encoding="utf-8")
    opened = Opened(browser, tmp_path / "run.html")
    opened.page.keyboard.press("ArrowRight")
    assert differs(opened, run, 1) == ["lit", "variables"]
    opened.context.close()


def test_a_page_that_asks_for_something_would_be_noticed(browser: Any, tmp_path: Path) -> None:
    page = html(page_data(run_of("F-01-plaintext"))).replace("<footer", '<img src="http://example.invalid/x.png" alt=""><footer', 1)
    (tmp_path / "run.html").write_text(page, encoding="utf-8")
    opened = Opened(browser, tmp_path / "run.html")
    assert opened.wrong
    opened.context.close()


@pytest.fixture
def with_chances(tmp_path: Path) -> Path:
    (tmp_path / "run.html").write_text(html(page_data(run_of("F-01-plaintext"), CHANCES)), encoding="utf-8")
    return tmp_path / "run.html"


def test_the_point_of_no_return_is_marked(browser: Any, with_chances: Path) -> None:
    opened = Opened(browser, with_chances)
    said = []
    for _ in range(5):
        said.append(opened.page.inner_text("#chances"))
        opened.page.keyboard.press("ArrowRight")
    assert "B can still rule the breach out" in said[2] and "Point of no return" not in "".join(said[:3])
    assert "B's last chance was before this step" in said[3] and "B:listener_rule=protect" in said[3] and "Point of no return" in said[3]
    assert "A never had a chance" in said[0]
    assert opened.page.locator("#timeline .turns").inner_text().startswith("3")
    opened.context.close()


def test_by_keyboard_alone_with_the_focus_in_sight(browser: Any, with_chances: Path) -> None:
    opened = Opened(browser, with_chances)
    passed = []
    for _ in range(40):
        opened.page.keyboard.press("Tab")
        passed.append(opened.page.evaluate(FOCUS))
        if passed[-1][0] == "next" and opened.shown()["step"] == 0:
            opened.page.keyboard.press("Enter")
    reached = [name for name, *_ in passed]
    assert {"first", "back", "next", "last", "formal"} <= set(reached) and "SUMMARY" in reached
    assert all(style != "none" and width >= 2 for name, style, width in passed if name != "BODY")
    assert opened.shown()["step"] == 1
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_can_be_read_and_fits(browser: Any, with_chances: Path, scheme: str, width: int) -> None:
    opened = Opened(browser, with_chances, color_scheme=scheme, viewport={"width": width, "height": 800})
    for number in range(5):
        opened.page.evaluate("document.getAnimations().forEach((one) => one.finish())")  # colours as they come to rest
        seen, low = opened.page.evaluate(CONTRAST)
        assert seen > 200 and low == [], number
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        opened.page.keyboard.press("ArrowRight")
    assert opened.wrong == []
    pale = {"light": "#9a9a9a", "dark": "#5a5a5a"}[scheme]
    opened.page.evaluate(f"document.documentElement.style.setProperty('--soft', '{pale}')")
    assert opened.page.evaluate(CONTRAST)[1]  # the measure would notice
    opened.context.close()


def test_nothing_is_said_by_colour_alone(browser: Any, with_chances: Path) -> None:
    opened = Opened(browser, with_chances)
    page = opened.page
    page.keyboard.press("ArrowRight")
    look = "(one) => { const style = getComputedStyle(one); return [style.strokeDasharray, style.fontWeight]; }"
    assert page.locator("#arrows .esp .core").count() == 1 and page.locator("#arrows .ike .core").count() == 0
    assert page.locator("#arrows .ike .shaft").evaluate(look)[0] != "none"
    machine = "#end-A [data-machine='A.tcp'] .node"
    plain, lit = (page.locator(f"{machine}{kind} text").first.evaluate(look)[1] for kind in (":not(.lit)", ".lit"))
    assert int(lit) > int(plain)
    page.keyboard.press("End")
    assert page.locator("#arrows .plain .core").count() == 0 and "PLAIN" in (page.text_content("#arrows") or "")
    assert page.locator("#arrows .plain .shaft").evaluate(look)[0] not in ("none", "1.5px, 4px")
    for claim in page.locator("[data-now=broken]").all():
        assert claim.locator(".sign").inner_text() == "✕" and "in step" in claim.inner_text()
    assert "✕" in page.inner_text("#timeline li:last-child")
    opened.context.close()


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_reduced_motion(browser: Any, with_chances: Path, wish: str, moves: bool) -> None:
    opened = Opened(browser, with_chances, reduced_motion=wish)
    longest = opened.page.evaluate(LONGEST_MOTION)
    assert (longest > 0) == moves
    opened.context.close()


def test_both_ends_have_their_own_machines() -> None:
    for name in RUNS:
        document = page_data(run_of(name))
        for end in ENDS:
            assert {"tcp", "bgp", "binding", "spd"} <= {table for place, table in document["machines"] if place[0] == end}
