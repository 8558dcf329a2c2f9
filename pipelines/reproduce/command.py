"""`objectmate reproduce`: says what it will run, runs it, answers the questions, and stores each answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.files import read_json, write_atomically
from components.common.errors import StageFailed, UserError
from components.common.stage import tracking
from components.common.stage.progress import track
from components.common.terminal import Terminal
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import Answer, Level
from pipelines.reproduce.described import described
from pipelines.reproduce.evidence import Evidence, Material
from pipelines.reproduce.page import Asked, write_page
from pipelines.reproduce.plan import plan
from pipelines.reproduce.question import Question
from pipelines.reproduce.questions import QUESTIONS
from pipelines.reproduce.runs import by_variant, make, show
from pipelines.reproduce.variants import SEEDS, Turn

FOLDER, QUICK = "reproduce", "quick"
"""Where the answers and the page are, below the workspace's data; those of quick runs are in their own subfolder."""


def reproduce(
    workspace: Workspace,
    names: Sequence[str],
    json_path: Path | None,
    quick: bool = False,
    choices: Path | None = None,
) -> list[Asked]:
    """Answers the named questions (all, if none is named), after the runs that they need; answers are stored.

    choices: people's, as the review app exports them. A question that cannot be asked has a reason instead of an
    answer. Raises `UserError` for an unknown question, if the given run has no scores, or if a named question cannot be
    asked, and `StageFailed` if a run did not finish; by then, all other answers have been written.
    """
    questions, given = _chosen(names), Evidence(workspace)
    folder = workspace.root / "data" / FOLDER / (QUICK if quick else "")
    folder.mkdir(parents=True, exist_ok=True)
    planned = plan(workspace, turns(questions, quick))
    material = Material(given, by_variant(planned), choices)
    files = {each.name: folder / f"{each.name}-{_key(each, material, quick)}.json" for each in questions}
    needed = {turn.label for turn in turns([each for each in questions if not files[each.name].is_file()], quick)}
    planned = [each for each in planned if each.turn.label in needed]
    show(planned, workspace, quick)
    stopped = make(planned)
    asked = [_answered(each, material, files[each.name], quick) for each in track(questions, "questions")]
    page = folder / "index.html"
    write_page(workspace.root.resolve().name, asked, described(workspace), page, quick)
    if json_path:
        json_path.write_text(json.dumps([_row(each, quick) for each in asked], indent=1) + "\n", encoding="utf-8")
    _print(asked, page, quick)
    _refuse(asked, names, stopped)
    return asked


def turns(questions: Sequence[Question], quick: bool) -> list[Turn]:
    """The runs that questions need: each variant once per training, up to the last pipeline that a question needs."""
    first: dict[tuple[str, int], Turn] = {}
    for question in questions:
        for seed in range(_trainings(question, quick)):
            for variant in question.variants:
                before = first.get((variant.name, seed))
                if before is None or before.pipeline != "full":
                    first[variant.name, seed] = Turn(variant, seed, quick, question.until)
    return sorted(first.values(), key=lambda turn: turn.seed)


def _chosen(names: Sequence[str]) -> list[Question]:
    known = {question.name: question for question in QUESTIONS}
    for name in names:
        if name not in known:
            raise UserError(f"there is no question {name}: choose from {', '.join(known)}")
    return [known[name] for name in names or known]


def _key(question: Question, material: Material, quick: bool) -> str:
    """What an answer depends on: the given run, the questions' code, the runs that it needs, and people's choices."""
    runs = [
        str(each.root)
        for variant in question.variants
        for each in material.runs[variant][: _trainings(question, quick)]
    ]
    people = material.choices_digest if question.people else ""
    return digest_value([question.name, material.given.digest, runs, people, quick])[:16]


def _trainings(question: Question, quick: bool) -> int:
    return SEEDS if question.trained and not quick else 1


def _answered(question: Question, material: Material, path: Path, quick: bool) -> Asked:
    if path.is_file():
        stored = read_json(path)
        levels = tuple(Level(**level) for level in stored["levels"])
        return Asked(question, Answer(**stored | {"levels": levels, "curve": tuple(stored["curve"])}))
    try:
        answer = question.measure(question.name, material)
    except (ValueError, UserError) as error:
        return Asked(question, None, str(error))
    _record(question, answer, material.given.workspace, quick)
    write_atomically(path, json.dumps(asdict(answer)).encode())
    return Asked(question, answer)


def _record(question: Question, answer: Answer, workspace: Workspace, quick: bool) -> None:
    """Records the answer as an MLflow run, which the tag `question` finds."""
    import mlflow

    tags = {"question": question.name, "verdict": answer.verdict, "workspace": str(workspace.root)}
    with tracking.refusals():
        tracking.configure(Path())
        with mlflow.start_run(run_name=f"reproduce: {question.name}", description=question.claim):
            mlflow.set_tags(tags | {"quick": str(quick).lower()})
            mlflow.log_metrics({key: float(getattr(answer, key)) for key in ("estimate", "low", "high", "subjects")})


def _row(asked: Asked, quick: bool) -> dict[str, Any]:
    question, answer = asked.question, asked.answer
    about = {"claim": question.claim, "where": question.where, "published": question.published, "quick": quick}
    if answer is None:
        empty = dict.fromkeys(("estimate", "low", "high", "subjects"))
        return {"question": question.name, "verdict": "not asked", "reason": asked.reason} | empty | about
    return asdict(answer) | {"verdict": answer.verdict, "needed": answer.needed} | about


def _print(asked: Sequence[Asked], page: Path, quick: bool) -> None:
    console, wide = Terminal(), max(len(each.question.name) for each in asked)
    for question, answer in ((each.question, each.answer) for each in asked):
        if answer:
            needed = f", about {answer.needed:,} would decide" if answer.needed else ""
            interval = f"{answer.estimate:+.3f} ({answer.low:+.3f} to {answer.high:+.3f})"
            line = f"{question.name:{wide}}  {answer.verdict:9}  {interval}, {answer.subjects} subjects{needed}"
            console.print(line, soft_wrap=True, markup=False, highlight=False)
    for each in asked:
        if each.answer is None:
            console.print(f"{each.question.name} is not asked: {each.reason}", soft_wrap=True, markup=False)
    if quick:
        console.print("These are quick runs: they try the questions out, and their verdicts say little.")
    console.print(f"Page: {page}", soft_wrap=True)


def _refuse(asked: Sequence[Asked], names: Sequence[str], stopped: Mapping[str, str]) -> None:
    unanswered = [each for each in asked if each.answer is None]
    if stopped:
        where = "; ".join(f"{folder}: {reason}" for folder, reason in stopped.items())
        raise StageFailed(f"not all runs finished ({where}): the same command tries them again")
    if names and unanswered:
        reasons = [f"{each.question.name} cannot be asked of this run: {each.reason}" for each in unanswered]
        raise UserError("; ".join(reasons))
