"""The native state space: generated code, the states it has found, and the memory for both.

A state's number is its place in breadth-first order, the same as that of `verify.reference.explore`. States are kept in
full (packed words), each with the number of the state it was first reached from, and found again through an open-addressing
table of numbers. New states wait in a short queue while the table's cache lines are fetched; they
leave it in order, so that the numbering does not depend on it.

The fixed part of the code is `runtime.ll`. The code is first compiled in a hurry, which suits the many searches that take a
second; `tune` compiles it once more with all optimisations, in the background, and goes over to that when it is ready.

Python calls `expand` for a few tens of milliseconds of work at a time and gives it more memory in between. Before a state is
expanded there is room for every successor it could have, so that no state is ever half expanded.

A space may also record its transitions: 12 bytes each, in the order of the states they leave.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from string import Template
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from model.expr import Expr, ModelError
from model.system import Offer, State, System
from verify.codegen import DISABLED, DONE, FULL, IMPOSSIBLE, STAYS, Asked, Generator
from verify.emit import Body
from verify.layout import Layout
from verify.reachable import Reachable

NOBODY = 0xFFFFFFFF  # the parent of an initial state
WAITING = 32
REHASH = 1 << 20
SMALLEST = 1 << 12
LOAD = 0.6  # the table is enlarged beyond this load where memory allows, and never filled beyond FULLEST
FULLEST = 0.85
EDGE = 12  # bytes of a recorded transition

# What Python reads or sets by name; all are i64.
COUNTERS = ("states", "parents", "table", "mask", "count", "capacity", "attempts", "transitions", "rejected", "full", "hits",
            "enough", "missing", "failed", "edges", "edge_count", "edge_capacity", "crowded")


class Space:
    """The state space of one system, as far as it has been explored.

    `limit`: bytes that states, parents and table may take together. `queries`: asked of every transition until hit. `rows`: numbers
    in `System.rows`; if any are given, exploring stops after the state in which the last of them has fired. `edges`: record
    transitions. `marks`: expressions over a state, each at a scope, that `marked` evaluates. `generator`: what makes the code;
    `reach`: what may be reached, where the generator makes more of the tables than they say.
    Raises ModelError where the system cannot be generated, MemoryError where not even the initial states fit.

    `restart` explores the same system from other states with the same code; `initial`: those it started from last.
    """

    def __init__(self, system: System, queries: Sequence[Asked], limit: int, *, stop_when_all_hit: bool = False,
                 rows: Sequence[int] = (), edges: bool = False, marks: Sequence[tuple[Expr, str]] = (),
                 generator: Callable[..., Generator] = Generator, reach: Reachable | None = None) -> None:
        self.system, self.limit, self.initial = system, limit, system.initial
        self.reach = reach or Reachable(system)
        self.layout = Layout(system, self.reach)
        made = generator(system, self.reach, self.layout, queries, marks, edges=edges)
        self.labels, self._label = made.labels, made.label
        # What one state can add, and the waiting successors of the states before it.
        self.room = made.room + WAITING
        self._edge_room = self.room if edges else 0
        self._source = _source(system, self.layout, made, len(queries), self.room, self._edge_room)
        self._better: Future[Any] | None = None
        self._sizes = {**dict.fromkeys(COUNTERS, 1), "rows": len(system.rows) or 1, "wanted": len(system.rows) or 1,
                       "hit": len(queries) or 1}
        self._install(_compile(self._source, tuned=False))
        self._shared["wanted"][list(rows)] = 1
        self._missing = len(set(rows)) or -1
        self["enough"] = len(queries) if stop_when_all_hit and queries else len(queries) + 1
        self._start()

    def _install(self, module: Any) -> None:
        """Go over to this compiled module."""
        self._module = module  # owns the memory that the arrays below show
        self._shared: dict[str, NDArray[np.int64]] = {
            name: np.ctypeslib.as_array((ctypes.c_int64 * size).from_address(module.get_global_value_address(name)))
            for name, size in self._sizes.items()}
        self.rows, self.hit = self._shared["rows"], self._shared["hit"]
        number = ctypes.c_int64
        self._expand = ctypes.CFUNCTYPE(number, number, number, number)(module.get_function_address("expand"))
        self._rehash = ctypes.CFUNCTYPE(None, number, number)(module.get_function_address("rehash"))
        self._begin = ctypes.CFUNCTYPE(None, number)(module.get_function_address("begin"))
        self._marks = ctypes.CFUNCTYPE(None, number, number, number)(module.get_function_address("marks"))

    def tune(self, wait: bool = False) -> None:
        """Have the code compiled with all optimisations; a later `expand`, or with `wait` the next one, uses it."""
        if self._better is None:
            pool = ThreadPoolExecutor(1)
            self._better = pool.submit(_compile, self._source, tuned=True)
            pool.shutdown(wait=False)
        if wait or self._better.done():
            module, old = self._better.result(), self._shared
            if module is not self._module:
                before = self._module  # kept until its numbers are copied
                self._install(module)
                for name, array in self._shared.items():
                    array[:] = old[name]
                del before

    def __getitem__(self, name: str) -> int:
        return int(self._shared[name][0])

    def __setitem__(self, name: str, value: int) -> None:
        self._shared[name][0] = value

    def restart(self, initial: Sequence[State]) -> None:
        """Forget what was found and start from these states instead, with the same code. Raises ModelError for a state whose values the
        code was not made for, MemoryError where they do not fit."""
        self.initial = tuple(dict.fromkeys(initial))
        self.layout.check(self.initial)
        for state in self.initial:
            if not self.reach.has(state):
                raise ModelError(f"{self.system.name}: no code was made for a value of the initial state\n{self.system.describe(state)}")
        for name in ("count", "transitions", "rejected", "full", "hits", "failed"):
            self[name] = 0
        self.rows[:] = 0
        self._start()

    def _start(self) -> None:
        # Memory grows anew each time, so that what fits does not depend on what was explored before.
        self.states: NDArray[np.uint64] = np.empty((0, self.layout.words), np.uint64)
        self.parents: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._table: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._edges: NDArray[np.uint32] = np.empty((0, 3), np.uint32)
        self["edge_count"] = self["edge_capacity"] = 0
        self.hit[:] = -1
        self["missing"] = self._missing
        initial = [self.layout.pack(state) for state in self.initial]
        if not self._resize(max(SMALLEST, len(initial) + self.room)) and not self._resize(len(initial) + self.room):
            raise MemoryError
        self.states[:len(initial)] = initial
        self.parents[:len(initial)] = NOBODY
        self["count"] = len(initial)
        self._fill()
        if self._edge_room and not self._more_edges():
            raise MemoryError
        for number in range(len(initial)):
            self._begin(number)

    # -- memory ----------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        return self["count"]

    def _resize(self, capacity: int, pause: Callable[[], None] | None = None) -> bool:
        """Make room for this many states; False if that is more than the limit (while the old table is still there) or more
        than the machine has. What is there stays."""
        entries = len(self._table)
        wanted = 1 << max(capacity / LOAD, 1).__ceil__().bit_length()
        need = capacity * (8 * self.layout.words + 4) + self._edges.nbytes
        larger = wanted > entries and need + (wanted + entries) * 4 <= self.limit
        kept = capacity <= entries * FULLEST and need + entries * 4 <= self.limit
        if capacity >= NOBODY or not (larger or kept):
            return False
        try:
            table = np.zeros(wanted, np.uint32) if larger else self._table
            self.states.resize((capacity, self.layout.words), refcheck=False)
            self.parents.resize(capacity, refcheck=False)
        except MemoryError:
            return False
        self._table = table
        self["states"], self["parents"], self["table"] = (one.ctypes.data for one in (self.states, self.parents, self._table))
        self["capacity"], self["mask"] = min(len(self.states), len(self.parents)), len(self._table) - 1
        if larger:
            self._fill(pause)
        return True

    def _fill(self, pause: Callable[[], None] | None = None) -> None:
        """Enter all states in the empty table."""
        for start in range(0, self.count, REHASH):
            self._rehash(start, min(self.count, start + REHASH))
            if pause is not None:
                pause()

    def grow(self, pause: Callable[[], None] | None = None) -> bool:
        """Make room to expand at least one more state; False if the limit does not allow it. Calls `pause` now and then; if that
        raises, the space can still be read, but not expanded any more."""
        if self._edge_full and not self._more_edges():
            return False
        need, capacity = self.count + self.room, self["capacity"]
        if self._edge_room and need <= capacity:  # only the edges wanted room
            return True
        sizes = (2 * capacity, capacity * 3 // 2, capacity * 5 // 4, capacity * 9 // 8, need)
        return any(self._resize(size, pause) for size in sizes if size >= need)

    def _more_edges(self) -> bool:
        """Make room for half as many transitions again; False if that is more than the limit or than the machine has."""
        wanted = max(self["edge_count"] + 8 * self._edge_room, self["edge_capacity"] * 3 // 2)
        if wanted * EDGE + self.states.nbytes + self.parents.nbytes + self._table.nbytes > self.limit:
            return False
        try:
            self._edges.resize((wanted, 3), refcheck=False)
        except MemoryError:
            return False
        self["edges"], self["edge_capacity"] = self._edges.ctypes.data, wanted
        return True

    # -- exploring -------------------------------------------------------------------------------

    def expand(self, start: int, end: int, budget: int) -> int:
        """Expand the states from `start` up to `end`, for about `budget` attempted stimuli; the first not expanded. Where this is
        not `end`: the budget is used up, `full`: there is no more room, `all_hit` or `all_fired`."""
        return int(self._expand(start, end, budget))

    @property
    def full(self) -> bool:
        """Is there too little room to expand another state?"""
        return self.count + self.room > self["capacity"] or self._edge_full

    @property
    def _edge_full(self) -> bool:
        return self["edge_count"] + self._edge_room > self["edge_capacity"]

    @property
    def all_fired(self) -> bool:
        """Have all rows fired that were given to wait for?"""
        return self["missing"] == 0

    @property
    def all_hit(self) -> bool:
        return self["hits"] >= self["enough"]

    def state(self, number: int) -> State:
        """A state by its number."""
        return self.layout.unpack(self.states[number])

    def path(self, number: int) -> list[int]:
        """The numbers of the states from an initial one to this one, each reached first from the one before."""
        found = [number]
        while self.parents[found[-1]] != NOBODY:
            found.append(int(self.parents[found[-1]]))
        return found[::-1]

    # -- what was recorded -----------------------------------------------------------------------

    @property
    def edges(self) -> NDArray[np.uint32]:
        """The transitions recorded: from, to, label (see `stimulus`), sorted by from. Where a bound alone forbids a stimulus (the
        wire is full, or the constraint would break) `to` is NOBODY; another generator may say more (see `verify.options`)."""
        return self._edges[:self["edge_count"]]

    def offered(self) -> Iterator[tuple[Offer, int, int]]:
        """The offers that may happen, and the labels of each: from and up to."""
        firsts = [*self._label.values(), self.labels]
        for number, first, end in zip(self._label, firsts, firsts[1:], strict=False):
            yield self.system.offers[number], first, end

    def stimulus(self, label: int) -> tuple[Offer, tuple[int, ...]]:
        """The offer and the arguments that a label stands for."""
        offer, rest = next((offer, label - first) for offer, first, end in self.offered() if first <= label < end)
        if offer.event.takes is None:
            return offer, list(offer.arguments())[rest]
        place = self.system.wire(offer.scope, offer.event.takes.table)
        assert place is not None
        return offer, offer.event.takes.decode(self.layout.wires[place[1]].unpack(rest))

    def marked(self) -> NDArray[np.uint64]:
        """For each state which of the marks hold there, one bit each."""
        found = np.zeros(self.count, np.uint64)
        self._marks(0, self.count, found.ctypes.data)
        return found


def _source(system: System, layout: Layout, generator: Generator, queries: int, room: int, edge_room: int) -> str:
    """The whole module as text."""
    constants, flags = layout.initial_cells(), max(1, len(generator.expr.flags))
    cells = f"[{layout.cells} x i32] [ {', '.join(f'i32 {code}' for code in constants)} ]"
    zeros = {"flags": (flags, "i32"), "queue": (system.queue, "i32"), "args": (system.queue * generator.arity, "i32"),
             "fired": (system.queue, "i32"), "choice": (max(1, len(generator.expr.choices)), "i32"),
             "waiting": (WAITING * layout.words, "i64"), "hashes": (WAITING, "i64"), "origins": (WAITING, "i32"),
             "labels": (WAITING, "i32")}
    shared = {"rows": (len(system.rows) or 1, "i64"), "wanted": (len(system.rows) or 1, "i64"), "hit": (queries or 1, "i64")}
    lines = [f"@{name} = global i64 0" for name in COUNTERS]
    lines += [f"@{name} = internal global {kind} 0" for name, kind in (("tail", "i32"), ("nfired", "i32"), ("nwaiting", "i32"),
                                                                      ("label", "i32"), ("consulted", "i64"))]
    lines += [f"@{name} = internal global {cells}, align 64" for name in ("before", "work")]
    lines += [f"@{name} = internal global [{n} x {kind}] zeroinitializer, align 64" for name, (n, kind) in zeros.items()]
    lines += [f"@{name} = global [{n} x {kind}] zeroinitializer" for name, (n, kind) in shared.items()]
    runtime = (Path(__file__).parent / "runtime.ll").read_text()
    fixed = Template(runtime).substitute(
        arity=generator.arity, words=layout.words, state_bytes=8 * layout.words, copied=4 * layout.changing, flag_bytes=4 * flags,
        queries=queries, waiting=WAITING, room=room, done=DONE, disabled=DISABLED, full=FULL, impossible=IMPOSSIBLE,
        stays=STAYS, again=generator.again, beyond=generator.beyond, edges="true" if edge_room else "false", edge_room=edge_room)
    return "\n".join([*lines, fixed, _pack(layout), generator.text])


def _pack(layout: Layout) -> str:
    """@pack writes the words of @work, @unpack the cells of @before."""
    pack, unpack = Body(), Body()
    for word in range(layout.words):
        pointer = f"getelementptr i64, ptr %words, i32 {word}"
        packed = "0"
        held = unpack.new(f"load i64, ptr {unpack.new(pointer)}")
        for one in (one for one in layout.fields if one.word == word):
            cell = f"getelementptr (i32, ptr @{{}}, i32 {layout.cell[one.slot]})"
            code = pack.new(f"load i32, ptr {cell.format('work')}")
            code = pack.new(f"zext i32 {pack.new(f'sub i32 {code}, {one.low}')} to i64")
            packed = pack.new(f"or i64 {packed}, {pack.new(f'shl i64 {code}, {one.shift}')}")
            code = unpack.new(f"and i64 {unpack.new(f'lshr i64 {held}, {one.shift}')}, {(1 << one.width) - 1}")
            code = unpack.new(f"add i32 {unpack.new(f'trunc i64 {code} to i32')}, {one.low}")
            unpack.do(f"store i32 {code}, ptr {cell.format('before')}")
        pack.do(f"store i64 {packed}, ptr {pack.new(pointer)}")
    return "\n".join(["define internal void @pack(ptr %words) {", *pack.lines, "  ret void", "}",
                      "define internal void @unpack(ptr %words) {", *unpack.lines, "  ret void", "}"])


def _compile(source: str, *, tuned: bool) -> Any:
    """The module as machine code of this processor: quickly, or for quick code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2 if tuned else 0)
    module = llvm.parse_assembly(source)
    if tuned:
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
