"""The objects of a benchmark, as the mining encoder would have seen them: training must not see these."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from components.common.data.files import inside
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.common.vision.geometry import Box, crop, expanded
from components.common.vision.images import Rejected, decode

ANNOTATIONS = "annotations.json"
"""The COCO file of a benchmark, or of a rendered split, next to its photographs."""


def crops(source: str, scale: float) -> Iterator[tuple[str, Image.Image]]:
    """Name (photograph and annotation id) and crop of each benchmark object, boxes enlarged by `scale`.

    source: a folder (or `sandbox:NAME`) with annotations.json in COCO format. Annotations marked `"main": false` are
    bystanders that no metric uses. Raises `UserError` if the file or a photograph is missing or cannot be read.
    """
    folder = resolve(source)
    coco = read_annotations(folder)
    pictures = {picture["id"]: picture["file_name"] for picture in coco["images"]}
    for annotation in coco["annotations"]:
        if annotation.get("main", True):
            name = pictures[annotation["image_id"]]
            box = expanded(Box(*map(float, annotation["bbox"])), scale)
            try:
                photograph = read_photograph(folder, name)
            except (OSError, Rejected) as error:
                raise UserError(f"the benchmark's photograph {folder / name} cannot be read: {error}") from None
            yield f"{name}#{annotation['id']}", crop(photograph, box)


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
