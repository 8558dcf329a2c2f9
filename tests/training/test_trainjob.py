"""Training on two nodes: the TrainJob, and how it is followed, found again and fetched."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import trainer_server
import yaml
from kubernetes.config import incluster_config
from trainer_server import NAMESPACE, Job, State

from components.common.data.reading import Dataset
from components.common.errors import StageFailed, UserError
from components.common.stage.kubeflow import variable
from components.training import stage, trainer_api, trainjob
from components.training.launch import Handover
from components.training.params import Insertion, Params
from pipelines import kubeflow
from pipelines.cluster import settings as cluster_settings
from pipelines.ir.check import check_files

IMAGE = "registry.example/objectmate-training@sha256:" + "0" * 64
BASE = Path(__file__).parents[2] / "infra" / "kustomize" / "base"


def make_params(base: Path, **changes: Any) -> Params:
    values: dict[str, Any] = {
        "base_insertion": str(base), "images": 24, "batch": 4, "lr": 1e-3, "warmup": 0, "nodes": 2,
        "precision": "fp32", "checkpoint_every": 8, "validation_tuples": 8, "sampling_steps": 2, "device": "cpu",
    }  # fmt: skip
    return Insertion(**(values | changes))


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """The inside of a pod of the cluster: service account, API server, shared volume."""
    account, shared = tmp_path / "account", tmp_path / "shared"
    account.mkdir()
    shared.mkdir()
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
    monkeypatch.setattr(trainer_api, "POLL", 0.05)
    monkeypatch.setattr(trainer_api, "LONG_WAITS", (0.0,) * 3)
    monkeypatch.setenv(trainjob.SHARED, str(shared))
    monkeypatch.setenv(variable("training"), IMAGE)
    with trainer_server.serve(account) as (port, state):
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
        yield state


def condition(kind: str, reason: str, message: str, status: str = "True") -> Job:
    times = {"lastTransitionTime": "2026-11-24T03:00:00Z"}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


def child(**counts: int) -> Job:
    """A status that has no condition yet, only counts of the child job."""
    none = {"name": "node", "ready": 0, "succeeded": 0, "failed": 0, "active": 0, "suspended": 0}
    return {"conditions": [], "jobsStatus": [none | counts]}


QUEUED = child(suspended=1) | {"conditions": [condition("Suspended", "Suspended", "TrainJob is suspended")]}
COMPLETE = {"conditions": [condition("Complete", "AllJobsCompleted", "jobset completed successfully")]}
FAILED = {"conditions": [condition("Failed", "FailedJobs", "jobset failed due to one or more job failures")]}


def in_turn(*steps: Job | Callable[[Job], Job]) -> Callable[[Job], Job]:
    """A controller that writes these statuses one after the other and keeps the last one."""
    left = list(steps)

    def controller(job: Job) -> Job:
        step = left.pop(0) if len(left) > 1 else left[0]
        return step(job) if callable(step) else step

    return controller


def worked(folder: Path) -> Callable[[Job], Job]:
    """A job that completes at once: this process makes its model in the shared `folder`."""

    def status(job: Job) -> Job:
        handover = Handover(folder / job["metadata"]["name"])
        params, latents, model = handover.asked()
        stage.compute({"latents": latents}, {"model": model}, params.model_copy(update={"nodes": 1}), handover.keep)
        return COMPLETE

    return status


class TwoNodes:
    """Runs the job's command once per node, in the environment that Trainer's torch plugin gives it."""

    def __init__(self) -> None:
        self.nodes: list[subprocess.Popen[bytes]] = []

    def __call__(self, job: Job) -> Job:
        self.nodes = self.nodes or [self.start(job["spec"]["trainer"], rank) for rank in range(2)]
        codes = [node.poll() for node in self.nodes]
        return child(ready=1) if None in codes else COMPLETE if codes == [0, 0] else FAILED

    def start(self, trainer: Job, rank: int) -> "subprocess.Popen[bytes]":
        name, *arguments = trainer["command"]
        assert name == "torchrun" and trainer["numNodes"] == 2
        told = {"NNODES": 2, "NPROC_PER_NODE": trainer["numProcPerNode"], "NODE_RANK": rank}
        told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": self.port}
        environment = os.environ | {f"PET_{key}": str(value) for key, value in told.items()}
        return subprocess.Popen([sys.executable, "-m", "torch.distributed.run", *arguments], env=environment)

    @cached_property
    def port(self) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]


def test_nodes_train_and_the_step_fetches_their_model(
    cluster: State, base: Path, latents: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    params, shared = make_params(base), tmp_path / "shared"
    cluster.controller = in_turn(QUEUED, child(active=1), child(active=1), TwoNodes())
    report = stage.run({"latents": latents}, {"model": tmp_path / "m"}, params)
    assert {"reference_gap", "loss"} <= report.metrics.keys() and report.plots["loss"][-1]["images"] == 24
    model = Dataset(tmp_path / "m")
    assert model.manifest.params["processes"] == 2
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("training: TrainJob")]
    assert [line.split(": ")[2].split(",")[0] for line in said] == [
        "suspended", "starting", "running", "Complete (AllJobsCompleted"
    ]  # fmt: skip
    assert cluster.jobs == {} and not list(shared.glob("*/latents*"))
    cluster.requests.clear()
    again = stage.run({"latents": latents}, {"model": tmp_path / "again"}, params)
    assert "POST" not in cluster.requests and Dataset(tmp_path / "again").digest == model.digest
    assert again.metrics == report.metrics


def test_the_jobs_runtime_queue_and_volume_exist(tmp_path: Path, base: Path) -> None:
    manifests = [
        doc for path in BASE.glob("*.yaml") for doc in yaml.safe_load_all(path.read_text()) if "metadata" in doc
    ]
    by_name = {(doc["kind"], doc["metadata"]["name"]): doc for doc in manifests}
    assert ("LocalQueue", trainjob.QUEUE) in by_name
    runtime = by_name["ClusterTrainingRuntime", trainjob.RUNTIME]
    (node,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["shared"] == cluster_settings.SHARED
    (claim,) = [v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if v["name"] == "shared"]
    assert by_name["PersistentVolumeClaim", claim]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_a_compiled_training_mounts_the_shared_volume_if_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cluster_settings.SHARED_CLAIM, "shared")
    path = kubeflow.compile_pipeline("training", tmp_path)
    assert check_files([path], cluster=False) == []
    spec, platform = yaml.load_all(path.read_text(), yaml.CSafeLoader)
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for name in ("exec-train-generation", "exec-train-insertion"):
        pod = pods[name]
        container = spec["deploymentSpec"]["executors"][name]["container"]
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told[variable("training")] == container["image"]
        assert ("shared", told[trainjob.SHARED]) in [(each["constant"], each["mountPath"]) for each in pod["pvcMount"]]


def test_each_node_gets_what_its_processes_need(base: Path) -> None:
    params = make_params(base, device="cuda", processes=2, precision="bf16")
    trainer = trainjob.manifest("a", NAMESPACE, Path("/shared/a"), params)["spec"]["trainer"]
    bounds = {"cpu": 16, "memory": "64Gi", "nvidia.com/gpu": 2}
    assert trainer["resourcesPerNode"] == {"requests": bounds, "limits": bounds}
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 2)


def test_a_retried_step_follows_the_existing_job(cluster: State, base: Path, latents: Path, tmp_path: Path) -> None:
    def lose_rights(job: Job) -> Job:
        cluster.rights = set()
        return child(active=1)

    places = {"latents": latents}, {"model": tmp_path / "m"}
    cluster.controller = lose_rights
    with pytest.raises(UserError, match="may not get trainjobs"):
        stage.run(*places, make_params(base))
    cluster.rights = {"get", "delete"}  # so no other job could be created
    cluster.controller = in_turn(child(ready=1), child(ready=1), worked(tmp_path / "shared"))
    stage.run(*places, make_params(base))
    assert cluster.requests.count("POST") == 1 and cluster.jobs == {}


def test_a_failed_job_fails_the_step_with_its_message_and_the_next_try_makes_another_job(
    cluster: State, base: Path, latents: Path, tmp_path: Path
) -> None:
    places = {"latents": latents}, {"model": tmp_path / "m"}
    cluster.controller = in_turn(FAILED)
    with pytest.raises(StageFailed, match=r"ended without a model \(Failed \(FailedJobs: jobset failed due to one"):
        stage.run(*places, make_params(base))
    assert [job["status"] for job in cluster.jobs.values()] == [FAILED], "it stays, so that its pods' logs can be read"
    cluster.controller = in_turn(FAILED, worked(tmp_path / "shared"))
    stage.run(*places, make_params(base))
    assert cluster.requests.count("POST") == 2


def test_a_refusal_by_the_nodes_is_raised_by_the_step_and_forgotten_by_the_next_try(
    cluster: State, base: Path, latents: Path, tmp_path: Path
) -> None:
    def refused(job: Job) -> Job:
        Handover(tmp_path / "shared" / job["metadata"]["name"]).refuse("training: the loss is not finite: lower lr")
        return FAILED

    places = {"latents": latents}, {"model": tmp_path / "m"}
    cluster.controller = refused
    with pytest.raises(UserError, match="lower lr"):
        stage.run(*places, make_params(base))
    cluster.controller = in_turn(FAILED, worked(tmp_path / "shared"))
    stage.run(*places, make_params(base))


def test_the_step_does_not_wait_for_a_deleted_job(cluster: State, base: Path, latents: Path, tmp_path: Path) -> None:
    def deleted(job: Job) -> Job:
        cluster.jobs.clear()
        return child(ready=1)

    cluster.controller = deleted
    with pytest.raises(StageFailed, match="was deleted while it ran"):
        stage.run({"latents": latents}, {"model": tmp_path / "m"}, make_params(base))


def test_lost_answers_and_a_briefly_unavailable_server_change_nothing(
    cluster: State, base: Path, latents: Path, tmp_path: Path
) -> None:
    cluster.broken, cluster.lost = 2, 1
    cluster.controller = in_turn(worked(tmp_path / "shared"))
    stage.run({"latents": latents}, {"model": tmp_path / "m"}, make_params(base))
    assert cluster.requests.count("POST") == 2, "the second one finds the job of the first"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            {"rights": {"get", "delete"}},
            r"may not create trainjobs in the namespace objectmate \(.*forbidden.*\): grant",
        ),
        ({"rights": set()}, "may not get trainjobs"),
        ({"installed": False}, "install Kubeflow Trainer 2.x"),
    ],
)
def test_what_the_cluster_lacks_is_one_sentence(
    cluster: State, base: Path, latents: Path, tmp_path: Path, damage: dict[str, Any], message: str
) -> None:
    for key, value in damage.items():
        setattr(cluster, key, value)
    with pytest.raises(UserError, match=message):
        stage.run({"latents": latents}, {"model": tmp_path / "m"}, make_params(base))


def test_an_api_server_that_stays_unavailable_fails_the_step(
    cluster: State, base: Path, latents: Path, tmp_path: Path
) -> None:
    cluster.broken = 100
    with pytest.raises(StageFailed, match=r"does not serve TrainJobs .*unable to handle"):
        stage.run({"latents": latents}, {"model": tmp_path / "m"}, make_params(base))


def test_a_damaged_model_is_not_passed_on(cluster: State, base: Path, latents: Path, tmp_path: Path) -> None:
    def damaged(job: Job) -> Job:
        status = worked(tmp_path / "shared")(job)
        weights = next((tmp_path / "shared").glob("*/model/pipeline/unet/*.safetensors"))
        weights.write_bytes(weights.read_bytes()[:-1] + b"!")
        return status

    cluster.controller = in_turn(damaged)
    with pytest.raises(StageFailed, match=r"unet/.*\.safetensors: expected .*the dataset was damaged"):
        stage.run({"latents": latents}, {"model": tmp_path / "m"}, make_params(base))


def test_outside_a_cluster_and_without_a_volume_the_fix_is_named(
    cluster: State, base: Path, latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"latents": latents}, {"model": tmp_path / "m"}
    shutil.rmtree(tmp_path / "shared")
    with pytest.raises(UserError, match="set OBJECTMATE_SHARED_CLAIM"):
        stage.run(*places, make_params(base))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(UserError, match="set nodes to 1, or submit"):
        stage.run(*places, make_params(base))
