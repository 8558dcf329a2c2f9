"""Each training function on a handful of photographs: the loss falls, and the stored folder loads offline."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModelForObjectDetection, AutoTokenizer, CLIPModel, CLIPTextModel

from components.common.data.sandbox import WORLD
from components.common.errors import UserError
from components.common.vision.encoders import load_encoder
from components.sandbox.remake import WIDELY_TAUGHT
from components.sandbox.rendering.palette import lighter_first
from components.sandbox.training import train_clip, train_detector, train_dino, train_ir
from components.sandbox.training.course import Course
from components.sandbox.training.crops import SplitData, joined, read_split
from components.sandbox.training.fit import on_cpu


@pytest.fixture(scope="module")
def world(beginning: Callable[[int], Path]) -> Path:
    return beginning(12)


@pytest.fixture(scope="module")
def data(world: Path) -> SplitData:
    return read_split(world)


@pytest.fixture
def photo(data: SplitData) -> Image.Image:
    return Image.fromarray(data.photos[0])


TRAIN: dict[str, tuple[Callable[..., dict[str, float]], int]] = {
    "ir": (train_ir.train, 15),
    "second_ir": (train_ir.train_second, 15),
    "clip": (train_clip.train, 12),
    "dino": (train_dino.train, 12),
    "detector": (train_detector.train, 30),
}


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple]:
    """Trains each model at most once: name -> (folder, figures)."""
    done: dict[str, tuple[Path, dict[str, float]]] = {}

    def get(name: str) -> tuple[Path, dict[str, float]]:
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            function, steps = TRAIN[name]
            taught_by = [world] if name in WIDELY_TAUGHT else world
            done[name] = folder, function(taught_by, Course(folder, steps=steps, held_out=[world]))
        return done[name]

    return get


@pytest.mark.parametrize("name", TRAIN)
def test_loss_falls_and_weights_are_16_bit(name: str, trained: Callable[[str], tuple]) -> None:
    folder, figures = trained(name)
    assert figures["last_loss"] < figures["first_loss"]
    weights = load_file(folder / "model.safetensors")
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {torch.float16}
    assert "Measured on" in (folder / "README.md").read_text()


@pytest.mark.parametrize("name", ["ir", "second_ir", "clip", "dino"])
def test_encoders_load_as_the_stages_load_them(name: str, trained: Callable[[str], tuple], photo: Image.Image) -> None:
    encoder = load_encoder(str(trained(name)[0]), mirror=True)
    vectors = encoder.embed([photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), photo.resize((40, 90))])
    assert encoder.side == 48
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[1], abs=2e-2)  # mirror averaging
    assert abs(vectors[0] - vectors[2]).max() > 1e-4  # it depends on the picture
    assert next(encoder.model.parameters()).dtype == torch.float32


def test_detector_loads_by_auto_classes_and_returns_boxes_in_pixels(
    trained: Callable[[str], tuple], photo: Image.Image
) -> None:
    folder, _ = trained("detector")
    model = AutoModelForObjectDetection.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    wide = photo.resize((200, 100))
    with torch.inference_mode():
        output = model(**processor([wide], return_tensors="pt"))
    detected = processor.post_process_object_detection(output, threshold=0.0, target_sizes=[(100, 200)])[0]
    assert model.config.id2label == {0: "product"}
    assert len(detected["boxes"]) == train_detector.QUERIES
    assert detected["boxes"][:, 2].max() > 100  # scaled to the width, not the height
    assert (detected["boxes"][:, 2] > detected["boxes"][:, 0]).all()


def test_detector_labels_follow_the_pixels(data: SplitData) -> None:
    """After augmentation a box still frames what it framed: a picture that is white inside its boxes remains so."""
    marked = torch.zeros(len(data.photos), 3, 128, 128, dtype=torch.uint8)
    for product in data.products:
        x, y, w, h = (round(v) for v in product.box)
        marked[product.photo, :, y : y + h, x : x + w] = 200
    boxes = train_detector.photo_boxes(data)
    pixels, labels = train_detector.augment(marked, boxes, torch.Generator().manual_seed(1))
    for picture, label in zip(pixels, labels, strict=True):
        inside = torch.zeros(128, 128, dtype=torch.bool)
        for x, y, w, h in (label["boxes"] * 128).tolist():
            inside[round(y - h / 2) : round(y + h / 2), round(x - w / 2) : round(x + w / 2)] = True
        bright = picture.mean(0) > -0.5
        assert (bright & inside).sum() / (bright | inside).sum() > 0.9


def test_text_tower_loads_alone_and_knows_where_a_caption_ends(trained: Callable[[str], tuple]) -> None:
    folder, _ = trained("clip")
    tokenizer, tower = AutoTokenizer.from_pretrained(folder), CLIPTextModel.from_pretrained(folder).eval()
    whole = CLIPModel.from_pretrained(folder).eval()
    text = "a striped red and white mug on a wooden floor beside a blue wall"
    short = tokenizer(text, return_tensors="pt")
    long = tokenizer(text, return_tensors="pt", padding="max_length")
    assert long["input_ids"].shape[1] == tower.config.max_position_embeddings
    assert tokenizer.unk_token_id not in short["input_ids"]
    with torch.inference_mode():
        pooled = [tower(batch["input_ids"]).pooler_output for batch in (short, long)]
        embedded = whole.text_model(long["input_ids"]).pooler_output
    assert tower.dtype == torch.float32
    torch.testing.assert_close(pooled[0], pooled[1])
    torch.testing.assert_close(pooled[1], embedded)


def test_tokenizer_knows_every_word_of_the_world() -> None:
    tokenizer = train_clip.build_tokenizer()
    for name in ("corpus", "benchmark"):
        path = WORLD / name / "annotations.json"
        if not path.is_file():
            continue
        coco = json.loads(path.read_text())
        for entry in coco["images"] + coco["annotations"]:
            assert tokenizer.unk_token_id not in tokenizer(entry["caption"]).input_ids


def test_captions_with_a_wrong_word_differ() -> None:
    words = {"shape": "mug", "print": "dotted", "ground": "red", "figure": "white", "floor": "tiled", "wall": "blue"}
    for draw in range(50):
        right, wrong = train_clip.captions(words, np.random.default_rng(draw))
        assert len(wrong) == train_clip.WRONG and right not in wrong


def test_recoloured_pictures_are_called_by_their_new_colours() -> None:
    """A dye that swaps red and green makes a red product green by name; white stays white."""
    words = {"shape": "mug", "print": "dotted", "ground": "red", "figure": "white", "floor": "tiled", "wall": "grey"}
    shown, dyes = train_clip.recolour([words] * 120, torch.Generator().manual_seed(0))
    changed = [entry for entry in shown if entry["ground"] != "red"]
    assert len(changed) > 10 and {entry["figure"] for entry in shown} == {"white"}
    for entry, dye in zip(shown, dyes, strict=True):
        red = torch.tensor(train_clip.COLOURS["red"]) / 255
        named = torch.tensor(train_clip.COLOURS[entry["ground"]]) / 255
        assert (dye @ red - named).abs().max() < 0.3


def test_a_recoloured_even_print_is_named_by_its_lighter_colour_first() -> None:
    words = {"shape": "mug", "print": "checked", "ground": "red", "figure": "navy", "floor": "tiled", "wall": "grey"}
    shown, _ = train_clip.recolour([words] * 120, torch.Generator().manual_seed(0), 1.0)
    assert len({(entry["ground"], entry["figure"]) for entry in shown}) > 3
    assert all(lighter_first(entry["ground"], entry["figure"])[0] == entry["ground"] for entry in shown)


def test_the_wall_alone_is_recoloured_if_there_are_no_product_colours() -> None:
    shown, _ = train_clip.recolour([{"floor": "tiled", "wall": "teal"}] * 60, torch.Generator().manual_seed(0), 1.0)
    assert {entry["floor"] for entry in shown} == {"tiled"} and len({entry["wall"] for entry in shown}) > 3


def test_stored_models_are_measured_on_the_cpu_wherever_they_were_trained() -> None:
    with torch.device("meta"):
        assert torch.zeros(1).device.type == "meta"
        assert on_cpu(lambda: torch.zeros(1).device.type)() == "cpu"


def test_splits_joined_keep_each_product_with_its_photograph(world: Path, data: SplitData) -> None:
    both = joined([world, world])
    assert len(both.photos) == 2 * len(data.photos)
    first, second = both.products[0], both.products[len(data.products)]
    assert first.box == second.box and second.photo == first.photo + len(data.photos)
    assert np.array_equal(both.photos[first.photo], both.photos[second.photo])


def test_training_twice_gives_the_same_weights(world: Path, tmp_path: Path) -> None:
    for run in ("one", "two"):
        train_ir.train([world], Course(tmp_path / run, seed=3, steps=2, held_out=[world]))
    one, two = (tmp_path / run / "model.safetensors" for run in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_unfinished_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="objectmate sandbox render"):
        read_split(tmp_path)
