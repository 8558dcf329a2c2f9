"""Colours of pictures in any mode: RGB or RGBA pixels, and the ICC profile that defines their colours."""

import io
from typing import NamedTuple

from PIL import Image, ImageCms

from components.common.vision.images import to_rgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_CLEAR = ("RGBA", "LA", "PA", "RGBa", "La")
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B")
_BY_PROFILE = {("CMYK", "CMYK"), ("L", "GRAY")}
"""Modes and colour spaces whose pixels become sRGB through their profile, since an RGB picture cannot keep it."""
_UNUSABLE = "?"
_MODES = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}
"""Colour space of a profile -> the mode of its pixels."""
_PNG, _PNG_DEPTH_AT, _TIFF_DEPTHS = b"\x89PNG", 24, 258


class Colours(NamedTuple):
    """pixels: RGB or RGBA, 8 bits. profile: ICC, of these pixels; None for sRGB. notes: what was converted or lost."""

    pixels: Image.Image
    profile: bytes | None
    notes: list[str]


def read_colours(image: Image.Image, header: bytes) -> Colours:
    """The colours of a loaded picture. header: the first bytes of its file. Notes follow the picture's name."""
    profile = image.info.get("icc_profile")
    space = _space(profile)
    notes = _notes(image, header)
    if image.mode in _CLEAR or "transparency" in image.info:
        pixels = image if image.mode == "RGBA" else image.convert("RGBA")
    elif (image.mode, space) in _BY_PROFILE:
        pixels = _through(image, _opened(profile), SRGB)
        return Colours(pixels, None, [*notes, "has a CMYK or grey profile, which converted its colours to sRGB"])
    else:
        pixels = image if image.mode == "RGB" else to_rgb(image)
    if image.mode == "CMYK":
        notes.append("has CMYK colours without a usable profile: they became RGB, approximately")
    if space == "RGB" and image.mode not in ("CMYK", "LAB"):
        return Colours(pixels, profile, notes)
    if space:
        notes.append("has a colour profile that cannot be used: its colours are taken as sRGB")
    return Colours(pixels, None, notes)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, of RGB or RGBA pixels with a profile; over white where they are transparent."""
    rgb = image if image.mode == "RGB" else to_rgb(image)
    return _through(rgb, _opened(profile), SRGB) if profile else rgb


def from_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The RGB pixels in this profile that look like `image`, which is in sRGB."""
    return _through(image, SRGB, _opened(profile)) if profile else image


def _notes(image: Image.Image, header: bytes) -> list[str]:
    notes = ["is grey: the result is in RGB"] if image.mode in _GREY else []
    # Pillow reads deeper colours as 8-bit ones and does not say so; the file does.
    depths = [image.info.get("bit_depth", 8), *getattr(image, "tag_v2", {}).get(_TIFF_DEPTHS, ())]
    if header.startswith(_PNG):
        depths.append(header[_PNG_DEPTH_AT])
    if image.mode.startswith("I") or max(depths) > 8:
        notes.append("has more than 8 bits per colour: the result has the upper 8 of them")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # an MPO's other pictures are views of the first
        notes.append("has several pictures: the first one was taken")
    return notes


def _space(profile: bytes | None) -> str:
    """The colour space of a profile, empty if there is none, `_UNUSABLE` if it converts nothing."""
    if not profile:
        return ""
    try:
        opened = _opened(profile)
        space = opened.profile.xcolor_space.strip()
        ImageCms.buildTransform(opened, SRGB, _MODES[space], "RGB", INTENT)
        if space == "RGB":  # a scanner's profile may lack the way back
            ImageCms.buildTransform(SRGB, opened, "RGB", "RGB", INTENT)
    except (OSError, KeyError, ImageCms.PyCMSError):
        return _UNUSABLE
    return space


def _opened(profile: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))


def _through(image: Image.Image, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, target, INTENT, outputMode="RGB")
    assert converted is not None, "it is only None for a conversion in place"
    return converted
