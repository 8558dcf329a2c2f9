"""Decoding untrusted files: every kind of file becomes upright RGB or a reason."""

import io
import re
import struct
import sys
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from components.common.vision import images
from components.common.vision.formats import decoders, without_long_texts
from components.common.vision.images import Limits, Rejected, decode

register_heif_opener()  # as a writer, too


def photo(width: int = 48, height: int = 32) -> Image.Image:
    """A gradient with a bright quarter at the top left, so that every orientation looks different."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.linspace(0, 200, width), np.linspace(0, 120, height)[:, None]
    pixels[: height // 2, : width // 2] = 255
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reason(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        decode(data, limits)
    assert caught.value.detail and "0x" not in caught.value.detail
    return caught.value.reason


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_common_formats_decode_to_what_was_saved(kind: str) -> None:
    image = decode(saved(photo(), kind))
    assert (image.mode, image.size, image.format, image.info) == ("RGB", (48, 32), kind, {})
    assert distance(image, photo()) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_every_exif_orientation_is_shown_upright(kind: str, orientation: int) -> None:
    undo: dict[int, Callable[[Image.Image], Image.Image]] = {
        1: lambda im: im,
        2: lambda im: im.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda im: im.rotate(180),
        4: lambda im: im.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda im: im.transpose(Image.Transpose.TRANSPOSE),
        6: lambda im: im.rotate(90, expand=True),  # the camera was on its right side: stored rotated to the left
        7: lambda im: im.transpose(Image.Transpose.TRANSVERSE),
        8: lambda im: im.rotate(-90, expand=True),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(saved(undo[orientation](photo()), kind, exif=exif))
    assert image.size == (48, 32)
    assert distance(image, photo()) < 8


def test_damaged_exif_is_ignored() -> None:
    data = saved(photo(), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff\x00\x09")
    assert decode(data).size == (48, 32)


def test_cmyk_palette_grey_and_bilevel_become_rgb() -> None:
    assert distance(decode(saved(photo().convert("CMYK"), "JPEG")), photo()) < 10
    assert distance(decode(saved(photo().quantize(64), "PNG")), photo()) < 10
    for mode in ("L", "1"):
        grey = decode(saved(photo().convert(mode), "PNG"))
        assert grey.mode == "RGB" and distance(grey, photo().convert(mode).convert("RGB")) == 0


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    image = np.asarray(decode(saved(Image.fromarray(ramp), "PNG")))[..., 0]
    assert (image[0, 0], image[-1, -1]) == (0, 255)
    assert np.abs(image.astype(float) - ramp / 257).max() <= 1


def test_floating_point_pixels_are_unsupported() -> None:
    assert reason(saved(Image.fromarray(np.ones((8, 8), np.float32)), "TIFF")) == "unsupported"


def test_transparency_becomes_white() -> None:
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert decode(saved(clear, "PNG")).getpixel((4, 4)) == (255, 255, 255)
    half = Image.new("LA", (8, 8), (0, 128))
    assert decode(saved(half, "PNG")).getpixel((4, 4)) == (127, 127, 127)
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert decode(saved(palette, "PNG", transparency=1)).getpixel((4, 4)) == (255, 255, 255)
    keyed = saved(Image.new("RGB", (8, 8), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert decode(keyed).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_becomes_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    image = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))
    red, green, blue = image.getpixel((8, 8))
    assert red > 240 and green < 15 and blue < 15


def test_empty_files_and_files_that_are_not_images() -> None:
    assert reason(b"") == "empty"
    for data in (
        b"\x00" * 500,
        b"just some words, saved as photo.jpg",
        b"<svg/>",
        b"PK\x03\x04" + b"\0" * 60,
        b"%PDF-1.7",
    ):
        assert reason(data) == "not-an-image"


def test_a_few_bytes_are_never_an_image() -> None:
    rng = np.random.default_rng(3)
    for length in range(1, 40):
        data = rng.integers(0, 256, length, np.uint8).tobytes()
        assert reason(data) in ("not-an-image", "truncated", "unsupported")
    assert reason(b"bad") == "not-an-image" and reason(b"\xff\xd8\xff\xe0") == "truncated"


def test_formats_outside_the_list_are_unsupported() -> None:
    assert reason(saved(photo(), "PPM")) == "unsupported"
    assert reason(saved(photo(), "ICO")) == "unsupported"
    for data in (b"\xff\x0a" + bytes(40), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), b"\0\0\0\x18ftypisom" + bytes(40)):
        assert reason(data) == "unsupported"


def test_a_format_without_its_decoder_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for name, fix in (("HEIF", "pip install 'objectmate[heif]'"), ("AVIF", "pip install --upgrade pillow")):
        data = saved(photo(), name)
        with monkeypatch.context() as patch:
            patch.delitem(Image.OPEN, name)
            decoders.cache_clear()
            with pytest.raises(Rejected, match=f"unsupported.*{re.escape(fix)}"):
                decode(data)
    decoders.cache_clear()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


LONG = 3_000_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"zTXt", b"scene\0\0" + zlib.compress(b"x" * LONG)),
        (b"iCCP", b"profile\0\0" + zlib.compress(b"x" * LONG)),
        (b"iTXt", b"scene\0\1\0en\0scene\0" + zlib.compress(b"x" * LONG)),
        (b"iTXt", b"scene\0\0\0en\0scene\0" + b"x" * LONG),
        (b"tEXt", b"scene\0" + b"x" * LONG),
        (b"zTXt", b"scene\0\0not deflated"),
    ],
)
def test_long_texts_in_a_png_do_no_harm(kind: bytes, body: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    data = saved(photo(), "PNG", exif=exif)
    upside_down = photo().rotate(180)
    for at in (33, len(data) - 12):  # behind the header, and before the end
        assert distance(decode(data[:at] + chunk(kind, body) + data[at:]), upside_down) == 0
    assert without_long_texts(data) is data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_truncated(kind: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    data = saved(noise, kind)
    assert reason(data[: int(len(data) * share)]) == "truncated"


def test_scrambled_pixels_never_raise_anything_else() -> None:
    rng = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"):
        clean = saved(photo(), kind)
        for _ in range(60):
            data = bytearray(clean)
            for place in rng.integers(0, len(data), 8):
                data[place] = rng.integers(256)
            try:
                assert decode(bytes(data), Limits(max_pixels=10**6)).mode == "RGB"
            except Rejected as refused:
                assert refused.reason in ("truncated", "not-an-image", "too-large", "unsupported", "too-small")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and contains a few compressed zeros."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 1000)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_bomb_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
    assert reason(png_header(60_000, 60_000)) == "too-large"
    assert reason(png_header(3_000, 3_000), Limits(max_pixels=1_000_000)) == "too-large"


def test_limits_on_bytes_and_sides() -> None:
    data = saved(photo(), "PNG")
    assert reason(data, Limits(max_bytes=len(data) - 1)) == "too-large"
    assert reason(data, Limits(min_side=33)) == "too-small"
    assert decode(data, Limits(max_bytes=len(data), max_pixels=48 * 32, min_side=32)).size == (48, 32)


def test_reasons_are_a_closed_vocabulary() -> None:
    with pytest.raises(ValueError, match="closed vocabulary"):
        Rejected("odd", "")


def test_encoding_ignores_metadata() -> None:
    plain, dressed = photo(), photo()
    dressed.info = {"icc_profile": b"abc", "dpi": (300, 300), "comment": "x"}
    data = images.encode_png(plain)
    assert images.encode_png(dressed) == data and dressed.info
    assert distance(decode(data), plain) == 0


def test_the_hash_survives_scaling_and_compression_and_tells_pictures_apart() -> None:
    rng = np.random.default_rng(2)
    smooth = [
        Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8)).resize((200, 150), Image.Resampling.BICUBIC)
        for _ in range(2)
    ]
    altered = decode(saved(smooth[0].resize((120, 90)), "JPEG", quality=70))
    first, second, again = (images.hash_array([images.dhashes(im)[0]]) for im in (*smooth, altered))
    assert first.shape == (1, 32)
    assert images.hamming(first, again)[0] < 20 < 80 < images.hamming(first, second)[0]


def test_the_flipped_hash_is_the_hash_of_the_mirror_image() -> None:
    mirrored = photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert images.dhashes(photo()) == (
        images.dhashes(mirrored.transpose(Image.Transpose.FLIP_LEFT_RIGHT))[0],
        images.dhashes(mirrored)[0],
    )
    assert images.dhashes(mirrored)[1] == images.dhashes(photo())[0]
    assert images.dhashes(Image.new("RGB", (3, 3)))[0] == bytes(32)


def test_hamming_counts_bits_and_broadcasts() -> None:
    hashes = images.hash_array([bytes(32), b"\xff" * 32, b"\x01" + bytes(31)])
    assert images.hamming(hashes[:, None], hashes[None]).tolist() == [[0, 256, 1], [256, 0, 255], [1, 255, 0]]
