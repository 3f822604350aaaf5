"""How soon something first happens: the lengths of shortest ways to many queries at once, without their witnesses, and optionally only
along ways on which other things have not happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from model.expr import Expr
from model.system import System
from verify.codegen import Asked, Generator
from verify.emit import Body, Where
from verify.layout import Layout
from verify.native import Space
from verify.query import INTERRUPTED, Progress, Query, check_names
from verify.reachable import Reachable
from verify.search import explored, out_of_memory


@dataclass(frozen=True)
class Firsts:
    """length: of each query the steps of a shortest way (0: true initially), or None where no transition visited makes it true; `why`:
    what stopped the search before its end. states, transitions: visited, tried."""

    length: dict[str, int | None]
    why: str
    states: int
    transitions: int

    @property
    def complete(self) -> bool:
        return not self.why


class Without(Generator):
    """The native code of the runs on which none of `without` is ever true: a step that makes one true counts as breaking the constraint, so
    it is neither followed nor asked about."""

    def __init__(self, system: System, reach: Reachable, layout: Layout, queries: Sequence[Asked],
                 marks: Sequence[tuple[Expr, str]] = (), *, edges: bool, without: Sequence[Query]) -> None:
        self.without = without
        super().__init__(system, reach, layout, queries, marks, edges=edges)

    def _constraint(self) -> None:
        body = Body()
        kept = self.expr.truth(body, self.expr.value(body, self.system.constraint, Where("", "@before")))
        for query in self.without:
            for scope in query.scopes:
                broken = self.expr.truth(body, self.expr.value(body, query.when, Where(scope, "@before")))
                kept = body.new(f"and i1 {kept}, {body.new(f'xor i1 {broken}, true')}")
        body.do(f"ret i1 {kept}")
        self._function("i1 @allowed()", body)


def firsts(system: System, queries: Sequence[Query], *, without: Sequence[Query] = (), memory_gib: float = 2.0,
           timeout: float | None = None, progress: Callable[[Progress], None] | None = None) -> Firsts:
    """Search every reachable state, or as many as the limits allow. `without`: only along runs in which none of these is ever true, up to
    and including the step that is asked about; so what is not found then happens only after, or together with, one of them.

    Raises what `verify.search.search` does.
    """
    check_names(queries)
    begun = perf_counter()
    generator: Any = partial(Without, without=tuple(without)) if without else Generator
    try:
        space = Space(system, queries, int(memory_gib * 2**30), generator=generator)
    except (MemoryError, KeyboardInterrupt) as error:
        why = out_of_memory(memory_gib) if isinstance(error, MemoryError) else INTERRUPTED
        return Firsts({query.name: None for query in queries}, why, 0, 0)
    why, counts = explored(space, begun, memory_gib, timeout, progress)
    length: dict[str, int | None] = {}
    for query, at in zip(queries, map(int, space.hit), strict=False):
        length[query.name] = None if at == -1 else 0 if at < 0 else len(space.path(at))
    return Firsts(length, why, counts.distinct, counts.transitions)
