"""Outputs of Kubeflow runs in a bucket: what holds traces is deleted in every version, and what is left is searched."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from components.common.data.s3 import S3Store
from components.common.data.storage import S3
from components.common.errors import UserError
from components.common.stage.progress import track
from components.lineage.closure import closure
from components.lineage.rows import Run
from pipelines.lineage.bucket import KEPT, data_of, places_of
from pipelines.takedown.holding import holding
from pipelines.takedown.purge import delete
from pipelines.takedown.traces import Trace, Traces, ids_of


def output_ids(address: str, image_ids: Sequence[str]) -> frozenset[str]:
    """The ids of what a run in a bucket has made from photographs, and theirs; empty if it has none of them.

    Raises `UserError` if the address is not in a bucket or holds no dataset.
    """
    if not address.startswith(S3):
        raise UserError(f"{address} is not in a bucket: name the s3:// address of a Kubeflow run's artifacts")
    run = Run(data_of(address))
    affected = closure(run, image_ids)
    return ids_of(run, affected) if affected else frozenset()


def folders_with(address: str, traces: Traces) -> list[str]:
    """The folders of the datasets that hold traces, below the address, and of their stages' reports.

    Models and what was made with them stay, as in a workspace.
    """
    places = places_of(S3Store(address).list())
    folders = {places[rows.name] for rows in holding(Run(data_of(address)), traces)}
    return sorted(folders | {str(PurePosixPath(folder).parent / "report") for folder in folders})


def purge_outputs(address: str, folders: Iterable[str]) -> int:
    """Deletes every version of what is in these folders below an address; how many objects went."""
    store = S3Store(address)
    versions = [version for folder in folders for version in store.versions(folder)]
    for version in track(versions, "objects deleted"):
        store.delete(version)
    return len(versions)


def purge_fetched() -> int:
    """Deletes what lineage has fetched from buckets, whatever its address: it is fetched again. How many files went."""
    return delete(KEPT)


def search_outputs(address: str, traces: Traces) -> Iterator[Trace | None]:
    """For every version of every object at an address: what of the traces it holds, if anything."""
    store = S3Store(address)
    contents = [version for version in store.versions() if not version.is_deletion]
    for version in track(contents, f"objects of {address} searched"):
        what = traces.found_in(store.read_version(version))
        yield Trace(f"{address}/{version.key} {version.version}", what) if what else None
