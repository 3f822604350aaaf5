"""How a state is held natively: unpacked as one 32-bit cell a slot, and packed in 64-bit words to be stored and compared.

A slot that has one value in all reachable states is a constant and takes no bits; the others are packed at the
width their values need, a slot never straddling two words. Cells that may change stand first, so that restoring a
state copies no constants. A message is renumbered by the values its fields can have; the order of messages, and so of sorted
slots, stays that of the codes in `Channel.encode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.action import Channel
from model.expr import ModelError
from model.system import State, System
from verify.reachable import Mask, Reachable, high, low, single

WORD = 64


@dataclass(frozen=True)
class Field:
    """Where a slot is packed: `low` is subtracted, `width` bits from bit `shift` of word `word`."""

    slot: int
    word: int
    shift: int
    width: int
    low: int


@dataclass(frozen=True)
class Wire:
    """A channel that can hold messages: its first cell, its capacity, and the values each field can have.

    A native code is 1 + the number formed by (value - low) of each field, with `strides`.
    """

    cell: int
    capacity: int
    channel: Channel
    masks: tuple[Mask, ...]
    strides: tuple[int, ...]
    codes: int

    def pack(self, code: int) -> int:
        if not code:
            return 0
        values = self.channel.decode(code)
        return 1 + sum((v - low(m)) * s for v, m, s in zip(values, self.masks, self.strides, strict=True))

    def unpack(self, code: int) -> int:
        if not code:
            return 0
        return self.channel.encode([(code - 1) // s % radix(m) + low(m) for m, s in zip(self.masks, self.strides, strict=True)])


def radix(mask: Mask) -> int:
    """How many numbers the values of a field span."""
    return high(mask) - low(mask) + 1


class Layout:
    """Cells and words of a system, given what is reachable.

    cell: for each slot its cell. cells: number of cells; changing: how many of them, from the front, may change.
    wires: by first slot. fields: the packed slots. words: 64-bit words a state.
    Raises ModelError for a channel whose messages do not fit in 31 bits or initial messages that are not in descending order.
    """

    def __init__(self, system: System, reach: Reachable) -> None:
        self.system = system
        self.constants = list(system.initial[0])
        groups: list[list[int]] = []
        for at, slot in enumerate(system.slots):
            if slot.index == 0:
                groups.append([])
            groups[-1].append(at)
        moving = [any(self._moves(reach, at) for at in group) for group in groups]
        order = [at for moves in (True, False) for group, its in zip(groups, moving, strict=True) if its == moves for at in group]
        self.cell = [0] * len(order)
        for cell, at in enumerate(order):
            self.cell[at] = cell
        self.cells = len(order)
        self.changing = sum(len(group) for group, its in zip(groups, moving, strict=True) if its)
        self.wires = {first: self._wire(reach, first) for first in sorted(reach.wires)}
        self._wire_of = {first + at: wire for first, wire in self.wires.items() for at in range(wire.capacity)}
        self.fields, self.words = self._pack(reach)
        self.check(system.initial)

    def _moves(self, reach: Reachable, at: int) -> bool:
        slot = self.system.slots[at]
        return at - slot.index in reach.wires if isinstance(slot.var, Channel) else not single(reach.slots[at])

    def _wire(self, reach: Reachable, first: int) -> Wire:
        channel, masks = self.system.slots[first].var, reach.wires[first]
        assert isinstance(channel, Channel)
        strides, codes = [], 1
        for mask in reversed(masks):
            strides.append(codes)
            codes *= radix(mask)
        if codes >= 1 << 31:
            raise ModelError(f"{self.system.name}: channel {channel.table} has {codes} different messages, too many for 31 bits")
        scope = self.system.slots[first].scope
        capacity = sum(1 for slot in self.system.slots[first:] if slot.var is channel and slot.scope == scope)
        return Wire(self.cell[first], capacity, channel, tuple(masks), tuple(reversed(strides)), codes + 1)

    def _pack(self, reach: Reachable) -> tuple[list[Field], int]:
        """First fit, widest first."""
        wide = []
        for at in range(len(self.system.slots)):
            wire = self._wire_of.get(at)
            if wire is not None:
                wide.append(((wire.codes - 1).bit_length(), at, 0))
            elif self._moves(reach, at):
                wide.append(((radix(reach.slots[at]) - 1).bit_length(), at, low(reach.slots[at])))
        used: list[int] = []
        fields = []
        for width, at, lowest in sorted(wide, key=lambda one: (-one[0], one[1])):
            word = next((n for n, bits in enumerate(used) if bits + width <= WORD), len(used))
            if word == len(used):
                used.append(0)
            fields.append(Field(at, word, used[word], width, lowest))
            used[word] += width
        return fields, max(1, len(used))

    def check(self, initial: Sequence[State]) -> None:
        """Raises ModelError for initial messages that are not in descending order."""
        for state in initial:
            for first, wire in self.wires.items():
                held = state[first:first + wire.capacity]
                if list(held) != sorted(held, reverse=True):
                    raise ModelError(f"{self.system.name}: the messages in {self.system.slots[first]} ff. of an initial state "
                                     "must be in descending order of their codes, empty slots last")

    def initial_cells(self) -> list[int]:
        """The cells as they are before the first state is unpacked: the constants."""
        cells = [0] * self.cells
        for at, code in enumerate(self.constants):
            wire = self._wire_of.get(at)
            cells[self.cell[at]] = wire.pack(code) if wire is not None else code
        return cells

    def pack(self, state: State) -> list[int]:
        """The words of a state."""
        words = [0] * self.words
        for one in self.fields:
            wire = self._wire_of.get(one.slot)
            code = wire.pack(state[one.slot]) if wire is not None else state[one.slot]
            words[one.word] |= (code - one.low) << one.shift
        return words

    def unpack(self, words: Sequence[int]) -> State:
        """The state held in these words."""
        state = list(self.constants)
        for one in self.fields:
            code = (int(words[one.word]) >> one.shift & (1 << one.width) - 1) + one.low
            wire = self._wire_of.get(one.slot)
            state[one.slot] = wire.unpack(code) if wire is not None else code
        return tuple(state)
