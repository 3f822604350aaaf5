"""All mutants, numbered, and the sentences of the draft that they are changes of: those that the changed row cites."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from lockstep.choice import UsageError
from model.slices import TABLES
from properties.requirements import Requirement, ledger
from verify.mutants import OPERATORS, Mutant, Rule, of_rule, of_sentence, rules

_LINES = re.compile(r"\bl\.(\d+)(?:-(\d+))?")


def cited(source: str, entries: Iterable[Requirement]) -> list[str]:
    """The sentences that a row's source cites: those that lie within lines it names, or that these lines lie within; where there is none,
    those that share a line."""
    if "draft" not in source:
        return []
    places = [(int(first), int(last or first)) for first, last in _LINES.findall(source)]
    found: dict[str, None] = {}
    for first, last in places:
        shared = [one for one in entries if one.place[0] <= last and one.place[2] >= first]
        whole = [one for one in shared if first <= one.place[0] <= one.place[2] <= last or one.place[0] <= first <= last <= one.place[2]]
        found |= dict.fromkeys(one.id for one in whole or shared)
    return list(found)


@cache
def every_rule() -> tuple[Rule, ...]:
    return tuple(rules(TABLES.values()))


@cache
def sentences_of() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The sentences that a row cites, by table and key."""
    entries = tuple(ledger().values())
    return {key: tuple(cited(rule.rows[0].source, entries)) for rule in every_rule() for key in rule.keys}


@cache
def every_mutant() -> tuple[Mutant, ...]:
    """All mutants; a mutant's number is its place among them, from 1."""
    found = [mutant for rule in every_rule() for mutant in of_rule(rule)]
    for name in ledger():
        found += of_sentence(name, [rule for rule in every_rule() if name in sentences_of()[rule.keys[0]]])
    return tuple(found)


def touched(mutant: Mutant) -> tuple[str, ...]:
    """The sentences that a mutant is a change of."""
    return (mutant.sentence,) if mutant.sentence else sentences_of()[mutant.rows[0]]


def chosen(operators: Collection[str] = (), tables: Collection[str] = (), sentences: Collection[str] = ()) -> list[int]:
    """The numbers of the mutants asked for; everything where nothing is named. Raises UsageError for what there is not."""
    for what, names, known in (("operator", operators, OPERATORS), ("table", tables, TABLES), ("sentence", sentences, ledger())):
        for name in names:
            if name not in known:
                hint = "lockstep requirements lists them" if what == "sentence" else f"there are {', '.join(known)}"
                raise UsageError(f"{what} {name!r}: there is no such {what}; {hint}")
    found = [number for number, one in enumerate(every_mutant(), 1)
             if (not operators or one.operator in operators) and (not tables or any(table in tables for table, _ in one.rows))
             and (not sentences or set(sentences) & set(touched(one)))]
    if not found:
        raise UsageError("mutate: there is no mutant of all that; name fewer things")
    return found
