"""The window routine of RFC 2401 appendix C, line by line, for a bitmap of any width. Written from the RFC, not from verify.numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Window:
    """marks: without it what arrives out of order is accepted and not marked, as no RFC has it."""

    width: int = 32
    marks: bool = True
    bitmap: int = 0
    last: int = 0

    def check(self, number: int) -> bool:
        """Is the number accepted? It is marked then."""
        if number == 0:
            return False
        if number > self.last:
            ahead = number - self.last
            self.bitmap = (self.bitmap << ahead | 1) & (1 << self.width) - 1 if ahead < self.width else 1
            self.last = number
            return True
        behind = self.last - number
        if behind >= self.width or self.bitmap >> behind & 1:
            return False
        if self.marks:
            self.bitmap |= 1 << behind
        return True
