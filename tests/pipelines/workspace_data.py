"""A workspace in which every step has run, made of empty datasets."""

import json
from pathlib import Path
from typing import Any

from components.common.data.writing import Writer
from components.common.stage.report import Report
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step, render, resolve
from pipelines.steps import STEPS, Step

VERDICT: dict[str, Any] = {
    "gate": "retrieval-precision",
    "verdict": "pass",
    "blocking": True,
    "observed": 0.66,
    "limit": 0.7,
    "reason": "12 pairs are labelled",
    "next_step": "label 40 more",
}


def make_workspace(root: Path, **overrides: Any) -> Workspace:
    """The workspace after a run of all steps with the parameters `section.key` = value."""
    root.mkdir(exist_ok=True)
    workspace = Workspace(root)
    workspace.params.write_text(render(resolve("sandbox", overrides)))
    for step in STEPS.values():
        make_step(workspace, step)
    return workspace


def make_step(workspace: Workspace, step: Step, report: Report | None = None, **verdict: Any) -> None:
    """Writes what running the step would leave behind; a gate's verdict is `VERDICT` with changes."""
    params, inputs = read_step(workspace.params, step), workspace.inputs(step)
    for role, folder in workspace.outputs(step).items():
        with Writer(folder, step.stage.outputs[role], step.name, inputs, params) as out:
            out.write(0, [VERDICT | verdict] if role == "verdicts" else [])
    record = {"stage": step.name, "started_at": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "host": "h", "commit": "c"}
    (report or Report()).save(workspace.report(step))
    (workspace.report(step) / "run.json").write_text(json.dumps(record))
