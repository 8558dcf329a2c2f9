"""Rendering dvc.yaml: one stage for each step, with its code, data, models and parameters as dependencies."""

import os
from pathlib import Path
from typing import Any

import yaml

from components.common.data.sandbox import MODELS, WORLD, is_packaged, packaged
from components.common.data.storage import S3
from components.common.stage.params import StageParams
from pipelines.engines.collection import collection
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE, check, fields, step_params
from pipelines.steps import PIPELINES, STEPS, Step

PACKAGE = Path(__file__).parents[2]


def render_dvc(root: Path) -> str:
    """The dvc.yaml of a workspace: one stage per step, each depending on its code, data, models and parameters."""
    values, photographs = check(root / FILE), collection(root)
    stages: dict[str, Any] = {}
    for step in STEPS.values():
        sources = _sources(step, values)
        stages[step.name] = _dvc_stage(step, sources, _files(sources, root, photographs))
    metrics = [f"data/reports/{step.name}/metrics.json" for step in PIPELINES["full"]]
    document = {"stages": stages, "metrics": metrics, "plots": PLOTS}
    head = "# Made from pipelines/steps.py by `objectmate dvc`; tests keep the two in step.\n"
    return head + yaml.safe_dump(document, sort_keys=False, width=120)


def _dvc_stage(step: Step, sources: list[str], files: list[str]) -> dict[str, Any]:
    data = [f"data/{name}" for name in (*step.inputs.values(), *step.after)]
    return {
        "cmd": f"objectmate stage {step.name}",
        "deps": [step.stage.folder, "components/common", *files, *data],
        "params": _dvc_params(step.stage.params),
        # DVC cannot see whether a bucket has changed. The stage can; if the content is equal, later stages are skipped.
        **({"always_changed": True} if any(source.startswith(S3) for source in sources) else {}),
        "outs": [{f"data/{name}": {"persist": True}} for name in step.outputs.values()] + [f"data/reports/{step.name}"],
    }


def _dvc_params(params: type[StageParams]) -> list[str]:
    """The keys of params.yaml that decide a stage's result; a whole section by its name."""
    keys = [key for name, key in params.places().items() if name not in params.execution]
    whole = [key for key in fields() if key.startswith(f"{params.section}.")]
    if params.section and set(whole) <= set(keys):
        keys = [params.section] + [key for key in keys if key not in whole]
    return keys


def local_sources(workspace: Workspace, pipeline: str) -> list[Path]:
    """The files and folders outside the package that the parameters of a pipeline's stages name, absolute."""
    values = check(workspace.params)
    sources = {source for step in PIPELINES[pipeline] for source in _sources(step, values)}
    paths = [_local(source, workspace.root) for source in sources if not is_packaged(source)]
    return sorted(path.resolve() for path in paths if path)


def _sources(step: Step, values: dict[str, Any]) -> list[str]:
    """The files, folders, addresses and hub ids that a step's parameters name."""
    return [source for _, source in step_params(values, step).sources()]


def _files(sources: list[str], root: Path, photographs: Path | None) -> list[str]:
    """The sources that are files or folders on this machine, as dvc.yaml in `root` names them.

    photographs: their folder, which is represented by its record; this project's engine keeps that up to date.
    """
    local = [_local(source, root) for source in sources]
    record = Workspace(root).collection.relative_to(root).as_posix()
    names = [record if path == photographs else _seen_from(root, path.resolve()) for path in local if path]
    return [name.replace("${", "\\${") for name in names]  # DVC would substitute a value


def _seen_from(root: Path, path: Path) -> str:
    """A path as dvc.yaml names it. The package's own files go through the link `components`, the same everywhere."""
    package = PACKAGE.resolve()
    return os.path.relpath(path, package if path.is_relative_to(package / "components") else root.resolve())


def _local(source: str, root: Path) -> Path | None:
    """Where a source is on this machine's disk; None if it is not there."""
    places = [packaged(source, shelf) for shelf in (MODELS, WORLD)] if is_packaged(source) else [root / source]
    return next((path for path in places if path.exists()), None)


def _plot(title: str, file: str, x: str, *series: str) -> dict[str, Any]:
    path = f"data/reports/{file}.json"
    return {title: {"x": {path: x}, "y": {path: list(series)}, "x_label": x, "y_label": ""}}


PLOTS = [
    _plot(
        "Precision against threshold (paper: Figure 3a)",
        "calibration/plots/precision_against_threshold",
        *("threshold", "precision", "lower_bound"),
    ),
    _plot(
        "Similarity of the first three neighbours (Figure 3b)",
        "mining/plots/neighbour_similarity",
        *("similarity", "first", "second", "third"),
    ),
    _plot(
        "Recurrence against corpus size (Figure 3c)",
        "mining/plots/recurrence_against_corpus_size",
        *("photographs", "with_1_view", "with_min_views"),
    ),
    _plot("Loss, insertion", "train_insertion/plots/loss", "images", "loss"),
    _plot("Loss, generation", "train_generation/plots/loss", "images", "loss"),
]
