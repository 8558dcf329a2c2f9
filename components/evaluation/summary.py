"""Summary of the scores: means with intervals, the reference gap, the gain of three views over one, and winners.

Samples of one subject are not independent, so every interval resamples whole subjects; differences are first taken
per sample (paired), which removes what makes a sample easy or hard for every system.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from components.common.statistics import Interval, cluster_bootstrap
from components.evaluation.metrics import IDENTITY, LOWER_IS_BETTER, TITLES
from components.evaluation.params import REAL

CONTRASTS = {
    "reference_gap": ("objectmate", "shuffled-refs"),
    "view_gain": ("objectmate", "objectmate-1-ref"),
    "over_copy_paste": ("objectmate", "copy-paste"),
}
"""Paired difference -> (the system, what it is compared with). Positive always means the first is better."""

SENTENCES = {
    "reference_gap": {
        "better": "with its own references the model does better than with another object's",
        "worse": "with its own references the model does worse than with another object's",
        "open": "no difference is shown between its own references and another object's",
    },
    "over_copy_paste": {
        "better": "the model does better than a reference that is copied",
        "worse": "a reference that is copied, which needs no model, does better than the model",
        "open": "no difference is shown between the model and a reference that is copied",
    },
    "view_gain": {
        "better": "three references do better than one",
        "worse": "three references do worse than one",
        "open": "no difference is shown between three references and one",
    },
}
"""Paired difference -> the words for metrics on which its 95 % interval is above, below or across zero."""

Cell = dict[str, tuple[str, float]]
"""Sample -> (subject, value)."""


@dataclass(frozen=True)
class Table:
    """Scores by (benchmark, metric) and system, in order of first appearance."""

    cells: dict[tuple[str, str], dict[str, Cell]]
    seed: int

    def interval(self, benchmark: str, metric: str, system: str) -> Interval:
        """Mean of a system with its 95 % interval over subjects."""
        cell = self.cells[benchmark, metric][system]
        return self._bootstrap(list(cell.values()))

    def subjects(self, benchmark: str, metric: str, system: str) -> int:
        """How many subjects a mean covers."""
        return len({subject for subject, _ in self.cells[benchmark, metric][system].values()})

    def above_ceiling(self, benchmark: str, metric: str, system: str) -> bool:
        """Whether a system scores above the interval of real photographs, on a metric of likeness."""
        if metric not in IDENTITY or system == REAL or REAL not in self.cells[benchmark, metric]:
            return False
        return self.interval(benchmark, metric, system).mean > self.interval(benchmark, metric, REAL).high

    def contrast(self, benchmark: str, metric: str, name: str) -> Interval | None:
        """A paired difference of `CONTRASTS`, positive = better; None if a system is absent."""
        first, second = (self.cells[benchmark, metric].get(system) for system in CONTRASTS[name])
        if not first or not second or not (shared := [sample for sample in first if sample in second]):
            return None
        sign = -1 if metric in LOWER_IS_BETTER else 1
        return self._bootstrap([(first[s][0], sign * (first[s][1] - second[s][1])) for s in shared])

    def _bootstrap(self, values: list[tuple[str, float]]) -> Interval:
        return cluster_bootstrap([value for _, value in values], [subject for subject, _ in values], seed=self.seed)


def tabulate(rows: Iterable[Mapping[str, Any]], seed: int) -> Table:
    """Groups the rows of a scores dataset."""
    cells: dict[tuple[str, str], dict[str, Cell]] = {}
    for row in rows:
        cell = cells.setdefault((row["benchmark"], row["metric"]), {}).setdefault(row["system"], {})
        cell[row["sample"]] = (row["subject"], row["value"])
    return Table(cells, seed)


def metrics(table: Table) -> dict[str, float]:
    """BENCHMARK.METRIC.SYSTEM means, and BENCHMARK.CONTRAST.METRIC with .low and .high."""
    values: dict[str, float] = {}
    for (benchmark, metric), systems in table.cells.items():
        for system in systems:
            values[f"{benchmark}.{metric}.{system}"] = fmean(value for _, value in systems[system].values())
        for name in CONTRASTS:
            if (difference := table.contrast(benchmark, metric, name)) is not None:
                values[f"{benchmark}.{name}.{metric}"] = difference.mean
                values[f"{benchmark}.{name}.{metric}.low"] = difference.low
                values[f"{benchmark}.{name}.{metric}.high"] = difference.high
    return values


def plots(table: Table) -> dict[str, list[dict[str, Any]]]:
    """For each benchmark `_scores`, a row per metric and system, and `_differences`, a row per metric and contrast: the
    mean and its interval. Scores also have the number of subjects, and whether they are above the ceiling."""
    rows_by_plot: dict[str, list[dict[str, Any]]] = {}
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in table.cells):
        names = [metric for other, metric in table.cells if other == benchmark]
        rows_by_plot[f"{benchmark}_scores"] = [
            {"metric": name, "system": system}
            | table.interval(benchmark, name, system)._asdict()
            | {"subjects": table.subjects(benchmark, name, system)}
            | {"above_ceiling": table.above_ceiling(benchmark, name, system)}
            for name in names
            for system in table.cells[benchmark, name]
        ]
        differences = {(name, each): table.contrast(benchmark, name, each) for name in names for each in CONTRASTS}
        rows_by_plot[f"{benchmark}_differences"] = [
            {"metric": name, "system": each} | difference._asdict()
            for (name, each), difference in differences.items()
            if difference is not None
        ]
    return rows_by_plot


def notes(table: Table) -> list[str]:
    """Sentences on the scores of each benchmark: whether references matter, what beats the model, what is too good."""
    sentences = []
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in table.cells):
        names = [metric for other, metric in table.cells if other == benchmark]
        for contrast, words in SENTENCES.items():
            gaps = {name: table.contrast(benchmark, name, contrast) for name in names}
            sentences += _outcomes(benchmark, words, {name: gap for name, gap in gaps.items() if gap is not None})
        sentences += _beyond(table, benchmark, names)
    return sentences


def _outcomes(benchmark: str, words: Mapping[str, str], gaps: Mapping[str, Interval]) -> list[str]:
    """One sentence for each of: better, worse, no difference shown; with the metrics for which it is true."""
    sides: dict[str, list[str]] = {"better": [], "worse": [], "open": []}
    for name, gap in gaps.items():
        sides["better" if gap.low > 0 else "worse" if gap.high < 0 else "open"].append(TITLES.get(name, name))
    return [f"{benchmark.capitalize()}: {words[side]} on {', '.join(on)}." for side, on in sides.items() if on]


def _beyond(table: Table, benchmark: str, names: Iterable[str]) -> list[str]:
    """A sentence for each system that scores above real photographs of the subjects: likeness alone cannot do that."""
    above: dict[str, list[str]] = {}
    for name in names:
        for system in table.cells[benchmark, name]:
            if table.above_ceiling(benchmark, name, system):
                above.setdefault(system, []).append(TITLES[name])
    return [
        f"{benchmark.capitalize()}: {system} scores above other photographs of the same objects on {', '.join(on)}: "
        "this is what copying gives, not a better likeness."
        for system, on in above.items()
    ]
