"""The record of a folder of photographs that DVC watches: which files it holds, and when each last changed.

DVC would read the folder by its own rules, and stop at what ingest accepts or puts into quarantine: a broken link, a
pipe, a name that is not UTF-8. So it depends on this record, which follows ingest's rules.
"""

import json
from pathlib import Path

from components.common.data.files import write_atomically
from components.common.data.sandbox import is_packaged
from components.common.data.storage import Entry, LocalStore
from components.ingest.params import Params
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS


def photographs(root: Path) -> str:
    """The collection that the workspace `root` names: a folder relative to it, or an address."""
    params = read_step(Workspace(root).params, STEPS["ingest"])
    assert isinstance(params, Params)
    return params.images


def collection(root: Path) -> Path | None:
    """The folder of photographs that the workspace `root` names; None if it is a bucket, in the package, or absent."""
    named = photographs(root)
    return None if is_packaged(named) or not (root / named).is_dir() else root / named


def record(workspace: Workspace) -> None:
    """Brings the record of the collection up to date. Raises `UserError` if a folder in it cannot be listed."""
    folder = collection(workspace.root)
    if not folder:
        return
    text = json.dumps([_stamp(folder, entry) for entry in LocalStore(folder).entries()], indent=0) + "\n"
    workspace.collection.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(workspace.collection, text.encode())


def _stamp(folder: Path, entry: Entry) -> list[str | int]:
    """Name, bytes, and the time (ns) of the last change, which the system sets and programs cannot set back."""
    try:
        return [entry.key, entry.size, (folder / entry.key).stat().st_ctime_ns]
    except OSError:
        return [entry.key, entry.size]
