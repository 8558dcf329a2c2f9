"""The verdicts of a run, each with its sentence, numbers, pictures and next step: as a table, in words, as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from components.common.data.files import read_json
from components.common.errors import UserError
from components.common.harmless import json_text
from components.common.stage.report import METRICS
from components.common.terminal import Terminal, shown
from components.gates.questions import QUESTIONS
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.labelling.opening import GATE as PRECISION_GATE
from pipelines.labelling.opening import unused_answers
from pipelines.steps import STEPS

PRECISION = ("label_queue", "pairs_to_judge", "judged_pairs")
"""Files of the retrieval-precision gate, which shares its checkpoint with others."""
OVERRIDE = "run again with --continue-past-gates: the run continues, and the verdict stays on record"
COLOURS = {"pass": "green", "fail": "red", "undecided": "yellow"}


@dataclass(frozen=True)
class Verdict:
    """One gate of a run. stops: it is blocking and did not pass. numbers: name -> value. pictures, files: paths."""

    gate: str
    stage: str
    verdict: str
    blocking: bool
    stops: bool
    observed: float | None
    limit: float | None
    sentence: str
    next_step: str
    question: str
    population: str
    statistic: str
    error: str
    unseen: str
    numbers: dict[str, float]
    pictures: list[str]
    files: list[str]


def explained(workspace: Workspace, name: str = "") -> list[Verdict]:
    """The current verdicts in pipeline order; with a name, only those of that gate or stage.

    Raises `UserError` if there is no such gate, or it has not judged this run.
    """
    stages = {step.name for step in STEPS.values() if step.stage.gate}
    if name and name not in QUESTIONS and name not in stages:
        raise UserError(f"there is no gate '{name}': choose one of {', '.join(QUESTIONS)}")
    judged = [_explained(workspace, row) for row in verdicts(workspace)]
    chosen = [verdict for verdict in judged if name in ("", verdict.gate, verdict.stage)]
    if not chosen:
        problem = f"the gate {name} has not judged" if name else "no gate has judged"
        raise UserError(f"{problem} the run in {workspace.root}: run it first, or name its folder with --run")
    return chosen


def _explained(workspace: Workspace, row: dict[str, Any]) -> Verdict:
    step = next(step for step in current_steps(workspace) if step.name == row["stage"])
    report, prefix = workspace.report(step), row["gate"].replace("-", "_") + "/"
    try:
        numbers = read_json(report / METRICS)
    except (OSError, json.JSONDecodeError):
        raise UserError(f"{report / METRICS} is missing or damaged: run again to write it") from None
    if row["gate"] == PRECISION_GATE and (unused := unused_answers(workspace)):
        row = row | {"next_step": f"{unused}. {row['next_step']}".strip()}
    return Verdict(
        row["gate"],
        step.name,
        **{key: row[key] for key in ("verdict", "blocking", "stops", "observed", "limit", "next_step")},
        sentence=row["reason"],
        **QUESTIONS[row["gate"]]._asdict(),
        numbers={
            name: value
            for key, value in numbers.items()
            if key.startswith(prefix) and (name := key.removeprefix(prefix)) != "pass"
        },
        pictures=[path for path in _paths(report / "figures", "*.png") if _is_about(Path(path), row["gate"])],
        files=[path for path in _paths(report / "files", "*") if _is_about(Path(path), row["gate"])],
    )


def _paths(folder: Path, pattern: str) -> list[str]:
    return [str(path) for path in sorted(folder.glob(pattern))]


def _is_about(file: Path, gate: str) -> bool:
    """Whether a file of a checkpoint's report belongs to this gate; a suite's files are named after its gate."""
    if file.stem in PRECISION:
        return gate == PRECISION_GATE
    return not any(file.name.startswith(f"{name}-") for name in QUESTIONS if name != gate)


def show_list(judged: list[Verdict]) -> None:
    """Prints a table: one line per gate."""
    table = Table("gate", "verdict", "observed", "limit", "why")
    for verdict in judged:
        word = f"[{COLOURS[verdict.verdict]}]{verdict.verdict}[/]" + ("" if verdict.blocking else " (does not block)")
        limit = "" if verdict.limit is None else f"{verdict.limit:.4g}"
        table.add_row(verdict.gate, word, _observed(verdict), limit, shown(verdict.sentence))
    Terminal().print(table)


def _observed(verdict: Verdict) -> str:
    """The observed number; for a share that is only bounded, both bounds."""
    if verdict.observed is None:
        return ""
    most = next((value for key, value in verdict.numbers.items() if key.endswith("_at_most")), verdict.observed)
    return " to ".join(dict.fromkeys(f"{bound:.4g}" for bound in (verdict.observed, most)))


def show_explained(judged: list[Verdict]) -> None:
    """Prints each gate's question, its result so far, and what to do next."""
    console = Terminal(soft_wrap=True)
    for verdict in judged:
        stopped = ", and the run stopped here" if verdict.stops else ""
        console.print(f"\n[bold]{verdict.gate}[/] [{COLOURS[verdict.verdict]}]{verdict.verdict}[/]{stopped}")
        for title, text in _lines(verdict):
            console.print(f"  [dim]{title:<11}[/] {shown(text)}")


def _lines(verdict: Verdict) -> list[tuple[str, str]]:
    lines = [("question", verdict.question), ("when it ran", verdict.sentence)]
    lines += [("next", verdict.next_step)] if verdict.next_step else []
    lines += [("or", OVERRIDE)] if verdict.stops else []
    lines += [("look at", path) for path in verdict.pictures] + [("details", path) for path in verdict.files]
    lines += [("", "How far to trust this:"), ("covers", verdict.population), ("method", verdict.statistic)]
    lines += [("risk", verdict.error), ("not checked", verdict.unseen)]
    return [*lines, ("numbers", ", ".join(f"{key} {value:.5g}" for key, value in verdict.numbers.items()))]


def as_json(judged: list[Verdict]) -> str:
    """The verdicts as a JSON list."""
    return json_text([asdict(verdict) for verdict in judged])
