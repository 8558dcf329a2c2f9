"""Pictures of a run's objects for people to look at: the crop, and the photograph around it."""

from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageOps

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.vision.geometry import draw_box
from components.common.vision.images import decode, stored_crop

LINE = 3  # px


class ObjectPictures:
    """Reads from the datasets `images` and `objects`, by object row."""

    def __init__(self, images: Dataset, objects: Dataset):
        self._images, self._objects = images, objects

    def crop(self, row: int) -> Image.Image:
        """The object as it was cropped."""
        return stored_crop(self._objects, self._object(row))

    def stored_crop(self, row: int) -> bytes:
        """The same as it is stored: PNG."""
        return self._objects.blob(self._object(row), "crop")

    def photograph(self, row: int, side: int, enlarge: bool = True) -> Image.Image:
        """The object's photograph, at most `side` px wide and high, with its box in red.

        enlarge: whether a smaller photograph is scaled up to `side`.
        """
        place = self._object(row)
        stored = pc.index(self._photographs["image_id"], pa.scalar(place["image_id"])).as_py()
        photograph = decode(self._images.blob(self._photographs.slice(stored, 1).to_pylist()[0], "image"))
        side = side if enlarge else min(side, max(photograph.size))
        shown = ImageOps.contain(photograph.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
        scale = shown.width / photograph.width
        draw_box(shown, [place[name] * scale for name in "xywh"], min(LINE, 1 + side // 160))
        return shown

    def _object(self, row: int) -> dict[str, Any]:
        return self._table.slice(row, 1).to_pylist()[0]

    @cached_property
    def _table(self) -> pa.Table:
        return self._objects.table(["image_id", *"xywh", *blob_columns("crop")])

    @cached_property
    def _photographs(self) -> pa.Table:
        return self._images.table(["image_id", *blob_columns("image")])
