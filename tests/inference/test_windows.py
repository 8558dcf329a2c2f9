"""The window that a model sees is framed as in training and evaluation, and references too."""

import numpy as np
import pytest
from PIL import Image

from components.common.references import CONTEXT, REFERENCE_SCALE
from components.common.vision.geometry import Box, box_mask, placed
from components.evaluation.benchmark import View
from components.inference.sources import Reference, reference_square
from components.inference.windows import window_of
from tests.inference.scene_data import ramp

CELL = 32


@pytest.mark.parametrize("box", [(20, 12, 25, 30), (0, 0, 30, 20), (60.4, 30.6, 36.2, 30.1), (40, 30, 1, 1)])
def test_the_square_and_its_mask_are_those_of_evaluation(box: tuple) -> None:
    scene = ramp()
    view = View(subject="s", photograph=scene, plate=scene, box=Box(*box), caption="")
    window = window_of(Box(*box), CONTEXT, *scene.size)
    assert window.square == view.window(CONTEXT)
    seen = window.cut(scene).resize((CELL, CELL), Image.Resampling.BICUBIC)
    assert seen.tobytes() == view.square(CONTEXT, CELL, plate=True).tobytes()
    assert window.mask(CELL).tobytes() == box_mask(placed(view.box, view.window(CONTEXT), CELL), CELL).tobytes()
    square, notes = reference_square(Reference(scene, box), "it")
    assert square.tobytes() == view.square(REFERENCE_SCALE).tobytes() and not notes


def test_a_cut_out_has_the_box_of_what_is_opaque() -> None:
    cutout = ramp()
    alpha = Image.new("L", cutout.size)
    alpha.paste(255, (30, 20, 60, 45))
    cutout.putalpha(alpha)
    square, notes = reference_square(Reference(cutout), "it")
    assert not notes and square.size == (34, 34)
    white = np.asarray(square).min(-1) == 255
    assert white[0].all() and not white[5:29, 4:30].all(), "white where it is clear"


def test_a_whole_picture_is_padded_and_that_is_said() -> None:
    square, notes = reference_square(Reference(ramp(40, 20)), "it")
    assert square.size == (40, 40) and "taken whole" in notes[0]
    assert square.crop((0, 10, 40, 30)).tobytes() == ramp(40, 20).tobytes()


def test_a_drawing_of_the_scene_itself_changes_little() -> None:
    """Put back what was cut out, and only the loss of resolution shows: nothing is shifted."""
    y, x = np.mgrid[:300, :400]
    smooth = np.stack([x / 2 + y / 10, 255 - x / 2, y / 2], -1).clip(0, 255).astype(np.uint8)
    for box in [(100, 50, 150, 120), (0, 0, 90, 60), (310.5, 220.5, 89, 79), (10, 20, 380, 150)]:
        scene = Image.fromarray(smooth)
        window = window_of(Box(*box), CONTEXT, *scene.size)
        drawn = window.cut(scene).resize((CELL, CELL), Image.Resampling.BICUBIC)
        window.put_back(scene, drawn, margin=0.2)
        assert np.abs(np.asarray(scene, int) - smooth).max() <= 4, box


def test_the_drawing_fades_in_at_the_edges_of_the_box_but_not_of_the_scene() -> None:
    scene = Image.new("RGB", (300, 200), "white")
    window_of(Box(0, 50, 100, 150), CONTEXT, *scene.size).put_back(scene, Image.new("RGB", (CELL, CELL)))
    shown = np.asarray(scene)[..., 0]
    assert not shown[100, :80].any() and not shown[190:, 50].any(), "the left and lower edges are the scene's own"
    for line in (shown[100, 85:100], shown[50:65, 50][::-1]):
        assert (np.diff(line.astype(int)) >= 0).all() and 0 < line[-3] < line[-1] < 255
    assert (shown[:50] == 255).all() and (shown[:, 100:] == 255).all()
