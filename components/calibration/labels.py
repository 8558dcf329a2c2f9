"""Judged pairs of objects, from what people said about whole photographs or boxes (subjects)."""

from typing import NamedTuple

import numpy as np
import torch

from components.calibration.params import Params
from components.calibration.subjects import Label, Named
from components.common.join.exact import TILE, join_tile, prepare, tile_count
from components.common.join.scores import Pairs, concatenate, decide
from components.common.verdicts import DIFFERENT, DUPLICATE, SAME
from components.common.vision.corpus import Corpus
from components.common.vision.duplicates import components


class Labels(NamedTuple):
    """Pairs of objects of which at least one is named.

    rows: object row of each named object, int64 [L], ascending. product: its product, int64 [L], 0..G-1. pairs: of two
    named objects, as places in `rows`. verdict: str [P], of those pairs. strangers: int64 [L, T], how many unlabelled
    objects are at least as similar to each named one as each tested threshold.
    """

    rows: np.ndarray
    product: np.ndarray
    pairs: Pairs
    verdict: np.ndarray
    strangers: np.ndarray

    def where(self, mask: np.ndarray) -> "Labels":
        """The labels with the pairs under a boolean mask [P] only."""
        return self._replace(pairs=self.pairs.where(mask), verdict=self.verdict[mask])


def label_pairs(corpus: Corpus, subjects: list[Label], named: Named, thresholds: np.ndarray, params: Params) -> Labels:
    """Every pair of one subject, every pair of two subjects with similarity >= `params.loosest`, and the partners of
    named objects that nobody labelled.

    subjects: rows of that dataset. thresholds: float [T], descending.

    Only pairs of different photographs. duplicate: the same subject in photographs that nearly repeat each other, by
    label or as mining sees it.
    """
    compared = named.compared
    rows = np.array(sorted(compared), np.int64)
    product = np.unique([compared[row] for row in rows.tolist()], return_inverse=True)[1].astype(np.int64)
    left_out = np.array(sorted((named.subjects.keys() | named.contested.keys()) - compared.keys()), np.int64)
    similar, strangers = _similar(corpus, rows, left_out, thresholds, params)
    pairs = _with_all_of_one_product(corpus, rows, product, similar, params.loosest)
    src, dst = rows[pairs.src], rows[pairs.dst]
    same = product[pairs.src] == product[pairs.dst]
    linked = linked_photographs(corpus, subjects)
    repeat = linked[corpus.photo[src]] == linked[corpus.photo[dst]]
    repeat[same] |= corpus.nearly_repeat(src[same], dst[same], params)
    verdict = np.where(same, np.where(repeat, DUPLICATE, SAME), DIFFERENT)
    return Labels(rows, product, pairs, verdict, strangers)


def _similar(
    corpus: Corpus, rows: np.ndarray, left_out: np.ndarray, thresholds: np.ndarray, params: Params
) -> tuple[Pairs, np.ndarray]:
    """The pairs of named objects from `loosest` up, as places in `rows`, and the counts of strangers [L, T].

    left_out: rows of labelled objects that are not compared and are not strangers either. With the named objects last,
    the join compares them with all objects, and no stranger with another.
    """
    strangers = np.zeros((len(rows), len(thresholds) + 1), np.int64)  # the last column: below every threshold
    if not len(rows):
        return concatenate([]), strangers[:, :-1]
    others = np.setdiff1d(np.arange(len(corpus)), np.concatenate([rows, left_out]))
    order, first = np.concatenate([others, rows]), len(others)
    joined = prepare(corpus.vectors[order], params.loosest, corpus.photo[order])
    similar = []
    for tile in range(tile_count(len(order), TILE)):
        pairs = join_tile(joined, tile, params.loosest, since=first)
        named = pairs.src >= first
        similar.append(Pairs(pairs.src[named] - first, pairs.dst[named] - first, pairs.similarity[named]))
        other = pairs.where(~named)
        other = other.where(~_repeat(corpus, order[other.src], order[other.dst], params))
        # The first threshold that it reaches.
        reached = np.searchsorted(-thresholds.astype(np.float32), -other.similarity, side="left")
        np.add.at(strangers, (other.dst - first, reached), 1)
    return concatenate(similar), np.cumsum(strangers, axis=1)[:, :-1]


def _repeat(corpus: Corpus, src: np.ndarray, dst: np.ndarray, params: Params) -> np.ndarray:
    """Whether hashes show that two objects are in repeated photographs or crops, bool [P]. Moved copies are not looked
    for among strangers: there may be millions, and an extra stranger only makes the calibration stricter."""
    photos = corpus.photo_hashes.distance(corpus.photo[src], corpus.photo[dst])
    return (photos <= params.photo_bits) | (corpus.crop_hashes.distance(src, dst) <= params.crop_bits)


def _with_all_of_one_product(
    corpus: Corpus, rows: np.ndarray, product: np.ndarray, similar: Pairs, loosest: float
) -> Pairs:
    """The similar pairs and those of one product below `loosest`, in order of (src, dst)."""
    vectors, (src, dst) = corpus.vectors[rows], _of_one_product(product)
    apart = corpus.photo[rows[src]] != corpus.photo[rows[dst]]
    first, second = (torch.from_numpy(side[apart]) for side in (src, dst))
    below = float(np.nextafter(np.float32(loosest), np.float32(-2)))
    unlike = decide(torch.from_numpy(vectors), first, second, -np.inf, below)
    both = concatenate([similar, unlike])
    order = np.lexsort((both.dst, both.src))
    return Pairs(*(column[order] for column in both))


def _of_one_product(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every two places of one product, first < second: int64 [P] each."""
    if not len(product):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts = np.bincount(product)
    members = np.split(np.argsort(product, kind="stable"), np.cumsum(counts)[:-1])
    pairs = [places[np.stack(np.triu_indices(len(places), 1))] for places in members]
    src, dst = np.concatenate(pairs, axis=1)
    return src, dst


def linked_photographs(corpus: Corpus, subjects: list[Label]) -> np.ndarray:
    """For each photograph the smallest one it repeats, over any chain of `duplicate_of`, int64 [M]."""
    places = {image_id: place for place, image_id in enumerate(corpus.image_ids)}
    links = [
        (places[label["image_id"]], places[label["duplicate_of"]])
        for label in subjects
        if label["image_id"] in places and label["duplicate_of"] in places
    ]
    src, dst = np.array(links, np.int64).reshape(-1, 2).T
    return components(len(corpus.image_ids), (src, dst))
