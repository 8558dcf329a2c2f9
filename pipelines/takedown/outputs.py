"""Outputs of Kubeflow runs in a bucket: what holds traces is deleted in every version, and what is left is searched."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from components.common.data.reading import MANIFEST, Manifest
from components.common.data.s3 import S3Store, Version
from components.common.data.storage import S3
from components.common.errors import UserError
from components.lineage.closure import closure
from components.lineage.rows import Run
from pipelines.engines.local import task_name
from pipelines.lineage.bucket import KEPT, data_of, places_of
from pipelines.steps import STEPS
from pipelines.takedown.buckets import delete_folders, delete_versions, searched, trace_of
from pipelines.takedown.holding import maker_of
from pipelines.takedown.purge import delete
from pipelines.takedown.traces import Trace, Traces, ids_of
from pipelines.takedown.versions import KEPT as KEPT_STAGES
from pipelines.takedown.versions import Record, tainted


def output_ids(address: str, image_ids: Sequence[str]) -> frozenset[str]:
    """The ids of what a run in a bucket has made from photographs, and theirs; empty if it has none of them.

    Older and deleted versions are not asked. Raises `UserError` if the address is not in a bucket.
    """
    if not address.startswith(S3):
        raise UserError(f"{address} is not in a bucket: name the s3:// address of a Kubeflow run's artifacts")
    if not places_of(S3Store(address).list()):
        return frozenset()
    run = Run(data_of(address))
    affected = closure(run, image_ids)
    return ids_of(run, affected) if affected else frozenset()


def folders_with(address: str, traces: Traces) -> list[str]:
    """The folders below the address that hold traces in any version, and of their stages' reports; deleted ones too.

    A dataset holds traces if an id stands in its tables, or if it was made only from such: see `tainted`. Models and
    what was made with them stay, as in a workspace.
    """
    store = S3Store(address)
    contents = [version for version in store.versions() if not version.is_deletion]
    tables = [version for version in contents if version.key.endswith(".parquet")]
    folders = {_folder(version) for version, what in searched(store, traces, tables) if what}
    manifests = [version for version in contents if version.key.endswith(f"/{MANIFEST}")]
    made = [(_folder(version), _manifest(store, version)) for version in manifests]
    records = [_record(folder, manifest) for folder, manifest in made]
    bad = tainted({manifest.digest for folder, manifest in made if folder in folders}, records)
    folders |= {folder for folder, manifest in made if manifest.digest in bad}
    gone = {folder for folder in folders if _maker(folder) not in ("", *KEPT_STAGES)}
    return sorted({place for folder in gone for place in (folder, *_reports(folder))})


def purge_outputs(address: str, folders: Iterable[str], traces: Traces) -> int:
    """Deletes every version of what is in these folders below an address, and each other one that holds traces, except
    in the folders of models; how many objects went."""
    store = S3Store(address)
    count = delete_folders(store, folders)
    others = [version for version in store.versions() if _maker(version.key) not in KEPT_STAGES]
    return count + delete_versions(store, [version for version, what in searched(store, traces, others) if what])


def purge_fetched() -> int:
    """Deletes what lineage has fetched from buckets, whatever its address: it is fetched again. How many files went."""
    return delete(KEPT)


def search_outputs(address: str, traces: Traces) -> Iterator[Trace | None]:
    """For every version of every object at an address: what of the traces it holds, if anything."""
    store = S3Store(address)
    for version, what in searched(store, traces, store.versions()):
        yield trace_of(store, version, what) if what else None


def _maker(path: str) -> str:
    """The stage that made what lies at a path: TASK/... of Kubeflow, data/DATASET of a workspace; empty if none."""
    parts = PurePosixPath(path).parts
    tasks = {task_name(name): name for name in STEPS}
    below_data = [name for before, name in pairwise(parts) if before == "data"]
    return next((tasks[part] for part in parts if part in tasks), "") or next(map(maker_of, below_data), "")


def _reports(folder: str) -> list[str]:
    """Where the report of a dataset's stage is: beside it after Kubeflow, in a workspace below its data."""
    beside = PurePosixPath(folder).parent
    return [str(beside / "report"), *([str(beside / "reports" / _maker(folder))] if beside.name == "data" else [])]


def _folder(version: Version) -> str:
    return str(PurePosixPath(version.key).parent)


def _manifest(store: S3Store, version: Version) -> Manifest:
    try:
        return Manifest(**json.loads(store.read_version(version)))
    except (ValueError, TypeError):
        raise UserError(
            f"version {version.version} of {store.address}/{version.key} is no manifest, so it is unknown what its "
            "dataset was made from: delete that folder in every version"
        ) from None


def _record(folder: str, manifest: Manifest) -> Record:
    return Record(_maker(folder), frozenset(manifest.inputs.values()), frozenset([manifest.digest]))
