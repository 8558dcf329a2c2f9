"""Loose pictures in files or inside pages, recognised by appearance.

Such a picture may be a part of a photograph, and a crop of a product matches every photograph of it. So it counts only
if it matches a photograph that was taken down better than any that is still in a dataset.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.progress import track
from components.common.vision.images import Rejected, decode
from components.common.vision.looks import AGREEING, Look, agreement, look_of, looks_of

INSIDE = re.compile(rb"data:image\\?/[\w.+-]+(?:;[^,;\s]*)*;base64,([A-Za-z0-9+/\\\s]+)", re.IGNORECASE)
"""A picture as a data URL, which may be wrapped or escaped; without the padding at its end."""


class Likeness(NamedTuple):
    """A picture that matches a photograph that was taken down. ways: its looks. matches: how many features match."""

    ways: Sequence[Look]
    matches: int


def likenesses(data: bytes, gone: Sequence[Look]) -> list[Likeness]:
    """The file's pictures (itself, or those inside it) that match a photograph that was taken down.

    gone: the looks of those photographs.
    """
    if not gone:
        return []
    pictures = {data, *(_decoded(match[1]) for match in INSIDE.finditer(data))}
    with ThreadPoolExecutor() as pool:
        return [likeness for likeness in pool.map(lambda each: _likeness(each, gone), pictures) if likeness]


def without_kept(found: Mapping[str, list[Likeness]], kept: Sequence[Dataset]) -> list[str]:
    """The files with a picture that matches a photograph that is gone better than any photograph that stays.

    found: file -> its likenesses. kept: `images` of the runs that stay; each photograph is decoded once.
    """
    left = dict(found)
    rows = [(images, row) for images in kept for row in images.rows(blob_columns("image"))] if found else []
    for images, row in track(rows, "photographs compared with pictures that were found") if rows else ():
        known = look_of(decode(images.blob(row, "image")))
        left = {file: [each for each in of if agreement(each.ways, known) < each.matches] for file, of in left.items()}
    return [file for file, of in left.items() if of]


def _decoded(text: bytes) -> bytes:
    digits = re.sub(rb"[\\\s]", b"", text)
    complete = len(digits) // 4 * 4
    return b64decode(digits[:complete] + (digits[complete:].ljust(4, b"=") if len(digits) - complete > 1 else b""))


def _likeness(picture: bytes, gone: Sequence[Look]) -> Likeness | None:
    try:
        ways = looks_of(decode(picture))
    except Rejected:  # it is not a picture
        return None
    matches = max(agreement(ways, look) for look in gone)
    return Likeness(ways, matches) if matches >= AGREEING else None
