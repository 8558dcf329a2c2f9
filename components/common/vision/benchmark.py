"""The objects of a benchmark, cropped as detection crops those of a dataset: training must not see these."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from components.common.data.files import inside
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.common.vision.geometry import Box, finite, object_crop
from components.common.vision.images import Rejected, decode

ANNOTATIONS = "annotations.json"
"""The COCO file of a benchmark, or of a rendered split, next to its photographs."""


def crops(source: str, scale: float, side: int) -> Iterator[tuple[str, Image.Image]]:
    """Name (photograph and annotation id) and crop of each benchmark object; scale, side: as of `object_crop`.

    source: a folder (or `sandbox:NAME`) with annotations.json in COCO format. Annotations marked `"main": false` are
    bystanders that no metric uses; those marked `"absent": true` are places where an object is to go. Raises
    `UserError` if the file or a photograph is missing or cannot be read, or an object has no box.
    """
    folder = resolve(source)
    coco = read_annotations(folder)
    pictures = {picture["id"]: picture["file_name"] for picture in coco["images"]}
    for annotation in coco["annotations"]:
        if annotation.get("main", True) and not annotation.get("absent"):
            place = f"annotation {annotation['id']} of {folder / ANNOTATIONS}"
            name = pictures.get(annotation["image_id"])
            if name is None:
                raise UserError(f"{place}: the file lists no image {annotation['image_id']}")
            try:
                box = object_box(folder, annotation)
                found = object_crop(read_photograph(folder, name), box, scale, side)
            except (OSError, Rejected) as error:
                raise UserError(f"the benchmark's photograph {folder / name} cannot be read: {error}") from None
            except (ValueError, UserError) as error:
                raise UserError(f"{place} ({name}): {error}: correct it") from None
            yield f"{name}#{annotation['id']}", found


def object_box(folder: Path, annotation: Mapping[str, Any]) -> Box:
    """Where an object is, px of the upright photograph: the annotation's `bbox`, or else what its `mask` covers: a
    picture of the photograph's size, white on the object.

    Raises `ValueError` if neither says where, and `OSError` or `Rejected` if the mask cannot be read.
    """
    if annotation.get("bbox"):
        sides = finite(annotation["bbox"])
        if len(sides) != 4 or min(sides[2:]) <= 0:
            raise ValueError(f"its bbox is {annotation['bbox']}: give x, y, w and h in px, w and h above 0")
        return Box(*sides)
    if not annotation.get("mask"):
        raise ValueError("it has neither a bbox nor a mask")
    left, top, right, bottom = covered(read_photograph(folder, annotation["mask"]))
    return Box(left, top, right - left, bottom - top)


def covered(mask: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a mask shows in white, px. Raises `ValueError` if it shows nothing."""
    area = mask.convert("L").point(lambda value: 255 * (value > 127)).getbbox()
    if area is None:
        raise ValueError("its mask has no white pixel")
    return area


def read_annotations(folder: Path) -> dict[str, Any]:
    """The COCO file of a benchmark. Raises `UserError` if it is missing or has no images and annotations."""
    path = folder / ANNOTATIONS
    try:
        coco = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as COCO JSON: {error}") from None
    if not isinstance(coco, dict) or not {"images", "annotations"} <= coco.keys():
        raise UserError(f"{path} has no 'images' and 'annotations'; a benchmark is a COCO file")
    return coco


def read_photograph(folder: Path, name: str) -> Image.Image:
    """A benchmark's photograph. Raises `OSError` or `Rejected`, or `UserError` if the name leads out of the folder."""
    return decode(inside(folder, name).read_bytes())
