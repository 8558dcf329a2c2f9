"""A workspace: the folder of one line of runs, holding params.yaml, dvc.yaml, dvc.lock and data/<dataset>/.

The project's own folder is the workspace of the default run; a run on other photographs gets runs/<name>.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.common.datasets import is_complete
from components.common.errors import UserError
from pipelines.parameters import FILE, read_step, render, resolve
from pipelines.steps import PIPELINES, STEPS, Step

PACKAGE = Path(__file__).parent.parent
PACKAGED = PACKAGE / "components" / "sandbox"
SANDBOX = "sandbox:"


@dataclass(frozen=True)
class Workspace:
    """root: the folder. All other paths follow from it."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / FILE

    def dataset(self, name: str) -> Path:
        return self.root / "data" / name

    def report(self, step: Step) -> Path:
        return self.root / "data" / "reports" / step.name

    @property
    def page(self) -> Path:
        return self.root / "data" / "report" / "index.html"

    def inputs(self, step: Step) -> dict[str, Path]:
        return {role: self.dataset(name) for role, name in step.inputs.items()}

    def outputs(self, step: Step) -> dict[str, Path]:
        return {role: self.dataset(name) for role, name in step.outputs.items()}

    def finished(self, step: Step) -> bool:
        return all(is_complete(folder) for folder in self.outputs(step).values())


def prepare(root: Path, profile: str, images: str, labels: str, overrides: dict[str, Any]) -> Workspace:
    """Makes (or brings up to date) the workspace of a run on other photographs than the default ones.

    Raises `UserError` if the photographs or labels are not there, or a parameter is wrong.
    """
    root.mkdir(parents=True, exist_ok=True)
    chosen = {"ingest.images": _as_seen_from(root, images), "ingest.labels": _as_seen_from(root, labels)}
    values = resolve(profile, chosen | overrides)
    _write_if_changed(root / FILE, render(values))
    _write_if_changed(root / "dvc.yaml", render_dvc(root))
    _write_if_changed(root / ".dvcignore", (PACKAGE / ".dvcignore").read_text(encoding="utf-8"))
    if not (root / ".dvc").is_dir():
        from dvc.repo import Repo

        Repo.init(str(root), no_scm=True).close()
    return Workspace(root)


def _as_seen_from(root: Path, source: str) -> str:
    """A local path as a run inside `root` names it; addresses such as s3:// and sandbox: stay as they are."""
    if not source or ":" in source:
        return source
    if not Path(source).exists():
        raise UserError(f"there is no {source}: name an existing folder of photographs and, if any, a CSV of labels")
    return os.path.relpath(Path(source).resolve(), root.resolve())


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def render_dvc(root: Path) -> str:
    """The dvc.yaml of a workspace: one stage a step, each depending on its code, data, models and parameters."""
    stages = {step.name: _dvc_stage(step, root) for step in STEPS.values()}
    metrics = [f"data/reports/{step.name}/metrics.json" for step in PIPELINES["full"]]
    document = {"stages": stages, "metrics": metrics, "plots": PLOTS}
    head = "# Made from pipelines/steps.py by `objectmate dvc`; tests hold the two together.\n"
    return head + yaml.safe_dump(document, sort_keys=False, width=120)


def _dvc_stage(step: Step, root: Path) -> dict[str, Any]:
    code = [os.path.relpath(PACKAGE / folder, root.resolve()) for folder in (step.room, "components/common")]
    data = [f"data/{name}" for name in (*step.inputs.values(), *step.after)]
    return {
        "cmd": f"objectmate stage {step.name}",
        "deps": [*code, *_files(step, root), *data],
        "params": [step.section],
        "outs": [{f"data/{name}": {"persist": True}} for name in step.outputs.values()] + [f"data/reports/{step.name}"],
    }


def _files(step: Step, root: Path) -> list[str]:
    """The files and folders that a step's parameters name; hub ids, addresses and empty values are no files."""
    params = read_step(root / FILE, step)
    found = [_local(str(getattr(params, key, "") or ""), root) for key in step.files]
    return [os.path.relpath(path.resolve(), root.resolve()) for path in found if path]


def _local(source: str, root: Path) -> Path | None:
    """Where a source lies on this machine's disk, if it does."""
    name = source.removeprefix(SANDBOX)
    places = [PACKAGED / "models" / name, PACKAGED / "world" / name] if name != source else [root / source]
    return next((path for path in places if source and path.exists()), None)


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
        *("photographs", "with_1_view", "with_3_views"),
    ),
    _plot("Loss, insertion", "train_insertion/plots/loss", "images", "loss"),
    _plot("Loss, generation", "train_generation/plots/loss", "images", "loss"),
]
