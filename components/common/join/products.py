"""The window join with torch's matrix products: for any device, and where neither kernel can run."""

import numpy as np
import torch

from components.common.join.scores import Pairs, decide

BLOCK = 1024  # rows and columns of one matrix product: what fits in the caches


class Products:
    """Vectors prepared for torch's products. values: float32 [N, d]; groups: int64 [N] or None; on one device."""

    def __init__(self, values: torch.Tensor, groups: torch.Tensor | None) -> None:
        self.values, self.groups = values, groups

    def __len__(self) -> int:
        return len(self.values)

    def join(self, span: range, low: float, high: float, since: int = 0) -> Pairs:
        """Pairs src < dst >= since with src in `span`, of different groups, with similarity in [low, high]."""
        candidates = [
            self._candidates(row, min(row + BLOCK, span.stop), column, low)
            for row in range(span.start, span.stop, BLOCK)
            for column in range(max(row, since), len(self), BLOCK)
        ]
        src, dst = (torch.cat(side) for side in zip(*candidates, strict=True))
        return decide(self.values, src, dst, low, high)

    def _candidates(self, row: int, row_end: int, column: int, low: float) -> tuple[torch.Tensor, torch.Tensor]:
        """(src, dst) in one block of the product whose similarity there reaches `low` minus its largest error."""
        product = self.values[row:row_end] @ self.values[column : column + BLOCK].T
        floor = float(np.float32(low)) - slack(self.values.shape[1])
        busy = torch.nonzero(product.amax(dim=1) >= floor)[:, 0]  # most rows of most blocks have no candidate
        hits = torch.nonzero(product[busy] >= floor)
        src, dst = busy[hits[:, 0]] + row, hits[:, 1] + column
        keep = src < dst
        if self.groups is not None:
            keep &= self.groups[src] != self.groups[dst]
        return src[keep], dst[keep]


def slack(dim: int) -> float:
    """Largest difference between torch's product of two unit rows of `dim` coordinates and `row_products`.

    In fp32, any order of summation is off by at most dim * 2^-24 (Higham 2002, section 3.1), here for both sides and
    doubled. Where torch may round the inputs first (TF32, bfloat16), that error is added.
    """
    significant_bits = {"high": 11, "medium": 8}.get(torch.get_float32_matmul_precision())
    return dim * 2.0**-22 + (2.1 * 2.0**-significant_bits if significant_bits else 0.0)
