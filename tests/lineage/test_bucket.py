"""Lineage of a run in a bucket answers as that of the run on disk, and fetches only what it needs."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from components.common.data.reading import Dataset
from components.common.errors import StageFailed, UserError
from components.lineage import ask, keys
from pipelines.engines.local import task_name
from pipelines.lineage.bucket import data_of
from pipelines.steps import STEPS
from tests.lineage.lineage_data import write_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_run(tmp_path / "run" / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run" / "data"


def upload(bucket: Any, run: Path, places: dict[str, str]) -> None:
    """places: dataset -> its folder in the bucket."""
    for name, place in places.items():
        for path in (path for path in (run / name).rglob("*") if path.is_file()):
            bucket.upload_file(str(path), "runs", f"{place}/{path.relative_to(run / name)}")


def as_workspace(run: Path) -> dict[str, str]:
    return {path.parent.name: f"a/data/{path.parent.name}" for path in run.glob("*/manifest.json")}


def as_kubeflow(run: Path) -> dict[str, str]:
    named = {name: (task_name(step.name), role) for step in STEPS.values() for role, name in step.outputs.items()}
    return {name: "a/objectmate-full/run-1/{}/7f3a/{}".format(*named[name]) for name in as_workspace(run)}


@pytest.mark.parametrize("layout", [as_workspace, as_kubeflow])
def test_answers_are_those_of_the_run_on_disk(run, bucket, layout, monkeypatch):
    upload(bucket, run, layout(run))
    monkeypatch.setattr(keys, "WORTH_KEEPING", 30)
    tuple_id = Dataset(run / "tuples").rows(["tuple_id"])[0]["tuple_id"]
    data = data_of("s3://runs/a")
    assert ask.sources(data, tuple_id) == ask.sources(run, tuple_id)
    assert not list(data.rglob("*.tar")) and any((data / keys.FOLDER).glob("objects-object_id-*"))
    image = first_picture(run)
    Path("copy.png").write_bytes(image)
    assert ask.view(data_of("s3://runs/a", picture=True), "copy.png") == ask.view(run, "copy.png")


def first_picture(run: Path) -> bytes:
    images = Dataset(run / "images")
    return images.blob(images.rows()[0], "image")


def test_what_is_kept_follows_the_bucket_and_a_damaged_table_is_refused(run, bucket):
    upload(bucket, run, as_workspace(run))
    before = data_of("s3://runs/a")
    shutil.rmtree(run)
    write_run(run, seed=1)
    upload(bucket, run, as_workspace(run))
    assert data_of("s3://runs/a") == before and Dataset(before / "tuples").rows() == Dataset(run / "tuples").rows()
    table = Dataset(run / "sets").files(".parquet")[0]
    bucket.put_object(Bucket="runs", Key=f"a/data/sets/{table.name}", Body=b"?" + table.read_bytes()[1:])
    (before / "sets" / table.name).unlink()
    with pytest.raises(StageFailed, match=r"sets/part-00000\.parquet is not what its manifest says"):
        data_of("s3://runs/a")
    with pytest.raises(UserError, match="s3://runs/b holds no dataset"):
        data_of("s3://runs/b")
