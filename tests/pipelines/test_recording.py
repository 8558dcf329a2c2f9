"""What MLflow's record of a whole run says, and that it finds the run's data again."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compare_data import base, judge, scored_run
from typer.testing import CliRunner

from components.common.data.digests import short
from components.common.data.reading import Dataset
from components.common.errors import UserError
from pipelines.cli.app import app
from pipelines.cluster.sync import _commit
from pipelines.engines.naming import differs, run_name
from pipelines.engines.prepare import check_run
from pipelines.engines.recording import record_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.parameters import render, resolve
from pipelines.steps import STEPS

TIGHT = Request("full", workspace=Path("runs/tight"), overrides=["assembly.context_max=1.8"])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A recorded run in runs/tight of the current folder; DVC has its scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        check_run(TIGHT).write()
        workspace = scored_run(TIGHT.folder, base(), **{"assembly.context_max": 1.8})
        _commit([STEPS["evaluation"]], workspace)
        record_run(workspace, TIGHT, list(STEPS), False, page)
        yield workspace
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)


def page(workspace: Workspace) -> Path:
    """A page that says which record it belongs to."""
    workspace.page.write_text(f"recorded as {workspace.tracked.read_text()}")
    return workspace.page


@pytest.fixture
def run(recorded: Workspace) -> Any:
    import mlflow

    return mlflow.get_run(recorded.tracked.read_text())


def test_its_name_and_parameters_say_what_differs(run: Any) -> None:
    assert run.info.run_name == "full: assembly.context_max=1.8"
    assert run.data.params["assembly.context_max"] == "1.8" and run.data.params["engine"] == "dvc"


def test_an_edited_file_of_parameters_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here, plain = Workspace(Path()), Request("full")
    here.params.write_text(render(resolve("sandbox")))
    assert differs(here, plain) == {} and run_name(here, plain) == "full: as embedded"
    changed = {"mining.min_views": 2, "seed": 5, "evaluation.steps": 4, "evaluation.batch": 3, "training.seed": 9}
    here.params.write_text(render(resolve("sandbox", changed)))
    assert differs(here, plain) == changed
    assert all(f"{key}={value}" in run_name(here, plain) for key, value in changed.items())
    many = Request(
        "full", images="s3://" + "x" * 300, overrides=["mining.min_views=2", f"detection.detector={'y' * 90}"]
    )
    assert run_name(here, many) == f"full: images=...{'x' * 57}, mining.min_views=2, detection.detector=...{'y' * 57}"
    keys = ("models.ir", "models.second_ir", "models.detector", "models.remover")
    several = Request("full", overrides=[f"{key}={'z' * 80}" for key in keys])
    assert run_name(here, several).endswith(", and 2 more") and "models.second_ir=...z" in run_name(here, several)
    other = Request("dataset", images="shop", engine="kfp", overrides=["mining.min_views=2"])
    assert run_name(here, other) == "dataset: images=shop, mining.min_views=2 (kfp)"


def test_a_search_finds_all_runs_on_a_version_of_the_tuples_best_first(recorded: Workspace, run: Any) -> None:
    import mlflow

    tuples = short(Dataset(recorded.dataset("tuples")).digest)
    found = mlflow.search_runs(
        experiment_names=["objectmate"],
        filter_string=f"tags.`data.tuples` = '{tuples}'",
        order_by=["metrics.`insertion.second_ir` DESC"],
    )
    assert list(found["run_id"]) == [run.info.run_id]
    assert run.data.tags["workspace"] == "runs/tight" and run.data.tags["gate.model"] == "pass"


def test_it_has_few_scores_the_datasets_and_a_chart(run: Any) -> None:
    import mlflow

    scores = {"insertion.second_ir", "insertion.ir", "insertion.object_error", "insertion.reference_gap"}
    ends = {f"{name}.{end}" for name in scores for end in ("low", "high")}
    assert run.data.metrics.keys() == scores | ends | {"images", "objects", "sets", "tuples"}
    assert run.data.metrics["insertion.ir"] == pytest.approx(base()["ir"].mean())
    logged = {entry.dataset.name for entry in run.inputs.dataset_inputs}
    assert logged == {"images", "tuples", "model_insertion", "model_generation", "scores"}
    files = {each.path for folder in ("run", "figures", "report") for each in _listed(mlflow, run, folder)}
    assert files == {"run/params.yaml", "run/dvc.lock", "figures/scores.png", "report/index.html"}


def _listed(mlflow: Any, run: Any, folder: str) -> list[Any]:
    return list(mlflow.MlflowClient().list_artifacts(run.info.run_id, folder))


def test_record_and_page_lead_to_each_other(recorded: Workspace, run: Any) -> None:
    note = run.data.tags["mlflow.note.content"]
    for words in (
        "| insertion.second_ir | 0.",
        "runs/tight/data/report/index.html",
        f"compare OTHER {run.info.run_id}",
    ):
        assert words in note, words
    assert recorded.page.read_text() == f"recorded as {run.info.run_id}"


def test_its_data_are_found_by_its_id_when_its_folder_has_another_run(recorded: Workspace, run: Any) -> None:
    other = scored_run(Path("runs/other"), base(1))
    kept = recorded.tracked.read_text()
    recorded.tracked.write_text("f" * 32)
    try:
        result = CliRunner().invoke(app, ["compare", run.info.run_id, str(other.root)])
        assert result.exit_code == 0 and "first difference: samples" in result.output, result.output
        with pytest.raises(UserError, match="there is no run 0123456789abcdef0123456789abcdef"):
            CliRunner().invoke(app, ["compare", "0123456789abcdef" * 2, "runs/other"], catch_exceptions=False)
    finally:
        recorded.tracked.write_text(kept)
        shutil.rmtree(other.root)


def test_a_gate_that_did_not_pass_is_in_the_note(recorded: Workspace) -> None:
    import mlflow

    stopped = Request("full", workspace=Path("runs/stopped"))
    check_run(stopped).write()
    workspace = scored_run(stopped.folder, base())
    judge(workspace, verdict="undecided", reason="6 subjects are too few")
    record_run(workspace, stopped, list(STEPS), True, page)
    run = mlflow.get_run(workspace.tracked.read_text())
    assert run.info.status == "FAILED"
    assert "- gate **model** is undecided: 6 subjects are too few" in run.data.tags["mlflow.note.content"]
