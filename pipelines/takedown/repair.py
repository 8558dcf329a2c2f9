"""The repaired version of a run: its own pipeline makes its dataset again, with the deny list."""

import os
from pathlib import Path
from typing import Any

import yaml

from components.common.errors import GateStop, UserError
from components.common.stage.yaml_text import read_yaml
from components.ingest.params import DENIED
from pipelines.engines.dvc_file import render_dvc
from pipelines.engines.identity import Identity, is_local
from pipelines.engines.request import Request, moved
from pipelines.engines.run import run_pipeline
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE


def repair(workspace: Workspace) -> str:
    """Makes the datasets of a run again without what is denied, gates included.

    Returns the sentence of the gate that stopped it; empty if all passed.
    """
    (workspace.root / "dvc.yaml").write_text(render_dvc(workspace.root), encoding="utf-8")  # it now names the deny list
    try:
        run_pipeline(request_of(workspace))
    except GateStop as stop:
        return str(stop)
    return ""


def request_of(workspace: Workspace) -> Request:
    """The request that made a run, for its dataset.

    The embedded photographs are not named in it: to name them would give them the settings of other photographs.
    """
    if not workspace.identity.is_file():
        return Request("dataset")
    identity = Identity(**yaml.safe_load(workspace.identity.read_text(encoding="utf-8")))
    settings: dict[str, Any] = moved(identity.settings, workspace.root, Path())
    images, labels = (_from_here(workspace.root, source) for source in (identity.images, identity.labels))
    images = "" if labels and images == Request("dataset").sources[0] else images
    overrides = [f"{key}={yaml.safe_dump(value, default_flow_style=True).strip()}" for key, value in settings.items()]
    return Request("dataset", images, labels, identity.profile, workspace=workspace.root, overrides=overrides)


def deny_list_of(workspace: Workspace) -> Path:
    """The deny list with which the datasets of a run are made again. Raises `UserError` if it is not a local file."""
    in_place = not workspace.identity.is_file() and Path(FILE).is_file()
    named = read_yaml(Path(FILE))["ingest"]["denied"] if in_place else DENIED
    place = request_of(workspace).asked().get("ingest.denied", named)
    if not is_local(place):
        raise UserError(
            f"ingest.denied of the run in {workspace.root} is {place or 'empty'}, and a takedown writes to a file: "
            f"make the run with {DENIED} here, and copy that to a bucket for runs on a cluster"
        )
    return Path(place)


def _from_here(root: Path, source: str) -> str:
    return os.path.relpath(root / source) if is_local(source) else source
