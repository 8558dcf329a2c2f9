"""The paths of a workspace, the folder of one run: params.yaml, dvc.yaml, dvc.lock and data/<dataset>/.

The project's own folder is the workspace of the default run; every other run has its own below runs/.
"""

from dataclasses import dataclass
from pathlib import Path

from components.common.stage.report import RECORD
from pipelines.parameters import FILE
from pipelines.steps import Step

DATA, DVC_LOCK = "data", "dvc.lock"
"""What a workspace calls the folder of its datasets, and DVC its record."""
RUNS = Path("runs")
RESTORED = "restored_at"
"""The key that a step's record has if its results came from the cache."""


@dataclass(frozen=True)
class Workspace:
    """root: the folder. All other paths follow from it."""

    root: Path

    @property
    def data(self) -> Path:
        """The folder of the datasets, of their reports and of what else a run leaves."""
        return self.root / DATA

    @property
    def params(self) -> Path:
        """The file of all parameters."""
        return self.root / FILE

    @property
    def identity(self) -> Path:
        """The file that says which run the workspace belongs to; see `Identity`."""
        return self.root / "run.yaml"

    @property
    def collection(self) -> Path:
        """The record of a folder of photographs; see `pipelines.engines.collection`."""
        return self.data / "collection.json"

    @property
    def lock(self) -> Path:
        """The file that a process locks while it works here."""
        return self.data / "run.lock"

    def dataset(self, name: str) -> Path:
        """The folder of a dataset, whether it exists or not."""
        return self.data / name

    def report(self, step: Step) -> Path:
        """The folder of a step's report and run.json."""
        return self.data / "reports" / step.name

    def record(self, step: Step) -> Path:
        """When, where and by which code a step ran; `RESTORED` is a key of it if it ran in another workspace."""
        return self.report(step) / RECORD

    @property
    def page(self) -> Path:
        """The report page."""
        return self.data / "report" / "index.html"

    @property
    def kubeflow(self) -> Path:
        """Where Kubeflow's local runners work: RUN/TASK/executor_output.json is Kubeflow's record of a task."""
        return self.data / "kfp"

    @property
    def recorded(self) -> Path:
        """A marker: the page and MLflow's record of the last run exist. It holds the name of that run's pipeline."""
        return self.page.with_name("recorded")

    @property
    def tracked(self) -> Path:
        """Holds the id of the MLflow run that records what the last run made."""
        return self.page.with_name("mlflow_run")

    @property
    def dvc_lock(self) -> Path:
        """DVC's record of what it has made or what was committed to it."""
        return self.root / DVC_LOCK

    def inputs(self, step: Step) -> dict[str, Path]:
        """Role -> folder of each dataset that a step reads."""
        return {role: self.dataset(name) for role, name in step.inputs.items()}

    def outputs(self, step: Step) -> dict[str, Path]:
        """Role -> folder of each dataset that a step makes."""
        return {role: self.dataset(name) for role, name in step.outputs.items()}


def workspaces() -> list[Path]:
    """The current folder and every folder below runs/, whether they hold a run or not."""
    return [Path(), *sorted(path for path in RUNS.glob("*") if path.is_dir())]
