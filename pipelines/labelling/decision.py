"""What the precision gate would decide with the verdicts that are given now, by the gate's own functions."""

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
        """Whether there are as many sets as draws are planned, so that the draws decide in any case."""
        return len(self._lot) >= planned_draws(self._params)

    def known_pairs(self) -> dict[tuple[int, int], bool]:
        """Pairs of object rows, ascending, that labels answer: whether they are right, so that "same" is the answer."""
        first, second = self._lot.pairs
        by_labels = self._labels.by_labels(first, second)
        keys = zip(np.minimum(first, second).tolist(), np.maximum(first, second).tolist(), strict=True)
        return {key: label == RIGHT for key, label in zip(keys, by_labels, strict=True) if label != UNKNOWN}

    def place(self, verdicts: Sequence[Verdict]) -> Given:
        """The verdicts that are about objects of this run; a rater's last one on a pair counts."""
        return place(verdicts, self._objects).verdicts

    def decide(self, given: Given) -> Decision:
        """What a run with these verdicts, in place of those that the run had, would decide."""
        said = {pair: [verdict.verdict for verdict in by_rater.values()] for pair, by_rater in given.items()}
        judged, right, wrong = majorities(said, self._count)
        known_now = replace(self._labels, judged=judged, right=right, wrong=wrong)
        return decide(gather(self._lot, known_now.verdicts(*self._lot.pairs), self._params), self._params)


def forecast(decision: Decision, left: int, certain: bool) -> str:
    """How many verdicts more decide an undecided gate. left: different pairs of the queue that nobody has judged.

    certain: whether these decide in any case, see `GateOfARun.whole_plan`.
    """
    words = [decision.forecast] if decision.to_go and decision.to_go < left else []
    if certain and not words:
        return f"at most {left} more {'answer is' if left == 1 else 'answers are'} needed"
    in_queue = f"{left} {'is' if left == 1 else 'are'} left in the queue"
    words.append(f"at most {left} are needed" if certain else in_queue)
    return "; ".join(words)
