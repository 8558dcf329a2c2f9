"""Where removers may change a photograph."""

import numpy as np
import pytest
from PIL import Image

from components.common.vision.geometry import Box
from components.removal.areas import Areas, Framing, fill_window

FRAMING = Framing(mask_scale=1.12, mask_margin=3, allowed_scale=1.7, window_scale=2.5, size=64)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8))


def _white(picture: np.ndarray, areas: Areas) -> np.ndarray:
    return np.ones_like(picture)


def _same(picture: np.ndarray, areas: Areas) -> np.ndarray:
    return picture


def test_erased_rectangle_is_the_box_grown_by_scale_and_margin():
    rows, columns = np.nonzero(FRAMING.erased(Box(50, 40, 50, 25), 200, 150))
    assert (columns.min(), columns.max() + 1) == (44, 106)  # 50 - 3 - 3 .. 100 + 3 + 3
    assert (rows.min(), rows.max() + 1) == (35, 70)  # 40 - 1.5 - 3 .. 65 + 1.5 + 3


@pytest.mark.parametrize("box", [Box(90, 60, 30, 20), Box(0, 0, 30, 20), Box(0, 0, 200, 150), Box(195, 140, 5, 10)])
def test_no_pixel_outside_the_allowed_area_changes_and_the_erased_area_is_filled(box: Box):
    plate, mask = fill_window(NOISE, box, FRAMING, _white)
    allowed, erased = FRAMING.allowed(box, 200, 150), np.asarray(mask) > 0
    change = np.asarray(plate).astype(int) != np.asarray(NOISE)
    assert plate.size == mask.size == NOISE.size
    assert not change[~allowed].any()
    assert (np.asarray(plate)[erased & _inside_window(box)] == 255).all()


def _inside_window(box: Box) -> np.ndarray:
    area = np.zeros((150, 200), bool)
    window = FRAMING.window(box, 200, 150)
    area[int(window.y) : int(window.y + window.h), int(window.x) : int(window.x + window.w)] = True
    return area


def test_a_fill_that_changes_nothing_leaves_fine_texture_outside_the_erased_rectangle():
    box = Box(60, 50, 60, 40)  # window of 150 px, shown to the remover at 64 px
    plate, mask = fill_window(NOISE, box, FRAMING, _same)
    kept = np.asarray(mask) == 0
    assert np.abs(np.asarray(plate).astype(int) - np.asarray(NOISE))[kept].max() <= 1


def test_small_windows_are_widened_to_the_working_size_not_enlarged():
    assert FRAMING.window(Box(90, 60, 10, 10), 200, 150).w == 64
    assert FRAMING.window(Box(90, 60, 40, 10), 200, 150).w == 100
    assert FRAMING.window(Box(0, 0, 190, 140), 200, 150).w == 150
    window = FRAMING.window(Box(190, 140, 10, 10), 200, 150)
    assert (window.x + window.w, window.y + window.h) == (200, 150)


def test_a_box_larger_than_the_window_is_still_filled_where_the_window_sees_it():
    plate, mask = fill_window(NOISE, Box(0, 0, 200, 150), FRAMING, _white)
    assert (np.asarray(mask) == 255).all()
    assert (np.asarray(plate)[:, 25:175] == 255).all()
