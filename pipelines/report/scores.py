"""Whether the model is any good: its scores between a floor and a ceiling, and what a trivial baseline scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from components.common.data.files import read_json
from components.common.systems import GAP, MODEL, ONE_REFERENCE, OVER_PASTED, PASTED, PLATE, REAL, SHUFFLED
from components.evaluation.metrics import LOWER_IS_BETTER, TITLES, title
from pipelines.report.charts import dots, legend
from pipelines.report.words import CONTRASTS, SYSTEMS

Rows = list[dict[str, Any]]
MARKS = {
    MODEL: "own",
    ONE_REFERENCE: "own-less",
    REAL: "ceiling",
    PASTED: "baseline",
    SHUFFLED: "floor",
    PLATE: "floor-less",
}
"""System -> CSS class of its mark; outside systems share another class."""
MEANINGS = {"ceiling": "ceiling", "own": "the model", "baseline": "trivial baseline", "floor": "floor"}
FIRST = (("insertion", "second_ir"), ("insertion", "ir"), ("generation", "second_ir"))
"""What the first screen shows: likeness by the encoder that did not mine; for insertion, also by the one that did."""
FIRST_SYSTEMS = (REAL, MODEL, PASTED, SHUFFLED)
MAIN = "second_ir"
COPYING = ", above the ceiling: copying"
SAYS = "Dots are means, lines their 95 % intervals over products."


@dataclass(frozen=True)
class Benchmark:
    """The scores of one benchmark. scores: rows of metric, system, mean, low, high; differences: the same, paired."""

    name: str
    scores: Rows
    differences: Rows

    def chart(self) -> Markup:
        """Two charts: all metrics of likeness and recognition, then errors."""
        likeness = {name: rows for name, rows in self._by_metric().items() if name not in LOWER_IS_BETTER}
        errors = {name: rows for name, rows in self._by_metric().items() if name in LOWER_IS_BETTER}
        charts = [_chart(likeness, "score: cosine, or share that is right (more is better)")] if likeness else []
        charts += [_chart(errors, "mean absolute difference, 0 to 1 (less is better)")] if errors else []
        return legend(MEANINGS) + Markup("").join(charts)

    def difference_chart(self) -> Markup:
        """The paired differences by metric; right of zero the model is better."""
        grouped: dict[str, Rows] = {}
        for row in sorted(self.differences, key=lambda row: _rank(row["metric"], TITLES)):
            named = row | {"label": CONTRASTS.get(row["system"], row["system"]), "key": MODEL}
            grouped.setdefault(title(str(row["metric"])), []).append(named)
        axis = "difference on the same samples (right of 0: better)"
        return dots(grouped, MARKS, axis, f"{self.name}: paired differences. {SAYS}", zero=True)

    def table(self) -> list[tuple[str, str, list[str]]]:
        """For each metric: its title, whether more or less is better, and `mean (low to high)` of each of `systems`."""
        return [
            (title(metric), "less" if metric in LOWER_IS_BETTER else "more", self._cells(rows))
            for metric, rows in self._by_metric().items()
        ]

    @property
    def systems(self) -> list[str]:
        """All systems, in the order of the rows."""
        return sorted(dict.fromkeys(row["system"] for row in self.scores), key=lambda name: _rank(name, SYSTEMS))

    def sentences(self) -> list[str]:
        """What the paired differences say, in sentences: what the references are worth, and where a baseline wins."""
        sentences, main = [], self._difference(GAP, MAIN)
        if main:
            matter = "its references matter" if main["low"] > 0 else "its references are not shown to matter"
            sentences.append(f"{matter}: they are worth {_interval(main)} over another object's, on {title(MAIN)}")
        pasted = [row for row in self.differences if row["system"] == OVER_PASTED]
        wins = [f"{title(row['metric'])}, by {_gain(row)}" for row in pasted if row["high"] < 0]
        if wins:
            sentences.append(f"copy-paste, which needs no model, beats the model on {'; '.join(wins)}")
        elif pasted:
            sentences.append("copy-paste, which needs no model, beats the model on no metric beyond its interval")
        return sentences + self._copying()

    def _copying(self) -> list[str]:
        """Systems that score above real photographs of their subjects, which likeness alone cannot do."""
        above: dict[str, list[str]] = {}
        for row in self.scores:
            if row.get("above_ceiling"):
                above.setdefault(str(row["system"]), []).append(title(row["metric"]))
        return [
            f"{system} scores above the ceiling of real photographs on {', '.join(on)}: this is what copying gives"
            for system, on in above.items()
        ]

    def _difference(self, contrast: str, metric: str) -> dict[str, Any] | None:
        matching = (row for row in self.differences if (row["system"], row["metric"]) == (contrast, metric))
        return next(matching, None)

    def _by_metric(self) -> dict[str, Rows]:
        grouped: dict[str, Rows] = {name: [] for name in TITLES if any(row["metric"] == name for row in self.scores)}
        for row in self.scores:
            grouped.setdefault(row["metric"], []).append(row)
        return grouped

    def _cells(self, rows: Rows) -> list[str]:
        known = {row["system"]: _interval(row) + (COPYING if row.get("above_ceiling") else "") for row in rows}
        return [known.get(system, "") for system in self.systems]


def benchmarks(report: Path) -> list[Benchmark]:
    """The benchmarks of the evaluation stage's report, insertion first."""
    names = sorted((path.stem.removesuffix("_scores") for path in report.glob("plots/*_scores.json")), reverse=True)
    return [Benchmark(name, _plot(report, f"{name}_scores"), _plot(report, f"{name}_differences")) for name in names]


def first_chart(judged: Sequence[Benchmark]) -> Markup:
    """The few scores of the first screen, with their floor and ceiling."""
    groups: dict[str, Rows] = {}
    for benchmark, metric in FIRST:
        rows = {
            row["system"]: row
            for own in judged
            if own.name == benchmark
            for row in own.scores
            if row["metric"] == metric
        }
        shown = [_labelled(rows[system]) for system in FIRST_SYSTEMS if system in rows]
        if shown:
            groups[f"{benchmark.capitalize()}: likeness by {title(metric)}"] = shown
    return dots(groups, MARKS, "cosine to the true photograph (more is better)", SAYS) if groups else Markup("")


def _chart(grouped: Mapping[str, Rows], axis: str) -> Markup:
    ordered = {name: sorted(rows, key=lambda row: _rank(row["system"], SYSTEMS)) for name, rows in grouped.items()}
    named = {title(metric): [_labelled(row) for row in rows] for metric, rows in ordered.items()}
    return dots(named, MARKS, axis, SAYS)


def _rank(name: str, known: Mapping[str, str]) -> int:
    """The index of a name among the known ones; others come last."""
    return list(known).index(name) if name in known else len(known)


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"label": SYSTEMS.get(row["system"], row["system"]), "key": row["system"]}


def _interval(row: Mapping[str, float]) -> str:
    return f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _gain(row: Mapping[str, float]) -> str:
    """A difference with its sign reversed: by how much the other system is better."""
    return f"{-row['mean']:.3f} ({-row['high']:.3f} to {-row['low']:.3f})"


def _plot(report: Path, name: str) -> Rows:
    path = report / "plots" / f"{name}.json"
    return list(read_json(path)) if path.is_file() else []
