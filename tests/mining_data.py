"""Small corpora for the tests of mining: photographs, objects and vectors that cluster by product."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_rows import image_row
from PIL import Image

from components.calibration import stage as calibration
from components.calibration.params import Params as Calibration
from components.common.data.reading import is_complete
from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.vision.corpus import load
from components.common.vision.images import THUMBNAIL, dhashes, encode_png, thumbnail

SIDE, OBJECT = 96, 40  # px
PRODUCTS, VIEWS, LONERS = 8, 5, 10


class Made(StageParams):
    """Parameters of the made-up datasets: `tag` makes two of them differ."""

    tag: str = ""


def picture(seed: int, side: int = SIDE) -> Image.Image:
    """A smooth random picture; different seeds give unrelated hashes."""
    grid = np.random.default_rng(seed).integers(0, 255, (9, 9, 3), np.uint8)
    return Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)


def cluster_vectors(names: Sequence[str], noise: float = 0.25, dim: int = 32, seed: int = 0) -> np.ndarray:
    """fp16 unit vectors, one per name; equal names are close together (cosine about 1 / (1 + noise^2))."""
    rng = np.random.default_rng(seed)
    centres = {name: _unit(rng.normal(size=dim)) for name in dict.fromkeys(names)}
    rows = [_unit(centres[name] + noise * _unit(rng.normal(size=dim))) for name in names]
    return np.array(rows, np.float16).reshape(len(names), dim)


def make_corpus(
    folder: Path,
    shown: Sequence[Sequence[str]],
    vectors: np.ndarray | None = None,
    photographs: Sequence[Image.Image] | None = None,
    subjects: Sequence[dict[str, Any]] | None = None,
    tag: str = "",
) -> dict[str, Path]:
    """Datasets images, objects, embeddings, subjects and reserved (empty) below `folder`; returns role -> folder.

    shown: the products in each photograph. The photographs are random pictures unless given. Each object's box is a
    square; subjects label whole boxes unless given (`photo`: its index, instead of image_id and duplicate_of).
    """
    pictures = list(photographs or [picture(seed) for seed in range(len(shown))])
    paths = {role: folder / role for role in ("images", "objects", "embeddings", "subjects", "reserved")}
    image_rows = [image_row(image, "a.png")[0] for image in pictures]
    with Writer(paths["images"], "images", "ingest", {}, Made(tag=tag)) as out:
        thumbnails = np.array([thumbnail(image) for image in pictures], np.uint8).reshape(-1, THUMBNAIL, THUMBNAIL)
        out.write(0, image_rows, [{"image.png": encode_png(image)} for image in pictures], thumbnails)
    object_rows, crops = _objects(shown, pictures, image_rows)
    with Writer(paths["objects"], "objects", "detection", {"images": paths["images"]}, Made()) as out:
        out.write(0, object_rows, [{"crop.png": encode_png(crop)} for crop in crops])
    if vectors is None:
        vectors = cluster_vectors([name for names in shown for name in names])
    with Writer(paths["embeddings"], "embeddings", "embedding", {"objects": paths["objects"]}, Made()) as out:
        rows = [{"object_id": row["object_id"], "row": row["row"]} for row in object_rows]
        out.write(0, rows, vectors=vectors)
        out.facts = {"weights": "made up", "preprocess": {}}
    with Writer(paths["reserved"], "embeddings", "embedding", {}, Made()) as out:
        out.write(0, [], vectors=vectors[:0])
    labels = _box_labels(shown, object_rows) if subjects is None else [_label(s, image_rows) for s in subjects]
    with Writer(paths["subjects"], "subjects", "ingest", {}, Made()) as out:
        out.write(0, labels)
        out.facts = {"label_rows": len(labels)}
    return paths


def _unit(row: np.ndarray) -> np.ndarray:
    return row / np.linalg.norm(row)


def _objects(
    shown: Sequence[Sequence[str]], pictures: Sequence[Image.Image], image_rows: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Image.Image]]:
    rows: list[dict[str, Any]] = []
    crops = []
    for names, image, photograph in zip(shown, pictures, image_rows, strict=True):
        for place, name in enumerate(names):
            x = float(place * (image.width // max(len(names), 1)))
            side = min(image.width // max(len(names), 1), image.height)
            crop = image.crop((int(x), 0, int(x) + side, side))
            plain, flipped = dhashes(crop)
            crops.append(crop)
            rows.append(
                {"object_id": f"object-{len(rows)}", "row": len(rows), "image_id": photograph["image_id"]}
                | {"x": x, "y": 0.0, "w": float(side), "h": float(side), "category": name.split("-")[0], "score": 1.0}
                | {"dhash": plain, "dhash_flipped": flipped}
            )
    return rows, crops


def _box_labels(shown: Sequence[Sequence[str]], objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [name for photograph in shown for name in photograph]
    return [
        {"subject": name, **{key: row[key] for key in ("image_id", "x", "y", "w", "h")}}
        for name, row in zip(names, objects, strict=True)
    ]


def _label(subject: dict[str, Any], image_rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    repeats = subject.get("duplicate_of")
    return {
        **{key: value for key, value in subject.items() if key != "photo"},
        "image_id": image_rows[subject["photo"]]["image_id"],
        "duplicate_of": None if repeats is None else image_rows[repeats]["image_id"],
    }


def shown() -> list[list[str]]:
    """Which products each photograph shows: every third one also shows a loner."""
    photographs = [[f"mug-{p}" if p % 2 else f"can-{p}"] for _ in range(VIEWS) for p in range(PRODUCTS)]
    for index in range(0, len(photographs), 3):
        photographs[index].append(f"loner-{index}")
    return photographs + [[f"loner-{1000 + index}"] for index in range(LONERS)]


@pytest.fixture(scope="session")
def corpus_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """images, objects, embeddings, subjects and a calibration made from them."""
    folder = tmp_path_factory.mktemp("corpus")
    paths = make_corpus(folder, shown())
    outputs = {"calibration": folder / "calibration", "identities": folder / "identities"}
    calibration.run(paths, outputs, Calibration(loosest=0.3, target=0.65))
    return paths | outputs


def with_window(paths: dict[str, Path], folder: Path, low: float = 0.8, high: float = 0.999) -> dict[str, Path]:
    """A corpus with a calibration that has this window."""
    calibration_folder = folder / "stated"
    if not is_complete(calibration_folder):
        with Writer(calibration_folder, "calibration", "calibration", {}, Made()) as out:
            out.facts = {"low": low, "high": high, "encoder": load(paths).encoder}
            out.write(0, [])
    return paths | {"calibration": calibration_folder}
