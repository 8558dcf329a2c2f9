"""Intervals: Clopper-Pearson for shares, cluster bootstrap for means of samples that come in clusters."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A point estimate with its lower and upper confidence limits."""

    mean: float
    low: float
    high: float


def share_lower_bound(correct: int, total: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson lower bound of a share; 0 without observations."""
    return float(stats.beta.ppf(1 - confidence, correct, total - correct + 1)) if correct else 0.0


def share_upper_bound(correct: int, total: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of a share; 1 without observations."""
    return float(stats.beta.ppf(confidence, correct + 1, total - correct)) if correct < total else 1.0


def cluster_lower_bound(
    values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95, seed: int = 0
) -> float:
    """One-sided lower bound of the mean of `values` from resampling whole clusters; 0 without observations.

    If all values are equal, resampling varies nothing and the bound is too confident: read it with
    `share_lower_bound`.
    """
    return cluster_bootstrap(values, clusters, 2 * confidence - 1, 2000, seed).low if len(values) else 0.0


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
