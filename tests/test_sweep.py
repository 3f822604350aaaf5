"""lockstep readings: a family of systems is searched as each of them by itself, what suffices for a breach is exact, and nothing found is
lost or made up."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lockstep.cells import Kept
from lockstep.choice import UsageError, check_possible, readings
from lockstep.implicants import implicants
from lockstep.jobs import question
from lockstep.sweep import (
    DEFAULT,
    NOT_TESTED,
    Cell,
    Searched,
    Swept,
    exit_status,
    plan,
    possible,
    search_all,
    shares,
    witness,
)
from model.expr import ModelError
from model.readings import IMPOSSIBLE, READINGS
from model.slices import SLICES
from properties.findings import FINDINGS
from properties.registry import HOLDS, UNDECIDED, VIOLATED, claims_of
from tests.test_cli import ENVIRONMENT, command, left_in_group
from tests.test_search import R2, Maker, examples
from verify.native import Space
from verify.search import Family, search

TINY = ("--bound", "losses=0", "--bound", "segments=1", "--bound", "datagrams=1")
BOUNDS = {"losses": 0, "segments": 1, "datagrams": 1}
FEW = ("teardown", "--preset", "repaired", "--sweep", "del_trigger,B:expiry", *TINY, "--property", "sa-outlives-connection")


def same(result, alone, asked=None):
    """Everything a family says of a member is what a search of its own says."""
    assert result.complete and alone.complete
    assert (result.counts, result.full, result.lengths) == (alone.counts, alone.full, alone.lengths)
    wanted = alone.hits if asked is None else {name: hit if name in asked else None for name, hit in alone.hits.items()}
    assert {name: hit and (hit.scope, hit.length, hit.stimuli, hit.initial) for name, hit in result.hits.items()} == {
        name: hit and (hit.scope, hit.length, hit.stimuli, hit.initial) for name, hit in wanted.items()}


# -- one piece of code for a family -------------------------------------------------------------------------------------------------------


@examples(8)
@given(st.integers(0, 2**40))
def test_random_families(seed):
    """Random systems, whose rows read readings of either end and of the world, from random initial states."""
    rnd = Random(seed)
    system, queries = Maker(rnd).system()
    names = ("A.mode", "B.mode", "mode", "world.budget")
    places = [[str(slot) for slot in system.slots].index(name) for name in names]

    def member(codes: Sequence[int]):
        given = dict(zip(places, codes, strict=True))
        return [tuple(given.get(at, code) for at, code in enumerate(state)) for state in system.initial]

    family = Family(system.starting([state for code in range(R2.size) for state in member([code] * 4)]), queries, memory_gib=0.01)
    for _ in range(3):
        initial = member([rnd.randrange(R2.size) for _ in names])
        alone = search(system.starting(initial), queries, memory_gib=0.01)
        assume(alone.complete)
        same(family.search(initial), alone)


def test_combinations_of_readings():
    """Members of a family of teardown against the slice built with their readings, one after another in one space."""
    swept = ("del_trigger", "passive_del", "confirm", "peer_del", "A:expiry", "B:after_del=bypass/discard", "hold")
    sweep = plan("teardown", swept, bounds=BOUNDS)
    found = {one.number: one for one in search_all(sweep, set(range(sweep.size)) - set(Random(1).sample(range(sweep.size), 4)), 1)}
    for number, one in found.items():
        asked = question(sweep.member(number))
        alone = search(asked.system, (*asked.queries, *asked.antecedents))
        assert (one.states, one.transitions, one.depth) == (alone.counts.distinct, alone.counts.transitions, alone.counts.levels)
        for claim, cell in zip(sweep.job.properties, one.cells, strict=True):
            assert cell.length == alone.lengths[claim]
            if cell.verdict == VIOLATED:
                trace, hit = witness(sweep, one, claim), alone.hits[claim]
                assert trace == asked.trace(hit) and trace.length == cell.length
    assert {cell.verdict for one in found.values() for cell in one.cells} >= {VIOLATED, HOLDS}


def test_a_state_that_the_code_was_not_made_for_is_refused():
    system, queries = Maker(Random(5)).system()
    at = [str(slot) for slot in system.slots].index("A.mode")
    family = Family(system, queries)
    other = next(code for code in range(R2.size) if all(state[at] != code for state in system.initial))
    with pytest.raises(ModelError, match="no code was made for a value of the initial state"):
        family.search([(*state[:at], other, *state[at + 1:]) for state in system.initial])


def test_what_is_left_of_the_search_before_is_seen(monkeypatch):
    """If a space were not emptied, this comparison would tell."""
    system, queries = Maker(Random(3)).system()
    alone = search(system, queries)
    monkeypatch.setattr(Space, "restart", lambda self, initial: None)
    family = Family(system, queries)
    family.search(system.initial)
    with pytest.raises(AssertionError):
        same(family.search(system.initial), alone)


def test_too_little_memory_does_not_depend_on_the_search_before():
    asked = question(plan("teardown", ["del_trigger"], bounds=BOUNDS).job)
    family = Family(asked.system, memory_gib=0.00006)
    system = asked.system
    first, between, second = (family.search(initial) for initial in (system.initial, system.initial[:1], system.initial))
    assert first.why == second.why == "memory limit of 6e-05 GiB reached" and first.counts == second.counts
    assert between.complete


# -- what suffices for a breach -----------------------------------------------------------------------------------------------------------


@st.composite
def functions(draw):
    """A table of yes and no over up to four variables of one to four values, and which places are possible."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    size = int(np.prod(shape))
    dense = st.lists(st.booleans(), min_size=size, max_size=size)
    yes = np.array(draw(dense)).reshape(shape)
    for axis, at in draw(st.lists(st.tuples(st.integers(0, len(shape) - 1), st.integers(0, 3)), max_size=3)):  # whole slabs of yes
        yes[(slice(None),) * axis + (at % shape[axis],)] = True
    some = draw(st.one_of(st.just([True] * size), dense))
    return yes, np.array(some).reshape(shape)


@examples(200)
@given(functions())
def test_implicants_are_the_minimal_assignments(function):
    yes, some = function
    axes = range(yes.ndim)

    def suffices(given):
        agree = [at for at in np.ndindex(*yes.shape) if some[at] and all(at[axis] == value for axis, value in given.items())]
        return bool(agree) and all(yes[at] for at in agree)

    every = [{axis: value for axis, value in enumerate(values) if value is not None}
             for values in product(*((None, *range(yes.shape[axis])) for axis in axes))]
    sufficient = [given for given in every if suffices(given)]
    minimal = [given for given in sufficient if not any(other.items() < given.items() for other in sufficient)]
    found = implicants(yes, some)
    assert sorted(found, key=repr) == sorted(minimal, key=repr)
    covered = {at for at in np.ndindex(*yes.shape) if any(all(at[axis] == value for axis, value in given.items()) for given in found)}
    assert {at for at in covered if some[at]} == {at for at in np.ndindex(*yes.shape) if some[at] and yes[at]}


def test_always_never_and_a_textbook_case():
    one = np.ones((2, 3), bool)
    assert implicants(one, one) == [{}] and implicants(~one, one) == []
    # Quine's example with two minimal covers: f = sum m(0,1,2,5,6,7) of a, b, c has six prime implicants of two literals each.
    table = np.zeros(8, bool)
    table[[0, 1, 2, 5, 6, 7]] = True
    found = implicants(table.reshape(2, 2, 2), np.ones((2, 2, 2), bool))
    assert sorted(map(sorted, map(dict.items, found))) == sorted(map(sorted, map(dict.items, (
        {0: 0, 1: 0}, {0: 0, 2: 0}, {1: 0, 2: 1}, {1: 1, 2: 0}, {0: 1, 2: 1}, {0: 1, 1: 1}))))


@pytest.fixture(scope="module")
def back_to_draft():
    """From the repaired draft, three of its rules taken back at either end."""
    sweep = plan("teardown", ["del_trigger", "peer_del", "expiry"], preset="repaired", bounds={"losses": 0})
    return Swept(sweep, search_all(sweep, (), 2))


def test_conflicts_are_the_known_findings(back_to_draft):
    """Of each rule alone it is known that taking it back breaks the order of deletion (tests/test_verify.py); F-01 is the first of them."""
    assert back_to_draft.missing == 0 and len(back_to_draft.by_number) == 64
    found = back_to_draft.conflicts("sa-outlives-connection")
    assert [dict(one.readings) for one in found] == [{f"{end}:{key}": value} for end in "AB" for key, value in (
        ("del_trigger", "bgp_idle"), ("peer_del", "apply"), ("expiry", "remove"))]
    assert {one.combinations for one in found} == {32}
    first = found[0].shown.cells[back_to_draft.sweep.job.properties.index("sa-outlives-connection")]
    assert first.length == FINDINGS["F-01/order"].pilot == 1
    assert int(back_to_draft.where("sa-outlives-connection", HOLDS).sum()) == 1
    assert back_to_draft.guarantees("sa-outlives-connection") == [
        {f"{end}:{key}": value for end in "AB" for key, value in (
            ("del_trigger", "tcp_closed"), ("peer_del", "defer"), ("expiry", "abort"))}]
    assert back_to_draft.conflicts("no-collateral-deletion") == []


def test_a_conflict_is_shown_by_a_run_that_is_its_own(back_to_draft):
    """The witness of a set is a run under it and under no other set, though shorter ones may be found where several come together."""
    found = back_to_draft.conflicts("sa-outlives-connection")
    for one in found:
        trace = witness(back_to_draft.sweep, one.shown, "sa-outlives-connection")
        assert [other for other in found if other.readings.items() <= dict(trace.readings).items()] == [one]


def test_what_was_not_searched_is_not_spoken_of(back_to_draft):
    some = Swept(back_to_draft.sweep, list(back_to_draft.by_number.values())[1:])
    assert some.missing == 1
    assert some.conflicts("sa-outlives-connection") == [] and some.guarantees("sa-outlives-connection") == []


def test_shares_are_what_counting_gives():
    """Cells drawn at random, some combinations missing: counts and shortest witnesses by value against a loop over all of them."""
    rnd, sweep = Random(1), plan("teardown", ["bind", "A:confirm", "hold"], properties=["no-replay"])

    def cell():
        return rnd.choice([Cell(HOLDS), Cell(UNDECIDED, NOT_TESTED), Cell(VIOLATED, "", "A", 0, (0,) * rnd.randrange(1, 4))])

    swept = Swept(sweep, [Searched(number, 1, 1, 1, 0.0, "", (cell(),)) for number in range(sweep.size) if rnd.random() < 0.8])
    found = shares(swept, "no-replay")
    assert list(found) == [(axis.name, value) for axis in sweep.axes for value in axis.values]
    for (name, value), share in found.items():
        cells = [(one.number, cell) for one, cell in swept.cells("no-replay") if sweep.combination(one.number)[name] == value]
        broken = [(cell.length, number) for number, cell in cells if cell.verdict == VIOLATED]
        assert (share.searched, share.violated) == (len(cells), len(broken))
        assert share.untested == sum(cell.reason == NOT_TESTED for _, cell in cells)
        assert (share.length, share.shown and share.shown.number) == min(broken, default=(None, None))
    assert swept.missing and not swept.decided and exit_status(swept) == 3


# -- readings that cannot be --------------------------------------------------------------------------------------------------------------


def test_combinations_that_cannot_be_are_left_out():
    sweep = plan("teardown", ["port"])
    assert possible(sweep).tolist() == [[True, False], [False, True]]
    chosen = readings("draft", {"A:port": "170"})
    check_possible("opening", chosen)
    with pytest.raises(UsageError, match=r"readings A:port=170 B:port=179: slice teardown cannot start under them: .* \(RFC 4301 5\.2; "):
        check_possible("teardown", chosen)


def test_every_reading_that_cannot_be_has_its_source():
    for one in IMPOSSIBLE:
        assert one.slices and one.reason and re.search(r"RFC \d+|draft \d", one.source)


def test_readings_of_the_draft_name_lines():
    """A section of the draft that leaves a choice open is cited with the lines, which are in the section's order."""
    for one in READINGS.values():
        for section, lines in re.findall(r"(?:draft|,) (\d\.\d+)( l\.[\d-]+)?", one.source.replace("against", ",")):
            if not one.source.startswith("silent: RFC"):
                assert lines, f"{one.key}: {section}"


# -- what is kept -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_cells():
    """A sweep of two combinations."""
    sweep = plan("teardown", ["A:expiry"], preset="repaired", bounds=BOUNDS)
    return sweep, list(search_all(sweep, {}, 1))


@pytest.fixture
def kept_file(two_cells, tmp_path):
    """The same and the file it left."""
    sweep, searched = two_cells
    path = tmp_path / "cells.jsonl"
    with Kept(path, sweep) as kept:
        for one in searched:
            kept.add(one)
    return sweep, path, kept.known


def test_a_file_gives_back_what_it_was_given(kept_file):
    sweep, path, known = kept_file
    with Kept(path, sweep) as again:
        assert {number: vars(one) | {"seconds": 0} for number, one in again.known.items()} == {
            number: vars(one) | {"seconds": 0} for number, one in known.items()}
    assert {cell.verdict for one in known.values() for cell in one.cells} >= {VIOLATED, HOLDS}


def test_a_line_that_was_cut_is_dropped(kept_file):
    sweep, path, known = kept_file
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with Kept(path, sweep) as again:
        assert set(again.known) == set(list(known)[:1])
        again.add(known[list(known)[1]])
    assert path.read_bytes() == whole


def test_stopped_searches_are_not_kept(kept_file):
    sweep, path, _ = kept_file
    with Kept(path, sweep, fresh=True) as kept:
        kept.add(Searched(0, 1, 1, 1, 0.0, "time limit", (Cell(HOLDS),) * len(sweep.job.properties)))
    with Kept(path, sweep) as again:
        assert again.known == {}


@pytest.mark.parametrize(("change", "said"), [
    (lambda text: text.replace('"number":1', '"number":9', 1), "line 3: damaged"),
    (lambda text: text.replace('"cells":[', '"cells":[null,', 1), "line 2: damaged"),
    (lambda text: text.replace('"states":', '"states":"many","was":', 1), "line 2: damaged"),
    (lambda text: text.replace("}\n{", "}\n\n{", 1), "line 2: damaged"),
    (lambda text: re.sub(r'\["A",', '["C",', text, count=1), "damaged"),
    (lambda text: re.sub(r'"digest": "\w', '"digest": "_', text), "line 1: made by another sweep"),
    (lambda text: "some notes of mine\n" + text, "line 1: not the cells of a sweep"),
    (lambda text: "no end", "line 1: not the cells of a sweep"),
])
def test_a_damaged_or_stale_file_is_refused(kept_file, change, said):
    sweep, path, _ = kept_file
    path.write_text(changed := change(path.read_text()))
    with pytest.raises(UsageError, match=rf"cells\.jsonl: .*{said}.*--fresh"):
        Kept(path, sweep)
    assert path.read_text() == changed


def test_another_sweep_is_told_apart(kept_file):
    _, path, _ = kept_file
    changed = {"preset": "draft"}, {"swept": ["B:expiry"]}, {"bounds": {**BOUNDS, "losses": 1}}, {"properties": ["no-replay"]}
    for one in changed:
        other = plan("teardown", **{"swept": ["A:expiry"], "preset": "repaired", "bounds": BOUNDS, **one})
        with pytest.raises(UsageError, match="made by another sweep"):
            Kept(path, other)


def test_a_way_that_does_not_break_the_claim_is_seen(kept_file):
    sweep, _, known = kept_file
    claim, one, cell = next((claim, one, cell) for one in known.values()
                            for claim, cell in zip(sweep.job.properties, one.cells, strict=True) if cell.verdict == VIOLATED)
    assert witness(sweep, one, claim).length == cell.length
    for way in ((10**6,), tuple(number + 1 for number in cell.way)):
        cells = tuple(Cell(VIOLATED, "", cell.end, cell.start, way) if other is cell else other for other in one.cells)
        with pytest.raises(UsageError, match="does not break"):
            witness(sweep, Searched(one.number, 0, 0, 0, 0.0, "", cells), claim)


# -- the command --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "said"), [
    (("teardwon",), "slice 'teardwon': there is no such slice; there are teardown, opening"),
    (("opening", "--property", "close-ends"), "property close-ends: only lockstep verify judges endless runs"),
    (("teardown", "--sweep", "colour"), "sweep 'colour': there is no reading 'colour'; there are del_trigger"),
    (("teardown", "--sweep", "bind=single/triple"), "reading bind: no value 'triple'; it has single, set"),
    (("teardown", "--sweep", "C:bind"), "reading 'C:bind': no end 'C'"),
    (("teardown", "--sweep", "A:hold"), "reading 'A:hold': hold belongs to the pair"),
    (("teardown", "--sweep", "bind,A:bind"), "sweep 'A:bind': A:bind is swept twice; leave one out"),
    (("collision", "--sweep", "natt"), "reading 'natt': no row of slice collision reads it"),
    (("teardown", "--sweep", "bind", "--reading", "B:bind=set"), "reading 'B:bind': both swept and fixed; leave one out"),
    (("teardown", "--sweep", "bind", "--reading", "A:port=170"), "readings A:port=170 B:port=179: slice teardown cannot start"),
    (("teardown", "--sweep", "A:port=170", "--reading", "B:port=179"), "readings A:port=170 B:port=179: slice teardown cannot start"),
    (("teardown", "--sweep", ",".join(READINGS)),
     "combinations are more than 100,000"),
    (("teardown", "--property", "no-bugs"), "property 'no-bugs': there is no such property"),
    (("teardown", "--preset", "perfect"), "preset 'perfect': there is no such preset"),
    (("teardown", "--bound", "losses=99"), "bound losses: 99 is out of range"),
    (("teardown", "--workers", "0"), "workers 0: give a whole number from 1 on"),
    (("teardown", "--memory", "0"), "memory 0: give"),
    (("teardown", "--out", "a-file"), "out a-file: this is a file; give a folder"),
    (("teardown", "--out", "a-file/below"), "a-file is a file; give a folder"),
    (("teardown", "--resume", "a-file"), "a-file: line 1: not the cells of a sweep"),
])
def test_bad_input(tmp_path, inside, words, said):
    (tmp_path / "a-file").write_text("mine")
    done = inside("readings", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lockstep: ") and done.stderr.count("\n") == 1 and said in done.stderr, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"] and (tmp_path / "a-file").read_text() == "mine"


def test_verify_refuses_what_cannot_be(inside):
    done = inside("verify", "teardown", "--reading", "A:port=170")
    assert done.returncode == 2 and "slice teardown cannot start under them" in done.stderr and done.stderr.count("\n") == 1


def plain(document):
    """A document without what depends on the machine."""
    for key in ("seconds", "search_seconds", "workers", "searched_before"):
        document["figures"].pop(key)
    return document


def test_one_and_two_workers_say_the_same(inside, tmp_path):
    one, two = (inside("readings", *FEW, "--property", "no-stuck-close", "--json", "--workers", workers, "--fresh") for workers in (1, 2))
    assert (one.returncode, one.stderr) == (two.returncode, two.stderr) == (0, "")
    document = plain(json.loads(one.stdout))
    assert document == plain(json.loads(two.stdout))
    assert document["complete"] and len(document["cells"]) == 8 and document["swept"][0] == {
        "reading": "A:del_trigger", "values": ["bgp_idle", "tcp_closed"], "source": READINGS["del_trigger"].source}
    claim = document["claims"]["sa-outlives-connection"]
    assert claim["violated"] + claim["holds"] + claim["undecided"] == 8
    assert [one["readings"] for one in claim["conflicts"]] == [
        {"A:del_trigger": "bgp_idle"}, {"B:del_trigger": "bgp_idle"}, {"B:expiry": "remove"}]
    for conflict in claim["conflicts"]:
        trace = json.loads((tmp_path / conflict["trace"]).read_text())
        assert len(trace["steps"]) == conflict["length"] and set(conflict["sources"]) == set(conflict["readings"])
        assert inside("replay", conflict["trace"]).returncode == 0
    for cell in claim["by_value"]:
        trace = json.loads((tmp_path / cell["trace"]).read_text())
        assert (len(trace["steps"]), trace["readings"][cell["reading"]]) == (cell["length"], cell["value"])
        assert cell["searched"] == 4 and cell["violated"] == 4 - (cell["value"] in ("tcp_closed", "abort"))
    again = inside("readings", *FEW, "--property", "no-stuck-close")  # nothing is left to be searched
    assert again.returncode == 0 and "lockstep: 8 combinations, 8 of them searched before\n" in again.stderr
    assert "sa-outlives-connection: violated in 7, holds in 1" in again.stdout
    assert re.search(r"^sa-outlives-connection +4 \(1\) +3 \(1\) +4 \(1\) +3 \(1\)$", again.stdout, re.M), again.stdout
    assert "8 combinations (8 of them before)" in again.stdout and READINGS["expiry"].source in again.stdout


def test_what_is_not_put_to_the_test_is_undecided(inside):
    """Without an attack nothing arrives that is not authentic."""
    done = inside("readings", *FEW[:4], "A:expiry", *TINY, "--workers", 1, "--property", "accepted-is-authentic")
    assert done.returncode == 3 and "accepted-is-authentic: not put to the test in 2\n" in done.stdout
    assert re.search(r"^undecided: accepted-is-authentic: not put to the test in 2 combinations$", done.stdout, re.M)


def test_every_slice_has_a_sweep():
    """Its readings are read, it is small enough, and each end chooses for itself unless only one end's choice matters."""
    assert list(DEFAULT) == list(SLICES)
    for name, default in DEFAULT.items():
        sweep = plan(name)
        assert 16 <= sweep.size <= 5000
        registered = {claim.name for claim in claims_of(name)}
        assert set(default.without) < registered and set(sweep.job.properties) == registered - set(default.without)
        assert set(plan(name, bounds={"losses": 0}).job.properties) == registered
        assert any(axis.name.startswith("A:") for axis in sweep.axes) and any(axis.name.startswith("B:") for axis in sweep.axes)


def test_all_traces(inside, tmp_path):
    done = inside("readings", *FEW, "--all-traces", "--workers", 1, "--out", "w")
    assert re.search(r"^lockstep: writing 7 witnesses, \d+ MB if all are as large as the first$", done.stderr, re.M)
    assert len(list((tmp_path / "w").glob("readings-teardown-sa-outlives-connection-*.json"))) == 7
    assert inside("replay", "w/readings-teardown/sa-outlives-connection/B.expiry=abort.json").returncode == 0


def test_a_search_that_is_stopped_is_undecided(inside):
    done = inside("readings", *FEW, "--property", "no-idle-orphan", "--workers", 1, "--memory", "0.00005")
    assert done.returncode == 3 and re.search(r"^undecided: A:del_trigger=.*: memory limit of 5e-05 GiB reached$", done.stdout, re.M)
    undecided = {int(number) for number in re.findall(r"undecided in (\d+)", done.stdout)}
    assert len(undecided) == 1 and "exactly" not in done.stdout
    again = inside("readings", *FEW, "--property", "no-idle-orphan", "--workers", 1)  # what was decided need not be searched again
    assert again.returncode == 0 and f"lockstep: 8 combinations, {8 - undecided.pop()} of them searched before\n" in again.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_loses_nothing(tmp_path, workers):
    words = ("readings", "teardown", "--preset", "repaired", "--sweep", "del_trigger,peer_del,expiry", *TINY, "--workers", workers)
    path = tmp_path / "kept.jsonl"
    words += ("--resume", path, "--property", "sa-outlives-connection", "--property", "no-idle-orphan")
    with subprocess.Popen(command(*words), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as process:
        while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") > 3):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "Traceback" not in err, err
    found = path.read_bytes().count(b"\n") - 1
    left = re.search(r"^interrupted: (\d+) combinations were not searched", out, re.M)
    assert left and found + int(left[1]) == 64 and 3 <= found < 64
    assert "it breaks" not in out and left_in_group(process.pid) == []
    before = path.read_bytes()
    done = subprocess.run(command(*words, "--json"), cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120)
    assert path.read_bytes().startswith(before)
    document = json.loads(done.stdout)
    assert document["figures"]["searched_before"] == found and document["complete"] and len(document["cells"]) == 64
