"""Parts of claims that are never put to the test, and claims that follow from others: on systems and claims where both are known."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from docs import vacuity_pages
from lockstep import vacuity as module
from lockstep.choice import UsageError
from lockstep.cli import app
from lockstep.jobs import Job
from lockstep.vacuity import (
    CLOSE,
    FOLLOW,
    MATTERS,
    NEVER,
    OPEN,
    Findings,
    Searched,
    Task,
    at,
    examine,
    exit_status,
    jobs_of,
    members,
    strays,
)
from model.action import Event, set_
from model.expr import (
    BOOL,
    FALSE,
    TRUE,
    Const,
    Expr,
    Fired,
    Item,
    Op,
    Param,
    Peer,
    Post,
    Range,
    Sent,
    Sort,
    Valuation,
    Var,
    conj,
    disj,
    evaluate,
    ite,
    show,
)
from model.signals import CLOSED, ESTABLISHED, TCP
from model.slices import SLICES
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, row
from properties.claim import Claim
from properties.registry import CLAIMS
from verify.firsts import firsts
from verify.least import least
from verify.parts import CASE, CONDITION, Spread, close, matters, parts
from verify.query import Query, allowed, true_at
from verify.symbolic.implied import Implied

ENDS = ("A", "B")
ONE = Sort("One", ("ONLY",))
X, Y = Var("m", "x", Range("R3", 3)), Var("m", "y", BOOL)
FIELD = Param("field", Range("R2", 2))


# -- expressions, by brute force -------------------------------------------------------------------------------------------------------


class Step:
    """A step for which everything that can be read is given: x and y at each end before and after, the fields of what was sent."""

    def __init__(self, values: Mapping[tuple[str, str, bool], int], sent: Mapping[str, Sequence[int]], end: str = "A", after: bool = False):
        self.values, self.sent, self.end, self.after = values, sent, end, after

    def leaf(self, expr: Expr) -> int:
        if isinstance(expr, Post):
            return evaluate(expr.children[0], Step(self.values, self.sent, self.end, True))
        if isinstance(expr, Peer):
            return evaluate(expr.children[0], Step(self.values, self.sent, "B" if self.end == "A" else "A", self.after))
        if isinstance(expr, Sent | Fired):
            return int(any(evaluate(expr.where, Valuation({("param", "field"): one})) for one in self.sent[self.end]))
        assert isinstance(expr, Var)
        return self.values[expr.name, self.end, self.after]


def steps() -> Iterator[Step]:
    """Every step, of y and what was sent alone."""
    keys = [("y", end, after) for end in ENDS for after in (False, True)]
    some = list(chain.from_iterable(combinations(range(3), size) for size in range(4)))
    for values in product(range(2), repeat=len(keys)):
        for a, b in product(some, some):
            yield Step(dict(zip(keys, values, strict=True)), {"A": a, "B": b})


EVERY = list(steps())
PATTERNS = st.recursive(st.sampled_from([FIELD == 0, FIELD == 1, FIELD == 2]),
                        lambda inner: st.builds(conj, inner, inner) | st.builds(disj, inner, inner) | st.builds(lambda a: ~a, inner),
                        max_leaves=3)
LEAVES = st.one_of(st.just(Y), st.just(TRUE), st.builds(lambda where: Sent("wire", where), PATTERNS))
EXPRS = st.recursive(LEAVES, lambda inner: st.one_of(
    st.builds(conj, inner, inner), st.builds(disj, inner, inner, inner), st.builds(lambda a: ~a, inner), st.builds(Post, inner),
    st.builds(Peer, inner)), max_leaves=6)


@settings(max_examples=30, deadline=None)
@given(EXPRS)
def test_spreading_changes_no_meaning_and_leaves_and_or_alone(expr: Expr) -> None:
    spread = Spread()(expr)
    assert all(evaluate(spread, one) == evaluate(expr, one) for one in EVERY[::11])

    def lists(node: Expr, around: str) -> None:
        if isinstance(node, Op) and node.op in ("and", "or"):
            assert node.op != around
            for kid in node.children:
                lists(kid, node.op)
        else:
            inner = node
            while isinstance(inner, Post | Peer) or (isinstance(inner, Op) and inner.op == "not"):
                inner = inner.children[0]
            assert isinstance(inner, Var | Sent | Const)

    lists(spread, "")


@settings(max_examples=30, deadline=None)
@given(EXPRS)
def test_leaving_out_a_condition_makes_true_of_more_a_case_of_less(expr: Expr) -> None:
    spread = Spread()(expr)
    for part in parts(spread):
        for one in EVERY[::23]:
            whole, without = evaluate(spread, one), evaluate(part.without, one)
            assert whole <= without if part.kind == CONDITION else without <= whole
            assert evaluate(matters(spread, part), one) == (whole != without)
            if part.alone is not None:
                assert evaluate(part.alone, one) <= whole


@settings(max_examples=25, deadline=None)
@given(EXPRS, EXPRS, EXPRS)
def test_what_follows_by_logic_follows_in_every_step(p: Expr, q: Expr, r: Expr) -> None:
    said = Implied({"p": p, "q": q, "r": r}).of("p", ("q", "r"))

    def broken(expr: Expr, one: Step) -> bool:
        return any(evaluate(expr, Step(one.values, one.sent, end)) for end in ENDS)

    def covers(names: Sequence[str]) -> bool:
        exprs = [{"q": q, "r": r}[name] for name in names]
        return all(any(broken(expr, one) for expr in exprs) for one in EVERY if evaluate(p, one))

    assert (said is not None) == covers(("q", "r"))
    if said is not None:
        assert covers(said) and not any(covers([name for name in said if name != spared]) for spared in said)


def test_a_message_is_one_witness_for_one_question() -> None:
    """Two messages may answer two questions that no message answers alone; an array's cells are variables of their own."""
    low, high = Sent("wire", FIELD == 0), Sent("wire", FIELD == 2)
    cells = Var("m", "z", BOOL, index=BOOL)
    exprs = {"both": low & high, "either": Sent("wire", (FIELD == 0) | (FIELD == 2)), "at once": Sent("wire", (FIELD == 0) & (FIELD == 2)),
             "low": low, "cell": cells[False] & ~cells[True], "other": cells[True] | Y, "some": disj(cells[False], cells[True]),
             "at y": Item(cells, Y) & ~cells[False]}
    implied = Implied(exprs)
    assert implied.of("both", ["either"]) == ("either",) and implied.of("either", ["both"]) is None
    assert implied.of("low", ["at once"]) is None and implied.of("at once", exprs) == ()
    assert implied.of("cell", ["some"]) == ("some",) and implied.of("cell", ["other"]) is None
    assert implied.of("at y", ["other"]) == ("other",)
    assert implied.of("some", ["cell", "other"]) == ("cell", "other")


def test_what_depends_on_nothing_is_computed() -> None:
    which = X.sort.const(2)
    said = Spread()(conj(ite(which == 2, X, 0) == 1, ~(which == 3), Y, Y | Sent("wire", ite(which == 1, FIELD, 2) == 2)))
    assert show(said) == "m.x = 1 and m.y and (m.y or sent(wire: true))"


def test_least_spares_what_can_be_spared() -> None:
    assert least("abcd", lambda some: {"b", "d"} <= set(some)) == ("b", "d")
    assert least("abcd", lambda _: True) == () and least("ab", lambda _: False) is None


def test_close_counts_conditions() -> None:
    """Of a & b & (D | E): by case D one may fail, but not D; with no condition beside it, a case cannot be close."""
    a, b, d, e = (Var("m", name, BOOL) for name in "abde")
    (_, _, _, case, _) = parts(Spread()(conj(a, b, disj(d, e))))
    assert case.kind == CASE and case.what is d
    for values in product(range(2), repeat=4):
        known = Valuation({("var", "m", name): value for name, value in zip("abde", values, strict=True)})
        assert evaluate(close(case), known) == (values[2] and values[0] + values[1] >= 1)
    assert close(parts(disj(d, e))[0]) is FALSE
    inner = parts(disj(conj(d, a), e))[0]
    assert {show(inner.what): show(close(inner))} == {"m.d and m.a": "m.d and m.a or m.a or m.d"}


# -- a small system ----------------------------------------------------------------------------------------------------------------------


def counters() -> System:
    """At each end x counts up to 3 by the operator, and back to 0; y comes on at 2 and stays."""
    state, go, off = Var("m", "state", ONE), Event("go", who="operator"), Event("off", who="operator")
    table = Table("m", "counts", state, (go, off), (
        row("one", ANY, go, X == 0, [set_(X, 1)], STAY, "made up"),
        row("two", ANY, go, X == 1, [set_(X, 2), set_(Y, True)], STAY, "made up"),
        row("three", ANY, go, X == 2, [set_(X, 3)], STAY, "made up"), row("back", ANY, off, X == 3, [set_(X, 0)], STAY, "made up")), (X, Y))
    return System("counters", [Instance(end, table) for end in ENDS], [Offer(end, table, event) for end in ENDS for event in (go, off)])


def by_hand(system: System, query: Query, without: Sequence[Query] = ()) -> int | None:
    """How soon, by the interpreter alone."""
    steps_to, todo = dict.fromkeys(system.initial, 0), deque(system.initial)
    while todo:
        state = todo.popleft()
        for _, outcome in allowed(system, state):
            if any(true_at(system, other, outcome) for other in without):
                continue
            if true_at(system, query, outcome):
                return steps_to[state] + 1
            if outcome.after not in steps_to:
                steps_to[outcome.after] = steps_to[state] + 1
                todo.append(outcome.after)
    return None


def queries(**exprs: Expr) -> list[Query]:
    return [Query(name, when, ENDS) for name, when in exprs.items()]


def test_firsts_are_those_of_the_interpreter() -> None:
    system = counters()
    asked = queries(three=Post(X == 3), both=Post(X == 3) & Peer(X == 3), back=Fired("m", "back"), on=Post(Y),
                    off=Y & ~Post(Y), early=(X == 3) & ~Y)
    found = firsts(system, asked)
    assert found.complete and found.length == {one.name: by_hand(system, one) for one in asked}
    assert found.length == {"three": 3, "both": 6, "back": 4, "on": 2, "off": None, "early": None}
    for barred in asked:
        some = firsts(system, asked, without=[barred])
        assert some.length == {one.name: by_hand(system, one, [barred]) for one in asked}, barred.name
    # Back happens only after three, and at neither end before the one that is barred at either.
    assert firsts(system, asked, without=queries(x=Post(X == 3))).length["back"] is None


def test_a_search_cut_short_says_so() -> None:
    found = firsts(counters(), queries(three=Post(X == 3)), memory_gib=1e-9)
    assert not found.complete and found.length == {"three": None}


def test_known_vacuity() -> None:
    """x = 3 and y, or x = 0 and y after a return; y is on whenever x = 3, so naming it there is vacuous; x > 3 never happens."""
    spread, system = Spread(), counters()
    said = spread(disj(conj(X == 3, Y), conj(X == 0, Y, Peer(Y)), conj(X == 1, ~Y, Peer(X == 3), ~Peer(Y))))
    found = firsts(system, [Query(f"{number}", matters(said, part), ENDS) for number, part in enumerate(parts(said))])
    told = {part.text: found.length[f"{number}"] for number, part in enumerate(parts(said)) if part.what.children}
    near = firsts(system, [Query(f"{number}", close(part), ENDS) for number, part in enumerate(parts(said)) if part.kind == CASE])
    assert told["m.x = 3 and m.y"] == 4 and told["m.x = 0 and m.y and peer(m.y)"] == 7
    third = "m.x = 1 and not m.y and peer(m.x = 3) and not peer(m.y)"
    assert told[third] is None and near.length["7"] == 2 and parts(said)[7].text == third
    flat = [(part.text, found.length[f"{number}"]) for number, part in enumerate(parts(said))]
    assert flat[1:3] == [("m.x = 3", 3), ("m.y", None)]  # y may be left out: whenever x is 3 it is on
    assert ("not peer(m.y)", 5) in flat and ("peer(m.x = 3)", 2) in flat


# -- claims ------------------------------------------------------------------------------------------------------------------------------

JOB = Job("restart", "draft", properties=("no-stuck-close",))


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Claim]]:
    """The claims, some of which a test may replace."""
    members.cache_clear()
    known = dict(CLAIMS)
    for name in known:
        monkeypatch.setitem(CLAIMS, name, known[name])
    yield CLAIMS
    members.cache_clear()


def fake(tasks: Sequence[Task], lengths: Mapping[str, int], why: str = "", follows: Mapping[str, tuple[str, ...] | None] | None = None,
         ) -> list[Searched]:
    return [Searched(why, 1, {} if task.round == FOLLOW else lengths, (follows or {}) if task.round == FOLLOW else {}) for task in tasks]


def test_words_of_parts(claims: dict[str, Claim]) -> None:
    base = claims["no-stuck-close"]
    claims["no-stuck-close"] = replace(base, violated=conj(X == 1, disj(conj(X == 2, Y), conj(X == 3, ~Y)), Peer(Y)), antecedent=X == 1)
    assert [one.text for one in members("no-stuck-close")] == [
        "m.x = 1", "m.x = 2 and m.y or m.x = 3 and not m.y", "m.x = 2 and m.y", "m.x = 2", "m.y", "m.x = 3 and not m.y", "m.x = 3",
        "not m.y", "peer(m.y)"]
    rounds: list[str] = []

    def searched(tasks: Sequence[Task]) -> list[Searched]:
        rounds.extend(task.round for task in tasks)
        if tasks and tasks[0].round == CLOSE:
            assert [one for task in tasks for one in task.asked] == [("no-stuck-close", 5)]  # the only case that makes no difference
            return fake(tasks, {})
        return fake(tasks, {"no-stuck-close 0": 4, "no-stuck-close 1": 2, "no-stuck-close 2": 3, at("no-stuck-close", "A"): 1})

    found = examine([JOB], searched)
    assert rounds == [MATTERS, CLOSE]
    assert [(one.word, one.inner) for one in found.parts] == [
        (MATTERS, False), (MATTERS, False), (MATTERS, False), (NEVER, False), (NEVER, False), (NEVER, False), (NEVER, True), (NEVER, True),
        (NEVER, False), (MATTERS, False), (NEVER, False)]
    assert found.parts[0].seen is not None and found.parts[0].seen.text == "restart, draft, 4 steps"
    assert found.parts[0].without == "(m.x = 2 and m.y or m.x = 3 and not m.y) and peer(m.y)"
    assert exit_status(found) == 1
    cut = examine([JOB], lambda tasks: fake(tasks, {}, "time limit"))
    assert {one.word for one in cut.parts} == {OPEN} and cut.undecided and exit_status(cut) == 3


def test_a_claim_that_says_nothing_of_its_own() -> None:
    two = replace(JOB, slice="teardown", properties=("sa-outlives-connection", "sa-outlives-need"))

    def said(breaks: Sequence[str], follows: Mapping[str, tuple[str, ...] | None]) -> Findings:
        return examine([two], lambda tasks: fake(tasks, dict.fromkeys(breaks, 1), follows=follows))

    weaker, stronger = "sa-outlives-need", "sa-outlives-connection"
    both = said([weaker, stronger], {weaker: (stronger,), stronger: None})
    assert [(one.claim, one.others, one.by_logic, one.searches) for one in both.follows] == [
        (weaker, (stronger,), True, (("teardown", "draft"),))]
    assert both.idle == (weaker,)
    apart = said([stronger], {})
    assert apart.idle == () and apart.follows[0].apart == (("teardown", "draft"),)
    only_seen = said([weaker, stronger], {weaker: (stronger,), stronger: (weaker,)})
    assert only_seen.idle == (weaker,)  # what only the searches say accuses nobody
    assert said([strays(weaker)], {}).stray == ((weaker, "teardown", "draft"),)


X_TCP, Y_TCP = TCP == ESTABLISHED, TCP == CLOSED
SMALL = {"attacks": 0, "copies": 0, "losses": 0}


def test_a_vacuous_part_put_into_a_claim_is_noticed(claims: dict[str, Claim]) -> None:
    """On the model: a condition that is always true, a case that cannot happen, and a weaker copy of another claim are found; what was
    there before still matters."""
    base, other = claims["delete-means-closed"], claims["no-stuck-close"]
    always, impossible = ~(Post(X_TCP) & ~Post(X_TCP | Y_TCP)), Fired("tcp", "no such row") & Y_TCP & X_TCP
    claims["delete-means-closed"] = replace(base, violated=disj(conj(base.violated, always), impossible))
    claims["no-stuck-close"] = replace(other, violated=conj(base.violated, Y_TCP | X_TCP), antecedent=base.antecedent)
    jobs = jobs_of(["teardown"], ["draft"], ["delete-means-closed", "no-stuck-close"], (), SMALL, module.Limits())
    found = examine(jobs, lambda tasks: [module.run(task, lambda _: None) for task in tasks])
    words = {(one.claim, one.text): one.word for one in found.parts}
    name = "delete-means-closed"
    assert words[name, show(Spread()(impossible))] == NEVER
    assert words[name, show(Spread()(always))] == NEVER
    assert words[name, "fired(binding: b10 confirmed: filter removed)"] == MATTERS
    assert words[name, "not peer(tcp.state = CLOSED)"] == MATTERS
    assert ("no-stuck-close", (name,), True) in [(one.claim, one.others, one.by_logic) for one in found.follows]
    assert found.stray == () and exit_status(found) == 1


def test_a_breach_without_its_antecedent_is_noticed(claims: dict[str, Claim]) -> None:
    name = "delete-means-closed"
    claims[name] = replace(claims[name], antecedent=FALSE)
    jobs = jobs_of(["teardown"], ["draft"], [name], (), SMALL, module.Limits())
    found = examine(jobs, lambda tasks: [module.run(task, lambda _: None) for task in tasks])
    assert found.stray == ((name, "teardown", "draft"),)
    assert [one.word for one in found.parts if one.kind == module.END] == [NEVER, NEVER]


# -- command and page --------------------------------------------------------------------------------------------------------------------


def test_bad_input() -> None:
    for words, said in ((["nowhere"], "there is no such slice"), (["--property", "none"], "there is no such property"),
                        (["restart", "--property", "close-spares-other"], "not registered with slice restart"),
                        (["restart", "--bound", "losses=99"], "out of range"), (["--preset", "none"], "there is no such preset"),
                        (["--workers", "0"], "give a whole number from 1 on"), (["--reading", "x=y"], "there is no such reading")):
        done = CliRunner().invoke(app, ["vacuity", *words])
        assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1, words
    with pytest.raises(UsageError):
        jobs_of([], [], ["none"], [], {}, module.Limits())
    assert [job.slice for job in jobs_of([], ["draft"], ["close-spares-other"], [], {}, module.Limits())] == ["collision"]


def test_command() -> None:
    words = ["vacuity", "teardown", "--preset", "draft", "--property", "delete-means-closed", "--workers", "1",
             *(word for key in SMALL for word in ("--bound", f"{key}=0"))]
    done = CliRunner().invoke(app, [*words, "--all"])
    assert done.exit_code == 1, done.output
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    told = next(line for line in lines if line[4:] == ["fired(binding: b10 confirmed: filter removed)"])
    assert told[:3] == ["delete-means-closed", "case", MATTERS]
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert len(document["parts"]) == sum(len(line) == 5 for line in lines) - 3  # two heads, and a line of counts
    late = CliRunner().invoke(app, [*words, "--timeout", "0.000001"])
    assert late.exit_code == 3 and "not complete: time limit" in late.stderr and NEVER not in {line.split("\t")[2] for line in
                                                                                          late.stdout.splitlines()[1:6]}


def test_the_page_is_what_was_kept() -> None:
    assert vacuity_pages.PAGE.read_text(encoding="utf-8") == vacuity_pages.page(), vacuity_pages.RENEW


def test_searches_are_kept_as_they_come_and_refused_of_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With searches that find nothing: the page is written, comes out again from what is kept alone, and no search is made twice."""
    asked: list[str] = []

    def none_found(work: object, tasks: Sequence[Task], workers: int) -> Iterator[tuple[int, Searched]]:
        for number, task in enumerate(tasks):
            asked.append(task.round)
            yield number, Searched("", 7, {at("no-replay", "A"): 1} if task.round == MATTERS else {})

    monkeypatch.setattr(vacuity_pages, "run_each", none_found)
    monkeypatch.setattr(vacuity_pages, "SLICES", {name: SLICES[name] for name in ("teardown", "restart")})
    monkeypatch.setattr(vacuity_pages, "PAGE", tmp_path / "vacuity.md")
    monkeypatch.setattr(vacuity_pages, "KEPT", tmp_path / "vacuity.json")
    vacuity_pages.renew(1)
    made = vacuity_pages.PAGE.read_text(encoding="utf-8")
    assert made == vacuity_pages.page() and set(asked) == {MATTERS, CLOSE}
    assert "| `no-replay` | 4 | 1 | 0 | 3 |" in made and "- end: `B`" in made
    assert "| `sa-outlives-need` | `sa-outlives-connection` | by logic" in made
    before = len(asked)
    vacuity_pages.renew(1)
    assert len(asked) == before
    monkeypatch.setattr(vacuity_pages, "fingerprint", lambda task: "0" * 16)
    with pytest.raises(ValueError, match="of another model"):
        vacuity_pages.page()
