"""A box around what stands out, on pictures whose object is known."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from components.common.vision.geometry import Box, iou
from components.detection.boxes import UNCERTAIN
from components.detection.salient import Salient, standing_out

SOURCE = Salient(least=0.04, most=0.9, inset=0.03)


def scene(box: tuple[int, int, int, int], size: tuple[int, int] = (320, 240), seed: int = 0) -> Image.Image:
    """A red patch with edges x0, y0, x1, y1 on a noisy grey ground."""
    noise = np.random.default_rng(seed).normal(120, 12, (size[1], size[0], 3))
    picture = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    ImageDraw.Draw(picture).rectangle(box, fill=(200, 30, 40))
    return picture


@pytest.mark.parametrize("box", [(100, 60, 220, 180), (60, 100, 140, 200), (30, 30, 290, 120)])
@pytest.mark.parametrize("size", [(320, 240), (960, 720)])
def test_the_box_is_around_the_object(box: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    scale = size[0] // 320
    x0, y0, x1, y1 = (scale * edge for edge in box)
    found = standing_out(scene((x0, y0, x1, y1), size))
    assert iou(found, Box(x0, y0, x1 - x0, y1 - y0)) > 0.85


def test_the_same_picture_has_the_same_box() -> None:
    picture = scene((100, 60, 220, 180))
    assert standing_out(picture) == standing_out(picture)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (320, 240), "white"),
        Image.new("L", (4000, 20)),
        scene((150, 110, 165, 125)),  # under 4 % of the photograph
        scene((0, 0, 320, 240)),
    ],
    ids=["flat", "narrow", "small object", "object everywhere"],
)
def test_without_a_box_to_believe_it_is_the_whole_photograph(picture: Image.Image) -> None:
    row = {"width": picture.width, "height": picture.height}
    ((candidate,),) = SOURCE.propose([row], [SOURCE.prepare(picture)])
    assert candidate.score == UNCERTAIN
    assert candidate.box.area == pytest.approx(0.94**2 * picture.width * picture.height)
