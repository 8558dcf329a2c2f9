"""Where a removal looks, what it erases, and where it may change the photograph.

erased: the box, slightly enlarged; its old content is hidden from the remover's fill.
allowed: the box, further enlarged to include shadow and reflection; outside it, the photograph stays bit-identical.
window: the square around the object that is scaled to the remover's working size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from components.common.vision.geometry import Box, expanded, square_window

RAMP = 0.04  # share of the window's side over which changes fade in from the edge of the allowed area


@dataclass(frozen=True)
class Areas:
    """The two areas of one object in a photograph, bool [H, W] and float32 [H, W] in 0..1 (0: untouched)."""

    erased_HW: np.ndarray
    weight_HW: np.ndarray


@dataclass(frozen=True)
class Framing:
    """How areas and windows follow from a box; fields as in `Params`."""

    mask_scale: float
    mask_margin: int
    allowed_scale: float
    window_scale: float
    size: int

    def erased(self, box: Box, width: int, height: int) -> np.ndarray:
        """The erased rectangle as bool [height, width]."""
        grown, margin = expanded(box, self.mask_scale), self.mask_margin
        grown = Box(grown.x - margin, grown.y - margin, grown.w + 2 * margin, grown.h + 2 * margin)
        return _rectangle(grown, width, height)

    def erased_share(self, box: Box, width: int, height: int) -> float:
        """The erased share of the window around the object, 0..1."""
        window = self.window(box, width, height)
        moved = Box(box.x - window.x, box.y - window.y, box.w, box.h)
        return float(self.erased(moved, int(window.w), int(window.h)).mean())

    def allowed(self, box: Box, width: int, height: int) -> np.ndarray:
        """The area that may change, as bool [height, width]; it includes the erased rectangle."""
        return _rectangle(expanded(box, self.allowed_scale), width, height) | self.erased(box, width, height)

    def window(self, box: Box, width: int, height: int) -> Box:
        """The square that the remover sees, in whole px: at least `size` px wide if the photograph is."""
        scale = max(self.window_scale, self.size / max(box.w, box.h, 1.0))
        x, y, side, _ = (round(value) for value in square_window(box, scale, width, height))
        return Box(min(x, width - side), min(y, height - side), side, side)

    def areas(self, box: Box, width: int, height: int) -> Areas:
        """Both areas for a box in a picture of width x height px."""
        erased = self.erased(box, width, height)
        ramp = max(RAMP * self.window(box, width, height).w, 1.0)
        return Areas(erased, _faded(self.allowed(box, width, height), erased, ramp))


def _rectangle(box: Box, width: int, height: int) -> np.ndarray:
    area = np.zeros((height, width), bool)
    left, top = max(int(np.floor(box.x)), 0), max(int(np.floor(box.y)), 0)
    area[top : max(int(np.ceil(box.y + box.h)), top + 1), left : max(int(np.ceil(box.x + box.w)), left + 1)] = True
    return area


def _faded(allowed: np.ndarray, erased: np.ndarray, ramp: float) -> np.ndarray:
    """1 inside, falling to 0 over `ramp` px towards the allowed area's edge (not towards the photograph's); 1 on the
    erased rectangle."""
    distance = cv2.distanceTransform(allowed.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = np.clip(distance / (ramp + 1), 0, 1) if not allowed.all() else np.ones(allowed.shape)
    return np.where(erased, 1, inside).astype(np.float32)


Fill = Callable[[np.ndarray, Areas], np.ndarray]
"""Makes a picture without the object: float32 [S, S, 3] in 0..1 and its areas -> float32 [S, S, 3]."""


def fill_window(image: Image.Image, box: Box, framing: Framing, fill: Fill) -> tuple[Image.Image, Image.Image]:
    """Runs `fill` on the window around `box`, scaled to the working size, and pastes its result back.

    Returns the clean plate (RGB, the photograph's size) and the mask of what was erased (L, 0 or 255). Inside the
    erased rectangle, the filled picture is pasted; around it, only the change is applied, so that fine texture below a
    shadow survives a smaller working size. Outside the allowed area, no pixel changes.
    """
    whole = image.convert("RGB")
    erased = framing.erased(box, *whole.size)
    window = framing.window(box, *whole.size)
    left, top, side = int(window.x), int(window.y), int(window.w)
    part = np.asarray(whole.crop((left, top, left + side, top + side)), np.float32) / 255
    moved = Box(box.x - left, box.y - top, box.w, box.h)
    full, small = framing.areas(moved, side, side), scaled(part, framing.size)
    small_filled = fill(small, _small_areas(full, framing.size))
    filled = scaled(small_filled, side)
    changed = part + scaled(small_filled - small, side)
    plate = np.where(full.erased_HW[..., None], filled, changed)
    plate = part + full.weight_HW[..., None] * (plate - part)
    whole.paste(Image.fromarray(np.round(255 * np.clip(plate, 0, 1)).astype(np.uint8)), (left, top))
    return whole, Image.fromarray(255 * erased.astype(np.uint8))


def scaled(picture: np.ndarray, side: int) -> np.ndarray:
    """A square float32 picture [S, S, ...] resized to side x side: by area averages if smaller, bicubic if larger."""
    if picture.shape[0] == side:
        return picture
    return cv2.resize(
        picture, (side, side), interpolation=cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_CUBIC
    )


def _small_areas(full: Areas, side: int) -> Areas:
    erased = scaled(full.erased_HW.astype(np.float32), side) > 0
    return Areas(erased, np.where(erased, 1, np.clip(scaled(full.weight_HW, side), 0, 1)).astype(np.float32))
