"""Repairs a run: its own pipeline makes its dataset again, with the deny list."""

from components.common.errors import GateStop
from pipelines.engines.dvc_file import render_dvc
from pipelines.engines.request import Request
from pipelines.engines.run import run_pipeline
from pipelines.engines.workspace import Workspace


def repair(workspace: Workspace) -> str:
    """Makes the datasets of a run again without what is denied, gates included.

    Returns the sentence of the gate that stopped it; empty if all passed.
    """
    (workspace.root / "dvc.yaml").write_text(render_dvc(workspace.root), encoding="utf-8")  # it now names the deny list
    try:
        run_pipeline(Request.of(workspace))
    except GateStop as stop:
        return str(stop)
    return ""
