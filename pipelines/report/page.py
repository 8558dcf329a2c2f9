"""Writes data/report/index.html: one self-contained page made from the manifests, reports and verdicts of a run."""

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from PIL import Image

from components.common.data.account import Equation
from components.common.data.digests import short
from components.common.data.reading import Dataset
from components.common.stage.plots import draw
from components.common.stage.report import METRICS, NOTES, RECORD
from components.gates.conservation import ACCOUNT
from components.gates.questions import QUESTIONS
from components.mining.params import Params as Mining
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS, Step

HEADLINE = {
    "objects with {min_views} views or more": "mining/yield_sets",
    "references that are right, at least": "gate_recurrence/retrieval_precision/right_references",
    "the same for other products": "gate_recurrence/retrieval_precision/other_products_at_least",
    "reference gap (independent encoder)": "evaluation/insertion.reference_gap.second_ir",
    "its lower limit": "evaluation/insertion.reference_gap.second_ir.low",
}
"""What a reader asks for first: title on the page -> step/metric. min_views: as in mining."""


@dataclass(frozen=True)
class Section:
    """One stage on the page. run: its run.json. plots and figures: (name, picture as base64)."""

    name: str
    title: str
    rows: list[tuple[str, int, str]]
    run: dict[str, Any]
    metrics: dict[str, float]
    notes: list[str]
    plots: list[tuple[str, str]]
    figures: list[tuple[str, str]]


def write_page(workspace: Workspace) -> Path:
    """Writes the page of the current steps and returns its path. Names and captions are escaped."""
    sections = [_section(workspace, step) for step in current_steps(workspace)]
    gates = verdicts(workspace)
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    html = templates.get_template("page.html").render(
        title=f"ObjectMate: {workspace.root.resolve().name}",
        counts=[row for section in sections for row in section.rows],
        sections=[section for section in sections if not STEPS[section.name].stage.gate],
        best=_pictures(sections, "evaluation"),
        gates=gates,
        questions=QUESTIONS,
        account=_account(workspace),
        pictures={section.name: section.figures for section in sections},
        failed=[gate for gate in gates if gate["verdict"] != "pass"],
        headline=[(title, value) for title, _, value in headline(workspace)],
        seconds=sum(section.run["seconds"] for section in sections),
        made=max((section.run["started_at"] for section in sections), default="")[:16].replace("T", " "),
        commits=sorted({section.run["commit"] for section in sections}),
    )
    workspace.page.parent.mkdir(parents=True, exist_ok=True)
    workspace.page.write_text(html, encoding="utf-8")
    return workspace.page


def headline(workspace: Workspace) -> list[tuple[str, str, float]]:
    """The numbers of `HEADLINE` that the current steps have: title, step/metric, value."""
    metrics = {
        f"{step.name}/{metric}": value
        for step in current_steps(workspace)
        for metric, value in _read(workspace.report(step) / METRICS).items()
    }
    mining = read_step(workspace.params, STEPS["mining"])
    assert isinstance(mining, Mining)
    return [
        (title.format(min_views=mining.min_views), metric, metrics[metric])
        for title, metric in HEADLINE.items()
        if metric in metrics
    ]


def _section(workspace: Workspace, step: Step) -> Section:
    folder = workspace.report(step)
    made = [Dataset(path) for path in workspace.outputs(step).values()]
    return Section(
        name=step.name,
        title=step.stage.title,
        rows=[(dataset.folder.name, len(dataset), short(dataset.digest)) for dataset in made],
        run=_read(folder / RECORD),
        metrics=_read(folder / METRICS),
        notes=_read(folder / NOTES),
        plots=[(path.stem, _embed(draw(path.stem, rows))) for path, rows in _plot_files(folder)],
        figures=[(path.stem, _embed(_small(path))) for path in sorted((folder / "figures").glob("*.png"))],
    )


def _account(workspace: Workspace) -> list[Equation]:
    """The equations of the conservation gate, if it has judged this run."""
    step = STEPS["gate_tuples"]
    path = workspace.report(step) / "files" / ACCOUNT
    return [Equation(**fields) for fields in _read(path)] if step in current_steps(workspace) and path.is_file() else []


def _plot_files(folder: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    rows_by_path = [(path, _read(path)) for path in sorted((folder / "plots").glob("*.json"))]
    return [(path, rows) for path, rows in rows_by_path if rows]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _small(path: Path) -> bytes:
    """A figure as WebP: contact sheets of photographs get ten times smaller, and the page opens quickly."""
    buffer = io.BytesIO()
    Image.open(path).convert("RGB").save(buffer, format="WEBP", quality=88)
    return buffer.getvalue()


def _embed(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _pictures(sections: list[Section], name: str) -> list[tuple[str, str]]:
    """A stage's figures, insertion before generation."""
    figures = [figure for section in sections if section.name == name for figure in section.figures]
    return sorted(figures, reverse=True)
