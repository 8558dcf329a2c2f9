"""`objectmate lineage check` finds any single corruption of a run and its records, and none in an untouched run."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from corrupting import Target, not_found
from lineage_data import Made, add_kubeflow, make_row, make_run
from typer.testing import CliRunner, Result

from components.common.data.reading import FINISHED, MANIFEST
from components.common.errors import UserError
from components.common.stage.report import METRICS
from pipelines.cli.app import app
from pipelines.cli.lineage_check import commands
from pipelines.engines.local import forget_kubeflow, open_dvc
from pipelines.engines.prepare import check_run
from pipelines.engines.recording import record_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.lineage.check.check import Evidence, check
from pipelines.lineage.check.finding import Difference
from pipelines.steps import STEPS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run of all steps that DVC, MLflow and Kubeflow have on record; it is the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        request = Request("full", workspace=Path("runs/full"))
        check_run(request).write()
        workspace = make_run(Path("runs/full"))
        with open_dvc(workspace) as repo:
            repo.commit(force=True)
        workspace.page.parent.mkdir()
        workspace.page.write_text("a page")
        record_run(workspace, request, list(STEPS), False, lambda made: made.page)
        add_kubeflow(workspace)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Workspace(Path("runs/full"))


@pytest.fixture
def copy(run: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the workspace, in the current folder, where MLflow has no records."""
    shutil.copytree(run.root, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path)
    return Workspace(Path("copy"))


def checked(workspace: Workspace, *options: str) -> Result:
    return CliRunner().invoke(commands, ["check", "--workspace", str(workspace.root), *options])


def first(workspace: Workspace) -> Difference:
    return next(check(workspace.root))


def test_an_untouched_run_has_no_difference_and_everything_was_compared(run: Workspace) -> None:
    evidence = Evidence(run)
    assert list(evidence.differences()) == [] and evidence.absent() == []
    datasets = len([name for step in STEPS.values() for name in step.outputs])
    for place in ("manifest", "dvc.lock", "MLflow", "Kubeflow"):
        assert evidence.compared[place] == datasets, place
    result = checked(run)
    assert result.exit_code == 0 and f"Everything agrees. {datasets} datasets: " in result.output


def test_check_and_verify_count_the_same_files(run: Workspace) -> None:
    verified = CliRunner().invoke(app, ["verify", "--workspace", str(run.root)]).output
    counts = re.search(r"All (\d+ files) and (\d+ manifests) of (\d+ datasets)", " ".join(verified.split()))
    assert counts and "{2}: {0} and {1}, ".format(*counts.groups()) in checked(run).output


def test_every_single_corruption_is_found(run: Workspace) -> None:
    assert not_found(Target(run, Path("mlflow.db")), 60) == []
    assert list(check(run.root)) == [], "each corruption was undone"


@pytest.mark.parametrize("key", ["md5", "path"])
def test_a_lock_entry_without_its_hash_or_path_is_found(copy: Workspace, key: str) -> None:
    text = copy.dvc_lock.read_text()
    at = text.index(f" {key}: ", text.index("outs:"))
    copy.dvc_lock.write_text(f"{text[:at]} {key}x: {text[at + len(key) + 3 :]}")
    damaged = copy.dvc_lock.read_bytes()
    assert next(check(copy.root)).place == "dvc.lock"
    assert copy.dvc_lock.read_bytes() == damaged, "a check changes nothing"


def test_the_first_place_is_named_and_all_lists_the_others(copy: Workspace) -> None:
    for name in ("sets", "images"):
        path = copy.dataset(name) / "part-00001.parquet"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = checked(copy)
    assert result.exit_code == 1
    assert "The first difference: ingest, images, files: part-00001.parquet: expected " in result.output
    assert "sets" not in result.output.partition("Not compared")[0]
    document = json.loads(checked(copy, "--all", "--json").output)
    assert [each["dataset"] for each in document["differences"] if each["place"] == "files"] == ["images", "sets"]


def test_what_is_absent_is_said(copy: Workspace) -> None:
    copy.dvc_lock.unlink()
    shutil.rmtree(copy.kubeflow)
    (copy.dataset("captions") / FINISHED).unlink()
    result = checked(copy)
    assert result.exit_code == 0, result.output
    for words in ("dvc.lock: there is none", "MLflow: no mlflow.db", "Kubeflow: no run", "unknown: captions"):
        assert words in " ".join(result.output.split()), words


def test_a_dataset_of_another_run_is_no_parent(copy: Workspace, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", Made(contents={"objects": "x"}))
    shutil.rmtree(copy.dataset("objects"))
    shutil.copytree(other.dataset("objects"), copy.dataset("objects"))
    copy.dvc_lock.unlink()
    shutil.rmtree(copy.kubeflow)
    assert first(copy)[:4] == ("embedding", "embeddings", "parents", "parent objects")


def test_what_a_stopped_run_left_behind_is_told_and_not_a_difference(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    rows = [make_row("verdicts", 0, "", STEPS["gate_vectors"]) | {"verdict": "fail"}]
    stopped = make_run(tmp_path / "stopped", Made(rows={"gate_vectors": rows}, contents={"subjects": "x"}))
    for step in list(STEPS.values())[:5]:
        for name in step.outputs.values():
            shutil.rmtree(run.dataset(name))
            shutil.copytree(stopped.dataset(name), run.dataset(name))
    result = checked(run)
    assert result.exit_code == 0, result.output
    assert "left over from an earlier run, so neither their parents nor a record was compared: calibration" in " ".join(
        result.output.split()
    )


def test_a_dataset_that_mlflow_recorded_and_that_is_gone_is_missed(run: Workspace) -> None:
    run.dataset("scores").rename(run.root / "scores")
    try:
        assert first(run)[:4] == ("evaluation", "scores", "manifest", "manifest")
    finally:
        (run.root / "scores").rename(run.dataset("scores"))


def test_what_kubeflow_said_of_a_step_that_dvc_made_again_is_forgotten(copy: Workspace) -> None:
    forget_kubeflow(copy, ["mining"])
    evidence = Evidence(copy)
    assert list(evidence.differences()) == [] and "no metadata of Kubeflow: mining" in evidence.absent()


def test_records_that_cannot_be_read_are_differences(copy: Workspace) -> None:
    copy.dvc_lock.write_text("stages: [")
    next(copy.kubeflow.glob("*/mining/*")).write_text("{")
    places = {(each.step, each.place) for each in check(copy.root)}
    assert places == {("mining", "Kubeflow"), ("the run", "dvc.lock")}


def test_a_damaged_report_is_a_difference(copy: Workspace) -> None:
    (copy.report(STEPS["mining"]) / METRICS).write_text("{")
    found = {(each.step, each.place, each.what.split()[0]) for each in check(copy.root)}
    assert found == {("mining", "report", "out"), ("mining", "Kubeflow", "report")}


def test_a_manifest_that_agrees_with_itself_is_still_not_the_recorded_one(copy: Workspace) -> None:
    """Its parameters, which its digest leaves out, were rewritten together with everything beside them."""
    path = copy.dataset("sets") / MANIFEST
    path.write_text(path.read_text().replace('"min_views": 3', '"min_views": 2'))
    found = {(each.dataset, each.place) for each in check(copy.root)}
    assert {("sets", "manifest")} <= found
    assert first(copy).what == "params_digest"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished dataset"):
        list(check(tmp_path))
