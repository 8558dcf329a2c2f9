"""Mining: embeddings and a window -> pairs in the window, recurrence sets, and objects without one.

First every tile row of the join, then what needs all of them (duplicate groups, split groups, hubs, sets).
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.join.exact import check_unit, tile_count
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.corpus import Corpus, load
from components.mining import tiles
from components.mining.findings import describe
from components.mining.lone import Lone
from components.mining.mine import Mined, mine
from components.mining.params import Params
from components.mining.sets import Star, stars
from components.mining.tiles import Window


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, embeddings, calibration -> pairs, sets, and rejects: every object that anchors no set.

    Raises `UserError` if the inputs do not belong together, the window was calibrated for another encoder, or a vector
    is not a finite unit vector.
    """
    corpus = load(inputs)
    window = find_window(Dataset(inputs["calibration"]), corpus)
    check_unit(corpus.vectors)
    reserved = reserved_vectors(inputs)
    parts = max(tile_count(len(corpus), params.tile), 1)
    with (
        Writer(outputs["pairs"], "pairs", "mining", inputs, params) as pairs_out,
        Writer(outputs["sets"], "sets", "mining", inputs, params) as sets_out,
        Writer(outputs["rejects"], "rejects", "mining", inputs, params) as rejects_out,
    ):
        mined = mine(corpus, window, params, outputs["pairs"] / tiles.FOLDER, reserved)
        lone = Lone(corpus, mined, params.min_views)
        all_stars: list[Star] = []
        for index in track(range(parts), "recurrence sets"):
            anchors = range(index * params.tile, min((index + 1) * params.tile, len(corpus)))
            part_stars = list(_stars(corpus, mined, params, anchors))
            all_stars += part_stars
            if not pairs_out.done(index):
                pairs_out.write(index, _pair_rows(mined, anchors))
            if not sets_out.done(index):
                sets_out.write(index, _set_rows(corpus, mined, part_stars, params.min_views))
            if not rejects_out.done(index):
                rejects_out.write(index, list(lone.rejections(anchors, part_stars)))
        pairs_out.facts = sets_out.facts = _facts(window, corpus.encoder, params) | mined.engine
        shutil.rmtree(outputs["pairs"] / tiles.FOLDER)
    return describe(corpus, mined, all_stars, window, params)


def find_window(calibration: Dataset, corpus: Corpus) -> Window:
    """The calibrated window. Raises `UserError` if it was calibrated for another encoder."""
    facts = calibration.facts
    if facts["encoder"] != corpus.encoder:
        raise UserError(f"the window in {calibration.folder} was calibrated for another encoder: run calibration again")
    return Window(facts["low"], facts["high"])


def reserved_vectors(inputs: Mapping[str, Path]) -> np.ndarray:
    """Vectors [M, d] of a benchmark's objects; [0, d] if there is no benchmark.

    Raises `UserError` if one is not a finite unit vector: every comparison with it would be false.
    """
    vectors = Dataset(inputs["reserved"]).vectors()
    check_unit(vectors)
    return vectors


def _stars(corpus: Corpus, mined: Mined, params: Params, anchors: range) -> Iterator[Star]:
    def repeats(src: np.ndarray, dst: np.ndarray) -> np.ndarray:
        return corpus.nearly_repeat(src, dst, params)

    return stars(mined.near, corpus.photo, mined.duplicate_group, repeats, params.max_views, anchors)


def _pair_rows(mined: Mined, anchors: range) -> pa.Table:
    part = slice(*np.searchsorted(mined.pairs.src, [anchors.start, anchors.stop]))
    columns = {"src_row": mined.pairs.src, "dst_row": mined.pairs.dst, "similarity": mined.pairs.similarity}
    return pa.table({name: column[part] for name, column in (columns | {"flags": mined.flags}).items()})


def _set_rows(corpus: Corpus, mined: Mined, stars: list[Star], min_views: int) -> list[dict[str, object]]:
    return [
        {
            "anchor": star.anchor,
            "views": star.views,
            "similarities": star.similarities,
            "category": corpus.categories[star.anchor],
            "group": int(mined.split_group[star.anchor]),
        }
        for star in stars
        if len(star.views) >= min_views
    ]


def _facts(window: Window, encoder: str, params: Params) -> dict[str, float | str]:
    bounds = {"low": window.low, "high": window.high, "split_threshold": window.low - params.split_margin}
    return bounds | {"encoder": encoder}
