"""95 % intervals that resample whole designs, because photographs of one design are not independent."""

from collections.abc import Callable, Sequence

import numpy as np

from components.common.statistics import Interval
from components.sandbox.training.measure import Neighbours

DRAWS, TAIL = 1000, 0.025


def bootstrap(statistic: Callable[[np.ndarray], float], clusters: Sequence[str], seed: int = 0) -> Interval:
    """A statistic of row numbers, with a percentile interval from resampling whole clusters."""
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    rng = np.random.default_rng(seed)
    drawn = [np.concatenate([members[k] for k in rng.integers(len(names), size=len(names))]) for _ in range(DRAWS)]
    low, high = np.quantile([statistic(rows) for rows in drawn], [TAIL, 1 - TAIL])
    return Interval(statistic(np.arange(len(codes))), float(low), float(high))


def precision_above(neighbours: Neighbours, threshold: float, seed: int = 0) -> Interval:
    """The share of pairs at or above a cosine that show one design; 0, with an interval from 0 to 1, if there are none.

    A wrong pair depends on two designs. It counts as often as both were drawn: the product of their counts.
    A draw that leaves no pair counts as precision 0.
    """
    names, codes = np.unique(neighbours.designs, return_inverse=True)
    first, second = np.nonzero(np.triu(neighbours.apart & (neighbours.similarity >= threshold), 1))
    if not len(first):
        return Interval(0.0, 0.0, 1.0)
    right = codes[first] == codes[second]
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    weights = counts[:, codes[first]] * np.where(right, 1, counts[:, codes[second]])
    precision = weights[:, right].sum(1) / np.maximum(weights.sum(1), 1)
    low, high = np.quantile(precision, [TAIL, 1 - TAIL])
    return Interval(float(right.mean()), float(low), float(high))
