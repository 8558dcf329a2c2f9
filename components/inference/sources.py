"""Scenes and references as people have them: files, bytes or PIL images; decoded safely, upright, with their rights."""

import hashlib
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from components.common.errors import UserError
from components.common.references import REFERENCE_SCALE
from components.common.vision.geometry import Box, box_text, crop, padded_square, pixel_window
from components.common.vision.images import Limits, Rejected, decode_as, upright_as
from components.inference.colours import read_colours, to_srgb

Given: TypeAlias = Image.Image | bytes | str | Path
"""A picture as a caller has it: a PIL image, the bytes of a file, or its path."""
Sides: TypeAlias = tuple[float, float, float, float]
"""x, y, w, h in px of the upright picture."""
RIGHTS = (0x013B, 0x8298)
"""EXIF tags that a result keeps from its scene: artist and copyright."""
OPAQUE = 128
"""Alpha from which a pixel of a cut-out reference belongs to the object."""
_HEADER = 32
"""Bytes."""


class Reference(NamedTuple):
    """A picture of the object. box: where the object is, if it does not fill the picture."""

    picture: Given
    box: Sides | None = None


@dataclass(kw_only=True)
class Source:
    """A decoded picture.

    pixels: upright, RGB or RGBA, 8 bits. profile: their ICC profile, None for sRGB. rights: EXIF tag -> text.
    compression: Pillow's options that compress a JPEG as this one was. notes: what could not be kept.
    """

    pixels: Image.Image
    profile: bytes | None
    rights: dict[int, str]
    compression: dict[str, Any]
    notes: list[str]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.pixels.size


def read_source(given: Given, name: str) -> Source:
    """The picture, decoded. name: what messages call it if it has no path. Raises `UserError` if it is unusable."""
    name = name_of(given, name)
    data = b"" if isinstance(given, Image.Image) else _bytes_of(given)
    properties: dict[str, Any] = {}

    def convert(image: Image.Image) -> Image.Image:
        colours = read_colours(image, data[:_HEADER])
        notes = [f"{name} {note}" for note in colours.notes]
        properties.update(profile=colours.profile, notes=notes, rights=_rights(image), compression=_compression(image))
        return colours.pixels

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `decode_as` has a limit of its own
            pixels = upright_as(given.copy(), convert) if isinstance(given, Image.Image) else decode_as(data, convert)
    except Rejected as reason:
        raise UserError(f"{name} is not a usable picture: {reason.detail}") from None
    return Source(pixels=pixels, **properties)


def name_of(given: Given, name: str) -> str:
    """What messages call a picture: its path if it has one."""
    return str(given) if isinstance(given, str | Path) else name


def digest_of(given: Given) -> str:
    """sha256 (hex) of the file; of a PIL image, of its mode, size and pixels. Raises `UserError` if it is missing."""
    if isinstance(given, Image.Image):
        return hashlib.sha256(f"{given.mode} {given.size}".encode() + given.tobytes()).hexdigest()
    return hashlib.sha256(_bytes_of(given)).hexdigest()


def reference_square(reference: Reference, name: str) -> tuple[Image.Image, list[str]]:
    """The object as training frames a reference, a square, RGB in sRGB; and notes, as of `Source`.

    With a box it is the square around it; a cut-out, with an alpha channel, has the box of what is opaque. Any other
    picture is taken whole, padded to a square. Raises `UserError` if there is no such box, or nothing opaque.
    """
    source, name = read_source(reference.picture, name), name_of(reference.picture, name)
    flat = to_srgb(source.pixels, source.profile)
    if reference.box:
        box = checked_box(reference.box, source.size, name)
    elif source.pixels.mode == "RGBA" and _has_clear_parts(source.pixels):
        box = _opaque_box(source.pixels, name)
    else:
        note = f"{name} was taken whole: give the object's box if it does not fill the picture"
        check_side(max(flat.size), name)
        return padded_square(flat, max(flat.size)), [*source.notes, note]
    return crop(flat, pixel_window(box, REFERENCE_SCALE, *source.size)), source.notes


def checked_box(sides: Sides, size: tuple[int, int], name: str) -> Box:
    """The box. Raises `UserError` unless it is in the picture of this size and at least one px wide and high."""
    box, (width, height) = Box(*sides), size
    if all(map(math.isfinite, box)) and box.w >= 1 and box.h >= 1 and _is_inside(box, width, height):
        return box
    raise UserError(
        f"{name} has no box {box_text(box)}: give x,y,w,h in px, w and h at least 1, within "
        f"the {width} x {height} px of the upright picture"
    )


def check_side(side: float, name: str) -> None:
    """Raises `UserError` if a square of side x side px has more pixels than a picture may have, as for a thin one."""
    if side**2 > Limits.max_pixels:
        raise UserError(
            f"{name} would need a square of {side:g} x {side:g} px: give a smaller box, or make the picture smaller"
        )


def _is_inside(box: Box, width: int, height: int) -> bool:
    return box.x >= 0 and box.y >= 0 and box.x + box.w <= width and box.y + box.h <= height


def _has_clear_parts(pixels: Image.Image) -> bool:
    least, _ = pixels.getchannel("A").getextrema()
    return cast(int, least) < OPAQUE


def _opaque_box(pixels: Image.Image, name: str) -> Box:
    corners = pixels.getchannel("A").point(lambda alpha: 255 * (alpha >= OPAQUE)).getbbox()
    if corners is None:
        raise UserError(f"{name} is transparent all over: give a picture that shows the object")
    left, top, right, bottom = corners
    return Box(left, top, right - left, bottom - top)


def check_file(given: Given) -> None:
    """Raises `UserError` if a picture's file cannot be opened; nothing is read."""
    if isinstance(given, str | Path):
        with _opened(given):
            pass


def _bytes_of(given: bytes | str | Path) -> bytes:
    if isinstance(given, bytes):
        return given
    with _opened(given) as file:
        return file.read()


@contextmanager
def _opened(given: str | Path) -> Iterator[BinaryIO]:
    """The file, unless it is a pipe or a device, which may never end."""
    try:
        if Path(given).exists() and not Path(given).is_file():
            raise ValueError("it is not a regular file")
        with Path(given).open("rb") as file:
            yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{given} cannot be read ({reason}): name a picture's file") from None


def _rights(image: Image.Image) -> dict[int, str]:
    try:
        tags = image.getexif()
        return {tag: str(tags[tag]) for tag in RIGHTS if tags.get(tag)}
    except Exception:  # damaged EXIF says nothing about the pixels
        return {}


def _compression(image: Image.Image) -> dict[str, Any]:
    """Options that compress a JPEG's result as the JPEG itself was; empty for other pictures."""
    if isinstance(image, JpegImageFile) and image.mode == "RGB":
        return {"qtables": image.quantization, "subsampling": get_sampling(image)}
    return {}
