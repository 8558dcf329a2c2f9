"""A takedown on a cluster: its tasks, as Kubeflow's local runner starts them, on a bucket with versions behind HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bucket_data import ADDRESS, put_run

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import StageFailed, UserError
from components.common.stage.params import StageParams
from components.common.vision.images import decode
from components.common.vision.looks import look_of
from components.ingest.denied import Denied, write_denied
from pipelines.cluster.submit import run_parameters
from pipelines.cluster.takedown_components import purge_outputs, write_receipt
from pipelines.engines.request import Request
from pipelines.takedown.on_cluster import conclude, purge
from tests.lineage.lineage_data import write_run

DENIED = f"{ADDRESS}/denied.parquet"
INGEST = json.dumps({"denied": DENIED})
GATES = ("gate_intake", "gate_vectors", "gate_recurrence", "gate_tuples")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 behind HTTP, which other processes reach too, with the versioned bucket `runs`."""
    import boto3
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="runs")
    client.put_bucket_versioning(Bucket="runs", VersioningConfiguration={"Status": "Enabled"})
    yield client
    running.stop()


def write_results(folder: Path, refused: list[str]) -> None:
    """What the pipeline's other tasks leave for those of the takedown: the quarantine, and a verdict of each gate."""
    rows = [{"uri": name, "stage": "ingest", "reason": "taken-down", "detail": "by its look"} for name in refused]
    _write(folder / "quarantine", "quarantine", rows)
    verdict = {"verdict": "pass", "blocking": True, "observed": 1.0, "limit": 0.5, "reason": "r", "next_step": ""}
    for gate in GATES:
        _write(folder / gate, "verdicts", [{"gate": gate.removeprefix("gate_"), **verdict}])


def _write(folder: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    with Writer(folder, kind, "test", {}, StageParams()) as out:
        out.write(0, rows)


@pytest.fixture
def home(tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs in the bucket, the earlier one with the photograph that is denied; and the results of the new run."""
    monkeypatch.chdir(tmp_path)
    for run, seed in (("run-1", 0), ("run-2", 9)):
        write_run(tmp_path / run, photographs=6, seed=seed)
        put_run(server, tmp_path / run, run)
    images = Dataset(tmp_path / "run-1/images")
    row = images.rows()[2]
    look = look_of(decode(images.blob(row, "image")))
    write_denied(tmp_path / "denied.parquet", [Denied(row["image_id"], "t1", look), Denied("f" * 64, "t1", None)])
    server.upload_file("denied.parquet", "runs", "objectmate/denied.parquet")
    write_results(tmp_path / "results", [row["uri"], "some/3.png"])
    return tmp_path


def kept(client: Any) -> dict[str, set[str]]:
    """Run -> tasks of which a version of anything is left; and the deny list."""
    left: dict[str, set[str]] = {}
    for item in client.list_object_versions(Bucket="runs")["Versions"]:
        *_, run, task = item["Key"].split("/")[:4]
        left.setdefault(run, set()).add(task)
    return left


def test_earlier_outputs_go_and_the_receipt_is_written(home: Path, server: Any) -> None:
    from kfp import dsl, local

    @dsl.pipeline
    def takedown(outputs: list) -> None:
        place = str(home / "results")
        made = {
            name: dsl.importer(artifact_uri=f"{place}/{name}", artifact_class=dsl.Dataset).output
            for name in ("quarantine", *GATES)
        }
        purging = purge_outputs(ingest=INGEST, outputs=outputs, quarantine=made.pop("quarantine"))
        write_receipt(outputs=outputs, purged=purging.outputs["purged"], **made)

    before = kept(server)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(home / "local"))
    takedown(outputs=[ADDRESS])
    after = kept(server)
    assert after["run-1"] == {"train-insertion"} and after["run-2"] == before["run-2"]
    assert server.get_object(Bucket="runs", Key="objectmate/denied.parquet")
    [written] = (home / "local").rglob("receipt.json")
    receipt = json.loads(written.read_text())
    denied, unknown = receipt["photographs"]
    assert receipt["by_bytes"] == [unknown] == ["f" * 64]
    assert denied == Dataset("run-1/images").rows()[2]["image_id"] and receipt["copies"] == {}
    assert receipt["takedown"] == "t1" and receipt["gates"] == dict.fromkeys(gates(), "pass")
    assert receipt["deleted"][f"objects of {ADDRESS}"] > 20
    assert receipt["models"] == [f"{ADDRESS}/full/run-1/train-insertion/7f3a/model"]
    assert denied in written.with_name("receipt.md").read_text()


def gates() -> list[str]:
    return [gate.removeprefix("gate_") for gate in GATES]


def test_no_receipt_is_written_while_something_is_left(home: Path, server: Any) -> None:
    purge(INGEST, [ADDRESS], home / "results/quarantine", home / "purged")
    server.upload_file(str(home / "run-1/images/part-00000.parquet"), "runs", "objectmate/full/late.parquet")
    with pytest.raises(StageFailed, match=r"1 traces are left in \d+ objects"):
        conclude([ADDRESS], home / "purged", [], home / "receipt")
    assert not (home / "receipt").exists()
    before = digest_file(home / "purged")
    purge(INGEST, [ADDRESS], home / "results/quarantine", home / "purged")
    assert digest_file(home / "purged") != before  # it has deleted one object more
    conclude([ADDRESS], home / "purged", [home / "results/gate_intake"], home / "receipt")
    assert json.loads((home / "receipt/receipt.json").read_text())["gates"] == {"intake": "pass"}


def test_a_takedown_needs_a_deny_list_in_a_bucket(home: Path) -> None:
    for place in ("", "denied.parquet"):
        with pytest.raises(UserError, match=r"--set ingest.denied=s3://BUCKET/denied.parquet"):
            purge(json.dumps({"denied": place}), [ADDRESS], home / "results/quarantine", home / "purged")


def test_what_is_submitted_names_the_list_and_the_outputs() -> None:
    def request(pipeline: str, *overrides: str) -> Request:
        return Request(pipeline, "s3://b/photographs", "s3://b/labels.csv", overrides=overrides)

    listed = f"ingest.denied={DENIED}"
    parameters = run_parameters(request("takedown", listed), [], [ADDRESS])
    assert parameters["outputs"] == [ADDRESS] and json.loads(parameters["ingest"])["denied"] == DENIED
    for pipeline, overrides, outputs, words in (
        ("takedown", [listed], [], "a takedown needs the deny list and the addresses to purge"),
        ("takedown", [], [ADDRESS], "a takedown needs the deny list"),
        ("takedown", [listed], ["outputs"], "--outputs outputs is not in a bucket"),
        ("dataset", [listed], [ADDRESS], "only the pipeline takedown purges"),
    ):
        with pytest.raises(UserError, match=words):
            run_parameters(request(pipeline, *overrides), [], outputs)
