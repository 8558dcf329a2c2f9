"""The traces of a photograph, by which it is recognised anywhere: ids, and digests of blobs and rows.

No pixel is stored: a blob, a vector or a latent is recognised by the sha256 of its bytes.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tarfile import open as open_tar
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load as load_arrays

from components.common.data.files import PARQUET
from components.common.references import REFERENCE_NAMES
from components.lineage.closure import Affected
from components.lineage.references import IDS, PICTURES
from components.lineage.rows import Run

ID = re.compile(rb"[0-9a-f]{32}(?:[0-9a-f]{32})?")
NUMPY, SAFETENSORS = b"\x93NUMPY", b'{"'


class Trace(NamedTuple):
    """Something that should be gone: where it is, and how it was recognised."""

    place: str
    what: str


@dataclass(frozen=True)
class Traces:
    """ids: of photographs, objects and tuples. digests: sha256 of files, blobs, vectors and latents."""

    ids: frozenset[str]
    digests: frozenset[str]

    def found_in(self, data: bytes) -> str:
        """The first trace in a file's content, in words; empty if there is none."""
        for word in _ids(data):
            if word in self.ids:
                return f"id {word}"
        for name, digest in _digests(data):
            if digest in self.digests:
                return name
        return ""


def traces_of(run: Run, affected: Affected) -> Traces:
    """The traces of the photographs in `affected["images"]` in the datasets of a run."""
    objects = set(affected.get("objects", ()))
    digests = {row["image_id"] for row in run["images"].at(affected.get("images", []))}
    digests |= set(_rows_digests(run, "images", affected.get("images", [])))
    digests |= set(_rows_digests(run, "embeddings", affected.get("embeddings", [])))
    for name in PICTURES.keys() - {"images", "tuples"}:
        digests |= set(_blobs(run, name, affected.get(name, []), PICTURES[name]))
    digests |= set(_of_tuples(run, affected.get("tuples", []), objects))
    return Traces(ids_of(run, affected), frozenset(digests))


def ids_of(run: Run, affected: Affected) -> frozenset[str]:
    """The ids of the photographs, and of the objects and tuples made from them; only tables are read."""
    named = {name: run[name].at(affected[name]) for name in IDS if name in affected}
    return frozenset(row[IDS[name]] for name, rows in named.items() for row in rows)


def _of_tuples(run: Run, positions: Iterable[int], objects: set[int]) -> Iterator[str]:
    """Digests of the cells and latents of tuples that show one of the objects; a repaired tuple keeps the others."""
    arrays = run["latents"].dataset.arrays() if "latents" in run.datasets else {}
    for at, row in zip(positions, run["tuples"].at(positions) if positions else [], strict=True):
        if row["anchor"] in objects:
            yield from _blobs(run, "tuples", [at], [name for name in PICTURES["tuples"] if name not in REFERENCE_NAMES])
            yield from (_digest(arrays[name][at]) for name in ("target", "background") if name in arrays)
        for number, view in enumerate(row["refs"]):
            if view in objects:
                yield from _blobs(run, "tuples", [at], [REFERENCE_NAMES[number]])
                yield from (_digest(arrays[name][at][number]) for name in ("refs",) if name in arrays)


def _blobs(run: Run, name: str, positions: Iterable[int], blobs: Iterable[str]) -> Iterator[str]:
    dataset = run[name].dataset if positions else None
    for at in positions:
        assert dataset is not None
        [row] = run[name].at([at], places=True)
        yield from (sha256(dataset.blob(row, blob)).hexdigest() for blob in blobs)


def _rows_digests(run: Run, name: str, positions: Iterable[int]) -> Iterator[str]:
    return (_digest(run[name].dataset.vector(at)) for at in positions)


def _digest(array: np.ndarray) -> str:
    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _ids(data: bytes) -> Iterator[str]:
    """Everything in a file that looks like an id: in its own text, and in the strings of a table."""
    yield from (match.group().decode() for match in ID.finditer(data))
    if data.startswith(PARQUET):
        with suppress(pa.ArrowException, OSError):  # a damaged table is searched as plain bytes
            yield from _strings(pq.read_table(BytesIO(data)))


def _strings(table: pa.Table) -> Iterator[str]:
    for column in table.columns:
        values = column.combine_chunks()
        values = values.flatten() if pa.types.is_list(values.type) else values
        if pa.types.is_string(values.type):
            yield from (value for value in values.unique().to_pylist() if value)


def _digests(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, sha256) of a file's parts: itself, members of a tar, rows of arrays. Damaged files are plain bytes."""
    yield "its bytes", sha256(data).hexdigest()
    with suppress(Exception):  # readers raise errors of any kind on damaged or foreign files
        if data[257:262] == b"ustar":
            yield from _members(data)
        elif data.startswith(NUMPY):
            array = np.load(BytesIO(data), allow_pickle=False)
            yield from ((f"row {at}", _digest(row)) for at, row in enumerate(array))
        elif data[8:10] == SAFETENSORS:
            yield from _latents(data)


def _members(data: bytes) -> Iterator[tuple[str, str]]:
    with open_tar(fileobj=BytesIO(data)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            yield f"member {member.name}", sha256(file.read() if file else b"").hexdigest()


def _latents(data: bytes) -> Iterator[tuple[str, str]]:
    for name, array in load_arrays(data).items():
        for at, row in enumerate(array if array.ndim else ()):
            yield f"{name} {at}", _digest(row)
            if name == "refs":
                yield from ((f"{name} {at}, {number}", _digest(ref)) for number, ref in enumerate(row))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in order of name; links are not followed."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
