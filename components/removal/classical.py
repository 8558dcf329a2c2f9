"""Classical inpainting with OpenCV: colours spread inwards from the edge of the erased rectangle.

Fast and without weights, but shadows stay. Telea: J. Graphics Tools 9(1), 2004. Navier-Stokes: Bertalmio et al., CVPR
2001.
"""

from typing import Literal

import cv2
import numpy as np
from PIL import Image

from components.common.vision.geometry import Box
from components.removal.areas import Areas, Framing, fill_window

RADIUS = 4.0  # px around each unknown pixel from which its colour is taken
Algorithm = Literal["telea", "navier-stokes"]
_FLAGS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


def classical_fill(picture: np.ndarray, erased_HW: np.ndarray, algorithm: Algorithm = "telea") -> np.ndarray:
    """The picture (float32 [H, W, 3], 0..1) with its erased pixels filled in; unchanged if all pixels are erased."""
    if erased_HW.all():
        return picture
    pixels = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    filled = cv2.inpaint(pixels, erased_HW.astype(np.uint8), RADIUS, _FLAGS[algorithm])
    return np.where(erased_HW[..., None], filled.astype(np.float32) / 255, picture)


class ClassicalRemover:
    """Fills the erased rectangle and changes nothing else."""

    digest = f"opencv-{cv2.__version__}"

    def __init__(self, framing: Framing, algorithm: Algorithm):
        self.framing, self.algorithm = framing, algorithm

    def remove(self, image: Image.Image, box: Box, key: str) -> tuple[Image.Image, Image.Image]:
        """See `Remover`; nothing is random here, so `key` is not used."""
        return fill_window(image, box, self.framing, self._fill)

    def _fill(self, picture: np.ndarray, areas: Areas) -> np.ndarray:
        return classical_fill(picture, areas.erased_HW, self.algorithm)
