"""The runs that questions need: which, where, what they share, and that a stopped night goes on where it was."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_data import SUBJECTS, base, scored_run

from components.common.errors import GateStop, StageFailed, UserError
from components.common.stage.yaml_text import read_yaml
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.command import reproduce, turns
from pipelines.reproduce.plan import plan
from pipelines.reproduce.questions import QUESTIONS
from pipelines.reproduce.variants import HALF, PLAIN, QUARTER, Turn, mined_by, request_for

KNOWN = {question.name: question for question in QUESTIONS}
AFTER_SETS = {"assembly", "gate_tuples", "encoding", "train_insertion", "train_generation", "evaluation", "gate_model"}
EFFECT = {"plain": 0.0, "half": -0.05, "quarter": -0.1}
Requests = list[Request]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return scored_run(tmp_path_factory.mktemp("home") / "given", base())


@pytest.fixture
def given(run: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """It, in the current folder, without answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{run.root.parent / 'mlflow.db'}")  # a new one takes seconds
    shutil.rmtree(run.root / "data/reproduce", ignore_errors=True)
    Path("given").symlink_to(run.root)
    return Workspace(Path("given"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runs made by hand are kept for the next test."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def runs(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Requests:
    """What is run, in place of which each run's scores are made by hand: a quarter of the data costs .1."""
    asked: Requests = []

    def make(request: Request) -> None:
        asked.append(request)
        _, name, *rest = request.folder.name.split("-")
        if not (ready := shelf / request.folder.name).exists():
            noise = 0.01 * np.random.default_rng(int(rest[-1], 16)).normal(size=SUBJECTS)
            scores = base() | {"second_ir": base()["second_ir"] + EFFECT[name] + noise}
            scored_run(ready, scores, **request.settings())
        shutil.copytree(ready, request.folder)
        request.identity(request.folder).write(Workspace(request.folder))

    monkeypatch.setattr("pipelines.reproduce.runs.run_pipeline", make)
    return asked


def test_each_variant_is_run_once_a_training() -> None:
    asked = turns([KNOWN["data-half"], KNOWN["data-quarter"], KNOWN["three-references"]], quick=False)
    expected = {(name, seed) for name in ("plain", "half", "quarter") for seed in range(3)}
    assert {(turn.variant.name, turn.seed) for turn in asked} == expected and len(asked) == 9
    assert [turn.label for turn in turns([KNOWN["data-half"]], quick=True)] == ["plain", "half"]


def test_a_question_about_sets_needs_no_training() -> None:
    mined = [KNOWN["mined-precision-dino"]]
    assert [(turn.pipeline, turn.seed) for turn in turns(mined, quick=False)] == [("dataset", 0)]
    both = turns([*mined, KNOWN["trained-ir-dino"]], quick=True)
    assert {turn.variant.name: turn.pipeline for turn in both} == {"plain": "full", "dino": "full"}


def test_a_run_is_named_by_what_decides_it(given: Workspace) -> None:
    turn = Turn(HALF, 0, False, "full")

    def folder(**changes: Any) -> Path:
        return request_for(given, replace(turn, **changes)).folder

    others: list[dict[str, Any]] = [{"quick": True}, {"seed": 1}, {"variant": QUARTER}]
    assert len({folder(), *(folder(**change) for change in others)}) == 4
    assert folder() == folder(pipeline="dataset") and folder().parent == Path("runs")
    assert "quick" in folder(quick=True).name and "quick" not in folder().name


def test_quick_runs_are_shorter_and_otherwise_the_same(given: Workspace) -> None:
    full, quick = (request_for(given, Turn(PLAIN, 0, quick, "full")).settings() for quick in (False, True))
    assert full == {"train_generation.images": 16, "gates.model.blocking": False}
    assert quick.items() > full.items() and quick["train_insertion.images"] == 320


def test_the_embedded_photographs_keep_their_settings(given: Workspace, tmp_path: Path) -> None:
    """To name them must not make them other photographs, which have no detector of their own."""
    workspace = Workspace(tmp_path / "named")
    workspace.root.mkdir()
    workspace.params.write_text(given.params.read_text())
    plain = Request("full", overrides=["assembly.context_max=1.8"])
    identity = plain.identity(workspace.root)
    identity.write(workspace)
    made = Request.of(workspace)
    assert (made.identity(workspace.root), made.overrides) == (identity, plain.overrides)
    turned = request_for(workspace, Turn(HALF, 0, False, "full")).settings()
    assert turned["assembly.context_max"] == 1.8 and "detection.source" not in turned


def test_what_is_edited_in_a_folder_s_own_parameters_counts(given: Workspace, tmp_path: Path) -> None:
    edited = given.params.read_text().replace("context_max: 2.0", "context_max: 1.8")
    Path("params.yaml").write_text(edited.replace("images: sandbox:corpus", "images: photographs"))
    for workspace, photographs in (
        (Workspace(Path()), "photographs"),
        (Workspace(tmp_path / "own"), "own/photographs"),
    ):
        workspace.root.mkdir(exist_ok=True)
        if workspace.root != Path():
            shutil.copy("params.yaml", workspace.params)
        settings = request_for(workspace, Turn(HALF, 0, False, "full")).settings()
        assert (settings["assembly.context_max"], settings["ingest.images"]) == (1.8, photographs)


def test_an_encoder_is_the_one_that_its_score_is_named_after(given: Workspace) -> None:
    settings = request_for(given, Turn(mined_by("dino"), 0, True, "dataset")).settings()
    assert settings["models.ir"] == "sandbox:dino" and settings["gates.recurrence.blocking"] is False


def test_the_plan_says_what_is_shared_and_how_long_the_rest_takes(given: Workspace) -> None:
    wanted = [Turn(variant, seed, False, "full") for variant, seed in ((HALF, 0), (HALF, 1), (PLAIN, 0))]
    half, again, plain = plan(given, wanted)
    assert half.missing.keys() == AFTER_SETS and half.there == ()
    assert again.missing.keys() == {"train_insertion", "train_generation", "evaluation", "gate_model"}
    assert plain.missing.keys() == {"train_generation", "evaluation", "gate_model"}  # the given run's model is there
    assert half.missing["train_insertion"] == 1.5 and half.missing["train_generation"] == pytest.approx(1.5 * 16 / 640)
    (quick,) = plan(given, [Turn(HALF, 0, True, "full")])
    assert quick.missing["train_insertion"] == 1.5 * 320 / 1280 and quick.missing["evaluation"] == 1.5 * 5 / 10
    (sets,) = plan(given, [Turn(mined_by("clip"), 0, False, "dataset")])
    assert {"embedding", "mining", "removal"} <= sets.missing.keys() and {"ingest", "detection"} <= set(sets.shared)
    assert not Path("runs").exists()


def test_answers_come_from_the_runs_and_are_kept(given: Workspace, runs: Requests) -> None:
    asked = ["data-half", "data-quarter"]
    first = reproduce(given, asked, None, quick=True)
    assert [each.folder.name.split("-")[1] for each in runs] == ["plain", "half", "quarter"]
    assert [each.answer and each.answer.verdict for each in first] == ["agrees", "agrees"]
    assert first[1].answer and abs(first[1].answer.estimate - 0.1) < 0.01
    assert "One training" in first[1].answer.note
    assert reproduce(given, asked, None, quick=True) == first and len(runs) == 3
    reproduce(given, [*asked, "data-half"][:1], Path("rows.json"), quick=True)
    (row,) = json.loads(Path("rows.json").read_text())
    assert row["question"] == "data-half" and row["verdict"] == "agrees" and row["quick"] is True and len(runs) == 3


def test_quick_and_full_share_no_answer(given: Workspace, runs: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.reproduce.command.SEEDS", 2)
    quick = reproduce(given, ["data-half"], None, quick=True)
    full = reproduce(given, ["data-half"], None)
    assert len(runs) == 2 + 2 * 2 and quick[0].answer != full[0].answer
    assert full[0].answer and full[0].answer.note.startswith("Differences of the 2 trainings: ")
    folder = given.root / "data/reproduce"
    assert "Quick." in (folder / "quick/index.html").read_text() and "Quick." not in (folder / "index.html").read_text()
    assert {read_yaml(each.folder / "params.yaml")["training"]["seed"] for each in runs} == {0, 1}


def test_a_night_goes_on_where_it_stopped(given: Workspace, runs: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.reproduce import runs as module

    make: Callable[[Request], None] = module.run_pipeline

    def stopping(request: Request) -> None:
        if "half" in request.folder.name:
            raise KeyboardInterrupt
        make(request)

    monkeypatch.setattr(module, "run_pipeline", stopping)
    with pytest.raises(KeyboardInterrupt):
        reproduce(given, ["data-half"], None, quick=True)
    planned = plan(given, turns([KNOWN["data-half"]], quick=True))
    assert [bool(each.missing) for each in planned] == [False, True]
    assert not list(given.root.glob("data/reproduce/quick/*.json"))


def test_a_run_that_stops_leaves_the_others(given: Workspace, runs: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.reproduce import runs as module

    make: Callable[[Request], None] = module.run_pipeline

    def gated(request: Request) -> None:
        if "half" in request.folder.name:
            raise GateStop("the run stopped at gate_tuples")
        make(request)

    monkeypatch.setattr(module, "run_pipeline", gated)
    with pytest.raises(
        StageFailed, match=r"runs/reproduce-half-\S+: the run stopped at gate_tuples\): the same command"
    ):
        reproduce(given, ["data-half", "data-quarter"], Path("rows.json"), quick=True)
    rows = {row["question"]: row for row in json.loads(Path("rows.json").read_text())}
    assert rows["data-quarter"]["verdict"] == "agrees"
    assert rows["data-half"]["verdict"] == "not asked" and rows["data-half"]["estimate"] is None


def test_runs_that_measured_otherwise_are_not_compared(
    given: Workspace, runs: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(request: Request) -> None:
        scored_run(request.folder, base(), benchmark=request.folder.name, **request.settings())

    monkeypatch.setattr("pipelines.reproduce.runs.run_pipeline", other)
    with pytest.raises(UserError, match=r"data-half cannot .* measured insertion\.second_ir differently"):
        reproduce(given, ["data-half"], None, quick=True)
