"""The similarity that decides, and the decision: how all engines of the window join judge their candidates."""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad

CHUNK = 1 << 18  # candidates scored at once
# How far the length of a row may be from 1; the bounds of all engines hold up to there.
NORM_TOLERANCE = 2e-3  # fp16 storage moves a norm by at most 5e-4
BFLOAT16_TOLERANCE = 5e-3  # bfloat16 storage by at most 4e-3


class Pairs(NamedTuple):
    """Pairs of rows, src < dst, ordered by (src, dst). src, dst: int64 [P]; similarity: float32 [P], cosine."""

    src: np.ndarray
    dst: np.ndarray
    similarity: np.ndarray

    def where(self, mask: np.ndarray) -> "Pairs":
        """The pairs under a boolean mask [P]."""
        return Pairs(self.src[mask], self.dst[mask], self.similarity[mask])


def row_products(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Inner products [P] of matching rows of two float32 arrays [P, d], rounded the same way on every machine.

    The products are folded in half, upper half onto lower half, until one is left: only elementwise fp32 steps, whose
    results no library, thread count or batch can change. An odd width is padded with a zero.
    """
    # Do not compile this. On any device, each step is a separate operation that leaves its rounded result in memory; a
    # compiler could fuse a multiplication and an addition into one operation that rounds only once.
    parts = left * right
    while parts.shape[1] > 1:
        parts = pad(parts, (0, parts.shape[1] % 2))
        half = parts.shape[1] // 2
        parts = parts[:, :half] + parts[:, half:]
    return parts[:, 0]


def decide(vectors: torch.Tensor, src: torch.Tensor, dst: torch.Tensor, low: float, high: float) -> Pairs:
    """The candidates whose similarity is in the window.

    vectors: [N, d]; src, dst: int64 [P], in any order, each pair once; all on one device, which does the work.
    """
    keys = torch.sort(src * len(vectors) + dst).values
    src, dst = keys // len(vectors), keys % len(vectors)
    scores = [
        row_products(vectors[left].float(), vectors[right].float())
        for left, right in zip(src.split(CHUNK), dst.split(CHUNK), strict=True)
    ]
    similarity = torch.cat(scores)
    keep = (similarity >= float(np.float32(low))) & (similarity <= float(np.float32(high)))
    return Pairs(*(column[keep].cpu().numpy() for column in (src, dst, similarity)))


def concatenate(parts: list[Pairs]) -> Pairs:
    """Several `Pairs` one after the other."""
    if not parts:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
