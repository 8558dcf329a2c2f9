"""The objects of a benchmark, as the mining encoder would have seen them: what training must be kept apart from."""

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


def crops(source: str, scale: float) -> Iterator[tuple[str, Image.Image]]:
    """Name (photograph and annotation id) and crop of each benchmark object, boxes enlarged by `scale`.

    source: a folder (or `sandbox:NAME`) with annotations.json in COCO format. Annotations marked `"main": false` are
    bystanders that no metric looks at. Raises `UserError` if file or photograph is not there.
    """
    folder = resolve(source)
    coco = _read(folder / "annotations.json")
    pictures = {picture["id"]: picture["file_name"] for picture in coco["images"]}
    for annotation in coco["annotations"]:
        if annotation.get("main", True):
            name = pictures[annotation["image_id"]]
            box = expanded(Box(*map(float, annotation["bbox"])), scale)
            yield f"{name}#{annotation['id']}", crop(_photograph(folder, name), box)


def _read(path: Path) -> dict[str, Any]:
    try:
        coco = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as COCO JSON: {error}") from None
    if not isinstance(coco, dict) or not {"images", "annotations"} <= coco.keys():
        raise UserError(f"{path} has no 'images' and 'annotations'; a benchmark is a COCO file")
    return coco


def _photograph(folder: Path, name: str) -> Image.Image:
    path = inside(folder, name)
    try:
        return decode(path.read_bytes())
    except (OSError, Rejected) as error:
        raise UserError(f"the benchmark's photograph {path} cannot be read: {error}") from None
