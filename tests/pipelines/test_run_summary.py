"""What a run says: how far it is, and at its end what came out, in words and in lines that can be pasted."""

import shlex
from pathlib import Path

import pytest
from rich.console import Console
from workspace_data import make_step, make_workspace

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.evaluation.summary import table_of
from pipelines.engines import summary
from pipelines.engines.ahead import duration, how_far, planned
from pipelines.engines.request import Request
from pipelines.engines.results import RowCount, result
from pipelines.engines.summary import Outcome, announce, summarise
from pipelines.engines.told import Told
from pipelines.steps import PIPELINES, STEPS


def test_a_part_of_the_work_says_beforehand_what_else_it_brings_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    announce(Request("training"))
    before = STEPS[PIPELINES["training"][0].name]
    (last,) = {step.name for step in PIPELINES["dataset"][-1:]}
    assert before.name != last
    said = f"training needs everything before it: what has changed up to {last} runs first."
    assert capsys.readouterr().out == f"{said}\n"
    announce(Request("full"))
    assert capsys.readouterr().out == ""
    announce(Request("training", engine="kfp"))
    stages = len(PIPELINES["training"])
    assert capsys.readouterr().out.startswith(f"Kubeflow runs all {stages} stages of training, whether anything has")


def test_a_result_names_the_least_number_of_views_that_made_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "run")
    for folder in workspace.outputs(STEPS["mining"]).values():
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"min_views": 3', '"min_views": 5'))
    assert result(workspace, STEPS["mining"]) == "0 sets of at least 5 views from 0 objects"


def test_what_did_not_come_in_is_told_by_name_if_anything_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make_workspace(tmp_path / "run")
    note = "Refused as truncated: 2 files, [a].jpg, b.jpg (a JPEG file with a broken header)."
    make_step(workspace, STEPS["ingest"], Report(notes=[note]))
    make_step(workspace, STEPS["embedding"], Report(notes=["Of no concern."]))
    summarise(workspace, Request("full"), Outcome(["gate_intake"], ["gate_intake"], 2.0))
    said = capsys.readouterr().out
    assert f"Photographs: {note}\n" in said and "Of no concern" not in said
    summarise(workspace, Request("full"), Outcome([], [], 2.0))
    assert note not in capsys.readouterr().out


def test_the_end_names_gates_and_scores_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path / "run")
    gap = {"metric": "second_ir", "system": "reference_gap", "mean": 0.6, "low": 0.5, "high": 0.7}
    scores = [{"metric": "second_ir", "system": "objectmate", "mean": 0.8, "low": 0.7, "high": 0.9}]
    plots = {"insertion_scores": scores, "insertion_differences": [gap]}
    make_step(workspace, STEPS["evaluation"], Report(plots=plots))
    make_step(workspace, STEPS["gate_model"])
    summarise(workspace, Request("full"), Outcome(["mining"], ["mining"], 2.0))
    said = capsys.readouterr().out
    assert "Gates that passed (5 of 5): retrieval-precision" in said
    assert "Scores: insertion: its references matter: they are worth 0.600 (0.500 to 0.700)" in said


def test_results_are_words_and_no_path_is_broken_in_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(tmp_path / "a rather long name of a folder in which a run is kept")
    assert result(workspace, STEPS["mining"]) == "0 sets of at least 3 views from 0 objects"
    assert f"{RowCount(1):set}, {RowCount(2000):set}, {RowCount(2000)}" == "1 set, 2,000 sets, 2,000"
    assert result(workspace, STEPS["gate_intake"]) == "retrieval-precision pass"
    make_step(workspace, STEPS["gate_tuples"], verdict="undecided")
    monkeypatch.setattr(summary, "console", Console(width=40))
    summarise(workspace, Request("dataset"), Outcome(["mining"], ["mining"], 2.0))
    lines = capsys.readouterr().out.splitlines()
    assert f"Report: {workspace.page}" in lines and f"Tuples: {workspace.dataset('tuples')}" in lines
    assert f"Answer: objectmate label {shlex.quote(str(workspace.root))}" in lines
    digest = Dataset(workspace.dataset("sets")).digest[:12]
    assert any(digest in line for line in lines)


def test_a_stage_knows_its_place_and_the_time_left_only_if_all_is_known(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "run")
    steps = list(STEPS.values())
    assert how_far("mining") == ""
    with planned(workspace, steps):
        assert how_far("mining") == "stage 8 of 18, at most about 16 s left"  # 11 stages of 1.5 s
        assert how_far("gate_model") == "stage 18 of 18, at most about 2 s left"
    workspace.record(STEPS["evaluation"]).unlink()
    with planned(workspace, steps):
        assert how_far("mining") == "stage 8 of 18"
        assert how_far("gate_model") == "stage 18 of 18, at most about 2 s left"
    assert how_far("mining") == ""


def test_times_are_said_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (40, 89, 150, 9000)] == ["40 s", "89 s", "2 min", "2.5 h"]


def test_every_interval_is_drawn_with_the_seed_of_the_run(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, seed=5)
    told = Told(workspace).table
    assert told and told.seed == table_of(Dataset(workspace.dataset("scores"))).seed == 5
