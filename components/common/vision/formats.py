"""Which photograph formats are decoded, how the first bytes show them, and the removal of overlong PNG texts."""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from PIL import Image
from PIL.PngImagePlugin import MAX_TEXT_CHUNK

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
"""What is decoded; any other format that Pillow or the first bytes reveal is `unsupported`."""

MISSING = {
    "HEIF": "HEIC or HEIF, as phones write it, which needs pillow-heif: pip install 'objectmate[heif]'",
    "AVIF": "AVIF, which this build of Pillow cannot read: pip install --upgrade pillow",
}
"""What to do about a format whose decoder is not on this machine."""

HEIF_ENDINGS = (".heic", ".heif", ".hif")
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *HEIF_ENDINGS,
)
"""What the names of photographs in these formats end with, in lower case."""

_NOT_PHOTOGRAPHS = (b"%PDF", b"%!PS", b"PK\x03\x04", b"<svg")
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_PNG, _TEXTS = b"\x89PNG\r\n\x1a\n", (b"tEXt", b"zTXt", b"iTXt", b"iCCP")


@cache
def decoders() -> tuple[str, ...]:
    """Those of `FORMATS` that this machine can decode."""
    Image.init()
    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)  # Pillow opens MPO through its JPEG reader


def format_of(prefix: bytes) -> str:
    """The format that the first 16 bytes indicate, or an empty string."""
    if prefix.startswith(_NOT_PHOTOGRAPHS):
        return ""
    if prefix.startswith(_JPEG_XL):
        return "JPEG XL"
    for name in [*decoders(), *sorted(set(Image.ID) - set(FORMATS))]:
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if accept and accept(prefix) is True:
            return name
    if prefix[4:8] == b"ftyp":
        brand = prefix[8:12]
        return "HEIF" if brand in _HEIF_BRANDS else "AVIF" if brand in (b"avif", b"avis") else "a video"
    return ""


def without_long_texts(data: bytes) -> bytes:
    """A PNG without the texts and profiles that are longer than Pillow accepts; any other file as it is."""
    if not data.startswith(_PNG):
        return data
    chunks = list(_chunks(data))
    kept = [chunk for chunk in chunks if not (chunk[4:8] in _TEXTS and _is_long(chunk[4:8], chunk[8:-4]))]
    return data if len(kept) == len(chunks) else b"".join([_PNG, *kept])


def _chunks(data: bytes) -> Iterator[bytes]:
    """The chunks of a PNG, each with its length, kind and checksum; the last one may be cut short."""
    at = len(_PNG)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at:end]
        at = end


def _is_long(kind: bytes, body: bytes) -> bool:
    """Whether a text, inflated if it is compressed, is longer than Pillow accepts."""
    if kind == b"tEXt":
        return len(body) > MAX_TEXT_CHUNK
    rest = body.partition(b"\0")[2]  # behind the keyword
    if kind == b"iTXt":
        compressed = rest[:1] == b"\1"
        text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # behind the language and the translated keyword
        if not compressed:
            return len(text) > MAX_TEXT_CHUNK
    else:
        text = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(text, MAX_TEXT_CHUNK + 1)) > MAX_TEXT_CHUNK
    except zlib.error:
        return True
