"""Summary of the scores: means with intervals, the reference gap, the gain of three views over one, and winners.

Samples of one subject are not independent, so every interval resamples whole subjects; differences are first taken
per sample (paired), which removes what makes a sample easy or hard for every system.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from components.common.statistics import Interval, cluster_bootstrap
from components.evaluation.metrics import LOWER_IS_BETTER

CONTRASTS = {
    "reference_gap": ("objectmate", "shuffled-refs"),
    "view_gain": ("objectmate", "objectmate-1-ref"),
    "over_copy_paste": ("objectmate", "copy-paste"),
}
"""Paired difference -> (the system, what it is compared with). Positive always means the first is better."""

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

    def contrast(self, benchmark: str, metric: str, name: str) -> Interval | None:
        """A paired difference of `CONTRASTS`, positive = better; None if a system is absent."""
        first, second = (self.cells[benchmark, metric].get(system) for system in CONTRASTS[name])
        if not first or not second or not (shared := [sample for sample in first if sample in second]):
            return None
        sign = -1 if metric in LOWER_IS_BETTER else 1
        return self._bootstrap([(first[s][0], sign * (first[s][1] - second[s][1])) for s in shared])

    def _bootstrap(self, values: list[tuple[str, float]]) -> Interval:
        return cluster_bootstrap([value for _, value in values], [subject for subject, _ in values], seed=self.seed)

    def ranking(self, benchmark: str, metric: str) -> list[tuple[str, float]]:
        """Systems and their means, best first."""
        cells = self.cells[benchmark, metric]
        means = [(name, fmean(value for _, value in cell.values())) for name, cell in cells.items()]
        return sorted(means, key=lambda entry: entry[1], reverse=metric not in LOWER_IS_BETTER)


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
    """For each benchmark `_scores` (a row per system, a column per metric), their `_intervals`, `_reference_gap`."""
    rows_by_plot: dict[str, list[dict[str, Any]]] = {}
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in table.cells):
        names = [metric for other, metric in table.cells if other == benchmark]
        systems = dict.fromkeys(system for name in names for system in table.cells[benchmark, name])
        scores = {
            system: {
                name: table.interval(benchmark, name, system)
                for name in names
                if system in table.cells[benchmark, name]
            }
            for system in systems
        }
        rows_by_plot[f"{benchmark}_scores"] = [
            {"system": system} | {name: score.mean for name, score in own.items()} for system, own in scores.items()
        ]
        rows_by_plot[f"{benchmark}_intervals"] = [
            {"score": f"{name} {system}"} | score._asdict()
            for system, own in scores.items()
            for name, score in own.items()
        ]
        gaps = {name: table.contrast(benchmark, name, "reference_gap") for name in names}
        rows_by_plot[f"{benchmark}_reference_gap"] = [
            {"metric": name, "gap": gap.mean, "low": gap.low, "high": gap.high} for name, gap in gaps.items() if gap
        ]
    return rows_by_plot


def notes(table: Table) -> list[str]:
    """One sentence per metric: who wins, by how much, and what the references are worth."""
    sentences = [note(table, *key) for note in (_gap_note, _ranking_note) for key in table.cells]
    return [sentence for sentence in sentences if sentence]


def _ranking_note(table: Table, benchmark: str, metric: str) -> str:
    ranking = table.ranking(benchmark, metric)
    better, sign = ("lowest", " < ") if metric in LOWER_IS_BETTER else ("highest", " > ")
    return f"{benchmark}, {metric} ({better} is best): " + sign.join(f"{name} {mean:.3f}" for name, mean in ranking)


def _gap_note(table: Table, benchmark: str, metric: str) -> str:
    gap = table.contrast(benchmark, metric, "reference_gap")
    if gap is None:
        return ""
    verdict = (
        "the references matter" if gap.low > 0 else "not shown" if gap.high >= 0 else "the true references score lower"
    )
    return f"{benchmark}, reference gap on {metric}: {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]: {verdict}"
