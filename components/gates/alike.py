"""Objects on two sides of a split that an encoder finds alike, counted exactly.

faiss proposes a little below the threshold and float64 decides, because the last bit of a float32 sum depends on the
order it was added in.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import faiss
import numpy as np

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.progress import track
from components.common.vision.encoders import Encoder, check_finite
from components.common.vision.images import stored_crop

QUERIES = 1024
REACH = 1e-4  # how far below the threshold faiss proposes
ROUNDING = 1e-6  # mining decides in float32: a similarity that it rounds below the threshold is not a leak
SHOWN = 200


class Pairs(NamedTuple):
    """Pairs of rows of two arrays and their similarity, the most similar first: int [P], int [P], float64 [P]."""

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True)
class Leaks:
    """What one encoder finds alike across one split.

    encoder: parameter that names it. side: what training is compared with, `validation` or `benchmark`. threshold:
    cosine from which two objects are alike. train, others: names of the objects on both sides. pairs: rows of them.
    """

    encoder: str
    side: str
    threshold: float
    train: list[int]
    others: list[Any]
    pairs: Pairs

    @property
    def share(self) -> float:
        """The share of the other side's objects to which some training object is alike; 0 if there are none."""
        return len(np.unique(self.pairs.second)) / max(len(self.others), 1)

    def shown(self) -> list[dict[str, Any]]:
        """The most similar pairs for a person to look at."""
        return [
            {
                "encoder": self.encoder,
                "train_row": self.train[i],
                self.side: self.others[j],
                "similarity": round(float(similarity), 6),
            }
            for i, j, similarity in list(zip(*self.pairs, strict=True))[:SHOWN]
        ]


def close_pairs(ours: np.ndarray, theirs: np.ndarray, threshold: float) -> Pairs:
    """All pairs with inner product >= threshold between float32 [N, d] and [M, d]."""
    if not len(ours) or not len(theirs):
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    index = faiss.IndexFlatIP(ours.shape[1])
    index.add(np.ascontiguousarray(ours))
    proposed = [np.zeros((0, 2), np.int64)]
    for start in track(range(0, len(theirs), QUERIES), "leakage"):
        limits, _, hits = index.range_search(theirs[start : start + QUERIES], threshold - REACH)
        queries = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(int))) + start
        proposed.append(np.stack([hits, queries], 1))
    first, second = np.concatenate(proposed).T
    similarity = similarities(ours, first, theirs, second)
    keep = similarity >= threshold + ROUNDING
    order = np.lexsort((second[keep], first[keep], -similarity[keep]))
    return Pairs(first[keep][order], second[keep][order], similarity[keep][order])


def similarities(ours: np.ndarray, first: np.ndarray, theirs: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Inner products of the rows `first` of one array with the rows `second` of another, int [P] each: float64 [P]."""
    return np.einsum("pd,pd->p", ours[first].astype(np.float64), theirs[second].astype(np.float64))


def vectors_of(embeddings: Dataset, rows: np.ndarray) -> np.ndarray:
    """The vectors of some object rows (sorted), float32 [R, d], read shard by shard."""
    vectors, start = [], 0
    for path in embeddings.files(".npy"):
        shard = np.load(path, mmap_mode="r", allow_pickle=False)
        here = rows[(rows >= start) & (rows < start + len(shard))] - start
        vectors.append(np.asarray(shard[here], np.float32))
        start += len(shard)
    return np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32)


def embedded(encoder: Encoder, objects: Dataset, rows: np.ndarray) -> np.ndarray:
    """The vectors that an encoder gives the crops of some object rows (sorted), float32 [R, d].

    Raises `UserError` if one is not finite.
    """
    places = objects.table(["object_id", *blob_columns("crop")]).take(rows).to_pylist()
    vectors = encoder.embed(stored_crop(objects, place) for place in track(places, "leakage: independent vectors"))
    check_finite(vectors, [place["object_id"] for place in places])
    return vectors
