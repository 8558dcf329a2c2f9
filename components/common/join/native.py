"""The window join with the compiled kernel (kernel.cpp), if it was built and this processor can run it."""

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from components.common.join.built import ENTRY, Isa, library
from components.common.join.scores import Pairs, concatenate
from components.common.join.sieve import COLUMNS, build

BLOCK = 480  # rows of one call: their bytes stay in the first-level cache
CAPACITY = 1 << 18  # pairs that one call may return; at least 48 * BLOCK
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


LEVELS = {Isa.AVX2: 79, Isa.AVX512: 127}
"""Greatest byte: vpmaddubsw sums two products in 16 bits, and 2 * 79 * (79 + 128) is the most that fits."""


class Work(ctypes.Structure):
    """`Work` of kernel.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("vectors", "bytes", "bias", "offset", "groups")),
        ("n", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("d", "quads", "threshold", "isa")),
        *((name, ctypes.c_float) for name in ("low", "high")),
    )


class Native:
    """Vectors prepared for the kernel.

    values: float32 [N, d]; groups: int64 [N] or None; low: roughly the lowest similarity that will be requested.
    """

    def __init__(self, values: torch.Tensor, groups: torch.Tensor | None, low: float, isa: Isa) -> None:
        self.values, self.isa = values.numpy(), isa
        self.groups = None if groups is None else groups.numpy()
        self.sieve = build(values, low, LEVELS[isa])

    def __len__(self) -> int:
        return len(self.values)

    def join(self, span: range, low: float, high: float, since: int = 0) -> Pairs:
        """Pairs src < dst >= since with src in `span`, of different groups, with similarity in [low, high].

        Blocks of rows are distributed over as many threads as torch uses; the result does not depend on them.
        """
        sieve = self.sieve
        work = Work(
            *(array.ctypes.data for array in (self.values, sieve.packed, sieve.bias, sieve.offset)),
            None if self.groups is None else self.groups.ctypes.data,
            *self.values.shape,
            sieve.packed.shape[1],
            sieve.threshold(low),
            self.isa,
            low,
            high,
        )
        blocks = [range(start, min(start + BLOCK, span.stop)) for start in range(span.start, span.stop, BLOCK)]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return concatenate(list(pool.map(lambda block: _join_block(work, block, since), blocks)))


def _join_block(work: Work, block: range, since: int) -> Pairs:
    parts = list(_calls(work, block, since))
    rows, columns, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    new = np.flatnonzero(columns >= since)
    order = new[np.argsort(rows[new], kind="stable")]  # a radix sort; the columns of a row are already ascending
    return Pairs(rows[order].astype(np.int64) + block.start, columns[order].astype(np.int64), similarity[order])


def _calls(work: Work, block: range, since: int) -> Iterator[Columns]:
    """Calls the kernel until all columns are done; it returns early when its pairs fill the buffer.

    It begins with the tile of columns that contains `since`.
    """
    kernel = library()
    assert kernel is not None
    column = ctypes.c_int64(since // COLUMNS * COLUMNS)
    while column.value < work.n:
        buffers = (np.empty(CAPACITY, np.uint16), np.empty(CAPACITY, np.int32), np.empty(CAPACITY, np.float32))
        begin, end = (ctypes.c_int64(row) for row in (block.start, block.stop))
        pointers = (ctypes.c_void_p(buffer.ctypes.data) for buffer in buffers)
        count = kernel[ENTRY](ctypes.byref(work), begin, end, ctypes.byref(column), ctypes.c_int64(CAPACITY), *pointers)
        yield tuple(buffer[:count].copy() for buffer in buffers)  # type: ignore[misc]
