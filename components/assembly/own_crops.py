"""References cut from the target itself, the data of earlier work: there is one photograph of each object.

What makes them differ from the target is augmentation, as Paint-by-Example (arXiv 2211.13227) does it, without its
elastic deformation: flips, turns and blur.
"""

from PIL import Image, ImageFilter, ImageOps

from components.common.data.seeds import unit_interval
from components.common.vision.geometry import Box, crop

TURN = 20.0  # degrees to either side
FLIPPED, BLURRED = 0.5, 0.3  # shares of the crops
BLUR = 0.02  # standard deviation / side of the crop


def augmented(photo: Image.Image, window: Box, size: int, seed: int, *keys: str) -> Image.Image:
    """The window, turned about its centre, perhaps flipped and blurred, size x size px. keys: what the lots are for."""
    turn, flip, blur = (unit_interval(seed, *keys, what) for what in ("turn", "flip", "blur"))
    centre = (window.x + window.w / 2, window.y + window.h / 2)
    turned = photo.rotate((2 * turn - 1) * TURN, Image.Resampling.BICUBIC, center=centre)
    square = crop(turned, window, size)
    square = ImageOps.mirror(square) if flip < FLIPPED else square
    return square.filter(ImageFilter.GaussianBlur(BLUR * size)) if blur < BLURRED else square
