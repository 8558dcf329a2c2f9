"""The whole join, and what is known only once it is complete: near-duplicate groups, split groups and hubs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.common.errors import ShareDone
from components.common.join.exact import tile_count
from components.common.join.flags import Flag
from components.common.join.scores import Pairs, concatenate
from components.common.stage.progress import track
from components.common.vision.corpus import Corpus
from components.common.vision.duplicates import components
from components.mining import tiles
from components.mining.engines import open_engine
from components.mining.params import Params
from components.mining.sets import Neighbours, neighbours
from components.mining.tiles import Window

BLOCK = 65_536
ROUNDING = 1e-5  # of a float32 product: objects this close to the threshold are kept out of sets


@dataclass(frozen=True)
class Mined:
    """The result of the whole join. flags: int32 [P]; the groups: int64 [N], smallest row of each object's component;
    kept_apart: bool [N], whether an object resembles a reserved one; engine: the join's facts, with its recall if it is
    approximate (`engines.Engine`)."""

    pairs: Pairs
    flags: np.ndarray
    near: Neighbours
    duplicate_group: np.ndarray
    split_group: np.ndarray
    kept_apart: np.ndarray
    engine: dict[str, Any]


def mine(corpus: Corpus, window: Window, params: Params, folder: Path, reserved: np.ndarray) -> Mined:
    """Joins all tile rows (except those already in `folder`) and finds groups and flags.

    reserved: vectors [M, d] of objects that no set may contain (a benchmark's). If `params.only` is set, raises
    `ShareDone` after its tile rows, since everything else needs every tile row.
    """
    engine = open_engine(corpus, window, params)
    count = tile_count(len(corpus), params.tile)
    folder.mkdir(exist_ok=True)
    own = [index for index in range(count) if not params.only or params.only.has(index)]
    for index in track(own, "tile rows joined"):
        if not tiles.is_saved(folder, index):
            tiles.save(tiles.mine_tile(corpus, engine.join, index, window, params), folder, index)
    if params.only:
        raise ShareDone
    tile_rows = [tiles.load(folder, index) for index in range(count)]
    pairs = concatenate([tile.pairs for tile in tile_rows])
    repeats = [tile.repeats for tile in tile_rows]
    duplicate_group = components(len(corpus), *repeats)
    kept_apart = _resembles(corpus.vectors, reserved, window.low - params.split_margin)
    flags = _flags(pairs, duplicate_group, kept_apart, params.hub_pairs)
    return Mined(
        pairs=pairs,
        flags=flags,
        near=neighbours(pairs, flags, len(corpus)),
        duplicate_group=duplicate_group,
        split_group=components(len(corpus), *(tile.bound for tile in tile_rows), *repeats),
        kept_apart=kept_apart,
        engine=engine.facts(),
    )


def _resembles(vectors: np.ndarray, reserved: np.ndarray, threshold: float) -> np.ndarray:
    """Which objects are as close to a reserved one as objects that are bound to one split: bool [N]."""
    close = np.zeros(len(vectors), bool)
    for start in range(0, len(vectors) if len(reserved) else 0, BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float32)
        similarity = block @ reserved.astype(np.float32).T
        close[start : start + BLOCK] = similarity.max(axis=1) >= threshold - ROUNDING
    return close


def _flags(pairs: Pairs, duplicate_group: np.ndarray, kept_apart: np.ndarray, hub_pairs: int) -> np.ndarray:
    partners = np.bincount(np.concatenate([pairs.src, pairs.dst]), minlength=len(duplicate_group))
    hub = partners > hub_pairs
    duplicate = duplicate_group[pairs.src] == duplicate_group[pairs.dst]
    hubs, reserved = hub[pairs.src] | hub[pairs.dst], kept_apart[pairs.src] | kept_apart[pairs.dst]
    return (duplicate * Flag.DUPLICATE + hubs * Flag.HUB + reserved * Flag.RESERVED).astype(np.int32)
