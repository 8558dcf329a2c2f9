"""Pictures that lie among files or inside pages, told by their look.

Such a picture may be a part of a photograph, and a crop of a product agrees with every photograph of it. So one counts
only if it agrees better with a photograph that was taken down than with any that is still in a dataset.
"""

import re
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.vision.images import Rejected, decode
from components.common.vision.looks import AGREEING, Look, agreement, look_of, looks_of

INSIDE = re.compile(rb"data:image/[a-z]+;base64,([A-Za-z0-9+/]+)")
"""A picture as a data address, without the padding at its end."""


def shows_any(data: bytes, gone: Sequence[Look], kept: Sequence[Dataset]) -> bool:
    """Whether a file is a picture of a photograph that was taken down, or has one inside.

    gone: the looks of those photographs. kept: `images` of the runs that stay.
    """
    if not gone:
        return False
    pictures = {data, *(_decoded(match[1]) for match in INSIDE.finditer(data))}
    with ThreadPoolExecutor() as pool:
        return any(pool.map(lambda picture: _is_gone(picture, gone, kept), pictures))


def _decoded(text: bytes) -> bytes:
    whole = len(text) // 4 * 4
    return b64decode(text[:whole] + (text[whole:].ljust(4, b"=") if len(text) - whole > 1 else b""))


def _is_gone(picture: bytes, gone: Sequence[Look], kept: Sequence[Dataset]) -> bool:
    try:
        ways = looks_of(decode(picture))
    except Rejected:  # it is no picture
        return False
    best = max(agreement(ways, look) for look in gone)
    if best < AGREEING:
        return False
    rows = ((images, row) for images in kept for row in images.rows(blob_columns("image")))
    return all(agreement(ways, look_of(decode(images.blob(row, "image")))) < best for images, row in rows)
