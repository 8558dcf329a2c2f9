"""Repairs a run: its own pipeline makes its dataset again, with the deny list."""

import os
from pathlib import Path

from components.common.data.files import write_atomically
from components.common.errors import GateStop, UserError
from components.common.stage.params import section
from components.common.stage.yaml_text import read_yaml
from components.ingest.params import DENIED
from pipelines.engines.again import started_in
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
    write_atomically(workspace.root / "dvc.yaml", render_dvc(workspace.root).encode())  # it now names the deny list
    try:
        run_pipeline(Request.of(workspace))
    except GateStop as stop:
        return str(stop)
    return ""


def refuse_elsewhere(workspace: Workspace) -> None:
    """A run is repaired where it was started, since its photographs and deny list are relative to that folder.

    Raises `UserError` if this is another one.
    """
    home = started_in(workspace.root) if workspace.identity.is_file() else workspace.root
    if home.resolve() != Path().resolve():
        named = os.path.relpath(workspace.root.resolve(), home.resolve())
        raise UserError(
            f"the run in {workspace.root} is repaired from the folder in which it was started: go to "
            f"{os.path.relpath(home.resolve())} and give --workspace {named}"
        )


def deny_list(workspace: Workspace) -> str:
    """The path or address of the deny list with which the datasets of a run are made again; empty if it has none.

    Raises `UserError` if it is not a text.
    """
    in_place = not workspace.identity.is_file() and Path(FILE).is_file()
    default = section(read_yaml(Path(FILE)), "ingest", FILE).get("denied", DENIED) if in_place else DENIED
    place = Request.of(workspace).asked().get("ingest.denied", default)
    if not isinstance(place, str):
        raise UserError(f"ingest.denied of the run in {workspace.root} is {place}, which is not the name of a file")
    return place


def local_deny_list(workspace: Workspace) -> Path:
    """The same as a file to write to. Raises `UserError` if it is not a local one."""
    place = deny_list(workspace)
    if not is_local(place):
        raise UserError(
            f"ingest.denied of the run in {workspace.root} is {place or 'empty'}, and a takedown writes to a file: "
            f"make the run with {DENIED} here, and copy that to a bucket for runs on a cluster"
        )
    return Path(place)
