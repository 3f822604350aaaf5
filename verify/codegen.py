"""A system as LLVM IR, structured like its tables.

One function for each event of each instance: a switch over the state, then the rows of that cell in turn, each with its
actions in the order of `verify.step`. Signals go into an array that serves as the step's queue; `dispatch` calls the
function of the event at its head. One function for each offer runs through its arguments and choices and
calls `attempt` (see `verify.native`) for each. Monitors, constraint, queries and marks are one function each.

Every such function returns one of the statuses below.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

from model.action import Event, Impossible, Put, Refuse, Set, Signal, Take
from model.expr import Expr, Fired, ModelError, Sent
from model.system import Instance, Offer, System
from model.table import Row
from verify.emit import Body, Expressions, Val, Where, const
from verify.layout import Layout
from verify.reachable import YES, Key, Reachable, low, single

DONE, DISABLED, FULL, IMPOSSIBLE, STAYS = range(5)
NOWHERE = -1  # where a transition leads that only the bounds forbid


class Asked(Protocol):
    """What the generator needs to know of a query."""

    @property
    def when(self) -> Expr: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def initial(self) -> bool: ...


class Generator:
    """The functions of one system. `room`: the largest number of stimuli, and so of successors, one state can have.

    `marks`: expressions over a state, each at a scope. `label`: for each offer that may happen the number of its first arguments,
    counted over all offers; `labels`: how many numbers there are. With `edges` an offer notes the number before each attempt.
    `again`: the status of a step that resends what is still in flight; `beyond`: where a step is recorded to lead that breaks the
    constraint.
    """

    again, beyond = DISABLED, NOWHERE

    def __init__(self, system: System, reach: Reachable, layout: Layout, queries: Sequence[Asked],
                 marks: Sequence[tuple[Expr, str]] = (), *, edges: bool = False) -> None:
        if len(marks) > 64:
            raise ModelError(f"{system.name}: {len(marks)} marks; a state has room for 64")
        self.system, self.reach, self.layout, self.queries = system, reach, layout, queries
        self.expr = Expressions(system, reach, layout)
        self.events: dict[Key, int] = {key: number for number, key in enumerate(sorted(reach.params))}
        self.arity = max((len(masks) for masks in reach.params.values()), default=0) or 1
        self.edges, self.room, self.labels = edges, 0, 0
        self.label: dict[int, int] = {}
        self._row_number = {(one.scope, one.table.name, row.key): at for at, (one, row) in enumerate(system.rows)}
        self._out: list[str] = []
        # Claims first: they say which Sent and Fired flags the rows must set.
        self._questions("ask", [(at, one) for at, one in enumerate(queries)])
        self._questions("ask_initial", [(at, one) for at, one in enumerate(queries) if one.initial])
        self._monitors()
        self._constraint()
        self._mark(marks)
        for key, number in self.events.items():
            self._event(key, number)
        self._dispatch()
        self._offers()
        self.text = "\n".join(self._out)

    def _function(self, head: str, body: Body) -> None:
        self._out += [f"define internal {head} {{", *body.lines, "}", ""]

    # -- claims ----------------------------------------------------------------------------------

    def _questions(self, name: str, queries: Sequence[tuple[int, Asked]]) -> None:
        """For each query without a hit: is it true at one of its scopes? Then this state (its number is given) is the hit."""
        body = Body()
        for at, query in queries:
            scopes = [scope for scope in query.scopes if self.reach.may(query.when, scope) & YES]
            if not scopes:
                continue
            pointer, ask, hit, over = (f"getelementptr (i64, ptr @hit, i64 {at})", *map(body.name, ("ask", "hit", "over")))
            open_ = body.new(f"icmp eq i64 {body.new(f'load i64, ptr {pointer}')}, -1")
            body.do(f"br i1 {open_}, label %{ask}, label %{over}")
            body.label(ask)
            body.cache.clear()
            text = "false"
            for scope in scopes:
                val = self.expr.truth(body, self.expr.value(body, query.when, Where(scope, "@before")))
                text = body.new(f"or i1 {text}, {val}")
            body.do(f"br i1 {text}, label %{hit}, label %{over}")
            body.label(hit)
            body.do(f"store i64 %from, ptr {pointer}")
            hits = body.new("load i64, ptr @hits")
            body.do(f"store i64 {body.new(f'add i64 {hits}, 1')}, ptr @hits")
            body.do(f"br label %{over}")
            body.label(over)
        body.do("ret void")
        self._function(f"void @{name}(i64 %from)", body)

    def _monitors(self) -> None:
        body, writes = Body(), []
        for one in self.system.monitors:
            at = self.system.position(one.scope, one.var)
            if single(self.reach.slots[at]):
                continue
            here = Where(one.scope, "@before")
            when, until = (self.expr.truth(body, self.expr.value(body, expr, here)) for expr in (one.when, one.until))
            cell = self.layout.cell[at]
            was = body.new(f"load i32, ptr {self.expr.pointer(cell, '@before')}")
            was = body.new(f"icmp ne i32 {was}, 0")
            stays = body.new(f"and i1 {was}, {body.new(f'xor i1 {until}, true')}")
            writes.append((cell, body.new(f"zext i1 {body.new(f'or i1 {when}, {stays}')} to i32")))
        for cell, text in writes:
            body.do(f"store i32 {text}, ptr {self.expr.pointer(cell, '@work')}")
        body.do("ret void")
        self._function("void @monitors()", body)

    def _constraint(self) -> None:
        body = Body()
        val = self.expr.value(body, self.system.constraint, Where("", "@before"))
        body.do(f"ret i1 {self.expr.truth(body, val)}")
        self._function("i1 @allowed()", body)

    def _mark(self, marks: Sequence[tuple[Expr, str]]) -> None:
        """Which marks hold in the state in @before, one bit each."""
        body, bits = Body(), "0"
        for at, (expr, scope) in enumerate(marks):
            bit = self.expr.truth(body, self.expr.value(body, expr, Where(scope, "@before")))
            bits = body.new(f"or i64 {bits}, {body.new(f'select i1 {bit}, i64 {signed(1 << at)}, i64 0')}")
        body.do(f"ret i64 {bits}")
        self._function("i64 @mark()", body)

    # -- rows ------------------------------------------------------------------------------------

    def _event(self, key: Key, number: int) -> None:
        """An event of an instance; %args points at its arguments in the queue."""
        scope, name, _ = key
        at = self.system.instance(scope, name)
        assert at is not None
        event, body, params = at.table.event(key[2]), Body(), dict[str, Val]()
        body.lines.append(f"  ; {' '.join(filter(None, key))}")
        for place, (param, mask) in enumerate(zip(event.params, self.reach.params[key], strict=True)):
            text = "" if single(mask) else body.new(f"load i32, ptr {body.new(f'getelementptr i32, ptr %args, i32 {place}')}")
            params[param.name] = Val(text, mask) if text else const(low(mask))
        where = Where(scope, "@work", step=True, params=params)
        state = self.expr.value(body, at.table.state, where)
        cells: dict[int, list[Row]] = {}
        for row in at.table.rows:
            if row.event is event and (scope, name, row.key) in self.reach.live:
                cells.setdefault(row.state.code, []).append(row)
        names = {code: body.name(f"state.{code}.") for code in cells}
        cases = " ".join(f"i32 {code}, label %{label}" for code, label in names.items())
        body.do(f"switch i32 {self.expr.number(body, state)}, label %none [ {cases} ]")
        outer = dict(body.cache)
        for code, rows in cells.items():
            body.label(names[code])
            body.cache = dict(outer)
            self._consult((scope, name, event.name, code), body)
            self._cell(at, event, rows, where, body)
        body.label("none")
        body.do(f"ret i32 {IMPOSSIBLE if event.total else DISABLED}")
        self._function(f"i32 @event{number}(ptr %args)", body)

    def _consult(self, cell: tuple[str, str, str, int], body: Body) -> None:
        bits = sum(1 << self.expr.choices[choice.name] for choice in self.system.choices.get(cell, ()))
        if bits:
            old = body.new("load i64, ptr @consulted")
            body.do(f"store i64 {body.new(f'or i64 {old}, {signed(bits)}')}, ptr @consulted")

    def _cell(self, at: Instance, event: Event, rows: Sequence[Row], where: Where, body: Body) -> None:
        for row in rows:
            condition = self.expr.value(body, row.condition, where)
            if condition.known == 0:
                continue
            if condition.known:
                self._row(at, event, row, where, body)
                return
            here, over = body.name("row"), body.name("next")
            body.do(f"br i1 {self.expr.truth(body, condition)}, label %{here}, label %{over}")
            body.label(here)
            before = dict(body.cache)
            self._row(at, event, row, where, body)
            body.cache = before
            body.label(over)
        body.do("br label %none")

    def _row(self, at: Instance, event: Event, row: Row, where: Where, body: Body) -> None:
        """Everything is read before anything is written, then: writes, next, takes, puts, signals."""
        expr, system = self.expr, self.system
        body.lines.append(f"  ; {row.key}")
        for action in row.actions:
            if isinstance(action, Refuse | Impossible):
                body.do(f"ret i32 {DISABLED if isinstance(action, Refuse) else IMPOSSIBLE}")
                return
        writes = []
        for action in row.actions:
            if isinstance(action, Set):
                pointer, _, slots = expr.place(body, action.target, where)
                text = expr.number(body, expr.value(body, action.value, where))
                if max(expr.layout.cell[slot] for slot in slots) < expr.layout.changing:
                    writes.append((pointer, text))
        signals = [(to, a, [expr.number(body, expr.value(body, a.call.value(p), where)) for p in a.call.event.params])
                   for a in row.actions if isinstance(a, Signal) and (to := system.target(at.scope, a)) is not None]
        puts = [(a, [expr.value(body, v, where) for v in a.fields.values()], expr.truth(body, expr.value(body, a.resend, where)))
                for a in row.actions if isinstance(a, Put)]
        self._record(at, row, where, body)
        for pointer, text in writes:
            body.do(f"store i32 {text}, ptr {pointer}")
        if row.next is not None and not single(self.reach.slots[state := system.position(at.scope, at.table.state)]):
            body.do(f"store i32 {row.next.code}, ptr {expr.pointer(expr.layout.cell[state], '@work')}")
        for action in row.actions:
            if isinstance(action, Take):
                self._take(at, event, action, where, body)
        for put, values, resend in puts:
            self._put(at, put, values, resend, body)
        for to, action, texts in signals:
            tail = body.new("load i32, ptr @tail")
            number = self.events[(to.scope, to.table.name, action.call.event.name)]
            body.do(f"store i32 {number}, ptr {body.new(f'getelementptr i32, ptr @queue, i32 {tail}')}")
            base = body.new(f"getelementptr [{self.arity} x i32], ptr @args, i32 {tail}")
            for place, text in enumerate(texts):
                body.do(f"store i32 {text}, ptr {body.new(f'getelementptr i32, ptr {base}, i32 {place}')}")
            body.do(f"store i32 {body.new(f'add i32 {tail}, 1')}, ptr @tail")
        body.do(f"ret i32 {DONE}")

    def _record(self, at: Instance, row: Row, where: Where, body: Body) -> None:
        """Note that the row fired: for the counts, for restoring the state, and for claims that ask."""
        number = body.new("load i32, ptr @nfired")
        pointer = body.new(f"getelementptr i32, ptr @fired, i32 {number}")
        body.do(f"store i32 {self._row_number[(at.scope, at.table.name, row.key)]}, ptr {pointer}")
        body.do(f"store i32 {body.new(f'add i32 {number}, 1')}, ptr @nfired")
        for flag, leaf, scope in self.expr.flags.values():
            if isinstance(leaf, Fired) and scope == at.scope and row.name in leaf.rows:
                instance = self.system.instance(scope, leaf.table)
                if instance is not None and row in instance.table.rows:
                    pointer = f"getelementptr (i32, ptr @flags, i32 {flag})"
                    fits = body.new(f"zext i1 {self.expr.truth(body, self.expr.value(body, leaf.where, where))} to i32")
                    seen = body.new(f"load i32, ptr {pointer}")
                    body.do(f"store i32 {body.new(f'or i32 {seen}, {fits}')}, ptr {pointer}")

    def _unless(self, failed: str, status: str, body: Body) -> None:
        """Return the status if this i1 is true."""
        if failed == "false":
            return
        stop, on = body.name("stop"), body.name("on")
        body.do(f"br i1 {failed}, label %{stop}, label %{on}")
        body.label(stop)
        body.do(f"ret i32 {status}")
        body.label(on)

    def _take(self, at: Instance, event: Event, action: Take, where: Where, body: Body) -> None:
        place = self.system.wire(at.scope, action.channel.table)
        if place is None or len(event.params) != len(action.channel.fields):
            raise ModelError(f"{self.system.name}: {at.scope}.{at.table.name} on {event.name} takes from "
                             f"{action.channel.table}, which is not there or has other fields")
        wire = self.layout.wires.get(place[1]) if place[2] else None
        if wire is None:
            self._unless("true", str(DISABLED), body)
            return
        values = [where.params[param.name] for param in event.params]
        self._unless(self.expr.outside(body, wire, values), str(DISABLED), body)
        code = self.expr.encode(body, wire, values)
        status = body.new(f"call i32 @take(ptr {self.expr.pointer(wire.cell, '@work')}, i32 {wire.capacity}, i32 {code})")
        self._unless(body.new(f"icmp ne i32 {status}, 0"), status, body)

    def _put(self, at: Instance, put: Put, values: list[Val], resend: str, body: Body) -> None:
        place = self.system.channel(at.scope, put)
        if place is not None and not place[2]:
            self._unless("true", str(FULL), body)
        elif place is not None:
            wire = self.layout.wires[place[1]]
            code = self.expr.encode(body, wire, values)
            cells = self.expr.pointer(wire.cell, "@work")
            status = body.new(f"call i32 @put(ptr {cells}, i32 {wire.capacity}, i32 {code}, i1 {resend})")
            self._unless(body.new(f"icmp ne i32 {status}, 0"), status, body)
        params = {param.name: value for param, value in zip(put.channel.fields, values, strict=True)}
        for flag, leaf, scope in self.expr.flags.values():
            if isinstance(leaf, Sent) and scope == at.scope and leaf.channel == put.channel.table:
                inside = Where("", "@work", body.name("put"), params=params)
                matches = self.expr.truth(body, self.expr.value(body, leaf.where, inside))
                pointer = f"getelementptr (i32, ptr @flags, i32 {flag})"
                old, new = body.new(f"load i32, ptr {pointer}"), body.new(f"zext i1 {matches} to i32")
                body.do(f"store i32 {body.new(f'or i32 {old}, {new}')}, ptr {pointer}")

    def _dispatch(self) -> None:
        body = Body()
        cases = " ".join(f"i32 {number}, label %e{number}" for number in self.events.values())
        body.do(f"switch i32 %event, label %none [ {cases} ]")
        for number in self.events.values():
            body.label(f"e{number}")
            body.do(f"ret i32 {body.new(f'call i32 @event{number}(ptr %args)')}")
        body.label("none")
        body.do("unreachable")
        self._function("i32 @dispatch(i32 %event, ptr %args)", body)

    # -- offers ----------------------------------------------------------------------------------

    def _offers(self) -> None:
        """`stimuli`: every stimulus of the state in @before, in the order of `verify.step.stimuli`."""
        every = Body()
        for number, offer in enumerate(self.system.offers):
            if number in self.reach.offers and self._offer(number, offer):
                status = every.new(f"call i32 @offer{number}(i64 %from)")
                self._unless(every.new(f"icmp ne i32 {status}, 0"), status, every)
        every.do(f"ret i32 {DONE}")
        self._function("i32 @stimuli(i64 %from)", every)

    def _offer(self, number: int, offer: Offer) -> bool:
        """One offer; False if it never has arguments. Returns DONE, or IMPOSSIBLE if a row that cannot happen did."""
        system, body = self.system, Body()
        instance = system.instance(offer.scope, offer.table.name)
        assert instance is not None
        event = self.events.get((instance.scope, instance.table.name, offer.event.name))
        if event is None:
            return False
        body.lines.append(f"  ; {offer.scope} {offer.table.name} {offer.event.name}")
        when = system.offer_of[(offer.scope, offer.table.name, offer.event.name)].when
        truth = self.expr.truth(body, self.expr.value(body, when, Where(offer.scope, "@before")))
        body.do(f"br i1 {truth}, label %enter, label %done")
        body.label("enter")
        count = self._arguments(number, offer, body)
        self._choices(number, event, body)
        self.room += count * prod(choice.sort.size for choice in system.offer_choices[number])
        body.label("next")
        body.do("%up = add i32 %at, 1")
        body.do("br label %loop")
        body.label("done")
        body.do(f"ret i32 {DONE}")
        self._function(f"i32 @offer{number}(i64 %from)", body)
        return True

    def _arguments(self, number: int, offer: Offer, body: Body) -> int:
        """The loop over the arguments, which puts them at the head of the queue; the number of turns at most."""
        wire = None
        self.label[number] = self.labels
        if offer.event.takes is None:
            rows = list(offer.arguments())
            flat = ", ".join(f"i32 {code}" for row in rows for code in row) or "i32 0"
            width = len(offer.event.params)
            self._out.append(f"@arguments{number} = internal constant [{max(1, len(rows) * width)} x i32] [ {flat} ]")
            count = len(rows)
            self.labels += count
        else:
            place = self.system.wire(offer.scope, offer.event.takes.table)
            assert place is not None  # Reachable has refused the system otherwise
            wire = self.layout.wires[place[1]]
            count = wire.capacity
            self.labels += wire.codes
        body.do("br label %loop")
        body.label("loop")
        body.do("%at = phi i32 [ 0, %enter ], [ %up, %next ]")
        body.do(f"br i1 {body.new(f'icmp slt i32 %at, {count}')}, label %turn, label %done")
        body.label("turn")
        if wire is None:
            base = body.new(f"getelementptr [{width} x i32], ptr @arguments{number}, i32 %at")
            texts = [body.new(f"load i32, ptr {body.new(f'getelementptr i32, ptr {base}, i32 {slot}')}") for slot in range(width)]
        else:
            cells = self.expr.pointer(wire.cell, "@before")
            code = body.new(f"load i32, ptr {body.new(f'getelementptr i32, ptr {cells}, i32 %at')}")
            empty = body.new(f"icmp eq i32 {code}, 0")
            # Slots are sorted, so an equal message stands just before; nothing stands before the first.
            index = body.new(f"select i1 {body.new('icmp eq i32 %at, 0')}, i32 0, i32 {body.new('sub i32 %at, 1')}")
            last = body.new(f"load i32, ptr {body.new(f'getelementptr i32, ptr {cells}, i32 {index}')}")
            same = body.new(f"and i1 {body.new(f'icmp eq i32 {last}, {code}')}, {body.new('icmp ne i32 %at, 0')}")
            body.do(f"br i1 {body.new(f'or i1 {empty}, {same}')}, label %next, label %message")
            body.label("message")
            texts = [self.expr.number(body, val) for val in self.expr.decode(body, wire, code).values()]
        for slot, text in enumerate(texts):
            body.do(f"store i32 {text}, ptr getelementptr (i32, ptr @args, i32 {slot})")
        if self.edges:
            label = body.new(f"add i32 {self.label[number]}, {'%at' if wire is None else code}")
            body.do(f"store i32 {label}, ptr @label")
        body.do("br label %run")
        body.label("run")
        return count

    def _choices(self, number: int, event: int, body: Body) -> None:
        """Runs the stimulus with every choice. Choices that a step did not consult are not varied: the others of that kind
        take the same course, and are disabled, or as full as this one was."""
        choices = [(self.expr.choices[choice.name], choice.sort.size) for choice in self.system.offer_choices[number]
                   if choice.sort.size > 1]
        made = "0"
        for at, _ in choices:
            is_set = body.new(f"icmp ne i32 {body.new(f'load i32, ptr {choice_at(at)}')}, 0")
            made = body.new(f"or i64 {made}, {body.new(f'select i1 {is_set}, i64 {signed(1 << at)}, i64 0')}")
        body.do(f"%status = call i32 @attempt(i64 %from, i32 {event}, i64 {made})")
        self._unless(body.new(f"icmp eq i32 %status, {IMPOSSIBLE}"), "%status", body)
        full = body.new(f"zext i1 {body.new(f'icmp eq i32 %status, {FULL}')} to i64")
        consulted = body.new("load i64, ptr @consulted") if choices else "0"
        for turn, (at, size) in enumerate(reversed(choices)):
            body.do(f"br label %seek{turn}")
            body.label(f"seek{turn}")
            used = body.new(f"icmp ne i64 {body.new(f'and i64 {consulted}, {signed(1 << at)}')}, 0")
            body.do(f"br i1 {used}, label %last{turn}, label %skip{turn}")
            body.label(f"last{turn}")
            self._count_full(full, prod(size for _, size in choices[len(choices) - turn:]), body)
            body.do(f"br label %advance{turn}")
            body.label(f"advance{turn}")
            more = body.new(f"add i32 {body.new(f'load i32, ptr {choice_at(at)}')}, 1")
            body.do(f"br i1 {body.new(f'icmp slt i32 {more}, {size}')}, label %again{turn}, label %wrap{turn}")
            body.label(f"again{turn}")
            body.do(f"store i32 {more}, ptr {choice_at(at)}")
            body.do("br label %run")
            body.label(f"wrap{turn}")
            body.do(f"store i32 0, ptr {choice_at(at)}")
            body.do(f"br label %{'next' if turn + 1 == len(choices) else f'advance{turn + 1}'}")
            body.label(f"skip{turn}")
            body.do(f"store i32 0, ptr {choice_at(at)}")
        self._count_full(full, prod(size for _, size in choices), body)
        body.do("br label %next")

    def _count_full(self, full: str, alike: int, body: Body) -> None:
        old, more = body.new("load i64, ptr @full"), body.new(f"mul i64 {full}, {alike}")
        body.do(f"store i64 {body.new(f'add i64 {old}, {more}')}, ptr @full")


def choice_at(at: int) -> str:
    return f"getelementptr (i32, ptr @choice, i32 {at})"


def signed(bits: int) -> int:
    """A 64-bit mask as LLVM writes it."""
    return bits - (1 << 64) if bits >> 63 else bits
