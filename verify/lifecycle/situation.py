"""Situations: sets of states that a person names, such as ``A.tcp.state=ESTABLISHED, B.bgp.state!=Idle``.

    situation    alternative, or several joined by `` or ``
    alternative  comparisons joined by commas
    comparison   VARIABLE=VALUE or VARIABLE!=VALUE; a variable is named as in `System.slots`; ``ipsec.out[*]`` stands for
                 at least one of the cells
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.action import Channel
from model.system import State, System

COMPARISON = re.compile(r"(?P<name>[^=!]+?)\s*(?P<sign>!?=)\s*(?P<value>[^=!]+)")
Column = Callable[[int], NDArray[np.int64]]  # the codes of one slot in some states


class SituationError(Exception):
    """The text names no situation of this system. One line: what, the value, what there is."""


@dataclass(frozen=True)
class Comparison:
    """At least one of the slots has (or, unless `equal`, has not) the value."""

    slots: tuple[int, ...]
    equal: bool
    code: int


@dataclass(frozen=True)
class Situation:
    """States in which all comparisons of one of the alternatives are true."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def holds(self, state: State) -> bool:
        """Is this state one of them?"""
        return any(all(any((state[at] == one.code) == one.equal for at in one.slots) for one in every) for every in self.alternatives)

    def among(self, column: Column) -> NDArray[np.bool_]:
        """The same for many states at once, given their columns."""
        either: Any = np.False_
        for every in self.alternatives:
            both: Any = np.True_
            for one in every:
                some: Any = np.False_
                for at in one.slots:
                    some = some | ((column(at) == one.code) == one.equal)
                both = both & some
            either = either | both
        return np.asarray(either, dtype=np.bool_)


def situation(system: System, text: str) -> Situation:
    """The situation of that text. Raises SituationError."""
    alternatives = [[part.strip() for part in either.split(",")] for either in re.split(r"\s+or\s+", text.strip())]
    return Situation(text, tuple(tuple(_comparison(system, part, text) for part in every) for every in alternatives))


def variable(system: System, name: str) -> int:
    """The slot of a variable by its name. Raises SituationError."""
    names = {str(slot): at for at, slot in enumerate(system.slots) if not isinstance(slot.var, Channel)}
    if name in names:
        return names[name]
    table = name.partition("[")[0].rpartition(".")[0]
    near = [one for one in names if table and one.startswith(f"{table}.")]
    if near:
        raise SituationError(f"variable {name!r}: slice {system.name} has none of that name; {table} has {', '.join(near)}")
    tables = dict.fromkeys(one.rpartition(".")[0] for one in names if "." in one)
    raise SituationError(f"variable {name!r}: slice {system.name} has none of that name; write, such as A.tcp.state, one of a table: "
                         f"{', '.join(tables)}")


def _comparison(system: System, part: str, text: str) -> Comparison:
    found = COMPARISON.fullmatch(part)
    if found is None:
        raise SituationError(f"situation {text!r}: {part!r} is no comparison; write VARIABLE=VALUE or VARIABLE!=VALUE, joined by ', ' for "
                             "'and' or by ' or '")
    name = found["name"].strip()
    slots = _cells(system, name)
    sort = system.slots[slots[0]].sort
    assert sort is not None
    if found["value"] not in sort.values:
        raise SituationError(f"situation {text!r}: {name} has no value {found['value']!r}; it has {', '.join(sort.values)}")
    return Comparison(slots, found["sign"] == "=", sort.code(found["value"]))


def _cells(system: System, name: str) -> tuple[int, ...]:
    if not name.endswith("[*]"):
        return (variable(system, name),)
    head = name.removesuffix("*]")
    cells = [at for at, slot in enumerate(system.slots) if str(slot).startswith(head) and not isinstance(slot.var, Channel)]
    return tuple(cells) or (variable(system, name),)


def named(system: System, slots: Iterable[int], state: State) -> dict[str, str]:
    """The values of some slots, by name."""
    return {str(system.slots[at]): system.slots[at].text(state[at]) for at in slots}
