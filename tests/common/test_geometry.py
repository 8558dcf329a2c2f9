"""Boxes on whole pixels."""

import json
from pathlib import Path

import pytest
from PIL import Image

from components.common.errors import UserError
from components.common.vision.benchmark import crops
from components.common.vision.geometry import Box, whole_pixels


def test_a_box_of_a_pixel_or_more_covers_some() -> None:
    for tenths in range(100):
        x = tenths / 10
        box = whole_pixels(Box(x, 9 - x, 1, 1), 100, 100)
        assert box.w == 1 and (box.h == 1 or x > 9), x
    assert whole_pixels(Box(100.2, 0, 5, 5), 100, 100).w == whole_pixels(Box(-5, 0, 4.8, 5), 100, 100).w == 0


def test_a_benchmarks_box_outside_its_photograph_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "cup.png")
    picture = {"id": 1, "file_name": "cup.png", "width": 40, "height": 30}
    entry = {"id": 7, "image_id": 1, "design": "cup", "bbox": [50, 5, 10, 10]}
    (tmp_path / "annotations.json").write_text(json.dumps({"images": [picture], "annotations": [entry]}))
    with pytest.raises(UserError, match=r"annotation 7 of .*annotations\.json \(cup\.png\): .*: correct it$"):
        list(crops(str(tmp_path), 1.15, 512))
