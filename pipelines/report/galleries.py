"""The stages' contact sheets, cut into single pictures that can be enlarged, below headings in text."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from components.common.vision.images import webp_address
from components.common.vision.sheets import Shown, cells_of
from pipelines.report.words import PICTURES

MOST, SIDE = 48, 240
"""Most pictures of a sheet that a page shows, and their longer side in px, so that a page stays below 6 MB. The page
says how many rows are left out."""


@dataclass(frozen=True)
class Tile:
    """A text, the picture above it as a data URL (empty if there is none), and the picture's alternative text."""

    text: str
    picture: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Gallery:
    """A contact sheet: a heading over each column, rows of tiles, and how many rows are not shown."""

    title: str
    says: str
    headings: list[str]
    rows: list[list[Tile]]
    left_out: int

    @property
    def single(self) -> bool:
        """Whether each row has one picture, so that rows can be placed side by side."""
        return all(len(row) == 1 for row in self.rows)


def galleries(report: Path, stage: str) -> list[Gallery]:
    """The contact sheets of a stage's report, in alphabetical order."""
    return [gallery(path, stage) for path in sorted((report / "figures").glob("*.png"))]


def gallery(sheet: Path, stage: str, most: int = MOST) -> Gallery:
    """A contact sheet, cut into its pictures; at most about `most` of them, whole rows."""
    with Image.open(sheet) as opened:
        headings, cells = cells_of(opened)
        picture = opened.convert("RGB")
    across = max((len(row) for row in cells), default=1) or 1
    shown = cells[: max(most // across, 1)]
    name = sheet.stem.replace("_", " ")
    rows = [[_tile(picture, cell, _heading(headings, at) or name) for at, cell in enumerate(row)] for row in shown]
    says = PICTURES.get(f"{stage}/{sheet.stem}", "")
    return Gallery(name.capitalize(), says, headings, rows, len(cells) - len(shown))


def _tile(picture: Image.Image, cell: Shown, heading: str) -> Tile:
    if not cell.box:
        return Tile(cell.text)
    alt = ": ".join(filter(None, (heading, cell.text)))
    return Tile(cell.text, webp_address(picture.crop(cell.box), SIDE), alt)  # type: ignore[arg-type]


def _heading(headings: list[str], column: int) -> str:
    return headings[column] if column < len(headings) else ""
