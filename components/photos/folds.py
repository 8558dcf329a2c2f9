"""How well an encoder finds products that it has not seen: folds over subjects, each fold its own gallery."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from components.common.data.seeds import unit_interval
from components.common.harmless import say
from components.photos.labelled import Crop
from components.photos.views import embedding

FOLDS = 4
PRECISION = 0.8
PARTNERS = 3


class Figures(NamedTuple):
    """recall_at_1: objects whose nearest neighbour is the same product / objects. recall: pairs of one product above
    the lowest cosine down to which `PRECISION` of all pairs are right / pairs of one product. served: objects with at
    least `PARTNERS` of their product above that cosine / objects."""

    recall_at_1: float
    recall: float
    served: float


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
    threshold = float(scores[precise[-1]]) if len(precise) else np.inf
    above = same & (similarity >= threshold)
    return Figures(
        float((names[similarity.argmax(1)] == names).mean()),
        float(above.sum() / max(same.sum(), 1)),
        float((above.sum(1) >= PARTNERS).mean()),
    )


def fold_of(crops: Sequence[Crop], seed: int) -> np.ndarray:
    """The fold of each crop, int [N], 0..FOLDS-1; -1 for products that do not recur. The subjects of each run are
    spread evenly; one that is in several runs stays in one fold, as training takes it for one product."""
    folds: dict[str, int] = {}
    for run in dict.fromkeys(crop.run for crop in crops):
        counts = Counter(crop.subject for crop in crops if crop.run == run)
        recurring = [name for name, count in counts.items() if count > 1 and name not in folds]
        for place, name in enumerate(sorted(recurring, key=lambda name: unit_interval(seed, "fold", name))):
            folds[name] = place % FOLDS
    return np.array([folds.get(crop.subject, -1) for crop in crops])


class Learnt(NamedTuple):
    """A trained encoder. features: unit features of all crops, [N, V, D]; weight: its head's, [K, D]."""

    features_NVD: np.ndarray
    weight_KD: np.ndarray


Train = Callable[[np.ndarray], Mapping[str, Learnt]]
"""From the positions of the training crops to encoders by name: the whole one, its parts, another one."""
Measured = dict[tuple[str, str], list[Figures]]
"""(run, encoder) -> the figures of each fold."""


def by_folds(crops: Sequence[Crop], train: Train, seed: int) -> Measured:
    """The figures of each fold's subjects, for the encoders trained on all other crops."""
    runs = np.array([crop.run for crop in crops])
    results: Measured = {}
    folds = fold_of(crops, seed)
    for fold in range(FOLDS):
        say(f"fold {fold + 1} of {FOLDS}", err=True)
        learnt = train(np.flatnonzero(folds != fold))
        for run in dict.fromkeys(runs.tolist()):
            held = np.flatnonzero((folds == fold) & (runs == run))
            for name, (features_NVD, weight_KD) in learnt.items():
                by_fold = results.setdefault((run, name), [])
                if len(held):
                    vectors = embedding(features_NVD[held], weight_KD)
                    by_fold.append(figures(vectors, [crops[place].subject for place in held.tolist()]))
    return results
