"""A picture that a model made, and how it is written: PNG, JPEG or WebP, with its origin, profile and rights."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from components.common.data.files import replacing
from components.common.errors import UserError
from components.common.vision.origin import Origin
from components.common.vision.xmp import PNG_XMP

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 95
"""Of JPEG and WebP; a JPEG made from a JPEG scene is compressed as the scene was."""


@dataclass(frozen=True, kw_only=True)
class MadePicture:
    """A picture that a model made.

    image: RGB, or RGBA if the scene was; upright. origin: its inputs, written into every file. notes: what to know
    about it. profile, rights, compression: the scene's, as in `sources.Source`.
    """

    image: Image.Image
    origin: Origin
    notes: list[str]
    profile: bytes | None = None
    rights: dict[int, str] = field(default_factory=dict)
    compression: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Writes the file, whole or not at all. Raises `UserError` if its name or folder cannot be used."""
        path = Path(path)
        data = self.encoded(format_of_name(path))
        try:
            with replacing(path) as file:
                file.write(data)
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}): name a folder that exists") from None

    def encoded(self, kind: str = "PNG") -> bytes:
        """The bytes of a file. kind: PNG, JPEG or WEBP. Raises `UserError` if that format cannot hold the picture."""
        if kind == "JPEG" and self.image.mode == "RGBA":
            raise UserError("JPEG cannot keep the scene's transparency: write the picture as .png or .webp")
        exif = Image.Exif()
        exif.update(self.rights)
        options: dict[str, Any] = {"icc_profile": self.profile, "exif": exif.tobytes() if self.rights else b""}
        buffer = io.BytesIO()
        try:
            self.image.save(buffer, kind, **options, **self._options(kind))
        except (OSError, ValueError) as error:
            raise UserError(f"the picture cannot be written as {kind} ({error}): write it as .png") from None
        return buffer.getvalue()

    def _options(self, kind: str) -> dict[str, Any]:
        xmp = self.origin.xmp()
        if kind == "PNG":
            text = PngInfo()
            text.add_itxt(PNG_XMP, xmp.decode())
            return {"pnginfo": text, "compress_level": 2}  # higher levels are slower, and photographs get no smaller
        if kind == "JPEG":
            return {"xmp": xmp, **(self.compression or {"quality": QUALITY, "subsampling": 0})}
        return {"xmp": xmp, "quality": QUALITY, "exact": True}


def format_of_name(path: Path) -> str:
    """The format that a file's name asks for. Raises `UserError` for any other ending."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"{path} does not say which format to write: let its name end in .png, .jpg or .webp")
    return kind
