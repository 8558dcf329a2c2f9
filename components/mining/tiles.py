"""The results of each tile row of the join, kept on disk until the whole join is done.

Duplicate groups, split groups and hubs are known only once all pairs are, so the results of tile rows wait in `_tiles`
inside the unfinished dataset. A killed join makes only the missing tile rows when it starts again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.common.data.files import replacing
from components.common.join.scores import Pairs
from components.common.vision.corpus import Corpus
from components.common.vision.duplicates import Edges, forest
from components.mining.params import Params

FOLDER = "_tiles"
TileJoin = Callable[[int], Pairs]
"""A tile row -> its pairs from the split threshold up, including those inside one photograph."""


@dataclass(frozen=True)
class Window:
    """Similarities in low..high are taken to mean another view of the same product; cosine, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Tile:
    """One tile row. pairs: in the window, of different photographs. repeats: edges between near-duplicate objects.
    bound: edges that keep two objects in one split (a forest: only its connected components matter)."""

    pairs: Pairs
    repeats: Edges
    bound: Edges


def mine_tile(corpus: Corpus, join: TileJoin, index: int, window: Window, params: Params) -> Tile:
    """Joins one tile row and classifies its pairs."""
    joined = join(index)
    bound = forest(len(corpus), (joined.src, joined.dst))
    joined = joined.where(corpus.photo[joined.src] != corpus.photo[joined.dst])
    above = joined.similarity > np.float32(window.high)
    repeat = above.copy()
    repeat[~above] = corpus.nearly_repeat(joined.src[~above], joined.dst[~above], params)
    inside = (joined.similarity >= np.float32(window.low)) & ~above
    return Tile(joined.where(inside), (joined.src[repeat], joined.dst[repeat]), bound)


def save(tile: Tile, folder: Path, index: int) -> None:
    """Writes a tile row, atomically."""
    columns = {"pairs": tile.pairs[:2], "repeats": tile.repeats, "bound": tile.bound}
    arrays: dict[str, Any] = {f"{name}_{side}": both[side] for name, both in columns.items() for side in (0, 1)}
    with replacing(_path(folder, index)) as file:
        np.savez(file, similarity=tile.pairs.similarity, **arrays)


def is_saved(folder: Path, index: int) -> bool:
    """Whether the tile row was finished earlier."""
    return _path(folder, index).is_file()


def load(folder: Path, index: int) -> Tile:
    """A saved tile row."""
    with np.load(_path(folder, index), allow_pickle=False) as arrays:
        return Tile(
            Pairs(arrays["pairs_0"], arrays["pairs_1"], arrays["similarity"]),
            (arrays["repeats_0"], arrays["repeats_1"]),
            (arrays["bound_0"], arrays["bound_1"]),
        )


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.npz"
