"""Single corruptions of a run, drawn by a seed and each undone: of files, manifests, and the records about them.

OBJECTMATE_CORRUPTIONS=1000 tries so many in each test.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from components.common.data.reading import FINISHED, MANIFEST, is_complete
from pipelines.engines.workspace import Workspace
from pipelines.lineage.check.check import check
from pipelines.steps import STEPS

NAMES = [name for step in STEPS.values() for name in step.outputs.values()]


@dataclass
class Target:
    """A run to corrupt. store: MLflow's sqlite file. whole_lock: MLflow vouches for every value in dvc.lock."""

    workspace: Workspace
    store: Path
    whole_lock: bool = True
    files: list[Path] = field(init=False)
    tables: dict[str, list[tuple[Any, ...]]] = field(init=False)

    def __post_init__(self) -> None:
        folders = [self.workspace.dataset(name) for name in NAMES if is_complete(self.workspace.dataset(name))]
        self.files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        with closing(sqlite3.connect(self.store)) as database:
            self.tables = _values_in_mlflow(database, self.workspace.tracked.read_text())

    def dataset(self, path: Path) -> str:
        return path.relative_to(self.workspace.root / "data").parts[0]


Corrupt = Callable[[Target, Random], Iterator[str]]


def _a_byte(target: Target, random: Random) -> Iterator[str]:
    path = random.choice([path for path in target.files if path.stat().st_size])
    data = bytearray(path.read_bytes())
    place = random.randrange(len(data))
    data[place] ^= random.randrange(1, 256)
    with _written(path, bytes(data)):
        yield f"{target.dataset(path)}: byte {place} of {path.name}"


def _a_swap(target: Target, random: Random) -> Iterator[str]:
    """Two files of the same kind, of one dataset or of two."""
    parts = [path for path in target.files if path.name not in (MANIFEST, FINISHED)]
    one = random.choice(parts)
    like = [path for path in parts if path.suffix == one.suffix and path.read_bytes() != one.read_bytes()]
    other = random.choice(like or [path for path in parts if path.read_bytes() != one.read_bytes()])
    first = min(target.dataset(one), target.dataset(other), key=NAMES.index)
    with _written(one, other.read_bytes()) as before, _written(other, before):
        yield f"{first}: {one.name} and {other.name} swapped"


def _a_manifest(target: Target, random: Random) -> Iterator[str]:
    path = random.choice([path for path in target.files if path.name == MANIFEST])
    document, place = _altered(json.loads(path.read_text()), random)
    with _written(path, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()):
        yield f"{target.dataset(path)}: {place} in the manifest"


def _dvc_lock(target: Target, random: Random) -> Iterator[str]:
    path = target.workspace.dvc_lock
    before = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    while True:
        document, place = _altered(before, random)
        if target.whole_lock or "'outs'" in place or "'cmd'" in place:
            break
    with _written(path, yaml.safe_dump(document, sort_keys=False).encode()):
        yield f": {place} in dvc.lock"


def _kubeflow(target: Target, random: Random) -> Iterator[str]:
    outputs = sorted(target.workspace.kubeflow.glob("*/*/executor_output.json"))
    path = random.choice([path for path in outputs if path.parent.name != "ending"])  # which has no artifacts
    document, place = _altered(json.loads(path.read_text()), random)
    with _written(path, json.dumps(document).encode()):
        yield f": {place} of {path.parent.name} in Kubeflow's metadata"


def _mlflow(target: Target, random: Random) -> Iterator[str]:
    """A tag, a parameter, a metric, or a dataset input or its tag: altered or removed."""
    table = random.choice(sorted(target.tables))
    where, column, value = random.choice(target.tables[table])
    removed = random.random() < 0.2 and table != "datasets"
    with closing(sqlite3.connect(target.store)) as database:
        (row,) = database.execute(f"select * from {table} where {where}").fetchall()
        if removed:
            database.execute(f"delete from {table} where {where}")
        else:
            changed = _other(value, random)
            database.execute(f"update {table} set {column} = ? where {where}", (changed,))
        database.commit()
        yield f": {table} in MLflow, {column} where {where}{' removed' if removed else ''}"
        if removed:
            database.execute(f"insert into {table} values ({','.join('?' * len(row))})", row)
        else:
            database.execute(f"update {table} set {column} = ? where {where}", (value,))
        database.commit()


KINDS: dict[str, Corrupt] = {
    "byte": _a_byte, "swap": _a_swap, "manifest": _a_manifest, "dvc.lock": _dvc_lock, "MLflow": _mlflow,
    "Kubeflow": _kubeflow,
}  # fmt: skip


def not_found(target: Target, number: int) -> list[str]:
    """What a check does not find, or finds in another dataset first, of so many corruptions of the run."""
    kinds = [kind for kind in KINDS if kind != "Kubeflow" or target.workspace.kubeflow.is_dir()]
    wrong = []
    for seed in range(int(os.environ.get("OBJECTMATE_CORRUPTIONS", number))):
        with corruption(target, kinds[seed % len(kinds)], seed) as told:
            found = next(check(target.workspace.root), None)
        if found is None or told.partition(":")[0] not in ("", found.dataset):
            wrong.append(f"{seed}: {told}; {found}")
    return wrong


@contextmanager
def corruption(target: Target, kind: str, seed: int) -> Iterator[str]:
    """Corrupts one thing while the block runs; gives the dataset, or nothing, then `:` and what was done."""
    yield from KINDS[kind](target, Random(f"{kind} {seed}"))


@contextmanager
def _written(path: Path, data: bytes) -> Iterator[bytes]:
    before = path.read_bytes()
    path.write_bytes(data)
    yield before
    path.write_bytes(before)


def _altered(document: Any, random: Random) -> tuple[Any, str]:
    """The document with one of its values, or the name of one, changed; and where."""
    document = deepcopy(document)
    holder, key = random.choice(list(_leaves(document)))
    if isinstance(holder, dict) and random.random() < 0.1:
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = _other(holder[key], random)
    return document, str(_path(document, holder, key))


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(items):
        if isinstance(each, dict | list) and each:
            yield from _leaves(each)
        else:
            yield value, key


def _path(document: Any, holder: Any, key: Any) -> list[Any]:
    """The keys that lead from the document to a value in it; empty if it is not in there."""
    if document is holder:
        return [key]
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return next(([name, *path] for name, each in items if (path := _path(each, holder, key))), [])


def _other(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str) and value:
        place = random.randrange(len(value))
        return value[:place] + random.choice([c for c in "0a7f" if c != value[place]]) + value[place + 1 :]
    return "x"


def _values_in_mlflow(database: sqlite3.Connection, run: str) -> dict[str, list[tuple[str, str, Any]]]:
    """Table -> (where a row is, the column, its value), of the run and its nested runs: all that ObjectMate wrote."""
    nested = "select run_uuid from tags where key = 'mlflow.parentRunId' and value = ?"
    runs = [run, *(row[0] for row in database.execute(nested, (run,)))]
    found: dict[str, list[tuple[str, str, Any]]] = {name: [] for name in ("tags", "params", "input_tags", "datasets")}
    for each in runs:
        for key, value in database.execute("select key, value from tags where run_uuid = ?", (each,)):
            if not key.startswith("mlflow.") or key == "mlflow.parentRunId":
                found["tags"].append((f"run_uuid = '{each}' and key = '{key}'", "value", value))
        for key, value in database.execute("select key, value from params where run_uuid = ?", (each,)):
            found["params"].append((f"run_uuid = '{each}' and key = '{key}'", "value", value))
        inputs = "select input_uuid, source_id from inputs where destination_id = ?"
        for one, dataset in database.execute(inputs, (each,)).fetchall():
            tags = database.execute("select name, value from input_tags where input_uuid = ?", (one,)).fetchall()
            found["input_tags"] += [
                (f"input_uuid = '{one}' and name = '{name}'", "value", value) for name, value in tags
            ]
            for column in ("name", "digest", "dataset_source", "dataset_profile"):
                (value,) = database.execute(
                    f"select {column} from datasets where dataset_uuid = ?", (dataset,)
                ).fetchone()
                found["datasets"].append((f"dataset_uuid = '{dataset}'", column, value))
    return found
