"""Scenes in the encodings that cameras, scanners and editors write, with what their pixels are once decoded."""

import io
import struct
from itertools import product

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

WIDTH, HEIGHT = 97, 61
ORIENTATION, ARTIST = 0x0112, 0x013B


def ramp(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A picture in which no two neighbours are alike, so that a shift by one pixel shows."""
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([(x * 7) % 256, (y * 11) % 256, (x * 3 + y * 5) % 256], -1).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def swapped_profile() -> bytes:
    """sRGB with the primaries of red and green exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"-XYZ").replace(b"gXYZ", b"rXYZ").replace(b"-XYZ", b"gXYZ")


def swapped(image: Image.Image) -> Image.Image:
    """The picture with red and green exchanged."""
    red, green, blue = image.split()
    return Image.merge("RGB", (green, red, blue))


def scenes() -> dict[str, tuple[bytes, Image.Image]]:
    """Name -> bytes of a file, and its upright pixels, RGB or RGBA."""
    rgb, deep = ramp(), (np.asarray(ramp(), np.uint16) << 8) + 77
    alpha = Image.linear_gradient("L").resize(rgb.size)
    clear = rgb.copy()
    clear.putalpha(alpha)
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = 6, "A. Nyone"
    turned = encoded(rgb, "JPEG", quality=95, exif=exif)
    cmyk = encoded(rgb.convert("CMYK"), "JPEG", quality=95)
    grey = deep[..., 0]
    palette = rgb.quantize(32)
    files = {
        "odd": (encoded(rgb, "PNG"), rgb),
        "turned": (turned, ImageOps.exif_transpose(Image.open(io.BytesIO(turned)))),
        "cmyk": (cmyk, Image.open(io.BytesIO(cmyk)).convert("RGB")),
        "deep": (cv2.imencode(".png", deep[..., ::-1])[1].tobytes(), rgb),
        "deep-grey": (encoded(Image.fromarray(grey), "PNG"), Image.fromarray((grey // 257).astype(np.uint8))),
        "clear": (encoded(clear, "PNG"), clear),
        "grey-alpha": (encoded(clear.convert("LA"), "PNG"), clear.convert("LA").convert("RGBA")),
        "palette": (encoded(palette, "PNG", transparency=3), None),
        "profile": (encoded(swapped(rgb), "PNG", icc_profile=swapped_profile()), swapped(rgb)),
        "tiff": (encoded(rgb, "TIFF", compression="tiff_lzw"), rgb),
    }
    shown = Image.open(io.BytesIO(files["palette"][0])).convert("RGBA")
    files["palette"] = (files["palette"][0], shown)
    return {
        name: (data, pixels if pixels.mode == "RGBA" else pixels.convert("RGB"))
        for name, (data, pixels) in files.items()
    }


def grey_profile() -> bytes:
    """A grey profile with a straight tone curve: its middle grey is far brighter than sRGB's."""
    return _profile(
        b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _D50, b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, 256)}
    )


def ink_profile() -> bytes:
    """A CMYK profile whose inks are all grey, so that no conversion but its own gives its colours."""
    identity = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    light = [255 * (4 - sum(inks)) // 4 for inks in product((0, 1), repeat=4)]
    table = bytes(value for each in light for value in (each, 128, 128))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + bytes(range(256)) * 4 + table + bytes(range(256)) * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _D50, b"A2B0": lut})


_D50 = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 with these tags."""
    directory, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        directory += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + _D50[8:] + bytes(48)
    return header + directory + body
