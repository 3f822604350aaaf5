"""lockstep mutate: a mutant is what it says, the model is its own mutant number 0, and kills are those that can be told by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import pytest

from docs import mutant_pages
from lockstep.bench import Judged
from lockstep.choice import UsageError
from lockstep.mutation import matrix as matrix_module
from lockstep.mutation.found import COUNTS, LENGTH, MODEL, OPEN, SAME, SURVIVES, UNREACHED, VERDICT, Found, differences, fate
from lockstep.mutation.kept import Kept
from lockstep.mutation.matrix import Line, keep, matrix, results, totals
from lockstep.mutation.run import Run
from lockstep.mutation.search import GROUNDS, Batch, batches, search_batch
from lockstep.mutation.sentences import chosen, cited, every_mutant, touched
from model.action import Action, Event, set_, signal
from model.expr import BOOL, TRUE, Const, Enum, Expr, ModelError, Var, cases, leaf_key
from model.signals import ME
from model.slices import SLICES, TABLES, build
from model.system import Instance, Offer, System, open_system
from model.table import Table, ignored, impossible, row
from properties.registry import CLAIMS
from properties.requirements import Requirement, ledger
from tests.test_search import MOST, Maker, agree
from verify.mutants import (
    DROP,
    LEFT_OUT,
    MAY,
    OPERATORS,
    RESTARTS,
    REVERSE,
    SKIP,
    STAYS,
    SWAP,
    Mutant,
    Mutated,
    of_rule,
    of_sentence,
    rules,
)
from verify.query import EngineDisagreement, Progress, Query
from verify.reference import explore
from verify.search import Family, Result, search
from verify.step import successors

HERE = "made up"

# -- a door and its lock: which row does what can be told by looking ---------------------------------------------------------------------

DOOR, LOCK = Enum("Door", "SHUT", "OPEN"), Enum("Lock", "LOCKED", "FREE")
SHUT, OPENED = DOOR.consts()
LOCKED, FREE = LOCK.consts()
DOOR_STATE, LOCK_STATE = Var("door", "state", DOOR), Var("lock", "state", LOCK)
RUNG, SEEN = Var("lock", "rung", BOOL), Var("door", "seen", BOOL)
PUSH, PULL, TURN = Event("push", who="operator"), Event("pull", who="operator"), Event("turn", who="operator")
MOVED = Event("moved")
TELL, SEE, RING = signal("lock", MOVED), set_(SEEN, True), set_(RUNG, True)
IS_FREE = LOCK_STATE == FREE


def door(opens: Expr | None = IS_FREE, actions: Sequence[Action] = (TELL, SEE), becomes: Const = OPENED, pulls: Expr = ME == "A") -> Table:
    push = [] if opens is None else [row("push", SHUT, PUSH, opens, actions, becomes, HERE)]
    return Table("door", "door", DOOR_STATE, (PUSH, PULL), (*push, row("pull", OPENED, PULL, pulls, [SEE], SHUT, HERE)), (SEEN,))


def lock(falls: Expr | None = TRUE, actions: Sequence[Action] = (RING,), becomes: Const = LOCKED) -> Table:
    lines = [] if falls is None else [row("fall", FREE, MOVED, falls, actions, becomes, HERE)]
    rest = [] if falls is TRUE else [ignored(FREE, MOVED, HERE, guard=TRUE if falls is None else ~falls)]
    return Table("lock", "lock", LOCK_STATE, (TURN, MOVED), (
        *lines, *rest, impossible(LOCKED, MOVED, "it was free"), row("turn", LOCKED, TURN, DOOR_STATE == SHUT, [], FREE, HERE)), (RUNG,))


def house(one: Table, other: Table) -> System:
    return System("house", [Instance("A", one), Instance("A", other)],
                  [Offer("A", one, PUSH), Offer("A", one, PULL), Offer("A", other, TURN)], extra=[("A", ME)], initial=[{}])


def mutants() -> dict[tuple[str, str, int], Mutant]:
    return {(one.operator, one.title.partition(", ")[2], one.at): one for rule in rules((door(), lock())) for one in of_rule(rule)}


def member(system: System, one: Mutant, number: int = 1) -> System:
    made = Mutated(system, [one])
    return made.system.starting(made.start(number, system.initial))


def edges(system: System) -> set[tuple[object, object]]:
    """All steps, from state to state, whatever number a mutant has."""
    def named(state: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(one for one in system.describe(state).items() if one[0] != "mutant.number"))

    found, todo, seen = set(), list(system.initial), set(system.initial)
    while todo:
        state = todo.pop()
        for _, outcome in successors(system, state):
            found.add((named(state), named(outcome.after)))
            if outcome.after not in seen:
                seen.add(outcome.after)
                todo.append(outcome.after)
    return found


BY_HAND: dict[tuple[str, str, int], Callable[[], System]] = {
    (DROP, "push", 0): lambda: house(door(opens=None), lock()),
    (DROP, "fall", 0): lambda: house(door(), lock(falls=None)),
    (MAY, "fall", 0): lambda: house(door(), lock(falls=~LEFT_OUT)),
    (SKIP, "push", 0): lambda: house(door(actions=[SEE]), lock()),
    (SKIP, "push", 1): lambda: house(door(actions=[TELL]), lock()),
    (SKIP, "fall", 0): lambda: house(door(), lock(actions=[])),
    (STAYS, "push", 0): lambda: house(door(becomes=SHUT), lock()),
    (RESTARTS, "push", 0): lambda: house(door(becomes=SHUT), lock()),
    (STAYS, "fall", 0): lambda: house(door(), lock(becomes=FREE)),
    (SWAP, "pull", 0): lambda: house(door(pulls=ME == "B"), lock()),
}


def test_which_mutants_a_row_has() -> None:
    others = {(DROP, "pull", 0), (SKIP, "pull", 0), (STAYS, "pull", 0), (DROP, "turn", 0), (RESTARTS, "turn", 0), (REVERSE, "turn", 0),
              (REVERSE, "push", 0)}
    assert set(mutants()) == {*BY_HAND, *others}


@pytest.mark.parametrize("key", BY_HAND, ids=str)
def test_each_operator_changes_what_it_says(key: tuple[str, str, int]) -> None:
    system = house(door(), lock())
    assert edges(member(system, mutants()[key])) == edges(BY_HAND[key]()) != edges(system)
    assert edges(member(system, mutants()[key], 0)) == edges(system)


def test_a_condition_turned_round() -> None:
    """Pushing while it is locked leads to what was called impossible, in the mutant as in the table written so."""
    for one in (house(door(opens=~IS_FREE), lock()), member(house(door(), lock()), mutants()[REVERSE, "push", 0])):
        with pytest.raises(ModelError, match=r"impossible but reached: A\.lock, impossible moved@LOCKED"):
            search(one)


def test_the_load_bearing_row_is_told_from_the_other() -> None:
    """Of the two things a lock does one keeps the claim, the other only rings."""
    system, several = house(door(), lock()), [mutants()[key] for key in ((STAYS, "fall", 0), (SKIP, "fall", 0))]
    claim = Query("not open and free", (DOOR_STATE == OPENED) & IS_FREE, ("A",))
    made = Mutated(system, several)
    members = [made.start(at, system.initial) for at in range(3)]
    family = Family(made.system.starting([state for one in members for state in one]), [claim])
    found = [(family.search(one).lengths[claim.name], family.digest(made.at)) for one in (*members, members[0])]
    assert [length for length, _ in found] == [None, 3, None, None]
    assert found[0] == found[3] and found[0][1] != found[2][1]  # that nothing rings can be seen in the states


def test_a_sentence_changes_all_its_rows() -> None:
    system, both = house(door(), lock()), rules((door(), lock()))
    drop, may = of_sentence("W-1", both)
    assert explore(member(system, drop)).distinct == 1
    assert may.rows == (("lock", "fall@FREE"),)  # what an operator does is optional as it is
    assert not list(of_sentence("W-2", []))


def said(find: Callable[[], Result]) -> object:
    """What a search found, or the impossible that it reached; None if it had no room for all states."""
    try:
        result = find()
    except ModelError as error:
        assert "impossible" in str(error)
        return str(error)
    return (result.counts, result.full, result.lengths) if result.complete else None


@pytest.mark.parametrize("seed", [2, 5, 6, 7, 10, 11, 12])
def test_number_0_is_the_model(seed: int) -> None:
    """Random systems with random mutants: member 0 is the model, each other is what a search of it alone says, and its first states are
    the interpreter's. The seeds are those under 13 whose systems have from 50 to 50,000 states."""
    rnd = Random(seed)
    system, queries = Maker(rnd).system()
    tables = {one.table.name: one.table for one in system.instances}
    every = [one for rule in rules(tables.values()) for one in of_rule(rule) if one.operator != MAY]
    made = Mutated(system, rnd.sample(every, min(2, len(every))))
    members = [made.start(at, system.initial) for at in range(len(made.mutants) + 1)]
    family = Family(made.system.starting([state for one in members for state in one]), queries, memory_gib=0.02)
    model = said(partial(search, system, queries))
    assert model is not None and said(partial(family.search, members[0])) == model
    for one in members[1:]:
        alone = made.system.starting(one)
        together, apart = said(partial(family.search, one)), said(partial(search, alone, queries, memory_gib=0.02))
        assert together == apart or None in (together, apart)
        if not isinstance(together, str):
            agree(alone, queries, MOST)


@pytest.mark.parametrize("name", ["spd", "ipsec", "routes"])
def test_tables_stay_total_and_deterministic(name: str) -> None:
    """For each mutant that takes ground or leaves it, each cell it touches has one row in every case, as when a table is built."""
    table, system = TABLES[name], open_system(TABLES[name])
    several = [one for rule in rules((table,)) for one in of_rule(rule) if one.operator in (DROP, MAY, REVERSE, SWAP)]
    made = Mutated(system, several)
    (new,) = [one.table for one in made.system.instances if one.table.name == name]
    state_key, world = leaf_key(table.state), leaf_key(made.system.slots[made.at].var)
    assert state_key and world
    for at, one in enumerate(several, 1):
        for code, event in dict.fromkeys((each.state.code, each.event) for each in table.rows if (name, each.key) in one.rows):
            guards = [each.condition for each in new.rows if (each.state.code, each.event) == (code, event)]
            given_ = {state_key: (table.state, code), world: (made.system.slots[made.at].var, at)}
            for case, true in cases(guards, given_):
                assert len(true) == 1 or (not true and not event.total), (str(one), case)


# -- sentences ----------------------------------------------------------------------------------------------------------------------------


def entry(name: str, at: str) -> Requirement:
    return Requirement(name, "3.4", at, 1, "", "MUST", "", "", "")


@pytest.mark.parametrize(("source", "found"), [
    ("draft 3.4 l.536-538 (SHOULD)", ["one"]), ("draft 3.4 l.538-541", ["two"]), ("draft 3.4 l.536-545", ["one", "two", "three"]),
    ("draft 3.4 l.537", ["one"]), ("draft 3.4 l.537-539", ["one", "two"]), ("draft 3.4 l.536-538, l.541-545", ["one", "three"]),
    ("draft 3.4 l.600", []), ("RFC 9293 3.6 l.537", []), ("silent", []),
])
def test_rows_cite_sentences(source: str, found: list[str]) -> None:
    entries = [entry("one", "536:1-538:6"), entry("two", "538:7-541:3"), entry("three", "541:4-545:5")]
    assert cited(source, entries) == found


def test_there_are_many_mutants_each_with_its_rows() -> None:
    every = every_mutant()
    assert len(every) >= 300 and {one.operator for one in every} == set(OPERATORS)
    keys = {(name, each.key) for name, table in TABLES.items() for each in table.rows}
    assert all(set(one.rows) <= keys and one.rows for one in every)
    assert len({(str(one), one.at) for one in every}) == len(every)
    assert all(set(touched(one)) <= set(ledger()) for one in every)
    assert set(GROUNDS) == set(SLICES)


@pytest.mark.parametrize("named", [{"operators": ["mangle"]}, {"tables": ["ospf"]}, {"sentences": ["W-9"]},
                                   {"operators": ["swap"], "tables": ["nat"]}])
def test_what_there_is_not(named: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError, match="there is no"):
        chosen(**named)


# -- kills --------------------------------------------------------------------------------------------------------------------------------


def judged(states: int, why: str = "", **breaches: int | None) -> Judged:
    return Judged(states, states, why, breaches, frozenset(breaches))


def test_what_a_claim_notices() -> None:
    before = judged(10, a=None, b=4)
    assert not list(differences(before, before))
    assert dict(differences(before, judged(10, a=3, b=4))) == {"a": "breaks (3)"}
    assert dict(differences(before, judged(10, a=None, b=5))) == {"b": "length 5 instead of 4"}
    assert dict(differences(before, judged(10, a=None, b=None))) == {"b": "holds, broke (4)"}
    assert not list(differences(before, judged(10, "more than 9 states", a=None, b=None)))  # it might have come to that
    assert not list(differences(before, judged(10, "more than 9 states", a=None, b=5)))
    assert dict(differences(before, Judged(10, 10, "", {"a": None, "b": 4}, frozenset("b")))) == {"a": "not put to the test"}


def found(said: str = "", model: str = "", counts: str = "", same: bool = False) -> Found:
    return Found(1, "teardown", (("draft", "no-replay", said),) if said else (), model, counts, same, 0.0)


def test_the_strongest_word_is_a_mutants_fate() -> None:
    rising = [found(same=True), found(), found(counts="9"), found(model="impossible"), found("length 5 instead of 4"), found("breaks (3)")]
    assert [one.fate for one in rising] == [SAME, SURVIVES, COUNTS, MODEL, LENGTH, VERDICT]
    for at in range(len(rising)):
        assert fate(rising[:at + 1]) == rising[at].fate == fate(reversed(rising[:at + 1]))
    assert fate([]) == UNREACHED


FEW = {"tables": ["intruder", "nat"], "operators": [DROP, MAY]}


def nothing(_: Progress) -> None:
    """A report to nobody."""


def run_few(path, numbers: Sequence[int], workers: int, stop_after: int | None = None) -> Run:
    with Kept(path) as kept:
        run = Run(["attacker"], numbers, kept, 1.0)
        run.bases(workers)
        for name in run.order:
            for count, _ in enumerate(run.search(name, workers), 1):
                if count == stop_after:
                    return run
    return run


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Run:
    return run_few(tmp_path_factory.mktemp("mutants") / "few.jsonl", chosen(**FEW), 1)


def words(run: Run) -> dict[int, tuple[str, list[object]]]:
    return {number: (run.fate(number), [(one.slice, one.noticed, one.model, one.counted, one.same) for one in run.found(number)])
            for number in run.numbers}


def test_an_attackers_acts_bear_the_claims_against_him(few: Run) -> None:
    """What an impostor or another user does breaks claims of the draft: without it they hold. There is no NAT in either preset."""
    assert few.complete and sum(totals(few).values()) == len(few.numbers)
    fates = {(one.rows[0][0], one.operator): few.fate(number) for number in few.numbers for one in [every_mutant()[number - 1]]}
    assert fates["nat", DROP] == UNREACHED
    killed = {claim for number in few.numbers for one in few.found(number) for _, claim, said in one.noticed if said.startswith("holds")}
    assert "session-is-with-neighbour" in killed and killed <= set(CLAIMS)


def test_the_base_is_the_slice_itself(few: Run) -> None:
    """The searched base has the states of an ordinary search at these bounds."""
    from lockstep.choice import readings
    from lockstep.mutation.search import bounds_in

    one = few.kept.bases["attacker"]
    monitors = [monitor for claim in CLAIMS.values() if "attacker" in claim.slices for monitor in claim.monitors]
    distinct = {(monitor.scope, monitor.var.name): monitor for monitor in monitors}
    for preset, states, transitions in zip(("draft", "repaired"), one.states, one.transitions, strict=True):
        system = build("attacker", readings(preset, {}), bounds=bounds_in("attacker")["bounds"], monitors=list(distinct.values()))
        counts = search(system).counts
        assert (counts.distinct, counts.transitions) == (states, transitions)


def test_nothing_is_searched_twice_and_workers_make_no_difference(few: Run, tmp_path) -> None:
    path = tmp_path / "two.jsonl"
    first = run_few(path, few.numbers, 2, stop_after=3)
    kept = path.read_text()
    assert not first.complete and OPEN in totals(first)
    again = run_few(path, few.numbers, 2)
    assert words(again) == words(few) and path.read_text().startswith(kept)
    full = path.read_text()
    once_more = run_few(path, few.numbers, 1)
    assert words(once_more) == words(few) and path.read_text() == full


def test_ctrl_c_hands_back_what_was_done(few: Run) -> None:
    numbers = tuple(few.todo("attacker")[:3])
    states, seen = few.kept.bases["attacker"].states, [0]

    def report(_: Progress) -> None:
        seen[0] += 1
        if seen[0] == stop:
            raise KeyboardInterrupt

    stop = 0
    assert [one.number for one in search_batch(Batch("attacker", numbers, 1.0, states), report)] == list(numbers)
    stop, seen[0] = seen[0] - 1, 0
    assert [one.number for one in search_batch(Batch("attacker", numbers, 1.0, states), report)] == list(numbers[:2])
    with pytest.raises(EngineDisagreement, match="other states"):
        search_batch(Batch("attacker", numbers[:1], 1.0, (1, 1)), nothing)


def test_batches_keep_what_may_be_chosen_apart() -> None:
    numbers = chosen(tables=["binding"])
    parts = list(batches(numbers, 2))
    assert sorted(number for part in parts for number in part) == numbers
    assert all(len({every_mutant()[number - 1].operator == MAY for number in part}) == 1 for part in parts)


def test_a_file_of_something_else_is_refused(few: Run, tmp_path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"lockstep-mutants": 1, "digest": "0"}\n')
    with pytest.raises(UsageError, match="made from another model"):
        Kept(path)
    path.write_text("hello\n")
    with pytest.raises(UsageError, match="not mutants that were searched"):
        Kept(path)
    lines = few.kept._lines.path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + '{"number": 0}\n')
    with pytest.raises(UsageError, match="line 2: damaged"):
        Kept(path)
    path.write_text("".join(lines)[:-5])
    with Kept(path) as kept:
        assert len(kept.known) == len(few.kept.known) - 1


def test_the_matrix_counts_each_mutant_at_its_sentences(few: Run, tmp_path, monkeypatch) -> None:
    lines = matrix(few)
    places = [title for number in few.numbers for title in touched(every_mutant()[number - 1]) or ("other rows",)]
    assert sum(one.mutants for one in lines) == len(places)
    for one in lines:
        assert all(count <= one.mutants for count in one.claims.values())
    keep(few, tmp_path / "mutants.json")
    monkeypatch.setattr(matrix_module, "KEPT", tmp_path / "mutants.json")
    results.cache_clear()
    assert [(one.title, dict(one.fates), dict(one.claims), dict(one.whole)) for one in results()] == [
        (one.title, dict(one.fates), dict(one.claims), dict(one.whole)) for one in lines]
    spoilt = json.loads((tmp_path / "mutants.json").read_text()) | {"of": "another"}
    (tmp_path / "mutants.json").write_text(json.dumps(spoilt))
    results.cache_clear()
    with pytest.raises(UsageError, match="another model"):
        results()
    results.cache_clear()


def test_the_page_names_what_no_claim_notices(monkeypatch) -> None:
    lines = (Line("W-3.1-1", {}, {}, {DROP: COUNTS, MAY: SAME}), Line("W-3.1-2", {}, {}, {DROP: VERDICT, MAY: COUNTS}),
             Line("W-3.1-3", {}, {}, {DROP: UNREACHED}), Line("W-3.1-4", {}, {}, {DROP: LENGTH, MAY: OPEN}), Line("spd", {}, {}, {}))
    monkeypatch.setattr(mutant_pages, "results", lambda: lines)
    (text,) = mutant_pages.question(lambda names: " ".join(names))
    assert "of the two presets: W-3.1-1. These could be a MAY without any claim noticing: W-3.1-2. The rows of these do not" in text
    assert "there: W-3.1-3. Not searched to the end: W-3.1-4. No row" in text and "W-3.1-5" in text


def test_the_command(few: Run, inside) -> None:
    words_ = ("mutate", "attacker", "--table", "nat", "--operator", "drop", "--resume", few.kept._lines.path)
    document = inside(*words_, "--json")
    assert document.returncode == 0, document.stderr
    said = json.loads(document.stdout)
    assert said["complete"] and said["totals"] == {UNREACHED: len(said["mutants"])} and "attacker" in said["slices"]
    text = inside(*words_)
    assert text.returncode == 0 and "not reached" in text.stdout and "bounds: losses 0" in text.stdout
    assert inside("mutate", "nowhere").returncode == 2
    assert inside("mutate", "--operator", "mangle").returncode == 2
