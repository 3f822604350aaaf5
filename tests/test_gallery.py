"""The kept counterexamples: each is still a run of the model, and still as short as they come."""

import pytest

from lockstep.api import file_name
from model.trace import TraceError
from properties.findings import FINDINGS
from tests.runs import GALLERY, replayed, witnesses
from traces.files import read
from traces.replay import NotARun

RENEW = "if the tables were meant to change, renew the kept witnesses with: python -m tests.gallery"
FILES = {name: GALLERY / f"{name.replace('/', '-')}.json" for name in FINDINGS}


def test_one_file_for_each_finding():
    assert sorted(path.name for path in GALLERY.iterdir()) == sorted(path.name for path in FILES.values()), RENEW


@pytest.mark.parametrize("name", FINDINGS)
def test_a_kept_witness(name):
    finding = FINDINGS[name]
    try:
        run = replayed(name)
    except (NotARun, TraceError) as error:
        pytest.fail(f"{error}\n{RENEW}")
    trace = run.trace
    assert (trace.finding, trace.slice, trace.property, trace.preset) == (name, finding.slice, finding.property, finding.preset)
    assert {key: trace.readings[key] for key in finding.readings} == dict(finding.readings)
    assert {key: trace.bounds[key] for key in finding.bounds} == dict(finding.bounds)
    assert trace.length > 0 and (trace.length > finding.pilot) == bool(finding.longer)
    assert file_name(trace) == FILES[name].name
    fresh = witnesses().get(name)
    assert fresh is not None, f"{name} is gone"
    assert fresh.length == trace.length, RENEW
    assert fresh == read(FILES[name]), RENEW
