"""Repairs a run: its own pipeline makes its dataset again, with the deny list."""

from pathlib import Path

from components.common.errors import GateStop, UserError
from components.common.stage.yaml_text import read_yaml
from components.ingest.params import DENIED
from pipelines.engines.dvc_file import render_dvc
from pipelines.engines.identity import is_local
from pipelines.engines.request import Request
from pipelines.engines.run import run_pipeline
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE


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


def deny_list_of(workspace: Workspace) -> Path:
    """The deny list with which the datasets of a run are made again. Raises `UserError` if it is not a local file."""
    in_place = not workspace.identity.is_file() and Path(FILE).is_file()
    default = read_yaml(Path(FILE))["ingest"]["denied"] if in_place else DENIED
    place = Request.of(workspace).asked().get("ingest.denied", default)
    if not is_local(place):
        raise UserError(
            f"ingest.denied of the run in {workspace.root} is {place or 'empty'}, and a takedown writes to a file: "
            f"make the run with {DENIED} here, and copy that to a bucket for runs on a cluster"
        )
    return Path(place)
