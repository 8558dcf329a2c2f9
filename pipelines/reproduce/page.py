"""The answers as one self-contained page: the paper's figure beside ours, with the verdict."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from pipelines.report.charts import dots
from pipelines.reproduce.answer import Answer
from pipelines.reproduce.questions import Question

REPORT = Path(__file__).parents[1] / "report"
"""Where the pages' colours and charts are."""


def write_page(name: str, asked: Sequence[tuple[Question, Answer]], path: Path) -> None:
    """Writes the page. name: of the run."""
    templates = Environment(
        loader=FileSystemLoader([Path(__file__).parent, REPORT]), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    drawn = [(question, answer, _chart(question, answer)) for question, answer in asked]
    path.write_text(templates.get_template("page.html").render(name=name, asked=drawn), encoding="utf-8")


def _chart(question: Question, answer: Answer) -> Markup:
    rows = [asdict(level) | {"key": key} for level, key in zip(answer.levels, ("own", "baseline"), strict=True)]
    marks = {"own": "own", "baseline": "baseline"}
    return dots(
        {"": rows}, marks, "mean over subjects, with its own 95 % interval", f"{question.name}: {question.here}"
    )
