"""Labelled pairs of objects, from what people said about whole photographs or boxes (subjects)."""

from typing import NamedTuple

import numpy as np
import torch

from components.calibration.params import Params
from components.calibration.subjects import Label
from components.common.data.seeds import unit_interval
from components.common.join.exact import window_join
from components.common.join.scores import Pairs, decide
from components.common.vision.corpus import Corpus
from components.common.vision.duplicates import components

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


def label_pairs(corpus: Corpus, subjects: list[Label], named: dict[int, str], params: Params) -> Labels:
    """Every pair of the same subject, and every pair of different ones with similarity >= `params.loosest`.

    subjects: rows of that dataset. named: object row -> subject.

    Only pairs of different photographs. duplicate: the same subject in photographs that nearly repeat each other, by
    label or as mining finds it. No label below `loosest` is for the gate: only the right pairs are known there, and
    would flatter.
    """
    rows = np.array(sorted(named), np.int64)
    names = np.array([named[row] for row in rows], dtype=object)
    pairs = _pairs_of(corpus, rows, names, params.loosest)
    src_name, dst_name = (names[np.searchsorted(rows, side)] for side in (pairs.src, pairs.dst))
    same = (src_name == dst_name).astype(bool)
    linked = _linked_photographs(corpus, subjects)
    repeat = linked[corpus.photo[pairs.src]] == linked[corpus.photo[pairs.dst]]
    repeat[same] |= corpus.nearly_repeat(pairs.src[same], pairs.dst[same], params)
    verdict = np.where(same, np.where(repeat, DUPLICATE, SAME), DIFFERENT)
    purpose = [_purpose(src, dst, params) for src, dst in zip(src_name, dst_name, strict=True)]
    labels = Labels(pairs, verdict, np.array(purpose, dtype=object), src_name)
    return labels.where((labels.purpose == CALIBRATION) | (pairs.similarity >= np.float32(params.loosest)))


def _pairs_of(corpus: Corpus, rows: np.ndarray, names: np.ndarray, loosest: float) -> Pairs:
    """Pairs of labelled rows: similar ones from the join, and those of one subject below its floor."""
    vectors = corpus.vectors[rows] if len(rows) else np.zeros((0, 1), np.float16)
    similar = window_join(vectors, loosest, groups=corpus.photo[rows])
    src, dst = _of_one_subject(names)
    apart = corpus.photo[rows[src]] != corpus.photo[rows[dst]]
    first, second = (torch.from_numpy(side[apart]) for side in (src, dst))
    below = float(np.nextafter(np.float32(loosest), np.float32(-2)))
    unlike = decide(torch.from_numpy(vectors), first, second, -np.inf, below)
    src, dst, similarity = (np.concatenate(both) for both in zip(similar, unlike, strict=True))
    order = np.lexsort((dst, src))
    return Pairs(rows[src[order]], rows[dst[order]], similarity[order])


def _of_one_subject(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every two places of equal names, first < second: int64 [P] each."""
    _, codes, counts = np.unique(names, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    pairs = [places[np.stack(np.triu_indices(len(places), 1))] for places in members]
    src, dst = np.concatenate(pairs, axis=1)
    return src, dst


def _linked_photographs(corpus: Corpus, subjects: list[Label]) -> np.ndarray:
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
