"""Buckets that keep older versions of their objects: each version is searched, and deleted for good."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from components.common.data.s3 import S3Store, Version
from components.common.stage.progress import track
from components.ingest.denied import SCHEMA
from pipelines.takedown.traces import PARQUET, Trace, Traces

RECORDS = {"purge-outputs", "write-receipt"}
"""Tasks of the Kubeflow pipeline `takedown`, whose artifacts record what was deleted."""

READERS = 8


def delete_folders(store: S3Store, folders: Iterable[str]) -> int:
    """Deletes every version of every object in these folders; returns how many, delete markers included."""
    return delete_versions(store, [version for folder in folders for version in store.versions(folder)])


def delete_versions(store: S3Store, versions: list[Version]) -> int:
    """Deletes these versions; returns their number."""
    for version in track(versions, f"objects of {store.address} deleted"):
        store.delete(version)
    return len(versions)


def searched(store: S3Store, traces: Traces, versions: Iterable[Version]) -> Iterator[tuple[Version, str]]:
    """Each version that has content, and the trace that it holds; empty if none.

    Deny lists, and the records of takedowns on a cluster, name the photographs on purpose: they are skipped.
    """
    contents = [each for each in versions if not each.is_deletion and RECORDS.isdisjoint(each.key.split("/"))]

    def found_in(version: Version) -> str:
        data = store.read_version(version)
        return "" if is_deny_list(data) else traces.found_in(data)

    with ThreadPoolExecutor(READERS) as pool:
        findings = track(pool.map(found_in, contents), f"objects of {store.address} searched", len(contents))
        yield from zip(contents, findings, strict=True)


def is_deny_list(data: bytes) -> bool:
    """Whether a file's content is a deny list."""
    try:
        return data.startswith(PARQUET) and pq.read_schema(BytesIO(data)).equals(SCHEMA)
    except pa.ArrowException:
        return False


def trace_of(store: S3Store, version: Version, what: str) -> Trace:
    """A trace found in a version of an object."""
    return Trace(f"{store.address}/{version.key} {version.version}", what)
