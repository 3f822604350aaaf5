"""What the pages say of captures from the field: against the captures where they are at hand, and against the findings always."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from docs.field import Sighting, said, section, sightings
from properties.findings import FINDINGS
from tests import audit_cases
from traces.audit.counterparts import COUNTERPARTS

SEEN = sightings()
here = pytest.mark.skipif(not audit_cases.FOLDER.is_dir(), reason=f"no captures in {audit_cases.FOLDER}; set LOCKSTEP_CAPTURES to a folder "
                          "of them")


def named(one: Sighting) -> str:
    return f"{one.finding} {one.case}"


@pytest.mark.parametrize("one", SEEN, ids=named)
def test_it_is_about_the_findings_claim(one):
    claim = COUNTERPARTS[FINDINGS[one.finding].property].claim
    assert (claim in one.violated) if claim else not one.violated, "the verdict must be that of the finding's own claim"
    assert set(one.frames) >= {frame for frames in one.violated.values() for frame in frames}
    assert one.daemons and one.kernel and one.says.endswith((".", ".)")) and re.fullmatch("[0-9a-f]{64}", one.digest)
    page = "\n".join(section(one.finding, SEEN))
    assert one.case in page and all(f"| {frame} | {text} |" in page for frame, text in one.frames.items() if text)
    assert all(one.frames.values())


def test_no_case_stands_twice_for_a_finding():
    assert len({(one.finding, one.case) for one in SEEN}) == len(SEEN) > 0
    assert list(section("F-02/confirm", SEEN)) == []


@here
@pytest.mark.parametrize("one", SEEN, ids=named)
def test_the_capture_shows_what_is_said(one):
    folder = audit_cases.FOLDER / one.case
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    assert hashlib.sha256((folder / one.capture).read_bytes()).hexdigest() == one.digest, "another capture than the one that was read"
    manifest = json.loads((folder / "manifest.json").read_text())
    versions = [text.split()[0] for text in manifest["daemons"].values()]
    assert all(version in versions for version in re.findall(r"\d+\.\d[\d.]*", f"{one.daemons} {one.ike}"))
    result, _ = audit_cases.judged(folder)
    verdicts = {each.property: each for each in result.verdicts if each.verdict == "violated"}
    for claim, frames in one.violated.items():
        assert set(frames) <= set(verdicts[claim].frames), verdicts.get(claim)
    assert {frame: said(result, frame) for frame in one.frames} == one.frames


@here
def test_another_frame_is_noticed():
    one = next(one for one in SEEN if one.finding == "F-01/plaintext")
    result, _ = audit_cases.judged(audit_cases.FOLDER / one.case)
    assert said(result, 51) != said(result, 52) != said(result, 50)
