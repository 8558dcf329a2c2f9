"""Datasets on disk, opened for reading: a folder of parts plus `manifest.json`. Identity is content.

A part is up to three files with one stem: part-00000.parquet (rows), part-00000.tar (blobs, uncompressed, readable as
WebDataset) and part-00000.npy (vectors) or .safetensors (named arrays). `writing` makes them.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, get_origin

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file

from components.common.data.digests import digest_file, digest_value
from components.common.data.files import inside, read_json
from components.common.data.schemas import SCHEMAS
from components.common.errors import UserError

MANIFEST, UNFINISHED, FINISHED = "manifest.json", "_unfinished.json", "_finished.json"
CARRIED = ("calibration_id",)
"""Facts that every dataset inherits from its inputs: the calibration under which they were made."""


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

    def __post_init__(self) -> None:
        for each in fields(self):
            kind: Any = get_origin(each.type) or each.type
            if not isinstance(getattr(self, each.name), kind):
                raise TypeError(f"{each.name} is not a {kind.__name__}")

    @property
    def text(self) -> str:
        """What `manifest.json` holds."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @property
    def fingerprint(self) -> str:
        """What the dataset was made from: equal fingerprints give equal bytes."""
        return fingerprint(self.kind, self.stage, self.inputs, self.params, self.models)


def fingerprint(
    kind: str, stage: str, inputs: Mapping[str, str], params: Mapping[str, Any], models: Mapping[str, str]
) -> str:
    """Digest of everything that decides a dataset's bytes, known before the work starts."""
    return digest_value([kind, stage, dict(inputs), dict(params), dict(models)])


def content_digest(
    kind: str, schema: list[dict[str, str]], parts: list[dict[str, Any]], facts: Mapping[str, Any]
) -> str:
    """The identity of a dataset: what it holds, not where it comes from."""
    return digest_value([kind, schema, parts, dict(facts)])


class Dataset:
    """A finished dataset, opened for reading. Raises `UserError` if the folder holds no finished dataset."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        try:
            self.manifest = Manifest(**json.loads((self.folder / MANIFEST).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"{self.folder} holds no finished dataset: run the stage that makes it first") from None
        except (ValueError, TypeError):
            raise UserError(f"{self.folder / MANIFEST} is damaged: delete the folder and run its stage again") from None

    def __len__(self) -> int:
        return self.manifest.rows

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def seals(self) -> dict[str, str]:
        """sha256 (hex) of what `digest` leaves out: `manifest`, the whole file, with the inputs, parameters and weights
        that it names; and `code`, what made the dataset, unless it came without that record, as from `dvc pull`."""
        record = self.folder / FINISHED
        code = {"code": read_json(record)["code"]} if record.is_file() else {}
        return {"manifest": digest_file(self.folder / MANIFEST)} | code

    def files(self, suffix: str) -> list[Path]:
        """The parts' files that end in `suffix`, in order; sizes are checked against the manifest."""
        paths = []
        for part in self.manifest.parts:
            for entry in part["files"]:
                path = inside(self.folder, entry["name"])
                if path.suffix != suffix:
                    continue
                if not path.is_file() or path.stat().st_size != entry["bytes"]:
                    raise UserError(f"{path} is missing or cut short: delete {self.folder} and run its stage again")
                paths.append(path)
        return paths

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
        """The vector of one row; only that row is read. Raises `UserError` if the dataset has no vectors."""
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

        Raises `UserError` if the shard is not part of the dataset or ends before the blob does.
        """
        offset, length = row[f"{name}_offset"], row[f"{name}_length"]
        content = b""
        if row["shard"] in self._shards:
            with self._shards[row["shard"]].open("rb") as file:
                file.seek(offset)
                content = file.read(length)
        if len(content) < length:
            raise UserError(
                f"{self.folder} has no {length} bytes at {offset} of {row['shard']}, where its rows place a blob: "
                f"delete {self.folder} and run its stage again"
            )
        return content

    @cached_property
    def _shards(self) -> dict[str, Path]:
        return {path.name: path for path in self.files(".tar")}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Small results that are not rows, such as the calibrated window."""
        return self.manifest.facts

    def _schema(self, columns: list[str] | None) -> pa.Schema:
        schema = SCHEMAS[self.manifest.kind]
        return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def is_complete(folder: Path) -> bool:
    """Whether the folder holds a finished dataset."""
    return (folder / MANIFEST).is_file() and not (folder / UNFINISHED).exists()
