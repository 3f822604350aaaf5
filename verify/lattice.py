"""The weakest attackers: which elements of a lattice of capabilities are minimal among those that break a claim.

An attacker is a set of capabilities, closed under what each includes; one is stronger than another if it has more. Breaking is
monotone: what an attacker can do, a stronger one can. So the answer is an antichain, the minimal breaking sets, and it is proved
by few questions: each minimal set has been seen to break, each set just below one has been seen not to, and so has each maximal set
that contains none of them. (The last are the complements of the minimal hitting sets: M. H. Liffiton et al., Fast, flexible MUS
enumeration, Constraints 21, 2016.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

Attacker = frozenset[str]


@dataclass(frozen=True)
class Lattice:
    """Capabilities, and for those that include another one, which."""

    capabilities: tuple[str, ...]
    includes: Mapping[str, str]

    def closed(self, some: Iterable[str]) -> Attacker:
        """With all that these include."""
        found = set(some)
        for name in tuple(found):
            while name in self.includes:
                name = self.includes[name]
                found.add(name)
        return frozenset(found)

    def top(self, attacker: Attacker) -> tuple[str, ...]:
        """The capabilities of an attacker that none of its others include, in the lattice's order: what tells all of it."""
        included = {self.includes[name] for name in attacker if name in self.includes}
        return tuple(name for name in self.capabilities if name in attacker and name not in included)

    def just_below(self, attacker: Attacker) -> list[Attacker]:
        """The strongest of the weaker attackers."""
        return [attacker - {name} for name in self.top(attacker)]

    def without(self, name: str) -> Attacker:
        """The strongest attacker that lacks a capability, and so all that include it."""
        return frozenset(one for one in self.capabilities if name not in self.closed([one]))

    def avoiding(self, attackers: Iterable[Attacker]) -> list[Attacker]:
        """The strongest attackers that are at least as strong as none of these."""
        everything = frozenset(self.capabilities)
        found = {everything.intersection(*map(self.without, lacking)) for lacking in product(*attackers)}
        return [one for one in found if not any(one < other for other in found)]


def weakest(attackers: Iterable[Attacker]) -> list[Attacker]:
    """Those of the attackers that are stronger than no other of them."""
    found = set(attackers)
    return [one for one in found if not any(other < one for other in found)]


def questions(lattice: Lattice, breaks: Iterable[Attacker], holds: Iterable[Attacker]) -> list[Attacker]:
    """Which attackers to try next, given some that break a claim and some that do not; none: `weakest(breaks)` is all there is.

    First what lies just below one of the weakest known, since weak attackers are cheap to try; then what avoids them all.
    """
    known, safe = weakest(breaks), tuple(holds)

    def open_(wanted: Iterable[Attacker]) -> list[Attacker]:
        return sorted((one for one in wanted if not any(one <= other for other in safe)), key=lambda one: (len(one), sorted(one)))

    for attacker in sorted(known, key=lambda one: (len(one), sorted(one))):
        asked = open_(lattice.just_below(attacker))
        if asked:
            return asked
    return open_(lattice.avoiding(known))
