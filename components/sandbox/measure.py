"""How good the tiny models are on designs they have not seen: retrieval figures and average precision of boxes."""

from collections.abc import Sequence

import numpy as np

from components.common.geometry import Box, iou
from components.common.statistics import share_lower_bound

BOUNDS = (0.7, 0.8, 0.9, 0.95)


def retrieval(vectors: np.ndarray, designs: Sequence[str], photos: Sequence[int]) -> dict[str, float]:
    """Recall@1, average precision of pairs, and the window's lower edge for given precision.

    vectors: unit vectors [N, d]. Only products in different photographs are compared. `threshold_lb_X` is the lowest
    cosine at which the one-sided 95 % Clopper-Pearson bound of the precision of all pairs above it reaches X
    (absent if there is none), `yield_lb_X` the share of recurring products with at least 3 neighbours above it.
    """
    similarity = vectors @ vectors.T
    apart = np.not_equal.outer(np.asarray(photos), np.asarray(photos))
    same = np.equal.outer(np.asarray(designs), np.asarray(designs)) & apart
    recurring = same.any(1)
    nearest = np.where(apart, similarity, -2).argmax(1)
    result = {"recall_at_1": float(same[np.arange(len(same)), nearest][recurring].mean())}
    upper = np.triu(apart, 1)
    order = np.argsort(-similarity[upper], kind="stable")
    scores, hits = similarity[upper][order], same[upper][order]
    result["pair_ap"] = average_precision(hits, int(hits.sum()))
    for bound in BOUNDS:
        threshold = _threshold(scores, hits, bound)
        if threshold is not None:
            result[f"threshold_lb_{bound}"] = threshold
            result[f"yield_lb_{bound}"] = float((((similarity >= threshold) & same).sum(1) >= 3)[recurring].mean())
    return result


def average_precision(hits: np.ndarray, total: int) -> float:
    """Mean precision at the rank of each hit, over `total` things to find; hits: bool, best score first."""
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / total) if total else 0.0


def _threshold(scores: np.ndarray, hits: np.ndarray, bound: float) -> float | None:
    """The lowest score down to which the precision's lower bound holds `bound`."""
    correct = np.cumsum(hits)
    for rank in range(len(scores) - 1, 0, -1):
        if correct[rank] >= bound * (rank + 1) and share_lower_bound(int(correct[rank]), rank + 1) >= bound:
            return float(scores[rank])
    return None


def ap50(found: Sequence[Sequence[tuple[Box, float]]], truth: Sequence[Sequence[Box]]) -> float:
    """Average precision of boxes at IoU 0.5, any category. found: (box, score) of each photograph; truth: its boxes.

    A true box counts once: further boxes on it are wrong (as in COCO, area under the interpolated curve).
    """
    ranked = sorted(((score, photo, box) for photo, boxes in enumerate(found) for box, score in boxes),
                    key=lambda entry: -entry[0])  # fmt: skip
    free = [list(boxes) for boxes in truth]
    hits = np.zeros(len(ranked), bool)
    for rank, (_, photo, box) in enumerate(ranked):
        best = max(free[photo], key=lambda other: iou(box, other), default=None)
        if best is not None and iou(box, best) >= 0.5:
            free[photo].remove(best)
            hits[rank] = True
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    total = sum(len(boxes) for boxes in truth)
    return float(envelope[hits].sum() / total) if total else 0.0
