"""Every metric against a computation of its own: from the benchmark's files and the models' weights, in float64, with
transformers, Pillow and numpy alone. No step of the evaluation is used, only what its documentation says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, ResNetForImageClassification, ViTModel

from components.evaluation.benchmark import generation_samples, insertion_samples, load, placement_samples
from components.evaluation.metrics import GenerationJudge, InsertionJudge, PlacementJudge
from components.evaluation.params import Params
from components.evaluation.stage import load_judges

CONTEXT, SCALE, SHARE, CELL = 1.7, 1.15, 0.7, 24
EXACT = 1e-6
BICUBIC = Image.Resampling.BICUBIC
Corners = tuple[float, float, float, float]


class Encoders:
    """CLIP, ViT and ResNet in float64: a picture's or a text's unit vector."""

    def __init__(self, folders: dict[str, str]):
        self.folders = folders
        self.clip = CLIPModel.from_pretrained(folders["clip"]).double().eval()
        self.dino = ViTModel.from_pretrained(folders["dino"]).double().eval()
        kinds = ("ir", "second_ir")
        self.nets = {
            kind: ResNetForImageClassification.from_pretrained(folders[kind]).double().eval() for kind in kinds
        }
        words = json.loads((Path(folders["clip"]) / "tokenizer.json").read_text())["model"]["vocab"]
        self.words = dict(words)

    @torch.no_grad()
    def picture(self, kind: str, picture: Image.Image) -> np.ndarray:
        pixels = self._input(kind, picture)
        if kind == "clip":
            vector = self.clip.visual_projection(self.clip.vision_model(pixels).pooler_output)
        elif kind == "dino":
            vector = self.dino(pixels).last_hidden_state[:, 0]
        else:
            vector = self.nets[kind](pixels).logits
        return unit(vector[0].numpy())

    @torch.no_grad()
    def text(self, text: str) -> np.ndarray:
        unknown = self.words["<unk>"]
        tokens = torch.tensor([[self.words.get(word, unknown) for word in text.split()]])
        return unit(self.clip.text_projection(self.clip.text_model(tokens).pooler_output)[0].numpy())

    def _input(self, kind: str, picture: Image.Image) -> torch.Tensor:
        """The whole picture in a square of the model's side, on its mean colour; normalised."""
        processor = json.loads((Path(self.folders[kind]) / "preprocessor_config.json").read_text())
        side = processor["size"]["height"]
        ratio = side / max(picture.size)
        width, height = (side if edge == max(picture.size) else round(edge * ratio) for edge in picture.size)
        square = Image.new("RGB", (side, side), picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
        square.paste(picture.resize((width, height), BICUBIC), (round((side - width) / 2), round((side - height) / 2)))
        values = np.asarray(square, np.float64) / 255
        values = (values - processor["image_mean"]) / processor["image_std"]
        return torch.from_numpy(values.transpose(2, 0, 1)[None])


class Photographed:
    """A photograph of the benchmark: its files, its box, and the windows that are cut around it."""

    def __init__(self, folder: Path, images: dict[int, str], annotation: dict):
        self.photograph = Image.open(folder / images[annotation["image_id"]]).convert("RGB")
        self.plate = Image.open(folder / annotation["plate"]).convert("RGB") if annotation.get("plate") else None
        self.subject, self.box = annotation["design"], annotation["bbox"]

    def window(self, scale: float) -> tuple[int, int, int]:
        """Left, top and side of the square around the box, px."""
        x, y, w, h = self.box
        width, height = self.photograph.size
        side = min(scale * max(w, h), width, height)
        left, top = (min(max(centre - side / 2, 0), most - side) for centre, most in
                     ((x + w / 2, width), (y + h / 2, height)))  # fmt: skip
        return min(round(left), width - round(side)), min(round(top), height - round(side)), round(side)

    def square(self, scale: float, size: int, plate: bool = False) -> Image.Image:
        left, top, side = self.window(scale)
        source = self.plate if plate and self.plate else self.photograph
        return source.crop((left, top, left + side, top + side)).resize((size, size), BICUBIC)

    def in_window(self) -> Corners:
        """The box in the window of a cell's side: left, top, right, bottom."""
        x, y, w, h = self.box
        left, top, side = self.window(CONTEXT)
        return tuple(value * CELL / side for value in (x - left, y - top, x - left + w, y - top + h))

    def alone(self, side: int) -> Image.Image:
        """The enlarged box of the photograph, its longer side scaled."""
        x, y, w, h = self.box
        cut = enlarged(self.photograph, (x, y, x + w, y + h))
        return cut.resize(tuple(round(edge * side / max(cut.size)) for edge in cut.size), BICUBIC)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt((vector**2).sum())


def enlarged(picture: Image.Image, corners: Corners) -> Image.Image:
    """What is in the box, enlarged about its centre, of a picture."""
    left, top, right, bottom = corners
    more_x, more_y = (right - left) * (SCALE - 1) / 2, (bottom - top) * (SCALE - 1) / 2
    edges = [round(value) for value in (left - more_x, top - more_y, right + more_x, bottom + more_y)]
    return picture.crop(
        (max(edges[0], 0), max(edges[1], 0), min(edges[2], picture.width), min(edges[3], picture.height))
    )


def errors(result: Image.Image, truth: Image.Image, corners: Corners) -> tuple[float, float]:
    """Mean absolute difference inside and outside the box, 0..1."""
    left, top, right, bottom = (round(value) for value in corners)
    difference = np.abs(np.asarray(result, np.float64) - np.asarray(truth, np.float64)) / 255
    inside = np.zeros(difference.shape[:2], bool)
    inside[max(top, 0) : max(bottom, top + 1), max(left, 0) : max(right, left + 1)] = True
    return difference[inside].mean(), difference[~inside].mean()


@pytest.fixture(scope="module")
def encoders(encoder_folders: dict[str, str]) -> Encoders:
    return Encoders(encoder_folders)


@pytest.fixture(scope="module")
def photographed(benchmark_folder: Path) -> list[Photographed]:
    coco = json.loads((benchmark_folder / "annotations.json").read_text())
    images = {image["id"]: image["file_name"] for image in coco["images"]}
    return [Photographed(benchmark_folder, images, annotation) for annotation in coco["annotations"]]


def noisy(picture: Image.Image, seed: int) -> Image.Image:
    """A result: the picture with noise, so that no score is 0 or 1."""
    noise = np.random.default_rng(seed).normal(0, 40, (*picture.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(picture, float) + noise, 0, 255).astype(np.uint8))


IDENTITY = {"clip_i": "clip", "dino": "dino", "ir": "ir", "second_ir": "second_ir"}


def test_insertion(encoders: Encoders, photographed: list[Photographed], params: Params) -> None:
    """CLIP-I, DINO, both IR, who is nearest, and both errors."""
    samples = insertion_samples(load(Path(params.benchmark)), params)
    judge = InsertionJudge(samples, load_judges(params), params)
    names = {f"{each.subject}-{k % 4}": each for k, each in enumerate(photographed)}
    results = [noisy(names[sample.name].square(CONTEXT, CELL), seed) for seed, sample in enumerate(samples)]
    ours = judge.score([sample.name for sample in samples], results)
    truths = {name: each.square(CONTEXT, CELL) for name, each in names.items()}
    for metric, kind in IDENTITY.items():
        gallery = {name: encoders.picture(kind, enlarged(truths[name], names[name].in_window())) for name in names}
        for row, (sample, result) in enumerate(zip(samples, results, strict=True)):
            own = names[sample.name]
            made = encoders.picture(kind, enlarged(result, own.in_window()))
            assert ours[metric][row] == pytest.approx(made @ gallery[sample.name], abs=EXACT), (metric, sample.name)
            if f"top1_{metric}" in ours:
                nearest = max((name for name in names if name != sample.name), key=lambda name: made @ gallery[name])
                assert ours[f"top1_{metric}"][row] == (names[nearest].subject == own.subject)
    for row, (sample, result) in enumerate(zip(samples, results, strict=True)):
        both = errors(result, truths[sample.name], names[sample.name].in_window())
        assert (ours["object_error"][row], ours["background_error"][row]) == pytest.approx(both, abs=EXACT)


def test_generation(encoders: Encoders, photographed: list[Photographed], params: Params) -> None:
    """CLIP-T and, as means over a subject's photographs, CLIP-I, DINO and both IR."""
    benchmark = load(Path(params.benchmark))
    samples = generation_samples(benchmark, params)
    judge = GenerationJudge(samples, benchmark, load_judges(params), params)
    results = [noisy(photographed[k].square(CONTEXT, CELL), k) for k in range(len(samples))]
    ours = judge.score([sample.name for sample in samples], results)
    margin = CELL * (1 - SHARE) / 2
    edges = round(margin), round(CELL - margin)
    for row, (sample, result) in enumerate(zip(samples, results, strict=True)):
        centre = result.crop((edges[0], edges[0], edges[1], edges[1]))
        own = [each.square(SCALE, round(CELL * SHARE)) for each in photographed if each.subject == sample.subject]
        for metric, kind in IDENTITY.items():
            made = encoders.picture(kind, centre)
            expected = np.mean([made @ encoders.picture(kind, view) for view in own])
            assert ours[metric][row] == pytest.approx(expected, abs=EXACT), (metric, sample.name)
        expected = encoders.picture("clip", result) @ encoders.text(sample.prompt)
        assert ours["clip_t"][row] == pytest.approx(expected, abs=EXACT), sample.name


def test_placement(encoders: Encoders, photographed: list[Photographed], params: Params, tmp_path: Path) -> None:
    """Identity as a mean over a subject's photographs, and what changed outside the box."""
    source = Path(params.benchmark)
    coco = json.loads((source / "annotations.json").read_text())
    places = [entry | {"absent": True, "plate": None, "id": 100 + k} for k, entry in enumerate(coco["annotations"][:6])]
    for path in source.glob("*.png"):
        (tmp_path / path.name).symlink_to(path)
    coco["annotations"] += places
    for entry in places:  # the subject's place in the picture that shows it is another subject's place
        entry["design"] = "lime-disc" if entry["design"] == "red-disc" else "red-disc"
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    benchmark = load(tmp_path)
    samples = placement_samples(benchmark, params)
    judge = PlacementJudge(samples, benchmark, load_judges(params), params)
    images = {image["id"]: image["file_name"] for image in coco["images"]}
    scenes: dict[str, list[Photographed]] = {}
    for entry in places:
        scenes.setdefault(entry["design"], []).append(Photographed(source, images, entry))
    for row, sample in enumerate(samples):
        scene = scenes[sample.subject][int(sample.name.rpartition("place")[2])]
        empty = scene.square(CONTEXT, CELL)
        result = noisy(empty, row)
        ours = judge.score([sample.name], [result])
        own = [each.alone(round(CELL / CONTEXT * SCALE)) for each in photographed if each.subject == sample.subject]
        for metric, kind in IDENTITY.items():
            made = encoders.picture(kind, enlarged(result, scene.in_window()))
            expected = np.mean([made @ encoders.picture(kind, view) for view in own])
            assert ours[metric][0] == pytest.approx(expected, abs=EXACT), (metric, sample.name)
        assert ours["background_error"][0] == pytest.approx(errors(result, empty, scene.in_window())[1], abs=EXACT)
    assert len(samples) == 6
