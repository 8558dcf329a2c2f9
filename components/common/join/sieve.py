"""An upper bound of every similarity that costs a few int8 multiplications, and the proof that it is one.

Let P be k orthonormal directions, and split a vector: x = x1 + x2, x1 its part along P, x2 the rest. Round the k
coordinates of x1 to bytes, x1 = s qx + ex. With the same for y, and Cauchy-Schwarz,

    x.y = x1.y1 + x2.y2
    x1.y1 = s^2 qx.qy + s qx.ey + ex.y1  <=  s^2 qx.qy + m (|ex| + |ey|)      m >= every |s q| and |x1|
    x2.y2 <= |x2| |y2|  <=  |x2|^2 / 2 + |y2|^2 / 2

so x.y <= s^2 qx.qy + w(x) + w(y), with w(x) = |x2|^2 / 2 + m |ex| + r / 2: one number per vector, from what was
actually rounded away, whatever the data. r is how far the fp32 similarity that decides may be above x.y (`_rounding`).
Everything else is computed in float64. Divided by s^2, with w rounded up, it is a test on integers: a pair that fails
is below the window, and a pair that passes is scored exactly.

Fewer directions make a cheaper and looser test. The fastest number is estimated on a sample; the choice, like the
directions, changes only the time. The directions are the sample's principal ones, which leave the least in x2, rotated
at random among themselves, which makes the coordinates similar in size, so that bytes lose little in rounding.
"""

from typing import NamedTuple

import numpy as np
import torch

from components.common.data.seeds import numpy_rng

PANEL, COLUMNS = 16, 48  # columns of a panel of bytes, and of a tile (kernel.cpp)
CHUNK = 64 * COLUMNS  # rows turned to bytes at once
PADDING = -(1 << 29)  # bias of columns that do not exist
MOST = 1024  # directions; keeps the integer sums far below 2^31
SAMPLE, ANCHORS = 2048, 512  # rows used to choose the directions, and how many of them are compared with the others
TILE_COST, SCORE_COST = 2.0, 30_000.0  # per pair, measured in directions: its share of a tile, and an exact score
FLOAT64 = 1e-9  # more than the error of a float64 sum of 2^16 products of parts of unit vectors


class Sieve(NamedTuple):
    """Bytes and bounds of N vectors, columns padded to M (whole tiles).

    packed: uint8 [M / 16, quads, 16, 4], rounded coordinates + 128; bias: int32 [M], w / s^2 rounded up; offset: int32
    [N], bias - 128 * the row's sum of rounded coordinates; unit: s^2.
    """

    packed: np.ndarray
    bias: np.ndarray
    offset: np.ndarray
    unit: float

    def threshold(self, low: float) -> int:
        """What q.q + bias + bias reaches for every pair whose similarity is at least `low` (compared as float32)."""
        return int(np.floor(float(np.float32(low)) / self.unit)) - 1  # 1: the divisions may round by this much


class Rounded(NamedTuple):
    """Rows along a basis. q: int8 [N, k]; weight: float64 [N], w of the module's text; step: s."""

    q: torch.Tensor
    weight: torch.Tensor
    step: float

    def bound(self, left: slice, right: slice) -> torch.Tensor:
        """Upper bounds of the similarities of two ranges of rows, float64 [L, R]."""
        product = self.q[left].double() @ self.q[right].double().T
        return self.step**2 * product + self.weight[left, None] + self.weight[right]


def build(vectors: torch.Tensor, low: float, levels: int) -> Sieve:
    """The sieve of float32 unit rows [N, d] that is expected to be fastest for similarities from `low` up.

    levels: greatest rounded coordinate, at most 127.
    """
    rounded = round_rows(vectors, choose_basis(vectors, low, levels), levels)
    count, unit = len(rounded.q), rounded.step**2
    bias = np.full(-(-count // COLUMNS) * COLUMNS, PADDING, np.int32)
    bias[:count] = np.ceil(rounded.weight.numpy() / unit)
    offset = bias[:count] - 128 * rounded.q.sum(dim=1, dtype=torch.int32).numpy()
    return Sieve(_pack(rounded.q.numpy(), len(bias)), bias, offset, unit)


def _pack(q: np.ndarray, columns: int) -> np.ndarray:
    """int8 [N, k] as the kernel reads it: uint8 [columns / 16, quads, 16, 4], padded with zeros (128)."""
    count, width = q.shape
    packed = np.full((columns // PANEL, -(-width // 4), PANEL, 4), 128, np.uint8)
    for start in range(0, count, CHUNK):
        part = np.full((min(CHUNK, columns - start), packed.shape[1] * 4), 128, np.uint8)
        part[: count - start, :width] ^= q[start : start + CHUNK].view(np.uint8)
        panels = part.reshape(-1, PANEL, packed.shape[1], 4).transpose(0, 2, 1, 3)
        packed[start // PANEL : start // PANEL + len(panels)] = panels
    return packed


def round_rows(vectors: torch.Tensor, basis: torch.Tensor, levels: int) -> Rounded:
    """Rows [N, d] along a basis float64 [d, k], as bytes in [-levels, levels] and a bound on what these omit.

    The step fits the coordinates of a sample; a larger coordinate is clipped, and the excess counts as rounded away.
    """
    count, (dim, width) = len(vectors), basis.shape
    sample = vectors[:: max(count // SAMPLE, 1)].double() @ basis
    step = max(float(sample.abs().max()), 1e-2) / levels
    q = torch.empty(count, width, dtype=torch.int8)
    rest, error = torch.empty(2, count, dtype=torch.float64)  # |x2|^2 / 2 and |ex|
    longest = 0.0
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        rows = vectors[part].double()
        along = rows @ basis
        nearest = (along / step).round_().clamp_(-levels, levels)
        q[part] = nearest.to(torch.int8)
        length, rounded_length = along.norm(dim=1), nearest.norm(dim=1) * step
        rest[part] = (rows.norm(dim=1) ** 2 - length**2) / 2
        error[part] = torch.add(along, nearest, alpha=-step).norm(dim=1)
        longest = max(longest, float(length.max()), float(rounded_length.max()))
    return Rounded(q, rest + longest * error + (_rounding(dim) / 2 + FLOAT64), step)


def _rounding(dim: int) -> float:
    """How far fp32 may move the similarity of two unit rows: 2^-24 per product and fold (Higham 2002, section 3.1).

    Doubled, which is more than enough for rows as long as `exact.check_unit` accepts.
    """
    return float(np.ceil(np.log2(dim)) + 2) * 2.0**-23


def choose_basis(vectors: torch.Tensor, low: float, levels: int) -> torch.Tensor:
    """Orthonormal directions, float64 [d, k], with the least expected cost of testing all pairs and scoring those that
    pass."""
    count, dim = vectors.shape
    rng = numpy_rng(0, "sieve")
    sample = vectors[torch.from_numpy(rng.choice(count, min(count, SAMPLE), replace=False))]
    _, ascending = torch.linalg.eigh(sample.double().T @ sample.double())
    best, least = ascending, np.inf
    for width in _widths(dim):
        turn, _ = torch.linalg.qr(torch.from_numpy(rng.normal(size=(width, width))))
        basis = ascending[:, dim - width :] @ turn
        bounds = round_rows(sample, basis, levels).bound(slice(ANCHORS), slice(ANCHORS, None))
        passed = float((bounds >= low).double().mean()) if bounds.numel() else 0.0
        cost = width + TILE_COST + SCORE_COST * passed
        if cost < least:
            best, least = basis, cost
    return best


def _widths(dim: int) -> list[int]:
    """Numbers of directions to try."""
    return sorted({min(width, dim, MOST) for power in range(4, 11) for width in (2**power, 3 * 2 ** (power - 1))})
