"""How well a head finds products that it has not seen: folds over subjects, each fold its own gallery."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from components.common.data.seeds import unit_interval
from components.photos.labelled import Crop

FOLDS = 4
PRECISION = 0.8
PARTNERS = 3
NO_THRESHOLD = 1.01


class Figures(NamedTuple):
    """recall_at_1: objects whose nearest neighbour is the same product / objects. threshold: the lowest cosine down to
    which `PRECISION` of all pairs are right; above 1 if there is none. recall: pairs of one product from there up /
    pairs of one product. served: objects with at least `PARTNERS` of their product from there up / objects."""

    recall_at_1: float
    recall: float
    served: float
    threshold: float


def figures(vectors: np.ndarray, subjects: Sequence[str]) -> Figures:
    """Figures of a gallery. vectors: unit vectors [N, d]; subjects: the product of each."""
    names = np.asarray(subjects)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    same = names[:, None] == names[None]
    np.fill_diagonal(same, False)
    upper = np.triu_indices(len(names), 1)
    order = np.argsort(-similarity[upper], kind="stable")
    scores, right = similarity[upper][order], np.cumsum(same[upper][order])
    precise = np.flatnonzero(right >= PRECISION * np.arange(1, len(right) + 1))
    threshold = float(scores[precise[-1]]) if len(precise) else NO_THRESHOLD
    above = same & (similarity >= threshold)
    return Figures(
        float((names[similarity.argmax(1)] == names).mean()),
        float(above.sum() / max(same.sum(), 1)),
        float((above.sum(1) >= PARTNERS).mean()),
        threshold,
    )


def fold_of(crops: Sequence[Crop], seed: int) -> np.ndarray:
    """The fold of each crop, int [N], 0..FOLDS-1; -1 for products that do not recur. Subjects of each run are dealt
    evenly."""
    folds: dict[tuple[str, str], int] = {}
    for run in dict.fromkeys(crop.run for crop in crops):
        counts = Counter(crop.subject for crop in crops if crop.run == run)
        recurring = [name for name, count in counts.items() if count > 1]
        for place, name in enumerate(sorted(recurring, key=lambda name: unit_interval(seed, "fold", name))):
            folds[run, name] = place % FOLDS
    return np.array([folds.get((crop.run, crop.subject), -1) for crop in crops])


Train = Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]
"""From the positions of the crops to learn from to what embeds the crops at other positions."""


def by_folds(crops: Sequence[Crop], train: Train, seed: int) -> dict[str, list[Figures]]:
    """Run -> the figures of each fold's subjects, for a head trained on all other crops."""
    runs = np.array([crop.run for crop in crops])
    results: dict[str, list[Figures]] = {run: [] for run in dict.fromkeys(runs.tolist())}
    folds = fold_of(crops, seed)
    for fold in range(FOLDS):
        embed = train(np.flatnonzero(folds != fold))
        for run, found in results.items():
            held = np.flatnonzero((folds == fold) & (runs == run))
            if len(held):
                found.append(figures(embed(held), [crops[place].subject for place in held.tolist()]))
    return results
