"""The anchors of the recurrence sets, with their photographs: what removal, captioning and assembly work on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.vision.geometry import Box
from components.common.vision.images import decode

COLUMNS = ["object_id", "image_id", "x", "y", "w", "h", "category"]
Made = tuple[list[dict[str, Any]], list[dict[str, bytes]] | None, list[dict[str, Any]]]
"""What a stage makes of some anchors: rows, their blobs if they have any, and rows of `rejects`."""


def anchor_objects(objects: Path, sets: Path) -> pa.Table:
    """The objects (`COLUMNS` and their `row`) that are the anchor of a set, each once, by ascending row."""
    rows = np.unique(Dataset(sets).table(["anchor"])["anchor"].to_numpy())
    return Dataset(objects).table(COLUMNS).take(rows).append_column("row", pa.array(rows))


def write_parts(
    anchors: pa.Table, part_rows: int, make: Callable[[Sequence[dict[str, Any]]], Made], out: Writer, rejects: Writer
) -> None:
    """Writes what `make` makes of each `part_rows` anchors as a part, unless it is done; the last may be smaller."""
    for index, start in enumerate(track(range(0, anchors.num_rows, part_rows), f"{out.stage}, parts")):
        if not (out.done(index) and rejects.done(index)):
            rows, blobs, rejected = make(anchors.slice(start, part_rows).to_pylist())
            out.write(index, rows, blobs)
            rejects.write(index, rejected)


def box_of(row: dict[str, Any]) -> Box:
    """The box of an object's row."""
    return Box(row["x"], row["y"], row["w"], row["h"])


class Photographs:
    """The photographs of an images dataset by image_id. The last one stays decoded: its objects are adjacent rows."""

    def __init__(self, images: Path):
        self._images = Dataset(images)
        self._table = self._images.table(["image_id", *blob_columns("image")])
        self._last: tuple[str, Image.Image] | None = None

    def __getitem__(self, image_id: str) -> Image.Image:
        """The upright RGB photograph. Raises `KeyError` if the dataset lacks it, `images.Rejected` if it is broken."""
        if self._last is None or self._last[0] != image_id:
            self._last = (image_id, decode(self._bytes(image_id)))
        return self._last[1].copy()

    def _bytes(self, image_id: str) -> bytes:
        index = pc.index(self._table["image_id"], image_id).as_py()
        if index < 0:
            raise KeyError(image_id)
        return self._images.blob(self._table.slice(index, 1).to_pylist()[0], "image")
