"""Which results in a workspace belong to the current run; an earlier run's datasets stay on disk, but do not count."""

import shlex
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.reading import Dataset, is_complete
from components.common.stage.yaml_text import read_yaml
from components.gates.checks import RUN
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE, step_params
from pipelines.steps import STEPS, Step


def current_steps(workspace: Workspace) -> list[Step]:
    """The steps, in pipeline order, whose results were made from today's inputs and parameters, and past every gate.

    A step counts only if every step before it does and no gate that it waits for stops the run.
    """
    values = read_yaml(workspace.root / FILE)
    makers = {name: step.name for step in STEPS.values() for name in step.outputs.values()}
    current: dict[str, Step] = {}
    for step in STEPS.values():
        before = {makers[name] for name in step.inputs.values()} | set(step.after)
        opened = before <= current.keys() and not any(stops(workspace, name) for name in step.after)
        if opened and _is_current(workspace, step, values):
            current[step.name] = step
    return list(current.values())


def _is_current(workspace: Workspace, step: Step, values: dict[str, Any]) -> bool:
    folders = workspace.outputs(step)
    if not all(map(is_complete, folders.values())) or not workspace.record(step).is_file():
        return False
    params = step_params(values, step)
    digests = {role: Dataset(folder).digest for role, folder in (workspace.inputs(step) | folders).items()}
    manifests = [Dataset(folder).manifest for folder in folders.values()]
    return all(
        manifest.params_digest == digest_value(params.identity()) and manifest.inputs.items() <= digests.items()
        for manifest in manifests
    )


def stops(workspace: Workspace, name: str) -> bool:
    """Whether the step of this name is a gate whose verdict stops a run."""
    return name in STEPS and any(row["stops"] for row in _verdicts(workspace, STEPS[name]))


def verdicts(workspace: Workspace) -> list[dict[str, Any]]:
    """The current gates' verdicts, in pipeline order, each with `stage`, and `stops`: it blocks and did not pass.

    A gate does not know its run's folder, so the commands of its next step say RUN, which is replaced here.
    """
    rows = [row | {"stage": step.name} for step in current_steps(workspace) for row in _verdicts(workspace, step)]
    folder = f" {shlex.quote(str(workspace.root))}`"
    return [row | {"next_step": row["next_step"].replace(f" {RUN}`", folder)} for row in rows]


def _verdicts(workspace: Workspace, step: Step) -> list[dict[str, Any]]:
    if not step.stage.gate or not is_complete(folder := workspace.outputs(step)["verdicts"]):
        return []
    rows = Dataset(folder).rows()
    return [row | {"stops": row["blocking"] and row["verdict"] != "pass"} for row in rows]
