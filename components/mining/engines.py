"""The engine that joins a corpus, as `mining.engine` names it: the exact join (join/exact.py) or approximate.py's."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from components.common.computing import pick_device
from components.common.join.exact import join_tile, prepare
from components.common.vision.corpus import Corpus
from components.mining import approximate
from components.mining.params import Params
from components.mining.tiles import TileJoin, Window


class Engine(NamedTuple):
    """join: tile row -> its pairs from the split threshold up, including those inside a photograph. facts: what the
    manifests say about the join, JSON-able; for an approximate join, this includes a measurement, which takes a
    while."""

    join: TileJoin
    facts: Callable[[], dict[str, Any]]


def open_engine(corpus: Corpus, window: Window, params: Params) -> Engine:
    """Prepares the corpus for the requested join. An empty corpus has no lists to search and gets the exact join."""
    if params.engine == "ivf" and len(corpus):
        return _approximate(corpus, window, params)
    rows = prepare(corpus.vectors, window.low - params.split_margin, device=pick_device(params.device))
    join = partial(join_tile, rows, low=window.low - params.split_margin, tile=params.tile)
    return Engine(join, lambda: {"engine": "exact"})


def _approximate(corpus: Corpus, window: Window, params: Params) -> Engine:
    centroids = approximate.find_centroids(corpus.vectors, params.nlist)
    lists = approximate.file_rows(corpus.vectors, centroids, params.nprobe)
    split = window.low - params.split_margin

    def facts() -> dict[str, Any]:
        pairs = approximate.recall(lists, window.low, window.high, corpus.photo)
        bound = approximate.recall(lists, split)
        return {
            "engine": "ivf",
            "nlist": len(centroids),
            "nprobe": params.nprobe,
            "recall": pairs.share,
            "recall_pairs": pairs.pairs,
            "recall_rows": pairs.rows,
            "split_recall": bound.share,
        }

    return Engine(partial(approximate.join_tile, lists, low=split, tile=params.tile), facts)
