"""The deny list: photographs that were taken down, and copies of them, do not come in again.

A Parquet file with one row per photograph: its sha256, and its look, from which copies can be recognised but the
picture cannot be shown. Only `objectmate takedown` writes it.
"""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from components.common.data.files import replacing
from components.common.data.storage import S3, read_address
from components.common.errors import UserError
from components.common.vision.images import Rejected
from components.common.vision.looks import DIMENSIONS, Look, copies, looks_of

REASON = "taken-down"
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),  # sha256 of the bytes, hex
        pa.field("takedown", pa.string(), nullable=False),  # whose receipt says why and when
        pa.field("points", pa.binary(), nullable=True),  # float32 [F, 2]; null if only the sha256 is known
        pa.field("features", pa.binary(), nullable=True),  # uint8 [F, DIMENSIONS]
    ]
)


@dataclass(frozen=True)
class Denied:
    """A photograph that was taken down. look: None if only its sha256 is known."""

    image_id: str
    takedown: str
    look: Look | None


@dataclass(frozen=True)
class DenyList:
    """The photographs that must not come in. digest: the file's sha256; empty if there is no file."""

    entries: Sequence[Denied] = ()
    digest: str = ""

    def check(self, image_id: str, image: Image.Image) -> None:
        """Raises `Rejected` if a photograph, with its sha256 and upright pixels, is on the list or a copy of one."""
        if image_id in self._by_bytes:
            raise Rejected(REASON, f"by its bytes, in takedown {self._by_bytes[image_id]}")
        known = [entry for entry in self.entries if entry.look]
        for number in copies(looks_of(image), [entry.look for entry in known if entry.look]) if known else ():
            raise Rejected(REASON, f"a copy of a photograph of takedown {known[number].takedown}, by its look")

    @cached_property
    def _by_bytes(self) -> dict[str, str]:
        return {entry.image_id: entry.takedown for entry in self.entries}


def read_denied(place: str) -> DenyList:
    """The list at a path or an `s3://` address; an empty one if there is no such file, or no place.

    Raises `UserError` if it cannot be read, or if there is nothing at an `s3://` address, which was named on purpose.
    """
    if not place or (S3 not in place and not Path(place).exists()):
        return DenyList()
    try:
        data = read_address(place)
        rows = pq.read_table(io.BytesIO(data), schema=SCHEMA).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"the deny list {place} cannot be read ({error}): restore it from your version control"
        ) from None
    return DenyList([Denied(row["image_id"], row["takedown"], _look(row)) for row in rows], sha256(data).hexdigest())


def without_look(entries: Sequence[Denied], image_ids: Collection[str]) -> list[str]:
    """The photographs of these that are on the list with their sha256 only, sorted: copies of them may come in."""
    return sorted(entry.image_id for entry in entries if entry.image_id in image_ids and not entry.look)


def write_denied(path: Path, entries: Sequence[Denied]) -> None:
    """Writes the list whole, sorted by sha256."""
    rows = [
        {
            "image_id": entry.image_id,
            "takedown": entry.takedown,
            "points": entry.look.points.tobytes() if entry.look else None,
            "features": entry.look.features.tobytes() if entry.look else None,
        }
        for entry in sorted(entries, key=lambda entry: entry.image_id)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), buffer, compression="zstd")
    with replacing(path) as file:
        file.write(buffer.getvalue())


def _look(row: dict[str, bytes]) -> Look | None:
    if row["points"] is None or row["features"] is None:
        return None
    points = np.frombuffer(row["points"], np.float32).reshape(-1, 2)
    return Look(points, np.frombuffer(row["features"], np.uint8).reshape(-1, DIMENSIONS))
