"""References cut from the target itself, as in earlier work, which has one photograph of each object.

Only augmentation makes them differ from the target: that of Paint-by-Example (arXiv 2211.13227) without its elastic
deformation, so flips, rotations and blur.
"""

from PIL import Image, ImageFilter, ImageOps

from components.common.data.seeds import unit_interval
from components.common.vision.geometry import Box, crop

TURN = 20.0  # degrees to either side
FLIPPED, BLURRED = 0.5, 0.3  # shares of the crops
BLUR = 0.02  # standard deviation / side of the crop


def augmented(photo: Image.Image, window: Box, size: int, seed: int, *keys: str) -> Image.Image:
    """The window, rotated about its centre, perhaps flipped and blurred, size x size px. keys: of its randomness."""
    turn, flip, blur = (unit_interval(seed, *keys, step) for step in ("turn", "flip", "blur"))
    centre = (window.x + window.w / 2, window.y + window.h / 2)
    turned = photo.rotate((2 * turn - 1) * TURN, Image.Resampling.BICUBIC, center=centre)
    square = crop(turned, window, size)
    square = ImageOps.mirror(square) if flip < FLIPPED else square
    return square.filter(ImageFilter.GaussianBlur(BLUR * size)) if blur < BLURRED else square
