"""`objectmate sync`: what Kubeflow made becomes what DVC has on record, so that `dvc repro` does not make it again.

A run is taken by what it left behind, its manifests, never by what Kubeflow says of it: every file must have the sha256
that its manifest names, and every dataset must come from today's parameters, inputs and commit.
"""

import json
import shutil
from pathlib import Path, PurePosixPath

from components.common.datasets import MANIFEST, Dataset
from components.common.digests import digest_file
from components.common.errors import UserError
from components.common.progress import track
from components.common.stage import commit
from components.common.storage import Store, open_store
from pipelines.engines import open_dvc
from pipelines.parameters import FILE
from pipelines.state import current_steps
from pipelines.steps import STEPS, Step
from pipelines.workspace import Workspace

RECORD = "run.json"


def sync(run: str, workspace: Workspace) -> list[str]:
    """Enters a finished run's datasets into dvc.lock; returns the names of its steps.

    run: the workspace of a local Kubeflow run, which is entered where it is; or the folder or s3:// address below which
    a cluster's run put its artifacts, which are first copied to `workspace`.
    Raises `UserError` if a file is not what its manifest says, or a step was made from anything else than today's.
    """
    if (Path(run) / FILE).is_file():
        workspace = Workspace(Path(run))
        made = [step for step in STEPS.values() if (workspace.report(step) / RECORD).is_file()]
    else:
        made = _fetch_all(open_store(run), run, workspace)
    _refuse_foreign(made, workspace)
    _commit(made, workspace)
    return [step.name for step in made]


def _fetch_all(store: Store, run: str, workspace: Workspace) -> list[Step]:
    """Copies the datasets and reports of each step that is whole; in the order of the pipeline."""
    keys = store.list()
    made = [step for step in STEPS.values() if all(_places(keys, step).values())]
    if not made:
        raise UserError(f"{run} holds no finished step: give the folder or address of one run's artifacts")
    for step in track(made, "steps fetched"):
        targets = workspace.outputs(step) | {"report": workspace.report(step)}
        for role, place in _places(keys, step).items():
            _fetch(store, keys, place, targets[role])
    return made


def _places(keys: list[str], step: Step) -> dict[str, str]:
    """Role -> folder of a step's artifacts, empty where it is not finished. KFP names TASK[/EXECUTION]/ROLE."""
    task = step.name.replace("_", "-")
    markers = {role: MANIFEST for role in step.outputs} | {"report": RECORD}
    places = dict.fromkeys(markers, "")
    for key in keys:
        *above, role, name = PurePosixPath(key).parts
        if markers.get(role) == name and task in above[-2:]:
            places[role] = str(PurePosixPath(key).parent)
    return places


def _fetch(store: Store, keys: list[str], place: str, target: Path) -> None:
    """Copies a folder of the store; `target` is replaced only by a whole copy."""
    temporary = target.with_name(f".{target.name}.fetched")
    shutil.rmtree(temporary, ignore_errors=True)
    for key in (key for key in keys if key.startswith(f"{place}/")):
        path = temporary / PurePosixPath(key).relative_to(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(key))
    if (temporary / MANIFEST).is_file():
        _verify(temporary, place)
    shutil.rmtree(target, ignore_errors=True)
    temporary.replace(target)


def _verify(folder: Path, place: str) -> None:
    """Raises `UserError` if a file differs from what the dataset's manifest says of it."""
    for part in Dataset(folder).manifest.parts:
        for entry in part["files"]:
            path = folder / Path(entry["name"]).name
            if not path.is_file() or digest_file(path) != entry["sha256"]:
                raise UserError(f"{place}/{entry['name']} is not what its manifest says: run that step again")


def _refuse_foreign(made: list[Step], workspace: Workspace) -> None:
    current = current_steps(workspace)
    for step in made:
        record = json.loads((workspace.report(step) / RECORD).read_text(encoding="utf-8"))
        if record["commit"] != commit():
            raise UserError(
                f"{step.name} was made by commit {record['commit'] or '(unknown)'}, this is {commit() or '(unknown)'}: "
                "check that commit out, or run the pipeline with this one"
            )
        if step not in current:
            raise UserError(
                f"{step.name} was made from other parameters or inputs than those of {workspace.params}, or lies "
                "behind a gate that did not pass: use the run's own parameters, or run the pipeline with these"
            )


def _commit(made: list[Step], workspace: Workspace) -> None:
    with open_dvc(workspace) as repo:
        for step in track(made, "steps entered"):
            repo.commit(step.name, force=True)
