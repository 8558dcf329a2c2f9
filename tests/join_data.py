"""Vectors for the tests of the join, and its result by brute force."""

import os

import numpy as np
import torch
from hypothesis import strategies as st

from components.common.join.built import Isa
from components.common.join.exact import Vectors
from components.common.join.scores import Pairs, row_products

ON_GPU = {"isa": Isa.PTX, "device": "cpu" if os.environ["TRITON_INTERPRET"] == "1" else "cuda"}


def unit(rng: np.random.Generator, count: int, dim: int, dtype: type = np.float16, clusters: int = 5) -> np.ndarray:
    """Clustered unit vectors [count, dim], so that many similarities are high and some are equal."""
    centres = rng.normal(size=(clusters, dim))
    rows = centres[rng.integers(clusters, size=count)] + 0.3 * rng.normal(size=(count, dim))
    rows[count // 2 :: 7] = rows[: len(rows[count // 2 :: 7])]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


@st.composite
def spiky_vectors(draw: st.DrawFn) -> np.ndarray:
    """Unit vectors, float64 [1 to 30, 1 to 40], whose coordinates may differ greatly in size."""
    shape, spikes = (draw(st.integers(1, 30)), draw(st.integers(1, 40))), draw(st.floats(0, 8))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = rng.normal(size=shape) * np.exp(spikes * rng.normal(size=shape))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def brute_force(vectors: Vectors, low: float, high: float, groups: np.ndarray | None = None) -> Pairs:
    """Every pair, row by row."""
    src, dst = np.triu_indices(len(vectors), 1)
    wide = torch.as_tensor(vectors).float()
    rows = [row_products(wide[i : i + 1], wide[i + 1 :]).numpy() for i in range(len(wide))]
    score = np.concatenate(rows) if rows else np.zeros(0, np.float32)
    keep = (score >= np.float32(low)) & (score <= np.float32(high)) if len(src) else np.zeros(0, bool)
    if groups is not None:
        keep &= groups[src] != groups[dst]
    return Pairs(src[keep], dst[keep], score[keep].astype(np.float32))


def in_order(pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs.dst, pairs.src))
    return Pairs(*(column[order] for column in pairs))


def assert_equal(a: Pairs, b: Pairs) -> None:
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)
