"""Super-linear recurrence (the paper's figure 3c): the share of objects with enough views, in parts of a collection.

The share is modelled as growing like photographs ** exponent, over random parts of the photographs. Objects of one
product recur together, so the interval is over products, by leaving out each in turn (the jackknife).
"""

from collections.abc import Sequence

import numpy as np

from components.common.data.reading import Dataset
from components.common.data.seeds import numpy_rng
from components.common.join.flags import Flag
from components.common.join.scores import Pairs
from components.common.statistics import LEAST_CLUSTERS, cluster_t
from components.common.vision.duplicates import components
from components.mining.sets import distinct_partners, neighbours
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import Answer

FRACTIONS, DRAWS, SEED = (0.25, 0.35, 0.5, 0.7, 1.0), 40, 0
"""Parts of the photographs, how many times each is drawn, and the seed."""
LEAST_POINTS = 3


def super_linear(question: str, workspace: Workspace) -> Answer:
    """The exponent of the share of labelled objects with at least `mining.min_views` partners in the window.

    Raises `ValueError` if too few products are labelled, or too few objects recur in the parts.
    """
    products, having, objects = counted(workspace)
    photographs = len(Dataset(workspace.dataset("images")))
    answer = exponent(question, products, having, objects)
    share = having.sum(0) / objects.sum(0)
    rows = [
        {"photographs": round(fraction * photographs), "share": float(value)}
        for fraction, value in zip(FRACTIONS, share, strict=True)
    ]
    return Answer(**{**vars(answer), "curve": tuple(rows)})


def exponent(question: str, products: Sequence[str], having: np.ndarray, objects: np.ndarray) -> Answer:
    """The least-squares slope of log share against log part. having, objects: mean counts in each part [G, F].

    Raises `ValueError` as `super_linear` does.
    """
    if len(products) < LEAST_CLUSTERS:
        raise ValueError(f"{len(products)} labelled products are too few, {LEAST_CLUSTERS} are needed")
    rest_having, rest_objects = having.sum(0) - having, objects.sum(0) - objects
    usable = (rest_having > 0).all(0)
    if usable.sum() < LEAST_POINTS:
        raise ValueError("too few objects recur in parts of the collection: more photographs are needed")
    sizes = np.log(np.asarray(FRACTIONS)[usable])
    centred = sizes - sizes.mean()

    def slope(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.log(part[..., usable] / whole[..., usable]) @ centred / (centred @ centred)

    count, whole = len(products), slope(having.sum(0), objects.sum(0))
    pseudo = count * whole - (count - 1) * slope(rest_having, rest_objects)
    gain = cluster_t(pseudo.tolist(), products)
    return Answer(question, gain.mean, gain.low, gain.high, count, ())


def counted(workspace: Workspace) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The labelled products [G], and in each part how many of their objects have enough partners, and how many objects
    there are: means over the draws, float64 [G, F] each.

    Partners are counted as mining does, except that copies are known from pairs in the window only.
    """
    pairs, photo, names = _read(workspace)
    objects, least = len(photo), Dataset(workspace.dataset("sets")).manifest.params["min_views"]
    copies = (pairs[3] & Flag.DUPLICATE) > 0
    group = components(objects, (pairs[0][copies], pairs[1][copies]))
    near = neighbours(Pairs(*pairs[:3]), pairs[3], objects)
    products, code = np.unique(names[names != ""], return_inverse=True)
    product_of = np.full(objects, -1)
    product_of[names != ""] = code
    having, present = np.zeros((len(products), len(FRACTIONS))), np.zeros((len(products), len(FRACTIONS)))
    for place, fraction in enumerate(FRACTIONS):
        draws = DRAWS if fraction < 1 else 1
        for draw in range(draws):
            drawn = numpy_rng(SEED, "photographs", place, draw).random(photo.max(initial=0) + 1)
            rows = (drawn < fraction)[photo]
            enough = np.zeros(objects, bool)
            enough[rows] = distinct_partners(near, photo, group, rows) >= least
            for table, mask in ((having, enough), (present, rows)):
                table[:, place] += np.bincount(product_of[mask & (product_of >= 0)], minlength=len(products)) / draws
    seen = present.min(1) > 0
    return products[seen].tolist(), having[seen], present[seen]


def _read(workspace: Workspace) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Columns of the pairs, the photograph of each object as a number, and its product, empty where there is none."""
    table = Dataset(workspace.dataset("pairs")).table(["src_row", "dst_row", "similarity", "flags"])
    ids = Dataset(workspace.dataset("objects")).table(["image_id"])["image_id"].to_pylist()
    photo = np.unique(np.array(ids, str), return_inverse=True)[1]
    names = np.full(len(ids), "", dtype=object)
    for row in Dataset(workspace.dataset("identities")).rows(["row", "subject"]):
        names[row["row"]] = row["subject"]
    return [table[name].to_numpy() for name in table.column_names], photo, names.astype(str)
