"""Lineage of a run whose datasets are in a bucket: their tables are fetched, and kept with their indexes."""

import json
import shutil
from pathlib import Path, PurePosixPath

from components.common.data.digests import digest_file, digest_value
from components.common.data.files import inside, write_atomically
from components.common.data.reading import MANIFEST, Dataset
from components.common.data.storage import S3, Store, open_store
from components.common.errors import StageFailed, UserError
from components.common.stage.progress import track
from components.lineage.indexes import keep_indexes
from components.lineage.keys import FOLDER as INDEXES
from pipelines.engines.local import task_name
from pipelines.steps import STEPS

KEPT = Path(".objectmate/lineage")
"""Where fetched tables are kept, below the current folder; they are fetched again if a dataset has changed."""


def data_of(workspace: str, picture: bool = False) -> Path:
    """The folder of a run's datasets.

    workspace: a folder; or the s3:// address of a run's artifacts, as Kubeflow leaves them, or of a copy of a
    workspace, whose manifests and tables are fetched. picture: also fetch the photographs, to compare pictures.
    Raises `UserError` if no dataset is there, `StageFailed` if a table is not what its manifest says.
    """
    if not workspace.startswith(S3):
        return Path(workspace) / "data"
    store = open_store(workspace)
    places = places_of(store.list())
    if not places:
        raise UserError(f"{workspace} holds no dataset: give the address of one run's artifacts")
    data = kept_at(workspace)
    for stale in [folder for folder in data.glob("*") if folder.name not in (*places, INDEXES)]:
        shutil.rmtree(stale)
    for name, place in track(places.items(), "datasets fetched"):
        _fetch(store, place, data / name, whole=picture and name == "images")
    keep_indexes(data)
    return data


def kept_at(address: str) -> Path:
    """Where the tables of a run in a bucket are kept."""
    return KEPT / digest_value(address)[:16]


def places_of(keys: list[str]) -> dict[str, str]:
    """Dataset -> the folder of its manifest: TASK[/EXECUTION]/ROLE of Kubeflow, data/NAME of a workspace."""
    named = {(task_name(step.name), role): name for step in STEPS.values() for role, name in step.outputs.items()}
    places = {}
    for key in (key for key in keys if key.endswith(f"/{MANIFEST}")):
        folder = PurePosixPath(key).parent
        tasks = [(part, folder.name) for part in folder.parts[-3:-1]]
        name = next((named[task] for task in tasks if task in named), "")
        if name or (folder.parent.name in ("", "data") and folder.name in named.values()):
            places[name or folder.name] = str(folder)
    return places


def _fetch(store: Store, place: str, target: Path, whole: bool) -> None:
    content = store.read(f"{place}/{MANIFEST}")
    target.mkdir(parents=True, exist_ok=True)
    for part in json.loads(content)["parts"]:
        for entry in part["files"]:
            path = inside(target, entry["name"])
            wanted = whole or path.suffix == ".parquet"
            if wanted and not (path.is_file() and digest_file(path) == entry["sha256"]):
                write_atomically(path, store.read(f"{place}/{entry['name']}"))
                if digest_file(path) != entry["sha256"]:
                    path.unlink()
                    raise StageFailed(
                        f"{place}/{entry['name']} is not what its manifest says: copy the run there again"
                    )
    write_atomically(target / MANIFEST, content)
    Dataset(target)
