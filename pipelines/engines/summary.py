"""What `objectmate run` prints before it starts and when it has ended."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

from components.common.data.digests import short
from components.common.data.files import read_json
from components.common.data.reading import Dataset
from components.common.errors import without_user
from components.common.stage.report import NOTES
from components.common.stage.tracking import OWN_STORE
from components.common.terminal import Terminal
from pipelines.engines.request import Request
from pipelines.engines.results import result
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.steps import PIPELINES, STEPS, reached_steps

console = Terminal()
READERS = ("ingest", "detection", "judgement")
"""The steps that read files from users, made by hand or with another program."""


@dataclass(frozen=True)
class Outcome:
    """Steps whose results are new in the workspace, which of them ran (not restored from the cache), and seconds."""

    changed: list[str]
    ran: list[str]
    seconds: float


def announce(request: Request) -> None:
    """Prints one line if an engine does more than its pipeline's name says, or more than has changed."""
    steps, before = PIPELINES[request.pipeline], reached_steps(request.pipeline, request.engine)
    if request.engine != "dvc":
        _say(f"Kubeflow runs all {len(steps)} stages of {request.pipeline}, whether anything has changed or not.")
    elif len(before) > len(steps):
        first = before[-len(steps) - 1].name
        _say(f"{request.pipeline} needs everything before it: what has changed up to {first} runs first.")


def summarise(workspace: Workspace, request: Request, outcome: Outcome) -> None:
    """Prints what the stages made, the gates' verdicts, what the scores say, and where to look next."""
    if not outcome.changed:
        console.print(f"Nothing has changed: everything is up to date ({outcome.seconds:.1f} s).")
    else:
        console.print(_stage_table(workspace, request, outcome))
        restored = len(outcome.changed) - len(outcome.ran)
        cached = f", {restored} came from the cache" if restored else ""
        plural = "" if len(outcome.ran) == 1 else "s"
        _say(f"{len(outcome.ran)} stage{plural} ran{cached}, in {outcome.seconds:.0f} s.")
        for line in _told_of_inputs(workspace):
            _say(line)
    judged = verdicts(workspace)
    if passed := [row["gate"] for row in judged if row["verdict"] == "pass"]:
        _say(f"Gates that passed ({len(passed)} of {len(judged)}): {', '.join(passed)}.")
    for row in judged:
        if row["verdict"] != "pass":
            _say(f"Gate {row['gate']}: {row['verdict']}. {row['reason']}. Next: {row['next_step']}.")
            _say(f"Why:    {_command('gate explain', row['gate'], '--run', str(workspace.root))}")
            if row["gate"] == "retrieval-precision" and row["verdict"] == "undecided":
                _say(f"Answer: {_command('label', str(workspace.root))}")
    for line in _scores(workspace):
        _say(line)
    if STEPS["assembly"] in current_steps(workspace):
        _say(f"Tuples: {workspace.dataset('tuples')}")
    _say(f"Report: {workspace.page}")
    _say(f"Runs:   {_mlflow()}")


def _scores(workspace: Workspace) -> list[str]:
    """What the paired differences of the scores say, if the run has been evaluated."""
    from pipelines.report.scores import benchmarks

    step = STEPS["evaluation"]
    judged = benchmarks(workspace.report(step)) if step in current_steps(workspace) else []
    return [f"Scores: {each.name}: {sentence}." for each in judged for sentence in each.sentences()]


def _told_of_inputs(workspace: Workspace) -> list[str]:
    """The notes of the steps that read users' own files: what was refused or passed over, and what matched nothing."""
    readers = [step for step in current_steps(workspace) if step.name in READERS]
    return [f"{step.stage.title}: {note}" for step in readers for note in _notes(workspace.report(step))]


def _stage_table(workspace: Workspace, request: Request, outcome: Outcome) -> Table:
    table = Table(Column("stage", no_wrap=True), Column("made", overflow="fold"), Column("digest", no_wrap=True), "")
    current = current_steps(workspace)
    for step in reached_steps(request.pipeline, request.engine):
        if step not in current:
            table.add_row(step.name, "", "", "not reached")
            continue
        digests = "\n".join(short(Dataset(folder).digest) for folder in workspace.outputs(step).values())
        table.add_row(
            step.name, Text(result(workspace, step)), digests, "ran" if step.name in outcome.ran else "reused"
        )
    return table


def _notes(report: Path) -> list[str]:
    return list(read_json(report / NOTES))


def _mlflow() -> str:
    """Where MLflow's record of the run is: a server's address, or the command that shows a file."""
    store = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not store or store.startswith(OWN_STORE):  # our run has set the variable
        store = "sqlite:///mlflow.db"
    if store.startswith("http"):
        return without_user(store)
    installed = Path(sys.executable).with_name("mlflow")
    program = "mlflow" if shutil.which("mlflow") else shlex.quote(os.path.relpath(installed))
    return f"{program} ui --backend-store-uri {shlex.quote(without_user(store))}"


def _command(name: str, *words: str) -> str:
    return f"objectmate {name} {shlex.join(words)}"


def _say(line: str) -> None:
    """Prints a line to be read or pasted as it is, without markup or line breaks."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
