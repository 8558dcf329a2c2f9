"""Shifted photographs, found by phase correlation of their thumbnails: an independent check of mining's search.

Mining (`common.vision.moved`) finds the place by template matching and refines it by ECC; using that here would repeat
its verdict, blind spots included. What both share is their input, the thumbnails' local contrast. Phase correlation
sees less (no change of scale by more than a twentieth), so whatever it sees mining should have seen too.
"""

import cv2
import numpy as np

from components.common.data.reading import Dataset
from components.common.vision.contrast import PLAIN, local_contrast

SMOOTHING = 3  # px: evens out shifts by a fraction of a pixel
FARTHEST = 0.3  # of the side


def shifted(images: Dataset, first: np.ndarray, second: np.ndarray, least: float) -> np.ndarray:
    """Whether photographs first and second [P] (rows of images) are shifts of each other, mirrored or not: bool [P].

    least: correlation of their common part from which they are.
    """
    pairs, where = np.unique(np.stack([first, second], 1), axis=0, return_inverse=True)
    contrasts = {row: local_contrast(images.vector(row)) for row in np.unique(pairs).tolist()}
    verdicts = [
        max(_correlation(contrasts[a], contrasts[b]), _correlation(contrasts[a], contrasts[b][:, ::-1])) >= least
        for a, b in pairs.tolist()
    ]
    return np.array(verdicts, bool)[where.reshape(-1)]


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation, -1..1, of what both show at the shift at which their phases agree best; -1 if that is none."""
    side, second = len(first), np.ascontiguousarray(second)
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(first * window, second * window)  # its own windowing overwrites the inputs
    x, y = round(right), round(down)
    if max(abs(x), abs(y)) > FARTHEST * side:
        return -1.0
    ours = first[max(-y, 0) : side - max(y, 0), max(-x, 0) : side - max(x, 0)]
    theirs = second[max(y, 0) : side - max(-y, 0), max(x, 0) : side - max(-x, 0)]
    if min(ours.std(), theirs.std()) < PLAIN:
        return -1.0
    smooth = [np.asarray(cv2.GaussianBlur(part, (SMOOTHING, SMOOTHING), 0)) for part in (ours, theirs)]
    return float(np.corrcoef(smooth[0].ravel(), smooth[1].ravel())[0, 1])
