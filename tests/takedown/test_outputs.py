"""A takedown in a bucket with versions: every version made from a photograph by a Kubeflow run goes, models stay."""

from pathlib import Path
from typing import Any

import pytest
from bucket_data import ADDRESS, put_run

from components.common.data.reading import Dataset
from components.common.errors import UserError
from pipelines.lineage.bucket import data_of
from pipelines.takedown.outputs import _maker, purge_fetched, purge_outputs, search_outputs
from pipelines.takedown.plan import Plan, make_plan
from pipelines.takedown.verify import verify
from tests.lineage.lineage_data import write_run


@pytest.fixture
def home(tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run here, and in the bucket the same run by Kubeflow, uploaded twice, so that each object has two versions."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "data", photographs=8)
    put_run(bucket, tmp_path / "data", times=2)
    return tmp_path


def planned(number: int = 3) -> Plan:
    image_id = Dataset("data/images").rows(["image_id"])[number]["image_id"]
    return make_plan(Path(), [image_id], [ADDRESS])[0]


def kept(bucket: Any) -> set[str]:
    listed = bucket.list_object_versions(Bucket="runs")
    return {item["Key"].split("/")[3] for kind in ("Versions", "DeleteMarkers") for item in listed.get(kind, ())}


def test_every_version_goes_and_nothing_is_found_after(home: Path, bucket: Any) -> None:
    bucket.delete_object(Bucket="runs", Key="objectmate/full/run-1/ingest/7f3a/images/manifest.json")
    bucket.upload_file("data/images/manifest.json", "runs", "objectmate/full/run-1/ingest/7f3a/images/manifest.json")
    plan = planned()
    assert [trace for trace in search_outputs(ADDRESS, plan.traces) if trace]
    assert purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces) > 40
    assert not [trace for trace in search_outputs(ADDRESS, plan.traces) if trace]
    assert kept(bucket) == {"train-insertion"}
    assert plan.models[-1] == planned().models[-1] == f"{ADDRESS}/full/run-1/train-insertion/7f3a/model"
    assert purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces) == 0  # and so it is resumed


def test_a_dataset_that_was_deleted_before_goes_with_its_older_versions(home: Path, bucket: Any) -> None:
    for item in bucket.list_objects_v2(Bucket="runs")["Contents"]:
        if item["Key"].endswith("manifest.json"):
            bucket.delete_object(Bucket="runs", Key=item["Key"])
    plan = planned()
    assert purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces) > 40
    assert not any(search_outputs(ADDRESS, plan.traces)) and kept(bucket) == {"train-insertion"}


def test_an_object_of_no_dataset_goes_if_it_holds_a_trace(home: Path, bucket: Any) -> None:
    table = Path("data/images/part-00000.parquet").read_bytes()
    for name, content in (("copied.parquet", table), ("notes.txt", b"nothing of interest")):
        bucket.put_object(Bucket="runs", Key=f"objectmate/full/elsewhere/{name}", Body=content)
    plan = planned()
    assert any(search_outputs(ADDRESS, plan.traces))
    purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces)
    assert not any(search_outputs(ADDRESS, plan.traces)) and kept(bucket) == {"train-insertion", "notes.txt"}


def test_a_pipelines_name_is_not_taken_for_a_task() -> None:
    assert _maker("evaluation/run-1/ingest/7f3a/images") == "ingest"
    assert _maker("full/run-1/train-insertion/7f3a/model/unet/x.safetensors") == "train_insertion"
    assert _maker("copy/data/model_insertion") == "train_insertion" and _maker("copy/notes") == ""


def test_a_copy_of_a_workspace_keeps_its_models(tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "data", photographs=4)
    for path in (path for path in Path("data").rglob("*") if path.is_file()):
        bucket.upload_file(str(path), "runs", f"objectmate/{path}")
    bucket.put_object(Bucket="runs", Key="objectmate/data/reports/ingest/figures/sheet.png", Body=b"a contact sheet")
    plan = planned(0)
    purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces)
    left = {item["Key"].split("/")[2] for item in bucket.list_object_versions(Bucket="runs")["Versions"]}
    assert left == {"model_insertion"}


def test_a_run_without_the_photograph_is_left_as_it_is(home: Path, bucket: Any) -> None:
    before = bucket.list_object_versions(Bucket="runs")["Versions"]
    write_run(home / "data", seed=9)
    assert planned().outputs == {ADDRESS: []}
    assert bucket.list_object_versions(Bucket="runs")["Versions"] == before


def test_an_address_that_is_no_bucket_is_refused(home: Path) -> None:
    image_id = Dataset("data/images").rows(["image_id"])[0]["image_id"]
    with pytest.raises(UserError, match="elsewhere is not in a bucket"):
        make_plan(Path(), [image_id], ["elsewhere"])


def test_tables_that_lineage_fetched_go_whatever_their_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.takedown.verify._stores", lambda *_: ([], 0))  # there is no DVC here
    held = data_of(f"{ADDRESS}/")
    plan, _ = make_plan(Path(), [Dataset("data/images").rows(["image_id"])[3]["image_id"]])
    assert any(trace.place.startswith(str(held)) for trace in verify(plan)[0])
    assert purge_fetched() > 10 and not held.exists()
    assert not any(trace.place.startswith(str(held)) for trace in verify(plan)[0])


def test_lineage_forgets_what_the_bucket_no_longer_holds(home: Path) -> None:
    plan = planned()
    assert (data_of(ADDRESS) / "tuples").is_dir()
    purge_outputs(ADDRESS, plan.outputs[ADDRESS], plan.traces)
    assert [path.name for path in data_of(ADDRESS).glob("*")] == ["model_insertion"]
