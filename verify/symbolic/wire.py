"""Message slots as formulas: sorted, the highest message first, empty ones last, as the interpreter keeps them.

A message is held field by field, not as its code: the fields have few values, their product has thousands.
"""

from __future__ import annotations

from collections.abc import Sequence

from verify.symbolic.logic import FALSE, TRUE, Lit, Logic
from verify.symbolic.value import Value, equal, less, of_truth, select

USED = VALUE = -1
Key = tuple[int, int]  # position in System.slots, and VALUE; for a message slot USED, or the number of a field
State = dict[Key, Value]
Message = tuple[Value, ...]
Slot = tuple[Lit, Message]  # in use; the fields, each 0 where it is not


def slots(state: State, first: int, capacity: int, fields: int) -> list[Slot]:
    """The slots of a channel in a state."""
    return [(state[first + at, USED].get(1, FALSE), tuple(state[first + at, number] for number in range(fields)))
            for at in range(capacity)]


def store(logic: Logic, state: State, first: int, when: Lit, after: Sequence[Slot]) -> None:
    """Where the condition is true, these are the slots from now on."""
    for at, (used, message) in enumerate(after):
        state[first + at, USED] = of_truth(logic.ite(when, used, state[first + at, USED].get(1, FALSE)))
        for number, value in enumerate(message):
            state[first + at, number] = select(logic, [(when, value)], state[first + at, number])


def take(logic: Logic, before: Sequence[Slot], message: Message) -> tuple[list[Slot], Lit]:
    """Without the first equal message; the others close up. And: is there one?"""
    empty: Slot = (FALSE, tuple({0: TRUE} for _ in message))
    found, after = FALSE, []
    for at, slot in enumerate(before):
        found = logic.either(found, holds(logic, slot, message))
        after.append(_choose(logic, found, before[at + 1] if at + 1 < len(before) else empty, slot))
    return after, found


def put(logic: Logic, before: Sequence[Slot], message: Message) -> tuple[list[Slot], Lit]:
    """With the message in its place (meaningful where there is room). And: is there no room?"""
    after: list[Slot] = []
    ahead = TRUE  # the slot in front stays where it is
    for at, slot in enumerate(before):
        stays = logic.both(slot[0], at_least(logic, slot[1], message))
        comes = _choose(logic, ahead, (TRUE, message), before[at - 1]) if at else (TRUE, message)
        after.append(_choose(logic, stays, slot, comes))
        ahead = stays
    return after, logic.all([slot[0] for slot in before])


def holds(logic: Logic, slot: Slot, message: Message) -> Lit:
    """Does the slot hold this message?"""
    parts = [slot[0]]
    for left, right in zip(slot[1], message, strict=True):
        if parts[-1] == FALSE:
            return FALSE
        parts.append(equal(logic, left, right))
    return logic.all(parts)


def at_least(logic: Logic, one: Message, other: Message) -> Lit:
    """Is the code of one message at least that of the other? The first field weighs most (`Channel.encode`)."""
    found = TRUE
    for left, right in reversed(list(zip(one, other, strict=True))):
        found = logic.either(less(logic, right, left), logic.both(equal(logic, left, right), found))
    return found


def _choose(logic: Logic, condition: Lit, then: Slot, otherwise: Slot) -> Slot:
    return (logic.ite(condition, then[0], otherwise[0]),
            tuple(select(logic, [(condition, left)], right) for left, right in zip(then[1], otherwise[1], strict=True)))
