"""The requirement ledger: well formed, complete, and not behind the model."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs import ledger_pages
from docs.ledger_pages import PAGE, text
from lockstep import ledger as verdicts
from lockstep.api import results_of
from lockstep.choice import UsageError
from lockstep.lint.catalogue import LINTS
from lockstep.mutation import matrix
from properties import requirements
from properties.findings import FINDINGS
from properties.registry import HOLDS, PROPERTIES, UNDECIDED, VIOLATED, in_runs, to_depth
from properties.requirements import Requirement, between, digest_of, ledger, place_of
from sim.scenario import packaged
from tests import runs
from verify import numbers
from verify.numbers import FIGURES
from verify.query import INTERRUPTED

DRAFT = runs.GALLERY.parents[2] / "shared" / "spec" / "draft-ward-bgp-ipsec-00.txt"
PREAMBLE = "Internet Draft\n\n   1. First\n\n   The quick brown fox MUST jump over\n   the lazy dog.\n"


def test_entries_name_what_exists() -> None:
    for one in ledger().values():
        assert set(one.claims) <= set(PROPERTIES), one.id
        assert {*one.findings, *one.shown} <= set(FINDINGS), one.id
        assert set(one.against) <= set(ledger()) - {one.id}, one.id
        assert set(one.numbers) <= {each.name for each in FIGURES}, one.id
        assert set(one.lints) <= {each.id for each in LINTS}, one.id
        assert set(one.scenarios) <= set(packaged()), one.id
        named = (one.claims, one.findings, one.shown, one.numbers, one.lints, one.scenarios)
        assert any(named) or one.built_in or one.assumed or one.untestable, one.id
        assert all(len(set(each)) == len(each) for each in named), one.id
        assert not set(one.findings) & set(one.shown), one.id
        assert one.id.startswith(f"W-{one.section}-"), one.id


def test_contradiction_is_mutual() -> None:
    for one in ledger().values():
        for other in one.against:
            assert one.id in ledger()[other].against, f"{one.id} names {other}, which does not name it"


def test_every_sentence_has_a_verdict() -> None:
    for name, one in verdicts.verdicts().items():
        assert one.word in verdicts.CLASSES and one.evidence, name


def test_every_claim_is_asked_for_by_some_sentence() -> None:
    assert not [name for name in PROPERTIES if not requirements.judged_by("claims", name)]


def test_every_figure_lint_and_finding_is_named_by_some_sentence() -> None:
    assert not [one.name for one in FIGURES if not one.requirements]
    assert not [one.id for one in LINTS if not requirements.judged_by("lints", one.id)]
    assert not [name for name in FINDINGS if not requirements.judged_by("findings", name) + requirements.judged_by("shown", name)]


def test_a_lint_is_named_by_the_sentence_that_it_enforces() -> None:
    for one in LINTS:
        assert set(one.requirements) <= set(ledger()), one.id
        assert one.id in ledger()[one.requirements[0]].lints, one.id


def test_all_sections_are_there() -> None:
    """The first pass over the text found 164 sentences; section 3 has only subsections, and the boilerplate has none."""
    subsections = {"1": (1, 2), "2": (1, 2, 3, 4), "3": range(1, 11), "4": range(1, 6)}
    found = {f"{main}.{sub}" for main, subs in subsections.items() for sub in subs} | {"1", "2", "4", "REF"}
    assert set(requirements.titles()) == found and all(requirements.titles().values())
    assert len(ledger()) >= 164


def test_every_sentence_has_a_place_of_its_own() -> None:
    """Two sentences may share words where one says two things; no entry is there twice in other words."""
    by_place: dict[str, list[str]] = {}
    for one in ledger().values():
        by_place.setdefault(one.at, []).append(one.id)
        first, word, last, end = one.place
        assert (first, word) <= (last, end) and one.words > 0, one.id
    assert [those for those in by_place.values() if len(those) > 1] == [["W-3.3-11", "W-3.3-12"]]


def test_links_of_the_page_lead_somewhere() -> None:
    page = text()
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(set(anchors)) == len(anchors) and {name.lower() for name in ledger()} <= set(anchors)
    for target in set(re.findall(r"\]\(([^)]+)\)", page)):
        file, _, anchor = target.partition("#")
        assert (PAGE.parent / file).exists() if file else anchor in anchors, target


def test_page_has_each_contradiction_once() -> None:
    asked = text().partition("### Which contradict each other?")[2].partition("###")[0]
    pairs = [tuple(re.findall(r"\(#(w-[^)]+)\)", row)) for row in asked.splitlines() if row.startswith("| [")]
    assert {frozenset(one) for one in pairs} == {frozenset((one.id.lower(), other.lower())) for one in ledger().values()
                                                 for other in one.against}
    assert len(pairs) == len(set(map(frozenset, pairs))) > 0


def test_kept_results_are_those_of_the_model() -> None:
    """The results behind the ledger are what a run over everything establishes now."""
    fresh = {(one.property, one.slice, one.preset): (one.verdict, one.states, one.length)
             for outcome in runs.everything()[1] for one in results_of(outcome, {}) if not one.finding}
    kept = {(name, one.slice, one.preset): (one.verdict, one.states, one.length)
            for name, those in verdicts.results().items() for one in those}
    assert kept == fresh


def test_page_is_the_ledger() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "docs/ledger.md is behind; renew it with: python -m docs ledger"


@pytest.fixture
def other_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = tmp_path / "results.json"
    said = json.loads(verdicts.RESULTS.read_text(encoding="utf-8"))
    kept.write_text(json.dumps(said | {"of": "0" * 16}), encoding="utf-8")
    monkeypatch.setattr(verdicts, "RESULTS", kept)
    verdicts.results.cache_clear()
    yield
    verdicts.results.cache_clear()


def test_results_of_another_model_are_refused(other_model: None) -> None:
    with pytest.raises(UsageError, match="of another model"):
        verdicts.verdicts()


def test_fingerprint_sees_a_row_a_claim_and_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    before = verdicts.fingerprint.__wrapped__()
    monkeypatch.setattr(verdicts, "TABLES", {name: one for name, one in verdicts.TABLES.items() if name != "bgp"})
    without_table = verdicts.fingerprint.__wrapped__()
    monkeypatch.setattr(verdicts, "CLAIMS", {name: one for name, one in verdicts.CLAIMS.items() if name != "no-plaintext-out"})
    without_claim = verdicts.fingerprint.__wrapped__()
    monkeypatch.setattr(verdicts, "PRESETS", {name: one for name, one in verdicts.PRESETS.items() if name != "repaired"})
    assert len({before, without_table, without_claim, verdicts.fingerprint.__wrapped__()}) == 4


# -- verdicts -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def judge_by(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., verdicts.Verdict]]:
    """Judges a sentence by what it names, with results that are made up: of no-replay as asked for."""
    def judge(draft: str = HOLDS, repaired: str = HOLDS, **named: Any) -> verdicts.Verdict:
        found = tuple(verdicts.Result("no-replay", "teardown", preset, word, "search", 1, None)
                      for preset, word in (("draft", draft), ("repaired", repaired)))
        monkeypatch.setattr(verdicts, "results", lambda: {"no-replay": found})
        return verdicts.verdict(Requirement("W-1-1", "1", "1:1-1:1", 1, "", "MUST", "both", "", "", **named))
    verdicts._figure.cache_clear()
    yield judge
    verdicts._figure.cache_clear()


CLAIM, AGREES, DISAGREES, UNSTATED = ("no-replay",), ("byte-limit-64",), ("byte-limit-64", "esn-under-aes"), ("advantage-128-32",)


@pytest.mark.parametrize(("named", "word", "repaired"), [
    ({"claims": CLAIM}, HOLDS, HOLDS),
    ({"claims": CLAIM, "draft": VIOLATED}, VIOLATED, HOLDS),
    ({"claims": CLAIM, "draft": UNDECIDED}, UNDECIDED, HOLDS),
    ({"claims": CLAIM, "draft": to_depth(5), "repaired": in_runs(9)}, UNDECIDED, UNDECIDED),  # no word for a part of the states
    ({"claims": CLAIM, "findings": ("F-01/order",)}, VIOLATED, HOLDS),
    ({"claims": CLAIM, "draft": UNDECIDED, "findings": ("F-01/order",)}, VIOLATED, HOLDS),
    ({"claims": CLAIM, "numbers": DISAGREES}, VIOLATED, VIOLATED),  # no rule of the repaired ones changes arithmetic
    ({"claims": CLAIM, "numbers": UNSTATED, "draft": VIOLATED}, VIOLATED, HOLDS),
    ({"claims": CLAIM, "against": ("W-2-6",)}, verdicts.CONTRADICTED, HOLDS),
    ({"shown": ("F-18/overlap",)}, HOLDS, ""),
    ({"numbers": AGREES}, HOLDS, ""),
    ({"numbers": DISAGREES}, VIOLATED, ""),
    ({"numbers": UNSTATED}, verdicts.COMPUTED, ""),
    ({"numbers": UNSTATED, "lints": ("bgp-port",)}, verdicts.DEPLOYMENT, ""),
    ({"numbers": AGREES, "lints": ("bgp-port",)}, HOLDS, ""),
    ({"lints": ("bgp-port",), "untestable": "why"}, verdicts.DEPLOYMENT, ""),
    ({"assumed": "why", "scenarios": ("rekey",)}, verdicts.ASSUMED, ""),
    ({"scenarios": ("rekey",)}, "", ""),  # a run in time illustrates
    ({}, "", ""),
])
def test_a_verdict_is_the_gravest_of_what_it_rests_on(judge_by: Callable[..., verdicts.Verdict], named: dict[str, Any], word: str,
                                                      repaired: str) -> None:
    found = judge_by(**named)
    assert (found.word, found.repaired) == (word, repaired)
    assert len(found.evidence) == sum(len(value) * (1 + (key == "claims")) if isinstance(value, tuple) else 1
                                      for key, value in named.items() if key not in ("draft", "repaired", "against"))


def test_a_wrong_figure_is_noticed(judge_by: Callable[..., verdicts.Verdict], monkeypatch: pytest.MonkeyPatch) -> None:
    """The draft's 2^35, off by one: the sentence that states it is violated, and both figures are said."""
    monkeypatch.setattr(verdicts, "FIGURES", tuple(replace(one, stated=(1 << 35) + 1) if one.name == "byte-limit-64" else one
                                                   for one in verdicts.FIGURES))
    found = judge_by(numbers=AGREES)
    assert found.word == VIOLATED
    assert "34,359,738,369" in found.evidence[0].says and "2^35" in found.evidence[0].says


def test_a_figure_without_time_is_undecided_and_an_interrupted_one_stops(judge_by: Callable[..., verdicts.Verdict],
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "too little time"
    monkeypatch.setattr(verdicts, "judge", lambda figure, timeout: numbers.Verdict(figure, numbers.UNDECIDED, reason=reason))
    assert judge_by(numbers=AGREES).word == UNDECIDED
    verdicts._figure.cache_clear()
    reason = INTERRUPTED
    with pytest.raises(KeyboardInterrupt):
        judge_by(numbers=AGREES)


def test_what_nothing_noticed_is_said_only_where_somebody_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "KEPT", tmp_path / "mutants.json")
    assert "".join(ledger_pages._droppable()).startswith("Not known")


# -- digests ---------------------------------------------------------------------------------------------------------------------------


def entry(at: str, text: str) -> Requirement:
    words = between(text, place_of(at))
    return Requirement("W-1-1", "1", at, len(words), digest_of(words), "MUST", "both", "", "")


def test_digest_sees_a_word_and_not_the_wrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "ledger", lambda: {"W-1-1": entry("5:1-6:3", PREAMBLE)})
    assert requirements.compared(PREAMBLE) == []
    assert [one.moved for one in requirements.compared(PREAMBLE.replace("MUST", "SHOULD"))] == [None]
    wrapped = PREAMBLE.replace("over\n   the", "\n   over the")
    assert [one.moved for one in requirements.compared(wrapped)] == [5]
    assert [one.moved for one in requirements.compared("One line more.\n" + PREAMBLE)] == [6]


def test_page_furniture_does_not_count() -> None:
    furniture = "Ward              Internet Draft - Expires July 2002 \n   Securing BGPv4 using IPsec \nFebruary 2002\n"
    broken = PREAMBLE.replace("   the lazy", furniture + "   the lazy")
    assert between(broken, (5, 1, 9, 3)) == between(PREAMBLE, (5, 1, 6, 3))


@pytest.mark.skipif(not DRAFT.exists(), reason="no copy of the draft beside the project")
def test_ledger_is_of_the_draft() -> None:
    assert requirements.compared(DRAFT.read_text(encoding="utf-8")) == []


# -- the command -----------------------------------------------------------------------------------------------------------------------


def test_asking_for_what_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean W-3\.3-1"):
        verdicts.choose(["W-3.3-1x"], None, None)
    with pytest.raises(UsageError, match="section"):
        verdicts.choose([], "9.9", None)
    with pytest.raises(UsageError, match="verdict"):
        verdicts.choose([], None, "perhaps")


def test_malformed_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Path(requirements.__file__).parent / "3.3-graceful-teardown.toml"
    for find, put, said in (('keyword = "MUST"', 'keyword = "OUGHT"', "keyword"), ("says =", "sais =", "no field"),
                            ('id = "W-3.3-2"', 'id = "W-3.3-1"', "twice"), ('at = "502:1', 'at = "502', "no place")):
        shutil.copy(good, tmp_path / good.name)
        spoilt = good.read_text(encoding="utf-8").replace(find, put)
        assert spoilt != good.read_text(encoding="utf-8")
        (tmp_path / good.name).write_text(spoilt, encoding="utf-8")
        monkeypatch.setattr(requirements, "files", lambda package: tmp_path)
        with pytest.raises(ValueError, match=said):
            requirements.ledger.__wrapped__()
