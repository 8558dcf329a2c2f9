"""A pipeline with photographs, DVC remote and MLflow artifacts on a real S3 server, named by one address."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from short_run import ROOT, SETTINGS, make_shop, objectmate

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.ingest.denied import write_denied
from pipelines.cluster.submit import run_parameters
from pipelines.engines.request import Request
from pipelines.kubeflow import build
from pipelines.steps import PIPELINES
from pipelines.takedown.plan import make_plan
from tests.takedown.bucket_data import ADDRESS, put_run

pytestmark = [pytest.mark.pipeline, pytest.mark.store]
BESIDE = ("run.json", "_finished.json", "run.lock")
"""Files next to a dataset that are not part of it: when, where and by which code it was made, and the lock of a run."""
SOURCES = ["--images", "s3://photographs/shop", "--labels", "s3://photographs/labels.csv"]
FEW = ["--set", "gates.recurrence.blocking=false", "--set", "gates.tuples.blocking=false"]
"""Eight products are too few to judge retrieval and removal by."""
RUN = ["run", "dataset", "--workspace", "ws", *SOURCES, *SETTINGS, *FEW]


@pytest.fixture(scope="module")
def settings(store_server: dict[str, str]) -> dict[str, str]:
    """What a user sets: the store's address and keys, and where in it MLflow's artifacts go."""
    return store_server | {"MLFLOW_DEFAULT_ARTIFACT_ROOT": "s3://artifacts/mlflow"}


@pytest.fixture(scope="module")
def client(store_server: dict[str, str]) -> Any:
    made = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=store_server["AWS_ENDPOINT_URL"],
        aws_access_key_id=store_server["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=store_server["AWS_SECRET_ACCESS_KEY"],
    )
    for bucket in ("photographs", "versions", "artifacts"):
        made.create_bucket(Bucket=bucket)
    for bucket in ("versions", "artifacts"):
        made.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return made


@pytest.fixture(scope="module")
def photographs(client: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Name -> content of the photographs in the bucket, which are a part of the rendered world's."""
    folder = tmp_path_factory.mktemp("photographs")
    make_shop(folder, products=8)
    client.upload_file(str(folder / "shop" / "labels.csv"), "photographs", "labels.csv")
    contents = {path.name: path.read_bytes() for path in (folder / "shop" / "images").iterdir()}
    with ThreadPoolExecutor(8) as pool:
        put = client.put_object
        list(pool.map(lambda name: put(Bucket="photographs", Key=f"shop/{name}", Body=contents[name]), contents))
    return contents


@pytest.fixture(scope="module")
def home(settings: dict[str, str], photographs: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose workspace `ws` holds the finished run."""
    folder = tmp_path_factory.mktemp("home")
    done = objectmate(*RUN, cwd=folder, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def dvc(home: Path, *words: str, **settings: str) -> str:
    command = [str(Path(sys.executable).parent / "dvc"), *words]
    done = subprocess.run(command, cwd=home / "ws", capture_output=True, text=True, env=os.environ | settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, str]:
    """Name -> digest of every file of a workspace's data/ that DVC does not ignore, without the page."""
    paths = [path for path in (folder / "data").rglob("*") if path.is_file() and path.name not in BESIDE]
    return {str(path.relative_to(folder)): digest_file(path) for path in paths if "report" not in path.parts}


def test_the_photographs_come_from_the_bucket(home: Path, photographs: dict[str, bytes]) -> None:
    rows = {row["uri"]: row["image_id"] for row in Dataset(home / "ws/data/images").rows()}
    assert rows == {name: sha256(data).hexdigest() for name, data in photographs.items()}


def test_what_dvc_pushes_to_the_bucket_comes_back_the_same(home: Path, settings: dict[str, str]) -> None:
    before = files(home / "ws")
    dvc(home, "remote", "add", "--default", "store", "s3://versions/objectmate")
    assert "pushed" in dvc(home, "push", **settings)
    (home / "ws/data").rename(home / "kept-data")
    (home / "runs/.cache").rename(home / "kept-cache")
    dvc(home, "pull", *(step.name for step in PIPELINES["dataset"]), **settings)
    assert files(home / "ws") == before
    for step in PIPELINES["dataset"]:
        record = f"reports/{step.name}/run.json"
        (home / "kept-data" / record).rename(home / "ws/data" / record)


def test_mlflow_keeps_the_page_and_the_figures_in_the_bucket(
    home: Path, store_settings: dict[str, str], tmp_path: Path
) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    experiment = mlflow.get_experiment_by_name("objectmate")
    assert experiment is not None and experiment.artifact_location.startswith("s3://artifacts/mlflow")
    runs = mlflow.search_runs([experiment.experiment_id], output_format="list")
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    page = mlflow.artifacts.download_artifacts(
        run_id=parent.info.run_id, artifact_path="report", dst_path=str(tmp_path)
    )
    assert "retrieval precision" in (Path(page) / "index.html").read_text()
    figures = [mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="figures") for run in runs]
    assert sum(map(len, figures)) == len(list((home / "ws/data/reports").glob("*/figures/*.png"))) > 0
    assert not (home / "mlartifacts").exists()


def test_a_record_that_mlflow_could_not_keep_is_made_by_the_next_run(home: Path, settings: dict[str, str]) -> None:
    gone = {"MLFLOW_S3_ENDPOINT_URL": "http://someone:hunter2@127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    failed = objectmate(*RUN, cwd=home, **settings, **gone)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr, failed.stdout + failed.stderr
    assert "the stages are done, but MLflow could not record them" in failed.stderr and "hunter2" not in failed.stderr
    again = objectmate(*RUN, cwd=home, **settings)
    assert again.returncode == 0 and (home / "ws/data/report/recorded").exists()


def test_wrong_keys_end_a_run_in_one_sentence(home: Path, settings: dict[str, str]) -> None:
    refused = objectmate(*RUN, cwd=home, **settings | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "refuses the credentials (SignatureDoesNotMatch): renew AWS_ACCESS_KEY_ID" in refused.stderr


def test_kubeflows_takedown_pipeline_makes_the_dataset_again_and_purges_earlier_outputs(
    home: Path, client: Any, store_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp import local

    client.create_bucket(Bucket="runs")
    client.put_bucket_versioning(Bucket="runs", VersioningConfiguration={"Status": "Enabled"})
    put_run(client, home / "ws/data")
    monkeypatch.chdir(home)
    gone = Dataset("ws/data/tuples").rows()[0]["sources"][0]
    about = blobs_about(Path("ws/data"), gone)
    plan, denied = make_plan(Path("ws"), [gone])
    write_denied(tmp_path / "denied.parquet", denied)
    client.upload_file(str(tmp_path / "denied.parquet"), "runs", "denied.parquet")
    settings = [word for word in (*SETTINGS, *FEW) if word != "--set"]
    asked = [*settings, "ingest.denied=s3://runs/denied.parquet"]
    request = Request("takedown", SOURCES[1], SOURCES[3], overrides=asked)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "local"))
    build("takedown", shares=False)(**run_parameters(request, [], [ADDRESS]))
    [receipt] = [json.loads(path.read_text()) for path in (tmp_path / "local").rglob("receipt.json")]
    assert receipt["photographs"] == [gone] and set(receipt["copies"]) == set(plan.copies)
    assert {"conservation", "leakage", "retrieval-precision"} <= receipt["gates"].keys()
    assert receipt["deleted"][f"objects of {ADDRESS}"] > 20
    [remade] = [path.parent for path in (tmp_path / "local").rglob("tuples/manifest.json")]
    assert len(Dataset(remade)) and all(gone not in row["sources"] for row in Dataset(remade).rows())
    left = versions(client, "runs")
    assert left and not any(part in body for part in about for body in left)


def test_a_takedown_reaches_every_version_in_the_buckets(
    home: Path, client: Any, settings: dict[str, str], store_settings: dict[str, str]
) -> None:
    data = home / "ws" / "data"
    gone = Dataset(data / "tuples").rows()[0]["sources"][0]
    about = blobs_about(data, gone)
    before = versions(client)
    assert all(any(part in body for body in before) for part in about)
    applied = objectmate("takedown", "apply", gone, "--workspace", "ws", "--yes", cwd=home, **settings)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    kept = [path.read_bytes() for folder in ("ws", "runs") for path in (home / folder).rglob("*") if path.is_file()]
    assert not any(part in body for part in about for body in [*versions(client), *kept])
    (name,) = [path.name for path in (home / "takedowns").iterdir()]
    receipt = json.loads((home / "takedowns" / name / "receipt.json").read_text())
    assert {"leakage", "retrieval-precision"} <= receipt["gates"].keys() and not receipt["stopped"]
    assert receipt["deleted"]["DVC remote store"] > 10 and receipt["deleted"]["objects of MLflow in buckets"] > 2
    verified = objectmate("takedown", "verify", name, cwd=home, **settings)
    assert verified.returncode == 0 and "Nothing is left in" in verified.stdout, verified.stdout + verified.stderr
    assert all(gone not in row["sources"] for row in Dataset(data / "tuples").rows())
    refused = [row["reason"] for row in Dataset(data / "quarantine").rows()]
    assert refused and set(refused) == {"taken-down"}  # the photograph, and near-duplicates of it


def blobs_about(data: Path, image_id: str) -> list[bytes]:
    """The middle of the photograph's file and of its objects' crops, and its objects' vectors."""
    images, objects = Dataset(data / "images"), Dataset(data / "objects")
    pictures = [images.blob(row, "image") for row in images.rows() if row["image_id"] == image_id]
    rows = [(at, row) for at, row in enumerate(objects.rows()) if row["image_id"] == image_id]
    pictures += [objects.blob(row, "crop") for _, row in rows]
    vectors = [Dataset(data / "embeddings").vector(at).tobytes() for at, _ in rows]
    return [picture[len(picture) // 2 :][:100] for picture in pictures] + vectors


def versions(client: Any, bucket: str = "versions") -> list[bytes]:
    """The content of every version of every object of a bucket, by default DVC's remote."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    listed = [(item["Key"], item["VersionId"]) for page in pages for item in page.get("Versions", ())]
    get = client.get_object
    with ThreadPoolExecutor(8) as pool:
        got = pool.map(lambda each: get(Bucket=bucket, Key=each[0], VersionId=each[1])["Body"].read(), listed)
        return list(got)
