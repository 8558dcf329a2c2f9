"""How far raters agree beyond chance: Cohen's kappa of two, Fleiss' of all, with intervals from resampled pairs."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from components.common.data.seeds import numpy_rng
from components.common.statistics import Interval
from components.common.verdicts import WORDS

RESAMPLES = 2000
FEWEST = 10  # pairs: an interval from fewer says nothing


class Agreement(NamedTuple):
    """raters: whose verdicts are compared. pairs: how many pairs they all judged (Fleiss: at least two of them).

    kappa: 1 is full agreement, 0 what chance gives; its mean is not a number where all gave one and the same verdict.
    """

    raters: tuple[str, ...]
    pairs: int
    kappa: Interval

    def __str__(self) -> str:
        name = "Cohen's" if len(self.raters) == 2 else "Fleiss'"
        who = " and ".join(self.raters) if len(self.raters) == 2 else f"{len(self.raters)} raters"
        pairs = f"{self.pairs} {'pair' if self.pairs == 1 else 'pairs'}"
        if not np.isfinite(self.kappa.mean):
            return f"{who} judged {pairs} in common, all alike: {name} kappa is not defined"
        low, high = self.kappa.low, self.kappa.high
        interval = f"[{low:.2f}, {high:.2f}]" if self.pairs >= FEWEST else "(too few for an interval)"
        return f"{name} kappa of {who} is {self.kappa.mean:.2f} {interval} on {pairs}"


def agreements(verdicts: dict[tuple[int, int], dict[str, str]]) -> list[Agreement]:
    """Cohen's kappa of every two raters with pairs in common; Fleiss' of all, where there are more than two.

    verdicts: pair -> rater -> verdict.
    """
    raters = sorted({rater for given in verdicts.values() for rater in given})
    shown = []
    for two in combinations(raters, 2):
        both = [[WORDS.index(given[rater]) for rater in two] for given in verdicts.values() if set(two) <= set(given)]
        if both:
            shown.append(Agreement(two, len(both), _resampled(np.eye(len(WORDS))[np.array(both)], cohen)))
    if len(raters) > 2:
        several = [given for given in verdicts.values() if len(given) > 1]
        counts = np.array([[list(given.values()).count(word) for word in WORDS] for given in several])
        if len(counts):
            shown.append(Agreement(tuple(raters), len(counts), _resampled(counts, fleiss)))
    return shown


def cohen(chosen: np.ndarray) -> float:
    """Cohen's kappa (1960). chosen: [P, 2, verdicts], 1 where the rater gave the verdict, else 0."""
    observed = float((chosen[:, 0] * chosen[:, 1]).sum(1).mean())
    return _beyond_chance(observed, float((chosen[:, 0].mean(0) * chosen[:, 1].mean(0)).sum()))


def fleiss(counts: np.ndarray) -> float:
    """Fleiss' kappa (1971). counts: [P, verdicts], how many raters gave each; their number may differ by pair."""
    raters = counts.sum(1)
    observed = float(((counts * (counts - 1)).sum(1) / (raters * (raters - 1))).mean())
    return _beyond_chance(observed, float(((counts.sum(0) / counts.sum()) ** 2).sum()))


def _beyond_chance(observed: float, chance: float) -> float:
    return (observed - chance) / (1 - chance) if chance < 1 else float("nan")


def _resampled(pairs: np.ndarray, kappa: Callable[[np.ndarray], float]) -> Interval:
    """kappa of all pairs, with its percentile interval over resampled pairs (95 %)."""
    picks = numpy_rng(0, "kappa").integers(len(pairs), size=(RESAMPLES, len(pairs)))
    values = [value for pick in picks if np.isfinite(value := kappa(pairs[pick]))]
    low, high = np.quantile(values, [0.025, 0.975]) if values else (float("nan"),) * 2
    return Interval(kappa(pairs), float(low), float(high))
