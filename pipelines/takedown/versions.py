"""The versions of datasets and reports in a store of DVC, a cache or a remote, and which of them hold traces.

DVC stores a folder as an object `<md5>.dir` that lists the md5 of its files. Its run cache and each dvc.lock say which
folders a stage read and which it made. A version holds traces if an id is in one of its tables, or if every recorded
run of a stage that made it had read such a version. A folder that no record mentions counts as holding traces, too.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common.stage.yaml_text import read_yaml
from pipelines.takedown.traces import PARQUET, Traces

DIR = ".dir"
KEPT = ("train_insertion", "train_generation", "evaluation", "gate_model")
"""Stages whose results stay, since what a model has learnt cannot be taken out of it. Receipts name them. Their reports
show pictures, and are deleted."""
OF_REPORT, REPORTS = "report of ", "data/reports/"


@dataclass(frozen=True)
class Record:
    """One run of a stage. reads, makes: `<md5>.dir` of its folders. file: where the run cache has it, if it does."""

    stage: str
    reads: frozenset[str]
    makes: frozenset[str]
    file: Path | None = None


@dataclass
class Store:
    """A cache or a remote of DVC. odb: DVC's own object database."""

    odb: Any
    name: str
    folders: dict[str, dict[str, str]] = field(default_factory=dict)
    """`<md5>.dir` -> path -> md5 of its files."""

    @classmethod
    def open(cls, odb: Any, name: str) -> "Store":
        """Reads the list of every folder in the store."""
        store = cls(odb, name)
        for oid in sorted(odb.all()):
            if oid.endswith(DIR):
                store.folders[oid] = {entry["relpath"]: entry["md5"] for entry in json.loads(store.read(oid))}
        return store

    def read(self, oid: str) -> bytes:
        """An object's content; empty if the store does not have it."""
        path = self.odb.oid_to_path(oid)
        if not self.odb.fs.exists(path):
            return b""
        with self.odb.fs.open(path, "rb") as file:
            return file.read()

    def with_ids(self, traces: Traces) -> set[str]:
        """The folders whose tables contain an id."""
        holding: dict[str, bool] = {}
        for files in self.folders.values():
            for name, md5 in files.items():
                if name.endswith(".parquet") and md5 not in holding:
                    data = self.read(md5)
                    holding[md5] = data.startswith(PARQUET) and bool(traces.found_in(data))
        return {oid for oid, files in self.folders.items() if any(holding.get(md5) for md5 in files.values())}


def opened_stores(repo: Any) -> list[Store]:
    """The cache of a DVC repository and every remote that it names."""
    remotes = [Store.open(repo.cloud.get_remote_odb(name), f"DVC remote {name}") for name in repo.config["remote"]]
    return [Store.open(repo.cache.local, "DVC cache"), *remotes]


def records_of(cache: Path, locks: Iterable[Path]) -> list[Record]:
    """Every run of a stage that the run cache below `cache`, or a dvc.lock, records."""
    cached = [_records(read_yaml(path), path) for path in sorted((cache / "runs").glob("*/*/*")) if path.is_file()]
    locked = [_records(stage) for lock in locks for stage in read_yaml(lock).get("stages", {}).values()]
    return [record for records in (*cached, *locked) for record in records]


def tainted(holding: set[str], records: Iterable[Record]) -> set[str]:
    """The folders that hold traces, or were made only by runs that read such folders; `KEPT` stages are left out."""
    known = [record for record in records if record.stage not in KEPT]
    affected = set(holding)
    while True:
        bad = [record for record in known if record.reads & affected or record.makes & holding]
        clean = {oid for record in known if record not in bad for oid in record.makes}
        newly = {oid for record in bad for oid in record.makes} - clean
        if newly <= affected:
            return affected
        affected |= newly


def unexplained(store: Store, records: Iterable[Record]) -> set[str]:
    """Folders that no record made or read."""
    explained = {oid for record in records for oid in record.reads | record.makes}
    return set(store.folders) - explained


def _records(stage: dict[str, Any], file: Path | None = None) -> list[Record]:
    """One run of a stage; its report is a separate record if the rest of its results stays."""
    name, reads = str(stage.get("cmd", "")).rpartition(" ")[2], frozenset(_folders(stage.get("deps", ())))
    outs = stage.get("outs", ())
    if name not in KEPT:
        return [Record(name, reads, frozenset(_folders(outs)), file)]
    reports = [out for out in outs if REPORTS in str(out.get("path"))]
    results = [out for out in outs if REPORTS not in str(out.get("path"))]
    return [
        Record(name, reads, frozenset(_folders(results)), file),
        Record(f"{OF_REPORT}{name}", reads, frozenset(_folders(reports)), file),
    ]


def _folders(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    return (entry["md5"] for entry in entries if str(entry.get("md5", "")).endswith(DIR))
