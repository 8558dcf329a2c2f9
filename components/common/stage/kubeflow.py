"""What the KFP doors share: which image a stage runs in, and how artifacts become folders."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.common.errors import ShareDone
from components.common.stage.params import Share
from components.common.stage.running import execute

FAMILIES = ("data", "vision", "mining", "training", "gates")


def image(family: str) -> str:
    """The container image of one of the `FAMILIES`.

    Set OBJECTMATE_IMAGE_<FAMILY> to an image with its digest when compiling for a cluster; the default name is that of
    a locally built image.
    """
    return os.environ.get(variable(family), f"localhost/objectmate-{family}:dev")


def variable(family: str) -> str:
    """The environment variable that names a family's image."""
    return f"OBJECTMATE_IMAGE_{family.upper()}"


def has_digest(name: str) -> bool:
    """Whether an image's name says what is in it: a tag can move, a digest cannot."""
    return bool(re.search(r"@sha256:[0-9a-f]{64}$", name))


def run_component(
    run: str,
    params_class: str,
    name: str,
    params: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    report: Any,
    metrics: Any,
    shares: Sequence[Any] = (),
) -> None:
    """Runs a stage on KFP artifacts: each is a folder; digests and row counts become artifact metadata.

    params: the stage's section of params.yaml as JSON text, since a KFP struct knows no null and turns 1 into 1.0.
    shares: what `run_share` made of the stage; the rest is made here.

    Raises what the stage raises, so that a failed stage or a gate that did not pass fails the task.
    """
    from components.common.data.reading import Dataset
    from components.common.data.shares import gather

    folders = {role: Path(artifact.path) for role, artifact in outputs.items()}
    gather([Path(share.path) for share in shares], folders)
    result = execute(
        run,
        json.loads(params),
        {role: Path(artifact.path) for role, artifact in inputs.items()},
        folders,
        Path(report.path),
        params_class,
        name,
    )
    for role, artifact in outputs.items():
        made = Dataset(folders[role])
        artifact.metadata |= {"digest": made.digest, "rows": len(made), "kind": made.manifest.kind}
    for key, value in result.metrics.items():
        metrics.log_metric(key, float(value))
    Path(metrics.path).touch()  # KFP's cache needs the file to exist, even where there is nothing to log


def run_share(
    run: str, params_class: str, name: str, params: str, share: str, inputs: Mapping[str, Any], roles: str, part: Any
) -> None:
    """Makes one worker's share of a stage, in a folder a role below `part`; `run_component` gathers them.

    share: such as `2/5`. roles: the stage's outputs, as words. Raises what the stage raises.
    """
    folder = Path(part.path)
    values = {**json.loads(params), "only": Share.read(share)}
    outputs = {role: folder / role for role in roles.split()}
    try:
        execute(run, values, {role: Path(a.path) for role, a in inputs.items()}, outputs, folder, params_class, name)
    except ShareDone:
        part.metadata["share"] = share
