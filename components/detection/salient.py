"""A box around what stands out from the edge of the photograph: for photographs of single products, without a model.

GrabCut (Rother, Kolmogorov and Blake 2004): colours near the photograph's edge are background, the others foreground,
and both models are refined together. The largest connected part of the foreground is the object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from components.common.vision.geometry import Box
from components.detection.annotations import Rejects
from components.detection.boxes import PRODUCT, UNCERTAIN, Candidate, whole
from components.detection.sources import Row

SIDE = 128  # px, longer side of the picture that is segmented
EDGE = 0.06  # share of the shorter side that is taken for background at first
SURE = 2  # px at the very edge that stay background
ROUNDS = 4
SPECK = 5  # px: thinner parts are not taken for the object


@dataclass(frozen=True)
class Salient:
    """One box per photograph, around what stands out: score 1. If that covers less than `least` or more than `most` of
    the photograph, the box of the whole photograph without `inset` of the side at each edge: score `UNCERTAIN`."""

    least: float
    most: float
    inset: float
    maker: str = f"salient-1-opencv-{cv2.__version__}"

    @property
    def contents(self) -> dict[str, str]:
        return {"salient": self.maker}

    @property
    def rejects(self) -> Rejects:
        return Rejects()

    def prepare(self, photo: Image.Image) -> Box | None:
        """The box of what stands out, in px, if its size is plausible."""
        box = standing_out(photo)
        share = box.area / (photo.width * photo.height)
        return box if self.least <= share <= self.most else None

    def propose(self, rows: Sequence[Row], prepared: Sequence[Any]) -> list[list[Candidate]]:
        return [
            [Candidate(box, PRODUCT, 1.0) if box else Candidate(self._whole(row), PRODUCT, UNCERTAIN)]
            for row, box in zip(rows, prepared, strict=True)
        ]

    def _whole(self, row: Row) -> Box:
        return whole(row["width"], row["height"], self.inset)


def standing_out(photo: Image.Image) -> Box:
    """The box of what stands out from a photograph's edge, in px; empty if nothing does."""
    scale = SIDE / max(photo.size)
    small = photo.convert("RGB").resize([max(round(side * scale), 4 * SPECK) for side in photo.size])
    foreground_HW = _foreground(np.asarray(small)[:, :, ::-1].copy())
    count, _, parts, _ = cv2.connectedComponentsWithStats(foreground_HW)
    if count < 2:
        return Box(0, 0, 0, 0)
    x, y, w, h, _ = parts[1 + parts[1:, cv2.CC_STAT_AREA].argmax()].tolist()
    across, down = photo.width / small.width, photo.height / small.height
    return Box(x * across, y * down, w * across, h * down)


def _foreground(pixels_HWC: np.ndarray) -> np.ndarray:
    """uint8 [H, W], 1 where the object is. pixels: uint8, blue, green, red."""
    height, width = pixels_HWC.shape[:2]
    edge = max(SURE, round(EDGE * min(height, width)))
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    mask[SURE:-SURE, SURE:-SURE] = cv2.GC_PR_BGD
    mask[edge:-edge, edge:-edge] = cv2.GC_PR_FGD
    cv2.setRNGSeed(0)  # of this thread: the colour models start from random clusters
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels_HWC, mask, [0, 0, 1, 1], *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((SPECK, SPECK), np.uint8))
