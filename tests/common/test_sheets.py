"""Contact sheets: every picture is shown whole, below its column's heading and above its caption."""

import numpy as np
from PIL import Image

from components.common.vision.sheets import GAP, LINE, evenly_spread, sheet

SIDE = 40
STEP = SIDE + GAP
RED, BLUE = (255, 0, 0), (0, 0, 255)


def square(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), colour)


def ink(picture: Image.Image, left: int, top: int, width: int, height: int) -> bool:
    return bool((np.asarray(picture.crop((left, top, left + width, top + height))) < 255).any())


def test_a_tall_picture_is_fitted_not_stretched() -> None:
    shown = sheet([[Image.new("RGB", (20, 80), RED)]], side=SIDE)
    assert shown.size == (STEP + GAP, STEP + GAP)
    assert (np.asarray(shown) == RED).all(-1).sum() == SIDE * SIDE // 4


def test_every_column_has_its_heading() -> None:
    shown = sheet([[square(RED), square(BLUE)]], ["one", "two"], SIDE)
    for column, colour in enumerate((RED, BLUE)):
        left = GAP + column * STEP
        assert ink(shown, left, GAP, SIDE, LINE)
        assert shown.getpixel((left, 2 * GAP + LINE)) == colour


def test_rows_abreast_repeat_the_headings_and_stay_in_their_columns() -> None:
    shown = sheet([[square(RED)], [square(RED), square(BLUE)]], ["a", "b"], SIDE, abreast=2)
    top = 2 * GAP + LINE
    assert shown.size == (4 * STEP + GAP, top + STEP)
    columns = [shown.getpixel((GAP + column * STEP, top)) for column in range(4)]
    assert columns == [RED, (255, 255, 255), RED, BLUE]
    assert all(ink(shown, GAP + column * STEP, GAP, SIDE, LINE) for column in range(4))


def test_captions_and_texts_are_written_and_long_ones_cut() -> None:
    short, long = (sheet([[(square(RED), text), text]], side=SIDE) for text in ("ab", "ab " * 200))
    assert short.height == STEP + LINE + GAP and long.height == STEP + 4 * LINE + GAP
    for shown in (short, long):
        assert ink(shown, GAP, GAP + SIDE, SIDE, LINE)
        assert ink(shown, GAP + STEP, GAP, SIDE, LINE)


def test_a_sheet_of_nothing_is_white() -> None:
    assert not ink(sheet([], ["a"], SIDE), 0, GAP + LINE, SIDE, SIDE)


def test_positions_are_spread_from_the_first_to_the_last() -> None:
    assert evenly_spread(0, 3) == [] and evenly_spread(1, 3) == [0] and evenly_spread(3, 8) == [0, 1, 2]
    assert evenly_spread(9, 3) == [0, 4, 8] and evenly_spread(9, 1) == [0]
