"""Near-duplicates: photographs, or crops, that show the same picture again (re-encoded, mirrored, a burst).

They are not a second view of an object. The upper end of the similarity window stops most of them (paper, section 3); a
256-bit difference hash of the plain and of the mirrored picture stops those that an encoder tells apart, and `moved`
those that were shifted or cut. Either test alone confuses different pictures on plain backgrounds, so pairs are tested
only where the encoder finds the objects similar; this also avoids a second comparison of all pairs.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from components.common.vision.images import hamming, hash_array


class Hashes(NamedTuple):
    """Difference hashes of N pictures and of their mirror images: uint8 [N, 32] each."""

    plain: np.ndarray
    flipped: np.ndarray

    def distance(self, src: np.ndarray, dst: np.ndarray) -> np.ndarray:
        """Bits, 0..256, in which pictures src and dst differ: the least over plain and mirrored, either way round."""
        ways = (
            hamming(self.plain[src], self.plain[dst]),
            hamming(self.plain[src], self.flipped[dst]),
            hamming(self.flipped[src], self.plain[dst]),
        )
        return np.minimum.reduce(ways)


def hashes_of(table: pa.Table) -> Hashes:
    """The hashes of N photographs or objects, from the columns `dhash` and `dhash_flipped`."""
    return Hashes(*(hash_array(table[name].to_pylist()) for name in ("dhash", "dhash_flipped")))


Edges = tuple[np.ndarray, np.ndarray]
"""Two int arrays [E]: the rows that each edge joins."""


def components(count: int, *edges: Edges) -> np.ndarray:
    """For each of `count` rows, the smallest row that it is connected to, int64 [count]."""
    none = np.zeros(0, np.int64)
    src, dst = (np.concatenate([none, *(edge[side] for edge in edges)]) for side in (0, 1))
    graph = coo_array((np.ones(len(src), np.int8), (src, dst)), shape=(count, count))
    total, labels = connected_components(graph, directed=False) if count else (0, np.zeros(0, np.int64))
    smallest = np.full(total, count, np.int64)
    np.minimum.at(smallest, labels, np.arange(count))
    return smallest[labels]


def forest(count: int, edges: Edges) -> Edges:
    """The fewest edges (row, smallest row) with the same connected components as the given edges."""
    smallest = components(count, edges)
    rows = np.flatnonzero(smallest != np.arange(count))
    return rows, smallest[rows]
