"""An approximate window join, for corpora that are too large to compare every pair.

Vectors are filed in `nlist` lists, each under its nearest centroid (an inverted file, IVF: Jegou et al. 2011, "Product
quantization for nearest neighbor search", section IV; faiss), and a row is compared only with the vectors of its
`nprobe` nearest lists. Candidates are then judged as in the exact join, so every pair found is also one of its pairs,
with the same similarity. Pairs across other lists are lost: `recall` measures how many.

The result depends on neither threads nor tile rows: one thread finds the centroids, and lists are chosen by products
of a row with a centroid, one by one (`_one_by_one`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import faiss
import numpy as np
import torch

from components.common.data.seeds import numpy_rng
from components.common.join.exact import TILE
from components.common.join.products import BLOCK, slack
from components.common.join.scores import Pairs, concatenate, decide

SEED = 0  # for the centroids, and for the rows that recall is measured on
POINTS, ROUNDS = 64, 10  # k-means: vectors per centroid (faiss wants at least 39), iterations (faiss' own for IVF)
SAMPLE = 2048  # rows that recall is measured on
FP16 = 1e-3  # twice the change of a similarity by storage in fp16


class Lists(NamedTuple):
    """Vectors filed for the join. values: float32 [N, d]; index: faiss' inverted file of the rows from `since` up."""

    values: torch.Tensor
    index: Any
    since: int


class Recall(NamedTuple):
    """The approximate join `found` this many of the exact join's `pairs` whose src is one of `rows` sampled rows."""

    rows: int
    pairs: int
    found: int

    @property
    def share(self) -> float | None:
        """found / pairs, 0..1; None if the sample has no pair."""
        return self.found / self.pairs if self.pairs else None


def find_centroids(vectors: np.ndarray, nlist: int = 0) -> np.ndarray:
    """The centroids of `nlist` lists, float32 unit rows [nlist, d], by k-means on unit vectors, fp16 or fp32 [N, d].

    nlist: 0 for 4 sqrt(N), where choosing the lists costs as much as searching 4 of them; never more than N.
    """
    count = min(nlist or round(4 * len(vectors) ** 0.5), len(vectors))
    points = min(POINTS * count, len(vectors))
    sample = np.sort(numpy_rng(SEED, "centroids").choice(len(vectors), points, replace=False))
    options = {"seed": SEED, "spherical": True, "min_points_per_centroid": 1, "max_points_per_centroid": POINTS}
    kmeans = faiss.Kmeans(vectors.shape[1], count, niter=ROUNDS, **options)
    with _one_thread():
        kmeans.train(vectors[sample].astype(np.float32))
    assert kmeans.centroids is not None
    return kmeans.centroids


def file_rows(vectors: np.ndarray, centroids: np.ndarray, nprobe: int, since: int = 0) -> Lists:
    """Unit rows [N, d], fp16 or fp32, in their lists, ready for joins that search `nprobe` of them.

    since: only pairs with dst >= since will be found, as in `window_join`. With the same centroids, these are the pairs
    that a join of all rows finds in addition to a join of the first `since` rows.
    """
    values = np.ascontiguousarray(vectors, np.float32)
    nlist, dim = centroids.shape
    coarse = faiss.IndexFlatIP(dim)
    coarse.add(centroids)
    kind, metric = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(coarse, dim, nlist, kind, metric, False)
    index.train(centroids)  # they are already in place: this only marks the index as ready
    index.nprobe = nprobe
    with _one_by_one():
        index.add_with_ids(values[since:], np.arange(since, len(values)))
    return Lists(torch.from_numpy(values), index, since)


def join_tile(
    lists: Lists, index: int, low: float, high: float = np.inf, groups: np.ndarray | None = None, tile: int = TILE
) -> Pairs:
    """The pairs of one tile row of `window_join` whose dst is in one of the lists searched for their src."""
    span = range(index * tile, min((index + 1) * tile, len(lists.values)))
    starts = range(span.start, span.stop, BLOCK)
    return concatenate(
        [_join_rows(lists, np.arange(start, min(start + BLOCK, span.stop)), low, high, groups) for start in starts]
    )


def recall(lists: Lists, low: float, high: float = np.inf, groups: np.ndarray | None = None) -> Recall:
    """How many of the exact join's pairs this join finds, measured by joining SAMPLE rows with all rows both ways."""
    count = len(lists.values)
    rows = np.sort(numpy_rng(SEED, "recall").choice(count, min(count, SAMPLE), replace=False))
    exact = _exact(lists, rows, low, high, groups)
    return Recall(len(rows), len(exact.src), len(_join_rows(lists, rows, low, high, groups).src))


def _join_rows(lists: Lists, rows: np.ndarray, low: float, high: float, groups: np.ndarray | None) -> Pairs:
    """The pairs of some rows, int64 [B], ascending."""
    floor = float(np.float32(low)) - slack(lists.values.shape[1]) - FP16
    with _one_by_one():
        limits, _, dst = lists.index.range_search(lists.values[rows].numpy(), floor)
    src = np.repeat(rows, np.diff(limits.astype(np.int64)))
    return _decided(lists, src, dst, low, high, groups)


def _exact(lists: Lists, rows: np.ndarray, low: float, high: float, groups: np.ndarray | None) -> Pairs:
    """What `_join_rows` finds if it misses nothing."""
    values, floor = lists.values, float(np.float32(low)) - slack(lists.values.shape[1])
    parts = []
    for column in range(lists.since, len(values), BLOCK):
        hits = torch.nonzero(values[rows] @ values[column : column + BLOCK].T >= floor).numpy()
        parts.append(_decided(lists, rows[hits[:, 0]], hits[:, 1] + column, low, high, groups))
    return concatenate(parts)


def _decided(
    lists: Lists, src: np.ndarray, dst: np.ndarray, low: float, high: float, groups: np.ndarray | None
) -> Pairs:
    keep = src < dst if groups is None else (src < dst) & (groups[src] != groups[dst])
    return decide(lists.values, torch.from_numpy(src[keep]), torch.from_numpy(dst[keep]), low, high)


@contextmanager
def _one_by_one() -> Iterator[None]:
    """Keeps faiss from handing products of many rows to BLAS, whose rounding depends on which rows come together."""
    usual = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = np.iinfo(np.int32).max
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = usual


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for faiss and its BLAS, whose sums may depend on the number of threads."""
    usual = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(usual)
