"""Base models from a rendered split: tuples are cut right, and the whole chain runs on a few made-up photographs."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel

from components.common.data.reading import Dataset
from components.common.diffusion.pipeline import GridPipeline
from components.sandbox.training import autoencoder, blank_bases, tuples
from components.sandbox.training.crops import read_split
from components.sandbox.training.train_bases import Lengths, train_bases
from components.sandbox.training.train_clip import LENGTH, build_tokenizer

SIDE, VIEWS = 128, 5
COLOURS = {"mug": (220, 40, 30), "box": (30, 60, 210), "can": (40, 180, 60)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three designs, flat squares of one colour, in five photographs each, on a grey that differs per photograph."""
    folder, rng = tmp_path_factory.mktemp("world"), np.random.default_rng(0)
    images, annotations = [], []
    for part in ("images", "plates"):
        (folder / part).mkdir()
    for design, colour in COLOURS.items():
        for _ in range(VIEWS):
            name, (x, y) = f"{len(images):05d}", rng.integers(10, 70, 2).tolist()
            plate = np.full((SIDE, SIDE, 3), rng.integers(90, 200), np.uint8)
            photo = plate.copy()
            photo[y : y + 40, x : x + 32] = colour
            Image.fromarray(photo).save(folder / f"images/{name}.jpg", quality=95)
            Image.fromarray(plate).save(folder / f"plates/{name}_0.jpg", quality=95)
            size = {"width": SIDE, "height": SIDE, "duplicate_of": None}
            images.append({"id": len(images) + 1, "file_name": f"images/{name}.jpg", **size})
            annotations.append(
                {"image_id": len(images), "bbox": [x, y, 32, 40], "design": design, "plate": f"plates/{name}_0.jpg",
                 "mask": f"masks/{name}_0.png",
                 "caption": f"a {design}", "attributes": {"group": len(design) * 7 + ord(design[0])}}
            )  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random text tower with the sandbox's tokenizer."""
    tokenizer, folder = build_tokenizer(), tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=LENGTH, pad_token_id=0, bos_token_id=1, eos_token_id=3,
    )  # fmt: skip
    CLIPTextModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def pixels(dataset: Dataset, row: dict, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(dataset.blob(row, name))).convert("RGB"), np.float32)


def test_tuples_are_what_they_claim(world: Path, tmp_path: Path) -> None:
    tuples.run({"world": world}, {"tuples": tmp_path}, tuples.Params(copies=2, recolour=False))
    dataset = Dataset(tmp_path)
    rows = dataset.rows()
    assert len(rows) == 2 * VIEWS * len(COLOURS)
    for row in rows:
        assert row["anchor"] not in row["refs"] and len(set(row["refs"])) == 3
        target, plate, mask = (pixels(dataset, row, name) for name in ("target", "background", "mask"))
        inside, changed = mask[..., 0] > 0, np.abs(target - plate).max(-1) > 30
        assert changed.any() and (changed & ~inside).sum() < 0.3 * changed.sum()  # except for the rim
        colour = COLOURS[row["caption"].removeprefix("a ")]
        assert np.abs(pixels(dataset, row, "ref0")[16, 16] - colour).max() < 40


def test_objects_of_two_splits_are_kept_apart(world: Path, tmp_path: Path) -> None:
    other = shutil.copytree(world, tmp_path / "other")
    tuples.run({"one": world, "two": other}, {"tuples": tmp_path / "tuples"}, tuples.Params(copies=1))
    rows = Dataset(tmp_path / "tuples").rows()
    count = VIEWS * len(COLOURS)
    assert {row["anchor"] for row in rows} == set(range(2 * count))
    assert all((row["anchor"] < count) == (ref < count) for row in rows for ref in row["refs"])
    assert len({parent for row in rows for parent in row["parents"]}) == 2 * count


def test_recolouring_is_shared_by_all_pictures_of_a_tuple(world: Path, tmp_path: Path) -> None:
    tuples.run({"world": world}, {"tuples": tmp_path}, tuples.Params(copies=4))
    dataset = Dataset(tmp_path)
    rows = dataset.rows()
    seen = set()
    for row in rows:
        centres = [pixels(dataset, row, f"ref{k}")[16, 16] for k in range(3)]
        assert np.abs(np.ptp(centres, axis=0)).max() < 40
        seen.add(tuple((centres[0] // 64).tolist()))
    assert len(seen) > 2 * len(COLOURS)


def test_tuples_killed_and_resumed_are_byte_identical(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, real, calls = tuples.Params(copies=2, part_rows=10), tuples._tuple, []
    tuples.run({"world": world}, {"tuples": tmp_path / "whole"}, params)

    def dying(*args: object) -> object:
        calls.append(args)
        if len(calls) > 14:
            raise RuntimeError("killed")
        return real(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(tuples, "_tuple", dying)
        tuples.run({"world": world}, {"tuples": tmp_path / "cut"}, params)
    tuples.run({"world": world}, {"tuples": tmp_path / "cut"}, params)
    whole, cut = (sorted((tmp_path / name).iterdir()) for name in ("whole", "cut"))
    assert [p.name for p in whole] == [p.name for p in cut]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(whole, cut, strict=True))


def test_the_autoencoder_learns(world: Path) -> None:
    photos = read_split(world)
    short, longer = (autoencoder.train(world, steps) for steps in (2, 60))
    assert autoencoder.psnr(longer, photos, 32) > autoencoder.psnr(short, photos, 32) + 3


def test_generation_starts_from_the_insertion_model(clip: str) -> None:
    unet = blank_bases.blank_unet(blank_bases.INSERTION_CHANNELS, 16).eval()
    noisy, scene = torch.randn(1, 8, 32, 32), torch.zeros(1, 9, 32, 32)
    text, time = torch.randn(1, 4, 16), torch.tensor([300.0])
    with torch.no_grad():
        before = unet(torch.cat([noisy, scene], 1), time, text, return_dict=False)[0]
        after = blank_bases.without_scene(unet)(noisy, time, text, return_dict=False)[0]
    assert torch.allclose(before, after, atol=1e-5) and unet.config.in_channels == 8


def test_the_chain_ends_in_two_loadable_bases(world: Path, clip: str, tmp_path: Path) -> None:
    out, lengths = tmp_path / "models", Lengths(insertion=128, generation=128, autoencoder=2, measured=2)
    figures = train_bases([world], out, tmp_path / "work", lengths, clip, held_out=[world])
    assert {f"{task}_reference_gap ({world.name})" for task in ("insertion", "generation")} <= figures.keys()
    for task, inserts in (("insertion", True), ("generation", False)):
        assert GridPipeline.from_pretrained(out / f"base_{task}").inserts is inserts
        assert "reference_gap" in (out / f"base_{task}" / "README.md").read_text()
