"""The window join on an NVIDIA GPU: a Triton kernel tests fp16 products against the window before they leave registers.

The kernel multiplies rows rounded to fp16, whose products tensor cores add up in fp32, and keeps the pairs that reach
`low` minus a slack. There, fp16 is as fast as bfloat16 and three bits finer, and the coordinates of a unit row stay in
its range. The slack is proven, so no pair in the window is lost; `decide` scores the kept pairs in fp32.

Let x' be x in fp16, e the greatest |x - x'| of all rows (zero for fp16 input), and |x| <= m = LONGEST. Then

    x.y - x'.y' = (x - x').y + x'.(y - y')  <=  e m + (m + e) e  <=  (2 m + e) e

Products of fp16, subnormal or not, are exact in fp32. Tensor cores align those of one step to the greatest, truncate
what is below its last place, and truncate the sum (Fasi, Higham, Mikaitis, Pranesh 2021, doi 10.7717/peerj-cs.330). No
product and no partial sum reaches 2, so each of d products and at most d sums loses less than 2^-23: d 2^-22 in total.
The similarity that decides is within (log2 d + 1) 2^-23 of x.y, and the threshold is rounded to fp32, 2^-24. For d up
to 2^14 the sum of these three is below (d + 8) 2^-22; `slack` uses twice that.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch.nn.functional import pad
from triton.tools.tensor_descriptor import TensorDescriptor

from components.common.join.scores import BFLOAT16_TOLERANCE, CHUNK, Pairs, decide

STRIP = 64  # tiles of columns that a program compares with the rows it holds
CAPACITY = 1 << 21  # words of hits that one launch may return
RESIDENT = 128  # widest rows that a program keeps whole
LONGEST = 1 + BFLOAT16_TOLERANCE  # greatest length of a row (exact.check_unit)


class Gpu:
    """Vectors prepared for the kernel. values: [N, d], N < 2^31 - 2^16; groups: int64 [N] or None; on one device."""

    def __init__(self, values: torch.Tensor, groups: torch.Tensor | None) -> None:
        self.values, self.groups = values, groups
        half, rest = values.half(), -values.shape[1] % 8
        self.half = pad(half, (0, rest)) if rest else half  # tensor maps need rows of a multiple of 16 bytes
        self.slack = slack(values.shape[1], self._rounded_away())
        self.count = torch.zeros(1, dtype=torch.int64, device=values.device)
        self.hits = torch.empty(3, CAPACITY, dtype=torch.int32, device=values.device)

    def __len__(self) -> int:
        return len(self.values)

    def join(self, span: range, low: float, high: float, since: int = 0) -> Pairs:
        """Pairs src < dst >= since with src in `span`, of different groups, with similarity in [low, high]."""
        floor = float(np.float32(low)) - self.slack
        candidates = list(self._candidates(span, range(max(span.start, since), len(self)), floor))
        src, dst = (torch.cat(side) for side in zip(*candidates, strict=True))
        return decide(self.values, src, dst, low, high)

    def _candidates(self, span: range, columns: range, floor: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """(src, dst) of all candidates, in parts: a range with more hits than the buffer holds is halved and redone."""
        self._launch(span, columns, floor)
        count = int(self.count)
        if count <= self.hits.shape[1]:
            yield self._unpack(count, columns.stop)
        elif len(columns) > 1:
            for half in _halves(columns):
                yield from self._candidates(span, half, floor)
        else:
            for half in _halves(span):
                yield from self._candidates(half, columns, floor)

    def _unpack(self, count: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The kernel's words as pairs. The last word of a row may extend beyond the requested columns."""
        src, first, words = self.hits[:, :count]
        bits = torch.arange(32, dtype=torch.int32, device=words.device)
        entry, bit = torch.nonzero(words[:, None] >> bits & 1, as_tuple=True)
        src, dst = src[entry].long(), first[entry] + bit
        keep = (src < dst) & (dst < stop)
        if self.groups is not None:
            keep &= self.groups[src] != self.groups[dst.clamp(max=len(self) - 1)]
        return src[keep], dst[keep]

    def _launch(self, span: range, columns: range, floor: float) -> None:
        width = self.half.shape[1]
        block = max(triton.next_power_of_2(width), 16) if width <= RESIDENT else RESIDENT // 2
        rows, columns_of = (TensorDescriptor.from_tensor(self.half, [1, block]) for _ in range(2))
        self.count.zero_()
        with torch.cuda.device_of(self.half):
            _find_hits[_grid](
                rows,
                columns_of,
                self.count,
                *self.hits,
                *(span.start, span.stop, columns.start, columns.stop),
                self.hits.shape[1],
                floor,
                WIDTH=width,
                BLOCK=block,
                STRIP=STRIP,
                enable_fp_fusion=False,  # there is nothing to fuse; unset, triton warns that its default will change
            )

    def _rounded_away(self) -> float:
        """The greatest length of a row's rounding error in fp16."""
        parts = zip(self.values.split(CHUNK), self.half.split(CHUNK), strict=True)
        width = self.values.shape[1]
        return max(float((row.double() - half[:, :width].double()).norm(dim=1).max()) for row, half in parts)


def slack(dim: int, error: float) -> float:
    """How far the kernel's product of two rows of `dim` coordinates may be below the similarity that decides.

    error: the greatest length of a row's rounding error in fp16.
    """
    return (2 * LONGEST + error) * error + (dim + 8) * 2.0**-21


def _halves(whole: range) -> tuple[range, range]:
    middle = len(whole) // 2
    return whole[:middle], whole[middle:]


def _grid(meta: dict[str, Any]) -> tuple[int]:
    rows = triton.cdiv(meta["end"] - meta["begin"], meta["ROWS"])
    return (rows * triton.cdiv(meta["last"] - meta["first"], meta["COLUMNS"] * meta["STRIP"]),)


def _set_blocks(arguments: dict[str, Any]) -> None:
    arguments["rows"].block_shape = [arguments["ROWS"], arguments["BLOCK"]]
    arguments["columns"].block_shape = [arguments["COLUMNS"], arguments["BLOCK"]]


def _config(rows: int, columns: int, warps: int, stages: int) -> triton.Config:
    sides = {"ROWS": rows, "COLUMNS": columns}
    return triton.Config(sides, num_warps=warps, num_stages=stages, pre_hook=_set_blocks)


# The smaller a tile, the more programs share a multiprocessor (three with the first): one multiplies while another
# looks for hits. The higher a tile, the less often columns are read from the second-level cache.
CONFIGS = [
    _config(128, 128, warps=4, stages=3),
    _config(128, 64, warps=4, stages=4),
    _config(128, 128, warps=8, stages=3),
    _config(256, 64, warps=8, stages=4),
    _config(128, 256, warps=8, stages=3),
    _config(256, 128, warps=8, stages=3),
]


# The interpreter measures no time, so it uses the first.
@triton.autotune(CONFIGS[:1] if triton.knobs.runtime.interpret else CONFIGS, key=["WIDTH"], reset_to_zero=["count"])
@triton.jit(do_not_specialize=["begin", "end", "first", "last", "capacity"])
def _find_hits(
    rows: tl.tensor_descriptor,
    columns: tl.tensor_descriptor,
    count: tl.tensor,
    src: tl.tensor,
    dst: tl.tensor,
    words: tl.tensor,
    begin: tl.tensor,
    end: tl.tensor,
    first: tl.tensor,
    last: tl.tensor,
    capacity: tl.tensor,
    floor: tl.tensor,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    STRIP: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Finds where products of rows [begin, end) and columns [first, last), on and above the diagonal, reach `floor`.

    rows, columns: descriptors of the same fp16 [N, WIDTH]. A hit is a bit of a word: bit b of words[i] means row src[i]
    and column dst[i] + b; a word may also hold hits below the diagonal and beyond `last`. src, dst, words: int32
    [capacity]. count: int64 [1], becomes the number of words; those beyond `capacity` are not stored.
    Programs that run at the same time share a strip of columns and all rows: both stay in the second-level cache.
    """
    blocks = tl.cdiv(end - begin, ROWS)
    row = begin + tl.program_id(0) % blocks * ROWS
    column = first + tl.program_id(0) // blocks * (STRIP * COLUMNS)
    stop = tl.minimum(column + STRIP * COLUMNS, last)
    column += tl.maximum(row - column, 0) // COLUMNS * COLUMNS  # skips tiles entirely below the diagonal
    if WIDTH <= BLOCK:
        resident = rows.load([row, 0])
    for start in tl.range(column, stop, COLUMNS):
        if WIDTH <= BLOCK:
            product = tl.dot(resident, tl.trans(columns.load([start, 0])))
        else:
            product = tl.zeros([ROWS, COLUMNS], tl.float32)
            for part in tl.range(0, WIDTH, BLOCK):
                product = tl.dot(rows.load([row, part]), tl.trans(columns.load([start, part])), product)
        if tl.max(product) >= floor:  # true in almost no tile, so what follows saves registers, not time
            bits = (product >= floor).to(tl.int32) << tl.arange(0, COLUMNS)[None, :] % 32
            word = tl.sum(tl.reshape(bits, [ROWS, COLUMNS // 32, 32]), axis=2)
            left = row + tl.arange(0, ROWS)[:, None]
            right = start + 32 * tl.arange(0, COLUMNS // 32)[None, :]
            hit = (word != 0) & (left < end) & (right < last)
            place = tl.atomic_add(count + tl.zeros_like(word), 1, mask=hit, sem="relaxed")
            hit &= place < capacity
            tl.store(src + place, tl.broadcast_to(left, word.shape), mask=hit)
            tl.store(dst + place, tl.broadcast_to(right, word.shape), mask=hit)
            tl.store(words + place, word, mask=hit)
