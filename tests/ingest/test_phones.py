"""Photographs of phones: HEIC is read where its decoder is installed, and refused with the fix where it is not."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ingest_data import Ingested, store
from PIL import Image
from pillow_heif import from_pillow

from components.common.vision.formats import decoders

Ingest = Callable[..., Ingested]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """IMG_1.HEIC, taken with the phone on its side: it has to be turned to be upright."""
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.fromarray(pixels).resize((64, 48))
    from_pillow(photo).save(store(tmp_path / "in", {"x.txt": b""}) / "IMG_1.HEIC", exif=exif.tobytes())
    return tmp_path / "in"


def test_heic_is_read_where_its_decoder_is_installed(
    folder: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, made = ingest(folder)
    (row,) = made["images"].rows()
    assert (row["uri"], row["format"], row["width"], row["height"]) == ("IMG_1.HEIC", "HEIF", 48, 64)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF")
    decoders.cache_clear()
    report, without = ingest(folder, "without")
    decoders.cache_clear()
    assert report.notes[1] == (
        "Refused as unsupported: 1 file, IMG_1.HEIC (HEIC or HEIF, as phones write it, which needs pillow-heif: pip "
        "install 'objectmate[heif]')."
    )
    assert "`dvc repro --force --single-item ingest` in the run's folder reads these files" in report.notes[2]
    assert without["images"].manifest.fingerprint != made["images"].manifest.fingerprint
