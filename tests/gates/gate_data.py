"""Rows and pictures that the tests of the gates are made of."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from picture_rows import image_row
from PIL import Image

from components.common.data.reading import Dataset
from components.common.stage.params import StageParams
from components.common.vision.images import decode, dhashes, thumbnail


class Limits(StageParams):
    """What detection would have promised of its boxes."""

    min_side: int = 10
    min_share: float = 0.04
    max_share: float = 0.9
    max_iou: float = 0.8
    source: str = "detector"


class Mined(StageParams):
    """What mining promised of its sets."""

    min_views: int = 3


Make = Callable[..., Path]
WINDOW = {
    "low": 0.9,
    "high": 0.99,
    "passed": None,
    "target": 0.8,
    "label_rows": 0,
    "labels": 0,
    "labelled_objects": 0,
}
"""What calibration says of a window that no label was asked about."""


def point(threshold: float, precision: float, lower_bound: float) -> dict[str, float | int]:
    """A row of `calibration`."""
    shown = {"threshold": threshold, "precision": precision, "lower_bound": lower_bound}
    return {"anchors": 20, "kish": 5.0, "votes": 5.0} | shown


def picture(seed: int, side: int = 32) -> Image.Image:
    """A smooth random picture."""
    grid = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), np.uint8)
    return Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)


def photographs(
    count: int, side: int = 100, pictures: Sequence[Image.Image] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, bytes]]]:
    """Rows and blobs of `images`: `count` different photographs of side x side px unless `pictures` are given."""
    rows, blobs = [], []
    for index in range(count):
        image = pictures[index] if pictures else picture(index, side)
        row, data = image_row(image, f"{index}.png", licence="CC0-1.0")
        rows.append(row)
        blobs.append({"image.png": data})
    return rows, blobs


def thumbnails(blobs: list[dict[str, bytes]]) -> np.ndarray:
    """The thumbnails that belong to the blobs of `images`."""
    return np.array([thumbnail(decode(blob["image.png"])) for blob in blobs])


def object_row(row: int, image_id: str, box: tuple[float, ...] = (20, 20, 40, 40), **more: Any) -> dict[str, Any]:
    """One row of `objects`; its crop is a picture of its own unless hashes are given."""
    plain, flipped = dhashes(picture(1000 + row))
    values = dict(zip("xywh", box, strict=True)) | {"category": "mug", "score": 1.0}
    hashes = {"dhash": plain, "dhash_flipped": flipped}
    return {"object_id": f"object-{row}", "row": row, "image_id": image_id} | values | hashes | more


def verdicts(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of a verdicts dataset by gate."""
    return {row["gate"]: row for row in Dataset(folder).rows()}
