"""How much raters agree beyond chance: Cohen's kappa of two, Fleiss' of all, with intervals from resampled pairs."""

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

    kappa: 1 is full agreement, 0 chance agreement; its mean is not a number where all verdicts are the same.
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
    """Fleiss' kappa of all raters, where there are more than two; then Cohen's of every two with pairs in common, the
    lowest first.

    verdicts: pair -> rater -> verdict.
    """
    raters = sorted({rater for by_rater in verdicts.values() for rater in by_rater})
    of_two = []
    for two in combinations(raters, 2):
        judged_by_both = [by_rater for by_rater in verdicts.values() if set(two) <= set(by_rater)]
        both = [[WORDS.index(by_rater[rater]) for rater in two] for by_rater in judged_by_both]
        if both:
            of_two.append(Agreement(two, len(both), _resampled(np.eye(len(WORDS))[np.array(both)], cohen)))
    of_two.sort(key=lambda agreement: np.nan_to_num(agreement.kappa.mean, nan=1.0))
    several = [by_rater for by_rater in verdicts.values() if len(by_rater) > 1]
    if len(raters) < 3 or not several:
        return of_two
    counts = np.array([[list(by_rater.values()).count(word) for word in WORDS] for by_rater in several])
    return [Agreement(tuple(raters), len(counts), _resampled(counts, fleiss)), *of_two]


def cohen(chosen: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Cohen's kappa (1960), float [...]. chosen: [P, 2, verdicts], 1 where the rater gave the verdict, else 0.

    weights: [..., P], how often each pair counts; once by default.
    """
    weights = _shares(weights, len(chosen))
    observed = weights @ (chosen[:, 0] * chosen[:, 1]).sum(1)
    return _beyond_chance(observed, ((weights @ chosen[:, 0]) * (weights @ chosen[:, 1])).sum(-1))


def fleiss(counts: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Fleiss' kappa (1971), float [...]. counts: [P, verdicts], how many raters gave each; their number may differ.

    weights: [..., P], how often each pair counts; once by default.
    """
    weights, raters = _shares(weights, len(counts)), counts.sum(1)
    observed = weights @ ((counts * (counts - 1)).sum(1) / (raters * (raters - 1)))
    totals = weights @ counts
    return _beyond_chance(observed, ((totals / totals.sum(-1, keepdims=True)) ** 2).sum(-1))


def _shares(weights: np.ndarray | None, pairs: int) -> np.ndarray:
    return np.full(pairs, 1 / pairs) if weights is None else weights / weights.sum(-1, keepdims=True)


def _beyond_chance(observed: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Not a number where chance alone gives full agreement."""
    open_to_chance = chance < 1 - 1e-12
    return np.where(open_to_chance, (observed - chance) / np.where(open_to_chance, 1 - chance, 1.0), np.nan)


def _resampled(pairs: np.ndarray, kappa: Callable[..., np.ndarray]) -> Interval:
    """kappa of all pairs, with its percentile interval over resampled pairs (95 %)."""
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    picks = numpy_rng(0, "kappa").multinomial(len(pairs), counts / len(pairs), RESAMPLES)
    values = kappa(kinds, picks)
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (float("nan"),) * 2
    return Interval(float(kappa(pairs)), float(low), float(high))
