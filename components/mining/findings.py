"""What mining found, for people: yield, recurrence against corpus size, neighbours' similarities, sample sets.

The plots are those of the paper's figures 3b (similarity of the nearest neighbours), 3c (recurrence grows with the
corpus) and 4 (which categories recur).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import skew

from components.common.report import Report
from components.common.seeds import numpy_rng
from components.mining.corpus import Corpus
from components.mining.join import Flag
from components.mining.mine import Mined
from components.mining.params import Params
from components.mining.sets import Star, distinct_partners
from components.mining.sheets import star_sheet
from components.mining.tiles import Window

SAMPLE, BIN = 2000, 0.02  # objects whose neighbours are drawn; width of a bar, cosine
FRACTIONS, DRAWS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0), 5
SHEET_ROWS, CATEGORIES = 12, 20
SEED = 0  # of the samples that plots and figures show
Rows = list[dict[str, Any]]


def describe(corpus: Corpus, mined: Mined, stars: Sequence[Star], window: Window, params: Params) -> Report:
    """The stage's report."""
    full = [star for star in stars if len(star.views) >= params.min_views]
    metrics = _metrics(corpus, mined, stars, len(full)) | {"window_low": window.low, "window_high": window.high}
    if not len(corpus):
        return Report(metrics, notes=["there are no objects, so there are no pairs and no sets"])
    return Report(
        metrics,
        plots={
            "neighbour_similarity": neighbour_similarity(corpus),
            "recurrence_against_corpus_size": recurrence(corpus, mined),
            "sets_by_category": _by_category(corpus, stars, full),
        },
        figures={"sets": star_sheet(corpus, _sample(full))} if full else {},
        notes=_notes(metrics, mined.engine, params),
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
    notes = [_approximate_note(engine)] if engine["engine"] == "ivf" else []
    if not metrics["sets"]:
        notes.append(
            f"no object has {params.min_views} views in the window: add photographs, or loosen the calibration's target"
        )
    if metrics["largest_split_group_share"] > 0.5:
        notes.append(
            f"one split group holds {metrics['largest_split_group_share']:.0%} of the objects, so train and validation "
            "cannot be balanced: lower mining.split_margin or raise the window's low"
        )
    if metrics["hub_pairs"]:
        notes.append(f"{metrics['hub_pairs']:.0f} pairs have a hub: an object with over {params.hub_pairs} partners")
    return notes


def _approximate_note(engine: dict[str, Any]) -> str:
    join = f"the join was approximate (ivf, {engine['nprobe']} of {engine['nlist']} lists searched)"
    if engine["recall"] is None:
        return f"{join}; how much it found is not known: the {engine['recall_rows']} sampled objects have no pair"
    return (
        f"{join}: it found {engine['recall']:.1%} of the {engine['recall_pairs']} pairs in the window that "
        f"{engine['recall_rows']} sampled objects have, and {engine['split_recall']:.1%} of those that bind splits; "
        "raise mining.nprobe for more, or set mining.engine to exact for all"
    )


def neighbour_similarity(corpus: Corpus) -> Rows:
    """Histogram of the similarity to the 1st, 2nd and 3rd nearest object of another photograph (figure 3b).

    Of at most SAMPLE objects; each series adds up to 1.
    """
    count = len(corpus)
    rows = np.sort(numpy_rng(SEED, "neighbours").choice(count, min(count, SAMPLE), replace=False))
    vectors = corpus.vectors.astype(np.float32)
    best = np.full((len(rows), 3), -1, np.float32)
    for at, row in enumerate(rows):
        others = (vectors @ vectors[row])[corpus.photo != corpus.photo[row]]
        top = np.sort(others)[::-1][:3]
        best[at, : len(top)] = top
    edges = np.arange(0, 1 + BIN, BIN)
    shares = [np.histogram(best[:, k].clip(0, 1), edges)[0] / len(rows) for k in range(3)]
    rows_from_0 = [
        {"similarity": round(float(edge + BIN / 2), 3), "first": float(a), "second": float(b), "third": float(c)}
        for edge, a, b, c in zip(edges, *shares, strict=False)
    ]
    empty = int(np.flatnonzero(np.sum(shares, axis=0))[0])
    return rows_from_0[empty:]


def recurrence(corpus: Corpus, mined: Mined) -> Rows:
    """Share of objects with at least 1 and 3 partners in the window, in random parts of the photographs (figure 3c)."""
    rows = []
    for fraction in FRACTIONS:
        shares = [_recurring(corpus, mined, fraction, draw) for draw in range(DRAWS if fraction < 1 else 1)]
        one, three = np.mean(shares, axis=0)
        photographs = round(fraction * len(corpus.image_ids))
        rows.append({"photographs": photographs, "with_1_view": float(one), "with_3_views": float(three)})
    return rows


def _recurring(corpus: Corpus, mined: Mined, fraction: float, draw: int) -> tuple[float, float]:
    kept = numpy_rng(SEED, "photographs", draw).random(len(corpus.image_ids)) < fraction
    partners = distinct_partners(mined.near, corpus.photo, mined.duplicate_group, kept[corpus.photo])
    return (float((partners >= 1).mean()), float((partners >= 3).mean())) if len(partners) else (0.0, 0.0)


def _by_category(corpus: Corpus, stars: Sequence[Star], full: Sequence[Star]) -> Rows:
    objects = Counter(corpus.categories.tolist())
    recurring, sets = (Counter(corpus.categories[star.anchor] for star in found) for found in (stars, full))
    most = sorted(objects, key=lambda name: (-sets[name], -objects[name], name))[:CATEGORIES]
    return [
        {"category": name, "objects": objects[name], "with_a_view": recurring[name], "sets": sets[name]}
        for name in most
    ]


def _sample(full: Sequence[Star]) -> list[Star]:
    picks = numpy_rng(SEED, "sheet").choice(len(full), min(len(full), SHEET_ROWS), replace=False)
    return [full[i] for i in sorted(picks)]
