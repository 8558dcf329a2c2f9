"""What MLflow's record of a whole run says: tags, datasets, the few scores that matter, a chart, and a note."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from components.common.data.digests import short
from components.common.data.reading import Dataset
from components.common.stage.logged import LoggedDataset, describe_dataset
from components.common.statistics import Interval
from components.common.systems import GAP, MODEL, PASTED
from components.evaluation.summary import Table, table_of
from pipelines.engines.naming import OF_THE_RUN
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.report.templates import colour
from pipelines.steps import STEPS

SCORES = ("insertion.second_ir", "insertion.ir", "insertion.object_error", "generation.second_ir", "generation.ir")
"""The model's scores in a run's record, under the names that `objectmate compare` also uses."""
COUNTED = ("images", "objects", "sets", "tuples")


@dataclass(frozen=True)
class Told:
    """What MLflow's record says of the current run of a workspace."""

    workspace: Workspace

    @cached_property
    def made(self) -> dict[str, Dataset]:
        """Name -> dataset of the current steps."""
        names = [name for step in current_steps(self.workspace) for name in step.outputs.values()]
        return {name: Dataset(self.workspace.dataset(name)) for name in names}

    def tags(self, pipeline: str, commit: str) -> dict[str, str]:
        """The tags by which searches find the run: gates, its datasets' digests, and its folder."""
        gates = {f"gate.{row['gate']}": row["verdict"] for row in verdicts(self.workspace)}
        data = {f"data.{name}": short(self.made[name].digest) for name in OF_THE_RUN if name in self.made}
        return {"pipeline": pipeline, "commit": commit, "workspace": str(self.workspace.root), **gates, **data}

    def datasets(self, dvc: Mapping[str, str]) -> list[LoggedDataset]:
        """The datasets of `OF_THE_RUN` that were made."""
        return [
            describe_dataset(self.made[name], context, dvc) for name, context in OF_THE_RUN.items() if name in self.made
        ]

    @cached_property
    def table(self) -> Table | None:
        """The scores; None if the run made none."""
        return table_of(self.made["scores"]) if "scores" in self.made else None

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Score -> mean and 95 % interval, as on the page: those of `SCORES` and each benchmark's reference gap."""
        if self.table is None:
            return {}
        intervals = {}
        for benchmark, metric in self.table.cells:
            name = f"{benchmark}.{metric}"
            if name in SCORES and MODEL in self.table.cells[benchmark, metric]:
                intervals[name] = self.table.interval(benchmark, metric, MODEL)
            if metric == "second_ir" and (gap := self.table.contrast(benchmark, metric, GAP)):
                intervals[f"{benchmark}.{GAP}"] = gap
        return intervals

    def metrics(self) -> dict[str, float]:
        """The few numbers that matter, under stable names: counts, scores with `.low` and `.high`."""
        counts = {name: float(len(self.made[name])) for name in COUNTED if name in self.made}
        ends = {f"{name}.{end}": getattr(each, end) for name, each in self.intervals.items() for end in ("low", "high")}
        return counts | {name: each.mean for name, each in self.intervals.items()} | ends

    def note(self, name: str, run_id: str) -> str:
        """Markdown that MLflow shows above everything else."""
        judged = verdicts(self.workspace)
        open_gates = [
            f"- gate **{row['gate']}** is {row['verdict']}: {row['reason']}"
            for row in judged
            if row["verdict"] != "pass"
        ]
        passed = sum(row["verdict"] == "pass" for row in judged)
        counts = ", ".join(f"{len(self.made[each]):,} {each}" for each in COUNTED if each in self.made)
        lines = [
            f"**{name}**",
            "",
            f"{passed} of {len(judged)} gates passed; {counts}.",
            *open_gates,
            "",
            *self._scores(),
            "",
        ]
        other = f"objectmate compare OTHER {run_id} --output compare.html"
        lines += [f"Page: `{self.workspace.page}`, and the artifact `report/index.html`.", f"Compare: `{other}`"]
        return "\n".join(lines)

    def _scores(self) -> list[str]:
        rows = [
            f"| {name} | {each.mean:.3f} | {each.low:.3f} to {each.high:.3f} | {self._pasted(name)} |"
            for name, each in self.intervals.items()
        ]
        return ["| score | model | 95 % | copy-paste |", "| --- | --- | --- | --- |", *rows] if rows else []

    def _pasted(self, name: str) -> str:
        benchmark, _, metric = name.partition(".")
        if self.table is None or PASTED not in self.table.cells.get((benchmark, metric), {}):
            return ""
        return f"{self.table.interval(benchmark, metric, PASTED).mean:.3f}"

    def draw(self, folder: Path) -> list[Path]:
        """A chart of the scores with their intervals, and the sheets of samples, under the same names in every run."""
        sheets = sorted((self.workspace.report(STEPS["evaluation"]) / "figures").glob("*.png"))
        return [*self._chart(folder), *(sheets if self.intervals else [])]

    def _chart(self, folder: Path) -> list[Path]:
        if not self.intervals:
            return []
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 0.5 * len(self.intervals) + 1.2), dpi=110, layout="constrained")
        axes = figure.add_subplot()
        for place, each in enumerate(self.intervals.values()):
            axes.errorbar(
                each.mean,
                place,
                xerr=[[each.mean - each.low], [each.high - each.mean]],
                fmt="o",
                capsize=4,
                color=colour("own"),
            )
        axes.set_yticks(range(len(self.intervals)), list(self.intervals))
        axes.invert_yaxis()
        axes.set_xlabel("mean over subjects, with its 95 % interval")
        axes.grid(axis="x", alpha=0.3)
        path = folder / "scores.png"
        figure.savefig(path, metadata={"Software": None})
        return [path]
