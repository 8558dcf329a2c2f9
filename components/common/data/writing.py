"""Writing datasets: `manifest.json` is written last and atomically.

While a dataset is being written, `_unfinished.json` says from which inputs and parameters and by which code, and each
finished part has a record part-00000.part.json. So a stage that was killed skips what is done, and a folder half-made
from something else is refused. The pattern is datatrove's completion markers (`executor/base.py`), with content digests
instead of empty files. The marker of a finished dataset becomes `_finished.json`: the code decides whether work is
resumed, but is not part of a dataset's identity.
"""

import inspect
import io
import json
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save as save_arrays

from components.common.computing import arithmetic
from components.common.data.digests import digest_file, digest_sources, digest_value
from components.common.data.files import inside, read_json, replacing, size_of, write_atomically
from components.common.data.reading import (
    CARRIED,
    FINISHED,
    MANIFEST,
    UNFINISHED,
    Dataset,
    Manifest,
    content_digest,
    fingerprint,
    is_complete,
)
from components.common.data.schemas import SCHEMAS
from components.common.errors import ShareDone, UserError
from components.common.stage.params import StageParams

Blobs = Sequence[Mapping[str, bytes]]
"""One mapping per row, from blob file name suffix (`image.jpg`, `ref0.png`) to bytes; the stem is the blob's column."""


ROW_GROUP = 4_096
"""Rows that are read together: one row of a part cannot be read without the others of its group."""


class Writer:
    """Writes a dataset part by part: a context manager that finishes the dataset if its block ends without an error.

    >>> with Writer(folder, "objects", "detection", inputs, params, models) as out:
    ...     for index, chunk in enumerate(chunks):
    ...         if not out.done(index):
    ...             out.write(index, table, blobs)

    With `params.only`, only that share's parts are made and the exit raises `ShareDone`: the folder stays unfinished,
    for `shares.gather`. Raises `UserError` on entry if the folder is half-made from other inputs, parameters or models,
    with another kind of device or number of threads, or by other code. Code is what is in the room (the folder of the
    parameters' class) and in `components/common`.
    """

    def __init__(
        self,
        folder: Path | str,
        kind: str,
        stage: str,
        inputs: Mapping[str, Path],
        params: StageParams,
        models: Mapping[str, str] | None = None,
    ):
        self.folder, self.kind, self.stage = Path(folder), kind, stage
        opened = {name: Dataset(path) for name, path in sorted(inputs.items())}
        self.inputs = {name: dataset.digest for name, dataset in opened.items()}
        self._carried = {key: made.facts[key] for made in opened.values() for key in CARRIED if key in made.facts}
        self.params, self._room = params.identity(), type(params)
        self.models = dict(models or {}) | arithmetic(params)
        self._share = params.only
        self.facts: dict[str, Any] = {}
        self._records: dict[int, dict[str, Any]] = {}

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.kind, self.stage, self.inputs, self.params, self.models)

    @cached_property
    def _origin(self) -> dict[str, str]:
        """What decides whether earlier work may be resumed."""
        rooms = Path(inspect.getfile(self._room)).parent, Path(__file__).parent.parent
        code = digest_value([digest_sources(room) for room in rooms])
        return {"fingerprint": self.fingerprint, "stage": self.stage, "code": code}

    @property
    def finished(self) -> bool:
        """Whether the dataset is already there, made on this machine from the same inputs by the same code."""
        record = self.folder / FINISHED
        made_from_this = is_complete(self.folder) and Dataset(self.folder).manifest.fingerprint == self.fingerprint
        return made_from_this and record.is_file() and read_json(record) == self._origin

    def __enter__(self) -> "Writer":
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / UNFINISHED).is_file():
            self._resume()
        else:
            clear(self.folder)
            write_atomically(self.folder / UNFINISHED, json.dumps(self._origin).encode())
        return self

    def _resume(self) -> None:
        if read_json(self.folder / UNFINISHED) != self._origin:
            raise UserError(
                f"{self.folder} is half-made from other inputs, parameters or models, with another kind of device or "
                "number of threads, or by other code: "
                f"delete it (rm -r {self.folder}) and run again, or restore what it was started with"
            )
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for record in self.folder.glob("*.part.json"):
            part = read_json(record)
            if all(size_of(inside(self.folder, entry["name"])) == entry["bytes"] for entry in part["files"]):
                self._records[part["index"]] = part

    def done(self, index: int) -> bool:
        """Whether part `index` was finished earlier (by a run that was stopped), or belongs to another worker."""
        return index in self._records or (self._share is not None and not self._share.has(index))

    def table(self, index: int, columns: list[str] | None = None) -> pa.Table:
        """The rows of a finished part, which later parts may need after a restart."""
        return pq.read_table(self.folder / f"part-{index:05d}.parquet", columns=columns)

    def write(
        self,
        index: int,
        table: pa.Table | list[dict[str, Any]],
        blobs: Blobs | None = None,
        vectors: np.ndarray | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes one part: rows, and for each row its blobs, vector or arrays (first axis = row)."""
        stem, files = f"part-{index:05d}", []
        rows = table.to_pylist() if isinstance(table, pa.Table) and blobs is not None else table
        if blobs is not None:
            path = self.folder / f"{stem}.tar"
            rows = [row | place for row, place in zip(rows, write_tar(path, index, blobs), strict=True)]
            files.append(path)
        if vectors is not None:
            files.append(self._save(f"{stem}.npy", lambda file: np.save(file, vectors, allow_pickle=False)))
        if arrays is not None:
            # Not .npz, whose zip headers differ between versions of Python. safetensors writes raw memory.
            packed = save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})
            files.append(self._save(f"{stem}.safetensors", lambda file: file.write(packed)))
        schema = SCHEMAS[self.kind]
        full = rows.cast(schema) if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), schema=schema)
        files.append(self._save(f"{stem}.parquet", lambda file: _write_table(full, file)))
        record: dict[str, Any] = {
            "index": index,
            "rows": full.num_rows,
            "files": [{"name": f.name, "bytes": f.stat().st_size, "sha256": digest_file(f)} for f in files],
        }
        write_atomically(self.folder / f"{stem}.part.json", json.dumps(record).encode())
        self._records[index] = record

    def _save(self, name: str, write: Any) -> Path:
        path = self.folder / name
        with replacing(path) as file:
            write(file)
        return path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._share:
            raise ShareDone
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        facts = json.loads(json.dumps(self._carried | self.facts))  # as a reader will see them
        parts = [self._records[index] for index in sorted(self._records)]
        schema = [
            {"name": f.name, "type": str(f.type), "unit": (f.metadata or {}).get(b"unit", b"").decode()}
            for f in SCHEMAS[self.kind]
        ]
        manifest = Manifest(
            kind=self.kind,
            stage=self.stage,
            rows=sum(part["rows"] for part in parts),
            digest=content_digest(self.kind, schema, parts, facts),
            parts=parts,
            inputs=self.inputs,
            params=self.params,
            params_digest=digest_value(self.params),
            models=self.models,
            facts=facts,
            schema=schema,
        )
        write_atomically(self.folder / MANIFEST, manifest.text.encode())
        (self.folder / UNFINISHED).replace(self.folder / FINISHED)
        for record in self.folder.glob("*.part.json"):
            record.unlink()


def write_tar(path: Path, index: int, blobs: Blobs) -> list[dict[str, Any]]:
    """Writes an uncompressed tar with fixed headers; returns where each row's blobs are."""
    places: list[dict[str, Any]] = []
    with replacing(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row, members in enumerate(blobs):
            place: dict[str, Any] = {"shard": path.name}
            for name, data in members.items():
                info = tarfile.TarInfo(f"{index:05d}-{row:06d}.{name}")
                info.size, info.mtime, info.mode = len(data), 0, 0o644
                stem = name.split(".")[0]
                place[f"{stem}_offset"], place[f"{stem}_length"] = tar.offset + tarfile.BLOCKSIZE, len(data)
                tar.addfile(info, io.BytesIO(data))
            places.append(place)
    return places


def clear(folder: Path) -> None:
    """Empties a folder that this project made; refuses any other."""
    entries = list(folder.iterdir())
    if entries and not (folder / MANIFEST).exists() and not (folder / UNFINISHED).exists():
        raise UserError(f"{folder} holds files that are not a dataset of this project: name another folder or empty it")
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _write_table(rows: pa.Table, file: Any) -> None:
    pq.write_table(rows, file, compression="zstd", row_group_size=ROW_GROUP)
