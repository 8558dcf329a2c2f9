"""Local contrast: what photographs of one scene have in common, whatever the light.

Plain backgrounds and light look alike in unrelated photographs; only details tell scenes apart.
"""

import cv2
import numpy as np

from components.common.vision.images import THUMBNAIL

BLUR = THUMBNAIL / 16  # px; anything wider is not a detail
FAINT = 4.0  # grey levels (0..255); fainter details fade out along with the noise
PLAIN = 0.1  # standard deviation of local contrast below which there is nothing to compare


def local_contrast(picture: np.ndarray) -> np.ndarray:
    """How much each pixel differs from its surroundings, relative to how much pixels there differ: float32 [H, W].

    picture: grey, uint8 [H, W].
    """
    grey = picture.astype(np.float32)
    outstanding = grey - cv2.GaussianBlur(grey, (0, 0), BLUR)
    return outstanding / np.sqrt(cv2.GaussianBlur(outstanding**2, (0, 0), BLUR) + FAINT**2)
