"""A workspace: the folder of one line of runs, holding params.yaml, dvc.yaml, dvc.lock and data/<dataset>/.

The project's own folder is the workspace of the default run; a run on other photographs gets runs/<name>.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.common.data.sandbox import MODELS, WORLD, is_packaged, packaged
from components.common.data.storage import S3
from components.common.errors import UserError
from components.common.stage.params import StageParams
from pipelines.parameters import FILE, fields, read_step, refuse_unpinned, render, resolve
from pipelines.steps import PIPELINES, STEPS, Step

PACKAGE = Path(__file__).parents[2]
DVCIGNORE = """\
# Times and hosts differ between runs that made the same data; they are kept beside a dataset, not inside its identity.
run.json
# The marker and the part records of a dataset in the making, and which code made it.
_unfinished.json
_finished.json
*.part.json
__pycache__/
*.pyc
# The page of `dvc plots show`.
/dvc_plots/
# The compiled kernel: another build of it gives the same pairs.
*.so
"""
"""What of a workspace is no part of any dataset's identity; the project's own .dvcignore is the same."""


@dataclass(frozen=True)
class Workspace:
    """root: the folder. All other paths follow from it."""

    root: Path

    @property
    def params(self) -> Path:
        """The file of all parameters."""
        return self.root / FILE

    def dataset(self, name: str) -> Path:
        """The folder of a dataset, whether it is there or not."""
        return self.root / "data" / name

    def report(self, step: Step) -> Path:
        """The folder of a step's report and run.json."""
        return self.root / "data" / "reports" / step.name

    @property
    def page(self) -> Path:
        """The report page."""
        return self.root / "data" / "report" / "index.html"

    @property
    def recorded(self) -> Path:
        """A mark that the page and MLflow's record of the last run are there."""
        return self.page.with_name("recorded")

    def inputs(self, step: Step) -> dict[str, Path]:
        """Role -> folder of each dataset that a step reads."""
        return {role: self.dataset(name) for role, name in step.inputs.items()}

    def outputs(self, step: Step) -> dict[str, Path]:
        """Role -> folder of each dataset that a step makes."""
        return {role: self.dataset(name) for role, name in step.outputs.items()}


def prepare(
    root: Path, profile: str, images: str, labels: str, overrides: dict[str, Any], steps: Sequence[Step]
) -> Workspace:
    """Makes (or brings up to date) the workspace of a run on other photographs than the default ones.

    steps: those that are to be run. Raises `UserError`, before anything is made, if the photographs or labels are not
    there, a parameter is wrong, or a hub model of the steps has no pinned revision.
    """
    _refuse_absent(images, labels)
    chosen = {"ingest.images": _as_seen_from(root, images), "ingest.labels": _as_seen_from(root, labels)}
    values = resolve(profile, chosen | overrides)
    refuse_unpinned(values, steps, root)
    root.mkdir(parents=True, exist_ok=True)
    _write_if_changed(root / FILE, render(values))
    _write_if_changed(root / "dvc.yaml", render_dvc(root))
    _write_if_changed(root / ".dvcignore", DVCIGNORE)
    if not (root / ".dvc").is_dir():
        from dvc.repo import Repo

        Repo.init(str(root), no_scm=True).close()
    return Workspace(root)


def _is_local(source: str) -> bool:
    return bool(source) and ":" not in source


def _refuse_absent(images: str, labels: str) -> None:
    """Checks local paths, which the stages would name as they are seen from the workspace."""
    for source in filter(_is_local, (images, labels)):
        if not Path(source).exists():
            raise UserError(f"there is no {source}: name a folder of photographs and, if there is one, a CSV of labels")
    if _is_local(images) and not Path(images).is_dir():
        raise UserError(f"--images {images} is a file: name the folder that holds the photographs")
    if _is_local(labels) and Path(labels).is_dir():
        raise UserError(f"--labels {labels} is a folder: name the CSV file of labels")


def _as_seen_from(root: Path, source: str) -> str:
    """A local path as a run inside `root` names it; addresses such as s3:// and sandbox: stay as they are."""
    return os.path.relpath(Path(source).resolve(), root.resolve()) if _is_local(source) else source


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
    sources = _sources(step, root)
    code = [os.path.relpath(PACKAGE / folder, root.resolve()) for folder in (step.stage.folder, "components/common")]
    data = [f"data/{name}" for name in (*step.inputs.values(), *step.after)]
    return {
        "cmd": f"objectmate stage {step.name}",
        "deps": [*code, *_files(sources, root), *data],
        "params": _dvc_params(step.stage.params),
        # DVC cannot see whether a bucket has changed; the stage itself does, and equal content stops the run there.
        **({"always_changed": True} if any(source.startswith(S3) for source in sources) else {}),
        "outs": [{f"data/{name}": {"persist": True}} for name in step.outputs.values()] + [f"data/reports/{step.name}"],
    }


def _dvc_params(params: type[StageParams]) -> list[str]:
    """The keys of params.yaml that decide a stage's result, whole sections by their name."""
    keys = [key for name, key in params.places().items() if name not in params.execution]
    whole = [key for key in fields() if key.rpartition(".")[0] == params.section]
    if params.section and set(whole) <= set(keys):
        keys = [params.section] + [key for key in keys if key not in whole]
    return keys


def local_sources(workspace: Workspace, pipeline: str) -> list[Path]:
    """The files and folders outside the package that the parameters of a pipeline's stages name, absolute."""
    sources = {source for step in PIPELINES[pipeline] for source in _sources(step, workspace.root)}
    found = [_local(source, workspace.root) for source in sources if not is_packaged(source)]
    return sorted(path.resolve() for path in found if path)


def _sources(step: Step, root: Path) -> list[str]:
    """The files, folders, addresses and hub ids that a step's parameters name, one or several a parameter."""
    return [source for _, source in read_step(root / FILE, step).sources()]


def _files(sources: list[str], root: Path) -> list[str]:
    """The sources that are files or folders on this machine, as seen from `root`."""
    found = [_local(source, root) for source in sources]
    return [os.path.relpath(path.resolve(), root.resolve()) for path in found if path]


def _local(source: str, root: Path) -> Path | None:
    """Where a source lies on this machine's disk, if it does."""
    shelves = MODELS, WORLD
    places = [packaged(source, shelf) for shelf in shelves] if is_packaged(source) else [root / source]
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
