"""Buckets that keep older versions of their objects: each version is searched, and deleted for good."""

from collections.abc import Iterable, Iterator

from components.common.data.s3 import S3Store, Version
from components.common.stage.progress import track
from pipelines.takedown.traces import Trace, Traces


def delete_folders(store: S3Store, folders: Iterable[str]) -> int:
    """Deletes every version of what is in these folders; how many there were, with the marks of earlier deletions."""
    return delete_versions(store, [version for folder in folders for version in store.versions(folder)])


def delete_versions(store: S3Store, versions: list[Version]) -> int:
    """Deletes these versions; their number."""
    for version in track(versions, f"objects of {store.address} deleted"):
        store.delete(version)
    return len(versions)


def searched(store: S3Store, traces: Traces, versions: Iterable[Version]) -> Iterator[tuple[Version, str]]:
    """Each of the versions that have content, and what of the traces it holds; empty if nothing."""
    contents = [version for version in versions if not version.is_deletion]
    for version in track(contents, f"objects of {store.address} searched"):
        yield version, traces.found_in(store.read_version(version))


def trace_of(store: S3Store, version: Version, what: str) -> Trace:
    """Where and what was found."""
    return Trace(f"{store.address}/{version.key} {version.version}", what)
