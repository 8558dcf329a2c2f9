"""The picture of a pair: both objects, and below them the photographs that they are in.

No file name is shown: it could tell the rater which product it is.
"""

from collections.abc import Mapping
from pathlib import Path

from components.common.data.reading import Dataset
from components.common.vision.object_pictures import ObjectPictures
from components.common.vision.sheets import Cell, sheet
from pipelines.labelling.queue import Pair

SIDE = 384  # px, of each picture


class Pictures:
    """Draws pairs into a folder. inputs: role -> dataset, with `images` and `objects`."""

    def __init__(self, inputs: Mapping[str, Path], folder: Path):
        self._pictures = ObjectPictures(Dataset(inputs["images"]), Dataset(inputs["objects"]))
        self.folder = folder

    def draw(self, pair: Pair) -> Path:
        """Writes the picture of a pair and returns its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"pair-{pair.number:03d}.png"
        crops: list[Cell] = [self._pictures.crop(row) for row in pair.rows]
        photographs: list[Cell] = [self._pictures.photograph(row, SIDE) for row in pair.rows]
        sheet([crops, photographs], [f"pair {pair.number}: first", "second"], SIDE).save(path)
        return path
