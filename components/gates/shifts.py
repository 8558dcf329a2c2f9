"""Shifted photographs, found by phase correlation of their thumbnails.

Mining searches for more (cuts, enlargements) by another method; this one is blind to a change of scale by more than a
twentieth, but shares no step with it: what it sees in a set, mining should have seen.
"""

import cv2
import numpy as np

from components.common.data.reading import Dataset

BLUR, SMOOTHING = 2.0, 3  # px: what is wider is light and ground, no detail; what a fraction of a pixel may spoil
FAINT = 4.0  # grey levels: stronger details count alike, the object's no more than the background's
FARTHEST = 0.3  # of the side
PLAIN = 0.1  # standard deviation of details: less is nothing to compare


def shifted(images: Dataset, first: np.ndarray, second: np.ndarray, least: float) -> np.ndarray:
    """Whether photographs first and second [P] (rows of images) are shifts of each other, mirrored or not: bool [P].

    least: correlation of their common part from which they are.
    """
    pairs, where = np.unique(np.stack([first, second], 1), axis=0, return_inverse=True)
    thumbnails = {row: _details(images.vector(row)) for row in np.unique(pairs).tolist()}
    found = [
        max(_correlation(thumbnails[a], thumbnails[b]), _correlation(thumbnails[a], thumbnails[b][:, ::-1])) >= least
        for a, b in pairs.tolist()
    ]
    return np.array(found, bool)[where.reshape(-1)]


def _details(thumbnail: np.ndarray) -> np.ndarray:
    grey = thumbnail.astype(np.float32)
    details = grey - cv2.GaussianBlur(grey, (0, 0), BLUR)
    return details / np.sqrt(cv2.GaussianBlur(details * details, (0, 0), BLUR) + FAINT**2)


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
