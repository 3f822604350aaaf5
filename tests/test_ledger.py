"""The requirement ledger: well formed, complete, and not behind the model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.ledger_pages import PAGE, text
from lockstep import ledger as verdicts
from lockstep.api import results_of
from lockstep.choice import UsageError
from properties import requirements
from properties.findings import FINDINGS
from properties.registry import PROPERTIES
from properties.requirements import Requirement, between, digest_of, ledger, place_of
from tests import runs

DRAFT = runs.GALLERY.parents[2] / "shared" / "spec" / "draft-ward-bgp-ipsec-00.txt"
PREAMBLE = "Internet Draft\n\n   1. First\n\n   The quick brown fox MUST jump over\n   the lazy dog.\n"


def test_entries_name_what_exists() -> None:
    for one in ledger().values():
        assert set(one.claims) <= set(PROPERTIES), one.id
        assert {*one.findings, *one.shown} <= set(FINDINGS), one.id
        assert set(one.against) <= set(ledger()), one.id
        assert one.id.startswith(f"W-{one.section}-"), one.id


def test_contradiction_is_mutual() -> None:
    for one in ledger().values():
        for other in one.against:
            assert one.id in ledger()[other].against, f"{one.id} names {other}, which does not name it"


def test_every_sentence_has_a_verdict() -> None:
    for name, one in verdicts.verdicts().items():
        assert one.word in verdicts.CLASSES and one.evidence, name


def test_every_claim_is_asked_for_by_some_sentence() -> None:
    assert not [name for name in PROPERTIES if not requirements.tests_of(name)]


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
    monkeypatch.delitem(verdicts.TABLES, "bgp")
    without_table = verdicts.fingerprint.__wrapped__()
    monkeypatch.delitem(verdicts.CLAIMS, "no-plaintext-out")
    without_claim = verdicts.fingerprint.__wrapped__()
    monkeypatch.delitem(verdicts.PRESETS, "repaired")
    assert len({before, without_table, without_claim, verdicts.fingerprint.__wrapped__()}) == 4


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
