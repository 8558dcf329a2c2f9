"""Outputs of Kubeflow runs in a bucket: finds and deletes every version of what holds traces, and searches the rest."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from components.common.data.reading import MANIFEST, Manifest
from components.common.data.s3 import S3Store, Version
from components.common.data.schemas import blob_columns
from components.common.data.storage import S3
from components.common.errors import UserError
from components.ingest.denied import Denied
from pipelines.engines.local import task_name
from pipelines.lineage.bucket import KEPT
from pipelines.steps import STEPS
from pipelines.takedown.buckets import delete_folders, delete_versions, searched, trace_of
from pipelines.takedown.copies import is_refused
from pipelines.takedown.holding import maker_of
from pipelines.takedown.purge import delete
from pipelines.takedown.traces import Trace, Traces
from pipelines.takedown.versions import KEPT as KEPT_STAGES
from pipelines.takedown.versions import Record, tainted

MADE_FROM = {"object_id": "image_id", "tuple_id": "sources"}
"""Column with a row's id -> the column of the same table that names its photographs."""


class Held(NamedTuple):
    """folders: of the datasets that hold traces in any version, and of their stages' reports. models: folders of models
    that were trained on one of these datasets, or on one that is no longer there (after an interrupted purge); models
    stay, as in a workspace."""

    folders: list[str]
    models: list[str]


def ids_there(address: str, image_ids: Iterable[str]) -> frozenset[str]:
    """The ids of photographs, and of objects and tuples made from them, in any version of any table below an address.

    Raises `UserError` if the address is not in a bucket.
    """
    if not address.startswith(S3):
        raise UserError(f"{address} is not in a bucket: name the s3:// address of a Kubeflow run's artifacts")
    store, photographs = S3Store(address), set(image_ids)
    tables = [_table(store, version) for version in _tables(store.versions())]
    derived = {
        row[key]
        for table in tables
        for key, made_from in MADE_FROM.items()
        for row in _rows(table, key, made_from)
        if not photographs.isdisjoint(row[made_from] if isinstance(row[made_from], list) else [row[made_from]])
    }
    return frozenset(photographs | derived)


def copies_there(address: str, names: Collection[str], denied: Sequence[Denied]) -> dict[str, str]:
    """The photographs of these names, in any version below an address, that are copies of denied ones: sha256 -> name.

    Ingest has refused the names; another photograph may have had the same name before, so each is compared.
    """
    store, copies, known = S3Store(address), dict[str, str](), {entry.image_id for entry in denied}
    versions = store.versions()
    for version in _tables(versions):
        for row in _rows(_table(store, version), "image_id", "uri", *blob_columns("image")):
            if row["uri"] not in names or row["image_id"] in known | copies.keys():
                continue
            shards = [each for each in versions if each.key == f"{_folder(version)}/{row['shard']}"]
            if any(is_refused(data, denied) for data in _photographs(store, shards, row)):
                copies[row["image_id"]] = row["uri"]
    return copies


def held_there(address: str, traces: Traces) -> Held:
    """What holds traces below an address, in any version, including objects that were deleted before.

    A dataset holds traces if an id is in its tables, or if it was made only from datasets that do: see `tainted`.
    """
    store = S3Store(address)
    versions = store.versions()
    folders = {_folder(version) for version, what in searched(store, traces, _tables(versions)) if what}
    manifests = [each for each in versions if each.key.endswith(f"/{MANIFEST}") and not each.is_deletion]
    datasets = [(_folder(version), _manifest(store, version)) for version in manifests]
    records = [_record(folder, manifest) for folder, manifest in datasets]
    bad = tainted({manifest.digest for folder, manifest in datasets if folder in folders}, records)
    folders |= {folder for folder, manifest in datasets if manifest.digest in bad}
    deleted = {folder for folder in folders if _maker(folder) not in ("", *KEPT_STAGES)}
    clean = {manifest.digest for _, manifest in datasets} - bad
    of_models = [(folder, manifest) for folder, manifest in datasets if manifest.kind == "model"]
    trained = {folder for folder, manifest in of_models if manifest.inputs.get("latents") not in clean}
    return Held(sorted({place for each in deleted for place in (each, *_reports(each))}), sorted(trained))


def purge_outputs(address: str, folders: Iterable[str], traces: Traces) -> int:
    """Deletes every version of what is in these folders below an address, and any other version that `search_outputs`
    would report; returns how many."""
    store = S3Store(address)
    count = delete_folders(store, folders)
    left = [version for version, what in searched(store, traces, store.versions()) if what]
    return count + delete_versions(store, left)


def purge_fetched() -> int:
    """Deletes what lineage has fetched from buckets, which can be fetched again; returns how many files."""
    return delete(KEPT)


def search_outputs(address: str, traces: Traces) -> Iterator[Trace | None]:
    """For every version of every object at an address: the trace that it holds, or None."""
    store = S3Store(address)
    for version, what in searched(store, traces, store.versions()):
        yield trace_of(store, version, what) if what else None


def _maker(path: str) -> str:
    """The stage that made what is at a path: TASK/... of Kubeflow, data/DATASET of a workspace; empty if none."""
    parts = PurePosixPath(path).parts
    tasks = {task_name(name): name for name in STEPS}
    below_data = [name for before, name in pairwise(parts) if before == "data"]
    return next((tasks[part] for part in reversed(parts) if part in tasks), "") or next(map(maker_of, below_data), "")


def _reports(folder: str) -> list[str]:
    """Where the report of a dataset's stage is: next to it after Kubeflow, below data/reports in a workspace."""
    parent = PurePosixPath(folder).parent
    return [str(parent / "report"), *([str(parent / "reports" / _maker(folder))] if parent.name == "data" else [])]


def _tables(versions: Iterable[Version]) -> list[Version]:
    return [version for version in versions if version.key.endswith(".parquet") and not version.is_deletion]


def _table(store: S3Store, version: Version) -> pa.Table | None:
    try:
        return pq.read_table(BytesIO(store.read_version(version)))
    except pa.ArrowException:  # a damaged table: it is searched as plain bytes
        return None


def _rows(table: pa.Table | None, *columns: str) -> list[dict[str, Any]]:
    return table.select(columns).to_pylist() if table and set(columns) <= set(table.column_names) else []


def _photographs(store: S3Store, shards: Iterable[Version], row: Mapping[str, Any]) -> Iterator[bytes]:
    """A row's photograph, in each version of its shard that has it."""
    start, length = row["image_offset"], row["image_length"]
    for shard in (shard for shard in shards if not shard.is_deletion):
        data = store.read_version(shard)[start : start + length]
        if sha256(data).hexdigest() == row["image_id"]:
            yield data


def _folder(version: Version) -> str:
    return str(PurePosixPath(version.key).parent)


def _manifest(store: S3Store, version: Version) -> Manifest:
    try:
        return Manifest(**json.loads(store.read_version(version)))
    except (ValueError, TypeError):
        raise UserError(
            f"version {version.version} of {store.address}/{version.key} is not a manifest, so it is unknown what its "
            "dataset was made from: delete that folder in every version"
        ) from None


def _record(folder: str, manifest: Manifest) -> Record:
    return Record(_maker(folder), frozenset(manifest.inputs.values()), frozenset([manifest.digest]))
