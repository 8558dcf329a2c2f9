"""The runs that a person names: by a workspace's folder, an MLflow run, or a commit whose data DVC still has."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components.common.data.reading import is_complete
from components.common.errors import UserError, in_one_line
from components.common.stage.tracking import be_quiet
from pipelines.compare.restoring import restore
from pipelines.engines.recording import RECORDED
from pipelines.engines.workspace import DVC_LOCK, Workspace, workspaces
from pipelines.lineage.check.in_mlflow import store_of
from pipelines.parameters import FILE
from pipelines.steps import STEPS

DIGITS = re.compile(r"[0-9a-f]{7,32}")
FOLDER = "workspace"
"""The tag of an MLflow run that names its workspace, relative to where it was started."""


@dataclass(frozen=True)
class Named:
    """A run under the name that the user gave (for a dot: its folder's name), and its data, which may be restored.

    home: the folder to which the paths in its parameters are relative.
    """

    name: str
    workspace: Workspace
    home: Path

    @property
    def mlflow_run(self) -> str:
        """The id of its record in MLflow; empty if it has none, or was restored."""
        return self.workspace.tracked.read_text(encoding="utf-8") if self.workspace.tracked.is_file() else ""


class Names:
    """Finds runs by name. Restored data live until the block ends."""

    def __enter__(self) -> "Names":
        self._temporary = TemporaryDirectory(prefix="objectmate-runs-", ignore_cleanup_errors=True)
        self._restored: dict[str, Named] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def find(self, name: str) -> Named:
        """Raises `UserError` if nothing has this name, or its data are gone."""
        if _is_folder(name):
            return in_folder(name if Path(name) != Path() else Path.cwd().name, Path(name))
        if DIGITS.fullmatch(name):
            for folder in workspaces():
                if (run := in_folder(name, folder)).mlflow_run.startswith(name):
                    return run
        if name not in self._restored:
            self._restored[name] = self._restore(name)
        return self._restored[name]

    def _restore(self, name: str) -> Named:
        home, texts = _of_mlflow(name) or _of_commit(name)
        if not texts:
            raise UserError(f"there is no run {name}: name a workspace's folder, an MLflow run's id or a commit")
        if DVC_LOCK not in texts:
            raise UserError(f"run {name} has no {DVC_LOCK}, since DVC did not make it: name a folder or a commit")
        folder = (
            f"{len(self._restored)}-{re.sub(r'[^a-zA-Z0-9]', '-', name)[:60]}"  # names may differ only in punctuation
        )
        return Named(name, restore(name, texts, Path(self._temporary.name) / folder), home)


def holds_data(workspace: Workspace) -> bool:
    """Whether there is a finished dataset in a workspace."""
    return any(is_complete(workspace.dataset(name)) for step in STEPS.values() for name in step.outputs.values())


def in_folder(name: str, folder: Path) -> Named:
    """The run in a workspace."""
    return Named(name, Workspace(folder), folder)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # the system refuses the name
        return False


Texts = tuple[Path, dict[str, str]]
"""The folder to which a past run's paths are relative, and file name -> text of its params.yaml and dvc.lock."""


def _of_mlflow(name: str) -> Texts | None:
    """What MLflow has of a run that is no longer in a workspace; None if it has no such run."""
    store = store_of(Workspace(Path()))
    if not store or not re.fullmatch(r"[0-9a-f]{32}", name):
        return None
    be_quiet()
    import mlflow

    client = mlflow.MlflowClient(store)
    try:
        run = client.get_run(name)
    except mlflow.exceptions.MlflowException:
        return None
    with TemporaryDirectory() as folder:
        try:
            recorded = Path(client.download_artifacts(run.info.run_id, RECORDED, folder))
        except Exception as error:  # each store has errors of its own
            raise UserError(
                f"MLflow's run {name} is in no workspace here, and its record has no {DVC_LOCK} "
                f"({in_one_line(error)}): name a folder or a commit"
            ) from None
        texts = {path.name: path.read_text(encoding="utf-8") for path in recorded.iterdir()}
        return Path(run.data.tags.get(FOLDER, "")), texts


def _of_commit(name: str) -> Texts:
    """The same of a commit of the current folder's repository; no texts if it has none."""
    texts = {file: _git("show", "--end-of-options", f"{name}:./{file}") for file in (DVC_LOCK, FILE)}
    if texts[DVC_LOCK] and not texts[FILE]:
        raise UserError(f"commit {name} has a {DVC_LOCK} but no {FILE} here: name another commit")
    return Path(), texts if texts[DVC_LOCK] else {}


def _git(*words: str) -> str:
    """What git prints; empty if there is no git or no repository, or if git fails."""
    try:
        process = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return process.stdout if process.returncode == 0 else ""
