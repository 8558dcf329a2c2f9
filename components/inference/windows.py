"""From a scene to the model's cell and back: the square around a box, its mask, and what is put back into the box."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageChops

from components.common.vision.geometry import Box, box_mask, crop, pixel_window, placed

Area: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom, px of the scene; right and bottom are the first px outside."""


@dataclass(frozen=True)
class Window:
    """A square of a scene around a box, in px of the scene. It reaches beyond a scene that is too narrow for it."""

    box: Box
    square: Box

    @property
    def pixels(self) -> Area:
        """The box on whole pixels, at least one wide and high."""
        left, top = round(self.box.x), round(self.box.y)
        right, bottom = round(self.box.x + self.box.w), round(self.box.y + self.box.h)
        return left, top, max(right, left + 1), max(bottom, top + 1)

    def cut(self, scene: Image.Image) -> Image.Image:
        """The square, from the scene; where it reaches beyond, the scene's edge is repeated."""
        part = crop(scene, self.square)
        if part.size == (self.square.w, self.square.h):
            return part
        left, top = max(-int(self.square.x), 0), max(-int(self.square.y), 0)
        right, bottom = int(self.square.w) - left - part.width, int(self.square.h) - top - part.height
        return Image.fromarray(np.pad(np.asarray(part), ((top, bottom), (left, right), (0, 0)), "edge"))

    def mask(self, cell: int) -> Image.Image:
        """Where the object goes in the model's cell: L, cell x cell px, 255 in the box."""
        return box_mask(placed(self.box, self.square, cell), cell)

    def put_back(self, scene: Image.Image, drawn: Image.Image, margin: float = 0.0) -> None:
        """Blends what the model drew into the scene, in place; no pixel outside the box and its margin changes.

        drawn: RGB, the square at any size. At the box's edges the scene shows through, over the width of about one
        pixel of the model; not where they are the scene's own. margin: width of the margin / longer side of the box. In
        it, what the model changed, such as a shadow, is added to the scene's own pixels and fades out.
        """
        if margin:
            self._add_changes(scene, drawn, round(margin * max(self.box.w, self.box.h)))
        left, top, right, bottom = self.pixels
        size = (right - left, bottom - top)
        patch = drawn.resize(size, Image.Resampling.BICUBIC, box=self._in_drawing(self.pixels, drawn.width))
        if scene.mode == "RGBA":  # transparency stays as it is
            patch.putalpha(scene.getchannel("A").crop(self.pixels))
        ramp = max(round(self.square.w / drawn.width), 1)
        across = _fading(size[0], ramp, left > 0, right < scene.width)
        down = _fading(size[1], ramp, top > 0, bottom < scene.height)
        shares = across.resize(size), down.transpose(Image.Transpose.ROTATE_270).resize(size)
        scene.paste(patch, (left, top), ImageChops.multiply(*shares))

    def _add_changes(self, scene: Image.Image, drawn: Image.Image, width: int) -> None:
        x, y, side = (int(value) for value in self.square[:3])
        left, top, right, bottom = self.pixels
        area = (
            max(left - width, x, 0),
            max(top - width, y, 0),
            min(right + width, x + side, scene.width),
            min(bottom + width, y + side, scene.height),
        )
        seen = self.cut(scene).convert("RGB").resize(drawn.size, Image.Resampling.BICUBIC)
        changes = np.asarray(drawn, np.float32) - np.asarray(seen, np.float32)
        size, region = (area[2] - area[0], area[3] - area[1]), self._in_drawing(area, drawn.width)
        large = [_resized(changes[..., channel], size, region) for channel in range(3)]
        shares = np.outer(_distance_share(area[1], area[3], top, bottom, width),
                          _distance_share(area[0], area[2], left, right, width))  # fmt: skip
        part = scene.crop(area)
        shown = np.asarray(part.convert("RGB"), np.float32) + shares[..., None] * np.stack(large, -1)
        added = Image.fromarray(np.clip(np.round(shown), 0, 255).astype(np.uint8))
        if scene.mode == "RGBA":
            added.putalpha(part.getchannel("A"))
        scene.paste(added, area[:2])

    def _in_drawing(self, area: Area, side: int) -> tuple[float, float, float, float]:
        """Where an area of the scene is in a drawing of the square at side x side px."""
        left, top, right, bottom = area
        part = placed(Box(left, top, right - left, bottom - top), self.square, side)
        return max(part.x, 0), max(part.y, 0), min(part.x + part.w, side), min(part.y + part.h, side)


def window_of(box: Box, context: float, width: int, height: int) -> Window:
    """The window that training and evaluation cut around a box of a width x height px scene.

    context: side of the square / longer side of the box; less where the scene has no room. A box longer than the
    scene's shorter side gets a square of its own length, which reaches beyond the scene.
    """
    longer = max(box.w, box.h)
    if longer <= min(width, height):
        return Window(box, pixel_window(box, context, width, height))
    side = min(math.ceil(longer), max(width, height))
    across = (min(width, height) - side) // 2
    if width < height:
        return Window(box, Box(across, min(round(box.y), height - side), side, side))
    return Window(box, Box(min(round(box.x), width - side), across, side, side))


def _fading(length: int, ramp: int, fades_in: bool, fades_out: bool) -> Image.Image:
    """How much of the drawing shows along one side of the box, L, length x 1 px: less in the `ramp` px that fade."""
    count = ramp if length > 2 * ramp else 0  # a box too small for two ramps shows the drawing alone
    rising = np.arange(1, count + 1) / (count + 1)
    shares = np.ones(length)
    if fades_in:
        shares[:count] = rising
    if fades_out:
        shares[length - count :] = rising[::-1]
    return Image.fromarray(np.round(shares * 255).astype(np.uint8)[None])


def _distance_share(start: int, end: int, low: int, high: int, width: int) -> np.ndarray:
    """For the px of start..end along one side: 1 from low to high, falling to 0 beyond `width` px."""
    at = np.arange(start, end)
    distance = np.maximum(np.maximum(low - at, at - high + 1), 0)
    return np.maximum(1 - distance / (width + 1), 0).astype(np.float32)


def _resized(values: np.ndarray, size: tuple[int, int], region: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC, box=region))
