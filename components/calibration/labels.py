"""Labelled pairs of objects, from what people said about whole photographs or boxes (subjects)."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import torch

from components.calibration.params import Params
from components.common.data.seeds import unit_interval
from components.common.join.exact import window_join
from components.common.join.scores import Pairs, row_products
from components.common.vision.corpus import Corpus
from components.common.vision.duplicates import components
from components.common.vision.geometry import Box, iou

SAME, DIFFERENT, DUPLICATE = "same", "different", "duplicate"
CALIBRATION, GATE = "calibration", "gate"
RATER = "subjects"
QUESTION = "same-product/1: is the second object the same product as the first, in a picture that does not repeat it?"


class Labels(NamedTuple):
    """Labelled pairs, ordered by (src, dst). verdict, purpose, cluster: str [P]; cluster is the subject of src."""

    pairs: Pairs
    verdict: np.ndarray
    purpose: np.ndarray
    cluster: np.ndarray

    def where(self, mask: np.ndarray) -> "Labels":
        """The labels under a boolean mask [P]."""
        return Labels(self.pairs.where(mask), self.verdict[mask], self.purpose[mask], self.cluster[mask])


def label_pairs(corpus: Corpus, subjects: list[dict[str, Any]], params: Params) -> Labels:
    """Every pair of the same subject, and every pair of different ones with similarity >= `params.loosest`.

    Only pairs of different photographs. duplicate: the same subject in photographs that nearly repeat each other, by
    label or as mining finds it. No label below `loosest` is for the gate: only the right pairs are known there, and
    would flatter.
    """
    named = subjects_of_objects(corpus, subjects, params.min_iou)
    rows = np.array(sorted(named), np.int64)
    names = np.array([named[row] for row in rows], dtype=object)
    found = _pairs_of(corpus, rows, names, params.loosest)
    src_name, dst_name = (names[np.searchsorted(rows, side)] for side in (found.src, found.dst))
    same = (src_name == dst_name).astype(bool)
    linked = _linked_photographs(corpus, subjects)
    repeat = linked[corpus.photo[found.src]] == linked[corpus.photo[found.dst]]
    repeat[same] |= corpus.nearly_repeat(found.src[same], found.dst[same], params)
    verdict = np.where(same, np.where(repeat, DUPLICATE, SAME), DIFFERENT)
    purpose = [_purpose(src, dst, params) for src, dst in zip(src_name, dst_name, strict=True)]
    labels = Labels(found, verdict, np.array(purpose, dtype=object), src_name)
    return labels.where((labels.purpose == CALIBRATION) | (found.similarity >= np.float32(params.loosest)))


def subjects_of_objects(corpus: Corpus, subjects: list[dict[str, Any]], min_iou: float) -> dict[int, str]:
    """Object row -> subject. A labelled box takes the object that overlaps it most; a label of a whole photograph takes
    the object that is largest and most central. An empty subject never recurs: it is called after its photograph."""
    objects: dict[int, list[int]] = defaultdict(list)
    for row, place in enumerate(corpus.photo):
        objects[int(place)].append(row)
    places = {image_id: place for place, image_id in enumerate(corpus.image_ids)}
    sizes = corpus.images.rows(["width", "height"])
    named: dict[int, str] = {}
    for label in subjects:
        found = places.get(label["image_id"])
        if found is None:  # quarantined, or not part of this run
            continue
        best = _object_of(label, objects[found], corpus.boxes, sizes[found], min_iou)
        if best is not None:
            named.setdefault(best, label["subject"] or f"only in {label['image_id']} at {label['x']}, {label['y']}")
    return named


def _object_of(
    label: dict[str, Any], rows: list[int], boxes: list[Box], size: dict[str, int], min_iou: float
) -> int | None:
    if not rows:
        return None
    if label["x"] is None:
        return max(rows, key=lambda row: (prominence(boxes[row], size["width"], size["height"]), -row))
    wanted = Box(*(label[side] for side in "xywh"))
    best = max(rows, key=lambda row: (iou(boxes[row], wanted), -row))
    return best if iou(boxes[best], wanted) >= min_iou else None


def prominence(box: Box, width: int, height: int) -> float:
    """Area of the box times how central it is (1 in the middle of the photograph, 0 in a corner), px^2."""
    x, y = (box.x + box.w / 2) / width - 0.5, (box.y + box.h / 2) / height - 0.5
    return box.area * max(1 - np.hypot(x, y) / np.hypot(0.5, 0.5), 0.0)


def _pairs_of(corpus: Corpus, rows: np.ndarray, names: np.ndarray, loosest: float) -> Pairs:
    """Pairs of labelled rows: similar ones from the join, and those of one subject below its floor."""
    vectors = corpus.vectors[rows] if len(rows) else np.zeros((0, 1), np.float16)
    similar = window_join(vectors, loosest, groups=corpus.photo[rows])
    members: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        members[name].append(place)
    same = [(a, b) for places in members.values() for a in places for b in places if a < b]
    src, dst = np.array(same, np.int64).reshape(-1, 2).T
    src, dst = (side[corpus.photo[rows[src]] != corpus.photo[rows[dst]]] for side in (src, dst))
    exact = row_products(*(torch.from_numpy(vectors[side].astype(np.float32)) for side in (src, dst))).numpy()
    below = exact < np.float32(loosest)
    joined = [np.concatenate(both) for both in zip(similar, Pairs(src, dst, exact).where(below), strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    return Pairs(rows[joined[0][order]], rows[joined[1][order]], joined[2][order])


def _linked_photographs(corpus: Corpus, subjects: list[dict[str, Any]]) -> np.ndarray:
    """For each photograph the smallest one it repeats, over any chain of `duplicate_of`, int64 [M]."""
    places = {image_id: place for place, image_id in enumerate(corpus.image_ids)}
    links = [
        (places[label["image_id"]], places[label["duplicate_of"]])
        for label in subjects
        if label["image_id"] in places and label["duplicate_of"] in places
    ]
    src, dst = np.array(links, np.int64).reshape(-1, 2).T
    return components(len(corpus.image_ids), (src, dst))


def _purpose(first: str, second: str, params: Params) -> str:
    """By a stable hash of the two subjects: the gate judges on pairs of subjects that the calibration never saw."""
    return CALIBRATION if unit_interval(params.seed, "purpose", *sorted((first, second))) < params.share else GATE
