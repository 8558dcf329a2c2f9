"""What Kubeflow's local runner has recorded of each task's artifacts, against the datasets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.common.data.files import read_json
from components.common.data.reading import Dataset
from components.common.data.verification import READABLE, UNREADABLE
from components.common.stage.kubeflow import artifact_metadata
from components.common.stage.report import METRICS
from pipelines.engines.local import task_name
from pipelines.engines.workspace import Workspace
from pipelines.lineage.check.finding import Finding, unequal, unequal_items
from pipelines.steps import STEPS, Step

OUTPUT = "executor_output.json"


class Scheduled:
    """The outputs of the tasks of the last Kubeflow run in the workspace. files: step -> its file."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        outputs = {path.parent.name: path for path in workspace.kubeflow.glob(f"*/*/{OUTPUT}")}
        self.files = {name: outputs[task_name(name)] for name in STEPS if task_name(name) in outputs}

    def dataset(self, step: Step, role: str, folder: Path) -> Iterator[Finding]:
        """The metadata of a dataset's artifact."""
        artifact = self._artifacts(step).get(role)
        if artifact is not None:  # else `step` says that the file cannot be read, or has no such artifact
            yield from unequal_items("metadata", artifact_metadata(Dataset(folder)), artifact["metadata"])

    def step(self, step: Step) -> Iterator[Finding]:
        """The rest of a task's artifacts: their names and addresses, and the metrics."""
        artifacts, file = self._artifacts(step), self.files[step.name]
        if not artifacts:
            yield Finding(OUTPUT, READABLE, UNREADABLE)
            return
        roles = sorted([*step.outputs, "report", "metrics"])
        yield from unequal("artifacts", roles, sorted(artifacts))
        yield from unequal("names", sorted(artifacts), sorted(str(each["name"]) for each in artifacts.values()))
        run = f"/{file.parent.parent.name}/{file.parent.name}/"
        heads = {str(each["uri"]).removesuffix(f"{run}{role}") for role, each in artifacts.items()}
        yield from unequal("addresses", "one folder", "one folder" if len(heads) == 1 else ", ".join(sorted(heads)))
        yield from unequal("metadata of report", {}, artifacts.get("report", {}).get("metadata"))
        metrics = read_json(self.workspace.report(step) / METRICS)
        expected = {key: float(value) for key, value in metrics.items()}
        yield from unequal_items("metric", expected, artifacts.get("metrics", {}).get("metadata", {}))

    def _artifacts(self, step: Step) -> dict[str, dict[str, Any]]:
        """Role -> name, address and metadata; empty if the file cannot be read."""
        try:
            listed = json.loads(self.files[step.name].read_text(encoding="utf-8"))["artifacts"]
            artifacts = {role: dict(each["artifacts"][0]) for role, each in listed.items()}
            return artifacts if all({"name", "uri", "metadata"} <= each.keys() for each in artifacts.values()) else {}
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return {}
