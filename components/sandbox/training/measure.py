"""How good the tiny models are on designs they have not seen: retrieval figures and average precision of boxes."""

from collections.abc import Sequence

import numpy as np

from components.common.statistics import share_lower_bound
from components.common.vision.geometry import Box, iou

BOUNDS = (0.7, 0.8, 0.9, 0.95)


class Neighbours:
    """Similarities between products. Only products in different photographs are compared.

    similarity: [N, N]. apart, same: bool [N, N], whether two products are compared, and whether they are and show one
    design. scores, correct: the similarity of every compared pair, best first, and whether both show one design.
    asked: the designs of the products that recur; hits: whether such a product's nearest neighbour is right.
    """

    def __init__(self, vectors: np.ndarray, designs: Sequence[str], photos: Sequence[int]):
        """vectors: unit vectors [N, d]; designs and photos: of each product."""
        self.similarity, self.designs = vectors @ vectors.T, list(designs)
        self.apart = np.not_equal.outer(np.asarray(photos), np.asarray(photos))
        self.same = np.equal.outer(np.asarray(designs), np.asarray(designs)) & self.apart
        self.recurring = self.same.any(1)
        self.asked = [design for design, recurs in zip(designs, self.recurring, strict=True) if recurs]
        nearest = np.where(self.apart, self.similarity, -2).argmax(1)
        self.hits = self.same[np.arange(len(nearest)), nearest][self.recurring].astype(float)
        upper = np.triu(self.apart, 1)
        order = np.argsort(-self.similarity[upper], kind="stable")
        self.scores, self.correct = self.similarity[upper][order], self.same[upper][order]

    def threshold(self, bound: float) -> float | None:
        """The lowest cosine down to which the one-sided 95 % Clopper-Pearson bound of the precision is `bound`."""
        correct = np.cumsum(self.correct)
        last_of_equals = np.flatnonzero(np.append(np.diff(self.scores) < 0, True))  # a window holds all equals or none
        for rank in last_of_equals[::-1].tolist():
            if correct[rank] >= bound * (rank + 1) and share_lower_bound(int(correct[rank]), rank + 1) >= bound:
                return float(self.scores[rank])
        return None

    def served(self, threshold: float) -> list[float]:
        """1 for each recurring product that has at least 3 true neighbours above a cosine, else 0."""
        views = ((self.similarity >= threshold) & self.same)[self.recurring].sum(1)
        return (views >= 3).astype(float).tolist()


def retrieval(vectors: np.ndarray, designs: Sequence[str], photos: Sequence[int]) -> dict[str, float]:
    """Recall@1, average precision of pairs, and for several precision bounds the window's lower edge and its yield.

    `threshold_lb_X` is absent if no cosine meets the bound; `yield_lb_X` is the share of recurring products with at
    least 3 neighbours above it. Both come from these pairs, so they are too good: judge a window on other designs.
    """
    neighbours = Neighbours(vectors, designs, photos)
    figures = {"recall_at_1": float(neighbours.hits.mean())}
    figures["pair_ap"] = average_precision(neighbours.correct, int(neighbours.correct.sum()))
    for bound in BOUNDS:
        threshold = neighbours.threshold(bound)
        if threshold is not None:
            figures[f"threshold_lb_{bound}"] = threshold
            figures[f"yield_lb_{bound}"] = float(np.mean(neighbours.served(threshold)))
    return figures


def average_precision(hits: np.ndarray, total: int) -> float:
    """Mean precision at the rank of each hit, over `total` true ones; hits: bool, best score first."""
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / total) if total else 0.0


def ap50(detected: Sequence[Sequence[tuple[Box, float]]], truth: Sequence[Sequence[Box]]) -> float:
    """Average precision of boxes at IoU 0.5, any category. detected: (box, score) of each photograph; truth: its boxes.

    A true box counts once: further boxes on it are wrong (as in COCO, area under the interpolated curve).
    """
    ranked = sorted(((score, photo, box) for photo, boxes in enumerate(detected) for box, score in boxes),
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
