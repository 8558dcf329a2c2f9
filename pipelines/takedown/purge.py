"""Deleting every version of a dataset that holds traces: in other runs' folders, in DVC's cache and remotes."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.common.data.reading import MANIFEST, Manifest
from components.common.errors import UserError
from components.lineage.indexes import keep_indexes
from components.lineage.rows import Run
from pipelines.engines.local import open_dvc
from pipelines.engines.request import RUNS
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.export import FILES as EXPORTS
from pipelines.steps import STEPS
from pipelines.takedown.holding import holding, maker_of
from pipelines.takedown.traces import Traces
from pipelines.takedown.versions import KEPT, Record, Store, opened_stores, records_of, tainted, unexplained


def purge_run(root: Path, traces: Traces, repaired: bool = False) -> int:
    """Deletes a run's datasets that hold traces, the reports of their stages, and pages; returns how many files.

    repaired: whether its page was made from repaired datasets, and stays.
    """
    workspace = Workspace(root)
    try:
        bad = holding(Run(root / "data"), traces)
    except UserError:  # nothing is left in it
        return 0
    folders, names = [rows.dataset.folder for rows in bad], {rows.name for rows in bad}
    steps = [STEPS[maker] for name in names if (maker := maker_of(name))]
    steps += [STEPS[name] for name in KEPT if names & set(STEPS[name].inputs.values())]
    reports = {workspace.report(step) for step in steps}
    pages = [] if repaired or not bad else [workspace.page.parent]
    # These belong to no stage, and show or count what was in the datasets.
    others = [root / "data" / name for name in ("kfp", "found.png", *EXPORTS)] if bad or repaired else []
    count = sum(map(delete, [*folders, *sorted(reports), *pages, *others]))
    keep_indexes(root / "data")
    return count


def stored_versions(workspace: Workspace, traces: Traces) -> set[str]:
    """sha256 of the datasets that hold traces in DVC's cache and remotes."""
    with _opened(workspace, traces) as stores:
        return {digest for store, bad, _ in stores for oid in bad if (digest := _digest(store, oid))}


def purge_stores(workspace: Workspace, traces: Traces) -> dict[str, int]:
    """Deletes what holds traces from the DVC cache of a workspace and from every remote that it names.

    Returns place -> number of deleted objects.
    """
    counts: dict[str, int] = {}
    with _opened(workspace, traces) as stores:
        for store, bad, records in stores:
            counts[store.name] = _purge_store(store, bad)
            for record in records:
                if record.file and record.stage not in KEPT and (record.makes | record.reads) & bad:
                    record.file.unlink(missing_ok=True)
    return counts


@contextmanager
def _opened(workspace: Workspace, traces: Traces) -> Iterator[list[tuple[Store, set[str], list[Record]]]]:
    """Each store with its folders that hold traces, and the records that show which ones do."""
    roots = sorted({Path(), workspace.root, *RUNS.glob("*")})
    locks = [lock.resolve() for root in roots if (lock := root / "dvc.lock").is_file()]
    with open_dvc(workspace) as repo:
        records = records_of(Path(repo.cache.local.path).parents[1], locks)
        stores = opened_stores(repo)
        bad = tainted({oid for store in stores for oid in store.with_ids(traces)}, records)
        yield [(store, bad | unexplained(store, records), records) for store in stores]


def _purge_store(store: Store, bad: set[str]) -> int:
    """Deletes folders, and their files that no other folder has; returns the number of objects."""
    in_use = {md5 for oid, files in store.folders.items() if oid not in bad for md5 in files.values()}
    unused = {md5 for oid in bad for md5 in store.folders.get(oid, {}).values()} - in_use
    count = 0
    # Folder lists are deleted last: an interrupted purge needs them to find what remains to be deleted.
    for oid in [*sorted(unused), *sorted(bad & set(store.folders))]:
        path = store.odb.oid_to_path(oid)
        if store.odb.fs.exists(path):
            delete_object(store.odb, path)
            count += 1
    return count


def delete_object(odb: Any, path: str) -> None:
    """Deletes an object; in a bucket, with all its versions."""
    if odb.fs.protocol != "s3":
        odb.fs.remove(path)
        return
    server, (bucket, _, key) = odb.fs.fs, path.partition("/")
    listed = server.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
    for version in [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]:
        server.call_s3("delete_object", Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    server.invalidate_cache(path)


def _digest(store: Store, oid: str) -> str:
    """The sha256 of the dataset in a folder of DVC; empty for a report or what is no longer there."""
    data = store.read(store.folders.get(oid, {}).get(MANIFEST, "")) if MANIFEST in store.folders.get(oid, {}) else b""
    return Manifest(**json.loads(data)).digest if data else ""


def delete(path: Path) -> int:
    """Deletes a file or a folder, if it exists; returns how many files."""
    count = sum(below.is_file() for below in path.rglob("*")) if path.is_dir() else int(path.is_file())
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return count
