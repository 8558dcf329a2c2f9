"""Finding rows by the value of a column, without reading the column again for every question.

The index of a column is its values as sorted 64-bit numbers, each with the position of its row. That of a large table
is kept beside the data under the dataset's digest, so it is made again when the dataset changes.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.common.data.reading import Dataset

DIGITS = 16
"""Leading hex digits of an id that make up its number."""
FOLDER, DONE = "lineage-index", "done"
WORTH_KEEPING = 200_000
"""Rows from which an index is kept: below, making it again takes a fraction of a second."""
HEX = np.full(256, 255, np.uint8)
HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


class Index(NamedTuple):
    """Sorted numbers of a column's values, uint64 [V], and the position of each one's row, int64 [V]."""

    numbers: np.ndarray
    positions: np.ndarray

    def between(self, low: int, high: int) -> np.ndarray:
        """Positions of the rows with a number in low..high, ascending, each once."""
        start = np.searchsorted(self.numbers, np.uint64(low), "left")
        end = np.searchsorted(self.numbers, np.uint64(high), "right")
        return np.unique(self.positions[start:end])

    def equal(self, numbers: np.ndarray) -> np.ndarray:
        """Positions of the rows with one of these numbers, uint64 [K], ascending, each once."""
        starts = np.searchsorted(self.numbers, numbers, "left")
        ends = np.searchsorted(self.numbers, numbers, "right")
        runs = [self.positions[start:end] for start, end in zip(starts, ends, strict=True) if end > start]
        return np.unique(np.concatenate(runs)) if runs else np.zeros(0, np.int64)


def index_of(dataset: Dataset, column: str, make: bool) -> Index | None:
    """The index of a column of ids (hex) or of row numbers, or of lists of either.

    make: make that of a large table, too, and keep it; else None if it is not there yet.
    """
    folder = dataset.folder.parent / FOLDER / f"{dataset.folder.name}-{column}-{dataset.digest[:32]}"
    if (folder / DONE).is_file():
        return Index(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Index._fields))
    if len(dataset) < WORTH_KEEPING:
        return _made(dataset, column)
    if not make:
        return None
    index = _made(dataset, column)
    _keep(folder, index)
    return index


def id_range(prefix: str) -> tuple[int, int]:
    """The least and the greatest number of the ids that begin with these hex digits."""
    digits = prefix[:DIGITS]
    return int(digits.ljust(DIGITS, "0"), 16), int(digits.ljust(DIGITS, "f"), 16)


def id_numbers(ids: pa.Array) -> np.ndarray:
    """The numbers of N ids of equal length, at least 16 lower-case hex digits each: uint64 [N]."""
    if not len(ids):
        return np.zeros(0, np.uint64)
    length = len(ids[0].as_py())
    fixed = ids.cast(pa.binary()).cast(pa.binary(length))
    text = np.frombuffer(fixed.buffers()[1], np.uint8)[fixed.offset * length :][: len(ids) * length]
    nibbles = HEX[text.reshape(len(ids), length)[:, :DIGITS]]
    octets = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
    return octets.copy().view(">u8").ravel().astype(np.uint64)


def _made(dataset: Dataset, column: str) -> Index:
    numbers, positions = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for start, values in _columns(dataset, column):
        rows = np.arange(start, start + len(values))[values.is_valid().to_numpy(zero_copy_only=False)]
        values = values.drop_null()
        if pa.types.is_list(values.type):
            rows = np.repeat(rows, values.value_lengths().to_numpy(zero_copy_only=False))
            values = values.flatten()
        is_text = pa.types.is_string(values.type)
        numbers.append(id_numbers(values) if is_text else values.to_numpy(zero_copy_only=False).astype(np.uint64))
        positions.append(rows)
    joined, where = np.concatenate(numbers), np.concatenate(positions)
    order = np.argsort(joined, kind="stable")
    return Index(joined[order], where[order])


def _columns(dataset: Dataset, column: str) -> Iterator[tuple[int, pa.Array]]:
    """Position of the first row, and the column, of each part."""
    start = 0
    for path in dataset.files(".parquet"):
        values = pq.read_table(path, columns=[column])[column].combine_chunks()
        yield start, values
        start += len(values)


def _keep(folder: Path, index: Index) -> None:
    for older in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
        shutil.rmtree(older)
    folder.mkdir(parents=True)
    for name, values in index._asdict().items():
        np.save(folder / f"{name}.npy", values)
    (folder / DONE).touch()
