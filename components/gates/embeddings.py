"""Embeddings gate: one finite unit vector for each object, with no dimension dead and no collapse onto few."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.join.scores import NORM_TOLERANCE
from components.common.stage.report import Report
from components.gates.checks import Check, Gate
from components.gates.params import Vectors

CHUNK_ROWS = 65_536
MODEL = "check that the encoder's weights and preprocessing belong together, then run embedding again"


@dataclass(frozen=True)
class Moments:
    """Sums over all vectors: enough for every check, in one pass."""

    rows: int
    not_finite: int
    norm_error: float
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def deviations(self) -> np.ndarray:
        """Standard deviation of each dimension, [d]."""
        return np.sqrt(np.clip(np.diag(self.covariance), 0, None))

    @property
    def effective_dimensions(self) -> float:
        """Participation ratio (sum e)^2 / sum e^2 of the covariance's eigenvalues e: 1 for a single one, d if all are
        equal."""
        total, squares = np.trace(self.covariance), float((self.covariance**2).sum())
        return float(total**2 / squares) if squares else 0.0


def embeddings(inputs: dict[str, Path], params: Vectors) -> Gate:
    """Measures the vectors, and whether they are those of the objects."""
    dataset = Dataset(inputs["embeddings"])
    moments = measure(dataset)
    return Gate(
        "embeddings",
        (
            Check(
                "vectors_not_finite",
                "the number of vectors that are not finite",
                moments.not_finite,
                high=0,
                next_step=MODEL,
            ),
            Check(
                "norm_error",
                "the largest distance of a vector's norm from 1",
                moments.norm_error,
                high=NORM_TOLERANCE,
                next_step=MODEL,
            ),
            Check(
                "dead_dimensions",
                "the number of dimensions that never change",
                int((moments.deviations < params.dead_deviation).sum()),
                high=0,
                next_step=MODEL,
            ),
            Check(
                "effective_dimensions",
                "the effective number of dimensions",
                moments.effective_dimensions,
                low=params.min_effective_dimensions,
                next_step=MODEL,
            ),
            Check(
                "vectors_misplaced",
                "the number of vectors that are not at their object's row",
                _misplaced(Dataset(inputs["objects"]), dataset, moments.rows),
                high=0,
                next_step="delete the embeddings dataset and run embedding again",
            ),
        ),
        Report(plots={"deviation_by_dimension": _spectrum(moments.deviations)}),
    )


def measure(dataset: Dataset) -> Moments:
    """One pass over the vector shards, in float64 and in a fixed order. Those that are not finite are only counted."""
    rows = not_finite = 0
    norm_error, total, outer = 0.0, np.zeros(0), np.zeros((0, 0))
    for path in dataset.files(".npy"):
        shard = np.load(path, mmap_mode="r", allow_pickle=False)
        for start in range(0, len(shard), CHUNK_ROWS):
            vectors_ND = np.asarray(shard[start : start + CHUNK_ROWS], np.float64)
            finite_ND = vectors_ND[np.isfinite(vectors_ND).all(1)]
            rows, not_finite = rows + len(vectors_ND), not_finite + len(vectors_ND) - len(finite_ND)
            if not len(finite_ND):
                continue
            norm_error = max(norm_error, float(np.abs(np.linalg.norm(finite_ND, axis=1) - 1).max()))
            total = finite_ND.sum(0) + (total if total.size else 0)
            outer = finite_ND.T @ finite_ND + (outer if outer.size else 0)
    mean = total / max(rows - not_finite, 1)
    return Moments(rows, not_finite, norm_error, mean, outer / max(rows - not_finite, 1) - np.outer(mean, mean))


def _misplaced(objects: Dataset, dataset: Dataset, vectors: int) -> int:
    expected, stored = (source.table(["object_id"])["object_id"] for source in (objects, dataset))
    both = min(len(expected), len(stored))
    wrong = pc.sum(pc.not_equal(expected.slice(0, both), stored.slice(0, both))).as_py() or 0
    return wrong + abs(len(expected) - len(stored)) + abs(len(stored) - vectors)


def _spectrum(deviations: np.ndarray) -> list[dict[str, float]]:
    return [{"rank": rank, "deviation": float(value)} for rank, value in enumerate(sorted(deviations, reverse=True))]
