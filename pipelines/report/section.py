"""One stage on the page: what it made, its sentences, plots, pictures and numbers, read from what it left on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from components.common.data.digests import short
from components.common.data.files import read_json
from components.common.data.reading import Dataset
from components.common.stage.report import METRICS, NOTES, RECORD
from pipelines.engines.workspace import Workspace
from pipelines.report import charts
from pipelines.report.galleries import Gallery, galleries
from pipelines.report.words import Plot, plot_words, unit
from pipelines.steps import PIPELINES, Step

APART = ("_scores", "_differences")
"""Plots of evaluation that the page shows in another way: see `pipelines.report.scores`."""

MOST_BARS = 60
"""Most bars of a chart, since there may be thousands of categories."""


@dataclass(frozen=True)
class Section:
    """A stage. rows: name, rows and digest of each dataset. run: its run.json. plots: words and drawing.

    numbers: name, value and unit.
    """

    name: str
    title: str
    pipeline: str
    gate: bool
    rows: list[tuple[str, int, str]]
    run: dict[str, Any]
    notes: list[str]
    plots: list[tuple[Plot, Markup]]
    galleries: list[Gallery]
    numbers: list[tuple[str, str, str]]


def section(workspace: Workspace, step: Step) -> Section:
    """The section of a stage that has run."""
    report = workspace.report(step)
    outputs = [Dataset(path) for path in workspace.outputs(step).values()]
    return Section(
        name=step.name,
        title=_title(step, outputs),
        pipeline=next(name for name, steps in PIPELINES.items() if step in steps),
        gate=step.stage.gate,
        rows=[(dataset.folder.name, len(dataset), short(dataset.digest)) for dataset in outputs],
        run=read_json(report / RECORD),
        notes=read_json(report / NOTES),
        plots=_plots(report, step.name),
        galleries=galleries(report, step.name),
        numbers=[
            (_called(name), charts.number_text(float(value)), unit(step.name, name))
            for name, value in read_json(report / METRICS).items()
        ],
    )


def draw(stage: str, name: str, rows: charts.Rows) -> tuple[Plot, Markup]:
    """A stage's plot: its texts, and the drawing of its rows (flat dicts whose first key is x)."""
    words = plot_words(stage, name, rows[0])
    x, series = next(iter(rows[0])), words.series
    if not series:
        return words, Markup("")
    if words.kind == "bars":
        if len(rows) > MOST_BARS:
            words = replace(words, says=f"{words.says} {len(rows) - MOST_BARS:,} more are not shown here.")
            rows = rows[:MOST_BARS]
        return words, charts.bars(rows, x, next(iter(series)), words.x, words.says)
    if words.kind == "columns":
        return words, charts.columns(rows, x, next(iter(series)), words.x, words.y, words.says)
    return words, charts.lines(rows, x, series, words.x, words.y, words.says)


def _title(step: Step, outputs: Sequence[Dataset]) -> str:
    """The stage's title; for a stage of gates, their names."""
    gates = [row["gate"].replace("-", " ") for dataset in outputs for row in dataset.rows()] if step.stage.gate else []
    return f"Gates: {', '.join(gates)}" if gates else step.stage.title


def _plots(report: Path, stage: str) -> list[tuple[Plot, Markup]]:
    known = {path.stem: read_json(path) for path in sorted((report / "plots").glob("*.json"))}
    return [draw(stage, name, rows) for name, rows in known.items() if rows and not name.endswith(APART)]


def _called(name: str) -> str:
    """A number's name without underscores."""
    return name.replace("_", " ").replace("/", ": ")
