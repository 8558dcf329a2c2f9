"""Photographs, a benchmark and settings with which the profiles `open` and `paper` end their runs on random models."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hub_models import CARDS, MAKERS, encoder, make
from hub_server import Hub
from PIL import Image, ImageOps

from components.common.stage.running import execute
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.models.declared import declared
from pipelines.parameters import read_step, resolve
from pipelines.steps import PIPELINES, STEPS

WORLD = Path(__file__).parents[2] / "components" / "sandbox" / "world"
PRODUCTS, SUBJECTS = 6, 3
SMALL: Mapping[str, object] = {
    "device": "cpu",
    "benchmark": "benchmark",
    "crops.cell": 32,
    "ingest.licence": "CC0-1.0",
    "ingest.min_side": 64,
    "detection.min_side": 20,
    "removal.size": 64,
    "removal.steps": 2,
    "captioning.max_tokens": 6,
    "training.batch": 4,
    "training.precision": "fp32",
    "train_insertion.images": 8,
    "train_generation.images": 8,
    "training.validation_tuples": 4,
    "training.sampling_steps": 2,
    "evaluation.limit": 4,
    "evaluation.steps": 2,
    "evaluation.prompts_per_subject": 1,
}
"""Few steps and small pictures on a CPU."""
BLIND: Mapping[str, object] = {
    "calibration.window": "explicit",
    "calibration.low": 0.85,
    "calibration.high": 0.9999,
    "gates.vectors.min_effective_dimensions": 1.0,
    "gates.recurrence.blocking": False,
    "gates.tuples.blocking": False,
    "gates.model.blocking": False,
}
"""Random weights recognise nothing: a window by hand, and gates that say so without stopping the run."""
DETECTOR: Mapping[str, object] = {"detection.score": 0.0, "detection.max_objects": 1}


def options(*settings: Mapping[str, object]) -> list[str]:
    """Settings as `--set` takes them; later ones count."""
    merged = {key: value for each in settings for key, value in each.items()}
    return [f"{key}={json.dumps(value)}" for key, value in merged.items()]


def make_photographs(folder: Path) -> None:
    """Writes `folder`/shop, some rendered photographs with labels, and `folder`/benchmark, others in inverted colours,
    so that even a random encoder tells the two apart."""
    with (WORLD / "corpus" / "labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    frequent = {subject for subject, _ in Counter(row["subject"] for row in labels).most_common(PRODUCTS)}
    shown = {row["path"] for row in labels if row["subject"] in frequent}
    (folder / "shop" / "images").mkdir(parents=True)
    for path in shown:
        (folder / "shop" / path).write_bytes((WORLD / "corpus" / path).read_bytes())
    with (folder / "shop" / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, labels[0])
        table.writeheader()
        table.writerows(row for row in labels if row["path"] in shown)
    _make_benchmark(folder / "benchmark")


def _make_benchmark(folder: Path) -> None:
    coco = json.loads((WORLD / "benchmark" / "annotations.json").read_text())
    designs = sorted({each["design"] for each in coco["annotations"] if each.get("main", True)})[:SUBJECTS]
    kept = [each for each in coco["annotations"] if each["design"] in designs]
    images = [each for each in coco["images"] if each["id"] in {annotation["image_id"] for annotation in kept}]
    for name in (*(each["file_name"] for each in images), *(each["plate"] for each in kept if each.get("plate"))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        ImageOps.invert(Image.open(WORLD / "benchmark" / name).convert("RGB")).save(folder / name)
    (folder / "annotations.json").write_text(json.dumps(coco | {"images": images, "annotations": kept}))


def fill(hub: Hub) -> None:
    """Adds every model of the profile `open`, at the commit that the profile names, if it names one."""
    for reference in declared(resolve("open"), [*STEPS.values()]):
        model = reference.partition("@")[0]
        hub.add(reference, make(model), **CARDS.get(model, {}))
    assert hub.models.keys() == MAKERS.keys()


def make_paper(folder: Path) -> None:
    """Writes what the profile `paper` expects beside the photographs: an encoder and annotations."""
    encoder(folder / "models" / "guie")
    coco = json.loads((WORLD / "corpus" / "annotations.json").read_text())
    images = [each for each in coco["images"] if (folder / "shop" / each["file_name"]).exists()]
    kept = {each["id"] for each in images}
    boxes = [each for each in coco["annotations"] if each["image_id"] in kept]
    (folder / "annotations.json").write_text(json.dumps(coco | {"images": images, "annotations": boxes}))


def run_here(request: Request) -> Workspace:
    """The run of a request in this process, stage by stage, where `objectmate run` starts a process for each.

    A stage imports its libraries for seconds, so this is many times quicker.
    """
    prepared = check_run(request)
    prepared.write()
    home = Path.cwd()
    os.chdir(prepared.workspace.root)
    try:
        here = Workspace(Path())
        for step in PIPELINES[request.pipeline]:
            params = read_step(here.params, step)
            execute(step.stage, params, here.inputs(step), here.outputs(step), here.report(step))
    finally:
        os.chdir(home)
    return prepared.workspace


def request(pipeline: str, profile: str, workspace: str, *settings: str) -> Request:
    """The run of a profile on the photographs of `make_photographs`, in the current folder."""
    return Request(pipeline, "shop", "shop/labels.csv", profile, workspace=Path(workspace), overrides=settings)


if __name__ == "__main__":  # the hub's libraries read their settings on import, so each run has its own process
    run_here(request(*sys.argv[1:]))
