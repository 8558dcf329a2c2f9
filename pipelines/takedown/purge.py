"""Deleting every version of a dataset that holds traces: in other runs' folders, in DVC's cache and remotes."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.common.data.files import read_json, write_atomically
from components.common.data.reading import MANIFEST, Manifest, is_complete
from components.common.errors import StageFailed, in_one_line
from components.lineage.indexes import keep_indexes
from components.lineage.keys import FOLDER as INDEXES
from components.lineage.rows import Rows, Run
from pipelines.engines.local import open_dvc
from pipelines.engines.workspace import Workspace, workspaces
from pipelines.lineage.exports.export import FORMATS
from pipelines.steps import STEPS
from pipelines.takedown.holding import holding, maker_of
from pipelines.takedown.traces import Traces
from pipelines.takedown.versions import KEPT, Record, Store, opened_stores, records_of, tainted, unexplained

GOING = "being-deleted"
"""The folder, beside a run's datasets, of those that are being deleted."""
AGAIN = "then apply the takedown again with --resume and its name"


def purge_run(root: Path, traces: Traces, repaired: bool = False) -> int:
    """Deletes a run's datasets that hold traces, the reports of their stages, and pages; returns how many files.

    repaired: whether its page was made from repaired datasets, and stays. Done again, it finishes what was interrupted:
    what tells which datasets must go is deleted last. Raises `StageFailed` if something cannot be deleted.
    """
    workspace, data = Workspace(root), Workspace(root).data
    bad = holding(Run(data), traces) if any(map(is_complete, data.glob("*"))) else []
    names = {rows.name for rows in bad}
    steps = [STEPS[maker] for name in names if (maker := maker_of(name))]
    steps += [STEPS[name] for name in KEPT if names & set(STEPS[name].inputs.values())]
    reports = {workspace.report(step) for step in steps}
    pages = [] if repaired or not bad else [workspace.page.parent]
    # These belong to no stage, and show or count what was in the datasets.
    kept_by_none = (workspace.kubeflow.name, "found.png", *FORMATS.values())
    others = [data / name for name in kept_by_none] if bad or repaired else []
    others += [index for name in names for index in (data / INDEXES).glob(f"{name}-*")]
    count = sum(map(delete, [data / GOING, *sorted(reports), *pages, *others]))
    for rows in sorted(bad, key=_made_from_it):
        _set_aside(rows.dataset.folder, data / GOING)
    count += delete(data / GOING)
    keep_indexes(data)
    return count


def _made_from_it(rows: Rows) -> int:
    """Sorts a dataset behind all that is made from it, by which alone some of that is recognised."""
    made = [name for step in STEPS.values() for name in step.outputs.values()]
    return -made.index(rows.name) if rows.name in made else -len(made)


def _set_aside(folder: Path, going: Path) -> None:
    """Moves a dataset at once: one of which only a part was deleted could not be read by another purge.

    Raises `StageFailed` if it cannot be moved, or is a link, whose target would stay.
    """
    if folder.is_symlink():
        raise StageFailed(f"{folder} is a symbolic link: put the folder {folder.resolve()} in its place, {AGAIN}")
    with _deleting(folder):
        going.mkdir(exist_ok=True)
        folder.rename(going / folder.name)


def stored_versions(workspace: Workspace, traces: Traces) -> set[str]:
    """sha256 of the datasets that hold traces in DVC's cache and remotes."""
    with _opened(workspace, traces) as stores:
        return {digest for store, bad, _ in stores for oid in bad if (digest := _digest(store, oid))}


def purge_stores(workspace: Workspace, traces: Traces, going: Path) -> dict[str, int]:
    """Deletes what holds traces from the DVC cache of a workspace and from every remote that it names.

    going: a file that lists the folders while they are being deleted. Without their tables, of which a purge that was
    interrupted may have deleted some, they could not be recognised again. Returns place -> number of deleted objects.
    """
    counts: dict[str, int] = {}
    going = going.resolve()  # DVC works in the workspace's folder
    earlier = read_json(going) if going.is_file() else {}
    with _opened(workspace, traces) as found:
        stores = [(store, bad.union(earlier.get(store.name, ())), records) for store, bad, records in found]
        write_atomically(going, json.dumps({store.name: sorted(bad) for store, bad, _ in stores}).encode())
        for store, bad, records in stores:
            counts[store.name] = _purge_store(store, bad)
            for record in records:
                if record.file and record.stage not in KEPT and (record.makes | record.reads) & bad:
                    delete(record.file)
    going.unlink()
    return counts


@contextmanager
def _opened(workspace: Workspace, traces: Traces) -> Iterator[list[tuple[Store, set[str], list[Record]]]]:
    """Each store with its folders that hold traces, and the records that show which ones do."""
    roots = sorted({workspace.root, *workspaces()})
    locks = [lock.resolve() for root in roots if (lock := Workspace(root).dvc_lock).is_file()]
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
    with _deleting(path):
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
    """Deletes a file or a folder, if it exists; returns how many files. Raises `StageFailed` if anything is left."""
    count = sum(below.is_file() for below in path.rglob("*")) if path.is_dir() else int(path.is_file())
    with _deleting(path):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return count


@contextmanager
def _deleting(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or in_one_line(error)
        raise StageFailed(f"{path} cannot be deleted ({reason}): make it writable, {AGAIN}") from None
