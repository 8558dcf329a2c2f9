"""Small collections of photographs, generated for the tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.stage.report import Report

Ingested = tuple[Report, dict[str, Dataset]]


def jpeg(seed: int, width: int = 40, height: int = 30, **options: object) -> bytes:
    """A JPEG of coloured noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def store(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
