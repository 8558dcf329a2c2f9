"""Objects without a set, and the rule that leaves each without one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from components.common.data.rejections import OBJECT, rejection
from components.common.join.flags import Flag
from components.common.vision.corpus import Corpus
from components.mining.mine import Mined
from components.mining.sets import Star


class Lone:
    """Says why an object has no set.

    A set needs `least` views. partners, allowed: int64 [N], how many objects are in an object's window, and how many of
    them do not resemble a reserved one.
    """

    def __init__(self, corpus: Corpus, mined: Mined, least: int):
        self.corpus, self.kept_apart, self.least = corpus, mined.kept_apart, least
        self.partners = _ends(mined, np.ones(len(mined.flags), bool), len(corpus))
        self.allowed = _ends(mined, (mined.flags & Flag.RESERVED) == 0, len(corpus))

    def rejections(self, anchors: range, stars: Sequence[Star]) -> Iterator[dict[str, Any]]:
        """A row of `rejects` for each of `anchors` that has no set. stars: those that have any view."""
        views = {star.anchor: len(star.views) for star in stars}
        names, image_ids = (
            self.corpus.table[key].slice(anchors.start, len(anchors)) for key in ("object_id", "image_id")
        )
        for row, name, image_id in zip(anchors, names.to_pylist(), image_ids.to_pylist(), strict=True):
            if views.get(row, 0) < self.least:
                detail = f"{self.partners[row]} in the window, {views.get(row, 0)} distinct views"
                yield rejection("mining", OBJECT, name, image_id, self.reason(row), detail)

    def reason(self, row: int) -> str:
        """The first rule that leaves an object with fewer than `least` views."""
        if self.kept_apart[row]:
            return "reserved"
        if not self.partners[row]:
            return "no-partner"
        if self.partners[row] < self.least:
            return "few-partners"
        return "reserved-partners" if self.allowed[row] < self.least else "repeated-views"


def _ends(mined: Mined, chosen: np.ndarray, count: int) -> np.ndarray:
    """How many of the chosen pairs (bool [P]) each of `count` objects is in: int64 [N]."""
    return np.bincount(np.concatenate([mined.pairs.src[chosen], mined.pairs.dst[chosen]]), minlength=count)
