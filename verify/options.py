"""The native code of a game: what one end does is its answer, everything else the environment's move.

A recorded transition carries the number of the environment's move: offer, arguments, and the choices that are not the end's. The
transitions of a state with the same number are what the end may answer. Beside a state, a transition may lead to

    NOBODY   the answer does not fit on the wire, or leads to a row that says impossible: to readings that do not change from event to
             event it is
    BROKEN   the claim breaks; nothing is explored from there

and a step that would resend what is still in flight leads back to where it began: such a copy adds nothing.

The end reads the text anew at each event that its tables process. What it chooses is not the readings, whose combinations are
thousands, but the row: the first, second, ... of those that some values allow. A choice of the model (which SA) counts as consulted
only where a row that reads it is tried. What was not consulted is not varied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from model.action import Event, action_exprs
from model.expr import FALSE, Choice, Expr, ModelError, Op, Range, conj, disj, walk
from model.system import Instance, System
from model.table import Row
from verify.codegen import IMPOSSIBLE, STAYS, Asked, Generator, choice_at, signed
from verify.emit import Body, Where
from verify.layout import Layout
from verify.native import WAITING
from verify.reachable import Key, Reachable
from verify.rereading import Rereading, Variant

BROKEN = 0xFFFFFFFE
MOST = 1 << 16  # transitions a state may have; a space in which one has more is `crowded`, and not to be relied on
_NTH = Range("Nth", 63)  # which of the rows that are allowed


class Options(Generator):
    """`broken` at `scope`: what breaks the claim. `rereading`: the end whose game it is."""

    again, beyond = STAYS, BROKEN - (1 << 32)

    def __init__(self, system: System, reach: Reachable, layout: Layout, queries: Sequence[Asked],
                 marks: Sequence[tuple[Expr, str]] = (), *, edges: bool, broken: Expr, scope: str, rereading: Rereading) -> None:
        self.broken, self.scope, self.rereading = broken, scope, rereading
        self._pickers: dict[Key, Choice] = {}  # by event of the end
        self._of: dict[int, Variant] = {}
        self._kept: list[Expr] = []  # code is found again by the id of its expression
        super().__init__(system, reach, layout, queries, marks, edges=edges)
        self.room = min(self.room, 1) * MOST
        self._out += [f"@many = internal global [{max(1, len(self.expr.choices))} x i32] zeroinitializer",
                      f"@stride = internal constant i32 {self.labels}", "@varied = internal global i64 0"]
        self.text = "\n".join(self._out)

    def _constraint(self) -> None:
        body = Body()
        val = self.expr.truth(body, self.expr.value(body, self.broken, Where(self.scope, "@before")))
        body.do(f"ret i1 {body.new(f'xor i1 {val}, true')}")
        self._function("i1 @allowed()", body)

    # -- which row -------------------------------------------------------------------------------

    def _consult(self, cell: tuple[str, str, str, int], body: Body) -> None:
        """Not a whole cell at once."""

    def _consulted(self, exprs: Collection[Expr], body: Body) -> None:
        """Note that the step consults the choices that these read."""
        bits = 0
        for choice in (node for expr in exprs for node in walk(expr) if isinstance(node, Choice)):
            bits |= 1 << self.expr.number_of(choice)
        if bits:
            old = body.new("load i64, ptr @consulted")
            body.do(f"store i64 {body.new(f'or i64 {old}, {signed(bits)}')}, ptr @consulted")

    def _record(self, at: Instance, row: Row, where: Where, body: Body) -> None:
        super()._record(at, self._of[id(row)].of if id(row) in self._of else row, where, body)

    def _cell(self, at: Instance, event: Event, rows: Sequence[Row], where: Where, body: Body) -> None:
        every = [one for row in rows for one in self.rereading.variants(row)] if self.rereading.of_end(at.scope) else [
            Variant(row, row, False) for row in rows]
        self._of |= {id(one.row): one for one in every}
        for row in (one.row for one in every if not one.free):
            over, certain, before = body.name("next"), True, body.cache
            parts = _parts(row.condition)
            self._kept += parts
            for part in parts:
                self._consulted([part], body)
                val = self.expr.value(body, part, where)
                if certain:  # computed on the way to the rows below, too
                    before = dict(body.cache)
                if val.known == 1:
                    continue
                certain, on = False, body.name("on")
                body.do(f"br i1 {self.expr.truth(body, val)}, label %{on}, label %{over}")
                body.label(on)
            self._consulted([expr for action in row.actions for expr in action_exprs(action)], body)
            self._row(at, event, row, where, body)
            body.cache = before
            if certain:
                return
            body.label(over)
        free = [one.row for one in every if one.free]
        none = FALSE if event.total or not free else self.rereading.possible(~disj(*(row.condition for row in rows)))
        idle = none if none is FALSE else none & disj(*(row.condition for row in free))
        self._pick(at, event, free, idle, where, body)

    def _pick(self, at: Instance, event: Event, rows: Sequence[Row], idle: Expr, where: Where, body: Body) -> None:
        """The n-th of the rows that are allowed, n being chosen for this event in this step; the last, if there are fewer. `idle`: where
        some values of the readings allow a row and others none, so that a stimulus may also be left alone."""
        guards = [*(row.condition for row in rows), *([idle] if idle is not FALSE else [])]
        self._kept += guards
        self._consulted(guards, body)
        truths = [self.expr.truth(body, self.expr.value(body, guard, where)) for guard in guards]
        before = ["0"]
        for truth in truths:
            before.append(body.new(f"add i32 {before[-1]}, {body.new(f'zext i1 {truth} to i32')}"))
        index = "0"
        if len(guards) > 1:
            name = f"{self.rereading.end}:{at.scope}.{at.table.name} {event.name}"
            choice = self._pickers.setdefault((at.scope, at.table.name, event.name), Choice(name, _NTH))
            number, several, chosen = self.expr.number_of(choice), body.name("several"), body.name("chosen")
            most, code = f"getelementptr (i32, ptr @many, i32 {number})", body.new(f"load i32, ptr {choice_at(number)}")
            last = body.new(f"add i32 {before[-1]}, -1")
            index = body.new(f"select i1 {body.new(f'icmp slt i32 {code}, {last}')}, i32 {code}, i32 {last}")
            body.do(f"br i1 {body.new(f'icmp sgt i32 {before[-1]}, 1')}, label %{several}, label %{chosen}")
            body.label(several)
            self._consulted([choice], body)
            old = body.new(f"load i32, ptr {most}")
            more = body.new(f"icmp sgt i32 {before[-1]}, {old}")
            body.do(f"store i32 {body.new(f'select i1 {more}, i32 {before[-1]}, i32 {old}')}, ptr {most}")
            body.do(f"br label %{chosen}")
            body.label(chosen)
        for row, truth, number_before in zip((*rows, None), truths, before, strict=False):
            here, over, cache = body.name("row"), body.name("next"), dict(body.cache)
            first = body.new(f"icmp eq i32 {number_before}, {index}")
            body.do(f"br i1 {body.new(f'and i1 {truth}, {first}')}, label %{here}, label %{over}")
            body.label(here)
            if row is None:
                body.do(f"ret i32 {STAYS}")
            else:
                self._consulted([expr for action in row.actions for expr in action_exprs(action)], body)
                self._row(at, event, row, where, body)
            body.cache = cache
            body.label(over)
        body.do("br label %none")

    # -- what is varied --------------------------------------------------------------------------

    def _varied(self, number: int) -> tuple[list[Choice], list[Choice]]:
        """The choices that a stimulus may consult: the environment's; the end's, what is processed first before what follows."""
        keys = self.system.reach(self.system.offers[number])
        others, own = dict[str, Choice](), dict[str, Choice]()
        for (scope, table, event, _), choices in self.system.choices.items():
            if (scope, table, event) in keys:
                for choice in choices:
                    renamed = self.rereading.put_in(choice, {}) if self.rereading.of_end(scope) else choice
                    assert isinstance(renamed, Choice)
                    (others if renamed is choice else own)[renamed.name] = renamed
        pickers = [self._pickers[key] for key in _in_order(self.system, keys) if key in self._pickers]
        return [others[name] for name in sorted(others)], [*pickers, *(own[name] for name in sorted(own))]

    def _choices(self, number: int, event: int, body: Body) -> None:
        others, own = self._varied(number)
        choices = [(choice, self.expr.number_of(choice)) for choice in (*others, *own)]
        base, stride = body.new("load i32, ptr @label"), body.new("load i32, ptr @stride")
        for choice, at in choices:
            body.do(f"store i32 {0 if choice.sort is _NTH else choice.sort.size}, ptr getelementptr (i32, ptr @many, i32 {at})")
        body.do("store i64 0, ptr @varied")
        body.do("br label %try")
        body.label("try")
        self._crowded([at for _, at in choices], body)
        made, move, moves = "0", "0", 1
        for choice, at in choices:
            code = body.new(f"load i32, ptr {choice_at(at)}")
            if any(choice is one for one in own):
                is_set = body.new(f"icmp ne i32 {code}, 0")
                made = body.new(f"or i64 {made}, {body.new(f'select i1 {is_set}, i64 {signed(1 << at)}, i64 0')}")
            else:
                move, moves = body.new(f"add i32 {code}, {body.new(f'mul i32 {move}, {choice.sort.size}')}"), moves * choice.sort.size
        if moves * (1 << 20) >= BROKEN:
            raise ModelError(f"{self.system.name}: the environment has {moves} choices in one step; a game has room for 4095")
        moved = body.new(f"mul i32 {move}, {stride}")
        body.do(f"store i32 {body.new(f'add i32 {base}, {moved}')}, ptr @label")
        body.do(f"%status = call i32 @attempt(i64 %from, i32 {event}, i64 {made})")
        body.do(f"br i1 {body.new(f'icmp eq i32 %status, {IMPOSSIBLE}')}, label %never, label %done.1")
        body.label("never")
        body.do("call void @blocked(i64 %from, i32 -1)")
        body.do("br label %done.1")
        body.label("done.1")
        old, consulted = body.new("load i64, ptr @varied"), body.new("load i64, ptr @consulted")
        varied = body.new(f"or i64 {old}, {consulted}")
        body.do(f"store i64 {varied}, ptr @varied")
        body.do("br label %seek0")
        for turn, (_, at) in enumerate(reversed(choices)):
            kept = sum(1 << place for _, place in choices[:len(choices) - turn])
            body.label(f"seek{turn}")
            used = body.new(f"icmp ne i64 {body.new(f'and i64 {varied}, {signed(1 << at)}')}, 0")
            body.do(f"br i1 {used}, label %advance{turn}, label %seek{turn + 1}")
            body.label(f"advance{turn}")
            more = body.new(f"add i32 {body.new(f'load i32, ptr {choice_at(at)}')}, 1")
            most = body.new(f"load i32, ptr getelementptr (i32, ptr @many, i32 {at})")
            body.do(f"br i1 {body.new(f'icmp slt i32 {more}, {most}')}, label %again{turn}, label %wrap{turn}")
            body.label(f"again{turn}")
            body.do(f"store i32 {more}, ptr {choice_at(at)}")
            body.do(f"store i64 {body.new(f'and i64 {varied}, {signed(kept)}')}, ptr @varied")
            body.do("br label %try")
            body.label(f"wrap{turn}")
            body.do(f"store i32 0, ptr {choice_at(at)}")
            body.do(f"br label %seek{turn + 1}")
        body.label(f"seek{len(choices)}")
        body.do("br label %next")

    def _crowded(self, places: Sequence[int], body: Body) -> None:
        """Where the room reserved for a state is used up: say so, and leave the rest of it out."""
        fits = []
        for used, most in (("count", "capacity"), ("edge_count", "edge_capacity")):
            need = body.new(f"add i64 {body.new(f'load i64, ptr @{used}')}, {2 * WAITING}")
            fits.append(body.new(f"icmp ule i64 {need}, {body.new(f'load i64, ptr @{most}')}"))
        body.do(f"br i1 {body.new(f'and i1 {fits[0]}, {fits[1]}')}, label %fits, label %crowd")
        body.label("crowd")
        body.do("store i64 1, ptr @crowded")
        for at in places:
            body.do(f"store i32 0, ptr {choice_at(at)}")
        body.do("br label %next")
        body.label("fits")


def _in_order(system: System, keys: Collection[Key]) -> list[Key]:
    """Events, those that signal others before these."""
    found: list[Key] = []

    def visit(key: Key) -> None:
        if key not in found:
            for after in sorted(system.successors_of.get(key, ())):
                visit(after)
            found.append(key)

    for key in sorted(keys):
        visit(key)
    return found[::-1]


def _parts(condition: Expr) -> list[Expr]:
    """What a condition demands, joined: first all that reads no choice, then one by one what does."""
    every = list(_conjuncts(condition))
    free = [any(isinstance(node, Choice) for node in walk(part)) for part in every]
    fixed = [part for part, reads in zip(every, free, strict=True) if not reads]
    return [*([conj(*fixed)] if fixed else []), *(part for part, reads in zip(every, free, strict=True) if reads)]


def _conjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Op) and expr.op == "and":
        for kid in expr.children:
            yield from _conjuncts(kid)
    else:
        yield expr
