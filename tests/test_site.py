"""The site builds without a warning, asks nobody for anything, and leads nowhere wrong; the poster is the model's, its course the
RFCs'."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from docs import poster, site
from docs.lifecycle import SCENARIO, STAGES, Course, courses
from docs.pages import ROOT
from docs.poster_margins import spread
from docs.poster_sheet import PATTERNS, STYLE
from docs.strikes import likeness, point, strikes
from lockstep.choice import readings
from model.system import ENDS
from properties.findings import FINDINGS
from properties.registry import without_attacker
from sim.campaign import Campaign
from sim.scenario import load

# MyST calls what Sphinx 9 gives another name to.
pytestmark = pytest.mark.filterwarnings("ignore:'myst_parser")

# -- the course ----------------------------------------------------------------------------------------------------------------------------


def states(course: Course, end: str, lane: str) -> list[str]:
    """What a lane shows, one after the other, with the states passed within a step."""
    found = sorted((one for one in course.spans if (one.end, one.lane) == (end, lane)), key=lambda one: one.first)
    return [state for one in found for state in (*one.passed, one.text)]


def test_tcp_goes_the_way_of_rfc_9293() -> None:
    """Figures 6 and 12: three-way handshake and normal close; TIME-WAIT lasts 2 MSL of 2 minutes."""
    whole, _ = courses()
    assert states(whole, "A", "TCP") == ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"]
    assert states(whole, "B", "TCP") == ["CLOSED", "LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    (waits,) = [one for one in whole.spans if one.text == "TIME-WAIT"]
    assert whole.moments[waits.until].time - whole.moments[waits.first].time == pytest.approx(240)


def test_bgp_goes_the_way_of_rfc_4271() -> None:
    whole, as_read = courses()
    assert states(whole, "A", "BGP") == ["Idle", "Connect", "OpenSent", "OpenConfirm", "Established", "Idle"]
    assert states(whole, "B", "BGP") == ["Idle", "Active", "OpenSent", "OpenConfirm", "Established", "Idle"]
    assert states(as_read, "A", "BGP") == states(as_read, "B", "BGP") == ["Established", "Idle"]


def test_messages_go_the_way_of_rfc_2409() -> None:
    """Main mode has six messages, Quick Mode three, in turn; the SYN is the first segment and leaves when Quick Mode has its keys."""
    whole, _ = courses()
    names = [(one.text.partition(" +")[0], one.right) for one in sorted(whole.messages, key=lambda one: (one.sent, one.line != "."))]
    main = [(f"MM{number}", number % 2 == 1) for number in range(1, 7)]
    assert names[:10] == [*main, ("QM1 g1", True), ("QM2 g1", False), ("QM3 g1", True), ("ESP g1 SYN", True)]
    assert [name for name, _ in names if name.startswith("QM")][3:] == ["QM1 g2", "QM2 g2", "QM3 g2"]
    assert not any(name.startswith("PLAIN") for name, _ in names)
    assert all(one.sent < one.arrived for course in courses() for one in course.messages)


def test_sas_outlive_time_wait_there_and_not_as_first_read() -> None:
    """3.3 l.525-532, against what 3.4 does (F-01)."""
    whole, as_read = courses()
    (waits,) = [one for one in whole.spans if one.text == "TIME-WAIT"]
    last = max(one.until for one in whole.spans if (one.end, one.lane) == ("A", "ESP"))
    assert last >= waits.until
    assert not any("sa-outlives" in claim for one in whole.moments for claim, _ in one.broken)
    broken = {claim for one in as_read.moments for claim, _ in one.broken}
    assert broken == {"sa-outlives-connection", "sa-outlives-need", "no-stuck-close"}
    assert max(one.until for one in as_read.spans if one.lane == "ESP") <= 1


@pytest.mark.parametrize(("key", "broken"), [("del_trigger", "sa-outlives-connection"), ("p1_delete", "sa-outlives-connection"),
                                             ("bind", "no-idle-orphan")])
def test_each_reading_that_the_scenario_changes_is_needed(key: str, broken: str) -> None:
    scenario = load(str(SCENARIO))
    fewer = {name: value for name, value in scenario.readings.items() if not name.endswith(f":{key}")}
    assert len(fewer) == len(scenario.readings) - 2
    campaign = Campaign(replace(scenario, readings=fewer), readings(scenario.preset, fewer), without_attacker())
    list(campaign.run([0]))
    assert campaign.last is not None and broken in campaign.last.breaks


def test_rows_fold_nothing_that_moves() -> None:
    for course in courses():
        changes = {row for one in course.spans for row in (one.first, one.until)}
        for row, one in enumerate(course.moments):
            assert not (one.folded and row in changes)
        assert sum(max(1, one.folded) for one in course.moments) == len([row for row in course.row_of if row >= 0])
    assert [one.stage for one in courses()[0].moments if one.stage] == [(title, about) for title, about, _ in STAGES]


def test_a_stage_that_never_comes_is_noticed() -> None:
    from docs import lifecycle

    whole, _ = courses()
    with pytest.raises(ValueError, match="stage 'Nowhere' never begins"):
        lifecycle._begins(whole.system, whole.outcomes, (("Nowhere", "", ("tcp", "no such row")),))


# -- where findings strike -----------------------------------------------------------------------------------------------------------------


def test_each_finding_has_one_place() -> None:
    both = courses()
    assert set(strikes()) == set(FINDINGS)
    assert all(row < len(both[course].moments) for course, row in strikes().values())


@pytest.mark.parametrize(("name", "course", "state"), [
    ("F-01/order", 1, "ESTABLISHED"),       # the session's end deletes the SA
    ("F-04/harm", 0, "TIME-WAIT"),          # the Delete at the end of TIME-WAIT
    ("F-13/reuse", 0, "TIME-WAIT"),         # a port used again in TIME-WAIT
    ("F-09/clock", 0, "FIN-WAIT-2"),        # a clock that starts at the bare ACK
    ("F-14/closing", 0, "FIN-WAIT-1"),      # the lifetime ends while the connection is closing
    ("L-02/overtaking", 0, "SYN-SENT"),     # the SYN overtakes QM3
    ("F-35/listener", 0, "CLOSED"),         # before there is a connection
    ("F-18/overlap", 0, "ESTABLISHED"),     # a rekey
])
def test_places_that_the_text_names(name: str, course: int, state: str) -> None:
    where, row = strikes()[name]
    assert where == course
    (now,) = [one.text for one in courses()[where].spans if (one.end, one.lane) == ("A", "TCP") and one.first < row <= one.until]
    assert now == state


def test_nothing_is_more_like_a_step_than_itself() -> None:
    whole, _ = courses()
    points = [point(whole.system, whole.outcomes[one.number - 1], end) for one in whole.moments for end in ENDS]
    assert all(likeness(one, one) >= likeness(one, other) for one in points for other in points)


# -- the picture ---------------------------------------------------------------------------------------------------------------------------


@cache
def drawn() -> str:
    return poster.svg()


def test_the_poster_is_the_models() -> None:
    assert poster.PICTURE.read_text(encoding="utf-8") == drawn(), "docs/pictures/lifecycle.svg is not the model's any more; " \
                                                                  "renew it with: python -m docs poster"


def test_the_poster_says_what_it_is() -> None:
    tree = ElementTree.fromstring(drawn())
    space = "{http://www.w3.org/2000/svg}"
    assert tree.find(f"{space}title") is not None and tree.find(f"{space}desc") is not None
    assert not list(tree.iter(f"{space}script")) and "href" not in drawn() and "@import" not in drawn()
    words = " ".join("".join(one.itertext()) for one in tree.iter(f"{space}text"))
    assert all(name in words for name in FINDINGS)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4))
    return sum(weight * (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4)
               for weight, one in ((0.2126, red), (0.7152, green), (0.0722, blue)))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_the_poster() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21) and contrast("#777", "#fff") == pytest.approx(4.48, abs=0.01)
    fill = dict(re.findall(r"\.([\w-]+) \{[^}]*?fill: (#\w+)", STYLE))
    stroke = dict(re.findall(r"\.([\w-]+) \{[^}]*?stroke: (#\w+)", STYLE))
    grounds = ["#fff", fill["band"], *(fill[f"in-{lane}"] for lane in ("BGP", "TCP", "IKE", "ESP", "SPD"))]
    text = re.search(r"^text \{[^}]*fill: (#\w+)", STYLE, re.MULTILINE)
    assert text is not None
    for words in (text[1], fill["soft"], fill["bad"]):
        assert min(contrast(words, ground) for ground in grounds) >= 4.5
    for line in (stroke["esp"], stroke["plain"], stroke["ike"], *(stroke[f"in-{lane}"] for lane in ("BGP", "TCP", "IKE", "ESP", "SPD"))):
        assert contrast(line, "#fff") >= 3
    assert set(re.findall(r"#[0-9a-f]{3,6}", PATTERNS)) <= {"#fff", fill["in-ESP"], stroke["in-ESP"]}


def test_items_of_a_margin_stand_apart_and_near() -> None:
    assert spread([10, 50], [5, 5], 0, 100) == [10, 50]
    assert spread([10, 10], [20, 20], 0, 100) == [0, 20]     # both as near as can be
    assert spread([90, 95], [20, 20], 0, 100) == [60, 80]    # the bottom pushes
    wanted, heights = [3.0, 4.0, 30.0, 31.0], [4.0, 6.0, 2.0, 5.0]
    found = spread(wanted, heights, 0, 100)
    assert all(b - a >= high - 1e-9 for (a, b), high in zip(pairwise(found), heights, strict=False))

    def cost(places: list[float]) -> float:
        return sum((a - b) ** 2 for a, b in zip(places, wanted, strict=True))

    first, second = ([half / 2 for half in range(low, high)] for low, high in ((0, 20), (54, 70)))
    best = min(cost([a, b, c, d]) for a in first for b in first if b - a >= 4 for c in second for d in second if d - c >= 2)
    assert cost(found) <= best + 1e-9


# -- the site ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site."""
    generator()
    out = tmp_path_factory.mktemp("site")
    assert site.build(out) == len(list((ROOT / "docs").rglob("*.md")))
    return out


def generator() -> None:
    for name in ("sphinx", "myst_parser", "pydata_sphinx_theme"):
        pytest.importorskip(name, reason="the generator of the site is not installed (pip install '.[docs]'): the site is not built")


class Links(HTMLParser):
    """What a page can be entered at, and where it leads or takes things from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.leads, self.takes = set[str](), set[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name == "href" and value is not None and tag == "a":
                self.leads.add(value)
            elif name in ("src", "href") and value is not None:
                self.takes.add(value)


def test_links_lead_somewhere_and_nothing_comes_from_elsewhere(built: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    wrong = []
    for path, links in pages.items():
        wrong += [f"{path.name} takes {one}" for one in links.takes if re.match(r"(\w+:)?//", one)]
        for one in links.leads:
            file, _, anchor = unquote(one).partition("#")
            if re.match(r"\w+:", one):
                continue
            target = (path.parent / file.partition("?")[0]).resolve() if file else path
            if not target.exists():
                wrong.append(f"{path.name} leads to {one}")
            elif anchor and target in pages and anchor not in pages[target].ids:
                wrong.append(f"{path.name} leads to {one}, which has no such place")
    assert not wrong, "\n".join(wrong[:20])
    assert "w-3.4-7" in pages[built / "ledger.html"].ids  # as on a code host
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", "".join(one.read_text(encoding="utf-8") for one in built.rglob("*.css")))


def test_each_finding_has_its_ladder(built: Path) -> None:
    for path in (built / "findings").glob("[FL]-*.html"):
        text = path.read_text(encoding="utf-8")
        assert f"../_ladders/{path.stem}.svg" in text and "sequenceDiagram" not in text
        assert ElementTree.parse(built / "_ladders" / f"{path.stem}.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(("text", "complaint"), [
    ("# Page\n\n[there](nowhere.md)\n", "nowhere.md"),
    ("# Page\n\n[there](#nowhere)\n", "nowhere"),
    ("# Page\n\n![a picture](nowhere.png)\n", "nowhere.png"),
])
def test_what_leads_nowhere_is_an_error(text: str, complaint: str, tmp_path: Path) -> None:
    generator()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(text, encoding="utf-8")
    with pytest.raises(site.BuildError, match=complaint):
        site.build(tmp_path / "out", tmp_path / "docs")


def test_the_navigation_has_every_page_once() -> None:
    below = [one for parent in ("index", *site.PARENTS) for one in site.children(parent)]
    there = {str(path.relative_to(site.DOCS).with_suffix("")) for path in site.DOCS.rglob("*.md")}
    assert sorted(below) == sorted(there - {"index"})


def watched(context: Any, built: Path) -> tuple[Any, list[str]]:
    """A new page, and what it complains of, asks others for, or does not find."""
    shown, wrong = context.new_page(), list[str]()
    shown.on("console", lambda said: said.type in ("error", "warning") and wrong.append(f"console: {said.text}"))
    shown.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    shown.on("request", lambda asked: asked.url.startswith(built.as_uri()) or wrong.append(f"asks for {asked.url}"))
    shown.on("requestfailed", lambda asked: wrong.append(f"has no {asked.url}"))
    return shown, wrong


@pytest.mark.parametrize(("page", "wide", "look"), [("index.html", 1280, "light"), ("index.html", 400, "dark"),
                                                    ("findings/F-01-plaintext.html", 1280, "dark"), ("ledger.html", 400, "light")])
def test_pages_load_without_a_network(built: Path, browser: Any, page: str, wide: int, look: str) -> None:
    context = browser.new_context(offline=True, viewport={"width": wide, "height": 800}, color_scheme=look)
    shown, wrong = watched(context, built)
    shown.goto((built / page).as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= wide
    ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", ground)[:3])
    assert (red + green + blue > 600) == (look == "light"), ground
    assert wrong == []
    context.close()


def test_the_search_box_finds(built: Path, browser: Any) -> None:
    context = browser.new_context(offline=True)
    shown = context.new_page()
    shown.set_default_timeout(15_000)
    shown.goto((built / "search.html").as_uri() + "?q=TIME-WAIT")
    shown.wait_for_selector("ul.search li a")
    assert any("F-01/order" in one for one in shown.locator("ul.search li").all_inner_texts())
    context.close()


def test_the_poster_fits_its_sheet(browser: Any) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1960, "height": 2772})
    shown = context.new_page()
    shown.goto(poster.PICTURE.as_uri())
    outside = shown.evaluate("""() => {
        const [, , wide, high] = document.documentElement.getAttribute('viewBox').split(' ').map(Number);
        const leaves = box => box.x < 20 || box.y < 20 || box.x + box.width > wide - 20 || box.y + box.height > high - 12;
        return [...document.querySelectorAll('text')].filter(one => leaves(one.getBBox())).map(one => one.textContent); }""")
    assert outside == []
    context.close()
