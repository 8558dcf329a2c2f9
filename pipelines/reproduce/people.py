"""Whether metrics choose as people do (the paper's table 3), from the choices that the review app exports.

A metric predicts a choice between two systems' pictures of a sample: the one for which it is higher; equal values count
half. Without people's choices there is no answer: this module reads a file of them and never creates one.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from components.common.errors import UserError
from components.common.statistics import LEAST_CLUSTERS, cluster_t
from pipelines.compare.scores import Cells
from pipelines.reproduce.answer import Answer, Level, compared

NEEDED = ("question", "benchmark", "subject", "sample", "left", "right", "choice", "rater")
SIMILARITY = "similarity"
Scores = Callable[[str, str], Cells]
"""(BENCHMARK.METRIC, system) -> sample -> (subject, value)."""


class Choice(NamedTuple):
    """One answer: which of two systems' pictures of a sample a rater chose."""

    subject: str
    sample: str
    chosen: str
    other: str
    rater: str

    @property
    def item(self) -> tuple[str, str, str]:
        """What was asked: the sample and the two systems, regardless of which was on the left."""
        return self.sample, min(self.chosen, self.other), max(self.chosen, self.other)


def read_choices(path: Path, benchmark: str) -> list[Choice]:
    """The answers about likeness on a benchmark, from `choices.csv` or `choices.parquet` of the review app.

    Raises `UserError` if the file cannot be read as that.
    """
    try:
        rows = _rows(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as people's choices: {error}") from error
    if rows and (absent := [name for name in NEEDED if name not in rows[0]]):
        raise UserError(f"{path} has no column {absent[0]}: give the choices.csv that `objectmate review` exports")
    if wrong := next((row for row in rows if row["choice"] not in ("left", "right")), None):
        raise UserError(f"{path}: the choice '{wrong['choice']}' is neither left nor right")
    asked = [row for row in rows if row["question"] == SIMILARITY and row["benchmark"] == benchmark]
    return [_choice(row) for row in asked]


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pylist()
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _choice(row: Mapping[str, Any]) -> Choice:
    chosen, other = (row["left"], row["right"]) if row["choice"] == "left" else (row["right"], row["left"])
    return Choice(row["subject"], row["sample"], chosen, other, row["rater"])


def agreement(question: str, metrics: Mapping[str, str], choices: Sequence[Choice], scores: Scores) -> Answer:
    """How much more often the first metric chooses as people do than the second. metrics: label -> BENCHMARK.METRIC.

    The interval is over subjects and, with `LEAST_CLUSTERS` raters or more, over raters as well: the wider end counts.
    Raises `ValueError` if too few subjects have choices between systems with both scores.
    """
    judged = [(choice, hits) for choice in choices if (hits := _hits(choice, list(metrics.values()), scores))]
    subjects, raters = [choice.subject for choice, _ in judged], [choice.rater for choice, _ in judged]
    ours, other = ([hits[side] for _, hits in judged] for side in (0, 1))
    first, second = metrics
    answer = compared(question, (first, second), subjects, ours, other)
    if len(set(raters)) >= LEAST_CLUSTERS:
        by_rater = compared(question, (first, second), raters, ours, other)
        answer = replace(answer, low=min(answer.low, by_rater.low), high=max(answer.high, by_rater.high))
    used = [choice for choice, _ in judged]
    note = f"{len(used)} choices of {len(set(raters))} raters; {_mcnemar(judged, first, second)}"
    if left_out := len(choices) - len(used):
        note += f" {left_out} choices between pictures that this run has no scores of are left out."
    return replace(answer, levels=(*answer.levels, *_ceiling(used)), note=note)


def _hits(choice: Choice, metrics: Sequence[str], scores: Scores) -> list[float]:
    """For each metric 1 if it is higher for the chosen picture, .5 if equal, else 0; empty if one has no score."""
    hits = []
    for metric in metrics:
        values = [scores(metric, system).get(choice.sample) for system in (choice.chosen, choice.other)]
        if None in values:
            return []
        chosen, other = (value[1] for value in values if value)
        hits.append(0.5 + 0.5 * float(np.sign(chosen - other)))
    return hits


def _ceiling(choices: Sequence[Choice]) -> tuple[Level, ...]:
    """How often a rater agrees with the majority of the others on the same pictures; none if no pair was repeated."""
    votes: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for choice in choices:
        votes[choice.item][choice.chosen] += 1
    hits, subjects = [], []
    for choice in choices:
        asked = votes[choice.item]
        lead = asked[choice.chosen] - 1 - asked[choice.other]
        if asked.total() > 1:
            hits.append(0.5 + 0.5 * float(np.sign(lead)))
            subjects.append(choice.subject)
    return (Level("the other raters", **asdict(cluster_t(hits, subjects))),) if len(set(subjects)) > 1 else ()


def _mcnemar(judged: Sequence[tuple[Choice, list[float]]], first: str, second: str) -> str:
    """McNemar's exact test on the pairs of pictures, by the majority's choice; it treats pairs as independent."""
    leads: dict[tuple[str, str, str], float] = defaultdict(float)
    predicted: dict[tuple[str, str, str], list[float]] = {}
    for choice, hits in judged:
        sign = 1 if choice.chosen == choice.item[1] else -1
        leads[choice.item] += sign
        predicted[choice.item] = [sign * (hit - 0.5) for hit in hits]
    right = [[side * lead > 0 for side in predicted[item]] for item, lead in leads.items() if lead]
    ours, other = sum(a and not b for a, b in right), sum(b and not a for a, b in right)
    p = float(binomtest(ours, ours + other).pvalue) if ours + other else 1.0
    return (
        f"of {len(right)} pairs of pictures with a majority, {first} alone is right in {ours} and {second} alone "
        f"in {other} (McNemar, p {p:.2g})."
    )
