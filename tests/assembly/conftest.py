"""A small recurrence world on disk: photographs with a square object, clean plates, captions and sets."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_rows import image_row
from PIL import Image, ImageDraw

from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.vision.images import encode_png

World = Callable[..., dict[str, Path]]
WIDTH, HEIGHT = 96, 64


def scene(seed: int) -> Image.Image:
    """A smooth random picture."""
    grid = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return Image.fromarray(grid).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def box_of(index: int) -> tuple[int, int, int, int]:
    """Every fifth object touches the left edge."""
    return (0 if index % 5 == 4 else 24 + index % 7, 30, 28, 24)


def write(folder: Path, kind: str, rows: list[dict[str, Any]], facts: Mapping[str, Any] | None = None, **more: Any):
    """A finished dataset with one part."""
    with Writer(folder, kind, "test", {}, StageParams()) as out:
        out.facts = dict(facts or {})
        out.write(0, rows, **more)
    return folder


@pytest.fixture
def world(tmp_path: Path) -> World:
    """world(products, views, **overrides) -> the inputs of assembly; `views` photographs of each product.

    overrides: boxes (row -> box), sets (replaces the sets' rows), without_background, without_caption (rows), shares
    (row -> row whose photograph also shows it), dark_plates (rows whose clean plate differs).
    """

    def build(
        products: int = 6,
        views: int = 5,
        boxes: Mapping[int, tuple[int, int, int, int]] | None = None,
        sets: list[dict[str, Any]] | None = None,
        without_background: tuple[int, ...] = (),
        without_caption: tuple[int, ...] = (),
        shares: Mapping[int, int] | None = None,
        dark_plates: tuple[int, ...] = (),
        name: str = "world",
    ) -> dict[str, Path]:
        folder = tmp_path / "inputs" / name
        count = products * views
        plates = [scene(index) for index in range(count)]
        photographs = [_with_object(plate, (boxes or {}).get(k, box_of(k))) for k, plate in enumerate(plates)]
        for index in dark_plates:
            plates[index] = plates[index].point(lambda value: value // 2)
        rows_and_files = [image_row(photo, str(k)) for k, photo in enumerate(photographs)]
        images = [row for row, _ in rows_and_files]
        image_blobs = [{"image.png": data} for _, data in rows_and_files]
        objects = [_object(k, (boxes or {}).get(k, box_of(k)), image) for k, image in enumerate(images)]
        for row, other in (shares or {}).items():
            objects[row]["image_id"] = objects[other]["image_id"]
        rows = sets if sets is not None else [_set(index, views) for index in range(count)]
        kept = [row for row in range(count) if row not in without_background]
        captions = [_caption(row) for row in range(count) if row not in without_caption]
        plate_blobs = [{"image.png": encode_png(plates[row]), "mask.png": b""} for row in kept]
        return {
            "images": write(folder / "images", "images", images, blobs=image_blobs),
            "objects": write(folder / "objects", "objects", objects, blobs=[{"crop.png": b""}] * count),
            "sets": write(folder / "sets", "sets", rows, facts={"low": 0.9, "split_threshold": 0.85}),
            "backgrounds": write(
                folder / "backgrounds", "backgrounds", [_background(row) for row in kept], blobs=plate_blobs
            ),
            "captions": write(folder / "captions", "captions", captions),
        }

    return build


def _with_object(plate: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    photo, (x, y, w, h) = plate.copy(), box
    ImageDraw.Draw(photo).rectangle((x, y, x + w - 1, y + h - 1), fill="red")
    return photo


def _object(index: int, box: tuple[int, int, int, int], image: Mapping[str, Any]) -> dict[str, Any]:
    place = dict(zip("xywh", box, strict=True)) | {"category": "mug", "score": 1.0}
    hashes = {name: image[name] for name in ("dhash", "dhash_flipped")}
    return {"object_id": f"o{index}", "row": index, "image_id": image["image_id"]} | place | hashes


def _caption(row: int) -> dict[str, Any]:
    return {"object_id": f"o{row}", "row": row, "text": f" a red mug {row} ", "captioner_digest": "c"}


def _set(index: int, views: int) -> dict[str, Any]:
    first = index // views * views
    others = [row for row in range(first, first + views) if row != index]
    return {
        "anchor": index,
        "views": others,
        "similarities": [0.95] * len(others),
        "category": "mug",
        "group": first,
    }


def _background(row: int) -> dict[str, Any]:
    return {"object_id": f"o{row}", "row": row, "remover_digest": "r", "residual": 0.1, "outside_change": 0.0}
