"""The exact window self-join: every pair of vectors whose similarity is in [low, high], none missed, none added.

A quick product finds candidates: pairs that reach `low` minus the largest error that its arithmetic can make. Each
candidate is then scored again in fp32 with one fixed order of summation, and that score alone decides (scores.py). So
the result does not depend on tile size, processor, device or BLAS. The quick product uses bytes on a CPU (native.py),
fp16 on an NVIDIA GPU (gpu.py), and torch elsewhere or where a kernel is missing (products.py). Only blocks on and above
the diagonal are computed; a row of blocks (a tile row) is the unit of work and of resuming. Memory: O(N d + pairs).
"""

from importlib.util import find_spec
from typing import Protocol

import numpy as np
import torch

from components.common.errors import UserError
from components.common.join.built import Isa, best_isa
from components.common.join.native import Native
from components.common.join.products import Products
from components.common.join.scores import BFLOAT16_TOLERANCE, CHUNK, NORM_TOLERANCE, Pairs, concatenate

TILE = 16384  # rows of a tile row: the unit of resuming
Vectors = np.ndarray | torch.Tensor


class Rows(Protocol):
    """N vectors prepared for the join by one of its engines."""

    def __len__(self) -> int:
        """N."""

    def join(self, span: range, low: float, high: float, since: int = 0) -> Pairs:
        """All pairs src < dst >= since with src in `span`, of different groups, with low <= similarity <= high.

        since: below N.
        """


def window_join(
    vectors: Vectors,
    low: float,
    high: float = np.inf,
    groups: np.ndarray | None = None,
    tile: int = TILE,
    device: torch.device | str = "cpu",
    isa: Isa | None = None,
    since: int = 0,
) -> Pairs:
    """All pairs src < dst of rows of `vectors` with low <= similarity <= high, exactly.

    vectors: unit rows, fp16, bf16 or fp32, [N, d]. The similarity is `row_products` of the rows as fp32; low and high
    are compared with it as fp32. groups: int [N]; pairs inside a group (objects of one photograph) are left out.
    isa: what finds candidates; by default, the best for the device. since: only pairs with dst >= since. This adds rows
    to rows that are already joined: it costs N * (N - since) similarities, and together with the pairs of the first
    `since` rows gives all pairs. Raises `UserError` naming the first row that is not a finite unit vector.
    """
    check_unit(vectors)
    rows = prepare(vectors, low, groups, device, isa)
    return concatenate([join_tile(rows, k, low, high, tile, since) for k in range(tile_count(len(vectors), tile))])


def prepare(
    vectors: Vectors,
    low: float,
    groups: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    isa: Isa | None = None,
) -> Rows:
    """Prepares checked vectors, fp16, bf16 or fp32 [N, d], for joins.

    low: roughly the lowest similarity that will be requested; it changes the time, never the result.
    """
    values, device = torch.as_tensor(vectors).contiguous(), torch.device(device)
    codes = None if groups is None else torch.as_tensor(groups, dtype=torch.int64).to(device)
    isa = best_engine(device) if isa is None else isa
    if isa == Isa.NONE or not values.numel():
        return Products(values.float().to(device), codes)
    if isa == Isa.PTX:
        from components.common.join.gpu import Gpu  # only here: triton is not installed everywhere

        return Gpu(values.to(device), codes)
    return Native(values.float(), codes, low, isa)


def best_engine(device: torch.device) -> Isa:
    """The fastest engine that is available for a device."""
    if device.type == "cpu":
        return best_isa()
    modern = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return Isa.PTX if modern and find_spec("triton") else Isa.NONE


def join_tile(rows: Rows, index: int, low: float, high: float = np.inf, tile: int = TILE, since: int = 0) -> Pairs:
    """One tile row of `window_join`. rows: `prepare` of checked vectors."""
    if since >= len(rows):
        return concatenate([])
    return rows.join(range(index * tile, min((index + 1) * tile, len(rows))), low, high, since)


def tile_count(rows: int, tile: int) -> int:
    """The number of tile rows that N rows make."""
    return -(-rows // tile)


def check_unit(vectors: Vectors) -> None:
    """Raises `UserError` naming the first row that is not finite or not of length 1 (to the precision of its type)."""
    tolerance = BFLOAT16_TOLERANCE if vectors.dtype == torch.bfloat16 else NORM_TOLERANCE
    for begin in range(0, len(vectors), CHUNK):
        norms = torch.as_tensor(vectors[begin : begin + CHUNK]).float().norm(dim=1)
        bad = torch.nonzero(~((norms - 1).abs() <= tolerance))[:, 0]
        if len(bad):
            raise UserError(
                f"vector {begin + bad[0]} has length {norms[bad[0]]:.4g}, not 1: run the embedding stage again"
            )
