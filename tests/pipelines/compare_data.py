"""Finished runs with scores and pictures made by hand, for the tests of comparing and promoting."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from lineage_data import Made, make_run
from PIL import Image
from workspace_data import VERDICT, make_step

from components.common.data.writing import Writer
from components.common.vision.images import encode_png
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS

SUBJECTS = 24
SPEC = "s" * 64
Values = Mapping[str, Sequence[float]]
"""Metric of insertion -> a value for each subject."""


def base(seed: int = 0) -> dict[str, np.ndarray]:
    """Scores as a trained model gets them: subjects differ by far more than two models do."""
    rng = np.random.default_rng(seed)
    identity = {name: np.clip(0.85 + 0.2 * rng.normal(size=SUBJECTS), -1, 1) for name in ("second_ir", "ir", "dino")}
    return identity | {"object_error": 0.1 + 0.02 * rng.random(SUBJECTS)}


@patch("os.fsync", new=lambda _: None)  # small files, which need not outlive a power failure
def scored_run(
    root: Path,
    values: Values,
    spec: str = SPEC,
    subject: str = "mug",
    benchmark: str = "b" * 64,
    contents: Mapping[str, str] | None = None,
    side: int = 32,
    others: Mapping[str, Values] | None = None,
    **params: Any,
) -> Workspace:
    """A run of all steps whose model got these scores on insertion, with a picture of each sample.

    others: the scores of other systems.
    """
    workspace = make_run(root, Made(params=params, contents=contents or {}))
    rows = list(score_rows("objectmate", values, spec, subject))
    lower = {name: np.asarray(own) - 0.5 for name, own in values.items()}
    for system, own in {"shuffled-refs": lower, **(others or {})}.items():
        rows += score_rows(system, own, spec, subject)
    evaluation = STEPS["evaluation"]
    inputs, given = workspace.inputs(evaluation), read_step(workspace.params, evaluation)
    models = {"benchmark": benchmark}
    for name in ("samples", "scores"):
        shutil.rmtree(workspace.dataset(name))
    drawn = [{"system": "objectmate", "benchmark": "insertion"} | _sample(k, subject) for k in range(SUBJECTS)]
    random = np.random.default_rng(int(1000 * abs(float(values["ir"][0]))))
    noise = random.integers(0, 255, (SUBJECTS, side, side, 3), np.uint8)
    with Writer(workspace.dataset("samples"), "samples", "evaluation", inputs, given, models) as out:
        out.write(0, drawn, [{"image.png": encode_png(Image.fromarray(each))} for each in noise])
    read = inputs | {"samples": workspace.dataset("samples")}
    with Writer(workspace.dataset("scores"), "scores", "evaluation", read, given, models) as out:
        out.write(0, rows)
    judge(workspace)
    return workspace


def judge(workspace: Workspace, **verdict: Any) -> None:
    """The model gate's verdict on the scores that are there: pass, with changes."""
    shutil.rmtree(workspace.dataset("gate_model"))
    make_step(workspace, STEPS["gate_model"], **VERDICT | {"gate": "model", "next_step": ""} | verdict)


def _sample(number: int, subject: str) -> dict[str, str]:
    return {"subject": f"{subject}-{number}", "sample": f"{subject}-{number}-0"}


def score_rows(system: str, values: Values, spec: str, subject: str) -> list[dict[str, Any]]:
    keys = {"system": system, "benchmark": "insertion", "spec_digest": spec}
    return [
        keys | _sample(number, subject) | {"metric": metric, "value": float(value)}
        for metric, own in values.items()
        for number, value in enumerate(own)
    ]
