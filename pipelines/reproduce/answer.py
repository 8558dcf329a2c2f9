"""What a question of the paper comes to: an estimate with its interval, and the verdict by a rule fixed here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.common.statistics import cluster_t, paired_difference

AGREES, DISAGREES, UNDECIDED = "agrees", "disagrees", "undecided"


@dataclass(frozen=True)
class Level:
    """The mean of one side of a comparison, with its own 95 % interval over subjects."""

    label: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """estimate: mean paired difference over subjects, positive where the paper's claim holds. low, high: its 95 %
    interval. needed: subjects that would decide if the estimate is right; None where the verdict is decided, or where
    the estimate is zero. levels: the two sides."""

    question: str
    estimate: float
    low: float
    high: float
    subjects: int
    levels: tuple[Level, ...]

    @property
    def verdict(self) -> str:
        """agrees: the interval lies above zero. disagrees: below. undecided: it contains zero."""
        return AGREES if self.low > 0 else DISAGREES if self.high < 0 else UNDECIDED

    @property
    def needed(self) -> int | None:
        """The interval shrinks as 1 / sqrt(subjects), so it leaves out zero at about this many."""
        if self.verdict != UNDECIDED or not self.estimate:
            return None
        nearer = self.estimate - self.low if self.estimate > 0 else self.high - self.estimate
        return math.ceil(self.subjects * (nearer / abs(self.estimate)) ** 2)


def compared(
    question: str, labels: tuple[str, str], subjects: Sequence[str], ours: Sequence[float], other: Sequence[float]
) -> Answer:
    """`ours` minus `other`, sample by sample, by the sign-flip test over subjects (see `paired_difference`).

    Raises `ValueError` if there are too few subjects for a test.
    """
    difference = paired_difference([a - b for a, b in zip(ours, other, strict=True)], subjects)
    sides = [(label, cluster_t(values, subjects)) for label, values in zip(labels, (ours, other), strict=True)]
    return Answer(
        question=question,
        estimate=difference.mean,
        low=difference.low,
        high=difference.high,
        subjects=len(set(subjects)),
        levels=tuple(Level(label, *interval) for label, interval in sides),
    )
