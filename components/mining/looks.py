"""Contact sheets of mining: sets, and objects that have none, with what is nearest to them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from components.common.vision.corpus import Corpus
from components.common.vision.sheets import Cell, own_side, sheet
from components.mining.sets import Star
from components.mining.tiles import Window

NEAREST = 3


def star_sheet(corpus: Corpus, stars: Sequence[Star], views: int = 6) -> Image.Image:
    """One row per set: the anchor, then its views with their similarity."""
    rows: list[list[tuple[Image.Image, str]]] = []
    for star in stars:
        shown = zip(star.views[:views], star.similarities, strict=False)
        rows.append(
            [
                (corpus.crop(star.anchor), f"object {star.anchor}"),
                *((corpus.crop(view), f"{similarity:.3f}") for view, similarity in shown),
            ]
        )
    return _sheet(rows, ["anchor", *(f"view {number}" for number in range(1, views + 1))])


def lone_sheet(corpus: Corpus, lone: Sequence[int], views: np.ndarray, window: Window) -> Image.Image:
    """One row per object without a set: how many views it has, then the nearest objects of other photographs, and on
    which side of the window they are. views: int [N], of each object."""
    rows = []
    for row in lone:
        similarity = corpus.vectors.astype(np.float32) @ corpus.vectors[row].astype(np.float32)
        similarity[corpus.photo == corpus.photo[row]] = -2
        nearest = np.argsort(-similarity, kind="stable")[:NEAREST]
        others = [(corpus.crop(other), _caption(float(similarity[other]), window)) for other in nearest.tolist()]
        rows.append([(corpus.crop(row), f"object {row}: {views[row]} views"), *others])
    return _sheet(rows, ["no set", *(f"nearest {number}" for number in range(1, NEAREST + 1))])


def _caption(similarity: float, window: Window) -> str:
    if similarity < window.low:
        return f"{similarity:.3f}, below the window"
    return f"{similarity:.3f}, above the window" if similarity > window.high else f"{similarity:.3f}"


def _sheet(rows: Sequence[Sequence[tuple[Image.Image, str]]], headings: Sequence[str]) -> Image.Image:
    cells: list[list[Cell]] = [list(row) for row in rows]
    return sheet(cells, headings, own_side([picture for row in rows for picture, _ in row]))
