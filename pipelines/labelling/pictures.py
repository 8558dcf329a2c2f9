"""The picture of a pair: both objects, and below them the photographs that they are in."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageDraw, ImageOps

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.verdicts import Place
from components.common.vision.images import decode
from components.common.vision.sheets import Cell, sheet
from pipelines.labelling.queue import Pair

SIDE = 384  # px, of each picture
RED, LINE = "#e00000", 3  # px


class Pictures:
    """Draws pairs into a folder. inputs: role -> dataset, with `images` and `objects`."""

    def __init__(self, inputs: Mapping[str, Path], folder: Path):
        self._images, self._objects = Dataset(inputs["images"]), Dataset(inputs["objects"])
        self._photographs = self._images.table(["image_id", "uri", *blob_columns("image")])
        self._crops = self._objects.table(blob_columns("crop"))
        self.folder = folder

    def draw(self, pair: Pair) -> Path:
        """Writes the picture of a pair and says where."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"pair-{pair.number:03d}.png"
        crops: list[Cell] = [(self._crop(row), str(number)) for number, row in enumerate(pair.rows, 1)]
        photographs = [self._photograph(place, number) for number, place in enumerate((pair.first, pair.second), 1)]
        sheet([crops, photographs], [f"pair {pair.number}: first", "second"], SIDE).save(path)
        return path

    def _crop(self, row: int) -> Image.Image:
        return decode(self._objects.blob(self._crops.slice(row, 1).to_pylist()[0], "crop"))

    def _photograph(self, place: Place, number: int) -> Cell:
        """The photograph with the object's box, and its name."""
        row = pc.index(self._photographs["image_id"], pa.scalar(place.image)).as_py()
        stored = self._photographs.slice(row, 1).to_pylist()[0]
        photograph = decode(self._images.blob(stored, "image"))
        shown = ImageOps.contain(photograph, (SIDE, SIDE), Image.Resampling.BICUBIC)
        scale = shown.width / photograph.width
        left, top, width, height = (side * scale for side in place.box)
        ImageDraw.Draw(shown).rectangle((left, top, left + width, top + height), outline=RED, width=LINE)
        return shown, f"{number}: {stored['uri']}"
