"""The training sets as a lot: in which order they are drawn, and which of a set's views is looked at first.

The order is a hash of the pair's objects and of all sets of the run, not of positions or a seed. So more labels leave
it unchanged, and any change to a set shuffles all draws: if wrongly drawn sets could disappear while the others kept
their turns, a run would pass by trying windows.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.data.seeds import derive


class Pair(NamedTuple):
    """One comparison, by object rows."""

    anchor: int
    view: int

    @property
    def key(self) -> tuple[int, int]:
        """Its objects in ascending order: two sets may compare them either way round, and one answer is for both."""
        return min(self), max(self)


@dataclass(frozen=True)
class Lot:
    """N sets. anchors: object rows [N]; views, similarities [R]: all references, set after set; starts: int [N + 1],
    where a set's references begin. names: object_id of every object. deal: a digest of all sets.
    """

    anchors: np.ndarray
    views: np.ndarray
    similarities: np.ndarray
    starts: np.ndarray
    names: pa.ChunkedArray
    deal: str

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def set_of(self) -> np.ndarray:
        """The set of each reference, int [R]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Anchor and view of every reference, as object rows: two of int [R]."""
        return self.anchors[self.set_of], self.views

    @cached_property
    def order(self) -> np.ndarray:
        """The sets in the order in which they are drawn, int [N]."""
        turns = [derive(0, self.deal, name) for name in self._names_of(self.anchors)]
        return np.argsort(np.array(turns, np.int64), kind="stable")

    def references(self, place: int) -> np.ndarray:
        """The references of a set as indices 0..R-1, in the order in which they are looked at."""
        here = np.arange(self.starts[place], self.starts[place + 1])
        (anchor,) = self._names_of(self.anchors[place : place + 1])
        turns = [derive(0, self.deal, anchor, view) for view in self._names_of(self.views[here])]
        return here[np.argsort(np.array(turns, np.int64), kind="stable")]

    def _names_of(self, rows: np.ndarray) -> list[str]:
        return self.names.take(pa.array(rows, pa.int64())).to_pylist()

    def pair(self, reference: int) -> Pair:
        """The objects that are compared for a reference."""
        place = int(np.searchsorted(self.starts, reference, side="right")) - 1
        return Pair(int(self.anchors[place]), int(self.views[reference]))

    def draws(self, count: int) -> list[int]:
        """The first `count` draws, as references: one per set. Cached, since every answer needs them again."""
        if count not in self._drawn:
            self._drawn[count] = [int(self.references(place)[0]) for place in self.order[:count].tolist()]
        return self._drawn[count]

    @cached_property
    def _drawn(self) -> dict[int, list[int]]:
        return {}


def lot_of(sets: Dataset, objects: Dataset) -> Lot:
    """A run's sets as a lot."""
    table = sets.table(["anchor", "views", "similarities"]).sort_by("anchor")
    views = pc.list_flatten(table["views"]).to_numpy()
    starts = np.concatenate([[0], np.cumsum(pc.list_value_length(table["views"]).to_numpy())]).astype(np.int64)
    anchors, names = table["anchor"].to_numpy(), objects.table(["object_id"])["object_id"]
    digest = sha256()
    for part in (anchors, views):
        for name in names.take(pa.array(part, pa.int64())).to_pylist():
            digest.update(name.encode())
    digest.update(starts.tobytes())
    return Lot(anchors, views, pc.list_flatten(table["similarities"]).to_numpy(), starts, names, digest.hexdigest())
