"""Which pairs to look at: anchors sampled by similarity band x category, in proportion to what retrieval emitted.

Pairs of one anchor are not independent, so no anchor is asked twice before every anchor of its stratum was asked once.
The order within that is a hash of the pair: it does not change when other pairs come or go.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

MAX_CANDIDATES = 500_000


@dataclass(frozen=True)
class Frame:
    """The emitted pairs. anchors, partners: object rows [P]; strata: code [P]; similarity [P]."""

    anchors: np.ndarray
    partners: np.ndarray
    similarity: np.ndarray
    strata: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Emitted pairs by stratum, [S]."""
        return np.bincount(self.strata) if len(self.strata) else np.zeros(0, np.int64)


def band_edges(similarity: np.ndarray, bands: int) -> np.ndarray:
    """Upper edges of all but the last of `bands` equally filled similarity bands, ascending, without repeats."""
    if not len(similarity):
        return np.zeros(0)
    return np.unique(np.quantile(similarity, np.arange(1, bands) / bands))


def stratify(similarity: np.ndarray, categories: np.ndarray, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """Stratum code of each pair [P] (categories x bands) and its band [P]. categories: code of the anchor's [P]."""
    band = np.searchsorted(band_edges(similarity, bands), similarity, side="right")
    return categories * bands + band, band


def shares(counts: np.ndarray, available: np.ndarray, total: int) -> np.ndarray:
    """How many to take of each stratum: `total` in proportion to `counts`, by largest remainder, within `available`.

    What a stratum cannot give goes to the others.
    """
    taken = np.zeros(len(counts), np.int64)
    while (left := min(total, int(available.sum())) - int(taken.sum())) > 0:
        open_ = (available > taken) & (counts > 0)
        if not open_.any():
            break
        ideal = left * np.where(open_, counts, 0) / counts[open_].sum()
        step = np.floor(ideal).astype(np.int64)
        largest = np.argsort(-(ideal - step), kind="stable")[: left - int(step.sum())]
        step[largest] += 1
        taken = np.minimum(taken + np.where(open_, step, 0), available)
    return taken


def choose(frame: Frame, among: np.ndarray, total: int, seed: int) -> np.ndarray:
    """Indices of at most `total` pairs out of `among` (indices into the frame), sorted by stratum and turn."""
    turns = hash_pairs(frame.anchors[among], frame.partners[among], seed)
    if len(among) > MAX_CANDIDATES:  # a random part of a web-scale frame is sample enough
        keep = np.sort(np.argpartition(turns, MAX_CANDIDATES)[:MAX_CANDIDATES])
        among, turns = among[keep], turns[keep]
    strata, anchors = frame.strata[among], frame.anchors[among]
    order = np.lexsort((turns, anchors, strata))
    visit = np.empty(len(among), np.int64)
    visit[order] = _position_in_run(strata[order], anchors[order])  # this anchor's first, second ... pair
    order = np.lexsort((turns, visit, strata))
    place = _position_in_run(strata[order])
    quota = shares(frame.counts, np.bincount(strata, minlength=len(frame.counts)), total)
    return among[order[place < quota[strata[order]]]]


def _position_in_run(*keys: np.ndarray) -> np.ndarray:
    """For sorted keys, the position of each element among those with equal keys, [N]."""
    index = np.arange(len(keys[0]))
    starts = np.ones(len(index), bool)
    starts[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return index - np.maximum.accumulate(np.where(starts, index, 0)) if len(index) else index


def hash_pairs(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    """A well-mixed 64-bit number for each pair [P] (the finaliser of splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        value = _mix(first.astype(np.uint64) + np.uint64(seed))
        return _mix(value ^ second.astype(np.uint64))


def _mix(value: np.ndarray) -> np.ndarray:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def labels_needed(limit: float, truth: float, power: float, confidence: float, most: int = 50_000) -> int:
    """Labels from which on the one-sided Clopper-Pearson bound reaches `limit` with probability `power`, if the share
    of right pairs is `truth`. The power rises in a sawtooth: this is the last crossing, so more labels never hurt."""
    sizes = np.arange(1, most + 1)
    # The bound reaches the limit exactly where so many right ones would be a surprise at the limit.
    fewest = stats.binom.isf(1 - confidence, sizes, limit) + 1
    weak = np.flatnonzero(stats.binom.sf(fewest - 1, sizes, truth) < power)
    return int(sizes[weak[-1]]) + 1 if len(weak) else 1
