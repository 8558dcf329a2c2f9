"""Clopper-Pearson for shares, intervals and tests for means of clustered samples, votes for pairs of products."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Interval:
    """A point estimate with its lower and upper confidence limits."""

    mean: float
    low: float
    high: float


def share_lower_bound(correct: float, total: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson lower bound of a share; 0 without observations. A unit can be right in part."""
    return float(special.betaincinv(correct, total - correct + 1, 1 - confidence)) if correct else 0.0


def cluster_bootstrap(
    values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95, draws: int = 10_000, seed: int = 0
) -> Interval:
    """Mean of `values` with a percentile interval from resampling whole clusters (subjects), since samples of one
    subject are not independent. Raises `ValueError` if there are no values."""
    if not len(values):
        raise ValueError("no values to average")
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(codes, weights=np.asarray(values, float))
    counts = np.bincount(codes)
    picks = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    tail = (1 - confidence) / 2
    return Interval(float(np.mean(values)), *(float(q) for q in np.quantile(means, [tail, 1 - tail])))


def cluster_t(values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """Mean over clusters (subjects) of their mean value, with Student's two-sided interval, each cluster counting once.

    With few clusters its coverage is better than a bootstrap's. Raises `ValueError` with fewer than two.
    """
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        raise ValueError("one cluster has no spread")
    means = np.bincount(codes, weights=np.asarray(values, float)) / np.bincount(codes)
    mean = float(means.mean())
    reach = float(special.stdtrit(len(means) - 1, (1 + confidence) / 2) * means.std(ddof=1) / np.sqrt(len(means)))
    return Interval(mean, mean - reach, mean + reach)


LEAST_CLUSTERS = 6
"""With five, the smallest two-sided p-value of a sign-flip test is 2 / 2 ** 5, above 0.05."""
ALL_PATTERNS, DRAWS = 26, 20_000
"""Clusters of which every sign pattern is counted; patterns that are drawn for more clusters."""


class Difference(NamedTuple):
    """A paired difference with its confidence limits and the two-sided p-value against no difference."""

    mean: float
    low: float
    high: float
    p: float


def paired_difference(values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Difference:
    """Mean over clusters (subjects) of paired differences, each cluster counting once, by the sign-flip test.

    The limits are where the test itself turns (Hartigan 1969: the means of all subsets are typical values), so an
    interval that excludes 0 and p < 1 - confidence say the same. It is exact if the differences are symmetric about
    their mean, whatever their distribution: also where few samples differ at all, as in recognition, where Student's t
    is overconfident. All sign patterns are counted for up to `ALL_PATTERNS` clusters, beyond that `DRAWS` of them.
    Raises `ValueError` with fewer than `LEAST_CLUSTERS`.
    """
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < LEAST_CLUSTERS:
        raise ValueError(f"{len(names)} clusters are too few for a test, {LEAST_CLUSTERS} are needed")
    means = np.bincount(codes, weights=np.asarray(values, float)) / np.bincount(codes)
    flips = _all_patterns if len(means) <= ALL_PATTERNS else _drawn_patterns
    tail = (1 - confidence) / 2
    low = _turn(lambda limit: flips(means - limit) > tail, means.min(), means.max())
    high = -_turn(lambda limit: flips(-means - limit) > tail, (-means).min(), (-means).max())
    below, above = flips(means), flips(-means)
    # Bisection ends slightly beside a limit, so the test itself decides whether 0 is inside.
    low, high = (min(low, 0.0) if below > tail else low), (max(high, 0.0) if above > tail else high)
    return Difference(float(means.mean()), low, high, min(1.0, 2 * min(below, above)))


def _all_patterns(values: np.ndarray) -> float:
    """Share of all subsets, the empty one included, whose sum is at most 0. Each joins a subset of the first half of
    the values and one of the second half, so sorting the sums of one half is enough."""
    middle = len(values) // 2
    first, second = (np.zeros(1), np.zeros(1))
    for value in values[:middle]:
        first = np.concatenate([first, first + value])
    for value in values[middle:]:
        second = np.concatenate([second, second + value])
    rounding = 1e-12 * np.abs(values).sum()
    return float(np.searchsorted(np.sort(second), rounding - first, side="right").sum() / 2 ** len(values))


def _drawn_patterns(values: np.ndarray) -> float:
    """As `_all_patterns`, of random subsets; the empty one is always among them, so that no share is 0."""
    return float((1 + np.count_nonzero(_patterns(len(values)) @ values <= 0)) / (DRAWS + 1))


@lru_cache(maxsize=1)
def _patterns(clusters: int) -> np.ndarray:
    """0 or 1, float64 [DRAWS, clusters]."""
    return (np.random.default_rng(0).random((DRAWS, clusters)) < 0.5).astype(float)


def _turn(accepted: Callable[[float], bool], low: float, high: float) -> float:
    """Where between the two limits a test begins to accept; -inf if it accepts even below them."""
    if accepted(low - (high - low) - 1):
        return -np.inf
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if accepted(middle) else (middle, high)
    return float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's p-values: if those below 0.05 are rejected, the chance of any false rejection is at most 0.05."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(np.asarray(p_values), kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


class Votes(NamedTuple):
    """What pairs of several products say about products like them.

    mean: average over anchors of the share of their partners that are right, 0..1. effective: how many independent
    votes the anchors are worth. bound: one-sided lower bound of the mean, 0..1.
    """

    mean: float
    effective: float
    bound: float


@dataclass(frozen=True)
class Ballot:
    """Judged pairs as votes of their anchors.

    anchor: int [P], which anchor each pair belongs to, 0..A-1. partner_product: int [P], the product of the other
    object. right: bool [P]. product: int [A], the product of each anchor, 0..G-1. strangers: int [A], partners whose
    product is not known, which count as wrong.
    """

    anchor: np.ndarray
    partner_product: np.ndarray
    right: np.ndarray
    product: np.ndarray
    strangers: np.ndarray

    @property
    def partners(self) -> np.ndarray:
        """How many partners each anchor has, int [A]."""
        return np.bincount(self.anchor, minlength=len(self.product)) + self.strangers

    def scores(self) -> np.ndarray:
        """The share of each anchor's partners that are right, float64 [A]; not a number where it has none."""
        right = np.bincount(self.anchor, weights=self.right, minlength=len(self.product))
        with np.errstate(invalid="ignore"):
            return right / self.partners

    def kish(self) -> float:
        """Kish's effective number of votes: as if all anchors of a product said the same."""
        sizes = np.bincount(self.product[np.isfinite(self.scores())]).astype(float)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.any() else 0.0

    def means_without_one(self) -> np.ndarray:
        """The mean score with one product left out as anchor and as partner, for each of the G products of anchors and
        partners in turn, float64 [G]."""
        of_anchor = self.scores()
        has_pairs = np.isfinite(of_anchor)
        products = max(int(self.product.max()), int(self.partner_product.max(initial=0))) + 1
        present = np.zeros(products, bool)
        present[self.product[has_pairs]] = present[self.partner_product] = True
        own = self.product[has_pairs]
        total = of_anchor[has_pairs].sum() - np.bincount(own, of_anchor[has_pairs], products)
        voters = has_pairs.sum() - np.bincount(own, minlength=products)
        foreign = self.partner_product != self.product[self.anchor]
        keys, where = np.unique(self.anchor[foreign] * products + self.partner_product[foreign], return_inverse=True)
        anchor, gone = keys // products, keys % products  # an anchor that keeps its vote, and a product it loses
        pairs = self.partners[anchor] - np.bincount(where)
        right = np.bincount(self.anchor, weights=self.right, minlength=len(self.product))[anchor]
        right = right - np.bincount(where, weights=self.right[foreign])
        rest = np.where(pairs > 0, right / np.maximum(pairs, 1), 0.0)
        total = total + np.bincount(gone, rest - of_anchor[anchor], products)
        voters = voters - np.bincount(gone, pairs == 0, products)
        rest_votes = present & (voters > 0)
        return total[rest_votes] / voters[rest_votes]


def count_votes(ballot: Ballot, confidence: float = 0.95) -> Votes:
    """The mean score of the anchors and its lower bound for products like these.

    Anchors of one product are alike, and so are pairs that share a product on either side. Leaving a product out on
    both sides covers this and overstates the variance on average (Efron and Stein 1981), which is the safe side. The
    effective number is the smaller of Kish's and of what that variance leaves, after Student's t.
    """
    scores = ballot.scores()
    if not np.isfinite(scores).any():
        return Votes(0.0, 0.0, 0.0)
    mean, effective = float(np.nanmean(scores)), ballot.kish()
    without = ballot.means_without_one()
    groups = len(without)
    variance = (groups - 1) / groups * float(((without - without.mean()) ** 2).sum()) if groups > 1 else 0.0
    if variance > 1e-15:
        shrink = special.ndtri(confidence) / special.stdtrit(groups - 1, confidence)
        effective = min(effective, mean * (1 - mean) / variance * shrink**2)
    bound = special.betaincinv(effective * mean, effective * (1 - mean) + 1, 1 - confidence) if mean else 0.0
    return Votes(mean, float(effective), float(bound))


def first_tested(kish: Sequence[float]) -> int:
    """Where a sequence of tests begins: the first threshold with at least half of the most votes; 0 without thresholds.

    kish: the votes of each threshold, strictest first. They follow from similarities only, not from verdicts, so that
    looking at them spends no confidence.
    """
    return next((place for place, votes in enumerate(kish) if votes >= max(kish) / 2), 0)
