"""What the precision gate would decide with the verdicts so far, by the gate's own functions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.common.data.reading import Dataset
from components.common.verdicts import Verdict
from components.gates.draws import lot_of
from components.gates.known import RIGHT, UNKNOWN, known, majorities
from components.gates.params import Recurrence
from components.gates.verdict import Decision, decide, gather, planned_draws
from components.judgement.stage import Objects, place

Given = Mapping[tuple[int, int], Mapping[str, Verdict]]
"""Pair of object rows, in ascending order -> rater -> verdict."""


class GateOfARun:
    """The gate with a run's sets and labels. inputs: role -> dataset of the gate; objects: the run's."""

    def __init__(self, inputs: Mapping[str, Path], objects: Objects, params: Recurrence):
        table = Dataset(inputs["objects"])
        self._objects, self._count, self._params = objects, len(table), params
        self._lot = lot_of(Dataset(inputs["sets"]), table)
        self._labels = known(Dataset(inputs["identities"]), Dataset(inputs["judgements"]), self._count)

    @property
    def whole_plan(self) -> bool:
        """Whether there are at least as many sets as planned draws, so that the draws decide in any case."""
        return len(self._lot) >= planned_draws(self._params)

    def known_pairs(self) -> dict[tuple[int, int], bool]:
        """Pair of object rows, ascending, that labels answer -> whether it is right, so that the answer is "same"."""
        first, second = self._lot.pairs
        by_labels = self._labels.by_labels(first, second)
        keys = zip(np.minimum(first, second).tolist(), np.maximum(first, second).tolist(), strict=True)
        return {key: label == RIGHT for key, label in zip(keys, by_labels, strict=True) if label != UNKNOWN}

    def place(self, verdicts: Sequence[Verdict]) -> Given:
        """The verdicts on objects of this run; a rater's last one on a pair counts."""
        return place(verdicts, self._objects).verdicts

    def decide(self, given: Given) -> Decision:
        """What a run with these verdicts, instead of its own, would decide."""
        words = {pair: [verdict.verdict for verdict in by_rater.values()] for pair, by_rater in given.items()}
        judged, right, wrong = majorities(words, self._count)
        known_now = replace(self._labels, judged=judged, right=right, wrong=wrong)
        return decide(gather(self._lot, known_now.verdicts(*self._lot.pairs), self._params), self._params)


def forecast(decision: Decision, left: int, certain: bool) -> str:
    """How many more verdicts will decide an undecided gate. left: different pairs in the queue that nobody has judged.

    certain: whether these decide in any case; see `GateOfARun.whole_plan`.
    """
    words = [decision.forecast] if decision.to_go and decision.to_go < left else []
    if certain and not words:
        return f"at most {left} more {'answer is' if left == 1 else 'answers are'} needed"
    in_queue = f"{left} {'is' if left == 1 else 'are'} left in the queue"
    words.append(f"at most {left} are needed" if certain else in_queue)
    return "; ".join(words)
