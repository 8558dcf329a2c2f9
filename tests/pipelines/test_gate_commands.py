"""`objectmate gate list` and `explain`: what a run's gates decided, in words and as JSON."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner
from workspace_data import VERDICT, make_step, make_workspace

from components.common.errors import UserError
from components.common.stage.report import Report
from components.gates.questions import QUESTIONS
from components.gates.stage import GATES
from pipelines.cli.app import app
from pipelines.engines.workspace import Workspace
from pipelines.report.gates import explained
from pipelines.steps import STEPS

DOCS = Path(__file__).parents[2] / "docs/gates.md"
UNDECIDED = {"verdict": "undecided", "reason": "27 of 30 drawn pairs are right", "next_step": "answer the queue"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make_workspace(tmp_path / "run")
    metrics = {"retrieval_precision/draws": 30.0, "yield/sets": 12.0}
    files: dict[str, bytes | str] = {"label_queue.csv": "", "yield-statistics.json": "{}"}
    report = Report(metrics, figures={"pairs_to_judge": Image.new("RGB", (8, 8))}, files=files)
    make_step(workspace, STEPS["gate_recurrence"], report, **UNDECIDED)
    return workspace


def printed(*words: str) -> str:
    done = CliRunner().invoke(app, ["gate", *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_a_stopped_run_explains_itself(workspace: Workspace) -> None:
    words = printed("explain", "--run", str(workspace.root))
    assert "retrieval-precision undecided, and the run stopped here" in words
    assert QUESTIONS["retrieval-precision"].question in words and "answer the queue" in words
    assert "pairs_to_judge.png" in words and "label_queue.csv" in words
    assert "draws 30" in words and "yield" not in words


def test_json_says_the_same(workspace: Workspace) -> None:
    done = CliRunner().invoke(app, ["gate", "explain", "retrieval-precision", "--run", str(workspace.root), "--json"])
    (verdict,) = [row for row in json.loads(done.stdout) if row["stage"] == "gate_recurrence"]
    assert (verdict["verdict"], verdict["stops"]) == ("undecided", True)
    assert verdict["numbers"] == {"draws": 30.0} and verdict["observed"] == VERDICT["observed"]
    listed = json.loads(CliRunner().invoke(app, ["gate", "list", "--run", str(workspace.root), "--json"]).stdout)
    assert verdict in listed


def test_a_list_has_one_line_per_gate(workspace: Workspace) -> None:
    assert "27 of 30" in printed("list", "--run", str(workspace.root))


def test_what_is_not_there_is_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no gate 'recall': choose one of intake"):
        explained(workspace, "recall")
    with pytest.raises(UserError, match="the gate yield has not judged the run"):
        explained(workspace, "yield")


def test_every_gate_has_its_question_and_the_docs_say_it(make_gate_names: set[str]) -> None:
    assert set(QUESTIONS) == make_gate_names
    text = DOCS.read_text()
    for name, asked in QUESTIONS.items():
        assert f"| `{name}` | {' | '.join(asked)} |" in text, name


@pytest.fixture
def make_gate_names() -> set[str]:
    """The gates' names: a function's name with hyphens, but for two."""
    names = {measure.__name__.replace("_", "-") for gates in GATES.values() for measure in gates}
    return names - {"recurrence-yield", "reference-gap"} | {"yield", "model"}
