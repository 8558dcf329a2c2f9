"""Finding rows by the value of a column, without reading the column again for every question.

The index of a column is its values as sorted 64-bit numbers, each with the position of its row. Those of large tables
are made when a run ends and kept beside the data under the dataset's digest, so they are made again when it changes.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.common.data.reading import Dataset
from components.common.terminal import Terminal

DIGITS = 16
"""Leading hex digits of an id that make up its number."""
FOLDER = "lineage-index"
WORTH_KEEPING = 200_000
"""Rows from which an index is kept: below, making it again takes a fraction of a second."""
HEX_DIGITS = "0123456789abcdef"
HEX = np.full(256, 255, np.uint8)
HEX[np.frombuffer(HEX_DIGITS.encode(), np.uint8)] = np.arange(len(HEX_DIGITS))


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

    make: whether to make and keep the index of a large table; if not, None where there is none yet.
    """
    folder = kept_at(dataset, column)
    if kept := _kept(folder):
        return kept
    if not is_large(dataset):
        return _made(dataset, column)
    if not make:
        return None
    index = _made(dataset, column)
    try:
        _keep(folder, index)
    except OSError as error:
        said = f"the index of {dataset.folder.name}.{column} cannot be kept ({error}): the next question makes it again"
        Terminal(stderr=True).print(said, markup=False, soft_wrap=True)
    return index


def is_large(dataset: Dataset) -> bool:
    """Whether the indexes of a dataset are worth keeping."""
    return len(dataset) >= WORTH_KEEPING


def kept_at(dataset: Dataset, column: str) -> Path:
    """Where the index of a column is kept, if its table is large."""
    return dataset.folder.parent / FOLDER / f"{dataset.folder.name}-{column}-{dataset.digest[:32]}"


def id_range(prefix: str) -> tuple[int, int]:
    """The least and the greatest number of the ids that begin with these hex digits."""
    digits = prefix[:DIGITS]
    return int(digits.ljust(DIGITS, "0"), 16), int(digits.ljust(DIGITS, "f"), 16)


def is_id(text: str) -> bool:
    """Whether a text has the form of an id. The keys of rejected boxes do not."""
    return len(text) >= DIGITS and set(text) <= set(HEX_DIGITS)


def id_numbers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the K ids among N texts, none of them null, uint64 [K], and which of them are ids, bool [N]."""
    start = pc.binary_slice(texts.cast(pa.binary()), 0, DIGITS)
    long_enough = pc.equal(pc.binary_length(start), DIGITS).to_numpy(zero_copy_only=False)
    fixed = start.filter(pa.array(long_enough)).cast(pa.binary(DIGITS))
    digits = np.frombuffer(fixed.buffers()[1], np.uint8)[fixed.offset * DIGITS :][: len(fixed) * DIGITS]
    nibbles = HEX[digits.reshape(-1, DIGITS)]
    is_hex = (nibbles < len(HEX_DIGITS)).all(1)
    octets = nibbles[is_hex, 0::2] << 4 | nibbles[is_hex, 1::2]
    ids = np.zeros(len(texts), bool)
    ids[np.flatnonzero(long_enough)[is_hex]] = True
    return octets.copy().view(">u8").ravel().astype(np.uint64), ids


def _made(dataset: Dataset, column: str) -> Index:
    numbers, positions = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for start, values in _columns(dataset, column):
        rows = np.arange(start, start + len(values))[values.is_valid().to_numpy(zero_copy_only=False)]
        values = values.drop_null()
        if pa.types.is_list(values.type):
            rows = np.repeat(rows, values.value_lengths().to_numpy(zero_copy_only=False))
            values = values.flatten()
        if pa.types.is_string(values.type):
            of_ids, ids = id_numbers(values)
            numbers.append(of_ids)
            rows = rows[ids]
        else:
            numbers.append(values.to_numpy(zero_copy_only=False).astype(np.uint64))
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


def _kept(folder: Path) -> Index | None:
    """The index that was kept, if it is whole."""
    try:
        return Index(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Index._fields))
    except (OSError, ValueError):
        return None


def _keep(folder: Path, index: Index) -> None:
    """Writes it atomically: two processes may make the same index at the same time, and either may win."""
    folder.parent.mkdir(exist_ok=True)
    for older in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
        shutil.rmtree(older, ignore_errors=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".", ignore_cleanup_errors=True) as temporary:
        for name, values in index._asdict().items():
            np.save(Path(temporary) / f"{name}.npy", values)
        with suppress(OSError):  # another process was first
            Path(temporary).rename(folder)
