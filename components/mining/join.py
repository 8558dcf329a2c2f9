"""The exact window self-join: every pair of vectors whose similarity lies in [low, high], none missed, none added.

A quick product finds candidates: pairs that reach `low` less the largest error that its arithmetic can make. Each
candidate is then scored again in fp32 with one fixed order of summation, and that score alone decides. So neither tile
size nor processor, device or BLAS touches the result. On a CPU the quick product is in bytes (sieve.py, kernel.cpp),
elsewhere, or where the kernel was not built, torch's. Only blocks on and above the diagonal are computed; a row of
blocks (a tile row) is the unit of work and of resume. Memory: O(N d + pairs).
"""

from collections.abc import Iterator
from enum import IntFlag
from typing import NamedTuple

import numpy as np
import torch

from components.common.errors import UserError
from components.mining.native import LEVELS, Isa, best_isa, join_rows
from components.mining.sieve import Sieve, build

TILE = 16384  # rows of a tile row: the unit of resume
BLOCK = 1024  # rows and columns of one matrix product: what the caches hold
CHUNK = 1 << 18  # candidates scored at once
NORM_TOLERANCE = 2e-3  # fp16 storage moves a norm by at most 5e-4


class Flag(IntFlag):
    """The bits of the column `flags` of pairs."""

    DUPLICATE = 1  # the two photographs, or the two crops, nearly repeat each other
    HUB = 2  # one of the two has more partners than the hub budget
    RESERVED = 4  # one of them looks like an object of the benchmark, which training must not see


class Pairs(NamedTuple):
    """Pairs of rows, src < dst, ordered by (src, dst). src, dst: int64 [P]; similarity: float32 [P], cosine."""

    src: np.ndarray
    dst: np.ndarray
    similarity: np.ndarray

    def where(self, mask: np.ndarray) -> "Pairs":
        """The pairs under a boolean mask [P]."""
        return Pairs(self.src[mask], self.dst[mask], self.similarity[mask])


class Rows(NamedTuple):
    """Vectors made ready for the join. values: float32 [N, d]; sieve: what `isa` needs, None for torch's products."""

    values: torch.Tensor
    isa: Isa
    sieve: Sieve | None


def window_join(
    vectors: np.ndarray,
    low: float,
    high: float = np.inf,
    groups: np.ndarray | None = None,
    tile: int = TILE,
    device: torch.device | str = "cpu",
    isa: Isa | None = None,
    since: int = 0,
) -> Pairs:
    """All pairs src < dst of rows of `vectors` with low <= similarity <= high, exactly.

    vectors: unit rows, fp16 or fp32, [N, d]. The similarity is `row_products` of the rows as fp32; low and high are
    compared with it as fp32. groups: int [N]; pairs inside a group (objects of one photograph) are left out.
    isa: what finds candidates, the best of this machine unless told. since: only pairs with dst >= since, which adds
    rows to joined ones: it costs N * (N - since) similarities, and with the pairs of the first `since` gives all.
    Raises `UserError` naming the first row that is not a finite unit vector.
    """
    tiles = list(join_tiles(vectors, low, high, groups, tile, device, isa, since))
    return concatenate(tiles)


def join_tiles(
    vectors: np.ndarray,
    low: float,
    high: float = np.inf,
    groups: np.ndarray | None = None,
    tile: int = TILE,
    device: torch.device | str = "cpu",
    isa: Isa | None = None,
    since: int = 0,
) -> Iterator[Pairs]:
    """`window_join` by tile row: the i-th item holds the pairs whose src lies in [i * tile, (i + 1) * tile)."""
    check_unit(vectors)
    rows = prepare(vectors, low, device, isa)
    for index in range(tile_count(len(vectors), tile)):
        yield join_tile(rows, index, low, high, groups, tile, since)


def prepare(vectors: np.ndarray, low: float, device: torch.device | str = "cpu", isa: Isa | None = None) -> Rows:
    """Checked vectors, fp16 or fp32 [N, d], ready for joins; fp16 values are kept exactly.

    low: the least similarity that will be asked for, or about that: it changes the time, never the result.
    """
    values = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
    if isa is None:
        isa = best_isa() if torch.device(device).type == "cpu" else Isa.NONE
    sieve = build(values, low, LEVELS[isa]) if isa and values.numel() else None
    return Rows(values.to(device), isa, sieve)


def join_tile(
    rows: Rows,
    index: int,
    low: float,
    high: float = np.inf,
    groups: np.ndarray | None = None,
    tile: int = TILE,
    since: int = 0,
) -> Pairs:
    """One tile row of `window_join`. rows: `prepare` of checked vectors."""
    span = range(index * tile, min((index + 1) * tile, len(rows.values)))
    if rows.sieve is None:
        return _join_products(rows.values, span, low, high, groups, since)
    found = join_rows(rows.values.numpy(), rows.sieve, rows.isa, span, low, high, groups, since)
    return concatenate([Pairs(*columns) for columns in found])


def _join_products(
    rows: torch.Tensor, span: range, low: float, high: float, groups: np.ndarray | None, since: int
) -> Pairs:
    """`join_tile` by torch's matrix products."""
    found = []
    for row in range(span.start, span.stop, BLOCK):
        for column in range(max(row, since), len(rows), BLOCK):
            src, dst = _candidates(rows, row, min(row + BLOCK, span.stop), column, low)
            keep = src < dst if groups is None else (src < dst) & (groups[src] != groups[dst])
            found.append(decide(rows, src[keep], dst[keep], low, high))
    pairs = concatenate(found)
    order = np.lexsort((pairs.dst, pairs.src))
    return Pairs(*(column[order] for column in pairs))


def _candidates(rows: torch.Tensor, row: int, row_end: int, column: int, low: float) -> tuple[np.ndarray, np.ndarray]:
    """(src, dst) in one block of the product whose approximate similarity reaches `low` less its largest error."""
    product = rows[row:row_end] @ rows[column : column + BLOCK].T
    floor = float(np.float32(low)) - slack(rows.shape[1])
    busy = torch.nonzero(product.amax(dim=1) >= floor)[:, 0]  # most rows of most blocks have no candidate
    hits = torch.nonzero(product[busy] >= floor)
    return (busy[hits[:, 0]] + row).cpu().numpy(), (hits[:, 1] + column).cpu().numpy()


def decide(rows: torch.Tensor, src: np.ndarray, dst: np.ndarray, low: float, high: float) -> Pairs:
    """The candidates src, dst [P] whose exact similarity lies in the window. rows: float32 [N, d]."""
    scores = [
        row_products(rows[src[i : i + CHUNK]].cpu().numpy(), rows[dst[i : i + CHUNK]].cpu().numpy())
        for i in range(0, len(src), CHUNK)
    ]
    similarity = np.concatenate(scores) if scores else np.zeros(0, np.float32)
    return Pairs(src, dst, similarity).where((similarity >= np.float32(low)) & (similarity <= np.float32(high)))


def row_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Inner products of matching rows of two float32 arrays [P, d], rounded the same way on every machine.

    The products are folded in half, upper half onto lower half, until one is left: only elementwise fp32 steps, whose
    results no library, thread count or batch can change. An odd width is padded with a zero.
    """
    parts = left * right
    while parts.shape[1] > 1:
        if parts.shape[1] % 2:
            parts = np.pad(parts, ((0, 0), (0, 1)))
        half = parts.shape[1] // 2
        parts = parts[:, :half] + parts[:, half:]
    return parts.sum(axis=1, dtype=np.float32)


def slack(dim: int) -> float:
    """Largest difference between torch's product of two unit rows of length `dim` and `row_products`.

    In fp32, any order of summation is off by at most dim * 2^-24 (Higham 2002, section 3.1), here for both sides and
    doubled. Where torch may round the inputs first (TF32, bfloat16), their rounding comes on top.
    """
    significant_bits = {"high": 11, "medium": 8}.get(torch.get_float32_matmul_precision())
    return dim * 2.0**-22 + (2.1 * 2.0**-significant_bits if significant_bits else 0.0)


def tile_count(rows: int, tile: int) -> int:
    """How many tile rows N rows make."""
    return -(-rows // tile)


def check_unit(vectors: np.ndarray) -> None:
    """Raises `UserError` naming the first row that is not finite or not of length 1 (within what fp16 can hold)."""
    for begin in range(0, len(vectors), CHUNK):
        norms = np.linalg.norm(vectors[begin : begin + CHUNK].astype(np.float32), axis=1)
        bad = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))
        if len(bad):
            raise UserError(
                f"vector {begin + bad[0]} has length {norms[bad[0]]:.4g}, not 1: run the embedding stage again"
            )


def concatenate(parts: list[Pairs]) -> Pairs:
    """Several `Pairs` one after the other."""
    if not parts:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
