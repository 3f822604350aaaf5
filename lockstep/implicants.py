"""Smallest partial assignments that force a yes: the prime implicants of a function of several finite variables.

Quine (1952) and McCluskey (1956) for two values a variable; here each variable has its own number of values, and the function is
given as a table, so that all partial assignments are looked at and the answer is exact. Where yes means that a claim is violated, these
are the minimal conflicts of Reiter (1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Assignment = dict[int, int]  # axis -> value; what it leaves out may be anything


def implicants(yes: NDArray[np.bool_], possible: NDArray[np.bool_]) -> list[Assignment]:
    """The minimal assignments such that all `possible` ways to complete them, of which there is at least one, are in `yes`.

    Both are tables with one axis a variable. The empty assignment, alone, where every possible way is a yes; none where none is. Takes
    the product of (values + 1) bytes, a few times over.
    """
    every, some = yes | ~possible, possible
    for axis in range(yes.ndim):  # one place more on each axis: whatever its value
        every = np.concatenate([every, every.all(axis, keepdims=True)], axis)
        some = np.concatenate([some, some.any(axis, keepdims=True)], axis)
    forces = every & some
    prime = forces.copy()
    for axis in range(yes.ndim):  # not minimal where this variable could be left open
        given = (slice(None),) * axis + (slice(0, -1),)
        prime[given] &= ~forces.take([-1], axis)
    found = [{axis: int(value) for axis, value in enumerate(one) if value < yes.shape[axis]} for one in np.argwhere(prime)]
    return sorted(found, key=lambda one: (len(one), sorted(one.items())))
