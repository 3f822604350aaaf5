"""A figure of the draft: what it says, what comes out, and the judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from model.expr import ModelError
from properties.requirements import judged_by
from verify.numbers.claims import Claim, Example, all_of
from verify.symbolic.clock import Clock, GaveUp

AGREE, DISAGREE, NOT_STATED, UNDECIDED = "agree", "disagree", "not stated", "undecided"
LARGE = 1 << 10  # powers of two from here on, and their inverses, are shown as such
Value = int | Fraction | str | tuple[int | Fraction, int | Fraction]  # a number, a word, or the least and the greatest number


@dataclass(frozen=True)
class Figure:
    """One figure.

    section, lines: where in the draft. says: its sentence, in short. stated: the value it gives, None where it gives none.
    computed: ours, by `formula`, from `source`. meaning: what it means that a value is the right one, as claims of z3's; both
    values are put to the same. reason: why they differ, or what follows. findings: the candidates that it bears on.
    """

    name: str
    topic: str
    section: str
    lines: str
    says: str
    stated: Value | None
    computed: Value
    formula: str
    source: str
    meaning: Callable[..., tuple[Claim, ...]]
    unit: str = ""
    reason: str = ""
    assumption: str = ""
    findings: tuple[str, ...] = ()

    @property
    def requirements(self) -> tuple[str, ...]:
        """The sentences that it judges."""
        return judged_by("numbers", self.name)


@dataclass(frozen=True)
class Verdict:
    """agree, disagree, not stated (ours is proved, the draft gives none) or undecided, with the reason. `example`: what breaks the
    draft's value where they disagree; what exists, where ours says that something does."""

    figure: Figure
    word: str
    example: Example = field(default_factory=dict)
    reason: str = ""


def judge(figure: Figure, timeout: float | None = None) -> Verdict:
    """Put the computed value and the draft's to z3, for up to `timeout` seconds.

    Too little time makes it undecided, and so does Ctrl-C while z3 is at it. Raises ModelError where z3 refutes what is computed: an
    error of this program.
    """
    clock = Clock(timeout)
    try:
        ours = all_of(figure.meaning(figure.computed), clock)
        if ours.true is False:
            raise ModelError(f"figure {figure.name}: z3 refutes the computed value {shown(figure.computed)}: {shown_example(ours.example)}")
        if ours.true is None:
            return Verdict(figure, UNDECIDED, reason=ours.reason)
        if figure.stated is None:
            return Verdict(figure, NOT_STATED, ours.example, figure.reason)
        theirs = ours if figure.stated == figure.computed else all_of(figure.meaning(figure.stated), clock)
    except GaveUp as reason:
        return Verdict(figure, UNDECIDED, reason=str(reason))
    if theirs.true is None:
        return Verdict(figure, UNDECIDED, reason=theirs.reason)
    return Verdict(figure, AGREE if theirs.true else DISAGREE, theirs.example or ours.example, figure.reason)


def shown(value: Value | bool | None, unit: str = "") -> str:
    """A value as people write it: large powers of two as such, other numbers with commas."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        text = " to ".join(map(shown, dict.fromkeys(value)))
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        return value
    elif isinstance(value, Fraction) and value.numerator == 1 and value.denominator >= LARGE and _power(value.denominator):
        text = f"2^-{value.denominator.bit_length() - 1}"
    elif isinstance(value, Fraction) and value.denominator > 1:
        text = f"{shown(value.numerator)}/{shown(value.denominator)}"
    else:
        number = int(value)
        text = f"2^{number.bit_length() - 1}" if number >= LARGE and _power(number) else f"{number:,}"
    return f"{text} {unit}" if unit else text


def shown_example(example: Example) -> str:
    """Values by name; a flag is its name where it is set, and nothing where it is not."""
    return ", ".join(name if value is True else f"{name} = {shown(value)}" for name, value in example.items() if value is not False)


def _power(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
