"""What is known about pairs of objects: from the labels of both, or else from people's verdicts on the pair."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from components.common.data.reading import Dataset
from components.common.verdicts import DIFFERENT, DUPLICATE, SAME

RIGHT, WRONG, UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Known:
    """subject: a code of each object's subject, -1 without one, int [O]. photograph: the one that the object's
    photograph is labelled to repeat, int [O]. judged: keys of the pairs that people judged, ascending, int [J]; right,
    wrong: whether most of them said "same", or that it is another product or a duplicate, int [J].
    """

    subject: np.ndarray
    photograph: np.ndarray
    judged: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    def verdicts(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """RIGHT, WRONG or UNKNOWN for each pair of object rows [P], int8 [P]."""
        by_labels = self.by_labels(first, second)
        return np.where(by_labels == UNKNOWN, self._by_people(first, second), by_labels).astype(np.int8)

    def overruled(self) -> int:
        """How many pairs people judged differently from the labels, which decide."""
        by_labels = self.by_labels(*np.divmod(self.judged, len(self.subject)))
        return int((((by_labels == RIGHT) & (self.wrong == 1)) | ((by_labels == WRONG) & (self.right == 1))).sum())

    def by_labels(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What labels alone say about each pair of object rows [P], as in `verdicts`."""
        named = (self.subject[first] >= 0) & (self.subject[second] >= 0)
        same = self.subject[first] == self.subject[second]
        by_name = np.where(same & (self.photograph[first] != self.photograph[second]), RIGHT, WRONG)
        return np.where(named, by_name, UNKNOWN)

    def _by_people(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        if not len(self.judged):
            return np.full(len(first), UNKNOWN)
        keys = np.minimum(first, second) * len(self.subject) + np.maximum(first, second)
        place = np.minimum(np.searchsorted(self.judged, keys), len(self.judged) - 1)
        return np.where(self.judged[place] == keys, self.right[place], UNKNOWN)


def known(identities: Dataset, judgements: Dataset, objects: int) -> Known:
    """Reads what is known. objects: how many there are in the run."""
    named = identities.table(["row", "subject", "photograph"])
    rows = named["row"].to_numpy()
    subject, photograph = np.full(objects, -1, np.int64), np.full(objects, -1, np.int64)
    subject[rows] = np.unique(np.array(named["subject"].to_pylist(), str), return_inverse=True)[1]
    photograph[rows] = named["photograph"].to_numpy()
    verdicts: dict[tuple[int, int], list[str]] = defaultdict(list)
    for row in judgements.rows(["src_row", "dst_row", "verdict"]):
        verdicts[row["src_row"], row["dst_row"]].append(row["verdict"])
    return Known(subject, photograph, *majorities(verdicts, objects))


def majorities(
    verdicts: Mapping[tuple[int, int], Collection[str]], objects: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Known.judged`, `right` and `wrong`. verdicts: (row, row) in ascending order -> each rater's verdict.

    Most raters of a pair must say "same": a tie does not count as right until another rater ends it, and neither do
    "unsure" and "duplicate".
    """
    keys = np.array([first * objects + second for first, second in verdicts], np.int64)
    right, wrong = (
        np.array([2 * sum(word in words for word in votes) > len(votes) for votes in verdicts.values()], np.int8)
        for words in ((SAME,), (DIFFERENT, DUPLICATE))
    )
    order = np.argsort(keys)
    return keys[order], right[order], wrong[order]
