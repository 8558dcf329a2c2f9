"""Pictures that lie among files or inside pages, told by their look.

Such a picture may be a part of a photograph, and a crop of a product agrees with every photograph of it. So one counts
only if it agrees better with a photograph that was taken down than with any that is still in a dataset.
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
"""A picture as a data address, which may be wrapped or escaped; without the padding at its end."""


class Likeness(NamedTuple):
    """A picture that agrees with a photograph that was taken down: its looks, and on how many matches."""

    ways: Sequence[Look]
    matches: int


def likenesses(data: bytes, gone: Sequence[Look]) -> list[Likeness]:
    """Of a file's pictures, itself or those inside, each that agrees with a photograph that was taken down.

    gone: the looks of those photographs.
    """
    if not gone:
        return []
    pictures = {data, *(_decoded(match[1]) for match in INSIDE.finditer(data))}
    with ThreadPoolExecutor() as pool:
        return [found for found in pool.map(lambda picture: _likeness(picture, gone), pictures) if found]


def without_kept(found: Mapping[str, list[Likeness]], kept: Sequence[Dataset]) -> list[str]:
    """The files with a picture that agrees with no photograph that stays as well as with one that is gone.

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
    whole = len(digits) // 4 * 4
    return b64decode(digits[:whole] + (digits[whole:].ljust(4, b"=") if len(digits) - whole > 1 else b""))


def _likeness(picture: bytes, gone: Sequence[Look]) -> Likeness | None:
    try:
        ways = looks_of(decode(picture))
    except Rejected:  # it is no picture
        return None
    matches = max(agreement(ways, look) for look in gone)
    return Likeness(ways, matches) if matches >= AGREEING else None
