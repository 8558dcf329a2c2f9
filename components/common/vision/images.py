"""Photographs in and out: safe decoding to upright RGB, deterministic encoding, perceptual hashes.

Decoding handles untrusted bytes. Only common photograph formats are opened, the size is read from the header and
checked before any pixel is decoded, and whatever a decoder does with broken bytes becomes `Rejected` with a reason.
Pixels are taken to be sRGB; embedded colour profiles are dropped.
"""

import base64
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import HASH_BYTES, REASONS
from components.common.stage.shared import MOST_BYTES, MOST_PIXELS
from components.common.vision.formats import FORMATS, MISSING, decoders, format_of, without_long_texts

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_EXIF_ORIENTATION = 0x0112
_HASH_SIDE = math.isqrt(8 * HASH_BYTES)
THUMBNAIL = 32  # px


class Rejected(Exception):
    """Bytes that are not a usable photograph. `reason` is a key of `schemas.REASONS`, `detail` a short phrase."""

    def __init__(self, reason: str, detail: str):
        if reason not in REASONS:
            raise ValueError(f"{reason} is not in the closed vocabulary of reasons")
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Limits:
    """What is accepted. The defaults are the loosest that ingest allows, so they accept everything that it accepted.

    max_bytes: file size, bytes. max_pixels: width x height, px. min_side: shorter side, px.
    """

    max_bytes: int = MOST_BYTES
    max_pixels: int = MOST_PIXELS
    min_side: int = 1


def decode(data: bytes, limits: Limits | None = None) -> Image.Image:
    """The photograph as an upright 8-bit RGB image: transparency becomes white, an animation its first frame.

    The result carries no metadata; its `format` says what the file was (JPEG, PNG, ...). Raises `Rejected`.
    """
    return decode_as(data, to_rgb, limits)


def decode_as(data: bytes, convert: Callable[[Image.Image], Image.Image], limits: Limits | None = None) -> Image.Image:
    """As `decode`, with the pixels that `convert` makes of the loaded picture, whose metadata it can still read."""
    limits = limits or Limits()
    if not data:
        raise Rejected("empty", "zero bytes")
    if len(data) > limits.max_bytes:
        raise Rejected("too-large", f"{len(data)} bytes, at most {limits.max_bytes} are accepted")
    image = _open(data)
    width, height = image.size
    if width * height > limits.max_pixels:
        raise Rejected("too-large", f"{width} x {height} px, at most {limits.max_pixels} pixels are accepted")
    if min(width, height) < limits.min_side:
        raise Rejected("too-small", f"{width} x {height} px, the shorter side must have {limits.min_side}")
    return upright_as(image, convert)


def stored_picture(dataset: Dataset, row: Mapping[str, Any], name: str) -> Image.Image:
    """The picture that a stage stored as blob `name` of a row: our own bytes, so `decode`'s checks are skipped."""
    return Image.open(io.BytesIO(dataset.blob(row, name)))


def stored_crop(objects: Dataset, row: Mapping[str, Any]) -> Image.Image:
    """The crop of an object as every encoder sees it, RGB. row: has the columns of the blob `crop`."""
    return stored_picture(objects, row, "crop").convert("RGB")


def _open(data: bytes) -> Image.Image:
    """Reads the header, but no pixels yet."""
    try:
        return Image.open(io.BytesIO(without_long_texts(data)), formats=decoders())
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise Rejected("too-large", str(error)) from None
    except Exception as error:  # decoders raise anything on broken bytes
        known = format_of(data[:16].ljust(16, b"\0"))
        if known in decoders():
            raise Rejected("truncated", f"a {known} file with a broken header") from error
        if known:
            wanted = MISSING.get(known, f"{known}; accepted are {', '.join(FORMATS)}")
            raise Rejected("unsupported", wanted) from None
        raise Rejected("not-an-image", "no known image format") from None


def upright_as(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """An opened picture, upright, with the pixels that `convert` makes of it. Raises `Rejected`."""
    kind = image.format
    try:
        image.load()
        upright = _upright(convert(image), _orientation(image))
    except (MemoryError, Rejected):
        raise
    except Exception as error:  # decoders raise anything on broken bytes
        detail = _ADDRESS.sub("", str(error))[:100] or type(error).__name__
        raise Rejected("truncated", f"broken {kind} data: {detail}") from error
    upright.info, upright.format = {}, kind
    return upright


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1..8; 1 if it is absent or damaged."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF says nothing about the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB of a loaded picture, over white where it is transparent. Raises `Rejected` for floating point."""
    if image.mode.startswith("I"):  # 16 bit greyscale, which Pillow would clip at 255
        values = np.clip(np.asarray(image, np.int64), 0, 65535)
        return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise Rejected("unsupported", "floating point pixels have no agreed white")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("RGB")


def encode_png(image: Image.Image) -> bytes:
    """PNG bytes, the same for the same pixels: no metadata is written."""
    bare, buffer = image.copy(), io.BytesIO()
    bare.info = {}
    bare.save(buffer, "PNG", compress_level=2)  # higher levels are slower, and photographs get no smaller
    return buffer.getvalue()


def webp_address(image: Image.Image, side: int, quality: int = 85, lossless: bool = False) -> str:
    """The picture, at most side px wide and high, as a data address of WebP: a tenth of the bytes of a PNG."""
    shown = image.convert("RGB")
    shown.thumbnail((side, side), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    shown.save(buffer, format="WEBP", quality=quality, lossless=lossless)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def dhashes(image: Image.Image) -> tuple[bytes, bytes]:
    """256-bit difference hashes (32 bytes each) of the image and of its mirror image.

    A bit says whether brightness rises from one cell of a 16 x 17 grid to its right neighbour. Near-duplicates
    differ in few bits; see `hamming`.
    """
    grid = np.asarray(image.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.BOX), np.int16)
    return tuple(np.packbits(np.diff(g, axis=1) > 0).tobytes() for g in (grid, grid[:, ::-1]))  # type: ignore[return-value]


def thumbnail(image: Image.Image) -> np.ndarray:
    """The whole image in grey, squeezed into a square: uint8 [THUMBNAIL, THUMBNAIL]."""
    return np.asarray(image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


def hash_array(hashes: Sequence[bytes]) -> np.ndarray:
    """N hashes of 32 bytes as uint8 [N, 32], for `hamming`."""
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), HASH_BYTES)


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Number of differing bits, 0..256: uint8 [..., 32] against uint8 [..., 32], broadcast; int64 [...]."""
    return cast(np.ndarray, np.bitwise_count(a ^ b).sum(-1, dtype=np.int64))
