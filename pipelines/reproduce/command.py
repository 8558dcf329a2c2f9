"""`objectmate reproduce`: asks the questions, one after the other, and keeps each answer as soon as it is there."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from components.common.data.digests import digest_value
from components.common.data.files import read_json, write_atomically
from components.common.errors import UserError
from components.common.stage import tracking
from components.common.stage.progress import track
from components.common.terminal import Terminal
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import Answer, Level
from pipelines.reproduce.evidence import Evidence
from pipelines.reproduce.page import write_page
from pipelines.reproduce.questions import QUESTIONS, Question

FOLDER = "reproduce"
"""Where the answers and the page are, below the workspace's data."""


def reproduce(workspace: Workspace, names: Sequence[str], json_path: Path | None) -> list[Answer]:
    """Asks the named questions (all, if none is named) of a run; answers of an unchanged run are kept.

    Raises `UserError` for an unknown question, or if the run has no scores or too few subjects.
    """
    asked = _chosen(names)
    evidence, folder = Evidence(workspace), workspace.root / "data" / FOLDER
    folder.mkdir(exist_ok=True)
    answers = [_answered(question, evidence, folder, workspace) for question in track(asked, "questions")]
    write_page(workspace.root.resolve().name, list(zip(asked, answers, strict=True)), folder / "index.html")
    if json_path:
        rows = [_row(question, answer) for question, answer in zip(asked, answers, strict=True)]
        json_path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    _print(list(zip(asked, answers, strict=True)), folder / "index.html")
    return answers


def _chosen(names: Sequence[str]) -> list[Question]:
    known = {question.name: question for question in QUESTIONS}
    for name in names:
        if name not in known:
            raise UserError(f"there is no question {name}: choose from {', '.join(known)}")
    return [known[name] for name in names or known]


def _answered(question: Question, evidence: Evidence, folder: Path, workspace: Workspace) -> Answer:
    path = folder / f"{question.name}-{digest_value([question.name, evidence.digest])[:16]}.json"
    if path.is_file():
        kept = read_json(path)
        return Answer(**kept | {"levels": tuple(Level(**level) for level in kept["levels"])})
    try:
        answer = question.measure(question.name, evidence)
    except ValueError as error:
        raise UserError(f"{question.name} cannot be asked of this run: {error}") from error
    _record(question, answer, workspace)
    write_atomically(path, json.dumps(asdict(answer)).encode())
    return answer


def _record(question: Question, answer: Answer, workspace: Workspace) -> None:
    """An MLflow run for the answer; the tag `question` finds it."""
    import mlflow

    with tracking.refusals():
        tracking.configure(Path())
        with mlflow.start_run(run_name=f"reproduce: {question.name}", description=question.claim):
            mlflow.set_tags({"question": question.name, "verdict": answer.verdict, "workspace": str(workspace.root)})
            mlflow.log_metrics({key: float(getattr(answer, key)) for key in ("estimate", "low", "high", "subjects")})


def _row(question: Question, answer: Answer) -> dict[str, Any]:
    told = {"claim": question.claim, "where": question.where, "published": question.published}
    return asdict(answer) | {"verdict": answer.verdict, "needed": answer.needed} | told


def _print(asked: Sequence[tuple[Question, Answer]], page: Path) -> None:
    table = Table("question", "verdict", "difference (95 % interval)", "subjects", box=None, pad_edge=False)
    for question, answer in asked:
        needed = f", about {answer.needed} would decide" if answer.needed else ""
        interval = f"{answer.estimate:+.3f} ({answer.low:+.3f} to {answer.high:+.3f})"
        table.add_row(question.name, answer.verdict, interval, f"{answer.subjects}{needed}")
    Terminal().print(table)
    Terminal().print(f"Page: {page}", soft_wrap=True)
