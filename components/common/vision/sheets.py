"""Contact sheets: pictures in columns with headings and captions, for a person to check at a glance.

A sheet also records its cells, so that a page can show the same pictures in columns of its own: see `Shown`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont, ImageOps

GAP, LINE, FONT_SIZE = 6, 14, 12  # px
LETTER = 6.2  # px, mean width of a letter
CAPTION_LINES = 4
SMALL, LARGE = 128, 320  # px
Cell = Image.Image | tuple[Image.Image, str] | str
"""A picture, a picture with its caption, or a text."""
CELLS = "cells"
"""The key in a sheet's `info`, and in its PNG file, under which its cells are listed."""


@dataclass(frozen=True)
class Shown:
    """A cell of a sheet. box: left, top, right, bottom of its picture in the sheet, px; empty if it has only text."""

    text: str
    box: tuple[int, ...] = ()


def cells_of(picture: Image.Image) -> tuple[list[str], list[list[Shown]]]:
    """The headings and rows of a sheet, as they were given to `sheet`. Any other picture is one cell."""
    if CELLS not in picture.info:
        return [], [[Shown("", (0, 0, *picture.size))]]
    listed = json.loads(picture.info[CELLS])
    return listed["headings"], [[Shown(cell["text"], tuple(cell["box"])) for cell in row] for row in listed["rows"]]


def sheet(
    rows: Sequence[Sequence[Cell]], headings: Sequence[str] = (), side: int = SMALL, abreast: int = 1
) -> Image.Image:
    """Pictures on white, each fitted into a square of `side` px, with its caption below.

    headings: what each column shows; without them, there is no heading line. abreast: how many rows share one line of
    the sheet, below repeated headings. Rows may differ in length.
    """
    width = max([len(headings), *map(len, rows)], default=1) or 1
    lines = [_joined(rows[start : start + abreast], width) for start in range(0, len(rows), abreast)]
    titles = [*headings] * min(abreast, max(len(rows), 1))
    heights = [side + LINE * _caption_lines(line, side) + GAP for line in lines]
    head = LINE + GAP if titles else 0
    across = max([len(titles), *map(len, lines)], default=1)
    canvas = Image.new("RGB", (across * (side + GAP) + GAP, max(sum(heights), side) + head + GAP), "white")
    draw = ImageDraw.Draw(canvas)
    for column, title in enumerate(titles):
        _write(draw, [title], GAP + column * (side + GAP), GAP, side)
    top, shown = head + GAP, list[list[Shown]]()
    for line, height in zip(lines, heights, strict=True):
        shown.append([_place(canvas, draw, cell, GAP + at * (side + GAP), top, side) for at, cell in enumerate(line)])
        top += height
    listed = [shown[at // abreast][at % abreast * width :][: len(row)] for at, row in enumerate(rows)]
    cells = [[asdict(cell) for cell in row] for row in listed]
    canvas.info[CELLS] = json.dumps({"headings": list(headings), "rows": cells})
    return canvas


def own_side(pictures: Sequence[Image.Image]) -> int:
    """The side for a sheet that shows pictures at their own resolution, px, from SMALL to LARGE."""
    return min(max([SMALL, *(max(picture.size) for picture in pictures)]), LARGE)


def evenly_spread(count: int, most: int) -> list[int]:
    """At most `most` of the positions 0..count-1, evenly spread from the first to the last."""
    shown = min(count, most)
    return [k * (count - 1) // max(shown - 1, 1) for k in range(shown)]


def _joined(rows: Sequence[Sequence[Cell]], width: int) -> list[Cell]:
    """Rows one after the other, all but the last padded to `width` cells."""
    padded = [[*row, *[""] * (width - len(row))] for row in rows[:-1]]
    return [cell for row in (*padded, *rows[-1:]) for cell in row]


def _caption_lines(cells: Sequence[Cell], side: int) -> int:
    return max((len(_wrapped(cell[1], side, CAPTION_LINES)) for cell in cells if isinstance(cell, tuple)), default=0)


def _wrapped(text: str, side: int, lines: int) -> list[str]:
    return wrap(text, max(int(side / LETTER), 8), max_lines=lines, placeholder=" ...")


def _place(canvas: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, left: int, top: int, side: int) -> Shown:
    if isinstance(cell, str):
        _write(draw, _wrapped(cell, side, side // LINE), left, top, side)
        return Shown(cell)
    picture, caption = cell if isinstance(cell, tuple) else (cell, "")
    tile = ImageOps.contain(picture.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
    corner = (left + (side - tile.width) // 2, top + (side - tile.height) // 2)
    canvas.paste(tile, corner)
    _write(draw, _wrapped(caption, side, CAPTION_LINES), left, top + side, side)
    return Shown(caption, (*corner, corner[0] + tile.width, corner[1] + tile.height))


def _write(draw: ImageDraw.ImageDraw, lines: Sequence[str], left: int, top: int, side: int) -> None:
    """Centred lines of text."""
    font = ImageFont.load_default(FONT_SIZE)
    for number, line in enumerate(lines):
        draw.text((left + side / 2, top + number * LINE), line, "black", font, anchor="ma")
