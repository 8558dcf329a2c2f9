"""Recurrence sets: an anchor and its own neighbours in the window, stars rather than clusters.

At these similarities, connected components percolate: A is like B and B like C, but C is another product. So training
uses only the anchor's own neighbours; components only keep splits apart and collapse near-duplicates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.common.join.flags import UNUSED
from components.common.join.scores import Pairs

Repeats = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Whether objects (src [P], dst [P]) are near-duplicates: bool [P]."""


@dataclass(frozen=True)
class Star:
    """An anchor row, its views (rows, most similar first) and their similarities to it."""

    anchor: int
    views: list[int]
    similarities: list[float]


@dataclass(frozen=True)
class Neighbours:
    """Each row's partners in the window, both ways round, by (row, -similarity), without near-duplicates and reserved
    objects.

    start: int64 [N + 1]: the partners of row r are partner[start[r]:start[r + 1]].
    """

    start: np.ndarray
    row: np.ndarray
    partner: np.ndarray
    similarity: np.ndarray


def neighbours(pairs: Pairs, flags: np.ndarray, count: int) -> Neighbours:
    """Every pair that may go into a set, seen from both ends."""
    pairs = pairs.where((flags & UNUSED) == 0)
    row, partner = np.concatenate([pairs.src, pairs.dst]), np.concatenate([pairs.dst, pairs.src])
    similarity = np.tile(pairs.similarity, 2)
    order = np.lexsort((partner, -similarity, row))
    row = row[order]
    return Neighbours(np.searchsorted(row, np.arange(count + 1)), row, partner[order], similarity[order])


def stars(
    near: Neighbours,
    photo: np.ndarray,
    duplicate_group: np.ndarray,
    repeats: Repeats,
    most: int,
    anchors: Sequence[int] | range,
) -> Iterator[Star]:
    """The star of each anchor that has any view, with at most `most` views.

    photo, duplicate_group: int [N]. A partner becomes a view only if it shares neither photograph nor duplicate group
    with the anchor or an earlier view, and is not a near-duplicate (`repeats`) of any of them: near-duplicates count
    once and are collapsed before views are counted.
    """
    for anchor in anchors:
        chosen: list[int] = [anchor]
        taken: list[int] = []
        for at in range(near.start[anchor], near.start[anchor + 1]):
            if len(taken) == most:
                break
            row, earlier = near.partner[at], np.array(chosen)
            if (photo[earlier] == photo[row]).any() or (duplicate_group[earlier] == duplicate_group[row]).any():
                continue
            if not repeats(earlier, np.full(len(earlier), row)).any():
                chosen.append(int(row))
                taken.append(at)
        if taken:
            yield Star(anchor, chosen[1:], [float(s) for s in near.similarity[taken]])


def distinct_partners(near: Neighbours, photo: np.ndarray, duplicate_group: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many different photographs show a partner of each of `rows` (bool mask [N]), as if only those rows existed.

    int64 [rows.sum()]; partners of one duplicate group count once.
    """
    mask = rows[near.row] & rows[near.partner]
    row, partner = near.row[mask], near.partner[mask]
    for key in (photo, duplicate_group):
        _, first = np.unique(row * (key.max(initial=0) + 1) + key[partner], return_index=True)
        row, partner = row[first], partner[first]
    return np.bincount(row, minlength=len(rows))[rows]
