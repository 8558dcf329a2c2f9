"""Random tables of any size with the schemas, and the references between them, of a run's datasets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.common.data.schemas import SCHEMAS
from components.common.data.writing import Writer
from components.common.references import REFERENCES, TRAIN
from components.common.stage.params import StageParams
from components.common.stage.progress import track

PART = 100_000
"""Rows of a part."""
OBJECTS_PER_TUPLE, OBJECTS_PER_PHOTOGRAPH = 12, 3
"""About the paper's: 55.2 million objects gave 4.5 million tuples."""
DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def write_tables(data: Path, tuples: int) -> None:
    """Writes images, objects, sets, tuples and latents below `data`, in the paper's proportions."""
    objects = tuples * OBJECTS_PER_TUPLE
    photographs = objects // OBJECTS_PER_PHOTOGRAPH
    _write(data, "images", photographs, [], lambda start, rows: {"image_id": ids(start, rows, 64, 1)})
    _write(data, "objects", objects, ["images"], _objects)
    _write(data, "sets", tuples, ["objects"], lambda start, rows: _members(start, rows, objects, "views"))
    _write(data, "tuples", tuples, ["sets", "objects", "images"], lambda start, rows: _tuples(start, rows, objects))
    _write(data, "latents", tuples, ["tuples"], lambda start, rows: {"tuple_id": ids(start, rows, 32, 3),
           "row": pa.array(np.arange(start, start + rows)), "split": pa.repeat(TRAIN, rows)})  # fmt: skip


def ids(start: int, rows: int, digits: int, salt: int) -> pa.Array:
    """The ids of rows start..start+rows: hex digits that follow from the row's number."""
    return hashed(np.arange(start, start + rows, dtype=np.uint64), digits, salt)


def hashed(numbers: np.ndarray, digits: int, salt: int) -> pa.Array:
    """One id per number, uint64 [N]: equal numbers give equal ids."""
    words = [_mixed(numbers + np.uint64(salt << 56) + np.uint64(k << 48)) for k in range(digits // 16)]
    nibbles = np.stack(words, 1).view(np.uint8)
    text = np.stack([DIGITS[nibbles >> 4], DIGITS[nibbles & 15]], 2).reshape(len(numbers), digits)
    offsets = np.arange(0, (len(numbers) + 1) * digits, digits, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text)))


def _mixed(values: np.ndarray) -> np.ndarray:
    """splitmix64 (Steele, Lea and Flood 2014): well-mixed 64-bit numbers."""
    with np.errstate(over="ignore"):
        values = (values + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))


def _objects(start: int, rows: int) -> dict[str, pa.Array]:
    photographs = np.arange(start, start + rows, dtype=np.uint64) // OBJECTS_PER_PHOTOGRAPH
    return {"object_id": ids(start, rows, 32, 2), "image_id": hashed(photographs, 64, 1)}


def _members(start: int, rows: int, objects: int, column: str) -> dict[str, pa.Array]:
    """Anchors, and other objects anywhere in the collection."""
    views = _mixed(np.arange(start * REFERENCES, (start + rows) * REFERENCES, dtype=np.uint64)) % np.uint64(objects)
    offsets = pa.array(np.arange(0, rows * REFERENCES + 1, REFERENCES, dtype=np.int32))
    anchors = np.arange(start, start + rows) * OBJECTS_PER_TUPLE
    return {"anchor": pa.array(anchors), column: pa.ListArray.from_arrays(offsets, pa.array(views.astype(np.int64)))}


def _tuples(start: int, rows: int, objects: int) -> dict[str, pa.Array]:
    columns = _members(start, rows, objects, "refs")
    members = np.concatenate([columns["anchor"].to_numpy()[:, None],
                              columns["refs"].flatten().to_numpy().reshape(rows, REFERENCES)], 1)  # fmt: skip
    offsets = pa.array(np.arange(0, members.size + 1, REFERENCES + 1, dtype=np.int32))
    flat = members.reshape(-1).astype(np.uint64)
    parents = pa.ListArray.from_arrays(offsets, hashed(flat, 32, 2))
    sources = pa.ListArray.from_arrays(offsets, hashed(flat // OBJECTS_PER_PHOTOGRAPH, 64, 1))
    return columns | {"tuple_id": ids(start, rows, 32, 3), "parents": parents, "sources": sources}


def _write(data: Path, kind: str, rows: int, inputs: list[str], columns: Any) -> None:
    with Writer(data / kind, kind, "synthetic", {name: data / name for name in inputs}, StageParams()) as out:
        for index, start in enumerate(track(range(0, rows, PART), f"{kind} written, parts")):
            if not out.done(index):
                out.write(index, _table(kind, columns(start, min(PART, rows - start))))


def _table(kind: str, columns: dict[str, pa.Array]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table([columns.get(field.name, value) for field, value in _constants(kind, rows)], schema=SCHEMAS[kind])


def _constants(kind: str, rows: int) -> Iterator[tuple[pa.Field, pa.Array]]:
    """Each column with one value in all rows, for those that no question reads."""
    for field in SCHEMAS[kind]:
        value: Any = "" if pa.types.is_string(field.type) else 0
        value = bytes(32) if pa.types.is_fixed_size_binary(field.type) else value
        value = [] if pa.types.is_list(field.type) else value
        yield field, pa.repeat(pa.scalar(value, field.type), rows)
