"""Datasets on disk: a folder of parts plus `manifest.json`, written last and atomically. Identity is content.

A part is up to three files with one stem: part-00000.parquet (rows), part-00000.tar (blobs, uncompressed, readable as
WebDataset) and part-00000.npy (vectors) or .safetensors (named arrays). While a dataset is in the making,
`_unfinished.json` says of what inputs and parameters and by which code, and each finished part has a record
part-00000.part.json; so a stage that was killed skips what is done, and a folder half-made from something else is
refused. The pattern is datatrove's completion markers (`executor/base.py`), with content digests in place of empty
files. The marker of a finished dataset becomes `_finished.json`: the code decides whether work is taken up again, but
is no part of a dataset's identity.
"""

import inspect
import io
import json
import os
import shutil
import tarfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file
from safetensors.numpy import save as save_arrays

from components.common.digests import digest_file, digest_sources, digest_value
from components.common.errors import ShareDone, UserError
from components.common.params import StageParams
from components.common.schemas import SCHEMAS

MANIFEST, UNFINISHED, FINISHED = "manifest.json", "_unfinished.json", "_finished.json"
CARRIED = ("calibration_id",)
"""Facts that go from a dataset to all that is made from it: under which calibration it came about."""
Blobs = Sequence[Mapping[str, bytes]]
"""One mapping a row, from blob file name suffix (`image.jpg`, `ref0.png`) to bytes; the stem is the blob's column."""


@dataclass(frozen=True)
class Manifest:
    """What a dataset is and where it comes from. Times, hosts and the code commit are in `run.json`, not here."""

    kind: str
    stage: str
    rows: int
    digest: str
    parts: list[dict[str, Any]]
    inputs: dict[str, str]
    params: dict[str, Any]
    params_digest: str
    models: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    schema: list[dict[str, str]] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """What the dataset was made from: equal fingerprints give equal bytes."""
        return fingerprint(self.kind, self.stage, self.inputs, self.params, self.models)


def fingerprint(
    kind: str, stage: str, inputs: Mapping[str, str], params: Mapping[str, Any], models: Mapping[str, str]
) -> str:
    """Digest of everything that decides a dataset's bytes, known before the work starts."""
    return digest_value([kind, stage, dict(inputs), dict(params), dict(models)])


class Dataset:
    """A finished dataset, opened for reading. Raises `UserError` if the folder holds no finished dataset."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        try:
            self.manifest = Manifest(**json.loads((self.folder / MANIFEST).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"{self.folder} holds no finished dataset: run the stage that makes it first") from None
        except (json.JSONDecodeError, TypeError):
            raise UserError(f"{self.folder / MANIFEST} is damaged: delete the folder and run its stage again") from None

    def __len__(self) -> int:
        return self.manifest.rows

    @property
    def digest(self) -> str:
        return self.manifest.digest

    def files(self, suffix: str) -> list[Path]:
        """The parts' files that end in `suffix`, in order; sizes are checked against the manifest."""
        found = []
        for part in self.manifest.parts:
            for entry in part["files"]:
                path = self.folder / Path(entry["name"]).name  # a manifest cannot point outside its folder
                if path.suffix != suffix:
                    continue
                if not path.is_file() or path.stat().st_size != entry["bytes"]:
                    raise UserError(f"{path} is missing or cut short: delete {self.folder} and run its stage again")
                found.append(path)
        return found

    def table(self, columns: list[str] | None = None) -> pa.Table:
        """All rows, in order."""
        return pa.concat_tables(self.tables(columns)) if self.manifest.parts else self._schema(columns).empty_table()

    def tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows part by part."""
        for path in self.files(".parquet"):
            yield pq.read_table(path, columns=columns)

    def rows(self, columns: list[str] | None = None) -> list[dict[str, Any]]:
        """All rows as dicts."""
        return self.table(columns).to_pylist()

    def vectors(self) -> np.ndarray:
        """The vectors of all parts, [N, d], in row order."""
        arrays = [np.load(path, mmap_mode="r", allow_pickle=False) for path in self.files(".npy")]
        return np.concatenate(arrays) if arrays else np.zeros((0, 0), np.float16)

    def vector(self, row: int) -> np.ndarray:
        """The vector of one row, read alone. Raises `UserError` if the dataset was written without vectors."""
        files, starts = self._vector_files
        part = bisect_right(starts, row) - 1
        return np.array(np.load(files[part], mmap_mode="r", allow_pickle=False)[row - starts[part]])

    @cached_property
    def _vector_files(self) -> tuple[list[Path], list[int]]:
        files, parts = self.files(".npy"), self.manifest.parts
        if len(files) != len(parts):
            raise UserError(f"{self.folder} lacks the vectors of its rows: delete it and run its stage again")
        return files, list(accumulate((part["rows"] for part in parts), initial=0))

    def arrays(self) -> dict[str, np.ndarray]:
        """The named arrays of all parts, each concatenated along its first axis."""
        parts = [load_file(path) for path in self.files(".safetensors")]
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}

    def blob(self, row: Mapping[str, Any], name: str) -> bytes:
        """The bytes of blob `name` of a row that has the columns shard, NAME_offset and NAME_length.

        Raises `UserError` if the shard is no part of the dataset or ends before the blob does.
        """
        offset, length = row[f"{name}_offset"], row[f"{name}_length"]
        data = b""
        if row["shard"] in self._shards:
            with self._shards[row["shard"]].open("rb") as file:
                file.seek(offset)
                data = file.read(length)
        if len(data) < length:
            raise UserError(
                f"{self.folder} has no {length} bytes at {offset} of {row['shard']}, where its rows place a blob: "
                f"delete {self.folder} and run its stage again"
            )
        return data

    @cached_property
    def _shards(self) -> dict[str, Path]:
        return {path.name: path for path in self.files(".tar")}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Small results that are not rows, such as the calibrated window."""
        return self.manifest.facts

    @property
    def counts(self) -> Counter[str]:
        """The counts that were given with the parts, summed."""
        total: Counter[str] = Counter()
        for part in self.manifest.parts:
            total.update(part.get("counts", {}))
        return total

    def _schema(self, columns: list[str] | None) -> pa.Schema:
        schema = SCHEMAS[self.manifest.kind]
        return schema if columns is None else pa.schema([schema.field(name) for name in columns])


class Writer:
    """Makes a dataset part by part; used as a context manager that finishes the dataset if no error left the block.

    >>> with Writer(folder, "objects", "detection", inputs, params, models) as out:
    ...     for index, chunk in enumerate(chunks):
    ...         if not out.done(index):
    ...             out.write(index, table, blobs)

    With `params.only` only that share's parts are made and the exit raises `ShareDone`: the folder stays unfinished,
    for `shares.gather`. Raises `UserError` on entry if the folder is half-made from other inputs, parameters or models,
    or by other code: that of the room (the folder of the parameters' class) and of `components/common`.
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
        self.params, self.models, self._room = params.identity(), dict(models or {}), type(params)
        self._share = params.only
        self.facts: dict[str, Any] = {}
        self._records: dict[int, dict[str, Any]] = {}

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.kind, self.stage, self.inputs, self.params, self.models)

    @cached_property
    def _origin(self) -> dict[str, str]:
        """What decides whether finished work may be taken up again."""
        rooms = Path(inspect.getfile(self._room)).parent, Path(__file__).parent
        code = digest_value([digest_sources(room) for room in rooms])
        return {"fingerprint": self.fingerprint, "stage": self.stage, "code": code}

    @property
    def finished(self) -> bool:
        """Whether the dataset is there already, made from the same by the same code on this machine."""
        record = self.folder / FINISHED
        made_from_this = is_complete(self.folder) and Dataset(self.folder).manifest.fingerprint == self.fingerprint
        return made_from_this and record.is_file() and _read(record) == self._origin

    def __enter__(self) -> "Writer":
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / UNFINISHED).is_file():
            self._resume()
        else:
            clear(self.folder)
            _write_atomically(self.folder / UNFINISHED, json.dumps(self._origin).encode())
        return self

    def _resume(self) -> None:
        if _read(self.folder / UNFINISHED) != self._origin:
            raise UserError(
                f"{self.folder} is half-made from other inputs, parameters or models, or by other code: "
                f"delete it (rm -r {self.folder}) and run again, or restore what it was started with"
            )
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for record in self.folder.glob("*.part.json"):
            part = _read(record)
            if all(_size(self.folder / entry["name"]) == entry["bytes"] for entry in part["files"]):
                self._records[part["index"]] = part

    def done(self, index: int) -> bool:
        """Whether part `index` was finished before (by a run that was stopped), or is another worker's to make."""
        return index in self._records or (self._share is not None and not self._share.has(index))

    def table(self, index: int, columns: list[str] | None = None) -> pa.Table:
        """The rows of a finished part: what later parts must know of earlier ones after a restart."""
        return pq.read_table(self.folder / f"part-{index:05d}.parquet", columns=columns)

    def write(
        self,
        index: int,
        table: pa.Table | list[dict[str, Any]],
        blobs: Blobs | None = None,
        vectors: np.ndarray | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Writes one part: rows, and for each row its blobs, vector or arrays (first axis = row).

        counts: what else there is to know of the part, such as how many boxes were rejected by which rule; kept in the
        manifest (see `Dataset.counts`).
        """
        stem, files = f"part-{index:05d}", []
        rows = table.to_pylist() if isinstance(table, pa.Table) and blobs is not None else table
        if blobs is not None:
            path = self.folder / f"{stem}.tar"
            rows = [row | place for row, place in zip(rows, write_tar(path, index, blobs), strict=True)]
            files.append(path)
        if vectors is not None:
            files.append(self._save(f"{stem}.npy", lambda file: np.save(file, vectors, allow_pickle=False)))
        if arrays is not None:
            # Not .npz, whose zip headers differ between versions of Python. safetensors takes memory as it lies.
            packed = save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})
            files.append(self._save(f"{stem}.safetensors", lambda file: file.write(packed)))
        schema = SCHEMAS[self.kind]
        full = rows.cast(schema) if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), schema=schema)
        files.append(self._save(f"{stem}.parquet", lambda file: pq.write_table(full, file, compression="zstd")))
        record: dict[str, Any] = {
            "index": index,
            "rows": full.num_rows,
            "files": [{"name": f.name, "bytes": f.stat().st_size, "sha256": digest_file(f)} for f in files],
        }
        if counts is not None:
            record["counts"] = dict(sorted(counts.items()))
        _write_atomically(self.folder / f"{stem}.part.json", json.dumps(record).encode())
        self._records[index] = record

    def _save(self, name: str, write: Any) -> Path:
        path = self.folder / name
        with _replacing(path) as file:
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
        facts = self._carried | self.facts
        parts = [self._records[index] for index in sorted(self._records)]
        schema = [
            {"name": f.name, "type": str(f.type), "unit": (f.metadata or {}).get(b"unit", b"").decode()}
            for f in SCHEMAS[self.kind]
        ]
        manifest = Manifest(
            kind=self.kind,
            stage=self.stage,
            rows=sum(part["rows"] for part in parts),
            digest=digest_value([self.kind, schema, parts, facts]),
            parts=parts,
            inputs=self.inputs,
            params=self.params,
            params_digest=digest_value(self.params),
            models=self.models,
            facts=facts,
            schema=schema,
        )
        _write_atomically(
            self.folder / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True).encode() + b"\n"
        )
        (self.folder / UNFINISHED).replace(self.folder / FINISHED)
        for record in self.folder.glob("*.part.json"):
            record.unlink()


def write_tar(path: Path, index: int, blobs: Blobs) -> list[dict[str, Any]]:
    """Writes an uncompressed tar with fixed headers; returns for each row where its blobs lie."""
    places: list[dict[str, Any]] = []
    with _replacing(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
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


def is_complete(folder: Path) -> bool:
    """Whether the folder holds a finished dataset."""
    return (folder / MANIFEST).is_file() and not (folder / UNFINISHED).exists()


def clear(folder: Path) -> None:
    """Empties a folder that this project made; refuses any other."""
    entries = list(folder.iterdir())
    if entries and not (folder / MANIFEST).exists() and not (folder / UNFINISHED).exists():
        raise UserError(f"{folder} holds files that are not a dataset of this project: name another folder or empty it")
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _size(path: Path) -> int:
    """Bytes; -1 for a file that is not there."""
    return path.stat().st_size if path.is_file() else -1


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it is whole and on the disk."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _write_atomically(path: Path, data: bytes) -> None:
    with _replacing(path) as file:
        file.write(data)
