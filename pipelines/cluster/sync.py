"""`objectmate sync`: records in DVC what Kubeflow made, so that `dvc repro` skips it.

A run is judged by the manifests it left behind, never by what Kubeflow reports: every file must have the sha256 that
its manifest names, and every dataset must come from today's parameters, inputs and commit.
"""

import json
import shutil
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from components.common.data.files import inside
from components.common.data.reading import MANIFEST
from components.common.data.storage import Store, open_store
from components.common.data.verification import refuse_damage
from components.common.errors import UserError
from components.common.stage.progress import track
from components.common.stage.report import RECORD
from components.common.stage.running import commit
from pipelines.engines.local import forget_kubeflow, open_dvc, task_name
from pipelines.engines.lock import occupied
from pipelines.engines.state import current_steps, stops
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE
from pipelines.steps import STEPS, Step


def sync(run: str, workspace: Workspace) -> list[str]:
    """Enters a finished run's datasets into dvc.lock; returns the names of its steps.

    run: the workspace of a local Kubeflow run, which is entered in place; or the folder or s3:// address below which
    a cluster's run put its artifacts, which are first copied to `workspace`.
    Raises `StageFailed` if a file is not what its manifest says, `UserError` if a file's name leads out of its dataset,
    a step was made from anything other than today's parameters, inputs and commit, or a run is using the workspace.
    """
    with occupied(Workspace(Path(run)) if (Path(run) / FILE).is_file() else workspace):
        return _enter(run, workspace)


def _enter(run: str, workspace: Workspace) -> list[str]:
    if (Path(run) / FILE).is_file():
        workspace = Workspace(Path(run))
        made = [step for step in STEPS.values() if (workspace.report(step) / RECORD).is_file()]
        _refuse_foreign(made, workspace)
    else:
        workspace.root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=workspace.root, prefix=".sync-") as folder:
            fetched = Workspace(Path(folder))
            made = _fetch_all(open_store(run), run, fetched)
            _link_the_rest(made, workspace, fetched)
            _refuse_foreign(made, fetched)
            for source, target in zip(_folders(made, fetched), _folders(made, workspace), strict=True):
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            forget_kubeflow(workspace, [step.name for step in made])
            workspace.tracked.unlink(missing_ok=True)  # what MLflow has describes what was here before
    # DVC must not record a gate that stopped a run: it would continue past it.
    passed = [step for step in made if not stops(workspace, step.name)]
    _commit(passed, workspace)
    return [step.name for step in passed]


def _folders(steps: list[Step], workspace: Workspace) -> list[Path]:
    return [folder for step in steps for folder in (*workspace.outputs(step).values(), workspace.report(step))]


def _fetch_all(store: Store, run: str, fetched: Workspace) -> list[Step]:
    """Copies the datasets and reports of each complete step, in pipeline order."""
    keys = store.list()
    made = [step for step in STEPS.values() if all(_places(keys, step).values())]
    if not made:
        raise UserError(f"{run} holds no finished step: give the folder or address of one run's artifacts")
    for step in track(made, "steps fetched"):
        targets = fetched.outputs(step) | {"report": fetched.report(step)}
        for role, place in _places(keys, step).items():
            _fetch(store, keys, place, targets[role])
    return made


def _link_the_rest(made: list[Step], workspace: Workspace, fetched: Workspace) -> None:
    """Links into `fetched` what the run did not make itself: its parameters, and datasets that it started from."""
    fetched.params.symlink_to(workspace.params.resolve())
    rest = [step for step in STEPS.values() if step not in made]
    for source, target in zip(_folders(rest, workspace), _folders(rest, fetched), strict=True):
        if source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source.resolve())


def _places(keys: list[str], step: Step) -> dict[str, str]:
    """Role -> folder of a step's artifacts, empty where it is not finished. KFP writes to TASK[/EXECUTION]/ROLE."""
    task = task_name(step.name)
    markers = {role: MANIFEST for role in step.outputs} | {"report": RECORD}
    places = dict.fromkeys(markers, "")
    for key in (key for key in keys if "/" in key):
        *above, role, name = PurePosixPath(key).parts
        if markers.get(role) == name and task in above[-2:]:
            places[role] = str(PurePosixPath(key).parent)
    return places


def _fetch(store: Store, keys: list[str], place: str, target: Path) -> None:
    for key in (key for key in keys if key.startswith(f"{place}/")):
        path = inside(target, key.removeprefix(f"{place}/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(key))


def _refuse_foreign(made: list[Step], workspace: Workspace) -> None:
    """Hashes every dataset before anything else reads it, then checks what each step was made from."""
    for step in track(made, "steps hashed"):
        for folder in workspace.outputs(step).values():
            refuse_damage(folder)
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
                f"{step.name} was made from parameters or inputs other than those of {workspace.params}, or "
                "comes after a gate that did not pass: use the run's own parameters, or run the pipeline with these"
            )


def _commit(made: list[Step], workspace: Workspace) -> None:
    from dvc.exceptions import DvcException

    try:
        with open_dvc(workspace) as repo:
            for step in track(made, "steps entered"):
                repo.commit(step.name, force=True)
    except DvcException as error:
        raise UserError(f"DVC cannot record the datasets of {workspace.root}: {error}") from error
