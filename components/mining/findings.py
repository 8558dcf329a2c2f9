"""What mining found, for people: yield, how objects recur, sample sets, and notes worth reading."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import skew

from components.common.computing import pick_device
from components.common.data.seeds import numpy_rng
from components.common.join.built import in_words
from components.common.join.exact import best_engine
from components.common.join.flags import Flag
from components.common.stage.report import Report
from components.common.vision.corpus import Corpus
from components.mining.looks import lone_sheet, star_sheet
from components.mining.mine import Mined
from components.mining.params import Params
from components.mining.recurrence import (
    by_category,
    by_collection,
    growth_exponent,
    neighbour_similarity,
    recurrence,
)
from components.mining.sets import Star
from components.mining.tiles import Window

SHEET_ROWS = 12
SEED = 0  # for the choice of sets in the figure


def describe(corpus: Corpus, mined: Mined, stars: Sequence[Star], window: Window, params: Params) -> Report:
    """The stage's report."""
    full = [star for star in stars if len(star.views) >= params.min_views]
    metrics = _metrics(corpus, mined, stars, len(full)) | {"window_low": window.low, "window_high": window.high}
    if not len(corpus):
        return Report(metrics, notes=["there are no objects, so there are no pairs and no sets"])
    growth = recurrence(mined.near, corpus.photo, mined.duplicate_group, len(corpus.image_ids), params.min_views)
    exponent = growth_exponent(growth)
    collections = by_collection(corpus, stars, full)
    return Report(
        metrics if exponent is None else metrics | {"growth_exponent": exponent},
        plots={
            "neighbour_similarity": neighbour_similarity(corpus.vectors, corpus.photo),
            "recurrence_against_corpus_size": growth,
            "recurrence_by_collection": collections,
            "sets_by_category": by_category(corpus, stars, full),
        },
        figures=_figures(corpus, stars, full, window),
        notes=_notes(metrics, mined.engine, params) + [_sentence(row, params.min_views) for row in collections],
    )


def _metrics(corpus: Corpus, mined: Mined, stars: Sequence[Star], sets: int) -> dict[str, float]:
    count = max(len(corpus), 1)
    seen = np.bincount([view for star in stars for view in star.views], minlength=count)
    _, group_sizes = np.unique(mined.split_group, return_counts=True)
    hub = (mined.flags & Flag.HUB) > 0
    recall = {key: mined.engine[key] for key in ("recall", "split_recall") if mined.engine.get(key) is not None}
    return recall | {
        "objects": float(len(corpus)),
        "photographs": float(len(corpus.image_ids)),
        "pairs": float(len(mined.pairs.src)),
        "duplicate_pairs": float(((mined.flags & Flag.DUPLICATE) > 0).sum()),
        "hub_pairs": float(hub.sum()),
        "sets": float(sets),
        "yield_1": len(stars) / count,
        "yield_sets": sets / count,
        "hub_skew": float(skew(seen)) if np.ptp(seen) else 0.0,
        "most_often_a_view": float(seen.max()),
        "split_groups": float(len(group_sizes)),
        "largest_split_group_share": float(group_sizes.max(initial=0)) / count,
    }


def _notes(metrics: dict[str, float], engine: dict[str, Any], params: Params) -> list[str]:
    notes = [_approximate_note(engine) if engine["engine"] == "ivf" else _exact_note(params)]
    if not metrics["sets"]:
        notes.append(f"no object has {params.min_views} views in the window: the recurrence gate says what to do")
    if metrics["largest_split_group_share"] > 0.5:
        notes.append(
            f"one split group has {metrics['largest_split_group_share']:.0%} of the objects, so train and validation "
            "cannot be balanced: lower mining.split_margin"
        )
    if metrics["hub_pairs"]:
        notes.append(f"{metrics['hub_pairs']:.0f} pairs have a hub: an object with over {params.hub_pairs} partners")
    return notes


def _exact_note(params: Params) -> str:
    """Which engine found the pairs. It affects only the time, so it is not among the datasets' facts."""
    device = pick_device(params.device)
    return f"the join was exact ({in_words(best_engine(device), device.type)})"


def _approximate_note(engine: dict[str, Any]) -> str:
    join = f"the join was approximate (ivf, {engine['nprobe']} of {engine['nlist']} lists searched)"
    if engine["recall"] is None:
        return f"{join}; its recall is unknown: the {engine['recall_rows']} sampled objects have no pair"
    return (
        f"{join}: for {engine['recall_rows']} sampled objects, it found {engine['recall']:.1%} of their "
        f"{engine['recall_pairs']} pairs in the window and {engine['split_recall']:.1%} of the pairs that bind splits; "
        "raise mining.nprobe for more, or set mining.engine to exact for all"
    )


def _sentence(row: dict[str, Any], min_views: int) -> str:
    """A line of the paper's table of datasets."""
    one, enough = row["with_1_view"], row["with_min_views"]
    return (
        f"of {row['objects']:,} objects in the {row['photographs']:,} photographs of {row['collection']}, "
        f"{one:,} ({one / row['objects']:.1%}) have a view or more and {enough:,} "
        f"({enough / row['objects']:.1%}) at least {min_views}"
    )


def _figures(corpus: Corpus, stars: Sequence[Star], full: Sequence[Star], window: Window) -> dict[str, Image.Image]:
    """A sheet of sets, and one of objects without a set."""
    views = np.zeros(len(corpus), int)
    for star in stars:
        views[star.anchor] = len(star.views)
    lone = np.setdiff1d(np.arange(len(corpus)), [star.anchor for star in full])
    figures = {"sets": star_sheet(corpus, [full[at] for at in _sample(len(full))])} if full else {}
    if len(lone):
        figures["without_a_set"] = lone_sheet(corpus, lone[_sample(len(lone))].tolist(), views, window)
    return figures


def _sample(count: int) -> list[int]:
    """At most SHEET_ROWS of the positions 0..count-1, at random, ascending."""
    return sorted(numpy_rng(SEED, "sheet").choice(count, min(count, SHEET_ROWS), replace=False).tolist())
