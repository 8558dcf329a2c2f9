"""From labelled runs to a model folder that mines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from typer.testing import CliRunner

from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.common.vision.encoders import load_encoder
from components.common.vision.images import dhashes, encode_png
from components.photos.labelled import labelled_crops
from components.photos.recipe import Recipe
from components.photos.train import HEAD, train_photos
from components.photos.views import augmented
from pipelines.cli.app import app

SUBJECTS, EACH = 8, 3


def picture(subject: int, view: int) -> Image.Image:
    """A disc in the subject's colour on a ground that changes with the view."""
    image = Image.new("RGB", (48, 48), (60 + 50 * view, 90, 120))
    colour = tuple(np.random.default_rng(subject).integers(0, 256, 3).tolist())
    ImageDraw.Draw(image).ellipse((8 + view, 8, 40, 40), fill=colour)
    return image


def _row(run: str, row: int, image: Image.Image) -> dict[str, Any]:
    plain, flipped = dhashes(image)
    place = {"x": 0.0, "y": 0.0, "w": 48.0, "h": 48.0, "category": "product", "score": 1.0}
    names = {"object_id": f"{run}-{row}", "row": row, "image_id": f"{row:064d}"}
    return names | place | {"dhash": plain, "dhash_flipped": flipped}


def write_run(run: Path, labelled: bool = True) -> Path:
    """A run's objects and identities, as detection and calibration leave them; the last object has no label."""
    pictures = [picture(subject, view) for subject in range(SUBJECTS) for view in range(EACH)]
    rows = [_row(run.name, row, image) for row, image in enumerate(pictures)]
    images = [{"image_id": row["image_id"], "uri": f"{row['row']}.png", "width": 48, "height": 48, "format": "PNG",
               "bytes": 9, "dhash": bytes(32), "dhash_flipped": bytes(32), "collection": "test", "licence": "CC0-1.0",
               "train_ai": "unknown"}
              for row in rows]  # fmt: skip
    with Writer(run / "data/images", "images", "test", {}, StageParams()) as out:
        out.write(0, images, [{"image.png": b""}] * len(images))
    with Writer(run / "data/objects", "objects", "test", {}, StageParams()) as out:
        out.write(0, rows, [{"crop.png": encode_png(image)} for image in pictures])
    named = [{"row": row, "subject": f"s{row // EACH}", "photograph": row} for row in range(len(rows) - 1)]
    with Writer(run / "data/identities", "identities", "test", {}, StageParams()) as out:
        out.write(0, named if labelled else [])
    return run


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def test_objects_come_with_their_labels(tmp_path: Path) -> None:
    crops = labelled_crops([write_run(tmp_path / "one"), write_run(tmp_path / "two")])
    assert len(crops) == 2 * (SUBJECTS * EACH - 1)  # without the ones that nobody labelled
    assert [crop.subject for crop in crops[:4]] == ["s0", "s0", "s0", "s1"]
    assert {crop.run for crop in crops} == {"one", "two"}
    assert crops[5].picture.tobytes() == picture(1, 2).tobytes()


@pytest.mark.parametrize("tail_steps", [0, 1])
def test_a_model_folder_with_its_card_is_made(tail_steps: int, tmp_path: Path) -> None:
    run, output = write_run(tmp_path / "shop"), tmp_path / "models/mine"
    options = ["--output", str(output), "--steps", "5", "--tail-steps", str(tail_steps), "--views", "2"]
    done = CliRunner().invoke(app, ["photos", "train", str(run), *options])
    assert done.exit_code == 0, done.output
    assert "--set models.ir=" in done.output and "shop" in done.output
    encoder = load_encoder(str(output), mirror=True)
    vectors = encoder.embed([picture(0, 0), picture(0, 1)])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    card = (output / "README.md").read_text(encoding="utf-8")
    assert "| shop | 23 | 8 | 0 | CC0-1.0 (23) |" in card and "kept part alone" in card and "efficientnet-lite2" in card
    assert ("| without tuning |" in card and "tail steps 1" in card) == bool(tail_steps)
    assert len(load_file(output / HEAD)) == (13 if tail_steps else 2)
    assert (output / HEAD).stat().st_size < (8_000_000 if tail_steps else 2_000_000)


def test_refusals_are_one_sentence(tmp_path: Path) -> None:
    unlabelled = write_run(tmp_path / "unlabelled", labelled=False)
    with pytest.raises(
        UserError,
        match=r"in unlabelled, 0 products are labelled .*, and training needs 8: run with --labels",
    ):
        train_photos([unlabelled], tmp_path / "out", Recipe())
    with pytest.raises(UserError, match=r"nowhere has no images: name the folder of a run"):
        train_photos([tmp_path / "nowhere"], tmp_path / "out", Recipe())
    one = write_run(tmp_path / "one")
    with pytest.raises(UserError, match="two of the runs have the same name"):
        train_photos([one, one], tmp_path / "out", Recipe())
    with pytest.raises(UserError, match="exists: name another folder"):
        train_photos([unlabelled], tmp_path, Recipe())


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (48, 48)])
def test_any_crop_can_be_augmented_and_repeats(size: tuple[int, int]) -> None:
    image = Image.effect_noise(size, 60).convert("RGB")
    for seed in range(5):
        first, again = (augmented(image, np.random.default_rng(seed)) for _ in range(2))
        assert first.tobytes() == again.tobytes() and min(first.size) >= 1
