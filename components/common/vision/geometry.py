"""Windows and crops around a box: the same rule for mining, training tuples and metrics."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageOps

from components.common.errors import UserError

MARK = "#e00000"
"""Of a box that is drawn for people."""


class Box(NamedTuple):
    """x, y of the top left corner, width and height, in px of the upright photograph."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return max(self.w, 0.0) * max(self.h, 0.0)


def parse_box(text: str) -> Box:
    """A box as people write it: `x,y,w,h`. Raises `UserError` for any other text."""
    try:
        x, y, w, h = map(float, text.split(","))
    except ValueError:
        raise UserError(
            f"the box '{text}' cannot be read: write x,y,w,h in px of the upright picture, such as 40,25,120,90"
        ) from None
    return Box(x, y, w, h)


def box_text(sides: Sequence[float]) -> str:
    """x, y, w and h as `parse_box` reads them."""
    return ",".join(f"{side:g}" for side in sides)


def finite(values: Iterable[Any]) -> tuple[float, ...]:
    """The values as numbers; empty if one of them is not a finite number."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def overhang(box: Box, width: float, height: float) -> float:
    """By how many px the box exceeds a width x height picture; not positive if it is inside."""
    return max(-box.x, -box.y, box.x + box.w - width, box.y + box.h - height)


def checked_box(sides: Sequence[float], size: tuple[int, int], name: str) -> Box:
    """x, y, w, h as a box. Raises `UserError` unless it is in the picture of this size, at least one px wide and high.

    name: what the message calls the picture.
    """
    box = Box(*sides)
    if all(map(math.isfinite, box)) and box.w >= 1 and box.h >= 1 and overhang(box, *size) <= 0:
        return box
    raise UserError(
        f"{name} has no box {box_text(box)}: give x,y,w,h in px, w and h at least 1, within "
        f"the {size[0]} x {size[1]} px of the upright picture"
    )


def whole_pixels(box: Box, width: int, height: int) -> Box:
    """The box cut to a width x height photograph, edges rounded to whole px; without area if it is outside.

    Halves are rounded up, so that a box of at least one px keeps its size within one px, and some area.
    """
    left, right = (min(max(math.floor(edge + 0.5), 0), width) for edge in (box.x, box.x + box.w))
    top, bottom = (min(max(math.floor(edge + 0.5), 0), height) for edge in (box.y, box.y + box.h))
    return Box(left, top, max(right - left, 0), max(bottom - top, 0))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a.area + b.area - shared) if shared else 0.0


def expanded(box: Box, scale: float) -> Box:
    """The box with both sides multiplied by `scale` about its centre."""
    return Box(box.x - box.w * (scale - 1) / 2, box.y - box.h * (scale - 1) / 2, box.w * scale, box.h * scale)


def square_window(box: Box, scale: float, width: int, height: int) -> Box:
    """A square of side `scale` x the box's longer side, centred on it and moved to fit inside a width x height photo.

    A square larger than the photograph shrinks to the photograph's shorter side.
    """
    side = min(max(box.w, box.h) * scale, width, height)
    x = min(max(box.x + box.w / 2 - side / 2, 0.0), width - side)
    y = min(max(box.y + box.h / 2 - side / 2, 0.0), height - side)
    return Box(x, y, side, side)


def pixel_window(box: Box, scale: float, width: int, height: int) -> Box:
    """`square_window` on whole pixels, still inside the photograph: rounding must not make it wider than high."""
    window = square_window(box, scale, width, height)
    side = min(max(round(window.w), 1), width, height)
    return Box(min(round(window.x), width - side), min(round(window.y), height - side), side, side)


def crop(image: Image.Image, box: Box, size: int | None = None) -> Image.Image:
    """The part of the image inside `box`, rounded to whole pixels, resized to size x size px if given (bicubic)."""
    left, top = round(box.x), round(box.y)
    right, bottom = max(round(box.x + box.w), left + 1), max(round(box.y + box.h), top + 1)
    part = image.crop((max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)))
    return part if size is None else part.resize((size, size), Image.Resampling.BICUBIC)


def object_crop(photograph: Image.Image, box: Box, scale: float, side: int) -> Image.Image:
    """An object as it is stored and compared: its box in whole px, enlarged by `scale`, at most `side` px long.

    Raises `UserError` if the box covers no pixel.
    """
    covered = whole_pixels(box, *photograph.size)
    if not covered.area:
        raise UserError(f"the box {box_text(box)} covers no pixel of the photograph")
    part = crop(photograph, expanded(covered, scale))
    part.thumbnail((side, side), Image.Resampling.BICUBIC)
    return part


def longest(image: Image.Image, side: int) -> Image.Image:
    """The image scaled so that its longer side has `side` px (bicubic); its shape is kept to a pixel."""
    scale = side / max(image.size)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    return image.resize(size, Image.Resampling.BICUBIC)


def padded_square(image: Image.Image, size: int) -> Image.Image:
    """The whole image scaled into a size x size square, borders filled with its mean colour (nothing is cut off)."""
    mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return ImageOps.pad(image, (size, size), Image.Resampling.BICUBIC, color=mean)  # type: ignore[arg-type]


def placed(box: Box, window: Box, size: int) -> Box:
    """Where the box is in the picture that `crop(photo, window, size)` makes, in px of that picture."""
    x_scale, y_scale = size / window.w, size / window.h
    return Box((box.x - window.x) * x_scale, (box.y - window.y) * y_scale, box.w * x_scale, box.h * y_scale)


def box_mask(box: Box, size: int) -> Image.Image:
    """size x size px, mode L: 255 in the box, rounded to whole pixels and at least one; 0 elsewhere."""
    left, top = round(box.x), round(box.y)
    right, bottom = max(round(box.x + box.w), left + 1), max(round(box.y + box.h), top + 1)
    mask = Image.new("L", (size, size))
    ImageDraw.Draw(mask).rectangle((left, top, right - 1, bottom - 1), fill=255)
    return mask


def draw_box(picture: Image.Image, sides: Sequence[float], width: int) -> None:
    """Draws a box on a picture, in `MARK`. sides: x, y, w, h; width: of the line, px."""
    x, y, w, h = sides
    ImageDraw.Draw(picture).rectangle((x, y, x + w, y + h), outline=MARK, width=width)
