"""MLflow's record of the workspace's last run, against what would be recorded today."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.common.data.reading import Dataset
from components.common.errors import in_one_line
from components.common.stage.logged import (
    OWN_TAGS,
    LoggedDataset,
    describe_dataset,
    describe_stage,
    run_record,
    sealed,
    started_at,
)
from components.common.stage.tracking import STORE, STORES, be_quiet, own_store
from pipelines.engines.again import started_in
from pipelines.engines.identity import Identity
from pipelines.engines.request import ENGINES
from pipelines.engines.workspace import RESTORED, Workspace
from pipelines.lineage.check.finding import Finding, unequal, unequal_items
from pipelines.parameters import FILE
from pipelines.steps import STEPS, Step


class Tracked:
    """The MLflow run that the workspace names, and those of its steps.

    absent: why there is none to compare with; empty if there is one. findings: what is wrong with the record as a
    whole. steps: step -> its run.
    """

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self.absent, self.findings = "", list[Finding]()
        self.run: Any = None
        self.steps: dict[str, Any] = {}
        self.store = store_of(workspace)
        if not workspace.tracked.is_file():
            self.absent = "MLflow: this workspace names no run there"
            return
        self.id = workspace.tracked.read_text(encoding="utf-8")
        if not self.store:
            self.absent = (
                f"MLflow: no {STORE} here or where the workspace's run was started, so its run {self.id} was not "
                "compared: go there, or set MLFLOW_TRACKING_URI"
            )
            return
        self._fetch()

    def _fetch(self) -> None:
        be_quiet()
        import mlflow

        client = mlflow.MlflowClient(self.store)
        try:
            self.run = client.get_run(self.id)
            nested = f"tags.`mlflow.parentRunId` = '{self.id}'"
            runs = client.search_runs([self.run.info.experiment_id], nested, max_results=1000)
            self.steps = {run.info.run_name: run for run in runs}
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in STORES:
                raise
            self.findings = [Finding(f"run {self.id}", "a record", f"none ({in_one_line(error)})")]

    @property
    def engine(self) -> str:
        return str(self.run.data.params.get("engine")) if self.run else ""

    def dataset(self, step: Step, folder: Path, dvc: Mapping[str, str]) -> Iterator[Finding]:
        """A dataset that the step makes. dvc: from `logged_by_dvc`; empty for Kubeflow's engines."""
        yield from self._logged(self.steps[step.name], describe_dataset(Dataset(folder), "output", dvc))

    def step(self, step: Step, dvc: Mapping[str, str], failed: bool) -> Iterator[Finding]:
        """The rest of a step's run: the datasets that it reads, its tags, parameters and metrics."""
        workspace, run = self.workspace, self.steps[step.name]
        record = run_record(workspace.report(step))
        earlier = RESTORED in record or started_at(record) < self.run.info.start_time
        folders = workspace.inputs(step), workspace.outputs(step)
        expected = describe_stage(step.name, workspace.report(step), *folders, dvc, reused=earlier, failed=failed)
        for each in expected.datasets:
            if each.context == "input":
                yield from self._logged(run, each)
        tags = expected.tags | {"mlflow.runName": step.name, "mlflow.parentRunId": self.id}
        yield from unequal_items("tag", tags, run.data.tags)
        yield from unequal_items("parameter", expected.params, run.data.params)
        yield from unequal_items("metric", expected.metrics, run.data.metrics)
        yield from unequal("status", expected.status, run.info.status)
        yield from unequal("start", expected.start, run.info.start_time)

    def _logged(self, run: Any, expected: LoggedDataset) -> Iterator[Finding]:
        what = f"{expected.context} {expected.name}"
        logged = map(_as_logged, run.inputs.dataset_inputs)
        found = next((each for each in logged if (each.context, each.name) == (expected.context, expected.name)), None)
        if found is None:
            yield Finding(what, "a dataset", "none")
            return
        for key in ("digest", "source", "profile"):
            yield from unequal(f"{what}, {key}", getattr(expected, key), getattr(found, key))
        yield from unequal_items(f"{what}, tag", expected.tags, found.tags)

    def whole(self, gates: Mapping[str, str], datasets: Sequence[LoggedDataset]) -> Iterator[Finding]:
        """The run of the pipeline, and runs of steps that the pipeline does not have.

        gates: name -> verdict. datasets: those on disk that the record of the whole run should have.
        """
        yield from self.findings
        if self.run is None:
            return
        tags = self.run.data.tags
        own = {key: tags[key] for key in tags if key.startswith(OWN_TAGS)}
        yield from unequal("engine", True, self.engine in ENGINES)
        yield from unequal_items("tag", sealed(own, self.run.data.params), tags)
        yield from unequal("tag mlflow.runName", self.run.info.run_name, tags.get("mlflow.runName"))
        yield from unequal_items("tag", {f"gate.{gate}": verdict for gate, verdict in gates.items()}, tags)
        yield from unequal_items("tag", {f"data.{each.name}": each.digest for each in datasets}, tags)
        yield from unequal_items("parameter", self._settings(), self.run.data.params)
        for each in datasets:
            yield from self._logged(self.run, each)
        yield from (Finding("runs", "steps of the pipeline", name) for name in self.steps if name not in STEPS)

    def _settings(self) -> dict[str, str]:
        """What `objectmate run` recorded of the run's identity."""
        if not self.workspace.identity.is_file():
            return {"settings": FILE}
        return {key: str(value) for key, value in Identity.read(self.workspace).entries().items()}


def store_of(workspace: Workspace) -> str:
    """The address of the MLflow store that has the workspace's run; empty if none is found.

    It is where the run was started: the current folder, the workspace, or the folder that holds runs/.
    """
    if address := os.environ.get("MLFLOW_TRACKING_URI"):
        return address
    places = (Path(), workspace.root, started_in(workspace.root))
    return next((own_store(folder) for folder in places if (folder / STORE).is_file()), "")


def _as_logged(entry: Any) -> LoggedDataset:
    tags = {tag.key: tag.value for tag in entry.tags}
    dataset = entry.dataset
    context = tags.get("mlflow.data.context", "")
    return LoggedDataset(context, dataset.name, dataset.digest, dataset.source, dataset.profile, tags)


def verdicts_of(folder: Path) -> dict[str, str]:
    """Gate -> verdict of a gate's dataset."""
    return {row["gate"]: row["verdict"] for row in Dataset(folder).rows(["gate", "verdict"])}
