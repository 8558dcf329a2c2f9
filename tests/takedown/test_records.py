"""Pictures that MLflow keeps in a bucket with versions: every version goes, and what is left is found."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.common.stage import tracking
from pipelines.takedown.records import Withdrawn, search_records, withdraw
from pipelines.takedown.traces import Traces

DATASET, OTHER, GONE = "d" * 64, "e" * 64, "a" * 64
TRACES = Traces(frozenset([GONE]), frozenset())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's store, still without runs, whose artifacts go to the bucket."""
    import mlflow

    before, home = mlflow.get_tracking_uri(), tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://runs/mlflow")
        patch.chdir(home)
        tracking.configure(Path())
    mlflow.set_tracking_uri(before)
    return home


@pytest.fixture
def client(store: Path, tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """MLflow in the current folder, whose artifacts are in the bucket."""
    import mlflow

    before = mlflow.get_tracking_uri()
    shutil.copy(store / "mlflow.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracking.configure(Path())
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


def recorded(client: Any, dataset: str, page: str) -> str:
    """A run that read a dataset, with a page and a figure that were each logged twice; its id."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    [experiment] = [each for each in client.search_experiments() if each.name == tracking.EXPERIMENT]
    run_id = str(client.create_run(experiment.experiment_id).info.run_id)
    used = Dataset("images", "aa", "local", "{}")
    client.log_inputs(run_id, [DatasetInput(used, [InputTag("sha256", dataset)])])
    for text in (page, "written anew"):
        client.log_text(run_id, text, "report/index.html")
        client.log_text(run_id, text, "figures/sheet.png")
    client.log_text(run_id, "numbers", "metrics.json")
    return run_id


def keys(bucket: Any) -> list[str]:
    listed = bucket.list_object_versions(Bucket="runs")
    every = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
    return sorted(item["Key"].removeprefix("mlflow/") for item in every)


def test_every_version_of_a_withdrawn_picture_goes(client: Any, bucket: Any) -> None:
    gone, kept = recorded(client, DATASET, f"made of {GONE}"), recorded(client, OTHER, "of another")
    assert [trace.what for trace in search_records("t1", TRACES) if trace] == [f"id {GONE}"] * 2
    assert withdraw([DATASET], "t1") == Withdrawn(1, 4, [], behind=False)
    others = [f"{kept}/artifacts/{name}" for name in ("figures/sheet.png", "report/index.html") for _ in (1, 2)]
    assert keys(bucket) == sorted([*others, *(f"{run}/artifacts/metrics.json" for run in (gone, kept))])
    assert not any(search_records("t1", TRACES)) and client.get_run(gone).data.tags["takedown.t1"]
    assert withdraw([DATASET], "t1").objects == 0


def test_a_picture_that_only_became_invisible_is_found(client: Any, bucket: Any) -> None:
    run_id = recorded(client, DATASET, "a page without ids")
    client.set_tag(run_id, "takedown.t1", "pictures withdrawn")
    key = f"mlflow/{run_id}/artifacts/report/index.html"
    bucket.delete_object(Bucket="runs", Key=key)
    found = [trace.place for trace in search_records("t1", TRACES) if trace]
    assert sum(f"{run_id}/artifacts/report/index.html" in place for place in found) == 2
    assert not any(search_records("t2", TRACES))


def test_mlflow_may_have_a_server_of_its_own(client: Any, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(client, DATASET, "a page")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "https://s3.us-east-1.amazonaws.com")
    assert withdraw([DATASET], "t1").objects == 4
