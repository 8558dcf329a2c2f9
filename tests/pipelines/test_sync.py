"""A Kubeflow run is recorded in dvc.lock if it is complete and made from what is here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from workspace_data import make_step, make_workspace

from components.common.data.reading import Dataset
from components.common.errors import StageFailed, UserError
from components.common.stage.running import commit
from pipelines.cluster.sync import sync
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.parameters import render, resolve
from pipelines.steps import STEPS


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A workspace with DVC, in which nothing has been made."""
    prepared = check_run(Request("full", workspace=tmp_path / "home"))
    prepared.write()
    return prepared.workspace


@pytest.fixture
def finished(tmp_path: Path, home: Workspace) -> Workspace:
    """The same parameters, and every step made by today's commit."""
    made = make_workspace(tmp_path / "finished")
    shutil.copy(home.params, made.params)
    for step in STEPS.values():
        make_step(made, step)
        record(made, step.name, commit=commit())
    return made


def record(workspace: Workspace, name: str, **changes: str) -> None:
    path = workspace.report(STEPS[name]) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def artifacts(made: Workspace, root: Path, *names: str) -> Path:
    """The artifacts of a cluster's run: TASK/EXECUTION/ROLE."""
    for step in (STEPS[name] for name in names or STEPS):
        task = root / "objectmate-full" / "run-1" / step.name.replace("_", "-") / "7f3a"
        shutil.copytree(made.report(step), task / "report")
        for role, folder in made.outputs(step).items():
            shutil.copytree(folder, task / role)
    return root


def dvc_status(workspace: Workspace) -> str:
    dvc = Path(sys.executable).parent / "dvc"
    return subprocess.run([dvc, "status"], cwd=workspace.root, capture_output=True, text=True).stdout


def test_a_clusters_run_becomes_the_lock(home: Workspace, finished: Workspace, tmp_path: Path) -> None:
    assert "changed" in dvc_status(home)
    assert sync(str(artifacts(finished, tmp_path / "root")), home) == list(STEPS)
    assert "up to date" in dvc_status(home)
    assert Dataset(home.dataset("tuples")).digest == Dataset(finished.dataset("tuples")).digest


def test_a_run_that_ended_early_brings_what_it_finished(home: Workspace, finished: Workspace, tmp_path: Path) -> None:
    root = artifacts(finished, tmp_path / "root", "ingest", "gate_intake", "detection")
    next(root.rglob("objects/manifest.json")).unlink()
    assert sync(str(root), home) == ["ingest", "gate_intake"]


def test_a_changed_file_is_refused_and_the_workspace_stays_as_it_was(
    home: Workspace, finished: Workspace, tmp_path: Path
) -> None:
    root = artifacts(finished, tmp_path / "root")
    sync(str(root), home)
    part = next(root.rglob("images/part-00000.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    with pytest.raises(StageFailed, match=r"images/part-00000.parquet: expected [0-9a-f]{12}, found [0-9a-f]{12}: the"):
        sync(str(root), home)
    assert "up to date" in dvc_status(home)


def test_another_commit_or_other_parameters_are_refused(home: Workspace, finished: Workspace, tmp_path: Path) -> None:
    root = artifacts(finished, tmp_path / "root")
    home.params.write_text(render(resolve("sandbox", {"mining.hub_pairs": 7})))
    assert resolve("sandbox")["mining"]["hub_pairs"] != 7
    with pytest.raises(UserError, match="mining was made from parameters or inputs other"):
        sync(str(root), home)
    assert not home.dataset("images").exists()
    record(finished, "embedding", commit="0" * 40)
    with pytest.raises(UserError, match="embedding was made by commit 0000"):
        sync(str(artifacts(finished, tmp_path / "other")), home)


def test_dvc_does_not_learn_of_a_gate_that_stopped_the_run(
    home: Workspace, finished: Workspace, tmp_path: Path
) -> None:
    home.params.write_text(render(resolve("sandbox", {"gates.intake.min_images": 7})))
    shutil.copy(home.params, finished.params)
    make_step(finished, STEPS["gate_intake"], verdict="fail")
    record(finished, "gate_intake", commit=commit())
    assert sync(str(artifacts(finished, tmp_path / "root", "ingest", "gate_intake")), home) == ["ingest"]
    assert "gate_intake" in dvc_status(home)


def test_a_later_pipelines_run_builds_on_what_is_here(home: Workspace, finished: Workspace, tmp_path: Path) -> None:
    sync(str(artifacts(finished, tmp_path / "all")), home)
    assert sync(str(artifacts(finished, tmp_path / "late", "evaluation", "gate_model")), home) == [
        "evaluation",
        "gate_model",
    ]
    assert "up to date" in dvc_status(home)


@pytest.mark.parametrize("name", ["../../../../escaped", "a/../../../../../escaped", "..\\escaped"])
def test_a_key_of_the_store_that_leaves_its_dataset_is_refused(
    home: Workspace, finished: Workspace, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = artifacts(finished, tmp_path / "root", "ingest")
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="runs")
        for path in (path for path in root.rglob("*") if path.is_file()):
            client.upload_file(str(path), "runs", path.relative_to(root).as_posix())
        images = next(root.rglob("images/manifest.json")).parent.relative_to(root)
        client.put_object(Bucket="runs", Key=f"{images}/{name}", Body=b"x")
        with pytest.raises(UserError, match="does not stay below"):
            sync("s3://runs", home)
    assert not list(tmp_path.rglob("*escaped")) and not home.dataset("images").exists()


def test_a_folder_without_a_run_is_refused(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no finished step"):
        sync(str(tmp_path / "empty"), home)
