"""The answer to one of the paper's questions: an estimate with its interval, and the verdict by a rule fixed here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from components.common.statistics import cluster_t, paired_difference

AGREES, DISAGREES, UNDECIDED = "agrees", "disagrees", "undecided"
ONE_TRAINING = "One training each: the interval does not cover how much two trainings on the same data differ."


@dataclass(frozen=True)
class Level:
    """The mean of one side of a comparison, with its own 95 % interval over subjects."""

    label: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """estimate: positive where the paper's claim holds; for a comparison, the mean paired difference over subjects.
    low, high: its 95 % interval. levels: the two sides. note: other observations, in sentences. curve: the rows whose
    slope is the estimate; the first key is x."""

    question: str
    estimate: float
    low: float
    high: float
    subjects: int
    levels: tuple[Level, ...]
    note: str = ""
    curve: tuple[Mapping[str, Any], ...] = ()

    @property
    def verdict(self) -> str:
        """agrees: the interval lies above zero. disagrees: below. undecided: it contains zero."""
        return AGREES if self.low > 0 else DISAGREES if self.high < 0 else UNDECIDED

    @property
    def needed(self) -> int | None:
        """How many subjects would decide if the estimate is right, since the interval shrinks as 1 / sqrt(subjects).

        None if the verdict is decided, or the estimate is zero.
        """
        if self.verdict != UNDECIDED or not self.estimate:
            return None
        nearer = self.estimate - self.low if self.estimate > 0 else self.high - self.estimate
        return max(self.subjects + 1, math.ceil(self.subjects * (nearer / abs(self.estimate)) ** 2))


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
        levels=tuple(Level(label, **asdict(interval)) for label, interval in sides),
    )


def compared_trainings(
    question: str,
    labels: tuple[str, str],
    subjects: Sequence[str],
    ours: Sequence[Sequence[float]],
    other: Sequence[Sequence[float]],
) -> Answer:
    """`compared`, for the scores [trainings, samples] of models that were trained several times with different seeds.

    Two trainings on the same data also differ, by an amount shared by all subjects, which an interval over subjects
    does not cover. So each end's distance is the root of the sum of two squares: the distance over subjects, and
    Student's over the differences of the trainings.
    """
    values = [np.asarray(side, float) for side in (ours, other)]
    answer = compared(question, labels, subjects, *(side.mean(0).tolist() for side in values))
    if len(values[0]) == 1:
        return replace(answer, note=ONE_TRAINING)
    means = [cluster_t(difference.tolist(), subjects).mean for difference in values[0] - values[1]]
    own = cluster_t(means, [str(number) for number in range(len(means))])
    reach = own.high - own.mean
    listed = ", ".join(f"{mean:+.3f}" for mean in means)
    return replace(
        answer,
        low=answer.estimate - math.hypot(answer.estimate - answer.low, reach),
        high=answer.estimate + math.hypot(answer.high - answer.estimate, reach),
        note=f"Differences of the {len(means)} trainings: {listed}.",
    )
