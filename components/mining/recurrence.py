"""How objects recur: the paper's analysis of its corpora, as rows for plots.

Figure 3b (similarity of the nearest neighbours), 3c (recurrence grows with the corpus), 4 (which categories recur) and
the table of datasets. (Calibration draws figure 3a, precision against threshold.)
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from components.common.data.seeds import numpy_rng
from components.common.vision.corpus import Corpus
from components.mining.sets import Neighbours, Star, distinct_partners

SAMPLE, BLOCK = 2000, 8192  # objects whose neighbours are plotted; vectors that they are compared with at once
NEAREST, BIN = 3, 0.02  # neighbours; width of a bar, cosine
FRACTIONS, DRAWS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0), 5
CATEGORIES = 20
SEED = 0  # for the samples
Rows = list[dict[str, Any]]


def neighbour_similarity(vectors: np.ndarray, photo: np.ndarray) -> Rows:
    """Histogram of the similarity to the 1st, 2nd and 3rd nearest object of another photograph (figure 3b).

    vectors: [N, d], unit rows; photo: int [N]. At most SAMPLE objects are compared with all N; each series adds up to
    1. Memory: O(SAMPLE x BLOCK).
    """
    count = len(vectors)
    rows = np.sort(numpy_rng(SEED, "neighbours").choice(count, min(count, SAMPLE), replace=False))
    best = _nearest(vectors, photo, rows)
    edges = np.arange(0, 1 + BIN, BIN)
    shares = [np.histogram(best[:, k].clip(0, 1), edges)[0] / len(rows) for k in range(NEAREST)]
    rows_from_0 = [
        {"similarity": round(float(edge + BIN / 2), 3), "first": float(a), "second": float(b), "third": float(c)}
        for edge, a, b, c in zip(edges, *shares, strict=False)
    ]
    empty = int(np.flatnonzero(np.sum(shares, axis=0))[0])
    return rows_from_0[empty:]


def _nearest(vectors: np.ndarray, photo: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The NEAREST greatest similarities of each of `rows` to objects in other photographs; -1 where there is none."""
    sample = torch.from_numpy(vectors[rows].astype(np.float32))
    best = torch.full((len(rows), NEAREST), -1.0)
    for start in range(0, len(vectors), BLOCK):
        similarity = sample @ torch.from_numpy(vectors[start : start + BLOCK].astype(np.float32)).T
        similarity[torch.from_numpy(photo[rows, None] == photo[start : start + BLOCK])] = -1
        best = torch.cat([best, similarity], 1).topk(NEAREST).values
    return best.numpy()


def recurrence(
    near: Neighbours, photo: np.ndarray, duplicate_group: np.ndarray, photographs: int, min_views: int
) -> Rows:
    """Share of objects with at least 1 and `min_views` partners in the window, in random parts of the photographs.

    This is figure 3c, where min_views is 3.

    photo, duplicate_group: int [N], as in `distinct_partners`; photo is in [0, photographs).
    """
    rows = []
    for fraction in FRACTIONS:
        shares = []
        for draw in range(DRAWS if fraction < 1 else 1):
            included = numpy_rng(SEED, "photographs", draw).random(photographs) < fraction
            partners = distinct_partners(near, photo, duplicate_group, included[photo])
            shares.append([(partners >= least).sum() / max(len(partners), 1) for least in (1, min_views)])
        one, enough = np.mean(shares, axis=0).tolist()
        rows.append({"photographs": round(fraction * photographs), "with_1_view": one, "with_min_views": enough})
    return rows


def growth_exponent(rows: Rows) -> float | None:
    """How the number of objects with at least min_views views grows with the corpus: as photographs ** exponent.

    rows: those of `recurrence`. The exponent is the slope of the least-squares line of log(share x photographs) against
    log(photographs) over the parts of the corpus with such objects; in random parts of one corpus, objects are
    proportional to photographs, so share x photographs is proportional to the number of such objects. Above 1, growth
    is super-linear (paper, figure 3c): more photographs also make more of the earlier ones usable. It falls to 1 as the
    share of such objects saturates. None if fewer than two parts have such objects.
    """
    seen = [(row["photographs"], row["with_min_views"] * row["photographs"]) for row in rows if row["with_min_views"]]
    if len(seen) < 2:
        return None
    photographs, objects = np.log(np.array(seen)).T
    return float(np.polyfit(photographs, objects, 1)[0])


def by_collection(corpus: Corpus, stars: Sequence[Star], full: Sequence[Star]) -> Rows:
    """The paper's table of datasets by collection: photographs, objects, those with a view and those with enough.

    full: the stars with at least min_views views. Views come from all collections. Only the CATEGORIES largest
    collections with objects are listed.
    """
    names = np.array(corpus.images.table(["collection"])["collection"].to_pylist(), dtype=object)
    of_objects = names[corpus.photo]
    photographs, objects = Counter(names.tolist()), Counter(of_objects.tolist())
    one = Counter(of_objects[star.anchor] for star in stars)
    enough = Counter(of_objects[star.anchor] for star in full)
    return [
        {
            "collection": name,
            "photographs": photographs[name],
            "objects": objects[name],
            "with_1_view": one[name],
            "with_min_views": enough[name],
        }
        for name in sorted(objects, key=lambda name: (-objects[name], name))[:CATEGORIES]
    ]


def by_category(corpus: Corpus, stars: Sequence[Star], full: Sequence[Star]) -> Rows:
    """The CATEGORIES categories with the most sets: objects, those with a view, and sets (figure 4)."""
    objects = Counter(corpus.categories.tolist())
    recurring, sets = (Counter(corpus.categories[star.anchor] for star in group) for group in (stars, full))
    most = sorted(objects, key=lambda name: (-sets[name], -objects[name], name))[:CATEGORIES]
    return [
        {"category": name, "objects": objects[name], "with_a_view": recurring[name], "sets": sets[name]}
        for name in most
    ]
