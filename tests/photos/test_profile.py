"""The profile `photos` as it ships: the committed head, and a run from photographs to tuples."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import load_file

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.running import execute
from components.common.vision.encoders import load_encoder
from components.common.vision.lite import HEAD, HEADS, PROVIDED, read_backbone
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import PIPELINES

PRODUCTS, EACH = 2, 4


def product(number: int, view: int) -> Image.Image:
    """A square or disc of rings in front of a blurred ground that differs from view to view."""
    rng = np.random.default_rng([number, view])
    ground = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (320, 240), Image.Resampling.BICUBIC
    )
    picture = ground.filter(ImageFilter.GaussianBlur(20))
    draw, left, top = ImageDraw.Draw(picture), 100 + int(rng.integers(30)), 60 + int(rng.integers(30))
    colours = np.random.default_rng(number).integers(0, 256, (7, 3)).tolist()
    for ring, colour in enumerate(colours):
        inset = 8 * ring
        box = (left + inset, top + inset, left + 110 - inset, top + 110 - inset)
        (draw.ellipse if number else draw.rectangle)(box, fill=tuple(colour))
    return picture


def test_photographs_are_kept_apart_from_no_benchmark_and_evaluation_asks_for_one(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    Image.new("RGB", (80, 80)).save(tmp_path / "shop" / "a.png")
    images, elsewhere = str(tmp_path / "shop"), tmp_path / "run"
    values = check_run(Request("dataset", images, profile="photos", workspace=elsewhere)).values
    assert values and values["benchmark"] == ""
    request = Request("full", images, workspace=elsewhere, overrides=['benchmark=""'])
    with pytest.raises(UserError, match="evaluation needs a benchmark"):
        check_run(request)


def test_the_committed_head_is_the_one_that_its_card_describes() -> None:
    encoder = load_encoder("photos:ir", mirror=True)
    assert encoder.dim == 192 and encoder.side == 256
    assert "as 192 logits" in (HEADS / "ir/README.md").read_text(encoding="utf-8")
    stored, backbone = load_file(HEADS / "ir" / HEAD), read_backbone(PROVIDED["ir"])
    tuned = {name.removeprefix("efficientnet."): stored[name] for name in stored if name.startswith("efficientnet.")}
    assert len(tuned) == 11 and tuned.keys() < backbone.keys()
    assert not any(torch.equal(tensor.float(), backbone[name].half().float()) for name, tensor in tuned.items())
    one, again, other = encoder.embed([product(0, 0), product(0, 1), product(1, 0)])
    assert one @ again > 0.85 and one @ other < 0.75


@pytest.mark.pipeline
def test_photographs_become_tuples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    names = [(f"{number}-{view}.png", f"box {number}") for number in range(PRODUCTS) for view in range(EACH)]
    for name, _ in names:
        number, view = (int(part) for part in name.removesuffix(".png").split("-"))
        product(number, view).save(tmp_path / "shop" / name)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "subject"), *names])
    monkeypatch.chdir(tmp_path)
    # Two products span one dimension, and their rings are as smooth as what takes their place.
    few = ["gates.vectors.min_effective_dimensions=1", "gates.tuples.min_clean_share=0.5"]
    prepared = check_run(Request("dataset", "shop", "labels.csv", "photos", workspace=Path("run"), overrides=few))
    prepared.write()
    monkeypatch.chdir(tmp_path / "run")
    here = Workspace(Path())
    for step in PIPELINES["dataset"]:
        execute(step.stage, read_step(here.params, step), here.inputs(step), here.outputs(step), here.report(step))
    sets = Dataset(here.dataset("sets")).rows(["anchor", "views"])
    shown = [name for _, name in names]
    assert sets and all(shown[view] == shown[row["anchor"]] for row in sets for view in row["views"])
    tuples = Dataset(here.dataset("tuples")).rows(["caption"])
    assert tuples and {row["caption"] for row in tuples} == {"a product"}
