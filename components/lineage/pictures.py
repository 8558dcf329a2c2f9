"""Finding a photograph of a run by a copy of it that is re-encoded, cropped or mirrored."""

from pathlib import Path

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.progress import track
from components.common.vision.duplicates import Hashes, hashes_of
from components.common.vision.images import decode, dhashes, hash_array, thumbnail
from components.common.vision.looks import copies, look_of, looks_of
from components.common.vision.moved import details_of, moved_correlation

LIKELIEST = 50
"""Photographs of each quick test that are looked at closely."""


def find_copies(picture: Path, images: Dataset) -> list[int]:
    """Positions of the photographs that a picture is a copy of.

    Raises `components.common.vision.images.Rejected` if the file is not a picture.
    """
    image = decode(picture.read_bytes())
    likely = sorted({*_by_hash(image, images), *_by_thumbnail(image, images)})
    columns = images.table(blob_columns("image"))
    looks = [look_of(decode(images.blob(columns.slice(at, 1).to_pylist()[0], "image"))) for at in likely]
    return [likely[number] for number in copies(looks_of(image), looks)]


def _by_hash(image: Image.Image, images: Dataset) -> list[int]:
    known = hashes_of(images.table(["dhash", "dhash_flipped"]))
    ours = Hashes(*(np.repeat(hash_array([value]), len(images), 0) for value in dhashes(image)))
    both = Hashes(*(np.concatenate(pair) for pair in zip(ours, known, strict=True)))
    rows = np.arange(len(images))
    return np.argsort(both.distance(rows, rows + len(images)), kind="stable")[:LIKELIEST].tolist()


def _by_thumbnail(image: Image.Image, images: Dataset) -> list[int]:
    details = details_of(thumbnail(image))
    thumbnails = track(images.vectors(), "photographs compared")
    correlations = np.array([moved_correlation(details, details_of(known)) for known in thumbnails])
    return np.argsort(-correlations, kind="stable")[:LIKELIEST].tolist()
