"""Moved pictures: two photographs of one scene that are shifted, cropped, enlarged or mirrored against each other.

A difference hash compares cell with cell, so it misses a shift by a twentieth of the side. Here, one thumbnail is laid
over the other: the middle of the first is searched for in the second (cv2.matchTemplate), and that place is refined to
an affine map by ECC (cv2.findTransformECC; Evangelidis and Psarakis 2008), whose correlation over the common part
decides. Only local contrast counts (`contrast.py`). Every place has the same weight, however faint, and the common part
must be large: one object in front of two backgrounds is not a near-duplicate.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from components.common.data.reading import Dataset
from components.common.vision.contrast import PLAIN, local_contrast
from components.common.vision.images import THUMBNAIL

SCALES = (0.85, 1.0, 1 / 0.85)  # ECC finds the scales in between
MIDDLE = THUMBNAIL // 2  # px, side of the middle: it is found up to a shift by a quarter of the picture
SPOTTED = 0.5  # least correlation of the middle worth refining: none of 3,680 planted shifts is below 0.53
COMMON = 0.5  # least share of the picture that both show
STEPS, PRECISION, SMOOTHING = 15, 1e-3, 3  # ECC's iterations, change of the correlation, px
PAIRS_KEPT, PICTURES_KEPT = 1 << 18, 1 << 14  # in memory (64 and 128 MiB): sets ask for the same ones repeatedly


class Scenes:
    """Compares photographs by their row in the dataset `images`; thumbnails are read as needed."""

    def __init__(self, images: Dataset):
        self._images = images
        self._details = lru_cache(PICTURES_KEPT)(self._read)
        self._correlation = lru_cache(PAIRS_KEPT)(self._compare)

    def correlation(self, src: np.ndarray, dst: np.ndarray) -> np.ndarray:
        """`moved_correlation` of photographs src and dst (int [P], either way round): float64 [P]."""
        pairs = zip(np.minimum(src, dst).tolist(), np.maximum(src, dst).tolist(), strict=True)
        return np.array([self._correlation(first, second) for first, second in pairs], np.float64)

    def _read(self, photo: int) -> "Details":
        return details_of(self._images.vector(photo))

    def _compare(self, first: int, second: int) -> float:
        return moved_correlation(self._details(first), self._details(second))


class Details(NamedTuple):
    """The local contrast of a picture. whole: float32 [THUMBNAIL, THUMBNAIL].

    middles: the middle of the picture at each of SCALES, float32 [MIDDLE, MIDDLE], or None if it is plain.
    """

    whole: np.ndarray
    middles: list[np.ndarray | None]


def details_of(thumbnail: np.ndarray) -> Details:
    """The part of a photograph that is compared. thumbnail: uint8 [THUMBNAIL, THUMBNAIL]."""
    return Details(local_contrast(thumbnail), [_middle(thumbnail, round(THUMBNAIL * scale)) for scale in SCALES])


def _middle(thumbnail: np.ndarray, side: int) -> np.ndarray | None:
    inner = slice((side - MIDDLE) // 2, (side - MIDDLE) // 2 + MIDDLE)
    middle = local_contrast(cv2.resize(thumbnail, (side, side), interpolation=cv2.INTER_AREA))[inner, inner]
    return middle if middle.std() >= PLAIN else None


def moved_correlation(first: Details, second: Details) -> float:
    """Correlation, -1..1, of what two pictures share when the first is laid over the second or its mirror image.

    -1 if they do not share enough at any place.
    """
    mirrored = np.ascontiguousarray(second.whole[:, ::-1])
    return max(_laid_over(first, second.whole), _laid_over(first, mirrored))


def _laid_over(first: Details, second: np.ndarray) -> float:
    spotted, start = _search(first.middles, second)
    if spotted < SPOTTED:
        return -1.0
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, PRECISION)
    everywhere = np.ones_like(second, np.uint8)
    try:
        correlation, place = cv2.findTransformECC(
            second, first.whole, start, cv2.MOTION_AFFINE, until, everywhere, SMOOTHING
        )
    except cv2.error:  # raised if it does not converge
        return -1.0
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    common = cv2.warpAffine(everywhere, np.asarray(place), second.shape, flags=flags)
    return float(correlation) if np.mean(common) >= COMMON else -1.0


def _search(middles: list[np.ndarray | None], second: np.ndarray) -> tuple[float, np.ndarray]:
    """The highest correlation of the middle of the first picture with the second, and its place.

    The place is an affine map, float32 [2, 3], from pixels of the second picture to pixels of the first.
    """
    best, place = -1.0, np.eye(2, 3, dtype=np.float32)
    for scale, middle in zip(SCALES, middles, strict=True):
        if middle is None:
            continue
        _, spotted, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED))
        if spotted > best:
            side = round(THUMBNAIL * scale)
            margin = (side - MIDDLE) // 2
            best = spotted
            place = np.array([[1, 0, margin - x], [0, 1, margin - y]], np.float32) * (THUMBNAIL / side)
    return best, place
