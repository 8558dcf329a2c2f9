"""Moved pictures: frames of one scene are found, one object in front of two backgrounds is not."""

import numpy as np
import pytest
from mining_data import make_corpus, picture
from PIL import Image, ImageOps

from components.common.data.reading import Dataset
from components.common.vision.images import thumbnail
from components.common.vision.moved import Scenes, details_of, moved_correlation
from components.mining.params import NearDuplicates

LEAST = NearDuplicates().moved_correlation
SCENE = picture(0, 400)


def correlation(first: Image.Image, second: Image.Image) -> float:
    return moved_correlation(details_of(thumbnail(first)), details_of(thumbnail(second)))


def frame(x: int, y: int, side: int = 320) -> Image.Image:
    return SCENE.crop((x, y, x + side, y + side))


@pytest.mark.parametrize("second", [frame(20, 0), frame(64, 10), frame(32, 32, 272), frame(0, 0, 390)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_of_one_scene(second, mirrored):
    assert correlation(frame(0, 0), ImageOps.mirror(second) if mirrored else second) >= LEAST


def test_different_scenes():
    scenes = [picture(seed, 320) for seed in range(12)]
    assert max(correlation(one, other) for one in scenes for other in scenes if one is not other) < LEAST


def test_one_object_in_front_of_two_backgrounds():
    """The object, a third of the side, stands out far more than the background."""
    grounds = [Image.blend(Image.new("RGB", (320, 320), "grey"), picture(seed, 320), 0.3) for seed in (1, 2)]
    for ground, place in zip(grounds, ((100, 100), (130, 110)), strict=True):
        ground.paste(picture(3, 110), place)
    assert correlation(*grounds) < LEAST


@pytest.mark.parametrize("plain", [Image.new("RGB", (320, 320), "white"), Image.linear_gradient("L")])
def test_plain_pictures_have_nothing_in_common(plain):
    assert correlation(plain, plain) == correlation(plain, SCENE) == -1


def test_photographs_are_compared_either_way_round(tmp_path):
    pictures = [frame(0, 0), frame(30, 0), picture(5)]
    scenes = Scenes(Dataset(make_corpus(tmp_path, [["mug"]] * 3, photographs=pictures)["images"]))
    src, dst = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert (scenes.correlation(src, dst) == scenes.correlation(dst, src)).all()
    assert (scenes.correlation(src, dst) >= LEAST).tolist() == [True, False, False]
    assert scenes.correlation(src[:0], dst[:0]).shape == (0,)
