"""A run's name and parameters in MLflow: both say how it differs from the plain run."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from components.common.stage.yaml_text import read_yaml
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE, fields, resolve

OF_THE_RUN = {
    "images": "input", "tuples": "output", "model_insertion": "output", "model_generation": "output", "scores": "output"
}  # fmt: skip
"""The datasets in the record of a whole run; the records of its stages have all."""
LONGEST, SHORTENED = 200, 60
"""Most characters of all settings in a run's name (MLflow keeps 250 in all), and of one value."""


def differs(workspace: Workspace, request: Request) -> dict[str, Any]:
    """`section.key` -> value, for each setting that the user chose differently from the plain run.

    In a folder that has its own params.yaml, this is what differs in it from the embedded default.
    """
    if not request.in_place:
        asked = {"images": request.images, "labels": request.labels}
        asked |= {"profile": request.profile if request.profile != Request("full").profile else ""}
        return {key: value for key, value in asked.items() if value} | request.asked()
    values, plain = read_yaml(workspace.params), resolve(Request("full").profile)
    return {key: own for key in fields() if (own := _at(values, key)) != _at(plain, key)}


def _at(values: Mapping[str, Any], dotted: str) -> Any:
    for key in dotted.split("."):
        values = values.get(key, {}) if isinstance(values, Mapping) else {}
    return values


def run_name(workspace: Workspace, request: Request) -> str:
    """The run's name: its pipeline, and what differs from the plain run."""
    changed = [f"{key}={_shortened(str(value))}" for key, value in differs(workspace, request).items()]
    fitting = sum(length <= LONGEST for length in accumulate(len(each) + 2 for each in changed))
    rest = [f"and {len(changed) - fitting} more"] if len(changed) > fitting else []
    words = ", ".join([*changed[:fitting], *rest]) or "as embedded"
    return f"{request.pipeline}: {words}" + (f" ({request.engine})" if request.engine != "dvc" else "")


def _shortened(value: str) -> str:
    """The end of a long value, since addresses often begin alike."""
    return value if len(value) <= SHORTENED else f"...{value[3 - SHORTENED :]}"


def parent_params(workspace: Workspace, request: Request) -> dict[str, str]:
    """The run's identity, or what differs in its params.yaml, and the engine."""
    if request.in_place:
        own = {"settings": FILE} | differs(workspace, request)
    else:
        own = request.identity(workspace.root).entries()
    return {key: str(value) for key, value in ({"engine": request.engine} | own).items()}
