"""A dataset's rows in a form that two runs can compare: content instead of places, ids instead of row numbers."""

from hashlib import sha256

import numpy as np
import pyarrow as pa

from components.common.data.reading import Dataset, is_complete
from pipelines.engines.workspace import Workspace

POSITIONS = ("vector row", "tuple row")
"""Units of columns that only number the rows."""


def comparable(workspace: Workspace, name: str) -> pa.Table:
    """A dataset's rows without positions: blobs, vectors and arrays as digests, objects and photographs as ids."""
    dataset = Dataset(workspace.dataset(name))
    table = dataset.table()
    columns = {}
    for field in table.schema:
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        if not unit.startswith(POSITIONS) and not _is_place(field.name, table.schema):
            columns[field.name] = _with_ids(table[field.name], unit, workspace)
    columns |= {f"bytes of {blob}": _blobs(dataset, table, blob) for blob in _blob_names(table.schema)}
    if dataset.files(".npy"):
        columns["vector"] = _digests(dataset.vectors())
    columns |= {f"array {key}": _digests(array) for key, array in sorted(dataset.arrays().items())}
    return pa.table(columns)


def _blob_names(schema: pa.Schema) -> list[str]:
    if "shard" not in schema.names:
        return []
    return [name.removesuffix("_offset") for name in schema.names if name.endswith("_offset")]


def _is_place(name: str, schema: pa.Schema) -> bool:
    return name in {"shard", *(f"{blob}_{end}" for blob in _blob_names(schema) for end in ("offset", "length"))}


def _blobs(dataset: Dataset, table: pa.Table, blob: str) -> list[str]:
    rows = table.select(["shard", f"{blob}_offset", f"{blob}_length"]).to_pylist()
    return [sha256(dataset.blob(row, blob)).hexdigest() for row in rows]


def _digests(array: np.ndarray) -> list[str]:
    return [sha256(np.ascontiguousarray(row).tobytes()).hexdigest() for row in array]


def _with_ids(column: pa.ChunkedArray, unit: str, workspace: Workspace) -> pa.ChunkedArray | pa.Array:
    """A column of row numbers as the ids of those rows, if the dataset that they refer to exists."""
    for words, name, key in (("object row", "objects", "object_id"), ("row of images", "images", "image_id")):
        if words in unit and is_complete(workspace.dataset(name)):
            return _named(column.combine_chunks(), Dataset(workspace.dataset(name)).table([key])[key])
    return column


def _named(rows: pa.Array, ids: pa.ChunkedArray) -> pa.Array:
    """Row numbers, or lists of them, as ids."""
    if pa.types.is_list(rows.type):
        return pa.ListArray.from_arrays(rows.offsets, _named(rows.values, ids))
    return ids.take(rows).combine_chunks()
